//! The way between a client and the simulated exchange, where the script's faults happen; and the truth about what
//! arrived there.
//!
//! Late requests live here, so they outlive the process that sent them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{BoxFuture, Clock, Side};
use http::{Request, Response, StatusCode};
use kestrel::clock::VirtualClock;
use kestrel::http::{Cleared, NetError, Reply, Transport};
use kestrel::simulator::Exchange;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tower::ServiceExt as _;

use crate::script::{self, Day, OrderFate, PATIENCE, ReadFate, Way};

const ORDER_PATH: &str = "/uapi/domestic-stock/v1/trading/order-cash";
const BUY_TR: &str = "TTTC0012U";
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One life of a process.
#[derive(Debug, Default)]
pub(crate) struct Life {
    dead: AtomicBool,
    death: Notify,
}

impl Life {
    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(SeqCst)
    }

    pub(crate) fn kill(&self) {
        self.dead.store(true, SeqCst);
        self.death.notify_one();
    }

    /// Returns when it was killed.
    pub(crate) async fn ended(&self) {
        self.death.notified().await;
    }
}

/// The exchange's clock: the simulation's, but for a late request that is due at a time that has passed.
#[derive(Clone, Debug)]
pub(crate) struct VenueClock {
    clock: VirtualClock,
    then: Arc<Mutex<Option<DateTime<Utc>>>>,
}

impl VenueClock {
    pub(crate) fn new(clock: VirtualClock) -> Self {
        Self { clock, then: Arc::default() }
    }

    fn show(&self, then: Option<DateTime<Utc>>) {
        *held(&self.then) = then;
    }
}

impl Clock for VenueClock {
    fn now(&self) -> DateTime<Utc> {
        let then = *held(&self.then);
        then.unwrap_or_else(|| self.clock.now())
    }

    fn sleep_until(&self, until: DateTime<Utc>) -> BoxFuture<'static, ()> {
        self.clock.sleep_until(until)
    }

    fn real(&self, exchange_time: Duration) -> Duration {
        exchange_time
    }
}

/// What is counted where it happens.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// Orders that the exchange took.
    pub(crate) taken: u64,
    /// Purchases taken of a stock that was held, or being bought, already.
    pub(crate) doubled: u64,
    /// Orders sent, and questions asked.
    posts: u64,
    reads: u64,
}

/// When a late request arrives, and its number, so that two of one moment keep their order.
type Due = (DateTime<Utc>, u64);

/// The network of one run.
pub(crate) struct Network {
    seed: u64,
    day: Day,
    clock: VirtualClock,
    venue_clock: VenueClock,
    venue: Arc<Exchange>,
    router: Router,
    late: Mutex<BTreeMap<Due, Request<Bytes>>>,
    /// One request at a time is at the exchange, so that each sees the time it is meant to see.
    door: tokio::sync::Mutex<()>,
    seen: Mutex<Seen>,
}

impl Network {
    pub(crate) fn new(
        seed: u64,
        day: Day,
        clock: VirtualClock,
        venue_clock: VenueClock,
        venue: Arc<Exchange>,
    ) -> Self {
        let router = kestrel::simulator::router(venue.clone());
        let (late, door, seen) = (Mutex::default(), tokio::sync::Mutex::default(), Mutex::default());
        Self { seed, day, clock, venue_clock, venue, router, late, door, seen }
    }

    /// What was counted so far; late requests that are due arrive first.
    pub(crate) async fn seen(&self) -> Seen {
        self.deliver_late().await;
        *held(&self.seen)
    }

    /// Carries one request of `life`, with whatever happens to it on the way.
    pub(crate) async fn carry(&self, life: &Life, request: Request<Bytes>) -> Reply {
        if life.is_dead() {
            return never().await;
        }
        if request.uri().path() == ORDER_PATH {
            self.carry_order(life, request).await
        } else {
            self.carry_read(request).await
        }
    }

    async fn carry_order(&self, life: &Life, request: Request<Bytes>) -> Reply {
        let n = next(&mut held(&self.seen).posts);
        let (fate, way) = script::order_fate(self.seed, n);
        let (fate, way) = if self.is_quiet() { (OrderFate::Fine, Way::CALM) } else { (fate, way) };
        tokio::time::sleep(way.latency).await;
        match fate {
            OrderFate::Fine => self.there_and_back(request, way).await,
            OrderFate::RequestLost => silence().await,
            OrderFate::ReplyLost => {
                self.deliver(request).await;
                silence().await
            }
            OrderFate::Late => {
                self.post_late(n, request, PATIENCE + way.lateness);
                silence().await
            }
            OrderFate::ServerErrorBefore => Ok(bad_gateway()),
            OrderFate::ServerErrorAfter => {
                self.deliver(request).await;
                Ok(bad_gateway())
            }
            OrderFate::RateRefused => Ok(rate_refused()),
            OrderFate::Truncated => {
                self.deliver(request).await;
                Err(NetError::Ambiguous("the body broke off".into()))
            }
            OrderFate::DeathBefore => die(life).await,
            OrderFate::DeathAfter => {
                self.deliver(request).await;
                die(life).await
            }
            OrderFate::DeathThenLate => {
                self.post_late(n, request, way.lateness);
                die(life).await
            }
        }
    }

    async fn carry_read(&self, request: Request<Bytes>) -> Reply {
        let n = next(&mut held(&self.seen).reads);
        let (fate, way) = script::read_fate(self.seed, n);
        let (fate, way) = if self.is_quiet() { (ReadFate::Fine, Way::CALM) } else { (fate, way) };
        tokio::time::sleep(way.latency).await;
        match fate {
            ReadFate::Fine => self.there_and_back(request, way).await,
            ReadFate::Lost => silence().await,
            ReadFate::ServerError => Ok(bad_gateway()),
            ReadFate::RateRefused => Ok(rate_refused()),
            ReadFate::Truncated => Err(NetError::Ambiguous("the body broke off".into())),
        }
    }

    fn is_quiet(&self) -> bool {
        self.clock.now() >= self.day.quiet
    }

    async fn there_and_back(&self, request: Request<Bytes>, way: Way) -> Reply {
        let response = self.deliver(request).await;
        tokio::time::sleep(way.latency).await;
        Ok(response)
    }

    fn post_late(&self, n: u64, request: Request<Bytes>, after: Duration) {
        let due = self.clock.now() + TimeDelta::from_std(after).unwrap_or(TimeDelta::MAX);
        held(&self.late).insert((due, n), request);
    }

    /// Everything that is due arrives, each at its own time.
    async fn deliver_late(&self) {
        let _alone = self.door.lock().await;
        self.deliver_due().await;
    }

    async fn deliver(&self, request: Request<Bytes>) -> Response<Bytes> {
        let _alone = self.door.lock().await;
        self.deliver_due().await;
        self.hand_over(request).await
    }

    async fn deliver_due(&self) {
        while let Some((due, request)) = self.next_due() {
            self.venue_clock.show(Some(due));
            self.hand_over(request).await;
            self.venue_clock.show(None);
        }
    }

    fn next_due(&self) -> Option<(DateTime<Utc>, Request<Bytes>)> {
        let mut late = held(&self.late);
        let first = late.first_entry()?;
        (first.key().0 <= self.clock.now()).then(|| (first.key().0, first.remove()))
    }

    async fn hand_over(&self, request: Request<Bytes>) -> Response<Bytes> {
        let order = purchase(&request);
        let exposed = order.as_deref().is_some_and(|symbol| self.is_exposed(symbol));
        let is_order = request.uri().path() == ORDER_PATH;
        let response = self.serve(request).await;
        if is_order && is_taken(&response) {
            let mut seen = held(&self.seen);
            seen.taken += 1;
            seen.doubled += u64::from(exposed);
        }
        response
    }

    async fn serve(&self, request: Request<Bytes>) -> Response<Bytes> {
        let response = match self.router.clone().oneshot(request.map(Body::from)).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let (head, body) = response.into_parts();
        Response::from_parts(head, to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default())
    }

    /// True when the account holds `symbol`, or has an open purchase of it.
    fn is_exposed(&self, symbol: &str) -> bool {
        let books = self.venue.books();
        let holds = books.positions.iter().any(|held| held.instrument.symbol.as_str() == symbol);
        let buys = books.orders.iter().any(|order| {
            order.instrument.symbol.as_str() == symbol
                && order.side == Side::Buy
                && !order.remaining().is_zero()
        });
        holds || buys
    }
}

/// The network as one life of Kestrel's own client sees it.
pub(crate) struct Wire {
    pub(crate) network: Arc<Network>,
    pub(crate) life: Arc<Life>,
}

impl Transport for Wire {
    fn carry(&self, cleared: Cleared) -> BoxFuture<'_, Reply> {
        Box::pin(async move {
            let (request, limits) = cleared.into_parts();
            let carried = self.network.carry(&self.life, request);
            let late = || Err(NetError::Ambiguous("timed out".into()));
            tokio::time::timeout(limits.timeout, carried).await.unwrap_or_else(|_elapsed| late())
        })
    }
}

/// The symbol of a purchase.
fn purchase(request: &Request<Bytes>) -> Option<String> {
    let is_purchase = request.uri().path() == ORDER_PATH
        && request.headers().get("tr_id").is_some_and(|id| id.as_bytes() == BUY_TR.as_bytes());
    let body: Value = serde_json::from_slice(request.body()).ok().filter(|_| is_purchase)?;
    body.get("PDNO").and_then(Value::as_str).map(str::to_owned)
}

fn is_taken(response: &Response<Bytes>) -> bool {
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    response.status().is_success() && body.get("rt_cd").is_some_and(|code| code == "0")
}

async fn silence() -> Reply {
    tokio::time::sleep(PATIENCE).await;
    Err(NetError::Ambiguous("timed out".into()))
}

async fn die(life: &Life) -> Reply {
    life.kill();
    never().await
}

async fn never() -> Reply {
    std::future::pending().await
}

fn bad_gateway() -> Response<Bytes> {
    answer(StatusCode::BAD_GATEWAY, "<html><body>502 Bad Gateway</body></html>".into())
}

fn rate_refused() -> Response<Bytes> {
    let body = json!({"rt_cd": "1", "msg_cd": "EGW00201", "msg1": "초당 거래건수를 초과하였습니다."});
    answer(StatusCode::INTERNAL_SERVER_ERROR, body.to_string())
}

fn answer(status: StatusCode, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response
}

fn next(counter: &mut u64) -> u64 {
    *counter += 1;
    *counter
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
