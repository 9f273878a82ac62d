//! One bar of market data.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Price;

/// A bar: open, high, low, close and volume of one interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candle {
    /// The start of the interval.
    pub at: DateTime<Utc>,
    /// First price.
    pub open: Price,
    /// Highest price, never below the others.
    pub high: Price,
    /// Lowest price, never above the others.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Shares traded; zero is a real value (a halted stock).
    pub volume: u64,
}

impl Candle {
    /// A bar whose prices are consistent.
    ///
    /// # Errors
    /// [`CandleError`] when high or low contradict the other prices.
    pub fn new(
        at: DateTime<Utc>,
        [open, high, low, close]: [Price; 4],
        volume: u64,
    ) -> Result<Self, CandleError> {
        if high < open.max(close).max(low) {
            return Err(CandleError::HighTooLow { at });
        }
        if low > open.min(close) {
            return Err(CandleError::LowTooHigh { at });
        }
        Ok(Self { at, open, high, low, close, volume })
    }
}

/// Why four prices are no bar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CandleError {
    /// The high is below another price of the bar.
    #[error("bar of {at}: the high is below another price")]
    HighTooLow {
        /// The bar.
        at: DateTime<Utc>,
    },
    /// The low is above another price of the bar.
    #[error("bar of {at}: the low is above another price")]
    LowTooHigh {
        /// The bar.
        at: DateTime<Utc>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_with_contradicting_prices_is_refused() {
        let at = DateTime::<Utc>::UNIX_EPOCH;
        let bar = |prices: [&str; 4]| Candle::new(at, prices.map(|p| p.parse().unwrap()), 0);
        assert!(bar(["10", "12", "9", "11"]).is_ok());
        assert_eq!(bar(["10", "10.5", "9", "11"]), Err(CandleError::HighTooLow { at }));
        assert_eq!(bar(["10", "12", "10.5", "11"]), Err(CandleError::LowTooHigh { at }));
    }
}
