//! The exchange adapter: KIS's Open API behind Broker's port (KIS.md, architecture 1 and 8).
//!
//! Reads are paced, retried and bounded. An order leaves at most once per permit and is never retried. The simulator
//! speaks the same wire and shares no code with this.
//!
//! Every service of KIS is listed below, with its use here or the reason why there is none.
#![doc = include_str!("kis/matrix.md")]

mod account_in_won;
mod auth;
mod bars;
mod call;
mod codes;
mod day_limits;
mod domestic;
mod errors;
mod foreign_account;
#[cfg(test)]
mod fuzz;
mod holidays;
mod json;
#[cfg(test)]
mod matrix;
mod order;
mod order_book;
mod orders;
mod overseas;
mod proof_of_life;
mod ranking;
mod sellable;
pub mod stream;
#[cfg(test)]
mod testing;
mod trid;
mod wire;
mod working_orders;

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use broker::{CancelOutcome, Exchange, Urgency};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::messages::market_data::{
    AccountInWonQuery, AccountQuery, BarsQuery, OrderQuoteQuery, QueryError, Quote, QuoteQuery, RankedStock,
    RankingQuery,
};
use domain::messages::proof::ListedDay;
use domain::{
    AccountInWon, AccountSnapshot, BoxFuture, Candle, Clock, ExchangeClock, InquiryRow, Instrument, Market,
    Outcome, Quantity, Refusal, WorkingOrder,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;
use trade_ledger::{JournalledOrder, SendPermit};

use crate::config::{Credentials, Endpoint};
use crate::http::{ClockGauge, Dated, Transport};
use call::{Ports, Session};

/// A turn taken by `prepare` and not used for this long, in real time, is void: the rate's second has long passed.
const TURN_VALIDITY: Duration = Duration::from_secs(10);

/// Which of KIS's two worlds the credentials belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// Real money.
    Real,
    /// Paper trading (VTS).
    Paper,
}

/// What the adapter needs to know. Printing it shows no secret.
#[derive(Clone, Debug)]
pub struct KisConfig {
    /// Scheme, host and port, without a slash at the end (KIS.md 1).
    pub base_url: String,
    /// Selects the TR ids.
    pub environment: Environment,
    /// App key, secret and account.
    pub credentials: Credentials,
    /// Where the token is kept between runs (mode 0600); none keeps it in memory.
    pub token_file: Option<PathBuf>,
    /// The foreign price-change ranking.
    pub fluctuation: Endpoint,
    /// The foreign volume ranking.
    pub volume: Endpoint,
    /// Adds the header `x-kestrel-truth` with the intent's id to an order, for the invariant report of the embedded
    /// simulator. The composition root sets it for the embedded simulator alone; over TLS it is never sent.
    pub truth_tag: bool,
    /// Markets whose prices come without the delay of KIS's free feed.
    pub live_feeds: BTreeSet<Market>,
}

/// The rate's permission, shared by everything that talks to one app key (KIS.md 4).
pub trait Pace: Send + Sync + 'static {
    /// Returns when a request of this urgency may leave.
    fn turn(&self, urgency: Urgency) -> BoxFuture<'_, ()>;

    /// Returns when an order of this urgency may leave. Nobody else gets a turn until [`Pace::order_leaves`], for a while.
    fn order_turn(&self, urgency: Urgency) -> BoxFuture<'_, ()> {
        self.turn(urgency)
    }

    /// The order whose turn it is leaves now.
    fn order_leaves(&self) {}

    /// The exchange refused a request because of the rate (EGW00201, EGW00215): give no turns for a while.
    fn throttled(&self);
}

impl Pace for broker::Pacer {
    fn turn(&self, urgency: Urgency) -> BoxFuture<'_, ()> {
        Box::pin(self.turn(urgency))
    }

    fn order_turn(&self, urgency: Urgency) -> BoxFuture<'_, ()> {
        Box::pin(self.order_turn(urgency))
    }

    fn order_leaves(&self) {
        self.order_leaves();
    }

    fn throttled(&self) {
        self.throttled();
    }
}

/// Connects to KIS. `reads` carries everything but orders and cancels, which go through `orders` alone.
///
/// # Errors
/// [`InvalidAccount`].
pub fn connect(
    config: KisConfig,
    reads: Arc<dyn Transport>,
    orders: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    pace: Arc<dyn Pace>,
) -> Result<Kis, InvalidAccount> {
    let account = AccountNumber::parse(&config.credentials.account)?;
    let gauge = Arc::new(ClockGauge::default());
    let dated = |way| -> Arc<dyn Transport> { Arc::new(Dated::new(way, clock.clone(), gauge.clone())) };
    let (reads, orders) = (dated(reads), dated(orders));
    let session = Session::new(config, account, Ports { reads, clock, pace });
    Ok(Kis { session, orders, gauge, turns: Mutex::default() })
}

/// KIS, connected. Made by [`connect`].
pub struct Kis {
    session: Session,
    orders: Arc<dyn Transport>,
    /// What the answers say about KIS's clock.
    gauge: Arc<ClockGauge>,
    /// Turns taken by `prepare` that no order has used yet, oldest first.
    turns: Mutex<VecDeque<Instant>>,
}

impl Kis {
    fn keep_turn(&self) {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner).push_back(Instant::now());
    }

    /// The oldest turn that is still good; void ones are thrown away.
    fn use_turn(&self) -> bool {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(taken_at) = turns.pop_front() {
            if taken_at.elapsed() < TURN_VALIDITY {
                return true;
            }
        }
        false
    }

    async fn submit_prepared(&self, permit: SendPermit) -> Outcome {
        // Both were there a moment ago, in `prepare`; waiting for them here would let the permit grow old.
        if !self.use_turn() {
            return not_sent("the rate's turn was not taken or has passed");
        }
        match self.session.tokens.current() {
            Some(token) => {
                self.session.ports.pace.order_leaves();
                order::submit(&self.session, &*self.orders, &token, permit).await
            }
            None => not_sent("there is no valid token"),
        }
    }

    async fn cancel_working(&self, order: JournalledOrder) -> CancelOutcome {
        let token = match self.session.tokens.token_for_order().await {
            Ok(token) => token,
            Err(error) => return CancelOutcome::Unknown(error.to_string()),
        };
        let first = self.cancel_once(&token, &order, None).await;
        let CancelOutcome::Refused(why) = first else { return first };
        self.cancel_as_listed(&token, &order, why).await
    }

    async fn cancel_once(
        &self,
        token: &auth::Token,
        order: &JournalledOrder,
        listed: Option<&WorkingOrder>,
    ) -> CancelOutcome {
        self.session.ports.pace.turn(Urgency::Cancel).await;
        order::cancel(&self.session, &*self.orders, token, order, listed).await
    }

    /// Once more, as the exchange lists it, where it lists it otherwise than the books have it.
    async fn cancel_as_listed(
        &self,
        token: &auth::Token,
        order: &JournalledOrder,
        why: String,
    ) -> CancelOutcome {
        match working_orders::after_refusal(&self.session, order.intent(), why).await {
            Ok(listed) => self.cancel_once(token, order, Some(&listed)).await,
            Err(why) => CancelOutcome::Refused(why),
        }
    }
}

fn not_sent(why: &str) -> Outcome {
    Outcome::Refused(Refusal::NotSent(why.into()))
}

impl Exchange for Kis {
    fn prepare(&self, urgency: Urgency) -> BoxFuture<'_, Result<(), QueryError>> {
        Box::pin(async move {
            self.session.tokens.token_for_order().await?;
            self.session.ports.pace.order_turn(urgency).await;
            self.keep_turn();
            Ok(())
        })
    }

    fn submit(&self, permit: SendPermit) -> BoxFuture<'_, Outcome> {
        Box::pin(self.submit_prepared(permit))
    }

    fn cancel(&self, order: JournalledOrder) -> BoxFuture<'_, CancelOutcome> {
        Box::pin(self.cancel_working(order))
    }

    fn orders_of_day(
        &self,
        market: Market,
        date: NaiveDate,
    ) -> BoxFuture<'_, Result<Vec<InquiryRow>, QueryError>> {
        Box::pin(async move {
            if market.is_domestic() {
                domestic::orders_of_day(&self.session, date).await
            } else {
                overseas::orders_of_day(&self.session, market, date).await
            }
        })
    }

    fn account(
        &self,
        query: AccountQuery,
        urgency: Urgency,
    ) -> BoxFuture<'_, Result<AccountSnapshot, QueryError>> {
        Box::pin(async move {
            if query.market.is_domestic() {
                domestic::account(&self.session, urgency).await
            } else {
                foreign_account::account(&self.session, query.market, urgency).await
            }
        })
    }

    fn ranking(&self, query: RankingQuery) -> BoxFuture<'_, Result<Vec<RankedStock>, QueryError>> {
        Box::pin(async move { ranking::ranking(&self.session, &query).await })
    }

    fn bars(&self, query: BarsQuery) -> BoxFuture<'_, Result<Vec<Candle>, QueryError>> {
        Box::pin(async move {
            let bars = if query.instrument.market.is_domestic() {
                domestic::bars(&self.session, &query).await?
            } else {
                overseas::bars(&self.session, &query).await?
            };
            if !bars.is_empty() {
                self.session.remember(&query.instrument);
            }
            Ok(bars)
        })
    }

    fn quote(&self, query: QuoteQuery, urgency: Urgency) -> BoxFuture<'_, Result<Quote, QueryError>> {
        Box::pin(async move {
            if query.instrument.market.is_domestic() {
                domestic::quote(&self.session, query.instrument, urgency).await
            } else {
                overseas::quote(&self.session, query.instrument, urgency).await
            }
        })
    }

    fn order_quote(
        &self,
        query: OrderQuoteQuery,
        urgency: Urgency,
    ) -> BoxFuture<'_, Result<Quote, QueryError>> {
        Box::pin(order_book::order_quote(&self.session, query, urgency))
    }

    fn sellable(&self, instrument: Instrument) -> BoxFuture<'_, Result<Quantity, QueryError>> {
        Box::pin(sellable::sellable(&self.session, instrument))
    }

    fn working_orders(&self, market: Market) -> BoxFuture<'_, Result<Vec<WorkingOrder>, QueryError>> {
        Box::pin(working_orders::working_orders(&self.session, market, Urgency::Reconcile))
    }

    fn account_in_won(&self, query: AccountInWonQuery) -> BoxFuture<'_, Result<AccountInWon, QueryError>> {
        Box::pin(account_in_won::account_in_won(&self.session, query))
    }

    fn last_trade(&self, market: Market) -> BoxFuture<'_, Result<Option<DateTime<Utc>>, QueryError>> {
        Box::pin(proof_of_life::last_trade(&self.session, market))
    }

    fn listed_days(
        &self,
        market: Market,
        from: NaiveDate,
    ) -> BoxFuture<'_, Result<Vec<ListedDay>, QueryError>> {
        Box::pin(holidays::listed_days(&self.session, market, from))
    }

    fn needs_a_person(&self, refusal: &Refusal) -> bool {
        match refusal {
            Refusal::NotSent(_) => false,
            Refusal::Code { code, text } => errors::classify(code, text) == errors::Class::Fatal,
        }
    }

    fn trouble(&self) -> Option<String> {
        self.session.tokens.trouble()
    }
}

impl ExchangeClock for Kis {
    fn clock_skew(&self) -> Option<TimeDelta> {
        self.gauge.skew()
    }

    fn clock_doubt(&self) -> Option<TimeDelta> {
        self.gauge.doubt()
    }
}

impl fmt::Debug for Kis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kis").field("base_url", &self.session.config.base_url).finish_non_exhaustive()
    }
}

/// `CANO` and `ACNT_PRDT_CD`: eight and two digits (KIS.md 1). Cannot be printed.
#[derive(Clone, Debug)]
pub struct AccountNumber(SecretString);

/// The text is no account number; it is not repeated here because it may be one with a typing error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the account number is not eight digits, a dash and two digits")]
pub struct InvalidAccount;

impl AccountNumber {
    /// Parses `XXXXXXXX-XX`.
    ///
    /// # Errors
    /// [`InvalidAccount`].
    pub fn parse(text: &SecretString) -> Result<Self, InvalidAccount> {
        let digits = |part: &str, length| wire::is_digits(part, length);
        match text.expose_secret().split_once('-') {
            Some((number, product)) if digits(number, 8) && digits(product, 2) => Ok(Self(text.clone())),
            Some(_) | None => Err(InvalidAccount),
        }
    }

    fn parts(&self) -> (&str, &str) {
        self.0.expose_secret().split_once('-').unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
