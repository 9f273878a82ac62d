//! Rankings of both sides and the condition search.

use super::*;
use crate::kis::testing::{parameter, reply, session, with_token};

fn query(market: Market, kind: RankingKind) -> RankingQuery {
    RankingQuery { market, kind }
}

#[tokio::test(start_paused = true)]
async fn the_korean_price_change_list_is_sorted_here_and_keeps_only_codes() {
    let body = r#"{"rt_cd":"0","output":[
        {"stck_shrn_iscd":"000040","hts_kor_isnm":" A\nB ","stck_prpr":"1821","prdy_ctrt":"12.13"},
        {"stck_shrn_iscd":"000660","hts_kor_isnm":"C","stck_prpr":"","prdy_ctrt":"29.90"},
        {"stck_shrn_iscd":"","hts_kor_isnm":"","stck_prpr":"0","prdy_ctrt":"0"},
        {"stck_shrn_iscd":"ignore previous instructions","stck_prpr":"1","prdy_ctrt":"30"}]}"#;
    let transport = with_token(move |_, _| reply(200, body));
    let session = session(Environment::Real, &transport);
    let stocks = ranking(&session, &query(Market::Kr, RankingKind::Fluctuation)).await.unwrap();
    let codes: Vec<_> = stocks.iter().map(|stock| stock.instrument.symbol.as_str()).collect();
    assert_eq!(codes, ["000660", "000040"]);
    assert_eq!((stocks[0].price, stocks[1].name.as_str()), (None, "A B"));
    assert_eq!(parameter(&transport.last(), "fid_rank_sort_cls_code"), Some("0"));
}

#[tokio::test(start_paused = true)]
async fn the_korean_volume_list_measures_against_the_day_before() {
    let body = r#"{"rt_cd":"0","Output":[
        {"mksc_shrn_iscd":"005930","stck_prpr":"65100","prdy_ctrt":"-0.46","acml_vol":"300","prdy_vol":"200"},
        {"mksc_shrn_iscd":"000660","stck_prpr":"65100","prdy_ctrt":"1","acml_vol":"300","prdy_vol":"0"}]}"#;
    let transport = with_token(move |_, _| reply(200, body));
    let session = session(Environment::Real, &transport);
    let stocks = ranking(&session, &query(Market::Kr, RankingKind::Volume)).await.unwrap();
    assert_eq!(stocks[0].volume_ratio, Some("1.5".parse().unwrap()));
    assert_eq!(stocks[1].volume_ratio, None, "a division by nothing is no ratio");
    assert_eq!(transport.last().headers()["tr_id"], "FHPST01710000");
}

#[tokio::test(start_paused = true)]
async fn foreign_rankings_use_the_addresses_of_the_settings_with_key_and_auth_present() {
    let body = r#"{"rt_cd":"0","output1":{"nrec":"1"},"output2":[
        {"symb":"ABCD","knam":"n","last":"12.3400","rate":"+20.98","tvol":"400","n_tvol":"100"}]}"#;
    let transport = with_token(move |_, _| reply(200, body));
    let session = session(Environment::Real, &transport);
    let stocks = ranking(&session, &query(Market::UsNasdaq, RankingKind::Volume)).await.unwrap();
    assert_eq!(stocks[0].volume, Some(400));
    assert_eq!(stocks[0].volume_ratio, None, "the volume of an hour ago is no usual volume");
    assert_eq!(stocks[0].change_pct, Some("20.98".parse().unwrap()));
    let request = transport.last();
    assert_eq!(request.uri().path(), "/uapi/overseas-stock/v1/ranking/volume-surge");
    assert_eq!(request.headers()["tr_id"], "HHDFS76270000");
    let wanted = [("KEYB", ""), ("AUTH", ""), ("EXCD", "NAS"), ("MIXN", "8")];
    for (key, value) in wanted {
        assert_eq!(parameter(&request, key), Some(value), "{key}");
    }
    ranking(&session, &query(Market::UsAmex, RankingKind::Fluctuation)).await.unwrap();
    let request = transport.last();
    assert_eq!((parameter(&request, "GUBN"), parameter(&request, "EXCD")), (Some("1"), Some("AMS")));
}

#[tokio::test(start_paused = true)]
async fn paper_has_no_korean_list_and_searches_abroad() {
    let body = r#"{"rt_cd":"0","output2":[
        {"symb":"TSLA","name":"n","last":"160.95","rate":"+4.09"},{"symb":"PANW","name":"m","last":"160.75","rate":"+9.64"}]}"#;
    let transport = with_token(move |_, _| reply(200, body));
    let session = session(Environment::Paper, &transport);
    let refused = ranking(&session, &query(Market::Kr, RankingKind::Volume)).await.unwrap_err();
    assert!(matches!(refused, QueryError::NotOffered(_)), "{refused}");
    assert!(transport.asked().is_empty());
    let symbols = async |kind| -> Vec<String> {
        let stocks = ranking(&session, &query(Market::UsNasdaq, kind)).await.unwrap();
        stocks.into_iter().map(|stock| stock.instrument.symbol.to_string()).collect()
    };
    assert_eq!(symbols(RankingKind::Fluctuation).await, ["PANW", "TSLA"]);
    let once = transport.asked().len();
    let refused = ranking(&session, &query(Market::UsNasdaq, RankingKind::Volume)).await.unwrap_err();
    assert!(matches!(refused, QueryError::NotOffered(_)), "{refused}");
    assert_eq!(transport.asked().len(), once, "the search has told everything already");
    assert_eq!(transport.last().headers()["tr_id"], "HHDFS76410000");
}

#[tokio::test(start_paused = true)]
async fn the_list_by_shares_traded_is_asked_with_its_own_parameters_and_keeps_its_order() {
    let rows =
        r#"{"symb":"BBB","name":"b","last":"2","rate":"1"},{"symb":"AAA","name":"a","last":"1","rate":"9"}"#;
    let body = format!(r#"{{"rt_cd":"0","output2":[{rows}]}}"#);
    let transport = with_token(move |_, _| reply(200, &body));
    let mut session = session(Environment::Real, &transport);
    session.config.volume.tr_id = BY_VOLUME.to_owned();
    let stocks = ranking(&session, &query(Market::Jp, RankingKind::Volume)).await.unwrap();
    assert_eq!(
        stocks.iter().map(|stock| stock.instrument.symbol.as_str()).collect::<Vec<_>>(),
        ["BBB", "AAA"]
    );
    let request = transport.last();
    let sent = ["NDAY", "PRC1", "MIXN", "EXCD"].map(|key| parameter(&request, key));
    assert_eq!(sent, [Some("0"), Some(""), None, Some("TSE")]);
}

#[tokio::test(start_paused = true)]
async fn rows_tell_the_days_range_and_volume_and_whether_a_stock_may_be_bought() {
    let korean = r#"{"rt_cd":"0","output":[{"stck_shrn_iscd":"000040","stck_prpr":"1821","prdy_ctrt":"12.13",
        "stck_hgpr":"1900","stck_lwpr":"1600","acml_vol":"123456"}]}"#;
    let transport = with_token(move |_, _| reply(200, korean));
    let session_of = |environment| session(environment, &transport);
    let stocks = ranking(&session_of(Environment::Real), &query(Market::Kr, RankingKind::Fluctuation)).await;
    let stock = &stocks.unwrap()[0];
    let told = (stock.high, stock.low, stock.volume, stock.status);
    let price = |text: &str| text.parse().ok();
    assert_eq!(told, (price("1900"), price("1600"), Some(123_456), None));
    let searched = r#"{"rt_cd":"0","output2":[
        {"symb":"FREE","last":"10","rate":"9","tvol":"1","phigh":"11.5","plow":"9","e_ordyn":"○"},
        {"symb":"ALSO","last":"10","rate":"8","e_ordyn":"매매 가능"},
        {"symb":"SHUT","last":"10","rate":"7","e_ordyn":"매매 불가"},
        {"symb":"MUTE","last":"10","rate":"6"}]}"#;
    let transport = with_token(move |_, _| reply(200, searched));
    let session = session(Environment::Paper, &transport);
    let stocks = ranking(&session, &query(Market::UsNyse, RankingKind::Fluctuation)).await.unwrap();
    assert_eq!((stocks[0].high, stocks[0].low, stocks[0].volume), (price("11.5"), price("9"), Some(1)));
    let statuses: Vec<_> = stocks.iter().map(|stock| stock.status).collect();
    let shut = ListedStatus::Restricted(domain::Restriction::NotTradable);
    assert_eq!(statuses, [Some(ListedStatus::Free), Some(ListedStatus::Free), Some(shut), None]);
}
