//! What the books say, with what only the running agent knows.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::messages::control::{AccountSeen, StatusQuery};
use domain::messages::operator::{Answer, Question};
use tokio::sync::{Semaphore, oneshot};

use super::{Desk, OpenReader, STATUS_WITHIN};
use crate::control::wire::{Reply, Told};
use crate::store::Sight;

/// A question that reads longer than this is given up; its thread ends by itself.
const READ_WITHIN: Duration = Duration::from_secs(10);
/// So many read at the same time; the others wait.
static READERS: Semaphore = Semaphore::const_new(4);

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
    let (books, at) = (desk.books.clone(), desk.clock.now());
    let reading = read(books, question, accounts, at);
    match tokio::time::timeout(READ_WITHIN, reading).await {
        Ok(Ok(answer)) => Reply::Told(Told { at, books: answer, missing }),
        Ok(Err(why)) => Reply::Error { message: format!("the books cannot be read: {why}") },
        Err(_) => Reply::Error {
            message: format!("the books were not read within {} s; ask for less", READ_WITHIN.as_secs()),
        },
    }
}

/// On a thread of its own: whoever wants a halt must not wait for whoever reads.
async fn read(
    books: OpenReader,
    question: Question,
    accounts: Vec<AccountSeen>,
    at: DateTime<Utc>,
) -> Result<Answer, String> {
    let turn = READERS.acquire().await.map_err(|error| error.to_string())?;
    let (tell, told) = oneshot::channel();
    let work = move || {
        let sight = Sight { now: at, accounts: &accounts };
        let answer =
            books().and_then(|mut reader| reader.answer(&question, sight).map_err(|error| error.to_string()));
        drop(turn);
        // Whoever asked may have gone.
        let _ = tell.send(answer);
    };
    std::thread::Builder::new().name("reading".into()).spawn(work).map_err(|error| error.to_string())?;
    told.await.map_err(|_| "the reading thread ended early".to_owned())?
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
