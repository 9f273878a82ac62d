//! Commands that only read: the books, and the health of the actors.

use std::process::ExitCode;
use std::thread::park_timeout;
use std::time::Duration;

use chrono::NaiveDateTime;
use domain::messages::evolution::{BlindWatch, CycleLine, LateCycle};
use domain::messages::operator::{Answer, EventsWanted, LINES_MAX, Question};

use super::{alone, data_directory, exit, failed, show};
use crate::cli::{EventsArgs, ShowArgs};
use crate::config::Config;
use crate::control::reader::{self, Found};
use crate::control::wire::{ActorHealth, Reply, Request, Status};
use crate::control::{ControlError, answers, client};
use crate::terminal;

/// How often new events are asked for.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);
/// An agent that ends or starts hangs up now and then; so many failures in a row are something else.
const FAILURES_MAX: u32 = 10;

/// Answers one question.
pub(super) fn answer(question: &Question, json: bool) -> ExitCode {
    match reader::ask(&Config::database_setting(), question) {
        Ok(found) => {
            show(&found, json);
            ExitCode::SUCCESS
        }
        Err(why) => failed(why, exit::FAILED),
    }
}

/// Shows events, and goes on with new ones where that is wanted.
pub(super) fn events(args: &EventsArgs) -> ExitCode {
    let wanted = args.wanted();
    if !args.follow {
        return answer(&Question::Events(wanted), args.json);
    }
    match follow(wanted, args.json) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(why, exit::FAILED),
    }
}

/// Until nobody reads any more. An agent that ends or starts meanwhile is no reason to stop: the books go on.
fn follow(mut wanted: EventsWanted, json: bool) -> Result<(), String> {
    let database = Config::database_setting();
    let mut failures = 0;
    loop {
        let found = match reader::ask(&database, &Question::Events(wanted.clone())) {
            Ok(found) => found,
            Err(why) if wanted.after.is_none() || failures == FAILURES_MAX => return Err(why),
            Err(_) => {
                failures += 1;
                park_timeout(FOLLOW_EVERY);
                continue;
            }
        };
        failures = 0;
        if wanted.after.is_none() && !json {
            terminal::line(&found.source);
        }
        let Found { books: Answer::Events { events, more, last }, .. } = found else {
            return Err("the books answered something else than events".to_owned());
        };
        for event in &events {
            let line = match json {
                true => serde_json::to_string(event).map_err(|error| error.to_string())?,
                false => answers::event_line(event),
            };
            if !terminal::is_read(line) {
                return Ok(());
            }
        }
        // When the limit cut the answer, what comes next follows its last event; else everything up to `last` was looked at.
        let seen = events.last().filter(|_| more && wanted.after.is_some()).map_or(last, |event| event.id);
        wanted = EventsWanted { after: Some(seen), since: None, limit: LINES_MAX, ..wanted };
        park_timeout(FOLLOW_EVERY);
    }
}

/// The actors' health; success only when every one of them works.
pub(super) fn health(args: ShowArgs) -> ExitCode {
    match client::ask(&data_directory(), &Request::Status) {
        Ok(Reply::Status(status)) => {
            let health = Health::of(*status);
            show(&health, args.json);
            if health.is_well { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) }
        }
        Ok(Reply::Error { message }) => failed(message, exit::FAILED),
        Ok(other) => failed(other, exit::FAILED),
        Err(none @ ControlError::NotRunning { .. }) => {
            if let Ok(gone) = alone::health() {
                show(&gone, args.json);
            }
            failed(none, exit::FAILED)
        }
        Err(why) => failed(why, exit::FAILED),
    }
}

/// The actors, and whether all of them work.
#[derive(serde::Serialize)]
struct Health {
    /// All actors run, evolution is not late, and nothing is followed blindly.
    is_well: bool,
    #[serde(skip)]
    all_run: bool,
    time: String,
    actors: Vec<ActorHealth>,
    /// The newest cycle of evolution of each market.
    evolution: Vec<Learnt>,
    /// Sessions that evolution should have learnt from by now.
    late_cycles: Vec<LateCycle>,
    /// Proposals whose newest sessions could not be judged.
    blind_watches: Vec<BlindWatch>,
    /// Why it does not trade at all, in a process that only says so.
    blocks: Vec<String>,
}

impl Health {
    fn of(status: Status) -> Self {
        let Status { time, actors, entry_blocks, evolution, late_cycles, blind_watches, .. } = status;
        let all_run = !actors.is_empty() && actors.iter().all(|actor| actor.state == "running");
        let is_well = all_run && late_cycles.is_empty() && blind_watches.is_empty();
        let now = NaiveDateTime::parse_from_str(&time, "%Y-%m-%d %H:%M:%S UTC").ok();
        let evolution = evolution.into_iter().map(|cycle| Learnt::new(cycle, now)).collect();
        let blocks = if actors.is_empty() { entry_blocks } else { Vec::new() };
        Self { is_well, all_run, time, actors, evolution, late_cycles, blind_watches, blocks }
    }
}

impl std::fmt::Display for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "Exchange time {}", self.time)?;
        self.blocks.iter().try_for_each(|why| writeln!(f, "No actor runs: {why}"))?;
        write!(f, "{}", answers::actors(&self.actors))?;
        self.evolution.iter().try_for_each(|cycle| writeln!(f, "{cycle}"))?;
        self.late_cycles.iter().try_for_each(|late| writeln!(f, "{late}; why: the log of the optimizer"))?;
        self.blind_watches.iter().try_for_each(|blind| writeln!(f, "{blind}; see: kestrel data status"))?;
        match self.all_run {
            true => write!(f, "All actors run. Whether they trade: kestrel status"),
            false => write!(f, "Not all actors run. What happened: kestrel events --kind alarm"),
        }
    }
}

/// A cycle, and how long ago it was over, or began while it goes on.
#[derive(serde::Serialize)]
struct Learnt {
    #[serde(flatten)]
    cycle: CycleLine,
    /// None where the time of the answer cannot be read.
    age_min: Option<i64>,
}

impl Learnt {
    fn new(cycle: CycleLine, now: Option<NaiveDateTime>) -> Self {
        let at = cycle.ended_at.unwrap_or(cycle.began_at);
        Self { age_min: now.map(|now| (now.and_utc() - at).num_minutes()), cycle }
    }
}

impl std::fmt::Display for Learnt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let done = if self.cycle.ended_at.is_some() { "ended" } else { "began" };
        write!(f, "evolution {}", self.cycle)?;
        match self.age_min {
            Some(minutes) => write!(f, "; {done} {} h {} min ago", minutes / 60, minutes % 60),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(states: &[&str]) -> Status {
        let actor = |state: &&str| ActorHealth {
            actor: "broker".into(),
            state: (*state).into(),
            restarts: 0,
            waiting: 0,
            handled: 1,
            last_error: None,
        };
        Status {
            version: "1".into(),
            venue: "test".into(),
            time: "now".into(),
            trading: None,
            halts: vec![],
            symbol_halts: vec![],
            entry_blocks: vec!["mend the disk".into()],
            waits: vec![],
            markets: vec![],
            live_orders: vec![],
            day_pnl_pct: vec![],
            account_in_won: None,
            evolution: vec![],
            late_cycles: vec![],
            blind_watches: vec![],
            auto_approval: None,
            judge: None,
            storage: None,
            log_lines_lost: 12,
            actors: states.iter().map(actor).collect(),
        }
    }

    #[test]
    fn a_closed_session_without_its_cycle_is_a_finding_and_each_cycle_is_shown_with_its_age() {
        let at = |text: &str| text.parse().unwrap();
        let cycle = CycleLine {
            cycle: 7,
            market: domain::Market::Kr,
            session_date: "2026-11-24".parse().unwrap(),
            trials: 200,
            best_micros: None,
            outcome: Some("nothing passed".into()),
            began_at: at("2026-11-24T06:40:00Z"),
            ended_at: Some(at("2026-11-24T06:50:00Z")),
        };
        let time = "2026-11-24 09:00:30 UTC".to_owned();
        let status = Status { time, evolution: vec![cycle.clone()], ..status(&["running"]) };
        let health = Health::of(status.clone());
        assert!(health.is_well);
        let shown = health.to_string();
        assert!(shown.contains("cycle 7, 200 trials; nothing passed; ended 2 h 10 min ago\n"), "{shown}");
        let (market, session_date) = (domain::Market::Jp, cycle.session_date);
        let late = LateCycle { market, session_date, closed_at: at("2026-11-24T02:00:00Z") };
        let other = status.clone();
        let health = Health::of(Status { late_cycles: vec![late], ..status });
        assert!(!health.is_well);
        let shown = health.to_string();
        assert!(shown.contains("evolution is late in JP: no cycle of 2026-11-24 has ended"), "{shown}");
        assert!(shown.ends_with("All actors run. Whether they trade: kestrel status"), "{shown}");
        let blind = BlindWatch {
            number: domain::messages::evolution::ProposalNumber(3),
            market,
            is_active: false,
            seen_until: session_date,
            sessions: 3,
        };
        let of_blind = Health::of(Status { blind_watches: vec![blind], ..other });
        assert!(!of_blind.is_well);
        let shown = of_blind.to_string();
        assert!(
            shown.contains("proposal 0003 is followed blindly: 3 sessions of JP after 2026-11-24"),
            "{shown}"
        );
        let shown = serde_json::to_value(&health).unwrap();
        assert_eq!(
            (&shown["is_well"], &shown["evolution"][0]["age_min"]),
            (&false.into(), &130.into()),
            "{shown}"
        );
    }

    #[test]
    fn the_status_says_of_each_stock_that_waits_why_and_until_when_in_words_and_in_json() {
        use domain::{Wait, WaitCause};

        use crate::control::wire::WaitingStock;
        let until = "2026-11-24T01:30:00Z".parse().unwrap();
        let wait = |stock: &str, cause| WaitingStock {
            instrument: stock.parse().unwrap(),
            wait: Wait { cause, until },
        };
        let waits = vec![
            wait("KR:005930", WaitCause::Refused { why: "NoCash".into() }),
            wait("KR:000660", WaitCause::Lost),
            wait("US_NASDAQ:AAPL", WaitCause::Sold { price: "185.5".parse().unwrap() }),
        ];
        let status = Status { waits, ..status(&["running"]) };
        let text = status.to_string();
        for line in [
            "  KR:005930 is not bought until 2026-11-24 01:30:00 UTC: a purchase was refused (NoCash)\n",
            "  KR:000660 is not bought until 2026-11-24 01:30:00 UTC: it was sold at a loss\n",
            "  US_NASDAQ:AAPL is not bought above 185.5 until 2026-11-24 01:30:00 UTC: it was sold for that\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
        let json = serde_json::to_string(&status).unwrap();
        assert_eq!(serde_json::from_str::<Status>(&json).unwrap(), status, "it survives the socket: {json}");
    }

    #[test]
    fn health_is_good_only_when_every_actor_runs() {
        for (states, is_well) in [
            (&["running", "running"][..], true),
            (&["running", "down"], false),
            (&["parked"], false),
            (&["starting"], false),
            (&[], false),
        ] {
            assert_eq!(Health::of(status(states)).is_well, is_well, "{states:?}");
        }
        assert!(Health::of(status(&[])).to_string().contains("mend the disk"), "a wounded start says why");
    }
}
