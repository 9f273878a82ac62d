//! Who judges, for people who look.

use actix::Message;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::evolution::ProposalNumber;
use crate::Market;

/// Control socket -> Brain: who judges the next slot. Asked, 2 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "JudgeStanding")]
pub struct JudgeQuery;

/// Who judges the next slot, and what went wrong last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgeStanding {
    /// `rules`, or the name of the language model.
    pub judge: String,
    /// The model of the settings that it stands in for.
    pub in_place_of: Option<String>,
    /// Until when that is so, or until when the model is not asked and every stock is held.
    pub until: Option<DateTime<Utc>>,
    /// What went wrong, since the model was last heard.
    pub trouble: Option<String>,
    /// When it went wrong.
    pub trouble_at: Option<DateTime<Utc>>,
    /// What each market trades by, as far as it was asked in this life.
    #[serde(default)]
    pub strategies: Vec<StrategyStanding>,
}

/// What a market trades by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyStanding {
    /// The market.
    pub market: Market,
    /// The newest session that somebody has asked about.
    pub session_date: NaiveDate,
    /// The strategy's name.
    pub name: String,
    /// The proposal it is from; none: the operator's settings.
    pub proposal: Option<ProposalNumber>,
    /// The strategy in words, on several lines; its reason is text of others.
    pub words: String,
}
