//! The standard normal distribution, to ten digits.

use statrs::function::erf::{erfc, erfc_inv};

/// Share of the distribution below `z`.
pub(super) fn below(z: f64) -> f64 {
    0.5 * erfc(-z / std::f64::consts::SQRT_2)
}

/// The value below which `share` of the distribution lies; infinite at 0 and 1.
pub(super) fn quantile(share: f64) -> f64 {
    -std::f64::consts::SQRT_2 * erfc_inv(2.0 * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_distribution_has_its_tabled_values() {
        // Abramowitz and Stegun, tables 26.1 and 26.6; scipy.stats.norm for the tails.
        for (z, share) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746_068_542_9),
            (1.644_853_626_951_472_2, 0.95),
            (1.959_963_984_540_054, 0.975),
            (-3.0, 0.001_349_898_031_630_094_6),
            (-6.0, 9.865_876_450_376_946e-10),
        ] {
            assert!((below(z) / share - 1.0).abs() < 1e-10, "below {z}: {}", below(z));
            assert!((quantile(share) - z).abs() < 1e-10, "quantile {share}: {}", quantile(share));
        }
    }
}
