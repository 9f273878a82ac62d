//! Trades by bars that are dated today.

use domain::Instrument;

use super::*;
use crate::kis::Environment;
use crate::kis::testing::{parameter, reply, session, with_token};

fn rows(rows: &[&str]) -> String {
    format!(r#"{{"rt_cd":"0","output1":{{}},"output2":[{}]}}"#, rows.join(","))
}

fn korean(date: &str, time: &str, volume: &str) -> String {
    format!(
        r#"{{"stck_bsop_date":"{date}","stck_cntg_hour":"{time}","cntg_vol":"{volume}","stck_prpr":"70000"}}"#
    )
}

async fn korean_answer(body: String) -> Option<String> {
    let transport = with_token(move |_, _| reply(200, &body));
    let session = session(Environment::Real, &transport);
    let last = last_trade(&session, Market::Kr).await.unwrap();
    let request = transport.last();
    assert_eq!(
        (parameter(&request, "FID_INPUT_ISCD"), parameter(&request, "FID_INPUT_HOUR_1")),
        (Some("005930"), Some("100000"))
    );
    last.map(|at| at.to_rfc3339())
}

#[tokio::test(start_paused = true)]
async fn the_newest_minute_with_volume_counts_and_carries_its_own_date() {
    let today = [
        korean("20261124", "100000", "0"),
        korean("20261124", "095900", "12"),
        korean("20261124", "095800", "9"),
    ];
    let today: Vec<_> = today.iter().map(String::as_str).collect();
    assert_eq!(korean_answer(rows(&today)).await.as_deref(), Some("2026-11-24T00:59:00+00:00"));
    let holiday = korean("20261123", "153000", "88");
    assert_eq!(korean_answer(rows(&[&holiday])).await.as_deref(), Some("2026-11-23T06:30:00+00:00"));
    assert_eq!(korean_answer(rows(&[])).await, None);
    let blank = korean("", "", "");
    assert_eq!(korean_answer(rows(&[&blank])).await, None);
}

#[tokio::test(start_paused = true)]
async fn on_paper_a_foreign_market_is_proved_by_its_daily_bar() {
    let body = rows(&[r#"{"xymd":"20261123","tvol":"88"}"#, r#"{"xymd":"20261120","tvol":"70"}"#]);
    let transport = with_token(move |_, _| reply(200, &body));
    let session = session(Environment::Paper, &transport);
    let last = last_trade(&session, Market::UsNasdaq).await.unwrap().unwrap();
    assert_eq!(Market::UsNasdaq.date_at(last).to_string(), "2026-11-23");
    assert!(transport.last().uri().path().ends_with("/dailyprice"));
}

#[tokio::test(start_paused = true)]
async fn a_stock_that_was_just_priced_speaks_where_the_well_known_one_is_silent() {
    let transport = with_token(move |request, _| match parameter(request, "SYMB") {
        Some("ZZZZ") => reply(200, &rows(&[r#"{"xymd":"20261123","xhms":"195900","evol":"5"}"#])),
        _ => reply(200, &rows(&[])),
    });
    let session = session(Environment::Real, &transport);
    assert_eq!(last_trade(&session, Market::UsNasdaq).await, Ok(None));
    session.remember(&Instrument { market: Market::UsNasdaq, symbol: "ZZZZ".parse().unwrap() });
    let last = last_trade(&session, Market::UsNasdaq).await.unwrap().unwrap();
    assert_eq!(last.to_rfc3339(), "2026-11-24T00:59:00+00:00");
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_exchange_is_asked_for_one_stock_only_and_a_refusal_is_an_answer() {
    let transport = with_token(|_, _| reply(500, ""));
    let unreachable = session(Environment::Real, &transport);
    unreachable.remember(&Instrument { market: Market::UsNasdaq, symbol: "ZZZZ".parse().unwrap() });
    let error = last_trade(&unreachable, Market::UsNasdaq).await.unwrap_err();
    assert!(matches!(error, QueryError::Unavailable(_)), "{error}");
    assert!(transport.asked().iter().all(|line| !line.contains("ZZZZ")));
    let refusing =
        with_token(|_, _| reply(200, r#"{"rt_cd":"1","msg_cd":"OPSQ2001","msg1":"no such stock"}"#));
    let error = last_trade(&session(Environment::Real, &refusing), Market::UsNasdaq).await.unwrap_err();
    assert!(matches!(error, QueryError::Refused { .. }), "{error}");
}
