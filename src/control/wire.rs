//! What travels over the control socket: one JSON line each way.

mod halted;
mod milder;
mod show;
mod won;

use chrono::{DateTime, Utc};
use domain::messages::control::{
    Durability, HaltRecord, LiveOrder, ResumeReport, TradingState, TradingStatus,
};
use domain::messages::evolution::{
    BlindWatch, CycleLine, LateCycle, ProposalDecision, ProposalNumber, ProposalRecord,
};
use domain::messages::judging::JudgeStanding;
use domain::messages::limits::LimitsChange;
use domain::messages::operator::{Answer, Question};
use domain::messages::symbols::{Resolution, SymbolHalt, SymbolReleased};
use domain::{Instrument, IntentId, Wait};
use serde::{Deserialize, Serialize};

pub use halted::Halted;
pub use milder::Milder;
pub use show::{describe, describe_openly, lifting};
pub use won::Worth;

use crate::budget::BudgetReport;

use super::approval::{AutoApproval, LimitsShown};
use super::standing::MarketStanding;
use super::stocks::DisputeEnded;
use super::storage::Storage;

/// What a person asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Stop trading.
    Halt {
        /// Why.
        reason: String,
        /// Who.
        by: String,
        /// True: also cancel the orders that work at the exchange. Left out where it is false, so that an agent of an older
        /// version, which does not know the word, takes a plain halt.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        cancel_open: bool,
    },
    /// Exits only.
    Reduce {
        /// Why.
        reason: String,
        /// Who.
        by: String,
        /// True: sell what this agent holds, then halt.
        #[serde(default)]
        flatten: bool,
        /// True: also cancel the purchases that work at the exchange.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        cancel_open: bool,
    },
    /// Go on.
    Resume {
        /// Which halt; none means the only one.
        halt: Option<String>,
        /// Who.
        by: String,
        /// Why.
        #[serde(default)]
        reason: String,
        /// True: exits only from now on.
        #[serde(default)]
        reducing: bool,
    },
    /// Make limits stricter; without any value, show them.
    Limits {
        /// Why.
        #[serde(default)]
        reason: String,
        /// Who.
        by: String,
        /// The new values.
        #[serde(default)]
        change: LimitsChange,
    },
    /// From the next start on, what was made stricter does not hold.
    WithdrawLimits {
        /// Why.
        reason: String,
        /// Who.
        by: String,
    },
    /// Lift the halts of one stock.
    Release {
        /// The stock.
        instrument: Instrument,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// Say which order, if any, belongs to an intent in dispute.
    Resolve {
        /// The intent.
        intent: IntentId,
        /// What is so.
        resolution: Resolution,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// Show.
    Status,
    /// Read the books.
    Ask(Question),
    /// Show what the language model may still be asked today.
    Budget,
    /// Decide on a proposal.
    Decide {
        /// Which.
        number: ProposalNumber,
        /// What.
        decision: ProposalDecision,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// Break an actor on purpose. Exists in test builds only.
    #[cfg(feature = "faults")]
    Fault {
        /// The actor's name.
        actor: String,
        /// How.
        kind: FaultKind,
    },
}

impl Request {
    /// True for what may change how the agent stands; false for questions.
    pub fn is_command(&self) -> bool {
        match self {
            Self::Halt { .. }
            | Self::Reduce { .. }
            | Self::Resume { .. }
            | Self::Limits { .. }
            | Self::WithdrawLimits { .. }
            | Self::Release { .. }
            | Self::Resolve { .. }
            | Self::Decide { .. } => true,
            Self::Status | Self::Ask(_) | Self::Budget => false,
            #[cfg(feature = "faults")]
            Self::Fault { .. } => true,
        }
    }
}

/// How an actor is broken on purpose.
#[cfg(feature = "faults")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// It panics.
    Panic,
    /// It waits for something that never comes.
    Hang,
    /// It blocks its thread.
    Block,
}

/// What the agent answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Reply {
    /// A halt stands.
    Halted(Halted),
    /// Halts are lifted.
    Resumed(Resumed),
    /// The halts of a stock are lifted.
    Released(SymbolReleased),
    /// A dispute is ended.
    DisputeEnded(DisputeEnded),
    /// How it is.
    Status(Box<Status>),
    /// What the books say.
    Told(Told),
    /// This process cannot read the books; whoever asks may, without it.
    ReadAlone {
        /// Why it cannot.
        why: String,
    },
    /// The limits in force.
    Limits(LimitsShown),
    /// What the language model may still be asked today.
    Budget(BudgetReport),
    /// A proposal as it stands now.
    Decided(Box<ProposalRecord>),
    /// It was done; nothing to tell.
    Done,
    /// It was not done, and why.
    Error {
        /// What went wrong and what to do.
        message: String,
    },
}

impl Reply {
    /// True when what was asked for was carried out. A halt counts only when it is on disk, the Broker has confirmed it and
    /// nothing that was asked for with it is left out.
    pub fn is_done(&self) -> bool {
        match self {
            Reply::Halted(halted) => {
                let is_kept = halted.durability != Durability::NotDurable && halted.not_kept.is_none();
                halted.broker_confirmed && is_kept
            }
            Reply::Resumed(_)
            | Reply::Released(_)
            | Reply::DisputeEnded(_)
            | Reply::Status(_)
            | Reply::Told(_)
            | Reply::Limits(_)
            | Reply::Budget(_)
            | Reply::Decided(_)
            | Reply::Done => true,
            Reply::Error { .. } | Reply::ReadAlone { .. } => false,
        }
    }
}

/// What the books say, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The time of whoever answered.
    pub at: DateTime<Utc>,
    /// The answer.
    pub books: Answer,
    /// What could not be asked, so that a part of the answer is missing.
    pub missing: Option<String>,
}

/// An order that is not finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The intent's id.
    pub intent: String,
    /// What was ordered, in words.
    pub terms: String,
    /// Where it is.
    pub state: String,
}

/// Lifted halts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    /// The halts that were lifted.
    pub lifted: Vec<HaltRecord>,
    /// True when orders may leave now.
    pub trading: bool,
    /// How it stands now.
    pub state: TradingState,
}

/// The agent at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// Where orders go.
    pub venue: String,
    /// Exchange time now.
    pub time: String,
    /// Active, reducing, halted or starting; none when RiskGuard did not answer.
    pub trading: Option<TradingState>,
    /// Halts that stand.
    pub halts: Vec<HaltRecord>,
    /// Single stocks that take no new orders.
    #[serde(default)]
    pub symbol_halts: Vec<SymbolHalt>,
    /// Why entries are refused although nothing is halted.
    pub entry_blocks: Vec<String>,
    /// Stocks that are not bought for a while, why and until when.
    #[serde(default)]
    pub waits: Vec<WaitingStock>,
    /// Where each market stands.
    #[serde(default)]
    pub markets: Vec<MarketStanding>,
    /// Orders that are not finished.
    pub live_orders: Vec<Order>,
    /// Profit or loss of the day in percent, per currency; none while unknown.
    pub day_pnl_pct: Vec<(String, Option<String>)>,
    /// The account in won; none while unknown, and where only won are traded.
    #[serde(default)]
    pub account_in_won: Option<Worth>,
    /// Who judges the next slot; none when the Brain did not answer.
    #[serde(default)]
    pub judge: Option<Box<JudgeStanding>>,
    /// Where the evolution of each market stands.
    #[serde(default)]
    pub evolution: Vec<CycleLine>,
    /// Sessions that it should have learnt from by now.
    #[serde(default)]
    pub late_cycles: Vec<LateCycle>,
    /// Proposals whose newest sessions could not be judged.
    #[serde(default)]
    pub blind_watches: Vec<BlindWatch>,
    /// What of its proposals is approved without a person; none: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_approval: Option<AutoApproval>,
    /// The room that the books take and have; none where they are in memory, or the disk could not be looked at.
    #[serde(default)]
    pub storage: Option<Storage>,
    /// Lines of the agent's log that reached nobody.
    #[serde(default)]
    pub log_lines_lost: u64,
    /// The actors.
    pub actors: Vec<ActorHealth>,
}

/// A stock that is not bought for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingStock {
    /// The stock.
    pub instrument: Instrument,
    /// Why and until when.
    #[serde(flatten)]
    pub wait: Wait,
}

/// One actor at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorHealth {
    /// Its name.
    pub actor: String,
    /// Its state.
    pub state: String,
    /// How often it was restarted.
    pub restarts: u64,
    /// Messages that wait.
    pub waiting: u64,
    /// Messages handled.
    pub handled: u64,
    /// Its last error, if any.
    pub last_error: Option<String>,
}

impl From<LiveOrder> for Order {
    fn from(order: LiveOrder) -> Self {
        Self {
            intent: order.intent.to_string(),
            terms: order.terms.to_string(),
            state: order.state.to_string(),
        }
    }
}

impl From<ResumeReport> for Resumed {
    fn from(report: ResumeReport) -> Self {
        let ResumeReport { lifted, trading, state } = report;
        Self { lifted, trading, state }
    }
}

impl Status {
    /// Takes over what RiskGuard says.
    pub fn with_trading(self, trading: TradingStatus) -> Self {
        let pnl = |(currency, pct): (domain::Currency, Option<rust_decimal::Decimal>)| {
            (currency.to_string(), pct.map(|pct| pct.round_dp(2).to_string()))
        };
        Self {
            trading: Some(trading.state),
            halts: trading.halts,
            symbol_halts: trading.symbol_halts,
            entry_blocks: trading.entry_blocks,
            waits: trading
                .waits
                .into_iter()
                .map(|(instrument, wait)| WaitingStock { instrument, wait })
                .collect(),
            markets: trading.sessions.into_iter().map(MarketStanding::from).collect(),
            live_orders: trading.live.into_iter().map(Order::from).collect(),
            day_pnl_pct: trading.day_pnl_pct.into_iter().map(pnl).collect(),
            account_in_won: trading.won.map(Worth::from),
            ..self
        }
    }
}
