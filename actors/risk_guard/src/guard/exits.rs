//! Selling what is held by the rules of exits: at each price, and at a look of its own every half minute.
//!
//! A price that was heard (streamed, or asked for) decides; one that came with the account is of an unknown time, so it
//! only has the price asked for. Before each sale the stock is quoted anew, which also tells its price steps and limits.
//!
//! An exit takes the way of every other order, through every limit that binds sales, and none that binds purchases. It
//! is recorded as a decision before it is proposed, so that `why` can tell it. A halt stops it, as it stops everything.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::ledger::{Committed, LedgerError};
use domain::messages::limits::{OwnPosition, OwnPositions};
use domain::messages::market_data::{BarInterval, BarsQuery, OrderQuoteQuery, QueryError, Quote};
use domain::messages::trading::{DecisionMade, Proposal, SaleLeftBehind};
use domain::{
    Action, Candle, Confidence, Decision, DecisionId, Instrument, Price, Quantity, Side, StockRules, ports,
};
use rust_decimal::Decimal;
use supervision::mutant::{self, Mutant};
use supervision::prelude::*;

use super::start::RETRY_AFTER;
use super::{LEDGER_WITHIN, RiskGuard};
use crate::book::Tracked;
use crate::exits::watch::BARS;
use crate::exits::{self, Exit, JUMP_BELIEVED_MAX_PCT, PRICE_MAX_AGE_S, Verdict};
use crate::limits::RefusalReason;
use crate::sight::Seen;

/// Between two looks, in exchange time; prices look by themselves.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The longest wait for daily bars, in real time (messages::market_data).
const BARS_WITHIN: Duration = Duration::from_secs(20);
/// The longest wait for the quote that an exit is priced by, in real time: without it the price that was heard must do.
const QUOTE_WITHIN: Duration = Duration::from_secs(3);
/// A sale that has rested for so long above the price is cancelled, to be priced anew, in seconds of exchange time.
const LEFT_BEHIND_S: i64 = 15;
/// A sale that rests for so long while its stock should be sold is told, in seconds of exchange time.
const RESTS_UNTOLD_S: i64 = 60;
/// How long an exit may wait for an account, in seconds of exchange time.
const EXIT_LIFE_S: i64 = 60;
/// Who judged, in the records, when RiskGuard sells by its own rules.
pub const EXITS_JUDGE: &str = "exits";

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
        let asked_at = self.moves.latest();
        let answer = self.deps.ledger.positions.ask(OwnPositions, LEDGER_WITHIN).into_actor(self);
        ctx.spawn(answer.map(move |answer, this, ctx| this.holdings_read(asked_at, answer, ctx)));
    }

    /// A stock of which an order was filled or ended since is looked at only when the books were asked again: a sale by what was
    /// held before would sell what is sold already.
    fn holdings_read(
        &mut self,
        asked_at: u64,
        answer: Result<Result<Vec<OwnPosition>, LedgerError>, AskError>,
        ctx: &mut Ctx<Self>,
    ) {
        self.reading_holdings = false;
        match answer {
            Ok(Ok(positions)) => {
                self.exits.take_positions(positions);
                self.moves.read(asked_at);
                if !self.moves.is_read() {
                    self.read_holdings(ctx);
                }
            }
            Ok(Err(error)) => self.holdings_missed(&error.to_string(), ctx),
            Err(error) => self.holdings_missed(&error.to_string(), ctx),
        }
        for instrument in self.exits.instruments() {
            self.look_at_exit(&instrument, ctx);
        }
    }

    /// Asked again soon, in real time, where something has moved: until the answer nothing of that stock is sold.
    fn holdings_missed(&mut self, why: &str, ctx: &mut Ctx<Self>) {
        tracing::warn!(
            why,
            "what is held is not known; looking at what was, except where an order has moved since"
        );
        if !self.moves.is_read() {
            let pause = tokio::time::sleep(RETRY_AFTER).into_actor(self);
            ctx.spawn(pause.map(|(), this, ctx| this.read_holdings(ctx)));
        }
    }

    /// Judges one holding at its newest price, if it may be sold at all now.
    pub(super) fn look_at_exit(&mut self, instrument: &Instrument, ctx: &mut Ctx<Self>) {
        if !self.may_exit(instrument) {
            return;
        }
        let now = self.now();
        if self.exits.begin_bars(instrument, now) {
            self.ask_bars(instrument.clone(), ctx);
        }
        let heard = self.heard_price(instrument);
        let Some(price) = heard.or_else(|| self.told_price(instrument)) else { return };
        match self.judge_exit(instrument, price) {
            None => {}
            Some(Verdict::Hold) => {
                self.exits.believe(instrument);
                heard.into_iter().for_each(|price| self.see_peak(instrument, price));
            }
            Some(Verdict::Sell(exit)) => self.begin_exit(instrument, exit, heard, ctx),
            Some(Verdict::Unbelievable(loss_pct)) => self.doubt(instrument, price, loss_pct.round_dp(1)),
        }
    }

    fn see_peak(&mut self, instrument: &Instrument, price: Price) {
        let now = self.now();
        if let Some(peak) = self.exits.see(instrument, price, now)
            && let Err(error) = self.deps.ledger.peaks.tell(peak)
        {
            tracing::warn!(%instrument, %error, "a restart may forget the highest price of today");
        }
    }

    /// None when it is not held, or nobody knows what it cost.
    fn judge_exit(&self, instrument: &Instrument, price: Price) -> Option<Verdict> {
        let held = self.exits.held(instrument)?;
        Some(exits::judge(&self.settings.exits, &held, price, self.now()))
    }

    /// Not by what was held before an order of it was filled or ended either: the books are asked at once, and then it is looked at.
    fn may_exit(&self, instrument: &Instrument) -> bool {
        let (session, now) = (self.sessions.get(&instrument.market), self.now());
        self.moves.is_current(instrument)
            && session.is_some_and(|session| session.trades(now) && session.trust.allows_exits())
    }

    /// The newest price that was heard, if it is young and no jump.
    fn heard_price(&self, instrument: &Instrument) -> Option<Price> {
        let quoted = self.prices.of(instrument)?;
        if quoted.has_jumped(JUMP_BELIEVED_MAX_PCT) {
            return None;
        }
        self.usable(instrument, quoted.last)
    }

    /// The newest price of any source, unless what was heard has jumped: then the next one that is heard decides.
    fn told_price(&self, instrument: &Instrument) -> Option<Price> {
        if self.prices.of(instrument).is_some_and(|quoted| quoted.has_jumped(JUMP_BELIEVED_MAX_PCT)) {
            return None;
        }
        self.usable(instrument, self.sight.price(instrument)?)
    }

    fn usable(&self, instrument: &Instrument, seen: Seen) -> Option<Price> {
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
    /// Asks for the quote that decides, unless a sale works already. `heard`: the price that would do without it.
    fn begin_exit(&mut self, instrument: &Instrument, exit: Exit, heard: Option<Price>, ctx: &mut Ctx<Self>) {
        let now = self.now();
        if let Some(resting) = self.book.oldest_sale(instrument).cloned() {
            self.look_behind_price(&resting, heard);
            if resting.approved_at.is_none_or(|at| now - at >= TimeDelta::seconds(RESTS_UNTOLD_S)) {
                let (intent, side, state) = (resting.intent.clone(), Side::Sell, resting.state);
                self.hold_up(instrument, exit, &RefusalReason::OpenOrder { intent, side, state });
            }
            return;
        }
        if !self.exits.begin_sale(instrument, now) {
            return;
        }
        let query = OrderQuoteQuery { instrument: instrument.clone(), side: Side::Sell, scanned: None };
        let answer = self.deps.broker.order_quote.ask(query, QUOTE_WITHIN).into_actor(self);
        let instrument = instrument.clone();
        ctx.spawn(answer.map(move |answer, this, ctx| this.exit_quoted(&instrument, heard, answer, ctx)));
    }

    /// Tells Broker once of a sale that the price has left behind.
    fn look_behind_price(&mut self, resting: &Tracked, heard: Option<Price>) {
        let now = self.now();
        let is_old = resting.approved_at.is_none_or(|at| now - at >= TimeDelta::seconds(LEFT_BEHIND_S));
        let is_above = heard.is_some_and(|price| price < resting.terms.limit);
        if is_old && is_above && self.left_behind.insert(resting.intent.clone()) {
            let told = SaleLeftBehind { intent: resting.intent.clone() };
            if let Err(error) = self.deps.broker.left_behind.tell(told) {
                self.left_behind.remove(&resting.intent);
                tracing::warn!(intent = %resting.intent, %error, "a sale that sells nothing rests on");
            }
        }
    }

    /// A feed that is behind the market says nothing against a price that was heard; its rules hold all the same.
    fn exit_quoted(
        &mut self,
        instrument: &Instrument,
        heard: Option<Price>,
        answer: Result<Result<Quote, QueryError>, AskError>,
        ctx: &mut Ctx<Self>,
    ) {
        let (price, rules) = match answer {
            Ok(Ok(quote)) if quote.delay > TimeDelta::seconds(PRICE_MAX_AGE_S) => (heard, quote.rules),
            Ok(Ok(quote)) => {
                let now = self.now();
                let seen = Seen { price: quote.last, at: quote.at.min(now) };
                self.prices.see(instrument, seen, now);
                (self.heard_price(instrument), quote.rules)
            }
            Ok(Err(error)) => {
                tracing::warn!(%instrument, %error, "no quote for an exit");
                (heard, StockRules::default())
            }
            Err(error) => {
                tracing::warn!(%instrument, %error, "no quote for an exit");
                (heard, StockRules::default())
            }
        };
        let Some(price) = price else { return };
        match self.judge_exit(instrument, price) {
            Some(Verdict::Sell(exit)) => self.sell(instrument, exit, (price, rules), ctx),
            Some(Verdict::Unbelievable(loss_pct)) => self.doubt(instrument, price, loss_pct.round_dp(1)),
            Some(Verdict::Hold) | None => self.exits.end_sale(instrument),
        }
    }

    fn sell(
        &mut self,
        instrument: &Instrument,
        exit: Exit,
        (price, rules): (Price, StockRules),
        ctx: &mut Ctx<Self>,
    ) {
        let now = self.now();
        if !self.moves.is_current(instrument) {
            // The books are being asked, and then it is tried again at once.
            return self.exits.end_sale(instrument);
        }
        let is_sold = self.book.oldest_sale(instrument).is_some() || self.moves.sells(instrument, now);
        if !self.may_exit(instrument) || is_sold {
            return;
        }
        let Some(quantity) = self.own_sellable(instrument) else {
            return tracing::warn!(%instrument, %exit, "held, but not sellable");
        };
        let proposal = self.exit_of(instrument, quantity, (price, rules));
        if let Err(reason) = self.review(&proposal)
            && !reason.is_settled_by_an_account()
        {
            return self.hold_up(instrument, exit, &reason);
        }
        self.exits.let_go(instrument);
        self.moves.begin_sale(&proposal, now);
        let decision = decision(&proposal, exit, now);
        let answer =
            self.deps.ledger.decisions.ask(DecisionMade::from(decision), LEDGER_WITHIN).into_actor(self);
        ctx.spawn(answer.map(move |answer, this, ctx| this.exit_recorded(proposal, answer, ctx)));
    }

    /// People are told once for each reason: it is tried again at every look.
    fn hold_up(&mut self, instrument: &Instrument, exit: Exit, reason: &RefusalReason) {
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
            Ok(Err(error)) => self.exit_unrecorded(&proposal, &error.to_string()),
            Err(error) => self.exit_unrecorded(&proposal, &error.to_string()),
        }
    }

    fn exit_unrecorded(&mut self, proposal: &Proposal, why: &str) {
        self.moves.end_sale(&proposal.decision_id);
        tracing::warn!(why, "an exit is not recorded, so it is not proposed yet");
    }

    /// This agent's shares, as far as the account confirms them; all of them while there is no account.
    fn own_sellable(&self, instrument: &Instrument) -> Option<Quantity> {
        let own = self.exits.quantity(instrument);
        let snapshot = self.desks.get(&instrument.market.currency()).and_then(|desk| desk.snapshot.as_ref());
        let confirmed = snapshot.map_or(own, |snapshot| {
            snapshot.holding(instrument).map_or(Quantity::ZERO, |holding| holding.sellable)
        });
        let quantity = if mutant::is_on(Mutant::SellOthersShares) { confirmed } else { own.min(confirmed) };
        (!quantity.is_zero()).then_some(quantity)
    }

    fn exit_of(
        &self,
        instrument: &Instrument,
        quantity: Quantity,
        (price, rules): (Price, StockRules),
    ) -> Proposal {
        let now = self.now();
        Proposal {
            decision_id: DecisionId::new(now.timestamp_millis(), self.deps.random.next_u64()),
            instrument: instrument.clone(),
            side: Side::Sell,
            confidence: Confidence::CERTAIN,
            quantity: Some(quantity),
            reference_price: price,
            rules,
            score: None,
            most_pct: None,
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
        judge: EXITS_JUDGE.to_owned(),
    }
}
