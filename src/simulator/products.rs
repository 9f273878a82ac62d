//! What a product is: the basic facts of stocks at home and abroad (KIS.md 6, 13.8). Real host only.

use domain::Market;
use serde_json::{Map, Value};

use super::call::{Call, Note, Reply};
use super::domestic_reports::long_symbol;
use super::listing::Listing;
use super::places::{currency_name, market_code, nation, securities_number};
use super::refusal::{self, OrderRefusal, Refusal};
use super::rules::{self, FOREIGN};
use super::venue::Venue;
use super::wire::{alike, texts};

/// `PRDT_TYPE_CD` of Korean stocks.
const DOMESTIC: &str = "300";

fn market_of(product_type: &str) -> Option<Market> {
    let foreign = FOREIGN.iter().find(|place| place.product_type == product_type);
    foreign.map(|place| place.market).or((product_type == DOMESTIC).then_some(Market::Kr))
}

fn product(venue: &Venue, call: &Call) -> Result<&'static Listing, Refusal> {
    let market = market_of(call.get("PRDT_TYPE_CD")).ok_or_else(|| refusal::invalid("PRDT_TYPE_CD"))?;
    let asked = call.get("PDNO");
    let short = asked.strip_prefix("00000A").filter(|_| market.is_domestic()).unwrap_or(asked);
    let unknown = || OrderRefusal::UnknownStock.on_the_wire(call.environment);
    venue.listing(market, short).ok_or_else(unknown)
}

fn number_of(listing: &Listing) -> String {
    if listing.market.is_domestic() { long_symbol(listing.symbol) } else { listing.symbol.to_owned() }
}

/// `search-info`: names and classes of any product.
pub(super) fn info(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    let listing = product(venue, call)?;
    let (class, class_name) = class(listing.market);
    let kind = if listing.market.is_domestic() { "1000" } else { "1012" };
    let mut output =
        alike(["prdt_sale_stat_cd", "prdt_risk_grad_cd", "sale_strt_dt", "sale_end_dt", "frst_erlm_dt"], "");
    output.extend(alike(["prdt_name", "prdt_name120", "prdt_abrv_name"], listing.name));
    output.extend(alike(["prdt_eng_name", "prdt_eng_name120", "prdt_eng_abrv_name"], listing.english));
    output.extend(texts([
        ("pdno", number_of(listing)),
        ("prdt_type_cd", call.get("PRDT_TYPE_CD").into()),
        ("std_pdno", securities_number(listing.market, listing.symbol)),
        ("shtn_pdno", listing.symbol.into()),
        ("prdt_clsf_cd", class.into()),
        ("prdt_clsf_name", class_name.into()),
        ("wrap_asst_type_cd", "06".into()),
        ("ivst_prdt_type_cd", kind.into()),
        ("ivst_prdt_type_cd_name", class_name.into()),
    ]));
    Ok(shown(output))
}

fn class(market: Market) -> (&'static str, &'static str) {
    if market.is_domestic() { ("101110", "국내주식") } else { ("101210", "해외주식") }
}

fn shown(output: Map<String, Value>) -> Reply {
    Reply::noted(Note::Shown, vec![("output", Value::Object(output))])
}

/// `search-stock-info`: a Korean stock's listing, classes and last two closes. Figures of the company are not simulated.
pub(super) fn stock(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    if call.get("PRDT_TYPE_CD") != DOMESTIC {
        return Err(refusal::invalid("PRDT_TYPE_CD"));
    }
    let listing = product(venue, call)?;
    let quote = venue.quote(listing);
    let [last, base] = quote.as_ref().map_or([0; 2], |quote| [quote.last, quote.base]);
    let changed = quote.as_ref().map_or(String::new(), |quote| super::wire::date(quote.session.date));
    let mut output = stock_standing();
    output.extend(alike(["prdt_name", "prdt_name120", "prdt_abrv_name"], listing.name));
    output.extend(alike(["prdt_eng_name", "prdt_eng_name120", "prdt_eng_abrv_name"], listing.english));
    output.extend(texts([
        ("pdno", long_symbol(listing.symbol)),
        ("std_pdno", securities_number(listing.market, listing.symbol)),
        ("lstg_stqt", (listing.shares_thousand * 1_000).to_string()),
        ("thdt_clpr", last.to_string()),
        ("bfdy_clpr", base.to_string()),
        ("clpr_chng_dt", changed.clone()),
        ("thco_sbst_pric_chng_dt", changed),
    ]));
    Ok(shown(output))
}

fn stock_standing() -> Map<String, Value> {
    let no = [
        "oilf_fund_yn",
        "kospi200_item_yn",
        "dpsi_aptm_erlm_yn",
        "tr_stop_yn",
        "admn_item_yn",
        "crfd_item_yn",
        "elec_scty_yn",
    ];
    let zero = ["lstg_cptl_amt", "cpta", "papr", "issu_pric", "etf_cu_qty", "sbst_pric", "thco_sbst_pric"];
    let blank = [
        "scts_mket_lstg_abol_dt",
        "kosdaq_mket_lstg_dt",
        "kosdaq_mket_lstg_abol_dt",
        "frbd_mket_lstg_abol_dt",
        "reits_kind_cd",
        "mfnd_opng_dt",
        "mfnd_end_dt",
        "dpsi_erlm_cncl_dt",
        "etf_type_cd",
        "lstg_abol_dt",
    ];
    let mut output = alike(no, "N");
    output.extend(alike(zero, "0"));
    output.extend(alike(blank, ""));
    output.extend(texts(
        [
            ("prdt_type_cd", DOMESTIC),
            ("mket_id_cd", "STK"),
            ("scty_grp_id_cd", "ST"),
            ("excg_dvsn_cd", "02"),
            ("setl_mmdd", "12"),
            ("scts_mket_lstg_dt", "20000104"),
            ("frbd_mket_lstg_dt", "20000104"),
            ("etf_dvsn_cd", "0"),
            ("idx_bztp_lcls_cd", "002"),
            ("idx_bztp_mcls_cd", "013"),
            ("idx_bztp_scls_cd", "013"),
            ("stck_kind_cd", "101"),
            ("etf_txtn_type_cd", "00"),
            ("nwst_odst_dvsn_cd", "1"),
            ("std_idst_clsf_cd", "032601"),
            ("std_idst_clsf_cd_name", "기타"),
            ("idx_bztp_lcls_cd_name", "시가총액규모대"),
            ("idx_bztp_mcls_cd_name", "기타"),
            ("idx_bztp_scls_cd_name", "기타"),
            ("ocr_no", "1000"),
        ]
        .map(|(name, text)| (name, text.to_owned())),
    ));
    output
}

/// `search-info` of foreign stocks: where it is listed, its currency and its lot.
pub(super) fn foreign(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    let listing = product(venue, call)?;
    let place = rules::foreign(listing.market).ok_or_else(|| refusal::invalid("PRDT_TYPE_CD"))?;
    let nation = nation(listing.market);
    let currency = listing.market.currency();
    let number = securities_number(listing.market, listing.symbol);
    let lot = super::overseas_quotes::lot(listing).to_string();
    let mut output = foreign_standing();
    output.extend(texts([
        ("std_pdno", number.clone()),
        ("istt_usge_isin_cd", number),
        ("prdt_eng_name", listing.english.into()),
        ("prdt_name", listing.name.into()),
        ("natn_cd", nation.code.into()),
        ("natn_name", nation.korean_name.into()),
        ("tr_mket_cd", market_code(listing.market).into()),
        ("tr_mket_name", place.korean_name.into()),
        ("ovrs_excg_cd", place.order_code.into()),
        ("ovrs_excg_name", place.korean_name.into()),
        ("tr_crcy_cd", currency.code().into()),
        ("crcy_name", currency_name(currency).into()),
        ("sll_unit_qty", lot.clone()),
        ("buy_unit_qty", lot),
        ("lstg_stck_num", (listing.shares_thousand * 1_000).to_string()),
        ("blbg_tckr_text", format!("{} {}", listing.symbol, nation.letters)),
    ]));
    Ok(shown(output))
}

fn foreign_standing() -> Map<String, Value> {
    let no = [
        "lstg_abol_item_yn",
        "tax_levy_yn",
        "mint_svc_yn",
        "mint_dcpt_trad_psbl_yn",
        "mint_fnum_trad_psbl_yn",
        "mint_cblc_cvsn_ipsb_yn",
        "ptp_item_yn",
        "ptp_item_trfx_exmt_yn",
        "dtm_tr_psbl_yn",
        "sdrf_stop_ecls_yn",
    ];
    let blank = [
        "lstg_dt",
        "chng_bf_pdno",
        "prdt_type_cd_2",
        "ovrs_item_name",
        "sedol_no",
        "lei_cd",
        "mint_svc_yn_chng_dt",
        "mint_frst_svc_erlm_dt",
        "ovrs_stck_etf_risk_drtp_cd",
        "ovrs_stck_stop_rson_cd",
        "lstg_abol_dt",
        "ptp_item_trfx_exmt_strt_dt",
        "ptp_item_trfx_exmt_end_dt",
    ];
    let mut output = alike(no, "N");
    output.extend(alike(blank, ""));
    output.extend(texts(
        [
            ("ovrs_papr", "0.00000"),
            ("ovrs_stck_dvsn_cd", "01"),
            ("prdt_clsf_cd", "101210"),
            ("prdt_clsf_name", "해외주식"),
            ("tr_unit_amt", "0"),
            ("ovrs_stck_tr_stop_dvsn_cd", "01"),
            ("ovrs_stck_prdt_grp_no", "1000"),
            ("lstg_yn", "Y"),
            ("ovrs_stck_erlm_rosn_cd", "00"),
            ("ovrs_stck_hist_rght_dvsn_cd", "00"),
            ("etp_chas_erng_rt_dbnb", "0.000000"),
            ("mini_stk_tr_stat_dvsn_cd", "01"),
            ("sdrf_stop_ecls_erlm_dt", "00000000"),
        ]
        .map(|(name, text)| (name, text.to_owned())),
    ));
    output
}
