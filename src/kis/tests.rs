//! The whole client: turns, tokens, and what it refuses before the wire.

mod official;
mod symbols;

use std::path::PathBuf;

use domain::messages::market_data::RankingKind;
use domain::{Instrument, Side};

use super::testing::{FreePace, Scripted, clock, config, page, reply, token_reply, with_token};
use super::*;

/// An adapter over `transport`, and the pace it asks.
fn kis(environment: Environment, transport: &Arc<Scripted>) -> (Kis, Arc<FreePace>) {
    let pace = Arc::new(FreePace::default());
    let dyn_transport: Arc<dyn Transport> = Arc::clone(transport) as _;
    let dyn_pace: Arc<dyn Pace> = Arc::clone(&pace) as _;
    let orders = Arc::clone(&dyn_transport);
    (connect(config(environment), dyn_transport, orders, clock(), dyn_pace).unwrap(), pace)
}

#[tokio::test(start_paused = true)]
async fn a_prepared_turn_serves_one_order_and_does_not_keep() {
    let transport = with_token(|_, _| reply(500, ""));
    let (kis, pace) = kis(Environment::Real, &transport);
    kis.prepare(Urgency::Exit).await.unwrap();
    assert_eq!(*pace.turns.lock().unwrap(), [Urgency::Exit; 2], "one for the token, one for the order");
    assert!(kis.use_turn());
    assert!(!kis.use_turn(), "one turn, one order");
    kis.prepare(Urgency::Entry).await.unwrap();
    tokio::time::advance(TURN_VALIDITY).await;
    assert!(!kis.use_turn(), "a turn of ten seconds ago is void");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_prepared_without_a_token() {
    let transport = Scripted::new(|_, _| reply(403, r#"{"error_code":"EGW00103","error_description":"x"}"#));
    let (kis, _) = kis(Environment::Real, &transport);
    assert!(matches!(kis.prepare(Urgency::Entry).await, Err(QueryError::Refused { .. })));
    assert!(!kis.use_turn());
}

#[tokio::test(start_paused = true)]
async fn only_refusals_of_keys_account_or_configuration_need_a_person() {
    let (kis, _) = kis(Environment::Real, &with_token(|_, _| reply(500, "")));
    let needs = |code: &str| kis.needs_a_person(&Refusal::Code { code: code.into(), text: String::new() });
    for code in ["EGW00103", "EGW00213", "OPSQ2000", "APAC0489"] {
        assert!(needs(code), "{code}");
    }
    for code in ["APBK0952", "EGW00201", "EGW00123", "ZZZZ9999", ""] {
        assert!(!needs(code), "{code}");
    }
    assert!(!kis.needs_a_person(&Refusal::NotSent("x".into())));
}

#[test]
fn an_account_number_is_eight_digits_a_dash_and_two_and_stays_hidden() {
    let account = AccountNumber::parse(&"12345678-01".into()).unwrap();
    assert_eq!(account.parts(), ("12345678", "01"));
    assert!(!format!("{account:?} {:?}", config(Environment::Real)).contains("12345678"));
    for text in ["", "12345678", "1234567-01", "12345678-1", "1234567a-01", "１2345678-01"] {
        assert!(AccountNumber::parse(&text.into()).is_err(), "{text}");
    }
}

/// The folder with KIS's own example bodies; they are not part of this repository.
fn examples() -> Option<PathBuf> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/reference/kis/examples"));
    if folder.is_dir() {
        return Some(folder);
    }
    let strict = std::env::var("KESTREL_STRICT").is_ok_and(|value| value == "1");
    assert!(!strict, "KESTREL_STRICT=1, and {} is missing", folder.display());
    println!("skipped: {} is missing", folder.display());
    None
}

/// Last part of a path, and the file that answers it.
type Names = &'static [(&'static str, &'static str)];

/// An exchange that answers each path's last part with the example of that name.
fn exchange_of(folder: PathBuf, names: Names) -> Arc<Scripted> {
    Scripted::new(move |request, _| {
        let path = request.uri().path();
        if path.ends_with("tokenP") {
            return token_reply("t");
        }
        let end = path.rsplit('/').next().unwrap();
        let (_, file) = names.iter().find(|(name, _)| *name == end).unwrap();
        page("D", &std::fs::read_to_string(folder.join(file)).unwrap())
    })
}

fn instrument(market: Market, symbol: &str) -> Instrument {
    Instrument { market, symbol: symbol.parse().unwrap() }
}

fn daily(market: Market, symbol: &str) -> BarsQuery {
    let interval = domain::messages::market_data::BarInterval::Day;
    BarsQuery { instrument: instrument(market, symbol), interval, count: 5 }
}

fn text(value: impl ToString) -> String {
    value.to_string()
}

#[tokio::test(start_paused = true)]
async fn the_official_domestic_bodies_are_understood() {
    let Some(folder) = examples() else { return };
    let names = &[
        ("inquire-price", "domestic_inquire-price.json"),
        ("inquire-daily-itemchartprice", "domestic_inquire-daily-itemchartprice.json"),
        ("inquire-balance", "domestic_inquire-balance_consistent.json"),
        ("inquire-psbl-order", "domestic_inquire-psbl-order.json"),
        ("fluctuation", "domestic_fluctuation.json"),
        ("volume-rank", "domestic_volume-rank.json"),
    ];
    let transport = exchange_of(folder, names);
    let (kis, _) = kis(Environment::Real, &transport);
    let stock = instrument(Market::Kr, "005930");
    let quote = kis.quote(QuoteQuery { instrument: stock }, Urgency::Scan).await.unwrap();
    assert_eq!(
        (text(quote.last), text(quote.rules.upper_limit.unwrap())),
        ("128500".into(), "167000".into())
    );
    assert!(!kis.bars(daily(Market::Kr, "005930")).await.unwrap().is_empty());
    let account = kis.account(AccountQuery { market: Market::Kr }, Urgency::Scan).await.unwrap();
    assert!(account.cash.is_some() && account.equity.is_some() && account.purchase_total.is_some());
    assert!(!account.holdings.is_empty() && account.holdings.iter().all(|held| !held.quantity.is_zero()));
    for kind in [RankingKind::Fluctuation, RankingKind::Volume] {
        let stocks = kis.ranking(RankingQuery { market: Market::Kr, kind }).await.unwrap();
        assert_eq!(stocks.len(), 3, "{kind:?}");
        assert!(stocks.iter().all(|stock| stock.price.is_some() && stock.change_pct.is_some()));
    }
}

#[tokio::test(start_paused = true)]
async fn the_official_foreign_bodies_are_understood() {
    let Some(folder) = examples() else { return };
    let names = &[
        ("price-detail", "overseas_price-detail.json"),
        ("dailyprice", "overseas_dailyprice.json"),
        ("inquire-balance", "overseas_inquire-balance_consistent.json"),
        ("inquire-psamount", "overseas_inquire-psamount.json"),
        ("inquire-ccnl", "overseas_inquire-ccnl_empty.json"),
        ("updown-rate", "overseas_updown-rate.json"),
        ("volume-surge", "overseas_volume-surge.json"),
    ];
    let transport = exchange_of(folder, names);
    let (kis, _) = kis(Environment::Real, &transport);
    let market = Market::UsNasdaq;
    let stock = instrument(market, "TSLA");
    assert!(kis.quote(QuoteQuery { instrument: stock }, Urgency::Scan).await.is_ok());
    let bars = kis.bars(daily(market, "TSLA")).await.unwrap();
    assert_eq!((bars.len(), text(bars[4].close)), (5, "1045.76".into()));
    let account = kis.account(AccountQuery { market }, Urgency::Scan).await.unwrap();
    assert_eq!(text(account.cash.unwrap()), "7391.30 USD");
    assert_eq!(text(account.valuation_total.unwrap()), "3902.50 USD");
    assert_eq!(account.holdings.len(), 2);
    for kind in [RankingKind::Fluctuation, RankingKind::Volume] {
        let stocks = kis.ranking(RankingQuery { market, kind }).await.unwrap();
        assert!(!stocks.is_empty() && stocks.iter().all(|stock| !stock.name.is_empty()), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_official_price_detail_tells_the_lot_and_that_there_is_no_limit() {
    let Some(folder) = examples() else { return };
    let body = std::fs::read_to_string(folder.join("overseas_price-detail.json")).unwrap();
    let told: serde_json::Value = serde_json::from_str(&body).unwrap();
    let transport = exchange_of(folder, &[("price-detail", "overseas_price-detail.json")]);
    let (kis, _) = kis(Environment::Real, &transport);
    // The example is of an American stock; Hong Kong is where the lot matters.
    let stock = instrument(Market::Hk, "00700");
    let quote = kis.quote(QuoteQuery { instrument: stock }, Urgency::Scan).await.unwrap();
    let field = |name: &str| told["output"][name].as_str().unwrap().trim().to_owned();
    assert_eq!(quote.rules.lot.unwrap().to_string(), field("vnit"));
    assert_eq!((quote.rules.upper_limit, quote.rules.lower_limit), (None, None));
    assert_eq!(quote.last, field("last").parse().unwrap());
    assert_eq!(quote.open, field("open").parse().ok());
    assert_eq!(quote.volume, field("tvol").parse().ok());
    // The same change in won, at one rate of exchange.
    assert_eq!(quote.change_pct, field("t_xrat").parse().ok());
}

#[tokio::test(start_paused = true)]
async fn the_official_order_lists_are_understood_and_lawful() {
    let Some(folder) = examples() else { return };
    const FILLED: Names = &[("inquire-daily-ccld", "domestic_inquire-daily-ccld_filled.json")];
    const ABROAD: Names = &[("inquire-ccnl", "overseas_inquire-ccnl.json")];
    const EMPTY: Names = &[("inquire-ccnl", "overseas_inquire-ccnl_empty.json")];
    let cases = [(FILLED, Market::Kr, 2), (ABROAD, Market::UsNasdaq, 2), (EMPTY, Market::UsNyse, 0)];
    for (names, market, count) in cases {
        let transport = exchange_of(folder.clone(), names);
        let (kis, _) = kis(Environment::Real, &transport);
        let rows = kis.orders_of_day(market, "2026-03-02".parse().unwrap()).await.unwrap();
        assert_eq!(rows.len(), count, "{market}");
        assert!(rows.iter().all(InquiryRow::is_lawful));
        assert!(rows.iter().all(|row| row.order.number.len() == 10));
        if market == Market::Kr {
            assert_eq!(rows.iter().filter(|row| row.side == Side::Sell).count(), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_because_of_the_rate_slows_the_pace_and_no_other_refusal_does() {
    let refusal = |code| format!(r#"{{"rt_cd":"1","msg_cd":"{code}","msg1":"x"}}"#);
    for (code, throttled) in
        [("EGW00201", true), ("EGW00215", true), ("EGW00302", false), ("APBK0506", false)]
    {
        let body = refusal(code);
        let transport = with_token(move |_, _| reply(500, &body));
        let (kis, pace) = kis(Environment::Real, &transport);
        let stock = domain::Instrument { market: Market::Kr, symbol: "005930".parse().unwrap() };
        assert!(kis.quote(QuoteQuery { instrument: stock }, Urgency::Scan).await.is_err(), "{code}");
        assert_eq!(*pace.throttles.lock().unwrap() > 0, throttled, "{code}");
    }
}
