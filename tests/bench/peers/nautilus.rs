//! Model of nautechsystems/nautilus_trader (a95c8042b0, 2026-07-02) by its documents and source: an order without an
//! answer stays in flight; after 5 s it is queried every 2 s, five times; then the timer resolves it as REJECTED. At the
//! start a mass status rebuilds orders and positions from the exchange, orders of unknown origin included; when that
//! fails, the process ends and is started again.
//!
//! The exchange has no client order id, so the model's query matches by terms and time.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::OrderTerms;

use crate::client::{Client, Row, Trouble};
use crate::model::{Known, OrderPath, Orders};
use crate::stage::Believed;

const THRESHOLD: TimeDelta = TimeDelta::seconds(5);
const QUERIES: u32 = 5;
/// From the end of a process whose start failed to the next start.
const START_AGAIN: Duration = Duration::from_secs(10);

struct InFlight {
    tag: String,
    terms: OrderTerms,
    sent_at: DateTime<Utc>,
    queries: u32,
}

/// The model. Its cache is in memory; what it rejected is noted for the table alone.
#[derive(Default)]
pub(crate) struct Nautilus {
    cache: Orders,
    in_flight: Vec<InFlight>,
    rejected: BTreeSet<String>,
}

impl Nautilus {
    fn matching<'a>(&self, order: &InFlight, rows: &'a [Row]) -> Option<&'a Row> {
        rows.iter().find(|row| row.could_be(&order.terms, order.sent_at) && !self.cache.has(&row.number))
    }

    fn resolve(&mut self, mut order: InFlight, rows: Option<&[Row]>) {
        order.queries += 1;
        match rows.and_then(|rows| self.matching(&order, rows)) {
            Some(row) => self.cache.0.push(Known::listed(row)),
            None if order.queries >= QUERIES => {
                self.rejected.insert(order.tag);
            }
            None => self.in_flight.push(order),
        }
    }
}

impl OrderPath for Nautilus {
    const TICK: Duration = Duration::from_secs(2);

    async fn start(&mut self, client: &Client) {
        loop {
            if let Ok(rows) = client.orders().await {
                self.cache = Orders(rows.iter().map(Known::listed).collect());
                return;
            }
            tokio::time::sleep(START_AGAIN).await;
        }
    }

    fn forget(&mut self) {
        self.cache = Orders::default();
        self.in_flight.clear();
    }

    fn holding(&self, symbol: &str) -> u64 {
        self.cache.holding(symbol)
    }

    fn is_busy(&self, symbol: &str) -> bool {
        let waits = self.in_flight.iter().any(|order| order.terms.instrument.symbol.as_str() == symbol);
        waits || self.cache.is_working(symbol)
    }

    fn unresolved(&self) -> usize {
        self.in_flight.len()
    }

    async fn trade(&mut self, client: &Client, tag: &str, terms: OrderTerms) {
        let sent_at = client.now();
        match client.order(tag, &terms).await {
            Ok(number) => self.cache.0.push(Known::taken(number, &terms)),
            // The exchange's own word.
            Err(Trouble::Refused { .. }) => {
                self.rejected.insert(tag.to_owned());
            }
            Err(Trouble::HttpError | Trouble::Silence) => {
                self.in_flight.push(InFlight { tag: tag.to_owned(), terms, sent_at, queries: 0 });
            }
        }
    }

    async fn tick(&mut self, client: &Client) {
        let now = client.now();
        let is_due = |order: &InFlight| now - order.sent_at >= THRESHOLD;
        if !self.in_flight.iter().any(is_due) && !self.cache.any_working() {
            return;
        }
        let rows = client.orders().await.ok();
        self.cache.follow(rows.as_deref().unwrap_or_default());
        let (due, young) = std::mem::take(&mut self.in_flight).into_iter().partition(is_due);
        self.in_flight = young;
        let due: Vec<InFlight> = due;
        for order in due {
            self.resolve(order, rows.as_deref());
        }
    }

    fn believed(&self) -> Believed {
        let (orders, positions) = (self.cache.numbers(), self.cache.positions());
        Believed { orders, positions, dead: self.rejected.clone(), blocked: Duration::ZERO }
    }
}
