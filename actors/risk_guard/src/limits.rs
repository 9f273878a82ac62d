//! Limits: may this proposal become an order, and with which terms?
//!
//! [`review`] is the whole answer to "why was this order refused"; every refusal is one of [`RefusalReason`].

use chrono::{DateTime, TimeDelta, Utc};
pub(crate) use domain::is_ahead;
use domain::messages::control::TradingState;
use domain::messages::schedule::{Phase, SessionChanged, Trust};
use domain::messages::trading::Proposal;
use domain::{
    AccountSnapshot, Market, Money, OrderState, OrderTerms, Price, Quantity, Side, TickTable, saleable,
    windows,
};
use rust_decimal::Decimal;

use crate::book::{Book, Tracked};
use crate::breaker::DayLoss;
use crate::prices::{self, Quoted};
use crate::purchases::DayPurchases;
use crate::rate::Approvals;
use crate::setbacks::Setbacks;
use crate::sight::Blind;
use crate::sizing::{self, Sizing};
use crate::symbols::SymbolHaltBook;

mod exposure;
mod numbers;
mod reason;
mod values;
pub(crate) mod wiring;

pub use reason::RefusalReason;
pub use values::{Bound, Limits, LimitsError, Stricter};
use wiring::{Limit, is_wired, refuse};

/// How many ticks through the reference price an order is limited at.
///
/// Our choice: no exchange overseas takes a plain market order through the API (KIS.md 8), so an order that should
/// trade at once is a limit order two steps past the price it was judged at: near enough to bound the cost, far
/// enough to survive one tick of movement.
pub const MARKETABLE_TICKS: i32 = 2;

/// The oldest account snapshot that an order may be sized on, in seconds of exchange time.
pub const ACCOUNT_MAX_AGE_S: i64 = 60;

/// Everything a review looks at, gathered at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// Exchange time.
    pub now: DateTime<Utc>,
    /// Whether trading goes on at all; Reducing when it holds for the proposal's currency.
    pub state: TradingState,
    /// The limits in force.
    pub limits: &'a Limits,
    /// How entries are sized.
    pub sizing: &'a Sizing,
    /// The market's phase as last told; absent until MarketClock has spoken.
    pub session: Option<&'a SessionChanged>,
    /// The account in the market's currency.
    pub account: Option<&'a AccountSnapshot>,
    /// When an order of this currency was last filled or ended: an older snapshot is stale.
    pub touched_at: Option<DateTime<Utc>>,
    /// The day's loss in this currency.
    pub day: DayLoss,
    /// The day's purchases in this currency.
    pub purchases: DayPurchases,
    /// Our own orders.
    pub book: &'a Book,
    /// Stocks that take no new orders.
    pub symbol_halts: &'a SymbolHaltBook,
    /// A holding of the proposal's market that has had no price for too long.
    pub blind: Option<&'a Blind>,
    /// When orders were approved.
    pub approvals: &'a Approvals,
    /// How far the exchange's clock may be from ours, if its answers give reason to ask.
    pub clock_doubt: Option<TimeDelta>,
    /// What Broker last heard of the stock's price.
    pub quoted: Option<Quoted>,
    /// What speaks against buying a stock again.
    pub setbacks: &'a Setbacks,
}

/// Judges one proposal: the terms that may be ordered, or the one reason why not.
///
/// Cheap and certain reasons come first, so that a halted system never asks for an account.
///
/// # Errors
/// The first [`RefusalReason`] that applies.
pub fn review(proposal: &Proposal, standing: &Standing<'_>) -> Result<OrderTerms, RefusalReason> {
    check_state(proposal.side, standing)?;
    check_time(proposal, standing)?;
    check_confidence(proposal, standing.limits)?;
    standing.symbol_halts.check(&proposal.instrument)?;
    standing.approvals.check(proposal.side, standing.limits, standing.now)?;
    check_symbol(proposal, standing.book)?;
    let account = fresh_account(proposal, standing)?;
    let limit = limit_price(proposal)?;
    let allowed = match proposal.side {
        Side::Buy => {
            check_sight(proposal.instrument.market, standing.blind)?;
            check_day(proposal, standing)?;
            check_again(proposal, standing, limit)?;
            entry_quantity(proposal, standing, account, limit)?
        }
        Side::Sell => exit_quantity(proposal, standing.book, account)?,
    };
    let quantity = demanded_quantity(proposal, allowed)?;
    if proposal.side == Side::Buy {
        let notional = limit.times(quantity, proposal.instrument.market.currency());
        exposure::check(&proposal.instrument, notional, account, standing.book, standing.limits)?;
        standing.purchases.check(notional)?;
    }
    // Last, because all the rest is known for certain, and this has the exchange asked once more.
    check_clock(standing.clock_doubt)?;
    Ok(OrderTerms { instrument: proposal.instrument.clone(), side: proposal.side, quantity, limit })
}

/// A purchase needs a price that can be trusted, and nothing that speaks against buying this stock again.
fn check_again(proposal: &Proposal, standing: &Standing<'_>, limit: Price) -> Result<(), RefusalReason> {
    let Standing { now, limits, quoted, setbacks, .. } = *standing;
    setbacks.check(&proposal.instrument, limit, limits, now)?;
    prices::check(&proposal.instrument, proposal.reference_price, quoted, limits, now)
}

/// A market with a holding that cannot be seen takes no entries (`sight`).
fn check_sight(market: Market, blind: Option<&Blind>) -> Result<(), RefusalReason> {
    match blind {
        Some(Blind { instrument, age_s }) if instrument.market == market => {
            refuse(Limit::Sight, RefusalReason::Blind { instrument: instrument.clone(), age_s: *age_s })
        }
        Some(_) | None => Ok(()),
    }
}

/// Broker sends nothing while the clocks may differ, so nothing is approved either: an approval is counted, used or not.
fn check_clock(doubt: Option<TimeDelta>) -> Result<(), RefusalReason> {
    match doubt {
        Some(skew) => refuse(Limit::ExchangeClock, RefusalReason::ClockDoubt { skew_s: skew.num_seconds() }),
        None => Ok(()),
    }
}

/// Halted and Starting stop everything; Reducing stops entries.
fn check_state(side: Side, standing: &Standing<'_>) -> Result<(), RefusalReason> {
    match (standing.state, side) {
        (TradingState::Halted, Side::Buy | Side::Sell) => refuse(Limit::Halted, RefusalReason::Halted),
        (TradingState::Starting, Side::Buy | Side::Sell) => refuse(Limit::Starting, RefusalReason::Starting),
        (TradingState::Reducing, Side::Buy) => refuse(Limit::Reducing, RefusalReason::Reducing),
        (TradingState::Reducing, Side::Sell) | (TradingState::Active, Side::Buy | Side::Sell) => Ok(()),
    }
}

/// A proposal belongs to its own minutes and to the session that is open now.
fn check_time(proposal: &Proposal, standing: &Standing<'_>) -> Result<(), RefusalReason> {
    if standing.now >= proposal.expires_at {
        let reason = RefusalReason::Expired { expires_at: proposal.expires_at, now: standing.now };
        refuse(Limit::Expiry, reason)?;
    }
    let market = proposal.instrument.market;
    let closed = |limit, why: String| refuse(limit, RefusalReason::MarketClosed { market, why });
    let today = market.date_at(standing.now);
    if proposal.session_date != today {
        let why = format!("the session of {} is not that of {today}", proposal.session_date);
        closed(Limit::SessionDate, why)?;
    }
    // MarketClock tells the phases again and again, so a RiskGuard that was started alone knows them soon.
    let Some(SessionChanged { phase, trust, orders_until, at, .. }) = standing.session else {
        return closed(Limit::Phase, "MarketClock has not told its phase yet".into());
    };
    if is_ahead(*at, standing.now) {
        closed(Limit::Phase, format!("its phase was told at {at}, and the clock was set back since"))?;
    }
    check_trust(proposal.side, *trust).or_else(|why| closed(Limit::Trust, why))?;
    check_phase(*phase, *trust).or_else(|why| closed(Limit::Phase, why.into()))?;
    match orders_until {
        Some(until) if standing.now < *until => Ok(()),
        Some(_) | None => closed(Limit::BrokerHours, outside_windows(market, standing.now)),
    }
}

/// What the broker accepts, for whoever wonders why an order was not even sent.
fn outside_windows(market: Market, now: DateTime<Utc>) -> String {
    let windows = windows(market, now).into_iter().filter(|window| !window.is_reserved);
    let spans: Vec<_> = windows.map(|window| window.to_string()).collect();
    format!("the broker takes its orders in Korean time {} only", spans.join(", "))
}

/// A day that may not be one is not traded upon (CALENDARS.md 4.2).
fn check_trust(side: Side, trust: Trust) -> Result<(), String> {
    let is_allowed = match side {
        Side::Buy => trust.allows_entries(),
        Side::Sell => trust.allows_exits(),
    };
    if is_allowed { Ok(()) } else { Err(trust.to_string()) }
}

/// Orders are for continuous trading only; where no calendar reaches, the operator's word for exits stands in.
fn check_phase(phase: Phase, trust: Trust) -> Result<(), &'static str> {
    match phase {
        Phase::Continuous => Ok(()),
        Phase::Unknown if trust == (Trust::Unknown { exits: true }) => Ok(()),
        Phase::Unknown => Err("no calendar says whether the market is open"),
        Phase::Lunch => Err("the market is at lunch"),
        Phase::OpeningAuction => Err("the market is in its opening auction"),
        Phase::ClosingAuction => Err("the market is in its closing auction"),
        Phase::PreMarket | Phase::PostClose | Phase::Closed => Err("no continuous trading"),
    }
}

fn check_confidence(proposal: &Proposal, limits: &Limits) -> Result<(), RefusalReason> {
    let (confidence, threshold) = (proposal.confidence, limits.confidence_threshold());
    if confidence >= threshold {
        return Ok(());
    }
    refuse(Limit::Confidence, RefusalReason::LowConfidence { confidence, threshold })
}

/// One unresolved intent per symbol, one open order per symbol and side (order-protocol 4, invariant 6).
fn check_symbol(proposal: &Proposal, book: &Book) -> Result<(), RefusalReason> {
    let blocking = |order: &&Tracked| match (proposal.side, order.terms.side) {
        (Side::Buy, Side::Buy) | (Side::Sell, Side::Sell) => true,
        (Side::Buy, Side::Sell) => order.state.is_unresolved(),
        // An exit stays possible while a purchase is unresolved: it sells confirmed shares only.
        (Side::Sell, Side::Buy) => false,
    };
    book.of(&proposal.instrument).filter(blocking).try_for_each(blocked_by)
}

fn blocked_by(order: &Tracked) -> Result<(), RefusalReason> {
    let (intent, state) = (order.intent.clone(), order.state);
    if state == OrderState::Lapsed {
        let instrument = order.terms.instrument.clone();
        refuse(Limit::LapsedOrder, RefusalReason::SymbolClosed { instrument, intent })
    } else if state.is_unresolved() {
        refuse(Limit::UnresolvedOrder, RefusalReason::UnresolvedOrder { intent, state })
    } else {
        refuse(Limit::OpenOrder, RefusalReason::OpenOrder { intent, side: order.terms.side, state })
    }
}

/// The account, if it is young enough and younger than our own latest fill.
fn fresh_account<'a>(
    proposal: &Proposal,
    standing: &Standing<'a>,
) -> Result<&'a AccountSnapshot, RefusalReason> {
    let currency = proposal.instrument.market.currency();
    let account = standing.account.ok_or(RefusalReason::NoAccount { currency })?;
    let age = standing.now - account.taken_at;
    let stale = || RefusalReason::StaleAccount { currency, age_s: age.num_seconds() };
    if standing.touched_at.is_some_and(|at| account.taken_at < at) {
        refuse(Limit::AccountOvertaken, stale())?;
    }
    if age > TimeDelta::seconds(ACCOUNT_MAX_AGE_S) || is_ahead(account.taken_at, standing.now) {
        refuse(Limit::AccountAge, stale())?;
    }
    Ok(account)
}

/// An unknown day stops entries as a lost one does.
fn check_day(proposal: &Proposal, standing: &Standing<'_>) -> Result<(), RefusalReason> {
    let currency = proposal.instrument.market.currency();
    match standing.day {
        DayLoss::Unknown => refuse(Limit::DayUnknown, RefusalReason::PnlUnknown { currency }),
        DayLoss::Known(pnl_pct) => {
            let limit_pct = -standing.limits.max_loss_pct();
            if pnl_pct < limit_pct {
                refuse(Limit::DayLoss, RefusalReason::DailyLoss { currency, pnl_pct, limit_pct })
            } else {
                Ok(())
            }
        }
    }
}

/// The limit: [`MARKETABLE_TICKS`] past the reference price, up for a purchase, down for a sale, and never outside the
/// prices that the exchange accepts today.
fn limit_price(proposal: &Proposal) -> Result<Price, RefusalReason> {
    let market = proposal.instrument.market;
    let ticks = proposal.rules.ticks;
    marketable(market, ticks, proposal.side, proposal.reference_price)
        .map(|limit| proposal.rules.within_limits(limit))
        .filter(|limit| ticks.is_aligned(market, *limit))
        .ok_or(RefusalReason::OffTick { price: proposal.reference_price })
}

/// The limit price for an order that should trade at once; none when no price on a tick is left.
pub fn marketable(market: Market, ticks: TickTable, side: Side, reference: Price) -> Option<Price> {
    let steps = match side {
        Side::Buy => MARKETABLE_TICKS,
        Side::Sell => -MARKETABLE_TICKS,
    };
    let limit = ticks.shift(market, reference, steps).ok()?;
    ticks.is_aligned(market, limit).then_some(limit)
}

fn entry_quantity(
    proposal: &Proposal,
    standing: &Standing<'_>,
    account: &AccountSnapshot,
    limit: Price,
) -> Result<Quantity, RefusalReason> {
    let market = proposal.instrument.market;
    let cash = account.cash.ok_or(RefusalReason::CashUnknown { currency: account.currency })?;
    let available = available_cash(cash, standing.book)?;
    let unknown = || RefusalReason::LotUnknown { instrument: proposal.instrument.clone() };
    let lot = proposal.rules.lot_in(market).ok_or_else(unknown)?.get();
    let sized = sizing::entry_quantity(standing.sizing, available.amount(), proposal.score, limit, lot);
    let quantity = match proposal.most_pct {
        // Where nobody tells the equity, the cash is no more than that.
        Some(most_pct) => {
            let equity = account.equity.map_or(available.amount(), Money::amount);
            sized.min(sizing::most_quantity(equity, most_pct, limit, lot))
        }
        None => sized,
    };
    if quantity.is_zero() {
        return Err(RefusalReason::TooSmall { available, limit, lot });
    }
    let notional = limit.times(quantity, market.currency());
    check_fat_finger(notional, available, standing.limits.max_order_pct())?;
    Ok(quantity)
}

/// Cash less what our own open purchases may still cost.
fn available_cash(cash: Money, book: &Book) -> Result<Money, RefusalReason> {
    let currency = cash.currency();
    let reserved = if is_wired(Limit::Reservation) { book.reserved(currency) } else { Money::zero(currency) };
    let available = cash.minus(reserved).map_err(|_| RefusalReason::CashUnknown { currency })?;
    if available.amount() <= Decimal::ZERO {
        return Err(RefusalReason::NoCash { cash, reserved });
    }
    Ok(available)
}

/// An entry may cost at most `max_pct` percent of the cash: exactly that share passes, no cash refuses, and a
/// notional that is not above zero is no order (architecture 8, lessons 2).
///
/// # Errors
/// [`RefusalReason::FatFinger`], or [`RefusalReason::CashUnknown`] when the two are in different currencies.
pub fn check_fat_finger(notional: Money, cash: Money, max_pct: Decimal) -> Result<(), RefusalReason> {
    if notional.currency() != cash.currency() {
        return Err(RefusalReason::CashUnknown { currency: notional.currency() });
    }
    // Both sides times a hundred: no division, so exactly 30 % is exact.
    let scaled = notional.amount().checked_mul(Decimal::ONE_HUNDRED);
    let allowed = cash.amount().checked_mul(max_pct);
    let fits = cash.amount() > Decimal::ZERO
        && notional.amount() > Decimal::ZERO
        && matches!((scaled, allowed), (Some(scaled), Some(allowed)) if scaled <= allowed);
    if fits { Ok(()) } else { refuse(Limit::FatFinger, RefusalReason::FatFinger { notional, cash, max_pct }) }
}

/// A sale sells everything that is confirmed and not already on its way out; it never passes entry limits.
fn exit_quantity(
    proposal: &Proposal,
    book: &Book,
    account: &AccountSnapshot,
) -> Result<Quantity, RefusalReason> {
    let instrument = &proposal.instrument;
    let sellable = account.holding(instrument).map_or(Quantity::ZERO, |holding| holding.sellable);
    let selling = book.selling(instrument);
    let lot = proposal.rules.lot_in(instrument.market);
    let free = sizing::exit_quantity(sellable, selling);
    // A sale on demand says itself how many, of what is free.
    let quantity = if proposal.quantity.is_none() { saleable(instrument.market, free, lot) } else { free };
    if quantity.is_zero() {
        let instrument = instrument.clone();
        refuse(Limit::Sellable, RefusalReason::NothingToSell { instrument, sellable, selling })?;
    }
    Ok(quantity)
}

/// What is demanded, if it is no more than what is allowed; all of that when nothing is demanded. Too much is refused
/// and not clipped: whoever asks for more than there is has a wrong picture (lessons 6.3, RG-A).
fn demanded_quantity(proposal: &Proposal, allowed: Quantity) -> Result<Quantity, RefusalReason> {
    match proposal.quantity {
        None => Ok(allowed),
        Some(demanded) if !demanded.is_zero() && demanded <= allowed => Ok(demanded),
        Some(demanded) => {
            refuse(Limit::Demand, RefusalReason::Oversize { demanded, allowed }).map(|()| demanded)
        }
    }
}

#[cfg(test)]
mod tests;
