//! What came of purchases: a position is closed once everything that was bought of it is sold, and its result then belongs
//! to every judgement that bought a part of it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::messages::consultation::ClosedPosition;
use domain::{Confidence, DecisionId, Instrument, Quantity, Side, Signal};
use rust_decimal::Decimal;

/// One booked execution with the judgement behind its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// The stock.
    pub instrument: Instrument,
    /// Bought or sold.
    pub side: Side,
    /// Shares.
    pub quantity: Quantity,
    /// What the sold shares had cost; none of a purchase, and where it is not known.
    pub cost: Option<Decimal>,
    /// What their sale made, before fees; likewise.
    pub pnl: Option<Decimal>,
    /// When it was booked.
    pub booked_at: DateTime<Utc>,
    /// The judgement behind it.
    pub decision: DecisionId,
    /// How sure that was.
    pub confidence: Confidence,
    /// Why the stock was looked at.
    pub signal: Option<Signal>,
}

/// A judgement that bought, and when its first share was booked.
struct Purchase {
    decision: DecisionId,
    confidence: Confidence,
    signal: Option<Signal>,
    bought_at: DateTime<Utc>,
}

/// What this agent holds of one stock, and what was sold of it so far.
#[derive(Default)]
struct Open {
    shares: u64,
    purchases: Vec<Purchase>,
    /// Cost and result of the sales; none once a part of it is not known.
    sold: Option<(Decimal, Decimal)>,
}

impl Open {
    fn buy(&mut self, execution: &Execution) {
        if self.purchases.is_empty() {
            self.sold = Some((Decimal::ZERO, Decimal::ZERO));
        }
        self.shares = self.shares.saturating_add(execution.quantity.get());
        if self.purchases.iter().all(|known| known.decision != execution.decision) {
            let Execution { decision, confidence, signal, booked_at, .. } = execution.clone();
            self.purchases.push(Purchase { decision, confidence, signal, bought_at: booked_at });
        }
    }

    /// True when nothing is left.
    fn sell(&mut self, execution: &Execution) -> bool {
        self.shares = self.shares.saturating_sub(execution.quantity.get());
        let known = execution.cost.zip(execution.pnl);
        self.sold = self.sold.zip(known).and_then(|((cost, pnl), (more_cost, more_pnl))| {
            Some((cost.checked_add(more_cost)?, pnl.checked_add(more_pnl)?))
        });
        self.shares == 0
    }

    fn pnl_pct(&self) -> Option<Decimal> {
        let (cost, pnl) = self.sold.filter(|(cost, _)| *cost > Decimal::ZERO)?;
        Some((pnl.checked_div(cost)?.checked_mul(Decimal::ONE_HUNDRED)?).round_dp(2))
    }
}

/// The purchases of positions that were closed, in the order in which they were closed. `executions` are in the order in
/// which they were booked; sales of what was not bought within them belong to no purchase.
pub fn closed(executions: &[Execution]) -> Vec<ClosedPosition> {
    let mut open: BTreeMap<&Instrument, Open> = BTreeMap::new();
    let mut all = Vec::new();
    for execution in executions {
        let position = open.entry(&execution.instrument).or_default();
        let is_closed = match execution.side {
            Side::Buy => {
                position.buy(execution);
                false
            }
            Side::Sell => position.sell(execution),
        };
        if is_closed {
            let ended = open.remove(&execution.instrument).unwrap_or_default();
            all.extend(outcomes(ended, execution));
        }
    }
    all
}

fn outcomes(ended: Open, last: &Execution) -> impl Iterator<Item = ClosedPosition> {
    let pnl_pct = ended.pnl_pct();
    let (instrument, closed_at) = (last.instrument.clone(), last.booked_at);
    ended.purchases.into_iter().map(move |Purchase { decision, confidence, signal, bought_at }| {
        ClosedPosition {
            decision,
            instrument: instrument.clone(),
            confidence,
            signal,
            bought_at,
            closed_at,
            pnl_pct,
        }
    })
}

#[cfg(test)]
mod tests {
    use domain::Market;

    use super::*;

    fn execution(
        symbol: &str,
        side: Side,
        quantity: u64,
        judged: &str,
        sold: Option<(i64, i64)>,
    ) -> Execution {
        Execution {
            instrument: Instrument { market: Market::Kr, symbol: symbol.parse().unwrap() },
            side,
            quantity: Quantity::new(quantity),
            cost: sold.map(|(cost, _)| cost.into()),
            pnl: sold.map(|(_, pnl)| pnl.into()),
            booked_at: DateTime::UNIX_EPOCH,
            decision: DecisionId::from_stored(judged.to_owned()),
            confidence: Confidence::new(85).unwrap(),
            signal: Some(Signal::Oversold),
        }
    }

    fn shown(executions: &[Execution]) -> Vec<(String, Option<String>)> {
        let shown = |one: ClosedPosition| (one.decision.to_string(), one.pnl_pct.map(|pct| pct.to_string()));
        closed(executions).into_iter().map(shown).collect()
    }

    fn result(decision: &str, pct: Option<&str>) -> (String, Option<String>) {
        (decision.to_owned(), pct.map(str::to_owned))
    }

    #[test]
    fn a_position_is_closed_by_its_last_share_and_all_its_sales_count() {
        let (buy, sell) = (Side::Buy, Side::Sell);
        let mut books = vec![
            execution("A", buy, 10, "d-1", None),
            execution("B", buy, 5, "d-2", None),
            execution("A", sell, 4, "d-3", Some((400, 40))),
        ];
        assert_eq!(shown(&books), [], "six shares are still held");
        books.push(execution("A", sell, 6, "d-4", Some((600, -90))));
        assert_eq!(shown(&books), [result("d-1", Some("-5.00"))]);
        books.push(execution("A", buy, 1, "d-5", None));
        books.push(execution("B", sell, 5, "d-6", Some((100, 1))));
        assert_eq!(shown(&books), [result("d-1", Some("-5.00")), result("d-2", Some("1.00"))]);
    }

    #[test]
    fn each_purchase_of_a_position_shares_its_result_and_an_unknown_cost_leaves_it_unknown() {
        let (buy, sell) = (Side::Buy, Side::Sell);
        let books = [
            execution("A", sell, 3, "d-0", Some((300, 300))),
            execution("A", buy, 1, "d-1", None),
            execution("A", buy, 1, "d-1", None),
            execution("A", buy, 2, "d-2", None),
            execution("A", sell, 4, "d-3", Some((400, 4))),
            execution("A", buy, 2, "d-4", None),
            execution("A", sell, 1, "d-5", None),
            execution("A", sell, 1, "d-5", Some((10, 10))),
        ];
        let expected = [result("d-1", Some("1.00")), result("d-2", Some("1.00")), result("d-4", None)];
        assert_eq!(shown(&books), expected);
    }
}
