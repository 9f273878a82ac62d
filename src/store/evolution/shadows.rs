//! Shadows: how a draft and the incumbent did on the days after it was found.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::messages::evolution::{
    ChangeProposal, Decider, FollowShadow, JudgeShadow, ProposalNumber, ProposalRecord, ProposalStatus,
    ProposalStep, SHADOW_SESSIONS_MAX, ShadowPlan, ShadowRecord, ShadowSession,
};
use trade_ledger::StoreError;

use super::{bounded, proposals};
use crate::store::fault::Fault;
use crate::store::schema::{shadow_plans, shadow_sessions, shadow_verdicts};
use crate::store::values::{day, malformed, ms, parsed};

type SessionRow = (String, i64, i64, i64);

/// Fixes how a draft is followed.
pub(super) fn begin(
    conn: &mut SqliteConnection,
    number: ProposalNumber,
    plan: &ShadowPlan,
) -> Result<(), Fault> {
    let row = (
        shadow_plans::proposal.eq(i64::from(number.0)),
        shadow_plans::after_day.eq(day(plan.after)),
        shadow_plans::expires.eq(day(plan.expires)),
        // The same 64 bits, read as a signed number.
        shadow_plans::seed.eq(plan.seed.cast_signed()),
    );
    diesel::insert_into(shadow_plans::table).values(row).execute(conn)?;
    Ok(())
}

/// The shadow of a proposal; none where it has none.
pub(super) fn of(conn: &mut SqliteConnection, number: i64) -> Result<Option<ShadowRecord>, Fault> {
    let plan: Option<(String, String, i64)> = shadow_plans::table
        .find(number)
        .select((shadow_plans::after_day, shadow_plans::expires, shadow_plans::seed))
        .first(conn)
        .optional()?;
    let Some((after, expires, seed)) = plan else { return Ok(None) };
    let plan = ShadowPlan {
        after: parsed("day", &after)?,
        expires: parsed("day", &expires)?,
        seed: seed.cast_unsigned(),
    };
    let rows: Vec<SessionRow> = shadow_sessions::table
        .filter(shadow_sessions::proposal.eq(number))
        .order(shadow_sessions::session_date)
        .select((
            shadow_sessions::session_date,
            shadow_sessions::challenger_ppb,
            shadow_sessions::incumbent_ppb,
            shadow_sessions::decisions,
        ))
        .load(conn)?;
    let sessions: Result<Vec<_>, StoreError> = rows.into_iter().map(session).collect();
    let verdict =
        shadow_verdicts::table.find(number).select(shadow_verdicts::evidence).first(conn).optional()?;
    Ok(Some(ShadowRecord { plan, sessions: sessions?, verdict }))
}

fn session(
    (date, challenger_ppb, incumbent_ppb, decisions): SessionRow,
) -> Result<ShadowSession, StoreError> {
    let session_date = parsed("session date", &date)?;
    let decisions =
        u32::try_from(decisions).map_err(|_| malformed("number of decisions", &decisions.to_string()))?;
    Ok(ShadowSession { session_date, challenger_ppb, incumbent_ppb, decisions })
}

pub(super) fn follow(conn: &mut SqliteConnection, follow: &FollowShadow) -> Result<(), Fault> {
    if follow.sessions.len() > SHADOW_SESSIONS_MAX {
        return Err(Fault::refused(format!("at most {SHADOW_SESSIONS_MAX} sessions are booked at once")));
    }
    let plan = shadow_of(&proposals::one(conn, follow.number)?)?.plan;
    if let Some(early) = follow.sessions.iter().find(|session| session.session_date <= plan.after) {
        let (date, after) = (early.session_date, plan.after);
        return Err(Fault::refused(format!("{date} is not after {after}, by which the draft was found")));
    }
    for session in &follow.sessions {
        let row = (
            shadow_sessions::proposal.eq(i64::from(follow.number.0)),
            shadow_sessions::session_date.eq(day(session.session_date)),
            shadow_sessions::challenger_ppb.eq(session.challenger_ppb),
            shadow_sessions::incumbent_ppb.eq(session.incumbent_ppb),
            shadow_sessions::decisions.eq(i64::from(session.decisions)),
        );
        diesel::insert_into(shadow_sessions::table).values(row).on_conflict_do_nothing().execute(conn)?;
    }
    Ok(())
}

pub(super) fn judge(
    conn: &mut SqliteConnection,
    judge: &JudgeShadow,
    at: DateTime<Utc>,
) -> Result<ProposalRecord, Fault> {
    bounded("", &judge.evidence)?;
    let record = proposals::one(conn, judge.number)?;
    shadow_of(&record)?;
    if record.status != ProposalStatus::Draft {
        let (number, status) = (record.number, record.status);
        return Err(Fault::refused(format!("proposal {number} is {status}: its shadow is over")));
    }
    let row = (
        shadow_verdicts::proposal.eq(i64::from(judge.number.0)),
        shadow_verdicts::passed.eq(i64::from(judge.passed)),
        shadow_verdicts::evidence.eq(&judge.evidence),
        shadow_verdicts::at_ms.eq(ms(at)),
    );
    diesel::insert_into(shadow_verdicts::table).values(row).execute(conn)?;
    let step = if judge.passed { ProposalStep::Submit } else { ProposalStep::Reject };
    let (number, by, reason) = (judge.number, Decider::Agent, judge.reason.clone());
    proposals::change(conn, &ChangeProposal { number, step, by, reason }, at)
}

fn shadow_of(record: &ProposalRecord) -> Result<&ShadowRecord, Fault> {
    let number = record.number;
    record.shadow.as_ref().ok_or_else(|| Fault::refused(format!("proposal {number} has no shadow")))
}
