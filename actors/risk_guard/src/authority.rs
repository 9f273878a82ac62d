//! The types that carry RiskGuard's authority to trade; those of halts are in [`crate::halting`].
//!
//! Invariant: nothing outside this crate can build them, and nothing can copy them. This module has no children
//! but its tests, because a child could reach its private fields.

use actix::Message;
use chrono::{DateTime, NaiveDate, Utc};
use domain::messages::ledger::{Committed, LedgerError};
use domain::{ApprovalId, Confidence, DecisionId, HaltEpoch, IntentId, OrderTerms};

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
        let order = uncommitted.committed(Committed { last_event: domain::EventId(1) });
        assert_eq!(order.0, written.0);
    }
}
