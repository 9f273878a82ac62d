//! Desks that never open here: reserve orders, and the American day session.
//!
//! An order for them is checked as every other request and then refused as outside trading hours, which is what KIS says
//! when the desk is closed. The list of reserve orders is therefore always empty.

use serde_json::json;

use super::call::{Call, Paging, Reply};
use super::refusal::{OrderRefusal, Refusal};
use super::venue::Venue;

/// Why each of the paths below takes nothing.
#[cfg(test)]
pub(super) const NEVER_OPEN: [(&str, &str); 5] = [
    (
        "/uapi/domestic-stock/v1/trading/order-resv",
        "reserve orders are sent the next morning; the venue keeps no orders overnight",
    ),
    (
        "/uapi/overseas-stock/v1/trading/order-resv",
        "reserve orders are sent at the next open; the venue keeps no orders overnight",
    ),
    (
        "/uapi/overseas-stock/v1/trading/order-resv-ccnl",
        "there is never a reserve order that could be cancelled",
    ),
    (
        "/uapi/overseas-stock/v1/trading/daytime-order",
        "the day session has its own prices, which are not simulated",
    ),
    (
        "/uapi/overseas-stock/v1/trading/daytime-order-rvsecncl",
        "there is never a day-session order that could be cancelled",
    ),
];

/// An order for a desk that is closed.
pub(super) fn closed(_: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    call.account()?;
    Err(OrderRefusal::Closed.on_the_wire(call.environment))
}

/// `order-resv-list`: nothing.
pub(super) fn reserve_orders(_: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    call.account()?;
    call.date("INQR_STRT_DT")?;
    call.date("INQR_END_DT")?;
    let paging = Paging { width: 200, rows: 1, newest_first: false };
    let page = paging.cut(call, Vec::<()>::new(), |()| json!({}))?;
    Ok(page.reply(true, vec![("output", json!([]))]))
}
