//! The books on disk: the port `Store` of TradeLedger on SQLite, through diesel.
//!
//! One writer connection, one transaction per method (`BEGIN IMMEDIATE`), fsynced before it answers. The rules that a
//! transaction applies are `trade_ledger`'s pure functions; here is only how rows lie on disk.
//!
//! | file | what |
//! |---|---|
//! | [`open()`], [`Database`] | opening, integrity, migrations, the seed's columns |
//! | `orders` | approval, the conditional update to `Sending`, outcomes |
//! | `inquiries` | order lists, fills, positions, the seed's `trades` rows, closed days |
//! | `halts` | halts, releases, boots, epochs |
//! | `symbol_halts`, `resolutions` | halts of single stocks, disputes that a person ended |
//! | `holdings` | the account's shares against the books |
//! | `purchases` | what a day has bought, and its ceiling |
//! | `limits` | limits made stricter, what is counted and sold by them |
//! | `setbacks` | what speaks against buying a stock again |
//! | `journal` | events, cursors, judgements, day starts |
//! | `consultations` | what a language model was asked and said, and what was decided by it |
//! | `outcomes` | what came of purchases |
//! | `oracle_calls` | the language model's budget |
//! | `occasions` | what MarketClock told |
//! | `selections` | what became of the stocks that were considered, what was traded last |
//! | `bars`, `bar_files` | daily bars, told by the exchange and read from files |
//! | `evolution` | trials, the archive, windows, proposals, what each market trades by |
//! | `retention` | what is old goes |
//! | `room` | what the books take of the disk |
//! | `reports` | losers, memory, totals |
//! | `queries` | what a person asks |
//! | `tally` | what is counted for whoever watches |
//! | `chat` | commands from the chat, and where it was read to |
//! | `audit` | executions and holdings, to be compared with the exchange's |
//! | `port`, `reader` | the port, and a connection that cannot write |
//! | `copy`, `export` | the books taken elsewhere |
//! | [`lock_data_dir`] | one agent per data directory |
//! | [`HaltFile`] | the emergency halt |
//! | [`Watched`] | a store that tests and simulations watch |

mod audit;
mod bar_files;
mod bars;
mod chat;
mod consultations;
mod copy;
mod evolution;
mod export;
mod fault;
mod halt_file;
mod halts;
mod holdings;
mod inquiries;
mod journal;
mod limits;
mod loading;
mod lock;
mod mistakes;
mod occasions;
mod open;
mod oracle_calls;
mod orders;
mod original;
mod outcomes;
mod port;
mod private;
mod purchases;
mod queries;
mod reader;
mod reports;
mod resolutions;
mod retention;
mod room;
mod rows;
mod schema;
mod selections;
mod setbacks;
mod symbol_halts;
mod tally;
mod trips;
mod values;
mod watched;
mod won;

#[cfg(test)]
pub(crate) mod tests;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use domain::messages::bars::{BarSeries, BarsOf, BarsSeen};
use domain::messages::chat::{BookChat, ChatPlace};
use domain::messages::consultation::{
    BookedConsultation, ClosedPosition, ClosedPositions, Consultation, SpentQuota,
};
use domain::messages::control::HaltRecord;
use domain::messages::ledger::{
    BookedCall, BooksSummary, BudgetAnswer, ConfidentLosers, DayStart, EventsAfter, IntentRecord,
    LedgerEvent, LosingTrade, RecentDecisions, RecordDayReport, RecordDayStart, RecordEvent,
    RememberedDecision, ReserveOracleCall, SettleOracleCall,
};
use domain::messages::limits::{LimitsRecord, OwnPosition, RecordPeak, Setback, SetbacksSince};
use domain::messages::occasions::Occasion;
use domain::messages::operator::{Answer, Question};
use domain::messages::selection::{BookedSelection, RecentlyTraded, SelectionsMade};
use domain::messages::symbols::{
    HoldingsCompared, RequestResolution, RequestSymbolRelease, Resolved, SymbolHalt, SymbolReleased,
};
use domain::messages::trading::{DecisionMade, OrderUpdate, ProposalRefused};
use domain::messages::won::{RecordWonDayStart, WonDayStart};
use domain::{
    AccountSnapshot, EventId, FencingEpoch, HaltId, Instrument, IntentId, Market, OpenIntent, Outcome,
};
use risk_guard::{HaltCommitted, Release, StoredTradingState};
use trade_ledger::bars::BarsRecorded;
use trade_ledger::{
    Begun, BookInquiry, BootFacts, BootReport, DayBooked, DayKey, InquiryBooked, NewIntent, SendingRequest,
    Store, StoreError,
};

pub use self::audit::{BookedFill, HeldAtCost};
pub use self::bar_files::{
    BarFile, BarsImported, BookedImport, FileBar, HeldBars, ImportBarsError, RefusedRow, import_bars,
};
pub use self::copy::{Copied, CopyError, copy};
pub use self::evolution::{DecideError, LimitInUse, NewestRow, change_proposal};
pub use self::export::{Column, ExportError};
pub use self::halt_file::HaltFile;
pub use self::lock::{DirLock, LockError, is_data_dir, lock_data_dir};
pub use self::open::{Database, OpenError, open, open_read_only};
pub use self::original::{TakeOverError, TakenOver, take_over};
pub use self::private::{KEPT_OVERRIDES, keep_private, others_may_open, write_private};
pub use self::queries::Sight;
pub use self::reader::SqliteReader;
pub use self::reports::DayStarted;
pub use self::retention::BooksSize;
pub use self::room::Room;
pub use self::tally::Tally;
pub use self::watched::{Watch, Watched};

use self::fault::Fault;

/// The writer's connection.
pub struct SqliteStore {
    connection: SqliteConnection,
    /// Whose writes these are.
    fencing: FencingEpoch,
}

impl SqliteStore {
    fn new(connection: SqliteConnection) -> Self {
        Self { connection, fencing: FencingEpoch::default() }
    }

    /// A write that only the owner of the books may make.
    fn write<T>(
        &mut self,
        transaction: impl FnOnce(&mut SqliteConnection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let own = self.fencing;
        self.write_unfenced(|conn| {
            halts::prove_owner(conn, own)?;
            transaction(conn)
        })
    }

    /// Takes the write lock at once, so that what is checked in the transaction still holds when it is written.
    fn write_unfenced<T>(
        &mut self,
        transaction: impl FnOnce(&mut SqliteConnection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        self.connection.immediate_transaction(transaction).map_err(StoreError::from)
    }

    fn selections_of(
        &mut self,
        instrument: &Instrument,
        session_date: NaiveDate,
    ) -> Result<Vec<BookedSelection>, StoreError> {
        self.read(|conn| selections::of_stock(conn, instrument, session_date))
    }

    fn read<T>(
        &mut self,
        query: impl FnOnce(&mut SqliteConnection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        self.connection.transaction(query).map_err(StoreError::from)
    }
}
