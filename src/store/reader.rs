//! A connection that cannot write.

use domain::messages::limits::LimitsChange;

use super::*;

/// A connection that cannot write: reports, `status` without a running agent, the dashboard.
pub struct SqliteReader {
    pub(super) store: SqliteStore,
}

impl SqliteReader {
    pub(super) fn new(connection: SqliteConnection) -> Self {
        Self { store: SqliteStore::new(connection) }
    }

    /// Standing halts and both epochs.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn trading_state(&mut self) -> Result<StoredTradingState, StoreError> {
        self.store.trading_state()
    }

    /// The calls of the language model of a day of the quota, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn oracle_calls(&mut self, quota_date: NaiveDate) -> Result<Vec<BookedCall>, StoreError> {
        self.store.oracle_calls(quota_date)
    }

    /// The calls of the language model for a session, oldest first, with what was decided by each.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn consultations(&mut self, session_date: NaiveDate) -> Result<Vec<BookedConsultation>, StoreError> {
        self.store.read(|conn| consultations::of_session(conn, session_date))
    }

    /// Every intent that is not terminal, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn open_intents(&mut self) -> Result<Vec<OpenIntent>, StoreError> {
        self.store.open_intents()
    }

    /// Every intent, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn all_intents(&mut self) -> Result<Vec<IntentRecord>, StoreError> {
        self.store.all_intents()
    }

    /// Events after a cursor, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn events_after(&mut self, query: &EventsAfter) -> Result<Vec<LedgerEvent>, StoreError> {
        self.store.events_after(query)
    }

    /// What became of a stock in a session, verdict by verdict, in the order in which they were last told.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn selections_of(
        &mut self,
        instrument: &Instrument,
        session_date: NaiveDate,
    ) -> Result<Vec<BookedSelection>, StoreError> {
        self.store.selections_of(instrument, session_date)
    }

    /// What a person asks, from one state of the books.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn answer(&mut self, question: &Question, sight: Sight<'_>) -> Result<Answer, StoreError> {
        self.store.read(|conn| queries::answer(conn, question, sight))
    }

    /// The whole integrity check, and that every row points at rows that exist.
    ///
    /// # Errors
    /// The first thing that is wrong, or why it could not be looked at.
    pub fn check(&mut self) -> Result<(), String> {
        open::check_soundness(&mut self.store.connection)
    }

    /// The newest event.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn last_event(&mut self) -> Result<EventId, StoreError> {
        self.store.last_event()
    }

    /// What was made stricter and still holds after the next start, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn limits_of_next_start(&mut self) -> Result<Vec<LimitsChange>, StoreError> {
        self.store.read(limits::of_next_start)
    }

    /// When something was last committed; none in empty books.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn last_commit(&mut self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.store.read(journal::last_commit)
    }

    /// The equity with which days began: the newest `limit` of each currency, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn day_starts(&mut self, limit: u16) -> Result<Vec<DayStarted>, StoreError> {
        self.store.read(|conn| reports::days_started(conn, limit))
    }

    /// Counts of the books, all from one state of them.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn tally(&mut self) -> Result<Tally, StoreError> {
        self.store.read(tally::tally)
    }

    /// How large the books are.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn size(&mut self) -> Result<BooksSize, StoreError> {
        self.store.read(retention::size)
    }

    /// Totals of the books.
    ///
    /// # Errors
    /// [`StoreError`] when the database failed.
    pub fn summary(&mut self) -> Result<BooksSummary, StoreError> {
        self.store.summary()
    }
}
