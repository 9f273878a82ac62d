//! What speaks against buying a stock again at once: a refused purchase, a sale at a loss, a sale below today's price.
//! Pure; what is known comes from the books, so a restart forgets nothing.
//!
//! Bought back after a stop four times in a day, and a minute after a sale at a higher price: both happened to those
//! before us (lessons 1, rows 10 and 11; 4.4, R7 and R8). Sales are never held up here.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::limits::{LimitName, Setback, SetbackKind};
use domain::{Instrument, Price};

use crate::limits::wiring::{Limit, refuse};
use crate::limits::{Limits, RefusalReason};

/// What is known of one stock: of each kind the newest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Past {
    refused: Option<(DateTime<Utc>, String)>,
    sold: Option<(DateTime<Utc>, Price)>,
    lost: Option<DateTime<Utc>>,
}

impl Past {
    fn take(&mut self, at: DateTime<Utc>, kind: SetbackKind) {
        match kind {
            SetbackKind::Refused { why } => {
                if self.refused.as_ref().is_none_or(|(known, _)| *known <= at) {
                    self.refused = Some((at, why));
                }
            }
            SetbackKind::Sold { price, result } => {
                if self.sold.is_none_or(|(known, _)| known <= at) {
                    self.sold = Some((at, price));
                }
                // What it brought is not known: then it counts as a loss.
                if result.is_none_or(|result| result.amount().is_sign_negative()) {
                    self.lost = self.lost.max(Some(at));
                }
            }
        }
    }
}

/// What speaks against buying, by stock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setbacks(BTreeMap<Instrument, Past>);

impl Setbacks {
    /// Adds one.
    pub fn note(&mut self, setback: Setback) {
        let Setback { instrument, at, kind } = setback;
        self.0.entry(instrument).or_default().take(at, kind);
    }

    /// Takes the books' word on the sales of one stock, in place of what was assumed of them; refusals are added, because
    /// the newest may not be in the books yet.
    pub fn settle(&mut self, instrument: &Instrument, told: Vec<Setback>) {
        let past = self.0.entry(instrument.clone()).or_default();
        (past.sold, past.lost) = (None, None);
        told.into_iter().for_each(|setback| self.note(setback));
    }

    /// May this stock be bought at `limit`?
    ///
    /// # Errors
    /// [`RefusalReason::CoolingDown`], [`RefusalReason::StoppedOut`] or [`RefusalReason::BoughtBack`]. A time that seems
    /// to lie in the future counts: a clock set back must not end a wait.
    pub fn check(
        &self,
        instrument: &Instrument,
        limit: Price,
        limits: &Limits,
        now: DateTime<Utc>,
    ) -> Result<(), RefusalReason> {
        let Some(past) = self.0.get(instrument) else { return Ok(()) };
        let until = |at: DateTime<Utc>, name: LimitName| {
            let until = at.checked_add_signed(limits.wait(name)).unwrap_or(DateTime::<Utc>::MAX_UTC);
            (now < until).then_some(until)
        };
        if let Some((at, why)) = &past.refused
            && let Some(until) = until(*at, LimitName::RefusalCooldownMin)
        {
            let (instrument, why) = (instrument.clone(), why.clone());
            refuse(Limit::RefusalCooldown, RefusalReason::CoolingDown { instrument, why, until })?;
        }
        if let Some(until) = past.lost.and_then(|at| until(at, LimitName::StopCooldownMin)) {
            let instrument = instrument.clone();
            refuse(Limit::StopCooldown, RefusalReason::StoppedOut { instrument, until })?;
        }
        if let Some((at, sold_at)) = past.sold.filter(|(_, sold_at)| limit > *sold_at)
            && let Some(until) = until(at, LimitName::ReentryGuardMin)
        {
            let instrument = instrument.clone();
            refuse(Limit::Reentry, RefusalReason::BoughtBack { instrument, sold_at, limit, until })?;
        }
        Ok(())
    }

    /// The stocks that are not bought now for a refusal or a loss, and until when.
    pub fn waits(
        &self,
        limits: &Limits,
        now: DateTime<Utc>,
    ) -> impl Iterator<Item = (&Instrument, DateTime<Utc>)> {
        let ends = |at: Option<DateTime<Utc>>, wait: TimeDelta| at.map(|at| at + wait);
        let (refusal, stop) =
            (limits.wait(LimitName::RefusalCooldownMin), limits.wait(LimitName::StopCooldownMin));
        self.0.iter().filter_map(move |(instrument, past)| {
            let refused = past.refused.as_ref().map(|(at, _)| *at);
            let until = ends(refused, refusal).max(ends(past.lost, stop))?;
            (now < until).then_some((instrument, until))
        })
    }

    /// Forgets what no limit reaches any more.
    pub fn forget(&mut self, now: DateTime<Utc>) {
        let oldest = now - TimeDelta::minutes(Limits::WAIT_MOST_MIN.into());
        self.0.retain(|_, past| {
            let refused = past.refused.as_ref().map(|(at, _)| *at);
            let sold = past.sold.map(|(at, _)| at);
            refused.max(sold).max(past.lost).is_some_and(|at| at > oldest)
        });
    }
}

#[cfg(test)]
mod tests {
    use domain::{Confidence, Currency, Money};
    use rust_decimal::Decimal;

    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn stock(text: &str) -> Instrument {
        text.parse().unwrap()
    }

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    /// Waits of 10, 60 and 30 minutes.
    fn limits() -> Limits {
        let limits = Limits::new(Decimal::from(3), Decimal::from(30), Confidence::CERTAIN).unwrap();
        let set = |limits: Limits, (name, minutes): (LimitName, u32)| limits.with(name, minutes.into());
        let waits = [
            (LimitName::RefusalCooldownMin, 10),
            (LimitName::StopCooldownMin, 60),
            (LimitName::ReentryGuardMin, 30),
        ];
        waits.into_iter().try_fold(limits, set).unwrap()
    }

    fn refused(minute: i64) -> Setback {
        let kind = SetbackKind::Refused { why: "APBK0013".into() };
        Setback { instrument: stock("KR:005930"), at: at(minute), kind }
    }

    fn sold(minute: i64, at_price: &str, result: Option<i64>) -> Setback {
        let result = result.map(|won| Money::new(won.into(), Currency::Krw));
        let kind = SetbackKind::Sold { price: price(at_price), result };
        Setback { instrument: stock("KR:005930"), at: at(minute), kind }
    }

    fn code(setbacks: &Setbacks, limit: &str, minute: i64) -> &'static str {
        let refused = setbacks.check(&stock("KR:005930"), price(limit), &limits(), at(minute));
        refused.map_or_else(|reason| reason.code(), |()| "may be bought")
    }

    #[test]
    fn a_stock_is_not_bought_again_before_its_wait_is_over_to_the_minute() {
        let cases = [
            ("a refusal", vec![refused(100)], "70000", 109, "CoolingDown"),
            ("its wait is over", vec![refused(100)], "70000", 110, "may be bought"),
            (
                "an older refusal changes nothing",
                vec![refused(100), refused(95)],
                "70000",
                109,
                "CoolingDown",
            ),
            ("a loss", vec![sold(100, "70000", Some(-1))], "60000", 159, "StoppedOut"),
            ("its wait is over", vec![sold(100, "70000", Some(-1))], "60000", 160, "may be bought"),
            ("a sale of unknown cost is a loss", vec![sold(100, "70000", None)], "60000", 159, "StoppedOut"),
            ("a gain, no higher", vec![sold(100, "70000", Some(0))], "70000", 101, "may be bought"),
            ("a gain, higher", vec![sold(100, "70000", Some(9))], "70100", 129, "BoughtBack"),
            ("its wait is over", vec![sold(100, "70000", Some(9))], "70100", 130, "may be bought"),
            (
                "a gain after a loss",
                vec![sold(90, "1", Some(-1)), sold(100, "2", Some(1))],
                "1",
                149,
                "StoppedOut",
            ),
            ("a clock set back", vec![refused(100)], "70000", 0, "CoolingDown"),
        ];
        for (name, told, limit, minute, expected) in cases {
            let mut setbacks = Setbacks::default();
            told.into_iter().for_each(|setback| setbacks.note(setback));
            assert_eq!(code(&setbacks, limit, minute), expected, "{name}");
            assert_eq!(setbacks.check(&stock("KR:000660"), price("1"), &limits(), at(100)), Ok(()));
        }
    }

    #[test]
    fn the_books_word_replaces_what_was_assumed_of_a_sale_and_forgets_no_refusal() {
        let mut setbacks = Setbacks::default();
        setbacks.note(sold(100, "69900", None));
        setbacks.note(refused(101));
        assert_eq!(code(&setbacks, "60000", 120), "StoppedOut");
        setbacks.settle(&stock("KR:005930"), vec![sold(100, "70200", Some(500))]);
        assert_eq!(
            (code(&setbacks, "70200", 120), code(&setbacks, "70300", 120)),
            ("may be bought", "BoughtBack")
        );
        assert_eq!(code(&setbacks, "70200", 105), "CoolingDown");
    }

    #[test]
    fn who_waits_is_listed_with_the_end_of_the_wait_and_forgotten_after_a_week() {
        let mut setbacks = Setbacks::default();
        setbacks.note(refused(100));
        setbacks.note(sold(90, "70000", Some(-5)));
        let samsung = stock("KR:005930");
        assert_eq!(setbacks.waits(&limits(), at(149)).collect::<Vec<_>>(), [(&samsung, at(150))]);
        assert_eq!(setbacks.waits(&limits(), at(150)).count(), 0);
        setbacks.forget(at(100 + 7 * 24 * 60 - 1));
        assert_ne!(setbacks, Setbacks::default());
        setbacks.forget(at(100 + 7 * 24 * 60));
        assert_eq!(setbacks, Setbacks::default());
    }
}
