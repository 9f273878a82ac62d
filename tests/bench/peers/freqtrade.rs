//! Model of freqtrade/freqtrade (c9ae5e1e9, 2024-10-24) by lessons read from its source: a trade is written to the
//! database after the exchange has answered; an exception of the call leaves nothing there, and nothing looks for such
//! an order later, not even after a restart (its users: #4403, #7184, #6353).

use std::collections::BTreeSet;
use std::time::Duration;

use domain::OrderTerms;

use crate::client::Client;
use crate::model::{Known, OrderPath, Orders};
use crate::stage::Believed;

/// The model. All it has is on disk.
#[derive(Default)]
pub(crate) struct Freqtrade {
    trades: Orders,
    failed: BTreeSet<String>,
}

impl OrderPath for Freqtrade {
    const TICK: Duration = Duration::from_secs(5);

    async fn start(&mut self, _client: &Client) {}

    fn forget(&mut self) {}

    fn holding(&self, symbol: &str) -> u64 {
        self.trades.holding(symbol)
    }

    fn is_busy(&self, symbol: &str) -> bool {
        self.trades.is_working(symbol)
    }

    fn unresolved(&self) -> usize {
        0
    }

    async fn trade(&mut self, client: &Client, tag: &str, terms: OrderTerms) {
        // Until the answer there is no trace of it; a death here leaves none either.
        self.failed.insert(tag.to_owned());
        if let Ok(number) = client.order(tag, &terms).await {
            self.trades.0.push(Known::taken(number, &terms));
            self.failed.remove(tag);
        }
    }

    async fn tick(&mut self, client: &Client) {
        if self.trades.any_working()
            && let Ok(rows) = client.orders().await
        {
            self.trades.follow(&rows);
        }
    }

    fn believed(&self) -> Believed {
        let (orders, positions) = (self.trades.numbers(), self.trades.positions());
        Believed { orders, positions, dead: self.failed.clone(), blocked: Duration::ZERO }
    }
}
