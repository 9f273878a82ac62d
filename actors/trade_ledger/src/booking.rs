//! What a complete order list changes in the books of one market's day: the plan that a `Store` applies in one
//! transaction (order-protocol 5.2, steps 6 to 8).
//!
//! Pure. Quantities only grow, states move only along [`OrderState::next`], and a row that contradicts the books or
//! itself is reported and never booked.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{InquiryRow, Instrument, IntentId, OpenIntent, OrderState, Quantity, VenueOrderId};

use crate::claim::{Claims, Stranger, StrangerKind, claim, same_order, same_terms};
use crate::fills::{Booked, FillDelta, delta};
use crate::permit::BookInquiry;

/// The total deadline of the POST (order-protocol 5.2, step 4) and the time after which a silent order has lapsed
/// (order-protocol 5.4, H = deadline + 120 s).
pub const HORIZON_SECONDS: i64 = 5 + 120;
/// Complete inquiries without the order before it lapses.
pub const MISSED_INQUIRIES_MIN: u32 = 3;

/// An intent of the day with its booked amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedIntent {
    /// The intent.
    pub intent: OpenIntent,
    /// Booked shares times price, to the millionth.
    pub amount: rust_decimal::Decimal,
}

/// The books of one market and day before the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DayBooks {
    /// Every intent of the day, terminal ones too, oldest first.
    pub intents: Vec<BookedIntent>,
    /// Orders recorded as none of ours.
    pub strangers: Vec<Stranger>,
}

/// How one intent changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The intent.
    pub intent: IntentId,
    /// Its state before: the update is conditional on it.
    pub from: OrderState,
    /// Its state after; may be the same.
    pub to: OrderState,
    /// The exchange's id after.
    pub venue_order: Option<VenueOrderId>,
    /// New shares.
    pub fill: Option<FillDelta>,
    /// Shares filled after.
    pub filled: Quantity,
    /// Complete inquiries that did not show it, after.
    pub missed_inquiries: u32,
}

/// Everything one list changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Intents to update; those that only count a missed inquiry included.
    pub changes: Vec<Change>,
    /// Orders to record as none of ours, the known ones included so that their fills stay current.
    pub strangers: Vec<(StrangerKind, InquiryRow)>,
    /// What does not add up, in words.
    pub contradictions: Vec<String>,
    /// Final list only: intents that keep the day open.
    pub unsettled: Vec<IntentId>,
}

/// Makes the plan. `is_final` for the list after the close: what it does not show never existed.
pub fn plan(books: &DayBooks, inquiry: &BookInquiry, is_final: bool) -> Plan {
    let mut planner =
        Planner { asked_at: inquiry.asked_at, is_final, plan: Plan::default(), doubted: Vec::new() };
    let rows = planner.sound_rows(inquiry);
    let mut unlinked = Vec::new();
    let mut listed = Vec::new();
    for row in rows {
        match books.intents.iter().find(|booked| holds(booked, row)) {
            Some(booked) => {
                listed.push(&booked.intent.id);
                planner.book_listed(booked, row);
            }
            None => unlinked.push(row),
        }
    }
    let unlisted: Vec<&BookedIntent> =
        books.intents.iter().filter(|booked| !listed.contains(&&booked.intent.id)).collect();
    planner.book_unlisted(&unlisted, &unlinked, &books.strangers);
    planner.plan
}

fn holds(booked: &BookedIntent, row: &InquiryRow) -> bool {
    booked.intent.venue_order.as_ref().is_some_and(|order| same_order(order, &row.order))
}

struct Planner {
    asked_at: DateTime<Utc>,
    is_final: bool,
    plan: Plan,
    /// Stocks with an unsound row: an absent order there may be that row.
    doubted: Vec<Instrument>,
}

impl Planner {
    fn sound_rows<'a>(&mut self, inquiry: &'a BookInquiry) -> Vec<&'a InquiryRow> {
        let mut sound: Vec<&InquiryRow> = Vec::new();
        for row in inquiry.rows.iter().filter(|row| row.instrument.market == inquiry.day.market) {
            let twin = sound.iter().find(|other| same_order(&other.order, &row.order));
            match (unsoundness(row), twin) {
                (Some(why), _) => self.doubt(row, why),
                (None, Some(twin)) if *twin != row => self.doubt(row, "the list shows it twice, differently"),
                (None, Some(_)) => {}
                (None, None) => sound.push(row),
            }
        }
        sound
    }

    fn doubt(&mut self, row: &InquiryRow, why: &str) {
        self.plan.contradictions.push(format!("order {} of {}: {why}", row.order, row.instrument));
        self.doubted.push(row.instrument.clone());
    }

    /// A row whose number one of our intents holds.
    fn book_listed(&mut self, booked: &BookedIntent, row: &InquiryRow) {
        let intent = &booked.intent;
        if !same_terms(intent, row) {
            self.contradict(intent, row, &format!("the intent {} ordered {}", intent.id, intent.terms));
            return;
        }
        let before = Booked { quantity: intent.filled, amount: booked.amount };
        let fill = match delta(before, row) {
            Ok(fill) => fill,
            Err(error) => return self.leave(intent, row, &error.to_string()),
        };
        let to = self.proven_state(row);
        if fill.is_none() && is_old_news(intent.state, to) {
            self.keep_open(intent, intent.state);
        } else if intent.state.may_become(to) {
            self.keep_open(intent, to);
            self.change(intent, to, Some(fuller(intent, row)), fill);
        } else {
            self.leave(intent, row, &format!("the list says {to}, the books say {}", intent.state));
        }
    }

    /// After the close nothing works any more: what is left of an order has expired.
    fn proven_state(&self, row: &InquiryRow) -> OrderState {
        let state = row.state();
        if self.is_final && !state.is_terminal() { OrderState::Expired } else { state }
    }

    /// The number of an accepted order belongs to something else: its fate is unknown again (invariant 7).
    fn contradict(&mut self, intent: &OpenIntent, row: &InquiryRow, why: &str) {
        self.leave(intent, row, why);
        if intent.state.may_become(OrderState::Unknown) {
            self.change(intent, OrderState::Unknown, None, None);
            self.plan.strangers.push((StrangerKind::Disputed, row.clone()));
        }
    }

    fn leave(&mut self, intent: &OpenIntent, row: &InquiryRow, why: &str) {
        self.doubt(row, why);
        if self.is_final {
            self.plan.unsettled.push(intent.id.clone());
        }
    }

    fn keep_open(&mut self, intent: &OpenIntent, state: OrderState) {
        if self.is_final && !state.is_terminal() {
            self.plan.unsettled.push(intent.id.clone());
        }
    }

    /// Intents that the list does not show under a number of theirs, and the rows that nobody holds.
    fn book_unlisted(&mut self, unlisted: &[&BookedIntent], rows: &[&InquiryRow], known: &[Stranger]) {
        let intents: Vec<&OpenIntent> = unlisted.iter().map(|booked| &booked.intent).collect();
        let Claims { claimed, disputed, foreign, absent, ambiguous, waiting } = claim(&intents, rows, known);
        for (intent, row) in claimed {
            self.book_claimed(intent, row);
        }
        for intent in absent {
            self.book_absent(intent);
        }
        for intent in ambiguous.into_iter().chain(waiting) {
            self.keep_open(intent, intent.state);
        }
        for intent in intents {
            self.book_silent(intent);
        }
        self.plan.strangers.extend(disputed.into_iter().map(|row| (StrangerKind::Disputed, row.clone())));
        self.plan.strangers.extend(foreign.into_iter().map(|row| (StrangerKind::Foreign, row.clone())));
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
        let was_sent_before = intent.sent_at.is_some_and(|sent_at| sent_at < self.asked_at);
        if !was_sent_before || self.doubted.contains(&intent.terms.instrument) {
            self.keep_open(intent, intent.state);
            return;
        }
        let missed = intent.missed_inquiries.saturating_add(1);
        let to = if self.is_final {
            OrderState::NeverAccepted
        } else if has_lapsed(intent, missed, self.asked_at) {
            OrderState::Lapsed
        } else {
            intent.state
        };
        let venue_order = intent.venue_order.clone();
        let change = Change { missed_inquiries: missed, venue_order, ..unchanged(intent, to) };
        self.plan.changes.push(change);
    }

    /// Intents whose fate is not in question now, and whose row is missing.
    fn book_silent(&mut self, intent: &OpenIntent) {
        match (intent.state, self.is_final) {
            (OrderState::Approved, true) => self.change(intent, OrderState::Expired, None, None),
            (OrderState::Accepted, true) => {
                self.note_missing(intent);
                self.change(intent, OrderState::Unknown, None, None);
                self.keep_open(intent, OrderState::Unknown);
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

    fn note_missing(&mut self, intent: &OpenIntent) {
        let order =
            intent.venue_order.as_ref().map_or_else(|| "without a number".to_owned(), ToString::to_string);
        self.plan.contradictions.push(format!(
            "the final list of {} does not show order {order} of intent {}",
            intent.terms.instrument, intent.id
        ));
    }

    fn change(
        &mut self,
        intent: &OpenIntent,
        to: OrderState,
        venue_order: Option<VenueOrderId>,
        fill: Option<FillDelta>,
    ) {
        let filled = fill.map_or(intent.filled, |fill| intent.filled.saturating_add(fill.quantity));
        self.plan.changes.push(Change { venue_order, fill, filled, ..unchanged(intent, to) });
    }
}

/// A cancel needs the branch, which lists and replies may leave out.
fn fuller(intent: &OpenIntent, row: &InquiryRow) -> VenueOrderId {
    match &intent.venue_order {
        Some(held) if !held.branch.is_empty() || row.order.branch.is_empty() => held.clone(),
        Some(_) | None => row.order.clone(),
    }
}

fn unchanged(intent: &OpenIntent, to: OrderState) -> Change {
    Change {
        intent: intent.id.clone(),
        from: intent.state,
        to,
        venue_order: None,
        fill: None,
        filled: intent.filled,
        missed_inquiries: intent.missed_inquiries,
    }
}

/// True when the row tells nothing that the books do not say already. An order that expired in the books at the close
/// may still be shown as working.
fn is_old_news(state: OrderState, shown: OrderState) -> bool {
    state == shown
        || (state == OrderState::Expired && matches!(shown, OrderState::Accepted | OrderState::Partial))
        // At the close the books call the rest of an order expired; a later list may call it cancelled.
        || (state == OrderState::Expired && shown == OrderState::Cancelled)
}

fn has_lapsed(intent: &OpenIntent, missed: u32, asked_at: DateTime<Utc>) -> bool {
    let horizon = TimeDelta::seconds(HORIZON_SECONDS);
    intent.state == OrderState::Unknown
        && missed >= MISSED_INQUIRIES_MIN
        && intent.sent_at.is_some_and(|sent_at| asked_at - sent_at >= horizon)
}

fn unsoundness(row: &InquiryRow) -> Option<&'static str> {
    if row.order.numeric().is_none() {
        Some("its number is no number")
    } else if !row.is_lawful() {
        Some("its quantities do not add up")
    } else if row.ordered.is_zero() || row.ordered > Quantity::MAX {
        Some("its quantity is out of range")
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
