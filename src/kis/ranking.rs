//! Rankings (KIS.md 9.6, 9.7, 13.6, 13.7). All of them are for real accounts only; on a paper account the condition
//! search stands in for the foreign ones, the Korean ones are not offered.

use std::cmp::Reverse;

use broker::Urgency;
use domain::messages::market_data::{QueryError, RankedStock, RankingKind, RankingQuery};
use domain::{Instrument, Market};
use rust_decimal::Decimal;

use super::Environment;
use super::call::{Question, Session};
use super::overseas::venue;
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
    /// Volume now, and the volume it is measured against; none when the list does not say.
    volumes: Option<[&'static str; 2]>,
}

const KR_FLUCTUATION: Columns = Columns {
    symbol: "stck_shrn_iscd",
    name: ["hts_kor_isnm", "hts_kor_isnm"],
    price: "stck_prpr",
    change: "prdy_ctrt",
    volumes: None,
};
const KR_VOLUME: Columns =
    Columns { symbol: "mksc_shrn_iscd", volumes: Some(["acml_vol", "prdy_vol"]), ..KR_FLUCTUATION };
const OVERSEAS_FLUCTUATION: Columns =
    Columns { symbol: "symb", name: ["name", "knam"], price: "last", change: "rate", volumes: None };
const OVERSEAS_VOLUME: Columns = Columns { volumes: Some(["tvol", "n_tvol"]), ..OVERSEAS_FLUCTUATION };

/// `trade-vol`: the ranking by shares traded, which asks for other parameters than the surge of volume (KIS.md 13.6).
const BY_VOLUME: &str = "HHDFS76310010";

/// Warned, administrative, in liquidation, halted, preferred, ETN and SPAC are left out (KIS.md 9.6).
const KR_EXCLUDED: &str = "1111011101";

/// A ranking, best first.
///
/// # Errors
/// [`QueryError::NotOffered`] for Korea on a paper account; other [`QueryError`] after all attempts.
pub(super) async fn ranking(session: &Session, query: &RankingQuery) -> Result<Vec<RankedStock>, QueryError> {
    let paper = session.config.environment == Environment::Paper;
    let (question, columns) = match (query.market, query.kind) {
        (Market::Kr, RankingKind::Fluctuation) => (kr_fluctuation(session)?, KR_FLUCTUATION),
        (Market::Kr, RankingKind::Volume) => (kr_volume(session)?, KR_VOLUME),
        (market, RankingKind::Fluctuation | RankingKind::Volume) if paper => {
            (search(session, market)?, OVERSEAS_FLUCTUATION)
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
    let mut stocks = Vec::new();
    for row in &rows {
        stocks.extend(ranked(row, query.market, columns)?);
    }
    sort(&mut stocks, query.kind);
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

/// Rows without a code are dropped, and so is a code that is none: its text comes from outside.
fn ranked(row: &Row, market: Market, columns: Columns) -> Result<Option<RankedStock>, WireError> {
    let Ok(symbol) = row.text(columns.symbol).parse() else { return Ok(None) };
    Ok(Some(RankedStock {
        instrument: Instrument { market, symbol },
        name: super::wire::clip(row.text_of(columns.name)),
        price: row.price(columns.price)?,
        change_pct: row.decimal(columns.change)?,
        volume_ratio: columns.volumes.map_or(Ok(None), |volumes| ratio(row, volumes))?,
    }))
}

fn ratio(row: &Row, [now, then]: [&'static str; 2]) -> Result<Option<Decimal>, WireError> {
    let (Some(now), Some(then)) = (row.decimal(now)?, row.decimal(then)?) else { return Ok(None) };
    Ok(now.checked_div(then).map(|ratio| ratio.round_dp(4)))
}

/// The lists are not strictly ordered (KIS.md 9.7): sorted here, absent last, ties as sent.
fn sort(stocks: &mut [RankedStock], kind: RankingKind) {
    match kind {
        RankingKind::Fluctuation => stocks.sort_by_key(|stock| Reverse(stock.change_pct)),
        RankingKind::Volume => stocks.sort_by_key(|stock| Reverse(stock.volume_ratio)),
    }
}

#[cfg(test)]
mod tests;
