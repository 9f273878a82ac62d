//! What a person asks of the books: reading only, over a connection that cannot write.

mod decisions;
mod events;
mod orders;
mod pnl;
mod positions;
mod prices;
mod selection;
mod why;
mod why_not;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::messages::control::AccountSeen;
use domain::messages::evolution::{ProposalLine, ProposalRecord, ProposalStatus};
use domain::messages::operator::{Answer, LINES_MAX, Question};

use super::evolution;
use super::fault::Fault;
use crate::proposals;

/// What the books do not hold and the running agent knows.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// The time of whoever answers; ages count back from it.
    pub now: DateTime<Utc>,
    /// The accounts as the exchange last told them; none without a running agent.
    pub accounts: &'a [AccountSeen],
}

pub(super) fn answer(
    conn: &mut SqliteConnection,
    question: &Question,
    sight: Sight<'_>,
) -> Result<Answer, Fault> {
    match question {
        Question::Positions => Ok(Answer::Positions { positions: positions::positions(conn, sight)? }),
        Question::Orders(wanted) => orders::orders(conn, wanted, sight.now),
        Question::Decisions(wanted) => decisions::decisions(conn, wanted, sight.now),
        Question::Events(wanted) => events::events(conn, wanted, sight.now),
        Question::Why { stock, at } => why::why(conn, stock, *at),
        Question::WhyNot { stock, on } => why_not::why_not(conn, stock, *on),
        Question::Proposals => {
            let line = |record: &ProposalRecord| ProposalLine::new(record, changes(record));
            let proposals = evolution::all_proposals(conn)?.iter().map(line).collect();
            Ok(Answer::Proposals { proposals })
        }
        Question::Proposal { number } => {
            let found = evolution::all_proposals(conn)?.into_iter().find(|one| one.number == *number);
            Ok(Answer::Proposal { number: *number, proposal: found.map(Box::new) })
        }
        Question::Pnl { since } => pnl::pnl(conn, since.map(|since| since.instant(sight.now)), sight),
    }
}

/// Of those that somebody may still decide on, or that hold.
fn changes(record: &ProposalRecord) -> Vec<String> {
    match record.status {
        ProposalStatus::Rejected | ProposalStatus::Retired => Vec::new(),
        ProposalStatus::Draft
        | ProposalStatus::ReadyForReview
        | ProposalStatus::Approved
        | ProposalStatus::Active => proposals::changes_in_words(record),
    }
}

/// One more than what is shown, so that it is known whether there is more.
fn looked_at(limit: u16) -> i64 {
    i64::from(limit.clamp(1, LINES_MAX)) + 1
}

/// Cuts what was read to what is shown; true when something was cut.
fn cut<T>(lines: &mut Vec<T>, limit: u16) -> bool {
    let most = usize::from(limit.clamp(1, LINES_MAX));
    let more = lines.len() > most;
    lines.truncate(most);
    more
}
