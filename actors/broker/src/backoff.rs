//! How long to wait between two looks at the exchange (order-protocol 5.2, step 6).

use std::time::Duration;

/// The rungs, in seconds of exchange time; the last one repeats.
const RUNGS_S: [u64; 5] = [1, 2, 5, 10, 30];

/// Climbs from one second to thirty and stays there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ladder {
    climbed: usize,
}

impl Ladder {
    /// The next wait in exchange time: 1, 2, 5, 10, 30, 30, ... seconds.
    pub fn next_wait(&mut self) -> Duration {
        let rung = self.climbed.min(RUNGS_S.len() - 1);
        self.climbed = self.climbed.saturating_add(1);
        Duration::from_secs(RUNGS_S.get(rung).copied().unwrap_or(30))
    }

    /// Back to one second.
    pub fn reset(&mut self) {
        self.climbed = 0;
    }

    /// How often it was asked since the last reset.
    pub fn climbed(self) -> usize {
        self.climbed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_thirty_seconds_and_start_again_after_a_reset() {
        let mut ladder = Ladder::default();
        let waits: Vec<u64> = (0..7).map(|_| ladder.next_wait().as_secs()).collect();
        assert_eq!(waits, [1, 2, 5, 10, 30, 30, 30]);
        assert_eq!(ladder.climbed(), 7);
        ladder.reset();
        assert_eq!(ladder.next_wait().as_secs(), 1);
    }
}
