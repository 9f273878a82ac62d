//! The account in won: its rates, its day's start, and the breaker's look at it.
//!
//! Only for an agent that trades in a foreign currency; in won alone, the desk of won is the account in won. While a part
//! of it is unknown it trips nothing; when that lasts while a market trades, only exits are let through.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::messages::control::{HaltSource, RequestHalt};
use domain::messages::ledger::LedgerError;
use domain::messages::market_data::{AccountInWonQuery, QueryError};
use domain::messages::won::{RecordWonDayStart, WonDayStart, WonPart, WonStanding};
use domain::{AccountInWon, Currency, Market, Money, WonRate, ports};
use rust_decimal::Decimal;
use supervision::prelude::*;

use super::desk::Desk;
use super::{LEDGER_WITHIN, RiskGuard};
use crate::breaker::won::against_start;
use crate::breaker::{Basis, DayLoss, market_of};

/// Between two questions that were answered, in exchange time: rates are posted once a day, and the question costs two
/// requests and one more for each currency that the account has no money in.
const ASK_EVERY: Duration = Duration::from_secs(3_600);
/// After a question that was not answered.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(300);
/// Real time; paced reads queue behind orders.
const ASK_WITHIN: Duration = Duration::from_secs(30);
/// A day in won that is unknown for so long while a market trades lets exits only through: three questions for the rates
/// were not answered, or a currency's account was not told.
pub(super) const UNKNOWN_MAX: TimeDelta = TimeDelta::minutes(15);
/// No day begins at rates that were told longer ago, in hours.
const RATES_LAST_H: i64 = 24;

/// What RiskGuard knows of the account in won.
#[derive(Debug, Default)]
pub(super) struct Won {
    told: Option<AccountInWon>,
    watching: bool,
    day: Option<WonDayStart>,
    asking_day: bool,
    /// The day that has tripped: it halts once, as a currency's day does.
    tripped_on: Option<NaiveDate>,
    /// The account that told a loss beyond the limit first; a newer one of that currency must say the same.
    raised_by: Option<(Currency, DateTime<Utc>)>,
    /// Since when the day is unknown while a market trades.
    unknown_since: Option<DateTime<Utc>>,
    /// People were told that it is.
    unknown_told: bool,
}

impl Won {
    fn started_on(&self, date: NaiveDate) -> Option<&WonDayStart> {
        self.day.as_ref().filter(|day| day.session_date == date)
    }

    fn rate(&self, currency: Currency, now: DateTime<Utc>) -> Option<WonRate> {
        if currency == Currency::Krw {
            return WonRate::new(Decimal::ONE, day_of(now)).ok();
        }
        let told = self.told.as_ref()?;
        let is_fresh = now.signed_duration_since(told.as_of) <= TimeDelta::hours(RATES_LAST_H);
        told.rates.get(&currency).copied().filter(|_| is_fresh)
    }

    /// True when a loss that `seen` told is told again by a newer account of the same currency.
    fn confirms(&mut self, seen: (Currency, DateTime<Utc>)) -> bool {
        match self.raised_by {
            Some((currency, taken_at)) if currency == seen.0 => taken_at < seen.1,
            Some(_) => false,
            None => {
                self.raised_by = Some(seen);
                false
            }
        }
    }
}

fn day_of(now: DateTime<Utc>) -> NaiveDate {
    Market::Kr.date_at(now)
}

impl RiskGuard {
    /// Asks for the account in won from now on, if anything but won is traded.
    pub(super) fn watch_won(&mut self, ctx: &mut Ctx<Self>) {
        if !self.foreign().is_empty() && !std::mem::replace(&mut self.won.watching, true) {
            self.ask_won(ctx);
        }
    }

    fn ask_won(&self, ctx: &mut Ctx<Self>) {
        let question = AccountInWonQuery { currencies: self.foreign() };
        let answer = self.deps.broker.account_in_won.ask(question, ASK_WITHIN).into_actor(self);
        ctx.spawn(answer.map(|answer, this, ctx| {
            let pause = this.won_told(answer, ctx);
            let pause = ports::sleep(&this.deps.clock, pause).into_actor(this);
            ctx.spawn(pause.map(|(), this, ctx| this.ask_won(ctx)));
        }));
    }

    /// Takes in the answer; tells how long to wait for the next one.
    fn won_told(
        &mut self,
        answer: Result<Result<AccountInWon, QueryError>, AskError>,
        ctx: &mut Ctx<Self>,
    ) -> Duration {
        match answer {
            Ok(Ok(account)) => {
                self.won.told = Some(account);
                self.ask_unseen_accounts(ctx);
                self.begin_won_day(ctx);
                return ASK_EVERY;
            }
            Ok(Err(error)) => tracing::info!(%error, "the account in won is unknown"),
            Err(error) => tracing::info!(%error, "the account in won is unknown"),
        }
        ASK_AGAIN_AFTER
    }

    /// Accounts of markets that are closed have not been asked for by anyone since the start.
    fn ask_unseen_accounts(&mut self, ctx: &mut Ctx<Self>) {
        let is_unseen = |currency: &Currency| {
            self.desks
                .get(currency)
                .is_none_or(|desk| desk.snapshot.is_none() || desk.wants_another_reading())
        };
        let unseen: Vec<Currency> = self.traded().filter(is_unseen).collect();
        unseen.into_iter().for_each(|currency| self.ask_account(market_of(currency), ctx));
    }

    /// Lets the breaker judge the day in won by an account of `currency` that was just taken in.
    pub(super) fn judge_won(&mut self, currency: Currency, ctx: &mut Ctx<Self>) {
        if self.settings.basis != Basis::DayStart || self.foreign().is_empty() {
            return;
        }
        self.begin_won_day(ctx);
        self.watch_won_day();
        let today = day_of(self.now());
        self.ask_second_reading(currency, today, ctx);
        let snapshot = self.desks.get(&currency).and_then(|desk| desk.snapshot.as_ref());
        let Some(taken_at) = snapshot.map(|snapshot| snapshot.taken_at) else { return };
        if !self.is_won_below() {
            if self.won_loss() != DayLoss::Unknown {
                self.won.raised_by = None;
            }
        } else if self.won.tripped_on != Some(today) {
            let is_first = self.won.raised_by.is_none();
            if self.won.confirms((currency, taken_at)) {
                self.won.tripped_on = Some(today);
                self.trip_won(today, ctx);
            } else if is_first {
                self.ask_account(market_of(currency), ctx);
            }
        }
    }

    /// No day begins with one reading, and where no market trades nobody asks for another.
    fn ask_second_reading(&mut self, currency: Currency, today: NaiveDate, ctx: &mut Ctx<Self>) {
        let has_part = |day: &WonDayStart| day.parts.contains_key(&currency);
        let wants = self.desks.get(&currency).is_some_and(Desk::wants_another_reading);
        if wants && !self.won.started_on(today).is_some_and(has_part) {
            self.ask_account(market_of(currency), ctx);
        }
    }

    /// Has the ledger keep what the day begins with, as soon as that is known, and tell what stands.
    fn begin_won_day(&mut self, ctx: &mut Ctx<Self>) {
        if self.settings.basis != Basis::DayStart {
            return;
        }
        let session_date = day_of(self.now());
        let day = self.won.started_on(session_date);
        let mut parts = self.won_parts();
        parts.retain(|part| day.is_none_or(|day| !day.parts.contains_key(&part.equity.currency())));
        if (day.is_some() && parts.is_empty()) || std::mem::replace(&mut self.won.asking_day, true) {
            return;
        }
        let question = RecordWonDayStart { session_date, parts, has_tripped: false };
        let answer = self.deps.ledger.won_day_start.ask(question, LEDGER_WITHIN).into_actor(self);
        ctx.spawn(answer.map(|answer, this, ctx| this.won_day_started(answer, ctx)));
    }

    fn won_day_started(
        &mut self,
        answer: Result<Result<WonDayStart, LedgerError>, AskError>,
        ctx: &mut Ctx<Self>,
    ) {
        self.won.asking_day = false;
        match answer {
            Ok(Ok(day)) => {
                if day.has_tripped {
                    self.won.tripped_on = Some(day.session_date);
                }
                self.won.day = Some(day);
                // What was told meanwhile; the books keep every part they are given.
                self.begin_won_day(ctx);
            }
            Ok(Err(error)) => tracing::warn!(%error, "what the day in won began with is unknown"),
            Err(error) => tracing::warn!(%error, "what the day in won began with is unknown"),
        }
    }

    /// What each currency could begin a day with now.
    fn won_parts(&self) -> Vec<WonPart> {
        let now = self.now();
        let within_pct = self.settings.limits.max_loss_pct();
        // One broken reading begins no day.
        let equities = self.traded().filter_map(|currency| self.desks.get(&currency)?.confirmed(within_pct));
        let part = |equity: Money| Some(WonPart { equity, rate: self.won.rate(equity.currency(), now)? });
        equities.filter_map(part).collect()
    }

    fn traded(&self) -> impl Iterator<Item = Currency> {
        self.reconciled.iter().flat_map(|word| word.currencies.iter().copied())
    }

    fn foreign(&self) -> Vec<Currency> {
        self.traded().filter(|currency| *currency != Currency::Krw).collect()
    }

    fn equity(&self, currency: Currency) -> Option<Money> {
        let snapshot = self.desks.get(&currency)?.snapshot.as_ref()?;
        snapshot.equity.filter(|equity| equity.amount() > Decimal::ZERO)
    }

    /// The day so far; unknown while any currency that is traded is.
    fn won_loss(&self) -> DayLoss {
        let equities: Option<BTreeMap<Currency, Money>> =
            self.traded().map(|currency| Some((currency, self.equity(currency)?))).collect();
        match (self.won.started_on(day_of(self.now())), equities) {
            (Some(day), Some(equities)) => against_start(&day.parts, &equities),
            (Some(_) | None, _) => DayLoss::Unknown,
        }
    }

    /// True while the account in won has lost more today than it may: exits only, in every currency.
    pub(super) fn is_won_below(&self) -> bool {
        self.settings.basis == Basis::DayStart
            && !self.foreign().is_empty()
            && self.won_loss().is_below(self.settings.limits.max_loss_pct())
    }

    /// The breaker's halt takes the path of every other halt. One that stands already for this day is not repeated.
    fn trip_won(&mut self, today: NaiveDate, ctx: &mut Ctx<Self>) {
        if self.is_tripped_for(&format!("the account in won {today}: ")) {
            return self.keep_won_trip(today, ctx);
        }
        let pnl_pct = self.won_loss().known().unwrap_or_default().round_dp(2);
        let limit = self.settings.limits.max_loss_pct();
        let reason = format!("the account in won {today}: {pnl_pct} % is below -{limit:.2} %; halting");
        let request = RequestHalt {
            source: HaltSource::CircuitBreaker,
            by: "RiskGuard".into(),
            reason,
            cancel_open: false,
        };
        let report = self.halt(request.into());
        ctx.spawn(report.map(move |_report, this, ctx| this.keep_won_trip(today, ctx)));
    }

    /// Has the books know it, for the lives to come.
    fn keep_won_trip(&self, session_date: NaiveDate, ctx: &mut Ctx<Self>) {
        let record = RecordWonDayStart { session_date, parts: Vec::new(), has_tripped: true };
        let answer = self.deps.ledger.won_day_start.ask(record, LEDGER_WITHIN).into_actor(self);
        ctx.spawn(answer.map(|answer, _this, _ctx| match answer {
            Ok(Ok(_day)) => {}
            Ok(Err(error)) => tracing::error!(%error, "a restart may forget what the breaker did in won"),
            Err(error) => tracing::error!(%error, "a restart may forget what the breaker did in won"),
        }));
    }

    /// True when the day in won has been unknown for so long that what is at stake is not known: exits only, everywhere.
    pub(super) fn is_won_unknown(&self) -> bool {
        let now = self.now();
        self.won.unknown_since.is_some_and(|since| now - since >= UNKNOWN_MAX)
    }

    /// Looks whether the day in won is known, and tells people when what is allowed changes by it.
    pub(super) fn watch_won_day(&mut self) {
        let is_watched = self.settings.basis == Basis::DayStart && !self.foreign().is_empty();
        let is_unknown = self.sight.is_any_trading() && self.won_loss() == DayLoss::Unknown;
        if is_watched && is_unknown {
            // A clock that was set back must not hold it up for ever.
            let now = self.now();
            self.won.unknown_since = Some(self.won.unknown_since.map_or(now, |since| since.min(now)));
        } else {
            self.won.unknown_since = None;
        }
        let is_told = self.is_won_unknown();
        let was_told = std::mem::replace(&mut self.won.unknown_told, is_told);
        match (was_told, is_told) {
            (false, true) => self.alarm(
                None,
                format!(
                    "the day's result in won has been unknown for {} minutes: only exits until it is known; see which \
                     account or rate is missing with: kestrel status",
                    UNKNOWN_MAX.num_minutes()
                ),
            ),
            (true, false) => {
                self.alarm(None, "the day's result in won no longer stands against entries".to_owned());
            }
            (false, false) | (true, true) => {}
        }
    }

    /// What is shown of it; none for an agent that trades in won alone.
    pub(super) fn won_standing(&self) -> Option<WonStanding> {
        (!self.foreign().is_empty()).then(|| WonStanding {
            told: self.won.told.clone(),
            session_date: day_of(self.now()),
            day_pnl_pct: self.won_loss().known(),
        })
    }
}
