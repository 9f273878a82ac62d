//! Invariant 10: what a halt of any kind lets leave.

use std::collections::{BTreeMap, BTreeSet};

use domain::Side;

use super::super::facts::{Fact, Follower, HaltAnswer, What};
use super::Evidence;

/// What stands, by the facts so far.
#[derive(Default)]
struct Halts<'a> {
    standing: BTreeSet<&'a str>,
    /// Halts that let exits through.
    reducing: BTreeSet<&'a str>,
    /// Answers of halts that stand.
    answered: BTreeMap<&'a str, &'a HaltAnswer>,
    /// Writing a halt again that was lifted changes nothing.
    lifted: BTreeSet<&'a str>,
    /// While the file HALT is there: the intents that were being sent when it came.
    on_the_wire_at_file: Option<BTreeSet<String>>,
    /// A halt was lifted since the file HALT came.
    lifted_since_file: bool,
}

/// While a halt stands, in whatever life, nothing becomes `Sending`; while only exits are let through, no purchase does.
/// Once a halt is answered, nothing leaves that the answer did not list. Once the file HALT is there, nothing leaves that
/// was not being sent already.
pub(super) fn nothing_leaves_in_a_halt(evidence: &Evidence<'_>) -> Vec<String> {
    let (mut halts, mut follower) = (Halts::default(), Follower::default());
    let mut broken = Vec::new();
    for fact in evidence.facts {
        broken.extend(halts.objection(&follower, fact).map(|why| format!("{why}, at {}", fact.at)));
        halts.take(&follower, &fact.what);
        follower.take(&fact.what);
    }
    broken
}

impl<'a> Halts<'a> {
    fn objection(&self, follower: &Follower, fact: &Fact) -> Option<String> {
        match &fact.what {
            What::Sending { intent, .. } => {
                let side = follower.get(intent).map(|followed| followed.terms.side);
                self.objection_to_sending(intent, side)
            }
            What::Post { intent: Some(intent), .. } => self.objection_to_post(intent),
            What::HaltFileGone if self.on_the_wire_at_file.is_some() && !self.may_file_go() => {
                Some("the file HALT is gone, no halt stands, and none was lifted since it came".to_owned())
            }
            What::HaltUnheard { id } => {
                Some(format!("the halt {id} is in the books, and the status does not show it"))
            }
            What::NotCancelled { halt, intent } => Some(format!(
                "the halt {halt} cancels what is open, and nobody has asked for the end of {intent}"
            )),
            What::Foreign { order, is_halted: false } => {
                Some(format!("order {order} of somebody else is in the books, and no halt stands there"))
            }
            What::Foreign { is_halted: true, .. }
            | What::Boot { .. }
            | What::Crash { .. }
            | What::Stop
            | What::Quiet
            | What::Approval(_)
            | What::Post { intent: None, .. }
            | What::Update { .. }
            | What::Halt { .. }
            | What::Reduce { .. }
            | What::HaltFile
            | What::HaltFileGone
            | What::HaltCancels { .. }
            | What::Cancel { .. }
            | What::HaltAnswered(_)
            | What::Struck { .. }
            | What::WrittenByOvertaken { .. }
            | What::ClockSet { .. }
            | What::Failed { .. }
            | What::Release { .. }
            | What::Close { .. } => None,
        }
    }

    /// The file may go when what it says stands in the books, or a person has lifted it: not by itself.
    fn may_file_go(&self) -> bool {
        self.lifted_since_file || !self.standing.is_empty()
    }

    fn objection_to_sending(&self, intent: &str, side: Option<Side>) -> Option<String> {
        if let Some(halt) = self.standing.first() {
            return Some(format!("intent {intent} became Sending during the halt {halt}"));
        }
        if let Some(halt) = self.answered.keys().next() {
            return Some(format!("intent {intent} became Sending after the halt {halt} was answered"));
        }
        let reducing = self.reducing.first().filter(|_| side == Some(Side::Buy))?;
        Some(format!("the purchase {intent} became Sending while {reducing} lets exits through only"))
    }

    fn objection_to_post(&self, intent: &str) -> Option<String> {
        let is_promised = |answer: &&&HaltAnswer| {
            answer.is_confirmed && !answer.listed.iter().any(|listed| listed == intent)
        };
        if let Some(answer) = self.answered.values().find(is_promised) {
            let halt = &answer.id;
            return Some(format!(
                "intent {intent} left after the answer to the halt {halt}, which does not list it"
            ));
        }
        let on_the_wire = self.on_the_wire_at_file.as_ref()?;
        (!on_the_wire.contains(intent)).then(|| format!("intent {intent} left while the file HALT was there"))
    }

    fn take(&mut self, follower: &Follower, what: &'a What) {
        match what {
            What::Halt { id } if !self.lifted.contains(id.as_str()) => {
                self.standing.insert(id);
                self.reducing.remove(id.as_str());
            }
            What::Reduce { id }
                if !self.lifted.contains(id.as_str()) && !self.standing.contains(id.as_str()) =>
            {
                self.reducing.insert(id);
            }
            What::HaltAnswered(answer) if !self.lifted.contains(answer.id.as_str()) => {
                self.answered.insert(&answer.id, answer);
            }
            What::Release { id } => {
                self.standing.remove(id.as_str());
                self.reducing.remove(id.as_str());
                self.answered.remove(id.as_str());
                self.lifted.insert(id);
                self.lifted_since_file = true;
            }
            What::HaltFile => {
                if self.on_the_wire_at_file.is_none() {
                    self.lifted_since_file = false;
                }
                let sending = || follower.sending().map(str::to_owned).collect();
                self.on_the_wire_at_file.get_or_insert_with(sending);
            }
            What::HaltFileGone if self.may_file_go() => self.on_the_wire_at_file = None,
            What::Boot { .. } => self.answered.retain(|_, answer| answer.is_durable),
            // The last three: written again after they were lifted. A file that went by itself binds as before.
            What::HaltFileGone
            | What::Foreign { .. }
            | What::Crash { .. }
            | What::Stop
            | What::Quiet
            | What::Approval(_)
            | What::Sending { .. }
            | What::Post { .. }
            | What::Update { .. }
            | What::Struck { .. }
            | What::WrittenByOvertaken { .. }
            | What::HaltUnheard { .. }
            | What::HaltCancels { .. }
            | What::Cancel { .. }
            | What::NotCancelled { .. }
            | What::ClockSet { .. }
            | What::Failed { .. }
            | What::Close { .. }
            | What::Halt { .. }
            | What::Reduce { .. }
            | What::HaltAnswered(_) => {}
        }
    }
}
