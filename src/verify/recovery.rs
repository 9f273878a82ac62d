//! Recovery is idempotent, seen through the whole agent: what a second and a third start make of the same orders and the
//! same exchange is what the first one made of them.

use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::control::HaltRecord;
use domain::messages::ledger::{EventsAfter, IntentRecord};
use domain::messages::limits::OwnPosition;
use domain::messages::symbols::SymbolHalt;
use domain::{Clock, EventId, HaltEpoch, Market, OrderState};
use market_clock::Calendar;
use trade_ledger::DayKey;
use trade_ledger::store::Store;

use super::life::{End, live};
use super::stage::Stage;
use super::timetable::{Watch, watches};
use super::*;

/// Everything that a recovery could do twice: to the books, and to the exchange.
#[derive(Debug, PartialEq)]
struct Effects {
    intents: Vec<IntentRecord>,
    positions: Vec<OwnPosition>,
    halts: Vec<HaltRecord>,
    epoch: HaltEpoch,
    symbol_halts: Vec<SymbolHalt>,
    unclosed: Vec<DayKey>,
    lines: Vec<String>,
    /// What a closed day taught is told once a day, with whichever occasion comes first.
    reports: Vec<String>,
    orders: Vec<crate::simulator::VenueOrder>,
}

impl Effects {
    fn on(stage: &Stage) -> Self {
        let mut store = stage.database.store().unwrap();
        let state = store.trading_state().unwrap();
        let (mut lines, mut reports): (Vec<String>, Vec<String>) = Default::default();
        let mut after = EventId(0);
        loop {
            let events = store.events_after(&EventsAfter { after, limit: EVENTS_AT_ONCE }).unwrap();
            let Some(last) = events.last() else { break };
            after = last.id;
            for event in events {
                let line = format!("{} {:?} {}", event.at, event.kind, event.text);
                let place = if event.kind == EventKind::Report { &mut reports } else { &mut lines };
                place.push(line);
            }
        }
        Self {
            intents: store.all_intents().unwrap(),
            positions: store.own_positions().unwrap(),
            halts: state.halts,
            epoch: state.epoch,
            symbol_halts: store.symbol_halts().unwrap(),
            unclosed: store.unclosed_days().unwrap(),
            lines,
            reports,
            orders: stage.venue.books().orders,
        }
    }
}

fn open_states(stage: &Stage) -> Vec<OrderState> {
    let open = stage.database.store().unwrap().open_intents().unwrap();
    open.into_iter().map(|intent| intent.state).collect()
}

/// Which fates a seed meets is chance: so many seeds are tried at least, and at most.
const SEEDS_MIN: u64 = 4;
const SEEDS_MAX: u64 = 40;

/// Enough orders of an unknown fate, and enough that work.
fn proves_much(found: &[OrderState]) -> bool {
    let of = |wanted: &[OrderState]| found.iter().filter(|state| wanted.contains(state)).count();
    of(&[OrderState::Sending, OrderState::Unknown]) >= 3
        && of(&[OrderState::Accepted, OrderState::Partial]) >= 3
}

#[test]
fn recovery_twice_is_recovery_once() {
    let mut found: Vec<OrderState> = Vec::new();
    for seed in 1..=SEEDS_MAX {
        if seed > SEEDS_MIN && proves_much(&found) {
            break;
        }
        let options =
            Options { markets: vec![Market::Kr], pace: Pace::Watches { minutes: 8 }, ..Options::default() };
        let first = watches(seed, &options)[0];
        let date = Market::Kr.date_at(first.start);
        let close: DateTime<Utc> = Calendar::official().session_on(Market::Kr, date).unwrap().close;
        let (config, means) = (settings(1, &options, Means::Ample).unwrap(), Means::Ample);
        let stage = Arc::new(Stage::new(seed, config, first.start, false, means).unwrap());
        keep(&stage, Watch { end: first.start + TimeDelta::minutes(3), ..first }).unwrap();
        found.extend(open_states(&stage));
        stage.quiet();
        stage.clock.advance_to(close + TimeDelta::minutes(20));
        let mut lives = Vec::new();
        for _recovery in 0..3 {
            let until = stage.clock.now() + TimeDelta::minutes(20);
            assert_eq!(live(&stage, until), Ok(End::Over), "seed {seed}");
            stage.clock.advance_to(stage.clock.now() + TimeDelta::minutes(2));
            lives.push(Effects::on(&stage));
        }
        assert_eq!((lives[0].unclosed.clone(), open_states(&stage)), (vec![], vec![]), "seed {seed}");
        assert!(!lives[0].intents.is_empty(), "seed {seed}");
        assert_eq!(lives[2], lives[1], "seed {seed}: the third recovery did something");
        lives[0].reports = lives[1].reports.clone();
        assert_eq!(lives[1], lives[0], "seed {seed}: the second recovery did something");
    }
    assert!(proves_much(&found), "{found:?} prove little");
}
