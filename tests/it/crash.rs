//! kill -9 at named steps and at random times: no order is lost, doubled, unapproved or sent under a halt.
//!
//! Agents and exchanges are processes of their own. After each kill the agent is started again on the same data and the
//! same exchange; a person lifts the halt that so many starts begin. After the close of the exchange everything must
//! settle, and then the exchange's own books are compared with the agent's.
//!
//! | variable | CI | what |
//! |---|---|---|
//! | `KESTREL_KILLS` | 100 | kills at named steps, random steps and random times |
//! | `KESTREL_HALTS` | 50 | halts with a kill within 50 ms of their answer, and some more with a kill before it |
//! | `KESTREL_SYSCALL_KILLS` | 60 | kills between system calls, with strace |
//!
//! `KESTREL_KILLS=1000 cargo test --features faults --test it crash -- --nocapture` runs a campaign and prints its table.

mod books;
mod cancels;
mod halts;
mod lanes;
mod life;
mod operator;
mod plan;
mod restored;
mod rig;
mod syscalls;
mod tally;
mod trace;

pub(crate) use books::{Compared, compare};
pub(crate) use lanes::{in_lanes, wanted};
pub(crate) use rig::Rig;
pub(crate) use syscalls::write_ahead;

use kestrel::terminal;
use tally::Tally;

/// Kills of one round: one exchange, one ledger, one trading day.
const KILLS_A_ROUND: u32 = 25;

#[test]
fn kill_9_anywhere_loses_no_order_and_doubles_none() {
    let kills = lanes::wanted("KESTREL_KILLS", 100);
    let rounds = u32::div_ceil(kills, KILLS_A_ROUND);
    let round = |number| rig::round(number, KILLS_A_ROUND);
    let tally: Tally = lanes::campaign(rounds, round, Tally::add, |tally| tally.kills >= kills);
    terminal::line(&tally);
    assert!(tally.kills >= kills, "{} of {kills} kills", tally.kills);
    assert_eq!(tally.broken(), Vec::<String>::new(), "the books disagree");
    assert_eq!(tally.points_without_a_hit(), Vec::<String>::new(), "never died at");
    assert!(tally.orders >= u64::from(kills) / 2, "too few orders to prove anything: {}", tally.orders);
}
