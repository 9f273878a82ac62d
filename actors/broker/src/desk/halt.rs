//! What Broker does when trading stops: it confirms, says what is on the wire, and cancels what works if that is wanted.
//!
//! The gate is closed already when a halt arrives here; orders that wait for their turn find it so. Cancels stay allowed
//! while halted, because they cannot create exposure.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::TimeDelta;
use domain::messages::control::{HaltCancels, HaltEffect};
use domain::messages::ledger::OpenIntents;
use domain::{IntentId, OpenIntent};
use risk_guard::{HaltAck, HaltSystem, ResumeSystem};
use supervision::prelude::*;
use trade_ledger::{JournalledOrder, JournalledOrders};

use super::reconcile::{Step, ask, cancel_each};
use super::{Broker, hold};
use crate::working::{Unwanted, stale};

/// The halt's answer waits for the number of working orders no longer than this, real time; cancelling goes on anyway.
const COUNT_WITHIN: Duration = Duration::from_secs(1);

impl Handler<HaltSystem> for Broker {
    type Result = ResponseActFuture<Self, HaltAck>;

    fn handle(&mut self, halt: HaltSystem, _ctx: &mut Self::Context) -> Self::Result {
        let is_news = self.obedience.is_news(&halt);
        let ack = self.obedience.obey(&halt);
        if is_news {
            self.want(halt.effects());
        }
        let on_the_wire = self.on_the_wire();
        let unwanted = *hold(&self.shared.unwanted);
        let journalled = self.deps.ledger.journalled.clone();
        let answer = async move {
            let (in_flight, knows_the_wire) = on_the_wire.await;
            let orders = match unwanted {
                Unwanted::Nothing => None,
                Unwanted::Everything | Unwanted::Purchases => {
                    Some(within(ask(&journalled, JournalledOrders)).await)
                }
            };
            (HaltAck { in_flight, knows_the_wire, ..ack }, orders)
        };
        Box::pin(answer.into_actor(self).map(move |(ack, orders), this, ctx| match orders {
            None => ack,
            Some(Some(orders)) => HaltAck { cancels: this.cancel(orders, ctx), ..ack },
            // The next look at the working orders cancels them.
            Some(None) => {
                this.shared.wake.notify_one();
                HaltAck { cancels: HaltCancels::Pending, ..ack }
            }
        }))
    }
}

/// The answer, if it comes in time.
async fn within<T>(answer: impl Future<Output = Step<T>>) -> Option<T> {
    tokio::time::timeout(COUNT_WITHIN, answer).await.ok()?.ok()
}

impl Broker {
    /// The intents that were posted and have no answer, and whether these are all. What an earlier life sent is in the books
    /// alone until this one has reconciled.
    fn on_the_wire(&self) -> impl Future<Output = (Vec<IntentId>, bool)> + use<> {
        let own: BTreeSet<IntentId> = hold(&self.shared.in_flight).iter().cloned().collect();
        let books = self.reconciled.is_none().then(|| self.deps.ledger.open_intents.clone());
        async move {
            let Some(books) = books else { return (own.into_iter().collect(), true) };
            let open = within(ask(&books, OpenIntents)).await;
            let knows = open.is_some();
            let earlier = open.unwrap_or_default().into_iter().filter(|one| one.state.is_unresolved());
            let all: BTreeSet<_> = own.into_iter().chain(earlier.map(|one| one.id)).collect();
            (all.into_iter().collect(), knows)
        }
    }

    fn want(&self, standing: &BTreeSet<HaltEffect>) {
        *hold(&self.shared.unwanted) = Unwanted::under(standing, self.settings.halt_cancels);
    }

    /// Cancels at once, beside the actor, what the halt does not want; the watch repeats what the list still shows. A halt is
    /// told more than once, at a start above all: what was asked for lately is on its way, and is not asked for again.
    fn cancel(&mut self, orders: Vec<JournalledOrder>, ctx: &mut Ctx<Self>) -> HaltCancels {
        // What holds now: the books were asked meanwhile, and a halt may have been lifted.
        let unwanted = *hold(&self.shared.unwanted);
        if unwanted == Unwanted::Nothing {
            return HaltCancels::NotWanted;
        }
        let orders: Vec<_> = orders.into_iter().filter(|order| unwanted.includes(order.intent())).collect();
        let count = u32::try_from(orders.len()).unwrap_or(u32::MAX);
        let orders = self.not_asked_lately(orders);
        let (deps, shared) = (self.deps.clone(), self.shared.clone());
        let cancelling = async move {
            cancel_each(&deps, &shared, orders, "trading stops").await;
            shared.wake.notify_one();
        };
        ctx.spawn(cancelling.into_actor(self));
        HaltCancels::Requested(count)
    }

    /// The orders whose cancel is due; from now on it counts as asked for.
    fn not_asked_lately(&self, orders: Vec<JournalledOrder>) -> Vec<JournalledOrder> {
        let (now, mut cancels) = (self.deps.clock.now(), hold(&self.shared.cancels));
        let open: Vec<OpenIntent> = orders.iter().map(|order| order.intent().clone()).collect();
        let due: BTreeSet<_> =
            stale(&open, now, TimeDelta::zero(), &cancels).into_iter().map(|intent| &intent.id).collect();
        cancels.extend(due.iter().map(|id| ((*id).clone(), now)));
        orders.into_iter().filter(|order| due.contains(&order.intent().id)).collect()
    }
}

impl Handler<ResumeSystem> for Broker {
    type Result = ();

    fn handle(&mut self, resume: ResumeSystem, _ctx: &mut Self::Context) {
        if self.obedience.go_on(&resume) {
            self.want(resume.effects());
            *hold(&self.shared.skew_told) = false;
        }
        self.shared.wake.notify_one();
    }
}
