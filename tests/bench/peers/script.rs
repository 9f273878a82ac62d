//! The script of one seed: what is wished for and when, what becomes of the n-th order and of the n-th question, and
//! when the process dies. Every system meets the same one.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Instrument, Market, Price, Quantity, Side};
use kestrel::simulator::VenueFaults;

/// Korean stocks of the simulator.
pub(crate) const SYMBOLS: [&str; 12] = [
    "910010", "910020", "910030", "910040", "910050", "910060", "910070", "910080", "910090", "910100",
    "910110", "910120",
];
/// A trading day: 08:50 in Korea, ten minutes before the open.
const START: &str = "2026-05-31T23:50:00Z";
/// Wishes, from the start of the day: 09:05 to 14:50.
const FIRST_WISH: TimeDelta = TimeDelta::minutes(15);
const LAST_WISH: TimeDelta = TimeDelta::minutes(360);
const WISH_EVERY: TimeDelta = TimeDelta::seconds(40);
/// From 15:00 on nothing goes wrong any more.
const QUIET: TimeDelta = TimeDelta::minutes(370);
/// 16:30: the market closed an hour ago, and whoever wanted to settle has.
const END: TimeDelta = TimeDelta::minutes(460);
/// Deaths at a random time of the day, besides those that belong to an order.
const DEATHS: usize = 2;

/// The longest any client here waits for an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// From a death to the next start.
pub(crate) const RESTART: Duration = Duration::from_secs(10);

/// What becomes of an order on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderFate {
    /// It arrives, and so does the answer.
    Fine,
    /// It never arrives; nobody answers.
    RequestLost,
    /// It arrives; the answer does not.
    ReplyLost,
    /// Nobody answers; it arrives 5 to 60 s after the client has given up.
    Late,
    /// HTTP 502 and an HTML page, and it was not taken.
    ServerErrorBefore,
    /// HTTP 502 and an HTML page, although it was taken.
    ServerErrorAfter,
    /// Refused because of the rate (EGW00201).
    RateRefused,
    /// It was taken; the answer breaks off.
    Truncated,
    /// The process dies before it leaves.
    DeathBefore,
    /// The process dies after it was taken, before the answer.
    DeathAfter,
    /// The process dies while it is on its way; it arrives 5 to 60 s later.
    DeathThenLate,
}

/// In a thousand orders.
pub(crate) const ORDER_FATES: [(u32, OrderFate); 11] = [
    (30, OrderFate::RequestLost),
    (50, OrderFate::ReplyLost),
    (40, OrderFate::Late),
    (25, OrderFate::ServerErrorBefore),
    (25, OrderFate::ServerErrorAfter),
    (20, OrderFate::RateRefused),
    (20, OrderFate::Truncated),
    (10, OrderFate::DeathBefore),
    (15, OrderFate::DeathAfter),
    (10, OrderFate::DeathThenLate),
    (755, OrderFate::Fine),
];

/// Of a thousand orders so many are missing from every list for up to two minutes.
pub(crate) const VENUE_FAULTS: VenueFaults =
    VenueFaults { hidden_per_mille: 80, hidden_seconds_max: 120, rejected_per_mille: 0, frozen_per_mille: 0 };

/// What becomes of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadFate {
    /// It is answered.
    Fine,
    /// Nobody answers.
    Lost,
    /// HTTP 502 and an HTML page.
    ServerError,
    /// Refused because of the rate.
    RateRefused,
    /// The answer breaks off.
    Truncated,
}

/// In a thousand questions.
pub(crate) const READ_FATES: [(u32, ReadFate); 5] = [
    (20, ReadFate::Lost),
    (20, ReadFate::ServerError),
    (15, ReadFate::RateRefused),
    (15, ReadFate::Truncated),
    (930, ReadFate::Fine),
];

/// Where a wisher wants to be in a stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Buy it, unless it is held already.
    In,
    /// Sell what is held of it.
    Out,
}

/// A wish to trade; each has its own number.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) number: usize,
    pub(crate) at: DateTime<Utc>,
    pub(crate) instrument: Instrument,
    pub(crate) target: Target,
    /// The exchange's price at that moment.
    pub(crate) reference: Price,
}

impl Wish {
    /// A limit that trades at once, by the rule that Kestrel has.
    pub(crate) fn limit(&self, side: Side) -> Option<Price> {
        risk_guard::limits::marketable(
            self.instrument.market,
            domain::TickTable::OfMarket,
            side,
            self.reference,
        )
    }

    /// Shares for a hundredth of the starting cash.
    pub(crate) fn shares(&self, limit: Price) -> Quantity {
        let shares = rust_decimal::Decimal::from(STARTING_CASH / 100) / limit.value();
        Quantity::new(u64::try_from(shares.trunc().mantissa()).unwrap_or(0))
    }
}

/// What the account starts with, in won.
pub(crate) const STARTING_CASH: i64 = 1_000_000_000;

/// The moments of the day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Day {
    pub(crate) start: DateTime<Utc>,
    pub(crate) quiet: DateTime<Utc>,
    pub(crate) end: DateTime<Utc>,
}

impl Day {
    pub(crate) fn new() -> Self {
        let start: DateTime<Utc> = START.parse().expect("a time");
        Self { start, quiet: start + QUIET, end: start + END }
    }
}

/// A wish without its price: where and when.
pub(crate) fn moments(seed: u64, day: Day) -> Vec<(DateTime<Utc>, Instrument, Target)> {
    let mut dice = dice(seed, 1, 0);
    let mut all = Vec::new();
    let mut at = day.start + FIRST_WISH;
    while at < day.start + LAST_WISH {
        let symbol = SYMBOLS[dice.usize(..SYMBOLS.len())].parse().expect("a symbol");
        let target = if dice.bool() { Target::In } else { Target::Out };
        let jitter = TimeDelta::milliseconds(dice.i64(0..30_000));
        all.push((at + jitter, Instrument { market: Market::Kr, symbol }, target));
        at += WISH_EVERY;
    }
    all
}

/// When the process dies, whatever it is doing.
pub(crate) fn deaths(seed: u64, day: Day) -> Vec<DateTime<Utc>> {
    let mut dice = dice(seed, 2, 0);
    let span = (day.quiet - day.start).num_milliseconds();
    let mut all: Vec<_> =
        (0..DEATHS).map(|_| day.start + TimeDelta::milliseconds(dice.i64(600_000..span))).collect();
    all.sort();
    all
}

/// What becomes of the n-th order, and how long the way takes.
pub(crate) fn order_fate(seed: u64, n: u64) -> (OrderFate, Way) {
    let mut dice = dice(seed, 3, n);
    (pick(&ORDER_FATES, dice.u32(0..1000)), Way::roll(&mut dice))
}

/// What becomes of the n-th question.
pub(crate) fn read_fate(seed: u64, n: u64) -> (ReadFate, Way) {
    let mut dice = dice(seed, 4, n);
    (pick(&READ_FATES, dice.u32(0..1000)), Way::roll(&mut dice))
}

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    /// There, and the same back.
    pub(crate) latency: Duration,
    /// After the client has given up, for what arrives late.
    pub(crate) lateness: Duration,
}

impl Way {
    /// The way of a request that nothing happens to.
    pub(crate) const CALM: Self =
        Self { latency: Duration::from_millis(30), lateness: Duration::from_secs(0) };

    fn roll(dice: &mut fastrand::Rng) -> Self {
        Self {
            latency: Duration::from_millis(dice.u64(10..150)),
            lateness: Duration::from_millis(dice.u64(5_000..60_000)),
        }
    }
}

fn pick<Fate: Copy>(fates: &[(u32, Fate)], roll: u32) -> Fate {
    let mut left = roll;
    for (weight, fate) in fates {
        if left < *weight {
            return *fate;
        }
        left -= weight;
    }
    fates[fates.len() - 1].1
}

/// One stream per purpose and number, so that what one system asks more often shifts nothing for another.
fn dice(seed: u64, purpose: u64, n: u64) -> fastrand::Rng {
    let mixed = [seed, purpose, n].into_iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, word| {
        (hash ^ word).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(29).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    });
    fastrand::Rng::with_seed(mixed)
}
