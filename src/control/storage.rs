//! What the books take, what the disk has left, and when what is old last went.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::answers::instant;
use crate::store::{BooksSize, Room};

/// The room of the books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    /// The database and what is not merged into it yet, in bytes.
    pub books_bytes: u64,
    /// Of that, bytes that are free for use again; none while the books could not be read.
    pub reusable_bytes: Option<u64>,
    /// Free on the disk for this user, in bytes.
    pub disk_free_bytes: u64,
    /// What retention did; none while the books could not be read.
    pub retention: Option<RetentionDone>,
}

/// What retention did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionDone {
    /// When old rows were last looked for; none: not yet.
    pub last_run: Option<DateTime<Utc>>,
    /// Old rows that went since the books began.
    pub dropped_rows: u64,
}

impl Storage {
    /// From a look at the disk, and the books' own account of themselves.
    pub fn new(room: Room, size: Option<BooksSize>) -> Self {
        Self {
            books_bytes: room.books_bytes,
            reusable_bytes: size.map(|size| size.free_bytes),
            disk_free_bytes: room.free_bytes,
            retention: size.map(|size| RetentionDone { last_run: size.last_run, dropped_rows: size.dropped }),
        }
    }
}

impl fmt::Display for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { books_bytes, reusable_bytes, disk_free_bytes, retention } = self;
        write!(f, "books: {} KiB", books_bytes >> 10)?;
        if let Some(reusable) = reusable_bytes {
            write!(f, ", of which {} KiB are free for use again", reusable >> 10)?;
        }
        write!(f, "; {} MiB free on the disk; ", disk_free_bytes >> 20)?;
        match retention {
            Some(done) => done.fmt(f),
            None => f.write_str("what retention did is not known now"),
        }
    }
}

impl fmt::Display for RetentionDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { last_run, dropped_rows } = self;
        match last_run {
            Some(at) => {
                write!(f, "old rows last looked for {} UTC, {dropped_rows} went so far", instant(*at))
            }
            None => f.write_str("old rows not looked for yet, which is after a close"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_large_how_much_is_left_and_when_old_rows_last_went() {
        let room = Room { free_bytes: 3 << 30, books_bytes: 5 << 20 };
        let size = |last_run| Some(BooksSize { bytes: 4 << 20, free_bytes: 1 << 20, dropped: 812, last_run });
        let at = "2026-11-25T06:30:00Z".parse().unwrap();
        for (size, expected) in [
            (
                size(Some(at)),
                "books: 5120 KiB, of which 1024 KiB are free for use again; 3072 MiB free on the disk; \
                 old rows last looked for 2026-11-25 06:30:00 UTC, 812 went so far",
            ),
            (
                size(None),
                "books: 5120 KiB, of which 1024 KiB are free for use again; 3072 MiB free on the disk; \
                 old rows not looked for yet, which is after a close",
            ),
            (None, "books: 5120 KiB; 3072 MiB free on the disk; what retention did is not known now"),
        ] {
            assert_eq!(Storage::new(room, size).to_string(), expected);
        }
    }
}
