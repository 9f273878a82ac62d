//! The Korean calendar as KIS tells it: business days, and the hours of the futures market (KIS.md 10.1, 10.2).

use chrono::{Datelike, Days, NaiveDate};
use domain::Market;
use serde_json::{Value, json};

use super::call::{Call, Reply};
use super::refusal::{self, Refusal};
use super::venue::Venue;
use super::wire;

/// Days of one answer.
const DAYS: u64 = 24;
/// The two keys of the next page are this wide, in bytes.
const KEY_BYTES: usize = 20;

/// `chk-holiday`: consecutive days from `BASS_DT`, or from the day after the last page. The calendar is known to the end of
/// next year.
pub(super) fn holidays(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    let base = wire::parse_date(call.get("BASS_DT")).ok_or_else(|| refusal::invalid("BASS_DT"))?;
    let seen = wire::parse_date(call.get("CTX_AREA_NK")).filter(|_| call.next_page);
    let first = seen.and_then(|date| date.checked_add_days(Days::new(1))).unwrap_or(base);
    let known_to = NaiveDate::from_ymd_opt(Market::Kr.date_at(venue.now()).year() + 1, 12, 31);
    let is_known = |date: &NaiveDate| known_to.is_none_or(|last| *date <= last);
    let days: Vec<NaiveDate> =
        (0..DAYS).filter_map(|offset| first.checked_add_days(Days::new(offset))).filter(is_known).collect();
    let last = days.last().copied();
    let more = last.and_then(|date| date.checked_add_days(Days::new(1))).filter(is_known).is_some();
    let rows: Vec<Value> = days.iter().map(|date| day(venue, *date)).collect();
    let next = last.filter(|_| more).map_or(String::new(), wire::date);
    let parts = vec![
        ("ctx_area_nk", wire::pad(&next, KEY_BYTES).into()),
        ("ctx_area_fk", wire::pad(&wire::date(base), KEY_BYTES).into()),
        ("output", Value::from(rows)),
    ];
    Ok(Reply::part(more, days.is_empty(), parts))
}

/// Sundays count as 01. The third flag is the one that tells whether the market opens; KIS calls every day a trading day of
/// the house, as its own sample does.
fn day(venue: &Venue, date: NaiveDate) -> Value {
    let opens = venue.closed.opens(Market::Kr, date);
    let flag = |yes: bool| if yes { "Y" } else { "N" };
    json!({
        "bass_dt": wire::date(date),
        "wday_dvsn_cd": format!("{:02}", date.weekday().number_from_sunday()),
        "bzdy_yn": flag(opens || venue.closed.is_year_end_closing(Market::Kr, date)),
        "tr_day_yn": "Y",
        "opnd_yn": flag(opens),
        "sttl_day_yn": flag(opens),
    })
}

/// `market-time`: five business days around the present one, and the server's clock.
pub(super) fn market_time(venue: &mut Venue, _: &Call) -> Result<Reply, Refusal> {
    let now = venue.now();
    let today = Market::Kr.date_at(now);
    let closed = &venue.closed;
    let middle = if closed.opens(Market::Kr, today) { today } else { closed.shifted(Market::Kr, today, 1) };
    let around = |count| wire::date(closed.shifted(Market::Kr, middle, count));
    let output = json!({
        "date1": around(-2),
        "date2": around(-1),
        "date3": around(0),
        "date4": around(1),
        "date5": around(2),
        "today": wire::date(today),
        "time": wire::korean_time(now),
        "s_time": "084500",
        "e_time": "154500",
    });
    Ok(Reply::quote(vec![("output1", output)]))
}
