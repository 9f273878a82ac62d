//! What rows of domestic and foreign order lists have in common.

use domain::{Quantity, Side, Symbol};

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
