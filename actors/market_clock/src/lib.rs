//! The `market_clock` room of the house.
