//! Cases of the limits, at their edges.
