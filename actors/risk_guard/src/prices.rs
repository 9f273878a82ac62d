//! The prices that an entry is judged by: what Broker itself heard, never what a proposal says of itself. Pure.
//!
//! A price is good for an entry while it is young, while it lies near the one before it, and while the proposal's own
//! price lies near it. After a jump the next price confirms or refutes it; until then nothing is bought. Sales are never
//! held up here.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Instrument, Price};
use rust_decimal::Decimal;

use crate::limits::wiring::{Limit, refuse};
use crate::limits::{Limits, RefusalReason, is_ahead};
use crate::sight::Seen;

/// A price this old says nothing about the next one, in minutes of exchange time: long enough for two decisions of
/// realtime mode, which judge every minute.
pub const COMPARED_WITHIN_MIN: i64 = 5;

/// The newest price of a stock and the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quoted {
    /// The newest.
    pub last: Seen,
    /// The one before, unless it was too old to be compared.
    pub before: Option<Price>,
}

/// The newest prices, by stock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices(BTreeMap<Instrument, Quoted>);

impl Prices {
    /// Takes in a price. An older word than the one at hand changes nothing, and the same word said twice confirms
    /// nothing; what a clock ahead has dated is forgotten.
    pub fn see(&mut self, instrument: &Instrument, seen: Seen, now: DateTime<Utc>) {
        let known = self.of(instrument).map(|quoted| quoted.last).filter(|last| !is_ahead(last.at, now));
        if known.is_some_and(|last| last.at >= seen.at) {
            return;
        }
        let within = TimeDelta::minutes(COMPARED_WITHIN_MIN);
        let before = known.filter(|last| seen.at - last.at <= within).map(|last| last.price);
        self.0.insert(instrument.clone(), Quoted { last: seen, before });
    }

    /// What is known of a stock's price.
    pub fn of(&self, instrument: &Instrument) -> Option<Quoted> {
        self.0.get(instrument).copied()
    }

    /// Forgets what is too old to be compared.
    pub fn forget(&mut self, now: DateTime<Utc>) {
        let within = TimeDelta::minutes(COMPARED_WITHIN_MIN);
        self.0.retain(|_, quoted| now - quoted.last.at <= within);
    }
}

impl Quoted {
    /// True when the newest price lies more than `pct` percent from the one before it: the next one confirms it or not.
    pub fn has_jumped(&self, pct: Decimal) -> bool {
        self.before.is_some_and(|before| !is_within(before, self.last.price, pct))
    }
}

/// May `instrument` be bought at about `reference`, by what is known of its price?
///
/// # Errors
/// [`RefusalReason::StaleQuote`] or [`RefusalReason::QuoteJump`].
pub fn check(
    instrument: &Instrument,
    reference: Price,
    quoted: Option<Quoted>,
    limits: &Limits,
    now: DateTime<Utc>,
) -> Result<(), RefusalReason> {
    let limit_s = limits.max_quote_age().num_seconds();
    let stale = |age_s| RefusalReason::StaleQuote { instrument: instrument.clone(), age_s, limit_s };
    let Some(Quoted { last, before }) = quoted else { return refuse(Limit::QuoteAge, stale(None)) };
    let age = now - last.at;
    if age > limits.max_quote_age() || is_ahead(last.at, now) {
        refuse(Limit::QuoteAge, stale(Some(age.num_seconds())))?;
    }
    let limit_pct = limits.max_quote_jump_pct();
    for (limit, from, to) in [
        (Limit::QuoteJump, before.unwrap_or(last.price), last.price),
        (Limit::QuoteMismatch, last.price, reference),
    ] {
        if !is_within(from, to, limit_pct) {
            let instrument = instrument.clone();
            refuse(limit, RefusalReason::QuoteJump { instrument, from, to, limit_pct })?;
        }
    }
    Ok(())
}

/// True when `to` lies within so many percent of `from`; exactly so many are within.
fn is_within(from: Price, to: Price, pct: Decimal) -> bool {
    let change = (to.value() - from.value()).abs().checked_mul(Decimal::ONE_HUNDRED);
    let allowed = from.value().checked_mul(pct);
    matches!((change, allowed), (Some(change), Some(allowed)) if change <= allowed)
}

#[cfg(test)]
mod tests {
    use domain::Confidence;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn samsung() -> Instrument {
        "KR:005930".parse().unwrap()
    }

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    /// 60 s and 10 %.
    fn limits() -> Limits {
        Limits::new(Decimal::from(3), Decimal::from(30), Confidence::CERTAIN).unwrap()
    }

    #[test]
    fn a_purchase_needs_a_young_price_near_the_one_before_and_near_the_proposals_own() {
        /// What was told, the proposal's price, the second of the review, and what comes of it.
        type Case = (&'static str, &'static [(i64, &'static str)], &'static str, i64, &'static str);
        let cases: [Case; 12] = [
            ("no price at all", &[], "70000", 60, "StaleQuote"),
            ("a young one", &[(0, "70000")], "70000", 60, "may be bought"),
            ("an old one", &[(0, "70000")], "70000", 61, "StaleQuote"),
            ("one of a clock ahead", &[(70, "70000")], "70000", 60, "StaleQuote"),
            ("exactly ten percent on", &[(0, "70000"), (30, "77000")], "77000", 60, "may be bought"),
            ("a jump up", &[(0, "70000"), (30, "77100")], "77100", 60, "QuoteJump"),
            ("a jump down", &[(0, "70000"), (30, "62900")], "62900", 60, "QuoteJump"),
            ("a jump confirmed", &[(0, "70000"), (30, "80000"), (31, "80100")], "80100", 60, "may be bought"),
            ("a jump refuted", &[(0, "70000"), (30, "80000"), (31, "70100")], "70100", 60, "QuoteJump"),
            ("the same word again", &[(0, "70000"), (30, "80000"), (30, "80000")], "80000", 60, "QuoteJump"),
            ("long ago is no jump", &[(0, "70000"), (301, "80000")], "80000", 302, "may be bought"),
            ("a proposal elsewhere", &[(0, "70000")], "77100", 10, "QuoteJump"),
        ];
        for (name, told, reference, now, expected) in cases {
            let mut prices = Prices::default();
            for (second, text) in told {
                prices.see(&samsung(), Seen { price: price(text), at: at(*second) }, at(now));
            }
            let refused = check(&samsung(), price(reference), prices.of(&samsung()), &limits(), at(now));
            assert_eq!(refused.map_or_else(|reason| reason.code(), |()| "may be bought"), expected, "{name}");
        }
    }

    #[test]
    fn prices_too_old_to_be_compared_are_forgotten() {
        let mut prices = Prices::default();
        prices.see(&samsung(), Seen { price: price("70000"), at: at(0) }, at(0));
        prices.forget(at(300));
        assert!(prices.of(&samsung()).is_some());
        prices.forget(at(301));
        assert_eq!(prices, Prices::default());
    }
}
