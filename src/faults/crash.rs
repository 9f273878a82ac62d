//! When to die: at the n-th time of a named step, or at a step that a seed decides.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use rustix::process::{Signal, getpid, kill_process};

use crate::terminal;

/// Which side of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// Nothing of it has happened.
    Before,
    /// All of it has happened, and nobody has been told.
    After,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Before => "before",
            Self::After => "after",
        })
    }
}

impl FromStr for Moment {
    type Err = InvalidCrash;

    fn from_str(text: &str) -> Result<Self, InvalidCrash> {
        match text {
            "before" => Ok(Self::Before),
            "after" => Ok(Self::After),
            _ => Err(InvalidCrash),
        }
    }
}

/// The text names no crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("allowed: before:STEP:N, after:STEP:N or random:SEED:STEPS, with N and STEPS from 1")]
pub struct InvalidCrash;

/// A death that is planned, or none.
#[derive(Debug)]
pub struct Crash {
    plan: Plan,
    counts: Mutex<Counts>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Plan {
    Never,
    At {
        moment: Moment,
        step: String,
        times: u64,
    },
    /// At this step of all, counted from one.
    Step(u64),
}

#[derive(Debug, Default)]
struct Counts {
    all: u64,
    named: BTreeMap<(Moment, &'static str), u64>,
}

impl Crash {
    /// Reads a plan; an empty text plans nothing.
    ///
    /// # Errors
    /// [`InvalidCrash`].
    pub fn parse(text: &str) -> Result<Self, InvalidCrash> {
        let counts = Mutex::default();
        if text.is_empty() {
            return Ok(Self { plan: Plan::Never, counts });
        }
        let mut parts = text.splitn(3, ':');
        let mut part = || parts.next().ok_or(InvalidCrash);
        let (kind, middle, count) = (part()?, part()?, part()?);
        let count = count.parse().ok().filter(|count| *count > 0).ok_or(InvalidCrash)?;
        let plan = if kind == "random" {
            let seed = middle.parse().map_err(|_| InvalidCrash)?;
            Plan::Step(fastrand::Rng::with_seed(seed).u64(1..=count))
        } else {
            Plan::At { moment: kind.parse()?, step: middle.to_owned(), times: count }
        };
        Ok(Self { plan, counts })
    }

    /// The process reaches a step; it may not return.
    pub fn reach(&self, moment: Moment, step: &'static str) {
        if let Some(times) = self.is_due(moment, step) {
            terminal::complain(format_args!("dies {moment}:{step}:{times}"));
            die();
        }
    }

    /// How often this moment of the step has been reached, if now is the time to die.
    fn is_due(&self, moment: Moment, step: &'static str) -> Option<u64> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all += 1;
        let all = counts.all;
        let named = counts.named.entry((moment, step)).or_default();
        *named += 1;
        let due = match &self.plan {
            Plan::Never => false,
            Plan::At { moment: at, step: wanted, times } => {
                *at == moment && wanted == step && *times == *named
            }
            Plan::Step(number) => *number == all,
        };
        due.then_some(*named)
    }
}

/// SIGKILL to this process.
fn die() -> ! {
    let killed = kill_process(getpid(), Signal::KILL);
    // The signal cannot be caught, so this is not reached unless the system refused it.
    terminal::complain(format_args!("could not die: {killed:?}"));
    loop {
        std::thread::park();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_crash_is_due_at_the_nth_time_of_its_step_and_moment_only() {
        let crash = Crash::parse("after:begin_sending:2").unwrap();
        let reached = [
            (Moment::After, "begin_sending", None),
            (Moment::Before, "begin_sending", None),
            (Moment::Before, "begin_sending", None),
            (Moment::After, "record_outcome", None),
            (Moment::After, "begin_sending", Some(2)),
            (Moment::After, "begin_sending", None),
        ];
        for (moment, step, due) in reached {
            assert_eq!(crash.is_due(moment, step), due, "{moment} {step}");
        }
    }

    #[test]
    fn a_random_crash_is_due_once_within_its_steps_and_its_seed_decides() {
        let due = |seed: u64| {
            let crash = Crash::parse(&format!("random:{seed}:50")).unwrap();
            let at: Vec<_> = (0..200).filter(|_| crash.is_due(Moment::Before, "post").is_some()).collect();
            assert!(at.len() == 1 && at[0] < 50, "{at:?}");
            at[0]
        };
        assert_eq!(due(7), due(7));
        assert!((0..20).map(due).collect::<std::collections::BTreeSet<_>>().len() > 5);
    }

    #[test]
    fn anything_else_is_refused_with_what_is_allowed() {
        for wrong in ["now", "after:post", "after:post:0", "after:post:x", "during:post:1", "random:x:5"] {
            assert_eq!(Crash::parse(wrong).unwrap_err(), InvalidCrash, "{wrong}");
        }
        assert!(Crash::parse("").unwrap().is_due(Moment::Before, "post").is_none());
    }
}
