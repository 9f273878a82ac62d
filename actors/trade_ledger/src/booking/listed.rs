//! Rows of a list whose number one of our intents holds.

use domain::{InquiryRow, OpenIntent, OrderState, VenueOrderId};

use super::{BookedIntent, Planner};
use crate::claim::StrangerKind;
use crate::fills::{Booked, delta};

impl Planner<'_> {
    /// A row whose number one of our intents holds.
    pub(super) fn book_listed(&mut self, booked: &BookedIntent, row: &InquiryRow) {
        let intent = &booked.intent;
        let before = Booked { quantity: intent.filled, amount: booked.amount };
        let fill = match delta(before, row) {
            Ok(fill) => fill,
            Err(error) => return self.leave_listed(booked, row, &error.to_string()),
        };
        let to = self.proven_state(row);
        if fill.is_none() && is_old_news(intent.state, to) {
            self.keep_open(intent, intent.state);
        } else if intent.state.may_become(to) {
            self.keep_open(intent, to);
            self.change(intent, to, Some(fuller(intent, row)), fill);
        } else {
            self.leave_listed(booked, row, &format!("the list says {to}, the books say {}", intent.state));
        }
    }

    /// The row contradicts the books. On a final list only a person's word ends that; the halt of the stock stays.
    fn leave_listed(&mut self, booked: &BookedIntent, row: &InquiryRow, why: &str) {
        let intent = &booked.intent;
        if !(self.is_final && booked.evidence.declared_none) {
            return self.leave(intent, row, why);
        }
        self.doubt(row, why);
        if intent.state.may_become(OrderState::Expired) {
            self.change(intent, OrderState::Expired, Some(fuller(intent, row)), None);
        }
    }

    /// After the close nothing works any more: what is left of an order has expired.
    pub(super) fn proven_state(&self, row: &InquiryRow) -> OrderState {
        let state = row.state();
        if self.is_final && !state.is_terminal() { OrderState::Expired } else { state }
    }

    /// The number of an order belongs to something else: its fate is unknown again, unless a list has proven it before
    /// (invariant 7).
    pub(super) fn contradict(&mut self, booked: &BookedIntent, row: &InquiryRow) {
        let intent = &booked.intent;
        let why = format!("the intent {} ordered {}", intent.id, intent.terms);
        self.contradicted.push(intent.id.clone());
        let to = match intent.state {
            OrderState::Accepted => OrderState::Unknown,
            OrderState::Unknown | OrderState::Lapsed => intent.state,
            OrderState::Approved
            | OrderState::Sending
            | OrderState::Partial
            | OrderState::Refused
            | OrderState::Filled
            | OrderState::Cancelled
            | OrderState::Rejected
            | OrderState::Expired
            | OrderState::NeverAccepted => return self.leave_listed(booked, row, &why),
        };
        self.leave(intent, row, &why);
        self.change(intent, to, None, None);
        self.plan.strangers.push((StrangerKind::Disputed, row.clone()));
    }
}

/// A cancel needs the branch, which lists and replies may leave out.
fn fuller(intent: &OpenIntent, row: &InquiryRow) -> VenueOrderId {
    match &intent.venue_order {
        Some(held) if !held.branch.is_empty() || row.order.branch.is_empty() => held.clone(),
        Some(_) | None => row.order.clone(),
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
