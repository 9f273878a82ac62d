//! kill -9 of the process at each of the eight transactions of a cycle, before it and after it: the books of evolution come out as
//! those of an agent that was never killed.

use super::Evening;
use crate::harness::{Agent, log_of};

/// Sessions of bars: enough for a sample and a sealed look.
const SESSIONS: usize = 620;
const STOCKS: u32 = 8;
/// So large that a cycle of seventeen trials finds it.
const EDGE: f64 = 0.012;

/// The transactions of a cycle, in order. A life that goes on counts anew: what is booked is not done again, but for the beginning,
/// which is asked for twice.
const TRANSACTIONS: [&str; 8] = [
    "begin_cycle:1",
    "begin_cycle:2",
    "record_trials:1",
    // The second slice: the first is booked when this life begins.
    "record_trials:1",
    "spend_window:1",
    "judge_window:1",
    "draft_proposal:1",
    "end_cycle:1",
];

/// Everything that a cycle writes, but times, and the numbers of events, which count the starts too.
const TABLES: [(&str, &str); 9] = [
    ("evolution_cycles", "seq, market, session_date, seed"),
    ("evolution_cycle_ends", "cycle_seq, outcome, champion"),
    (
        "trials",
        "seq, cycle_seq, position, market, hash, parent, origin, strategy, killed_by, sharpe_micros, observations, evidence",
    ),
    ("archive_changes", "seq, market, niche, trial_seq, fitness_micros"),
    ("sealed_windows", "seq, cycle_seq, market, number, first_day, last_day, champion"),
    ("sealed_verdicts", "window_seq, passed, evidence"),
    (
        "evolution_proposals",
        "number, cycle_seq, market, name, hypothesis, hash, strategy, incumbent, evidence",
    ),
    ("evolution_changes", "seq, proposal, status, by_whom, reason"),
    ("shadow_plans", "proposal, after_day, expires, seed"),
];

/// What a cycle wrote, row by row.
fn written(evening: &Evening) -> Vec<String> {
    let of = |(table, columns): &(&str, &str)| {
        let query = format!("SELECT '{table} ' || json_array({columns}) AS cells FROM {table} ORDER BY 1");
        evening.rows(&query)
    };
    TABLES.iter().flat_map(of).collect()
}

/// An agent that is alive until the cycle is over.
fn lives(evening: &Evening) -> Vec<String> {
    let mut agent = Agent::start(&evening.dir, &evening.settings(&[]));
    evening.cycle();
    agent.terminate();
    assert!(agent.wait().success(), "{}", log_of(&evening.dir));
    written(evening)
}

#[test]
fn a_process_that_is_killed_at_each_transaction_of_a_cycle_ends_with_the_books_of_one_that_was_not() {
    let whole = Evening::new(STOCKS, SESSIONS, EDGE);
    let expected = lives(&whole);
    let rows = |table: &str| expected.iter().filter(|row| row.starts_with(table)).count();
    let counts =
        ["trials ", "sealed_windows ", "sealed_verdicts ", "evolution_proposals ", "evolution_cycle_ends "];
    assert_eq!(counts.map(rows), [17, 1, 1, 1, 1], "every transaction of a cycle: {:?}", whole.cycle());

    let killed = Evening::new(STOCKS, SESSIONS, EDGE);
    for transaction in TRANSACTIONS {
        killed.dies(&[], &format!("before:{transaction}"));
        killed.dies(&[], &format!("after:{transaction}"));
    }
    let found = lives(&killed);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
}
