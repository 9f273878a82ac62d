//! Korean minutes of earlier days, and volatility interruptions (KIS.md 9.5, 10.2). Real host only.

use chrono::{DateTime, NaiveDate, Utc};
use domain::Market;
use serde_json::{Value, json};

use super::bars;
use super::call::{Call, Reply};
use super::domestic_bars::{hour, minute_head, minute_row};
use super::domestic_quotes::quote;
use super::refusal::{self, Refusal};
use super::sessions;
use super::venue::Venue;
use super::wire;

/// Bars of one answer.
const BARS: usize = 120;
/// Days that one answer looks back at most; a hundred and twenty minutes never need more.
const DAYS_BACK: usize = 2;

/// `inquire-time-dailychartprice`: minutes at or before an hour of a day, newest first; `FID_PW_DATA_INCU_YN` Y goes on into
/// the day before.
pub(super) fn minutes(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    let quote = quote(venue, call)?;
    let date = call.date("FID_INPUT_DATE_1")?;
    let hour = hour(call)?;
    let days = if call.get("FID_PW_DATA_INCU_YN") == "Y" { DAYS_BACK } else { 1 };
    let mut rows: Vec<Value> = Vec::new();
    for (back, date) in wanted_days(venue, date, days).into_iter().enumerate() {
        let until = if back == 0 { hour } else { "240000" };
        let mut day =
            day_rows(venue, quote.listing, date, quote.index.filter(|_| date == quote.session.date));
        day.retain(|(at, _)| wire::korean_time(*at).as_str() <= until);
        rows.extend(day.into_iter().rev().map(|(_, row)| row));
    }
    rows.truncate(BARS);
    Ok(Reply::quote(vec![("output1", minute_head(&quote)), ("output2", rows.into())]))
}

/// `date` and the sessions before it, `count` in all.
fn wanted_days(venue: &Venue, date: NaiveDate, count: usize) -> Vec<NaiveDate> {
    let before = |day: &NaiveDate| Some(venue.closed.shifted(Market::Kr, *day, -1));
    std::iter::successors(Some(date), before).take(count).collect()
}

/// The minutes of one day, oldest first: of today up to the step shown, of an earlier day all of them, of a later one none.
fn day_rows(
    venue: &mut Venue,
    listing: &'static super::listing::Listing,
    date: NaiveDate,
    shown: Option<usize>,
) -> Vec<(DateTime<Utc>, Value)> {
    let Some(session) = sessions::session(Market::Kr, date) else { return Vec::new() };
    let tape = venue.tape(listing);
    let steps = tape.steps_of(date).unwrap_or_default();
    let steps = if tape.is_today(date) { &steps[..shown.map_or(0, |last| last + 1)] } else { &steps[..] };
    let mut traded = 0;
    bars::of_steps(&session, steps, 1)
        .into_iter()
        .map(|minute| {
            traded += minute.bar.value;
            (minute.at, minute_row(minute.at, &minute.bar, traded))
        })
        .collect()
}

/// `inquire-vi-status`: no stock is ever interrupted here, so the list is empty.
pub(super) fn interruptions(_: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    if call.get("FID_COND_SCR_DIV_CODE") != "20139" {
        return Err(refusal::invalid("FID_COND_SCR_DIV_CODE"));
    }
    call.date("FID_INPUT_DATE_1")?;
    Ok(Reply::quote(vec![("output", json!([]))]))
}
