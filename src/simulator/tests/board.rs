//! The board of codes (KIS.md 5): each code that the exchange can answer with is drawn by a request that deserves it, and
//! comes with its HTTP status, its `rt_cd` and its text. The others are listed with the reason why nothing draws them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use domain::Market;
use serde_json::{Value, json};

use super::world::{Answer, KOREAN_ORDERS, Setting, World};
use crate::simulator::Environment;
use crate::simulator::wire::korean_bytes;

const PRICE: &str = "/uapi/domestic-stock/v1/quotations/inquire-price";
const QUERY: &str = "FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD=910010";
const CASH: &str = "/uapi/domestic-stock/v1/trading/order-cash";
const SELLABLE: &str = "/uapi/domestic-stock/v1/trading/inquire-psbl-sell";
const SELLABLE_QUERY: &str = "CANO=12345678&ACNT_PRDT_CD=01&PDNO=910010";
/// A business refusal and a ledger answer pad their text to so many bytes.
const PADDED: usize = 80;

/// What a code comes with.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// `rt_cd` 0.
    Fine,
    /// The ledger's, with a padded text.
    Ledger,
    /// The token server's shape, without `rt_cd`.
    OAuth,
    Gateway,
    /// The gateway's, for a customer that it does not know.
    Forbidden,
    Input,
    /// With this `rt_cd` and a padded text.
    Business(&'static str),
}

struct Drawn {
    code: &'static str,
    kind: Kind,
    /// How the text begins.
    text: &'static str,
    answer: Answer,
}

fn drawn(code: &'static str, kind: Kind, text: &'static str, answer: Answer) -> Drawn {
    Drawn { code, kind, text, answer }
}

impl Drawn {
    fn fault(&self) -> Option<String> {
        let (status, result, is_padded) = match self.kind {
            Kind::Fine => (200, Some("0"), false),
            Kind::Ledger => (200, Some("0"), true),
            Kind::OAuth => (403, None, false),
            Kind::Gateway => (500, Some("1"), false),
            Kind::Forbidden => (403, Some("1"), false),
            Kind::Input => (200, Some("2"), false),
            Kind::Business(result) => (200, Some(result), true),
        };
        let body = &self.answer.body;
        let name = if result.is_some() { "msg1" } else { "error_description" };
        let text = body[name].as_str().unwrap_or_default();
        let padding = if is_padded { korean_bytes(text) == PADDED } else { text == text.trim_end() };
        let is_right = self.answer.status == status
            && self.answer.code() == self.code
            && body.get("rt_cd").and_then(Value::as_str) == result
            && text.starts_with(self.text)
            && padding;
        (!is_right).then(|| format!("{} {}: {:?}", self.code, self.text, self.answer))
    }
}

/// A price asked with one header changed.
async fn with_header(world: &World, name: &'static str, value: &str) -> Answer {
    let mut headers = world.headers("FHKST01010100");
    headers.retain(|(known, _)| *known != name);
    if !value.is_empty() {
        headers.push((name, value.to_owned()));
    }
    world.get_with(PRICE, QUERY, headers).await
}

async fn at_the_door() -> Vec<Drawn> {
    let world = World::of(Setting::default()).await;
    let cases = [
        ("appkey", "", "EGW00102", "AppKey는 필수"),
        ("appkey", "stranger", "EGW00103", "유효하지 않은 AppKey"),
        ("appsecret", "", "EGW00104", "AppSecret은 필수"),
        ("appsecret", "other", "EGW00105", "유효하지 않은 AppSecret"),
        ("authorization", "", "EGW00205", "credentials_type이 유효하지"),
        ("authorization", "Basic abc", "EGW00205", "credentials_type이 유효하지"),
        ("authorization", "Bearer abc", "EGW00121", "유효하지 않은 token"),
        ("content-type", "text/plain", "EGW00132", "Content-Type이 유효하지"),
        ("custtype", "X", "EGW00208", "고객타입"),
        ("tr_id", "TTTC8434R", "EGW00203", "OPS라우팅"),
        ("tr_id", "NONESUCH", "OPSQ0002", "없는 서비스 코드"),
    ];
    let mut all = Vec::new();
    for (name, value, code, text) in cases {
        let kind = if matches!(code, "EGW00103" | "EGW00105") { Kind::Forbidden } else { Kind::Gateway };
        all.push(drawn(code, kind, text, with_header(&world, name, value).await));
    }
    world.minutes(24 * 60);
    let late = world.get(PRICE, "FHKST01010100", QUERY).await;
    all.push(drawn("EGW00123", Kind::Gateway, "기간이 만료된 token", late));
    all
}

async fn at_the_token_server() -> Vec<Drawn> {
    let world = World::of(Setting::default()).await;
    let key = "유효하지 않은 AppKey";
    let secret = "유효하지 않은 AppSecret";
    let long = "k".repeat(37);
    let too_soon = world.token_call(json!({})).await;
    let no_json = world.post_text("/oauth2/tokenP", "", "grant_type=client_credentials").await;
    vec![
        drawn("EGW00101", Kind::OAuth, "유효하지 않은 요청", no_json),
        drawn("EGW00133", Kind::OAuth, "접근토큰 발급 잠시 후 다시", too_soon),
        drawn("EGW00103", Kind::OAuth, key, world.token_call(json!({"appkey": ""})).await),
        drawn("EGW00103", Kind::OAuth, key, world.token_call(json!({"appkey": long})).await),
        drawn("EGW00105", Kind::OAuth, secret, world.token_call(json!({"appsecret": "other"})).await),
        drawn(
            "EGW00112",
            Kind::OAuth,
            "유효하지 않은 grant_type",
            world.token_call(json!({"grant_type": "password"})).await,
        ),
    ]
}

async fn at_the_limits() -> Vec<Drawn> {
    let world = World::of(Setting { rate: 3, ..Setting::default() }).await;
    for _ in 0..3 {
        assert!(world.get(PRICE, "FHKST01010100", QUERY).await.is_ok());
    }
    let gateway = world.get(PRICE, "FHKST01010100", QUERY).await;
    let world = World::of(Setting::default()).await;
    world.exchange.limit_ledger(1);
    world.minutes(1);
    assert!(world.get(SELLABLE, "TTTC8408R", SELLABLE_QUERY).await.is_ok());
    assert!(world.get(PRICE, "FHKST01010100", QUERY).await.is_ok());
    let ledger = world.get(SELLABLE, "TTTC8408R", SELLABLE_QUERY).await;
    vec![
        drawn("EGW00201", Kind::Gateway, "초당 거래건수를 초과", gateway),
        drawn("EGW00215", Kind::Gateway, "원장 초당 거래건수를 초과", ledger),
    ]
}

async fn for_bad_requests() -> Vec<Drawn> {
    let world = World::of(Setting::default()).await;
    let market = "FID_COND_MRKT_DIV_CODE=Q&FID_INPUT_ISCD=910010";
    let unknown = "FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD=000000";
    let account = "CANO=123&ACNT_PRDT_CD=01&PDNO=910010";
    let hash = world.post_hashed(CASH, "TTTC0012U", json!({"CANO": "12345678"}), "0".repeat(64)).await;
    let broken = world.post_text(CASH, "TTTC0012U", "{\"CANO\": ").await;
    let numbers = world.post(CASH, "TTTC0012U", json!({"CANO": 12_345_678})).await;
    let bad_market = world.get(PRICE, "FHKST01010100", market).await;
    let bad_stock = world.get(PRICE, "FHKST01010100", unknown).await;
    let missing = world.get(PRICE, "FHKST01010100", "FID_COND_MRKT_DIV_CODE=J").await;
    let bad_account = world.get(SELLABLE, "TTTC8408R", account).await;
    vec![
        drawn("EGW00131", Kind::Gateway, "유효하지 않은 hashkey", hash),
        drawn("OPSQ9995", Kind::Gateway, "JSON PARSING ERROR", broken),
        drawn("OPSQ2002", Kind::Input, "ERROR : INPUT INVALID_CHECK_CANO", numbers),
        drawn("OPSQ2001", Kind::Input, "ERROR : INPUT INVALID_CHECK_MRKT_DIV_CODE", bad_market),
        drawn("OPSQ2001", Kind::Input, "ERROR INPUT FIELD NOT FOUND [FID_INPUT_ISCD]", missing),
        drawn("OPSQ2000", Kind::Input, "ERROR : INPUT INVALID_CHECK_ACNO", bad_account),
        drawn("MCA05918", Kind::Business("7"), "종목코드 오류", bad_stock),
    ]
}

async fn for_real_orders() -> Vec<Drawn> {
    let world = World::at("2026-11-24T01:00:00Z").await;
    let free = world.us_order("TTTT1002U", "AAPL", 1, "0").await;
    let unknown = world.buy("000000", 1, "70000").await;
    let off_step = world.buy("910010", 1, "70050").await;
    let no_cash = world.buy("910010", 1_000_000, "70000").await;
    let no_shares = world.sell("910010", 1, "70000").await;
    let nothing = world.cancel("0000000001").await;
    world.minutes(8 * 60);
    let closed = world.buy("910010", 1, "70000").await;
    let weekend = World::at("2026-11-28T01:00:00Z").await.buy("910010", 1, "70000").await;
    let desk = body(&[
        ("PDNO", "910010"),
        ("ORD_QTY", "1"),
        ("ORD_UNPR", "70000"),
        ("SLL_BUY_DVSN_CD", "02"),
        ("ORD_DVSN_CD", "00"),
        ("ORD_OBJT_CBLC_DVSN_CD", "10"),
    ]);
    let reserve = world.post("/uapi/domestic-stock/v1/trading/order-resv", "CTSC0008U", desk).await;
    vec![
        drawn("APBK1507", Kind::Business("1"), "주문단가", free),
        drawn("APBK0656", Kind::Business("7"), "해당종목정보가 없습니다.", unknown),
        drawn("APBK0506", Kind::Business("1"), "주식주문호가단위 오류", off_step),
        drawn("APBK0952", Kind::Business("7"), "주문가능금액을 초과", no_cash),
        drawn("APBK0400", Kind::Business("1"), "주문 가능한 수량을 초과", no_shares),
        drawn("APBK0400", Kind::Business("1"), "정정취소 가능한 수량", nothing),
        drawn("APBK0918", Kind::Business("1"), "장운영시간이 아닙니다.", closed),
        drawn("APBK0919", Kind::Business("1"), "장운영일자가 주문일과 상이", weekend),
        drawn("APBK0918", Kind::Business("1"), "장운영시간이 아닙니다.", reserve),
    ]
}

fn body(fields: &[(&str, &str)]) -> Value {
    let account = [("CANO", "12345678"), ("ACNT_PRDT_CD", "01")];
    let all = account.iter().chain(fields);
    Value::Object(all.map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect())
}

async fn paper(start: &'static str) -> World {
    let closed: &[(Market, &str)] = &[(Market::Kr, "2026-12-25")];
    World::of(Setting { environment: Environment::Paper, start, closed, ..Setting::default() }).await
}

async fn for_paper_orders() -> Vec<Drawn> {
    let buy = "VTTC0012U";
    let world = paper("2026-11-24T01:00:00Z").await;
    let real_id = world.buy("910010", 1, "70000").await;
    let ranking = "AUTH=&EXCD=NAS&NDAY=0&GUBN=1&VOL_RANG=0&KEYB=";
    let ranking = world.get("/uapi/overseas-stock/v1/ranking/updown-rate", "HHDFS76290000", ranking).await;
    let no_cash = world.korean_order(buy, "910010", 1_000_000, "70000").await;
    let off_step = world.korean_order(buy, "910010", 1, "70050").await;
    let outside = world.korean_order(buy, "910010", 1, "700").await;
    let unknown = world.korean_order(buy, "000000", 1, "70000").await;
    let no_shares = world.korean_order("VTTC0011U", "910010", 1, "70000").await;
    let market = world.us_order("VTTT1002U", "AAPL", 1, "0").await;
    let nothing = world.korean_cancel("VTTC0013U", "0000000001").await;
    let early = paper("2026-11-23T22:00:00Z").await.korean_order(buy, "910010", 1, "70000").await;
    let late = paper("2026-11-24T09:00:00Z").await.korean_order(buy, "910010", 1, "70000").await;
    let holiday = paper("2026-12-25T01:00:00Z").await.korean_order(buy, "910010", 1, "70000").await;
    let no = Kind::Business("1");
    vec![
        drawn("EGW00213", Kind::Gateway, "모의투자 TR 이 아닙니다.", real_id),
        drawn("90000000", no, "모의투자에서는 해당업무가 제공되지 않습니다.", ranking),
        drawn("40570000", no, "모의투자 주문가능금액이 부족합니다.", no_cash),
        drawn("40030000", no, "모의투자 주문처리가 안되었습니다(호가단위 오류", off_step),
        drawn("40270000", no, "모의투자 상/하한가 오류", outside),
        drawn("40070000", no, "모의투자 주문처리가 안되었습니다(매매불가 종목", unknown),
        drawn("40240000", no, "모의투자 잔고내역이 없습니다.", no_shares),
        drawn("40650000", no, "모의투자 주문처리가 안되었습니다(지정가만 가능한 상품", market),
        drawn("40570000", no, "모의투자 장시작전 입니다.", early),
        drawn("40310000", no, "모의투자 정정/취소할 수량이 없습니다.", nothing),
        drawn("40580000", no, "모의투자 장종료 입니다.", late),
        drawn("40100000", no, "모의투자 영업일이 아닙니다.", holiday),
    ]
}

async fn for_good_requests() -> Vec<Drawn> {
    let world = World::at("2026-11-24T01:00:00Z").await;
    let list = "/uapi/domestic-stock/v1/trading/inquire-daily-ccld";
    let nothing = world.get(list, "TTTC0081R", KOREAN_ORDERS).await;
    let order = world.buy("910100", 1, "50000").await;
    let complete = world.get(list, "TTTC0081R", KOREAN_ORDERS).await;
    for _ in 0..100 {
        world.buy("910100", 1, "50000").await;
    }
    let more = world.get(list, "TTTC0081R", KOREAN_ORDERS).await;
    let dates = "TRAD_DT=20261124&CTX_AREA_NK=&CTX_AREA_FK=";
    let dates = world.get("/uapi/overseas-stock/v1/quotations/countries-holiday", "CTOS5011R", dates).await;
    let product = "PDNO=910010&PRDT_TYPE_CD=300";
    let product = world.get("/uapi/domestic-stock/v1/quotations/search-info", "CTPF1604R", product).await;
    let sellable = world.get(SELLABLE, "TTTC8408R", SELLABLE_QUERY).await;
    vec![
        drawn("MCA00000", Kind::Fine, "정상처리 되었습니다", world.get(PRICE, "FHKST01010100", QUERY).await),
        drawn("APBK0013", Kind::Fine, "주문 전송 완료 되었습니다.", order),
        drawn("KIOK0560", Kind::Ledger, "조회할 내용이 없습니다", nothing),
        drawn("KIOK0510", Kind::Ledger, "조회가 완료되었습니다", complete),
        drawn("KIOK0500", Kind::Ledger, "조회가 계속됩니다..다음버튼을", more),
        drawn("KIOK0460", Kind::Ledger, "조회 되었습니다. (마지막 자료)", dates),
        drawn("KIOK0530", Kind::Ledger, "조회되었습니다", product),
        drawn("KIOK0420", Kind::Ledger, "정상적으로 조회되었습니다", sellable),
    ]
}

async fn everything() -> Vec<Drawn> {
    let mut all = at_the_door().await;
    all.extend(at_the_token_server().await);
    all.extend(at_the_limits().await);
    all.extend(for_bad_requests().await);
    all.extend(for_real_orders().await);
    all.extend(for_paper_orders().await);
    all.extend(for_good_requests().await);
    all
}

#[tokio::test]
async fn every_code_is_drawn_by_a_request_that_deserves_it_and_comes_in_its_form() {
    let faults: Vec<String> = everything().await.iter().filter_map(Drawn::fault).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Codes of KIS.md 5 that nothing draws here, and why.
const NOT_DRAWN: [(&str, &[&str]); 8] = [
    (
        "the network between client and exchange loses or spoils answers, not the exchange: `kestrel verify` does it",
        &["EGW00001", "EGW00002", "EGW00202", "EGW00300", "EGW00301", "EGW00302", "OPSQ1002"],
    ),
    (
        "every customer here is a person with all rights at any address",
        &["EGW00003", "EGW00004", "EGW00204", "EGW00206", "EGW00207", "EGW00209", "EGW00210", "EGW00303"],
    ),
    (
        "another code is the nearer one for the same request: 112, 121, 103, 105, 2001",
        &["EGW00115", "EGW00116", "EGW00117", "EGW00122", "EGW00128", "EGW00304"],
    ),
    ("seen in the field and explained nowhere", &["EGW00316", "EGW02004", "EGW02006"]),
    (
        "other services than these",
        &["OPSQ0001", "OPSQ0011", "OPSQ9999", "KIOK0430", "KIOK0490", "APBK0029", "APRP0126", "IGW00009"],
    ),
    ("the reserve desk never opens", &["APBK1711", "APBK2938"]),
    ("the same as 0918, reported by one library", &["APBK1664", "APAM3099", "40250000"]),
    ("an account of another product is refused by its form, with OPSQ2000", &["APAC0489"]),
];

#[tokio::test]
async fn every_code_of_the_sheet_is_drawn_or_has_a_reason_not_to_be() {
    let drawn: BTreeSet<String> = everything().await.iter().map(|drawn| drawn.code.to_owned()).collect();
    let listed: BTreeMap<&str, &str> =
        NOT_DRAWN.iter().flat_map(|(reason, codes)| codes.iter().map(move |code| (*code, *reason))).collect();
    let both: Vec<_> = drawn.iter().filter(|code| listed.contains_key(code.as_str())).collect();
    assert!(both.is_empty(), "drawn and listed as not drawn: {both:?}");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/reference/kis/KIS.md");
    let Ok(sheet) = std::fs::read_to_string(path) else {
        assert!(!std::env::var("KESTREL_STRICT").is_ok_and(|value| value == "1"), "KIS.md is missing");
        return println!("skipped: ../shared/reference/kis/KIS.md is not there");
    };
    let section = sheet.split("\n## 5. Errors").nth(1).unwrap().split("\n## 6. ").next().unwrap();
    let words = section.split(|character: char| !character.is_ascii_alphanumeric());
    let codes: BTreeSet<&str> = words.filter(|word| is_code(word)).collect();
    assert!(codes.len() > 60, "{codes:?}");
    let open: Vec<_> =
        codes.iter().filter(|code| !drawn.contains(**code) && !listed.contains_key(**code)).collect();
    assert!(open.is_empty(), "codes of the sheet that nothing draws: {open:?}");
}

/// The reference bodies of refusals: the same status, fields and `rt_cd`, and the same words.
#[tokio::test]
async fn refusals_look_like_their_reference_bodies() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/reference/kis/examples");
    let Ok(files) = std::fs::read_dir(folder) else {
        assert!(!std::env::var("KESTREL_STRICT").is_ok_and(|value| value == "1"), "the bodies are missing");
        return println!("skipped: ../shared/reference/kis/examples is not there");
    };
    let drawn = everything().await;
    let mut compared = 0;
    for path in files.flatten().map(|file| file.path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with("error_") {
            continue;
        }
        let reference: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let body = &reference["body"];
        let code = body.get("msg_cd").or_else(|| body.get("error_code")).and_then(Value::as_str).unwrap();
        if body["rt_cd"] == "0" {
            continue;
        }
        let is_listed = code.is_empty() || NOT_DRAWN.iter().any(|(_, codes)| codes.contains(&code));
        let same = |drawn: &&Drawn| {
            let own = &drawn.answer.body;
            let fields = |body: &Value| body.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
            let text = |body: &Value| {
                let text = body.get("msg1").or_else(|| body.get("error_description"));
                text.and_then(Value::as_str).unwrap_or_default().trim().to_owned()
            };
            drawn.answer.code() == code
                && reference["http_status"] == drawn.answer.status
                && fields(own) == fields(body)
                && own.get("rt_cd") == body.get("rt_cd")
                && text(own) == text(body)
        };
        assert!(is_listed || drawn.iter().any(|drawn| same(&drawn)), "{name}: nothing looks like it");
        compared += usize::from(!is_listed);
    }
    assert!(compared >= 14, "only {compared} refusals were compared");
}

fn is_code(word: &str) -> bool {
    let prefixes = ["EGW", "OPSQ", "KIOK", "APBK", "APAC", "APAM", "APRP", "IGW", "MCA", "40"];
    let digits = word.trim_start_matches(|character: char| character.is_ascii_uppercase());
    prefixes.iter().any(|prefix| word.starts_with(prefix))
        && word.len() == 8
        && digits.len() >= 4
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}
