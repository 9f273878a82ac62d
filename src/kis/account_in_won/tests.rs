//! The sum in won, and rates for one unit.

use super::*;
use crate::kis::Environment;
use crate::kis::testing::{Scripted, page, parameter, reply, session, start, with_token};

const PRESENT: &str = r#"{"rt_cd":"0","output1":[],"output2":[
    {"crcy_cd":"USD","frcr_dncl_amt_2":"7391.300000","frst_bltn_exrt":"1212.60000000"},
    {"crcy_cd":"JPY","frcr_dncl_amt_2":"50000.000000","frst_bltn_exrt":"981.11000000"},
    {"crcy_cd":"EUR","frst_bltn_exrt":"1700"},{"crcy_cd":"HKD","frst_bltn_exrt":"0.00000000"},{"crcy_cd":""}],
    "output3":{"evlu_amt_smtl":"25672559","dncl_amt":"3000000","frcr_evlu_tota":"9453245","tot_asst_amt":"38125804"}}"#;
const PAPER: &str = r#"{"rt_cd":"0","output1":[],"output2":[],
    "output3":{"evlu_amt_smtl":"25672559","dncl_amt":"3000000","frcr_evlu_tota":"9453245","tot_asst_amt":"38125804"}}"#;

fn exchange(present: &'static str, balance: &'static str) -> std::sync::Arc<Scripted> {
    with_token(move |request, _| match request.uri().path().rsplit('/').next().unwrap() {
        "inquire-present-balance" => reply(200, present),
        "inquire-balance" => page("D", balance),
        "inquire-psamount" => {
            let rate = match parameter(request, "OVRS_EXCG_CD").unwrap() {
                "SEHK" => "186.5",
                "HASE" | "VNSE" => "5.5",
                _ => "1467.0000000000",
            };
            reply(200, &format!(r#"{{"rt_cd":"0","output":{{"ovrs_ord_psbl_amt":"1","exrt":"{rate}"}}}}"#))
        }
        _ => reply(200, r#"{"rt_cd":"0","output":{"nrcvb_buy_amt":"900000"}}"#),
    })
}

const KOREAN: &str = r#"{"rt_cd":"0","output1":[],"output2":[{"tot_evlu_amt":"5000000"}]}"#;

async fn ask(
    environment: Environment,
    transport: &std::sync::Arc<Scripted>,
    wanted: &[Currency],
) -> AccountInWon {
    let query = AccountInWonQuery { currencies: wanted.to_vec() };
    account_in_won(&session(environment, transport), query).await.unwrap()
}

fn rates(account: &AccountInWon) -> Vec<(&'static str, String)> {
    let told = account.rates.iter();
    told.map(|(currency, rate)| (currency.code(), rate.won_per_unit().normalize().to_string())).collect()
}

#[tokio::test(start_paused = true)]
async fn foreign_cash_and_shares_join_the_korean_account_and_won_count_once() {
    let transport = exchange(PRESENT, KOREAN);
    let wanted = [Currency::Krw, Currency::Usd, Currency::Jpy, Currency::Hkd, Currency::Vnd];
    let account = ask(Environment::Real, &transport, &wanted).await;
    assert_eq!(
        account.equity,
        Some(Money::new(Decimal::from(5_000_000 + 25_672_559 + 9_453_245), Currency::Krw))
    );
    let told: Vec<_> = rates(&account);
    let mut told: Vec<_> = told.iter().map(|(code, rate)| (*code, rate.as_str())).collect();
    told.sort_unstable();
    // The two that have no row are told beside the cash, a dong for a hundred as a yen.
    assert_eq!(told, [("HKD", "186.5"), ("JPY", "9.8111"), ("USD", "1212.6"), ("VND", "0.055")]);
    assert!(account.rates.values().all(|rate| rate.posted_on().to_string() == "2026-11-24"));
    assert_eq!(account.as_of, start());
}

#[tokio::test(start_paused = true)]
async fn a_paper_account_tells_its_rates_beside_the_cash() {
    let transport = exchange(PAPER, KOREAN);
    let account = ask(Environment::Paper, &transport, &[Currency::Usd]).await;
    assert_eq!(rates(&account), [("USD", "1467".to_owned())]);
    assert!(account.equity.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_not_told_leaves_the_sum_unknown_and_not_smaller() {
    let nothing = r#"{"rt_cd":"0","output1":[],"output2":[{"tot_evlu_amt":""}]}"#;
    let account = ask(Environment::Real, &exchange(PRESENT, nothing), &[]).await;
    assert_eq!((account.equity, account.rates.len()), (None, 2));
    let no_cash = r#"{"rt_cd":"0","output2":[],"output3":{"evlu_amt_smtl":"1","frcr_evlu_tota":""}}"#;
    assert_eq!(ask(Environment::Real, &exchange(no_cash, KOREAN), &[]).await.equity, None);
}

#[tokio::test(start_paused = true)]
async fn a_rate_below_zero_is_no_answer() {
    let bad = r#"{"rt_cd":"0","output2":[{"crcy_cd":"USD","frst_bltn_exrt":"-1"}],"output3":{}}"#;
    let query = AccountInWonQuery { currencies: Vec::new() };
    let answer = account_in_won(&session(Environment::Real, &exchange(bad, KOREAN)), query).await;
    assert!(matches!(answer, Err(QueryError::Malformed(_))), "{answer:?}");
}
