//! Halts of the true program, as its operator has them: a process of its own, asked through its control socket.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use domain::messages::control::{Durability, TradingState};
use kestrel::control::client;
use kestrel::control::wire::{Reply, Request};

use crate::spread::Spread;

const PATIENCE: Duration = Duration::from_secs(20);

/// Time from asking to the answer.
pub(crate) fn measure(folder: &Path, trials: usize) -> Spread {
    let folder = folder.join("process");
    std::fs::create_dir(&folder).expect("a folder");
    let data = folder.join("data");
    let mut agent = spawn(&folder, &data);
    until_active(&data);
    let answers = (0..trials).map(|trial| halt(&data, trial)).collect();
    agent.kill().expect("the agent can be ended");
    agent.wait().expect("the agent ends");
    Spread::of(answers)
}

fn halt(data: &Path, trial: usize) -> Duration {
    let request = Request::Halt { reason: format!("trial {trial}"), by: "bench".into(), cancel_open: false };
    let asked = Instant::now();
    let reply = client::ask(data, &request).expect("the agent answers");
    let answered = asked.elapsed();
    let Reply::Halted(halted) = reply else { unreachable!("a halt is answered as a halt: {reply:?}") };
    assert!(halted.broker_confirmed && halted.durability == Durability::Ledger, "{halted:?}");
    let halt = Some(halted.halt.id);
    let resume = Request::Resume { halt, by: "bench".into(), reason: "next trial".into(), reducing: false };
    let resumed = client::ask(data, &resume).expect("the agent answers");
    assert!(matches!(resumed, Reply::Resumed(_)), "{resumed:?}");
    until_active(data);
    answered
}

fn spawn(folder: &Path, data: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kestrel"));
    command.arg("run").env_clear().current_dir(folder).env("DB_PATH", data.join("trades.db"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the agent starts")
}

fn until_active(data: &Path) {
    let start = Instant::now();
    let is_active = || {
        let reply = client::ask(data, &Request::Status);
        matches!(reply, Ok(Reply::Status(status)) if status.trading == Some(TradingState::Active))
    };
    while !is_active() {
        assert!(start.elapsed() < PATIENCE, "the agent is not ready in time");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}
