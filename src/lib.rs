//! Kestrel: a self-evolving trading agent for ten stock markets on the KIS Open API.
//!
//! This package holds everything that touches the world: the adapters behind the actors' ports, the wiring, and the
//! command line. Who decides is under `actors/`.

pub mod agent;
pub mod app;
pub mod backtest;
pub mod budget;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod control;
mod curve;
pub mod data;
pub mod demo;
pub mod doctor;
pub mod embedded;
#[cfg(feature = "faults")]
pub mod faults;
pub mod hardening;
pub mod http;
pub mod indicators;
pub mod kis;
pub mod llm;
pub mod markets;
#[cfg(test)]
mod mutation;
pub mod overrides;
pub mod parse_reply;
mod picture;
pub mod proposals;
pub mod random;
pub mod replay;
mod report;
mod service_manager;
pub mod simulate;
pub mod simulator;
pub mod store;
pub mod telegram;
pub mod telemetry;
pub mod terminal;
pub mod venue;
pub mod verify;
pub mod web;
