//! Rankings, on the real host only (KIS.md 9.6, 9.7, 13.6).

use std::cmp::Reverse;

use domain::Market;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::book::Book;
use super::call::{Call, Reply};
use super::overseas_quotes::{by_quote_code, change, decimals_asked, shown, sign};
use super::refusal::{self, Refusal};
use super::screen::Screen;
use super::sessions::STEP_SECONDS;
use super::tape::Bar;
use super::venue::{Quote, Venue};
use super::wire::{self, Change, fixed};

/// Rows of a Korean ranking.
const DOMESTIC_ROWS: usize = 30;
/// Rows of a foreign ranking.
const FOREIGN_ROWS: usize = 100;
/// Days that make a stock's usual volume.
const USUAL_DAYS: usize = 20;

/// Every stock of `market` as it stands now.
pub(super) fn quotes(venue: &mut Venue, market: Market) -> Vec<Quote> {
    let listings = venue.listings(market);
    listings.into_iter().filter_map(|listing| venue.quote(listing)).collect()
}

fn check_domestic(call: &Call, screen: &str) -> Result<(), Refusal> {
    if !matches!(call.get("FID_COND_MRKT_DIV_CODE"), "J" | "UN") {
        return Err(Refusal::input("OPSQ2001", "ERROR : INPUT INVALID_CHECK_MRKT_DIV_CODE"));
    }
    if call.get("FID_COND_SCR_DIV_CODE") != screen {
        return Err(refusal::invalid("FID_COND_SCR_DIV_CODE"));
    }
    Ok(())
}

/// Volume against what is usual, in percent.
pub(super) fn increase(volume: u64, usual: u64) -> Decimal {
    wire::ratio(volume.into(), usual.into())
}

/// The mean volume of the days before today.
pub(super) fn usual_volume(days: &[Bar]) -> u64 {
    let recent: Vec<u64> = days.iter().rev().take(USUAL_DAYS).map(|bar| bar.volume).collect();
    let count = u64::try_from(recent.len()).unwrap_or(1).max(1);
    recent.iter().sum::<u64>() / count
}

/// `volume-rank`: by mean volume, increase, turnover or traded value.
pub(super) fn domestic_volume(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    check_domestic(call, "20171")?;
    let screen = Screen::of(call)?;
    let mut ranked: Vec<(Quote, u64)> = Vec::new();
    for quote in quotes(venue, Market::Kr).into_iter().filter(|quote| screen.keeps(quote)) {
        let usual = usual_volume(venue.tape(quote.listing).bars());
        ranked.push((quote, usual));
    }
    let value = |quote: &Quote| quote.bar.map_or(0, |bar| bar.value);
    match call.get("FID_BLNG_CLS_CODE") {
        "0" => ranked.sort_by_key(|(quote, _)| Reverse(quote.volume())),
        "1" => ranked.sort_by_key(|(quote, usual)| Reverse(increase(quote.volume(), *usual))),
        "2" | "4" => ranked.sort_by_key(|(quote, _)| Reverse(turnover(quote))),
        "3" => ranked.sort_by_key(|(quote, _)| Reverse(value(quote))),
        _ => return Err(refusal::invalid("FID_BLNG_CLS_CODE")),
    }
    let rows = ranked.iter().take(DOMESTIC_ROWS).enumerate();
    let rows: Vec<Value> = rows.map(|(index, (quote, usual))| volume_row(index + 1, quote, *usual)).collect();
    Ok(Reply::quote(vec![("output", rows.into())]))
}

fn turnover(quote: &Quote) -> Decimal {
    wire::ratio(quote.volume().into(), Decimal::from(quote.listing.shares_thousand * 1_000))
}

fn volume_row(rank: usize, quote: &Quote, usual: u64) -> Value {
    let change = Change::between(quote.base, quote.last, quote.limits());
    let value = quote.bar.map_or(0, |bar| bar.value).to_string();
    let turnover = fixed(turnover(quote), 2);
    json!({
        "hts_kor_isnm": quote.listing.name,
        "mksc_shrn_iscd": quote.listing.symbol,
        "data_rank": rank.to_string(),
        "stck_prpr": quote.last.to_string(),
        "prdy_vrss_sign": change.sign(),
        "prdy_vrss": change.units.to_string(),
        "prdy_ctrt": change.percent_text(),
        "acml_vol": quote.volume().to_string(),
        "prdy_vol": quote.previous.map_or(0, |bar| bar.volume).to_string(),
        "lstn_stcn": (quote.listing.shares_thousand * 1_000).to_string(),
        "avrg_vol": usual.to_string(),
        "n_befr_clpr_vrss_prpr_rate": change.percent_text(),
        "vol_inrt": fixed(increase(quote.volume(), usual), 2),
        "vol_tnrt": turnover,
        "nday_vol_tnrt": turnover,
        "avrg_tr_pbmn": value,
        "tr_pbmn_tnrt": turnover,
        "nday_tr_pbmn_tnrt": turnover,
        "acml_tr_pbmn": value,
    })
}

/// `fluctuation`: gainers, losers, or by the move since the open. The sort code is one digit (KIS.md 9.7).
pub(super) fn domestic_fluctuation(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    check_domestic(call, "20170")?;
    let screen = Screen::of(call)?;
    let mut ranked = quotes(venue, Market::Kr);
    ranked.retain(|quote| screen.keeps(quote));
    let is_since_extreme = match call.get("FID_PRC_CLS_CODE") {
        "0" => true,
        "1" => false,
        _ => return Err(refusal::invalid("FID_PRC_CLS_CODE")),
    };
    // Gainers may be asked for against the day's low, losers against its high.
    let day = |quote: &Quote, extreme: fn(&Bar) -> i64| {
        let from = quote.bar.as_ref().filter(|_| is_since_extreme).map_or(quote.base, extreme);
        wire::percent(quote.last - from, from)
    };
    let since_open =
        |quote: &Quote| quote.bar.map_or(Decimal::ZERO, |bar| wire::percent(quote.last - bar.open, bar.open));
    let range =
        |quote: &Quote| quote.bar.map_or(Decimal::ZERO, |bar| wire::percent(bar.high - bar.low, bar.low));
    match call.get("FID_RANK_SORT_CLS_CODE") {
        "0" => ranked.sort_by_key(|quote| Reverse(day(quote, |bar| bar.low))),
        "1" => ranked.sort_by_key(|quote| day(quote, |bar| bar.high)),
        "2" => ranked.sort_by_key(|quote| Reverse(since_open(quote))),
        "3" => ranked.sort_by_key(since_open),
        "4" => ranked.sort_by_key(|quote| Reverse(range(quote))),
        _ => return Err(refusal::invalid("FID_RANK_SORT_CLS_CODE")),
    }
    let mut rows = Vec::new();
    for (index, quote) in ranked.iter().take(DOMESTIC_ROWS).enumerate() {
        let run = run_of_closes(venue.tape(quote.listing).bars(), quote.last);
        let hours = extreme_hours(venue, quote);
        rows.push(fluctuation_row(index + 1, quote, run, hours));
    }
    Ok(Reply::quote(vec![("output", rows.into())]))
}

/// How many days in a row, today included, closed higher and lower; one of the two is zero.
fn run_of_closes(days: &[Bar], last: i64) -> (usize, usize) {
    let closes: Vec<i64> = days.iter().map(|bar| bar.close).chain([last]).collect();
    let pairs = || closes.windows(2).rev();
    let rising = pairs().take_while(|pair| pair[1] > pair[0]).count();
    let falling = pairs().take_while(|pair| pair[1] < pair[0]).count();
    (rising, falling)
}

/// When today's high and low were first seen; blank before the open.
fn extreme_hours(venue: &mut Venue, quote: &Quote) -> [String; 2] {
    let steps = venue.tape(quote.listing).steps_of(quote.session.date).unwrap_or_default();
    let shown = &steps[..quote.index.map_or(0, |index| index + 1).min(steps.len())];
    let first_at = |price: Option<i64>| {
        let index = price.and_then(|price| shown.iter().position(|step| step.price == price));
        index.map_or(String::new(), |index| wire::korean_time(quote.session.time_of(index)))
    };
    let prices = || shown.iter().map(|step| step.price);
    [first_at(prices().max()), first_at(prices().min())]
}

fn fluctuation_row(
    rank: usize,
    quote: &Quote,
    (rising, falling): (usize, usize),
    [high_hour, low_hour]: [String; 2],
) -> Value {
    let change = Change::between(quote.base, quote.last, quote.limits());
    let [open, high, low] = quote.bar.map_or([quote.last; 3], |bar| [bar.open, bar.high, bar.low]);
    let since = |units: i64| fixed(wire::percent(quote.last - units, units), 2);
    let date = wire::date(quote.session.date);
    let opened = Change::between(open, quote.last, None);
    json!({
        "stck_shrn_iscd": quote.listing.symbol,
        "data_rank": rank.to_string(),
        "hts_kor_isnm": quote.listing.name,
        "stck_prpr": quote.last.to_string(),
        "prdy_vrss": change.units.to_string(),
        "prdy_vrss_sign": change.sign(),
        "prdy_ctrt": change.percent_text(),
        "acml_vol": quote.volume().to_string(),
        "stck_hgpr": high.to_string(),
        "hgpr_hour": high_hour,
        "acml_hgpr_date": date,
        "stck_lwpr": low.to_string(),
        "lwpr_hour": low_hour,
        "acml_lwpr_date": date,
        "lwpr_vrss_prpr_rate": since(low),
        "dsgt_date_clpr_vrss_prpr_rate": change.percent_text(),
        "cnnt_ascn_dynu": rising.to_string(),
        "hgpr_vrss_prpr_rate": since(high),
        "cnnt_down_dynu": falling.to_string(),
        "oprc_vrss_prpr_sign": opened.sign(),
        "oprc_vrss_prpr": opened.units.to_string(),
        "oprc_vrss_prpr_rate": opened.percent_text(),
        "prd_rsfl": change.units.to_string(),
        "prd_rsfl_rate": change.percent_text(),
    })
}

/// The quotes that a US ranking is made of: one market, above a volume.
pub(super) fn foreign_quotes(venue: &mut Venue, call: &Call) -> Result<Vec<Quote>, Refusal> {
    let place = by_quote_code(call.get("EXCD")).ok_or_else(|| refusal::invalid("EXCD"))?;
    let least = least_volume(call)?;
    Ok(quotes(venue, place.market).into_iter().filter(|quote| quote.volume() >= least).collect())
}

/// `VOL_RANG` as shares (KIS.md 7.4).
fn least_volume(call: &Call) -> Result<u64, Refusal> {
    match call.get("VOL_RANG") {
        "0" => Ok(0),
        "1" => Ok(100),
        "2" => Ok(1_000),
        "3" => Ok(10_000),
        "4" => Ok(100_000),
        "5" => Ok(1_000_000),
        "6" => Ok(10_000_000),
        _ => Err(refusal::invalid("VOL_RANG")),
    }
}

/// Sessions back that `NDAY` means, today being none (KIS.md 7.4).
pub(super) fn days_back(call: &Call) -> Result<usize, Refusal> {
    let days = [0, 1, 2, 4, 9, 19, 29, 59, 119, 249];
    let index: usize = call.get("NDAY").parse().map_err(|_| refusal::invalid("NDAY"))?;
    days.get(index).copied().ok_or_else(|| refusal::invalid("NDAY"))
}

/// Minutes that `MIXN` means (KIS.md 7.4).
pub(super) fn minutes_back(call: &Call) -> Result<usize, Refusal> {
    let minutes = [1, 2, 3, 5, 10, 15, 20, 30, 60, 120];
    let index: usize = call.get("MIXN").parse().map_err(|_| refusal::invalid("MIXN"))?;
    minutes.get(index).copied().ok_or_else(|| refusal::invalid("MIXN"))
}

/// `updown-rate`: gainers with `GUBN` 1, losers with 0, against the close so many days ago.
pub(super) fn overseas_fluctuation(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    let back = days_back(call)?;
    let mut ranked: Vec<(Quote, i64)> = Vec::new();
    for quote in foreign_quotes(venue, call)? {
        let days = venue.tape(quote.listing).bars();
        let reference = days.iter().rev().nth(back).map_or(quote.base, |bar| bar.close);
        ranked.push((quote, reference));
    }
    let moved = |(quote, reference): &(Quote, i64)| wire::percent(quote.last - reference, *reference);
    match call.get("GUBN") {
        "1" => ranked.sort_by_key(|entry| Reverse(moved(entry))),
        "0" => ranked.sort_by_key(moved),
        _ => return Err(refusal::invalid("GUBN")),
    }
    let rows = ranked.iter().take(FOREIGN_ROWS).enumerate();
    let rows: Vec<Value> =
        rows.map(|(index, (quote, reference))| updown_row(index + 1, call, quote, *reference)).collect();
    let count = rows.len().to_string();
    let head = json!({"zdiv": decimals_asked(call), "stat": "무료실시간", "crec": count, "trec": count, "nrec": count});
    Ok(Reply::quote(vec![("output1", head), ("output2", rows.into())]))
}

fn updown_row(rank: usize, call: &Call, quote: &Quote, reference: i64) -> Value {
    let since = Change::between(reference, quote.last, None);
    let mut row = ranking_row(call, quote);
    row.extend(
        [
            ("name", quote.listing.name.to_owned()),
            ("ename", quote.listing.english.to_owned()),
            ("n_base", shown(quote.listing.market, reference)),
            ("n_diff", shown(quote.listing.market, since.units.abs())),
            ("n_rate", since.signed_percent()),
            ("rank", rank.to_string()),
        ]
        .map(|(key, value)| (key.to_owned(), Value::from(value))),
    );
    Value::Object(row)
}

pub(super) fn ranking_row(call: &Call, quote: &Quote) -> serde_json::Map<String, Value> {
    let change = change(quote);
    let text = [
        ("rsym", format!("D{}{}", call.get("EXCD"), quote.listing.symbol)),
        ("excd", call.get("EXCD").to_owned()),
        ("symb", quote.listing.symbol.to_owned()),
        ("last", shown(quote.listing.market, quote.last)),
        ("sign", sign(quote).to_owned()),
        ("diff", shown(quote.listing.market, change.units.abs())),
        ("rate", change.signed_percent()),
        ("tvol", quote.volume().to_string()),
        ("pask", shown(quote.listing.market, quote.book.as_ref().map_or(0, Book::best_ask))),
        ("pbid", shown(quote.listing.market, quote.book.as_ref().map_or(0, Book::best_bid))),
        ("e_ordyn", "○".to_owned()),
    ];
    text.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect()
}

/// `volume-surge`: today's volume against what it was so many minutes ago. Without a reference yet, the rate is zero.
pub(super) fn overseas_volume_surge(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    let steps = minutes_back(call)? * usize::try_from(60 / STEP_SECONDS).unwrap_or(1);
    let mut ranked: Vec<(Quote, u64)> = Vec::new();
    for quote in foreign_quotes(venue, call)? {
        let earlier = quote.index.and_then(|index| index.checked_sub(steps));
        let reference =
            earlier.and_then(|index| venue.tape(quote.listing).bar(0, index)).map_or(0, |bar| bar.volume);
        ranked.push((quote, reference));
    }
    let rate = |(quote, reference): &(Quote, u64)| {
        let more = quote.volume().saturating_sub(*reference);
        wire::ratio(more.into(), (*reference).into())
    };
    ranked.sort_by_key(|entry| Reverse(rate(entry)));
    let rows: Vec<Value> = ranked
        .iter()
        .take(FOREIGN_ROWS)
        .map(|entry| surge_row(call, &entry.0, entry.1, rate(entry)))
        .collect();
    let head = json!({"zdiv": decimals_asked(call), "stat": "무료실시간", "nrec": rows.len().to_string()});
    Ok(Reply::quote(vec![("output1", head), ("output2", rows.into())]))
}

fn surge_row(call: &Call, quote: &Quote, reference: u64, rate: Decimal) -> Value {
    let mut row = ranking_row(call, quote);
    row.extend(
        [
            ("knam", quote.listing.name.to_owned()),
            ("enam", quote.listing.english.to_owned()),
            ("n_tvol", reference.to_string()),
            ("n_diff", quote.volume().saturating_sub(reference).to_string()),
            ("n_rate", wire::signed(rate)),
        ]
        .map(|(key, value)| (key.to_owned(), Value::from(value))),
    );
    Value::Object(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_closes_counts_today() {
        let date = chrono::NaiveDate::MIN;
        let bar = |close| Bar { date, open: close, high: close, low: close, close, volume: 1, value: close };
        let days = [bar(5), bar(4), bar(6), bar(7)];
        assert_eq!(run_of_closes(&days, 8), (3, 0));
        assert_eq!(run_of_closes(&days, 7), (0, 0));
        assert_eq!(run_of_closes(&days, 6), (0, 1));
    }

    #[test]
    fn the_usual_volume_is_the_mean_of_recent_days() {
        let date = chrono::NaiveDate::MIN;
        let bar = |volume| Bar { date, open: 1, high: 1, low: 1, close: 1, volume, value: 1 };
        assert_eq!(usual_volume(&[bar(100), bar(300)]), 200);
        assert_eq!(usual_volume(&[]), 0);
    }
}
