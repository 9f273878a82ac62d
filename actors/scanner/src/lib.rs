//! The `scanner` room of the house.
