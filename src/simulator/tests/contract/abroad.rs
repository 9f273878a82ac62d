//! The other markets abroad answer in America's shapes, with their own decimals.

use super::shape::Shape;
use super::{stays_blank, table};
use crate::simulator::tests::foreign::{EXCHANGES, Exchange};
use crate::simulator::tests::world::World;

/// A row whose answer is compared: its shape, path, id and query. `{Q}`, `{O}`, `{S}`, `{C}`, `{T}` stand for the exchange
/// in quotes and in orders, the stock, the currency and the product type; prices of the first group have the market's own
/// decimals.
type Asked = (&'static str, &'static str, &'static str, &'static str);

const QUOTES: [Asked; 12] = [
    ("overseas_price", "overseas-price/v1/quotations/price", "HHDFS00000300", "AUTH=&EXCD={Q}&SYMB={S}"),
    (
        "overseas_price-detail",
        "overseas-price/v1/quotations/price-detail",
        "HHDFS76200200",
        "AUTH=&EXCD={Q}&SYMB={S}",
    ),
    (
        "overseas_inquire-asking-price",
        "overseas-price/v1/quotations/inquire-asking-price",
        "HHDFS76200100",
        "AUTH=&EXCD={Q}&SYMB={S}",
    ),
    (
        "overseas_dailyprice",
        "overseas-price/v1/quotations/dailyprice",
        "HHDFS76240000",
        "AUTH=&EXCD={Q}&SYMB={S}&GUBN=0&BYMD=&MODP=1",
    ),
    (
        "overseas_inquire-time-itemchartprice",
        "overseas-price/v1/quotations/inquire-time-itemchartprice",
        "HHDFS76950200",
        "AUTH=&EXCD={Q}&SYMB={S}&NMIN=5&PINC=1&NEXT=&NREC=120&FILL=&KEYB=",
    ),
    (
        "overseas_inquire-search",
        "overseas-price/v1/quotations/inquire-search",
        "HHDFS76410000",
        "AUTH=&EXCD={Q}&KEYB=",
    ),
    (
        "overseas_updown-rate",
        "overseas-stock/v1/ranking/updown-rate",
        "HHDFS76290000",
        "AUTH=&EXCD={Q}&NDAY=0&GUBN=1&VOL_RANG=0&KEYB=",
    ),
    (
        "overseas_volume-surge",
        "overseas-stock/v1/ranking/volume-surge",
        "HHDFS76270000",
        "AUTH=&EXCD={Q}&MIXN=3&VOL_RANG=0&KEYB=",
    ),
    (
        "overseas_price-fluct",
        "overseas-stock/v1/ranking/price-fluct",
        "HHDFS76260000",
        "AUTH=&EXCD={Q}&GUBN=1&MIXN=3&VOL_RANG=0&KEYB=",
    ),
    (
        "overseas_trade-vol",
        "overseas-stock/v1/ranking/trade-vol",
        "HHDFS76310010",
        "AUTH=&EXCD={Q}&NDAY=0&PRC1=&PRC2=&VOL_RANG=0&KEYB=",
    ),
    (
        "overseas_trade-pbmn",
        "overseas-stock/v1/ranking/trade-pbmn",
        "HHDFS76320010",
        "AUTH=&EXCD={Q}&NDAY=0&PRC1=&PRC2=&VOL_RANG=0&KEYB=",
    ),
    (
        "overseas_market-cap",
        "overseas-stock/v1/ranking/market-cap",
        "HHDFS76350100",
        "AUTH=&EXCD={Q}&VOL_RANG=0&KEYB=",
    ),
];

const LEDGER: [Asked; 7] = [
    (
        "overseas_inquire-psamount",
        "overseas-stock/v1/trading/inquire-psamount",
        "TTTS3007R",
        "CANO=12345678&ACNT_PRDT_CD=01&OVRS_EXCG_CD={O}&OVRS_ORD_UNPR=1000&ITEM_CD={S}",
    ),
    (
        "overseas_inquire-balance",
        "overseas-stock/v1/trading/inquire-balance",
        "TTTS3012R",
        "CANO=12345678&ACNT_PRDT_CD=01&OVRS_EXCG_CD={O}&TR_CRCY_CD={C}&CTX_AREA_FK200=&CTX_AREA_NK200=",
    ),
    (
        "overseas_inquire-present-balance",
        "overseas-stock/v1/trading/inquire-present-balance",
        "CTRP6504R",
        "CANO=12345678&ACNT_PRDT_CD=01&WCRC_FRCR_DVSN_CD=02&NATN_CD=000&TR_MKET_CD=00&INQR_DVSN_CD=00",
    ),
    (
        "overseas_inquire-nccs",
        "overseas-stock/v1/trading/inquire-nccs",
        "TTTS3018R",
        "CANO=12345678&ACNT_PRDT_CD=01&OVRS_EXCG_CD={O}&SORT_SQN=DS&CTX_AREA_FK200=&CTX_AREA_NK200=",
    ),
    (
        "overseas_inquire-ccnl",
        "overseas-stock/v1/trading/inquire-ccnl",
        "TTTS3035R",
        "CANO=12345678&ACNT_PRDT_CD=01&PDNO=%25&ORD_STRT_DT=20261124&ORD_END_DT=20261124&SLL_BUY_DVSN=00&\
         CCLD_NCCS_DVSN=00&OVRS_EXCG_CD={O}&SORT_SQN=DS&ORD_DT=&ORD_GNO_BRNO=&ODNO=&CTX_AREA_NK200=&CTX_AREA_FK200=",
    ),
    (
        "overseas_inquire-period-trans",
        "overseas-stock/v1/trading/inquire-period-trans",
        "CTOS4001R",
        "CANO=12345678&ACNT_PRDT_CD=01&ERLM_STRT_DT=20261124&ERLM_END_DT=20261124&OVRS_EXCG_CD={O}&PDNO=&\
         SLL_BUY_DVSN_CD=00&LOAN_DVSN_CD=&CTX_AREA_FK100=&CTX_AREA_NK100=",
    ),
    (
        "overseas_search-info",
        "overseas-price/v1/quotations/search-info",
        "CTPF1702R",
        "PRDT_TYPE_CD={T}&PDNO={S}",
    ),
];

fn product_type(exchange: &Exchange) -> &'static str {
    match exchange.order_code {
        "TKSE" => "515",
        "SEHK" => "501",
        "SHAA" => "551",
        "SZAA" => "552",
        "HASE" => "507",
        _ => "508",
    }
}

/// A filled and an open purchase on `exchange`, in its morning.
async fn busy(exchange: &Exchange) -> World {
    let world = exchange.world().await;
    let [crossing, _] = exchange.prices(&world).await;
    let filled = world.order_abroad(exchange.ids[0], exchange.place(), 2 * exchange.lot, &crossing).await;
    assert!(filled.is_ok(), "{}: {filled:?}", exchange.order_code);
    world.minutes(15);
    let [_, resting] = exchange.prices(&world).await;
    let open = world.order_abroad(exchange.ids[0], exchange.place(), exchange.lot, &resting).await;
    assert!(open.is_ok(), "{}: {open:?}", exchange.order_code);
    world
}

#[tokio::test]
async fn every_other_market_answers_in_the_same_shapes_with_its_own_decimals() {
    let table = table();
    let mut faults = Vec::new();
    for exchange in &EXCHANGES {
        let world = busy(exchange).await;
        for (asked, is_quote) in
            QUOTES.iter().map(|asked| (asked, true)).chain(LEDGER.iter().map(|asked| (asked, false)))
        {
            let (name, path, tr_id, query) = asked;
            let query = query.replace("{Q}", exchange.quote_code).replace("{O}", exchange.order_code);
            let query = query.replace("{S}", exchange.symbol).replace("{C}", exchange.currency);
            let query = query.replace("{T}", product_type(exchange));
            let answer = world.get(&format!("/uapi/{path}"), tr_id, &query).await;
            assert!(answer.is_ok(), "{} {name}: {answer:?}", exchange.order_code);
            let reference = &table[*name];
            let decimals = is_quote.then(|| exchange.decimals.parse().unwrap());
            let reference = reference.abroad(decimals);
            let is_told =
                *name == "overseas_inquire-psamount" || answer.body.to_string().contains(exchange.symbol);
            assert!(is_told, "{} {name} does not tell of {}", exchange.order_code, exchange.symbol);
            let found = Shape::of(&answer.body).faults(&reference, |_| false, stays_blank, false);
            faults.extend(found.into_iter().map(|fault| format!("{} {name}: {fault}", exchange.order_code)));
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}
