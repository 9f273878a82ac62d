//! Looks at what is followed: whether its newest sessions could be judged.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use domain::messages::evolution::{BLIND_AFTER, BlindWatch, BookLook, ProposalRecord, ProposalStatus};
use domain::messages::ledger::EventKind;

use super::proposals;
use crate::store::fault::Fault;
use crate::store::journal::append;
use crate::store::schema::watch_looks;
use crate::store::values::{count, day, malformed, ms, parsed};

pub(super) fn book(conn: &mut SqliteConnection, look: &BookLook, at: DateTime<Utc>) -> Result<(), Fault> {
    let record = proposals::one(conn, look.number)?;
    let row = (
        watch_looks::proposal.eq(i64::from(look.number.0)),
        watch_looks::session_date.eq(day(look.session_date)),
        watch_looks::seen_until.eq(day(look.seen_until)),
        watch_looks::at_ms.eq(ms(at)),
    );
    let is_new =
        diesel::insert_into(watch_looks::table).values(row).on_conflict_do_nothing().execute(conn)? > 0;
    let blind = of(conn, &record)?.filter(|blind| is_new && blind.sessions == BLIND_AFTER);
    let Some(blind) = blind else { return Ok(()) };
    let line = format!("{blind}; see: kestrel data status, and the log of the optimizer");
    append(conn, at, EventKind::Alarm, Some(record.market), &line)?;
    Ok(())
}

/// The proposals that are followed blindly, newest first.
pub(super) fn blind(conn: &mut SqliteConnection) -> Result<Vec<BlindWatch>, Fault> {
    let mut blind = Vec::new();
    for record in proposals::all(conn)? {
        blind.extend(of(conn, &record)?);
    }
    Ok(blind)
}

/// A proposal, if it is followed blindly: closed sessions that were looked at after the newest that could be judged.
fn of(conn: &mut SqliteConnection, record: &ProposalRecord) -> Result<Option<BlindWatch>, Fault> {
    let is_active = match record.status {
        ProposalStatus::Draft => false,
        ProposalStatus::Active => true,
        ProposalStatus::ReadyForReview
        | ProposalStatus::Approved
        | ProposalStatus::Rejected
        | ProposalStatus::Retired => return Ok(None),
    };
    let looks = watch_looks::table.filter(watch_looks::proposal.eq(i64::from(record.number.0)));
    let newest: Option<String> = looks
        .order(watch_looks::session_date.desc())
        .select(watch_looks::seen_until)
        .first(conn)
        .optional()?;
    let Some(seen_until) = newest else { return Ok(None) };
    // Dates as text are in the order of their days.
    let sessions: i64 = looks.filter(watch_looks::session_date.gt(&seen_until)).count().get_result(conn)?;
    let sessions = u32::try_from(count(sessions)?)
        .map_err(|_| malformed("number of sessions", &sessions.to_string()))?;
    let seen_until: NaiveDate = parsed("session date", &seen_until)?;
    let blind = BlindWatch { number: record.number, market: record.market, is_active, seen_until, sessions };
    Ok(Some(blind).filter(|blind| blind.sessions >= BLIND_AFTER))
}
