//! What the agent tells the chat by itself: the report of a day, once, and proposals.

use diesel::{Connection as _, RunQueryDsl as _, SqliteConnection};
use domain::messages::evolution::{Decider, ProposalStep};
use serde_json::Value;
use tempfile::TempDir;

use super::start_with;
use super::stub::Stub;
use crate::exchange::Exchange;
use crate::harness::{PATIENCE, command, database, log_of, until};
use crate::proposals::{drop_in, propose};

/// The number that a message about an event ends with.
fn event_of(text: &str) -> Option<i64> {
    let (_, number) = text.rsplit_once(", event ")?;
    number.split('<').next()?.parse().ok()
}

#[derive(diesel::QueryableByName)]
struct ToldUpTo {
    #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::BigInt>)]
    event: Option<i64>,
}

/// The newest event that the books have as told; none while they cannot be read.
fn told_up_to(dir: &TempDir) -> Option<i64> {
    let path = format!("file:{}?mode=ro", database(dir.path()).display());
    let mut books = SqliteConnection::establish(&path).ok()?;
    let newest = "SELECT max(last_event) AS event FROM cursors WHERE subscriber LIKE 'notifier%'";
    diesel::sql_query(newest).get_result::<ToldUpTo>(&mut books).ok()?.event
}

/// Waits until the books have that event as told.
fn wait_until_told(dir: &TempDir, event: i64) {
    let booked = until(PATIENCE, || (told_up_to(dir) >= Some(event)).then_some(()));
    assert!(booked.is_some(), "event {event} is not booked as told: {}", log_of(dir));
}

fn count_of_messages_with(stub: &Stub, part: &str) -> usize {
    let facts = stub.facts();
    let is_it = |(name, body): &&(String, Value)| {
        name == "sendMessage" && body["text"].as_str().is_some_and(|text| text.contains(part))
    };
    facts.calls.iter().filter(is_it).count()
}

/// Asks for the day's report until it is whole: before the account was seen twice it has no picture, and says so.
fn whole_report(stub: &Stub) -> String {
    let on_request = || {
        let facts = stub.facts();
        let texts = facts.calls.iter().filter_map(|(_, body)| body["text"].as_str());
        let is_report =
            |text: &&str| text.contains("<b>Report of 2026-06-01</b>") && event_of(text).is_none();
        texts.filter(is_report).map(str::to_owned).collect::<Vec<_>>()
    };
    let asked = until(PATIENCE * 3, || {
        let before = on_request().len();
        stub.type_text("/report");
        let all = until(PATIENCE, || Some(on_request()).filter(|all| all.len() > before))?;
        all.last().filter(|text| !text.contains("No picture")).cloned()
    });
    asked.unwrap_or_else(|| panic!("no whole report: {:?}", on_request()))
}

/// A day in Korea ends: the exchange is begun shortly before its close.
#[test]
fn the_report_of_a_day_comes_once_with_a_picture_and_again_on_request() {
    let dir = TempDir::new().unwrap();
    let stub = Stub::default();
    let url = stub.serve();
    let exchange =
        Exchange::start(&dir, &["--start", "2026-06-01T05:50:00Z", "--speed", "60", "--markets", "KR"]);
    let further = [
        ("TELEGRAM_NOTIFY", "reports"),
        ("KESTREL_EXCHANGE_URL", &*exchange.url),
        ("ENABLED_MARKETS", "KR"),
        ("TRADE_MODE", "realtime"),
        ("SCANNER_TOP_N", "8"),
    ];
    let agent = start_with(&dir, &url, &further);
    let text = whole_report(&stub);
    for part in [
        "<b>KRW</b>\naccount: 100000000 KRW",
        "fees: unknown",
        "<b>Trades</b>",
        "<b>Refused proposals</b>",
        "<b>Halts and resumes</b>: none",
        "none is asked; the local rules judge",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    stub.wait_for(&dir, "sendPhoto", "Equity per currency, up to 2026-06-01");

    let told = |stub: &Stub| {
        let facts = stub.facts();
        let is_told = |(name, body): &&(String, Value)| {
            let text = body["text"].as_str().unwrap_or("");
            name == "sendMessage" && text.contains("Report of 2026-06-01") && text.contains(", event ")
        };
        facts.calls.iter().filter(is_told).count()
    };
    let long = PATIENCE * 3;
    assert!(until(long, || (told(&stub) == 1).then_some(())).is_some(), "{}", log_of(&dir));
    let photos = || stub.facts().calls.iter().filter(|(name, _)| name == "sendPhoto").count();
    assert!(until(PATIENCE, || (photos() == 2).then_some(())).is_some(), "{}", log_of(&dir));
    let picture = stub.wait_for(&dir, "sendPhoto", "Equity");
    assert!(picture["bytes"].as_u64() > Some(1_000) && picture["chat_id"] == "70", "{picture}");
    assert!(
        stub.find("sendMessage", "for 2026-05-29 are closed")
            .is_some_and(|_| stub.find("sendMessage", "Report of 2026-05-29").is_none()),
        "the day before the first has no report"
    );

    // Whoever dies between an answer and its mark tells it again rather than never: what is booked as told is not told again.
    let is_report = |text: &str| text.contains("Report of 2026-06-01");
    let number = stub
        .facts()
        .calls
        .iter()
        .filter_map(|(_, body)| body["text"].as_str())
        .filter(|text| is_report(text))
        .find_map(event_of)
        .unwrap();
    wait_until_told(&dir, number);
    agent.kill_9();
    let _agent = start_with(&dir, &url, &further);
    stub.type_text("/status");
    stub.wait_for(&dir, "sendMessage", "trading: ");
    assert_eq!(told(&stub), 1, "once, over a restart");
}

/// The Optimizer's proposals end to end: told once when one may be reviewed, holds, or is taken back; listed and shown with what
/// they change, in the chat and on the page. Nobody decides from there.
#[test]
fn proposals_are_told_once_and_shown_with_what_they_change_in_the_chat_and_on_the_page() {
    let dir = TempDir::new().unwrap();
    let stub = Stub::default();
    let url = stub.serve();
    let address = crate::web::free_address();
    let listen = address.to_string();
    let further = [("TELEGRAM_NOTIFY", "reports"), ("WEB_LISTEN", listen.as_str())];
    let agent = start_with(&dir, &url, &further);
    stub.type_text("/proposals");
    stub.wait_for(&dir, "sendMessage", "Nothing was proposed yet");
    agent.kill_9();

    // While no agent runs: the books keep it, and the next start tells it.
    propose(&dir);
    let books = database(dir.path());
    drop_in(&books, 1, ProposalStep::Approve, Decider::Person("ada".into()));
    drop_in(&books, 1, ProposalStep::Activate, Decider::Agent);
    let agent = start_with(&dir, &url, &further);
    let told = |part: &str| count_of_messages_with(&stub, part);
    stub.wait_for(&dir, "sendMessage", "proposal 0001 is ready for review");
    stub.wait_for(&dir, "sendMessage", "proposal 0002 is ready for review");
    stub.wait_for(&dir, "sendMessage", "KR trades by proposal 0001");

    stub.type_text("/proposals");
    let list = stub.wait_for(&dir, "sendMessage", "Proposal 0002 changes:");
    let list = list["text"].as_str().unwrap();
    for part in ["0001", "active", "0002", "ready for review", "+ ", "s-2", "kestrel proposals show NUMBER"] {
        assert!(list.contains(part), "{part:?} is not in {list}");
    }
    stub.type_text("/proposals 2");
    let shown = stub.wait_for(&dir, "sendMessage", "proposal 0002, ready for review");
    let shown = shown["text"].as_str().unwrap();
    assert!(shown.contains("kestrel proposals approve 0002"), "the command line decides: {shown}");
    assert!(shown.contains("why: oversold stocks turn"), "{shown}");

    let (status, page) = crate::web::local(address, "/");
    assert_eq!(status, 200);
    for part in ["/proposal?number=0002", "ready for review", "what changes", "s-2"] {
        assert!(page.contains(part), "{part:?} is not on the page");
    }
    let (status, one) = crate::web::local(address, "/proposal?number=0002");
    assert!(
        status == 200
            && one.contains("oversold stocks turn")
            && one.contains("kestrel proposals approve 0002"),
        "{one}"
    );
    assert_eq!(crate::web::local(address, "/proposal?number=x").0, 400);
    let (_, none) = crate::web::local(address, "/proposal?number=9");
    assert!(none.contains("There is no proposal 0009"), "{none}");

    let rollback = ["proposals", "rollback", "1", "--reason", "a bad week", "--by", "mina"];
    assert!(command(&dir, &[]).args(rollback).status().unwrap().success());
    let last = stub.wait_for(
        &dir,
        "sendMessage",
        "KR no longer trades by proposal 0001 in sessions that begin from now on (mina: a bad week)",
    );
    // What is booked as told is not told again, however the agent ends.
    let number = last["text"].as_str().and_then(event_of).unwrap();
    wait_until_told(&dir, number);
    agent.kill_9();
    let _agent = start_with(&dir, &url, &further);
    stub.type_text("/budget");
    stub.wait_for(&dir, "sendMessage", "judge: rules");
    for part in [
        "proposal 0001 is ready for review",
        "KR trades by proposal 0001",
        "KR no longer trades by proposal 0001",
    ] {
        assert_eq!(told(part), 1, "{part}");
    }
}
