//! The witness: writes down every fact as it happens, hashes the trace, and counts rare events.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use domain::messages::trading::OrderUpdate;
use domain::{Clock, Currency, OrderState};
use rust_decimal::Decimal;
use trade_ledger::DayKey;

use super::cancels::Cancels;
use super::facts::{Approval, Fact, Follower, What};
use super::sometimes::{Sightings, Sometimes};
use super::trace::Trace;
use crate::clock::VirtualClock;

/// Everything witnessed in a run.
#[derive(Debug)]
pub(super) struct Witness {
    clock: VirtualClock,
    notes: Mutex<Notes>,
}

/// What was written down.
#[derive(Debug)]
pub(super) struct Notes {
    pub(super) trace: Trace,
    pub(super) facts: Vec<Fact>,
    /// When each request left the client.
    pub(super) departures: Vec<DateTime<Utc>>,
    pub(super) sightings: Sightings,
    /// Things that must not happen and that no fact shows.
    pub(super) oddities: Vec<String>,
    pub(super) crashes: u64,
    pub(super) follower: Follower,
    /// The cash of the last account that the agent was shown, by currency.
    pub(super) seen: BTreeMap<Currency, Option<Decimal>>,
    /// Decisions that somebody judged.
    pub(super) judged: BTreeSet<String>,
    pub(super) cancels: Cancels,
    standing: BTreeSet<String>,
    reducing: BTreeSet<String>,
    closed: BTreeSet<DayKey>,
}

impl Witness {
    /// A witness that has seen nothing.
    pub(super) fn new(clock: VirtualClock, keeps_lines: bool) -> Self {
        let notes = Notes {
            trace: Trace::new(keeps_lines),
            facts: Vec::new(),
            departures: Vec::new(),
            sightings: Sightings::default(),
            oddities: Vec::new(),
            crashes: 0,
            follower: Follower::default(),
            seen: BTreeMap::new(),
            judged: BTreeSet::new(),
            cancels: Cancels::default(),
            standing: BTreeSet::new(),
            reducing: BTreeSet::new(),
            closed: BTreeSet::new(),
        };
        Self { clock, notes: Mutex::new(notes) }
    }

    /// A fact.
    pub(super) fn note(&self, what: What) {
        let at = self.clock.now();
        let mut notes = self.notes();
        notes.trace.add(at, "fact", &format!("{what:?}"));
        notes.see(&what);
        let by_halt = notes.take_cancels(at, &what);
        by_halt.into_iter().for_each(|rare| notes.sightings.saw(rare));
        notes.follower.take(&what);
        notes.facts.push(Fact { at, what });
    }

    /// A move of an intent.
    pub(super) fn moved(&self, update: &OrderUpdate) {
        let OrderUpdate { intent, state, filled, .. } = update;
        self.note(What::Update { intent: intent.to_string(), state: *state, filled: *filled });
    }

    /// A day was closed in the books, for the first time or once more; `is_late`: its own day is over.
    pub(super) fn closed(&self, day: DayKey, is_late: bool) {
        let is_new = self.notes().closed.insert(day);
        if is_new {
            if is_late {
                self.saw(Sometimes::DayClosedAtBoot);
            }
            self.note(What::Close { day });
        }
    }

    /// Something that only the trace needs to know.
    pub(super) fn trace(&self, tag: &str, detail: &str) {
        let at = self.clock.now();
        self.notes().trace.add(at, tag, detail);
    }

    /// A request leaves the client.
    pub(super) fn departed(&self) {
        let at = self.clock.now();
        self.notes().departures.push(at);
    }

    /// A rare event.
    pub(super) fn saw(&self, what: Sometimes) {
        self.notes().sightings.saw(what);
    }

    /// Something that must not happen.
    pub(super) fn odd(&self, what: String) {
        let at = self.clock.now();
        let mut notes = self.notes();
        notes.trace.add(at, "odd", &what);
        notes.oddities.push(what);
    }

    /// Forgets the facts, of which nothing will be checked: a long run would keep them all.
    pub(super) fn forget(&self) {
        let mut notes = self.notes();
        notes.facts = Vec::new();
        notes.departures = Vec::new();
    }

    /// What is written down.
    pub(super) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notes {
    /// Counts what is rare about a fact, before it is followed.
    fn see(&mut self, what: &What) {
        match what {
            What::Boot { .. } if !self.standing.is_empty() => self.sightings.saw(Sometimes::HaltOverRestart),
            What::Crash { .. } => self.crashes += 1,
            What::Halt { id } => {
                self.reducing.remove(id);
                self.standing.insert(id.clone());
                if self.follower.is_sending() {
                    self.sightings.saw(Sometimes::HaltWhileSending);
                }
            }
            What::Release { id } => {
                self.reducing.remove(id);
                if self.standing.remove(id) {
                    self.sightings.saw(Sometimes::Resumed);
                }
            }
            What::Approval(approval) if approval.is_own_sale => self.see_own_sale(approval),
            What::Update { intent, state, .. } => self.see_move(intent, *state),
            What::Reduce { id } => drop(self.reducing.insert(id.clone())),
            What::Sending { .. } => {
                if !self.reducing.is_empty() {
                    self.sightings.saw(Sometimes::Reducing);
                }
            }
            What::Approval(_)
            | What::Boot { .. }
            | What::Stop
            | What::Quiet
            | What::Post { .. }
            | What::Close { .. }
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

    fn see_own_sale(&mut self, approval: &Approval) {
        self.sightings.saw(Sometimes::OwnSale);
        if self.follower.own(&approval.terms.instrument) < approval.account.held {
            self.sightings.saw(Sometimes::OwnSaleBesideOthers);
        }
    }

    fn see_move(&mut self, intent: &str, to: OrderState) {
        let Some(from) = self.follower.get(intent).map(|followed| followed.state) else { return };
        if from == to {
            return;
        }
        if let Some(rare) = rare_move(from, to) {
            self.sightings.saw(rare);
        }
        if let Some(rare) = rare_state(to) {
            self.sightings.saw(rare);
        }
    }
}

fn rare_move(from: OrderState, to: OrderState) -> Option<Sometimes> {
    use OrderState::{Accepted, Cancelled, Filled, Lapsed, Partial, Unknown};
    match (from, to) {
        (Unknown, Accepted | Partial | Filled | Cancelled) => Some(Sometimes::Claimed),
        (Lapsed, Accepted | Partial | Filled | Cancelled) => Some(Sometimes::LateMatch),
        (_, _) => None,
    }
}

fn rare_state(state: OrderState) -> Option<Sometimes> {
    match state {
        OrderState::Unknown => Some(Sometimes::Unknown),
        OrderState::Lapsed => Some(Sometimes::Lapsed),
        OrderState::NeverAccepted => Some(Sometimes::NeverAccepted),
        OrderState::Partial => Some(Sometimes::PartialFill),
        OrderState::Rejected => Some(Sometimes::RejectedLater),
        OrderState::Cancelled => Some(Sometimes::Cancelled),
        OrderState::Approved
        | OrderState::Sending
        | OrderState::Accepted
        | OrderState::Refused
        | OrderState::Filled
        | OrderState::Expired => None,
    }
}
