//! A made-up market, told to the books session after session.

use std::sync::{Arc, Mutex, MutexGuard};

use chrono::{DateTime, Days, NaiveDate, Utc};
use domain::messages::bars::BarsSeen;
use domain::messages::evolution::{
    ChangeProposal, Decider, ProposalNumber, ProposalRecord, ProposalStatus, ProposalStep, StrategyOf,
};
use domain::{Confidence, HaltId, HaltNonce, Market};
use optimizer::backtest::Series;
use optimizer::evolution::seeds::seeds;
use optimizer::gauntlet::Rules;
use optimizer::rehearsal::Rehearsal;
use optimizer::{Evolution, EvolutionSettings, learning};
use trade_ledger::BootFacts;
use trade_ledger::store::Store;

use super::Report;
use super::desk::{Books, Desk};
use crate::store::Database;

/// What each of three days after a fall earns more where there is an edge.
pub(super) const EDGE: f64 = 0.008;
/// Sessions that are known before the first cycle.
pub(super) const FIRST_SESSIONS: usize = 620;
/// Sessions that a look needs.
pub(super) const LOOK: usize = 120;
/// Sessions from one turn to the next while nothing is followed.
pub(super) const STEP: usize = 20;
/// Most sessions of a market.
pub(super) const SESSIONS_MAX: usize = 1_240;
const STOCKS: u32 = 8;
/// Sessions that a market without an edge has.
const ALL_SESSIONS: usize = FIRST_SESSIONS + 10 * LOOK;
const LEAST_SESSIONS: usize = 500;
const FIRST_DAY: NaiveDate = NaiveDate::from_ymd_opt(2020, 1, 1).unwrap();

/// The market, its books, and evolution over them.
pub(super) struct Stage {
    series: Vec<Series>,
    days: Vec<NaiveDate>,
    /// Sessions that the books know.
    told: usize,
    /// Stocks whose bars are told.
    covered: usize,
    books: Arc<Mutex<Books>>,
    evolution: Evolution,
    /// Held: a database in memory lives as long as this.
    _database: Database,
}

impl Stage {
    pub(super) fn new(edge: f64, seed: u64, trials: u32) -> Result<Self, String> {
        let market = Rehearsal { stocks: STOCKS, first_day: FIRST_DAY, edge, seed };
        let database = Database::open(":memory:").map_err(|error| error.to_string())?;
        let mut store = database.store().map_err(|error| error.to_string())?;
        let now = evening(FIRST_DAY);
        let (halt_id, halt_nonce) = (HaltId::new(0, 0), HaltNonce::default());
        store
            .boot(&BootFacts { wall_at: now, at: now, halt_id, halt_nonce })
            .map_err(|error| error.to_string())?;
        let (store, writes_left): (Box<dyn Store>, _) = (Box::new(store), None);
        let books = Books { store, now, writes_left, loses_answer: false, written: 0 };
        let books = Arc::new(Mutex::new(books));
        let settings = EvolutionSettings {
            trials,
            candidates: 0,
            min_confidence: Confidence::ZERO,
            least_sessions: LEAST_SESSIONS,
            rules: Rules::default(),
            seeds: seeds(),
            incumbent: None,
            auto_approve: None,
        };
        let links = Desk(books.clone()).links();
        let shadow = settings.rules.shadow.clone();
        let evolution = Evolution { search: Some(settings), shadow, links, folders: None };
        let (series, days) = (market.series(ALL_SESSIONS), market.days(ALL_SESSIONS));
        Ok(Self { series, days, told: 0, covered: STOCKS as usize, books, evolution, _database: database })
    }

    /// From now on the operator's limit approves what lies within it.
    #[cfg(test)]
    pub(super) fn approve_within(&mut self, limit: domain::messages::evolution::AutoLimit) {
        if let Some(search) = &mut self.evolution.search {
            search.auto_approve = Some(limit);
        }
    }

    /// From now on the bars of so many stocks are told.
    #[cfg(test)]
    pub(super) fn cover(&mut self, stocks: usize) {
        // All of them again: a stock that was left out for a while has no gap then.
        (self.covered, self.told) = (stocks, 0);
    }

    /// Alarms so far that say these words.
    #[cfg(test)]
    pub(super) fn alarms(&self, words: &str) -> Result<usize, String> {
        let after = domain::messages::ledger::EventsAfter { after: domain::EventId(0), limit: 500 };
        let events = self.books()?.store.events_after(&after).map_err(|error| error.to_string())?;
        Ok(events.iter().filter(|event| event.text.contains(words)).count())
    }

    /// From now on nothing is searched for.
    #[cfg(test)]
    pub(super) fn search_no_more(&mut self) {
        self.evolution.search = None;
    }

    pub(super) fn books(&self) -> Result<MutexGuard<'_, Books>, String> {
        self.books.lock().map_err(|_| "the books are broken".to_owned())
    }

    /// Tells the books all sessions up to that one, and lets evolution have its turn; what came of it, a line.
    pub(super) async fn session(&mut self, sessions: usize) -> Result<String, String> {
        self.tell(sessions)?;
        self.turn(sessions).await
    }

    /// Lets evolution have its turn after that session, with what the books were told until now.
    pub(super) async fn turn(&self, sessions: usize) -> Result<String, String> {
        let day = *self.days.get(sessions - 1).ok_or("the market has ended")?;
        let ended = learning::turn(&self.evolution, Market::Kr, day).await.map_err(|why| why.to_string())?;
        let Some(ended) = ended else {
            let why = match self.evolution.search {
                Some(_) => "a newer session was learnt from",
                None => "nothing is searched for",
            };
            return Ok(format!("{day}: {why}"));
        };
        let outcome = ended.outcome.unwrap_or_else(|| "was over before".to_owned());
        Ok(format!("{day}: cycle {}, {} trials: {outcome}", ended.cycle.seq, ended.cycle.trials))
    }

    /// The day of the last of the first `sessions`.
    #[cfg(test)]
    pub(super) fn day(&self, sessions: usize) -> Option<NaiveDate> {
        self.days.get(sessions - 1).copied()
    }

    fn tell(&mut self, sessions: usize) -> Result<(), String> {
        let last = *self.days.get(sessions - 1).ok_or("the market has ended")?;
        // The newest known one again: so the books see that the prices are still the same.
        let from = self.told.saturating_sub(1);
        let mut books = self.books()?;
        books.now = evening(last);
        let now = books.now;
        for series in self.series.iter().take(self.covered) {
            let bars = series.bars().get(from..sessions).unwrap_or_default().to_vec();
            let seen = BarsSeen { instrument: series.instrument().clone(), bars };
            books.store.record_bars(&seen, now).map_err(|error| error.to_string())?;
        }
        drop(books);
        self.told = sessions;
        Ok(())
    }

    pub(super) fn proposals(&self) -> Result<Vec<ProposalRecord>, String> {
        self.books()?.store.proposals().map_err(|error| error.to_string())
    }

    pub(super) fn change(
        &self,
        number: ProposalNumber,
        step: ProposalStep,
        by: Decider,
        reason: &str,
    ) -> Result<(), String> {
        let mut books = self.books()?;
        let (now, reason) = (books.now, reason.to_owned());
        let change = ChangeProposal { number, step, by, reason };
        books.store.change_proposal(&change, now).map(drop).map_err(|error| error.to_string())
    }

    /// The proposal that the market trades by in a session, as Brain and Scanner ask for it.
    pub(super) fn traded_by(&self, sessions: usize) -> Result<Option<ProposalNumber>, String> {
        let session_date = *self.days.get(sessions - 1).ok_or("the market has ended")?;
        let query = StrategyOf { market: Market::Kr, session_date };
        let mut books = self.books()?;
        let now = books.now;
        let version = books.store.settle_strategy(&query, now).map_err(|error| error.to_string())?;
        Ok(version.map(|version| version.proposal))
    }

    /// The proposal that the market trades by now.
    #[cfg(test)]
    pub(super) fn active(&self) -> Result<Option<ProposalNumber>, String> {
        let active = self.books()?.store.active_strategy(Market::Kr).map_err(|error| error.to_string())?;
        Ok(active.and_then(|active| active.from).map(|(number, _)| number))
    }

    /// Adds what this market's books say.
    pub(super) fn count(&self, report: &mut Report) -> Result<(), String> {
        let proposals = self.proposals()?;
        let mut books = self.books()?;
        let totals = books.store.trial_totals(Market::Kr).map_err(|error| error.to_string())?;
        let windows = books.store.windows(Market::Kr).map_err(|error| error.to_string())?;
        let count = |wanted: fn(&ProposalRecord) -> bool| {
            u32::try_from(proposals.iter().filter(|record| wanted(record)).count()).unwrap_or(u32::MAX)
        };
        report.trials += totals.trials;
        report.looks += u32::try_from(windows.len()).unwrap_or(u32::MAX);
        report.drafts += count(|_| true);
        let ready = count(|record| record.status == ProposalStatus::ReadyForReview);
        report.proposals = report.proposals.max(ready);
        Ok(())
    }
}

/// After the close of a session, in Seoul still the same day's evening: its bar is told on the morning after.
fn evening(day: NaiveDate) -> DateTime<Utc> {
    (day + Days::new(1)).and_time(chrono::NaiveTime::MIN).and_utc()
}
