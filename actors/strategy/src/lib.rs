//! What a stock looks like in numbers, and rules over those numbers.
//!
//! A strategy as data that can be proposed, compared and tried on the past is a [`form::Strategy`]. The live engine still reads
//! the older [`Strategy`]:
//!
//! Bars become [`Features`] through [`indicators`]; a [`Strategy`] is a short list of typed rules over features;
//! [`Strategy::judge`] says which rule applies and why. Everything is pure and total: no rule can loop, read a
//! future bar, or take a missing value for a number.

pub mod defaults;
pub mod evaluate;
pub mod features;
pub mod form;
pub mod indicators;
pub mod rule;

pub use defaults::Thresholds;
pub use evaluate::{Match, Truth};
pub use features::{Feature, Features, LiveRow};
pub use indicators::DECISION_BARS;
pub use rule::{Comparison, Condition, Expression, InvalidStrategy, Rule, Strategy};
