//! The accounts, one desk per currency: the latest snapshot, the day's start, and what the breaker makes of them.

use std::time::Duration;

use domain::messages::control::{HaltSource, RequestHalt};
use domain::messages::ledger::{DayStart, LedgerError, RecordDayStart, Trips};
use domain::messages::limits::AccountUnconfirmed;
use domain::messages::market_data::{AccountQuery, QueryError};
use domain::messages::trading::{AccountUpdated, Proposal};
use domain::{AccountSnapshot, Currency, Market};
use rust_decimal::Decimal;
use supervision::prelude::*;

use super::desk::{Confirmation, UNCONFIRMED_MAX};
use super::{LEDGER_WITHIN, RiskGuard};
use crate::breaker::{self, DayKey, DayLoss, Verdict};
use crate::limits::RefusalReason;

/// The longest wait for an account: paced reads queue behind orders.
const ACCOUNT_WITHIN: Duration = Duration::from_secs(20);

/// So many proposals of a currency may wait for the same answer; each is a judgement of its own round, and a round has no
/// more candidates than a scan finds.
const WAITING_MAX: usize = 64;

impl Handler<AccountUpdated> for RiskGuard {
    type Result = ();

    fn handle(&mut self, update: AccountUpdated, ctx: &mut Self::Context) {
        self.take_account(update.snapshot, ctx);
    }
}

impl Handler<AccountUnconfirmed> for RiskGuard {
    type Result = ();

    fn handle(&mut self, missed: AccountUnconfirmed, _ctx: &mut Self::Context) {
        self.account_missed(missed.currency, &missed.why);
    }
}

impl RiskGuard {
    fn note_confirmation(&mut self, currency: Currency, confirmed: bool) {
        match self.desks.entry(currency).or_default().confirm(confirmed) {
            Some(Confirmation::Lost) => self.alarm(
                None,
                format!("the equity in {currency} could not be confirmed {UNCONFIRMED_MAX} times; only exits until it is"),
            ),
            Some(Confirmation::Found) => {
                self.alarm(None, format!("the equity in {currency} is confirmed again; entries are allowed"));
            }
            None => {}
        }
    }

    /// Lets the breaker judge every currency, e.g. because its limit has changed.
    pub(super) fn judge_every_day(&mut self, ctx: &mut Ctx<Self>) {
        let currencies: Vec<Currency> = self.desks.keys().copied().collect();
        currencies.into_iter().for_each(|currency| self.judge_day(currency, ctx));
    }

    /// Takes in an account, records the day's start as soon as two in a row agree, and lets the breaker judge.
    fn take_account(&mut self, snapshot: AccountSnapshot, ctx: &mut Ctx<Self>) {
        let currency = snapshot.currency;
        self.sight.see_account(&snapshot);
        let confirmed = snapshot.equity.is_some_and(|equity| equity.amount() > Decimal::ZERO);
        self.note_confirmation(currency, confirmed);
        let (now, within_pct) = (self.now(), self.settings.limits.max_loss_pct());
        let desk = self.desks.entry(currency).or_default();
        if let Some(question) = desk.take(snapshot, within_pct, now) {
            self.ask_day_start(question, ctx);
        }
        self.judge_day(currency, ctx);
        self.judge_won(currency, ctx);
    }

    fn ask_day_start(&mut self, question: RecordDayStart, ctx: &mut Ctx<Self>) {
        let desk = self.desks.entry(question.currency).or_default();
        desk.asking_day_start = true;
        desk.day.iter_mut().for_each(|day| day.purchases.begin_read());
        let key = DayKey { currency: question.currency, session_date: question.session_date };
        let answer = self.deps.ledger.day_start.ask(question, LEDGER_WITHIN).into_actor(self);
        ctx.spawn(answer.map(move |answer, this, ctx| this.day_started(key, answer, ctx)));
    }

    /// The ledger's word counts, not ours: the first equity of the day stays, and what the breaker has done on it.
    fn day_started(
        &mut self,
        key: DayKey,
        answer: Result<Result<DayStart, LedgerError>, AskError>,
        ctx: &mut Ctx<Self>,
    ) {
        let (now, within_pct) = (self.now(), self.settings.limits.max_loss_pct());
        let desk = self.desks.entry(key.currency).or_default();
        let Some(day) = desk.day.as_mut().filter(|day| day.key == key) else { return };
        desk.asking_day_start = false;
        match answer {
            Ok(Ok(told)) => {
                day.take(told);
                // What was told meanwhile.
                if let Some(question) = desk.day_question(within_pct) {
                    return self.ask_day_start(question, ctx);
                }
            }
            Ok(Err(error)) => tracing::warn!(%error, "the day's start is unknown"),
            Err(error) => tracing::warn!(%error, "the day's start is unknown"),
        }
        if desk.lacks_start(now) && !desk.waiting.is_empty() {
            self.ask_account(breaker::market_of(key.currency), ctx);
        }
        self.judge_day(key.currency, ctx);
        self.resume_waiting(key.currency, ctx);
    }

    /// Trips the breaker, or its second wire, at most once a day each, and only when two accounts in a row tell the loss.
    fn judge_day(&mut self, currency: Currency, ctx: &mut Ctx<Self>) {
        let limit = self.settings.limits.max_loss_pct();
        let (basis, now) = (self.settings.basis, self.now());
        let desk = self.desks.entry(currency).or_default();
        let reading = desk.reading(basis, now);
        let Some(taken_at) = desk.snapshot.as_ref().map(|snapshot| snapshot.taken_at) else { return };
        let Some(day) = desk.day.as_mut() else { return };
        let halting = day.halting.weigh(reading.halting, limit, taken_at);
        let reducing = day.reducing.weigh(reading.reducing, limit, taken_at);
        let key = day.key;
        self.heed(halting, key, reading.halting, ctx);
        self.heed(reducing, key, reading.reducing, ctx);
        if halting == Verdict::Confirmed {
            self.trip(key, reading.halting, ctx);
        }
        if reducing == Verdict::Confirmed {
            self.reduce(key, reading.reducing, ctx);
        }
    }

    /// A doubt that begins has another account asked for at once; one that ends in nothing is said.
    fn heed(&mut self, verdict: Verdict, key: DayKey, loss: DayLoss, ctx: &mut Ctx<Self>) {
        match verdict {
            Verdict::Sound | Verdict::Open | Verdict::Confirmed => {}
            Verdict::Raised => {
                let effect = "only exits until another look at the account confirms or refutes it";
                self.alarm(None, self.describe(effect, key, loss));
                self.ask_account(breaker::market_of(key.currency), ctx);
            }
            Verdict::Refuted => {
                let pnl_pct = loss.known().unwrap_or_default();
                let DayKey { currency, session_date } = key;
                self.alarm(
                    None,
                    format!("{currency} {session_date}: the loss was not confirmed, the day stands at {pnl_pct:.2} %"),
                );
            }
        }
    }

    /// The breaker's halt takes the path of every other halt. One that stands already for this currency and day is not
    /// repeated; one of another currency says nothing of this loss, and a person lifts each.
    fn trip(&mut self, key: DayKey, loss: DayLoss, ctx: &mut Ctx<Self>) {
        if self.is_tripped_for(&format!("{} {}: ", key.currency, key.session_date)) {
            return self.keep_trip(key, Trips { halting: true, reducing: false }, ctx);
        }
        let reason = self.describe("halting", key, loss);
        let request = RequestHalt {
            source: HaltSource::CircuitBreaker,
            by: "RiskGuard".into(),
            reason,
            cancel_open: false,
        };
        let report = self.halt(request.into());
        // Not before the halt stands in the books: a trip without it would be a loss that stops nothing.
        ctx.spawn(report.map(move |_report, this, ctx| {
            this.keep_trip(key, Trips { halting: true, reducing: false }, ctx);
        }));
    }

    fn reduce(&self, key: DayKey, loss: DayLoss, ctx: &mut Ctx<Self>) {
        self.alarm(None, self.describe("only exits until the end of the day", key, loss));
        self.keep_trip(key, Trips { halting: false, reducing: true }, ctx);
    }

    /// Has the books know it, for the lives to come.
    fn keep_trip(&self, DayKey { currency, session_date }: DayKey, trips: Trips, ctx: &mut Ctx<Self>) {
        let record = RecordDayStart { currency, session_date, equity: None, trips };
        let answer = self.deps.ledger.day_start.ask(record, LEDGER_WITHIN).into_actor(self);
        ctx.spawn(answer.map(move |answer, _this, _ctx| match answer {
            Ok(Ok(_day)) => {}
            Ok(Err(error)) => tracing::error!(%currency, %error, "a restart may forget what the breaker did"),
            Err(error) => tracing::error!(%currency, %error, "a restart may forget what the breaker did"),
        }));
    }

    fn describe(&self, effect: &str, key: DayKey, loss: DayLoss) -> String {
        let pnl_pct = loss.known().unwrap_or_default();
        let limit = self.settings.limits.max_loss_pct();
        format!("{} {}: {pnl_pct:.2} % is below -{limit:.2} %; {effect}", key.currency, key.session_date)
    }

    /// Lets `proposal` wait for a fresh account of its currency; one question at a time.
    pub(super) fn await_account(&mut self, proposal: Proposal, ctx: &mut Ctx<Self>) {
        let market = proposal.instrument.market;
        if !self.let_wait(proposal) {
            return;
        }
        self.ask_account(market, ctx);
    }

    /// One question at a time.
    pub(super) fn ask_account(&mut self, market: Market, ctx: &mut Ctx<Self>) {
        let desk = self.desks.entry(market.currency()).or_default();
        if std::mem::replace(&mut desk.asking_account, true) {
            return;
        }
        let answer = self.deps.broker.account.ask(AccountQuery { market }, ACCOUNT_WITHIN).into_actor(self);
        ctx.spawn(answer.map(move |answer, this, ctx| this.account_answered(market, answer, ctx)));
    }

    /// Lets `proposal` wait until the day's purchases are counted again.
    pub(super) fn await_recount(&mut self, proposal: Proposal, ctx: &mut Ctx<Self>) {
        let (now, currency) = (self.now(), proposal.instrument.market.currency());
        if !self.let_wait(proposal) {
            return;
        }
        match self.desks.entry(currency).or_default().recount(now) {
            Some(question) => self.ask_day_start(question, ctx),
            None => self.resume_waiting(currency, ctx),
        }
    }

    /// Lets `proposal` wait for another account, if only that is missing for the day's start; gives it back otherwise.
    pub(super) fn await_second_reading(
        &mut self,
        proposal: Proposal,
        ctx: &mut Ctx<Self>,
    ) -> Option<Proposal> {
        let now = self.now();
        let desk = self.desks.entry(proposal.instrument.market.currency()).or_default();
        if !desk.lacks_start(now) {
            return Some(proposal);
        }
        self.await_account(proposal, ctx);
        None
    }

    /// Lets `proposal` wait for the day's start, if that is being asked for; gives it back otherwise.
    pub(super) fn await_day_start(&mut self, proposal: Proposal) -> Option<Proposal> {
        let desk = self.desks.entry(proposal.instrument.market.currency()).or_default();
        if !desk.asking_day_start {
            return Some(proposal);
        }
        self.let_wait(proposal);
        None
    }

    /// True when `proposal` waits for what is being asked; refused when too many do.
    fn let_wait(&mut self, proposal: Proposal) -> bool {
        let desk = self.desks.entry(proposal.instrument.market.currency()).or_default();
        if desk.waiting.len() >= WAITING_MAX {
            self.refuse(&proposal, &RefusalReason::TooManyWaiting { most: WAITING_MAX });
            return false;
        }
        desk.waiting.push(proposal);
        true
    }

    fn account_answered(
        &mut self,
        market: Market,
        answer: Result<Result<AccountSnapshot, QueryError>, AskError>,
        ctx: &mut Ctx<Self>,
    ) {
        self.desks.entry(market.currency()).or_default().asking_account = false;
        match answer {
            Ok(Ok(snapshot)) => self.take_account(snapshot, ctx),
            Ok(Err(error)) => self.account_missed(market.currency(), &error.to_string()),
            Err(error) => self.account_missed(market.currency(), &error.to_string()),
        }
        self.resume_waiting(market.currency(), ctx);
    }

    fn account_missed(&mut self, currency: Currency, why: &str) {
        tracing::warn!(%currency, why, "the account is unknown");
        self.note_confirmation(currency, false);
    }

    /// Looks once more at the proposals that waited, when nothing they wait for is on its way any more.
    fn resume_waiting(&mut self, currency: Currency, ctx: &mut Ctx<Self>) {
        let desk = self.desks.entry(currency).or_default();
        if desk.asking_account || desk.asking_day_start {
            return;
        }
        for proposal in std::mem::take(&mut desk.waiting) {
            self.consider_again(proposal, ctx);
        }
    }
}
