//! The actor: places approved orders one at a time, watches them until they end, and answers questions about the market.
//!
//! Nothing it knows must outlive it. Each life begins with a reconciliation, and until that holds RiskGuard keeps the
//! gate closed.

mod place;
mod reconcile;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::control::RequestHalt;
use domain::messages::ledger::{OpenIntents, RecordEvent};
use domain::messages::market_data::{AccountQuery, BarsQuery, QuoteQuery, RankingQuery};
use domain::messages::schedule::{DayClosed, Phase, SessionChanged};
use domain::messages::trading::{AccountUpdated, AskReconciled, OrderUpdate, Reconciled};
use domain::{Clock, IntentId, Market, OrderState, ports};
use risk_guard::{Gate, HaltAck, HaltSystem, PlaceOrder, ResumeSystem};
use supervision::prelude::*;
use tokio::sync::{Notify, Semaphore};
use trade_ledger::{
    AbandonSending, BeginSending, BookInquiry, CloseDay, DayKey, JournalledOrders, RecordOutcome,
    UnclosedDays,
};

use crate::backoff::Ladder;
use crate::working::Watermarks;
use crate::{Exchange, Urgency};

/// An order works for this long; then what is left of it is cancelled. Exchange time; our choice: two realtime cycles.
const ORDER_TTL: TimeDelta = TimeDelta::seconds(120);
/// The account is asked for this often while a market is open, in exchange time.
const ACCOUNT_EVERY: Duration = Duration::from_secs(60);
/// RiskGuard does not use an account older than 60 s (risk_guard); asking a little earlier keeps it fresh.
const ACCOUNT_AHEAD: Duration = Duration::from_secs(15);

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
}

/// What Broker tells RiskGuard.
#[derive(Clone, Debug)]
pub struct RiskLinks {
    /// An order changed.
    pub order_update: Link<OrderUpdate>,
    /// The account as the exchange sees it.
    pub account_updated: Link<AccountUpdated>,
    /// Recovery is complete.
    pub reconciled: Link<Reconciled>,
    /// Something that only a person can mend.
    pub halt: Link<RequestHalt>,
}

/// What Broker works with.
#[derive(Clone)]
pub struct BrokerDeps {
    /// Exchange time.
    pub clock: Arc<dyn Clock>,
    /// The exchange.
    pub exchange: Arc<dyn Exchange>,
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
}

/// What the futures of one life share: each runs on Broker's own thread.
#[derive(Default)]
struct Shared {
    /// The intent whose POST is on the wire.
    in_flight: Mutex<Option<IntentId>>,
    marks: Mutex<Watermarks>,
    /// Cancels that were requested, and when.
    cancels: Mutex<BTreeMap<IntentId, DateTime<Utc>>>,
    /// An order or a fill makes the next look come soon.
    wake: Notify,
}

/// Takes a lock. A panic of another holder restarts the actor with fresh values, so a poisoned one is still whole.
fn hold<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
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
    open_markets: BTreeSet<Market>,
    closing: BTreeSet<DayKey>,
    ladder: Ladder,
}

impl Broker {
    /// A Broker that has not reconciled yet.
    pub fn new(settings: BrokerSettings, deps: BrokerDeps) -> Self {
        Self {
            settings,
            deps,
            shared: Arc::default(),
            turn: Arc::new(Semaphore::new(1)),
            reconciled: None,
            open_markets: BTreeSet::new(),
            closing: BTreeSet::new(),
            ladder: Ladder::default(),
        }
    }

    fn begin_watch(&mut self, reconciled: Reconciled, ctx: &mut Ctx<Self>) {
        tracing::info!(unresolved = reconciled.unresolved.len(), "reconciled with the exchange");
        reconcile::warn(
            self.deps.risk.reconciled.tell(reconciled.clone()),
            "that reconciliation is complete",
        );
        self.reconciled = Some(reconciled);
        self.watch_later(ctx);
        self.refresh_later(ctx);
    }

    /// Looks at the working orders after the ladder's next wait, or at once when something has happened.
    fn watch_later(&mut self, ctx: &mut Ctx<Self>) {
        let wait = ports::sleep(&self.deps.clock, self.ladder.next_wait());
        let (deps, shared) = (self.deps.clone(), self.shared.clone());
        let look = async move {
            tokio::select! {
                biased;
                () = shared.wake.notified() => {}
                () = wait => {}
            }
            reconcile::look(&deps, &shared, ORDER_TTL).await
        };
        ctx.spawn(look.into_actor(self).map(|moved, this, ctx| {
            if moved {
                this.ladder.reset();
            }
            this.watch_later(ctx);
        }));
    }

    fn refresh_later(&mut self, ctx: &mut Ctx<Self>) {
        let wait = ports::sleep(&self.deps.clock, ACCOUNT_EVERY.saturating_sub(ACCOUNT_AHEAD));
        let deps = self.deps.clone();
        ctx.spawn(wait.into_actor(self).then(move |(), this, _ctx| {
            let markets: Vec<Market> = this.open_markets.iter().copied().collect();
            let refresh = async move { reconcile::accounts(&deps, &markets).await };
            refresh.into_actor(this).map(|_all_known, this, ctx| this.refresh_later(ctx))
        }));
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

    /// A reply, not a spawned future: the end of the process waits for the POST that is on the wire.
    fn handle(&mut self, PlaceOrder(order): PlaceOrder, _ctx: &mut Self::Context) -> Self::Result {
        let (deps, shared, turn) = (self.deps.clone(), self.shared.clone(), self.turn.clone());
        let placing = async move {
            // Closed only when the actor is gone, and this future with it.
            let _one_at_a_time = turn.acquire_owned().await;
            place::place(&deps, &shared, order).await
        };
        Box::pin(placing.into_actor(self).map(|placed, this, ctx| {
            this.shared.wake.notify_one();
            this.ladder.reset();
            if let Err(why) = placed {
                // The next life turns the row into `Unknown` and asks the exchange.
                ctx.fail(why);
            }
        }))
    }
}

impl Handler<HaltSystem> for Broker {
    type Result = MessageResult<HaltSystem>;

    /// The gate is closed already; orders that wait for their turn find it so.
    fn handle(&mut self, _halt: HaltSystem, _ctx: &mut Self::Context) -> Self::Result {
        MessageResult(HaltAck { in_flight: hold(&self.shared.in_flight).iter().cloned().collect() })
    }
}

impl Handler<ResumeSystem> for Broker {
    type Result = ();

    fn handle(&mut self, _resume: ResumeSystem, _ctx: &mut Self::Context) {
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

    fn handle(&mut self, change: SessionChanged, _ctx: &mut Self::Context) {
        match change.phase {
            Phase::Open => self.open_markets.insert(change.market),
            Phase::Lunch | Phase::Closed => self.open_markets.remove(&change.market),
        };
    }
}

impl Handler<DayClosed> for Broker {
    type Result = ();

    fn handle(&mut self, day: DayClosed, ctx: &mut Self::Context) {
        let key = DayKey { market: day.market, session_date: day.session_date };
        if !self.closing.insert(key) {
            return;
        }
        let (deps, shared) = (self.deps.clone(), self.shared.clone());
        let closing = async move { reconcile::close_day(&deps, &shared, key).await };
        ctx.spawn(closing.into_actor(self).map(move |(), this, _ctx| {
            this.closing.remove(&key);
        }));
    }
}

macro_rules! answers {
    ($($query:ty => |$exchange:ident, $asked:ident| $call:expr;)*) => {$(
        impl Handler<$query> for Broker {
            type Result = ResponseFuture<<$query as Message>::Result>;

            fn handle(&mut self, $asked: $query, _ctx: &mut Self::Context) -> Self::Result {
                let $exchange = self.deps.exchange.clone();
                Box::pin(async move { $call.await })
            }
        }
    )*};
}

answers! {
    RankingQuery => |exchange, query| exchange.ranking(query);
    BarsQuery => |exchange, query| exchange.bars(query);
    QuoteQuery => |exchange, query| exchange.quote(query, Urgency::Scan);
    AccountQuery => |exchange, query| exchange.account(query, Urgency::Reconcile);
}

/// An order that was never sent, as RiskGuard should see it.
fn never_sent(order: &risk_guard::ApprovedOrder, at: DateTime<Utc>) -> OrderUpdate {
    OrderUpdate {
        intent: order.intent().clone(),
        terms: order.terms().clone(),
        state: OrderState::Expired,
        filled: domain::Quantity::ZERO,
        at,
    }
}
