//! The operator's limits: their values, the hard bounds of each in code, and which way is stricter.
//!
//! A setting outside its bound refuses to start. While the agent runs a limit can only become stricter.

use std::collections::BTreeMap;
use std::fmt;

use chrono::TimeDelta;
use domain::Confidence;
use domain::messages::limits::{LimitName, LimitsChange, LimitsInForce};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// The operator's limits; never looser than the hard bounds of [`Limits::bound`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// In the order of [`LimitName::ALL`].
    values: [Decimal; LimitName::ALL.len()],
}

/// Which way a limit becomes stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stricter {
    /// A smaller number allows less.
    Smaller,
    /// A larger number allows less.
    Larger,
}

/// What a limit may be set to, and what it is unless the operator says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The smallest value.
    pub least: Decimal,
    /// True when `least` itself is not allowed.
    pub excludes_least: bool,
    /// The largest value.
    pub most: Decimal,
    /// True when only whole numbers are allowed.
    pub is_whole: bool,
    /// The value unless the operator says otherwise.
    pub default: Decimal,
    /// Which way is stricter.
    pub stricter: Stricter,
}

impl Bound {
    /// A share in percent: above `least`, at most `most`.
    const fn percent(most: u32, default: u32) -> Self {
        Self {
            least: Decimal::ZERO,
            excludes_least: false,
            most: whole(most),
            is_whole: false,
            default: whole(default),
            stricter: Stricter::Smaller,
        }
    }

    const fn above_zero(self) -> Self {
        Self { excludes_least: true, ..self }
    }

    /// A count of which less is stricter.
    const fn count(least: u32, most: u32, default: u32) -> Self {
        Self {
            least: whole(least),
            excludes_least: false,
            most: whole(most),
            is_whole: true,
            default: whole(default),
            stricter: Stricter::Smaller,
        }
    }

    /// A count of which more is stricter: `least` is the hard bound.
    const fn wait(least: u32, most: u32, default: u32) -> Self {
        Self { stricter: Stricter::Larger, ..Self::count(least, most, default) }
    }

    /// True for a value that the limit may be set to.
    pub fn allows(self, value: Decimal) -> bool {
        let is_above = if self.excludes_least { value > self.least } else { value >= self.least };
        is_above && value <= self.most && (!self.is_whole || value.fract().is_zero())
    }

    /// True when `value` allows no more than `other`.
    fn is_no_looser(self, value: Decimal, other: Decimal) -> bool {
        match self.stricter {
            Stricter::Smaller => value <= other,
            Stricter::Larger => value >= other,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { least, most, .. } = self;
        match (self.excludes_least, self.is_whole) {
            (true, _) => write!(f, "above {least}, at most {most}"),
            (false, true) => write!(f, "whole numbers from {least} to {most}"),
            (false, false) => write!(f, "{least} to {most}"),
        }
    }
}

const fn whole(number: u32) -> Decimal {
    Decimal::from_parts(number, 0, 0, false, 0)
}

/// Why a set of limits is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitsError {
    /// A value outside the hard bound.
    #[error("{name} = {value} is not allowed; allowed: {bound}")]
    OutOfRange {
        /// Which limit.
        name: LimitName,
        /// What was asked for.
        value: Decimal,
        /// What may be asked for.
        bound: Bound,
    },
    /// A change at run time would loosen a limit.
    #[error(
        "{name} = {value} is looser than {held}, which is in force; limits can only be made stricter while the agent runs. {}",
        remedy(*name, *value, *held, *setting)
    )]
    Looser {
        /// Which limit.
        name: LimitName,
        /// What was asked for.
        value: Decimal,
        /// What is in force.
        held: Decimal,
        /// What the settings say.
        setting: Decimal,
    },
}

/// What would loosen a limit: another setting, taking back what was made stricter since, or both; and a restart.
fn remedy(name: LimitName, value: Decimal, held: Decimal, setting: Decimal) -> String {
    let (variable, allowed) = (name.code().to_uppercase(), setting.normalize());
    let withdraw = "take back what was made stricter with: kestrel limits --withdraw --reason \"...\"";
    match (Limits::bound(name).is_no_looser(value, setting), held == setting) {
        (true, _) => {
            format!(
                "The setting {variable}={allowed} allows it: {withdraw}, then stop the agent and start it again"
            )
        }
        (false, true) => format!("To loosen it, stop the agent, set {variable}={value} and start it again"),
        (false, false) => {
            format!(
                "To loosen it, {withdraw}, then stop the agent, set {variable}={value} and start it again"
            )
        }
    }
}

impl Limits {
    /// Hard ceiling of approvals in any 60 s, exits included (order-protocol 4, invariant 13).
    pub const ORDERS_PER_MINUTE_CEILING: u32 = 10;
    /// Hard ceiling of approvals in any 24 h, exits included.
    pub const ORDERS_PER_DAY_CEILING: u32 = 400;
    /// Of those of a minute, so many may be used up by purchases: what is left is kept for sales, so that no row of
    /// purchases stands in the way of an exit.
    pub const ENTRIES_PER_MINUTE_CEILING: u32 = 6;
    /// Of those of 24 h, so many may be used up by purchases.
    pub const ENTRIES_PER_DAY_CEILING: u32 = 300;
    /// Hard ceiling of what is bought in a day of one currency, in times of the equity it began with; see
    /// [`crate::purchases`].
    pub const DAY_PURCHASES_CEILING_TIMES: u32 = 5;
    /// The longest that anything may speak against buying a stock again: a week, in minutes.
    pub const WAIT_MOST_MIN: u32 = 7 * 24 * 60;

    /// The hard bound of a limit: no setting and no change passes it.
    ///
    /// Daily loss and order share: architecture 7. Rates: order-protocol 4, invariant 13. The others are our choice. Half
    /// of the equity in one stock is no portfolio any more; more than all of it would be bought on credit. A price older
    /// than two minutes has missed two decisions, and 20 % from one price to the next is two thirds of the largest daily
    /// move that Korea allows. No wait can be switched off: none is shorter than the minute between two decisions of
    /// realtime mode.
    pub const fn bound(name: LimitName) -> Bound {
        match name {
            LimitName::MaxLossPct => Bound::percent(3, 3),
            LimitName::MaxOrderPct => Bound::percent(30, 30).above_zero(),
            LimitName::ConfidenceThreshold => Bound::wait(0, 100, 80),
            LimitName::MaxOrdersPerMinute => {
                Bound::count(0, Self::ENTRIES_PER_MINUTE_CEILING, Self::ENTRIES_PER_MINUTE_CEILING)
            }
            LimitName::MaxOrdersPerDay => Bound::count(0, Self::ENTRIES_PER_DAY_CEILING, 100),
            LimitName::MaxSymbolPct => Bound::percent(50, 30),
            LimitName::MaxExposurePct => Bound::percent(100, 95),
            LimitName::MaxQuoteAgeS => Bound::count(1, 120, 60),
            LimitName::MaxQuoteJumpPct => Bound::percent(20, 10).above_zero(),
            LimitName::RefusalCooldownMin => Bound::wait(1, 1440, 10),
            LimitName::StopCooldownMin => Bound::wait(1, Self::WAIT_MOST_MIN, 120),
            LimitName::ReentryGuardMin => Bound::wait(1, Self::WAIT_MOST_MIN, 30),
        }
    }

    /// Limits, if none is looser than its hard bound; the others have their defaults. `max_loss_pct` is a positive
    /// number: 3.0 halts below -3.0 %.
    ///
    /// # Errors
    /// [`LimitsError`] names the limit that is out of range.
    pub fn new(
        max_loss_pct: Decimal,
        max_order_pct: Decimal,
        confidence_threshold: Confidence,
    ) -> Result<Self, LimitsError> {
        let defaults = Self { values: LimitName::ALL.map(|name| Self::bound(name).default) };
        defaults
            .with(LimitName::MaxLossPct, max_loss_pct)?
            .with(LimitName::MaxOrderPct, max_order_pct)?
            .with(LimitName::ConfidenceThreshold, confidence_threshold.get().into())
    }

    /// The same limits with another value of one.
    ///
    /// # Errors
    /// [`LimitsError::OutOfRange`].
    pub fn with(mut self, name: LimitName, value: Decimal) -> Result<Self, LimitsError> {
        let bound = Self::bound(name);
        if !bound.allows(value) {
            return Err(LimitsError::OutOfRange { name, value, bound });
        }
        self.values[name as usize] = value;
        Ok(self)
    }

    /// The same limits with other rates of entries. Zero is allowed: no entries at all.
    ///
    /// # Errors
    /// [`LimitsError`] names the rate that is above its ceiling.
    pub fn with_order_rates(self, per_minute: u32, per_day: u32) -> Result<Self, LimitsError> {
        self.with(LimitName::MaxOrdersPerMinute, per_minute.into())?
            .with(LimitName::MaxOrdersPerDay, per_day.into())
    }

    /// The value of one limit.
    pub fn get(&self, name: LimitName) -> Decimal {
        self.values[name as usize]
    }

    /// These limits with the values of `change`, if no one of them becomes looser and each is in its range. `settings` are
    /// what the agent was started with: a refusal tells what would loosen the limit.
    ///
    /// # Errors
    /// [`LimitsError`] when one would be looser or is out of range.
    pub fn changed(self, change: &LimitsChange, settings: &Self) -> Result<Self, LimitsError> {
        change.0.iter().try_fold(self, |limits, (name, value)| {
            let (name, value, held) = (*name, *value, self.get(*name));
            let changed = limits.with(name, value)?;
            let is_no_looser = Self::bound(name).is_no_looser(value, held);
            let setting = settings.get(name);
            if is_no_looser { Ok(changed) } else { Err(LimitsError::Looser { name, value, held, setting }) }
        })
    }

    /// The stricter of these limits and of a change that was kept: a setting that was made stricter since wins.
    #[must_use]
    pub fn stricter_of(mut self, kept: &LimitsChange) -> Self {
        for (name, value) in &kept.0 {
            if !Self::bound(*name).is_no_looser(self.get(*name), *value) {
                self.values[*name as usize] = *value;
            }
        }
        self
    }

    /// As they are told.
    pub fn in_force(self) -> LimitsInForce {
        let values: BTreeMap<_, _> = LimitName::ALL.into_iter().map(|name| (name, self.get(name))).collect();
        LimitsInForce { values, max_day_purchases_times: Self::DAY_PURCHASES_CEILING_TIMES }
    }

    /// The largest loss of a day in percent, as a positive number.
    pub fn max_loss_pct(&self) -> Decimal {
        self.get(LimitName::MaxLossPct)
    }

    /// The largest entry in percent of cash.
    pub fn max_order_pct(&self) -> Decimal {
        self.get(LimitName::MaxOrderPct)
    }

    /// The lowest confidence that may trade.
    pub fn confidence_threshold(&self) -> Confidence {
        let least = self.get(LimitName::ConfidenceThreshold).to_i64();
        least.and_then(|least| Confidence::new(least).ok()).unwrap_or(Confidence::CERTAIN)
    }

    /// The most entries in any 60 s.
    pub fn max_orders_per_minute(&self) -> u32 {
        self.count(LimitName::MaxOrdersPerMinute)
    }

    /// The most entries in any 24 h.
    pub fn max_orders_per_day(&self) -> u32 {
        self.count(LimitName::MaxOrdersPerDay)
    }

    /// The most of one stock in percent of the equity.
    pub fn max_symbol_pct(&self) -> Decimal {
        self.get(LimitName::MaxSymbolPct)
    }

    /// The most of all stocks in percent of the equity.
    pub fn max_exposure_pct(&self) -> Decimal {
        self.get(LimitName::MaxExposurePct)
    }

    /// The oldest price of an entry.
    pub fn max_quote_age(&self) -> TimeDelta {
        TimeDelta::seconds(self.count(LimitName::MaxQuoteAgeS).into())
    }

    /// The largest change from one price to the next, in percent.
    pub fn max_quote_jump_pct(&self) -> Decimal {
        self.get(LimitName::MaxQuoteJumpPct)
    }

    /// How long something of the kind of `name` speaks against buying a stock again.
    pub(crate) fn wait(&self, name: LimitName) -> TimeDelta {
        TimeDelta::minutes(self.count(name).into())
    }

    /// A whole number; what is none, which [`Limits::with`] lets nobody set, allows nothing.
    fn count(&self, name: LimitName) -> u32 {
        self.get(name).to_u32().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits::new(whole(3), whole(30), Confidence::new(80).unwrap()).unwrap()
    }

    #[test]
    fn each_limit_is_stored_under_its_own_name_and_each_default_is_within_its_bound() {
        for (place, name) in LimitName::ALL.into_iter().enumerate() {
            assert_eq!(name as usize, place, "{name}");
            assert_eq!(name.code().parse(), Ok(name));
            assert!(!name.words().is_empty());
            let bound = Limits::bound(name);
            assert!(bound.allows(bound.default), "{name}: {bound}");
        }
    }

    #[test]
    fn invariant_14_no_limit_passes_its_bound_in_code_on_the_loose_side() {
        let step = Decimal::new(1, 2);
        for name in LimitName::ALL {
            let bound = Limits::bound(name);
            let (edge, beyond) = match bound.stricter {
                Stricter::Smaller => (bound.most, bound.most + step),
                Stricter::Larger => (bound.least, bound.least - step),
            };
            assert_eq!(limits().with(name, edge).map(|limits| limits.get(name)), Ok(edge), "{name}");
            let refused = limits().with(name, beyond).unwrap_err();
            assert_eq!(refused, LimitsError::OutOfRange { name, value: beyond, bound }, "{name}");
            assert!(refused.to_string().contains(&bound.to_string()), "{refused}");
        }
    }

    #[test]
    fn invariant_14_every_limit_can_be_tightened_while_running_and_none_loosened() {
        for name in LimitName::ALL {
            let bound = Limits::bound(name);
            let (loose, strict) = match bound.stricter {
                Stricter::Smaller => (bound.most, bound.least + Decimal::ONE),
                Stricter::Larger => (bound.least, bound.most),
            };
            let (to_loose, to_strict) = (LimitsChange::of(name, loose), LimitsChange::of(name, strict));
            let loosest = limits().with(name, loose).unwrap();
            let strictest = loosest.changed(&to_strict, &loosest).unwrap();
            assert_eq!(strictest.get(name), strict, "{name}");
            let refused = strictest.changed(&to_loose, &loosest).unwrap_err();
            let (value, held, setting) = (loose, strict, loose);
            assert_eq!(refused, LimitsError::Looser { name, value, held, setting });
            let (variable, words) = (name.code().to_uppercase(), refused.to_string());
            assert!(words.contains(&format!("{variable}={loose} allows it")), "{words}");
            // A row that was kept, by whatever hand, never loosens either.
            assert_eq!(loosest.stricter_of(&to_strict), strictest, "{name}");
            assert_eq!(strictest.stricter_of(&to_loose), strictest, "{name}");
        }
    }

    #[test]
    fn a_change_of_several_limits_is_taken_as_a_whole_or_not_at_all() {
        let both = LimitsChange(BTreeMap::from([
            (LimitName::MaxLossPct, Decimal::ONE),
            (LimitName::MaxOrdersPerDay, whole(301)),
        ]));
        assert!(matches!(limits().changed(&both, &limits()), Err(LimitsError::OutOfRange { .. })));
        let fraction = LimitsChange::of(LimitName::MaxOrdersPerDay, Decimal::new(55, 1));
        let refused = limits().changed(&fraction, &limits()).unwrap_err().to_string();
        let expected = "max_orders_per_day = 5.5 is not allowed; allowed: whole numbers from 0 to 300";
        assert_eq!(refused, expected);
    }
}
