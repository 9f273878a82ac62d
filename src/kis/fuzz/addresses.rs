//! Hostile symbols and paths: whatever is asked, it is asked of the exchange and of no other path.

use std::collections::BTreeMap;

use domain::Symbol;

use super::super::testing::{page, with_token};
use super::*;
use crate::config::Config;

const BASE: &str = "http://exchange.test/";

fn kis(transport: &Arc<Scripted>, config: KisConfig) -> Kis {
    let reads: Arc<dyn Transport> = Arc::clone(transport) as _;
    let pace: Arc<dyn Pace> = Arc::new(FreePace::default());
    connect(config, Arc::clone(&reads), reads, clock(), pace).unwrap()
}

/// Paths that were asked for, each of the right host, with a query of known characters alone.
fn paths(transport: &Scripted) -> Vec<String> {
    let path = |line: String| {
        let url = line.split_once(' ').unwrap().1;
        let rest = url.strip_prefix(BASE).unwrap_or_else(|| panic!("{url} is elsewhere"));
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._~=&%".contains(c);
        assert!(query.chars().all(plain), "{url}");
        format!("/{path}")
    };
    transport.asked().into_iter().map(path).collect()
}

#[tokio::test(start_paused = true)]
async fn a_thousand_hostile_symbols_ask_no_other_path_of_no_other_host() {
    let mut mutator = Mutator::new(0x5e1);
    let mut asked = 0;
    for case in 0..1000 {
        let honest = ["005930", "AAPL", "BRK/B", "../..", "A?B=C", "//X.YZ/"][case % 6];
        let text = if case % 2 == 0 {
            mutator.hostile_text()
        } else {
            String::from_utf8_lossy(&mutator.mutate(honest)).into()
        };
        let Ok(symbol) = text.parse::<Symbol>() else { continue };
        asked += 1;
        for market in [Market::Kr, Market::UsNasdaq] {
            let transport = with_token(|_, _| page("D", r#"{"rt_cd":"0","output":{},"output2":[]}"#));
            let kis = kis(&transport, config(Environment::Real));
            let instrument = Instrument { market, symbol: symbol.clone() };
            let _ = kis.quote(QuoteQuery { instrument: instrument.clone() }, Urgency::Scan).await;
            for interval in [BarInterval::Day, BarInterval::Minute] {
                let _ = kis.bars(BarsQuery { instrument: instrument.clone(), interval, count: 5 }).await;
            }
            let paths = paths(&transport);
            let known = |path: &String| {
                path == "/oauth2/tokenP"
                    || KINDS.iter().any(|kind| path.ends_with(&format!("/quotations/{}", kind.end)))
            };
            assert!(paths.len() == 4 && paths.iter().all(known), "{symbol}: {paths:?}");
        }
    }
    assert!(asked > 50, "{asked} of 1000 are symbols");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_hostile_paths_of_a_ranking_are_refused_or_stay_below_their_folder() {
    let mut mutator = Mutator::new(0x9a7);
    let honest = "/uapi/overseas-stock/v1/ranking/updown-rate";
    let (mut refused, mut asked) = (0, 0);
    for case in 0..1000 {
        let text = match case % 3 {
            0 => format!("{honest}{}", mutator.hostile_text()),
            1 => mutator.hostile_text(),
            _ => String::from_utf8_lossy(&mutator.mutate(honest)).into_owned(),
        };
        let pairs = BTreeMap::from([("OVERSEAS_RANKING_FLUCT_PATH".to_owned(), text.clone())]);
        let Ok(settings) = Config::from_pairs(&pairs) else {
            refused += 1;
            continue;
        };
        let transport = with_token(|_, _| page("D", r#"{"rt_cd":"0","output2":[]}"#));
        let endpoint = settings.scanner.fluctuation;
        let kis = kis(&transport, KisConfig { fluctuation: endpoint, ..config(Environment::Real) });
        let query = RankingQuery { market: Market::UsNasdaq, kind: RankingKind::Fluctuation };
        let _ = kis.ranking(query).await;
        for path in paths(&transport).iter().filter(|path| *path != "/oauth2/tokenP") {
            asked += 1;
            assert!(path.starts_with("/uapi/overseas-") && !path.contains(".."), "{text}: {path}");
        }
    }
    assert!(refused > 300 && asked > 50, "{refused} refused, {asked} asked");
}

#[tokio::test(start_paused = true)]
async fn a_ranking_that_is_pointed_at_the_order_path_asks_nothing() {
    for path in ["/uapi/overseas-stock/v1/trading/order", "/uapi/overseas-stock/v1/trading/ORDER-rvsecncl"] {
        let transport = with_token(|_, _| page("D", r#"{"rt_cd":"0","output2":[]}"#));
        let endpoint = crate::config::Endpoint { tr_id: "TTTT1002U".into(), path: path.into() };
        let kis = kis(&transport, KisConfig { fluctuation: endpoint, ..config(Environment::Real) });
        let query = RankingQuery { market: Market::UsNasdaq, kind: RankingKind::Fluctuation };
        assert!(kis.ranking(query).await.is_err());
        assert_eq!(paths(&transport), ["/oauth2/tokenP"]);
    }
}
