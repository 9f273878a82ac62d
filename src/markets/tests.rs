//! What the command says at chosen instants.

use domain::messages::schedule::{DaySource, SessionChanged, Trust};
use serde_json::json;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn view(market: Market, when: &str) -> serde_json::Value {
    serde_json::to_value(MarketView::at(&Calendar::official(), market, at(when), 0)).unwrap()
}

#[test]
fn json_has_the_promised_fields_and_no_others() {
    let expected = json!({
        "market": "JP", "at": "2026-07-02T02:45:00Z", "is_open": false, "phase": "lunch",
        "session_date": "2026-07-02", "date_status": "official", "next_open": "2026-07-02T03:30:00Z",
        "next_session_open": "2026-07-03T00:00:00Z", "next_change": "2026-07-02T03:30:00Z"
    });
    assert_eq!(view(Market::Jp, "2026-07-02T02:45:00Z"), expected);
}

#[test]
fn an_instant_outside_the_table_is_answered_with_unknown() {
    let expected = json!({
        "market": "HK", "at": "2028-01-26T02:30:00Z", "is_open": null, "phase": "unknown",
        "session_date": null, "date_status": "unknown", "next_open": null, "next_session_open": null,
        "next_change": null
    });
    assert_eq!(view(Market::Hk, "2028-01-26T02:30:00Z"), expected);
}

#[test]
fn days_are_listed_only_when_they_are_asked_for() {
    let view = MarketView::at(&Calendar::official(), Market::UsNyse, at("2026-11-25T15:00:00Z"), 4);
    let days: Vec<_> =
        view.days.iter().map(|day| format!("{} {} {}", day.date, day.open.is_some(), day.why)).collect();
    assert_eq!(
        days,
        [
            "2026-11-25 true session",
            "2026-11-26 false Thanksgiving Day",
            "2026-11-27 true session with other hours",
            "2026-11-28 false weekend",
        ]
    );
}

#[test]
fn the_table_says_phase_next_change_and_why() {
    let calendar = Calendar::official();
    let text = |market, when| {
        let views = [MarketView::at(&calendar, market, at(when), 0)];
        table::text(&calendar, &views, at(when))
    };
    let holiday = text(Market::UsNyse, "2026-11-26T15:00:00Z");
    assert!(holiday.contains("closed  Thu 10:00 EST  pre-market Fri 04:00 (in 18 h 00 min)"), "{holiday}");
    assert!(holiday.contains("official  Thanksgiving Day"), "{holiday}");
    assert!(holiday.contains("Thu 2026-11-26 15:00:00 UTC, Fri 00:00 in Korea"), "{holiday}");
    assert!(holiday.contains("settles its ledger until 00:10"), "{holiday}");
    let unknown = text(Market::Kr, "2030-01-07T01:00:00Z");
    assert!(unknown.contains("KR: no calendar reaches 2030-01-07; nothing is traded there."), "{unknown}");
    let estimated = text(Market::Kr, "2027-03-02T01:00:00Z");
    assert!(estimated.contains("KR: 2027-03-02 is estimated"), "{estimated}");
    let soon = text(Market::CnSha, "2026-12-02T02:00:00Z");
    assert!(soon.contains("CN_SHA: the announced days end on 2026-12-31"), "{soon}");
    assert!(!text(Market::CnSha, "2026-11-30T02:00:00Z").contains("announced days end"));
}

#[test]
fn a_day_that_no_calendar_reaches_is_listed_as_unknown_and_not_as_closed() {
    let calendar = Calendar::official();
    let views = [MarketView::at(&calendar, Market::Kr, at("2027-12-31T01:00:00Z"), 2)];
    let text = table::text(&calendar, &views, at("2027-12-31T01:00:00Z"));
    let listed = |date: &str| {
        text.lines()
            .find(|line| line.strip_prefix("  ").is_some_and(|listed| listed.starts_with(date)))
            .unwrap()
            .to_owned()
    };
    let words = |date: &str| listed(date).split_whitespace().skip(2).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words("Fri 2027-12-31")[..2], ["closed", "estimated"], "{text}");
    assert_eq!(words("Sat 2028-01-01"), ["unknown", "unknown", "outside", "the", "calendar"], "{text}");
}

#[test]
fn the_picture_has_a_row_for_each_market_and_is_well_formed() {
    let calendar = Calendar::official();
    // A week with Thanksgiving, a half day and an uncertain day; the last days of the table; and long after it.
    for (when, words) in [
        ("2026-11-25T20:00:00Z", ["Thanksgiving Day", "09:30–13:00", "Culture Day (uncertain)"]),
        ("2027-12-30T00:00:00Z", ["estimated", "unknown", "Year-end closing (estimated)"]),
        ("2031-05-01T00:00:00Z", ["unknown", "VN_HCM", "KST"]),
    ] {
        let svg = draw(&calendar, &Market::ALL, at(when));
        for word in Market::ALL.map(Market::code).into_iter().chain(words) {
            assert!(svg.contains(word), "{when}: {word}");
        }
        for tag in ["text", "title", "svg", "defs", "pattern"] {
            let opened = svg.matches(&format!("<{tag}>")).count() + svg.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, svg.matches(&format!("</{tag}>")).count(), "{when}: {tag}");
        }
        assert!(!svg.contains("NaN") && !svg.contains("width=\"-"), "{when}");
    }
}

#[test]
fn the_title_of_the_picture_says_whose_week_it_is() {
    let title = |markets: &[Market]| {
        let svg = draw(&Calendar::official(), markets, at("2026-11-25T20:00:00Z"));
        let (begin, end) = (svg.find("<title>").unwrap() + 7, svg.find("</title>").unwrap());
        svg[begin..end].to_owned()
    };
    assert_eq!(title(&Market::ALL), "Ten markets, week of 23 November 2026");
    assert_eq!(title(&[Market::Kr]), "KR, week of 23 November 2026");
    assert_eq!(title(&[Market::Hk, Market::Jp]), "2 markets, week of 23 November 2026");
}

#[test]
fn every_finding_of_a_running_agent_that_differs_from_the_calendar_is_shown_with_its_reason() {
    let calendar = Calendar::official();
    let now = at("2026-11-24T00:10:00Z");
    let standing = |phase, trust, source| {
        let (market, session_date) = (Market::Kr, "2026-11-24".parse().unwrap());
        let change =
            SessionChanged { market, session_date, phase, trust, source, orders_until: None, at: now };
        MarketStanding::from(change)
    };
    let shown = |market, found: MarketStanding| {
        let views = [MarketView::at(&calendar, market, now, 0).beside(&[found])];
        let json = serde_json::to_value(&views[0]).unwrap();
        (table::text(&calendar, &views, now), json["found"].clone())
    };
    let (open, closed, by) = (Phase::Continuous, Phase::Closed, DaySource::BrokersList);
    for (found, words, trust) in [
        (
            standing(closed, Trust::Certain, by),
            "KR 2026-11-24 closed: the day is certain, by the broker's own list of days.",
            "certain",
        ),
        (
            standing(open, Trust::SuspectedClosed, DaySource::Calendar),
            "KR 2026-11-24 continuous: the market should be open, but nothing trades.",
            "suspected_closed",
        ),
        (
            standing(open, Trust::Disputed, DaySource::OverrideFile),
            "KR 2026-11-24 continuous: the sources contradict each other about today, by the override file.",
            "disputed",
        ),
        (
            standing(open, Trust::BrokerDown, DaySource::Calendar),
            "KR 2026-11-24 continuous: the broker does not answer.",
            "broker_down",
        ),
    ] {
        let (text, json) = shown(Market::Kr, found.clone());
        assert!(text.ends_with(&format!("\nThe running agent has found: {words}\n")), "{text}");
        assert_eq!(json["trust"], trust);
        assert_eq!(json, serde_json::to_value(&found).unwrap());
        let (text, json) = shown(Market::Jp, found);
        assert!(!text.contains("has found") && json.is_null(), "{text}");
    }
    let (text, json) = shown(Market::Kr, standing(open, Trust::Certain, DaySource::Calendar));
    assert!(!text.contains("has found") && json.is_null(), "it says the same: {text}");
}

#[test]
fn a_market_that_is_asked_for_twice_is_shown_once() {
    assert_eq!(chosen(&[Market::Jp, Market::Kr, Market::Jp]), [Market::Jp, Market::Kr]);
    assert_eq!(chosen(&[]), Market::ALL);
}

#[test]
fn the_operators_word_for_exits_is_shown_on_its_day_and_market_alone() {
    let exits = BTreeSet::from([(Market::Kr, "2028-01-03".parse().unwrap())]);
    let calendar = Calendar::official();
    for (market, when, is_allowed) in [
        (Market::Kr, "2028-01-03T01:00:00Z", true),
        (Market::Kr, "2028-01-04T01:00:00Z", false),
        (Market::Jp, "2028-01-03T01:00:00Z", false),
    ] {
        let view = MarketView::at(&calendar, market, at(when), 0).with_word(&exits);
        let text = table::text(&calendar, &[view], at(when));
        assert_eq!(text.contains("exits go by the override file's word"), is_allowed, "{text}");
        assert_eq!(text.contains("nothing is traded there"), !is_allowed, "{text}");
    }
}
