//! What rows of domestic and foreign order lists have in common.

use domain::{Quantity, Side};

use super::wire::{Row, WireError};

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
