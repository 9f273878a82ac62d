//! Inquiries: paging, balances, charts and rankings.

use rust_decimal::Decimal;
use serde_json::Value;

use super::world::{KOREAN_OPEN, KOREAN_ORDERS, Setting, US_OPEN, World, number};
use crate::simulator::Environment;

const CCLD: &str = "/uapi/domestic-stock/v1/trading/inquire-daily-ccld";
const CCNL: &str = "/uapi/overseas-stock/v1/trading/inquire-ccnl";
const BALANCE: &str = "/uapi/domestic-stock/v1/trading/inquire-balance";
const BALANCE_QUERY: &str = "CANO=12345678&ACNT_PRDT_CD=01&AFHR_FLPR_YN=N&OFL_YN=&INQR_DVSN=02&UNPR_DVSN=01&\
     FUND_STTL_ICLD_YN=N&FNCG_AMT_AUTO_RDPT_YN=N&PRCS_DVSN=00&CTX_AREA_FK100=&CTX_AREA_NK100=";

/// Asks page after page as KIS.md 3.3 says; before the second page `between` happens.
async fn pages(
    world: &World,
    path: &str,
    tr_id: &str,
    first: &str,
    width: &str,
    rows: &str,
) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    let (mut query, mut headers) = (first.to_owned(), world.headers(tr_id));
    loop {
        let answer = world.get_with(path, &query, headers.clone()).await;
        assert!(answer.is_ok(), "{answer:?}");
        pages.push(answer.body[rows].as_array().unwrap().clone());
        assert!(pages.len() < 20, "the pages never end");
        if answer.continuation != "M" {
            assert_eq!(answer.continuation, "D");
            return pages;
        }
        let [filter, next] =
            ["fk", "nk"].map(|key| answer.body[format!("ctx_area_{key}{width}")].as_str().unwrap());
        assert_eq!([filter.len(), next.len()], [width.parse::<usize>().unwrap(); 2]);
        let blank = |key: &str| format!("CTX_AREA_{key}{width}=");
        query = first.replace(&blank("FK"), &format!("{}{filter}", blank("FK")));
        query = query.replace(&blank("NK"), &format!("{}{next}", blank("NK")));
        headers = world.headers(tr_id);
        headers.push(("tr_cont", "N".into()));
        // An order that arrives meanwhile must neither repeat nor hide a row.
        world.buy("910100", 1, "50000").await;
    }
}

fn numbers(pages: &[Vec<Value>]) -> Vec<u64> {
    pages.concat().iter().map(|row| row["odno"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn korean_orders_are_paged_to_the_end_newest_first() {
    let world = World::at(KOREAN_OPEN).await;
    for _ in 0..230 {
        assert!(world.buy("910100", 1, "50000").await.is_ok());
    }
    let pages = pages(&world, CCLD, "TTTC0081R", KOREAN_ORDERS, "100", "output1").await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [100, 100, 30]);
    assert_eq!(numbers(&pages), (1..=230).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn us_orders_are_paged_to_the_end_oldest_first() {
    let world = World::at(US_OPEN).await;
    for _ in 0..45 {
        assert!(world.us_order("TTTT1002U", "CRDN", 1, "30.00").await.is_ok());
    }
    let query = "CANO=12345678&ACNT_PRDT_CD=01&PDNO=%25&ORD_STRT_DT=20261123&ORD_END_DT=20261124&SLL_BUY_DVSN=00&\
                 CCLD_NCCS_DVSN=00&OVRS_EXCG_CD=NASD&SORT_SQN=DS&ORD_DT=&ORD_GNO_BRNO=&ODNO=&CTX_AREA_NK200=&\
                 CTX_AREA_FK200=";
    let pages = pages(&world, CCNL, "TTTS3035R", query, "200", "output").await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [20, 20, 5]);
    assert!(numbers(&pages).windows(2).all(|pair| pair[1] == pair[0] + 1), "{:?}", numbers(&pages));
    let row = &pages[0][0];
    assert_eq!((&row["ord_dt"], &row["dmst_ord_dt"]), (&"20261124".into(), &"20261124".into()));
    assert_eq!((&row["prcs_stat_name"], &row["nccs_qty"]), (&"전송".into(), &"1".into()));
}

#[tokio::test]
async fn the_paper_host_pages_by_fifteen() {
    let world = World::of(Setting { environment: Environment::Paper, ..Setting::default() }).await;
    for _ in 0..16 {
        assert!(world.korean_order("VTTC0012U", "910100", 1, "50000").await.is_ok());
    }
    let pages = pages(&world, CCLD, "VTTC0081R", KOREAN_ORDERS, "100", "output1").await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [15, 1]);
}

#[tokio::test]
async fn without_orders_the_us_list_is_one_object_of_blanks() {
    let world = World::at(US_OPEN).await;
    let query = "CANO=12345678&ACNT_PRDT_CD=01&PDNO=&ORD_STRT_DT=20261123&ORD_END_DT=20261124&SLL_BUY_DVSN=00&\
                 CCLD_NCCS_DVSN=00&OVRS_EXCG_CD=&SORT_SQN=DS&ORD_DT=&ORD_GNO_BRNO=&ODNO=&CTX_AREA_NK200=&\
                 CTX_AREA_FK200=";
    let answer = world.get(CCNL, "TTTS3035R", query).await;
    assert_eq!((answer.code(), &answer.body["output"]["odno"]), ("KIOK0560", &"".into()));
}

#[tokio::test]
async fn the_korean_balance_adds_up_and_knows_what_changed_since_yesterday() {
    let world = World::at(KOREAN_OPEN).await;
    world.buy("910010", 100, "0").await;
    world.minutes(30);
    world.sell("910010", 40, "90000").await;
    let answer = world.get(BALANCE, "TTTC8434R", BALANCE_QUERY).await;
    let (row, total) = (&answer.body["output1"][0], &answer.body["output2"][0]);
    assert_eq!((&row["hldg_qty"], &row["thdt_buyqty"]), (&"100".into(), &"100".into()));
    assert_eq!(row["ord_psbl_qty"], if number(total, "thdt_sll_amt").is_zero() { "60" } else { "100" });
    assert_eq!(
        number(total, "tot_evlu_amt"),
        number(total, "scts_evlu_amt") + number(total, "prvs_rcdl_excc_amt")
    );
    assert_eq!(number(total, "evlu_amt_smtl_amt"), number(row, "evlu_amt"));
    assert_eq!(number(total, "bfdy_tot_asst_evlu_amt"), Decimal::from(100_000_000));
    let spent = number(total, "thdt_buy_amt") + number(total, "thdt_tlex_amt");
    let deposits =
        |total: &Value| ["dnca_tot_amt", "nxdy_excc_amt", "prvs_rcdl_excc_amt"].map(|day| number(total, day));
    let (all, left) = (Decimal::from(100_000_000), Decimal::from(100_000_000) - spent);
    assert_eq!(deposits(total), [all, all, left], "a trade settles after two sessions");
    world.minutes(23 * 60);
    let tomorrow = world.get(BALANCE, "TTTC8434R", BALANCE_QUERY).await;
    let total = &tomorrow.body["output2"][0];
    assert_ne!(number(total, "bfdy_tot_asst_evlu_amt"), Decimal::from(100_000_000));
    assert_eq!(tomorrow.body["output1"][0]["bfdy_buy_qty"], "100");
    assert_eq!(deposits(total)[..2], [all, deposits(total)[2]]);
}

#[tokio::test]
async fn the_buyable_quantity_is_taken_to_the_last_share_and_not_one_more() {
    let world = World::at(KOREAN_OPEN).await;
    let path = "/uapi/domestic-stock/v1/trading/inquire-psbl-order";
    let query = "CANO=12345678&ACNT_PRDT_CD=01&PDNO=910010&ORD_UNPR=70000&ORD_DVSN=00&CMA_EVLU_AMT_ICLD_YN=N&\
                 OVRS_ICLD_YN=N";
    let answer = world.get(path, "TTTC8908R", query).await;
    let most = number(&answer.body["output"], "nrcvb_buy_qty");
    assert_eq!(world.buy("910010", 1 + u64::try_from(most).unwrap(), "70000").await.code(), "APBK0952");
    assert!(world.buy("910010", u64::try_from(most).unwrap(), "70000").await.is_ok());
    let us = World::at(US_OPEN).await;
    let path = "/uapi/overseas-stock/v1/trading/inquire-psamount";
    let query = "CANO=12345678&ACNT_PRDT_CD=01&OVRS_EXCG_CD=NASD&OVRS_ORD_UNPR=430.00&ITEM_CD=AAPL";
    let answer = us.get(path, "TTTS3007R", query).await;
    let most = number(&answer.body["output"], "max_ord_psbl_qty");
    assert_eq!(
        us.us_order("TTTT1002U", "AAPL", 1 + u64::try_from(most).unwrap(), "430.00").await.code(),
        "APBK0952"
    );
    assert!(us.us_order("TTTT1002U", "AAPL", u64::try_from(most).unwrap(), "430.00").await.is_ok());
}

#[tokio::test]
async fn the_us_balance_has_a_blank_row_at_its_end_and_present_balance_the_cash() {
    let world = World::at(US_OPEN).await;
    world.us_order("TTTT1002U", "AAPL", 10, "470.00").await;
    world.minutes(20);
    let path = "/uapi/overseas-stock/v1/trading/inquire-balance";
    let query =
        "CANO=12345678&ACNT_PRDT_CD=01&OVRS_EXCG_CD=NASD&TR_CRCY_CD=USD&CTX_AREA_FK200=&CTX_AREA_NK200=";
    let answer = world.get(path, "TTTS3012R", query).await;
    let rows = answer.body["output1"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[0]["ovrs_cblc_qty"], &rows[1]["ovrs_pdno"]), (2, &"10".into(), &"".into()));
    let path = "/uapi/overseas-stock/v1/trading/inquire-present-balance";
    let query =
        "CANO=12345678&ACNT_PRDT_CD=01&WCRC_FRCR_DVSN_CD=02&NATN_CD=000&TR_MKET_CD=00&INQR_DVSN_CD=00";
    let answer = world.get(path, "CTRP6504R", query).await;
    let cash = number(&answer.body["output2"][0], "frcr_dncl_amt_2");
    assert_eq!(cash, world.cash(domain::Currency::Usd));
    assert_eq!(number(&answer.body["output1"][0], "ccld_qty_smtl1"), Decimal::from(10));
}

#[tokio::test]
async fn charts_have_a_hundred_bars_a_page_and_go_back_a_year() {
    let world = World::at(KOREAN_OPEN).await;
    world.minutes(60);
    let path = "/uapi/domestic-stock/v1/quotations/inquire-daily-itemchartprice";
    let mut until = "20261124".to_owned();
    let mut bars = 0;
    loop {
        let query = format!(
            "FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD=910030&FID_INPUT_DATE_1=20250101&FID_INPUT_DATE_2={until}&\
             FID_PERIOD_DIV_CODE=D&FID_ORG_ADJ_PRC=0"
        );
        let answer = world.get(path, "FHKST03010100", &query).await;
        let rows = answer.body["output2"].as_array().unwrap().clone();
        let Some(oldest) = rows.last() else { break };
        bars += rows.len();
        let date: chrono::NaiveDate =
            chrono::NaiveDate::parse_from_str(oldest["stck_bsop_date"].as_str().unwrap(), "%Y%m%d").unwrap();
        until = date.pred_opt().unwrap().format("%Y%m%d").to_string();
    }
    assert_eq!(bars, 281);
}

#[tokio::test]
async fn us_quotes_know_signs_and_answer_strangers_with_blanks() {
    let world = World::at(US_OPEN).await;
    world.minutes(45);
    let path = "/uapi/overseas-price/v1/quotations/price";
    let known = world.get(path, "HHDFS00000300", "AUTH=&EXCD=NAS&SYMB=VLTR").await;
    let output = &known.body["output"];
    let move_ = number(output, "last") - number(output, "base");
    assert_eq!(number(output, "diff"), move_.abs());
    assert_eq!(output["rsym"], "DNASVLTR");
    for query in ["AUTH=&EXCD=NASD&SYMB=VLTR", "AUTH=&EXCD=NAS&SYMB=ZZZZ", "AUTH=&EXCD=NYS&SYMB=VLTR"] {
        let stranger = world.get(path, "HHDFS00000300", query).await;
        assert!(stranger.is_ok() && stranger.body["output"]["last"] == "", "{stranger:?}");
    }
}

#[tokio::test]
async fn rankings_are_sorted_and_find_lively_stocks() {
    let world = World::at(US_OPEN).await;
    world.minutes(120);
    let path = "/uapi/overseas-stock/v1/ranking/updown-rate";
    let answer = world.get(path, "HHDFS76290000", "AUTH=&EXCD=NAS&NDAY=0&GUBN=1&VOL_RANG=0&KEYB=").await;
    let rates: Vec<Decimal> =
        answer.body["output2"].as_array().unwrap().iter().map(|row| number_of(&row["rate"])).collect();
    assert_eq!(rates.len(), 12);
    assert!(rates.windows(2).all(|pair| pair[0] >= pair[1]), "{rates:?}");
    let path = "/uapi/overseas-stock/v1/ranking/volume-surge";
    let answer = world.get(path, "HHDFS76270000", "AUTH=&EXCD=NAS&MIXN=4&VOL_RANG=0&KEYB=").await;
    assert!(number_of(&answer.body["output2"][0]["n_rate"]) > Decimal::ZERO);
}

#[tokio::test]
async fn the_korean_ranking_takes_one_digit_to_sort_by() {
    let world = World::at(KOREAN_OPEN).await;
    world.minutes(120);
    let path = "/uapi/domestic-stock/v1/ranking/fluctuation";
    let query = "fid_cond_mrkt_div_code=J&fid_cond_scr_div_code=20170&fid_input_iscd=0000&fid_rank_sort_cls_code=0&\
                 fid_input_cnt_1=0&fid_prc_cls_code=1&fid_input_price_1=&fid_input_price_2=&fid_vol_cnt=&\
                 fid_trgt_cls_code=0&fid_trgt_exls_cls_code=0&fid_div_cls_code=0&fid_rsfl_rate1=&fid_rsfl_rate2=";
    let answer = world.get(path, "FHPST01700000", query).await;
    assert!(number(&answer.body["output"][0], "prdy_ctrt") > Decimal::ONE, "{answer:?}");
    let wrong =
        world.get(path, "FHPST01700000", &query.replace("sort_cls_code=0", "sort_cls_code=0000")).await;
    assert_eq!(wrong.code(), "OPSQ2002");
}

#[tokio::test]
async fn the_condition_search_works_on_paper_and_keeps_to_its_bounds() {
    let world =
        World::of(Setting { start: US_OPEN, environment: Environment::Paper, ..Setting::default() }).await;
    world.minutes(120);
    let path = "/uapi/overseas-price/v1/quotations/inquire-search";
    let all = world.get(path, "HHDFS76410000", "AUTH=&EXCD=NAS&KEYB=").await;
    assert_eq!(all.body["output2"].as_array().unwrap().len(), 12);
    let query = "AUTH=&EXCD=NAS&KEYB=&CO_YN_RATE=1&CO_ST_RATE=-1&CO_EN_RATE=1&CO_YN_PRICECUR=1&CO_ST_PRICECUR=20&\
                 CO_EN_PRICECUR=900";
    let some = world.get(path, "HHDFS76410000", query).await;
    let rows = some.body["output2"].as_array().unwrap();
    assert!(!rows.is_empty() && rows.len() < 12);
    assert!(rows.iter().all(|row| number_of(&row["rate"]).abs() <= Decimal::ONE), "{rows:?}");
    let volumes: Vec<Decimal> = rows.iter().map(|row| number(row, "tvol")).collect();
    assert!(volumes.windows(2).all(|pair| pair[0] >= pair[1]));
}

fn number_of(value: &Value) -> Decimal {
    value.as_str().unwrap().trim().trim_start_matches('+').parse().unwrap()
}

#[tokio::test]
async fn a_page_follows_only_the_context_that_the_last_one_gave_letter_for_letter() {
    let world = World::at(KOREAN_OPEN).await;
    for _ in 0..101 {
        world.buy("910100", 1, "50000").await;
    }
    let first = world.get(CCLD, "TTTC0081R", KOREAN_ORDERS).await;
    let [filter, next] = ["fk", "nk"].map(|key| first.body[format!("ctx_area_{key}100")].as_str().unwrap());
    let ask = async |filter: &str, next: &str| {
        let query = KOREAN_ORDERS
            .replace("CTX_AREA_FK100=", &format!("CTX_AREA_FK100={filter}"))
            .replace("CTX_AREA_NK100=", &format!("CTX_AREA_NK100={next}"));
        let mut headers = world.headers("TTTC0081R");
        headers.push(("tr_cont", "N".into()));
        world.get_with(CCLD, &query, headers).await
    };
    for [filter, next] in [[filter.trim_end(), next], [filter, next.trim_end()], [filter, ""], ["", next]] {
        assert_eq!(ask(filter, next).await.code(), "OPSQ2002", "'{filter}' '{next}'");
    }
    assert_eq!(ask(filter, next).await.body["output1"].as_array().unwrap().len(), 1);
}
