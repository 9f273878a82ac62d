//! Questions about the market and the account. Asked of Broker, the only one who talks to the exchange.
//!
//! Deadline of every ask: 20 s real time (paced reads queue behind orders). Broker retries a read at most three
//! times; then the answer is an error and the caller skips that symbol.

use actix::Message;
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use crate::{
    AccountInWon, AccountSnapshot, Candle, Currency, Instrument, Market, Price, Restriction, Side, StockRules,
};

/// Why a question about market or account has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The exchange refused the question with a code.
    #[error("the exchange refused: {code} {text}")]
    Refused {
        /// KIS `msg_cd`.
        code: String,
        /// KIS `msg1`.
        text: String,
    },
    /// No usable answer after all attempts.
    #[error("no answer: {0}")]
    Unavailable(String),
    /// An answer that contradicts the documented form.
    #[error("the answer is malformed: {0}")]
    Malformed(String),
    /// This environment has no such service (KIS.md 6: e.g. rankings on a paper account).
    #[error("not offered here: {0}")]
    NotOffered(String),
}

/// Which list of a market's stocks is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RankingKind {
    /// Ordered by price change.
    Fluctuation,
    /// Ordered by traded volume or its surge.
    Volume,
}

/// Scanner -> Broker: the most moved or most traded stocks.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<RankedStock>, QueryError>")]
pub struct RankingQuery {
    /// The market.
    pub market: Market,
    /// Which list.
    pub kind: RankingKind,
}

/// One row of a ranking, best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RankedStock {
    /// The stock.
    pub instrument: Instrument,
    /// Its name as sent; untrusted text.
    pub name: String,
    /// Last price; absent when the row had none.
    pub price: Option<Price>,
    /// Change against the previous close in percent, signed.
    pub change_pct: Option<Decimal>,
    /// The day's high, if the list gives it.
    pub high: Option<Price>,
    /// The day's low.
    pub low: Option<Price>,
    /// Shares traded today.
    pub volume: Option<u64>,
    /// Volume of today against that of the day before, 2 meaning twice, if the list gives it.
    pub volume_ratio: Option<Decimal>,
    /// What the row tells about buying the stock; none when the list has no such field.
    pub status: Option<ListedStatus>,
}

/// What a row of a ranking tells about buying its stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListedStatus {
    /// Nothing against it.
    Free,
    /// It should not be bought.
    Restricted(Restriction),
}

/// The length of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BarInterval {
    /// One trading day.
    Day,
    /// One minute.
    Minute,
}

/// Scanner, Brain, RiskGuard -> Broker: the newest bars, oldest first in the answer.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<Candle>, QueryError>")]
pub struct BarsQuery {
    /// The stock.
    pub instrument: Instrument,
    /// Length of a bar.
    pub interval: BarInterval,
    /// How many bars, at least 1; fewer may come back (a young stock).
    pub count: u16,
}

/// Scanner -> Broker: the price now.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Quote, QueryError>")]
pub struct QuoteQuery {
    /// The stock.
    pub instrument: Instrument,
}

/// Brain -> Broker: the price now of a stock that is about to be ordered. For a purchase, the best prices come with it
/// where the exchange tells them.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Quote, QueryError>")]
pub struct OrderQuoteQuery {
    /// The stock.
    pub instrument: Instrument,
    /// What the order would do.
    pub side: Side,
    /// A quote that is as good as a new one: then the price is not asked for again.
    pub scanned: Option<Quote>,
}

/// A stock's price at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The stock.
    pub instrument: Instrument,
    /// When it was received.
    pub at: DateTime<Utc>,
    /// Last traded price.
    pub last: Price,
    /// Day's open, high and low, if told.
    pub open: Option<Price>,
    /// Day's high.
    pub high: Option<Price>,
    /// Day's low.
    pub low: Option<Price>,
    /// Change against the previous close in percent.
    pub change_pct: Option<Decimal>,
    /// Shares traded today.
    pub volume: Option<u64>,
    /// Best bid; only an [`OrderQuoteQuery`] asks for it.
    pub bid: Option<Price>,
    /// Best ask; only an [`OrderQuoteQuery`] asks for it.
    pub ask: Option<Price>,
    /// How far the feed may be behind the market: the price may be this much older than `at` says.
    pub delay: TimeDelta,
    /// What the exchange accepts for this stock today.
    pub rules: StockRules,
}

impl Quote {
    /// The price that an order's limit is counted from: the last one; for a purchase the price one step below the best
    /// ask, when that is lower. So a limit some steps past the reference never goes more than those steps less one past
    /// the best offer, and never further than from the last price.
    ///
    /// A sale is counted from the last price alone: it is filled at the best bid anyway, and a limit nearer to that
    /// would save nothing and only miss a bid that falls.
    pub fn reference(&self, side: Side) -> Price {
        let market = self.instrument.market;
        let below_ask = self.ask.and_then(|ask| self.rules.ticks.shift(market, ask, -1).ok());
        match side {
            Side::Buy => below_ask.map_or(self.last, |below| below.min(self.last)),
            Side::Sell => self.last,
        }
    }
}

/// Broker -> RiskGuard: a stock that is held, or that somebody asks about, has a price. A tell; newest wins. At most one per
/// stock and second.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct PriceSeen {
    /// The stock.
    pub instrument: Instrument,
    /// What it last traded at, or what a buyer bids for it.
    pub price: Price,
    /// When that was, by the exchange's word where it gives one, the known delay of its feed not counted; never later than
    /// it was received.
    pub at: DateTime<Utc>,
}

/// RiskGuard, Brain, Scanner -> Broker: cash, equity and holdings in the market's currency.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<AccountSnapshot, QueryError>")]
pub struct AccountQuery {
    /// Any market of the currency wanted.
    pub market: Market,
}

/// Scanner -> Broker: what is held, as [`AccountQuery`] tells it. Broker answers with its last reading while that is as good as
/// RiskGuard demands and no order has moved since; otherwise it reads the account and tells RiskGuard too, so that each reading is
/// judged by its breaker and no purchase needs another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<AccountSnapshot, QueryError>")]
pub struct AccountWatch {
    /// Any market of the currency wanted.
    pub market: Market,
}

/// RiskGuard -> Broker: the whole account in won, and the rates of exchange. It is heavy and moves slowly: once an hour is
/// enough.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<AccountInWon, QueryError>")]
pub struct AccountInWonQuery {
    /// The foreign currencies whose rates are wanted.
    pub currencies: Vec<Currency>,
}
