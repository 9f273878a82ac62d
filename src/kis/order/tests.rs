//! Building an order, and what each answer to its one POST means.

use std::sync::Arc;

use http::HeaderMap;

use super::*;
use crate::http::NetError;
use crate::kis::testing::{Scripted, reply, session, with_token};

fn account() -> AccountNumber {
    AccountNumber::parse(&"12345678-01".into()).unwrap()
}

fn terms(market: Market, symbol: &str, side: Side, [quantity, limit]: [&str; 2]) -> OrderTerms {
    OrderTerms {
        instrument: Instrument { market, symbol: symbol.parse().unwrap() },
        side,
        quantity: Quantity::new(quantity.parse().unwrap()),
        limit: limit.parse().unwrap(),
    }
}

/// What is known of a stock that the exchange has told nothing about.
fn standard(terms: &OrderTerms) -> Known {
    Known { lot: terms.instrument.market.standard_lot(), ..Known::default() }
}

fn form(terms: &OrderTerms, environment: Environment) -> Form {
    order_form(terms, standard(terms), &account(), environment).unwrap()
}

fn taken(number: &str) -> Verdict {
    Verdict::Taken { branch: "06010".into(), number: number.into() }
}

fn answer(rt_cd: &str, code: &str, text: &str) -> String {
    json!({"rt_cd": rt_cd, "msg_cd": code, "msg1": text}).to_string()
}

fn accepted(number: &str) -> String {
    let output = json!({"KRX_FWDG_ORD_ORGNO": "06010", "ODNO": number, "ORD_TMD": "100000"});
    json!({"rt_cd": "0", "msg_cd": "APBK0013", "msg1": "sent", "output": output}).to_string()
}

fn is_unknown(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Unknown(_))
}

#[test]
fn each_market_has_its_own_ids_for_both_sides_and_both_environments() {
    let cases = [
        (Market::Kr, "TTTC0012U VTTC0012U", "TTTC0011U VTTC0011U", "TTTC0013U VTTC0013U"),
        (Market::UsNasdaq, "TTTT1002U VTTT1002U", "TTTT1006U VTTT1001U", "TTTT1004U VTTT1004U"),
        (Market::UsAmex, "TTTT1002U VTTT1002U", "TTTT1006U VTTT1001U", "TTTT1004U VTTT1004U"),
        (Market::Jp, "TTTS0308U VTTS0308U", "TTTS0307U VTTS0307U", "TTTS0309U VTTS0309U"),
        (Market::Hk, "TTTS1002U VTTS1002U", "TTTS1001U VTTS1001U", "TTTS1003U VTTS1003U"),
        (Market::CnSha, "TTTS0202U VTTS0202U", "TTTS1005U VTTS1005U", "TTTS0302U VTTS0302U"),
        (Market::CnSza, "TTTS0305U VTTS0305U", "TTTS0304U VTTS0304U", "TTTS0306U VTTS0306U"),
        (Market::VnHcm, "TTTS0311U VTTS0311U", "TTTS0310U VTTS0310U", "TTTS0312U VTTS0312U"),
    ];
    for (market, buy, sell, cancel) in cases {
        let ids = ids(market);
        assert_eq!(
            [ids.buy, ids.sell, ids.cancel].map(|pair| pair.join(" ")),
            [buy, sell, cancel],
            "{market}"
        );
    }
}

#[test]
fn a_korean_order_has_upper_case_keys_and_nothing_but_texts() {
    let form = form(&terms(Market::Kr, "005930", Side::Sell, ["10", "70100"]), Environment::Paper);
    assert_eq!((form.path, form.tr_id), (KR_ORDER, "VTTC0011U"));
    let expected = json!({
        "CANO": "12345678", "ACNT_PRDT_CD": "01", "PDNO": "005930", "ORD_DVSN": "00", "ORD_QTY": "10",
        "ORD_UNPR": "70100", "EXCG_ID_DVSN_CD": "KRX", "SLL_TYPE": "01", "CNDT_PRIC": "",
    });
    assert_eq!(form.body, expected);
}

#[test]
fn a_foreign_order_names_the_order_exchange_and_marks_a_sale() {
    let buy = form(&terms(Market::UsNyse, "DIS", Side::Buy, ["3", "98.5"]), Environment::Real);
    assert_eq!((buy.path, buy.tr_id), (OVERSEAS_ORDER, "TTTT1002U"));
    assert_eq!(buy.body["OVRS_EXCG_CD"], "NYSE");
    assert_eq!(buy.body["OVRS_ORD_UNPR"], "98.50");
    assert_eq!(buy.body["SLL_TYPE"], "");
    let sell = form(&terms(Market::UsNyse, "DIS", Side::Sell, ["3", "98.5"]), Environment::Paper);
    assert_eq!((sell.tr_id, &sell.body["SLL_TYPE"]), ("VTTT1001U", &json!("00")));
    for form in [buy, sell] {
        let body = form.body.as_object().unwrap();
        assert!(body.iter().all(|(key, value)| key.to_uppercase() == *key && value.is_string()));
    }
}

#[test]
fn prices_are_written_with_the_decimals_of_their_market() {
    let cases = [
        (Market::Kr, "70100", "70100"),
        (Market::UsNasdaq, "185", "185.00"),
        (Market::UsNasdaq, "0.51", "0.5100"),
        (Market::Jp, "3005", "3005"),
        (Market::Hk, "0.251", "0.251"),
        (Market::Hk, "10.02", "10.020"),
        (Market::CnSha, "1700.5", "1700.50"),
        (Market::VnHcm, "50100", "50100"),
    ];
    for (market, price, text) in cases {
        let price = price.parse().unwrap();
        let written = price_text(market, TickTable::OfMarket, price);
        if TickTable::OfMarket.is_aligned(market, price) {
            assert_eq!(written.as_deref(), Ok(text), "{market}");
        } else {
            assert_eq!(written, Err(BadTerms::Tick(price, market)));
        }
    }
}

#[test]
fn a_price_on_the_fine_tick_of_tokyo_is_sent_only_for_a_stock_that_was_told_to_have_it() {
    let price: Price = "2500.5".parse().unwrap();
    assert_eq!(price_text(Market::Jp, TickTable::Topix500, price).as_deref(), Ok("2500.5"));
    assert_eq!(
        price_text(Market::Jp, TickTable::OfMarket, price),
        Err(BadTerms::Tick(price, Market::Jp)),
        "the exchange would refuse it"
    );
    assert_eq!(
        price_text(Market::Jp, TickTable::Topix500, "2500.05".parse().unwrap()),
        Err(BadTerms::Tick("2500.05".parse().unwrap(), Market::Jp))
    );
}

#[test]
fn terms_that_the_market_would_refuse_never_become_a_request() {
    let cases = [
        terms(Market::Kr, "005930", Side::Buy, ["0", "70000"]),
        terms(Market::Kr, "005930", Side::Buy, ["1000000001", "70000"]),
        terms(Market::Kr, "005930", Side::Buy, ["1", "70050"]),
        terms(Market::Kr, "005930", Side::Buy, ["1", "70000.5"]),
        terms(Market::UsNasdaq, "TQQQ", Side::Buy, ["1", "55.123"]),
        terms(Market::Jp, "7203", Side::Buy, ["150", "2500"]),
        terms(Market::CnSha, "600519", Side::Buy, ["50", "1700"]),
        terms(Market::Hk, "700", Side::Sell, ["100", "500"]),
        terms(Market::Jp, "07203", Side::Buy, ["100", "2500"]),
    ];
    for terms in cases {
        assert!(order_form(&terms, standard(&terms), &account(), Environment::Real).is_err(), "{terms}");
    }
    let odd_lot = terms(Market::CnSha, "600519", Side::Sell, ["50", "1700"]);
    assert!(order_form(&odd_lot, standard(&odd_lot), &account(), Environment::Real).is_ok());
}

#[test]
fn hong_kong_is_bought_in_known_board_lots_and_a_remnant_is_sold_as_an_odd_lot() {
    let kind = |side, shares, lot, environment| {
        let terms = terms(Market::Hk, "00005", side, [shares, "65.5"]);
        let form = order_form(
            &terms,
            Known { lot: NonZeroU64::new(lot), ..Known::default() },
            &account(),
            environment,
        );
        form.map_or_else(|error| error.to_string(), |form| form.body["ORD_DVSN"].as_str().unwrap().to_owned())
    };
    let unknown = "the board lot of HK:00005 is unknown: the exchange did not tell it with the price";
    let odd = "100 shares is no multiple of the lot of 400";
    let cases = [
        (Side::Buy, "800", 400, Environment::Real, "00"),
        (Side::Buy, "100", 400, Environment::Real, odd),
        (Side::Buy, "400", 0, Environment::Real, unknown),
        (Side::Buy, "400", 0, Environment::Paper, unknown),
        (Side::Sell, "800", 400, Environment::Real, "00"),
        (Side::Sell, "100", 400, Environment::Real, "50"),
        (Side::Sell, "100", 400, Environment::Paper, odd),
        (Side::Sell, "100", 0, Environment::Paper, "00"),
    ];
    for (side, shares, lot, environment, expected) in cases {
        assert_eq!(kind(side, shares, lot, environment), expected, "{side} {shares} in lots of {lot}");
    }
}

#[test]
fn a_price_beyond_the_limits_that_the_exchange_told_today_is_not_sent() {
    let [upper, lower]: [Price; 2] = ["91000", "49000"].map(|price| price.parse().unwrap());
    let order = |limit| {
        let terms = terms(Market::Kr, "005930", Side::Buy, ["1", limit]);
        let known = Known { limits: [Some(upper), Some(lower)], ..standard(&terms) };
        order_form(&terms, known, &account(), Environment::Real).err()
    };
    let beyond = |price: &str, limit| Some(BadTerms::DayLimit { price: price.parse().unwrap(), limit });
    assert_eq!((order("91100"), order("48950")), (beyond("91100", upper), beyond("48950", lower)));
    assert_eq!((order("91000"), order("49000")), (None, None));
}

#[test]
fn a_cancel_names_the_branch_at_home_and_the_rest_abroad() {
    let order =
        VenueOrderId { date: chrono::NaiveDate::MIN, branch: "06010".into(), number: "0000012347".into() };
    let stock = |market, symbol: &str| Instrument { market, symbol: symbol.parse().unwrap() };
    let (account, left) = (account(), Quantity::new(6));
    let home = cancel_form(&stock(Market::Kr, "005930"), &order, left, (&account, Environment::Real));
    assert_eq!((home.path, home.tr_id), (KR_CANCEL, "TTTC0013U"));
    assert_eq!(home.body["KRX_FWDG_ORD_ORGNO"], "06010");
    assert_eq!((&home.body["ORD_QTY"], &home.body["QTY_ALL_ORD_YN"]), (&json!("0"), &json!("Y")));
    let abroad = cancel_form(&stock(Market::CnSza, "000001"), &order, left, (&account, Environment::Paper));
    assert_eq!((abroad.path, abroad.tr_id), (OVERSEAS_CANCEL, "VTTS0306U"));
    assert_eq!((&abroad.body["ORD_QTY"], &abroad.body["RVSE_CNCL_DVSN_CD"]), (&json!("6"), &json!("02")));
    assert_eq!(abroad.body["ORGN_ODNO"], "0000012347");
    let unpadded = VenueOrderId { number: "12347".into(), ..order };
    for stock in [stock(Market::Kr, "005930"), stock(Market::Jp, "7203")] {
        let form = cancel_form(&stock, &unpadded, left, (&account, Environment::Real));
        assert_eq!(form.body["ORGN_ODNO"], "0000012347", "a list may write it without zeros");
    }
}

#[test]
fn only_an_order_number_proves_acceptance() {
    assert_eq!(judge(reply(200, &accepted("0001569157"))).0, taken("0001569157"));
    let lower = r#"{"rt_cd":"0","output":{"krx_fwdg_ord_orgno":"06010","odno":"0000000007"}}"#;
    assert_eq!(judge(reply(200, lower)).0, taken("0000000007"));
    for number in ["", "          ", "12A4", "-1", "+1", "0000000000", "12345678901", "１２"] {
        assert!(is_unknown(&judge(reply(200, &accepted(number))).0), "{number}");
    }
    assert!(is_unknown(&judge(reply(200, r#"{"rt_cd":"0","msg_cd":"APBK0013"}"#)).0));
    assert!(is_unknown(&judge(reply(500, &accepted("0001569157"))).0));
}

#[test]
fn only_a_described_code_proves_a_refusal() {
    let certain = [
        (500, "1", "EGW00201"),
        (200, "1", "EGW00201"),
        (500, "1", "EGW00215"),
        (500, "1", "EGW00121"),
        (500, "1", "EGW00122"),
        (500, "1", "EGW00123"),
        (200, "7", "APBK0952"),
        (200, "1", "APBK0952"),
        (200, "1", "APBK0506"),
        (200, "7", "APBK0656"),
        (200, "1", "40580000"),
        (500, "1", "EGW00213"),
        (200, "2", "OPSQ2000"),
        (200, "2", "OPSQ2001"),
    ];
    for (status, rt_cd, code) in certain {
        let refusal = Refusal::Code { code: code.into(), text: "text".into() };
        let verdict = judge(reply(status, &answer(rt_cd, code, "text   "))).0;
        assert_eq!(verdict, Verdict::Refused(refusal), "{code}");
    }
}

#[test]
fn everything_else_is_unknown() {
    let ambiguous = [
        "EGW00001", "EGW00002", "EGW00202", "EGW00203", "EGW00300", "EGW00301", "EGW00302", "OPSQ1002",
        "IGW00009", "APBK9999", "",
    ];
    for code in ambiguous {
        for status in [200, 500] {
            assert!(is_unknown(&judge(reply(status, &answer("1", code, ""))).0), "{code}");
        }
    }
    let bodies =
        ["", "<html>502</html>", "[]", "{}", r#"{"msg_cd":"APBK0952"}"#, r#"{"error_code":"EGW00123"}"#];
    for body in bodies {
        for status in [200, 302, 404, 429, 500, 503] {
            assert!(is_unknown(&judge(reply(status, body)).0), "{status} {body}");
        }
    }
}

#[test]
fn only_a_request_that_never_left_is_not_sent() {
    let not_sent = judge(Err(NetError::NotSent("no route".into()))).0;
    assert_eq!(not_sent, Verdict::Refused(Refusal::NotSent("no route".into())));
    assert_eq!(judge(Err(NetError::Ambiguous("cut".into()))).0, Verdict::Unknown("cut".into()));
}

#[tokio::test(start_paused = true)]
async fn exactly_one_post_leaves_whatever_comes_back() {
    let failures = [
        Err(NetError::NotSent("x".into())),
        Err(NetError::Ambiguous("x".into())),
        reply(500, ""),
        reply(500, &answer("1", "EGW00302", "")),
        reply(500, &answer("1", "EGW00201", "")),
        reply(500, &answer("1", "EGW00123", "")),
        reply(302, ""),
        reply(200, &answer("7", "APBK0952", "")),
        reply(200, &accepted("")),
        reply(200, &accepted("0000000001")),
    ];
    for failure in failures {
        let shown = format!("{failure:?}");
        let transport = with_token(move |_, _| failure.clone());
        let session = session(Environment::Real, &transport);
        let token = session.tokens.token().await.unwrap();
        let form = form(&terms(Market::Kr, "005930", Side::Buy, ["1", "70000"]), Environment::Real);
        let request = sealed(&session, &token, &form, None);
        post(&session, &token, request, |request| std::future::ready(transport.answer(request))).await;
        assert_eq!(transport.count(&Method::POST, "order-cash"), 1, "{shown}");
        assert_eq!(transport.asked().len(), 2, "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_token_on_an_order_is_replaced_by_the_next_prepare() {
    let transport = with_token(|_, _| reply(500, &answer("1", "EGW00123", "")));
    let session = session(Environment::Real, &transport);
    let token = session.tokens.token().await.unwrap();
    let form = form(&terms(Market::Kr, "005930", Side::Buy, ["1", "70000"]), Environment::Real);
    let request = sealed(&session, &token, &form, None);
    post(&session, &token, request, |request| std::future::ready(transport.answer(request))).await;
    assert!(session.tokens.current().is_none());
}

async fn headers(truth_tag: bool, base_url: &str) -> HeaderMap {
    let transport: Arc<Scripted> = with_token(|_, _| reply(500, ""));
    let mut session = session(Environment::Real, &transport);
    let token = session.tokens.token().await.unwrap();
    session.config.truth_tag = truth_tag;
    session.config.base_url = base_url.into();
    let form = form(&terms(Market::Kr, "005930", Side::Buy, ["1", "70000"]), Environment::Real);
    sealed(&session, &token, &form, Some(&IntentId::new(1, 2))).unwrap().headers().clone()
}

#[tokio::test(start_paused = true)]
async fn the_truth_tag_reaches_the_embedded_exchange_only() {
    let tag = "x-kestrel-truth";
    assert_eq!(headers(true, "http://127.0.0.1:1").await[tag], IntentId::new(1, 2).as_str());
    assert!(headers(false, "http://127.0.0.1:1").await.get(tag).is_none());
    assert!(headers(true, "https://openapi.koreainvestment.com:9443").await.get(tag).is_none());
}
