//! The program from outside: the true binary on a temporary directory, spoken to as its operator does.

mod architecture;
mod demo;
mod halt;
mod harness;
mod shutdown;
mod startup;
mod supervision;
