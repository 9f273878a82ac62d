//! What people are told of a proposal.

use domain::messages::evolution::{ProposalRecord, ProposalStatus};
use domain::messages::ledger::EventKind;

/// What people are told. What the limit does, where no person has approved, they are told as of an alarm, with the way back.
pub(super) fn line(
    record: &ProposalRecord,
    status: ProposalStatus,
    (by, reason): (&str, &str),
    is_by_limit: bool,
) -> (EventKind, String) {
    let ProposalRecord { number, market, .. } = record;
    let title = record.title();
    let command = |what: &str| format!("kestrel proposals {what} {number} --reason WHY");
    let line = match status {
        ProposalStatus::Draft => format!("proposal {number} is drafted: {title}"),
        ProposalStatus::ReadyForReview if is_by_limit => format!(
            "proposal {number} waits for a person again, {market} does not trade by it: {reason}; see it with: kestrel proposals show \
             {number}, say yes with: {}, no with: {}",
            command("approve"),
            command("reject")
        ),
        ProposalStatus::ReadyForReview => format!(
            "proposal {number} is ready for review: {title}; see it with: kestrel proposals show {number}"
        ),
        ProposalStatus::Approved if is_by_limit => format!(
            "proposal {number} approved by {by}, by no person: {reason}; it holds from the next session of {market} on; \
             take it back with: {}, once it is active with: {}",
            command("reject"),
            command("rollback")
        ),
        ProposalStatus::Approved => {
            format!(
                "proposal {number} approved by {by}: {reason}; it holds from the next session of {market} on"
            )
        }
        ProposalStatus::Rejected => format!("proposal {number} rejected by {by}: {reason}"),
        ProposalStatus::Active => format!(
            "{market} trades by proposal {number} in sessions that begin from now on ({by}: {reason}); go back with: {}",
            command("rollback")
        ),
        ProposalStatus::Retired => format!(
            "{market} no longer trades by proposal {number} in sessions that begin from now on ({by}: {reason})"
        ),
    };
    (if is_by_limit { EventKind::Alarm } else { EventKind::Report }, line)
}
