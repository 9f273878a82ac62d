//! Turns at the exchange: requests leave evenly spaced, the most urgent first, in order of arrival within one urgency.
//!
//! The exchange counts requests in a sliding second, so bursts are no use: the bucket of `ratelimit` holds one turn, and
//! a small part more, which makes up for timers that wake late.
//! It knows no order of waiters, therefore only the head of the queue here asks it (architecture 8, "rate").

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{Clock, ports};
use ratelimit::{Ratelimiter, TryWaitError};
use tokio::sync::Notify;

use crate::Urgency;

/// Tokens of the bucket that make one turn.
const PARTS: u64 = 1_000;
/// What a full bucket holds beyond one turn, in time. A timer wakes a millisecond or two late; without this each turn
/// would lose that time, three percent of the rate. At 19 of 20 a second, and 1.9 of 2, a second and a twentieth pass
/// before one request too many is granted; this leaves most of that twentieth to the way of a request to the exchange.
const CARRIED: Duration = Duration::from_millis(4);
/// The most that is carried at a high rate, in parts of a turn.
const CARRIED_PARTS_MAX: u64 = 80;
/// Nobody is served for this long, in exchange time, while an order that has its turn waits for its permit.
const HOLD_MAX: Duration = Duration::from_millis(250);

/// Spaces requests by `1 / rate` seconds of exchange time. One per app key, shared by all endpoints.
pub struct Pacer {
    clock: Arc<dyn Clock>,
    time: Arc<Monotone>,
    limiter: Ratelimiter<SharedTime>,
    queue: Mutex<Queue>,
    spacing: Duration,
}

impl Pacer {
    /// How long no turn is granted after the exchange said that requests come too fast (EGW00201, EGW00215).
    pub const THROTTLE: Duration = Duration::from_secs(1);
    /// The slowest rate, requests per second. A rate that is no number above this becomes this one: a mistake must
    /// never mean "unlimited", which is what `ratelimit` takes a zero for.
    pub const MIN_RATE: f64 = 0.01;
    /// The fastest rate, requests per second; far above what the exchange allows.
    pub const MAX_RATE: f64 = 10_000.0;

    /// A pacer that grants `rate_per_second` turns a second of exchange time, kept within [`Pacer::MIN_RATE`] and
    /// [`Pacer::MAX_RATE`]. The first turn is granted after one spacing, so that a fast restart makes no burst.
    pub fn new(rate_per_second: f64, clock: Arc<dyn Clock>) -> Arc<Self> {
        let time = Arc::new(Monotone::new(clock.clone()));
        let limiter = Ratelimiter::with_clock(PARTS, SharedTime(time.clone()));
        let spacing = spacing(rate_per_second);
        limiter.set_period(spacing);
        limiter.set_max_tokens(PARTS + carried_parts(spacing));
        Arc::new(Self { clock, time, limiter, queue: Mutex::default(), spacing })
    }

    /// How many turns were granted, how long they were waited for, and who waits now.
    pub fn figures(&self) -> PacerFigures {
        let queue = self.queue();
        let of = |urgency: Urgency| {
            let Granted { turns, waited } = queue.granted.get(&urgency).copied().unwrap_or_default();
            let waiting = queue.waiting.keys().filter(|(waits, _)| *waits == urgency).count();
            UrgencyFigures { urgency, turns, waited, waiting }
        };
        PacerFigures {
            spacing: self.spacing,
            throttles: queue.throttles,
            by_urgency: Urgency::ALL.map(of).to_vec(),
        }
    }

    /// Returns when it is the caller's turn. Dropping the future gives the place up and costs nobody a turn.
    pub async fn turn(&self, urgency: Urgency) {
        let asked_at = self.time.elapsed();
        self.wait_for_turn(urgency).await;
        let waited = self.time.elapsed().saturating_sub(asked_at);
        let mut queue = self.queue();
        let granted = queue.granted.entry(urgency).or_default();
        granted.turns += 1;
        granted.waited += waited;
    }

    async fn wait_for_turn(&self, urgency: Urgency) {
        let place = self.line_up(urgency);
        loop {
            if !place.is_first() {
                place.called.notified().await;
                continue;
            }
            if let Some(wait) = self.stopped_for() {
                tokio::select! {
                    () = ports::sleep(&self.clock, wait) => {}
                    () = place.called.notified() => {}
                }
                continue;
            }
            match self.limiter.try_wait_n(PARTS) {
                Ok(()) => return,
                Err(TryWaitError::Insufficient(wait)) => ports::sleep(&self.clock, wait).await,
                Err(TryWaitError::ExceedsCapacity | _) => {
                    ports::sleep(&self.clock, self.limiter.period()).await;
                }
            }
        }
    }

    /// A turn for an order, which leaves a moment later, when its permit is written. Until [`Pacer::order_leaves`], but not
    /// longer than a quarter of a second of exchange time, nobody else is served: the exchange counts when it arrives.
    pub async fn order_turn(&self, urgency: Urgency) {
        self.turn(urgency).await;
        self.hold_for(HOLD_MAX);
    }

    /// The order that has its turn leaves now: the next request follows at its distance from here.
    pub fn order_leaves(&self) {
        self.hold_for(self.spacing);
    }

    fn hold_for(&self, time: Duration) {
        let until = self.time.elapsed() + time;
        let mut queue = self.queue();
        queue.held_until = Some(until);
        if let Some((_, first)) = queue.waiting.first_key_value() {
            first.notify_one();
        }
    }

    /// The exchange refused a request because of the rate: no turn for [`Pacer::THROTTLE`] of exchange time.
    pub fn throttled(&self) {
        let until = self.time.elapsed() + Self::THROTTLE;
        let mut queue = self.queue();
        queue.throttled_until = Some(until);
        queue.throttles += 1;
    }

    fn stopped_for(&self) -> Option<Duration> {
        let now = self.time.elapsed();
        let queue = self.queue();
        let until = queue.throttled_until.max(queue.held_until)?;
        until.checked_sub(now).filter(|left| !left.is_zero())
    }

    fn line_up(&self, urgency: Urgency) -> Place<'_> {
        let called = Arc::new(Notify::new());
        let mut queue = self.queue();
        queue.arrivals += 1;
        let key = (urgency, queue.arrivals);
        queue.waiting.insert(key, called.clone());
        Place { pacer: self, key, called }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while the lock is held, and a queue is sound at every step anyway.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who waits, in the order in which they will be served.
#[derive(Default)]
struct Queue {
    arrivals: u64,
    /// Time of the pacer until which nobody is served.
    throttled_until: Option<Duration>,
    /// Until when an order that has its turn may be about to leave, or has just left.
    held_until: Option<Duration>,
    waiting: BTreeMap<(Urgency, u64), Arc<Notify>>,
    granted: BTreeMap<Urgency, Granted>,
    throttles: u64,
}

/// The turns of one urgency so far.
#[derive(Clone, Copy, Default)]
struct Granted {
    turns: u64,
    waited: Duration,
}

/// How the pacing stands, as plain data; times are exchange time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacerFigures {
    /// Time from one turn to the next.
    pub spacing: Duration,
    /// How often the exchange said that requests come too fast.
    pub throttles: u64,
    /// Turns per urgency, the most urgent first.
    pub by_urgency: Vec<UrgencyFigures>,
}

/// The turns of one urgency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UrgencyFigures {
    /// How urgent.
    pub urgency: Urgency,
    /// Turns that were granted.
    pub turns: u64,
    /// How long all of them waited, together.
    pub waited: Duration,
    /// Requests that wait now.
    pub waiting: usize,
}

/// A place in the queue; given up when dropped.
struct Place<'a> {
    pacer: &'a Pacer,
    key: (Urgency, u64),
    called: Arc<Notify>,
}

impl Place<'_> {
    fn is_first(&self) -> bool {
        self.pacer.queue().waiting.first_key_value().is_some_and(|(first, _)| *first == self.key)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut queue = self.pacer.queue();
        queue.waiting.remove(&self.key);
        if let Some((_, next)) = queue.waiting.first_key_value() {
            next.notify_one();
        }
    }
}

#[expect(clippy::manual_clamp, reason = "`clamp` keeps a NaN, `max` drops it")]
fn spacing(rate_per_second: f64) -> Duration {
    let rate = rate_per_second.max(Pacer::MIN_RATE).min(Pacer::MAX_RATE);
    Duration::from_secs_f64(rate.recip())
}

/// Tokens that a full bucket holds beyond one turn.
fn carried_parts(spacing: Duration) -> u64 {
    let parts = (CARRIED * u32::try_from(PARTS).unwrap_or(u32::MAX)).as_nanos() / spacing.as_nanos().max(1);
    u64::try_from(parts).unwrap_or(u64::MAX).min(CARRIED_PARTS_MAX)
}

/// Exchange time as `ratelimit` wants it: never backwards. A clock that is set back would otherwise stop all requests
/// until it had caught up; set forward, it fills a bucket of one token.
struct Monotone {
    clock: Arc<dyn Clock>,
    seen: Mutex<(DateTime<Utc>, Duration)>,
}

impl Monotone {
    fn new(clock: Arc<dyn Clock>) -> Self {
        let now = clock.now();
        Self { clock, seen: Mutex::new((now, Duration::ZERO)) }
    }

    /// Exchange time passed since it was made.
    fn elapsed(&self) -> Duration {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, elapsed) = *seen;
        let now = self.clock.now();
        let step = (now - last).to_std().unwrap_or(Duration::ZERO);
        *seen = (now, elapsed.saturating_add(step));
        seen.1
    }
}

struct SharedTime(Arc<Monotone>);

impl ratelimit::Clock for SharedTime {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests;
