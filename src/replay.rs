//! `kestrel replay`: decides a past session anew from the recorded replies of the language model, and says where the books
//! say something else.
//!
//! Nothing is asked and nothing is written. Judgements of the local rules rest on no reply and are not part of it.

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;

use brain::Judgement;
use brain::recompute::{is_equal, recompute};
use chrono::NaiveDate;
use domain::messages::consultation::{BookedConsultation, BookedJudgement};
use domain::{Action, Confidence, DecisionId, Instrument, Market};
use serde::Serialize;

use crate::store::open_read_only;

/// What a replay found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// The session date.
    pub session_date: NaiveDate,
    /// The only market that was looked at; none: all.
    pub market: Option<Market>,
    /// Calls of the model in that session.
    pub calls: usize,
    /// Judgements that came out as the books have them.
    pub equal: usize,
    /// Those that did not, or could not be decided anew.
    pub different: usize,
    /// One line for each.
    pub decisions: Vec<Line>,
}

/// One judgement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its id.
    pub decision: DecisionId,
    /// The stock.
    pub instrument: Instrument,
    /// The slot.
    pub slot: String,
    /// True: it came out the same, to the letter.
    pub is_equal: bool,
    /// What the books say.
    pub booked: Said,
    /// What follows from the reply; absent where that cannot be told.
    pub replayed: Option<Said>,
    /// Why it cannot be told.
    pub unknown_because: Option<String>,
}

/// A judgement in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Said {
    /// What to do.
    pub action: Action,
    /// How sure.
    pub confidence: Confidence,
    /// Why.
    pub rationale: String,
}

impl Replayed {
    /// Decides anew by what is booked of a session.
    pub fn new(session_date: NaiveDate, market: Option<Market>, booked: &[BookedConsultation]) -> Self {
        let is_wanted = |instrument: &Instrument| market.is_none_or(|market| instrument.market == market);
        let asked = |call: &&BookedConsultation| {
            call.consultation.stocks.iter().any(|stock| is_wanted(&stock.instrument))
        };
        let made = booked.iter().flat_map(|call| call.judgements.iter().map(move |made| (call, made)));
        let decisions: Vec<Line> = made
            .filter(|(_, made)| is_wanted(&made.instrument))
            .map(|(call, made)| line(call, made))
            .collect();
        let equal = decisions.iter().filter(|line| line.is_equal).count();
        let (calls, different) = (booked.iter().filter(asked).count(), decisions.len() - equal);
        Self { session_date, market, calls, equal, different, decisions }
    }
}

fn line(call: &BookedConsultation, made: &BookedJudgement) -> Line {
    let anew = recompute(call, made);
    let said = |judgement: &Judgement| Said {
        action: judgement.action,
        confidence: judgement.confidence,
        rationale: judgement.rationale.clone(),
    };
    let BookedJudgement { id, instrument, action, confidence, rationale, .. } = made.clone();
    Line {
        decision: id,
        instrument,
        slot: call.consultation.slot.clone(),
        is_equal: anew.as_ref().is_ok_and(|anew| is_equal(anew, made)),
        booked: Said { action, confidence, rationale },
        replayed: anew.as_ref().ok().map(said),
        unknown_because: anew.err().map(|why| why.to_string()),
    }
}

/// Reads the books at `path`, with or without a running agent.
///
/// # Errors
/// In words: books that cannot be read, or that hold no call of a model in that session.
pub fn from_books(path: &Path, session_date: NaiveDate, market: Option<Market>) -> Result<Replayed, String> {
    let mut books = open_read_only(path).map_err(|error| error.to_string())?;
    let booked = books.consultations(session_date).map_err(|error| error.to_string())?;
    let replayed = Replayed::new(session_date, market, &booked);
    if replayed.calls == 0 {
        let of = market.map_or_else(String::new, |market| format!(" of {market}"));
        return Err(format!(
            "the books hold no call of a language model in the session{of} of {session_date}; sessions with judgements: \
             kestrel decisions"
        ));
    }
    Ok(replayed)
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.decisions {
            writeln!(f, "{line}")?;
        }
        let Self { session_date, calls, equal, different, .. } = self;
        write!(f, "{session_date}: {equal} equal, {different} different, from {calls} calls of the model")
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { decision, instrument, slot, is_equal, booked, replayed, unknown_because } = self;
        let verdict = if *is_equal { "equal" } else { "DIFFERENT" };
        write!(f, "{verdict:<9} {instrument} {slot}: {booked} [{decision}]")?;
        match (is_equal, replayed, unknown_because) {
            (true, ..) => Ok(()),
            (false, Some(replayed), _) => write!(f, "\n          now {replayed}: {}", replayed.rationale),
            (false, None, Some(why)) => write!(f, "\n          cannot be decided anew: {why}"),
            (false, None, None) => Ok(()),
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.action, self.confidence)
    }
}
