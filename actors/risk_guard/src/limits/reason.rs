//! The closed list of reasons why a proposal is not approved.

use chrono::{DateTime, Utc};
use domain::messages::symbols::SymbolHaltCause;
use domain::{Confidence, Currency, Instrument, IntentId, Market, Money, OrderState, Price, Quantity, Side};
use rust_decimal::Decimal;

use super::Limits;
use crate::rate::Window;

/// Why a proposal was refused, with the numbers that decided it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusalReason {
    /// A halt stands.
    #[error("trading is halted")]
    Halted,
    /// The standing halts, the open orders or the reconciliation are not known yet.
    #[error("trading has not started: halts, orders and reconciliation must be known first")]
    Starting,
    /// Exits only.
    #[error("only exits are allowed now")]
    Reducing,
    /// The proposal is too old.
    #[error("the proposal was good until {expires_at}; it is {now}")]
    Expired {
        /// Its end.
        expires_at: DateTime<Utc>,
        /// Exchange time of the review.
        now: DateTime<Utc>,
    },
    /// The market does not trade now.
    #[error("{market} is closed: {why}")]
    MarketClosed {
        /// The market.
        market: Market,
        /// What says so.
        why: String,
    },
    /// The judgement is not sure enough.
    #[error("confidence {confidence} is below the threshold of {threshold}")]
    LowConfidence {
        /// The proposal's.
        confidence: Confidence,
        /// The lowest that trades.
        threshold: Confidence,
    },
    /// An order of this symbol may or may not exist.
    #[error("the fate of order {intent} is open ({state})")]
    UnresolvedOrder {
        /// The order.
        intent: IntentId,
        /// Where it is.
        state: OrderState,
    },
    /// An order lapsed: the symbol is closed until the day is.
    #[error("{instrument} is closed until the end of the day: order {intent} was never found")]
    SymbolClosed {
        /// The stock.
        instrument: Instrument,
        /// The lapsed order.
        intent: IntentId,
    },
    /// The books of this stock need a person.
    #[error("{instrument} takes no new orders ({cause}): {why}; lift it with: kestrel release {instrument}")]
    SymbolHalted {
        /// The stock.
        instrument: Instrument,
        /// What kind of trouble.
        cause: SymbolHaltCause,
        /// The trouble in words.
        why: String,
    },
    /// The same order is already on its way.
    #[error("{side} order {intent} is already open ({state})")]
    OpenOrder {
        /// The order.
        intent: IntentId,
        /// Its side.
        side: Side,
        /// Where it is.
        state: OrderState,
    },
    /// A sale of RiskGuard's own rests on what was held before an order of the stock was filled or ended.
    #[error("an order of {instrument} was filled or ended since the sale was counted; it is counted anew")]
    HoldingsChanged {
        /// The stock.
        instrument: Instrument,
    },
    /// The account is not known.
    #[error("the {currency} account is unknown")]
    NoAccount {
        /// The currency.
        currency: Currency,
    },
    /// The account is too old, or older than our own latest fill.
    #[error("the {currency} account is {age_s} s old or older than our latest fill")]
    StaleAccount {
        /// The currency.
        currency: Currency,
        /// The snapshot's age in seconds of exchange time.
        age_s: i64,
    },
    /// The exchange did not say how much cash there is.
    #[error("the cash in {currency} is unknown")]
    CashUnknown {
        /// The currency.
        currency: Currency,
    },
    /// Something that is held in this market cannot be watched.
    #[error("{instrument} is held and has had no price for {age_s} s: nothing is bought on {} until it has one", .instrument.market)]
    Blind {
        /// The holding.
        instrument: Instrument,
        /// For how long, in seconds of exchange time.
        age_s: i64,
    },
    /// The day's profit or loss is not known.
    #[error("the day's profit or loss in {currency} is unknown")]
    PnlUnknown {
        /// The currency.
        currency: Currency,
    },
    /// The day has lost too much.
    #[error("the day stands at {pnl_pct:.2} % in {currency}, below the limit of {limit_pct:.2} %")]
    DailyLoss {
        /// The currency.
        currency: Currency,
        /// The day's result in percent.
        pnl_pct: Decimal,
        /// The limit in percent, zero or negative.
        limit_pct: Decimal,
    },
    /// Whether the day's purchases are within their ceiling cannot be said.
    #[error("the equity in {currency} that the day began with is unknown")]
    DayStartUnknown {
        /// The currency.
        currency: Currency,
    },
    /// The day's purchases would pass their ceiling.
    #[error(
        "{notional} more would bring the day's purchases, {bought} so far, above {ceiling}: {} times the {start} that the \
         day began with",
        Limits::DAY_PURCHASES_CEILING_TIMES
    )]
    DayCeiling {
        /// What the order would cost at its limit.
        notional: Money,
        /// What purchases were approved for before.
        bought: Money,
        /// The most of the day.
        ceiling: Money,
        /// The equity it is a multiple of.
        start: Money,
    },
    /// Nothing is left to buy with.
    #[error("no cash: {cash}, of which {reserved} is reserved")]
    NoCash {
        /// What the exchange says.
        cash: Money,
        /// What open purchases may still cost.
        reserved: Money,
    },
    /// The exchange did not say how many shares a lot of this stock has.
    #[error(
        "the board lot of {instrument} is unknown: the exchange did not tell it with the price; a paper account never does"
    )]
    LotUnknown {
        /// The stock.
        instrument: Instrument,
    },
    /// Not even one lot fits.
    #[error("too small: {available} available buys no lot of {lot} at {limit}")]
    TooSmall {
        /// Cash less reservations.
        available: Money,
        /// The limit price.
        limit: Price,
        /// Shares per lot.
        lot: u64,
    },
    /// The entry is too large for the cash.
    #[error("an order of {notional} is more than {max_pct} % of {cash}")]
    FatFinger {
        /// What the order would cost at its limit.
        notional: Money,
        /// Cash less reservations.
        cash: Money,
        /// The largest share allowed.
        max_pct: Decimal,
    },
    /// No share is free to be sold.
    #[error("nothing to sell of {instrument}: {sellable} sellable, {selling} already being sold")]
    NothingToSell {
        /// The stock.
        instrument: Instrument,
        /// Confirmed by the exchange.
        sellable: Quantity,
        /// In our own open sales.
        selling: Quantity,
    },
    /// More was demanded than may be traded.
    #[error("{demanded} shares were demanded, {allowed} are allowed")]
    Oversize {
        /// What was asked for.
        demanded: Quantity,
        /// Sized entry, or confirmed position less open sales.
        allowed: Quantity,
    },
    /// A window of the order count is full.
    #[error("{count} orders in the last {window}, the limit is {limit}")]
    TooManyOrders {
        /// Which window.
        window: Window,
        /// Orders approved in it.
        count: usize,
        /// The most that are allowed.
        limit: u32,
    },
    /// The exchange's clock and ours may differ.
    #[error("by its last answers the exchange's clock differs from ours by about {skew_s} s")]
    ClockDoubt {
        /// By so much, in seconds; positive when the exchange is ahead.
        skew_s: i64,
    },
    /// The account or the day's start is being asked for, and too many wait for it.
    #[error("{most} proposals wait already for the account or the day's start to be told")]
    TooManyWaiting {
        /// The most that may wait.
        most: usize,
    },
    /// The stock has no price, or none that is young enough.
    #[error("{instrument} has {}; the limit is {limit_s} s", age(*.age_s))]
    StaleQuote {
        /// The stock.
        instrument: Instrument,
        /// How old its price is, in seconds of exchange time; none without one.
        age_s: Option<i64>,
        /// The oldest that is allowed.
        limit_s: i64,
    },
    /// A price is too far from the one before it, or the proposal's from what was last heard.
    #[error(
        "the price of {instrument} went from {from} to {to}, more than {limit_pct} %: another price must confirm it"
    )]
    QuoteJump {
        /// The stock.
        instrument: Instrument,
        /// The price before.
        from: Price,
        /// The price after.
        to: Price,
        /// The largest change allowed, in percent.
        limit_pct: Decimal,
    },
    /// A purchase of the stock was refused a moment ago.
    #[error("{instrument} is not bought until {until}: a purchase was refused ({why})")]
    CoolingDown {
        /// The stock.
        instrument: Instrument,
        /// Why it was refused.
        why: String,
        /// The end of the wait.
        until: DateTime<Utc>,
    },
    /// The stock was sold at a loss.
    #[error("{instrument} is not bought until {until}: it was sold at a loss")]
    StoppedOut {
        /// The stock.
        instrument: Instrument,
        /// The end of the wait.
        until: DateTime<Utc>,
    },
    /// The stock was sold for less a moment ago.
    #[error("{instrument} was sold at {sold_at} and is not bought at {limit} before {until}")]
    BoughtBack {
        /// The stock.
        instrument: Instrument,
        /// What the last sale brought.
        sold_at: Price,
        /// The limit of the purchase.
        limit: Price,
        /// The end of the wait.
        until: DateTime<Utc>,
    },
    /// Without the equity no exposure can be judged.
    #[error("the equity in {currency} is unknown")]
    EquityUnknown {
        /// The currency.
        currency: Currency,
    },
    /// What a holding is worth is not known.
    #[error("{instrument} is held, and the exchange told neither its price nor its cost")]
    ExposureUnknown {
        /// The holding.
        instrument: Instrument,
    },
    /// Too much of one stock.
    #[error(
        "{notional} more would bring {instrument}, {held} so far, above {max_pct} % of the equity of {equity}"
    )]
    SymbolExposure {
        /// The stock.
        instrument: Instrument,
        /// What the order would cost at its limit.
        notional: Money,
        /// What is held and ordered.
        held: Money,
        /// The equity in its currency.
        equity: Money,
        /// The largest share allowed.
        max_pct: Decimal,
    },
    /// Too much of all stocks of a currency.
    #[error("{notional} more would bring all stocks in {}, {held} so far, above {max_pct} % of the equity of {equity}",
        .equity.currency())]
    TotalExposure {
        /// What the order would cost at its limit.
        notional: Money,
        /// What is held and ordered.
        held: Money,
        /// The equity in that currency.
        equity: Money,
        /// The largest share allowed.
        max_pct: Decimal,
    },
    /// No limit price on a tick can be made from the reference price.
    #[error("no valid limit price near {price}")]
    OffTick {
        /// The reference price.
        price: Price,
    },
    /// The books refused the approval.
    #[error("the books refused: {0}")]
    LedgerRefused(String),
    /// Whether the books hold the approval is unknown; it will not be used.
    #[error("the books did not answer: {0}; the approval is void")]
    LedgerUnknown(String),
    /// Broker did not take the approved order; it was not sent.
    #[error("Broker did not take the order: {0}; it was not sent")]
    BrokerFull(String),
}

fn age(age_s: Option<i64>) -> String {
    age_s.map_or_else(|| "no price".to_owned(), |age_s| format!("a price of {age_s} s ago"))
}

impl RefusalReason {
    /// True when an answer of the exchange may end it: its account, and the time that it says with it.
    pub(crate) fn is_settled_by_an_account(&self) -> bool {
        matches!(self, Self::NoAccount { .. } | Self::StaleAccount { .. } | Self::ClockDoubt { .. })
    }

    /// The codes after which a purchase of the same stock waits: refused for money or size, and a minute changes neither.
    pub const COOLING: [&'static str; 5] =
        ["NoCash", "TooSmall", "FatFinger", "SymbolExposure", "TotalExposure"];

    /// True when a purchase refused for this waits before it is tried again.
    pub fn cools_down(&self) -> bool {
        Self::COOLING.contains(&self.code())
    }

    /// The code stored and shown.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Halted => "Halted",
            Self::Starting => "Starting",
            Self::Reducing => "Reducing",
            Self::Expired { .. } => "Expired",
            Self::MarketClosed { .. } => "MarketClosed",
            Self::LowConfidence { .. } => "LowConfidence",
            Self::UnresolvedOrder { .. } => "UnresolvedOrder",
            Self::SymbolClosed { .. } => "SymbolClosed",
            Self::SymbolHalted { .. } => "SymbolHalted",
            Self::OpenOrder { .. } => "OpenOrder",
            Self::HoldingsChanged { .. } => "HoldingsChanged",
            Self::NoAccount { .. } => "NoAccount",
            Self::StaleAccount { .. } => "StaleAccount",
            Self::CashUnknown { .. } => "CashUnknown",
            Self::Blind { .. } => "Blind",
            Self::PnlUnknown { .. } => "PnlUnknown",
            Self::DailyLoss { .. } => "DailyLoss",
            Self::DayStartUnknown { .. } => "DayStartUnknown",
            Self::DayCeiling { .. } => "DayCeiling",
            Self::NoCash { .. } => "NoCash",
            Self::LotUnknown { .. } => "LotUnknown",
            Self::TooSmall { .. } => "TooSmall",
            Self::FatFinger { .. } => "FatFinger",
            Self::NothingToSell { .. } => "NothingToSell",
            Self::Oversize { .. } => "Oversize",
            Self::TooManyOrders { .. } => "TooManyOrders",
            Self::ClockDoubt { .. } => "ClockDoubt",
            Self::TooManyWaiting { .. } => "TooManyWaiting",
            Self::OffTick { .. } => "OffTick",
            Self::StaleQuote { .. } => "StaleQuote",
            Self::QuoteJump { .. } => "QuoteJump",
            Self::CoolingDown { .. } => "CoolingDown",
            Self::StoppedOut { .. } => "StoppedOut",
            Self::BoughtBack { .. } => "BoughtBack",
            Self::EquityUnknown { .. } => "EquityUnknown",
            Self::ExposureUnknown { .. } => "ExposureUnknown",
            Self::SymbolExposure { .. } => "SymbolExposure",
            Self::TotalExposure { .. } => "TotalExposure",
            Self::LedgerRefused(_) => "LedgerRefused",
            Self::LedgerUnknown(_) => "LedgerUnknown",
            Self::BrokerFull(_) => "BrokerFull",
        }
    }
}
