//! Whether a market trades: the newest bar with volume of a stock that trades every day (CALENDARS.md 4.1).

use broker::Urgency;
use chrono::{DateTime, Utc};
use domain::Market;
use domain::messages::market_data::QueryError;

use super::bars;
use super::call::Session;
use super::overseas::venue;
use super::trid::reads;
use super::wire::{Row, WireError};

/// Samsung Electronics: listed since 1975, traded in every minute of a session.
const WELL_KNOWN_IN_KOREA: &str = "005930";

/// The start of the newest bar with volume of a well-known stock, or of the stock that was last priced there where that is
/// newer.
///
/// # Errors
/// [`QueryError`] when neither stock has an answer.
pub(super) async fn last_trade(
    session: &Session,
    market: Market,
) -> Result<Option<DateTime<Utc>>, QueryError> {
    let well_known = if market.is_domestic() { WELL_KNOWN_IN_KOREA } else { venue(market)?.well_known };
    let first = of_stock(session, market, well_known).await;
    match &first {
        Ok(Some(at)) if market.date_at(*at) == market.date_at(session.now()) => return first,
        // Asking for another stock would meet the same silence.
        Err(QueryError::Unavailable(_)) => return first,
        Ok(_) | Err(QueryError::Refused { .. } | QueryError::Malformed(_) | QueryError::NotOffered(_)) => {}
    }
    match session.last_priced(market).filter(|symbol| symbol.as_str() != well_known) {
        None => first,
        Some(symbol) => match (first, of_stock(session, market, symbol.as_str()).await) {
            (Ok(one), Ok(other)) => Ok(one.max(other)),
            (Ok(one), Err(_)) | (Err(_), Ok(one)) => Ok(one),
            (Err(_), Err(error)) => Err(error),
        },
    }
}

async fn of_stock(
    session: &Session,
    market: Market,
    symbol: &str,
) -> Result<Option<DateTime<Utc>>, QueryError> {
    if market.is_domestic() {
        return korean(session, symbol).await;
    }
    match overseas_minutes(session, market, symbol).await {
        // A paper account has daily bars alone; today's is there as soon as the market trades.
        Err(QueryError::NotOffered(_)) => overseas_days(session, market, symbol).await,
        answer @ (Ok(_)
        | Err(QueryError::Refused { .. } | QueryError::Malformed(_) | QueryError::Unavailable(_))) => answer,
    }
}

/// One page of minute bars (KIS.md 9.5). On a closed day they are those of the last open one, dated so.
async fn korean(session: &Session, symbol: &str) -> Result<Option<DateTime<Utc>>, QueryError> {
    let until = session.now().with_timezone(&Market::Kr.zone()).time();
    let question = session
        .question(&reads::KR_MINUTES, Urgency::Reconcile)?
        .with([("FID_COND_MRKT_DIV_CODE", "J"), ("FID_INPUT_ISCD", symbol)])
        .with([("FID_INPUT_HOUR_1", until.format("%H%M%S").to_string())])
        .with([("FID_PW_DATA_INCU_YN", "N"), ("FID_ETC_CLS_CODE", "")]);
    let rows = session.ask(&question).await?.rows(&["output2"])?;
    newest(Market::Kr, &rows, ["stck_bsop_date", "cntg_vol"], Some("stck_cntg_hour"))
}

/// One page of minute bars (KIS.md 13.5).
async fn overseas_minutes(
    session: &Session,
    market: Market,
    symbol: &str,
) -> Result<Option<DateTime<Utc>>, QueryError> {
    let question = session
        .question(&reads::OVERSEAS_MINUTES, Urgency::Reconcile)?
        .with([("AUTH", ""), ("EXCD", venue(market)?.quote.code()), ("SYMB", symbol)])
        .with([("NMIN", "1"), ("PINC", "1"), ("NEXT", ""), ("NREC", "120"), ("FILL", ""), ("KEYB", "")]);
    let rows = session.ask(&question).await?.rows(&["output2"])?;
    newest(market, &rows, ["xymd", "evol"], Some("xhms"))
}

/// One page of daily bars (KIS.md 13.3).
async fn overseas_days(
    session: &Session,
    market: Market,
    symbol: &str,
) -> Result<Option<DateTime<Utc>>, QueryError> {
    let today = bars::compact(market.date_at(session.now()));
    let question = session
        .question(&reads::OVERSEAS_DAILY, Urgency::Reconcile)?
        .with([("AUTH", ""), ("EXCD", venue(market)?.quote.code()), ("SYMB", symbol)])
        .with([("GUBN", "0"), ("MODP", "1"), ("KEYB", "")])
        .with([("BYMD", today)]);
    let rows = session.ask(&question).await?.rows(&["output2"])?;
    newest(market, &rows, ["xymd", "tvol"], None)
}

/// The start of the newest row with volume. Rows without a date stand for "none".
fn newest(
    market: Market,
    rows: &[Row],
    [date, volume]: [&'static str; 2],
    time: Option<&'static str>,
) -> Result<Option<DateTime<Utc>>, QueryError> {
    let start = |row: &Row| -> Result<Option<DateTime<Utc>>, WireError> {
        if row.text(date).is_empty() || row.whole(volume)?.unwrap_or(0) == 0 {
            return Ok(None);
        }
        let day = row.date(date)?;
        let at = match time {
            None => Some(bars::day_start(market, day)),
            Some(time) => row.time(time).map(|time| bars::moment(market, day, time)),
        };
        Ok(at)
    };
    let starts: Result<Vec<_>, _> = rows.iter().map(start).collect();
    Ok(starts?.into_iter().flatten().max())
}

#[cfg(test)]
mod tests;
