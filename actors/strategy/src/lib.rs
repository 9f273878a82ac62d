//! What a stock looks like in numbers, and strategies over those numbers.
//!
//! There is one form of a strategy: [`form::Strategy`], bounded data that is read, shown, compared, tried on the past and
//! traded by. Bars become values through [`indicators`] and [`form::Columns`]; [`Features`] are those of one stock now;
//! [`form::Strategy::judge`] says what to do with it and why. Everything is pure and total: no strategy can loop, read a future
//! bar, or take a missing value for a number.

pub mod force;
pub mod form;
pub mod indicators;
pub mod live;

pub use force::InForce;
pub use form::{Feature, Strategy, Thresholds};
pub use indicators::DECISION_BARS;
pub use live::{Features, LiveRow, Told};
