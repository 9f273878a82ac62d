//! Reads of the Korean market: price, bars, account, order list (KIS.md 8 and 9).

use std::collections::BTreeMap;

use broker::Urgency;
use chrono::{Days, Months, NaiveDate};
use domain::messages::market_data::{BarInterval, BarsQuery, QueryError, Quote};
use domain::{
    AccountSnapshot, Candle, Currency, Holding, InquiryRow, Instrument, Market, Money, Quantity, Restriction,
    StockRules, TickTable,
};
use rust_decimal::Decimal;

use super::bars::{self, Window};
use super::call::{Paging, Session};
use super::orders::{self, Remainder, side};
use super::trid::reads;
use super::wire::{Envelope, Row, WireError};
use super::{AccountNumber, Environment, sellable};

/// Calendar days asked for at once: a little more than the 100 bars of one answer, whatever the holidays (KIS.md 9.3).
const DAYS_PER_PAGE: u64 = 160;
/// `mrkt_warn_cls_code`: caution, warning, risk. The ranking by volume leaves out the same stocks.
const WARNINGS: [&str; 3] = ["01", "02", "03"];

/// The price now (KIS.md 9.1).
///
/// # Errors
/// [`QueryError`].
pub(super) async fn quote(
    session: &Session,
    instrument: Instrument,
    urgency: Urgency,
) -> Result<Quote, QueryError> {
    let question = session.question(&reads::KR_PRICE, urgency)?.with(stock(&instrument));
    let answer = session.ask(&question).await?;
    let row = answer.summary("output")?;
    let Some(last) = row.price("stck_prpr")? else {
        return Err(QueryError::Unavailable(format!("{instrument} has no price")));
    };
    let rules = StockRules {
        lot: None,
        upper_limit: row.price("stck_mxpr")?,
        lower_limit: row.price("stck_llam")?,
        restriction: restriction(&row),
        ticks: TickTable::OfMarket,
    };
    session.learn_limits(&instrument, &rules);
    Ok(Quote {
        instrument,
        at: session.now(),
        last,
        open: row.price("stck_oprc")?,
        high: row.price("stck_hgpr")?,
        low: row.price("stck_lwpr")?,
        change_pct: row.decimal("prdy_ctrt")?,
        volume: row.whole("acml_vol")?,
        bid: None,
        ask: None,
        delay: chrono::TimeDelta::zero(),
        rules,
    })
}

/// What the price's answer tells against buying the stock, the gravest first (KIS.md 9.1).
fn restriction(row: &Row) -> Option<Restriction> {
    let state = row.text("iscd_stat_cls_code");
    let says = |field: &str| row.text(field) == "Y";
    if says("temp_stop_yn") || state == "58" {
        Some(Restriction::Halted)
    } else if says("sltr_yn") {
        Some(Restriction::Liquidation)
    } else if says("mang_issu_cls_code") || state == "51" {
        Some(Restriction::Administrative)
    } else if ["52", "53", "54"].contains(&state) || WARNINGS.contains(&row.text("mrkt_warn_cls_code")) {
        Some(Restriction::MarketWarning)
    } else {
        None
    }
}

/// The newest bars, oldest first (KIS.md 9.3, 9.5). Minute bars are those of today.
///
/// # Errors
/// [`QueryError`].
pub(super) async fn bars(session: &Session, query: &BarsQuery) -> Result<Vec<Candle>, QueryError> {
    match query.interval {
        BarInterval::Day => daily(session, query).await,
        BarInterval::Minute => minutes(session, query).await,
    }
}

async fn daily(session: &Session, query: &BarsQuery) -> Result<Vec<Candle>, QueryError> {
    let mut window = Window::new(query.count);
    let mut last = Market::Kr.date_at(session.now());
    while window.wants_more() {
        let first = last.checked_sub_days(Days::new(DAYS_PER_PAGE)).unwrap_or(NaiveDate::MIN);
        let question = session
            .question(&reads::KR_DAILY, Urgency::Scan)?
            .with(stock(&query.instrument))
            .with([("FID_INPUT_DATE_1", bars::compact(first)), ("FID_INPUT_DATE_2", bars::compact(last))])
            // 0: adjusted for splits, in this TR (KIS.md 7.4).
            .with([("FID_PERIOD_DIV_CODE", "D"), ("FID_ORG_ADJ_PRC", "0")]);
        let page = session.ask(&question).await?.rows(&["output2"])?;
        window.add(page.iter().filter_map(|row| daily_bar(row).transpose()).collect::<Result<_, _>>()?);
        match bars::before_oldest(&page, "stck_bsop_date", last) {
            Some(earlier) => last = earlier,
            None => break,
        }
    }
    Ok(window.into_bars())
}

fn daily_bar(row: &Row) -> Result<Option<Candle>, WireError> {
    if row.text("stck_bsop_date").is_empty() {
        return Ok(None);
    }
    let at = bars::day_start(Market::Kr, row.date("stck_bsop_date")?);
    bars::candle(row, at, ["stck_oprc", "stck_hgpr", "stck_lwpr", "stck_clpr"], "acml_vol")
}

async fn minutes(session: &Session, query: &BarsQuery) -> Result<Vec<Candle>, QueryError> {
    let mut window = Window::new(query.count);
    let mut until = session.now().with_timezone(&Market::Kr.zone()).time();
    while window.wants_more() {
        let question = session
            .question(&reads::KR_MINUTES, Urgency::Scan)?
            .with(stock(&query.instrument))
            .with([("FID_INPUT_HOUR_1", until.format("%H%M%S").to_string())])
            .with([("FID_PW_DATA_INCU_YN", "N"), ("FID_ETC_CLS_CODE", "")]);
        let page = session.ask(&question).await?.rows(&["output2"])?;
        window.add(page.iter().filter_map(|row| minute_bar(row).transpose()).collect::<Result<_, _>>()?);
        match bars::minute_before_oldest(&page, "stck_cntg_hour", until) {
            Some(earlier) => until = earlier,
            None => break,
        }
    }
    Ok(window.into_bars())
}

fn minute_bar(row: &Row) -> Result<Option<Candle>, WireError> {
    let Some(time) = row.time("stck_cntg_hour") else { return Ok(None) };
    let at = bars::moment(Market::Kr, row.date("stck_bsop_date")?, time);
    bars::candle(row, at, ["stck_oprc", "stck_hgpr", "stck_lwpr", "stck_prpr"], "cntg_vol")
}

/// Cash, equity and holdings in won (KIS.md 8.3 and 8.4).
///
/// The balance has no field that means "cash for orders": that is asked for separately, without receivables.
///
/// # Errors
/// [`QueryError`]; only the missing answer about cash makes `cash` absent.
pub(super) async fn account(session: &Session, urgency: Urgency) -> Result<AccountSnapshot, QueryError> {
    // What happens while it is read may be missing in it, so it is as old as the first question.
    let asked_at = session.now();
    let balance = session
        .question(&reads::KR_BALANCE, urgency)?
        .with(owner(&session.account))
        .with([("AFHR_FLPR_YN", "N"), ("OFL_YN", ""), ("INQR_DVSN", "02"), ("UNPR_DVSN", "01")])
        .with([("FUND_STTL_ICLD_YN", "N"), ("FNCG_AMT_AUTO_RDPT_YN", "N"), ("PRCS_DVSN", "00")]);
    let pages = session.ask_all(&balance, Paging::DOMESTIC).await?;
    let cash = match orderable_cash(session, urgency).await {
        Ok(cash) => cash,
        Err(error) => {
            tracing::warn!(%error, "orderable cash is unknown");
            None
        }
    };
    let mut snapshot = snapshot(&pages)?;
    snapshot.cash = cash.map(|amount| Money::new(amount, Currency::Krw));
    snapshot.taken_at = asked_at;
    sellable::cap(session, &mut snapshot);
    Ok(snapshot)
}

async fn orderable_cash(session: &Session, urgency: Urgency) -> Result<Option<Decimal>, QueryError> {
    let question = session
        .question(&reads::KR_BUYABLE, urgency)?
        .with(owner(&session.account))
        .with([("PDNO", ""), ("ORD_UNPR", ""), ("ORD_DVSN", "01")])
        .with([("CMA_EVLU_AMT_ICLD_YN", "N"), ("OVRS_ICLD_YN", "N")]);
    Ok(session.ask(&question).await?.summary("output")?.decimal("nrcvb_buy_amt")?)
}

/// Pages of the balance as a snapshot without cash and time. Totals are those of the last page that has them.
fn snapshot(pages: &[Envelope]) -> Result<AccountSnapshot, QueryError> {
    let totals = totals(pages)?;
    let money = |field| Ok::<_, WireError>(totals.decimal(field)?.map(|n| Money::new(n, Currency::Krw)));
    let mut holdings = BTreeMap::new();
    for page in pages {
        for row in page.list("output1")? {
            if let Some(holding) = holding(&row)? {
                add_lot(&mut holdings, holding);
            }
        }
    }
    Ok(AccountSnapshot {
        currency: Currency::Krw,
        taken_at: chrono::DateTime::UNIX_EPOCH,
        cash: None,
        equity: money("tot_evlu_amt")?,
        purchase_total: money("pchs_amt_smtl_amt")?,
        valuation_total: money("evlu_amt_smtl_amt")?,
        holdings: holdings.into_values().collect(),
    })
}

fn totals(pages: &[Envelope]) -> Result<Row, WireError> {
    for page in pages.iter().rev() {
        match page.summary("output2") {
            Ok(totals) => return Ok(totals),
            Err(WireError::Missing(_)) => {}
            Err(error @ (WireError::NotAnObject | WireError::Bad { .. })) => return Err(error),
        }
    }
    Ok(Row::default())
}

/// Sold-out names stay listed with zero shares until D-2 (KIS.md 8.3): they are no holdings.
fn holding(row: &Row) -> Result<Option<Holding>, WireError> {
    let blank = row.is_blank("pdno");
    if blank && row.whole("hldg_qty")?.unwrap_or(0) == 0 {
        return Ok(None);
    }
    let quantity = row.quantity("hldg_qty")?;
    row.required("pdno")?;
    if quantity.is_zero() {
        return Ok(None);
    }
    let Some(symbol) = orders::symbol(row, "pdno") else { return Ok(None) };
    Ok(Some(Holding {
        instrument: Instrument { market: Market::Kr, symbol },
        quantity,
        sellable: row.quantity("ord_psbl_qty")?,
        average_price: row.price("pchs_avg_pric")?,
        price: row.price("prpr")?,
    }))
}

/// Cash and credit lots of one stock are separate rows; together they are the holding, whose average is unknown when
/// the lots differ in it.
fn add_lot(holdings: &mut BTreeMap<Instrument, Holding>, lot: Holding) {
    match holdings.get_mut(&lot.instrument) {
        Some(held) => {
            held.quantity = held.quantity.saturating_add(lot.quantity);
            held.sellable = held.sellable.saturating_add(lot.sellable);
            held.average_price = held.average_price.filter(|price| Some(*price) == lot.average_price);
        }
        None => {
            holdings.insert(lot.instrument.clone(), lot);
        }
    }
}

/// Every order of one date (KIS.md 8.7).
///
/// # Errors
/// [`QueryError`]; one unreadable row fails the whole list.
pub(super) async fn orders_of_day(session: &Session, date: NaiveDate) -> Result<Vec<InquiryRow>, QueryError> {
    let venue = match session.config.environment {
        Environment::Real => "ALL",
        Environment::Paper => "KRX",
    };
    let read = if is_old(date, Market::Kr.date_at(session.now())) {
        &reads::KR_ORDERS_OLD
    } else {
        &reads::KR_ORDERS
    };
    let question = session
        .question(read, Urgency::Reconcile)?
        .with(owner(&session.account))
        .with([("INQR_STRT_DT", bars::compact(date)), ("INQR_END_DT", bars::compact(date))])
        .with([("SLL_BUY_DVSN_CD", "00"), ("PDNO", ""), ("ORD_GNO_BRNO", ""), ("ODNO", "")])
        .with([("CCLD_DVSN", "00"), ("INQR_DVSN", "00"), ("INQR_DVSN_1", ""), ("INQR_DVSN_3", "00")])
        .with([("EXCG_ID_DVSN_CD", venue)]);
    let pages = session.ask_all(&question, Paging::DOMESTIC).await?;
    order_rows(&pages, date)
}

/// The list of the last three months ends where another one begins (KIS.md 8.7). Which of the two has the day itself is
/// not documented; the older one is asked for what is older.
fn is_old(date: NaiveDate, today: NaiveDate) -> bool {
    today.checked_sub_months(Months::new(3)).is_some_and(|oldest| date < oldest)
}

fn order_rows(pages: &[Envelope], date: NaiveDate) -> Result<Vec<InquiryRow>, QueryError> {
    let mut rows = Vec::new();
    for page in pages {
        for row in page.list("output1")? {
            if let Some(order) = order_row(&row)?
                && orders::is_of(date, &row, &order.order, 0)?
            {
                rows.push(order);
            }
        }
    }
    Ok(rows)
}

/// A cancel request is listed as a row of its own that points at the order; what it did shows in the order's row.
fn order_row(row: &Row) -> Result<Option<InquiryRow>, WireError> {
    if orders::is_blank(row, ["pdno", "ord_qty"])? || row.text("sll_buy_dvsn_cd_name").contains("취소") {
        return Ok(None);
    }
    let filled = row.quantity("tot_ccld_qty")?;
    let limit = row.price("ord_unpr")?;
    if !row.text("orgn_odno").is_empty() && limit.is_none() && filled.is_zero() {
        return Ok(None);
    }
    let Some(symbol) = orders::symbol(row, "pdno") else {
        return orders::not_ours(row, "ordr_empno", "pdno").map(|()| None);
    };
    let Remainder { cancelled, rejected, remaining } = remainder(row)?;
    Ok(Some(InquiryRow {
        order: orders::id(row)?,
        instrument: Instrument { market: Market::Kr, symbol },
        side: side(row, "sll_buy_dvsn_cd")?,
        ordered: row.quantity("ord_qty")?,
        limit,
        filled,
        average_price: row.price("avg_prvs")?,
        remaining,
        cancelled,
        rejected,
        time: row.time("ord_tmd"),
    }))
}

/// The table calls the cancelled quantity `cnc_cfrm_qty`, the official answer `cncl_cfrm_qty` (KIS.md 8.7).
fn remainder(row: &Row) -> Result<Remainder, WireError> {
    let cancelled = match row.whole("cncl_cfrm_qty")? {
        None => row.quantity("cnc_cfrm_qty")?,
        Some(quantity) => Quantity::new(quantity),
    };
    Ok(Remainder { cancelled, rejected: row.quantity("rjct_qty")?, remaining: row.quantity("rmn_qty")? })
}

/// `CANO` and `ACNT_PRDT_CD` (KIS.md 8).
pub(super) fn owner(account: &AccountNumber) -> [(&'static str, String); 2] {
    let (number, product) = account.parts();
    [("CANO", number.to_owned()), ("ACNT_PRDT_CD", product.to_owned())]
}

/// Market and code of a Korean stock in quotes (KIS.md 9).
pub(super) fn stock(instrument: &Instrument) -> [(&'static str, String); 2] {
    [("FID_COND_MRKT_DIV_CODE", "J".to_owned()), ("FID_INPUT_ISCD", instrument.symbol.as_str().to_owned())]
}

#[cfg(test)]
mod tests;
