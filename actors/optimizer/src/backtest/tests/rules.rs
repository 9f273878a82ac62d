//! When orders are filled, at what price, for how many shares, and how holdings end.

use domain::Currency;
use proptest::prelude::*;
use strategy::form::Number;

use super::*;

const FLAT: [(i64, i64); 8] = [(10_000, 10_000); 8];

fn only(outcome: Outcome) -> Book {
    let [book] = <[Book; 1]>::try_from(outcome.books).unwrap();
    book
}

fn policy(fraction_pct: u32) -> Policy {
    Policy { fraction_ppm: fraction_pct * 10_000, ..Policy::all_in() }
}

#[test]
fn what_is_decided_at_a_close_is_filled_at_the_next_open() {
    let series = series(Market::UsNyse, "A", &[(100, 110), (120, 130), (140, 150), (160, 170), (180, 190)]);
    for (delay_bars, bought, sold, profit) in [(0, 1, 3, 40), (1, 2, 4, 40)] {
        let setup = Setup { delay_bars, ..free_of_costs(100) };
        let book = only(simulate(&[signals(&series, &[0], &[2])], &policy(2), &setup));
        let [trade] = book.trades.as_slice() else { panic!("{:?}", book.trades) };
        let end = trade.sold.unwrap();
        assert_eq!((trade.bought_bar, end.bar, end.why), (bought, sold, Why::Rule));
        assert_eq!(trade.profit_micros(), Some(i128::from(profit) * 10_000), "a single share");
    }
}

#[test]
fn the_last_close_buys_nothing_and_an_open_position_is_counted_at_the_last_close() {
    let series = series(Market::UsNyse, "A", &[(100, 100), (100, 100), (100, 150)]);
    let book = only(simulate(&[signals(&series, &[0], &[])], &policy(100), &free_of_costs(100)));
    assert_eq!((book.trades.len(), book.trades[0].sold), (1, None));
    assert_eq!(book.equity, [100.0, 100.0, 150.0]);
    let late = only(simulate(&[signals(&series, &[2], &[])], &policy(100), &free_of_costs(100)));
    assert!(late.trades.is_empty() && late.missed == 0);
}

#[test]
fn only_whole_lots_are_bought_and_never_more_than_cash() {
    let flat = |lot| lots_of(series(Market::UsNyse, "A", &FLAT), lot);
    for (lot, cash, expected) in [(1, 350, Some(3)), (100, 25_000, Some(200)), (100, 9_999, None)] {
        let series = flat(lot);
        let book = only(simulate(&[signals(&series, &[0], &[])], &policy(100), &free_of_costs(cash)));
        let shares = book.trades.first().map(|trade| trade.shares_micros / MICROS);
        assert_eq!(shares, expected);
        assert_eq!(book.missed, u32::from(expected.is_none()));
    }
}

#[test]
fn cash_goes_to_the_highest_rank_first_and_sales_come_before_purchases() {
    let [one, other] = ["A", "B"].map(|symbol| series(Market::UsNyse, symbol, &FLAT));
    let mut first = signals(&one, &[0, 3], &[2]);
    let mut second = signals(&other, &[0, 2], &[]);
    first.ranks = vec![5.0; 8];
    second.ranks = vec![4.0; 8];
    let book = only(simulate(&[first, second], &policy(100), &free_of_costs(100)));
    let bought: Vec<_> =
        book.trades.iter().map(|trade| (trade.instrument.symbol.to_string(), trade.bought_bar)).collect();
    // B has to wait until A is sold at the open of bar 3, and then A finds no cash.
    assert_eq!(bought, [("A".to_owned(), 1), ("B".to_owned(), 3)]);
    assert_eq!(book.missed, 2);
}

#[test]
fn books_of_two_currencies_do_not_know_each_other() {
    let korean = series(Market::Kr, "005930", &[(7_000_000, 7_000_000); 4]);
    let american = series(Market::UsNyse, "A", &FLAT);
    let wanted = [signals(&korean, &[0], &[]), signals(&american, &[0], &[])];
    let outcome = simulate(&wanted, &policy(100), &free_of_costs(100_000));
    let found: Vec<_> =
        outcome.books.iter().map(|book| (book.currency, book.days.len(), book.trades.len())).collect();
    assert_eq!(found, [(Currency::Krw, 4, 1), (Currency::Usd, 8, 1)]);
}

#[test]
fn a_stop_a_goal_a_trailing_stop_and_time_sell_at_the_next_open() {
    // Bought at 100.00 with an average range of 2 %, which is 2.00.
    let path = |closes: [i64; 5]| {
        let mut prices = vec![(10_000, 10_000), (10_000, 10_000)];
        prices.extend(closes.map(|close| (close, close)));
        series(Market::UsNyse, "A", &prices)
    };
    let number = Number::new;
    let none = Policy { max_hold_bars: None, ..policy(100) };
    let cases = [
        (
            path([9_700, 9_600, 9_600, 9_600, 9_600]),
            Policy { stop: number(2.0), ..none.clone() },
            Some((4, Why::Stop)),
        ),
        (path([9_601, 9_601, 9_601, 9_601, 9_601]), Policy { stop: number(2.0), ..none.clone() }, None),
        (
            path([10_300, 10_400, 10_400, 10_400, 10_400]),
            Policy { take: number(2.0), ..none.clone() },
            Some((4, Why::Take)),
        ),
        (
            path([11_000, 10_700, 10_600, 10_600, 10_600]),
            Policy { trailing: number(2.0), ..none.clone() },
            Some((5, Why::Trailing)),
        ),
        (path([10_000; 5]), Policy { max_hold_bars: Some(3), ..none.clone() }, Some((4, Why::Time))),
    ];
    for (series, policy, expected) in cases {
        let mut wanted = signals(&series, &[0], &[]);
        wanted.range_pct = vec![2.0; 7];
        let book = only(simulate(&[wanted], &policy, &free_of_costs(1_000)));
        assert_eq!(book.trades[0].sold.map(|sold| (sold.bar, sold.why)), expected, "{policy:?}");
    }
}

#[test]
fn without_a_known_range_nothing_is_bought_that_a_range_would_have_to_sell() {
    let series = series(Market::UsNyse, "A", &FLAT);
    let policy = Policy { stop: Number::new(2.0), ..policy(100) };
    let mut wanted = signals(&series, &[0, 3], &[]);
    wanted.range_pct = vec![f64::NAN, f64::NAN, f64::NAN, 2.0, 2.0, 2.0, 2.0, 2.0];
    let book = only(simulate(&[wanted], &policy, &free_of_costs(1_000)));
    assert_eq!(book.trades.iter().map(|trade| trade.bought_bar).collect::<Vec<_>>(), [4]);
}

#[test]
fn at_its_limit_of_the_day_a_stock_is_not_bought_and_not_sold() {
    // Up by 30 % at the open of bar 1; down by 30 % at the open of bar 4.
    let prices = [
        (1_000_000, 1_000_000),
        (1_300_000, 1_300_000),
        (1_300_000, 1_300_000),
        (1_300_000, 1_300_000),
        (910_000, 910_000),
        (900_000, 900_000),
    ];
    let series = series(Market::Kr, "005930", &prices);
    let setup = Setup::default();
    let book = only(simulate(&[signals(&series, &[0, 1], &[3])], &policy(10), &setup));
    let [trade] = book.trades.as_slice() else { panic!("{:?}", book.trades) };
    assert_eq!((trade.bought_bar, trade.sold.map(|sold| sold.bar), book.missed), (2, Some(5), 2));
}

#[test]
fn without_volume_nothing_is_filled() {
    let mut bars = series(Market::UsNyse, "A", &FLAT).bars().to_vec();
    bars[1].volume = 0;
    let series = Series::new(instrument(Market::UsNyse, "A"), bars).unwrap();
    let book = only(simulate(&[signals(&series, &[0], &[])], &policy(100), &free_of_costs(1_000)));
    assert_eq!((book.trades.len(), book.missed), (0, 1));
}

#[test]
fn a_round_trip_in_korea_pays_both_commissions_the_tax_and_a_worse_price() {
    let series = series(Market::Kr, "005930", &[(7_000_000, 7_000_000); 4]);
    let setup = Setup::default();
    let book = only(simulate(&[signals(&series, &[0], &[1])], &policy(1), &setup));
    let [trade] = book.trades.as_slice() else { panic!("{:?}", book.trades) };
    let sold = trade.sold.unwrap();
    // 0.1 % worse than 70,000 won, on a step of 100 won.
    assert_eq!((trade.bought_micros, sold.micros), (70_100_000_000, 69_900_000_000));
    assert_eq!(trade.shares_micros / MICROS, 14);
    let value = |price: i128| price * 14 * MICROS;
    let commission = |price: i128| (value(price) * 140_527 + 999_999_999) / 1_000_000_000;
    assert_eq!(trade.spent_micros, value(70_100) + commission(70_100));
    let tax = value(69_900) * 18 / 10_000;
    assert_eq!(sold.received_micros, value(69_900) - commission(69_900) - tax);
    assert_eq!(book.paid.tax_micros, tax);
    assert_eq!(book.paid.spread_micros, value(200));
}

#[test]
fn bars_that_are_no_series_are_refused_with_their_day() {
    let good = series(Market::UsNyse, "A", &FLAT).bars().to_vec();
    let broken = |change: fn(&mut Vec<DayBar>)| {
        let mut bars = good.clone();
        change(&mut bars);
        Series::new(instrument(Market::UsNyse, "A"), bars).unwrap_err().to_string()
    };
    assert_eq!(broken(|bars| bars.truncate(1)), "1 bars; at least 2 are needed");
    assert!(
        broken(|bars| bars[3].session_date = bars[2].session_date).starts_with("2024-01-03 is not later")
    );
    assert_eq!(
        broken(|bars| bars[1].low_micros = 0),
        "the bar of 2024-01-02 has a price that is not above zero"
    );
    assert!(broken(|bars| bars[1].high_micros = 1).starts_with("the bar of 2024-01-02 has a high below"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn money_is_neither_made_nor_lost_and_the_past_does_not_change(
        seed: u64, cut in 20..199_usize, fraction in 1..100_u32, percent in 0..300_u32,
    ) {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut close = 5_000_i64;
        let mut prices = || (0..200).map(|_| {
            let open = (close + random.i64(-300..=300)).max(100);
            close = (open + random.i64(-300..=300)).max(100);
            (open, close)
        }).collect::<Vec<_>>();
        let universe = ["A", "B", "C"].map(|symbol| series(Market::UsNasdaq, symbol, &prices()));
        let mut random = fastrand::Rng::with_seed(seed);
        let mut flags = || (0..200).map(|_| random.u8(..) < 30).collect::<Vec<_>>();
        let chosen: Vec<_> = universe.iter().map(|_| (flags(), flags())).collect();
        let setup = Setup { cost_pct: percent, ..Setup::default() };
        let policy = Policy { stop: Number::new(1.5), max_hold_bars: Some(20), ..policy(fraction) };
        let run = |bars: usize| {
            let cut: Vec<_> = universe.iter().map(|series| series.first(bars).unwrap()).collect();
            let wanted: Vec<_> = cut.iter().zip(&chosen).map(|(series, (entries, exits))| {
                let (entries, exits) = (entries[..bars].to_vec(), exits[..bars].to_vec());
                Signals { series, entries, exits, ranks: Vec::new(), range_pct: vec![3.0; bars] }
            }).collect();
            only(simulate(&wanted, &policy, &setup))
        };
        let (whole, short) = (run(200), run(cut));
        prop_assert_eq!(&whole.equity[..cut], &short.equity[..]);
        let started = 70_000 * MICROS;
        let flows: i128 = whole.trades.iter().map(|trade| trade.sold.map_or(0, |sold| sold.received_micros) - trade.spent_micros).sum();
        let held: f64 = whole.trades.iter().filter(|trade| trade.sold.is_none()).map(|trade| {
            let series = universe.iter().find(|series| *series.instrument() == trade.instrument).unwrap();
            trade.shares_micros as f64 / 1e12 * series.bars()[199].close_micros as f64
        }).sum();
        let expected = (started + flows) as f64 / 1e6 + held;
        prop_assert!((whole.equity[199] - expected).abs() < 1e-6, "{} {}", whole.equity[199], expected);
        prop_assert!(started + flows >= 0);
        prop_assert_eq!(run(200), whole);
    }
}
