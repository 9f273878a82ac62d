//! The `strategy` room of the house.
