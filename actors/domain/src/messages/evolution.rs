//! What the Optimizer has the books keep: cycles, trials, the archive, windows that were looked at, proposals.
//!
//! Everything is added and nothing changed. A strategy travels as the canonical JSON of its flat form, its identity is the
//! SHA-256 of that; the books do not read it.

use std::fmt;
use std::str::FromStr;

use actix::Message;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::ledger::LedgerError;
use crate::Market;

mod glance;
mod limit;
mod looks;
mod proposals;
mod shadows;

pub use glance::*;
pub use limit::*;
pub use looks::*;
pub use proposals::*;
pub use shadows::*;

/// Most trials of one [`RecordTrials`]: one small transaction.
pub const TRIALS_AT_ONCE_MAX: usize = 64;
/// Most bytes of a strategy as text.
pub const STRATEGY_BYTES_MAX: usize = 64 * 1024;
/// Most bytes of evidence.
pub const EVIDENCE_BYTES_MAX: usize = 256 * 1024;

/// The identity of a strategy: SHA-256 of its canonical form, as 64 small hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TrialHash(String);

impl TrialHash {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first eight, for people.
    pub fn short(&self) -> &str {
        self.0.get(..8).unwrap_or_default()
    }
}

impl fmt::Display for TrialHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is no hash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a trial's hash has 64 hexadecimal digits in small letters")]
pub struct InvalidTrialHash;

impl FromStr for TrialHash {
    type Err = InvalidTrialHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for TrialHash {
    type Error = InvalidTrialHash;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == 64 && text.bytes().all(is_digit)).then_some(Self(text)).ok_or(InvalidTrialHash)
    }
}

impl From<TrialHash> for String {
    fn from(hash: TrialHash) -> Self {
        hash.0
    }
}

/// Optimizer -> TradeLedger: a cycle of evolution after a market's close. The first one of a market and session date stays,
/// and the answer is what stands, so that a cycle that was interrupted goes on. A new one for an older session than the market's
/// newest is refused. Asked, 5 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Cycle, LedgerError>")]
pub struct BeginCycle {
    /// The market.
    pub market: Market,
    /// The session that has ended.
    pub session_date: NaiveDate,
    /// From which everything random of the cycle follows, if it is new.
    pub seed: u64,
}

/// A cycle as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// Its number.
    pub seq: i64,
    /// The market.
    pub market: Market,
    /// The session that has ended.
    pub session_date: NaiveDate,
    /// From which everything random of it follows.
    pub seed: u64,
    /// Trials that are booked: the next one has this position.
    pub trials: u32,
    /// Nothing is added to it any more.
    pub is_over: bool,
}

/// Where a strategy comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// One of those that every archive begins with.
    Seed,
    /// One parent, changed at random.
    Mutation,
    /// Two parents.
    Crossover,
    /// A language model.
    Model,
}

impl Origin {
    /// Every origin.
    pub const ALL: [Self; 4] = [Self::Seed, Self::Mutation, Self::Crossover, Self::Model];

    /// The word stored and shown.
    pub fn code(self) -> &'static str {
        match self {
            Self::Seed => "seed",
            Self::Mutation => "mutation",
            Self::Crossover => "crossover",
            Self::Model => "model",
        }
    }
}

/// The gates, in their order (strategies.md 5.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum GateName {
    /// Form and duplicate.
    G0,
    /// Mechanical checks.
    G1,
    /// Walk-forward in the sample.
    G2,
    /// The one sealed look.
    G3,
    /// The shadow beside the incumbent.
    G4,
    /// A person.
    G5,
}

impl GateName {
    /// Every gate.
    pub const ALL: [Self; 6] = [Self::G0, Self::G1, Self::G2, Self::G3, Self::G4, Self::G5];

    /// The word stored and shown.
    pub fn code(self) -> &'static str {
        match self {
            Self::G0 => "G0",
            Self::G1 => "G1",
            Self::G2 => "G2",
            Self::G3 => "G3",
            Self::G4 => "G4",
            Self::G5 => "G5",
        }
    }
}

impl fmt::Display for GateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// One trial, whatever became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Its identity.
    pub hash: TrialHash,
    /// What it was made from.
    pub parent: Option<TrialHash>,
    /// How.
    pub origin: Origin,
    /// Its canonical form, at most [`STRATEGY_BYTES_MAX`].
    pub strategy: String,
    /// The gate that ended it; none when it may be a champion.
    pub killed_by: Option<GateName>,
    /// Sharpe ratio of one observation (not of a year) in millionths, after costs; none where nothing was measured.
    pub sharpe_micros: Option<i64>,
    /// Observations behind it.
    pub observations: u32,
    /// Where it belongs in the archive and how good it is there; none when it has no place.
    pub place: Option<Place>,
    /// The gates' numbers as JSON, at most [`EVIDENCE_BYTES_MAX`].
    pub evidence: String,
}

/// A niche of the archive, and a fitness in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The niche, as the Optimizer names it.
    pub niche: String,
    /// The larger the better, in millionths.
    pub fitness_micros: i64,
}

/// Optimizer -> TradeLedger: the next trials of a cycle, all or none, with the places they take in the archive. Refused when
/// their first position is not the next one: what was booked before a crash is not booked twice. Asked, 5 s.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<TrialsBooked, LedgerError>")]
pub struct RecordTrials {
    /// The cycle.
    pub cycle: i64,
    /// The position of the first of them.
    pub position: u32,
    /// At most [`TRIALS_AT_ONCE_MAX`].
    pub trials: Vec<Trial>,
}

/// What became of trials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrialsBooked {
    /// Trials of the cycle.
    pub trials: u32,
    /// Places of the archive that were taken.
    pub places_taken: u32,
}

/// Optimizer -> TradeLedger: what a cycle has tried, in the order of its positions. Asked, 5 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<Tried>, LedgerError>")]
pub struct TrialsOf {
    /// The cycle.
    pub cycle: i64,
    /// From this position on; at most [`TRIALS_AT_ONCE_MAX`] are answered.
    pub from: u32,
}

/// A trial as a later step of its cycle needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Its identity.
    pub hash: TrialHash,
    /// Its canonical form.
    pub strategy: String,
    /// The gate that ended it; none when it may be a champion.
    pub killed_by: Option<GateName>,
    /// Sharpe ratio of one observation in millionths; none where nothing was measured.
    pub sharpe_micros: Option<i64>,
}

/// Optimizer -> TradeLedger: a cycle is over. The first word stays. Asked, 5 s.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), LedgerError>")]
pub struct EndCycle {
    /// The cycle.
    pub cycle: i64,
    /// What came of it, in words.
    pub outcome: String,
    /// The best of it, if there was one that could be looked at.
    pub champion: Option<TrialHash>,
}

/// Optimizer -> TradeLedger: how many trials of a market there ever were, and how their Sharpe ratios vary. Asked, 5 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<TrialTotals, LedgerError>")]
pub struct TotalsOf {
    /// The market.
    pub market: Market,
}

/// N and V of the deflated Sharpe ratio (strategies.md 5.1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrialTotals {
    /// N: all trials.
    pub trials: u64,
    /// Those that have a Sharpe ratio.
    pub measured: u64,
    /// V: the variance of the Sharpe ratios of one observation (n - 1); none below two.
    pub variance: Option<f64>,
}

/// Optimizer -> TradeLedger: which of these were tried in the market before. At most a thousand. Asked, 5 s.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<TrialHash>, LedgerError>")]
pub struct TriedBefore {
    /// The market.
    pub market: Market,
    /// The candidates.
    pub hashes: Vec<TrialHash>,
}

/// Optimizer -> TradeLedger: the best of each niche of a market, by niche. Asked, 5 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<Elite>, LedgerError>")]
pub struct ElitesOf {
    /// The market.
    pub market: Market,
}

/// The best of a niche.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elite {
    /// The niche and how good it is.
    pub place: Place,
    /// Its identity.
    pub hash: TrialHash,
    /// Its canonical form.
    pub strategy: String,
}

/// Optimizer -> TradeLedger: days are about to be looked at for a champion. They are spent from the answer on, whatever is seen.
/// A cycle spends one window; the same again is the same window. Refused when a day was spent before. Asked, 5 s.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<SpentWindow, LedgerError>")]
pub struct SpendWindow {
    /// The cycle.
    pub cycle: i64,
    /// The first day.
    pub first_day: NaiveDate,
    /// The last day.
    pub last_day: NaiveDate,
    /// Whom it judges.
    pub champion: TrialHash,
}

/// A window that is spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpentWindow {
    /// Its row.
    pub seq: i64,
    /// The cycle that spent it.
    pub cycle: i64,
    /// The how-manieth of its market, from 1: what alpha is left follows from it.
    pub number: u32,
    /// The first day.
    pub first_day: NaiveDate,
    /// The last day.
    pub last_day: NaiveDate,
    /// Whom it judged.
    pub champion: TrialHash,
    /// What was seen; none while nobody has said.
    pub passed: Option<bool>,
}

/// Optimizer -> TradeLedger: what was seen. The first word stays. Asked, 5 s.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), LedgerError>")]
pub struct JudgeWindow {
    /// The window's row.
    pub window: i64,
    /// Whether the champion passed.
    pub passed: bool,
    /// The numbers as JSON, at most [`EVIDENCE_BYTES_MAX`].
    pub evidence: String,
}

/// Optimizer -> TradeLedger: the numbers of what was seen in a window, as they were booked; none while nobody has said. Asked, 5 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Option<String>, LedgerError>")]
pub struct SeenIn {
    /// The window's row.
    pub window: i64,
}

/// Optimizer -> TradeLedger: the windows of a market, oldest first. Asked, 5 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<SpentWindow>, LedgerError>")]
pub struct WindowsOf {
    /// The market.
    pub market: Market,
}

/// A version of what a market trades by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveStrategy {
    /// Its number, of all markets.
    pub version: i64,
    /// The proposal it is from; none: the operator's settings hold again.
    pub from: Option<(ProposalNumber, String)>,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// Optimizer, Brain -> TradeLedger: what a market trades by; none while no proposal was ever activated. Asked, 5 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Option<ActiveStrategy>, LedgerError>")]
pub struct ActiveIn {
    /// The market.
    pub market: Market,
}

/// Optimizer -> TradeLedger: of a market's latest trials, those that earned most and were ended by a gate all the same. Asked, 5 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<Reject>, LedgerError>")]
pub struct RejectsOf {
    /// The market.
    pub market: Market,
    /// At most so many, 1 to 10.
    pub limit: u8,
}

/// A trial that a gate has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The gate.
    pub killed_by: GateName,
    /// Sharpe ratio of one observation in millionths, after costs.
    pub sharpe_micros: i64,
    /// Its canonical form.
    pub strategy: String,
}

/// Brain, Scanner -> TradeLedger: what a market trades by in a session; none: the operator's settings. The first who asks settles
/// it: what was approved until then is activated, and nothing changes within the session. Asked, 5 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Option<StrategyVersion>, LedgerError>")]
pub struct StrategyOf {
    /// The market.
    pub market: Market,
    /// The session.
    pub session_date: NaiveDate,
}

/// A strategy that a market trades by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrategyVersion {
    /// Its number, of all markets.
    pub version: i64,
    /// The proposal it is from.
    pub proposal: ProposalNumber,
    /// Its JSON form; the books have seen that it can be read.
    pub strategy: String,
}
