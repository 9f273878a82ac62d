//! The actor: places approved orders one at a time, watches them until they end, and answers questions about the market.
//!
//! Nothing it knows must outlive it. Each life begins with a reconciliation, and no order leaves before that holds: at
//! the start of the process RiskGuard keeps the gate closed, and after a crash of Broker alone orders wait for their turn.

mod alive;
mod answer;
mod close;
mod halt;
mod listen;
mod place;
mod readings;
mod reconcile;
#[cfg(test)]
mod tests;
mod truth;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::messages::control::{HaltedByBooks, RequestHalt};
use domain::messages::ledger::{OpenIntents, RecordEvent};
use domain::messages::limits::AccountUnconfirmed;
use domain::messages::market_data::PriceSeen;
use domain::messages::schedule::{DayClosed, Phase, SessionChanged};
use domain::messages::symbols::{CompareHoldings, SymbolHalted, UnknownsLately};
use domain::messages::trading::{AccountUpdated, AskReconciled, OrderUpdate, Reconciled, SaleLeftBehind};
use domain::{Clock, IntentId, Market, Random, ports};
use risk_guard::{Gate, Obedience, PlaceOrder};
use supervision::prelude::*;
use tokio::sync::{Notify, Semaphore, oneshot};
use trade_ledger::{
    AbandonSending, BeginSending, BookInquiry, CloseDay, DayKey, JournalledOrders, RecordOutcome,
    UnclosedDays,
};

use crate::backoff::Ladder;
use crate::sight::Sight;
use crate::working::{Unwanted, Watermarks};
use crate::{Exchange, MarketStream};
use readings::Readings;
use reconcile::{Look, warn};

/// An order works for this long; then what is left of it is cancelled. Exchange time; our choice: two realtime cycles.
const ORDER_TTL: TimeDelta = TimeDelta::seconds(120);
/// Whether an account is to be read again is looked at no more rarely than this while nothing else tells, in exchange time.
const REFRESH_AT_LEAST: TimeDelta = TimeDelta::seconds(45);
/// And no more often.
const REFRESH_AT_MOST: TimeDelta = TimeDelta::seconds(1);
/// The longest a placing counts as a reply in progress, real time: the end of the process waits for the POST on the
/// wire, while an order that waits for its turn is no stall of this actor.
const HELD_FOR: Duration = Duration::from_secs(20);

/// Whom Broker asks and tells in the ledger.
#[derive(Clone, Debug)]
pub struct LedgerLinks {
    /// May this order leave now?
    pub begin_sending: Link<BeginSending>,
    /// What came of it.
    pub record_outcome: Link<RecordOutcome>,
    /// What an earlier life left `Sending`.
    pub abandon_sending: Link<AbandonSending>,
    /// The exchange's order list.
    pub book_inquiry: Link<BookInquiry>,
    /// The final list of a day.
    pub close_day: Link<CloseDay>,
    /// Days without a final list.
    pub unclosed_days: Link<UnclosedDays>,
    /// Orders that can be cancelled.
    pub journalled: Link<JournalledOrders>,
    /// Orders that are not finished.
    pub open_intents: Link<OpenIntents>,
    /// Lines that people should see.
    pub events: Link<RecordEvent>,
    /// Whether the books explain the account.
    pub holdings: Link<CompareHoldings>,
    /// How many orders became unknown lately.
    pub unknowns: Link<UnknownsLately>,
}

/// What Broker tells RiskGuard.
#[derive(Clone, Debug)]
pub struct RiskLinks {
    /// An order changed.
    pub order_update: Link<OrderUpdate>,
    /// The account as the exchange sees it.
    pub account_updated: Link<AccountUpdated>,
    /// The account is not known.
    pub account_missed: Link<AccountUnconfirmed>,
    /// Recovery is complete.
    pub reconciled: Link<Reconciled>,
    /// Something that only a person can mend.
    pub halt: Link<RequestHalt>,
    /// The books gave no permit because of a halt.
    pub halted_by_books: Link<HaltedByBooks>,
    /// The ledger has halted a stock.
    pub symbol_halted: Link<SymbolHalted>,
    /// A held stock has a price; only the newest counts.
    pub price_seen: Link<PriceSeen>,
}

/// What Broker works with.
#[derive(Clone)]
pub struct BrokerDeps {
    /// Exchange time.
    pub clock: Arc<dyn Clock>,
    /// For the names of halts.
    pub random: Arc<dyn Random>,
    /// The exchange.
    pub exchange: Arc<dyn Exchange>,
    /// What it tells by itself, if there is such a thing.
    pub stream: Option<Arc<dyn MarketStream>>,
    /// Read immediately before each POST.
    pub gate: Gate,
    /// TradeLedger.
    pub ledger: LedgerLinks,
    /// RiskGuard.
    pub risk: RiskLinks,
}

/// What Broker trades.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerSettings {
    /// The enabled markets.
    pub markets: Vec<Market>,
    /// Every halt cancels what works at the exchange, not only one that was asked to (`HALT_CANCELS_ORDERS`).
    pub halt_cancels: bool,
}

/// What the futures of one life share: each runs on Broker's own thread.
#[derive(Default)]
struct Shared {
    /// The intent whose POST is on the wire.
    in_flight: Mutex<Option<IntentId>>,
    marks: Mutex<Watermarks>,
    /// Cancels that were requested, and when.
    cancels: Mutex<BTreeMap<IntentId, DateTime<Utc>>>,
    /// Sales whose limit the market has left behind.
    left_behind: Mutex<BTreeSet<IntentId>>,
    /// What a halt wants cancelled, however long it has worked.
    unwanted: Mutex<Unwanted>,
    /// Until when orders of a market are taken, as last told; a market that nothing was told of may take some.
    orders_until: Mutex<BTreeMap<Market, Option<DateTime<Utc>>>>,
    /// Markets of which the exchange was last asked in vain whether they trade.
    silent: Mutex<BTreeSet<Market>>,
    /// When the trading of each day ended that MarketClock says is over.
    ends: Mutex<BTreeMap<DayKey, DateTime<Utc>>>,
    /// RiskGuard was told that the clocks differ, and no resume came since.
    skew_told: Mutex<bool>,
    /// The exchange's trouble that the last alarm was about, until it ends.
    trouble_told: Mutex<Option<String>>,
    /// Who is worth hearing.
    sight: Mutex<Sight>,
    /// The accounts as they were last read.
    readings: Mutex<Readings>,
    /// An order or a fill makes the next look come soon.
    wake: Notify,
}

/// Takes a lock. A panic of another holder restarts the actor with fresh values, so a poisoned one is still whole.
fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The actor.
pub struct Broker {
    settings: BrokerSettings,
    deps: BrokerDeps,
    shared: Arc<Shared>,
    /// One order at a time: the next waits until the outcome of this one is written.
    turn: Arc<Semaphore>,
    reconciled: Option<Reconciled>,
    /// The phases told in this life; a market that nothing was told of may be open.
    phases: BTreeMap<Market, Phase>,
    closing: BTreeSet<DayKey>,
    /// The last day of each market that was closed in this life.
    closed: BTreeMap<Market, NaiveDate>,
    ladder: Ladder,
    /// An answer of the ledger was lost, so RiskGuard may have missed an update.
    missed_update: bool,
    /// The newest word on halts.
    obedience: Obedience,
    /// A trouble of the stream that a person was told of in this life.
    stream_trouble: Option<String>,
}

impl Broker {
    /// A Broker that has not reconciled yet.
    pub fn new(settings: BrokerSettings, deps: BrokerDeps) -> Self {
        Self {
            settings,
            deps,
            shared: Arc::default(),
            turn: Arc::new(Semaphore::new(0)),
            reconciled: None,
            phases: BTreeMap::new(),
            closing: BTreeSet::new(),
            closed: BTreeMap::new(),
            ladder: Ladder::default(),
            missed_update: false,
            obedience: Obedience::default(),
            stream_trouble: None,
        }
    }

    fn begin_watch(&mut self, reconciled: Reconciled, ctx: &mut Ctx<Self>) {
        tracing::info!(unresolved = reconciled.unresolved.len(), "reconciled with the exchange");
        if reconciled.currencies != reconcile::currencies(&self.settings.markets) {
            self.reconcile_rest(ctx);
        }
        self.tell_reconciled(reconciled);
        // Not before: orders sent in the middle of a recovery would be sent without a watermark.
        self.turn.add_permits(1);
        self.close_past_days(ctx);
        self.watch_later(ctx);
        self.refresh_later(ctx);
        self.listen(ctx);
    }

    /// What was left out while KIS settled its ledger.
    fn reconcile_rest(&self, ctx: &mut Ctx<Self>) {
        let (deps, shared, markets) = (self.deps.clone(), self.shared.clone(), self.settings.markets.clone());
        let rest = async move { reconcile::recover_rest(&deps, &shared, &markets).await };
        ctx.spawn(rest.into_actor(self).map(|reconciled, this, ctx| {
            tracing::info!("reconciled with the won ledger too");
            this.tell_reconciled(reconciled);
            this.close_past_days(ctx);
        }));
    }

    fn tell_reconciled(&mut self, reconciled: Reconciled) {
        warn(self.deps.risk.reconciled.tell(reconciled.clone()), "that reconciliation is complete");
        self.reconciled = Some(reconciled);
    }

    /// Looks at the working orders after the ladder's next wait, or at once when something has happened.
    fn watch_later(&mut self, ctx: &mut Ctx<Self>) {
        let (deps, shared, wait) = (self.deps.clone(), self.shared.clone(), self.ladder.next_wait());
        let look = async move {
            tokio::select! {
                biased;
                () = shared.wake.notified() => {}
                () = ports::sleep(&deps.clock, wait) => {}
            }
            reconcile::look(&deps, &shared, ORDER_TTL).await
        };
        ctx.spawn(look.into_actor(self).map(|look, this, ctx| this.looked(look, ctx)));
    }

    fn looked(&mut self, look: Look, ctx: &mut Ctx<Self>) {
        match look {
            Look::Moved => self.ladder.reset(),
            Look::Still => {}
            Look::Failed => self.missed_update = true,
        }
        if look != Look::Failed && std::mem::take(&mut self.missed_update) {
            // RiskGuard reads the open orders afresh when it hears this.
            let at = self.deps.clock.now();
            let again = self.reconciled.clone().map(|reconciled| Reconciled { at, ..reconciled });
            again.into_iter().for_each(|reconciled| self.tell_reconciled(reconciled));
        }
        self.watch_later(ctx);
    }

    /// Reads each account again when it is due, by whomever it was read before.
    fn refresh_later(&mut self, ctx: &mut Ctx<Self>) {
        let deps = self.deps.clone();
        let rests = self.awake_markets().into_iter().map(|market| self.rest(market));
        let rest = rests.min().unwrap_or(REFRESH_AT_LEAST).clamp(REFRESH_AT_MOST, REFRESH_AT_LEAST);
        let rest = rest.to_std().unwrap_or_default();
        let wait = async move { ports::sleep(&deps.clock, rest).await };
        ctx.spawn(wait.into_actor(self).then(|(), this, _ctx| {
            let (deps, shared) = (this.deps.clone(), this.shared.clone());
            let mut markets = this.awake_markets();
            markets.retain(|market| this.rest(*market).is_zero());
            let refresh = async move {
                reconcile::accounts(&deps, &shared, &markets).await;
                // Without an order nobody else looks.
                reconcile::watch_clock(&deps, &shared);
                reconcile::watch_trouble(&deps, &shared);
            };
            refresh.into_actor(this).map(|(), this, ctx| this.refresh_later(ctx))
        }));
    }

    /// How long the account of the market's currency need not be read again.
    fn rest(&self, market: Market) -> TimeDelta {
        hold(&self.shared.readings).rest(market.currency(), self.deps.clock.now())
    }

    /// The markets that are open for all we know: the daily loss must not go unseen after a restart of this actor.
    fn awake_markets(&self) -> Vec<Market> {
        let is_awake = |market: &&Market| match self.phases.get(market) {
            None
            | Some(Phase::OpeningAuction | Phase::Continuous | Phase::ClosingAuction | Phase::Unknown) => {
                true
            }
            Some(Phase::PreMarket | Phase::Lunch | Phase::PostClose | Phase::Closed) => false,
        };
        self.settings.markets.iter().filter(is_awake).copied().collect()
    }

    /// Closes every day of the past that the books have open: a day whose close was missed stops its market.
    fn close_past_days(&self, ctx: &mut Ctx<Self>) {
        let deps = self.deps.clone();
        let unclosed = async move { close::past_days(&deps).await };
        ctx.spawn(
            unclosed
                .into_actor(self)
                .map(|days, this, ctx| days.into_iter().for_each(|day| this.close_day(day, ctx))),
        );
    }

    fn close_day(&mut self, day: DayKey, ctx: &mut Ctx<Self>) {
        if !self.closing.insert(day) {
            return;
        }
        let (deps, shared) = (self.deps.clone(), self.shared.clone());
        let closing = async move { close::close_day(&deps, &shared, day).await };
        ctx.spawn(closing.into_actor(self).map(move |(), this, _ctx| {
            this.closing.remove(&day);
            this.closed.insert(day.market, day.session_date);
            // The close has ended orders, and their cash is free.
            this.shared.wake.notify_one();
        }));
    }

    fn placed(&mut self, placed: Result<(), String>, ctx: &mut Ctx<Self>) {
        self.shared.wake.notify_one();
        self.ladder.reset();
        if let Err(why) = placed {
            // The next life turns the row into `Unknown` and asks the exchange.
            ctx.fail(why);
        }
    }
}

impl Actor for Broker {
    type Context = Ctx<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let (deps, shared, markets) = (self.deps.clone(), self.shared.clone(), self.settings.markets.clone());
        let recovery = async move { reconcile::recover(&deps, &shared, &markets).await };
        ctx.spawn(recovery.into_actor(self).map(|reconciled, this, ctx| this.begin_watch(reconciled, ctx)));
    }
}

impl Handler<PlaceOrder> for Broker {
    type Result = ResponseActFuture<Self, ()>;

    /// The reply ends with the placing, so that the end of the process waits for it.
    fn handle(&mut self, PlaceOrder(order): PlaceOrder, ctx: &mut Self::Context) -> Self::Result {
        let (deps, shared, turn) = (self.deps.clone(), self.shared.clone(), self.turn.clone());
        let placing = async move {
            // Closed only when the actor is gone, and this future with it.
            let _one_at_a_time = turn.acquire_owned().await;
            place::place(&deps, &shared, order).await
        };
        let (ended, end) = oneshot::channel::<()>();
        ctx.spawn(placing.into_actor(self).map(move |placed, this, ctx| {
            this.placed(placed, ctx);
            drop(ended);
        }));
        let held = async move {
            // Either way the reply is over; the placing goes on by itself.
            let _ended_or_late = tokio::time::timeout(HELD_FOR, end).await;
        };
        Box::pin(held.into_actor(self))
    }
}

impl Handler<SaleLeftBehind> for Broker {
    type Result = ();

    /// The next look cancels it, and comes at once.
    fn handle(&mut self, SaleLeftBehind { intent }: SaleLeftBehind, _ctx: &mut Self::Context) {
        hold(&self.shared.left_behind).insert(intent);
        self.ladder.reset();
        self.shared.wake.notify_one();
    }
}

impl Handler<AskReconciled> for Broker {
    type Result = MessageResult<AskReconciled>;

    fn handle(&mut self, _ask: AskReconciled, _ctx: &mut Self::Context) -> Self::Result {
        MessageResult(self.reconciled.clone())
    }
}

impl Handler<SessionChanged> for Broker {
    type Result = ();

    fn handle(&mut self, change: SessionChanged, ctx: &mut Self::Context) {
        self.phases.insert(change.market, change.phase);
        hold(&self.shared.orders_until).insert(change.market, change.orders_until);
        self.say_who_trades();
        if self.reconciled.is_some() {
            self.close_past_days(ctx);
        }
    }
}

impl Handler<DayClosed> for Broker {
    type Result = ();

    /// It is told again and again, for a Broker that was started since.
    fn handle(&mut self, day: DayClosed, ctx: &mut Self::Context) {
        let DayClosed { market, session_date, closed_at } = day;
        if self.closed.get(&market).is_some_and(|last| *last >= session_date) {
            return;
        }
        let day = DayKey { market, session_date };
        hold(&self.shared.ends).insert(day, closed_at);
        self.close_day(day, ctx);
    }
}
