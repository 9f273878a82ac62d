//! Rubbish at every path: it is answered in KIS's form, never with a panic, and moves no money.

use serde_json::{Value, json};

use super::world::{Answer, Setting, World};
use crate::simulator::Environment;
use crate::simulator::endpoints::{self, Endpoint, Verb};

/// Requests of each row in each environment.
const TRIES: usize = 100;

/// What a parameter may be filled with: borders of its kinds, and what belongs nowhere.
const FILLINGS: [&str; 40] = [
    "",
    " ",
    "0",
    "1",
    "-1",
    "00",
    "01",
    "02",
    "10",
    "Y",
    "N",
    "J",
    "NAS",
    "NASD",
    "%25",
    "FX@KRW",
    ".DJI",
    "SPX",
    "D",
    "AAPL",
    "910010",
    "12345678",
    "20261124",
    "00000101",
    "99991231",
    "20261301",
    "000000",
    "235959",
    "999999",
    "18446744073709551616",
    "79228162514264337593543950335",
    "0.00000000000000000000000000001",
    "1e400",
    "NaN",
    "-0",
    "+5",
    "한글",
    "%00",
    "%F0%9F%92%B8",
    "../../etc",
];

/// A value that fits its parameter often enough for requests to get past the first check.
fn likely(name: &str, random: &mut fastrand::Rng) -> &'static str {
    let choices: &[&str] = match name {
        "CANO" => &["12345678"],
        "ACNT_PRDT_CD" => &["01"],
        "FID_COND_MRKT_DIV_CODE" => &["J", "UN", "N", "X"],
        "FID_INPUT_ISCD" => &["910010", "SPX", ".DJI", "FX@KRW", "0000"],
        "PDNO" | "SYMB" | "ITEM_CD" => &["910010", "AAPL", "IBM", "7203", "00005", "601318", "VNM", ""],
        "FID_COND_SCR_DIV_CODE" => &["20170", "20171", "20139"],
        "EXCD" => &["NAS", "NYS", "AMS", "TSE", "HKS", "SHS", "SZS", "HNX", "HSX"],
        "OVRS_EXCG_CD" => &["NASD", "NYSE", "TKSE", "SEHK", "SHAA", "VNSE", ""],
        "FID_PERIOD_DIV_CODE" => &["D", "W", "M", "Y"],
        "FID_INPUT_HOUR_1" => &["100000", "153000", "000000"],
        "NREC" | "NMIN" => &["1", "5", "120"],
        "PRDT_TYPE_CD" => &["300", "512", "513", "515", "501", "508"],
        "QTY_ALL_ORD_YN" | "COST_ICLD_YN" => &["Y", "N"],
        "ORD_QTY" | "ORD_UNPR" | "OVRS_ORD_UNPR" => &["0", "1", "430", "70000"],
        "KEYB" | "AUTH" | "ODNO" | "ORD_DT" | "ORD_GNO_BRNO" => &[""],
        _ if name.ends_with("_DT") || name.contains("DATE") || name == "BYMD" => &["20261124", "20251124"],
        _ if name.starts_with("CTX_AREA") => &["", "0000000010", "999999999999999999999"],
        _ => &["0", "00", "01", "02", "1", ""],
    };
    choices[random.usize(..choices.len())]
}

fn parameters(endpoint: &Endpoint, random: &mut fastrand::Rng) -> Vec<(&'static str, String)> {
    let mut fields: Vec<(&'static str, String)> =
        endpoint.required.iter().map(|name| (*name, likely(name, random).to_owned())).collect();
    for (_, value) in &mut fields {
        if random.u8(..) < 24 {
            FILLINGS[random.usize(..FILLINGS.len())].clone_into(value);
        }
    }
    if random.u8(..) < 16 && !fields.is_empty() {
        let place = random.usize(..fields.len());
        match random.u8(..3) {
            0 => fields.truncate(place),
            1 => fields[place].1 = "9".repeat(3_000),
            _ => fields.push(fields[place].clone()),
        }
    }
    fields
}

async fn ask(
    world: &World,
    endpoint: &Endpoint,
    environment: Environment,
    random: &mut fastrand::Rng,
) -> Answer {
    let known = &endpoint.transactions[random.usize(..endpoint.transactions.len())];
    let tr_id = known.id(environment).unwrap_or(known.real);
    let fields = parameters(endpoint, random);
    let mut headers = world.headers(tr_id);
    if random.bool() {
        headers.push(("tr_cont", "N".into()));
    }
    match endpoint.verb {
        Verb::Get => {
            let query: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
            world
                .get_with(
                    endpoint.path,
                    &query.join("&").replace('한', "%ED%95%9C").replace('글', ""),
                    headers,
                )
                .await
        }
        Verb::Post => {
            let body: serde_json::Map<String, Value> =
                fields.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
            world.post(endpoint.path, tr_id, Value::Object(body)).await
        }
    }
}

fn is_in_kis_form(answer: &Answer) -> bool {
    let text = |name: &str| answer.body.get(name).and_then(Value::as_str);
    let result = text("rt_cd").unwrap_or_default();
    let known = match answer.status {
        200 => matches!(result, "0" | "1" | "2" | "7"),
        403 | 500 => result == "1",
        _ => false,
    };
    known && text("msg_cd").is_some_and(|code| !code.is_empty()) && text("msg1").is_some()
}

#[tokio::test]
async fn rubbish_at_every_path_is_answered_in_kis_form() {
    let mut random = fastrand::Rng::with_seed(11);
    let mut fine = 0;
    for (environment, start) in [
        (Environment::Real, "2026-11-24T02:40:00Z"),
        (Environment::Real, "2026-11-24T15:00:00Z"),
        (Environment::Paper, "2026-11-24T05:00:00Z"),
    ] {
        let markets = &domain::Market::ALL;
        let world = World::of(Setting { environment, start, markets, ..Setting::default() }).await;
        for endpoint in endpoints::all() {
            for _ in 0..TRIES {
                let answer = ask(&world, endpoint, environment, &mut random).await;
                assert!(is_in_kis_form(&answer), "{}: {answer:?}", endpoint.path);
                fine += usize::from(answer.is_ok());
            }
            world.minutes(1);
        }
        world.exchange.books();
    }
    assert!(fine > 3_000, "only {fine} requests got past the checks: the rubbish is too coarse");
}

#[tokio::test]
async fn bodies_that_are_no_orders_are_refused_and_take_none() {
    let world = World::at("2026-11-24T05:00:00Z").await;
    let path = "/uapi/domestic-stock/v1/trading/order-cash";
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let long = format!("{{\"PDNO\": \"{}\"}}", "9".repeat(200_000));
    let texts = ["", "null", "[]", "7", "\"x\"", "{", "{\"CANO\": null}", "\u{feff}{}", &deep, &long];
    for text in texts {
        let answer = world.post_text(path, "TTTC0012U", text).await;
        assert!(!answer.is_ok() && is_in_kis_form(&answer), "{text:.60}: {answer:?}");
    }
    assert!(world.orders().is_empty());
    let token = World::without_token(Setting::default());
    for over in [json!({"appkey": 7}), json!({"appkey": null}), json!({"appsecret": "x".repeat(100_000)})] {
        assert_eq!(token.token_call(over).await.status, 403);
    }
}

#[tokio::test]
async fn customers_beyond_the_bound_are_turned_away_and_the_first_ones_stay() {
    let world = World::of(Setting::default()).await;
    let mut refused = 0;
    for number in 0..1_010 {
        let answer = world.token_call(json!({"appkey": format!("key-{number}")})).await;
        refused += usize::from(answer.code() == "EGW00003");
    }
    assert_eq!(refused, 11);
    world.minutes(2);
    assert_eq!(world.token_call(json!({})).await.status, 200);
}
