//! Korean quotes: price and order book (KIS.md 9.1, 9.2).

use chrono::Datelike;
use domain::Market;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::book::{Book, LEVELS};
use super::call::{Call, Reply};
use super::refusal::Refusal;
use super::tape::Bar;
use super::venue::{Quote, Venue};
use super::wire::{self, Change, fixed};
use super::{bars, rules};

/// The stock a quote asks about.
pub(super) fn quote(venue: &mut Venue, call: &Call) -> Result<Quote, Refusal> {
    if !matches!(call.get("FID_COND_MRKT_DIV_CODE"), "J" | "UN") {
        return Err(Refusal::input("OPSQ2001", "ERROR : INPUT INVALID_CHECK_MRKT_DIV_CODE"));
    }
    let listing = venue.listing(Market::Kr, call.get("FID_INPUT_ISCD"));
    let quote = listing.and_then(|listing| venue.quote(listing));
    quote.ok_or_else(|| Refusal::business("7", "MCA05918", "종목코드 오류입니다."))
}

pub(super) fn change(quote: &Quote) -> Change {
    Change::between(quote.base, quote.last, quote.limits())
}

/// Open, high, low of today; zeros before the first trade.
pub(super) fn extremes(quote: &Quote) -> [String; 3] {
    let bar = quote.bar.map_or([0; 3], |bar| [bar.open, bar.high, bar.low]);
    bar.map(|units| units.to_string())
}

pub(super) fn value_text(bar: Option<Bar>) -> String {
    bar.map_or(0, |bar| bar.value).to_string()
}

pub(super) fn turnover(quote: &Quote) -> Decimal {
    let listed = quote.listing.shares_thousand * 1_000;
    wire::percent(i64::try_from(quote.volume()).unwrap_or(i64::MAX), listed)
}

/// `inquire-price`.
pub(super) fn price(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    let quote = quote(venue, call)?;
    let year = bars::extremes(venue.tape(quote.listing).bars(), quote.bar);
    let mut output = today(&quote);
    output.extend(standing(&quote));
    output.extend(pivots(&quote));
    output.extend(this_year(venue.tape(quote.listing).bars(), &quote));
    for (span, rate) in [("w52", "ctrt"), ("d250", "rate")] {
        for (name, price, date) in [("hgpr", year.high, year.high_date), ("lwpr", year.low, year.low_date)] {
            let field = format!("{span}_{name}");
            let distance = fixed(wire::percent(quote.last - price, price), 2);
            output.insert(format!("{field}_date"), date.map_or(String::new(), wire::date).into());
            output.insert(format!("{field}_vrss_prpr_{rate}"), distance.into());
            output.insert(field, price.to_string().into());
        }
    }
    Ok(Reply::quote(vec![("output", Value::Object(output))]))
}

fn today(quote: &Quote) -> Map<String, Value> {
    let change = change(quote);
    let [open, high, low] = extremes(quote);
    let (lower, upper) = quote.limits().unwrap_or((0, 0));
    let before = quote.previous.map_or(0, |bar| bar.volume);
    let traded = Decimal::from(quote.bar.map_or(0, |bar| bar.value));
    let average = if quote.volume() == 0 { Decimal::ZERO } else { traded / Decimal::from(quote.volume()) };
    let text = [
        ("stck_prpr", quote.last.to_string()),
        ("prdy_vrss", change.units.to_string()),
        ("prdy_vrss_sign", change.sign().into()),
        ("prdy_ctrt", change.percent_text()),
        ("acml_tr_pbmn", value_text(quote.bar)),
        ("acml_vol", quote.volume().to_string()),
        ("prdy_vrss_vol_rate", fixed(wire::ratio(quote.volume().into(), before.into()), 2)),
        ("stck_oprc", open),
        ("stck_hgpr", high),
        ("stck_lwpr", low),
        ("stck_mxpr", upper.to_string()),
        ("stck_llam", lower.to_string()),
        ("stck_sdpr", quote.base.to_string()),
        ("wghn_avrg_stck_prc", fixed(average, 2)),
        ("rstc_wdth_prc", (upper - quote.base).to_string()),
        ("aspr_unit", rules::step(Market::Kr, quote.last).to_string()),
        ("vol_tnrt", fixed(turnover(quote), 2)),
        ("stck_shrn_iscd", quote.listing.symbol.into()),
    ];
    text.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect()
}

/// Highest and lowest price of the calendar year.
fn this_year(days: &[Bar], quote: &Quote) -> Map<String, Value> {
    let first =
        days.iter().position(|bar| bar.date.year() == quote.session.date.year()).unwrap_or(days.len());
    let year = bars::extremes(&days[first..], quote.bar.or(quote.previous));
    let mut output = Map::new();
    for (name, price, date) in [("hgpr", year.high, year.high_date), ("lwpr", year.low, year.low_date)] {
        let distance = fixed(wire::percent(quote.last - price, price), 2);
        output.insert(format!("stck_dryy_{name}"), price.to_string().into());
        output.insert(format!("dryy_{name}_vrss_prpr_rate"), distance.into());
        output.insert(format!("dryy_{name}_date"), date.map_or(String::new(), wire::date).into());
    }
    output
}

/// Pivot, supports and resistances of the day before: (high + low + close) / 3 and its mirror images.
fn pivots(quote: &Quote) -> Map<String, Value> {
    let [high, low, close] = quote.previous.map_or([quote.base; 3], |bar| [bar.high, bar.low, bar.close]);
    let pivot = (high + low + close) / 3;
    let (first_up, first_down) = (2 * pivot - low, 2 * pivot - high);
    let (second_up, second_down) = (pivot + high - low, pivot - high + low);
    let units = [
        ("pvt_pont_val", pivot),
        ("pvt_frst_dmrs_prc", first_up),
        ("pvt_scnd_dmrs_prc", second_up),
        ("pvt_frst_dmsp_prc", first_down),
        ("pvt_scnd_dmsp_prc", second_down),
        ("dmrs_val", i64::midpoint(pivot, first_up)),
        ("dmsp_val", i64::midpoint(first_down, second_down)),
    ];
    units.into_iter().map(|(key, units)| (key.to_owned(), Value::from(units.to_string()))).collect()
}

/// What does not change during a day. Figures of the company itself are not simulated and read zero.
fn standing(quote: &Quote) -> Map<String, Value> {
    let listed = quote.listing.shares_thousand * 1_000;
    let mut output = Map::new();
    let text = [
        ("iscd_stat_cls_code", "00"),
        ("marg_rate", "100.00"),
        ("rprs_mrkt_kor_name", "KOSPI"),
        ("bstp_kor_isnm", "기타"),
        ("hts_deal_qty_unit_val", "1"),
        ("mrkt_warn_cls_code", "00"),
        ("per", "0.00"),
        ("pbr", "0.00"),
        ("eps", "0.00"),
        ("bps", "0.00"),
        ("frgn_ntby_qty", "0"),
        ("pgtr_ntby_qty", "0"),
        ("grmn_rate_cls_code", "100"),
        ("hts_frgn_ehrt", "0.00"),
        ("frgn_hldn_qty", "0"),
        ("last_ssts_cntg_qty", "0"),
        ("whol_loan_rmnd_rate", "0.00"),
        ("cpfn", "0"),
        ("cpfn_cnnm", ""),
        ("stck_fcam", "0"),
        ("fcam_cnnm", ""),
        ("stck_sspr", "0"),
        ("stac_month", "12"),
    ];
    output.extend(text.map(|(key, value)| (key.to_owned(), Value::from(value))));
    for flag in [
        "temp_stop_yn",
        "oprc_rang_cont_yn",
        "clpr_rang_cont_yn",
        "crdt_able_yn",
        "elw_pblc_yn",
        "ssts_yn",
        "vi_cls_code",
        "ovtm_vi_cls_code",
        "invt_caful_yn",
        "short_over_yn",
        "sltr_yn",
        "mang_issu_cls_code",
    ] {
        output.insert(flag.into(), "N".into());
    }
    output.insert("lstn_stcn".into(), listed.to_string().into());
    output.insert("hts_avls".into(), capitalisation(quote).to_string().into());
    output
}

/// Market value in hundred millions of won.
pub(super) fn capitalisation(quote: &Quote) -> i64 {
    quote.listing.shares_thousand * quote.last / 100_000
}

/// `inquire-asking-price-exp-ccn`: ten levels a side; an empty level reads zero.
pub(super) fn order_book(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    let quote = quote(venue, call)?;
    let empty = Book { asks: Vec::new(), bids: Vec::new() };
    let book = quote.book.as_ref().unwrap_or(&empty);
    let mut levels = Map::new();
    let mut totals = [0_i64; 2];
    for (side, (levels_of_side, name)) in [(&book.asks, "askp"), (&book.bids, "bidp")].into_iter().enumerate()
    {
        for level in 0..LEVELS {
            let (price, size) = levels_of_side.get(level).map_or((0, 0), |level| (level.price, level.size));
            let place = level + 1;
            levels.insert(format!("{name}{place}"), price.to_string().into());
            levels.insert(format!("{name}_rsqn{place}"), size.to_string().into());
            levels.insert(format!("{name}_rsqn_icdc{place}"), "0".into());
            totals[side] += i64::from(size);
        }
    }
    let shown_at = quote.index.map_or(quote.session.orders_from, |index| quote.session.time_of(index));
    let trading = quote.session.is_trading(venue.now());
    let text = [
        ("aspr_acpt_hour", wire::korean_time(shown_at)),
        ("total_askp_rsqn", totals[0].to_string()),
        ("total_bidp_rsqn", totals[1].to_string()),
        ("ntby_aspr_rsqn", (totals[1] - totals[0]).to_string()),
        ("total_askp_rsqn_icdc", "0".into()),
        ("total_bidp_rsqn_icdc", "0".into()),
        ("ovtm_total_askp_icdc", "0".into()),
        ("ovtm_total_bidp_icdc", "0".into()),
        ("ovtm_total_askp_rsqn", "0".into()),
        ("ovtm_total_bidp_rsqn", "0".into()),
        ("new_mkop_cls_code", session_code(&quote, trading).into()),
    ];
    levels.extend(text.map(|(key, value)| (key.to_owned(), Value::from(value))));
    Ok(Reply::quote(vec![("output1", Value::Object(levels)), ("output2", expected(&quote))]))
}

/// First digit: 1 before the open, 2 in session, 3 after the close; 0 normal trading (KIS.md 11.2).
fn session_code(quote: &Quote, trading: bool) -> &'static str {
    match (quote.index, trading) {
        (None, _) => "10",
        (Some(_), true) => "20",
        (Some(_), false) => "31",
    }
}

fn expected(quote: &Quote) -> Value {
    let change = change(quote);
    let [open, high, low] = extremes(quote);
    json!({
        "antc_mkop_cls_code": "112",
        "stck_prpr": quote.last.to_string(),
        "stck_oprc": open,
        "stck_hgpr": high,
        "stck_lwpr": low,
        "stck_sdpr": quote.base.to_string(),
        "antc_cnpr": quote.last.to_string(),
        "antc_cntg_vrss_sign": change.sign(),
        "antc_cntg_vrss": change.units.to_string(),
        "antc_cntg_prdy_ctrt": change.percent_text(),
        "antc_vol": "0",
        "stck_shrn_iscd": quote.listing.symbol,
        "vi_cls_code": "N",
    })
}
