//! Hours of the ten markets at their edges, and the shared calendar cases that weekly hours can answer.

use std::path::PathBuf;

use serde_json::Value;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn assert_phase(market: Market, text: &str, phase: Phase) {
    assert_eq!(Calendar::weekly().phase(market, at(text)), phase, "{market} {text}");
}

#[test]
fn each_market_opens_breaks_and_closes_to_the_second_in_its_own_zone() {
    // Market, open, lunch, close in UTC on 2026-07-01 (summer time in New York).
    let cases = [
        (Market::Kr, "00:00", None, "06:30"),
        (Market::UsNasdaq, "13:30", None, "20:00"),
        (Market::UsNyse, "13:30", None, "20:00"),
        (Market::UsAmex, "13:30", None, "20:00"),
        (Market::Jp, "00:00", Some(("02:30", "03:30")), "06:30"),
        (Market::Hk, "01:30", Some(("04:00", "05:00")), "08:00"),
        (Market::CnSha, "01:30", Some(("03:30", "05:00")), "07:00"),
        (Market::CnSza, "01:30", Some(("03:30", "05:00")), "07:00"),
        (Market::VnHan, "02:00", Some(("04:30", "06:00")), "07:45"),
        (Market::VnHcm, "02:00", Some(("04:30", "06:00")), "07:45"),
    ];
    let instant = |time: &str| at(&format!("2026-07-01T{time}:00Z"));
    for (market, open, lunch, close) in cases {
        let session = Calendar::weekly().session_of(market, instant(open)).unwrap();
        let lunch = lunch.map(|(start, end)| (instant(start), instant(end)));
        let date = "2026-07-01".parse().unwrap();
        assert_eq!(session, Session { market, date, open: instant(open), close: instant(close), lunch });
        assert_eq!(session.phase(instant(close)), Phase::Closed);
        assert_eq!(session.phase(session.close - chrono::TimeDelta::seconds(1)), Phase::Open);
        assert_eq!(session.phase(session.open - chrono::TimeDelta::seconds(1)), Phase::Closed);
        if let Some((start, end)) = lunch {
            assert_eq!((session.phase(start), session.phase(end)), (Phase::Lunch, Phase::Open));
        }
    }
}

#[test]
fn new_york_opens_at_another_utc_hour_after_each_change_of_its_clocks() {
    for (text, phase) in [
        ("2026-03-06T14:29:59Z", Phase::Closed),
        ("2026-03-06T14:30:00Z", Phase::Open),
        ("2026-03-09T13:29:59Z", Phase::Closed),
        ("2026-03-09T13:30:00Z", Phase::Open),
        ("2026-10-30T13:30:00Z", Phase::Open),
        ("2026-11-02T13:30:00Z", Phase::Closed),
        ("2026-11-02T14:30:00Z", Phase::Open),
        ("2026-11-02T20:59:59Z", Phase::Open),
    ] {
        assert_phase(Market::UsNyse, text, phase);
    }
}

#[test]
fn weekends_are_closed_in_the_markets_own_days() {
    // Monday 08:59 in Seoul is still Sunday in UTC; Friday's close in New York is Saturday in Seoul.
    assert_phase(Market::Kr, "2026-11-22T23:59:59Z", Phase::Closed);
    assert_phase(Market::Kr, "2026-11-23T00:00:00Z", Phase::Open);
    assert_phase(Market::UsNasdaq, "2026-11-20T20:59:59Z", Phase::Open);
    assert_phase(Market::UsNasdaq, "2026-11-21T15:00:00Z", Phase::Closed);
    assert_phase(Market::Jp, "2026-11-22T01:00:00Z", Phase::Closed);
}

#[test]
fn the_next_opening_is_the_end_of_lunch_or_the_next_session() {
    let calendar = Calendar::weekly();
    let next = |markets: &[Market], text: &str| {
        calendar.next_open(markets, at(text)).map(|(open, market)| (open.to_rfc3339(), market))
    };
    let cases: [(&[Market], &str, &str, Market); 6] = [
        (&[Market::Jp], "2026-07-01T02:45:00Z", "2026-07-01T03:30:00+00:00", Market::Jp),
        (&[Market::Jp], "2026-07-01T03:30:00Z", "2026-07-02T00:00:00+00:00", Market::Jp),
        (&[Market::Kr], "2026-11-20T06:30:00Z", "2026-11-23T00:00:00+00:00", Market::Kr),
        (
            &[Market::Kr, Market::UsNasdaq],
            "2026-11-20T07:00:00Z",
            "2026-11-20T14:30:00+00:00",
            Market::UsNasdaq,
        ),
        (&[Market::Jp, Market::Kr], "2026-11-22T00:00:00Z", "2026-11-23T00:00:00+00:00", Market::Jp),
        (&[Market::Kr, Market::Jp], "2026-11-22T00:00:00Z", "2026-11-23T00:00:00+00:00", Market::Kr),
    ];
    for (markets, text, open, market) in cases {
        assert_eq!(next(markets, text), Some((open.to_owned(), market)), "{text}");
    }
    assert_eq!(next(&[], "2026-07-01T00:00:00Z"), None);
}

#[test]
fn a_jump_leads_to_the_next_open_market_and_nowhere_while_one_is_open() {
    let both = [Market::Kr, Market::UsNasdaq];
    let open = at("2026-11-24T01:00:00Z");
    assert_eq!(next_open_any(&both, open), Some(open));
    assert_eq!(next_open_any(&both, at("2026-11-24T06:30:00Z")), Some(at("2026-11-24T14:30:00Z")));
    assert_eq!(next_open_any(&both, at("2026-11-27T21:00:00Z")), Some(at("2026-11-30T00:00:00Z")));
    assert_eq!(next_open_any(&[], open), None);
}

#[test]
fn a_closed_day_is_no_session_and_moves_the_next_opening() {
    let calendar = Calendar::weekly().closed_on(Market::Kr, "2026-11-24".parse().unwrap());
    let morning = at("2026-11-24T01:00:00Z");
    assert_eq!(calendar.phase(Market::Kr, morning), Phase::Closed);
    assert_eq!(calendar.next_change(Market::Kr, morning).unwrap().at, at("2026-11-25T00:00:00Z"));
    assert_eq!(calendar.last_begun(Market::Kr, morning).unwrap().date.to_string(), "2026-11-23");
    assert_eq!(calendar.phase(Market::Jp, morning), Phase::Open);
}

#[test]
fn changes_follow_each_other_through_a_whole_week_without_gap_or_repetition() {
    let calendar = Calendar::weekly();
    let mut now = at("2026-03-06T00:00:00Z");
    let mut phases = Vec::new();
    while let Some(change) =
        calendar.next_change(Market::Hk, now).filter(|c| c.at < at("2026-03-13T00:00:00Z"))
    {
        assert!(change.at > now);
        assert_eq!(calendar.phase(Market::Hk, change.at), change.phase);
        now = change.at;
        phases.push(change.phase);
    }
    assert_eq!(phases, [Phase::Open, Phase::Lunch, Phase::Open, Phase::Closed].repeat(5));
}

/// The shared cases; a machine without them says so, and fails when `KESTREL_STRICT=1`.
#[expect(clippy::disallowed_methods, reason = "reads reference cases of tests, no part of the program")]
fn reference() -> Option<Value> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/calendars/cases.json");
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(error) => {
            assert!(std::env::var("KESTREL_STRICT").as_deref() != Ok("1"), "{}: {error}", path.display());
            println!("SKIPPED: no calendar cases at {}", path.display());
            None
        }
    }
}

#[test]
fn the_shared_cases_about_hours_lunch_weekends_and_daylight_saving_hold() {
    let Some(reference) = reference() else { return };
    let topics = ["edge", "phase", "us_dst", "weekend", "utc_midnight"];
    let mut compared = 0;
    for case in reference["cases"].as_array().unwrap() {
        let text = |key: &str| case[key].as_str().map(str::to_owned);
        let when = at(&text("at_utc").unwrap());
        // Weekly hours are today's hours: earlier cases of Tokyo had another close.
        if !topics.contains(&case["tag"].as_str().unwrap()) || when < at("2024-11-05T00:00:00Z") {
            continue;
        }
        let id = text("id").unwrap();
        let market: Market = text("market").unwrap().parse().unwrap();
        let calendar = Calendar::weekly();
        assert_eq!(calendar.phase(market, when) == Phase::Open, case["is_open"], "{id}");
        assert_eq!(calendar.phase(market, when) == Phase::Lunch, case["phase"] == "lunch", "{id}");
        let next = calendar.next_open(&[market], when).map(|(open, _)| open);
        assert_eq!(next, text("next_open_utc").map(|text| at(&text)), "{id}");
        compared += 1;
    }
    assert!(compared >= 40, "only {compared} cases compared");
}
