//! The venue: a discrete-event market that moves to the clock's time at each request and never back.
//!
//! Prices, volumes and the book are functions of (seed, stock, time); the account's own orders take a part of what is offered and
//! do not move prices. Orders trade on the steps after the one they arrive in, and expire at their session's close. How often
//! and when the venue is asked changes nothing.

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

    /// Takes an order, or says why not.
    pub(super) fn place(&mut self, new: NewOrder) -> Result<&Order, OrderRefusal> {
        let market = new.listing.market;
        let session = self.order_session(market)?;
        let base = self.tape(new.listing).base();
        let terms = terms(new.listing, new.limit, base)?;
        if !fits_lots(&new) {
            return Err(OrderRefusal::OddLot);
        }
        let mut order = Order {
            listing: new.listing,
            side: new.side,
            terms,
            quantity: new.quantity,
            filled: 0,
            cancelled: 0,
            rejected: 0,
            amount: Decimal::ZERO,
            fees: Decimal::ZERO,
            date: session.date,
            number: 0,
            received_at: self.now,
            shown_from: self.now,
            original: None,
            cancels: false,
            tag: new.tag,
        };
        self.check_means(&order)?;
        order.number = self.next_number(market, session.date);
        let fate = self.misbehaviour.fate(self.now);
        order.shown_from = fate.shown_from;
        order.rejected = if fate.is_rejected { order.quantity } else { 0 };
        Ok(self.push(order))
    }

    /// Cancels what remains of an order, or a part of it, as an order of its own.
    pub(super) fn cancel(&mut self, asked: Cancellation) -> Result<&Order, OrderRefusal> {
        let date = self.order_session(asked.market)?.date;
        let number = self.next_free_number(asked.market, date);
        let now = self.now;
        let (index, quantity) = self.found(&asked, date)?;
        let order = &mut self.orders[index];
        order.cancelled += quantity;
        let record = Order {
            quantity,
            filled: 0,
            cancelled: quantity,
            rejected: 0,
            amount: Decimal::ZERO,
            fees: Decimal::ZERO,
            number,
            received_at: now,
            shown_from: now,
            original: Some(order.number),
            cancels: true,
            tag: asked.tag,
            ..order.clone()
        };
        self.next_number(asked.market, date);
        Ok(self.push(record))
    }

    /// Changes the price of what remains of an order, or of a part of it: that part becomes an order of its own with a new
    /// number (KIS.md 8.2).
    pub(super) fn change(
        &mut self,
        asked: Cancellation,
        limit: Option<Decimal>,
    ) -> Result<&Order, OrderRefusal> {
        let session = self.order_session(asked.market)?;
        let (index, quantity) = self.found(&asked, session.date)?;
        let listing = self.orders[index].listing;
        let base = self.tape(listing).base();
        let terms = terms(listing, limit, base)?;
        let now = self.now;
        let mut changed = Order {
            terms,
            quantity,
            filled: 0,
            cancelled: 0,
            rejected: 0,
            amount: Decimal::ZERO,
            fees: Decimal::ZERO,
            number: 0,
            received_at: now,
            shown_from: now,
            original: Some(asked.number),
            tag: asked.tag,
            ..self.orders[index].clone()
        };
        // Its own cash and shares are free for it.
        self.orders[index].cancelled += quantity;
        if let Err(refusal) = self.check_means(&changed) {
            self.orders[index].cancelled -= quantity;
            return Err(refusal);
        }
        changed.number = self.next_number(asked.market, session.date);
        Ok(self.push(changed))
    }

    /// The open order that is asked about, and how much of it.
    fn found(&self, asked: &Cancellation, date: NaiveDate) -> Result<(usize, u64), OrderRefusal> {
        let same = |order: &Order| {
            order.number == asked.number
                && order.date == date
                && order.is_open()
                && order.market() == asked.market
                && asked.symbol.as_deref().is_none_or(|symbol| symbol == order.listing.symbol)
        };
        let place = self.working().iter().position(same).ok_or(OrderRefusal::NothingToCancel)?;
        let remaining = self.working()[place].remaining();
        let quantity = asked.quantity.unwrap_or(remaining);
        let fits = (1..=remaining).contains(&quantity);
        fits.then_some((self.first_working + place, quantity)).ok_or(OrderRefusal::NothingToCancel)
    }

    /// The orders from the oldest open one on: all open ones are among them.
    fn working(&self) -> &[Order] {
        self.orders.get(self.first_working..).unwrap_or_default()
    }

    fn working_mut(&mut self) -> &mut [Order] {
        self.orders.get_mut(self.first_working..).unwrap_or_default()
    }

    fn push(&mut self, order: Order) -> &Order {
        self.orders.push(order);
        let newest = self.orders.len() - 1;
        &self.orders[newest]
    }

    fn order_session(&self, market: Market) -> Result<Session, OrderRefusal> {
        let today = market.date_at(self.now);
        let session = sessions::session(market, today).filter(|_| self.closed.opens(market, today));
        let session = session.ok_or(OrderRefusal::NotATradingDay)?;
        if session.takes_orders(self.now) {
            Ok(session)
        } else if self.now < session.orders_from {
            Err(OrderRefusal::NotOpenYet)
        } else {
            Err(OrderRefusal::Closed)
        }
    }

    fn check_means(&self, order: &Order) -> Result<(), OrderRefusal> {
        match order.side {
            Side::Buy if order.reserved() > self.orderable(order.market().currency()) => {
                Err(OrderRefusal::NotEnoughCash)
            }
            Side::Sell if order.quantity > self.sellable(order.stock()) => Err(OrderRefusal::NotEnoughShares),
            Side::Buy | Side::Sell => Ok(()),
        }
    }

    fn next_free_number(&self, market: Market, date: NaiveDate) -> u64 {
        self.numbers.get(&(date, rules::branch(market))).copied().unwrap_or_else(|| self.first_number()) + 1
    }

    /// Where the numbers of a day begin. An exchange that is started again on the same day is a new one with an empty
    /// order list: its numbers must not repeat those that a client remembers.
    fn first_number(&self) -> u64 {
        use chrono::Timelike as _;
        u64::from(self.started_at.num_seconds_from_midnight()) * 100
    }

    fn next_number(&mut self, market: Market, date: NaiveDate) -> u64 {
        let number = self.next_free_number(market, date);
        self.numbers.insert((date, rules::branch(market)), number);
        number
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

/// True when the quantity is what the type of order is for.
fn fits_lots(order: &NewOrder) -> bool {
    match order.lots {
        Lots::Whole => is_whole_lots(order),
        Lots::Remnant => order.quantity < order.listing.lot,
    }
}

/// True for whole lots. China lets odd shares be sold, not bought (KIS.md 15.3).
fn is_whole_lots(order: &NewOrder) -> bool {
    let sells_in_china = order.side == Side::Sell
        && match order.listing.market {
            Market::CnSha | Market::CnSza => true,
            Market::Kr
            | Market::UsNasdaq
            | Market::UsNyse
            | Market::UsAmex
            | Market::Jp
            | Market::Hk
            | Market::VnHan
            | Market::VnHcm => false,
        };
    sells_in_china || order.quantity.is_multiple_of(order.listing.lot)
}

/// The price bound of an order, on its step and within the day's limits.
fn terms(listing: &Listing, limit: Option<Decimal>, base: i64) -> Result<Terms, OrderRefusal> {
    let market = listing.market;
    let band = rules::limits(market, base);
    let Some(price) = limit else {
        let (_, ceiling) = band.ok_or(OrderRefusal::LimitOnly)?;
        return Ok(Terms::Market { ceiling });
    };
    let scaled = price * Decimal::from(10_i64.pow(rules::scale(market)));
    if !scaled.is_integer() {
        return Err(OrderRefusal::OffStep);
    }
    let units = scaled.to_i64().filter(|units| *units > 0).ok_or(OrderRefusal::PriceNeeded)?;
    if !listing.is_on_step(units) {
        return Err(OrderRefusal::OffStep);
    }
    if band.is_some_and(|(lower, upper)| !(lower..=upper).contains(&units)) {
        return Err(OrderRefusal::OutsideLimits);
    }
    Ok(Terms::Limit(units))
}

/// What one step offers to the account's orders, used up as they trade.
struct Offered {
    book: Book,
    resting: u64,
}

impl Offered {
    /// What is offered in a step of `volume` shares, in whole lots.
    fn new(mut book: Book, volume: u32, lot: u64) -> Self {
        let lot_size = u32::try_from(lot).unwrap_or(u32::MAX).max(1);
        for level in book.asks.iter_mut().chain(&mut book.bids) {
            level.size =
                (level.size / 100 * LEVEL_SHARE_PCT + level.size % 100 * LEVEL_SHARE_PCT / 100).max(1);
            level.size = (level.size / lot_size * lot_size).max(lot_size);
        }
        let share = u64::from(volume / 100 * RESTING_SHARE_PCT + volume % 100 * RESTING_SHARE_PCT / 100);
        Self { book, resting: share / lot.max(1) * lot.max(1) }
    }

    /// Trades `order` against the levels it accepts, best first; if it rests below all of them, against trades at its price.
    fn fill(&mut self, order: &mut Order, last: i64, account: &mut Account) {
        let levels = match order.side {
            Side::Buy => &mut self.book.asks,
            Side::Sell => &mut self.book.bids,
        };
        let crosses = levels.first().is_some_and(|best| order.accepts(best.price));
        for Level { price, size } in levels.iter_mut() {
            if !order.accepts(*price) {
                break;
            }
            let shares = u64::from(*size).min(order.remaining());
            *size -= u32::try_from(shares).unwrap_or(*size);
            execute(order, *price, shares, account);
        }
        if let (false, Terms::Limit(limit), true) = (crosses, order.terms, order.accepts(last)) {
            let shares = self.resting.min(order.remaining());
            self.resting -= shares;
            execute(order, limit, shares, account);
        }
    }
}

fn execute(order: &mut Order, units: i64, shares: u64, account: &mut Account) {
    if shares == 0 {
        return;
    }
    let price = rules::decimal(order.market(), units);
    let trade = Trade { stock: order.stock(), side: order.side, shares, price, date: order.date };
    order.filled += shares;
    order.amount += trade.amount();
    // The fee of the whole order, so that filling in parts costs what filling at once costs.
    let fees = rules::fee(order.market().currency(), order.side, order.amount);
    account.book(&trade, fees - order.fees);
    order.fees = fees;
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
