//! Looks at the agent for all callers together: however many ask, RiskGuard and the books are asked once in a while.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;

use domain::messages::evolution::ProposalNumber;
use domain::messages::operator::{Question, StockWanted};

use super::health::Pulse;
use super::page::{self, Books, Facts, Part};
use super::{Site, live};
use crate::control::wire::{Reply, Request};
use crate::control::{Counted, Door, View, answers};
use crate::curve;
use crate::store::{DayStarted, Room};

/// A look at the actors and at RiskGuard is good for so long.
const VIEW_FRESH: Duration = Duration::from_millis(500);
/// A count of the books is good for so long.
const COUNTED_FRESH: Duration = Duration::from_secs(5);

/// What the books say of positions, orders and decisions is good for so long.
const BOOKS_FRESH: Duration = Duration::from_secs(1);
/// The days of the equity curve are good for so long.
const DAYS_FRESH: Duration = Duration::from_secs(60);
/// Days of the equity curve.
const DAYS: u16 = 250;
/// Equity is looked at so often, in real time.
const EQUITY_EVERY: Duration = Duration::from_secs(3);

/// Something that was looked at, when, and after how many commands.
type Seen<T> = Mutex<Option<(Instant, u64, Arc<T>)>>;

/// Looks at the agent.
pub(super) struct Observer {
    pub(super) site: Site,
    opened_at: Instant,
    /// Places for those who watch the page.
    pub(super) watchers: Arc<Semaphore>,
    view: Seen<View>,
    counted: Seen<Result<Counted, String>>,
    books: Seen<Result<Books, String>>,
    days: Seen<Vec<DayStarted>>,
    parts: Seen<Vec<Arc<Part>>>,
    equity: Mutex<curve::Seen>,
}

impl Observer {
    pub(super) fn new(site: Site) -> Self {
        Self {
            site,
            opened_at: Instant::now(),
            watchers: live::places(),
            view: Mutex::default(),
            counted: Mutex::default(),
            books: Mutex::default(),
            days: Mutex::default(),
            parts: Mutex::default(),
            equity: Mutex::default(),
        }
    }

    /// The actors alone: asks nobody and waits for nobody.
    pub(super) fn pulse(&self) -> Pulse {
        self.site.answers.pulse()
    }

    /// How the agent stands.
    pub(super) async fn view(&self) -> Arc<View> {
        self.fresh(&self.view, VIEW_FRESH, self.site.answers.view()).await
    }

    /// Counts of the books.
    pub(super) async fn counted(&self) -> Arc<Result<Counted, String>> {
        self.fresh(&self.counted, COUNTED_FRESH, self.site.answers.counted()).await
    }

    /// The parts of the page.
    pub(super) async fn parts(&self) -> Arc<Vec<Arc<Part>>> {
        self.fresh(&self.parts, VIEW_FRESH, self.render()).await
    }

    async fn render(&self) -> Vec<Arc<Part>> {
        let (view, counted) = (self.view().await, self.counted().await);
        let books = self.fresh(&self.books, BOOKS_FRESH, self.read_books()).await;
        // Where they cannot be read, the page says so of the books.
        let days = async { self.site.answers.day_starts(DAYS).await.unwrap_or_default() };
        let days = fresh(&self.days, DAYS_FRESH, 0, days).await;
        let curves = self.equity.lock().await.with_days(&days);
        page::parts(&Facts {
            view: &view,
            counted: &counted,
            books: &books,
            curves: &curves,
            may_command: self.site.token.is_some(),
        })
    }

    async fn read_books(&self) -> Result<Books, String> {
        let (_, answers) = self.site.answers.books(Books::questions()).await?;
        Ok(Books::from_answers(answers))
    }

    /// Why a stock was traded, and why it was not, in words.
    pub(super) async fn why(&self, stock: &StockWanted) -> Vec<String> {
        let why = Question::Why { stock: stock.clone(), at: None };
        let why_not = Question::WhyNot { stock: stock.clone(), on: None };
        vec![self.in_words(why).await, self.in_words(why_not).await]
    }

    /// One proposal, in words.
    pub(super) async fn proposal(&self, number: ProposalNumber) -> String {
        self.in_words(Question::Proposal { number }).await
    }

    async fn in_words(&self, question: Question) -> String {
        let reply = self.site.answers.ask(Request::Ask(question), Door::Page { code: None }).await;
        if let Reply::Told(told) = &reply { answers::show(&told.books) } else { reply.to_string() }
    }

    /// After a command, through whichever door it came, whoever looks must see what it did.
    async fn fresh<T>(&self, seen: &Seen<T>, good_for: Duration, look: impl Future<Output = T>) -> Arc<T> {
        fresh(seen, good_for, self.site.answers.commands(), look).await
    }

    /// Notes the equity as the exchange tells it, as long as the process runs.
    pub(super) async fn watch_equity(self: Arc<Self>) {
        loop {
            if let View::Running(running) = &*self.view().await
                && let Ok(status) = &running.trading
            {
                let mut seen = self.equity.lock().await;
                for account in &status.accounts {
                    account.equity.iter().for_each(|equity| seen.note(account.taken_at, *equity));
                }
            }
            tokio::time::sleep(EQUITY_EVERY).await;
        }
    }

    /// None where there is no disk, or it cannot be looked at.
    pub(super) fn disk(&self) -> Option<Room> {
        self.site.books.file().and_then(Room::of)
    }

    /// How long the web has been open.
    pub(super) fn uptime(&self) -> Duration {
        self.opened_at.elapsed()
    }
}

/// What was seen lately and after the same `commands` at least, or what a new look sees. Whoever comes during a look waits
/// for it, and looks himself if it began before a command that he knows of.
async fn fresh<T>(
    seen: &Seen<T>,
    good_for: Duration,
    commands: u64,
    look: impl Future<Output = T>,
) -> Arc<T> {
    let mut seen = seen.lock().await;
    if let Some((at, after, what)) = seen.as_ref()
        && at.elapsed() < good_for
        && *after >= commands
    {
        return what.clone();
    }
    let what = Arc::new(look.await);
    *seen = Some((Instant::now(), commands, what.clone()));
    what
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn however_many_ask_there_is_one_look_until_it_is_old() {
        let seen: Seen<u32> = Mutex::default();
        let looks = std::cell::Cell::new(0_u32);
        let ask = async |commands: u64| {
            let look = async {
                tokio::time::sleep(Duration::from_millis(100)).await;
                looks.set(looks.get() + 1);
                looks.get()
            };
            *fresh(&seen, VIEW_FRESH, commands, look).await
        };
        assert_eq!(tokio::join!(ask(0), ask(0), ask(0)), (1, 1, 1));
        tokio::time::sleep(VIEW_FRESH).await;
        assert_eq!(ask(0).await, 2);
        assert_eq!((ask(1).await, ask(1).await), (3, 3), "what a command changed is seen at once");
    }
}
