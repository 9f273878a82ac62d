//! Strategies of the tests, and what several of them need.

use domain::messages::bars::DayBar;
use serde_json::{Value, json};

use super::Strategy;

mod behaviour;
mod judge;
mod limits;
mod preset;
mod series;

/// The strategy of the reference, with its names and numbers.
fn example() -> Value {
    let against = |feature: &str, op: &str, value: f64| json!({ "feature": feature, "lag": 0, "op": op, "rhs_kind": "value", "rhs_feature": null, "rhs_value": value });
    let rising = json!({ "feature": "roc_1", "lag": 0, "op": "gt", "rhs_kind": "feature", "rhs_feature": "roc_5",
        "rhs_value": 0.0 });
    json!({
        "id": "s-0001",
        "parent_id": null,
        "hypothesis": "Oversold liquid stocks with rising volume revert within two weeks.",
        "side": "long",
        "entry": { "min_score": 5.0, "terms": [
            { "weight": 2.0, "all_of": [against("rsi_14", "lt", 35.0)] },
            { "weight": 1.5, "all_of": [against("volume_ratio_20", "gt", 1.2)] },
            { "weight": 2.0, "all_of": [against("bb_pos_20_2", "lt", 0.2)] },
            { "weight": 1.0, "all_of": [against("adx_14", "gt", 20.0), rising] },
        ] },
        "exit": { "any_of": [against("rsi_14", "gt", 60.0)], "stop_atr": 2.0, "take_atr": 4.0, "trailing_atr": null,
            "max_hold_bars": 10 },
        "sizing": { "fraction_pct": 5.0 },
    })
}

fn read(json: &Value) -> Strategy {
    Strategy::from_json(&json.to_string()).unwrap()
}

/// The example with the value at a JSON pointer replaced.
fn with(pointer: &str, value: Value) -> Value {
    let mut json = example();
    *json.pointer_mut(pointer).unwrap() = value;
    json
}

/// A walk of `days` prices in whole cents that never leaves the positive numbers; `seed` chooses it.
fn walk(days: usize, seed: u64) -> Vec<DayBar> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut close = 5_000_i64;
    let first = chrono::NaiveDate::from_ymd_opt(2020, 1, 1).unwrap();
    let dates = first.iter_days().take(days);
    let bar = |session_date| {
        let open = (close + random.i64(-40..=40)).max(1);
        close = (open + random.i64(-60..=60)).max(1);
        let high = open.max(close) + random.i64(0..=30);
        let low = (open.min(close) - random.i64(0..=30)).max(1);
        let [open_micros, high_micros, low_micros, close_micros] =
            [open, high, low, close].map(|cents| cents * 10_000);
        let volume = if random.u8(..) < 20 { 0 } else { random.u64(1..100_000) };
        DayBar { session_date, open_micros, high_micros, low_micros, close_micros, volume }
    };
    dates.map(bar).collect()
}
