//! What can go wrong inside a transaction, and how SQLite's words become the port's.

use diesel::result::{DatabaseErrorKind, Error};
use trade_ledger::StoreError;

/// A failure inside a transaction: either a rule of ours or SQLite's.
#[derive(Debug)]
pub(super) enum Fault {
    /// Already in the port's words.
    Store(StoreError),
    /// From diesel.
    Sql(Error),
}

impl Fault {
    /// A rule of the books forbids it.
    pub(super) fn refused(why: impl Into<String>) -> Self {
        Self::Store(StoreError::Refused(why.into()))
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Store(error) => error,
            Fault::Sql(error) => translate(&error),
        }
    }
}

/// What kind of trouble SQLite reports. diesel passes only the text of most result codes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// `SQLITE_BUSY`, `SQLITE_LOCKED`.
    Locked,
    /// `SQLITE_FULL`.
    Full,
    /// `SQLITE_CORRUPT`, `SQLITE_NOTADB`.
    Damaged,
    /// `SQLITE_READONLY`, `SQLITE_CANTOPEN`, `SQLITE_PERM`.
    Unwritable,
    /// Anything else, `SQLITE_IOERR` included.
    Other,
}

/// Recognises SQLite's own texts for its result codes (sqlite3_errstr).
pub(super) fn trouble(text: &str) -> Trouble {
    const TEXTS: [(&str, Trouble); 9] = [
        ("is locked", Trouble::Locked),
        ("schema is locked", Trouble::Locked),
        ("disk is full", Trouble::Full),
        ("malformed", Trouble::Damaged),
        ("not a database", Trouble::Damaged),
        ("readonly database", Trouble::Unwritable),
        ("unable to open", Trouble::Unwritable),
        ("access permission denied", Trouble::Unwritable),
        ("authorization denied", Trouble::Unwritable),
    ];
    TEXTS.into_iter().find(|(part, _)| text.contains(part)).map_or(Trouble::Other, |(_, kind)| kind)
}

/// An error that no rule of ours raised: after it the connection is trusted only when the statement itself was
/// refused, or SQLite merely waited or had no space.
fn translate(error: &Error) -> StoreError {
    let text = error.to_string();
    if is_about_the_row(error) {
        StoreError::Refused(text)
    } else if matches!(error, Error::DeserializationError(_) | Error::SerializationError(_)) {
        StoreError::Malformed { what: "column value", value: text }
    } else {
        translate_text(text)
    }
}

fn is_about_the_row(error: &Error) -> bool {
    matches!(
        error,
        Error::DatabaseError(
            DatabaseErrorKind::UniqueViolation
                | DatabaseErrorKind::ForeignKeyViolation
                | DatabaseErrorKind::NotNullViolation
                | DatabaseErrorKind::CheckViolation,
            _,
        ) | Error::NotFound
    )
}

fn translate_text(text: String) -> StoreError {
    match trouble(&text) {
        Trouble::Locked => StoreError::Locked(text),
        Trouble::Full => StoreError::DiskFull(text),
        Trouble::Damaged | Trouble::Unwritable | Trouble::Other => StoreError::Failed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_failure_of_the_file_itself_poisons_the_connection() {
        let cases = [
            ("database is locked", false),
            ("database table is locked: intents", false),
            ("database or disk is full", false),
            ("disk I/O error", true),
            ("database disk image is malformed", true),
            ("file is not a database", true),
            ("attempt to write a readonly database", true),
        ];
        for (text, poisons) in cases {
            assert_eq!(translate_text(text.to_owned()).poisons(), poisons, "{text}");
        }
    }
}
