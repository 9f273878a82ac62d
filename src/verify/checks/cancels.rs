//! What a halt may cancel: only what it was asked to.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::Side;

use super::super::cancels::ORDER_LIFE;
use super::super::facts::{Fact, Followed, Follower, What};
use super::Evidence;

/// A sale that the price has left behind may be given up after so long.
const LEFT_BEHIND_AFTER: TimeDelta = TimeDelta::seconds(15);
/// A cancel that was begun under a halt may wait so long for its turn, after the halt was lifted.
const WAITS_FOR_ITS_TURN: TimeDelta = TimeDelta::minutes(2);

/// What is known while the facts go by.
#[derive(Default)]
struct Wishes<'a> {
    /// Halts that cancel what is open, and whether sales too.
    halts: BTreeMap<&'a str, bool>,
    /// The last moment when one of them stood that cancelled purchases, and one that cancelled sales too.
    stood: [Option<DateTime<Utc>>; 2],
    /// Writing a halt again that was lifted changes nothing.
    lifted: BTreeSet<&'a str>,
    approved: BTreeMap<&'a str, DateTime<Utc>>,
    sent: BTreeMap<&'a str, DateTime<Utc>>,
    /// Intents whose age the agent's machine cannot tell: its clock was wrong at some time in their lives.
    ageless: BTreeSet<&'a str>,
    is_clock_wrong: bool,
}

/// An order is cancelled when its time is over, when it is a sale that the price has left behind, or when a halt was asked to
/// cancel what is open: no other halt takes an order away, above all no stop-loss.
pub(super) fn only_what_is_unwanted(evidence: &Evidence<'_>) -> Vec<String> {
    let (mut wishes, mut follower) = (Wishes::default(), Follower::default());
    let mut broken = Vec::new();
    for fact in evidence.facts {
        if let What::Cancel { intent } = &fact.what
            && let Some(followed) = follower.get(intent)
        {
            broken.extend(wishes.objection(intent, followed, fact.at));
        }
        wishes.take(fact);
        follower.take(&fact.what);
    }
    broken
}

impl<'a> Wishes<'a> {
    fn objection(&self, intent: &str, followed: &Followed, at: DateTime<Utc>) -> Option<String> {
        let age = at - *self.sent.get(intent)?;
        let side = followed.terms.side;
        let since_approval = self.approved.get(intent).map_or(age, |approved| at - *approved);
        let is_left_behind = side == Side::Sell && since_approval >= LEFT_BEHIND_AFTER;
        let may_be_old = age >= ORDER_LIFE || is_left_behind || self.ageless.contains(intent);
        let is_unwanted = self.wants_an_end(side) || self.wanted_one_lately(side, at);
        (!may_be_old && !is_unwanted).then(|| {
            format!(
                "the {side} {intent} was cancelled at {at}, {} s old, and no halt asked for that",
                age.num_seconds()
            )
        })
    }

    fn wants_an_end(&self, side: Side) -> bool {
        self.halts.values().any(|sales_too| *sales_too || side == Side::Buy)
    }

    fn wanted_one_lately(&self, side: Side, at: DateTime<Utc>) -> bool {
        let [of_purchases, of_all] = self.stood;
        let stood = match side {
            Side::Buy => of_purchases.max(of_all),
            Side::Sell => of_all,
        };
        stood.is_some_and(|stood| at - stood <= WAITS_FOR_ITS_TURN)
    }

    fn take(&mut self, fact: &'a Fact) {
        match &fact.what {
            What::HaltCancels { id, sales_too } if !self.lifted.contains(id.as_str()) => {
                self.halts.insert(id, *sales_too);
            }
            // What was to be sold is sold: from now on nothing is wanted of a flatten that cancels.
            What::Halt { id } => {
                if let Some(sales_too) = self.halts.get_mut(id.as_str()) {
                    *sales_too = true;
                }
            }
            What::Release { id } => {
                self.lifted.insert(id);
                if let Some(sales_too) = self.halts.remove(id.as_str()) {
                    self.stood[usize::from(sales_too)] = Some(fact.at);
                }
            }
            What::Approval(approval) => {
                self.approved.insert(&approval.intent, fact.at);
                if self.is_clock_wrong {
                    self.ageless.insert(&approval.intent);
                }
            }
            What::Sending { intent, .. } => {
                self.sent.insert(intent, fact.at);
            }
            What::ClockSet { wrong_by_ms } => {
                self.is_clock_wrong = *wrong_by_ms != 0;
                self.ageless.extend(self.approved.keys().copied());
            }
            What::HaltCancels { .. }
            | What::Boot { .. }
            | What::Crash { .. }
            | What::Stop
            | What::Quiet
            | What::Post { .. }
            | What::Update { .. }
            | What::Reduce { .. }
            | What::HaltUnheard { .. }
            | What::Cancel { .. }
            | What::NotCancelled { .. }
            | What::Foreign { .. }
            | What::HaltFile
            | What::HaltFileGone
            | What::HaltAnswered(_)
            | What::Failed { .. }
            | What::Struck { .. }
            | What::WrittenByOvertaken { .. }
            | What::Close { .. } => {}
        }
    }
}
