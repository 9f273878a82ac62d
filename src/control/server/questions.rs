//! What the books say, with what only the running agent knows.

use std::time::Duration;

use domain::messages::control::StatusQuery;
use domain::messages::operator::{Answer, Question};

use super::{Desk, STATUS_WITHIN};
use crate::control::wire::{Reply, Told};
use crate::store::Sight;

/// A question that reads longer than this is given up; its thread ends by itself.
const READ_WITHIN: Duration = Duration::from_secs(10);

pub(super) async fn answer(desk: &Desk, question: Question) -> Reply {
    let (accounts, missing) = match needs_accounts(&question) {
        true => match desk.status.ask(StatusQuery, STATUS_WITHIN).await {
            Ok(status) => (status.accounts, None),
            Err(error) => {
                (Vec::new(), Some(format!("what the exchange last told: RiskGuard did not answer ({error})")))
            }
        },
        false => (Vec::new(), None),
    };
    let (open, at) = (desk.books.clone(), desk.clock.now());
    let reading = tokio::task::spawn_blocking(move || -> Result<Answer, String> {
        let sight = Sight { now: at, accounts: &accounts };
        open()?.answer(&question, sight).map_err(|error| error.to_string())
    });
    match tokio::time::timeout(READ_WITHIN, reading).await {
        Ok(Ok(Ok(answer))) => Reply::Told(Told { at, books: answer, missing }),
        Ok(Ok(Err(why))) => Reply::Error { message: format!("the books cannot be read: {why}") },
        Ok(Err(_)) | Err(_) => Reply::Error {
            message: format!("the books were not read within {} s; ask for less", READ_WITHIN.as_secs()),
        },
    }
}

/// The rest is in the books.
fn needs_accounts(question: &Question) -> bool {
    match question {
        Question::Positions | Question::Pnl { .. } => true,
        Question::Orders(_)
        | Question::Decisions(_)
        | Question::Events(_)
        | Question::Why { .. }
        | Question::WhyNot { .. } => false,
    }
}
