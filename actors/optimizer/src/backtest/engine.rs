//! One book, order by order: on each day on which an order is due, sales are filled at the open before purchases, then the
//! stocks that were touched decide at their closes until the next order. Between two orders nothing happens but that holdings
//! change their worth, which is added up at the end.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use chrono::NaiveDate;
use domain::Currency;

use super::moments::invested;
use super::outcome::{Book, Paid, Trade};
use super::stock::{Stock, place_of};
use super::{Policy, Setup, Signals};

/// A book under way.
struct Run<'a> {
    stocks: Vec<Stock<'a>>,
    policy: &'a Policy,
    cash_micros: i128,
    /// The cash from a day on, with a hint at the day's place.
    cash: Vec<(NaiveDate, usize, i128)>,
    trades: Vec<Trade>,
    paid: Paid,
    missed: u32,
}

/// What comes of `wanted`, all of one currency.
pub(super) fn run(currency: Currency, wanted: &[&Signals<'_>], policy: &Policy, setup: &Setup) -> Book {
    let days = calendar(wanted);
    let cash_micros = setup.cash_micros.get(&currency).copied().unwrap_or(0);
    let stocks: Vec<_> = wanted.iter().map(|signals| Stock::new(signals, policy, setup)).collect();
    let (cash, trades, paid, missed) = (Vec::new(), Vec::new(), Paid::default(), 0);
    let mut run = Run { stocks, policy, cash_micros, cash, trades, paid, missed };
    run.trade();
    let worth = run.worth(&days);
    let equity = run.equity(&days, &worth, cash_micros);
    let (days_invested, shares) = invested(&worth, &equity);
    let exposure = if days.is_empty() { 0.0 } else { shares / days.len() as f64 };
    let Run { trades, paid, missed, .. } = run;
    Book { currency, days, equity, holdings: worth, trades, paid, missed, days_invested, exposure }
}

/// Every day on which one of the stocks has a bar.
fn calendar(wanted: &[&Signals<'_>]) -> Vec<NaiveDate> {
    if let [only] = wanted {
        return only.series.dates().to_vec();
    }
    let mut days: Vec<_> = wanted.iter().flat_map(|signals| signals.series.dates()).copied().collect();
    days.sort_unstable();
    days.dedup();
    days
}

impl Run<'_> {
    fn trade(&mut self) {
        let mut due: BinaryHeap<_> = (0..self.stocks.len()).filter_map(|place| self.next(place)).collect();
        let mut today = Vec::new();
        while let Some(Reverse((date, first))) = due.pop() {
            today.clear();
            today.push(first);
            while let Some(Reverse((next, place))) = due.peek()
                && *next == date
            {
                today.push(*place);
                due.pop();
            }
            let before = self.cash_micros;
            self.sell(&today);
            self.buy(&today, date);
            if self.cash_micros != before {
                self.cash.push((date, self.stocks[first].due(), self.cash_micros));
            }
            due.extend(today.iter().filter_map(|place| self.next(*place)));
        }
    }

    /// The day of the next order of a stock.
    fn next(&mut self, place: usize) -> Option<Reverse<(NaiveDate, usize)>> {
        Some(Reverse((self.stocks[place].decide()?, place)))
    }

    fn sell(&mut self, today: &[usize]) {
        for place in today {
            let stock = &mut self.stocks[*place];
            if !stock.is_held() {
                continue;
            }
            match stock.sell(&mut self.trades) {
                Some(fill) => {
                    self.cash_micros += fill.amount_micros;
                    self.paid.add(fill.paid);
                }
                None => self.missed += 1,
            }
        }
    }

    fn buy(&mut self, today: &[usize], date: NaiveDate) {
        let of = |place: &usize| (*place, &self.stocks[*place]);
        let mut wanted: Vec<_> = today
            .iter()
            .map(of)
            .filter(|(_, stock)| stock.wants_to_buy())
            .map(|(place, stock)| (place, stock.rank()))
            .collect();
        if wanted.is_empty() {
            return;
        }
        // The highest rank first; equal ones in the order of the universe.
        wanted.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        let worth: i128 = self.stocks.iter().map(|stock| stock.worth_micros_before(date)).sum();
        let most = (self.cash_micros + worth) * i128::from(self.policy.fraction_ppm) / 1_000_000;
        for (place, _) in wanted {
            match self.stocks[place].buy(most.min(self.cash_micros), &mut self.trades) {
                Some((spent, paid)) => {
                    self.cash_micros -= spent;
                    self.paid.add(paid);
                }
                None => self.missed += 1,
            }
        }
    }

    /// What all holdings are worth at the end of each day.
    fn worth(&self, days: &[NaiveDate]) -> Vec<f64> {
        let mut worth = vec![0.0; days.len()];
        self.stocks.iter().for_each(|stock| stock.add_worth(days, &mut worth));
        worth
    }

    /// Cash and holdings at the end of each day, in the currency.
    fn equity(&self, days: &[NaiveDate], worth: &[f64], first_micros: i128) -> Vec<f64> {
        let mut equity = Vec::with_capacity(days.len());
        let mut cash_micros = first_micros;
        let changes = self.cash.iter().map(|(date, hint, after)| (place_of(days, *date, *hint), *after));
        for (until, after) in changes.chain([(days.len(), 0)]) {
            let cash = cash_micros as f64 / 1e6;
            equity.extend(worth[equity.len()..until].iter().map(|worth| cash + worth));
            cash_micros = after;
        }
        equity
    }
}

impl Paid {
    fn add(&mut self, other: Self) {
        self.commission_micros += other.commission_micros;
        self.tax_micros += other.tax_micros;
        self.spread_micros += other.spread_micros;
    }
}
