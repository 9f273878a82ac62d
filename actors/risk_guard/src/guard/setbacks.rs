//! What speaks against buying a stock again: read from the books at the start of a life, and again with each sale and
//! each refusal of the exchange.

use chrono::TimeDelta;
use domain::messages::ledger::LedgerError;
use domain::messages::limits::{Setback, SetbackKind, SetbacksSince, WaitsQuery, WaitsUnknown};
use domain::messages::trading::{OrderUpdate, Proposal};
use domain::{Instrument, OrderState, Side, Wait};
use supervision::prelude::*;

use super::start::ask_ledger;
use super::{LEDGER_WITHIN, RiskGuard};
use crate::limits::{Limits, RefusalReason};

impl Handler<WaitsQuery> for RiskGuard {
    type Result = Result<Vec<(Instrument, Wait)>, WaitsUnknown>;

    fn handle(&mut self, query: WaitsQuery, _ctx: &mut Self::Context) -> Self::Result {
        if !self.setbacks_known {
            return Err(WaitsUnknown);
        }
        Ok(self.waits().filter(|(instrument, _)| instrument.market == query.market).collect())
    }
}

impl RiskGuard {
    /// The stocks that are not bought now, why and until when.
    pub(super) fn waits(&self) -> impl Iterator<Item = (Instrument, Wait)> {
        let waits = self.setbacks.waits(&self.settings.limits, self.now());
        waits.map(|(instrument, wait)| (instrument.clone(), wait))
    }

    /// Asked until it is answered: before that no life buys anything.
    pub(super) fn load_setbacks(&self, ctx: &mut Ctx<Self>) {
        let question = self.setbacks_of(None);
        let told = ask_ledger(self.deps.ledger.setbacks.clone(), move || question.clone());
        ctx.spawn(told.into_actor(self).map(|told: Vec<Setback>, this, _ctx| {
            told.into_iter().for_each(|setback| this.setbacks.note(setback));
            this.setbacks_known = true;
            this.settle_gate();
        }));
    }

    /// As far back as any limit may ever reach: it may be tightened later.
    fn setbacks_of(&self, instrument: Option<Instrument>) -> SetbacksSince {
        SetbacksSince { since: self.now() - TimeDelta::minutes(Limits::WAIT_MOST_MIN.into()), instrument }
    }

    /// What an order's news mean for the next purchase of its stock; the numbers are the books' to tell.
    pub(super) fn note_setback(&mut self, update: &OrderUpdate, ctx: &mut Ctx<Self>) {
        let OrderUpdate { terms, state, filled, at, .. } = update;
        let instrument = terms.instrument.clone();
        match (terms.side, state) {
            (Side::Sell, _) if !filled.is_zero() => {
                // Until the books have told better: sold at its limit, which is the least it can have brought, and at a loss.
                let kind = SetbackKind::Sold { price: terms.limit, result: None };
                self.setbacks.note(Setback { instrument: instrument.clone(), at: *at, kind });
                self.ask_setbacks(instrument, ctx);
            }
            (Side::Buy, OrderState::Refused | OrderState::Rejected) => self.ask_setbacks(instrument, ctx),
            (Side::Buy | Side::Sell, _) => {}
        }
    }

    fn ask_setbacks(&self, instrument: Instrument, ctx: &mut Ctx<Self>) {
        let question = self.setbacks_of(Some(instrument.clone()));
        let answer = self.deps.ledger.setbacks.ask(question, LEDGER_WITHIN).into_actor(self);
        ctx.spawn(answer.map(move |answer, this, _ctx| this.setbacks_told(&instrument, answer)));
    }

    /// Without an answer what was assumed stays: it is the stricter.
    fn setbacks_told(
        &mut self,
        instrument: &Instrument,
        answer: Result<Result<Vec<Setback>, LedgerError>, AskError>,
    ) {
        match answer {
            Ok(Ok(told)) => self.setbacks.settle(instrument, told),
            Ok(Err(error)) => {
                tracing::warn!(%error, %instrument, "the books did not tell what was sold and refused");
            }
            Err(error) => {
                tracing::warn!(%error, %instrument, "the books did not tell what was sold and refused");
            }
        }
    }

    /// A purchase that was refused for money or size waits before it is tried again.
    pub(super) fn note_refusal(&mut self, proposal: &Proposal, reason: &RefusalReason) {
        if proposal.side == Side::Buy && reason.cools_down() {
            let (instrument, why) = (proposal.instrument.clone(), reason.code().to_owned());
            let kind = SetbackKind::Refused { why };
            self.setbacks.note(Setback { instrument, at: self.now(), kind });
        }
    }
}
