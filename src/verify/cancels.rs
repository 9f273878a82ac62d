//! Cancels: who asks for them, and what a halt that cancels owes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::control::{HaltLevel, HaltRecord};
use domain::{Clock as _, IntentId, OrderState};
use serde_json::Value;

use super::dice::Dice;
use super::facts::What;
use super::sometimes::Sometimes;
use super::stage::Stage;
use super::witness::Notes;
use crate::http::Request;
use crate::simulator::VenueOrder;

/// Of ten thousand halts of a person, so many cancel what is open.
const HALTS_THAT_CANCEL: u32 = 4_000;
/// An order that works for longer than this is cancelled without a halt.
pub(super) const ORDER_LIFE: TimeDelta = TimeDelta::seconds(120);
/// A halt that cancels has asked for the end of what works after so long, in one life.
const CANCELS_WITHIN: TimeDelta = TimeDelta::seconds(60);

/// What is known of cancels so far.
#[derive(Debug, Default)]
pub(super) struct Cancels {
    /// Halts that cancel everything, and since when.
    halts: BTreeMap<String, DateTime<Utc>>,
    /// Halts that cancel purchases.
    of_purchases: BTreeSet<String>,
    /// Writing a halt again that was lifted changes nothing.
    lifted: BTreeSet<String>,
    /// Intents whose end was asked for, in whatever life.
    asked: BTreeSet<String>,
    /// Whether every token has died and no other came.
    is_tokenless: bool,
    /// The machine's clock is so wrong that tokens and waits seem to be over, or not to end.
    is_clock_wrong: bool,
    /// When the last hindrance ended: a token came, the clock was set right, an actor had been made to panic.
    able_since: Option<DateTime<Utc>>,
    /// When each intent was sent.
    sent: BTreeMap<String, DateTime<Utc>>,
    /// Since when each intent has worked at the exchange, by the books.
    works_since: BTreeMap<String, DateTime<Utc>>,
}

impl Notes {
    /// Follows a fact; and what is rare about it.
    pub(super) fn take_cancels(&mut self, at: DateTime<Utc>, what: &What) -> Option<Sometimes> {
        self.cancels.take(at, what)
    }
}

impl Cancels {
    fn take(&mut self, at: DateTime<Utc>, what: &What) -> Option<Sometimes> {
        match what {
            What::HaltCancels { id, .. } if self.lifted.contains(id) => None,
            What::HaltCancels { id, sales_too: true } => {
                self.halts.entry(id.clone()).or_insert(at);
                Some(Sometimes::HaltCancels)
            }
            What::HaltCancels { id, sales_too: false } => {
                self.of_purchases.insert(id.clone());
                None
            }
            What::Release { id } => {
                self.halts.remove(id);
                self.of_purchases.remove(id);
                self.lifted.insert(id.clone());
                None
            }
            What::Update { intent, state: OrderState::Accepted | OrderState::Partial, .. } => {
                self.works_since.entry(intent.clone()).or_insert(at);
                None
            }
            What::Sending { intent, .. } => {
                self.sent.insert(intent.clone(), at);
                None
            }
            What::Cancel { intent } => {
                self.asked.insert(intent.clone());
                let is_young = self.sent.get(intent).is_some_and(|sent| at - *sent < ORDER_LIFE);
                let stands = !self.halts.is_empty() || !self.of_purchases.is_empty();
                (is_young && stands).then_some(Sometimes::CancelledByHalt)
            }
            What::Update { intent, .. } => {
                self.works_since.remove(intent);
                None
            }
            What::ClockSet { wrong_by_ms } => {
                self.is_clock_wrong = *wrong_by_ms != 0;
                self.able_since = Some(at);
                None
            }
            What::Struck { .. } => {
                self.able_since = Some(at);
                None
            }
            What::Boot { .. }
            | What::Crash { .. }
            | What::Stop
            | What::Quiet
            | What::Approval(_)
            | What::Post { .. }
            | What::Halt { .. }
            | What::Reduce { .. }
            | What::HaltUnheard { .. }
            | What::NotCancelled { .. }
            | What::Foreign { .. }
            | What::HaltFile
            | What::HaltFileGone
            | What::HaltAnswered(_)
            | What::Failed { .. }
            | What::WrittenByOvertaken { .. }
            | What::Close { .. } => None,
        }
    }

    /// Every token has died: for a minute or so the exchange gives no other one, and it takes nothing without (KIS.md 2.1).
    pub(super) fn tokens_die(&mut self) {
        self.is_tokenless = true;
    }

    /// The exchange gave a token.
    pub(super) fn token_comes(&mut self, at: DateTime<Utc>) {
        (self.is_tokenless, self.able_since) = (false, Some(at));
    }

    /// The halt that has wanted the end of an intent for long enough, in a life that began at `began_at`, without anybody
    /// having asked for it. Of a halt by another process (`is_foreign`) the agent need not know yet.
    fn kept(
        &self,
        intent: &str,
        (began_at, now): (DateTime<Utc>, DateTime<Utc>),
        is_foreign: impl Fn(&str) -> bool,
    ) -> Option<&str> {
        if self.is_tokenless || self.is_clock_wrong {
            return None;
        }
        let works_since = self.works_since.get(intent)?;
        let could_since = self.able_since.map_or(began_at, |at| at.max(began_at));
        let is_late =
            |since: &DateTime<Utc>| now - *since.max(works_since).max(&could_since) > CANCELS_WITHIN;
        let (halt, _) = self.halts.iter().find(|(halt, since)| is_late(since) && !is_foreign(halt))?;
        (!self.asked.contains(intent)).then_some(halt)
    }
}

impl Stage {
    /// What a halt wants cancelled, from now on; a flatten never wants purchases.
    pub(super) fn tell_cancels(&self, record: &HaltRecord) {
        if record.cancel_open || record.level == HaltLevel::Flatten {
            let (id, sales_too) = (record.id.clone(), record.level == HaltLevel::Halted);
            self.witness.note(What::HaltCancels { id, sales_too });
        }
    }

    /// Whether a person who halts has the open orders cancelled.
    pub(super) fn is_to_cancel(&self, dice: &Dice) -> bool {
        self.is_faulty() && dice.chance(HALTS_THAT_CANCEL)
    }

    /// A cancel leaves: of which order of ours, by the exchange's own books.
    pub(super) fn cancel_departs(&self, request: &Request) {
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let number = body["ORGN_ODNO"].as_str().and_then(|number| number.parse::<u64>().ok());
        let is_domestic = request.uri().path().contains("/domestic-stock/");
        // Foreign forms name the stock. Numbers begin anew each day, and in Korea as abroad.
        let symbol = body["PDNO"].as_str().filter(|_| !is_domestic);
        let (orders, now) = (self.venue.books().orders, self.clock.now());
        let is_it = |order: &&VenueOrder| {
            let market = order.instrument.market;
            number.is_some()
                && order.id.numeric() == number
                && market.is_domestic() == is_domestic
                && order.id.date == market.date_at(now)
                && symbol.is_none_or(|symbol| symbol == order.instrument.symbol.as_str())
        };
        let intent = orders.iter().rev().find(is_it).and_then(|order| order.tag.clone());
        match intent {
            Some(intent) => self.witness.note(What::Cancel { intent }),
            None => self.witness.trace("cancel of another", &format!("{number:?}")),
        }
    }

    /// Says so when a halt that cancels has left an order alone.
    pub(super) fn look_for_cancel(&self, intent: &IntentId, began_at: DateTime<Utc>) {
        let now = self.clock.now();
        let works =
            matches!(self.state_on_disk(intent.as_str()), Some(OrderState::Accepted | OrderState::Partial));
        if !works {
            return;
        }
        let kept = self
            .witness
            .notes()
            .cancels
            .kept(intent.as_str(), (began_at, now), |halt| self.strangers.has_halted(halt))
            .map(str::to_owned);
        if let Some(halt) = kept {
            self.witness.note(What::NotCancelled { halt, intent: intent.to_string() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        "2026-11-24T01:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::seconds(second)
    }

    /// What is known after these facts, each so many seconds after the first.
    fn known(facts: &[(i64, What)]) -> (Cancels, usize) {
        let mut cancels = Cancels::default();
        let by_halt = |cancels: &mut Cancels, (second, what): &(i64, What)| {
            cancels.take(at(*second), what) == Some(Sometimes::CancelledByHalt)
        };
        let count = facts.iter().filter(|fact| by_halt(&mut cancels, fact)).count();
        (cancels, count)
    }

    #[test]
    fn an_order_that_works_long_after_a_halt_that_cancels_is_kept_unless_somebody_asked_or_the_life_is_young()
    {
        let sent = (0, What::Sending { intent: "i".into(), epoch: 1 });
        let filled = domain::Quantity::ZERO;
        let works = (1, What::Update { intent: "i".into(), state: OrderState::Accepted, filled });
        let halt = |sales_too| (5, What::HaltCancels { id: "h".into(), sales_too });
        let lifted = |second| (second, What::Release { id: "h".into() });
        let asked = (9, What::Cancel { intent: "i".into() });
        let base = [sent, works];
        for (further, kept, by_halt) in [
            (vec![], None, 0),
            (vec![halt(true)], Some("h"), 0),
            (vec![halt(false)], None, 0),
            (vec![halt(true), asked.clone()], None, 1),
            (vec![asked.clone()], None, 0),
            (vec![halt(true), lifted(8)], None, 0),
            (vec![lifted(4), halt(true)], None, 0),
        ] {
            let facts: Vec<_> = base.iter().cloned().chain(further).collect();
            let (mut cancels, count) = known(&facts);
            assert_eq!((cancels.kept("i", (at(0), at(66)), |_| false), count), (kept, by_halt), "{facts:?}");
            assert_eq!(cancels.kept("i", (at(0), at(65)), |_| false), None, "it has a minute");
            assert_eq!(cancels.kept("i", (at(10), at(66)), |_| false), None, "this life has a minute");
            assert_eq!(cancels.kept("j", (at(0), at(66)), |_| false), None, "it does not work");
            cancels.tokens_die();
            assert_eq!(cancels.kept("i", (at(0), at(66)), |_| false), None, "nobody can ask without a token");
            cancels.token_comes(at(20));
            assert_eq!(
                cancels.kept("i", (at(0), at(80)), |_| false),
                None,
                "it has as long with the new one"
            );
            assert_eq!(cancels.kept("i", (at(0), at(81)), |_| false), kept, "{facts:?}");
        }
    }
}
