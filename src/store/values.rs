//! How values lie in the columns: money in millionths, times in milliseconds, dates and codes as text.
//!
//! Nothing is rounded silently: what does not fit exactly is refused, except where a measure (equity, a quote) is
//! rounded on purpose by [`Micros::nearest`].

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::BigInt;
use diesel::sqlite::{Sqlite, SqliteValue};
use domain::{Currency, Money, Price, Quantity};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use trade_ledger::StoreError;

/// Millionths of a currency unit. diesel would carry a decimal through a float; this never does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, AsExpression, FromSqlRow)]
#[diesel(sql_type = BigInt)]
pub(super) struct Micros(pub(super) i64);

impl Micros {
    /// The number of millionths in `value`; refused when there is a smaller part or it is too large (9.2 trillion).
    pub(super) fn exact(value: Decimal) -> Result<Self, StoreError> {
        let refused = || StoreError::NotRepresentable(value.to_string());
        let scaled = value.checked_mul(Decimal::from(1_000_000)).ok_or_else(refused)?;
        if !scaled.fract().is_zero() {
            return Err(refused());
        }
        scaled.to_i64().map(Self).ok_or_else(refused)
    }

    /// The nearest number of millionths, for measures that nothing is computed from to the last digit.
    pub(super) fn nearest(value: Decimal) -> Result<Self, StoreError> {
        Self::exact(value.round_dp(6))
    }

    pub(super) fn decimal(self) -> Decimal {
        Decimal::new(self.0, 6).normalize()
    }

    pub(super) fn price(self) -> Result<Price, StoreError> {
        Price::new(self.decimal()).map_err(|_| malformed("price", &self.decimal().to_string()))
    }

    pub(super) fn money(self, currency: Currency) -> Money {
        Money::new(self.decimal(), currency)
    }
}

impl ToSql<BigInt, Sqlite> for Micros {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0);
        Ok(IsNull::No)
    }
}

impl FromSql<BigInt, Sqlite> for Micros {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        <i64 as FromSql<BigInt, Sqlite>>::from_sql(value).map(Self)
    }
}

/// A time as stored.
pub(super) fn ms(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

/// A time as read.
pub(super) fn time(at_ms: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_millis(at_ms).ok_or_else(|| malformed("time", &at_ms.to_string()))
}

/// A date as stored; read with [`parsed`].
pub(super) fn day(date: NaiveDate) -> String {
    date.to_string()
}

/// A code, id or date as read.
pub(super) fn parsed<T: FromStr>(what: &'static str, text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| malformed(what, text))
}

/// A count as stored.
pub(super) fn stored(count: u64) -> Result<i64, StoreError> {
    i64::try_from(count).map_err(|_| StoreError::NotRepresentable(count.to_string()))
}

/// A count as read.
pub(super) fn count(value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| malformed("count", &value.to_string()))
}

/// A number of shares as read.
pub(super) fn shares(value: i64) -> Result<Quantity, StoreError> {
    count(value).map(Quantity::new)
}

/// A number for the seed's REAL columns, which only people read.
pub(super) fn real(value: Decimal) -> Option<f64> {
    value.to_f64()
}

pub(super) fn malformed(what: &'static str, value: &str) -> StoreError {
    StoreError::Malformed { what, value: value.chars().take(40).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_kept_to_the_millionth_or_refused() {
        let cases = [
            ("0.000001", Some(1)),
            ("-1.5", Some(-1_500_000)),
            ("9223372036854.775807", Some(i64::MAX)),
            ("0.0000001", None),
            ("9223372036854.775808", None),
            ("79228162514264337593543950335", None),
        ];
        for (text, expected) in cases {
            let value: Decimal = text.parse().unwrap();
            assert_eq!(Micros::exact(value).ok().map(|m| m.0), expected, "{text}");
            if expected.is_some() {
                assert_eq!(Micros::exact(value).unwrap().decimal(), value, "{text}");
            }
        }
    }
}
