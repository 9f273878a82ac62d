//! What the models have in common: a day of wishes, deaths and restarts, and books as simple as they can be.
//!
//! A model is not the program it is named after. It is a small reading of that program's documented order path, given
//! the exchange's interface and the same wishes; everything else about the program is left out. Where a document leaves
//! a choice, the model gets the one that is better for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Clock as _, OrderTerms, Quantity, Side};

use crate::client::{Client, Row};
use crate::network::Life;
use crate::script::{self, SYMBOLS, Target, Wish};
use crate::stage::{Believed, Stage, in_virtual_time, since};

/// A wish that could not be looked at for this long is old news.
pub(crate) const WISH_LIFE: TimeDelta = TimeDelta::seconds(60);

/// How one program orders.
pub(crate) trait OrderPath: Default {
    /// How often it looks after its orders.
    const TICK: Duration;

    /// The process starts.
    async fn start(&mut self, client: &Client);

    /// The process has died: what was in memory only is gone.
    fn forget(&mut self);

    /// Shares of `symbol` by its books.
    fn holding(&self, symbol: &str) -> u64;

    /// True while an order for `symbol` is working or open to it.
    fn is_busy(&self, symbol: &str) -> bool;

    /// Stocks for which the fate of an order is open to it.
    fn unresolved(&self) -> usize;

    /// Orders. `tag` names the wish.
    async fn trade(&mut self, client: &Client, tag: &str, terms: OrderTerms);

    /// Looks after its orders.
    async fn tick(&mut self, client: &Client);

    /// What it believes now.
    fn believed(&self) -> Believed;
}

/// Runs the whole day.
pub(crate) fn live<P: OrderPath>(stage: &Stage) -> Believed {
    let mut path = P::default();
    in_virtual_time(stage, async {
        let blocked = lives(stage, &mut path).await;
        Believed { blocked, ..path.believed() }
    })
}

async fn lives<P: OrderPath>(stage: &Stage, path: &mut P) -> Duration {
    let mut deaths = script::deaths(stage.seed, stage.day).into_iter().peekable();
    let token = Arc::default();
    let (mut next, mut blocked) = (0, Duration::ZERO);
    loop {
        let life = Arc::new(Life::default());
        let (network, clock) = (stage.network.clone(), stage.clock.clone());
        let client = Client { network, life: life.clone(), clock, token: Arc::clone(&token) };
        let by_chance = stage.clock.sleep_until(deaths.peek().copied().unwrap_or(DateTime::<Utc>::MAX_UTC));
        let died = tokio::select! {
            biased;
            () = life.ended() => true,
            () = by_chance => true,
            () = trade(stage, path, &client, &mut next, &mut blocked) => false,
        };
        if !died {
            return blocked;
        }
        path.forget();
        while deaths.next_if(|at| *at <= stage.clock.now()).is_some() {}
        tokio::time::sleep(script::RESTART).await;
    }
}

async fn trade<P: OrderPath>(
    stage: &Stage,
    path: &mut P,
    client: &Client,
    next: &mut usize,
    blocked: &mut Duration,
) {
    let begun = client.now();
    path.start(client).await;
    *blocked += since(begun, client.now()) * u32::try_from(SYMBOLS.len()).unwrap_or(u32::MAX);
    while client.now() < stage.day.end {
        let (now, open) = (client.now(), path.unresolved());
        let tick = now + TimeDelta::from_std(P::TICK).unwrap_or(TimeDelta::MAX);
        let wish = stage.wishes.get(*next).filter(|wish| wish.at <= tick);
        stage.clock.sleep_until(wish.map_or(tick, |wish| wish.at)).await;
        *blocked += since(now, client.now()) * u32::try_from(open).unwrap_or(u32::MAX);
        match wish {
            Some(wish) => {
                *next += 1;
                let before = client.now();
                consider(path, client, wish).await;
                *blocked += since(before, client.now());
            }
            None => path.tick(client).await,
        }
    }
}

/// Buys what is not held, sells what is; one order per stock at a time.
async fn consider<P: OrderPath>(path: &mut P, client: &Client, wish: &Wish) {
    let symbol = wish.instrument.symbol.as_str();
    if client.now() - wish.at > WISH_LIFE || path.is_busy(symbol) {
        return;
    }
    let side = match (wish.target, path.holding(symbol)) {
        (Target::In, 0) => Side::Buy,
        (Target::Out, 1..) => Side::Sell,
        (Target::In, _) | (Target::Out, _) => return,
    };
    let Some(limit) = wish.limit(side) else { return };
    let quantity = match side {
        Side::Buy => wish.shares(limit),
        Side::Sell => Quantity::new(path.holding(symbol)),
    };
    let terms = OrderTerms { instrument: wish.instrument.clone(), side, quantity, limit };
    path.trade(client, &format!("wish-{}", wish.number), terms).await;
}

/// An order with its number, as most of them keep it.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) number: String,
    pub(crate) symbol: String,
    pub(crate) side: Side,
    pub(crate) filled: u64,
    pub(crate) is_open: bool,
}

impl Known {
    /// An order that was just taken.
    pub(crate) fn taken(number: String, terms: &OrderTerms) -> Self {
        let symbol = terms.instrument.symbol.to_string();
        Self { number, symbol, side: terms.side, filled: 0, is_open: true }
    }

    /// An order as the list shows it.
    pub(crate) fn listed(row: &Row) -> Self {
        let (number, symbol) = (row.number.clone(), row.symbol.clone());
        Self { number, symbol, side: row.side, filled: row.filled, is_open: row.remaining > 0 }
    }
}

/// Orders with numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Orders(pub(crate) Vec<Known>);

impl Orders {
    pub(crate) fn has(&self, number: &str) -> bool {
        self.0.iter().any(|order| order.number == number)
    }

    pub(crate) fn is_working(&self, symbol: &str) -> bool {
        self.0.iter().any(|order| order.symbol == symbol && order.is_open)
    }

    pub(crate) fn any_working(&self) -> bool {
        self.0.iter().any(|order| order.is_open)
    }

    /// Follows the list for orders that are known; others are left alone.
    pub(crate) fn follow(&mut self, rows: &[Row]) {
        for order in &mut self.0 {
            if let Some(row) = rows.iter().find(|row| row.number == order.number) {
                *order = Known::listed(row);
            }
        }
    }

    pub(crate) fn positions(&self) -> BTreeMap<String, i64> {
        let mut positions = BTreeMap::new();
        for order in &self.0 {
            let shares = i64::try_from(order.filled).unwrap_or(i64::MAX);
            let signed = if order.side == Side::Buy { shares } else { -shares };
            *positions.entry(order.symbol.clone()).or_default() += signed;
        }
        positions
    }

    pub(crate) fn holding(&self, symbol: &str) -> u64 {
        let shares = self.positions().get(symbol).copied().unwrap_or(0);
        u64::try_from(shares).unwrap_or(0)
    }

    pub(crate) fn numbers(&self) -> std::collections::BTreeSet<String> {
        self.0.iter().map(|order| order.number.clone()).collect()
    }
}
