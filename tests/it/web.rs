//! The web of a running agent: health, readiness and metrics under load, in a halt, and with a blocked actor.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use kestrel::control::wire::{FaultKind, Reply, Request};
use tempfile::TempDir;

use crate::harness::{Agent, PATIENCE, ask, command, log_of, status_of, until};

/// A free port of this machine. Nobody else takes it at once: the system hands ports out in turn.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Status and body; none when the server hung up without an answer.
fn get(address: SocketAddr, path: &str, host: &str) -> Option<(u16, String)> {
    let mut stream = connect(address);
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

pub(crate) fn local(address: SocketAddr, path: &str) -> (u16, String) {
    get(address, path, "localhost").expect("an answer")
}

/// The exit code of `kestrel healthcheck`, and what it printed.
fn healthcheck(dir: &TempDir, listen: &str, args: &[&str]) -> (i32, String) {
    let mut healthcheck = command(dir, &[("WEB_LISTEN", listen)]);
    healthcheck.arg("healthcheck").args(args).stdout(std::process::Stdio::piped());
    healthcheck.stderr(std::process::Stdio::piped());
    let output = healthcheck.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

#[test]
fn it_tells_whether_the_agent_lives_and_may_trade_and_why_not() {
    let dir = TempDir::new().unwrap();
    let address = free_address();
    let listen = address.to_string();
    let _agent = Agent::start(&dir, &[("WEB_LISTEN", &listen)]);
    assert!(log_of(&dir).contains(&format!("http://{address}")), "{}", log_of(&dir));
    let ready = until(PATIENCE, || (local(address, "/readyz").0 == 200).then_some(()));
    assert!(ready.is_some(), "{}", local(address, "/readyz").1);
    assert_eq!(healthcheck(&dir, &listen, &[]).0, 0);
    assert_eq!(healthcheck(&dir, &listen, &["--ready"]).0, 0);
    let (_, metrics) = local(address, "/metrics");
    for line in ["kestrel_ready 1", "kestrel_trading_state{state=\"active\"} 1", "kestrel_books_readable 1"] {
        assert!(metrics.contains(&format!("\n{line}\n")), "{line} is not in:\n{metrics}");
    }
    for actor in
        ["trade_ledger", "notifier", "broker", "risk_guard", "optimizer", "brain", "scanner", "market_clock"]
    {
        let line = format!("kestrel_actor_state{{actor=\"{actor}\",state=\"running\"}} 1");
        assert!(metrics.contains(&line), "{line} is not in:\n{metrics}");
    }
    assert!(metrics.contains("kestrel_equity{currency=\"KRW\"} 100000000\n"), "{metrics}");

    let Reply::Halted(_) =
        ask(&dir, &Request::Halt { reason: "lunch".into(), by: "ada".into(), cancel_open: false })
    else {
        panic!("not halted")
    };
    let halted = until(PATIENCE, || (local(address, "/readyz").0 == 503).then_some(()));
    assert!(halted.is_some());
    let (status, words) = healthcheck(&dir, &listen, &["--ready"]);
    assert!(status == 1 && words.contains("by ada (operator): lunch"), "{status} {words}");
    assert!(!words.contains("code"), "the code that lifts a halt from afar is shown: {words}");
    assert_eq!(healthcheck(&dir, &listen, &[]).0, 0, "a halted agent lives");
    assert!(local(address, "/metrics").1.contains("kestrel_halts_standing{source=\"operator\"} 1\n"));
}

#[test]
fn it_answers_while_every_thread_is_blocked_and_says_that_risk_guard_does_not() {
    let dir = TempDir::new().unwrap();
    let address = free_address();
    let _agent = Agent::start(&dir, &[("WEB_LISTEN", &address.to_string())]);
    let block = |actor: &str| ask(&dir, &Request::Fault { actor: actor.into(), kind: FaultKind::Block });
    block("risk_guard");
    let silent =
        until(PATIENCE, || (local(address, "/readyz").0 == 503).then(|| local(address, "/readyz").1));
    let why = silent.expect("RiskGuard is silent");
    assert!(why.contains("RiskGuard did not answer"), "{why}");
    // The last blocks the main thread, on which the supervisor lives.
    block("trade_ledger");
    block("brain");
    let (status, vitals) = local(address, "/healthz");
    assert!(status == 200 && vitals.contains("\"actor\":\"risk_guard\""), "{vitals}");
    let (_, metrics) = local(address, "/metrics");
    assert!(metrics.contains("kestrel_trading_state{state=\"unknown\"} 1\n"), "{metrics}");
}

#[test]
fn foreign_names_endless_heads_garbage_and_silent_callers_leave_it_answering() {
    let dir = TempDir::new().unwrap();
    let address = free_address();
    let settings = [("WEB_LISTEN", &*address.to_string()), ("WEB_HOSTS", "kestrel.internal")];
    let _agent = Agent::start(&dir, &settings);
    for (host, status) in [("evil.example", 421), ("kestrel.internal:8686", 200), ("10.0.0.9", 200)] {
        assert_eq!(get(address, "/healthz", host).unwrap().0, status, "{host}");
    }
    // Kept open: twice as many as are listened to.
    let mut held: Vec<TcpStream> = Vec::new();
    for number in 0..128_usize {
        let mut stream = connect(address);
        let begun =
            ["", "GET /metrics HTTP/1.1\r\nHost: local", "POST / HTTP/1.1\r\nContent-Length: 99999\r\n"];
        let _ = stream.write_all(begun[number % 3].as_bytes());
        held.push(stream);
    }
    assert_eq!(local(address, "/healthz").0, 200);
    let mut endless = connect(address);
    let header = format!("X-Long: {}\r\n", "x".repeat(1000));
    let _ = endless.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n");
    let taken = (0..1000).take_while(|_| endless.write_all(header.as_bytes()).is_ok()).count();
    let mut answer = String::new();
    let _ = endless.read_to_string(&mut answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{taken} kB, {answer}");
    let mut garbage = connect(address);
    let _ = garbage.write_all(b"\xff\xfe\0 garbage\r\n\r\n");
    let mut answer = Vec::new();
    let _ = garbage.read_to_end(&mut answer);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{answer:?}");
    let ready = until(PATIENCE, || (local(address, "/readyz").0 == 200).then_some(()));
    assert!(ready.is_some(), "{}", local(address, "/readyz").1);
    // Whoever says nothing is hung up on, long before the connection's own end.
    let mut last = held.pop().unwrap();
    last.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let ended = last.read(&mut [0; 512]);
    assert!(ended.is_ok(), "{ended:?}");
}

#[test]
fn nothing_is_served_unless_asked_for_and_a_taken_address_refuses_the_start() {
    let dir = TempDir::new().unwrap();
    let (status, words) = healthcheck(&dir, "off", &[]);
    assert!(status == 1 && words.contains("WEB_LISTEN"), "{words}");
    let (status, words) = healthcheck(&dir, &free_address().to_string(), &[]);
    assert!(status == 1 && words.contains("kestrel run"), "{words}");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let ended = command(&dir, &[("WEB_LISTEN", &listen)]).arg("run").status().unwrap();
    assert_eq!(ended.code(), Some(78));
    let log = log_of(&dir);
    assert!(log.contains("cannot be had") && log.contains("WEB_LISTEN=off"), "{log}");
    let ended = command(&dir, &[("WEB_LISTEN", "8686")]).arg("run").status().unwrap();
    assert!(ended.code() == Some(78) && log_of(&dir).contains("127.0.0.1:8686"), "{}", log_of(&dir));
}

const TOKEN: &str = "a-token-of-some-length";

/// Sends a command as the page does; status and body.
fn post(address: SocketAddr, command: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = connect(address);
    let request = format!(
        "POST /control/{command} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// What stands in an attribute of the page.
fn attribute(html: &str, name: &str) -> Option<String> {
    let (_, rest) = html.split_once(&format!("{name}=\""))?;
    Some(rest.split('"').next()?.to_owned())
}

#[test]
fn whoever_has_the_token_halts_and_resumes_by_name_and_code_and_each_is_booked_with_its_door() {
    let dir = TempDir::new().unwrap();
    let address = free_address();
    let _agent = Agent::start(&dir, &[("WEB_LISTEN", &address.to_string()), ("WEB_TOKEN", TOKEN)]);
    let mine = format!("X-Kestrel-Token: {TOKEN}\r\nOrigin: http://{address}\r\n");
    let halt = r#"{"reason":"lunch","by":"ada"}"#;
    for (headers, status) in [
        (format!("Origin: http://{address}\r\n"), 401),
        ("X-Kestrel-Token: a-token-of-some-lengtH\r\n".to_owned(), 401),
        (format!("X-Kestrel-Token: {TOKEN}\r\nOrigin: http://evil.example\r\n"), 403),
    ] {
        assert_eq!(post(address, "halt", &headers, halt).0, status, "{headers}");
    }
    assert_eq!(post(address, "halt", &mine, r#"{"reason":"  "}"#).0, 400, "why, for the record");
    assert_eq!(post(address, "halt", &mine, r#"{"reason":"x","flatten":true}"#).0, 400);
    assert_eq!(post(address, "halt", &mine, &format!("{{\"reason\":\"{}\"}}", "x".repeat(5000))).0, 413);
    assert!(!local(address, "/").1.contains("data-halt="), "nothing has halted it");

    let (status, told) = post(address, "halt", &mine, halt);
    assert!(status == 200 && told.contains("by ada (dashboard): lunch"), "{status} {told}");
    let (status, page) = local(address, "/");
    assert!(status == 200 && page.contains("data-state=\"halted\""), "{page}");
    let (id, code) = (attribute(&page, "data-halt").unwrap(), attribute(&page, "data-code").unwrap());
    let resume = |code: &str| format!(r#"{{"reason":"back","by":"bo","halt":"{id}","code":"{code}"}}"#);
    let (status, told) = post(address, "resume", &mine, &resume("WRONG"));
    assert!(status == 409 && told.contains("code"), "{status} {told}");
    assert_eq!(post(address, "resume", &mine, r#"{"reason":"back"}"#).0, 409, "a resume names its halt");
    let (status, told) = post(address, "resume", &mine, &resume(&code));
    assert_eq!(status, 200, "{told}");
    let active = until(PATIENCE, || local(address, "/").1.contains("data-state=\"active\"").then_some(()));
    assert!(active.is_some(), "{}", local(address, "/").1);
    let (status, told) = post(address, "reduce", &mine, halt);
    assert!(status == 200 && told.contains("reduced to exits since"), "{status} {told}");

    let cancelling = r#"{"reason":"lunch","by":"ada","cancel_open":true}"#;
    assert_eq!(post(address, "resume", &mine, cancelling).0, 400, "a resume cancels nothing");
    assert_eq!(post(address, "halt", &mine, r#"{"reason":"x","cancel_open":"yes"}"#).0, 400);
    let (status, told) = post(address, "halt", &mine, cancelling);
    let says = |part: &str| assert!(status == 200 && told.contains(part), "{part}: {status} {told}");
    says("halted, cancelling open orders, since");
    says("Orders being cancelled: ");
    assert!(local(address, "/").1.contains("Halted, open orders cancelled"), "{}", local(address, "/").1);
    let cancels: Vec<_> = status_of(&dir).unwrap().halts.iter().map(|halt| halt.cancel_open).collect();
    assert_eq!(cancels, [false, true], "the reduction, and the halt");
}

#[test]
fn the_page_is_told_of_a_halt_while_it_is_open_and_is_read_only_without_a_token() {
    let dir = TempDir::new().unwrap();
    let address = free_address();
    let _agent = Agent::start(&dir, &[("WEB_LISTEN", &address.to_string())]);
    let (status, page) = local(address, "/");
    assert!(status == 200 && page.contains("read-only") && !page.contains("<button"), "{page}");
    assert_eq!(post(address, "halt", &format!("X-Kestrel-Token: {TOKEN}\r\n"), "{}").0, 403);
    for (path, status) in
        [("/style.css", 200), ("/page.js", 200), ("/why?stock=KR:005930", 200), ("/why?stock=%3Cb%3E", 400)]
    {
        assert_eq!(local(address, path).0, status, "{path}");
    }
    let mut events = connect(address);
    events.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut heard = String::new();
    let mut listen_for = |what: &str| {
        let found = until(PATIENCE, || {
            let mut chunk = [0; 64 * 1024];
            let read = events.read(&mut chunk).unwrap();
            heard.push_str(&String::from_utf8_lossy(&chunk[..read]));
            heard.contains(what).then_some(())
        });
        assert!(found.is_some(), "{what} is not in:\n{heard}");
    };
    listen_for("\"id\":\"actors\"");
    ask(&dir, &Request::Halt { reason: "from elsewhere".into(), by: "ada".into(), cancel_open: false });
    listen_for("from elsewhere");
}
