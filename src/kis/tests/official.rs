//! KIS's own example bodies of the reads that the other tests leave out: each is the typed value that KIS.md says.

use domain::Side;
use domain::messages::market_data::BarInterval;

use super::*;

fn exchange(environment: Environment, names: Names) -> Option<Kis> {
    Some(kis(environment, &exchange_of(examples()?, names)).0)
}

/// Start, open, high, low, close and volume of the newest `count` bars.
async fn minutes(kis: &Kis, market: Market, symbol: &str, count: u16) -> Vec<String> {
    let query = BarsQuery { instrument: instrument(market, symbol), interval: BarInterval::Minute, count };
    let bars = kis.bars(query).await.unwrap();
    let line = |bar: &Candle| {
        let Candle { at, open, high, low, close, volume, .. } = bar;
        format!("{} {open} {high} {low} {close} {volume}", at.format("%Y-%m-%dT%H:%M"))
    };
    bars.iter().map(line).collect()
}

#[tokio::test(start_paused = true)]
async fn the_official_minute_bars_are_bars_of_the_exchanges_minutes() {
    let names: Names = &[("inquire-time-itemchartprice", "domestic_inquire-time-itemchartprice.json")];
    let Some(kis) = exchange(Environment::Paper, names) else { return };
    // 09:59 and 10:00 in Seoul.
    assert_eq!(
        minutes(&kis, Market::Kr, "000660", 2).await,
        ["2022-09-02T00:59 92500 92500 92400 92400 1564", "2022-09-02T01:00 92400 92500 92400 92500 1383"]
    );
    let names: Names = &[("inquire-time-itemchartprice", "overseas_inquire-time-itemchartprice.json")];
    let kis = exchange(Environment::Real, names).unwrap();
    let bars = minutes(&kis, Market::UsNasdaq, "TSLA", 2).await;
    // 15:55 and 16:00 in New York, which the body calls 05:55 and 06:00 of the next day in Korea.
    assert_eq!(
        bars,
        [
            "2024-02-22T20:55 197.72 197.99 197.17 197.38 1810184",
            "2024-02-22T21:00 197.34 197.41 197.28 197.41 5695"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_official_condition_search_is_the_ranking_of_a_paper_account() {
    let Some(kis) = exchange(Environment::Paper, &[("inquire-search", "overseas_inquire-search.json")])
    else {
        return;
    };
    let query = RankingQuery { market: Market::UsNasdaq, kind: RankingKind::Fluctuation };
    let stocks = kis.ranking(query).await.unwrap();
    let told: Vec<_> = stocks
        .iter()
        .map(|stock| {
            (text(&stock.instrument.symbol), text(stock.price.unwrap()), text(stock.change_pct.unwrap()))
        })
        .collect();
    let row =
        |symbol: &str, price: &str, change: &str| (symbol.to_owned(), price.to_owned(), change.to_owned());
    // Told by volume; sorted here by change.
    assert_eq!(told, [row("PANW", "160.75", "-0.64"), row("TSLA", "160.95", "-4.09")]);
    assert_eq!(stocks[1].name, "테슬라");
    assert_eq!(stocks[1].volume_ratio, None, "the search does not tell against what");
}

#[tokio::test(start_paused = true)]
async fn the_official_list_of_days_has_the_last_weekday_of_the_year_closed_although_banks_work() {
    let Some(kis) = exchange(Environment::Real, &[("chk-holiday", "domestic_chk-holiday.json")]) else {
        return;
    };
    let from = "2022-12-27".parse().unwrap();
    let days = kis.listed_days(Market::Kr, from).await.unwrap();
    let opens = |date: &str| days.iter().find(|day| text(day.date) == date).unwrap().opens;
    assert_eq!(days[0].date, from);
    for (date, expected) in [
        ("2022-12-29", true),
        ("2022-12-30", false),
        ("2022-12-31", false),
        ("2023-01-01", false),
        ("2023-01-02", true),
    ] {
        assert_eq!(opens(date), expected, "{date}");
    }
    let body = std::fs::read_to_string(examples().unwrap().join("domestic_chk-holiday.json")).unwrap();
    assert_eq!(days.len(), body.matches("bass_dt").count());
    assert_eq!(days.iter().filter(|day| day.opens).count(), body.matches(r#""opnd_yn": "Y""#).count());
}

#[tokio::test(start_paused = true)]
async fn the_official_order_books_tell_the_best_prices_and_an_empty_side_tells_none() {
    let names: Names = &[
        ("inquire-price", "domestic_inquire-price.json"),
        ("inquire-asking-price-exp-ccn", "domestic_inquire-asking-price-exp-ccn.json"),
        ("price-detail", "overseas_price-detail.json"),
        ("inquire-asking-price", "overseas_inquire-asking-price.json"),
    ];
    let Some(kis) = exchange(Environment::Real, names) else { return };
    for (market, symbol, bid, ask) in [
        (Market::Kr, "000660", Some("127500"), "128000"),
        // After the close nobody bids: "0.0000".
        (Market::UsNasdaq, "TSLA", None, "147"),
    ] {
        let query =
            OrderQuoteQuery { instrument: instrument(market, symbol), side: Side::Buy, scanned: None };
        let quote = kis.order_quote(query, Urgency::Entry).await.unwrap();
        assert_eq!(quote.bid, bid.map(|bid| bid.parse().unwrap()), "{symbol}");
        assert_eq!(quote.ask, Some(ask.parse().unwrap()), "{symbol}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_official_lists_of_working_orders_and_of_sellable_shares_are_understood() {
    let names: Names = &[
        ("inquire-psbl-rvsecncl", "domestic_inquire-psbl-rvsecncl.json"),
        ("inquire-nccs", "overseas_inquire-nccs.json"),
        ("inquire-psbl-sell", "domestic_inquire-psbl-sell.json"),
    ];
    let Some(kis) = exchange(Environment::Real, names) else { return };
    for (market, numbers) in [
        (Market::Kr, ["0001569139", "0001569138"].as_slice()),
        (Market::UsNyse, &["0030138112", "0030138113"]),
        (Market::UsNasdaq, &[]),
    ] {
        let working = kis.working_orders(market).await.unwrap();
        let told: Vec<_> = working.iter().map(|order| order.order.number.as_str()).collect();
        assert_eq!(told, numbers, "{market}");
        let one = |order: &WorkingOrder| order.remaining == Quantity::new(1) && order.side == Side::Buy;
        assert!(working.iter().all(one), "{market}");
    }
    assert_eq!(kis.sellable(instrument(Market::Kr, "005930")).await, Ok(Quantity::new(1_744)));
}

#[tokio::test(start_paused = true)]
async fn the_official_present_balance_tells_dollars_and_yen_for_one_unit() {
    let names: Names = &[
        ("inquire-present-balance", "overseas_inquire-present-balance.json"),
        ("inquire-balance", "domestic_inquire-balance_consistent.json"),
        ("inquire-psbl-order", "domestic_inquire-psbl-order.json"),
        ("inquire-psamount", "overseas_inquire-psamount.json"),
    ];
    let Some(kis) = exchange(Environment::Real, names) else { return };
    let korean = kis.account(AccountQuery { market: Market::Kr }, Urgency::Scan).await.unwrap();
    let currencies = vec![domain::Currency::Usd, domain::Currency::Jpy];
    let account = kis.account_in_won(AccountInWonQuery { currencies }).await.unwrap();
    let rate = |currency| text(account.rates[&currency].won_per_unit().normalize());
    assert_eq!(
        (rate(domain::Currency::Usd), rate(domain::Currency::Jpy)),
        ("1212.6".into(), "9.8111".into())
    );
    let foreign = (25_672_559 + 9_453_245).into();
    assert_eq!(account.equity.unwrap().amount() - korean.equity.unwrap().amount(), foreign);
}
