//! Foreign account reports of the real host: transactions with fees, realised profit, margin, settlement (KIS.md 12.10, 12.11).

use chrono::NaiveDate;
use domain::{Currency, Market, Side};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::account::StockKey;
use super::call::{Call, Note, Paging, Reply};
use super::domestic_ledger::side_code;
use super::journal::StockDay;
use super::orders::Order;
use super::overseas_ledger::markets_of;
use super::places::{nation, securities_number, settlement, won_per};
use super::refusal::{self, Refusal};
use super::venue::Venue;
use super::wire::{self, fixed};
use super::{listing, rules};

/// Rows of the transactions on a page, and of the realised profits; KIS states neither.
const ROWS: usize = 100;
/// Rows of the foreign margin, most of them blank.
const MARGIN_ROWS: usize = 50;

/// `inquire-period-trans`: what traded, order by order, with its fees and its settlement. The sums add the currencies as
/// they are.
pub(super) fn transactions(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    call.account()?;
    let (first, last) = (call.date("ERLM_STRT_DT")?, call.date("ERLM_END_DT")?);
    let markets = markets_of(call)?;
    let (symbol, side) = (call.get("PDNO"), call.get("SLL_BUY_DVSN_CD"));
    let wanted = |order: &&Order| {
        markets.contains(&order.market())
            && order.filled > 0
            && (first..=last).contains(&order.date)
            && (symbol.is_empty() || symbol == order.listing.symbol)
            && (matches!(side, "" | "00") || side == side_code(order.side))
    };
    let chosen: Vec<&Order> = venue.shown_orders().filter(wanted).collect();
    let sum = |side: Side| chosen.iter().filter(|order| order.side == side).map(|order| order.amount).sum();
    let fees = |pick: fn(&Order) -> Decimal| chosen.iter().map(|order| pick(order)).sum();
    let totals = json!({
        "frcr_buy_amt_smtl": fixed(sum(Side::Buy), 6),
        "frcr_sll_amt_smtl": fixed(sum(Side::Sell), 6),
        "dmst_fee_smtl": fixed(fees(commission), 6),
        "ovrs_fee_smtl": fixed(fees(|order| order.fees - commission(order)), 6),
    });
    let closing = if chosen.is_empty() { Note::Nothing } else { Note::LastRows };
    let paging = Paging { width: 100, rows: ROWS, newest_first: false };
    let mut page = paging.cut(call, chosen, |order| transaction(venue, order))?;
    let rows = Value::from(std::mem::take(&mut page.rows));
    Ok(page.reply_closing(closing, vec![("output1", rows), ("output2", totals)]))
}

/// What KIS itself takes: the fee of a purchase. What is above it is the market's.
fn commission(order: &Order) -> Decimal {
    rules::fee(order.market().currency(), Side::Buy, order.amount).min(order.fees)
}

fn transaction(venue: &Venue, order: &Order) -> Value {
    let market = order.market();
    let rate = won_per(market.currency());
    let price = order.average().unwrap_or_default();
    let settled = match order.side {
        Side::Buy => order.amount + order.fees,
        Side::Sell => order.amount - order.fees,
    };
    let local = order.fees - commission(order);
    json!({
        "trad_dt": wire::date(order.date),
        "sttl_dt": wire::date(settlement(&venue.closed, market, order.date).0),
        "sll_buy_dvsn_cd": side_code(order.side),
        "sll_buy_dvsn_name": side_name(order.side),
        "pdno": order.listing.symbol,
        "ovrs_item_name": order.listing.name,
        "ccld_qty": order.filled.to_string(),
        "amt_unit_ccld_qty": fixed(order.filled.into(), 8),
        "ft_ccld_unpr2": fixed(price, 8),
        "ovrs_stck_ccld_unpr": fixed(price * rate, 8),
        "tr_frcr_amt2": fixed(order.amount, 6),
        "tr_amt": fixed(order.amount * rate, 0),
        "frcr_excc_amt_1": fixed(settled, 6),
        "wcrc_excc_amt": fixed(settled * rate, 0),
        "dmst_frcr_fee1": fixed(commission(order), 5),
        "frcr_fee1": fixed(local, 6),
        "dmst_wcrc_fee": fixed(commission(order) * rate, 0),
        "ovrs_wcrc_fee": fixed(local * rate, 0),
        "crcy_cd": market.currency().code(),
        "std_pdno": securities_number(market, order.listing.symbol),
        "erlm_exrt": fixed(rate, 8),
        "loan_dvsn_cd": "01",
        "loan_dvsn_name": "현금",
    })
}

fn side_name(side: Side) -> &'static str {
    match side {
        Side::Buy => "매수",
        Side::Sell => "매도",
    }
}

/// `inquire-period-profit`: what sales made, by stock and day, after their fees. Here 01 is foreign and 02 is won (KIS.md 7.4).
pub(super) fn profits(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    call.account()?;
    let (first, last) = (call.date("INQR_STRT_DT")?, call.date("INQR_END_DT")?);
    let in_won = match call.get("WCRC_FRCR_DVSN_CD") {
        "01" => false,
        "02" => true,
        _ => return Err(refusal::invalid("WCRC_FRCR_DVSN_CD")),
    };
    let markets = markets_of(call)?;
    let (symbol, currency) = (call.get("PDNO"), call.get("CRCY_CD"));
    let wanted = |(_, (market, known), day): &(NaiveDate, StockKey, StockDay)| {
        markets.contains(market)
            && day.sold > 0
            && (symbol.is_empty() || symbol == *known)
            && (currency.is_empty() || currency == market.currency().code())
    };
    let days: Vec<_> = venue.account.journal().between(first, last).filter(wanted).collect();
    let rate = |market: Market| if in_won { won_per(market.currency()) } else { Decimal::ONE };
    let totals = profit_totals(&days, rate, wire::date(last));
    let closing = if days.is_empty() { Note::Nothing } else { Note::Complete };
    let paging = Paging { width: 200, rows: ROWS, newest_first: false };
    let mut page =
        paging.cut(call, days, |(date, stock, day)| profit_row(date, stock, &day, rate(stock.0)))?;
    let rows = Value::from(std::mem::take(&mut page.rows));
    Ok(page.reply_closing(closing, vec![("output1", rows), ("output2", totals)]))
}

fn profit_row(date: NaiveDate, (market, symbol): StockKey, day: &StockDay, rate: Decimal) -> Value {
    let each = |amount: Decimal| amount / Decimal::from(day.sold.max(1));
    let posted = won_per(market.currency());
    json!({
        "trad_day": wire::date(date),
        "ovrs_pdno": symbol,
        "ovrs_item_name": listing::find(market, symbol).map_or("", |listing| listing.name),
        "slcl_qty": day.sold.to_string(),
        "pchs_avg_pric": fixed(each(day.cost_of_sold) * rate, 4),
        "frcr_pchs_amt1": fixed(day.cost_of_sold * rate, 5),
        "avg_sll_unpr": fixed(each(day.sold_amount) * rate, 8),
        "frcr_sll_amt_smtl1": fixed(day.sold_amount * rate, 6),
        "stck_sll_tlex": fixed(day.selling_fees * rate, 4),
        "ovrs_rlzt_pfls_amt": fixed(day.realised() * rate, 5),
        "pftrt": fixed(wire::ratio(day.realised(), day.cost_of_sold), 8),
        "exrt": fixed(posted, 6),
        "ovrs_excg_cd": rules::foreign(market).map_or("", |place| place.order_code),
        "frst_bltn_exrt": fixed(posted, 8),
    })
}

fn profit_totals(
    days: &[(NaiveDate, StockKey, StockDay)],
    rate: impl Fn(Market) -> Decimal,
    date: String,
) -> Value {
    let sum = |pick: fn(&StockDay) -> Decimal| -> Decimal {
        days.iter().map(|(_, (market, _), day)| pick(day) * rate(*market)).sum()
    };
    let (sold, cost, fees) =
        (sum(|day| day.sold_amount), sum(|day| day.cost_of_sold), sum(|day| day.selling_fees));
    let made = sum(StockDay::realised);
    let posted = days.first().map_or(Decimal::ZERO, |(_, (market, _), _)| won_per(market.currency()));
    json!({
        "stck_sll_amt_smtl": fixed(sold, 4),
        "stck_buy_amt_smtl": fixed(cost, 4),
        "smtl_fee1": fixed(fees, 5),
        "excc_dfrm_amt": fixed(sold - fees, 5),
        "ovrs_rlzt_pfls_tot_amt": fixed(made, 5),
        "tot_pftrt": fixed(wire::ratio(made, cost), 8),
        "bass_dt": date,
        "exrt": fixed(posted, 6),
    })
}

/// Whose currencies the foreign margin tells, in KIS's order: Hong Kong also trades in yuan.
const MARGINS: [(Market, Currency); 6] = [
    (Market::UsNasdaq, Currency::Usd),
    (Market::Hk, Currency::Hkd),
    (Market::Hk, Currency::Cny),
    (Market::CnSha, Currency::Cny),
    (Market::Jp, Currency::Jpy),
    (Market::VnHan, Currency::Vnd),
];

/// `foreign-margin`: what may be ordered in each currency; fifty rows, the last ones blank.
pub(super) fn margin(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    call.account()?;
    let mut rows: Vec<Value> =
        MARGINS.iter().map(|(market, currency)| margin_row(venue, *market, *currency)).collect();
    rows.resize(MARGIN_ROWS, blank_margin());
    Ok(Reply::ledger(false, vec![("output", rows.into())]))
}

fn margin_row(venue: &Venue, market: Market, currency: Currency) -> Value {
    let cash = venue.account.cash(currency);
    let free = venue.orderable(currency).max(Decimal::ZERO);
    json!({
        "natn_name": nation(market).korean_name,
        "crcy_cd": currency.code(),
        "frcr_dncl_amt1": fixed(cash, 6),
        "ustl_buy_amt": "0.00",
        "ustl_sll_amt": "0.00",
        "frcr_rcvb_amt": "0.00",
        "frcr_mgn_amt": fixed(cash - free, 6),
        "frcr_gnrl_ord_psbl_amt": fixed(free, 2),
        "frcr_ord_psbl_amt1": "0.000000",
        "itgr_ord_psbl_amt": fixed(free, 2),
        "bass_exrt": fixed(won_per(currency), 8),
    })
}

fn blank_margin() -> Value {
    json!({
        "natn_name": "", "crcy_cd": "", "frcr_dncl_amt1": "0.000000", "ustl_buy_amt": "0.00",
        "ustl_sll_amt": "0.00", "frcr_rcvb_amt": "0.00", "frcr_mgn_amt": "0.000000",
        "frcr_gnrl_ord_psbl_amt": "0.00", "frcr_ord_psbl_amt1": "0.000000", "itgr_ord_psbl_amt": "0.00",
        "bass_exrt": "0.00000000",
    })
}
