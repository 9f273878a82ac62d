//! One round: judge the candidates of a slot, have every judgement recorded, propose what should be traded.
//!
//! A purchase or sale is proposed only after the ledger has answered that its decision is on disk, and only at a price
//! that was fetched after the judgement, or seconds before it by the scan. Whatever has no answer becomes HOLD or is left
//! out; the others go on.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::messages::consultation::DecisionBasis;
use domain::messages::evolution::StrategyOf;
use domain::messages::market_data::{OrderQuoteQuery, Quote};
use domain::messages::trading::{Candidate, DecisionMade, Proposal};
use domain::{Action, Decision, DecisionId, Market, Price, Side, StockRules};
use rust_decimal::Decimal;
use strategy::InForce;
use strategy::force::Forces;
use supervision::mutant::{self, Mutant};

use crate::brain::{Deps, Settings};
use crate::consult::{Consulted, Judged, Resting};
use crate::join::Round;
use crate::judge::{self, Judgement};

/// Longest wait for TradeLedger, in real time (messages::ledger).
pub(crate) const LEDGER_WITHIN: Duration = Duration::from_secs(5);
/// Longest wait for Broker, in real time (messages::market_data).
pub(crate) const BROKER_WITHIN: Duration = Duration::from_secs(20);
/// How long RiskGuard may act on a proposal.
const PROPOSAL_LIFE: TimeDelta = TimeDelta::seconds(60);
/// Oldest quote a trade may be proposed on, in exchange time.
const QUOTE_MAX_AGE: TimeDelta = TimeDelta::seconds(60);
/// Oldest quote of the scan that is not asked for anew, in exchange time.
const SCANNED_QUOTE_MAX_AGE: TimeDelta = TimeDelta::seconds(5);
/// A purchase is not proposed when the price has moved more than this since the scan, in percent.
const ENTRY_DRIFT_MAX_PCT: u32 = 5;
/// A sale is not proposed when the price has moved more than this: then one of the two prices is wrong.
const EXIT_DRIFT_MAX_PCT: u32 = 40;

/// What a round needs.
pub(crate) struct Session {
    pub(crate) round: Round,
    pub(crate) settings: Settings,
    /// What is known from earlier rounds of what markets trade by.
    pub(crate) forces: Forces,
    /// What the markets of the round trade by, as far as that is known.
    pub(crate) strategies: BTreeMap<Market, InForce>,
    pub(crate) deps: Deps,
    /// Why the model is not asked for a while.
    pub(crate) model_rests: Option<Resting>,
}

/// What a round leaves behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Decisions on disk.
    pub(crate) decided: usize,
    /// Trades proposed.
    pub(crate) proposed: usize,
    /// What became of the model.
    pub(crate) consulted: Consulted,
    /// What the markets of the round trade by, as far as that is known.
    pub(crate) strategies: BTreeMap<Market, InForce>,
    /// In this session.
    pub(crate) session_date: NaiveDate,
}

impl Session {
    pub(crate) async fn run(mut self) -> Report {
        self.strategies = self.in_force().await;
        let (judged, consulted) = self.judge().await;
        let (strategies, session_date) = (self.strategies.clone(), self.round.key.session_date);
        let mut report = Report { consulted, strategies, session_date, ..Report::default() };
        for (candidate, judged) in self.exits_first(judged) {
            if self.round.key.slot.is_exits() && judged.judgement.action != Action::Sell {
                // Sales come first, and between slots nothing else is decided.
                break;
            }
            if self.is_over() {
                tracing::warn!(slot = %self.round.key, "the slot's time is over; the rest is not decided");
                break;
            }
            self.decide(candidate, judged, &mut report).await;
        }
        report
    }

    /// Judgements beside their candidates, sales before everything else.
    fn exits_first(&self, judged: Vec<Judged>) -> Vec<(&Candidate, Judged)> {
        let threshold = self.settings.confidence_threshold;
        let settled = |(candidate, judged): (_, Judged)| {
            let judgement = judge::settle(judged.judgement, judge::offered(candidate), threshold);
            (candidate, Judged { judgement, ..judged })
        };
        let mut pairs: Vec<_> = self.round.candidates.iter().zip(judged).map(settled).collect();
        if mutant::is_on(Mutant::HashOrder) {
            // What a loop over a hash map does.
            let by_hash: HashMap<usize, _> = pairs.into_iter().enumerate().collect();
            pairs = by_hash.into_values().collect();
        }
        pairs.sort_by_key(|(_, judged)| judged.judgement.action != Action::Sell);
        pairs
    }

    /// What the markets of the round trade by in this session; nobody is asked twice. A market of which the books do not tell is
    /// left out: its stocks are held.
    async fn in_force(&self) -> BTreeMap<Market, InForce> {
        let session_date = self.round.key.session_date;
        let mut all = BTreeMap::new();
        for market in self.round.markets.iter().copied() {
            if let Some(known) = self.forces.get(market, session_date) {
                all.insert(market, known.clone());
                continue;
            }
            let why = match self.deps.strategies.ask(StrategyOf { market, session_date }, LEDGER_WITHIN).await
            {
                Ok(Ok(settled)) => match InForce::of(settled, &self.settings.strategy) {
                    Ok(force) => {
                        all.insert(market, force);
                        continue;
                    }
                    Err(error) => error.to_string(),
                },
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            };
            tracing::warn!(%market, why, "what the market trades by is not known; the rules hold its stocks");
        }
        all
    }

    fn is_over(&self) -> bool {
        self.now() >= self.round.expires_at
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.deps.clock.now()
    }
}

// === Deciding ===

impl Session {
    /// Records one judgement and proposes its trade, if it is one.
    async fn decide(&self, candidate: &Candidate, judged: Judged, report: &mut Report) {
        let Judged { judge, judgement, call } = judged;
        let priced = self.priced(candidate, &judgement).await.transpose();
        let withheld = priced.as_ref().err().cloned();
        let fresh = priced.ok().flatten();
        let price = fresh.map_or(candidate.price, |fresh| fresh.price);
        let scanned = candidate.quote.as_ref().map(|quote| quote.delay);
        let delay_minutes = fresh.map(|fresh| fresh.delay).or(scanned).map_or(0, |delay| delay.num_minutes());
        let judgement = judge::finish(judgement, withheld.as_deref(), delay_minutes);
        let decision = self.decision(candidate, judgement, price, &judge);
        let force = self.strategies.get(&candidate.instrument.market);
        // What a model judges, RiskGuard sizes alone.
        let most_pct = force.filter(|_| call.is_none()).and_then(InForce::most_pct);
        let strategy_version = force.and_then(InForce::version);
        let basis = call.map(|call| DecisionBasis { call, withheld, delay_minutes });
        let (id, stock, scan) = (&decision.id, &decision.instrument, &self.round.key);
        let span = tracing::info_span!(parent: None, "decision", %id, %stock, %scan);
        let made = DecisionMade { decision, basis, strategy_version };
        supervision::following(span, self.carry_out(candidate, made, (fresh, most_pct), report)).await;
    }

    /// From the judgement to the proposal, if it is a trade; one span from here through all actors.
    async fn carry_out(
        &self,
        candidate: &Candidate,
        made: DecisionMade,
        (fresh, most_pct): (Option<FreshPrice>, Option<Decimal>),
        report: &mut Report,
    ) {
        let decision = made.decision.clone();
        let (action, confidence) = (decision.action, decision.confidence);
        tracing::info!(decision = %decision.id, %action, %confidence, judge = decision.judge, "judged");
        if !self.record(made).await {
            return;
        }
        report.decided += 1;
        let (Some(side), Some(fresh)) = (side(decision.action), fresh) else { return };
        let most_pct = most_pct.filter(|_| side == Side::Buy);
        let proposal = Proposal { most_pct, ..self.proposal(candidate, &decision, side, fresh) };
        match self.deps.proposals.tell(proposal) {
            Ok(()) => report.proposed += 1,
            Err(error) => {
                tracing::warn!(decision = %decision.id, %error, "RiskGuard did not take the proposal");
            }
        }
    }

    /// A trade needs a fresh price near the one it was judged at; without one it is held back. None for no trade.
    async fn priced(
        &self,
        candidate: &Candidate,
        judgement: &Judgement,
    ) -> Option<Result<FreshPrice, String>> {
        let side = side(judgement.action)?;
        let quote = match (self.just_quoted(candidate), side) {
            (Some(quote), Side::Sell) => Ok(quote),
            // Only the best prices are new in the answer, and without them the scan's price counts.
            (Some(quote), Side::Buy) => {
                Ok(self.quote(candidate, side, Some(quote.clone())).await.unwrap_or(quote))
            }
            (None, Side::Buy | Side::Sell) => self.quote(candidate, side, None).await,
        };
        Some(quote.and_then(|quote| usable(&quote, candidate, side, self.now())))
    }

    /// The quote of the scan, while it is as good as a new one: what is asked twice within seconds costs a request and
    /// tells nothing.
    fn just_quoted(&self, candidate: &Candidate) -> Option<Quote> {
        let is_new = |quote: &&Quote| {
            let age = self.now() - quote.at;
            (TimeDelta::zero()..=SCANNED_QUOTE_MAX_AGE).contains(&age)
        };
        candidate.quote.as_ref().filter(is_new).cloned()
    }

    async fn quote(
        &self,
        candidate: &Candidate,
        side: Side,
        scanned: Option<Quote>,
    ) -> Result<Quote, String> {
        let query = OrderQuoteQuery { instrument: candidate.instrument.clone(), side, scanned };
        match self.deps.quotes.ask(query, BROKER_WITHIN).await {
            Ok(Ok(quote)) => Ok(quote),
            Ok(Err(error)) => Err(format!("No fresh price ({error})")),
            Err(error) => Err(format!("No fresh price ({error})")),
        }
    }

    fn decision(&self, candidate: &Candidate, judgement: Judgement, price: Price, judge: &str) -> Decision {
        let at = self.now();
        let Judgement { action, confidence, rationale } = judgement;
        Decision {
            id: DecisionId::new(at.timestamp_millis(), self.deps.random.next_u64()),
            instrument: candidate.instrument.clone(),
            action,
            confidence,
            rationale,
            price: Some(price),
            selection: Some(candidate.selection.clone()),
            at,
            session_date: self.round.key.session_date,
            judge: judge.to_owned(),
        }
    }

    /// True when the decision is known to be on disk; unknown is no.
    async fn record(&self, made: DecisionMade) -> bool {
        let (id, instrument) = (made.decision.id.clone(), made.decision.instrument.clone());
        let answer = self.deps.decisions.ask(made, LEDGER_WITHIN).await;
        let why = match answer {
            Ok(Ok(_committed)) => return true,
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(decision = %id, %instrument, why, "the decision may not be recorded; nothing is proposed");
        false
    }

    fn proposal(
        &self,
        candidate: &Candidate,
        decision: &Decision,
        side: Side,
        fresh: FreshPrice,
    ) -> Proposal {
        let score = match side {
            Side::Buy => Some(candidate.selection.score),
            Side::Sell => None,
        };
        Proposal {
            decision_id: decision.id.clone(),
            instrument: decision.instrument.clone(),
            side,
            confidence: decision.confidence,
            quantity: None,
            reference_price: fresh.reference,
            rules: fresh.rules,
            score,
            most_pct: None,
            session_date: decision.session_date,
            expires_at: self.now() + PROPOSAL_LIFE,
        }
    }
}

fn side(action: Action) -> Option<Side> {
    match action {
        Action::Buy => Some(Side::Buy),
        Action::Sell => Some(Side::Sell),
        Action::Hold => None,
    }
}

/// The price that a trade is judged and proposed at, and what the exchange accepts at it.
#[derive(Clone, Copy)]
struct FreshPrice {
    price: Price,
    /// What the order's limit is counted from.
    reference: Price,
    rules: StockRules,
    /// How far its feed may be behind the market.
    delay: TimeDelta,
}

/// The quote's price, if it is fresh and near the one that was judged; else why not.
fn usable(
    quote: &Quote,
    candidate: &Candidate,
    side: Side,
    now: DateTime<Utc>,
) -> Result<FreshPrice, String> {
    if let (Side::Buy, Some(restriction)) = (side, quote.rules.restriction) {
        return Err(format!("The exchange advises against it: {restriction}"));
    }
    let age = now - quote.at;
    if age > QUOTE_MAX_AGE {
        return Err(format!("The price is {} s old", age.num_seconds()));
    }
    let allowed = match side {
        Side::Buy => ENTRY_DRIFT_MAX_PCT,
        Side::Sell => EXIT_DRIFT_MAX_PCT,
    };
    let (judged, last) = (candidate.price, quote.last);
    let drift = (last.value() - judged.value()).abs().checked_mul(Decimal::ONE_HUNDRED);
    let bound = judged.value().checked_mul(allowed.into());
    match (drift, bound) {
        (Some(drift), Some(bound)) if drift <= bound => {
            let (reference, rules, delay) = (quote.reference(side), quote.rules, quote.delay);
            Ok(FreshPrice { price: last, reference, rules, delay })
        }
        (Some(_) | None, Some(_) | None) => {
            Err(format!("The price went from {judged} to {last}, more than {allowed} %"))
        }
    }
}
