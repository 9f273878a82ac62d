//! The one account of the exchange: cash per currency, positions with their cost, and what happened today.
//!
//! Korean trades settle two sessions later (KIS.md 18); until then their money is only promised. Foreign trades settle at once here.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::{Currency, Market, Side};
use rust_decimal::Decimal;

use super::journal::Journal;
use super::rules;

/// A stock of the exchange.
pub(super) type StockKey = (Market, &'static str);

/// A trade against the account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trade {
    pub(super) stock: StockKey,
    pub(super) side: Side,
    pub(super) shares: u64,
    /// Per share, in the market's currency.
    pub(super) price: Decimal,
    /// Local date of the market.
    pub(super) date: NaiveDate,
}

impl Trade {
    /// Price times shares.
    pub(super) fn amount(&self) -> Decimal {
        self.price * Decimal::from(self.shares)
    }

    fn currency(&self) -> Currency {
        self.stock.0.currency()
    }
}

/// A holding, or what is left to tell about one that was sold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Position {
    pub(super) shares: u64,
    /// What the shares cost, without fees.
    pub(super) cost: Decimal,
    pub(super) today: Turnover,
    pub(super) yesterday: Turnover,
    date: NaiveDate,
}

/// Shares bought and sold in a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Turnover {
    pub(super) bought: u64,
    pub(super) sold: u64,
}

impl Position {
    /// Average cost of a share; zero when there is none.
    pub(super) fn average(&self) -> Decimal {
        if self.shares == 0 { Decimal::ZERO } else { self.cost / Decimal::from(self.shares) }
    }

    /// As it stands on `date`: older turnover ages and vanishes.
    pub(super) fn on(&self, date: NaiveDate) -> Self {
        if date <= self.date {
            return self.clone();
        }
        let consecutive = super::sessions::next_day(self.date) >= date;
        let yesterday = if consecutive { self.today } else { Turnover::default() };
        Self { yesterday, today: Turnover::default(), date, ..self.clone() }
    }

    /// True while the balance shows it: held, or sold out so lately that the row stays visible (KIS.md 8.3).
    pub(super) fn is_shown(&self) -> bool {
        self.shares > 0 || self.today.sold > 0 || self.yesterday.sold > 0
    }

    fn book(&mut self, trade: &Trade) -> Decimal {
        *self = self.on(trade.date);
        match trade.side {
            Side::Buy => {
                self.shares += trade.shares;
                self.cost += trade.amount();
                self.today.bought += trade.shares;
                Decimal::ZERO
            }
            Side::Sell => {
                let cost = self.average() * Decimal::from(trade.shares);
                self.shares = self.shares.saturating_sub(trade.shares);
                self.cost = if self.shares == 0 { Decimal::ZERO } else { self.cost - cost };
                self.today.sold += trade.shares;
                trade.amount() - cost
            }
        }
    }
}

/// Money of one currency moved in a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct DayTotals {
    pub(super) bought: Decimal,
    pub(super) sold: Decimal,
    pub(super) fees: Decimal,
    /// Profit of what was sold, before fees.
    pub(super) realised: Decimal,
    date: NaiveDate,
}

/// Cash, positions and today's totals.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    cash: BTreeMap<Currency, Decimal>,
    positions: BTreeMap<StockKey, Position>,
    totals: BTreeMap<Currency, DayTotals>,
    /// What Korean trades moved, by their date; the last days only.
    won_moves: BTreeMap<NaiveDate, Decimal>,
    journal: Journal,
}

/// Days of Korean trades that are remembered for their settlement: more than the longest holiday.
const UNSETTLED_DAYS: usize = 20;

impl Account {
    /// An account that holds `cash` and nothing else.
    pub(super) fn new(cash: BTreeMap<Currency, Decimal>) -> Self {
        Self { cash, ..Self::default() }
    }

    /// Cash of `currency`, including what open purchases will need.
    pub(super) fn cash(&self, currency: Currency) -> Decimal {
        self.cash.get(&currency).copied().unwrap_or_default()
    }

    /// Every currency with cash or trades.
    pub(super) fn currencies(&self) -> impl Iterator<Item = (Currency, Decimal)> {
        self.cash.iter().map(|(currency, amount)| (*currency, *amount))
    }

    /// Shares of `stock` held.
    pub(super) fn shares(&self, stock: StockKey) -> u64 {
        self.positions.get(&stock).map_or(0, |position| position.shares)
    }

    /// Shares of `stock` bought on `date`.
    pub(super) fn bought_on(&self, stock: StockKey, date: NaiveDate) -> u64 {
        self.positions.get(&stock).map_or(0, |position| position.on(date).today.bought)
    }

    /// Every position ever held, by market and symbol.
    pub(super) fn positions(&self) -> impl Iterator<Item = (StockKey, &Position)> {
        self.positions.iter().map(|(stock, position)| (*stock, position))
    }

    /// Trades of `currency` on `date`.
    pub(super) fn totals(&self, currency: Currency, date: NaiveDate) -> DayTotals {
        self.totals.get(&currency).filter(|totals| totals.date == date).copied().unwrap_or_default()
    }

    /// What every stock did on every day.
    pub(super) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Books a trade: cash moves by its amount and its fee, the fee on top of a purchase and out of a sale.
    pub(super) fn book(&mut self, trade: &Trade, fee: Decimal) {
        let position = self.positions.entry(trade.stock).or_default();
        let realised = position.book(trade);
        self.journal.book(trade, fee, realised, position.shares);
        let totals = self.totals.entry(trade.currency()).or_default();
        if totals.date != trade.date {
            *totals = DayTotals { date: trade.date, ..DayTotals::default() };
        }
        totals.fees += fee;
        totals.realised += realised;
        let moved = match trade.side {
            Side::Buy => {
                totals.bought += trade.amount();
                -(trade.amount() + fee)
            }
            Side::Sell => {
                totals.sold += trade.amount();
                trade.amount() - fee
            }
        };
        *self.cash.entry(trade.currency()).or_default() += moved;
        if trade.currency() == Currency::Krw {
            self.promise(trade.date, moved);
        }
    }

    fn promise(&mut self, date: NaiveDate, moved: Decimal) {
        *self.won_moves.entry(date).or_default() += moved;
        while self.won_moves.len() > UNSETTLED_DAYS {
            self.won_moves.pop_first();
        }
    }

    /// Won that Korean trades of the dates that `counts` names have moved.
    pub(super) fn won_moved(&self, counts: impl Fn(NaiveDate) -> bool) -> Decimal {
        self.won_moves.iter().filter(|(date, _)| counts(**date)).map(|(_, moved)| *moved).sum()
    }
}

/// What a purchase of `shares` at `price` ties up until it is filled or dies: its amount and its fee.
pub(super) fn reservation(currency: Currency, price: Decimal, shares: u64) -> Decimal {
    let amount = price * Decimal::from(shares);
    amount
        + (amount * rules::fee_rate(currency, Side::Buy))
            .round_dp_with_strategy(currency.decimals(), rust_decimal::RoundingStrategy::AwayFromZero)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STOCK: StockKey = (Market::UsNasdaq, "AAPL");

    fn trade(side: Side, shares: u64, price: &str, date: &str) -> Trade {
        Trade { stock: STOCK, side, shares, price: price.parse().unwrap(), date: date.parse().unwrap() }
    }

    fn number(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn a_purchase_and_a_sale_move_cash_cost_and_profit() {
        let mut account = Account::new([(Currency::Usd, number("1000"))].into());
        account.book(&trade(Side::Buy, 4, "10", "2026-11-24"), number("0.10"));
        account.book(&trade(Side::Buy, 4, "20", "2026-11-24"), number("0.20"));
        assert_eq!(account.cash(Currency::Usd), number("879.70"));
        account.book(&trade(Side::Sell, 6, "18", "2026-11-24"), number("0.30"));
        let (_, position) = account.positions().next().unwrap();
        assert_eq!((position.shares, position.average()), (2, number("15")));
        let totals = account.totals(Currency::Usd, "2026-11-24".parse().unwrap());
        assert_eq!(
            (totals.realised, totals.fees, totals.sold),
            (number("18"), number("0.60"), number("108"))
        );
        assert_eq!(account.cash(Currency::Usd), number("987.40"));
    }

    #[test]
    fn a_sold_out_position_stays_visible_for_one_more_trading_day() {
        let mut account = Account::default();
        account.book(&trade(Side::Buy, 1, "10", "2026-11-26"), Decimal::ZERO);
        account.book(&trade(Side::Sell, 1, "11", "2026-11-27"), Decimal::ZERO);
        let position = account.positions().next().unwrap().1;
        let shown = |date: &str| position.on(date.parse().unwrap()).is_shown();
        assert_eq!(["2026-11-27", "2026-11-30", "2026-12-01"].map(shown), [true, true, false]);
        assert_eq!(position.cost, Decimal::ZERO);
    }
}
