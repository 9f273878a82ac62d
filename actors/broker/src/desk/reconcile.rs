//! What the exchange says about our orders, carried to the ledger: at start, and while orders work.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use domain::messages::control::{HaltSource, HaltedByBooks, RequestHalt};
use domain::messages::ledger::{EventKind, OpenIntents, RecordEvent};
use domain::messages::limits::AccountUnconfirmed;
use domain::messages::market_data::AccountQuery;
use domain::messages::trading::{AccountUpdated, Reconciled};
use domain::{
    Currency, IntentId, Market, OpenIntent, OrderState, is_ledger_pause, ledger_pause_end, ledger_rests,
    ports,
};
use supervision::{Link, TellError};
use trade_ledger::{
    AbandonSending, BookInquiry, DayKey, HaltName, InquiryBooked, JournalledOrder, JournalledOrders,
    UnclosedDays,
};

use super::close::{is_past, settle_past};
use super::listen::see_account;
use super::truth::{compare, spread_halts, watch_unknowns};
use super::{BrokerDeps, Shared, hold};
use crate::backoff::Ladder;
use crate::working::{days_to_ask, to_cancel};
use crate::{CancelOutcome, Urgency};

const LEDGER_WITHIN: Duration = Duration::from_secs(5);
/// A start that has not succeeded after that many attempts is told to a person.
const ATTEMPTS_UNTIL_ALARM: usize = 5;
/// Between two looks whether the won ledger rests, in exchange time.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// What came of a step; the error is in words.
pub(super) type Step<T> = Result<T, String>;

/// Repeats the recovery until every step of it has worked (order-protocol 5.5).
///
/// While KIS settles its won ledger, the Korean market is left out: a session of New York must not wait for it.
/// [`recover_rest`] follows.
pub(super) async fn recover(deps: &BrokerDeps, shared: &Shared, markets: &[Market]) -> Reconciled {
    if markets.iter().all(|market| ledger_rests(*market, deps.clock.now())) {
        rest_over(deps).await;
    }
    until_done(deps, async || {
        let abandoned = ask(&deps.ledger.abandon_sending, AbandonSending).await?;
        abandoned
            .into_iter()
            .for_each(|update| warn(deps.risk.order_update.tell(update), "that an order changed"));
        reconcile(deps, shared, markets).await
    })
    .await
}

/// The recovery of what [`recover`] left out, once KIS has settled its ledger. Orders of this life may be on the wire.
pub(super) async fn recover_rest(deps: &BrokerDeps, shared: &Shared, markets: &[Market]) -> Reconciled {
    rest_over(deps).await;
    until_done(deps, async || reconcile(deps, shared, markets).await).await
}

/// Waits until KIS has settled its won ledger; looks again and again, because the clock may be set right meanwhile.
pub(super) async fn rest_over(deps: &BrokerDeps) {
    let rests = || is_ledger_pause(deps.clock.now());
    if rests() {
        let until = ledger_pause_end(deps.clock.now());
        tracing::info!(%until, "KIS settles its won ledger; its lists and balances are asked for afterwards");
    }
    while rests() {
        let left = (ledger_pause_end(deps.clock.now()) - deps.clock.now()).to_std().unwrap_or_default();
        ports::sleep(&deps.clock, left.min(LOOK_AGAIN)).await;
    }
}

async fn until_done(deps: &BrokerDeps, attempt: impl AsyncFn() -> Step<Reconciled>) -> Reconciled {
    let mut ladder = Ladder::default();
    loop {
        match attempt().await {
            Ok(reconciled) => return reconciled,
            Err(why) => {
                let wait = ladder.next_wait();
                tracing::warn!(why, wait_s = wait.as_secs(), "not reconciled yet");
                if ladder.climbed() == ATTEMPTS_UNTIL_ALARM {
                    let text = format!("trading cannot start, the exchange is not reconciled: {why}");
                    alarm_about(deps, None, text);
                }
                ports::sleep(&deps.clock, wait).await;
            }
        }
    }
}

/// Past days, today's lists and accounts of all `markets` whose ledger does not rest.
async fn reconcile(deps: &BrokerDeps, shared: &Shared, markets: &[Market]) -> Step<Reconciled> {
    let begun_at = deps.clock.now();
    let rests = |market: Market| ledger_rests(market, begun_at);
    for day in ask(&deps.ledger.unclosed_days, UnclosedDays).await? {
        if is_past(deps, day) && !rests(day.market) {
            settle_past(deps, shared, day).await?;
        }
    }
    let markets: Vec<Market> = markets.iter().copied().filter(|market| !rests(*market)).collect();
    for market in markets.iter().copied() {
        let session_date = market.date_at(deps.clock.now());
        inquire(deps, shared, DayKey { market, session_date }).await?;
    }
    watch_unknowns(deps).await;
    if !accounts(deps, shared, &markets).await {
        return Err("the account is not known".into());
    }
    let open = ask(&deps.ledger.open_intents, OpenIntents).await?;
    let unresolved = open.into_iter().filter(|i| i.state.is_unresolved()).map(|i| i.id).collect();
    Ok(Reconciled { currencies: currencies(&markets), unresolved, at: deps.clock.now() })
}

/// The currencies of `markets`, each once.
pub(super) fn currencies(markets: &[Market]) -> Vec<Currency> {
    let mut currencies: Vec<Currency> = markets.iter().map(|market| market.currency()).collect();
    currencies.sort();
    currencies.dedup();
    currencies
}

/// What a look at the working orders showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// An order moved, or there was nothing to look at until now.
    Moved,
    /// Everything is as before.
    Still,
    /// Not everything could be asked or written.
    Failed,
}

/// One look at everything that works: lists, cancels, accounts.
pub(super) async fn look(deps: &BrokerDeps, shared: &Shared, ttl: TimeDelta) -> Look {
    match try_look(deps, shared, ttl).await {
        Ok(true) => Look::Moved,
        Ok(false) => Look::Still,
        Err(why) => {
            tracing::warn!(why, "the working orders could not be looked at");
            Look::Failed
        }
    }
}

async fn try_look(deps: &BrokerDeps, shared: &Shared, ttl: TimeDelta) -> Step<bool> {
    let open = ask(&deps.ledger.open_intents, OpenIntents).await?;
    let days = days_to_ask(&open, deps.clock.now());
    if days.is_empty() {
        // Nothing to look at until an order or a resume wakes the watch.
        hold(&shared.cancels).clear();
        shared.wake.notified().await;
        return Ok(true);
    }
    let (mut moved, mut failed, mut listed) = (false, Ok(()), BTreeSet::new());
    // What rests is looked at again with the ladder's next step.
    for day in days.into_iter().filter(|day| !ledger_rests(day.market, deps.clock.now())) {
        match inquire(deps, shared, day).await {
            Ok(booked) if booked.updates.is_empty() => drop(listed.insert(day)),
            Ok(_changes) => {
                moved = true;
                listed.insert(day);
                hold(&shared.readings).forget(day.market.currency(), deps.clock.now());
                accounts(deps, shared, &[day.market]).await;
            }
            // The other markets' orders are looked at all the same.
            Err(why) => failed = Err(format!("{}: {why}", day.market)),
        }
    }
    watch_clock(deps, shared);
    cancel_due(deps, shared, ttl, &listed).await?;
    failed.map(|()| moved)
}

/// Cancels what has worked for too long and what a halt does not want. The orders are read after their lists, so a
/// cancel is never repeated for one that the list has ended.
async fn cancel_due(
    deps: &BrokerDeps,
    shared: &Shared,
    ttl: TimeDelta,
    listed: &BTreeSet<DayKey>,
) -> Step<()> {
    let orders = ask(&deps.ledger.journalled, JournalledOrders).await?;
    let open: Vec<_> = orders.iter().map(|order| order.intent().clone()).collect();
    let wanted = (ttl, *hold(&shared.unwanted));
    let now = deps.clock.now();
    let left = left_behind(shared, &open);
    let due: BTreeSet<_> = to_cancel(&open, now, wanted, &hold(&shared.cancels), listed, &left)
        .into_iter()
        .map(|intent| intent.id.clone())
        .collect();
    let orders = orders.into_iter().filter(|order| due.contains(&order.intent().id)).collect();
    cancel_each(deps, shared, orders, "its time is over, or trading stops").await;
    Ok(())
}

/// Sales that RiskGuard has told the market to have left behind; what is no longer open is forgotten.
fn left_behind(shared: &Shared, open: &[OpenIntent]) -> BTreeSet<IntentId> {
    let mut left = hold(&shared.left_behind);
    left.retain(|id| open.iter().any(|intent| &intent.id == id));
    left.clone()
}

/// Asks the exchange to cancel each order, one after the other.
pub(super) async fn cancel_each(
    deps: &BrokerDeps,
    shared: &Shared,
    orders: Vec<JournalledOrder>,
    why: &'static str,
) {
    for order in orders {
        let intent = order.intent().id.clone();
        hold(&shared.cancels).insert(intent.clone(), deps.clock.now());
        match deps.exchange.cancel(order).await {
            CancelOutcome::Requested => tracing::info!(%intent, why, "cancel requested"),
            CancelOutcome::Refused(answer) => tracing::info!(%intent, answer, "the cancel was refused"),
            CancelOutcome::Unknown(answer) => {
                tracing::warn!(%intent, answer, "whether the cancel arrived is unknown");
            }
        }
    }
}

/// Halts when the exchange's clock and ours differ too much, in the same words until trading goes on. True when they do.
pub(super) fn watch_clock(deps: &BrokerDeps, shared: &Shared) -> bool {
    let Some(skew) = deps.exchange.clock_skew() else { return false };
    if !std::mem::replace(&mut *hold(&shared.skew_told), true) {
        let reason = format!(
            "by its answers the exchange's clock differs from ours by about {} s; set this machine's clock if it is wrong, \
             then resume",
            skew.num_seconds()
        );
        let request =
            RequestHalt { source: HaltSource::ClockSkew, by: "broker".into(), reason, cancel_open: false };
        warn(deps.risk.halt.tell(request), "that a halt is needed");
    }
    true
}

/// Raises one alarm for each trouble of the exchange that a person should look at.
pub(super) fn watch_trouble(deps: &BrokerDeps, shared: &Shared) {
    let trouble = deps.exchange.trouble();
    let told = std::mem::replace(&mut *hold(&shared.trouble_told), trouble.clone());
    if let Some(text) = trouble.filter(|trouble| told.as_ref() != Some(trouble)) {
        alarm_about(deps, None, text);
    }
}

pub(super) async fn inquire(deps: &BrokerDeps, shared: &Shared, day: DayKey) -> Step<InquiryBooked> {
    let inquiry = list(deps, shared, day).await?;
    let booked = ask(&deps.ledger.book_inquiry, inquiry).await?;
    spread(deps, &booked).await;
    Ok(booked)
}

/// The complete list of one day. The time is taken before the first page, so that no later intent is judged by it. A pass
/// that began before KIS settles its won ledger may end in the middle of that: what was asked or answered then lags.
pub(super) async fn list(deps: &BrokerDeps, shared: &Shared, day: DayKey) -> Step<BookInquiry> {
    let asked_at = deps.clock.now();
    refuse_while_resting(deps, day.market)?;
    let rows = deps.exchange.orders_of_day(day.market, day.session_date).await.map_err(|e| e.to_string())?;
    refuse_while_resting(deps, day.market)?;
    hold(&shared.marks).see_list(day, &rows);
    let halt = HaltName::draw(asked_at, deps.random.as_ref());
    Ok(BookInquiry { day, rows, asked_at, halt })
}

pub(super) fn refuse_while_resting(deps: &BrokerDeps, market: Market) -> Step<()> {
    if ledger_rests(market, deps.clock.now()) {
        return Err("KIS settles its won ledger until 00:10 Korean time".to_owned());
    }
    Ok(())
}

/// Tells RiskGuard what an inquiry changed. Strange orders and contradictions are written by the ledger itself, once.
pub(super) async fn spread(deps: &BrokerDeps, booked: &InquiryBooked) {
    for update in &booked.updates {
        warn(deps.risk.order_update.tell(update.clone()), "that an order changed");
    }
    spread_halts(deps, booked.halted.clone());
    if booked.halt.is_some() {
        // It is in the books with the orders themselves, so that it stands whether or not this word arrives.
        warn(deps.risk.halted_by_books.tell(HaltedByBooks), "that the books hold a halt");
    }
    if booked.updates.iter().any(|update| update.state == OrderState::Unknown) {
        watch_unknowns(deps).await;
    }
}

/// Asks for the account of each market's currency, has the books compared with it and tells RiskGuard; true when all
/// answered, which none does while KIS settles its ledger.
pub(super) async fn accounts(deps: &BrokerDeps, shared: &Shared, markets: &[Market]) -> bool {
    let mut seen: Vec<Currency> = Vec::new();
    let mut all = true;
    for market in markets.iter().copied() {
        if seen.contains(&market.currency()) {
            continue;
        }
        seen.push(market.currency());
        if ledger_rests(market, deps.clock.now()) {
            all = false;
            continue;
        }
        hold(&shared.readings).try_at(market.currency(), deps.clock.now());
        match deps.exchange.account(AccountQuery { market }, Urgency::Reconcile).await {
            Ok(_lagging) if ledger_rests(market, deps.clock.now()) => all = false,
            Ok(snapshot) => {
                hold(&shared.readings).keep(&snapshot);
                see_account(deps, shared, &snapshot);
                compare(deps, shared, &snapshot).await;
                warn(deps.risk.account_updated.tell(AccountUpdated { snapshot }), "the account");
            }
            Err(error) => {
                tracing::warn!(%market, %error, "the account is not known");
                let missed = AccountUnconfirmed { currency: market.currency(), why: error.to_string() };
                warn(deps.risk.account_missed.tell(missed), "that the account is not known");
                all = false;
            }
        }
    }
    all
}

/// Writes a line that a person should look at.
pub(super) fn alarm(deps: &BrokerDeps, market: Market, text: String) {
    alarm_about(deps, Some(market), text);
}

fn alarm_about(deps: &BrokerDeps, market: Option<Market>, text: String) {
    let event = RecordEvent { kind: EventKind::Alarm, market, text };
    warn(deps.ledger.events.tell(event), "an alarm");
}

/// A tell that was not taken: the links used here refuse only when their actor is gone for good.
pub(super) fn warn(told: Result<(), TellError>, what: &'static str) {
    if let Err(error) = told {
        tracing::error!(%error, what, "could not be told");
    }
}

pub(super) async fn ask<M, T, E>(link: &Link<M>, message: M) -> Step<T>
where
    M: actix::Message<Result = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: std::fmt::Display + Send + 'static,
{
    let answer = link.ask(message, LEDGER_WITHIN).await.map_err(|error| error.to_string())?;
    answer.map_err(|error| error.to_string())
}
