//! Bars wait until nothing else does: they are taken at once, bounded, and written one stock at a time with a pause between.

use std::collections::VecDeque;
use std::time::Duration;

use domain::Instrument;
use domain::messages::bars::{BarSeries, BarsOf, BarsSeen, StocksWithBars};
use domain::messages::ledger::LedgerError;
use supervision::prelude::*;
use tracing::{debug, info};

use super::TradeLedger;
use crate::bars::Alignment;

/// Stocks whose bars may wait. Further ones are not kept: they are told again with the next session.
const WAITING_MAX: usize = 512;
/// Between two stocks, in real time: an order that comes waits for one small transaction at most.
const PAUSE: Duration = Duration::from_millis(250);

/// Bars that wait to be written.
#[derive(Default)]
pub(super) struct Unwritten {
    waiting: VecDeque<BarsSeen>,
    is_scheduled: bool,
}

impl Unwritten {
    /// True while a stock waits.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// False when there is no room. A newer reading of a stock takes the place of the one that waits.
    fn push(&mut self, seen: BarsSeen) -> bool {
        if let Some(waits) = self.waiting.iter_mut().find(|one| one.instrument == seen.instrument) {
            *waits = seen;
            return true;
        }
        let has_room = self.waiting.len() < WAITING_MAX;
        if has_room {
            self.waiting.push_back(seen);
        }
        has_room
    }
}

impl TradeLedger {
    fn schedule_bars(&mut self, ctx: &mut Ctx<Self>) {
        if !self.unwritten.waiting.is_empty() && !std::mem::replace(&mut self.unwritten.is_scheduled, true) {
            ctx.run_later(PAUSE, Self::write_bars);
        }
    }

    fn write_bars(&mut self, ctx: &mut Ctx<Self>) {
        self.unwritten.is_scheduled = false;
        let Some(seen) = self.unwritten.waiting.pop_front() else { return };
        // The bars come again.
        match self.commit(ctx, |store, at| store.record_bars(&seen, at)) {
            Ok(done) => tell(&seen.instrument, done.alignment),
            Err(error) => info!(instrument = %seen.instrument, %error, "bars are not written"),
        }
        self.schedule_bars(ctx);
    }
}

fn tell(instrument: &Instrument, alignment: Alignment) {
    match alignment {
        Alignment::Nothing | Alignment::Same => {}
        Alignment::Scaled { before, factor } => {
            let trillionths = factor.trillionths();
            info!(%instrument, %before, trillionths, "the exchange tells older bars in other prices: a split");
        }
        Alignment::Unknown { before } => {
            info!(%instrument, %before, "older bars cannot be compared with what the exchange tells now");
        }
    }
}

impl Handler<BarsSeen> for TradeLedger {
    type Result = ();

    fn handle(&mut self, seen: BarsSeen, ctx: &mut Self::Context) {
        let instrument = seen.instrument.clone();
        if !self.unwritten.push(seen) {
            debug!(%instrument, "too many bars wait; these are written in another session");
        }
        self.schedule_bars(ctx);
    }
}

impl Handler<BarsOf> for TradeLedger {
    type Result = Result<BarSeries, LedgerError>;

    fn handle(&mut self, query: BarsOf, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.bars_of(&query))
    }
}

impl Handler<StocksWithBars> for TradeLedger {
    type Result = Result<Vec<Instrument>, LedgerError>;

    fn handle(&mut self, query: StocksWithBars, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.stocks_with_bars(query.market))
    }
}
