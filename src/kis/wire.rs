//! How KIS writes answers: the envelope, its rows, its numbers (KIS.md 3).
//!
//! Every value is text. Numbers may carry blanks, a plus sign or padding zeros, and an empty text means "not said":
//! it becomes an absent value, never zero. No number passes through a float. Unknown keys are ignored; a known key
//! with an impossible value is an error that names the key, because guessing would turn it into money.

use bytes::Bytes;
use chrono::{NaiveDate, NaiveTime};
use domain::messages::market_data::QueryError;
use domain::{Price, Quantity};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::{Map, Value};

/// Longest number accepted, in characters: KIS's widest column has 32.
const NUMBER_CHARS_MAX: usize = 40;
/// Longest text taken over from an answer into an error or a record, in characters.
const TEXT_CHARS_MAX: usize = 200;

/// Why an answer cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum WireError {
    /// The body is not one JSON object.
    #[error("the body is no JSON object")]
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
    /// [`WireError::NotAnObject`] for an empty body, an HTML page, a list, or JSON nested beyond 128 levels.
    pub(super) fn parse(body: &Bytes) -> Result<Self, WireError> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Self { fields: Row(fields) }),
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

    /// `msg_cd` without padding; for `/oauth2` answers `error_code` (KIS.md 5.2).
    pub(super) fn code(&self) -> &str {
        match self.fields.text("msg_cd") {
            "" => self.fields.text("error_code"),
            code => code,
        }
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

    /// The rows under the first of `keys` that exists, whether KIS sent a list or a single object.
    pub(super) fn rows(&self, keys: &[&str]) -> Vec<Row> {
        match keys.iter().find_map(|key| self.fields.0.get(*key)) {
            Some(Value::Array(items)) => items.iter().filter_map(Row::from_value).collect(),
            Some(single) => Row::from_value(single).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// A summary: one object, or a list of one.
    ///
    /// # Errors
    /// [`WireError::Missing`] when there is none.
    pub(super) fn summary(&self, key: &'static str) -> Result<Row, WireError> {
        self.rows(&[key]).into_iter().next().ok_or(WireError::Missing(key))
    }
}

/// One object of an answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Row(Map<String, Value>);

impl Row {
    fn from_value(value: &Value) -> Option<Self> {
        value.as_object().cloned().map(Self)
    }

    /// Text without padding; empty when absent or no text.
    pub(super) fn text(&self, field: &str) -> &str {
        self.0.get(field).and_then(Value::as_str).unwrap_or_default().trim()
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

    /// A price; KIS writes "no price" as zero or nothing.
    ///
    /// # Errors
    /// [`WireError::Bad`] for a negative number or no number.
    pub(super) fn price(&self, field: &'static str) -> Result<Option<Price>, WireError> {
        match self.decimal(field)? {
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

/// Blanks around, one sign, ASCII digits, one point: nothing else is a number. Empty is absent.
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
    Decimal::from_str_exact(plain).map(Some).map_err(|_| NotANumber)
}

/// True for exactly `length` ASCII digits.
pub(super) fn is_digits(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Text of a stranger, cut and freed of control characters, fit for a log line.
pub(super) fn clip(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(TEXT_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(body: &str) -> Envelope {
        Envelope::parse(&Bytes::copy_from_slice(body.as_bytes())).unwrap()
    }

    #[test]
    fn numbers_are_read_as_kis_writes_them() {
        let cases = [
            ("70000", Some("70000")),
            (" 0.00", Some("0.00")),
            ("+5.61", Some("5.61")),
            ("-4.17", Some("-4.17")),
            ("0000000010", Some("10")),
            ("185.00000000", Some("185")),
            ("12  ", Some("12")),
            ("", None),
            ("    ", None),
        ];
        for (text, expected) in cases {
            let expected: Option<Decimal> = expected.map(|number| number.parse().unwrap());
            assert_eq!(parse_number(text), Ok(expected), "'{text}'");
        }
    }

    #[test]
    fn what_only_looks_like_a_number_is_refused() {
        let long = "1".repeat(41);
        for text in
            ["1e3", "NaN", "inf", "0x10", "1,000", "+-1", "--1", "1.2.3", ".", "5.", "-", "١٢", "1 2", &long]
        {
            assert_eq!(parse_number(text), Err(NotANumber), "'{text}'");
        }
    }

    #[test]
    fn an_empty_field_is_absent_and_a_zero_price_is_no_price() {
        let row = envelope(r#"{"output":{"a":"","b":"0","c":"0.0000","d":"-1","e":"1.5","f":7,"g":1.5}}"#);
        let row = row.summary("output").unwrap();
        assert_eq!(row.decimal("a"), Ok(None));
        assert_eq!(row.decimal("z"), Ok(None));
        assert_eq!(row.decimal("b"), Ok(Some(Decimal::ZERO)));
        assert_eq!(row.price("c"), Ok(None));
        assert!(row.price("d").is_err());
        assert!(row.whole("d").is_err());
        assert!(row.whole("e").is_err());
        assert_eq!(row.whole("f"), Ok(Some(7)));
        assert_eq!(row.decimal("g").unwrap_err().to_string(), "'g' is '1.5'");
        assert_eq!(row.quantity("a"), Err(WireError::Missing("a")));
    }

    #[test]
    fn a_summary_may_be_an_object_or_a_list_of_one_and_a_list_may_be_an_object() {
        for body in [r#"{"output2":{"x":"1"}}"#, r#"{"output2":[{"x":"1"}]}"#] {
            assert_eq!(envelope(body).summary("output2").unwrap().text("x"), "1");
            assert_eq!(envelope(body).rows(&["Output2", "output2"]).len(), 1);
        }
        assert!(envelope(r#"{"output2":[]}"#).summary("output2").is_err());
        assert!(envelope("{}").rows(&["output1"]).is_empty());
    }

    #[test]
    fn the_envelope_is_trimmed_but_a_paging_context_is_not() {
        let body = r#"{"rt_cd":"0","msg_cd":"KIOK0510","msg1":"done      ","ctx_area_fk100":"a^b   "}"#;
        let envelope = envelope(body);
        assert!(envelope.succeeded());
        assert_eq!((envelope.code(), envelope.message().as_str()), ("KIOK0510", "done"));
        assert_eq!(envelope.context("ctx_area_fk100"), "a^b   ");
    }

    #[test]
    fn a_body_that_is_no_object_is_an_error_not_a_panic() {
        let deep = "[".repeat(100_000);
        for body in ["", "<html></html>", "[]", "null", "{\"rt_cd\":", deep.as_str()] {
            let body = Bytes::copy_from_slice(body.as_bytes());
            assert_eq!(Envelope::parse(&body).unwrap_err(), WireError::NotAnObject);
        }
    }

    #[test]
    fn dates_and_times_are_digits_only() {
        let row = envelope(r#"{"output":{"d":"20261124","t":"093000","bad":"2026112 ","late":"250000"}}"#);
        let row = row.summary("output").unwrap();
        assert_eq!(row.date("d").unwrap().to_string(), "2026-11-24");
        assert!(row.date("bad").is_err());
        assert_eq!(row.time("t").unwrap().to_string(), "09:30:00");
        assert_eq!(row.time("late"), None);
    }
}
