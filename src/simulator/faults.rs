//! What the venue itself may do wrong, for verification: off unless asked for, and decided by a seed.

use chrono::{DateTime, TimeDelta, Utc};

/// How badly the venue behaves. The default is: not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VenueFaults {
    /// So many of a thousand orders are missing from every order list at first (order-protocol 2: the lists lag).
    pub hidden_per_mille: u16,
    /// The longest time an order is missing, in seconds.
    pub hidden_seconds_max: u32,
    /// So many of a thousand orders are taken with a number and then rejected as a whole (order-protocol 3, row 14).
    pub rejected_per_mille: u16,
    /// In so many of a thousand stretches of [`FREEZE_SECONDS`] all quotes stand still (row 38).
    pub frozen_per_mille: u16,
}

/// Quotes freeze for stretches of this length.
pub const FREEZE_SECONDS: i64 = 300;

/// The faults in force, and the stream that decides about each order.
#[derive(Debug)]
pub(super) struct Misbehaviour {
    pub(super) faults: VenueFaults,
    seed: u64,
    random: fastrand::Rng,
}

/// What happens to one order beside trading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fate {
    pub(super) shown_from: DateTime<Utc>,
    pub(super) is_rejected: bool,
}

impl Misbehaviour {
    pub(super) fn new(seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed ^ 0x5EED_FA01);
        Self { faults: VenueFaults::default(), seed, random }
    }

    /// Decides about an order that arrives now.
    pub(super) fn fate(&mut self, now: DateTime<Utc>) -> Fate {
        let faults = self.faults;
        let is_hidden = self.strikes(faults.hidden_per_mille);
        let lag = if is_hidden { self.random.u32(0..=faults.hidden_seconds_max) } else { 0 };
        let is_rejected = self.strikes(faults.rejected_per_mille);
        Fate { shown_from: now + TimeDelta::seconds(i64::from(lag)), is_rejected }
    }

    /// The moment whose prices are shown at `now`: the same for everybody who asks within one frozen stretch.
    pub(super) fn quoted_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        if self.faults.frozen_per_mille == 0 {
            return now;
        }
        let stretch = now.timestamp().div_euclid(FREEZE_SECONDS);
        let mixed = self.seed ^ stretch.unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let is_frozen = fastrand::Rng::with_seed(mixed).u16(0..1000) < self.faults.frozen_per_mille;
        let start = DateTime::from_timestamp(stretch * FREEZE_SECONDS, 0);
        start.filter(|_| is_frozen).unwrap_or(now)
    }

    fn strikes(&mut self, per_mille: u16) -> bool {
        per_mille > 0 && self.random.u16(0..1000) < per_mille
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-24T01:02:03Z".parse().unwrap()
    }

    #[test]
    fn without_faults_every_order_is_shown_at_once_and_quotes_are_fresh() {
        let mut venue = Misbehaviour::new(7);
        for _ in 0..1000 {
            assert_eq!(venue.fate(now()), Fate { shown_from: now(), is_rejected: false });
        }
        assert_eq!(venue.quoted_at(now()), now());
    }

    #[test]
    fn faults_strike_as_often_as_they_are_set_and_within_their_bounds() {
        let faults = VenueFaults {
            hidden_per_mille: 100,
            hidden_seconds_max: 120,
            rejected_per_mille: 50,
            frozen_per_mille: 1000,
        };
        let mut venue = Misbehaviour::new(7);
        venue.faults = faults;
        let fates: Vec<Fate> = (0..1000).map(|_| venue.fate(now())).collect();
        let hidden = fates.iter().filter(|fate| fate.shown_from > now()).count();
        let rejected = fates.iter().filter(|fate| fate.is_rejected).count();
        assert!((60..140).contains(&hidden) && (20..90).contains(&rejected), "{hidden} {rejected}");
        assert!(fates.iter().all(|fate| fate.shown_from <= now() + TimeDelta::seconds(120)));
        assert_eq!(venue.quoted_at(now()), "2026-11-24T01:00:00Z".parse::<DateTime<Utc>>().unwrap());
    }
}
