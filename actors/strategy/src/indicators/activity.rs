//! The seed's own scores of a stock's activity (lessons.md 2): price-volume divergence, momentum, breakout.
//!
//! The seed feeds them changes "over 1, 5 and 15 minutes" that are changes over bars of any length. Here the time frame
//! is in the name: so many bars.

use super::range::SmaAtr;
use super::strength::Change;
use super::volume::{Baseline, VolumeRatio};
use super::{Bar, Indicator, Period};

/// From this change on, in percent over one bar, a move may be a breakout; the same below zero for a breakdown.
pub const BREAKOUT_CHANGE_PCT: f64 = 1.0;

/// From this volume ratio on a move may be a breakout or breakdown.
pub const BREAKOUT_SURGE: f64 = 2.0;

/// How price and volume agree, -100 to 100: positive when a rise is backed by volume, negative for a fall or an unbacked
/// rise, 0 without a change of price or with usual volume.
///
/// `surge` is the volume against its average. The seed's formula gives a fall on low volume a positive score and leaves
/// falls unbounded; both are mistakes (lessons.md 2), so here no fall is positive and all is within the range.
pub fn price_volume_divergence(change_pct: f64, surge: f64) -> f64 {
    let backed = change_pct * (surge - 1.0) * 10.0;
    let score = if surge >= 1.0 {
        backed
    } else if change_pct > 0.0 {
        -0.5 * change_pct
    } else {
        0.0 - backed
    };
    score.clamp(-100.0, 100.0)
}

/// What [`momentum`] is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MomentumInputs {
    /// Change over one bar, in percent.
    pub change_1_pct: f64,
    /// Change over five bars, in percent.
    pub change_5_pct: f64,
    /// Change over fifteen bars, in percent.
    pub change_15_pct: f64,
    /// Volume against its average.
    pub surge: f64,
    /// [`SmaAtr`], in the price's unit.
    pub sma_atr: f64,
    /// The price; at or below zero the range counts nothing.
    pub price: f64,
}

/// The seed's momentum, 0 to 100; a stock that stands still on usual volume has 25.
pub fn momentum(inputs: &MomentumInputs) -> f64 {
    let trend = 0.4 * inputs.change_1_pct + 0.3 * inputs.change_5_pct + 0.2 * inputs.change_15_pct;
    let volume = (5.0 * (inputs.surge - 1.0)).min(10.0);
    let range_pct = if inputs.price > 0.0 { inputs.sma_atr / inputs.price * 100.0 } else { 0.0 };
    ((trend + volume + range_pct.min(10.0) + 10.0) / 40.0 * 100.0).clamp(0.0, 100.0)
}

/// Whether a bar leaves its range on volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breakout {
    /// Upwards.
    Up,
    /// Downwards: a breakdown.
    Down,
    /// Neither.
    Neither,
}

/// A move of at least [`BREAKOUT_CHANGE_PCT`] on at least [`BREAKOUT_SURGE`] whose divergence points the same way.
pub fn breakout(change_pct: f64, surge: f64, divergence: f64) -> Breakout {
    if surge < BREAKOUT_SURGE {
        Breakout::Neither
    } else if change_pct >= BREAKOUT_CHANGE_PCT && divergence > 0.0 {
        Breakout::Up
    } else if change_pct <= -BREAKOUT_CHANGE_PCT && divergence < 0.0 {
        Breakout::Down
    } else {
        Breakout::Neither
    }
}

/// What [`Activity`] says of a bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ActivityPoint {
    /// [`price_volume_divergence`] of the change over one bar.
    pub divergence: f64,
    /// [`momentum`].
    pub momentum: f64,
    /// [`breakout`].
    pub breakout: Breakout,
}

/// The three scores of each bar, with the volume against the 20 bars before and the true ranges of 14 bars; absent until
/// all that is defined.
#[derive(Clone, Debug)]
pub struct Activity {
    changes: [Change; 3],
    surge: VolumeRatio,
    range: SmaAtr,
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            changes: [Period::of::<1>(), Period::of::<5>(), Period::of::<15>()].map(Change::over),
            surge: VolumeRatio::new(Period::of::<20>(), Baseline::BeforeBar),
            range: SmaAtr::new(Period::of::<14>()),
        }
    }
}

impl Indicator for Activity {
    type Input = Bar;
    type Output = ActivityPoint;

    fn update(&mut self, bar: Bar) -> Option<ActivityPoint> {
        let close = bar.close_sample();
        let [one, five, fifteen] = self.changes.each_mut().map(|change| change.update(close));
        let surge = self.surge.update(bar.volume_sample());
        let range = self.range.update(bar);
        let (change_1_pct, change_5_pct, change_15_pct) = (one?, five?, fifteen?);
        let (surge, sma_atr, price) = (surge?, range?, bar.close());
        let divergence = price_volume_divergence(change_1_pct, surge);
        let inputs = MomentumInputs { change_1_pct, change_5_pct, change_15_pct, surge, sma_atr, price };
        let breakout = breakout(change_1_pct, surge, divergence);
        Some(ActivityPoint { divergence, momentum: momentum(&inputs), breakout })
    }
}
