//! The port to the exchange.
//!
//! `submit` takes a [`SendPermit`] by value: no code path reaches the order endpoint without RiskGuard's approval and
//! the ledger's permit.

use chrono::{DateTime, NaiveDate, Utc};
use domain::messages::market_data::{
    AccountInWonQuery, AccountQuery, BarsQuery, OrderQuoteQuery, QueryError, Quote, QuoteQuery, RankedStock,
    RankingQuery,
};
use domain::messages::proof::ListedDay;
use domain::{
    AccountInWon, AccountSnapshot, BoxFuture, Candle, ExchangeClock, InquiryRow, Instrument, Market, Outcome,
    Quantity, Refusal, WorkingOrder,
};
use trade_ledger::{JournalledOrder, SendPermit};

/// What a request is for; the pacer serves the smallest first (architecture 3: exit > cancel > reconcile > entry > scan).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Urgency {
    /// A sale of what is held.
    Exit,
    /// A cancel.
    Cancel,
    /// Order lists and balances.
    Reconcile,
    /// A purchase.
    Entry,
    /// Rankings, bars, quotes.
    Scan,
}

impl Urgency {
    /// Every urgency, the most urgent first.
    pub const ALL: [Self; 5] = [Self::Exit, Self::Cancel, Self::Reconcile, Self::Entry, Self::Scan];

    /// The word shown.
    pub fn code(self) -> &'static str {
        match self {
            Self::Exit => "exit",
            Self::Cancel => "cancel",
            Self::Reconcile => "reconcile",
            Self::Entry => "entry",
            Self::Scan => "scan",
        }
    }
}

/// What is known after a cancel request. The order's true end comes from the next inquiry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CancelOutcome {
    /// The exchange took the request.
    Requested,
    /// The exchange refused it: already filled, already cancelled, unknown.
    Refused(String),
    /// Nobody knows; inquire, then cancel again if it is still open.
    Unknown(String),
}

/// The exchange as Broker sees it. Every call is paced by the adapter with the given urgency, and bounded in time.
pub trait Exchange: ExchangeClock {
    /// Makes everything ready that could fail before an order: a valid token, and the rate's permission. Called
    /// before the permit is asked, so that nothing stands between permit and POST (order-protocol 5.2, step 2).
    fn prepare(&self, urgency: Urgency) -> BoxFuture<'_, Result<(), QueryError>>;

    /// Sends the one POST of a permit. Never retried; total deadline 5 s.
    fn submit(&self, permit: SendPermit) -> BoxFuture<'_, Outcome>;

    /// Asks the exchange to cancel what is left of a working order.
    fn cancel(&self, order: JournalledOrder) -> BoxFuture<'_, CancelOutcome>;

    /// Every order of the account on one exchange-local date, all pages; an error if any page is missing.
    fn orders_of_day(
        &self,
        market: Market,
        date: NaiveDate,
    ) -> BoxFuture<'_, Result<Vec<InquiryRow>, QueryError>>;

    /// Cash, equity and holdings in the market's currency.
    fn account(
        &self,
        query: AccountQuery,
        urgency: Urgency,
    ) -> BoxFuture<'_, Result<AccountSnapshot, QueryError>>;

    /// A ranking.
    fn ranking(&self, query: RankingQuery) -> BoxFuture<'_, Result<Vec<RankedStock>, QueryError>>;

    /// Bars, oldest first.
    fn bars(&self, query: BarsQuery) -> BoxFuture<'_, Result<Vec<Candle>, QueryError>>;

    /// The price now.
    fn quote(&self, query: QuoteQuery, urgency: Urgency) -> BoxFuture<'_, Result<Quote, QueryError>>;

    /// The price now of a stock that is about to be ordered; for a purchase with the best prices, where they are told.
    fn order_quote(
        &self,
        query: OrderQuoteQuery,
        urgency: Urgency,
    ) -> BoxFuture<'_, Result<Quote, QueryError>> {
        match query.scanned {
            Some(quote) => Box::pin(async move { Ok(quote) }),
            None => self.quote(QuoteQuery { instrument: query.instrument }, urgency),
        }
    }

    /// How many shares of a holding may be sold now, by the exchange's own word for this one stock, asked for right
    /// before a sale. The next account counts no more of it than this. An adapter that is not offered such a question
    /// leaves it to the account.
    fn sellable(&self, instrument: Instrument) -> BoxFuture<'_, Result<Quantity, QueryError>> {
        Box::pin(async move { Err(not_offered(&format!("shares of {instrument} that may be sold"))) })
    }

    /// Today's orders of `market` that can still be cancelled, all pages. A second witness, never the only one: an
    /// adapter that is not offered it leaves everything to [`Exchange::orders_of_day`].
    fn working_orders(&self, market: Market) -> BoxFuture<'_, Result<Vec<WorkingOrder>, QueryError>> {
        Box::pin(async move { Err(not_offered(&format!("the working orders of {market}"))) })
    }

    /// The whole account in won, and the rates of exchange.
    fn account_in_won(&self, query: AccountInWonQuery) -> BoxFuture<'_, Result<AccountInWon, QueryError>> {
        let _ = query;
        Box::pin(async { Err(not_offered("the account in won")) })
    }

    /// When a well-known stock of `market` last traded: the start of its newest bar with volume, none if it has none. An
    /// error other than [`QueryError::Unavailable`] means that the exchange works but cannot tell.
    fn last_trade(&self, market: Market) -> BoxFuture<'_, Result<Option<DateTime<Utc>>, QueryError>>;

    /// On which days from `from` on `market` opens, by the exchange's own list, oldest first. To be asked at most once a day.
    fn listed_days(
        &self,
        market: Market,
        from: NaiveDate,
    ) -> BoxFuture<'_, Result<Vec<ListedDay>, QueryError>>;

    /// True when a refused order shows that nothing will work until a person acts: keys, account, configuration
    /// (KIS.md 5, class F). Broker then asks for a halt. An adapter that cannot tell says false.
    fn needs_a_person(&self, refusal: &Refusal) -> bool {
        let _ = refusal;
        false
    }

    /// What a person should look at because it may not end by itself, in the same words until it ends. Broker then
    /// raises an alarm. An adapter that knows of no such thing says none.
    fn trouble(&self) -> Option<String> {
        None
    }
}

fn not_offered(what: &str) -> QueryError {
    QueryError::NotOffered(what.to_owned())
}
