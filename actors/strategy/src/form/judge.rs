//! What a strategy says of one stock now, and why: the live side of what [`Strategy::scores`] says of every bar of the past.
//!
//! The present bar is the day so far; a feature is read from it at lag 0 and from the finished days before it otherwise. What is
//! not known never leads to a purchase or a sale.

use chrono::NaiveDate;
use domain::messages::bars::DayBar;
use domain::{Action, Confidence, Decision};
use rust_decimal::Decimal;

use super::columns::Columns;
use super::feature::Feature;
use super::number::Number;
use super::wire::Operator;
use super::{Predicate, Right, Strategy, Term};
use crate::live::Features;

/// A score that is just reached is this sure: what `CONFIDENCE_THRESHOLD` asks for by default.
const SURE_AT_LEAST: f64 = 80.0;
/// What every term together adds to it. 100 is never reached: `CONFIDENCE_THRESHOLD=100` lets no strategy trade.
const SURE_BEYOND: f64 = 19.0;
/// An exit holds or it does not.
const SURE_OF_EXIT: f64 = 99.0;
/// Places of a number that people read.
const SHOWN_DECIMALS: u32 = 4;

/// One stock at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// What is known of it now.
    pub now: &'a Features,
    /// The price now.
    pub price: Decimal,
    /// The finished days before, oldest first.
    pub past: &'a [DayBar],
    /// The session in which the first share of the holding was bought, if that is known.
    pub bought: Option<NaiveDate>,
}

/// What to do, how sure, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What to do.
    pub action: Action,
    /// How sure: of a purchase 80 where the score is just reached, and 99 where every term that adds holds; of a sale 99; of
    /// nothing 0.
    pub confidence: Confidence,
    /// Why, in plain English with the numbers; at most [`Decision::RATIONALE_MAX_CHARS`] characters.
    pub why: String,
}

impl Advice {
    fn new(action: Action, sure: f64, why: &str) -> Self {
        // Between 0 and 100.
        let confidence = Confidence::new(sure as i64).unwrap_or(Confidence::ZERO);
        Self { action, confidence, why: why.chars().take(Decision::RATIONALE_MAX_CHARS).collect() }
    }

    fn hold(why: &str) -> Self {
        Self::new(Action::Hold, 0.0, why)
    }
}

/// How the reason of a judgement about a stock that is not held begins.
fn tell_score(score: f64, min: f64) -> String {
    format!("score {score:?} of {min:?}")
}

/// The score and what is bought at, of the reason that [`Strategy::judge`] gave; none where it gave another one.
pub fn told_score(reason: &str) -> Option<(Decimal, Decimal)> {
    let (score, rest) = reason.strip_prefix("score ")?.split_once(" of ")?;
    let min = rest.split([';', ':', ',']).next()?;
    Some((score.parse().ok()?, min.parse().ok()?))
}

impl Strategy {
    /// What it does with the stock: buys what is not held at a score that is reached, sells what is held at the first exit.
    pub fn judge(&self, moment: &Moment<'_>) -> Advice {
        let sight = Sight::of(self, moment);
        match moment.now.held() {
            Some(true) => self.hold_or_sell(&sight),
            Some(false) => self.wait_or_buy(&sight),
            None => Advice::hold("whether the stock is held is not known"),
        }
    }

    /// The score of the stock now.
    pub fn score_now(&self, moment: &Moment<'_>) -> f64 {
        self.thousandths(&Sight::of(self, moment)) / 1_000.0
    }

    /// Finished days that it needs to see of a stock, and the present one.
    pub fn days_wanted(&self) -> usize {
        let held = if self.counts_in_ranges() { usize::from(self.exit.max_hold_bars) } else { 0 };
        self.bars_needed() + held
    }

    /// True when an exit counts in average true ranges: a purchase without one known is none.
    fn counts_in_ranges(&self) -> bool {
        let exit = &self.exit;
        [exit.stop_atr, exit.take_atr, exit.trailing_atr].iter().any(Option::is_some)
    }

    fn thousandths(&self, sight: &Sight<'_>) -> f64 {
        let counted = self.entry.terms.iter().filter(|term| sight.counts(term));
        // The sum of nothing is minus zero, which no person should read.
        counted.map(|term| term.weight.thousandths()).sum::<f64>() + 0.0
    }

    fn wait_or_buy(&self, sight: &Sight<'_>) -> Advice {
        let (score, min) = (self.thousandths(sight), self.entry.min_score.thousandths());
        let told = tell_score(score / 1_000.0, min / 1_000.0);
        if score < min {
            return Advice::hold(&format!("{told}{}", sight.nearest(&self.entry.terms)));
        }
        if self.counts_in_ranges() && sight.range_now().is_none() {
            return Advice::hold(&format!("{told}, but its average true range is not known"));
        }
        let adds = |term: &&Term| term.weight.thousandths() > 0.0;
        let reachable: f64 = self.entry.terms.iter().filter(adds).map(|term| term.weight.thousandths()).sum();
        let beyond = if reachable > min { (score - min) / (reachable - min) } else { 1.0 };
        let grounds: Vec<_> = self.entry.terms.iter().filter(|term| sight.counts(term)).collect();
        let grounds: Vec<_> = grounds.into_iter().map(|term| sight.ground(term)).collect();
        let sure = (SURE_AT_LEAST + SURE_BEYOND * beyond).floor();
        Advice::new(Action::Buy, sure, &format!("{told}: {}", grounds.join("; ")))
    }

    fn hold_or_sell(&self, sight: &Sight<'_>) -> Advice {
        match self.reason_to_sell(sight) {
            Some(why) => Advice::new(Action::Sell, SURE_OF_EXIT, &why),
            None => Advice::hold(&self.why_it_is_kept(sight)),
        }
    }

    /// The first exit that is known to hold, in the order of the backtest.
    fn reason_to_sell(&self, sight: &Sight<'_>) -> Option<String> {
        let exit = &self.exit;
        let price = sight.price();
        let reach = |times: Option<Number>| Some(times?.get() * sight.range_at_purchase()?);
        let (paid, highest) = (sight.paid(), sight.highest_close());
        let is_below = |from: Option<f64>, reach: Option<f64>| Some(price? <= from? - reach?);
        let is_above = |from: Option<f64>, reach: Option<f64>| Some(price? >= from? + reach?);
        let told = |times: Option<Number>, rest: &str| times.map(|times| format!("{times} ATR14 {rest}"));
        if is_below(paid, reach(exit.stop_atr)) == Some(true) {
            return told(exit.stop_atr, "below the price paid");
        }
        if is_above(paid, reach(exit.take_atr)) == Some(true) {
            return told(exit.take_atr, "above the price paid");
        }
        if is_below(highest, reach(exit.trailing_atr)) == Some(true) {
            return told(exit.trailing_atr, "below the highest close since the purchase");
        }
        if let Some(rule) = exit.any_of.iter().find(|rule| sight.truth(rule) == Some(true)) {
            return Some(format!("{} ({})", rule.words(), sight.known(rule)));
        }
        let (held, most) = (sight.bars_held()?, exit.max_hold_bars);
        (held >= usize::from(most)).then(|| format!("held for {held} bars, at most {most}"))
    }

    fn why_it_is_kept(&self, sight: &Sight<'_>) -> String {
        let gates = self.exit.any_of.iter().map(|rule| sight.gate(rule));
        let most = self.exit.max_hold_bars;
        let time = match sight.bars_held() {
            Some(held) => format!("held for {held} of {most} bars"),
            None => format!("held for an unknown time, at most {most} bars"),
        };
        let all: Vec<_> = gates.chain([time]).collect();
        format!("no exit holds: {}", all.join("; "))
    }
}

/// A moment with the columns of the past that the strategy reads.
struct Sight<'a> {
    moment: &'a Moment<'a>,
    past: Columns,
}

impl<'a> Sight<'a> {
    /// Days that contradict themselves are no past.
    fn of(strategy: &Strategy, moment: &'a Moment<'a>) -> Self {
        let predicates =
            strategy.entry.terms.iter().flat_map(|term| &term.all_of).chain(&strategy.exit.any_of);
        let lagged = predicates.filter(|one| one.lag > 0).map(|one| one.feature);
        let ranges = strategy.counts_in_ranges().then_some(Feature::Atr14Pct);
        let wanted: Vec<_> = lagged.chain(ranges).collect();
        let past = if wanted.is_empty() { None } else { Columns::of(moment.past, &wanted).ok() };
        Self { moment, past: past.unwrap_or_else(|| Columns::from_values(0, Vec::new())) }
    }

    /// The value of a feature so many bars before the present one.
    fn value(&self, feature: Feature, lag: u8) -> Option<f64> {
        match lag {
            0 => self.moment.now.number(feature),
            lag => self.past.value(feature, self.past.bars().checked_sub(usize::from(lag))?),
        }
    }

    fn right(&self, predicate: &Predicate) -> Option<f64> {
        match predicate.right {
            Right::Value(value) => Some(value.get()),
            Right::Feature(feature) => self.value(feature, 0),
        }
    }

    fn truth(&self, predicate: &Predicate) -> Option<bool> {
        let left = self.value(predicate.feature, predicate.lag)?;
        Some(predicate.operator.known(left, self.right(predicate)?))
    }

    /// As in a score: what would add has to be known to hold, what would take away not to be known to fail.
    fn counts(&self, term: &Term) -> bool {
        let adds = term.weight.thousandths() > 0.0;
        term.all_of.iter().all(|predicate| self.truth(predicate).unwrap_or(!adds))
    }

    fn price(&self) -> Option<f64> {
        use rust_decimal::prelude::ToPrimitive as _;
        self.moment.price.to_f64()
    }

    /// What was paid for a share, from the profit that the account tells.
    fn paid(&self) -> Option<f64> {
        let profit_pct = self.value(Feature::HoldingPnlPct, 0)?;
        let paid = self.price()? / (1.0 + profit_pct / 100.0);
        (paid.is_finite() && paid > 0.0).then_some(paid)
    }

    /// The days since the purchase, but for the present one.
    fn days_since(&self) -> Option<&[DayBar]> {
        let bought = self.moment.bought?;
        let first = self.moment.past.partition_point(|day| day.session_date < bought);
        self.moment.past.get(first..)
    }

    /// Bars held, that of the purchase and the present one among them.
    fn bars_held(&self) -> Option<usize> {
        Some(self.days_since()?.len() + 1)
    }

    fn highest_close(&self) -> Option<f64> {
        let closes = self.days_since()?.iter().map(|day| day.close_micros as f64 / 1e6);
        Some(closes.fold(self.price()?, f64::max))
    }

    /// The average true range now, in the price's unit; without today's range that of the last finished day.
    fn range_now(&self) -> Option<f64> {
        let pct = self.value(Feature::Atr14Pct, 0).or_else(|| self.value(Feature::Atr14Pct, 1))?;
        Some(self.price()? * pct / 100.0)
    }

    /// The average true range of the day before the purchase, as the backtest counts; where the days do not reach so far,
    /// that of now.
    fn range_at_purchase(&self) -> Option<f64> {
        let before = self.days_since().and_then(|since| {
            let bar = (self.moment.past.len() - since.len()).checked_sub(1)?;
            let close = self.moment.past.get(bar)?.close_micros as f64 / 1e6;
            Some(close * self.past.value(Feature::Atr14Pct, bar)? / 100.0)
        });
        before.or_else(|| self.range_now())
    }
}

// === In words ===

impl Sight<'_> {
    /// A term that counts, with its numbers.
    fn ground(&self, term: &Term) -> String {
        let mut known: Vec<_> = term.all_of.iter().map(|predicate| self.known(predicate)).collect();
        // Two bounds of one number show it once.
        known.dedup();
        format!("{} ({})", term.words(), known.join(", "))
    }

    /// The number of a predicate, e.g. `RSI14 27.46`.
    fn known(&self, predicate: &Predicate) -> String {
        let unit = predicate.feature.unit().suffix();
        match self.value(predicate.feature, predicate.lag) {
            Some(value) => format!("{} {}{unit}", predicate.feature.label(), shown(value)),
            None => format!("{} unknown", predicate.feature.label()),
        }
    }

    /// The term that is nearest to count and its first gate that does not pass.
    fn nearest(&self, terms: &[Term]) -> String {
        let fails = |term: &Term| term.all_of.iter().filter(|one| self.truth(one) != Some(true)).count();
        let missing = terms.iter().filter(|term| term.weight.thousandths() > 0.0 && !self.counts(term));
        let Some(term) = missing.min_by_key(|term| fails(term)) else {
            return "; what takes away outweighs it".to_owned();
        };
        let gate = term.all_of.iter().find(|predicate| self.truth(predicate) != Some(true));
        let gate = gate.map(|predicate| self.gate(predicate)).unwrap_or_default();
        format!("; nearest is {}: {gate}", term.words())
    }

    /// A gate that does not pass: its number, its threshold, and the smallest change that would do.
    fn gate(&self, predicate: &Predicate) -> String {
        let words = predicate.words();
        let (Some(value), Some(right)) =
            (self.value(predicate.feature, predicate.lag), self.right(predicate))
        else {
            return format!("{words}, and that is not known");
        };
        let unit = predicate.feature.unit().suffix();
        let by = shown((value - right).abs());
        let change = match predicate.operator {
            Operator::Lt => format!("more than {by}{unit} less"),
            Operator::Le => format!("{by}{unit} less"),
            Operator::Gt => format!("more than {by}{unit} more"),
            Operator::Ge => format!("{by}{unit} more"),
        };
        format!("{words} needs {change}, it is {}{unit}", shown(value))
    }
}

fn shown(value: f64) -> String {
    let rounded = Decimal::from_f64_retain(value).map(|value| value.round_dp(SHOWN_DECIMALS).normalize());
    rounded.map_or_else(|| format!("{value:e}"), |value| value.to_string())
}
