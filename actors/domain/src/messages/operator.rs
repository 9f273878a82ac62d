//! What a person asks of the books, and what they answer: reading only, the same whoever answers.
//!
//! A running agent answers over its control socket; without one the same questions are answered from the database,
//! opened for reading only. What is not known is absent, never zero.

mod lines;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::selection::Evidence;
use crate::{
    Action, Confidence, Currency, DecisionId, EventId, Instrument, IntentId, Market, Money, OrderState,
    Price, Quantity, SelectionContext, Side, Symbol,
};

use super::evolution::{ProposalLine, ProposalNumber, ProposalRecord};
use super::ledger::EventKind;
use super::trading::GateNumbers;

pub use self::lines::{
    ConsideredLine, ConsultationLine, DatedPrice, DayLine, DecisionLine, EventLine, FillLine, Obstacle,
    OrderLine, OrderStory, PnlLine, PositionLine, PriceSource, RefusalLine, Stage, Story, StrategyLine,
};

/// Most lines of one answer.
pub const LINES_MAX: u16 = 500;

/// What a person asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "question", rename_all = "snake_case", deny_unknown_fields)]
pub enum Question {
    /// What is held, and what it is worth.
    Positions,
    /// Orders, newest first.
    Orders(OrdersWanted),
    /// Judgements, newest first.
    Decisions(DecisionsWanted),
    /// What was committed, oldest first.
    Events(EventsWanted),
    /// Profit and loss per currency.
    Pnl {
        /// Sales booked since then; all if absent.
        since: Option<Since>,
    },
    /// How a stock came to be traded.
    Why {
        /// The stock.
        stock: StockWanted,
        /// The newest judgement until then; if absent, the one behind its newest order.
        at: Option<DateTime<Utc>>,
    },
    /// Why a stock did not trade.
    WhyNot {
        /// The stock.
        stock: StockWanted,
        /// The session date; the newest that the books know of it if absent.
        on: Option<NaiveDate>,
    },
    /// What the Optimizer proposed, newest first.
    Proposals,
    /// One proposal with everything that is known of it.
    Proposal {
        /// Its number.
        number: ProposalNumber,
    },
}

/// Which orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrdersWanted {
    /// True: those that are not finished only.
    pub open_only: bool,
    /// Approved since then.
    pub since: Option<Since>,
    /// At most so many, 1 to [`LINES_MAX`].
    pub limit: u16,
}

/// Which judgements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionsWanted {
    /// Of this stock only.
    pub stock: Option<StockWanted>,
    /// Made since then.
    pub since: Option<Since>,
    /// At most so many, 1 to [`LINES_MAX`].
    pub limit: u16,
}

/// Which events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventsWanted {
    /// Of this kind only.
    pub kind: Option<EventKind>,
    /// Committed since then.
    pub since: Option<Since>,
    /// After this one; without it the newest.
    pub after: Option<EventId>,
    /// At most so many, 1 to [`LINES_MAX`].
    pub limit: u16,
}

/// A stock as a person names it: with its market, or by its code alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StockWanted {
    /// The market; none: any.
    pub market: Option<Market>,
    /// The code.
    pub symbol: Symbol,
}

impl FromStr for StockWanted {
    type Err = NotAStock;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || NotAStock(crate::text::harmless(text, 40));
        match text.contains(':') {
            true => text.parse::<Instrument>().map(Self::from).map_err(|_| refused()),
            false => {
                let symbol = text.to_ascii_uppercase().parse().map_err(|_| refused())?;
                Ok(Self { market: None, symbol })
            }
        }
    }
}

impl From<Instrument> for StockWanted {
    fn from(Instrument { market, symbol }: Instrument) -> Self {
        Self { market: Some(market), symbol }
    }
}

impl TryFrom<String> for StockWanted {
    type Error = NotAStock;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<StockWanted> for String {
    fn from(stock: StockWanted) -> Self {
        stock.to_string()
    }
}

impl fmt::Display for StockWanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.market {
            Some(market) => write!(f, "{market}:{}", self.symbol),
            None => self.symbol.fmt(f),
        }
    }
}

/// The text names no stock.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' names no stock; allowed: MARKET:SYMBOL as in KR:005930, or the code alone as in 005930")]
pub struct NotAStock(pub String);

/// From when on: an instant, or an age that is counted back from the time of whoever answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Since {
    /// This instant.
    At(DateTime<Utc>),
    /// So many seconds ago.
    SecondsAgo(u32),
}

impl Since {
    /// The instant, as seen at `now`.
    pub fn instant(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(at) => at,
            Self::SecondsAgo(seconds) => now - TimeDelta::seconds(i64::from(seconds)),
        }
    }
}

impl FromStr for Since {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let instant = DateTime::parse_from_rfc3339(text).map(|at| at.with_timezone(&Utc)).ok();
        let midnight = || text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0).map(|at| at.and_utc());
        let at = instant.or_else(midnight).map(Self::At);
        at.or_else(|| age_s(text).map(Self::SecondsAgo))
            .ok_or_else(|| NotATime(crate::text::harmless(text, 40)))
    }
}

/// An age such as `90s`, `15m`, `24h`, `7d`, in seconds; at most ten years.
fn age_s(text: &str) -> Option<u32> {
    let (number, unit_s) = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)]
        .into_iter()
        .find_map(|(unit, seconds)| text.strip_suffix(unit).map(|number| (number, seconds)))?;
    let is_plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = is_plain.then(|| number.parse::<u32>().ok())??.checked_mul(unit_s)?;
    (seconds <= 10 * 366 * 86_400).then_some(seconds)
}

/// The text is no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is no time; allowed: an age as in 90m, 24h or 7d, a day as in 2026-11-26 (from 00:00 UTC), or an instant as in \
     2026-11-26T09:00:00+09:00"
)]
pub struct NotATime(pub String);

/// What the books answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// What is held.
    Positions {
        /// One line per stock.
        positions: Vec<PositionLine>,
    },
    /// Orders, newest first.
    Orders {
        /// One line per order.
        orders: Vec<OrderLine>,
        /// True: there are more, which the limit has cut off.
        more: bool,
    },
    /// Judgements, newest first.
    Decisions {
        /// One line per judgement.
        decisions: Vec<DecisionLine>,
        /// True: there are more, which the limit has cut off.
        more: bool,
    },
    /// What was committed, oldest first.
    Events {
        /// One line per event.
        events: Vec<EventLine>,
        /// True: there are more, which the limit has cut off: older ones, or with `after` later ones.
        more: bool,
        /// The newest event of the books, whatever its kind: where to go on.
        last: EventId,
    },
    /// Profit and loss.
    Pnl {
        /// Since when sales count; none: since the books began.
        since: Option<DateTime<Utc>>,
        /// One line per currency in which something was traded, is held, or began a day.
        currencies: Vec<PnlLine>,
    },
    /// How a stock came to be traded.
    Why {
        /// What was asked.
        stock: StockWanted,
        /// The chain; absent where the books know nothing of it.
        story: Option<Box<Story>>,
    },
    /// Why a stock did not trade.
    WhyNot {
        /// What was asked.
        stock: StockWanted,
        /// The day that was asked for.
        on: Option<NaiveDate>,
        /// One per market; none where nothing ever looked at it that day.
        obstacles: Vec<Obstacle>,
    },
    /// Proposals, newest first.
    Proposals {
        /// One line each.
        proposals: Vec<ProposalLine>,
    },
    /// One proposal.
    Proposal {
        /// Which was asked for.
        number: ProposalNumber,
        /// The proposal; none where there is none of that number.
        proposal: Option<Box<ProposalRecord>>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_an_age_a_day_or_an_instant() {
        let now: DateTime<Utc> = "2026-11-26T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("90m", "2026-11-26T10:30:00Z"),
            ("24h", "2026-11-25T12:00:00Z"),
            ("7d", "2026-11-19T12:00:00Z"),
            ("0s", "2026-11-26T12:00:00Z"),
            ("2026-11-20", "2026-11-20T00:00:00Z"),
            ("2026-11-20T09:00:00+09:00", "2026-11-20T00:00:00Z"),
        ] {
            let since: Since = text.parse().unwrap();
            assert_eq!(since.instant(now), expected.parse::<DateTime<Utc>>().unwrap(), "{text}");
        }
        for text in ["", "h", "-1h", "+1h", "1.5h", "1w", "99999d", "4294967295d", "yesterday", "2026-13-01"]
        {
            let error = text.parse::<Since>().unwrap_err().to_string();
            assert!(error.contains("24h"), "{error}");
        }
    }

    #[test]
    fn a_stock_is_named_with_or_without_its_market() {
        for (text, expected) in [("KR:005930", "KR:005930"), ("005930", "005930"), ("aapl", "AAPL")] {
            assert_eq!(text.parse::<StockWanted>().unwrap().to_string(), expected);
        }
        for text in ["", "XX:1", "KR:", "'; DROP", "삼성"] {
            let error = text.parse::<StockWanted>().unwrap_err().to_string();
            assert!(error.contains("KR:005930"), "{error}");
        }
    }
}
