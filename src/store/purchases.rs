//! What purchases of a day were approved for, and the ceiling that holds in the transaction of an approval.

use chrono::NaiveDate;
use diesel::prelude::*;
use domain::{Currency, Market, Money, OrderState, Side};
use rust_decimal::Decimal;
use trade_ledger::NewIntent;
use trade_ledger::store::DAY_PURCHASES_TIMES_MAX;

use super::fault::Fault;
use super::schema::{day_starts, intents};
use super::values::{Micros, day, shares};

/// The equity a day began with, none when nobody told it, and what was bought since.
pub(super) fn day_start(
    conn: &mut SqliteConnection,
    currency: Currency,
    session_date: NaiveDate,
) -> Result<(Option<Money>, Money), Fault> {
    let stands: Option<Micros> = day_starts::table
        .find((currency.code(), day(session_date)))
        .select(day_starts::equity_micros)
        .first(conn)
        .optional()?;
    let bought = bought(conn, currency, session_date)?;
    Ok((stands.map(|equity| equity.money(currency)), bought))
}

/// The limits of the day's purchases. Given back is only what no permit was ever given for: a row that ended without ever
/// having been `Sending`.
fn bought(conn: &mut SqliteConnection, currency: Currency, session_date: NaiveDate) -> Result<Money, Fault> {
    let of_currency = Market::ALL.into_iter().filter(|market| market.currency() == currency);
    let codes: Vec<&str> = of_currency.map(Market::code).collect();
    let ended = [OrderState::Expired.code(), OrderState::Refused.code()];
    let never_sent = intents::sent_at_ms.is_null().and(intents::state.eq_any(ended));
    let rows: Vec<(i64, Micros)> = intents::table
        .filter(intents::market.eq_any(codes))
        .filter(intents::session_date.eq(day(session_date)))
        .filter(intents::side.eq(Side::Buy.code()))
        .filter(diesel::dsl::not(never_sent))
        .select((intents::quantity, intents::limit_micros))
        .load(conn)?;
    let mut total = Decimal::ZERO;
    for (quantity, limit) in rows {
        total = total.saturating_add(limit.price()?.times(shares(quantity)?, currency).amount());
    }
    Ok(Money::new(total, currency))
}

/// Why a purchase is too much for its day, whatever RiskGuard said (order-protocol 4, invariant 14).
pub(super) fn over_ceiling(conn: &mut SqliteConnection, new: &NewIntent) -> Result<Option<String>, Fault> {
    if new.terms.side == Side::Sell {
        return Ok(None);
    }
    let (currency, date) = (new.terms.instrument.market.currency(), new.session_date);
    let (Some(equity), bought) = day_start(conn, currency, date)? else {
        return Ok(Some(format!("the equity in {currency} that {date} began with is unknown")));
    };
    let most = equity.amount().checked_mul(Decimal::from(DAY_PURCHASES_TIMES_MAX));
    let notional = new.terms.limit.times(new.terms.quantity, currency);
    let total = bought.amount().checked_add(notional.amount());
    let fits = matches!((total, most), (Some(total), Some(most)) if total <= most);
    let why = || {
        format!(
            "{notional} more would bring the purchases of {date}, {bought} so far, above {DAY_PURCHASES_TIMES_MAX} times \
             the {equity} that the day began with"
        )
    };
    Ok((!fits).then(why))
}
