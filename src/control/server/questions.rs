//! What the books say, with what only the running agent knows.

use std::time::Duration;

use domain::messages::control::StatusQuery;
use domain::messages::operator::Question;
use tokio::sync::{Semaphore, oneshot};
use trade_ledger::StoreError;

use super::{Desk, OpenReader, STATUS_WITHIN};
use crate::control::wire::{Reply, Told};
use crate::store::{Sight, SqliteReader};

/// A question that reads longer than this is given up; its thread ends by itself.
pub(super) const READ_WITHIN: Duration = Duration::from_secs(10);
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
    let reading = read(books, move |reader| reader.answer(&question, Sight { now: at, accounts: &accounts }));
    match tokio::time::timeout(READ_WITHIN, reading).await {
        Ok(Ok(answer)) => Reply::Told(Told { at, books: answer, missing }),
        Ok(Err(why)) => Reply::Error { message: format!("the books cannot be read: {why}") },
        Err(_) => Reply::Error {
            message: format!("the books were not read within {} s; ask for less", READ_WITHIN.as_secs()),
        },
    }
}

/// On a thread of its own: whoever wants a halt must not wait for whoever reads.
///
/// # Errors
/// Why the books cannot be read, in words.
pub(super) async fn read<T: Send + 'static>(
    books: OpenReader,
    question: impl FnOnce(&mut SqliteReader) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, String> {
    let turn = READERS.acquire().await.map_err(|error| error.to_string())?;
    let (tell, told) = oneshot::channel();
    let work = move || {
        let answer = books().and_then(|mut reader| question(&mut reader).map_err(|error| error.to_string()));
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
        | Question::WhyNot { .. }
        | Question::Proposals
        | Question::Proposal { .. } => false,
    }
}
