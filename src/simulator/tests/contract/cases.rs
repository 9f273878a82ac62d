//! What is asked for each shape.

/// When a case is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// In the afternoon in Korea, with holdings, sales, open and cancelled orders there.
    Korea,
    /// In New York's morning after that, with the same there.
    America,
    /// In an account without any orders.
    Fresh,
}

/// One inquiry and the shape of its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    /// The section of the table, and the name of the reference body.
    pub(super) shape: &'static str,
    pub(super) moment: Moment,
    /// Below `/uapi/`.
    pub(super) path: &'static str,
    pub(super) tr_id: &'static str,
    pub(super) query: &'static str,
    /// Why the answer has no rows here, where it has none.
    pub(super) empty: Option<&'static str>,
}

const fn korea(shape: &'static str, path: &'static str, tr_id: &'static str, query: &'static str) -> Case {
    Case { shape, moment: Moment::Korea, path, tr_id, query, empty: None }
}

const fn america(shape: &'static str, path: &'static str, tr_id: &'static str, query: &'static str) -> Case {
    Case { shape, moment: Moment::America, path, tr_id, query, empty: None }
}

const STOCK: &str = "FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD=910010";
const US_STOCK: &str = "AUTH=&EXCD=NAS&SYMB=AAPL";
const DAYS: &str = "AUTH=&EXCD=NAS&NDAY=4&VOL_RANG=0&KEYB=";
const BALANCE: &str = "CANO=12345678&ACNT_PRDT_CD=01&AFHR_FLPR_YN=N&INQR_DVSN=02&UNPR_DVSN=01&FUND_STTL_ICLD_YN=N&\
    FNCG_AMT_AUTO_RDPT_YN=N&PRCS_DVSN=00&COST_ICLD_YN=Y&CTX_AREA_FK100=&CTX_AREA_NK100=";
const CCNL: &str = "CANO=12345678&ACNT_PRDT_CD=01&PDNO=%25&ORD_STRT_DT=20261124&ORD_END_DT=20261124&SLL_BUY_DVSN=00&\
    CCLD_NCCS_DVSN=00&OVRS_EXCG_CD=NASD&SORT_SQN=DS&ORD_DT=&ORD_GNO_BRNO=&ODNO=&CTX_AREA_NK200=&CTX_AREA_FK200=";

pub(super) const KOREAN: [Case; 24] = [
    korea("domestic_inquire-price", "domestic-stock/v1/quotations/inquire-price", "FHKST01010100", STOCK),
    korea(
        "domestic_inquire-asking-price-exp-ccn",
        "domestic-stock/v1/quotations/inquire-asking-price-exp-ccn",
        "FHKST01010200",
        STOCK,
    ),
    korea(
        "domestic_inquire-daily-price",
        "domestic-stock/v1/quotations/inquire-daily-price",
        "FHKST01010400",
        "FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD=910010&FID_PERIOD_DIV_CODE=D&FID_ORG_ADJ_PRC=0",
    ),
    korea(
        "domestic_inquire-daily-itemchartprice",
        "domestic-stock/v1/quotations/inquire-daily-itemchartprice",
        "FHKST03010100",
        "FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD=910010&FID_INPUT_DATE_1=20260101&FID_INPUT_DATE_2=20261124&\
         FID_PERIOD_DIV_CODE=D&FID_ORG_ADJ_PRC=0",
    ),
    korea(
        "domestic_inquire-time-itemchartprice",
        "domestic-stock/v1/quotations/inquire-time-itemchartprice",
        "FHKST03010200",
        "FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD=910010&FID_INPUT_HOUR_1=120000&FID_PW_DATA_INCU_YN=N&\
         FID_ETC_CLS_CODE=",
    ),
    korea(
        "domestic_inquire-time-dailychartprice",
        "domestic-stock/v1/quotations/inquire-time-dailychartprice",
        "FHKST03010230",
        "FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD=910010&FID_INPUT_HOUR_1=100000&FID_INPUT_DATE_1=20261123&\
         FID_PW_DATA_INCU_YN=Y&FID_FAKE_TICK_INCU_YN=",
    ),
    korea(
        "domestic_volume-rank",
        "domestic-stock/v1/quotations/volume-rank",
        "FHPST01710000",
        "FID_COND_MRKT_DIV_CODE=J&FID_COND_SCR_DIV_CODE=20171&FID_INPUT_ISCD=0000&FID_DIV_CLS_CODE=0&\
         FID_BLNG_CLS_CODE=1&FID_TRGT_CLS_CODE=111111111&FID_TRGT_EXLS_CLS_CODE=0000000000&FID_INPUT_PRICE_1=&\
         FID_INPUT_PRICE_2=&FID_VOL_CNT=&FID_INPUT_DATE_1=",
    ),
    korea(
        "domestic_fluctuation",
        "domestic-stock/v1/ranking/fluctuation",
        "FHPST01700000",
        "fid_cond_mrkt_div_code=J&fid_cond_scr_div_code=20170&fid_input_iscd=0000&fid_rank_sort_cls_code=0&\
         fid_input_cnt_1=0&fid_prc_cls_code=1&fid_input_price_1=&fid_input_price_2=&fid_vol_cnt=&\
         fid_trgt_cls_code=0&fid_trgt_exls_cls_code=0&fid_div_cls_code=0&fid_rsfl_rate1=&fid_rsfl_rate2=",
    ),
    korea(
        "domestic_chk-holiday",
        "domestic-stock/v1/quotations/chk-holiday",
        "CTCA0903R",
        "BASS_DT=20261124&CTX_AREA_NK=&CTX_AREA_FK=",
    ),
    korea("domestic_market-time", "domestic-stock/v1/quotations/market-time", "HHMCM000002C0", ""),
    Case {
        empty: Some("no stock is ever interrupted here"),
        ..korea(
            "domestic_inquire-vi-status",
            "domestic-stock/v1/quotations/inquire-vi-status",
            "FHPST01390000",
            "FID_DIV_CLS_CODE=0&FID_COND_SCR_DIV_CODE=20139&FID_MRKT_CLS_CODE=0&FID_INPUT_ISCD=&\
             FID_RANK_SORT_CLS_CODE=0&FID_INPUT_DATE_1=20261124&FID_TRGT_CLS_CODE=&FID_TRGT_EXLS_CLS_CODE=",
        )
    },
    korea(
        "domestic_search-info",
        "domestic-stock/v1/quotations/search-info",
        "CTPF1604R",
        "PDNO=AAPL&PRDT_TYPE_CD=512",
    ),
    korea(
        "domestic_search-stock-info",
        "domestic-stock/v1/quotations/search-stock-info",
        "CTPF1002R",
        "PDNO=910010&PRDT_TYPE_CD=300",
    ),
    korea("domestic_inquire-balance", "domestic-stock/v1/trading/inquire-balance", "TTTC8434R", BALANCE),
    korea(
        "domestic_inquire-balance-rlz-pl",
        "domestic-stock/v1/trading/inquire-balance-rlz-pl",
        "TTTC8494R",
        BALANCE,
    ),
    korea(
        "domestic_inquire-psbl-order",
        "domestic-stock/v1/trading/inquire-psbl-order",
        "TTTC8908R",
        "CANO=12345678&ACNT_PRDT_CD=01&PDNO=910010&ORD_UNPR=&ORD_DVSN=01&CMA_EVLU_AMT_ICLD_YN=N&OVRS_ICLD_YN=N",
    ),
    korea(
        "domestic_inquire-psbl-sell",
        "domestic-stock/v1/trading/inquire-psbl-sell",
        "TTTC8408R",
        "CANO=12345678&ACNT_PRDT_CD=01&PDNO=910010",
    ),
    korea(
        "domestic_inquire-psbl-rvsecncl",
        "domestic-stock/v1/trading/inquire-psbl-rvsecncl",
        "TTTC0084R",
        "CANO=12345678&ACNT_PRDT_CD=01&CTX_AREA_FK100=&CTX_AREA_NK100=&INQR_DVSN_1=0&INQR_DVSN_2=0",
    ),
    korea(
        "domestic_inquire-daily-ccld_filled",
        "domestic-stock/v1/trading/inquire-daily-ccld",
        "TTTC0081R",
        super::super::world::KOREAN_ORDERS,
    ),
    korea(
        "domestic_inquire-period-trade-profit",
        "domestic-stock/v1/trading/inquire-period-trade-profit",
        "TTTC8715R",
        "CANO=12345678&ACNT_PRDT_CD=01&SORT_DVSN=00&PDNO=&INQR_STRT_DT=20261124&INQR_END_DT=20261124&CBLC_DVSN=00&\
         CTX_AREA_FK100=&CTX_AREA_NK100=",
    ),
    korea(
        "domestic_inquire-account-balance",
        "domestic-stock/v1/trading/inquire-account-balance",
        "CTRP6548R",
        "CANO=12345678&ACNT_PRDT_CD=01&INQR_DVSN_1=&BSPR_BF_DT_APLY_YN=",
    ),
    korea(
        "domestic_intgr-margin",
        "domestic-stock/v1/trading/intgr-margin",
        "TTTC0869R",
        "CANO=12345678&ACNT_PRDT_CD=01&CMA_EVLU_AMT_ICLD_YN=N&WCRC_FRCR_DVSN_CD=01&FWEX_CTRT_FRCR_DVSN_CD=01",
    ),
    korea(
        "overseas_countries-holiday",
        "overseas-stock/v1/quotations/countries-holiday",
        "CTOS5011R",
        "TRAD_DT=20261124&CTX_AREA_NK=&CTX_AREA_FK=",
    ),
    Case {
        empty: Some("reserve orders are not taken here"),
        ..korea(
            "overseas_order-resv-list",
            "overseas-stock/v1/trading/order-resv-list",
            "TTTT3039R",
            "CANO=12345678&ACNT_PRDT_CD=01&INQR_STRT_DT=20261101&INQR_END_DT=20261124&INQR_DVSN_CD=00&\
             OVRS_EXCG_CD=NASD&CTX_AREA_FK200=&CTX_AREA_NK200=",
        )
    },
];

pub(super) const AMERICAN: [Case; 31] = [
    america(
        "overseas_inquire-psamount",
        "overseas-stock/v1/trading/inquire-psamount",
        "TTTS3007R",
        "CANO=12345678&ACNT_PRDT_CD=01&OVRS_EXCG_CD=NASD&OVRS_ORD_UNPR=430&ITEM_CD=AAPL",
    ),
    america(
        "overseas_inquire-present-balance",
        "overseas-stock/v1/trading/inquire-present-balance",
        "CTRP6504R",
        "CANO=12345678&ACNT_PRDT_CD=01&WCRC_FRCR_DVSN_CD=01&NATN_CD=000&TR_MKET_CD=00&INQR_DVSN_CD=00",
    ),
    america(
        "overseas_inquire-paymt-stdr-balance",
        "overseas-stock/v1/trading/inquire-paymt-stdr-balance",
        "CTRP6010R",
        "CANO=12345678&ACNT_PRDT_CD=01&BASS_DT=20261124&WCRC_FRCR_DVSN_CD=01&INQR_DVSN_CD=00",
    ),
    america("overseas_price", "overseas-price/v1/quotations/price", "HHDFS00000300", US_STOCK),
    america(
        "overseas_price_empty",
        "overseas-price/v1/quotations/price",
        "HHDFS00000300",
        "AUTH=&EXCD=NASD&SYMB=AAPL",
    ),
    america("overseas_price-detail", "overseas-price/v1/quotations/price-detail", "HHDFS76200200", US_STOCK),
    america(
        "overseas_inquire-asking-price",
        "overseas-price/v1/quotations/inquire-asking-price",
        "HHDFS76200100",
        US_STOCK,
    ),
    america(
        "overseas_dailyprice",
        "overseas-price/v1/quotations/dailyprice",
        "HHDFS76240000",
        "AUTH=&EXCD=NAS&SYMB=AAPL&GUBN=0&BYMD=&MODP=1",
    ),
    america(
        "overseas_inquire-time-itemchartprice",
        "overseas-price/v1/quotations/inquire-time-itemchartprice",
        "HHDFS76950200",
        "AUTH=&EXCD=NAS&SYMB=AAPL&NMIN=5&PINC=0&NEXT=&NREC=120&FILL=&KEYB=",
    ),
    america(
        "overseas_inquire-daily-chartprice",
        "overseas-price/v1/quotations/inquire-daily-chartprice",
        "FHKST03030100",
        "FID_COND_MRKT_DIV_CODE=N&FID_INPUT_ISCD=.DJI&FID_INPUT_DATE_1=20260601&FID_INPUT_DATE_2=20261124&\
         FID_PERIOD_DIV_CODE=D",
    ),
    america(
        "overseas_inquire-search",
        "overseas-price/v1/quotations/inquire-search",
        "HHDFS76410000",
        "AUTH=&EXCD=NAS&KEYB=",
    ),
    america(
        "overseas_search-info",
        "overseas-price/v1/quotations/search-info",
        "CTPF1702R",
        "PRDT_TYPE_CD=512&PDNO=AAPL",
    ),
    america(
        "overseas_inquire-balance",
        "overseas-stock/v1/trading/inquire-balance",
        "TTTS3012R",
        "CANO=12345678&ACNT_PRDT_CD=01&OVRS_EXCG_CD=NASD&TR_CRCY_CD=USD&CTX_AREA_FK200=&CTX_AREA_NK200=",
    ),
    america(
        "overseas_inquire-nccs",
        "overseas-stock/v1/trading/inquire-nccs",
        "TTTS3018R",
        "CANO=12345678&ACNT_PRDT_CD=01&OVRS_EXCG_CD=NASD&SORT_SQN=DS&CTX_AREA_FK200=&CTX_AREA_NK200=",
    ),
    america("overseas_inquire-ccnl", "overseas-stock/v1/trading/inquire-ccnl", "TTTS3035R", CCNL),
    Case {
        moment: Moment::Fresh,
        ..america("overseas_inquire-ccnl_empty", "overseas-stock/v1/trading/inquire-ccnl", "TTTS3035R", CCNL)
    },
    america(
        "overseas_inquire-period-trans",
        "overseas-stock/v1/trading/inquire-period-trans",
        "CTOS4001R",
        "CANO=12345678&ACNT_PRDT_CD=01&ERLM_STRT_DT=20261124&ERLM_END_DT=20261124&OVRS_EXCG_CD=&PDNO=&\
         SLL_BUY_DVSN_CD=00&LOAN_DVSN_CD=&CTX_AREA_FK100=&CTX_AREA_NK100=",
    ),
    america(
        "overseas_inquire-period-profit",
        "overseas-stock/v1/trading/inquire-period-profit",
        "TTTS3039R",
        "CANO=12345678&ACNT_PRDT_CD=01&OVRS_EXCG_CD=NASD&NATN_CD=&CRCY_CD=USD&PDNO=&INQR_STRT_DT=20261124&\
         INQR_END_DT=20261124&WCRC_FRCR_DVSN_CD=01&CTX_AREA_FK200=&CTX_AREA_NK200=",
    ),
    america(
        "overseas_foreign-margin",
        "overseas-stock/v1/trading/foreign-margin",
        "TTTC2101R",
        "CANO=12345678&ACNT_PRDT_CD=01",
    ),
    america(
        "overseas_updown-rate",
        "overseas-stock/v1/ranking/updown-rate",
        "HHDFS76290000",
        "AUTH=&EXCD=NAS&NDAY=0&GUBN=1&VOL_RANG=0&KEYB=",
    ),
    america(
        "overseas_volume-surge",
        "overseas-stock/v1/ranking/volume-surge",
        "HHDFS76270000",
        "AUTH=&EXCD=NAS&MIXN=3&VOL_RANG=0&KEYB=",
    ),
    america(
        "overseas_price-fluct",
        "overseas-stock/v1/ranking/price-fluct",
        "HHDFS76260000",
        "AUTH=&EXCD=NAS&GUBN=1&MIXN=3&VOL_RANG=0&KEYB=",
    ),
    america(
        "overseas_trade-vol",
        "overseas-stock/v1/ranking/trade-vol",
        "HHDFS76310010",
        "AUTH=&EXCD=NAS&NDAY=4&PRC1=&PRC2=&VOL_RANG=0&KEYB=",
    ),
    america(
        "overseas_trade-pbmn",
        "overseas-stock/v1/ranking/trade-pbmn",
        "HHDFS76320010",
        "AUTH=&EXCD=NAS&NDAY=4&PRC1=0&PRC2=0&VOL_RANG=0&KEYB=",
    ),
    america("overseas_trade-growth", "overseas-stock/v1/ranking/trade-growth", "HHDFS76330000", DAYS),
    america("overseas_trade-turnover", "overseas-stock/v1/ranking/trade-turnover", "HHDFS76340000", DAYS),
    america("overseas_volume-power", "overseas-stock/v1/ranking/volume-power", "HHDFS76280000", DAYS),
    america(
        "overseas_market-cap",
        "overseas-stock/v1/ranking/market-cap",
        "HHDFS76350100",
        "AUTH=&EXCD=NAS&VOL_RANG=0&KEYB=",
    ),
    america(
        "overseas_new-highlow",
        "overseas-stock/v1/ranking/new-highlow",
        "HHDFS76300000",
        "AUTH=&EXCD=NAS&GUBN=1&GUBN2=0&NDAY=0&VOL_RANG=0&KEYB=",
    ),
    america(
        "overseas_new-highlow",
        "overseas-stock/v1/ranking/new-highlow",
        "HHDFS76300000",
        "AUTH=&EXCD=NAS&GUBN=0&GUBN2=0&NDAY=0&VOL_RANG=0&KEYB=",
    ),
    america(
        "overseas_volume-power",
        "overseas-stock/v1/ranking/volume-power",
        "HHDFS76280000",
        "AUTH=&EXCD=AMS&NDAY=0&VOL_RANG=0&KEYB=",
    ),
];
