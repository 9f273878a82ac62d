//! Model of Jiho-Son/Ouroboros by its code, which was also run against a fake exchange: a connection error, a time-out
//! or an HTTP status other than 200 repeats the whole call, three times in all with pauses of 2 s and 4 s; a row is
//! written when the order is taken, for its whole quantity; the synchronisation at the start inserts every position of
//! the account as a new purchase.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::{OrderTerms, Quantity, Side};

use crate::client::{Client, Trouble};
use crate::model::OrderPath;
use crate::stage::Believed;

const ATTEMPTS: u32 = 3;

/// The model. All it has is on disk: rows of trades.
#[derive(Default)]
pub(crate) struct Ouroboros {
    rows: Vec<(String, Side, u64)>,
    numbers: BTreeSet<String>,
    failed: BTreeSet<String>,
}

impl Ouroboros {
    fn positions(&self) -> BTreeMap<String, i64> {
        let mut positions = BTreeMap::new();
        for (symbol, side, shares) in &self.rows {
            let shares = i64::try_from(*shares).unwrap_or(i64::MAX);
            *positions.entry(symbol.clone()).or_default() +=
                if *side == Side::Buy { shares } else { -shares };
        }
        positions
    }

    /// Reads what it needs, then sends: all of it is inside the retry.
    async fn cycle(client: &Client, tag: &str, terms: &OrderTerms) -> Result<(String, u64), Trouble> {
        let quantity = match terms.side {
            Side::Buy => terms.quantity.get(),
            // Its later versions sell what the account holds.
            Side::Sell => client.balance().await?.get(terms.instrument.symbol.as_str()).copied().unwrap_or(0),
        };
        if quantity == 0 {
            return Err(Trouble::Refused { http_ok: true });
        }
        let order = OrderTerms { quantity: Quantity::new(quantity), ..terms.clone() };
        client.order(tag, &order).await.map(|number| (number, quantity))
    }
}

impl OrderPath for Ouroboros {
    const TICK: Duration = Duration::from_secs(60);

    async fn start(&mut self, client: &Client) {
        let held = client.balance().await.unwrap_or_default();
        self.rows.extend(held.into_iter().map(|(symbol, shares)| (symbol, Side::Buy, shares)));
    }

    fn forget(&mut self) {}

    fn holding(&self, symbol: &str) -> u64 {
        u64::try_from(self.positions().get(symbol).copied().unwrap_or(0)).unwrap_or(0)
    }

    fn is_busy(&self, _symbol: &str) -> bool {
        false
    }

    fn unresolved(&self) -> usize {
        0
    }

    async fn trade(&mut self, client: &Client, tag: &str, terms: OrderTerms) {
        self.failed.insert(tag.to_owned());
        for attempt in 1..=ATTEMPTS {
            match Self::cycle(client, tag, &terms).await {
                Ok((number, shares)) => {
                    self.rows.push((terms.instrument.symbol.to_string(), terms.side, shares));
                    self.numbers.insert(number);
                    self.failed.remove(tag);
                    return;
                }
                Err(Trouble::Refused { http_ok: true }) => return,
                Err(Trouble::Refused { http_ok: false } | Trouble::HttpError | Trouble::Silence) => {
                    if attempt < ATTEMPTS {
                        tokio::time::sleep(Duration::from_secs(1 << attempt)).await;
                    }
                }
            }
        }
    }

    async fn tick(&mut self, _client: &Client) {}

    fn believed(&self) -> Believed {
        let (orders, positions) = (self.numbers.clone(), self.positions());
        Believed { orders, positions, dead: self.failed.clone(), blocked: Duration::ZERO }
    }
}
