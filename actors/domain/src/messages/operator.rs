//! What a person asks of the books, and what they answer: reading only, the same whoever answers.
//!
//! A running agent answers over its control socket; without one the same questions are answered from the database,
//! opened for reading only. What is not known is absent, never zero.

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

/// A price with its time and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatedPrice {
    /// The price.
    pub price: Price,
    /// When it was that.
    pub at: DateTime<Utc>,
    /// Who saw it.
    pub seen_by: PriceSource,
}

/// Where a price comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceSource {
    /// The running agent, from the exchange.
    Exchange,
    /// A judgement in the books.
    Decision,
    /// A fill in the books.
    Fill,
}

impl fmt::Display for PriceSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exchange => "exchange",
            Self::Decision => "decision",
            Self::Fill => "fill",
        })
    }
}

/// A stock that is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionLine {
    /// The stock.
    pub instrument: Instrument,
    /// Shares that this agent bought and has not sold.
    pub quantity: Quantity,
    /// What they cost, without fees.
    pub cost: Money,
    /// Shares of the account that came from elsewhere, by the books; negative: fewer than the books would have.
    pub other_shares: i64,
    /// Shares that the exchange confirms; absent when nobody has asked it.
    pub confirmed: Option<Quantity>,
    /// The newest price that is known.
    pub price: Option<DatedPrice>,
    /// What the shares of this agent are worth at that price, less their cost, before fees.
    pub unrealised: Option<Money>,
}

/// One order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// The intent.
    pub intent: IntentId,
    /// The judgement behind it.
    pub decision: DecisionId,
    /// The stock.
    pub instrument: Instrument,
    /// Buy or sell.
    pub side: Side,
    /// Shares ordered.
    pub quantity: Quantity,
    /// The limit price.
    pub limit: Price,
    /// Where it is.
    pub state: OrderState,
    /// Shares filled.
    pub filled: Quantity,
    /// What was paid or received for them, without fees.
    pub amount: Money,
    /// When it was approved.
    pub approved_at: DateTime<Utc>,
    /// When it was sent, if it was.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
    /// The exchange's number of it, if known.
    pub number: Option<String>,
    /// What was said about its state, if anything.
    pub remark: Option<String>,
}

/// One judgement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionLine {
    /// Its id.
    pub id: DecisionId,
    /// When.
    pub at: DateTime<Utc>,
    /// The stock.
    pub instrument: Instrument,
    /// What to do.
    pub action: Action,
    /// How sure.
    pub confidence: Confidence,
    /// Who judged: `rules`, or the model's name.
    pub judge: String,
    /// The price it was judged at.
    pub price: Option<Price>,
    /// Why, in words.
    pub rationale: String,
    /// Why the stock was looked at.
    pub selection: Option<SelectionContext>,
    /// What came of it, in words; absent for HOLD, and while nothing has.
    pub outcome: Option<String>,
}

/// One committed event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventLine {
    /// Its number.
    pub id: EventId,
    /// When.
    pub at: DateTime<Utc>,
    /// What kind.
    pub kind: EventKind,
    /// The market, if it is about one.
    pub market: Option<Market>,
    /// One line in plain English.
    pub text: String,
}

/// Profit and loss in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PnlLine {
    /// The currency.
    pub currency: Currency,
    /// Sales of known cost.
    pub sales: u64,
    /// What they made against average cost, before fees; absent without one.
    pub realised: Option<Money>,
    /// Sales of shares whose cost these books do not know: in no sum.
    pub sales_of_unknown_cost: u64,
    /// Fees and taxes of what was traded; absent: the exchange's order lists do not tell them.
    pub fees: Option<Money>,
    /// What positions with a known price would make now, before fees; absent without one.
    pub unrealised: Option<Money>,
    /// The oldest price in that sum.
    pub priced_at: Option<DateTime<Utc>>,
    /// Positions without any known price: in no sum.
    pub unpriced: Vec<Instrument>,
    /// The newest day and how the account stands since, fees included.
    pub day: Option<DayLine>,
}

/// A day's result of an account, fees included, and deposits and withdrawals too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayLine {
    /// The session date.
    pub session_date: NaiveDate,
    /// The equity it began with.
    pub began_with: Money,
    /// The equity that the exchange last told the running agent; absent without one.
    pub equity: Option<Money>,
    /// When it told it.
    pub told_at: Option<DateTime<Utc>>,
}

/// How a stock came to be traded, or not: the chain of one judgement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Story {
    /// The stock.
    pub instrument: Instrument,
    /// What the scans of that session made of it; empty where none considered it.
    pub considered: Vec<ConsideredLine>,
    /// The judgement; absent where a person or a halt had RiskGuard sell.
    pub decision: Option<DecisionLine>,
    /// What a language model was asked and said; absent where none was asked.
    #[serde(default)]
    pub consultation: Option<Box<ConsultationLine>>,
    /// What RiskGuard refused of it, in order.
    pub refusals: Vec<RefusalLine>,
    /// The orders that came of it, in order.
    pub orders: Vec<OrderStory>,
    /// When the position that it bought was closed.
    #[serde(default)]
    pub closed_at: Option<DateTime<Utc>>,
    /// What that position made in percent of its cost, before fees; absent while it is open, and where a cost is unknown.
    #[serde(default)]
    pub pnl_pct: Option<Decimal>,
}

/// What a language model was asked and said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsultationLine {
    /// When it was asked.
    pub asked_at: DateTime<Utc>,
    /// How long it took, in exchange time.
    pub latency_ms: u64,
    /// The model that was asked.
    pub asked_model: String,
    /// The model that answered, as it names itself.
    pub model: Option<String>,
    /// The answer's id at the server.
    pub response_id: Option<String>,
    /// The version of the prompt's form.
    pub prompt_version: u32,
    /// Tokens of the question.
    pub input_tokens: Option<u64>,
    /// Tokens of the answer, thoughts included.
    pub output_tokens: Option<u64>,
    /// What it was told about its task.
    pub system: String,
    /// The question.
    pub prompt: String,
    /// What it said, up to 64 KiB of it; untrusted text.
    pub reply: Option<String>,
    /// Why it said nothing.
    pub failure: Option<String>,
    /// Why a trade that it wanted was withheld.
    pub withheld: Option<String>,
}

/// What scans of a session made of a stock, with the numbers of the last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsideredLine {
    /// When it was first told.
    pub first_at: DateTime<Utc>,
    /// When it was last told.
    pub last_at: DateTime<Utc>,
    /// The slot of the last.
    pub slot: String,
    /// `chosen`, `held`, or the first gate that it failed.
    pub verdict: String,
    /// Every gate that was reached, with its numbers.
    pub evidence: Evidence,
}

/// A proposal that RiskGuard refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalLine {
    /// When.
    pub at: DateTime<Utc>,
    /// What was wanted.
    pub action: Action,
    /// The gate: a code of RiskGuard's closed list.
    pub reason: String,
    /// The reason in words, with its numbers.
    pub detail: String,
    /// Its numbers, where it has a threshold.
    pub numbers: Option<GateNumbers>,
}

/// An approved order and what was filled of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderStory {
    /// The order.
    pub order: OrderLine,
    /// How sure the judgement was.
    pub confidence: Confidence,
    /// Until when the approval could be used.
    pub expires_at: DateTime<Utc>,
    /// The fills, in order.
    pub fills: Vec<FillLine>,
}

/// Some shares of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FillLine {
    /// When it was booked.
    pub at: DateTime<Utc>,
    /// Shares.
    pub quantity: Quantity,
    /// The average price of these shares.
    pub price: Price,
    /// What was paid or received, without fees.
    pub amount: Money,
    /// What sold shares had cost; absent for a purchase, and where it is unknown.
    pub cost: Option<Money>,
    /// What selling them made, before fees; absent likewise.
    pub pnl: Option<Money>,
}

/// Why a stock did not trade on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obstacle {
    /// The stock.
    pub instrument: Instrument,
    /// The session date.
    pub session_date: NaiveDate,
    /// How far it came.
    pub stage: Stage,
    /// When that was.
    pub at: Option<DateTime<Utc>>,
    /// The first gate that it failed.
    pub gate: String,
    /// The gate in words.
    pub detail: String,
    /// Its numbers, where it has a threshold.
    pub numbers: Option<GateNumbers>,
}

/// How far a stock came on its way to a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A scan looked at it and did not choose it.
    Selection,
    /// It was judged, and the judgement was HOLD.
    Judgement,
    /// It was judged, and nothing of it reached RiskGuard's books.
    Proposal,
    /// RiskGuard refused the proposal.
    Limits,
    /// It was ordered, and nothing was filled.
    Exchange,
    /// It did trade.
    Traded,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Selection => "selection",
            Self::Judgement => "judgement",
            Self::Proposal => "proposal",
            Self::Limits => "limits",
            Self::Exchange => "exchange",
            Self::Traded => "traded",
        })
    }
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
