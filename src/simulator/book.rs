//! The order book around the last price: ten levels a side, sizes seeded per stock and step.

use chrono::NaiveDate;
use domain::Market;

use super::listing::Listing;
use super::{rules, walk};

/// Levels a side (KIS.md 9.2).
pub(super) const LEVELS: usize = 10;

/// One price level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    /// In units.
    pub(super) price: i64,
    /// Shares offered or wanted.
    pub(super) size: u32,
}

/// Both sides, best first. A side is shorter where a daily limit cuts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Book {
    pub(super) asks: Vec<Level>,
    pub(super) bids: Vec<Level>,
}

impl Book {
    /// The best price of the asks, zero when there are none.
    pub(super) fn best_ask(&self) -> i64 {
        self.asks.first().map_or(0, |level| level.price)
    }

    /// The best price of the bids, zero when there are none.
    pub(super) fn best_bid(&self) -> i64 {
        self.bids.first().map_or(0, |level| level.price)
    }
}

/// The book of `listing` at step `index` of `date`, around `last`, within the limits of a day based on `base`.
pub(super) fn at(listing: &Listing, seed: u64, date: NaiveDate, index: usize, last: i64, base: i64) -> Book {
    let mut rng = walk::stream(seed, listing, date, 1 + u64::try_from(index).unwrap_or(u64::MAX - 1));
    let spread_steps = 1 + u32::from(rng.u8(0..100) < 25);
    let last_was_a_purchase = rng.bool();
    let band = rules::limits(listing.market, base).unwrap_or((rules::FLOOR_UNITS, i64::MAX));
    let (mut ask, mut bid) = (last, last);
    for _ in 0..spread_steps * width(listing) {
        if last_was_a_purchase {
            bid = listing.down(bid);
        } else {
            ask = listing.up(ask);
        }
    }
    let shares = (listing.volume / 5_000).max(4);
    let lot = u32::try_from(listing.lot).unwrap_or(u32::MAX).max(1);
    Book {
        asks: side(&mut rng, (shares, lot), ask, |price| price <= band.1, |price| listing.up(price)),
        bids: side(&mut rng, (shares, lot), bid, |price| price >= band.0, |price| listing.down(price)),
    }
}

/// Steps between bid and ask: a US cent is small next to a price of hundreds of dollars, and a fen next to hundreds of yuan.
fn width(listing: &Listing) -> u32 {
    match listing.market {
        Market::UsNasdaq | Market::UsNyse | Market::UsAmex | Market::CnSha | Market::CnSza => {
            u32::try_from(listing.reference / 10_000).unwrap_or(0) + 1
        }
        Market::Kr | Market::Jp | Market::Hk | Market::VnHan | Market::VnHcm => 1,
    }
}

fn side(
    rng: &mut fastrand::Rng,
    (shares, lot): (u32, u32),
    best: i64,
    allowed: impl Fn(i64) -> bool,
    next: impl Fn(i64) -> i64,
) -> Vec<Level> {
    let mut levels = Vec::with_capacity(LEVELS);
    let mut price = best;
    while levels.len() < LEVELS && allowed(price) {
        // Thin at the touch now and then, so that larger orders fill in parts.
        let fill = rng.u32(5..200);
        let size = (shares / 100 * fill + shares % 100 * fill / 100).max(1);
        levels.push(Level { price, size: (size / lot * lot).max(lot) });
        price = next(price);
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::listing::LISTINGS;

    #[test]
    fn the_book_never_crosses_and_its_levels_lie_in_order() {
        let date = "2026-11-24".parse().unwrap();
        for listing in &LISTINGS {
            for index in 0..50 {
                let book = at(listing, 9, date, index, listing.reference, listing.reference);
                assert!(book.best_bid() < book.best_ask(), "{}", listing.symbol);
                assert!(book.best_bid() <= listing.reference && listing.reference <= book.best_ask());
                assert!(book.asks.windows(2).all(|pair| pair[0].price < pair[1].price));
                assert!(book.bids.windows(2).all(|pair| pair[0].price > pair[1].price));
            }
        }
    }

    #[test]
    fn at_the_upper_limit_nobody_offers_above_it() {
        let listing = &LISTINGS[0];
        let (_, upper) = rules::limits(listing.market, listing.reference).unwrap();
        let book = at(listing, 9, "2026-11-24".parse().unwrap(), 0, upper, listing.reference);
        assert!(book.asks.iter().all(|level| level.price <= upper));
        assert_eq!(book.bids.len(), LEVELS);
    }
}
