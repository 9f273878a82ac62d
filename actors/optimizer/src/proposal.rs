//! The life of a proposal: draft, ready for review, approved or rejected, active, retired.
//!
//! The agent may submit, drop and activate what was approved, and go back from what it activated; only a person may say yes, and in
//! a person's place the limit that the operator set, for what lies within it. When that limit rests, what it approved and does not hold
//! yet goes back to review.

use domain::messages::evolution::{AutoLimit, ProposalNumber, ProposalStatus, ProposalStep};

use crate::approval::Within;

/// Who takes a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By<'a> {
    /// The agent itself.
    Agent,
    /// A person, by name.
    Person(&'a str),
    /// The operator's limit, within which the proposal was found to lie.
    Limit(&'a Within),
    /// The operator's limit, which rests since this proposal was taken back.
    LimitAtRest(ProposalNumber),
}

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
    /// Only a person may, or the limit for what lies within it.
    #[error("only a person may have a proposal {0}, or the limit that the operator set")]
    OnlyAPerson(ProposalStep),
    /// The limit says yes, and nothing else.
    #[error("the limit that the operator set approves; it has no proposal {0}")]
    OnlyAYes(ProposalStep),
    /// The limit takes back what it approved when it rests; nobody else does.
    #[error("only the limit that the operator set has a proposal {0}, when it rests; say no with reject")]
    OnlyAtRest(ProposalStep),
    /// A limit that rests takes back what it approved, and nothing else.
    #[error("the limit that the operator set rests; it has no proposal {0}")]
    Rests(ProposalStep),
    /// A person cannot have this name.
    #[error("{0} is reserved: it says that no person has decided; give your own name with --by")]
    Reserved(&'static str),
    /// It must be said why, and by whom.
    #[error("say who decides and why: both are booked")]
    Unsaid,
}

/// Names under which the books keep what no person did.
const RESERVED: [&str; 2] = [AutoLimit::SETTING, "the agent"];

/// Where a proposal stands after a step.
///
/// # Errors
/// [`StepRefused`] with what is possible instead.
pub fn after(
    status: ProposalStatus,
    step: ProposalStep,
    by: By<'_>,
    reason: &str,
) -> Result<ProposalStatus, StepRefused> {
    let is_named = match by {
        By::Agent | By::Limit(_) | By::LimitAtRest(_) => true,
        By::Person(name) => {
            if let Some(reserved) = RESERVED.into_iter().find(|reserved| name.trim() == *reserved) {
                return Err(StepRefused::Reserved(reserved));
            }
            !name.trim().is_empty()
        }
    };
    if !is_named || reason.trim().is_empty() {
        return Err(StepRefused::Unsaid);
    }
    let next = next(status, step).ok_or_else(|| StepRefused::NotFromHere {
        status,
        step,
        possible: possible(status, by),
    })?;
    match (step, by) {
        (ProposalStep::Withdraw, By::LimitAtRest(_)) => Ok(next),
        (ProposalStep::Withdraw, By::Agent | By::Person(_) | By::Limit(_)) => {
            Err(StepRefused::OnlyAtRest(step))
        }
        (
            ProposalStep::Submit
            | ProposalStep::Approve
            | ProposalStep::Reject
            | ProposalStep::Activate
            | ProposalStep::RollBack,
            By::LimitAtRest(_),
        ) => Err(StepRefused::Rests(step)),
        (ProposalStep::Approve, By::Agent) => Err(StepRefused::OnlyAPerson(step)),
        (
            ProposalStep::Submit | ProposalStep::Reject | ProposalStep::Activate | ProposalStep::RollBack,
            By::Limit(_),
        ) => Err(StepRefused::OnlyAYes(step)),
        (ProposalStep::Approve, By::Person(_) | By::Limit(_))
        | (
            ProposalStep::Submit | ProposalStep::Reject | ProposalStep::Activate | ProposalStep::RollBack,
            By::Agent | By::Person(_),
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
        (Approved, ProposalStep::Withdraw) => Some(ReadyForReview),
        (Approved, ProposalStep::Activate) => Some(Active),
        (Active, ProposalStep::RollBack) => Some(Retired),
        (
            Draft | ReadyForReview | Approved | Rejected | Active | Retired,
            ProposalStep::Submit
            | ProposalStep::Approve
            | ProposalStep::Reject
            | ProposalStep::Withdraw
            | ProposalStep::Activate
            | ProposalStep::RollBack,
        ) => None,
    }
}

fn possible(status: ProposalStatus, by: By<'_>) -> String {
    let steps: Vec<_> = ProposalStep::ALL.into_iter().filter(|step| next(status, *step).is_some()).collect();
    let words: Vec<String> = match by {
        By::Person(_) => steps.iter().filter_map(|step| command(*step)).collect(),
        By::Agent | By::Limit(_) | By::LimitAtRest(_) => steps.iter().map(ToString::to_string).collect(),
    };
    if steps.is_empty() { "its life is over".to_owned() } else { format!("possible: {}", words.join(", ")) }
}

/// What a person types for a step; none where it is no person's.
fn command(step: ProposalStep) -> Option<String> {
    let word = match step {
        ProposalStep::Approve => "approve",
        ProposalStep::Reject => "reject",
        ProposalStep::RollBack => "rollback",
        ProposalStep::Submit | ProposalStep::Withdraw | ProposalStep::Activate => return None,
    };
    Some(format!("kestrel proposals {word} NUMBER --reason \"...\""))
}

#[cfg(test)]
mod tests {
    use domain::messages::evolution::ProposalNumber;
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;
    use crate::approval::tests::{quiet, ready};
    use crate::approval::{Standing, within};

    const ADA: By<'_> = By::Person("ada");

    fn five() -> Within {
        within("max_position_pct=5".parse().unwrap(), &ready("5.0"), &quiet()).unwrap()
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
        let (limit, mut by_limit) = (five(), Vec::new());
        let (rests, mut at_rest) = (By::LimitAtRest(ProposalNumber(1)), Vec::new());
        for status in ProposalStatus::ALL {
            for step in ProposalStep::ALL {
                let expected = allowed.iter().find(|(from, by, _)| (*from, *by) == (status, step));
                let found = after(status, step, ADA, "looked");
                assert_eq!(found.ok(), expected.map(|(_, _, to)| *to), "{status} {step}");
                by_limit
                    .extend(after(status, step, By::Limit(&limit), "within").map(|to| (status, step, to)));
                at_rest.extend(after(status, step, rests, "it rests").map(|to| (status, step, to)));
            }
        }
        assert_eq!(by_limit, [(ReadyForReview, Approve, Approved)], "a limit does nothing else");
        assert_eq!(at_rest, [(Approved, Withdraw, ReadyForReview)], "nor does one that rests");
    }

    #[test]
    fn only_a_person_or_a_limit_says_yes_and_everybody_says_why() {
        let yes =
            |by: By<'_>, why: &str| after(ProposalStatus::ReadyForReview, ProposalStep::Approve, by, why);
        assert_eq!(yes(By::Agent, "good"), Err(StepRefused::OnlyAPerson(ProposalStep::Approve)));
        assert_eq!(yes(ADA, "  "), Err(StepRefused::Unsaid));
        assert_eq!(yes(By::Person(" "), "good"), Err(StepRefused::Unsaid));
        for reserved in RESERVED {
            assert_eq!(yes(By::Person(reserved), "good"), Err(StepRefused::Reserved(reserved)));
        }
        assert_eq!(yes(ADA, "good"), Ok(ProposalStatus::Approved));
        assert_eq!(yes(By::Limit(&five()), " "), Err(StepRefused::Unsaid));
        let refused = after(ProposalStatus::Draft, ProposalStep::Activate, ADA, "now").unwrap_err();
        let words = "the proposal is draft: it cannot be activated now; possible: kestrel proposals reject NUMBER --reason \"...\"";
        assert_eq!(refused.to_string(), words);
        let agent = after(ProposalStatus::Draft, ProposalStep::Activate, By::Agent, "now").unwrap_err();
        assert!(agent.to_string().ends_with("possible: submitted, rejected"), "{agent}");
        let over = after(ProposalStatus::Rejected, ProposalStep::Approve, ADA, "after all").unwrap_err();
        assert!(over.to_string().ends_with("its life is over"), "{over}");
    }

    proptest! {
        #[test]
        fn with_the_setting_off_nothing_is_ever_active_without_a_persons_yes(
            steps in proptest::collection::vec((0_usize..ProposalStep::ALL.len(), any::<bool>()), 0..12)
        ) {
            let (mut status, mut approved) = (ProposalStatus::Draft, false);
            for (step, is_agent) in steps {
                let step = ProposalStep::ALL[step];
                let by = if is_agent { By::Agent } else { ADA };
                if let Ok(next) = after(status, step, by, "why") {
                    approved |= step == ProposalStep::Approve && !is_agent;
                    status = next;
                }
                prop_assert!(status != ProposalStatus::Active || approved);
            }
        }

        #[test]
        fn with_a_limit_nothing_is_ever_active_without_a_persons_yes_or_that_limit_within_which_it_lies(
            steps in proptest::collection::vec(
                (0_usize..ProposalStep::ALL.len(), 0_u8..4, any::<bool>(), 0_u32..3), 0..16
            ),
            (most, wanted) in (1_u32..=30, 1_u32..=30),
        ) {
            let limit = AutoLimit::new(Decimal::from(most), 2).unwrap();
            let record = ready(&format!("{wanted}.0"));
            let (mut status, mut approved) = (ProposalStatus::Draft, false);
            for (step, who, rests, approved_lately) in steps {
                let step = ProposalStep::ALL[step];
                let rests_for = rests.then_some(ProposalNumber(1));
                let found = within(limit, &record, &Standing { rests_for, approved_lately, ..quiet() });
                let by = match (who, &found) {
                    (0, _) => By::Agent,
                    (1, _) => ADA,
                    (2, _) => By::LimitAtRest(ProposalNumber(1)),
                    // A limit within which it does not lie has no word at all.
                    (_, Ok(within)) => By::Limit(within),
                    (_, Err(_)) => continue,
                };
                if let Ok(next) = after(status, step, by, "why") {
                    let is_yes = step == ProposalStep::Approve;
                    let lies_within = wanted <= most && !rests && approved_lately < 2;
                    approved |= is_yes && (who == 1 || lies_within);
                    approved &= step != ProposalStep::Withdraw;
                    status = next;
                }
                prop_assert!(status != ProposalStatus::Active || approved);
            }
        }
    }
}
