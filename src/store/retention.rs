//! Dropping what is old, a slice at a time: a table is gone through once, in order, and how far is kept with what went.
//!
//! A row that was passed by stays for ever: whatever an order, a holding or an imported row needs.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use domain::Market;
use trade_ledger::retention::{Dropped, Retention, SLICE_ROWS};

use super::fault::Fault;
use super::journal;
use super::loading::open_states;
use super::schema::{approvals, cursors, intents, retention_marks};
use super::values::{count, day, malformed, ms, parsed, time};

/// The mark that tells when old rows were last looked for, in milliseconds; it is no table's.
const LAST_RUN: &str = "last_run";

/// A table that is gone through by its ids, which grow with time.
struct ById {
    name: &'static str,
    /// The next rows after an id, with their times: binds the id and a limit.
    next: &'static str,
    /// What goes between two ids, the table's own rows last: binds both.
    drop: &'static [&'static str],
}

/// A table that is gone through by days.
struct ByDay {
    name: &'static str,
    /// The first day between two: binds the part, the one and the other.
    next: &'static str,
    /// What goes of a day: binds the part and the day.
    drop: &'static str,
}

const EVENTS: ById = ById {
    name: "events",
    next: "SELECT id, at_ms FROM events WHERE id > ? ORDER BY id LIMIT ?",
    drop: &["DELETE FROM events WHERE id > ? AND id <= ?
        AND kind IN ('decision', 'refusal', 'session', 'process')
        AND id NOT IN (SELECT event_id FROM halts UNION ALL SELECT event_id FROM releases
            UNION ALL SELECT event_id FROM halt_latches UNION ALL SELECT event_id FROM limit_changes
            UNION ALL SELECT event_id FROM symbol_halts UNION ALL SELECT event_id FROM symbol_releases
            UNION ALL SELECT event_id FROM resolutions UNION ALL SELECT event_id FROM external_shares
            UNION ALL SELECT event_id FROM day_reports
            UNION ALL SELECT event_id FROM evolution_changes)"],
};

/// HOLDs, but those of stocks that are held: `why` of a holding tells its whole life.
const HOLDS: ById = ById {
    name: "decisions",
    next: "SELECT seq AS id, at_ms FROM decisions WHERE seq > ? ORDER BY seq LIMIT ?",
    drop: &[
        "DELETE FROM decision_bases WHERE decision_id IN (SELECT d.id FROM decisions AS d
            WHERE d.seq > ? AND d.seq <= ? AND d.action = 'HOLD' AND NOT EXISTS (SELECT 1 FROM positions AS p
                WHERE p.market = d.market AND p.symbol = d.symbol AND p.quantity > 0))",
        "DELETE FROM decisions WHERE seq > ? AND seq <= ? AND action = 'HOLD'
            AND NOT EXISTS (SELECT 1 FROM positions AS p
                WHERE p.market = decisions.market AND p.symbol = decisions.symbol AND p.quantity > 0)",
    ],
};

/// A time that cannot be read is passed by.
const SEEDS_HOLDS: ById = ById {
    name: "trades",
    next: "SELECT id, coalesce(unixepoch(timestamp), 0) * 1000 AS at_ms FROM trades WHERE id > ? ORDER BY id LIMIT ?",
    drop: &[
        "DELETE FROM trades WHERE id > ? AND id <= ? AND action = 'HOLD' AND unixepoch(timestamp) IS NOT NULL
        AND id NOT IN (SELECT trade_id FROM imported_trades)",
    ],
};

const SELECTIONS: ByDay = ByDay {
    name: "selections",
    next: "SELECT min(session_date) AS value FROM selections
        WHERE market = ?1 AND session_date > ?2 AND session_date < ?3",
    drop: "DELETE FROM selections WHERE market = ?1 AND session_date = ?2
        AND NOT EXISTS (SELECT 1 FROM intents AS i WHERE i.symbol = selections.symbol AND i.market = selections.market
            AND i.session_date = selections.session_date)",
};

const OCCASIONS: ByDay = ByDay {
    name: "occasions",
    next: "SELECT min(session_date) AS value FROM occasions
        WHERE market = ?1 AND session_date > ?2 AND session_date < ?3",
    drop: "DELETE FROM occasions WHERE market = ?1 AND session_date = ?2",
};

const PROMPTS: ByDay = ByDay {
    name: "consultations",
    next: "SELECT min(session_date) AS value FROM consultations WHERE session_date > ?2 AND session_date < ?3",
    drop: "UPDATE consultations SET system = '', prompt = '', reply = iif(reply IS NULL, NULL, '')
        WHERE session_date = ?2 AND prompt <> ''",
};

/// One slice: of the first table that has old rows which nobody looked at yet.
pub(super) fn drop_old(
    conn: &mut SqliteConnection,
    retention: &Retention,
    at: DateTime<Utc>,
) -> Result<Dropped, Fault> {
    // A clock that ran ahead makes nothing old: age counts from the newest line, as in the triggers.
    let Some(newest) = journal::last_commit(conn)? else { return Ok(Dropped::default()) };
    ran(conn, at)?;
    let (at, open_since) = (at.min(newest), open_since(conn)?);
    let cutoff = |days| Retention::cutoff(days, at, open_since);
    let (looks, texts) = (cutoff(retention.looks_days), cutoff(retention.prompts_days));
    let dropped = old_events(conn, cutoff(retention.events_days), cutoff(2 * retention.events_days))?;
    if dropped.looked_at > 0 {
        return Ok(dropped);
    }
    for table in [HOLDS, SEEDS_HOLDS] {
        let dropped = by_id(conn, &table, |row| row.at_ms < ms(looks))?;
        if dropped.looked_at > 0 {
            return Ok(dropped);
        }
    }
    for (table, market) in
        [SELECTIONS, OCCASIONS].iter().flat_map(|one| Market::ALL.map(|market| (one, market)))
    {
        let dropped = by_day(conn, table, market.code(), Retention::cutoff_date(looks))?;
        if dropped.looked_at > 0 {
            return Ok(dropped);
        }
    }
    by_day(conn, &PROMPTS, "", Retention::cutoff_date(texts))
}

/// Old, and passed by every reader; one that has not read for twice as long is not waited for.
fn old_events(
    conn: &mut SqliteConnection,
    cutoff: DateTime<Utc>,
    unread: DateTime<Utc>,
) -> Result<Dropped, Fault> {
    let slowest: Option<i64> = cursors::table.select(diesel::dsl::min(cursors::last_event)).first(conn)?;
    let is_read = |id: i64| slowest.is_none_or(|slowest| id <= slowest);
    by_id(conn, &EVENTS, |row| row.at_ms < ms(cutoff) && (is_read(row.id) || row.at_ms < ms(unread)))
}

/// Since when an order has been under way whose end is not known.
fn open_since(conn: &mut SqliteConnection) -> Result<Option<DateTime<Utc>>, Fault> {
    let oldest: Option<i64> = intents::table
        .inner_join(approvals::table)
        .filter(intents::state.eq_any(open_states()))
        .select(diesel::dsl::min(approvals::approved_at_ms))
        .first(conn)?;
    Ok(oldest.map(time).transpose()?)
}

#[derive(QueryableByName)]
struct Aged {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    at_ms: i64,
}

fn by_id(
    conn: &mut SqliteConnection,
    table: &ById,
    may_go: impl Fn(&Aged) -> bool,
) -> Result<Dropped, Fault> {
    let after = through(conn, table.name, "")?;
    let rows: Vec<Aged> = diesel::sql_query(table.next)
        .bind::<BigInt, _>(after)
        .bind::<BigInt, _>(i64::from(SLICE_ROWS))
        .load(conn)?;
    let old: Vec<Aged> = rows.into_iter().take_while(may_go).collect();
    let Some(last) = old.last() else { return Ok(Dropped::default()) };
    let mut gone = 0;
    for statement in table.drop {
        gone = diesel::sql_query(*statement)
            .bind::<BigInt, _>(after)
            .bind::<BigInt, _>(last.id)
            .execute(conn)?;
    }
    let dropped = Dropped { looked_at: old.len() as u64, rows: gone as u64 };
    mark(conn, (table.name, ""), last.id, dropped)
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Nullable<Text>)]
    value: Option<String>,
}

fn by_day(
    conn: &mut SqliteConnection,
    table: &ByDay,
    part: &str,
    before: NaiveDate,
) -> Result<Dropped, Fault> {
    let after = through(conn, table.name, part)?;
    let after = i32::try_from(after).ok().and_then(NaiveDate::from_num_days_from_ce_opt);
    let after = after.ok_or_else(|| malformed("day of a retention mark", table.name))?;
    let found: Found = diesel::sql_query(table.next)
        .bind::<Text, _>(part)
        .bind::<Text, _>(day(after))
        .bind::<Text, _>(day(before))
        .get_result(conn)?;
    let Some(session_date) = found.value else { return Ok(Dropped::default()) };
    let gone =
        diesel::sql_query(table.drop).bind::<Text, _>(part).bind::<Text, _>(&session_date).execute(conn)?;
    let date: NaiveDate = parsed("session date", &session_date)?;
    let number = i64::from(chrono::Datelike::num_days_from_ce(&date));
    mark(conn, (table.name, part), number, Dropped { looked_at: 1, rows: gone as u64 })
}

/// Replaced, not changed: a clock that was set back is no reason to stay with a time to come.
fn ran(conn: &mut SqliteConnection, at: DateTime<Utc>) -> Result<(), Fault> {
    diesel::replace_into(retention_marks::table)
        .values((
            retention_marks::name.eq(LAST_RUN),
            retention_marks::part.eq(""),
            retention_marks::through.eq(ms(at)),
            retention_marks::dropped.eq(0),
        ))
        .execute(conn)?;
    Ok(())
}

/// When old rows were last looked for; none: not yet.
fn last_run(conn: &mut SqliteConnection) -> Result<Option<DateTime<Utc>>, Fault> {
    let mark = retention_marks::table.find((LAST_RUN, "")).select(retention_marks::through);
    Ok(mark.first(conn).optional()?.map(time).transpose()?)
}

fn through(conn: &mut SqliteConnection, name: &str, part: &str) -> Result<i64, Fault> {
    let mark = retention_marks::table.find((name, part)).select(retention_marks::through);
    Ok(mark.first(conn).optional()?.unwrap_or(0))
}

fn mark(
    conn: &mut SqliteConnection,
    (name, part): (&str, &str),
    through: i64,
    dropped: Dropped,
) -> Result<Dropped, Fault> {
    let rows = super::values::stored(dropped.rows)?;
    diesel::insert_into(retention_marks::table)
        .values((
            retention_marks::name.eq(name),
            retention_marks::part.eq(part),
            retention_marks::through.eq(through),
            retention_marks::dropped.eq(rows),
        ))
        .on_conflict((retention_marks::name, retention_marks::part))
        .do_update()
        .set((
            retention_marks::through.eq(through),
            retention_marks::dropped.eq(retention_marks::dropped + rows),
        ))
        .execute(conn)?;
    Ok(dropped)
}

/// Rows of a table that went, so that totals stay what they were.
pub(super) fn gone(conn: &mut SqliteConnection, name: &str) -> Result<u64, Fault> {
    let rows: Vec<i64> = retention_marks::table
        .filter(retention_marks::name.eq(name))
        .select(retention_marks::dropped)
        .load(conn)?;
    Ok(count(rows.into_iter().sum())?)
}

/// How large the books are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BooksSize {
    /// Bytes of the database's file.
    pub bytes: u64,
    /// Bytes of it that are free to be used again.
    pub free_bytes: u64,
    /// Old rows that went so far.
    pub dropped: u64,
    /// When old rows were last looked for; none: not yet.
    pub last_run: Option<DateTime<Utc>>,
}

#[derive(QueryableByName)]
struct Sizes {
    #[diesel(sql_type = BigInt)]
    bytes: i64,
    #[diesel(sql_type = BigInt)]
    free_bytes: i64,
    #[diesel(sql_type = BigInt)]
    dropped: i64,
}

pub(super) fn size(conn: &mut SqliteConnection) -> Result<BooksSize, Fault> {
    let sizes: Sizes = diesel::sql_query(
        "SELECT c.page_count * s.page_size AS bytes, f.freelist_count * s.page_size AS free_bytes,
                (SELECT coalesce(sum(dropped), 0) FROM retention_marks) AS dropped
           FROM pragma_page_count() AS c, pragma_freelist_count() AS f, pragma_page_size() AS s",
    )
    .get_result(conn)?;
    let (bytes, free_bytes) = (count(sizes.bytes)?, count(sizes.free_bytes)?);
    Ok(BooksSize { bytes, free_bytes, dropped: count(sizes.dropped)?, last_run: last_run(conn)? })
}
