//! The port to what the exchange tells by itself: prices, and notices about the account's orders.
//!
//! Invariant: nothing that comes through here is booked. A notice has no quantity and no price that could be: it makes the
//! next inquiry come sooner, and the inquiry stays the only truth (architecture 3).

use std::collections::BTreeSet;

use domain::messages::market_data::PriceSeen;
use domain::{BoxFuture, Instrument, Market};

/// What a notice says of an order; for logs only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// The exchange took an order, a change or a cancel.
    Taken,
    /// It rejected one.
    Rejected,
    /// Shares were traded.
    Traded,
}

/// A hint that an order of the account changed. Which one, and how, the order list tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// True for the Korean market, false for one abroad.
    pub is_domestic: bool,
    /// The order's number at the exchange, without leading zeros.
    pub order_number: u64,
    /// What it says.
    pub kind: NoticeKind,
}

/// Something that came over the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEvent {
    /// A stock has a price.
    Price(PriceSeen),
    /// An order of the account changed.
    Notice(Notice),
    /// Connected. What happened before is not told again, so the order lists must be asked.
    Up,
    /// The connection ended, in words; another one is tried later.
    Down(String),
    /// Something that only a person can mend, in words.
    NeedsAPerson(String),
}

/// What Broker would like to hear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Markets that trade now. Of others nothing is asked; when there are none, no connection is kept.
    pub awake: BTreeSet<Market>,
    /// Stocks that the account holds: they come first.
    pub held: BTreeSet<Instrument>,
    /// Stocks that are looked at, most recently first.
    pub watched: Vec<Instrument>,
}

/// A stream of prices and notices that connects by itself while something is wanted.
pub trait MarketStream: Send + Sync + 'static {
    /// From now on this is wanted. Cheap; what stays the same is not asked for again.
    fn want(&self, wanted: Wanted);

    /// The next event; waits as long as it takes. Dropping the future loses nothing. Connecting, reading and
    /// answering happen only while somebody waits here.
    fn next(&self) -> BoxFuture<'_, StreamEvent>;
}
