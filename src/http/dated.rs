//! Compares the exchange's clock with ours, by the `Date` of its answers.
//!
//! The server wrote `Date` between the moment we sent and the moment we had the answer, so its clock is right when it lies
//! between the two, however long the answer took and however fast our clock runs. The header counts whole seconds.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{BoxFuture, CLOCK_SKEW_ALLOWED_SECONDS, Clock};
use http::header::DATE;

use super::{Cleared, Reply, Response, Transport};

/// The largest difference that is allowed (order-protocol 3, row 33).
pub const SKEW_ALLOWED: TimeDelta = TimeDelta::seconds(CLOCK_SKEW_ALLOWED_SECONDS);
/// `Date` is cut to whole seconds.
const RESOLUTION: TimeDelta = TimeDelta::seconds(1);
/// One answer may come from a gateway that is wrong by itself; two in a row are the clock.
const IN_A_ROW: u32 = 0b11;
/// A gateway behind the exchange's door that is wrong by itself comes and goes with every other answer. So many of the
/// last [`REMEMBERED`] are a clock that nobody can trade by. Our choice: a gateway out of two is told within these twenty
/// answers; of one out of eight they hold eight in about one case of a thousand, and the doubt of each single answer
/// suffices.
const OFTEN: u32 = 8;
const REMEMBERED: u32 = 20;
/// So many right answers in a row, and what was before is forgotten: the clock, or the gateway, was set right.
const SOUND: u32 = 0b1_1111;

/// What the answers say about the exchange's clock; shared by all ways to it.
#[derive(Debug, Default)]
pub struct ClockGauge(Mutex<Reading>);

#[derive(Clone, Copy, Debug, Default)]
struct Reading {
    /// Of the last answer that was too far off.
    skew: TimeDelta,
    /// The last [`REMEMBERED`] answers, the newest as the lowest bit: 1 is too far off.
    too_far: u32,
}

impl Reading {
    fn is_confirmed(self) -> bool {
        self.too_far & IN_A_ROW == IN_A_ROW || self.too_far.count_ones() >= OFTEN
    }

    fn is_doubted(self) -> bool {
        self.too_far & 1 == 1 || self.is_confirmed()
    }

    fn with(self, skew: TimeDelta) -> Self {
        let is_too_far = skew.abs() > SKEW_ALLOWED;
        let too_far = (self.too_far << 1 | u32::from(is_too_far)) & ((1 << REMEMBERED) - 1);
        Self {
            skew: if is_too_far { skew } else { self.skew },
            too_far: if too_far & SOUND == 0 { 0 } else { too_far },
        }
    }
}

impl ClockGauge {
    /// How far the exchange's clock is from ours, when the last two answers agree that it is more than is allowed, or many
    /// of the last ones say so; positive when the exchange is ahead.
    pub fn skew(&self) -> Option<TimeDelta> {
        let reading = self.reading();
        reading.is_confirmed().then_some(reading.skew)
    }

    /// The same after a single answer that was too far off: enough to doubt it, not to call the clock wrong.
    pub fn doubt(&self) -> Option<TimeDelta> {
        let reading = self.reading();
        reading.is_doubted().then_some(reading.skew)
    }

    fn reading(&self) -> Reading {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, skew: TimeDelta) {
        let mut reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *reading = reading.with(skew);
    }
}

/// A transport that reads the clock of whoever answers.
pub struct Dated {
    inner: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    gauge: Arc<ClockGauge>,
}

impl Dated {
    /// Reads the answers of `inner` by `clock`.
    pub fn new(inner: Arc<dyn Transport>, clock: Arc<dyn Clock>, gauge: Arc<ClockGauge>) -> Self {
        Self { inner, clock, gauge }
    }

    async fn exchange(&self, cleared: Cleared) -> Reply {
        let sent = self.clock.now();
        let reply = self.inner.carry(cleared).await;
        let received = self.clock.now();
        if let Some(date) = reply.as_ref().ok().and_then(date_of) {
            self.gauge.note(skew(date, sent, received));
        }
        reply
    }
}

impl Transport for Dated {
    fn carry(&self, cleared: Cleared) -> BoxFuture<'_, Reply> {
        Box::pin(self.exchange(cleared))
    }
}

fn date_of(response: &Response) -> Option<DateTime<Utc>> {
    let text = response.headers().get(DATE)?.to_str().ok()?;
    DateTime::parse_from_rfc2822(text).ok().map(|date| date.to_utc())
}

/// The least difference that explains `date`; zero when none is needed. `sent` and `received` may be the wrong way round
/// when our own clock was set back meanwhile: then they prove nothing.
fn skew(date: DateTime<Utc>, sent: DateTime<Utc>, received: DateTime<Utc>) -> TimeDelta {
    if received < sent {
        return TimeDelta::zero();
    }
    if date > received {
        date - received
    } else if date + RESOLUTION < sent {
        date + RESOLUTION - sent
    } else {
        TimeDelta::zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(ms)
    }

    #[test]
    fn a_date_between_request_and_answer_is_no_skew_however_long_that_took() {
        let cases = [
            ("exact", 10_000, 10_200, 10_400, 0),
            ("cut to the second below", 10_000, 10_900, 10_950, 0),
            ("an hour of accelerated time", 1_800_000, 0, 3_600_000, 0),
            ("ahead", 16_000, 9_000, 10_000, 6_000),
            ("behind", 3_000, 10_000, 10_100, -6_000),
            ("our clock was set back meanwhile", 50_000, 90_000, 10_000, 0),
        ];
        for (name, date, sent, received, expected) in cases {
            assert_eq!(skew(at(date), at(sent), at(received)).num_milliseconds(), expected, "{name}");
        }
    }

    #[test]
    fn invariant_11_more_than_five_seconds_counts_when_two_answers_in_a_row_say_so() {
        let gauge = ClockGauge::default();
        for (seconds, expected) in
            [(5, None), (6, None), (0, None), (6, None), (7, Some(7)), (-9, Some(-9)), (5, None)]
        {
            gauge.note(TimeDelta::seconds(seconds));
            assert_eq!(gauge.skew(), expected.map(TimeDelta::seconds), "{seconds}");
            let doubted = (seconds.abs() > 5).then(|| TimeDelta::seconds(seconds));
            assert_eq!(gauge.doubt(), doubted, "one answer is enough for a doubt: {seconds}");
        }
    }

    /// How many answers it takes until the clock is called wrong, when those that `is_wrong` picks are off by 9 s.
    fn told_after(is_wrong: impl Fn(u32) -> bool) -> Option<u32> {
        let gauge = ClockGauge::default();
        (1..=1000).find(|answer| {
            gauge.note(if is_wrong(*answer) { TimeDelta::seconds(9) } else { TimeDelta::zero() });
            assert!(!is_wrong(*answer) || gauge.doubt() == Some(TimeDelta::seconds(9)), "each is doubted");
            gauge.skew().is_some()
        })
    }

    #[test]
    fn invariant_11_a_gateway_that_is_wrong_every_other_time_is_a_clock_that_nobody_trades_by() {
        for (name, told, expected) in [
            ("every second", told_after(|answer| answer % 2 == 1), Some(15)),
            ("two out of five", told_after(|answer| matches!(answer % 5, 1 | 3)), Some(18)),
            ("every third", told_after(|answer| answer % 3 == 1), None),
            ("now and then", told_after(|answer| answer % 8 == 1), None),
            ("none", told_after(|_answer| false), None),
        ] {
            assert_eq!(told, expected, "{name}");
        }
    }

    #[test]
    fn a_clock_that_was_wrong_every_other_time_is_trusted_again_after_five_right_answers_in_a_row() {
        let gauge = ClockGauge::default();
        (0..16).for_each(|answer| gauge.note(TimeDelta::seconds(answer % 2 * -9)));
        for right in 1..=5 {
            assert_eq!(
                (gauge.skew(), gauge.doubt()),
                (Some(TimeDelta::seconds(-9)), gauge.skew()),
                "{right}"
            );
            gauge.note(TimeDelta::zero());
        }
        assert_eq!((gauge.skew(), gauge.doubt()), (None, None));
        gauge.note(TimeDelta::seconds(9));
        assert_eq!(gauge.skew(), None, "nothing of before is remembered");
    }

    #[test]
    fn only_a_date_that_is_one_is_read() {
        for (text, read) in
            [("Thu, 01 Jan 1970 00:00:07 GMT", Some(at(7_000))), ("yesterday", None), ("", None)]
        {
            let response = http::Response::builder().header(DATE, text).body(bytes::Bytes::new()).unwrap();
            assert_eq!(date_of(&response), read, "{text}");
        }
        assert_eq!(date_of(&http::Response::new(bytes::Bytes::new())), None);
    }
}
