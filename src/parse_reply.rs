//! `kestrel parse-reply`: what the Brain makes of any text of a language model.
//!
//! It is the Brain's own parser and its own threshold; nothing is asked, booked or traded. A text that cannot be used is
//! an answer too, HOLD with confidence 0, so the command succeeds; it fails only when there is nothing to read from.

use std::fmt;
use std::io::Read;

use brain::Judgement;
use brain::judge::gate;
use brain::reply::{REPLY_MAX_BYTES, Unusable, parse_batch, parse_single, text_of};
use domain::text::harmless;
use domain::{Confidence, Decision, Symbol};
use serde::Serialize;

use crate::cli::ParseReplyArgs;
use crate::config::Config;
use crate::terminal;

/// Why nothing could be shown.
#[derive(Debug, thiserror::Error)]
pub enum ParseReplyError {
    /// Standard input gives no bytes, e.g. because it is a folder.
    #[error("the reply cannot be read from standard input: {0}; it counts as HOLD 0")]
    Unreadable(std::io::Error),
    /// The setting is wrong and no other threshold was given.
    #[error("CONFIDENCE_THRESHOLD is not allowed; allowed: 0 to 100, or give --threshold N")]
    Threshold,
    /// The outcome cannot be written as JSON.
    #[error("the outcome cannot be shown: {0}")]
    NotShown(serde_json::Error),
}

/// Reads the reply from standard input and prints what becomes of it.
///
/// # Errors
/// [`ParseReplyError`].
pub fn run(args: &ParseReplyArgs) -> Result<(), ParseReplyError> {
    let threshold = args.threshold.or_else(Config::confidence_setting).ok_or(ParseReplyError::Threshold)?;
    let read = first_bytes(std::io::stdin().lock());
    // Standard input that gives nothing is told of, and held like every other failure.
    let bytes = read.as_deref().unwrap_or_default();
    let outcome = Outcome::of(bytes, args.symbols.as_ref().map(|list| list.0.as_slice()), threshold);
    match args.json {
        true => terminal::line(outcome.to_json().map_err(ParseReplyError::NotShown)?),
        false => terminal::line(&outcome),
    }
    read.map(|_| ()).map_err(ParseReplyError::Unreadable)
}

/// The reply, or enough of it to see that it is too long.
fn first_bytes(input: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(REPLY_MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    input.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What becomes of a reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Outcome {
    /// The answer about one stock.
    Single(Answer),
    /// An answer for each stock that was asked about, in that order.
    Batch(Vec<Answer>),
}

impl Outcome {
    /// What the Brain makes of `bytes`, as an answer about `symbols`, or about one stock that was not named.
    pub fn of(bytes: &[u8], symbols: Option<&[Symbol]>, threshold: Confidence) -> Self {
        let text = text_of(bytes);
        match symbols {
            None => Self::Single(Answer::of(None, text.and_then(parse_single), threshold)),
            Some(symbols) => {
                let read = match text {
                    Ok(text) => parse_batch(text, symbols),
                    Err(reason) => vec![Err(reason); symbols.len()],
                };
                let pairs = symbols.iter().zip(read);
                Self::Batch(pairs.map(|(symbol, one)| Answer::of(Some(symbol), one, threshold)).collect())
            }
        }
    }

    fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single(answer) => answer.fmt(f),
            Self::Batch(answers) => {
                for (index, answer) in answers.iter().enumerate() {
                    let end = if index == 0 { "" } else { "\n" };
                    write!(f, "{end}{answer}")?;
                }
                Ok(())
            }
        }
    }
}

/// What becomes of the reply about one stock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The stock, if one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<Symbol>,
    /// What the model says: BUY, SELL or HOLD. HOLD when the reply cannot be used.
    pub action: &'static str,
    /// How sure it says it is, 0 to 100. 0 when the reply cannot be used.
    pub confidence: i64,
    /// Its reasons, as it wrote them; null when the reply cannot be used.
    pub rationale: Option<String>,
    /// Why the reply cannot be used, in one word; null when it can.
    pub reason: Option<String>,
    /// The same for people; null when the reply can be used.
    pub explanation: Option<&'static str>,
    /// What the threshold leaves of the action.
    pub action_after_threshold: &'static str,
    /// The threshold, 0 to 100.
    pub threshold: i64,
}

impl Answer {
    fn of(symbol: Option<&Symbol>, read: Result<Judgement, Unusable>, threshold: Confidence) -> Self {
        let reason = read.as_ref().err().copied();
        let rationale = read.as_ref().ok().map(|judgement| judgement.rationale.clone());
        let judgement = read.unwrap_or_else(Judgement::from);
        let (action, confidence) = (judgement.action, judgement.confidence);
        Self {
            symbol: symbol.cloned(),
            action: action.code(),
            confidence: confidence.into(),
            rationale,
            reason: reason.map(|reason| reason.to_string()),
            explanation: reason.map(Unusable::explanation),
            action_after_threshold: gate(judgement, threshold).action.code(),
            threshold: threshold.into(),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { symbol, action, confidence, rationale, reason, explanation, .. } = self;
        if let Some(symbol) = symbol {
            write!(f, "{symbol:<12} ")?;
        }
        write!(f, "{action:<4} {confidence:>3}  ")?;
        if let (Some(reason), Some(explanation)) = (reason, explanation) {
            return write!(f, "not usable, {reason}: {explanation}");
        }
        if self.action_after_threshold != *action {
            write!(f, "(becomes {}, below the threshold {}) ", self.action_after_threshold, self.threshold)?;
        }
        f.write_str(&harmless(rationale.as_deref().unwrap_or_default(), Decision::RATIONALE_MAX_CHARS))
    }
}

#[cfg(test)]
mod tests;
