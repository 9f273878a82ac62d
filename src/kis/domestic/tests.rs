//! Korean quotes, bars, balance and order lists, from bodies of our own and the official ones.

use domain::{OrderState, Side};

use super::*;
use crate::kis::testing::{page, parameter, reply, session, start, with_token};

fn samsung() -> Instrument {
    Instrument { market: Market::Kr, symbol: "005930".parse().unwrap() }
}

fn bars_query(interval: BarInterval, count: u16) -> BarsQuery {
    BarsQuery { instrument: samsung(), interval, count }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_quote_before_the_first_trade_has_a_price_but_no_range() {
    let transport = with_token(|_, _| {
        reply(
            200,
            r#"{"rt_cd":"0","output":{"stck_prpr":"70100","stck_oprc":"0","stck_hgpr":"0","stck_lwpr":"0",
            "prdy_ctrt":"-0.14","acml_vol":"0","stck_mxpr":"91200","stck_llam":"49200","new_field":{"x":[1]}}}"#,
        )
    });
    let session = session(Environment::Paper, &transport);
    let quote = quote(&session, samsung(), Urgency::Scan).await.unwrap();
    assert_eq!((quote.last.to_string().as_str(), quote.at), ("70100", start()));
    assert_eq!((quote.open, quote.high, quote.low), (None, None, None));
    assert_eq!(quote.change_pct, Some("-0.14".parse().unwrap()));
    assert_eq!(quote.volume, Some(0));
    assert_eq!(quote.rules.upper_limit.unwrap().to_string(), "91200");
    assert_eq!(transport.last().headers()["tr_id"], "FHKST01010100");
}

#[test]
fn a_quote_tells_what_speaks_against_buying_and_the_gravest_of_several() {
    let cases = [
        (r#"{"iscd_stat_cls_code":"00","temp_stop_yn":"N","mang_issu_cls_code":"N","sltr_yn":"N"}"#, None),
        (r#"{"iscd_stat_cls_code":"55","mrkt_warn_cls_code":"00"}"#, None),
        (r#"{"stck_prpr":"1"}"#, None),
        (r#"{"iscd_stat_cls_code":"58"}"#, Some(Restriction::Halted)),
        (r#"{"iscd_stat_cls_code":"51","temp_stop_yn":"Y"}"#, Some(Restriction::Halted)),
        (r#"{"iscd_stat_cls_code":"51","sltr_yn":"Y"}"#, Some(Restriction::Liquidation)),
        (r#"{"iscd_stat_cls_code":"51"}"#, Some(Restriction::Administrative)),
        (r#"{"mang_issu_cls_code":"Y","mrkt_warn_cls_code":"03"}"#, Some(Restriction::Administrative)),
        (r#"{"iscd_stat_cls_code":"53"}"#, Some(Restriction::MarketWarning)),
        (r#"{"mrkt_warn_cls_code":"01"}"#, Some(Restriction::MarketWarning)),
    ];
    for (output, expected) in cases {
        let body = format!(r#"{{"rt_cd":"0","output":{output}}}"#);
        let row = Envelope::parse(&body.into()).unwrap().summary("output").unwrap();
        assert_eq!(restriction(&row), expected, "{output}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_quote_without_a_price_is_no_quote() {
    let transport = with_token(|_, _| reply(200, r#"{"rt_cd":"0","output":{"stck_prpr":""}}"#));
    let session = session(Environment::Paper, &transport);
    let error = quote(&session, samsung(), Urgency::Scan).await.unwrap_err();
    assert!(matches!(error, QueryError::Unavailable(_)), "{error}");
}

/// One hundred bars that end on the date asked for, every day a trading day.
fn hundred_bars(last: &str) -> String {
    let last = NaiveDate::parse_from_str(last, "%Y%m%d").unwrap();
    let row = |back: u64| {
        let date = bars::compact(last - Days::new(back));
        format!(
            r#"{{"stck_bsop_date":"{date}","stck_oprc":"10","stck_hgpr":"12","stck_lwpr":"9","stck_clpr":"11","acml_vol":"5"}}"#
        )
    };
    let rows: Vec<_> = (0..100).map(row).collect();
    format!(r#"{{"rt_cd":"0","output2":[{},{{}}]}}"#, rows.join(","))
}

#[tokio::test(start_paused = true)]
async fn two_hundred_and_fifty_daily_bars_are_collected_from_three_windows() {
    let transport =
        with_token(|request, _| reply(200, &hundred_bars(parameter(request, "FID_INPUT_DATE_2").unwrap())));
    let session = session(Environment::Real, &transport);
    let bars = bars(&session, &bars_query(BarInterval::Day, 250)).await.unwrap();
    assert_eq!((bars.len(), transport.asked().len()), (250, 4));
    assert!(bars.windows(2).all(|pair| pair[0].at < pair[1].at));
    assert_eq!(Market::Kr.date_at(bars[249].at), day("2026-11-24"));
    assert_eq!(parameter(&transport.last(), "FID_ORG_ADJ_PRC"), Some("0"));
}

#[tokio::test(start_paused = true)]
async fn a_young_stock_has_fewer_bars_and_a_day_without_trade_none() {
    let transport = with_token(|_, before| {
        let rows = r#"{"stck_bsop_date":"20261124","stck_oprc":"10","stck_hgpr":"12","stck_lwpr":"9","stck_clpr":"11","acml_vol":"5"},
            {"stck_bsop_date":"20261123","stck_oprc":"0","stck_hgpr":"0","stck_lwpr":"0","stck_clpr":"11","acml_vol":"0"}"#;
        let rows = if before == 0 { rows } else { "" };
        reply(200, &format!(r#"{{"rt_cd":"0","output2":[{rows}]}}"#))
    });
    let session = session(Environment::Real, &transport);
    assert_eq!(bars(&session, &bars_query(BarInterval::Day, 250)).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn minute_bars_are_asked_for_back_from_now() {
    let transport = with_token(|_, before| {
        let hour = if before == 0 { "100000" } else { "095900" };
        let row = format!(
            r#"{{"stck_bsop_date":"20261124","stck_cntg_hour":"{hour}","stck_oprc":"10","stck_hgpr":"12","stck_lwpr":"9","stck_prpr":"11","cntg_vol":"5"}}"#
        );
        reply(200, &format!(r#"{{"rt_cd":"0","output2":[{row}]}}"#))
    });
    let session = session(Environment::Paper, &transport);
    let bars = bars(&session, &bars_query(BarInterval::Minute, 2)).await.unwrap();
    assert_eq!(bars.iter().map(|bar| bar.at).max(), Some(start()));
    assert_eq!(bars.len(), 2);
    assert_eq!(parameter(&transport.last(), "FID_INPUT_HOUR_1"), Some("095900"));
}

const BALANCE: &str = r#"{"rt_cd":"0","output1":[
    {"pdno":"005930","hldg_qty":"10","ord_psbl_qty":"4","pchs_avg_pric":"70000.0000","prpr":"71000"},
    {"pdno":"005930","hldg_qty":"5","ord_psbl_qty":"5","pchs_avg_pric":"69000.0000","prpr":"71000"},
    {"pdno":"000660","hldg_qty":"0","ord_psbl_qty":"0","pchs_avg_pric":"0","prpr":"0"},
    {"pdno":"","hldg_qty":"","ord_psbl_qty":""}],
    "output2":[{"tot_evlu_amt":"2065000","evlu_amt_smtl_amt":"1065000","pchs_amt_smtl_amt":"1045000","dnca_tot_amt":"7"}]}"#;

#[tokio::test(start_paused = true)]
async fn lots_of_one_stock_are_one_holding_and_sold_out_names_are_none() {
    let transport = with_token(|request, _| {
        if request.uri().path().ends_with("inquire-psbl-order") {
            return reply(
                200,
                r#"{"rt_cd":"0","output":{"nrcvb_buy_amt":"900000","max_buy_amt":"2500000"}}"#,
            );
        }
        page("D", BALANCE)
    });
    let session = session(Environment::Real, &transport);
    let account = account(&session, Urgency::Reconcile).await.unwrap();
    let won = |amount: i64| Some(Money::new(amount.into(), Currency::Krw));
    assert_eq!((account.cash, account.equity), (won(900_000), won(2_065_000)));
    assert_eq!((account.purchase_total, account.valuation_total), (won(1_045_000), won(1_065_000)));
    assert_eq!(account.holdings.len(), 1);
    let holding = &account.holdings[0];
    assert_eq!((holding.quantity, holding.sellable), (Quantity::new(15), Quantity::new(9)));
    assert_eq!(holding.average_price, None, "two averages are no average");
}

#[tokio::test(start_paused = true)]
async fn cash_that_nobody_tells_is_absent_and_so_is_an_empty_total() {
    let transport = with_token(|request, _| {
        if request.uri().path().ends_with("inquire-psbl-order") {
            return reply(200, r#"{"rt_cd":"1","msg_cd":"APBK0656","msg1":""}"#);
        }
        page("", r#"{"rt_cd":"0","output1":[],"output2":{"tot_evlu_amt":"","evlu_amt_smtl_amt":"0"}}"#)
    });
    let session = session(Environment::Real, &transport);
    let account = account(&session, Urgency::Scan).await.unwrap();
    assert_eq!((account.cash, account.equity, account.purchase_total), (None, None, None));
    assert_eq!(account.valuation_total, Some(Money::zero(Currency::Krw)));
}

fn order(number: &str, rest: &str) -> String {
    format!(
        r#"{{"ord_dt":"20261124","ord_gno_brno":"06010","odno":"{number}","pdno":"005930","ord_tmd":"100312",{rest}}}"#
    )
}

#[tokio::test(start_paused = true)]
async fn the_order_list_is_read_to_the_end_without_cancel_requests() {
    let partial = order(
        "0000012347",
        r#""orgn_odno":"","sll_buy_dvsn_cd":"02","ord_qty":"10","ord_unpr":"71800","tot_ccld_qty":"3","avg_prvs":"71800","rmn_qty":"0","rjct_qty":"0","cncl_cfrm_qty":"7""#,
    );
    let cancel = order(
        "0000012349",
        r#""orgn_odno":"0000012347","sll_buy_dvsn_cd":"02","sll_buy_dvsn_cd_name":"매수취소*","ord_qty":"7","ord_unpr":"0","tot_ccld_qty":"0","avg_prvs":"0","rmn_qty":"0","rjct_qty":"0","cncl_cfrm_qty":"7""#,
    );
    let rejected = order(
        "0000012350",
        r#""orgn_odno":"","sll_buy_dvsn_cd":"01","ord_qty":"2","ord_unpr":"72000","tot_ccld_qty":"0","avg_prvs":"0","rmn_qty":"0","rjct_qty":"2","cnc_cfrm_qty":"0""#,
    );
    let first = format!(r#"{{"rt_cd":"0","ctx_area_nk100":"next ","output1":[{partial},{cancel}]}}"#);
    let second = format!(r#"{{"rt_cd":"0","output1":[{rejected},{{"odno":""}}]}}"#);
    let transport =
        with_token(move |_, before| if before == 0 { page("M", &first) } else { page("D", &second) });
    let session = session(Environment::Paper, &transport);
    let rows = orders_of_day(&session, day("2026-11-24")).await.unwrap();
    let states: Vec<_> = rows.iter().map(|row| (row.order.number.as_str(), row.state())).collect();
    assert_eq!(states, [("0000012347", OrderState::Cancelled), ("0000012350", OrderState::Rejected)]);
    assert!(rows.iter().all(InquiryRow::is_lawful));
    assert_eq!((rows[0].side, rows[1].side), (Side::Buy, Side::Sell));
    assert_eq!(rows[0].time.unwrap().to_string(), "10:03:12");
    assert_eq!(parameter(&transport.last(), "EXCG_ID_DVSN_CD"), Some("KRX"));
}

#[tokio::test(start_paused = true)]
async fn a_day_of_more_than_three_months_ago_is_asked_of_the_older_list() {
    for (asked, [real, paper]) in [
        ("2026-11-24", ["TTTC0081R", "VTTC0081R"]),
        ("2026-08-24", ["TTTC0081R", "VTTC0081R"]),
        ("2026-08-23", ["CTSC9215R", "VTSC9215R"]),
        ("2025-11-24", ["CTSC9215R", "VTSC9215R"]),
    ] {
        for (environment, tr_id) in [(Environment::Real, real), (Environment::Paper, paper)] {
            let transport = with_token(|_, _| page("D", r#"{"rt_cd":"0","output1":[],"output2":{}}"#));
            let session = session(environment, &transport);
            assert_eq!(orders_of_day(&session, day(asked)).await, Ok(Vec::new()));
            assert_eq!(transport.last().headers()["tr_id"], tr_id, "{asked}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_unreadable_order_makes_the_list_unreadable() {
    let broken = order("0000012347", r#""sll_buy_dvsn_cd":"02","ord_qty":"1e3","tot_ccld_qty":"0""#);
    let transport = with_token(move |_, _| page("D", &format!(r#"{{"rt_cd":"0","output1":[{broken}]}}"#)));
    let session = session(Environment::Real, &transport);
    let error = orders_of_day(&session, day("2026-11-24")).await.unwrap_err();
    assert!(matches!(error, QueryError::Malformed(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_account_is_as_old_as_the_first_question_about_it() {
    let transport = with_token(|request, _| {
        if request.uri().path().ends_with("inquire-psbl-order") {
            return reply(500, "");
        }
        page("", r#"{"rt_cd":"0","output1":[],"output2":{}}"#)
    });
    let session = session(Environment::Real, &transport);
    let asked_at = session.now();
    let account = account(&session, Urgency::Scan).await.unwrap();
    assert!(session.now() > asked_at, "the attempts for cash take seconds");
    assert_eq!(account.taken_at, asked_at);
}
