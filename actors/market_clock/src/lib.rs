//! Calendars, sessions and slots: the only room that knows when something is due.
//!
//! [`Calendar`] answers when a market trades, [`slots`] when in a session to look and decide, [`plan`] what is due at
//! a moment, [`evidence`] whether a day may be trusted; the actor [`MarketClock`] sleeps until then and tells. Everything but the actor is pure.

pub mod actor;
pub mod calendar;
pub mod evidence;
pub mod notice;
pub mod overrides;
pub mod plan;
pub mod slots;

pub use actor::{BrokerLinks, Deps, LedgerLinks, MarketClock};
pub use calendar::{Calendar, Change, DayChange, DayChanges, DayKind, Session, TableError, next_open_any};
pub use evidence::Evidence;
pub use overrides::{OverrideError, OverrideFile, Overrides};
pub use plan::{Event, Known, Settings, What};
pub use slots::{Cadence, DailyPlan, DueSlot};
