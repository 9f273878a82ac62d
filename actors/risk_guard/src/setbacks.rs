//! What speaks against buying a stock again at once: a refused purchase, a sale at a loss, a sale below today's price.
//! Pure; what is known comes from the books, so a restart forgets nothing.
//!
//! Bought back after a stop four times in a day, and a minute after a sale at a higher price: both happened to those
//! before us (lessons 1, rows 10 and 11; 4.4, R7 and R8). Sales are never held up here.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::limits::{LimitName, Setback, SetbackKind};
use domain::{Instrument, Price, Wait, WaitCause};

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

    /// What still speaks against it.
    fn waits(&self, limits: &Limits, now: DateTime<Utc>) -> impl Iterator<Item = Wait> + use<> {
        let ends = |at: DateTime<Utc>, name: LimitName| {
            at.checked_add_signed(limits.wait(name)).unwrap_or(DateTime::<Utc>::MAX_UTC)
        };
        let refused = self.refused.clone().map(|(at, why)| Wait {
            cause: WaitCause::Refused { why },
            until: ends(at, LimitName::RefusalCooldownMin),
        });
        let lost =
            self.lost.map(|at| Wait { cause: WaitCause::Lost, until: ends(at, LimitName::StopCooldownMin) });
        let sold = self.sold.map(|(at, price)| Wait {
            cause: WaitCause::Sold { price },
            until: ends(at, LimitName::ReentryGuardMin),
        });
        [refused, lost, sold].into_iter().flatten().filter(move |wait| now < wait.until)
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
        for Wait { cause, until } in past.waits(limits, now).filter(|wait| wait.holds_at(limit)) {
            let instrument = instrument.clone();
            match cause {
                WaitCause::Refused { why } => {
                    refuse(Limit::RefusalCooldown, RefusalReason::CoolingDown { instrument, why, until })?;
                }
                WaitCause::Lost => {
                    refuse(Limit::StopCooldown, RefusalReason::StoppedOut { instrument, until })?;
                }
                WaitCause::Sold { price: sold_at } => {
                    refuse(Limit::Reentry, RefusalReason::BoughtBack { instrument, sold_at, limit, until })?;
                }
            }
        }
        Ok(())
    }

    /// The stocks that are not bought now, why and until when; of one stock in the order in which [`Self::check`] looks.
    pub fn waits(&self, limits: &Limits, now: DateTime<Utc>) -> impl Iterator<Item = (&Instrument, Wait)> {
        self.0
            .iter()
            .flat_map(move |(instrument, past)| past.waits(limits, now).map(move |wait| (instrument, wait)))
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
    fn who_waits_is_listed_with_every_reason_and_its_end_and_forgotten_after_a_week() {
        let mut setbacks = Setbacks::default();
        setbacks.note(refused(100));
        setbacks.note(sold(90, "70000", Some(-5)));
        let waits = |minute: i64| {
            let limits = limits();
            let waits = setbacks.waits(&limits, at(minute));
            let line = |(instrument, wait): (&Instrument, Wait)| {
                assert_eq!(instrument, &stock("KR:005930"));
                let until = (wait.until - DateTime::UNIX_EPOCH).num_minutes();
                match wait.cause {
                    WaitCause::Refused { why } => format!("refused {why} {until}"),
                    WaitCause::Lost => format!("lost {until}"),
                    WaitCause::Sold { price } => format!("sold {price} {until}"),
                }
            };
            waits.map(line).collect::<Vec<_>>()
        };
        assert_eq!(waits(109), ["refused APBK0013 110", "lost 150", "sold 70000 120"]);
        assert_eq!(waits(110), ["lost 150", "sold 70000 120"]);
        assert_eq!(waits(149), ["lost 150"]);
        assert_eq!(waits(150), [""; 0]);
        setbacks.forget(at(100 + 7 * 24 * 60 - 1));
        assert_ne!(setbacks, Setbacks::default());
        setbacks.forget(at(100 + 7 * 24 * 60));
        assert_eq!(setbacks, Setbacks::default());
    }
}
