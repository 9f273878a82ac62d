//! The day that is over, of the stocks that a market's evolution learns from: its bars are fetched after the close, because nobody
//! else asks for most of these stocks, and without bars nothing can be followed on paper.
//!
//! Scanner fetches one stock after the other, at the low urgency of a scan, and has the books keep what it sees, as always. A stock
//! without an answer costs that stock only.

use std::time::Duration;

use chrono::NaiveDate;
use domain::messages::bars::{BarsOf, SEE_WITHIN, SeeBars};
use domain::messages::market_data::QueryError;
use domain::{Instrument, Market};
use supervision::prelude::*;

use super::history::{HistoryLinks, STOCKS_MAX, load};
use super::search::{ASK_WITHIN, SearchStopped, heard};
use crate::backtest::Series;

/// Pauses before those without an answer are asked for again, in real time.
const PAUSES: [Duration; 2] = [Duration::from_secs(30), Duration::from_secs(120)];
/// Most requests to the exchange after a close of a market: one for each stock, and one more after each pause without an answer.
pub const REQUESTS_MAX: usize = STOCKS_MAX * (PAUSES.len() + 1);
/// After so many stocks without an answer, one after the other, the market does not answer; the others wait for the next round.
const SILENT_MAX: usize = 3;
/// The books write bars when nothing else waits, a stock each quarter of a second: so often they are looked at, with this pause.
const LOOKS_MAX: u32 = 150;
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The bars of a market up to `until`, a session that is over, after what the books lack of it was fetched where somebody can.
///
/// # Errors
/// [`SearchStopped`] when the ledger did not answer.
pub async fn load_fresh(
    links: &HistoryLinks,
    market: Market,
    until: NaiveDate,
) -> Result<Vec<Series>, SearchStopped> {
    let series = load(links, market, until).await?;
    let Some(see) = &links.see else { return Ok(series) };
    let lacks = |series: &&Series| series.bars().last().is_none_or(|bar| bar.session_date < until);
    let missing: Vec<_> = series.iter().filter(lacks).map(|series| series.instrument().clone()).collect();
    let Some(last) = fetch(see, missing, until).await else { return Ok(series) };
    drop(series);
    await_written(links, &last, until).await?;
    load(links, market, until).await
}

/// Has these stocks seen; the last one whose day was told, none where none was.
async fn fetch(see: &Link<SeeBars>, missing: Vec<Instrument>, until: NaiveDate) -> Option<Instrument> {
    let mut fetch = Fetch { missing, told: 0, last: None };
    let asked = fetch.missing.len();
    for pause in PAUSES.map(Some).into_iter().chain([None]) {
        fetch.round(see, until).await;
        let Some(pause) = pause.filter(|_| !fetch.missing.is_empty()) else { break };
        tokio::time::sleep(pause).await;
    }
    let Fetch { missing, told, last } = fetch;
    if asked > 0 {
        tracing::info!(session = %until, asked, told, unanswered = missing.len(), "bars of the stocks that evolution learns from");
    }
    last
}

/// A fetch under way.
struct Fetch {
    /// Those without an answer yet.
    missing: Vec<Instrument>,
    /// Stocks whose bar of the day was told.
    told: usize,
    /// The last of them.
    last: Option<Instrument>,
}

/// What the exchange said of a stock.
enum Said {
    /// It has the day's bar.
    Day,
    /// It has none, and will not have one when it is asked again.
    NoDay(String),
    /// Nobody answered.
    Nothing(String),
}

impl Fetch {
    /// Asks for each stock that is missing, until the market is silent. Who was not asked is the first of the next round.
    async fn round(&mut self, see: &Link<SeeBars>, until: NaiveDate) {
        let (mut silent, mut unanswered) = (0, Vec::new());
        let mut waiting = std::mem::take(&mut self.missing).into_iter();
        for instrument in waiting.by_ref() {
            match ask(see, &instrument, until).await {
                Said::Day => {
                    silent = 0;
                    self.told += 1;
                    self.last = Some(instrument);
                }
                Said::NoDay(why) => {
                    silent = 0;
                    tracing::info!(session = %until, stock = %instrument, why, "a stock has no bar of the session");
                }
                Said::Nothing(why) => {
                    silent += 1;
                    tracing::info!(session = %until, stock = %instrument, why, "no answer for a bar of the session");
                    unanswered.push(instrument);
                }
            }
            if silent == SILENT_MAX {
                break;
            }
        }
        self.missing = waiting.chain(unanswered).collect();
    }
}

async fn ask(see: &Link<SeeBars>, instrument: &Instrument, session_date: NaiveDate) -> Said {
    let letter = SeeBars { instrument: instrument.clone(), session_date };
    match see.ask(letter, SEE_WITHIN).await {
        Ok(Ok(Some(newest))) if newest >= session_date => Said::Day,
        Ok(Ok(Some(newest))) => Said::NoDay(format!("its newest is of {newest}")),
        Ok(Ok(None)) => Said::NoDay("it has no bars".to_owned()),
        Ok(Err(error @ QueryError::Unavailable(_))) => Said::Nothing(error.to_string()),
        Ok(Err(
            error @ (QueryError::Refused { .. } | QueryError::Malformed(_) | QueryError::NotOffered(_)),
        )) => Said::NoDay(error.to_string()),
        Err(error) => Said::Nothing(error.to_string()),
    }
}

/// Waits until the books have the day of the stock that was told last: they write one after the other.
async fn await_written(
    links: &HistoryLinks,
    last: &Instrument,
    until: NaiveDate,
) -> Result<(), SearchStopped> {
    for _look in 0..LOOKS_MAX {
        let query = BarsOf { instrument: last.clone(), most: 1 };
        let found = heard(links.bars.ask(query, ASK_WITHIN).await)?;
        if found.bars.last().is_some_and(|bar| bar.session_date >= until) {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    tracing::warn!(session = %until, "not all bars are written yet; the next turn finds them");
    Ok(())
}

#[cfg(test)]
mod tests;
