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
    /// There are no rankings: the move alone counts, up to 100.
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

/// A row of the rankings with its place among the most traded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RankedRow {
    /// The row; its volume ratio is the volume ranking's when that one tells it.
    pub stock: RankedStock,
    /// Place in the volume ranking, from 0.
    pub volume_index: Option<usize>,
}

/// Joins the two rankings: the most moved stocks are the universe, the most traded ones add liquidity and stand in
/// when there is no list of moves. Each stock once; rows without a price are left out.
///
/// Empty only if the rankings hold no row at all, which is when the fallback universe is due; rows of which none is
/// usable are a market without candidates, no outage.
pub fn join(fluctuation: Vec<RankedStock>, volume: &[RankedStock]) -> Universe {
    let rows = if fluctuation.is_empty() { volume.to_vec() } else { fluctuation };
    if rows.is_empty() {
        return Universe::Unavailable;
    }
    let mut seen = BTreeSet::new();
    let usable = rows.into_iter().filter(|row| row.price.is_some() && seen.insert(row.instrument.clone()));
    Universe::Ranked(usable.map(|row| with_volume(row, volume)).collect())
}

/// What a scan chooses from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Universe {
    /// The rows of the rankings, in their order.
    Ranked(Vec<RankedRow>),
    /// No ranking had a row: configured watchlist and holdings instead.
    Unavailable,
}

fn with_volume(mut stock: RankedStock, volume: &[RankedStock]) -> RankedRow {
    let volume_index = volume.iter().position(|row| row.instrument == stock.instrument);
    let told = volume_index.and_then(|index| volume.get(index)).and_then(|row| row.volume_ratio);
    stock.volume_ratio = told.or(stock.volume_ratio);
    RankedRow { stock, volume_index }
}

/// The `count` rows that score highest by their change alone; ties keep the ranking's order.
pub fn shortlist(mut rows: Vec<RankedRow>, count: usize) -> Vec<RankedRow> {
    let provisional = |row: &RankedRow| {
        let change = row.stock.change_pct.map_or(Decimal::ZERO, |change| change.abs());
        score(change, Scoring::Ranked { volume_index: row.volume_index })
    };
    rows.sort_by_key(|row| std::cmp::Reverse(provisional(row)));
    rows.truncate(count);
    rows
}

/// Where a stock stands in the race for the top places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its score, 0 to 100.
    pub score: Decimal,
    /// Its move in percent, if known.
    pub move_pct: Option<Decimal>,
    /// Held stocks are always kept.
    pub held: bool,
}

/// The `top` best of those that move enough, and every held stock; best first, ties in the given order.
pub fn choose<T>(mut contenders: Vec<(Standing, T)>, top: usize) -> Vec<T> {
    contenders.sort_by_key(|(standing, _)| std::cmp::Reverse(standing.score));
    let mut places = top;
    contenders.retain(|(standing, _)| {
        let wins = places > 0 && standing.move_pct.is_some_and(|moved| moved >= move_pct_min());
        places -= usize::from(wins);
        wins || standing.held
    });
    contenders.into_iter().map(|(_, contender)| contender).collect()
}

#[cfg(test)]
mod tests {
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
            volume_ratio: None,
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
        let joined = join(moves, &traded);
        assert_eq!(symbols(&joined), [("A".to_owned(), None), ("C".to_owned(), Some(0))]);
        let Universe::Ranked(rows) = joined else { panic!() };
        assert_eq!(rows[1].stock.volume_ratio, Some(decimal("4.5")));
    }

    #[test]
    fn the_fallback_is_due_without_any_row_but_not_for_unusable_rows() {
        let traded = [row("X", Some("1"), Some("2"))];
        assert_eq!(symbols(&join(Vec::new(), &traded)), [("X".to_owned(), Some(0))]);
        assert_eq!(join(Vec::new(), &[]), Universe::Unavailable);
        assert_eq!(join(vec![row("B", None, None)], &[]), Universe::Ranked(Vec::new()));
    }

    #[test]
    fn the_shortlist_takes_the_largest_moves_in_either_direction() {
        let Universe::Ranked(rows) = join(
            vec![row("A", Some("1"), Some("1")), row("B", Some("1"), Some("-8")), row("C", Some("1"), None)],
            &[],
        ) else {
            panic!()
        };
        let listed: Vec<_> =
            shortlist(rows, 2).into_iter().map(|row| row.stock.instrument.symbol.to_string()).collect();
        assert_eq!(listed, ["B", "A"]);
    }

    #[test]
    fn the_best_are_chosen_and_holdings_stay_whatever_their_score() {
        let runner = |name: &'static str, score, moved: Option<&str>, held| {
            (Standing { score: decimal(score), move_pct: moved.map(decimal), held }, name)
        };
        let contenders = vec![
            runner("LOW", "7", Some("0.8"), false),
            runner("QUIET", "95", Some("0.79"), false),
            runner("HELD", "1", None, true),
            runner("TOP", "90", Some("10"), true),
            runner("TIE1", "50", Some("5"), false),
            runner("TIE2", "50", Some("5"), false),
        ];
        let chosen = choose(contenders, 2);
        assert_eq!(chosen, ["TOP", "TIE1", "HELD"]);
    }
}
