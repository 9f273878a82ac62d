//! Books and a Scanner that answer as told, in virtual time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use actix::{Context, System};
use domain::messages::bars::{BarSeries, DayBar, StocksWithBars};
use domain::messages::ledger::LedgerError;

use super::*;
use crate::rehearsal::Rehearsal;

/// Sessions in the books before; the next one is over.
const KNOWN: usize = 400;

/// The world: what the books have, and what the exchange says.
#[derive(Clone, Default)]
struct World {
    books: Arc<Mutex<BTreeMap<Instrument, Vec<DayBar>>>>,
    all: Arc<BTreeMap<Instrument, Vec<DayBar>>>,
    asked: Arc<Mutex<Vec<String>>>,
    /// Never answers for these.
    silent: BTreeSet<&'static str>,
    /// So many questions are not answered at first.
    silent_for: usize,
    /// Does not know these.
    unknown: BTreeSet<&'static str>,
}

impl Actor for World {
    type Context = Context<Self>;
}

impl Handler<StocksWithBars> for World {
    type Result = Result<Vec<Instrument>, LedgerError>;

    fn handle(&mut self, _: StocksWithBars, _: &mut Self::Context) -> Self::Result {
        Ok(self.books.lock().unwrap().keys().cloned().collect())
    }
}

impl Handler<BarsOf> for World {
    type Result = Result<BarSeries, LedgerError>;

    fn handle(&mut self, query: BarsOf, _: &mut Self::Context) -> Self::Result {
        let bars = self.books.lock().unwrap().get(&query.instrument).cloned().unwrap_or_default();
        let surplus = bars.len().saturating_sub(usize::from(query.most));
        Ok(BarSeries { instrument: query.instrument, bars: bars[surplus..].to_vec(), cut_before: None })
    }
}

impl Handler<SeeBars> for World {
    type Result = Result<Option<NaiveDate>, QueryError>;

    fn handle(&mut self, see: SeeBars, _: &mut Self::Context) -> Self::Result {
        let symbol = see.instrument.symbol.to_string();
        let mut asked = self.asked.lock().unwrap();
        asked.push(symbol.clone());
        if self.silent.contains(&*symbol) || asked.len() <= self.silent_for {
            return Err(QueryError::Unavailable("no answer".into()));
        }
        if self.unknown.contains(&*symbol) {
            return Ok(None);
        }
        let known = self.all[&see.instrument].iter().filter(|bar| bar.session_date <= see.session_date);
        let known: Vec<_> = known.copied().collect();
        let newest = known.last().map(|bar| bar.session_date);
        self.books.lock().unwrap().insert(see.instrument, known);
        Ok(newest)
    }
}

/// What was asked, and the stocks that have the day's bar afterwards.
fn fetched(stocks: u32, set: impl FnOnce(&mut World)) -> (Vec<String>, usize) {
    let market = Rehearsal { stocks, first_day: "2020-01-01".parse().unwrap(), edge: 0.0, seed: 1 };
    let until = market.days(KNOWN + 1)[KNOWN];
    let all = |sessions| {
        let series = market.series(sessions).into_iter();
        series.map(|one| (one.instrument().clone(), one.bars().to_vec())).collect::<BTreeMap<_, _>>()
    };
    let mut world = World { all: Arc::new(all(KNOWN + 2)), ..World::default() };
    *world.books.lock().unwrap() = all(KNOWN);
    set(&mut world);
    let asked = world.asked.clone();
    let paused =
        || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let series = System::with_tokio_rt(paused).block_on(async move {
        let world = world.start();
        let links = HistoryLinks {
            stocks: Link::from_recipient(world.clone().recipient()),
            bars: Link::from_recipient(world.clone().recipient()),
            see: Some(Link::from_recipient(world.recipient())),
        };
        let series = load_fresh(&links, Market::Kr, until).await.unwrap();
        let asked_again = load_fresh(&links, Market::Kr, until).await.unwrap();
        assert_eq!(asked_again.len(), series.len());
        series
    });
    let with_day = series.iter().filter(|one| one.bars().last().is_some_and(|bar| bar.session_date == until));
    (asked.lock().unwrap().clone(), with_day.count())
}

#[test]
fn the_day_of_every_stock_that_is_learnt_from_is_fetched_once() {
    let (asked, with_day) = fetched(8, |_| ());
    assert_eq!((asked.len(), with_day), (8, 8), "{asked:?}");
    assert_eq!(asked.iter().collect::<BTreeSet<_>>().len(), 8, "what the books have is not asked for again");
}

#[test]
fn a_stock_that_fails_costs_that_stock_only() {
    let (asked, with_day) = fetched(8, |world| {
        world.silent.insert("000102");
        world.unknown.insert("000105");
    });
    assert_eq!(with_day, 6);
    let of = |symbol: &str| asked.iter().filter(|one| *one == symbol).count();
    assert_eq!(
        [of("000102"), of("000105"), of("000107")],
        [2 * 3, 2, 1],
        "three times each turn, once, once"
    );
}

#[test]
fn a_market_that_does_not_answer_is_tried_again_a_few_times_and_the_stocks_that_are_silent_come_last() {
    let (asked, with_day) = fetched(8, |world| world.silent_for = 3);
    assert_eq!((asked.len(), with_day), (11, 8), "{asked:?}");
    let (asked, with_day) = fetched(8, |world| world.silent.extend(["000100", "000101", "000102"]));
    assert_eq!(with_day, 5, "the others are asked for in the second round: {asked:?}");
    let (asked, with_day) = fetched(8, |world| world.silent_for = usize::MAX);
    assert_eq!(
        (asked.len(), with_day),
        (2 * 3 * SILENT_MAX, 0),
        "two turns, three rounds, {SILENT_MAX} each"
    );
}

#[test]
fn however_many_stocks_the_books_have_the_requests_after_a_close_are_bounded() {
    let (asked, with_day) = fetched(STOCKS_MAX as u32 + 6, |_| ());
    assert_eq!((asked.len(), with_day), (STOCKS_MAX, STOCKS_MAX));
    assert_eq!(REQUESTS_MAX, 192, "as OPERATIONS.md says");
}
