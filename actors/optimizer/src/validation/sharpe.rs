//! How certain a Sharpe ratio is, after how many trials, and how long a record must be.
//!
//! Bailey and Lopez de Prado, "The Sharpe ratio efficient frontier" (2012) and "The deflated Sharpe ratio" (2014); Bailey,
//! Borwein, Lopez de Prado and Zhu, "Pseudo-mathematics and financial charlatanism" (2014).

use serde::{Deserialize, Serialize};

use super::{Degenerate, all_finite, at_least, mean, normal, within};

const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;
/// Fewest returns of a [`Record`].
pub const RETURNS_MIN: usize = 3;

/// What the formulas need to know of a series of returns. Fields per observation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// How many returns.
    pub observations: usize,
    /// Mean over sample standard deviation.
    pub sharpe: f64,
    /// Third standardised moment of the population.
    pub skew: f64,
    /// Fourth standardised moment of the population; 3 for normal returns.
    pub kurtosis: f64,
}

/// How many trials were made, and how their Sharpe ratios spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trials {
    /// Every trial that was ever made.
    pub count: u64,
    /// Variance of their Sharpe ratios, per observation.
    pub variance: f64,
}

impl Record {
    /// The record of `returns`.
    ///
    /// # Errors
    /// [`Degenerate`]: fewer than [`RETURNS_MIN`], not finite, or without variance.
    pub fn of(returns: &[f64]) -> Result<Self, Degenerate> {
        at_least("returns", returns.len(), RETURNS_MIN)?;
        all_finite(returns)?;
        let count = returns.len() as f64;
        let average = mean(returns);
        let moment = |power| returns.iter().map(|value| (value - average).powi(power)).sum::<f64>() / count;
        let variance = moment(2);
        // Returns so large that their powers overflow.
        all_finite(&[variance])?;
        let size = returns.iter().fold(0.0_f64, |size, value| size.max(value.abs()));
        // Rounding alone gives a constant series a variance of about this much.
        if variance <= (size * 1e-12).powi(2) {
            return Err(Degenerate::NoVariance { column: 0 });
        }
        let sharpe = average / (variance * count / (count - 1.0)).sqrt();
        let (skew, kurtosis) = (moment(3) / variance.powf(1.5), moment(4) / variance.powi(2));
        all_finite(&[sharpe, skew, kurtosis])?;
        Ok(Self { observations: returns.len(), sharpe, skew, kurtosis })
    }

    /// Variance of the estimated Sharpe ratio, times the observations less one.
    fn spread(&self) -> Result<f64, Degenerate> {
        let Self { sharpe, skew, kurtosis, .. } = *self;
        let spread = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe;
        let allowed = "above 0: such moments belong to no series";
        within("the spread of the Sharpe ratio", spread, spread.is_finite() && spread > 0.0, allowed)?;
        Ok(spread)
    }

    /// PSR: the probability that the true Sharpe ratio is above `benchmark`.
    ///
    /// # Errors
    /// [`Degenerate`] for fewer than two observations, moments of no series, or a benchmark that is no number.
    pub fn probability_above(&self, benchmark: f64) -> Result<f64, Degenerate> {
        at_least("returns", self.observations, 2)?;
        within("the benchmark", benchmark, benchmark.is_finite(), "a finite number")?;
        let root = (self.observations as f64 - 1.0).sqrt();
        Ok(normal::below((self.sharpe - benchmark) * root / self.spread()?.sqrt()))
    }

    /// DSR: the probability that the true Sharpe ratio is above what the best of so many trials without skill would show.
    ///
    /// # Errors
    /// As [`Record::probability_above`] and [`Trials::expected_maximum`].
    pub fn deflated(&self, trials: Trials) -> Result<f64, Degenerate> {
        self.probability_above(trials.expected_maximum()?)
    }

    /// MinTRL: after how many observations like these it is certain at `confidence` on which side of `benchmark` the true
    /// Sharpe ratio is.
    ///
    /// # Errors
    /// [`Degenerate`] when the two are equal, for moments of no series, or a confidence not between 0 and 1.
    pub fn least_observations(&self, benchmark: f64, confidence: f64) -> Result<f64, Degenerate> {
        within("the confidence", confidence, confidence > 0.0 && confidence < 1.0, "between 0 and 1")?;
        let distance = self.sharpe - benchmark;
        let is_apart = distance.is_finite() && distance.abs() > 0.0;
        within("the distance from the benchmark", distance, is_apart, "a finite number other than 0")?;
        Ok(1.0 + self.spread()? * (normal::quantile(confidence) / distance).powi(2))
    }
}

impl Trials {
    /// One trial each of these Sharpe ratios, per observation.
    ///
    /// # Errors
    /// [`Degenerate`] without any, or when one is not finite.
    pub fn of(sharpes: &[f64]) -> Result<Self, Degenerate> {
        at_least("trials", sharpes.len(), 1)?;
        all_finite(sharpes)?;
        let average = mean(sharpes);
        let squares: f64 = sharpes.iter().map(|sharpe| (sharpe - average).powi(2)).sum();
        let variance = squares / (sharpes.len() as f64 - 1.0).max(1.0);
        Ok(Self { count: sharpes.len() as u64, variance })
    }

    /// The Sharpe ratio per observation that the best of so many trials without skill is expected to show: the false
    /// strategy theorem. 0 for one trial.
    ///
    /// # Errors
    /// [`Degenerate`] without a trial, or for a variance that is none.
    pub fn expected_maximum(self) -> Result<f64, Degenerate> {
        let is_variance = self.variance.is_finite() && self.variance >= 0.0;
        within("the variance of the trials", self.variance, is_variance, "0 or more")?;
        Ok(self.variance.sqrt() * expected_maximum_deviations(self.count)?)
    }
}

/// The expected maximum of so many standard normal values.
///
/// # Errors
/// [`Degenerate`] without a trial.
pub fn expected_maximum_deviations(trials: u64) -> Result<f64, Degenerate> {
    at_least("trials", usize::try_from(trials).unwrap_or(usize::MAX), 1)?;
    if trials == 1 {
        return Ok(0.0);
    }
    let count = trials as f64;
    let (usual, rare) = (1.0 - 1.0 / count, 1.0 - 1.0 / (count * std::f64::consts::E));
    Ok((1.0 - EULER_GAMMA) * normal::quantile(usual) + EULER_GAMMA * normal::quantile(rare))
}

/// MinBTL: how many observations a backtest must have so that the best of so many trials without skill is not expected to
/// show `sharpe`, per observation.
///
/// # Errors
/// [`Degenerate`] without a trial, or for a ratio of zero.
pub fn least_backtest(trials: u64, sharpe: f64) -> Result<f64, Degenerate> {
    within(
        "the Sharpe ratio",
        sharpe,
        sharpe.is_finite() && sharpe.abs() > 0.0,
        "a finite number other than 0",
    )?;
    Ok((expected_maximum_deviations(trials)? / sharpe).powi(2))
}

/// An upper bound of [`least_backtest`] in closed form: 2 ln N / SR^2.
///
/// # Errors
/// As [`least_backtest`].
pub fn least_backtest_bound(trials: u64, sharpe: f64) -> Result<f64, Degenerate> {
    least_backtest(trials, sharpe)?;
    Ok(2.0 * (trials as f64).ln() / sharpe.powi(2))
}
