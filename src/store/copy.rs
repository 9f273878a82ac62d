//! A copy of the books while they are in use: one state of them, checked before it gets its name.
//!
//! `VACUUM INTO` reads within one transaction, so a running agent is neither waited for nor stopped.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::open::{OpenError, existing, open_read_only};

/// How often whoever waits is told.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// A finished copy.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Copied {
    /// Where it is.
    pub path: PathBuf,
    /// Its size, in bytes.
    pub size_bytes: u64,
    /// The newest event in it.
    pub last_event: u64,
}

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The books cannot be read.
    #[error(transparent)]
    Books(#[from] OpenError),
    /// Nothing is ever written over.
    #[error("{} exists already, and nothing is ever written over; name another file: kestrel backup FILE", .0.display())]
    Exists(PathBuf),
    /// The copy cannot be written.
    #[error("cannot write the copy {}: {why}; look at the folder, its rights and its space", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The copy is not sound; it was removed.
    #[error("the copy of the books is not sound ({0}) and was removed; check the books with: kestrel doctor")]
    Unsound(String),
}

/// Copies the books at `database` to `target`, telling now and then how much of it is done, in percent.
///
/// # Errors
/// [`CopyError`]; then no file of that name exists.
pub fn copy(
    database: &Path,
    target: &Path,
    mut progress: impl FnMut(u64) + Send,
) -> Result<Copied, CopyError> {
    let unwritable = |why: String| CopyError::Unwritable { path: target.to_owned(), why };
    if target.exists() {
        return Err(CopyError::Exists(target.to_owned()));
    }
    let mut connection = existing(database)?;
    let expected = size(&mut connection).map_err(|error| unwritable(error.to_string()))?;
    let partial = beside(target);
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial);
    match created {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(CopyError::Exists(partial));
        }
        Err(error) => return Err(unwritable(error.to_string())),
    }
    let written = write(&mut connection, &partial, expected, &mut progress).map_err(unwritable);
    let copied = written.and_then(|()| finish(&partial, target));
    if copied.is_err() {
        // It is ours, and half done or unsound: nobody must take it for a copy.
        let _ = fs::remove_file(&partial);
    }
    copied
}

fn beside(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

#[derive(QueryableByName)]
struct Size {
    #[diesel(sql_type = BigInt)]
    bytes: i64,
}

/// What the copy will have: pages in use, without the free ones.
fn size(connection: &mut SqliteConnection) -> Result<u64, diesel::result::Error> {
    let row: Size = diesel::sql_query(
        "SELECT (c.page_count - f.freelist_count) * s.page_size AS bytes
           FROM pragma_page_count() AS c, pragma_freelist_count() AS f, pragma_page_size() AS s",
    )
    .get_result(connection)?;
    Ok(u64::try_from(row.bytes).unwrap_or(0))
}

/// Another thread looks at the growing file meanwhile: SQLite itself does not tell.
fn write(
    connection: &mut SqliteConnection,
    partial: &Path,
    expected: u64,
    progress: &mut (impl FnMut(u64) + Send),
) -> Result<(), String> {
    let path = partial.to_str().ok_or("the path is not UTF-8")?.to_owned();
    std::thread::scope(|scope| {
        let (ended, end) = std::sync::mpsc::channel::<()>();
        let watcher = scope.spawn(move || {
            while end
                .recv_timeout(TELL_EVERY)
                .is_err_and(|error| error == std::sync::mpsc::RecvTimeoutError::Timeout)
            {
                let written = fs::metadata(partial).map_or(0, |file| file.len());
                progress((written.saturating_mul(100) / expected.max(1)).min(99));
            }
        });
        let result = diesel::sql_query("VACUUM INTO ?").bind::<Text, _>(path).execute(connection);
        drop(ended);
        // A progress line that panicked is none of the copy's business.
        let _ = watcher.join();
        result.map(|_| ()).map_err(|error| error.to_string())
    })
}

/// Checks the copy, brings it to the disk, and gives it its name, unless a file took that name meanwhile.
fn finish(partial: &Path, target: &Path) -> Result<Copied, CopyError> {
    let unwritable =
        |error: std::io::Error| CopyError::Unwritable { path: target.to_owned(), why: error.to_string() };
    let mut reader = open_read_only(partial)?;
    reader.check().map_err(CopyError::Unsound)?;
    let last_event = reader.last_event().map_err(|error| CopyError::Unsound(error.to_string()))?;
    drop(reader);
    let file = File::open(partial).map_err(unwritable)?;
    file.sync_all().map_err(unwritable)?;
    let size_bytes = file.metadata().map_err(unwritable)?.len();
    match fs::hard_link(partial, target) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(CopyError::Exists(target.to_owned()));
        }
        linked => linked.map_err(unwritable)?,
    }
    fs::remove_file(partial).map_err(unwritable)?;
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all()).map_err(unwritable)?;
    Ok(Copied { path: target.to_owned(), size_bytes, last_event: last_event.0 })
}
