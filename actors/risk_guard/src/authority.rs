//! The types that carry RiskGuard's authority.
//!
//! Invariant: nothing outside this crate can build them, and nothing can copy them. This module has no children
//! but its tests, because a child could reach its private fields.

use std::collections::BTreeSet;

use actix::Message;
use chrono::{DateTime, NaiveDate, Utc};
use domain::messages::control::{HaltCancels, HaltLevel, HaltRecord, HaltSource, TradingState};
use domain::messages::ledger::{Committed, LedgerError};
use domain::messages::limits::{LimitsChange, LimitsRecord};
use domain::{
    ApprovalId, Confidence, DecisionId, EventId, FencingEpoch, HaltEpoch, HaltId, IntentId, OrderTerms,
};

/// The facts of one approval, shared by the request to commit it and the order it becomes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Approval {
    pub(crate) intent: IntentId,
    pub(crate) approval: ApprovalId,
    pub(crate) decision: DecisionId,
    pub(crate) terms: OrderTerms,
    pub(crate) confidence: Confidence,
    pub(crate) session_date: NaiveDate,
    pub(crate) approved_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) halt_epoch: HaltEpoch,
}

macro_rules! approval_facts {
    ($name:ident) => {
        impl $name {
            /// The intent that is approved.
            pub fn intent(&self) -> &IntentId {
                &self.0.intent
            }

            /// The approval itself.
            pub fn approval(&self) -> &ApprovalId {
                &self.0.approval
            }

            /// The judgement it came from.
            pub fn decision(&self) -> &DecisionId {
                &self.0.decision
            }

            /// What may be ordered, these terms only.
            pub fn terms(&self) -> &OrderTerms {
                &self.0.terms
            }

            /// The judgement's confidence.
            pub fn confidence(&self) -> Confidence {
                self.0.confidence
            }

            /// The market's session date.
            pub fn session_date(&self) -> NaiveDate {
                self.0.session_date
            }

            /// When it was approved.
            pub fn approved_at(&self) -> DateTime<Utc> {
                self.0.approved_at
            }

            /// After this it is void.
            pub fn expires_at(&self) -> DateTime<Utc> {
                self.0.expires_at
            }

            /// The halt epoch it belongs to; a later halt makes it void.
            pub fn halt_epoch(&self) -> HaltEpoch {
                self.0.halt_epoch
            }
        }
    };
}

/// RiskGuard -> TradeLedger: write intent, approval and reservation in one transaction. Asked, 5 s.
///
/// Refused when a halt stands, the epoch is old, or the symbol has an unresolved intent.
#[derive(Debug, Message)]
#[rtype(result = "Result<Committed, LedgerError>")]
pub struct CommitApproval(Approval);

approval_facts!(CommitApproval);

/// An order that passed every limit and whose intent and approval are on disk. Used once, moved by value.
///
/// Nobody else can make one:
///
/// ```compile_fail
/// fn forge(terms: domain::OrderTerms) -> risk_guard::ApprovedOrder {
///     risk_guard::ApprovedOrder { terms }
/// }
/// ```
///
/// while reading one is open to all:
///
/// ```
/// fn read(order: &risk_guard::ApprovedOrder) -> &domain::OrderTerms {
///     order.terms()
/// }
/// ```
///
/// It cannot be used twice:
///
/// ```compile_fail
/// fn twice(order: risk_guard::ApprovedOrder) -> [risk_guard::PlaceOrder; 2] {
///     [risk_guard::PlaceOrder(order), risk_guard::PlaceOrder(order)]
/// }
/// ```
///
/// once is fine:
///
/// ```
/// fn once(order: risk_guard::ApprovedOrder) -> [risk_guard::PlaceOrder; 1] {
///     [risk_guard::PlaceOrder(order)]
/// }
/// ```
///
/// and it cannot be copied:
///
/// ```compile_fail
/// fn copy(order: &risk_guard::ApprovedOrder) -> risk_guard::ApprovedOrder {
///     order.clone()
/// }
/// ```
///
/// only lent:
///
/// ```
/// fn lend(order: &risk_guard::ApprovedOrder) -> &risk_guard::ApprovedOrder {
///     order
/// }
/// ```
#[derive(Debug)]
pub struct ApprovedOrder(Approval);

approval_facts!(ApprovedOrder);

/// RiskGuard -> Broker: send this order. A tell; Broker drops it after `expires_at`.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct PlaceOrder(pub ApprovedOrder);

/// RiskGuard -> TradeLedger: write a halt. Asked, 2 s; after that the emergency file is written.
#[derive(Debug, Message)]
#[rtype(result = "Result<HaltCommitted, LedgerError>")]
pub struct CommitHalt {
    record: HaltRecord,
}

/// RiskGuard -> TradeLedger: lift these halts. Asked, 5 s.
#[derive(Debug, Message)]
#[rtype(result = "Result<HaltCommitted, LedgerError>")]
pub struct CommitRelease {
    release: Release,
}

/// What a release is: who lifts which halts, and what it leaves standing, in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The halts to lift.
    pub halts: Vec<HaltId>,
    /// Where the request came from.
    pub source: HaltSource,
    /// Who.
    pub by: String,
    /// Why; may be empty.
    pub reason: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What stands instead: `resume --reducing` leaves a row of that level.
    pub leaves: Option<HaltRecord>,
}

/// RiskGuard -> TradeLedger: everything is sold, the flatten is a full halt from now on. Asked, 5 s.
#[derive(Debug, Message)]
#[rtype(result = "Result<HaltCommitted, LedgerError>")]
pub struct CommitLatch {
    halt: HaltId,
    at: DateTime<Utc>,
}

/// RiskGuard -> TradeLedger: write a change of the limits. Asked, 5 s.
#[derive(Debug, Message)]
#[rtype(result = "Result<Committed, LedgerError>")]
pub struct CommitLimits {
    record: LimitsRecord,
}

/// A halt or a release is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HaltCommitted {
    /// The epoch that began with it.
    pub epoch: HaltEpoch,
    /// Its event.
    pub event: EventId,
}

/// RiskGuard -> TradeLedger at start: what stands? Asked, 5 s.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<StoredTradingState, LedgerError>")]
pub struct LoadTradingState;

/// RiskGuard -> TradeLedger, now and then: did a halt or a release begin in the books? Asked, 5 s.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<HaltEpoch, LedgerError>")]
pub struct HaltEpochQuery;

/// What the ledger knows about halts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTradingState {
    /// Halts that stand, oldest first; a flatten that has sold everything is `Halted`.
    pub halts: Vec<HaltRecord>,
    /// Changes of the limits that hold in this boot, oldest first.
    pub limits: Vec<LimitsChange>,
    /// The halt epoch.
    pub epoch: HaltEpoch,
    /// This boot's fencing epoch.
    pub fencing: FencingEpoch,
}

/// RiskGuard -> every actor: trading stops now. Asked of Broker on the urgent lane (3 s), told to the others.
///
/// Nobody else can make one:
///
/// ```compile_fail
/// fn forge(record: domain::messages::control::HaltRecord) -> risk_guard::HaltSystem {
///     risk_guard::HaltSystem { record, epoch: domain::HaltEpoch(1) }
/// }
/// ```
///
/// while reading one is open to all:
///
/// ```
/// fn read(halt: risk_guard::HaltSystem) -> domain::messages::control::HaltRecord {
///     halt.record().clone()
/// }
/// ```
#[derive(Debug, Message)]
#[rtype(result = "HaltAck")]
pub struct HaltSystem {
    record: HaltRecord,
    now: Notice,
}

/// What RiskGuard says with each halt and each resume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// The halt epoch.
    pub(crate) epoch: HaltEpoch,
    /// What holds now.
    pub(crate) state: TradingState,
    /// The level of every halt that stands.
    pub(crate) levels: BTreeSet<HaltLevel>,
    /// Counts halts and resumes of this process.
    pub(crate) number: u64,
}

/// An actor obeyed a halt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HaltAck {
    /// The epoch it obeys.
    pub epoch: HaltEpoch,
    /// Intents whose POST was already on the wire; only Broker has any.
    pub in_flight: Vec<IntentId>,
    /// Whether that is all of them: not while Broker cannot say what an earlier life of it sent.
    pub knows_the_wire: bool,
    /// What was done about working orders; only Broker does anything.
    pub cancels: HaltCancels,
}

/// RiskGuard -> every actor: a halt was lifted, and orders may leave again. A tell.
///
/// Nobody else can make one:
///
/// ```compile_fail
/// fn forge() -> risk_guard::ResumeSystem {
///     risk_guard::ResumeSystem { epoch: domain::HaltEpoch(1) }
/// }
/// ```
///
/// while reading one is open to all:
///
/// ```
/// fn read(resume: risk_guard::ResumeSystem) -> domain::HaltEpoch {
///     resume.epoch()
/// }
/// ```
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct ResumeSystem {
    now: Notice,
}

// === impl CommitApproval, ApprovedOrder ===

impl CommitApproval {
    /// Splits one approval into what the ledger writes and what waits for its answer.
    pub(crate) fn prepare(approval: Approval) -> (Self, Uncommitted) {
        let kept = Approval {
            intent: approval.intent.clone(),
            approval: approval.approval.clone(),
            decision: approval.decision.clone(),
            terms: approval.terms.clone(),
            ..approval
        };
        (Self(kept), Uncommitted(approval))
    }
}

/// An approval that is worth nothing until the ledger has answered.
#[derive(Debug)]
pub(crate) struct Uncommitted(Approval);

impl Uncommitted {
    /// The intent that waits.
    pub(crate) fn intent(&self) -> &IntentId {
        &self.0.intent
    }

    /// The order, now that intent and approval are on disk.
    pub(crate) fn committed(self, _proof: Committed) -> ApprovedOrder {
        ApprovedOrder(self.0)
    }
}

// === impl halts ===

impl CommitHalt {
    pub(crate) fn new(record: HaltRecord) -> Self {
        Self { record }
    }

    /// The halt to write.
    pub fn record(&self) -> &HaltRecord {
        &self.record
    }
}

impl CommitRelease {
    pub(crate) fn new(release: Release) -> Self {
        Self { release }
    }

    /// What to lift, for whom.
    pub fn release(&self) -> &Release {
        &self.release
    }
}

impl CommitLatch {
    pub(crate) fn new(halt: HaltId, at: DateTime<Utc>) -> Self {
        Self { halt, at }
    }

    /// The flatten.
    pub fn halt(&self) -> &HaltId {
        &self.halt
    }

    /// When.
    pub fn at(&self) -> DateTime<Utc> {
        self.at
    }
}

impl CommitLimits {
    pub(crate) fn new(record: LimitsRecord) -> Self {
        Self { record }
    }

    /// The change to write.
    pub fn record(&self) -> &LimitsRecord {
        &self.record
    }
}

impl HaltSystem {
    pub(crate) fn new(record: HaltRecord, now: Notice) -> Self {
        Self { record, now }
    }

    /// Since when, by whom and why.
    pub fn record(&self) -> &HaltRecord {
        &self.record
    }

    /// The epoch that began with it.
    pub fn epoch(&self) -> HaltEpoch {
        self.now.epoch
    }

    /// What holds now, with everything that stands besides.
    pub fn state(&self) -> TradingState {
        self.now.state
    }

    /// The levels of all halts that stand, this one and those besides.
    pub fn levels(&self) -> &BTreeSet<HaltLevel> {
        &self.now.levels
    }

    /// Counts halts and resumes of this process: a resume that comes late must not undo a newer halt.
    pub fn notice(&self) -> u64 {
        self.now.number
    }
}

impl ResumeSystem {
    pub(crate) fn new(now: Notice) -> Self {
        Self { now }
    }

    /// The epoch that began with it.
    pub fn epoch(&self) -> HaltEpoch {
        self.now.epoch
    }

    /// What holds now: Active, Reducing, or Starting while Broker reconciles.
    pub fn state(&self) -> TradingState {
        self.now.state
    }

    /// The levels of the halts that still stand; none of them is a full halt.
    pub fn levels(&self) -> &BTreeSet<HaltLevel> {
        &self.now.levels
    }

    /// Counts halts and resumes of this process.
    pub fn notice(&self) -> u64 {
        self.now.number
    }
}

/// Approvals for the tests of this crate alone.
#[cfg(test)]
pub(crate) fn approval_for_tests(terms: OrderTerms, at: DateTime<Utc>) -> Approval {
    let confidence = Confidence::new(90).expect("0 to 100");
    Approval {
        intent: IntentId::new(at.timestamp_millis(), 1),
        approval: ApprovalId::new(at.timestamp_millis(), 2),
        decision: DecisionId::new(at.timestamp_millis(), 3),
        terms,
        confidence,
        session_date: at.date_naive(),
        approved_at: at,
        expires_at: at,
        halt_epoch: HaltEpoch(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_writes_exactly_the_facts_that_the_order_will_carry() {
        let terms = OrderTerms {
            instrument: domain::Instrument { market: domain::Market::Kr, symbol: "005930".parse().unwrap() },
            side: domain::Side::Buy,
            quantity: domain::Quantity::new(3),
            limit: "70200".parse().unwrap(),
        };
        let approval = approval_for_tests(terms, "2026-11-24T01:00:00Z".parse().unwrap());
        let (written, uncommitted) = CommitApproval::prepare(approval);
        assert_eq!(uncommitted.intent(), written.intent());
        let order = uncommitted.committed(Committed { last_event: EventId(1) });
        assert_eq!(order.0, written.0);
    }
}
