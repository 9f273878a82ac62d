//! Sealed windows: spent before they are looked at, once and for all.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::Market;
use domain::messages::evolution::{JudgeWindow, SpendWindow, SpentWindow};
use trade_ledger::StoreError;

use super::{bounded, trials};
use crate::store::fault::Fault;
use crate::store::schema::{sealed_verdicts, sealed_windows};
use crate::store::values::{day, malformed, ms, parsed};

type Row = (i64, i64, i64, String, String, String, Option<i64>);

pub(super) fn spend(
    conn: &mut SqliteConnection,
    spend: &SpendWindow,
    at: DateTime<Utc>,
) -> Result<SpentWindow, Fault> {
    let market = trials::market_of(conn, spend.cycle)?;
    if spend.last_day < spend.first_day {
        return Err(Fault::refused("a window ends before it begins"));
    }
    if let Some(spent) = of_cycle(conn, spend.cycle)? {
        let is_same = (spent.first_day, spent.last_day) == (spend.first_day, spend.last_day)
            && spent.champion == spend.champion;
        return if is_same { Ok(spent) } else { Err(other_window(spend, &spent)) };
    }
    let spent = of_market(conn, market)?;
    let overlaps = |one: &&SpentWindow| one.first_day <= spend.last_day && spend.first_day <= one.last_day;
    if let Some(one) = spent.iter().find(overlaps) {
        let SpentWindow { first_day, last_day, .. } = one;
        return Err(Fault::refused(format!(
            "days from {first_day} to {last_day} of {market} were looked at before; a window is never reused"
        )));
    }
    let number = i64::try_from(spent.len() + 1).unwrap_or(i64::MAX);
    let row = (
        sealed_windows::cycle_seq.eq(spend.cycle),
        sealed_windows::market.eq(market.code()),
        sealed_windows::number.eq(number),
        sealed_windows::first_day.eq(day(spend.first_day)),
        sealed_windows::last_day.eq(day(spend.last_day)),
        sealed_windows::champion.eq(spend.champion.as_str()),
        sealed_windows::at_ms.eq(ms(at)),
    );
    diesel::insert_into(sealed_windows::table).values(row).execute(conn)?;
    of_cycle(conn, spend.cycle)?.ok_or_else(|| Fault::refused("the window was not kept"))
}

fn other_window(spend: &SpendWindow, spent: &SpentWindow) -> Fault {
    let SpentWindow { first_day, last_day, champion, .. } = spent;
    let (cycle, champion) = (spend.cycle, champion.short());
    Fault::refused(format!("cycle {cycle} has spent {first_day} to {last_day} for {champion}; it looks once"))
}

fn of_cycle(conn: &mut SqliteConnection, cycle: i64) -> Result<Option<SpentWindow>, Fault> {
    let row: Option<Row> = sealed_windows::table
        .left_join(sealed_verdicts::table.on(sealed_verdicts::window_seq.eq(sealed_windows::seq)))
        .filter(sealed_windows::cycle_seq.eq(cycle))
        .select((
            sealed_windows::seq,
            sealed_windows::cycle_seq,
            sealed_windows::number,
            sealed_windows::first_day,
            sealed_windows::last_day,
            sealed_windows::champion,
            sealed_verdicts::passed.nullable(),
        ))
        .first(conn)
        .optional()?;
    Ok(row.map(window).transpose()?)
}

pub(super) fn of_market(conn: &mut SqliteConnection, market: Market) -> Result<Vec<SpentWindow>, Fault> {
    let rows: Vec<Row> = sealed_windows::table
        .left_join(sealed_verdicts::table.on(sealed_verdicts::window_seq.eq(sealed_windows::seq)))
        .filter(sealed_windows::market.eq(market.code()))
        .order(sealed_windows::number)
        .select((
            sealed_windows::seq,
            sealed_windows::cycle_seq,
            sealed_windows::number,
            sealed_windows::first_day,
            sealed_windows::last_day,
            sealed_windows::champion,
            sealed_verdicts::passed.nullable(),
        ))
        .load(conn)?;
    rows.into_iter().map(|row| Ok(window(row)?)).collect()
}

fn window(
    (seq, cycle, number, first_day, last_day, champion, passed): Row,
) -> Result<SpentWindow, StoreError> {
    Ok(SpentWindow {
        seq,
        cycle,
        number: u32::try_from(number).map_err(|_| malformed("number of a window", &number.to_string()))?,
        first_day: parsed("day", &first_day)?,
        last_day: parsed("day", &last_day)?,
        champion: parsed("hash of a trial", &champion)?,
        passed: passed.map(|passed| passed != 0),
    })
}

/// The numbers of what was seen; none while nobody has said.
pub(super) fn seen(conn: &mut SqliteConnection, window: i64) -> Result<Option<String>, Fault> {
    Ok(sealed_verdicts::table.find(window).select(sealed_verdicts::evidence).first(conn).optional()?)
}

pub(super) fn judge(
    conn: &mut SqliteConnection,
    judge: &JudgeWindow,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    bounded("", &judge.evidence)?;
    let known: i64 = sealed_windows::table.find(judge.window).count().get_result(conn)?;
    if known == 0 {
        return Err(Fault::refused(format!("there is no window {}", judge.window)));
    }
    let row = (
        sealed_verdicts::window_seq.eq(judge.window),
        sealed_verdicts::passed.eq(i64::from(judge.passed)),
        sealed_verdicts::evidence.eq(&judge.evidence),
        sealed_verdicts::at_ms.eq(ms(at)),
    );
    diesel::insert_into(sealed_verdicts::table).values(row).on_conflict_do_nothing().execute(conn)?;
    Ok(())
}
