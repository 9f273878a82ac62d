//! How the agent stands, unabridged, for doors that show more than a line.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use brain::budget::quota_date;
use broker::PacerFigures;
use chrono::{DateTime, Utc};
use domain::Market;
use domain::messages::control::{StatusQuery, TradingStatus};
use domain::messages::evolution::{BlindWatch, LateCycle};
use domain::messages::operator::{Answer, Question};
use supervision::Health;

use super::questions::{READ_WITHIN, read};
use super::{Desk, Door, LastResort, Office, Reception, STATUS_WITHIN, Wound, answer};
use crate::budget::BudgetReport;
use crate::control::approval::AutoApproval;
use crate::control::request::cleaned;
use crate::control::wire::{Reply, Request};
use crate::store::{DayStarted, Sight, SqliteReader, Tally};

/// From what every door of the agent answers: the control socket, and the web. Cheap to clone, usable from any thread.
#[derive(Clone)]
pub struct Answers(Arc<Reception>);

/// How the agent stands.
pub enum View {
    /// There is no RiskGuard yet.
    Starting,
    /// The process runs to say why it does not trade.
    Wounded(Wound),
    /// The actors run.
    Running(Box<Running>),
}

/// The actors alone, which nobody has to be asked for.
pub enum Pulse {
    /// There are none yet.
    Starting,
    /// There will be none in this process.
    Wounded,
    /// Their health, in start order.
    Running(Vec<Health>),
}

/// What is counted.
pub struct Counted {
    /// Of the books.
    pub tally: Tally,
    /// What the language model may still be asked today.
    pub budget: BudgetReport,
    /// How evolution goes.
    pub evolution: Evolution,
}

/// How evolution goes.
#[derive(Clone, Debug, Default)]
pub struct Evolution {
    /// The markets that are learnt from; none where evolution is off.
    pub markets: Vec<Market>,
    /// Those whose last close should have been learnt from by now.
    pub late: Vec<LateCycle>,
    /// Proposals whose newest sessions could not be judged.
    pub blind: Vec<BlindWatch>,
    /// What needs no person; none where a person decides on everything.
    pub approval: Option<AutoApproval>,
}

/// A running agent at one moment.
pub struct Running {
    /// Exchange time.
    pub at: DateTime<Utc>,
    /// Where orders go, in words.
    pub venue: String,
    /// The actors' health, in start order.
    pub actors: Vec<Health>,
    /// Turns at the exchange.
    pub pace: PacerFigures,
    /// RiskGuard's view, or why it gave none.
    pub trading: Result<TradingStatus, String>,
}

impl Answers {
    /// Until they are opened they say that the agent is starting, and keep a halt all the same.
    pub fn new(last_resort: LastResort) -> Self {
        Self(Arc::new(Reception { office: OnceLock::new(), last_resort, commands: AtomicU64::new(0) }))
    }

    /// How many commands were answered, through any door; what was seen before the last of them may be true no more.
    pub fn commands(&self) -> u64 {
        self.0.commands.load(Ordering::SeqCst)
    }

    /// Gives what is answered from.
    pub fn open(&self, desk: Desk) {
        // A second desk would be a second set of actors, which the composition root never builds.
        let _ = self.0.office.set(Office::Open(Box::new(desk)));
    }

    /// Tells that this process will not trade, and why.
    pub fn open_wounded(&self, wound: Wound) {
        // As above: a process is either wounded or running.
        let _ = self.0.office.set(Office::Wounded(Box::new(wound)));
    }

    /// How the agent stands now; RiskGuard is waited for, not longer than two seconds.
    pub async fn view(&self) -> View {
        match self.0.office.get() {
            None => View::Starting,
            Some(Office::Wounded(wound)) => View::Wounded((**wound).clone()),
            Some(Office::Open(desk)) => View::Running(Box::new(running(desk).await)),
        }
    }

    /// Answers as the control socket does, to whoever came through `door`.
    pub async fn ask(&self, request: Request, door: Door) -> Reply {
        answer(cleaned(request), &self.0, door).await
    }

    /// Answers several questions to the books from one connection, in their order, with the exchange time of the answers.
    ///
    /// # Errors
    /// Why they cannot be read, in words.
    pub async fn books(&self, asked: Vec<Question>) -> Result<(DateTime<Utc>, Vec<Answer>), String> {
        let desk = match self.0.office.get() {
            None => return Err("the agent is starting".to_owned()),
            Some(Office::Wounded(wound)) => return Err(wound.remedy.clone()),
            Some(Office::Open(desk)) => desk,
        };
        let accounts = desk.status.ask(StatusQuery, STATUS_WITHIN).await.map_or(Vec::new(), |s| s.accounts);
        let now = desk.clock.now();
        let question = move |reader: &mut SqliteReader| {
            let sight = Sight { now, accounts: &accounts };
            asked.iter().map(|question| reader.answer(question, sight)).collect()
        };
        let reading = tokio::time::timeout(READ_WITHIN, read(desk.books.clone(), question));
        Ok((now, reading.await.map_err(|_| late())??))
    }

    /// The equity with which days began, oldest first; the newest `limit` of each currency.
    ///
    /// # Errors
    /// Why the books cannot be read, in words.
    pub async fn day_starts(&self, limit: u16) -> Result<Vec<DayStarted>, String> {
        match self.0.office.get() {
            None | Some(Office::Wounded(_)) => Ok(Vec::new()),
            Some(Office::Open(desk)) => {
                let reading = read(desk.books.clone(), move |reader| reader.day_starts(limit));
                tokio::time::timeout(READ_WITHIN, reading).await.map_err(|_| late())?
            }
        }
    }

    /// The actors' health; asks nobody and waits for nobody.
    pub fn pulse(&self) -> Pulse {
        match self.0.office.get() {
            None => Pulse::Starting,
            Some(Office::Wounded(_)) => Pulse::Wounded,
            Some(Office::Open(desk)) => Pulse::Running(actors(desk)),
        }
    }

    /// Counts of the books.
    ///
    /// # Errors
    /// Why they cannot be read, in words.
    pub async fn counted(&self) -> Result<Counted, String> {
        match self.0.office.get() {
            None => Err("the agent is starting".to_owned()),
            Some(Office::Wounded(wound)) => Err(wound.remedy.clone()),
            Some(Office::Open(desk)) => {
                tokio::time::timeout(READ_WITHIN, count(desk)).await.map_err(|_| late())?
            }
        }
    }

    pub(super) fn reception(&self) -> Arc<Reception> {
        self.0.clone()
    }
}

fn late() -> String {
    format!("they were not read within {} s", READ_WITHIN.as_secs())
}

async fn count(desk: &Desk) -> Result<Counted, String> {
    let now = desk.clock.now();
    let today = quota_date(now);
    let (markets, limit) = (desk.evolving.clone(), desk.auto_approve);
    let question = move |reader: &mut SqliteReader| {
        let evolution = Evolution {
            late: reader.late_cycles(&markets, now)?,
            blind: reader.blind_watches()?,
            approval: limit.map(|limit| AutoApproval::new(limit, reader.limit_in_use(now).ok())),
            markets,
        };
        Ok((reader.tally()?, reader.oracle_calls(today)?, evolution))
    };
    let (tally, booked, evolution) = read(desk.books.clone(), question).await?;
    let budget = BudgetReport::new(desk.judge_name.clone(), &desk.budget, &booked, now);
    Ok(Counted { tally, budget, evolution })
}

async fn running(desk: &Desk) -> Running {
    let trading = desk.status.ask(StatusQuery, STATUS_WITHIN).await;
    Running {
        at: desk.clock.now(),
        venue: desk.venue.clone(),
        actors: actors(desk),
        pace: desk.pace.figures(),
        trading: trading.map_err(|error| format!("RiskGuard did not answer ({error})")),
    }
}

fn actors(desk: &Desk) -> Vec<Health> {
    desk.supervised.vitals().iter().map(|vitals| vitals.health()).collect()
}
