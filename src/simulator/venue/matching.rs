//! What the trades of a bar give to the orders that rest in the book.

use super::*;

/// What one step offers to the account's orders, used up as they trade.
pub(super) struct Offered {
    book: Book,
    resting: u64,
}

impl Offered {
    /// What is offered in a step of `volume` shares, in whole lots.
    pub(super) fn new(mut book: Book, volume: u32, lot: u64) -> Self {
        let lot_size = u32::try_from(lot).unwrap_or(u32::MAX).max(1);
        for level in book.asks.iter_mut().chain(&mut book.bids) {
            level.size =
                (level.size / 100 * LEVEL_SHARE_PCT + level.size % 100 * LEVEL_SHARE_PCT / 100).max(1);
            level.size = (level.size / lot_size * lot_size).max(lot_size);
        }
        let share = u64::from(volume / 100 * RESTING_SHARE_PCT + volume % 100 * RESTING_SHARE_PCT / 100);
        Self { book, resting: share / lot.max(1) * lot.max(1) }
    }

    /// Trades `order` against the levels it accepts, best first; if it rests below all of them, against trades at its price.
    pub(super) fn fill(&mut self, order: &mut Order, last: i64, account: &mut Account) {
        let levels = match order.side {
            Side::Buy => &mut self.book.asks,
            Side::Sell => &mut self.book.bids,
        };
        let crosses = levels.first().is_some_and(|best| order.accepts(best.price));
        for Level { price, size } in levels.iter_mut() {
            if !order.accepts(*price) {
                break;
            }
            let shares = u64::from(*size).min(order.remaining());
            *size -= u32::try_from(shares).unwrap_or(*size);
            execute(order, *price, shares, account);
        }
        if let (false, Terms::Limit(limit), true) = (crosses, order.terms, order.accepts(last)) {
            let shares = self.resting.min(order.remaining());
            self.resting -= shares;
            execute(order, limit, shares, account);
        }
    }
}

fn execute(order: &mut Order, units: i64, shares: u64, account: &mut Account) {
    if shares == 0 {
        return;
    }
    let price = rules::decimal(order.market(), units);
    let trade = Trade { stock: order.stock(), side: order.side, shares, price, date: order.date };
    order.filled += shares;
    order.amount += trade.amount();
    // The fee of the whole order, so that filling in parts costs what filling at once costs.
    let fees = rules::fee(order.market().currency(), order.side, order.amount);
    account.book(&trade, fees - order.fees);
    order.fees = fees;
}
