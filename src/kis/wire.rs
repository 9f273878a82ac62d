//! How KIS writes answers: the envelope, its rows, its numbers (KIS.md 3).
//!
//! Every value is text. Numbers may carry blanks, a plus sign or padding zeros, and an empty text means "not said":
//! it becomes an absent value, never zero. No number passes through a float. Unknown keys are ignored; a known key
//! with an impossible value is an error that names the key, because guessing would turn it into money.

use bytes::Bytes;
use chrono::{NaiveDate, NaiveTime};
use domain::messages::market_data::QueryError;
use domain::text::harmless;
use domain::{Price, Quantity};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::{Map, Value};

use super::json::Unrepeated;

/// Longest number accepted, in characters: KIS's widest column has 32.
const NUMBER_CHARS_MAX: usize = 40;
/// `msg_cd` of an answer that has nothing to list; then the list itself may be left out (KIS.md 3.2).
const NOTHING_TO_LIST: &str = "KIOK0560";
/// The largest number of any field; no account of any currency comes near it, and sums of such numbers cannot overflow.
const NUMBER_MAX: Decimal = Decimal::from_parts(2_808_348_672, 232_830_643, 0, false, 0);
/// Longest code; those of KIS have 8 characters.
const CODE_CHARS_MAX: usize = 12;
/// Stands for a code that is none.
const UNREADABLE: &str = "(unreadable code)";
/// Longest text taken over from an answer into an error or a record, in characters.
const TEXT_CHARS_MAX: usize = 200;

/// Why an answer cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum WireError {
    /// The body is not one JSON object, or a key occurs twice in it.
    #[error("the body is no JSON object without repeated keys")]
    NotAnObject,
    /// A field that must be there is missing or empty.
    #[error("'{0}' is missing")]
    Missing(&'static str),
    /// A field holds something it cannot hold.
    #[error("'{field}' is '{text}'")]
    Bad {
        /// KIS's name of the field.
        field: &'static str,
        /// What it holds, cut.
        text: String,
    },
}

impl From<WireError> for QueryError {
    fn from(error: WireError) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// One answer of the `/uapi` interface: `rt_cd`, `msg_cd`, `msg1` and whatever else is at the top level.
#[derive(Debug)]
pub(super) struct Envelope {
    fields: Row,
}

impl Envelope {
    /// Parses a body.
    ///
    /// # Errors
    /// [`WireError::NotAnObject`] for an empty body, an HTML page, a list, JSON nested beyond 128 levels or with a
    /// key twice.
    pub(super) fn parse(body: &Bytes) -> Result<Self, WireError> {
        match serde_json::from_slice(body) {
            Ok(Unrepeated(Value::Object(fields))) => Ok(Self { fields: Row(fields) }),
            Ok(_) | Err(_) => Err(WireError::NotAnObject),
        }
    }

    /// `rt_cd` is "0": KIS says the call succeeded.
    pub(super) fn succeeded(&self) -> bool {
        self.result_code() == "0"
    }

    /// `rt_cd`, empty when absent.
    pub(super) fn result_code(&self) -> &str {
        self.fields.text("rt_cd")
    }

    /// `msg_cd` without padding; for `/oauth2` answers `error_code` (KIS.md 5.2). What cannot be a code is
    /// [`UNREADABLE`], which means nothing, least of all "no code".
    pub(super) fn code(&self) -> &str {
        let code = match self.fields.text("msg_cd") {
            "" => self.fields.text("error_code"),
            code => code,
        };
        let is_code = code.len() <= CODE_CHARS_MAX && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_code { code } else { UNREADABLE }
    }

    /// `msg1` without padding (KIS.md 3.2: 80 bytes), or `error_description`; at most 200 characters.
    pub(super) fn message(&self) -> String {
        match self.fields.text("msg1") {
            "" => clip(self.fields.text("error_description")),
            text => clip(text),
        }
    }

    /// The top-level fields themselves.
    pub(super) fn fields(&self) -> &Row {
        &self.fields
    }

    /// A paging context exactly as sent: padding belongs to it (KIS.md 3.3).
    pub(super) fn context(&self, key: &str) -> String {
        self.fields.0.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The rows under the first of `keys` that exists, whether KIS sent a list or a single object; none is no row.
    ///
    /// # Errors
    /// [`WireError::Bad`] when one of them is no object: a row that cannot be read is not a row that is not there.
    pub(super) fn rows(&self, keys: &[&'static str]) -> Result<Vec<Row>, WireError> {
        match keys.iter().find_map(|key| Some((*key, self.fields.0.get(*key)?))) {
            Some((key, Value::Array(items))) => items.iter().map(|item| Row::read(key, item)).collect(),
            Some((key, single)) => Row::read(key, single).map(|row| vec![row]),
            None => Ok(Vec::new()),
        }
    }

    /// The rows of a list from whose gaps conclusions are drawn.
    ///
    /// # Errors
    /// As [`Envelope::rows`], and [`WireError::Missing`] when there is no list although KIS does not say that there is
    /// nothing to list.
    pub(super) fn list(&self, key: &'static str) -> Result<Vec<Row>, WireError> {
        if !self.fields.0.contains_key(key) && self.code() != NOTHING_TO_LIST {
            return Err(WireError::Missing(key));
        }
        self.rows(&[key])
    }

    /// True when there is nothing under `key`, not even an unreadable something.
    pub(super) fn is_void(&self, key: &str) -> bool {
        match self.fields.0.get(key) {
            None | Some(Value::Null) => true,
            Some(Value::String(text)) => text.trim().is_empty(),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => false,
        }
    }

    /// A summary: one object, or a list of one.
    ///
    /// # Errors
    /// [`WireError::Missing`] when there is none, [`WireError::Bad`] when it is no object.
    pub(super) fn summary(&self, key: &'static str) -> Result<Row, WireError> {
        self.rows(&[key])?.into_iter().next().ok_or(WireError::Missing(key))
    }
}

/// One object of an answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Row(Map<String, Value>);

impl Row {
    fn read(key: &'static str, value: &Value) -> Result<Self, WireError> {
        let object = value.as_object().cloned().map(Self);
        object.ok_or_else(|| WireError::Bad { field: key, text: clip(&value.to_string()) })
    }

    /// Text without padding, which is blanks and nothing else; empty when absent or no text.
    pub(super) fn text(&self, field: &str) -> &str {
        self.0.get(field).and_then(Value::as_str).unwrap_or_default().trim_matches(' ')
    }

    /// True when the field is there and says nothing, as in a row that stands for "none".
    pub(super) fn is_blank(&self, field: &str) -> bool {
        self.0.get(field).and_then(Value::as_str).is_some_and(|text| text.trim_matches(' ').is_empty())
    }

    /// The first of two spellings that holds anything (KIS.md 3.2: order answers come in both cases).
    pub(super) fn text_of(&self, fields: [&str; 2]) -> &str {
        fields.into_iter().map(|field| self.text(field)).find(|text| !text.is_empty()).unwrap_or_default()
    }

    /// Text that must be there.
    ///
    /// # Errors
    /// [`WireError::Missing`].
    pub(super) fn required(&self, field: &'static str) -> Result<&str, WireError> {
        match self.text(field) {
            "" => Err(WireError::Missing(field)),
            text => Ok(text),
        }
    }

    /// A number, absent when the field is absent or empty.
    ///
    /// # Errors
    /// [`WireError::Bad`] when it is anything but a plain decimal number.
    pub(super) fn decimal(&self, field: &'static str) -> Result<Option<Decimal>, WireError> {
        let number = match self.0.get(field) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => parse_number(text),
            // Only tokenP documents JSON numbers; a whole number loses nothing, a fraction might.
            Some(Value::Number(number)) if number.is_i64() || number.is_u64() => {
                parse_number(&number.to_string())
            }
            Some(_) => Err(NotANumber),
        };
        number.map_err(|NotANumber| self.bad(field))
    }

    /// True when the field begins with a minus sign: then `-0` is no zero, but a sign that something went wrong.
    fn is_negative(&self, field: &str) -> bool {
        self.text(field).starts_with('-')
    }

    /// A price; KIS writes "no price" as zero or nothing.
    ///
    /// # Errors
    /// [`WireError::Bad`] for a negative number, one that no share costs, or no number.
    pub(super) fn price(&self, field: &'static str) -> Result<Option<Price>, WireError> {
        match self.decimal(field)? {
            Some(_) if self.is_negative(field) => Err(self.bad(field)),
            None => Ok(None),
            Some(zero) if zero.is_zero() => Ok(None),
            Some(value) => Price::new(value).map(Some).map_err(|_| self.bad(field)),
        }
    }

    /// A whole number of things, zero or more.
    ///
    /// # Errors
    /// [`WireError::Bad`] for a negative or broken number.
    pub(super) fn whole(&self, field: &'static str) -> Result<Option<u64>, WireError> {
        match self.decimal(field)? {
            None => Ok(None),
            Some(_) if self.is_negative(field) => Err(self.bad(field)),
            Some(value) if value.fract().is_zero() => value.to_u64().map(Some).ok_or_else(|| self.bad(field)),
            Some(_) => Err(self.bad(field)),
        }
    }

    /// A number of shares that must be there.
    ///
    /// # Errors
    /// As [`Row::whole`], and [`WireError::Missing`].
    pub(super) fn quantity(&self, field: &'static str) -> Result<Quantity, WireError> {
        self.whole(field)?.map(Quantity::new).ok_or(WireError::Missing(field))
    }

    /// A date `YYYYMMDD` that must be there.
    ///
    /// # Errors
    /// [`WireError::Missing`] or [`WireError::Bad`].
    pub(super) fn date(&self, field: &'static str) -> Result<NaiveDate, WireError> {
        let text = self.required(field)?;
        if !is_digits(text, 8) {
            return Err(self.bad(field));
        }
        NaiveDate::parse_from_str(text, "%Y%m%d").map_err(|_| self.bad(field))
    }

    /// A time `HHMMSS`; absent when empty or not a time, because it is never decisive.
    pub(super) fn time(&self, field: &str) -> Option<NaiveTime> {
        let text = self.text(field);
        is_digits(text, 6).then(|| NaiveTime::parse_from_str(text, "%H%M%S").ok()).flatten()
    }

    /// The error that says what this field holds.
    pub(super) fn bad(&self, field: &'static str) -> WireError {
        let text = match self.0.get(field) {
            Some(Value::String(text)) => clip(text),
            Some(other) => clip(&other.to_string()),
            None => String::new(),
        };
        WireError::Bad { field, text }
    }
}

/// A text that is no plain decimal number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NotANumber;

/// Blanks around, one sign, ASCII digits, one point, at most [`NUMBER_MAX`]: nothing else is a number. Empty is absent.
fn parse_number(text: &str) -> Result<Option<Decimal>, NotANumber> {
    let text = text.trim_matches(' ');
    if text.is_empty() {
        return Ok(None);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if text.len() > NUMBER_CHARS_MAX || !digits(whole) || !digits(fraction) {
        return Err(NotANumber);
    }
    let plain = text.strip_prefix('+').unwrap_or(text);
    let number = Decimal::from_str_exact(plain).map_err(|_| NotANumber)?;
    if number.abs() > NUMBER_MAX {
        return Err(NotANumber);
    }
    // A zero has no sign: `-0.00` is how a change of nothing may be written.
    Ok(Some(if number.is_zero() { Decimal::ZERO } else { number }))
}

/// True for exactly `length` ASCII digits.
pub(super) fn is_digits(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Text of a stranger, cut and made harmless, fit for a log line.
pub(super) fn clip(text: &str) -> String {
    harmless(text, TEXT_CHARS_MAX)
}

#[cfg(test)]
mod tests;
