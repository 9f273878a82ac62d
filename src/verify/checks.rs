//! The checks, each named by its invariant (order-protocol 4): what happened, and the exchange's own books, against what
//! must hold.
//!
//! Pure: facts and books in, violations out. Each check is tested with a hand-made violation.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::ledger::IntentRecord;
use domain::messages::limits::OwnPosition;
use domain::messages::schedule::Phase;
use domain::{CLOCK_SKEW_ALLOWED_SECONDS, Currency, Instrument, Money, OrderState, Quantity, Side};
use market_clock::Calendar;
use rust_decimal::Decimal;
use serde::Serialize;
use trade_ledger::DayKey;

mod cancels;
mod fills;
mod halts;
mod money;
mod rates;
mod size;

use self::fills::{attribution, monotone, own_positions, positions, told_apart};
use self::rates::{only_in_sessions, rates};
use super::facts::{Approval, Fact, Follower, What};
use crate::demo::audit::{self, LedgerLine, VenueLine};
use crate::simulator::{VenueBooks, VenueOrder};
use crate::store::{BookedFill, HeldAtCost};

/// Requests in any second; the exchange allows so many (KIS.md 4).
const REQUESTS_PER_SECOND: usize = 20;
/// Approvals in any minute, and in any 24 hours (invariant 13).
const APPROVALS_PER_MINUTE: usize = 10;
const APPROVALS_PER_DAY: usize = 400;

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The invariant's number in order-protocol 4.
    pub invariant: u8,
    /// What was found.
    pub what: String,
}

/// What the checks look at.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// What happened, in order.
    pub facts: &'a [Fact],
    /// When each request left the client, in order.
    pub departures: &'a [DateTime<Utc>],
    /// The exchange's own books at the end.
    pub venue: &'a VenueBooks,
    /// The agent's books at the end.
    pub ledger: &'a [IntentRecord],
    /// Days that the agent's books have open at the end.
    pub unclosed: &'a [DayKey],
    /// Every alarm that the agent's books hold.
    pub alarms: &'a [String],
    /// What the agent's books say that it bought and has not sold, by their own table of that.
    pub own: &'a [OwnPosition],
    /// What is known of money at the end.
    pub money: MoneyEvidence<'a>,
}

/// What the checks of money look at, besides the exchange's own books.
#[derive(Clone, Copy, Debug)]
pub struct MoneyEvidence<'a> {
    /// Every booking of executions in the agent's books, in order.
    pub fills: &'a [BookedFill],
    /// The agent's holdings at cost.
    pub held: &'a [HeldAtCost],
    /// The cash that the account began with.
    pub began_with: &'a [Money],
    /// The cash of the last account that the agent was shown, by currency; none where it was not told.
    pub seen: &'a BTreeMap<Currency, Option<Decimal>>,
}

/// One check: what it finds broken, in words.
type Check = fn(&Evidence<'_>) -> Vec<String>;

/// Every violation, in the order of the invariants.
pub fn check(evidence: &Evidence<'_>) -> Vec<Violation> {
    let checks: [(u8, Check); 23] = [
        (1, one_post_per_intent),
        (2, nothing_lost),
        (2, money::amounts),
        (3, nothing_unapproved),
        (4, every_day_closed),
        (5, committed_before_sent),
        (6, one_open_fate_per_stock),
        (7, attribution),
        (8, monotone),
        (9, positions),
        (9, own_positions),
        (9, money::costs),
        (9, money::holdings),
        (9, money::cash),
        (10, halts::nothing_leaves_in_a_halt),
        (10, cancels::only_what_is_unwanted),
        (12, only_the_present_epoch_sends),
        (13, rates),
        (14, size::within_means),
        (14, size::own_sales_sell_what_is_ours),
        (15, no_actor_fails),
        (19, only_in_sessions),
        (22, everything_settles),
    ];
    let mut violations = Vec::new();
    for (invariant, check) in checks {
        violations.extend(check(evidence).into_iter().map(|what| Violation { invariant, what }));
    }
    violations
}

/// Invariant 1: at most one POST per intent, over all lives; and at most one order of it at the exchange.
fn one_post_per_intent(evidence: &Evidence<'_>) -> Vec<String> {
    let mut posts: BTreeMap<&str, usize> = BTreeMap::new();
    for fact in evidence.facts {
        if let What::Post { intent: Some(intent), .. } = &fact.what {
            *posts.entry(intent).or_default() += 1;
        }
    }
    let mut broken: Vec<String> = posts
        .into_iter()
        .filter(|(_, count)| *count > 1)
        .map(|(intent, count)| format!("intent {intent} was sent {count} times"))
        .collect();
    broken.extend(audited(evidence, audit::DOUBLED));
    broken
}

/// Invariant 2: whatever the exchange took is in the books, with the same fills; and nothing else is.
fn nothing_lost(evidence: &Evidence<'_>) -> Vec<String> {
    let mut broken = audited(evidence, audit::LOST);
    broken.extend(audited(evidence, audit::INVENTED));
    broken.extend(audited(evidence, audit::FILLS));
    let told_apart = told_apart(evidence);
    let foreign = told_apart.iter().filter(|order| order.tag.is_none());
    let unnoticed = foreign.filter(|order| {
        let name = format!("order {}", order.id);
        !evidence.alarms.iter().any(|alarm| alarm.contains(&name))
    });
    broken.extend(unnoticed.map(|order| format!("order {} of somebody else was never noticed", order.id)));
    broken
}

/// Invariant 3: an approval for each order, earlier, not expired, of the same terms, and used once.
fn nothing_unapproved(evidence: &Evidence<'_>) -> Vec<String> {
    let mut approvals: BTreeMap<&str, &Approval> = BTreeMap::new();
    let mut used: BTreeSet<&str> = BTreeSet::new();
    let mut broken = audited(evidence, audit::UNAPPROVED);
    for Fact { at, what } in evidence.facts {
        match what {
            What::Approval(approval) => {
                if !used.insert(&approval.approval) {
                    broken.push(format!("approval {} is used twice", approval.approval));
                }
                approvals.insert(&approval.intent, approval);
            }
            What::Sending { intent, .. } => match approvals.get(intent.as_str()) {
                None => broken.push(format!("intent {intent} is sent without an approval")),
                Some(approval) if *at >= approval.expires_at => {
                    broken.push(format!("intent {intent} is sent at {at}, after its approval expired"));
                }
                Some(_) => {}
            },
            What::Post { intent: None, .. } => {
                broken.push(format!("an order without an intent left at {at}"));
            }
            What::Post { intent: Some(_), .. }
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
            | What::ClockSet { .. }
            | What::Failed { .. } => {}
        }
    }
    broken
}

/// Invariant 4: a day is closed after its session and with nothing open; no new day of a market starts before its last
/// one is closed; at the end all are.
fn every_day_closed(evidence: &Evidence<'_>) -> Vec<String> {
    let mut open: BTreeSet<DayKey> = BTreeSet::new();
    let mut closed: BTreeSet<DayKey> = BTreeSet::new();
    let mut broken = unsettled_at_close(evidence);
    broken.extend(closed_too_early(evidence));
    for Fact { at, what } in evidence.facts {
        if let What::Close { day } = what {
            open.remove(day);
            closed.insert(*day);
        }
        let What::Approval(Approval { day, intent, .. }) = what else { continue };
        if closed.contains(day) {
            broken.push(format!("intent {intent} was approved at {at} for a day that is closed"));
        }
        let earlier = open.iter().find(|one| one.market == day.market && one.session_date < day.session_date);
        if let Some(earlier) = earlier {
            broken.push(format!(
                "intent {intent} was approved although {} is not closed",
                earlier.session_date
            ));
        }
        open.insert(*day);
    }
    broken.extend(open.iter().map(|day| format!("{} of {} was never closed", day.session_date, day.market)));
    broken.extend(
        evidence.unclosed.iter().map(|day| format!("{} of {} is open", day.session_date, day.market)),
    );
    broken
}

/// A day is closed when nothing of it is open any more.
fn unsettled_at_close(evidence: &Evidence<'_>) -> Vec<String> {
    follow(evidence, |follower, fact| {
        let What::Close { day } = &fact.what else { return None };
        let open: Vec<_> =
            follower.open_of(*day).map(|(id, followed)| format!("{id} {}", followed.state)).collect();
        let DayKey { market, session_date } = day;
        (!open.is_empty())
            .then(|| format!("{session_date} of {market} was closed at {} with {}", fact.at, open.join(", ")))
    })
}

/// By the true time, whatever the agent's machine believes.
fn closed_too_early(evidence: &Evidence<'_>) -> Vec<String> {
    let calendar = Calendar::official();
    let too_early = |fact: &Fact| {
        let What::Close { day: DayKey { market, session_date } } = fact.what else { return None };
        let session = calendar.session_on(market, session_date)?;
        let (at, close) = (fact.at, session.close);
        (at < close)
            .then(|| format!("{session_date} of {market} was closed at {at}, before its end at {close}"))
    };
    evidence.facts.iter().filter_map(too_early).collect()
}

/// Invariant 5: what leaves is committed as `Sending`, by what the ledger answered and by what is on disk.
fn committed_before_sent(evidence: &Evidence<'_>) -> Vec<String> {
    follow(evidence, |follower, fact| {
        let What::Post { intent: Some(intent), on_disk } = &fact.what else { return None };
        let answered = follower.get(intent).map(|followed| followed.state);
        let state = [answered, *on_disk].into_iter().find(|state| *state != Some(OrderState::Sending))?;
        Some(format!("intent {intent} left at {} while the books had it {state:?}", fact.at))
    })
}

/// Invariant 6: one open fate per stock; a purchase of open fate does not block a sale.
fn one_open_fate_per_stock(evidence: &Evidence<'_>) -> Vec<String> {
    follow(evidence, |follower, fact| {
        let What::Sending { intent, .. } = &fact.what else { return None };
        let terms = &follower.get(intent)?.terms;
        let other = follower.blocking(&terms.instrument, terms.side, intent).next()?;
        Some(format!("intent {intent} is sent at {} although the fate of {other} is open", fact.at))
    })
}

/// Invariant 12: only the process that booted last sends.
fn only_the_present_epoch_sends(evidence: &Evidence<'_>) -> Vec<String> {
    let mut present = 0;
    let mut broken = Vec::new();
    for Fact { at, what } in evidence.facts {
        if let What::Boot { epoch } = what {
            if *epoch <= present {
                broken.push(format!("epoch {epoch} began at {at} after epoch {present}"));
            }
            present = *epoch;
        }
        if let What::Sending { intent, epoch } = what
            && *epoch != present
        {
            broken.push(format!("intent {intent} was sent at {at} by epoch {epoch}, not {present}"));
        }
        if let What::WrittenByOvertaken { step, epoch } = what {
            broken.push(format!("epoch {epoch}, overtaken by {present}, was let into {step} at {at}"));
        }
    }
    broken
}

/// Invariant 15: no actor fails, and none is given up, while its process is alive, but for those that were made to panic:
/// they are started again as often as that, and for no other reason.
fn no_actor_fails(evidence: &Evidence<'_>) -> Vec<String> {
    let failed = |fact: &Fact| {
        let What::Failed { actor, how } = &fact.what else { return None };
        Some(format!("{actor} {how}, seen at {}", fact.at))
    };
    evidence.facts.iter().filter_map(failed).collect()
}

/// Invariant 22: once faults have stopped, every intent ends and trading goes on.
fn everything_settles(evidence: &Evidence<'_>) -> Vec<String> {
    let unsettled = evidence.ledger.iter().filter(|intent| !intent.state.is_terminal());
    let mut broken: Vec<String> =
        unsettled.map(|intent| format!("intent {} is still {}", intent.id, intent.state)).collect();
    let quiet = evidence.facts.iter().skip_while(|fact| fact.what != What::Quiet);
    let (mut is_quiet, mut sent) = (false, 0_usize);
    for fact in quiet {
        is_quiet = true;
        sent += usize::from(matches!(fact.what, What::Sending { .. }));
    }
    if is_quiet && sent == 0 {
        broken.push("trading did not go on after the faults had stopped".into());
    }
    broken
}

/// What a look at each fact, with every intent followed up to it, finds.
fn follow(evidence: &Evidence<'_>, look: impl Fn(&Follower, &Fact) -> Option<String>) -> Vec<String> {
    let mut follower = Follower::default();
    let mut broken = Vec::new();
    for fact in evidence.facts {
        broken.extend(look(&follower, fact));
        follower.take(&fact.what);
    }
    broken
}

/// What the audit of the books finds broken of one rule. Orders that are not ours are left out of it.
fn audited(evidence: &Evidence<'_>, rule: &str) -> Vec<String> {
    let told_apart = told_apart(evidence);
    let ours = told_apart.iter().filter(|order| order.tag.is_some());
    let orders: Vec<VenueLine> = ours.map(VenueLine::from).collect();
    let ledger: Vec<LedgerLine> = evidence.ledger.iter().map(LedgerLine::from).collect();
    let findings = audit::audit(&orders, &ledger, &[]);
    findings.into_iter().filter(|finding| finding.rule == rule).flat_map(|finding| finding.broken).collect()
}

#[cfg(test)]
mod tests;
