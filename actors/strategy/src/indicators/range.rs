//! How far prices reach: true range and its averages, deviation, bands, highest and lowest.

use super::average::{Sma, Smoother};
use super::number::{finite, ratio};
use super::window::{Highest, Lowest, Sliding, Spread};
use super::{Bar, Indicator, Period, Sample};

/// The largest of high minus low and the distances of both from the close before, in the price's unit (TA-Lib `TRANGE`).
#[derive(Clone, Debug, Default)]
pub struct TrueRange {
    previous_close: Option<f64>,
}

impl Indicator for TrueRange {
    type Input = Bar;
    type Output = f64;

    fn update(&mut self, bar: Bar) -> Option<f64> {
        let before = self.previous_close.replace(bar.close())?;
        Some(bar.high().max(before) - bar.low().min(before))
    }
}

/// Wilder's average true range, in the price's unit (TA-Lib `ATR`).
#[derive(Clone, Debug)]
pub struct Atr {
    range: TrueRange,
    smoother: Smoother,
}

impl Atr {
    /// The average over `period` true ranges.
    pub fn new(period: Period) -> Self {
        Self { range: TrueRange::default(), smoother: Smoother::wilder(period) }
    }
}

impl Indicator for Atr {
    type Input = Bar;
    type Output = f64;

    fn update(&mut self, bar: Bar) -> Option<f64> {
        self.smoother.step(self.range.update(bar)?)
    }
}

/// [`Atr`] in percent of the close (TA-Lib `NATR`).
#[derive(Clone, Debug)]
pub struct Natr(Atr);

impl Natr {
    /// The average over `period` true ranges.
    pub fn new(period: Period) -> Self {
        Self(Atr::new(period))
    }
}

impl Indicator for Natr {
    type Input = Bar;
    type Output = f64;

    fn update(&mut self, bar: Bar) -> Option<f64> {
        finite(ratio(self.0.update(bar)?, bar.close())? * 100.0)
    }
}

/// The simple mean of the last `period` true ranges, in the price's unit.
///
/// The Python seed calls this ATR (lessons.md 2). It is another number than Wilder's [`Atr`] and so has another name.
/// It forgets what is older than its period, so it needs no seasoning.
#[derive(Clone, Debug)]
pub struct SmaAtr {
    range: TrueRange,
    mean: Sma,
}

impl SmaAtr {
    /// The mean of `period` true ranges.
    pub fn new(period: Period) -> Self {
        Self { range: TrueRange::default(), mean: Sma::new(period) }
    }
}

impl Indicator for SmaAtr {
    type Input = Bar;
    type Output = f64;

    fn update(&mut self, bar: Bar) -> Option<f64> {
        self.mean.step(self.range.update(bar)?)
    }
}

/// Standard deviation of the last `period` values as a population, in their unit (TA-Lib `STDDEV`).
#[derive(Clone, Debug)]
pub struct Deviation(Sliding<Spread>);

impl Deviation {
    /// The deviation of `period` values.
    pub fn new(period: Period) -> Self {
        Self(Sliding::new(period))
    }
}

impl Indicator for Deviation {
    type Input = Sample;
    type Output = f64;

    fn update(&mut self, value: Sample) -> Option<f64> {
        Some(self.0.push(value.get())?.population_deviation())
    }
}

/// Standard deviation of the last `period` values as a sample, in their unit; absent for a period of one.
#[derive(Clone, Debug)]
pub struct SampleDeviation(Sliding<Spread>);

impl SampleDeviation {
    /// The deviation of `period` values.
    pub fn new(period: Period) -> Self {
        Self(Sliding::new(period))
    }
}

impl Indicator for SampleDeviation {
    type Input = Sample;
    type Output = f64;

    fn update(&mut self, value: Sample) -> Option<f64> {
        self.0.push(value.get())?.sample_deviation()
    }
}

/// What [`Bollinger`] says, in the values' unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bands {
    /// Average plus the deviations.
    pub upper: f64,
    /// Simple average.
    pub middle: f64,
    /// Average minus the deviations.
    pub lower: f64,
}

/// Bollinger bands: two population deviations around the simple average (TA-Lib `BBANDS`).
#[derive(Clone, Debug)]
pub struct Bollinger {
    average: Sma,
    deviation: Deviation,
}

impl Bollinger {
    /// Deviations between the middle and each band.
    pub const DEVIATIONS: f64 = 2.0;

    /// The bands of `period` values.
    pub fn new(period: Period) -> Self {
        Self { average: Sma::new(period), deviation: Deviation::new(period) }
    }
}

impl Indicator for Bollinger {
    type Input = Sample;
    type Output = Bands;

    fn update(&mut self, value: Sample) -> Option<Bands> {
        let middle = self.average.update(value);
        let reach = Self::DEVIATIONS * self.deviation.update(value)?;
        let middle = middle?;
        Some(Bands { upper: middle + reach, middle, lower: middle - reach })
    }
}

/// The highest high and the lowest low of some bars, in the price's unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extremes {
    /// Highest high (TA-Lib `MAX` of the highs).
    pub highest: f64,
    /// Lowest low (TA-Lib `MIN` of the lows).
    pub lowest: f64,
}

impl Extremes {
    /// Where `price` is between them, 0 at the lowest and 1 at the highest; absent when both are one.
    pub(super) fn place(self, price: f64) -> Option<f64> {
        ratio(price - self.lowest, self.highest - self.lowest)
    }
}

/// [`Extremes`] of the last `period` bars.
#[derive(Clone, Debug)]
pub struct Channel {
    highs: Sliding<Highest>,
    lows: Sliding<Lowest>,
}

impl Channel {
    /// The extremes of `period` bars.
    pub fn new(period: Period) -> Self {
        Self { highs: Sliding::new(period), lows: Sliding::new(period) }
    }
}

impl Indicator for Channel {
    type Input = Bar;
    type Output = Extremes;

    fn update(&mut self, bar: Bar) -> Option<Extremes> {
        let highest = self.highs.push(bar.high());
        let lowest = self.lows.push(bar.low());
        Some(Extremes { highest: highest?.0, lowest: lowest?.0 })
    }
}
