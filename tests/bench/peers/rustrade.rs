//! Model of Zuytan/rustrade (013e036, 2026-03-07) by lessons read from its source: an order is written as pending before
//! the call; a time-out or any other error makes it Rejected. At the start pending orders are looked up, and those not
//! found become Rejected; when the look-up fails, it trades on.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::OrderTerms;

use crate::client::Client;
use crate::model::{Known, OrderPath, Orders};
use crate::stage::Believed;

struct Pending {
    tag: String,
    terms: OrderTerms,
    sent_at: DateTime<Utc>,
}

/// The model. All it has is on disk.
#[derive(Default)]
pub(crate) struct Rustrade {
    orders: Orders,
    pending: Vec<Pending>,
    rejected: BTreeSet<String>,
}

impl OrderPath for Rustrade {
    const TICK: Duration = Duration::from_secs(5);

    async fn start(&mut self, client: &Client) {
        if self.pending.is_empty() {
            return;
        }
        let Ok(rows) = client.orders().await else { return };
        for order in std::mem::take(&mut self.pending) {
            let found = rows
                .iter()
                .find(|row| row.could_be(&order.terms, order.sent_at) && !self.orders.has(&row.number));
            match found {
                Some(row) => self.orders.0.push(Known::listed(row)),
                None => {
                    self.rejected.insert(order.tag);
                }
            }
        }
    }

    fn forget(&mut self) {}

    fn holding(&self, symbol: &str) -> u64 {
        self.orders.holding(symbol)
    }

    fn is_busy(&self, symbol: &str) -> bool {
        self.orders.is_working(symbol)
    }

    fn unresolved(&self) -> usize {
        0
    }

    async fn trade(&mut self, client: &Client, tag: &str, terms: OrderTerms) {
        self.pending.push(Pending { tag: tag.to_owned(), terms: terms.clone(), sent_at: client.now() });
        let answer = client.order(tag, &terms).await;
        self.pending.retain(|order| order.tag != tag);
        match answer {
            Ok(number) => self.orders.0.push(Known::taken(number, &terms)),
            Err(_) => {
                self.rejected.insert(tag.to_owned());
            }
        }
    }

    async fn tick(&mut self, client: &Client) {
        if self.orders.any_working()
            && let Ok(rows) = client.orders().await
        {
            self.orders.follow(&rows);
        }
    }

    fn believed(&self) -> Believed {
        let (orders, positions) = (self.orders.numbers(), self.orders.positions());
        Believed { orders, positions, dead: self.rejected.clone(), blocked: Duration::ZERO }
    }
}
