//! The texts of a proposal: Markdown for the folder, plain words for the terminal.
//!
//! A hypothesis may be a language model's: nothing of it becomes markup.

use std::fmt::Write as _;

use domain::messages::evolution::{ProposalRecord, ProposalStatus, ShadowRecord};
use optimizer::evidence::{Check, Evidence};
use optimizer::gauntlet::Verdict;

use super::difference;

/// Text within Markdown: what means something there is escaped.
fn plain(text: &str) -> String {
    let mut escaped = String::new();
    for one in text.chars().map(|one| if one.is_control() { ' ' } else { one }) {
        if one.is_ascii_punctuation()
            && !matches!(one, '.' | ',' | ':' | ';' | '/' | '%' | '\'' | '"' | '=' | '?')
        {
            escaped.push('\\');
        }
        escaped.push(one);
    }
    escaped
}

fn verdict(check: &Check) -> &'static str {
    if check.passed { "passed" } else { "FAILED" }
}

/// `evidence.md`: one row per check.
pub(super) fn evidence(record: &ProposalRecord, evidence: &Result<Evidence, String>) -> String {
    let mut text = format!("# Evidence of proposal {}\n\n", record.number);
    match evidence {
        Ok(evidence) => text + &table(&with_shadow(record, evidence)),
        Err(why) => {
            let _ = write!(
                text,
                "The evidence is in no form that this version knows ({}); it follows as it was booked.\n\n",
                plain(why)
            );
            text + &fenced("json", &record.evidence)
        }
    }
}

/// The evidence as it was drafted, and what its shadow showed since.
fn with_shadow(record: &ProposalRecord, evidence: &Evidence) -> Evidence {
    let mut whole = evidence.clone();
    whole.checks.extend(shadow_checks(record));
    whole
}

fn table(evidence: &Evidence) -> String {
    let mut text = "| gate | check | measured | needed | verdict |\n|---|---|---|---|---|\n".to_owned();
    for check in &evidence.checks {
        let cells = [&check.what, &check.measured, &check.needed].map(|cell| plain(cell));
        let [what, measured, needed] = cells;
        let _ = writeln!(text, "| {} | {what} | {measured} | {needed} | {} |", check.gate, verdict(check));
    }
    if evidence.checks.is_empty() {
        text.push_str("| - | nothing was checked | - | - | FAILED |\n");
    }
    let _ = write!(text, "\nTrials that the market ever saw, this one included: {}.\n", evidence.trials);
    for note in &evidence.notes {
        let _ = write!(text, "\n- {}", plain(note));
    }
    text + "\n"
}

/// A block that its content cannot end.
fn fenced(language: &str, content: &str) -> String {
    let longest = content.split(|one| one != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", content.trim_end())
}

/// How the line of the number and the market ends.
pub(super) fn status_words(status: ProposalStatus) -> String {
    format!("status: **{}**.", status.to_string().replace('_', " "))
}

/// `report.md`: everything on one page.
pub(super) fn report(
    record: &ProposalRecord,
    evidence: &Result<Evidence, String>,
    pictures: &[(String, String)],
) -> String {
    let mut text = format!("# {}\n\n", plain(&record.title()));
    let status = status_words(record.status);
    let _ = write!(text, "Proposal {}, market {}, {status}\n\n", record.number, record.market);
    let _ = write!(text, "Identity: `{}`\n\n", record.hash);
    let _ = write!(text, "## Why it should be better\n\n{}\n\n", plain(&record.hypothesis));
    let _ = write!(text, "## What changes\n\n{}\n", fenced("diff", &difference(record)));
    let _ = write!(text, "## Evidence\n\n");
    match evidence {
        Ok(evidence) => text += &table(&with_shadow(record, evidence)),
        Err(_) => text += "See `evidence.md`.\n",
    }
    shadow(record).iter().for_each(|line| text.push_str(&format!("\n{}\n", plain(line))));
    for (file, name) in pictures {
        let _ = write!(text, "\n![{}]({file})\n", plain(name));
    }
    let _ = write!(text, "\n## History\n\n| when (UTC) | status | by | why |\n|---|---|---|---|\n");
    for change in &record.history {
        let when = change.at.format("%Y-%m-%d %H:%M:%S");
        let status = change.status.to_string().replace('_', " ");
        let _ = writeln!(text, "| {when} | {status} | {} | {} |", plain(&change.by), plain(&change.reason));
    }
    match next(record.status, &record.number.to_string()) {
        Some(next) => text + "\n## Decide\n\n" + &fenced("sh", &next),
        None => text,
    }
}

/// The proposal in plain words.
pub fn in_words(record: &ProposalRecord) -> String {
    let status = record.status.to_string().replace('_', " ");
    let mut text = format!("{}\nproposal {}, {status}, {}\n", record.title(), record.number, record.hash);
    let _ = write!(text, "why: {}\n\n", record.hypothesis);
    text += &difference(record);
    text.push('\n');
    match Evidence::parse(&record.evidence) {
        Ok(evidence) => {
            for check in &evidence.checks {
                let Check { gate, what, measured, needed, .. } = check;
                let _ = writeln!(text, "{gate} {}: {what}: {measured}, needed {needed}", verdict(check));
            }
            if evidence.checks.is_empty() {
                text.push_str("Nothing was checked.\n");
            }
            let _ = writeln!(text, "Trials that the market ever saw: {}", evidence.trials);
            evidence.notes.iter().for_each(|note| text.push_str(&format!("{note}\n")));
            for check in shadow_checks(record) {
                let Check { gate, what, measured, needed, .. } = &check;
                let _ = writeln!(text, "{gate} {}: {what}: {measured}, needed {needed}", verdict(&check));
            }
            shadow(record).iter().for_each(|line| text.push_str(&format!("{line}\n")));
        }
        Err(why) => {
            let _ =
                writeln!(text, "The evidence is in no form that this version knows ({why}); --json has it.");
        }
    }
    text.push('\n');
    for change in &record.history {
        let when = change.at.format("%Y-%m-%d %H:%M:%S");
        let status = change.status.to_string().replace('_', " ");
        let _ = writeln!(text, "{when} {status} by {}: {}", change.by, change.reason);
    }
    text + &next(record.status, &record.number.to_string()).unwrap_or_default()
}

/// How it does beside the incumbent, in a sentence; none where it has no shadow.
fn shadow(record: &ProposalRecord) -> Option<String> {
    let ShadowRecord { plan, sessions, .. } = record.shadow.as_ref()?;
    let percent = |sum: i64| {
        format!(
            "{}{}.{:02} %",
            if sum < 0 { "-" } else { "" },
            sum.abs() / 10_000_000,
            sum.abs() / 100_000 % 100
        )
    };
    let draft = percent(sessions.iter().map(|session| session.challenger_ppb).sum());
    let incumbent = percent(sessions.iter().map(|session| session.incumbent_ppb).sum());
    let decisions: u32 = sessions.iter().map(|session| session.decisions).sum();
    Some(format!(
        "In the shadow after {}, until {} at the latest: {} sessions with {decisions} purchases and sales; it earned {draft}, the incumbent {incumbent}.",
        plan.after,
        plan.expires,
        sessions.len(),
    ))
}

/// What the shadow showed; nothing while it goes on.
fn shadow_checks(record: &ProposalRecord) -> Vec<Check> {
    let verdict = record.shadow.as_ref().and_then(|shadow| shadow.verdict.as_deref());
    let read = verdict.and_then(|text| serde_json::from_str::<Verdict>(text).ok());
    read.map(|verdict| verdict.evidence()).unwrap_or_default()
}

/// The commands that are possible now.
fn next(status: ProposalStatus, number: &str) -> Option<String> {
    let command = |what: &str| format!("kestrel proposals {what} {number} --reason \"...\"\n");
    match status {
        ProposalStatus::ReadyForReview => Some(command("approve") + &command("reject")),
        ProposalStatus::Draft | ProposalStatus::Approved => Some(command("reject")),
        ProposalStatus::Active => Some(command("rollback")),
        ProposalStatus::Rejected | ProposalStatus::Retired => None,
    }
}
