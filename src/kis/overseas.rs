//! Reads of foreign markets: price, bars, order list (KIS.md 12 and 13). The account is in `foreign_account.rs`.

use std::num::NonZeroU64;

use broker::Urgency;
use chrono::{NaiveDate, NaiveTime, TimeDelta};
use domain::messages::market_data::{BarInterval, BarsQuery, ListedStatus, QueryError, Quote};
use domain::{Candle, InquiryRow, Instrument, Market, Price, Quantity, Restriction, StockRules};
use rust_decimal::Decimal;

use super::Environment;
use super::bars::{self, Window};
use super::call::{Paging, Session};
use super::codes::{OrderExchange, Venue};
use super::day_limits::day_limits;
use super::domestic::owner;
use super::orders::{self, Remainder, side};
use super::trid::reads;
use super::wire::{Envelope, Row, WireError};

/// What KIS calls a market, or the error that says that it is no foreign one.
///
/// # Errors
/// [`QueryError::NotOffered`].
pub(super) fn venue(market: Market) -> Result<&'static Venue, QueryError> {
    Venue::of(market).ok_or_else(|| QueryError::NotOffered(format!("{market} is no foreign market")))
}

/// The price now, with the day's range, and the stock's lot and limits where KIS tells them.
///
/// The long answer is not offered on a paper account (KIS.md 13.2), where range and lot therefore stay unknown, and the
/// day's limits follow from the close before.
///
/// # Errors
/// [`QueryError`]; an answer of empty texts means that KIS does not know the symbol there.
pub(super) async fn quote(
    session: &Session,
    instrument: Instrument,
    urgency: Urgency,
) -> Result<Quote, QueryError> {
    let quote = match session.config.environment {
        Environment::Real => detailed_quote(session, instrument, urgency).await?,
        Environment::Paper => plain_quote(session, instrument, urgency).await?,
    };
    session.remember(&quote.instrument);
    if let Some(lot) = quote.rules.lot {
        session.learn_lot(&quote.instrument, lot);
    }
    if session.config.environment == Environment::Real {
        session.learn_limits(&quote.instrument, &quote.rules);
    }
    Ok(quote)
}

/// KIS.md 13.1: no bid, no ask, no open, high or low in this answer.
async fn plain_quote(
    session: &Session,
    instrument: Instrument,
    urgency: Urgency,
) -> Result<Quote, QueryError> {
    let question = session.question(&reads::OVERSEAS_PRICE, urgency)?.with(stock(&instrument)?);
    let answer = session.ask(&question).await?;
    let row = answer.summary("output")?;
    let last = last_price(&row, &instrument)?;
    let delay = feed_delay(session, &instrument)?;
    let base = row.price("base")?;
    let [upper_limit, lower_limit] = day_limits(instrument.market, &instrument.symbol, base);
    let ticks = session.ticks(&instrument);
    Ok(Quote {
        instrument,
        at: session.now(),
        last,
        open: None,
        high: None,
        low: None,
        change_pct: row.decimal("rate")?,
        volume: row.whole("tvol")?,
        bid: None,
        ask: None,
        delay,
        rules: StockRules { upper_limit, lower_limit, ticks, ..StockRules::default() },
    })
}

/// KIS.md 13.2: the change is not told and follows from the previous close; a limit of zero is no limit.
async fn detailed_quote(
    session: &Session,
    instrument: Instrument,
    urgency: Urgency,
) -> Result<Quote, QueryError> {
    let question = session.question(&reads::OVERSEAS_DETAIL, urgency)?.with(stock(&instrument)?);
    let answer = session.ask(&question).await?;
    let row = answer.summary("output")?;
    let last = last_price(&row, &instrument)?;
    let delay = feed_delay(session, &instrument)?;
    let ticks = match row.decimal("e_hogau")? {
        Some(step) => session.learn_step(&instrument, last, step),
        None => session.ticks(&instrument),
    };
    Ok(Quote {
        instrument,
        at: session.now(),
        last,
        open: row.price("open")?,
        high: row.price("high")?,
        low: row.price("low")?,
        change_pct: row.price("base")?.and_then(|base| change_pct(base, last)),
        volume: row.whole("tvol")?,
        bid: None,
        ask: None,
        delay,
        rules: StockRules {
            lot: row.whole("vnit")?.and_then(NonZeroU64::new),
            upper_limit: row.price("uplp")?,
            lower_limit: row.price("dnlp")?,
            restriction: tradability(&row).and_then(restriction),
            ticks,
        },
    })
}

/// How far prices may be behind the market.
fn feed_delay(session: &Session, instrument: &Instrument) -> Result<TimeDelta, QueryError> {
    Ok(venue(instrument.market)?.feed_delay(&session.config.live_feeds))
}

/// `e_ordyn`: whether the broker trades it (KIS.md 13.2, 13.6); none when it is not told. `ordy` is a text for people and
/// says nothing (KIS.md 13.1).
pub(super) fn tradability(row: &Row) -> Option<ListedStatus> {
    match row.text("e_ordyn").replace(' ', "").as_str() {
        "" => None,
        "매매가능" | "○" => Some(ListedStatus::Free),
        _ => Some(ListedStatus::Restricted(Restriction::NotTradable)),
    }
}

fn restriction(status: ListedStatus) -> Option<Restriction> {
    match status {
        ListedStatus::Free => None,
        ListedStatus::Restricted(restriction) => Some(restriction),
    }
}

fn last_price(row: &Row, instrument: &Instrument) -> Result<Price, QueryError> {
    row.price("last")?.ok_or_else(|| QueryError::Unavailable(format!("{instrument} has no price")))
}

/// Percent with two decimals, as KIS rounds `rate`.
fn change_pct(base: Price, last: Price) -> Option<Decimal> {
    let change = last.value().checked_sub(base.value())?.checked_mul(Decimal::ONE_HUNDRED)?;
    Some(change.checked_div(base.value())?.round_dp(2))
}

/// The newest bars, oldest first (KIS.md 13.3, 13.5).
///
/// # Errors
/// [`QueryError`]; minute bars are not offered on a paper account.
pub(super) async fn bars(session: &Session, query: &BarsQuery) -> Result<Vec<Candle>, QueryError> {
    match query.interval {
        BarInterval::Day => daily(session, query).await,
        BarInterval::Minute => minutes(session, query).await,
    }
}

async fn daily(session: &Session, query: &BarsQuery) -> Result<Vec<Candle>, QueryError> {
    let market = query.instrument.market;
    let mut window = Window::new(query.count);
    let mut last = market.date_at(session.now());
    while window.wants_more() {
        let question = session
            .question(&reads::OVERSEAS_DAILY, Urgency::Scan)?
            .with(stock(&query.instrument)?)
            // MODP 1: adjusted for splits.
            .with([("GUBN", "0"), ("MODP", "1"), ("KEYB", "")])
            .with([("BYMD", bars::compact(last))]);
        let page = session.ask(&question).await?.rows(&["output2"])?;
        let bar = |row| daily_bar(market, row).transpose();
        window.add(page.iter().filter_map(bar).collect::<Result<_, _>>()?);
        match bars::before_oldest(&page, "xymd", last) {
            Some(earlier) => last = earlier,
            None => break,
        }
    }
    Ok(window.into_bars())
}

fn daily_bar(market: Market, row: &Row) -> Result<Option<Candle>, WireError> {
    if row.text("xymd").is_empty() {
        return Ok(None);
    }
    let at = bars::day_start(market, row.date("xymd")?);
    bars::candle(row, at, ["open", "high", "low", "clos"], "tvol")
}

async fn minutes(session: &Session, query: &BarsQuery) -> Result<Vec<Candle>, QueryError> {
    let market = query.instrument.market;
    let mut window = Window::new(query.count);
    let mut key = String::new();
    while window.wants_more() {
        let next = if key.is_empty() { "" } else { "1" };
        let question = session
            .question(&reads::OVERSEAS_MINUTES, Urgency::Scan)?
            .with(stock(&query.instrument)?)
            .with([("NMIN", "1"), ("PINC", "1"), ("NEXT", next), ("NREC", "120"), ("FILL", "")])
            .with([("KEYB", key.clone())]);
        let answer = session.ask(&question).await?;
        let page = answer.rows(&["output2"])?;
        let bar = |row| minute_bar(market, row).transpose();
        window.add(page.iter().filter_map(bar).collect::<Result<_, _>>()?);
        let earlier = page.iter().filter_map(minute_of).min().map(|oldest| oldest - TimeDelta::minutes(1));
        match earlier.map(|at| at.format("%Y%m%d%H%M%S").to_string()) {
            Some(earlier) if key.is_empty() || earlier < key => key = earlier,
            Some(_) | None => break,
        }
    }
    Ok(window.into_bars())
}

fn minute_of(row: &Row) -> Option<chrono::NaiveDateTime> {
    Some(row.date("xymd").ok()?.and_time(row.time("xhms")?))
}

fn minute_bar(market: Market, row: &Row) -> Result<Option<Candle>, WireError> {
    let Some(local) = minute_of(row) else { return Ok(None) };
    let at = bars::moment(market, local.date(), local.time());
    bars::candle(row, at, ["open", "high", "low", "last"], "evol")
}

/// Every order on one exchange-local date, of `market` alone (KIS.md 12.9).
///
/// # Errors
/// [`QueryError`]; one unreadable row fails the whole list.
pub(super) async fn orders_of_day(
    session: &Session,
    market: Market,
    date: NaiveDate,
) -> Result<Vec<InquiryRow>, QueryError> {
    let rows = all_orders_of_day(session, date, Urgency::Reconcile).await?;
    Ok(rows.into_iter().filter(|row| row.instrument.market == market).collect())
}

/// Every foreign order on one exchange-local date. KIS cannot search by number or, on paper, by exchange.
///
/// # Errors
/// As [`orders_of_day`].
pub(super) async fn all_orders_of_day(
    session: &Session,
    date: NaiveDate,
    urgency: Urgency,
) -> Result<Vec<InquiryRow>, QueryError> {
    let all = match session.config.environment {
        Environment::Real => "%",
        Environment::Paper => "",
    };
    let question = session
        .question(&reads::OVERSEAS_ORDERS, urgency)?
        .with(owner(&session.account))
        .with([("ORD_STRT_DT", bars::compact(date)), ("ORD_END_DT", bars::compact(date))])
        .with([("PDNO", all), ("OVRS_EXCG_CD", all), ("SLL_BUY_DVSN", "00"), ("CCLD_NCCS_DVSN", "00")])
        .with([("SORT_SQN", "DS"), ("ORD_DT", ""), ("ORD_GNO_BRNO", ""), ("ODNO", "")]);
    let pages = session.ask_all(&question, Paging::OVERSEAS).await?;
    order_rows(&pages, date)
}

fn order_rows(pages: &[Envelope], date: NaiveDate) -> Result<Vec<InquiryRow>, QueryError> {
    let mut rows = Vec::new();
    for page in pages {
        for row in page.list("output")? {
            if let Some(order) = order_row(&row)?
                && orders::is_of(date, &row, &order.order, 1)?
            {
                rows.push(order);
            }
        }
    }
    Ok(rows)
}

/// A cancel request is a row of its own that points at the order; what it did shows in the order's row.
fn is_cancel(row: &Row) -> Result<bool, WireError> {
    let cancels = row.text("rvse_cncl_dvsn") == "02";
    // Without the order it points at, the row may be the order itself.
    if cancels && row.text("orgn_odno").is_empty() {
        Err(WireError::Missing("orgn_odno"))
    } else {
        Ok(cancels)
    }
}

/// An order of another medium on an exchange that is none of the ten markets, or of a stock that we could not have
/// ordered, is not ours.
fn order_row(row: &Row) -> Result<Option<InquiryRow>, WireError> {
    if orders::is_blank(row, ["pdno", "ft_ord_qty"])? || is_cancel(row)? {
        return Ok(None);
    }
    let Some(market) = OrderExchange::market(row.text("ovrs_excg_cd")) else {
        return orders::not_ours(row, "mdia_dvsn_name", "ovrs_excg_cd").map(|()| None);
    };
    let Some(symbol) = orders::symbol(row, "pdno") else {
        return orders::not_ours(row, "mdia_dvsn_name", "pdno").map(|()| None);
    };
    let (ordered, filled) = (row.quantity("ft_ord_qty")?, row.quantity("ft_ccld_qty")?);
    let Remainder { cancelled, rejected, remaining } = remainder(row, ordered, filled)?;
    let order = orders::id(row)?;
    let date = order.date;
    Ok(Some(InquiryRow {
        order,
        instrument: Instrument { market, symbol },
        side: side(row, "sll_buy_dvsn_cd")?,
        ordered,
        limit: row.price("ft_ord_unpr3")?,
        filled,
        average_price: row.price("ft_ccld_unpr3")?,
        remaining,
        cancelled,
        rejected,
        time: local_time(row, market, date),
    }))
}

/// Foreign rows name the unfilled shares only. Shares that are neither filled nor unfilled were refused when the row
/// says so, else cancelled; a row that is still on its way ("전송") and yet has no unfilled shares explains nothing, and
/// the row's own law then shows the contradiction.
fn remainder(row: &Row, ordered: Quantity, filled: Quantity) -> Result<Remainder, WireError> {
    let remaining = row.quantity("nccs_qty")?;
    let gone = ordered.saturating_sub(filled).saturating_sub(remaining);
    let state = row.text("prcs_stat_name");
    let (cancelled, rejected) = if state.contains("거부") || !row.text("rjct_rson_name").is_empty() {
        (Quantity::ZERO, gone)
    } else if state.contains("전송") {
        (Quantity::ZERO, Quantity::ZERO)
    } else {
        (gone, Quantity::ZERO)
    };
    Ok(Remainder { remaining, cancelled, rejected })
}

/// Nobody documents the zone of `ord_tmd`; `dmst_ord_dt` and `thco_ord_tmd` are Korean (KIS.md 12.9). A moment of
/// another local day than the order's says nothing about its time.
fn local_time(row: &Row, market: Market, date: NaiveDate) -> Option<NaiveTime> {
    let at = bars::moment(Market::Kr, row.date("dmst_ord_dt").ok()?, row.time("thco_ord_tmd")?);
    let local = at.with_timezone(&market.zone()).naive_local();
    (local.date() == date).then(|| local.time())
}

/// `AUTH`, `EXCD` and `SYMB` (KIS.md 13).
///
/// # Errors
/// [`QueryError::NotOffered`] for a Korean stock.
pub(super) fn stock(instrument: &Instrument) -> Result<[(&'static str, String); 3], QueryError> {
    let exchange = venue(instrument.market)?.quote.code().to_owned();
    let symbol = instrument.symbol.as_str().to_owned();
    Ok([("AUTH", String::new()), ("EXCD", exchange), ("SYMB", symbol)])
}

#[cfg(test)]
mod tests;
