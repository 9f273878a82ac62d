//! The statistics against reference values (golden/README.md), and what they say of input that permits no answer.

use std::path::PathBuf;

use serde_json::Value;

use super::best_of_many::{best_of_many, best_of_many_on};
use super::bootstrap::{Paired, Plan, paired};
use super::multiple::{Correction, adjusted, spent_level};
use super::overfitting::overfitting;
use super::permutation::{Held, Holding, timing};
use super::sharpe::{Record, Trials, expected_maximum_deviations, least_backtest, least_backtest_bound};
use super::splits::{Guard, combinatorial, paths, walk_forward};
use super::*;

/// A file beside the project; a machine without it says so, and fails when `KESTREL_STRICT=1`.
#[expect(clippy::disallowed_methods, reason = "reads reference values of tests, no part of the program")]
fn shared(file: &str) -> Option<Value> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/validation").join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(error) => {
            assert!(std::env::var("KESTREL_STRICT").as_deref() != Ok("1"), "{}: {error}", path.display());
            println!("SKIPPED: no reference at {}", path.display());
            None
        }
    }
}

fn golden(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn matrix(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(numbers).collect()
}

fn indices(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|index| index.as_u64().unwrap() as usize).collect()
}

fn assert_near(found: f64, expected: f64, place: &str) {
    let near = (found - expected).abs() <= 1e-9 * expected.abs().max(1.0);
    assert!(near, "{place}: {found}, expected {expected}");
}

#[test]
fn probabilistic_and_deflated_sharpe_ratios_are_those_of_the_papers() {
    let reference = golden(include_str!("golden/psr_dsr_summary.json"));
    let cases = reference["cases"].as_array().unwrap();
    for case in cases {
        let (input, output) = (&case["input"], &case["output"]);
        let of = |name: &str| input[name].as_f64().unwrap();
        let record = Record {
            observations: input["T"].as_u64().unwrap() as usize,
            sharpe: of("sr"),
            skew: of("skew"),
            kurtosis: of("kurt"),
        };
        let trials = Trials { count: input["n_trials"].as_u64().unwrap(), variance: of("var_sr") };
        for (name, found) in [
            ("expected_max_z", expected_maximum_deviations(trials.count).unwrap()),
            ("sr0", trials.expected_maximum().unwrap()),
            ("psr0", record.probability_above(0.0).unwrap()),
            ("dsr", record.deflated(trials).unwrap()),
            ("min_trl_95_vs0", record.least_observations(0.0, 0.95).unwrap()),
            ("min_btl", least_backtest(trials.count, record.sharpe).unwrap()),
            ("min_btl_bound", least_backtest_bound(trials.count, record.sharpe).unwrap()),
        ] {
            assert_near(found, output[name].as_f64().unwrap(), &format!("{} {name}", case["name"]));
        }
    }
    assert_eq!(cases.len(), 7);
}

#[test]
fn a_record_holds_the_moments_of_its_returns() {
    // By hand: mean 2, deviations -1 -1 2, sum of squares 6, of cubes 6, of fourth powers 18.
    let record = Record::of(&[1.0, 1.0, 4.0]).unwrap();
    assert_near(record.sharpe, 2.0 / 3.0_f64.sqrt(), "sharpe");
    assert_near(record.skew, 2.0 / 2.0_f64.powf(1.5), "skew");
    assert_near(record.kurtosis, 6.0 / 4.0, "kurtosis");
    let trials = Trials::of(&[0.1, 0.3]).unwrap();
    assert_eq!(trials.count, 2);
    assert_near(trials.variance, 0.02, "variance");
}

#[test]
fn a_record_of_nothing_is_refused_by_name() {
    for (returns, refusal) in [
        (vec![0.1, 0.2], "returns: 2 are too few, at least 3 are needed"),
        (vec![0.01; 50], "column 0 has no variance"),
        (vec![0.0; 50], "column 0 has no variance"),
        (vec![0.1, f64::NAN, 0.2, 0.3], "row 1 of column 0 is not a finite number"),
        (vec![0.1, 0.2, f64::INFINITY], "row 2 of column 0 is not a finite number"),
        (vec![f64::MAX, -f64::MAX, 1.0], "row 1 of column 0 is not a finite number"),
    ] {
        match Record::of(&returns) {
            Err(error) => assert!(
                error.to_string() == refusal || matches!(error, Degenerate::NotFinite { .. }),
                "{returns:?}: {error}"
            ),
            Ok(record) => panic!("{returns:?}: {record:?}"),
        }
    }
    let sound = Record::of(&[0.1, -0.2, 0.3]).unwrap();
    assert!(sound.probability_above(f64::NAN).is_err());
    assert!(sound.least_observations(sound.sharpe, 0.95).is_err());
    assert!(sound.least_observations(0.0, 1.0).is_err());
    let impossible = Record { observations: 10, sharpe: 2.0, skew: 9.0, kurtosis: 1.0 };
    assert!(matches!(impossible.probability_above(0.0), Err(Degenerate::OutOfRange { .. })));
    assert!(Trials { count: 0, variance: 0.1 }.expected_maximum().is_err());
    assert!(Trials { count: 5, variance: -0.1 }.expected_maximum().is_err());
    assert!(Trials::of(&[]).is_err() && Trials::of(&[f64::NAN]).is_err());
    assert!(least_backtest(5, 0.0).is_err() && least_backtest_bound(0, 0.1).is_err());
}

fn check_overfitting(name: &str, reference: &Value) {
    let returns = Returns::from_rows(&matrix(&reference["matrix"])).unwrap();
    let found = overfitting(&returns, reference["S"].as_u64().unwrap() as usize).unwrap();
    let output = &reference["output"];
    assert_near(found.probability, output["pbo"].as_f64().unwrap(), name);
    assert_near(found.loss_probability, output["prob_oos_loss"].as_f64().unwrap(), name);
    assert_near(found.slope.unwrap(), output["slope_oos_on_is"].as_f64().unwrap(), name);
    for (key, of) in [
        ("logits", (|split| split.logit) as fn(&overfitting::Split) -> f64),
        ("best_is", |split| split.winning),
        ("best_oos", |split| split.elsewhere),
    ] {
        let expected = numbers(&output[key]);
        assert_eq!(found.splits.len(), expected.len(), "{name} {key}");
        for (index, (split, expected)) in found.splits.iter().zip(expected).enumerate() {
            assert_near(of(split), expected, &format!("{name} {key} {index}"));
        }
    }
}

#[test]
fn the_probability_of_overfitting_is_the_reference_split_by_split() {
    for (name, text) in [
        ("pbo_tiny", include_str!("golden/pbo_tiny.json")),
        ("pbo_noise", include_str!("golden/pbo_noise.json")),
        ("pbo_one_skilled", include_str!("golden/pbo_one_skilled.json")),
    ] {
        check_overfitting(name, &golden(text));
    }
    for name in ["pbo_overfit_local", "pbo_real_goog_sma"] {
        if let Some(reference) = shared(&format!("{name}.json")) {
            check_overfitting(name, &reference);
        }
    }
}

/// Returns of no skill, by a small generator of its own.
fn noise(columns: usize, rows: usize) -> Returns {
    let mut random = fastrand::Rng::with_seed(7);
    let row = |_| (0..columns).map(|_| random.f64() - 0.5).collect::<Vec<_>>();
    Returns::from_rows(&(0..rows).map(row).collect::<Vec<_>>()).unwrap()
}

#[test]
fn a_strategy_that_never_trades_ranks_in_the_middle_of_losers_and_winners() {
    let row = |index: usize| {
        vec![
            0.0,
            if index.is_multiple_of(2) { 0.02 } else { 0.01 },
            if index.is_multiple_of(2) { -0.02 } else { -0.01 },
        ]
    };
    let returns = Returns::from_rows(&(0..16).map(row).collect::<Vec<_>>()).unwrap();
    let found = overfitting(&returns, 4).unwrap();
    assert!(found.splits.iter().all(|split| split.logit > 0.0 && split.winning > 0.0));
    let idle = Returns::from_rows(&vec![vec![0.0, 0.0]; 16]).unwrap();
    assert_near(overfitting(&idle, 4).unwrap().probability, 1.0, "ties of nothing with nothing are no skill");
}

#[test]
fn overfitting_of_too_little_is_refused_by_name() {
    for (columns, rows, blocks, refusal) in [
        (1, 40, 4, "strategies: 1 are too few, at least 2 are needed"),
        (3, 40, 0, "blocks: 0 are too few, at least 2 are needed"),
        (3, 40, 5, "the number of blocks is 5; allowed is an even number"),
        (3, 400, 22, "blocks: 22 are too many, at most 20 are taken"),
        (3, 7, 4, "rows of a block: 1 are too few, at least 2 are needed"),
    ] {
        assert_eq!(overfitting(&noise(columns, rows), blocks).unwrap_err().to_string(), refusal);
    }
    let steady = Returns::from_columns(&[vec![0.01; 40], noise(1, 40).column(0).unwrap()]).unwrap();
    assert_eq!(overfitting(&steady, 4), Err(Degenerate::NoVariance { column: 0 }));
}

#[test]
fn returns_that_are_no_matrix_are_refused_with_their_place() {
    let none: [Vec<f64>; 0] = [];
    assert!(Returns::from_rows(&none).is_err() && Returns::from_columns(&none).is_err());
    assert!(Returns::from_rows(&[vec![], vec![]]).is_err());
    let ragged = [vec![0.1, 0.2], vec![0.1]];
    let expected = Degenerate::Ragged { series: 1, found: 1, expected: 2 };
    assert_eq!(Returns::from_rows(&ragged), Err(expected.clone()));
    assert_eq!(Returns::from_columns(&ragged), Err(expected));
    let broken = [vec![0.1, 0.2], vec![0.1, f64::NAN]];
    assert_eq!(Returns::from_columns(&broken), Err(Degenerate::NotFinite { row: 1, column: 1 }));
}

#[test]
fn combinatorial_splits_are_the_reference_index_by_index() {
    let reference = golden(include_str!("golden/cpcv_splits.json"));
    let number = |name: &str| reference[name].as_u64().unwrap() as usize;
    let guard = Guard { horizon: number("label_horizon"), embargo: number("embargo") };
    let found = combinatorial(number("T"), number("groups"), number("k"), guard).unwrap();
    let expected = reference["splits"].as_array().unwrap();
    assert_eq!((found.len(), expected.len()), (number("n_splits"), number("n_splits")));
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.groups, indices(&expected["test_groups"]));
        assert_eq!(found.test, indices(&expected["test"]), "{:?}", found.groups);
        assert_eq!(found.train, indices(&expected["train"]), "{:?}", found.groups);
    }
    assert_eq!(paths(number("groups"), number("k")).unwrap(), number("n_paths"));
}

#[test]
fn a_walk_forward_never_learns_from_what_a_test_touches() {
    let guard = Guard { horizon: 3, embargo: 2 };
    let folds = walk_forward(61, 4, guard).unwrap();
    assert_eq!(folds.iter().map(|fold| fold.test.len()).sum::<usize>(), 61 - 13);
    for fold in &folds {
        let first = fold.test[0];
        assert_eq!(fold.train, (0..first - 3).collect::<Vec<_>>());
    }
    assert!(walk_forward(19, 4, guard).is_err() && walk_forward(61, 0, guard).is_err());
    for (observations, groups, tested) in [(60, 6, 0), (60, 2, 2), (3, 6, 2), (60, 21, 2)] {
        assert!(combinatorial(observations, groups, tested, guard).is_err());
    }
}

#[test]
fn reality_check_and_superior_ability_are_the_reference_on_its_own_histories() {
    for name in ["reality_check_edge.json", "reality_check_null.json"] {
        let Some(reference) = shared(name) else { continue };
        let excess = Returns::from_rows(&matrix(&reference["F"])).unwrap();
        let histories: Vec<_> = reference["indices"].as_array().unwrap().iter().map(indices).collect();
        let found = best_of_many_on(&excess, &histories).unwrap();
        let output = &reference["output"];
        for (key, found) in [
            ("V_rc", found.reality_check),
            ("p_rc", found.reality_check_p),
            ("V_spa", found.superior_ability),
            ("p_spa_consistent", found.superior_ability_p),
        ] {
            assert_near(found, output[key].as_f64().unwrap(), &format!("{name} {key}"));
        }
        // Histories of our own tell the same within the error of the draw.
        let own = best_of_many(&excess, &Plan { draws: 2_000, mean_block: 10.0, seed: 1 }).unwrap();
        let expected = output["p_spa_consistent"].as_f64().unwrap();
        assert!((own.superior_ability_p - expected).abs() < 0.05, "{name}: {own:?}");
    }
}

#[test]
fn the_best_of_many_is_judged_by_hand_on_two_histories() {
    // Means 2 and 0; drawn means (3, -1) and (1, 1): both spreads are root 4 x 1.
    let excess = Returns::from_rows(&[[3.0, -1.0], [3.0, -1.0], [1.0, 1.0], [1.0, 1.0]]).unwrap();
    let found = best_of_many_on(&excess, &[vec![0, 0, 1, 1], vec![2, 2, 3, 3]]).unwrap();
    assert_near(found.reality_check, 4.0, "largest mean times 2");
    assert_near(found.reality_check_p, 1.0 / 3.0, "no drawn excess of 1 reaches 2");
    assert_near(found.superior_ability, 2.0, "in units of its spread");
    assert_near(found.superior_ability_p, 1.0 / 3.0, "none reaches it");
}

#[test]
fn the_best_of_nothing_is_refused() {
    let plan = Plan { draws: 10, mean_block: 5.0, seed: 1 };
    assert!(best_of_many(&noise(2, 3), &plan).is_err());
    let same = Returns::from_columns(&[noise(1, 40).column(0).unwrap(), vec![0.0; 40]]).unwrap();
    assert_eq!(best_of_many(&same, &plan), Err(Degenerate::NoVariance { column: 1 }));
    assert!(best_of_many_on(&noise(2, 9), &[]).is_err());
    assert!(best_of_many_on(&noise(2, 9), &[vec![]]).is_err());
    assert!(best_of_many_on(&noise(2, 9), &[vec![9]]).is_err());
    for plan in [
        Plan { draws: 0, ..plan },
        Plan { draws: 100_001, ..plan },
        Plan { mean_block: 0.5, ..plan },
        Plan { mean_block: f64::NAN, ..plan },
    ] {
        assert!(best_of_many(&noise(2, 40), &plan).is_err(), "{plan:?}");
    }
}

#[test]
fn a_stationary_bootstrap_keeps_neighbours_for_its_mean_block() {
    let plan = Plan { draws: 200, mean_block: 10.0, seed: 5 };
    let histories: Vec<_> = plan.histories(500).unwrap().collect();
    assert_eq!(histories, plan.histories(500).unwrap().collect::<Vec<_>>(), "the same seed draws the same");
    let breaks =
        |history: &Vec<usize>| history.windows(2).filter(|pair| pair[1] != (pair[0] + 1) % 500).count();
    let mean_block = (200.0 * 500.0) / (histories.iter().map(breaks).sum::<usize>() as f64 + 200.0);
    assert!((9.0..11.0).contains(&mean_block), "{mean_block}");
    let mut counts = vec![0_u32; 500];
    histories.iter().flatten().for_each(|at| counts[*at] += 1);
    assert!(
        counts.iter().all(|count| (100..320).contains(count)),
        "each observation is drawn about as often"
    );
}

#[test]
fn a_paired_bootstrap_sees_a_difference_that_the_common_movement_hides() {
    let common: Vec<_> = noise(1, 60).column(0).unwrap();
    let better: Vec<_> =
        common.iter().enumerate().map(|(day, value)| value + 0.01 * (day % 3) as f64).collect();
    let plan = Plan { draws: 1_000, mean_block: 5.0, seed: 3 };
    let found = paired(&better, &common, &plan).unwrap();
    assert_near(found.probability_above_zero, 1.0, "always above");
    assert_near(found.mean_difference, 0.01, "mean");
    assert_near(paired(&common, &better, &plan).unwrap().probability_above_zero, 0.0, "the other way round");
    let same = Paired { mean_difference: 0.0, probability_above_zero: 0.0 };
    assert_eq!(paired(&common, &common, &plan).unwrap(), same, "no difference is not above zero");
    assert!(paired(&common, &common[1..], &plan).is_err() && paired(&[1.0], &[0.0], &plan).is_err());
    assert!(paired(&[1.0, f64::NAN], &[0.0, 0.0], &plan).is_err());
}

#[test]
fn p_values_are_adjusted_as_in_the_reference_whatever_their_order() {
    let reference = golden(include_str!("golden/multiple_testing.json"));
    let given = numbers(&reference["p"]);
    for (name, correction) in [
        ("bonferroni", Correction::Bonferroni),
        ("holm", Correction::Holm),
        ("bh", Correction::BenjaminiHochberg),
        ("by", Correction::BenjaminiYekutieli),
    ] {
        let expected = numbers(&reference[name]);
        let reversed: Vec<_> = given.iter().rev().copied().collect();
        let found = adjusted(&given, correction).unwrap();
        let other = adjusted(&reversed, correction).unwrap();
        assert_eq!(found.len(), expected.len());
        for (index, expected) in expected.iter().enumerate() {
            assert_near(found[index], *expected, name);
            assert_near(other[given.len() - 1 - index], *expected, name);
        }
    }
    assert_eq!(adjusted(&[], Correction::Holm), Ok(vec![]));
    for strange in [-0.1, 1.1, f64::NAN] {
        assert!(adjusted(&[0.5, strange], Correction::Holm).is_err());
    }
}

#[test]
fn levels_of_an_endless_row_of_tests_add_up_to_the_whole_and_no_more() {
    let spent: f64 = (1..=100_000).map(|test| spent_level(0.05, test).unwrap()).sum();
    assert!(spent < 0.05 && spent > 0.049_999, "{spent}");
    assert_near(spent_level(0.05, 1).unwrap(), 0.030_396_355_092_701_33, "first");
    assert!(
        spent_level(0.05, 0).is_err() && spent_level(0.0, 1).is_err() && spent_level(f64::NAN, 1).is_err()
    );
}

/// A price that rises on every tenth day and stays else.
fn stairs() -> Vec<i64> {
    (0..400).map(|day: i64| 1_000_000 + day / 10 * 50_000).collect()
}

#[test]
fn good_timing_is_rare_among_random_days_and_bad_timing_is_not() {
    let prices = stairs();
    let holdings = |before: usize| {
        (1..30).map(move |step| step * 10 - before).map(|entry| Holding { entry, exit: entry + 2 })
    };
    let of = |before| [Held { prices: &prices, holdings: holdings(before).collect() }];
    let good = timing(&of(1), 999, 1).unwrap();
    assert_near(good.p_value, 0.001, "no random days are so good");
    assert!(good.mean_return > 0.0 && good.holdings == 29);
    assert_near(timing(&of(5), 999, 1).unwrap().p_value, 1.0, "any days are as good");
    assert_eq!(timing(&of(1), 99, 4), timing(&of(1), 99, 4), "the same seed gives the same");
    let whole = [Held { prices: &prices, holdings: vec![Holding { entry: 0, exit: 399 }] }];
    assert_near(timing(&whole, 99, 1).unwrap().p_value, 1.0, "there is no other way to hold all the time");
}

#[test]
fn holdings_that_cannot_have_been_are_refused_with_their_place() {
    let prices = stairs();
    let refusal = |holdings: &[(usize, usize)], prices: &[i64]| {
        let holdings = holdings.iter().map(|(entry, exit)| Holding { entry: *entry, exit: *exit }).collect();
        timing(&[Held { prices, holdings }], 9, 1).unwrap_err()
    };
    let misplaced = |holding| Degenerate::Misplaced { series: 0, holding };
    assert_eq!(refusal(&[(1, 5), (4, 9)], &prices), misplaced(1));
    assert_eq!(refusal(&[(5, 5)], &prices), misplaced(0));
    assert_eq!(refusal(&[(5, 400)], &prices), misplaced(0));
    assert_eq!(refusal(&[(0, 1)], &[100, 0]), Degenerate::NoPrice { row: 1, column: 0 });
    assert!(matches!(refusal(&[], &prices), Degenerate::TooFew { .. }));
}
