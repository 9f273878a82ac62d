//! Files of bars, good and bad, and the report of what the books hold.

use chrono::NaiveDate;
use domain::{Instrument, Market};
use market_clock::Calendar;

use super::*;
use crate::store::{Database, HeldBars};

const NOW: &str = "2026-11-26T06:00:00Z";

fn rows(text: &str) -> Rows {
    read(text.as_bytes(), Market::Kr, (&Calendar::official(), NOW.parse().unwrap())).unwrap()
}

fn reasons(rows: &Rows) -> Vec<(u64, &str)> {
    rows.refused.iter().map(|row| (row.line, row.reason.as_str())).collect()
}

#[test]
fn each_bad_row_is_refused_at_its_line_with_the_reason_and_the_good_ones_are_taken() {
    let text = "symbol,date,open,high,low,close,volume,value\n\
        005930,2026-11-24,100,110,90,105,7,1\n\
        005930,2026-11-23,100,110,90,0,7,1\n\
        005930,2026-11-23,100,104,90,105,7,1\n\
        005930,2026-11-23,100,110,101,105,7,1\n\
        005930,2026-11-24,100,110,90,105,7,1\n\
        005930,2026-11-21,100,110,90,105,7,1\n\
        005930,2026-10-09,100,110,90,105,7,1\n\
        005930,2026-11-26,100,110,90,105,7,1\n\
        005930,24.11.2026,100,110,90,105,7,1\n\
        005930,2026-11-23,100,NaN,90,105,7,1\n\
        005930,2026-11-23,100,110,90,105,0.5,1\n\
        005930,2026-11-23,100\n\
        ,2026-11-23,100,110,90,105,7,1\n\
        005930,2026-11-23,1,100,1,110,90,105,7,1\n\
        000660,2026-11-24,1e2,110,90,105,0,1\n";
    let rows = rows(text);
    let expected = [
        (3, "the close 0 is no price above zero"),
        (4, "the high is below another price of the day"),
        (5, "the low is above another price of the day"),
        (6, "the day 2026-11-24 of this stock stands in line 2 already"),
        (7, "2026-11-21 is no session of KR: a weekend"),
        (9, "the day 2026-11-26 is not finished in KR"),
        (10, "'24.11.2026' is no date; allowed: YYYY-MM-DD"),
        (11, "the high 'NaN' is no number"),
        (12, "the volume 0.5 is no whole number of shares"),
        (13, "the high is missing"),
        (14, "'' is no symbol of a stock"),
        (15, "it has 10 cells; the header has 8"),
    ];
    let mut reasons = reasons(&rows);
    let holiday = reasons.remove(5);
    assert!(holiday.0 == 8 && holiday.1.starts_with("2026-10-09 is no session of KR: "), "{holiday:?}");
    assert_eq!(reasons, expected);
    assert_eq!((rows.rows_read, rows.stocks.len(), rows.unread_columns), (15, 2, vec!["value".to_owned()]));
}

#[test]
fn a_file_without_a_needed_column_is_refused_and_says_which() {
    for (text, missing) in [("symbol,date,open,high,low,close\n", "volume"), ("", "symbol")] {
        let refused = read(text.as_bytes(), Market::Kr, (&Calendar::official(), NOW.parse().unwrap()));
        assert!(refused.unwrap_err().contains(&format!("no column {missing}")));
    }
}

#[test]
fn a_split_is_handled_by_the_adjusted_close_and_suspected_without_it() {
    let head = "symbol,date,open,high,low,close,volume";
    let days = [
        "005930,2013-05-02,2650000,2650000,2650000,2650000,10",
        "005930,2013-05-03,53000,53000,53000,53000,500",
    ];
    let raw = rows(&format!("{head}\n{}\n{}\n", days[0], days[1]));
    assert_eq!(raw.suspects.len(), 1);
    assert!(raw.suspects[0].line == 3 && raw.suspects[0].why.contains("0.02 times"), "{:?}", raw.suspects);
    assert_eq!(raw.outside_calendar, 2);
    let adjusted = rows(&format!("{head},adj_close\n{},53000\n{},53000\n", days[0], days[1]));
    assert_eq!(adjusted.suspects, []);
    let first = adjusted.stocks.values().next().unwrap()[0];
    let bar = first.factor.apply(&first.bar).unwrap();
    assert_eq!(
        (first.factor.trillionths(), bar.close_micros, bar.volume),
        (20_000_000_000, 53_000_000_000, 500)
    );
    for bad in ["", "0", "-1", "x"] {
        let refused = rows(&format!("{head},adj_close\n{},{bad}\n", days[0]));
        assert_eq!(refused.refused.len(), 1, "{bad}");
    }
}

#[test]
fn bytes_that_are_no_text_and_lines_without_end_are_refused_one_by_one() {
    let mut bytes = b"symbol,date,open,high,low,close,volume\n005930,2026-11-24,1,1,1,1,\xff\xfe\n".to_vec();
    bytes.extend(b"005930,2026-11-23,1,1,1,1,".iter().chain(vec![b'9'; 100_000].iter()).chain(b"\n"));
    let known = (&Calendar::official(), NOW.parse().unwrap());
    let rows = read(bytes.as_slice(), Market::Kr, known).unwrap();
    assert_eq!((rows.rows_read, rows.refused.len(), rows.stocks.len()), (2, 2, 0));
    assert!(rows.refused.iter().all(|row| row.reason.len() < 100), "{:?}", rows.refused);
}

#[test]
fn a_file_goes_into_the_books_and_comes_back_as_status() {
    let folder = tempfile::tempdir().unwrap();
    let (books, file) = (folder.path().join("trades.db"), folder.path().join("kr.csv"));
    let text = "symbol,date,open,high,low,close,volume\n\
        005930,2026-11-16,100,110,90,105,7\n\
        005930,2026-11-17,100,110,90,105,7\n\
        005930,2026-11-20,100,110,90,105,7\n\
        005930,2026-11-19,0,110,90,105,7\n";
    std::fs::write(&file, text).unwrap();
    let known = (&Calendar::official(), NOW.parse().unwrap());
    let done = import(&books, &file, Market::Kr, known).unwrap();
    assert_eq!((done.done.taken, done.done.refused.len()), (3, 1));
    let shown = done.to_string();
    assert!(
        shown.contains("4 rows of 1 stocks") && shown.contains("line 5: the open 0 is no price"),
        "{shown}"
    );
    let mut reader = Database::open(&books).unwrap().reader().unwrap();
    let status = status(reader.held_bars().unwrap(), &reader.bar_imports(20).unwrap(), &Calendar::official());
    let [kr] = status.markets.as_slice() else { panic!("{status:?}") };
    assert_eq!((kr.market, kr.bars, kr.missing, kr.refused, kr.stocks.len()), (Market::Kr, 3, 2, 1, 1));
    let date = |text: &str| -> NaiveDate { text.parse().unwrap() };
    let gap = Gap { first: date("2026-11-18"), last: date("2026-11-19"), sessions: 2 };
    assert_eq!(kr.stocks[0].gaps, [gap]);
    let shown = status.to_string();
    assert!(shown.contains("KR:005930 misses 2 sessions: 2026-11-18 to 2026-11-19 (2)"), "{shown}");
    assert!(shown.contains("kr.csv line 5: the open 0 is no price above zero"), "{shown}");
}

#[test]
fn gaps_are_counted_by_the_calendar_and_not_where_it_does_not_reach() {
    let days = ["2001-03-02", "2001-03-09", "2026-11-24"].map(|day| day.parse().unwrap()).to_vec();
    let instrument = Instrument { market: Market::Kr, symbol: "005930".parse().unwrap() };
    let held = HeldBars { instrument, days, further_versions: 0, adjustments: Vec::new() };
    let calendar = Calendar::official();
    let status = status(vec![held], &[], &calendar);
    let begins = calendar.bounds().unwrap().0;
    let kr = &status.markets[0];
    assert_eq!(kr.outside_calendar, 2);
    assert_eq!(kr.stocks[0].gaps.len(), 1);
    assert!(kr.stocks[0].gaps[0].first >= begins);
    let empty = super::status(Vec::new(), &[], &calendar);
    assert!(empty.to_string().contains("kestrel data import"));
}
