//! What a complete order list changes in the books of one market's day: the plan that a `Store` applies in one
//! transaction (order-protocol 5.2, steps 6 to 8).
//!
//! Pure. Quantities only grow, states move only along [`OrderState::next`], and a row that contradicts the books or
//! itself is reported and never booked.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::messages::symbols::SymbolHaltCause;
use domain::{InquiryRow, Instrument, IntentId, OpenIntent, OrderState, Quantity, VenueOrderId};

use crate::claim::{Stranger, StrangerKind, same_order, same_terms};
use crate::fills::FillDelta;
use crate::permit::BookInquiry;

mod listed;
mod unlisted;

/// The total deadline of the POST (order-protocol 5.2, step 4) and the time after which a silent order has lapsed
/// (order-protocol 5.4, H = deadline + 120 s).
pub const HORIZON_SECONDS: i64 = 5 + 120;
/// Complete inquiries without the order before it lapses.
pub const MISSED_INQUIRIES_MIN: u32 = 3;

/// Final lists without an order that once had a number, before it counts as never accepted. The exchange said that it
/// took the order, and its lists lag (order-protocol 2), so its silence must be as long as the horizon.
pub const FINAL_LISTS_NUMBERED: u32 = 3;
/// The time between the first and the last of them, in seconds.
pub const FINAL_SPAN_NUMBERED_SECONDS: i64 = HORIZON_SECONDS;
/// Final lists without an order that never had a number, before it counts as never accepted.
pub const FINAL_LISTS: u32 = 2;
/// The time between the first and the last of them, in seconds: our choice, a settling delay.
pub const FINAL_SPAN_SECONDS: i64 = 60;
/// A list that was asked for before the newest one booked, by at most this, is an older answer that came late. By more
/// it is not: then the clock was set back, and lists must go on counting.
pub const LATE_LIST_SECONDS: i64 = 300;

/// True when a newer list than this one is booked already: what it lacks or shows less of proves nothing.
pub fn is_overtaken(asked_at: DateTime<Utc>, newest_booked: Option<DateTime<Utc>>) -> bool {
    let late = TimeDelta::seconds(LATE_LIST_SECONDS);
    newest_booked.is_some_and(|newest| asked_at < newest && newest - asked_at <= late)
}

/// How often, and since when, final lists do not show an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Absence {
    /// Final lists in a row without it.
    pub final_lists: u32,
    /// When the first of them was asked for.
    pub first_at: Option<DateTime<Utc>>,
}

impl Absence {
    fn also_at(self, asked_at: DateTime<Utc>) -> Self {
        Self {
            final_lists: self.final_lists.saturating_add(1),
            first_at: Some(self.first_at.map_or(asked_at, |first| first.min(asked_at))),
        }
    }
}

/// What is known about an intent besides its state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Its absence from final lists.
    pub absence: Absence,
    /// The exchange once gave it a number.
    pub had_number: bool,
    /// A person has looked and says that the exchange has no order of it, or nothing of it beyond what is booked.
    pub declared_none: bool,
}

/// An intent of the day with its booked amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedIntent {
    /// The intent.
    pub intent: OpenIntent,
    /// Booked shares times price, to the millionth.
    pub amount: rust_decimal::Decimal,
    /// What else is known.
    pub evidence: Evidence,
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
    /// Its absence from final lists, after.
    pub absence: Absence,
}

/// A stock whose books need a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolDoubt {
    /// The stock.
    pub instrument: Instrument,
    /// What kind of trouble.
    pub cause: SymbolHaltCause,
    /// The trouble in words.
    pub trouble: String,
    /// The numbers that show it, where a list does; they may change while the trouble stands.
    pub evidence: Option<String>,
}

impl SymbolDoubt {
    /// What a person is shown. The same words again are the same trouble; with other numbers it is one that whoever released
    /// the stock has not seen.
    pub fn reason(&self) -> String {
        match &self.evidence {
            Some(evidence) => format!("{}; the list shows {evidence}", self.trouble),
            None => self.trouble.clone(),
        }
    }
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
    /// Stocks that must take no new orders until a person has looked.
    pub symbol_halts: Vec<SymbolDoubt>,
    /// Final list only: intents that keep the day open.
    pub unsettled: Vec<IntentId>,
}

/// Makes the plan. `is_final` for the list after the close: what it does not show never existed.
pub fn plan(books: &DayBooks, inquiry: &BookInquiry, is_final: bool) -> Plan {
    let mut planner = Planner {
        books,
        asked_at: inquiry.asked_at,
        is_final,
        plan: Plan::default(),
        doubted: Vec::new(),
        contradicted: Vec::new(),
        has_gaps: false,
    };
    let rows = planner.sound_rows(inquiry);
    let mut numbered = ByNumber::default();
    for booked in &books.intents {
        if let Some(order) = &booked.intent.venue_order {
            numbered.insert(order, booked);
        }
    }
    let mut unlinked = Vec::new();
    let mut listed = Vec::new();
    for row in rows {
        match numbered.find(&row.order) {
            Some(booked) if same_terms(&booked.intent, row) => {
                listed.push(&booked.intent.id);
                planner.book_listed(booked, row);
            }
            // Its own order may be another row of this list, which must not be called somebody else's.
            Some(booked) => planner.contradict(booked, row),
            None => unlinked.push(row),
        }
    }
    planner.look_for_gaps(inquiry);
    let unlisted: Vec<&BookedIntent> =
        books.intents.iter().filter(|booked| !listed.contains(&&booked.intent.id)).collect();
    planner.book_unlisted(&unlisted, &unlinked, &books.strangers);
    planner.oldest_first();
    planner.plan
}

/// Things found by an order's number: lists and books of a busy day are too long to compare each with each.
struct ByNumber<'a, T>(BTreeMap<(NaiveDate, Option<u64>), Alike<'a, T>>);

/// Things whose orders have the same date and number.
type Alike<'a, T> = Vec<(&'a VenueOrderId, &'a T)>;

impl<T> Default for ByNumber<'_, T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'a, T> ByNumber<'a, T> {
    fn insert(&mut self, order: &'a VenueOrderId, thing: &'a T) {
        self.0.entry((order.date, order.numeric())).or_default().push((order, thing));
    }

    /// The first thing that was put in under the same order.
    fn find(&self, order: &VenueOrderId) -> Option<&'a T> {
        let alike = self.0.get(&(order.date, order.numeric()))?;
        alike.iter().find(|(other, _)| same_order(other, order)).map(|(_, thing)| *thing)
    }
}

struct Planner<'b> {
    books: &'b DayBooks,
    asked_at: DateTime<Utc>,
    is_final: bool,
    plan: Plan,
    /// Stocks with an unsound row: an absent order there may be that row.
    doubted: Vec<Instrument>,
    /// Intents whose number the list gives to something else.
    contradicted: Vec<IntentId>,
    /// An order that an earlier list showed is missing, so the list is not whole and proves no absence.
    has_gaps: bool,
}

impl Planner<'_> {
    /// Lists show the newest order first; what was bought must be booked before the sale of it, or the sale has no cost and
    /// the purchase seems to be held still.
    fn oldest_first(&mut self) {
        let ages: BTreeMap<&IntentId, usize> =
            self.books.intents.iter().enumerate().map(|(age, one)| (&one.intent.id, age)).collect();
        self.plan.changes.sort_by_key(|change| ages.get(&change.intent).copied());
    }

    fn sound_rows<'a>(&mut self, inquiry: &'a BookInquiry) -> Vec<&'a InquiryRow> {
        let mut sound: Vec<&InquiryRow> = Vec::new();
        let mut numbered = ByNumber::default();
        for row in inquiry.rows.iter().filter(|row| row.instrument.market == inquiry.day.market) {
            let twin = numbered.find(&row.order);
            match (unsoundness(row), twin) {
                (Some(why), _) => self.doubt(row, why),
                (None, Some(twin)) if twin != row => self.doubt(row, "the list shows it twice, differently"),
                (None, Some(_)) => {}
                (None, None) => {
                    numbered.insert(&row.order, row);
                    sound.push(row);
                }
            }
        }
        sound
    }

    /// What an exchange has shown of a day it goes on showing: a list without it was cut short on its way.
    fn look_for_gaps(&mut self, inquiry: &BookInquiry) {
        let of_day = |one: &&Stranger| one.order.date == inquiry.day.session_date;
        let own = self.books.intents.iter().filter(|one| is_shown(one));
        let own = own.filter_map(|one| one.intent.venue_order.as_ref());
        let strange = self.books.strangers.iter().filter(of_day).map(|one| &one.order);
        let mut shown = ByNumber::default();
        inquiry.rows.iter().for_each(|row| shown.insert(&row.order, row));
        for order in own.chain(strange) {
            if shown.find(order).is_none() {
                self.has_gaps = true;
                let line = format!("the list lacks order {order}, which an earlier one showed");
                self.plan.contradictions.push(line);
            }
        }
    }

    fn doubt(&mut self, row: &InquiryRow, why: &str) {
        let doubt = SymbolDoubt {
            instrument: row.instrument.clone(),
            cause: SymbolHaltCause::Contradiction,
            trouble: format!("order {} of {}: {why}", row.order, row.instrument),
            evidence: Some(numbers(row)),
        };
        self.plan.contradictions.push(doubt.reason());
        self.plan.symbol_halts.push(doubt);
        self.doubted.push(row.instrument.clone());
    }

    fn halt(&mut self, instrument: &Instrument, cause: SymbolHaltCause, trouble: String) {
        let instrument = instrument.clone();
        self.plan.symbol_halts.push(SymbolDoubt { instrument, cause, trouble, evidence: None });
    }

    fn evidence(&self, intent: &OpenIntent) -> Evidence {
        let booked = self.books.intents.iter().find(|booked| booked.intent.id == intent.id);
        booked.map_or_else(Evidence::default, |booked| booked.evidence)
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

/// True when only a list can have told its state.
fn is_shown(booked: &BookedIntent) -> bool {
    let is_proven = matches!(
        booked.intent.state,
        OrderState::Partial | OrderState::Filled | OrderState::Cancelled | OrderState::Rejected
    );
    is_proven && booked.intent.venue_order.is_some()
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
        absence: Absence::default(),
    }
}

/// What a row says of quantities, for people.
fn numbers(row: &InquiryRow) -> String {
    let InquiryRow { side, ordered, filled, remaining, cancelled, rejected, .. } = row;
    let price = row.average_price.map_or_else(String::new, |price| format!(" at {price}"));
    format!(
        "{side} {ordered}: {filled} filled{price}, {remaining} remaining, {cancelled} cancelled, {rejected} rejected"
    )
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
