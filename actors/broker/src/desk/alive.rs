//! Whether a market trades, and what is done before a broker that was silent is believed again.

use chrono::{DateTime, Utc};
use domain::Market;
use domain::messages::market_data::QueryError;
use trade_ledger::DayKey;

use super::reconcile::inquire;
use super::{BrokerDeps, Shared, hold};

/// When a well-known stock of `market` last traded. After a silence the day's orders are reconciled first, so that whoever
/// hears that the broker is back finds the books true (CALENDARS.md 4.2).
///
/// # Errors
/// [`QueryError::Unavailable`] while the exchange does not answer, or the orders are not reconciled.
pub(super) async fn last_trade(
    deps: &BrokerDeps,
    shared: &Shared,
    market: Market,
) -> Result<Option<DateTime<Utc>>, QueryError> {
    // Noted before the question: whoever waited may have given up before there was an answer.
    let was_silent = !hold(&shared.silent).insert(market);
    let answer = deps.exchange.last_trade(market).await;
    if matches!(answer, Err(QueryError::Unavailable(_))) {
        return answer;
    }
    if was_silent {
        let session_date = market.date_at(deps.clock.now());
        let unsettled =
            |why| QueryError::Unavailable(format!("it answers, but its orders are not known: {why}"));
        inquire(deps, shared, DayKey { market, session_date }).await.map_err(unsettled)?;
        tracing::info!(%market, "the broker answers again, and its orders are reconciled");
    }
    hold(&shared.silent).remove(&market);
    answer
}
