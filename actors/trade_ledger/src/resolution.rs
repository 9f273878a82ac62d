//! A person ends a dispute: which order belongs to an intent whose attribution no rule may guess; or a day that the
//! exchange's final lists do not settle.
//!
//! Pure. A person can only choose among what the exchange has shown, or say that it has nothing more; the intent then goes
//! on with that order's number, or goes on being looked for. A list that shows it after all is believed, not the person.
//! Nothing is ever sent again for it (order-protocol 5.3, 5.4).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::messages::symbols::Resolution;
use domain::{Instrument, IntentId, OpenIntent, OrderState, Price, Quantity, Side, VenueOrderId};

/// An order that the exchange shows and that is attributed to nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisputedOrder {
    /// The exchange's id.
    pub order: VenueOrderId,
    /// The stock.
    pub instrument: Instrument,
    /// Buy or sell.
    pub side: Side,
    /// Shares ordered.
    pub ordered: Quantity,
    /// Limit price; absent for a market order, and for rows from before it was kept.
    pub limit: Option<Price>,
    /// When the books first had it: an earlier word of a person did not mean it.
    pub first_seen: DateTime<Utc>,
}

/// What to book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The intent gets this order.
    Attribute(VenueOrderId),
    /// The intent has none of the orders in dispute.
    None {
        /// These are nobody's of ours: every intent that they fit has none of them.
        foreign: Vec<VenueOrderId>,
        /// Another intent that orders in dispute may belong to; a person must speak of it too.
        rival: Option<IntentId>,
    },
}

/// What else is known when a person speaks.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The intents whose fate is open.
    pub unresolved: &'a [OpenIntent],
    /// The market's orders in dispute.
    pub disputed: &'a [DisputedOrder],
    /// Intents of which a person's latest word is that they have none of the orders, and when it was said.
    pub said_none: &'a BTreeMap<IntentId, DateTime<Utc>>,
    /// The stock is halted.
    pub is_halted: bool,
    /// A final list of the intent's day has left the day open.
    pub is_overdue: bool,
}

/// Decides.
///
/// # Errors
/// Why not, and what is possible, in words.
pub fn resolve(
    intent: &OpenIntent,
    situation: Situation<'_>,
    resolution: &Resolution,
) -> Result<Verdict, String> {
    let Situation { disputed, is_halted, is_overdue, .. } = situation;
    if !matches!(intent.state, OrderState::Unknown | OrderState::Lapsed) {
        return leave_open_day(intent, situation, resolution);
    }
    let fitting: Vec<&DisputedOrder> = disputed.iter().filter(|order| fits(intent, order)).collect();
    if fitting.is_empty() && !is_halted && !is_overdue {
        return Err(format!(
            "no disputed order fits intent {}; the exchange's lists decide it, the last of them after the close",
            intent.id
        ));
    }
    match resolution {
        Resolution::Order(name) => attribute(intent, disputed, &fitting, name),
        Resolution::None => Ok(none_of(intent, situation, &fitting)),
    }
}

/// An order is somebody else's once a person has said of every intent that it fits, with the order in sight, that it is not
/// that one's. Twins would otherwise wait for each other for ever.
fn none_of(intent: &OpenIntent, situation: Situation<'_>, fitting: &[&DisputedOrder]) -> Verdict {
    let rival_for = |order: &DisputedOrder| {
        let denied = |id: &IntentId| situation.said_none.get(id).is_some_and(|at| *at >= order.first_seen);
        rivals(intent, situation.unresolved).find(|rival| !denied(rival)).cloned()
    };
    let rival = fitting.iter().find_map(|order| rival_for(order));
    let foreign = fitting.iter().filter(|order| rival_for(order).is_none());
    Verdict::None { foreign: foreign.map(|order| order.order.clone()).collect(), rival }
}

/// An intent that has its order keeps a day open when the final lists lack it or contradict the books.
fn leave_open_day(
    intent: &OpenIntent,
    situation: Situation<'_>,
    resolution: &Resolution,
) -> Result<Verdict, String> {
    let OpenIntent { id, state, .. } = intent;
    let may = match state {
        OrderState::Accepted | OrderState::Partial => situation.is_overdue,
        OrderState::Filled
        | OrderState::Cancelled
        | OrderState::Rejected
        | OrderState::Expired
        | OrderState::NeverAccepted => situation.is_overdue && situation.is_halted,
        OrderState::Approved
        | OrderState::Sending
        | OrderState::Unknown
        | OrderState::Lapsed
        | OrderState::Refused => false,
    };
    match resolution {
        _ if !may => Err(format!(
            "intent {id} is {state}; only one that is Unknown or Lapsed can be resolved, or one that keeps its day open \
             after the close"
        )),
        Resolution::Order(_) => Err(format!(
            "intent {id} is {state} and has its order; --none is what can be said: nothing more of it"
        )),
        Resolution::None => Ok(Verdict::None { foreign: Vec::new(), rival: None }),
    }
}

fn attribute(
    intent: &OpenIntent,
    disputed: &[DisputedOrder],
    fitting: &[&DisputedOrder],
    name: &str,
) -> Result<Verdict, String> {
    let named: Vec<&DisputedOrder> = disputed.iter().filter(|order| is_named(&order.order, name)).collect();
    match named.as_slice() {
        [] => Err(format!("no disputed order has the number {}; {}", clip(name), choices(fitting))),
        [one] if fits(intent, one) => Ok(Verdict::Attribute(one.order.clone())),
        [one] => Err(format!(
            "order {} is {} {} {}, but the intent is {}; {}",
            one.order,
            one.side,
            one.ordered,
            one.instrument,
            intent.terms,
            choices(fitting)
        )),
        _ => Err(format!("several orders have the number {}; {}", clip(name), choices(fitting))),
    }
}

fn fits(intent: &OpenIntent, order: &DisputedOrder) -> bool {
    let terms = &intent.terms;
    order.instrument == terms.instrument
        && order.side == terms.side
        && order.ordered == terms.quantity
        && order.limit.is_none_or(|limit| limit == terms.limit)
}

/// The whole id as shown, or the number alone, with or without its leading zeros.
fn is_named(order: &VenueOrderId, name: &str) -> bool {
    let number = name.trim().parse::<u64>().ok();
    order.to_string() == name.trim() || number.is_some() && number == order.numeric()
}

/// Other intents that the same orders could belong to.
fn rivals<'a>(intent: &OpenIntent, unresolved: &'a [OpenIntent]) -> impl Iterator<Item = &'a IntentId> {
    let is_rival = |other: &&OpenIntent| {
        other.id != intent.id && other.state.is_unresolved() && other.terms == intent.terms
    };
    unresolved.iter().filter(is_rival).map(|other| &other.id)
}

fn choices(fitting: &[&DisputedOrder]) -> String {
    if fitting.is_empty() {
        return "none fits: --none is what can be said".to_owned();
    }
    let orders: Vec<String> = fitting.iter().map(|order| order.order.to_string()).collect();
    format!("these fit: {}", orders.join(", "))
}

fn clip(text: &str) -> String {
    text.chars().take(40).filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Market, OrderTerms};

    fn stock() -> Instrument {
        Instrument { market: Market::Kr, symbol: "005930".parse().unwrap() }
    }

    fn intent(id: &str, state: OrderState) -> OpenIntent {
        let terms = OrderTerms {
            instrument: stock(),
            side: Side::Buy,
            quantity: Quantity::new(10),
            limit: "70000".parse().unwrap(),
        };
        OpenIntent {
            id: IntentId::from_stored(id.into()),
            terms,
            state,
            venue_order: None,
            filled: Quantity::ZERO,
            sent_at: None,
            watermark: None,
            session_date: "2026-11-24".parse().unwrap(),
            approved_at: chrono::DateTime::UNIX_EPOCH,
            missed_inquiries: 0,
        }
    }

    fn order(branch: &str, number: &str) -> DisputedOrder {
        let order = VenueOrderId {
            date: "2026-11-24".parse().unwrap(),
            branch: branch.into(),
            number: number.into(),
        };
        let (side, ordered) = (Side::Buy, Quantity::new(10));
        let (limit, first_seen) = (Some("70000".parse().unwrap()), DateTime::UNIX_EPOCH);
        DisputedOrder { order, instrument: stock(), side, ordered, limit, first_seen }
    }

    static NOBODY: BTreeMap<IntentId, DateTime<Utc>> = BTreeMap::new();

    fn situation<'a>(
        unresolved: &'a [OpenIntent],
        disputed: &'a [DisputedOrder],
        is_halted: bool,
    ) -> Situation<'a> {
        Situation { unresolved, disputed, said_none: &NOBODY, is_halted, is_overdue: false }
    }

    fn number(name: &str) -> Resolution {
        Resolution::Order(name.into())
    }

    fn said(disputed: &[DisputedOrder], state: OrderState, resolution: &Resolution) -> String {
        match resolve(&intent("i-1", state), situation(&[], disputed, true), resolution) {
            Ok(Verdict::Attribute(order)) => format!("= {order}"),
            Ok(Verdict::None { foreign, .. }) => format!("none of {}", foreign.len()),
            Err(why) => why,
        }
    }

    #[test]
    fn a_person_can_give_an_intent_one_of_the_orders_that_fit_it_and_no_other() {
        let twins = [order("06010", "0000000101"), order("06010", "0000000102")];
        let mut sale = order("06010", "0000000103");
        sale.side = Side::Sell;
        let mut dearer = order("06010", "0000000104");
        dearer.limit = Some("70100".parse().unwrap());
        let all = [twins[0].clone(), twins[1].clone(), sale, dearer];
        let cases = [
            ("101", "= 2026-11-24/06010/0000000101"),
            ("0000000102", "= 2026-11-24/06010/0000000102"),
            ("2026-11-24/06010/0000000102", "= 2026-11-24/06010/0000000102"),
            ("103", "but the intent is BUY 10 KR:005930 at 70000"),
            ("104", "but the intent is BUY"),
            ("999", "no disputed order has the number 999; these fit: 2026-11-24/06010/0000000101, "),
            ("", "no disputed order has the number"),
        ];
        for (name, expected) in cases {
            let got = said(&all, OrderState::Unknown, &number(name));
            assert!(got.contains(expected), "{name}: {got}");
        }
        let same_number = [order("06010", "101"), order("06020", "101")];
        assert!(said(&same_number, OrderState::Lapsed, &number("101")).contains("several orders"));
        assert_eq!(
            said(&same_number, OrderState::Lapsed, &number("2026-11-24/06020/101")),
            "= 2026-11-24/06020/101"
        );
    }

    #[test]
    fn only_an_intent_of_unknown_fate_can_be_resolved() {
        for state in OrderState::ALL {
            let got = said(&[order("06010", "101")], state, &Resolution::None);
            let may = matches!(state, OrderState::Unknown | OrderState::Lapsed);
            assert_eq!(got == "none of 1", may, "{state}: {got}");
        }
    }

    #[test]
    fn none_leaves_an_order_in_dispute_until_it_is_said_of_every_intent_that_could_have_made_it() {
        let (mine, twin) = (intent("i-1", OrderState::Unknown), intent("i-2", OrderState::Lapsed));
        let at = |second| DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(second);
        let late = DisputedOrder { first_seen: at(50), ..order("06010", "102") };
        let disputed = [order("06010", "101"), late];
        let both = [mine.clone(), twin.clone()];
        let said = |one: &OpenIntent, said_none: &BTreeMap<IntentId, DateTime<Utc>>| {
            let situation = Situation { said_none, ..situation(&both, &disputed, true) };
            match resolve(one, situation, &Resolution::None) {
                Ok(Verdict::None { foreign, rival }) => (foreign.len(), rival.map(|id| id.to_string())),
                other => panic!("{other:?}"),
            }
        };
        let mut words = BTreeMap::new();
        assert_eq!(said(&mine, &words), (0, Some("i-2".to_owned())));
        words.insert(mine.id.clone(), at(40));
        assert_eq!(
            said(&twin, &words),
            (1, Some("i-1".to_owned())),
            "the word was said before the second order"
        );
        words.insert(mine.id.clone(), at(50));
        assert_eq!(said(&twin, &words), (2, None));
        words.insert(twin.id.clone(), at(60));
        assert_eq!(said(&mine, &words), (2, None));
    }

    #[test]
    fn none_is_refused_while_nothing_is_in_dispute() {
        let (mine, twin) = (intent("i-1", OrderState::Unknown), intent("i-2", OrderState::Lapsed));
        let both = [mine.clone(), twin];
        let refused = resolve(&mine, situation(&[], &[], false), &Resolution::None).unwrap_err();
        assert!(refused.contains("lists decide"), "{refused}");
        let nothing = Ok(Verdict::None { foreign: Vec::new(), rival: None });
        assert_eq!(resolve(&mine, situation(&[], &[], true), &Resolution::None), nothing);
        assert_eq!(
            resolve(&mine, situation(&both, &[], true), &Resolution::None),
            nothing,
            "no order to argue about"
        );
    }

    #[test]
    fn what_keeps_a_day_open_after_its_final_list_can_be_ended_by_a_person() {
        let overdue = |is_halted| Situation { is_overdue: true, ..situation(&[], &[], is_halted) };
        for state in OrderState::ALL {
            let said =
                |is_halted| resolve(&intent("i-1", state), overdue(is_halted), &Resolution::None).is_ok();
            let expected = match state {
                OrderState::Unknown | OrderState::Lapsed | OrderState::Accepted | OrderState::Partial => {
                    [true, true]
                }
                OrderState::Filled
                | OrderState::Cancelled
                | OrderState::Rejected
                | OrderState::Expired
                | OrderState::NeverAccepted => [false, true],
                OrderState::Approved | OrderState::Sending | OrderState::Refused => [false, false],
            };
            assert_eq!([said(false), said(true)], expected, "{state}");
        }
        let partial =
            resolve(&intent("i-1", OrderState::Partial), overdue(true), &number("101")).unwrap_err();
        assert!(partial.contains("--none is what can be said"), "{partial}");
    }
}
