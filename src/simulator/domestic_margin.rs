//! `intgr-margin`: what may be ordered, by kind of means and by currency (KIS.md 8.8).
//!
//! There is no credit here: what can be ordered is the cash that open purchases leave, whatever the margin rate asked about.

use domain::Currency;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::call::{Call, Reply};
use super::places::won_per;
use super::refusal::{self, Refusal};
use super::venue::Venue;
use super::wire::{alike, fixed, texts};

/// The currencies that the answer has fields for.
const CURRENCIES: [(&str, Currency); 4] =
    [("usd", Currency::Usd), ("hkd", Currency::Hkd), ("jpy", Currency::Jpy), ("cny", Currency::Cny)];

/// `intgr-margin`. `WCRC_FRCR_DVSN_CD` 01 tells foreign amounts in their own currency, 02 in won.
pub(super) fn margin(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    call.account()?;
    let in_won = match call.get("WCRC_FRCR_DVSN_CD") {
        "01" => false,
        "02" => true,
        _ => return Err(refusal::invalid("WCRC_FRCR_DVSN_CD")),
    };
    let mut output = without_means();
    output.extend(won(venue));
    for (letters, currency) in CURRENCIES {
        output.extend(foreign(venue, letters, currency, in_won));
    }
    Ok(Reply::ledger(false, vec![("output", Value::Object(output))]))
}

fn won(venue: &Venue) -> Map<String, Value> {
    let cash = venue.account.cash(Currency::Krw);
    let free = venue.orderable(Currency::Krw).max(Decimal::ZERO);
    let mut fields = texts([
        ("stck_cash_objt_amt", fixed(cash, 4)),
        ("stck_cash_use_amt", fixed(cash - free, 4)),
        ("stck_cash_ord_psbl_amt", fixed(free, 4)),
        ("bond_max_ord_psbl_amt", fixed(free, 4)),
        ("stck_fncg45_max_ord_psbl_amt", fixed(free, 2)),
        ("stck_fncg50_max_ord_psbl_amt", fixed(free, 4)),
        ("stck_fncg60_max_ord_psbl_amt", fixed(free, 4)),
        ("stck_fncg70_max_ord_psbl_amt", fixed(free, 2)),
        ("stck_stln_max_ord_psbl_amt", fixed(free, 4)),
        ("stck_rsip100_max_ord_psbl_amt", fixed(free, 4)),
    ]);
    for rate in ["20", "30", "40", "50", "60", "100"] {
        fields.insert(format!("stck_cash{rate}_max_ord_psbl_amt"), fixed(free, 4).into());
    }
    fields
}

fn foreign(venue: &Venue, letters: &str, currency: Currency, in_won: bool) -> Map<String, Value> {
    let rate = if in_won { won_per(currency) } else { Decimal::ONE };
    let cash = venue.account.cash(currency);
    let free = venue.orderable(currency).max(Decimal::ZERO);
    let text = |amount: Decimal| Value::from(fixed(amount * rate, 2));
    let named = |name: &str, value: Value| (format!("{letters}_{name}"), value);
    [
        named("objt_amt", text(cash)),
        named("use_amt", text(cash - free)),
        named("ord_psbl_amt", text(free)),
        named("gnrl_ord_psbl_amt", text(free)),
        named("itgr_ord_psbl_amt", text(free)),
        named("frst_bltn_exrt", fixed(won_per(currency), 8).into()),
        named("ruse_objt_amt", "0.00".into()),
        named("ruse_amt", "0.00".into()),
        named("ruse_ord_psbl_amt", "0.00".into()),
        named("oth_mket_use_amt", "0.00".into()),
        named("re_use_oth_mket_use_amt", "0.00".into()),
    ]
    .into_iter()
    .collect()
}

/// Means that nobody has here: substitutes, re-use, bonds, loans, the integrated margin.
fn without_means() -> Map<String, Value> {
    let mut fields = texts([
        ("acmga_rt", "100.0000".into()),
        ("acmga_pct100_aptm_rson", "고객100%신청".into()),
        ("ovrs_stck_itgr_mgna_dvsn_name", String::new()),
        ("rcvb_amt", "0".into()),
        ("lmt_amt", "0".into()),
    ]);
    let four_decimals = [
        "stck_sbst_objt_amt",
        "stck_evlu_objt_amt",
        "stck_ruse_psbl_objt_amt",
        "stck_fund_rpch_chgs_objt_amt",
        "stck_fncg_rdpt_objt_atm",
        "bond_ruse_psbl_objt_amt",
        "stck_sbst_use_amt",
        "stck_evlu_use_amt",
        "stck_ruse_psbl_amt_use_amt",
        "stck_fund_rpch_chgs_use_amt",
        "stck_fncg_rdpt_amt_use_amt",
        "bond_ruse_psbl_amt_use_amt",
        "stck_sbst_ord_psbl_amt",
        "stck_evlu_ord_psbl_amt",
        "stck_ruse_psbl_ord_psbl_amt",
        "stck_fund_rpch_ord_psbl_amt",
        "bond_ruse_psbl_ord_psbl_amt",
        "stck_loan_grta_ruse_psbl_amt",
    ];
    fields.extend(alike(four_decimals, "0.0000"));
    fields.extend(alike(INTEGRATED, "0.00"));
    fields
}

const INTEGRATED: [&str; 24] = [
    "stck_itgr_cash20_ord_psbl_amt",
    "stck_itgr_cash30_ord_psbl_amt",
    "stck_itgr_cash40_ord_psbl_amt",
    "stck_itgr_cash50_ord_psbl_amt",
    "stck_itgr_cash60_ord_psbl_amt",
    "stck_itgr_cash100_ord_psbl_amt",
    "stck_itgr_100_ord_psbl_amt",
    "stck_itgr_fncg45_ord_psbl_amt",
    "stck_itgr_fncg50_ord_psbl_amt",
    "stck_itgr_fncg60_ord_psbl_amt",
    "stck_itgr_fncg70_ord_psbl_amt",
    "stck_itgr_stln_ord_psbl_amt",
    "bond_itgr_ord_psbl_amt",
    "stck_cash_ovrs_use_amt",
    "stck_sbst_ovrs_use_amt",
    "stck_evlu_ovrs_use_amt",
    "stck_re_use_amt_ovrs_use_amt",
    "stck_fund_rpch_ovrs_use_amt",
    "stck_fncg_rdpt_ovrs_use_amt",
    "bond_re_use_ovrs_use_amt",
    "hgkg_cny_re_use_amt",
    "hgkg_cny_re_use_objt_amt",
    "hgkg_cny_re_use_ord_psbl_amt",
    "hgkg_cny_re_use_oth_use_amt",
];
