//! What happened in a run, as witnessed where it happened: at the commit, at the wire, at the venue's door.
//!
//! Nothing in here is what the agent believes; it is what it did.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{Instrument, Money, OrderState, OrderTerms, Quantity, Side};
use rust_decimal::Decimal;
use trade_ledger::DayKey;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// Exchange time.
    pub at: DateTime<Utc>,
    /// What.
    pub what: What,
}

/// What happened. Intents and halts go by their ids.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A life began.
    Boot {
        /// Its fencing epoch.
        epoch: u64,
    },
    /// A life was killed at a step.
    Crash {
        /// Which.
        step: &'static str,
    },
    /// A life ended in order.
    Stop,
    /// Faults are over: from here on everything must settle.
    Quiet,
    /// Intent and approval were committed.
    Approval(Approval),
    /// An intent became `Sending`, on disk.
    Sending {
        /// The intent.
        intent: String,
        /// By the process of this epoch.
        epoch: u64,
    },
    /// An order left the client.
    Post {
        /// The intent it is for; none if it does not say.
        intent: Option<String>,
        /// What the books on disk said of the intent at that moment, read by another connection.
        on_disk: Option<OrderState>,
    },
    /// The books moved an intent.
    Update {
        /// The intent.
        intent: String,
        /// Its state now.
        state: OrderState,
        /// Shares filled by now.
        filled: Quantity,
    },
    /// A halt was committed.
    Halt {
        /// Its id.
        id: String,
    },
    /// A halt that lets exits through was committed.
    Reduce {
        /// Its id.
        id: String,
    },
    /// A halt stands in the books that the agent's status does not show, although it had enough time to see it.
    HaltUnheard {
        /// Its id.
        id: String,
    },
    /// A halt that stands cancels what is open.
    HaltCancels {
        /// Its id.
        id: String,
        /// Whether sales too: where exits go on, they are what is left.
        sales_too: bool,
    },
    /// A cancel left the client.
    Cancel {
        /// The intent whose order it is.
        intent: String,
    },
    /// An order works although a halt that cancels had time enough to ask for its end, and nobody has.
    NotCancelled {
        /// The halt.
        halt: String,
        /// The order's intent.
        intent: String,
    },
    /// An order of somebody else was booked.
    Foreign {
        /// Its number.
        order: String,
        /// Whether the books on disk held a full halt at that moment, read by another connection.
        is_halted: bool,
    },
    /// A file HALT was written, by a person or by the agent.
    HaltFile,
    /// The agent removed the file HALT.
    HaltFileGone,
    /// Whoever asked for a halt was answered.
    HaltAnswered(HaltAnswer),
    /// An actor failed although its process was alive.
    Failed {
        /// Which.
        actor: &'static str,
        /// What came of it.
        how: String,
    },
    /// An actor was made to panic.
    Struck {
        /// Which.
        actor: &'static str,
        /// In the middle of what.
        during: &'static str,
    },
    /// The clock of the agent's machine was set.
    ClockSet {
        /// How much later than the true time it shows from now on, in milliseconds.
        wrong_by_ms: i64,
    },
    /// A halt was lifted.
    Release {
        /// Its id.
        id: String,
    },
    /// A process that was overtaken changed the books, or was at least not refused for what it is.
    WrittenByOvertaken {
        /// Which write.
        step: &'static str,
        /// Its fencing epoch.
        epoch: u64,
    },
    /// A day was closed in the books.
    Close {
        /// Which.
        day: DayKey,
    },
}

/// What the answer to a halt promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaltAnswer {
    /// The halt.
    pub id: String,
    /// True when it survives a restart.
    pub is_durable: bool,
    /// True when Broker confirmed that nothing more leaves.
    pub is_confirmed: bool,
    /// The intents that it listed as open or unknown, the one on the wire among them.
    pub listed: Vec<String>,
}

/// A committed approval.
#[derive(Clone, Debug, PartialEq)]
pub struct Approval {
    /// The intent.
    pub intent: String,
    /// The approval.
    pub approval: String,
    /// What may be ordered.
    pub terms: OrderTerms,
    /// The market's day.
    pub day: DayKey,
    /// After this it is void, in true time.
    pub expires_at: DateTime<Utc>,
    /// The cash that the exchange held for us at that moment, had nobody else used the account.
    pub cash: Money,
    /// What else the exchange had of us.
    pub account: AccountTruth,
    /// True of a sale that nobody judged but RiskGuard's own rules: an exit, or a part of a flatten.
    pub is_own_sale: bool,
}

/// What the exchange itself knows of the account, at an approval.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountTruth {
    /// Shares of the stock held.
    pub held: Quantity,
    /// What our other purchases that have not ended may still cost at their limits, in the currency.
    pub reserved: Decimal,
    /// Fees of our latest purchases and sales, which the agent need not know of yet.
    pub fees_lately: Decimal,
}

/// An intent, followed through the facts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Followed {
    pub(super) terms: OrderTerms,
    pub(super) state: OrderState,
    pub(super) filled: Quantity,
    pub(super) day: DayKey,
    pub(super) expires_at: DateTime<Utc>,
}

/// Where every intent is, by the facts so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Follower {
    intents: BTreeMap<String, Followed>,
    /// Shares of each stock that were bought and not sold, by what was booked.
    own: BTreeMap<Instrument, Quantity>,
}

impl Follower {
    pub(super) fn get(&self, intent: &str) -> Option<&Followed> {
        self.intents.get(intent)
    }

    /// Follows one fact more.
    pub(super) fn take(&mut self, what: &What) {
        match what {
            What::Approval(Approval { intent, terms, day, expires_at, .. }) => {
                let new = Followed {
                    terms: terms.clone(),
                    state: OrderState::Approved,
                    filled: Quantity::ZERO,
                    day: *day,
                    expires_at: *expires_at,
                };
                self.intents.insert(intent.clone(), new);
            }
            What::Sending { intent, .. } => self.set(intent, OrderState::Sending, None),
            What::Update { intent, state, filled } => self.set(intent, *state, Some(*filled)),
            What::Boot { .. }
            | What::Crash { .. }
            | What::Stop
            | What::Quiet
            | What::Post { .. }
            | What::Halt { .. }
            | What::Release { .. }
            | What::Close { .. }
            | What::Reduce { .. }
            | What::HaltFile
            | What::Foreign { .. }
            | What::HaltFileGone
            | What::HaltAnswered(_)
            | What::Struck { .. }
            | What::ClockSet { .. }
            | What::WrittenByOvertaken { .. }
            | What::HaltUnheard { .. }
            | What::HaltCancels { .. }
            | What::Cancel { .. }
            | What::NotCancelled { .. }
            | What::Failed { .. } => {}
        }
    }

    fn set(&mut self, intent: &str, state: OrderState, filled: Option<Quantity>) {
        let Some(followed) = self.intents.get_mut(intent) else { return };
        followed.state = state;
        let Some(filled) = filled else { return };
        let new = filled.saturating_sub(followed.filled);
        followed.filled = filled;
        let own = self.own.entry(followed.terms.instrument.clone()).or_insert(Quantity::ZERO);
        *own = match followed.terms.side {
            Side::Buy => own.saturating_add(new),
            Side::Sell => own.saturating_sub(new),
        };
    }

    /// Intents of a stock whose fate is open and that a new order on `side` must wait for (invariant 6).
    pub(super) fn blocking<'a>(
        &'a self,
        instrument: &'a Instrument,
        side: Side,
        besides: &'a str,
    ) -> impl Iterator<Item = &'a str> {
        self.intents
            .iter()
            .filter(move |(id, other)| {
                let is_exempt = side == Side::Sell && other.terms.side == Side::Buy;
                *id != besides
                    && other.terms.instrument == *instrument
                    && other.state.is_unresolved()
                    && !is_exempt
            })
            .map(|(id, _)| id.as_str())
    }

    /// Shares of a stock that were bought and not sold, by what was booked. A sale of more than that sold what others hold, or
    /// what a purchase that is booked later has brought: so this is the most that can be ours.
    pub(super) fn own(&self, instrument: &Instrument) -> Quantity {
        self.own.get(instrument).copied().unwrap_or(Quantity::ZERO)
    }

    /// True while an order is being sent.
    pub(super) fn is_sending(&self) -> bool {
        self.sending().next().is_some()
    }

    /// Intents that are being sent.
    pub(super) fn sending(&self) -> impl Iterator<Item = &str> {
        let sending = self.intents.iter().filter(|(_, one)| one.state == OrderState::Sending);
        sending.map(|(id, _)| id.as_str())
    }

    /// Intents that have not ended, but for approvals that are void at `now`.
    pub(super) fn alive(&self, now: DateTime<Utc>) -> impl Iterator<Item = (&str, &Followed)> {
        let is_void = move |one: &Followed| one.state == OrderState::Approved && now >= one.expires_at;
        let alive = self.intents.iter().filter(move |(_, one)| one.state.is_open() && !is_void(one));
        alive.map(|(id, one)| (id.as_str(), one))
    }

    /// Intents of a day that have not ended.
    pub(super) fn open_of(&self, day: DayKey) -> impl Iterator<Item = (&str, &Followed)> {
        let open = self.intents.iter().filter(move |(_, one)| one.day == day && one.state.is_open());
        open.map(|(id, one)| (id.as_str(), one))
    }

    /// Approvals of a stock that wait for their permits.
    pub(super) fn waiting_on(&self, instrument: &Instrument) -> Vec<String> {
        let waits = |one: &Followed| one.state == OrderState::Approved && one.terms.instrument == *instrument;
        self.intents.iter().filter(|(_, one)| waits(one)).map(|(id, _)| id.clone()).collect()
    }

    /// True while an approval waits for its permit.
    pub(super) fn is_approved(&self) -> bool {
        self.intents.values().any(|one| one.state == OrderState::Approved)
    }
}
