//! What carries a halt, its end, and limits made stricter: to the books, and to every actor.
//!
//! Invariant: nothing outside this crate can build them. This module has no children, because a child could reach its
//! private fields.

use std::collections::BTreeSet;

use actix::Message;
use chrono::{DateTime, Utc};
use domain::messages::control::{HaltCancels, HaltEffect, HaltRecord, HaltSource, TradingState};
use domain::messages::ledger::{Committed, LedgerError};
use domain::messages::limits::{LimitsChange, LimitsRecord};
use domain::{EventId, FencingEpoch, HaltEpoch, HaltId, IntentId};

/// RiskGuard -> TradeLedger: write a halt. Asked, 2 s; after that the emergency file is written.
#[derive(Debug, Message)]
#[rtype(result = "Result<HaltCommitted, LedgerError>")]
pub struct CommitHalt {
    record: HaltRecord,
}

/// RiskGuard -> TradeLedger: lift these halts. Asked, 5 s.
#[derive(Debug, Message)]
#[rtype(result = "Result<HaltCommitted, LedgerError>")]
pub struct CommitRelease {
    release: Release,
}

/// What a release is: who lifts which halts, and what it leaves standing, in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The halts to lift.
    pub halts: Vec<HaltId>,
    /// Where the request came from.
    pub source: HaltSource,
    /// Who.
    pub by: String,
    /// Why; may be empty.
    pub reason: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What stands instead: `resume --reducing` leaves a row of that level.
    pub leaves: Option<HaltRecord>,
}

/// RiskGuard -> TradeLedger: everything is sold, the flatten is a full halt from now on. Asked, 5 s.
#[derive(Debug, Message)]
#[rtype(result = "Result<HaltCommitted, LedgerError>")]
pub struct CommitLatch {
    halt: HaltId,
    at: DateTime<Utc>,
}

/// RiskGuard -> TradeLedger: write a change of the limits. Asked, 5 s.
#[derive(Debug, Message)]
#[rtype(result = "Result<Committed, LedgerError>")]
pub struct CommitLimits {
    record: LimitsRecord,
}

/// A halt or a release is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HaltCommitted {
    /// The epoch that began with it.
    pub epoch: HaltEpoch,
    /// Its event.
    pub event: EventId,
}

/// RiskGuard -> TradeLedger at start: what stands? Asked, 5 s.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<StoredTradingState, LedgerError>")]
pub struct LoadTradingState;

/// RiskGuard -> TradeLedger, now and then: did a halt or a release begin in the books? Asked, 5 s.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "Result<HaltEpoch, LedgerError>")]
pub struct HaltEpochQuery;

/// What the ledger knows about halts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTradingState {
    /// Halts that stand, oldest first; a flatten that has sold everything is `Halted`.
    pub halts: Vec<HaltRecord>,
    /// Changes of the limits that hold in this boot, oldest first.
    pub limits: Vec<LimitsChange>,
    /// The halt epoch.
    pub epoch: HaltEpoch,
    /// This boot's fencing epoch.
    pub fencing: FencingEpoch,
}

/// RiskGuard -> every actor: trading stops now. Asked of Broker on the urgent lane (3 s), told to the others.
///
/// Nobody else can make one:
///
/// ```compile_fail
/// fn forge(record: domain::messages::control::HaltRecord) -> risk_guard::HaltSystem {
///     risk_guard::HaltSystem { record, epoch: domain::HaltEpoch(1) }
/// }
/// ```
///
/// while reading one is open to all:
///
/// ```
/// fn read(halt: risk_guard::HaltSystem) -> domain::messages::control::HaltRecord {
///     halt.record().clone()
/// }
/// ```
#[derive(Debug, Message)]
#[rtype(result = "HaltAck")]
pub struct HaltSystem {
    record: HaltRecord,
    now: Notice,
}

/// What RiskGuard says with each halt and each resume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// The halt epoch.
    pub(crate) epoch: HaltEpoch,
    /// What holds now.
    pub(crate) state: TradingState,
    /// What every halt that stands does.
    pub(crate) effects: BTreeSet<HaltEffect>,
    /// Counts halts and resumes of this process.
    pub(crate) number: u64,
}

/// An actor obeyed a halt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HaltAck {
    /// The epoch it obeys.
    pub epoch: HaltEpoch,
    /// Intents whose POST was already on the wire; only Broker has any.
    pub in_flight: Vec<IntentId>,
    /// Whether that is all of them: not while Broker cannot say what an earlier life of it sent.
    pub knows_the_wire: bool,
    /// What was done about working orders; only Broker does anything.
    pub cancels: HaltCancels,
}

/// RiskGuard -> every actor: a halt was lifted, and orders may leave again. A tell.
///
/// Nobody else can make one:
///
/// ```compile_fail
/// fn forge() -> risk_guard::ResumeSystem {
///     risk_guard::ResumeSystem { epoch: domain::HaltEpoch(1) }
/// }
/// ```
///
/// while reading one is open to all:
///
/// ```
/// fn read(resume: risk_guard::ResumeSystem) -> domain::HaltEpoch {
///     resume.epoch()
/// }
/// ```
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct ResumeSystem {
    now: Notice,
}

impl CommitHalt {
    pub(crate) fn new(record: HaltRecord) -> Self {
        Self { record }
    }

    /// The halt to write.
    pub fn record(&self) -> &HaltRecord {
        &self.record
    }
}

impl CommitRelease {
    pub(crate) fn new(release: Release) -> Self {
        Self { release }
    }

    /// What to lift, for whom.
    pub fn release(&self) -> &Release {
        &self.release
    }
}

impl CommitLatch {
    pub(crate) fn new(halt: HaltId, at: DateTime<Utc>) -> Self {
        Self { halt, at }
    }

    /// The flatten.
    pub fn halt(&self) -> &HaltId {
        &self.halt
    }

    /// When.
    pub fn at(&self) -> DateTime<Utc> {
        self.at
    }
}

impl CommitLimits {
    pub(crate) fn new(record: LimitsRecord) -> Self {
        Self { record }
    }

    /// The change to write.
    pub fn record(&self) -> &LimitsRecord {
        &self.record
    }
}

impl HaltSystem {
    pub(crate) fn new(record: HaltRecord, now: Notice) -> Self {
        Self { record, now }
    }

    /// Since when, by whom and why.
    pub fn record(&self) -> &HaltRecord {
        &self.record
    }

    /// The epoch that began with it.
    pub fn epoch(&self) -> HaltEpoch {
        self.now.epoch
    }

    /// What holds now, with everything that stands besides.
    pub fn state(&self) -> TradingState {
        self.now.state
    }

    /// What all halts that stand do, this one and those besides.
    pub fn effects(&self) -> &BTreeSet<HaltEffect> {
        &self.now.effects
    }

    /// Counts halts and resumes of this process: a resume that comes late must not undo a newer halt.
    pub fn notice(&self) -> u64 {
        self.now.number
    }
}

impl ResumeSystem {
    pub(crate) fn new(now: Notice) -> Self {
        Self { now }
    }

    /// The epoch that began with it.
    pub fn epoch(&self) -> HaltEpoch {
        self.now.epoch
    }

    /// What holds now: Active, Reducing, or Starting while Broker reconciles.
    pub fn state(&self) -> TradingState {
        self.now.state
    }

    /// What the halts do that still stand; none of them is a full halt.
    pub fn effects(&self) -> &BTreeSet<HaltEffect> {
        &self.now.effects
    }

    /// Counts halts and resumes of this process.
    pub fn notice(&self) -> u64 {
        self.now.number
    }
}
