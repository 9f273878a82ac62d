//! The clock of the exchange, or of the machine, jumps by a day.

use chrono::TimeDelta;
use domain::messages::control::{HaltSource, TradingState};
use kestrel::control::wire::{Reply, Request};
use tempfile::TempDir;

use crate::crash::Rig;
use crate::harness::{Agent, PATIENCE, ask, command, log_of, status_of, until};
use crate::tools;

/// The library of the package faketime.
const FALSE_TIME: &str = "faketime/libfaketime.so.1";

#[test]
fn invariant_19_an_exchange_whose_clock_is_a_day_off_gets_no_order() {
    for (seed, hours) in [(6_001, 24), (6_002, -24)] {
        let rig = Rig::new(seed);
        let agent = rig.agent();
        rig.trade();
        let now = rig.exchange.clock().now;
        rig.exchange.set_clock(now + TimeDelta::hours(hours));
        rig.halted(PATIENCE, |halt| halt.source == HaltSource::ClockSkew);
        rig.stays_silent();
        agent.kill_9();
        // A day that has been traded does not come again; a clock that was set back is set right.
        if hours < 0 {
            rig.exchange.set_clock(now + TimeDelta::minutes(5));
        }
        let agent = rig.agent();
        assert_eq!(
            rig.decided().trading,
            Some(TradingState::Halted),
            "{hours} h: a halt does not end by itself"
        );
        agent.kill_9();
        rig.ends_well();
    }
}

#[test]
fn a_machine_whose_clock_jumps_by_a_day_keeps_its_halt_and_answers() {
    let found = tools::library("the proof with a jumping clock", FALSE_TIME, "faketime");
    let Some(false_time) = found else { return };
    let dir = TempDir::new().unwrap();
    let clock = dir.path().join("clock");
    std::fs::write(&clock, "+0d\n").unwrap();
    let mut run = command(&dir, &[]);
    run.arg("run")
        .env("LD_PRELOAD", false_time)
        .env("FAKETIME_TIMESTAMP_FILE", &clock)
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let mut agent = Agent::of(run.spawn().unwrap());
    let ready = until(PATIENCE, || status_of(&dir).filter(|s| s.trading == Some(TradingState::Active)));
    assert!(ready.is_some(), "{}", log_of(&dir));
    let request = Request::Halt { reason: "before the jump".into(), by: "ada".into(), cancel_open: false };
    let Reply::Halted(halted) = ask(&dir, &request) else { panic!("not halted") };
    let day_of = |time: &str| time.split(' ').next().unwrap_or_default().to_owned();
    let today = day_of(&status_of(&dir).unwrap().time);
    for jump in ["+1d\n", "-1d\n"] {
        std::fs::write(&clock, jump).unwrap();
        let seen = until(PATIENCE, || status_of(&dir).filter(|status| day_of(&status.time) != today));
        let status = seen.unwrap_or_else(|| panic!("{jump}: the clock does not jump: {}", log_of(&dir)));
        assert_eq!(status.trading, Some(TradingState::Halted), "{jump}");
        assert!(status.halts.iter().any(|halt| halt.id == halted.halt.id), "{jump}: {:?}", status.halts);
    }
    agent.terminate();
    assert_eq!(agent.wait().code(), Some(0), "{}", log_of(&dir));
}
