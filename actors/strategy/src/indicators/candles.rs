//! The indicators that rules read: of the last of some daily bars, as decimals.

use domain::Candle;
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};

use super::number;
use super::{
    Bar, Baseline, Change, Ema, Indicator, Natr, Period, Rsi, Sample, SampleDeviation, Seasoned, Sma,
    VolumeRatio, latest,
};

/// Places kept when a result becomes a decimal.
pub const DECIMALS: u32 = 6;

/// Simple moving average of the last `period` closes, in the price's unit.
pub fn sma(candles: &[Candle], period: Period) -> Option<Decimal> {
    decimal(latest(Sma::new(period), closes(candles)?)?)
}

/// Exponential moving average of the closes, in the price's unit.
pub fn ema(candles: &[Candle], period: Period) -> Option<Decimal> {
    decimal(latest(Ema::new(period), closes(candles)?)?)
}

/// Wilder's relative strength index of the closes, 0 to 100, as far as it may decide something ([`Seasoned`]).
pub fn rsi(candles: &[Candle], period: Period) -> Option<Decimal> {
    decimal(latest(Seasoned::new(Rsi::new(period)), closes(candles)?)?)
}

/// Wilder's average true range in percent of the last close, as far as it may decide something ([`Seasoned`]).
pub fn atr_pct(candles: &[Candle], period: Period) -> Option<Decimal> {
    let bars: Option<Vec<Bar>> = candles.iter().map(Bar::of_candle).collect();
    decimal(latest(Seasoned::new(Natr::new(period)), bars?)?)
}

/// The last bar's volume against the mean of the `period` bars before it; 2 means twice. Absent when that mean is zero.
pub fn volume_ratio(candles: &[Candle], period: Period) -> Option<Decimal> {
    let volumes: Option<Vec<Sample>> = candles.iter().map(|candle| sample(candle.volume.to_f64()?)).collect();
    decimal(latest(VolumeRatio::new(period, Baseline::BeforeBar), volumes?)?)
}

/// Change of the last close against the close `lag` bars earlier, in percent.
pub fn change_pct(candles: &[Candle], lag: Period) -> Option<Decimal> {
    decimal(latest(Change::over(lag), closes(candles)?)?)
}

/// Sample standard deviation of the last `period` daily returns, in percent per day.
pub fn volatility_pct(candles: &[Candle], period: Period) -> Option<Decimal> {
    let mut change = Change::over(Period::of::<1>());
    let changes = closes(candles)?.into_iter().filter_map(|close| sample(change.update(close)?));
    decimal(latest(SampleDeviation::new(period), changes)?)
}

/// Distance of the last close from its simple average over `period` bars, in percent of that average.
pub fn sma_distance_pct(candles: &[Candle], period: Period) -> Option<Decimal> {
    let closes = closes(candles)?;
    let close = closes.last()?.get();
    decimal(number::change_pct(latest(Sma::new(period), closes)?, close)?)
}

/// High minus low of the last bar in percent of its close (lessons.md 2, intraday range).
pub fn range_pct(candles: &[Candle]) -> Option<Decimal> {
    let candle = candles.last()?;
    let range = candle.high.value().checked_sub(candle.low.value())?;
    Some((range.checked_mul(Decimal::ONE_HUNDRED)?).checked_div(candle.close.value())?.round_dp(DECIMALS))
}

/// The last close against its bar's high, in percent of the high: 0 at the high, negative below it.
pub fn from_high_pct(candles: &[Candle]) -> Option<Decimal> {
    let candle = candles.last()?;
    let below = candle.close.value().checked_sub(candle.high.value())?;
    Some((below.checked_mul(Decimal::ONE_HUNDRED)?).checked_div(candle.high.value())?.round_dp(DECIMALS))
}

fn closes(candles: &[Candle]) -> Option<Vec<Sample>> {
    candles.iter().map(|candle| sample(candle.close.value().to_f64()?)).collect()
}

fn sample(number: f64) -> Option<Sample> {
    Sample::new(number).ok()
}

/// The one conversion out of floats; a result that no decimal can hold is absent.
fn decimal(value: f64) -> Option<Decimal> {
    Decimal::from_f64(value).map(|number| number.round_dp(DECIMALS))
}

#[cfg(test)]
mod tests;
