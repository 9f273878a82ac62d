//! The `brain` room of the house.
