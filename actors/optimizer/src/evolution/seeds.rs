//! What every archive begins with: plain ideas of several kinds, as good as chance until the gates say otherwise.

use strategy::form::Strategy;

const SEEDS: &str = include_str!("seeds.json");

/// The seeds, in the order in which they are tried.
pub fn seeds() -> Vec<Strategy> {
    // The file is tested to be readable; a seed that were not would be missing.
    let all: Vec<serde_json::Value> = serde_json::from_str(SEEDS).unwrap_or_default();
    all.iter().filter_map(|one| Strategy::from_json(&one.to_string()).ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::evolution::niche::Theme;

    #[test]
    fn every_seed_can_be_read_and_they_look_at_different_things() {
        let all: Vec<serde_json::Value> = serde_json::from_str(SEEDS).unwrap();
        assert_eq!(seeds().len(), all.len());
        let themes: BTreeSet<_> = seeds().iter().map(Theme::of_entry).collect();
        assert_eq!(themes.len(), Theme::ALL.len());
        let identities: BTreeSet<_> = seeds().iter().map(Strategy::identity).collect();
        assert_eq!(identities.len(), all.len());
    }
}
