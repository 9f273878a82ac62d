//! Korean account inquiries: balance, buyable, sellable, orders and fills (KIS.md 8.3 to 8.7).

use domain::{Currency, Market, Side};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::Environment;
use super::account::{Position, StockKey};
use super::call::{Call, Note, Paging, Reply};
use super::orders::{Kind, Order, Terms};
use super::refusal::{self, OrderRefusal, Refusal};
use super::venue::{self, Venue};
use super::wire::{self, fixed};
use super::{listing, rules};

/// Rows of the balance on a page, real and paper (KIS.md 3.3).
const BALANCE_ROWS: [usize; 2] = [50, 20];
/// Rows of the order list on a page, real and paper.
const ORDER_ROWS: [usize; 2] = [100, 15];

fn paging(call: &Call, [real, paper]: [usize; 2], newest_first: bool) -> Paging {
    let rows = match call.environment {
        Environment::Real => real,
        Environment::Paper => paper,
    };
    Paging { width: 100, rows, newest_first }
}

/// `inquire-balance`: holdings, and the account's totals in an array of one.
pub(super) fn balance(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    call.account()?;
    let today = Market::Kr.date_at(venue.now());
    let all: Vec<(StockKey, Position)> =
        venue.account.positions().map(|(stock, position)| (stock, position.on(today))).collect();
    let held: Vec<_> =
        all.into_iter().filter(|((market, _), held)| market.is_domestic() && held.is_shown()).collect();
    let mut sums = Sums::default();
    let mut rows = Vec::new();
    for (stock, position) in held {
        rows.push(holding(venue, stock, &position, &mut sums));
    }
    let is_empty = rows.is_empty();
    let mut page = paging(call, BALANCE_ROWS, false).cut(call, rows, std::convert::identity)?;
    let totals = totals(venue, &sums);
    let output1 = Value::from(std::mem::take(&mut page.rows));
    Ok(page.reply(is_empty, vec![("output1", output1), ("output2", json!([totals]))]))
}

#[derive(Default)]
struct Sums {
    cost: Decimal,
    value: Decimal,
}

fn holding(venue: &mut Venue, stock: StockKey, position: &Position, sums: &mut Sums) -> Value {
    let quote = listing::find(stock.0, stock.1).and_then(|listing| venue.quote(listing));
    let (last, base) = quote.as_ref().map_or((0, 0), |quote| (quote.last, quote.base));
    let value = Decimal::from(last) * Decimal::from(position.shares);
    sums.cost += position.cost;
    sums.value += value;
    json!({
        "pdno": stock.1,
        "prdt_name": quote.as_ref().map_or("", |quote| quote.listing.name),
        "trad_dvsn_name": "현금",
        "bfdy_buy_qty": position.yesterday.bought.to_string(),
        "bfdy_sll_qty": position.yesterday.sold.to_string(),
        "thdt_buyqty": position.today.bought.to_string(),
        "thdt_sll_qty": position.today.sold.to_string(),
        "hldg_qty": position.shares.to_string(),
        "ord_psbl_qty": venue.sellable(stock).to_string(),
        "pchs_avg_pric": fixed(position.average(), 4),
        "pchs_amt": fixed(position.cost, 0),
        "prpr": last.to_string(),
        "evlu_amt": fixed(value, 0),
        "evlu_pfls_amt": fixed(value - position.cost, 0),
        "evlu_pfls_rt": fixed(wire::ratio(value - position.cost, position.cost), 2),
        "evlu_erng_rt": "0.00000000",
        "loan_dt": "",
        "loan_amt": "0",
        "stln_slng_chgs": "0",
        "expd_dt": "",
        "fltt_rt": fixed(wire::percent(last - base, base), 8),
        "bfdy_cprs_icdc": (last - base).to_string(),
        "item_mgna_rt_name": "",
        "grta_rt_name": "",
        "sbst_pric": "0",
        "stck_loan_unpr": "0.0000",
    })
}

fn totals(venue: &Venue, sums: &Sums) -> Value {
    let today = Market::Kr.date_at(venue.now());
    let cash = venue.account.cash(Currency::Krw);
    let day = venue.account.totals(Currency::Krw, today);
    let total = cash + sums.value;
    let before = venue.assets_before(today);
    json!({
        "dnca_tot_amt": fixed(venue.won_settled(today), 0),
        "nxdy_excc_amt": fixed(venue.won_settled(venue.closed.shifted(Market::Kr, today, 1)), 0),
        "prvs_rcdl_excc_amt": fixed(cash, 0),
        "cma_evlu_amt": "0",
        "bfdy_buy_amt": "0",
        "thdt_buy_amt": fixed(day.bought, 0),
        "nxdy_auto_rdpt_amt": "0",
        "bfdy_sll_amt": "0",
        "thdt_sll_amt": fixed(day.sold, 0),
        "d2_auto_rdpt_amt": "0",
        "bfdy_tlex_amt": "0",
        "thdt_tlex_amt": fixed(day.fees, 0),
        "tot_loan_amt": "0",
        "scts_evlu_amt": fixed(sums.value, 0),
        "tot_evlu_amt": fixed(total, 0),
        "nass_amt": fixed(total, 0),
        "fncg_gld_auto_rdpt_yn": "",
        "pchs_amt_smtl_amt": fixed(sums.cost, 0),
        "evlu_amt_smtl_amt": fixed(sums.value, 0),
        "evlu_pfls_smtl_amt": fixed(sums.value - sums.cost, 0),
        "tot_stln_slng_chgs": "0",
        "bfdy_tot_asst_evlu_amt": fixed(before, 0),
        "asst_icdc_amt": fixed(total - before, 0),
        "asst_icdc_erng_rt": "0.00000000",
    })
}

/// `inquire-psbl-order`: what may be bought. At the market the upper limit counts (KIS.md 8.1). There is no margin here, so both
/// figures, with and without receivables, agree.
pub(super) fn buyable(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    call.account()?;
    let cash = venue.orderable(Currency::Krw).max(Decimal::ZERO);
    let price = match (call.get("PDNO"), call.get("ORD_DVSN")) {
        ("", _) => Decimal::ZERO,
        (symbol, "01") => upper_limit(venue, call, symbol)?,
        (_, _) => call.decimal("ORD_UNPR")?,
    };
    let amount = (cash / (Decimal::ONE + rules::fee_rate(Currency::Krw, Side::Buy))).floor();
    let quantity = venue::affordable(Currency::Krw, cash, price);
    let output = json!({
        "ord_psbl_cash": fixed(cash, 0),
        "ord_psbl_sbst": "0",
        "ruse_psbl_amt": "0",
        "fund_rpch_chgs": "0",
        "psbl_qty_calc_unpr": fixed(price, 0),
        "nrcvb_buy_amt": fixed(amount, 0),
        "nrcvb_buy_qty": quantity.to_string(),
        "max_buy_amt": fixed(amount, 0),
        "max_buy_qty": quantity.to_string(),
        "cma_evlu_amt": "0",
        "ovrs_re_use_amt_wcrc": "0",
        "ord_psbl_frcr_amt_wcrc": "0",
    });
    Ok(Reply::ledger(false, vec![("output", output)]))
}

fn upper_limit(venue: &mut Venue, call: &Call, symbol: &str) -> Result<Decimal, Refusal> {
    let quote = venue.listing(Market::Kr, symbol).and_then(|listing| venue.quote(listing));
    let quote = quote.ok_or_else(|| OrderRefusal::UnknownStock.on_the_wire(call.environment))?;
    Ok(Decimal::from(quote.limits().map_or(quote.last, |(_, upper)| upper)))
}

/// `inquire-psbl-sell`: what may be sold of one stock.
pub(super) fn sellable(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    call.account()?;
    let listing = venue.listing(Market::Kr, call.get("PDNO"));
    let listing = listing.ok_or_else(|| OrderRefusal::UnknownStock.on_the_wire(call.environment))?;
    let stock = (listing.market, listing.symbol);
    let today = Market::Kr.date_at(venue.now());
    let held =
        venue.account.positions().find(|(key, _)| *key == stock).map(|(_, position)| position.on(today));
    let position = held.unwrap_or_default();
    let last = venue.last_price(stock);
    let value = last * Decimal::from(position.shares);
    let output = json!({
        "pdno": listing.symbol,
        "prdt_name": listing.name,
        "buy_qty": position.today.bought.to_string(),
        "sll_qty": position.today.sold.to_string(),
        "cblc_qty": position.shares.to_string(),
        "nsvg_qty": "0",
        "ord_psbl_qty": venue.sellable(stock).to_string(),
        "pchs_avg_pric": fixed(position.average(), 4),
        "pchs_amt": fixed(position.cost, 0),
        "now_pric": fixed(last, 0),
        "evlu_amt": fixed(value, 0),
        "evlu_pfls_amt": fixed(value - position.cost, 0),
        "evlu_pfls_rt": fixed(wire::ratio(value - position.cost, position.cost), 2),
    });
    Ok(Reply::noted(Note::ShownInOrder, vec![("output", output)]))
}

/// `inquire-psbl-rvsecncl`: orders that can still be cancelled, newest first.
pub(super) fn open_orders(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    call.account()?;
    let wanted = call.get("INQR_DVSN_2");
    let side = |order: &&Order| wanted.is_empty() || wanted == "0" || wanted == &side_code(order.side)[1..];
    let open = venue.shown_orders().filter(|order| order.market().is_domestic() && order.is_open());
    let mut open: Vec<&Order> = open.filter(side).collect();
    open.reverse();
    let is_empty = open.is_empty();
    let mut page = paging(call, BALANCE_ROWS, true).cut(call, open, open_row)?;
    let output = Value::from(std::mem::take(&mut page.rows));
    Ok(page.reply(is_empty, vec![("output", output)]))
}

fn open_row(order: &Order) -> Value {
    json!({
        "ord_gno_brno": rules::branch(Market::Kr),
        "odno": order.number_text(),
        "orgn_odno": order.original_text(),
        "ord_dvsn_name": type_name(order),
        "pdno": order.listing.symbol,
        "prdt_name": order.listing.name,
        "rvse_cncl_dvsn_name": if order.kind() == Kind::Change { side_name(order) } else { "" },
        "ord_qty": order.quantity.to_string(),
        "ord_unpr": fixed(order.limit().unwrap_or_default(), 0),
        "ord_tmd": wire::korean_time(order.received_at),
        "tot_ccld_qty": order.filled.to_string(),
        "tot_ccld_amt": fixed(order.amount, 0),
        "psbl_qty": order.remaining().to_string(),
        "sll_buy_dvsn_cd": side_code(order.side),
        "ord_dvsn_cd": type_code(order),
        "mgco_aptm_odno": "",
        "excg_dvsn_cd": "02",
        "excg_id_dvsn_cd": "KRX",
        "excg_id_dvsn_name": "KRX",
        "stpm_cndt_pric": "0",
        "stpm_efct_occr_yn": "N",
    })
}

/// `inquire-daily-ccld`: orders and what became of them, cancellations as rows of their own.
pub(super) fn orders(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    call.account()?;
    let first = wire::parse_date(call.get("INQR_STRT_DT")).ok_or_else(|| refusal::invalid("INQR_STRT_DT"))?;
    let last = wire::parse_date(call.get("INQR_END_DT")).ok_or_else(|| refusal::invalid("INQR_END_DT"))?;
    let wanted = |order: &&Order| {
        order.market().is_domestic() && (first..=last).contains(&order.date) && is_wanted(call, order)
    };
    let mut chosen: Vec<&Order> = venue.shown_orders().filter(wanted).collect();
    let newest_first = call.get("INQR_DVSN") != "01";
    if newest_first {
        chosen.reverse();
    }
    let summary = summary(&chosen);
    let is_empty = chosen.is_empty();
    let mut page = paging(call, ORDER_ROWS, newest_first).cut(call, chosen, row)?;
    let output1 = Value::from(std::mem::take(&mut page.rows));
    Ok(page.reply(is_empty, vec![("output1", output1), ("output2", summary)]))
}

fn is_wanted(call: &Call, order: &Order) -> bool {
    let same = |name: &str, value: &str| call.get(name).is_empty() || call.get(name) == value;
    let side = call.get("SLL_BUY_DVSN_CD");
    let state = match call.get("CCLD_DVSN") {
        "01" => order.filled > 0,
        "02" => order.remaining() > 0,
        _ => true,
    };
    let number = call.get("ODNO");
    let numbered = number.is_empty() || number.parse() == Ok(order.number);
    state
        && numbered
        && (side == "00" || same("SLL_BUY_DVSN_CD", side_code(order.side)))
        && same("PDNO", order.listing.symbol)
        && same("ORD_GNO_BRNO", rules::branch(Market::Kr))
}

fn row(order: &Order) -> Value {
    let cancels = order.cancels;
    json!({
        "ord_dt": wire::date(order.date),
        "ord_gno_brno": rules::branch(Market::Kr),
        "odno": order.number_text(),
        "orgn_odno": order.original_text(),
        "ord_dvsn_name": type_name(order),
        "sll_buy_dvsn_cd": side_code(order.side),
        "sll_buy_dvsn_cd_name": side_name(order),
        "pdno": order.listing.symbol,
        "prdt_name": order.listing.name,
        "ord_qty": order.quantity.to_string(),
        "ord_unpr": if cancels { "0".into() } else { fixed(order.limit().unwrap_or_default(), 0) },
        "ord_tmd": wire::korean_time(order.received_at),
        "tot_ccld_qty": order.filled.to_string(),
        "avg_prvs": order.average().map_or("0".into(), average_text),
        "cncl_yn": if !cancels && order.cancelled > 0 { "y" } else { "" },
        "tot_ccld_amt": fixed(order.amount, 0),
        "loan_dt": "",
        "ordr_empno": "OpenAPI",
        "ord_dvsn_cd": type_code(order),
        "cncl_cfrm_qty": order.cancelled.to_string(),
        "rmn_qty": order.remaining().to_string(),
        "rjct_qty": order.rejected.to_string(),
        "ccld_cndt_name": "없음",
        "inqr_ip_addr": "192.0.2.1",
        "cpbc_ordp_ord_rcit_dvsn_cd": "",
        "cpbc_ordp_infm_mthd_dvsn_cd": "",
        "infm_tmd": "",
        "ctac_tlno": "",
        "prdt_type_cd": "300",
        "excg_dvsn_cd": "02",
        "cpbc_ordp_mtrl_dvsn_cd": "11",
        "ord_orgno": "00000",
        "rsvn_ord_end_dt": "",
        "excg_id_dvsn_cd": "KRX",
        "stpm_cndt_pric": "0",
        "stpm_efct_occr_dtmd": "",
    })
}

/// Whole where it is whole, as KIS tells it; with four decimals where several prices made it.
fn average_text(average: Decimal) -> String {
    fixed(average, if average.is_integer() { 0 } else { 4 })
}

fn summary(orders: &[&Order]) -> Value {
    let placed = || orders.iter().filter(|order| !order.cancels);
    let filled: u64 = placed().map(|order| order.filled).sum();
    let amount: Decimal = placed().map(|order| order.amount).sum();
    let fees: Decimal = placed().map(|order| order.fees).sum();
    let average = if filled == 0 { Decimal::ZERO } else { amount / Decimal::from(filled) };
    json!({
        "tot_ord_qty": placed().map(|order| order.quantity).sum::<u64>().to_string(),
        "tot_ccld_qty": filled.to_string(),
        "tot_ccld_amt": fixed(amount, 0),
        "prsm_tlex_smtl": fixed(fees, 0),
        "pchs_avg_pric": fixed(average, 4),
    })
}

/// 01 sell, 02 buy (KIS.md 7.4).
pub(super) fn side_code(side: Side) -> &'static str {
    match side {
        Side::Sell => "01",
        Side::Buy => "02",
    }
}

fn side_name(order: &Order) -> &'static str {
    match (order.side, order.kind()) {
        (Side::Buy, Kind::New) => "현금매수",
        (Side::Sell, Kind::New) => "현금매도",
        (Side::Buy, Kind::Change) => "매수정정*",
        (Side::Sell, Kind::Change) => "매도정정*",
        (Side::Buy, Kind::Cancellation) => "매수취소*",
        (Side::Sell, Kind::Cancellation) => "매도취소*",
    }
}

fn type_code(order: &Order) -> &'static str {
    match order.terms {
        Terms::Limit(_) => "00",
        Terms::Market { .. } => "01",
    }
}

fn type_name(order: &Order) -> &'static str {
    match order.terms {
        Terms::Limit(_) => "지정가",
        Terms::Market { .. } => "시장가",
    }
}
