//! Keeps the folders of proposals as the books have them, whoever changed one: a person, its shadow, or a session that began.
//!
//! It is told nothing and looks at the books again and again, so that nothing has to remember to tell it, and what could not be
//! written is tried again at the next look.

use std::time::Duration;

use super::Folders;
use crate::control::OpenReader;

/// Real time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Looks at the books as long as the process runs.
pub async fn keep(folders: Folders, books: OpenReader) {
    let (mut seen, mut told) = (None, None);
    loop {
        let (folders, books) = (folders.clone(), books.clone());
        #[expect(
            clippy::disallowed_methods,
            reason = "in real time only, and a slow disk must not hold the actors of this thread"
        )]
        let looked = tokio::task::spawn_blocking(move || look(&folders, &books, seen)).await;
        match looked.map_err(|error| error.to_string()).flatten() {
            Ok(newest) => (seen, told) = (newest, None),
            // Said once, however often it fails.
            Err(why) if told.as_ref() != Some(&why) => {
                tracing::warn!(why, "the folders of proposals are not up to date");
                told = Some(why);
            }
            Err(_) => {}
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Brings every folder up to date when something has changed since the change number `seen`; the newest one.
///
/// # Errors
/// What could not be read or written; then the next look does all of it again.
pub(super) fn look(folders: &Folders, books: &OpenReader, seen: Option<i64>) -> Result<Option<i64>, String> {
    let mut reader = books()?;
    let newest = reader.newest_change().map_err(|error| error.to_string())?;
    if newest == seen {
        return Ok(seen);
    }
    for record in reader.proposals().map_err(|error| error.to_string())? {
        if !folders.is_current(&record) {
            folders.write(&record)?;
        }
    }
    Ok(newest)
}
