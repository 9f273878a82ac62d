//! Price frames: clear text, one record per step in which there was trade, several in one frame when several steps passed
//! (KIS.md 14.3, 14.4, 14.7).

use chrono::NaiveDate;
use domain::Market;
use rust_decimal::Decimal;

use super::desk::Feed;
use crate::simulator::book::{self, Book, Level};
use crate::simulator::listing::Listing;
use crate::simulator::venue::Quote;
use crate::simulator::wire::{self, Change, fixed};
use crate::simulator::{State, rules};

/// Records of one frame, at most; older steps are not told.
const RECORDS_MAX: usize = 20;
/// Levels of a book.
const LEVELS: usize = 10;

/// The last step that a registration was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown(Option<(NaiveDate, Option<usize>)>);

impl Shown {
    /// All that has happened so far counts as shown.
    pub(super) fn now(feed: Feed, state: &mut State) -> Self {
        let quote = listing(feed).and_then(|listing| state.venue.quote(listing));
        Self(quote.map(|quote| (quote.session.date, quote.index)))
    }

    /// The steps of today that are new up to `quote`'s, and from now on shown.
    fn advance(&mut self, quote: &Quote) -> std::ops::Range<usize> {
        const NOTHING: std::ops::Range<usize> = 0..0;
        let before = self.0.filter(|(date, _)| *date == quote.session.date).and_then(|(_, index)| index);
        let first = before.map_or(0, |index| index + 1);
        let Some(index) = quote.index else { return NOTHING };
        // Prices that were frozen may stand before what was shown.
        if first > index {
            return NOTHING;
        }
        self.0 = Some((quote.session.date, Some(index)));
        first.max((index + 1).saturating_sub(RECORDS_MAX))..index + 1
    }
}

fn listing(feed: Feed) -> Option<&'static Listing> {
    match feed {
        Feed::DomesticTrades(listing) | Feed::DomesticBook(listing) | Feed::ForeignTrades(listing) => {
            Some(listing)
        }
        Feed::DomesticNotices | Feed::ForeignNotices => None,
    }
}

/// What one step showed.
struct Moment<'a> {
    quote: &'a Quote,
    index: usize,
    price: i64,
    volume: u32,
    open: i64,
    high: i64,
    low: i64,
    total_volume: u64,
    total_value: i64,
    book: Book,
}

/// The frame of what is new; none when nothing was traded.
pub(super) fn frame(
    tr_id: &str,
    tr_key: &str,
    feed: Feed,
    shown: &mut Shown,
    state: &mut State,
) -> Option<String> {
    let listing = listing(feed)?;
    let quote = state.venue.quote(listing)?;
    let steps = shown.advance(&quote);
    let is_book = matches!(feed, Feed::DomesticBook(_));
    // Only the newest book is of use.
    let steps = if is_book && !steps.is_empty() { steps.end - 1..steps.end } else { steps };
    let records: Vec<String> = steps
        .filter_map(|index| moment(&quote, index, state))
        .filter(|moment| is_book || moment.volume > 0)
        .map(|moment| record(tr_key, feed, &moment).join("^"))
        .collect();
    (!records.is_empty()).then(|| format!("0|{tr_id}|{:03}|{}", records.len(), records.join("^")))
}

fn moment<'a>(quote: &'a Quote, index: usize, state: &mut State) -> Option<Moment<'a>> {
    let listing = quote.listing;
    let tape = state.venue.tape(listing);
    let (step, bar) = (tape.step(index)?, tape.bar(0, index)?);
    let book = book::at(listing, state.venue.seed(), quote.session.date, index, step.price, quote.base);
    Some(Moment {
        quote,
        index,
        price: step.price,
        volume: step.volume,
        open: bar.open,
        high: bar.high,
        low: bar.low,
        total_volume: bar.volume,
        total_value: bar.value,
        book,
    })
}

fn record(tr_key: &str, feed: Feed, moment: &Moment<'_>) -> Vec<String> {
    match feed {
        Feed::DomesticBook(_) => domestic_book(moment),
        Feed::ForeignTrades(_) => foreign_trade(tr_key, moment),
        Feed::DomesticTrades(_) | Feed::DomesticNotices | Feed::ForeignNotices => domestic_trade(moment),
    }
}

fn sum(levels: &[Level]) -> u64 {
    levels.iter().map(|level| u64::from(level.size)).sum()
}

fn size(levels: &[Level]) -> u32 {
    levels.first().map_or(0, |level| level.size)
}

fn change(moment: &Moment<'_>, from: i64) -> Change {
    Change::between(from, moment.price, moment.quote.limits())
}

/// 46 fields, in the order of KIS.md 14.3. Who began each trade is not simulated: those counts are zero.
fn domestic_trade(moment: &Moment<'_>) -> Vec<String> {
    let Moment { quote, index, price, volume, open, high, low, total_volume, total_value, book } = moment;
    let time = wire::korean_time(quote.session.time_of(*index));
    let today = change(moment, quote.base);
    let average =
        wire::ratio(Decimal::from(*total_value), Decimal::from(*total_volume)) / Decimal::ONE_HUNDRED;
    let versus = |extreme: i64| {
        let moved = change(moment, extreme);
        [wire::korean_time(quote.session.open), moved.sign().to_owned(), moved.units.to_string()]
    };
    let listed = quote.listing.shares_thousand * 1_000;
    let turnover = wire::percent(i64::try_from(*total_volume).unwrap_or(i64::MAX), listed);
    let text = |value: &dyn ToString| value.to_string();
    let mut fields = vec![
        text(&quote.listing.symbol),
        time,
        text(price),
        text(&today.sign()),
        text(&today.units),
        today.percent_text(),
        fixed(average, 2),
        text(open),
        text(high),
        text(low),
        text(&book.best_ask()),
        text(&book.best_bid()),
        text(volume),
        text(total_volume),
        text(total_value),
    ];
    // Counts of sales and purchases, strength, their sums: not simulated. Then buy-initiated, and two ratios.
    fields.extend(["0", "0", "0", "100.00", "0", "0", "1", "0.00", "0.00"].map(str::to_owned));
    fields.extend([open, high, low].into_iter().flat_map(|extreme| versus(*extreme)));
    fields.extend([wire::date(quote.session.date), "20".into(), "N".into()]);
    fields.extend([size(&book.asks).to_string(), size(&book.bids).to_string()]);
    fields.extend([sum(&book.asks).to_string(), sum(&book.bids).to_string(), fixed(turnover, 2)]);
    // Yesterday at this time, session class, end class, and the price of the volatility interruption.
    fields.extend(["0", "0.00", "0", ""].map(str::to_owned));
    fields.push(quote.base.to_string());
    fields
}

/// 59 fields, in the order of KIS.md 14.4.
fn domestic_book(moment: &Moment<'_>) -> Vec<String> {
    let Moment { quote, index, total_volume, book, .. } = moment;
    let level =
        |levels: &[Level], place: usize| levels.get(place).map_or((0, 0), |level| (level.price, level.size));
    let column = |levels: &[Level], price: bool| -> Vec<String> {
        let of = |place| if price { level(levels, place).0 } else { i64::from(level(levels, place).1) };
        (0..LEVELS).map(|place| of(place).to_string()).collect()
    };
    let time = wire::korean_time(quote.session.time_of(*index));
    let mut fields = vec![quote.listing.symbol.to_owned(), time, "0".into()];
    for is_price in [true, false] {
        fields.extend(column(&book.asks, is_price));
        fields.extend(column(&book.bids, is_price));
    }
    fields.extend([sum(&book.asks).to_string(), sum(&book.bids).to_string()]);
    // After hours, and the expected price of an auction: none in the session.
    fields.extend(["0", "0", "0", "0", "0", "0", "3", "0.00"].map(str::to_owned));
    fields.push(total_volume.to_string());
    fields.extend(["0", "0", "0", "0", "0"].map(str::to_owned));
    fields
}

/// 26 fields, in the order of KIS.md 14.7.
fn foreign_trade(tr_key: &str, moment: &Moment<'_>) -> Vec<String> {
    let Moment { quote, index, price, volume, open, high, low, total_volume, total_value, book } = moment;
    let market = quote.listing.market;
    let decimals = decimals(market);
    let money = |units: i64| fixed(rules::decimal(market, units), decimals);
    let at = quote.session.time_of(*index);
    let today = change(moment, quote.base);
    let (date, text) = (wire::date(quote.session.date), |value: &dyn ToString| value.to_string());
    vec![
        tr_key.to_owned(),
        text(&quote.listing.symbol),
        text(&decimals),
        date.clone(),
        date,
        wire::local_time(market, at),
        wire::korean_date(at),
        wire::korean_time(at),
        money(*open),
        money(*high),
        money(*low),
        money(*price),
        text(&today.sign()),
        money(today.units.abs()),
        today.percent_text(),
        money(book.best_bid()),
        money(book.best_ask()),
        text(&size(&book.bids)),
        text(&size(&book.asks)),
        text(volume),
        text(total_volume),
        fixed(rules::decimal(market, *total_value), 0),
        "0".into(),
        "0".into(),
        "100.00".into(),
        "1".into(),
    ]
}

/// `ZDIV`: decimals of a streamed price (KIS.md 14.7; 15.3 for the markets without cents).
fn decimals(market: Market) -> u32 {
    match market {
        Market::UsNasdaq | Market::UsNyse | Market::UsAmex => 4,
        Market::Kr | Market::VnHan | Market::VnHcm => 0,
        Market::Jp => 1,
        Market::Hk | Market::CnSha | Market::CnSza => 3,
    }
}
