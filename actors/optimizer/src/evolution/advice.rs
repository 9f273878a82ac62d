//! Asks the language model for new strategies, once per market and session, of what the day's slots leave of its calls.
//!
//! Without a model, without a call left or without a usable answer there are none, and evolution goes on by chance alone. Asked
//! again after a crash, the answer is what the books have of the first time, so the cycle comes out the same.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::messages::bars::{BarsOf, DayBar, SERIES_MAX};
use domain::messages::consultation::{
    AskModel, ClosedPosition, ClosedPositions, ModelAnswer, NoAnswer, QUESTION_WITHIN,
};
use domain::messages::evolution::{ElitesOf, RejectsOf};
use domain::messages::ledger::LedgerError;
use domain::{Confidence, Instrument, Market};
use rust_decimal::Decimal;
use strategy::form::{Columns, Feature, Strategy};
use supervision::prelude::*;

use super::brief::{self, Brief, REJECTS, Suggested};
use super::digest::{self, Digest, Purchase};
use super::search::{ASK_WITHIN, SearchStopped, heard};
use crate::gauntlet::regime::{Regime, regimes};

/// Closed positions that are looked back on.
const POSITIONS: u16 = 500;

/// Whom it asks.
#[derive(Clone, Debug)]
pub struct AdviceLinks {
    /// TradeLedger: what came of purchases.
    pub closed: Link<ClosedPositions>,
    /// TradeLedger: bars of a stock.
    pub bars: Link<BarsOf>,
    /// TradeLedger: the archive.
    pub elites: Link<ElitesOf>,
    /// TradeLedger: what gates have ended.
    pub rejects: Link<RejectsOf>,
    /// Brain: the model.
    pub model: Link<AskModel>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The market.
    pub market: Market,
    /// The session that has ended.
    pub session_date: NaiveDate,
    /// How many strategies, at most [`brief::CANDIDATES_MAX`]; 0 asks nobody.
    pub candidates: u8,
    /// A decision of at least this confidence should not have lost.
    pub min_confidence: Confidence,
}

/// Strategies of the model; few or none when it has no more to say. Of days from `sealed_from` on it is told nothing, for it is judged
/// by them.
///
/// # Errors
/// [`SearchStopped`] when the books do not answer: what it would have said is then not known, and the cycle has to wait.
pub async fn suggestions(
    links: &AdviceLinks,
    wanted: Wanted,
    sealed_from: NaiveDate,
) -> Result<Vec<Strategy>, SearchStopped> {
    let Wanted { market, session_date, candidates, .. } = wanted;
    if candidates == 0 {
        return Ok(Vec::new());
    }
    let brief = Brief {
        candidates,
        digest: digest_of(links, wanted, sealed_from).await?,
        elites: heard(links.elites.ask(ElitesOf { market }, ASK_WITHIN).await)?,
        rejects: heard(links.rejects.ask(RejectsOf { market, limit: REJECTS }, ASK_WITHIN).await)?,
    };
    let question = AskModel {
        session_date,
        purpose: format!("evolution/{market}/{session_date}"),
        prompt_version: brief::VERSION,
        system: brief.system(),
        prompt: brief.prompt(),
        schema: Brief::schema(),
        max_output_tokens: brief.max_output_tokens(),
    };
    match links.model.ask(question, QUESTION_WITHIN).await {
        Ok(Ok(answer)) => Ok(read(&answer, wanted)),
        Ok(Err(NoAnswer::NoModel)) => Ok(Vec::new()),
        Ok(Err(NoAnswer::Unheard(why))) => {
            tracing::info!(%market, session = %session_date, why, "the model suggests no strategy; evolution goes on by chance");
            Ok(Vec::new())
        }
        Ok(Err(NoAnswer::Books(why))) => Err(SearchStopped::Ledger(LedgerError::Storage(why))),
        Err(error) => Err(SearchStopped::Unheard(error)),
    }
}

fn read(answer: &ModelAnswer, Wanted { market, session_date, candidates, .. }: Wanted) -> Vec<Strategy> {
    let Suggested { strategies, refused } = brief::read(&answer.json, candidates)
        .unwrap_or_else(|why| Suggested { strategies: Vec::new(), refused: vec![why] });
    for why in &refused {
        tracing::info!(%market, session = %session_date, why, "a suggestion of the model is no strategy");
    }
    let taken = strategies.len();
    tracing::info!(%market, session = %session_date, taken, refused = refused.len(), "the model suggests strategies");
    strategies
}

/// Where confident purchases of the market went wrong that were over before the sealed days, as it was known then: how rough a day
/// was is told from all days that are looked at.
async fn digest_of(
    links: &AdviceLinks,
    wanted: Wanted,
    sealed_from: NaiveDate,
) -> Result<Digest, SearchStopped> {
    let Wanted { market, min_confidence, .. } = wanted;
    let query = ClosedPositions { market, limit: POSITIONS, closed_before: Some(sealed_from) };
    let closed = heard(links.closed.ask(query, ASK_WITHIN).await)?;
    let confident: Vec<_> = closed.into_iter().filter(|one| one.confidence >= min_confidence).collect();
    let mut bars: BTreeMap<Instrument, Vec<DayBar>> = BTreeMap::new();
    for one in &confident {
        if !bars.contains_key(&one.instrument) {
            let query = BarsOf { instrument: one.instrument.clone(), most: SERIES_MAX };
            let mut series = heard(links.bars.ask(query, ASK_WITHIN).await)?;
            series.bars.retain(|bar| bar.session_date < sealed_from);
            bars.insert(one.instrument.clone(), series.bars);
        }
    }
    Ok(digest::digest(&purchases(&confident, &bars)))
}

/// The purchases of `closed` with what `bars` say of their stocks. A result that is not known is no purchase at all.
fn purchases(closed: &[ClosedPosition], bars: &BTreeMap<Instrument, Vec<DayBar>>) -> Vec<Purchase> {
    let regimes = regimes_of(bars.values());
    let columns: BTreeMap<_, _> = bars
        .iter()
        .filter_map(|(stock, days)| Some((stock, Columns::of(days, Feature::ALL).ok()?)))
        .collect();
    let purchase = |one: &ClosedPosition| {
        let lost = one.pnl_pct? < Decimal::ZERO;
        let day = one.instrument.market.date_at(one.bought_at);
        let before =
            bars.get(&one.instrument).map_or(0, |days| days.partition_point(|bar| bar.session_date < day));
        let known = before.checked_sub(1).zip(columns.get(&one.instrument));
        let regime = regimes.range(..day).next_back().and_then(|(_, regime)| *regime);
        Some(match known {
            Some((bar, columns)) => Purchase::at(lost, columns, bar, regime),
            None => Purchase { lost, features: Vec::new(), regime },
        })
    };
    closed.iter().filter_map(purchase).collect()
}

/// The regime of each day by the mean change of all stocks that have bars on it.
fn regimes_of<'a>(series: impl Iterator<Item = &'a Vec<DayBar>>) -> BTreeMap<NaiveDate, Option<Regime>> {
    let mut changes: BTreeMap<NaiveDate, Vec<f64>> = BTreeMap::new();
    for days in series {
        for (before, day) in days.iter().zip(days.iter().skip(1)) {
            let change = day.close_micros as f64 / before.close_micros as f64 - 1.0;
            changes.entry(day.session_date).or_default().push(change);
        }
    }
    let benchmark: Vec<f64> =
        changes.values().map(|day| day.iter().sum::<f64>() / day.len() as f64).collect();
    match regimes(&benchmark) {
        Ok(told) => changes.into_keys().zip(told).collect(),
        // Too few days: no regime is known.
        Err(_) => BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests;
