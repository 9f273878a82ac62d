//! Receives `ScanDue`, runs one scan per market at a time, tells `CandidatesFound`.
//!
//! Nothing it knows must outlive it: keys seen and bars fetched are lost in a restart, at the price of asking again.
//! During a halt it does not scan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::messages::market_data::{AccountQuery, BarsQuery, QuoteQuery, RankingQuery};
use domain::messages::schedule::{ScanDue, SlotKey};
use domain::messages::trading::CandidatesFound;
use domain::{Clock, Instrument, Market};
use risk_guard::{HaltSystem, Obedience, ResumeSystem};
use strategy::Thresholds;
use supervision::prelude::*;

use crate::scan::{BarCache, Report, Scan};

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
    pub account: Link<AccountQuery>,
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
    /// `OVERSEAS_RANKING_ENABLED`: whether markets other than KR have rankings.
    pub overseas_rankings: bool,
    /// What is scanned where there are no rankings, in order of preference.
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
    cache: BarCache,
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
            cache: BarCache::default(),
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
        let cache = self.cache.take(market, due.key.session_date);
        Scan { due, settings: self.settings.clone(), deps: self.deps.clone(), cache }
    }

    fn finish(&mut self, due: ScanDue, report: Report) {
        self.running.remove(&lane(&due.key));
        self.cache.put(report.cache);
        let Some(candidates) = report.candidates else {
            tracing::warn!(scan = %due.key, "the scan took longer than its slot; its result is dropped");
            return;
        };
        tracing::info!(scan = %due.key, candidates = candidates.len(), "scan finished");
        let found = CandidatesFound { key: due.key, candidates, expires_at: due.expires_at };
        if let Err(error) = self.deps.candidates.tell(found) {
            tracing::warn!(scan = %due.key, %error, "the candidates were not taken");
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
