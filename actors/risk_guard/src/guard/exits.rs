//! Selling what is held by the rules of exits: at each price, and at a look of its own every half minute.
//!
//! An exit takes the way of every other order, through every limit that binds sales, and none that binds purchases. It
//! is recorded as a decision before it is proposed, so that `why` can tell it. A halt stops it, as it stops everything.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::ledger::{Committed, LedgerError};
use domain::messages::limits::{OwnPosition, OwnPositions};
use domain::messages::market_data::{BarInterval, BarsQuery, QueryError};
use domain::messages::trading::{DecisionMade, Proposal};
use domain::{
    Action, Candle, Confidence, Decision, DecisionId, Instrument, Market, Price, Quantity, Side, StockRules,
    ports,
};
use rust_decimal::Decimal;
use supervision::prelude::*;

use super::{LEDGER_WITHIN, RiskGuard};
use crate::exits::watch::BARS;
use crate::exits::{self, Exit, JUMP_BELIEVED_MAX_PCT, Verdict};
use crate::limits::RefusalReason;

/// Between two looks, in exchange time; prices look by themselves.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The longest wait for daily bars, in real time (messages::market_data).
const BARS_WITHIN: Duration = Duration::from_secs(20);
/// How long an exit may wait for an account, in seconds of exchange time.
const EXIT_LIFE_S: i64 = 60;
/// Who judged, in the records.
const JUDGE: &str = "exits";

// === Looking ===

impl RiskGuard {
    /// Looks now and then for as long as this life lasts.
    pub(super) fn watch_exits(&self, ctx: &mut Ctx<Self>) {
        let pause = ports::sleep(&self.deps.clock, LOOK_EVERY).into_actor(self);
        ctx.spawn(pause.map(|(), this, ctx| {
            if this.sight.is_any_trading() {
                this.read_holdings(ctx);
            }
            this.watch_exits(ctx);
        }));
    }

    /// Asks the books what is held, then looks at all of it.
    pub(super) fn read_holdings(&mut self, ctx: &mut Ctx<Self>) {
        if std::mem::replace(&mut self.reading_holdings, true) {
            return;
        }
        let answer = self.deps.ledger.positions.ask(OwnPositions, LEDGER_WITHIN).into_actor(self);
        ctx.spawn(answer.map(|answer, this, ctx| this.holdings_read(answer, ctx)));
    }

    fn holdings_read(
        &mut self,
        answer: Result<Result<Vec<OwnPosition>, LedgerError>, AskError>,
        ctx: &mut Ctx<Self>,
    ) {
        self.reading_holdings = false;
        match answer {
            Ok(Ok(positions)) => self.exits.take_positions(positions),
            Ok(Err(error)) => tracing::warn!(%error, "what is held is not known; looking at what was"),
            Err(error) => tracing::warn!(%error, "what is held is not known; looking at what was"),
        }
        for instrument in self.exits.instruments() {
            self.look_at_exit(&instrument, ctx);
        }
    }

    /// Judges one holding at its newest price, if it may be sold at all now.
    pub(super) fn look_at_exit(&mut self, instrument: &Instrument, ctx: &mut Ctx<Self>) {
        if !self.may_exit(instrument.market) {
            return;
        }
        let now = self.now();
        if self.exits.begin_bars(instrument, now) {
            self.ask_bars(instrument.clone(), ctx);
        }
        let (Some(price), Some(held)) = (self.usable_price(instrument), self.exits.held(instrument)) else {
            return;
        };
        match exits::judge(&self.settings.exits, &held, price, now) {
            Verdict::Hold => {
                self.exits.believe(instrument);
                self.exits.see(instrument, price);
            }
            Verdict::Sell(exit) => self.sell(instrument, exit, price, ctx),
            Verdict::Unbelievable(loss_pct) => self.doubt(instrument, price, loss_pct.round_dp(1)),
        }
    }

    fn may_exit(&self, market: Market) -> bool {
        let (session, now) = (self.sessions.get(&market), self.now());
        session.is_some_and(|session| session.trades(now) && session.trust.allows_exits())
    }

    fn usable_price(&self, instrument: &Instrument) -> Option<Price> {
        if self.prices.of(instrument).is_some_and(|quoted| quoted.has_jumped(JUMP_BELIEVED_MAX_PCT)) {
            return None;
        }
        let seen = self.sight.price(instrument)?;
        let since = self.sight.trading_since(instrument.market)?;
        exits::usable(seen.price, seen.at, since, self.now())
    }

    fn doubt(&mut self, instrument: &Instrument, price: Price, loss_pct: Decimal) {
        if self.exits.doubt(instrument) {
            self.alarm(
                Some(instrument.market),
                format!(
                    "{instrument} at {price} would have lost {loss_pct} %: a split or a wrong price, so it is not sold by \
                     itself; look at it, and sell it at the broker if it is true"
                ),
            );
        }
    }

    fn ask_bars(&self, instrument: Instrument, ctx: &mut Ctx<Self>) {
        let query = BarsQuery { instrument: instrument.clone(), interval: BarInterval::Day, count: BARS };
        let answer = self.deps.broker.bars.ask(query, BARS_WITHIN).into_actor(self);
        ctx.spawn(answer.map(move |answer, this, ctx| this.bars_told(&instrument, answer, ctx)));
    }

    fn bars_told(
        &mut self,
        instrument: &Instrument,
        answer: Result<Result<Vec<Candle>, QueryError>, AskError>,
        ctx: &mut Ctx<Self>,
    ) {
        match answer {
            Ok(Ok(bars)) => {
                let now = self.now();
                self.exits.take_bars(instrument, &bars, now);
                self.look_at_exit(instrument, ctx);
            }
            Ok(Err(error)) => tracing::warn!(%instrument, %error, "no daily bars; the percentage stop holds"),
            Err(error) => tracing::warn!(%instrument, %error, "no daily bars; the percentage stop holds"),
        }
    }
}

// === Selling ===

impl RiskGuard {
    fn sell(&mut self, instrument: &Instrument, exit: Exit, price: Price, ctx: &mut Ctx<Self>) {
        let now = self.now();
        if !self.book.selling(instrument).is_zero() || !self.exits.begin_sale(instrument, now) {
            return;
        }
        let Some(quantity) = self.own_sellable(instrument) else {
            return tracing::warn!(%instrument, %exit, "held, but not sellable");
        };
        let proposal = self.exit_of(instrument, quantity, price);
        if let Err(reason) = self.review(&proposal)
            && !reason.is_settled_by_an_account()
        {
            return self.hold_up(instrument, exit, &reason);
        }
        self.exits.let_go(instrument);
        let decision = decision(&proposal, exit, now);
        let answer =
            self.deps.ledger.decisions.ask(DecisionMade::from(decision), LEDGER_WITHIN).into_actor(self);
        ctx.spawn(answer.map(move |answer, this, ctx| this.exit_recorded(proposal, answer, ctx)));
    }

    /// People are told once for each reason: it is tried again at every look.
    fn hold_up(&mut self, instrument: &Instrument, exit: Exit, reason: &RefusalReason) {
        tracing::warn!(%instrument, %exit, %reason, "not sold yet");
        if self.exits.hold_up(instrument, reason.code()) {
            self.alarm(
                Some(instrument.market),
                format!(
                    "{instrument} should be sold ({exit}) and is not: {reason}; it is tried again at every look"
                ),
            );
        }
    }

    fn exit_recorded(
        &mut self,
        proposal: Proposal,
        answer: Result<Result<Committed, LedgerError>, AskError>,
        ctx: &mut Ctx<Self>,
    ) {
        match answer {
            Ok(Ok(_committed)) => self.consider(proposal, ctx),
            // Without the ledger no order could be committed either; the next look tries again.
            Ok(Err(error)) => tracing::warn!(%error, "an exit is not recorded, so it is not proposed yet"),
            Err(error) => tracing::warn!(%error, "an exit is not recorded, so it is not proposed yet"),
        }
    }

    /// This agent's shares, as far as the account confirms them; all of them while there is no account.
    fn own_sellable(&self, instrument: &Instrument) -> Option<Quantity> {
        let own = self.exits.quantity(instrument);
        let snapshot = self.desks.get(&instrument.market.currency()).and_then(|desk| desk.snapshot.as_ref());
        let confirmed = snapshot.map_or(own, |snapshot| {
            snapshot.holding(instrument).map_or(Quantity::ZERO, |holding| holding.sellable)
        });
        let quantity = own.min(confirmed);
        (!quantity.is_zero()).then_some(quantity)
    }

    fn exit_of(&self, instrument: &Instrument, quantity: Quantity, price: Price) -> Proposal {
        let now = self.now();
        Proposal {
            decision_id: DecisionId::new(now.timestamp_millis(), self.deps.random.next_u64()),
            instrument: instrument.clone(),
            side: Side::Sell,
            confidence: Confidence::CERTAIN,
            quantity: Some(quantity),
            reference_price: price,
            rules: StockRules::default(),
            score: None,
            session_date: instrument.market.date_at(now),
            expires_at: now + TimeDelta::seconds(EXIT_LIFE_S),
        }
    }
}

fn decision(proposal: &Proposal, exit: Exit, at: DateTime<Utc>) -> Decision {
    Decision {
        id: proposal.decision_id.clone(),
        instrument: proposal.instrument.clone(),
        action: Action::Sell,
        confidence: proposal.confidence,
        rationale: exit.to_string(),
        price: Some(proposal.reference_price),
        selection: None,
        at,
        session_date: proposal.session_date,
        judge: JUDGE.to_owned(),
    }
}
