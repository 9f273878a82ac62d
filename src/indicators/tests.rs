//! What counts as a file of bars, and what is said of one.

use std::fmt::Write;

use super::*;

const HEADER: &str = "date,open,high,low,close,volume\n";

fn mistake(text: &str) -> String {
    read(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn every_bad_row_is_named_by_its_line_and_the_file_is_refused_whole() {
    let rows = "2026-01-01,10,11,9,10,100\n\
                2026-01-02,10,11,9,abc,100\n\
                2026-01-03,10,11,9,nan,100\n\
                2026-01-04,10,11,9,10\n\
                2026-01-01,10,11,9,10,100\n\
                2026-01-06,10,9.5,9,10,100\n\
                2026-01-07,10,11,10.5,10,100\n\
                2026-01-08,0,11,9,10,100\n\
                2026-01-09,10,11,9,10,-1\n\
                soon,10,11,9,10,1\n\
                2026-01-11,10,inf,9,10,1\n\
                2026-01-12,10,11,9,10,\n";
    let error = mistake(&format!("{HEADER}{rows}"));
    let expected = [
        "11 rows are no bar",
        "line 3: close 'abc' is no number",
        "line 4: close is not a finite number",
        "line 5: 5 fields, the header has 6",
        "line 6: 2026-01-01 is not after the row before, 2026-01-01",
        "line 7: high is below another price",
        "line 8: low is above another price",
        "line 9: open is not above zero",
        "line 10: volume is below zero",
        "line 11: 'soon' is no date; allowed: 2026-01-31",
        "line 12: high is not a finite number",
        "line 13: volume '' is no number",
    ];
    for part in expected {
        assert!(error.contains(part), "{part} is not in {error}");
    }
    assert!(!error.contains("line 2:"), "{error}");
}

#[test]
fn many_bad_rows_are_counted_after_the_first_twenty() {
    let mut text = HEADER.to_owned();
    (0..25).for_each(|_| text.push_str("x,1,1,1,1,1\n"));
    let error = mistake(&text);
    assert!(error.contains("25 rows are no bar") && error.ends_with("and 5 more"), "{error}");
    assert!(error.contains("line 21:") && !error.contains("line 22:"), "{error}");
}

#[test]
fn a_file_without_header_or_bars_says_so() {
    let error = mistake("2026-01-01,10,11,9,10,100\n");
    assert!(error.contains("missing: date, open, high, low, close, volume"), "{error}");
    assert!(error.contains("found: '2026-01-01,10"), "{error}");
    assert!(mistake("date,open,high,low,close\n").contains("missing: volume"));
    assert!(mistake("").contains("line 1 has to name the columns date,open,high,low,close,volume"));
    assert_eq!(read(HEADER.as_bytes()), Err(BadFile::Empty));
    assert!(read(&b"date,open,high,low,close,volume\n2026-01-01,\xff,1,1,1,1\n"[..]).is_err());
}

#[test]
fn columns_may_come_in_any_order_and_case_with_others_between_in_any_line_ending() {
    let plain = read(format!("{HEADER}2026-01-01,10,11,9,10.5,100\n2026-01-02,10,11,9,10,0\n").as_bytes());
    let other = "\u{feff}Volume,Close,Adj Close,Low,High,Open,Date\r\n\
                 100,10.5,10,9,11,10,2026-01-01\r\n\r\n0, 10 ,\"10\",9,11,10,2026-01-02";
    assert_eq!(read(other.as_bytes()), plain);
    assert_eq!(plain.unwrap().bars.len(), 2);
}

#[test]
fn dates_may_be_days_minutes_instants_or_numbers_but_go_forward() {
    let rows = |first: &str, second: &str| {
        read(format!("{HEADER}{first},1,1,1,1,1\n{second},1,1,1,1,1\n").as_bytes())
            .map(|bars| bars.bars.len())
    };
    for (first, second) in [
        ("2026-01-01", "2026-01-02"),
        ("2026-01-01 09:30:00", "2026-01-01 09:31:00"),
        ("2026-01-01T09:30", "2026-01-01T09:31"),
        ("2026-01-01T09:30:00+09:00", "2026-01-01T00:31:00Z"),
        ("20260101", "20260102"),
        ("0", "1"),
    ] {
        assert_eq!(rows(first, second), Ok(2));
        assert!(rows(second, first).is_err(), "{second} before {first}");
        assert!(rows(first, first).is_err(), "{first} twice");
    }
}

#[test]
fn a_short_series_says_what_is_not_defined_and_that_it_decides_nothing() {
    let mut text = HEADER.to_owned();
    for day in 1..=20 {
        writeln!(text, "2026-01-{day:02},{day},{},{day},{day},1000", day + 1).unwrap();
    }
    let report = Report::of(Path::new("bars.csv"), &read(text.as_bytes()).unwrap());
    let shown = report.to_string();
    assert!(shown.starts_with("bars.csv: 20 bars, 2026-01-01 to 2026-01-20."), "{shown}");
    assert!(shown.contains("the agent waits for 200 bars, these are 20"), "{shown}");
    let value = |name: &str| {
        let line = shown.lines().find(|line| line.trim_start().starts_with(&format!("{name} "))).unwrap();
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    assert_eq!(value("rsi_14"), "100.00000");
    assert_eq!(value("sma_20"), "10.500000");
    assert_eq!(value("macd_12_26_9.macd"), "not");
    let json: serde_json::Value = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    let series = json["roc_5"].as_array().unwrap();
    assert_eq!((series.len(), &series[4], series[5].as_f64()), (20, &serde_json::Value::Null, Some(500.0)));
}
