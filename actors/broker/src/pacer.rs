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
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use chrono::TimeDelta;
    use domain::BoxFuture;
    use tokio::task::LocalSet;
    use tokio::time::Instant;

    use super::*;

    /// Exchange time that runs `speed` times as fast as tokio's, plus a jump that tests make.
    struct TestClock {
        begun: Instant,
        speed: u32,
        jumped: Mutex<TimeDelta>,
    }

    impl TestClock {
        fn new(speed: u32) -> Arc<Self> {
            Arc::new(Self { begun: Instant::now(), speed, jumped: Mutex::new(TimeDelta::zero()) })
        }
    }

    impl Clock for TestClock {
        fn now(&self) -> DateTime<Utc> {
            let elapsed = TimeDelta::from_std(self.begun.elapsed() * self.speed).unwrap();
            DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + elapsed + *self.jumped.lock().unwrap()
        }

        fn sleep_until(&self, until: DateTime<Utc>) -> BoxFuture<'static, ()> {
            let wait = (until - self.now()).to_std().unwrap_or_default() / self.speed;
            Box::pin(tokio::time::sleep(wait))
        }

        fn real(&self, exchange_time: Duration) -> Duration {
            exchange_time / self.speed
        }
    }

    fn run(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        LocalSet::new().block_on(&runtime.unwrap(), test);
    }

    /// Who got a turn, and when in real milliseconds.
    type Log = Rc<RefCell<Vec<(&'static str, u64)>>>;

    async fn wait(pacer: Arc<Pacer>, urgency: Urgency, name: &'static str, begun: Instant, log: Log) {
        pacer.turn(urgency).await;
        log.borrow_mut().push((name, u64::try_from(begun.elapsed().as_millis()).unwrap()));
    }

    fn names(log: &Log) -> Vec<&'static str> {
        log.borrow().iter().map(|(name, _)| *name).collect()
    }

    #[test]
    fn turns_waits_and_throttles_are_counted_by_urgency() {
        run(async {
            let pacer = Pacer::new(10.0, TestClock::new(1));
            pacer.turn(Urgency::Exit).await;
            pacer.turn(Urgency::Scan).await;
            pacer.throttled();
            let waits = pacer.turn(Urgency::Scan);
            tokio::pin!(waits);
            assert!(is_pending_still(&mut waits).await, "it waits");
            let figures = pacer.figures();
            assert_eq!((figures.spacing, figures.throttles), (Duration::from_millis(100), 1));
            let of = |urgency| *figures.by_urgency.iter().find(|one| one.urgency == urgency).unwrap();
            assert_eq!((of(Urgency::Exit).turns, of(Urgency::Exit).waiting), (1, 0));
            assert_eq!((of(Urgency::Scan).turns, of(Urgency::Scan).waiting), (1, 1));
            assert!(of(Urgency::Scan).waited >= Duration::from_millis(90), "{figures:?}");
            assert_eq!(of(Urgency::Cancel).turns, 0);
        });
    }

    /// True when the future is not done after its first poll.
    async fn is_pending_still(waits: &mut std::pin::Pin<&mut impl Future<Output = ()>>) -> bool {
        std::future::poll_fn(|context| std::task::Poll::Ready(waits.as_mut().poll(context).is_pending()))
            .await
    }

    #[test]
    fn turns_are_spaced_evenly_also_after_an_idle_time() {
        run(async {
            let pacer = Pacer::new(10.0, TestClock::new(1));
            tokio::time::sleep(Duration::from_secs(5)).await;
            let begun = Instant::now();
            for turn in 0..10_u32 {
                pacer.turn(Urgency::Scan).await;
                // What was carried over the idle time lets the second turn and those after it come so much earlier.
                let due = (Duration::from_millis(100) * turn).saturating_sub(Duration::from_millis(8));
                assert!(
                    begun.elapsed() >= due && begun.elapsed() < due + Duration::from_millis(23),
                    "{turn}"
                );
            }
        });
    }

    #[test]
    fn a_saturated_minute_uses_the_rate_and_no_sliding_second_holds_more_than_the_exchange_allows() {
        for (rate, documented, at_least) in [(19.0, 20, 1_118), (1.9, 2, 112)] {
            run(async move {
                let pacer = Pacer::new(rate, TestClock::new(1));
                // Idle first: the bucket is as full as it gets.
                tokio::time::sleep(Duration::from_secs(5)).await;
                let begun = Instant::now();
                let mut granted_at = Vec::new();
                while begun.elapsed() < Duration::from_secs(60) {
                    pacer.turn(Urgency::Scan).await;
                    granted_at.push(begun.elapsed());
                }
                assert!(granted_at.len() >= at_least, "{} turns at {rate}", granted_at.len());
                for (first, at) in granted_at.iter().enumerate() {
                    // A request that was 40 ms longer under way than the one after it arrives that much nearer to it.
                    let within = |later: &&Duration| **later - *at < Duration::from_millis(1_040);
                    let together = granted_at[first..].iter().take_while(within).count();
                    assert!(together <= documented, "{together} turns from {at:?} on at {rate}");
                }
            });
        }
    }

    #[test]
    fn what_follows_an_order_keeps_its_distance_from_when_the_order_left() {
        for (rate, spacing_ms) in [(19.0, 52), (1.9, 526)] {
            run(async move {
                let pacer = Pacer::new(rate, TestClock::new(1));
                let (begun, log) = (Instant::now(), Log::default());
                pacer.order_turn(Urgency::Exit).await;
                tokio::task::spawn_local(wait(pacer.clone(), Urgency::Scan, "scan", begun, log.clone()));
                tokio::time::sleep(Duration::from_millis(120)).await;
                assert!(names(&log).is_empty(), "the order has not left yet");
                pacer.order_leaves();
                let left_ms = u64::try_from(begun.elapsed().as_millis()).unwrap();
                tokio::time::sleep(Duration::from_secs(1)).await;
                let (_, at) = log.borrow()[0];
                assert!((spacing_ms..spacing_ms + 5).contains(&(at - left_ms)), "{} ms", at - left_ms);
            });
        }
    }

    #[test]
    fn an_order_that_never_leaves_holds_the_others_up_for_a_quarter_of_a_second() {
        run(async {
            let pacer = Pacer::new(19.0, TestClock::new(1));
            pacer.order_turn(Urgency::Entry).await;
            let begun = Instant::now();
            pacer.turn(Urgency::Exit).await;
            let took = begun.elapsed();
            assert!(took >= HOLD_MAX && took < HOLD_MAX + Duration::from_millis(5), "{took:?}");
        });
    }

    #[test]
    fn spacing_follows_exchange_time() {
        run(async {
            let pacer = Pacer::new(2.0, TestClock::new(60));
            let begun = Instant::now();
            for _ in 0..240 {
                pacer.turn(Urgency::Scan).await;
            }
            let took = begun.elapsed();
            assert!(took >= Duration::from_secs(2) && took < Duration::from_millis(2_500), "{took:?}");
        });
    }

    #[test]
    fn the_most_urgent_goes_first_and_equals_in_order_of_arrival() {
        run(async {
            let pacer = Pacer::new(1.0, TestClock::new(1));
            let (begun, log) = (Instant::now(), Log::default());
            let waiters = [
                (Urgency::Scan, "scan 1"),
                (Urgency::Entry, "entry 1"),
                (Urgency::Scan, "scan 2"),
                (Urgency::Reconcile, "reconcile"),
                (Urgency::Cancel, "cancel"),
                (Urgency::Entry, "entry 2"),
            ];
            for (urgency, name) in waiters {
                tokio::task::spawn_local(wait(pacer.clone(), urgency, name, begun, log.clone()));
            }
            tokio::time::sleep(Duration::from_millis(2_500)).await;
            assert_eq!(names(&log), ["cancel", "reconcile"]);
            tokio::task::spawn_local(wait(pacer.clone(), Urgency::Exit, "exit", begun, log.clone()));
            tokio::time::sleep(Duration::from_secs(10)).await;
            assert_eq!(
                names(&log),
                ["cancel", "reconcile", "exit", "entry 1", "entry 2", "scan 1", "scan 2"]
            );
            let last = log.borrow().last().unwrap().1;
            assert!((7_000..7_050).contains(&last), "{last}");
        });
    }

    #[test]
    fn a_waiter_that_gives_up_costs_nobody_a_turn() {
        run(async {
            let pacer = Pacer::new(1.0, TestClock::new(1));
            let (begun, log) = (Instant::now(), Log::default());
            let impatient =
                tokio::task::spawn_local(wait(pacer.clone(), Urgency::Exit, "gone", begun, log.clone()));
            tokio::task::spawn_local(wait(pacer.clone(), Urgency::Scan, "scan", begun, log.clone()));
            tokio::time::sleep(Duration::from_millis(500)).await;
            impatient.abort();
            tokio::time::sleep(Duration::from_millis(550)).await;
            assert_eq!(names(&log), ["scan"]);
            assert!(pacer.queue().waiting.is_empty());
        });
    }

    #[test]
    fn a_clock_set_back_stops_nothing_and_one_set_forward_makes_no_burst() {
        run(async {
            let clock = TestClock::new(1);
            let pacer = Pacer::new(10.0, clock.clone());
            pacer.turn(Urgency::Scan).await;
            for hours in [-1, 3] {
                *clock.jumped.lock().unwrap() += TimeDelta::hours(hours);
                let begun = Instant::now();
                pacer.turn(Urgency::Scan).await;
                pacer.turn(Urgency::Scan).await;
                let took = begun.elapsed();
                assert!(took >= Duration::from_millis(90) && took < Duration::from_millis(250), "{took:?}");
            }
        });
    }

    #[test]
    fn a_throttled_pacer_serves_nobody_for_a_second() {
        run(async {
            let pacer = Pacer::new(10.0, TestClock::new(1));
            pacer.turn(Urgency::Scan).await;
            let begun = Instant::now();
            pacer.throttled();
            pacer.turn(Urgency::Exit).await;
            assert!(begun.elapsed() >= Pacer::THROTTLE, "{:?}", begun.elapsed());
            pacer.turn(Urgency::Exit).await;
            assert!(begun.elapsed() < Duration::from_millis(1_150), "{:?}", begun.elapsed());
        });
    }

    #[test]
    fn a_rate_that_makes_no_sense_is_slow_never_unlimited() {
        for (rate, seconds) in
            [(0.0, 100.0), (-3.0, 100.0), (f64::NAN, 100.0), (f64::INFINITY, 0.0001), (20.0, 0.05)]
        {
            assert_eq!(spacing(rate), Duration::from_secs_f64(seconds), "{rate}");
        }
    }
}
