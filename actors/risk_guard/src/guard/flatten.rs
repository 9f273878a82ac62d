//! Flatten: sell what this agent holds, by the way of every other order, then halt for good.
//!
//! Nothing about it lives here: the row of the halts table says that it stands, the books say what is left, and the
//! latch says that it is done. A restart in the middle goes on where the books are.

use std::num::NonZeroU64;
use std::time::Duration;

use domain::messages::control::{Durability, HaltLevel, HaltRecord};
use domain::messages::ledger::LedgerError;
use domain::messages::limits::{OwnPosition, OwnPositions};
use domain::messages::trading::Proposal;
use domain::{
    Confidence, DecisionId, HaltId, Market, Price, Quantity, Side, StockRules, ports, saleable_and_stuck,
};
use supervision::prelude::*;

use super::lots::LotNow;
use super::propose::about;
use super::{LEDGER_WITHIN, RiskGuard};
use crate::halting::{CommitLatch, HaltCommitted};
use crate::limits::RefusalReason;

/// Between two looks at what is left, in exchange time.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long an exit of a flatten may wait for an account, in seconds of exchange time.
const EXIT_LIFE_S: i64 = 60;

impl RiskGuard {
    /// Starts working on a flatten that stands, unless that goes on already.
    pub(super) fn flatten_soon(&mut self, ctx: &mut Ctx<Self>) {
        if self.flatten().is_some() && !std::mem::replace(&mut self.flattening, true) {
            self.look_at_positions(ctx);
        }
    }

    fn flatten(&self) -> Option<&HaltRecord> {
        self.halts.iter().map(|halt| &halt.record).find(|record| record.level == HaltLevel::Flatten)
    }

    fn look_at_positions(&mut self, ctx: &mut Ctx<Self>) {
        if self.flatten().is_none() {
            self.flattening = false;
            return;
        }
        let moves = self.moves.latest();
        let answer = self.deps.ledger.positions.ask(OwnPositions, LEDGER_WITHIN).into_actor(self);
        ctx.spawn(answer.map(move |answer, this, ctx| this.positions_told(moves, answer, ctx)));
    }

    fn positions_told(
        &mut self,
        moves: u64,
        answer: Result<Result<Vec<OwnPosition>, LedgerError>, AskError>,
        ctx: &mut Ctx<Self>,
    ) {
        match answer {
            // What was held before an order was filled or ended would be sold once more.
            Ok(Ok(positions)) if self.moves.latest() == moves && self.settle_gate() => {
                self.work_off(&positions, ctx);
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "what is left to sell is unknown"),
            Err(error) => tracing::warn!(%error, "what is left to sell is unknown"),
        }
        self.look_later(ctx);
    }

    fn look_later(&mut self, ctx: &mut Ctx<Self>) {
        let pause = ports::sleep(&self.deps.clock, LOOK_EVERY).into_actor(self);
        ctx.spawn(pause.map(|(), this, ctx| this.look_at_positions(ctx)));
    }

    /// Flat means: nothing held, and no order that could still buy something.
    fn work_off(&mut self, positions: &[OwnPosition], ctx: &mut Ctx<Self>) {
        if positions.is_empty() && self.book.iter().next().is_none() {
            return self.latch(ctx);
        }
        for position in positions {
            self.sell_off(position, ctx);
        }
    }

    fn sell_off(&mut self, position: &OwnPosition, ctx: &mut Ctx<Self>) {
        let sells = self.moves.sells(&position.instrument, self.now());
        if sells || !self.book.selling(&position.instrument).is_zero() {
            return;
        }
        let Some((held, price)) = self.sellable(position) else {
            tracing::warn!(instrument = %position.instrument, "held, but not sellable or without a price");
            return;
        };
        let LotNow::Known(rules) = self.lot_of(&position.instrument, ctx) else { return };
        let lot = rules.lot;
        let market = position.instrument.market;
        let (quantity, stuck) = saleable_and_stuck(market, held, lot);
        if !stuck.is_zero() {
            return self.say_stuck(position, stuck);
        }
        self.say_remnant(position, quantity, lot);
        let proposal = self.exit(position, quantity, (price, rules));
        let _about = about(&proposal);
        match self.review(&proposal) {
            Ok(terms) => self.approve(proposal, terms, ctx),
            Err(reason) if reason.is_settled_by_an_account() => {
                self.moves.begin_sale(&proposal, self.now());
                self.await_account(proposal, ctx);
            }
            Err(reason @ RefusalReason::MarketClosed { .. }) => {
                tracing::debug!(instrument = %position.instrument, %reason, "not sold yet");
            }
            Err(reason) => tracing::warn!(instrument = %position.instrument, %reason, "not sold yet"),
        }
    }

    /// Said once in each life: the flatten goes on, and stays unfinished until a person has sold the rest.
    fn say_stuck(&mut self, position: &OwnPosition, stuck: Quantity) {
        let instrument = &position.instrument;
        if self.stuck.insert(instrument.clone()) {
            let text = format!(
                "{stuck} shares of {instrument} remain: less than a lot, which the exchange takes in no order. Sell them \
                 at the broker; the flatten ends when nothing is left"
            );
            self.alarm(Some(instrument.market), text);
        }
    }

    /// Said once in each life: what is less than a board lot goes by an order of its own kind, which may find no buyer.
    fn say_remnant(&mut self, position: &OwnPosition, quantity: Quantity, lot: Option<NonZeroU64>) {
        let instrument = &position.instrument;
        let Some(lot) = lot.filter(|lot| instrument.market == Market::Hk && quantity.get() < lot.get())
        else {
            return;
        };
        if self.stuck.insert(instrument.clone()) {
            let text = format!(
                "{quantity} shares of {instrument} are less than a board lot of {lot} and are offered as an odd lot, which \
                 fewer buyers take and a paper account does not; if they remain, sell them at the broker: the flatten ends \
                 when nothing is left"
            );
            self.alarm(Some(instrument.market), text);
        }
    }

    /// What may be sold of it, and at which price it was last seen. Never more than is ours, nor than is confirmed.
    fn sellable(&self, position: &OwnPosition) -> Option<(Quantity, Price)> {
        let desk = self.desks.get(&position.instrument.market.currency())?;
        let holding = desk.snapshot.as_ref()?.holding(&position.instrument)?;
        let quantity = position.quantity.min(holding.sellable);
        (!quantity.is_zero()).then_some(())?;
        Some((quantity, holding.price?))
    }

    fn exit(
        &self,
        position: &OwnPosition,
        quantity: Quantity,
        (price, rules): (Price, StockRules),
    ) -> Proposal {
        let now = self.now();
        Proposal {
            decision_id: DecisionId::new(now.timestamp_millis(), self.deps.random.next_u64()),
            instrument: position.instrument.clone(),
            side: Side::Sell,
            confidence: Confidence::CERTAIN,
            quantity: Some(quantity),
            reference_price: price,
            rules,
            score: None,
            most_pct: None,
            session_date: position.instrument.market.date_at(now),
            expires_at: now + chrono::TimeDelta::seconds(EXIT_LIFE_S),
        }
    }

    fn latch(&mut self, ctx: &mut Ctx<Self>) {
        let Some(record) = self.flatten().cloned() else { return };
        let request = CommitLatch::new(HaltId::from_stored(record.id.clone()), self.now());
        let answer = self.deps.ledger.commit_latch.ask(request, LEDGER_WITHIN).into_actor(self);
        ctx.spawn(answer.map(move |answer, this, ctx| this.latched(record, answer, ctx)));
    }

    fn latched(
        &mut self,
        mut record: HaltRecord,
        answer: Result<Result<HaltCommitted, LedgerError>, AskError>,
        ctx: &mut Ctx<Self>,
    ) {
        let committed = match answer {
            Ok(Ok(committed)) => committed,
            Ok(Err(error)) => return tracing::warn!(%error, "the end of the flatten is not written yet"),
            Err(error) => return tracing::warn!(%error, "the end of the flatten is not written yet"),
        };
        let Some(halt) = self.halts.iter_mut().find(|halt| halt.record.id == record.id) else { return };
        (halt.record.level, record.level) = (HaltLevel::Halted, HaltLevel::Halted);
        self.deps.keeper.close();
        self.take_epoch(committed.epoch);
        tracing::warn!(id = record.id, "everything is sold; trading is halted");
        let told = self.announce(record, Durability::Ledger);
        ctx.spawn(told.map(|_report, _this, _ctx| ()));
    }
}
