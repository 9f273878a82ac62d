//! What must not be bought is no candidate, whichever way it came: rankings, search, watchlist or fallback.
//!
//! Holdings are never held back; their gates are only written down.

use domain::{Currency, GateCheck, Instrument, Price, Restriction, SelectionGate, Wait};
use rust_decimal::Decimal;
use strategy::form::Moment;
use strategy::{Feature, Features, Strategy, Thresholds};

use crate::candidate::{DayNow, Prospect};
use crate::score::move_pct_min;

/// The stocks of the market that RiskGuard lets wait.
pub type Waits = Vec<(Instrument, Wait)>;

/// The filters that need nothing but the day so far, in order. Without a price there is nothing more to test.
pub fn filters(prospect: &Prospect, day: Option<&DayNow>, us_min_price: Decimal) -> Vec<GateCheck> {
    let Some(day) = day else { return vec![GateCheck::told(SelectionGate::Price, false)] };
    let mut gates = vec![GateCheck::told(SelectionGate::Price, true), restriction(day.restriction)];
    gates.extend(min_price(prospect, day.last, us_min_price));
    gates.push(GateCheck::of(SelectionGate::Movement, day.move_pct(), move_pct_min()));
    gates
}

/// What RiskGuard tells against buying the stock at `price`; nothing is written of a stock that is held, or when nobody told.
pub fn wait(prospect: &Prospect, price: Price, waits: Option<&Waits>) -> Option<(GateCheck, Option<Wait>)> {
    let told = waits.filter(|_| !prospect.is_held())?;
    let of_stock = told.iter().filter(|(instrument, _)| *instrument == prospect.instrument);
    let holding = of_stock.map(|(_, wait)| wait).find(|wait| wait.holds_at(price)).cloned();
    Some((GateCheck::told(SelectionGate::Wait, holding.is_none()), holding))
}

/// What the exchange tells against the stock. Nothing told is nothing against it: Brain asks again before it buys.
pub fn restriction(restriction: Option<Restriction>) -> GateCheck {
    GateCheck::told(SelectionGate::Restriction, restriction.is_none())
}

/// A rule of American markets only: yen, won and dong have other sizes (lessons.md 2).
fn min_price(prospect: &Prospect, price: Price, us_min_price: Decimal) -> Option<GateCheck> {
    let is_american = prospect.instrument.market.currency() == Currency::Usd;
    is_american.then(|| GateCheck::of(SelectionGate::MinPrice, Some(price.value()), us_min_price))
}

/// The gates that make the signal.
pub fn signal_gates(features: &Features, thresholds: &Thresholds) -> [GateCheck; 3] {
    let (rsi, volume_ratio) = (features.get(Feature::Rsi14), features.get(Feature::VolumeRatio20));
    [
        GateCheck::of(SelectionGate::Oversold, rsi, thresholds.rsi_oversold),
        GateCheck::of(SelectionGate::Momentum, rsi, thresholds.rsi_momentum),
        GateCheck::of(SelectionGate::Volume, volume_ratio, thresholds.volume_multiplier),
    ]
}

/// Whether the strategy's score is reached; it holds nothing back, for a language model may see what the strategy does not.
pub fn strategy_gate(strategy: &Strategy, moment: &Moment<'_>) -> GateCheck {
    let decimal = |number: f64| Decimal::from_f64_retain(number).unwrap_or_default().round_dp(3).normalize();
    let threshold = decimal(strategy.entry().min_score().get());
    GateCheck::of(SelectionGate::Strategy, Some(decimal(strategy.score_now(moment))), threshold)
}

/// The first filter that was not passed.
pub fn first_failure(gates: &[GateCheck]) -> Option<SelectionGate> {
    gates.iter().find(|check| check.gate.is_filter() && !check.passed).map(|check| check.gate)
}

#[cfg(test)]
mod tests {
    use domain::{Instrument, Market};

    use super::*;
    use crate::score::Scoring;

    fn prospect(market: Market) -> Prospect {
        let instrument = Instrument { market, symbol: "A".parse().unwrap() };
        Prospect { instrument, row: None, scoring: Scoring::Unranked, holding: None }
    }

    fn day(last: &str, change_pct: Option<&str>) -> DayNow {
        DayNow {
            at: "2026-11-24T15:00:00Z".parse().unwrap(),
            last: last.parse().unwrap(),
            open: None,
            high: None,
            low: None,
            volume: None,
            change_pct: change_pct.map(|text| text.parse().unwrap()),
            restriction: None,
        }
    }

    #[test]
    fn the_first_filter_that_fails_is_the_one_that_is_named() {
        let five = Decimal::from(5);
        let halted = DayNow { restriction: Some(Restriction::Halted), ..day("1.35", Some("0")) };
        let cases = [
            (Market::UsNasdaq, None, Some(SelectionGate::Price)),
            (Market::UsNasdaq, Some(halted), Some(SelectionGate::Restriction)),
            (Market::UsNyse, Some(day("1.35", Some("25"))), Some(SelectionGate::MinPrice)),
            (Market::UsAmex, Some(day("4.9999", Some("25"))), Some(SelectionGate::MinPrice)),
            (Market::UsAmex, Some(day("5", Some("25"))), None),
            (Market::UsNasdaq, Some(day("180", Some("-0.79"))), Some(SelectionGate::Movement)),
            (Market::UsNasdaq, Some(day("180", None)), Some(SelectionGate::Movement)),
            (Market::UsNasdaq, Some(day("180", Some("-0.8"))), None),
            (Market::Jp, Some(day("3", Some("2"))), None),
            (Market::Kr, Some(day("3", Some("2"))), None),
            (Market::VnHan, Some(day("3", Some("2"))), None),
        ];
        for (market, day, expected) in cases {
            let gates = filters(&prospect(market), day.as_ref(), five);
            assert_eq!(first_failure(&gates), expected, "{market} {day:?}");
        }
    }

    #[test]
    fn a_minimum_price_of_zero_holds_nothing_back() {
        let gates = filters(&prospect(Market::UsNasdaq), Some(&day("0.02", Some("9"))), Decimal::ZERO);
        assert_eq!(first_failure(&gates), None);
    }
}
