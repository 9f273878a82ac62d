//! The web as a whole, without sockets: paths, headers, liveness and readiness.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use domain::messages::control::{Durability, HaltLevel, HaltRecord, HaltSource, TradingState, TradingStatus};
use domain::{Currency, HaltEpoch, HaltNonce};
use http::{HeaderMap, Method, Request, StatusCode, header};
use supervision::{Health, State};
use tower::ServiceExt as _;

use super::health::{Pulse, liveness, readiness};
use super::*;
use crate::clock::SystemClock;
use crate::control::{LastResort, Running, View, Wound};
use crate::random::Seeded;
use crate::store::HaltFile;

pub(super) fn health(actor: &'static str) -> Health {
    Health {
        actor,
        state: State::Running,
        restarts: 1,
        depth: 2,
        backlog_age: Duration::from_millis(250),
        in_flight: 1,
        oldest_in_flight: Duration::from_millis(20),
        handled: 30,
        dropped: 0,
        handle_p50: Duration::from_micros(120),
        handle_p99: Duration::from_millis(3),
        wait_p99: Duration::from_millis(1),
        busy: Duration::ZERO,
        silence: Duration::from_millis(900),
        last_error: Some("<b>\"panicked\"</b>".into()),
    }
}

pub(super) fn halt(level: HaltLevel) -> HaltRecord {
    HaltRecord {
        id: "h-1".into(),
        at: "2026-11-26T00:30:00Z".parse().unwrap(),
        source: HaltSource::Operator,
        by: "ada".into(),
        reason: "lunch".into(),
        level,
        nonce: HaltNonce::new(77),
        cancel_open: false,
    }
}

pub(super) fn trading(state: TradingState) -> TradingStatus {
    TradingStatus {
        state,
        halts: vec![],
        symbol_halts: vec![],
        entry_blocks: vec![],
        waits: vec![],
        blind: vec![],
        sessions: vec![],
        live: vec![],
        epoch: HaltEpoch::default(),
        day_pnl_pct: vec![(Currency::Krw, None)],
        won: None,
        accounts: vec![],
    }
}

pub(super) fn running(trading: Result<TradingStatus, String>) -> View {
    View::Running(Box::new(Running {
        at: "2026-11-26T01:00:00Z".parse().unwrap(),
        venue: "the embedded exchange".into(),
        actors: vec![health("broker"), health("risk_guard")],
        pace: broker::Pacer::new(19.0, Arc::new(SystemClock)).figures(),
        trading,
    }))
}

fn answers(directory: &std::path::Path) -> Answers {
    Answers::new(LastResort {
        emergency: Arc::new(HaltFile::new(directory)),
        clock: Arc::new(SystemClock),
        random: Arc::new(Seeded::new(1)),
    })
}

async fn call(answers: &Answers, method: Method, path: &str, host: &str) -> (StatusCode, HeaderMap, String) {
    let site = Site {
        answers: answers.clone(),
        markets: vec![Market::Kr],
        trade_mode: TradeMode::Daily,
        books: Database::Memory,
        token: None,
    };
    let settings = Web { listen: "127.0.0.1:0".parse().unwrap(), hosts: vec![], token: None };
    let router = routes::router(Arc::new(Observer::new(site)), Gate::new(&settings));
    let request = Request::builder().method(method).uri(path).header(header::HOST, host);
    let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn every_answer_even_a_refusal_forbids_a_browser_everything_but_to_show_it() {
    let directory = tempfile::tempdir().unwrap();
    let answers = answers(directory.path());
    for (method, path, host, status) in [
        (Method::GET, "/healthz", "localhost", StatusCode::OK),
        (Method::HEAD, "/healthz", "localhost", StatusCode::OK),
        (Method::GET, "/readyz", "127.0.0.1:1", StatusCode::SERVICE_UNAVAILABLE),
        (Method::GET, "/metrics", "[::1]", StatusCode::OK),
        (Method::GET, "/nothing", "localhost", StatusCode::NOT_FOUND),
        (Method::POST, "/metrics", "localhost", StatusCode::METHOD_NOT_ALLOWED),
        (Method::GET, "/metrics", "evil.example", StatusCode::MISDIRECTED_REQUEST),
    ] {
        let (found, headers, _) = call(&answers, method.clone(), path, host).await;
        assert_eq!(found, status, "{method} {path} {host}");
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
        assert!(!headers.contains_key(header::SET_COOKIE));
    }
}

#[tokio::test]
async fn an_agent_that_starts_or_cannot_trade_lives_and_is_not_ready_and_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let answers = answers(directory.path());
    let (status, _, body) = call(&answers, Method::GET, "/readyz", "localhost").await;
    assert_eq!(
        (status, body.as_str()),
        (
            StatusCode::SERVICE_UNAVAILABLE,
            r#"{"ready":false,"state":"starting","why":["the agent is starting"]}"#
        )
    );
    let remedy = "the disk is full; make room".to_owned();
    let halt = halt(HaltLevel::Halted);
    answers.open_wounded(Wound { halt, durability: Durability::EmergencyFile, remedy });
    let (status, _, body) = call(&answers, Method::GET, "/readyz", "localhost").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("make room"), "{body}");
    let (status, _, body) = call(&answers, Method::GET, "/healthz", "localhost").await;
    assert_eq!(status, StatusCode::OK, "a restart would not help: {body}");
    assert!(body.contains(r#""status":"wounded""#), "{body}");
    let (_, _, body) = call(&answers, Method::GET, "/metrics", "localhost").await;
    assert!(body.contains("kestrel_halts_standing{source=\"operator\"} 1\n"), "{body}");
    assert!(body.contains("kestrel_books_readable 0\n"), "{body}");
}

#[test]
fn a_process_is_dead_only_when_an_actor_has_had_no_turn_for_a_minute() {
    let of = |change: fn(&mut Health)| {
        let mut changed = health("broker");
        change(&mut changed);
        liveness(&Pulse::Running(vec![health("scanner"), changed]))
    };
    for (change, stuck) in [
        ((|_| {}) as fn(&mut Health), false),
        (|one| one.busy = Duration::from_secs(60), true),
        (|one| one.silence = Duration::from_secs(60), true),
        (|one| one.silence = Duration::from_secs(59), false),
        (|one| (one.state, one.silence) = (State::Parked, Duration::from_secs(600)), false),
        (|one| (one.state, one.silence) = (State::Down, Duration::from_secs(600)), false),
    ] {
        let liveness = of(change);
        assert_eq!(liveness.stuck, if stuck { vec!["broker"] } else { vec![] });
        assert_eq!((liveness.is_alive(), liveness.status == "stuck"), (!stuck, stuck));
    }
}

#[test]
fn ready_means_that_nothing_but_single_stocks_is_kept_from_trading() {
    let of = |state, change: fn(&mut TradingStatus)| {
        let mut status = trading(state);
        change(&mut status);
        readiness(&running(Ok(status)))
    };
    let ready = of(TradingState::Active, |status| {
        let (instrument, until) = ("KR:005930".parse().unwrap(), "2026-11-26T02:00:00Z".parse().unwrap());
        status.waits = vec![(instrument, domain::Wait { cause: domain::WaitCause::Lost, until })];
    });
    assert_eq!((ready.ready, ready.state, ready.why.len()), (true, "active", 0));
    let blocked =
        of(TradingState::Active, |status| status.entry_blocks = vec!["no account of USD yet".into()]);
    assert_eq!((blocked.ready, blocked.why), (false, vec!["no account of USD yet".to_owned()]));
    let halted = of(TradingState::Halted, |status| status.halts = vec![halt(HaltLevel::Halted)]);
    assert_eq!((halted.ready, halted.state), (false, "halted"));
    assert_eq!(halted.why, ["halted since 2026-11-26 00:30:00 UTC by ada (operator): lunch [h-1]"]);
    let reducing = of(TradingState::Reducing, |_| {});
    assert_eq!((reducing.ready, reducing.why), (false, vec!["trading is reducing".to_owned()]));
    let silent = readiness(&running(Err("RiskGuard did not answer".into())));
    assert_eq!((silent.ready, silent.state), (false, "unknown"));
}
