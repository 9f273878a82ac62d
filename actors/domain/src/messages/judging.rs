//! Who judges, for people who look.

use actix::Message;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Control socket -> Brain: who judges the next slot. Asked, 2 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "JudgeStanding")]
pub struct JudgeQuery;

/// Who judges the next slot, and what went wrong last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgeStanding {
    /// `rules`, or the name of the language model.
    pub judge: String,
    /// The model that the rules stand in for.
    pub in_place_of: Option<String>,
    /// Until when that is so, or until when the model is not asked and every stock is held.
    pub until: Option<DateTime<Utc>>,
    /// What went wrong, since the model was last heard.
    pub trouble: Option<String>,
    /// When it went wrong.
    pub trouble_at: Option<DateTime<Utc>>,
}
