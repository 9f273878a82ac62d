//! Volatility first, liquidity second (lessons.md 2).
//!
//! A stock's move is the larger of |change| and day range in percent. Ten percent earn the full 85 points; the place
//! in the volume ranking adds up to 15. A stock that moves less than [`move_pct_min`] is not worth a judgement.

use std::collections::BTreeSet;

use domain::messages::market_data::RankedStock;
use rust_decimal::Decimal;

/// Below this move in percent a stock is left out.
pub fn move_pct_min() -> Decimal {
    Decimal::new(8, 1)
}

/// How a scan scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scoring {
    /// The stock stands in a ranking; its place in the volume ranking, from 0, if it has one.
    Ranked {
        /// The place.
        volume_index: Option<usize>,
    },
    /// A foreign stock that stands in for the rankings: the move alone counts, up to 100.
    Unranked,
}

/// The score, 0 to 100.
pub fn score(move_pct: Decimal, scoring: Scoring) -> Decimal {
    let share = (move_pct / Decimal::TEN).clamp(Decimal::ZERO, Decimal::ONE);
    match scoring {
        Scoring::Ranked { volume_index } => {
            (share * Decimal::from(85) + liquidity_bonus(volume_index)).min(Decimal::ONE_HUNDRED)
        }
        Scoring::Unranked => share * Decimal::ONE_HUNDRED,
    }
}

/// `15 - 0.3 * index`, never below zero; nothing for a stock outside the volume ranking.
fn liquidity_bonus(volume_index: Option<usize>) -> Decimal {
    let bonus = |index| Decimal::from(15) - Decimal::new(3, 1) * Decimal::from(index);
    volume_index.map_or(Decimal::ZERO, |index| bonus(index).max(Decimal::ZERO))
}

/// What stands in for a volume ratio that nobody measured: half the move in percent, at least 1 (lessons.md 2).
pub fn volume_ratio_proxy(move_pct: Decimal) -> Decimal {
    (move_pct / Decimal::TWO).max(Decimal::ONE)
}

/// What stands in for an RSI without enough bars: 50 and twice the change in percent, 0 to 100. Four times the change, as
/// earlier versions had it, is at its end with 12.5 % (lessons.md 4.2, S6).
pub fn rsi_proxy(change_pct: Decimal) -> Decimal {
    let proxy = change_pct.saturating_mul(Decimal::TWO).saturating_add(Decimal::from(50));
    proxy.clamp(Decimal::ZERO, Decimal::ONE_HUNDRED)
}

/// A row of the rankings with its place among the most traded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RankedRow {
    /// The row; its volume ratio is the volume ranking's when that one tells it.
    pub stock: RankedStock,
    /// Place in the volume ranking, from 0.
    pub volume_index: Option<usize>,
}

/// What orders stocks by their liquidity.
#[derive(Clone, Copy, Debug)]
pub enum Liquidity<'a> {
    /// The ranking by volume, best first.
    Ranking(&'a [RankedStock]),
    /// There is no such ranking: the volumes that the rows of the other list tell.
    OwnVolume,
}

/// Joins the two rankings: the most moved stocks are the universe, the most traded ones add liquidity and stand in
/// when there is no list of moves. Each stock once.
///
/// Empty only if the rankings hold no row at all, which is when the fallback universe is due; rows of which none is
/// usable are a market without candidates, no outage.
pub fn join(moved: Vec<RankedStock>, liquidity: Liquidity<'_>) -> Universe {
    let own = by_volume(&moved);
    let traded = match liquidity {
        Liquidity::Ranking(traded) => traded,
        Liquidity::OwnVolume => &own,
    };
    let rows = if moved.is_empty() { traded.to_vec() } else { moved };
    if rows.is_empty() {
        return Universe::Unavailable;
    }
    let mut seen = BTreeSet::new();
    let once = rows.into_iter().filter(|row| seen.insert(row.instrument.clone()));
    Universe::Ranked(once.map(|row| with_volume(row, traded)).collect())
}

/// The rows that tell a volume, most traded first; ties keep their order.
fn by_volume(rows: &[RankedStock]) -> Vec<RankedStock> {
    let mut told: Vec<_> = rows.iter().filter(|row| row.volume.is_some()).cloned().collect();
    told.sort_by_key(|row| std::cmp::Reverse(row.volume));
    told
}

/// What a scan chooses from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Universe {
    /// The rows of the rankings, in their order.
    Ranked(Vec<RankedRow>),
    /// No ranking had a row: the fallback instead.
    Unavailable,
}

fn with_volume(mut stock: RankedStock, volume: &[RankedStock]) -> RankedRow {
    let volume_index = volume.iter().position(|row| row.instrument == stock.instrument);
    if let Some(traded) = volume_index.and_then(|index| volume.get(index)) {
        stock.volume_ratio = traded.volume_ratio.or(stock.volume_ratio);
        stock.volume = stock.volume.or(traded.volume);
        stock.status = stock.status.or(traded.status);
    }
    RankedRow { stock, volume_index }
}

#[cfg(test)]
mod tests {
    use domain::messages::market_data::ListedStatus;
    use domain::{Instrument, Market};

    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn row(symbol: &str, price: Option<&str>, change: Option<&str>) -> RankedStock {
        RankedStock {
            instrument: Instrument { market: Market::Kr, symbol: symbol.parse().unwrap() },
            name: symbol.to_owned(),
            price: price.map(|text| text.parse().unwrap()),
            change_pct: change.map(decimal),
            high: None,
            low: None,
            volume: None,
            volume_ratio: None,
            status: None,
        }
    }

    fn symbols(universe: &Universe) -> Vec<(String, Option<usize>)> {
        match universe {
            Universe::Ranked(rows) => {
                rows.iter().map(|row| (row.stock.instrument.symbol.to_string(), row.volume_index)).collect()
            }
            Universe::Unavailable => panic!("no rankings"),
        }
    }

    #[test]
    fn the_score_is_the_move_plus_a_bonus_for_liquidity() {
        let ranked = |volume_index| Scoring::Ranked { volume_index };
        for (moved, scoring, expected) in [
            ("5", ranked(Some(1)), "57.2"),
            ("3", ranked(Some(0)), "40.5"),
            ("3", ranked(None), "25.5"),
            ("10", ranked(Some(0)), "100"),
            ("25", ranked(None), "85"),
            ("25", ranked(Some(0)), "100"),
            ("0.8", ranked(Some(50)), "6.8"),
            ("0.8", ranked(Some(usize::MAX)), "6.8"),
            ("6", Scoring::Unranked, "60"),
            ("40", Scoring::Unranked, "100"),
        ] {
            assert_eq!(score(decimal(moved), scoring), decimal(expected), "{moved} {scoring:?}");
        }
    }

    #[test]
    fn rankings_are_joined_by_stock_and_each_stock_appears_once() {
        let moves = vec![
            row("A", Some("10"), Some("5")),
            row("B", None, Some("9")),
            row("C", Some("20"), Some("-3")),
            row("A", Some("10"), Some("5")),
        ];
        let mut traded = vec![row("C", Some("20"), None), row("X", Some("1"), None)];
        traded[0].volume_ratio = Some(decimal("4.5"));
        traded[0].status = Some(ListedStatus::Free);
        let joined = join(moves, Liquidity::Ranking(&traded));
        let expected = [("A".to_owned(), None), ("B".to_owned(), None), ("C".to_owned(), Some(0))];
        assert_eq!(symbols(&joined), expected);
        let Universe::Ranked(rows) = joined else { panic!() };
        assert_eq!(rows[2].stock.volume_ratio, Some(decimal("4.5")));
        assert_eq!(rows[2].stock.status, Some(ListedStatus::Free));
    }

    #[test]
    fn the_fallback_is_due_without_any_row_but_not_for_unusable_rows() {
        let traded = [row("X", Some("1"), Some("2"))];
        assert_eq!(symbols(&join(Vec::new(), Liquidity::Ranking(&traded))), [("X".to_owned(), Some(0))]);
        assert_eq!(join(Vec::new(), Liquidity::Ranking(&[])), Universe::Unavailable);
        assert_eq!(join(Vec::new(), Liquidity::OwnVolume), Universe::Unavailable);
        let unusable = join(vec![row("B", None, None)], Liquidity::Ranking(&[]));
        assert_eq!(symbols(&unusable), [("B".to_owned(), None)]);
    }

    #[test]
    fn without_a_ranking_by_volume_the_rows_order_themselves_and_a_failed_one_gives_no_bonus() {
        let traded = |symbol, volume| RankedStock { volume, ..row(symbol, Some("9"), Some("4")) };
        let rows = vec![traded("A", Some(10)), traded("B", None), traded("C", Some(30))];
        let own = join(rows.clone(), Liquidity::OwnVolume);
        let expected = [("A".to_owned(), Some(1)), ("B".to_owned(), None), ("C".to_owned(), Some(0))];
        assert_eq!(symbols(&own), expected);
        let failed = join(rows, Liquidity::Ranking(&[]));
        assert!(symbols(&failed).iter().all(|(_, index)| index.is_none()));
    }
}
