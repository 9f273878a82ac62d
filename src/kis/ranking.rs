//! Rankings (KIS.md 9.6, 9.7, 13.6, 13.7). All of them are for real accounts only; on a paper account the condition
//! search stands in for the foreign ones, the Korean ones are not offered.

use std::cmp::Reverse;

use broker::Urgency;
use domain::messages::market_data::{ListedStatus, QueryError, RankedStock, RankingKind, RankingQuery};
use domain::{Instrument, Market};
use rust_decimal::Decimal;

use super::Environment;
use super::call::{Question, Session};
use super::overseas::{tradability, venue};
use super::trid::reads;
use super::wire::{Row, WireError};
use crate::config::Endpoint;

/// Where the names of one ranking's fields differ.
#[derive(Clone, Copy, Debug)]
struct Columns {
    symbol: &'static str,
    /// The foreign lists spell it two ways.
    name: [&'static str; 2],
    price: &'static str,
    change: &'static str,
    /// The day's high and low, where the list has them.
    range: Option<[&'static str; 2]>,
    /// Shares traded today.
    volume: &'static str,
    /// The volume that the one of today is measured against; none when the list does not say.
    reference: Option<Reference>,
    /// Whether its rows tell if a stock may be bought.
    status: Status,
}

/// What today's volume is measured against.
#[derive(Clone, Copy, Debug)]
enum Reference {
    /// The whole day before.
    DayBefore(&'static str),
    /// Today's own some time ago: an order of the list, no ratio to a usual volume.
    Earlier(&'static str),
}

/// How a list tells whether a stock may be bought.
#[derive(Clone, Copy, Debug)]
enum Status {
    /// Not at all.
    Untold,
    /// Stocks that should not be bought are left out of it.
    LeftOut,
    /// `e_ordyn`.
    Field,
}

const KR_FLUCTUATION: Columns = Columns {
    symbol: "stck_shrn_iscd",
    name: ["hts_kor_isnm", "hts_kor_isnm"],
    price: "stck_prpr",
    change: "prdy_ctrt",
    range: Some(["stck_hgpr", "stck_lwpr"]),
    volume: "acml_vol",
    reference: None,
    status: Status::Untold,
};
const KR_VOLUME: Columns = Columns {
    symbol: "mksc_shrn_iscd",
    range: None,
    reference: Some(Reference::DayBefore("prdy_vol")),
    status: Status::LeftOut,
    ..KR_FLUCTUATION
};
const OVERSEAS_FLUCTUATION: Columns = Columns {
    symbol: "symb",
    name: ["name", "knam"],
    price: "last",
    change: "rate",
    range: None,
    volume: "tvol",
    reference: None,
    status: Status::Field,
};
const OVERSEAS_VOLUME: Columns =
    Columns { reference: Some(Reference::Earlier("n_tvol")), ..OVERSEAS_FLUCTUATION };
const OVERSEAS_SEARCH: Columns = Columns { range: Some(["phigh", "plow"]), ..OVERSEAS_FLUCTUATION };

/// `trade-vol`: the ranking by shares traded, which asks for other parameters than the surge of volume (KIS.md 13.6).
const BY_VOLUME: &str = "HHDFS76310010";

/// Warned, administrative, in liquidation, unfaithful, halted, ETF, ETN and SPAC are left out; preferred shares and those
/// without credit stay (KIS.md 9.6).
const KR_EXCLUDED: &str = "1111011101";

/// A ranking, best first.
///
/// On a paper account one search stands in for the foreign ones; asked for the other list, it would answer the same rows.
///
/// # Errors
/// [`QueryError::NotOffered`] on a paper account, but for the foreign price changes; other [`QueryError`] after all attempts.
pub(super) async fn ranking(session: &Session, query: &RankingQuery) -> Result<Vec<RankedStock>, QueryError> {
    let paper = session.config.environment == Environment::Paper;
    let (question, columns) = match (query.market, query.kind) {
        (Market::Kr, RankingKind::Fluctuation) => (kr_fluctuation(session)?, KR_FLUCTUATION),
        (Market::Kr, RankingKind::Volume) => (kr_volume(session)?, KR_VOLUME),
        (market, RankingKind::Fluctuation) if paper => (search(session, market)?, OVERSEAS_SEARCH),
        (_, RankingKind::Volume) if paper => {
            return Err(QueryError::NotOffered("a paper account has no ranking by volume".to_owned()));
        }
        (market, RankingKind::Fluctuation) => {
            // GUBN 1: gainers; NDAY 0: today.
            let extra = [("GUBN", "1"), ("NDAY", "0"), ("VOL_RANG", "0")];
            (overseas(&session.config.fluctuation, market)?.with(extra), OVERSEAS_FLUCTUATION)
        }
        (market, RankingKind::Volume) if session.config.volume.tr_id == BY_VOLUME => {
            // Shares traded today, whatever the price; the list does not say against what.
            let extra = [("NDAY", "0"), ("PRC1", ""), ("PRC2", ""), ("VOL_RANG", "0")];
            (overseas(&session.config.volume, market)?.with(extra), OVERSEAS_FLUCTUATION)
        }
        (market, RankingKind::Volume) => {
            // MIXN 8: against one hour ago.
            let extra = [("MIXN", "8"), ("VOL_RANG", "0")];
            (overseas(&session.config.volume, market)?.with(extra), OVERSEAS_VOLUME)
        }
    };
    let rows = session.ask(&question).await?.rows(&["output", "Output", "output2"])?;
    let mut ranked_rows = Vec::new();
    for row in &rows {
        ranked_rows.extend(ranked(row, query.market, columns)?);
    }
    let stocks = sorted(ranked_rows, query.kind);
    if let Some(best) = stocks.first() {
        session.remember(&best.instrument);
    }
    Ok(stocks)
}

fn kr_fluctuation(session: &Session) -> Result<Question, QueryError> {
    Ok(session
        .question(&reads::KR_FLUCTUATION, Urgency::Scan)?
        .with([
            ("fid_cond_mrkt_div_code", "J"),
            ("fid_cond_scr_div_code", "20170"),
            ("fid_input_iscd", "0000"),
        ])
        // One digit: four are refused. Gainers against the previous close.
        .with([("fid_rank_sort_cls_code", "0"), ("fid_input_cnt_1", "0"), ("fid_prc_cls_code", "1")])
        .with([("fid_input_price_1", ""), ("fid_input_price_2", ""), ("fid_vol_cnt", "")])
        .with([("fid_rsfl_rate1", ""), ("fid_rsfl_rate2", "")])
        .with([("fid_trgt_cls_code", "0"), ("fid_trgt_exls_cls_code", "0"), ("fid_div_cls_code", "0")]))
}

fn kr_volume(session: &Session) -> Result<Question, QueryError> {
    Ok(session
        .question(&reads::KR_VOLUME_RANK, Urgency::Scan)?
        .with([
            ("FID_COND_MRKT_DIV_CODE", "J"),
            ("FID_COND_SCR_DIV_CODE", "20171"),
            ("FID_INPUT_ISCD", "0000"),
        ])
        // 1 in the second: by the increase of volume.
        .with([("FID_DIV_CLS_CODE", "0"), ("FID_BLNG_CLS_CODE", "1"), ("FID_TRGT_CLS_CODE", "111111111")])
        .with([("FID_TRGT_EXLS_CLS_CODE", KR_EXCLUDED), ("FID_INPUT_PRICE_1", ""), ("FID_INPUT_PRICE_2", "")])
        .with([("FID_VOL_CNT", ""), ("FID_INPUT_DATE_1", "")]))
}

/// Without `KEYB` and `AUTH`, though empty, KIS refuses with `rt_cd` 2 (KIS.md 13.6).
fn overseas(endpoint: &Endpoint, market: Market) -> Result<Question, QueryError> {
    let exchange = venue(market)?.quote.code();
    Ok(Question::at("foreign ranking", &endpoint.path, &endpoint.tr_id, Urgency::Scan).with([
        ("KEYB", ""),
        ("AUTH", ""),
        ("EXCD", exchange),
    ]))
}

/// Up 3 to 30 percent with more than a million shares traded (KIS.md 13.7).
fn search(session: &Session, market: Market) -> Result<Question, QueryError> {
    Ok(session
        .question(&reads::OVERSEAS_SEARCH, Urgency::Scan)?
        .with([("KEYB", ""), ("AUTH", ""), ("EXCD", venue(market)?.quote.code())])
        .with([("CO_YN_RATE", "1"), ("CO_ST_RATE", "3"), ("CO_EN_RATE", "30")])
        .with([("CO_YN_VOLUME", "1"), ("CO_ST_VOLUME", "1000000"), ("CO_EN_VOLUME", "999999999999")]))
}

/// Rows without a code are dropped, and so is a code that is none: its text comes from outside. Beside the stock, today's
/// volume in times of what the list measures it against.
fn ranked(
    row: &Row,
    market: Market,
    columns: Columns,
) -> Result<Option<(RankedStock, Option<Decimal>)>, WireError> {
    let Ok(symbol) = row.text(columns.symbol).parse() else { return Ok(None) };
    let [high, low] = match columns.range {
        Some([high, low]) => [row.price(high)?, row.price(low)?],
        None => [None; 2],
    };
    let ratio = ratio(row, columns)?;
    let stock = RankedStock {
        instrument: Instrument { market, symbol },
        name: super::wire::clip(row.text_of(columns.name)),
        price: row.price(columns.price)?,
        change_pct: row.decimal(columns.change)?,
        high,
        low,
        volume: row.whole(columns.volume)?,
        volume_ratio: ratio.filter(|_| matches!(columns.reference, Some(Reference::DayBefore(_)))),
        status: match columns.status {
            Status::Untold => None,
            Status::LeftOut => Some(ListedStatus::Free),
            Status::Field => tradability(row),
        },
    };
    Ok(Some((stock, ratio)))
}

fn ratio(row: &Row, columns: Columns) -> Result<Option<Decimal>, WireError> {
    let Some(Reference::DayBefore(then) | Reference::Earlier(then)) = columns.reference else {
        return Ok(None);
    };
    let (Some(now), Some(then)) = (row.decimal(columns.volume)?, row.decimal(then)?) else { return Ok(None) };
    Ok(now.checked_div(then).map(|ratio| ratio.round_dp(4)))
}

/// The lists are not strictly ordered (KIS.md 9.7): sorted here, absent last, ties as sent.
fn sorted(mut rows: Vec<(RankedStock, Option<Decimal>)>, kind: RankingKind) -> Vec<RankedStock> {
    match kind {
        RankingKind::Fluctuation => rows.sort_by_key(|(stock, _)| Reverse(stock.change_pct)),
        RankingKind::Volume => rows.sort_by_key(|(_, ratio)| Reverse(*ratio)),
    }
    rows.into_iter().map(|(stock, _)| stock).collect()
}

#[cfg(test)]
mod tests;
