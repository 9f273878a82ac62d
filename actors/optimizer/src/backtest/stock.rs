//! One stock in a book: nothing, an order under way, or a holding.

use super::fill::{Fill, Venue};
use super::outcome::{Paid, Sold, Trade, Why};
use super::{MICROS, Policy, Setup, Signals};

/// What a stock is in.
enum State {
    /// Nothing.
    Free,
    /// A purchase at the open of a bar.
    Buying {
        /// The bar.
        at: usize,
    },
    /// A holding.
    Held(Holding),
}

struct Holding {
    /// Its place among the trades.
    trade: usize,
    bar: usize,
    shares_micros: i128,
    /// Value in the currency of one millionth of price.
    value_per_micro: f64,
    price: f64,
    highest_close: f64,
    /// Average true range at the signal, in millionths; NaN when no exit counts in it.
    range: f64,
    /// A sale at the open of a bar, and why.
    selling: Option<(usize, Why)>,
}

/// A stock of a book, with its signals.
pub(super) struct Stock<'a> {
    signals: &'a Signals<'a>,
    policy: &'a Policy,
    venue: Venue<'a>,
    delay: usize,
    state: State,
    /// Its next bar.
    next: usize,
    /// Worth of the holding at its last close, in the currency.
    pub(super) worth: f64,
}

impl<'a> Stock<'a> {
    pub(super) fn new(signals: &'a Signals<'a>, policy: &'a Policy, setup: &Setup) -> Self {
        let venue = Venue::new(signals.series, setup);
        let delay = usize::from(setup.delay_bars);
        Self { signals, policy, venue, delay, state: State::Free, next: 0, worth: 0.0 }
    }

    /// The bar of `date`, if there is one; days are asked in order.
    pub(super) fn bar_of(&mut self, date: chrono::NaiveDate) -> Option<usize> {
        let bar = self.next;
        let day = self.signals.series.bars().get(bar)?;
        (day.session_date == date).then(|| {
            self.next += 1;
            bar
        })
    }

    pub(super) fn is_held(&self) -> bool {
        matches!(self.state, State::Held(_))
    }

    /// True when an order is under way.
    pub(super) fn has_order(&self) -> bool {
        match &self.state {
            State::Free => false,
            State::Buying { .. } => true,
            State::Held(holding) => holding.selling.is_some(),
        }
    }

    /// True when an order waits for the open of `bar`.
    pub(super) fn is_due(&self, bar: usize) -> bool {
        match &self.state {
            State::Free => false,
            State::Buying { at } => *at <= bar,
            State::Held(holding) => holding.selling.is_some_and(|(at, _)| at <= bar),
        }
    }

    /// The rank of its purchase that is due at `bar`.
    pub(super) fn rank(&self, bar: usize) -> f64 {
        let decided = bar.saturating_sub(1 + self.delay);
        self.signals.ranks.get(decided).copied().unwrap_or(f64::NEG_INFINITY)
    }

    /// Worth of the holding at its last close, in millionths.
    pub(super) fn worth_micros(&self, bar_before: usize) -> i128 {
        let close = self.signals.series.bars().get(bar_before).map_or(0, |day| day.close_micros);
        match &self.state {
            State::Held(holding) => holding.shares_micros * i128::from(close) / MICROS,
            State::Free | State::Buying { .. } => 0,
        }
    }

    /// The bar that was closed last.
    pub(super) fn last_closed(&self, has_bar_today: bool) -> usize {
        self.next.saturating_sub(if has_bar_today { 2 } else { 1 })
    }

    /// Carries out a sale that is due at the open of `bar`; a sale that finds nobody waits for the next open.
    pub(super) fn sell(&mut self, bar: usize, trades: &mut [Trade]) -> Option<Fill> {
        let State::Held(holding) = &self.state else { return None };
        let (at, why) = holding.selling?;
        if at > bar {
            return None;
        }
        let fill = self.venue.sell(bar, holding.shares_micros)?;
        let date = self.signals.series.bars().get(bar)?.session_date;
        if let Some(trade) = trades.get_mut(holding.trade) {
            let (micros, received_micros) = (fill.price_micros, fill.amount_micros);
            trade.sold = Some(Sold { bar, date, micros, received_micros, why });
        }
        self.state = State::Free;
        self.worth = 0.0;
        Some(fill)
    }

    /// True when a purchase is due at the open of `bar`.
    pub(super) fn wants_to_buy(&self, bar: usize) -> bool {
        matches!(self.state, State::Buying { at } if at <= bar)
    }

    /// Carries out the purchase that is due at the open of `bar`, for at most `budget`; one that finds nobody is dropped.
    pub(super) fn buy(&mut self, bar: usize, budget: i128, trades: &mut Vec<Trade>) -> Option<(i128, Paid)> {
        self.state = State::Free;
        let fill = self.venue.buy(bar, budget)?;
        let day = self.signals.series.bars().get(bar)?;
        let decided = bar.saturating_sub(1 + self.delay);
        let close = self.signals.series.bars().get(decided).map_or(f64::NAN, |day| day.close_micros as f64);
        let range_pct = self.signals.range_pct.get(decided).copied().unwrap_or(f64::NAN);
        trades.push(Trade {
            instrument: self.signals.series.instrument().clone(),
            bought_bar: bar,
            bought: day.session_date,
            shares_micros: fill.shares_micros,
            bought_micros: fill.price_micros,
            spent_micros: fill.amount_micros,
            sold: None,
        });
        self.state = State::Held(Holding {
            trade: trades.len() - 1,
            bar,
            shares_micros: fill.shares_micros,
            value_per_micro: fill.shares_micros as f64 / 1e12,
            price: fill.price_micros as f64,
            highest_close: f64::MIN,
            range: close * range_pct / 100.0,
            selling: None,
        });
        Some((fill.amount_micros, fill.paid))
    }

    /// Decides at the close of `bar`; true when an order is under way afterwards.
    pub(super) fn close(&mut self, bar: usize) -> bool {
        let due = bar + 1 + self.delay;
        match &mut self.state {
            State::Free => {
                if !is_set(&self.signals.entries, bar) || !self.has_range(bar) {
                    return false;
                }
                self.state = State::Buying { at: due };
                true
            }
            State::Buying { .. } => true,
            State::Held(holding) => {
                let close =
                    self.signals.series.bars().get(bar).map_or(holding.price, |day| day.close_micros as f64);
                self.worth = holding.value_per_micro * close;
                holding.highest_close = holding.highest_close.max(close);
                if holding.selling.is_none() {
                    let leaves = is_set(&self.signals.exits, bar);
                    holding.selling = holding.reason(self.policy, close, bar, leaves).map(|why| (due, why));
                }
                holding.selling.is_some()
            }
        }
    }

    fn has_range(&self, bar: usize) -> bool {
        let known = || self.signals.range_pct.get(bar).is_some_and(|range| !range.is_nan());
        !self.policy.needs_range() || known()
    }
}

impl Holding {
    /// Why it is to be sold after a `close`, in millionths; the first reason that holds.
    fn reason(&self, policy: &Policy, close: f64, bar: usize, leaves: bool) -> Option<Why> {
        let ranges = |times: Option<strategy::form::Number>| times.map(|times| times.get() * self.range);
        let profit_pct = || (close / self.price - 1.0) * 100.0;
        let sells = |of: &strategy::form::Strategy| of.sells_at_profit(profit_pct());
        if ranges(policy.stop).is_some_and(|reach| close <= self.price - reach) {
            Some(Why::Stop)
        } else if ranges(policy.take).is_some_and(|reach| close >= self.price + reach) {
            Some(Why::Take)
        } else if ranges(policy.trailing).is_some_and(|reach| close <= self.highest_close - reach) {
            Some(Why::Trailing)
        } else if leaves || policy.of_holding.as_ref().is_some_and(sells) {
            Some(Why::Rule)
        } else {
            let held = bar + 1 - self.bar;
            policy.max_hold_bars.is_some_and(|most| held >= usize::from(most)).then_some(Why::Time)
        }
    }
}

fn is_set(flags: &[bool], bar: usize) -> bool {
    flags.get(bar).copied().unwrap_or(false)
}
