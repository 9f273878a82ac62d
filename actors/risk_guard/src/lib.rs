//! The `risk_guard` room of the house.
