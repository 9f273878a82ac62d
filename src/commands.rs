//! The commands: what each does, and the exit code it ends with.

mod alone;
mod backtest;
mod data;
mod elsewhere;
mod proposals;
mod reading;
mod replaying;
mod standing;
mod strategy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use domain::messages::limits::LimitsChange;
use domain::messages::operator::Question;
use domain::messages::symbols::Resolution;
use optimizer::calibration::FamilyReport;
use serde::Serialize;

use crate::cli::{
    BudgetArgs, Cli, Command, DemoArgs, HaltArgs, IndicatorsArgs, LimitsArgs, MarketsArgs, ParseReplyArgs,
    ReduceArgs, Rehearsed, ReleaseArgs, ResolveArgs, ResumeArgs, SettingsArgs, SimulateArgs, SoakArgs,
    StatusArgs, VerifyArgs,
};
use crate::config::{Config, settings};
use crate::control::standing::MarketStanding;
use crate::control::wire::{Reply, Request};
use crate::control::{self, ControlError, client, insist, listed};
use crate::{
    agent, demo, doctor, hardening, indicators, markets, parse_reply, simulate, telemetry, terminal, verify,
    web,
};

/// Exit codes (architecture 4). Zero is success.
pub mod exit {
    /// An actor could not be kept alive, or blocked its thread.
    pub const ESCALATED: u8 = 70;
    /// The drain after SIGTERM did not finish in time; the journal settles the rest.
    pub const DRAIN_TIMED_OUT: u8 = 75;
    /// The settings, the data directory or the database do not allow a start.
    pub const CONFIGURATION: u8 = 78;
    /// A command was not carried out.
    pub const FAILED: u8 = 1;
}

/// Runs the command.
pub fn run(cli: Cli) -> ExitCode {
    match cli.command {
        None => demonstrate(&cli.demo),
        Some(Command::Demo(args)) => demonstrate(&args),
        Some(Command::Simulate(args)) => exchange(&args),
        Some(Command::Run) => agent(),
        Some(Command::Halt(args)) => halt(args),
        Some(Command::Reduce(args)) => reduce(args),
        Some(Command::Resume(args)) => resume(args),
        Some(Command::Release(args)) => release(args),
        Some(Command::Resolve(args)) => resolve(args),
        Some(Command::Limits(args)) => limits(args),
        Some(Command::Status(args)) => status(args),
        Some(Command::Positions(args)) => reading::answer(&Question::Positions, args.json),
        Some(Command::Orders(args)) => reading::answer(&args.question(), args.json),
        Some(Command::Decisions(args)) => reading::answer(&args.question(), args.json),
        Some(Command::Events(args)) => reading::events(&args),
        Some(Command::Pnl(args)) => reading::answer(&Question::Pnl { since: args.since }, args.json),
        Some(Command::Why(args)) => reading::answer(&args.question(), args.json),
        Some(Command::WhyNot(args)) => reading::answer(&args.question(), args.json),
        Some(Command::Export(args)) => elsewhere::export(&args),
        Some(Command::Backup(args)) => elsewhere::backup(&args),
        Some(Command::ImportTrades(args)) => elsewhere::import_trades(&args),
        Some(Command::Proposals(args)) => proposals::proposals(args),
        Some(Command::Strategy(args)) => strategy::strategy(args),
        Some(Command::Data(args)) => data::data(&args),
        Some(Command::Doctor(args)) => doctor::run(args),
        Some(Command::Health(args)) => reading::health(args),
        Some(Command::Budget(args)) => budget(args),
        Some(Command::Healthcheck(args)) => elsewhere::healthcheck(args),
        Some(Command::Verify(args)) if args.gate => measure_gates(&args),
        Some(Command::Verify(VerifyArgs { evolution: Some(what), cycles, first_seed, json, .. })) => {
            rehearse(what, cycles, first_seed, json)
        }
        Some(Command::Verify(args)) => prove(args),
        Some(Command::Soak(args)) => soak(args),
        Some(Command::Markets(args)) => show_markets(&args),
        Some(Command::Backtest(args)) => backtest::backtest(&args),
        Some(Command::Indicators(args)) => show_indicators(&args),
        Some(Command::ParseReply(args)) => parse_reply(&args),
        Some(Command::Replay(args)) => replaying::replay(&args),
        Some(Command::Settings(args)) => show_settings(args),
    }
}

fn demonstrate(args: &DemoArgs) -> ExitCode {
    // Its books are nobody else's either, and it shows what `doctor` finds of a true agent.
    if let Err(why) = hardening::harden() {
        return failed(why, exit::FAILED);
    }
    match demo::run(args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(exit::FAILED),
        Err(why) => failed(why, exit::FAILED),
    }
}

fn exchange(args: &SimulateArgs) -> ExitCode {
    match simulate::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(why, exit::FAILED),
    }
}

fn soak(args: SoakArgs) -> ExitCode {
    let SoakArgs { days, seed, markets, json, svg } = args;
    if let Some(path) = svg.as_ref().filter(|path| path.exists()) {
        let why = format!("{} is there already; name a file that does not exist", path.display());
        return failed(why, exit::FAILED);
    }
    let tell = move |day: &verify::Day| {
        if !json {
            terminal::line(day);
        }
    };
    let report = match verify::soak(&verify::SoakOptions { days, seed, markets }, tell) {
        Ok(report) => report,
        Err(why) => return failed(why, exit::FAILED),
    };
    if let Some(path) = svg
        && let Err(error) = std::fs::write(&path, report.picture())
    {
        return failed(format!("{} cannot be written: {error}", path.display()), exit::FAILED);
    }
    let text = if json { serde_json::to_string_pretty(&report) } else { Ok(report.to_string()) };
    match text {
        Ok(text) => terminal::line(text),
        Err(error) => return failed(error, exit::FAILED),
    }
    if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) }
}

fn prove(args: VerifyArgs) -> ExitCode {
    #[cfg(feature = "mutants")]
    let _until_the_end = args.mutant.map(supervision::mutant::activate);
    #[cfg(feature = "mutants")]
    let stops_at_violation = args.mutant.is_some();
    #[cfg(not(feature = "mutants"))]
    let stops_at_violation = false;
    let has_compromised_model = args.compromised_model;
    let VerifyArgs { seeds, first_seed, orders, days, minutes, calendar, markets, json, story, .. } = args;
    let pace = if calendar { verify::Pace::Calendar } else { verify::Pace::Watches { minutes } };
    let keeps_story = story;
    let options = verify::Options {
        seeds,
        first_seed,
        orders_min: orders,
        days,
        pace,
        markets,
        has_compromised_model,
        keeps_story,
        stops_at_violation,
    };
    let progress = |seed: &verify::SeedReport| {
        seed.story.iter().for_each(terminal::line);
        if !json {
            terminal::line(seed);
        }
    };
    match verify::run(&options, progress) {
        Ok(report) => {
            let text = if json { serde_json::to_string_pretty(&report) } else { Ok(report.to_string()) };
            match text {
                Ok(text) => terminal::line(text),
                Err(error) => return failed(error, exit::FAILED),
            }
            if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) }
        }
        Err(why) => failed(why, exit::FAILED),
    }
}

fn measure_gates(args: &VerifyArgs) -> ExitCode {
    let progress = |family: &FamilyReport| {
        if !args.json {
            terminal::line(verify::gate::Line(family));
        }
    };
    match verify::gate::run(args.families, args.first_seed, progress) {
        Ok(report) => {
            let text = if args.json {
                serde_json::to_string_pretty(&report)
            } else {
                Ok(verify::gate::Text(&report).to_string())
            };
            match text {
                Ok(text) => terminal::line(text),
                Err(error) => return failed(error, exit::FAILED),
            }
            if report.is_good() { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) }
        }
        Err(why) => failed(why, exit::FAILED),
    }
}

/// Strategies that a rehearsed cycle tries.
const REHEARSED_TRIALS: u32 = 64;

fn rehearse(what: Rehearsed, cycles: u32, seed: u64, json: bool) -> ExitCode {
    let kind = match what {
        Rehearsed::Planted => verify::evolution::Kind::Planted,
        Rehearsed::None => verify::evolution::Kind::None,
    };
    let progress = |line: &str| {
        if !json {
            terminal::line(line);
        }
    };
    let options = verify::evolution::Options { kind, cycles, seed, trials: REHEARSED_TRIALS };
    match verify::evolution::run(&options, progress) {
        Ok(report) => {
            show(&report, json);
            if report.is_good() { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) }
        }
        Err(why) => failed(why, exit::FAILED),
    }
}

fn agent() -> ExitCode {
    if let Err(why) = hardening::harden() {
        return failed(why, exit::CONFIGURATION);
    }
    let config = match Config::load() {
        Ok(config) => config,
        Err(mistakes) => return failed(mistakes, exit::CONFIGURATION),
    };
    #[cfg(feature = "faults")]
    let _mutant_until_the_end = match crate::faults::mutant() {
        Ok(mutant) => mutant,
        Err(why) => return failed(why, exit::CONFIGURATION),
    };
    let log = match telemetry::start(&config.log_filter, config.log_format) {
        Ok(guard) => guard,
        Err(why) => return failed(why, exit::CONFIGURATION),
    };
    let code = match agent::run(config) {
        Ok(ended) => ExitCode::from(ended.exit_code()),
        Err(why) => failed(why, exit::CONFIGURATION),
    };
    drop(log);
    code
}

fn halt(args: HaltArgs) -> ExitCode {
    let json = args.json;
    converse(halt_request(args), json)
}

fn halt_request(args: HaltArgs) -> Request {
    let HaltArgs { reason, flatten, cancel_open, by, json: _ } = args;
    let by = by.unwrap_or_else(user_name);
    match flatten {
        true => Request::Reduce { reason, by, flatten, cancel_open },
        false => Request::Halt { reason, by, cancel_open },
    }
}

fn reduce(args: ReduceArgs) -> ExitCode {
    let ReduceArgs { reason, cancel_open, by, json } = args;
    let by = by.unwrap_or_else(user_name);
    converse(Request::Reduce { reason, by, flatten: false, cancel_open }, json)
}

fn limits(args: LimitsArgs) -> ExitCode {
    let Some(change) = args.change() else {
        return failed("a limit is given twice; give each once", exit::FAILED);
    };
    let json = args.json;
    let by = args.by.unwrap_or_else(user_name);
    let reason = args.reason.unwrap_or_default();
    let request = match args.withdraw {
        true => Request::WithdrawLimits { reason, by },
        false if change.is_empty() => return show_limits(by, json),
        false => Request::Limits { reason, by, change },
    };
    converse(request, json)
}

/// From the agent; those of the next start when none runs.
fn show_limits(by: String, json: bool) -> ExitCode {
    let request = Request::Limits { reason: String::new(), by, change: LimitsChange::default() };
    match client::ask(&data_directory(), &request) {
        Err(ControlError::NotRunning { .. }) => read_alone(alone::limits(), json),
        Ok(_) | Err(_) => converse(request, json),
    }
}

fn read_alone(found: Result<impl Serialize + std::fmt::Display, String>, json: bool) -> ExitCode {
    match found {
        Ok(found) => {
            show(&found, json);
            ExitCode::SUCCESS
        }
        Err(why) => failed(why, exit::FAILED),
    }
}

fn resume(args: ResumeArgs) -> ExitCode {
    let by = args.by.clone().unwrap_or_else(user_name);
    let ResumeArgs { halt, reason, reducing, json, .. } = args;
    converse(Request::Resume { halt, by, reason: reason.unwrap_or_default(), reducing }, json)
}

fn release(args: ReleaseArgs) -> ExitCode {
    let ReleaseArgs { instrument, reason, by, json } = args;
    converse(Request::Release { instrument, by: by.unwrap_or_else(user_name), reason }, json)
}

fn resolve(args: ResolveArgs) -> ExitCode {
    let ResolveArgs { intent, order, none: _, reason, by, json } = args;
    // The command line demands exactly one of the two answers.
    let resolution = order.map_or(Resolution::None, Resolution::Order);
    converse(Request::Resolve { intent, resolution, by: by.unwrap_or_else(user_name), reason }, json)
}

/// From the agent; where none runs, what its books keep for the next start, and the exit code of a failure.
fn status(args: StatusArgs) -> ExitCode {
    match client::ask(&data_directory(), &Request::Status) {
        Err(none @ ControlError::NotRunning { .. }) => {
            if let Ok(standing) = standing::of(&Config::database_setting()) {
                show(&standing, args.json);
            }
            failed(none, exit::FAILED)
        }
        Ok(_) | Err(_) => converse(Request::Status, args.json),
    }
}

/// From the agent, which knows of calls that are under way; from the books when none runs.
fn budget(args: BudgetArgs) -> ExitCode {
    match client::ask(&data_directory(), &Request::Budget) {
        Ok(reply) => {
            show(&reply, args.json);
            if reply.is_done() { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) }
        }
        Err(ControlError::NotRunning { .. }) => read_alone(alone::budget(), args.json),
        Err(why) => failed(why, exit::FAILED),
    }
}

fn converse(request: Request, json: bool) -> ExitCode {
    // A reason that is too long must not cost the halt: it is cut here, not refused there.
    match insist::ask(&data_directory(), &control::cleaned(request)) {
        Ok(reply) => {
            let reply = listed(reply);
            show(&reply, json);
            if reply.is_done() { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) }
        }
        Err(why) => failed(why, exit::FAILED),
    }
}

/// A halt that no agent has listed anything for is shown with what the ledger knows. The books of a process that has found
/// them unfit, which confirms the halt itself, are left alone.
fn listed(reply: Reply) -> Reply {
    match (reply, Config::database_setting().file()) {
        (Reply::Halted(halted), Some(books)) if halted.lists_nothing() && !halted.broker_confirmed => {
            Reply::Halted(halted.with_ledger(listed::alone(books)))
        }
        (reply, _) => reply,
    }
}

fn show(reply: &(impl Serialize + std::fmt::Display), json: bool) {
    match serde_json::to_string_pretty(reply) {
        Ok(text) if json => terminal::line(text),
        Ok(_) | Err(_) => terminal::line(reply),
    }
}

/// A halt must work however wrong the other settings are: only DB_PATH is read.
fn data_directory() -> PathBuf {
    Config::database_setting().directory().map_or_else(|| PathBuf::from("data"), Path::to_path_buf)
}

/// Who calls: the shell's name of the user, or the number that the socket proves, which a container or cron has as well.
fn user_name() -> String {
    let named = |variable: &str| std::env::var(variable).ok().filter(|name| !name.trim().is_empty());
    let number = || format!("uid {}", rustix::process::geteuid().as_raw());
    named("USER").or_else(|| named("LOGNAME")).unwrap_or_else(number)
}

fn show_markets(args: &MarketsArgs) -> ExitCode {
    let overrides = args.overrides.clone().or_else(Config::calendar_overrides_setting);
    match markets::run(args, overrides.as_deref(), &running_agents_markets(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(why, exit::FAILED),
    }
}

fn show_indicators(args: &IndicatorsArgs) -> ExitCode {
    match indicators::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(why, exit::FAILED),
    }
}

fn parse_reply(args: &ParseReplyArgs) -> ExitCode {
    match parse_reply::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(why, exit::FAILED),
    }
}

/// What an agent that runs here has found of its markets; nothing when none runs, or another instant is asked for.
fn running_agents_markets(args: &MarketsArgs) -> Vec<MarketStanding> {
    if args.at.is_some() {
        return Vec::new();
    }
    match client::ask(&data_directory(), &Request::Status) {
        Ok(Reply::Status(status)) => status.markets,
        Ok(_) | Err(_) => Vec::new(),
    }
}

fn show_settings(args: SettingsArgs) -> ExitCode {
    let text = if args.env {
        settings::env_example()
    } else if args.markdown {
        settings::markdown_table()
    } else if args.metrics {
        web::metrics::markdown_table()
    } else {
        plain_settings()
    };
    terminal::line(text.trim_end());
    ExitCode::SUCCESS
}

fn plain_settings() -> String {
    let paragraph = |s: &settings::Setting| {
        let default = if s.default.is_empty() { "not set" } else { s.default };
        format!("{}\n    {}\n    allowed: {}; default: {default}\n", s.name, s.meaning, s.allowed)
    };
    settings::SETTINGS.iter().map(paragraph).collect()
}

fn failed(why: impl std::fmt::Display, code: u8) -> ExitCode {
    terminal::complain(why);
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use domain::messages::control::{Durability, HaltLevel, HaltRecord, HaltSource};

    use super::*;
    use crate::control::wire::Halted;

    #[test]
    fn the_options_of_a_halt_become_what_is_asked_of_the_agent() {
        let (reason, by) = (|| "x".to_owned(), || "ada".to_owned());
        let halt = |cancel_open| Request::Halt { reason: reason(), by: by(), cancel_open };
        let flatten =
            |cancel_open| Request::Reduce { reason: reason(), by: by(), flatten: true, cancel_open };
        for (options, expected) in [
            (&[][..], halt(false)),
            (&["--cancel-open"], halt(true)),
            (&["--flatten"], flatten(false)),
            (&["--flatten", "--cancel-open"], flatten(true)),
        ] {
            let line = ["kestrel", "halt", "--reason", "x", "--by", "ada"].iter().chain(options);
            let Some(Command::Halt(args)) = crate::cli::Cli::parse_from(line).command else {
                panic!("no halt")
            };
            assert_eq!(halt_request(args), expected, "{options:?}");
        }
    }

    #[test]
    fn a_halt_is_done_only_when_it_is_durable_and_confirmed() {
        let cases = [
            (Durability::Ledger, true, true),
            (Durability::EmergencyFile, true, true),
            (Durability::Ledger, false, false),
            (Durability::NotDurable, true, false),
        ];
        for (durability, broker_confirmed, done) in cases {
            let halt = HaltRecord {
                id: "h-1".into(),
                at: chrono::DateTime::UNIX_EPOCH,
                source: HaltSource::Operator,
                by: "ada".into(),
                reason: "test".into(),
                level: HaltLevel::Halted,
                nonce: domain::HaltNonce::default(),
                cancel_open: false,
            };
            let halted = Halted::bare(halt, durability, broker_confirmed, None);
            assert_eq!(Reply::Halted(halted).is_done(), done, "{durability:?} {broker_confirmed}");
        }
    }
}
