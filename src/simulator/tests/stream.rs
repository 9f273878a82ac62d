//! The WebSocket of the exchange, spoken to by hand (KIS.md 14 and 21).

use std::sync::Arc;
use std::time::Duration;

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt as _, KeyIvInit as _};
use base64::Engine as _;
use chrono::TimeDelta;
use domain::{Market, OrderTerms, Quantity, Side};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::world::{Setting, World};
use crate::http::{Dial as _, Duplex, InProcessDial, in_process};
use crate::simulator::{Environment, serve};

/// A client of one exchange that writes what it likes.
struct Line(WebSocketStream<Box<dyn Duplex>>);

async fn listening(setting: Setting) -> (World, InProcessDial) {
    let world = World::of(setting).await;
    let (dial, listener) = in_process();
    tokio::spawn(serve(world.exchange.clone(), listener));
    (world, dial)
}

async fn line(dial: &InProcessDial, path: &str) -> Line {
    let wire = dial.dial().await.unwrap();
    let opened = tokio_tungstenite::client_async(format!("ws://{}{path}", dial.authority()), wire).await;
    Line(opened.unwrap().0)
}

impl Line {
    async fn say(&mut self, text: impl ToString) {
        self.0.send(Message::text(text.to_string())).await.unwrap();
    }

    /// The next text; none when the line was closed.
    async fn hear(&mut self) -> Option<String> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Some(text.to_string()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_) | Message::Binary(_) | Message::Frame(_)) | Err(_)) | None => {
                    return None;
                }
            }
        }
    }

    async fn answer(&mut self) -> Value {
        serde_json::from_str(&self.hear().await.unwrap()).unwrap()
    }

    /// What the exchange says to a registration: its code.
    async fn register(&mut self, approval_key: &str, tr_id: &str, tr_key: &str) -> Value {
        self.say(registration(approval_key, "1", tr_id, tr_key)).await;
        self.answer().await
    }
}

fn registration(approval_key: &str, tr_type: &str, tr_id: &str, tr_key: &str) -> Value {
    json!({
        "header": {"approval_key": approval_key, "custtype": "P", "tr_type": tr_type, "content-type": "utf-8"},
        "body": {"input": {"tr_id": tr_id, "tr_key": tr_key}},
    })
}

async fn key(world: &World) -> String {
    let body = json!({"grant_type": "client_credentials", "appkey": "key", "secretkey": "secret"});
    let answer = world.post("/oauth2/Approval", "", body).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer.body["approval_key"].as_str().unwrap().to_owned()
}

fn code(answer: &Value) -> &str {
    answer["body"]["msg_cd"].as_str().unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_approval_key_wants_the_secret_under_its_other_name() {
    let world = World::of(Setting::default()).await;
    let ask = async |body: Value| world.post("/oauth2/Approval", "", body).await;
    let wrong =
        ask(json!({"grant_type": "client_credentials", "appkey": "key", "appsecret": "secret"})).await;
    assert_eq!((wrong.status, &wrong.body["error_code"]), (403, &json!("EGW00105")));
    let wrong = ask(json!({"grant_type": "client_credentials", "appkey": "key", "secretkey": "other"})).await;
    assert_eq!((wrong.status, &wrong.body["error_code"]), (403, &json!("EGW00105")));
    assert_eq!(key(&world).await.len(), 36);
}

#[tokio::test(start_paused = true)]
async fn forty_one_registrations_are_taken_and_the_next_is_refused_with_the_real_code() {
    let (world, dial) = listening(Setting::default()).await;
    let approval_key = key(&world).await;
    let mut line = line(&dial, "/tryitout").await;
    let mut keys: Vec<(String, String)> = Vec::new();
    let mut first_keys = json!(null);
    for listing in crate::simulator::listing::of_market(Market::Kr) {
        for tr_id in ["H0STCNT0", "H0STASP0"] {
            keys.push((tr_id.into(), listing.symbol.into()));
        }
    }
    for name in 0..41 {
        keys.push(("H0STCNI0".into(), format!("me{name}")));
    }
    for (number, (tr_id, tr_key)) in keys.iter().take(42).enumerate() {
        let answer = line.register(&approval_key, tr_id, tr_key).await;
        let expected = if number < 41 { "OPSP0000" } else { "OPSP0008" };
        assert_eq!(code(&answer), expected, "{number}");
        assert_eq!(answer["header"]["tr_key"], json!(tr_key));
        if number == 0 {
            first_keys = answer["body"]["output"].clone();
        }
    }
    let (tr_id, tr_key) = &keys[0];
    let already = line.register(&approval_key, tr_id, tr_key).await;
    assert_eq!((code(&already), &already["body"]["output"]), ("OPSP0002", &first_keys));
    line.say(registration(&approval_key, "2", tr_id, tr_key)).await;
    let given_back = line.answer().await;
    assert_eq!((code(&given_back), &given_back["body"]["output"]), ("OPSP0001", &first_keys));
    assert_eq!(first_keys["key"].as_str().map(str::len), Some(32));
    line.say(registration(&approval_key, "2", tr_id, tr_key)).await;
    assert_eq!(code(&line.answer().await), "OPSP0003");
    let (tr_id, tr_key) = &keys[41];
    assert_eq!(code(&line.register(&approval_key, tr_id, tr_key).await), "OPSP0000", "there is room again");
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_is_refused_with_its_code_and_some_of_it_ends_the_line() {
    let (world, dial) = listening(Setting { environment: Environment::Paper, ..Setting::default() }).await;
    let approval_key = key(&world).await;
    let mut line_a = line(&dial, "/tryitout/H0STCNT0").await;
    for (tr_id, tr_key, expected) in [
        ("H0STCNT0", "000000", "OPSP8992"),
        ("H0STCNI9", "", "OPSP8992"),
        ("H0STCNI0", "me", "OPSP8991"),
        ("HDFSCNT0", "DNASAAPL", "OPSP8991"),
        ("H0STCNI9", "me", "OPSP0000"),
    ] {
        assert_eq!(code(&line_a.register(&approval_key, tr_id, tr_key).await), expected, "{tr_id} {tr_key}");
    }
    line_a.say(registration(&approval_key, "0", "H0STCNI9", "me")).await;
    assert_eq!(code(&line_a.answer().await), "OPSP8997", "trap 37: unregistering is not 0");
    let mut line_b = line(&dial, "/tryitout").await;
    assert_eq!(code(&line_b.register(&key(&world).await, "H0STCNI9", "me").await), "OPSP8996");
    assert_eq!(line_b.hear().await, None, "one line per app key");
    let mut line_c = line(&dial, "/tryitout").await;
    assert_eq!(code(&line_c.register("no key", "H0STCNI9", "me").await), "OPSP0011");
    assert_eq!(line_c.hear().await, None);
    let mut line_d = line(&dial, "/tryitout").await;
    line_d.say("{").await;
    assert_eq!(code(&line_d.answer().await), "OPSP9991");
    assert_eq!(world.exchange.streams_held(), 1, "the first line is not harmed");
}

fn opened(answer: &Value, frame: &str) -> String {
    let text = |name: &str| answer["body"]["output"][name].as_str().unwrap().to_owned();
    let (secret, iv) = (text("key"), text("iv"));
    assert_eq!((secret.len(), iv.len(), &answer["header"]["encrypt"]), (32, 16, &json!("Y")));
    let sealed = base64::engine::general_purpose::STANDARD.decode(frame.rsplit('|').next().unwrap()).unwrap();
    let cipher = cbc::Decryptor::<aes::Aes256>::new_from_slices(secret.as_bytes(), iv.as_bytes()).unwrap();
    String::from_utf8(cipher.decrypt_padded_vec::<Pkcs7>(&sealed).unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn notices_are_sealed_with_the_keys_of_their_registration_and_have_the_fields_of_the_sheet() {
    let (world, dial) = listening(Setting::default()).await;
    let approval_key = key(&world).await;
    let mut line = line(&dial, "/tryitout").await;
    let answer = line.register(&approval_key, "H0STCNI0", "me").await;
    let terms = OrderTerms {
        instrument: "KR:910010".parse().unwrap(),
        side: Side::Buy,
        quantity: Quantity::new(10),
        limit: "90000".parse().unwrap(),
    };
    let order = world.exchange.place_by_hand(&terms).unwrap();
    let frame = line.hear().await.unwrap();
    assert!(frame.starts_with("1|H0STCNI0|001|"), "{frame}");
    let text = opened(&answer, &frame);
    let fields: Vec<&str> = text.split('^').collect();
    assert_eq!(fields.len(), 26, "{text}");
    assert_eq!([fields[0], fields[2], fields[4], fields[8]], ["me", order.number.as_str(), "02", "910010"]);
    assert_eq!(
        [fields[9], fields[10], fields[12], fields[13], fields[16]],
        ["0000000010", "000090000", "0", "1", "000000010"]
    );
    let mut filled = 0;
    while filled < 10 {
        world.clock.forward(TimeDelta::seconds(5));
        let frame = line.hear().await.unwrap();
        if frame.contains("PINGPONG") {
            line.say(frame).await;
            continue;
        }
        let text = opened(&answer, &frame);
        let fields: Vec<&str> = text.split('^').collect();
        assert_eq!((fields[13], fields[14]), ("2", "2"));
        filled += fields[9].parse::<u64>().unwrap();
    }
    assert_eq!(filled, world.exchange.books().orders[0].filled.get());
}

#[tokio::test(start_paused = true)]
async fn steps_that_passed_together_come_in_one_frame_with_the_fields_of_the_sheet() {
    let (world, dial) = listening(Setting::default()).await;
    let approval_key = key(&world).await;
    for (tr_id, tr_key, least) in [("H0STCNT0", "910010", 46), ("H0STASP0", "910010", 59)] {
        let mut line = line(&dial, "/tryitout").await;
        assert_eq!(code(&line.register(&approval_key, tr_id, tr_key).await), "OPSP0000");
        world.clock.forward(TimeDelta::seconds(60));
        let frame = line.hear().await.unwrap();
        let parts: Vec<&str> = frame.splitn(4, '|').collect();
        let count: usize = parts[2].parse().unwrap();
        assert_eq!((parts[0], parts[1], parts[2].len()), ("0", tr_id, 3));
        assert_eq!(parts[3].split('^').count(), count * least, "{frame}");
        assert!(if tr_id == "H0STCNT0" { count > 1 } else { count == 1 }, "{frame}");
        drop(line);
        // The app key is free again when the exchange has noticed.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn keep_alives_come_and_a_line_that_never_sends_them_back_is_cut() {
    let (world, dial) = listening(Setting::default()).await;
    let exchange = Arc::clone(&world.exchange);
    let mut faithful = line(&dial, "/tryitout").await;
    for _ in 0..20 {
        let text = faithful.hear().await.unwrap();
        assert!(text.contains("PINGPONG"), "{text}");
        faithful.say(text).await;
    }
    let mut silent = line(&dial, "/tryitout").await;
    let mut heard = 0;
    while silent.hear().await.is_some() {
        heard += 1;
    }
    assert_eq!(heard, 3);
    exchange.cut_streams();
    while faithful.hear().await.is_some() {}
}
