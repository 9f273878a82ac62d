//! The day of the whole account in won: every currency against what its day began with, at the rates of then.
//!
//! Both sides are counted at one dated rate, so a rate that moves is no loss of trading, while a loss in one currency and a
//! gain in another make up for each other. The day is the Korean one: it sees a fall that its currency's own day does not,
//! because that began lower.

use std::collections::BTreeMap;

use domain::messages::won::WonPart;
use domain::{Currency, Money};
use rust_decimal::Decimal;

use super::DayLoss;

/// The result of the day in percent of what it began with. Unknown when a currency of `now` has no start, when an amount is
/// in another currency than its key, or when nothing is left to compare with.
pub fn against_start(starts: &BTreeMap<Currency, WonPart>, now: &BTreeMap<Currency, Money>) -> DayLoss {
    let (mut began, mut change) = (Decimal::ZERO, Decimal::ZERO);
    for (currency, equity) in now {
        let Some((start, gain)) = starts.get(currency).and_then(|part| in_won(*part, *equity)) else {
            return DayLoss::Unknown;
        };
        began = began.saturating_add(start);
        change = change.saturating_add(gain);
    }
    if began <= Decimal::ZERO {
        return DayLoss::Unknown;
    }
    let pct = change.checked_mul(Decimal::ONE_HUNDRED).and_then(|change| change.checked_div(began));
    pct.map_or(DayLoss::Unknown, DayLoss::Known)
}

/// What a part began with and what it has gained since, in won.
fn in_won(part: WonPart, equity: Money) -> Option<(Decimal, Decimal)> {
    (part.equity.currency() == equity.currency()).then_some(())?;
    let gain = equity.amount().checked_sub(part.equity.amount())?;
    let rate = part.rate.won_per_unit();
    Some((part.equity.amount().checked_mul(rate)?, gain.checked_mul(rate)?))
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use domain::WonRate;

    use super::*;

    /// Accounts, and the day's result in percent.
    type Case = (&'static [(Currency, i64)], Option<&'static str>);

    fn part(currency: Currency, equity: i64, rate: &str) -> (Currency, WonPart) {
        let posted_on = NaiveDate::from_ymd_opt(2026, 11, 24).unwrap();
        let rate = WonRate::new(rate.parse().unwrap(), posted_on).unwrap();
        (currency, WonPart { equity: Money::new(equity.into(), currency), rate })
    }

    fn now(amounts: &[(Currency, i64)]) -> BTreeMap<Currency, Money> {
        amounts
            .iter()
            .map(|(currency, amount)| (*currency, Money::new((*amount).into(), *currency)))
            .collect()
    }

    fn pct(loss: DayLoss) -> Option<String> {
        loss.known().map(|pct| pct.round_dp(4).normalize().to_string())
    }

    #[test]
    fn each_currency_weighs_what_it_is_worth_in_won_and_never_its_bare_number() {
        use Currency::{Jpy, Krw, Usd};
        // 14 million won in dollars, 6 million in won.
        let starts = BTreeMap::from([part(Krw, 6_000_000, "1"), part(Usd, 10_000, "1400")]);
        let cases: [Case; 8] = [
            (&[(Krw, 6_000_000), (Usd, 10_000)], Some("0")),
            // Half of the won is 3 of 20 million; half of the dollars is 7 of 20.
            (&[(Krw, 3_000_000), (Usd, 10_000)], Some("-15")),
            (&[(Krw, 6_000_000), (Usd, 5_000)], Some("-35")),
            // A loss of 1.4 million won in dollars, a gain of as much in won.
            (&[(Krw, 7_400_000), (Usd, 9_000)], Some("0")),
            (&[(Usd, 9_700)], Some("-3")),
            // A currency that the day did not begin with.
            (&[(Krw, 6_000_000), (Jpy, 1_000)], None),
            (&[], None),
            (&[(Krw, -6_000_000), (Usd, 10_000)], Some("-60")),
        ];
        for (amounts, expected) in cases {
            assert_eq!(
                pct(against_start(&starts, &now(amounts))),
                expected.map(str::to_owned),
                "{amounts:?}"
            );
        }
    }

    #[test]
    fn nothing_to_begin_with_and_a_mix_of_currencies_are_unknown_rather_than_zero() {
        let nothing = BTreeMap::from([part(Currency::Krw, 0, "1")]);
        assert_eq!(against_start(&nothing, &now(&[(Currency::Krw, 5)])), DayLoss::Unknown);
        let starts = BTreeMap::from([part(Currency::Krw, 100, "1")]);
        let mixed = BTreeMap::from([(Currency::Krw, Money::new(90.into(), Currency::Usd))]);
        assert_eq!(against_start(&starts, &mixed), DayLoss::Unknown);
        let endless = BTreeMap::from([(Currency::Krw, Money::new(Decimal::MIN, Currency::Krw))]);
        assert_eq!(against_start(&starts, &endless), DayLoss::Unknown);
    }
}
