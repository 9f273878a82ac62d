//! One life of the agent: from its start to its kill.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use super::plan::End;

/// A step that does not come within this time does not come; the agent is killed then all the same.
pub(super) const LONGEST: Duration = Duration::from_secs(6);
/// SIGKILL.
const KILL: i32 = 9;

/// How a life ended.
pub(super) struct Ended {
    /// The step at which it died by itself, e.g. `after:post:2`; none when it was killed from outside.
    pub(super) died_at: Option<String>,
}

/// Waits for the end that was planned. Any other end is a failure of the agent.
pub(super) fn live(mut agent: Child, end: &End, log: &Path) -> Ended {
    let from = std::fs::metadata(log).map_or(0, |log| log.len());
    let started = Instant::now();
    let until = match end {
        End::Point(_) | End::Step(_) => LONGEST,
        End::Time(after) => *after,
    };
    loop {
        if let Some(status) = agent.try_wait().unwrap() {
            return Ended { died_at: Some(death(status, end, log, from)) };
        }
        if started.elapsed() >= until {
            agent.kill().unwrap();
            let status = agent.wait().unwrap();
            // It may have died by itself in this very moment.
            let own = last_words(log, from).filter(|_| status.signal() == Some(KILL));
            return Ended { died_at: own };
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

fn death(status: ExitStatus, end: &End, log: &Path, from: u64) -> String {
    let words = last_words(log, from);
    let by_plan = status.signal() == Some(KILL) && !matches!(end, End::Time(_));
    words.filter(|_| by_plan).unwrap_or_else(|| {
        panic!("the agent ended by itself ({status}) instead of at {end:?}: {}", tail(log, from))
    })
}

/// What a test build says when it kills itself.
fn last_words(log: &Path, from: u64) -> Option<String> {
    let text = tail(log, from);
    let at = text.lines().rev().find_map(|line| line.strip_prefix("kestrel: dies "))?;
    Some(at.to_owned())
}

fn tail(log: &Path, from: u64) -> String {
    let mut text = String::new();
    if let Ok(mut file) = std::fs::File::open(log) {
        let _ = file.seek(SeekFrom::Start(from));
        let _ = file.read_to_string(&mut text);
    }
    text
}
