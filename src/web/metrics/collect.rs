//! From what is known of the agent to samples.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::time::Duration;

use broker::{PacerFigures, UrgencyFigures};
use chrono::{DateTime, Utc};
use domain::messages::control::{HaltSource, TradingState, TradingStatus};
use domain::messages::schedule::SessionChanged;
use domain::messages::symbols::SymbolHaltCause;
use domain::{Instrument, Market, OrderState, Wait};
use market_clock::Calendar;
use rust_decimal::Decimal;
use supervision::{Health, State};

use super::{Metric, Samples};
use crate::budget::{Amount, BudgetReport, Share};
use crate::config::TradeMode;
use crate::control::{Counted, Running, View};
use crate::store::{Room, Tally};
use crate::web::health::{Readiness, readiness};
use crate::web::observer::Observer;

const ACTOR_STATES: [State; 6] =
    [State::Down, State::Starting, State::Running, State::Draining, State::Stopped, State::Parked];
const TRADING_STATES: [&str; 5] = ["starting", "active", "reducing", "halted", "unknown"];

/// Everything that is told, as it was found.
pub(super) struct Found<'a> {
    pub(super) uptime: Duration,
    pub(super) view: &'a View,
    pub(super) counted: &'a Result<Counted, String>,
    pub(super) disk: Option<Room>,
    pub(super) markets: &'a [Market],
    pub(super) trade_mode: TradeMode,
}

/// Looks, and tells everything that is known.
pub(super) async fn collect(observer: &Observer) -> Samples {
    let (view, counted) = (observer.view().await, observer.counted().await);
    samples(&Found {
        uptime: observer.uptime(),
        view: &view,
        counted: &counted,
        disk: observer.disk(),
        markets: &observer.site.markets,
        trade_mode: observer.site.trade_mode,
    })
}

fn mode(mode: TradeMode) -> &'static str {
    match mode {
        TradeMode::Daily => "daily",
        TradeMode::Realtime => "realtime",
    }
}

pub(super) fn samples(found: &Found<'_>) -> Samples {
    let mut samples = Samples::new();
    process(&mut samples, found.uptime);
    standing(&mut samples, found.view);
    samples.add_one_of(Metric::TradeMode, ["daily", "realtime"], mode(found.trade_mode));
    if let Some(Room { free_bytes, books_bytes }) = found.disk {
        samples.add(Metric::DiskFree, [], free_bytes);
        samples.add(Metric::BooksSize, [], books_bytes);
    }
    samples.add(Metric::BooksReadable, [], u8::from(found.counted.is_ok()));
    let now = exchange_time(found.view);
    if let Ok(Counted { tally, budget, evolution }) = found.counted {
        books(&mut samples, tally, now);
        for market in &evolution.markets {
            let is_late = evolution.late.iter().any(|cycle| cycle.market == *market);
            samples.add(Metric::EvolutionLate, [market.code()], u8::from(is_late));
        }
        model(&mut samples, budget);
    }
    if let Some(now) = now {
        calendar(&mut samples, found.markets, now);
    }
    samples
}

fn exchange_time(view: &View) -> Option<DateTime<Utc>> {
    match view {
        View::Running(running) => Some(running.at),
        View::Starting | View::Wounded(_) => None,
    }
}

fn process(samples: &mut Samples, uptime: Duration) {
    samples.add(Metric::Uptime, [], uptime.as_secs_f64());
    samples.add(Metric::LogLost, [], crate::telemetry::lost_lines());
    samples.add_known(Metric::Memory, [], resident_bytes());
    let open = std::fs::read_dir("/proc/self/fd").map(Iterator::count).ok();
    samples.add_known(Metric::OpenFiles, [], open);
}

fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

fn standing(samples: &mut Samples, view: &View) {
    let Readiness { ready, state, .. } = readiness(view);
    samples.add(Metric::Ready, [], u8::from(ready));
    samples.add_one_of(Metric::TradingState, TRADING_STATES, state);
    let venue = match view {
        View::Running(running) => running.venue.as_str(),
        View::Starting | View::Wounded(_) => "unknown",
    };
    samples.add(Metric::Build, [env!("CARGO_PKG_VERSION"), venue], 1);
    match view {
        View::Running(running) => agent(samples, running),
        View::Wounded(wound) => {
            halts(samples, std::iter::once(wound.halt.source));
        }
        View::Starting => {}
    }
}

fn agent(samples: &mut Samples, running: &Running) {
    running.actors.iter().for_each(|health| actor(samples, health));
    pace(samples, &running.pace);
    if let Ok(status) = &running.trading {
        trading(samples, status, running.at);
    }
}

fn actor(samples: &mut Samples, health: &Health) {
    let name = health.actor;
    for state in ACTOR_STATES {
        let code = state.to_string().to_lowercase();
        samples.add(Metric::ActorState, [name, &code], u8::from(state == health.state));
    }
    samples.add(Metric::ActorRestarts, [name], health.restarts);
    samples.add(Metric::ActorQueue, [name], health.depth);
    samples.add(Metric::ActorBacklog, [name], health.backlog_age.as_secs_f64());
    samples.add(Metric::ActorInFlight, [name], health.in_flight);
    samples.add(Metric::ActorOldestReply, [name], health.oldest_in_flight.as_secs_f64());
    samples.add(Metric::ActorHandled, [name], health.handled);
    samples.add(Metric::ActorDropped, [name], health.dropped);
    samples.add(Metric::ActorHandle, [name, "0.5"], health.handle_p50.as_secs_f64());
    samples.add(Metric::ActorHandle, [name, "0.99"], health.handle_p99.as_secs_f64());
    samples.add(Metric::ActorWait, [name, "0.99"], health.wait_p99.as_secs_f64());
    samples.add(Metric::ActorBusy, [name], health.busy.as_secs_f64());
    samples.add(Metric::ActorSilence, [name], health.silence.as_secs_f64());
}

fn pace(samples: &mut Samples, pace: &PacerFigures) {
    samples.add(Metric::PaceSpacing, [], pace.spacing.as_secs_f64());
    samples.add(Metric::PaceThrottles, [], pace.throttles);
    for UrgencyFigures { urgency, turns, waited, waiting } in &pace.by_urgency {
        let code = urgency.code();
        samples.add(Metric::PaceTurns, [code], turns);
        samples.add(Metric::PaceWaited, [code], waited.as_secs_f64());
        samples.add(Metric::PaceWaiting, [code], waiting);
    }
}

fn halts(samples: &mut Samples, standing: impl Iterator<Item = HaltSource> + Clone) {
    for source in HaltSource::ALL {
        let count = standing.clone().filter(|one| *one == source).count();
        samples.add(Metric::HaltsStanding, [source.code()], count);
    }
}

fn trading(samples: &mut Samples, status: &TradingStatus, now: DateTime<Utc>) {
    halts(samples, status.halts.iter().map(|halt| halt.source));
    for cause in SymbolHaltCause::ALL {
        let count = status.symbol_halts.iter().filter(|halt| halt.cause == cause).count();
        samples.add(Metric::SymbolHalts, [cause.code()], count);
    }
    samples.add(Metric::EntryBlocks, [], status.entry_blocks.len());
    samples.add(Metric::StockWaits, [], waiting(&status.waits));
    // Before it has read the books and the exchange it does not know these.
    if status.state != TradingState::Starting {
        samples.add(Metric::Blind, [], status.blind.len());
        samples.add(Metric::OrdersWorking, [], status.live.len());
        let unknown = status.live.iter().filter(|order| is_unknown(order.state)).count();
        samples.add(Metric::OrdersUnknown, [], unknown);
    }
    money(samples, status, now);
    for SessionChanged { market, phase, trust, .. } in &status.sessions {
        samples.add(Metric::MarketOpen, [market.code()], u8::from(phase.is_tradable()));
        samples.add(Metric::MarketTrusted, [market.code()], u8::from(trust.allows_entries()));
    }
}

/// Stocks that wait; one may have several reasons.
fn waiting(waits: &[(Instrument, Wait)]) -> usize {
    waits.iter().map(|(instrument, _wait)| instrument).collect::<BTreeSet<_>>().len()
}

fn is_unknown(state: OrderState) -> bool {
    match state {
        OrderState::Unknown | OrderState::Lapsed => true,
        OrderState::Approved
        | OrderState::Sending
        | OrderState::Accepted
        | OrderState::Partial
        | OrderState::Refused
        | OrderState::Filled
        | OrderState::Cancelled
        | OrderState::Rejected
        | OrderState::Expired
        | OrderState::NeverAccepted => false,
    }
}

fn money(samples: &mut Samples, status: &TradingStatus, now: DateTime<Utc>) {
    for account in &status.accounts {
        let currency = account.currency.code();
        samples.add_known(
            Metric::Equity,
            [currency],
            account.equity.map(|equity| equity.amount().normalize()),
        );
        samples.add(Metric::EquityAge, [currency], age_s(account.taken_at, now));
        samples.add(Metric::Holdings, [currency], account.holdings.len());
    }
    for (currency, percent) in &status.day_pnl_pct {
        samples.add_known(Metric::DayPnl, [currency.code()], percent.map(|percent| percent.normalize()));
    }
    let told = status.won.as_ref().and_then(|won| won.told.as_ref());
    let equity = told.and_then(|account| account.equity).map(|equity| equity.amount().normalize());
    samples.add_known(Metric::EquityInWon, [], equity);
}

fn books(samples: &mut Samples, tally: &Tally, now: Option<DateTime<Utc>>) {
    for state in OrderState::ALL {
        let count = tally.orders.iter().find(|(one, _)| *one == state).map_or(0, |(_, count)| *count);
        samples.add(Metric::Orders, [state.code()], count);
    }
    samples.add(Metric::Unknowns, [], tally.unknowns);
    samples.add(Metric::Fills, [], tally.fills);
    for (action, count) in &tally.decisions {
        samples.add(Metric::Decisions, [action.code()], count);
    }
    for (reason, count) in &tally.refusals {
        samples.add(Metric::Refusals, [reason], count);
    }
    for (verdict, count) in &tally.chat {
        samples.add(Metric::Chat, [verdict], count);
    }
    for (source, count) in &tally.halts {
        samples.add(Metric::Halts, [source.code()], count);
    }
    for realised in &tally.realised {
        samples.add(Metric::Realised, [realised.currency().code()], realised.amount().normalize());
    }
    samples.add(Metric::RowsDropped, [], tally.dropped);
    let Some(now) = now else { return };
    for (market, at) in &tally.scans {
        samples.add(Metric::LastScanAge, [market.code()], age_s(*at, now));
    }
    samples.add_known(Metric::LastCommitAge, [], tally.last_commit.map(|at| age_s(at, now)));
    samples.add_known(Metric::RetentionAge, [], tally.last_retention.map(|at| age_s(at, now)));
}

fn model(samples: &mut Samples, budget: &BudgetReport) {
    samples.add(Metric::Judge, [&budget.judge], 1);
    if budget.judge == brain::judge::RULES {
        return;
    }
    let usd = |micros: u64| (Decimal::from(micros) / Decimal::from(1_000_000)).normalize();
    parts(samples, Metric::ModelCalls, budget.calls, |calls| calls);
    parts(samples, Metric::ModelTokens, budget.tokens, |tokens| tokens);
    parts(samples, Metric::ModelUsd, budget.usd_micros, usd);
    for Share { markets, planned, used } in &budget.shares {
        let codes: Vec<&str> = markets.iter().map(|market| market.code()).collect();
        samples.add(Metric::ModelShare, [&codes.join("+"), "planned"], planned);
        samples.add(Metric::ModelShare, [&codes.join("+"), "used"], used);
    }
}

fn parts<T: Display>(samples: &mut Samples, metric: Metric, amount: Amount, show: impl Fn(u64) -> T) {
    let Amount { used, reserved, limit, left } = amount;
    samples.add(metric, ["used"], show(used));
    samples.add(metric, ["reserved"], show(reserved));
    samples.add_known(metric, ["left"], left.map(&show));
    samples.add_known(metric, ["limit"], limit.map(&show));
}

fn age_s(at: DateTime<Utc>, now: DateTime<Utc>) -> f64 {
    (now - at).to_std().unwrap_or(Duration::ZERO).as_secs_f64()
}

fn calendar(samples: &mut Samples, markets: &[Market], now: DateTime<Utc>) {
    let calendar = Calendar::official();
    for market in markets {
        let until = calendar.official_until(*market);
        let left = until.map(|until| (until - market.date_at(now)).num_days());
        samples.add_known(Metric::CalendarDays, [market.code()], left);
    }
}
