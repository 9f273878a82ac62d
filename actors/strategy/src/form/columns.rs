//! Features over a whole series of bars, a column per feature.
//!
//! A value at a bar follows from this bar and those before it alone: each column is one pass of a machine that has seen no
//! later bar. Averages of closes are counted in whole millionths, so that a tie is a tie (strategies.md 1.1). An absent value
//! is stored as NaN, which no comparison is true of.

use domain::messages::bars::DayBar;

use super::feature::Feature;
use crate::indicators::{
    Adx, Bar, Baseline, Bollinger, Change, Channel, DECISION_BARS, Indicator, InvalidBar, Macd, Mfi, Natr,
    Period, Rsi, Sample, SampleDeviation, Sma, Stochastic, VolumeRatio, WilliamsR,
};

/// Longest run of closes in one direction that is counted.
const STREAK_MAX: i32 = 60;

/// The features of one series of bars.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns {
    bars: usize,
    of: Vec<Option<Vec<f64>>>,
}

/// A bar of the series is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bar {} of the series: {why}", index + 1)]
pub struct NoColumns {
    /// Its place, 0 for the first.
    pub index: usize,
    /// What is wrong.
    pub why: InvalidBar,
}

impl Columns {
    /// The columns of `wanted` over `days`, oldest first; of the features of a holding there is none.
    ///
    /// # Errors
    /// [`NoColumns`] names the first bar whose numbers contradict each other.
    pub fn of(days: &[DayBar], wanted: &[Feature]) -> Result<Self, NoColumns> {
        let series = Series::of(days)?;
        let mut of = vec![None; Feature::ALL.len()];
        for feature in wanted {
            of[*feature as usize] = series.column(*feature);
        }
        Ok(Self { bars: days.len(), of })
    }

    /// How many bars there are.
    pub fn bars(&self) -> usize {
        self.bars
    }

    /// The values of `feature`, NaN where it is absent; none when it was not asked for.
    pub fn values(&self, feature: Feature) -> Option<&[f64]> {
        self.of[feature as usize].as_deref()
    }

    /// The value of `feature` at a bar.
    pub fn value(&self, feature: Feature, bar: usize) -> Option<f64> {
        self.values(feature)?.get(bar).copied().filter(|value| !value.is_nan())
    }

    /// Columns that were made elsewhere: a benchmark's own, or a planted mistake of a test. Each is cut or filled with
    /// absent values to `bars`.
    pub fn from_values(bars: usize, given: Vec<(Feature, Vec<f64>)>) -> Self {
        let mut of = vec![None; Feature::ALL.len()];
        for (feature, mut values) in given {
            values.resize(bars, f64::NAN);
            of[feature as usize] = Some(values);
        }
        Self { bars, of }
    }
}

struct Series {
    bars: Vec<Bar>,
    closes: Vec<i64>,
}

impl Series {
    fn of(days: &[DayBar]) -> Result<Self, NoColumns> {
        let bar = |(index, day): (usize, &DayBar)| {
            let prices = [day.open_micros, day.high_micros, day.low_micros, day.close_micros];
            Bar::new(prices.map(units), day.volume as f64).map_err(|why| NoColumns { index, why })
        };
        let bars: Result<Vec<_>, _> = days.iter().enumerate().map(bar).collect();
        Ok(Self { bars: bars?, closes: days.iter().map(|day| day.close_micros).collect() })
    }

    fn column(&self, feature: Feature) -> Option<Vec<f64>> {
        use Feature as F;
        Some(match feature {
            F::Roc1 => self.change(Period::of::<1>()),
            F::Roc5 => self.change(Period::of::<5>()),
            F::Roc20 => self.change(Period::of::<20>()),
            F::Roc60 => self.change(Period::of::<60>()),
            F::Roc120 => self.change(Period::of::<120>()),
            F::GapPct => self.pairs(|before, bar| percent(bar.open(), before.close())),
            F::IntradayPct => self.each(|bar| percent(bar.close(), bar.open())),
            F::RangePct => self.each(range_pct),
            F::MovePct => {
                self.pairs(|before, bar| percent(bar.close(), before.close()).abs().max(range_pct(bar)))
            }
            F::FromHighPct => self.each(|bar| percent(bar.close(), bar.high())),
            F::BarPlace => self.each(|bar| share(bar.close() - bar.low(), bar.high() - bar.low())),
            F::Sma5DistancePct => self.averages(1, 5),
            F::Sma20DistancePct => self.averages(1, 20),
            F::Sma60DistancePct => self.averages(1, 60),
            F::Sma200DistancePct => self.averages(1, 200),
            F::Sma5To20Pct => self.averages(5, 20),
            F::Sma20To50Pct => self.averages(20, 50),
            F::Sma20To60Pct => self.averages(20, 60),
            F::Sma50To200Pct => self.averages(50, 200),
            F::Rsi2 => seasoned(self.of_closes(Rsi::new(Period::of::<2>()))),
            F::Rsi14 => seasoned(self.of_closes(Rsi::new(Period::of::<14>()))),
            F::MacdHistogramPct => seasoned(self.macd_histogram()),
            F::BbPlace20 | F::BbWidth20Pct => self.bands(feature == F::BbPlace20),
            F::Volatility20Pct => self.volatility(Period::of::<20>()),
            F::Volatility60Pct => self.volatility(Period::of::<60>()),
            F::CloseZ20 => self.deviations(Period::of::<20>(), Bar::close_sample),
            F::CloseZ60 => self.deviations(Period::of::<60>(), Bar::close_sample),
            F::VolumeZ20 => self.deviations(Period::of::<20>(), Bar::volume_sample),
            F::ReturnZ20 => self.deviations_of_changes(Period::of::<20>()),
            F::Streak => self.streak(),
            F::HoldingPnlPct => return None,
            F::Adx14 => seasoned(self.of_bars(Adx::new(Period::of::<14>()))),
            F::Atr14Pct => seasoned(self.of_bars(Natr::new(Period::of::<14>()))),
            F::Mfi14 => self.of_bars(Mfi::new(Period::of::<14>())),
            F::StochK14 | F::StochD14 => self.stochastic(feature == F::StochK14),
            F::WilliamsR14 => self.of_bars(WilliamsR::new(Period::of::<14>())),
            F::ChannelPlace20 => self.place(Period::of::<20>()),
            F::ChannelPlace60 => self.place(Period::of::<60>()),
            F::FromHigh20Pct => self.below_high(Period::of::<20>()),
            F::FromHigh252Pct => self.below_high(Period::of::<252>()),
            F::FromLow20Pct => self.above_low(Period::of::<20>()),
            F::VolumeRatio20 => {
                let ratio = VolumeRatio::new(Period::of::<20>(), Baseline::BeforeBar);
                self.samples(ratio, Bar::volume_sample)
            }
        })
    }

    /// What an indicator of single values says after each bar.
    fn samples<I: Indicator<Input = Sample, Output = f64>>(
        &self,
        mut indicator: I,
        sample: impl Fn(&Bar) -> Sample,
    ) -> Vec<f64> {
        self.bars.iter().map(|bar| known(indicator.update(sample(bar)))).collect()
    }

    fn of_closes<I: Indicator<Input = Sample, Output = f64>>(&self, indicator: I) -> Vec<f64> {
        self.samples(indicator, Bar::close_sample)
    }

    fn of_bars<I: Indicator<Input = Bar, Output = f64>>(&self, mut indicator: I) -> Vec<f64> {
        self.bars.iter().map(|bar| known(indicator.update(*bar))).collect()
    }

    fn each(&self, value: impl Fn(&Bar) -> f64) -> Vec<f64> {
        self.bars.iter().map(value).collect()
    }

    /// A value of a bar and the one before it; absent for the first.
    fn pairs(&self, value: impl Fn(&Bar, &Bar) -> f64) -> Vec<f64> {
        let later = self.bars.iter().zip(self.bars.iter().skip(1)).map(|(before, bar)| value(before, bar));
        std::iter::once(f64::NAN).chain(later).take(self.bars.len()).collect()
    }

    fn change(&self, lag: Period) -> Vec<f64> {
        self.of_closes(Change::over(lag))
    }

    /// The mean of `fast` closes against the mean of `slow` ones in percent, its sign exact; the fast one of a single close is
    /// the close.
    fn averages(&self, fast: usize, slow: usize) -> Vec<f64> {
        let (fast_sums, slow_sums) = (sums(&self.closes, fast), sums(&self.closes, slow));
        let value = |(fast_sum, slow_sum): (Option<i128>, Option<i128>)| {
            let (fast_sum, slow_sum) = fast_sum.zip(slow_sum)?;
            // Means times fast x slow: at most 200 x 200 closes of 10^18 millionths.
            let (fast_mean, slow_mean) = (fast_sum * slow as i128, slow_sum * fast as i128);
            Some((fast_mean - slow_mean) as f64 / slow_mean as f64 * 100.0)
        };
        fast_sums.zip(slow_sums).map(value).map(known).collect()
    }

    fn macd_histogram(&self) -> Vec<f64> {
        let mut macd = Macd::new(Period::of::<12>(), Period::of::<26>(), Period::of::<9>());
        let value =
            |bar: &Bar| macd.update(bar.close_sample()).map(|point| point.histogram / bar.close() * 100.0);
        self.bars.iter().map(value).map(known).collect()
    }

    /// The place within the Bollinger bands, else their width.
    fn bands(&self, is_place: bool) -> Vec<f64> {
        let mut bollinger = Bollinger::new(Period::of::<20>());
        let value = |bar: &Bar| {
            let bands = bollinger.update(bar.close_sample())?;
            let width = bands.upper - bands.lower;
            Some(if is_place {
                share(bar.close() - bands.lower, width)
            } else {
                width / bands.middle * 100.0
            })
        };
        self.bars.iter().map(value).map(known).collect()
    }

    fn stochastic(&self, is_k: bool) -> Vec<f64> {
        let mut stochastic = Stochastic::new(Period::of::<14>(), Period::of::<3>(), Period::of::<3>());
        let value = |bar: &Bar| stochastic.update(*bar).map(|point| if is_k { point.k } else { point.d });
        self.bars.iter().map(value).map(known).collect()
    }

    fn channel(&self, period: Period, value: impl Fn(f64, f64, f64) -> f64) -> Vec<f64> {
        let mut channel = Channel::new(period);
        let of_bar = |bar: &Bar| {
            let extremes = channel.update(*bar)?;
            Some(value(bar.close(), extremes.lowest, extremes.highest))
        };
        self.bars.iter().map(of_bar).map(known).collect()
    }

    fn place(&self, period: Period) -> Vec<f64> {
        self.channel(period, |close, lowest, highest| share(close - lowest, highest - lowest))
    }

    fn below_high(&self, period: Period) -> Vec<f64> {
        self.channel(period, |close, _, highest| percent(close, highest))
    }

    fn above_low(&self, period: Period) -> Vec<f64> {
        self.channel(period, |close, lowest, _| percent(close, lowest))
    }

    /// What a machine over daily changes says; the change of the first bar is absent.
    fn of_changes(&self, mut value: impl FnMut(Sample) -> Option<f64>) -> Vec<f64> {
        let changes = self.change(Period::of::<1>());
        changes.into_iter().map(|change| known(Sample::new(change).ok().and_then(&mut value))).collect()
    }

    fn volatility(&self, period: Period) -> Vec<f64> {
        let mut deviation = SampleDeviation::new(period);
        self.of_changes(|change| deviation.update(change))
    }

    fn deviations_of_changes(&self, period: Period) -> Vec<f64> {
        let mut score = Score::over(period);
        self.of_changes(|change| score.update(change))
    }

    fn deviations(&self, period: Period, sample: impl Fn(&Bar) -> Sample) -> Vec<f64> {
        self.samples(Score::over(period), sample)
    }

    fn streak(&self) -> Vec<f64> {
        let mut run = 0_i32;
        let later = self.closes.windows(2).map(|pair| {
            run = match pair[1].cmp(&pair[0]) {
                std::cmp::Ordering::Greater => run.max(0).saturating_add(1),
                std::cmp::Ordering::Less => run.min(0).saturating_sub(1),
                std::cmp::Ordering::Equal => 0,
            };
            f64::from(run.clamp(-STREAK_MAX, STREAK_MAX))
        });
        std::iter::once(f64::NAN).chain(later).take(self.closes.len()).collect()
    }
}

/// How many sample deviations a value is above the mean of the last values, itself among them.
struct Score {
    mean: Sma,
    deviation: SampleDeviation,
}

impl Score {
    fn over(period: Period) -> Self {
        Self { mean: Sma::new(period), deviation: SampleDeviation::new(period) }
    }
}

impl Indicator for Score {
    type Input = Sample;
    type Output = f64;

    fn update(&mut self, value: Sample) -> Option<f64> {
        let mean = self.mean.update(value);
        let deviation = self.deviation.update(value);
        Some(share(value.get() - mean?, deviation?))
    }
}

/// The sums of the last `period` whole numbers at each place, in exact arithmetic.
fn sums(numbers: &[i64], period: usize) -> impl Iterator<Item = Option<i128>> {
    let mut sum = 0_i128;
    numbers.iter().enumerate().map(move |(index, newest)| {
        sum += i128::from(*newest);
        if let Some(left) = index.checked_sub(period) {
            sum -= i128::from(numbers[left]);
        }
        (index + 1 >= period).then_some(sum)
    })
}

/// Millionths as a number; prices below 9,007,199,254 are exact.
fn units(micros: i64) -> f64 {
    micros as f64 / 1e6
}

fn percent(present: f64, past: f64) -> f64 {
    (present / past - 1.0) * 100.0
}

fn range_pct(bar: &Bar) -> f64 {
    (bar.high() - bar.low()) / bar.close() * 100.0
}

/// `part` of `whole`; absent without a whole.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { f64::NAN }
}

fn known(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::NAN)
}

/// The values from the bar on at which they may decide something: those before still show their start (strategies.md 1.3).
fn seasoned(mut values: Vec<f64>) -> Vec<f64> {
    let young = values.len().min(DECISION_BARS - 1);
    values[..young].fill(f64::NAN);
    values
}
