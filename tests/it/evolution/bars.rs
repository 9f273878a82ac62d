//! The day's bars of the stocks that evolution learns from, through the whole agent: no scan looks at them, and after the close the
//! books have them.

use domain::Instrument;
use domain::messages::bars::BarsSeen;
use kestrel::store::Database;
use optimizer::rehearsal::Rehearsal;
use trade_ledger::Store as _;

use super::{Evening, FRIDAY, first_day};
use crate::harness::{Agent, PATIENCE, database, log_of, until};

/// Enough for the features of a sample, too few for a search.
const SESSIONS: usize = 320;
/// Listed at the exchange; the made-up stock of the evening is not.
const LISTED: [&str; 2] = ["910010", "910020"];

#[test]
fn after_a_close_the_books_have_the_days_bars_of_the_stocks_that_evolution_learns_from() {
    let evening = Evening::new(1, SESSIONS, 0.0);
    let mut store = Database::open(database(evening.dir.path())).unwrap().store().unwrap();
    let newest = store.trading_state().unwrap().fencing;
    store.fence(newest);
    let market = Rehearsal { stocks: 2, first_day: first_day(FRIDAY, SESSIONS), edge: 0.0, seed: 2 };
    for (series, symbol) in market.series(SESSIONS).into_iter().zip(LISTED) {
        let instrument = Instrument { symbol: symbol.parse().unwrap(), ..series.instrument().clone() };
        let seen = BarsSeen { instrument, bars: series.bars().to_vec() };
        store.record_bars(&seen, super::EVENING.parse().unwrap()).unwrap();
    }
    drop(store);
    let of_the_day = || {
        evening
            .rows("SELECT symbol AS cells FROM newest_bars WHERE session_date = '2026-06-01' ORDER BY symbol")
    };
    assert!(of_the_day().is_empty());
    let _agent = Agent::start(&evening.dir, &evening.settings(&[]));
    let booked = until(PATIENCE, || (of_the_day() == LISTED).then_some(()));
    assert!(booked.is_some(), "{:?}: {}", of_the_day(), log_of(&evening.dir));
    evening.cycle();
    let log = log_of(&evening.dir);
    assert!(log.contains("a stock has no bar of the session") && log.contains("KR:000100"), "{log}");
}
