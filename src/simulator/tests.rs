//! The exchange from outside: through its router, on a clock that tests move by hand.

mod calendar;
mod contract;
mod door;
mod ledger;
mod trading;
mod world;
