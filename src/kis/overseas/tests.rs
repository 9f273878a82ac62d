//! Foreign quotes, bars and order lists.

use std::sync::atomic::{AtomicUsize, Ordering};

use domain::{OrderState, Side, TickTable};

use super::*;
use crate::kis::testing::{page, parameter, reply, session, with_token};

fn stock_of(market: Market, symbol: &str) -> Instrument {
    Instrument { market, symbol: symbol.parse().unwrap() }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_quote_uses_the_quote_code_and_reads_signed_blank_padded_rates() {
    let body = r#"{"rt_cd":"0","output":{"last":"194.2500","rate":" 0.00","tvol":"12","ordy":"매도불가"}}"#;
    let transport = with_token(move |_, _| reply(200, body));
    let session = session(Environment::Paper, &transport);
    let quote = quote(&session, stock_of(Market::UsNasdaq, "AAPL"), Urgency::Exit).await.unwrap();
    assert_eq!(quote.last.to_string(), "194.25");
    assert_eq!(quote.change_pct, Some("0".parse().unwrap()));
    assert_eq!((quote.bid, quote.ask, quote.open), (None, None, None));
    let request = transport.last();
    assert_eq!((parameter(&request, "EXCD"), parameter(&request, "AUTH")), (Some("NAS"), Some("")));
}

const DETAIL: &str = r#"{"rt_cd":"0","output":{"last":"65.500","base":"62.400","open":"62.400","high":"66.000","low":"62.400","tvol":"1200","vnit":"   400","uplp":"0.000","dnlp":"0.000","e_hogau":"0.050","curr":"HKD"}}"#;

#[tokio::test(start_paused = true)]
async fn a_real_quote_tells_the_board_lot_and_the_range_and_limits_of_the_day() {
    let transport = with_token(|request, _| {
        assert!(request.uri().path().ends_with("/price-detail"), "{}", request.uri());
        reply(200, DETAIL)
    });
    let session = session(Environment::Real, &transport);
    let stock = stock_of(Market::Hk, "00005");
    assert_eq!(session.lot(&stock), None, "nobody has told it");
    let quote = quote(&session, stock.clone(), Urgency::Exit).await.unwrap();
    assert_eq!(quote.rules, StockRules { lot: NonZeroU64::new(400), ..StockRules::default() });
    assert_eq!((quote.change_pct.unwrap().to_string(), quote.volume), ("4.97".into(), Some(1_200)));
    let [open, high, low] = [quote.open, quote.high, quote.low].map(|price| price.unwrap().to_string());
    assert_eq!([open.as_str(), &high, &low], ["62.4", "66", "62.4"]);
    assert_eq!(session.lot(&stock), NonZeroU64::new(400), "an order of it can be checked");
    assert_eq!(parameter(&transport.last(), "EXCD"), Some("HKS"));
}

#[tokio::test(start_paused = true)]
async fn the_told_step_of_a_japanese_stock_says_which_table_its_orders_follow() {
    for (step, table) in
        [("0.500", TickTable::Topix500), ("1.000", TickTable::OfMarket), ("", TickTable::OfMarket)]
    {
        let body = format!(r#"{{"rt_cd":"0","output":{{"last":"2500.5","vnit":"100","e_hogau":"{step}"}}}}"#);
        let transport = with_token(move |_, _| reply(200, &body));
        let session = session(Environment::Real, &transport);
        let stock = stock_of(Market::Jp, "7203");
        let quote = quote(&session, stock.clone(), Urgency::Entry).await.unwrap();
        assert_eq!((quote.rules.ticks, session.ticks(&stock)), (table, table), "'{step}'");
    }
}

#[tokio::test(start_paused = true)]
async fn a_table_of_steps_once_learned_is_carried_by_later_quotes_until_a_told_step_refutes_it() {
    use TickTable::{HongKongSince2025, OfMarket, Topix500};
    let days = [
        (
            Market::Hk,
            "00981",
            vec![("25.060", "0.020", HongKongSince2025), ("60.500", "0.050", HongKongSince2025)],
        ),
        (
            Market::Hk,
            "01024",
            vec![
                ("19.990", "0.010", HongKongSince2025),
                ("20.000", "0.010", HongKongSince2025),
                ("9.950", "", HongKongSince2025),
            ],
        ),
        (
            Market::Hk,
            "01024",
            vec![("12.340", "0.010", HongKongSince2025), ("9.950", "0.005", TickTable::HongKongSince2026)],
        ),
        (
            Market::Hk,
            "02382",
            vec![("9.950", "0.010", OfMarket), ("25.050", "0.050", TickTable::HongKongBefore2025)],
        ),
        (
            Market::Jp,
            "7203",
            vec![("2500.5", "0.5", Topix500), ("2500.0", "1.0", OfMarket), ("2500.0", "", OfMarket)],
        ),
    ];
    for (market, symbol, answers) in days {
        let bodies: Vec<String> = answers
            .iter()
            .map(|(last, step, _)| {
                format!(r#"{{"rt_cd":"0","output":{{"last":"{last}","vnit":"100","e_hogau":"{step}"}}}}"#)
            })
            .collect();
        let asked = AtomicUsize::new(0);
        let transport = with_token(move |_, _| {
            let body = &bodies[asked.fetch_add(1, Ordering::Relaxed)];
            reply(200, body)
        });
        let session = session(Environment::Real, &transport);
        let stock = stock_of(market, symbol);
        for (last, step, table) in answers {
            let quote = quote(&session, stock.clone(), Urgency::Exit).await.unwrap();
            assert_eq!(
                (quote.rules.ticks, session.ticks(&stock)),
                (table, table),
                "{symbol} {last} '{step}'"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lot_that_is_not_told_or_zero_stays_unknown() {
    for vnit in ["", "0", "     0"] {
        let body = DETAIL.replace("   400", vnit);
        let transport = with_token(move |_, _| reply(200, &body));
        let session = session(Environment::Real, &transport);
        let quote = quote(&session, stock_of(Market::Hk, "00005"), Urgency::Exit).await.unwrap();
        assert_eq!((quote.rules.lot, session.lot(&quote.instrument)), (None, None), "'{vnit}'");
    }
    let transport = with_token(|request, _| {
        assert!(request.uri().path().ends_with("/quotations/price"), "{}", request.uri());
        reply(200, DETAIL)
    });
    let paper = session(Environment::Paper, &transport);
    let quote = quote(&paper, stock_of(Market::Hk, "00005"), Urgency::Exit).await.unwrap();
    assert_eq!(quote.rules, StockRules::default(), "a paper account is not told");
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_empty_texts_is_no_price_of_zero() {
    let transport =
        with_token(|_, _| reply(200, r#"{"rt_cd":"0","output":{"last":"","rate":"","tvol":""}}"#));
    let session = session(Environment::Real, &transport);
    let error = quote(&session, stock_of(Market::UsNyse, "ZZZZ"), Urgency::Scan).await.unwrap_err();
    assert!(matches!(error, QueryError::Unavailable(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn daily_bars_go_back_page_by_page_and_contradictions_are_skipped() {
    let transport = with_token(|request, before| {
        let last = NaiveDate::parse_from_str(parameter(request, "BYMD").unwrap(), "%Y%m%d").unwrap();
        let row = |back: u64| {
            let date = bars::compact(last - chrono::Days::new(back));
            let open = if before == 0 && back == 0 { "99" } else { "10" };
            format!(r#"{{"xymd":"{date}","open":"{open}","high":"12.5","low":"9.1","clos":"11","tvol":"7"}}"#)
        };
        let rows: Vec<_> = (0..100).map(row).collect();
        reply(200, &format!(r#"{{"rt_cd":"0","output2":[{}]}}"#, rows.join(",")))
    });
    let session = session(Environment::Paper, &transport);
    let instrument = stock_of(Market::UsNasdaq, "AAPL");
    let query = BarsQuery { instrument, interval: BarInterval::Day, count: 250 };
    let bars = bars(&session, &query).await.unwrap();
    assert_eq!((bars.len(), transport.asked().len()), (250, 4));
    // 10:00 in Seoul is the evening before in New York; that day's bar contradicted itself.
    assert_eq!(Market::UsNasdaq.date_at(bars[249].at), day("2026-11-22"));
}

#[tokio::test(start_paused = true)]
async fn minute_bars_page_by_the_minute_before_the_oldest() {
    let transport = with_token(|_, before| {
        let time = ["100000", "095900"][before.min(1)];
        let row = format!(
            r#"{{"xymd":"20261123","xhms":"{time}","open":"10","high":"12","low":"9","last":"11","evol":"5"}}"#
        );
        reply(200, &format!(r#"{{"rt_cd":"0","output2":[{row}]}}"#))
    });
    let session = session(Environment::Real, &transport);
    let instrument = stock_of(Market::UsNasdaq, "AAPL");
    let query = BarsQuery { instrument, interval: BarInterval::Minute, count: 2 };
    assert_eq!(bars(&session, &query).await.unwrap().len(), 2);
    let request = transport.last();
    assert_eq!(
        (parameter(&request, "KEYB"), parameter(&request, "NEXT")),
        (Some("20261123095900"), Some("1"))
    );
}

fn order(number: &str, exchange: &str, rest: &str) -> String {
    format!(
        r#"{{"ord_dt":"20261123","ord_gno_brno":"01790","odno":"{number}","ovrs_excg_cd":"{exchange}","pdno":"AAPL  ","sll_buy_dvsn_cd":"02",{rest}}}"#
    )
}

const FILLED: &str = r#""rvse_cncl_dvsn":"00","ft_ord_qty":"10","ft_ord_unpr3":"185.00000000","ft_ccld_qty":"10","ft_ccld_unpr3":"184.95000000","nccs_qty":"0","prcs_stat_name":"완료","dmst_ord_dt":"20261124","thco_ord_tmd":"000512""#;

#[tokio::test(start_paused = true)]
async fn the_order_list_of_a_market_has_its_own_orders_of_that_local_date() {
    let open = r#""rvse_cncl_dvsn":"00","ft_ord_qty":"5","ft_ord_unpr3":"55.12","ft_ccld_qty":"0","ft_ccld_unpr3":"0.00000000","nccs_qty":"5","prcs_stat_name":"전송""#;
    let refused = r#""rvse_cncl_dvsn":"00","ft_ord_qty":"9","ft_ord_unpr3":"98","ft_ccld_qty":"0","ft_ccld_unpr3":"0","nccs_qty":"0","prcs_stat_name":"거부","rjct_rson_name":"x""#;
    let cancelled = r#""rvse_cncl_dvsn":"00","ft_ord_qty":"4","ft_ord_unpr3":"98","ft_ccld_qty":"1","ft_ccld_unpr3":"98","nccs_qty":"0","prcs_stat_name":"완료""#;
    let cancel =
        r#""rvse_cncl_dvsn":"02","orgn_odno":"0030138220","ft_ord_qty":"3","ft_ccld_qty":"0","nccs_qty":"0""#;
    let rows = [
        order("0030138211", "NASD", FILLED),
        order("0030138215", "NASD", open),
        order("0030138219", "NASD", refused),
        order("0030138220", "NASD", cancelled),
        order("0030138221", "NASD", cancel),
        order("0030138222", "NYSE", FILLED),
        order("0030138223", "NASD", FILLED).replace("20261123", "20261122"),
    ];
    let body = format!(r#"{{"rt_cd":"0","output":[{}]}}"#, rows.join(","));
    let transport = with_token(move |_, _| page("D", &body));
    let session = session(Environment::Real, &transport);
    let rows = orders_of_day(&session, Market::UsNasdaq, day("2026-11-23")).await.unwrap();
    let states: Vec<_> = rows.iter().map(InquiryRow::state).collect();
    use OrderState::{Accepted, Cancelled, Filled, Rejected};
    assert_eq!(states, [Filled, Accepted, Rejected, Cancelled]);
    assert!(rows.iter().all(InquiryRow::is_lawful));
    // Five past midnight in Seoul.
    assert_eq!(rows[0].time.unwrap().to_string(), "10:05:12");
    assert_eq!((rows[0].instrument.symbol.as_str(), rows[0].side), ("AAPL", Side::Buy));
    let request = transport.last();
    assert_eq!((parameter(&request, "PDNO"), parameter(&request, "ODNO")), (Some("%25"), Some("")));
}

#[tokio::test(start_paused = true)]
async fn a_day_without_orders_is_an_object_of_blanks_and_paper_filters_nothing() {
    let body = r#"{"rt_cd":"0","msg_cd":"KIOK0560","output":{"odno":"","ft_ord_qty":"0","nccs_qty":"0"}}"#;
    let transport = with_token(move |_, _| page("", body));
    let session = session(Environment::Paper, &transport);
    assert_eq!(orders_of_day(&session, Market::UsNyse, day("2026-11-23")).await, Ok(Vec::new()));
    let request = transport.last();
    assert_eq!((parameter(&request, "PDNO"), parameter(&request, "OVRS_EXCG_CD")), (Some(""), Some("")));
}

#[test]
fn shares_that_vanished_from_an_order_on_its_way_are_a_contradiction() {
    let text =
        order("1", "NASD", r#""ft_ord_qty":"5","ft_ccld_qty":"0","nccs_qty":"0","prcs_stat_name":"전송""#);
    let envelope = Envelope::parse(&format!(r#"{{"output":{text}}}"#).into()).unwrap();
    let row = order_row(&envelope.summary("output").unwrap()).unwrap().unwrap();
    assert!(!row.is_lawful());
}

#[tokio::test(start_paused = true)]
async fn an_order_that_cannot_be_ours_does_not_hide_those_that_are() {
    let by_phone = format!(r#"{FILLED},"mdia_dvsn_name":"모바일""#);
    let rows = [
        order("1", "NASD", &by_phone).replace("AAPL", "aapl?"),
        order("2", "LSE", &by_phone),
        order("3", "NASD", FILLED),
    ];
    let body = format!(r#"{{"rt_cd":"0","output":[{}]}}"#, rows.join(","));
    let transport = with_token(move |_, _| page("D", &body));
    let session = session(Environment::Real, &transport);
    let rows = orders_of_day(&session, Market::UsNasdaq, day("2026-11-23")).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.order.number.as_str()).collect::<Vec<_>>(), ["3"]);
}

#[tokio::test(start_paused = true)]
async fn limits_are_learnt_for_the_day_where_they_are_told_and_follow_from_the_close_before_on_paper() {
    let body =
        r#"{"rt_cd":"0","output":{"last":"2800","base":"2815","uplp":"3315","dnlp":"2315","vnit":"100"}}"#;
    let stock = stock_of(Market::Jp, "7203");
    let limits = ["3315", "2315"].map(|price| price.parse().ok());
    for (environment, learned) in [(Environment::Real, limits), (Environment::Paper, [None; 2])] {
        let transport = with_token(move |_, _| reply(200, body));
        let session = session(environment, &transport);
        let rules = quote(&session, stock.clone(), Urgency::Entry).await.unwrap().rules;
        assert_eq!([rules.upper_limit, rules.lower_limit], limits, "{environment:?}");
        assert_eq!(session.limits(&stock), learned, "a width of our own refuses nothing");
        tokio::time::advance(std::time::Duration::from_secs(24 * 3_600)).await;
        assert_eq!(session.limits(&stock), [None; 2], "of another day");
    }
}

#[tokio::test(start_paused = true)]
async fn a_price_of_the_free_feed_says_how_late_it_may_be_in_asia_and_not_in_america() {
    let cases = [(Market::Jp, "7203", 15), (Market::Hk, "00005", 15), (Market::UsNyse, "BA", 0)];
    for environment in [Environment::Real, Environment::Paper] {
        for (market, symbol, minutes) in cases {
            let transport = with_token(|_, _| reply(200, DETAIL));
            let mut session = session(environment, &transport);
            let late = quote(&session, stock_of(market, symbol), Urgency::Scan).await.unwrap();
            assert_eq!(late.delay.num_minutes(), minutes, "{market}");
            session.config.live_feeds = [Market::CnSha, market].into();
            let live = quote(&session, stock_of(market, symbol), Urgency::Scan).await.unwrap();
            assert_eq!(live.delay.num_minutes(), 0, "{market}");
            session.config.live_feeds = [Market::CnSha].into();
            let late = quote(&session, stock_of(market, symbol), Urgency::Scan).await.unwrap();
            assert_eq!(late.delay.num_minutes(), minutes, "{market}: another market's feed is paid for");
        }
    }
}
