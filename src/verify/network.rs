//! The network between agent and exchange: what becomes of each request is drawn from a seeded stream.
//!
//! The exchange is called as a function, so that virtual time can pass. A request that is late lives here, not in the
//! agent: it arrives at its time, even if its sender has died meanwhile.

mod damage;
mod fate;

use std::collections::BTreeMap;
use std::collections::btree_map::OccupiedEntry;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{BoxFuture, Clock};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::clocks::VenueClock;
use super::dice::Dice;
use super::facts::What;
use super::sometimes::Sometimes;
use super::stage::{Life, Stage};
use super::strikes::strike_perhaps;
use super::witness::Witness;
use crate::http::{CallLimits, Cleared, NetError, Reply, Request, Response, Transport};
use fate::{Errand, Fate};

/// The header that tells the simulated exchange, and us, which intent an order is for.
const TRUTH: &str = "x-kestrel-truth";
/// Where tokens are given (KIS.md 2.1).
const TOKEN_PATH: &str = "/oauth2/tokenP";
/// The longest time that a request may be under way after its sender gave up.
const LATE_SECONDS_MAX: u64 = 60;

/// The network of one run.
pub(super) struct Network {
    dice: Dice,
    router: Router,
    venue_clock: VenueClock,
    late: Mutex<Late>,
    /// The last number that the exchange gave to an order.
    number: Mutex<Option<String>>,
}

/// Requests under way, by the time they arrive.
#[derive(Default)]
struct Late {
    sent: u64,
    waiting: BTreeMap<(DateTime<Utc>, u64), (Request, u64)>,
    /// When each life was killed.
    dead: BTreeMap<u64, DateTime<Utc>>,
}

impl Network {
    /// A network in front of `router`, whose exchange goes by `venue_clock`.
    pub(super) fn new(dice: Dice, router: Router, venue_clock: VenueClock) -> Self {
        Self { dice, router, venue_clock, late: Mutex::default(), number: Mutex::default() }
    }

    /// Lets arrive what is due by now, each at its own time.
    pub(super) fn deliver_late(&self, witness: &Witness) {
        loop {
            let now = self.venue_clock.now();
            let due = self
                .late()
                .waiting
                .first_entry()
                .filter(|entry| entry.key().0 <= now)
                .map(OccupiedEntry::remove_entry);
            let Some(((at, _), (request, life))) = due else { return };
            let is_orphan = self.late().dead.get(&life).is_some_and(|death| *death < at);
            self.venue_clock.show(Some(at));
            let truth = truth(&request);
            let answer = self.serve(request);
            self.venue_clock.show(None);
            let accepted = answer.is_some_and(|answer| damage::order_number(&answer).is_some());
            witness.trace("late arrival", &format!("{at} {truth:?} of life {life}: {accepted}"));
            if accepted {
                witness.saw(Sometimes::LateAccepted);
            }
            if accepted && is_orphan {
                witness.saw(Sometimes::LateAfterDeath);
            }
        }
    }

    /// The process of this life was killed; what it has sent is still under way.
    pub(super) fn sender_died(&self, life: u64, at: DateTime<Utc>) {
        self.late().dead.insert(life, at);
    }

    fn post_late(&self, request: Request, at: DateTime<Utc>, life: u64) {
        let mut late = self.late();
        late.sent += 1;
        let key = (at, late.sent);
        late.waiting.insert(key, (request, life));
    }

    /// The exchange's answer. Its code waits for nothing, so it is done when it is called; none would mean that it does
    /// wait, and is no answer.
    fn serve(&self, request: Request) -> Option<Response> {
        let router = self.router.clone();
        let answer = pin!(async move {
            let response = match router.oneshot(request.map(Body::from)).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            let (head, body) = response.into_parts();
            body.collect().await.ok().map(|body| Response::from_parts(head, body.to_bytes()))
        });
        match answer.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => answer,
            Poll::Pending => None,
        }
    }

    fn late(&self) -> MutexGuard<'_, Late> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn has_token(answer: &Response) -> bool {
    let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    answer.status().is_success() && body["access_token"].is_string()
}

/// The intent that a request says it is for.
fn truth(request: &Request) -> Option<String> {
    request.headers().get(TRUTH).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// The network as one life sees it.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) stage: Arc<Stage>,
    pub(super) life: Arc<Life>,
}

impl Transport for Line {
    fn carry(&self, cleared: Cleared) -> BoxFuture<'_, Reply> {
        let (request, limits) = cleared.into_parts();
        Box::pin(self.exchange(request, limits))
    }
}

impl Line {
    async fn exchange(&self, request: Request, limits: CallLimits) -> Reply {
        let errand = Errand::of(&request);
        self.survive(errand, "before post").await;
        self.depart(errand, &request);
        let fate = self.draw(errand);
        if let Some(intent) = truth(&request) {
            self.stage.twin_perhaps(&intent, fate.is_doubtful());
        }
        let path = request.uri().path().to_owned();
        self.stage.witness.trace("request", &format!("{errand:?} {path} {fate:?}"));
        if let Some(rare) = fate.rare().filter(|_| errand == Errand::Order && !fate.is_about_an_answer()) {
            self.stage.witness.saw(rare);
        }
        let reply = self.meet(fate, request, limits).await;
        self.survive(errand, "after post").await;
        if path == TOKEN_PATH && reply.as_ref().is_ok_and(has_token) {
            self.stage.witness.notes().cancels.token_comes(self.now());
        }
        reply
    }

    fn depart(&self, errand: Errand, request: &Request) {
        self.stage.witness.departed();
        match errand {
            Errand::Order => {
                let intent = truth(request);
                let on_disk = intent.as_deref().and_then(|intent| self.stage.state_on_disk(intent));
                self.stage.witness.note(What::Post { intent, on_disk });
                self.stage.cue_perhaps();
            }
            Errand::Cancel => self.stage.cancel_departs(request),
            Errand::Read => {}
        }
    }

    fn draw(&self, errand: Errand) -> Fate {
        if self.stage.is_faulty() { fate::draw(&self.stage.network.dice, errand) } else { Fate::Delivered }
    }

    /// Returns only if the process still lives; an order may be the last thing that it did.
    async fn survive(&self, errand: Errand, step: &'static str) {
        let is_key = match errand {
            Errand::Order => true,
            Errand::Cancel | Errand::Read => false,
        };
        if !self.life.is_dead() && self.stage.kills(step, is_key) {
            self.stage.kill(&self.life, if is_key { step } else { "request" });
        }
        if self.life.is_dead() {
            std::future::pending::<()>().await;
        }
        if is_key {
            strike_perhaps(&self.stage, &self.life, "post");
        }
    }

    async fn meet(&self, fate: Fate, request: Request, limits: CallLimits) -> Reply {
        let latency = self.latency().min(limits.timeout);
        match fate {
            Fate::NotSent => Err(NetError::NotSent("connection refused".into())),
            Fate::LostRequest => {
                self.stage.near_twin_perhaps(truth(&request));
                self.give_up(limits.timeout).await
            }
            Fate::Late => {
                let after = limits.timeout + self.stage.network.dice.seconds(0..=LATE_SECONDS_MAX);
                let at = self.now() + TimeDelta::from_std(after).unwrap_or(TimeDelta::zero());
                self.stage.network.post_late(request, at, self.life.number);
                self.give_up(limits.timeout).await
            }
            Fate::LostReply => {
                self.deliver(fate, request, latency).await;
                self.give_up(limits.timeout.saturating_sub(latency)).await
            }
            Fate::Reset => {
                self.deliver(fate, request, latency).await;
                Err(NetError::Ambiguous("connection reset".into()))
            }
            Fate::Refused(answer) => {
                tokio::time::sleep(latency).await;
                Ok(damage::canned(answer))
            }
            Fate::TokenDead => {
                self.stage.venue.revoke_tokens();
                self.stage.witness.notes().cancels.tokens_die();
                self.deliver(fate, request, latency).await.ok_or_else(|| broken(latency))
            }
            Fate::Delivered => self.deliver(fate, request, latency).await.ok_or_else(|| broken(latency)),
            Fate::Damaged(damage) => {
                let answer = self.deliver(fate, request, latency).await.ok_or_else(|| broken(latency))?;
                let earlier = self.number().clone();
                damage::inflict(damage, answer, earlier.as_deref())
            }
        }
    }

    async fn give_up(&self, after: Duration) -> Reply {
        tokio::time::sleep(after).await;
        Err(NetError::Ambiguous("timed out".into()))
    }

    /// Half the way there, the exchange's answer, half the way back.
    async fn deliver(&self, fate: Fate, request: Request, latency: Duration) -> Option<Response> {
        let is_order = Errand::of(&request) == Errand::Order;
        let path = request.uri().path().to_owned();
        tokio::time::sleep(latency / 2).await;
        let network = &self.stage.network;
        network.deliver_late(&self.stage.witness);
        let answer = network.serve(request);
        self.note_venue_faults(&path);
        if answer.is_none() {
            self.stage.witness.odd("the simulated exchange did not answer at once".into());
        }
        let number = answer.as_ref().filter(|_| is_order).and_then(damage::order_number);
        // What befalls an answer counts only where the exchange really took the order.
        if let Some(rare) = fate.rare().filter(|_| fate.is_about_an_answer() && number.is_some()) {
            self.stage.witness.saw(rare);
        }
        tokio::time::sleep(latency / 2).await;
        if number.is_some() {
            *self.number() = number;
        }
        answer
    }

    /// What was wrong with an answer of the exchange itself (KIS.md 7, 8).
    fn note_venue_faults(&self, path: &str) {
        let venue = &self.stage.venue;
        let rare = match path.rsplit('/').next().unwrap_or_default() {
            "inquire-daily-ccld" | "inquire-ccnl" if venue.hides_an_order() => Sometimes::HiddenOrder,
            "inquire-price" | "price" | "price-detail" if venue.quotes_stand_still() => {
                Sometimes::FrozenQuotes
            }
            _ => return,
        };
        self.stage.witness.saw(rare);
    }

    /// Mostly quick, now and then slow.
    fn latency(&self) -> Duration {
        let dice = &self.stage.network.dice;
        if dice.chance(100) { dice.millis(1_000..=3_500) } else { dice.millis(2..=120) }
    }

    fn number(&self) -> MutexGuard<'_, Option<String>> {
        self.stage.network.number.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> DateTime<Utc> {
        self.stage.clock.now()
    }
}

fn broken(after: Duration) -> NetError {
    NetError::Ambiguous(format!("the connection broke after {} ms", after.as_millis()))
}
