//! Settlement abroad: its dates by market, and holdings and cash on its basis (KIS.md 10.1, 12.11). Real host only.

use domain::{Currency, Market};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::account::{Position, StockKey};
use super::call::{Call, Note, Reply};
use super::places::{currency_name, nation, securities_number, settlement, won_per};
use super::refusal::{self, Refusal};
use super::venue::Venue;
use super::wire::{self, fixed};
use super::{listing, rules};

/// Every product type whose trades settle abroad, its market, `TR_MKET_CD` and name. Some are neighbours of a market that is
/// traded here and share its days.
const SETTLED: [(&str, Market, &str, &str); 12] = [
    ("501", Market::Hk, "01", "홍콩"),
    ("507", Market::VnHan, "01", "하노이거래소"),
    ("508", Market::VnHcm, "02", "호치민거래소"),
    ("512", Market::UsNasdaq, "01", "나스닥"),
    ("513", Market::UsNyse, "02", "뉴욕거래소"),
    ("515", Market::Jp, "01", "일본"),
    ("527", Market::UsNyse, "03", "미국"),
    ("528", Market::UsNyse, "04", "미국"),
    ("529", Market::UsAmex, "05", "아멕스"),
    ("551", Market::CnSha, "03", "상해A"),
    ("552", Market::CnSza, "04", "심천A"),
    ("556", Market::VnHan, "03", "업콤거래소"),
];

/// Both context keys are this wide, in bytes.
const KEY_BYTES: usize = 20;

/// `countries-holiday`: when a trade of `TRAD_DT` settles, for each market that trades on it. It tells no holidays but by
/// absence.
pub(super) fn dates(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    let date = call.date("TRAD_DT")?;
    let open = SETTLED.iter().filter(|(_, market, _, _)| venue.closed.opens(*market, date));
    let row = |(product_type, market, code, name): &(&str, Market, &str, &str)| {
        let (local, korean) = settlement(&venue.closed, *market, date);
        let nation = nation(*market);
        json!({
            "prdt_type_cd": product_type,
            "tr_natn_cd": nation.code,
            "tr_natn_name": nation.korean_name,
            "natn_eng_abrv_cd": nation.letters,
            "tr_mket_cd": code,
            "tr_mket_name": name,
            "acpl_sttl_dt": wire::date(local),
            "dmst_sttl_dt": wire::date(korean),
        })
    };
    let rows: Vec<Value> = open.map(row).collect();
    let is_empty = rows.is_empty();
    let parts = vec![
        ("ctx_area_fk", wire::pad(&wire::date(date), KEY_BYTES).into()),
        ("ctx_area_nk", wire::pad("", KEY_BYTES).into()),
        ("output", Value::from(rows)),
    ];
    Ok(Reply::part(false, is_empty, parts))
}

/// `inquire-paymt-stdr-balance`: what was held before today's trades, foreign cash, and the sums in won. `BASS_DT` may be
/// today at most.
pub(super) fn balance(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    call.account()?;
    let date = call.date("BASS_DT")?;
    if date > Market::Kr.date_at(venue.now()) {
        return Err(refusal::invalid("BASS_DT"));
    }
    let in_won = match call.get("WCRC_FRCR_DVSN_CD") {
        "01" => true,
        "02" => false,
        _ => return Err(refusal::invalid("WCRC_FRCR_DVSN_CD")),
    };
    let held: Vec<(StockKey, Position)> =
        venue.account.positions().map(|(stock, held)| (stock, held.clone())).collect();
    let mut sums = (Decimal::ZERO, Decimal::ZERO);
    let mut rows = Vec::new();
    for (stock, position) in held.into_iter().filter(|(stock, _)| !stock.0.is_domestic()) {
        let position = position.on(stock.0.date_at(venue.now()));
        if position.shares == 0 && settled(&position) == 0 {
            continue;
        }
        let rate = won_per(stock.0.currency());
        let value = venue.last_price(stock) * Decimal::from(position.shares);
        sums = (sums.0 + position.cost * rate, sums.1 + value * rate);
        rows.push(holding(venue, stock, &position, if in_won { rate } else { Decimal::ONE }));
    }
    let cash: Vec<(Currency, Decimal)> =
        venue.account.currencies().filter(|(currency, _)| *currency != Currency::Krw).collect();
    let output2: Vec<Value> =
        cash.iter().map(|(currency, amount)| currency_row(*currency, *amount)).collect();
    let foreign = cash.iter().map(|(currency, amount)| amount * won_per(*currency)).sum();
    let output3 = totals(venue.account.cash(Currency::Krw), foreign, sums);
    let parts = vec![("output1", rows.into()), ("output2", output2.into()), ("output3", output3)];
    Ok(Reply::noted(Note::Shown, parts))
}

/// Shares held before today's trades.
fn settled(position: &Position) -> u64 {
    (position.shares + position.today.sold).saturating_sub(position.today.bought)
}

fn holding(venue: &mut Venue, stock: StockKey, position: &Position, rate: Decimal) -> Value {
    let (market, symbol) = stock;
    let place = rules::foreign(market);
    let shares = |shares: u64| fixed(shares.into(), 8);
    let last = venue.last_price(stock);
    let (cost, value) = (position.cost * rate, last * Decimal::from(position.shares) * rate);
    let now = venue.now();
    json!({
        "pdno": symbol,
        "prdt_name": listing::find(market, symbol).map_or("", |listing| listing.name),
        "cblc_qty13": shares(settled(position)),
        "ord_psbl_qty1": shares(venue.sellable(stock)),
        "avg_unpr3": fixed(position.average() * rate, 4),
        "ovrs_now_pric1": fixed(last * rate, 5),
        "frcr_pchs_amt": fixed(cost, 5),
        "frcr_evlu_amt2": fixed(value, 6),
        "evlu_pfls_amt2": fixed(value - cost, 5),
        "bass_exrt": fixed(won_per(market.currency()), 8),
        "oprt_dtl_dtime": format!("{}{}000", wire::korean_date(now), wire::korean_time(now)),
        "buy_crcy_cd": market.currency().code(),
        "thdt_sll_ccld_qty1": shares(position.today.sold),
        "thdt_buy_ccld_qty1": shares(position.today.bought),
        "evlu_pfls_rt1": fixed(wire::ratio(value - cost, cost), 8),
        "tr_mket_name": place.map_or("", |place| place.korean_name),
        "natn_kor_name": nation(market).korean_name,
        "std_pdno": securities_number(market, symbol),
        "mgge_qty": "0",
        "loan_rmnd": "0",
        "prdt_type_cd": place.map_or("", |place| place.product_type),
        "ovrs_excg_cd": place.map_or("", |place| place.order_code),
        "scts_dvsn_name": "현금",
    })
}

fn currency_row(currency: Currency, amount: Decimal) -> Value {
    json!({
        "crcy_cd": currency.code(),
        "crcy_cd_name": currency_name(currency),
        "frcr_dncl_amt_2": fixed(amount, 6),
        "frst_bltn_exrt": fixed(won_per(currency), 8),
        "frcr_evlu_amt2": fixed(amount * won_per(currency), 6),
    })
}

fn totals(deposit: Decimal, foreign: Decimal, (cost, value): (Decimal, Decimal)) -> Value {
    json!({
        "pchs_amt_smtl_amt": fixed(cost, 0),
        "tot_evlu_pfls_amt": fixed(value - cost, 8),
        "evlu_erng_rt1": fixed(wire::ratio(value - cost, cost), 10),
        "tot_dncl_amt": fixed(deposit, 0),
        "wcrc_evlu_amt_smtl": fixed(value, 6),
        "tot_asst_amt2": fixed(deposit + foreign + value, 6),
        "frcr_cblc_wcrc_evlu_amt_smtl": fixed(foreign, 6),
        "tot_loan_amt": "0",
    })
}
