//! What each stock did to the account on each day: the rows of the profit reports.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::Side;
use rust_decimal::Decimal;

use super::account::{StockKey, Trade};

/// One stock on one day, in its market's currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct StockDay {
    pub(super) bought: u64,
    pub(super) bought_amount: Decimal,
    pub(super) buying_fees: Decimal,
    pub(super) sold: u64,
    pub(super) sold_amount: Decimal,
    pub(super) selling_fees: Decimal,
    /// What the sold shares had cost, without fees.
    pub(super) cost_of_sold: Decimal,
    /// Shares held after the last trade of the day.
    pub(super) held: u64,
}

impl StockDay {
    /// Profit of what was sold, after the fees of selling it.
    pub(super) fn realised(&self) -> Decimal {
        self.sold_amount - self.cost_of_sold - self.selling_fees
    }
}

/// Every day with trades, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Journal(BTreeMap<(NaiveDate, StockKey), StockDay>);

impl Journal {
    /// Writes down a trade: its fee, its profit before fees, and what is held after it.
    pub(super) fn book(&mut self, trade: &Trade, fee: Decimal, profit: Decimal, held: u64) {
        let day = self.0.entry((trade.date, trade.stock)).or_default();
        match trade.side {
            Side::Buy => {
                day.bought += trade.shares;
                day.bought_amount += trade.amount();
                day.buying_fees += fee;
            }
            Side::Sell => {
                day.sold += trade.shares;
                day.sold_amount += trade.amount();
                day.selling_fees += fee;
                day.cost_of_sold += trade.amount() - profit;
            }
        }
        day.held = held;
    }

    /// The days from `first` to `last`, both included, oldest first.
    pub(super) fn between(
        &self,
        first: NaiveDate,
        last: NaiveDate,
    ) -> impl DoubleEndedIterator<Item = (NaiveDate, StockKey, StockDay)> + '_ {
        let days = self.0.iter().filter(move |((date, _), _)| (first..=last).contains(date));
        days.map(|((date, stock), day)| (*date, *stock, *day))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Market;

    #[test]
    fn a_day_adds_up_its_trades_and_the_profit_is_after_the_fees_of_selling() {
        let mut journal = Journal::default();
        let date: NaiveDate = "2026-11-24".parse().unwrap();
        let trade = |side, shares, price: i64| Trade {
            stock: (Market::Kr, "910010"),
            side,
            shares,
            price: Decimal::from(price),
            date,
        };
        journal.book(&trade(Side::Buy, 10, 100), Decimal::from(2), Decimal::ZERO, 10);
        journal.book(&trade(Side::Sell, 4, 120), Decimal::from(3), Decimal::from(80), 6);
        let days: Vec<_> = journal.between(date, date).collect();
        let [(_, _, day)] = days[..] else { panic!("one stock traded on one day: {days:?}") };
        assert_eq!((day.bought, day.sold, day.held), (10, 4, 6));
        assert_eq!((day.cost_of_sold, day.realised()), (Decimal::from(400), Decimal::from(77)));
        assert_eq!(journal.between(NaiveDate::MIN, date.pred_opt().unwrap()).count(), 0);
    }
}
