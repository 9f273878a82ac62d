//! Foreign quotes: price, detail, order book, daily and minute bars (KIS.md 13.1 to 13.5).

use chrono::{DateTime, TimeZone, Utc};
use domain::Market;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::book::{Book, LEVELS};
use super::call::{Call, Reply};
use super::places::won_per;
use super::refusal::{self, Refusal};
use super::rules::{self, FOREIGN};
use super::tape::Bar;
use super::venue::{Quote, Venue};
use super::wire::{self, Change, fixed};
use super::{bars, sessions};

/// Bars of one answer of the daily chart.
const CHART_BARS: usize = 100;
/// Most bars of one answer of the minute chart.
const MINUTE_BARS: usize = 120;
/// Days that one answer of it looks back at most: enough for the longest bars.
const MINUTE_DAYS: usize = 40;

/// The market called `code` in quotes.
pub(super) fn by_quote_code(code: &str) -> Option<&'static rules::Venue> {
    FOREIGN.iter().find(|venue| venue.quote_code == code)
}

/// A price as quotes of `market` write it, with `zdiv` decimals.
pub(super) fn shown(market: Market, units: i64) -> String {
    fixed(rules::decimal(market, units), rules::quoted_decimals(market))
}

/// `zdiv`: the decimals of the prices of `market`.
pub(super) fn decimals(market: Market) -> String {
    rules::quoted_decimals(market).to_string()
}

/// `zdiv` of a list for the exchange that is asked about.
pub(super) fn decimals_asked(call: &Call) -> String {
    by_quote_code(call.get("EXCD")).map_or(String::new(), |place| decimals(place.market))
}

/// Shares in a lot of `listing`.
pub(super) fn lot(listing: &super::listing::Listing) -> u64 {
    listing.lot
}

/// The change of a quote against yesterday's close.
pub(super) fn change(quote: &Quote) -> Change {
    Change::between(quote.base, quote.last, None)
}

/// Traded value in whole units of the market's currency.
pub(super) fn amount(market: Market, bar: Option<Bar>) -> String {
    (bar.map_or(0, |bar| bar.value) / 10_i64.pow(rules::scale(market))).to_string()
}

/// Blank until the session has begun, then 1 to 5 (KIS.md 7.4).
pub(super) fn sign(quote: &Quote) -> &'static str {
    if quote.index.is_none() { "0" } else { change(quote).sign() }
}

/// The stock asked about; none for an order code in place of a quote code, or an unknown symbol.
fn quote(venue: &mut Venue, call: &Call) -> Option<Quote> {
    let place = by_quote_code(call.get("EXCD"))?;
    let listing = venue.listing(place.market, call.get("SYMB"))?;
    venue.quote(listing)
}

/// The real-time key: D, exchange, symbol.
fn key(call: &Call) -> String {
    format!("D{}{}", call.get("EXCD"), call.get("SYMB"))
}

/// `price`. What is not known is answered with empty strings, not refused (KIS.md 13.1).
pub(super) fn price(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    let output = match quote(venue, call) {
        Some(quote) => known_price(call, &quote),
        None => {
            blank(call, &["zdiv", "base", "pvol", "last", "sign", "diff", "rate", "tvol", "tamt", "ordy"])
        }
    };
    Ok(Reply::quote(vec![("output", output)]))
}

fn known_price(call: &Call, quote: &Quote) -> Value {
    let change = change(quote);
    json!({
        "rsym": key(call),
        "zdiv": decimals(quote.listing.market),
        "base": shown(quote.listing.market, quote.base),
        "pvol": quote.previous.map_or(0, |bar| bar.volume).to_string(),
        "last": shown(quote.listing.market, quote.last),
        "sign": sign(quote),
        "diff": shown(quote.listing.market, change.units.abs()),
        "rate": change.signed_percent(),
        "tvol": quote.volume().to_string(),
        "tamt": amount(quote.listing.market, quote.bar),
        "ordy": "매도불가",
    })
}

fn blank(call: &Call, names: &[&str]) -> Value {
    let mut output: Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), Value::from(""))).collect();
    output.insert("rsym".into(), key(call).into());
    Value::Object(output)
}

/// `price-detail`: as the price, with lot, step, year's extremes. Figures of the company itself read zero.
pub(super) fn detail(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    let Some(quote) = quote(venue, call) else {
        let names =
            ["zdiv", "curr", "vnit", "open", "high", "low", "last", "base", "pvol", "tvol", "e_hogau"];
        return Ok(Reply::quote(vec![("output", blank(call, &names))]));
    };
    let year = bars::extremes(venue.tape(quote.listing).bars(), quote.bar);
    let mut output = detail_today(call, &quote);
    output.extend(wire::alike(["perx", "pbrx", "epsx", "bpsx"], "0.00"));
    let text = [
        ("mcap", "0".to_owned()),
        ("e_parp", "0.0000".to_owned()),
        ("h52p", shown(quote.listing.market, year.high)),
        ("h52d", year.high_date.map_or(String::new(), wire::date)),
        ("l52p", shown(quote.listing.market, year.low)),
        ("l52d", year.low_date.map_or(String::new(), wire::date)),
        ("e_icod", String::new()),
        ("etyp_nm", String::new()),
    ];
    output.extend(text.map(|(key, value)| (key.to_owned(), Value::from(value))));
    Ok(Reply::quote(vec![("output", Value::Object(output))]))
}

fn detail_today(call: &Call, quote: &Quote) -> Map<String, Value> {
    let change = change(quote);
    let market = quote.listing.market;
    let bar = quote.bar.map_or([0; 3], |bar| [bar.open, bar.high, bar.low]);
    let [open, high, low] = bar.map(|units| shown(market, units));
    let posted = won_per(market.currency());
    let won = |units: i64| fixed(rules::decimal(market, units) * posted, 0);
    let worth = rules::decimal(market, quote.last) * Decimal::from(quote.listing.shares_thousand * 1_000);
    let [lower, upper] = quote.limits().map_or([0, 0], |(lower, upper)| [lower, upper]);
    let text = [
        ("rsym", key(call)),
        ("zdiv", decimals(market)),
        ("curr", market.currency().code().into()),
        ("vnit", lot(quote.listing).to_string()),
        ("open", open),
        ("high", high),
        ("low", low),
        ("last", shown(quote.listing.market, quote.last)),
        ("base", shown(quote.listing.market, quote.base)),
        ("pvol", quote.previous.map_or(0, |bar| bar.volume).to_string()),
        ("pamt", amount(quote.listing.market, quote.previous)),
        ("uplp", shown(market, upper)),
        ("dnlp", shown(market, lower)),
        ("shar", (quote.listing.shares_thousand * 1_000).to_string()),
        ("tomv", fixed(worth, 0)),
        ("t_xprc", won(quote.last)),
        ("t_xdif", won(change.units.abs())),
        ("t_xrat", change.signed_percent()),
        ("p_xprc", "0".into()),
        ("p_xdif", "0".into()),
        ("p_xrat", " 0.00".into()),
        ("t_rate", fixed(posted, 2)),
        ("p_rate", String::new()),
        ("t_xsgn", sign(quote).into()),
        ("p_xsng", "3".into()),
        ("e_ordyn", "매매 가능".into()),
        ("e_hogau", shown(market, quote.listing.step(quote.last))),
        ("tvol", quote.volume().to_string()),
        ("tamt", amount(quote.listing.market, quote.bar)),
    ];
    text.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect()
}

/// `inquire-asking-price`: ten levels a side in one object.
pub(super) fn order_book(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    let empty = Book { asks: Vec::new(), bids: Vec::new() };
    let quote = quote(venue, call);
    let book = quote.as_ref().and_then(|quote| quote.book.clone()).unwrap_or(empty);
    let market = quote.as_ref().map_or(Market::UsNasdaq, |quote| quote.listing.market);
    let mut levels = Map::new();
    let mut totals = [0_u64; 2];
    for (side, (own, name)) in [(&book.bids, "bid"), (&book.asks, "ask")].into_iter().enumerate() {
        for level in 0..LEVELS {
            let (price, size) = own.get(level).map_or((0, 0), |level| (level.price, level.size));
            let place = level + 1;
            levels.insert(format!("p{name}{place}"), shown(market, price).into());
            levels.insert(format!("v{name}{place}"), size.to_string().into());
            levels.insert(format!("d{name}{place}"), "0".into());
            totals[side] += u64::from(size);
        }
    }
    let head = quote.as_ref().map_or_else(|| blank(call, &["last"]), |quote| book_head(call, quote, totals));
    let auction = json!({"vstm": "", "vetm": "", "csbp": "", "cshi": "", "cslo": "", "iep": "", "iev": ""});
    Ok(Reply::quote(vec![("output1", head), ("output2", Value::Object(levels)), ("output3", auction)]))
}

fn book_head(call: &Call, quote: &Quote, [bids, asks]: [u64; 2]) -> Value {
    let [open, high, low] = quote.bar.map_or([0; 3], |bar| [bar.open, bar.high, bar.low]);
    let at = quote.index.map_or(quote.session.orders_from, |index| quote.session.time_of(index));
    let against = |units: i64| {
        wire::signed(if units == 0 { Decimal::ZERO } else { wire::percent(units - quote.base, quote.base) })
    };
    json!({
        "rsym": key(call),
        "zdiv": decimals(quote.listing.market),
        "curr": quote.listing.market.currency().code(),
        "base": shown(quote.listing.market, quote.base),
        "open": shown(quote.listing.market, open),
        "high": shown(quote.listing.market, high),
        "low": shown(quote.listing.market, low),
        "last": shown(quote.listing.market, quote.last),
        "dymd": wire::date(quote.session.date),
        "dhms": wire::local_time(quote.listing.market, at),
        "bvol": bids.to_string(),
        "avol": asks.to_string(),
        "bdvl": "0",
        "advl": "0",
        "code": quote.listing.symbol,
        "ropen": against(open),
        "rhigh": against(high),
        "rlow": against(low),
        "rclose": against(quote.last),
    })
}

/// `dailyprice`: a hundred bars up to a date, newest first; rates are against the close before (KIS.md 13.3).
pub(super) fn daily_chart(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    let until = match call.get("BYMD") {
        "" => None,
        text => Some(wire::parse_date(text).ok_or_else(|| refusal::invalid("BYMD"))?),
    };
    let period = match call.get("GUBN") {
        "0" => bars::Period::Day,
        "1" => bars::Period::Week,
        "2" => bars::Period::Month,
        _ => return Err(refusal::invalid("GUBN")),
    };
    let Some(quote) = quote(venue, call) else {
        let head = json!({"rsym": key(call), "zdiv": "", "nrec": "0"});
        return Ok(Reply::quote(vec![("output1", head), ("output2", json!([]))]));
    };
    let all = bars::grouped(&bars::with_today(venue.tape(quote.listing).bars(), quote.bar), period);
    let chosen = (0..all.len()).rev().filter(|index| until.is_none_or(|until| all[*index].date <= until));
    let before = |index: usize| index.checked_sub(1).map_or(all[index].open, |index| all[index].close);
    let rows: Vec<Value> =
        chosen.take(CHART_BARS).map(|index| day_row(&quote, all[index], before(index))).collect();
    let head =
        json!({"rsym": key(call), "zdiv": decimals(quote.listing.market), "nrec": rows.len().to_string()});
    Ok(Reply::quote(vec![("output1", head), ("output2", rows.into())]))
}

fn day_row(quote: &Quote, bar: Bar, base: i64) -> Value {
    let change = Change::between(base, bar.close, None);
    let book = quote.book.as_ref().filter(|_| bar.date == quote.session.date);
    let best = |side: fn(&Book) -> &Vec<super::book::Level>| {
        book.and_then(|book| side(book).first()).map_or((bar.close, 1), |level| (level.price, level.size))
    };
    let (bid, ask) = (best(|book| &book.bids), best(|book| &book.asks));
    json!({
        "xymd": wire::date(bar.date),
        "clos": shown(quote.listing.market, bar.close),
        "sign": change.sign(),
        "diff": shown(quote.listing.market, change.units.abs()),
        "rate": change.signed_percent(),
        "open": shown(quote.listing.market, bar.open),
        "high": shown(quote.listing.market, bar.high),
        "low": shown(quote.listing.market, bar.low),
        "tvol": bar.volume.to_string(),
        "tamt": amount(quote.listing.market, Some(bar)),
        "pbid": shown(quote.listing.market, bid.0),
        "vbid": bid.1.to_string(),
        "pask": shown(quote.listing.market, ask.0),
        "vask": ask.1.to_string(),
    })
}

/// `inquire-time-itemchartprice`: bars of some minutes, newest first; `PINC` 1 goes on into the days before. `KEYB` tells
/// where to begin.
pub(super) fn minute_chart(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    let length: u32 = call.get("NMIN").parse().map_err(|_| refusal::invalid("NMIN"))?;
    let most: usize = call.get("NREC").parse().map_err(|_| refusal::invalid("NREC"))?;
    let days_back = match call.get("PINC") {
        "0" => 0,
        "1" => MINUTE_DAYS,
        _ => return Err(refusal::invalid("PINC")),
    };
    let Some(quote) = quote(venue, call) else {
        let head = json!({"rsym": key(call), "zdiv": "", "next": "0", "more": "0", "nrec": "0"});
        return Ok(Reply::quote(vec![("output1", head), ("output2", json!([]))]));
    };
    let until = match call.get("KEYB") {
        "" => DateTime::<Utc>::MAX_UTC,
        text => local_moment(quote.listing.market, text).ok_or_else(|| refusal::invalid("KEYB"))?,
    };
    let most = most.min(MINUTE_BARS);
    let minutes = bars::minutes(venue.tape(quote.listing), &quote, length);
    let mut wanted: Vec<bars::Minute> =
        minutes.into_iter().rev().filter(|minute| minute.at <= until).collect();
    let market = quote.listing.market;
    let mut date = quote.session.date;
    if until < quote.session.open {
        date = date.min(market.date_at(until).succ_opt().unwrap_or(date));
    }
    for _ in 0..days_back {
        if wanted.len() > most {
            break;
        }
        date = sessions::previous_day(date);
        let steps = venue.tape(quote.listing).steps_of(date).unwrap_or_default();
        let day = sessions::session(market, date).map(|session| bars::of_steps(&session, &steps, length));
        wanted.extend(day.into_iter().flatten().rev().filter(|minute| minute.at <= until));
    }
    let more = wanted.len() > most;
    let rows: Vec<Value> = wanted.iter().take(most).map(|minute| minute_row(market, minute)).collect();
    let head = minute_head(call, &quote, rows.len(), more);
    Ok(Reply::quote(vec![("output1", head), ("output2", rows.into())]))
}

/// A `YYYYMMDDHHMMSS` on the market's clock.
fn local_moment(market: Market, text: &str) -> Option<DateTime<Utc>> {
    let local = chrono::NaiveDateTime::parse_from_str(text, "%Y%m%d%H%M%S").ok()?;
    market.zone().from_local_datetime(&local).earliest().map(|local| local.with_timezone(&Utc))
}

fn minute_head(call: &Call, quote: &Quote, rows: usize, more: bool) -> Value {
    let market = quote.listing.market;
    let session: &sessions::Session = &quote.session;
    json!({
        "rsym": key(call),
        "zdiv": decimals(quote.listing.market),
        "stim": wire::local_time(market, session.open),
        "etim": wire::local_time(market, session.close),
        "sktm": wire::korean_time(session.open),
        "ektm": wire::korean_time(session.close),
        "next": if more { "1" } else { "0" },
        "more": "0",
        "nrec": rows.to_string(),
    })
}

fn minute_row(market: Market, minute: &bars::Minute) -> Value {
    json!({
        "tymd": wire::date(minute.bar.date),
        "xymd": wire::date(market.date_at(minute.at)),
        "xhms": wire::local_time(market, minute.at),
        "kymd": wire::korean_date(minute.at),
        "khms": wire::korean_time(minute.at),
        "open": shown(market, minute.bar.open),
        "high": shown(market, minute.bar.high),
        "low": shown(market, minute.bar.low),
        "last": shown(market, minute.bar.close),
        "evol": minute.bar.volume.to_string(),
        "eamt": amount(market, Some(minute.bar)),
    })
}
