//! What an override file may say, and how each mistake is named.

use super::*;

fn parse(text: &str) -> Result<Overrides, String> {
    Overrides::parse(text, &Calendar::official()).map_err(|error| error.to_string())
}

#[test]
fn the_file_closes_opens_and_moves_days_and_allows_exits() {
    let text = r#"{
        "KR": {"closed": ["2026-12-24"], "open": ["2026-12-26"], "exits": ["2028-01-03"],
               "hours": {"2026-11-30": {"open": "10:00", "close": "16:30"}}},
        "HK": {"hours": {"2026-11-30": {"close": "12:00", "break": null}}}
    }"#;
    let overrides = parse(text).unwrap();
    let said = "KR 2026-11-30 other hours, KR 2026-12-24 closed, KR 2026-12-26 open, HK 2026-11-30 other hours, \
                KR 2028-01-03 exits allowed";
    assert_eq!(overrides.to_string(), said);
    let calendar = Calendar::official().with_changes(&overrides.changes).unwrap();
    let session = calendar.session_on(Market::Hk, "2026-11-30".parse().unwrap()).unwrap();
    assert_eq!((session.lunch, session.close), (None, "2026-11-30T04:00:00Z".parse().unwrap()));
    let late = calendar.session_on(Market::Kr, "2026-11-30".parse().unwrap()).unwrap();
    assert_eq!(late.open, "2026-11-30T01:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap());
    assert_eq!(parse("{}").unwrap(), Overrides::default());
    let opened = parse(r#"{"KR": {"open": ["2026-12-25"], "hours": {"2026-12-25": {"open": "10:00"}}}}"#);
    assert_eq!(opened.unwrap().to_string(), "KR 2026-12-25 other hours");
}

#[test]
fn each_mistake_is_named_with_its_line_and_what_is_allowed() {
    for (text, line, words) in [
        ("", "line 1: ", "ends too early"),
        ("{\n\"KR\": {\"closed\": [\"2026-12-24\"],}\n}", "line 2: ", "allowed: markets with closed"),
        ("{\n\"KOREA\": {}\n}", "line 2: ", "unknown market `KOREA`, expected one of `KR`"),
        (
            "{\"KR\": {\n\"close\": [\"2026-12-24\"]}}",
            "line 2: ",
            "unknown field `close`, expected one of `closed`",
        ),
        ("{\"KR\": {\n\n\"closed\": [\"24.12.2026\"]}}", "line 3: ", "dates as \"2026-12-24\""),
        (
            "{\"KR\": {\n\"closed\": [\"2031-12-24\"]}}",
            "line 2: ",
            "2031-12-24 is outside the calendar; allowed: 2015-01-01 to 2027-12-31",
        ),
        (
            "{\"KR\": {\"closed\": [\"2026-12-24\"],\n\"open\": [\"2026-12-24\"]}}",
            "line 2: ",
            "KR 2026-12-24 is named twice",
        ),
        ("{\"JP\": {\"hours\":\n{\"2026-12-24\": {\"open\": \"25:00\"}}}}", "line 2: ", "'25:00' is no time"),
        (
            "{\"JP\": {\"hours\":\n{\"2026-12-24\": {\"close\": \"12:00\"}}}}",
            "line 2: ",
            "a break between them",
        ),
        ("{\"JP\": {\"hours\":\n{\"2026-12-24\": {\"open\": \"16:00\"}}}}", "line 2: ", "open before close"),
        ("{\"KR\": {\"closed\": [\"2026-12-23\"]},\n\"KR\": {}}", "line 2: ", "KR is named twice"),
        (
            "{\"KR\": {\"hours\": {\"2026-12-23\": {},\n\"2026-12-23\": {\"open\": \"10:00\"}}}}",
            "line 2: ",
            "2026-12-23 is named twice",
        ),
        ("{\"KR\": {\n\"hours\": {\"2026-12-25\": {}}}}", "line 2: ", "name it under open too"),
        (
            "{\"KR\": {\n\"hours\": {\"2026-12-23\": \"09:00-12:00\"}}}",
            "line 2: ",
            "string \"09:00-12:00\", expected an object with open, close or break",
        ),
        (
            "{\"KR\": {\n\"closed\": [\"2031-12-24\"]},\n\"JP\": {\"exits\": [\"2031-12-24\"]}}",
            "line 2: ",
            "2031-12-24 is outside",
        ),
        ("{\"KR\": {\n\"closed\": [\"2026-2-3\"]}}", "line 2: ", "'2026-2-3' is no date"),
        ("{\"KR\": {\n\"exits\": [\"2026-12-24\"]}}", "line 2: ", "is in the calendar"),
        ("{\"KR\": {\n\"exits\": [\"9999-01-01\"]}}", "line 2: ", "too far away"),
        ("{\"JP\": {\"hours\":\n{\"2026-12-24\": {\"open\": \"+9:+5\"}}}}", "line 2: ", "'+9:+5' is no time"),
        ("{\"JP\": {\"hours\":\n{\"2026-12-24\": {\"open\": \"16:00\"}}}}", "line 2: ", "16:00 to 15:30"),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.starts_with(line) && error.contains(words), "{text}: {error}");
    }
}

#[test]
fn days_that_overlap_are_named_with_their_line_their_hours_and_what_is_allowed() {
    let text = "{\"HK\": {\n\"hours\": {\"2026-11-30\": {\"close\": \"23:59\"},\n\"2026-12-01\": {\"open\": \"00:05\"}}}}";
    assert_eq!(
        parse(text).unwrap_err(),
        "line 3: the sessions of HK on 2026-11-30 (09:30 to 23:59, with its phases 09:00 to 2026-12-01 00:09) and on \
         2026-12-01 (00:05 to 16:00, with its phases 2026-11-30 23:35 to 16:10) overlap; allowed: each day, with its \
         phases, ends before the next begins"
    );
}

#[test]
fn a_mistake_is_named_at_the_mention_it_is_about() {
    for (text, line, words) in [
        (
            "{\"KR\": {\n\"exits\": [\"2026-12-24\"],\n\"closed\": [\"2026-12-24\"]}}",
            "line 2: ",
            "allowed under exits",
        ),
        (
            "{\"KR\": {\n\"closed\": [\"2031-01-02\"],\n\"exits\": [\"2031-01-02\"]}}",
            "line 2: ",
            "2031-01-02 is outside",
        ),
        (
            "{\"KR\": {\n\"hours\": {\"2026-12-23\": {\"open\": \"16:00\"}},\n\"open\": [\"2026-12-23\"]}}",
            "line 2: ",
            "open before close",
        ),
        ("{\"\\u004bR\": {\n\"closed\": [\"2031-12-24\"]}}", "line 2: ", "is outside"),
        (
            "{\"KR\": {\n\"closed\": [\"2026-12-24\",\n\"2026-12-24\"]}}",
            "line 3: ",
            "KR 2026-12-24 is named twice under closed; allowed: once",
        ),
        ("{\"KR\": {\"open\": [\"2026-12-26\",\n\"2026-12-26\"]}}", "line 2: ", "twice under open"),
        ("{\"KR\": {\"exits\": [\"2028-01-03\",\n\"2028-01-03\"]}}", "line 2: ", "twice under exits"),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.starts_with(line) && error.contains(words), "{text}: {error}");
    }
}

#[test]
fn bytes_that_are_no_plain_utf_8_are_named_with_their_line_and_what_is_allowed() {
    let read = |bytes: &[u8]| {
        Overrides::read(bytes, &Calendar::official()).map_err(|error| error.to_string()).unwrap_err()
    };
    assert_eq!(read(b"{\n\"KR\xff\": {}}"), "line 2: the text is no UTF-8; allowed: UTF-8");
    let marked = "line 1: the text begins with a byte order mark; allowed: UTF-8 without one";
    assert_eq!(read(b"\xef\xbb\xbf{}"), marked);
}

#[test]
fn hours_that_are_left_out_are_those_of_a_usual_day_also_on_a_half_day() {
    let local = |text: &str| {
        let calendar = Calendar::official().with_changes(&parse(text).unwrap().changes).unwrap();
        let session = calendar.session_on(Market::Hk, "2026-12-24".parse().unwrap()).unwrap();
        let time = |at: chrono::DateTime<chrono::Utc>| {
            at.with_timezone(&Market::Hk.zone()).format("%H:%M").to_string()
        };
        let lunch = session.lunch.map(|(start, end)| (time(start), time(end)));
        (time(session.open), time(session.close), lunch)
    };
    let lunch = Some(("12:00".to_owned(), "13:00".to_owned()));
    let whole = local("{\"HK\": {\"hours\": {\"2026-12-24\": {\"close\": \"16:00\"}}}}");
    assert_eq!(whole, ("09:30".into(), "16:00".into(), lunch));
    let half = local("{\"HK\": {\"hours\": {\"2026-12-24\": {\"close\": \"11:30\", \"break\": null}}}}");
    assert_eq!(half, ("09:30".into(), "11:30".into(), None));
}

#[test]
fn a_day_closed_that_has_no_session_changes_nothing_and_is_said() {
    let overrides =
        parse("{\"KR\": {\"closed\": [\"2026-12-24\", \"2026-12-25\", \"2026-12-26\"]}}").unwrap();
    let idle = ["2026-12-25", "2026-12-26"]
        .map(|date| format!("KR {date} is closed anyway: naming it under closed changes nothing"));
    assert_eq!(overrides.idle, idle);
}
