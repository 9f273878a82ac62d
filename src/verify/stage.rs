//! What outlives the agent's lives: the exchange, the network, the disk, the operator's mind, the witness.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::control::{HaltLevel, HaltRecord};
use domain::{Clock, Currency, Instrument, Money, OrderState, OrderTerms, Quantity, Side, tick};
use risk_guard::EmergencyHalt;
use rust_decimal::Decimal;
use supervision::Vitals;
use tempfile::TempDir;
use tokio::sync::Notify;

use super::Means;
use super::clocks::{Machine, MachineClock, VenueClock, jump};
use super::dice::Dice;
use super::facts::{AccountTruth, What};
use super::network::Network;
use super::soak::Gauge;
use super::sometimes::Sometimes;
use super::strangers::Strangers;
use super::witness::Witness;
use crate::clock::VirtualClock;
use crate::config::{self, Config, TradeMode};
use crate::simulator::{self, Environment, Exchange, MarketData, SimulatorConfig, VenueFaults, VenueOrder};
use crate::store::{Database, SqliteReader};

/// How the venue behaves while faults are on.
const VENUE_FAULTS: VenueFaults = VenueFaults {
    hidden_per_mille: 150,
    hidden_seconds_max: 120,
    rejected_per_mille: 15,
    frozen_per_mille: 100,
};
/// A crash at a step of an order or a halt, in ten thousand; and how much likelier it is in a bad hour.
const CRASH_AT_KEY_STEP: u32 = 20;
const CRASH_AT_OTHER_STEP: u32 = 1;
const BAD_HOUR_FACTOR: u32 = 12;
/// A halt in the middle of an order's way, in ten thousand approvals and POSTs.
const CUE: u32 = 60;
/// An identical order by another hand, in ten thousand orders whose reply is good, and in as many whose reply is not.
const TWIN: u32 = 10;
const TWIN_IN_DOUBT: u32 = 400;

/// An order by another hand that differs from ours in its price only, in ten thousand requests that are lost.
const NEAR_TWIN: u32 = 6_000;

/// The clock of the machine is set wrong while the agent is down, in ten thousand restarts.
const CLOCK_IS_SET_AT_RESTART: u32 = 500;

/// Whoever looks at an agent that is up day and night interferes in one of so many cases in which he would during a watch: it
/// is looked at some two thousand times between two sessions, and has two decisions to make in each.
const RARER_DAY_AND_NIGHT: u64 = 30;

/// A purchase by hand shows in the cash that the agent sizes its orders on after so many minutes at the latest: it looks at
/// the account every minute, and the order may be filled in parts.
const BY_HAND_KNOWN_AFTER_MINUTES: i64 = 5;
/// A fee of a purchase may be unknown to the agent for so many minutes.
const FEES_KNOWN_AFTER_MINUTES: i64 = 5;

/// The stage of one seed.
pub(super) struct Stage {
    /// The true time, which is the exchange's.
    pub(super) clock: VirtualClock,
    /// What the agent's machine shows.
    pub(super) machine: MachineClock,
    pub(super) config: Config,
    /// The account's cash at the beginning.
    pub(super) began_with: Vec<Money>,
    pub(super) venue: Arc<Exchange>,
    pub(super) network: Network,
    pub(super) database: Database,
    pub(super) emergency: Arc<HaltSheet>,
    pub(super) witness: Witness,
    /// The agent's own random numbers.
    pub(super) ids: Arc<Dice>,
    pub(super) operator: Dice,
    /// Somebody is about to halt, because an order is on the wire.
    pub(super) cue: Notify,
    /// Panics of actors.
    pub(super) strike: Dice,
    /// What the exchange's stream tells.
    pub(super) rumours: Dice,
    /// Other processes on the same books.
    pub(super) strangers: Strangers,
    crash: Dice,
    /// Reads the books beside the agent.
    reader: Mutex<SqliteReader>,
    faulty: AtomicBool,
    bad_hour: AtomicBool,
    /// What each of a person's purchases beside the agent costs at most, and when it was ordered.
    by_hand: Mutex<Vec<(DateTime<Utc>, Currency, Decimal)>>,
    twin: Mutex<Option<OrderTerms>>,
    data: TempDir,
    lives: AtomicU64,
    /// Crashes and interference happen once for so many times in a usual run, at least 1.
    pub(super) rarer: u64,
    /// Measures each day of a long run.
    pub(super) gauge: Option<Gauge>,
}

impl Stage {
    /// The stage of `seed`, at `start`, with faults on.
    pub(super) fn new(
        seed: u64,
        config: Config,
        start: DateTime<Utc>,
        keeps_lines: bool,
        means: Means,
    ) -> Result<Self, String> {
        let clock = VirtualClock::new(start);
        let venue_clock = VenueClock::new(clock.clone());
        let began_with = cash(&config, means);
        let venue = Arc::new(Exchange::new(SimulatorConfig {
            clock: Arc::new(venue_clock.clone()),
            seed,
            markets: config.markets.clone(),
            cash: began_with.clone(),
            environment: Environment::Real,
            data: MarketData::Seeded,
            closed: crate::venue::closed_dates(&config.markets),
        }));
        venue.misbehave(VENUE_FAULTS);
        let network = Network::new(Dice::new(seed, "net"), simulator::router(venue.clone()), venue_clock);
        let place = match &config.database {
            config::Database::Memory => Path::new(":memory:"),
            config::Database::File(path) => path,
        };
        let database = Database::open(place).map_err(|error| error.to_string())?;
        Ok(Self {
            witness: Witness::new(clock.clone(), keeps_lines),
            machine: MachineClock::new(clock.clone()),
            clock,
            config,
            began_with,
            venue,
            network,
            reader: Mutex::new(database.reader().map_err(|error| error.to_string())?),
            emergency: Arc::default(),
            ids: Arc::new(Dice::new(seed, "ids")),
            operator: Dice::new(seed, "operator"),
            cue: Notify::new(),
            strike: Dice::new(seed, "strike"),
            rumours: Dice::new(seed, "rumours"),
            crash: Dice::new(seed, "crash"),
            strangers: Strangers::new(seed, &database, start)?,
            database,
            faulty: AtomicBool::new(true),
            bad_hour: AtomicBool::new(false),
            by_hand: Mutex::default(),
            twin: Mutex::default(),
            data: TempDir::with_prefix("kestrel-verify-").map_err(|error| error.to_string())?,
            lives: AtomicU64::new(0),
            rarer: 1,
            gauge: None,
        })
    }

    /// Faults end here, for good.
    pub(super) fn quiet(&self) {
        self.faulty.store(false, SeqCst);
        self.set_clock(TimeDelta::zero());
        self.venue.misbehave(VenueFaults::default());
        self.witness.note(What::Quiet);
    }

    /// Somebody sets the clock of the agent's machine, right or wrong.
    pub(super) fn set_clock(&self, wrong_by: TimeDelta) {
        if wrong_by != self.machine.wrong_by() {
            self.witness.note(What::ClockSet { wrong_by_ms: wrong_by.num_milliseconds() });
            self.machine.set(wrong_by);
        }
    }

    /// Somebody sets the clock of the agent's machine wrong, unless it is.
    pub(super) fn set_clock_wrong(&self, machine: Machine) {
        if self.machine.wrong_by().is_zero() {
            let (wrong_by, rare) = jump(&self.operator, machine);
            self.set_clock(wrong_by);
            self.witness.saw(rare);
        }
    }

    /// Seconds from a death to the next start; now and then the machine comes back with another time.
    pub(super) fn restart_delay(&self) -> std::time::Duration {
        if self.is_faulty() && self.operator.chance(CLOCK_IS_SET_AT_RESTART) {
            self.set_clock_wrong(Machine::Down);
        }
        self.crash.seconds(1..=31)
    }

    /// True while faults happen.
    pub(super) fn is_faulty(&self) -> bool {
        self.faulty.load(SeqCst)
    }

    /// True when the agent is up day and night, with two decisions a day.
    pub(super) fn is_watched_day_and_night(&self) -> bool {
        self.config.trade_mode == TradeMode::Daily
    }

    /// Whether somebody who looks at the agent does something that he does in so many of ten thousand looks.
    pub(super) fn interferes(&self, per_ten_thousand: u32) -> bool {
        self.operator.chance(per_ten_thousand)
            && (!self.is_watched_day_and_night() || self.operator.within(1..=RARER_DAY_AND_NIGHT) == 1)
            && self.is_not_spared(&self.operator)
    }

    /// Where the agent keeps its token.
    pub(super) fn token_file(&self) -> PathBuf {
        self.data.path().join("kis_token.json")
    }

    /// A life begins, perhaps in a bad hour, in which crashes come in rows.
    pub(super) fn begin_life(&self) -> Arc<Life> {
        self.bad_hour.store(self.crash.chance(600), SeqCst);
        if !self.machine.wrong_by().is_zero() {
            self.witness.saw(Sometimes::BootInWrongTime);
        }
        Arc::new(Life { number: self.lives.fetch_add(1, SeqCst) + 1, ..Life::default() })
    }

    /// True when the process is killed at this step.
    pub(super) fn kills(&self, step: &'static str, is_key: bool) -> bool {
        if !self.is_faulty() {
            return false;
        }
        let usual = if is_key { CRASH_AT_KEY_STEP } else { CRASH_AT_OTHER_STEP };
        let factor = if is_key && self.bad_hour.load(SeqCst) { BAD_HOUR_FACTOR } else { 1 };
        let factor = if matches!(step, "boot" | "commit_halt") { 4 * BAD_HOUR_FACTOR } else { factor };
        self.crash.chance(usual * factor) && self.is_not_spared(&self.crash)
    }

    /// A usual run draws nothing here: its trace stays what it was.
    fn is_not_spared(&self, dice: &Dice) -> bool {
        self.rarer <= 1 || dice.within(1..=self.rarer) == 1
    }

    /// Lives so far.
    pub(super) fn lives(&self) -> u64 {
        self.lives.load(SeqCst)
    }

    /// Kills the life: nothing of it reaches books, network or halt file from now on.
    pub(super) fn kill(&self, life: &Life, step: &'static str) {
        if life.dead.swap(true, SeqCst) {
            return;
        }
        self.network.sender_died(life.number, self.clock.now());
        if let Some(rare) = self.rare_crash(step) {
            self.witness.saw(rare);
        }
        self.witness.note(What::Crash { step });
        life.death.notify_one();
    }

    fn rare_crash(&self, step: &'static str) -> Option<Sometimes> {
        match step {
            "before post" => Some(Sometimes::CrashBeforePost),
            "after post" => Some(Sometimes::CrashAfterPost),
            "boot" => Some(Sometimes::CrashAtBoot),
            "commit_halt" => Some(Sometimes::CrashAtHalt),
            _ if self.witness.notes().follower.is_approved() => Some(Sometimes::CrashBeforeSending),
            _ => None,
        }
    }

    /// Now and then somebody halts just when an order is under way.
    pub(super) fn cue_perhaps(&self) {
        if self.is_faulty() && self.operator.chance(CUE) {
            self.cue.notify_one();
        }
    }

    /// Now and then somebody gives the very same order by another hand (order-protocol 3, row 16).
    pub(super) fn twin_perhaps(&self, intent: &str, is_in_doubt: bool) {
        let chance = if is_in_doubt { TWIN_IN_DOUBT } else { TWIN };
        if self.is_faulty() && self.operator.chance(chance) {
            let terms = self.witness.notes().follower.get(intent).map(|followed| followed.terms.clone());
            *self.twin.lock().unwrap_or_else(PoisonError::into_inner) = terms;
            self.cue.notify_one();
        }
    }

    /// While an order of ours is lost, somebody gives one that differs in its price only: it must not be taken
    /// for ours (order-protocol 5.4).
    pub(super) fn near_twin_perhaps(&self, intent: Option<String>) {
        if !self.is_faulty() || !self.operator.chance(NEAR_TWIN) {
            return;
        }
        let followed = intent.and_then(|intent| self.witness.notes().follower.get(&intent).cloned());
        let Some(terms) = followed.map(|followed| followed.terms) else { return };
        let up = i32::from(self.operator.chance(5_000)) * 2 - 1;
        if let Ok(limit) = tick::shift(terms.instrument.market, terms.limit, up)
            && self.trade_by_hand(&OrderTerms { limit, ..terms })
        {
            self.witness.saw(Sometimes::NearTwin);
        }
    }

    /// What the books on disk say of an intent that is open.
    pub(super) fn state_on_disk(&self, intent: &str) -> Option<OrderState> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let open = reader.open_intents().ok()?;
        open.into_iter().find(|one| one.id.as_str() == intent).map(|one| one.state)
    }

    /// Whether a halt that lets nothing through stands in the books on disk.
    pub(super) fn is_halted_on_disk(&self) -> bool {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let standing = reader.trading_state().map(|state| state.halts).unwrap_or_default();
        standing.iter().any(|halt| halt.level == HaltLevel::Halted)
    }

    /// The order that is to be given once more, if there is one.
    pub(super) fn take_twin(&self) -> Option<OrderTerms> {
        self.twin.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// A person trades beside the agent; true when the exchange took it.
    pub(super) fn trade_by_hand(&self, terms: &OrderTerms) -> bool {
        self.network.deliver_late(&self.witness);
        let placed = self.venue.place_by_hand(terms);
        self.witness.trace("by hand", &format!("{terms} {placed:?}"));
        if placed.is_ok() {
            let mut spent = self.by_hand.lock().unwrap_or_else(PoisonError::into_inner);
            spent.push((self.clock.now(), terms.instrument.market.currency(), terms.notional().amount()));
        }
        placed.is_ok()
    }

    /// The cash that the exchange holds for us, had nobody else used the account lately: the agent may not know of that
    /// yet.
    pub(super) fn cash(&self, currency: Currency) -> Money {
        self.network.deliver_late(&self.witness);
        let since = self.clock.now() - TimeDelta::minutes(BY_HAND_KNOWN_AFTER_MINUTES);
        let spent = self.by_hand.lock().unwrap_or_else(PoisonError::into_inner);
        let lately = spent.iter().filter(|(at, of, _)| *of == currency && *at >= since);
        let spent: Decimal = lately.map(|(_, _, amount)| amount).sum();
        Money::new(self.venue.cash(currency).amount() + spent, currency)
    }

    /// What the exchange has of us besides cash, at an approval.
    pub(super) fn account_of(&self, besides: &str, instrument: &Instrument) -> AccountTruth {
        self.network.deliver_late(&self.witness);
        let books = self.venue.books();
        let (now, currency) = (self.clock.now(), instrument.market.currency());
        let held = books.positions.iter().find(|position| position.instrument == *instrument);
        let held = held.map_or(Quantity::ZERO, |position| position.quantity);
        let mut truth = AccountTruth { held, reserved: Decimal::ZERO, fees_lately: Decimal::ZERO };
        let ours: BTreeMap<&str, &VenueOrder> =
            books.orders.iter().filter_map(|order| Some((order.tag.as_deref()?, order))).collect();
        let notes = self.witness.notes();
        for (id, one) in notes.follower.alive(now).filter(|(id, _)| *id != besides) {
            if one.terms.side == Side::Buy && one.terms.instrument.market.currency() == currency {
                let left = ours.get(id).map_or(one.terms.quantity, |order| order.remaining());
                truth.reserved += one.terms.limit.times(left, currency).amount();
            }
        }
        let since = now - TimeDelta::minutes(FEES_KNOWN_AFTER_MINUTES);
        let lately = ours
            .values()
            .filter(|order| order.received_at >= since && order.instrument.market.currency() == currency);
        truth.fees_lately = lately.map(|order| order.fees).sum();
        truth
    }

    /// Writes the file HALT.
    pub(super) fn write_halt_file(&self, record: HaltRecord) {
        self.witness.note(What::HaltFile);
        self.emergency.add(record);
    }
}

fn cash(config: &Config, means: Means) -> Vec<Money> {
    let usual = crate::venue::starting_cash(&config.markets);
    usual.into_iter().map(|money| Money::new(money.amount() * means.times(), money.currency())).collect()
}

/// One life of the agent's process.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// The first is 1.
    pub(super) number: u64,
    dead: AtomicBool,
    /// Told once, at the death.
    pub(super) death: Notify,
    /// The actors' vitals, once there are actors.
    vitals: OnceLock<Vec<Arc<Vitals>>>,
    /// How often each actor was made to panic.
    struck: Mutex<BTreeMap<&'static str, u32>>,
}

impl Life {
    /// There are actors now.
    pub(super) fn has_actors(&self, vitals: Vec<Arc<Vitals>>) {
        // A life is built once.
        let _first = self.vitals.set(vitals);
    }

    /// What an actor is doing, by the kernel's word; none before there are actors.
    pub(super) fn doing(&self, actor: &str) -> Option<&'static str> {
        let vitals = self.vitals.get()?.iter().find(|vitals| vitals.name == actor)?;
        Some(vitals.message())
    }

    /// An actor is made to panic.
    pub(super) fn struck(&self, actor: &'static str) {
        *self.struck.lock().unwrap_or_else(PoisonError::into_inner).entry(actor).or_default() += 1;
    }

    /// How often an actor was made to panic.
    pub(super) fn strikes(&self, actor: &str) -> u32 {
        let struck = self.struck.lock().unwrap_or_else(PoisonError::into_inner);
        struck.get(actor).copied().unwrap_or(0)
    }

    /// True once it was killed.
    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(SeqCst)
    }
}

/// The emergency file, on a disk that outlives the lives.
#[derive(Debug, Default)]
pub(super) struct HaltSheet(Mutex<Vec<HaltRecord>>);

impl HaltSheet {
    /// What is there.
    pub(super) fn read(&self) -> Vec<HaltRecord> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds to what is there.
    pub(super) fn add(&self, record: HaltRecord) {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.retain(|one| one.id != record.id);
        records.push(record);
    }

    /// Replaces what is there.
    pub(super) fn set(&self, records: &[HaltRecord]) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = records.to_vec();
    }
}

/// The emergency file as one life sees it.
pub(super) struct HaltSheetOf {
    pub(super) stage: Arc<Stage>,
    pub(super) life: Arc<Life>,
}

impl EmergencyHalt for HaltSheetOf {
    fn write(&self, record: &HaltRecord) -> Result<(), String> {
        if self.life.is_dead() {
            return Err("this life is over".into());
        }
        self.stage.write_halt_file(record.clone());
        // It holds from now on, in the books or not.
        self.stage.tell_cancels(record);
        Ok(())
    }

    fn read(&self) -> Option<HaltRecord> {
        self.read_all().into_iter().next()
    }

    fn read_all(&self) -> Vec<HaltRecord> {
        self.stage.emergency.read()
    }

    fn keep_only(&self, records: &[HaltRecord]) -> Result<(), String> {
        if self.life.is_dead() {
            return Err("this life is over".into());
        }
        self.stage.emergency.set(records);
        if records.is_empty() {
            self.stage.witness.note(What::HaltFileGone);
        }
        Ok(())
    }

    fn clear(&self) -> Result<(), String> {
        self.keep_only(&[])
    }
}
