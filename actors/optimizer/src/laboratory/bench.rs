//! A strategy on the sample, as the gates want it.

use std::cell::OnceCell;
use std::ops::Range;

use strategy::form::wire::{RightKind, StrategyWire};
use strategy::form::{Columns, Feature, Predicate, Strategy, Term};

use super::cut::{Sample, Stock};
use super::paper::counted;
use crate::backtest::outcome::Book;
use crate::backtest::{Policy, Setup, Signals, simulate};
use crate::gauntlet::candidate::{Candidate, Conditions, Reading, Run, Trade};

/// A strategy and the sample that it is examined on.
pub struct Bench<'a> {
    sample: &'a Sample,
    strategy: &'a Strategy,
    /// What it wants as it is: what only costs more or comes later wants the same.
    wanted: OnceCell<Vec<Signals<'a>>>,
}

impl<'a> Bench<'a> {
    /// One strategy on one sample.
    pub fn new(sample: &'a Sample, strategy: &'a Strategy) -> Self {
        Self { sample, strategy, wanted: OnceCell::new() }
    }

    /// The book of a run as it is.
    pub fn book(&self) -> Option<Book> {
        let wanted = self.wanted.get_or_init(|| wanted(self.strategy, &self.sample.stocks));
        simulate(wanted, &Policy::of(self.strategy), &Setup::default()).books.into_iter().next()
    }

    /// What a book of the sample means to a gate.
    pub fn run_of(&self, book: &Book) -> Run {
        let returns = counted(book, self.sample.counted_from()).map(|(_, value)| value).collect();
        let cash = book.equity.first().copied().unwrap_or(1.0);
        let place = |trade: &crate::backtest::Trade| {
            self.sample.stocks.iter().position(|stock| *stock.series.instrument() == trade.instrument)
        };
        let trade = |trade: &crate::backtest::Trade| {
            let gain = trade.profit_micros()? as f64 / 1e6 / cash;
            Some(Trade { stock: place(trade)?, sold: trade.sold?.date, gain })
        };
        Run { returns, trades: book.trades.iter().filter_map(trade).collect() }
    }

    fn carried_out(&self, strategy: &Strategy, wanted: &[Signals<'_>], conditions: Conditions) -> Run {
        let setup = Setup {
            cost_pct: 100 * u32::from(conditions.cost_multiple),
            extra_ticks: u32::from(conditions.slippage_ticks),
            delay_bars: conditions.delay_bars,
            ..Setup::default()
        };
        let outcome = simulate(wanted, &Policy::of(strategy), &setup);
        outcome.books.first().map(|book| self.run_of(book)).unwrap_or_default()
    }

    /// Every number that it compares at a bar, and whether it would buy there.
    fn read(&self, columns: &Columns, bar: usize, buys: bool) -> Reading {
        let strategy = self.strategy;
        let lagged = |feature: Feature, lag: u8| {
            bar.checked_sub(usize::from(lag)).and_then(|bar| columns.value(feature, bar))
        };
        let of_entry = strategy.entry().terms().iter().flat_map(Term::all_of);
        let of_exit = strategy.exit().any_of().iter().filter(|one| !one.feature().is_of_holding());
        let both = |one: &Predicate| {
            let right = one.right_feature().map(|right| lagged(right, 0));
            std::iter::once(lagged(one.feature(), one.lag())).chain(right)
        };
        let mut values: Vec<_> = of_entry.chain(of_exit).flat_map(both).collect();
        let mut buys = buys;
        if Policy::of(strategy).needs_range() {
            let range = lagged(Feature::Atr14Pct, 0);
            // A purchase whose exits count in a range that is not known is none.
            buys &= range.is_some();
            values.push(range);
        }
        Reading { values, buys }
    }
}

/// What a strategy wants of each stock.
fn wanted<'a>(strategy: &Strategy, stocks: &'a [Stock]) -> Vec<Signals<'a>> {
    stocks.iter().map(|stock| Signals::of(strategy, &stock.series, &stock.columns)).collect()
}

/// The same, the stocks shared out among threads.
fn wanted_on<'a>(strategy: &Strategy, stocks: &'a [Stock], threads: u8) -> Vec<Signals<'a>> {
    let each = stocks.len().div_ceil(usize::from(threads.max(1))).max(1);
    std::thread::scope(|scope| {
        let parts: Vec<_> =
            stocks.chunks(each).map(|part| scope.spawn(move || wanted(strategy, part))).collect();
        // A part that panicked is missing, and so the run differs.
        parts.into_iter().filter_map(|part| part.join().ok()).flatten().collect()
    })
}

impl Candidate for Bench<'_> {
    fn stocks(&self) -> usize {
        self.sample.stocks.len()
    }

    fn bars(&self, stock: usize) -> usize {
        self.sample.stocks.get(stock).map_or(0, |stock| stock.columns.bars())
    }

    fn readings(&self, stock: usize) -> Vec<Reading> {
        let Some(Stock { columns, .. }) = self.sample.stocks.get(stock) else { return Vec::new() };
        let entries = self.strategy.entries(columns);
        entries.iter().enumerate().map(|(bar, buys)| self.read(columns, bar, *buys)).collect()
    }

    fn reading(&self, stock: usize, window: Range<usize>) -> Reading {
        let bars = self.sample.stocks.get(stock).and_then(|stock| stock.series.bars().get(window));
        let columns = bars.and_then(|bars| Columns::of(bars, &self.strategy.features()).ok());
        let Some((columns, last)) = columns.and_then(|of| of.bars().checked_sub(1).map(|last| (of, last)))
        else {
            return Reading::default();
        };
        let buys = self.strategy.entries(&columns).get(last).copied().unwrap_or(false);
        self.read(&columns, last, buys)
    }

    fn constants(&self) -> usize {
        constants(&mut StrategyWire::from(self.strategy.clone())).len()
    }

    fn run(&self, conditions: Conditions) -> Run {
        let stocks = &self.sample.stocks;
        if let Some((place, factor)) = conditions.constant {
            // What breaks a limit keeps nothing.
            let Some(strategy) = moved(self.strategy, place, factor) else { return Run::default() };
            return self.carried_out(&strategy, &wanted(&strategy, stocks), conditions);
        }
        if conditions.threads > 1 {
            return self.carried_out(
                self.strategy,
                &wanted_on(self.strategy, stocks, conditions.threads),
                conditions,
            );
        }
        if conditions == Conditions::NOMINAL {
            // Asked again it reads again: that is how it would be found out.
            return self.carried_out(self.strategy, &wanted(self.strategy, stocks), conditions);
        }
        let known = self.wanted.get_or_init(|| wanted(self.strategy, stocks));
        self.carried_out(self.strategy, known, conditions)
    }
}

/// A number of a strategy that can be changed a little. The size of a purchase is none: it moves gains and losses alike.
enum Constant<'a> {
    /// What is compared with, and the bounds of its feature.
    Value(&'a mut f64, Feature),
    /// A weight, the score, a multiple of the range.
    Plain(&'a mut f64),
    /// The longest holding.
    Bars(&'a mut i64),
}

fn constants(wire: &mut StrategyWire) -> Vec<Constant<'_>> {
    let mut all = vec![Constant::Plain(&mut wire.entry.min_score)];
    let mut compared = Vec::new();
    for term in &mut wire.entry.terms {
        all.push(Constant::Plain(&mut term.weight));
        compared.extend(&mut term.all_of);
    }
    let exit = &mut wire.exit;
    compared.extend(&mut exit.any_of);
    let values = compared.into_iter().filter(|one| one.rhs_kind == RightKind::Value);
    all.extend(values.map(|one| Constant::Value(&mut one.rhs_value, one.feature)));
    let ranges = [&mut exit.stop_atr, &mut exit.take_atr, &mut exit.trailing_atr];
    all.extend(ranges.into_iter().filter_map(Option::as_mut).map(Constant::Plain));
    all.push(Constant::Bars(&mut exit.max_hold_bars));
    all
}

/// The strategy with one constant multiplied; none when it breaks a limit then.
fn moved(strategy: &Strategy, place: usize, factor: f64) -> Option<Strategy> {
    let mut wire = StrategyWire::from(strategy.clone());
    match constants(&mut wire).into_iter().nth(place)? {
        Constant::Value(value, feature) => *value = feature.clamp(*value * factor)?.get(),
        Constant::Plain(value) => *value *= factor,
        // A holding of a few bars changes by one at least.
        Constant::Bars(bars) => {
            let step = ((*bars as f64 * (factor - 1.0)).abs().round() as i64).max(1);
            *bars = if factor > 1.0 { *bars + step } else { (*bars - step).max(1) };
        }
    }
    Strategy::try_from(wire).ok()
}
