//! One scan: asks Broker, one question after the other, and judges what it was told.
//!
//! A question is asked only when its answer can change who becomes a candidate, or what Brain would think of one: rows of
//! a ranking already tell price, change and mostly the day's range, so only the stocks in reach of the top places, and
//! holdings, are looked at one by one, and daily bars are fetched for candidates alone, once a session. Requests are never
//! made side by side: Broker paces them anyway, and orders go first. A question without an answer costs that stock only;
//! when the scan's time is over, what was learned is still kept for the next one.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::messages::bars::{BarsSeen, DayBar};
use domain::messages::evolution::StrategyOf;
use domain::messages::limits::WaitsQuery;
use domain::messages::market_data::{
    AccountWatch, BarInterval, BarsQuery, ListedStatus, QueryError, Quote, QuoteQuery, RankedStock,
    RankingKind, RankingQuery,
};
use domain::messages::schedule::{ScanDue, SlotKey};
use domain::messages::selection::RecentlyTraded;
use domain::messages::trading::Candidate;
use domain::{Candle, Evidence, GateCheck, Holding, Instrument, Selection, SelectionGate, Verdict, Wait};
use rust_decimal::Decimal;
use strategy::form::Moment;
use strategy::{DECISION_BARS, Features, InForce};
use supervision::prelude::*;

use crate::actor::{Deps, Settings};
use crate::candidate::{self, DayNow, Observation, Prospect, Source};
use crate::filter::{self, Waits};
use crate::memory::Session;
use crate::score::{self, Liquidity, Universe};

/// The longest wait for one answer, in real time (market_data).
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// The longest wait for TradeLedger, in real time (messages::ledger).
const LEDGER_WITHIN: Duration = Duration::from_secs(5);
/// The longest wait for RiskGuard, in real time (messages::limits).
const GUARD_WITHIN: Duration = Duration::from_secs(5);
/// Daily bars asked for at least, today's included: as many as an indicator needs to decide. Two answers of a hundred.
const BARS: usize = 200;
/// Stocks looked at beyond the top places where rows do not tell the day's range: a wide one may lift another stock.
const SPARE: usize = 1;
/// Stocks tried for a place whose past cannot be had, before the scan makes do with fewer candidates.
const FAILURES_MAX: usize = 2;
/// Stocks that stand in for rankings, at most: each costs a request.
const FALLBACK_MAX: usize = 30;

/// What a scan needs.
pub(crate) struct Scan {
    pub(crate) due: ScanDue,
    pub(crate) settings: Settings,
    pub(crate) deps: Deps,
    pub(crate) session: Session,
    /// What RiskGuard lets wait; none while nobody has told.
    pub(crate) waits: Option<Waits>,
}

/// What a scan brought.
pub(crate) struct Report {
    /// What it found; none when its time was over first.
    pub(crate) found: Option<Found>,
    /// What it learned.
    pub(crate) session: Session,
}

/// The candidates, best first, and what became of every stock.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) selections: Vec<Selection>,
}

/// A stock in the race, and what was asked about it.
struct Runner {
    prospect: Prospect,
    quote: Option<Quote>,
    asked: bool,
    day: Option<DayNow>,
    gates: Vec<GateCheck>,
    wait: Option<Wait>,
    score: Decimal,
}

impl Scan {
    pub(crate) async fn run(mut self) -> Report {
        let found = self.found().await;
        Report { found, session: self.session }
    }

    async fn found(&mut self) -> Option<Found> {
        self.trade_by().await;
        let holdings = self.holdings().await;
        let source = self.source().await;
        self.waits = self.waits().await;
        let account_known = holdings.is_some();
        let mut runners: Vec<_> = candidate::prospects(source, &holdings.unwrap_or_default())
            .into_iter()
            .map(|prospect| self.runner(prospect, None))
            .collect();
        self.look_closer(&mut runners).await;
        runners.sort_by_key(|runner| Reverse(runner.score));
        let found = self.choose(runners, account_known).await;
        (!self.is_over()).then_some(found)
    }

    fn is_over(&self) -> bool {
        self.now() >= self.due.expires_at
    }

    fn now(&self) -> DateTime<Utc> {
        self.deps.clock.now()
    }
}

// === Who is in the race ===

impl Scan {
    /// Takes what the market trades by in this session; while the books do not tell, the operator's settings measure.
    async fn trade_by(&mut self) {
        let SlotKey { market, session_date, .. } = self.due.key;
        if self.session.force().is_none() {
            let answer = self.deps.strategies.ask(StrategyOf { market, session_date }, LEDGER_WITHIN).await;
            let Some(settled) = self.unpack(answer, "strategy of the session", None) else { return };
            match InForce::of(settled, &self.settings.strategy) {
                Ok(force) => self.session.keep_force(force),
                Err(why) => {
                    tracing::error!(scan = %self.due.key, %why, "what the market trades by cannot be read");
                }
            }
        }
        if let Some(force) = self.session.force() {
            self.settings.strategy = force.strategy.clone();
        }
    }

    /// The market's holdings; none when the account did not answer.
    async fn holdings(&self) -> Option<Vec<Holding>> {
        let market = self.due.key.market;
        let answer = self.deps.account.ask(AccountWatch { market }, ANSWER_WITHIN).await;
        let mut holdings = self.unpack(answer, "account", None)?.holdings;
        holdings.retain(|holding| holding.instrument.market == market);
        Some(holdings)
    }

    /// What is not bought now whatever it looks like; asked where something may be bought. RiskGuard refuses it anyway: a scan
    /// without an answer costs judgements, no money.
    async fn waits(&self) -> Option<Waits> {
        let SlotKey { market, slot, .. } = self.due.key;
        if slot.is_exits() {
            return None;
        }
        let answer = self.deps.waits.ask(WaitsQuery { market }, GUARD_WITHIN).await;
        self.unpack(answer, "stocks that wait", None)
    }

    async fn source(&self) -> Source {
        if self.due.key.slot.is_exits() {
            return Source::Holdings;
        }
        match self.universe().await {
            Universe::Ranked(rows) => Source::Rankings(rows),
            Universe::Unavailable => Source::Fallback(self.fallback().await),
        }
    }

    async fn universe(&self) -> Universe {
        if !self.due.key.market.is_domestic() && !self.settings.overseas_rankings {
            return Universe::Unavailable;
        }
        let moved = self.ranking(RankingKind::Fluctuation).await.unwrap_or_default();
        match self.ranking(RankingKind::Volume).await {
            Some(traded) => score::join(moved, Liquidity::Ranking(&traded)),
            None => score::join(moved, Liquidity::OwnVolume),
        }
    }

    /// A ranking, empty when it failed; none when there is no such ranking here.
    async fn ranking(&self, kind: RankingKind) -> Option<Vec<RankedStock>> {
        let query = RankingQuery { market: self.due.key.market, kind };
        let answer = self.deps.rankings.ask(query, ANSWER_WITHIN).await;
        if let Ok(Err(QueryError::NotOffered(why))) = &answer {
            tracing::debug!(scan = %self.due.key, why, "no such ranking");
            return None;
        }
        Some(self.unpack(answer, "ranking", None).unwrap_or_default())
    }

    async fn fallback(&self) -> Vec<Instrument> {
        let market = self.due.key.market;
        let wished: Vec<_> =
            self.settings.watchlist.iter().filter(|stock| stock.market == market).cloned().collect();
        let query = RecentlyTraded { market, limit: u16::try_from(FALLBACK_MAX).unwrap_or(u16::MAX) };
        let answer = self.deps.traded.ask(query, LEDGER_WITHIN).await;
        let traded = self.unpack(answer, "recently traded stocks", None).unwrap_or_default();
        candidate::fallback(&wished, self.session.active(), &traded, FALLBACK_MAX)
    }
}

// === What is asked about them ===

impl Scan {
    fn runner(&self, prospect: Prospect, quote: Option<Quote>) -> Runner {
        let day = DayNow::of(&prospect, quote.as_ref(), self.now());
        let mut gates = filter::filters(&prospect, day.as_ref(), self.settings.us_min_price);
        let told = day.as_ref().and_then(|day| filter::wait(&prospect, day.last, self.waits.as_ref()));
        let (check, wait) = told.unzip();
        gates.extend(check);
        let score = day.as_ref().map_or(Decimal::ZERO, |day| day.score(prospect.scoring));
        Runner { prospect, asked: quote.is_some(), quote, day, gates, wait: wait.flatten(), score }
    }

    /// Asks for the quote of those whose day is not known well enough: holdings, stocks that are in no ranking, and rows in
    /// reach of the top places. A row that a filter already holds back is not asked about, unless it tells no price.
    async fn look_closer(&mut self, runners: &mut [Runner]) {
        let is_complete = |runner: &Runner| runner.day.as_ref().is_some_and(DayNow::is_complete);
        let mut order: Vec<usize> = (0..runners.len()).collect();
        order.sort_by_key(|index| runners.get(*index).map(|runner| Reverse(runner.score)));
        let mut reach = self.settings.top_n + SPARE;
        for index in order {
            let Some(runner) = runners.get_mut(index) else { continue };
            let is_row = runner.prospect.row.is_some() && !runner.prospect.is_held();
            let is_hopeless = runner.day.is_some() && runner.is_held_back();
            if is_row && (reach == 0 || is_hopeless) {
                continue;
            }
            reach -= usize::from(is_row);
            if !is_complete(runner) && !self.is_over() {
                self.ask_quote(runner).await;
            }
        }
    }

    /// One quote of a stock and scan at most.
    async fn ask_quote(&mut self, runner: &mut Runner) {
        if std::mem::replace(&mut runner.asked, true) {
            return;
        }
        let query = QuoteQuery { instrument: runner.prospect.instrument.clone() };
        let answer = self.deps.quotes.ask(query, ANSWER_WITHIN).await;
        let Some(quote) = self.unpack(answer, "quote", Some(&runner.prospect.instrument)) else { return };
        if quote.rules.restriction.is_none() {
            self.session.clear(&runner.prospect.instrument);
        }
        *runner = self.runner(runner.prospect.clone(), Some(quote));
    }

    /// The past of a stock; none when it cannot be had.
    async fn history(&mut self, instrument: &Instrument) -> Option<Arc<Vec<DayBar>>> {
        if let Some(bars) = self.session.bars(instrument) {
            return Some(bars);
        }
        let count = u16::try_from(BARS.max(self.settings.strategy.days_wanted())).unwrap_or(u16::MAX);
        let query = BarsQuery { instrument: instrument.clone(), interval: BarInterval::Day, count };
        let answer = self.deps.bars.ask(query, ANSWER_WITHIN).await;
        let bars = self.unpack(answer, "bars", Some(instrument))?;
        self.write_down(instrument, &bars);
        let past = candidate::before_session(&bars, instrument, self.due.key.session_date);
        Some(self.session.keep_bars(instrument, past))
    }

    /// Has the books keep finished days; a letter that is lost is written again in the next session.
    fn write_down(&self, instrument: &Instrument, bars: &[Candle]) {
        let seen = BarsSeen::finished(instrument.clone(), self.due.key.session_date, bars);
        if let Err(error) = self.deps.bars_seen.tell(seen) {
            tracing::debug!(scan = %self.due.key, stock = %instrument, %error, "its bars are not written down");
        }
    }

    /// The answer, or a log line that says what is missing and why.
    fn unpack<T, E: std::fmt::Display>(
        &self,
        answer: Result<Result<T, E>, AskError>,
        what: &'static str,
        instrument: Option<&Instrument>,
    ) -> Option<T> {
        let reason = match answer {
            Ok(Ok(value)) => return Some(value),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        let stock = instrument.map(Instrument::to_string);
        tracing::info!(scan = %self.due.key, what, stock, reason, "no answer; scanning without it");
        None
    }
}

// === Who wins ===

impl Scan {
    /// Gives the top places to the best that pass every filter, and keeps what is held; best first.
    async fn choose(&mut self, runners: Vec<Runner>, account_known: bool) -> Found {
        let mut found = Found::default();
        let (mut places, mut failures) = (self.settings.top_n, FAILURES_MAX);
        let mut beaten = Vec::new();
        let mut last_score = None;
        for mut runner in runners {
            if self.is_over() {
                break;
            }
            let (held, runs) = (runner.prospect.is_held(), !runner.is_held_back());
            if runs && !held && (places == 0 || failures == 0) {
                beaten.push(runner);
                continue;
            }
            if !runs && !held {
                found.reject(runner, &self.settings);
                continue;
            }
            let history = self.admit(&mut runner).await;
            let wins = places > 0 && !runner.is_held_back();
            if !wins && !held {
                failures -= 1;
                found.reject(runner, &self.settings);
                continue;
            }
            if wins {
                places -= 1;
                last_score = Some(runner.score);
                runner.gates.push(rank(true, runner.score, None));
            }
            let verdict = if wins { Verdict::Chosen } else { Verdict::Held };
            found.keep(&runner, verdict, &history, account_known, &self.settings);
        }
        let threshold = last_score.filter(|_| places == 0);
        found.compare_winners_with(threshold);
        for mut runner in beaten {
            runner.gates.push(rank(false, runner.score, threshold));
            found.reject(runner, &self.settings);
        }
        found
    }

    /// Looks at what a candidate needs and a row does not tell: whether it may be bought, and its past.
    async fn admit(&mut self, runner: &mut Runner) -> Arc<Vec<DayBar>> {
        if !runner.is_known_free() && !self.session.is_cleared(&runner.prospect.instrument) {
            self.ask_quote(runner).await;
        }
        if runner.is_held_back() && !runner.prospect.is_held() {
            return Arc::default();
        }
        let history = self.history(&runner.prospect.instrument).await;
        runner.gates.push(GateCheck::told(SelectionGate::History, history.is_some()));
        history.unwrap_or_default()
    }
}

/// Whether a stock that passed every other filter has a place; its threshold is the score of the last place. None where places
/// were left: whoever has one had nobody to beat, and a stock that was beaten all the same came after too many others that
/// could not be looked into.
fn rank(passed: bool, score: Decimal, last_place: Option<Decimal>) -> GateCheck {
    let [value, threshold] = [Some(score), last_place].map(|score| score.map(shown));
    GateCheck { gate: SelectionGate::Rank, passed, value, threshold }
}

fn shown(score: Decimal) -> Decimal {
    score.round_dp(2)
}

impl Runner {
    fn is_held_back(&self) -> bool {
        filter::first_failure(&self.gates).is_some()
    }

    /// True when its row tells that nothing restricts it.
    fn is_known_free(&self) -> bool {
        let status = self.prospect.row.as_ref().and_then(|row| row.status);
        status == Some(ListedStatus::Free) || self.asked
    }

    fn selection(&self, verdict: Verdict, features: &Features, settings: &Settings) -> Selection {
        let context = candidate::context(features, self.score, self.prospect.is_held(), &settings.thresholds);
        let price = self.day.as_ref().map(|day| day.last);
        let restriction = self.day.as_ref().and_then(|day| day.restriction);
        let (wait, gates) = (self.wait.clone(), self.gates.clone());
        let evidence = Evidence { context, price, restriction, wait, gates };
        Selection { instrument: self.prospect.instrument.clone(), verdict, evidence }
    }
}

impl Found {
    /// What the last place took is known only when all are given away.
    fn compare_winners_with(&mut self, last_place: Option<Decimal>) {
        let gates = self.selections.iter_mut().flat_map(|selection| &mut selection.evidence.gates);
        for check in gates.filter(|check| check.gate == SelectionGate::Rank) {
            check.threshold = last_place.map(shown);
        }
    }

    /// A stock that is no candidate: what is known of its day without its past.
    fn reject(&mut self, runner: Runner, settings: &Settings) {
        let Some(gate) = filter::first_failure(&runner.gates) else { return };
        let (history, strategy) = (Arc::default(), &settings.strategy);
        let seen = |day| Observation { history: &history, day, account_known: true, strategy };
        let features =
            runner.day.as_ref().map(|day| candidate::features(&runner.prospect, seen(day), runner.score));
        let features = features.unwrap_or_default();
        self.selections.push(runner.selection(Verdict::Rejected(gate), &features, settings));
    }

    fn keep(
        &mut self,
        runner: &Runner,
        verdict: Verdict,
        history: &Arc<Vec<DayBar>>,
        account_known: bool,
        settings: &Settings,
    ) {
        // A holding that nobody has a price for today is judged by its last close.
        let past = runner.day.is_none().then(|| DayNow::of_past(history)).flatten();
        let Some(day) = runner.day.as_ref().or(past.as_ref()) else {
            // No candidate, because nothing can be judged; but it was considered.
            self.selections.push(runner.selection(verdict, &Features::default(), settings));
            return;
        };
        let strategy = &settings.strategy;
        let seen = Observation { history, day, account_known, strategy };
        let features = candidate::features(&runner.prospect, seen, runner.score);
        let mut selection = runner.selection(verdict, &features, settings);
        selection.evidence.gates.extend(filter::signal_gates(&features, &settings.thresholds));
        let moment = Moment { now: &features, price: day.last.value(), past: history, bought: None };
        selection.evidence.gates.push(filter::strategy_gate(strategy, &moment));
        let context = selection.evidence.context.clone();
        self.selections.push(selection);
        self.candidates.push(candidate::candidate(
            &runner.prospect,
            seen,
            &features,
            context,
            runner.quote.clone(),
        ));
    }
}

const _: () = assert!(BARS >= DECISION_BARS);
