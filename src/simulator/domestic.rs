//! Korean orders: taking and cancelling them (KIS.md 8.1, 8.2).

use domain::{Market, Side};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::Environment;
use super::call::{Call, Reply};
use super::orders::Order;
use super::refusal::{self, OrderRefusal, Refusal};
use super::venue::{Cancellation, Lots, NewOrder, Venue};
use super::{rules, wire};

/// `order-cash`: the TR id says which side.
pub(super) fn order(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    call.account()?;
    check_exchange(call)?;
    let limit = match call.get("ORD_DVSN") {
        "00" => Some(call.won("ORD_UNPR")?),
        "01" => call.one_of("ORD_UNPR", &["0"]).map(|()| None)?,
        _ => return Err(OrderRefusal::OrderTypeUnknown.on_the_wire(call.environment)),
    };
    let refuse = |refusal: OrderRefusal| refusal.on_the_wire(call.environment);
    let listing =
        venue.listing(Market::Kr, call.get("PDNO")).ok_or_else(|| refuse(OrderRefusal::UnknownStock))?;
    let side = if call.transaction == "TTTC0012U" { Side::Buy } else { Side::Sell };
    let marked: &[&str] = match side {
        Side::Buy => &[""],
        Side::Sell => &["", "01", "02", "05"],
    };
    call.one_of("SLL_TYPE", marked)?;
    let quantity = call.quantity("ORD_QTY")?;
    let placed =
        venue.place(NewOrder { listing, side, quantity, limit, lots: Lots::Whole, tag: call.tag.clone() });
    Ok(Reply::order(call.environment, receipt(placed.map_err(refuse)?)))
}

/// `order-rvsecncl`: cancels an order, or changes its price, which gives it a new number.
pub(super) fn cancel(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    call.account()?;
    check_exchange(call)?;
    let limit = new_price(call, |call| call.won("ORD_UNPR"))?;
    if call.get("KRX_FWDG_ORD_ORGNO") != rules::branch(Market::Kr) {
        return Err(OrderRefusal::NothingToCancel.on_the_wire(call.environment));
    }
    let quantity = match call.get("QTY_ALL_ORD_YN") {
        "Y" => None,
        "N" => Some(call.quantity("ORD_QTY")?),
        _ => return Err(refusal::invalid("QTY_ALL_ORD_YN")),
    };
    let asked = Cancellation {
        market: Market::Kr,
        symbol: None,
        number: original(call)?,
        quantity,
        tag: call.tag.clone(),
    };
    let done = match (limit, call.get("ORD_DVSN")) {
        (None, _) => venue.cancel(asked),
        (Some(limit), "00") => venue.change(asked, Some(limit)),
        (Some(_), "01") => venue.change(asked, None),
        (Some(_), _) => Err(OrderRefusal::OrderTypeUnknown),
    };
    let done = done.map_err(|refusal| refusal.on_the_wire(call.environment))?;
    Ok(Reply::order(call.environment, receipt(done)))
}

/// What `RVSE_CNCL_DVSN_CD` asks for: a change to the price that `read` finds, or a cancellation.
pub(super) fn new_price(
    call: &Call,
    read: impl FnOnce(&Call) -> Result<Decimal, Refusal>,
) -> Result<Option<Decimal>, Refusal> {
    match call.get("RVSE_CNCL_DVSN_CD") {
        "01" => read(call).map(Some),
        "02" => Ok(None),
        _ => Err(refusal::invalid("RVSE_CNCL_DVSN_CD")),
    }
}

/// The number of the order that a cancellation is about.
pub(super) fn original(call: &Call) -> Result<u64, Refusal> {
    call.get("ORGN_ODNO").parse().map_err(|_| refusal::invalid("ORGN_ODNO"))
}

/// What every order is answered with: branch, number, Korean time.
pub(super) fn receipt(order: &Order) -> Value {
    json!({
        "KRX_FWDG_ORD_ORGNO": rules::branch(order.market()),
        "ODNO": order.number_text(),
        "ORD_TMD": wire::korean_time(order.received_at),
    })
}

/// Only KRX is simulated; smart routing ends there too. The paper host knows KRX alone (KIS.md 7.3).
fn check_exchange(call: &Call) -> Result<(), Refusal> {
    match (call.get("EXCG_ID_DVSN_CD"), call.environment) {
        ("" | "KRX", Environment::Real | Environment::Paper) | ("SOR", Environment::Real) => Ok(()),
        (_, Environment::Real | Environment::Paper) => Err(refusal::invalid("EXCG_ID_DVSN_CD")),
    }
}
