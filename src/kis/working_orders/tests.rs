//! Lists of what can still be cancelled.

use domain::{IntentId, OrderState, OrderTerms, Quantity, Side};

use super::*;
use crate::kis::Environment;
use crate::kis::testing::{page, parameter, session, with_token};

const KOREAN: &str = r#"{"rt_cd":"0","ctx_area_nk100":"x","output":[
    {"ord_gno_brno":"06010","odno":"0001569139","orgn_odno":"0001569136","pdno":"009150","ord_qty":"5","ord_unpr":"140000","tot_ccld_qty":"2","psbl_qty":"3","sll_buy_dvsn_cd":"02"},
    {"ord_gno_brno":"06010","odno":"0001569140","orgn_odno":"","pdno":"005930","ord_qty":"5","ord_unpr":"70000","tot_ccld_qty":"5","psbl_qty":"0","sll_buy_dvsn_cd":"01"}]}"#;
const FOREIGN: &str = r#"{"rt_cd":"0","output":[
    {"ord_dt":"20261123","ord_gno_brno":"01790","odno":"0030138112","pdno":"BA","sll_buy_dvsn_cd":"01","ft_ord_qty":"4","ft_ccld_qty":"1","nccs_qty":"3","ovrs_excg_cd":"NYSE"},
    {"ord_dt":"20261123","ord_gno_brno":"01790","odno":"0030138113","pdno":"AAPL","sll_buy_dvsn_cd":"02","ft_ord_qty":"1","ft_ccld_qty":"0","nccs_qty":"1","ovrs_excg_cd":"NASD"},
    {"ord_dt":"","odno":"","pdno":"","ft_ord_qty":"0"}]}"#;

#[tokio::test(start_paused = true)]
async fn the_korean_list_is_read_to_its_end_and_is_of_today() {
    let transport = with_token(|_, before| {
        page(
            if before == 0 { "M" } else { "D" },
            if before == 0 { KOREAN } else { r#"{"rt_cd":"0","output":[]}"# },
        )
    });
    let session = session(Environment::Real, &transport);
    let working = working_orders(&session, Market::Kr, Urgency::Reconcile).await.unwrap();
    assert_eq!(transport.last().headers()["tr_id"], "TTTC0084R");
    assert_eq!(transport.asked().len(), 3);
    let [order] = working.as_slice() else { panic!("{working:?}") };
    assert_eq!((order.order.number.as_str(), order.order.branch.as_str()), ("0001569139", "06010"));
    assert_eq!(order.order.date.to_string(), "2026-11-24");
    assert_eq!((order.side, order.remaining), (Side::Buy, Quantity::new(3)));
}

#[tokio::test(start_paused = true)]
async fn a_foreign_list_is_of_one_market_and_a_stranger_is_not_found_on_it() {
    let transport = with_token(|_, _| page("D", FOREIGN));
    let session = session(Environment::Real, &transport);
    let working = working_orders(&session, Market::UsNyse, Urgency::Reconcile).await.unwrap();
    assert_eq!(parameter(&transport.last(), "OVRS_EXCG_CD"), Some("NYSE"));
    let [order] = working.as_slice() else { panic!("{working:?}") };
    assert_eq!((order.order.number.as_str(), order.remaining), ("0030138112", Quantity::new(3)));
}

/// Four shares of Boeing, `filled` of them gone by our books.
fn intent(number: &str, filled: u64) -> OpenIntent {
    let date = "2026-11-23".parse().unwrap();
    OpenIntent {
        id: IntentId::new(0, 1),
        terms: OrderTerms {
            instrument: Instrument { market: Market::UsNyse, symbol: "BA".parse().unwrap() },
            side: Side::Sell,
            quantity: Quantity::new(4),
            limit: "200".parse().unwrap(),
        },
        state: OrderState::Accepted,
        venue_order: Some(VenueOrderId { date, branch: "01790".into(), number: number.into() }),
        filled: Quantity::new(filled),
        sent_at: None,
        watermark: None,
        session_date: date,
        approved_at: chrono::DateTime::UNIX_EPOCH,
        missed_inquiries: 0,
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_cancel_is_repeated_only_where_the_list_has_the_order_otherwise() {
    let transport = with_token(|_, _| page("D", FOREIGN));
    let real = session(Environment::Real, &transport);
    let after = async |number, filled| after_refusal(&real, &intent(number, filled), "too many".into()).await;
    let listed = after("0030138112", 0).await.unwrap();
    assert_eq!(listed.remaining, Quantity::new(3), "one share was filled since the books were written");
    let as_booked = after("0030138112", 1).await.unwrap_err();
    assert_eq!(as_booked, "too many; the list of working orders has it as it was asked");
    let unpadded = after("30138112", 1).await.unwrap_err();
    assert_eq!(unpadded, "too many; the list of working orders has it as it was asked");
    let ended = after("0030138119", 0).await.unwrap_err();
    assert_eq!(ended, "too many; it is not on the list of working orders");
    let paper = session(Environment::Paper, &transport);
    assert_eq!(after_refusal(&paper, &intent("0030138112", 0), "x".into()).await, Err("x".into()));
}

#[tokio::test(start_paused = true)]
async fn a_paper_account_has_no_such_list_and_one_bad_row_is_no_list() {
    let transport = with_token(|_, _| {
        page("D", r#"{"rt_cd":"0","output":[{"odno":"7","pdno":"BA","ft_ord_qty":"1","nccs_qty":"x"}]}"#)
    });
    for market in [Market::Kr, Market::UsNyse] {
        let session = session(Environment::Paper, &transport);
        let error = working_orders(&session, market, Urgency::Reconcile).await.unwrap_err();
        assert!(matches!(error, QueryError::NotOffered(_)), "{error}");
    }
    assert_eq!(transport.asked().len(), 0, "nothing is asked for what is not there");
    let session = session(Environment::Real, &transport);
    let error = working_orders(&session, Market::UsNyse, Urgency::Reconcile).await.unwrap_err();
    assert!(matches!(error, QueryError::Malformed(_)), "{error}");
}
