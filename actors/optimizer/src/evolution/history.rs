//! The bars that a market's evolution learns from: as the books have them up to a session, bounded in memory.

use std::cmp::Reverse;

use chrono::{Days, NaiveDate};
use domain::Market;
use domain::messages::bars::{BarsOf, SERIES_MAX, SeeBars, StocksWithBars};
use supervision::prelude::*;

use super::search::{ASK_WITHIN, SearchStopped, heard};
use crate::backtest::Series;
use crate::laboratory::cut::{SAMPLE_MIN, WARM_UP};

/// Most stocks of a market: those with the most bars. With all features of all bars they take about 30 MB.
pub const STOCKS_MAX: usize = 64;
/// Most calendar days back: about 1,250 sessions.
pub const DAYS_MAX: u64 = 1_826;

/// Whom history is asked of.
#[derive(Clone, Debug)]
pub struct HistoryLinks {
    /// TradeLedger: which stocks.
    pub stocks: Link<StocksWithBars>,
    /// TradeLedger: the bars of one.
    pub bars: Link<BarsOf>,
    /// Scanner: have the newest bars of one fetched; none: what the books have is all there is.
    pub see: Option<Link<SeeBars>>,
}

/// The bars of a market up to `until`, by symbol. A stock with too few of them, or with one that contradicts itself, is left out.
///
/// # Errors
/// [`SearchStopped`] when the ledger did not answer.
pub async fn load(
    links: &HistoryLinks,
    market: Market,
    until: NaiveDate,
) -> Result<Vec<Series>, SearchStopped> {
    let from = until.checked_sub_days(Days::new(DAYS_MAX)).unwrap_or(NaiveDate::MIN);
    let mut kept: Vec<Series> = Vec::new();
    for instrument in heard(links.stocks.ask(StocksWithBars { market }, ASK_WITHIN).await)? {
        let found = heard(links.bars.ask(BarsOf { instrument, most: SERIES_MAX }, ASK_WITHIN).await)?;
        let within = |date: NaiveDate| (from..=until).contains(&date);
        let bars: Vec<_> = found.bars.into_iter().filter(|bar| within(bar.session_date)).collect();
        if bars.len() < WARM_UP + SAMPLE_MIN {
            continue;
        }
        kept.extend(Series::new(found.instrument, bars));
        if kept.len() > STOCKS_MAX {
            leave_out_shortest(&mut kept);
        }
    }
    Ok(kept)
}

/// Of several the last one goes.
fn leave_out_shortest(kept: &mut Vec<Series>) {
    let length = |(place, series): &(usize, &Series)| (series.bars().len(), Reverse(*place));
    if let Some((place, _)) = kept.iter().enumerate().min_by_key(length) {
        kept.remove(place);
    }
}
