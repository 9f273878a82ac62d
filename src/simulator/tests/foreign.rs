//! Tokyo, Hong Kong, China and Vietnam over the wire: each market's ids, codes, lots, steps, currency and hours.

use domain::Market;
use rust_decimal::Decimal;
use serde_json::Value;

use super::world::{Setting, World, number};

/// 10:05 in Tokyo on a Tuesday.
const TOKYO_MORNING: &str = "2026-11-24T01:05:00Z";
/// 10:05 in Shanghai and Hong Kong, 09:05 in Hanoi.
const CHINA_MORNING: &str = "2026-11-24T02:05:00Z";
/// 09:35 in Hanoi.
const VIETNAM_MORNING: &str = "2026-11-24T02:35:00Z";

/// What is special about trading on one exchange: order ids to buy, sell and cancel, codes for orders and quotes, a stock, a lot, currency.
pub(super) struct Exchange {
    pub(super) market: Market,
    pub(super) start: &'static str,
    pub(super) ids: [&'static str; 3],
    pub(super) order_code: &'static str,
    pub(super) quote_code: &'static str,
    pub(super) symbol: &'static str,
    pub(super) lot: u64,
    pub(super) currency: &'static str,
    pub(super) decimals: &'static str,
}

pub(super) const EXCHANGES: [Exchange; 6] = [
    Exchange {
        market: Market::Jp,
        start: TOKYO_MORNING,
        ids: ["TTTS0308U", "TTTS0307U", "TTTS0309U"],
        order_code: "TKSE",
        quote_code: "TSE",
        symbol: "7203",
        lot: 100,
        currency: "JPY",
        decimals: "1",
    },
    Exchange {
        market: Market::Hk,
        start: CHINA_MORNING,
        ids: ["TTTS1002U", "TTTS1001U", "TTTS1003U"],
        order_code: "SEHK",
        quote_code: "HKS",
        symbol: "00005",
        lot: 400,
        currency: "HKD",
        decimals: "3",
    },
    Exchange {
        market: Market::CnSha,
        start: CHINA_MORNING,
        ids: ["TTTS0202U", "TTTS1005U", "TTTS0302U"],
        order_code: "SHAA",
        quote_code: "SHS",
        symbol: "601318",
        lot: 100,
        currency: "CNY",
        decimals: "2",
    },
    Exchange {
        market: Market::CnSza,
        start: CHINA_MORNING,
        ids: ["TTTS0305U", "TTTS0304U", "TTTS0306U"],
        order_code: "SZAA",
        quote_code: "SZS",
        symbol: "000333",
        lot: 100,
        currency: "CNY",
        decimals: "2",
    },
    Exchange {
        market: Market::VnHan,
        start: VIETNAM_MORNING,
        ids: ["TTTS0311U", "TTTS0310U", "TTTS0312U"],
        order_code: "HASE",
        quote_code: "HNX",
        symbol: "PVS",
        lot: 100,
        currency: "VND",
        decimals: "0",
    },
    Exchange {
        market: Market::VnHcm,
        start: VIETNAM_MORNING,
        ids: ["TTTS0311U", "TTTS0310U", "TTTS0312U"],
        order_code: "VNSE",
        quote_code: "HSX",
        symbol: "VNM",
        lot: 100,
        currency: "VND",
        decimals: "0",
    },
];

impl Exchange {
    pub(super) async fn world(&self) -> World {
        World::of(Setting { start: self.start, markets: &Market::ALL, ..Setting::default() }).await
    }

    pub(super) fn place(&self) -> [&'static str; 2] {
        [self.order_code, self.symbol]
    }

    async fn detail(&self, world: &World) -> Value {
        let query = format!("AUTH=&EXCD={}&SYMB={}", self.quote_code, self.symbol);
        let path = "/uapi/overseas-price/v1/quotations/price-detail";
        world.get(path, "HHDFS76200200", &query).await.body["output"].clone()
    }

    /// A price that buys at once, and one that rests: a few steps beyond the last price, and a few below.
    pub(super) async fn prices(&self, world: &World) -> [String; 2] {
        let detail = self.detail(world).await;
        let (last, step) = (number(&detail, "last"), number(&detail, "e_hogau"));
        [last + step * Decimal::from(20), last - step * Decimal::from(20)]
            .map(|price| price.normalize().to_string())
    }

    async fn balance(&self, world: &World) -> Value {
        let query = format!(
            "CANO=12345678&ACNT_PRDT_CD=01&OVRS_EXCG_CD={}&TR_CRCY_CD={}&CTX_AREA_FK200=&CTX_AREA_NK200=",
            self.order_code, self.currency
        );
        world.get("/uapi/overseas-stock/v1/trading/inquire-balance", "TTTS3012R", &query).await.body
    }
}

#[tokio::test]
async fn a_purchase_fills_in_its_own_currency_and_shows_in_orders_and_balance() {
    for exchange in &EXCHANGES {
        let world = exchange.world().await;
        let market = exchange.market;
        let [high, _] = exchange.prices(&world).await;
        let taken = world.order_abroad(exchange.ids[0], exchange.place(), exchange.lot, &high).await;
        assert!(taken.is_ok(), "{market} at {high}: {:?}", taken.body);
        world.minutes(10);
        let order = world.orders().pop().unwrap();
        assert_eq!((order.filled.get(), order.instrument.market), (exchange.lot, market), "{order:?}");
        let balance = exchange.balance(&world).await;
        let row = &balance["output1"][0];
        assert_eq!(row["ovrs_pdno"], exchange.symbol, "{balance}");
        assert_eq!(
            (&row["tr_crcy_cd"], &row["ovrs_excg_cd"]),
            (&exchange.currency.into(), &exchange.order_code.into())
        );
        let left = world.cash(market.currency());
        let before = crate::venue::starting_cash(&[market])[0].amount();
        assert_eq!(left, before - order.amount - order.fees, "{market}");
    }
}

#[tokio::test]
async fn quotes_carry_the_markets_decimals_lot_and_currency() {
    for exchange in &EXCHANGES {
        let world = exchange.world().await;
        let detail = exchange.detail(&world).await;
        let facts = ["zdiv", "vnit", "curr"].map(|key| detail[key].as_str().unwrap().to_owned());
        assert_eq!(
            facts,
            [exchange.decimals.to_owned(), exchange.lot.to_string(), exchange.currency.to_owned()]
        );
        let last = detail["last"].as_str().unwrap();
        let written = last.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        assert_eq!(written.to_string(), exchange.decimals, "{last}");
    }
}

#[tokio::test]
async fn what_the_market_would_not_take_is_refused_with_the_code_for_it() {
    for exchange in &EXCHANGES {
        let world = exchange.world().await;
        let market = exchange.market;
        let [high, _] = exchange.prices(&world).await;
        let [buy, sell, _] = exchange.ids;
        let odd = world.order_abroad(buy, exchange.place(), exchange.lot + 1, &high).await;
        assert_eq!(odd.code(), "APBK0506", "{market}");
        let off_step =
            format!("{}1", if high.contains('.') { format!("{high}00") } else { format!("{high}.00") });
        let fine = world.order_abroad(buy, exchange.place(), exchange.lot, &off_step).await;
        assert_eq!(fine.code(), "APBK0506", "{market} {off_step}");
        let elsewhere = world.order_abroad("TTTT1002U", exchange.place(), exchange.lot, &high).await;
        assert_eq!(elsewhere.code(), "APBK0656", "{market}");
        let unheld = world.order_abroad(sell, exchange.place(), exchange.lot, &high).await;
        assert_eq!(unheld.code(), "APBK0400", "{market}");
        assert_eq!(world.orders().len(), 0);
    }
}

#[tokio::test]
async fn a_resting_order_is_cancelled_by_its_own_countrys_id_alone() {
    for exchange in &EXCHANGES {
        let world = exchange.world().await;
        let [_, low] = exchange.prices(&world).await;
        let taken = world.order_abroad(exchange.ids[0], exchange.place(), exchange.lot, &low).await;
        let number = taken.body["output"]["ODNO"].as_str().unwrap().to_owned();
        let foreign = world.cancel_abroad("TTTT1004U", exchange.place(), &number, exchange.lot).await;
        assert_eq!(foreign.code(), "APBK0656");
        let cancelled = world.cancel_abroad(exchange.ids[2], exchange.place(), &number, exchange.lot).await;
        assert!(cancelled.is_ok(), "{}: {:?}", exchange.market, cancelled.body);
        assert_eq!(world.orders()[0].cancelled.get(), exchange.lot);
    }
}

#[tokio::test]
async fn tokyo_takes_half_a_yen_for_a_stock_of_the_topix_500_below_3000_and_for_no_other() {
    let tokyo = &EXCHANGES[0];
    let world = tokyo.world().await;
    let [buy, _, _] = tokyo.ids;
    let taken = world.order_abroad(buy, ["TKSE", "7203"], 100, "2500.5").await;
    assert!(taken.is_ok(), "{:?}", taken.body);
    assert_eq!(world.order_abroad(buy, ["TKSE", "7203"], 100, "2500.3").await.code(), "APBK0506");
    assert_eq!(world.order_abroad(buy, ["TKSE", "4901"], 100, "800.5").await.code(), "APBK0506");
    assert!(world.order_abroad(buy, ["TKSE", "4901"], 100, "800").await.is_ok());
    let limits: Vec<_> =
        world.orders().iter().map(|order| order.limit.map(|price| price.to_string())).collect();
    assert_eq!(limits, [Some("2500.5".to_owned()), Some("800".to_owned())]);
}

#[tokio::test]
async fn shares_bought_in_china_today_are_sold_tomorrow_at_the_earliest() {
    for exchange in EXCHANGES.iter().filter(|exchange| exchange.currency == "CNY") {
        let mut world = exchange.world().await;
        let [high, low] = exchange.prices(&world).await;
        world.order_abroad(exchange.ids[0], exchange.place(), exchange.lot, &high).await;
        world.minutes(10);
        let sold = world.order_abroad(exchange.ids[1], exchange.place(), exchange.lot, &low).await;
        assert_eq!(sold.code(), "APBK0400");
        assert_eq!(exchange.balance(&world).await["output1"][0]["ord_psbl_qty"], "0");
        world.minutes(24 * 60);
        world.renew().await;
        assert_eq!(exchange.balance(&world).await["output1"][0]["ord_psbl_qty"], exchange.lot.to_string());
        let [_, low] = exchange.prices(&world).await;
        // Odd shares may be sold in China.
        let sold = world.order_abroad(exchange.ids[1], exchange.place(), 1, &low).await;
        assert!(sold.is_ok(), "{:?}", sold.body);
    }
}

#[tokio::test]
async fn less_than_a_board_lot_is_sold_in_hong_kong_alone_and_by_its_own_type_of_order() {
    for exchange in &EXCHANGES {
        let world = exchange.world().await;
        let [high, low] = exchange.prices(&world).await;
        let [buy, sell, _] = exchange.ids;
        world.order_abroad(buy, exchange.place(), exchange.lot * 2, &high).await;
        world.minutes(10);
        let kind = |id, shares| world.order_abroad_as("50", id, exchange.place(), shares, &low);
        if exchange.order_code != "SEHK" {
            assert_eq!(kind(sell, 1).await.code(), "OPSQ2002", "{}", exchange.market);
            continue;
        }
        assert_eq!(kind(buy, 1).await.code(), "OPSQ2002", "it is for sales");
        assert_eq!(kind(sell, exchange.lot).await.code(), "APBK0506", "a whole lot is no remnant");
        let [plain, remnant] = [exchange.lot + 1, exchange.lot - 1];
        assert_eq!(world.order_abroad(sell, exchange.place(), plain, &low).await.code(), "APBK0506");
        assert!(world.order_abroad(sell, exchange.place(), exchange.lot, &low).await.is_ok());
        let sold = kind(sell, remnant).await;
        assert!(sold.is_ok(), "{:?}", sold.body);
    }
}

#[tokio::test]
async fn tokyo_and_vietnam_take_no_orders_at_noon_and_hong_kong_and_china_do() {
    let noon = [
        ("TKSE", "2026-11-24T03:00:00Z"),
        ("SEHK", "2026-11-24T04:30:00Z"),
        ("SHAA", "2026-11-24T04:30:00Z"),
    ];
    for (code, start) in noon.into_iter().chain([("VNSE", "2026-11-24T05:00:00Z")]) {
        let exchange = EXCHANGES.iter().find(|exchange| exchange.order_code == code).unwrap();
        let world = World::of(Setting { start, markets: &Market::ALL, ..Setting::default() }).await;
        let [high, _] = exchange.prices(&world).await;
        let answer = world.order_abroad(exchange.ids[0], exchange.place(), exchange.lot, &high).await;
        let takes = matches!(code, "SEHK" | "SHAA");
        assert_eq!(answer.is_ok(), takes, "{code}: {:?}", answer.body);
        if !takes {
            assert_eq!(answer.code(), "APBK0918");
            continue;
        }
        world.minutes(20);
        assert_eq!(world.orders()[0].filled.get(), 0, "{code}: nothing trades at noon");
    }
}

#[tokio::test]
async fn a_cancel_names_the_stock_of_its_order_and_no_other() {
    let world = World::at("2026-11-24T14:30:00Z").await;
    let order = world.us_order("TTTT1002U", "AAPL", 3, "300.00").await;
    let number = order.body["output"]["ODNO"].as_str().unwrap().to_owned();
    let wrong = world.cancel_abroad("TTTT1004U", ["NASD", "MSFT"], &number, 3).await;
    assert_eq!(wrong.code(), "APBK0400");
    assert!(world.cancel_abroad("TTTT1004U", ["NASD", "AAPL"], &number, 3).await.is_ok());
}
