//! The rounds of a campaign, several at a time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

/// Rounds at a time; an agent mostly waits.
pub(crate) const LANES: u32 = 4;

/// How many the environment asks for, e.g. `KESTREL_KILLS=1000`; `usual` where it says nothing.
pub(crate) fn wanted(variable: &str, usual: u32) -> u32 {
    std::env::var(variable)
        .map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{variable}='{text}' is no number")))
}

/// Plays `planned` rounds, and as many again and again until they are `enough`; four times in all at most.
pub(super) fn campaign<Round: Send, Sum: Default>(
    planned: u32,
    round: impl Fn(u32) -> Round + Sync,
    add: impl Fn(&mut Sum, Round),
    enough: impl Fn(&Sum) -> bool,
) -> Sum {
    let planned = planned.max(LANES);
    let mut sum = Sum::default();
    for attempt in 0..4 {
        let first = attempt * planned;
        for report in in_lanes(planned, |number| round(first + number)) {
            add(&mut sum, report);
        }
        if enough(&sum) {
            break;
        }
    }
    sum
}

/// What each of the rounds `0..count` gave, in no order.
pub(crate) fn in_lanes<Round: Send>(count: u32, round: impl Fn(u32) -> Round + Sync) -> Vec<Round> {
    let (next, reports) = (AtomicU32::new(0), Mutex::new(Vec::new()));
    let lane = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return;
            }
            let report = round(number);
            reports.lock().unwrap().push(report);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(lane);
        }
    });
    reports.into_inner().unwrap()
}

#[test]
fn a_campaign_goes_on_until_it_is_enough_but_not_forever() {
    let played = |enough_at: u32| {
        let add = |sum: &mut Vec<u32>, number| sum.push(number);
        let mut numbers = campaign(5, |number| number, add, |sum: &Vec<u32>| sum.len() >= enough_at as usize);
        numbers.sort_unstable();
        numbers
    };
    assert_eq!(played(5), (0..5).collect::<Vec<_>>());
    assert_eq!(played(6), (0..10).collect::<Vec<_>>());
    assert_eq!(played(1_000), (0..20).collect::<Vec<_>>());
}
