//! Crossings of two averages over real bars, equal to what an independent engine says to fifteen digits.

use std::path::PathBuf;

use serde_json::Value;

use super::*;

/// The cases of the public-domain data; all of them are in the reference beside the project.
const COMMITTED: &str = include_str!("../golden/backtest_sma_cross_us_wiki.json");

/// A text beside the project or in it; a machine without it says so, and fails when `KESTREL_STRICT=1`.
#[expect(clippy::disallowed_methods, reason = "reads reference values of tests, no part of the program")]
fn text(path: &str) -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) => {
            assert!(std::env::var("KESTREL_STRICT").as_deref() != Ok("1"), "{}: {error}", path.display());
            println!("SKIPPED: no reference at {}", path.display());
            None
        }
    }
}

/// The rows of a case as bars; highs and lows that contradict the other prices are widened, because nothing here reads them.
fn bars(data: &str, case: &Value) -> Vec<DayBar> {
    let number = |index: usize| usize::try_from(case["rows"][index].as_u64().unwrap()).unwrap();
    let symbol = case["symbol"].as_str().map_or_else(|| case["symbol"].to_string(), str::to_owned);
    let mut lines = data.lines();
    let header: Vec<_> = lines.next().unwrap().split(',').collect();
    let place = |name: &str| header.iter().position(|column| *column == name).unwrap();
    let [of_symbol, date] = ["symbol", "date"].map(place);
    let prices = ["open", "high", "low", "close"].map(place);
    let rows = lines.map(|line| line.split(',').collect::<Vec<_>>());
    let rows = rows.filter(|row| row[of_symbol].trim_start_matches('0') == symbol.trim_start_matches('0'));
    let bar = |row: Vec<&str>| {
        let micros = |place: usize| (row[place].parse::<f64>().unwrap() * 1e6).round() as i64;
        let [open_micros, high, low, close_micros] = prices.map(micros);
        let high_micros = high.max(open_micros).max(close_micros);
        let low_micros = low.min(open_micros).min(close_micros);
        let session_date = row[date][..10].parse().unwrap();
        DayBar { session_date, open_micros, high_micros, low_micros, close_micros, volume: 1 }
    };
    rows.skip(number(0)).take(number(1) - number(0)).map(bar).collect()
}

/// True at each bar whose fast average is above the slow one, in the case's own arithmetic: closes in ten-thousandths.
fn above(bars: &[DayBar], fast: usize, slow: usize) -> Vec<bool> {
    let closes: Vec<i64> = bars.iter().map(|bar| (bar.close_micros + 50) / 100).collect();
    let sum = |end: usize, period: usize| -> i64 { closes[end - period..end].iter().sum() };
    let is_above = |end| end >= slow && sum(end, fast) * slow as i64 > sum(end, slow) * fast as i64;
    (1..=closes.len()).map(is_above).collect()
}

fn check(case: &Value, data: &str) {
    let bars = bars(data, case);
    let period = |name: &str| usize::try_from(case[name].as_u64().unwrap()).unwrap();
    let entries = above(&bars, period("fast"), period("slow"));
    assert_eq!(
        entries.iter().filter(|is_above| **is_above).count() as u64,
        case["signal_true_bars"].as_u64().unwrap()
    );
    let exits = entries.iter().map(|is_above| !is_above).collect();
    let series = Series::new(instrument(Market::UsNasdaq, "TEST"), bars).unwrap();
    let signals = Signals { series: &series, entries, exits, ranks: Vec::new(), range_pct: Vec::new() };
    let ppb = (case["fee"].as_f64().unwrap() * 1e9).round() as u32;
    // A book so large that millionths of shares and of dollars do not show.
    let setup = Setup {
        costs: Pricing::AllIn { ppb },
        shares: Shares::Millionths,
        ..free_of_costs(1_000_000_000_000)
    };
    let outcome = simulate(&[signals], &Policy::all_in(), &setup);
    let [book] = outcome.books.as_slice() else { panic!("one currency") };
    let mut fills: Vec<(usize, &str)> = Vec::new();
    for trade in &book.trades {
        fills.push((trade.bought_bar, "buy"));
        fills.extend(trade.sold.map(|sold| (sold.bar, "sell")));
    }
    for (fill, expected) in fills.iter().zip(case["fills_head"].as_array().unwrap()) {
        assert_eq!((fill.0 as u64, fill.1), (expected[0].as_u64().unwrap(), expected[1].as_str().unwrap()));
    }
    assert_eq!(book.trades.len() as u64, case["trades"].as_u64().unwrap());
    for (index, expected) in case["equity_every_100"].as_array().unwrap().iter().enumerate() {
        near("equity", book.equity[index * 100] / 1e12, expected);
    }
    let found = book.statistics();
    let expected = &case["metrics"];
    assert_eq!(found.days as u64, expected["T"].as_u64().unwrap());
    near("final", found.final_multiple, &expected["final"]);
    near("max_drawdown", found.max_drawdown, &expected["max_drawdown"]);
    for (name, value) in [
        ("mean", found.mean),
        ("sd_ddof1", found.deviation),
        ("sharpe_per_obs", found.sharpe_per_day),
        ("sharpe_annual", found.sharpe),
        ("sortino_annual", found.sortino),
        ("skew_population", found.skew),
        ("kurt_population", found.kurtosis),
        ("cagr", found.growth),
        ("calmar", found.calmar),
        ("profit_factor_bars", found.profit_factor),
    ] {
        near(name, value.unwrap(), &expected[name]);
    }
}

fn near(name: &str, found: f64, expected: &Value) {
    let expected = expected.as_f64().unwrap();
    assert!(
        (found - expected).abs() <= 1e-10 * expected.abs().max(1e-3),
        "{name}: {found} instead of {expected}"
    );
}

fn check_all(cases: &str) -> usize {
    let cases: Value = serde_json::from_str(cases).unwrap();
    let mut checked = 0;
    for case in cases["cases"].as_array().unwrap() {
        let file = case["data"].as_str().unwrap();
        let path = if file == "us_wiki_daily.csv" { "tests/data" } else { "../shared/reference/data" };
        if let Some(data) = text(&format!("{path}/{file}")) {
            check(case, &data);
            checked += 1;
        }
    }
    checked
}

#[test]
fn crossings_of_averages_over_american_stocks_end_where_other_engines_do() {
    assert_eq!(check_all(COMMITTED), 3);
}

#[test]
fn crossings_of_averages_end_where_other_engines_do() {
    if let Some(cases) = text("../shared/reference/validation/backtest_sma_cross.json") {
        assert!(check_all(&cases) >= 3);
    }
}

#[test]
fn the_korean_tax_on_sales_is_that_of_the_day() {
    let costs = Costs::of(Market::Kr, 100);
    let cases = [
        ("2018-06-01", "0.0030"),
        ("2019-06-02", "0.0030"),
        ("2019-06-03", "0.0025"),
        ("2020-12-31", "0.0025"),
        ("2021-01-04", "0.0023"),
        ("2023-01-02", "0.0020"),
        ("2024-01-02", "0.0018"),
        ("2025-06-02", "0.0015"),
        ("2026-01-02", "0.0020"),
    ];
    let check = |date: &str, total: &str| {
        let expected = (total.parse::<f64>().unwrap() * 1e9).round() as i128;
        assert_eq!(costs.tax_ppb(domain::Side::Sell, date.parse().unwrap()), expected, "{date}");
        assert_eq!(costs.tax_ppb(domain::Side::Buy, date.parse().unwrap()), 0);
    };
    cases.iter().for_each(|(date, total)| check(date, total));
    if let Some(told) = text("../shared/reference/validation/krx_sell_tax.json") {
        let told: Value = serde_json::from_str(&told).unwrap();
        for case in told["cases"].as_array().unwrap() {
            check(case["date"].as_str().unwrap(), case["total"].as_str().unwrap());
        }
    }
}
