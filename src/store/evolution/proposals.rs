//! Proposals, what happened to them, and what each market trades by.

use chrono::{DateTime, Utc};
use diesel::dsl::max;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use domain::Market;
use domain::messages::evolution::{
    ActiveStrategy, AutoLimit, ChangeProposal, Decider, DraftProposal, ProposalChange, ProposalNumber,
    ProposalRecord, ProposalStatus, ProposalStep, StrategyVersion,
};
use domain::text::harmless;
use optimizer::approval::Outside;
use optimizer::proposal::{self, By};

use super::telling::line;
use super::{NewestRow, approvals, bounded, shadows};
use crate::store::fault::Fault;
use crate::store::journal::append;
use crate::store::schema::{evolution_changes, evolution_proposals, strategy_versions};
use crate::store::values::{count, malformed, ms, parsed, stored, time};

/// Longest name, and longest texts of people and of hypotheses, in characters.
const NAME_MAX: usize = 40;
const TEXT_MAX: usize = 400;

#[derive(Queryable, Selectable)]
#[diesel(table_name = evolution_proposals)]
struct Row {
    number: i64,
    market: String,
    name: String,
    hypothesis: String,
    hash: String,
    strategy: String,
    incumbent: Option<String>,
    evidence: String,
}

/// A version of what a market trades by.
#[derive(Queryable, Selectable, Clone)]
#[diesel(table_name = strategy_versions)]
pub(super) struct VersionRow {
    pub(super) seq: i64,
    proposal: Option<i64>,
    pub(super) strategy: Option<String>,
    pub(super) replaces: Option<i64>,
    at_ms: i64,
}

pub(super) fn draft(
    conn: &mut SqliteConnection,
    draft: &DraftProposal,
    at: DateTime<Utc>,
) -> Result<ProposalRecord, Fault> {
    bounded(&draft.strategy, &draft.evidence)?;
    bounded(draft.incumbent.as_deref().unwrap_or_default(), "")?;
    let is_letter = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '-';
    let is_name = (1..=NAME_MAX).contains(&draft.name.len()) && draft.name.chars().all(is_letter);
    if !is_name {
        let why = format!("a proposal's name has 1 to {NAME_MAX} small letters, digits and hyphens");
        return Err(Fault::refused(why));
    }
    if let Some(number) = of_cycle(conn, draft.cycle)? {
        return one(conn, number);
    }
    let newest: Option<i64> =
        evolution_proposals::table.select(max(evolution_proposals::number)).first(conn)?;
    let number = number_of(newest.unwrap_or(0) + 1)?;
    let row = (
        evolution_proposals::number.eq(i64::from(number.0)),
        evolution_proposals::cycle_seq.eq(draft.cycle),
        evolution_proposals::market.eq(draft.market.code()),
        evolution_proposals::name.eq(&draft.name),
        evolution_proposals::hypothesis.eq(harmless(&draft.hypothesis, TEXT_MAX)),
        evolution_proposals::hash.eq(draft.hash.as_str()),
        evolution_proposals::strategy.eq(&draft.strategy),
        evolution_proposals::incumbent.eq(draft.incumbent.as_ref()),
        evolution_proposals::evidence.eq(&draft.evidence),
        evolution_proposals::at_ms.eq(ms(at)),
    );
    diesel::insert_into(evolution_proposals::table).values(row).execute(conn)?;
    if let Some(plan) = &draft.shadow {
        shadows::begin(conn, number, plan)?;
    }
    let record = one(conn, number)?;
    book(conn, &record, (ProposalStatus::Draft, "the agent", "drafted"), at)?;
    one(conn, number)
}

/// What a cycle has drafted before.
fn of_cycle(conn: &mut SqliteConnection, cycle: Option<i64>) -> Result<Option<ProposalNumber>, Fault> {
    let Some(cycle) = cycle else { return Ok(None) };
    let number: Option<i64> = evolution_proposals::table
        .filter(evolution_proposals::cycle_seq.eq(cycle))
        .select(evolution_proposals::number)
        .first(conn)
        .optional()?;
    number.map(number_of).transpose()
}

pub(super) fn change(
    conn: &mut SqliteConnection,
    change: &ChangeProposal,
    at: DateTime<Utc>,
) -> Result<ProposalRecord, Fault> {
    let record = one(conn, change.number)?;
    let reason = harmless(&change.reason, TEXT_MAX);
    match &change.by {
        Decider::Agent => take(conn, &record, (change.step, By::Agent, &reason), at)?,
        Decider::Person(name) => {
            let name = harmless(name, TEXT_MAX);
            take(conn, &record, (change.step, By::Person(&name), &reason), at)?;
        }
        Decider::Limit(limit) => {
            let within = approvals::check(conn, *limit, &record, at)?;
            let reason = harmless(&format!("{reason}: {within}"), TEXT_MAX);
            take(conn, &record, (change.step, By::Limit(&within), &reason), at)?;
        }
    }
    one(conn, change.number)
}

/// Takes back what the limit approved, because it rests.
pub(super) fn withdraw(
    conn: &mut SqliteConnection,
    record: &ProposalRecord,
    rests_for: ProposalNumber,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let reason = Outside::Rests(rests_for).to_string();
    take(conn, record, (ProposalStep::Withdraw, By::LimitAtRest(rests_for), &reason), at)
}

/// One step, with everything that follows from it.
fn take(
    conn: &mut SqliteConnection,
    record: &ProposalRecord,
    (step, by, reason): (ProposalStep, By<'_>, &str),
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let status = proposal::after(record.status, step, by, reason)
        .map_err(|refused| Fault::refused(refused.to_string()))?;
    let by_whom = match by {
        By::Agent => Decider::Agent.to_string(),
        By::Person(name) => name.to_owned(),
        By::Limit(within) => Decider::Limit(within.limit()).to_string(),
        By::LimitAtRest(_) => AutoLimit::SETTING.to_owned(),
    };
    let booked = book(conn, record, (status, &by_whom, reason), at)?;
    match (step, by) {
        (ProposalStep::Approve, By::Limit(within)) => approvals::note(conn, booked, within.limit(), at),
        (ProposalStep::Activate, By::Agent | By::Person(_) | By::Limit(_) | By::LimitAtRest(_)) => {
            activate(conn, record, (booked, &by_whom), at)
        }
        (ProposalStep::RollBack, By::Agent | By::Person(_) | By::Limit(_) | By::LimitAtRest(_)) => {
            roll_back(conn, record, (booked, &by_whom), at)?;
            approvals::rest(conn, record, at)
        }
        (ProposalStep::Reject, By::Agent | By::Person(_) | By::Limit(_) | By::LimitAtRest(_)) => {
            approvals::rest(conn, record, at)
        }
        (
            ProposalStep::Submit | ProposalStep::Withdraw,
            By::Agent | By::Person(_) | By::Limit(_) | By::LimitAtRest(_),
        )
        | (ProposalStep::Approve, By::Agent | By::Person(_) | By::LimitAtRest(_)) => Ok(()),
    }
}

/// Writes what happened, and the line that people see; the row's number.
fn book(
    conn: &mut SqliteConnection,
    record: &ProposalRecord,
    (status, by, reason): (ProposalStatus, &str, &str),
    at: DateTime<Utc>,
) -> Result<i64, Fault> {
    let is_by_limit = match status {
        // No person can have this name.
        ProposalStatus::Approved | ProposalStatus::ReadyForReview => by == AutoLimit::SETTING,
        ProposalStatus::Active => approvals::was_by_limit(conn, record.number)?,
        ProposalStatus::Draft | ProposalStatus::Rejected | ProposalStatus::Retired => false,
    };
    let (kind, line) = line(record, status, (by, reason), is_by_limit);
    let event = append(conn, at, kind, Some(record.market), &line)?;
    let row = (
        evolution_changes::proposal.eq(i64::from(record.number.0)),
        evolution_changes::status.eq(status.code()),
        evolution_changes::by_whom.eq(by),
        evolution_changes::reason.eq(reason),
        evolution_changes::at_ms.eq(ms(at)),
        evolution_changes::event_id.eq(stored(event.0)?),
    );
    let insert = diesel::insert_into(evolution_changes::table).values(row);
    Ok(insert.returning(evolution_changes::seq).get_result(conn)?)
}

/// What the market traded by until now is retired.
fn activate(
    conn: &mut SqliteConnection,
    record: &ProposalRecord,
    (change, by): (i64, &str),
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let before = newest(conn, record.market)?;
    if let Some(number) = before.as_ref().and_then(|version| version.proposal) {
        let replaced = one(conn, number_of(number)?)?;
        let reason = format!("proposal {} takes its place", record.number);
        book(conn, &replaced, (ProposalStatus::Retired, by, &reason), at)?;
    }
    let version = VersionRow {
        seq: 0,
        proposal: Some(record.number.0.into()),
        strategy: Some(record.strategy.clone()),
        replaces: before.map(|version| version.seq),
        at_ms: ms(at),
    };
    insert(conn, record.market, &version, change)
}

/// Back to what held before: another proposal, which is active again, or the operator's settings.
fn roll_back(
    conn: &mut SqliteConnection,
    record: &ProposalRecord,
    (change, by): (i64, &str),
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let replaces = newest(conn, record.market)?.and_then(|version| version.replaces);
    let before: Option<VersionRow> = match replaces {
        Some(seq) => Some(version(conn, seq)?),
        None => None,
    };
    if let Some(number) = before.as_ref().and_then(|version| version.proposal) {
        let restored = one(conn, number_of(number)?)?;
        let reason = format!("proposal {} is rolled back", record.number);
        book(conn, &restored, (ProposalStatus::Active, by, &reason), at)?;
    }
    let bare = VersionRow { seq: 0, proposal: None, strategy: None, replaces: None, at_ms: ms(at) };
    let version = before.map_or(bare, |before| VersionRow { at_ms: ms(at), ..before });
    insert(conn, record.market, &version, change)
}

fn insert(
    conn: &mut SqliteConnection,
    market: Market,
    version: &VersionRow,
    change: i64,
) -> Result<(), Fault> {
    let row = (
        strategy_versions::market.eq(market.code()),
        strategy_versions::proposal.eq(version.proposal),
        strategy_versions::strategy.eq(version.strategy.as_ref()),
        strategy_versions::replaces.eq(version.replaces),
        strategy_versions::change_seq.eq(change),
        strategy_versions::at_ms.eq(version.at_ms),
    );
    diesel::insert_into(strategy_versions::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn newest(conn: &mut SqliteConnection, market: Market) -> Result<Option<VersionRow>, Fault> {
    Ok(strategy_versions::table
        .filter(strategy_versions::market.eq(market.code()))
        .order(strategy_versions::seq.desc())
        .select(VersionRow::as_select())
        .first(conn)
        .optional()?)
}

pub(super) fn version(conn: &mut SqliteConnection, seq: i64) -> Result<VersionRow, Fault> {
    Ok(strategy_versions::table.find(seq).select(VersionRow::as_select()).first(conn)?)
}

/// A version as those hear of it who trade by it; none where the operator's settings hold.
pub(super) fn told(row: &VersionRow) -> Result<Option<StrategyVersion>, Fault> {
    let (Some(number), Some(strategy)) = (row.proposal, row.strategy.clone()) else { return Ok(None) };
    Ok(Some(StrategyVersion { version: row.seq, proposal: number_of(number)?, strategy }))
}

pub(super) fn active(conn: &mut SqliteConnection, market: Market) -> Result<Option<ActiveStrategy>, Fault> {
    let Some(version) = newest(conn, market)? else { return Ok(None) };
    let from = match (version.proposal, version.strategy) {
        (Some(number), Some(strategy)) => Some((number_of(number)?, strategy)),
        (Some(_) | None, None) | (None, Some(_)) => None,
    };
    Ok(Some(ActiveStrategy { version: version.seq, from, since: time(version.at_ms)? }))
}

#[derive(QueryableByName)]
struct Newest {
    #[diesel(sql_type = BigInt)]
    change: i64,
    #[diesel(sql_type = BigInt)]
    session: i64,
    #[diesel(sql_type = BigInt)]
    verdict: i64,
}

/// All of these tables only grow.
pub(super) fn newest_row(conn: &mut SqliteConnection) -> Result<NewestRow, Fault> {
    let newest: Newest = diesel::sql_query(
        "SELECT coalesce((SELECT max(seq) FROM evolution_changes), 0) AS change,
                coalesce((SELECT max(rowid) FROM shadow_sessions), 0) AS session,
                coalesce((SELECT max(rowid) FROM shadow_verdicts), 0) AS verdict",
    )
    .get_result(conn)?;
    let Newest { change, session, verdict } = newest;
    Ok(NewestRow { change, session, verdict })
}

pub(super) fn all(conn: &mut SqliteConnection) -> Result<Vec<ProposalRecord>, Fault> {
    let rows: Vec<Row> = evolution_proposals::table
        .order(evolution_proposals::number.desc())
        .select(Row::as_select())
        .load(conn)?;
    rows.into_iter().map(|row| record(conn, row)).collect()
}

pub(super) fn one(conn: &mut SqliteConnection, number: ProposalNumber) -> Result<ProposalRecord, Fault> {
    let row: Option<Row> = evolution_proposals::table
        .find(i64::from(number.0))
        .select(Row::as_select())
        .first(conn)
        .optional()?;
    let row = row.ok_or_else(|| {
        Fault::refused(format!("there is no proposal {number}; see them with: kestrel proposals list"))
    })?;
    record(conn, row)
}

fn record(conn: &mut SqliteConnection, row: Row) -> Result<ProposalRecord, Fault> {
    let changes: Vec<(String, String, String, i64)> = evolution_changes::table
        .filter(evolution_changes::proposal.eq(row.number))
        .order(evolution_changes::seq)
        .select((
            evolution_changes::status,
            evolution_changes::by_whom,
            evolution_changes::reason,
            evolution_changes::at_ms,
        ))
        .load(conn)?;
    let mut history = Vec::new();
    for (code, by, reason, at_ms) in changes {
        history.push(ProposalChange { status: status(&code)?, by, reason, at: time(at_ms)? });
    }
    Ok(ProposalRecord {
        number: number_of(row.number)?,
        market: parsed("market", &row.market)?,
        name: row.name,
        hypothesis: row.hypothesis,
        hash: parsed("hash of a trial", &row.hash)?,
        strategy: row.strategy,
        incumbent: row.incumbent,
        evidence: row.evidence,
        status: history.last().map_or(ProposalStatus::Draft, |change| change.status),
        history,
        shadow: shadows::of(conn, row.number)?,
    })
}

fn status(code: &str) -> Result<ProposalStatus, Fault> {
    let known = ProposalStatus::ALL.into_iter().find(|status| status.code() == code);
    Ok(known.ok_or_else(|| malformed("status of a proposal", code))?)
}

pub(super) fn number_of(number: i64) -> Result<ProposalNumber, Fault> {
    let number = u32::try_from(count(number)?);
    Ok(ProposalNumber(number.map_err(|_| malformed("number of a proposal", "too large"))?))
}
