//! US orders, and cash per currency (KIS.md 12.1, 12.2, 12.6).

use domain::{Currency, Side};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::Environment;
use super::account::{Position, StockKey};
use super::call::{Call, Reply};
use super::domestic;
use super::refusal::{self, OrderRefusal, Refusal};
use super::rules::{self, FOREIGN};
use super::venue::{Cancellation, NewOrder, Venue};
use super::wire::{self, fixed};

/// Won per dollar; the simulated rate does not move.
pub(super) fn won_per_dollar() -> Decimal {
    Decimal::from(1_450)
}

/// The market called `code` in orders.
pub(super) fn by_order_code(code: &str) -> Option<&'static rules::Venue> {
    FOREIGN.iter().find(|venue| venue.order_code == code)
}

/// `order`: the TR id says which side; limit orders only (KIS.md 7.2).
pub(super) fn order(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    call.account()?;
    let refuse = |refusal: OrderRefusal| refusal.on_the_wire(call.environment);
    if call.get("ORD_DVSN") != "00" {
        return Err(refuse(OrderRefusal::OrderTypeUnknown));
    }
    let place = by_order_code(call.get("OVRS_EXCG_CD")).ok_or_else(|| refusal::invalid("OVRS_EXCG_CD"))?;
    let listing =
        venue.listing(place.market, call.get("PDNO")).ok_or_else(|| refuse(OrderRefusal::UnknownStock))?;
    let side = if call.transaction == "TTTT1002U" { Side::Buy } else { Side::Sell };
    let quantity = call.quantity("ORD_QTY")?;
    let limit = call.decimal("OVRS_ORD_UNPR")?;
    if limit.is_zero() {
        return Err(refuse(OrderRefusal::PriceNeeded));
    }
    let placed = venue.place(NewOrder { listing, side, quantity, limit: Some(limit), tag: call.tag.clone() });
    Ok(Reply::order(call.environment, domestic::receipt(placed.map_err(refuse)?)))
}

/// `order-rvsecncl`: cancels a quantity. Changing an order is not offered here.
pub(super) fn cancel(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    call.account()?;
    if call.get("RVSE_CNCL_DVSN_CD") != "02" {
        return Err(refusal::invalid("RVSE_CNCL_DVSN_CD"));
    }
    let place = by_order_code(call.get("OVRS_EXCG_CD")).ok_or_else(|| refusal::invalid("OVRS_EXCG_CD"))?;
    let quantity = Some(call.quantity("ORD_QTY")?);
    let number = domestic::original(call)?;
    let asked = Cancellation { market: place.market, number, quantity, tag: call.tag.clone() };
    let cancelled = venue.cancel(asked).map_err(|refusal| refusal.on_the_wire(call.environment))?;
    Ok(Reply::order(call.environment, domestic::receipt(cancelled)))
}

/// `inquire-present-balance`: holdings, cash per currency, totals in won. The paper host fills output3 only (KIS.md 12.6).
pub(super) fn present_balance(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    call.account()?;
    let in_won = match call.get("WCRC_FRCR_DVSN_CD") {
        "01" => true,
        "02" => false,
        _ => return Err(refusal::invalid("WCRC_FRCR_DVSN_CD")),
    };
    let positions: Vec<(StockKey, Position)> =
        venue.account.positions().map(|(stock, position)| (stock, position.clone())).collect();
    let mut sums = (Decimal::ZERO, Decimal::ZERO);
    let mut rows = Vec::new();
    for (stock, position) in positions {
        if let (Some(place), true) = (rules::foreign(stock.0), position.shares > 0) {
            let value = venue.last_price(stock) * Decimal::from(position.shares);
            sums = (sums.0 + position.cost, sums.1 + value);
            rows.push(present_row(venue, place, stock, &position, in_won));
        }
    }
    let (rows, currencies) = match call.environment {
        Environment::Real => (rows, vec![dollars(venue, sums.1, in_won)]),
        Environment::Paper => (Vec::new(), Vec::new()),
    };
    let totals = present_totals(venue, sums);
    let parts =
        vec![("output1", Value::from(rows)), ("output2", Value::from(currencies)), ("output3", totals)];
    Ok(Reply::ledger(false, parts))
}

fn present_row(
    venue: &mut Venue,
    place: &rules::Venue,
    stock: StockKey,
    position: &Position,
    in_won: bool,
) -> Value {
    let rate = if in_won { won_per_dollar() } else { Decimal::ONE };
    let today = place.market.date_at(venue.now());
    let position = position.on(today);
    let last = venue.last_price(stock);
    let (cost, value) = (position.cost, last * Decimal::from(position.shares));
    let name = venue.listing(stock.0, stock.1).map_or("", |listing| listing.name);
    let shares = |shares: u64| fixed(Decimal::from(shares), 8);
    let settled = (position.shares + position.today.sold).saturating_sub(position.today.bought);
    json!({
        "prdt_name": name,
        "cblc_qty13": shares(settled),
        "thdt_buy_ccld_qty1": shares(position.today.bought),
        "thdt_sll_ccld_qty1": shares(position.today.sold),
        "ccld_qty_smtl1": shares(position.shares),
        "ord_psbl_qty1": shares(venue.sellable(stock)),
        "frcr_pchs_amt": fixed(cost * rate, 5),
        "frcr_evlu_amt2": fixed(value * rate, 6),
        "evlu_pfls_amt2": fixed((value - cost) * rate, 5),
        "evlu_pfls_rt1": fixed(wire::ratio(value - cost, cost), 8),
        "pdno": stock.1,
        "bass_exrt": fixed(won_per_dollar(), 8),
        "buy_crcy_cd": "USD",
        "ovrs_now_pric1": fixed(last * rate, 5),
        "avg_unpr3": fixed(position.average() * rate, 4),
        "tr_mket_name": place.korean_name,
        "natn_kor_name": "미국",
        "pchs_rmnd_wcrc_amt": fixed(cost * won_per_dollar(), 0),
        "thdt_buy_ccld_frcr_amt": "0.000000",
        "thdt_sll_ccld_frcr_amt": "0.000000",
        "unit_amt": "1",
        "std_pdno": super::places::securities_number(stock.0, stock.1),
        "prdt_type_cd": place.product_type,
        "scts_dvsn_name": "현금",
        "loan_rmnd": "0",
        "loan_dt": "",
        "loan_expd_dt": "",
        "ovrs_excg_cd": place.order_code,
        "item_lnkg_excg_cd": place.quote_code,
    })
}

fn dollars(venue: &Venue, value: Decimal, in_won: bool) -> Value {
    let today = domain::Market::UsNasdaq.date_at(venue.now());
    let day = venue.account.totals(Currency::Usd, today);
    let cash = venue.account.cash(Currency::Usd);
    let free = venue.orderable(Currency::Usd);
    let rate = if in_won { won_per_dollar() } else { Decimal::ONE };
    json!({
        "crcy_cd": "USD",
        "crcy_cd_name": "미국 달러",
        "frcr_buy_amt_smtl": fixed(day.bought, 6),
        "frcr_sll_amt_smtl": fixed(day.sold, 6),
        "frcr_dncl_amt_2": fixed(cash, 6),
        "frst_bltn_exrt": fixed(won_per_dollar(), 8),
        "frcr_buy_mgn_amt": fixed(cash - free, 6),
        "frcr_etc_mgna": "0.000000",
        "frcr_drwg_psbl_amt_1": fixed(free, 6),
        "frcr_evlu_amt2": fixed((cash + value) * rate, 6),
        "acpl_cstd_crcy_yn": "Y",
        "nxdy_frcr_drwg_psbl_amt": fixed(free, 6),
    })
}

fn present_totals(venue: &Venue, (cost, value): (Decimal, Decimal)) -> Value {
    let won = |dollars: Decimal| fixed(dollars * won_per_dollar(), 0);
    let deposit = venue.account.cash(Currency::Krw);
    let dollars = venue.account.cash(Currency::Usd);
    let tied = dollars - venue.orderable(Currency::Usd);
    let all = deposit + (dollars + value) * won_per_dollar();
    json!({
        "pchs_amt_smtl": won(cost),
        "evlu_amt_smtl": won(value),
        "evlu_pfls_amt_smtl": won(value - cost),
        "dncl_amt": fixed(deposit, 0),
        "cma_evlu_amt": "0",
        "tot_dncl_amt": fixed(deposit + dollars * won_per_dollar(), 0),
        "etc_mgna": "0",
        "wdrw_psbl_tot_amt": fixed(deposit + dollars * won_per_dollar(), 0),
        "frcr_evlu_tota": won(dollars),
        "evlu_erng_rt1": fixed(wire::ratio(value - cost, cost), 10),
        "pchs_amt_smtl_amt": won(cost),
        "evlu_amt_smtl_amt": won(value),
        "tot_evlu_pfls_amt": fixed((value - cost) * won_per_dollar(), 8),
        "tot_asst_amt": fixed(all, 0),
        "buy_mgn_amt": won(tied),
        "mgna_tota": won(tied),
        "frcr_use_psbl_amt": fixed(dollars - tied, 2),
        "ustl_sll_amt_smtl": "0",
        "ustl_buy_amt_smtl": "0",
        "tot_frcr_cblc_smtl": fixed(dollars * won_per_dollar(), 6),
        "tot_loan_amt": "0",
    })
}
