//! A KIS-compatible exchange inside the program: KIS's own paths, headers, TR ids, bodies and error codes in front of a
//! discrete-event venue that the Clock drives.
//!
//! Invariants: the same seed and start give the same prices, however often and whenever the exchange is asked; every order obeys
//! quantity = filled + remaining + cancelled + rejected; cash and shares move by fills and their fees alone. The same router answers on a
//! socket and in process. It imports nothing from the KIS client: both are readings of KIS.md, made independently.
//!
//! Every row of KIS's endpoint matrix is answered, in a shape that the tests compare with KIS.md's. The desks for reserve orders and for
//! the American day session never open: they refuse as closed (`desks`).
//!
//! Not simulated: extended hours, order types other than limit and (Korea) market, settlement of foreign trades (their cash moves at
//! once); of the websocket, feeds other than trades, domestic books and execution notices.

mod account;
mod bars;
mod book;
mod call;
mod closed;
mod desks;
mod diary;
mod domestic;
mod domestic_bars;
mod domestic_calendar;
mod domestic_ledger;
mod domestic_margin;
mod domestic_past;
mod domestic_quotes;
mod domestic_reports;
mod endpoints;
mod faults;
mod gateway;
mod indices;
mod journal;
mod listing;
mod orders;
mod overseas;
mod overseas_ledger;
mod overseas_quotes;
mod overseas_rankings;
mod overseas_reports;
mod overseas_settlement;
mod places;
mod products;
mod rankings;
mod refusal;
mod rules;
mod screen;
mod search;
mod sessions;
mod steps;
mod stream;
mod tape;
mod venue;
mod walk;
mod web;
mod wire;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, NaiveDate, Utc};
use domain::{Clock, Currency, Instrument, Market, Money, OrderTerms, Price, Quantity, Side, VenueOrderId};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use account::Account;
use diary::Diary;
use gateway::Gateway;
use orders::Order;
use stream::Streams;
use venue::Venue;

pub use closed::ClosedDates;
pub use diary::{Begun, DiaryError, Kept, Past};
pub use faults::{FREEZE_SECONDS, VenueFaults};
pub use listing::has_stocks_of;
pub use web::{router, serve};

/// Which of KIS's two hosts the exchange plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Real trading: 20 requests a second, all TR ids.
    Real,
    /// Paper trading: 2 requests a second, its own TR ids, no rankings.
    Paper,
}

impl Environment {
    /// The documented rate for one app key, in requests per second (KIS.md 4).
    pub fn requests_per_second(self) -> u32 {
        match self {
            Self::Real => 20,
            Self::Paper => 2,
        }
    }
}

/// Where daily bars before the first day come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MarketData {
    /// Recorded for AAPL, GOOG, IBM and MSFT, seeded for the others.
    #[default]
    SeededAndRecorded,
    /// Seeded for every stock.
    Seeded,
}

/// What an exchange is made of.
#[derive(Clone, Debug)]
pub struct SimulatorConfig {
    /// Exchange time. The first day is its date at the start.
    pub clock: Arc<dyn Clock>,
    /// Decides all prices and volumes.
    pub seed: u64,
    /// The markets that are open to trade.
    pub markets: Vec<Market>,
    /// What the account holds at the start; of a currency given twice, the sum.
    pub cash: Vec<Money>,
    /// Which host it plays.
    pub environment: Environment,
    /// Where history comes from.
    pub data: MarketData,
    /// When markets stay closed beside weekends.
    pub closed: ClosedDates,
}

/// The exchange. Shared by the router and by whoever reads its own books.
#[derive(Debug)]
pub struct Exchange {
    clock: Arc<dyn Clock>,
    environment: Environment,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    gateway: Gateway,
    venue: Venue,
    streams: Streams,
    order_posts: u64,
    order_posts_refused: u64,
    /// Where it writes down what it takes, when it is to outlive the process.
    diary: Option<Diary>,
}

impl Exchange {
    /// An exchange that opens for business now, by its clock.
    pub fn new(config: SimulatorConfig) -> Self {
        let rate = config.environment.requests_per_second();
        Self::with_rate(config, rate)
    }

    /// The same, with another limit on requests per second for one app key.
    pub fn with_rate(config: SimulatorConfig, requests_per_second: u32) -> Self {
        let now = config.clock.now();
        Self::begun_at(config, requests_per_second, now)
    }

    /// An exchange that outlives its process: it goes on from what is kept, or begins, and writes down what it takes. Seed and markets are
    /// those of `kept`; the clock must not be behind it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn kept(config: SimulatorConfig, kept: &Kept) -> Result<Self, DiaryError> {
        let Begun { seed, markets, .. } = kept.begun.clone();
        let config = SimulatorConfig { seed, markets, ..config };
        let rate = config.environment.requests_per_second();
        let exchange = Self::begun_at(config, rate, kept.begun.start);
        {
            let mut state = exchange.state.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(past) = &kept.past {
                diary::repeat(&mut state, exchange.environment, past);
            }
            state.diary = Some(Diary::open(kept)?);
        }
        Ok(exchange)
    }

    fn begun_at(config: SimulatorConfig, requests_per_second: u32, start: DateTime<Utc>) -> Self {
        let mut cash: BTreeMap<Currency, Decimal> = BTreeMap::new();
        for money in &config.cash {
            *cash.entry(money.currency()).or_default() += money.amount();
        }
        let mut venue = Venue::new(config.seed, config.data, config.markets, Account::new(cash), start);
        venue.closed = Arc::new(config.closed);
        let gateway = Gateway::new(config.environment, requests_per_second, config.seed);
        let state = State {
            gateway,
            venue,
            streams: Streams::new(config.seed),
            order_posts: 0,
            order_posts_refused: 0,
            diary: None,
        };
        Self { clock: config.clock, environment: config.environment, state: Mutex::new(state) }
    }

    /// The exchange's own books at the clock's time: the truth that the agent's books are compared with.
    pub fn books(&self) -> VenueBooks {
        let mut state = self.advanced();
        let positions: Vec<_> =
            state.venue.account.positions().map(|(stock, held)| (stock, held.clone())).collect();
        let cash =
            state.venue.account.currencies().map(|(currency, amount)| Money::new(amount, currency)).collect();
        let positions =
            positions.into_iter().filter(|(_, held)| held.shares > 0).filter_map(|(stock, held)| {
                let price = Price::new(state.venue.last_price(stock)).ok();
                let instrument = instrument(stock.0, stock.1)?;
                Some(VenuePosition {
                    instrument,
                    quantity: Quantity::new(held.shares),
                    cost: held.cost,
                    price,
                })
            });
        let positions = positions.collect();
        VenueBooks {
            orders: state.venue.orders.iter().filter_map(VenueOrder::of).collect(),
            positions,
            cash,
            order_posts: state.order_posts,
            order_posts_refused: state.order_posts_refused,
        }
    }

    /// Cash in one currency, not less what open purchases tie up.
    pub fn cash(&self, currency: Currency) -> Money {
        Money::new(self.advanced().venue.account.cash(currency), currency)
    }

    /// From now on the venue misbehaves like this.
    pub fn misbehave(&self, faults: VenueFaults) {
        self.advanced().venue.misbehaviour.faults = faults;
    }

    /// True while its lists of orders lack one that it has.
    pub fn hides_an_order(&self) -> bool {
        let state = self.advanced();
        state.venue.orders.iter().any(|order| order.shown_from > state.venue.now())
    }

    /// True while its quotes stand still.
    pub fn quotes_stand_still(&self) -> bool {
        let state = self.advanced();
        state.venue.misbehaviour.quoted_at(state.venue.now()) != state.venue.now()
    }

    /// From now on the ledger behind the gateway takes so many requests per second of one app key to account and order paths.
    pub fn limit_ledger(&self, requests_per_second: u32) {
        self.advanced().gateway.ledger_per_second = Some(requests_per_second);
    }

    /// From now on the token server answers as often as it is asked, as a notice of KIS has it (KIS.md 2.1); without this, once
    /// a minute, as people see it.
    pub fn answer_token_calls_at_once(&self) {
        self.advanced().gateway.spaces_tokens = false;
    }

    /// Every token handed out so far is dead (KIS revokes them when another is forced out).
    pub fn revoke_tokens(&self) {
        self.advanced().gateway.revoke_all();
    }

    /// Every WebSocket breaks; whoever was connected may connect again.
    pub fn cut_streams(&self) {
        self.advanced().streams.cut();
    }

    /// Every approval key handed out so far is unknown.
    pub fn forget_approvals(&self) {
        self.advanced().streams.forget_approvals();
    }

    /// How many WebSockets hold an app key now.
    pub fn streams_held(&self) -> usize {
        self.advanced().streams.held()
    }

    /// An order that a person places beside the agent, on the same account, by telephone or screen.
    ///
    /// # Errors
    /// Why the exchange does not take it, in words.
    pub fn place_by_hand(&self, terms: &OrderTerms) -> Result<VenueOrderId, String> {
        let OrderTerms { instrument, side, quantity, limit } = terms;
        let mut state = self.advanced();
        let listing = state.venue.listing(instrument.market, instrument.symbol.as_str());
        let listing = listing.ok_or_else(|| format!("{instrument} is not listed"))?;
        let (quantity, limit) = (quantity.get(), Some(limit.value()));
        let new =
            venue::NewOrder { listing, side: *side, quantity, limit, lots: venue::Lots::Whole, tag: None };
        let placed = state.venue.place(new).map_err(|refusal| format!("{refusal:?}"))?;
        Ok(order_id(placed))
    }

    /// The state, traded up to the clock's time. A panic in another request leaves a state that is still consistent enough to
    /// read: no step is left half done across a request.
    fn advanced(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.venue.advance(self.clock.now());
        state
    }
}

/// What the exchange knows to be true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VenueBooks {
    /// Every order taken, oldest first; cancellations show in the orders they cancelled, a change is an order of its own.
    pub orders: Vec<VenueOrder>,
    /// Every holding of at least one share.
    pub positions: Vec<VenuePosition>,
    /// Cash per currency, not less what open purchases tie up.
    pub cash: Vec<Money>,
    /// Orders and cancellations that arrived at the order paths.
    pub order_posts: u64,
    /// Those of them that were refused, for whatever reason.
    pub order_posts_refused: u64,
}

/// One order in the exchange's own books.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VenueOrder {
    /// Local date, branch and number.
    pub id: VenueOrderId,
    /// The stock.
    pub instrument: Instrument,
    /// Buy or sell.
    pub side: Side,
    /// Shares ordered.
    pub quantity: Quantity,
    /// The limit; none for an order at the market.
    pub limit: Option<Price>,
    /// Shares filled.
    pub filled: Quantity,
    /// Shares cancelled, or expired at the close.
    pub cancelled: Quantity,
    /// Shares rejected after the order was taken.
    pub rejected: Quantity,
    /// Price times shares over all fills, in the market's currency.
    pub amount: Decimal,
    /// Fees and tax of all fills.
    pub fees: Decimal,
    /// When the request arrived, in exchange time.
    pub received_at: DateTime<Utc>,
    /// The request's header `x-kestrel-truth`, if it had one: which intent it was sent for.
    pub tag: Option<String>,
}

impl VenueOrder {
    fn of(order: &Order) -> Option<Self> {
        if order.cancels {
            return None;
        }
        Some(Self {
            id: order_id(order),
            instrument: instrument(order.market(), order.listing.symbol)?,
            side: order.side,
            quantity: Quantity::new(order.quantity),
            limit: order.limit().and_then(|limit| Price::new(limit).ok()),
            filled: Quantity::new(order.filled),
            cancelled: Quantity::new(order.cancelled),
            rejected: Quantity::new(order.rejected),
            amount: order.amount,
            fees: order.fees,
            received_at: order.received_at,
            tag: order.tag.clone(),
        })
    }

    /// The local date of the order.
    pub fn date(&self) -> NaiveDate {
        self.id.date
    }

    /// Shares that may still trade.
    pub fn remaining(&self) -> Quantity {
        self.quantity.saturating_sub(self.filled).saturating_sub(self.cancelled).saturating_sub(self.rejected)
    }
}

/// One holding in the exchange's own books.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VenuePosition {
    /// The stock.
    pub instrument: Instrument,
    /// Shares held.
    pub quantity: Quantity,
    /// What they cost, without fees, in the market's currency.
    pub cost: Decimal,
    /// The last price.
    pub price: Option<Price>,
}

fn order_id(order: &Order) -> VenueOrderId {
    VenueOrderId {
        date: order.date,
        branch: rules::branch(order.market()).to_owned(),
        number: order.number_text(),
    }
}

/// Every listed symbol is a lawful one, so there is always an instrument.
fn instrument(market: Market, symbol: &str) -> Option<Instrument> {
    symbol.parse().ok().map(|symbol| Instrument { market, symbol })
}
