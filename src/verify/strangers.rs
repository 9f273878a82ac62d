//! Other processes on the agent's books: one of an earlier life that was overtaken and wakes up, and somebody who halts
//! from outside.
//!
//! The first may change nothing (invariant 12). The second is heard whoever it is: halts are not fenced, so one may be in
//! the books while the agent's own gate is open, and then nothing but the conditional update holds (invariant 10).

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::control::{HaltLevel, HaltRecord, HaltSource, TradingStatus};
use domain::{Clock as _, FencingEpoch, HaltId, HaltNonce, Random as _};
use trade_ledger::store::Store;
use trade_ledger::{BootFacts, StoreError};

use super::dice::Dice;
use super::facts::What;
use super::sometimes::Sometimes;
use super::stage::Stage;
use crate::store::{Database, SqliteStore};

/// The life before the first one on the stage was so long ago that no crash loop counts it.
const FIRST_LIFE_BEFORE: TimeDelta = TimeDelta::days(30);
/// Somebody halts from outside between Broker's last look and the conditional update, in ten thousand orders.
const HALT_BEFORE_SENDING: u32 = 350;
/// The agent looks for such halts every half minute and has so long to say what it found.
const HEARD_WITHIN: TimeDelta = TimeDelta::minutes(2);

/// The conditional update by an overtaken process, which says itself for whom it is.
pub(super) const SENDING_BY_OVERTAKEN: &str = "begin_sending by an overtaken process";

/// A write that only the owner of the books may make.
struct Owned {
    step: &'static str,
    /// An overtaken process tries it just before the owner, in ten thousand. The rarer the write, the likelier.
    chance: u32,
    rare: Sometimes,
}

const OWNED: [Owned; 12] = [
    owned(SENDING_BY_OVERTAKEN, 400, Sometimes::Zombie),
    owned("commit_approval", 150, Sometimes::ZombieApproval),
    owned("record_outcome", 150, Sometimes::ZombieOutcome),
    owned("abandon_sending", 1_000, Sometimes::ZombieAbandon),
    owned("book_inquiry", 20, Sometimes::ZombieInquiry),
    owned("close_day", 1_000, Sometimes::ZombieClose),
    owned("commit_release", 300, Sometimes::ZombieRelease),
    owned("commit_latch", 300, Sometimes::ZombieOther),
    owned("record_decision", 10, Sometimes::ZombieOther),
    owned("compare_holdings", 10, Sometimes::ZombieOther),
    owned("release_symbol", 300, Sometimes::ZombieOther),
    owned("resolve", 300, Sometimes::ZombieOther),
];

const fn owned(step: &'static str, chance: u32, rare: Sometimes) -> Owned {
    Owned { step, chance, rare }
}

/// Whoever else writes into the books of one seed, through a connection of its own.
pub(super) struct Strangers {
    store: Mutex<SqliteStore>,
    dice: Dice,
    /// Halts from outside, by when they were committed, in true time.
    halts: Mutex<BTreeMap<String, DateTime<Utc>>>,
}

impl Strangers {
    /// Strangers to the books, one of whom had them before the agent.
    pub(super) fn new(seed: u64, database: &Database, start: DateTime<Utc>) -> Result<Self, String> {
        let dice = Dice::new(seed, "strangers");
        let mut store = database.store().map_err(|error| error.to_string())?;
        let at = start - FIRST_LIFE_BEFORE;
        let boot = BootFacts {
            wall_at: at,
            at,
            halt_id: HaltId::new(at.timestamp_millis(), dice.next_u64()),
            halt_nonce: HaltNonce::new(dice.next_u64()),
        };
        store.boot(&boot).map_err(|error| error.to_string())?;
        Ok(Self { store: Mutex::new(store), dice, halts: Mutex::default() })
    }

    fn store(&self) -> MutexGuard<'_, SqliteStore> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True of a halt by one of them.
    pub(super) fn has_halted(&self, halt: &str) -> bool {
        self.halts().contains_key(halt)
    }

    fn halts(&self) -> MutexGuard<'_, BTreeMap<String, DateTime<Utc>>> {
        self.halts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stage {
    /// Now and then a process that the one of epoch `owner` has overtaken wakes up, and tries to write what that one is
    /// about to write.
    pub(super) fn overtaken_perhaps<T>(
        &self,
        step: &'static str,
        owner: FencingEpoch,
        write: impl FnOnce(&mut dyn Store, FencingEpoch) -> Result<T, StoreError>,
    ) {
        let Some(owned) = OWNED.iter().find(|owned| owned.step == step) else { return };
        // None: the books are being opened.
        let Some(stale) = owner.0.checked_sub(1) else { return };
        if !self.is_faulty() || !self.strangers.dice.chance(owned.chance) {
            return;
        }
        let stale = FencingEpoch(stale);
        let mut store = self.strangers.store();
        store.fence(stale);
        let written = write(&mut *store, stale);
        self.witness.saw(owned.rare);
        match written {
            Err(StoreError::Fenced { .. }) => self.witness.trace("fenced", step),
            Ok(_) | Err(_) => self.witness.note(What::WrittenByOvertaken { step, epoch: stale.0 }),
        }
    }

    /// Now and then somebody halts from outside when the agent has made sure that nothing stands.
    pub(super) fn halt_before_sending_perhaps(&self) {
        if self.is_faulty() && self.strangers.dice.chance(HALT_BEFORE_SENDING) {
            self.witness.saw(Sometimes::HaltBeforeUpdate);
            self.halt_from_outside();
        }
    }

    /// Another process commits a halt, and tells nobody.
    pub(super) fn halt_from_outside(&self) {
        let at = self.machine.now();
        let id = HaltId::new(at.timestamp_millis(), self.strangers.dice.next_u64()).as_str().to_owned();
        let record = HaltRecord {
            id: id.clone(),
            at,
            source: HaltSource::Operator,
            by: "another process".into(),
            reason: "halted through the books".into(),
            level: HaltLevel::Halted,
            nonce: HaltNonce::new(self.strangers.dice.next_u64()),
            cancel_open: self.is_to_cancel(&self.strangers.dice),
        };
        if let Err(error) = self.strangers.store().commit_halt(&record) {
            return self.witness.odd(format!("the books do not take a halt from outside: {error}"));
        }
        self.strangers.halts().insert(id.clone(), self.clock.now());
        self.witness.saw(Sometimes::HaltFromOutside);
        self.witness.note(What::Halt { id });
        self.tell_cancels(&record);
    }

    /// A halt from outside that stands has to show in the status of an agent that had enough time to notice it.
    pub(super) fn look_for_unheard_halts(&self, status: &TradingStatus) {
        let standing = match self.strangers.store().trading_state() {
            Ok(state) => state.halts,
            Err(error) => return self.witness.odd(format!("the books cannot be read: {error}")),
        };
        let (now, mut halts) = (self.clock.now(), self.strangers.halts());
        for HaltRecord { id, .. } in standing {
            let is_told = status.halts.iter().any(|told| told.id == id);
            if !is_told && halts.get(&id).is_some_and(|at| now - *at > HEARD_WITHIN) {
                halts.remove(&id);
                self.witness.note(What::HaltUnheard { id });
            }
        }
    }
}
