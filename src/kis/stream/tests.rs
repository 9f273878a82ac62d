//! Conversations with the stream: KIS's own frames where they are at hand, and frames composed from KIS.md everywhere.

use std::collections::BTreeSet;
use std::path::PathBuf;

use broker::{Notice, NoticeKind};
use chrono::{DateTime, Utc};
use domain::messages::market_data::PriceSeen;
use domain::{Instrument, Market};
use serde_json::Value;

use super::cipher::Cipher;
use super::*;

pub(super) const KEY: &str = "abcdefghijklmnopabcdefghijklmnop";
pub(super) const IV: &str = "0123456789abcdef";
/// Sealed with `openssl enc -aes-256-cbc` under [`KEY`] and [`IV`]: a fill of order 12347 of account 1234567801.
pub(super) const SEALED: &str = "Ueb464oQrn+Oig8T51CEC35w58JDA1Ng3eeHWC/ewNA22Ke7pGlqb2LSfsRti5i7wzvgD5+q9132bos70jr3cXRZRHIWX27j3QdOf/APa22VKgza+z/V+VL0/eNqPwIHh11DvNgMTROm2cO4kkzAGUxRbq88Ng5d5mXI0/5GUS4=";
const PLAIN: &str = "me^1234567801^0000012347^^02^0^00^0^005930^0000000003^000071800^095511^0^2^2^06010^000000010^n^0^1^N^^10^^n^000071800";
const YOUNG: Duration = Duration::from_secs(1);

pub(super) fn now() -> DateTime<Utc> {
    "2026-11-24T01:00:00Z".parse().unwrap()
}

pub(super) fn stock(text: &str) -> Instrument {
    text.parse().unwrap()
}

/// Two Korean holdings and one in New York.
pub(super) fn wanted() -> Wanted {
    Wanted {
        awake: [Market::Kr, Market::UsNasdaq].into(),
        held: [stock("KR:005930"), stock("KR:000660"), stock("US_NASDAQ:AAPL")].into(),
        watched: Vec::new(),
    }
}

pub(super) fn session_of(environment: Environment, hts_id: &str) -> Session {
    let account = "1234567801".into();
    Session::new(
        Identity { environment, hts_id: Some(hts_id.into()), live_feeds: BTreeSet::new(), account },
        "approval".into(),
    )
}

pub(super) fn acknowledged(tr_id: &str, tr_key: &str, code: &str) -> String {
    serde_json::json!({
        "header": {"tr_id": tr_id, "tr_key": tr_key, "encrypt": "Y"},
        "body": {"rt_cd": "0", "msg_cd": code, "msg1": "x", "output": {"iv": IV, "key": KEY}},
    })
    .to_string()
}

/// A session on which everything is registered and the notices have keys.
pub(super) fn registered(environment: Environment, hts_id: &str) -> Session {
    let mut session = session_of(environment, hts_id);
    session.register(&wanted(), YOUNG);
    let ids = match environment {
        Environment::Real => ["H0STCNI0", "H0GSCNI0"],
        Environment::Paper => ["H0STCNI9", "H0GSCNI9"],
    };
    for tr_id in ids {
        assert_eq!(session.take(&acknowledged(tr_id, hts_id, "OPSP0000"), now(), YOUNG), []);
    }
    session
}

/// What was asked: kind, TR id and key of each text.
fn asked(texts: &[String]) -> Vec<(String, String, String)> {
    let read = |text: &String| {
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(
            (&value["header"]["approval_key"], &value["header"]["custtype"]),
            (&"approval".into(), &"P".into())
        );
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let input = &value["body"]["input"];
        (text(&value["header"]["tr_type"]), text(&input["tr_id"]), text(&input["tr_key"]))
    };
    texts.iter().map(read).collect()
}

fn prices(effects: Vec<Effect>) -> Vec<(String, String)> {
    let price = |effect| match effect {
        Effect::Tell(StreamEvent::Price(PriceSeen { instrument, price, .. })) => {
            (instrument.to_string(), price.to_string())
        }
        other @ (Effect::Say(_) | Effect::Tell(_) | Effect::End(_)) => panic!("{other:?}"),
    };
    effects.into_iter().map(price).collect()
}

fn notices(effects: Vec<Effect>) -> Vec<(bool, u64, NoticeKind)> {
    let notice = |effect| match effect {
        Effect::Tell(StreamEvent::Notice(Notice { is_domestic, order_number, kind })) => {
            (is_domestic, order_number, kind)
        }
        other @ (Effect::Say(_) | Effect::Tell(_) | Effect::End(_)) => panic!("{other:?}"),
    };
    effects.into_iter().map(notice).collect()
}

#[test]
fn registrations_follow_what_is_wanted_and_trap_23_37_are_given_back_with_tr_type_2() {
    let mut session = session_of(Environment::Real, "me");
    let first = asked(&session.register(&wanted(), YOUNG));
    let expected = [
        ("1", "H0STCNI0", "me"),
        ("1", "H0GSCNI0", "me"),
        ("1", "H0STCNT0", "000660"),
        ("1", "H0STCNT0", "005930"),
        ("1", "HDFSCNT0", "DNASAAPL"),
        ("1", "H0STASP0", "000660"),
        ("1", "H0STASP0", "005930"),
    ];
    let texts = |list: &[(&str, &str, &str)]| -> Vec<(String, String, String)> {
        list.iter().map(|(kind, id, key)| ((*kind).into(), (*id).into(), (*key).into())).collect()
    };
    assert_eq!(first, texts(&expected));
    assert_eq!(session.register(&wanted(), YOUNG), Vec::<String>::new(), "nothing is asked twice");
    let mut less = wanted();
    less.held.remove(&stock("KR:000660"));
    let second = asked(&session.register(&less, YOUNG));
    assert_eq!(second, texts(&[("2", "H0STCNT0", "000660"), ("2", "H0STASP0", "000660")]));
}

#[test]
fn a_refused_registration_is_tried_again_later_or_never_as_its_code_says() {
    for (code, again) in
        [("OPSP0007", true), ("OPSP0008", true), ("OPSP0009", true), ("OPSP8992", false), ("OPSP9999", false)]
    {
        let mut session = session_of(Environment::Real, "me");
        session.register(&wanted(), YOUNG);
        assert_eq!(session.take(&acknowledged("H0STCNT0", "005930", code), now(), YOUNG), [], "{code}");
        assert!(session.register(&wanted(), YOUNG).is_empty(), "{code}: not at once");
        let later = session.register(&wanted(), YOUNG + Duration::from_secs(60));
        assert_eq!(later.len(), usize::from(again), "{code}");
    }
}

#[test]
fn some_answers_end_the_connection_and_others_change_nothing() {
    for code in ["OPSP0000", "OPSP0001", "OPSP0002", "OPSP0003"] {
        let mut session = registered(Environment::Real, "me");
        assert_eq!(session.take(&acknowledged("H0STCNT0", "005930", code), now(), YOUNG), [], "{code}");
        assert!(session.register(&wanted(), Duration::from_secs(999)).is_empty(), "{code}");
    }
    let end =
        |code| registered(Environment::Real, "me").take(&acknowledged("(null)", "", code), now(), YOUNG);
    for code in ["OPSP0010", "OPSP0011"] {
        assert!(matches!(end(code)[..], [Effect::End(Ending::BadApproval(_))]), "{code}");
    }
    assert!(matches!(end("OPSP8996")[..], [Effect::End(Ending::InUse(_))]));
}

#[test]
fn a_confirmation_without_keys_leaves_the_keys_that_a_registration_has() {
    let mut session = registered(Environment::Real, "me");
    let text = r#"{"header":{"tr_id":"H0STCNI0","tr_key":"me","encrypt":"Y"},
        "body":{"rt_cd":"1","msg_cd":"OPSP0002","msg1":"ALREADY IN SUBSCRIBE"}}"#;
    assert_eq!(session.take(text, now(), YOUNG), []);
    let told = session.take(&format!("1|H0STCNI0|001|{SEALED}"), now(), YOUNG);
    assert_eq!(notices(told), [(true, 12347, NoticeKind::Traded)]);
}

#[test]
fn a_keep_alive_goes_back_word_for_word() {
    let text = "{\"header\": {\"tr_id\":\"PINGPONG\",\"datetime\":\"20260302093000\"}}  ";
    let mut session = session_of(Environment::Real, "me");
    assert_eq!(session.take(text, now(), YOUNG), [Effect::Say(text.to_owned())]);
    assert!(!session.has_delivered(), "a keep-alive is no data");
}

#[test]
fn an_own_sealed_notice_is_opened_and_only_with_the_keys_of_its_registration() {
    assert_eq!(Cipher::new(KEY, IV).unwrap().decrypt(SEALED).as_deref(), Some(PLAIN));
    let other = Cipher::new("zyxwvutsrqponmlkzyxwvutsrqponmlk", IV).unwrap();
    assert_ne!(other.decrypt(SEALED).as_deref(), Some(PLAIN));
    let frame = format!("1|H0STCNI0|001|{SEALED}");
    let told = registered(Environment::Real, "me").take(&frame, now(), YOUNG);
    assert_eq!(notices(told), [(true, 12347, NoticeKind::Traded)]);
    let mut unkeyed = session_of(Environment::Real, "me");
    unkeyed.register(&wanted(), YOUNG);
    assert_eq!(unkeyed.take(&frame, now(), YOUNG), [], "no acknowledgement, no keys");
}

#[test]
fn a_notice_in_the_clear_or_of_another_account_tells_nothing() {
    let mut session = registered(Environment::Real, "me");
    for frame in [
        format!("0|H0STCNI0|001|{PLAIN}"),
        format!("1|H0STCNI0|001|{PLAIN}"),
        format!("1|H0GSCNI0|001|{SEALED}"),
    ] {
        let told = session.take(&frame, now(), YOUNG);
        assert!(told.is_empty() || frame.starts_with("1|H0GSCNI0"), "{frame}: {told:?}");
    }
}

fn trade(symbol: &str, price: &str) -> String {
    let mut fields = vec!["0"; price::TRADE_FIELDS];
    (fields[0], fields[1], fields[2], fields[33]) = (symbol, "095959", price, "20261124");
    fields.join("^")
}

fn abroad(name: &str, symbol: &str, price: &str) -> String {
    let mut fields = vec!["0"; price::FOREIGN_FIELDS];
    (fields[0], fields[1], fields[2], fields[6], fields[7], fields[11]) =
        (name, symbol, "4", "20261124", "095959", price);
    fields.join("^")
}

#[test]
fn every_record_of_a_frame_is_read_and_one_without_a_price_is_left_out() {
    let mut session = registered(Environment::Real, "me");
    let records =
        [trade("005930", "71900"), trade("000660", "0"), trade("005930", "NaN"), trade("000660", "123000")];
    let frame = format!("0|H0STCNT0|004|{}", records.join("^"));
    let told = prices(session.take(&frame, now(), YOUNG));
    let expected = [("KR:005930", "71900"), ("KR:000660", "123000")]
        .map(|(name, price)| (name.to_owned(), price.to_owned()));
    assert_eq!(told, expected);
    assert!(session.has_delivered());
}

#[test]
fn only_what_was_registered_for_is_believed() {
    let mut session = registered(Environment::Real, "me");
    for frame in [
        format!("0|H0STCNT0|001|{}", trade("035420", "200000")),
        format!("0|HDFSCNT0|001|{}", abroad("DNASMSFT", "MSFT", "400.0000")),
        format!("0|HDFSASP0|001|{}", abroad("DNASAAPL", "AAPL", "1.0000")),
        format!("1|H0STCNT0|001|{}", trade("005930", "71900")),
    ] {
        assert_eq!(session.take(&frame, now(), YOUNG), [], "{frame}");
    }
}

#[test]
fn trap_23_29_a_us_price_of_the_day_session_finds_its_stock_by_symbol_and_two_of_a_name_by_exchange() {
    let mut session = registered(Environment::Real, "me");
    let frame = |name: &str| format!("0|HDFSCNT0|001|{}", abroad(name, "AAPL", "194.2500"));
    assert_eq!(
        prices(session.take(&frame("RBAQAAPL"), now(), YOUNG)),
        [("US_NASDAQ:AAPL".into(), "194.25".into())]
    );
    let mut both = wanted();
    both.awake.insert(Market::UsNyse);
    both.held.insert(stock("US_NYSE:AAPL"));
    session.register(&both, YOUNG);
    for (name, expected) in
        [("RBAYAAPL", "US_NYSE:AAPL"), ("DNASAAPL", "US_NASDAQ:AAPL"), ("RBAQAAPL", "US_NASDAQ:AAPL")]
    {
        assert_eq!(
            prices(session.take(&frame(name), now(), YOUNG)),
            [(expected.into(), "194.25".into())],
            "{name}"
        );
    }
    assert_eq!(session.take(&frame("DTSEAAPL"), now(), YOUNG), [], "neither of the two");
}

#[test]
fn nothing_that_can_be_printed_shows_a_secret() {
    let config = StreamConfig {
        base_url: "http://x".into(),
        environment: Environment::Real,
        credentials: crate::kis::testing::config(Environment::Real).credentials,
        hts_id: Some("me".into()),
        live_feeds: BTreeSet::new(),
    };
    let text = format!("{config:?} {:?}", Cipher::new(KEY, IV));
    for secret in ["KEY-OF-TEST", "SECRET-OF-TEST", "12345678", KEY, IV] {
        assert!(!text.contains(secret), "{text}");
    }
}

/// KIS's own frames; they are not part of this repository.
fn example(name: &str) -> Option<Value> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/reference/kis/examples"));
    match std::fs::read_to_string(folder.join(name)) {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(error) => {
            let strict = std::env::var("KESTREL_STRICT").is_ok_and(|value| value == "1");
            assert!(!strict, "KESTREL_STRICT=1, and {name} cannot be read: {error}");
            println!("skipped: {name} is missing");
            None
        }
    }
}

/// A session for `tr_key`, with the example's own acknowledgement taken.
fn session_for(example: &Value, held: &[&str]) -> Session {
    let name = example["ack"]["header"]["tr_key"].as_str().unwrap();
    let mut session = session_of(Environment::Real, name);
    let held = held.iter().map(|name| stock(name)).collect();
    session.register(&Wanted { awake: Market::ALL.into(), held, watched: Vec::new() }, YOUNG);
    assert_eq!(session.take(&example["ack"].to_string(), now(), YOUNG), []);
    session
}

fn frames(example: &Value) -> Vec<String> {
    example["frames"].as_array().unwrap().iter().map(|frame| frame.as_str().unwrap().to_owned()).collect()
}

#[test]
fn kis_s_own_notices_are_opened_to_their_plain_texts() {
    let own = [
        (
            "ws_H0STCNI0.json",
            vec![
                (true, 12347, NoticeKind::Taken),
                (true, 12347, NoticeKind::Traded),
                (true, 12350, NoticeKind::Rejected),
            ],
        ),
        (
            "ws_H0GSCNI0.json",
            vec![(false, 30_138_211, NoticeKind::Taken), (false, 30_138_211, NoticeKind::Traded)],
        ),
    ];
    for (file, expected) in own {
        let Some(example) = example(file) else { continue };
        let mut session = session_for(&example, &[]);
        let told: Vec<_> =
            frames(&example).iter().flat_map(|frame| notices(session.take(frame, now(), YOUNG))).collect();
        assert_eq!(told, expected, "{file}");
        let output = &example["ack"]["body"]["output"];
        let cipher = Cipher::new(output["key"].as_str().unwrap(), output["iv"].as_str().unwrap()).unwrap();
        let opened: BTreeSet<String> = frames(&example)
            .iter()
            .map(|frame| cipher.decrypt(frame.rsplit('|').next().unwrap()).unwrap())
            .collect();
        let plain = example["plaintext"].as_object().unwrap().values();
        assert_eq!(opened, plain.map(|text| text.as_str().unwrap().to_owned()).collect(), "{file}");
    }
}

#[test]
fn kis_s_own_price_frames_read_as_kis_md_says() {
    let own = [
        ("ws_H0STCNT0.json", "KR:005930", vec!["71900"]),
        ("ws_H0STASP0.json", "KR:005930", vec!["71800"]),
        ("ws_HDFSCNT0.json", "US_NASDAQ:AAPL", vec!["194.25", "194.25", "194.25"]),
    ];
    for (file, name, expected) in own {
        let Some(example) = example(file) else { continue };
        let mut session = session_for(&example, &[name]);
        let told: Vec<_> =
            frames(&example).iter().flat_map(|frame| prices(session.take(frame, now(), YOUNG))).collect();
        let expected: Vec<_> = expected.iter().map(|price| (name.to_owned(), (*price).to_owned())).collect();
        assert_eq!(told, expected, "{file}");
    }
}

#[test]
fn kis_s_own_control_texts_mean_what_their_names_say() {
    let Some(control) = example("ws_control.json") else { return };
    let take =
        |name: &str| registered(Environment::Real, "me").take(&control[name].to_string(), now(), YOUNG);
    assert!(matches!(take("pingpong_from_server")[..], [Effect::Say(_)]));
    for name in ["unsubscribe_ack", "already_in_subscribe", "max_subscribe_over"] {
        assert_eq!(take(name), [], "{name}");
    }
    assert!(matches!(take("appkey_in_use")[..], [Effect::End(Ending::InUse(_))]));
    assert!(matches!(take("bad_approval")[..], [Effect::End(Ending::BadApproval(_))]));
    let mut session = session_of(Environment::Real, "me");
    session.register(&wanted(), YOUNG);
    let less = Wanted { held: [stock("US_NASDAQ:AAPL")].into(), ..wanted() };
    let given_back = asked(&session.register(&less, YOUNG));
    let input = &control["unsubscribe_request"]["body"]["input"];
    let wire = |value: &Value| value.as_str().unwrap().to_owned();
    let kind = wire(&control["unsubscribe_request"]["header"]["tr_type"]);
    assert!(given_back.contains(&(kind, wire(&input["tr_id"]), wire(&input["tr_key"]))), "{given_back:?}");
}
