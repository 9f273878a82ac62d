//! The tests are tested: each deliberate mistake of `supervision::mutant` is caught by the check that is there for it, and
//! that check is silent without the mistake.
//!
//! Every check runs in processes of its own, because a mutant is on for its whole process. The same by hand:
//! `cargo run --features mutants -- verify --mutant no-fencing --story`.

mod processes;
mod verified;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;

use kestrel::terminal;
use supervision::mutant::Mutant;

/// Checks at a time: each is one thread, and this is what CI has.
const LANES: usize = 2;

/// What must catch a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    /// `kestrel verify` reports this invariant under one of a fixed set of seeds.
    Verify { invariant: u8 },
    /// `kestrel verify` gives a seed one trace in every process.
    TraceHash,
    /// A peer that answers 307 gets an order once.
    Redirect,
    /// In a trace of system calls no order leaves before its row is synced.
    WriteAhead,
    /// An actor that panics lives again.
    Panic,
}

/// One check for each mutant; a new mutant does not compile without one.
fn check_for(mutant: Mutant) -> Check {
    match mutant {
        Mutant::RetryPost => Check::Verify { invariant: 1 },
        Mutant::CommitAfterPost => Check::Verify { invariant: 5 },
        Mutant::ServerErrorIsRefusal => Check::Verify { invariant: 2 },
        Mutant::NoHaltCheck => Check::Verify { invariant: 10 },
        Mutant::HaltInMemory => Check::Verify { invariant: 10 },
        Mutant::NoFencing => Check::Verify { invariant: 12 },
        Mutant::MatchWithoutPrice => Check::Verify { invariant: 7 },
        Mutant::NoDayBarrier => Check::Verify { invariant: 4 },
        Mutant::ReleaseAtLapse => Check::Verify { invariant: 6 },
        Mutant::DefaultHttpClient => Check::Redirect,
        Mutant::HashOrder => Check::TraceHash,
        Mutant::NoSync => Check::WriteAhead,
        Mutant::NoCatch => Check::Panic,
        Mutant::SellOthersShares => Check::Verify { invariant: 14 },
        Mutant::CancelAtEveryHalt => Check::Verify { invariant: 10 },
    }
}

/// A broken invariant, and where it showed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    invariant: u8,
    seed: Option<u64>,
    what: String,
}

/// What came of a check.
enum Outcome {
    Ran(Vec<Finding>),
    /// The machine lacks a tool, which was said aloud.
    Skipped,
}

impl Outcome {
    fn findings(self) -> Vec<Finding> {
        match self {
            Self::Ran(findings) => findings,
            Self::Skipped => Vec::new(),
        }
    }
}

impl Check {
    /// Its name, and the invariant that it watches.
    fn watches(self) -> (&'static str, u8) {
        match self {
            Self::Verify { invariant } => ("kestrel verify", invariant),
            Self::TraceHash => ("trace hash, two processes", 28),
            Self::Redirect => ("peer that answers 307", 1),
            Self::WriteAhead => ("write-ahead proof, strace", 5),
            Self::Panic => ("panic in a running agent", 15),
        }
    }

    fn run(self, mutant: Option<Mutant>) -> Outcome {
        match self {
            Self::Verify { invariant } => Outcome::Ran(verified::until_caught(mutant, invariant)),
            Self::TraceHash => Outcome::Ran(verified::traces(mutant)),
            Self::Redirect => Outcome::Ran(processes::redirected(mutant)),
            Self::WriteAhead => processes::write_ahead(mutant),
            Self::Panic => Outcome::Ran(processes::panicked(mutant)),
        }
    }
}

/// A line of the table.
struct Row {
    mutant: Mutant,
    check: Check,
    /// What the check reported of the invariant that it watches.
    caught: Outcome,
    /// Further invariants that the mutant broke on the way.
    beside: Vec<u8>,
}

impl Row {
    fn of(mutant: Mutant) -> Self {
        let check = check_for(mutant);
        let (_, watched) = check.watches();
        let (caught, beside) = match check.run(Some(mutant)) {
            Outcome::Ran(findings) => {
                let (caught, others): (Vec<_>, Vec<_>) =
                    findings.into_iter().partition(|finding| finding.invariant == watched);
                let mut beside: Vec<u8> = others.iter().map(|finding| finding.invariant).collect();
                beside.sort_unstable();
                beside.dedup();
                (Outcome::Ran(caught), beside)
            }
            Outcome::Skipped => (Outcome::Skipped, Vec::new()),
        };
        Self { mutant, check, caught, beside }
    }

    fn escaped(&self) -> bool {
        matches!(&self.caught, Outcome::Ran(findings) if findings.is_empty())
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (check, invariant) = self.check.watches();
        write!(f, "{:<24} {check:<26} ", self.mutant.name())?;
        let findings = match &self.caught {
            Outcome::Ran(findings) => findings,
            Outcome::Skipped => return write!(f, "SKIPPED"),
        };
        let Some(first) = findings.first() else {
            return write!(f, "ESCAPED: not one report of invariant {invariant}; others {:?}", self.beside);
        };
        let seed = first.seed.map_or_else(|| "-".to_owned(), |seed| seed.to_string());
        write!(f, "{seed:>4} {invariant:>9}  {}", first.what)
    }
}

/// What a lane does next.
#[derive(Clone, Copy)]
enum Task {
    /// The check without a mutant.
    Silence(Check),
    /// The mutant's check with it.
    Catch(Mutant),
}

/// Every check once without a mutant, then every mutant; the slow ones first, so that the lanes end together.
fn tasks() -> VecDeque<Task> {
    let every =
        [Check::WriteAhead, Check::Verify { invariant: 0 }, Check::TraceHash, Check::Redirect, Check::Panic];
    let mutants = Mutant::ALL.into_iter().rev().map(Task::Catch);
    every.into_iter().map(Task::Silence).chain(mutants).collect()
}

#[test]
fn each_mutant_is_caught_and_each_check_is_silent_without_one() {
    let (tasks, rows, noise) = (Mutex::new(tasks()), Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let next = || tasks.lock().unwrap().pop_front();
    let lane = || {
        while let Some(task) = next() {
            match task {
                Task::Silence(check) => noise.lock().unwrap().extend(check.run(None).findings()),
                Task::Catch(mutant) => rows.lock().unwrap().push(Row::of(mutant)),
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(lane);
        }
    });
    let mut rows = rows.into_inner().unwrap();
    rows.sort_by_key(|row| row.mutant);
    let head = format!("{:<24} {:<26} {:>4} {:>9}", "mutant", "caught by", "seed", "invariant");
    terminal::line(format_args!("\n{head}"));
    rows.iter().for_each(terminal::line);
    assert_eq!(noise.into_inner().unwrap(), Vec::new(), "reported without a mutant");
    let escaped: Vec<_> = rows.iter().filter(|row| row.escaped()).map(|row| row.mutant).collect();
    assert_eq!(escaped, Vec::new(), "not caught: the check is too weak");
    assert_eq!(rows.iter().map(|row| row.mutant).collect::<Vec<_>>(), Mutant::ALL);
}
