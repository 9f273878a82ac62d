//! What an outcome of the one POST does to an intent. Pure.

use domain::{OrderState, Outcome, VenueOrderId};

use crate::claim::same_order;

/// What to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Already known, or less than is known: write nothing.
    Nothing,
    /// Move to this state with this order number and this remark.
    Move {
        /// The new state.
        to: OrderState,
        /// The order number, when there is a sound one.
        venue_order: Option<VenueOrderId>,
        /// The reason in words, for refusals and unknowns.
        remark: Option<String>,
        /// True when a person should look at it.
        alarm: bool,
    },
    /// The order's life has no such move.
    Illegal(String),
}

/// Decides. `number_is_taken` says whether another intent or a stranger already holds the order number.
pub fn step(
    state: OrderState,
    held: Option<&VenueOrderId>,
    outcome: &Outcome,
    number_is_taken: bool,
) -> Step {
    match outcome {
        Outcome::Accepted(order) => accepted(state, held, order, number_is_taken),
        // An approval that ran out unused is over already; it was never sent, as the refusal says.
        Outcome::Refused(_) if state == OrderState::Expired && held.is_none() => Step::Nothing,
        Outcome::Refused(refusal) => move_to(state, OrderState::Refused, refusal.to_string()),
        Outcome::Unknown(_) if state != OrderState::Sending && state != OrderState::Approved => Step::Nothing,
        Outcome::Unknown(why) => move_to(state, OrderState::Unknown, why.clone()),
    }
}

fn accepted(
    state: OrderState,
    held: Option<&VenueOrderId>,
    order: &VenueOrderId,
    number_is_taken: bool,
) -> Step {
    match held {
        Some(held) if same_order(held, order) => return Step::Nothing,
        Some(held) => return Step::Illegal(format!("the intent holds order {held}, not {order}")),
        None => {}
    }
    let unsound = if order.numeric().is_none() {
        Some(format!("the order number '{}' is no number", clip(&order.number)))
    } else if number_is_taken {
        Some(format!("the order number {order} is already known"))
    } else {
        None
    };
    match (unsound, state.may_become(OrderState::Accepted)) {
        (_, false) => illegal(state, OrderState::Accepted),
        (None, true) => Step::Move {
            to: OrderState::Accepted,
            venue_order: Some(order.clone()),
            remark: None,
            alarm: false,
        },
        // A mutilated reply must not be booked: the fate is unknown (order-protocol 3, row 7).
        (Some(why), true) if state == OrderState::Sending => {
            Step::Move { to: OrderState::Unknown, venue_order: None, remark: Some(why), alarm: true }
        }
        (Some(_), true) => Step::Nothing,
    }
}

fn move_to(state: OrderState, to: OrderState, why: String) -> Step {
    if state == to {
        Step::Nothing
    } else if state.may_become(to) {
        Step::Move { to, venue_order: None, remark: Some(why), alarm: false }
    } else {
        illegal(state, to)
    }
}

fn illegal(state: OrderState, to: OrderState) -> Step {
    Step::Illegal(format!("an order that is {state} cannot become {to}"))
}

fn clip(text: &str) -> String {
    text.chars().take(20).collect()
}

#[cfg(test)]
mod tests {
    use domain::Refusal;

    use super::*;

    fn order(number: &str) -> VenueOrderId {
        VenueOrderId { date: "2026-11-24".parse().unwrap(), branch: "06010".into(), number: number.into() }
    }

    fn target(step: &Step) -> Option<OrderState> {
        match step {
            Step::Move { to, .. } => Some(*to),
            Step::Nothing | Step::Illegal(_) => None,
        }
    }

    #[test]
    fn a_first_outcome_moves_an_intent_that_is_sending() {
        let cases = [
            (Outcome::Accepted(order("0000000007")), false, OrderState::Accepted),
            (Outcome::Accepted(order("0000000007")), true, OrderState::Unknown),
            (Outcome::Accepted(order("")), false, OrderState::Unknown),
            (Outcome::Accepted(order("12a")), false, OrderState::Unknown),
            (Outcome::Refused(Refusal::NotSent("no route".into())), false, OrderState::Refused),
            (Outcome::Unknown("timed out".into()), false, OrderState::Unknown),
        ];
        for (outcome, taken, to) in cases {
            assert_eq!(target(&step(OrderState::Sending, None, &outcome, taken)), Some(to), "{outcome:?}");
        }
    }

    #[test]
    fn the_same_outcome_again_writes_nothing() {
        let accepted = Outcome::Accepted(order("0000000007"));
        for state in [OrderState::Accepted, OrderState::Partial, OrderState::Filled, OrderState::Cancelled] {
            assert_eq!(step(state, Some(&order("7")), &accepted, false), Step::Nothing, "{state}");
        }
        let refused = Outcome::Refused(Refusal::NotSent("no route".into()));
        assert_eq!(step(OrderState::Refused, None, &refused, false), Step::Nothing);
        let unknown = Outcome::Unknown("timed out".into());
        for state in [OrderState::Unknown, OrderState::Accepted, OrderState::Filled, OrderState::Lapsed] {
            assert_eq!(step(state, None, &unknown, false), Step::Nothing, "{state}");
        }
    }

    #[test]
    fn an_unknown_fate_never_becomes_refused_and_no_order_changes_its_number() {
        let refused = Outcome::Refused(Refusal::NotSent("late".into()));
        assert!(matches!(step(OrderState::Unknown, None, &refused, false), Step::Illegal(_)));
        let other = Outcome::Accepted(order("8"));
        assert!(matches!(step(OrderState::Accepted, Some(&order("7")), &other, false), Step::Illegal(_)));
        assert!(matches!(step(OrderState::Approved, None, &other, false), Step::Illegal(_)));
    }
}
