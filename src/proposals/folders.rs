//! The folders of proposals, and which of them go.
//!
//! Each change of a proposal writes its folder anew and lets those go that nobody decides on any more: of the rejected and
//! retired ones the newest stay. The books keep every proposal for ever, so that nothing but the copy goes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use domain::messages::evolution::{ProposalRecord, ProposalStatus};

use super::{report, write};

/// Fewest folders that a setting may keep.
pub const KEPT_MIN: u32 = 1;
/// Most folders that a setting may keep.
pub const KEPT_MAX: u32 = 10_000;

/// Where nobody decides any more.
const FINISHED: [ProposalStatus; 2] = [ProposalStatus::Rejected, ProposalStatus::Retired];

/// The folder of all proposals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    path: PathBuf,
    kept: u32,
}

impl Folders {
    /// Those beside the books, of which `kept` finished ones stay, [`KEPT_MIN`] to [`KEPT_MAX`].
    pub fn beside_books(data_directory: &Path, kept: u32) -> Self {
        Self { path: data_directory.join("proposals"), kept: kept.clamp(KEPT_MIN, KEPT_MAX) }
    }

    /// Writes the folder of a proposal anew, then drops the oldest finished ones beyond what is kept. What cannot be dropped is
    /// logged, and stays.
    ///
    /// # Errors
    /// What could not be written, and why.
    pub fn write(&self, record: &ProposalRecord) -> Result<PathBuf, String> {
        let written = write(&self.path, record)?;
        for folder in finished(&self.path).into_iter().skip(self.kept as usize) {
            if let Err(why) = drop_ours(&folder) {
                tracing::warn!(folder = %folder.display(), %why, "an old proposal's folder could not be dropped");
            }
        }
        Ok(written)
    }
}

impl Folders {
    /// True when the folder says what the books say, or nobody needs it any more: those of finished ones go when there are too many.
    pub(super) fn is_current(&self, record: &ProposalRecord) -> bool {
        match fs::read_to_string(self.path.join(record.folder()).join("report.md")) {
            Ok(text) => text == super::report(record),
            Err(error) => error.kind() == io::ErrorKind::NotFound && FINISHED.contains(&record.status),
        }
    }
}

impl optimizer::Folders for Folders {
    fn write(&self, record: &ProposalRecord) -> Result<(), String> {
        self.write(record).map(drop)
    }
}

/// Folders of rejected and retired proposals, newest first.
fn finished(path: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
    let mut finished: Vec<(u32, PathBuf)> = folders
        .filter_map(|entry| {
            let number = number_of(entry.file_name().to_str()?)?;
            let folder = entry.path();
            is_finished(&folder).then_some((number, folder))
        })
        .collect();
    finished.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    finished.into_iter().map(|(_, folder)| folder).collect()
}

/// The number of `0007-name`.
fn number_of(name: &str) -> Option<u32> {
    let (number, rest) = name.split_once('-')?;
    let is_ours = number.len() >= 4 && number.bytes().all(|byte| byte.is_ascii_digit()) && !rest.is_empty();
    number.parse().ok().filter(|_| is_ours)
}

/// What its report says; one without a report that can be read is not finished.
fn is_finished(folder: &Path) -> bool {
    let Ok(text) = fs::read_to_string(folder.join("report.md")) else { return false };
    FINISHED.into_iter().any(|status| says(&text, status))
}

/// True when a report says that its proposal stands there.
fn says(report: &str, status: ProposalStatus) -> bool {
    report.lines().any(|line| line.ends_with(&report::status_words(status)))
}

/// Removes the files that are ours, then the folder; with a file of somebody else's in it the whole folder stays.
fn drop_ours(folder: &Path) -> io::Result<()> {
    let names: Result<Vec<_>, _> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name())).collect();
    let names = names?;
    if names.iter().any(|name| !name.to_str().is_some_and(is_ours)) {
        return Ok(());
    }
    // The report goes last: until then it is known that the folder may go.
    for name in names.iter().filter(|name| *name != "report.md") {
        fs::remove_file(folder.join(name))?;
    }
    fs::remove_file(folder.join("report.md"))?;
    fs::remove_dir(folder)
}

fn is_ours(name: &str) -> bool {
    let name = name.strip_suffix(".tmp").unwrap_or(name);
    let is_plot = || {
        let number = name.strip_prefix("plot-").and_then(|rest| rest.strip_suffix(".svg"));
        number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    matches!(name, "strategy.json" | "diff.txt" | "evidence.md" | "report.md") || is_plot()
}
