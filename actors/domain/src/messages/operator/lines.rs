//! What an answer is made of: lines, stories and obstacles.

use super::*;

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
    /// What the market traded by then; absent where nobody of this market judged: a person, a halt, or RiskGuard's own exit.
    #[serde(default)]
    pub strategy: Option<StrategyLine>,
    /// What a language model was asked and said; absent where none was asked.
    #[serde(default)]
    pub consultation: Option<Box<ConsultationLine>>,
    /// What RiskGuard refused of it, in order.
    pub refusals: Vec<RefusalLine>,
    /// The orders that came of it, in order.
    pub orders: Vec<OrderStory>,
    /// Of a sale: when the newest purchase before it was approved; absent where the books have none.
    #[serde(default)]
    pub bought_at: Option<DateTime<Utc>>,
    /// When the position that it bought was closed.
    #[serde(default)]
    pub closed_at: Option<DateTime<Utc>>,
    /// What that position made in percent of its cost, before fees; absent while it is open, and where a cost is unknown.
    #[serde(default)]
    pub pnl_pct: Option<Decimal>,
}

/// What a market traded by when it judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum StrategyLine {
    /// The operator's settings.
    Settings,
    /// A version in the books.
    Version {
        /// Its number, as it is booked with each judgement.
        version: i64,
        /// The proposal that it came from, if from one.
        proposal: Option<ProposalNumber>,
    },
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
