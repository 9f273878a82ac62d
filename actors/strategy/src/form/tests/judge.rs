//! One stock now: the same as the bar of a backtest would be, never more than what is known, and always with its numbers.

use chrono::NaiveDate;
use domain::{Action, Confidence, Decision};
use fastrand::Rng;
use proptest::prelude::*;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::super::wire::{EntryWire, ExitWire, Operator, PredicateWire, RightKind, Side, SizingWire};
use super::super::wire::{StrategyWire, TermWire};
use super::super::{ANY_OF_MAX, Advice, Columns, Feature, Moment, Strategy, TERMS_MAX, told_score};
use super::*;
use crate::live::{Features, Told};

const ALL_TOLD: Told = Told { open: true, range: true, volume: true };
const STRATEGIES: usize = 10_000;

/// The values of `features`, and whether the stock is held.
fn seen(held: Option<bool>, values: &[(Feature, f64)]) -> Features {
    let mut named: Vec<_> =
        held.map(|held| ("held".to_owned(), Decimal::from(u8::from(held)))).into_iter().collect();
    let number = |value: f64| Decimal::from_f64_retain(value).unwrap();
    named.extend(values.iter().map(|(feature, value)| (feature.name().to_owned(), number(*value))));
    Features::from_named(&named)
}

fn now(features: &Features) -> Moment<'_> {
    Moment { now: features, price: Decimal::ONE_HUNDRED, past: &[], bought: None }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn what_is_said_now_is_what_the_backtest_reads_at_that_bar(seed: u64, lag in 0..=20_u64, min in 1..=4_u8) {
        let mut json = with("/entry/terms/0/all_of/0/lag", json!(lag));
        json["entry"]["terms"][1]["weight"] = json!(-1.5);
        json["entry"]["min_score"] = json!(min);
        json["exit"]["stop_atr"] = json!(null);
        json["exit"]["take_atr"] = json!(null);
        json["exit"]["max_hold_bars"] = json!(250);
        let strategy = read(&json);
        let days = walk(290, seed);
        let columns = Columns::of(&days, &strategy.features()).unwrap();
        let (entries, exits) = (strategy.entries(&columns), strategy.exits(&columns));
        for bar in (190..days.len()).step_by(4) {
            let told = |held: bool| {
                let at = Features::of_days(&days[..=bar], ALL_TOLD, &strategy.features());
                let mut named = at.to_named();
                named.push(("held".to_owned(), Decimal::from(u8::from(held))));
                let now = Features::from_named(&named);
                let moment = Moment { now: &now, price: Decimal::ONE_HUNDRED, past: &days[..bar], bought: None };
                strategy.judge(&moment).action
            };
            prop_assert_eq!(told(false) == Action::Buy, entries[bar], "entry at {}", bar);
            prop_assert_eq!(told(true) == Action::Sell, exits[bar], "exit at {}", bar);
        }
    }
}

#[test]
fn a_score_that_is_reached_buys_surer_the_more_it_is_and_tells_its_numbers() {
    let strategy = read(&with("/exit/stop_atr", json!(null)));
    let strategy = read(&{
        let mut json: Value = serde_json::from_str(&strategy.to_json()).unwrap();
        json["exit"]["take_atr"] = json!(null);
        json
    });
    let base = [(Feature::Rsi14, 30.5), (Feature::VolumeRatio20, 1.5), (Feature::BbPlace20, 0.1)];
    let Advice { action, confidence, why } = strategy.judge(&now(&seen(Some(false), &base)));
    assert_eq!((action, confidence.get()), (Action::Buy, 86), "{why}");
    assert!(why.starts_with("score 5.5 of 5.0: "), "{why}");
    assert!(why.contains("+2.0 if RSI14 < 35 (RSI14 30.5)"), "{why}");
    let all = [&base[..], &[(Feature::Adx14, 25.0), (Feature::Roc1, 1.0), (Feature::Roc5, 0.5)]].concat();
    assert_eq!(strategy.judge(&now(&seen(Some(false), &all))).confidence.get(), 99);
}

#[test]
fn a_score_that_is_not_reached_names_the_first_gate_with_number_threshold_and_the_smallest_change() {
    let strategy = read(&example());
    let cases: [(&[(Feature, f64)], &str); 4] = [
        (
            &[(Feature::Rsi14, 36.5), (Feature::VolumeRatio20, 1.5), (Feature::BbPlace20, 0.1)],
            "score 3.5 of 5.0; nearest is +2.0 if RSI14 < 35: RSI14 < 35 needs more than 1.5 less, it is 36.5",
        ),
        (
            &[(Feature::Rsi14, 35.0), (Feature::VolumeRatio20, 1.5), (Feature::BbPlace20, 0.1)],
            "RSI14 < 35 needs more than 0 less, it is 35",
        ),
        (&[(Feature::Rsi14, 30.0), (Feature::VolumeRatio20, 1.5)], "and that is not known"),
        (
            &[(Feature::Rsi14, 30.0), (Feature::VolumeRatio20, 1.5), (Feature::BbPlace20, 0.1)],
            "score 5.5 of 5.0, but its average true range is not known",
        ),
    ];
    for (values, part) in cases {
        let Advice { action, confidence, why } = strategy.judge(&now(&seen(Some(false), values)));
        assert_eq!((action, confidence), (Action::Hold, Confidence::ZERO), "{why}");
        assert!(why.contains(part), "{why}\nwants: {part}");
    }
    let unknown = strategy.judge(&now(&seen(None, &[(Feature::Rsi14, 1.0)])));
    assert_eq!(
        (unknown.action, unknown.why.as_str()),
        (Action::Hold, "whether the stock is held is not known")
    );
}

/// Closes of 100, 110 and 104, one a day up to the 23rd of November.
fn three_days() -> Vec<DayBar> {
    let day = |(day, close): (u32, i64)| {
        let micros = close * 1_000_000;
        let session_date = NaiveDate::from_ymd_opt(2026, 11, day).unwrap();
        DayBar {
            session_date,
            open_micros: micros,
            high_micros: micros,
            low_micros: micros,
            close_micros: micros,
            volume: 1,
        }
    };
    [(21, 100), (22, 110), (23, 104)].into_iter().map(day).collect()
}

#[test]
fn a_holding_is_sold_at_the_first_exit_in_the_order_of_the_backtest() {
    let mut json = example();
    json["exit"]["trailing_atr"] = json!(3.0);
    json["exit"]["max_hold_bars"] = json!(3);
    let strategy = read(&json);
    let days = three_days();
    let date = |day: u32| NaiveDate::from_ymd_opt(2026, 11, day);
    // The average true range is 2 % of a price of 100: 2.
    let told = |pnl: f64, rsi: f64, bought: Option<NaiveDate>| {
        let now = seen(
            Some(true),
            &[(Feature::HoldingPnlPct, pnl), (Feature::Rsi14, rsi), (Feature::Atr14Pct, 2.0)],
        );
        strategy.judge(&Moment { now: &now, price: Decimal::ONE_HUNDRED, past: &days, bought })
    };
    let cases = [
        (-4.0, 50.0, None, Some("2 ATR14 below the price paid")),
        (-3.5, 50.0, None, None),
        (9.0, 50.0, None, Some("4 ATR14 above the price paid")),
        (0.0, 65.0, None, Some("RSI14 > 60 (RSI14 65)")),
        // 110 was the highest close since; 6 below it is 104.
        (0.0, 50.0, date(22), Some("3 ATR14 below the highest close since the purchase")),
        // 104 was.
        (0.0, 50.0, date(23), None),
        (0.0, 50.0, date(24), None),
        (0.0, 50.0, None, None),
    ];
    for (pnl, rsi, bought, why) in cases {
        let advice = told(pnl, rsi, bought);
        assert_eq!(advice.action == Action::Sell, why.is_some(), "{pnl} {rsi} {bought:?}: {}", advice.why);
        if let Some(why) = why {
            assert_eq!((advice.why.as_str(), advice.confidence.get()), (why, 99));
        }
    }
    let kept = told(0.0, 50.0, date(23)).why;
    assert_eq!(kept, "no exit holds: RSI14 > 60 needs more than 10 more, it is 50; held for 2 of 3 bars");
    json["exit"]["trailing_atr"] = json!(null);
    let patient = read(&json);
    let now = seen(Some(true), &[]);
    let held_for =
        |bought| patient.judge(&Moment { now: &now, price: Decimal::ONE_HUNDRED, past: &days, bought });
    assert_eq!(held_for(date(22)).why, "held for 3 bars, at most 3");
    assert_eq!(held_for(date(23)).action, Action::Hold);
}

// === Whatever is written, whatever is known ===

fn number(random: &mut Rng) -> f64 {
    match random.u8(..8) {
        0 => 1e20,
        1 => -1e20,
        2 => 1e-12,
        _ => random.f64() * 200.0 - 100.0,
    }
}

fn predicate(random: &mut Rng) -> PredicateWire {
    let feature = Feature::ALL[random.usize(..Feature::ALL.len())];
    let (low, high) = (feature.definition().low, feature.definition().high);
    let inside = low + random.f64() * (high - low);
    let rhs_value = if random.u8(..20) == 0 { number(random) } else { inside };
    let op = [Operator::Lt, Operator::Le, Operator::Gt, Operator::Ge][random.usize(..4)];
    let lag = if random.u8(..3) == 0 { random.i64(-1..62) } else { 0 };
    PredicateWire { feature, lag, op, rhs_kind: RightKind::Value, rhs_feature: None, rhs_value }
}

/// A strategy that may break every limit.
fn strategy(random: &mut Rng) -> StrategyWire {
    let many =
        |random: &mut Rng, most: usize| (0..random.usize(..=most)).map(|_| predicate(random)).collect();
    let terms = (0..random.usize(..=4))
        .map(|_| TermWire { weight: number(random), all_of: many(random, 3) })
        .collect();
    let multiple = |random: &mut Rng| random.bool().then(|| random.f64() * 20.0);
    StrategyWire {
        id: "random".into(),
        parent_id: None,
        hypothesis: "h".repeat(random.usize(..520)),
        side: Side::Long,
        entry: EntryWire { min_score: random.f64() * 60.0, terms },
        exit: ExitWire {
            any_of: many(random, ANY_OF_MAX + 1),
            stop_atr: multiple(random),
            take_atr: multiple(random),
            trailing_atr: multiple(random),
            max_hold_bars: random.i64(0..252),
        },
        sizing: SizingWire { fraction_pct: random.f64() * 31.0 },
    }
}

#[test]
fn invariant_14_ten_thousand_random_strategies_evaluate_without_panic_and_within_their_bounds() {
    let mut random = Rng::with_seed(0x5712);
    let (mut lawful, mut refused, mut bought, mut sold) = (0, 0, 0, 0);
    let days = walk(60, 5);
    while lawful < STRATEGIES {
        let Ok(strategy) = Strategy::try_from(strategy(&mut random)) else {
            refused += 1;
            continue;
        };
        lawful += 1;
        assert!(strategy.entry().terms().len() <= TERMS_MAX && strategy.exit().any_of().len() <= ANY_OF_MAX);
        let known: Vec<_> = Feature::ALL.iter().filter(|_| random.bool()).copied().collect();
        let values: Vec<_> = known.into_iter().map(|feature| (feature, number(&mut random))).collect();
        let held = [None, Some(false), Some(true)][random.usize(..3)];
        let features = seen(held, &values);
        let bought_on = random.bool().then(|| days[random.usize(..days.len())].session_date);
        let price = [Decimal::MAX, Decimal::ONE, Decimal::new(1, 28)][random.usize(..3)];
        let moment = Moment { now: &features, price, past: &days, bought: bought_on };
        let Advice { action, confidence, why } = strategy.judge(&moment);
        assert!(why.chars().count() <= Decision::RATIONALE_MAX_CHARS);
        let min = strategy.entry().min_score().get();
        let told = told_score(&why).map(|told| (told.0.to_f64().unwrap(), told.1.to_f64().unwrap()));
        let known = (held == Some(false)).then(|| (strategy.score_now(&moment), min));
        assert_eq!(told, known, "{why}");
        match (action, held) {
            (Action::Buy, Some(false)) => {
                bought += 1;
                assert!((80..=99).contains(&confidence.get()), "{why}");
                assert!(strategy.score_now(&moment) >= min, "{why}");
            }
            (Action::Sell, Some(true)) => {
                sold += 1;
                assert_eq!(confidence.get(), 99);
            }
            (Action::Hold, _) => assert_eq!(confidence, Confidence::ZERO),
            (Action::Buy | Action::Sell, _) => panic!("{action} of what is held: {held:?}"),
        }
    }
    println!("{lawful} random strategies evaluated, {bought} bought, {sold} sold, {refused} refused");
    assert!(refused > 1_000 && bought > 100 && sold > 1_000, "{refused} {bought} {sold}");
}
