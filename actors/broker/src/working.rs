//! Rules about orders at the exchange: which to ask about, which to cancel, and how far the order numbers have come.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::control::{HaltEffect, HaltLevel};
use domain::{InquiryRow, IntentId, OpenIntent, OrderState, Side, VenueOrderId, is_ahead};
use supervision::mutant::{self, Mutant};
use trade_ledger::DayKey;

use crate::Urgency;

/// A cancel is asked for again when the order still works this long after the last request, in exchange time.
pub const CANCEL_AGAIN_AFTER: TimeDelta = TimeDelta::seconds(30);

/// So many orders may become unknown within an hour; with more, trading halts. Our choice: a line or an exchange that
/// loses every sixth answer of a busy hour is no place for orders.
pub const UNKNOWNS_MAX: u32 = 5;

/// An approval lives for 30 s (risk_guard::book); twice that is past all doubt.
pub const APPROVAL_IS_OVER_AFTER: TimeDelta = TimeDelta::seconds(60);

/// What an order is sent as: a sale gets ahead of a purchase.
pub fn urgency(side: Side) -> Urgency {
    match side {
        Side::Sell => Urgency::Exit,
        Side::Buy => Urgency::Entry,
    }
}

/// The days whose order lists must be asked for: those of intents that the exchange has, or may have, and those of
/// approvals that ran out unused, or that a clock has given which ran ahead, because the ledger ends them with the next list.
pub fn days_to_ask(open: &[OpenIntent], now: DateTime<Utc>) -> BTreeSet<DayKey> {
    let may_be_over = |intent: &OpenIntent| {
        intent.state != OrderState::Approved
            || now - intent.approved_at > APPROVAL_IS_OVER_AFTER
            || is_ahead(intent.approved_at, now)
    };
    let to_ask = open.iter().filter(|intent| intent.state.is_open() && may_be_over(intent));
    to_ask
        .map(|intent| DayKey { market: intent.terms.instrument.market, session_date: intent.session_date })
        .collect()
}

/// What a halt wants cancelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unwanted {
    /// Nothing: what works may go on working.
    #[default]
    Nothing,
    /// Purchases.
    Purchases,
    /// Everything.
    Everything,
}

impl Unwanted {
    /// What the halts that stand do not want. A full halt that cancels, because it was asked to or because every halt does
    /// (`halt_cancels`), wants everything cancelled; where exits go on, only purchases; a flatten never wants purchases, and
    /// never sales, which are what it is made of.
    pub fn under(standing: &BTreeSet<HaltEffect>, halt_cancels: bool) -> Self {
        let stands = |level| standing.iter().any(|halt| halt.level == level);
        let halt_cancels = halt_cancels || mutant::is_on(Mutant::CancelAtEveryHalt);
        let cancels =
            |level| standing.iter().any(|halt| halt.level == level && (halt.cancel_open || halt_cancels));
        if cancels(HaltLevel::Halted) {
            Self::Everything
        } else if stands(HaltLevel::Flatten) || cancels(HaltLevel::Reducing) {
            Self::Purchases
        } else {
            Self::Nothing
        }
    }

    /// True when this order works at the exchange and is unwanted.
    pub fn includes(self, intent: &OpenIntent) -> bool {
        let works = matches!(intent.state, OrderState::Accepted | OrderState::Partial);
        let side = match (self, intent.terms.side) {
            (Self::Everything, Side::Buy | Side::Sell) | (Self::Purchases, Side::Buy) => true,
            (Self::Purchases, Side::Sell) | (Self::Nothing, Side::Buy | Side::Sell) => false,
        };
        works && side
    }
}

/// Orders that a cancel is due for: those that have worked for longer than `ttl`, those that the market has `left` behind, and
/// those that a halt does not want.
///
/// A cancel is repeated only when a list that was asked for since (`listed`: the days of such lists) still shows the
/// order as working.
pub fn to_cancel<'a>(
    open: &'a [OpenIntent],
    now: DateTime<Utc>,
    (ttl, unwanted): (TimeDelta, Unwanted),
    requested: &BTreeMap<IntentId, DateTime<Utc>>,
    listed: &BTreeSet<DayKey>,
    left: &BTreeSet<IntentId>,
) -> Vec<&'a OpenIntent> {
    let day = |intent: &OpenIntent| DayKey {
        market: intent.terms.instrument.market,
        session_date: intent.session_date,
    };
    let old = stale(open, now, ttl, requested);
    let halted = stale(open, now, TimeDelta::zero(), requested);
    let is_due = |intent: &&OpenIntent| {
        let first = !requested.contains_key(&intent.id);
        (first || listed.contains(&day(intent)))
            && (unwanted.includes(intent)
                || left.contains(&intent.id)
                || old.iter().any(|other| other.id == intent.id))
    };
    halted.into_iter().filter(is_due).collect()
}

/// Orders that have worked for longer than `ttl` and that no cancel was requested for lately. What lies as far ahead was done
/// by a clock that ran ahead, and how long ago is not known: such an order is old, and such a request was long ago.
pub fn stale<'a>(
    open: &'a [OpenIntent],
    now: DateTime<Utc>,
    ttl: TimeDelta,
    requested: &BTreeMap<IntentId, DateTime<Utc>>,
) -> Vec<&'a OpenIntent> {
    let works = |intent: &&OpenIntent| matches!(intent.state, OrderState::Accepted | OrderState::Partial);
    let is_old = |intent: &&OpenIntent| intent.sent_at.is_some_and(|sent_at| (now - sent_at).abs() >= ttl);
    let may_ask = |intent: &&OpenIntent| {
        requested.get(&intent.id).is_none_or(|at| (now - *at).abs() >= CANCEL_AGAIN_AFTER)
    };
    open.iter().filter(works).filter(is_old).filter(may_ask).collect()
}

/// The highest order number seen per market and day; what is sent now can only get a later one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watermarks(BTreeMap<DayKey, u64>);

impl Watermarks {
    /// The highest number seen on that day; none when no list of it was seen or it was empty.
    pub fn of(&self, day: DayKey) -> Option<u64> {
        self.0.get(&day).copied()
    }

    /// Learns from a complete list.
    pub fn see_list(&mut self, day: DayKey, rows: &[InquiryRow]) {
        for row in rows.iter().filter(|row| row.instrument.market == day.market) {
            self.see_order(day, &row.order);
        }
    }

    /// Learns from one order of that day. A number that is none teaches nothing.
    pub fn see_order(&mut self, day: DayKey, order: &VenueOrderId) {
        let Some(number) = order.numeric().filter(|_| order.date == day.session_date) else { return };
        let highest = self.0.entry(day).or_default();
        *highest = number.max(*highest);
    }

    /// Forgets a day that is over.
    pub fn forget(&mut self, day: DayKey) {
        self.0.remove(&day);
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use domain::{Instrument, Market, OrderTerms, Quantity};

    use super::*;

    const TTL: TimeDelta = TimeDelta::seconds(120);

    fn today() -> NaiveDate {
        "2026-11-24".parse().unwrap()
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn intent(number: u64, state: OrderState, sent_at: Option<DateTime<Utc>>) -> OpenIntent {
        let instrument = Instrument { market: Market::Kr, symbol: "005930".parse().unwrap() };
        let limit = "70000".parse().unwrap();
        OpenIntent {
            id: IntentId::new(0, number),
            terms: OrderTerms { instrument, side: Side::Buy, quantity: Quantity::new(1), limit },
            state,
            venue_order: None,
            filled: Quantity::ZERO,
            sent_at,
            watermark: None,
            session_date: today(),
            approved_at: at(0),
            missed_inquiries: 0,
        }
    }

    #[test]
    fn only_what_the_exchange_may_have_is_asked_about_and_what_ran_out_unused() {
        let day = DayKey { market: Market::Kr, session_date: today() };
        for (state, second, expected) in OrderState::ALL
            .into_iter()
            .filter(|state| *state != OrderState::Approved)
            .map(|state| (state, 60, state.is_open()))
            .chain([(OrderState::Approved, 60, false), (OrderState::Approved, 61, true)])
            // By a clock that was set right since.
            .chain([(OrderState::Approved, -5, false), (OrderState::Approved, -6, true)])
        {
            let asked = days_to_ask(&[intent(1, state, None)], at(second));
            assert_eq!(asked.contains(&day), expected, "{state} at {second} s");
        }
    }

    #[test]
    fn an_order_is_cancelled_when_it_has_worked_for_its_time_and_not_asked_again_at_once() {
        let id = IntentId::new(0, 1);
        let cases = [
            (OrderState::Accepted, Some(at(0)), None, true),
            (OrderState::Partial, Some(at(0)), None, true),
            (OrderState::Accepted, Some(at(1)), None, false),
            (OrderState::Accepted, None, None, false),
            (OrderState::Unknown, Some(at(0)), None, false),
            (OrderState::Lapsed, Some(at(0)), None, false),
            (OrderState::Accepted, Some(at(0)), Some(at(91)), false),
            (OrderState::Accepted, Some(at(0)), Some(at(90)), true),
            // By a clock that ran ahead.
            (OrderState::Accepted, Some(at(239)), None, false),
            (OrderState::Accepted, Some(at(240)), None, true),
            (OrderState::Accepted, Some(at(86_400)), Some(at(86_500)), true),
        ];
        for (state, sent_at, requested_at, expected) in cases {
            let requested = requested_at.map(|at| (id.clone(), at)).into_iter().collect();
            let open = [intent(1, state, sent_at)];
            let found = stale(&open, at(120), TTL, &requested).len() == 1;
            assert_eq!(found, expected, "{state} {sent_at:?} {requested_at:?}");
        }
    }

    #[test]
    fn exits_go_on_wherever_no_full_halt_stands_whatever_else_does() {
        use HaltLevel::{Flatten, Halted, Reducing};
        let cases: [(&[HaltLevel], Unwanted, Unwanted); 7] = [
            (&[], Unwanted::Nothing, Unwanted::Nothing),
            (&[Reducing], Unwanted::Nothing, Unwanted::Purchases),
            (&[Flatten], Unwanted::Purchases, Unwanted::Purchases),
            (&[Flatten, Reducing], Unwanted::Purchases, Unwanted::Purchases),
            (&[Halted], Unwanted::Nothing, Unwanted::Everything),
            (&[Halted, Reducing], Unwanted::Nothing, Unwanted::Everything),
            (&[Halted, Flatten], Unwanted::Purchases, Unwanted::Everything),
        ];
        for (levels, leaves_orders, cancels_orders) in cases {
            let standing = |cancel_open| -> BTreeSet<HaltEffect> {
                levels.iter().map(|level| HaltEffect { level: *level, cancel_open }).collect()
            };
            assert_eq!(Unwanted::under(&standing(false), false), leaves_orders, "{levels:?}");
            assert_eq!(Unwanted::under(&standing(false), true), cancels_orders, "{levels:?}, by the setting");
            assert_eq!(Unwanted::under(&standing(true), false), cancels_orders, "{levels:?}, asked for");
            assert_eq!(Unwanted::under(&standing(true), true), cancels_orders, "{levels:?}, twice");
        }
    }

    #[test]
    fn a_halt_that_was_asked_to_cancel_speaks_for_itself_alone() {
        use HaltLevel::{Flatten, Halted, Reducing};
        let cases: [(&[(HaltLevel, bool)], Unwanted); 5] = [
            (&[(Halted, false), (Halted, true)], Unwanted::Everything),
            (&[(Halted, false), (Reducing, true)], Unwanted::Purchases),
            (&[(Halted, true), (Reducing, false)], Unwanted::Everything),
            (&[(Flatten, true)], Unwanted::Purchases),
            (&[(Halted, true), (Flatten, false)], Unwanted::Everything),
        ];
        for (halts, expected) in cases {
            let standing = halts
                .iter()
                .map(|(level, cancel_open)| HaltEffect { level: *level, cancel_open: *cancel_open });
            assert_eq!(Unwanted::under(&standing.collect(), false), expected, "{halts:?}");
        }
    }

    #[test]
    fn a_halt_cancels_by_side_at_once_and_again_only_after_a_list() {
        use Unwanted::{Everything, Nothing, Purchases};
        let day = DayKey { market: Market::Kr, session_date: today() };
        // Unwanted, side, state, seconds since the last request, a list since, expected.
        let cases = [
            (Nothing, Side::Buy, OrderState::Accepted, None, true, false),
            (Purchases, Side::Buy, OrderState::Accepted, None, false, true),
            (Purchases, Side::Sell, OrderState::Accepted, None, true, false),
            (Everything, Side::Sell, OrderState::Partial, None, false, true),
            (Everything, Side::Sell, OrderState::Unknown, None, true, false),
            (Everything, Side::Buy, OrderState::Accepted, Some(30), true, true),
            (Everything, Side::Buy, OrderState::Accepted, Some(30), false, false),
            (Everything, Side::Buy, OrderState::Accepted, Some(29), true, false),
        ];
        for (number, (unwanted, side, state, asked_s, listed, expected)) in cases.into_iter().enumerate() {
            let mut one = intent(1, state, Some(at(50)));
            one.terms.side = side;
            let requested = asked_s.map(|s| (one.id.clone(), at(60 - s))).into_iter().collect();
            let listed = listed.then_some(day).into_iter().collect();
            let due = to_cancel(
                std::slice::from_ref(&one),
                at(60),
                (TTL, unwanted),
                &requested,
                &listed,
                &BTreeSet::new(),
            );
            assert_eq!(due.len() == 1, expected, "case {number}");
        }
    }

    #[test]
    fn a_sale_that_the_market_has_left_behind_is_cancelled_before_its_time_and_no_other() {
        let sale = |number, state| {
            let mut one = intent(number, state, Some(at(45)));
            one.terms.side = Side::Sell;
            one
        };
        let open = [
            sale(1, OrderState::Accepted),
            sale(2, OrderState::Accepted),
            sale(3, OrderState::Unknown),
            sale(4, OrderState::Partial),
        ];
        let left = [1, 3, 4].map(|number| IntentId::new(0, number)).into();
        let none = BTreeMap::new();
        let due = to_cancel(&open, at(60), (TTL, Unwanted::Nothing), &none, &BTreeSet::new(), &left);
        let due: Vec<_> = due.into_iter().map(|intent| intent.id.clone()).collect();
        assert_eq!(due, [IntentId::new(0, 1), IntentId::new(0, 4)]);
    }

    #[test]
    fn a_watermark_only_rises_and_belongs_to_one_day() {
        let day = DayKey { market: Market::Kr, session_date: today() };
        let other = DayKey { market: Market::Jp, session_date: today() };
        let order = |number: &str, date: &str| VenueOrderId {
            date: date.parse().unwrap(),
            branch: "00950".into(),
            number: number.into(),
        };
        let mut marks = Watermarks::default();
        assert_eq!(marks.of(day), None);
        for (number, date, expected) in [
            ("0000000120", "2026-11-24", 120),
            ("0000000119", "2026-11-24", 120),
            ("0000009999", "2026-11-23", 120),
            ("none", "2026-11-24", 120),
            ("121", "2026-11-24", 121),
        ] {
            marks.see_order(day, &order(number, date));
            assert_eq!((marks.of(day), marks.of(other)), (Some(expected), None), "{number} {date}");
        }
        marks.forget(day);
        assert_eq!(marks.of(day), None);
    }
}
