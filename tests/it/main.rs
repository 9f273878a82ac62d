//! The program from outside: the true binary on a temporary directory, spoken to as its operator does.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a helper of a test fails as the test does"
)]

mod architecture;
mod bad_model;
mod bounds;
mod browser;
mod budget;
mod calendar;
mod campaign;
mod canaries;
mod commands;
mod control_socket;
mod crash;
mod demo;
mod deploy;
mod doctor;
mod elsewhere;
mod evolution;
mod exchange;
mod failures;
mod halt;
mod harness;
mod indicators;
mod limits;
mod logs;
mod model_budget;
mod mutants;
mod operator;
mod parse_reply;
mod phantom;
mod privacy;
mod proof;
mod proposals;
mod reading;
mod replay;
mod service_manager;
mod shutdown;
mod startup;
mod stocks;
mod stream;
mod supervision;
mod supply_chain;
mod telegram;
mod tools;
mod traps;
mod web;
mod whole;
mod wire;
