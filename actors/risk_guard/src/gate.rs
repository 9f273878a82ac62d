//! The gate: one shared flag that Broker reads immediately before each POST, and only RiskGuard writes.
//!
//! A halt message queued behind fifty orders would be too late; the gate is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use domain::HaltEpoch;
use domain::messages::control::HaltRecord;

/// Makes one gate, closed: who may write it, and who may read it.
pub fn gate() -> (GateKeeper, Gate) {
    let word = Arc::new(AtomicU64::new(0));
    (GateKeeper { word: word.clone() }, Gate { word })
}

/// Reads the gate.
#[derive(Clone, Debug)]
pub struct Gate {
    /// Epoch shifted left by one; the lowest bit says open.
    word: Arc<AtomicU64>,
}

impl Gate {
    /// True when orders of `epoch` may leave.
    pub fn is_open_for(&self, epoch: HaltEpoch) -> bool {
        self.word.load(SeqCst) == (epoch.0 << 1 | 1)
    }

    /// True when any order may leave.
    pub fn is_open(&self) -> bool {
        self.word.load(SeqCst) & 1 == 1
    }
}

/// Writes the gate. The composition root carries it to RiskGuard's factory; no method of it is public.
#[derive(Clone, Debug)]
pub struct GateKeeper {
    word: Arc<AtomicU64>,
}

impl GateKeeper {
    /// Opens the gate for orders of `epoch`.
    pub(crate) fn open(&self, epoch: HaltEpoch) {
        self.word.store(epoch.0 << 1 | 1, SeqCst);
    }

    /// Closes it for all.
    pub(crate) fn close(&self) {
        self.word.fetch_and(!1, SeqCst);
    }
}

/// The last resort for a halt when the ledger does not answer: a synced file `HALT` in the data directory.
///
/// A person may create that file by hand; then `read` gives a record with what is known.
pub trait EmergencyHalt: Send + Sync + 'static {
    /// Writes and syncs the file.
    ///
    /// # Errors
    /// Why it is not on disk, in words.
    fn write(&self, record: &HaltRecord) -> Result<(), String>;

    /// The standing emergency halt, if the file is there; an unreadable file is a halt too.
    fn read(&self) -> Option<HaltRecord>;

    /// Removes the file after a release was committed.
    ///
    /// # Errors
    /// Why it is still there, in words.
    fn clear(&self) -> Result<(), String>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_starts_closed_and_opens_for_one_epoch_only() {
        let (keeper, gate) = gate();
        assert!(!gate.is_open());
        keeper.open(HaltEpoch(7));
        assert!(gate.is_open_for(HaltEpoch(7)));
        assert!(!gate.is_open_for(HaltEpoch(6)));
        keeper.close();
        assert!(!gate.is_open() && !gate.is_open_for(HaltEpoch(7)));
    }
}
