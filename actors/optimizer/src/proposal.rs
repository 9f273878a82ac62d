//! The life of a proposal: draft, ready for review, approved or rejected, active, retired.
//!
//! The agent may submit, drop and activate what was approved, and go back from what it activated; only a person may say yes.

use domain::messages::evolution::{Decider, ProposalStatus, ProposalStep};

/// Why a step cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepRefused {
    /// Not from where the proposal stands.
    #[error("the proposal is {status}: it cannot be {step} now; {possible}")]
    NotFromHere {
        /// Where it stands.
        status: ProposalStatus,
        /// What was wanted.
        step: ProposalStep,
        /// What is possible, in words.
        possible: String,
    },
    /// Only a person may.
    #[error("only a person may have a proposal {0}")]
    OnlyAPerson(ProposalStep),
    /// It must be said why, and by whom.
    #[error("say who decides and why: both are booked")]
    Unsaid,
}

/// Where a proposal stands after a step.
///
/// # Errors
/// [`StepRefused`] with what is possible instead.
pub fn after(
    status: ProposalStatus,
    step: ProposalStep,
    by: &Decider,
    reason: &str,
) -> Result<ProposalStatus, StepRefused> {
    let is_named = match by {
        Decider::Agent => true,
        Decider::Person(name) => !name.trim().is_empty(),
    };
    if !is_named || reason.trim().is_empty() {
        return Err(StepRefused::Unsaid);
    }
    let next = next(status, step).ok_or_else(|| StepRefused::NotFromHere {
        status,
        step,
        possible: possible(status),
    })?;
    match (step, by) {
        (ProposalStep::Approve, Decider::Agent) => Err(StepRefused::OnlyAPerson(step)),
        (
            ProposalStep::Submit
            | ProposalStep::Approve
            | ProposalStep::Reject
            | ProposalStep::Activate
            | ProposalStep::RollBack,
            Decider::Agent | Decider::Person(_),
        ) => Ok(next),
    }
}

fn next(status: ProposalStatus, step: ProposalStep) -> Option<ProposalStatus> {
    use ProposalStatus::{Active, Approved, Draft, ReadyForReview, Rejected, Retired};
    match (status, step) {
        (Draft, ProposalStep::Submit) => Some(ReadyForReview),
        (ReadyForReview, ProposalStep::Approve) => Some(Approved),
        // A yes may be taken back until it holds.
        (Draft | ReadyForReview | Approved, ProposalStep::Reject) => Some(Rejected),
        (Approved, ProposalStep::Activate) => Some(Active),
        (Active, ProposalStep::RollBack) => Some(Retired),
        (
            Draft | ReadyForReview | Approved | Rejected | Active | Retired,
            ProposalStep::Submit
            | ProposalStep::Approve
            | ProposalStep::Reject
            | ProposalStep::Activate
            | ProposalStep::RollBack,
        ) => None,
    }
}

fn possible(status: ProposalStatus) -> String {
    let steps = ProposalStep::ALL.into_iter().filter(|step| next(status, *step).is_some());
    let steps: Vec<_> = steps.map(|step| step.to_string()).collect();
    if steps.is_empty() { "its life is over".to_owned() } else { format!("possible: {}", steps.join(", ")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ada() -> Decider {
        Decider::Person("ada".into())
    }

    #[test]
    fn a_proposal_goes_through_its_life_in_this_order_only() {
        use ProposalStatus::*;
        use ProposalStep::*;
        let allowed = [
            (Draft, Submit, ReadyForReview),
            (Draft, Reject, Rejected),
            (ReadyForReview, Approve, Approved),
            (ReadyForReview, Reject, Rejected),
            (Approved, Reject, Rejected),
            (Approved, Activate, Active),
            (Active, RollBack, Retired),
        ];
        for status in ProposalStatus::ALL {
            for step in ProposalStep::ALL {
                let expected = allowed.iter().find(|(from, by, _)| (*from, *by) == (status, step));
                let found = after(status, step, &ada(), "looked");
                assert_eq!(found.ok(), expected.map(|(_, _, to)| *to), "{status} {step}");
            }
        }
    }

    #[test]
    fn only_a_person_says_yes_and_everybody_says_why() {
        let yes =
            |by: &Decider, why: &str| after(ProposalStatus::ReadyForReview, ProposalStep::Approve, by, why);
        assert_eq!(yes(&Decider::Agent, "good"), Err(StepRefused::OnlyAPerson(ProposalStep::Approve)));
        assert_eq!(yes(&ada(), "  "), Err(StepRefused::Unsaid));
        assert_eq!(yes(&Decider::Person(" ".into()), "good"), Err(StepRefused::Unsaid));
        assert_eq!(yes(&ada(), "good"), Ok(ProposalStatus::Approved));
        let refused = after(ProposalStatus::Draft, ProposalStep::Activate, &ada(), "now").unwrap_err();
        let words = "the proposal is draft: it cannot be activated now; possible: submitted, rejected";
        assert_eq!(refused.to_string(), words);
    }

    proptest! {
        #[test]
        fn nothing_is_ever_active_without_a_persons_yes(steps in proptest::collection::vec((0_usize..5, any::<bool>()), 0..12)) {
            let (mut status, mut approved) = (ProposalStatus::Draft, false);
            for (step, is_agent) in steps {
                let step = ProposalStep::ALL[step];
                let by = if is_agent { Decider::Agent } else { ada() };
                if let Ok(next) = after(status, step, &by, "why") {
                    approved |= step == ProposalStep::Approve && !is_agent;
                    status = next;
                }
                prop_assert!(status != ProposalStatus::Active || approved);
            }
        }
    }
}
