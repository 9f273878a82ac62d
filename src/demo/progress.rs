//! What happens, line by line: decisions, refusals, orders, fills. Made from committed events only.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::messages::ledger::{EventKind, EventsAfter, LedgerEvent};
use domain::{EventId, Market};

use super::course::Course;
use crate::app::House;
use crate::cli::DemoArgs;
use crate::terminal;

const EVENTS_AT_ONCE: u16 = 500;
/// Decisions to hold come by the dozen each minute: they are counted, and shown as one line per so many seconds.
const QUIET_SECONDS: i64 = 300;

/// Prints news of the house.
pub(super) struct Progress {
    quiet: bool,
    cursor: EventId,
    counted: BTreeMap<&'static str, u64>,
    last_count: Option<DateTime<Utc>>,
}

impl Progress {
    /// Prints nothing when `quiet`: a program reads the summary alone.
    pub(super) fn new(quiet: bool) -> Self {
        Self { quiet, cursor: EventId(0), counted: BTreeMap::new(), last_count: None }
    }

    pub(super) fn banner(&self, args: &DemoArgs, course: &Course, page: &str) {
        let markets: Vec<_> = course.markets.iter().map(|market| market.code()).collect();
        self.say(format!(
            "kestrel {}: DEMO on the embedded exchange. No money, no credentials, no network.\n\
             Markets {}, realtime mode, local rule engine, clock {} times as fast, seed {}.\n\
             Exchange time starts at {} (an open); about {} s to go. {}\n\
             Watch it, halt and resume it until then: {page}\n",
            env!("CARGO_PKG_VERSION"),
            markets.join(", "),
            course.speed,
            args.seed,
            course.start.format("%Y-%m-%d %H:%M UTC"),
            args.seconds,
            course.skips(),
        ));
    }

    /// Prints what was committed since the last call; the markets on which anything was filled.
    pub(super) async fn news(&mut self, house: &House, now: DateTime<Utc>) -> Vec<Market> {
        let query = EventsAfter { after: self.cursor, limit: EVENTS_AT_ONCE };
        let Ok(Ok(events)) = house.events.ask(query, super::ASK_WITHIN).await else { return Vec::new() };
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
        if !self.quiet {
            terminal::line(text);
        }
    }
}
