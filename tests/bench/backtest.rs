//! The backtest against a loop written by hand, and rules against a closure, in one run of one machine.
//!
//! `cargo bench -p optimizer --bench backtest`. The bars: a third of the loop's rate with full statistics, and at most 2.3 times the closure's
//! time for eleven predicates. The loop and the closure know nothing of strategies: they are what a person would write for this one
//! case.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a bench measures real time, is read on a terminal and ends at the first fault"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use chrono::{Days, NaiveDate};
use domain::messages::bars::DayBar;
use domain::{Currency, Instrument, Market};
use optimizer::backtest::{MICROS, Policy, Pricing, Series, Setup, Shares, Signals, simulate};
use strategy::form::{Columns, Feature, Strategy};

/// Bars of the series: those of the reference's stock.
const BARS: usize = 2_148;
/// Bars of the rules' series.
const RULE_BARS: usize = 7_940;
/// Repetitions, of which the fastest counts: short ones, so that some find the machine quiet.
const ROUNDS: usize = 401;
/// Runs of one repetition.
const RUNS: usize = 20;
/// Least share of the loop's rate.
const LOOP_SHARE_MIN: f64 = 1.0 / 3.0;
/// Most of the closure's time.
const CLOSURE_TIMES_MAX: f64 = 2.3;
const FEE: f64 = 0.001_5;

const CROSSING: &str = r#"{"id":"crossing","parent_id":null,"hypothesis":"Trends go on.","side":"long",
 "entry":{"min_score":1.0,"terms":[{"weight":1.0,"all_of":[
  {"feature":"sma_20_50_pct","lag":0,"op":"gt","rhs_kind":"value","rhs_feature":null,"rhs_value":0.0}]}]},
 "exit":{"any_of":[{"feature":"sma_20_50_pct","lag":0,"op":"le","rhs_kind":"value","rhs_feature":null,"rhs_value":0.0}],
  "stop_atr":null,"take_atr":null,"trailing_atr":null,"max_hold_bars":250},
 "sizing":{"fraction_pct":30.0}}"#;

/// A weight, and the comparisons that all have to hold.
type Rule = (f64, &'static [(Feature, char, f64)]);

/// The weights and constants of the reference's rules, in features of ours.
const RULES: [Rule; 10] = [
    (2.0, &[(Feature::Rsi14, '<', 35.0)]),
    (1.5, &[(Feature::VolumeRatio20, '>', 1.2)]),
    (1.0, &[(Feature::Atr14Pct, '<', 2.0)]),
    (0.5, &[(Feature::Roc5, '>', -3.0)]),
    (1.0, &[(Feature::Roc20, '>', -8.0)]),
    (0.75, &[(Feature::Sma20DistancePct, '<', -1.0)]),
    (1.25, &[(Feature::Sma60DistancePct, '>', -3.0)]),
    (0.5, &[(Feature::MacdHistogramPct, '>', 0.0)]),
    (2.0, &[(Feature::BbPlace20, '<', 0.2)]),
    (1.0, &[(Feature::Adx14, '>', 20.0), (Feature::Roc1, '>', 0.0)]),
];

fn main() {
    let share = against_the_loop();
    let times = against_the_closure();
    println!(
        "bars: at least {LOOP_SHARE_MIN:.2} of the loop's rate, at most {CLOSURE_TIMES_MAX} times the closure"
    );
    assert!(share >= LOOP_SHARE_MIN && times <= CLOSURE_TIMES_MAX, "a bar is missed");
}

/// Nanoseconds per bar of the fastest repetition.
fn fastest(bars: usize, mut run: impl FnMut() -> f64) -> f64 {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        for _ in 0..RUNS {
            black_box(run());
        }
        best = best.min(started.elapsed());
    }
    best.as_secs_f64() * 1e9 / (bars * RUNS) as f64
}

fn walk(bars: usize) -> Series {
    let mut random = fastrand::Rng::with_seed(9);
    let mut close = 30_000_i64;
    let first = NaiveDate::from_ymd_opt(2004, 8, 19).unwrap_or_default();
    let bar = |index: u64| {
        let open = (close + random.i64(-150..=150)).max(1_000);
        close = (open + random.i64(-500..=505)).max(1_000);
        let (high, low) = (open.max(close) + random.i64(0..=200), open.min(close) - random.i64(0..=200));
        let [open_micros, high_micros, low_micros, close_micros] =
            [open, high, low, close].map(|cents| cents * 10_000);
        let session_date = first + Days::new(index);
        DayBar {
            session_date,
            open_micros,
            high_micros,
            low_micros,
            close_micros,
            volume: random.u64(1..1_000_000),
        }
    };
    let bars: Vec<_> = (0..bars as u64).map(bar).collect();
    let instrument = Instrument { market: Market::UsNasdaq, symbol: "WALK".parse().expect("it is a symbol") };
    Series::new(instrument, bars).expect("it is well formed")
}

/// What share of the loop's rate the engine has, signals, fills and full statistics included; averages are made before in both.
fn against_the_loop() -> f64 {
    let series = walk(BARS);
    let strategy = Strategy::from_json(CROSSING).expect("it is well formed");
    let columns = Columns::of(series.bars(), &strategy.features()).expect("it is well formed");
    let [open, close]: [Vec<f64>; 2] = [|bar: &DayBar| bar.open_micros, |bar: &DayBar| bar.close_micros]
        .map(|price| series.bars().iter().map(|bar| price(bar) as f64 / 1e6).collect());
    let (fast, slow) = (mean(&close, 20), mean(&close, 50));
    let cash_micros = [(Currency::Usd, 1_000_000 * MICROS)].into();
    let costs = Pricing::AllIn { ppb: 1_500_000 };
    let setup = Setup { cash_micros, costs, shares: Shares::Millionths, ..Setup::default() };
    let policy = Policy { max_hold_bars: None, ..Policy::all_in() };
    let engine = || {
        let signals = Signals::of(&strategy, &series, &columns);
        let outcome = simulate(&[signals], &policy, &setup);
        outcome.books.iter().map(|book| book.statistics().final_multiple).sum()
    };
    let mut curve = Vec::with_capacity(BARS);
    let mut by_hand = || by_hand(&open, &close, &fast, &slow, &mut curve);
    let [engine_result, hand_result] = [engine(), by_hand()];
    assert!((engine_result - hand_result).abs() < 1e-7, "{engine_result} and {hand_result}");
    let (of_engine, of_loop) = (fastest(BARS, engine), fastest(BARS, by_hand));
    let share = of_loop / of_engine;
    println!(
        "backtest, full statistics: {of_engine:.2} ns per bar ({:.0} million bars/s); loop by hand {of_loop:.2} ns: {share:.2} of its rate",
        1e3 / of_engine
    );
    share
}

fn mean(values: &[f64], period: usize) -> Vec<f64> {
    let mut sum = 0.0;
    let of = |(index, value): (usize, &f64)| {
        sum += value;
        if index >= period {
            sum -= values[index - period];
        }
        if index + 1 >= period { sum / period as f64 } else { f64::NAN }
    };
    values.iter().enumerate().map(of).collect()
}

/// Signal at the close, fill at the next open, a fee on both sides; final equity, with the equity curve, Sharpe, drawdown and
/// the number of trades made along.
fn by_hand(open: &[f64], close: &[f64], fast: &[f64], slow: &[f64], curve: &mut Vec<f64>) -> f64 {
    curve.clear();
    let (mut cash, mut shares, mut peak, mut drawdown) = (1.0, 0.0, 1.0_f64, 0.0_f64);
    let (mut sum, mut squares, mut before, mut trades) = (0.0, 0.0, 1.0, 0_u32);
    for bar in 1..close.len() {
        if fast[bar - 1] > slow[bar - 1] {
            if shares == 0.0 {
                shares = cash / (open[bar] * (1.0 + FEE));
                cash = 0.0;
                trades += 1;
            }
        } else if shares != 0.0 {
            cash = shares * open[bar] * (1.0 - FEE);
            shares = 0.0;
        }
        let equity = cash + shares * close[bar];
        let change: f64 = equity / before - 1.0;
        sum += change;
        squares += change * change;
        before = equity;
        curve.push(equity);
        if equity > peak {
            peak = equity;
        } else {
            drawdown = drawdown.max(1.0 - equity / peak);
        }
    }
    let count = (close.len() - 1) as f64;
    let average: f64 = sum / count;
    let deviation = ((squares - count * average * average) / (count - 1.0)).max(0.0).sqrt();
    black_box((average / deviation * 252.0_f64.sqrt(), drawdown, trades));
    before
}

/// How many times the closure's time the rules take, score by score.
fn against_the_closure() -> f64 {
    let series = walk(RULE_BARS);
    let strategy = rules();
    let columns = Columns::of(series.bars(), &strategy.features()).expect("it is well formed");
    let column = |feature| columns.values(feature).unwrap_or_default();
    let of: [&[f64]; 11] = [
        column(Feature::Rsi14),
        column(Feature::VolumeRatio20),
        column(Feature::Atr14Pct),
        column(Feature::Roc5),
        column(Feature::Roc20),
        column(Feature::Sma20DistancePct),
        column(Feature::Sma60DistancePct),
        column(Feature::MacdHistogramPct),
        column(Feature::BbPlace20),
        column(Feature::Adx14),
        column(Feature::Roc1),
    ];
    let engine = || strategy.scores(&columns).iter().sum::<f64>();
    let closure = |row: usize| native(&std::array::from_fn(|place| of[place][row]));
    let by_hand = || (0..RULE_BARS).map(closure).sum::<f64>();
    let [engine_result, hand_result] = [engine(), by_hand() * 1_000.0];
    assert!((engine_result - hand_result).abs() < 1e-3, "{engine_result} and {hand_result}");
    let (of_engine, of_closure) = (fastest(RULE_BARS, engine), fastest(RULE_BARS, by_hand));
    let times = of_engine / of_closure;
    println!(
        "rules, 11 predicates: {of_engine:.2} ns per bar; native closure {of_closure:.2} ns: {times:.2} times"
    );
    times
}

fn native(of: &[f64; 11]) -> f64 {
    let if_so = |holds: bool, weight: f64| weight * f64::from(u8::from(holds));
    if_so(of[0] < 35.0, 2.0)
        + if_so(of[1] > 1.2, 1.5)
        + if_so(of[2] < 2.0, 1.0)
        + if_so(of[3] > -3.0, 0.5)
        + if_so(of[4] > -8.0, 1.0)
        + if_so(of[5] < -1.0, 0.75)
        + if_so(of[6] > -3.0, 1.25)
        + if_so(of[7] > 0.0, 0.5)
        + if_so(of[8] < 0.2, 2.0)
        + if_so(of[9] > 20.0 && of[10] > 0.0, 1.0)
}

fn rules() -> Strategy {
    let predicate = |(feature, sign, constant): &(Feature, char, f64)| {
        let op = if *sign == '<' { "lt" } else { "gt" };
        serde_json::json!({ "feature": feature, "lag": 0, "op": op, "rhs_kind": "value", "rhs_feature": null,
            "rhs_value": constant })
    };
    let term = |(weight, all_of): &(f64, &[(Feature, char, f64)])| {
        let all_of: Vec<_> = all_of.iter().map(predicate).collect();
        serde_json::json!({ "weight": weight, "all_of": all_of })
    };
    let terms: Vec<_> = RULES.iter().map(term).collect();
    let json = serde_json::json!({
        "id": "rules", "parent_id": null, "hypothesis": "Eleven predicates.", "side": "long",
        "entry": { "min_score": 6.0, "terms": terms },
        "exit": { "any_of": [], "stop_atr": null, "take_atr": null, "trailing_atr": null, "max_hold_bars": 10 },
        "sizing": { "fraction_pct": 5.0 },
    });
    Strategy::from_json(&json.to_string()).expect("it is well formed")
}
