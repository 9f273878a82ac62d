//! The list of days, by bodies composed from KIS.md 10.1.

use super::*;
use crate::kis::Environment;
use crate::kis::testing::{page, parameter, session, with_token};

fn row(date: &str, opens: &str) -> String {
    format!(
        r#"{{"bass_dt":"{date}","wday_dvsn_cd":"05","bzdy_yn":"Y","tr_day_yn":"Y","opnd_yn":"{opens}","sttl_day_yn":"Y"}}"#
    )
}

fn body(rows: &[String]) -> String {
    format!(
        r#"{{"ctx_area_nk":"20270119            ","ctx_area_fk":"20261231            ","output":[{}],"rt_cd":"0","msg_cd":"KIOK0500","msg1":"조회가 계속됩니다"}}"#,
        rows.join(",")
    )
}

async fn read(rows: &[String]) -> Result<Vec<(String, bool)>, QueryError> {
    let body = body(rows);
    let transport = with_token(move |_, _| page("M", &body));
    let session = session(Environment::Real, &transport);
    let days = listed_days(&session, Market::Kr, "2026-12-31".parse().unwrap()).await?;
    let request = transport.last();
    assert_eq!(request.headers()["tr_id"], "CTCA0903R");
    assert_eq!(parameter(&request, "BASS_DT"), Some("20261231"));
    assert_eq!(
        (parameter(&request, "CTX_AREA_NK"), parameter(&request, "CTX_AREA_FK")),
        (Some(""), Some(""))
    );
    Ok(days.into_iter().map(|day| (day.date.to_string(), day.opens)).collect())
}

#[tokio::test(start_paused = true)]
async fn the_flag_for_the_exchange_counts_whatever_banks_and_brokers_do() {
    // A repeated date, and one before the day that was asked for.
    let rows =
        [("20270104", "Y"), ("20261231", "N"), ("20270101", "N"), ("20270104", "Y"), ("20261230", "Y")];
    let days = read(&rows.map(|(date, opens)| row(date, opens))).await.unwrap();
    let told = [("2026-12-31", false), ("2027-01-01", false), ("2027-01-04", true)];
    assert_eq!(days, told.map(|(date, opens)| (date.to_owned(), opens)));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_contradicts_itself_or_says_nothing_is_not_used() {
    let twice = [row("20270104", "Y"), row("20270104", "N")];
    for rows in [&twice[..], &[row("20270104", "")], &[row("20270104", "X")], &[row("2027010", "Y")], &[]] {
        let error = read(rows).await.unwrap_err();
        assert!(matches!(error, QueryError::Malformed(_)), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_paper_account_and_a_foreign_market_have_no_list() {
    let transport = with_token(|_, _| page("", "{}"));
    for (environment, market) in [(Environment::Paper, Market::Kr), (Environment::Real, Market::Hk)] {
        let session = session(environment, &transport);
        let error = listed_days(&session, market, "2026-12-31".parse().unwrap()).await.unwrap_err();
        assert!(matches!(error, QueryError::NotOffered(_)), "{error}");
    }
    assert_eq!(transport.asked(), [""; 0], "nothing is even asked");
}
