//! Every answer against the shape that KIS gives it: the table of shapes, composed from KIS.md, always; the reference bodies
//! where they are at hand. A row of the matrix without a comparison is a failure, unless it is listed with the reason.

mod abroad;
mod cases;
mod shape;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Value, json};

use super::world::{Answer, Setting, World};
use crate::simulator::{Environment, desks, endpoints};
use cases::{AMERICAN, Case, KOREAN, Moment};
use shape::Shape;

/// Fields that the tables of KIS.md name and older reference bodies lack.
const NEWER_THAN_SAMPLES: [&str; 8] = [
    "excg_dvsn_cd",
    "excg_id_dvsn_cd",
    "excg_id_dvsn_name",
    "stpm_cndt_pric",
    "stpm_efct_occr_yn",
    "mang_issu_cls_code",
    "usa_amk_exts_rqst_yn",
    "splt_buy_attr_name",
];

/// Fields that stay blank here, and why.
const BLANK_HERE: [(&str, &str); 13] = [
    ("splt_buy_attr_name", "no order is split over time"),
    ("natn_name", "most of the fifty rows are blank; the reference is cut before them"),
    ("crcy_cd", "the same"),
    ("orgn_odno", "the order of the reference is a changed one; here it may be a new one"),
    ("rvse_cncl_dvsn_name", "the same"),
    ("prdt_risk_grad_cd", "companies are not simulated"),
    ("sedol_no", "companies are not simulated"),
    ("lei_cd", "companies are not simulated"),
    ("mint_svc_yn_chng_dt", "fractions of shares are not traded"),
    ("mint_frst_svc_erlm_dt", "fractions of shares are not traded"),
    ("e_icod", "companies are not simulated"),
    ("fcam_cnnm", "companies are not simulated"),
    ("cpfn_cnnm", "companies are not simulated"),
];

/// Codes that differ from the reference body's, and why.
const OTHER_CODE: [(&str, &str, &str); 1] =
    [("domestic_inquire-period-trade-profit", "KIOK0510", "the reference is the first of several pages")];

const ACCOUNT: [(&str, &str); 2] = [("CANO", "12345678"), ("ACNT_PRDT_CD", "01")];

/// Orders of both countries and what answered them, with the shapes they must have.
struct Busy {
    world: World,
    posts: Vec<(&'static str, &'static str, Answer)>,
}

fn body(fields: &[(&str, &str)]) -> Value {
    let all = ACCOUNT.iter().chain(fields);
    Value::Object(all.map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect())
}

/// A filled purchase, a sale, an open and a cancelled order in Korea, in the afternoon.
async fn busy_in_korea() -> Busy {
    let world = World::at("2026-11-24T05:00:00Z").await;
    world.buy("910010", 5, "0").await;
    world.minutes(10);
    world.sell("910010", 2, "0").await;
    world.minutes(10);
    let lower = world.korean_price("910010").await["stck_llam"].as_str().unwrap().to_owned();
    let placed = world.buy("910010", 5, &lower).await;
    let number = world.buy("910010", 5, &lower).await.body["output"]["ODNO"].clone();
    let cancelled = world.cancel(number.as_str().unwrap()).await;
    let posts = vec![
        ("domestic_order-cash", "domestic-stock/v1/trading/order-cash", placed),
        ("domestic_order-rvsecncl", "domestic-stock/v1/trading/order-rvsecncl", cancelled),
    ];
    Busy { world, posts }
}

/// The same in New York, in its morning.
async fn busy_in_america(busy: &mut Busy) {
    let world = &busy.world;
    world.minutes(10 * 60);
    world.us_order("TTTT1002U", "AAPL", 5, "480.00").await;
    world.minutes(10);
    world.us_order("TTTT1006U", "AAPL", 2, "300.00").await;
    world.minutes(10);
    let placed = world.us_order("TTTT1002U", "CRDN", 5, "30.00").await;
    let number = world.us_order("TTTT1002U", "CRDN", 4, "30.00").await.body["output"]["ODNO"].clone();
    let cancel = body(&[
        ("OVRS_EXCG_CD", "NASD"),
        ("PDNO", "CRDN"),
        ("ORGN_ODNO", number.as_str().unwrap()),
        ("RVSE_CNCL_DVSN_CD", "02"),
        ("ORD_QTY", "4"),
        ("OVRS_ORD_UNPR", "0"),
    ]);
    let path = "overseas-stock/v1/trading/order-rvsecncl";
    let cancelled = world.post(&format!("/uapi/{path}"), "TTTT1004U", cancel).await;
    busy.posts.push(("overseas_order", "overseas-stock/v1/trading/order", placed));
    busy.posts.push(("overseas_order-rvsecncl", path, cancelled));
}

/// Every answer that is compared, by the name of its shape, and whether it has no rows here.
async fn answers() -> Vec<(&'static str, Answer, bool)> {
    let mut busy = busy_in_korea().await;
    let mut answers = Vec::new();
    for case in &KOREAN {
        answers.push(ask(&busy.world, case).await);
    }
    busy_in_america(&mut busy).await;
    let fresh = World::at("2026-11-24T15:00:00Z").await;
    for case in &AMERICAN {
        let world = if case.moment == Moment::Fresh { &fresh } else { &busy.world };
        answers.push(ask(world, case).await);
    }
    answers.extend(busy.posts.into_iter().map(|(shape, _, answer)| (shape, answer, false)));
    answers.extend(oauth().await);
    answers
}

async fn ask(world: &World, case: &Case) -> (&'static str, Answer, bool) {
    let answer = world.get(&format!("/uapi/{}", case.path), case.tr_id, case.query).await;
    assert!(answer.is_ok(), "{}: {answer:?}", case.shape);
    (case.shape, answer, case.empty.is_some())
}

/// The token server and the hash: bodies of their own kind. The hash repeats what it was asked, which is no part of its shape.
async fn oauth() -> Vec<(&'static str, Answer, bool)> {
    let world = World::at("2026-11-24T05:00:00Z").await;
    let mut hash = world.post("/uapi/hashkey", "", body(&[])).await;
    hash.body.as_object_mut().unwrap().remove("BODY");
    let revoked = world.revoke().await;
    world.minutes(2);
    let token = world.token_call(json!({})).await;
    let asked = json!({"grant_type": "client_credentials", "appkey": "key", "secretkey": "secret"});
    let approval = world.post_text("/oauth2/Approval", "", &asked.to_string()).await;
    vec![
        ("approval", approval, false),
        ("hashkey", hash, false),
        ("revokeP", revoked, false),
        ("tokenP", token, false),
    ]
}

fn reference(name: &str) -> Option<Value> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/reference/kis/examples");
    let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).ok()?;
    let mut body: Value = serde_json::from_str(&text).unwrap();
    body.as_object_mut().unwrap().remove("BODY");
    Some(body)
}

/// False where the reference material is not at hand, which a strict run does not accept.
fn has_references() -> bool {
    let is_there = reference("domestic_inquire-price").is_some();
    let strict = std::env::var("KESTREL_STRICT").is_ok_and(|value| value == "1");
    assert!(is_there || !strict, "the reference bodies are missing");
    if !is_there {
        println!("skipped: ../shared/reference/kis/examples is not there");
    }
    is_there
}

fn table() -> BTreeMap<String, Shape> {
    Shape::table(include_str!("contract/shapes.txt"))
}

fn stays_blank(name: &str) -> bool {
    BLANK_HERE.iter().any(|(known, _)| *known == name)
}

#[tokio::test]
async fn every_answer_has_the_shape_of_the_table() {
    let table = table();
    let mut faults = Vec::new();
    for (name, answer, is_empty) in answers().await {
        let reference = table.get(name).unwrap_or_else(|| panic!("{name} is not in the table"));
        let found = Shape::of(&answer.body).faults(reference, |_| false, stays_blank, is_empty);
        faults.extend(found.into_iter().map(|fault| format!("{name}: {fault}")));
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

#[tokio::test]
async fn every_answer_has_the_shape_of_its_reference_body() {
    if !has_references() {
        return;
    }
    let newer = |name: &str| NEWER_THAN_SAMPLES.contains(&name);
    let mut faults = Vec::new();
    let mut compared = 0;
    for (name, answer, is_empty) in answers().await {
        let Some(body) = reference(name) else { continue };
        compared += 1;
        let mut theirs = Shape::of(&body);
        theirs.code = code_here(name).unwrap_or(theirs.code);
        // The average of several fills has decimals; that of the reference is of one.
        theirs.also("output1[]", "avg_prvs", "dec4");
        let found = Shape::of(&answer.body).faults(&theirs, newer, stays_blank, is_empty);
        faults.extend(found.into_iter().map(|fault| format!("{name}: {fault}")));
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
    assert!(compared >= 50, "only {compared} bodies were compared");
}

#[test]
fn the_table_itself_agrees_with_the_reference_bodies() {
    if !has_references() {
        return;
    }
    let newer = |name: &str| NEWER_THAN_SAMPLES.contains(&name);
    let mut faults = Vec::new();
    for (name, shape) in table() {
        let Some(body) = reference(&name) else { continue };
        let mut theirs = Shape::of(&body);
        assert_eq!(shape.code, code_here(&name).unwrap_or(theirs.code.clone()), "{name}");
        theirs.also("output1[]", "avg_prvs", "dec4");
        let missing = shape.unknown_to(&theirs, newer);
        faults.extend(missing.into_iter().map(|field| format!("{name}: the reference lacks {field}")));
        let unknown = theirs.unknown_to(&shape, |_| false);
        faults.extend(unknown.into_iter().map(|field| format!("{name}: the table lacks {field}")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn code_here(name: &str) -> Option<String> {
    OTHER_CODE.iter().find(|(known, _, _)| *known == name).map(|(_, code, _)| (*code).to_owned())
}

/// The same questions on the paper host, with its own ids; without its counterparts there, the service is not offered.
#[tokio::test]
async fn the_paper_host_answers_in_the_same_shapes_or_says_that_it_does_not() {
    let setting =
        Setting { environment: Environment::Paper, start: "2026-11-24T05:00:00Z", ..Setting::default() };
    let world = World::of(setting).await;
    assert!(world.korean_order("VTTC0012U", "910010", 5, "0").await.is_ok());
    world.minutes(10);
    assert!(world.korean_order("VTTC0011U", "910010", 2, "0").await.is_ok());
    world.minutes(10);
    let mut faults = Vec::new();
    let mut compared = compare_on_paper(&world, &KOREAN, &mut faults).await;
    world.minutes(10 * 60);
    assert!(world.us_order("VTTT1002U", "AAPL", 5, "480.00").await.is_ok());
    world.minutes(10);
    compared += compare_on_paper(&world, &AMERICAN, &mut faults).await;
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(compared >= 14, "only {compared} rows are offered on paper");
}

async fn compare_on_paper(world: &World, cases: &[Case], faults: &mut Vec<String>) -> usize {
    let table = table();
    let mut compared = 0;
    for case in cases.iter().filter(|case| case.moment != Moment::Fresh) {
        let path = format!("/uapi/{}", case.path);
        let endpoint = endpoints::all().find(|endpoint| endpoint.path == path).unwrap();
        let known = endpoint.transactions.iter().find(|known| known.real == case.tr_id).unwrap();
        // The paper host takes no filter in the list of orders (KIS.md 12.9).
        let bare = case.query.replace("PDNO=%25", "PDNO=");
        let bare = bare.replace("OVRS_EXCG_CD=NASD&SORT_SQN=DS&ORD_DT", "OVRS_EXCG_CD=&SORT_SQN=DS&ORD_DT");
        let answer = world.get(&path, known.paper.unwrap_or(case.tr_id), &bare).await;
        if known.paper.is_none() {
            let text = answer.body["msg1"].as_str().unwrap_or_default();
            assert!(text.contains("제공되지 않습니다"), "{}: {answer:?}", case.shape);
            continue;
        }
        compared += 1;
        // Only the totals of this one are filled on paper (KIS.md 12.6).
        let is_empty = case.shape == "overseas_inquire-present-balance";
        let found = Shape::of(&answer.body).faults(&table[case.shape], |_| false, stays_blank, is_empty);
        faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", case.shape)));
    }
    compared
}

/// Whether an answer has pages shows in three places, which must agree (KIS.md 3.3).
#[tokio::test]
async fn the_header_the_keys_and_the_code_of_a_page_agree() {
    for (name, answer, _) in answers().await {
        let Some(object) = answer.body.as_object() else { panic!("{name} is no object") };
        let next = object.iter().find(|(key, _)| key.starts_with("ctx_area_nk"));
        let Some((_, next)) = next else {
            assert_eq!(answer.continuation, "", "{name} has no pages");
            continue;
        };
        let more = !next.as_str().unwrap().trim().is_empty();
        assert_eq!(answer.continuation, if more { "M" } else { "D" }, "{name}");
        assert_eq!(answer.code() == "KIOK0500", more, "{name}");
    }
}

#[test]
fn every_row_of_the_matrix_is_compared_or_has_a_reason_not_to_be() {
    let posts = [
        "domestic-stock/v1/trading/order-cash",
        "domestic-stock/v1/trading/order-rvsecncl",
        "overseas-stock/v1/trading/order",
        "overseas-stock/v1/trading/order-rvsecncl",
    ];
    let asked = KOREAN.iter().chain(&AMERICAN).map(|case| case.path).chain(posts);
    let compared: BTreeSet<String> = asked.map(|path| format!("/uapi/{path}")).collect();
    let closed: BTreeSet<String> = desks::NEVER_OPEN.iter().map(|(path, _)| (*path).to_owned()).collect();
    let rows: BTreeSet<String> = endpoints::all().map(|endpoint| endpoint.path.to_owned()).collect();
    let without: Vec<_> =
        rows.iter().filter(|row| !compared.contains(*row) && !closed.contains(*row)).collect();
    assert!(without.is_empty(), "rows without a comparison: {without:?}");
    assert!(compared.is_disjoint(&closed), "a closed desk has no answer to compare");
    assert!(compared.is_subset(&rows) && closed.is_subset(&rows), "every path is a row");
}
