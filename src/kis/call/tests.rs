//! Reads: attempts, paging, and what is not asked twice.

use http::Method;

use super::*;
use crate::http::NetError;
use crate::kis::testing::{Scripted, page, parameter, reply, session, with_token};
use crate::kis::trid::reads;

const OK: &str = r#"{"rt_cd":"0","msg_cd":"MCA00000","msg1":"done","output":{}}"#;

fn refusal(code: &str) -> String {
    format!(r#"{{"rt_cd":"1","msg_cd":"{code}","msg1":"text    "}}"#)
}

async fn ask(transport: &std::sync::Arc<Scripted>) -> Result<Envelope, QueryError> {
    let session = session(Environment::Real, transport);
    let question =
        session.question(&reads::KR_PRICE, Urgency::Scan).unwrap().with([("FID_INPUT_ISCD", "005930")]);
    session.ask(&question).await
}

fn reads_made(transport: &Scripted) -> usize {
    transport.count(&Method::GET, "inquire-price")
}

#[tokio::test(start_paused = true)]
async fn every_header_is_there_and_the_secret_ones_cannot_be_printed() {
    let transport = with_token(|_, _| reply(200, OK));
    ask(&transport).await.unwrap();
    let request = transport.last();
    let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("authorization"), "Bearer token-0");
    assert_eq!(header("tr_id"), "FHKST01010100");
    assert_eq!(header("custtype"), "P");
    assert_eq!(header("tr_cont"), "");
    let shown = format!("{request:?}");
    for secret in ["token-0", "KEY-OF-TEST", "SECRET-OF-TEST"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_is_tried_three_times_with_growing_pauses() {
    let passing = [reply(500, ""), reply(500, &refusal("EGW00302")), reply(200, &refusal("EGW00201"))];
    for failure in passing {
        let failure = failure.unwrap();
        let transport = with_token(move |_, _| Ok(failure.clone()));
        let before = tokio::time::Instant::now();
        assert!(matches!(ask(&transport).await, Err(QueryError::Unavailable(_))));
        assert_eq!(reads_made(&transport), 3);
        let waited = before.elapsed();
        assert!((Duration::from_secs(6)..Duration::from_millis(6_100)).contains(&waited), "{waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_is_tried_again_and_may_succeed() {
    let transport = with_token(|_, before| match before {
        0 => Err(NetError::NotSent("refused".into())),
        1 => Err(NetError::Ambiguous("cut".into())),
        _ => reply(200, OK),
    });
    assert!(ask(&transport).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_certain_refusal_is_not_asked_again() {
    for code in ["APBK0656", "OPSQ2001", "EGW00213", "OPSQ2000"] {
        let transport = with_token(move |_, _| reply(200, &refusal(code)));
        let error = ask(&transport).await.unwrap_err();
        assert_eq!(error, QueryError::Refused { code: code.into(), text: "text".into() });
        assert_eq!(reads_made(&transport), 1, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_token_is_replaced_once_when_the_exchange_allows_it() {
    let transport =
        with_token(|_, before| if before == 1 { reply(500, &refusal("EGW00123")) } else { reply(200, OK) });
    let session = session(Environment::Real, &transport);
    let question = session.question(&reads::KR_PRICE, Urgency::Scan).unwrap();
    session.ask(&question).await.unwrap();
    tokio::time::advance(Duration::from_secs(66)).await;
    session.ask(&question).await.unwrap();
    assert_eq!(transport.count(&Method::POST, "tokenP"), 2);
    assert_eq!(transport.last().headers()["authorization"], "Bearer token-1");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_dies_at_once_is_not_issued_again_within_the_minute() {
    let transport = with_token(|_, _| reply(500, &refusal("EGW00121")));
    assert!(matches!(ask(&transport).await, Err(QueryError::Unavailable(_))));
    assert_eq!(transport.count(&Method::POST, "tokenP"), 1);
    assert_eq!(reads_made(&transport), 1);
}

#[tokio::test(start_paused = true)]
async fn pages_are_read_to_the_end_with_the_context_as_sent() {
    let body =
        |next: &str| format!(r#"{{"rt_cd":"0","ctx_area_fk100":"12^01^  ","ctx_area_nk100":"{next}"}}"#);
    let transport = with_token(move |_, before| match before {
        0 => page("M", &body("a 1  ")),
        1 => page("F", &body("a 2  ")),
        _ => page("D", &body("     ")),
    });
    let session = session(Environment::Real, &transport);
    let question = session.question(&reads::KR_BALANCE, Urgency::Reconcile).unwrap();
    assert_eq!(session.ask_all(&question, Paging::DOMESTIC).await.unwrap().len(), 3);
    let last = transport.last();
    assert_eq!(last.headers()["tr_cont"], "N");
    assert_eq!(parameter(&last, "CTX_AREA_FK100"), Some("12%5E01%5E%20%20"));
    assert_eq!(parameter(&last, "CTX_AREA_NK100"), Some("a%202%20%20"));
}

#[tokio::test(start_paused = true)]
async fn a_list_with_a_missing_page_or_without_end_is_no_list() {
    let body = |next: usize| format!(r#"{{"rt_cd":"0","ctx_area_fk100":"","ctx_area_nk100":"{next}"}}"#);
    let missing = with_token(move |_, before| if before == 0 { page("M", &body(0)) } else { reply(500, "") });
    let same = with_token(move |_, _| page("M", &body(7)));
    let endless = with_token(move |_, before| page("M", &body(before)));
    for transport in [missing, same, endless] {
        let session = session(Environment::Real, &transport);
        let question = session.question(&reads::KR_BALANCE, Urgency::Reconcile).unwrap();
        assert!(session.ask_all(&question, Paging::DOMESTIC).await.is_err());
        assert!(transport.asked().len() <= PAGES_MAX + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn how_many_shares_may_be_sold_is_asked_again_when_a_clock_that_ran_ahead_was_told() {
    let session = session(Environment::Real, &with_token(|_, _| reply(200, OK)));
    let (instrument, minute) = ("KR:005930".parse::<Instrument>().unwrap(), TimeDelta::seconds(60));
    session.learn_sellable(&instrument, Quantity::new(7));
    assert_eq!(session.sellable_lately(&instrument, minute), Some(Quantity::new(7)));
    let ahead = session.now() + TimeDelta::days(1);
    session.learned().sellable.insert(instrument.clone(), (Quantity::new(7), ahead));
    assert_eq!(session.sellable_lately(&instrument, minute), None);
}
