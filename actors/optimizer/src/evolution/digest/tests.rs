//! Where losses are frequent, on purchases that are counted by hand.

use super::*;

/// `count` purchases with that RSI and volume ratio, of which the first `losses` lost.
fn purchases(count: usize, losses: usize, rsi: f64, volume: f64) -> Vec<Purchase> {
    let one = |number: usize| Purchase {
        lost: number < losses,
        // A little apart, so that no third is cut within equals.
        features: vec![(Feature::Rsi14, rsi + number as f64 / 100.0), (Feature::VolumeRatio20, volume)],
        regime: Some(Regime::RisingCalm),
    };
    (0..count).map(one).collect()
}

#[test]
fn a_condition_under_which_losses_are_frequent_comes_first_with_count_and_lift() {
    let all =
        [purchases(10, 9, 75.0, 2.0), purchases(10, 2, 50.0, 2.0), purchases(10, 1, 30.0, 2.0)].concat();
    let found = digest(&all);
    assert_eq!((found.purchases, found.losses), (30, 12));
    // 9 of 10 against 12 of 30.
    let words: Vec<_> = found.lines.iter().map(Line::to_string).collect();
    assert_eq!(words, ["rsi_14 >= 75: 9 of 10 lost, lift 2.25"], "alike volumes and one regime say nothing");
}

#[test]
fn few_purchases_tell_nothing_however_they_ended() {
    assert_eq!(digest(&[]), Digest::default());
    let four = digest(&purchases(4, 4, 70.0, 1.0));
    assert_eq!((four.purchases, four.losses, four.lines.len()), (4, 4, 0));
    assert!(digest(&purchases(30, 0, 70.0, 1.0)).lines.is_empty(), "nothing was lost");
    assert!(digest(&purchases(30, 30, 70.0, 1.0)).lines.is_empty(), "everything was lost");
}

#[test]
fn what_is_not_known_of_a_purchase_is_in_no_count() {
    let blind = Purchase { lost: true, ..Purchase::default() };
    let all = [purchases(10, 8, 75.0, 1.0), purchases(20, 2, 40.0, 1.0), vec![blind; 7]].concat();
    let found = digest(&all);
    assert_eq!((found.purchases, found.losses), (37, 17));
    let first = found.lines.first().unwrap();
    assert_eq!((first.losses, first.purchases), (8, 10), "{first}");
}

#[test]
fn a_rough_market_is_a_condition_too() {
    let rough = |mut one: Purchase| {
        one.regime = Some(Regime::FallingRough);
        one
    };
    let bad = purchases(8, 7, 50.0, 1.0).into_iter().map(rough);
    let all: Vec<_> = bad.chain(purchases(22, 3, 50.0, 1.0)).collect();
    let first = digest(&all).lines.remove(0);
    assert_eq!(first.to_string(), "market falls and is rough: 7 of 8 lost, lift 2.62");
}

#[test]
fn numbers_are_rounded_so_that_they_point_at_no_day() {
    let shown: Vec<_> = [68.234, -3.456_7, 0.012_345, 1_234.5, 0.0].map(rounded).into();
    assert_eq!(shown, ["68.2", "-3.46", "0.0123", "1230", "0"]);
}
