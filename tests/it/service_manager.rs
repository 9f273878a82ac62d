//! What a service manager such as systemd hears of the agent.

use std::os::unix::net::UnixDatagram;

use tempfile::TempDir;

use crate::harness::{Agent, PATIENCE, command, database};

/// A service manager's socket, and the settings that point an agent at it.
struct Manager {
    socket: UnixDatagram,
    address: String,
}

impl Manager {
    fn listen(dir: &TempDir) -> Self {
        let path = dir.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, address: path.to_str().unwrap().into() }
    }

    fn settings(&self) -> [(&str, &str); 2] {
        [("NOTIFY_SOCKET", &self.address), ("WATCHDOG_USEC", "300000")]
    }

    /// The next datagram that `wanted` is a line of.
    fn hears(&self, wanted: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            let length = self.socket.recv(&mut buffer).unwrap_or_else(|error| panic!("no {wanted}: {error}"));
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if text.lines().any(|line| line == wanted) {
                return text;
            }
        }
    }
}

#[test]
fn the_service_manager_hears_that_the_agent_answers_lives_and_stops() {
    let dir = TempDir::new().unwrap();
    let manager = Manager::listen(&dir);
    let mut agent = Agent::of(command(&dir, &manager.settings()).arg("run").spawn().unwrap());
    assert!(manager.hears("READY=1").contains("STATUS=answers; trades on "));
    manager.hears("WATCHDOG=1");
    manager.hears("WATCHDOG=1");
    agent.terminate();
    manager.hears("STOPPING=1");
    assert_eq!(agent.wait().code(), Some(0));
}

#[test]
fn an_agent_that_sits_out_a_damaged_database_is_ready_too_because_it_answers() {
    let dir = TempDir::new().unwrap();
    let file = database(dir.path());
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    std::fs::write(&file, [b'x'; 8192]).unwrap();
    let manager = Manager::listen(&dir);
    let mut agent = Agent::of(command(&dir, &manager.settings()).arg("run").spawn().unwrap());
    assert!(manager.hears("READY=1").contains("halted"));
    manager.hears("WATCHDOG=1");
    agent.terminate();
    manager.hears("STOPPING=1");
    assert_eq!(agent.wait().code(), Some(0));
}

#[test]
fn without_a_service_manager_nothing_is_told_and_nothing_is_missed() {
    let dir = TempDir::new().unwrap();
    let mut agent = Agent::start(&dir, &[]);
    agent.terminate();
    assert_eq!(agent.wait().code(), Some(0));
    assert!(!crate::harness::log_of(&dir).contains("service manager"));
}
