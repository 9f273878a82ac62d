//! Splits, corrections, gaps: what becomes of the bars that stand.

use proptest::prelude::*;

use super::*;

fn date(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, day).unwrap()
}

fn bar(day: u32, close: i64) -> DayBar {
    let close_micros = close * 1_000_000;
    DayBar {
        session_date: date(day),
        open_micros: close_micros,
        high_micros: close_micros + 2_000_000,
        low_micros: close_micros - 1_000_000,
        close_micros,
        volume: 1_000,
    }
}

fn standing(closes: &[(u32, i64)]) -> BTreeMap<NaiveDate, DayBar> {
    closes.iter().map(|(day, close)| (date(*day), bar(*day, *close))).collect()
}

#[test]
fn a_new_reading_is_the_same_or_scaled_or_not_comparable() {
    let stands = standing(&[(2, 90), (3, 100), (4, 200), (5, 300), (6, 400)]);
    let half = Factor::between(2, 1).unwrap();
    let cases: [(&[(u32, i64)], Alignment); 9] = [
        (&[], Alignment::Same),
        (&[(3, 100), (4, 200), (5, 300), (9, 500)], Alignment::Same),
        // One day corrected; the others decide.
        (&[(3, 100), (4, 200), (5, 333)], Alignment::Same),
        // A split on the 9th: all before it at half the price.
        (
            &[(3, 50), (4, 100), (5, 150), (6, 200), (9, 210)],
            Alignment::Scaled { before: date(7), factor: half },
        ),
        // A split on the 5th that is told only now.
        (&[(3, 50), (4, 100), (5, 300), (6, 400)], Alignment::Unknown { before: date(3) }),
        (
            &[(2, 45), (3, 50), (4, 100), (5, 300), (6, 400)],
            Alignment::Scaled { before: date(5), factor: half },
        ),
        // One day that both have and that changed proves nothing.
        (&[(6, 200), (9, 210)], Alignment::Unknown { before: date(6) }),
        (&[(9, 210), (10, 220)], Alignment::Unknown { before: date(9) }),
        (&[(6, 400), (9, 210)], Alignment::Same),
    ];
    for (told, expected) in cases {
        let bars: Vec<_> = told.iter().map(|(day, close)| bar(*day, *close)).collect();
        assert_eq!(alignment(&stands, &bars), expected, "{told:?}");
    }
    assert_eq!(alignment(&BTreeMap::new(), &[bar(3, 100)]), Alignment::Nothing);
    // A file of older bars came after the exchange's: nothing older than the file stands.
    assert_eq!(alignment(&stands, &[DayBar { session_date: date(1), ..bar(2, 80) }]), Alignment::Nothing);
}

#[test]
fn prices_that_were_rounded_to_ticks_still_show_one_factor() {
    let stands = standing(&[(2, 1_003), (3, 1_501), (4, 2_222)]);
    let told = [bar(2, 201), bar(3, 300), bar(4, 444)];
    let Alignment::Scaled { before, factor } = alignment(&stands, &told) else { panic!() };
    assert_eq!(before, date(5));
    assert!(factor.agrees(Factor::between(5, 1).unwrap()), "{factor:?}");
}

#[test]
fn bars_of_before_a_split_are_multiplied_unless_they_were_told_after_it() {
    let half = Factor::between(2, 1);
    let recorded = |day, close, after_adjustment| Recorded {
        bar: bar(day, close),
        factor: Factor::ONE,
        after_adjustment,
    };
    let split = Adjustment { seq: 7, before: date(5), factor: half };
    let old = comparable(&recorded(3, 100, 6), &[split]).unwrap();
    assert_eq!((old.close_micros, old.high_micros, old.volume), (50_000_000, 51_000_000, 2_000));
    assert_eq!(comparable(&recorded(3, 50, 7), &[split]), Some(bar(3, 50)));
    assert_eq!(comparable(&recorded(5, 60, 6), &[split]), Some(bar(5, 60)), "not before the split");
    let again = Adjustment { seq: 8, before: date(9), factor: half };
    assert_eq!(comparable(&recorded(3, 100, 6), &[again, split]).unwrap().close_micros, 25_000_000);
}

#[test]
fn a_series_begins_after_the_last_bar_that_cannot_be_compared() {
    let recorded: Vec<_> =
        (2..7).map(|day| Recorded { bar: bar(day, 100), factor: Factor::ONE, after_adjustment: 0 }).collect();
    let break_at = |day| Adjustment { seq: 1, before: date(day), factor: None };
    let (bars, cut) = series(&recorded, &[break_at(4)]);
    assert_eq!((bars.len(), bars.first().unwrap().session_date, cut), (3, date(4), Some(date(4))));
    assert_eq!(series(&recorded, &[]), ((2..7).map(|day| bar(day, 100)).collect(), None));
    assert_eq!(series(&recorded, &[break_at(20)]).0, []);
    assert_eq!(series(&[], &[]), (Vec::new(), None));
}

proptest! {
    #[test]
    fn an_adjusted_bar_is_a_bar_and_keeps_the_traded_amount(
        close in 1_000_000_i64..1_000_000_000_000,
        volume in 1_000_u64..1_000_000_000,
        factor in 1_000_000_000_i64..1_000_000_000_000_000,
    ) {
        let factor = Factor::from_trillionths(factor).unwrap();
        let bar = DayBar {
            session_date: date(2),
            open_micros: close + 1,
            high_micros: close + 3,
            low_micros: close - 1,
            close_micros: close,
            volume,
        };
        let adjusted = factor.apply(&bar).unwrap();
        prop_assert!(adjusted.low_micros > 0 && adjusted.low_micros <= adjusted.close_micros.min(adjusted.open_micros));
        prop_assert!(adjusted.high_micros >= adjusted.close_micros.max(adjusted.open_micros));
        let traded = |bar: &DayBar| i128::from(bar.close_micros) * i128::from(bar.volume);
        let (before, after) = (traded(&bar), traded(&adjusted));
        // Half a unit of the rounded price and of the rounded volume.
        let rounding = i128::from(adjusted.close_micros) + i128::from(adjusted.volume) + 1;
        prop_assert!((before - after).abs() <= rounding, "{before} {after}");
    }

    #[test]
    fn the_same_reading_again_changes_nothing(closes in proptest::collection::vec(2_i64..1_000_000, 1..20)) {
        let bars: Vec<_> = (1_u32..).zip(&closes).map(|(day, close)| bar(day, *close)).collect();
        let stands: BTreeMap<_, _> = bars.iter().map(|bar| (bar.session_date, *bar)).collect();
        prop_assert_eq!(alignment(&stands, &bars), Alignment::Same);
        for bar in &bars {
            prop_assert_eq!(taking(stands.get(&bar.session_date), bar), Taking::Known);
        }
    }
}
