//! The order transport at which the process may die: before the request leaves, or after its answer has come.

use std::sync::Arc;

use domain::BoxFuture;

use super::crash::{Crash, Moment};
use crate::http::{Cleared, Reply, Transport};

/// Carries orders and cancels.
pub(super) struct MortalTransport {
    inner: Arc<dyn Transport>,
    crash: Arc<Crash>,
}

impl MortalTransport {
    pub(super) fn new(inner: Arc<dyn Transport>, crash: Arc<Crash>) -> Self {
        Self { inner, crash }
    }
}

impl Transport for MortalTransport {
    fn carry(&self, cleared: Cleared) -> BoxFuture<'_, Reply> {
        Box::pin(async move {
            let step = if cleared.is_cancel() { "cancel" } else { "post" };
            self.crash.reach(Moment::Before, step);
            let reply = self.inner.carry(cleared).await;
            self.crash.reach(Moment::After, step);
            reply
        })
    }
}
