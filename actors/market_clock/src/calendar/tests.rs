//! Days and hours of the ten markets at their edges, the shared cases, and every minute of four years.

mod cases;
mod minutes;

use super::*;

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Open, lunch, close of a session in local time, or `closed`.
fn hours(calendar: &Calendar, market: Market, day: &str) -> String {
    let Some(session) = calendar.session_on(market, date(day)) else { return "closed".into() };
    let local = |at: DateTime<Utc>| at.with_timezone(&market.zone()).format("%H:%M").to_string();
    let lunch = session.lunch.map(|(start, end)| format!(" ({}-{})", local(start), local(end)));
    format!("{}-{}{}", local(session.open), local(session.close), lunch.unwrap_or_default())
}

#[test]
fn the_embedded_data_passes_its_check() {
    assert_eq!(Calendar::expand().fault(), None, "set CHECKSUM to {:#x}", checksum(DATA));
}

#[test]
fn data_that_fails_its_check_makes_everything_unknown() {
    for (text, checksum) in [(DATA, CHECKSUM ^ 1), ("{}", checksum("{}")), ("", CHECKSUM)] {
        let calendar = Calendar::from_text(text, checksum);
        assert!(calendar.fault().is_some());
        let now = at("2026-07-02T01:00:00Z");
        for market in Market::ALL {
            assert_eq!(calendar.phase(market, now), Phase::Unknown);
            assert_eq!(calendar.is_open(market, now), None);
            assert_eq!(calendar.next_open(market, now), None);
            assert_eq!(calendar.next_change(market, now), None);
            assert_eq!(calendar.status(market, now.date_naive()), DateStatus::Unknown);
            assert_eq!(calendar.day(market, now.date_naive()), DayKind::Unknown);
        }
        let closed = DayChanges::from([((Market::Kr, "2026-12-24".parse().unwrap()), DayChange::Closed)]);
        assert!(calendar.with_changes(&closed).is_err());
    }
}

#[test]
fn data_whose_days_overlap_or_contradict_themselves_is_refused() {
    let broken = |from: &str, to: &str| {
        let text = DATA.replace(from, to);
        assert_ne!(text, DATA);
        Calendar::from_text(&text, checksum(&text)).fault().map(ToString::to_string).unwrap()
    };
    let overlap = broken("\"close+240\"", "\"close+1440\"");
    assert_eq!(
        overlap,
        "the sessions of US_NASDAQ on 2015-01-05 (09:30 to 16:00, with its phases 04:00 to 2015-01-06 16:00) and on \
                 2015-01-06 (09:30 to 16:00, with its phases 04:00 to 2015-01-07 16:00) overlap; allowed: each day, with \
                 its phases, ends before the next begins"
    );
    let hours = broken("\"2015-11-27\":{\"close\":\"13:00\"}", "\"2015-11-27\":{\"close\":\"09:00\"}");
    assert!(hours.contains("US_NASDAQ on 2015-11-27"), "{hours}");
    assert!(broken("open-30", "opne-30").contains("'opne-30'"));
    assert!(broken("\"13:00\"", "\"13:60\"").contains("'13:60' is no time; allowed: HH:MM"));
    assert!(broken("\"schema\":1", "\"schema\":2").contains("schema 2"));
}

#[test]
fn documented_days_have_their_documented_hours() {
    let cases = [
        // Korea: the exam, the first session, the year's end, substitutes of 2026.
        (Market::Kr, "2025-11-13", "10:00-16:30"),
        (Market::Kr, "2026-11-19", "10:00-16:30"),
        (Market::Kr, "2026-01-02", "10:00-15:30"),
        (Market::Kr, "2025-12-31", "closed"),
        (Market::Kr, "2026-06-03", "closed"),
        (Market::Kr, "2026-07-17", "closed"),
        (Market::Kr, "2016-07-29", "09:00-15:00"),
        (Market::Kr, "2016-08-01", "09:00-15:30"),
        // United States: half days, a day of mourning.
        (Market::UsNasdaq, "2026-11-27", "09:30-13:00"),
        (Market::UsNyse, "2025-01-09", "closed"),
        (Market::UsAmex, "2026-12-24", "09:30-13:00"),
        // Tokyo: the longer day since 2024-11-05, and the day its system failed.
        (Market::Jp, "2024-11-01", "09:00-15:00 (11:30-12:30)"),
        (Market::Jp, "2024-11-05", "09:00-15:30 (11:30-12:30)"),
        (Market::Jp, "2020-10-01", "closed"),
        // Hong Kong: half days have no break; storms.
        (Market::Hk, "2026-12-24", "09:30-12:00"),
        (Market::Hk, "2023-09-01", "closed"),
        (Market::Hk, "2026-07-02", "09:30-16:00 (12:00-13:00)"),
        // China: working weekends are no sessions.
        (Market::CnSha, "2026-05-09", "closed"),
        (Market::CnSza, "2026-02-23", "closed"),
        // Vietnam: one exchange of two failed.
        (Market::VnHcm, "2018-01-23", "closed"),
        (Market::VnHan, "2018-01-23", "09:00-14:45 (11:30-13:00)"),
        (Market::VnHan, "2026-01-02", "closed"),
    ];
    for (market, day, expected) in cases {
        assert_eq!(hours(&Calendar::official(), market, day), expected, "{market} {day}");
    }
}

#[test]
fn a_day_passes_through_its_phases_in_order() {
    let cases = [
        (
            Market::Kr,
            "2026-07-02",
            "opening_auction 08:30 continuous 09:00 closing_auction 15:20 post_close 15:30 closed 18:00",
        ),
        (
            Market::Kr,
            "2026-11-19",
            "opening_auction 09:30 continuous 10:00 closing_auction 16:20 post_close 16:30 closed 20:00",
        ),
        (Market::UsNyse, "2026-07-02", "pre_market 04:00 continuous 09:30 post_close 16:00 closed 20:00"),
        (Market::UsNyse, "2026-11-27", "pre_market 04:00 continuous 09:30 post_close 13:00 closed 17:00"),
        (
            Market::Jp,
            "2026-07-02",
            "opening_auction 08:00 continuous 09:00 lunch 11:30 continuous 12:30 closing_auction 15:25 closed 15:30",
        ),
        (
            Market::Hk,
            "2026-07-02",
            "opening_auction 09:00 continuous 09:30 lunch 12:00 continuous 13:00 closing_auction 16:00 closed 16:10",
        ),
        (
            Market::Hk,
            "2026-12-24",
            "opening_auction 09:00 continuous 09:30 closing_auction 12:00 closed 12:10",
        ),
        (
            Market::CnSha,
            "2026-07-02",
            "opening_auction 09:15 continuous 09:30 lunch 11:30 continuous 13:00 closing_auction 14:57 post_close 15:00 closed 15:30",
        ),
        (
            Market::VnHan,
            "2026-07-02",
            "continuous 09:00 lunch 11:30 continuous 13:00 closing_auction 14:30 post_close 14:45 closed 15:00",
        ),
        (
            Market::VnHcm,
            "2026-07-02",
            "opening_auction 09:00 continuous 09:15 lunch 11:30 continuous 13:00 closing_auction 14:30 post_close 14:45 closed 15:00",
        ),
    ];
    for (market, day, expected) in cases {
        let session = Calendar::official().session_on(market, date(day)).unwrap();
        let changes: Vec<_> = session
            .changes()
            .into_iter()
            .map(|change| {
                format!("{} {}", change.phase, change.at.with_timezone(&market.zone()).format("%H:%M"))
            })
            .collect();
        assert_eq!(changes.join(" "), expected, "{market} {day}");
    }
}

#[test]
fn new_york_opens_at_another_utc_hour_after_each_change_of_its_clocks() {
    for (day, open) in [
        ("2026-03-06", "2026-03-06T14:30:00Z"),
        ("2026-03-09", "2026-03-09T13:30:00Z"),
        ("2026-10-30", "2026-10-30T13:30:00Z"),
        ("2026-11-02", "2026-11-02T14:30:00Z"),
    ] {
        assert_eq!(Calendar::official().session_on(Market::UsNyse, date(day)).unwrap().open, at(open));
    }
}

#[test]
fn the_longest_closures_are_bridged_because_only_the_tables_end_bounds_a_search() {
    let calendar = Calendar::official();
    for (market, from, open) in [
        (Market::Jp, "2019-04-26T06:00:00Z", "2019-05-07T00:00:00Z"),
        (Market::Kr, "2017-09-29T06:30:00Z", "2017-10-10T00:00:00Z"),
        (Market::CnSha, "2020-01-23T07:00:00Z", "2020-02-03T01:30:00Z"),
        (Market::VnHcm, "2026-02-13T07:45:00Z", "2026-02-23T02:00:00Z"),
    ] {
        assert_eq!(calendar.next_open(market, at(from)), Some(at(open)), "{market}");
    }
    let last = at("2027-12-31T05:00:00Z");
    assert_eq!(calendar.next_open(Market::Kr, last), None, "the year's last day is closed in Seoul");
    let end = Change { at: at("2027-12-31T15:00:00Z"), phase: Phase::Unknown };
    assert_eq!(calendar.next_change(Market::Kr, last), Some(end));
    assert_eq!(
        calendar.next_change(Market::Kr, at("2014-01-01T00:00:00Z")).unwrap().at,
        at("2014-12-31T15:00:00Z")
    );
    assert_eq!(calendar.next_change(Market::Kr, at("2028-01-01T00:00:00Z")), None);
}

#[test]
fn each_day_says_how_well_it_is_known_and_why_it_is_closed() {
    let calendar = Calendar::official();
    let cases = [
        (Market::Kr, "2026-11-25", DateStatus::Official, DayKind::Session),
        (Market::Kr, "2026-11-19", DateStatus::Official, DayKind::ShortOrShifted),
        (Market::Kr, "2026-11-28", DateStatus::Official, DayKind::Weekend),
        (
            Market::Kr,
            "2026-10-05",
            DateStatus::Official,
            DayKind::Holiday(Some("National Foundation Day (observed)")),
        ),
        (Market::Kr, "2027-03-02", DateStatus::Estimated, DayKind::Session),
        (Market::UsAmex, "2027-03-02", DateStatus::Official, DayKind::Session),
        (Market::UsAmex, "2026-11-26", DateStatus::Official, DayKind::Holiday(Some("Thanksgiving Day"))),
        (Market::VnHcm, "2026-11-24", DateStatus::Uncertain, DayKind::Holiday(Some("Culture Day"))),
        (Market::CnSza, "2027-02-04", DateStatus::Uncertain, DayKind::Session),
        (Market::Hk, "2028-01-03", DateStatus::Unknown, DayKind::Unknown),
        (Market::Hk, "2014-12-31", DateStatus::Unknown, DayKind::Unknown),
    ];
    for (market, day, status, kind) in cases {
        assert_eq!(
            (calendar.status(market, date(day)), calendar.day(market, date(day))),
            (status, kind),
            "{market} {day}"
        );
    }
}

#[test]
fn every_closed_weekday_has_a_name() {
    let (calendar, mut named) = (Calendar::official(), 0);
    let (first, last) = calendar.bounds().unwrap();
    for market in Market::ALL {
        for date in first.iter_days().take_while(|date| *date <= last) {
            if let DayKind::Holiday(name) = calendar.day(market, date) {
                assert!(name.is_some(), "{market} {date}");
                named += 1;
            }
        }
    }
    assert_eq!(named, 203 + 3 * 124 + 219 + 191 + 2 * 233 + 148 + 150);
}

#[test]
fn the_next_opening_of_several_markets_names_all_that_open_then() {
    let calendar = Calendar::official();
    let next = |markets: &[Market], text: &str| calendar.next_open_of(markets, at(text));
    let us = [Market::UsNasdaq, Market::UsNyse];
    assert_eq!(next(&us, "2026-11-26T15:00:00Z"), Some((at("2026-11-27T14:30:00Z"), us.to_vec())));
    let lunch = next(&[Market::Jp, Market::UsNyse], "2026-07-02T02:45:00Z");
    assert_eq!(lunch, Some((at("2026-07-02T03:30:00Z"), vec![Market::Jp])));
    assert_eq!(next(&[], "2026-07-02T02:45:00Z"), None);
}

#[test]
fn a_jump_leads_to_the_next_open_market_and_nowhere_while_one_is_open() {
    let both = [Market::Kr, Market::UsNasdaq];
    let open = at("2026-11-24T01:00:00Z");
    assert_eq!(next_open_any(&both, open), Some(open));
    assert_eq!(next_open_any(&both, at("2026-11-24T06:30:00Z")), Some(at("2026-11-24T14:30:00Z")));
    assert_eq!(next_open_any(&both, at("2026-11-27T18:00:00Z")), Some(at("2026-11-30T00:00:00Z")));
    assert_eq!(next_open_any(&[], open), None);
}

#[test]
fn a_change_closes_opens_or_moves_a_day_and_makes_it_official() {
    let market = Market::Hk;
    let time = |text: &str| LocalTime::parse(text).unwrap();
    let late = Hours { open: time("14:00"), close: time("16:00"), lunch: None };
    let changes = DayChanges::from([
        ((market, date("2026-11-25")), DayChange::Closed),
        ((market, date("2026-11-26")), DayChange::Hours(late)),
        ((market, date("2026-11-28")), DayChange::Open),
        ((Market::CnSha, date("2027-02-04")), DayChange::Closed),
    ]);
    let calendar = Calendar::official().with_changes(&changes).unwrap();
    assert_eq!(hours(&calendar, market, "2026-11-25"), "closed");
    assert_eq!(hours(&calendar, market, "2026-11-26"), "14:00-16:00");
    assert_eq!(hours(&calendar, market, "2026-11-28"), "09:30-16:00 (12:00-13:00)");
    assert_eq!(calendar.next_open(market, at("2026-11-24T05:00:00Z")), Some(at("2026-11-26T06:00:00Z")));
    assert_eq!(calendar.status(Market::CnSha, date("2027-02-04")), DateStatus::Official);
    assert_eq!(calendar.day(market, date("2026-11-25")), DayKind::Changed(DayChange::Closed));
    assert_eq!(
        hours(&calendar, Market::CnSza, "2027-02-04"),
        "09:30-15:00 (11:30-13:00)",
        "Shenzhen is not changed"
    );
    let back = calendar.with_changes(&DayChanges::new()).unwrap();
    assert_eq!(hours(&back, market, "2026-11-25"), "09:30-16:00 (12:00-13:00)");
}

#[test]
fn a_change_that_cannot_be_is_refused_with_its_day() {
    let time = |text: &str| LocalTime::parse(text).unwrap();
    let refused = |market, day: &str, change| {
        let changes = DayChanges::from([((market, date(day)), change)]);
        Calendar::official().with_changes(&changes).unwrap_err().to_string()
    };
    let hours = |open, close, lunch: Option<[&str; 2]>| {
        DayChange::Hours(Hours {
            open: time(open),
            close: time(close),
            lunch: lunch.map(|both| both.map(time)),
        })
    };
    let outside = refused(Market::Kr, "2028-01-03", DayChange::Closed);
    assert_eq!(outside, "2028-01-03 is outside the calendar; allowed: 2015-01-01 to 2027-12-31");
    let backwards = refused(Market::Kr, "2026-11-26", hours("15:00", "09:00", None));
    assert!(backwards.contains("KR on 2026-11-26 cannot be"), "{backwards}");
    let break_outside = refused(Market::Kr, "2026-11-26", hours("09:00", "12:00", Some(["11:30", "12:30"])));
    assert!(break_outside.contains("a break between them"), "{break_outside}");
}

#[test]
fn sessions_between_two_dates_include_both() {
    let calendar = Calendar::official();
    let between = |from, to| {
        let sessions = calendar.sessions_between(Market::UsNyse, date(from), date(to));
        sessions.map(|session| session.date.format("%d").to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(between("2026-11-23", "2026-11-30"), "23 24 25 27 30");
    assert_eq!(between("2026-11-26", "2026-11-26"), "");
    assert_eq!(between("2026-11-30", "2026-11-23"), "");
}

#[test]
fn without_a_table_no_changes_fit_and_exits_can_still_be_allowed() {
    let broken = Calendar::from_text("{}", 0);
    assert!(broken.fault().is_some());
    assert!(broken.with_changes(&DayChanges::new()).is_ok());
    let overrides = crate::Overrides::parse(r#"{"KR": {"exits": ["2026-12-24"]}}"#, &broken).unwrap();
    assert_eq!(overrides.exits.len(), 1);
}
