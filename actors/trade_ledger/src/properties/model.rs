//! One stock, one day: an exchange that knows the truth, a wire that loses and garbles, and books kept by the rules.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::symbols::Resolution;
use domain::{
    InquiryRow, Instrument, IntentId, Market, OpenIntent, OrderState, OrderTerms, Outcome, Quantity, Refusal,
    Side, VenueOrderId,
};
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::booking::{BookedIntent, Change, DayBooks, Evidence, is_overtaken, plan};
use crate::claim::{Stranger, StrangerKind, same_order, same_terms};
use crate::outcome::{Step, step};
use crate::permit::{BookInquiry, DayKey};
use crate::resolution::{DisputedOrder, Situation, Verdict, resolve};

/// What a POST meets on its way.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    Answered,
    Refused,
    RequestLost,
    ReplyLost,
    /// It arrives this many seconds after everybody gave it up.
    Late(u8),
    /// The reply names an order that is another one, or none.
    WrongNumber,
    /// The process dies before it writes the outcome; the order is made.
    Died,
}

/// What a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Whole,
    /// The newest orders are missing.
    Lagging,
    /// Each row twice.
    Doubled,
    /// One filled quantity has gone down.
    Decreased,
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// An order of so many hundred shares is approved, if the books allow it, and sent.
    Trade(Side, u8, Fate),
    /// Somebody else trades: the same as our last order, or something else.
    Human {
        twin: bool,
    },
    /// Shares of the n-th order are filled.
    Fill(u8, u8),
    /// What is left of the n-th order is cancelled.
    Cancel(u8),
    /// The n-th order is rejected, if nothing of it is filled.
    Reject(u8),
    List(Seen),
    Wait(u8),
}

pub(super) fn acts() -> impl Strategy<Value = Vec<Act>> {
    let side = prop_oneof![3 => Just(Side::Buy), 1 => Just(Side::Sell)];
    let fate = prop_oneof![
        4 => Just(Fate::Answered),
        1 => Just(Fate::Refused),
        2 => Just(Fate::RequestLost),
        3 => Just(Fate::ReplyLost),
        2 => (1_u8..60).prop_map(Fate::Late),
        1 => Just(Fate::WrongNumber),
        2 => Just(Fate::Died),
    ];
    let seen = prop_oneof![
        5 => Just(Seen::Whole),
        2 => Just(Seen::Lagging),
        1 => Just(Seen::Doubled),
        1 => Just(Seen::Decreased),
    ];
    let act = prop_oneof![
        5 => (side, 1_u8..3, fate).prop_map(|(side, hundreds, fate)| Act::Trade(side, hundreds, fate)),
        1 => any::<bool>().prop_map(|twin| Act::Human { twin }),
        4 => (any::<u8>(), 1_u8..120).prop_map(|(which, shares)| Act::Fill(which, shares)),
        1 => any::<u8>().prop_map(Act::Cancel),
        1 => any::<u8>().prop_map(Act::Reject),
        6 => seen.prop_map(Act::List),
        3 => (1_u8..90).prop_map(Act::Wait),
    ];
    prop::collection::vec(act, 1..40)
}

/// An order as the exchange has it.
#[derive(Clone, Debug)]
pub(super) struct VenueOrder {
    pub(super) id: VenueOrderId,
    pub(super) made_by: Option<IntentId>,
    pub(super) terms: OrderTerms,
    pub(super) filled: Quantity,
    is_over: bool,
    is_rejected: bool,
    made_at: DateTime<Utc>,
}

/// Everything that is true, and everything that is believed.
#[derive(Default)]
pub(super) struct History {
    second: i64,
    pub(super) venue: Vec<VenueOrder>,
    under_way: Vec<(i64, IntentId, OrderTerms)>,
    pub(super) books: DayBooks,
    stranger_rows: Vec<InquiryRow>,
    /// When the books first had a stranger, by its order.
    first_seen: BTreeMap<String, DateTime<Utc>>,
    /// When a person said of an intent that it has none of the orders.
    said_none: BTreeMap<IntentId, DateTime<Utc>>,
    pub(super) posts: BTreeMap<IntentId, u32>,
    newest_list: Option<DateTime<Utc>>,
    watermark: Option<u64>,
    pub(super) halted_ever: bool,
    /// Somebody else made an order like one of ours.
    pub(super) has_twins: bool,
    /// A reply named another order.
    pub(super) has_misnamed: bool,
    pub(super) happened: BTreeSet<&'static str>,
    unsettled: usize,
}

type Checked<T = ()> = Result<T, TestCaseError>;

fn stock() -> Instrument {
    Instrument { market: Market::Kr, symbol: "005930".parse().unwrap() }
}

fn terms(side: Side, shares: u64) -> OrderTerms {
    OrderTerms { instrument: stock(), side, quantity: Quantity::new(shares), limit: "70000".parse().unwrap() }
}

impl VenueOrder {
    fn remaining(&self) -> Quantity {
        self.terms.quantity.saturating_sub(self.filled)
    }

    fn row(&self) -> InquiryRow {
        let left = self.remaining();
        let when = |applies: bool| if applies { left } else { Quantity::ZERO };
        InquiryRow {
            order: self.id.clone(),
            instrument: stock(),
            side: self.terms.side,
            ordered: self.terms.quantity,
            limit: Some(self.terms.limit),
            filled: self.filled,
            average_price: (!self.filled.is_zero()).then_some(self.terms.limit),
            remaining: when(!self.is_over),
            cancelled: when(self.is_over && !self.is_rejected),
            rejected: when(self.is_over && self.is_rejected),
            time: Some(self.made_at.with_timezone(&Market::Kr.zone()).time()),
        }
    }
}

impl History {
    fn now(&self) -> DateTime<Utc> {
        let open: DateTime<Utc> = "2026-11-24T00:30:00Z".parse().unwrap();
        open + TimeDelta::seconds(self.second)
    }

    pub(super) fn act(&mut self, act: &Act) -> Checked {
        self.wait(1);
        match act {
            Act::Trade(side, hundreds, fate) => self.trade(*side, *hundreds, *fate)?,
            Act::Human { twin } => self.human(*twin),
            Act::Fill(which, shares) => self.fill(*which, u64::from(*shares)),
            Act::Cancel(which) => self.finish(*which, false),
            Act::Reject(which) => self.finish(*which, true),
            Act::List(seen) => self.list(*seen, false)?,
            Act::Wait(seconds) => self.wait(i64::from(*seconds)),
        }
        Ok(())
    }

    fn wait(&mut self, seconds: i64) {
        self.second += seconds;
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.under_way).into_iter().partition(|(at, ..)| *at <= self.second);
        self.under_way = later;
        for (_, intent, terms) in due {
            self.make(Some(intent), terms);
        }
    }

    fn make(&mut self, made_by: Option<IntentId>, terms: OrderTerms) -> VenueOrderId {
        let number = 100 + self.venue.len();
        let id = VenueOrderId {
            date: "2026-11-24".parse().unwrap(),
            branch: "06010".into(),
            number: format!("{number:010}"),
        };
        let (filled, made_at) = (Quantity::ZERO, self.now());
        let order = VenueOrder {
            id: id.clone(),
            made_by,
            terms,
            filled,
            is_over: false,
            is_rejected: false,
            made_at,
        };
        self.venue.push(order);
        id
    }

    /// One open order per side, and no purchase beside a sale of unknown fate: as RiskGuard and the books have it.
    fn trade(&mut self, side: Side, hundreds: u8, fate: Fate) -> Checked {
        let blocks = |one: &BookedIntent| match (side, one.intent.terms.side) {
            (Side::Buy, Side::Buy) | (Side::Sell, Side::Sell) => one.intent.state.is_open(),
            (Side::Buy, Side::Sell) => one.intent.state.is_unresolved(),
            (Side::Sell, Side::Buy) => false,
        };
        if self.books.intents.iter().any(blocks) {
            return Ok(());
        }
        let id = IntentId::from_stored(format!("i-{}", self.books.intents.len()));
        let terms = terms(side, 100 * u64::from(hundreds));
        let intent = OpenIntent {
            id: id.clone(),
            terms: terms.clone(),
            state: OrderState::Sending,
            venue_order: None,
            filled: Quantity::ZERO,
            sent_at: Some(self.now()),
            watermark: self.watermark,
            session_date: "2026-11-24".parse().unwrap(),
            approved_at: self.now(),
            missed_inquiries: 0,
        };
        let evidence = Evidence::default();
        self.books.intents.push(BookedIntent { intent, amount: Decimal::ZERO, evidence });
        *self.posts.entry(id.clone()).or_default() += 1;
        self.meet(id, terms, fate)
    }

    fn meet(&mut self, id: IntentId, terms: OrderTerms, fate: Fate) -> Checked {
        let lost = || Outcome::Unknown("silence".into());
        let outcome = match fate {
            Fate::Answered => Outcome::Accepted(self.make(Some(id.clone()), terms)),
            Fate::Refused => Outcome::Refused(Refusal::NotSent("no route".into())),
            Fate::RequestLost => self.note("request lost", lost()),
            Fate::ReplyLost => {
                self.make(Some(id.clone()), terms);
                self.note("reply lost", lost())
            }
            Fate::Late(seconds) => {
                self.under_way.push((self.second + i64::from(seconds), id.clone(), terms));
                self.note("late arrival", lost())
            }
            Fate::WrongNumber => {
                let mut order = self.make(Some(id.clone()), terms);
                order.number = format!("{:010}", order.numeric().unwrap() + 1);
                self.has_misnamed = true;
                self.note("wrong number", Outcome::Accepted(order))
            }
            Fate::Died => {
                self.make(Some(id.clone()), terms);
                // The next life finds it `Sending` and calls it unknown.
                self.note("died while sending", lost())
            }
        };
        self.outcome(&id, &outcome)
    }

    fn note<T>(&mut self, what: &'static str, value: T) -> T {
        self.happened.insert(what);
        value
    }

    fn outcome(&mut self, id: &IntentId, outcome: &Outcome) -> Checked {
        let is_taken = match outcome {
            Outcome::Accepted(order) => {
                let strange = self.books.strangers.iter().any(|one| same_order(&one.order, order));
                strange || self.books.intents.iter().any(|one| holds(&one.intent, order))
            }
            Outcome::Refused(_) | Outcome::Unknown(_) => false,
        };
        let booked = self.books.intents.iter_mut().find(|one| &one.intent.id == id).unwrap();
        let intent = &mut booked.intent;
        if let Step::Move { to, venue_order, .. } =
            step(intent.state, intent.venue_order.as_ref(), outcome, is_taken)
        {
            prop_assert!(intent.state.may_become(to));
            intent.state = to;
            booked.evidence.had_number |= venue_order.is_some();
            intent.venue_order = venue_order;
        }
        Ok(())
    }

    fn human(&mut self, twin: bool) {
        let last = self.books.intents.last().map(|one| one.intent.terms.clone());
        match last.filter(|_| twin) {
            Some(terms) => {
                self.has_twins = true;
                self.happened.insert("foreign twin");
                self.make(None, terms);
            }
            None => {
                self.make(None, terms(Side::Buy, 7));
            }
        }
    }

    fn working(&mut self, which: u8) -> Option<&mut VenueOrder> {
        let mut working: Vec<_> = self.venue.iter_mut().filter(|order| !order.is_over).collect();
        let number = working.len();
        (number > 0).then(|| working.swap_remove(usize::from(which) % number))
    }

    fn fill(&mut self, which: u8, shares: u64) {
        let Some(order) = self.working(which) else { return };
        let shares = Quantity::new(shares).min(order.remaining());
        order.filled = order.filled.saturating_add(shares);
        order.is_over = order.remaining().is_zero();
        if !order.is_over {
            self.happened.insert("partial fill");
        }
    }

    fn finish(&mut self, which: u8, rejected: bool) {
        if let Some(order) = self.working(which).filter(|order| !rejected || order.filled.is_zero()) {
            (order.is_over, order.is_rejected) = (true, rejected);
        }
    }

    /// The exchange's list as it is seen, booked by the plan.
    pub(super) fn list(&mut self, seen: Seen, is_final: bool) -> Checked {
        let fresh = |order: &&VenueOrder| (self.now() - order.made_at).num_seconds() < 30;
        let shown = self.venue.iter().filter(|order| seen != Seen::Lagging || !fresh(order));
        let mut rows: Vec<InquiryRow> = shown.map(VenueOrder::row).collect();
        if seen == Seen::Doubled {
            rows.extend(rows.clone());
        }
        if seen == Seen::Decreased {
            rows.iter_mut().find(|row| row.filled > Quantity::new(1)).into_iter().for_each(decrease);
        }
        let day = DayKey { market: Market::Kr, session_date: "2026-11-24".parse().unwrap() };
        let halt = crate::HaltName {
            id: domain::HaltId::from_stored("h-list".into()),
            nonce: domain::HaltNonce::new(1),
        };
        let inquiry = BookInquiry { day, rows, asked_at: self.now(), halt };
        prop_assert!(!is_overtaken(inquiry.asked_at, self.newest_list));
        self.newest_list = Some(inquiry.asked_at);
        self.apply(&inquiry, is_final)
    }

    fn apply(&mut self, inquiry: &BookInquiry, is_final: bool) -> Checked {
        let plan = plan(&self.books, inquiry, is_final);
        for change in &plan.changes {
            self.change(change)?;
        }
        for (kind, row) in plan.strangers {
            self.record(kind, row);
        }
        if !plan.contradictions.is_empty() {
            self.happened.insert("contradiction");
        }
        self.halted_ever |= !plan.symbol_halts.is_empty();
        self.unsettled = plan.unsettled.len();
        let numbers = inquiry.rows.iter().filter_map(|row| row.order.numeric());
        self.watermark = self.watermark.max(numbers.max());
        Ok(())
    }

    fn change(&mut self, change: &Change) -> Checked {
        let booked = self.books.intents.iter_mut().find(|one| one.intent.id == change.intent).unwrap();
        let intent = &mut booked.intent;
        prop_assert_eq!(intent.state, change.from);
        prop_assert!(change.from == change.to || change.from.may_become(change.to), "{:?}", change);
        prop_assert!(
            change.filled >= intent.filled && change.filled <= intent.terms.quantity,
            "{:?}",
            change
        );
        let is_late = change.from.is_unresolved() && intent.venue_order.is_none();
        if is_late && change.venue_order.is_some() {
            self.happened.insert("claimed late");
        }
        if change.to == OrderState::Lapsed {
            self.happened.insert("lapsed");
        }
        if change.to == OrderState::NeverAccepted {
            self.happened.insert("never accepted");
        }
        intent.state = change.to;
        intent.filled = change.filled;
        intent.missed_inquiries = change.missed_inquiries;
        intent.venue_order.clone_from(&change.venue_order);
        booked.evidence.absence = change.absence;
        booked.evidence.had_number |= change.venue_order.is_some();
        booked.amount += change.fill.map_or(Decimal::ZERO, |fill| fill.amount);
        Ok(())
    }

    fn record(&mut self, kind: StrangerKind, row: InquiryRow) {
        match self.books.strangers.iter_mut().find(|one| same_order(&one.order, &row.order)) {
            Some(known) if kind == StrangerKind::Foreign => known.kind = kind,
            Some(_) => {}
            None => self.books.strangers.push(Stranger { order: row.order.clone(), kind }),
        }
        if kind == StrangerKind::Disputed {
            self.happened.insert("disputed");
        }
        self.stranger_rows.retain(|known| !same_order(&known.order, &row.order));
        let now = self.now();
        self.first_seen.entry(row.order.to_string()).or_insert(now);
        self.stranger_rows.push(row);
    }

    /// The close: nothing moves any more, lists are whole, and a person answers what is disputed.
    pub(super) fn end(&mut self) -> Checked {
        self.wait(3600);
        for order in &mut self.venue {
            order.is_over = true;
        }
        for _ in 0..8 {
            self.list(Seen::Whole, true)?;
            self.answer();
            self.wait(70);
        }
        prop_assert_eq!(self.unsettled, 0, "the day stays open: {:?}", self.books);
        Ok(())
    }

    /// A person who knows the truth.
    fn answer(&mut self) {
        let open: Vec<OpenIntent> = self.books.intents.iter().map(|one| one.intent.clone()).collect();
        for intent in open.iter().filter(|one| one.state.is_unresolved()) {
            let disputed = self.disputed();
            let truth = self.venue.iter().find(|order| order.made_by.as_ref() == Some(&intent.id));
            let is_shown = |order: &&VenueOrder| disputed.iter().any(|one| one.order == order.id);
            let said = match truth.filter(is_shown) {
                Some(order) => Resolution::Order(order.id.to_string()),
                None => Resolution::None,
            };
            let (unresolved, disputed) = (open.as_slice(), disputed.as_slice());
            let said_none = &self.said_none;
            let situation =
                Situation { unresolved, disputed, said_none, is_halted: false, is_overdue: false };
            if let Ok(verdict) = resolve(intent, situation, &said) {
                self.happened.insert("resolved by a person");
                self.obey(intent, verdict);
            }
        }
    }

    fn disputed(&self) -> Vec<DisputedOrder> {
        let is_disputed = |row: &&InquiryRow| {
            let kind = self.books.strangers.iter().find(|one| same_order(&one.order, &row.order));
            kind.is_some_and(|one| one.kind == StrangerKind::Disputed)
        };
        let order = |row: &InquiryRow| DisputedOrder {
            order: row.order.clone(),
            instrument: row.instrument.clone(),
            side: row.side,
            ordered: row.ordered,
            limit: row.limit,
            first_seen: self.first_seen[&row.order.to_string()],
        };
        self.stranger_rows.iter().filter(is_disputed).map(order).collect()
    }

    fn obey(&mut self, intent: &OpenIntent, verdict: Verdict) {
        let now = self.now();
        let booked = self.books.intents.iter_mut().find(|one| one.intent.id == intent.id).unwrap();
        match verdict {
            Verdict::Attribute(order) => {
                self.books.strangers.retain(|one| one.order != order);
                self.stranger_rows.retain(|row| row.order != order);
                booked.intent.state = OrderState::Accepted;
                booked.intent.venue_order = Some(order);
            }
            Verdict::None { foreign, .. } => {
                booked.evidence.declared_none = true;
                self.said_none.insert(intent.id.clone(), now);
                for one in self.books.strangers.iter_mut().filter(|one| foreign.contains(&one.order)) {
                    one.kind = StrangerKind::Foreign;
                }
            }
        }
    }

    /// The filled shares of every row of the books for one order of the exchange.
    pub(super) fn rows_of(&self, order: &VenueOrder) -> Vec<Quantity> {
        let own = self.books.intents.iter().filter(|one| holds(&one.intent, &order.id));
        let strange = self.stranger_rows.iter().filter(|row| same_order(&row.order, &order.id));
        own.map(|one| one.intent.filled).chain(strange.map(|row| row.filled)).collect()
    }

    pub(super) fn holder_of(&self, order: &VenueOrder) -> Option<IntentId> {
        let holder = self.books.intents.iter().find(|one| holds(&one.intent, &order.id));
        holder.map(|one| one.intent.id.clone())
    }

    /// Intents that hold the number of an order with other terms, once a whole list could have told.
    pub(super) fn mismatches(&self) -> Vec<(OpenIntent, InquiryRow)> {
        let Some(listed_at) = self.newest_list else { return Vec::new() };
        let rows = self.venue.iter().filter(|order| listed_at == self.now() && order.made_at < listed_at);
        let rows: Vec<InquiryRow> = rows.map(VenueOrder::row).collect();
        let pairs = self.books.intents.iter().flat_map(|one| {
            let held = rows.iter().filter(|row| holds(&one.intent, &row.order));
            held.filter(|row| !same_terms(&one.intent, row)).map(|row| (one.intent.clone(), row.clone()))
        });
        pairs.filter(|(_, row)| self.stranger_rows.iter().any(|seen| seen.order == row.order)).collect()
    }

    /// Everything that a list may change.
    pub(super) fn essence(&self) -> Vec<String> {
        let intents = self.books.intents.iter().map(|one| {
            let OpenIntent { id, state, filled, venue_order, .. } = &one.intent;
            format!("{id} {state} {filled} {venue_order:?} {}", one.amount)
        });
        let strangers = self.books.strangers.iter().map(|one| format!("{one:?}"));
        intents.chain(strangers).collect()
    }

    pub(super) fn shares_by_books(&self) -> i64 {
        let own = self.books.intents.iter().map(|one| signed(one.intent.terms.side, one.intent.filled));
        own.chain(self.stranger_rows.iter().map(|row| signed(row.side, row.filled))).sum()
    }

    pub(super) fn shares_by_venue(&self) -> i64 {
        self.venue.iter().map(|order| signed(order.terms.side, order.filled)).sum()
    }
}

fn signed(side: Side, shares: Quantity) -> i64 {
    let shares = i64::try_from(shares.get()).unwrap();
    match side {
        Side::Buy => shares,
        Side::Sell => -shares,
    }
}

fn holds(intent: &OpenIntent, order: &VenueOrderId) -> bool {
    intent.venue_order.as_ref().is_some_and(|held| same_order(held, order))
}

/// The row as it was one share earlier.
fn decrease(row: &mut InquiryRow) {
    row.filled = Quantity::new(row.filled.get() - 1);
    row.remaining = row.ordered.saturating_sub(row.filled);
    (row.cancelled, row.rejected) = (Quantity::ZERO, Quantity::ZERO);
}
