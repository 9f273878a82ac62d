//! Where candidates are examined: the bars of a market, cut into a sample and sealed days, and the real backtest over them.
//!
//! | module | what |
//! |---|---|
//! | [`cut`] | which days belong to the sample, which stay sealed, and when there are too few |
//! | [`mod@bench`] | a strategy on the sample as the gates want it: what it reads, and what it earns under each condition |
//! | [`examine`] | G0, G1 and the part of G2 that needs no family, of one candidate |
//! | [`mod@paper`] | what a strategy earns from a day on, beginning with cash: the sealed look, the shadow, the watch over what is active |
//!
//! All of it is a pure function of bars, spent windows and strategy.

pub mod bench;
pub mod cut;
pub mod examine;
pub mod paper;
#[cfg(test)]
mod tests;

pub use cut::{Cut, Sample, Stock, TooLittle, Waits};
pub use examine::Workbench;
pub use paper::{Paper, paper};
