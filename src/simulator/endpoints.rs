//! The endpoint matrix: path, TR ids in both environments, required parameters, and who answers (KIS.md 6).

mod further;

use super::call::{Call, Reply};
use super::refusal::Refusal;
use super::venue::Venue;
use super::{
    Environment, domestic, domestic_bars, domestic_calendar, domestic_ledger, domestic_quotes, overseas,
    overseas_ledger, overseas_quotes, rankings, search,
};

/// One TR id, and its twin on the paper host. Quotes have the same id on both.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Transaction {
    pub(super) real: &'static str,
    /// None: not offered on the paper host.
    pub(super) paper: Option<&'static str>,
}

impl Transaction {
    /// The TR id in `environment`, if it is offered there.
    pub(super) fn id(&self, environment: Environment) -> Option<&'static str> {
        match environment {
            Environment::Real => Some(self.real),
            Environment::Paper => self.paper,
        }
    }
}

/// How an endpoint is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Post,
}

/// Answers a call.
pub(super) type Handler = fn(&mut Venue, &Call) -> Result<Reply, Refusal>;

/// One path and what may be asked there.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) verb: Verb,
    pub(super) path: &'static str,
    pub(super) transactions: &'static [Transaction],
    /// Parameters that must be present, though they may be empty.
    pub(super) required: &'static [&'static str],
    pub(super) handler: Handler,
}

impl Endpoint {
    /// True for account and order paths, which the ledger behind the gateway answers (KIS.md 4).
    pub(super) fn is_of_the_ledger(&self) -> bool {
        self.path.contains("/trading/")
    }
}

const fn both(real: &'static str, paper: &'static str) -> Transaction {
    Transaction { real, paper: Some(paper) }
}

const fn same(id: &'static str) -> Transaction {
    Transaction { real: id, paper: Some(id) }
}

const fn real(real: &'static str) -> Transaction {
    Transaction { real, paper: None }
}

const fn get(
    path: &'static str,
    transactions: &'static [Transaction],
    required: &'static [&'static str],
    handler: Handler,
) -> Endpoint {
    Endpoint { verb: Verb::Get, path, transactions, required, handler }
}

const fn post(
    path: &'static str,
    transactions: &'static [Transaction],
    required: &'static [&'static str],
    handler: Handler,
) -> Endpoint {
    Endpoint { verb: Verb::Post, path, transactions, required, handler }
}

/// Every endpoint below `/uapi` that asks for a TR id.
pub(super) fn all() -> impl Iterator<Item = &'static Endpoint> {
    ENDPOINTS.iter().chain(&further::FURTHER)
}

/// What an agent trades with.
static ENDPOINTS: [Endpoint; 31] = [
    post(
        "/uapi/domestic-stock/v1/trading/order-cash",
        &[both("TTTC0012U", "VTTC0012U"), both("TTTC0011U", "VTTC0011U")],
        &["CANO", "ACNT_PRDT_CD", "PDNO", "ORD_DVSN", "ORD_QTY", "ORD_UNPR"],
        domestic::order,
    ),
    post(
        "/uapi/domestic-stock/v1/trading/order-rvsecncl",
        &[both("TTTC0013U", "VTTC0013U")],
        &[
            "CANO",
            "ACNT_PRDT_CD",
            "KRX_FWDG_ORD_ORGNO",
            "ORGN_ODNO",
            "ORD_DVSN",
            "RVSE_CNCL_DVSN_CD",
            "ORD_QTY",
            "ORD_UNPR",
            "QTY_ALL_ORD_YN",
        ],
        domestic::cancel,
    ),
    get(
        "/uapi/domestic-stock/v1/trading/inquire-balance",
        &[both("TTTC8434R", "VTTC8434R")],
        &[
            "CANO",
            "ACNT_PRDT_CD",
            "AFHR_FLPR_YN",
            "INQR_DVSN",
            "UNPR_DVSN",
            "FUND_STTL_ICLD_YN",
            "FNCG_AMT_AUTO_RDPT_YN",
            "PRCS_DVSN",
        ],
        domestic_ledger::balance,
    ),
    get(
        "/uapi/domestic-stock/v1/trading/inquire-psbl-order",
        &[both("TTTC8908R", "VTTC8908R")],
        &["CANO", "ACNT_PRDT_CD", "PDNO", "ORD_UNPR", "ORD_DVSN", "CMA_EVLU_AMT_ICLD_YN", "OVRS_ICLD_YN"],
        domestic_ledger::buyable,
    ),
    get(
        "/uapi/domestic-stock/v1/trading/inquire-psbl-sell",
        &[real("TTTC8408R")],
        &["CANO", "ACNT_PRDT_CD", "PDNO"],
        domestic_ledger::sellable,
    ),
    get(
        "/uapi/domestic-stock/v1/trading/inquire-psbl-rvsecncl",
        &[real("TTTC0084R")],
        &["CANO", "ACNT_PRDT_CD", "CTX_AREA_FK100", "CTX_AREA_NK100", "INQR_DVSN_1", "INQR_DVSN_2"],
        domestic_ledger::open_orders,
    ),
    get(
        "/uapi/domestic-stock/v1/trading/inquire-daily-ccld",
        &[both("TTTC0081R", "VTTC0081R"), both("CTSC9215R", "VTSC9215R")],
        &[
            "CANO",
            "ACNT_PRDT_CD",
            "INQR_STRT_DT",
            "INQR_END_DT",
            "SLL_BUY_DVSN_CD",
            "ORD_GNO_BRNO",
            "CCLD_DVSN",
            "INQR_DVSN",
            "INQR_DVSN_1",
            "INQR_DVSN_3",
            "EXCG_ID_DVSN_CD",
            "CTX_AREA_FK100",
            "CTX_AREA_NK100",
        ],
        domestic_ledger::orders,
    ),
    get(
        "/uapi/domestic-stock/v1/quotations/inquire-price",
        &[same("FHKST01010100")],
        &["FID_COND_MRKT_DIV_CODE", "FID_INPUT_ISCD"],
        domestic_quotes::price,
    ),
    get(
        "/uapi/domestic-stock/v1/quotations/inquire-asking-price-exp-ccn",
        &[same("FHKST01010200")],
        &["FID_COND_MRKT_DIV_CODE", "FID_INPUT_ISCD"],
        domestic_quotes::order_book,
    ),
    get(
        "/uapi/domestic-stock/v1/quotations/inquire-daily-price",
        &[same("FHKST01010400")],
        &["FID_COND_MRKT_DIV_CODE", "FID_INPUT_ISCD", "FID_PERIOD_DIV_CODE", "FID_ORG_ADJ_PRC"],
        domestic_bars::last_days,
    ),
    get(
        "/uapi/domestic-stock/v1/quotations/inquire-daily-itemchartprice",
        &[same("FHKST03010100")],
        &[
            "FID_COND_MRKT_DIV_CODE",
            "FID_INPUT_ISCD",
            "FID_INPUT_DATE_1",
            "FID_INPUT_DATE_2",
            "FID_PERIOD_DIV_CODE",
            "FID_ORG_ADJ_PRC",
        ],
        domestic_bars::daily_chart,
    ),
    get(
        "/uapi/domestic-stock/v1/quotations/inquire-time-itemchartprice",
        &[same("FHKST03010200")],
        &[
            "FID_COND_MRKT_DIV_CODE",
            "FID_INPUT_ISCD",
            "FID_INPUT_HOUR_1",
            "FID_PW_DATA_INCU_YN",
            "FID_ETC_CLS_CODE",
        ],
        domestic_bars::minute_chart,
    ),
    get(
        "/uapi/domestic-stock/v1/quotations/volume-rank",
        &[real("FHPST01710000")],
        &[
            "FID_COND_MRKT_DIV_CODE",
            "FID_COND_SCR_DIV_CODE",
            "FID_INPUT_ISCD",
            "FID_DIV_CLS_CODE",
            "FID_BLNG_CLS_CODE",
            "FID_TRGT_CLS_CODE",
            "FID_TRGT_EXLS_CLS_CODE",
            "FID_INPUT_PRICE_1",
            "FID_INPUT_PRICE_2",
            "FID_VOL_CNT",
            "FID_INPUT_DATE_1",
        ],
        rankings::domestic_volume,
    ),
    get(
        "/uapi/domestic-stock/v1/ranking/fluctuation",
        &[real("FHPST01700000")],
        &[
            "FID_COND_MRKT_DIV_CODE",
            "FID_COND_SCR_DIV_CODE",
            "FID_INPUT_ISCD",
            "FID_RANK_SORT_CLS_CODE",
            "FID_INPUT_CNT_1",
            "FID_PRC_CLS_CODE",
            "FID_INPUT_PRICE_1",
            "FID_INPUT_PRICE_2",
            "FID_VOL_CNT",
            "FID_TRGT_CLS_CODE",
            "FID_TRGT_EXLS_CLS_CODE",
            "FID_DIV_CLS_CODE",
            "FID_RSFL_RATE1",
            "FID_RSFL_RATE2",
        ],
        rankings::domestic_fluctuation,
    ),
    get(
        "/uapi/domestic-stock/v1/quotations/chk-holiday",
        &[real("CTCA0903R")],
        &["BASS_DT", "CTX_AREA_NK", "CTX_AREA_FK"],
        domestic_calendar::holidays,
    ),
    get(
        "/uapi/domestic-stock/v1/quotations/market-time",
        &[real("HHMCM000002C0")],
        &[],
        domestic_calendar::market_time,
    ),
    post(
        "/uapi/overseas-stock/v1/trading/order",
        &[
            both("TTTT1002U", "VTTT1002U"),
            both("TTTT1006U", "VTTT1001U"),
            both("TTTS0308U", "VTTS0308U"),
            both("TTTS0307U", "VTTS0307U"),
            both("TTTS1002U", "VTTS1002U"),
            both("TTTS1001U", "VTTS1001U"),
            both("TTTS0202U", "VTTS0202U"),
            both("TTTS1005U", "VTTS1005U"),
            both("TTTS0305U", "VTTS0305U"),
            both("TTTS0304U", "VTTS0304U"),
            both("TTTS0311U", "VTTS0311U"),
            both("TTTS0310U", "VTTS0310U"),
        ],
        &[
            "CANO",
            "ACNT_PRDT_CD",
            "OVRS_EXCG_CD",
            "PDNO",
            "ORD_QTY",
            "OVRS_ORD_UNPR",
            "ORD_SVR_DVSN_CD",
            "ORD_DVSN",
        ],
        overseas::order,
    ),
    post(
        "/uapi/overseas-stock/v1/trading/order-rvsecncl",
        &[
            both("TTTT1004U", "VTTT1004U"),
            both("TTTS1003U", "VTTS1003U"),
            both("TTTS0309U", "VTTS0309U"),
            both("TTTS0302U", "VTTS0302U"),
            both("TTTS0306U", "VTTS0306U"),
            both("TTTS0312U", "VTTS0312U"),
        ],
        &[
            "CANO",
            "ACNT_PRDT_CD",
            "OVRS_EXCG_CD",
            "PDNO",
            "ORGN_ODNO",
            "RVSE_CNCL_DVSN_CD",
            "ORD_QTY",
            "OVRS_ORD_UNPR",
        ],
        overseas::cancel,
    ),
    get(
        "/uapi/overseas-stock/v1/trading/inquire-balance",
        &[both("TTTS3012R", "VTTS3012R")],
        &["CANO", "ACNT_PRDT_CD", "OVRS_EXCG_CD", "TR_CRCY_CD", "CTX_AREA_FK200", "CTX_AREA_NK200"],
        overseas_ledger::balance,
    ),
    get(
        "/uapi/overseas-stock/v1/trading/inquire-present-balance",
        &[both("CTRP6504R", "VTRP6504R")],
        &["CANO", "ACNT_PRDT_CD", "WCRC_FRCR_DVSN_CD", "NATN_CD", "TR_MKET_CD", "INQR_DVSN_CD"],
        overseas::present_balance,
    ),
    get(
        "/uapi/overseas-stock/v1/trading/inquire-psamount",
        &[both("TTTS3007R", "VTTS3007R")],
        &["CANO", "ACNT_PRDT_CD", "OVRS_EXCG_CD", "OVRS_ORD_UNPR", "ITEM_CD"],
        overseas_ledger::buyable,
    ),
    get(
        "/uapi/overseas-stock/v1/trading/inquire-nccs",
        &[real("TTTS3018R")],
        &["CANO", "ACNT_PRDT_CD", "OVRS_EXCG_CD", "SORT_SQN", "CTX_AREA_FK200", "CTX_AREA_NK200"],
        overseas_ledger::open_orders,
    ),
    get(
        "/uapi/overseas-stock/v1/trading/inquire-ccnl",
        &[both("TTTS3035R", "VTTS3035R")],
        &[
            "CANO",
            "ACNT_PRDT_CD",
            "PDNO",
            "ORD_STRT_DT",
            "ORD_END_DT",
            "SLL_BUY_DVSN",
            "CCLD_NCCS_DVSN",
            "OVRS_EXCG_CD",
            "SORT_SQN",
            "ORD_DT",
            "ORD_GNO_BRNO",
            "ODNO",
            "CTX_AREA_NK200",
            "CTX_AREA_FK200",
        ],
        overseas_ledger::orders,
    ),
    get(
        "/uapi/overseas-price/v1/quotations/price",
        &[same("HHDFS00000300")],
        &["AUTH", "EXCD", "SYMB"],
        overseas_quotes::price,
    ),
    get(
        "/uapi/overseas-price/v1/quotations/price-detail",
        &[real("HHDFS76200200")],
        &["AUTH", "EXCD", "SYMB"],
        overseas_quotes::detail,
    ),
    get(
        "/uapi/overseas-price/v1/quotations/inquire-asking-price",
        &[real("HHDFS76200100")],
        &["AUTH", "EXCD", "SYMB"],
        overseas_quotes::order_book,
    ),
    get(
        "/uapi/overseas-price/v1/quotations/dailyprice",
        &[same("HHDFS76240000")],
        &["AUTH", "EXCD", "SYMB", "GUBN", "BYMD", "MODP"],
        overseas_quotes::daily_chart,
    ),
    get(
        "/uapi/overseas-price/v1/quotations/inquire-time-itemchartprice",
        &[real("HHDFS76950200")],
        &["AUTH", "EXCD", "SYMB", "NMIN", "PINC", "NEXT", "NREC", "FILL", "KEYB"],
        overseas_quotes::minute_chart,
    ),
    get(
        "/uapi/overseas-price/v1/quotations/inquire-search",
        &[same("HHDFS76410000")],
        &["AUTH", "EXCD", "KEYB"],
        search::search,
    ),
    get(
        "/uapi/overseas-stock/v1/ranking/updown-rate",
        &[real("HHDFS76290000")],
        &["AUTH", "EXCD", "NDAY", "GUBN", "VOL_RANG", "KEYB"],
        rankings::overseas_fluctuation,
    ),
    get(
        "/uapi/overseas-stock/v1/ranking/volume-surge",
        &[real("HHDFS76270000")],
        &["AUTH", "EXCD", "MIXN", "VOL_RANG", "KEYB"],
        rankings::overseas_volume_surge,
    ),
];

/// True for a TR id that is right somewhere in `environment`.
pub(super) fn knows(tr_id: &str, environment: Environment) -> bool {
    all().flat_map(|endpoint| endpoint.transactions).any(|known| known.id(environment) == Some(tr_id))
}
