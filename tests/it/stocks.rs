//! One stock's books need a person: the halt outlives the process, and a person's word reaches the books.

use std::process::{Output, Stdio};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::messages::ledger::RecordDayStart;
use domain::{
    ApprovalId, Confidence, Currency, DecisionId, HaltId, HaltNonce, InquiryRow, IntentId, Market, Money,
    OrderTerms, Outcome, Quantity, Side, VenueOrderId,
};
use kestrel::control::wire::Status;
use kestrel::store;
use tempfile::TempDir;
use trade_ledger::{BookInquiry, BootFacts, DayKey, NewIntent, SendingRequest, Store};

use crate::harness::{Agent, PATIENCE, command, database, status_of, until};

fn run(dir: &TempDir, arguments: &[&str]) -> Output {
    let mut command = command(dir, &[]);
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A day of the past, so that the agent has it to close.
fn day() -> NaiveDate {
    "2026-01-15".parse().unwrap()
}

fn terms() -> OrderTerms {
    OrderTerms {
        instrument: "KR:005930".parse().unwrap(),
        side: Side::Buy,
        quantity: Quantity::new(10),
        limit: "70000".parse().unwrap(),
    }
}

fn row(number: &str) -> InquiryRow {
    InquiryRow {
        order: VenueOrderId { date: day(), branch: "06010".into(), number: number.into() },
        instrument: terms().instrument,
        side: Side::Buy,
        ordered: Quantity::new(10),
        limit: Some(terms().limit),
        filled: Quantity::ZERO,
        average_price: None,
        remaining: Quantity::new(10),
        cancelled: Quantity::ZERO,
        rejected: Quantity::ZERO,
        time: None,
    }
}

/// Books of an earlier life: an order whose reply was lost, and two orders that it could be.
fn with_a_dispute(dir: &TempDir) {
    let at: DateTime<Utc> = "2026-01-15T01:00:00Z".parse().unwrap();
    let mut books = store::open(database(dir.path())).unwrap();
    let (halt_id, halt_nonce) = (HaltId::from_stored("h-0".into()), HaltNonce::new(0));
    let facts = BootFacts { wall_at: at, at, halt_id, halt_nonce };
    let fencing = books.boot(&facts).unwrap().fencing;
    let new = NewIntent {
        intent: IntentId::from_stored("i-1".into()),
        approval: ApprovalId::from_stored("a-1".into()),
        decision: DecisionId::from_stored("d-1".into()),
        terms: terms(),
        confidence: Confidence::new(85).unwrap(),
        session_date: day(),
        approved_at: at,
        expires_at: at + TimeDelta::seconds(30),
        halt_epoch: domain::HaltEpoch(0),
    };
    let equity = Money::new(100_000_000.into(), Currency::Krw);
    let start = RecordDayStart {
        currency: Currency::Krw,
        session_date: day(),
        equity: Some(equity),
        trips: Default::default(),
    };
    books.record_day_start(&start, at).unwrap();
    books.commit_approval(&new, at).unwrap();
    let (intent, approval, halt_epoch) = (new.intent.clone(), new.approval, new.halt_epoch);
    let request = SendingRequest { intent, approval, halt_epoch, fencing, watermark: None, at };
    books.begin_sending(&request).unwrap();
    books.record_outcome(&new.intent, &Outcome::Unknown("silence".into()), at).unwrap();
    let day = DayKey { market: Market::Kr, session_date: day() };
    let asked_at = at + TimeDelta::seconds(10);
    let halt = trade_ledger::HaltName {
        id: domain::HaltId::from_stored("h-list".into()),
        nonce: domain::HaltNonce::new(1),
    };
    let list = BookInquiry { day, rows: vec![row("101"), row("102")], asked_at, halt };
    assert_eq!(books.book_inquiry(&list, asked_at).unwrap().disputed.len(), 2);
}

#[test]
fn a_dispute_outlives_the_process_and_ends_by_a_persons_word() {
    let dir = TempDir::new().unwrap();
    with_a_dispute(&dir);
    let _agent = Agent::start(&dir, &[]);
    let halted = |status: &Status| status.symbol_halts.len() == 2;
    assert!(until(PATIENCE, || status_of(&dir).filter(halted)).is_some(), "{:?}", status_of(&dir));
    let shown = text(&run(&dir, &["status"]));
    assert!(shown.contains("KR:005930 takes no new orders since 2026-01-15"), "{shown}");
    assert!(shown.contains("kestrel release KR:005930 --reason TEXT"), "{shown}");

    let wrong =
        run(&dir, &["resolve", "i-1", "--order", "999", "--by", "ada", "--reason", "seen in the app"]);
    assert_eq!(wrong.status.code(), Some(1), "{}", text(&wrong));
    assert!(text(&wrong).contains("these fit: 2026-01-15/06010/101"), "{}", text(&wrong));
    let told = run(&dir, &["resolve", "i-1", "--order", "102", "--by", "ada", "--reason", "seen in the app"]);
    assert!(told.status.success(), "{}", text(&told));
    assert!(text(&told).contains("BUY 10 KR:005930 at 70000 (Accepted, i-1)"), "{}", text(&told));

    let released = run(&dir, &["release", "KR:005930", "--by", "ada", "--reason", "looked", "--json"]);
    assert!(released.status.success(), "{}", text(&released));
    let json: serde_json::Value = serde_json::from_slice(&released.stdout).unwrap();
    assert_eq!(json["lifted"].as_array().unwrap().len(), 2, "{json}");
    assert_eq!(status_of(&dir).unwrap().symbol_halts, []);
    let again = run(&dir, &["release", "KR:005930", "--by", "ada", "--reason", "looked"]);
    assert_eq!((again.status.code(), text(&again).contains("KR:005930 is not halted")), (Some(1), true));
}

#[test]
fn a_persons_word_that_is_incomplete_is_refused_with_what_is_allowed() {
    let dir = TempDir::new().unwrap();
    let cases: [(&[&str], &str); 4] = [
        (&["release", "005930", "--reason", "x"], "MARKET:SYMBOL"),
        (&["release", "KR:005930"], "--reason"),
        (&["resolve", "i-1", "--reason", "x"], "--order"),
        (&["resolve", "h-1", "--none", "--reason", "x"], "kestrel status"),
    ];
    for (arguments, part) in cases {
        let refused = run(&dir, arguments);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}");
        assert!(text(&refused).contains(part), "{arguments:?}: {}", text(&refused));
    }
    let both = run(&dir, &["resolve", "i-1", "--none", "--order", "1", "--reason", "x"]);
    assert_eq!(both.status.code(), Some(2));
}
