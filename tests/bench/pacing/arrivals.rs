//! The same minute seen by the exchange: quotes asked for through the adapter and HTTP, counted where they arrive.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use broker::{Exchange as _, Pacer, Urgency};
use domain::messages::market_data::QuoteQuery;
use domain::{Clock, Currency, Instrument, Market, Money};
use kestrel::clock::ScaledClock;
use kestrel::config::{Credentials, Endpoint};
use kestrel::http::ReqwestTransport;
use kestrel::kis::{self, Kis, KisConfig};
use kestrel::simulator::{self, ClosedDates, Environment, Exchange, MarketData, SimulatorConfig};
use tokio::net::TcpListener;

use super::{MINUTE, Rate, Seen, WAITERS};

/// In the session of a day on which Korea trades.
const START: &str = "2026-06-01T01:00:00Z";
/// The stock whose quotes stand for sales; nobody else asks for it.
const SOLD: &str = "910020";
/// The stock that everybody else asks for.
const WATCHED: &str = "910010";

/// What arrived, in the order of arrival.
#[derive(Default)]
struct Arrivals(Mutex<Vec<Arrival>>);

#[derive(Clone, Copy)]
struct Arrival {
    at: Instant,
    is_sale: bool,
    is_refused: bool,
}

impl Arrivals {
    fn all(&self) -> MutexGuard<'_, Vec<Arrival>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last_sale(&self) -> Option<Instant> {
        self.all().iter().rev().find(|arrival| arrival.is_sale).map(|arrival| arrival.at)
    }
}

/// A minute at `rate`: the first begins once the token is there, for its issue is no part of the rate.
pub(super) async fn minute(rate: &Rate) -> Seen {
    let arrivals = Arc::new(Arrivals::default());
    let kis = connect(rate, &arrivals).await;
    quote(&kis, WATCHED, Urgency::Scan).await;
    let begun = Instant::now();
    arrivals.all().clear();
    let waits = Rc::default();
    let mut tasks = Vec::new();
    for urgency in [Urgency::Cancel, Urgency::Reconcile, Urgency::Entry, Urgency::Scan] {
        for _ in 0..WAITERS {
            tasks.push(tokio::task::spawn_local(ask_without_end(kis.clone(), urgency)));
        }
    }
    tasks.push(tokio::task::spawn_local(sell(kis, rate.per_second, arrivals.clone(), Rc::clone(&waits))));
    tokio::time::sleep(MINUTE).await;
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    let arrived = arrivals.all();
    let within: Vec<Arrival> =
        arrived.iter().filter(|arrival| arrival.at - begun < MINUTE).copied().collect();
    let mut arrived_at: Vec<Instant> = within.iter().map(|arrival| arrival.at).collect();
    // They were noted when they were answered.
    arrived_at.sort_unstable();
    Seen {
        granted_at: arrived_at,
        exit_waits: waits.take(),
        refused: within.iter().filter(|arrival| arrival.is_refused).count(),
    }
}

async fn ask_without_end(kis: Arc<Kis>, urgency: Urgency) {
    loop {
        quote(&kis, WATCHED, urgency).await;
    }
}

/// A sale asks at moments that fall anywhere within a slot; it has waited until it arrives.
async fn sell(kis: Arc<Kis>, per_second: f64, arrivals: Arc<Arrivals>, waits: Rc<RefCell<Vec<Duration>>>) {
    loop {
        tokio::time::sleep(Duration::from_secs_f64(3.7 / per_second)).await;
        let asked = Instant::now();
        quote(&kis, SOLD, Urgency::Exit).await;
        let arrived = arrivals.last_sale().filter(|at| *at >= asked).expect("it arrived");
        waits.borrow_mut().push(arrived - asked);
    }
}

/// One request.
async fn quote(kis: &Kis, symbol: &str, urgency: Urgency) {
    let instrument = Instrument { market: Market::Kr, symbol: symbol.parse().expect("a symbol") };
    kis.quote(QuoteQuery { instrument }, urgency).await.expect("a quote");
}

/// An exchange on a socket, and the adapter before it, paced as an agent's.
async fn connect(rate: &Rate, arrivals: &Arc<Arrivals>) -> Arc<Kis> {
    let clock: Arc<dyn Clock> = Arc::new(ScaledClock::steady(START.parse().expect("a time"), 1));
    let base_url = serve(rate, &clock, arrivals.clone()).await;
    let endpoint = || Endpoint {
        tr_id: "HHDFS76290000".into(),
        path: "/uapi/overseas-stock/v1/ranking/updown-rate".into(),
    };
    let config = KisConfig {
        base_url,
        environment: match rate.host {
            Environment::Real => kis::Environment::Real,
            Environment::Paper => kis::Environment::Paper,
        },
        credentials: Credentials {
            app_key: "simulated-app-key".into(),
            app_secret: "simulated-app-secret".into(),
            account: "12345678-01".into(),
        },
        token_file: None,
        fluctuation: endpoint(),
        volume: endpoint(),
        truth_tag: false,
        live_feeds: BTreeSet::new(),
    };
    let reads = Arc::new(ReqwestTransport::for_reads(None).expect("a client"));
    let orders = Arc::new(ReqwestTransport::for_orders(None).expect("a client"));
    let pacer = Pacer::new(rate.per_second, clock.clone());
    Arc::new(kis::connect(config, reads, orders, clock, pacer).expect("a valid account number"))
}

/// Serves an exchange with the limits of the host that `rate` is for, on a thread of its own, and notes what arrives.
async fn serve(rate: &Rate, clock: &Arc<dyn Clock>, arrivals: Arc<Arrivals>) -> String {
    let exchange = Arc::new(Exchange::new(SimulatorConfig {
        clock: clock.clone(),
        seed: 1,
        markets: vec![Market::Kr],
        cash: vec![Money::new(100_000_000.into(), Currency::Krw)],
        environment: rate.host,
        data: MarketData::Seeded,
        closed: ClosedDates::default(),
    }));
    let router = simulator::router(exchange).layer(middleware::from_fn_with_state(arrivals, note));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket of tokio's");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).expect("a listener");
            axum::serve(listener, router).await.expect("the exchange serves");
        });
    });
    format!("http://{address}")
}

async fn note(State(arrivals): State<Arc<Arrivals>>, request: Request, next: Next) -> Response {
    let at = Instant::now();
    let is_counted = request.uri().path().starts_with("/uapi/");
    let is_sale = request.uri().query().is_some_and(|query| query.contains(SOLD));
    let response = next.run(request).await;
    if is_counted {
        let is_refused = !response.status().is_success();
        arrivals.all().push(Arrival { at, is_sale, is_refused });
    }
    response
}
