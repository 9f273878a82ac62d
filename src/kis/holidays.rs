//! The broker's own list of days (KIS.md 10.1). KIS has one of Korea, for real accounts, and wants it asked at most once a
//! day; MarketClock sees to that.
//!
//! `countries-holiday` is none of foreign markets: it tells settlement dates, and a market that is missing from it proves
//! nothing (KIS.md 10.1, CALENDARS.md 4.1). It is not asked.

use std::collections::BTreeMap;

use broker::Urgency;
use chrono::NaiveDate;
use domain::Market;
use domain::messages::market_data::QueryError;
use domain::messages::proof::ListedDay;

use super::bars;
use super::call::Session;
use super::trid::reads;
use super::wire::{Row, WireError};

/// About 24 days from `from` on, oldest first. There are further pages, but KIS repeats dates in them, and the next day
/// brings the next list.
///
/// # Errors
/// [`QueryError::NotOffered`] for foreign markets and paper accounts; [`QueryError::Malformed`] when a date is told twice
/// in two ways, or a flag is neither Y nor N.
pub(super) async fn listed_days(
    session: &Session,
    market: Market,
    from: NaiveDate,
) -> Result<Vec<ListedDay>, QueryError> {
    if !market.is_domestic() {
        return Err(QueryError::NotOffered(format!("KIS has no list of days of {market}")));
    }
    let question = session
        .question(&reads::KR_DAYS, Urgency::Reconcile)?
        .with([("BASS_DT", bars::compact(from))])
        .with([("CTX_AREA_NK", ""), ("CTX_AREA_FK", "")]);
    let rows = session.ask(&question).await?.rows(&["output"])?;
    if rows.is_empty() {
        return Err(QueryError::Malformed("the list has no day".into()));
    }
    let mut days = BTreeMap::new();
    for row in &rows {
        let ListedDay { date, opens } = listed_day(row)?;
        if days.insert(date, opens).is_some_and(|before| before != opens) {
            return Err(QueryError::Malformed(format!("the list has {date} both open and closed")));
        }
    }
    let days = days.into_iter().filter(|(date, _)| *date >= from);
    Ok(days.map(|(date, opens)| ListedDay { date, opens }).collect())
}

/// `opnd_yn` alone tells whether the exchange opens: on the last weekday of a year banks and brokers work all the same.
fn listed_day(row: &Row) -> Result<ListedDay, WireError> {
    let opens = match row.required("opnd_yn")? {
        "Y" => true,
        "N" => false,
        _other => return Err(row.bad("opnd_yn")),
    };
    Ok(ListedDay { date: row.date("bass_dt")?, opens })
}

#[cfg(test)]
mod tests;
