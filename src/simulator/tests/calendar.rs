//! The Korean calendar over the wire, and days that are closed by data.

use domain::Market;
use serde_json::Value;

use super::world::{Setting, World};
use crate::simulator::Environment;

const HOLIDAYS: &str = "/uapi/domestic-stock/v1/quotations/chk-holiday";
const CLOSED: &[(Market, &str)] = &[(Market::Kr, "2026-12-25"), (Market::Kr, "2026-12-31")];

async fn world(start: &'static str) -> World {
    World::of(Setting { start, closed: CLOSED, ..Setting::default() }).await
}

fn flags(answer: &Value, date: &str) -> [String; 5] {
    let rows = answer["output"].as_array().unwrap();
    let row = rows.iter().find(|row| row["bass_dt"] == date).unwrap();
    ["wday_dvsn_cd", "bzdy_yn", "tr_day_yn", "opnd_yn", "sttl_day_yn"]
        .map(|name| row[name].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn the_holiday_inquiry_tells_24_days_and_which_of_them_open() {
    let world = world("2026-12-15T00:00:00Z").await;
    let answer = world.get(HOLIDAYS, "CTCA0903R", "BASS_DT=20261215&CTX_AREA_NK=&CTX_AREA_FK=").await;
    assert_eq!((answer.code(), answer.continuation.as_str()), ("KIOK0500", "M"));
    assert_eq!(answer.body["ctx_area_nk"], "20270107            ");
    assert_eq!(answer.body["ctx_area_fk"], "20261215            ");
    assert_eq!(answer.body["output"].as_array().unwrap().len(), 24);
    let told = |date| flags(&answer.body, date);
    assert_eq!(told("20261224"), ["05", "Y", "Y", "Y", "Y"]);
    assert_eq!(told("20261225"), ["06", "N", "Y", "N", "N"]);
    assert_eq!(told("20261226"), ["07", "N", "Y", "N", "N"]);
    assert_eq!(told("20261227"), ["01", "N", "Y", "N", "N"]);
    assert_eq!(told("20261231"), ["05", "Y", "Y", "N", "N"], "banks work on the last day of the year");
}

#[tokio::test]
async fn the_next_page_of_holidays_goes_on_after_the_last_and_ends_with_next_year() {
    let world = world("2026-12-15T00:00:00Z").await;
    let mut headers = world.headers("CTCA0903R");
    headers.push(("tr_cont", "N".into()));
    let ask = |key: &str| format!("BASS_DT=20261215&CTX_AREA_NK={key}&CTX_AREA_FK=20261215");
    let second = world.get_with(HOLIDAYS, &ask("20270107"), headers.clone()).await;
    assert_eq!(second.body["output"][0]["bass_dt"], "20270108");
    let last = world.get_with(HOLIDAYS, &ask("20271220"), headers.clone()).await;
    assert_eq!((last.code(), last.continuation.as_str()), ("KIOK0460", "D"));
    assert_eq!(last.body["output"].as_array().unwrap().len(), 11);
    let beyond = world.get_with(HOLIDAYS, &ask("20271231"), headers).await;
    assert_eq!((beyond.code(), beyond.continuation.as_str()), ("KIOK0560", "D"));
}

#[tokio::test]
async fn a_date_that_is_none_is_refused_and_paper_has_no_calendar() {
    let world = world("2026-12-15T00:00:00Z").await;
    for date in ["", "2026-12-15", "20261301", "+2026121", "999999999999"] {
        let query = format!("BASS_DT={date}&CTX_AREA_NK=&CTX_AREA_FK=");
        assert_eq!(world.get(HOLIDAYS, "CTCA0903R", &query).await.code(), "OPSQ2002", "{date}");
    }
    let paper = World::of(Setting { environment: Environment::Paper, ..Setting::default() }).await;
    let answer = paper.get(HOLIDAYS, "CTCA0903R", "BASS_DT=20261215&CTX_AREA_NK=&CTX_AREA_FK=").await;
    assert!(answer.body["msg1"].as_str().unwrap().contains("제공되지 않습니다"), "{answer:?}");
}

#[tokio::test]
async fn no_order_is_taken_on_a_closed_date() {
    let world = world("2026-12-25T01:00:00Z").await;
    assert_eq!(world.buy("910010", 1, "70000").await.code(), "APBK0919");
}

#[tokio::test]
async fn the_market_time_tells_five_sessions_and_the_servers_clock() {
    let world = world("2026-12-24T05:06:07Z").await;
    let path = "/uapi/domestic-stock/v1/quotations/market-time";
    let answer = world.get(path, "HHMCM000002C0", "").await;
    let output = &answer.body["output1"];
    let told = |name: &str| output[name].as_str().unwrap().to_owned();
    let days = ["date1", "date2", "date3", "date4", "date5"].map(told);
    assert_eq!(days, ["20261222", "20261223", "20261224", "20261228", "20261229"]);
    assert_eq!([told("today"), told("time")], ["20261224", "140607"]);
    assert_eq!([told("s_time"), told("e_time")], ["084500", "154500"]);
}

#[tokio::test]
async fn a_holiday_shows_the_prices_of_the_last_session_and_takes_no_orders() {
    let closed = &[(Market::Kr, "2026-11-25")];
    let world = World::of(Setting { closed, ..Setting::default() }).await;
    world.minutes(6 * 60 + 30);
    let evening = world.korean_price("910010").await;
    world.minutes(17 * 60);
    let holiday = world.korean_price("910010").await;
    let prices = |quote: &Value| ["stck_prpr", "acml_vol", "stck_hgpr"].map(|key| quote[key].clone());
    assert_eq!(prices(&holiday), prices(&evening));
    let upper = holiday["stck_mxpr"].as_str().unwrap();
    assert_eq!(world.buy("910010", 1, upper).await.code(), "APBK0919");
}

#[tokio::test]
async fn minutes_of_the_day_before_are_those_of_the_session_before_a_holiday() {
    let world = world("2026-12-28T01:00:00Z").await;
    let path = "/uapi/domestic-stock/v1/quotations/inquire-time-dailychartprice";
    let query = "FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD=910010&FID_INPUT_HOUR_1=090000&FID_INPUT_DATE_1=20261228&\
                 FID_PW_DATA_INCU_YN=Y&FID_FAKE_TICK_INCU_YN=";
    let answer = world.get(path, "FHKST03010230", query).await;
    let rows = answer.body["output2"].as_array().unwrap();
    assert_eq!(rows[0]["stck_bsop_date"], "20261228");
    assert_eq!(
        (&rows[1]["stck_bsop_date"], &rows[1]["stck_cntg_hour"]),
        (&"20261224".into(), &"153000".into())
    );
}
