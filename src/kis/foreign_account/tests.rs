//! Foreign cash, holdings and equity.

use domain::Quantity;

use super::*;
use crate::kis::Environment;
use crate::kis::testing::{Reply, Scripted, page, parameter, reply, session, with_token};

const HOLDINGS: &str = r#"{"rt_cd":"0","output1":[
    {"ovrs_pdno":"AAPL","ovrs_excg_cd":"NASD","ovrs_cblc_qty":"10","ord_psbl_qty":"10","pchs_avg_pric":"185.0000","now_pric2":"194.250000","frcr_pchs_amt1":"1850.00000","ovrs_stck_evlu_amt":"1942.50000000"},
    {"ovrs_pdno":"DIS","ovrs_excg_cd":"NYSE","ovrs_cblc_qty":"20","ord_psbl_qty":"5","pchs_avg_pric":"100.0000","now_pric2":"98.000000","frcr_pchs_amt1":"2000.00000","ovrs_stck_evlu_amt":"1960.00000000"},
    {"ovrs_pdno":"","ovrs_excg_cd":"","ovrs_cblc_qty":"0"}],
    "output2":{"tot_evlu_pfls_amt":"3902.5"}}"#;
const OPEN_BUY: &str = r#"{"rt_cd":"0","output":[{"ord_dt":"20261123","odno":"1","ovrs_excg_cd":"NASD","pdno":"TQQQ","sll_buy_dvsn_cd":"02","ft_ord_qty":"5","ft_ord_unpr3":"50","ft_ccld_qty":"2","ft_ccld_unpr3":"50","nccs_qty":"3"}]}"#;

/// Cash as `cash` says for the n-th question; two holdings; one purchase with 150 dollars open.
fn exchange(cash: impl Fn(usize) -> &'static str + Send + Sync + 'static) -> std::sync::Arc<Scripted> {
    with_token(move |request, before| -> Reply {
        let path = request.uri().path();
        if path.ends_with("inquire-psamount") {
            return reply(
                200,
                &format!(r#"{{"rt_cd":"0","output":{{"ovrs_ord_psbl_amt":"{}"}}}}"#, cash(before)),
            );
        }
        page("D", if path.ends_with("inquire-ccnl") { OPEN_BUY } else { HOLDINGS })
    })
}

fn dollars(text: &str) -> Option<Money> {
    Some(Money::new(text.parse().unwrap(), Currency::Usd))
}

#[tokio::test(start_paused = true)]
async fn equity_counts_what_open_purchases_have_locked() {
    let transport = exchange(|_| "7391.30");
    let session = session(Environment::Real, &transport);
    let account = account(&session, Market::UsNyse, Urgency::Reconcile).await.unwrap();
    assert_eq!(account.cash, dollars("7391.30"));
    assert_eq!(account.equity, dollars("11443.80"));
    assert_eq!((account.purchase_total, account.valuation_total), (dollars("3850"), dollars("3902.5")));
    let markets: Vec<_> = account.holdings.iter().map(|held| held.instrument.market).collect();
    assert_eq!(markets, [Market::UsNasdaq, Market::UsNyse]);
    assert_eq!(account.holdings[1].sellable, Quantity::new(5));
    assert_eq!(transport.count(&http::Method::GET, "inquire-balance"), 1, "NASD is the whole country");
}

#[tokio::test(start_paused = true)]
async fn trap_23_16_cash_is_the_amount_with_the_proceeds_of_sales_whatever_the_others_say() {
    let body = r#"{"rt_cd":"0","output":{"tr_crcy_cd":"USD","ord_psbl_frcr_amt":"139.25","sll_ruse_psbl_amt":"7252.05",
        "ovrs_ord_psbl_amt":"7391.30","echm_af_ord_psbl_amt":"0.00","frcr_ord_psbl_amt1":"9436.12"}}"#;
    for (body, cash) in [
        (body.to_owned(), dollars("7391.30")),
        // Without it none of the others stands in.
        (body.replace(r#""ovrs_ord_psbl_amt":"7391.30""#, r#""ovrs_ord_psbl_amt":"""#), None),
    ] {
        let transport = with_token(move |request, _| -> Reply {
            let path = request.uri().path();
            if path.ends_with("inquire-psamount") {
                return reply(200, &body);
            }
            page("D", if path.ends_with("inquire-ccnl") { OPEN_BUY } else { HOLDINGS })
        });
        let session = session(Environment::Real, &transport);
        let account = account(&session, Market::UsNasdaq, Urgency::Scan).await.unwrap();
        assert_eq!(account.cash, cash);
        assert_eq!(account.equity.is_some(), cash.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn trap_23_12_a_holding_of_which_nothing_may_be_sold_counts_and_says_so() {
    let ghost = HOLDINGS
        .replace(r#""ovrs_cblc_qty":"10","ord_psbl_qty":"10""#, r#""ovrs_cblc_qty":"10","ord_psbl_qty":"0""#);
    let transport = with_token(move |request, _| -> Reply {
        let path = request.uri().path();
        if path.ends_with("inquire-psamount") {
            return reply(200, r#"{"rt_cd":"0","output":{"ovrs_ord_psbl_amt":"1"}}"#);
        }
        page("D", if path.ends_with("inquire-ccnl") { OPEN_BUY } else { &ghost })
    });
    let session = session(Environment::Real, &transport);
    let account = account(&session, Market::UsNasdaq, Urgency::Scan).await.unwrap();
    let apple = &account.holdings[0];
    assert_eq!((apple.quantity, apple.sellable), (Quantity::new(10), Quantity::ZERO));
    assert_eq!(account.valuation_total, dollars("3902.5"), "it is worth what it is worth");
}

#[tokio::test(start_paused = true)]
async fn cash_that_moved_once_is_read_again() {
    let transport = exchange(|before| if before == 0 { "7391.30" } else { "7000.00" });
    let session = session(Environment::Real, &transport);
    let account = account(&session, Market::UsNasdaq, Urgency::Scan).await.unwrap();
    assert_eq!(account.equity, dollars("11052.50"));
}

#[tokio::test(start_paused = true)]
async fn cash_that_keeps_moving_makes_equity_unknown_not_wrong() {
    let transport = exchange(|before| ["1", "2", "3"][before.min(2)]);
    let session = session(Environment::Real, &transport);
    let account = account(&session, Market::UsNasdaq, Urgency::Scan).await.unwrap();
    assert_eq!((account.cash, account.equity), (dollars("3"), None));
}

#[tokio::test(start_paused = true)]
async fn cash_that_nobody_tells_is_absent_and_equity_with_it() {
    let transport = exchange(|_| "");
    let session = session(Environment::Real, &transport);
    let account = account(&session, Market::UsNasdaq, Urgency::Scan).await.unwrap();
    assert_eq!((account.cash, account.equity), (None, None));
    assert_eq!(account.holdings.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_paper_account_is_asked_exchange_by_exchange_and_by_a_stock_it_knows() {
    let transport = exchange(|_| "1");
    let session = session(Environment::Paper, &transport);
    session.remember(&Instrument { market: Market::UsNyse, symbol: "DIS".parse().unwrap() });
    account(&session, Market::UsNyse, Urgency::Scan).await.unwrap();
    assert_eq!(transport.count(&http::Method::GET, "inquire-balance"), 3);
    let request = transport.last();
    assert_eq!(
        (parameter(&request, "ITEM_CD"), parameter(&request, "OVRS_EXCG_CD")),
        (Some("DIS"), Some("NYSE"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_market_that_does_not_know_the_symbol_is_stood_in_for_by_another() {
    let refusal = r#"{"rt_cd":"7","msg_cd":"APBK0656","msg1":""}"#;
    let cash = r#"{"rt_cd":"0","output":{"ovrs_ord_psbl_amt":"9"}}"#;
    let transport = with_token(move |request, _| match request.uri().path().rsplit('/').next() {
        Some("inquire-psamount") if parameter(request, "OVRS_EXCG_CD") == Some("NASD") => reply(200, cash),
        Some("inquire-psamount") => reply(200, refusal),
        _ => page("D", r#"{"rt_cd":"0","msg_cd":"KIOK0560"}"#),
    });
    let session = session(Environment::Real, &transport);
    let account = account(&session, Market::UsAmex, Urgency::Scan).await.unwrap();
    assert_eq!((account.cash, account.equity), (dollars("9"), dollars("9")));
}
