//! The venue: a discrete-event market that moves to the clock's time at each request and never back.
//!
//! Prices, volumes and the book are functions of (seed, stock, time); the account's own orders take a part of what is offered and
//! do not move prices. Orders trade on the steps after the one they arrive in, and expire at their session's close. How often
//! and when the venue is asked changes nothing.

mod matching;
mod placing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use domain::{Currency, Market, Side};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::account::{self, Account, StockKey, Trade};
use super::book::{self, Book, Level};
use super::faults::Misbehaviour;
use super::listing::{self, Listing};
use super::orders::{Order, Terms};
use super::refusal::OrderRefusal;
use super::sessions::{self, Session};
use super::tape::{Bar, Tape};
use super::{ClosedDates, MarketData, rules};
use matching::Offered;

/// The share of a displayed level that reaches one order in one step: others want it too. In percent.
const LEVEL_SHARE_PCT: u32 = 40;
/// The share of a step's trades that reaches an order resting at their price. In percent.
const RESTING_SHARE_PCT: u32 = 20;

/// An order as asked for.
#[derive(Clone, Debug)]
pub(super) struct NewOrder {
    pub(super) listing: &'static Listing,
    pub(super) side: Side,
    pub(super) quantity: u64,
    /// None: at the market.
    pub(super) limit: Option<Decimal>,
    pub(super) lots: Lots,
    pub(super) tag: Option<String>,
}

/// How many shares a type of order is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lots {
    /// Whole lots, where the market wants them.
    Whole,
    /// Less than one lot.
    Remnant,
}

/// A cancellation as asked for.
#[derive(Clone, Debug)]
pub(super) struct Cancellation {
    pub(super) market: Market,
    /// The stock, where the cancellation names it.
    pub(super) symbol: Option<String>,
    pub(super) number: u64,
    /// None: all that remains.
    pub(super) quantity: Option<u64>,
    pub(super) tag: Option<String>,
}

/// What a stock shows at a moment.
#[derive(Clone, Debug)]
pub(super) struct Quote {
    pub(super) listing: &'static Listing,
    pub(super) session: Session,
    /// The step shown; none before the open.
    pub(super) index: Option<usize>,
    pub(super) base: i64,
    pub(super) last: i64,
    /// Today so far; none before the open.
    pub(super) bar: Option<Bar>,
    /// None before the open.
    pub(super) book: Option<Book>,
    /// The day before.
    pub(super) previous: Option<Bar>,
}

impl Quote {
    /// Today's limits, where there are any.
    pub(super) fn limits(&self) -> Option<(i64, i64)> {
        rules::limits(self.listing.market, self.base)
    }

    /// Shares traded today.
    pub(super) fn volume(&self) -> u64 {
        self.bar.map_or(0, |bar| bar.volume)
    }
}

/// The market and the account on it.
#[derive(Debug)]
pub(super) struct Venue {
    seed: u64,
    data: MarketData,
    markets: Vec<Market>,
    started_at: DateTime<Utc>,
    now: DateTime<Utc>,
    tapes: BTreeMap<StockKey, Tape>,
    pub(super) account: Account,
    pub(super) orders: Vec<Order>,
    /// No order before this one is open.
    first_working: usize,
    numbers: BTreeMap<(NaiveDate, &'static str), u64>,
    pub(super) misbehaviour: Misbehaviour,
    pub(super) closed: Arc<ClosedDates>,
    /// Total won assets at the last closes of the Korean market.
    closes: Vec<(NaiveDate, Decimal)>,
}

impl Venue {
    /// A venue for `markets` that starts at `now`.
    pub(super) fn new(
        seed: u64,
        data: MarketData,
        markets: Vec<Market>,
        account: Account,
        now: DateTime<Utc>,
    ) -> Self {
        let opening = account.cash(Currency::Krw);
        Self {
            seed,
            data,
            markets,
            started_at: now,
            now,
            tapes: BTreeMap::new(),
            account,
            orders: Vec::new(),
            first_working: 0,
            numbers: BTreeMap::new(),
            misbehaviour: Misbehaviour::new(seed),
            closed: Arc::default(),
            closes: vec![(NaiveDate::MIN, opening)],
        }
    }

    /// What prices follow from.
    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    /// The venue's own time.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Trades all that happens up to `now`. An earlier `now` changes nothing.
    pub(super) fn advance(&mut self, now: DateTime<Utc>) {
        while self.now < now {
            let until = self.next_close().map_or(now, |close| close.min(now));
            self.trade_until(until);
            self.now = until;
            self.expire();
            self.note_assets();
        }
    }

    /// The stock called `symbol` on an enabled market.
    pub(super) fn listing(&self, market: Market, symbol: &str) -> Option<&'static Listing> {
        listing::find(market, symbol.trim()).filter(|_| self.markets.contains(&market))
    }

    /// The stocks of `market`, if it is enabled.
    pub(super) fn listings(&self, market: Market) -> Vec<&'static Listing> {
        if self.markets.contains(&market) { listing::of_market(market).collect() } else { Vec::new() }
    }

    /// The tape of `listing`, moved to the day that is shown now.
    pub(super) fn tape(&mut self, listing: &'static Listing) -> &Tape {
        let shown = self.shown(listing.market, self.now).map(|session| session.date);
        let tape = self.tape_mut(listing);
        if let Some(date) = shown {
            tape.roll_to(date);
        }
        tape
    }

    /// The orders that lists show now, oldest first.
    pub(super) fn shown_orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.iter().filter(|order| order.shown_from <= self.now)
    }

    /// The session whose prices are shown at `at`: today's, or the last one before a closed day.
    fn shown(&self, market: Market, at: DateTime<Utc>) -> Option<Session> {
        let today = market.date_at(at);
        let opens = self.closed.opens(market, today);
        sessions::session(market, if opens { today } else { self.closed.shifted(market, today, -1) })
    }

    fn tape_mut(&mut self, listing: &'static Listing) -> &mut Tape {
        let first_day =
            self.shown(listing.market, self.started_at).map_or(NaiveDate::MIN, |session| session.date);
        let (seed, data, closed) = (self.seed, self.data, self.closed.clone());
        self.tapes
            .entry((listing.market, listing.symbol))
            .or_insert_with(|| Tape::new(listing, seed, data, first_day, closed))
    }

    /// What `listing` shows now; none where its market has no session at all.
    pub(super) fn quote(&mut self, listing: &'static Listing) -> Option<Quote> {
        let (seed, now) = (self.seed, self.misbehaviour.quoted_at(self.now));
        let session = self.shown(listing.market, now)?;
        let index = session.step_at(now);
        let tape = self.tape(listing);
        let (base, last) = (tape.base(), tape.last(index));
        Some(Quote {
            listing,
            session,
            index,
            base,
            last,
            bar: index.and_then(|index| tape.bar(0, index)),
            book: index.map(|index| book::at(listing, seed, session.date, index, last, base)),
            previous: tape.bars().last().copied(),
        })
    }

    /// The last price of `stock`, in its currency.
    pub(super) fn last_price(&mut self, stock: StockKey) -> Decimal {
        let quote = self.listing(stock.0, stock.1).and_then(|listing| self.quote(listing));
        quote.map_or(Decimal::ZERO, |quote| rules::decimal(stock.0, quote.last))
    }

    /// Cash that new purchases may use: what is there less what open purchases tie up.
    pub(super) fn orderable(&self, currency: Currency) -> Decimal {
        let own = self.working().iter().filter(|order| order.market().currency() == currency);
        self.account.cash(currency) - own.map(Order::reserved).sum::<Decimal>()
    }

    /// Shares that new sales may use. In China, shares of today are sold tomorrow at the earliest (KIS.md 15.3).
    pub(super) fn sellable(&self, stock: StockKey) -> u64 {
        let open = self
            .working()
            .iter()
            .filter(|order| order.stock() == stock && order.side == Side::Sell && order.is_open());
        let open: u64 = open.map(Order::remaining).sum();
        self.account.shares(stock).saturating_sub(open).saturating_sub(self.locked(stock))
    }

    fn locked(&self, stock: StockKey) -> u64 {
        match stock.0 {
            Market::CnSha | Market::CnSza => self.account.bought_on(stock, stock.0.date_at(self.now)),
            Market::Kr
            | Market::UsNasdaq
            | Market::UsNyse
            | Market::UsAmex
            | Market::Jp
            | Market::Hk
            | Market::VnHan
            | Market::VnHcm => 0,
        }
    }

    /// Total won assets at the last Korean close before `date`.
    pub(super) fn assets_before(&self, date: NaiveDate) -> Decimal {
        let earlier = self.closes.iter().rev().find(|(day, _)| *day < date);
        earlier.map_or(Decimal::ZERO, |(_, assets)| *assets)
    }

    /// Won cash and the value of Korean holdings.
    pub(super) fn won_assets(&mut self) -> Decimal {
        let held: Vec<(StockKey, u64)> =
            self.account.positions().map(|(stock, position)| (stock, position.shares)).collect();
        let domestic = held.into_iter().filter(|((market, _), _)| market.is_domestic());
        let value: Decimal =
            domestic.map(|(stock, shares)| self.last_price(stock) * Decimal::from(shares)).sum();
        self.account.cash(Currency::Krw) + value
    }

    /// Won that will have settled by `date`: today's deposit, tomorrow's (KIS.md 8.3).
    pub(super) fn won_settled(&self, date: NaiveDate) -> Decimal {
        let open = |trade| super::places::settlement(&self.closed, Market::Kr, trade).0 > date;
        self.account.cash(Currency::Krw) - self.account.won_moved(open)
    }

    fn next_close(&self) -> Option<DateTime<Utc>> {
        self.markets.iter().filter_map(|market| next_close_of(*market, self.now)).min()
    }

    fn trade_until(&mut self, until: DateTime<Utc>) {
        let open = self.working().iter().filter(|order| order.is_open());
        let busy: BTreeSet<(StockKey, NaiveDate)> = open.map(|order| (order.stock(), order.date)).collect();
        for ((market, symbol), date) in busy {
            let listing = listing::find(market, symbol);
            let session = sessions::session(market, date);
            if let (Some(listing), Some(session)) = (listing, session) {
                self.trade_stock(listing, &session, until);
            }
        }
    }

    fn trade_stock(&mut self, listing: &'static Listing, session: &Session, until: DateTime<Utc>) {
        let Some(last) = session.step_at(until) else { return };
        let first = session.step_at(self.now).map_or(0, |seen| seen + 1);
        let seed = self.seed;
        self.tape_mut(listing);
        let Some(tape) = self.tapes.get_mut(&(listing.market, listing.symbol)) else { return };
        tape.roll_to(session.date);
        let mine = |order: &&mut Order| order.is_open() && order.stock() == (listing.market, listing.symbol);
        let first_working = self.first_working;
        let working = self.orders.get_mut(first_working..).unwrap_or_default();
        let mut open: Vec<&mut Order> = working.iter_mut().filter(mine).collect();
        for index in first..=last {
            open.retain(|order| order.is_open());
            let Some(step) = tape.step(index).filter(|_| !open.is_empty()) else { return };
            let book = book::at(listing, seed, session.date, index, step.price, tape.base());
            let mut offered = Offered::new(book, step.volume, listing.lot);
            let at = session.time_of(index);
            for order in open.iter_mut().filter(|order| order.received_at < at) {
                offered.fill(order, step.price, &mut self.account);
            }
        }
    }

    fn expire(&mut self) {
        let now = self.now;
        for order in self.working_mut().iter_mut().filter(|order| order.is_open()) {
            let over =
                sessions::session(order.market(), order.date).is_none_or(|session| session.close <= now);
            if over {
                order.cancelled += order.remaining();
            }
        }
        let ended = self.working().iter().take_while(|order| !order.is_open()).count();
        self.first_working += ended;
    }

    fn note_assets(&mut self) {
        let today = Market::Kr.date_at(self.now);
        let at_close = sessions::session(Market::Kr, today).is_some_and(|session| session.close == self.now);
        if at_close {
            let assets = self.won_assets();
            self.closes.push((today, assets));
            let surplus = self.closes.len().saturating_sub(2);
            self.closes.drain(..surplus);
        }
    }
}

fn next_close_of(market: Market, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let today = market.date_at(now);
    let of = |date| sessions::session(market, date).map(|session| session.close).filter(|close| *close > now);
    of(today).or_else(|| of(sessions::next_day(today)))
}

/// The most shares that `cash` buys at `price`, fees included.
pub(super) fn affordable(currency: Currency, cash: Decimal, price: Decimal) -> u64 {
    if price <= Decimal::ZERO || cash <= Decimal::ZERO {
        return 0;
    }
    let cost = price * (Decimal::ONE + rules::fee_rate(currency, Side::Buy));
    let mut shares = (cash / cost).floor().to_u64().unwrap_or(0);
    while shares > 0 && account::reservation(currency, price, shares) > cash {
        shares -= 1;
    }
    shares
}
