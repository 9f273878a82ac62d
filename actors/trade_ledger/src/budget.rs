//! Whether one more call of a language model may be made, from what is booked of the day.
//!
//! A call counts in full from the moment it is reserved. What it did take replaces that once it is known; a call whose end
//! was never booked, because the process died or the model did not tell, keeps counting as the most it could take. So
//! no ceiling is ever overshot, whatever happens between a reservation and its end.

use domain::messages::ledger::{
    BookedCall, BudgetAnswer, BudgetCeilings, BudgetShare, CallCost, Ceiling, ReserveOracleCall,
};

/// The answer to `call` when `booked` are the calls of its day.
pub fn decide(call: &ReserveOracleCall, booked: &[BookedCall]) -> BudgetAnswer {
    if booked.iter().any(|one| one.purpose == call.purpose) {
        return BudgetAnswer::AlreadyUsed;
    }
    let used = u32::try_from(booked.len()).unwrap_or(u32::MAX);
    let BudgetCeilings { calls, tokens, money_micros } = call.ceilings;
    let left = calls.saturating_sub(used);
    if left == 0 {
        return BudgetAnswer::Exhausted(Ceiling::Calls);
    }
    let spent = spent(booked);
    let is_over = |ceiling: Option<u64>, spent: u64, more: u64| {
        ceiling.is_some_and(|ceiling| spent.saturating_add(more) > ceiling)
    };
    if is_over(tokens, spent.tokens, call.worst.tokens) {
        return BudgetAnswer::Exhausted(Ceiling::Tokens);
    }
    if is_over(money_micros, spent.money_micros, call.worst.money_micros) {
        return BudgetAnswer::Exhausted(Ceiling::Money);
    }
    if left <= kept_for_others(call, booked) {
        return BudgetAnswer::KeptForOthers;
    }
    BudgetAnswer::Granted { used: used.saturating_add(1) }
}

/// What all calls have taken, or may still take.
pub fn spent(booked: &[BookedCall]) -> CallCost {
    booked.iter().map(|one| one.taken.unwrap_or(one.worst)).fold(CallCost::default(), |sum, one| CallCost {
        tokens: sum.tokens.saturating_add(one.tokens),
        money_micros: sum.money_micros.saturating_add(one.money_micros),
    })
}

/// Calls of the day that were made for a share.
pub fn calls_of(share: &BudgetShare, booked: &[BookedCall]) -> u32 {
    let count =
        booked.iter().filter(|call| call.markets.iter().any(|one| share.markets.contains(one))).count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// What the floors of the other shares still need.
fn kept_for_others(call: &ReserveOracleCall, booked: &[BookedCall]) -> u32 {
    let is_other = |share: &&BudgetShare| !share.markets.iter().any(|one| call.markets.contains(one));
    let needed = |share: &BudgetShare| share.floor.saturating_sub(calls_of(share, booked));
    call.shares.iter().filter(is_other).map(needed).fold(0, u32::saturating_add)
}

#[cfg(test)]
mod tests {
    use domain::Market;
    use proptest::prelude::*;

    use super::*;

    fn share(market: Market, floor: u32) -> BudgetShare {
        BudgetShare { markets: vec![market], floor }
    }

    fn call(market: Market, purpose: &str, worst: CallCost, ceilings: BudgetCeilings) -> ReserveOracleCall {
        ReserveOracleCall {
            quota_date: "2026-11-24".parse().unwrap(),
            purpose: purpose.to_owned(),
            markets: vec![market],
            worst,
            ceilings,
            shares: vec![share(Market::Kr, 2), share(Market::Jp, 1)],
        }
    }

    fn booked(call: &ReserveOracleCall, taken: Option<CallCost>) -> BookedCall {
        BookedCall {
            purpose: call.purpose.clone(),
            markets: call.markets.clone(),
            worst: call.worst,
            taken,
            at: chrono::DateTime::UNIX_EPOCH,
        }
    }

    const CALLS: BudgetCeilings = BudgetCeilings { calls: 4, tokens: None, money_micros: None };
    const COST: CallCost = CallCost { tokens: 100, money_micros: 7 };

    #[test]
    fn a_market_cannot_take_what_the_floor_of_another_needs() {
        let mut calls = Vec::new();
        for number in 0..3 {
            let next = call(Market::Kr, &number.to_string(), COST, CALLS);
            assert_eq!(decide(&next, &calls), BudgetAnswer::Granted { used: number + 1 });
            assert_eq!(
                decide(&call(Market::Kr, "0", COST, CALLS), &[booked(&next, None)]),
                match number {
                    0 => BudgetAnswer::AlreadyUsed,
                    1.. => BudgetAnswer::Granted { used: 2 },
                }
            );
            calls.push(booked(&next, None));
        }
        assert_eq!(decide(&call(Market::Kr, "4", COST, CALLS), &calls), BudgetAnswer::KeptForOthers);
        let last = call(Market::Jp, "5", COST, CALLS);
        assert_eq!(decide(&last, &calls), BudgetAnswer::Granted { used: 4 });
        calls.push(booked(&last, None));
        let over = BudgetAnswer::Exhausted(Ceiling::Calls);
        assert_eq!(decide(&call(Market::Jp, "6", COST, CALLS), &calls), over);
    }

    #[test]
    fn tokens_and_money_are_reserved_at_their_worst_until_the_end_is_known() {
        let tokens = BudgetCeilings { calls: 9, tokens: Some(199), money_micros: None };
        let first = call(Market::Kr, "1", COST, tokens);
        let second = call(Market::Jp, "2", COST, tokens);
        let over = BudgetAnswer::Exhausted(Ceiling::Tokens);
        assert_eq!(decide(&second, &[booked(&first, None)]), over);
        let taken = Some(CallCost { tokens: 99, money_micros: 1 });
        assert_eq!(decide(&second, &[booked(&first, taken)]), BudgetAnswer::Granted { used: 2 });
        let money = BudgetCeilings { calls: 9, tokens: None, money_micros: Some(13) };
        let second = call(Market::Jp, "2", COST, money);
        assert_eq!(decide(&second, &[booked(&first, None)]), BudgetAnswer::Exhausted(Ceiling::Money));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Days of calls of which any may end, end without a word, or die with the process between reservation and call.
        #[test]
        fn no_random_day_overshoots_a_ceiling_or_starves_a_floor(
            steps in proptest::collection::vec((0_u8..3, 0_u64..3_000, 0_u64..3_000, any::<bool>()), 1..60),
            calls in 3_u32..30,
            tokens in proptest::option::of(0_u64..40_000),
        ) {
            let ceilings = BudgetCeilings { calls, tokens, money_micros: None };
            let markets = [Market::Kr, Market::Jp, Market::Hk];
            let shares: Vec<_> = markets.map(|market| share(market, calls / 3)).to_vec();
            let mut booked_calls = Vec::new();
            for (number, (market, worst, taken, ends)) in steps.into_iter().enumerate() {
                let market = markets[usize::from(market)];
                let worst = CallCost { tokens: worst, money_micros: 0 };
                let mut next = call(market, &number.to_string(), worst, ceilings);
                next.shares.clone_from(&shares);
                let BudgetAnswer::Granted { .. } = decide(&next, &booked_calls) else { continue };
                let taken = CallCost { tokens: taken.min(worst.tokens), money_micros: 0 };
                booked_calls.push(booked(&next, ends.then_some(taken)));
            }
            prop_assert!(booked_calls.len() <= calls as usize);
            if let Some(ceiling) = tokens {
                prop_assert!(spent(&booked_calls).tokens <= ceiling);
            }
            let left = calls - u32::try_from(booked_calls.len()).unwrap();
            let needed: u32 = shares.iter().map(|one| one.floor.saturating_sub(calls_of(one, &booked_calls))).sum();
            prop_assert!(left >= needed, "{left} calls are left, {needed} are promised");
        }
    }
}
