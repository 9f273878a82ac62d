//! What the doctor finds, each failure planted by itself: every finding that is not good says what to do.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Output, Stdio};

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::DATE;
use chrono::TimeDelta;
use domain::Clock as _;
use kestrel::clock::SystemClock;
use kestrel::simulate::wire::{CLOCK_PATH, ClockFacts};
use kestrel::simulator::Environment;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Agent, command, database, serve};
use crate::tools::SmallDisk;

/// A server on loopback that plays the exchange's clock, and answers everything else with `status`, dated `ahead` of now.
fn server(status: u16, body: &'static str, ahead: TimeDelta) -> String {
    let facts = || async {
        let markets = vec!["KR".to_owned()];
        let facts = ClockFacts { now: SystemClock.now(), speed: 1, environment: Environment::Real, markets };
        axum::Json(facts)
    };
    let answer = move || async move {
        let date = (SystemClock.now() + ahead).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        (StatusCode::from_u16(status).unwrap(), [(DATE, date)], body)
    };
    serve(Router::new().route(CLOCK_PATH, axum::routing::get(facts)).fallback(answer))
}

fn doctor(dir: &TempDir, settings: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut doctor = command(dir, settings);
    // DB_PATH may be among them.
    let doctor = doctor.envs(settings.iter().copied()).arg("doctor").args(arguments);
    doctor.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap()
}

/// The finding of one check, after a look at all of them.
fn finding(output: &Output, check: &str) -> (String, String, String) {
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {output:?}"));
    let mut wanted = None;
    for finding in report["findings"].as_array().unwrap() {
        let text = |name: &str| finding[name].as_str().unwrap_or("").to_owned();
        let is_bad = ["warning", "problem"].contains(&text("verdict").as_str());
        assert_eq!(is_bad, !text("remedy").is_empty(), "a warning and a problem say what to do: {finding}");
        if text("check") == check {
            wanted = wanted.or(Some((text("verdict"), text("found"), text("remedy"))));
        }
    }
    wanted.unwrap_or_else(|| panic!("{check} was not looked at: {report}"))
}

/// What is planted, and what the doctor must say of it.
struct Planted {
    check: &'static str,
    settings: Vec<(&'static str, String)>,
    verdict: &'static str,
    found: &'static str,
    remedy: &'static str,
}

fn of(
    check: &'static str,
    settings: Vec<(&'static str, String)>,
    verdict: &'static str,
    found: &'static str,
    remedy: &'static str,
) -> Planted {
    Planted { check, settings, verdict, found, remedy }
}

fn planted_models() -> Vec<Planted> {
    let model_of = |status, body| {
        let url = server(status, body, TimeDelta::zero());
        let set = |name, value: &str| (name, value.to_owned());
        let named =
            [set("LLM_PROVIDER", "openai_compatible"), set("LLM_MODEL", "m"), set("LLM_API_KEY", "wrong")];
        [named.to_vec(), vec![("LLM_BASE_URL", format!("{url}/v1"))]].concat()
    };
    let model = |status| model_of(status, "{}");
    let other = || vec![("LLM_FALLBACK_MODELS", "m-old".to_owned())];
    let fallback = |status| [model(status), other()].concat();
    let fallback_beside_m = [model_of(200, r#"{"data":[{"id":"m"}]}"#), other()].concat();
    vec![
        of("model", model(401), "problem", "refused", "LLM_API_KEY"),
        of("model", model(404), "problem", "no model m", "LLM_MODEL"),
        of("model", model(503), "warning", "503", "LLM_BASE_URL"),
        of("fallback", fallback(401), "problem", "refused for m-old", "LLM_API_KEY"),
        of("fallback", fallback_beside_m, "warning", "know the model m-old: it has m", "LLM_FALLBACK_MODELS"),
        of("fallback", fallback(429), "warning", "quota of m-old", "kestrel budget"),
    ]
}

fn planted() -> Vec<Planted> {
    let at = |name, value: &str| vec![(name, value.to_owned())];
    let simulated = |url: String| vec![("KESTREL_EXCHANGE_URL", url), ("ENABLED_MARKETS", "KR".to_owned())];
    let chat =
        server(401, r#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#, TimeDelta::zero());
    let no_token = r#"{"error_code":"EGW00105","error_description":"wrong secret"}"#;
    vec![
        of("settings", at("MAX_ORDER_PCT", "400"), "problem", "MAX_ORDER_PCT", "kestrel settings"),
        of("database", at("DB_PATH", ":memory:"), "warning", "in memory", "DB_PATH"),
        of(
            "calendar",
            at("CALENDAR_OVERRIDES", "nowhere.json"),
            "problem",
            "nowhere.json",
            "kestrel markets",
        ),
        of(
            "evolution",
            at("EVOLUTION_AUTO_APPROVE", "max_position_pct=5"),
            "warning",
            "without a person within max_position_pct=5,max_per_30_days=1",
            "unset EVOLUTION_AUTO_APPROVE",
        ),
        of(
            "exchange",
            simulated("http://127.0.0.1:1".into()),
            "problem",
            "127.0.0.1:1",
            "KESTREL_EXCHANGE_URL",
        ),
        of(
            "exchange",
            simulated(server(403, no_token, TimeDelta::zero())),
            "problem",
            "EGW00105",
            "KIS_APP_SECRET",
        ),
        of(
            "clock",
            simulated(server(500, "{}", TimeDelta::seconds(90))),
            "problem",
            "clock differs",
            "clock right",
        ),
        of(
            "telegram",
            vec![
                ("TELEGRAM_BOT_TOKEN", "123456:not-the-token-of-any-bot".into()),
                ("TELEGRAM_CHAT_ID", "70".into()),
                ("TELEGRAM_API_URL", chat),
            ],
            "problem",
            "Unauthorized",
            "TELEGRAM_BOT_TOKEN",
        ),
    ]
}

#[test]
fn each_failure_that_is_planted_is_found_and_answered_with_what_to_do() {
    for Planted { check, settings, verdict, found, remedy } in planted().into_iter().chain(planted_models()) {
        let dir = TempDir::new().unwrap();
        let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let output = doctor(&dir, &settings, &["--json"]);
        let (told, seen, what) = finding(&output, check);
        assert_eq!(told, verdict, "{check} with {settings:?}: {seen}; {what}");
        assert!(seen.contains(found) && what.contains(remedy), "{check} with {settings:?}: {seen}; {what}");
        let fails = verdict == "problem";
        assert_eq!(output.status.code(), Some(i32::from(fails)), "{check}: {output:?}");

        let table = doctor(&dir, &settings, &[]);
        let text = String::from_utf8(table.stdout).unwrap();
        let word = if fails { "PROBLEM" } else { "WARNING" };
        let line = text.lines().find(|line| line.starts_with(word) && line.contains(check));
        assert!(line.is_some_and(|line| line.contains(remedy)), "{check}: {text}");
        assert_eq!(table.status.code(), Some(i32::from(fails)), "{check}: {text}");
    }
}

#[test]
fn halts_of_the_file_and_of_the_books_are_found_and_answered_with_how_each_is_lifted() {
    let dir = TempDir::new().unwrap();
    let halts = || finding(&doctor(&dir, &[], &["--json"]), "halts");
    let agent = Agent::start(&dir, &[]);
    assert_eq!(halts().0, "good");
    let halt = command(&dir, &[]).args(["halt", "--reason", "lunch", "--by", "ada"]).output().unwrap();
    assert!(halt.status.success(), "{halt:?}");
    agent.kill_9();
    let (verdict, found, remedy) = halts();
    assert!(verdict == "warning" && found.contains("by ada (operator): lunch"), "{verdict}: {found}");
    assert_eq!(remedy, "lift it with: kestrel resume");
    let file = dir.path().join("data/HALT");
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let (_, found, remedy) = halts();
    assert!(found.contains("lunch") && found.contains("HALT"), "{found}");
    assert_eq!(remedy.matches("kestrel resume --halt ").count(), 2, "{remedy}");
    let (verdict, found, _) = finding(&doctor(&dir, &[], &["--json"]), "rights");
    assert_eq!(verdict, "good", "the folder is closed: {found}");
}

#[test]
fn damaged_books_and_a_full_disk_are_found_and_answered_with_what_to_do() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("data")).unwrap();
    fs::write(database(dir.path()), vec![b'x'; 8192]).unwrap();
    let (verdict, _, remedy) = finding(&doctor(&dir, &[], &["--json"]), "database");
    assert!(verdict == "problem" && remedy.contains("restore a copy"), "{verdict}: {remedy}");

    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let Some(_disk) = SmallDisk::mount("the doctor of a small disk", &data, "3m") else { return };
    let (verdict, found, remedy) = finding(&doctor(&dir, &[], &["--json"]), "disk");
    assert!(verdict == "problem" && found.starts_with("only "), "{verdict}: {found}");
    assert!(remedy.contains("make room") && remedy.contains("DB_PATH"), "{remedy}");
}
