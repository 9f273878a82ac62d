//! What became of each trial, and G5: what a person is given to decide.

use domain::messages::evolution::{GateName, TrialHash};
use serde::{Deserialize, Serialize};

use super::{Check, Needed, Verdict};

/// Gates that a machine judges, in their order.
pub const MACHINE: [GateName; 5] = [GateName::G0, GateName::G1, GateName::G2, GateName::G3, GateName::G4];

/// How far one trial came. Every candidate has one, whatever became of it, and each is counted in the books.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// What it is; none when it could not be read.
    pub hash: Option<TrialHash>,
    /// What the gates said, in their order.
    pub verdicts: Vec<Verdict>,
}

impl Outcome {
    /// One that no gate has seen yet.
    pub fn new(hash: Option<TrialHash>) -> Self {
        Self { hash, verdicts: Vec::new() }
    }

    /// Adds what the next gate said.
    ///
    /// # Errors
    /// [`OutOfTurn`] when another gate is next, or none because one has ended it.
    pub fn add(&mut self, verdict: Verdict) -> Result<(), OutOfTurn> {
        match self.next() {
            Some(next) if next == verdict.gate => {
                self.verdicts.push(verdict);
                Ok(())
            }
            next => Err(OutOfTurn { found: verdict.gate, next }),
        }
    }

    /// The gate that ended it.
    pub fn killed_by(&self) -> Option<GateName> {
        self.verdicts.iter().find(|verdict| !verdict.passed()).map(|verdict| verdict.gate)
    }

    /// The gate that is next; none when one has ended it, or a person is next.
    pub fn next(&self) -> Option<GateName> {
        if self.killed_by().is_some() { None } else { MACHINE.get(self.verdicts.len()).copied() }
    }
}

/// A gate spoke that was not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found} spoke, but {}", match next { Some(gate) => format!("{gate} is next"), None => "no gate is next".to_owned() })]
pub struct OutOfTurn {
    /// Who spoke.
    pub found: GateName,
    /// Who is next.
    pub next: Option<GateName>,
}

/// G5: everything that a person decides by. It passes when every gate before has, and every trial is counted.
pub fn verdict(outcome: &Outcome, trials: u64) -> Verdict {
    let in_order = outcome.verdicts.iter().map(|verdict| verdict.gate).eq(MACHINE);
    let passed = outcome.verdicts.iter().filter(|verdict| verdict.passed()).count();
    let checks = vec![
        Check::new("gates passed", passed as f64, Needed::AtLeast(MACHINE.len() as f64)),
        Check::new("gates out of their order", f64::from(u8::from(!in_order)), Needed::AtMost(0.0)),
        Check::new("trials ever made in the market", trials as f64, Needed::AtLeast(1.0)),
    ];
    Verdict { gate: GateName::G5, checks }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(gate: GateName, passed: bool) -> Verdict {
        let measured = if passed { 1.0 } else { 0.0 };
        Verdict { gate, checks: vec![Check::new("number", measured, Needed::AtLeast(1.0))] }
    }

    #[test]
    fn a_person_is_given_only_what_passed_every_gate_in_its_order() {
        let mut outcome = Outcome::new(None);
        for gate in MACHINE {
            assert!(!verdict(&outcome, 10).passed());
            outcome.add(said(gate, true)).unwrap();
        }
        assert_eq!((outcome.killed_by(), outcome.next()), (None, None));
        assert!(verdict(&outcome, 10).passed());
        assert!(!verdict(&outcome, 0).passed(), "trials that nobody counted");
        outcome.verdicts.swap(1, 2);
        assert!(!verdict(&outcome, 10).passed());
    }

    #[test]
    fn no_gate_can_be_skipped_and_none_speaks_after_one_has_ended_it() {
        let mut outcome = Outcome::new(None);
        let skipped = outcome.add(said(GateName::G3, true)).unwrap_err();
        assert_eq!(skipped.to_string(), "G3 spoke, but G0 is next");
        outcome.add(said(GateName::G0, true)).unwrap();
        outcome.add(said(GateName::G1, false)).unwrap();
        assert_eq!(outcome.killed_by(), Some(GateName::G1));
        let dead = outcome.add(said(GateName::G2, true)).unwrap_err();
        assert_eq!(dead.to_string(), "G2 spoke, but no gate is next");
        assert!(!verdict(&outcome, 10).passed());
    }
}
