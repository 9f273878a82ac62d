//! Proposals: what the Optimizer would have a person decide, and what became of it.

use std::fmt;

use actix::Message;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{AutoLimit, ShadowPlan, ShadowRecord, TrialHash};
use crate::Market;
use crate::messages::ledger::LedgerError;

/// The number of a proposal, from 1 on, shown with four digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProposalNumber(pub u32);

impl std::str::FromStr for ProposalNumber {
    type Err = NotANumber;

    /// With or without its zeros.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().ok().filter(|number| *number > 0).map(Self).ok_or(NotANumber)
    }
}

/// The text is no number of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a proposal has a number from 1 on, e.g. 0007 or 7")]
pub struct NotANumber;

impl fmt::Display for ProposalNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}

/// Where a proposal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProposalStatus {
    /// It is written, and trades in the shadow beside the incumbent.
    Draft,
    /// Its evidence is complete; a person may decide.
    ReadyForReview,
    /// A person said yes, or the limit that the operator set; it holds from the next session on.
    Approved,
    /// A person said no, or its shadow did.
    Rejected,
    /// Its market trades by it.
    Active,
    /// It was active once.
    Retired,
}

impl ProposalStatus {
    /// Every status.
    pub const ALL: [Self; 6] =
        [Self::Draft, Self::ReadyForReview, Self::Approved, Self::Rejected, Self::Active, Self::Retired];

    /// The word stored and shown.
    pub fn code(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::ReadyForReview => "ready_for_review",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }
}

impl fmt::Display for ProposalStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What may happen to a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProposalStep {
    /// Its evidence is complete.
    Submit,
    /// Yes.
    Approve,
    /// No.
    Reject,
    /// Back to review from an approval by the limit that the operator set, which rests.
    Withdraw,
    /// Its market trades by it from now on, and what it traded by before is retired.
    Activate,
    /// Back to what its market traded by before it.
    RollBack,
}

impl ProposalStep {
    /// Every step.
    pub const ALL: [Self; 6] =
        [Self::Submit, Self::Approve, Self::Reject, Self::Withdraw, Self::Activate, Self::RollBack];
}

impl fmt::Display for ProposalStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Submit => "submitted",
            Self::Approve => "approved",
            Self::Reject => "rejected",
            Self::Withdraw => "withdrawn",
            Self::Activate => "activated",
            Self::RollBack => "rolled back",
        })
    }
}

/// What a person decides on a proposal; the other steps are the agent's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProposalDecision {
    /// Yes.
    Approve,
    /// No.
    Reject,
    /// Back to what its market traded by before it.
    RollBack,
}

impl From<ProposalDecision> for ProposalStep {
    fn from(decision: ProposalDecision) -> Self {
        match decision {
            ProposalDecision::Approve => Self::Approve,
            ProposalDecision::Reject => Self::Reject,
            ProposalDecision::RollBack => Self::RollBack,
        }
    }
}

/// Who does something to a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decider {
    /// The agent itself.
    Agent,
    /// A person, by name.
    Person(String),
    /// Nobody: the limit that the operator set, within which it has to lie.
    Limit(AutoLimit),
}

impl fmt::Display for Decider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent => f.write_str("the agent"),
            Self::Person(name) => f.write_str(name),
            Self::Limit(_) => f.write_str(AutoLimit::SETTING),
        }
    }
}

/// Optimizer -> TradeLedger: a proposal as a draft. A cycle drafts one; the same cycle again is the same proposal. Asked, 5 s.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<ProposalRecord, LedgerError>")]
pub struct DraftProposal {
    /// The cycle it comes from; none when a person made it.
    pub cycle: Option<i64>,
    /// The market.
    pub market: Market,
    /// A short name for folder and title: small letters, digits and hyphens, 1 to 40.
    pub name: String,
    /// Why it should be better, in one sentence.
    pub hypothesis: String,
    /// Its identity.
    pub hash: TrialHash,
    /// Its canonical form.
    pub strategy: String,
    /// What it should replace, canonical; none: the operator's settings.
    pub incumbent: Option<String>,
    /// The gates' numbers as JSON.
    pub evidence: String,
    /// How it trades in the shadow; none for one that a person made.
    pub shadow: Option<ShadowPlan>,
}

/// A person, or Optimizer -> TradeLedger: something happens to a proposal. Refused when it cannot from where the proposal
/// stands. Asked, 5 s.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<ProposalRecord, LedgerError>")]
pub struct ChangeProposal {
    /// Which.
    pub number: ProposalNumber,
    /// What.
    pub step: ProposalStep,
    /// Who.
    pub by: Decider,
    /// Why, for the record; never empty.
    pub reason: String,
}

/// The control socket, Optimizer -> TradeLedger: every proposal, newest first. Asked, 5 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<Vec<ProposalRecord>, LedgerError>")]
pub struct AllProposals;

/// A proposal as the books have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalRecord {
    /// Its number.
    pub number: ProposalNumber,
    /// The market.
    pub market: Market,
    /// Its short name.
    pub name: String,
    /// Why it should be better.
    pub hypothesis: String,
    /// Its identity.
    pub hash: TrialHash,
    /// Its canonical form.
    pub strategy: String,
    /// What it should replace; none: the operator's settings.
    pub incumbent: Option<String>,
    /// The gates' numbers as JSON.
    pub evidence: String,
    /// Where it stands.
    pub status: ProposalStatus,
    /// What happened, oldest first.
    pub history: Vec<ProposalChange>,
    /// How it did in the shadow beside the incumbent; none where it had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<ShadowRecord>,
}

impl ProposalRecord {
    /// Its folder under `data/proposals`, e.g. `0007-oversold-kr`.
    pub fn folder(&self) -> String {
        format!("{}-{}", self.number, self.name)
    }

    /// Its title, as of a pull request.
    pub fn title(&self) -> String {
        format!("[Evolution] {}: {}", self.market, self.name.replace('-', " "))
    }
}

/// One thing that happened to a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalChange {
    /// Where it stood afterwards.
    pub status: ProposalStatus,
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// A proposal at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalLine {
    /// Its number.
    pub number: ProposalNumber,
    /// The market.
    pub market: Market,
    /// Its short name.
    pub name: String,
    /// Where it stands.
    pub status: ProposalStatus,
    /// What happened last.
    pub last: Option<ProposalChange>,
    /// What it changes against what its market trades by, in words: `- before` and `+ after`. None once it is over.
    #[serde(default)]
    pub changes: Vec<String>,
}

impl ProposalLine {
    /// The line of a record whose `changes` are known.
    pub fn new(record: &ProposalRecord, changes: Vec<String>) -> Self {
        Self {
            changes,
            number: record.number,
            market: record.market,
            name: record.name.clone(),
            status: record.status,
            last: record.history.last().cloned(),
        }
    }
}
