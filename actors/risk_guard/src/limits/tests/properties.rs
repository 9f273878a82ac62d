//! Random states of the house against an oracle that says each limit in its own words: nothing that is approved breaks
//! one, and with any single limit taken out the oracle notices.
//!
//! `KESTREL_FUZZ_CASES` says how many states; the seed of a state is its number.

mod house;
mod oracle;

use std::collections::BTreeSet;

use domain::messages::ledger::DayStart;
use domain::messages::limits::{LimitName, Setback, SetbackKind};
use domain::messages::schedule::DaySource;
use domain::messages::symbols::{SymbolHalt, SymbolHaltCause};
use fastrand::Rng;

use super::super::wiring::{Limit, without};
use super::*;
use house::{House, Open};
use oracle::limits_behind;

/// States where `KESTREL_FUZZ_CASES` says nothing.
const CASES: u64 = 100_000;

/// Within so many states a missing limit must show.
const NOTICED_WITHIN: u64 = 200_000;

#[expect(clippy::disallowed_methods, reason = "how long a test takes, no part of the program")]
fn cases() -> u64 {
    let told = std::env::var("KESTREL_FUZZ_CASES").ok();
    told.map_or(CASES, |text| text.parse().expect("KESTREL_FUZZ_CASES is a whole number"))
}

#[test]
fn invariant_14_nothing_approved_in_any_random_state_is_above_a_limit() {
    let (mut bought, mut sold) = (0_u64, 0_u64);
    let mut seen: BTreeSet<Limit> = BTreeSet::new();
    for seed in 0..cases() {
        let house = House::random(seed);
        match house.review() {
            Ok(order) => {
                let broken: Vec<_> =
                    Limit::ALL.into_iter().filter(|limit| house.breaks(*limit, &order)).collect();
                assert!(broken.is_empty(), "state {seed}: {order} breaks {broken:?}: {house:?}");
                house.assert_sound(&order);
                match order.side {
                    Side::Buy => bought += 1,
                    Side::Sell => sold += 1,
                }
            }
            Err(reason) => {
                assert!(!reason.code().is_empty() && !reason.to_string().is_empty());
                seen.extend(limits_behind(&reason));
            }
        }
    }
    println!("{} random states: {bought} purchases, {sold} sales", cases());
    assert!(bought > cases() / 50 && sold > cases() / 50, "{bought} {sold}");
    let unseen: Vec<_> = Limit::ALL.into_iter().filter(|limit| !seen.contains(limit)).collect();
    assert!(unseen.is_empty(), "never refused for {unseen:?}");
}

#[test]
fn invariant_14_any_limit_that_is_taken_out_is_missed() {
    for limit in Limit::ALL {
        let noticed = without(limit, || {
            (0..NOTICED_WITHIN).find(|seed| {
                let house = House::random(*seed);
                house.review().is_ok_and(|order| house.breaks(limit, &order))
            })
        });
        assert!(noticed.is_some(), "nobody misses {limit:?} in {NOTICED_WITHIN} states");
        println!("without {limit:?}: noticed in state {}", noticed.unwrap());
    }
}
