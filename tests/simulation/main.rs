//! The whole system in virtual time, through its public door: `kestrel::verify`, and the program `kestrel verify`.

use std::process::Command;

use domain::Market;
use kestrel::verify::{Options, Pace, run_seed};
use serde_json::Value;

/// Small enough for every test run; `.ci/run` has the real size.
fn small() -> Options {
    Options { days: 1, pace: Pace::Watches { minutes: 6 }, markets: vec![Market::Kr], ..Options::default() }
}

#[test]
fn a_few_seeds_trade_crash_and_violate_nothing() {
    let (mut orders, mut crashes) = (0, 0);
    for seed in 1..=4 {
        let report = run_seed(seed, &small()).unwrap();
        assert!(report.violations.is_empty(), "{report}");
        orders += report.orders;
        crashes += report.crashes;
    }
    assert!(orders > 50 && crashes > 0, "{orders} orders, {crashes} crashes prove nothing");
}

#[test]
fn more_seeds_follow_until_as_many_orders_as_wanted_were_sent_under_faults() {
    let ask = |orders_min| {
        let options = Options { seeds: 1, orders_min, ..small() };
        kestrel::verify::run(&options, |_seed| ()).unwrap()
    };
    let one = ask(0);
    assert_eq!(one.seeds.len(), 1);
    let more = ask(one.totals.sent_under_faults + 1);
    assert!(more.seeds.len() > 1, "{more}");
    assert!(more.totals.sent_under_faults > one.totals.sent_under_faults, "{more}");
}

#[test]
fn invariant_21_a_compromised_model_buys_all_that_the_limits_allow_and_violates_nothing() {
    let options = Options { has_compromised_model: true, ..small() };
    let mut orders = 0;
    for seed in 1..=3 {
        let report = run_seed(seed, &options).unwrap();
        assert!(report.violations.is_empty(), "{report}");
        assert_ne!(report.trace, run_seed(seed, &small()).unwrap().trace, "the model judged");
        orders += report.orders;
    }
    assert!(orders > 10, "{orders} orders prove nothing");
}

#[test]
fn tokyo_and_hong_kong_with_their_lunch_and_lots_violate_nothing() {
    for market in [Market::Jp, Market::Hk] {
        let report = run_seed(1, &Options { markets: vec![market], ..small() }).unwrap();
        assert!(report.violations.is_empty(), "{report}");
        assert!(report.orders > 10, "{} orders of {market} prove nothing", report.orders);
    }
}

#[test]
fn invariant_28_the_same_seed_gives_the_same_trace_in_two_processes() {
    let here: Vec<String> = (11..14).map(|seed| run_seed(seed, &small()).unwrap().trace).collect();
    for _process in 0..2 {
        let mut verify = Command::new(env!("CARGO_BIN_EXE_kestrel"));
        verify.args(["verify", "--seeds", "3", "--first-seed", "11", "--minutes", "6", "--markets", "KR"]);
        let output = verify.arg("--json").output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let seeds = report["seeds"].as_array().unwrap();
        let there: Vec<&str> = seeds.iter().map(|seed| seed["trace"].as_str().unwrap()).collect();
        assert_eq!(here, there);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    assert!(here[0] != here[1] && here[1] != here[2], "{here:?}");
}

#[test]
fn wrong_arguments_are_answered_with_what_is_allowed() {
    let verify = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_kestrel")).arg("verify").args(args).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, text) = verify(&["--seeds", "0"]);
    assert!(code == Some(2) && text.contains("1..=1000000"), "{text}");
    let (code, text) = verify(&["--markets", "KR,MARS"]);
    assert!(code == Some(2) && text.contains("MARS") && text.contains("US_NASDAQ"), "{text}");
}
