//! Whether a market trades, as a running agent finds out and tells.

use std::process::Stdio;

use kestrel::control::standing::MarketStanding;
use tempfile::TempDir;

use crate::exchange::Exchange;
use crate::harness::{Agent, PATIENCE, command, log_of, status_of, until};

/// What the agent says of Korea, once `wanted` is true of it.
fn korea(dir: &TempDir, wanted: impl Fn(&MarketStanding) -> bool) -> MarketStanding {
    let standing = until(PATIENCE, || {
        let markets = status_of(dir)?.markets;
        markets.into_iter().find(|standing| standing.market == domain::Market::Kr && wanted(standing))
    });
    standing.unwrap_or_else(|| panic!("{}", log_of(dir)))
}

#[test]
fn a_holiday_is_closed_and_one_that_the_operator_opens_against_the_exchanges_list_is_disputed() {
    let dir = TempDir::new().unwrap();
    // Christmas, eleven in the morning in Korea.
    let exchange = Exchange::start(&dir, &["--start", "2026-12-25T02:00:00Z", "--markets", "KR"]);
    let file = dir.path().join("calendar.json");
    std::fs::write(&file, "{}").unwrap();
    let file_name = file.to_str().unwrap();
    let settings = [
        ("KESTREL_EXCHANGE_URL", exchange.url.as_str()),
        ("ENABLED_MARKETS", "KR"),
        ("CALENDAR_OVERRIDES", file_name),
    ];
    let _agent = Agent::start(&dir, &settings);
    let closed = korea(&dir, |_any| true);
    assert_eq!((closed.phase.as_str(), closed.trust.as_str()), ("closed", "certain"));

    std::fs::write(&file, r#"{"KR": {"open": ["2026-12-25"]}}"#).unwrap();
    let opened = korea(&dir, |standing| standing.phase == "continuous");
    assert_eq!(opened.trust, "disputed", "{opened}");
    let status = status_of(&dir).unwrap();
    let blocks = status.entry_blocks.join("\n");
    assert!(blocks.contains("KR: the sources contradict each other about today"), "{blocks}");
    let shown = |more: &[&str]| {
        let mut command = command(&dir, &settings);
        let output = command.args(["markets", "--market", "KR"]).args(more).stdout(Stdio::piped()).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let text = shown(&[]);
    assert!(text.contains("The running agent has found: KR 2026-12-25 continuous"), "{text}");
    assert!(text.contains("contradict each other about today, by the override file"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&shown(&["--json"])).unwrap();
    assert_eq!(json[0]["found"]["trust"], "disputed", "{json}");
    let then = shown(&["--at", "2026-12-25T02:00:00Z"]);
    assert!(then.contains("opened by the override file") && !then.contains("has found"), "{then}");
}

#[test]
fn a_day_that_the_operator_closed_stays_closed_when_the_file_breaks_and_the_agent_starts_again() {
    let dir = TempDir::new().unwrap();
    // A usual Thursday, eleven in the morning in Korea.
    let exchange = Exchange::start(&dir, &["--start", "2026-12-24T02:00:00Z", "--markets", "KR"]);
    let file = dir.path().join("calendar.json");
    let settings = [
        ("KESTREL_EXCHANGE_URL", exchange.url.as_str()),
        ("ENABLED_MARKETS", "KR"),
        ("CALENDAR_OVERRIDES", file.to_str().unwrap()),
    ];
    std::fs::write(&file, "{\"KR\": {\n\"closed\": [\"2026-12-24\"],}}").unwrap();
    let refused = command(&dir, &settings).arg("run").stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(78), "{said}");
    assert!(
        said.contains("calendar.json: line 2: ") && said.contains("there is no last good one in "),
        "{said}"
    );

    std::fs::write(&file, r#"{"KR": {"closed": ["2026-12-24"]}}"#).unwrap();
    drop(Agent::start(&dir, &settings));
    std::fs::write(&file, r#"{"KR": {"closed": ["2026-12-24"]},}"#).unwrap();
    let _agent = Agent::start(&dir, &settings);
    let closed = korea(&dir, |_any| true);
    assert_eq!((closed.phase.as_str(), closed.trust.as_str()), ("closed", "certain"), "{closed}");
    let alarm = || {
        log_of(&dir)
            .contains("the override file of the calendar is wrong, the last good one, read at ")
            .then_some(())
    };
    assert!(until(PATIENCE, alarm).is_some(), "{}", log_of(&dir));
}

#[test]
fn the_markets_are_shown_with_the_override_file_of_the_settings_and_not_without_it_when_it_is_wrong() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("calendar.json");
    let shown = || {
        let mut command = command(&dir, &[("CALENDAR_OVERRIDES", file.to_str().unwrap())]);
        command.args(["markets", "--market", "KR", "--at", "2026-12-24T02:00:00Z"]);
        let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
        let text = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        (output.status.code(), text.concat())
    };
    let (code, absent) = shown();
    assert!(code == Some(1) && absent.contains("calendar.json: there is no such file"), "{absent}");
    std::fs::write(&file, r#"{"KR": {"closed": ["2026-12-24"]}}"#).unwrap();
    let (code, closed) = shown();
    assert!(code == Some(0) && closed.contains("closed by the override file"), "{closed}");
}
