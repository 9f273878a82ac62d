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
    /// What was seen.
    pub found: String,
    /// What to do about it; there for each warning and problem, and for nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Finding {
    fn good(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Good, found: found.into(), remedy: None }
    }

    fn skipped(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Skipped, found: found.into(), remedy: None }
    }

    fn warning(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Warning, found: found.into(), remedy: Some(remedy.into()) }
    }

    fn problem(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Problem, found: found.into(), remedy: Some(remedy.into()) }
    }

    /// An error that says after its last semicolon what to do, as those of settings, books and doors do; one that does not is
    /// answered with `otherwise`.
    fn told(
        check: &'static str,
        verdict: Verdict,
        error: &impl std::string::ToString,
        otherwise: &str,
    ) -> Self {
        let text = error.to_string();
        let (found, remedy) = text.rsplit_once("; ").unwrap_or((&text, otherwise));
        Self { check, verdict, found: found.to_owned(), remedy: Some(remedy.to_owned()) }
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
        for Finding { check, verdict, found, remedy } in &self.findings {
            write!(f, "{:<8} {check:<9} {found}", verdict.word())?;
            remedy.iter().try_for_each(|remedy| write!(f, "; {remedy}"))?;
            writeln!(f)?;
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
            let wrong: Vec<_> = mistakes.0.iter().map(ToString::to_string).collect();
            let remedy = "mend them in the environment or in .env; all settings: kestrel settings";
            findings.push(Finding::problem("settings", wrong.join("; "), remedy));
            None
        }
    };
    findings.extend(local::books(&database));
    if let Some(config) = config {
        findings.push(local::calendar(&config));
        findings.push(local::evolution(&config));
        findings.extend(remote::all(&config));
    }
    Report { findings }
}

#[cfg(test)]
mod tests;
