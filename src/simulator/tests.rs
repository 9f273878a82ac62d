//! The exchange from outside: through its router, on a clock that tests move by hand.

mod board;
mod calendar;
mod checklist;
mod contract;
mod diary;
mod door;
mod foreign;
mod ledger;
mod matrix;
mod reports;
mod rubbish;
mod stream;
mod trading;
mod world;
