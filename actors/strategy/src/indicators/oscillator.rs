//! Where the price is within its range, and whether it has a direction: Williams, stochastic, ADX.

use super::average::{Sma, Smoother};
use super::number::float;
use super::range::Channel;
use super::{Bar, Indicator, Period};

/// Williams' percent range, -100 at the lowest low to 0 at the highest high of `period` bars (TA-Lib `WILLR`).
///
/// Bars without any range give 0, as TA-Lib defines.
#[derive(Clone, Debug)]
pub struct WilliamsR(Channel);

impl WilliamsR {
    /// The place of the close within `period` bars.
    pub fn new(period: Period) -> Self {
        Self(Channel::new(period))
    }
}

impl Indicator for WilliamsR {
    type Input = Bar;
    type Output = f64;

    fn update(&mut self, bar: Bar) -> Option<f64> {
        let extremes = self.0.update(bar)?;
        let below = extremes.place(bar.close()).map_or(0.0, |place| 1.0 - place);
        Some(-100.0 * below)
    }
}

/// What [`Stochastic`] says, 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StochasticPoint {
    /// Place of the close within its range, averaged.
    pub k: f64,
    /// Average of `k`.
    pub d: f64,
}

/// The slow stochastic with simple averages (TA-Lib `STOCH`): nothing is said before `d` is defined.
///
/// Bars without any range give 0, as TA-Lib defines.
#[derive(Clone, Debug)]
pub struct Stochastic {
    channel: Channel,
    k: Sma,
    d: Sma,
}

impl Stochastic {
    /// The place of the close within `period` bars, averaged over `slowing` bars, and that again over `signal` bars.
    pub fn new(period: Period, slowing: Period, signal: Period) -> Self {
        Self { channel: Channel::new(period), k: Sma::new(slowing), d: Sma::new(signal) }
    }
}

impl Indicator for Stochastic {
    type Input = Bar;
    type Output = StochasticPoint;

    fn update(&mut self, bar: Bar) -> Option<StochasticPoint> {
        let place = self.channel.update(bar)?.place(bar.close()).unwrap_or(0.0);
        let k = self.k.step(100.0 * place)?;
        Some(StochasticPoint { k, d: self.d.step(k)? })
    }
}

/// Wilder's average directional index, 0 to 100 (TA-Lib `ADX`), defined from bar `2 * period` on.
///
/// A bar after which there is no direction to measure counts as 0 in the first mean and changes nothing later, as TA-Lib
/// defines.
#[derive(Clone, Debug)]
pub struct Adx {
    period: usize,
    previous: Option<Bar>,
    moves: usize,
    up: f64,
    down: f64,
    range: f64,
    average: Smoother,
}

impl Adx {
    /// The index over `period` movements, averaged over as many.
    pub fn new(period: Period) -> Self {
        let (up, down, range) = (0.0, 0.0, 0.0);
        let average = Smoother::wilder(period);
        Self { period: period.get(), previous: None, moves: 0, up, down, range, average }
    }

    /// Adds a movement; once `period - 1` are in, each new one displaces a share of the sums.
    fn gather(&mut self, [up, down, range]: [f64; 3]) {
        self.moves = self.moves.saturating_add(1);
        let kept = if self.moves < self.period { 1.0 } else { 1.0 - 1.0 / float(self.period) };
        self.up = self.up * kept + up;
        self.down = self.down * kept + down;
        self.range = self.range * kept + range;
    }

    fn direction(&self) -> Option<f64> {
        let moved = self.up + self.down;
        (self.range > 0.0 && moved > 0.0).then(|| 100.0 * (self.up - self.down).abs() / moved)
    }
}

impl Indicator for Adx {
    type Input = Bar;
    type Output = f64;

    fn update(&mut self, bar: Bar) -> Option<f64> {
        let before = self.previous.replace(bar)?;
        self.gather(movement(before, bar));
        if self.moves < self.period {
            return None;
        }
        match (self.direction(), self.average.current()) {
            (Some(direction), _) => self.average.step(direction),
            (None, None) => self.average.step(0.0),
            (None, Some(unchanged)) => Some(unchanged),
        }
    }
}

/// Movement up, movement down (only the larger counts) and true range.
fn movement(before: Bar, bar: Bar) -> [f64; 3] {
    let (up, down) = (bar.high() - before.high(), before.low() - bar.low());
    let range = bar.high().max(before.close()) - bar.low().min(before.close());
    if down > 0.0 && up < down {
        [0.0, down, range]
    } else if up > 0.0 && up > down {
        [up, 0.0, range]
    } else {
        [0.0, 0.0, range]
    }
}
