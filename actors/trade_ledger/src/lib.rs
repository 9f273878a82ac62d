//! The books: every intent, order, fill, decision, halt and event, and the only place a permit to send comes from.

pub mod permit;

pub use permit::{
    AbandonSending, BeginSending, BookInquiry, CloseDay, DayBooked, DayKey, InquiryBooked, JournalledOrder,
    JournalledOrders, PermitRefused, RecordOutcome, SendPermit, UnclosedDays,
};
