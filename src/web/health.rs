//! Whether the process lives, and whether it may trade.

use std::time::Duration;

use domain::HaltNonce;
use domain::messages::control::{HaltRecord, TradingState, TradingStatus};
use serde::Serialize;
use supervision::{Health, State};

pub(super) use crate::control::Pulse;
use crate::control::View;
use crate::control::wire::describe;

/// An actor that holds its thread, or got no turn, for longer is stuck for good: the watchdog ends the process at half of
/// it, unless it is stuck itself.
const STUCK_AFTER: Duration = Duration::from_secs(60);

/// The answer of `/healthz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Liveness {
    /// `starting`, `running`, `wounded` (the process runs to say why it does not trade) or `stuck`.
    pub(super) status: &'static str,
    /// The program's version.
    version: &'static str,
    /// Actors that got no turn for too long: only a new process helps.
    pub(super) stuck: Vec<&'static str>,
    /// Each actor's vitals.
    actors: Vec<ActorVitals>,
}

/// One actor's vitals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct ActorVitals {
    actor: &'static str,
    state: String,
    restarts: u32,
    waiting: usize,
    backlog_ms: u128,
    handled: u64,
    busy_ms: u128,
    last_error: Option<String>,
}

/// The answer of `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Readiness {
    /// True when whatever the limits let through is bought and sold.
    pub(super) ready: bool,
    /// `starting`, `active`, `reducing`, `halted`, or `unknown`.
    pub(super) state: &'static str,
    /// Why not, in words.
    pub(super) why: Vec<String>,
}

impl Liveness {
    /// False when the process must be ended from outside.
    pub(super) fn is_alive(&self) -> bool {
        self.stuck.is_empty()
    }
}

/// Whether the process lives. A halt, a wounded start or an actor that is restarted is no reason to end it.
pub(super) fn liveness(pulse: &Pulse) -> Liveness {
    let (status, actors) = match pulse {
        Pulse::Starting => ("starting", &[][..]),
        Pulse::Wounded => ("wounded", &[][..]),
        Pulse::Running(actors) => ("running", &actors[..]),
    };
    let stuck: Vec<&'static str> = actors.iter().filter(|one| is_stuck(one)).map(|one| one.actor).collect();
    Liveness {
        status: if stuck.is_empty() { status } else { "stuck" },
        version: env!("CARGO_PKG_VERSION"),
        stuck,
        actors: actors.iter().map(vitals).collect(),
    }
}

fn is_stuck(actor: &Health) -> bool {
    let runs = match actor.state {
        State::Running | State::Draining => true,
        State::Down | State::Starting | State::Stopped | State::Parked => false,
    };
    actor.busy >= STUCK_AFTER || (runs && actor.silence >= STUCK_AFTER)
}

fn vitals(health: &Health) -> ActorVitals {
    ActorVitals {
        actor: health.actor,
        state: health.state.to_string().to_lowercase(),
        restarts: health.restarts,
        waiting: health.depth,
        backlog_ms: health.backlog_age.as_millis(),
        handled: health.handled,
        busy_ms: health.busy.as_millis(),
        last_error: health.last_error.clone(),
    }
}

/// Whether trading goes on; single stocks that take no orders do not count.
pub(super) fn readiness(view: &View) -> Readiness {
    let not = |state: &'static str, why: String| Readiness { ready: false, state, why: vec![why] };
    match view {
        View::Starting => not("starting", "the agent is starting".to_owned()),
        View::Wounded(wound) => not("halted", wound.remedy.clone()),
        View::Running(running) => match &running.trading {
            Ok(trading) => of_trading(trading),
            Err(why) => not("unknown", why.clone()),
        },
    }
}

fn of_trading(trading: &TradingStatus) -> Readiness {
    let halts = trading.halts.iter().map(without_code);
    let mut why: Vec<String> = halts.chain(trading.entry_blocks.iter().cloned()).collect();
    let active = trading.state == TradingState::Active;
    if !active && why.is_empty() {
        why.push(format!("trading is {}", trading.state));
    }
    Readiness { ready: active && why.is_empty(), state: trading.state.code(), why }
}

/// A halt in one sentence. The code that lifts it from afar is for those who may.
fn without_code(halt: &HaltRecord) -> String {
    describe(&HaltRecord { nonce: HaltNonce::default(), ..halt.clone() })
}
