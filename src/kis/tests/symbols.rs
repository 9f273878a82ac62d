//! Each foreign market's stock, from the question to the typed value: quotes name the quote code, the account and its orders
//! the order code, and the stock is written as its market writes it (KIS.md 7.1, 7.4).

use domain::messages::market_data::BarInterval;

use super::*;
use crate::kis::testing::parameter;

/// Market, stock, `EXCD`, `OVRS_EXCG_CD`, currency.
const CASES: [(Market, &str, &str, &str, &str); 10] = [
    (Market::UsNasdaq, "AAPL", "NAS", "NASD", "USD"),
    (Market::UsNyse, "BRK/B", "NYS", "NYSE", "USD"),
    (Market::UsAmex, "SPY", "AMS", "AMEX", "USD"),
    (Market::Jp, "7203", "TSE", "TKSE", "JPY"),
    (Market::Jp, "491A", "TSE", "TKSE", "JPY"),
    (Market::Hk, "00700", "HKS", "SEHK", "HKD"),
    (Market::CnSha, "600519", "SHS", "SHAA", "CNY"),
    (Market::CnSza, "000001", "SZS", "SZAA", "CNY"),
    (Market::VnHan, "SHS", "HNX", "HASE", "VND"),
    (Market::VnHcm, "VNM", "HSX", "VNSE", "VND"),
];

/// One answer for every question about `symbol`: each part is read by its own kind of question.
fn answer(path: &str, [symbol, order_code, currency]: [&str; 3]) -> String {
    match path.rsplit('/').next().unwrap() {
        "inquire-balance" => format!(
            r#"{{"rt_cd":"0","output1":[{{"ovrs_pdno":"{symbol}","ovrs_excg_cd":"{order_code}","tr_crcy_cd":"{currency}","ovrs_cblc_qty":"300","ord_psbl_qty":"200","pchs_avg_pric":"10","now_pric2":"10","frcr_pchs_amt1":"3000","ovrs_stck_evlu_amt":"3000"}}]}}"#
        ),
        "inquire-ccnl" | "inquire-nccs" => format!(
            r#"{{"rt_cd":"0","output":[{{"ord_dt":"20261124","ord_gno_brno":"01790","odno":"0000000007","ovrs_excg_cd":"{order_code}","pdno":"{symbol}","sll_buy_dvsn_cd":"01","ft_ord_qty":"300","ft_ord_unpr3":"10","ft_ccld_qty":"100","ft_ccld_unpr3":"10","nccs_qty":"200"}}]}}"#
        ),
        "inquire-psamount" => r#"{"rt_cd":"0","output":{"ovrs_ord_psbl_amt":"1000"}}"#.to_owned(),
        "updown-rate" | "volume-surge" | "inquire-search" => {
            format!(r#"{{"rt_cd":"0","output2":[{{"symb":"{symbol}","name":"x","last":"10","rate":"1","tvol":"2","n_tvol":"1"}}]}}"#)
        }
        _ => r#"{"rt_cd":"0","output":{"last":"10","vnit":"100"},
            "output2":[{"xymd":"20261124","xhms":"100000","open":"10","high":"10","low":"10","clos":"10","last":"10","tvol":"1","evol":"1"}]}"#
            .to_owned(),
    }
}

/// Everything that is asked of one stock and its market, and what came of it.
async fn ask_all(kis: &Kis, stock: &Instrument, environment: Environment) {
    let market = stock.market;
    let quote = kis.quote(QuoteQuery { instrument: stock.clone() }, Urgency::Scan).await.unwrap();
    assert_eq!(quote.instrument, *stock);
    for interval in [BarInterval::Day, BarInterval::Minute] {
        let bars = kis.bars(BarsQuery { instrument: stock.clone(), interval, count: 1 }).await;
        let is_offered = interval == BarInterval::Day || environment == Environment::Real;
        assert_eq!(bars.is_ok_and(|bars| bars.len() == 1), is_offered, "{stock} {interval:?}");
    }
    for kind in [RankingKind::Fluctuation, RankingKind::Volume] {
        let stocks = kis.ranking(RankingQuery { market, kind }).await;
        let is_offered = kind == RankingKind::Fluctuation || environment == Environment::Real;
        assert_eq!(stocks.is_ok_and(|stocks| stocks[0].instrument == *stock), is_offered, "{stock} {kind:?}");
    }
    let account = kis.account(AccountQuery { market }, Urgency::Scan).await.unwrap();
    let holding = account.holding(stock).unwrap();
    assert_eq!((holding.quantity, holding.sellable), (Quantity::new(300), Quantity::new(200)), "{stock}");
    let day = "2026-11-24".parse().unwrap();
    let orders = kis.orders_of_day(market, day).await.unwrap();
    assert_eq!((&orders[0].instrument, orders[0].remaining), (stock, Quantity::new(200)));
    if environment == Environment::Real {
        let working = kis.working_orders(market).await.unwrap();
        assert_eq!((&working[0].instrument, working[0].remaining), (stock, Quantity::new(200)));
    }
}

#[tokio::test(start_paused = true)]
async fn each_foreign_stock_is_asked_for_by_the_codes_of_its_market_and_read_back_as_itself() {
    for environment in [Environment::Real, Environment::Paper] {
        for (market, symbol, quote_code, order_code, currency) in CASES {
            let transport = with_token(move |request, _| {
                // Boards that list another market's holdings too: each code lists its own.
                let named = parameter(request, "OVRS_EXCG_CD");
                let own = named.is_none_or(|code| ["", "%25", "NASD", order_code].contains(&code));
                let body = answer(request.uri().path(), [symbol, order_code, currency]);
                let nothing = r#"{"rt_cd":"0","output1":[],"output":[]}"#;
                page("D", if own { &body } else { nothing })
            });
            let (kis, _) = kis(environment, &transport);
            let stock = instrument(market, symbol);
            ask_all(&kis, &stock, environment).await;
            let written = symbol.replace('/', "%2F");
            for line in transport.asked() {
                let value = |key: &str| {
                    line.split_once(&format!("{key}=")).map(|(_, rest)| rest.split('&').next().unwrap())
                };
                assert!(
                    value("EXCD").is_none_or(|code| code == quote_code || line.contains("OVRS_EXCG_CD")),
                    "{line}"
                );
                assert!(value("SYMB").is_none_or(|code| code == written), "{line}");
                if line.contains("psamount") {
                    assert_eq!(value("ITEM_CD"), Some(written.as_str()), "{line}");
                    assert_eq!(value("OVRS_EXCG_CD"), Some(order_code), "{line}");
                }
            }
            let by_quote_code =
                transport.asked().iter().filter(|line| line.contains(&format!("&EXCD={quote_code}"))).count();
            // Quote, bars and search; a real account has two rankings instead of the search.
            let wanted = if environment == Environment::Real { 4 } else { 3 };
            assert!(by_quote_code >= wanted, "{market}: {by_quote_code} of {:?}", transport.asked());
        }
    }
}
