//! How many orders leave, and when.

use super::*;

/// Invariant 13: the exchange's rate is kept in every second, and the ceilings of approvals in every minute and day. A minute
/// in which somebody set the machine's clock by more than can go unseen is not judged: until the exchange's next answers
/// nobody knows how long it was.
pub(super) fn rates(evidence: &Evidence<'_>) -> Vec<String> {
    let approvals = evidence.facts.iter().filter(|fact| matches!(fact.what, What::Approval(_)));
    let approvals: Vec<DateTime<Utc>> = approvals.map(|fact| fact.at).collect();
    let set = clock_sets(evidence.facts);
    let is_judged = |from, until| !set.iter().any(|at| (from..=until).contains(at));
    let always = |_, _| true;
    [
        crowded(evidence.departures, REQUESTS_PER_SECOND, TimeDelta::seconds(1), "requests", always),
        crowded(&approvals, APPROVALS_PER_MINUTE, TimeDelta::minutes(1), "approvals", is_judged),
        crowded(&approvals, APPROVALS_PER_DAY, TimeDelta::hours(24), "approvals", always),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// When the machine's clock was set by more than two clocks that nobody finds wrong can differ.
pub(super) fn clock_sets(facts: &[Fact]) -> Vec<DateTime<Utc>> {
    let unseen_ms = 2_000 * CLOCK_SKEW_ALLOWED_SECONDS;
    let (mut before, mut set) = (0, Vec::new());
    for fact in facts {
        if let What::ClockSet { wrong_by_ms } = fact.what {
            if (wrong_by_ms - before).abs() > unseen_ms {
                set.push(fact.at);
            }
            before = wrong_by_ms;
        }
    }
    set
}

/// The first time at which more than `most` of `times`, which are in order, lie within `span`, where that is judged.
pub(super) fn crowded(
    times: &[DateTime<Utc>],
    most: usize,
    span: TimeDelta,
    what: &str,
    is_judged: impl Fn(DateTime<Utc>, DateTime<Utc>) -> bool,
) -> Option<String> {
    let mut windows = times.windows(most + 1).filter_map(|window| Some((*window.first()?, *window.last()?)));
    let (first, _) = windows.find(|(first, last)| *last - *first < span && is_judged(*first, *last))?;
    Some(format!("more than {most} {what} within {} s from {first}", span.num_seconds()))
}

/// Invariant 19: nothing is sent outside continuous trading of its market's day, by the true time. Nor is anything approved,
/// unless the machine's clock is wrong: nobody knows that before the exchange's next answers, and then nothing is sent.
pub(super) fn only_in_sessions(evidence: &Evidence<'_>) -> Vec<String> {
    let calendar = Calendar::official();
    let (mut follower, mut is_clock_right) = (Follower::default(), true);
    let mut broken = Vec::new();
    for fact in evidence.facts {
        let looked_at = match &fact.what {
            What::Approval(approval) if is_clock_right => Some((&approval.intent, approval.day, "approved")),
            What::Sending { intent, .. } => follower.get(intent).map(|one| (intent, one.day, "sent")),
            What::ClockSet { wrong_by_ms } => {
                is_clock_right = *wrong_by_ms == 0;
                None
            }
            What::Approval(_)
            | What::Post { .. }
            | What::Boot { .. }
            | What::Crash { .. }
            | What::Stop
            | What::Quiet
            | What::Update { .. }
            | What::Halt { .. }
            | What::Release { .. }
            | What::Close { .. }
            | What::Reduce { .. }
            | What::HaltFile
            | What::Foreign { .. }
            | What::HaltFileGone
            | What::HaltAnswered(_)
            | What::Struck { .. }
            | What::WrittenByOvertaken { .. }
            | What::HaltUnheard { .. }
            | What::HaltCancels { .. }
            | What::Cancel { .. }
            | What::NotCancelled { .. }
            | What::Failed { .. } => None,
        };
        if let Some((intent, day, what)) = looked_at {
            let session = calendar.session_on(day.market, day.session_date);
            let phase = session.map(|session| session.phase(fact.at));
            let (at, is_open) = (fact.at, phase == Some(Phase::Continuous));
            let why = || format!("intent {intent} was {what} at {at}, when the market was in {phase:?}");
            broken.extend((!is_open).then(why));
        }
        follower.take(&fact.what);
    }
    broken
}
