//! Shares of one stock that may be sold, and what the next account makes of it.

use std::time::Duration;

use domain::Market;

use super::*;
use crate::kis::testing::{page, parameter, reply, session, with_token};
use crate::kis::{Environment, domestic};

fn samsung() -> Instrument {
    Instrument { market: Market::Kr, symbol: "005930".parse().unwrap() }
}

const BALANCE: &str = r#"{"rt_cd":"0","output1":[
    {"pdno":"005930","hldg_qty":"10","ord_psbl_qty":"10","pchs_avg_pric":"70000","prpr":"71000"},
    {"pdno":"000660","hldg_qty":"3","ord_psbl_qty":"3","pchs_avg_pric":"1000","prpr":"1000"}],"output2":[{"tot_evlu_amt":"1"}]}"#;

#[tokio::test(start_paused = true)]
async fn the_lesser_of_what_was_told_and_of_the_balance_counts_for_a_minute() {
    let transport = with_token(|request, _| match request.uri().path().rsplit('/').next().unwrap() {
        "inquire-psbl-sell" => {
            reply(200, r#"{"rt_cd":"0","output1":{"pdno":"005930","cblc_qty":"10","ord_psbl_qty":"4"}}"#)
        }
        "inquire-balance" => page("D", BALANCE),
        _ => reply(200, r#"{"rt_cd":"0","output":{"nrcvb_buy_amt":"1"}}"#),
    });
    let session = session(Environment::Real, &transport);
    let sellable_of = async || {
        let account = domestic::account(&session, Urgency::Reconcile).await.unwrap();
        account.holdings.iter().map(|held| held.sellable.get()).collect::<Vec<_>>()
    };
    assert_eq!(sellable_of().await, [3, 10]);
    assert_eq!(sellable(&session, samsung()).await, Ok(Quantity::new(4)));
    assert_eq!(transport.last().headers()["tr_id"], "TTTC8408R");
    assert_eq!(parameter(&transport.last(), "PDNO"), Some("005930"));
    assert_eq!(sellable_of().await, [3, 4], "of this stock alone");
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(sellable_of().await, [3, 10], "by then the balance has caught up");
}

#[tokio::test(start_paused = true)]
async fn an_answer_about_another_stock_is_none_and_paper_and_abroad_have_no_such_question() {
    let transport =
        with_token(|_, _| reply(200, r#"{"rt_cd":"0","output":{"pdno":"000660","ord_psbl_qty":"4"}}"#));
    let session_of = |environment| session(environment, &transport);
    let error = sellable(&session_of(Environment::Real), samsung()).await.unwrap_err();
    assert!(matches!(error, QueryError::Malformed(_)), "{error}");
    let apple = Instrument { market: Market::UsNasdaq, symbol: "AAPL".parse().unwrap() };
    for (environment, stock) in [(Environment::Paper, samsung()), (Environment::Real, apple)] {
        let error = sellable(&session_of(environment), stock).await.unwrap_err();
        assert!(matches!(error, QueryError::NotOffered(_)), "{error}");
    }
}
