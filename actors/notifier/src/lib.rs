//! The `notifier` room of the house.
