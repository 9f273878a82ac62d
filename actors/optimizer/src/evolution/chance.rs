//! Chance that can be had again: a stream of numbers for each trial of a cycle, the same on every machine and in every year.

/// A stream of random numbers: SplitMix64 (Steele, Lea, Flood 2014). Written out because the books keep seeds, and what
/// follows from a seed must not change with a library.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The stream of one attempt at one trial.
    pub fn of(seed: u64, position: u32, attempt: u32) -> Self {
        let mut chance = Self(seed);
        let place = (u64::from(position) << 32) | u64::from(attempt);
        chance.0 = chance.bits() ^ place.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        chance.bits();
        chance
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, not including, `below`; 0 when that is 0.
    pub fn below(&mut self, below: usize) -> usize {
        let wide = u128::from(self.bits()) * u128::try_from(below).unwrap_or(0);
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// A number from 0 up to, not including, 1.
    pub fn unit(&mut self) -> f64 {
        // 32 bits are exact in a float, and fine enough for what is rounded to four digits.
        f64::from(u32::try_from(self.bits() >> 32).unwrap_or(0)) / 4_294_967_296.0
    }

    /// A number between two.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of several; none of none.
    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get(self.below(all.len()))
    }
}
