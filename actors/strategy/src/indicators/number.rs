//! Small steps between counts, ratios and results.

use rust_decimal::prelude::ToPrimitive;

/// A count as a float.
pub(super) fn float(count: usize) -> f64 {
    count.to_f64().unwrap_or(f64::NAN)
}

/// The result, absent where it is too large for a float.
pub(super) fn finite(result: f64) -> Option<f64> {
    result.is_finite().then_some(result)
}

/// `part` of `whole`; absent when there is no whole to be a part of.
pub(super) fn ratio(part: f64, whole: f64) -> Option<f64> {
    if whole == 0.0 { None } else { finite(part / whole) }
}

/// Change from `past` to `present` in percent; absent from zero.
pub(super) fn change_pct(past: f64, present: f64) -> Option<f64> {
    finite((ratio(present, past)? - 1.0) * 100.0)
}
