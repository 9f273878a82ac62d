//! How the agent stands, at a glance.

use brain::budget::quota_date;
use domain::messages::control::StatusQuery;
use domain::messages::evolution::{BlindWatch, CycleLine, LateCycle};
use domain::messages::judging::JudgeQuery;
use domain::messages::ledger::OracleCallsOf;

use super::questions::read;
use super::{Desk, STATUS_WITHIN};
use crate::budget::BudgetReport;
use crate::control::approval::AutoApproval;
use crate::control::storage::Storage;
use crate::control::wire::{ActorHealth, Reply, Status};
use crate::store::{Room, SqliteReader};

pub(super) fn blank_status(venue: &str, at: chrono::DateTime<chrono::Utc>) -> Status {
    Status {
        version: env!("CARGO_PKG_VERSION").into(),
        venue: venue.into(),
        time: at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        trading: None,
        halts: vec![],
        symbol_halts: vec![],
        entry_blocks: vec![],
        waits: vec![],
        markets: vec![],
        live_orders: vec![],
        day_pnl_pct: vec![],
        account_in_won: None,
        judge: None,
        evolution: vec![],
        late_cycles: vec![],
        blind_watches: vec![],
        auto_approval: None,
        storage: None,
        log_lines_lost: crate::telemetry::lost_lines(),
        actors: vec![],
    }
}

pub(super) async fn status(desk: &Desk) -> Status {
    let bare = Status {
        judge: desk.judge.ask(JudgeQuery, STATUS_WITHIN).await.ok().map(Box::new),
        evolution: cycles(desk).await,
        late_cycles: late_cycles(desk).await,
        blind_watches: blind_watches(desk).await,
        auto_approval: auto_approval(desk).await,
        storage: storage(desk).await,
        actors: desk.supervised.vitals().iter().map(|vitals| health(vitals)).collect(),
        ..blank_status(&desk.venue, desk.clock.now())
    };
    match desk.status.ask(StatusQuery, STATUS_WITHIN).await {
        Ok(trading) => bare.with_trading(trading),
        Err(_) => bare,
    }
}

/// What cannot be read in time is left out: nobody waits for it who wants to know whether trading goes on.
async fn cycles(desk: &Desk) -> Vec<CycleLine> {
    let reading = read(desk.books.clone(), crate::store::SqliteReader::newest_cycles);
    match tokio::time::timeout(STATUS_WITHIN, reading).await {
        Ok(Ok(lines)) => lines,
        Ok(Err(_)) | Err(_) => vec![],
    }
}

/// The same: without an answer nothing is said of it.
async fn late_cycles(desk: &Desk) -> Vec<LateCycle> {
    let (markets, now) = (desk.evolving.clone(), desk.clock.now());
    let reading = read(desk.books.clone(), move |reader| reader.late_cycles(&markets, now));
    match tokio::time::timeout(STATUS_WITHIN, reading).await {
        Ok(Ok(late)) => late,
        Ok(Err(_)) | Err(_) => vec![],
    }
}

/// The same.
async fn blind_watches(desk: &Desk) -> Vec<BlindWatch> {
    let reading = read(desk.books.clone(), SqliteReader::blind_watches);
    match tokio::time::timeout(STATUS_WITHIN, reading).await {
        Ok(Ok(blind)) => blind,
        Ok(Err(_)) | Err(_) => vec![],
    }
}

/// Books that cannot be read in time leave the setting.
async fn auto_approval(desk: &Desk) -> Option<AutoApproval> {
    let (limit, now) = (desk.auto_approve?, desk.clock.now());
    let reading = read(desk.books.clone(), move |reader| reader.limit_in_use(now));
    let used = tokio::time::timeout(STATUS_WITHIN, reading).await;
    Some(AutoApproval::new(limit, used.ok().and_then(Result::ok)))
}

/// Books that cannot be read in time leave what the disk says; a disk that does not answer leaves nothing.
async fn storage(desk: &Desk) -> Option<Storage> {
    let path = desk.database.clone()?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the socket runs in real time only, and a slow disk must not deafen it to a halt"
    )]
    let look = tokio::task::spawn_blocking(move || Room::of(&path));
    let room = tokio::time::timeout(STATUS_WITHIN, look).await.ok()?.ok()??;
    let size = tokio::time::timeout(STATUS_WITHIN, read(desk.books.clone(), SqliteReader::size)).await;
    Some(Storage::new(room, size.ok().and_then(Result::ok)))
}

pub(super) async fn budget(desk: &Desk) -> Reply {
    let now = desk.clock.now();
    let query = OracleCallsOf { quota_date: quota_date(now) };
    let message = match desk.oracle_calls.ask(query, STATUS_WITHIN).await {
        Ok(Ok(booked)) => {
            return Reply::Budget(BudgetReport::new(desk.judge_name.clone(), &desk.budget, &booked, now));
        }
        Ok(Err(error)) => error.to_string(),
        Err(error) => format!("the ledger did not answer ({error}); see: kestrel status"),
    };
    Reply::Error { message }
}

fn health(vitals: &supervision::Vitals) -> ActorHealth {
    let health = vitals.health();
    ActorHealth {
        actor: health.actor.to_owned(),
        state: format!("{:?}", health.state).to_lowercase(),
        restarts: u64::from(health.restarts),
        waiting: health.depth as u64,
        handled: health.handled,
        last_error: health.last_error,
    }
}
