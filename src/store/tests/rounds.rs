//! A cycle over the real store that dies at every booked step and comes back: the same books as without dying.

use std::sync::{Arc, Mutex};

use domain::Confidence;
use domain::messages::bars::BarsSeen;
use domain::messages::evolution::ProposalNumber;
use optimizer::evolution::advice::Wanted;
use optimizer::evolution::round::{Ended, RoundPlan, round};
use optimizer::evolution::search::{SearchPlan, SearchStopped};
use optimizer::evolution::seeds::seeds;
use optimizer::gauntlet::{Rules, mechanical, sealed, walk_forward};
use optimizer::rehearsal::Rehearsal;

use super::*;
use crate::store::tests::dump;
use crate::verify::evolution::desk::{Books as Shelf, Desk};

const SESSIONS: usize = 400;

/// Books on disk that know a market with an edge.
struct Market400 {
    _folder: tempfile::TempDir,
    database: Database,
    now: DateTime<Utc>,
    fencing: FencingEpoch,
    last: chrono::NaiveDate,
}

impl Market400 {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path().join("trades.db")).unwrap();
        let mut store = database.store().unwrap();
        let fencing = store.boot(&boot_facts(0, start())).unwrap().fencing;
        let first_day = "2025-01-02".parse().unwrap();
        let market = Rehearsal { stocks: 4, first_day, edge: 0.02, seed: 5 };
        let last = *market.days(SESSIONS).last().unwrap();
        let now = (last + chrono::Days::new(1)).and_hms_opt(0, 0, 0).unwrap().and_utc();
        for series in market.series(SESSIONS) {
            let seen = BarsSeen { instrument: series.instrument().clone(), bars: series.bars().to_vec() };
            store.record_bars(&seen, now).unwrap();
        }
        Self { _folder: folder, database, now, fencing, last }
    }

    /// A life that ends after so many transactions; whether it ended the cycle, and how many it wrote.
    fn live(&self, writes_left: Option<u32>, loses_answer: bool) -> (Result<Ended, SearchStopped>, u32) {
        let mut store = self.database.store().unwrap();
        store.fence(self.fencing);
        let shelf = Shelf { store: Box::new(store), now: self.now, writes_left, loses_answer, written: 0 };
        let shelf = Arc::new(Mutex::new(shelf));
        let plan = self.plan();
        let desk = Desk(shelf.clone());
        let ended =
            actix::System::new().block_on(async { round(&desk.links().round, &plan, &mut |_| ()).await });
        let written = shelf.lock().unwrap().written;
        (ended, written)
    }

    fn plan(&self) -> RoundPlan {
        let search = SearchPlan {
            market: Market::Kr,
            session_date: self.last,
            seed: 11,
            trials: 12,
            slice: 6,
            seeds: seeds(),
            suggestions: vec![],
        };
        let rules = Rules {
            mechanical: mechanical::Rules {
                cuts: 2,
                trades: 20,
                concentration: 0.6,
                regimes: 1,
                ..Default::default()
            },
            walk_forward: walk_forward::Rules {
                overfitting: 0.9,
                folds_with_profit: 2,
                ..Default::default()
            },
            sealed: sealed::Rules { sessions: 60, ..Default::default() },
            ..Rules::default()
        };
        let (market, session_date) = (search.market, search.session_date);
        let wanted = Wanted { market, session_date, candidates: 0, min_confidence: Confidence::ZERO };
        RoundPlan { search, wanted, rules, least_sessions: SESSIONS, incumbent: None }
    }

    fn dump(&self) -> dump::Dump {
        dump::all(&mut self.database.connection().unwrap())
    }
}

#[test]
fn a_cycle_that_dies_at_any_step_leaves_the_same_books_as_one_that_lives() {
    let whole = Market400::new();
    let (ended, writes) = whole.live(None, false);
    let ended = ended.unwrap();
    // The beginning, asked for twice, two slices, the window, what was seen, the draft, the end.
    assert_eq!((ended.draft, writes), (Some(ProposalNumber(1)), 8), "{ended:?}");
    let expected = whole.dump();
    for step in 1..=writes {
        for loses_answer in [false, true] {
            let market = Market400::new();
            let (died, written) = market.live(Some(step), loses_answer);
            assert_eq!(written, step);
            assert_eq!(died.is_ok(), step == writes && !loses_answer, "step {step}");
            let (again, _) = market.live(None, false);
            assert!(again.is_ok(), "{again:?}");
            assert!(market.dump() == expected, "step {step}, answer lost: {loses_answer}");
        }
    }
    let (over, written) = whole.live(None, false);
    assert_eq!((over.unwrap().outcome, written), (None, 1), "it is over: only its beginning is asked for");
}
