//! The actor: it receives, makes one transaction through the [`Store`] port, answers, and tells that there is news.
//!
//! It answers everyone and asks nobody. When the connection cannot be trusted any more it still answers, then fails
//! itself, so that its factory opens the store afresh; the process's fencing epoch stays what it was.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::messages::control::{HaltSource, RequestHalt};
use domain::messages::ledger::{Committed, EventsCommitted, LedgerError};
use domain::{Clock, EventId, FencingEpoch};
use supervision::prelude::*;
use tracing::{error, warn};

use self::bars::Unwritten;
use self::retention::Sweep;
use crate::retention::Retention;
use crate::store::{Store, StoreError};

mod authority;
mod bars;
mod evolution;
mod orders;
mod reports;
mod retention;
mod stocks;

/// What the owner of the data directory must do; word for word the same each time, so that it stands once.
const OVERTAKEN: &str = "another process owns the books of this one: nothing may be sent from here";

/// What the ledger needs besides its store.
#[derive(Clone)]
pub struct LedgerDeps {
    /// Exchange time.
    pub clock: Arc<dyn Clock>,
    /// This process's epoch, from the one [`Store::boot`] before the actors started.
    pub fencing: FencingEpoch,
    /// Who wants to know that there are new events.
    pub subscribers: Vec<Link<EventsCommitted>>,
    /// RiskGuard: books that cannot be written stop trading.
    pub halt: Link<RequestHalt>,
    /// How long what is kept.
    pub retention: Retention,
}

/// The only writer of the database. Place it on a thread of its own: its transactions block until they are fsynced.
pub struct TradeLedger {
    store: Box<dyn Store>,
    deps: LedgerDeps,
    /// The newest event the subscribers were told of in this life.
    announced: EventId,
    /// Why a halt was asked for, while nothing was written since: RiskGuard's own attempt to write it must not ask again.
    unwritable: Option<&'static str>,
    /// Bars that wait to be written.
    unwritten: Unwritten,
    /// Old rows that go.
    sweep: Sweep,
    /// Another process has started on these books, and RiskGuard was told.
    is_overtaken: bool,
}

impl TradeLedger {
    /// A ledger over a store that is open; called by its factory at the start of each life. From here on the store writes
    /// for this process only, for as long as no younger one has started.
    pub fn new(mut store: Box<dyn Store>, deps: LedgerDeps) -> Self {
        store.fence(deps.fencing);
        Self {
            store,
            deps,
            announced: EventId(0),
            unwritable: None,
            unwritten: Unwritten::default(),
            sweep: Sweep::default(),
            is_overtaken: false,
        }
    }

    fn now(&self) -> DateTime<Utc> {
        self.deps.clock.now()
    }

    /// One transaction that may write: afterwards subscribers learn of new events.
    fn commit<T>(
        &mut self,
        ctx: &mut Ctx<Self>,
        transaction: impl FnOnce(&mut dyn Store, DateTime<Utc>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let at = self.now();
        let answer = transaction(self.store.as_mut(), at);
        match &answer {
            Ok(_) => {
                self.unwritable = None;
                self.announce();
            }
            Err(error) => self.face(error, ctx),
        }
        answer
    }

    fn committed(
        &mut self,
        ctx: &mut Ctx<Self>,
        transaction: impl FnOnce(&mut dyn Store, DateTime<Utc>) -> Result<EventId, StoreError>,
    ) -> Result<Committed, LedgerError> {
        self.commit(ctx, transaction).map(|last_event| Committed { last_event }).map_err(answer)
    }

    fn face(&mut self, error: &StoreError, ctx: &mut Ctx<Self>) {
        inspect(error, ctx);
        self.halt_if_unwritable(error);
        if matches!(error, StoreError::Fenced { .. }) {
            self.tell_overtaken(error);
        }
    }

    /// For good: no resume makes these books ours again (order-protocol 4, invariant 12).
    fn tell_overtaken(&mut self, why: &StoreError) {
        if !std::mem::replace(&mut self.is_overtaken, true) {
            error!(%why, "the books are not written from here any more");
            self.ask_to_halt(HaltSource::Fencing, OVERTAKEN);
        }
    }

    /// What cannot be written cannot be sent, and what was sent cannot be booked: trading stops (order-protocol 3, rows
    /// 21 and 22). A database that another program holds for a moment fails the one step only.
    fn halt_if_unwritable(&mut self, error: &StoreError) {
        let reason = match error {
            StoreError::DiskFull(_) => "the books cannot be written: the disk is full",
            StoreError::Failed(_) => "the books cannot be written: the file or the file system failed",
            StoreError::Refused(_)
            | StoreError::Locked(_)
            | StoreError::Malformed { .. }
            | StoreError::NotRepresentable(_)
            | StoreError::Fenced { .. } => return,
        };
        if self.unwritable.replace(reason).is_none() {
            self.ask_to_halt(HaltSource::Storage, reason);
        }
    }

    fn ask_to_halt(&self, source: HaltSource, reason: &str) {
        let request =
            RequestHalt { source, by: "trade_ledger".into(), reason: reason.into(), cancel_open: false };
        if let Err(error) = self.deps.halt.tell(request) {
            error!(%error, "RiskGuard could not be asked to halt");
        }
    }

    fn read<T>(
        &mut self,
        ctx: &mut Ctx<Self>,
        query: impl FnOnce(&mut dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, LedgerError> {
        let answered = query(self.store.as_mut());
        if let Err(error) = &answered {
            self.face(error, ctx);
        }
        answered.map_err(answer)
    }

    fn announce(&mut self) {
        let last_id = match self.store.last_event() {
            Ok(last_id) => last_id,
            // The commit stands; the next one, or the next life, tells.
            Err(error) => return warn!(%error, "the newest event is unknown, subscribers are told later"),
        };
        if last_id <= self.announced {
            return;
        }
        self.announced = last_id;
        for subscriber in &self.deps.subscribers {
            if let Err(error) = subscriber.tell(EventsCommitted { last_id }) {
                // Subscribers pull by their own cursor, so a lost nudge delays and loses nothing.
                warn!(%error, ?subscriber, "a subscriber was not told of new events");
            }
        }
    }
}

/// A sound refusal is not worth a log line; a failed disk is, and it ends this life.
fn inspect(error: &StoreError, ctx: &mut Ctx<TradeLedger>) {
    match error {
        // Who was overtaken hears it with every write; it is told once.
        StoreError::Refused(_) | StoreError::Fenced { .. } => {}
        StoreError::Failed(_) => {
            error!(%error, "the books cannot be trusted until they are reopened");
            ctx.fail(error);
        }
        StoreError::Locked(_)
        | StoreError::DiskFull(_)
        | StoreError::Malformed { .. }
        | StoreError::NotRepresentable(_) => error!(%error, "the ledger could not do it"),
    }
}

fn answer(error: StoreError) -> LedgerError {
    match error {
        StoreError::Refused(why) => LedgerError::Refused(why),
        StoreError::Fenced { .. } => LedgerError::Fenced,
        StoreError::Locked(_)
        | StoreError::DiskFull(_)
        | StoreError::Failed(_)
        | StoreError::Malformed { .. }
        | StoreError::NotRepresentable(_) => LedgerError::Storage(error.to_string()),
    }
}

impl Actor for TradeLedger {
    type Context = Ctx<Self>;

    /// An earlier life may have committed without telling.
    fn started(&mut self, _ctx: &mut Self::Context) {
        self.announce();
    }
}

#[cfg(test)]
mod tests;
