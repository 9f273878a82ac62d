//! One scan: asks Broker, one question after the other, and measures what it was told.
//!
//! Requests are never made side by side: Broker paces them anyway, and orders go first. A question without an answer
//! costs that stock only; when the scan's time is over, what was fetched is still kept for the next one.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use domain::messages::market_data::{
    AccountQuery, BarInterval, BarsQuery, QueryError, Quote, QuoteQuery, RankedStock, RankingKind,
    RankingQuery,
};
use domain::messages::schedule::ScanDue;
use domain::messages::trading::Candidate;
use domain::{Candle, Holding, Instrument, Market};
use supervision::prelude::*;

use crate::actor::{Deps, Settings};
use crate::candidate::{self, Observation, Prospect};
use crate::score::{self, RankedRow, Standing, Universe};

/// The longest wait for one answer, in real time (market_data).
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// Daily bars asked for: indicators need 200 (strategy), the rest covers holidays and young data.
const BARS: u16 = 250;
/// Stocks measured beyond the top places, because a wide range may lift one of them.
const SPARE: usize = 2;

/// Past daily bars by stock, valid for one session.
#[derive(Clone, Debug, Default)]
pub(crate) struct BarCache {
    bars: BTreeMap<Instrument, (NaiveDate, Vec<Candle>)>,
}

impl BarCache {
    /// The part of it that a scan of `market` on `session_date` may use.
    pub(crate) fn take(&mut self, market: Market, session_date: NaiveDate) -> Self {
        let all = std::mem::take(&mut self.bars);
        let (mine, others) = all.into_iter().partition(|(instrument, _)| instrument.market == market);
        self.bars = others;
        let mut mine = Self { bars: mine };
        mine.bars.retain(|_, (date, _)| *date == session_date);
        mine
    }

    /// Puts back what a scan used and fetched.
    pub(crate) fn put(&mut self, other: Self) {
        self.bars.extend(other.bars);
    }
}

/// What a scan needs.
pub(crate) struct Scan {
    pub(crate) due: ScanDue,
    pub(crate) settings: Settings,
    pub(crate) deps: Deps,
    pub(crate) cache: BarCache,
}

/// What a scan brought.
pub(crate) struct Report {
    /// The candidates, best first; none when its time was over first.
    pub(crate) candidates: Option<Vec<Candidate>>,
    /// Bars for the next scan.
    pub(crate) cache: BarCache,
}

impl Scan {
    pub(crate) async fn run(mut self) -> Report {
        let candidates = self.candidates().await;
        Report { candidates, cache: self.cache }
    }

    async fn candidates(&mut self) -> Option<Vec<Candidate>> {
        let holdings = self.holdings().await;
        let rows = self.ranked_rows().await;
        let (market, account_known) = (self.due.key.market, holdings.is_some());
        let watchlist: Vec<_> =
            self.settings.watchlist.iter().filter(|stock| stock.market == market).cloned().collect();
        let mut contenders = Vec::new();
        for prospect in candidate::prospects(rows, &watchlist, &holdings.unwrap_or_default()) {
            if self.is_over() {
                return None;
            }
            contenders.extend(self.measure(&prospect, account_known).await);
        }
        let chosen = score::choose(contenders, self.settings.top_n);
        (!self.is_over()).then_some(chosen)
    }

    /// The market's holdings; none when the account did not answer.
    async fn holdings(&self) -> Option<Vec<Holding>> {
        let market = self.due.key.market;
        let answer = self.deps.account.ask(AccountQuery { market }, ANSWER_WITHIN).await;
        let mut holdings = self.unpack(answer, "account", None)?.holdings;
        holdings.retain(|holding| holding.instrument.market == market);
        Some(holdings)
    }

    /// The shortlist of the rankings; none means that the watchlist stands in for them.
    async fn ranked_rows(&self) -> Option<Vec<RankedRow>> {
        if self.due.key.slot.is_exits() {
            // Only what is held is looked at.
            return Some(Vec::new());
        }
        if !self.due.key.market.is_domestic() && !self.settings.overseas_rankings {
            return None;
        }
        let moved = self.ranking(RankingKind::Fluctuation).await;
        let traded = self.ranking(RankingKind::Volume).await;
        match score::join(moved, &traded) {
            Universe::Ranked(rows) => Some(score::shortlist(rows, self.settings.top_n + SPARE)),
            Universe::Unavailable => None,
        }
    }

    async fn ranking(&self, kind: RankingKind) -> Vec<RankedStock> {
        let query = RankingQuery { market: self.due.key.market, kind };
        let answer = self.deps.rankings.ask(query, ANSWER_WITHIN).await;
        self.unpack(answer, "ranking", None).unwrap_or_default()
    }

    /// One stock; none when it has no price, or no bars and is not held either.
    async fn measure(&mut self, prospect: &Prospect, account_known: bool) -> Option<(Standing, Candidate)> {
        let history = self.history(&prospect.instrument).await;
        if history.is_none() && prospect.holding.is_none() {
            return None;
        }
        let quote = self.quote(&prospect.instrument).await;
        let seen =
            Observation { history: &history.unwrap_or_default(), quote: quote.as_ref(), account_known };
        candidate::measure(prospect, seen, &self.settings.thresholds)
    }

    async fn history(&mut self, instrument: &Instrument) -> Option<Vec<Candle>> {
        if let Some((_, bars)) = self.cache.bars.get(instrument) {
            return Some(bars.clone());
        }
        let query = BarsQuery { instrument: instrument.clone(), interval: BarInterval::Day, count: BARS };
        let answer = self.deps.bars.ask(query, ANSWER_WITHIN).await;
        let bars = self.unpack(answer, "bars", Some(instrument))?;
        let session_date = self.due.key.session_date;
        let past = candidate::before_session(bars, instrument, session_date);
        self.cache.bars.insert(instrument.clone(), (session_date, past.clone()));
        Some(past)
    }

    async fn quote(&self, instrument: &Instrument) -> Option<Quote> {
        let query = QuoteQuery { instrument: instrument.clone() };
        let answer = self.deps.quotes.ask(query, ANSWER_WITHIN).await;
        self.unpack(answer, "quote", Some(instrument))
    }

    fn is_over(&self) -> bool {
        self.now() >= self.due.expires_at
    }

    fn now(&self) -> DateTime<Utc> {
        self.deps.clock.now()
    }

    /// The answer, or a log line that says what is missing and why.
    fn unpack<T>(
        &self,
        answer: Result<Result<T, QueryError>, AskError>,
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
