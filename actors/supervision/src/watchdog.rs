//! The watchdog: an OS thread of its own that notices when another thread will not come back.
//!
//! A blocked thread cannot be killed, and starting its actors elsewhere would leave one behind that may wake up and
//! act. So the watchdog only names the culprit; whoever starts it decides, which in production means to end the
//! process. It needs no runtime and measures in real time.

use std::{
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread,
    time::Duration,
};

use crate::{Place, State, Vitals};

const LOOK_MIN: Duration = Duration::from_millis(5);
const LOOK_MAX: Duration = Duration::from_secs(1);

/// What is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchLimits {
    /// One synchronous stretch of one actor.
    pub busy: Duration,
    /// The time between two turns of an actor. Must be well above [`Policy::heartbeat`](crate::Policy::heartbeat),
    /// because without a beat an idle actor is silent too.
    pub silence: Duration,
}

/// A thread that does not come back, and who holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wedge {
    /// The actor that holds the thread; if none does, one that is kept from its turn.
    pub actor: &'static str,
    /// The message it handles; `unknown` if no actor holds the thread.
    pub msg: &'static str,
    /// For how long, in milliseconds.
    pub for_ms: u64,
}

/// A running watchdog; stops when dropped.
#[derive(Debug)]
pub struct Watchdog {
    _stops_the_thread_when_dropped: Sender<()>,
}

/// Watches these actors from a thread of its own, and calls `wedged` there, once, when one exceeds its limits. Actors
/// that are down, parked or stopped are not expected to move.
#[must_use = "a watchdog stops when it is dropped"]
pub fn watchdog(
    vitals: Vec<Arc<Vitals>>,
    limits: WatchLimits,
    wedged: impl FnOnce(Wedge) + Send + 'static,
) -> Watchdog {
    let (stop, stopped) = channel();
    let look_every = (limits.busy.min(limits.silence) / 4).clamp(LOOK_MIN, LOOK_MAX);
    thread::spawn(move || {
        while stopped.recv_timeout(look_every) == Err(RecvTimeoutError::Timeout) {
            if let Some(wedge) = find_wedge(&vitals, limits) {
                tracing::error!(actor = wedge.actor, msg = wedge.msg, for_ms = wedge.for_ms, "thread wedged");
                return wedged(wedge);
            }
        }
    });
    Watchdog { _stops_the_thread_when_dropped: stop }
}

/// The actor that has been busy too long or, if one is silent too long, whoever is busy on its thread.
fn find_wedge(vitals: &[Arc<Vitals>], limits: WatchLimits) -> Option<Wedge> {
    let watched: Vec<Sight> = vitals.iter().filter(|vitals| is_watched(vitals.state())).map(sight).collect();
    if let Some(culprit) =
        watched.iter().filter(|sight| sight.busy > limits.busy).max_by_key(|sight| sight.busy)
    {
        return Some(blame(culprit));
    }
    let silent =
        watched.iter().filter(|sight| sight.silence > limits.silence).max_by_key(|sight| sight.silence)?;
    let holder = watched.iter().filter(|sight| sight.place == silent.place).max_by_key(|sight| sight.busy);
    match holder.filter(|holder| !holder.busy.is_zero()) {
        Some(holder) => Some(blame(holder)),
        None => Some(Wedge { actor: silent.actor, msg: "unknown", for_ms: milliseconds(silent.silence) }),
    }
}

/// What the watchdog sees of one actor at one look.
struct Sight {
    actor: &'static str,
    message: &'static str,
    place: Place,
    busy: Duration,
    silence: Duration,
}

fn sight(vitals: &Arc<Vitals>) -> Sight {
    Sight {
        actor: vitals.name,
        message: vitals.message(),
        place: vitals.place(),
        busy: vitals.busy(),
        silence: vitals.silence(),
    }
}

fn is_watched(state: State) -> bool {
    match state {
        State::Starting | State::Running | State::Draining => true,
        State::Down | State::Stopped | State::Parked => false,
    }
}

fn blame(sight: &Sight) -> Wedge {
    Wedge { actor: sight.actor, msg: sight.message, for_ms: milliseconds(sight.busy) }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
