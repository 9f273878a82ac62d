//! What a strategy earns from a day on, on paper: it begins with cash and decides from the close of that day.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use strategy::form::{NoColumns, Strategy};

use super::cut::benchmark;
use crate::backtest::outcome::Book;
use crate::backtest::{Policy, Series, Setup, Signals, signals, simulate};

/// What came of it, per session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Paper {
    /// The sessions, oldest first.
    pub days: Vec<NaiveDate>,
    /// The return of each after costs, a share of the equity.
    pub returns: Vec<f64>,
    /// What the share of the equity that was invested at the close before would have earned in all stocks alike.
    pub market: Vec<f64>,
    /// Purchases and sales in each.
    pub decisions: Vec<u32>,
}

/// What `strategy` earns on `universe` from `first_day` on. The bars before are what it knows.
///
/// # Errors
/// [`NoColumns`] for a bar that contradicts itself; a [`Series`] has none.
pub fn paper(strategy: &Strategy, universe: &[Series], first_day: NaiveDate) -> Result<Paper, NoColumns> {
    let mut wanted =
        universe.iter().map(|series| signals(strategy, series)).collect::<Result<Vec<_>, _>>()?;
    wanted.iter_mut().for_each(|signals| begin(signals, first_day));
    let outcome = simulate(&wanted, &Policy::of(strategy), &Setup::default());
    let mut paper = outcome.books.first().map(|book| from(book, first_day)).unwrap_or_default();
    let earned = benchmark(universe, &paper.days);
    paper.market.iter_mut().zip(earned).for_each(|(share, earned)| *share *= earned);
    Ok(paper)
}

/// Nothing is bought by what was known before the day.
fn begin(signals: &mut Signals<'_>, first_day: NaiveDate) {
    for (entry, bar) in signals.entries.iter_mut().zip(signals.series.bars()) {
        *entry &= bar.session_date >= first_day;
    }
}

fn from(book: &Book, first_day: NaiveDate) -> Paper {
    let mut decisions: BTreeMap<NaiveDate, u32> = BTreeMap::new();
    for trade in &book.trades {
        *decisions.entry(trade.bought).or_default() += 1;
        if let Some(sold) = trade.sold {
            *decisions.entry(sold.date).or_default() += 1;
        }
    }
    let mut paper = Paper::default();
    for (day, value) in counted(book, first_day) {
        paper.market.push(invested_before(book, day));
        paper.days.push(day);
        paper.returns.push(value);
        paper.decisions.push(decisions.get(&day).copied().unwrap_or(0));
    }
    paper
}

/// The share of the equity that was invested at the close before a day of a book; 0 before the first.
fn invested_before(book: &Book, day: NaiveDate) -> f64 {
    let before = book.days.partition_point(|one| *one < day).checked_sub(1);
    let both = before.and_then(|before| Some((book.holdings.get(before)?, book.equity.get(before)?)));
    both.map_or(0.0, |(holdings, equity)| holdings / equity)
}

/// Sessions of a book from a day on, and the return of each; the first session of all has none.
pub(super) fn counted(book: &Book, from: NaiveDate) -> impl Iterator<Item = (NaiveDate, f64)> {
    let returns = std::iter::once(0.0).chain(book.returns());
    book.days.iter().copied().zip(returns).filter(move |(day, _)| *day >= from)
}
