//! Where the markets stand, as the running agent has found.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use domain::Market;
use domain::messages::schedule::{DaySource, SessionChanged};
use serde::{Deserialize, Serialize};

/// One market as the running agent sees it: the calendar, and what it has found besides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarketStanding {
    /// The market.
    pub market: Market,
    /// Its session date.
    pub session_date: NaiveDate,
    /// Where its day stands.
    pub phase: String,
    /// How far the day may be traded upon: certain, unproved, disputed, suspected_closed, broker_down, unknown or
    /// unknown_exits_allowed.
    pub trust: String,
    /// The same in words, and who says what the day is where that is not the calendar.
    pub because: String,
    /// Until when the broker takes orders, where this agent may have some to send.
    pub orders_until: Option<DateTime<Utc>>,
}

impl From<SessionChanged> for MarketStanding {
    fn from(session: SessionChanged) -> Self {
        let SessionChanged { market, session_date, phase, trust, source, orders_until, at: _ } = session;
        let because = match source {
            DaySource::Calendar => trust.to_string(),
            DaySource::OverrideFile | DaySource::BrokersList => format!("{trust}, by {source}"),
        };
        let trust = trust.code().to_owned();
        Self { market, session_date, phase: phase.to_string(), trust, because, orders_until }
    }
}

impl fmt::Display for MarketStanding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}: {}", self.market, self.session_date, self.phase, self.because)
    }
}
