//! Questions about the market and the account, passed on to the exchange.
//!
//! The answers run beside the actor: a slow one is no stall of Broker, and no drain waits for it.

use std::time::Duration;

use domain::messages::market_data::{
    AccountInWonQuery, AccountQuery, AccountWatch, BarsQuery, QueryError, RankingQuery,
};
use domain::messages::proof::{LastTradeQuery, ListedDaysQuery};
use domain::messages::trading::AccountUpdated;
use domain::{AccountSnapshot, BoxFuture, Market};
use supervision::prelude::*;

use super::listen::see_account;
use super::reconcile::{refuse_while_resting, warn, watch_clock, watch_trouble};
use super::{Broker, BrokerDeps, Shared, alive, hold};
use crate::Urgency;

/// The deadline of every such ask (domain::messages::market_data), real time. After it the question gives up its place
/// in the pacer's queue, because nobody waits for the answer any more.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

pub(super) async fn within<T>(answer: BoxFuture<'_, Result<T, QueryError>>) -> Result<T, QueryError> {
    let late = |_elapsed| Err(QueryError::Unavailable("the exchange did not answer in time".into()));
    tokio::time::timeout(ANSWER_WITHIN, answer).await.unwrap_or_else(late)
}

macro_rules! answers {
    ($($query:ty => |$exchange:ident, $asked:ident| $call:expr;)*) => {$(
        impl Handler<$query> for Broker {
            type Result = ResponseFuture<<$query as Message>::Result>;

            fn handle(&mut self, $asked: $query, _ctx: &mut Self::Context) -> Self::Result {
                let $exchange = self.deps.exchange.clone();
                Box::pin(async move { within($call).await })
            }
        }
    )*};
}

answers! {
    RankingQuery => |exchange, query| exchange.ranking(query);
    BarsQuery => |exchange, query| exchange.bars(query);
    ListedDaysQuery => |exchange, query| exchange.listed_days(query.market, query.from);
}

impl Handler<AccountQuery> for Broker {
    type Result = ResponseFuture<<AccountQuery as Message>::Result>;

    fn handle(&mut self, query: AccountQuery, _ctx: &mut Self::Context) -> Self::Result {
        let (deps, shared) = (self.deps.clone(), self.shared.clone());
        Box::pin(async move { account(&deps, &shared, query).await })
    }
}

impl Handler<AccountWatch> for Broker {
    type Result = ResponseFuture<<AccountWatch as Message>::Result>;

    fn handle(&mut self, watch: AccountWatch, _ctx: &mut Self::Context) -> Self::Result {
        let (deps, shared) = (self.deps.clone(), self.shared.clone());
        Box::pin(async move {
            refuse_while_resting(&deps, watch.market).map_err(QueryError::Unavailable)?;
            let (currency, now) = (watch.market.currency(), deps.clock.now());
            if let Some(shared) = hold(&shared.readings).recent(currency, now) {
                return Ok(shared);
            }
            let snapshot = account(&deps, &shared, AccountQuery { market: watch.market }).await?;
            // A failure puts off nothing: Broker's own next reading is the one that tells RiskGuard of it.
            hold(&shared.readings).try_at(currency, now);
            see_account(&deps, &shared, &snapshot);
            let update = AccountUpdated { snapshot: snapshot.clone() };
            warn(deps.risk.account_updated.tell(update), "the account");
            Ok(snapshot)
        })
    }
}

async fn account(
    deps: &BrokerDeps,
    shared: &Shared,
    query: AccountQuery,
) -> Result<AccountSnapshot, QueryError> {
    let market = query.market;
    refuse_while_resting(deps, market).map_err(QueryError::Unavailable)?;
    let account = within(deps.exchange.account(query, Urgency::Reconcile)).await;
    // RiskGuard asks, too, to hear the exchange's clock once more.
    watch_clock(deps, shared);
    watch_trouble(deps, shared);
    refuse_while_resting(deps, market).map_err(QueryError::Unavailable)?;
    if let Ok(snapshot) = &account {
        hold(&shared.readings).keep(snapshot);
    }
    account
}

impl Handler<AccountInWonQuery> for Broker {
    type Result = ResponseFuture<<AccountInWonQuery as Message>::Result>;

    fn handle(&mut self, query: AccountInWonQuery, _ctx: &mut Self::Context) -> Self::Result {
        let deps = self.deps.clone();
        Box::pin(async move {
            refuse_while_resting(&deps, Market::Kr).map_err(QueryError::Unavailable)?;
            within(deps.exchange.account_in_won(query)).await
        })
    }
}

impl Handler<LastTradeQuery> for Broker {
    type Result = ResponseFuture<<LastTradeQuery as Message>::Result>;

    fn handle(&mut self, query: LastTradeQuery, _ctx: &mut Self::Context) -> Self::Result {
        let (deps, shared) = (self.deps.clone(), self.shared.clone());
        Box::pin(async move { within(Box::pin(alive::last_trade(&deps, &shared, query.market))).await })
    }
}
