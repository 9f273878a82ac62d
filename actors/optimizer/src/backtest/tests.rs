//! Series and signals of the tests.

use std::num::NonZeroU64;

use chrono::NaiveDate;
use domain::messages::bars::DayBar;
use domain::{Instrument, Market};

use super::*;

mod golden;
mod rules;

fn instrument(market: Market, symbol: &str) -> Instrument {
    Instrument { market, symbol: symbol.parse().unwrap() }
}

fn day(index: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2024, 1, 1).unwrap() + chrono::Days::new(index)
}

/// Bars whose open and close are these, in hundredths, from 2024-01-01 on.
fn series(market: Market, symbol: &str, prices: &[(i64, i64)]) -> Series {
    let bar = |(index, (open, close)): (usize, &(i64, i64))| {
        let [open_micros, close_micros] = [open, close].map(|cents| cents * 10_000);
        let (high_micros, low_micros) = (open_micros.max(close_micros), open_micros.min(close_micros));
        let session_date = day(index as u64);
        DayBar { session_date, open_micros, high_micros, low_micros, close_micros, volume: 1_000 }
    };
    Series::new(instrument(market, symbol), prices.iter().enumerate().map(bar).collect()).unwrap()
}

/// Signals that want to buy and to sell at these bars.
fn signals<'a>(series: &'a Series, buy: &[usize], sell: &[usize]) -> Signals<'a> {
    let flags = |at: &[usize]| (0..series.bars().len()).map(|bar| at.contains(&bar)).collect();
    Signals { series, entries: flags(buy), exits: flags(sell), ranks: Vec::new(), range_pct: Vec::new() }
}

/// Neither costs nor lots.
fn free_of_costs(cash: i128) -> Setup {
    let cash_micros = domain::Currency::ALL.into_iter().map(|currency| (currency, cash * MICROS)).collect();
    Setup { cash_micros, costs: Pricing::AllIn { ppb: 0 }, shares: Shares::Lots, ..Setup::default() }
}

fn lots_of(series: Series, shares: u64) -> Series {
    series.in_lots_of(NonZeroU64::new(shares).unwrap())
}
