//! Each metric of the table is told, in the format that Prometheus reads.

use std::time::Duration;

use domain::messages::control::{AccountSeen, HaltLevel, HoldingSeen, TradingState};
use domain::messages::evolution::LateCycle;
use domain::messages::schedule::{DaySource, Phase, SessionChanged, Trust};
use domain::messages::won::WonStanding;
use domain::{AccountInWon, Action, Currency, Market, Money, OrderState, Quantity};
use rust_decimal::Decimal;

use super::collect::{Found, samples};
use super::*;
use crate::budget::{Amount, BudgetReport, Share};
use crate::config::TradeMode;
use crate::control::{Counted, Evolution, View};
use crate::store::{Room, Tally};
use crate::web::tests::{halt, running, trading};

fn all_known() -> View {
    let mut status = trading(TradingState::Halted);
    let at = "2026-11-26T00:59:58.500Z".parse().unwrap();
    let session_date = "2026-11-26".parse().unwrap();
    status.halts = vec![halt(HaltLevel::Halted)];
    let holding =
        HoldingSeen { instrument: "KR:005930".parse().unwrap(), quantity: Quantity::new(3), price: None };
    let equity = Some(Money::new("12345.50".parse().unwrap(), Currency::Usd));
    status.accounts =
        vec![AccountSeen { currency: Currency::Usd, taken_at: at, equity, holdings: vec![holding] }];
    status.day_pnl_pct = vec![(Currency::Usd, Some("-1.50".parse().unwrap())), (Currency::Krw, None)];
    let told = AccountInWon {
        equity: Some(Money::new(17_000_000.into(), Currency::Krw)),
        rates: [].into(),
        as_of: at,
    };
    status.won = Some(WonStanding { told: Some(told), session_date, day_pnl_pct: None });
    status.sessions = vec![SessionChanged {
        market: Market::Kr,
        session_date,
        phase: Phase::Continuous,
        trust: Trust::Disputed,
        source: DaySource::Calendar,
        orders_until: None,
        at,
    }];
    running(Ok(status))
}

fn counted() -> Counted {
    let tally = Tally {
        orders: vec![(OrderState::Filled, 7)],
        unknowns: 1,
        fills: 9,
        decisions: vec![(Action::Hold, 40)],
        refusals: vec![("NoCash".into(), 2)],
        chat: vec![("foreign_user".into(), 4)],
        halts: vec![(domain::messages::control::HaltSource::Operator, 3)],
        scans: vec![(Market::Kr, "2026-11-26T00:58:00Z".parse().unwrap())],
        realised: vec![Money::new(Decimal::new(-125, 1), Currency::Usd)],
        last_commit: Some("2026-11-26T00:59:00Z".parse().unwrap()),
        last_retention: Some("2026-11-26T00:50:00Z".parse().unwrap()),
        dropped: 812,
    };
    let amount = |used, limit| Amount { used, reserved: 1, limit, left: limit.map(|limit| limit - used - 1) };
    let budget = BudgetReport {
        judge: "gemini-2.5-flash".into(),
        quota_date: "2026-11-25".parse().unwrap(),
        resets_at: "2026-11-26T08:00:00Z".parse().unwrap(),
        calls: amount(5, Some(20)),
        tokens: amount(12_000, None),
        usd_micros: amount(2_500, Some(1_000_000)),
        shares: vec![Share { markets: vec![Market::UsNasdaq, Market::UsNyse], planned: 4, used: 2 }],
    };
    let late = LateCycle {
        market: Market::Kr,
        session_date: "2026-11-24".parse().unwrap(),
        closed_at: "2026-11-24T06:31:00Z".parse().unwrap(),
    };
    let evolution = Evolution {
        markets: vec![Market::Kr, Market::UsNasdaq],
        late: vec![late],
        blind: vec![],
        approval: None,
    };
    Counted { tally, budget, evolution }
}

fn text_of(view: &View, counted: &Result<Counted, String>) -> String {
    samples(&Found {
        uptime: Duration::from_millis(1500),
        view,
        counted,
        disk: Some(Room { free_bytes: 1 << 40, books_bytes: 4096 }),
        markets: &[Market::Kr, Market::UsNasdaq],
        trade_mode: TradeMode::Daily,
    })
    .text()
}

/// Names and values of all samples; panics at a line that is not of the format.
fn parsed(text: &str) -> Vec<(String, f64)> {
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let name = series.split('{').next().unwrap();
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'));
        assert_eq!(series.contains('{'), series.ends_with('}'), "{line}");
        (series.to_owned(), value.parse().unwrap_or_else(|_| panic!("{line}")))
    };
    samples.map(sample).collect()
}

#[test]
fn each_metric_of_the_table_is_told_once_known() {
    let text = text_of(&all_known(), &Ok(counted()));
    let samples = parsed(&text);
    for Description { name, kind, labels, .. } in METRICS {
        assert!(text.contains(&format!("# TYPE {name} {}\n", kind.code())), "{name}");
        let of_it: Vec<&String> = samples
            .iter()
            .map(|(series, _)| series)
            .filter(|series| series.split('{').next() == Some(name))
            .collect();
        assert!(!of_it.is_empty(), "{name} is in the table and is never told");
        for series in of_it {
            assert!(labels.iter().all(|label| series.contains(&format!("{label}=\""))), "{series}");
        }
    }
    let mut series: Vec<&String> = samples.iter().map(|(series, _)| series).collect();
    series.sort();
    let count = series.len();
    series.dedup();
    assert_eq!(series.len(), count, "a series is told twice");
}

#[test]
fn numbers_are_exact_and_what_is_unknown_is_missing_never_zero() {
    let text = text_of(&all_known(), &Ok(counted()));
    for line in [
        "kestrel_equity{currency=\"USD\"} 12345.5",
        "kestrel_equity_age_seconds{currency=\"USD\"} 1.5",
        "kestrel_day_pnl_percent{currency=\"USD\"} -1.5",
        "kestrel_realised{currency=\"USD\"} -12.5",
        "kestrel_halts_standing{source=\"operator\"} 1",
        "kestrel_trading_state{state=\"halted\"} 1",
        "kestrel_trading_state{state=\"active\"} 0",
        "kestrel_actor_state{actor=\"broker\",state=\"running\"} 1",
        "kestrel_actor_handle_seconds{actor=\"broker\",quantile=\"0.99\"} 0.003",
        "kestrel_market_trusted{market=\"KR\"} 0",
        "kestrel_market_open{market=\"KR\"} 1",
        "kestrel_last_scan_age_seconds{market=\"KR\"} 120",
        "kestrel_last_retention_age_seconds 600",
        "kestrel_evolution_late{market=\"KR\"} 1",
        "kestrel_evolution_late{market=\"US_NASDAQ\"} 0",
        "kestrel_old_rows_dropped_total 812",
        "kestrel_orders{state=\"Filled\"} 7",
        "kestrel_model_calls{part=\"used\"} 5",
        "kestrel_model_calls{part=\"left\"} 14",
        "kestrel_model_usd{part=\"used\"} 0.0025",
        "kestrel_model_share_calls{markets=\"US_NASDAQ+US_NYSE\",part=\"used\"} 2",
        "kestrel_trade_mode{mode=\"daily\"} 1",
        "kestrel_ready 0",
    ] {
        assert!(text.contains(&format!("\n{line}\n")), "{line} is not in:\n{text}");
    }
    assert!(!text.contains("kestrel_day_pnl_percent{currency=\"KRW\"}"));
    assert!(!text.contains("kestrel_model_tokens{part=\"limit\"}"));
    let blank = text_of(&running(Err("silent".into())), &Err("locked".into()));
    for missing in
        ["kestrel_halts_standing{", "kestrel_orders{", "kestrel_equity{", "\nkestrel_positions_blind "]
    {
        assert!(!blank.contains(missing), "{missing} in:\n{blank}");
    }
    assert!(blank.contains("\nkestrel_books_readable 0\n"));
    assert!(blank.contains("\nkestrel_trading_state{state=\"unknown\"} 1\n"));
    parsed(&text_of(&View::Starting, &Err("starting".into())));
}

#[test]
fn a_label_cannot_end_its_line() {
    let mut samples = Samples::new();
    samples.add(Metric::Build, ["1", "a \"b\"\\\nkestrel_ready 1"], 1);
    let text = samples.text();
    assert!(text.contains(r#"venue="a \"b\"\\\nkestrel_ready 1"} 1"#), "{text}");
    assert!(!text.contains("\nkestrel_ready 1"));
}

#[test]
fn the_readme_lists_the_table() {
    let readme = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    assert!(
        readme.contains(&markdown_table()),
        "paste the output of `kestrel settings --metrics` into README.md"
    );
    let names: std::collections::BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), METRICS.len(), "a name twice");
    for Description { name, kind, .. } in METRICS {
        assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
    }
}
