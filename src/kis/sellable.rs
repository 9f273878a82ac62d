//! How many shares of one Korean stock may be sold now (KIS.md 8.5). Real accounts only; paper has the balance alone.

use broker::Urgency;
use chrono::TimeDelta;
use domain::messages::market_data::QueryError;
use domain::{AccountSnapshot, Instrument, Quantity};

use super::call::Session;
use super::domestic::owner;
use super::trid::reads;

/// What was told counts in the accounts of this long, exchange time: until the next sale has been sized on it. After that
/// the balance has caught up.
pub(super) const TOLD_COUNTS_FOR: TimeDelta = TimeDelta::seconds(60);

/// The shares that may be sold, and the accounts that follow count no more of this stock.
///
/// # Errors
/// [`QueryError`]; on a paper account and for foreign stocks it is not offered.
pub(super) async fn sellable(session: &Session, instrument: Instrument) -> Result<Quantity, QueryError> {
    if !instrument.market.is_domestic() {
        let why = format!("shares of {instrument} that may be sold: KIS tells it of Korean stocks");
        return Err(QueryError::NotOffered(why));
    }
    let question = session
        .question(&reads::KR_SELLABLE, Urgency::Exit)?
        .with(owner(&session.account))
        .with([("PDNO", instrument.symbol.as_str())]);
    let answer = session.ask(&question).await?;
    // The table says `output1`, the official answer `output`.
    let row = answer.rows(&["output", "output1"])?.into_iter().next();
    let row = row.ok_or_else(|| QueryError::Malformed("'output' is missing".into()))?;
    if row.required("pdno")? != instrument.symbol.as_str() {
        return Err(row.bad("pdno").into());
    }
    let told = row.quantity("ord_psbl_qty")?;
    session.learn_sellable(&instrument, told);
    Ok(told)
}

/// Of each holding, the lesser of what the balance counts as sellable and what was told of it lately.
pub(super) fn cap(session: &Session, snapshot: &mut AccountSnapshot) {
    for holding in &mut snapshot.holdings {
        if let Some(told) = session.sellable_lately(&holding.instrument, TOLD_COUNTS_FOR) {
            holding.sellable = holding.sellable.min(told);
        }
    }
}

#[cfg(test)]
mod tests;
