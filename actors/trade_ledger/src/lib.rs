//! The books: every intent, order, fill, decision, halt and event, and the only place a permit to send comes from.
//!
//! The actor is [`TradeLedger`]; the database stands behind the port [`Store`]. The rules of booking are pure:
//! [`claim`] says whose an order is, [`fills`] what was traded, [`booking`] what a list changes, [`outcome`] what a
//! reply changes, [`holdings`] whether the books explain the account, [`resolution`] what a person may decide, and
//! [`budget`] whether a language model may be asked once more, [`outcomes`] what came of purchases,
//! [`bars`] how two readings of the same days compare, [`retention`] how long what is kept.

pub mod bars;
pub mod booking;
pub mod budget;
pub mod claim;
pub mod evolution;
pub mod fills;
pub mod holdings;
pub mod ledger;
pub mod outcome;
pub mod outcomes;
pub mod permit;
pub mod resolution;
pub mod retention;
pub mod store;

#[cfg(test)]
mod properties;

pub use evolution::EvolutionBooks;
pub use ledger::{LedgerDeps, TradeLedger};
pub use permit::{
    AbandonSending, BeginSending, BookInquiry, CloseDay, DayBooked, DayKey, HaltName, InquiryBooked,
    JournalledOrder, JournalledOrders, PermitRefused, RecordOutcome, SendPermit, UnclosedDays,
};
pub use store::{Begun, BootFacts, BootReport, NewIntent, SendingRequest, Store, StoreError};
