//! The border to indicators: numbers that are finite, and bars that are consistent.
//!
//! TA-Lib answers one NaN with wrong values for ever (strategies.md 1.1). Here it cannot get in.

use domain::Candle;
use rust_decimal::prelude::ToPrimitive;

/// A finite number of at most [`Sample::MAGNITUDE_MAX`] in either direction, so that no average overflows.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Sample(f64);

impl Sample {
    /// The largest magnitude: its square times any count of bars is still finite.
    pub const MAGNITUDE_MAX: f64 = 1e100;

    /// A number that indicators take.
    ///
    /// # Errors
    /// [`InvalidNumber`] when the number is not finite or too large.
    pub fn new(number: f64) -> Result<Self, InvalidNumber> {
        if !number.is_finite() {
            return Err(InvalidNumber::NotFinite);
        }
        if number.abs() > Self::MAGNITUDE_MAX {
            return Err(InvalidNumber::TooLarge);
        }
        Ok(Self(number))
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

/// Why a number is no [`Sample`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNumber {
    /// NaN or infinite.
    #[error("is not a finite number")]
    NotFinite,
    /// Beyond [`Sample::MAGNITUDE_MAX`].
    #[error("is larger than 1e100")]
    TooLarge,
}

/// A number of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// First price.
    Open,
    /// Highest price.
    High,
    /// Lowest price.
    Low,
    /// Last price.
    Close,
    /// Units traded.
    Volume,
}

impl Field {
    /// The column's name in a file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::High => "high",
            Self::Low => "low",
            Self::Close => "close",
            Self::Volume => "volume",
        }
    }
}

/// Prices above zero with high and low outermost, and a volume that is not negative; fractions are allowed in all five.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    volume: f64,
}

impl Bar {
    /// A bar from open, high, low, close and volume.
    ///
    /// # Errors
    /// [`InvalidBar`] names the number that is wrong.
    pub fn new([open, high, low, close]: [f64; 4], volume: f64) -> Result<Self, InvalidBar> {
        let prices = [(Field::Open, open), (Field::High, high), (Field::Low, low), (Field::Close, close)];
        for (field, number) in prices {
            if checked(field, number)? <= 0.0 {
                return Err(InvalidBar::PriceNotPositive { field });
            }
        }
        if checked(Field::Volume, volume)? < 0.0 {
            return Err(InvalidBar::VolumeNegative);
        }
        if high < open.max(close).max(low) {
            return Err(InvalidBar::HighTooLow);
        }
        if low > open.min(close) {
            return Err(InvalidBar::LowTooHigh);
        }
        Ok(Self { open, high, low, close, volume })
    }

    /// The bar of a candle; absent for a number that no float can hold. The candle has checked the order of its prices.
    pub fn of_candle(candle: &Candle) -> Option<Self> {
        let prices = [candle.open, candle.high, candle.low, candle.close];
        let [open, high, low, close] = prices.map(|price| price.value().to_f64());
        Some(Self { open: open?, high: high?, low: low?, close: close?, volume: candle.volume.to_f64()? })
    }

    /// First price.
    pub fn open(&self) -> f64 {
        self.open
    }

    /// Highest price.
    pub fn high(&self) -> f64 {
        self.high
    }

    /// Lowest price.
    pub fn low(&self) -> f64 {
        self.low
    }

    /// Last price.
    pub fn close(&self) -> f64 {
        self.close
    }

    /// The last price, for indicators of single values.
    pub fn close_sample(&self) -> Sample {
        Sample(self.close)
    }

    /// The units traded, for indicators of single values.
    pub fn volume_sample(&self) -> Sample {
        Sample(self.volume)
    }

    /// Units traded.
    pub fn volume(&self) -> f64 {
        self.volume
    }

    /// The mean of high, low and close.
    pub fn typical(&self) -> f64 {
        (self.high + self.low + self.close) / 3.0
    }
}

fn checked(field: Field, number: f64) -> Result<f64, InvalidBar> {
    Sample::new(number).map(Sample::get).map_err(|why| InvalidBar::Number { field, why })
}

/// Why five numbers are no bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBar {
    /// A number that indicators do not take.
    #[error("{} {why}", field.name())]
    Number {
        /// Which.
        field: Field,
        /// Why.
        why: InvalidNumber,
    },
    /// A price of zero or below.
    #[error("{} is not above zero", field.name())]
    PriceNotPositive {
        /// Which.
        field: Field,
    },
    /// A volume below zero.
    #[error("volume is below zero")]
    VolumeNegative,
    /// The high is not the highest price.
    #[error("high is below another price of the bar")]
    HighTooLow,
    /// The low is not the lowest price.
    #[error("low is above another price of the bar")]
    LowTooHigh,
}
