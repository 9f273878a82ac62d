//! Keeps the folders of proposals as the books have them, whoever changed one: a person, a session of its shadow, or one that began.
//!
//! It is told nothing and looks at the books again and again, so that nothing has to remember to tell it, and what could not be
//! written is tried again at the next look.

use std::time::Duration;

use super::Folders;
use crate::control::OpenReader;
use crate::store::{NewestRow, SqliteReader};

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

/// Brings every folder up to date when something was booked since `seen`; the newest of what was.
///
/// # Errors
/// What could not be read or written; then the next look does all of it again.
pub(super) fn look(
    folders: &Folders,
    books: &OpenReader,
    seen: Option<NewestRow>,
) -> Result<Option<NewestRow>, String> {
    let mut reader = books()?;
    let newest = reader.newest_of_proposals().map_err(|error| error.to_string())?;
    if seen != Some(newest) {
        bring_up_to_date(folders, &mut reader)?;
    }
    Ok(Some(newest))
}

/// Writes every folder anew that does not say what the books say.
///
/// # Errors
/// What could not be read or written, and why.
pub fn bring_up_to_date(folders: &Folders, books: &mut SqliteReader) -> Result<(), String> {
    for record in books.proposals().map_err(|error| error.to_string())? {
        if !folders.is_current(&record) {
            folders.write(&record)?;
        }
    }
    Ok(())
}
