//! Would the same holdings on other days have earned as much? Keeps how long each lasted and that no two overlap.

use serde::{Deserialize, Serialize};

use super::{Degenerate, at_least, at_most, bootstrap};

/// One holding, by the bars of its purchase and sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The bar whose price was paid.
    pub entry: usize,
    /// The later bar whose price was received.
    pub exit: usize,
}

/// One stock: what it cost at each bar, and when it was held.
#[derive(Clone, Debug)]
pub struct Held<'a> {
    /// Prices, positive, in any unit.
    pub prices: &'a [i64],
    /// Holdings in order; one may begin with the bar in which the one before it ended.
    pub holdings: Vec<Holding>,
}

/// What the permutations showed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Mean logarithmic return of a holding.
    pub mean_return: f64,
    /// How likely one so large is with the same holdings on random days.
    pub p_value: f64,
    /// How many holdings there are.
    pub holdings: usize,
}

/// Puts the holdings of every stock on random days so many times, 1 to [`bootstrap::DRAWS_MAX`].
///
/// # Errors
/// [`Degenerate`]: no holding, holdings that overlap, are out of order or outside the bars, or a price of zero.
pub fn timing(stocks: &[Held<'_>], draws: usize, seed: u64) -> Result<Timing, Degenerate> {
    at_least("permutations", draws, 1)?;
    at_most("permutations", draws, bootstrap::DRAWS_MAX)?;
    let count: usize = stocks.iter().map(|stock| stock.holdings.len()).sum();
    at_least("holdings", count, 1)?;
    let logarithms = stocks.iter().enumerate().map(checked).collect::<Result<Vec<_>, _>>()?;
    let pairs: Vec<_> = stocks.iter().zip(&logarithms).collect();
    let seen: f64 = pairs.iter().map(|(stock, prices)| gained(&stock.holdings, prices)).sum();
    let mut random = fastrand::Rng::with_seed(seed);
    let mut moved = || -> f64 {
        let each = pairs.iter();
        each.map(|(stock, prices)| gained(&elsewhere(&stock.holdings, prices.len(), &mut random), prices))
            .sum()
    };
    // Rounding in another order of summation must not make the same holdings a different result.
    let tolerance = seen.abs() * 1e-12;
    let reached = (0..draws).filter(|_| moved() >= seen - tolerance).count();
    Ok(Timing {
        mean_return: seen / count as f64,
        p_value: (reached as f64 + 1.0) / (draws as f64 + 1.0),
        holdings: count,
    })
}

/// The logarithms of the prices of a stock whose holdings are sound.
fn checked((series, stock): (usize, &Held<'_>)) -> Result<Vec<f64>, Degenerate> {
    let mut free_from = 0;
    for (holding, Holding { entry, exit }) in stock.holdings.iter().enumerate() {
        if *entry < free_from || exit <= entry || *exit >= stock.prices.len() {
            return Err(Degenerate::Misplaced { series, holding });
        }
        free_from = *exit;
    }
    let logarithm = |(row, price): (usize, &i64)| match *price {
        price if price > 0 => Ok((price as f64).ln()),
        _ => Err(Degenerate::NoPrice { row, column: series }),
    };
    stock.prices.iter().enumerate().map(logarithm).collect()
}

fn gained(holdings: &[Holding], prices: &[f64]) -> f64 {
    holdings.iter().map(|Holding { entry, exit }| prices[*exit] - prices[*entry]).sum()
}

/// The same lengths in random order, each thrown at random among the free bars.
fn elsewhere(holdings: &[Holding], bars: usize, random: &mut fastrand::Rng) -> Vec<Holding> {
    let mut lengths: Vec<_> = holdings.iter().map(|Holding { entry, exit }| exit - entry).collect();
    random.shuffle(&mut lengths);
    let free = bars.saturating_sub(1) - lengths.iter().sum::<usize>();
    let mut gaps: Vec<_> = lengths.iter().map(|_| random.usize(..=free)).collect();
    gaps.sort_unstable();
    let mut held = 0;
    let place = |(gap, length): (usize, usize)| {
        let entry = gap + held;
        held += length;
        Holding { entry, exit: entry + length }
    };
    gaps.into_iter().zip(lengths).map(place).collect()
}
