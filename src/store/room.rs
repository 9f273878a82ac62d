//! What the books take of the disk, and what is left of it.

use std::path::Path;

/// Bytes of the books' files and of their disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Free on the disk for this user, in bytes.
    pub free_bytes: u64,
    /// The database and what is not merged into it yet, in bytes.
    pub books_bytes: u64,
}

impl Room {
    /// Looks at the file of the books; none where the disk cannot be looked at.
    pub fn of(database: &Path) -> Option<Self> {
        let directory = database.parent().filter(|parent| !parent.as_os_str().is_empty());
        let space = rustix::fs::statvfs(directory.unwrap_or(Path::new("."))).ok()?;
        let size = |end: &str| {
            let mut file = database.as_os_str().to_owned();
            file.push(end);
            std::fs::metadata(file).map_or(0, |file| file.len())
        };
        Some(Self {
            free_bytes: space.f_bavail.saturating_mul(space.f_frsize),
            books_bytes: size("") + size("-wal"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_counts_with_the_books_and_a_disk_that_is_not_there_is_unknown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trades.db");
        let bytes = || Room::of(&path).unwrap().books_bytes;
        assert_eq!(bytes(), 0);
        std::fs::write(&path, [0; 4_096]).unwrap();
        std::fs::write(folder.path().join("trades.db-wal"), [0; 100]).unwrap();
        assert_eq!(bytes(), 4_196);
        assert!(Room::of(&path).unwrap().free_bytes > 0);
        assert_eq!(Room::of(&folder.path().join("missing/trades.db")), None);
    }
}
