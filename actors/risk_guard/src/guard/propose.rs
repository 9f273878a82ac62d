//! From a proposal to an approved order: review, reserve, commit, place.

use chrono::TimeDelta;
use domain::messages::ledger::{Committed, LedgerError};
use domain::messages::trading::{Proposal, ProposalRefused};
use domain::{Action, ApprovalId, IntentId, OrderTerms, Side};
use supervision::prelude::*;

use super::{LEDGER_WITHIN, RiskGuard};
use crate::authority::{Approval, ApprovedOrder, CommitApproval, PlaceOrder, Uncommitted};
use crate::book::APPROVAL_TTL_S;
use crate::limits::{RefusalReason, Standing, review};

impl Handler<Proposal> for RiskGuard {
    type Result = ();

    fn handle(&mut self, proposal: Proposal, ctx: &mut Self::Context) {
        self.consider(proposal, ctx);
    }
}

/// The span of a decision that was made here, or whose proposal had to wait; one that came with its letter goes on.
pub(super) fn about(proposal: &Proposal) -> Option<supervision::About> {
    let (id, stock) = (&proposal.decision_id, &proposal.instrument);
    (!supervision::has_subject())
        .then(|| supervision::about(tracing::info_span!(parent: None, "decision", %id, %stock)))
}

impl RiskGuard {
    /// The first look at a proposal, whoever made it.
    pub(super) fn consider(&mut self, proposal: Proposal, ctx: &mut Ctx<Self>) {
        let _about = about(&proposal);
        match self.review_of_now(&proposal) {
            Ok(terms) => self.approve(proposal, terms, ctx),
            Err(reason) => self.wait_or_refuse(proposal, reason, ctx),
        }
    }

    /// The second and last look at a proposal that waited.
    pub(super) fn consider_again(&mut self, proposal: Proposal, ctx: &mut Ctx<Self>) {
        let _about = about(&proposal);
        match self.review_of_now(&proposal) {
            Ok(terms) => self.approve(proposal, terms, ctx),
            Err(reason) => self.refuse(&proposal, &reason),
        }
    }

    /// A sale of RiskGuard's own may have been recorded or have waited while its stock was sold by another: its quantity is old.
    fn review_of_now(&self, proposal: &Proposal) -> Result<OrderTerms, RefusalReason> {
        if self.moves.is_old(proposal) {
            return Err(RefusalReason::HoldingsChanged { instrument: proposal.instrument.clone() });
        }
        self.review(proposal)
    }

    pub(super) fn review(&self, proposal: &Proposal) -> Result<OrderTerms, RefusalReason> {
        let market = proposal.instrument.market;
        let now = self.now();
        let desk = self.desks.get(&market.currency());
        let empty = Default::default();
        let seen = desk.unwrap_or(&empty);
        let blind = self.blind_in(market);
        review(
            proposal,
            &Standing {
                now,
                state: self.state_of(market.currency()),
                limits: &self.settings.limits,
                sizing: &self.settings.sizing,
                session: self.sessions.get(&market),
                account: seen.snapshot.as_ref(),
                touched_at: seen.touched_at,
                day: seen.reading(self.settings.basis, now).halting,
                purchases: seen.purchases(now),
                book: &self.book,
                symbol_halts: &self.symbol_halts,
                blind: blind.as_ref(),
                approvals: &self.approvals,
                clock_doubt: self.deps.exchange_clock.clock_doubt(),
                quoted: self.prices.of(&proposal.instrument),
                setbacks: &self.setbacks,
            },
        )
    }

    /// A missing account or day start is asked for once, one answer of the exchange with an odd time has it asked once more, and the day's purchases are counted again before they are called
    /// too many; everything else is an answer already.
    fn wait_or_refuse(&mut self, proposal: Proposal, reason: RefusalReason, ctx: &mut Ctx<Self>) {
        if reason.is_settled_by_an_account() {
            return self.await_account(proposal, ctx);
        }
        if let RefusalReason::OpenOrder { intent, .. } = &reason {
            self.look_after(intent, ctx);
        }
        if matches!(reason, RefusalReason::DayCeiling { .. }) {
            return self.await_recount(proposal, ctx);
        }
        if !matches!(reason, RefusalReason::PnlUnknown { .. } | RefusalReason::DayStartUnknown { .. }) {
            return self.refuse(&proposal, &reason);
        }
        let proposal = self.await_day_start(proposal);
        if let Some(proposal) = proposal.and_then(|proposal| self.await_second_reading(proposal, ctx)) {
            self.refuse(&proposal, &reason);
        }
    }

    /// An approval that nobody has heard of since it expired: the books know what became of it.
    fn look_after(&mut self, intent: &IntentId, ctx: &mut Ctx<Self>) {
        let now = self.now();
        if self.book.iter().any(|order| &order.intent == intent && order.is_overdue(now)) {
            self.read_orders(ctx);
        }
    }

    /// Reserves, then asks the ledger to write intent and approval in one transaction.
    pub(super) fn approve(&mut self, proposal: Proposal, terms: OrderTerms, ctx: &mut Ctx<Self>) {
        if self.obey_emergency_file(ctx) {
            return self.refuse(&proposal, &RefusalReason::Halted);
        }
        self.moves.end_sale(&proposal.decision_id);
        let approval = self.approval(&proposal, terms);
        self.approvals.note(approval.approved_at);
        let currency = approval.terms.instrument.market.currency();
        self.desks.entry(currency).or_default().note_purchase(&approval.terms);
        self.book.reserve(approval.intent.clone(), approval.terms.clone(), approval.approved_at);
        let (request, uncommitted) = CommitApproval::prepare(approval);
        let answer = self.deps.ledger.commit_approval.ask(request, LEDGER_WITHIN).into_actor(self);
        ctx.spawn(
            answer.map(move |answer, this, ctx| this.commit_answered(proposal, uncommitted, answer, ctx)),
        );
    }

    fn approval(&self, proposal: &Proposal, terms: OrderTerms) -> Approval {
        let now = self.now();
        let at_ms = now.timestamp_millis();
        Approval {
            intent: IntentId::new(at_ms, self.deps.random.next_u64()),
            approval: ApprovalId::new(at_ms, self.deps.random.next_u64()),
            decision: proposal.decision_id.clone(),
            terms,
            confidence: proposal.confidence,
            session_date: proposal.session_date,
            approved_at: now,
            expires_at: now + TimeDelta::seconds(APPROVAL_TTL_S),
            halt_epoch: self.epoch,
        }
    }

    /// The ledger has spoken, or not: only its yes makes an order.
    fn commit_answered(
        &mut self,
        proposal: Proposal,
        uncommitted: Uncommitted,
        answer: Result<Result<Committed, LedgerError>, AskError>,
        ctx: &mut Ctx<Self>,
    ) {
        let intent = uncommitted.intent().clone();
        match answer {
            Ok(Ok(proof)) => self.place(&proposal, uncommitted.committed(proof)),
            Ok(Err(error)) => {
                self.book.release(&intent);
                self.refuse(&proposal, &RefusalReason::LedgerRefused(error.to_string()));
                self.look_at_books(ctx);
            }
            Err(AskError::Full) => {
                self.book.release(&intent);
                self.refuse(&proposal, &RefusalReason::LedgerRefused(AskError::Full.to_string()));
            }
            Err(error @ (AskError::Crashed | AskError::TimedOut)) => {
                // The approval may be on disk: its reservation stays until the books are read again.
                self.refuse(&proposal, &RefusalReason::LedgerUnknown(error.to_string()));
                self.read_orders(ctx);
            }
        }
    }

    /// Hands the order to Broker, unless a halt or time has made it void. Dropped here, it can never be sent.
    fn place(&mut self, proposal: &Proposal, order: ApprovedOrder) {
        let (now, intent) = (self.now(), order.intent().clone());
        let void = if order.halt_epoch() != self.epoch || !self.settle_gate() {
            Some(RefusalReason::Halted)
        } else if now >= order.expires_at() {
            Some(RefusalReason::Expired { expires_at: order.expires_at(), now })
        } else {
            None
        };
        if let Some(reason) = void {
            self.book.release(&intent);
            return self.refuse(proposal, &reason);
        }
        tracing::info!(decision = %proposal.decision_id, %intent, terms = %order.terms(), "approved");
        if let Err(error) = self.deps.broker.place.tell(PlaceOrder(order)) {
            tracing::error!(%error, %intent, "Broker did not take the order; it was not sent");
            self.book.release(&intent);
            self.refuse(proposal, &RefusalReason::BrokerFull(error.to_string()));
        }
    }

    pub(super) fn refuse(&mut self, proposal: &Proposal, reason: &RefusalReason) {
        self.note_refusal(proposal, reason);
        self.moves.end_sale(&proposal.decision_id);
        if matches!(reason, RefusalReason::HoldingsChanged { .. }) {
            self.exits.end_sale(&proposal.instrument);
        }
        let (decision, instrument, side) = (&proposal.decision_id, &proposal.instrument, proposal.side);
        tracing::info!(%decision, %instrument, %side, reason = reason.code(), "{reason}");
        let refusal = ProposalRefused {
            decision_id: proposal.decision_id.clone(),
            instrument: proposal.instrument.clone(),
            action: match proposal.side {
                Side::Buy => Action::Buy,
                Side::Sell => Action::Sell,
            },
            reason: reason.code().to_owned(),
            detail: reason.to_string(),
            numbers: reason.numbers(),
            at: self.now(),
        };
        if let Err(error) = self.deps.ledger.refused.tell(refusal) {
            tracing::error!(%error, "a refusal could not be recorded");
        }
    }
}
