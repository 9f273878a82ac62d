//! What the Scanner made of a stock: the gates it passed or failed, with their numbers.
//!
//! A stock that is rejected is as much of a fact as one that is chosen: "why did it not trade" is answered from here.

use std::fmt;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::stock_rules::Restriction;
use crate::{Instrument, Price, SelectionContext};

/// A test that a stock has to pass, or that sets its signal, in the order in which they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectionGate {
    /// It has a price, in the market's currency.
    Price,
    /// The exchange restricts nothing about it.
    Restriction,
    /// `US_MIN_PRICE`, American stocks only, in dollars.
    MinPrice,
    /// It moves enough: the larger of |change| and range, in percent.
    Movement,
    /// RiskGuard does not let it wait: after a refused purchase, a sale at a loss, or a sale for less than it costs now.
    Wait,
    /// Its score reaches the last of the top places, 0 to 100.
    Rank,
    /// Its past daily bars can be had.
    History,
    /// `RSI_OVERSOLD_THRESHOLD`: sets the signal, rejects nothing.
    Oversold,
    /// `RSI_MOMENTUM_THRESHOLD`: sets the signal together with the volume, rejects nothing.
    Momentum,
    /// `VOL_MULTIPLIER`: confirms a signal, rejects nothing.
    Volume,
    /// The score of the strategy that the market is traded by; rejects nothing.
    Strategy,
}

/// How a gate compares the number with its threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// There is no threshold: it is known, or it is so.
    Told,
    /// At least the threshold.
    AtLeast,
    /// Strictly above it.
    Above,
    /// Strictly below it.
    Below,
}

impl SelectionGate {
    /// Every gate, in order.
    pub const ALL: [Self; 11] = [
        Self::Price,
        Self::Restriction,
        Self::MinPrice,
        Self::Movement,
        Self::Wait,
        Self::Rank,
        Self::History,
        Self::Oversold,
        Self::Momentum,
        Self::Volume,
        Self::Strategy,
    ];

    /// The word stored.
    pub fn code(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::Restriction => "restriction",
            Self::MinPrice => "min_price",
            Self::Movement => "movement",
            Self::Wait => "wait",
            Self::Rank => "rank",
            Self::History => "history",
            Self::Oversold => "oversold",
            Self::Momentum => "momentum",
            Self::Volume => "volume",
            Self::Strategy => "strategy",
        }
    }

    /// True when a stock that fails it is no candidate.
    pub fn is_filter(self) -> bool {
        match self {
            Self::Price
            | Self::Restriction
            | Self::MinPrice
            | Self::Movement
            | Self::Wait
            | Self::Rank
            | Self::History => true,
            Self::Oversold | Self::Momentum | Self::Volume | Self::Strategy => false,
        }
    }

    /// How it compares.
    pub fn demand(self) -> Demand {
        match self {
            Self::Price | Self::Restriction | Self::Wait | Self::History => Demand::Told,
            Self::MinPrice | Self::Movement | Self::Rank | Self::Volume | Self::Strategy => Demand::AtLeast,
            Self::Momentum => Demand::Above,
            Self::Oversold => Demand::Below,
        }
    }
}

impl fmt::Display for SelectionGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// One gate with its numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateCheck {
    /// Which.
    pub gate: SelectionGate,
    /// Whether the stock passed; a number that is not known passes nothing.
    pub passed: bool,
    /// What was measured, in the gate's unit; absent when nobody told, or there is nothing to measure.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "crate::decision::option_number")]
    pub value: Option<Decimal>,
    /// What it was compared with.
    #[serde(skip_serializing_if = "Option::is_none", default, with = "crate::decision::option_number")]
    pub threshold: Option<Decimal>,
}

impl GateCheck {
    /// A gate without a threshold.
    pub fn told(gate: SelectionGate, passed: bool) -> Self {
        Self { gate, passed, value: None, threshold: None }
    }

    /// A number against its threshold, as the gate demands.
    pub fn of(gate: SelectionGate, value: Option<Decimal>, threshold: Decimal) -> Self {
        let passed = value.is_some_and(|value| match gate.demand() {
            Demand::Told => true,
            Demand::AtLeast => value >= threshold,
            Demand::Above => value > threshold,
            Demand::Below => value < threshold,
        });
        Self { gate, passed, value, threshold: Some(threshold) }
    }

    /// How far the number is from its threshold, signed: what it would have to change by. Strict gates need a little
    /// more. None when it passed, or either number is not known.
    pub fn missing(&self) -> Option<Decimal> {
        let (value, threshold) = (self.value?, self.threshold?);
        (!self.passed).then(|| threshold - value)
    }
}

/// What became of a stock that was considered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// A candidate by its score.
    Chosen,
    /// A candidate because it is held, whatever its gates say.
    Held,
    /// No candidate: the first gate that it failed.
    Rejected(SelectionGate),
}

impl Verdict {
    /// The word stored: `chosen`, `held`, or the gate's.
    pub fn code(self) -> &'static str {
        match self {
            Self::Chosen => "chosen",
            Self::Held => "held",
            Self::Rejected(gate) => gate.code(),
        }
    }

    /// The verdict of a stored word.
    pub fn from_code(code: &str) -> Option<Self> {
        let rejected = SelectionGate::ALL.into_iter().filter(|gate| gate.is_filter()).map(Self::Rejected);
        [Self::Chosen, Self::Held].into_iter().chain(rejected).find(|verdict| verdict.code() == code)
    }
}

/// One stock as one scan saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The stock.
    pub instrument: Instrument,
    /// What became of it.
    pub verdict: Verdict,
    /// Its numbers.
    pub evidence: Evidence,
}

/// The numbers behind a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Indicators, signal and score.
    #[serde(flatten)]
    pub context: SelectionContext,
    /// The last price, if there was one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub price: Option<Price>,
    /// What the exchange told against buying it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub restriction: Option<Restriction>,
    /// Why and until when RiskGuard lets it wait.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub wait: Option<Wait>,
    /// Every gate that was reached, in order: those after the first failed filter are not.
    pub gates: Vec<GateCheck>,
}

/// A stock is not bought for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// Why.
    #[serde(flatten)]
    pub cause: WaitCause,
    /// The first instant at which it may be bought again.
    pub until: DateTime<Utc>,
}

/// Why a stock is not bought for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum WaitCause {
    /// A purchase was refused (`REFUSAL_COOLDOWN_MIN`).
    Refused {
        /// Why, in words or as a code.
        why: String,
    },
    /// It was sold at a loss (`STOP_COOLDOWN_MIN`).
    Lost,
    /// It was sold, and is not bought back for more (`REENTRY_GUARD_MIN`).
    Sold {
        /// For so much.
        price: Price,
    },
}

impl Wait {
    /// True when it speaks against buying at `price`.
    pub fn holds_at(&self, price: Price) -> bool {
        match &self.cause {
            WaitCause::Refused { .. } | WaitCause::Lost => true,
            WaitCause::Sold { price: sold_at } => price > *sold_at,
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = self.until.format("%Y-%m-%d %H:%M:%S UTC");
        match &self.cause {
            WaitCause::Refused { why } => {
                write!(f, "is not bought until {until}: a purchase was refused ({why})")
            }
            WaitCause::Lost => write!(f, "is not bought until {until}: it was sold at a loss"),
            WaitCause::Sold { price } => {
                write!(f, "is not bought above {price} until {until}: it was sold for that")
            }
        }
    }
}

impl Evidence {
    /// The first filter that was not passed.
    pub fn first_failure(&self) -> Option<&GateCheck> {
        self.gates.iter().find(|check| check.gate.is_filter() && !check.passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Signal;

    fn number(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn a_gate_passes_as_it_demands_and_tells_what_is_missing() {
        let cases = [
            (SelectionGate::MinPrice, Some("1.35"), "5", false, Some("3.65")),
            (SelectionGate::MinPrice, Some("5"), "5", true, None),
            (SelectionGate::Movement, Some("0.79"), "0.8", false, Some("0.01")),
            (SelectionGate::Movement, None, "0.8", false, None),
            (SelectionGate::Oversold, Some("30"), "30", false, Some("0")),
            (SelectionGate::Oversold, Some("31.5"), "30", false, Some("-1.5")),
            (SelectionGate::Oversold, Some("29.9"), "30", true, None),
            (SelectionGate::Momentum, Some("70"), "70", false, Some("0")),
            (SelectionGate::Volume, Some("2"), "2", true, None),
        ];
        for (gate, value, threshold, passed, missing) in cases {
            let check = GateCheck::of(gate, value.map(number), number(threshold));
            assert_eq!((check.passed, check.missing()), (passed, missing.map(number)), "{gate} {value:?}");
        }
    }

    #[test]
    fn a_wait_says_why_and_until_when_and_one_after_a_sale_holds_above_its_price_alone() {
        let until = "2026-11-24T01:30:00Z".parse().unwrap();
        let price = |text: &str| text.parse::<Price>().unwrap();
        let refused = WaitCause::Refused { why: "NoCash".into() };
        let cases = [
            (refused, true, "is not bought until 2026-11-24 01:30:00 UTC: a purchase was refused (NoCash)"),
            (WaitCause::Lost, true, "is not bought until 2026-11-24 01:30:00 UTC: it was sold at a loss"),
            (
                WaitCause::Sold { price: price("70") },
                false,
                "is not bought above 70 until 2026-11-24 01:30:00 UTC: it was sold for that",
            ),
        ];
        for (cause, holds, words) in cases {
            let wait = Wait { cause, until };
            assert_eq!((wait.holds_at(price("70")), wait.to_string().as_str()), (holds, words));
            assert!(wait.holds_at(price("71")));
        }
    }

    #[test]
    fn verdicts_are_read_back_and_a_gate_that_sets_a_signal_rejects_nothing() {
        for gate in SelectionGate::ALL {
            let verdict = Verdict::Rejected(gate);
            let expected = gate.is_filter().then_some(verdict);
            assert_eq!(Verdict::from_code(verdict.code()), expected, "{gate}");
        }
        assert_eq!(Verdict::from_code("chosen"), Some(Verdict::Chosen));
        assert_eq!(Verdict::from_code("held"), Some(Verdict::Held));
    }

    #[test]
    fn evidence_names_its_first_failure_and_survives_its_json() {
        let context = SelectionContext {
            rsi: None,
            volume_ratio: None,
            rsi_proxy: Some(number("60")),
            volume_ratio_proxy: None,
            signal: Signal::Neutral,
            score: number("42.5"),
        };
        let evidence = Evidence {
            context,
            price: Some("1.35".parse().unwrap()),
            restriction: Some(Restriction::Halted),
            wait: Some(Wait {
                cause: WaitCause::Sold { price: "1.30".parse().unwrap() },
                until: "2026-11-24T01:30:00Z".parse().unwrap(),
            }),
            gates: vec![
                GateCheck::told(SelectionGate::Price, true),
                GateCheck::of(SelectionGate::Oversold, None, number("30")),
                GateCheck::of(SelectionGate::MinPrice, Some(number("1.35")), number("5")),
            ],
        };
        assert_eq!(evidence.first_failure().map(|check| check.gate), Some(SelectionGate::MinPrice));
        let json = serde_json::to_string(&evidence).unwrap();
        assert_eq!(serde_json::from_str::<Evidence>(&json).unwrap(), evidence, "{json}");
        assert!(json.contains(r#""rsi_proxy":60"#), "a proxy has its own name: {json}");
    }
}
