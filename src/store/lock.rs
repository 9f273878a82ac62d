//! One agent per data directory: an exclusive lock that the system lifts when the process ends, however it ends.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The file that is locked, in the data directory. Its content is the holder's process id, for people.
const LOCK_FILE: &str = "kestrel.lock";

/// The lock; held until it is dropped.
#[derive(Debug)]
pub struct DirLock {
    _file: File,
}

/// Why the directory is not ours.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another instance holds it.
    #[error(
        "another kestrel runs on this data directory ({}); stop it, or set DB_PATH to another directory", directory.display()
    )]
    Held {
        /// The directory.
        directory: PathBuf,
    },
    /// The file cannot be made or locked.
    #[error("cannot lock the data directory {}; give this user write access to it", directory.display())]
    Unusable {
        /// The directory.
        directory: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Takes the directory, creating it if it is missing. Never waits.
///
/// # Errors
/// [`LockError::Held`] when another process has it, [`LockError::Unusable`] when it cannot be locked.
pub fn lock_data_dir(directory: &Path) -> Result<DirLock, LockError> {
    let unusable = |source| LockError::Unusable { directory: directory.to_owned(), source };
    let mut file = lock_file(directory).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(LockError::Held { directory: directory.to_owned() });
        }
        Err(TryLockError::Error(source)) => return Err(unusable(source)),
    }
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(unusable)?;
    Ok(DirLock { _file: file })
}

/// True when a process has ever locked this directory as its own.
pub fn is_data_dir(directory: &Path) -> bool {
    directory.join(LOCK_FILE).is_file()
}

fn lock_file(directory: &Path) -> io::Result<File> {
    fs::create_dir_all(directory)?;
    OpenOptions::new().create(true).truncate(false).write(true).open(directory.join(LOCK_FILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_instance_is_told_that_the_directory_is_taken_until_the_first_ends() {
        let directory = tempfile::tempdir().unwrap();
        let first = lock_data_dir(&directory.path().join("data")).unwrap();
        let second = lock_data_dir(&directory.path().join("data")).unwrap_err();
        assert!(second.to_string().starts_with("another kestrel runs on this data directory"), "{second}");
        drop(first);
        assert!(lock_data_dir(&directory.path().join("data")).is_ok());
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("file"), "").unwrap();
        let error = lock_data_dir(&directory.path().join("file/data")).unwrap_err();
        assert!(matches!(error, LockError::Unusable { .. }), "{error}");
    }
}
