//! The whole account in won, and the rates of exchange (KIS.md 8.3, 12.6, 12.7).
//!
//! No single answer holds them. The Korean balance has Korean shares and won; the "present balance" has foreign shares and
//! foreign cash, both in won, and the rates that were posted first today. A paper account tells no rates there, and an
//! account without a currency has no row of it: then "buyable amount" tells the rate beside its amount.

use std::collections::BTreeMap;

use broker::Urgency;
use chrono::NaiveDate;
use domain::messages::market_data::{AccountInWonQuery, QueryError};
use domain::{AccountInWon, Currency, Market, Money, WonRate};
use rust_decimal::Decimal;

use super::call::Session;
use super::codes::Venue;
use super::domestic::{self, owner};
use super::trid::reads;
use super::wire::{Envelope, Row, WireError};

/// Reads all of it, beside other reads of the account.
///
/// # Errors
/// [`QueryError`] when the foreign part does not come; a missing Korean part only makes `equity` absent, and a missing rate
/// leaves that currency out.
pub(super) async fn account_in_won(
    session: &Session,
    query: AccountInWonQuery,
) -> Result<AccountInWon, QueryError> {
    let as_of = session.now();
    let today = Market::Kr.date_at(as_of);
    let question = session
        .question(&reads::OVERSEAS_PRESENT, Urgency::Reconcile)?
        .with(owner(&session.account))
        // All nations, markets and kinds; amounts of output1 and output2 in the foreign currency, which nobody reads.
        .with([
            ("WCRC_FRCR_DVSN_CD", "02"),
            ("NATN_CD", "000"),
            ("TR_MKET_CD", "00"),
            ("INQR_DVSN_CD", "00"),
        ]);
    let answer = session.ask(&question).await?;
    let mut rates = posted_rates(&answer, today)?;
    for currency in query.currencies {
        if currency != Currency::Krw && !rates.contains_key(&currency) {
            rates.extend(rate_beside_cash(session, currency, today).await.map(|rate| (currency, rate)));
        }
    }
    let equity = equity(session, foreign_won(&answer)?).await;
    Ok(AccountInWon { equity, rates, as_of })
}

async fn equity(session: &Session, foreign: Option<Decimal>) -> Option<Money> {
    let korean = match domestic::account(session, Urgency::Reconcile).await {
        Ok(account) => account.equity?.amount(),
        Err(error) => {
            tracing::warn!(%error, "the Korean part of the account is unknown");
            return None;
        }
    };
    Some(Money::new(korean.checked_add(foreign?)?, Currency::Krw))
}

/// Foreign shares and foreign cash. The sum that KIS makes of it all has the deposit in won too, which the Korean balance
/// counts already.
fn foreign_won(answer: &Envelope) -> Result<Option<Decimal>, WireError> {
    let totals = answer.summary("output3")?;
    let (shares, cash) = (totals.decimal("evlu_amt_smtl")?, totals.decimal("frcr_evlu_tota")?);
    Ok(shares.zip(cash).and_then(|(shares, cash)| shares.checked_add(cash)))
}

/// The first rate of the day, per currency of the account; none on a paper account.
fn posted_rates(answer: &Envelope, today: NaiveDate) -> Result<BTreeMap<Currency, WonRate>, WireError> {
    let mut rates = BTreeMap::new();
    for row in answer.rows(&["output2"])? {
        let code = row.text("crcy_cd");
        let currency = Currency::ALL.into_iter().find(|currency| currency.code() == code);
        if let Some(currency) = currency.filter(|currency| *currency != Currency::Krw)
            && let Some(rate) = rate(&row, "frst_bltn_exrt", currency, today)?
        {
            rates.insert(currency, rate);
        }
    }
    Ok(rates)
}

async fn rate_beside_cash(session: &Session, currency: Currency, today: NaiveDate) -> Option<WonRate> {
    match ask_rate(session, currency, today).await {
        Ok(rate) => rate,
        Err(error) => {
            tracing::warn!(%error, currency = currency.code(), "the rate of exchange is unknown");
            None
        }
    }
}

async fn ask_rate(
    session: &Session,
    currency: Currency,
    today: NaiveDate,
) -> Result<Option<WonRate>, QueryError> {
    let Some(venue) = Venue::leading(currency) else { return Ok(None) };
    let question = session
        .question(&reads::OVERSEAS_BUYABLE, Urgency::Reconcile)?
        .with(owner(&session.account))
        .with([("OVRS_EXCG_CD", venue.order.code()), ("OVRS_ORD_UNPR", "1")])
        .with([("ITEM_CD", session.valid_symbol(venue))]);
    Ok(rate(&session.ask(&question).await?.summary("output")?, "exrt", currency, today)?)
}

/// One currency's rate for one unit; a zero is none.
fn rate(
    row: &Row,
    field: &'static str,
    currency: Currency,
    today: NaiveDate,
) -> Result<Option<WonRate>, WireError> {
    match row.decimal(field)? {
        None => Ok(None),
        Some(told) if told.is_zero() => Ok(None),
        Some(told) => WonRate::new(per_unit(currency, told), today).map(Some).map_err(|_| row.bad(field)),
    }
}

/// Yen and dong are told for one or for a hundred, and which of the two differs by service (KIS.md 12.6: above 100 it is
/// for a hundred yen). A dong has been worth a twentieth of a won for decades: above one it is for a hundred.
fn per_unit(currency: Currency, told: Decimal) -> Decimal {
    let most_for_one = match currency {
        Currency::Jpy => Decimal::ONE_HUNDRED,
        Currency::Vnd => Decimal::ONE,
        Currency::Krw | Currency::Usd | Currency::Hkd | Currency::Cny => return told,
    };
    if told > most_for_one { told / Decimal::ONE_HUNDRED } else { told }
}

#[cfg(test)]
mod tests;
