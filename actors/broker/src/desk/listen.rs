//! What the exchange tells by itself. Prices are passed on; a notice only makes the next look at the order lists come sooner.
//!
//! Invariant: nothing here reaches the ledger's books. The order list decides what was filled, whatever a notice says.

use chrono::TimeDelta;
use domain::messages::control::{HaltSource, RequestHalt};
use domain::messages::ledger::{EventKind, RecordEvent};
use domain::messages::market_data::{OrderQuoteQuery, PriceSeen, QueryError, Quote, QuoteQuery};
use domain::{AccountSnapshot, Instrument, ports};
use supervision::prelude::*;

use super::answer::within;
use super::reconcile::warn;
use super::{Broker, BrokerDeps, Shared, hold};
use crate::Urgency;
use crate::stream::{Notice, StreamEvent};
use crate::working::urgency;

impl Broker {
    /// Listens for as long as this life lasts.
    pub(super) fn listen(&mut self, ctx: &mut Ctx<Self>) {
        self.say_who_trades();
        self.hear_next(ctx);
    }

    fn hear_next(&self, ctx: &mut Ctx<Self>) {
        let Some(stream) = self.deps.stream.clone() else { return };
        let next = async move { stream.next().await };
        ctx.spawn(next.into_actor(self).map(|event, this, ctx| {
            this.hear(event, ctx);
            this.hear_next(ctx);
        }));
    }

    fn hear(&mut self, event: StreamEvent, ctx: &mut Ctx<Self>) {
        match event {
            StreamEvent::Price(seen) => pass_on(&self.deps, &self.shared, seen),
            StreamEvent::Notice(notice) => {
                let Notice { is_domestic, order_number, kind } = notice;
                tracing::info!(
                    is_domestic,
                    order_number,
                    ?kind,
                    "the exchange tells of an order; its list is asked"
                );
                self.look_soon(ctx);
            }
            StreamEvent::Up => {
                tracing::info!("the stream is connected");
                // What it did not tell while it was away, the lists do.
                self.look_soon(ctx);
            }
            StreamEvent::Down(why) => {
                tracing::warn!(why, "the stream is not connected; prices and orders are asked for");
            }
            StreamEvent::NeedsAPerson(why) => self.tell_of_trouble(why),
        }
    }

    /// The same trouble is told once in a life. It also halts: the connection is the exchange's own lease on the account,
    /// and who cannot have it may not be alone there (order-protocol 5.7, layer 3). A person lifts that.
    fn tell_of_trouble(&mut self, why: String) {
        tracing::warn!(why, "the stream needs a person");
        if self.stream_trouble.as_ref() != Some(&why) {
            let text = format!("{why}; prices and orders are asked for instead of streamed until that ends");
            let event = RecordEvent { kind: EventKind::Alarm, market: None, text };
            warn(self.deps.ledger.events.tell(event), "an alarm");
            let request = RequestHalt {
                source: HaltSource::Exchange,
                by: "broker".into(),
                reason: why.clone(),
                cancel_open: false,
            };
            warn(self.deps.risk.halt.tell(request), "that a halt is needed");
            self.stream_trouble = Some(why);
        }
    }

    /// Looks at the working orders at once, but once a second at most however many notices come.
    fn look_soon(&mut self, ctx: &mut Ctx<Self>) {
        let Some(wait) = hold(&self.shared.sight).look_after(self.deps.clock.now()) else { return };
        self.ladder.reset();
        let (deps, shared) = (self.deps.clone(), self.shared.clone());
        let look = async move {
            if wait > TimeDelta::zero() {
                ports::sleep(&deps.clock, wait.to_std().unwrap_or_default()).await;
            }
            shared.wake.notify_one();
        };
        ctx.spawn(look.into_actor(self));
    }

    /// Tells the stream which markets trade now.
    pub(super) fn say_who_trades(&self) {
        hold(&self.shared.sight).wake(self.awake_markets());
        want(&self.deps, &self.shared);
    }
}

/// Tells the stream what is wanted now.
fn want(deps: &BrokerDeps, shared: &Shared) {
    if let Some(stream) = &deps.stream {
        stream.want(hold(&shared.sight).wanted(deps.clock.now()));
    }
}

/// The account of a currency is known: what it holds comes first on the stream.
pub(super) fn see_account(deps: &BrokerDeps, shared: &Shared, snapshot: &AccountSnapshot) {
    hold(&shared.sight).hold(snapshot);
    want(deps, shared);
}

/// RiskGuard hears of what is held or may be bought, once a second at most.
fn pass_on(deps: &BrokerDeps, shared: &Shared, seen: PriceSeen) {
    if hold(&shared.sight).is_news(&seen) {
        warn(deps.risk.price_seen.tell(seen), "a price");
    }
}

fn see_interest(deps: &BrokerDeps, shared: &Shared, instrument: &Instrument) {
    hold(&shared.sight).ask(instrument, deps.clock.now());
    want(deps, shared);
}

impl Handler<QuoteQuery> for Broker {
    type Result = ResponseFuture<Result<Quote, QueryError>>;

    /// A stock that somebody asks about is heard of for a while, and what was asked is passed on like what was streamed.
    fn handle(&mut self, query: QuoteQuery, _ctx: &mut Self::Context) -> Self::Result {
        let (deps, shared) = (self.deps.clone(), self.shared.clone());
        see_interest(&deps, &shared, &query.instrument);
        Box::pin(async move {
            let quote = within(deps.exchange.quote(query, Urgency::Scan)).await?;
            pass_on_quote(&deps, &shared, &quote);
            Ok(quote)
        })
    }
}

impl Handler<OrderQuoteQuery> for Broker {
    type Result = ResponseFuture<Result<Quote, QueryError>>;

    /// As any other quote, but in the order's own turn.
    fn handle(&mut self, query: OrderQuoteQuery, _ctx: &mut Self::Context) -> Self::Result {
        let (deps, shared) = (self.deps.clone(), self.shared.clone());
        see_interest(&deps, &shared, &query.instrument);
        Box::pin(async move {
            let urgency = urgency(query.side);
            let quote = within(deps.exchange.order_quote(query, urgency)).await?;
            pass_on_quote(&deps, &shared, &quote);
            Ok(quote)
        })
    }
}

fn pass_on_quote(deps: &BrokerDeps, shared: &Shared, Quote { instrument, last, at, .. }: &Quote) {
    pass_on(deps, shared, PriceSeen { instrument: instrument.clone(), price: *last, at: *at });
}
