//! What the exchange tells by itself, as badly as a stream can tell it: late, doubled, out of order, of the wrong kind, of
//! orders that nobody knows, or not at all. Prices are those of a moment ago. The order lists stay the truth, so whatever is
//! told may change nothing but how soon they are asked for.

use std::sync::{Arc, Mutex, PoisonError};

use broker::{MarketStream, Notice, NoticeKind, StreamEvent, Wanted};
use chrono::TimeDelta;
use domain::messages::market_data::PriceSeen;
use domain::{BoxFuture, Clock as _};

use super::stage::Stage;

/// From one telling to the next.
const PAUSE_SECONDS: std::ops::RangeInclusive<u64> = 0..=90;
/// So late is what is told of a price.
const LATE_SECONDS: std::ops::RangeInclusive<u64> = 0..=30;
/// Of ten thousand tellings: the connection ends or is there again, nothing comes, an order is nobody's.
const CONNECTION: u32 = 1_000;
const LOST: u32 = 2_000;
const OF_NOBODY: u32 = 500;
const PRICES: u32 = 5_000;

/// The stream of one life.
pub(super) struct Rumours {
    stage: Arc<Stage>,
    wanted: Mutex<Wanted>,
}

impl Rumours {
    /// What `stage`'s exchange tells.
    pub(super) fn new(stage: Arc<Stage>) -> Self {
        Self { stage, wanted: Mutex::default() }
    }

    /// Something, true or not; none when it is lost.
    fn told(&self) -> Option<StreamEvent> {
        let dice = &self.stage.rumours;
        if self.wanted.lock().unwrap_or_else(PoisonError::into_inner).awake.is_empty() || dice.chance(LOST) {
            return None;
        }
        if dice.chance(CONNECTION) {
            let up = dice.chance(5_000);
            return Some(if up { StreamEvent::Up } else { StreamEvent::Down("the line broke".into()) });
        }
        if dice.chance(PRICES) { self.price() } else { self.notice() }
    }

    fn price(&self) -> Option<StreamEvent> {
        let dice = &self.stage.rumours;
        let position = dice.choose(&self.stage.venue.books().positions).cloned()?;
        let late = TimeDelta::seconds(i64::try_from(dice.within(LATE_SECONDS)).unwrap_or(0));
        let at = self.stage.clock.now() - late;
        Some(StreamEvent::Price(PriceSeen { instrument: position.instrument, price: position.price?, at }))
    }

    fn notice(&self) -> Option<StreamEvent> {
        let dice = &self.stage.rumours;
        let kind = *dice.choose(&[NoticeKind::Taken, NoticeKind::Rejected, NoticeKind::Traded])?;
        if dice.chance(OF_NOBODY) {
            return Some(StreamEvent::Notice(Notice { is_domestic: true, order_number: 999_999_999, kind }));
        }
        // Any order of its days: mostly long after, and many of them again.
        let order = dice.choose(&self.stage.venue.books().orders).cloned()?;
        let order_number = order.id.number.parse().ok()?;
        let is_domestic = order.instrument.market.is_domestic();
        Some(StreamEvent::Notice(Notice { is_domestic, order_number, kind }))
    }
}

impl MarketStream for Rumours {
    fn want(&self, wanted: Wanted) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = wanted;
    }

    fn next(&self) -> BoxFuture<'_, StreamEvent> {
        Box::pin(async move {
            loop {
                tokio::time::sleep(self.stage.rumours.seconds(PAUSE_SECONDS)).await;
                if let Some(event) = self.told() {
                    self.stage.witness.trace("told by the stream", &format!("{event:?}"));
                    return event;
                }
            }
        })
    }
}
