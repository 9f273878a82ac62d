//! The `broker` room of the house.
