//! Korean account reports of the real host: realised profit, assets by class, margin (KIS.md 8.8).

use chrono::NaiveDate;
use domain::{Currency, Market, Side};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::account::StockKey;
use super::call::{Call, Note, Paging, Reply};
use super::domestic_ledger;
use super::journal::StockDay;
use super::places::won_per;
use super::refusal::{self, Refusal};
use super::venue::Venue;
use super::wire::{self, alike, fixed, texts};
use super::{listing, rules};

/// Rows of the profit report on a page.
const REPORT_ROWS: usize = 50;
/// Asset classes of the account report, always all of them in the same order.
const ASSET_CLASSES: usize = 19;
/// The place of foreign stocks among them.
const FOREIGN_CLASS: usize = 7;

/// `inquire-balance-rlz-pl`: the balance, and what the day's sales made; `COST_ICLD_YN` takes their fees off.
pub(super) fn balance(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    let mut reply = domestic_ledger::balance(venue, call)?;
    let today = Market::Kr.date_at(venue.now());
    let day = venue.account.totals(Currency::Krw, today);
    let sold: Vec<StockDay> = domestic_days(venue, today, today).into_iter().map(|(_, _, day)| day).collect();
    let fees: Decimal = sold.iter().map(|day| day.selling_fees).sum();
    let made = match call.get("COST_ICLD_YN") {
        "Y" => day.realised - fees,
        "N" | "" => day.realised,
        _ => return Err(refusal::invalid("COST_ICLD_YN")),
    };
    let cost: Decimal = sold.iter().map(|day| day.cost_of_sold).sum();
    for row in rows_of(&mut reply, "output1") {
        ["item_mgna_rt_name", "grta_rt_name", "sbst_pric"].into_iter().for_each(|name| {
            row.remove(name);
        });
    }
    for totals in rows_of(&mut reply, "output2") {
        let profit = number(totals, "evlu_pfls_smtl_amt");
        let invested = number(totals, "pchs_amt_smtl_amt");
        let before = number(totals, "bfdy_tot_asst_evlu_amt");
        let gain = number(totals, "asst_icdc_amt");
        totals.extend(texts([
            ("asst_icdc_erng_rt", fixed(wire::ratio(gain, before), 8)),
            ("rlzt_pfls", fixed(made, 0)),
            ("rlzt_erng_rt", fixed(wire::ratio(made, cost), 8)),
            ("real_evlu_pfls", fixed(profit, 0)),
            ("real_evlu_pfls_erng_rt", fixed(wire::ratio(profit, invested), 8)),
        ]));
    }
    Ok(reply)
}

fn rows_of<'a>(reply: &'a mut Reply, part: &str) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    let rows = reply.body.get_mut(part).and_then(Value::as_array_mut);
    rows.into_iter().flatten().filter_map(Value::as_object_mut)
}

fn number(fields: &Map<String, Value>, name: &str) -> Decimal {
    let text = fields.get(name).and_then(Value::as_str).unwrap_or_default();
    text.parse().unwrap_or_default()
}

fn domestic_days(venue: &Venue, first: NaiveDate, last: NaiveDate) -> Vec<(NaiveDate, StockKey, StockDay)> {
    let days = venue.account.journal().between(first, last);
    days.filter(|(_, (market, _), _)| market.is_domestic()).collect()
}

/// `inquire-period-trade-profit`: a row for each stock and day with trades, and their sums.
pub(super) fn period_profit(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    call.account()?;
    let (first, last) = (call.date("INQR_STRT_DT")?, call.date("INQR_END_DT")?);
    let newest_first = match call.get("SORT_DVSN") {
        "00" => true,
        "01" | "02" => false,
        _ => return Err(refusal::invalid("SORT_DVSN")),
    };
    let symbol = call.get("PDNO");
    let mut days = domestic_days(venue, first, last);
    days.retain(|(_, (_, known), _)| symbol.is_empty() || symbol == *known);
    if newest_first {
        days.reverse();
    }
    let totals = period_totals(&days);
    let closing = if days.is_empty() { Note::Nothing } else { Note::Complete };
    let paging = Paging { width: 100, rows: REPORT_ROWS, newest_first };
    let mut page = paging.cut(call, days, |(date, stock, day)| period_row(date, stock, &day))?;
    let rows = Value::from(std::mem::take(&mut page.rows));
    Ok(page.reply_closing(closing, vec![("output1", rows), ("output2", totals)]))
}

/// Commission and tax of what was sold: the tax is what selling costs above the commission.
fn split(day: &StockDay) -> (Decimal, Decimal) {
    let commission = rules::fee(Currency::Krw, Side::Buy, day.sold_amount).min(day.selling_fees);
    (commission, day.selling_fees - commission)
}

fn each(amount: Decimal, shares: u64) -> Decimal {
    if shares == 0 { Decimal::ZERO } else { amount / Decimal::from(shares) }
}

fn period_row(date: NaiveDate, (market, symbol): StockKey, day: &StockDay) -> Value {
    let (commission, tax) = split(day);
    let cost =
        if day.sold > 0 { each(day.cost_of_sold, day.sold) } else { each(day.bought_amount, day.bought) };
    json!({
        "trad_dt": wire::date(date),
        "pdno": long_symbol(symbol),
        "prdt_name": listing::find(market, symbol).map_or("", |listing| listing.name),
        "trad_dvsn_name": "현금",
        "loan_dt": "",
        "hldg_qty": day.held.to_string(),
        "pchs_unpr": fixed(cost, 0),
        "buy_qty": day.bought.to_string(),
        "buy_amt": fixed(day.bought_amount, 0),
        "sll_pric": fixed(each(day.sold_amount, day.sold), 0),
        "sll_qty": day.sold.to_string(),
        "sll_amt": fixed(day.sold_amount, 0),
        "rlzt_pfls": fixed(day.realised(), 0),
        "pfls_rt": fixed(wire::ratio(day.realised(), day.cost_of_sold), 8),
        "fee": fixed(day.buying_fees + commission, 0),
        "tl_tax": fixed(tax, 0),
        "loan_int": "0",
    })
}

/// The twelve characters of reports: stocks are of kind A.
pub(super) fn long_symbol(symbol: &str) -> String {
    format!("{:0>12}", format!("A{symbol}"))
}

fn period_totals(days: &[(NaiveDate, StockKey, StockDay)]) -> Value {
    let sum = |pick: fn(&StockDay) -> Decimal| days.iter().map(|(_, _, day)| pick(day)).sum::<Decimal>();
    let shares = |pick: fn(&StockDay) -> u64| days.iter().map(|(_, _, day)| pick(day)).sum::<u64>();
    let (sold, bought) = (sum(|day| day.sold_amount), sum(|day| day.bought_amount));
    let (commission, tax) = (sum(|day| split(day).0), sum(|day| split(day).1));
    let buying = sum(|day| day.buying_fees);
    let realised = sum(StockDay::realised);
    json!({
        "sll_qty_smtl": shares(|day| day.sold).to_string(),
        "sll_tr_amt_smtl": fixed(sold, 0),
        "sll_fee_smtl": fixed(commission, 0),
        "sll_tltx_smtl": fixed(tax, 0),
        "sll_excc_amt_smtl": fixed(sold - commission - tax, 0),
        "buyqty_smtl": shares(|day| day.bought).to_string(),
        "buy_tr_amt_smtl": fixed(bought, 0),
        "buy_fee_smtl": fixed(buying, 0),
        "buy_tax_smtl": "0",
        "buy_excc_amt_smtl": fixed(bought + buying, 0),
        "tot_qty": shares(|day| day.sold + day.bought).to_string(),
        "tot_tr_amt": fixed(sold + bought, 0),
        "tot_fee": fixed(commission + buying, 0),
        "tot_tltx": fixed(tax, 0),
        "tot_excc_amt": fixed(sold + bought + buying - commission - tax, 0),
        "tot_rlzt_pfls": fixed(realised, 0),
        "loan_int": "0",
        "tot_pftrt": fixed(wire::ratio(realised, sum(|day| day.cost_of_sold)), 8),
    })
}

/// `inquire-account-balance`: nineteen asset classes, of which stocks at home and abroad can hold anything, and their sums
/// in won.
pub(super) fn assets(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    call.account()?;
    let held: Vec<(StockKey, u64, Decimal)> =
        venue.account.positions().map(|(stock, held)| (stock, held.shares, held.cost)).collect();
    let mut classes = [(Decimal::ZERO, Decimal::ZERO); ASSET_CLASSES];
    for (stock, shares, cost) in held {
        let rate = won_per(stock.0.currency());
        let value = venue.last_price(stock) * Decimal::from(shares);
        let class = &mut classes[if stock.0.is_domestic() { 0 } else { FOREIGN_CLASS }];
        *class = (class.0 + cost * rate, class.1 + value * rate);
    }
    let deposit = venue.account.cash(Currency::Krw);
    let abroad = venue.account.currencies().filter(|(currency, _)| *currency != Currency::Krw);
    let foreign: Decimal = abroad.map(|(currency, amount)| amount * won_per(currency)).sum();
    let total = deposit + foreign + classes.iter().map(|class| class.1).sum::<Decimal>();
    let rows: Vec<Value> = classes.iter().map(|class| class_row(*class, total)).collect();
    let output2 = asset_totals(&classes, [deposit, foreign, total]);
    Ok(Reply::noted(Note::Shown, vec![("output1", rows.into()), ("output2", output2)]))
}

fn class_row((cost, value): (Decimal, Decimal), total: Decimal) -> Value {
    json!({
        "pchs_amt": fixed(cost, 0),
        "evlu_amt": fixed(value, 0),
        "evlu_pfls_amt": fixed(value - cost, 0),
        "crdt_lnd_amt": "0",
        "real_nass_amt": fixed(value, 0),
        "whol_weit_rt": fixed(wire::ratio(value, total), 8),
    })
}

fn asset_totals(
    classes: &[(Decimal, Decimal); ASSET_CLASSES],
    [deposit, foreign, total]: [Decimal; 3],
) -> Value {
    let cost: Decimal = classes.iter().map(|class| class.0).sum();
    let value: Decimal = classes.iter().map(|class| class.1).sum();
    let none = [
        "loan_amt_smtl",
        "tot_lnda_tot_ulst_lnda",
        "cma_auto_loan_amt",
        "tot_mgln_amt",
        "stln_evlu_amt",
        "crdt_fncg_amt",
        "ocl_apl_loan_amt",
        "pldg_stup_amt",
        "cma_evlu_amt",
        "tot_sbst_amt",
        "thdt_rcvb_amt",
        "mmf_cma_mgge_loan_amt",
        "sbsc_dncl_amt",
        "pbst_sbsc_fnds_loan_use_amt",
        "etpr_crdt_grnt_loan_amt",
    ];
    let mut output = alike(none, "0");
    output.extend(texts([
        ("pchs_amt_smtl", fixed(cost, 0)),
        ("nass_tot_amt", fixed(total, 0)),
        ("evlu_pfls_amt_smtl", fixed(value - cost, 0)),
        ("evlu_amt_smtl", fixed(value, 0)),
        ("tot_asst_amt", fixed(total, 0)),
        ("frcr_evlu_tota", fixed(foreign, 0)),
        ("tot_dncl_amt", fixed(deposit, 0)),
        ("dncl_amt", fixed(deposit, 0)),
        ("ovrs_stck_evlu_amt1", fixed(classes[FOREIGN_CLASS].1, 6)),
        ("ovrs_bond_evlu_amt", "0.000000".into()),
    ]));
    Value::Object(output)
}
