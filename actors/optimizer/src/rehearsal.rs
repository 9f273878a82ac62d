//! Made-up bars to rehearse on: a market with a planted edge, in which stocks recover for some days after a fall, or one in
//! which nothing foretells anything. The same seed gives the same bars on every machine.

use chrono::{Datelike as _, NaiveDate, Weekday};
use domain::messages::bars::DayBar;
use domain::{Instrument, Market};

use crate::backtest::Series;
use crate::evolution::chance::Chance;

/// A usual day's movement, as a share of the price.
const MOVE: f64 = 0.012;
/// A fall is a day so many usual movements below zero.
const FALL: f64 = -1.2;
/// So many days after a fall have the edge.
const RECOVERY: usize = 3;
/// Where every price begins, in millionths: 40,000 won.
const FIRST_PRICE: f64 = 40_000e6;

/// A market that is made up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rehearsal {
    /// How many stocks.
    pub stocks: u32,
    /// The first day.
    pub first_day: NaiveDate,
    /// What each of three days after a fall earns more, as a share of the price; 0 for a market without an edge.
    pub edge: f64,
    /// From which all prices follow.
    pub seed: u64,
}

impl Rehearsal {
    /// Its first `sessions` sessions, every weekday one: the bars of each stock.
    pub fn series(&self, sessions: usize) -> Vec<Series> {
        (0..self.stocks).filter_map(|stock| self.stock(stock, sessions)).collect()
    }

    /// The days of its first `sessions` sessions.
    pub fn days(&self, sessions: usize) -> Vec<NaiveDate> {
        let is_session = |day: &NaiveDate| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        self.first_day.iter_days().filter(is_session).take(sessions).collect()
    }

    fn stock(&self, number: u32, sessions: usize) -> Option<Series> {
        let symbol = format!("{:06}", 100 + number).parse().ok()?;
        let mut chance = Chance::of(self.seed, number, 0);
        let (mut close, mut since_fall) = (FIRST_PRICE * chance.between(0.7, 1.4), RECOVERY + 1);
        let bar = |session_date: NaiveDate| {
            let noise = normal(&mut chance);
            let recovers = since_fall <= RECOVERY;
            since_fall = if noise < FALL { 1 } else { since_fall.saturating_add(1) };
            let change = MOVE * noise + if recovers { self.edge } else { 0.0 };
            // A tenth of the day's movement is in its open; a price that has gone far is drawn back a little.
            let pull = (close / FIRST_PRICE).ln() * -0.002;
            let open = close * (1.0 + change * 0.1);
            let before = close;
            close = before * (1.0 + change + pull).max(0.8);
            let [up, down] = [1.0 + 0.3 * MOVE * chance.unit(), 1.0 - 0.3 * MOVE * chance.unit()];
            let prices = [open, open.max(close) * up, open.min(close) * down, close];
            let [open_micros, high_micros, low_micros, close_micros] =
                prices.map(|price| price.round() as i64);
            let volume = 50_000 + chance.below(100_000) as u64;
            DayBar { session_date, open_micros, high_micros, low_micros, close_micros, volume }
        };
        let bars = self.days(sessions).into_iter().map(bar).collect();
        Series::new(Instrument { market: Market::Kr, symbol }, bars).ok()
    }
}

/// The sum of twelve uniform numbers is close to normal, and the same on every machine.
fn normal(chance: &mut Chance) -> f64 {
    (0..12).map(|_| chance.unit()).sum::<f64>() - 6.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_market_is_the_same_twice_and_its_past_does_not_depend_on_how_far_it_goes() {
        let first_day = "2023-01-02".parse().unwrap();
        let market = Rehearsal { stocks: 3, first_day, edge: 0.004, seed: 7 };
        let (long, short) = (market.series(300), market.series(200));
        assert_eq!((long.len(), long[0].bars().len()), (3, 300));
        assert!(long.iter().zip(&short).all(|(long, short)| long.bars()[..200] == *short.bars()));
        assert_ne!(long[0].bars()[9].close_micros, long[1].bars()[9].close_micros);
        assert_eq!(market.days(6)[5], "2023-01-09".parse::<NaiveDate>().unwrap());
    }
}
