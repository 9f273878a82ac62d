//! Reports and facts: their figures agree with the books, with each other, and with what was shown before.

use rust_decimal::Decimal;
use serde_json::Value;

use super::world::{Answer, World, number};

const PROFIT: &str = "CANO=12345678&ACNT_PRDT_CD=01&SORT_DVSN=00&PDNO=&INQR_STRT_DT=20261124&INQR_END_DT=20261124&\
    CBLC_DVSN=00&CTX_AREA_FK100=&CTX_AREA_NK100=";
const BALANCE: &str = "CANO=12345678&ACNT_PRDT_CD=01&AFHR_FLPR_YN=N&INQR_DVSN=00&UNPR_DVSN=01&FUND_STTL_ICLD_YN=N&\
    FNCG_AMT_AUTO_RDPT_YN=N&PRCS_DVSN=00&COST_ICLD_YN=";
const SPLIT: &str = "/uapi/domestic-stock/v1/quotations/inquire-time-dailychartprice";

async fn ask(world: &World, path: &str, tr_id: &str, query: &str) -> Value {
    let answer = world.get(&format!("/uapi/{path}"), tr_id, query).await;
    assert!(answer.is_ok(), "{answer:?}");
    answer.body
}

#[tokio::test]
async fn the_profit_of_a_day_is_the_same_in_the_report_the_balance_and_the_books() {
    let world = World::at("2026-11-24T01:00:00Z").await;
    world.buy("910100", 10, "0").await;
    world.minutes(20);
    world.sell("910100", 4, "0").await;
    world.minutes(20);
    let report =
        ask(&world, "domestic-stock/v1/trading/inquire-period-trade-profit", "TTTC8715R", PROFIT).await;
    let (row, totals) = (&report["output1"][0], &report["output2"]);
    assert_eq!((&row["pdno"], &row["hldg_qty"]), (&"00000A910100".into(), &"6".into()));
    assert_eq!((&row["buy_qty"], &row["sll_qty"]), (&"10".into(), &"4".into()));
    let fees: Decimal = world.orders().iter().map(|order| order.fees).sum();
    assert_eq!(number(totals, "tot_fee") + number(totals, "tot_tltx"), fees);
    assert!(number(totals, "tot_tltx") > Decimal::ZERO, "a sale is taxed");
    let amount: Decimal = world.orders().iter().map(|order| order.amount).sum();
    assert_eq!(number(totals, "tot_tr_amt"), amount);
    let path = "domestic-stock/v1/trading/inquire-balance-rlz-pl";
    let with_costs = ask(&world, path, "TTTC8494R", &format!("{BALANCE}Y")).await;
    let without = ask(&world, path, "TTTC8494R", &format!("{BALANCE}N")).await;
    let [with_costs, without] = [&with_costs, &without].map(|body| number(&body["output2"][0], "rlzt_pfls"));
    assert!((with_costs - number(totals, "tot_rlzt_pfls")).abs() <= Decimal::ONE);
    assert!(without > with_costs);
    let empty = PROFIT.replace("PDNO=", "PDNO=910010");
    let none =
        world.get("/uapi/domestic-stock/v1/trading/inquire-period-trade-profit", "TTTC8715R", &empty).await;
    assert_eq!((none.code(), none.body["output1"].as_array().unwrap().len()), ("KIOK0560", 0));
}

#[tokio::test]
async fn american_transactions_tell_every_fee_and_settle_the_next_session() {
    let world = World::at("2026-11-24T15:00:00Z").await;
    world.us_order("TTTT1002U", "AAPL", 5, "480.00").await;
    world.minutes(10);
    world.us_order("TTTT1006U", "AAPL", 5, "300.00").await;
    world.minutes(10);
    let query = "CANO=12345678&ACNT_PRDT_CD=01&ERLM_STRT_DT=20261124&ERLM_END_DT=20261124&OVRS_EXCG_CD=&PDNO=&\
                 SLL_BUY_DVSN_CD=00&LOAN_DVSN_CD=&CTX_AREA_FK100=&CTX_AREA_NK100=";
    let body = ask(&world, "overseas-stock/v1/trading/inquire-period-trans", "CTOS4001R", query).await;
    let rows = body["output1"].as_array().unwrap();
    let orders = world.orders();
    assert_eq!(rows.len(), orders.len());
    for (row, order) in rows.iter().zip(&orders) {
        assert_eq!(number(row, "tr_frcr_amt2"), order.amount);
        assert_eq!(number(row, "dmst_frcr_fee1") + number(row, "frcr_fee1"), order.fees);
        assert_eq!((&row["trad_dt"], &row["sttl_dt"]), (&"20261124".into(), &"20261125".into()));
    }
    let made = rows.iter().fold(Decimal::ZERO, |sum, row| {
        let settled = number(row, "frcr_excc_amt_1");
        if row["sll_buy_dvsn_cd"] == "01" { sum + settled } else { sum - settled }
    });
    assert_eq!(world.cash(domain::Currency::Usd), Decimal::from(75_000) + made);
    let query = "CANO=12345678&ACNT_PRDT_CD=01&OVRS_EXCG_CD=NASD&NATN_CD=&CRCY_CD=&PDNO=&INQR_STRT_DT=20261124&\
                 INQR_END_DT=20261124&WCRC_FRCR_DVSN_CD=01&CTX_AREA_FK200=&CTX_AREA_NK200=";
    let profit = ask(&world, "overseas-stock/v1/trading/inquire-period-profit", "TTTS3039R", query).await;
    let buying = orders[0].fees;
    assert_eq!(
        number(&profit["output2"], "ovrs_rlzt_pfls_tot_amt"),
        made + buying,
        "buying fees are no part of it"
    );
}

#[tokio::test]
async fn yesterdays_minutes_are_those_that_were_shown_yesterday() {
    let world = World::at("2026-11-24T05:00:00Z").await;
    let today = "FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD=910010&FID_INPUT_HOUR_1=100000&FID_PW_DATA_INCU_YN=N&\
                 FID_ETC_CLS_CODE=";
    let path = "domestic-stock/v1/quotations/inquire-time-itemchartprice";
    let shown = ask(&world, path, "FHKST03010200", today).await;
    world.minutes(20 * 60);
    let past = "FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD=910010&FID_INPUT_HOUR_1=100000&FID_INPUT_DATE_1=20261124&\
                FID_PW_DATA_INCU_YN=N&FID_FAKE_TICK_INCU_YN=";
    let told = ask(&world, &SPLIT[6..], "FHKST03010230", past).await;
    let (shown, told) = (shown["output2"].as_array().unwrap(), told["output2"].as_array().unwrap());
    assert_eq!((shown.len(), told.len()), (30, 61));
    assert_eq!(shown[..], told[..30]);
    let both = past.replace("INCU_YN=N", "INCU_YN=Y");
    let two_days = ask(&world, &SPLIT[6..], "FHKST03010230", &both).await;
    assert_eq!(two_days["output2"].as_array().unwrap().len(), 120);
    let later = past.replace("20261124", "20261126");
    let none = ask(&world, &SPLIT[6..], "FHKST03010230", &later).await;
    assert!(none["output2"].as_array().unwrap().is_empty(), "tomorrow is not told");
}

#[tokio::test]
async fn rankings_come_best_first_and_within_their_bounds() {
    let world = World::at("2026-11-24T18:00:00Z").await;
    let ask = async |name: &str, tr_id: &str, more: &str| {
        let query = format!("AUTH=&EXCD=NAS&VOL_RANG=0&KEYB=&{more}");
        ask(&world, &format!("overseas-stock/v1/ranking/{name}"), tr_id, &query).await
    };
    for (name, tr_id, more, field) in [
        ("trade-vol", "HHDFS76310010", "NDAY=0&PRC1=&PRC2=", "tvol"),
        ("trade-pbmn", "HHDFS76320010", "NDAY=0&PRC1=&PRC2=", "tamt"),
        ("trade-growth", "HHDFS76330000", "NDAY=5", "n_rate"),
        ("trade-turnover", "HHDFS76340000", "NDAY=0", "tover"),
        ("volume-power", "HHDFS76280000", "NDAY=0", "powx"),
        ("market-cap", "HHDFS76350100", "", "tomv"),
        ("price-fluct", "HHDFS76260000", "GUBN=1&MIXN=4", "n_rate"),
    ] {
        let body = ask(name, tr_id, more).await;
        let figures: Vec<Decimal> =
            body["output2"].as_array().unwrap().iter().map(|row| number(row, field)).collect();
        assert!(figures.len() > 5, "{name}");
        assert!(figures.is_sorted_by(|left, right| left >= right), "{name}: {figures:?}");
    }
    let cheap = ask("trade-vol", "HHDFS76310010", "NDAY=0&PRC1=10&PRC2=50").await;
    let prices: Vec<Decimal> =
        cheap["output2"].as_array().unwrap().iter().map(|row| number(row, "last")).collect();
    assert!(!prices.is_empty());
    assert!(prices.iter().all(|price| (Decimal::from(10)..=Decimal::from(50)).contains(price)), "{prices:?}");
    let weights = ask("market-cap", "HHDFS76350100", "").await;
    let all: Decimal = weights["output2"].as_array().unwrap().iter().map(|row| number(row, "grav")).sum();
    assert!((all - Decimal::ONE_HUNDRED).abs() < Decimal::ONE, "{all}");
}

#[tokio::test]
async fn an_index_moves_with_its_stocks_and_a_rate_is_the_one_that_is_posted() {
    let world = World::at("2026-11-24T18:00:00Z").await;
    let path = "overseas-price/v1/quotations/inquire-daily-chartprice";
    let query = |kind: &str, symbol: &str| {
        format!(
            "FID_COND_MRKT_DIV_CODE={kind}&FID_INPUT_ISCD={symbol}&FID_INPUT_DATE_1=20260101&\
             FID_INPUT_DATE_2=20261124&FID_PERIOD_DIV_CODE=D"
        )
    };
    let index = ask(&world, path, "FHKST03030100", &query("N", "COMP")).await;
    let rows = index["output2"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[0]["stck_bsop_date"]), (100, &"20261124".into()));
    assert_eq!(rows[0]["ovrs_nmix_prpr"], index["output1"]["ovrs_nmix_prpr"]);
    let before = number(&index["output1"], "ovrs_nmix_prdy_clpr");
    assert_eq!(before, Decimal::from(10_000), "all stocks end the day before at their references");
    let rate = ask(&world, path, "FHKST03030100", &query("X", "FX@KRW")).await;
    assert_eq!(rate["output1"]["ovrs_nmix_prpr"], "1450.00");
    let unknown: Answer = world.get(&format!("/uapi/{path}"), "FHKST03030100", &query("N", "NIX")).await;
    assert_eq!(unknown.code(), "MCA05918");
}

#[tokio::test]
async fn settlement_dates_are_told_for_the_markets_that_trade_alone() {
    let world = World::at("2026-11-24T01:00:00Z").await;
    let path = "overseas-stock/v1/quotations/countries-holiday";
    let body = ask(&world, path, "CTOS5011R", "TRAD_DT=20261124&CTX_AREA_NK=&CTX_AREA_FK=").await;
    let row = |kind: &str| {
        let rows = body["output"].as_array().unwrap();
        rows.iter().find(|row| row["prdt_type_cd"] == kind).unwrap().clone()
    };
    assert_eq!(
        (&row("512")["acpl_sttl_dt"], &row("512")["dmst_sttl_dt"]),
        (&"20261125".into(), &"20261126".into())
    );
    assert_eq!(row("515")["acpl_sttl_dt"], "20261126");
    let weekend = "TRAD_DT=20261128&CTX_AREA_NK=&CTX_AREA_FK=";
    let none = world.get(&format!("/uapi/{path}"), "CTOS5011R", weekend).await;
    assert_eq!((none.code(), none.body["output"].as_array().unwrap().len()), ("KIOK0560", 0));
}

#[tokio::test]
async fn a_korean_ranking_keeps_to_the_bounds_that_it_is_asked_for() {
    let world = World::at("2026-11-24T04:00:00Z").await;
    let ask = async |index: &str, price: &str, rate: &str, volume: &str, against: &str| {
        let query = format!(
            "fid_cond_mrkt_div_code=J&fid_cond_scr_div_code=20170&fid_input_iscd={index}&fid_rank_sort_cls_code=0&\
             fid_input_cnt_1=0&fid_prc_cls_code={against}&fid_input_price_1={price}&fid_input_price_2=&\
             fid_vol_cnt={volume}&fid_trgt_cls_code=0&fid_trgt_exls_cls_code=0&fid_div_cls_code=0&\
             fid_rsfl_rate1={rate}&fid_rsfl_rate2="
        );
        let body = ask(&world, "domestic-stock/v1/ranking/fluctuation", "FHPST01700000", &query).await;
        body["output"].as_array().unwrap().clone()
    };
    let all = ask("0000", "", "", "", "1").await;
    assert_eq!(all.len(), 12);
    let dear = ask("0001", "50000", "", "", "1").await;
    assert!((1..all.len()).contains(&dear.len()));
    assert!(dear.iter().all(|row| number(row, "stck_prpr") >= Decimal::from(50_000)));
    let risen = ask("0000", "", "0.5", "", "1").await;
    assert!(risen.iter().all(|row| number(row, "prdy_ctrt") >= Decimal::new(5, 1)));
    assert!(risen.len() < all.len());
    let busy = ask("0000", "", "", "1000000", "1").await;
    assert!(busy.iter().all(|row| number(row, "acml_vol") >= Decimal::from(1_000_000)));
    assert!(ask("1001", "", "", "", "1").await.is_empty(), "no stock here is of KOSDAQ");
    let from_low = ask("0000", "", "", "", "0").await;
    let rates: Vec<Decimal> = from_low.iter().map(|row| number(row, "lwpr_vrss_prpr_rate")).collect();
    assert!(rates.is_sorted_by(|left, right| left >= right), "{rates:?}");
}

#[tokio::test]
async fn an_hour_that_is_still_to_come_repeats_the_last_price_without_volume() {
    let world = World::at("2026-11-24T01:00:00Z").await;
    let ask = async |hour: &str| {
        let query = format!(
            "FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD=910010&FID_INPUT_HOUR_1={hour}&FID_PW_DATA_INCU_YN=N&\
             FID_ETC_CLS_CODE="
        );
        let path = "domestic-stock/v1/quotations/inquire-time-itemchartprice";
        let body = ask(&world, path, "FHKST03010200", &query).await;
        body["output2"].as_array().unwrap().clone()
    };
    let now = ask("100000").await;
    let ahead = ask("100300").await;
    assert_eq!((&now[0]["stck_cntg_hour"], now.len()), (&"100000".into(), 30));
    assert_eq!(ahead[3], now[0], "the minute that is now is told alike");
    for row in &ahead[..3] {
        assert_eq!((&row["cntg_vol"], &row["stck_prpr"]), (&"0".into(), &now[0]["stck_prpr"]));
    }
    let evening = ask("235959").await;
    assert_eq!(evening[0]["stck_cntg_hour"], "153000", "nothing is told beyond the close");
    world.minutes(6 * 60);
    assert_ne!(ask("235959").await[0]["cntg_vol"], "0", "after the close nothing is still to come");
}

#[tokio::test]
async fn minutes_abroad_are_paged_back_over_the_days_before() {
    let world = World::at("2026-11-24T15:30:00Z").await;
    let path = "overseas-price/v1/quotations/inquire-time-itemchartprice";
    let ask = async |earlier: &str, key: &str| {
        let query = format!("AUTH=&EXCD=NAS&SYMB=AAPL&NMIN=5&PINC={earlier}&NEXT=&NREC=120&FILL=&KEYB={key}");
        ask(&world, path, "HHDFS76950200", &query).await
    };
    let today = ask("0", "").await;
    assert_eq!((today["output2"].as_array().unwrap().len(), &today["output1"]["next"]), (13, &"0".into()));
    let page = ask("1", "").await;
    let rows = page["output2"].as_array().unwrap();
    assert_eq!((rows.len(), &page["output1"]["next"]), (120, &"1".into()));
    assert_eq!(rows[..13], today["output2"].as_array().unwrap()[..]);
    assert_eq!((&rows[13]["tymd"], &rows[13]["xhms"]), (&"20261123".into(), &"160000".into()));
    let moment = |row: &Value| format!("{}{}", row["xymd"].as_str().unwrap(), row["xhms"].as_str().unwrap());
    assert!(rows.iter().map(&moment).collect::<Vec<_>>().is_sorted_by(|newer, older| newer > older));
    let oldest = moment(&rows[119]);
    let next = ask("1", &oldest).await;
    assert_eq!(next["output2"][0], rows[119], "the key is the first bar of the page");
    assert_ne!(next["output2"][1], rows[119]);
}
