//! One approved order: everything that can fail first, then the permit, then one POST, then what is known.

use std::time::Duration;

use domain::messages::control::{HaltSource, RequestHalt};
use domain::messages::trading::OrderUpdate;
use domain::{IntentId, Outcome, Refusal};
use risk_guard::ApprovedOrder;
use trade_ledger::{BeginSending, DayKey, RecordOutcome, SendPermit};

use super::reconcile::warn;
use super::{BrokerDeps, Shared, hold, never_sent};
use crate::working::urgency;

/// Longest wait for a permit (permit.rs).
const PERMIT_WITHIN: Duration = Duration::from_secs(3);
/// Longest wait for one attempt to record, the pause between two, and how many.
const RECORD_WITHIN: Duration = Duration::from_secs(2);
const RECORD_PAUSE: Duration = Duration::from_millis(200);
const RECORD_ATTEMPTS: u32 = 8;

/// Places the order.
///
/// # Errors
/// When the ledger does not take the outcome: this life must end, so that the next one asks the exchange.
pub(super) async fn place(deps: &BrokerDeps, shared: &Shared, order: ApprovedOrder) -> Result<(), String> {
    if let Some(why) = objection(deps, &order).await {
        tracing::warn!(intent = %order.intent(), why, "an approved order is not sent");
        tell(deps, never_sent(&order, deps.clock.now()));
        return Ok(());
    }
    let day = DayKey { market: order.terms().instrument.market, session_date: order.session_date() };
    let watermark = hold(&shared.marks).of(day);
    let (intent, unsent) = (order.intent().clone(), never_sent(&order, deps.clock.now()));
    match deps.ledger.begin_sending.ask(BeginSending { order, watermark }, PERMIT_WITHIN).await {
        Ok(Ok(permit)) => send(deps, shared, day, permit).await,
        Ok(Err(refused)) => {
            tracing::warn!(%intent, %refused, "the ledger gives no permit");
            tell(deps, unsent);
            Ok(())
        }
        // The row may be `Sending`, but the permit is lost, so nothing was sent and nothing will be.
        Err(error) => record(deps, &intent, not_sent(&format!("no permit: {error}"))).await.map(|_update| ()),
    }
}

/// Why it is not even tried: too late, trading stopped, or the exchange's session is not ready.
async fn objection(deps: &BrokerDeps, order: &ApprovedOrder) -> Option<String> {
    if deps.clock.now() >= order.expires_at() {
        return Some("the approval has expired".into());
    }
    if !deps.gate.is_open_for(order.halt_epoch()) {
        return Some("trading is halted".into());
    }
    let prepared = deps.exchange.prepare(urgency(order.terms().side)).await;
    prepared.err().map(|error| error.to_string())
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
        Outcome::Accepted(order) => hold(&shared.marks).see_order(day, order),
        Outcome::Refused(refusal) => ask_for_a_person(deps, refusal),
        Outcome::Unknown(why) => tracing::warn!(%intent, why, "the fate of this order is unknown"),
    }
    let recorded = record(deps, &intent, outcome).await;
    *hold(&shared.in_flight) = None;
    recorded
}

fn ask_for_a_person(deps: &BrokerDeps, refusal: &Refusal) {
    if deps.exchange.needs_a_person(refusal) {
        let reason = format!("the exchange refuses orders until a person acts: {refusal}");
        let request = RequestHalt { source: HaltSource::Exchange, by: "broker".into(), reason };
        warn(deps.risk.halt.tell(request), "that a halt is needed");
    }
}

/// Repeats until the ledger has it.
async fn record(deps: &BrokerDeps, intent: &IntentId, outcome: Outcome) -> Result<(), String> {
    for _attempt in 0..RECORD_ATTEMPTS {
        let message = RecordOutcome { intent: intent.clone(), outcome: outcome.clone() };
        match deps.ledger.record_outcome.ask(message, RECORD_WITHIN).await {
            Ok(Ok(update)) => {
                tell(deps, update);
                return Ok(());
            }
            Ok(Err(error)) => tracing::error!(%intent, %error, "the outcome is not recorded yet"),
            Err(error) => tracing::error!(%intent, %error, "the outcome is not recorded yet"),
        }
        tokio::time::sleep(RECORD_PAUSE).await;
    }
    Err(format!("the ledger does not take the outcome of {intent}"))
}

fn tell(deps: &BrokerDeps, update: OrderUpdate) {
    warn(deps.risk.order_update.tell(update), "that an order changed");
}

fn not_sent(why: &str) -> Outcome {
    Outcome::Refused(Refusal::NotSent(why.into()))
}
