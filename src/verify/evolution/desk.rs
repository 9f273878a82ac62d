//! The books of a rehearsal: the product's own store behind every letter that evolution writes, and a process that may die.

use std::sync::{Arc, Mutex};

use actix::{Actor, Context, Handler, Recipient};
use chrono::{DateTime, Utc};
use domain::messages::bars::{BarSeries, BarsOf, StocksWithBars};
use domain::messages::evolution::{
    ActiveIn, ActiveStrategy, AllProposals, BeginCycle, BookLook, ChangeProposal, Cycle, CycleLine,
    DraftProposal, Elite, ElitesOf, EndCycle, FollowShadow, JudgeShadow, JudgeWindow, NewestCycles,
    ProposalRecord, RecordTrials, SeenIn, SpendWindow, SpentWindow, TotalsOf, TrialHash, TrialTotals,
    TrialsBooked, TrialsOf, Tried, TriedBefore, WindowsOf,
};
use domain::messages::ledger::LedgerError;
use optimizer::EvolutionLinks;
use optimizer::evolution::history::HistoryLinks;
use optimizer::evolution::round::RoundLinks;
use optimizer::evolution::search::SearchLinks;
use optimizer::evolution::watch::WatchLinks;
use supervision::Link;
use trade_ledger::StoreError;
use trade_ledger::store::Store;

/// Books that outlive the lives over them.
pub(crate) struct Books {
    /// The store.
    pub(crate) store: Box<dyn Store>,
    /// What time the books write.
    pub(crate) now: DateTime<Utc>,
    /// So many transactions are written before the process is gone; none: it stays.
    pub(crate) writes_left: Option<u32>,
    /// The last of them is written, but its answer is lost.
    pub(crate) loses_answer: bool,
    /// Transactions that were written.
    pub(crate) written: u32,
}

/// One life over the books.
#[derive(Clone)]
pub(crate) struct Desk(pub(crate) Arc<Mutex<Books>>);

impl Actor for Desk {
    type Context = Context<Self>;
}

fn gone() -> LedgerError {
    LedgerError::Storage("the process is gone".into())
}

fn answer(error: StoreError) -> LedgerError {
    match error {
        StoreError::Refused(why) => LedgerError::Refused(why),
        StoreError::Fenced { .. } => LedgerError::Fenced,
        StoreError::Locked(_)
        | StoreError::DiskFull(_)
        | StoreError::Failed(_)
        | StoreError::Malformed { .. }
        | StoreError::NotRepresentable(_) => LedgerError::Storage(error.to_string()),
    }
}

impl Desk {
    fn read<T>(&self, query: impl FnOnce(&mut dyn Store) -> Result<T, StoreError>) -> Result<T, LedgerError> {
        let mut books = self.0.lock().map_err(|_| gone())?;
        if books.writes_left == Some(0) {
            return Err(gone());
        }
        query(books.store.as_mut()).map_err(answer)
    }

    fn write<T>(
        &self,
        transaction: impl FnOnce(&mut dyn Store, DateTime<Utc>) -> Result<T, StoreError>,
    ) -> Result<T, LedgerError> {
        let mut books = self.0.lock().map_err(|_| gone())?;
        if books.writes_left == Some(0) {
            return Err(gone());
        }
        let now = books.now;
        let done = transaction(books.store.as_mut(), now).map_err(answer)?;
        books.written += 1;
        books.writes_left = books.writes_left.map(|left| left - 1);
        if books.writes_left == Some(0) && books.loses_answer { Err(gone()) } else { Ok(done) }
    }

    /// Everything that evolution asks, of this desk.
    pub(crate) fn links(self) -> EvolutionLinks {
        let desk = self.start();
        macro_rules! to_desk {
            () => {
                link(desk.clone().recipient())
            };
        }
        EvolutionLinks {
            round: RoundLinks {
                search: SearchLinks {
                    begin: to_desk!(),
                    elites: to_desk!(),
                    tried: to_desk!(),
                    record: to_desk!(),
                },
                history: HistoryLinks { stocks: to_desk!(), bars: to_desk!(), see: None },
                advice: None,
                trials: to_desk!(),
                totals: to_desk!(),
                windows: to_desk!(),
                spend: to_desk!(),
                judge: to_desk!(),
                seen: to_desk!(),
                active: to_desk!(),
                draft: to_desk!(),
                end: to_desk!(),
            },
            watch: WatchLinks {
                proposals: to_desk!(),
                follow: to_desk!(),
                look: to_desk!(),
                judge: to_desk!(),
                active: to_desk!(),
                change: to_desk!(),
            },
            cycles: to_desk!(),
        }
    }
}

fn link<M>(recipient: Recipient<M>) -> Link<M>
where
    M: actix::Message + Send + 'static,
    M::Result: Send + 'static,
{
    Link::from_recipient(recipient)
}

/// A letter that is answered from the books.
macro_rules! reads {
    ($($letter:ty => $answer:ty, |$store:ident, $query:ident| $body:expr;)*) => {$(
        impl Handler<$letter> for Desk {
            type Result = Result<$answer, LedgerError>;

            fn handle(&mut self, $query: $letter, _: &mut Self::Context) -> Self::Result {
                self.read(|$store| $body)
            }
        }
    )*};
}

/// A letter that is one transaction.
macro_rules! writes {
    ($($letter:ty => $answer:ty, |$store:ident, $letter_name:ident, $at:ident| $body:expr;)*) => {$(
        impl Handler<$letter> for Desk {
            type Result = Result<$answer, LedgerError>;

            fn handle(&mut self, $letter_name: $letter, _: &mut Self::Context) -> Self::Result {
                self.write(|$store, $at| $body)
            }
        }
    )*};
}

reads! {
    StocksWithBars => Vec<domain::Instrument>, |store, query| store.stocks_with_bars(query.market);
    BarsOf => BarSeries, |store, query| store.bars_of(&query);
    ElitesOf => Vec<Elite>, |store, query| store.elites(query.market);
    TriedBefore => Vec<TrialHash>, |store, query| store.tried_before(&query);
    TrialsOf => Vec<Tried>, |store, query| store.trials_of(&query);
    TotalsOf => TrialTotals, |store, query| store.trial_totals(query.market);
    WindowsOf => Vec<SpentWindow>, |store, query| store.windows(query.market);
    SeenIn => Option<String>, |store, query| store.seen_in(query.window);
    ActiveIn => Option<ActiveStrategy>, |store, query| store.active_strategy(query.market);
    AllProposals => Vec<ProposalRecord>, |store, _query| store.proposals();
    NewestCycles => Vec<CycleLine>, |store, _query| store.newest_cycles();
}

writes! {
    BeginCycle => Cycle, |store, letter, at| store.begin_cycle(&letter, at);
    RecordTrials => TrialsBooked, |store, letter, at| store.record_trials(&letter, at);
    SpendWindow => SpentWindow, |store, letter, at| store.spend_window(&letter, at);
    JudgeWindow => (), |store, letter, at| store.judge_window(&letter, at);
    DraftProposal => ProposalRecord, |store, letter, at| store.draft_proposal(&letter, at);
    ChangeProposal => ProposalRecord, |store, letter, at| store.change_proposal(&letter, at);
    EndCycle => (), |store, letter, at| store.end_cycle(&letter, at);
    FollowShadow => (), |store, letter, _at| store.follow_shadow(&letter);
    BookLook => (), |store, letter, at| store.book_look(&letter, at);
    JudgeShadow => ProposalRecord, |store, letter, at| store.judge_shadow(&letter, at);
}
