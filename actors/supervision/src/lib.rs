//! The `supervision` room of the house.
