//! What a language model answered, read without trust: tolerant about the packaging, never about the content.
//!
//! Each symbol that was asked for gets exactly one answer, good or unusable; nothing else in the text matters. The
//! rules are those of LLM.md 3. A repair could turn a cut SELL into a BUY, so there is none.

mod json;
mod packaging;

use std::num::FpCategory;

use domain::{Action, Confidence, Symbol};

use crate::judge::Judgement;
use json::Json;

/// The keys of one answer, in the order the model is asked for them: the reasons come before the verdict.
pub const FIELDS: [&str; 4] = [SYMBOL, RATIONALE, ACTION, CONFIDENCE];
/// Key of the stock's code.
pub const SYMBOL: &str = "symbol";
/// Key of the reasons.
pub const RATIONALE: &str = "rationale";
/// Key of the verdict.
pub const ACTION: &str = "action";
/// Key of how sure the model is.
pub const CONFIDENCE: &str = "confidence";
/// The only key under which a model may wrap the list when it can only answer with an object.
pub const WRAPPER: &str = "decisions";

/// Longest text read, in bytes, thoughts and prose included; what a model writes for twenty stocks is a hundredth of it.
pub const REPLY_MAX_BYTES: usize = 1024 * 1024;

/// Why an answer cannot be used. All of them mean HOLD with confidence 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// No text.
    #[error("empty")]
    Empty,
    /// More text than [`REPLY_MAX_BYTES`].
    #[error("too_long")]
    TooLong,
    /// Bytes that are no UTF-8.
    #[error("not_utf8")]
    NotUtf8,
    /// Text without JSON.
    #[error("no_json")]
    NoJson,
    /// The JSON is not finished.
    #[error("truncated")]
    Truncated,
    /// Not strict JSON.
    #[error("malformed")]
    Malformed,
    /// More than one JSON value.
    #[error("ambiguous")]
    Ambiguous,
    /// One answer was wanted and the JSON is no object.
    #[error("not_object")]
    NotObject,
    /// A list was wanted and there is none.
    #[error("not_array")]
    NotArray,
    /// A key occurs twice.
    #[error("duplicate_key")]
    DuplicateKey,
    /// A key is missing.
    #[error("missing_field")]
    MissingField,
    /// None of BUY, SELL, HOLD.
    #[error("bad_action")]
    BadAction,
    /// No number from 0 to 100.
    #[error("bad_confidence")]
    BadConfidence,
    /// The rationale is no text.
    #[error("bad_rationale")]
    BadRationale,
    /// The list says nothing about this symbol.
    #[error("missing_symbol")]
    MissingSymbol,
    /// The list speaks twice about this symbol.
    #[error("duplicate_symbol")]
    DuplicateSymbol,
}

impl Unusable {
    /// What is wrong with the answer, in a sentence for people.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Empty => "there is no text",
            Self::TooLong => "the text is longer than 1 MiB",
            Self::NotUtf8 => "the bytes are no UTF-8 text",
            Self::NoJson => "the text holds no JSON",
            Self::Truncated => "the answer ends before it is finished",
            Self::Malformed => "the answer is not strict JSON, and is not repaired",
            Self::Ambiguous => "the text holds more than one JSON value; allowed: exactly one",
            Self::NotObject => "the answer about one stock must be a JSON object",
            Self::NotArray => {
                "the answer must be a JSON array, or an object with nothing but the array 'decisions'"
            }
            Self::DuplicateKey => "a key of the answer occurs twice",
            Self::MissingField => "a key is missing; needed: action, confidence, rationale",
            Self::BadAction => "the action is none of BUY, SELL, HOLD",
            Self::BadConfidence => {
                "the confidence is no number from 0 to 100, or is written as a probability"
            }
            Self::BadRationale => "the rationale is no text",
            Self::MissingSymbol => "the answer says nothing about this stock",
            Self::DuplicateSymbol => "the answer speaks more than once about this stock",
        }
    }
}

/// The text of a reply that came as bytes.
///
/// # Errors
/// [`Unusable::TooLong`] and [`Unusable::NotUtf8`].
pub fn text_of(bytes: &[u8]) -> Result<&str, Unusable> {
    if bytes.len() > REPLY_MAX_BYTES {
        return Err(Unusable::TooLong);
    }
    std::str::from_utf8(bytes).map_err(|_| Unusable::NotUtf8)
}

/// Reads the answer about a single stock: an object with [`ACTION`], [`CONFIDENCE`] and [`RATIONALE`].
///
/// # Errors
/// [`Unusable`].
pub fn parse_single(text: &str) -> Result<Judgement, Unusable> {
    let json = unpack(text)?;
    if matches!(json, Json::Object(_)) { judgement(&json) } else { Err(Unusable::NotObject) }
}

/// Reads the answer about `symbols`, one result for each and in their order. Other symbols in the text are ignored.
pub fn parse_batch(text: &str, symbols: &[Symbol]) -> Vec<Result<Judgement, Unusable>> {
    match unpack(text).and_then(list) {
        Ok(items) => symbols.iter().map(|symbol| answer_for(symbol, &items)).collect(),
        Err(reason) => vec![Err(reason); symbols.len()],
    }
}

fn unpack(text: &str) -> Result<Json, Unusable> {
    if text.len() > REPLY_MAX_BYTES {
        return Err(Unusable::TooLong);
    }
    packaging::unpack(text)
}

/// The one JSON value in a text, as it stands there.
///
/// # Errors
/// [`Unusable`].
pub fn only_json(text: &str) -> Result<&str, Unusable> {
    if text.len() > REPLY_MAX_BYTES { Err(Unusable::TooLong) } else { packaging::only_json(text) }
}

/// A list, or an object that holds nothing but one.
fn list(json: Json) -> Result<Vec<Json>, Unusable> {
    match json {
        Json::List(items) => Ok(items),
        Json::Object(mut pairs) if pairs.len() == 1 => match pairs.pop() {
            Some((key, Json::List(items))) if key == WRAPPER => Ok(items),
            Some(_) | None => Err(Unusable::NotArray),
        },
        Json::Object(_) | Json::Null | Json::Bool | Json::Whole(_) | Json::Fraction(_) | Json::Text(_) => {
            Err(Unusable::NotArray)
        }
    }
}

fn answer_for(symbol: &Symbol, items: &[Json]) -> Result<Judgement, Unusable> {
    let names = |value: &Json| match value {
        Json::Text(text) => text.trim().eq_ignore_ascii_case(symbol.as_str()),
        Json::Null | Json::Bool | Json::Whole(_) | Json::Fraction(_) | Json::List(_) | Json::Object(_) => {
            false
        }
    };
    let mut about = items.iter().filter(|item| item.all(SYMBOL).any(names));
    match (about.next(), about.next()) {
        (Some(item), None) => judgement(item),
        (None, _) => Err(Unusable::MissingSymbol),
        (Some(_), Some(_)) => Err(Unusable::DuplicateSymbol),
    }
}

fn judgement(object: &Json) -> Result<Judgement, Unusable> {
    if FIELDS.iter().any(|key| object.all(key).nth(1).is_some()) {
        return Err(Unusable::DuplicateKey);
    }
    let field = |key| object.all(key).next().ok_or(Unusable::MissingField);
    let (verdict, sure, reasons) = (field(ACTION)?, field(CONFIDENCE)?, field(RATIONALE)?);
    let action = action(verdict).ok_or(Unusable::BadAction)?;
    let confidence = confidence(sure).ok_or(Unusable::BadConfidence)?;
    let rationale = rationale(reasons).ok_or(Unusable::BadRationale)?;
    Ok(Judgement { action, confidence, rationale })
}

fn action(value: &Json) -> Option<Action> {
    match value {
        Json::Text(text) => {
            let word = text.trim_ascii();
            [Action::Buy, Action::Sell, Action::Hold]
                .into_iter()
                .find(|a| a.code().eq_ignore_ascii_case(word))
        }
        Json::Null | Json::Bool | Json::Whole(_) | Json::Fraction(_) | Json::List(_) | Json::Object(_) => {
            None
        }
    }
}

/// A number from 0 to 100, a fraction cut off, or up to three digits as text. Between 0 and 1 it would be a
/// probability, and 0.92 must not become 0.
fn confidence(value: &Json) -> Option<Confidence> {
    let whole = match value {
        Json::Whole(number) => i64::try_from(*number).ok(),
        Json::Fraction(number) => whole_part(*number),
        Json::Text(digits) => {
            let plain = (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten()
        }
        Json::Null | Json::Bool | Json::List(_) | Json::Object(_) => None,
    };
    Confidence::new(whole?).ok()
}

/// The whole part of a number in 0..=100 that is no probability.
fn whole_part(number: f64) -> Option<i64> {
    let counted = (1.0..=100.0).contains(&number) || number.classify() == FpCategory::Zero;
    counted.then(|| number.floor() as i64)
}

fn rationale(value: &Json) -> Option<String> {
    match value {
        Json::Text(text) => Some(text.clone()),
        Json::Whole(number) => Some(number.to_string()),
        Json::Fraction(number) => Some(number.to_string()),
        Json::Null | Json::Bool | Json::List(_) | Json::Object(_) => None,
    }
}

#[cfg(test)]
mod tests;
