//! Whether the books are true: shares compared with the account, stocks halted, too many unknown orders.

use domain::messages::control::{HaltSource, RequestHalt};
use domain::messages::symbols::{CompareHoldings, SymbolHalt, SymbolHalted, UnknownsLately};
use domain::{AccountSnapshot, Market};
use trade_ledger::DayKey;

use super::reconcile::{ask, inquire, warn};
use super::{BrokerDeps, Shared};
use crate::working::UNKNOWNS_MAX;

/// Has the ledger compare an account with the books. What they do not explain may be a person's trade, so the order
/// lists of those markets are asked for; the next account then tells.
pub(super) async fn compare(deps: &BrokerDeps, shared: &Shared, snapshot: &AccountSnapshot) {
    let compared = match ask(&deps.ledger.holdings, CompareHoldings { snapshot: snapshot.clone() }).await {
        Ok(compared) => compared,
        Err(why) => return tracing::warn!(why, "the account is not compared with the books"),
    };
    for (instrument, shares) in &compared.adopted {
        tracing::info!(%instrument, shares, "shares of other origin are taken as given");
    }
    spread_halts(deps, compared.halted);
    let mut markets: Vec<Market> = compared.doubted.into_iter().map(|instrument| instrument.market).collect();
    markets.sort();
    markets.dedup();
    for market in markets {
        let session_date = market.date_at(deps.clock.now());
        if let Err(why) = inquire(deps, shared, DayKey { market, session_date }).await {
            tracing::warn!(%market, why, "whether orders explain the account is not known yet");
        }
    }
}

/// Tells RiskGuard which stocks the ledger has halted.
pub(super) fn spread_halts(deps: &BrokerDeps, halts: Vec<SymbolHalt>) {
    for halt in halts {
        warn(deps.risk.symbol_halted.tell(SymbolHalted { halt }), "that a stock is halted");
    }
}

/// Asks for a halt when too many orders became unknown within an hour (order-protocol 5.6).
pub(super) async fn watch_unknowns(deps: &BrokerDeps) {
    let number = match ask(&deps.ledger.unknowns, UnknownsLately).await {
        Ok(number) => number,
        Err(why) => return tracing::warn!(why, "how many orders are unknown is not known"),
    };
    if number > UNKNOWNS_MAX {
        // Word for word the same each time, so that it stands once.
        let reason = format!("more than {UNKNOWNS_MAX} orders became unknown within an hour");
        let request = RequestHalt {
            source: HaltSource::UnknownOrders,
            by: "broker".into(),
            reason,
            cancel_open: false,
        };
        warn(deps.risk.halt.tell(request), "that a halt is needed");
    }
}
