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
    let shown =
        command(&dir, &[]).args(["markets", "--market", "KR"]).stdout(Stdio::piped()).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("The running agent has found: KR 2026-12-25 continuous"), "{shown}");
}
