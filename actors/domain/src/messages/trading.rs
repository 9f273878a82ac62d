//! From a candidate to a fill: plain facts and wishes, none of which can move money by itself.

mod numbers;

use std::sync::Arc;

use actix::Message;
use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;

use super::bars::DayBar;
use super::consultation::DecisionBasis;
use super::market_data::Quote;
use super::schedule::SlotKey;
use crate::{
    AccountSnapshot, Action, Confidence, Currency, Decision, DecisionId, Instrument, IntentId, OrderState,
    OrderTerms, Price, Quantity, SelectionContext, Side, StockRules,
};

pub use numbers::{Comparison, GateNumbers};

/// A stock worth judging.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The stock.
    pub instrument: Instrument,
    /// Its name; untrusted text.
    pub name: String,
    /// Last price seen.
    pub price: Price,
    /// Why it was chosen.
    pub selection: SelectionContext,
    /// Values of now by feature name (`strategy`'s vocabulary, `held` and `score`); absent ones are not in the list.
    pub features: Vec<(String, Decimal)>,
    /// The finished days before the session, oldest first; empty when they could not be had.
    pub past: Arc<Vec<DayBar>>,
    /// True when the account holds it: such a stock is always a candidate.
    pub held: bool,
    /// The quote that it was measured with, if one was asked for.
    pub quote: Option<Quote>,
}

/// Scanner -> Brain: the answer to one `ScanDue`; empty when nothing qualifies. A tell; newest wins.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct CandidatesFound {
    /// The scan.
    pub key: SlotKey,
    /// The candidates, best first, holdings included.
    pub candidates: Vec<Candidate>,
    /// After this the prices are too old to decide on.
    pub expires_at: DateTime<Utc>,
}

/// Brain -> RiskGuard: somebody would like to trade. No authority, no size: RiskGuard sizes it. A tell.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct Proposal {
    /// The judgement behind it.
    pub decision_id: DecisionId,
    /// The stock.
    pub instrument: Instrument,
    /// Buy or sell.
    pub side: Side,
    /// How sure.
    pub confidence: Confidence,
    /// Shares demanded: no more than RiskGuard allows, or it is refused. Absent: RiskGuard decides.
    pub quantity: Option<Quantity>,
    /// The price the judgement was made at.
    pub reference_price: Price,
    /// What the exchange accepts for this stock, as told with that price.
    pub rules: StockRules,
    /// Scanner's score, 0 to 100, for sizing; absent for an exit.
    pub score: Option<Decimal>,
    /// The most that the purchase may be, in percent of the equity, where a strategy says so; RiskGuard's own limits hold
    /// beyond it.
    pub most_pct: Option<Decimal>,
    /// The market's session date.
    pub session_date: NaiveDate,
    /// RiskGuard drops it after this.
    pub expires_at: DateTime<Utc>,
}

/// Brain, RiskGuard -> TradeLedger: one judgement, HOLD included. Asked, 5 s; a BUY or SELL is proposed only after the answer.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<super::ledger::Committed, super::ledger::LedgerError>")]
pub struct DecisionMade {
    /// The judgement.
    pub decision: Decision,
    /// What it rests on, when a language model was asked.
    pub basis: Option<DecisionBasis>,
    /// The version of the strategy in force, where one is from a proposal.
    pub strategy_version: Option<i64>,
}

impl From<Decision> for DecisionMade {
    /// A judgement that no language model was asked about.
    fn from(decision: Decision) -> Self {
        Self { decision, basis: None, strategy_version: None }
    }
}

/// Broker -> RiskGuard: an intent changed, as committed by the ledger. A tell that is never dropped.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct OrderUpdate {
    /// The intent.
    pub intent: IntentId,
    /// What was ordered.
    pub terms: OrderTerms,
    /// Where it is now.
    pub state: OrderState,
    /// Shares filled so far.
    pub filled: Quantity,
    /// When.
    pub at: DateTime<Utc>,
}

/// Broker -> RiskGuard: the account as the exchange sees it, after each reconciliation and each fill. A tell.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct AccountUpdated {
    /// The account in one currency.
    pub snapshot: AccountSnapshot,
}

/// Broker -> RiskGuard: recovery is complete for these currencies; the gate may open. A tell, never dropped.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct Reconciled {
    /// Every currency of the enabled markets, but for won while KIS settles its ledger: that one follows.
    pub currencies: Vec<Currency>,
    /// Intents whose fate is still unknown.
    pub unresolved: Vec<IntentId>,
    /// When.
    pub at: DateTime<Utc>,
}

/// RiskGuard -> Broker: does reconciliation hold? Asked, 3 s, by a RiskGuard that has just been (re)started and may
/// have missed the tell. None while Broker is still reconciling, or has to again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Option<Reconciled>")]
pub struct AskReconciled;

/// RiskGuard -> TradeLedger: why a proposal was not approved. A tell; shown by `why` and the demo.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct ProposalRefused {
    /// The judgement behind it.
    pub decision_id: DecisionId,
    /// The stock.
    pub instrument: Instrument,
    /// What it wanted.
    pub action: Action,
    /// A code of RiskGuard's closed list, e.g. `FatFinger`.
    pub reason: String,
    /// The reason in words, with the numbers.
    pub detail: String,
    /// The numbers of a gate that compares two.
    pub numbers: Option<GateNumbers>,
    /// When.
    pub at: DateTime<Utc>,
}

/// RiskGuard -> Broker: the price has fallen below the limit of this sale while its stock must be sold; it should be cancelled, so
/// that a new one can be priced. A tell.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct SaleLeftBehind {
    /// The sale.
    pub intent: IntentId,
}
