//! Values as KIS writes them: strings with fixed decimals, padded texts, signs, dates and times.

use chrono::{DateTime, NaiveDate, Utc};
use domain::Market;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Map, Value};

/// `value` with exactly `decimals` decimals.
pub(super) fn fixed(value: Decimal, decimals: u32) -> String {
    let rounded = value.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero);
    let unsigned_zero = if rounded.is_zero() { Decimal::ZERO } else { rounded };
    format!("{unsigned_zero:.*}", usize::try_from(decimals).unwrap_or(0))
}

/// `text` padded with blanks to `bytes` bytes, as ledger texts are. The ledger counts in cp949, where a Korean character
/// takes two bytes: every official sample has 80 of those.
pub(super) fn pad(text: &str, bytes: usize) -> String {
    let blanks = bytes.saturating_sub(korean_bytes(text));
    format!("{text}{}", " ".repeat(blanks))
}

/// An object of texts.
pub(super) fn texts<const N: usize>(fields: [(&str, String); N]) -> Map<String, Value> {
    fields.into_iter().map(|(name, text)| (name.to_owned(), Value::from(text))).collect()
}

/// The same text in many fields.
pub(super) fn alike<const N: usize>(names: [&str; N], text: &str) -> Map<String, Value> {
    names.into_iter().map(|name| (name.to_owned(), Value::from(text))).collect()
}

/// How long `text` is in cp949.
pub(super) fn korean_bytes(text: &str) -> usize {
    text.chars().map(|character| if character.is_ascii() { 1 } else { 2 }).sum()
}

/// `YYYYMMDD`.
pub(super) fn date(date: NaiveDate) -> String {
    date.format("%Y%m%d").to_string()
}

/// A `YYYYMMDD` date.
pub(super) fn parse_date(text: &str) -> Option<NaiveDate> {
    let digits =
        Some(text.trim()).filter(|text| text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|text| NaiveDate::parse_from_str(text, "%Y%m%d").ok())
}

/// `HHMMSS` on the market's own clock.
pub(super) fn local_time(market: Market, at: DateTime<Utc>) -> String {
    at.with_timezone(&market.zone()).format("%H%M%S").to_string()
}

/// `HHMMSS` in Korea.
pub(super) fn korean_time(at: DateTime<Utc>) -> String {
    local_time(Market::Kr, at)
}

/// `YYYYMMDD` in Korea.
pub(super) fn korean_date(at: DateTime<Utc>) -> String {
    date(Market::Kr.date_at(at))
}

/// The change of a price against its base, as KIS tells it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    /// Price minus base, in units.
    pub(super) units: i64,
    /// In percent of the base; zero where there is no base.
    pub(super) percent: Decimal,
    /// True at a daily limit.
    pub(super) at_limit: bool,
}

impl Change {
    /// From `base` to `price`, with the day's limits where there are any.
    pub(super) fn between(base: i64, price: i64, limits: Option<(i64, i64)>) -> Self {
        let at_limit = limits.is_some_and(|(lower, upper)| price <= lower || price >= upper);
        Self { units: price - base, percent: percent(price - base, base), at_limit }
    }

    /// 1 upper limit, 2 up, 3 flat, 4 lower limit, 5 down (KIS.md 7.4).
    pub(super) fn sign(&self) -> &'static str {
        match (self.units.signum(), self.at_limit) {
            (1, true) => "1",
            (1, false) => "2",
            (-1, true) => "4",
            (-1, false) => "5",
            (_, true | false) => "3",
        }
    }

    /// Signed, two decimals: the domestic form.
    pub(super) fn percent_text(&self) -> String {
        fixed(self.percent, 2)
    }

    /// A sign or a blank, then two decimals: the foreign form, `+5.61`, ` 0.00`, `-4.17`.
    pub(super) fn signed_percent(&self) -> String {
        signed(self.percent)
    }
}

/// A percentage with a leading `+`, `-` or blank.
pub(super) fn signed(percent: Decimal) -> String {
    let text = fixed(percent, 2);
    match text.as_bytes().first() {
        Some(b'-') => text,
        Some(_) | None if text == "0.00" => format!(" {text}"),
        Some(_) | None => format!("+{text}"),
    }
}

/// `part` in percent of `whole`; zero where there is no whole.
pub(super) fn percent(part: i64, whole: i64) -> Decimal {
    ratio(Decimal::from(part), Decimal::from(whole))
}

/// `part` in percent of `whole`; zero where there is no whole.
pub(super) fn ratio(part: Decimal, whole: Decimal) -> Decimal {
    if whole.is_zero() { Decimal::ZERO } else { part * Decimal::ONE_HUNDRED / whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_exactly_the_decimals_of_their_field() {
        assert_eq!(fixed("1.005".parse().unwrap(), 2), "1.01");
        assert_eq!(fixed(Decimal::from(7), 4), "7.0000");
        assert_eq!(fixed("-0.001".parse().unwrap(), 2), "0.00");
    }

    #[test]
    fn foreign_percentages_carry_a_sign_or_a_blank() {
        let shown = |base, price| Change::between(base, price, None).signed_percent();
        assert_eq!([shown(100, 105), shown(100, 100), shown(100, 96)], ["+5.00", " 0.00", "-4.00"]);
    }

    #[test]
    fn signs_tell_limits_from_moves() {
        let sign = |price| Change::between(1000, price, Some((700, 1300))).sign();
        assert_eq!([1300, 1001, 1000, 999, 700].map(sign), ["1", "2", "3", "5", "4"]);
    }

    #[test]
    fn a_date_has_eight_digits_and_nothing_else() {
        assert!(parse_date(" 20260229 ").is_none() && parse_date("+2026112").is_none());
        assert!(parse_date("2026112").is_none() && parse_date("202611244").is_none());
        assert_eq!(parse_date(" 20261124"), NaiveDate::from_ymd_opt(2026, 11, 24));
    }

    #[test]
    fn texts_are_padded_in_bytes_of_the_ledgers_own_encoding() {
        assert_eq!(pad("조회", 10), "조회      ");
        assert_eq!(pad("조회가 완료되었습니다", 80).chars().count(), 70);
    }
}
