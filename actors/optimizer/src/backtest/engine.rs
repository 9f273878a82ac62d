//! One book, day by day: first what was ordered is filled at the open, sales before purchases, then every stock decides at
//! its close.

use chrono::NaiveDate;
use domain::Currency;

use super::outcome::{Book, Paid, Trade};
use super::stock::Stock;
use super::{Policy, Setup, Signals};

/// A book under way.
struct Run<'a> {
    stocks: Vec<Stock<'a>>,
    /// Today's bar of each stock.
    bars: Vec<Option<usize>>,
    policy: &'a Policy,
    cash_micros: i128,
    /// The same in the currency.
    cash: f64,
    /// Orders under way.
    has_orders: bool,
    trades: Vec<Trade>,
    paid: Paid,
    missed: u32,
}

/// What comes of `wanted`, all of one currency.
pub(super) fn run(currency: Currency, wanted: &[&Signals<'_>], policy: &Policy, setup: &Setup) -> Book {
    let days = calendar(wanted);
    let cash_micros = setup.cash_micros.get(&currency).copied().unwrap_or(0);
    let stocks: Vec<_> = wanted.iter().map(|signals| Stock::new(signals, policy, setup)).collect();
    let bars = vec![None; stocks.len()];
    let (cash, has_orders) = (cash_micros as f64 / 1e6, false);
    let (trades, paid, missed) = (Vec::new(), Paid::default(), 0);
    let mut run = Run { stocks, bars, policy, cash_micros, cash, has_orders, trades, paid, missed };
    let mut equity = Vec::with_capacity(days.len());
    let (mut invested, mut days_invested) = (0.0, 0);
    for date in &days {
        let worth = run.day(*date);
        equity.push(run.cash + worth);
        if worth > 0.0 {
            days_invested += 1;
            invested += worth / (run.cash + worth);
        }
    }
    let exposure = if days.is_empty() { 0.0 } else { invested / days.len() as f64 };
    let Run { trades, paid, missed, .. } = run;
    Book { currency, days, equity, trades, paid, missed, days_invested, exposure }
}

/// Every day on which one of the stocks has a bar.
fn calendar(wanted: &[&Signals<'_>]) -> Vec<NaiveDate> {
    let dates = wanted.iter().flat_map(|signals| signals.series.bars().iter().map(|bar| bar.session_date));
    let mut days: Vec<_> = dates.collect();
    if wanted.len() > 1 {
        days.sort_unstable();
        days.dedup();
    }
    days
}

impl Run<'_> {
    /// One day; says what the holdings are worth at its end.
    fn day(&mut self, date: NaiveDate) -> f64 {
        for (stock, bar) in self.stocks.iter_mut().zip(&mut self.bars) {
            *bar = stock.bar_of(date);
        }
        if self.has_orders {
            self.sell();
            self.buy();
        }
        self.has_orders = false;
        let mut worth = 0.0;
        for (stock, bar) in self.stocks.iter_mut().zip(&self.bars) {
            // An order of a stock without a bar today waits on.
            self.has_orders |= match bar {
                Some(bar) => stock.close(*bar),
                None => stock.has_order(),
            };
            worth += stock.worth;
        }
        worth
    }

    fn sell(&mut self) {
        for (stock, bar) in self.stocks.iter_mut().zip(&self.bars) {
            let Some(bar) = bar.filter(|bar| stock.is_held() && stock.is_due(*bar)) else { continue };
            match stock.sell(bar, &mut self.trades) {
                Some(fill) => {
                    self.cash_micros += fill.amount_micros;
                    self.paid.add(fill.paid);
                }
                None => self.missed += 1,
            }
        }
        self.cash = self.cash_micros as f64 / 1e6;
    }

    fn buy(&mut self) {
        let wants = |(place, bar): (usize, &Option<usize>)| {
            let bar = (*bar).filter(|bar| self.stocks[place].wants_to_buy(*bar))?;
            Some((place, bar, self.stocks[place].rank(bar)))
        };
        let mut wanted: Vec<_> = self.bars.iter().enumerate().filter_map(wants).collect();
        if wanted.is_empty() {
            return;
        }
        // The highest rank first; equal ones in the order of the universe.
        wanted.sort_by(|(_, _, one), (_, _, other)| other.total_cmp(one));
        let equity = self.equity_before_micros();
        let most = equity * i128::from(self.policy.fraction_ppm) / 1_000_000;
        for (place, bar, _) in wanted {
            match self.stocks[place].buy(bar, most.min(self.cash_micros), &mut self.trades) {
                Some((spent, paid)) => {
                    self.cash_micros -= spent;
                    self.paid.add(paid);
                }
                None => self.missed += 1,
            }
        }
        self.cash = self.cash_micros as f64 / 1e6;
    }

    /// Cash, and holdings at the closes before today, in millionths.
    fn equity_before_micros(&self) -> i128 {
        let worth =
            |(stock, bar): (&Stock<'_>, &Option<usize>)| stock.worth_micros(stock.last_closed(bar.is_some()));
        self.cash_micros + self.stocks.iter().zip(&self.bars).map(worth).sum::<i128>()
    }
}

impl Paid {
    fn add(&mut self, other: Self) {
        self.commission_micros += other.commission_micros;
        self.tax_micros += other.tax_micros;
        self.spread_micros += other.spread_micros;
    }
}
