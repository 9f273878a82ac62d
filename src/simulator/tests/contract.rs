//! Our bodies against the reference bodies: the same fields in the same places.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use super::world::{KOREAN_ORDERS, World};

/// An endpoint, how to ask it, and which reference body it is compared with.
struct Case {
    file: &'static str,
    path: &'static str,
    tr_id: &'static str,
    query: &'static str,
}

const fn case(file: &'static str, path: &'static str, tr_id: &'static str, query: &'static str) -> Case {
    Case { file, path, tr_id, query }
}

const STOCK: &str = "FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD=910010";
const US_STOCK: &str = "AUTH=&EXCD=NAS&SYMB=AAPL";

const CASES: [Case; 18] = [
    case("domestic_inquire-price", "domestic-stock/v1/quotations/inquire-price", "FHKST01010100", STOCK),
    case(
        "domestic_inquire-asking-price-exp-ccn",
        "domestic-stock/v1/quotations/inquire-asking-price-exp-ccn",
        "FHKST01010200",
        STOCK,
    ),
    case(
        "domestic_inquire-daily-price",
        "domestic-stock/v1/quotations/inquire-daily-price",
        "FHKST01010400",
        "FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD=910010&FID_PERIOD_DIV_CODE=D&FID_ORG_ADJ_PRC=0",
    ),
    case(
        "domestic_inquire-daily-itemchartprice",
        "domestic-stock/v1/quotations/inquire-daily-itemchartprice",
        "FHKST03010100",
        "FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD=910010&FID_INPUT_DATE_1=20260101&FID_INPUT_DATE_2=20261124&\
         FID_PERIOD_DIV_CODE=D&FID_ORG_ADJ_PRC=0",
    ),
    case(
        "domestic_inquire-time-itemchartprice",
        "domestic-stock/v1/quotations/inquire-time-itemchartprice",
        "FHKST03010200",
        "FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD=910010&FID_INPUT_HOUR_1=120000&FID_PW_DATA_INCU_YN=N&\
         FID_ETC_CLS_CODE=",
    ),
    case(
        "domestic_volume-rank",
        "domestic-stock/v1/quotations/volume-rank",
        "FHPST01710000",
        "FID_COND_MRKT_DIV_CODE=J&FID_COND_SCR_DIV_CODE=20171&FID_INPUT_ISCD=0000&FID_DIV_CLS_CODE=0&\
         FID_BLNG_CLS_CODE=1&FID_TRGT_CLS_CODE=111111111&FID_TRGT_EXLS_CLS_CODE=0000000000&FID_INPUT_PRICE_1=&\
         FID_INPUT_PRICE_2=&FID_VOL_CNT=&FID_INPUT_DATE_1=",
    ),
    case(
        "domestic_fluctuation",
        "domestic-stock/v1/ranking/fluctuation",
        "FHPST01700000",
        "fid_cond_mrkt_div_code=J&fid_cond_scr_div_code=20170&fid_input_iscd=0000&fid_rank_sort_cls_code=0&\
         fid_input_cnt_1=0&fid_prc_cls_code=1&fid_input_price_1=&fid_input_price_2=&fid_vol_cnt=&\
         fid_trgt_cls_code=0&fid_trgt_exls_cls_code=0&fid_div_cls_code=0&fid_rsfl_rate1=&fid_rsfl_rate2=",
    ),
    case(
        "domestic_inquire-balance_consistent",
        "domestic-stock/v1/trading/inquire-balance",
        "TTTC8434R",
        "CANO=12345678&ACNT_PRDT_CD=01&AFHR_FLPR_YN=N&INQR_DVSN=02&UNPR_DVSN=01&FUND_STTL_ICLD_YN=N&\
         FNCG_AMT_AUTO_RDPT_YN=N&PRCS_DVSN=00&CTX_AREA_FK100=&CTX_AREA_NK100=",
    ),
    case(
        "domestic_inquire-psbl-order",
        "domestic-stock/v1/trading/inquire-psbl-order",
        "TTTC8908R",
        "CANO=12345678&ACNT_PRDT_CD=01&PDNO=910010&ORD_UNPR=&ORD_DVSN=01&CMA_EVLU_AMT_ICLD_YN=N&OVRS_ICLD_YN=N",
    ),
    case(
        "domestic_inquire-psbl-sell",
        "domestic-stock/v1/trading/inquire-psbl-sell",
        "TTTC8408R",
        "CANO=12345678&ACNT_PRDT_CD=01&PDNO=910010",
    ),
    case(
        "domestic_inquire-daily-ccld_filled",
        "domestic-stock/v1/trading/inquire-daily-ccld",
        "TTTC0081R",
        KOREAN_ORDERS,
    ),
    case(
        "overseas_inquire-psamount",
        "overseas-stock/v1/trading/inquire-psamount",
        "TTTS3007R",
        "CANO=12345678&ACNT_PRDT_CD=01&OVRS_EXCG_CD=NASD&OVRS_ORD_UNPR=430&ITEM_CD=AAPL",
    ),
    case(
        "overseas_inquire-present-balance",
        "overseas-stock/v1/trading/inquire-present-balance",
        "CTRP6504R",
        "CANO=12345678&ACNT_PRDT_CD=01&WCRC_FRCR_DVSN_CD=01&NATN_CD=000&TR_MKET_CD=00&INQR_DVSN_CD=00",
    ),
    case("overseas_price_open", "overseas-price/v1/quotations/price", "HHDFS00000300", US_STOCK),
    case("overseas_price-detail", "overseas-price/v1/quotations/price-detail", "HHDFS76200200", US_STOCK),
    case(
        "overseas_inquire-asking-price",
        "overseas-price/v1/quotations/inquire-asking-price",
        "HHDFS76200100",
        US_STOCK,
    ),
    case(
        "overseas_dailyprice",
        "overseas-price/v1/quotations/dailyprice",
        "HHDFS76240000",
        "AUTH=&EXCD=NAS&SYMB=AAPL&GUBN=0&BYMD=&MODP=1",
    ),
    case(
        "overseas_inquire-time-itemchartprice",
        "overseas-price/v1/quotations/inquire-time-itemchartprice",
        "HHDFS76950200",
        "AUTH=&EXCD=NAS&SYMB=AAPL&NMIN=5&PINC=0&NEXT=&NREC=120&FILL=&KEYB=",
    ),
];

const MORE_CASES: [Case; 7] = [
    case(
        "overseas_inquire-search",
        "overseas-price/v1/quotations/inquire-search",
        "HHDFS76410000",
        "AUTH=&EXCD=NAS&KEYB=",
    ),
    case(
        "overseas_inquire-balance",
        "overseas-stock/v1/trading/inquire-balance",
        "TTTS3012R",
        "CANO=12345678&ACNT_PRDT_CD=01&OVRS_EXCG_CD=NASD&TR_CRCY_CD=USD&CTX_AREA_FK200=&CTX_AREA_NK200=",
    ),
    case(
        "overseas_inquire-nccs",
        "overseas-stock/v1/trading/inquire-nccs",
        "TTTS3018R",
        "CANO=12345678&ACNT_PRDT_CD=01&OVRS_EXCG_CD=NASD&SORT_SQN=DS&CTX_AREA_FK200=&CTX_AREA_NK200=",
    ),
    case(
        "overseas_inquire-ccnl",
        "overseas-stock/v1/trading/inquire-ccnl",
        "TTTS3035R",
        "CANO=12345678&ACNT_PRDT_CD=01&PDNO=%25&ORD_STRT_DT=20261124&ORD_END_DT=20261124&SLL_BUY_DVSN=00&\
         CCLD_NCCS_DVSN=00&OVRS_EXCG_CD=NASD&SORT_SQN=DS&ORD_DT=&ORD_GNO_BRNO=&ODNO=&CTX_AREA_NK200=&CTX_AREA_FK200=",
    ),
    case(
        "domestic_inquire-psbl-rvsecncl",
        "domestic-stock/v1/trading/inquire-psbl-rvsecncl",
        "TTTC0084R",
        "CANO=12345678&ACNT_PRDT_CD=01&CTX_AREA_FK100=&CTX_AREA_NK100=&INQR_DVSN_1=0&INQR_DVSN_2=0",
    ),
    case(
        "overseas_updown-rate",
        "overseas-stock/v1/ranking/updown-rate",
        "HHDFS76290000",
        "AUTH=&EXCD=NAS&NDAY=0&GUBN=1&VOL_RANG=0&KEYB=",
    ),
    case(
        "overseas_volume-surge",
        "overseas-stock/v1/ranking/volume-surge",
        "HHDFS76270000",
        "AUTH=&EXCD=NAS&MIXN=3&VOL_RANG=0&KEYB=",
    ),
];

/// Fields that the tables of KIS.md name and older reference bodies lack.
const NEWER_THAN_SAMPLES: [&str; 9] = [
    "excg_dvsn_cd",
    "excg_id_dvsn_cd",
    "excg_id_dvsn_name",
    "stpm_cndt_pric",
    "stpm_efct_occr_yn",
    "mang_issu_cls_code",
    "usa_amk_exts_rqst_yn",
    "splt_buy_attr_name",
    "trec",
];

fn reference(file: &str) -> Option<Value> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/reference/kis/examples");
    let text = std::fs::read_to_string(folder.join(format!("{file}.json"))).ok()?;
    serde_json::from_str(&text).ok()
}

/// Every field with its place, list elements folded together: `output1.pdno`.
fn fields(value: &Value, place: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, inner) in object {
                let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
                found.insert(place.clone());
                fields(inner, &place, found);
            }
        }
        Value::Array(rows) => rows.iter().for_each(|row| fields(row, place, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn fields_of(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    fields(value, "", &mut found);
    found
}

/// An account with a holding, a filled, an open and a cancelled order in both countries, in the American session.
async fn busy() -> World {
    let world = World::at("2026-11-24T05:00:00Z").await;
    world.buy("910010", 5, "0").await;
    world.minutes(10);
    let lower = world.korean_price("910010").await["stck_llam"].as_str().unwrap().to_owned();
    world.buy("910010", 5, &lower).await;
    world
}

async fn busy_in_america(world: &World) {
    world.minutes(10 * 60);
    world.us_order("TTTT1002U", "AAPL", 5, "480.00").await;
    world.us_order("TTTT1002U", "CRDN", 5, "30.00").await;
    world.minutes(10);
}

#[tokio::test]
async fn every_answer_has_the_fields_of_its_reference_body() {
    if reference("domestic_inquire-price").is_none() {
        assert_ne!(strict().as_deref(), Some("1"), "the reference bodies are missing");
        println!("skipped: ../shared/reference/kis/examples is not there");
        return;
    }
    let world = busy().await;
    let mut faults = Vec::new();
    let (korean, rest): (Vec<_>, Vec<_>) =
        CASES.iter().chain(&MORE_CASES).partition(|case| case.path.starts_with("domestic"));
    for case in korean {
        compare(&world, case, &mut faults).await;
    }
    busy_in_america(&world).await;
    for case in rest {
        compare(&world, case, &mut faults).await;
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn strict() -> Option<String> {
    std::env::var("KESTREL_STRICT").ok()
}

async fn compare(world: &World, case: &Case, faults: &mut Vec<String>) {
    let answer = world.get(&format!("/uapi/{}", case.path), case.tr_id, case.query).await;
    assert!(answer.is_ok(), "{}: {answer:?}", case.file);
    let Some(expected) = reference(case.file) else {
        return faults.push(format!("{}: no such file", case.file));
    };
    let (ours, theirs) = (fields_of(&answer.body), fields_of(&expected));
    let missing: Vec<_> = theirs.difference(&ours).collect();
    let newer = |field: &&String| !NEWER_THAN_SAMPLES.iter().any(|known| field.ends_with(known));
    let extra: Vec<_> = ours.difference(&theirs).filter(newer).collect();
    if !missing.is_empty() || !extra.is_empty() {
        faults.push(format!("{}: missing {missing:?}, extra {extra:?}", case.file));
    }
    check_texts(case.file, &answer.body, faults);
}

/// Every value is a text (KIS.md 2).
fn check_texts(file: &str, value: &Value, faults: &mut Vec<String>) {
    match value {
        Value::Object(object) => object.values().for_each(|inner| check_texts(file, inner, faults)),
        Value::Array(rows) => rows.iter().for_each(|row| check_texts(file, row, faults)),
        Value::String(_) => {}
        Value::Null | Value::Bool(_) | Value::Number(_) => faults.push(format!("{file}: {value} is no text")),
    }
}
