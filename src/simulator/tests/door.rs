//! Tokens, headers, TR ids and rate.

use super::world::{Setting, World};
use crate::simulator::Environment;
use chrono::TimeDelta;
use serde_json::json;

const PRICE: &str = "/uapi/domestic-stock/v1/quotations/inquire-price";
const QUERY: &str = "FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD=910010";

#[tokio::test]
async fn a_token_is_kept_for_six_hours_and_asked_for_once_a_minute() {
    let world = World::without_token(Setting::default());
    let first = world.token_call(json!({})).await;
    assert_eq!(first.body["access_token_token_expired"], "2026-11-25 09:00:00");
    assert_eq!(first.body["expires_in"], 86_400);
    let again = world.token_call(json!({})).await;
    assert_eq!((again.status, again.code()), (403, "EGW00133"));
    world.minutes(61);
    let same = world.token_call(json!({})).await;
    assert_eq!(same.body, first.body);
    world.minutes(6 * 60);
    let fresh = world.token_call(json!({})).await;
    assert_ne!(fresh.body["access_token"], first.body["access_token"]);
}

#[tokio::test]
async fn without_the_spacing_the_token_server_answers_at_once_and_with_the_same_token() {
    let world = World::without_token(Setting::default());
    let first = world.token_call(json!({})).await;
    assert_eq!(world.token_call(json!({})).await.code(), "EGW00133");
    world.exchange.answer_token_calls_at_once();
    let again = world.token_call(json!({})).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
}

#[tokio::test]
async fn a_token_dies_after_a_day_and_a_wrong_secret_never_gets_one() {
    let world = World::of(Setting::default()).await;
    assert!(world.get(PRICE, "FHKST01010100", QUERY).await.is_ok());
    world.minutes(24 * 60);
    let late = world.get(PRICE, "FHKST01010100", QUERY).await;
    assert_eq!((late.status, late.code()), (500, "EGW00123"));
    let wrong = world.token_call(json!({"appsecret": "other"})).await;
    assert_eq!((wrong.status, wrong.code()), (403, "EGW00105"));
}

#[tokio::test]
async fn each_missing_or_wrong_header_has_its_own_code() {
    let world = World::of(Setting::default()).await;
    let cases = [
        ("appkey", "", "EGW00102"),
        ("appkey", "stranger", "EGW00103"),
        ("appsecret", "", "EGW00104"),
        ("appsecret", "other", "EGW00105"),
        ("authorization", "", "EGW00205"),
        ("authorization", "Basic abc", "EGW00205"),
        ("authorization", "Bearer abc", "EGW00121"),
        ("custtype", "", "EGW00208"),
        ("content-type", "text/plain", "EGW00132"),
        ("tr_id", "", "OPSQ0002"),
        ("tr_id", "TTTC8434R", "EGW00203"),
        ("tr_id", "VTTC8434R", "OPSQ0002"),
    ];
    for (name, value, code) in cases {
        let mut headers = world.headers("FHKST01010100");
        headers.retain(|(known, _)| *known != name);
        if !value.is_empty() {
            headers.push((name, value.into()));
        }
        let answer = world.get_with(PRICE, QUERY, headers).await;
        let status = if matches!(code, "EGW00103" | "EGW00105") { 403 } else { 500 };
        assert_eq!((answer.status, answer.code()), (status, code), "{name}: {value}");
        assert_eq!(answer.body["rt_cd"], "1");
    }
}

#[tokio::test]
async fn the_paper_host_knows_its_own_ids_and_has_no_rankings() {
    let world = World::of(Setting { environment: Environment::Paper, ..Setting::default() }).await;
    let order = world.buy("910010", 1, "70000").await;
    assert_eq!((order.status, order.code()), (500, "EGW00213"));
    assert!(world.korean_order("VTTC0012U", "910010", 1, "70000").await.is_ok());
    let path = "/uapi/overseas-stock/v1/ranking/updown-rate";
    let ranking = world.get(path, "HHDFS76290000", "AUTH=&EXCD=NAS&NDAY=0&GUBN=1&VOL_RANG=0&KEYB=").await;
    assert!(ranking.body["msg1"].as_str().unwrap().contains("제공되지 않습니다"), "{ranking:?}");
}

#[tokio::test]
async fn the_rate_is_counted_in_exchange_time() {
    let world = World::of(Setting { rate: 20, ..Setting::default() }).await;
    for _ in 0..20 {
        assert!(world.get(PRICE, "FHKST01010100", QUERY).await.is_ok());
    }
    let over = world.get(PRICE, "FHKST01010100", QUERY).await;
    assert_eq!((over.status, over.code()), (500, "EGW00201"));
    world.clock.forward(TimeDelta::milliseconds(50));
    assert!(world.get(PRICE, "FHKST01010100", QUERY).await.is_ok());
    assert!(!world.get(PRICE, "FHKST01010100", QUERY).await.is_ok());
}

#[tokio::test]
async fn a_parameter_that_is_left_out_is_named_even_where_it_may_be_empty() {
    let world = World::of(Setting::default()).await;
    let path = "/uapi/overseas-stock/v1/ranking/updown-rate";
    let answer = world.get(path, "HHDFS76290000", "AUTH=&EXCD=NAS&NDAY=0&GUBN=1&VOL_RANG=0").await;
    assert_eq!((answer.status, &answer.body["rt_cd"]), (200, &json!("2")));
    assert!(answer.body["msg1"].as_str().unwrap().contains("KEYB"));
}

#[tokio::test]
async fn an_unknown_path_does_not_exist() {
    let world = World::of(Setting::default()).await;
    let path = "/uapi/overseas-price/v1/quotations/inquire-updown-rank";
    assert_eq!(world.get(path, "HHDFS76200100", "AUTH=").await.status, 404);
}

#[tokio::test]
async fn a_body_with_numbers_or_small_letters_is_refused() {
    let world = World::of(Setting::default()).await;
    for body in [json!({"CANO": 12_345_678}), json!({"cano": "12345678"})] {
        let answer = world.post("/uapi/domestic-stock/v1/trading/order-cash", "TTTC0012U", body).await;
        assert_eq!(answer.code(), "OPSQ2002");
    }
    let books = world.exchange.books();
    assert_eq!((books.order_posts, books.order_posts_refused, books.orders.len()), (2, 2, 0));
}

#[tokio::test]
async fn a_hash_is_given_for_a_body_and_needs_no_token() {
    let world = World::of(Setting::default()).await;
    let answer = world.post("/uapi/hashkey", "", json!({"CANO": "12345678"})).await;
    assert_eq!(answer.body["HASH"].as_str().unwrap().len(), 64);
    assert_eq!(answer.body["BODY"]["CANO"], "12345678");
    let order = json!({
        "CANO": "12345678", "ACNT_PRDT_CD": "01", "PDNO": "910010", "ORD_DVSN": "00", "ORD_QTY": "1",
        "ORD_UNPR": "70000",
    });
    let hash = world.post("/uapi/hashkey", "", order.clone()).await.body["HASH"].clone();
    let path = "/uapi/domestic-stock/v1/trading/order-cash";
    let taken = world.post_hashed(path, "TTTC0012U", order, hash.as_str().unwrap().to_owned()).await;
    assert!(taken.is_ok(), "{taken:?}");
}

#[tokio::test]
async fn every_answer_is_dated_by_the_exchanges_own_clock_and_so_shows_no_skew() {
    use crate::http::{CallLimits, ClockGauge, Dated, InProcess, Transport as _};
    use std::sync::Arc;
    let world = World::without_token(Setting::default());
    let gauge = Arc::new(ClockGauge::default());
    let way = Arc::new(InProcess(crate::simulator::router(world.exchange.clone())));
    let limits = CallLimits { timeout: std::time::Duration::from_secs(1), max_body_bytes: 1 << 20 };
    let request = || http::Request::get(PRICE).body(bytes::Bytes::new()).unwrap();
    let right = Dated::new(way.clone(), world.clock.clone(), gauge.clone());
    let wrong = Dated::new(way, Arc::new(crate::clock::SystemClock), gauge.clone());
    for _ in 0..3 {
        let answer = right.send(request(), limits).await.unwrap();
        assert!(answer.headers().contains_key(http::header::DATE));
    }
    assert_eq!(gauge.skew(), None);
    for _ in 0..2 {
        wrong.send(request(), limits).await.unwrap();
    }
    assert!(gauge.skew().is_some(), "this machine's time is not that of the test's exchange");
    right.send(request(), limits).await.unwrap();
    assert!(gauge.skew().is_none(), "two in a row are needed");
    for way in [&wrong, &right].into_iter().cycle().take(16) {
        way.send(request(), limits).await.unwrap();
    }
    assert!(gauge.skew().is_some(), "or every other one");
}
