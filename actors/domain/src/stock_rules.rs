//! What an exchange accepts for one stock today, beyond the rules of its market.

use std::fmt;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use crate::{Market, Price, Quantity, Side, TickTable};

/// What the exchange told about orders in one stock (KIS.md 9.1, 13.2). What it did not tell is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StockRules {
    /// Shares of one lot.
    pub lot: Option<NonZeroU64>,
    /// The highest price accepted today.
    pub upper_limit: Option<Price>,
    /// The lowest price accepted today.
    pub lower_limit: Option<Price>,
    /// Why it should not be bought; none when nothing was told against it.
    pub restriction: Option<Restriction>,
    /// Which steps its prices have.
    pub ticks: TickTable,
}

/// What an exchange tells against buying a stock; a sale is free to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Restriction {
    /// Its trading is halted.
    Halted,
    /// It is being liquidated before it leaves the exchange.
    Liquidation,
    /// An administrative issue: the exchange doubts that it may stay listed.
    Administrative,
    /// The exchange warns investors of it.
    MarketWarning,
    /// It cannot be traded through the broker.
    NotTradable,
}

impl fmt::Display for Restriction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Halted => "its trading is halted",
            Self::Liquidation => "it is in liquidation",
            Self::Administrative => "it is an administrative issue",
            Self::MarketWarning => "the exchange warns investors of it",
            Self::NotTradable => "it cannot be traded through the broker",
        })
    }
}

impl StockRules {
    /// Shares of one lot: the stock's own as told, else its market's; none where only the exchange knows it.
    pub fn lot_in(&self, market: Market) -> Option<NonZeroU64> {
        self.lot.or_else(|| market.standard_lot())
    }

    /// `limit` moved inside the day's limits. A purchase at the upper limit and a sale at the lower one are the most
    /// urgent orders that the exchange takes.
    pub fn within_limits(&self, limit: Price) -> Price {
        let capped = self.upper_limit.map_or(limit, |upper| limit.min(upper));
        self.lower_limit.map_or(capped, |lower| capped.max(lower))
    }
}

/// The shares of a sale that the exchange takes in one order: whole lots, or everything when that is less than a lot
/// or the lot is not known. Chinese odd lots are sold as they are (KIS.md 15.3).
pub fn saleable(market: Market, shares: Quantity, lot: Option<NonZeroU64>) -> Quantity {
    match lot {
        Some(lot) if !takes_odd_lots(market, Side::Sell) && shares.get() >= lot.get() => {
            Quantity::new(shares.get() - shares.get() % lot.get())
        }
        Some(_) | None => shares,
    }
}

/// The shares of a sale that the exchange takes, and those that it takes in no order at all: less than a lot where only
/// whole lots are sold. A remnant of a board lot in Hong Kong has a kind of order of its own.
pub fn saleable_and_stuck(market: Market, shares: Quantity, lot: Option<NonZeroU64>) -> (Quantity, Quantity) {
    let saleable = saleable(market, shares, lot);
    let is_remnant = lot.is_some_and(|lot| saleable.get() < lot.get());
    if is_remnant && !takes_odd_lots(market, Side::Sell) && market != Market::Hk {
        (Quantity::ZERO, saleable)
    } else {
        (saleable, Quantity::ZERO)
    }
}

/// True where an order need not be a whole number of lots.
pub fn takes_odd_lots(market: Market, side: Side) -> bool {
    side == Side::Sell && matches!(market, Market::CnSha | Market::CnSza)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lot(shares: u64) -> Option<NonZeroU64> {
        NonZeroU64::new(shares)
    }

    #[test]
    fn the_lot_of_the_stock_comes_before_that_of_its_market_and_hong_kong_has_none_of_its_own() {
        let told = StockRules { lot: lot(400), ..StockRules::default() };
        let untold = StockRules::default();
        for market in Market::ALL {
            assert_eq!(told.lot_in(market), lot(400), "{market}");
            assert_eq!(untold.lot_in(market).is_none(), market == Market::Hk, "{market}");
        }
        assert_eq!(untold.lot_in(Market::Jp), lot(100));
    }

    #[test]
    fn a_limit_never_leaves_the_days_prices() {
        let price = |text: &str| text.parse::<Price>().unwrap();
        let (upper_limit, lower_limit) = (Some(price("91000")), Some(price("49000")));
        let rules = StockRules { upper_limit, lower_limit, ..StockRules::default() };
        for (wished, expected) in
            [("91200", "91000"), ("91000", "91000"), ("70000", "70000"), ("48900", "49000")]
        {
            assert_eq!(rules.within_limits(price(wished)), price(expected), "{wished}");
            assert_eq!(StockRules::default().within_limits(price(wished)), price(wished));
        }
    }

    #[test]
    fn less_than_a_lot_is_stuck_where_only_whole_lots_are_sold() {
        let cases = [
            (Market::Jp, 250, lot(100), (200, 0)),
            (Market::Jp, 50, lot(100), (0, 50)),
            (Market::VnHcm, 99, lot(100), (0, 99)),
            (Market::VnHan, 100, lot(100), (100, 0)),
            (Market::CnSza, 50, lot(100), (50, 0)),
            (Market::Hk, 250, lot(500), (250, 0)),
            (Market::Hk, 250, None, (250, 0)),
            (Market::Kr, 1, lot(1), (1, 0)),
            (Market::UsNyse, 0, lot(1), (0, 0)),
        ];
        for (market, held, lot, (sold, stuck)) in cases {
            let expected = (Quantity::new(sold), Quantity::new(stuck));
            assert_eq!(saleable_and_stuck(market, Quantity::new(held), lot), expected, "{market} {held}");
        }
    }

    #[test]
    fn a_sale_is_whole_lots_first_and_then_what_is_left() {
        let cases = [
            (Market::Hk, 1_250, lot(500), 1_000),
            (Market::Hk, 250, lot(500), 250),
            (Market::Hk, 1_250, None, 1_250),
            (Market::Jp, 199, lot(100), 100),
            (Market::CnSha, 150, lot(100), 150),
            (Market::Kr, 7, lot(1), 7),
        ];
        for (market, held, lot, sold) in cases {
            assert_eq!(saleable(market, Quantity::new(held), lot), Quantity::new(sold), "{market} {held}");
        }
    }
}
