//! What followed earlier purchases that began as a candidate does now: counted and averaged, never told one by one.
//!
//! Similar means bought for the same reason, which is the signal of the scan. A purchase counts once everything of it was
//! sold, and only with a result that is known.

use domain::Signal;
use domain::messages::consultation::ClosedPosition;
use rust_decimal::Decimal;

/// What followed the purchases of one signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The signal.
    pub signal: Signal,
    /// Purchases that were closed with a known result.
    pub closed: u32,
    /// Those that made something, before fees.
    pub won: u32,
    /// Mean result in percent of cost, to the hundredth.
    pub mean_pnl_pct: Decimal,
    /// The worst of them.
    pub worst_pnl_pct: Decimal,
    /// Mean confidence of the judgements that bought, to the tenth.
    pub mean_confidence: Decimal,
}

/// The records of the signals that `wanted` names, each once and in that order; none for a signal nothing is known of.
pub fn records(wanted: impl IntoIterator<Item = Signal>, closed: &[ClosedPosition]) -> Vec<Record> {
    let mut signals = Vec::new();
    for signal in wanted {
        if !signals.contains(&signal) {
            signals.push(signal);
        }
    }
    signals.into_iter().filter_map(|signal| record(signal, closed)).collect()
}

fn record(signal: Signal, closed: &[ClosedPosition]) -> Option<Record> {
    let similar = closed.iter().filter(|one| one.signal == Some(signal));
    let known: Vec<_> = similar.filter_map(|one| Some((one.pnl_pct?, one.confidence.get()))).collect();
    let count = u32::try_from(known.len()).ok().filter(|count| *count > 0)?;
    let mean = |sum: Decimal, digits: u32| (sum / Decimal::from(count)).round_dp(digits).normalize();
    let won = known.iter().filter(|(pnl_pct, _)| *pnl_pct > Decimal::ZERO).count();
    Some(Record {
        signal,
        closed: count,
        won: u32::try_from(won).unwrap_or(count),
        mean_pnl_pct: mean(known.iter().map(|(pnl_pct, _)| *pnl_pct).sum(), 2),
        worst_pnl_pct: known.iter().map(|(pnl_pct, _)| *pnl_pct).min()?,
        mean_confidence: mean(known.iter().map(|(_, sure)| Decimal::from(*sure)).sum(), 1),
    })
}

#[cfg(test)]
mod tests {
    use domain::{Confidence, DecisionId, Instrument, Market};

    use super::*;

    fn closed(signal: Option<Signal>, confidence: i64, pnl_pct: Option<&str>) -> ClosedPosition {
        ClosedPosition {
            decision: DecisionId::from_stored("d-1".into()),
            instrument: Instrument { market: Market::Kr, symbol: "005930".parse().unwrap() },
            confidence: Confidence::new(confidence).unwrap(),
            signal,
            bought_at: chrono::DateTime::UNIX_EPOCH,
            closed_at: chrono::DateTime::UNIX_EPOCH,
            pnl_pct: pnl_pct.map(|text| text.parse().unwrap()),
        }
    }

    #[test]
    fn similar_purchases_are_counted_and_what_is_unknown_is_in_no_mean() {
        let (oversold, momentum) = (Some(Signal::Oversold), Some(Signal::Momentum));
        let books = [
            closed(oversold, 85, Some("2")),
            closed(oversold, 90, Some("-1.5")),
            closed(oversold, 95, Some("0")),
            closed(oversold, 99, None),
            closed(momentum, 80, Some("7")),
            closed(None, 80, Some("-50")),
        ];
        let wanted = [Signal::Oversold, Signal::Neutral, Signal::Oversold];
        let record = Record {
            signal: Signal::Oversold,
            closed: 3,
            won: 1,
            mean_pnl_pct: "0.17".parse().unwrap(),
            worst_pnl_pct: "-1.5".parse().unwrap(),
            mean_confidence: 90.into(),
        };
        assert_eq!(records(wanted, &books), [record]);
        assert_eq!(records([Signal::Holding], &books), []);
    }
}
