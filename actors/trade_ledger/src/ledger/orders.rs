//! What became of orders: outcomes, order lists, days.

use domain::OpenIntent;
use domain::messages::ledger::{LedgerError, OpenIntents};
use domain::messages::trading::OrderUpdate;
use supervision::prelude::*;

use super::{TradeLedger, answer};
use crate::permit::{
    AbandonSending, BookInquiry, CloseDay, DayBooked, DayKey, InquiryBooked, JournalledOrder,
    JournalledOrders, RecordOutcome, UnclosedDays,
};

impl Handler<RecordOutcome> for TradeLedger {
    type Result = Result<OrderUpdate, LedgerError>;

    fn handle(&mut self, record: RecordOutcome, ctx: &mut Self::Context) -> Self::Result {
        let RecordOutcome { intent, outcome } = record;
        self.commit(ctx, |store, at| store.record_outcome(&intent, &outcome, at)).map_err(answer)
    }
}

impl Handler<AbandonSending> for TradeLedger {
    type Result = Result<Vec<OrderUpdate>, LedgerError>;

    fn handle(&mut self, _: AbandonSending, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.abandon_sending(at)).map_err(answer)
    }
}

impl Handler<BookInquiry> for TradeLedger {
    type Result = Result<InquiryBooked, LedgerError>;

    fn handle(&mut self, inquiry: BookInquiry, ctx: &mut Self::Context) -> Self::Result {
        self.commit(ctx, |store, at| store.book_inquiry(&inquiry, at)).map_err(answer)
    }
}

impl Handler<CloseDay> for TradeLedger {
    type Result = Result<DayBooked, LedgerError>;

    fn handle(&mut self, close: CloseDay, ctx: &mut Self::Context) -> Self::Result {
        let closed = self.commit(ctx, |store, at| store.close_day(&close.inquiry, at)).map_err(answer);
        self.begin_sweep(ctx);
        closed
    }
}

impl Handler<UnclosedDays> for TradeLedger {
    type Result = Result<Vec<DayKey>, LedgerError>;

    fn handle(&mut self, _: UnclosedDays, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.unclosed_days())
    }
}

impl Handler<JournalledOrders> for TradeLedger {
    type Result = Result<Vec<JournalledOrder>, LedgerError>;

    /// Whoever gets these may cancel them, so a process that was overtaken gets none: they are the other's.
    fn handle(&mut self, _: JournalledOrders, ctx: &mut Self::Context) -> Self::Result {
        self.refuse_if_overtaken(ctx)?;
        let open = self.read(ctx, |store| store.open_intents())?;
        Ok(open.into_iter().map(JournalledOrder::new).collect())
    }
}

impl Handler<OpenIntents> for TradeLedger {
    type Result = Result<Vec<OpenIntent>, LedgerError>;

    fn handle(&mut self, _: OpenIntents, ctx: &mut Self::Context) -> Self::Result {
        self.read(ctx, |store| store.open_intents())
    }
}
