//! What a composition root says about its children: plain data.

use std::time::Duration;

/// How one child is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Child {
    /// The thread it lives on.
    pub place: Place,
    /// After which ends it is started again.
    pub restart: Restart,
    /// What happens when restarting does not help.
    pub exhausted: Exhausted,
    /// How long it may take to drain.
    pub drain: Duration,
}

/// A thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The thread that launches the supervisor.
    Here,
    /// A thread of this name, shared by all children that name it.
    Thread(&'static str),
}

/// After which ends a child is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// After every end.
    Permanent,
    /// After a crash, but not when it stopped itself.
    Transient,
    /// Never.
    Temporary,
}

/// What happens to a child that crashed more often than the policy allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exhausted {
    /// The supervisor's callback is told, once, and the child stays down with its queue.
    Escalate,
    /// The child is tried again at this pace, and counts as degraded meanwhile.
    Park {
        /// Time between two attempts.
        retry: Duration,
    },
}

/// Who else is restarted when one child crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Nobody.
    OneForOne,
    /// The children added after it.
    RestForOne,
    /// All children.
    OneForAll,
}

/// The rules that hold for all children of one supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Who else is restarted.
    pub strategy: Strategy,
    /// A child that crashes more often than this within `within` is exhausted.
    pub max_restarts: usize,
    /// The sliding window of `max_restarts`, and the quiet time after which the back-off begins anew.
    pub within: Duration,
    /// Back-off before the first restart. It doubles with each further crash, plus up to a quarter of jitter.
    pub backoff_min: Duration,
    /// Longest back-off, jitter included.
    pub backoff_max: Duration,
    /// Seed of the jitter: the same seed gives the same delays.
    pub jitter_seed: u64,
    /// How often every child writes its health line; without it, only changes of state do.
    pub health_every: Option<Duration>,
    /// How often an idle child shows that its thread turns; needed by a watchdog that looks at silence. None in a
    /// simulation, where each beat costs real time.
    pub heartbeat: Option<Duration>,
    /// A running child that makes no progress for this long although letters wait, or whose oldest reply is in progress
    /// for longer, is killed and restarted with its queue.
    pub backlog_limit: Option<Duration>,
}

impl Default for Policy {
    /// The figures of architecture 4: three restarts in 60 s, back-off 100 ms to 30 s, a health line a minute.
    fn default() -> Self {
        Self {
            strategy: Strategy::OneForOne,
            max_restarts: 3,
            within: Duration::from_secs(60),
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(30),
            jitter_seed: 0,
            health_every: Some(Duration::from_secs(60)),
            heartbeat: None,
            backlog_limit: None,
        }
    }
}
