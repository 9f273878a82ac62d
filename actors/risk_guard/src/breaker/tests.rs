//! The breaker at its edges, and the shared reference cases.

use super::*;
use crate::vectors;

fn money(text: &str, currency: Currency) -> Money {
    Money::new(text.parse().unwrap(), currency)
}

fn won(text: &str) -> Option<Money> {
    Some(money(text, Currency::Krw))
}

fn three() -> Decimal {
    "3.0".parse().unwrap()
}

#[test]
fn exactly_the_limit_does_not_trip_and_anything_below_does() {
    let cases = [
        ("10000000", false),
        ("9700000", false),
        ("9700000.01", false),
        ("9699999.99", true),
        ("9690000", true),
        ("0", true),
        ("10300000", false),
    ];
    for (equity, trips) in cases {
        let loss = against_day_start(won(equity), won("10000000"));
        assert_eq!(loss.is_below(three()), trips, "{equity}: {loss:?}");
    }
}

#[test]
fn a_loss_that_one_account_tells_is_confirmed_or_refuted_by_the_next_and_by_nothing_else() {
    let at = |second: i64| DateTime::<Utc>::UNIX_EPOCH + chrono::TimeDelta::seconds(second);
    let (fine, below, phantom) = (Some("-2.9"), Some("-3.01"), Some("-99.9"));
    type Reading = (i64, Option<&'static str>, Verdict);
    let cases: [(&str, &[Reading]); 6] = [
        ("no loss", &[(1, fine, Verdict::Sound), (2, fine, Verdict::Sound)]),
        ("exactly the limit", &[(1, Some("-3.0"), Verdict::Sound)]),
        ("a loss", &[(1, below, Verdict::Raised), (2, below, Verdict::Confirmed)]),
        (
            "a phantom",
            &[(1, phantom, Verdict::Raised), (2, fine, Verdict::Refuted), (3, fine, Verdict::Sound)],
        ),
        ("the same account again", &[(1, below, Verdict::Raised), (1, below, Verdict::Open)]),
        (
            "nothing told",
            &[(1, below, Verdict::Raised), (2, None, Verdict::Open), (3, below, Verdict::Confirmed)],
        ),
    ];
    for (name, readings) in cases {
        let mut doubt = Doubt::default();
        for (second, pct, verdict) in readings {
            let loss = pct.map_or(DayLoss::Unknown, |pct| DayLoss::Known(pct.parse().unwrap()));
            assert_eq!(doubt.weigh(loss, three(), at(*second)), *verdict, "{name} at {second}");
            assert_eq!(doubt.is_open(), matches!(verdict, Verdict::Raised | Verdict::Open), "{name}");
        }
    }
}

#[test]
fn what_is_missing_or_mixed_is_unknown_and_never_a_loss() {
    let dollars = Some(money("100", Currency::Usd));
    for (equity, start) in
        [(None, won("1")), (won("1"), None), (None, None), (won("1"), won("0")), (dollars, won("100"))]
    {
        assert_eq!(against_day_start(equity, start), DayLoss::Unknown, "{equity:?} {start:?}");
    }
    assert_eq!(against_purchase(None, won("100")), DayLoss::Unknown);
    assert_eq!(against_purchase(won("0"), won("100")), DayLoss::Unknown, "a broken total is no total loss");
    assert_eq!(against_purchase(won("0"), won("0")), DayLoss::Known(Decimal::ZERO), "nothing is held");
    assert!(!DayLoss::Unknown.is_below(three()));
}

#[test]
fn the_basis_says_which_measure_halts() {
    let snapshot = AccountSnapshot {
        currency: Currency::Krw,
        taken_at: DateTime::<Utc>::MIN_UTC,
        cash: None,
        equity: won("9900"),
        purchase_total: won("1000"),
        valuation_total: won("960"),
        holdings: Vec::new(),
    };
    let on = |basis| read(basis, &snapshot, won("10000"));
    let (day, cost) = (DayLoss::Known((-1).into()), DayLoss::Known((-4).into()));
    assert_eq!(on(Basis::DayStart), Reading { halting: day, reducing: cost });
    assert_eq!(on(Basis::Purchase), Reading { halting: cost, reducing: DayLoss::Unknown });
}

#[test]
fn a_day_belongs_to_the_zone_of_its_currency() {
    let at: DateTime<Utc> = "2026-11-24T03:00:00Z".parse().unwrap();
    let date = |currency| DayKey::at(currency, at).session_date.to_string();
    assert_eq!((date(Currency::Krw), date(Currency::Usd)), ("2026-11-24".into(), "2026-11-23".into()));
    for market in Market::ALL {
        assert_eq!(DayKey::at(market.currency(), at).session_date, market.date_at(at), "{market}");
    }
}

#[test]
fn the_shared_cases_of_the_breaker_hold() {
    let Some(cases) = vectors::cases("risk.json") else { return };
    let mut compared = 0;
    for case in cases.iter().filter(|case| case["input"]["check"] == "circuit_breaker") {
        // A number that is not finite cannot become a Decimal at all.
        let Some(pnl_pct) = vectors::decimal(&case["input"]["pnl_pct"]) else { continue };
        let threshold = vectors::decimal(&case["input"]["settings"]["CIRCUIT_BREAKER_PCT"]);
        let limit = -threshold.unwrap_or(-three());
        let passes = !DayLoss::Known(pnl_pct).is_below(limit);
        assert_eq!(Some(passes), vectors::expected(case)["ok"].as_bool(), "{}", case["id"]);
        compared += 1;
    }
    for case in cases.iter().filter(|case| case["fn"] == "pnl_pct" && case.get("disputed").is_none()) {
        let total = |key: &str| vectors::decimal(&case["input"][key]).map(|n| Money::new(n, Currency::Krw));
        let loss = against_purchase(total("total_eval"), total("purchase_total"));
        assert_eq!(loss.known(), vectors::decimal(&case["expected"]), "{}", case["id"]);
        compared += 1;
    }
    assert!(compared >= 8, "only {compared} cases compared");
}
