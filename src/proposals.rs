//! Proposals as folders, like pull requests: what changes, why it should be better, and the evidence.
//!
//! The books hold a proposal; its folder is a copy for people and for their tools, written anew whenever something happens to it.

mod folders;
mod keeper;
mod plot;
mod report;
#[cfg(test)]
mod tests;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use domain::messages::evolution::ProposalRecord;
use optimizer::evidence::{Curve, Evidence};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};
use strategy::form::Strategy;

use crate::store::write_private;

pub use folders::{Folders, KEPT_MAX, KEPT_MIN};
pub use keeper::{bring_up_to_date, keep};
pub use report::in_words;

/// Lines around a change.
const CONTEXT: usize = 3;
/// Changed lines that a list shows of one proposal.
const CHANGES_MAX: usize = 12;

/// Writes the folder of a proposal anew: `strategy.json`, `diff.txt`, `evidence.md`, a picture for each curve, `report.md`. Each
/// file is whole, the old one or the new one.
///
/// # Errors
/// What could not be written, and why.
fn write(proposals: &Path, record: &ProposalRecord) -> Result<PathBuf, String> {
    let folder = proposals.join(record.folder());
    let failed =
        |what: &Path, why: &dyn std::fmt::Display| format!("{} cannot be written: {why}", what.display());
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(|error| failed(&folder, &error))?;
    for (name, text) in files(record) {
        let file = folder.join(name);
        write_private(&file, text.as_bytes()).map_err(|error| failed(&file, &error))?;
    }
    Ok(folder)
}

/// The files of a proposal: name and content.
fn files(record: &ProposalRecord) -> Vec<(String, String)> {
    let evidence = Evidence::parse(&record.evidence);
    let mut files = vec![
        ("strategy.json".to_owned(), pretty(&record.strategy)),
        ("diff.txt".to_owned(), difference(record)),
        ("evidence.md".to_owned(), report::evidence(record, &evidence)),
    ];
    for (name, curve) in pictures(&evidence) {
        files.extend(plot::draw(curve).map(|svg| (name, svg)));
    }
    files.push(("report.md".to_owned(), report(record)));
    files
}

/// `report.md`: it says everything that may change of a proposal.
fn report(record: &ProposalRecord) -> String {
    let evidence = Evidence::parse(&record.evidence);
    let pictures: Vec<_> = pictures(&evidence).map(|(file, curve)| (file, curve.name.clone())).collect();
    report::report(record, &evidence, &pictures)
}

/// The curves that can be drawn, each with its file.
fn pictures(evidence: &Result<Evidence, String>) -> impl Iterator<Item = (String, &Curve)> {
    let curves = evidence.iter().flat_map(|evidence| evidence.curves.iter().enumerate());
    let drawn = curves.filter(|(_, curve)| plot::has_points(curve));
    drawn.map(|(place, curve)| (format!("plot-{}.svg", place + 1), curve))
}

/// The same JSON, a line per value; text that is none stays as it is.
fn pretty(json: &str) -> String {
    let parsed: Result<Value, _> = serde_json::from_str(json);
    parsed.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_else(|_| json.to_owned()) + "\n"
}

/// What changes against the incumbent, as unified diffs: in words where both can be read, then in JSON.
fn difference(record: &ProposalRecord) -> String {
    let before = record.incumbent.as_deref();
    let in_json = unified(record, &before.map(pretty).unwrap_or_default(), &pretty(&record.strategy));
    match (before.map(words), words(&record.strategy)) {
        (Some(Some(before)), Some(after)) => unified(record, &before, &after) + "\n" + &in_json,
        (None, Some(after)) => unified(record, "", &after) + "\n" + &in_json,
        (Some(None), _) | (_, None) => in_json,
    }
}

/// The changed lines alone, as a list shows them; where a strategy cannot be read, those of its JSON.
pub fn changes_in_words(record: &ProposalRecord) -> Vec<String> {
    let before = record.incumbent.as_deref();
    let in_words = words(&record.strategy).map(|after| (before.map(words), after));
    let (before, after) = match in_words {
        Some((Some(Some(before)), after)) => (before, after),
        Some((None, after)) => (String::new(), after),
        Some((Some(None), _)) | None => (before.map(pretty).unwrap_or_default(), pretty(&record.strategy)),
    };
    let diff = TextDiff::from_lines(&before, &after);
    let changed = diff.iter_all_changes().filter(|change| change.tag() != ChangeTag::Equal);
    let mut lines: Vec<String> =
        changed.map(|change| format!("{} {}", change.tag(), change.value().trim())).collect();
    if lines.len() > CHANGES_MAX {
        let more = lines.len() - CHANGES_MAX;
        lines.truncate(CHANGES_MAX);
        lines.push(format!("and {more} lines more"));
    }
    lines
}

fn words(json: &str) -> Option<String> {
    Strategy::from_json(json).ok().map(|strategy| strategy.words())
}

fn unified(record: &ProposalRecord, before: &str, after: &str) -> String {
    let name = if record.incumbent.is_some() { "incumbent" } else { "the operator's settings" };
    let diff = TextDiff::from_lines(before, after);
    diff.unified_diff().context_radius(CONTEXT).header(name, &record.folder()).to_string()
}
