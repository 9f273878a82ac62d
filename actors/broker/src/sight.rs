//! Which stocks Broker should hear of, and which prices are worth telling. Pure.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::market_data::PriceSeen;
use domain::{AccountSnapshot, Currency, Instrument, Market};

use crate::stream::Wanted;

/// A stock that nobody asked about for so long is no candidate any more: longer than the pause between two slots of
/// realtime mode, shorter than any other.
const WATCHED_FOR: TimeDelta = TimeDelta::minutes(10);
/// At most so many candidates; the exchange takes 41 registrations in all (KIS.md 14.1).
const WATCHED_MAX: usize = 41;
/// RiskGuard hears of one stock at most this often.
const TELL_EVERY: TimeDelta = TimeDelta::seconds(1);
/// Notices ask for a look at most this often: whoever floods us with them must not eat up the rate.
const LOOK_EVERY: TimeDelta = TimeDelta::seconds(1);

/// What Broker knows of who is worth hearing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    awake: BTreeSet<Market>,
    held: BTreeMap<Currency, BTreeSet<Instrument>>,
    asked: BTreeMap<Instrument, DateTime<Utc>>,
    told: BTreeMap<Instrument, DateTime<Utc>>,
    looked: Option<DateTime<Utc>>,
}

impl Sight {
    /// These markets trade now.
    pub fn wake(&mut self, awake: impl IntoIterator<Item = Market>) {
        self.awake = awake.into_iter().collect();
    }

    /// The account holds this in one currency.
    pub fn hold(&mut self, snapshot: &AccountSnapshot) {
        let held = snapshot.holdings.iter().map(|holding| holding.instrument.clone()).collect();
        self.held.insert(snapshot.currency, held);
    }

    /// Somebody asked for the price of this stock.
    pub fn ask(&mut self, instrument: &Instrument, now: DateTime<Utc>) {
        self.asked.retain(|_, at| is_lately(*at, now));
        self.asked.insert(instrument.clone(), now);
    }

    /// What the stream should tell.
    pub fn wanted(&self, now: DateTime<Utc>) -> Wanted {
        let held: BTreeSet<Instrument> = self.held.values().flatten().cloned().collect();
        let mut asked: Vec<_> = self
            .asked
            .iter()
            .filter(|(stock, at)| is_lately(**at, now) && !held.contains(stock))
            .map(|(stock, at)| (std::cmp::Reverse(*at), stock.clone()))
            .collect();
        asked.sort();
        let watched = asked.into_iter().map(|(_, stock)| stock).take(WATCHED_MAX).collect();
        Wanted { awake: self.awake.clone(), held, watched }
    }

    /// True when RiskGuard should hear this price: of a stock that is held or that somebody asks about, because that may
    /// be bought; newer than the last by a second.
    pub fn is_news(&mut self, seen: &PriceSeen) -> bool {
        let is_held = self.held.values().any(|held| held.contains(&seen.instrument));
        let is_of_interest = is_held || self.asked.contains_key(&seen.instrument);
        // Far behind the last one it is not late: that one was told by a clock that ran ahead.
        let is_new = self.told.get(&seen.instrument).is_none_or(|told| (seen.at - *told).abs() >= TELL_EVERY);
        if is_of_interest && is_new {
            self.told.insert(seen.instrument.clone(), seen.at);
        }
        is_of_interest && is_new
    }

    /// How long a look that a notice asks for has to wait; none when one is coming anyway.
    pub fn look_after(&mut self, now: DateTime<Utc>) -> Option<TimeDelta> {
        // A clock that was set back must not hold up the next look.
        let due =
            self.looked.filter(|at| *at <= now + LOOK_EVERY).map_or(now, |at| (at + LOOK_EVERY).max(now));
        let is_coming = self.looked.is_some_and(|at| at > now && at <= now + LOOK_EVERY);
        if is_coming {
            return None;
        }
        self.looked = Some(due);
        Some(due - now)
    }
}

/// What was asked for by a clock that ran ahead is not lately.
fn is_lately(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    (TimeDelta::zero()..WATCHED_FOR).contains(&(now - at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Holding, Quantity};

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn stock(text: &str) -> Instrument {
        text.parse().unwrap()
    }

    fn holding(names: &[&str]) -> AccountSnapshot {
        let holding = |name: &&str| Holding {
            instrument: stock(name),
            quantity: Quantity::new(1),
            sellable: Quantity::new(1),
            average_price: None,
            price: None,
        };
        AccountSnapshot {
            currency: Currency::Krw,
            taken_at: at(0),
            cash: None,
            equity: None,
            purchase_total: None,
            valuation_total: None,
            holdings: names.iter().map(holding).collect(),
        }
    }

    #[test]
    fn holdings_and_what_was_asked_for_lately_are_wanted_and_a_sold_stock_no_longer() {
        let mut sight = Sight::default();
        sight.wake([Market::Kr]);
        sight.hold(&holding(&["KR:005930", "KR:000660"]));
        sight.ask(&stock("KR:035420"), at(0));
        sight.ask(&stock("KR:005930"), at(1));
        sight.ask(&stock("US_NASDAQ:AAPL"), at(2));
        let wanted = sight.wanted(at(3));
        assert_eq!(
            wanted.watched,
            [stock("US_NASDAQ:AAPL"), stock("KR:035420")],
            "newest first, held ones apart"
        );
        assert_eq!((wanted.held.len(), wanted.awake.len()), (2, 1));
        sight.hold(&holding(&["KR:000660"]));
        let later = sight.wanted(at(600));
        assert_eq!(later.held, BTreeSet::from([stock("KR:000660")]));
        assert_eq!(
            later.watched,
            [stock("US_NASDAQ:AAPL"), stock("KR:005930")],
            "ten minutes are over for one"
        );
    }

    #[test]
    fn a_held_stock_is_told_of_once_a_second_and_others_never() {
        let mut sight = Sight::default();
        sight.hold(&holding(&["KR:005930"]));
        let mut news = |name, ms| {
            let at = at(0) + TimeDelta::milliseconds(ms);
            sight.is_news(&PriceSeen { instrument: stock(name), price: "100".parse().unwrap(), at })
        };
        let told = [0, 300, 999, 1000, 1500, 2000].map(|ms| news("KR:005930", ms));
        assert_eq!(told, [true, false, false, true, false, true]);
        assert!(!news("KR:000660", 5000));
    }

    #[test]
    fn a_clock_that_ran_ahead_and_is_set_right_hides_no_price_and_keeps_no_place() {
        let mut sight = Sight::default();
        sight.hold(&holding(&["KR:005930"]));
        let mut news = |second| {
            let price = "100".parse().unwrap();
            sight.is_news(&PriceSeen { instrument: stock("KR:005930"), price, at: at(second) })
        };
        assert_eq!([86_400, 0, 1, 2].map(&mut news), [true; 4]);
        sight.ask(&stock("KR:035420"), at(86_400));
        assert_eq!(sight.wanted(at(0)).watched, []);
        sight.ask(&stock("KR:000660"), at(0));
        assert_eq!(sight.wanted(at(0)).watched, [stock("KR:000660")]);
    }

    #[test]
    fn a_flood_of_notices_asks_for_one_look_a_second() {
        let mut sight = Sight::default();
        let looks: Vec<i64> = (0..5000)
            .filter_map(|ms| {
                let now = at(0) + TimeDelta::milliseconds(ms);
                sight.look_after(now).map(|wait| (now + wait - at(0)).num_milliseconds())
            })
            .collect();
        assert_eq!(looks, [0, 1000, 2000, 3000, 4000, 5000]);
        assert_eq!(sight.look_after(at(-3600)), Some(TimeDelta::zero()), "a clock that was set back");
    }
}
