//! The claim rule: which order of the exchange's list belongs to which of our intents (order-protocol 5.3).
//!
//! KIS takes no order id of ours, so after a lost reply only the terms, the time and the number can tell. The rule
//! claims when exactly one order and exactly one intent fit each other, and otherwise claims nothing: totals stay
//! right, and attribution waits for a person. Times alone prove nothing against an order: our clock may have been set since the
//! exchange's last answer, so what fits but for its time is in dispute, not somebody else's. Pure; the caller has already
//! set aside orders whose number is known.

use chrono::{NaiveDateTime, TimeDelta};
use domain::{CLOCK_SKEW_ALLOWED_SECONDS, InquiryRow, OpenIntent, OrderState, VenueOrderId};
use supervision::mutant::{self, Mutant};

/// The time shown of our own order may lie before our send time by this much, in seconds: the difference of clocks that is
/// allowed, one second because `Date`, by which that is measured, is cut to whole seconds, and one because `ord_tmd` is.
pub const CLOCK_SKEW_SECONDS: i64 = CLOCK_SKEW_ALLOWED_SECONDS + 2;

/// How an order that is none of ours was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StrangerKind {
    /// No intent of ours can explain it.
    Foreign,
    /// More than one order or intent fits; or it contradicts the intent that holds its number.
    Disputed,
}

impl StrangerKind {
    /// The word stored.
    pub fn code(self) -> &'static str {
        match self {
            Self::Foreign => "foreign",
            Self::Disputed => "disputed",
        }
    }
}

/// An order recorded earlier as none of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stranger {
    /// The exchange's id.
    pub order: VenueOrderId,
    /// As what.
    pub kind: StrangerKind,
}

/// The verdict on the orders of a list that no intent holds the number of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims<'a> {
    /// Intent and its order, one to one.
    pub claimed: Vec<(&'a OpenIntent, &'a InquiryRow)>,
    /// Orders that fit an intent, but not alone.
    pub disputed: Vec<&'a InquiryRow>,
    /// Orders that fit no intent.
    pub foreign: Vec<&'a InquiryRow>,
    /// Intents that no order fits.
    pub absent: Vec<&'a OpenIntent>,
    /// Intents that a disputed order fits.
    pub ambiguous: Vec<&'a OpenIntent>,
    /// Intents whose order may yet turn out to be that of an intent in flight.
    pub waiting: Vec<&'a OpenIntent>,
}

/// Applies the rule.
///
/// `intents` may contain any state. `Unknown` and `Lapsed` ones are judged; `Sending` ones and `Accepted` ones that the
/// list does not show yet only explain an order, so that it is neither claimed nor called foreign before the reply or
/// the next list is there.
pub fn claim<'a>(intents: &[&'a OpenIntent], rows: &[&'a InquiryRow], known: &[Stranger]) -> Claims<'a> {
    let foreign_before = |row: &InquiryRow| is_known(row, known, StrangerKind::Foreign);
    let candidates: Vec<&InquiryRow> = rows.iter().copied().filter(|row| !foreign_before(row)).collect();
    let mut claims = Claims::default();
    for intent in intents.iter().copied().filter(|intent| is_judged(intent.state)) {
        judge(intent, intents, &candidates, known, &mut claims);
    }
    for row in rows.iter().copied() {
        let explained = intents.iter().any(|intent| could_be(intent, row));
        if foreign_before(row) || !explained {
            claims.foreign.push(row);
        }
    }
    claims
}

fn judge<'a>(
    intent: &'a OpenIntent,
    intents: &[&'a OpenIntent],
    candidates: &[&'a InquiryRow],
    known: &[Stranger],
    claims: &mut Claims<'a>,
) {
    let fitting: Vec<&InquiryRow> = candidates.iter().copied().filter(|row| could_be(intent, row)).collect();
    let is_alone = |row: &InquiryRow| intents.iter().filter(|other| could_be(other, row)).count() == 1;
    let in_flight = |row: &&InquiryRow| intents.iter().any(|i| !is_judged(i.state) && could_be(i, row));
    if fitting.iter().any(in_flight) {
        claims.waiting.push(intent);
        return;
    }
    match fitting.as_slice() {
        [] => claims.absent.push(intent),
        // An intent that holds a number had a reply: an order under another number contradicts it (invariant 7).
        [row]
            if intent.venue_order.is_none()
                && is_in_time(intent, row)
                && is_alone(row)
                && !is_known(row, known, StrangerKind::Disputed) =>
        {
            claims.claimed.push((intent, row));
        }
        several => {
            claims.ambiguous.push(intent);
            for row in several.iter().copied() {
                if !claims.disputed.iter().any(|seen| same_order(&seen.order, &row.order)) {
                    claims.disputed.push(row);
                }
            }
        }
    }
}

fn is_judged(state: OrderState) -> bool {
    matches!(state, OrderState::Unknown | OrderState::Lapsed)
}

fn explains(intent: &OpenIntent) -> bool {
    intent.state.is_unresolved() || (intent.state == OrderState::Accepted && intent.filled.is_zero())
}

/// True when `row` may be what the POST of `intent` made: same terms, and a later number.
pub fn could_be(intent: &OpenIntent, row: &InquiryRow) -> bool {
    intent.sent_at.is_some() && explains(intent) && same_terms(intent, row) && is_after_watermark(intent, row)
}

/// True when the row shows exactly what was approved.
pub fn same_terms(intent: &OpenIntent, row: &InquiryRow) -> bool {
    let terms = &intent.terms;
    row.instrument == terms.instrument
        && row.side == terms.side
        && row.ordered == terms.quantity
        && (row.limit == Some(terms.limit) || mutant::is_on(Mutant::MatchWithoutPrice))
}

/// True for the same order, however the branch is left out or the number padded.
pub fn same_order(a: &VenueOrderId, b: &VenueOrderId) -> bool {
    let same_branch = a.branch == b.branch || a.branch.is_empty() || b.branch.is_empty();
    a.date == b.date && same_branch && same_number(&a.number, &b.number)
}

/// Compared as numbers, `42` and `0000000042` are one; what is no number is nobody's. Lists are long, so texts that can
/// be told apart by their digits are not parsed.
fn same_number(a: &str, b: &str) -> bool {
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if a.len() == b.len() && a != b && is_digits(a) && is_digits(b) {
        return false;
    }
    let numeric = |text: &str| text.parse::<u64>().ok();
    numeric(a).is_some() && numeric(a) == numeric(b)
}

fn is_after_watermark(intent: &OpenIntent, row: &InquiryRow) -> bool {
    match (intent.watermark, row.order.numeric()) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(watermark), Some(number)) => number > watermark,
    }
}

/// True when the order is not earlier than it can have been sent. One without a time cannot be excluded by it.
fn is_in_time(intent: &OpenIntent, row: &InquiryRow) -> bool {
    let (Some(sent_at), Some(time)) = (intent.sent_at, row.time) else { return true };
    let zone = intent.terms.instrument.market.zone();
    let earliest = sent_at.with_timezone(&zone).naive_local() - TimeDelta::seconds(CLOCK_SKEW_SECONDS);
    NaiveDateTime::new(row.order.date, time) >= earliest
}

fn is_known(row: &InquiryRow, known: &[Stranger], kind: StrangerKind) -> bool {
    known.iter().any(|stranger| stranger.kind == kind && same_order(&stranger.order, &row.order))
}

#[cfg(test)]
mod tests;
