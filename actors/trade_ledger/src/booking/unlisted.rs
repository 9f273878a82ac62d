//! Intents that a list does not show under a number of theirs, and rows that no intent holds the number of.

use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::symbols::SymbolHaltCause;
use domain::{InquiryRow, OpenIntent, OrderState};

use super::{
    BookedIntent, Change, FINAL_LISTS, FINAL_LISTS_NUMBERED, FINAL_SPAN_NUMBERED_SECONDS, FINAL_SPAN_SECONDS,
    HORIZON_SECONDS, LATE_LIST_SECONDS, MISSED_INQUIRIES_MIN, Planner, unchanged,
};
use crate::booking::Absence;
use crate::claim::{Claims, Stranger, StrangerKind, claim};
use crate::fills::{Booked, delta};

impl Planner<'_> {
    /// Intents that the list does not show under a number of theirs, and the rows that nobody holds.
    pub(super) fn book_unlisted(
        &mut self,
        unlisted: &[&BookedIntent],
        rows: &[&InquiryRow],
        known: &[Stranger],
    ) {
        let intents: Vec<&OpenIntent> = unlisted.iter().map(|booked| &booked.intent).collect();
        let Claims { claimed, disputed, foreign, absent, ambiguous, waiting } = claim(&intents, rows, known);
        for (intent, row) in claimed {
            self.book_claimed(intent, row);
        }
        let is_fresh = |planner: &Self, intent: &OpenIntent| !planner.contradicted.contains(&intent.id);
        for intent in absent.into_iter().filter(|intent| is_fresh(self, intent)).collect::<Vec<_>>() {
            self.book_absent(intent);
        }
        for intent in ambiguous.into_iter().chain(waiting) {
            self.keep_open(intent, intent.state);
        }
        for intent in intents.into_iter().filter(|intent| is_fresh(self, intent)).collect::<Vec<_>>() {
            self.book_silent(intent);
        }
        for row in disputed {
            self.dispute(row);
        }
        self.plan.strangers.extend(foreign.into_iter().map(|row| (StrangerKind::Foreign, row.clone())));
    }

    fn dispute(&mut self, row: &InquiryRow) {
        let reason = format!("order {} cannot be told apart from another one", row.order);
        self.halt(&row.instrument, SymbolHaltCause::Dispute, reason);
        self.plan.strangers.push((StrangerKind::Disputed, row.clone()));
    }

    fn book_claimed(&mut self, intent: &OpenIntent, row: &InquiryRow) {
        match delta(Booked::default(), row) {
            Ok(fill) => {
                let to = self.proven_state(row);
                self.change(intent, to, Some(row.order.clone()), fill);
            }
            Err(error) => self.leave(intent, row, &error.to_string()),
        }
    }

    /// An unknown order that no row fits: it lapses after the horizon, and after the close it never existed.
    fn book_absent(&mut self, intent: &OpenIntent) {
        let was_sent_before = intent
            .sent_at
            .is_some_and(|sent_at| sent_at < self.asked_at || is_in_wrong_time(sent_at, self.asked_at));
        let evidence = self.evidence(intent);
        // An unsound row of the stock may be this order, and so may one that the list lacks, unless a person has looked
        // and says that it is not.
        let is_doubted = self.has_gaps || self.doubted.contains(&intent.terms.instrument);
        if !was_sent_before || (is_doubted && !evidence.declared_none) {
            self.keep_open(intent, intent.state);
            return;
        }
        let missed = intent.missed_inquiries.saturating_add(1);
        let absence = if self.is_final { evidence.absence.also_at(self.asked_at) } else { evidence.absence };
        let to = if self.is_final && self.never_was(intent, evidence.had_number, absence) {
            OrderState::NeverAccepted
        } else if !self.is_final && has_lapsed(intent, missed, self.asked_at) {
            OrderState::Lapsed
        } else {
            intent.state
        };
        self.keep_open(intent, to);
        if to == OrderState::NeverAccepted && evidence.had_number {
            self.note_vanished(intent);
        }
        let venue_order = intent.venue_order.clone();
        let change = Change { missed_inquiries: missed, venue_order, absence, ..unchanged(intent, to) };
        self.plan.changes.push(change);
    }

    /// Enough final lists over enough time, and long enough after the POST that nothing of it can still be under way.
    fn never_was(&self, intent: &OpenIntent, had_number: bool, absence: Absence) -> bool {
        let (lists, span_seconds) = match had_number {
            true => (FINAL_LISTS_NUMBERED, FINAL_SPAN_NUMBERED_SECONDS),
            false => (FINAL_LISTS, FINAL_SPAN_SECONDS),
        };
        let past = |at: DateTime<Utc>, seconds| self.asked_at - at >= TimeDelta::seconds(seconds);
        // Sent before the first list that lacks it, whatever its own stamp says.
        let is_settled = |sent_at| {
            past(sent_at, HORIZON_SECONDS)
                || is_in_wrong_time(sent_at, self.asked_at)
                    && absence.first_at.is_some_and(|first| past(first, HORIZON_SECONDS))
        };
        absence.final_lists >= lists
            && absence.first_at.is_some_and(|first| past(first, span_seconds))
            && intent.sent_at.is_some_and(is_settled)
    }

    /// The exchange gave a number and then never showed the order: its reply contradicts its lists.
    fn note_vanished(&mut self, intent: &OpenIntent) {
        let what = &intent.terms;
        let reason = format!("{what} of intent {} had an order number and is on no final list", intent.id);
        self.plan.contradictions.push(reason.clone());
        self.halt(&what.instrument, SymbolHaltCause::Contradiction, reason);
    }

    /// Intents whose fate is not in question now, and whose row is missing.
    fn book_silent(&mut self, intent: &OpenIntent) {
        match (intent.state, self.is_final) {
            (OrderState::Approved, true) => self.change(intent, OrderState::Expired, None, None),
            (OrderState::Accepted, true) if self.has_gaps && !self.evidence(intent).declared_none => {
                self.keep_open(intent, intent.state);
            }
            (OrderState::Accepted, true) => self.book_missing(intent),
            // What is booked stays booked; of the rest a person says that it works no more.
            (OrderState::Partial, true) if self.evidence(intent).declared_none => {
                self.change(intent, OrderState::Expired, intent.venue_order.clone(), None);
            }
            (OrderState::Partial, true) => {
                self.note_missing(intent);
                self.keep_open(intent, intent.state);
            }
            (OrderState::Sending, true) => self.keep_open(intent, intent.state),
            (
                OrderState::Approved | OrderState::Accepted | OrderState::Partial | OrderState::Sending,
                false,
            )
            | (
                OrderState::Unknown
                | OrderState::Lapsed
                | OrderState::Refused
                | OrderState::Filled
                | OrderState::Cancelled
                | OrderState::Rejected
                | OrderState::Expired
                | OrderState::NeverAccepted,
                true | false,
            ) => {}
        }
    }

    /// Accepted, but not on the final list: its fate is unknown again. It keeps its number, which a later list may show.
    fn book_missing(&mut self, intent: &OpenIntent) {
        self.note_missing(intent);
        let absence = self.evidence(intent).absence.also_at(self.asked_at);
        let venue_order = intent.venue_order.clone();
        let change = Change { venue_order, absence, ..unchanged(intent, OrderState::Unknown) };
        self.plan.changes.push(change);
        self.keep_open(intent, OrderState::Unknown);
    }

    fn note_missing(&mut self, intent: &OpenIntent) {
        let order =
            intent.venue_order.as_ref().map_or_else(|| "without a number".to_owned(), ToString::to_string);
        self.plan.contradictions.push(format!(
            "the final list of {} does not show order {order} of intent {}",
            intent.terms.instrument, intent.id
        ));
    }
}

/// True when a clock that ran ahead has dated the POST. A list may be asked for before a POST and be answered after it, but
/// no list takes so long.
fn is_in_wrong_time(sent_at: DateTime<Utc>, asked_at: DateTime<Utc>) -> bool {
    sent_at - asked_at > TimeDelta::seconds(LATE_LIST_SECONDS)
}

fn has_lapsed(intent: &OpenIntent, missed: u32, asked_at: DateTime<Utc>) -> bool {
    let horizon = TimeDelta::seconds(HORIZON_SECONDS);
    intent.state == OrderState::Unknown
        && missed >= MISSED_INQUIRIES_MIN
        && intent
            .sent_at
            .is_some_and(|sent_at| asked_at - sent_at >= horizon || is_in_wrong_time(sent_at, asked_at))
}
