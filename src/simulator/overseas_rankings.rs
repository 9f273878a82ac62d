//! More foreign rankings of the real host: volume, value, growth, turnover, market value, price surges, new highs and lows, and
//! buying strength (KIS.md 13.6). Where KIS.md has no table of fields, they are those of KIS's own samples.

use std::cmp::Reverse;

use domain::Market;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::call::{Call, Reply};
use super::overseas_quotes::{amount, decimals_asked, shown};
use super::rankings::{days_back, foreign_quotes, minutes_back, ranking_row};
use super::refusal::{self, Refusal};
use super::rules;
use super::sessions::STEP_SECONDS;
use super::tape::Bar;
use super::venue::{Quote, Venue};
use super::walk::Step;
use super::wire::{self, Change, fixed, texts};

/// Rows of an answer.
const ROWS: usize = 100;

/// One stock of a ranking: what it is sorted by, best first, and its fields beside the common ones.
struct Entry {
    quote: Quote,
    score: Decimal,
    own: Map<String, Value>,
}

/// How a ranking writes its rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// `name`, `ename`, `rank`, and counts in the head.
    Ranked,
    /// `name`, `ename`, without a rank.
    Named,
    /// `knam`, `enam`, without a rank.
    Short,
}

fn answer(call: &Call, mut entries: Vec<Entry>, style: Style) -> Reply {
    entries.sort_by_key(|entry| Reverse(entry.score));
    entries.truncate(ROWS);
    let rows: Vec<Value> =
        entries.into_iter().enumerate().map(|(index, entry)| row(call, index + 1, entry, style)).collect();
    let count = rows.len().to_string();
    let head = match style {
        Style::Ranked => {
            json!({"zdiv": decimals_asked(call), "stat": "무료실시간", "crec": count, "trec": count, "nrec": count})
        }
        Style::Named | Style::Short => {
            json!({"zdiv": decimals_asked(call), "stat": "무료실시간", "nrec": count})
        }
    };
    Reply::quote(vec![("output1", head), ("output2", rows.into())])
}

fn row(call: &Call, rank: usize, entry: Entry, style: Style) -> Value {
    let mut row = ranking_row(call, &entry.quote);
    let names = match style {
        Style::Ranked | Style::Named => ["name", "ename"],
        Style::Short => ["knam", "enam"],
    };
    let listing = entry.quote.listing;
    row.insert(names[0].into(), listing.name.into());
    row.insert(names[1].into(), listing.english.into());
    if style == Style::Ranked {
        row.insert("rank".into(), rank.to_string().into());
    }
    row.extend(entry.own);
    Value::Object(row)
}

/// Today and the `back` days before it.
fn days(venue: &mut Venue, quote: &Quote, back: usize) -> Vec<Bar> {
    let bars = venue.tape(quote.listing).bars();
    let earlier = bars[bars.len().saturating_sub(back)..].iter().copied();
    earlier.chain(quote.bar).collect()
}

fn mean_volume(days: &[Bar]) -> u64 {
    let count = u64::try_from(days.len()).unwrap_or(1).max(1);
    days.iter().map(|bar| bar.volume).sum::<u64>() / count
}

fn mean_value(days: &[Bar]) -> i64 {
    let count = i64::try_from(days.len()).unwrap_or(1).max(1);
    days.iter().fold(0_i64, |sum, bar| sum.saturating_add(bar.value)) / count
}

/// `PRC1` and `PRC2`: the range of prices, open where blank.
fn priced(call: &Call, quotes: Vec<Quote>) -> Result<Vec<Quote>, Refusal> {
    let bound = |name: &str| match call.get(name) {
        "" => Ok(None),
        _ => call.decimal(name).map(Some),
    };
    // KIS's samples send two zeros for no range.
    let (least, most) = (bound("PRC1")?, bound("PRC2")?.filter(|most| !most.is_zero()));
    let within = |quote: &Quote| {
        let price = rules::decimal(quote.listing.market, quote.last);
        least.is_none_or(|least| price >= least) && most.is_none_or(|most| price <= most)
    };
    Ok(quotes.into_iter().filter(within).collect())
}

/// `trade-vol`: by shares traded; `a_tvol` is the mean of the days asked about.
pub(super) fn volume(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    by_mean(venue, call, |_, days| {
        let mean = mean_volume(days);
        (mean.into(), ("a_tvol", mean.to_string()))
    })
}

/// `trade-pbmn`: by traded value; `a_tamt` is the mean of the days asked about.
pub(super) fn value(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    by_mean(venue, call, |market, days| {
        let mean = mean_value(days);
        let bar = days.last().map(|bar| Bar { value: mean, ..*bar });
        (mean.into(), ("a_tamt", amount(market, bar)))
    })
}

fn by_mean(
    venue: &mut Venue,
    call: &Call,
    mean: impl Fn(Market, &[Bar]) -> (Decimal, (&'static str, String)),
) -> Result<Reply, Refusal> {
    let back = days_back(call)?;
    let quotes = foreign_quotes(venue, call)?;
    let mut entries = Vec::new();
    for quote in priced(call, quotes)? {
        let (score, own) = mean(quote.listing.market, &days(venue, &quote, back));
        let own = texts([("tamt", amount(quote.listing.market, quote.bar)), own]);
        entries.push(Entry { quote, score, own });
    }
    Ok(answer(call, entries, Style::Ranked))
}

/// `trade-growth`: today's volume against the mean of the days before; of today alone there is no growth.
pub(super) fn growth(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    let back = days_back(call)?;
    let mut entries = Vec::new();
    for quote in foreign_quotes(venue, call)? {
        let all = days(venue, &quote, back);
        let usual = mean_volume(&all[..all.len().saturating_sub(usize::from(back > 0))]);
        let more = Decimal::from(quote.volume()) - Decimal::from(usual);
        let score = wire::ratio(more, usual.into());
        let own = texts([("n_tvol", usual.to_string()), ("n_rate", wire::signed(score))]);
        entries.push(Entry { quote, score, own });
    }
    Ok(answer(call, entries, Style::Ranked))
}

/// `trade-turnover`: the mean volume of the days asked about, in percent of the shares listed.
pub(super) fn turnover(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    let back = days_back(call)?;
    let mut entries = Vec::new();
    for quote in foreign_quotes(venue, call)? {
        let usual = mean_volume(&days(venue, &quote, back));
        let listed = quote.listing.shares_thousand * 1_000;
        let score = wire::ratio(usual.into(), listed.into());
        let own =
            texts([("n_tvol", usual.to_string()), ("shar", listed.to_string()), ("tover", fixed(score, 2))]);
        entries.push(Entry { quote, score, own });
    }
    Ok(answer(call, entries, Style::Ranked))
}

/// `market-cap`: by market value, with each stock's share of them all.
pub(super) fn market_value(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    let quotes = foreign_quotes(venue, call)?;
    let worth = |quote: &Quote| {
        rules::decimal(quote.listing.market, quote.last)
            * Decimal::from(quote.listing.shares_thousand * 1_000)
    };
    let all: Decimal = quotes.iter().map(worth).sum();
    let entry = |quote: Quote| {
        let score = worth(&quote);
        let own = texts([
            ("shar", (quote.listing.shares_thousand * 1_000).to_string()),
            ("tomv", fixed(score, 0)),
            ("grav", fixed(wire::ratio(score, all), 2)),
        ]);
        Entry { quote, score, own }
    };
    let mut reply = answer(call, quotes.into_iter().map(entry).collect(), Style::Ranked);
    // This ranking alone tells no best prices.
    let rows = reply.body.get_mut("output2").and_then(Value::as_array_mut).into_iter().flatten();
    for row in rows.filter_map(Value::as_object_mut) {
        row.remove("pask");
        row.remove("pbid");
    }
    Ok(reply)
}

/// The fields that tell a price against an earlier one.
fn against(reference: i64, quote: &Quote) -> (Decimal, Map<String, Value>) {
    let since = Change::between(reference, quote.last, None);
    let own = texts([
        ("n_base", shown(quote.listing.market, reference)),
        ("n_diff", shown(quote.listing.market, since.units.abs())),
        ("n_rate", since.signed_percent()),
    ]);
    (since.percent, own)
}

/// `price-fluct`: `GUBN` 1 is what rose most in so many minutes, 0 what fell most.
pub(super) fn surges(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    let steps = minutes_back(call)? * usize::try_from(60 / STEP_SECONDS).unwrap_or(1);
    let rising = is_rising(call)?;
    let mut entries = Vec::new();
    for quote in foreign_quotes(venue, call)? {
        let earlier = quote.index.map(|index| index.saturating_sub(steps));
        let reference = venue.tape(quote.listing).last(earlier);
        let (moved, own) = against(reference, &quote);
        entries.push(Entry { quote, score: if rising { moved } else { -moved }, own });
    }
    Ok(answer(call, entries, Style::Short))
}

fn is_rising(call: &Call) -> Result<bool, Refusal> {
    match call.get("GUBN") {
        "1" => Ok(true),
        "0" => Ok(false),
        _ => Err(refusal::invalid("GUBN")),
    }
}

/// `new-highlow`: `GUBN` 1 new highs, 0 new lows of so many days; `GUBN2` 0 touched today, 1 still beyond.
pub(super) fn extremes(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    let back = [5, 10, 20, 30, 60, 120, 250, 250];
    let index: usize = call.get("NDAY").parse().map_err(|_| refusal::invalid("NDAY"))?;
    let back = back.get(index).copied().ok_or_else(|| refusal::invalid("NDAY"))?;
    let rising = is_rising(call)?;
    let holds = match call.get("GUBN2") {
        "0" => false,
        "1" => true,
        _ => return Err(refusal::invalid("GUBN2")),
    };
    let mut entries = Vec::new();
    for quote in foreign_quotes(venue, call)? {
        let Some(today) = quote.bar else { continue };
        let bars = venue.tape(quote.listing).bars();
        let earlier = &bars[bars.len().saturating_sub(back)..];
        let high = earlier.iter().map(|bar| bar.high).max().unwrap_or(i64::MAX);
        let low = earlier.iter().map(|bar| bar.low).min().unwrap_or(i64::MIN);
        let (reference, touched) = if rising { (high, today.high) } else { (low, today.low) };
        let told = if holds { quote.last } else { touched };
        if (rising && told > high) || (!rising && told < low) {
            let (moved, own) = against(reference, &quote);
            entries.push(Entry { quote, score: if rising { moved } else { -moved }, own });
        }
    }
    Ok(answer(call, entries, Style::Named))
}

/// `volume-power`: shares bought for each hundred sold. A step that rises counts as bought, one that falls as sold.
pub(super) fn strength(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    days_back(call)?;
    let mut entries = Vec::new();
    for quote in foreign_quotes(venue, call)? {
        let steps = venue.tape(quote.listing).steps_of(quote.session.date).unwrap_or_default();
        let shown = quote.index.map_or(0, |index| index + 1).min(steps.len());
        let score = strength_of(&steps[..shown]);
        let own = texts([("tpow", fixed(score, 2)), ("powx", fixed(score, 2))]);
        entries.push(Entry { quote, score, own });
    }
    Ok(answer(call, entries, Style::Short))
}

fn strength_of(steps: &[Step]) -> Decimal {
    let volume = |wanted: std::cmp::Ordering| -> u64 {
        let pairs = steps.windows(2).filter(|pair| pair[1].price.cmp(&pair[0].price) == wanted);
        pairs.map(|pair| u64::from(pair[1].volume)).sum()
    };
    wire::ratio(volume(std::cmp::Ordering::Greater).into(), volume(std::cmp::Ordering::Less).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strength_is_what_rose_for_each_hundred_that_fell() {
        let step = |price, volume| Step { price, volume };
        let steps = [step(10, 9), step(11, 30), step(11, 50), step(10, 20)];
        assert_eq!(strength_of(&steps), Decimal::from(150));
        assert_eq!(strength_of(&steps[..1]), Decimal::ZERO);
    }
}
