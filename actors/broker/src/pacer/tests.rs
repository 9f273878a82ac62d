//! Turns, in virtual time.

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
    std::future::poll_fn(|context| std::task::Poll::Ready(waits.as_mut().poll(context).is_pending())).await
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
            assert!(begun.elapsed() >= due && begun.elapsed() < due + Duration::from_millis(23), "{turn}");
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
        assert_eq!(names(&log), ["cancel", "reconcile", "exit", "entry 1", "entry 2", "scan 1", "scan 2"]);
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
