//! Clocks behind the `Clock` port: the system's, an accelerated one that jumps over closed hours, and a virtual one for
//! simulations.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{BoxFuture, Clock};
use tokio::time::Instant;

/// Longest real sleep in one go: a clock that is set, or jumps, is noticed after at most this long.
const LONGEST_NAP: Duration = Duration::from_millis(500);

/// The wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that looks at the wall clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn sleep_until(&self, until: DateTime<Utc>) -> BoxFuture<'static, ()> {
        Box::pin(nap_until(Self, until))
    }

    fn real(&self, exchange_time: Duration) -> Duration {
        exchange_time
    }
}

/// Where the clock jumps from a given moment; none: it does not.
pub type Jump = Arc<dyn Fn(DateTime<Utc>) -> Option<DateTime<Utc>> + Send + Sync>;

/// Exchange time at a multiple of real time. Hours in which nothing can happen are jumped over.
#[derive(Clone)]
pub struct ScaledClock {
    shared: Arc<Shared>,
}

struct Shared {
    speed: u32,
    jump: Jump,
    anchor: Mutex<Anchor>,
}

#[derive(Clone, Copy)]
struct Anchor {
    real: Instant,
    exchange: DateTime<Utc>,
}

impl ScaledClock {
    /// A clock that shows `start` now and runs `speed` times as fast as real time, at least once.
    pub fn new(start: DateTime<Utc>, speed: u32, jump: Jump) -> Self {
        let anchor = Mutex::new(Anchor { real: Instant::now(), exchange: start });
        Self { shared: Arc::new(Shared { speed: speed.max(1), jump, anchor }) }
    }

    /// A clock that shows `start` now, runs `speed` times as fast as real time, and never jumps.
    pub fn steady(start: DateTime<Utc>, speed: u32) -> Self {
        Self::new(start, speed, Arc::new(|_| None))
    }

    /// How many times as fast as real time it runs, at least 1.
    pub fn speed(&self) -> u32 {
        self.shared.speed
    }

    /// Shows `now` from here on, earlier or later than it did; it runs on as fast as before.
    pub fn set(&self, now: DateTime<Utc>) {
        let mut anchor = self.shared.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        *anchor = Anchor { real: Instant::now(), exchange: now };
    }
}

impl Clock for ScaledClock {
    fn now(&self) -> DateTime<Utc> {
        let mut anchor = self.shared.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = anchor.real.elapsed().saturating_mul(self.shared.speed);
        let now = plus(anchor.exchange, elapsed);
        match (self.shared.jump)(now) {
            Some(target) if target > now => {
                *anchor = Anchor { real: Instant::now(), exchange: target };
                target
            }
            Some(_) | None => now,
        }
    }

    fn sleep_until(&self, until: DateTime<Utc>) -> BoxFuture<'static, ()> {
        Box::pin(nap_until(self.clone(), until))
    }

    fn real(&self, exchange_time: Duration) -> Duration {
        exchange_time / self.shared.speed
    }
}

/// Exchange time that follows a paused runtime exactly, and stands still while no runtime lives.
///
/// One clock outlives many runtimes, as the exchange outlives the processes that trade on it. Tokio's time is virtual
/// only inside its own runtime, so it is looked at between [`VirtualClock::start`] and [`VirtualClock::stop`] alone.
#[derive(Clone, Debug)]
pub struct VirtualClock {
    state: Arc<Mutex<Virtual>>,
}

#[derive(Clone, Copy, Debug)]
struct Virtual {
    shown: DateTime<Utc>,
    running_since: Option<Instant>,
}

impl VirtualClock {
    /// A clock that stands at `start`.
    pub fn new(start: DateTime<Utc>) -> Self {
        Self { state: Arc::new(Mutex::new(Virtual { shown: start, running_since: None })) }
    }

    /// Runs with the runtime that this is called in.
    pub fn start(&self) {
        self.lock().running_since = Some(Instant::now());
    }

    /// Stands still from now on. Must be called inside the runtime too.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.shown = state.now();
        state.running_since = None;
    }

    /// Moves a clock that stands still. A running one, and an earlier time, are left alone.
    pub fn advance_to(&self, at: DateTime<Utc>) {
        let mut state = self.lock();
        if state.running_since.is_none() {
            state.shown = state.shown.max(at);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Virtual> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Virtual {
    fn now(&self) -> DateTime<Utc> {
        self.running_since.map_or(self.shown, |since| plus(self.shown, since.elapsed()))
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> DateTime<Utc> {
        self.lock().now()
    }

    /// Sleeps in one go: nothing sets this clock, so there is nothing to look for in between.
    fn sleep_until(&self, until: DateTime<Utc>) -> BoxFuture<'static, ()> {
        let clock = self.clone();
        Box::pin(async move {
            while let Ok(left) = (until - clock.now()).to_std() {
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left).await;
            }
        })
    }

    fn real(&self, exchange_time: Duration) -> Duration {
        exchange_time
    }
}

async fn nap_until(clock: impl Clock, until: DateTime<Utc>) {
    while let Ok(left) = (until - clock.now()).to_std() {
        if left.is_zero() {
            return;
        }
        // A microsecond more than computed: rounding down must not make a loop without progress.
        tokio::time::sleep((clock.real(left) + Duration::from_micros(1)).min(LONGEST_NAP)).await;
    }
}

fn plus(at: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    let delta = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
    at.checked_add_signed(delta).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> DateTime<Utc> {
        "2026-11-24T00:00:00Z".parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_hour_passes_in_a_minute_at_sixty_times() {
        let clock = ScaledClock::new(start(), 60, Arc::new(|_| None));
        let before = Instant::now();
        clock.sleep_until(start() + TimeDelta::hours(1)).await;
        let real = before.elapsed();
        assert!((Duration::from_secs(60)..Duration::from_millis(60_050)).contains(&real), "{real:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn closed_hours_are_jumped_over() {
        let close = start() + TimeDelta::minutes(10);
        let open = start() + TimeDelta::hours(20);
        let clock =
            ScaledClock::new(start(), 60, Arc::new(move |now| (now >= close && now < open).then_some(open)));
        clock.sleep_until(open + TimeDelta::minutes(1)).await;
        assert!(clock.now() >= open + TimeDelta::minutes(1));
        assert!(clock.now() < open + TimeDelta::minutes(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_goes_on_from_there_as_fast_as_before() {
        let clock = ScaledClock::steady(start(), 60);
        clock.set(start() - TimeDelta::hours(24));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(clock.now(), start() - TimeDelta::hours(23));
    }

    #[tokio::test(start_paused = true)]
    async fn a_moment_that_has_passed_is_not_waited_for() {
        let clock = ScaledClock::new(start(), 60, Arc::new(|_| None));
        let before = Instant::now();
        clock.sleep_until(start() - TimeDelta::hours(1)).await;
        assert_eq!(before.elapsed(), Duration::ZERO);
    }

    #[test]
    fn a_virtual_clock_sleeps_exactly_and_stands_still_between_runtimes() {
        let clock = VirtualClock::new(start());
        for life in 1..=3 {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
            runtime.unwrap().block_on(async {
                clock.start();
                clock.sleep_until(clock.now() + TimeDelta::milliseconds(86_400_007)).await;
                clock.advance_to(start() + TimeDelta::days(999));
                clock.stop();
            });
            assert_eq!(clock.now(), start() + TimeDelta::milliseconds(86_400_007) * life);
        }
        clock.advance_to(start() + TimeDelta::days(9));
        clock.advance_to(start());
        assert_eq!(clock.now(), start() + TimeDelta::days(9));
    }
}
