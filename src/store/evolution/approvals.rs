//! Approvals by the limit that the operator set: what they are judged by, and that they were made.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::max;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use domain::Market;
use domain::messages::evolution::{
    AutoLimit, LIMIT_WINDOW_DAYS, ProposalNumber, ProposalRecord, ProposalStatus,
};
use domain::messages::ledger::EventKind;
use optimizer::approval::{Standing, Within, within};

use super::proposals;
use crate::store::fault::Fault;
use crate::store::journal::append;
use crate::store::schema::{evolution_changes, limit_approvals};
use crate::store::values::ms;

/// What the limit has done and whether it rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitInUse {
    /// Proposals of all markets that it approved in the last [`LIMIT_WINDOW_DAYS`].
    pub approved_lately: u32,
    /// The proposal because of which it rests; none: it does not.
    pub rests_for: Option<ProposalNumber>,
}

/// A proposal that lies within the limit, or why a person has to decide.
pub(super) fn check(
    conn: &mut SqliteConnection,
    limit: AutoLimit,
    record: &ProposalRecord,
    at: DateTime<Utc>,
) -> Result<Within, Fault> {
    let LimitInUse { approved_lately, rests_for } = in_use(conn, at)?;
    let standing = Standing { next: next(conn, record.market)?, approved_lately, rests_for, at };
    within(limit, record, &standing).map_err(|outside| Fault::refused(outside.to_string()))
}

/// Notes that a change was an approval by the limit.
pub(super) fn note(
    conn: &mut SqliteConnection,
    change: i64,
    limit: AutoLimit,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let row = (
        limit_approvals::change_seq.eq(change),
        limit_approvals::limit_set.eq(limit.to_string()),
        limit_approvals::at_ms.eq(ms(at)),
    );
    diesel::insert_into(limit_approvals::table).values(row).execute(conn)?;
    Ok(())
}

/// True when the newest yes to it was the limit's.
pub(super) fn was_by_limit(conn: &mut SqliteConnection, number: ProposalNumber) -> Result<bool, Fault> {
    let newest: Option<i64> = evolution_changes::table
        .filter(evolution_changes::proposal.eq(i64::from(number.0)))
        .filter(evolution_changes::status.eq(ProposalStatus::Approved.code()))
        .select(max(evolution_changes::seq))
        .first(conn)?;
    let Some(newest) = newest else { return Ok(false) };
    let approvals: i64 = limit_approvals::table.find(newest).count().get_result(conn)?;
    Ok(approvals > 0)
}

/// Where a limit is in use and rests because of this proposal, people are told, and what it approved waits for them.
pub(super) fn rest(
    conn: &mut SqliteConnection,
    record: &ProposalRecord,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let approvals: i64 = limit_approvals::table.count().get_result(conn)?;
    if approvals == 0 || in_use(conn, at)?.rests_for != Some(record.number) {
        return Ok(());
    }
    let line = format!(
        "{} rests for all markets since proposal {} was taken back; it goes on when a person approves a proposal",
        AutoLimit::SETTING,
        record.number
    );
    append(conn, at, EventKind::Alarm, Some(record.market), &line)?;
    withdraw(conn, at)
}

/// While the limit rests, nothing begins to hold that no person approved: what waits for its session goes back to review.
pub(super) fn withdraw(conn: &mut SqliteConnection, at: DateTime<Utc>) -> Result<(), Fault> {
    let Some(rests_for) = in_use(conn, at)?.rests_for else { return Ok(()) };
    for record in proposals::all(conn)?.into_iter().rev() {
        if record.status == ProposalStatus::Approved && was_by_limit(conn, record.number)? {
            proposals::withdraw(conn, &record, rests_for, at)?;
        }
    }
    Ok(())
}

/// What the market trades by from the next session on: the newest that was approved and waits for it, or what holds now.
fn next(conn: &mut SqliteConnection, market: Market) -> Result<Option<String>, Fault> {
    let waits = |one: &ProposalRecord| one.market == market && one.status == ProposalStatus::Approved;
    let mut waiting: Vec<_> = proposals::all(conn)?.into_iter().filter(waits).collect();
    waiting.sort_by_key(|record| (record.history.last().map(|change| change.at), record.number));
    if let Some(last) = waiting.pop() {
        return Ok(Some(last.strategy));
    }
    Ok(proposals::active(conn, market)?.and_then(|active| active.from).map(|(_, strategy)| strategy))
}

/// Everything that was taken back since a person last approved a proposal: what was rolled back, by whomever, and what the limit
/// had approved and somebody rejected.
const TAKEN_BACK: &str = "
SELECT change.proposal AS number FROM evolution_changes AS change
WHERE change.seq > coalesce((SELECT max(seq) FROM evolution_changes
                             WHERE status = 'approved' AND seq NOT IN (SELECT change_seq FROM limit_approvals)), 0)
  AND ((change.status = 'retired' AND change.seq IN (SELECT change_seq FROM strategy_versions))
       OR (change.status = 'rejected'
           AND change.proposal IN (SELECT proposal FROM evolution_changes
                                   WHERE seq IN (SELECT change_seq FROM limit_approvals))))
ORDER BY change.seq DESC LIMIT 1";

#[derive(QueryableByName)]
struct TakenBack {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

pub(super) fn in_use(conn: &mut SqliteConnection, at: DateTime<Utc>) -> Result<LimitInUse, Fault> {
    let since = ms(at - TimeDelta::days(LIMIT_WINDOW_DAYS));
    let lately: i64 =
        limit_approvals::table.filter(limit_approvals::at_ms.gt(since)).count().get_result(conn)?;
    let taken_back: Option<TakenBack> = diesel::sql_query(TAKEN_BACK).get_result(conn).optional()?;
    Ok(LimitInUse {
        // More than fits is too many all the same.
        approved_lately: u32::try_from(lately).unwrap_or(u32::MAX),
        rests_for: taken_back.map(|row| proposals::number_of(row.number)).transpose()?,
    })
}
