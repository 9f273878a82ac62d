//! Seeded prices: one stock's day as a walk with clustered volatility and volume that is high at the open and the close.
//!
//! A day is a pure function of (seed, stock, date, previous close, number of steps). Only additions, multiplications, divisions and
//! square roots are used, which every machine rounds alike, so a seed gives the same prices everywhere.

use chrono::{Datelike, NaiveDate};

use super::listing::Listing;
use super::rules;

/// One price of the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Last price, in units.
    pub(super) price: i64,
    /// Shares traded since the step before.
    pub(super) volume: u32,
}

/// What makes one day differ from another.
struct Mood {
    volatility: f64,
    volume: f64,
    trend: f64,
    gap: f64,
}

/// The prices of `date`, one for each of `steps` steps.
pub(super) fn day(
    listing: &Listing,
    seed: u64,
    date: NaiveDate,
    previous_close: i64,
    steps: usize,
) -> Vec<Step> {
    let mut rng = stream(seed, listing, date, 0);
    let mood = mood(listing, &mut rng);
    let band = rules::limits(listing.market, previous_close).unwrap_or((rules::FLOOR_UNITS, i64::MAX));
    let count = steps.max(2) as f64;
    let sigma = listing.volatility_pct / 100.0 * mood.volatility / count.sqrt();
    let shares = f64::from(listing.volume) * mood.volume / count;
    let mut price = units_to_f64(previous_close) * (1.0 + mood.gap);
    let mut variance = 1.0;
    let mut path = Vec::with_capacity(steps);
    for index in 0..steps {
        let progress = index as f64 / (count - 1.0);
        let shape = busyness(progress);
        let shock = normal(&mut rng) * f64::sqrt(variance);
        variance = (0.02 + 0.07 * shock * shock + 0.91 * variance).min(9.0);
        if index > 0 {
            price *= 1.0 + mood.trend * urgency(progress) / count + sigma * shape.sqrt() * shock;
        }
        price = price.clamp(units_to_f64(band.0), units_to_f64(band.1));
        let crowd = auction_factor(index, steps) * shape * (0.25 + 0.75 * shock.abs());
        let noise = rng.f64();
        path.push(Step {
            price: quoted(listing, price, band),
            volume: whole(shares * crowd * 3.0 * noise * noise),
        });
    }
    path
}

/// A generator of its own for each purpose `salt` of each stock and day.
pub(super) fn stream(seed: u64, listing: &Listing, date: NaiveDate, salt: u64) -> fastrand::Rng {
    let mut mixed = seed ^ salt.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for byte in listing.market.code().bytes().chain(listing.symbol.bytes()) {
        mixed = (mixed ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
    }
    let days = u64::from(date.num_days_from_ce().unsigned_abs());
    fastrand::Rng::with_seed(mixed ^ days.wrapping_mul(0xD6E8_FEB8_6659_FD93))
}

fn mood(listing: &Listing, rng: &mut fastrand::Rng) -> Mood {
    let daily = listing.volatility_pct / 100.0;
    let gap = 0.35 * daily * normal(rng);
    let ordinary = 0.75 + 0.5 * rng.f64();
    if rng.u8(0..100) >= listing.lively_pct {
        let trend = 0.35 * daily * normal(rng);
        return Mood { volatility: 0.85 * ordinary, volume: ordinary, trend, gap };
    }
    let size = 0.03 + 0.05 * rng.f64();
    // More lively days rise than fall, as people buy what is in the news.
    let trend = if rng.u8(0..100) < 62 { size } else { -size };
    Mood { volatility: 0.9 * ordinary, volume: 2.2 + 2.5 * rng.f64(), trend, gap }
}

/// Activity over the day, 0 at the open to 1 at the close: a U of mean one.
fn busyness(progress: f64) -> f64 {
    let side = 2.0 * progress - 1.0;
    0.55 + 1.35 * side * side
}

/// How much of the day's trend belongs to a moment: most news is traded in the morning. Mean one.
fn urgency(progress: f64) -> f64 {
    3.0 * (1.0 - progress) * (1.0 - progress)
}

/// The opening and closing auctions trade many orders at once.
fn auction_factor(index: usize, steps: usize) -> f64 {
    if index == 0 || index + 1 == steps { 12.0 } else { 1.0 }
}

/// Nearly normal, mean zero and variance one: the sum of four uniform numbers.
fn normal(rng: &mut fastrand::Rng) -> f64 {
    let sum = rng.f64() + rng.f64() + rng.f64() + rng.f64();
    (sum - 2.0) * 1.732_050_807_568_877_2
}

fn quoted(listing: &Listing, price: f64, band: (i64, i64)) -> i64 {
    listing.floor(f64_to_units(price + 0.5)).clamp(band.0, band.1)
}

#[expect(clippy::cast_precision_loss, reason = "prices are far below the 53 bits that a float holds exactly")]
fn units_to_f64(units: i64) -> f64 {
    units as f64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a float cast saturates, and prices are far below the bounds"
)]
fn f64_to_units(value: f64) -> i64 {
    value as i64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float cast saturates, and a volume is never negative"
)]
fn whole(value: f64) -> u32 {
    value as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::listing::LISTINGS;

    fn date() -> NaiveDate {
        "2026-11-24".parse().unwrap()
    }

    #[test]
    fn the_same_seed_gives_the_same_day_and_another_seed_another() {
        for listing in &LISTINGS {
            let path = |seed| day(listing, seed, date(), listing.reference, 500);
            assert_eq!(path(7), path(7), "{}", listing.symbol);
            assert_ne!(path(7), path(8), "{}", listing.symbol);
        }
    }

    #[test]
    fn every_price_is_on_its_step_and_within_the_days_limits() {
        for listing in &LISTINGS {
            for seed in 0..20 {
                for step in day(listing, seed, date(), listing.reference, 400) {
                    assert!(listing.is_on_step(step.price), "{} {}", listing.symbol, step.price);
                    if let Some((lower, upper)) = rules::limits(listing.market, listing.reference) {
                        assert!((lower..=upper).contains(&step.price), "{} {}", listing.symbol, step.price);
                    }
                }
            }
        }
    }

    #[test]
    fn a_stock_of_the_topix_500_trades_at_half_a_yen_and_every_other_at_whole_ones() {
        let has_halves = |symbol: &str| {
            let listing = LISTINGS.iter().find(|listing| listing.symbol == symbol).unwrap();
            day(listing, 7, date(), listing.reference, 500).iter().any(|step| step.price % 10 != 0)
        };
        assert!(has_halves("7203"));
        assert!(!has_halves("4901") && !has_halves("491A"));
    }

    #[test]
    fn volume_is_higher_at_both_ends_of_the_day_than_at_noon() {
        let listing = &LISTINGS[0];
        let mut thirds = [0_u64; 3];
        for seed in 0..10 {
            for (index, step) in day(listing, seed, date(), listing.reference, 900).iter().enumerate() {
                thirds[index / 300] += u64::from(step.volume);
            }
        }
        assert!(thirds[0] > thirds[1] * 13 / 10 && thirds[2] > thirds[1] * 13 / 10, "{thirds:?}");
    }

    #[test]
    fn lively_stocks_often_move_by_three_percent_and_quiet_ones_rarely() {
        let moves = |symbol: &str| {
            let listing = LISTINGS.iter().find(|listing| listing.symbol == symbol).unwrap();
            let close = |seed| day(listing, seed, date(), listing.reference, 300).last().unwrap().price;
            (0..100)
                .filter(|seed| (close(*seed) - listing.reference).abs() * 100 >= 3 * listing.reference)
                .count()
        };
        assert!(moves("910030") > 50 && moves("910100") < 10, "{} {}", moves("910030"), moves("910100"));
    }
}
