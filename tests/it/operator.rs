//! A new operator's walk, by the README's table: the demo is started, asked, halted from a telephone and from the page, killed, started
//! again, found halted, resumed. Each step is one command or one request.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Agent, PATIENCE, command, until};

/// A demo on the data of `dir`, and what it says of its doors.
struct Demo {
    agent: Agent,
    said: Vec<String>,
}

impl Demo {
    fn start(dir: &TempDir, arguments: &[&str]) -> Self {
        let mut demo = command(dir, &[]);
        let mut child = demo.args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let said = until_said(&mut child, "Kill it as you like");
        Self { agent: Agent::of(child), said }
    }

    /// What follows `before` in what was said, up to the end of its line.
    fn after(&self, before: &str) -> String {
        let found = self.said.iter().find_map(|line| line.split_once(before));
        found.unwrap_or_else(|| panic!("{before} was not said: {:#?}", self.said)).1.trim().to_owned()
    }

    /// A command with the database that the demo names.
    fn kestrel(&self, dir: &TempDir, arguments: &[&str]) -> (Option<i32>, String) {
        let books = self.after("export DB_PATH=").trim_matches('\'').to_owned();
        ask(dir, &books, arguments)
    }

    fn page(&self) -> (String, String) {
        let url = self.after("until then: http://");
        let (address, token) = url.split_once("/#token=").unwrap();
        (address.to_owned(), token.to_owned())
    }

    /// What a telephone on the same network sends; `origin` makes it the page itself.
    fn post(&self, command: &str, body: &Value, origin: bool) -> (u16, Value) {
        let (address, token) = self.page();
        let body = body.to_string();
        let origin = if origin { format!("Origin: http://{address}\r\n") } else { String::new() };
        let head = format!(
            "POST /control/{command} HTTP/1.1\r\nHost: {address}\r\n{origin}X-Kestrel-Token: {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let mut line = TcpStream::connect(&address).unwrap();
        line.set_read_timeout(Some(PATIENCE)).unwrap();
        line.write_all((head + &body).as_bytes()).unwrap();
        let mut answer = String::new();
        line.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}")))
    }
}

/// Lines up to the one with `what`; the rest is read on, so that nobody waits for a full pipe.
fn until_said(child: &mut Child, what: &'static str) -> Vec<String> {
    let out = child.stdout.take().unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut lines = BufReader::new(out).lines().map_while(Result::ok);
        let mut said = Vec::new();
        for line in lines.by_ref() {
            let is_last = line.contains(what);
            said.push(line);
            if is_last {
                break;
            }
        }
        let _ = tell.send(said);
        lines.for_each(drop);
    });
    told.recv_timeout(PATIENCE).expect("the demo says how it is reached")
}

fn ask(dir: &TempDir, books: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let mut kestrel = Command::new(env!("CARGO_BIN_EXE_kestrel"));
    kestrel.env_clear().current_dir(dir.path()).env("DB_PATH", books).env("USER", "ada");
    let out = kestrel.args(arguments).stdin(Stdio::null()).output().unwrap();
    (out.status.code(), String::from_utf8([out.stdout, out.stderr].concat()).unwrap())
}

/// The stocks that are held, with what the exchange confirms of each.
fn held(demo: &Demo, dir: &TempDir) -> Vec<(String, Value)> {
    let (_, text) = demo.kestrel(dir, &["positions", "--json"]);
    let answer: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let rows = answer["books"]["positions"].as_array().cloned().unwrap_or_default();
    let stock = |row: &Value| {
        let of = |name: &str| row["instrument"][name].as_str().unwrap().to_owned();
        format!("{}:{}", of("market"), of("symbol"))
    };
    rows.iter().map(|row| (stock(row), row["confirmed"].clone())).collect()
}

fn succeeds(demo: &Demo, dir: &TempDir, arguments: &[&str], parts: &[&str]) -> String {
    let (code, text) = demo.kestrel(dir, arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {text}");
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in the answer to {arguments:?}:\n{text}");
    }
    text
}

#[test]
fn a_new_operator_asks_halts_kills_finds_it_halted_and_resumes() {
    let dir = TempDir::new().unwrap();
    let demo = Demo::start(&dir, &["--seconds", "300"]);
    let holds = || Some(held(&demo, &dir)).filter(|held| !held.is_empty());
    let bought = until(PATIENCE, holds).expect("the demo buys within a minute")[0].0.clone();
    succeeds(&demo, &dir, &["status"], &["trading: active"]);
    let doctor = succeeds(&demo, &dir, &["doctor"], &["only this user may open the data", "kestrel run"]);
    assert!(!doctor.contains("WARNING") && !doctor.contains("PROBLEM"), "{doctor}");
    succeeds(&demo, &dir, &["why", &bought], &["BUY", "approved", "  fill "]);
    // What was held back a moment ago may have been bought since; something was not.
    let not_bought = || {
        let (_, judged) = demo.kestrel(&dir, &["decisions", "--json"]);
        let judged: Value = serde_json::from_str(&judged).ok()?;
        let symbol = |row: &Value| row["instrument"]["symbol"].as_str().unwrap().to_owned();
        let held_back = judged["books"]["decisions"].as_array()?.iter().filter(|row| row["action"] == "HOLD");
        let mut told = held_back.map(|row| demo.kestrel(&dir, &["why-not", &symbol(row)]).1);
        told.find(|text| text.contains("did not trade") && text.contains("because"))
    };
    assert!(until(PATIENCE, not_bought).is_some(), "nothing says why it was not bought");

    let (status, told) = demo.post("halt", &json!({"reason": "from the train", "by": "ada"}), false);
    assert!(status == 200 && told["done"] == true, "{told}");
    succeeds(&demo, &dir, &["status"], &["trading: halted", "by ada (dashboard): from the train"]);
    succeeds(&demo, &dir, &["resume"], &["Trading goes on"]);
    let (status, told) = demo.post("halt", &json!({"reason": "by the button", "by": "ada"}), true);
    assert!(status == 200 && told["done"] == true, "{told}");

    let names = |held: Vec<(String, Value)>| held.into_iter().map(|(stock, _)| stock).collect::<Vec<_>>();
    let before = names(held(&demo, &dir));
    let books = demo.after("export DB_PATH=").trim_matches('\'').to_owned();
    demo.agent.kill_9();
    let (code, text) = ask(&dir, &books, &["positions"]);
    assert!(code == Some(0) && text.contains("no kestrel is running"), "{text}");

    let (code, text) = ask(&dir, &books, &["status"]);
    assert!(code == Some(1) && text.contains("by ada (dashboard): by the button"), "{code:?} {text}");

    let demo = Demo::start(&dir, &["--seconds", "300"]);
    assert!(demo.said.iter().any(|line| line.contains("this goes on from it")), "{:#?}", demo.said);
    let halted = || {
        let (_, text) = demo.kestrel(&dir, &["status"]);
        text.contains("trading: halted").then_some(text)
    };
    let status = until(PATIENCE, halted).expect("it is found halted");
    assert!(
        status.contains("by ada (dashboard): by the button") && status.contains("kestrel resume"),
        "{status}"
    );
    // What worked at the exchange when the agent was killed may have filled further.
    let same = || (names(held(&demo, &dir)) == before).then_some(());
    assert!(
        until(PATIENCE, same).is_some(),
        "the exchange still has it: {before:?}, {:?}",
        held(&demo, &dir)
    );
    succeeds(&demo, &dir, &["resume"], &["Trading goes on"]);
    succeeds(&demo, &dir, &["status"], &["trading: active"]);

    // Killed once more: the last one ends by itself, and the exchange's own books agree with all that was done.
    demo.agent.kill_9();
    let mut last = command(&dir, &[]);
    let out = last.args(["--seconds", "5", "--json"]).stdout(Stdio::piped()).output().unwrap();
    let report: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert!(out.status.success() && report["orders"].as_u64() > Some(0), "{report}");
    let (code, text) = ask(&dir, &books, &["orders", "--all"]);
    assert!(code == Some(0) && text.contains("Filled"), "its books can be read afterwards: {text}");
}
