//! The gates over the real backtest: an edge that is planted in bars passes, and what cheats is caught by the engine's own figures.

use std::collections::BTreeSet;
use std::ops::Range;

use chrono::NaiveDate;
use domain::messages::bars::DayBar;
use domain::messages::evolution::{GateName, SpentWindow, TrialHash};

use strategy::form::{Feature, Strategy};

use super::bench::Bench;
use super::cut::{EMBARGO, WARM_UP, cut};
use super::*;
use crate::backtest::Series;
use crate::evolution::search::Laboratory as _;
use crate::gauntlet::admission::Admission;
use crate::gauntlet::candidate::{Candidate, Conditions, Reading, Run};
use crate::gauntlet::{Rules, Verdict, mechanical, sealed};
use crate::rehearsal::Rehearsal;
use crate::validation::sharpe::Record;

const FIRST: NaiveDate = NaiveDate::from_ymd_opt(2022, 1, 3).unwrap();
const LOOK: usize = 120;
const SESSIONS: usize = 800;
/// What each of three days after a fall earns more.
const EDGE: f64 = 0.008;

fn market(edge: f64) -> Rehearsal {
    Rehearsal { stocks: 8, first_day: FIRST, edge, seed: 3 }
}

fn strategy(predicate: &str, hold: u32) -> Strategy {
    let text = format!(
        r#"{{"id":"t-1","parent_id":null,"hypothesis":"A test.","side":"long",
         "entry":{{"min_score":0.8,"terms":[{{"weight":1.0,"all_of":[{predicate}]}}]}},
         "exit":{{"any_of":[],"stop_atr":null,"take_atr":null,"trailing_atr":null,"max_hold_bars":{hold}}},
         "sizing":{{"fraction_pct":10.0}}}}"#
    );
    Strategy::from_json(&text).unwrap()
}

fn predicate(feature: &str, op: &str, value: f64) -> String {
    format!(
        r#"{{"feature":"{feature}","lag":0,"op":"{op}","rhs_kind":"value","rhs_feature":null,"rhs_value":{value}}}"#
    )
}

fn falls() -> Strategy {
    strategy(&predicate("roc_1", "lt", -1.4), 3)
}

fn cut_of(edge: f64) -> Cut {
    cut(market(edge).series(SESSIONS), &[], (400, LOOK)).unwrap()
}

fn hash(digit: char) -> TrialHash {
    digit.to_string().repeat(64).parse().unwrap()
}

fn spent(days: &[NaiveDate], range: Range<usize>) -> SpentWindow {
    let (first_day, last_day) = (days[range.start], days[range.end - 1]);
    SpentWindow { seq: 1, cycle: 1, number: 1, first_day, last_day, champion: hash('a'), passed: Some(false) }
}

#[test]
fn the_newest_days_that_nobody_has_looked_at_are_sealed_and_the_sample_ends_before_them() {
    let days = market(0.0).days(SESSIONS);
    let series = || market(0.0).series(SESSIONS);
    // 30 % of the 600 days that count.
    let cut_at = |spent: &[SpentWindow]| cut(series(), spent, (400, LOOK)).unwrap();
    let first = cut_at(&[]);
    let sealed = first.sealed.unwrap();
    assert_eq!((sealed.first_day(), sealed.last_day()), (days[620], days[799]));
    assert_eq!(first.sample.days, days[WARM_UP..620 - EMBARGO]);
    assert_eq!(first.sample.benchmark.len(), first.sample.days.len());
    // After a look everything that came later is sealed, as soon as it is enough.
    let second = cut_at(&[spent(&days, 500..680)]);
    let sealed = second.sealed.unwrap();
    assert_eq!((sealed.first_day(), sealed.last_day()), (days[680], days[799]));
    assert_eq!(second.sample.days.last(), Some(&days[680 - EMBARGO - 1]));
    // Until then nobody sees it, and what was looked at may be learnt from.
    let waiting = cut_at(&[spent(&days, 500..681)]);
    let waits = waiting.sealed.unwrap_err();
    assert_eq!(waits.to_string(), "119 of the 120 sessions that a look needs have passed since the last one");
    assert_eq!(waiting.sample.days.last(), Some(&days[681 - EMBARGO - 1]));
    assert_eq!(waiting.sealed_from, days[681]);
    let all_spent = cut_at(&[spent(&days, 500..800)]);
    assert_eq!(Some(all_spent.sealed_from), days[799].succ_opt(), "what comes next");
    assert_eq!(cut(series(), &[], (801, LOOK)).unwrap_err(), TooLittle::Sessions { found: 800, least: 801 });
    let few = market(0.0).series(390);
    assert!(matches!(cut(few, &[], (1, LOOK)), Err(TooLittle::Sessions { .. })), "no sample is left");
    assert_eq!(cut(series()[..1].to_vec(), &[], (400, LOOK)).unwrap_err(), TooLittle::Stocks { found: 1 });
}

#[test]
fn a_planted_edge_passes_every_gate_of_the_sample_and_earns_in_the_sealed_days_too() {
    let Cut { sample, sealed, sealed_from } = cut_of(EDGE);
    let rules = Rules::default();
    let bench = Workbench::new(&sample, &rules);
    let tried = bench.try_out(&falls(), &Admission::New(hash('b')));
    let failures: Vec<_> =
        tried.verdicts.iter().flat_map(Verdict::failures).map(ToString::to_string).collect();
    let gates: Vec<_> = tried.verdicts.iter().map(|verdict| verdict.gate).collect();
    assert_eq!((failures, gates), (vec![], vec![GateName::G0, GateName::G1, GateName::G2]));
    assert!(tried.verdicts[1].measured("bars tried for a look ahead").unwrap() >= 100.0);
    assert_eq!(tried.run.returns.len(), sample.days.len());
    assert_eq!(bench.returns(&falls()), tried.run.returns);
    let habits = tried.habits.unwrap();
    assert!((2.0..4.0).contains(&habits.bars_held) && habits.turnover > 1.0, "{habits:?}");
    let sealed = sealed.unwrap();
    let (first_day, last_day) = (sealed.first_day(), sealed.last_day());
    assert_eq!(sealed_from, first_day);
    let receipt = SpentWindow { first_day, last_day, passed: None, ..spent(&[first_day, last_day], 0..2) };
    let seen = paper(&falls(), &sealed.open(&receipt, &hash('a')).unwrap(), first_day).unwrap();
    assert_eq!((seen.days.first(), seen.days.last()), (Some(&first_day), Some(&last_day)));
    assert_eq!(seen.returns.first(), Some(&0.0), "it begins with cash");
    assert!(Record::of(&seen.returns).unwrap().sharpe > 0.1, "{:?}", Record::of(&seen.returns));
    assert!(seen.decisions.iter().sum::<u32>() > 30);
}

/// The same stocks, each of which earns `more` a session.
fn rising(series: &[Series], more: f64) -> Vec<Series> {
    let risen = |(place, bar): (usize, &DayBar)| {
        let factor = (1.0 + more).powi(i32::try_from(place).unwrap());
        let risen = |micros: i64| (micros as f64 * factor).round() as i64;
        DayBar {
            open_micros: risen(bar.open_micros),
            high_micros: risen(bar.high_micros),
            low_micros: risen(bar.low_micros),
            close_micros: risen(bar.close_micros),
            ..*bar
        }
    };
    let all = |series: &Series| series.bars().iter().enumerate().map(risen).collect();
    series.iter().map(|one| Series::new(one.instrument().clone(), all(one)).unwrap()).collect()
}

#[test]
fn whoever_only_holds_in_a_rising_market_has_no_skill_and_a_planted_edge_has_some_there_too() {
    let always = strategy(&predicate("roc_1", "gt", -24.0), 60);
    for (edge, strategy, passes) in [(0.0, &always, false), (EDGE, &falls(), true)] {
        let series = rising(&market(edge).series(SESSIONS), 0.002);
        let Cut { sealed, .. } = cut(series, &[], (400, LOOK)).unwrap();
        let sealed = sealed.unwrap();
        let (first_day, last_day) = (sealed.first_day(), sealed.last_day());
        let receipt =
            SpentWindow { first_day, last_day, passed: None, ..spent(&[first_day, last_day], 0..2) };
        let seen = paper(strategy, &sealed.open(&receipt, &hash('a')).unwrap(), first_day).unwrap();
        let evidence = sealed::Evidence::of(&receipt, &seen.returns, &seen.market);
        let verdict = sealed::verdict(&evidence, &Rules::default().sealed);
        let failures: Vec<_> = verdict.failures().map(ToString::to_string).collect();
        assert!(verdict.measured("probability of skill in the sealed window").unwrap() > 0.95, "it earns");
        assert_eq!(verdict.passed(), passes, "{failures:?}");
        assert!(
            failures.iter().all(|failure| failure.contains("beyond what the market did")),
            "{failures:?}"
        );
    }
}

#[test]
fn what_has_no_edge_or_only_before_costs_or_was_tried_before_is_killed_and_says_by_what() {
    let planted = cut_of(0.0015);
    let none = cut_of(0.0);
    let rules = Rules::default();
    let rises = strategy(&predicate("roc_1", "gt", 1.4), 3);
    let never = strategy(&predicate("roc_1", "lt", -25.0), 3);
    let earns_before_costs = {
        let bench = Bench::new(&planted.sample, &FALLS);
        assert!(bench.run(Conditions { cost_multiple: 0, ..Conditions::NOMINAL }).total() > 0.0);
        Workbench::new(&planted.sample, &rules).try_out(&FALLS, &Admission::New(hash('b')))
    };
    assert_eq!(earns_before_costs.killed_by(), Some(GateName::G1));
    for (strategy, admission, gate, what) in [
        (falls(), Admission::New(hash('b')), GateName::G1, "total return"),
        (rises, Admission::New(hash('b')), GateName::G1, "total return"),
        (never, Admission::New(hash('b')), GateName::G1, "trades"),
        (falls(), Admission::TriedBefore(hash('b')), GateName::G0, "earlier trials of the same"),
    ] {
        let examined = Workbench::new(&none.sample, &rules).examine(&strategy, &admission);
        assert_eq!(examined.killed_by, Some(gate), "{what}");
        assert!(examined.evidence.contains(what), "{}", examined.evidence);
        assert_eq!(examined.sharpe_micros.is_some(), gate == GateName::G1 && what != "trades");
    }
}

static FALLS: std::sync::LazyLock<Strategy> = std::sync::LazyLock::new(falls);

/// The real bench, and someone who tampers with what it does.
struct Cheat<'a> {
    honest: Bench<'a>,
    how: How,
    looks: std::cell::Cell<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    /// Reads at a bar what is known at the next one.
    Future,
    /// Another result at each run.
    Fickle,
    /// Needs to have seen everything from the first bar on.
    LongMemory,
}

impl Candidate for Cheat<'_> {
    fn stocks(&self) -> usize {
        self.honest.stocks()
    }

    fn bars(&self, stock: usize) -> usize {
        self.honest.bars(stock)
    }

    fn readings(&self, stock: usize) -> Vec<Reading> {
        let mut readings = self.honest.readings(stock);
        if self.how == How::Future {
            readings.rotate_left(1);
        }
        readings
    }

    fn reading(&self, stock: usize, window: Range<usize>) -> Reading {
        let length = window.len();
        let mut reading = self.honest.reading(stock, window);
        if self.how == How::LongMemory {
            reading.values.push(Some(length as f64));
        }
        reading
    }

    fn constants(&self) -> usize {
        self.honest.constants()
    }

    fn run(&self, conditions: Conditions) -> Run {
        let mut run = self.honest.run(conditions);
        self.looks.set(self.looks.get() + 1);
        if self.how == How::Fickle {
            run.returns[0] += f64::from(self.looks.get()) * 1e-12;
        }
        run
    }
}

#[test]
fn a_look_ahead_a_fickle_run_and_a_memory_of_years_are_caught_on_the_real_engine() {
    let Cut { sample, .. } = cut_of(EDGE);
    let rules = mechanical::Rules::default();
    for (how, what) in [
        (How::Future, "bars with a look ahead"),
        (How::Fickle, "runs that differ from the first"),
        (How::LongMemory, "stocks that need a longer history"),
    ] {
        let honest = Bench::new(&sample, &FALLS);
        let cheat = Cheat { honest, how, looks: std::cell::Cell::new(0) };
        let evidence = mechanical::measure(&cheat, &sample.benchmark, &rules, 1);
        let verdict = mechanical::verdict(&evidence, &rules);
        assert!(verdict.measured(what).unwrap() > 0.0, "{how:?}");
        assert!(!verdict.passed());
    }
}

#[test]
fn every_constant_is_moved_and_every_feature_reads_live_what_the_backtest_read() {
    let Cut { sample, .. } = cut_of(0.0);
    let bench = Bench::new(&sample, &FALLS);
    // The score, one weight, one value, the holding.
    assert_eq!(bench.constants(), 4);
    let nominal = bench.run(Conditions::NOMINAL);
    let differing: BTreeSet<usize> = (0..bench.constants())
        .flat_map(|place| [0.9, 1.1].map(|factor| (place, factor)))
        .filter(|(place, factor)| {
            bench.run(Conditions { constant: Some((*place, *factor)), ..Conditions::NOMINAL }) != nominal
        })
        .map(|(place, _)| place)
        .collect();
    assert!(differing.contains(&2) && differing.contains(&3), "{differing:?}");
    for feature in Feature::ALL.iter().filter(|feature| !feature.is_of_holding()) {
        let unit = strategy(&predicate(feature.name(), "gt", feature.definition().low), 3);
        let bench = Bench::new(&sample, &unit);
        let whole = bench.readings(0);
        for bar in [WARM_UP, 257, 333, 600] {
            assert_eq!(bench.reading(0, 0..bar + 1), whole[bar], "{feature} at {bar}");
        }
        assert!(whole[600].values[0].is_some(), "{feature}");
    }
}
