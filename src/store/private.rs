//! Files that only the agent's user may open. New ones are made so by the umask; older ones are mended at the start.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The last good override file of the calendar.
pub const KEPT_OVERRIDES: &str = "calendar_overrides.last_good";

/// Bits of a mode that let group and others in.
const OTHERS: u32 = 0o077;

/// Takes the rights of group and others from the agent's own files in `directory`, and says what it could not mend:
/// each sentence names the file and the remedy. The directory may belong to something else too, so it is only told of.
pub fn keep_private(directory: &Path, database: &Path) -> Vec<String> {
    let mut complaints: Vec<String> =
        own_files(directory, database).iter().filter_map(|file| close(file)).collect();
    if is_open(directory) {
        let shown = directory.display();
        complaints
            .push(format!("others may enter the data directory {shown}; close it with: chmod 700 {shown}"));
    }
    complaints
}

/// Replaces `file`: written beside it and renamed, so that a crash leaves the old one or the new one, whole.
///
/// # Errors
/// What the disk says; the old one is still there.
pub fn write_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = file.with_added_extension("tmp");
    // A leftover could have other permissions; `mode` applies to new files only.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    new.write_all(bytes)?;
    new.sync_all()?;
    fs::rename(&beside, file)?;
    file.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

/// Which of the agent's own files, and its directory, others may open. Nothing is changed.
pub fn others_may_open(directory: &Path, database: &Path) -> Vec<PathBuf> {
    let files = own_files(directory, database);
    files.into_iter().chain([directory.to_owned()]).filter(|path| is_open(path)).collect()
}

fn own_files(directory: &Path, database: &Path) -> Vec<PathBuf> {
    let beside = |end: &str| {
        let mut name = database.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let named = ["HALT", "kestrel.lock", "kis_token.json", "exchange_token.json", KEPT_OVERRIDES]
        .map(|name| directory.join(name));
    ["", "-wal", "-shm"].map(beside).into_iter().chain(named).collect()
}

fn close(file: &Path) -> Option<String> {
    if !is_open(file) {
        return None;
    }
    let shown = file.display();
    match fs::set_permissions(file, Permissions::from_mode(0o600)) {
        Ok(()) => Some(format!("others could open {shown}; from now on only this user can")),
        Err(error) => Some(format!("others may open {shown} ({error}); close it with: chmod 600 {shown}")),
    }
}

fn is_open(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & OTHERS != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_others_could_open_are_closed_and_a_directory_is_told_of() {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("trades.db");
        let wal = directory.path().join("trades.db-wal");
        let foreign = directory.path().join("notes.txt");
        for file in [&database, &wal, &foreign] {
            fs::write(file, "x").unwrap();
            fs::set_permissions(file, Permissions::from_mode(0o644)).unwrap();
        }
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        let told = keep_private(directory.path(), &database);
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[2].contains("chmod 700"), "{told:?}");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&database), mode(&wal), mode(&foreign)), (0o600, 0o600, 0o644));
        fs::set_permissions(directory.path(), Permissions::from_mode(0o700)).unwrap();
        assert_eq!(keep_private(directory.path(), &database), Vec::<String>::new());
    }
}
