//! What the demo did, for a terminal and for a program.

use std::fmt;

use domain::messages::ledger::{BooksSummary, IntentRecord};
use domain::{AccountSnapshot, Currency, Market, Money};
use rust_decimal::Decimal;
use serde::Serialize;

use super::audit::{Finding, is_clean};
use crate::simulator::VenueBooks;

/// The summary of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Judgements made, HOLD included.
    pub decisions: u64,
    /// Of them HOLD.
    pub holds: u64,
    /// Intents that were approved.
    pub approved: u64,
    /// Orders in the exchange's own books.
    pub orders: u64,
    /// Fills booked.
    pub fills: u64,
    /// Intents per state.
    pub states: Vec<(String, u64)>,
    /// What happened on each market.
    pub markets: Vec<MarketLine>,
    /// Profit and loss per currency.
    pub profit: Vec<Profit>,
    /// How far exchange time came, in minutes.
    pub exchange_minutes: i64,
    /// How often an actor had to be restarted.
    pub restarts: u32,
    /// The invariant report.
    pub findings: Vec<Finding>,
}

/// What the exchange's own books say of one market.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MarketLine {
    /// The market.
    pub market: Market,
    /// Intents of the agent.
    pub intents: usize,
    /// Orders at the exchange.
    pub orders: usize,
    /// Of them filled at least in part.
    pub filled: usize,
    /// Shares that changed hands.
    pub shares: u64,
}

/// A line for each market on which anything was intended or ordered.
pub fn by_market(books: &VenueBooks, intents: &[IntentRecord]) -> Vec<MarketLine> {
    let line = |market: Market| {
        let orders = || books.orders.iter().filter(move |order| order.instrument.market == market);
        let filled = || orders().filter(|order| order.filled.get() > 0);
        MarketLine {
            market,
            intents: intents.iter().filter(|intent| intent.terms.instrument.market == market).count(),
            orders: orders().count(),
            filled: filled().count(),
            shares: filled().map(|order| order.filled.get()).sum(),
        }
    };
    Market::ALL.into_iter().map(line).filter(|line| line.intents + line.orders > 0).collect()
}

/// Profit and loss in one currency.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Profit {
    /// The currency.
    pub currency: Currency,
    /// Equity at the start.
    pub start: Decimal,
    /// Equity at the end.
    pub end: Decimal,
    /// The difference.
    pub change: Decimal,
    /// Of it realised by sales.
    pub realised: Decimal,
}

impl Report {
    /// True when every rule holds.
    pub fn is_clean(&self) -> bool {
        is_clean(&self.findings)
    }
}

/// Profit per currency that has an equity at both ends; a missing number gives no line, never a zero.
pub fn profits(start: &[AccountSnapshot], end: &[AccountSnapshot], books: &BooksSummary) -> Vec<Profit> {
    let equity = |accounts: &[AccountSnapshot], currency| {
        accounts.iter().find(|a| a.currency == currency).and_then(|a| a.equity).map(Money::amount)
    };
    let line = |account: &AccountSnapshot| {
        let currency = account.currency;
        let (start, end) = (equity(start, currency)?, equity(end, currency)?);
        let realised = books.realised.iter().find(|money| money.currency() == currency);
        let realised = realised.map_or(Decimal::ZERO, |money| money.amount());
        Some(Profit { currency, start, end, change: end - start, realised })
    };
    end.iter().filter_map(line).collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nSummary of {} minutes of exchange time", self.exchange_minutes)?;
        writeln!(f, "  decisions  {} (of them HOLD {})", self.decisions, self.holds)?;
        writeln!(f, "  approved   {}", self.approved)?;
        writeln!(f, "  orders     {} at the exchange", self.orders)?;
        writeln!(f, "  fills      {}", self.fills)?;
        let states: Vec<_> = self.states.iter().map(|(state, count)| format!("{state} {count}")).collect();
        writeln!(f, "  states     {}", if states.is_empty() { "-".into() } else { states.join(", ") })?;
        self.markets.iter().try_for_each(|market| market.fmt(f))?;
        self.profit.iter().try_for_each(|profit| writeln!(f, "  {profit}"))?;
        writeln!(f, "  restarts   {}", self.restarts)?;
        writeln!(f, "\nInvariants, checked against the exchange's own books")?;
        self.findings.iter().try_for_each(|finding| finding.fmt(f))?;
        let verdict = if self.is_clean() { "All invariants hold." } else { "THE BOOKS DO NOT AGREE." };
        write!(f, "\n{verdict}")
    }
}

impl fmt::Display for MarketLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { market, intents, orders, filled, shares } = self;
        let code = market.code();
        writeln!(f, "  {code:<10} {intents} intents, {orders} orders, {filled} filled ({shares} shares)")
    }
}

impl fmt::Display for Profit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let money = |amount| Money::new(amount, self.currency);
        write!(
            f,
            "equity     {} -> {} ({}{}, realised {})",
            money(self.start),
            money(self.end),
            if self.change.is_sign_negative() { "" } else { "+" },
            money(self.change),
            money(self.realised)
        )
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.broken.is_empty() { "holds " } else { "BROKEN" };
        writeln!(f, "  {verdict} {} ({} checked)", self.rule, self.checked)?;
        self.broken.iter().try_for_each(|what| writeln!(f, "         {what}"))
    }
}
