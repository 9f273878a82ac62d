//! The `optimizer` room of the house.
