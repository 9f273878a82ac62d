//! Indicators over daily bars.
//!
//! They are ratios and averages that rules compare, not money, so they are computed in `f64` and converted once,
//! rounded to [`DECIMALS`] places. Definitions follow strategies.md 1.1: Wilder's smoothing starts from a simple
//! mean, a flat series has RSI 50. A value that is not defined yet is absent, never zero or neutral.

use domain::{Candle, Price};
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};

/// Bars needed before RSI or ATR may decide anything: with fewer, Wilder's start value still shows (strategies.md 1.3).
pub const DECISION_BARS: usize = 200;

/// Places kept when a result becomes a decimal.
pub const DECIMALS: u32 = 6;

/// Column `pick` of the bars as floats; a price that does not fit becomes NaN and later an absent result.
pub fn column(bars: &[Candle], pick: fn(&Candle) -> Price) -> Vec<f64> {
    bars.iter().map(|bar| pick(bar).value().to_f64().unwrap_or(f64::NAN)).collect()
}

/// The closing prices.
pub fn closes(bars: &[Candle]) -> Vec<f64> {
    column(bars, |bar| bar.close)
}

/// Simple moving average of the last `period` closes, in the price's unit.
pub fn sma(bars: &[Candle], period: usize) -> Option<Decimal> {
    decimal(last(&sma_series(&closes(bars), period))?)
}

/// Exponential moving average of the closes with weight `2 / (period + 1)`, started from a simple mean.
pub fn ema(bars: &[Candle], period: usize) -> Option<Decimal> {
    decimal(last(&ema_series(&closes(bars), period))?)
}

/// Wilder's relative strength index, 0 to 100.
pub fn rsi(bars: &[Candle], period: usize) -> Option<Decimal> {
    decimal(last(&rsi_series(&closes(bars), period))?)
}

/// Wilder's average true range, in the price's unit.
pub fn atr(bars: &[Candle], period: usize) -> Option<Decimal> {
    decimal(last(&atr_series(bars, period))?)
}

/// Wilder's average true range in percent of the last close.
pub fn atr_pct(bars: &[Candle], period: usize) -> Option<Decimal> {
    let close = *closes(bars).last()?;
    decimal(last(&atr_series(bars, period))? / close * 100.0)
}

/// The last bar's volume against the mean of the `period` bars before it; 2 means twice. Absent when that mean is zero.
pub fn volume_ratio(bars: &[Candle], period: usize) -> Option<Decimal> {
    let volumes: Vec<f64> = bars.iter().map(|bar| bar.volume.to_f64().unwrap_or(f64::NAN)).collect();
    decimal(last(&volume_ratio_series(&volumes, period))?)
}

/// Change of the last close against the close `lag` bars earlier, in percent.
pub fn change_pct(bars: &[Candle], lag: usize) -> Option<Decimal> {
    let closes = closes(bars);
    let past = *closes.get(closes.len().checked_sub(lag + 1)?)?;
    decimal((closes.last()? / past - 1.0) * 100.0)
}

/// High minus low of the last bar in percent of its close (lessons.md 2, intraday range).
pub fn range_pct(bars: &[Candle]) -> Option<Decimal> {
    let bar = bars.last()?;
    let range = bar.high.value().checked_sub(bar.low.value())?;
    Some((range.checked_mul(Decimal::ONE_HUNDRED)?).checked_div(bar.close.value())?.round_dp(DECIMALS))
}

/// The last close against its bar's high, in percent of the high: 0 at the high, negative below it.
pub fn from_high_pct(bars: &[Candle]) -> Option<Decimal> {
    let bar = bars.last()?;
    let below = bar.close.value().checked_sub(bar.high.value())?;
    Some((below.checked_mul(Decimal::ONE_HUNDRED)?).checked_div(bar.high.value())?.round_dp(DECIMALS))
}

/// Sample standard deviation of the last `period` daily returns, in percent per day.
pub fn volatility_pct(bars: &[Candle], period: usize) -> Option<Decimal> {
    let closes = closes(bars);
    let returns: Vec<f64> = closes.windows(2).map(|pair| (pair[1] / pair[0] - 1.0) * 100.0).collect();
    let recent = returns.get(returns.len().checked_sub(period)?..)?;
    decimal(sample_deviation(recent)?)
}

/// Distance of the last close from its simple average over `period` bars, in percent of that average.
pub fn sma_distance_pct(bars: &[Candle], period: usize) -> Option<Decimal> {
    let closes = closes(bars);
    let average = last(&sma_series(&closes, period))?;
    decimal((closes.last()? / average - 1.0) * 100.0)
}

/// [`sma`] at every bar; absent until `period` values are there.
pub fn sma_series(values: &[f64], period: usize) -> Vec<Option<f64>> {
    // Each window is summed afresh: a running sum drifts, and drift flips comparisons of flat, cheap stocks.
    (1..=values.len())
        .map(|end| {
            let window = values.get(end.checked_sub(period)?..end)?;
            mean(window)
        })
        .collect()
}

/// [`ema`] at every bar.
pub fn ema_series(values: &[f64], period: usize) -> Vec<Option<f64>> {
    smoothed(values, period, 2.0 / (float(period) + 1.0))
}

/// [`rsi`] at every bar; the first value is at index `period`.
pub fn rsi_series(closes: &[f64], period: usize) -> Vec<Option<f64>> {
    let changes: Vec<f64> = closes.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let gains: Vec<f64> = changes.iter().map(|change| change.max(0.0)).collect();
    let losses: Vec<f64> = changes.iter().map(|change| (-change).max(0.0)).collect();
    let pairs = wilder(&gains, period).into_iter().zip(wilder(&losses, period));
    let strengths = pairs.map(|(gain, loss)| Some(strength(gain?, loss?)));
    std::iter::once(None).take(closes.len().min(1)).chain(strengths).collect()
}

/// [`atr`] at every bar; the first value is at index `period`, because the first bar has no true range.
pub fn atr_series(bars: &[Candle], period: usize) -> Vec<Option<f64>> {
    let high = column(bars, |bar| bar.high);
    let low = column(bars, |bar| bar.low);
    let close = closes(bars);
    let ranges: Vec<f64> =
        (1..bars.len()).map(|i| (high[i].max(close[i - 1])) - (low[i].min(close[i - 1]))).collect();
    std::iter::once(None).take(bars.len().min(1)).chain(wilder(&ranges, period)).collect()
}

/// [`volume_ratio`] at every bar.
pub fn volume_ratio_series(volumes: &[f64], period: usize) -> Vec<Option<f64>> {
    let averages = sma_series(volumes, period);
    let ratio = |(i, volume): (usize, &f64)| {
        let average = (*averages.get(i.checked_sub(1)?)?)?;
        (average > 0.0).then(|| volume / average)
    };
    volumes.iter().enumerate().map(ratio).collect()
}

fn wilder(values: &[f64], period: usize) -> Vec<Option<f64>> {
    smoothed(values, period, 1.0 / float(period))
}

/// Exponential smoothing that starts with the simple mean of the first `period` values.
fn smoothed(values: &[f64], period: usize, weight: f64) -> Vec<Option<f64>> {
    let Some(start) = values.get(..period).and_then(mean) else {
        return vec![None; values.len()];
    };
    let mut series = vec![None; period - 1];
    series.push(Some(start));
    let mut current = start;
    for value in values.iter().skip(period) {
        current += weight * (value - current);
        series.push(Some(current));
    }
    series
}

fn strength(gain: f64, loss: f64) -> f64 {
    let moved = gain + loss;
    if moved > 0.0 { 100.0 * gain / moved } else { 50.0 }
}

/// The mean, absent for no values: a period of zero has no average.
fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / float(values.len()))
}

fn sample_deviation(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mean = mean(values)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / float(values.len() - 1)).sqrt())
}

fn last(series: &[Option<f64>]) -> Option<f64> {
    series.last().copied().flatten()
}

/// The one conversion out of floats; a result that is not finite is absent.
fn decimal(value: f64) -> Option<Decimal> {
    Decimal::from_f64(value).map(|number| number.round_dp(DECIMALS))
}

fn float(count: usize) -> f64 {
    count.to_f64().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests;
