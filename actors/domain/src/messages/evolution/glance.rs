//! Where the evolution of each market stands, at a glance.

use std::fmt;

use actix::Message;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::Market;
use crate::messages::ledger::LedgerError;

/// Optimizer, the control socket -> TradeLedger: the cycle of the newest session of each market that ever had one. Asked, 5 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<CycleLine>, LedgerError>")]
pub struct NewestCycles;

/// A cycle at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CycleLine {
    /// Its number.
    pub cycle: i64,
    /// The market.
    pub market: Market,
    /// The session that had ended.
    pub session_date: NaiveDate,
    /// Trials that are booked.
    pub trials: u32,
    /// The best Sharpe ratio of one observation among those that no gate ended, in millionths; none where there is none.
    pub best_micros: Option<i64>,
    /// What came of it, in words; none while it goes on.
    pub outcome: Option<String>,
    /// When it began.
    pub began_at: DateTime<Utc>,
    /// When it was over; none while it goes on.
    pub ended_at: Option<DateTime<Utc>>,
}

/// A session that evolution should have learnt from by now, and has not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateCycle {
    /// The market.
    pub market: Market,
    /// The session.
    pub session_date: NaiveDate,
    /// When it was booked as closed.
    pub closed_at: DateTime<Utc>,
}

impl fmt::Display for LateCycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { market, session_date, closed_at } = self;
        let closed = closed_at.format("%Y-%m-%d %H:%M UTC");
        write!(
            f,
            "evolution is late in {market}: no cycle of {session_date} has ended, which was closed at {closed}"
        )
    }
}

impl fmt::Display for CycleLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cycle, market, session_date, trials, best_micros, outcome, .. } = self;
        write!(f, "{market} {session_date}: cycle {cycle}, {trials} trials")?;
        if let Some(best) = best_micros {
            let sign = if *best < 0 { "-" } else { "" };
            let thousandths = best.unsigned_abs() / 1_000;
            write!(
                f,
                ", best Sharpe ratio of a session {sign}{}.{:03}",
                thousandths / 1_000,
                thousandths % 1_000
            )?;
        }
        write!(f, "; {}", outcome.as_deref().unwrap_or("under way"))
    }
}
