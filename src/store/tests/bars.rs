//! Bars: once each, never overwritten, comparable after a split.

use domain::messages::bars::{BarsOf, BarsSeen, DayBar};
use domain::messages::occasions::{Occasion, OccasionKind};
use trade_ledger::bars::{Alignment, Factor};

use super::*;
use crate::store::{BarFile, FileBar, import_bars};

fn bar(date: &str, close: i64) -> DayBar {
    let close_micros = close * 1_000_000;
    DayBar {
        session_date: date.parse().unwrap(),
        open_micros: close_micros,
        high_micros: close_micros,
        low_micros: close_micros,
        close_micros,
        volume: 100,
    }
}

fn seen(bars: &[(&str, i64)]) -> BarsSeen {
    BarsSeen {
        instrument: stock("005930"),
        bars: bars.iter().map(|(date, close)| bar(date, *close)).collect(),
    }
}

fn closes(books: &mut Books, most: u16) -> Vec<i64> {
    let series = books.store.bars_of(&BarsOf { instrument: stock("005930"), most }).unwrap();
    series.bars.iter().map(|bar| bar.close_micros / 1_000_000).collect()
}

fn versions(books: &mut Books) -> i64 {
    let mut conn = books.database.connection().unwrap();
    crate::store::schema::bars::table.count().get_result(&mut conn).unwrap()
}

const WEEK: [(&str, i64); 4] =
    [("2026-11-16", 100), ("2026-11-17", 110), ("2026-11-18", 120), ("2026-11-19", 130)];

#[test]
fn a_bar_is_written_once_however_often_it_is_seen() {
    let mut books = Books::new();
    let first = books.store.record_bars(&seen(&WEEK), start()).unwrap();
    assert_eq!((first.first, first.alignment), (4, Alignment::Nothing));
    let again = books.store.record_bars(&seen(&WEEK), start()).unwrap();
    assert_eq!((again.first, again.known, again.changed, again.alignment), (0, 4, 0, Alignment::Same));
    assert_eq!(versions(&mut books), 4);
    assert_eq!(closes(&mut books, 100), [100, 110, 120, 130]);
    assert_eq!(closes(&mut books, 2), [120, 130], "the newest");
    assert_eq!(books.store.stocks_with_bars(Market::Kr).unwrap(), [stock("005930")]);
    assert_eq!(books.store.stocks_with_bars(Market::Jp).unwrap(), []);
}

#[test]
fn a_correction_is_a_further_version_and_the_first_one_stays() {
    let mut books = Books::new();
    books.store.record_bars(&seen(&WEEK), start()).unwrap();
    let corrected = [WEEK[0], WEEK[1], ("2026-11-18", 121), WEEK[3]];
    let done = books.store.record_bars(&seen(&corrected), start()).unwrap();
    assert_eq!((done.known, done.changed, done.alignment), (3, 1, Alignment::Same));
    assert_eq!((versions(&mut books), closes(&mut books, 9)), (5, vec![100, 110, 121, 130]));
    let mut conn = books.database.connection().unwrap();
    for sql in ["UPDATE bars SET volume = 1", "DELETE FROM bars", "DELETE FROM bar_adjustments"] {
        let outcome = diesel::sql_query(sql).execute(&mut conn);
        assert!(outcome.is_err() || outcome == Ok(0), "{sql}: {outcome:?}");
    }
}

#[test]
fn after_a_split_older_bars_are_multiplied_and_told_ones_are_not_multiplied_twice() {
    let mut books = Books::new();
    books.store.record_bars(&seen(&WEEK), start()).unwrap();
    // The exchange is asked for three days and tells them at half the price.
    let told = [("2026-11-17", 55), ("2026-11-18", 60), ("2026-11-19", 65), ("2026-11-20", 66)];
    let done = books.store.record_bars(&seen(&told), start()).unwrap();
    let half = Factor::between(2, 1).unwrap();
    let before = "2026-11-20".parse().unwrap();
    assert_eq!((done.alignment, done.changed), (Alignment::Scaled { before, factor: half }, 3));
    assert_eq!(closes(&mut books, 9), [50, 55, 60, 65, 66]);
    let series = books.store.bars_of(&BarsOf { instrument: stock("005930"), most: 9 }).unwrap();
    assert_eq!(series.bars.first().unwrap().volume, 200, "twice the shares at half the price");
    let again = books.store.record_bars(&seen(&told), start()).unwrap();
    assert_eq!((again.known, again.alignment), (4, Alignment::Same));
    assert_eq!(closes(&mut books, 9), [50, 55, 60, 65, 66]);
}

#[test]
fn bars_that_cannot_be_compared_are_left_out_of_the_series_and_kept() {
    let mut books = Books::new();
    books.store.record_bars(&seen(&WEEK), start()).unwrap();
    let later = [("2026-11-23", 20)];
    let done = books.store.record_bars(&seen(&later), start() + TimeDelta::days(1)).unwrap();
    assert!(matches!(done.alignment, Alignment::Unknown { .. }), "{done:?}");
    let series = books.store.bars_of(&BarsOf { instrument: stock("005930"), most: 9 }).unwrap();
    assert_eq!(
        (series.bars, series.cut_before),
        (vec![bar("2026-11-23", 20)], Some("2026-11-20".parse().unwrap()))
    );
    assert_eq!(versions(&mut books), 5);
}

#[test]
fn a_day_that_is_not_over_is_refused() {
    let mut books = Books::new();
    let today = today().session_date.to_string();
    let refused = books.store.record_bars(&seen(&[(today.as_str(), 5)]), start());
    assert!(matches!(refused, Err(StoreError::Refused(why)) if why.contains("not finished")));
    assert_eq!(versions(&mut books), 0);
}

#[test]
fn a_day_whose_session_was_booked_as_closed_is_over_in_its_market_and_the_next_one_is_not() {
    let mut books = Books::new();
    let session_date = today().session_date;
    let [day, next] = [session_date, session_date.succ_opt().unwrap()].map(|date| date.to_string());
    let closed = |market| Occasion {
        market,
        session_date,
        kind: OccasionKind::DayClosed,
        begins_at: start(),
        label: "closed".into(),
    };
    books.store.book_occasions(&[closed(Market::Jp)], start()).unwrap();
    assert!(books.store.record_bars(&seen(&[(&day, 5)]), start()).is_err(), "of another market");
    books.store.book_occasions(&[closed(Market::Kr)], start()).unwrap();
    assert!(books.store.record_bars(&seen(&[(&day, 5), (&next, 5)]), start()).is_err());
    assert_eq!(books.store.record_bars(&seen(&[(&day, 5)]), start()).unwrap().first, 1);
}

fn file(rows: &[(&str, i64)], factor: Factor) -> BarFile {
    let rows: Vec<_> = (2..)
        .zip(rows)
        .map(|(line, (date, close))| FileBar { line, bar: bar(date, *close), factor })
        .collect();
    let rows_read = u64::try_from(rows.len()).unwrap();
    let stocks = [("005930".parse().unwrap(), rows)].into();
    BarFile { market: Market::Kr, name: "kr.csv".into(), rows_read, stocks, refused: Vec::new() }
}

#[test]
fn a_file_is_taken_once_and_never_replaces_what_the_exchange_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trades.db");
    let history = [("2026-11-12", 80), ("2026-11-13", 90), ("2026-11-16", 100), ("2026-11-17", 111)];
    let first = import_bars(&path, &file(&history, Factor::ONE), start()).unwrap();
    assert_eq!((first.taken, first.known, first.stocks), (4, 0, 1));
    let again = import_bars(&path, &file(&history, Factor::ONE), start()).unwrap();
    assert_eq!((again.taken, again.known, again.changed), (0, 4, 0));
    let mut store = Database::open(&path).unwrap().store().unwrap();
    store.boot(&boot_facts(1, start())).unwrap();
    let done = store.record_bars(&seen(&WEEK), start()).unwrap();
    assert_eq!((done.known, done.changed, done.first, done.alignment), (1, 1, 2, Alignment::Same));
    let other = [("2026-11-12", 81), ("2026-11-16", 100), ("2026-11-17", 111), ("2026-11-18", 120)];
    let third = import_bars(&path, &file(&other, Factor::ONE), start()).unwrap();
    assert_eq!((third.changed, third.known, third.refused.len()), (1, 2, 1));
    assert!(third.refused[0].reason.contains("its own stays"), "{third:?}");
    let mut reader = Database::open(&path).unwrap().reader().unwrap();
    let imports = reader.bar_imports(9).unwrap();
    assert_eq!(imports.iter().map(|import| import.refused).collect::<Vec<_>>(), [1, 0, 0]);
    let held = reader.held_bars().unwrap();
    assert_eq!((held[0].days.len(), held[0].further_versions), (6, 2));
}

#[test]
fn a_file_in_other_prices_than_the_exchanges_is_refused_unless_its_adjusted_close_makes_them_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trades.db");
    let mut store = Database::open(&path).unwrap().store().unwrap();
    store.boot(&boot_facts(1, start())).unwrap();
    store.record_bars(&seen(&WEEK), start()).unwrap();
    let doubled: Vec<_> =
        [("2026-11-13", 180)].into_iter().chain(WEEK.map(|(date, close)| (date, close * 2))).collect();
    let raw = import_bars(&path, &file(&doubled, Factor::ONE), start()).unwrap();
    assert_eq!((raw.taken, raw.refused.len(), raw.stocks), (0, 5, 0));
    assert!(raw.refused[0].reason.contains("adj_close"), "{raw:?}");
    let adjusted = import_bars(&path, &file(&doubled, Factor::between(2, 1).unwrap()), start()).unwrap();
    assert_eq!((adjusted.taken, adjusted.known, adjusted.refused.len()), (1, 4, 0), "{adjusted:?}");
    let series = store.bars_of(&BarsOf { instrument: stock("005930"), most: 9 }).unwrap();
    assert_eq!(series.bars.first().unwrap().close_micros, 90_000_000);
}
