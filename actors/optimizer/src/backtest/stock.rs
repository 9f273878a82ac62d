//! One stock in a book: nothing, an order under way, or a holding.

use chrono::NaiveDate;
use strategy::form::Number;

use super::fill::{Fill, Venue};
use super::outcome::{Paid, Sold, Trade, Why};
use super::{MICROS, Policy, Setup, Signals};

/// What a stock is in.
enum State {
    /// Nothing.
    Free,
    /// A purchase.
    Buying,
    /// A holding.
    Held(Holding),
}

struct Holding {
    /// Its place among the trades.
    trade: usize,
    shares_micros: i128,
    /// Price paid, in millionths.
    price: f64,
    /// In millionths.
    highest_close: f64,
    /// At or below this close it is sold; NaN for never.
    stop: f64,
    /// At or above this close it is sold; NaN for never.
    take: f64,
    /// So far below the highest close it is sold, in millionths; NaN for never.
    trailing: f64,
    /// At this bar it is sold at the latest.
    last_bar: usize,
    /// Why it is to be sold.
    selling: Option<Why>,
}

/// Shares over a time.
struct Span {
    /// The bar at which they were bought.
    from: usize,
    /// The bar at which they were sold; none: they are held at the end.
    until: Option<usize>,
    /// Value in the currency of one millionth of price.
    value_per_micro: f64,
}

/// A stock of a book, with its signals.
pub(super) struct Stock<'a> {
    signals: &'a Signals<'a>,
    policy: &'a Policy,
    venue: Venue<'a>,
    delay: usize,
    state: State,
    /// The bar whose close is decided at next.
    from: usize,
    /// The bar at whose open its order is to be filled.
    due: usize,
    spans: Vec<Span>,
}

impl<'a> Stock<'a> {
    pub(super) fn new(signals: &'a Signals<'a>, policy: &'a Policy, setup: &Setup) -> Self {
        let venue = Venue::new(signals.series, setup);
        let delay = usize::from(setup.delay_bars);
        let (state, from, due, spans) = (State::Free, 0, 0, Vec::new());
        Self { signals, policy, venue, delay, state, from, due, spans }
    }

    /// Decides close by close until there is an order; the day on which it is due, if the bars reach so far.
    pub(super) fn decide(&mut self) -> Option<NaiveDate> {
        let decided = match &mut self.state {
            State::Free => {
                let decided = self.first_entry()?;
                self.state = State::Buying;
                Some(decided)
            }
            State::Buying => None,
            State::Held(holding) if holding.selling.is_some() => None,
            State::Held(holding) => Some(holding.first_exit(self.signals, self.policy, self.from)?),
        };
        if let Some(decided) = decided {
            self.due = decided + 1 + self.delay;
        }
        self.signals.series.dates().get(self.due).copied()
    }

    /// The first bar from the present one on at which it is to be bought.
    fn first_entry(&self) -> Option<usize> {
        let entries = self.signals.entries.get(self.from..)?;
        let mut bars = entries.iter().zip(self.from..).filter(|(is_wanted, _)| **is_wanted);
        bars.find(|(_, bar)| self.has_range(*bar)).map(|(_, bar)| bar)
    }

    fn has_range(&self, bar: usize) -> bool {
        let known = || self.signals.range_pct.get(bar).is_some_and(|range| !range.is_nan());
        !self.policy.needs_range() || known()
    }

    /// The bar of its order.
    pub(super) fn due(&self) -> usize {
        self.due
    }

    pub(super) fn is_held(&self) -> bool {
        matches!(self.state, State::Held(_))
    }

    pub(super) fn wants_to_buy(&self) -> bool {
        matches!(self.state, State::Buying)
    }

    /// The bar at whose close the order was decided.
    fn decided(&self) -> usize {
        self.due.saturating_sub(1 + self.delay)
    }

    /// The rank of its purchase.
    pub(super) fn rank(&self) -> f64 {
        self.signals.ranks.get(self.decided()).copied().unwrap_or(f64::NEG_INFINITY)
    }

    /// Worth of the holding at its last close before `date`, in millionths.
    pub(super) fn worth_micros_before(&self, date: NaiveDate) -> i128 {
        let State::Held(holding) = &self.state else { return 0 };
        let series = self.signals.series;
        let bars = place_of(series.dates(), date, self.due);
        let close =
            bars.checked_sub(1).and_then(|bar| series.bars().get(bar)).map_or(0, |day| day.close_micros);
        holding.shares_micros * i128::from(close) / MICROS
    }

    /// Carries out the sale that is due; one that finds nobody waits for the next open.
    pub(super) fn sell(&mut self, trades: &mut [Trade]) -> Option<Fill> {
        let bar = self.due;
        let State::Held(holding) = &self.state else { return None };
        let why = holding.selling?;
        let Some(fill) = self.venue.sell(bar, holding.shares_micros) else {
            self.due += 1;
            return None;
        };
        let date = self.signals.series.dates().get(bar).copied()?;
        if let Some(trade) = trades.get_mut(holding.trade) {
            let (micros, received_micros) = (fill.price_micros, fill.amount_micros);
            trade.sold = Some(Sold { bar, date, micros, received_micros, why });
        }
        if let Some(span) = self.spans.last_mut() {
            span.until = Some(bar);
        }
        self.state = State::Free;
        self.from = bar;
        Some(fill)
    }

    /// Carries out the purchase that is due, for at most `budget`; one that finds nobody is dropped.
    pub(super) fn buy(&mut self, budget: i128, trades: &mut Vec<Trade>) -> Option<(i128, Paid)> {
        let bar = self.due;
        self.state = State::Free;
        self.from = bar;
        let fill = self.venue.buy(bar, budget)?;
        let series = self.signals.series;
        trades.push(Trade {
            instrument: series.instrument().clone(),
            bought_bar: bar,
            bought: series.dates().get(bar).copied()?,
            shares_micros: fill.shares_micros,
            bought_micros: fill.price_micros,
            spent_micros: fill.amount_micros,
            sold: None,
        });
        self.spans.push(Span { from: bar, until: None, value_per_micro: fill.shares_micros as f64 / 1e12 });
        self.state = State::Held(self.holding(&fill, trades.len() - 1));
        Some((fill.amount_micros, fill.paid))
    }

    fn holding(&self, fill: &Fill, trade: usize) -> Holding {
        let close = self.signals.series.closes().get(self.decided()).copied().unwrap_or(f64::NAN);
        let range_pct = self.signals.range_pct.get(self.decided()).copied().unwrap_or(f64::NAN);
        let range = close * range_pct / 100.0;
        let reach = |times: Option<Number>| times.map_or(f64::NAN, |times| times.get() * range);
        let price = fill.price_micros as f64;
        let most = self.policy.max_hold_bars.map(|most| usize::from(most).max(1) - 1);
        Holding {
            trade,
            shares_micros: fill.shares_micros,
            price,
            highest_close: f64::MIN,
            stop: price - reach(self.policy.stop),
            take: price + reach(self.policy.take),
            trailing: reach(self.policy.trailing),
            last_bar: most.map_or(usize::MAX, |most| self.due + most),
            selling: None,
        }
    }

    /// Adds what was held to the worth of each day; on a day without a bar it is worth what it last was.
    pub(super) fn add_worth(&self, days: &[NaiveDate], worth: &mut [f64]) {
        let (dates, closes) = (self.signals.series.dates(), self.signals.series.closes());
        for Span { from, until, value_per_micro } in &self.spans {
            let first = place_of(days, dates[*from], *from);
            let last = until.map_or(days.len(), |bar| place_of(days, dates[bar], bar));
            let bars = *from..until.unwrap_or(dates.len());
            let (days, worth) = (&days[first..last], &mut worth[first..last]);
            if days.len() == bars.len() {
                for (worth, close) in worth.iter_mut().zip(&closes[bars]) {
                    *worth += value_per_micro * close;
                }
                continue;
            }
            let mut bar = *from;
            for (worth, day) in worth.iter_mut().zip(days) {
                if dates.get(bar + 1).is_some_and(|next| next <= day) {
                    bar += 1;
                }
                *worth += value_per_micro * closes[bar];
            }
        }
    }
}

impl Holding {
    /// The first bar from `from` on at whose close there is a reason to sell it, which is kept.
    fn first_exit(&mut self, signals: &Signals<'_>, policy: &Policy, from: usize) -> Option<usize> {
        let closes = signals.series.closes().get(from..)?;
        if !policy.watches_prices() {
            return self.first_exit_by_signal(signals, from);
        }
        for (close, bar) in closes.iter().zip(from..) {
            self.highest_close = self.highest_close.max(*close);
            let leaves = signals.exits.get(bar).copied().unwrap_or(false);
            self.selling = self.reason(policy, *close, bar, leaves);
            if self.selling.is_some() {
                return Some(bar);
            }
        }
        None
    }

    /// The same where prices are no reason.
    fn first_exit_by_signal(&mut self, signals: &Signals<'_>, from: usize) -> Option<usize> {
        let exits = signals.exits.get(from..).unwrap_or_default();
        let leaves = exits.iter().position(|leaves| *leaves).map(|place| from + place);
        let (bar, why) = match leaves {
            Some(bar) if bar <= self.last_bar => (bar, Why::Rule),
            Some(_) | None => (self.last_bar.max(from), Why::Time),
        };
        if bar >= signals.series.bars().len() {
            return None;
        }
        self.selling = Some(why);
        Some(bar)
    }

    /// Why it is to be sold after a `close`, in millionths; the first reason that holds. No comparison with NaN does.
    #[inline]
    fn reason(&self, policy: &Policy, close: f64, bar: usize, leaves: bool) -> Option<Why> {
        let profit_pct = || (close / self.price - 1.0) * 100.0;
        let sells = |of: &strategy::form::Strategy| of.sells_at_profit(profit_pct());
        if close <= self.stop {
            Some(Why::Stop)
        } else if close >= self.take {
            Some(Why::Take)
        } else if close <= self.highest_close - self.trailing {
            Some(Why::Trailing)
        } else if leaves || policy.of_holding.as_ref().is_some_and(sells) {
            Some(Why::Rule)
        } else {
            (bar >= self.last_bar).then_some(Why::Time)
        }
    }
}

/// The first place at or after `date` in the order of `days`; `hint` is where it is if no day of another stock is among them.
pub(super) fn place_of(days: &[NaiveDate], date: NaiveDate, hint: usize) -> usize {
    if days.get(hint) == Some(&date) { hint } else { days.partition_point(|day| *day < date) }
}
