//! After a close, what is old goes: one small transaction at a time, with a pause between, and after everything that waits.

use std::time::Duration;

use supervision::prelude::*;
use tracing::info;

use super::TradeLedger;

/// Between two slices, in real time: an order that comes waits for one small transaction at most.
const PAUSE: Duration = Duration::from_millis(250);
/// Most slices after one close; the rest goes after the next.
const SLICES_MAX: u32 = 400;

/// Where going through the old rows stands.
#[derive(Default)]
pub(super) struct Sweep {
    is_scheduled: bool,
    slices: u32,
    rows: u64,
}

impl TradeLedger {
    /// Begins to go through old rows, if that is not under way.
    pub(super) fn begin_sweep(&mut self, ctx: &mut Ctx<Self>) {
        if !self.sweep.is_scheduled {
            self.sweep = Sweep::default();
            self.schedule_slice(ctx);
        }
    }

    fn schedule_slice(&mut self, ctx: &mut Ctx<Self>) {
        self.sweep.is_scheduled = true;
        ctx.run_later(PAUSE, Self::drop_slice);
    }

    fn drop_slice(&mut self, ctx: &mut Ctx<Self>) {
        if self.unwritten.is_waiting() {
            return self.schedule_slice(ctx);
        }
        self.sweep.is_scheduled = false;
        let retention = self.deps.retention;
        // What went wrong is in the log; the next close tries again from where this one stood.
        let Ok(dropped) = self.commit(ctx, |store, at| store.drop_old(&retention, at)) else { return };
        self.sweep.slices += 1;
        self.sweep.rows += dropped.rows;
        if dropped.looked_at > 0 && self.sweep.slices < SLICES_MAX {
            self.schedule_slice(ctx);
        } else if self.sweep.rows > 0 {
            info!(rows = self.sweep.rows, "old rows of the books went");
        }
    }
}
