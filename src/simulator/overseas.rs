//! Foreign orders, and cash per currency (KIS.md 12.1, 12.2, 12.6).

use std::collections::BTreeMap;

use domain::{Currency, Market, Side};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::Environment;
use super::account::{Position, StockKey};
use super::call::{Call, Reply};
use super::domestic;
use super::places::{currency_name, nation, won_per};
use super::refusal::{self, OrderRefusal, Refusal};
use super::rules::{self, FOREIGN};
use super::venue::{Cancellation, Lots, NewOrder, Venue};
use super::wire::{self, fixed};

const UNITED_STATES: &[Market] = &[Market::UsNasdaq, Market::UsNyse, Market::UsAmex];
const VIETNAM: &[Market] = &[Market::VnHan, Market::VnHcm];

/// What each order id buys or sells, and where (KIS.md 12.1). The ids are those of the real host.
const TRADES: [(&str, Side, &[Market]); 12] = [
    ("TTTT1002U", Side::Buy, UNITED_STATES),
    ("TTTT1006U", Side::Sell, UNITED_STATES),
    ("TTTS0308U", Side::Buy, &[Market::Jp]),
    ("TTTS0307U", Side::Sell, &[Market::Jp]),
    ("TTTS1002U", Side::Buy, &[Market::Hk]),
    ("TTTS1001U", Side::Sell, &[Market::Hk]),
    ("TTTS0202U", Side::Buy, &[Market::CnSha]),
    ("TTTS1005U", Side::Sell, &[Market::CnSha]),
    ("TTTS0305U", Side::Buy, &[Market::CnSza]),
    ("TTTS0304U", Side::Sell, &[Market::CnSza]),
    ("TTTS0311U", Side::Buy, VIETNAM),
    ("TTTS0310U", Side::Sell, VIETNAM),
];

/// Where each cancel id works, and whether it changes orders too (KIS.md 12.2).
const CANCELS: [(&str, &[Market], bool); 6] = [
    ("TTTT1004U", UNITED_STATES, true),
    ("TTTS1003U", &[Market::Hk], true),
    ("TTTS0309U", &[Market::Jp], true),
    ("TTTS0302U", &[Market::CnSha], false),
    ("TTTS0306U", &[Market::CnSza], false),
    ("TTTS0312U", VIETNAM, false),
];

/// The market called `code` in orders.
pub(super) fn by_order_code(code: &str) -> Option<&'static rules::Venue> {
    FOREIGN.iter().find(|venue| venue.order_code == code)
}

/// The exchange of an order or cancellation, if its id works there; a stock of another country is unknown to it.
fn place_of(call: &Call, markets: Option<&[Market]>) -> Result<&'static rules::Venue, Refusal> {
    let place = by_order_code(call.get("OVRS_EXCG_CD")).ok_or_else(|| refusal::invalid("OVRS_EXCG_CD"))?;
    let reaches = markets.is_some_and(|markets| markets.contains(&place.market));
    reaches.then_some(place).ok_or_else(|| OrderRefusal::UnknownStock.on_the_wire(call.environment))
}

/// `order`: the TR id says which side and where; limit orders only (KIS.md 7.2).
pub(super) fn order(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    call.account()?;
    let refuse = |refusal: OrderRefusal| refusal.on_the_wire(call.environment);
    let trade = TRADES.iter().find(|(id, _, _)| *id == call.transaction);
    let place = place_of(call, trade.map(|(_, _, markets)| *markets))?;
    let side = trade.map_or(Side::Sell, |(_, side, _)| *side);
    call.one_of("ORD_SVR_DVSN_CD", &["0"])?;
    let marked: &[&str] = match side {
        Side::Buy => &[""],
        Side::Sell => &["00"],
    };
    call.one_of("SLL_TYPE", marked)?;
    let lots = lots_of(call.get("ORD_DVSN"), side, place.market, call.environment)
        .ok_or_else(|| refuse(OrderRefusal::OrderTypeUnknown))?;
    let listing =
        venue.listing(place.market, call.get("PDNO")).ok_or_else(|| refuse(OrderRefusal::UnknownStock))?;
    let quantity = call.quantity("ORD_QTY")?;
    let limit = call.decimal("OVRS_ORD_UNPR")?;
    if limit.is_zero() {
        return Err(refuse(OrderRefusal::PriceNeeded));
    }
    let placed =
        venue.place(NewOrder { listing, side, quantity, limit: Some(limit), lots, tag: call.tag.clone() });
    Ok(Reply::order(call.environment, domestic::receipt(placed.map_err(refuse)?)))
}

/// What an order type says of the quantity; none for one that does not work here. Only in Hong Kong, and not on paper, less
/// than a lot has a type of its own to be sold by (KIS.md 7.2).
fn lots_of(order_type: &str, side: Side, market: Market, environment: Environment) -> Option<Lots> {
    if (order_type, side, market, environment) == ("50", Side::Sell, Market::Hk, Environment::Real) {
        return Some(Lots::Remnant);
    }
    is_limit(order_type, market).then_some(Lots::Whole)
}

/// The one order type that works everywhere here. Japan, China and Vietnam let it be left out (KIS.md 7.2).
fn is_limit(order_type: &str, market: Market) -> bool {
    let may_be_blank = match market {
        Market::Jp | Market::CnSha | Market::CnSza | Market::VnHan | Market::VnHcm => true,
        Market::Kr | Market::UsNasdaq | Market::UsNyse | Market::UsAmex | Market::Hk => false,
    };
    order_type == "00" || (may_be_blank && order_type.is_empty())
}

/// `order-rvsecncl`: cancels a quantity of an order, or changes its price, which China and Vietnam do not offer.
pub(super) fn cancel(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    call.account()?;
    call.one_of("ORD_SVR_DVSN_CD", &["", "0"])?;
    let limit = domestic::new_price(call, |call| call.decimal("OVRS_ORD_UNPR"))?;
    let reach = CANCELS.iter().find(|(id, _, _)| *id == call.transaction);
    let place = place_of(call, reach.map(|(_, markets, _)| *markets))?;
    if limit.is_some() && !reach.is_some_and(|(_, _, changes)| *changes) {
        return Err(refusal::invalid("RVSE_CNCL_DVSN_CD"));
    }
    let quantity = Some(call.quantity("ORD_QTY")?);
    let number = domestic::original(call)?;
    let symbol = Some(call.get("PDNO").to_owned());
    let asked = Cancellation { market: place.market, symbol, number, quantity, tag: call.tag.clone() };
    let done = match limit {
        None => venue.cancel(asked),
        Some(limit) => venue.change(asked, Some(limit)),
    };
    let done = done.map_err(|refusal| refusal.on_the_wire(call.environment))?;
    Ok(Reply::order(call.environment, domestic::receipt(done)))
}

/// Cost and value of the foreign holdings, in won.
#[derive(Clone, Copy, Default)]
struct Worth {
    cost: Decimal,
    value: Decimal,
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
    let mut worth = Worth::default();
    let mut values: BTreeMap<Currency, Decimal> = BTreeMap::new();
    let mut rows = Vec::new();
    for (stock, position) in positions {
        if let (Some(place), true) = (rules::foreign(stock.0), position.shares > 0) {
            let currency = stock.0.currency();
            let value = venue.last_price(stock) * Decimal::from(position.shares);
            *values.entry(currency).or_default() += value;
            worth.cost += position.cost * won_per(currency);
            worth.value += value * won_per(currency);
            rows.push(present_row(venue, place, stock, &position, in_won));
        }
    }
    let (rows, currencies) = match call.environment {
        Environment::Real => (rows, currencies(venue, &values, in_won)),
        Environment::Paper => (Vec::new(), Vec::new()),
    };
    let totals = present_totals(venue, worth);
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
    let posted = won_per(place.market.currency());
    let rate = if in_won { posted } else { Decimal::ONE };
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
        "bass_exrt": fixed(posted * posted_for(place.market.currency()), 8),
        "buy_crcy_cd": place.market.currency().code(),
        "ovrs_now_pric1": fixed(last * rate, 5),
        "avg_unpr3": fixed(position.average() * rate, 4),
        "tr_mket_name": place.korean_name,
        "natn_kor_name": nation(place.market).korean_name,
        "pchs_rmnd_wcrc_amt": fixed(cost * posted, 0),
        "thdt_buy_ccld_frcr_amt": "0.000000",
        "thdt_sll_ccld_frcr_amt": "0.000000",
        "unit_amt": fixed(posted_for(place.market.currency()), 0),
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

/// Units of a currency that its rate is posted for in this inquiry: yen by the hundred (KIS.md 12.6).
fn posted_for(currency: Currency) -> Decimal {
    match currency {
        Currency::Jpy => Decimal::ONE_HUNDRED,
        Currency::Krw | Currency::Usd | Currency::Hkd | Currency::Cny | Currency::Vnd => Decimal::ONE,
    }
}

/// One row for each foreign currency that the account has or had; dollars always.
fn currencies(venue: &Venue, values: &BTreeMap<Currency, Decimal>, in_won: bool) -> Vec<Value> {
    let of = |currency: Currency| {
        let known = venue.account.currencies().any(|(held, _)| held == currency);
        let value = values.get(&currency).copied();
        (known || value.is_some() || currency == Currency::Usd)
            .then(|| currency_row(venue, currency, value.unwrap_or_default(), in_won))
    };
    Currency::ALL.into_iter().filter(|currency| *currency != Currency::Krw).filter_map(of).collect()
}

/// Today in the markets of `currency`.
pub(super) fn today_of(venue: &Venue, currency: Currency) -> chrono::NaiveDate {
    let market = Market::ALL.into_iter().find(|market| market.currency() == currency).unwrap_or(Market::Kr);
    market.date_at(venue.now())
}

fn currency_row(venue: &Venue, currency: Currency, value: Decimal, in_won: bool) -> Value {
    let day = venue.account.totals(currency, today_of(venue, currency));
    let cash = venue.account.cash(currency);
    let free = venue.orderable(currency);
    let rate = if in_won { won_per(currency) } else { Decimal::ONE };
    json!({
        "crcy_cd": currency.code(),
        "crcy_cd_name": currency_name(currency),
        "frcr_buy_amt_smtl": fixed(day.bought, 6),
        "frcr_sll_amt_smtl": fixed(day.sold, 6),
        "frcr_dncl_amt_2": fixed(cash, 6),
        "frst_bltn_exrt": fixed(won_per(currency) * posted_for(currency), 8),
        "frcr_buy_mgn_amt": fixed(cash - free, 6),
        "frcr_etc_mgna": "0.000000",
        "frcr_drwg_psbl_amt_1": fixed(free, 6),
        "frcr_evlu_amt2": fixed((cash + value) * rate, 6),
        "acpl_cstd_crcy_yn": "Y",
        "nxdy_frcr_drwg_psbl_amt": fixed(free, 6),
    })
}

/// All foreign cash, and the part of it that may be used, in won.
fn foreign_cash(venue: &Venue) -> (Decimal, Decimal) {
    let foreign = || venue.account.currencies().filter(|(currency, _)| *currency != Currency::Krw);
    let all = foreign().map(|(currency, cash)| cash * won_per(currency)).sum();
    let free = foreign().map(|(currency, _)| venue.orderable(currency) * won_per(currency)).sum();
    (all, free)
}

fn present_totals(venue: &Venue, Worth { cost, value }: Worth) -> Value {
    let deposit = venue.account.cash(Currency::Krw);
    let (cash, free) = foreign_cash(venue);
    let won = |amount: Decimal| fixed(amount, 0);
    json!({
        "pchs_amt_smtl": won(cost),
        "evlu_amt_smtl": won(value),
        "evlu_pfls_amt_smtl": won(value - cost),
        "dncl_amt": won(deposit),
        "cma_evlu_amt": "0",
        "tot_dncl_amt": won(deposit + cash),
        "etc_mgna": "0",
        "wdrw_psbl_tot_amt": won(deposit + cash),
        "frcr_evlu_tota": won(cash),
        "evlu_erng_rt1": fixed(wire::ratio(value - cost, cost), 10),
        "pchs_amt_smtl_amt": won(cost),
        "evlu_amt_smtl_amt": won(value),
        "tot_evlu_pfls_amt": fixed(value - cost, 8),
        "tot_asst_amt": won(deposit + cash + value),
        "buy_mgn_amt": won(cash - free),
        "mgna_tota": won(cash - free),
        "frcr_use_psbl_amt": fixed(free / won_per(Currency::Usd), 2),
        "ustl_sll_amt_smtl": "0",
        "ustl_buy_amt_smtl": "0",
        "tot_frcr_cblc_smtl": fixed(cash, 6),
        "tot_loan_amt": "0",
    })
}
