//! What happened in a run, as witnessed where it happened: at the commit, at the wire, at the venue's door.
//!
//! Nothing in here is what the agent believes; it is what it did.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{Instrument, Money, OrderState, OrderTerms, Quantity, Side};
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
    /// A halt was lifted.
    Release {
        /// Its id.
        id: String,
    },
    /// A day was closed in the books.
    Close {
        /// Which.
        day: DayKey,
    },
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
    /// After this it is void.
    pub expires_at: DateTime<Utc>,
    /// The cash that the exchange held for us at that moment, had nobody else used the account.
    pub cash: Money,
}

/// An intent, followed through the facts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Followed {
    pub(super) terms: OrderTerms,
    pub(super) state: OrderState,
    pub(super) filled: Quantity,
}

/// Where every intent is, by the facts so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Follower(BTreeMap<String, Followed>);

impl Follower {
    pub(super) fn get(&self, intent: &str) -> Option<&Followed> {
        self.0.get(intent)
    }

    /// Follows one fact more.
    pub(super) fn take(&mut self, what: &What) {
        match what {
            What::Approval(Approval { intent, terms, .. }) => {
                let new =
                    Followed { terms: terms.clone(), state: OrderState::Approved, filled: Quantity::ZERO };
                self.0.insert(intent.clone(), new);
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
            | What::Close { .. } => {}
        }
    }

    fn set(&mut self, intent: &str, state: OrderState, filled: Option<Quantity>) {
        if let Some(followed) = self.0.get_mut(intent) {
            followed.state = state;
            followed.filled = filled.unwrap_or(followed.filled);
        }
    }

    /// Intents of a stock whose fate is open and that a new order on `side` must wait for (invariant 6).
    pub(super) fn blocking<'a>(
        &'a self,
        instrument: &'a Instrument,
        side: Side,
        besides: &'a str,
    ) -> impl Iterator<Item = &'a str> {
        self.0
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

    /// True while an order is being sent.
    pub(super) fn is_sending(&self) -> bool {
        self.0.values().any(|one| one.state == OrderState::Sending)
    }

    /// True while an approval waits for its permit.
    pub(super) fn is_approved(&self) -> bool {
        self.0.values().any(|one| one.state == OrderState::Approved)
    }
}
