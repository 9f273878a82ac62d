//! Ten thousand hostile candidates through form, identity, columns and gates: none may panic, break a limit, or cost more than
//! a bounded strategy can.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{Days, NaiveDate};
use domain::messages::bars::DayBar;
use domain::messages::evolution::{STRATEGY_BYTES_MAX, TrialHash};
use serde_json::{Value, json};
use strategy::form::{
    ALL_OF_MAX, ANY_OF_MAX, Columns, FRACTION_PCT_MAX, Feature, HOLD_BARS_MAX, LAG_MAX, Strategy, TERMS_MAX,
    TEXT_BYTES_MAX, Term,
};

use super::admission::Admission;
use super::candidate::{Candidate, Conditions, Reading, Run, Trade};
use super::dossier::Outcome;
use super::mechanical;

const CANDIDATES: usize = 10_000;
const BARS: usize = 300;
/// Of so many sound candidates one goes through G1.
const JUDGED_OF: usize = 20;
/// Bars of each stock at which the past is cut off.
const CUTS: usize = 2;
/// How often at most G1 looks at a bar of a candidate without constants: in seven runs, one reading of all bars, one up to each cut
/// and two of the last history. That is what its time follows, on any machine.
const LOOKS_MAX: usize = 7 + 1 + CUTS + 2;
const FIRST: NaiveDate = NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();

fn series(seed: u64) -> Vec<DayBar> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut price = 50_000_000_i64;
    let mut bar = |day: u64| {
        let open_micros = price;
        price = (price + random.i64(-1_000_000..=1_000_000)).max(1_000_000);
        DayBar {
            session_date: FIRST + Days::new(day),
            open_micros,
            high_micros: open_micros.max(price) + random.i64(0..100_000),
            low_micros: open_micros.min(price) - random.i64(0..100_000),
            close_micros: price,
            volume: random.u64(0..1_000_000),
        }
    };
    (0..BARS as u64).map(&mut bar).collect()
}

/// A strategy held for one bar after each bar at which its score is reached.
struct Formed {
    strategy: Strategy,
    series: Vec<Vec<DayBar>>,
    /// Bars for which its columns were made.
    bars_seen: AtomicUsize,
    /// The largest columns, in values.
    values_held: AtomicUsize,
}

impl Formed {
    fn new(strategy: Strategy, series: &[Vec<DayBar>]) -> Self {
        let (bars_seen, values_held) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { strategy, series: series.to_vec(), bars_seen, values_held }
    }

    /// What it took until now follows from the bars and from what a strategy may have at most, not from the text that was given.
    fn assert_bounded(&self, number: usize) {
        let seen = self.bars_seen.load(Ordering::Relaxed);
        let most = LOOKS_MAX * BARS * self.series.len();
        assert!(seen <= most, "candidate {number}: {seen} bars looked at, allowed are {most}");
        let held = self.values_held.load(Ordering::Relaxed);
        // Two features of each comparison, and the average true range.
        let features = (2 * self.strategy.predicates() + 1).min(Feature::ALL.len());
        assert!(held <= BARS * features, "candidate {number}: {held} values of {features} features at once");
    }

    fn columns(&self, stock: usize, window: Range<usize>) -> Columns {
        let features = self.strategy.features();
        self.bars_seen.fetch_add(window.len(), Ordering::Relaxed);
        self.values_held.fetch_max(window.len() * features.len(), Ordering::Relaxed);
        Columns::of(&self.series[stock][window], &features).unwrap()
    }

    fn read(&self, columns: &Columns, bar: usize, buys: bool) -> Reading {
        let values = self.strategy.features().into_iter().map(|feature| columns.value(feature, bar));
        Reading { values: values.collect(), buys }
    }
}

impl Candidate for Formed {
    fn stocks(&self) -> usize {
        self.series.len()
    }

    fn bars(&self, stock: usize) -> usize {
        self.series[stock].len()
    }

    fn readings(&self, stock: usize) -> Vec<Reading> {
        let columns = self.columns(stock, 0..self.bars(stock));
        let entries = self.strategy.entries(&columns);
        entries.into_iter().enumerate().map(|(bar, buys)| self.read(&columns, bar, buys)).collect()
    }

    fn reading(&self, stock: usize, window: Range<usize>) -> Reading {
        let columns = self.columns(stock, window);
        let last = columns.bars() - 1;
        self.read(&columns, last, self.strategy.entries(&columns)[last])
    }

    fn constants(&self) -> usize {
        0
    }

    fn run(&self, conditions: Conditions) -> Run {
        let mut run = Run { returns: vec![0.0; BARS], trades: Vec::new() };
        for stock in 0..self.stocks() {
            let entries = self.strategy.entries(&self.columns(stock, 0..BARS));
            let delay = 1 + usize::from(conditions.delay_bars);
            for bar in (0..BARS - delay).filter(|bar| entries[*bar]) {
                let (bought, sold) = (&self.series[stock][bar + delay - 1], &self.series[stock][bar + delay]);
                let gain = sold.close_micros as f64 / bought.close_micros as f64 - 1.0;
                run.returns[bar + delay] += gain;
                run.trades.push(Trade { stock, sold: sold.session_date, gain });
            }
        }
        run
    }
}

fn predicate(random: &mut fastrand::Rng) -> Value {
    let of_stock: Vec<_> = Feature::ALL.iter().filter(|feature| !feature.is_of_holding()).collect();
    let feature = of_stock[random.usize(..of_stock.len())];
    let same_unit: Vec<_> =
        of_stock.into_iter().filter(|other| other.unit() == feature.unit() && *other != feature).collect();
    let bounds = feature.definition();
    let is_pair = random.u8(..5) == 0 && !same_unit.is_empty();
    let operator = ["lt", "le", "gt", "ge"][random.usize(..4)];
    json!({
        "feature": feature.name(),
        "lag": random.i64(0..=60),
        "op": operator,
        "rhs_kind": if is_pair { "feature" } else { "value" },
        "rhs_feature": if is_pair { json!(same_unit[random.usize(..same_unit.len())].name()) } else { Value::Null },
        "rhs_value": if is_pair { 0.0 } else { bounds.low + (bounds.high - bounds.low) * random.f64() },
    })
}

fn many(of: &mut dyn FnMut() -> Value, count: usize) -> Vec<Value> {
    (0..count).map(|_| of()).collect()
}

/// Sound, so that what is spoilt a little gets far.
fn sound(random: &mut fastrand::Rng) -> Value {
    let terms = random.usize(1..=TERMS_MAX);
    let mut term = || {
        let count = fastrand::Rng::with_seed(random.u64(..)).usize(1..=ALL_OF_MAX);
        let all_of = many(&mut || predicate(random), count);
        let sign = if random.bool() { 1 } else { -1 };
        json!({ "weight": sign * random.i32(1..=100), "all_of": all_of })
    };
    let terms = many(&mut term, terms);
    let exits = random.usize(0..=ANY_OF_MAX);
    let any_of = many(&mut || predicate(random), exits);
    json!({
        "id": "s-0001", "parent_id": null, "hypothesis": "none", "side": "long",
        "entry": { "min_score": random.i32(1..=20), "terms": terms },
        "exit": { "any_of": any_of, "stop_atr": 2.0, "take_atr": null, "trailing_atr": 3.0, "max_hold_bars": random.i32(1..=250) },
        "sizing": { "fraction_pct": 10.0 },
    })
}

/// Something that does not belong there.
fn poison(random: &mut fastrand::Rng) -> Value {
    match random.u8(..12) {
        0 => Value::Null,
        1 => json!(f64::MAX),
        2 => json!(-1e300),
        3 => json!(1e-310),
        4 => json!(i64::MIN),
        5 => json!(u64::MAX),
        6 => json!("x".repeat(random.usize(0..5_000))),
        7 => json!("rsi_14\u{0}\u{202e}'; DROP TABLE trials;--"),
        8 => (0..200).fold(json!(1), |inner, _| json!([inner])),
        9 => json!({ "all_of": { "all_of": {} } }),
        10 => Value::Array(many(&mut || json!(0), 10_000)),
        _ => json!(true),
    }
}

/// Replaces, repeats, adds or removes something at a random place.
fn spoil(value: &mut Value, random: &mut fastrand::Rng) {
    match value {
        Value::Object(fields) if !fields.is_empty() && random.u8(..4) > 0 => {
            let place = random.usize(..fields.len());
            let key = fields.keys().nth(place).cloned().unwrap();
            match random.u8(..12) {
                0 => drop(fields.remove(&key)),
                1 => drop(fields.insert("tomorrow".to_owned(), poison(random))),
                _ => spoil(fields.get_mut(&key).unwrap(), random),
            }
        }
        Value::Array(items) if !items.is_empty() && random.u8(..4) > 0 => {
            let place = random.usize(..items.len());
            match random.u8(..12) {
                0 => drop(items.remove(place)),
                1 => *items = vec![items[place].clone(); [2, 17, 400, 10_000][random.usize(..4)]],
                _ => spoil(&mut items[place], random),
            }
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => {
            *value = poison(random);
        }
    }
}

fn text(random: &mut fastrand::Rng) -> String {
    let mut value = sound(random);
    match random.u8(..8) {
        0 | 1 => value.to_string(),
        2 => {
            // Bytes of the text itself.
            let mut bytes = value.to_string().into_bytes();
            for _ in 0..random.usize(1..6) {
                let place = random.usize(..bytes.len());
                match random.u8(..3) {
                    0 => bytes[place] = random.u8(..),
                    1 => drop(bytes.remove(place)),
                    _ => bytes.truncate(place.max(1)),
                }
            }
            String::from_utf8_lossy(&bytes).into_owned()
        }
        3 => value.to_string().replace("\"min_score\":", "\"min_score\":NaN,\"min_score\":"),
        4 if random.u8(..50) == 0 => "[".repeat(3_000_000),
        _ => {
            for _ in 0..random.usize(1..4) {
                spoil(&mut value, random);
            }
            value.to_string()
        }
    }
}

fn assert_bounded(strategy: &Strategy, number: usize) {
    let (entry, exit) = (strategy.entry(), strategy.exit());
    assert!((1..=TERMS_MAX).contains(&entry.terms().len()), "candidate {number}");
    assert!(
        entry.terms().iter().all(|term| (1..=ALL_OF_MAX).contains(&term.all_of().len())),
        "candidate {number}"
    );
    assert!(exit.any_of().len() <= ANY_OF_MAX && exit.max_hold_bars() <= HOLD_BARS_MAX, "candidate {number}");
    assert!(strategy.predicates() <= TERMS_MAX * ALL_OF_MAX + ANY_OF_MAX, "candidate {number}");
    let read = entry.terms().iter().flat_map(Term::all_of).chain(exit.any_of());
    assert!(read.into_iter().all(|predicate| predicate.lag() <= LAG_MAX), "candidate {number}");
    let fraction = strategy.fraction_pct().get();
    assert!(fraction > 0.0 && fraction <= FRACTION_PCT_MAX, "candidate {number}: {fraction} %");
    assert!(strategy.to_json().len() <= STRATEGY_BYTES_MAX, "candidate {number}");
}

#[test]
fn ten_thousand_hostile_candidates_break_no_limit_and_each_is_counted() {
    let mut random = fastrand::Rng::with_seed(1);
    let series: Vec<_> = [1, 2].map(series).into();
    let columns = Columns::of(&series[0], Feature::ALL).unwrap();
    let rules = mechanical::Rules { cuts: CUTS, ..mechanical::Rules::default() };
    let (mut tried, mut outcomes) = (BTreeSet::new(), Vec::new());
    let (mut sound, mut judged) = (0, 0);
    for number in 0..CANDIDATES {
        let text = text(&mut random);
        let read = Strategy::from_json(&text);
        assert!(text.len() <= TEXT_BYTES_MAX || read.is_err(), "candidate {number} is too long");
        let hash =
            read.as_ref().map(|strategy| strategy.identity().to_string().parse::<TrialHash>().unwrap());
        let admission = Admission::of(hash, &tried);
        let mut outcome = Outcome::new(None);
        outcome.add(admission.verdict()).unwrap();
        if let (Ok(strategy), Admission::New(hash)) = (read, &admission) {
            assert_bounded(&strategy, number);
            sound += 1;
            let scores = strategy.scores(&columns);
            assert!(
                scores.len() == BARS && scores.iter().all(|score| score.is_finite()),
                "candidate {number}"
            );
            assert_eq!((strategy.entries(&columns).len(), strategy.exits(&columns).len()), (BARS, BARS));
            tried.insert(hash.clone());
            outcome.hash = Some(hash.clone());
            if sound % JUDGED_OF == 1 {
                judged += 1;
                let formed = Formed::new(strategy, &series);
                let evidence = mechanical::measure(&formed, &[0.0; BARS], &rules, number as u64);
                assert_eq!((evidence.looks_ahead, evidence.irregular), (0, 0), "candidate {number}");
                outcome.add(mechanical::verdict(&evidence, &rules)).unwrap();
                formed.assert_bounded(number);
            }
        }
        outcomes.push(outcome);
    }
    assert_eq!(outcomes.len(), CANDIDATES, "each is counted, whatever its end");
    let refused = outcomes.iter().filter(|outcome| outcome.hash.is_none()).count();
    assert!(
        sound > 1_000 && refused > 2_000 && judged > 50,
        "{sound} sound, {refused} refused, {judged} judged"
    );
}
