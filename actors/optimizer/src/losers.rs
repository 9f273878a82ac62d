//! The report of a day's confident losers.

use domain::messages::ledger::LosingTrade;
use domain::messages::schedule::DayClosed;
use domain::{Confidence, Money};
use rust_decimal::Decimal;

/// Losers named one by one; the rest are counted.
const NAMED_MAX: usize = 5;

/// One line about the confident losers of a day, worst first; none when there was none.
pub fn report(day: &DayClosed, min_confidence: Confidence, losers: &[LosingTrade]) -> Option<String> {
    let total: Decimal = losers.iter().map(|loser| loser.pnl.amount()).sum();
    let total = Money::new(total, day.market.currency());
    let mut worst: Vec<&LosingTrade> = losers.iter().collect();
    worst.sort_by_key(|loser| loser.pnl.amount());
    let named: Vec<String> = worst.iter().take(NAMED_MAX).map(|loser| line(loser)).collect();
    let more = losers.len().saturating_sub(NAMED_MAX);
    let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
    (!losers.is_empty()).then(|| {
        format!(
            "{} {}: {} trades lost although confidence was at least {min_confidence}, {total} in all: {}{rest}",
            day.market,
            day.session_date,
            losers.len(),
            named.join("; "),
        )
    })
}

fn line(loser: &LosingTrade) -> String {
    let because: String = loser.rationale.chars().take(80).collect();
    format!("{} {} (confidence {}: {because})", loser.instrument.symbol, loser.pnl, loser.confidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use domain::{Instrument, Market};

    fn day() -> DayClosed {
        let session_date = "2026-11-24".parse().unwrap();
        DayClosed { market: Market::UsNasdaq, session_date, closed_at: DateTime::UNIX_EPOCH }
    }

    fn loser(symbol: &str, cents: i64) -> LosingTrade {
        LosingTrade {
            instrument: Instrument { market: Market::UsNasdaq, symbol: symbol.parse().unwrap() },
            decision: None,
            confidence: Confidence::new(90).unwrap(),
            pnl: Money::new(Decimal::new(-cents, 2), Market::UsNasdaq.currency()),
            rationale: "momentum".into(),
        }
    }

    #[test]
    fn a_day_without_confident_losers_has_no_report() {
        assert_eq!(report(&day(), Confidence::new(80).unwrap(), &[]), None);
    }

    #[test]
    fn the_worst_loser_comes_first_and_the_total_is_theirs() {
        let losers = [loser("AAA", 150), loser("BBB", 900)];
        let text = report(&day(), Confidence::new(80).unwrap(), &losers).unwrap();
        assert!(text.starts_with("US_NASDAQ 2026-11-24: 2 trades lost"), "{text}");
        assert!(text.contains("-10.50 USD in all: BBB -9.00 USD"), "{text}");
    }

    #[test]
    fn more_losers_than_fit_are_counted() {
        let losers: Vec<_> = (0..8).map(|n| loser("AAA", 100 + n)).collect();
        let text = report(&day(), Confidence::new(80).unwrap(), &losers).unwrap();
        assert!(text.ends_with("and 3 more"), "{text}");
    }
}
