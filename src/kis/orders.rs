//! What rows of domestic and foreign order lists have in common.

use chrono::NaiveDate;
use domain::{Quantity, Side, Symbol, VenueOrderId};

use super::wire::{Row, WireError, is_digits};

/// Longest order number, in digits.
const NUMBER_DIGITS_MAX: usize = 10;
/// Longest branch (`KRX_FWDG_ORD_ORGNO`, `ORD_GNO_BRNO`), in characters.
const BRANCH_CHARS_MAX: usize = 10;
/// What KIS calls the medium of an order that came over this interface.
const OWN_MEDIUM: &str = "OpenAPI";

/// What became of the shares of an order that are not filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Remainder {
    /// Still working.
    pub(super) remaining: Quantity,
    /// Cancelled, by request or at the close.
    pub(super) cancelled: Quantity,
    /// Refused by the exchange after acceptance.
    pub(super) rejected: Quantity,
}

/// True for ASCII digits that are an order number, not all zero.
pub(super) fn is_order_number(text: &str) -> bool {
    let length = text.len();
    length <= NUMBER_DIGITS_MAX && is_digits(text, length) && text.bytes().any(|byte| byte != b'0')
}

/// True for a branch as KIS writes it; some answers leave it out.
pub(super) fn is_branch(text: &str) -> bool {
    text.len() <= BRANCH_CHARS_MAX && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// True for the row of blanks and zeros that stands for "no orders" (KIS.md 3.2). A row without a number that still
/// orders something is an order whose number was lost.
pub(super) fn is_blank(row: &Row, [symbol, ordered]: [&'static str; 2]) -> Result<bool, WireError> {
    let nothing = row.is_blank("odno") && row.text(symbol).is_empty();
    Ok(nothing && row.whole(ordered)?.unwrap_or(0) == 0)
}

/// The exchange's id of a row's order.
///
/// # Errors
/// [`WireError`] when date, branch or number is none.
pub(super) fn id(row: &Row) -> Result<VenueOrderId, WireError> {
    id_of(row, row.date("ord_dt")?)
}

/// The same for a row of a list without dates, all of whose orders are of `date`.
///
/// # Errors
/// [`WireError`] when branch or number is none.
pub(super) fn id_of(row: &Row, date: NaiveDate) -> Result<VenueOrderId, WireError> {
    let branch = row.text("ord_gno_brno");
    if !is_branch(branch) {
        return Err(row.bad("ord_gno_brno"));
    }
    let number = row.required("odno")?;
    if !is_order_number(number) {
        return Err(row.bad("odno"));
    }
    Ok(VenueOrderId { date, branch: branch.to_owned(), number: number.to_owned() })
}

/// True when the row's date is the one that was asked for. Lists of foreign orders may show the days beside it, because
/// their day is not ours.
///
/// # Errors
/// [`WireError::Bad`] for a date that the answer cannot hold: then the row may be an order of the day.
pub(super) fn is_of(
    date: NaiveDate,
    row: &Row,
    order: &VenueOrderId,
    days_beside: u64,
) -> Result<bool, WireError> {
    if order.date.signed_duration_since(date).num_days().unsigned_abs() > days_beside {
        return Err(row.bad("ord_dt"));
    }
    Ok(order.date == date)
}

/// Why a row of an order list stands for no order that the agent could have made, or what is wrong with it. A row that
/// says that another medium made it is a person's; every other one may be ours, and leaving it out would hide it.
pub(super) fn not_ours(row: &Row, medium: &'static str, wrong: &'static str) -> Result<(), WireError> {
    let made_by = row.text(medium);
    if made_by.is_empty() || made_by.contains(OWN_MEDIUM) {
        return Err(row.bad(wrong));
    }
    Ok(())
}

/// The symbol of a row. A code that we could not have ordered belongs to a person's order or holding: it is left out
/// and said so, because one such row must not blind the agent to its own orders.
pub(super) fn symbol(row: &Row, field: &'static str) -> Option<Symbol> {
    row.text(field).parse().inspect_err(|error| tracing::warn!(%error, "row left out")).ok()
}

/// `01` sells, `02` buys (KIS.md 7.4).
///
/// # Errors
/// [`WireError::Bad`] for anything else.
pub(super) fn side(row: &Row, field: &'static str) -> Result<Side, WireError> {
    match row.text(field) {
        "01" => Ok(Side::Sell),
        "02" => Ok(Side::Buy),
        _ => Err(row.bad(field)),
    }
}
