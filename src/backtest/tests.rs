//! Files with mistakes, and a whole backtest of real bars.

use std::fs;
use std::path::Path;

use super::*;
use crate::markets;

const STRATEGY: &str = r#"{"id":"s-0001","parent_id":null,"hypothesis":"Oversold stocks with volume revert.","side":"long",
 "entry":{"min_score":3.5,"terms":[
  {"weight":2.0,"all_of":[{"feature":"rsi_14","lag":0,"op":"lt","rhs_kind":"value","rhs_feature":null,"rhs_value":45.0}]},
  {"weight":1.5,"all_of":[{"feature":"volume_ratio_20","lag":0,"op":"gt","rhs_kind":"value","rhs_feature":null,"rhs_value":1.2}]}]},
 "exit":{"any_of":[{"feature":"rsi_14","lag":0,"op":"gt","rhs_kind":"value","rhs_feature":null,"rhs_value":60.0}],
  "stop_atr":2.0,"take_atr":4.0,"trailing_atr":null,"max_hold_bars":10},
 "sizing":{"fraction_pct":5.0}}"#;

fn tried_on(files: &[(&str, &str)], strategy: &str) -> Result<Report, BacktestError> {
    let folder = tempfile::TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let path = folder.path().join("strategy.json");
    fs::write(&path, strategy).unwrap();
    let svg = Some(folder.path().join("out.svg"));
    let wanted =
        Wanted { strategy: path, data: folder.path().to_owned(), market: None, svg, shows_progress: false };
    let (calendar, _) = markets::calendar(None).unwrap();
    let report = run(&wanted, (&calendar, "2026-11-26T00:00:00Z".parse().unwrap()))?;
    let drawn = fs::read_to_string(folder.path().join("out.svg")).unwrap();
    assert!(drawn.starts_with("<svg") && drawn.contains("drawdown"), "{drawn:.200}");
    Ok(report)
}

/// The committed bars of one stock, with its header.
fn of_stock(symbol: &str) -> String {
    let all = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/us_wiki_daily.csv"))
        .unwrap();
    let wanted = |line: &&str| line.starts_with("symbol,") || line.starts_with(&format!("{symbol},"));
    all.lines().filter(wanted).map(|line| format!("{line}\n")).collect()
}

#[test]
fn real_bars_give_a_table_a_picture_and_figures() {
    let report = tried_on(&[("us_daily.csv", &of_stock("IBM"))], STRATEGY).unwrap();
    let [book] = report.books.as_slice() else { panic!("one currency") };
    assert_eq!((report.stocks, report.bars, book.currency.code()), (1, 3_270, "USD"));
    assert!(book.statistics.trades > 20 && book.statistics.sharpe.is_some(), "{:?}", book.statistics);
    assert!(book.trades.iter().all(|trade| trade.bought_bar >= 200), "nothing is known before");
    let text = report.to_string();
    for expected in
        ["+2.0 if RSI14 < 45", "Sharpe per year", "largest drawdown", "tax paid", "1 stocks, 3270 bars"]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(serde_json::to_string(&report).unwrap().contains("\"max_drawdown\""));
}

#[test]
fn bad_rows_gaps_and_short_stocks_are_told_with_file_and_line() {
    let mut text = of_stock("IBM");
    text.push_str("IBM,2013-03-01,1,2,1,1,5,1\n");
    text.push_str("IBM,2013-03-05,0,2,1,1,5,1\n");
    text.push_str("IBM,2013-03-06,200,199,198,200,5,200\n");
    text.push_str("IBM,2013-04-30,200,201,198,200,5,200\n");
    text.push_str("NEW,2013-03-04,10,10,10,10,5,10\n");
    let report = tried_on(&[("us_daily.csv", &text)], STRATEGY).unwrap().to_string();
    for expected in [
        "us_daily.csv line 3272: the day 2013-03-01 of this stock stands in line",
        "us_daily.csv line 3273: the open 0 is no price above zero",
        "us_daily.csv line 3274: the high is below another price",
        "us_daily.csv line 3275: US_NASDAQ:IBM has no bar for 60 days after 2013-03-01",
        "us_daily.csv: US_NASDAQ:NEW is left out: 1 bars are too few; the strategy needs 201",
    ] {
        assert!(report.contains(expected), "{expected}\n{report}");
    }
}

#[test]
fn what_cannot_be_tried_at_all_is_refused_with_its_reason() {
    let bars = "symbol,date,open,high,low,close,volume\nA,2013-03-04,10,10,10,10,5\n";
    type Case<'a> = (&'a [(&'a str, &'a str)], String, &'a str);
    let cases: [Case<'_>; 5] = [
        (&[], STRATEGY.to_owned(), "has no file of bars"),
        (&[("prices.csv", bars)], STRATEGY.to_owned(), "does not begin with a market"),
        (&[("us.csv", bars)], STRATEGY.to_owned(), "no stock of"),
        (&[("us.csv", "a,b\n1,2\n")], STRATEGY.to_owned(), "has no column symbol"),
        (
            &[("us.csv", bars)],
            STRATEGY.replace("rsi_14", "tomorrow"),
            "is no strategy. the strategy is not of the documented form: unknown variant `tomorrow`",
        ),
    ];
    for (files, strategy, expected) in cases {
        let refused = tried_on(files, &strategy).unwrap_err().to_string();
        assert!(refused.contains(expected), "{refused}\nwants: {expected}");
    }
}

#[test]
fn a_folder_of_more_than_is_held_at_once_is_refused_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, mib: u64| {
        // Nothing is written: a file of holes.
        fs::File::create(folder.path().join(name)).unwrap().set_len(mib << 20).unwrap();
    };
    file("KR_a.csv", 200);
    file("KR_b.csv", 200);
    file("notes.txt", 200);
    file("KR_c.csv", FOLDER_MIB_MAX - 400 + 1);
    let strategy = folder.path().join("s.json");
    fs::write(&strategy, STRATEGY).unwrap();
    let wanted =
        Wanted { strategy, data: folder.path().to_owned(), market: None, svg: None, shows_progress: false };
    let refused = run(&wanted, (&Calendar::official(), "2026-11-26T06:00:00Z".parse().unwrap())).unwrap_err();
    let words =
        format!("have 513 MiB together; at most {FOLDER_MIB_MAX} MiB are read at once, so try fewer of them");
    assert!(refused.to_string().contains(&words), "{refused}");
}

#[test]
fn a_files_name_says_its_market() {
    for (name, market) in [
        ("KR_daily.csv", Some(Market::Kr)),
        ("kr_005930_daily.csv", Some(Market::Kr)),
        ("us_wiki.csv", Some(Market::UsNasdaq)),
        ("US_NYSE.csv", Some(Market::UsNyse)),
        ("krypton.csv", None),
        ("ph_pse50_daily.csv", None),
    ] {
        assert_eq!(market_of(name), market, "{name}");
    }
}

#[test]
fn the_manual_shows_a_strategy_that_is_one_the_default_one_and_every_feature() {
    let manual = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    assert!(manual.contains(&strategy::form::Feature::glossary()));
    let usual = Strategy::by_default(strategy::Thresholds::default()).words();
    let (_, rules) = usual.split_once("days.\n").unwrap();
    assert!(manual.contains(&format!("```text\n{rules}```")), "{rules}");
    let (_, after) = manual.split_once("```json\n{\"id\": \"s-0001\"").unwrap();
    let (shown, _) = after.split_once("```").unwrap();
    let strategy = Strategy::from_json(&format!("{{\"id\": \"s-0001\"{shown}")).unwrap();
    assert_eq!(strategy.predicates(), 3);
}

#[test]
fn so_many_stocks_are_worked_on_at_the_same_time_as_there_are_cores() {
    use std::sync::{Condvar, Mutex};
    use std::time::Duration;
    let (at_work, more) = (Mutex::new(0), Condvar::new());
    // Each of three ends only when all three are at work.
    let meet = |number: &u32| {
        let mut count = at_work.lock().unwrap();
        *count += 1;
        more.notify_all();
        let (_count, waited) =
            more.wait_timeout_while(count, Duration::from_secs(60), |count| *count < 3).unwrap();
        (number * 2, waited.timed_out())
    };
    assert_eq!(on_cores(3, &[1, 2, 3], meet), [(2, false), (4, false), (6, false)]);
    assert_eq!(on_cores(8, &[], |number: &u32| *number), [] as [u32; 0]);
}
