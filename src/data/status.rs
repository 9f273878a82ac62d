//! What the books hold of bars: stocks, days, gaps against the market's calendar, rows that were refused.

use std::collections::BTreeSet;
use std::fmt;

use chrono::NaiveDate;
use domain::{Market, Symbol};
use market_clock::Calendar;
use serde::Serialize;

use super::NAMED_MAX;
use crate::store::{BookedImport, HeldBars, RefusedRow};

/// Everything.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Markets that have bars or files, in the order of the settings.
    pub markets: Vec<MarketBars>,
}

/// One market.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct MarketBars {
    /// The market.
    pub market: Market,
    /// The first and the last day of any stock.
    pub span: Option<(NaiveDate, NaiveDate)>,
    /// Bars, one a day and stock.
    pub bars: u64,
    /// Sessions without a bar between the first and the last day of their stock, as far as the calendar reaches.
    pub missing: u64,
    /// Days before the calendar begins, whose gaps cannot be known.
    pub outside_calendar: u64,
    /// Versions beyond the first of a day.
    pub further_versions: u64,
    /// Rows of files that were refused.
    pub refused: u64,
    /// The first of them, newest file first.
    pub first_refused: Vec<RefusedOf>,
    /// Its stocks.
    pub stocks: Vec<StockBars>,
}

/// A refused row with its file.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct RefusedOf {
    /// The file.
    pub file: String,
    /// The row.
    #[serde(flatten)]
    pub row: RefusedRow,
}

/// One stock.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct StockBars {
    /// The stock.
    pub symbol: Symbol,
    /// Its first day.
    pub first: NaiveDate,
    /// Its last day.
    pub last: NaiveDate,
    /// Its days.
    pub bars: u64,
    /// Its gaps.
    pub gaps: Vec<Gap>,
    /// Sessions in them.
    pub missing: u64,
    /// Days on which older bars turned out to be in other prices: before which day, and times what (trillionths; null:
    /// not comparable).
    pub adjustments: Vec<(NaiveDate, Option<i64>)>,
}

/// Sessions without a bar, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// The first.
    pub first: NaiveDate,
    /// The last.
    pub last: NaiveDate,
    /// How many.
    pub sessions: u64,
}

/// The state of affairs.
pub fn status(held: Vec<HeldBars>, imports: &[BookedImport], calendar: &Calendar) -> Status {
    let mut by_market: Vec<Vec<HeldBars>> = Market::ALL.iter().map(|_| Vec::new()).collect();
    for stock in held {
        let place = Market::ALL.iter().position(|market| *market == stock.instrument.market);
        if let Some(stocks) = place.and_then(|place| by_market.get_mut(place)) {
            stocks.push(stock);
        }
    }
    let markets = Market::ALL.into_iter().zip(by_market);
    let of_market = |(market, held): (Market, Vec<HeldBars>)| {
        let imports: Vec<_> = imports.iter().filter(|import| import.market == market).collect();
        (!held.is_empty() || !imports.is_empty()).then(|| market_bars(market, &held, &imports, calendar))
    };
    Status { markets: markets.filter_map(of_market).collect() }
}

fn market_bars(
    market: Market,
    held: &[HeldBars],
    imports: &[&BookedImport],
    calendar: &Calendar,
) -> MarketBars {
    let stocks: Vec<_> = held.iter().filter_map(|stock| stock_bars(stock, calendar)).collect();
    let begins = calendar.bounds().map(|(first, _)| first);
    let is_outside = |date: &&NaiveDate| begins.is_none_or(|begins| **date < begins);
    let outside = held.iter().flat_map(|stock| &stock.days).filter(is_outside).count();
    let first_refused = imports.iter().flat_map(|import| {
        import.first_refused.iter().map(|row| RefusedOf { file: import.file_name.clone(), row: row.clone() })
    });
    MarketBars {
        market,
        span: stocks.iter().map(|one| one.first).min().zip(stocks.iter().map(|one| one.last).max()),
        bars: stocks.iter().map(|one| one.bars).sum(),
        missing: stocks.iter().map(|one| one.missing).sum(),
        outside_calendar: counted(outside),
        further_versions: held.iter().map(|one| one.further_versions).sum(),
        refused: imports.iter().map(|import| import.refused).sum(),
        first_refused: first_refused.take(NAMED_MAX).collect(),
        stocks,
    }
}

fn stock_bars(held: &HeldBars, calendar: &Calendar) -> Option<StockBars> {
    let (first, last) = (*held.days.first()?, *held.days.last()?);
    let gaps = gaps(held, (first, last), calendar);
    Some(StockBars {
        symbol: held.instrument.symbol.clone(),
        first,
        last,
        bars: counted(held.days.len()),
        missing: gaps.iter().map(|gap| gap.sessions).sum(),
        gaps,
        adjustments: held.adjustments.clone(),
    })
}

fn gaps(held: &HeldBars, (first, last): (NaiveDate, NaiveDate), calendar: &Calendar) -> Vec<Gap> {
    let days: BTreeSet<&NaiveDate> = held.days.iter().collect();
    let mut gaps: Vec<Gap> = Vec::new();
    let mut follows = false;
    for session in calendar.sessions_between(held.instrument.market, first, last) {
        let date = session.date;
        let is_missing = !days.contains(&date);
        match gaps.last_mut().filter(|_| follows && is_missing) {
            Some(gap) => *gap = Gap { last: date, sessions: gap.sessions + 1, ..*gap },
            None if is_missing => gaps.push(Gap { first: date, last: date, sessions: 1 }),
            None => {}
        }
        follows = is_missing;
    }
    gaps
}

fn counted(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.markets.is_empty() {
            return write!(
                f,
                "The books hold no bars yet. The running agent writes down what it sees of finished days; take a history with: \
                 kestrel data import FILE.csv --market KR"
            );
        }
        writeln!(
            f,
            "{:<10} {:>6} {:>9}  {:<10}  {:<10} {:>8} {:>9} {:>8}",
            "market", "stocks", "bars", "first day", "last day", "missing", "versions", "refused"
        )?;
        for market in &self.markets {
            market.line(f)?;
        }
        for market in &self.markets {
            market.remarks(f)?;
        }
        Ok(())
    }
}

impl MarketBars {
    fn line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = |date: Option<NaiveDate>| date.map_or("-".to_owned(), |date| date.to_string());
        let (first, last) = self.span.unzip();
        writeln!(
            f,
            "{:<10} {:>6} {:>9}  {:<10}  {:<10} {:>8} {:>9} {:>8}",
            self.market.code(),
            self.stocks.len(),
            self.bars,
            day(first),
            day(last),
            self.missing,
            self.further_versions,
            self.refused
        )
    }

    fn remarks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut with_gaps: Vec<_> = self.stocks.iter().filter(|stock| stock.missing > 0).collect();
        with_gaps.sort_by_key(|stock| std::cmp::Reverse(stock.missing));
        for stock in with_gaps.iter().take(NAMED_MAX) {
            let gaps: Vec<_> = stock.gaps.iter().take(3).map(ToString::to_string).collect();
            let more = stock.gaps.len().saturating_sub(gaps.len());
            let more = if more == 0 { String::new() } else { format!(" and {more} more gaps") };
            writeln!(
                f,
                "{}:{} misses {} sessions: {}{more}",
                self.market,
                stock.symbol,
                stock.missing,
                gaps.join(", ")
            )?;
        }
        for stock in &self.stocks {
            for (before, factor) in &stock.adjustments {
                let times = factor.map_or("cannot be compared any more".to_owned(), in_words);
                writeln!(f, "{}:{} bars before {before} {times}", self.market, stock.symbol)?;
            }
        }
        for refused in &self.first_refused {
            writeln!(f, "{} line {}: {}", refused.file, refused.row.line, refused.row.reason)?;
        }
        if self.outside_calendar > 0 {
            let days = self.outside_calendar;
            writeln!(
                f,
                "{}: {days} bars are older than its calendar; gaps among them are not known.",
                self.market
            )?;
        }
        Ok(())
    }
}

fn in_words(trillionths: i64) -> String {
    format!("are multiplied by {}", rust_decimal::Decimal::new(trillionths, 12).round_dp(6).normalize())
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sessions {
            1 => write!(f, "{}", self.first),
            sessions => write!(f, "{} to {} ({sessions})", self.first, self.last),
        }
    }
}
