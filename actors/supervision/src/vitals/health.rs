//! An actor's vitals as plain data, for pages, metrics and tests.

use std::time::Duration;

use super::State;

/// One actor's health at one moment, as plain data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The actor's name.
    pub actor: &'static str,
    /// Where it is in its life.
    pub state: State,
    /// How often it was started again.
    pub restarts: u32,
    /// Letters waiting.
    pub depth: usize,
    /// Age of the oldest letter that waits.
    pub backlog_age: Duration,
    /// Replies in progress.
    pub in_flight: usize,
    /// Age of the oldest reply in progress.
    pub oldest_in_flight: Duration,
    /// Letters handled so far.
    pub handled: u64,
    /// Letters refused, displaced, expired or abandoned so far.
    pub dropped: u64,
    /// Median time to handle a letter.
    pub handle_p50: Duration,
    /// 99th percentile of the time to handle a letter.
    pub handle_p99: Duration,
    /// 99th percentile of the time a letter waited for its turn.
    pub wait_p99: Duration,
    /// Length of the synchronous stretch that now holds the thread.
    pub busy: Duration,
    /// Time since the actor's last turn.
    pub silence: Duration,
    /// The latest crash, failure or kill.
    pub last_error: Option<String>,
}
