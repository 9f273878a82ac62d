//! Whether what is held can be seen: a holding without a fresh price cannot be watched. Pure.
//!
//! A price counts wherever it comes from: streamed, asked for, or told with the account. While a market trades and one of
//! its holdings has had none for [`BLIND_AFTER_S`], that market takes no new entries: what cannot be watched must not
//! grow. Exits go on, and so do the other markets (lessons 8.1; order-protocol 3, row 38).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{AccountSnapshot, Instrument, Market, Price};

use crate::limits::is_ahead;

/// A holding without a price for this long, in seconds of exchange time, is out of sight: two rounds of the exit watch,
/// which looks every minute.
pub const BLIND_AFTER_S: i64 = 120;

/// A price and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The price.
    pub price: Price,
    /// When it was that.
    pub at: DateTime<Utc>,
}

/// A holding that nobody sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blind {
    /// The stock.
    pub instrument: Instrument,
    /// For how long there has been no price while its market traded, in seconds of exchange time.
    pub age_s: i64,
}

/// A change of what can be seen, to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Out of sight now.
    Lost(Blind),
    /// Seen again, or no longer held, or its market is closed.
    Found(Instrument),
}

/// What is known of prices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    seen: BTreeMap<Instrument, Seen>,
    /// Markets that trade, and since when this life knows it.
    trading: BTreeMap<Market, DateTime<Utc>>,
    /// Holdings that were told to be out of sight.
    told: BTreeSet<Instrument>,
}

impl Sight {
    /// A stock had this price. An older word than the one at hand changes nothing.
    pub fn see(&mut self, instrument: &Instrument, price: Price, at: DateTime<Utc>) {
        if self.seen.get(instrument).is_none_or(|seen| seen.at <= at) {
            self.seen.insert(instrument.clone(), Seen { price, at });
        }
    }

    /// The exchange valued its holdings.
    pub fn see_account(&mut self, snapshot: &AccountSnapshot) {
        for holding in &snapshot.holdings {
            if let Some(price) = holding.price {
                self.see(&holding.instrument, price, snapshot.taken_at);
            }
        }
    }

    /// Whether a market trades at `now`.
    pub fn enter(&mut self, market: Market, trades: bool, now: DateTime<Utc>) {
        if trades {
            self.trading.entry(market).or_insert(now);
        } else {
            self.trading.remove(&market);
        }
    }

    /// The newest price of a stock.
    pub fn price(&self, instrument: &Instrument) -> Option<Seen> {
        self.seen.get(instrument).copied()
    }

    /// Since when this life knows that a market trades; none when it does not.
    pub fn trading_since(&self, market: Market) -> Option<DateTime<Utc>> {
        self.trading.get(&market).copied()
    }

    /// True when any market trades.
    pub fn is_any_trading(&self) -> bool {
        !self.trading.is_empty()
    }

    /// How it stands with one holding; none when it is in sight or its market does not trade.
    pub fn blind(&self, instrument: &Instrument, now: DateTime<Utc>) -> Option<Blind> {
        let trading_since = *self.trading.get(&instrument.market)?;
        // Nobody can have a price of the hours before.
        let seen_at = self.seen.get(instrument).map_or(trading_since, |seen| seen.at.max(trading_since));
        let age = now - seen_at;
        let is_blind = age >= TimeDelta::seconds(BLIND_AFTER_S);
        is_blind.then(|| Blind { instrument: instrument.clone(), age_s: age.num_seconds() })
    }

    /// What changed since the last call, for the holdings of now. Prices of what is no longer held are forgotten, and what a
    /// clock that ran ahead has dated, lest it hide what is true now and keep in sight what nobody sees.
    pub fn changes(&mut self, held: &BTreeSet<Instrument>, now: DateTime<Utc>) -> Vec<Change> {
        self.seen.retain(|instrument, seen| held.contains(instrument) && !is_ahead(seen.at, now));
        self.trading.values_mut().filter(|since| is_ahead(**since, now)).for_each(|since| *since = now);
        let blind: Vec<Blind> = held.iter().filter_map(|instrument| self.blind(instrument, now)).collect();
        let is_blind = |instrument: &Instrument| blind.iter().any(|one| &one.instrument == instrument);
        let found: Vec<Instrument> = self.told.iter().filter(|told| !is_blind(told)).cloned().collect();
        self.told.retain(|told| !found.contains(told));
        let lost = blind.into_iter().filter(|one| self.told.insert(one.instrument.clone()));
        lost.map(Change::Lost).chain(found.into_iter().map(Change::Found)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn stock(text: &str) -> Instrument {
        text.parse().unwrap()
    }

    fn won() -> Price {
        "70000".parse().unwrap()
    }

    #[test]
    fn a_holding_is_out_of_sight_two_minutes_after_its_last_price_while_its_market_trades() {
        let samsung = stock("KR:005930");
        let mut sight = Sight::default();
        let age = |sight: &Sight, seconds| sight.blind(&samsung, at(seconds)).map(|blind| blind.age_s);
        assert_eq!(age(&sight, 9_999), None, "nobody said that the market trades");
        sight.enter(Market::Kr, true, at(1000));
        assert_eq!(
            (age(&sight, 1119), age(&sight, 1120)),
            (None, Some(120)),
            "the open counts, not the night"
        );
        sight.see(&samsung, won(), at(1100));
        sight.see(&samsung, won(), at(1050));
        assert_eq!(
            (age(&sight, 1219), age(&sight, 1220)),
            (None, Some(120)),
            "an old word does not hide a newer one"
        );
        sight.enter(Market::Kr, true, at(1200));
        assert_eq!(age(&sight, 1220), Some(120), "the same phase told again is no new beginning");
        sight.enter(Market::Kr, false, at(1200));
        assert_eq!(age(&sight, 9_999), None, "it no longer trades");
        sight.enter(Market::Kr, true, at(5000));
        assert_eq!((age(&sight, 5100), age(&sight, 5120)), (None, Some(120)));
    }

    #[test]
    fn a_price_of_a_clock_that_ran_ahead_keeps_nothing_in_sight_once_it_is_set_right() {
        let samsung = stock("KR:005930");
        let held = BTreeSet::from([samsung.clone()]);
        let mut sight = Sight::default();
        sight.enter(Market::Kr, true, at(86_400));
        sight.see(&samsung, won(), at(86_460));
        assert_eq!(sight.changes(&held, at(0)), []);
        let blind = Change::Lost(Blind { instrument: samsung.clone(), age_s: 120 });
        assert_eq!(sight.changes(&held, at(120)), [blind]);
        sight.see(&samsung, won(), at(130));
        assert_eq!(sight.changes(&held, at(150)), [Change::Found(samsung)], "a true price is heard again");
    }

    #[test]
    fn blindness_is_told_once_and_clears_by_itself_when_a_price_comes_or_the_stock_is_sold() {
        let (samsung, hynix) = (stock("KR:005930"), stock("KR:000660"));
        let held = BTreeSet::from([samsung.clone(), hynix.clone()]);
        let mut sight = Sight::default();
        sight.enter(Market::Kr, true, at(0));
        sight.see(&hynix, won(), at(60));
        let lost = |stock: &Instrument, age_s| Change::Lost(Blind { instrument: stock.clone(), age_s });
        assert_eq!(sight.changes(&held, at(130)), [lost(&samsung, 130)]);
        assert_eq!(sight.changes(&held, at(160)), []);
        assert_eq!(sight.changes(&held, at(180)), [lost(&hynix, 120)]);
        sight.see(&samsung, won(), at(185));
        assert_eq!(sight.changes(&held, at(190)), [Change::Found(samsung.clone())]);
        assert_eq!(sight.changes(&BTreeSet::from([samsung.clone()]), at(200)), [Change::Found(hynix)]);
        assert_eq!(sight.changes(&BTreeSet::from([samsung.clone()]), at(305)), [lost(&samsung, 120)]);
        sight.enter(Market::Kr, false, at(310));
        assert_eq!(sight.changes(&BTreeSet::from([samsung.clone()]), at(310)), [Change::Found(samsung)]);
    }
}
