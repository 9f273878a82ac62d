//! The best prices of the moment, for a purchase that is about to be sent (KIS.md 9.2, 13.4).

use broker::Urgency;
use domain::messages::market_data::{OrderQuoteQuery, QueryError, Quote};
use domain::{Instrument, Price, Side};

use super::call::Session;
use super::trid::reads;
use super::wire::{Envelope, WireError};
use super::{domestic, overseas};

/// The price now, and for a purchase what others bid and ask: one read more. A book that cannot be had, as abroad on a
/// paper account, leaves the last price to count alone.
///
/// # Errors
/// [`QueryError`] of the price.
pub(super) async fn order_quote(
    session: &Session,
    OrderQuoteQuery { instrument, side, scanned }: OrderQuoteQuery,
    urgency: Urgency,
) -> Result<Quote, QueryError> {
    let quote = match scanned {
        Some(quote) => quote,
        None if instrument.market.is_domestic() => domestic::quote(session, instrument, urgency).await?,
        None => overseas::quote(session, instrument, urgency).await?,
    };
    let best = match side {
        Side::Sell => return Ok(quote),
        Side::Buy => best_prices(session, &quote.instrument, urgency).await,
    };
    match best {
        Ok([bid, ask]) => Ok(Quote { bid, ask, ..quote }),
        Err(QueryError::NotOffered(_)) => Ok(quote),
        Err(error) => {
            tracing::warn!(instrument = %quote.instrument, %error, "the best prices are unknown");
            Ok(quote)
        }
    }
}

/// Best bid and best ask. In an auction they may cross, and after the close one side is empty: what contradicts itself is
/// not told.
async fn best_prices(
    session: &Session,
    instrument: &Instrument,
    urgency: Urgency,
) -> Result<[Option<Price>; 2], QueryError> {
    let (question, [key, bid, ask]) = if instrument.market.is_domestic() {
        let question = session.question(&reads::KR_BOOK, urgency)?.with(domestic::stock(instrument));
        (question, ["output1", "bidp1", "askp1"])
    } else {
        let question = session.question(&reads::OVERSEAS_BOOK, urgency)?.with(overseas::stock(instrument)?);
        (question, ["output2", "pbid1", "pask1"])
    };
    Ok(best_of(&session.ask(&question).await?, key, [bid, ask])?)
}

fn best_of(
    answer: &Envelope,
    key: &'static str,
    [bid, ask]: [&'static str; 2],
) -> Result<[Option<Price>; 2], WireError> {
    let row = answer.summary(key)?;
    let (bid, ask) = (row.price(bid)?, row.price(ask)?);
    let crosses = matches!((bid, ask), (Some(bid), Some(ask)) if bid >= ask);
    Ok(if crosses { [None, None] } else { [bid, ask] })
}

#[cfg(test)]
mod tests;
