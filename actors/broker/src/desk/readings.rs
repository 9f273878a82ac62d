//! The last reading of each account. Broker alone reads accounts, and keeps each young enough for RiskGuard; whoever only wants
//! to see what is held shares that reading, so that a scan costs none of its own.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{AccountSnapshot, Currency};

/// RiskGuard does not use an account older than this (risk_guard), and nobody shares one.
const USED_FOR: TimeDelta = TimeDelta::seconds(60);
/// A reading is repeated so long before that: the next one may wait for its turn.
const AHEAD: TimeDelta = TimeDelta::seconds(15);

/// What is known of the accounts.
#[derive(Debug, Default)]
pub(super) struct Readings(BTreeMap<Currency, Reading>);

#[derive(Debug, Default)]
struct Reading {
    /// None once an order has moved since.
    snapshot: Option<AccountSnapshot>,
    /// When what RiskGuard was told of last was asked for: an account, or that there is none.
    tried_at: Option<DateTime<Utc>>,
    /// When an order of ours was last seen to have moved.
    moved_at: Option<DateTime<Utc>>,
}

impl Readings {
    /// What was asked for at `now` is told to RiskGuard, be it an account or that there is none.
    pub(super) fn try_at(&mut self, currency: Currency, now: DateTime<Utc>) {
        self.0.entry(currency).or_default().tried_at = Some(now);
    }

    /// What was answered, unless it was asked before an order moved.
    pub(super) fn keep(&mut self, snapshot: &AccountSnapshot) {
        let reading = self.0.entry(snapshot.currency).or_default();
        if reading.moved_at.is_none_or(|moved_at| snapshot.taken_at >= moved_at) {
            reading.snapshot = Some(snapshot.clone());
        }
    }

    /// An order of ours has moved: what was read before is not what is held.
    pub(super) fn forget(&mut self, currency: Currency, now: DateTime<Utc>) {
        let reading = self.0.entry(currency).or_default();
        (reading.snapshot, reading.moved_at) = (None, Some(now));
    }

    /// The last reading, while it is as good as RiskGuard demands. One from a clock that ran ahead is none.
    pub(super) fn recent(&self, currency: Currency, now: DateTime<Utc>) -> Option<AccountSnapshot> {
        let snapshot = self.0.get(&currency)?.snapshot.as_ref()?;
        let age = now - snapshot.taken_at;
        (TimeDelta::zero() <= age && age < USED_FOR).then(|| snapshot.clone())
    }

    /// How long the next reading may still wait; nothing when it is due.
    pub(super) fn rest(&self, currency: Currency, now: DateTime<Utc>) -> TimeDelta {
        let tried_at = self.0.get(&currency).and_then(|reading| reading.tried_at).filter(|at| *at <= now);
        let due_at = tried_at.map_or(now, |at| at + (USED_FOR - AHEAD));
        (due_at - now).max(TimeDelta::zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn snapshot(second: i64) -> AccountSnapshot {
        AccountSnapshot {
            currency: Currency::Krw,
            taken_at: at(second),
            cash: None,
            equity: None,
            purchase_total: None,
            valuation_total: None,
            holdings: Vec::new(),
        }
    }

    #[test]
    fn a_reading_is_shared_while_riskguard_would_use_it_and_no_order_has_moved() {
        let mut readings = Readings::default();
        assert_eq!(readings.recent(Currency::Krw, at(100)), None);
        readings.keep(&snapshot(100));
        let taken = |readings: &Readings, second| {
            readings.recent(Currency::Krw, at(second)).map(|snapshot| snapshot.taken_at)
        };
        assert_eq!((taken(&readings, 100), taken(&readings, 159)), (Some(at(100)), Some(at(100))));
        assert_eq!((taken(&readings, 99), taken(&readings, 160)), (None, None));
        assert_eq!(readings.recent(Currency::Usd, at(100)), None);
        readings.forget(Currency::Krw, at(102));
        assert_eq!(taken(&readings, 102), None);
        readings.keep(&snapshot(101));
        assert_eq!(taken(&readings, 103), None, "it was asked before the order moved");
        readings.keep(&snapshot(102));
        assert_eq!(taken(&readings, 103), Some(at(102)));
    }

    #[test]
    fn the_next_reading_is_due_a_quarter_minute_before_the_last_one_is_too_old_and_no_failure_hastens_it() {
        let mut readings = Readings::default();
        let rest = |readings: &Readings, second| readings.rest(Currency::Krw, at(second)).num_seconds();
        assert_eq!(rest(&readings, 100), 0, "never read");
        readings.try_at(Currency::Krw, at(100));
        assert_eq!((rest(&readings, 100), rest(&readings, 144), rest(&readings, 145)), (45, 1, 0));
        readings.keep(&snapshot(100));
        readings.forget(Currency::Krw, at(101));
        assert_eq!(rest(&readings, 101), 44);
        assert_eq!(rest(&readings, 99), 0, "a clock that ran ahead holds up nothing");
    }
}
