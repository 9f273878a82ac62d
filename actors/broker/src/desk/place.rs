//! One approved order: everything that can fail first, then the permit, then one POST, then what is known.

use std::time::Duration;

use domain::messages::control::{HaltSource, HaltedByBooks, RequestHalt};
use domain::messages::ledger::LedgerError;
use domain::messages::market_data::QueryError;
use domain::messages::trading::OrderUpdate;
use domain::{IntentId, Outcome, Quantity, Refusal, Side};
use risk_guard::ApprovedOrder;
use trade_ledger::{BeginSending, DayKey, PermitRefused, RecordOutcome, SendPermit};

use super::reconcile::{accounts, warn, watch_clock};
use super::truth::watch_unknowns;
use super::{BrokerDeps, Shared, hold};
use crate::working::urgency;

/// Longest wait for a permit (permit.rs).
const PERMIT_WITHIN: Duration = Duration::from_secs(3);
/// Longest wait, real time, for the exchange's word on how many shares a sale may sell. Without it the account's counts,
/// because an exit must not wait for what is only a precaution.
const SELLABLE_WITHIN: Duration = Duration::from_secs(2);
/// Longest wait for one attempt to record, the pause between two, and how many.
const RECORD_WITHIN: Duration = Duration::from_secs(2);
const RECORD_PAUSE: Duration = Duration::from_millis(200);
const RECORD_ATTEMPTS: u32 = 8;
const CLOCKS_DIFFER: &str = "the exchange's clock and ours differ";

/// Places the order.
///
/// # Errors
/// When the ledger does not take the outcome: this life must end, so that the next one asks the exchange.
pub(super) async fn place(deps: &BrokerDeps, shared: &Shared, order: ApprovedOrder) -> Result<(), String> {
    let intent = order.intent().clone();
    if let Some(why) = objection(deps, shared, &order).await {
        release(deps, &intent, &why).await;
        return Ok(());
    }
    let day = DayKey { market: order.terms().instrument.market, session_date: order.session_date() };
    let watermark = hold(&shared.marks).of(day);
    match deps.ledger.begin_sending.ask(BeginSending { order, watermark }, PERMIT_WITHIN).await {
        Ok(Ok(permit)) => send(deps, shared, day, permit).await,
        Ok(Err(refused)) => no_permit(deps, &intent, refused).await,
        // The row may be `Sending`, but the permit is lost, so nothing was sent and nothing will be.
        Err(error) => record(deps, &intent, not_sent(&format!("no permit: {error}"))).await,
    }
}

/// The ledger said no: the reservation of an approval that is void goes back.
///
/// # Errors
/// As [`place`].
async fn no_permit(deps: &BrokerDeps, intent: &IntentId, refused: PermitRefused) -> Result<(), String> {
    match refused {
        PermitRefused::Halted => {
            release(deps, intent, &refused.to_string()).await;
            // Mostly RiskGuard's own; but another process may have written it.
            warn(deps.risk.halted_by_books.tell(HaltedByBooks), "that the books hold a halt");
        }
        PermitRefused::Expired | PermitRefused::SymbolHalted(_) => {
            release(deps, intent, &refused.to_string()).await;
        }
        // A commit that failed may be on the disk all the same, and then the row is `Sending`, which nothing else ends.
        PermitRefused::Storage(_) => return record(deps, intent, not_sent(&refused.to_string())).await,
        // The books know more than this process.
        PermitRefused::NotApproved => tracing::error!(%intent, %refused, "an approved order is not sent"),
        PermitRefused::Fenced => {
            tracing::error!(%intent, %refused, "an approved order is not sent");
            let reason = "another process owns the books of this one: nothing may be sent from here".into();
            let request =
                RequestHalt { source: HaltSource::Fencing, by: "broker".into(), reason, cancel_open: false };
            warn(deps.risk.halt.tell(request), "that a halt is needed");
        }
    }
    Ok(())
}

/// Tells that an order was never sent. Tried once: if the ledger does not take it, the approval runs out by itself.
async fn release(deps: &BrokerDeps, intent: &IntentId, why: &str) {
    tracing::warn!(%intent, why, "an approved order is not sent");
    if let Err(error) = record_once(deps, intent, not_sent(why)).await {
        tracing::warn!(%intent, %error, "that it was not sent is not recorded");
    }
}

/// Why it is not even tried: too late, trading stopped, or the exchange's session is not ready. Waiting for that session takes
/// time, so all else is asked before and after.
async fn objection(deps: &BrokerDeps, shared: &Shared, order: &ApprovedOrder) -> Option<String> {
    if let Some(why) = objection_now(deps, shared, order) {
        return Some(why);
    }
    if let Some(why) = too_few_shares(deps, shared, order).await {
        return Some(why);
    }
    let prepared = prepare(deps, shared, order).await;
    let refused =
        prepared.err().map(|error| error.to_string()).or_else(|| objection_now(deps, shared, order));
    // Our clock may have jumped out of the session, or into it: what cannot be taken back waits.
    refused.or_else(|| deps.exchange.clock_doubt().map(|_skew| CLOCKS_DIFFER.to_owned()))
}

/// Makes everything ready. A single answer with an odd time may be wrong by itself, so the exchange is asked once more; that
/// takes its time, so the turn is taken anew.
async fn prepare(deps: &BrokerDeps, shared: &Shared, order: &ApprovedOrder) -> Result<(), QueryError> {
    let terms = order.terms();
    deps.exchange.prepare(urgency(terms.side)).await?;
    if deps.exchange.clock_doubt().is_none() || watch_clock(deps, shared) {
        return Ok(());
    }
    accounts(deps, shared, &[terms.instrument.market]).await;
    deps.exchange.prepare(urgency(terms.side)).await
}

/// The account that a sale was sized on may be a minute old, and the exchange refuses a sale of more than it has. So it is
/// asked about this one stock; when it says less, the account is read again, which then counts the lesser (that is
/// [`crate::Exchange::sellable`]'s promise), and the next proposal sells that.
async fn too_few_shares(deps: &BrokerDeps, shared: &Shared, order: &ApprovedOrder) -> Option<String> {
    let terms = order.terms();
    if terms.side != Side::Sell {
        return None;
    }
    let told = sellable_now(deps, order).await?;
    if told >= terms.quantity {
        return None;
    }
    accounts(deps, shared, &[terms.instrument.market]).await;
    Some(format!("the exchange would sell {told} shares of {} now, not {}", terms.instrument, terms.quantity))
}

async fn sellable_now(deps: &BrokerDeps, order: &ApprovedOrder) -> Option<Quantity> {
    let instrument = order.terms().instrument.clone();
    let answer = tokio::time::timeout(SELLABLE_WITHIN, deps.exchange.sellable(instrument.clone())).await;
    match answer {
        Ok(Ok(told)) => Some(told),
        Ok(Err(QueryError::NotOffered(_))) => None,
        Ok(Err(error)) => {
            tracing::warn!(%instrument, %error, "the account alone says how many shares may be sold");
            None
        }
        Err(_elapsed) => {
            tracing::warn!(%instrument, "no word in time: the account alone says how many shares may be sold");
            None
        }
    }
}

fn objection_now(deps: &BrokerDeps, shared: &Shared, order: &ApprovedOrder) -> Option<String> {
    if deps.clock.now() >= order.expires_at() {
        return Some("the approval has expired".into());
    }
    if !deps.gate.is_open_for(order.halt_epoch()) {
        return Some("trading is halted".into());
    }
    let market = order.terms().instrument.market;
    let until = hold(&shared.orders_until).get(&market).copied();
    if until.is_some_and(|until| until.is_none_or(|until| deps.clock.now() >= until)) {
        return Some(format!("the broker takes no orders of {market} now"));
    }
    watch_clock(deps, shared).then(|| CLOCKS_DIFFER.into())
}

async fn send(deps: &BrokerDeps, shared: &Shared, day: DayKey, permit: SendPermit) -> Result<(), String> {
    let intent = permit.intent().clone();
    let outcome = if deps.gate.is_open_for(permit.halt_epoch()) {
        *hold(&shared.in_flight) = Some(intent.clone());
        deps.exchange.submit(permit).await
    } else {
        not_sent("trading was halted between permit and POST")
    };
    match &outcome {
        Outcome::Accepted(order) => {
            tracing::info!(%intent, %order, "the exchange has taken the order");
            hold(&shared.marks).see_order(day, order);
        }
        Outcome::Refused(refusal) => {
            tracing::info!(%intent, %refusal, "the exchange has not taken the order");
            ask_for_a_person(deps, refusal);
        }
        Outcome::Unknown(why) => tracing::warn!(%intent, why, "the fate of this order is unknown"),
    }
    let is_unknown = matches!(outcome, Outcome::Unknown(_));
    let recorded = record(deps, &intent, outcome).await;
    *hold(&shared.in_flight) = None;
    if is_unknown {
        watch_unknowns(deps).await;
    }
    recorded
}

fn ask_for_a_person(deps: &BrokerDeps, refusal: &Refusal) {
    if deps.exchange.needs_a_person(refusal) {
        let reason = format!("the exchange refuses orders until a person acts: {refusal}");
        let request =
            RequestHalt { source: HaltSource::Exchange, by: "broker".into(), reason, cancel_open: false };
        warn(deps.risk.halt.tell(request), "that a halt is needed");
    }
}

/// Why the ledger has not taken an outcome.
#[derive(Debug, thiserror::Error)]
enum Missed {
    /// It never will: the books are another process's, whose lists find the order.
    #[error("another process owns the books")]
    Fenced,
    /// It may yet.
    #[error("{0}")]
    NotYet(String),
}

/// Repeats until the ledger has it, or never will.
async fn record(deps: &BrokerDeps, intent: &IntentId, outcome: Outcome) -> Result<(), String> {
    for _attempt in 0..RECORD_ATTEMPTS {
        match record_once(deps, intent, outcome.clone()).await {
            Ok(()) => return Ok(()),
            Err(Missed::Fenced) => {
                tracing::error!(%intent, ?outcome, "another process owns the books; its lists will show this order");
                return Ok(());
            }
            Err(error @ Missed::NotYet(_)) => {
                tracing::error!(%intent, %error, "the outcome is not recorded yet");
            }
        }
        tokio::time::sleep(RECORD_PAUSE).await;
    }
    Err(format!("the ledger does not take the outcome of {intent}"))
}

async fn record_once(deps: &BrokerDeps, intent: &IntentId, outcome: Outcome) -> Result<(), Missed> {
    let message = RecordOutcome { intent: intent.clone(), outcome };
    let answer = deps.ledger.record_outcome.ask(message, RECORD_WITHIN).await;
    let update = answer.map_err(|error| Missed::NotYet(error.to_string()))?.map_err(|error| match error {
        LedgerError::Fenced => Missed::Fenced,
        LedgerError::Refused(_) | LedgerError::Storage(_) => Missed::NotYet(error.to_string()),
    })?;
    tell(deps, update);
    Ok(())
}

fn tell(deps: &BrokerDeps, update: OrderUpdate) {
    warn(deps.risk.order_update.tell(update), "that an order changed");
}

fn not_sent(why: &str) -> Outcome {
    Outcome::Refused(Refusal::NotSent(why.into()))
}
