//! What a market trades by in a session: settled once, by the first who asks.
//!
//! A yes waits in the books until a session begins, so a process that dies in between loses nothing. Here a strategy is read for
//! the first time by what will trade by it: one that cannot be read is an alarm, and what held before it goes on.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::Market;
use domain::messages::evolution::{
    ChangeProposal, Decider, ProposalRecord, ProposalStatus, ProposalStep, StrategyOf, StrategyVersion,
};
use domain::messages::ledger::EventKind;
use strategy::Strategy;

use super::approvals;
use super::proposals::{self, VersionRow};
use crate::store::fault::Fault;
use crate::store::journal::append;
use crate::store::schema::session_strategies;
use crate::store::values::{day, ms};

pub(super) fn settle(
    conn: &mut SqliteConnection,
    query: &StrategyOf,
    at: DateTime<Utc>,
) -> Result<Option<StrategyVersion>, Fault> {
    let StrategyOf { market, session_date } = *query;
    let key = (market.code(), day(session_date));
    let settled: Option<Option<i64>> = session_strategies::table
        .find(key.clone())
        .select(session_strategies::version)
        .first(conn)
        .optional()?;
    let version = match settled {
        Some(None) => return Ok(None),
        Some(Some(seq)) => Some(proposals::version(conn, seq)?),
        None => {
            approvals::withdraw(conn, at)?;
            activate_what_was_approved(conn, query, at)?;
            let version = newest_that_can_be_read(conn, market, at)?;
            let row = (
                session_strategies::market.eq(key.0),
                session_strategies::session_date.eq(key.1),
                session_strategies::version.eq(version.as_ref().map(|version| version.seq)),
                session_strategies::at_ms.eq(ms(at)),
            );
            diesel::insert_into(session_strategies::table).values(row).execute(conn)?;
            version
        }
    };
    version.as_ref().map_or(Ok(None), proposals::told)
}

/// One after the other in the order of their yes, so that the last one holds.
fn activate_what_was_approved(
    conn: &mut SqliteConnection,
    query: &StrategyOf,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let StrategyOf { market, session_date } = *query;
    let is_due = |one: &ProposalRecord| one.market == market && one.status == ProposalStatus::Approved;
    let mut due: Vec<_> = proposals::all(conn)?.into_iter().filter(is_due).collect();
    due.sort_by_key(|record| (record.history.last().map(|change| change.at), record.number));
    for ProposalRecord { number, .. } in due {
        // One that cannot be read may have let the limit rest, which takes back what it had approved.
        let record = proposals::one(conn, number)?;
        if record.status != ProposalStatus::Approved {
            continue;
        }
        let (step, reason) = match Strategy::from_json(&record.strategy) {
            Ok(_) => (ProposalStep::Activate, format!("approved, from the session of {session_date} on")),
            Err(why) => {
                let line = format!(
                    "proposal {} was approved and cannot be read ({why}); {market} trades on by what it traded by before",
                    record.number
                );
                append(conn, at, EventKind::Alarm, Some(market), &line)?;
                (ProposalStep::Reject, format!("it cannot be read: {why}"))
            }
        };
        let change = ChangeProposal { number, step, by: Decider::Agent, reason };
        proposals::change(conn, &change, at)?;
    }
    Ok(())
}

/// The newest version, or the one that it replaced where this program cannot read it, or the operator's settings.
fn newest_that_can_be_read(
    conn: &mut SqliteConnection,
    market: Market,
    at: DateTime<Utc>,
) -> Result<Option<VersionRow>, Fault> {
    let mut next = proposals::newest(conn, market)?;
    while let Some(version) = next {
        let Some(strategy) = &version.strategy else { return Ok(None) };
        let Err(why) = Strategy::from_json(strategy) else { return Ok(Some(version)) };
        let seq = version.seq;
        let line = format!(
            "version {seq} of what {market} trades by cannot be read ({why}); what it replaced is traded by instead"
        );
        append(conn, at, EventKind::Alarm, Some(market), &line)?;
        next = version.replaces.map(|seq| proposals::version(conn, seq)).transpose()?;
    }
    Ok(None)
}
