//! What the witness is told of a transaction.

use super::*;

pub(super) fn tell_updates(stage: &Stage, updates: &[OrderUpdate]) {
    updates.iter().for_each(|update| stage.witness.moved(update));
}

fn tell_ended(stage: &Stage, intents: &[IntentId], state: OrderState) {
    for intent in intents {
        stage.witness.note(What::Update { intent: intent.to_string(), state, filled: Quantity::ZERO });
    }
}

pub(super) fn tell_boot(stage: &Stage, report: &BootReport) {
    tell_ended(stage, &report.unknown, OrderState::Unknown);
    tell_ended(stage, &report.expired, OrderState::Expired);
    stage.witness.note(What::Boot { epoch: report.fencing.0 });
    if let Some(halt) = &report.crash_loop {
        stage.witness.saw(Sometimes::CrashLoop);
        stage.witness.note(What::Halt { id: halt.id.clone() });
    }
}

pub(super) fn tell_booked(stage: &Stage, booked: &InquiryBooked) {
    tell_updates(stage, &booked.updates);
    if let Some(halt) = &booked.halt {
        tell_halt(stage, halt);
    }
    for order in &booked.foreign {
        stage.witness.saw(Sometimes::Foreign);
        let (order_id, is_halted) = (order.to_string(), stage.is_halted_on_disk());
        stage.witness.note(What::Foreign { order: order_id, is_halted });
        stage.witness.trace("foreign", &order.to_string());
    }
    for what in &booked.contradictions {
        stage.witness.trace("contradiction", what);
    }
}

pub(super) fn tell_approval(stage: &Stage, new: &NewIntent) {
    stage.cue_perhaps();
    tell_approvals_ended(stage, new);
    let market = new.terms.instrument.market;
    let is_judged = stage.witness.notes().judged.contains(new.decision.as_str());
    stage.witness.note(What::Approval(Approval {
        intent: new.intent.to_string(),
        approval: new.approval.to_string(),
        terms: new.terms.clone(),
        day: DayKey { market, session_date: new.session_date },
        expires_at: new.expires_at - stage.machine.wrong_by(),
        cash: stage.cash(market.currency()),
        account: stage.account_of(new.intent.as_str(), &new.terms.instrument),
        is_own_sale: new.terms.side == Side::Sell && !is_judged,
    }));
}

/// A flatten's sales are nobody's decisions, and an exit's are RiskGuard's.
pub(super) fn tell_decision(stage: &Stage, decision: &Decision) {
    stage.witness.trace(
        "decision",
        &format!("{} {:?} {} by {}", decision.id, decision.action, decision.instrument, decision.judge),
    );
    if decision.judge != risk_guard::EXITS_JUDGE {
        stage.witness.notes().judged.insert(decision.id.to_string());
    }
}

/// Approvals of the stock that the transaction has ended, because a clock that ran ahead had given them.
fn tell_approvals_ended(stage: &Stage, new: &NewIntent) {
    let waiting = stage.witness.notes().follower.waiting_on(&new.terms.instrument);
    let is_other = |id: &String| id != new.intent.as_str();
    for intent in waiting.into_iter().filter(is_other) {
        if stage.state_on_disk(&intent).is_none() {
            stage.witness.note(What::Update { intent, state: OrderState::Expired, filled: Quantity::ZERO });
        }
    }
}

pub(super) fn tell_sending(stage: &Stage, request: &SendingRequest, begun: &Begun) {
    match begun {
        Begun::Sending => {
            let intent = request.intent.to_string();
            stage.witness.note(What::Sending { intent, epoch: request.fencing.0 });
        }
        Begun::Refused(why) => {
            let rare = match why {
                PermitRefused::Halted => Some(Sometimes::HaltBeforePermit),
                PermitRefused::Fenced => Some(Sometimes::PermitFenced),
                PermitRefused::Expired => Some(Sometimes::PermitExpired),
                PermitRefused::NotApproved | PermitRefused::SymbolHalted(_) | PermitRefused::Storage(_) => {
                    None
                }
            };
            rare.into_iter().for_each(|rare| stage.witness.saw(rare));
            stage.witness.trace("no permit", &why.to_string());
        }
    }
}

pub(super) fn tell_halt(stage: &Stage, record: &HaltRecord) {
    let id = record.id.clone();
    if record.source == HaltSource::ClockSkew {
        stage.witness.saw(Sometimes::ClockHalt);
    }
    if record.source == HaltSource::CircuitBreaker {
        stage.witness.saw(Sometimes::BreakerHalt);
    }
    stage.witness.note(match record.level {
        HaltLevel::Halted => What::Halt { id },
        // Exits may still leave.
        HaltLevel::Reducing | HaltLevel::Flatten => What::Reduce { id },
    });
    stage.tell_cancels(record);
}

pub(super) fn tell_refusal(stage: &Stage, refusal: &ProposalRefused) {
    let rare = match refusal.reason.as_str() {
        "FatFinger" | "TooSmall" => Some(Sometimes::RefusedForSize),
        "NoCash" => Some(Sometimes::RefusedForCash),
        "Reducing" => Some(Sometimes::RefusedReducing),
        _ => None,
    };
    rare.into_iter().for_each(|rare| stage.witness.saw(rare));
    stage.witness.trace("proposal refused", &refusal.reason);
}
