//! Clocks that differ from the true exchange time: the agent's machine's, and the exchange's while it takes what is late.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{BoxFuture, Clock};
use tokio::sync::Notify;

use super::dice::Dice;
use super::sometimes::Sometimes;
use super::stage::Stage;
use crate::clock::VirtualClock;

/// Of ten thousand jumps, so many go forward; of any ten thousand, so many are of seconds; and of the others, so many are
/// of minutes, and of a whole day, at which nothing but the date is wrong.
const FORWARD: u32 = 5_000;
const OF_SECONDS: u32 = 5_000;
const OF_MINUTES: u32 = 3_000;
const OF_A_DAY: u32 = 3_500;
/// From what nobody can see to what the next two answers show.
const SECONDS_MAX: i64 = 60;
const MILLISECONDS: std::ops::RangeInclusive<u64> = 1..=60_000;
/// Of ten thousand jumps of seconds, so many are within what is allowed or seen late.
const SLIGHT: u32 = 5_000;
const SLIGHT_MILLISECONDS: std::ops::RangeInclusive<u64> = 1..=7_000;
const MINUTES: std::ops::RangeInclusive<u64> = 1..=59;
const HOURS_IN_MINUTES: std::ops::RangeInclusive<u64> = 60..=1_500;

/// In ten thousand permits, so many are asked for just after the clock was set forward by longer than an approval lives.
const OUTRUNS_APPROVALS: u32 = 40;
const LONGER_THAN_APPROVALS_SECONDS: std::ops::RangeInclusive<u64> = 31..=59;

/// Whether the agent runs while somebody sets the clock of its machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    /// It does.
    Runs,
    /// It was killed, and will start again.
    Down,
}

/// By how much a clock is set wrong, up to 25 hours either way, and what is rare about that.
pub(super) fn jump(dice: &Dice, machine: Machine) -> (TimeDelta, Sometimes) {
    let is_forward = dice.chance(FORWARD);
    if dice.chance(OF_SECONDS) {
        return slight_jump(dice, machine, is_forward);
    }
    let minutes = |range| TimeDelta::minutes(i64::try_from(dice.within(range)).unwrap_or(60));
    let is_a_day = dice.chance(OF_A_DAY);
    let by = match (is_a_day, dice.chance(OF_MINUTES)) {
        (true, _) => TimeDelta::days(1),
        (false, true) => minutes(MINUTES),
        (false, false) => minutes(HOURS_IN_MINUTES),
    };
    let rare = match (machine, is_forward, is_a_day) {
        (Machine::Runs, true, true) => Sometimes::ClockDayForward,
        (Machine::Runs, false, true) => Sometimes::ClockDayBack,
        (Machine::Runs, true, false) => Sometimes::ClockForward,
        (Machine::Runs, false, false) => Sometimes::ClockBack,
        (Machine::Down, true, _) => Sometimes::ClockForwardDown,
        (Machine::Down, false, _) => Sometimes::ClockBackDown,
    };
    (if is_forward { by } else { -by }, rare)
}

fn slight_jump(dice: &Dice, machine: Machine, is_forward: bool) -> (TimeDelta, Sometimes) {
    let range = if dice.chance(SLIGHT) { SLIGHT_MILLISECONDS } else { MILLISECONDS };
    let by = TimeDelta::milliseconds(i64::try_from(dice.within(range)).unwrap_or(1));
    match (machine, is_forward) {
        (Machine::Runs, true) => (by, Sometimes::ClockSecondsForward),
        (Machine::Runs, false) => (-by, Sometimes::ClockSecondsBack),
        (Machine::Down, true) => (by, Sometimes::ClockForwardDown),
        (Machine::Down, false) => (-by, Sometimes::ClockBackDown),
    }
}

impl Stage {
    /// Now and then somebody sets the clock forward between the last look at an approval and its permit; true when one did.
    pub(super) fn clock_outruns_approvals_perhaps(&self) -> bool {
        let is_right = self.machine.wrong_by().is_zero();
        if !self.is_faulty() || !is_right || !self.operator.chance(OUTRUNS_APPROVALS) {
            return false;
        }
        let by = self.operator.seconds(LONGER_THAN_APPROVALS_SECONDS);
        self.set_clock(TimeDelta::from_std(by).unwrap_or(TimeDelta::minutes(1)));
        self.witness.saw(Sometimes::ClockSecondsForward);
        true
    }
}

/// True when a clock is wrong by so little that whoever keeps the machine's time sets it right unasked.
pub(super) fn is_slight(wrong_by: TimeDelta) -> bool {
    !wrong_by.is_zero() && wrong_by.abs() <= TimeDelta::seconds(SECONDS_MAX)
}

/// The clock of the agent's machine: the true time, until somebody sets it wrong (order-protocol 3, row 33).
///
/// It outlives the agent's lives, as a machine does.
#[derive(Clone, Debug)]
pub(super) struct MachineClock {
    exact: VirtualClock,
    wrong_by: Arc<Mutex<TimeDelta>>,
    /// Wakes who sleeps by a time that is no longer what it was.
    set: Arc<Notify>,
}

impl MachineClock {
    /// A clock that is right.
    pub(super) fn new(exact: VirtualClock) -> Self {
        Self { exact, wrong_by: Arc::default(), set: Arc::default() }
    }

    /// Steps to so much later than the true time; earlier when it is negative, and right when it is zero.
    pub(super) fn set(&self, wrong_by: TimeDelta) {
        *self.wrong_by.lock().unwrap_or_else(PoisonError::into_inner) = wrong_by;
        self.set.notify_waiters();
    }

    /// How much later than the true time it is.
    pub(super) fn wrong_by(&self) -> TimeDelta {
        *self.wrong_by.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for MachineClock {
    fn now(&self) -> DateTime<Utc> {
        self.exact.now() + self.wrong_by()
    }

    fn sleep_until(&self, until: DateTime<Utc>) -> BoxFuture<'static, ()> {
        let clock = self.clone();
        Box::pin(async move {
            loop {
                let mut set = pin!(clock.set.notified());
                set.as_mut().enable();
                let left = (until - clock.now()).to_std().unwrap_or_default();
                if left.is_zero() {
                    return;
                }
                tokio::select! {
                    biased;
                    () = set => {}
                    () = tokio::time::sleep(left) => {}
                }
            }
        })
    }

    fn real(&self, exchange_time: std::time::Duration) -> std::time::Duration {
        exchange_time
    }
}

/// The exchange's clock: the true time, but for requests that arrive at a time that has passed meanwhile.
#[derive(Clone, Debug)]
pub(super) struct VenueClock {
    clock: VirtualClock,
    then: Arc<Mutex<Option<DateTime<Utc>>>>,
}

impl VenueClock {
    pub(super) fn new(clock: VirtualClock) -> Self {
        Self { clock, then: Arc::default() }
    }

    /// Shows `then` until it is told otherwise.
    pub(super) fn show(&self, then: Option<DateTime<Utc>>) {
        *self.then.lock().unwrap_or_else(PoisonError::into_inner) = then;
    }
}

impl Clock for VenueClock {
    fn now(&self) -> DateTime<Utc> {
        let then = *self.then.lock().unwrap_or_else(PoisonError::into_inner);
        then.unwrap_or_else(|| self.clock.now())
    }

    fn sleep_until(&self, until: DateTime<Utc>) -> BoxFuture<'static, ()> {
        self.clock.sleep_until(until)
    }

    fn real(&self, exchange_time: std::time::Duration) -> std::time::Duration {
        exchange_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_jumps_both_ways_by_seconds_minutes_hours_and_whole_days() {
        const MINUTE: i64 = 60_000;
        let dice = Dice::new(1, "clock");
        let jumps: Vec<_> = (0..4_000).map(|_| jump(&dice, Machine::Runs).0.num_milliseconds()).collect();
        assert!(jumps.iter().all(|by| (1..=1_500 * MINUTE).contains(&by.abs())), "{jumps:?}");
        let of_seconds = [1..=3_999, 4_000..=5_000, 5_001..=6_999, 7_000..=29_999, 30_000..=MINUTE];
        let of_minutes = [1..=59, 60..=1_439, 1_440..=1_440, 1_441..=1_500];
        let of_minutes = of_minutes.map(|range| range.start() * MINUTE..=range.end() * MINUTE);
        for sign in [1, -1] {
            for range in of_seconds.iter().chain(&of_minutes) {
                assert!(jumps.iter().any(|by| range.contains(&(by * sign))), "{sign} {range:?}");
            }
        }
    }

    #[test]
    fn a_sleeper_wakes_by_what_the_clock_shows_and_not_by_how_long_that_takes() {
        let hour = TimeDelta::hours(1);
        for (set_by, slept) in [(TimeDelta::zero(), hour), (hour * 3, hour / 2), (-hour, hour * 2)] {
            let exact = VirtualClock::new("2026-11-24T01:00:00Z".parse().unwrap());
            let clock = MachineClock::new(exact.clone());
            let start = exact.now();
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
            runtime.unwrap().block_on(async {
                exact.start();
                let sleeper = clock.sleep_until(start + hour);
                let setter = async {
                    exact.sleep_until(start + hour / 2).await;
                    clock.set(set_by);
                };
                tokio::join!(sleeper, setter);
                exact.stop();
            });
            assert_eq!(exact.now() - start, slept, "set by {set_by}");
            assert_eq!(clock.now(), exact.now() + set_by);
        }
    }
}
