//! Clocks behind the `Clock` port: the system's, and an accelerated one that jumps over closed hours.

use std::sync::{Arc, Mutex, PoisonError};
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
    async fn a_moment_that_has_passed_is_not_waited_for() {
        let clock = ScaledClock::new(start(), 60, Arc::new(|_| None));
        let before = Instant::now();
        clock.sleep_until(start() - TimeDelta::hours(1)).await;
        assert_eq!(before.elapsed(), Duration::ZERO);
    }
}
