//! The `trade_ledger` room of the house.
