//! The people around the agent: one who halts and resumes, one who trades by hand on the same account.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::control::{
    Durability, HaltLevel, HaltRecord, HaltReport, HaltSource, LiveOrder, RequestHalt, RequestReduce,
    RequestResume, StatusQuery, TradingStatus,
};
use domain::messages::schedule::Phase;
use domain::messages::symbols::{RequestResolution, RequestSymbolRelease, Resolution, SymbolHaltCause};
use domain::{Clock, HaltId, HaltNonce, IntentId, Market, OrderState, OrderTerms, Quantity, Side};
use market_clock::Calendar;
use supervision::Link;

use super::clocks::{Machine, is_slight};
use super::facts::{HaltAnswer, What};
use super::sometimes::Sometimes;
use super::stage::{Life, Stage};
use crate::app::House;

const HALT_WITHIN: Duration = Duration::from_secs(8);
const ASK_WITHIN: Duration = Duration::from_secs(5);
/// A halt is looked at after a time between these, in seconds, and then lifted.
const THINKING_SECONDS: std::ops::RangeInclusive<u64> = 10..=150;
/// The time from the sight of an order to the halt.
const HALT_AFTER_CUE_MS: std::ops::RangeInclusive<u64> = 0..=200;
/// In ten thousand looks, of which there is one every half minute or so.
const HALTS: u32 = 100;
const HALTS_BY_FILE: u32 = 15;
const HALTS_FROM_OUTSIDE: u32 = 30;
const TRADES_BY_HAND: u32 = 60;
const REDUCES: u32 = 60;
const FLATTENS: u32 = 40;
/// While the account holds few stocks, all of which can be sold now.
const FLATTENS_OF_FEW: u32 = 1_000;
const FEW: std::ops::RangeInclusive<usize> = 1..=6;
/// Whoever asked for everything to be sold gives it so many times as long as another halt.
const PATIENCE_WITH_A_FLATTEN: u32 = 4;
/// The machine's clock is set wrong; the exchange's answers show it within a minute or so.
const CLOCK_IS_SET: u32 = 180;
/// A clock that is wrong by seconds is set right unasked.
const CLOCK_IS_KEPT: u32 = 1_500;
/// Of ten thousand halts in the middle of an order's way, so many by file; and of the rest, so many stop entries only.
const CUES_FOR_THE_FILE: u32 = 2_000;
const CUES_FOR_REDUCING: u32 = 2_000;
/// Of ten thousand halts that are lifted, so many let exits only through from then on.
const RESUMES_INTO_REDUCING: u32 = 1_000;

/// What the operator holds of a house.
pub(super) struct Operator {
    stage: Arc<Stage>,
    life: Arc<Life>,
    began_at: DateTime<Utc>,
    halt: Link<RequestHalt>,
    reduce: Link<RequestReduce>,
    resume: Link<RequestResume>,
    status: Link<StatusQuery>,
    release: Link<RequestSymbolRelease>,
    resolve: Link<RequestResolution>,
}

impl Operator {
    /// An operator of this house.
    pub(super) fn new(stage: Arc<Stage>, life: Arc<Life>, house: &House) -> Self {
        Self {
            began_at: stage.clock.now(),
            stage,
            life,
            halt: house.doors.halt.clone(),
            reduce: house.doors.reduce.clone(),
            resume: house.doors.resume.clone(),
            status: house.doors.status.clone(),
            release: house.doors.release.clone(),
            resolve: house.doors.resolve.clone(),
        }
    }

    /// Looks now and then, until the house is gone.
    pub(super) async fn work(self) {
        while !self.life.is_dead() {
            let pause = if self.stage.is_faulty() { 10..=60 } else { 3..=6 };
            let pause = self.stage.operator.seconds(pause);
            tokio::select! {
                biased;
                () = self.stage.cue.notified() => self.interfere().await,
                () = tokio::time::sleep(pause) => self.look().await,
            }
        }
    }

    async fn look(&self) {
        let Ok(status) = self.status.ask(StatusQuery, ASK_WITHIN).await else { return };
        self.care_for_stocks(&status).await;
        self.care_for_the_clock(&status);
        self.stage.look_for_unheard_halts(&status);
        self.look_for_kept_orders(&status);
        if !status.halts.is_empty() {
            return self.lift(&status).await;
        }
        if !self.stage.is_faulty() {
            return;
        }
        if self.stage.interferes(HALTS) {
            self.stop("to have a look").await;
        } else if self.stage.interferes(REDUCES) {
            self.reduce(false).await;
        } else if self.stage.interferes(self.flattens()) {
            self.reduce(true).await;
        } else if self.stage.interferes(HALTS_BY_FILE) {
            self.touch_file();
        } else if self.stage.interferes(TRADES_BY_HAND) {
            self.trade();
        } else if self.stage.interferes(HALTS_FROM_OUTSIDE) {
            self.stage.halt_from_outside();
        } else if self.stage.interferes(CLOCK_IS_SET) {
            self.stage.set_clock_wrong(Machine::Runs);
        }
    }

    /// What a halt that cancels should have asked for the end of, and has not, by now.
    fn look_for_kept_orders(&self, status: &TradingStatus) {
        let works = |order: &&LiveOrder| matches!(order.state, OrderState::Accepted | OrderState::Partial);
        for order in status.live.iter().filter(works) {
            self.stage.look_for_cancel(&order.intent, self.began_at);
        }
    }

    fn flattens(&self) -> u32 {
        let held = self.stage.venue.books().positions;
        let now = self.stage.clock.now();
        let calendar = Calendar::official();
        let can_be_sold = |market: Market| {
            let session = calendar.session_on(market, market.date_at(now));
            session.is_some_and(|session| session.phase(now) == Phase::Continuous)
        };
        let all = held.iter().all(|position| can_be_sold(position.instrument.market));
        // Few are all that an agent of two decisions a day ever holds.
        let are_few = FEW.contains(&held.len()) && !self.stage.is_watched_day_and_night();
        if are_few && all { FLATTENS_OF_FEW } else { FLATTENS }
    }

    /// Sets the machine's clock right, as the halt says to do, once that has stood for a while; now and then also unasked,
    /// when it is wrong by so little that perhaps nobody is told.
    fn care_for_the_clock(&self, status: &TradingStatus) {
        let (patience, now) = (self.patience(), self.stage.machine.now());
        let told = status.halts.iter().filter(|halt| halt.source == HaltSource::ClockSkew);
        let is_told = told.into_iter().any(|halt| has_stood(halt.at, now, patience));
        let is_kept = is_slight(self.stage.machine.wrong_by()) && self.stage.operator.chance(CLOCK_IS_KEPT);
        if is_told || is_kept {
            self.stage.set_clock(TimeDelta::zero());
        }
    }

    /// Just while an order is under way: the same order by another hand, or a halt.
    async fn interfere(&self) {
        match self.stage.take_twin() {
            Some(terms) => {
                if self.stage.trade_by_hand(&terms) {
                    self.stage.witness.saw(Sometimes::Twin);
                }
            }
            None => {
                // Long enough that the halt may fall between the next order's turn and its permit.
                tokio::time::sleep(self.stage.operator.millis(HALT_AFTER_CUE_MS)).await;
                if self.stage.operator.chance(CUES_FOR_THE_FILE) {
                    self.touch_file();
                } else if self.stage.operator.chance(CUES_FOR_REDUCING) {
                    self.reduce(false).await;
                } else {
                    self.stop("an order is on the wire").await;
                }
            }
        }
    }

    /// Ends disputes with what the exchange's own books say, and releases stocks after a while.
    async fn care_for_stocks(&self, status: &TradingStatus) {
        let (patience, now) = (self.patience(), self.stage.machine.now());
        for halt in status.symbol_halts.iter().filter(|halt| has_stood(halt.at, now, patience)) {
            let in_doubt = status.live.iter().filter(|order| {
                order.terms.instrument == halt.instrument
                    && matches!(order.state, OrderState::Unknown | OrderState::Lapsed)
            });
            for order in in_doubt.filter(|_| halt.cause != SymbolHaltCause::Position) {
                self.end_dispute(&order.intent).await;
            }
            let (instrument, by) = (halt.instrument.clone(), "verification".to_owned());
            let request = RequestSymbolRelease { instrument, by, reason: "looked at it".into() };
            let answer = self.release.ask(request, ASK_WITHIN).await;
            self.stage.witness.trace("release answered", &format!("{answer:?}"));
        }
    }

    async fn end_dispute(&self, intent: &IntentId) {
        self.stage.network.deliver_late(&self.stage.witness);
        let orders = self.stage.venue.books().orders;
        let ours = orders.iter().find(|order| order.tag.as_deref() == Some(intent.as_str()));
        let resolution = ours.map_or(Resolution::None, |order| Resolution::Order(order.id.to_string()));
        let (intent, by) = (intent.clone(), "verification".to_owned());
        let request = RequestResolution { intent, resolution, by, reason: "asked the exchange".into() };
        let answer = self.resolve.ask(request, ASK_WITHIN).await;
        self.stage.witness.trace("resolution answered", &format!("{answer:?}"));
    }

    fn patience(&self) -> Duration {
        if self.stage.is_faulty() { self.stage.operator.seconds(THINKING_SECONDS) } else { Duration::ZERO }
    }

    pub(super) async fn stop(&self, reason: &str) {
        let request = RequestHalt {
            source: HaltSource::Operator,
            by: "verification".into(),
            reason: reason.into(),
            cancel_open: self.stage.is_to_cancel(&self.stage.operator),
        };
        match self.halt.ask(request, HALT_WITHIN).await {
            Ok(report) => self.stage.witness.note(What::HaltAnswered(promised(report))),
            Err(error) => self.stage.witness.trace("halt not answered", &error.to_string()),
        }
    }

    /// Stops entries; `flatten`: and sells what the agent holds, then halts.
    pub(super) async fn reduce(&self, flatten: bool) {
        let (by, reason) = ("verification".into(), "less is enough".into());
        let cancel_open = self.stage.is_to_cancel(&self.stage.operator);
        let request = RequestReduce { source: HaltSource::Operator, by, reason, flatten, cancel_open };
        let answer = self.reduce.ask(request, HALT_WITHIN).await;
        let durability = answer.map(|report| report.durability);
        self.stage.witness.trace("reduce answered", &format!("{flatten} {durability:?}"));
    }

    /// Lifts every halt that has stood for long enough, by its name.
    async fn lift(&self, status: &TradingStatus) {
        let (patience, now) = (self.patience(), self.stage.machine.now());
        let has_had_its_time = |halt: &&HaltRecord| match halt.level {
            HaltLevel::Flatten => has_stood(halt.at, now, patience * PATIENCE_WITH_A_FLATTEN),
            HaltLevel::Halted | HaltLevel::Reducing => has_stood(halt.at, now, patience),
        };
        for halt in status.halts.iter().filter(has_had_its_time) {
            if halt.source == HaltSource::ClockSkew && !self.stage.machine.wrong_by().is_zero() {
                continue;
            }
            let id = HaltId::from_stored(halt.id.clone());
            // From a halt only: from reducing into reducing would never end.
            let into_reducing = halt.level == HaltLevel::Halted
                && self.stage.is_faulty()
                && self.stage.operator.chance(RESUMES_INTO_REDUCING);
            let request = RequestResume { into_reducing, ..RequestResume::local("verification", Some(id)) };
            let answer = self.resume.ask(request, ASK_WITHIN).await;
            let trading = answer.map(|report| report.map(|report| report.trading));
            self.stage.witness.trace("resume answered", &format!("{trading:?}"));
        }
    }

    /// What `touch data/HALT` does.
    fn touch_file(&self) {
        self.stage.witness.saw(Sometimes::HaltByFile);
        self.stage.write_halt_file(HaltRecord {
            id: "h-operator-file".into(),
            at: self.stage.machine.now(),
            source: HaltSource::EmergencyFile,
            by: "operator file".into(),
            reason: "the file HALT is there".into(),
            level: HaltLevel::Halted,
            nonce: HaltNonce::default(),
            cancel_open: false,
        });
    }

    /// Something small at the market, in a stock that the agent trades too.
    pub(super) fn trade(&self) {
        let held = self.stage.venue.books().positions;
        let Some(position) = self.stage.operator.choose(&held) else { return };
        let Some(price) = position.price else { return };
        let (market, ticks) = (position.instrument.market, domain::TickTable::OfMarket);
        let Some(limit) = risk_guard::limits::marketable(market, ticks, Side::Buy, price) else { return };
        let quantity = Quantity::new(self.stage.operator.within(1..=5));
        let instrument = position.instrument.clone();
        let _taken = self.stage.trade_by_hand(&OrderTerms { instrument, side: Side::Buy, quantity, limit });
    }
}

/// What the answer to a halt promises.
fn promised(report: HaltReport) -> HaltAnswer {
    let listed = report.open.iter().chain(&report.unknown).map(|order| order.intent.to_string());
    HaltAnswer {
        listed: listed.collect(),
        is_durable: report.durability != Durability::NotDurable,
        is_confirmed: report.broker_confirmed,
        id: report.record.id,
    }
}

/// Which of the two was written by a clock that was wrong does not matter: they then are far apart.
fn has_stood(since: DateTime<Utc>, now: DateTime<Utc>, patience: Duration) -> bool {
    (now - since).abs() >= TimeDelta::from_std(patience).unwrap_or(TimeDelta::MAX)
}
