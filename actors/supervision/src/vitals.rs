//! What one actor is doing right now, readable from any thread without asking the actor.
//!
//! All times are tokio's: real in production, virtual under a paused runtime. Resolution is one millisecond.

mod health;
mod histogram;
mod moment;

use std::{
    fmt,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::Place;
pub use health::Health;
use histogram::Histogram;
use moment::{Moment, age, milliseconds};

/// Where an actor is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum State {
    /// Not started yet, or crashed and waiting for its restart (for good after an escalation).
    Down = 0,
    /// Its factory or `started` is running.
    Starting = 1,
    /// Handling letters.
    Running = 2,
    /// Finishing what is queued and in progress before it stops.
    Draining = 3,
    /// Stopped for good; its address is gone.
    Stopped = 4,
    /// Crashed too often; retried at a slow pace.
    Parked = 5,
}

impl fmt::Display for State {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, out)
    }
}

/// The pulse of one supervised actor, shared between its cell, its supervisor and every observer.
pub struct Vitals {
    /// The actor's name, as given to its slot.
    pub name: &'static str,
    epoch: Instant,
    place: OnceLock<Place>,
    state: AtomicU8,
    restarts: AtomicU32,
    handled: AtomicU64,
    dropped: AtomicU64,
    depth: AtomicUsize,
    in_flight: AtomicUsize,
    busy_since: Moment,
    polled_at: Moment,
    oldest_letter: Moment,
    oldest_reply: Moment,
    progress_at: Moment,
    current: Mutex<&'static str>,
    awaited: Mutex<Option<&'static str>>,
    last_error: Mutex<Option<String>>,
    handle_time: Histogram,
    queue_wait: Histogram,
    #[cfg(feature = "faults")]
    pub(crate) traps: crate::fault::Traps,
}

impl Vitals {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            epoch: Instant::now(),
            place: OnceLock::new(),
            state: AtomicU8::new(State::Down as u8),
            restarts: AtomicU32::new(0),
            handled: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            depth: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            busy_since: Moment::never(),
            polled_at: Moment::never(),
            oldest_letter: Moment::never(),
            oldest_reply: Moment::never(),
            progress_at: Moment::never(),
            current: Mutex::new("nothing"),
            awaited: Mutex::new(None),
            last_error: Mutex::new(None),
            handle_time: Histogram::new(),
            queue_wait: Histogram::new(),
            #[cfg(feature = "faults")]
            traps: crate::fault::Traps::default(),
        }
    }

    /// Where the actor is in its life.
    #[must_use]
    pub fn state(&self) -> State {
        match self.state.load(Relaxed) {
            1 => State::Starting,
            2 => State::Running,
            3 => State::Draining,
            4 => State::Stopped,
            5 => State::Parked,
            _ => State::Down,
        }
    }

    /// How often it was started again, attempts included.
    #[must_use]
    pub fn restarts(&self) -> u32 {
        self.restarts.load(Relaxed)
    }

    /// Letters waiting, in all lanes.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.depth.load(Relaxed)
    }

    /// Age of the oldest letter that waits; zero when none does.
    #[must_use]
    pub fn backlog_age(&self) -> Duration {
        self.oldest_letter.age(self.now_ms())
    }

    /// Replies in progress: handlers whose asynchronous half has not ended.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Relaxed)
    }

    /// Age of the oldest reply in progress; zero when there is none.
    #[must_use]
    pub fn oldest_in_flight(&self) -> Duration {
        self.oldest_reply.age(self.now_ms())
    }

    /// Letters handled, over all lives.
    #[must_use]
    pub fn handled(&self) -> u64 {
        self.handled.load(Relaxed)
    }

    /// Letters that were refused, displaced, expired, or whose asker had given up before their turn.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// How long the synchronous stretch that now holds the thread has lasted; zero when idle.
    #[must_use]
    pub fn busy(&self) -> Duration {
        self.busy_since.age(self.now_ms())
    }

    /// How long ago the actor's thread last gave it a turn. Without a heartbeat an idle actor is silent too.
    #[must_use]
    pub fn silence(&self) -> Duration {
        self.polled_at.age(self.now_ms())
    }

    /// The latest crash, failure or kill; none if there never was one.
    #[must_use]
    pub fn last_error(&self) -> Option<String> {
        locked(&self.last_error).clone()
    }

    /// Median time to handle a letter, to the end of its reply (at most 12.5 % too high).
    #[must_use]
    pub fn handle_p50(&self) -> Duration {
        self.handle_time.quantile(500)
    }

    /// 99th percentile of the time to handle a letter, to the end of its reply.
    #[must_use]
    pub fn handle_p99(&self) -> Duration {
        self.handle_time.quantile(990)
    }

    /// 99th percentile of the time a letter waited for its turn.
    #[must_use]
    pub fn wait_p99(&self) -> Duration {
        self.queue_wait.quantile(990)
    }

    /// What the actor is doing now, or did last: mostly the type of the message. A crash or a wedge is blamed on it.
    #[must_use]
    pub fn message(&self) -> &'static str {
        *locked(&self.current)
    }

    /// All of it at one glance.
    #[must_use]
    pub fn health(&self) -> Health {
        Health {
            actor: self.name,
            state: self.state(),
            restarts: self.restarts(),
            depth: self.depth(),
            backlog_age: self.backlog_age(),
            in_flight: self.in_flight(),
            oldest_in_flight: self.oldest_in_flight(),
            handled: self.handled(),
            dropped: self.dropped(),
            handle_p50: self.handle_p50(),
            handle_p99: self.handle_p99(),
            wait_p99: self.wait_p99(),
            busy: self.busy(),
            silence: self.silence(),
            last_error: self.last_error(),
        }
    }

    /// Writes the health line: one event of target `health` with a field per figure.
    pub fn log(&self) {
        if !tracing::enabled!(target: "health", tracing::Level::INFO) {
            return;
        }
        let health = self.health();
        tracing::info!(
            target: "health",
            actor = health.actor,
            state = %health.state,
            restarts = health.restarts,
            mailbox = health.depth,
            backlog_ms = milliseconds(health.backlog_age),
            in_flight = health.in_flight,
            oldest_in_flight_ms = milliseconds(health.oldest_in_flight),
            handled = health.handled,
            dropped = health.dropped,
            p50_us = microseconds(health.handle_p50),
            p99_us = microseconds(health.handle_p99),
            wait_p99_us = microseconds(health.wait_p99),
            busy_ms = milliseconds(health.busy),
            last_error = health.last_error,
        );
    }
}

/// What a test may do to single handlers.
#[cfg(feature = "faults")]
impl Vitals {
    /// The types of all letters that were handled so far, over all lives.
    #[must_use]
    pub fn handled_types(&self) -> Vec<&'static str> {
        self.traps.handled()
    }

    /// Lets something go wrong in the handler of the next letter of this type, instead of whatever was to go wrong before.
    pub fn trap(&self, message: &'static str, fault: crate::Fault) {
        self.traps.set(message, fault);
    }

    /// The types of all letters in whose handlers something went wrong by a trap, over all lives.
    #[must_use]
    pub fn tried_types(&self) -> Vec<&'static str> {
        self.traps.tried()
    }

    /// Lets something go wrong in the handler of the next letter of any type that no trap has sprung for yet.
    pub fn trap_untried(&self, fault: crate::Fault) {
        self.traps.set_for_untried(fault);
    }

    /// True while no such letter has come.
    #[must_use]
    pub fn is_trapped(&self) -> bool {
        self.traps.is_set()
    }
}

/// What the kernel itself notes down.
impl Vitals {
    /// Time without any progress although letters wait; zero when none does. A restart counts as progress.
    pub(crate) fn stalled(&self) -> Duration {
        let backlog_age = self.backlog_age();
        match self.progress_at.get() {
            Some(progress_ms) => backlog_age.min(age(self.now_ms(), progress_ms)),
            None => backlog_age,
        }
    }

    /// What a stall is blamed on: the message whose reply is in progress longest, or else what was done last.
    pub(crate) fn awaited(&self) -> &'static str {
        let awaited = *locked(&self.awaited);
        awaited.unwrap_or_else(|| self.message())
    }

    pub(crate) fn place(&self) -> Place {
        self.place.get().copied().unwrap_or(Place::Here)
    }

    pub(crate) fn placed(&self, place: Place) {
        let _first_wins = self.place.set(place);
    }

    /// Takes on a state, and writes the health line if it is a new one worth telling.
    pub(crate) fn change(&self, state: State) {
        let before = self.state.swap(state as u8, Relaxed);
        if before != state as u8 && state != State::Starting {
            self.log();
        }
    }

    pub(crate) fn restarted(&self) {
        self.restarts.fetch_add(1, Relaxed);
    }

    pub(crate) fn failed(&self, why: String) {
        *locked(&self.last_error) = Some(why);
    }

    pub(crate) fn enter(&self, message: &'static str) {
        *locked(&self.current) = message;
        self.busy_since.set(self.now_ms());
    }

    pub(crate) fn leave(&self) {
        self.busy_since.clear();
    }

    pub(crate) fn polled(&self) {
        self.polled_at.set(self.now_ms());
    }

    pub(crate) fn progressed(&self) {
        self.progress_at.set(self.now_ms());
    }

    pub(crate) fn letter_handled(&self) {
        self.handled.fetch_add(1, Relaxed);
        self.progressed();
    }

    pub(crate) fn letter_dropped(&self) {
        self.dropped.fetch_add(1, Relaxed);
    }

    pub(crate) fn replied(&self, took: Duration) {
        self.handle_time.record(took);
        self.progressed();
    }

    pub(crate) fn waited(&self, took: Duration) {
        self.queue_wait.record(took);
    }

    pub(crate) fn publish_backlog(&self, depth: usize, oldest: Option<Instant>) {
        self.depth.store(depth, Relaxed);
        self.oldest_letter.set_at(self.epoch, oldest);
    }

    pub(crate) fn publish_in_flight(&self, count: usize, oldest: Option<(Instant, &'static str)>) {
        self.in_flight.store(count, Relaxed);
        self.oldest_reply.set_at(self.epoch, oldest.map(|(since, _)| since));
        *locked(&self.awaited) = oldest.map(|(_, message)| message);
    }

    fn now_ms(&self) -> u64 {
        milliseconds(self.epoch.elapsed())
    }
}

impl fmt::Debug for Vitals {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.health(), out)
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Locks a mutex whose content stays valid even if a holder panicked.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
