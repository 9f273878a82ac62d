//! What a set of runs must have met to prove anything: a catalogue of rare events, counted.
//!
//! A run set in which one of them never happened is too weak, however many seeds it had.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! catalogue {
    ($($(#[$doc:meta])* $name:ident, $text:literal;)*) => {
        /// A rare event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Sometimes { $(#[doc = $text] $name,)* }

        impl Sometimes {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// In words.
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

catalogue! {
    CrashBeforePost, "crash between Sending and POST";
    CrashAfterPost, "crash after the POST, before its outcome";
    CrashBeforeSending, "crash between approval and Sending";
    CrashAtBoot, "crash in the boot itself";
    CrashAtHalt, "crash around the commit of a halt";
    CrashLoop, "halt because of a crash loop";
    LateAfterDeath, "order that arrives after the death of its sender";
    LateAccepted, "order accepted after its sender gave up waiting";
    LostRequest, "order request lost";
    LostReply, "reply to an accepted order lost";
    ServerErrorBefore, "HTTP 5xx and the order never arrived";
    ServerErrorAfter, "HTTP 5xx after the order was accepted";
    Truncated, "reply to an order cut short";
    Redirected, "redirect as the answer to an order";
    Throttled, "order refused because of the rate";
    TokenDead, "token dead at an order";
    NotSent, "order certainly not sent";
    WrongNumber, "order reply with a missing, mangled or repeated number";
    HaltWhileSending, "halt while an order is being sent";
    HaltBeforePermit, "permit refused because of a halt since the order's turn";
    HaltOverRestart, "halt that stands over a restart";
    HaltByFile, "halt by the emergency file";
    Resumed, "halt lifted by name";
    ResumedReducing, "halt lifted for exits only";
    Reducing, "sale sent while only exits are let through";
    RefusedReducing, "entry refused while only exits are let through";
    HaltCancels, "halt that cancels what is open";
    CancelledByHalt, "cancel asked for by a halt before the order's time was over";
    OwnSale, "sale by the rules of exits or of a flatten";
    OwnSaleBesideOthers, "sale by rule of a stock of which others hold shares on the account";
    Flattened, "everything sold and halted on request";
    RefusedForSize, "entry refused for its size";
    RefusedForCash, "entry refused for lack of cash beside open orders";
    Unknown, "order whose fate became unknown";
    Claimed, "unknown order found in the exchange's list";
    Lapsed, "unknown order that lapsed";
    LateMatch, "lapsed order that was found after all";
    NeverAccepted, "order proved never to have existed";
    PartialFill, "order filled in part";
    RejectedLater, "order rejected after it was accepted";
    Cancelled, "order cancelled";
    HiddenOrder, "list of orders that lacks one which the exchange has";
    FrozenQuotes, "price asked for while quotes stand still";
    Foreign, "order of somebody else";
    Twin, "order of somebody else with the terms of ours";
    NearTwin, "order of somebody else that differs from a lost one of ours in its price only";
    Zombie, "stale process that tries to send";
    ZombieApproval, "stale process that tries to approve";
    ZombieOutcome, "stale process that tries to record an outcome";
    ZombieAbandon, "stale process that tries to give up what is being sent";
    ZombieInquiry, "stale process that tries to book the exchange's list";
    ZombieClose, "stale process that tries to close a day";
    ZombieRelease, "stale process that tries to lift a halt";
    ZombieOther, "stale process that tries another write";
    HaltFromOutside, "halt committed by another process";
    HaltBeforeUpdate, "halt by another process between Broker's last look and the permit";
    DisputeResolved, "disputed order given to its intent, or to none, by a person";
    StockReleased, "halted stock released by a person";
    DayClosedAtBoot, "past day closed by a later start";
    PermitFenced, "permit refused to a stale process";
    PermitExpired, "permit refused because its approval had run out";
    ClockSecondsForward, "machine's clock set forward by seconds while the agent runs";
    ClockSecondsBack, "machine's clock set back by seconds while the agent runs";
    ClockForward, "machine's clock set forward by minutes or hours while the agent runs";
    ClockBack, "machine's clock set back by minutes or hours while the agent runs";
    ClockDayForward, "machine's clock set forward by a day while the agent runs";
    ClockDayBack, "machine's clock set back by a day while the agent runs";
    ClockForwardDown, "machine's clock set forward between two lives";
    ClockBackDown, "machine's clock set back between two lives";
    ClockHalt, "halt because the machine's clock is wrong";
    BreakerHalt, "halt because the day has lost too much";
    BootInWrongTime, "start on a machine whose clock is wrong";
    StruckApproval, "panic of the ledger at an approval";
    StruckSending, "panic of the ledger at Sending";
    StruckOutcome, "panic of the ledger at the outcome of an order";
    StruckInquiry, "panic of the ledger at the exchange's list";
    StruckClose, "panic of the ledger at the close of a day";
    StruckHalt, "panic of the ledger at a halt";
    StruckPost, "panic of the broker at an order";
}

/// How often each was met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sightings(BTreeMap<Sometimes, u64>);

impl Sightings {
    /// One more.
    pub fn saw(&mut self, what: Sometimes) {
        *self.0.entry(what).or_default() += 1;
    }

    /// How often.
    pub fn count(&self, what: Sometimes) -> u64 {
        self.0.get(&what).copied().unwrap_or(0)
    }

    /// Adds those of another run.
    pub fn add(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            *self.0.entry(*what).or_default() += count;
        }
    }

    /// What was never met.
    pub fn missing(&self) -> Vec<Sometimes> {
        Sometimes::ALL.iter().copied().filter(|what| self.count(*what) == 0).collect()
    }
}

impl Serialize for Sightings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(Sometimes::ALL.iter().map(|what| (what.text(), self.count(*what))))
    }
}

impl Serialize for Sometimes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

impl fmt::Display for Sometimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_met_is_missing() {
        let mut sightings = Sightings::default();
        assert_eq!(sightings.missing(), Sometimes::ALL);
        Sometimes::ALL.iter().for_each(|what| sightings.saw(*what));
        sightings.add(&sightings.clone());
        assert!(sightings.missing().is_empty());
        assert_eq!(sightings.count(Sometimes::Lapsed), 2);
    }
}
