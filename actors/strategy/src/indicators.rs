//! Indicators over bars, one bar at a time and over a whole series.
//!
//! Each is a small machine ([`Indicator`]) that takes a bar and says its value in constant time; [`series`] is the same
//! machine run over all bars, so the two forms cannot differ. Values are defined where TA-Lib defines them: Wilder's
//! smoothing and exponential averages start from a simple mean. A value that is not defined is absent, never zero or
//! neutral; input that is not finite does not get in ([`Sample`], [`Bar`]).
//!
//! They are ratios and averages that rules compare, not money, so they are computed in `f64` and become decimals once,
//! rounded to [`DECIMALS`] places, where a rule reads them ([`candles`]).

use std::num::NonZeroUsize;

pub mod activity;
mod average;
mod bar;
pub mod board;
pub mod candles;
mod number;
mod oscillator;
mod range;
mod seasoned;
mod strength;
mod volume;
mod window;

pub use activity::{Activity, ActivityPoint, Breakout};
pub use average::{Ema, Sma};
pub use bar::{Bar, Field, InvalidBar, InvalidNumber, Sample};
pub use board::Board;
pub use candles::DECIMALS;
pub use oscillator::{Adx, Stochastic, StochasticPoint, WilliamsR};
pub use range::{
    Atr, Bands, Bollinger, Channel, Deviation, Extremes, Natr, SampleDeviation, SmaAtr, TrueRange,
};
pub use seasoned::{DECISION_BARS, Seasoned};
pub use strength::{Change, Macd, MacdPoint, Rsi};
pub use volume::{Baseline, Mfi, Obv, VolumeRatio};

/// How many bars an indicator looks at, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(NonZeroUsize);

impl Period {
    /// A period of `bars`; none for zero.
    pub const fn new(bars: usize) -> Option<Self> {
        match NonZeroUsize::new(bars) {
            Some(bars) => Some(Self(bars)),
            None => None,
        }
    }

    /// A period that is known when the program is built; zero does not compile.
    pub const fn of<const BARS: usize>() -> Self {
        const {
            match Self::new(BARS) {
                Some(period) => period,
                None => panic!("a period has at least one bar"),
            }
        }
    }

    /// The bars.
    pub const fn get(self) -> usize {
        self.0.get()
    }
}

/// A machine that is told one value or bar after the other, oldest first.
pub trait Indicator {
    /// What it is told.
    type Input;
    /// What it says.
    type Output;

    /// Takes in what came next and says the value there; absent where it is not defined. The cost does not grow with the
    /// history.
    fn update(&mut self, input: Self::Input) -> Option<Self::Output>;
}

/// What `indicator` says after each of `inputs`.
pub fn series<I: Indicator>(
    mut indicator: I,
    inputs: impl IntoIterator<Item = I::Input>,
) -> Vec<Option<I::Output>> {
    inputs.into_iter().map(|input| indicator.update(input)).collect()
}

/// What `indicator` says after the last of `inputs`.
pub fn latest<I: Indicator>(
    mut indicator: I,
    inputs: impl IntoIterator<Item = I::Input>,
) -> Option<I::Output> {
    inputs.into_iter().fold(None, |_, input| indicator.update(input))
}

#[cfg(test)]
mod tests;
