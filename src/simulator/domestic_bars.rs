//! Korean bars: days, weeks, months and years, and today's minutes (KIS.md 9.3 to 9.5).

use chrono::{DateTime, TimeDelta, Utc};
use domain::Market;
use serde_json::{Value, json};

use super::bars::Minute;
use super::book::Book;
use super::call::{Call, Reply};
use super::domestic_quotes::{capitalisation, change, extremes, quote, turnover, value_text};
use super::refusal::{self, Refusal};
use super::tape::Bar;
use super::venue::{Quote, Venue};
use super::wire::{self, Change, fixed};
use super::{bars, rules};

/// Bars of one answer of the period chart.
const CHART_BARS: usize = 100;
/// Bars of one answer of the daily and the minute inquiry.
const SHORT_BARS: usize = 30;

/// `inquire-daily-itemchartprice`: the newest hundred bars of a range, newest first, today's still growing.
pub(super) fn daily_chart(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    let quote = quote(venue, call)?;
    let first =
        wire::parse_date(call.get("FID_INPUT_DATE_1")).ok_or_else(|| refusal::invalid("FID_INPUT_DATE_1"))?;
    let last =
        wire::parse_date(call.get("FID_INPUT_DATE_2")).ok_or_else(|| refusal::invalid("FID_INPUT_DATE_2"))?;
    let period = period(call)?;
    let all = bars::with_today(venue.tape(quote.listing).bars(), quote.bar);
    let all = bars::grouped(&all, period);
    let rows = newest(&all, |bar| (first..=last).contains(&bar.date), CHART_BARS);
    let rows: Vec<Value> = rows.into_iter().map(|(bar, base)| chart_row(bar, base)).collect();
    Ok(Reply::quote(vec![("output1", chart_head(&quote)), ("output2", rows.into())]))
}

pub(super) fn period(call: &Call) -> Result<bars::Period, Refusal> {
    match call.get("FID_PERIOD_DIV_CODE") {
        "D" => Ok(bars::Period::Day),
        "W" => Ok(bars::Period::Week),
        "M" => Ok(bars::Period::Month),
        "Y" => Ok(bars::Period::Year),
        _ => Err(refusal::invalid("FID_PERIOD_DIV_CODE")),
    }
}

/// The newest `most` bars that `wanted` accepts, newest first, each with the close before it.
fn newest(all: &[Bar], wanted: impl Fn(&Bar) -> bool, most: usize) -> Vec<(Bar, i64)> {
    let before = |index: usize| index.checked_sub(1).map_or(all[index].open, |index| all[index].close);
    let chosen = (0..all.len()).rev().filter(|index| wanted(&all[*index])).take(most);
    chosen.map(|index| (all[index], before(index))).collect()
}

fn chart_row(bar: Bar, base: i64) -> Value {
    let change = Change::between(base, bar.close, rules::limits(Market::Kr, base));
    json!({
        "stck_bsop_date": wire::date(bar.date),
        "stck_clpr": bar.close.to_string(),
        "stck_oprc": bar.open.to_string(),
        "stck_hgpr": bar.high.to_string(),
        "stck_lwpr": bar.low.to_string(),
        "acml_vol": bar.volume.to_string(),
        "acml_tr_pbmn": bar.value.to_string(),
        "flng_cls_code": "00",
        "prtt_rate": "0.00",
        "mod_yn": "N",
        "prdy_vrss_sign": change.sign(),
        "prdy_vrss": change.units.to_string(),
        "revl_issu_reas": "",
    })
}

fn chart_head(quote: &Quote) -> Value {
    let change = change(quote);
    let [open, high, low] = extremes(quote);
    let (lower, upper) = quote.limits().unwrap_or((0, 0));
    let before = quote.previous;
    let of = |pick: fn(&Bar) -> i64| before.as_ref().map_or(0, pick).to_string();
    let earlier_volume = before.map_or(0, |bar| i64::try_from(bar.volume).unwrap_or(i64::MAX));
    let volume = i64::try_from(quote.volume()).unwrap_or(i64::MAX);
    json!({
        "prdy_vrss": change.units.to_string(),
        "prdy_vrss_sign": change.sign(),
        "prdy_ctrt": change.percent_text(),
        "stck_prdy_clpr": quote.base.to_string(),
        "acml_vol": volume.to_string(),
        "acml_tr_pbmn": value_text(quote.bar),
        "hts_kor_isnm": quote.listing.name,
        "stck_prpr": quote.last.to_string(),
        "stck_shrn_iscd": quote.listing.symbol,
        "prdy_vol": earlier_volume.to_string(),
        "stck_mxpr": upper.to_string(),
        "stck_llam": lower.to_string(),
        "stck_oprc": open,
        "stck_hgpr": high,
        "stck_lwpr": low,
        "stck_prdy_oprc": of(|bar| bar.open),
        "stck_prdy_hgpr": of(|bar| bar.high),
        "stck_prdy_lwpr": of(|bar| bar.low),
        "askp": quote.book.as_ref().map_or(0, Book::best_ask).to_string(),
        "bidp": quote.book.as_ref().map_or(0, Book::best_bid).to_string(),
        "prdy_vrss_vol": (volume - earlier_volume).to_string(),
        "vol_tnrt": fixed(turnover(quote), 2),
        "stck_fcam": "0",
        "lstn_stcn": (quote.listing.shares_thousand * 1_000).to_string(),
        "cpfn": "0",
        "hts_avls": capitalisation(quote).to_string(),
        "per": "0.00",
        "eps": "0.00",
        "pbr": "0.00",
        "itewhol_loan_rmnd_ratem": "0.00",
    })
}

/// `inquire-daily-price`: the last thirty bars, newest first.
pub(super) fn last_days(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    let quote = quote(venue, call)?;
    let period = period(call)?;
    let all = bars::grouped(&bars::with_today(venue.tape(quote.listing).bars(), quote.bar), period);
    let rows = newest(&all, |_| true, SHORT_BARS).into_iter().map(|(bar, base)| day_row(bar, base));
    Ok(Reply::quote(vec![("output", rows.collect::<Vec<_>>().into())]))
}

fn day_row(bar: Bar, base: i64) -> Value {
    let change = Change::between(base, bar.close, rules::limits(Market::Kr, base));
    json!({
        "stck_bsop_date": wire::date(bar.date),
        "stck_oprc": bar.open.to_string(),
        "stck_hgpr": bar.high.to_string(),
        "stck_lwpr": bar.low.to_string(),
        "stck_clpr": bar.close.to_string(),
        "acml_vol": bar.volume.to_string(),
        "prdy_vrss_vol_rate": "0.00",
        "prdy_vrss": change.units.to_string(),
        "prdy_vrss_sign": change.sign(),
        "prdy_ctrt": change.percent_text(),
        "hts_frgn_ehrt": "0.00",
        "frgn_ntby_qty": "0",
        "flng_cls_code": "00",
        "acml_prtt_rate": "1.00",
    })
}

/// `inquire-time-itemchartprice`: today's minutes at or before an hour, newest first, thirty at most. While the market
/// trades, an hour that is still to come repeats the last price, without volume, up to it (KIS.md 9.5).
pub(super) fn minute_chart(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    let quote = quote(venue, call)?;
    let until = hour(call)?;
    let mut minutes = bars::minutes(venue.tape(quote.listing), &quote, 1);
    if quote.session.is_trading(venue.now()) {
        minutes.extend(to_come(&quote, minutes.last().copied(), until));
    }
    let mut traded = 0;
    let mut rows = Vec::new();
    for minute in minutes {
        traded += minute.bar.value;
        if wire::korean_time(minute.at).as_str() <= until {
            rows.push(minute_row(minute.at, &minute.bar, traded));
        }
    }
    rows.reverse();
    rows.truncate(SHORT_BARS);
    Ok(Reply::quote(vec![("output1", minute_head(&quote)), ("output2", rows.into())]))
}

/// `FID_INPUT_HOUR_1`: six digits.
pub(super) fn hour(call: &Call) -> Result<&str, Refusal> {
    let hour = call.get("FID_INPUT_HOUR_1");
    let is_right = hour.len() == 6 && hour.bytes().all(|byte| byte.is_ascii_digit());
    if is_right { Ok(hour) } else { Err(refusal::invalid("FID_INPUT_HOUR_1")) }
}

/// The minutes after `last` up to `until` or the close.
fn to_come(quote: &Quote, last: Option<Minute>, until: &str) -> Vec<Minute> {
    let price = quote.last;
    let minute = |at| {
        let date = quote.session.date;
        let bar = Bar { date, open: price, high: price, low: price, close: price, volume: 0, value: 0 };
        Minute { at, bar }
    };
    let next = |minute: &DateTime<Utc>| Some(*minute + TimeDelta::minutes(1));
    let later = std::iter::successors(last.map(|last| last.at), next).skip(1);
    later
        .take_while(|at| *at <= quote.session.close && wire::korean_time(*at).as_str() <= until)
        .map(minute)
        .collect()
}

/// One minute; `traded` is the day's value up to it.
pub(super) fn minute_row(at: DateTime<Utc>, bar: &Bar, traded: i64) -> Value {
    json!({
        "stck_bsop_date": wire::date(bar.date),
        "stck_cntg_hour": wire::korean_time(at),
        "stck_prpr": bar.close.to_string(),
        "stck_oprc": bar.open.to_string(),
        "stck_hgpr": bar.high.to_string(),
        "stck_lwpr": bar.low.to_string(),
        "cntg_vol": bar.volume.to_string(),
        "acml_tr_pbmn": traded.to_string(),
    })
}

/// What stands above minutes: the stock as it is now.
pub(super) fn minute_head(quote: &Quote) -> Value {
    let change = change(quote);
    json!({
        "prdy_vrss": change.units.to_string(),
        "prdy_vrss_sign": change.sign(),
        "prdy_ctrt": change.percent_text(),
        "stck_prdy_clpr": quote.base.to_string(),
        "acml_vol": quote.volume().to_string(),
        "acml_tr_pbmn": value_text(quote.bar),
        "hts_kor_isnm": quote.listing.name,
        "stck_prpr": quote.last.to_string(),
    })
}
