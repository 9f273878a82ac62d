//! What came of a strategy, as a table and as JSON.

use std::fmt;
use std::time::Duration;

use chrono::NaiveDate;
use domain::Currency;
use optimizer::backtest::{Book, Outcome, Paid, Statistics, Trade};
use rust_decimal::Decimal;
use serde::Serialize;
use strategy::form::Strategy;

use super::files::{Files, LeftOut, Read};

/// So many lines of each kind are named one by one; the others are counted.
pub(super) const NAMED_MAX: usize = 20;

/// What came of a strategy.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The strategy's name.
    pub strategy: String,
    /// What identifies it as a trial.
    pub identity: String,
    /// The strategy in words.
    pub words: String,
    /// The files, with what is wrong in them.
    pub files: Vec<Read>,
    /// Stocks that were not tried.
    pub left_out: Vec<LeftOut>,
    /// One per currency.
    pub books: Vec<BookReport>,
    /// Stocks that were tried.
    pub stocks: usize,
    /// Their bars.
    pub bars: usize,
    /// What signals and books took, in milliseconds.
    pub took_ms: u64,
}

/// What came of one currency.
#[derive(Debug, Serialize)]
pub struct BookReport {
    /// The currency.
    pub currency: Currency,
    /// The first day.
    pub first: Option<NaiveDate>,
    /// The last day.
    pub last: Option<NaiveDate>,
    /// The figures.
    pub statistics: Statistics,
    /// What fills cost.
    pub paid: Paid,
    /// Orders that were not filled.
    pub missed: u32,
    /// The purchases.
    pub trades: Vec<Trade>,
    /// The days.
    pub days: Vec<NaiveDate>,
    /// The equity at each day's close.
    pub equity: Vec<f64>,
}

impl From<&Book> for BookReport {
    fn from(book: &Book) -> Self {
        Self {
            currency: book.currency,
            first: book.days.first().copied(),
            last: book.days.last().copied(),
            statistics: book.statistics(),
            paid: book.paid,
            missed: book.missed,
            trades: book.trades.clone(),
            days: book.days.clone(),
            equity: book.equity.clone(),
        }
    }
}

impl Report {
    pub(super) fn of(strategy: &Strategy, files: Files, outcome: &Outcome, took: Duration) -> Self {
        Self {
            strategy: strategy.id().to_owned(),
            identity: strategy.identity().to_string(),
            words: strategy.words(),
            stocks: files.series.len(),
            bars: files.series.iter().map(|series| series.bars().len()).sum(),
            files: files.read,
            left_out: files.left_out,
            books: outcome.books.iter().map(BookReport::from).collect(),
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// What is wrong in a file, a line each, at most `most`.
pub(super) fn refusals(read: &Read, most: usize) -> Vec<String> {
    let Read { file, refused, suspects, gaps, .. } = read;
    let refused = refused.iter().map(|row| format!("{file} line {}: {}", row.line, row.reason));
    let gaps = gaps.iter().map(|gap| {
        let days = (gap.until - gap.after).num_days();
        format!("{file} line {}: {} has no bar for {days} days after {}", gap.line, gap.stock, gap.after)
    });
    let suspects = suspects.iter().map(|row| format!("{file} line {}: used, but {}", row.line, row.why));
    let all: Vec<_> = refused.chain(gaps).chain(suspects).collect();
    let more = all.len().saturating_sub(most);
    let rest = (more > 0).then(|| format!("{file}: and {more} more; --json names them all"));
    all.into_iter().take(most).chain(rest).collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.files.iter().flat_map(|read| refusals(read, NAMED_MAX)) {
            writeln!(f, "{line}")?;
        }
        for left_out in self.left_out.iter().take(NAMED_MAX) {
            writeln!(f, "{left_out}")?;
        }
        if self.left_out.len() > NAMED_MAX {
            writeln!(
                f,
                "and {} more stocks are left out; --json names them all",
                self.left_out.len() - NAMED_MAX
            )?;
        }
        write!(f, "{}\nidentity {}\n\n", self.words.trim_end(), self.identity)?;
        for book in &self.books {
            writeln!(f, "{book}")?;
        }
        write!(
            f,
            "{} stocks, {} bars in {} ms. Decided at closes, filled at the next open, after commission, tax, spread and slippage.",
            self.stocks, self.bars, self.took_ms
        )
    }
}

impl fmt::Display for BookReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { currency, statistics: of, paid, missed, .. } = self;
        let date = |date: Option<NaiveDate>| date.map_or_else(|| "-".to_owned(), |date| date.to_string());
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
        let percent = |value: Option<f64>| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{:.2} %", value * 100.0))
        };
        writeln!(f, "{currency}, {} to {}, {} days", date(self.first), date(self.last), of.days + 1)?;
        let rows = [
            ("final equity", format!("{:.4} times the first", of.final_multiple)),
            ("growth per year", percent(of.growth)),
            ("Sharpe per year", number(of.sharpe)),
            ("Sortino per year", number(of.sortino)),
            ("largest drawdown", percent(Some(of.max_drawdown))),
            ("trades", of.trades.to_string()),
            ("trades won", percent(of.win_rate)),
            ("bars held on average", number(of.bars_held)),
            ("exposure on average", percent(Some(of.exposure))),
            ("turnover per year", number(of.turnover)),
            ("orders not filled", missed.to_string()),
            ("commission paid", amount(paid.commission_micros, *currency)),
            ("tax paid", amount(paid.tax_micros, *currency)),
            ("spread and slippage", amount(paid.spread_micros, *currency)),
        ];
        for (name, value) in rows {
            writeln!(f, "  {name:<22}{value:>24}")?;
        }
        Ok(())
    }
}

fn amount(micros: i128, currency: Currency) -> String {
    let exact = Decimal::try_from_i128_with_scale(micros, 6).unwrap_or(Decimal::MAX);
    format!("{:.*} {currency}", usize::try_from(currency.decimals()).unwrap_or(2), exact)
}
