//! Daily bars for the books: what was seen of finished days, and what is read back as one comparable series.
//!
//! Prices are whole millionths of a currency unit, so that two readings compare exactly.

use actix::Message;
use chrono::NaiveDate;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde::{Deserialize, Serialize};

use super::ledger::LedgerError;
use super::market_data::QueryError;
use crate::{Candle, Instrument, Market};

/// Most bars of one [`BarSeries`]: about ten years.
pub const SERIES_MAX: u16 = 2_500;

/// One finished trading day of one stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DayBar {
    /// The day, by the market's own calendar.
    pub session_date: NaiveDate,
    /// First price, in millionths, positive.
    pub open_micros: i64,
    /// Highest price, never below the others.
    pub high_micros: i64,
    /// Lowest price, never above the others.
    pub low_micros: i64,
    /// Last price.
    pub close_micros: i64,
    /// Shares traded; zero is a real value.
    pub volume: u64,
}

impl DayBar {
    /// The bar of a candle that began on `session_date`; none when a price does not fit or is less than a millionth.
    pub fn of(session_date: NaiveDate, candle: &Candle) -> Option<Self> {
        let micros = |price: crate::Price| micros(price.value());
        Some(Self {
            session_date,
            open_micros: micros(candle.open)?,
            high_micros: micros(candle.high)?,
            low_micros: micros(candle.low)?,
            close_micros: micros(candle.close)?,
            volume: candle.volume,
        })
    }
}

/// The nearest whole number of millionths of a positive price; none when it is not positive then, or does not fit.
pub fn micros(price: Decimal) -> Option<i64> {
    let scaled = price.round_dp(6).checked_mul(Decimal::from(1_000_000))?.to_i64()?;
    (scaled > 0).then_some(scaled)
}

/// Scanner -> TradeLedger: what the exchange says of a stock's finished days, its prices adjusted for splits up to now. A
/// tell of the lowest rank: it waits until nothing else does, and may be lost, because it is told again with the next session.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct BarsSeen {
    /// The stock.
    pub instrument: Instrument,
    /// Its bars, oldest first, each day once.
    pub bars: Vec<DayBar>,
}

impl BarsSeen {
    /// Those of `candles` that belong to days before `session_date`, the session that is under way or comes next.
    pub fn finished(instrument: Instrument, session_date: NaiveDate, candles: &[Candle]) -> Self {
        let market = instrument.market;
        let bar = |candle: &Candle| DayBar::of(market.date_at(candle.at), candle);
        let mut bars: Vec<_> =
            candles.iter().filter_map(bar).filter(|bar| bar.session_date < session_date).collect();
        bars.sort_by_key(|bar| bar.session_date);
        bars.dedup_by_key(|bar| bar.session_date);
        Self { instrument, bars }
    }
}

/// The longest wait for the answer to [`SeeBars`], in real time: a little longer than for the exchange's.
pub const SEE_WITHIN: std::time::Duration = std::time::Duration::from_secs(25);

/// Optimizer -> Scanner: fetch the newest daily bars of a stock, and have the books keep those up to a session that is over. The
/// answer is the newest of these days, none where the exchange tells none; the books write it soon ([`BarsSeen`]). One request to the
/// exchange at the urgency of a scan. Asked, [`SEE_WITHIN`].
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Option<NaiveDate>, QueryError>")]
pub struct SeeBars {
    /// The stock.
    pub instrument: Instrument,
    /// The session: what came after it is not kept.
    pub session_date: NaiveDate,
}

/// Optimizer -> TradeLedger: the stocks of a market that have bars, by symbol. Asked, 5 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<Instrument>, LedgerError>")]
pub struct StocksWithBars {
    /// The market.
    pub market: Market,
}

/// Optimizer -> TradeLedger: the newest bars of one stock. One stock a letter, so that nothing waits long behind it. Asked,
/// 5 s.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<BarSeries, LedgerError>")]
pub struct BarsOf {
    /// The stock.
    pub instrument: Instrument,
    /// At most this many, 1 to [`SERIES_MAX`].
    pub most: u16,
}

/// The newest bars of one stock, comparable with each other: every price is in terms of the newest one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BarSeries {
    /// The stock.
    pub instrument: Instrument,
    /// Oldest first. Volumes are adjusted against the prices, so that price times volume stays what was traded.
    pub bars: Vec<DayBar>,
    /// Bars before this day are in the books, but how they compare is not known; they are left out.
    pub cut_before: Option<NaiveDate>,
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;

    #[test]
    fn only_finished_days_are_told_each_once_and_oldest_first() {
        let instrument = Instrument { market: Market::Kr, symbol: "005930".parse().unwrap() };
        // 2026-11-24, midnight in Seoul.
        let start: DateTime<Utc> = "2026-11-23T15:00:00Z".parse().unwrap();
        let candle = |days: i64| {
            let prices = ["100", "110.5", "99", "101"].map(|price| price.parse().unwrap());
            Candle::new(start + TimeDelta::days(days), prices, 7).unwrap()
        };
        let candles = [candle(0), candle(-1), candle(-4), candle(-1)];
        let seen = BarsSeen::finished(instrument, "2026-11-24".parse().unwrap(), &candles);
        let days: Vec<_> = seen.bars.iter().map(|bar| bar.session_date.to_string()).collect();
        assert_eq!(days, ["2026-11-20", "2026-11-23"]);
        let first = seen.bars.first().unwrap();
        assert_eq!((first.high_micros, first.close_micros, first.volume), (110_500_000, 101_000_000, 7));
    }

    #[test]
    fn a_price_is_kept_to_the_nearest_millionth_or_not_at_all() {
        for (price, kept) in [
            ("4.186662804", Some(4_186_663)),
            ("0.0000001", None),
            ("0", None),
            ("-1", None),
            ("79228162514264337593543950335", None),
        ] {
            assert_eq!(micros(price.parse().unwrap()), kept, "{price}");
        }
    }
}
