//! A false reading of the account trips nothing in the whole agent; one that another reading confirms does, over every
//! restart; an account that nobody can tell allows exits only; and won are never counted with dollars.

use chrono::TimeDelta;
use domain::EventId;
use domain::messages::control::{HaltSource, TradingState};
use domain::messages::ledger::EventsAfter;

use crate::whole::{ASK_WITHIN, Agent, config, in_lives, in_virtual_time};

/// A Korean morning.
const START: &str = "2026-06-01T00:20:00Z";

/// What people were told.
async fn told(agent: &Agent<'_>) -> Vec<String> {
    let question = EventsAfter { after: EventId(0), limit: 500 };
    let events = agent.house.doors.events.ask(question, ASK_WITHIN).await.unwrap().unwrap();
    events.into_iter().map(|event| event.text).collect()
}

async fn until_told(agent: &Agent<'_>) {
    for _step in 0..1_200 {
        if agent.door.left() == 0 {
            return;
        }
        agent.sleep(TimeDelta::milliseconds(250)).await;
    }
    panic!("nobody read the account for five minutes");
}

#[test]
fn one_false_reading_of_the_account_trips_nothing_and_a_second_one_that_agrees_halts() {
    in_virtual_time(&config("KR", &[]), START, false, async |agent| {
        agent.sleep(TimeDelta::minutes(2)).await;
        for equity in ["50000000", "1", "96999999"] {
            agent.door.lie(1, equity);
            until_told(agent).await;
            agent.until(TradingState::Active, TimeDelta::minutes(2)).await;
            assert!(agent.status().await.halts.is_empty(), "{equity}");
        }
        let lines = told(agent).await;
        let of = |words: &str| lines.iter().filter(|line| line.contains(words)).count();
        assert_eq!(
            (of("until another look at the account"), of("the loss was not confirmed")),
            (3, 3),
            "each was told and taken back: {lines:?}"
        );

        agent.door.lie(2, "96999999");
        agent.until(TradingState::Halted, TimeDelta::minutes(3)).await;
        let [halt] = agent.status().await.halts.try_into().unwrap();
        assert_eq!(halt.source, HaltSource::CircuitBreaker);
        assert!(halt.reason.contains("is below -3.00 %"), "{}", halt.reason);
    });
}

#[test]
fn a_reading_that_gains_or_loses_no_more_than_the_limit_is_no_doubt() {
    in_virtual_time(&config("KR", &[]), START, false, async |agent| {
        agent.sleep(TimeDelta::minutes(2)).await;
        for equity in ["97000000", "300000000"] {
            agent.door.lie(4, equity);
            until_told(agent).await;
            assert_eq!(agent.status().await.state, TradingState::Active, "{equity}");
        }
        let lines = told(agent).await;
        assert!(!lines.iter().any(|line| line.contains("until another look")), "{lines:?}");
    });
}

#[test]
fn an_equity_that_nobody_can_confirm_allows_exits_only_until_it_is_told_again() {
    in_virtual_time(&config("KR", &[]), START, false, async |agent| {
        agent.sleep(TimeDelta::minutes(2)).await;
        agent.door.lie(2, "");
        until_told(agent).await;
        agent.sleep(TimeDelta::minutes(2)).await;
        assert_eq!(agent.status().await.state, TradingState::Active, "two are not enough");
        agent.door.lie(u32::MAX, "");
        agent.until(TradingState::Reducing, TimeDelta::minutes(6)).await;
        let status = agent.status().await;
        assert!(status.halts.is_empty(), "{:?}", status.halts);
        let why = "only exits in KRW until its equity can be confirmed again";
        assert!(status.entry_blocks.iter().any(|block| block == why), "{:?}", status.entry_blocks);
        agent.door.lie(0, "");
        agent.until(TradingState::Active, TimeDelta::minutes(3)).await;
        assert!(told(agent).await.iter().any(|line| line.contains("is confirmed again")));
    });
}

#[test]
fn an_account_that_the_exchange_does_not_tell_allows_exits_only_within_two_and_a_half_minutes() {
    in_virtual_time(&config("KR", &[]), START, false, async |agent| {
        for offset_s in [0, 20, 40] {
            agent.sleep(TimeDelta::seconds(150 + offset_s)).await;
            agent.door.fail(u32::MAX);
            agent.until(TradingState::Reducing, TimeDelta::seconds(150)).await;
            assert!(agent.status().await.halts.is_empty());
            agent.door.fail(0);
            agent.until(TradingState::Active, TimeDelta::minutes(3)).await;
        }
    });
}

/// The account tells `equity` from now on: three readings, and time to judge them.
async fn stands_at(agent: &Agent<'_>, equity: &str) {
    agent.door.lie(3, equity);
    until_told(agent).await;
    agent.door.lie(u32::MAX, equity);
    agent.sleep(TimeDelta::seconds(5)).await;
}

#[test]
fn the_breaker_counts_from_the_days_start_over_restarts_and_trips_strictly_below_its_limit() {
    in_lives(&config("KR", &[]), START, false, async |agent| {
        // The account has told 100,000,000 won twice.
        agent.sleep(TimeDelta::minutes(2)).await;
        stands_at(agent, "97100000").await;
        assert_eq!(agent.status().await.state, TradingState::Active, "-2.9 %");
        agent.restart().await;
        agent.until(TradingState::Active, TimeDelta::minutes(5)).await;
        stands_at(agent, "97100000").await;
        let status = agent.status().await;
        assert_eq!((status.state, status.entry_blocks), (TradingState::Active, Vec::new()), "it trades on");
        stands_at(agent, "97000000").await;
        let status = agent.status().await;
        assert_eq!((status.state, status.halts.len()), (TradingState::Active, 0), "exactly -3.0 %");

        stands_at(agent, "96999999").await;
        let status = agent.status().await;
        let [halt] = status.halts.try_into().unwrap();
        assert_eq!((status.state, halt.source), (TradingState::Halted, HaltSource::CircuitBreaker));
        agent.restart().await;
        // Whatever the account tells now: only a person lifts it.
        stands_at(agent, "100000000").await;
        let status = agent.status().await;
        let [standing] = status.halts.try_into().unwrap();
        assert_eq!((status.state, standing.id), (TradingState::Halted, halt.id));
    });
}

#[test]
fn an_account_in_won_and_one_in_dollars_are_each_counted_against_their_own_start() {
    // Korea's last half hour and the evening before New York: 100,000,000 won and as many dollars.
    in_lives(&config("KR,US_NASDAQ", &[]), START, false, async |agent| {
        agent.sleep(TimeDelta::minutes(2)).await;
        for _life in 0..2 {
            // By bare numbers the two lose 1.45 %, by worth next to nothing; then 50 % and 0.04 %, which is another matter.
            stands_at(agent, "97100000").await;
            let status = agent.status().await;
            assert_eq!((status.state, status.halts.len()), (TradingState::Active, 0));
            let won = status.won.unwrap();
            let lost = won.day_pnl_pct.expect("both accounts and the rate are known");
            assert!(lost < 0.into() && lost > "-0.01".parse().unwrap(), "{lost}");
            agent.restart().await;
            agent.until(TradingState::Active, TimeDelta::minutes(5)).await;
        }
        // New York trades: its account is read again and again, and the one in won keeps its loss.
        agent.sleep(TimeDelta::hours(15)).await;
        let status = agent.status().await;
        assert_eq!((status.state, status.halts.len()), (TradingState::Active, 0));
        let lines = told(agent).await;
        assert!(!lines.iter().any(|line| line.contains("% is below")), "{lines:?}");
    });
}
