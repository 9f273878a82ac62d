//! The search against a ledger that dies and comes back: the same books as without a death.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use actix::{Context, System};
use domain::messages::evolution::{Place, TrialsBooked};

use super::*;

/// The books: what a process that dies leaves behind.
#[derive(Default)]
struct Books {
    cycle: Option<Cycle>,
    trials: Vec<Trial>,
    places: BTreeMap<String, (i64, usize)>,
    /// So many slices are booked before the ledger is gone; none: it stays.
    slices_left: Option<u32>,
    largest_slice: usize,
}

#[derive(Clone, Default)]
struct Ledger(Arc<Mutex<Books>>);

impl Actor for Ledger {
    type Context = Context<Self>;
}

impl Handler<BeginCycle> for Ledger {
    type Result = Result<Cycle, LedgerError>;

    fn handle(&mut self, begin: BeginCycle, _: &mut Self::Context) -> Self::Result {
        let mut books = self.0.lock().unwrap();
        let BeginCycle { market, session_date, seed } = begin;
        let trials = u32::try_from(books.trials.len()).unwrap();
        let new = Cycle { seq: 1, market, session_date, seed, trials: 0, is_over: false };
        let cycle = *books.cycle.get_or_insert(new);
        Ok(Cycle { trials, ..cycle })
    }
}

impl Handler<ElitesOf> for Ledger {
    type Result = Result<Vec<Elite>, LedgerError>;

    fn handle(&mut self, _: ElitesOf, _: &mut Self::Context) -> Self::Result {
        let books = self.0.lock().unwrap();
        let elite = |(niche, (fitness_micros, trial)): (&String, &(i64, usize))| Elite {
            place: Place { niche: niche.clone(), fitness_micros: *fitness_micros },
            hash: books.trials[*trial].hash.clone(),
            strategy: books.trials[*trial].strategy.clone(),
        };
        Ok(books.places.iter().map(elite).collect())
    }
}

impl Handler<TriedBefore> for Ledger {
    type Result = Result<Vec<TrialHash>, LedgerError>;

    fn handle(&mut self, query: TriedBefore, _: &mut Self::Context) -> Self::Result {
        let books = self.0.lock().unwrap();
        let is_known = |hash: &TrialHash| books.trials.iter().any(|trial| trial.hash == *hash);
        Ok(query.hashes.into_iter().filter(is_known).collect())
    }
}

impl Handler<RecordTrials> for Ledger {
    type Result = Result<TrialsBooked, LedgerError>;

    fn handle(&mut self, record: RecordTrials, _: &mut Self::Context) -> Self::Result {
        let mut books = self.0.lock().unwrap();
        match &mut books.slices_left {
            Some(0) => return Err(LedgerError::Storage("gone".into())),
            Some(left) => *left -= 1,
            None => {}
        }
        assert_eq!(usize::try_from(record.position).unwrap(), books.trials.len());
        books.largest_slice = books.largest_slice.max(record.trials.len());
        for trial in record.trials {
            assert!(books.trials.iter().all(|one| one.hash != trial.hash), "tried twice");
            let number = books.trials.len();
            if let Some(Place { niche, fitness_micros }) = trial.place.clone() {
                let holds = books.places.get(&niche).map(|(fitness, _)| *fitness);
                if holds.is_none_or(|fitness| fitness < fitness_micros) {
                    books.places.insert(niche, (fitness_micros, number));
                }
            }
            books.trials.push(trial);
        }
        let trials = u32::try_from(books.trials.len()).unwrap();
        Ok(TrialsBooked { trials, places_taken: 0 })
    }
}

/// Likes strategies whose identity begins with large digits, and ends one in four.
struct Dice;

impl Laboratory for Dice {
    fn examine(&mut self, strategy: &Strategy, admission: &Admission) -> Examined {
        assert!(admission.verdict().passed(), "what was tried before is not drawn");
        let digits = strategy.identity().to_string();
        let digit = |place: usize| i64::from_str_radix(&digits[place..=place], 16).unwrap();
        let killed_by = (digit(0) < 4).then_some(GateName::G1);
        let habits = Habits { bars_held: 3.0, turnover: if digit(1) < 8 { 10.0 } else { 30.0 } };
        Examined {
            killed_by,
            sharpe_micros: Some(digit(2) * 4_000 + digit(3)),
            observations: 700,
            habits: Some(habits),
            evidence: "{}".into(),
        }
    }
}

fn plan(seed: u64) -> SearchPlan {
    let seed_text = include_str!("../seed_of_tests.json");
    SearchPlan {
        market: Market::Kr,
        session_date: "2026-11-24".parse().unwrap(),
        seed,
        trials: 150,
        slice: 16,
        seeds: vec![Strategy::from_json(seed_text).unwrap()],
        suggestions: vec![],
    }
}

type Found = Result<(Cycle, Vec<Elite>), SearchStopped>;

/// One life of the process over the books of the lives before it.
fn live(books: &Arc<Mutex<Books>>, plan: &SearchPlan) -> Found {
    let (books, plan) = (books.clone(), plan.clone());
    let paused =
        || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    System::with_tokio_rt(paused).block_on(async move {
        let ledger = Ledger(books).start();
        let links = SearchLinks {
            begin: Link::from_recipient(ledger.clone().recipient()),
            elites: Link::from_recipient(ledger.clone().recipient()),
            tried: Link::from_recipient(ledger.clone().recipient()),
            record: Link::from_recipient(ledger.recipient()),
        };
        search(&links, &plan, &mut Dice, &mut |_| ()).await
    })
}

#[test]
fn a_search_that_dies_again_and_again_leaves_the_same_books_as_one_that_lives() {
    let whole = Arc::new(Mutex::new(Books::default()));
    let (cycle, elites) = live(&whole, &plan(5)).unwrap();
    assert_eq!(cycle.trials, 150);
    assert!(elites.len() > 1, "{elites:?}");
    assert_eq!(whole.lock().unwrap().largest_slice, 16);
    for slices in [1, 2, 3] {
        let broken = Arc::new(Mutex::new(Books::default()));
        let mut lives = 0;
        let (_, same) = loop {
            lives += 1;
            broken.lock().unwrap().slices_left = Some(slices);
            // The seed of a later life is another one; the cycle keeps its own.
            match live(&broken, &plan(if lives == 1 { 5 } else { 99 })) {
                Ok(found) => break found,
                Err(stopped) => assert!(matches!(stopped, SearchStopped::Ledger(_)), "{stopped:?}"),
            }
            assert!(lives < 20, "it never ends");
        };
        assert!(lives > 2, "it died on the way");
        assert_eq!(same, elites);
        assert!(broken.lock().unwrap().trials == whole.lock().unwrap().trials, "{slices} slices a life");
    }
}

#[test]
fn what_a_gate_ended_is_booked_and_has_no_place_and_another_seed_finds_others() {
    let books = Arc::new(Mutex::new(Books::default()));
    live(&books, &plan(5)).unwrap();
    let other = Arc::new(Mutex::new(Books::default()));
    live(&other, &plan(6)).unwrap();
    let (books, other) = (books.lock().unwrap(), other.lock().unwrap());
    let ended: Vec<_> = books.trials.iter().filter(|trial| trial.killed_by.is_some()).collect();
    assert!(ended.len() > 10 && ended.iter().all(|trial| trial.place.is_none()));
    assert!(books.trials != other.trials);
    assert!(
        live(&Arc::new(Mutex::new(Books::default())), &SearchPlan { seeds: vec![], ..plan(5) })
            .unwrap()
            .1
            .is_empty()
    );
}
