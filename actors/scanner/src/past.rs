//! The past of a stock for the books alone: what evolution learns from, of stocks that no scan looks at.

use std::time::Duration;

use chrono::NaiveDate;
use domain::messages::bars::{BarsSeen, SeeBars};
use domain::messages::market_data::{BarInterval, BarsQuery, QueryError};
use supervision::prelude::*;

/// The longest wait for Broker, in real time (market_data).
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// Daily bars asked for: no more than one answer of the exchange holds, so that a stock costs one request.
const BARS: u16 = 90;

/// Fetches the newest days of a stock and has the books keep those up to `session_date`; the newest of them.
pub(crate) async fn see(
    bars: Link<BarsQuery>,
    books: Link<BarsSeen>,
    wanted: SeeBars,
) -> Result<Option<NaiveDate>, QueryError> {
    let SeeBars { instrument, session_date } = wanted;
    let query = BarsQuery { instrument: instrument.clone(), interval: BarInterval::Day, count: BARS };
    let answer = bars.ask(query, ANSWER_WITHIN).await;
    let candles = answer.map_err(|error| QueryError::Unavailable(format!("Broker: {error}")))??;
    let after = session_date.succ_opt().unwrap_or(session_date);
    let seen = BarsSeen::finished(instrument, after, &candles);
    let Some(newest) = seen.bars.last().map(|bar| bar.session_date) else { return Ok(None) };
    let not_taken = |error| QueryError::Unavailable(format!("the books do not take its bars: {error}"));
    books.tell(seen).map_err(not_taken)?;
    Ok(Some(newest))
}
