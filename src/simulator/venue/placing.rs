//! Orders that come in, are changed and are cancelled.

use super::*;

impl Venue {
    /// Takes an order, or says why not.
    pub(in super::super) fn place(&mut self, new: NewOrder) -> Result<&Order, OrderRefusal> {
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
    pub(in super::super) fn cancel(&mut self, asked: Cancellation) -> Result<&Order, OrderRefusal> {
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
    pub(in super::super) fn change(
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
    pub(super) fn working(&self) -> &[Order] {
        self.orders.get(self.first_working..).unwrap_or_default()
    }

    pub(super) fn working_mut(&mut self) -> &mut [Order] {
        self.orders.get_mut(self.first_working..).unwrap_or_default()
    }

    pub(super) fn push(&mut self, order: Order) -> &Order {
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
