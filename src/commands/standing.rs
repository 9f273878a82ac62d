//! How trading stands where no agent runs: what its books and its file `HALT` keep for the next start. Nothing is written.

use std::fmt;
use std::path::Path;

use chrono::{DateTime, Utc};
use domain::messages::control::HaltRecord;
use domain::messages::evolution::CycleLine;
use risk_guard::EmergencyHalt as _;
use serde::Serialize;

use crate::config::Database;
use crate::control::storage::Storage;
use crate::control::{answers, reader, wire};
use crate::store::{HaltFile, Room};

/// What the next start would find.
#[derive(Debug, Serialize)]
pub(super) struct Standing {
    /// The database that was read.
    ledger: String,
    /// When something was last committed; none in empty books.
    last_commit: Option<DateTime<Utc>>,
    /// The halts that stand, the file's among them.
    halts: Vec<HaltRecord>,
    /// Orders that the next start has to settle.
    orders_not_finished: usize,
    /// The newest cycle of evolution of each market.
    evolution: Vec<CycleLine>,
    /// The room that the books take and have; none where the disk could not be looked at.
    storage: Option<Storage>,
}

/// Reads the books.
///
/// # Errors
/// Why they cannot be read, in words.
pub(super) fn of(database: &Database) -> Result<Standing, String> {
    let Database::File(path) = database else { return Err("the books are in memory".to_owned()) };
    let (halts, orders_not_finished, last_commit, evolution, size) = reader::alone(path, |books| {
        let halts = books.trading_state()?.halts;
        let orders = books.open_intents()?.len();
        Ok((halts, orders, books.last_commit()?, books.newest_cycles()?, books.size()?))
    })?;
    let storage = Room::of(path).map(|room| Storage::new(room, Some(size)));
    let ledger = path.display().to_string();
    let mut standing = Standing { ledger, last_commit, halts, orders_not_finished, evolution, storage };
    for halt in HaltFile::new(database.directory().unwrap_or(Path::new("."))).read_all() {
        if standing.halts.iter().all(|known| known.id != halt.id) {
            standing.halts.push(halt);
        }
    }
    Ok(standing)
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.last_commit.map_or("never".to_owned(), |at| format!("{} UTC", answers::instant(at)));
        writeln!(f, "No kestrel runs. Read from the ledger {}, last written {last}:", self.ledger)?;
        match self.halts.len() {
            0 => writeln!(f, "no halt stands")?,
            _ => writeln!(f, "the next start finds trading stopped or reduced:")?,
        }
        self.halts.iter().try_for_each(|halt| writeln!(f, "  {}", wire::describe(halt)))?;
        write!(f, "Orders not finished: {}", self.orders_not_finished)?;
        self.evolution.iter().try_for_each(|line| write!(f, "\nevolution {line}"))?;
        self.storage.iter().try_for_each(|storage| write!(f, "\n{storage}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::messages::control::{HaltLevel, HaltSource};
    use trade_ledger::EvolutionBooks as _;

    #[test]
    fn the_halts_of_the_file_are_shown_beside_those_of_the_books() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trades.db");
        let database = Database::File(path.clone());
        assert!(of(&database).is_err(), "there are no books");
        drop(crate::store::Database::open(&path).unwrap().store().unwrap());
        let mut store = crate::store::Database::open(&path).unwrap().store().unwrap();
        let (market, session_date) = (domain::Market::Kr, "2026-11-24".parse().unwrap());
        let begin = domain::messages::evolution::BeginCycle { market, session_date, seed: 1 };
        store.begin_cycle(&begin, DateTime::UNIX_EPOCH).unwrap();
        let text = of(&database).unwrap().to_string();
        assert!(text.contains("evolution KR 2026-11-24: cycle 1, 0 trials; under way"), "{text}");
        assert!(text.contains("last written never") && text.contains("no halt stands"), "{text}");
        assert!(text.contains("MiB free on the disk; old rows not looked for yet"), "{text}");
        let halt = HaltRecord {
            id: "h-1".into(),
            at: DateTime::UNIX_EPOCH,
            source: HaltSource::Operator,
            by: "ada".into(),
            reason: "lunch".into(),
            level: HaltLevel::Halted,
            nonce: domain::HaltNonce::default(),
            cancel_open: false,
        };
        HaltFile::new(folder.path()).write(&halt).unwrap();
        let standing = of(&database).unwrap();
        assert_eq!((standing.halts.len(), standing.orders_not_finished), (1, 0));
        assert!(standing.to_string().contains("by ada (operator): lunch"), "{standing}");
    }
}
