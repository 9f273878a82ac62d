//! Foreign account inquiries: balance, buyable, open orders, orders and fills (KIS.md 12.5, 12.7 to 12.9).

use domain::{Currency, Market};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::Environment;
use super::account::{Position, StockKey};
use super::call::{Call, Paging, Reply};
use super::domestic_ledger::side_code;
use super::orders::Order;
use super::overseas::{by_order_code, today_of};
use super::places::{nation, won_per};
use super::refusal::{self, OrderRefusal, Refusal};
use super::rules;
use super::venue::{self, Venue};
use super::wire::{self, fixed};

fn paging(call: &Call, real: usize, paper: usize, newest_first: bool) -> Paging {
    let rows = match call.environment {
        Environment::Real => real,
        Environment::Paper => paper,
    };
    Paging { width: 200, rows, newest_first }
}

/// The markets that an exchange code of an inquiry covers: `NASD` is all of the United States on the real host and NASDAQ alone on
/// the paper host; `%` and blank are all (KIS.md 7.1).
pub(super) fn markets_of(call: &Call) -> Result<Vec<Market>, Refusal> {
    let all = || rules::FOREIGN.iter().map(|venue| venue.market).collect();
    match (call.get("OVRS_EXCG_CD"), call.environment) {
        ("" | "%", Environment::Real | Environment::Paper) => Ok(all()),
        ("NASD", Environment::Real) => Ok(vec![Market::UsNasdaq, Market::UsNyse, Market::UsAmex]),
        ("NAS", Environment::Real) => Ok(vec![Market::UsNasdaq]),
        (code, Environment::Real | Environment::Paper) => by_order_code(code)
            .map(|venue| vec![venue.market])
            .ok_or_else(|| refusal::invalid("OVRS_EXCG_CD")),
    }
}

/// `inquire-balance`: holdings and their sums; a blank row follows the last one, as KIS sends it, and there is no cash.
pub(super) fn balance(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    let (number, product) = call.account()?;
    let markets = markets_of(call)?;
    let currency = currency_of(call, &markets)?;
    let held: Vec<(StockKey, Position)> = venue
        .account
        .positions()
        .filter(|((market, _), position)| {
            markets.contains(market) && market.currency() == currency && position.shares > 0
        })
        .map(|(stock, position)| (stock, position.clone()))
        .collect();
    let mut sums = (Decimal::ZERO, Decimal::ZERO);
    let mut rows = Vec::new();
    for (stock, position) in held {
        let last = venue.last_price(stock);
        sums = (sums.0 + position.cost, sums.1 + last * Decimal::from(position.shares));
        let row = holding(venue, [number, product], stock, &position, last);
        rows.push(row);
    }
    let is_empty = rows.is_empty();
    rows.push(blank_holding());
    let mut page = paging(call, 100, 100, false).cut(call, rows, std::convert::identity)?;
    let output1 = Value::from(std::mem::take(&mut page.rows));
    let output2 = totals(venue, currency, sums);
    Ok(page.reply(is_empty, vec![("output1", output1), ("output2", output2)]))
}

/// The currency asked about; that of the first market asked about where none is named.
fn currency_of(call: &Call, markets: &[Market]) -> Result<Currency, Refusal> {
    let first = markets.first().map_or(Currency::Usd, |market| market.currency());
    let named = match call.get("TR_CRCY_CD") {
        "" => first,
        code => code.parse().map_err(|_| refusal::invalid("TR_CRCY_CD"))?,
    };
    let known = markets.iter().any(|market| market.currency() == named);
    known.then_some(named).ok_or_else(|| refusal::invalid("TR_CRCY_CD"))
}

fn holding(
    venue: &Venue,
    [number, product]: [&str; 2],
    stock: StockKey,
    position: &Position,
    last: Decimal,
) -> Value {
    let place = rules::foreign(stock.0);
    let value = last * Decimal::from(position.shares);
    let profit = value - position.cost;
    json!({
        "cano": number,
        "acnt_prdt_cd": product,
        "prdt_type_cd": place.map_or("", |place| place.product_type),
        "ovrs_pdno": stock.1,
        "ovrs_item_name": venue.listing(stock.0, stock.1).map_or("", |listing| listing.name),
        "frcr_evlu_pfls_amt": fixed(profit, 6),
        "evlu_pfls_rt": fixed(wire::ratio(profit, position.cost), 2),
        "pchs_avg_pric": fixed(position.average(), 4),
        "ovrs_cblc_qty": position.shares.to_string(),
        "ord_psbl_qty": venue.sellable(stock).to_string(),
        "frcr_pchs_amt1": fixed(position.cost, 5),
        "ovrs_stck_evlu_amt": fixed(value, 8),
        "now_pric2": fixed(last, 6),
        "tr_crcy_cd": stock.0.currency().code(),
        "ovrs_excg_cd": place.map_or("", |place| place.order_code),
        "loan_type_cd": "10",
        "loan_dt": "",
        "expd_dt": "",
    })
}

fn blank_holding() -> Value {
    json!({
        "cano": "", "acnt_prdt_cd": "", "prdt_type_cd": "", "ovrs_pdno": "", "ovrs_item_name": "",
        "frcr_evlu_pfls_amt": "0.000000", "evlu_pfls_rt": "0.00", "pchs_avg_pric": "0.0000", "ovrs_cblc_qty": "0",
        "ord_psbl_qty": "0", "frcr_pchs_amt1": "0.00000", "ovrs_stck_evlu_amt": "0.00000000",
        "now_pric2": "0.000000", "tr_crcy_cd": "", "ovrs_excg_cd": "", "loan_type_cd": "", "loan_dt": "",
        "expd_dt": "",
    })
}

/// As the official sample has it, `tot_evlu_pfls_amt` is the valuation and `ovrs_tot_pfls` the profit (KIS.md 12.5).
fn totals(venue: &Venue, currency: Currency, (cost, value): (Decimal, Decimal)) -> Value {
    let day = venue.account.totals(currency, today_of(venue, currency));
    json!({
        "frcr_pchs_amt1": fixed(cost, 5),
        "ovrs_rlzt_pfls_amt": fixed(day.realised, 5),
        "ovrs_tot_pfls": fixed(value - cost, 5),
        "rlzt_erng_rt": fixed(wire::ratio(day.realised, day.sold - day.realised), 8),
        "tot_evlu_pfls_amt": fixed(value, 8),
        "tot_pftrt": fixed(wire::ratio(value - cost, cost), 8),
        "frcr_buy_amt_smtl1": fixed(day.bought, 6),
        "ovrs_rlzt_pfls_amt2": fixed(day.realised, 5),
        "frcr_buy_amt_smtl2": fixed(day.bought, 6),
    })
}

/// `inquire-psamount`: what may be bought at a price. Proceeds of today's sales count under re-use only, as KIS splits them.
pub(super) fn buyable(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    call.account()?;
    let place = by_order_code(call.get("OVRS_EXCG_CD")).ok_or_else(|| refusal::invalid("OVRS_EXCG_CD"))?;
    let refuse = || OrderRefusal::UnknownStock.on_the_wire(call.environment);
    let listing = venue.listing(place.market, call.get("ITEM_CD")).ok_or_else(refuse)?;
    let currency = place.market.currency();
    let price = call.decimal("OVRS_ORD_UNPR")?;
    let orderable = venue.orderable(currency).max(Decimal::ZERO);
    let day = venue.account.totals(currency, place.market.date_at(venue.now()));
    let reusable = day.sold.min(orderable);
    let shares = venue::affordable(currency, orderable, price);
    let shares = shares / listing.lot * listing.lot;
    let output = json!({
        "tr_crcy_cd": currency.code(),
        "ord_psbl_frcr_amt": fixed(orderable - reusable, 2),
        "sll_ruse_psbl_amt": fixed(reusable, 2),
        "ovrs_ord_psbl_amt": fixed(orderable, 2),
        "max_ord_psbl_qty": shares.to_string(),
        "echm_af_ord_psbl_amt": "0.00",
        "echm_af_ord_psbl_qty": "0",
        "ord_psbl_qty": "0",
        "exrt": fixed(won_per(currency), 10),
        "frcr_ord_psbl_amt1": fixed(orderable, 2),
        "ovrs_max_ord_psbl_qty": shares.to_string(),
    });
    Ok(Reply::ledger(false, vec![("output", output)]))
}

/// `inquire-nccs`: open orders.
pub(super) fn open_orders(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    call.account()?;
    if call.get("OVRS_EXCG_CD").is_empty() {
        return Err(refusal::missing("OVRS_EXCG_CD"));
    }
    let markets = markets_of(call)?;
    let mut open: Vec<&Order> =
        venue.shown_orders().filter(|order| markets.contains(&order.market()) && order.is_open()).collect();
    let newest_first = call.get("SORT_SQN") != "DS";
    if newest_first {
        open.reverse();
    }
    let is_empty = open.is_empty();
    let mut page = paging(call, 40, 40, newest_first).cut(call, open, open_row)?;
    let output = Value::from(std::mem::take(&mut page.rows));
    Ok(page.reply(is_empty, vec![("output", output)]))
}

fn open_row(order: &Order) -> Value {
    let mut row = common(order);
    let place = rules::foreign(order.market());
    let own = [
        ("rvse_cncl_dvsn_cd", order.kind().code()),
        ("rvse_cncl_dvsn_cd_name", order.kind().korean_name()),
        ("natn_cd", nation(order.market()).code),
        ("natn_kor_name", nation(order.market()).korean_name),
        ("prcs_stat_name", ""),
        ("tr_mket_name", place.map_or("", |place| place.korean_name)),
    ];
    row.extend(own.map(|(key, value)| (key.to_owned(), Value::from(value))));
    Value::Object(row)
}

/// `inquire-ccnl`: orders and what became of them; `SORT_SQN` `DS` is oldest first. Paper filters nothing (KIS.md 12.9).
pub(super) fn orders(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    call.account()?;
    let first = wire::parse_date(call.get("ORD_STRT_DT")).ok_or_else(|| refusal::invalid("ORD_STRT_DT"))?;
    let last = wire::parse_date(call.get("ORD_END_DT")).ok_or_else(|| refusal::invalid("ORD_END_DT"))?;
    check_blanks(call)?;
    let markets = markets_of(call)?;
    let wanted = |order: &&Order| {
        markets.contains(&order.market()) && (first..=last).contains(&order.date) && is_wanted(call, order)
    };
    let mut chosen: Vec<&Order> = venue.shown_orders().filter(wanted).collect();
    let newest_first = call.environment == Environment::Real && call.get("SORT_SQN") == "AS";
    if newest_first {
        chosen.reverse();
    }
    let is_empty = chosen.is_empty();
    let mut page = paging(call, 20, 15, newest_first).cut(call, chosen, row)?;
    let output = if is_empty { blank_row() } else { Value::from(std::mem::take(&mut page.rows)) };
    Ok(page.reply(is_empty, vec![("output", output)]))
}

/// An order cannot be asked for by its number; the paper host takes no filter at all.
fn check_blanks(call: &Call) -> Result<(), Refusal> {
    let blank = |names: &[&'static str]| names.iter().find(|name| !call.get(name).is_empty()).copied();
    let wrong = blank(&["ORD_DT", "ORD_GNO_BRNO", "ODNO"]).or_else(|| match call.environment {
        Environment::Real => None,
        Environment::Paper => blank(&["PDNO", "OVRS_EXCG_CD"]),
    });
    wrong.map_or(Ok(()), |name| Err(refusal::invalid(name)))
}

fn is_wanted(call: &Call, order: &Order) -> bool {
    let symbol = call.get("PDNO");
    let side = call.get("SLL_BUY_DVSN");
    let state = match call.get("CCLD_NCCS_DVSN") {
        "01" => order.filled > 0,
        "02" => order.remaining() > 0,
        _ => true,
    };
    let any_symbol = matches!(symbol, "" | "%") || symbol == order.listing.symbol;
    state && any_symbol && (matches!(side, "" | "00") || side == side_code(order.side))
}

/// The fields that open orders and all orders share.
fn common(order: &Order) -> Map<String, Value> {
    let place = rules::foreign(order.market());
    let cancels = order.cancels;
    let price = if cancels { Decimal::ZERO } else { order.limit().unwrap_or_default() };
    let text = [
        ("ord_dt", wire::date(order.date)),
        ("ord_gno_brno", rules::branch(order.market()).to_owned()),
        ("odno", order.number_text()),
        ("orgn_odno", order.original_text()),
        ("pdno", order.listing.symbol.to_owned()),
        ("prdt_name", order.listing.name.to_owned()),
        ("sll_buy_dvsn_cd", side_code(order.side).to_owned()),
        ("sll_buy_dvsn_cd_name", if side_code(order.side) == "02" { "매수" } else { "매도" }.to_owned()),
        ("rjct_rson", if order.rejected > 0 { "99" } else { "" }.to_owned()),
        ("rjct_rson_name", if order.rejected > 0 { "주문거부" } else { "" }.to_owned()),
        ("ord_tmd", wire::korean_time(order.received_at)),
        ("tr_crcy_cd", order.market().currency().code().to_owned()),
        ("ft_ord_qty", order.quantity.to_string()),
        ("ft_ccld_qty", order.filled.to_string()),
        ("nccs_qty", order.remaining().to_string()),
        ("ft_ord_unpr3", fixed(price, 8)),
        ("ft_ccld_unpr3", fixed(order.average().unwrap_or_default(), 8)),
        ("ft_ccld_amt3", fixed(order.amount, 5)),
        ("ovrs_excg_cd", place.map_or("", |place| place.order_code).to_owned()),
        ("loan_type_cd", "10".to_owned()),
        ("loan_dt", String::new()),
        ("usa_amk_exts_rqst_yn", "N".to_owned()),
        ("splt_buy_attr_name", String::new()),
    ];
    text.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect()
}

fn row(order: &Order) -> Value {
    let mut row = common(order);
    let place = rules::foreign(order.market());
    let text = [
        ("rvse_cncl_dvsn", order.kind().code().to_owned()),
        ("rvse_cncl_dvsn_name", order.kind().korean_name().to_owned()),
        ("prcs_stat_name", if order.remaining() > 0 { "전송" } else { "완료" }.to_owned()),
        ("tr_mket_name", place.map_or("", |place| place.korean_name).to_owned()),
        ("tr_natn", nation(order.market()).code.to_owned()),
        ("tr_natn_name", nation(order.market()).korean_name.to_owned()),
        ("dmst_ord_dt", wire::korean_date(order.received_at)),
        ("thco_ord_tmd", wire::korean_time(order.received_at)),
        ("mdia_dvsn_name", "OpenAPI".to_owned()),
    ];
    row.extend(text.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value))));
    Value::Object(row)
}

/// The empty answer: one object of blanks and zeros instead of rows.
fn blank_row() -> Value {
    json!({
        "ord_dt": "", "ord_gno_brno": "", "odno": "", "orgn_odno": "", "sll_buy_dvsn_cd": "",
        "sll_buy_dvsn_cd_name": "", "rvse_cncl_dvsn": "", "rvse_cncl_dvsn_name": "", "pdno": "", "prdt_name": "",
        "ft_ord_qty": "0", "ft_ord_unpr3": "0.00000000", "ft_ccld_qty": "0", "ft_ccld_unpr3": "0.00000000",
        "ft_ccld_amt3": "0.00000", "nccs_qty": "0", "prcs_stat_name": "", "rjct_rson": "", "rjct_rson_name": "",
        "ord_tmd": "", "tr_mket_name": "", "tr_natn": "", "tr_natn_name": "", "ovrs_excg_cd": "", "tr_crcy_cd": "",
        "dmst_ord_dt": "", "thco_ord_tmd": "", "loan_type_cd": "", "loan_dt": "", "mdia_dvsn_name": "OpenAPI",
        "usa_amk_exts_rqst_yn": "N", "splt_buy_attr_name": "",
    })
}
