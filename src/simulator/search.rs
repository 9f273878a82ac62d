//! The condition search over foreign stocks: the scanner's way on the paper host (KIS.md 13.7).

use std::cmp::Reverse;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::call::{Call, Reply};
use super::overseas_quotes::{amount, by_quote_code, change, decimals, shown, sign};
use super::rankings::quotes;
use super::refusal::{self, Refusal};
use super::venue::{Quote, Venue};
use super::{rules, wire};

/// Most rows of an answer; there is no next page.
const ROWS: usize = 100;

/// A condition's name in `CO_YN_x`, `CO_ST_x`, `CO_EN_x`, and the figure that it bounds.
type Condition = (&'static str, fn(&Quote) -> Decimal);

/// Market value, shares and traded value are in thousands, as the parameters are. Earnings are not simulated and read zero.
const CONDITIONS: [Condition; 8] = [
    ("PRICECUR", |quote| rules::decimal(quote.listing.market, quote.last)),
    ("RATE", |quote| wire::percent(quote.last - quote.base, quote.base)),
    ("VALX", worth_thousand),
    ("SHAR", |quote| Decimal::from(quote.listing.shares_thousand)),
    ("VOLUME", |quote| Decimal::from(quote.volume())),
    ("AMT", |quote| {
        rules::decimal(quote.listing.market, quote.bar.map_or(0, |bar| bar.value)) / Decimal::ONE_THOUSAND
    }),
    ("EPS", |_| Decimal::ZERO),
    ("PER", |_| Decimal::ZERO),
];

fn worth_thousand(quote: &Quote) -> Decimal {
    rules::decimal(quote.listing.market, quote.last) * Decimal::from(quote.listing.shares_thousand)
}

/// `inquire-search`: stocks that traded today and meet every condition that is switched on, by volume.
pub(super) fn search(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    let place = by_quote_code(call.get("EXCD")).ok_or_else(|| refusal::invalid("EXCD"))?;
    let mut found = quotes(venue, place.market);
    found.retain(|quote| quote.volume() > 0);
    for (name, figure) in CONDITIONS {
        if call.get(&format!("CO_YN_{name}")) == "1" {
            let [least, most] = [bound(call, "ST", name)?, bound(call, "EN", name)?];
            found.retain(|quote| (least..=most).contains(&figure(quote)));
        }
    }
    found.sort_by_key(|quote| Reverse(quote.volume()));
    let rows = found.iter().take(ROWS).enumerate();
    let rows: Vec<Value> = rows.map(|(index, quote)| row(index + 1, call, quote)).collect();
    let count = rows.len().to_string();
    let head = json!({"zdiv": decimals(place.market), "stat": "무료실시간", "crec": count, "trec": count, "nrec": count});
    Ok(Reply::quote(vec![("output1", head), ("output2", rows.into())]))
}

fn bound(call: &Call, end: &str, name: &str) -> Result<Decimal, Refusal> {
    let field = format!("CO_{end}_{name}");
    Decimal::from_str_exact(call.get(&field)).map_err(|_| refusal::invalid(&field))
}

fn row(rank: usize, call: &Call, quote: &Quote) -> Value {
    let change = change(quote);
    let [open, high, low] = quote.bar.map_or([0; 3], |bar| [bar.open, bar.high, bar.low]);
    json!({
        "rsym": format!("D{}{}", call.get("EXCD"), quote.listing.symbol),
        "excd": call.get("EXCD"),
        "symb": quote.listing.symbol,
        "name": quote.listing.name,
        "last": shown(quote.listing.market, quote.last),
        "sign": sign(quote),
        "diff": shown(quote.listing.market, change.units.abs()),
        "rate": change.signed_percent(),
        "tvol": quote.volume().to_string(),
        "popen": shown(quote.listing.market, open),
        "phigh": shown(quote.listing.market, high),
        "plow": shown(quote.listing.market, low),
        "valx": wire::fixed(worth_thousand(quote), 0),
        "shar": (quote.listing.shares_thousand * 1_000).to_string(),
        "avol": amount(quote.listing.market, quote.bar),
        "eps": "0.00",
        "per": "0.00",
        "rank": rank.to_string(),
        "ename": quote.listing.english,
        "e_ordyn": "○",
    })
}
