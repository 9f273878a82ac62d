//! The judgements of the doctor: each sentence says what to do.

use market_clock::Calendar;

use super::*;

#[test]
fn a_disk_is_judged_by_what_is_left_of_it() {
    for (free_mib, verdict) in [(0, Verdict::Problem), (99, Verdict::Problem), (100, Verdict::Warning)] {
        assert_eq!(local::space(free_mib << 20, "/data").verdict, verdict, "{free_mib}");
    }
    assert_eq!(local::space(1 << 30, "/data").verdict, Verdict::Good);
}

#[test]
fn a_calendar_is_judged_by_its_shortest_announcement() {
    let calendar = Calendar::official();
    let markets = domain::Market::ALL;
    let until = markets.iter().filter_map(|market| calendar.official_until(*market)).min().unwrap();
    let verdict = |days| local::announced(&calendar, &markets, until - chrono::TimeDelta::days(days)).verdict;
    assert_eq!(
        (verdict(31), verdict(29), verdict(0), verdict(-1)),
        (Verdict::Good, Verdict::Warning, Verdict::Warning, Verdict::Warning,)
    );
    assert!(local::announced(&calendar, &[], until).found.contains("no market"));
}

#[test]
fn a_report_is_well_without_problems_and_says_what_to_do_next() {
    let of = |verdict| Report {
        findings: vec![Finding { check: "disk", verdict, found: "x".into(), remedy: Some("do y".into()) }],
    };
    for verdict in [Verdict::Good, Verdict::Skipped, Verdict::Warning] {
        assert!(of(verdict).is_well());
        assert!(of(verdict).to_string().ends_with("kestrel run"));
    }
    assert!(!of(Verdict::Problem).is_well());
    assert!(
        of(Verdict::Problem).to_string().contains("PROBLEM  disk      x; do y\n"),
        "meaning without colour"
    );
}

#[test]
fn a_clock_is_judged_by_the_exchanges_and_not_at_all_when_that_did_not_answer() {
    let wrong = remote::clock(Some(chrono::TimeDelta::seconds(61)), true);
    assert_eq!(wrong.verdict, Verdict::Problem);
    assert!(wrong.found.contains("61 s") && wrong.remedy.is_some_and(|what| what.contains("clock right")));
    assert_eq!(remote::clock(None, true).verdict, Verdict::Good);
    assert_eq!(remote::clock(None, false).verdict, Verdict::Skipped);
}

#[test]
fn an_error_that_says_what_to_do_is_split_there_and_another_gets_an_answer() {
    let of = |text: &str| {
        let finding = Finding::told("disk", Verdict::Problem, &text, "look");
        (finding.found, finding.remedy.unwrap())
    };
    assert_eq!(of("it broke; a; mend it"), ("it broke; a".into(), "mend it".into()));
    assert_eq!(of("it broke"), ("it broke".into(), "look".into()));
}
