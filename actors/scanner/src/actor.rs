//! Receives `ScanDue`, runs one scan per market at a time, tells `CandidatesFound` and `SelectionsMade`.
//!
//! Nothing it knows must outlive it: keys seen and bars fetched are lost in a restart, at the price of asking again.
//! During a halt it does not scan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::messages::bars::{BarsSeen, SeeBars};
use domain::messages::evolution::StrategyOf;
use domain::messages::limits::WaitsQuery;
use domain::messages::market_data::{AccountWatch, BarsQuery, QueryError, QuoteQuery, RankingQuery};
use domain::messages::schedule::{ScanDue, SlotKey};
use domain::messages::selection::{RecentlyTraded, SelectionsMade};
use domain::messages::trading::CandidatesFound;
use domain::{Clock, Instrument, Market, Selection};
use risk_guard::{HaltSystem, Obedience, ResumeSystem};
use rust_decimal::Decimal;
use strategy::{Strategy, Thresholds};
use supervision::prelude::*;

use crate::memory::Memory;
use crate::past;
use crate::scan::{Found, Report, Scan};

/// Whom Scanner asks and tells, and its clock.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Exchange time.
    pub clock: Arc<dyn Clock>,
    /// Broker: the most moved and most traded stocks.
    pub rankings: Link<RankingQuery>,
    /// Broker: daily bars.
    pub bars: Link<BarsQuery>,
    /// Broker: the day so far.
    pub quotes: Link<QuoteQuery>,
    /// Broker: holdings.
    pub account: Link<AccountWatch>,
    /// RiskGuard: what is not bought now.
    pub waits: Link<WaitsQuery>,
    /// TradeLedger: what was traded last, when rankings fail.
    pub traded: Link<RecentlyTraded>,
    /// TradeLedger: what the market trades by in a session.
    pub strategies: Link<StrategyOf>,
    /// TradeLedger: what became of the stocks.
    pub selections: Link<SelectionsMade>,
    /// TradeLedger: the past of the stocks, so that there is more of it one day.
    pub bars_seen: Link<BarsSeen>,
    /// Brain.
    pub candidates: Link<CandidatesFound>,
}

/// What Scanner looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `SCANNER_TOP_N`: candidates besides the holdings.
    pub top_n: usize,
    /// `RSI_OVERSOLD_THRESHOLD`, `RSI_MOMENTUM_THRESHOLD`, `VOL_MULTIPLIER`.
    pub thresholds: Thresholds,
    /// What a market is traded by while no proposal is active in it.
    pub strategy: Arc<Strategy>,
    /// `OVERSEAS_RANKING_ENABLED`: whether markets other than KR have rankings.
    pub overseas_rankings: bool,
    /// `US_MIN_PRICE`: an American stock below this many dollars is no candidate; 0 lets all pass.
    pub us_min_price: Decimal,
    /// What is scanned first where there are no rankings, in order of preference.
    pub watchlist: Vec<Instrument>,
}

/// The actor.
#[derive(Debug)]
pub struct Scanner {
    settings: Settings,
    deps: Deps,
    last_seen: BTreeMap<Market, SlotKey>,
    /// Markets that are being scanned, and whether only for what is held: a slot does not wait for such a look.
    running: BTreeSet<(Market, bool)>,
    memory: Memory,
    /// The newest word on halts.
    obedience: Obedience,
}

impl Scanner {
    /// A Scanner that has seen nothing yet.
    pub fn new(settings: Settings, deps: Deps) -> Self {
        Self {
            settings,
            deps,
            last_seen: BTreeMap::new(),
            running: BTreeSet::new(),
            memory: Memory::default(),
            obedience: Obedience::default(),
        }
    }

    /// Why this scan is not begun, if so.
    fn objection(&self, due: &ScanDue) -> Option<&'static str> {
        if self.obedience.is_halted() {
            Some("halted")
        } else if self.deps.clock.now() >= due.expires_at {
            Some("expired")
        } else if self.last_seen.get(&due.key.market) == Some(&due.key) {
            Some("seen before")
        } else if self.running.contains(&lane(&due.key)) {
            Some("the last scan of this market is still running")
        } else {
            None
        }
    }

    fn begin(&mut self, due: ScanDue) -> Scan {
        let market = due.key.market;
        self.last_seen.insert(market, due.key);
        self.running.insert(lane(&due.key));
        let session = self.memory.of(market, due.key.session_date);
        Scan { due, settings: self.settings.clone(), deps: self.deps.clone(), session, waits: None }
    }

    fn finish(&mut self, due: ScanDue, report: Report) {
        self.running.remove(&lane(&due.key));
        self.memory.learn(due.key.market, due.key.session_date, report.session);
        let Some(Found { candidates, selections }) = report.found else {
            tracing::warn!(scan = %due.key, "the scan took longer than its slot; its result is dropped");
            return;
        };
        let (chosen, considered) = (candidates.len(), selections.len());
        tracing::info!(scan = %due.key, candidates = chosen, considered, "scan finished");
        for candidate in &candidates {
            let (stock, signal, score) =
                (&candidate.instrument, candidate.selection.signal, candidate.selection.score);
            tracing::info!(scan = %due.key, %stock, ?signal, %score, "candidate");
        }
        if !due.key.slot.is_exits() {
            let active = candidates.iter().map(|candidate| candidate.instrument.clone()).collect();
            self.memory.set_active(due.key.market, due.key.session_date, active);
        }
        self.write_down(&due, selections);
        let found = CandidatesFound { key: due.key, candidates, expires_at: due.expires_at };
        if let Err(error) = self.deps.candidates.tell(found) {
            tracing::warn!(scan = %due.key, %error, "the candidates were not taken");
        }
    }

    /// Has the books keep what is new; a letter that is lost loses an explanation, no trade.
    fn write_down(&mut self, due: &ScanDue, selections: Vec<Selection>) {
        let (key, at) = (due.key, self.deps.clock.now());
        let selections = self.memory.news(key.market, key.session_date, selections, at);
        if selections.is_empty() {
            return;
        }
        if let Err(error) = self.deps.selections.tell(SelectionsMade { key, at, selections }) {
            tracing::warn!(scan = %key, %error, "what became of the stocks is not written down");
        }
    }
}

fn lane(key: &SlotKey) -> (Market, bool) {
    (key.market, key.slot.is_exits())
}

impl Actor for Scanner {
    type Context = Ctx<Self>;
}

impl Handler<ScanDue> for Scanner {
    type Result = ();

    fn handle(&mut self, due: ScanDue, ctx: &mut Self::Context) {
        if let Some(reason) = self.objection(&due) {
            tracing::debug!(scan = %due.key, reason, "scan skipped");
            return;
        }
        // Spawned rather than answered: a paced scan may take most of its slot, which is neither a stall nor a
        // reason to delay the end of the process. It ends by itself, for each of its questions has a deadline.
        let scan = self.begin(due.clone());
        ctx.spawn(scan.run().into_actor(self).map(move |report, this, _ctx| this.finish(due, report)));
    }
}

impl Handler<SeeBars> for Scanner {
    type Result = ResponseFuture<Result<Option<chrono::NaiveDate>, QueryError>>;

    /// A halt stops trading, not learning.
    fn handle(&mut self, wanted: SeeBars, _ctx: &mut Self::Context) -> Self::Result {
        Box::pin(past::see(self.deps.bars.clone(), self.deps.bars_seen.clone(), wanted))
    }
}

impl Handler<HaltSystem> for Scanner {
    type Result = MessageResult<HaltSystem>;

    fn handle(&mut self, halt: HaltSystem, _ctx: &mut Self::Context) -> Self::Result {
        MessageResult(self.obedience.obey(&halt))
    }
}

impl Handler<ResumeSystem> for Scanner {
    type Result = ();

    fn handle(&mut self, resume: ResumeSystem, _ctx: &mut Self::Context) {
        self.obedience.go_on(&resume);
    }
}

#[cfg(test)]
mod tests;
