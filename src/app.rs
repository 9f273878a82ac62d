//! The composition root: slots, factories, supervisor. No registry: every actor is given the links it needs.
//!
//! Who may ask whom: MarketClock, Scanner, Brain, Optimizer, Notifier, control -> RiskGuard -> Broker -> TradeLedger,
//! which asks nobody (architecture 2). Everything the other way is a tell.

mod actors;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use domain::messages::bars::SeeBars;
use domain::messages::chat::{BookChat, ChatOffset};
use domain::messages::control::{
    HaltLevel, HaltRecord, HaltSource, RequestHalt, RequestReduce, RequestResume, StatusQuery,
};
use domain::messages::evolution::{ChangeProposal, StrategyOf};
use domain::messages::judging::JudgeQuery;
use domain::messages::ledger::{AllIntents, EventsAfter, OracleCallsOf, RecordEvent, SummaryQuery};
use domain::messages::limits::{LimitsQuery, TightenLimits, WithdrawLimits};
use domain::messages::market_data::{AccountQuery, QuoteQuery};
use domain::messages::schedule::DayClosed;
use domain::messages::symbols::{RequestResolution, RequestSymbolRelease};
use domain::messages::trading::Proposal;
use domain::{Clock, FencingEpoch, HaltId, HaltNonce, Oracle, Random};
use risk_guard::EmergencyHalt;
use supervision::{Link, Place, Policy, Strategy, Supervised, Supervisor, WatchLimits, Watchdog, Wedge};
use trade_ledger::store::Store;

use crate::config::Config;

/// Opens the books for one life of TradeLedger.
pub type OpenBooks = Arc<dyn Fn() -> Result<Box<dyn Store>, String> + Send + Sync>;

/// What stands behind the actors' ports.
#[derive(Clone)]
pub struct World {
    /// Exchange time.
    pub clock: Arc<dyn Clock>,
    /// Ids and jitter.
    pub random: Arc<dyn Random>,
    /// Where orders go.
    pub exchange: Arc<dyn broker::Exchange>,
    /// What the exchange tells by itself; none: everything is asked for.
    pub stream: Option<Arc<dyn broker::MarketStream>>,
    /// The language model, if there is one.
    pub oracle: Option<Arc<dyn Oracle>>,
    /// Where notices go besides the log.
    pub messenger: Option<Arc<dyn notifier::Messenger>>,
    /// Who makes the daily report; none: there is none.
    pub reporter: Option<Arc<dyn notifier::Reporter>>,
    /// The HALT file.
    pub emergency: Arc<dyn EmergencyHalt>,
    /// By what the Brain's local engine judges.
    pub rules: strategy::Strategy,
    /// The database.
    pub books: OpenBooks,
    /// This process's epoch in it.
    pub fencing: FencingEpoch,
}

/// Where the actors live, and who watches over them.
#[derive(Clone, Copy, Debug)]
pub enum Placement {
    /// Threads of their own for books, safety and optimizer (architecture 4), and a watchdog over all of them.
    Threads(Patience),
    /// All on the calling thread, as virtual time demands. No heartbeat and no health lines, which would only cost real
    /// time, and no watchdog: a thread that hangs hangs whoever watches the simulation.
    OneThread,
}

impl Placement {
    fn backlog_limit(self) -> Duration {
        match self {
            Self::Threads(patience) => patience.backlog_limit,
            Self::OneThread => Patience::default().backlog_limit,
        }
    }

    /// Where a child lives that has a thread of its own in production.
    fn apart(self, thread: &'static str) -> Place {
        match self {
            Self::Threads(_) => Place::Thread(thread),
            Self::OneThread => Place::Here,
        }
    }

    fn watch(self, supervised: &Supervised, wedged: impl FnOnce(Wedge) + Send + 'static) -> Option<Watchdog> {
        match self {
            Self::Threads(Patience { wedge_limit, .. }) => {
                let limits = WatchLimits { busy: wedge_limit, silence: wedge_limit };
                Some(supervision::watchdog(supervised.vitals(), limits, wedged))
            }
            Self::OneThread => None,
        }
    }
}

/// How patient supervision is.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// An actor without progress for this long is restarted.
    pub backlog_limit: Duration,
    /// A thread that is busy or silent for this long ends the process.
    pub wedge_limit: Duration,
}

impl Default for Patience {
    /// Invariant 17 of the order protocol: noticed within 30 s, no actor silent for more than 60 s. The longest ask is
    /// 20 s.
    fn default() -> Self {
        Self { backlog_limit: Duration::from_secs(30), wedge_limit: Duration::from_secs(30) }
    }
}

/// The rules that the Brain's local engine follows by these settings.
pub fn rules(config: &Config) -> strategy::Strategy {
    settings::rules(config)
}

/// What the language model may take in a day by these settings.
pub fn budget(config: &Config) -> brain::plan::BudgetPlan {
    settings::budget(config)
}

/// The running house, as the outside sees it.
pub struct House {
    /// The actors' lives.
    pub supervised: Supervised,
    /// Where the outside may ask.
    pub doors: Doors,
    /// Ends the process when a thread is wedged; works as long as it is kept. None when all live on one thread.
    pub watchdog: Option<Watchdog>,
}

/// The links that control socket, web, chat and demo hold.
pub struct Doors {
    /// RiskGuard's urgent lane.
    pub halt: Link<RequestHalt>,
    /// RiskGuard's urgent lane.
    pub reduce: Link<RequestReduce>,
    /// RiskGuard.
    pub tighten: Link<TightenLimits>,
    /// RiskGuard.
    pub withdraw: Link<WithdrawLimits>,
    /// RiskGuard.
    pub limits: Link<LimitsQuery>,
    /// RiskGuard.
    pub resume: Link<RequestResume>,
    /// RiskGuard.
    pub release: Link<RequestSymbolRelease>,
    /// RiskGuard.
    pub resolve: Link<RequestResolution>,
    /// RiskGuard.
    pub status: Link<StatusQuery>,
    /// Brain.
    pub judge: Link<JudgeQuery>,
    /// TradeLedger.
    pub oracle_calls: Link<OracleCallsOf>,
    /// TradeLedger: what a person decides on a proposal.
    pub decide: Link<ChangeProposal>,
    /// TradeLedger.
    pub summary: Link<SummaryQuery>,
    /// TradeLedger.
    pub intents: Link<AllIntents>,
    /// TradeLedger.
    pub events: Link<EventsAfter>,
    /// TradeLedger: a line that people should see.
    pub record: Link<RecordEvent>,
    /// TradeLedger: where the chat was read to.
    pub chat_place: Link<ChatOffset>,
    /// TradeLedger: what came through the chat.
    pub book_chat: Link<BookChat>,
    /// Broker.
    pub account: Link<AccountQuery>,
    /// RiskGuard: a proposal has no authority, whoever makes it.
    pub proposals: Link<Proposal>,
    /// The price of a stock, asked from Broker; a purchase is judged by what Broker heard.
    pub quotes: Link<QuoteQuery>,
    /// Scanner: fetch the newest days of a stock for the books.
    pub see_bars: Link<SeeBars>,
    /// TradeLedger: what a market trades by in a session.
    pub strategies: Link<StrategyOf>,
    /// MarketClock: what the override file of the calendar says. Where the settings name one, nothing is told before its
    /// first word.
    pub overrides: Link<market_clock::OverrideFile>,
    /// Optimizer: a session is over; each has its turn of evolution once.
    pub day_closed: Link<DayClosed>,
}

/// Builds and starts all eight actors. Needs a running actix `System`.
///
/// `escalated` is called once when a critical actor cannot be kept alive, after trading was halted; `wedged` on the
/// watchdog's thread when a thread will never come back.
///
/// # Errors
/// When settings contradict a rule of an actor; in words.
pub fn build(
    config: &Config,
    world: &World,
    placement: Placement,
    escalated: impl FnMut(&'static str) + 'static,
    wedged: impl FnOnce(Wedge) + Send + 'static,
) -> Result<House, String> {
    let slots = actors::Slots::new();
    let doors = slots.doors();
    let mut supervisor = Supervisor::new(
        policy(world, placement),
        on_escalation(doors.halt.clone(), world.clone(), escalated),
    );
    actors::add_all(&mut supervisor, slots, config, world, placement)?;
    let supervised = supervisor.launch();
    let watchdog = placement.watch(&supervised, wedged);
    Ok(House { supervised, doors, watchdog })
}

/// Supervision never halts by itself: it asks RiskGuard, and then reports (architecture 4).
fn on_escalation(
    halt: Link<RequestHalt>,
    world: World,
    mut escalated: impl FnMut(&'static str) + 'static,
) -> impl FnMut(supervision::Escalation) + 'static {
    move |escalation| {
        let supervision::Escalation { actor, exit } = escalation;
        tracing::error!(actor, ?exit, "an actor cannot be kept alive");
        let reason = format!("{actor} crashed too often: {exit:?}");
        let request = RequestHalt {
            source: HaltSource::Supervision,
            by: "supervisor".into(),
            reason,
            cancel_open: false,
        };
        // A RiskGuard that was given up would never read its letter.
        if actor == "risk_guard" || halt.tell(request.clone()).is_err() {
            halt_without_risk_guard(&world, request);
        }
        escalated(actor);
    }
}

/// The file keeps the next start halted, although nobody is there to write the ledger's row.
fn halt_without_risk_guard(world: &World, request: RequestHalt) {
    let record = emergency_record(request, &world.clock, &world.random);
    if let Err(error) = world.emergency.write(&record) {
        tracing::error!(error, "the emergency file cannot be written");
    }
}

/// The record of a halt that RiskGuard does not make, for the file.
pub(crate) fn emergency_record(
    request: RequestHalt,
    clock: &Arc<dyn Clock>,
    random: &Arc<dyn Random>,
) -> HaltRecord {
    let RequestHalt { source, by, reason, cancel_open } = request;
    let at = clock.now();
    let id = HaltId::new(at.timestamp_millis(), random.next_u64()).to_string();
    let nonce = HaltNonce::new(random.next_u64());
    HaltRecord { id, at, source, by, reason, level: HaltLevel::Halted, nonce, cancel_open }
}

fn policy(world: &World, placement: Placement) -> Policy {
    let beats = matches!(placement, Placement::Threads(_));
    Policy {
        strategy: Strategy::OneForOne,
        max_restarts: 3,
        within: Duration::from_secs(60),
        backoff_min: Duration::from_millis(100),
        backoff_max: Duration::from_secs(30),
        jitter_seed: world.random.next_u64(),
        health_every: beats.then_some(Duration::from_secs(60)),
        heartbeat: beats.then_some(Duration::from_secs(1)),
        backlog_limit: Some(placement.backlog_limit()),
    }
}
