//! Committed events, oldest first.

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use domain::messages::ledger::LedgerEvent;
use domain::messages::operator::{Answer, EventLine, EventsWanted};

use super::{cut, looked_at};
use crate::store::fault::Fault;
use crate::store::journal::{last_event, ledger_event};
use crate::store::schema::events;
use crate::store::values::{ms, stored};

pub(super) fn events(
    conn: &mut SqliteConnection,
    wanted: &EventsWanted,
    now: DateTime<Utc>,
) -> Result<Answer, Fault> {
    let last = last_event(conn)?;
    let mut query = events::table.limit(looked_at(wanted.limit)).into_boxed();
    // Whoever follows reads on from where it was; whoever looks wants the newest.
    query = match wanted.after {
        Some(after) => query.filter(events::id.gt(stored(after.0)?)).order(events::id.asc()),
        None => query.order(events::id.desc()),
    };
    if let Some(since) = wanted.since {
        query = query.filter(events::at_ms.ge(ms(since.instant(now))));
        if wanted.after.is_none() {
            // In the order of the index: on a quiet day nothing is young, and all that is old must not be read to find that.
            query = query.order((events::at_ms.desc(), events::id.desc()));
        }
    }
    query = match (wanted.kind, wanted.since) {
        (None, _) => query,
        // The plus keeps SQLite from reading all of that kind, which may be most of what there is.
        (Some(kind), Some(_)) => {
            query.filter(sql::<Bool>("+`events`.`kind` = ").bind::<Text, _>(kind.code()))
        }
        (Some(kind), None) => query.filter(events::kind.eq(kind.code())),
    };
    let rows: Vec<(i64, i64, String, Option<String>, String)> = query.load(conn)?;
    let mut lines =
        rows.into_iter().map(|row| Ok(line(ledger_event(row)?))).collect::<Result<Vec<_>, Fault>>()?;
    let more = cut(&mut lines, wanted.limit);
    lines.sort_by_key(|event| event.id);
    Ok(Answer::Events { events: lines, more, last })
}

fn line(event: LedgerEvent) -> EventLine {
    let LedgerEvent { id, at, kind, market, text } = event;
    EventLine { id, at, kind, market, text }
}
