//! `kestrel doctor`: looks at everything that a start and a day of trading need, and says what to do about what is wrong.
//!
//! It changes nothing: no order, no migration, no file but the token that KIS gives, which the agent would fetch too.

mod local;
mod model;
mod remote;

use std::fmt;
use std::process::ExitCode;

use serde::Serialize;

use crate::cli::ShowArgs;
use crate::commands::exit;
use crate::config::Config;
use crate::terminal;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Not wanted, or not there yet: nothing depends on it.
    Skipped,
    /// It works, and a person should know.
    Warning,
    /// It does not work.
    Problem,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Skipped => "skipped",
            Self::Warning => "WARNING",
            Self::Problem => "PROBLEM",
        }
    }
}

/// What one look found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// How it is.
    pub verdict: Verdict,
    /// What was seen, and for a problem what to do.
    pub found: String,
}

impl Finding {
    fn new(check: &'static str, verdict: Verdict, found: impl Into<String>) -> Self {
        Self { check, verdict, found: found.into() }
    }
}

/// Everything that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// One per look, in order.
    pub findings: Vec<Finding>,
}

impl Report {
    /// True when nothing is wrong; a warning is not.
    pub fn is_well(&self) -> bool {
        self.findings.iter().all(|finding| finding.verdict != Verdict::Problem)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { check, verdict, found } in &self.findings {
            writeln!(f, "{:<8} {check:<9} {found}", verdict.word())?;
        }
        let problems = self.findings.iter().filter(|finding| finding.verdict == Verdict::Problem).count();
        match problems {
            0 => write!(f, "Nothing stands against a start: kestrel run"),
            1 => write!(f, "One problem. Mend it and ask again: kestrel doctor"),
            many => write!(f, "{many} problems. Mend them and ask again: kestrel doctor"),
        }
    }
}

/// Looks at everything; exit 1 when something is wrong.
pub fn run(args: ShowArgs) -> ExitCode {
    let report = examine();
    let text = if args.json { serde_json::to_string_pretty(&report).ok() } else { None };
    match text {
        Some(json) => terminal::line(json),
        None => terminal::line(&report),
    }
    if report.is_well() { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) }
}

/// The place of the books is known even where other settings are wrong; what lies beyond this machine is asked only with
/// settings that are right.
fn examine() -> Report {
    let database = Config::database_setting();
    let mut findings = Vec::new();
    let config = match Config::load() {
        Ok(config) => {
            findings.push(local::settings(&config));
            Some(config)
        }
        Err(mistakes) => {
            let wrong =
                format!("{}; all settings: kestrel settings", mistakes.to_string().replace('\n', "; "));
            findings.push(Finding::new("settings", Verdict::Problem, wrong));
            None
        }
    };
    findings.extend(local::books(&database));
    if let Some(config) = config {
        findings.push(local::calendar(&config));
        findings.extend(remote::all(&config));
    }
    Report { findings }
}

#[cfg(test)]
mod tests;
