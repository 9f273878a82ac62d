//! What happens, line by line: decisions, refusals, orders, fills. Made from committed events only.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use domain::messages::control::TradingStatus;
use domain::messages::ledger::{EventKind, EventsAfter, LedgerEvent};
use domain::{EventId, Market};

use super::course::Course;
use crate::app::House;
use crate::cli::DemoArgs;
use crate::control::wire;
use crate::terminal::Printer;

const EVENTS_AT_ONCE: u16 = 500;
/// Decisions to hold come by the dozen each minute: they are counted, and shown as one line per so many seconds.
const QUIET_SECONDS: i64 = 300;

/// Prints news of the house.
pub(super) struct Progress<'a> {
    /// None: a program reads the summary alone.
    printer: Option<&'a Printer>,
    /// The newest event that was told, or was there before this demo.
    cursor: EventId,
    counted: BTreeMap<&'static str, u64>,
    last_count: Option<DateTime<Utc>>,
    /// Where an earlier demo is gone on from.
    goes_on_at: Option<DateTime<Utc>>,
}

/// How the demo is reached while it runs.
pub(super) struct Doors {
    /// The page, token included.
    pub(super) page: String,
    /// The database, for the command line.
    pub(super) books: PathBuf,
}

impl<'a> Progress<'a> {
    /// Tells what is committed after the event `told`; nothing without a printer.
    pub(super) fn new(
        printer: Option<&'a Printer>,
        goes_on_at: Option<DateTime<Utc>>,
        told: EventId,
    ) -> Self {
        Self { printer, cursor: told, counted: BTreeMap::new(), last_count: None, goes_on_at }
    }

    pub(super) fn banner(&self, args: &DemoArgs, course: &Course, doors: &Doors) {
        let markets: Vec<_> = course.markets.iter().map(|market| market.code()).collect();
        let time = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%M UTC").to_string();
        let begins = match self.goes_on_at {
            None => format!("Exchange time starts at {} (an open)", time(course.start)),
            Some(at) => format!(
                "An earlier demo was ended early: this goes on from it, at {} (--fresh begins anew)",
                time(at)
            ),
        };
        self.say(format!(
            "kestrel {}: DEMO on the embedded exchange. No money, no credentials, no network.\n\
             Markets {}, realtime mode, local rule engine, clock {} times as fast, seed {}.\n\
             {begins}; about {} s to go. {}\n\
             Watch it, halt and resume it until then: {}\n{}",
            env!("CARGO_PKG_VERSION"),
            markets.join(", "),
            course.speed,
            args.seed,
            args.seconds,
            course.skips(),
            doors.page,
            commands(doors),
        ));
    }

    /// Says what an earlier demo was stopped by, and how it goes on.
    pub(super) fn standing(&self, status: &TradingStatus) {
        for halt in &status.halts {
            self.say(format!("Trading is {}", wire::describe(halt)));
        }
        for command in wire::lifting(&program(), &status.halts) {
            self.say(format!("Go on with: {command}"));
        }
    }

    /// Prints what was committed since the last call; the markets on which anything was filled.
    pub(super) async fn news(&mut self, house: &House, now: DateTime<Utc>) -> Vec<Market> {
        let query = EventsAfter { after: self.cursor, limit: EVENTS_AT_ONCE };
        let Ok(Ok(events)) = house.doors.events.ask(query, super::ASK_WITHIN).await else {
            return Vec::new();
        };
        for event in &events {
            self.cursor = event.id;
            self.event(event);
        }
        self.count_line(now);
        events.iter().filter(|event| event.kind == EventKind::Fill).filter_map(|event| event.market).collect()
    }

    fn event(&mut self, event: &LedgerEvent) {
        match event.kind {
            EventKind::Decision | EventKind::Refusal | EventKind::Approval => {
                *self.counted.entry(event.kind.code()).or_default() += 1;
                if event.kind == EventKind::Decision && event.text.starts_with("HOLD") {
                    return;
                }
                if event.kind == EventKind::Refusal {
                    return;
                }
                self.line(event);
            }
            EventKind::Order
            | EventKind::Fill
            | EventKind::Halt
            | EventKind::Resume
            | EventKind::DayClosed
            | EventKind::Report
            | EventKind::Alarm
            | EventKind::Session
            | EventKind::Process => self.line(event),
        }
    }

    fn line(&self, event: &LedgerEvent) {
        self.say(format!("{}  {:<10} {}", event.at.format("%H:%M:%S"), event.kind.code(), event.text));
    }

    fn count_line(&mut self, now: DateTime<Utc>) {
        let due = self.last_count.is_none_or(|last| (now - last).num_seconds() >= QUIET_SECONDS);
        if !due {
            return;
        }
        self.last_count = Some(now);
        let counts: Vec<_> = self.counted.iter().map(|(kind, count)| format!("{count} {kind}s")).collect();
        if !counts.is_empty() {
            self.say(format!("{}  so far: {}", now.format("%H:%M:%S"), counts.join(", ")));
        }
    }

    fn say(&self, text: impl std::fmt::Display) {
        if let Some(printer) = self.printer {
            printer.say(text);
        }
    }
}

/// What may be typed in another terminal.
fn commands(doors: &Doors) -> String {
    let (program, books) = (program(), doors.books.display());
    let (address, token) = doors.page.split_once("/#token=").unwrap_or((&doors.page, ""));
    format!(
        "From another terminal, the questions afterwards too:\n  \
           export DB_PATH='{books}'\n  \
           {program} status | positions | orders | decisions | pnl | why STOCK | why-not STOCK | events --follow\n  \
           {program} halt --reason 'a look'   and   {program} resume\n  \
           curl -H 'X-Kestrel-Token: {token}' --json '{{\"reason\": \"a look\"}}' {address}/control/halt\n\
         Kill it as you like (kill -9 {pid}): the same command goes on from there, and what halted it still does.\n",
        pid = std::process::id(),
    )
}

/// This program, as it can be typed from here.
fn program() -> String {
    let path = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("kestrel"));
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(&path).display().to_string()
}
