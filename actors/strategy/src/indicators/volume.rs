//! What trading volume says: ratio to its average, money flow, balance.

use super::number::{finite, ratio};
use super::window::{Aggregate, Sliding, Sum};
use super::{Bar, Indicator, Period, Sample, Sma};

/// Which bars a volume is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// The last `period` bars, the bar itself among them.
    IncludingBar,
    /// The `period` bars before the bar.
    BeforeBar,
}

/// Volume against its simple average; 2 means twice. Absent when that average is zero.
#[derive(Clone, Debug)]
pub struct VolumeRatio {
    baseline: Baseline,
    average: Sma,
    before: Option<f64>,
}

impl VolumeRatio {
    /// The ratio to the average of `period` bars.
    pub fn new(period: Period, baseline: Baseline) -> Self {
        Self { baseline, average: Sma::new(period), before: None }
    }
}

impl Indicator for VolumeRatio {
    type Input = Sample;
    type Output = f64;

    fn update(&mut self, volume: Sample) -> Option<f64> {
        let now = self.average.update(volume);
        let before = std::mem::replace(&mut self.before, now);
        let average = match self.baseline {
            Baseline::IncludingBar => now,
            Baseline::BeforeBar => before,
        };
        ratio(volume.get(), average?)
    }
}

/// Typical prices closer than this, as a share of the price, are equal: the same three prices added in another order differ
/// by that much.
const TYPICAL_TIE: f64 = 2.0 * f64::EPSILON;

/// Money flow index, 0 to 100 (TA-Lib `MFI`): the share of traded value on bars whose typical price rose.
///
/// Absent when nothing was traded on any bar that moved; TA-Lib says 0 there, which would read as heavy selling.
#[derive(Clone, Debug)]
pub struct Mfi {
    previous_typical: Option<f64>,
    inflow: Sliding<Sum>,
    outflow: Sliding<Sum>,
}

impl Mfi {
    /// The index over `period` bars.
    pub fn new(period: Period) -> Self {
        Self { previous_typical: None, inflow: Sliding::new(period), outflow: Sliding::new(period) }
    }
}

impl Indicator for Mfi {
    type Input = Bar;
    type Output = f64;

    fn update(&mut self, bar: Bar) -> Option<f64> {
        let typical = bar.typical();
        let before = self.previous_typical.replace(typical)?;
        let value = typical * bar.volume();
        let moved = (typical - before).abs() > TYPICAL_TIE * typical;
        let inflow = self.inflow.push(if moved && typical > before { value } else { 0.0 });
        let outflow = self.outflow.push(if moved && typical < before { value } else { 0.0 });
        let (inflow, outflow) = (inflow?.total(), outflow?.total());
        finite(100.0 * ratio(inflow, inflow + outflow)?)
    }
}

/// On-balance volume, in units traded (TA-Lib `OBV`): the first bar's volume, then plus it on a rise and minus it on a
/// fall of the close.
#[derive(Clone, Debug, Default)]
pub struct Obv {
    last: Option<(f64, Sum)>,
}

impl Indicator for Obv {
    type Input = Bar;
    type Output = f64;

    fn update(&mut self, bar: Bar) -> Option<f64> {
        let balance = match self.last {
            None => Sum::of(bar.volume()),
            Some((close, balance)) if bar.close() > close => balance.join(Sum::of(bar.volume())),
            Some((close, balance)) if bar.close() < close => balance.join(Sum::of(-bar.volume())),
            Some((_, balance)) => balance,
        };
        self.last = Some((bar.close(), balance));
        finite(balance.total())
    }
}
