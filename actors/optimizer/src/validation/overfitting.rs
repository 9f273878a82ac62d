//! PBO: how often the best strategy of one half of the data is below the median in the other half.
//!
//! Bailey, Borwein, Lopez de Prado and Zhu, "The probability of backtest overfitting" (2017), by combinatorially symmetric
//! cross-validation: rows in even blocks, every choice of half of them. Sharpe with the sample standard deviation, average
//! ranks, rows beyond the last whole block left out. Sums are kept per block, so that a split costs its blocks, not its rows.

use serde::{Deserialize, Serialize};

use super::{Degenerate, Returns, at_least, at_most, mean, within};

/// Most blocks: 184,756 splits.
pub const BLOCKS_MAX: usize = 20;
/// Fewest rows of a block.
const BLOCK_ROWS_MIN: usize = 2;

/// What the splits showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overfitting {
    /// Share of the splits in which the winner was at or below the median elsewhere.
    pub probability: f64,
    /// Share of the splits in which the winner lost elsewhere.
    pub loss_probability: f64,
    /// Slope of the winner's Sharpe elsewhere over its winning one; none when all winners won by the same.
    pub slope: Option<f64>,
    /// Per split, in lexicographic order of the blocks chosen.
    pub splits: Vec<Split>,
}

/// One choice of half of the blocks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// Log odds of the winner's rank elsewhere.
    pub logit: f64,
    /// The winner's Sharpe where it won.
    pub winning: f64,
    /// Its Sharpe elsewhere.
    pub elsewhere: f64,
}

/// Sums of one block, per strategy.
struct Block {
    sums: Vec<f64>,
    squares: Vec<f64>,
}

/// Splits `returns` in `blocks` blocks and looks at every half of them. A strategy that does nothing in a half has a Sharpe of
/// 0 there.
///
/// # Errors
/// [`Degenerate`]: fewer than two strategies, an odd number of blocks, fewer than 2 or more than [`BLOCKS_MAX`], blocks
/// of less than two rows, or a strategy that gains the same on every day.
pub fn overfitting(returns: &Returns, blocks: usize) -> Result<Overfitting, Degenerate> {
    at_least("strategies", returns.columns(), 2)?;
    at_least("blocks", blocks, 2)?;
    at_most("blocks", blocks, BLOCKS_MAX)?;
    within("the number of blocks", blocks as f64, blocks.is_multiple_of(2), "an even number")?;
    let rows = returns.rows() / blocks;
    at_least("rows of a block", rows, BLOCK_ROWS_MIN)?;
    let sums: Vec<_> = (0..blocks).map(|block| sums(returns, block * rows, rows)).collect();
    refuse_constant(&sums, blocks * rows)?;
    let count = (blocks / 2 * rows) as f64;
    let splits: Vec<_> = halves(blocks).map(|chosen| split(&sums, chosen, count)).collect();
    Ok(summary(splits))
}

fn sums(returns: &Returns, start: usize, rows: usize) -> Block {
    let (mut sums, mut squares) = (vec![0.0; returns.columns()], vec![0.0; returns.columns()]);
    for row in start..start + rows {
        for ((sum, square), value) in sums.iter_mut().zip(&mut squares).zip(returns.row(row)) {
            *sum += value;
            *square += value * value;
        }
    }
    Block { sums, squares }
}

/// The same gain on every day has no Sharpe ratio; nothing on every day has one of 0.
fn refuse_constant(blocks: &[Block], rows: usize) -> Result<(), Degenerate> {
    let columns = blocks.first().map_or(0, |block| block.sums.len());
    let total = |column: usize| {
        let sum: f64 = blocks.iter().map(|block| block.sums[column]).sum();
        let squares: f64 = blocks.iter().map(|block| block.squares[column]).sum();
        (sum, squares)
    };
    let is_constant = |column: &usize| {
        let (sum, squares) = total(*column);
        squares > 0.0 && moves(sum, squares, rows as f64).is_none()
    };
    (0..columns).find(is_constant).map_or(Ok(()), |column| Err(Degenerate::NoVariance { column }))
}

/// The sum of the squared distances from the mean; none when rounding alone would make it.
fn moves(sum: f64, squares: f64, count: f64) -> Option<f64> {
    let left = squares - sum * sum / count;
    (left > squares * 1e-12).then_some(left)
}

/// Every choice of half of the blocks, as bits, in lexicographic order of the chosen numbers.
fn halves(blocks: usize) -> impl Iterator<Item = u32> {
    // Block 0 is the highest bit, so that descending numbers are lexicographic choices.
    let wanted = blocks as u32 / 2;
    (0..1_u32 << blocks)
        .rev()
        .filter(move |bits| bits.count_ones() == wanted)
        .map(move |bits| bits.reverse_bits() >> (u32::BITS - blocks as u32))
}

fn split(blocks: &[Block], chosen: u32, count: f64) -> Split {
    let (here, there): (Vec<_>, Vec<_>) =
        blocks.iter().enumerate().partition(|(index, _)| chosen >> index & 1 == 1);
    let (here, there) = (sharpes(&here, count), sharpes(&there, count));
    let (winner, winning) = best(&here);
    let elsewhere = there[winner];
    let below = there.iter().filter(|other| **other < elsewhere).count() as f64;
    let equal = there.iter().filter(|other| other.total_cmp(&elsewhere).is_eq()).count() as f64;
    let place = (below + (equal + 1.0) / 2.0) / (there.len() as f64 + 1.0);
    Split { logit: (place / (1.0 - place)).ln(), winning, elsewhere }
}

/// The first of the highest.
fn best(sharpes: &[f64]) -> (usize, f64) {
    let first = (0, f64::NEG_INFINITY);
    sharpes.iter().copied().enumerate().fold(first, |best, next| if next.1 > best.1 { next } else { best })
}

fn sharpes(half: &[(usize, &Block)], count: f64) -> Vec<f64> {
    let columns = half.first().map_or(0, |(_, block)| block.sums.len());
    let (mut sums, mut squares) = (vec![0.0; columns], vec![0.0; columns]);
    for (_, block) in half {
        for column in 0..columns {
            sums[column] += block.sums[column];
            squares[column] += block.squares[column];
        }
    }
    let sharpe = |(sum, squares): (&f64, &f64)| {
        let left = moves(*sum, *squares, count);
        // Plus zero: a Sharpe of minus zero ties with one of zero.
        left.map_or(0.0, |left| sum / count / (left / (count - 1.0)).sqrt() + 0.0)
    };
    sums.iter().zip(&squares).map(sharpe).collect()
}

fn summary(splits: Vec<Split>) -> Overfitting {
    let count = splits.len() as f64;
    let share = |is: fn(&Split) -> bool| splits.iter().filter(|split| is(split)).count() as f64 / count;
    let (probability, loss_probability) =
        (share(|split| split.logit <= 0.0), share(|split| split.elsewhere < 0.0));
    Overfitting { probability, loss_probability, slope: slope(&splits), splits }
}

fn slope(splits: &[Split]) -> Option<f64> {
    let across = |value: fn(&Split) -> f64| mean(&splits.iter().map(value).collect::<Vec<_>>());
    let (winning, elsewhere) = (across(|split| split.winning), across(|split| split.elsewhere));
    let spread: f64 = splits.iter().map(|split| (split.winning - winning).powi(2)).sum();
    let joint: f64 =
        splits.iter().map(|split| (split.winning - winning) * (split.elsewhere - elsewhere)).sum();
    (spread > 0.0).then(|| joint / spread)
}
