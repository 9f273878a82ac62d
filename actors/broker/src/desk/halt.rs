//! What Broker does when trading stops: it confirms, says what is on the wire, and cancels what works if that is wanted.
//!
//! The gate is closed already when a halt arrives here; orders that wait for their turn find it so. Cancels stay allowed
//! while halted, because they cannot create exposure.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::messages::control::{HaltCancels, HaltLevel};
use risk_guard::{HaltAck, HaltSystem, ResumeSystem};
use supervision::prelude::*;
use trade_ledger::{JournalledOrder, JournalledOrders};

use super::reconcile::{ask, cancel_each};
use super::{Broker, hold};
use crate::working::Unwanted;

/// The halt's answer waits for the number of working orders no longer than this, real time; cancelling goes on anyway.
const COUNT_WITHIN: Duration = Duration::from_secs(1);

impl Handler<HaltSystem> for Broker {
    type Result = ResponseActFuture<Self, HaltAck>;

    fn handle(&mut self, halt: HaltSystem, _ctx: &mut Self::Context) -> Self::Result {
        let is_news = self.obedience.is_news(&halt);
        let ack = self.obedience.obey(&halt);
        let in_flight = hold(&self.shared.in_flight).iter().cloned().collect();
        let ack = HaltAck { in_flight, ..ack };
        if is_news {
            self.want(halt.levels());
        }
        let unwanted = *hold(&self.shared.unwanted);
        if unwanted == Unwanted::Nothing {
            return Box::pin(fut::ready(ack));
        }
        let journalled = self.deps.ledger.journalled.clone();
        let orders =
            async move { tokio::time::timeout(COUNT_WITHIN, ask(&journalled, JournalledOrders)).await };
        Box::pin(orders.into_actor(self).map(move |orders, this, ctx| match orders {
            Ok(Ok(orders)) => HaltAck { cancels: this.cancel(orders, unwanted, ctx), ..ack },
            // The next look at the working orders cancels them.
            Ok(Err(_)) | Err(_) => {
                this.shared.wake.notify_one();
                HaltAck { cancels: HaltCancels::Pending, ..ack }
            }
        }))
    }
}

impl Broker {
    fn want(&self, standing: &BTreeSet<HaltLevel>) {
        *hold(&self.shared.unwanted) = Unwanted::under(standing, self.settings.halt_cancels);
    }

    /// Cancels at once, beside the actor, what the halt does not want; the watch repeats what the list still shows.
    fn cancel(
        &mut self,
        orders: Vec<JournalledOrder>,
        unwanted: Unwanted,
        ctx: &mut Ctx<Self>,
    ) -> HaltCancels {
        let orders: Vec<_> = orders.into_iter().filter(|order| unwanted.includes(order.intent())).collect();
        let count = u32::try_from(orders.len()).unwrap_or(u32::MAX);
        let (deps, shared) = (self.deps.clone(), self.shared.clone());
        let cancelling = async move {
            cancel_each(&deps, &shared, orders, "trading stops").await;
            shared.wake.notify_one();
        };
        ctx.spawn(cancelling.into_actor(self));
        HaltCancels::Requested(count)
    }
}

impl Handler<ResumeSystem> for Broker {
    type Result = ();

    fn handle(&mut self, resume: ResumeSystem, _ctx: &mut Self::Context) {
        if self.obedience.go_on(&resume) {
            self.want(resume.levels());
            *hold(&self.shared.skew_told) = false;
        }
        self.shared.wake.notify_one();
    }
}
