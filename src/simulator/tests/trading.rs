//! The life of orders: taken, filled in parts, cancelled, expired, refused.

use domain::{Currency, Side};
use rust_decimal::Decimal;
use serde_json::Value;

use super::world::{KOREAN_OPEN, Setting, US_OPEN, World, number};
use crate::simulator::{Environment, VenueOrder};

fn is_lawful(row: &Value) -> bool {
    let parts = ["tot_ccld_qty", "rmn_qty", "cncl_cfrm_qty", "rjct_qty"].map(|field| number(row, field));
    number(row, "ord_qty") == parts.into_iter().sum()
}

#[tokio::test]
async fn a_large_order_fills_in_parts_and_its_row_obeys_the_law_all_along() {
    let world = World::at(KOREAN_OPEN).await;
    let upper = world.korean_price("910100").await["stck_mxpr"].as_str().unwrap().to_owned();
    let taken = world.buy("910100", 1_400, &upper).await;
    assert_eq!((taken.status, taken.code()), (200, "APBK0013"));
    assert_eq!(taken.body["output"]["ODNO"], "0000000001");
    assert_eq!(taken.body["output"]["KRX_FWDG_ORD_ORGNO"], "06010");
    assert_eq!(taken.body["output"]["ORD_TMD"], "090000");
    let mut seen = Vec::new();
    for _ in 0..120 {
        let row = world.korean_orders().await[0].clone();
        assert!(is_lawful(&row), "{row}");
        seen.push(number(&row, "tot_ccld_qty"));
        world.clock.forward(chrono::TimeDelta::seconds(5));
    }
    assert_eq!(seen[0], Decimal::ZERO);
    assert_eq!(seen.last(), Some(&Decimal::from(1_400)));
    assert!(seen.iter().any(|filled| *filled > Decimal::ZERO && *filled < Decimal::from(1_400)), "{seen:?}");
    assert!(seen.windows(2).all(|pair| pair[0] <= pair[1]));
}

#[tokio::test]
async fn a_resting_order_fills_at_its_limit_when_the_price_comes_to_it() {
    let world = World::at(KOREAN_OPEN).await;
    world.minutes(5);
    let quote = world.korean_price("910080").await;
    let limit = number(&quote, "stck_prpr") - number(&quote, "aspr_unit") * Decimal::from(3);
    world.buy("910080", 100, &limit.to_string()).await;
    let mut waited = 0;
    while world.orders()[0].filled.get() < 100 && waited < 380 {
        world.minutes(1);
        waited += 1;
    }
    let order = &world.orders()[0];
    let low = number(&world.korean_price("910080").await, "stck_lwpr");
    assert_eq!(order.filled.get() > 0, low <= limit, "low {low}, limit {limit}, {order:?}");
    assert!(order.amount <= limit * Decimal::from(order.filled.get()));
    assert!(waited > 0);
}

#[tokio::test]
async fn a_cancellation_is_an_order_of_its_own_and_a_second_one_is_refused() {
    let world = World::at(KOREAN_OPEN).await;
    world.minutes(5);
    let lower = world.korean_price("910010").await["stck_llam"].as_str().unwrap().to_owned();
    let taken = world.buy("910010", 10, &lower).await;
    let number_text = taken.body["output"]["ODNO"].as_str().unwrap();
    let cancelled = world.cancel(number_text).await;
    assert_eq!(cancelled.body["output"]["ODNO"], "0000000002");
    let rows = world.korean_orders().await;
    assert!(rows.iter().all(is_lawful), "{rows:?}");
    assert_eq!((&rows[0]["orgn_odno"], &rows[0]["cncl_cfrm_qty"]), (&number_text.into(), &"10".into()));
    assert_eq!((&rows[1]["cncl_yn"], &rows[1]["rmn_qty"]), (&"y".into(), &"0".into()));
    assert_eq!(world.cancel(number_text).await.code(), "APBK0400");
    assert_eq!(world.orders().len(), 1);
}

#[tokio::test]
async fn what_is_unfilled_at_the_close_expires_and_frees_its_cash() {
    let world = World::at(KOREAN_OPEN).await;
    let lower = world.korean_price("910010").await["stck_llam"].as_str().unwrap().to_owned();
    world.buy("910010", 10, &lower).await;
    world.minutes(6 * 60 + 29);
    assert_eq!(world.orders()[0].remaining().get(), 10);
    world.minutes(1);
    let rows = world.korean_orders().await;
    assert!(is_lawful(&rows[0]) && rows[0]["rmn_qty"] == "0" && rows[0]["cncl_cfrm_qty"] == "10", "{rows:?}");
    assert_eq!(world.cash(Currency::Krw), Decimal::from(100_000_000));
}

#[tokio::test]
async fn an_order_that_breaks_a_rule_is_refused_with_its_code() {
    let world = World::at(KOREAN_OPEN).await;
    world.minutes(1);
    let upper = number(&world.korean_price("910010").await, "stck_mxpr");
    let cases = [
        (world.buy("910010", 1, "70050").await, "APBK0506"),
        (world.buy("910010", 1, &(upper + Decimal::from(100)).to_string()).await, "APBK0506"),
        (world.buy("999999", 1, "70000").await, "APBK0656"),
        (world.buy("910010", 100_000, "70000").await, "APBK0952"),
        (world.sell("910010", 1, "70000").await, "APBK0400"),
        (world.buy("910010", 0, "70000").await, "OPSQ2002"),
        (world.us_order("TTTT1002U", "AAPL", 1, "430.47").await, "APBK0918"),
    ];
    for (answer, code) in cases {
        assert_eq!((answer.status, answer.code()), (200, code), "{answer:?}");
        assert_ne!(answer.body["rt_cd"], "0");
    }
    assert!(world.orders().is_empty());
    assert_eq!(world.exchange.books().order_posts_refused, 7);
}

#[tokio::test]
async fn orders_are_refused_before_the_session_after_it_and_on_the_weekend() {
    let cases = [
        ("2026-11-23T23:00:00Z", Environment::Real, "TTTC0012U", "APBK0918"),
        ("2026-11-24T06:30:00Z", Environment::Real, "TTTC0012U", "APBK0918"),
        ("2026-11-28T01:00:00Z", Environment::Real, "TTTC0012U", "APBK0919"),
        ("2026-11-24T06:30:00Z", Environment::Paper, "VTTC0012U", "40580000"),
        ("2026-11-28T01:00:00Z", Environment::Paper, "VTTC0012U", "40100000"),
    ];
    for (start, environment, tr_id, code) in cases {
        let world = World::of(Setting { start, environment, ..Setting::default() }).await;
        assert_eq!(world.korean_order(tr_id, "910010", 1, "70000").await.code(), code, "{start}");
    }
    let early = World::at("2026-11-23T23:30:00Z").await;
    assert!(early.buy("910010", 1, "71000").await.is_ok());
}

#[tokio::test]
async fn a_us_order_takes_cents_rests_before_the_open_and_fills_after_it() {
    let world = World::at(US_OPEN).await;
    assert_eq!(world.us_order("TTTT1002U", "AAPL", 1, "430.475").await.code(), "APBK0506");
    assert_eq!(world.us_order("TTTT1002U", "AAPL", 1, "0").await.code(), "APBK1507");
    assert_eq!(world.us_order("TTTT1002U", "IBM", 1, "200").await.code(), "APBK0656");
    let early = World::at("2026-11-24T13:00:00Z").await;
    assert!(early.us_order("TTTT1002U", "AAPL", 20, "480.00").await.is_ok());
    early.minutes(89);
    assert_eq!(early.orders()[0].filled.get(), 0);
    early.minutes(10);
    let order = &early.orders()[0];
    assert_eq!((order.filled.get(), order.id.branch.as_str()), (20, "01790"));
    let spent = Decimal::from(75_000) - early.cash(Currency::Usd);
    assert_eq!(spent, order.amount + order.fees);
    assert!(order.fees > Decimal::ZERO);
}

#[tokio::test]
async fn how_often_the_exchange_is_asked_changes_nothing() {
    let (patient, nervous) = (World::at(KOREAN_OPEN).await, World::at(KOREAN_OPEN).await);
    for world in [&patient, &nervous] {
        assert!(world.buy("910030", 1_200, "0").await.is_ok());
        assert!(world.buy("910040", 900, "12000").await.is_ok());
    }
    patient.minutes(240);
    for _ in 0..240 {
        nervous.minutes(1);
        nervous.korean_price("910030").await;
        nervous.exchange.books();
    }
    assert_eq!(patient.exchange.books(), nervous.exchange.books());
    assert_eq!(patient.korean_price("910040").await, nervous.korean_price("910040").await);
}

#[tokio::test]
async fn a_tag_says_which_intent_an_order_was_sent_for() {
    let world = World::at(KOREAN_OPEN).await;
    world.buy("910010", 1, "70000").await;
    assert_eq!(world.orders()[0].tag.as_deref(), Some("i-1"));
}

/// Cash that all fills explain.
fn explained(orders: &[VenueOrder], currency: Currency, start: Decimal) -> Decimal {
    let own = orders.iter().filter(|order| order.instrument.market.currency() == currency);
    own.fold(start, |cash, order| match order.side {
        Side::Buy => cash - order.amount - order.fees,
        Side::Sell => cash + order.amount - order.fees,
    })
}

#[tokio::test]
async fn over_random_days_cash_and_shares_are_conserved_and_never_negative() {
    for seed in 1..=4 {
        let world = World::of(Setting { seed, ..Setting::default() }).await;
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..150 {
            world.clock.forward(chrono::TimeDelta::seconds(random.i64(1..900)));
            random_act(&world, &mut random).await;
            let books = world.exchange.books();
            for order in &books.orders {
                assert!(order.filled.get() + order.cancelled.get() <= order.quantity.get());
            }
            for money in &books.cash {
                let start =
                    Decimal::from(if money.currency() == Currency::Krw { 100_000_000 } else { 75_000 });
                assert_eq!(money.amount(), explained(&books.orders, money.currency(), start));
                assert!(money.amount() >= Decimal::ZERO, "{money}");
            }
        }
        let books = world.exchange.books();
        assert!(books.orders.iter().any(|order| order.side == Side::Sell && order.filled.get() > 0));
        for position in &books.positions {
            let own = books.orders.iter().filter(|order| order.instrument == position.instrument);
            let net: i64 = own.map(signed).sum();
            assert_eq!(net, position.quantity.get().cast_signed());
        }
    }
}

fn signed(order: &VenueOrder) -> i64 {
    let shares = order.filled.get().cast_signed();
    if order.side == Side::Buy { shares } else { -shares }
}

async fn random_act(world: &World, random: &mut fastrand::Rng) {
    let symbol = random.choice(["910010", "910030", "910080"]).unwrap();
    let foreign = random.choice(["AAPL", "HLXG"]).unwrap();
    let quantity = random.u64(1..700);
    let korean = if random.bool() { "TTTC0012U" } else { "TTTC0011U" };
    let us = if random.bool() { "TTTT1002U" } else { "TTTT1006U" };
    match random.u8(0..5) {
        0 | 1 => drop(world.korean_order(korean, symbol, quantity, "0").await),
        2 => drop(world.buy(symbol, quantity, "4200").await),
        3 => drop(world.us_order(us, foreign, quantity, random.choice(["18.70", "440.00"]).unwrap()).await),
        _ => {
            if let Some(order) = world.orders().last() {
                world.cancel(&order.id.number).await;
            }
        }
    }
}

#[tokio::test]
async fn a_changed_order_has_a_new_number_and_is_cancelled_by_that_one_alone() {
    let world = World::at(KOREAN_OPEN).await;
    world.minutes(5);
    let quote = world.korean_price("910010").await;
    let lower = quote["stck_llam"].as_str().unwrap().to_owned();
    let higher = (number(&quote, "stck_llam") + number(&quote, "aspr_unit")).to_string();
    let taken = world.buy("910010", 10, &lower).await;
    let first = taken.body["output"]["ODNO"].as_str().unwrap().to_owned();
    let changed = world.change(&first, &higher).await;
    assert!(changed.is_ok(), "{:?}", changed.body);
    let second = changed.body["output"]["ODNO"].as_str().unwrap().to_owned();
    assert_eq!((first.as_str(), second.as_str()), ("0000000001", "0000000002"));
    let rows = world.korean_orders().await;
    assert!(rows.iter().all(is_lawful), "{rows:?}");
    assert_eq!((&rows[0]["orgn_odno"], &rows[0]["rmn_qty"]), (&first.clone().into(), &"10".into()));
    assert_eq!((&rows[0]["ord_unpr"], &rows[1]["rmn_qty"]), (&higher.into(), &"0".into()));
    assert_eq!(world.cancel(&first).await.code(), "APBK0400");
    assert!(world.cancel(&second).await.is_ok());
    assert_eq!(world.change(&second, &lower).await.code(), "APBK0400", "nothing is left to change");
}

#[tokio::test]
async fn a_change_that_the_cash_does_not_bear_leaves_the_order_as_it_was() {
    let world = World::at(KOREAN_OPEN).await;
    world.minutes(5);
    let quote = world.korean_price("910010").await;
    let [lower, upper] = ["stck_llam", "stck_mxpr"].map(|key| quote[key].as_str().unwrap().to_owned());
    let most = (Decimal::from(99_000_000) / number(&quote, "stck_llam")).floor().to_string();
    let taken = world.buy("910010", most.parse().unwrap(), &lower).await;
    let number_text = taken.body["output"]["ODNO"].as_str().unwrap();
    assert_eq!(world.change(number_text, &upper).await.code(), "APBK0952");
    assert_eq!(world.korean_orders().await[0]["rmn_qty"], most);
    assert_eq!(world.korean_orders().await.len(), 1);
}

#[tokio::test]
async fn an_order_is_written_as_the_sheet_writes_it_or_refused_by_the_field_that_is_not() {
    let world = World::at("2026-11-24T01:00:00Z").await;
    let home = [
        ("PDNO", "910010"),
        ("ORD_DVSN", "00"),
        ("ORD_QTY", "1"),
        ("ORD_UNPR", "71000"),
        ("SLL_TYPE", ""),
        ("EXCG_ID_DVSN_CD", "KRX"),
    ];
    let abroad = [
        ("OVRS_EXCG_CD", "NASD"),
        ("PDNO", "AAPL"),
        ("ORD_QTY", "1"),
        ("OVRS_ORD_UNPR", "430.00"),
        ("SLL_TYPE", ""),
        ("ORD_SVR_DVSN_CD", "0"),
        ("ORD_DVSN", "00"),
    ];
    let account = [("CANO", "12345678"), ("ACNT_PRDT_CD", "01")];
    let body = |fields: &[(&str, &str)], changed: &[(&str, &str)]| {
        let all = account.iter().chain(fields).chain(changed);
        serde_json::Value::Object(all.map(|(name, value)| ((*name).to_owned(), (*value).into())).collect())
    };
    let at_home = async |tr_id: &str, changed: &[(&str, &str)]| {
        world.post("/uapi/domestic-stock/v1/trading/order-cash", tr_id, body(&home, changed)).await
    };
    let overseas = async |tr_id: &str, changed: &[(&str, &str)]| {
        world.post("/uapi/overseas-stock/v1/trading/order", tr_id, body(&abroad, changed)).await
    };
    for changed in [
        &[("ORD_UNPR", "71000.0")][..],
        &[("ORD_UNPR", "+71000")],
        &[("ORD_UNPR", "71_000")],
        &[("ORD_QTY", "+1")],
        &[("ORD_DVSN", "01")],
        &[("SLL_TYPE", "01")],
    ] {
        assert_eq!(at_home("TTTC0012U", changed).await.code(), "OPSQ2002", "{changed:?}");
    }
    assert_eq!(at_home("TTTC0011U", &[("SLL_TYPE", "00")]).await.code(), "OPSQ2002");
    for changed in [
        &[("OVRS_ORD_UNPR", "+430.00")][..],
        &[("ORD_QTY", "1.0")],
        &[("SLL_TYPE", "00")],
        &[("ORD_SVR_DVSN_CD", "")],
    ] {
        assert_eq!(overseas("TTTT1002U", changed).await.code(), "OPSQ2002", "{changed:?}");
    }
    assert_eq!(overseas("TTTT1006U", &[]).await.code(), "OPSQ2002", "a sale is marked");
    assert!(at_home("TTTC0012U", &[]).await.is_ok());
    assert!(at_home("TTTC0012U", &[("ORD_DVSN", "01"), ("ORD_UNPR", "0")]).await.is_ok());
    assert_eq!(overseas("TTTT1002U", &[]).await.status, 200);
}
