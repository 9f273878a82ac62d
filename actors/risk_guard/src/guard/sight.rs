//! Watching that what is held can be seen, and telling a person when it cannot.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::messages::market_data::PriceSeen;
use domain::{Instrument, Market, ports};
use supervision::prelude::*;

use super::RiskGuard;
use crate::sight::{Blind, Change, Seen};

/// How often it is looked whether a holding is out of sight, and whether the books hold a halt of another process, and what
/// became of open orders; exchange time. Proposals and permits look by themselves.
const LOOK_EVERY: Duration = Duration::from_secs(30);

impl Handler<PriceSeen> for RiskGuard {
    type Result = ();

    fn handle(&mut self, PriceSeen { instrument, price, at }: PriceSeen, ctx: &mut Self::Context) {
        // A price of the future would keep a stock in sight that nobody sees.
        let at = at.min(self.now());
        self.sight.see(&instrument, price, at);
        let now = self.now();
        self.prices.see(&instrument, Seen { price, at }, now);
        self.look_at_exit(&instrument, ctx);
    }
}

impl RiskGuard {
    /// Looks now and then for as long as this life lasts.
    pub(super) fn watch_sight(&self, ctx: &mut Ctx<Self>) {
        let pause = ports::sleep(&self.deps.clock, LOOK_EVERY).into_actor(self);
        ctx.spawn(pause.map(|(), this, ctx| {
            this.tell_sight();
            this.watch_won_day();
            this.look_at_books(ctx);
            this.keep_what_is_nowhere(ctx);
            this.look_at_orders(ctx);
            this.forget();
            this.watch_sight(ctx);
        }));
    }

    /// What no rule looks at any more.
    fn forget(&mut self) {
        let now = self.now();
        self.prices.forget(now);
        self.left_behind.retain(|intent| self.book.iter().any(|order| &order.intent == intent));
        self.setbacks.forget(now);
    }

    fn tell_sight(&mut self) {
        let (held, now) = (self.held(), self.now());
        for change in self.sight.changes(&held, now) {
            match change {
                Change::Lost(Blind { instrument, age_s }) => self.alarm(
                    Some(instrument.market),
                    format!(
                        "{instrument} is held and has had no price for {age_s} s while {} trades: nothing is bought there \
                         until it has one; sales go on. See what is known with: kestrel status",
                        instrument.market
                    ),
                ),
                Change::Found(instrument) => self.alarm(
                    Some(instrument.market),
                    format!("{instrument} no longer waits for a price; {} is open to purchases again", instrument.market),
                ),
            }
        }
    }

    /// The longest unseen holding of a market, if there is one.
    pub(super) fn blind_in(&self, market: Market) -> Option<Blind> {
        let now = self.now();
        let held = self.held();
        let of_market = held.iter().filter(|instrument| instrument.market == market);
        of_market.filter_map(|instrument| self.sight.blind(instrument, now)).max_by_key(|blind| blind.age_s)
    }

    /// Every holding that is out of sight while its market trades.
    pub(super) fn out_of_sight(&self) -> Vec<Instrument> {
        let now = self.now();
        let held = self.held().into_iter();
        held.filter(|instrument| self.sight.blind(instrument, now).is_some()).collect()
    }

    /// Every stock that an account holds.
    fn held(&self) -> BTreeSet<Instrument> {
        let snapshots = self.desks.values().filter_map(|desk| desk.snapshot.as_ref());
        snapshots.flat_map(|snapshot| &snapshot.holdings).map(|holding| holding.instrument.clone()).collect()
    }
}
