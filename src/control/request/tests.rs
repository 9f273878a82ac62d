//! What a line on the socket can and cannot be.

use domain::messages::control::{HaltLevel, HaltRecord, HaltSource};

use super::*;
use crate::control::wire;
use crate::mutation::Mutator;

fn texts(request: &Request) -> Vec<&str> {
    match request {
        Request::Halt { reason, by, cancel_open: _ } => vec![reason, by],
        Request::Reduce { reason, by, .. }
        | Request::Limits { reason, by, .. }
        | Request::WithdrawLimits { reason, by } => vec![reason, by],
        Request::Resume { halt, by, reason, .. } => {
            halt.iter().map(String::as_str).chain([by.as_str(), reason.as_str()]).collect()
        }
        Request::Release { by, reason, .. } => vec![by, reason],
        Request::Resolve { intent, by, reason, .. } => vec![intent.as_str(), by, reason],
        Request::Decide { by, reason, .. } => vec![by, reason],
        Request::Status | Request::Ask(_) | Request::Budget => vec![],
        #[cfg(feature = "faults")]
        Request::Fault { actor, .. } => vec![actor],
    }
}

#[test]
fn invariant_25_a_broken_line_is_no_command_and_no_text_of_a_command_can_do_harm() {
    let seeds = [
        r#"{"command":"halt","reason":"the feed looks wrong","by":"ada"}"#,
        r#"{"command":"halt","reason":"the feed looks wrong","by":"ada","cancel_open":true}"#,
        r#"{"command":"resume","halt":"h-019ab-12","by":"ada"}"#,
        r#"{"command":"resume","halt":null,"by":"ada"}"#,
        r#"{"command":"release","instrument":{"market":"KR","symbol":"005930"},"by":"ada","reason":"looked at"}"#,
        r#"{"command":"decide","number":7,"decision":"approve","by":"ada","reason":"looked at"}"#,
        r#"{"command":"status"}"#,
        r#"{"command":"ask","question":"orders","open_only":true,"since":{"seconds_ago":60},"limit":5}"#,
        r#"{"command":"ask","question":"why","stock":"KR:005930","at":null}"#,
    ];
    assert!(seeds.iter().all(|seed| parse(seed.as_bytes()).is_ok()));
    let mut mutator = Mutator::new(0xc0de);
    let (mut read, mut refused) = (0_u64, 0_u64);
    for case in 0..Mutator::cases() {
        let line = mutator.mutate(seeds[(case % seeds.len() as u64) as usize]);
        match parse(&line) {
            Ok(request) => {
                read += 1;
                for text in texts(&request) {
                    assert_eq!(text, harmless(text, TEXT_MAX_CHARS));
                }
            }
            Err(why) => {
                refused += 1;
                assert_eq!(why, harmless(&why, COMPLAINT_MAX_CHARS));
            }
        }
    }
    println!("control socket: {} payloads, {read} commands, {refused} refused", Mutator::cases());
    assert!(read > 0 && refused > read, "{read} {refused}");
}

#[test]
fn a_command_has_one_meaning_and_four_kibibytes() {
    let twice = br#"{"command":"status","command":"halt","reason":"x","by":"y"}"#;
    assert!(parse(twice).unwrap_err().contains("not a request"));
    let reason = "x".repeat(5_000);
    let long = serde_json::to_vec(&Request::Halt { reason, by: "ada".into(), cancel_open: false }).unwrap();
    assert!(parse(&long).unwrap_err().contains("longer than 4096 bytes"));
    // The longest texts of the client fit, in any script.
    let most = "𝟙".repeat(TEXT_MAX_CHARS);
    let request = Request::Halt { reason: most.clone(), by: most, cancel_open: false };
    let mut line = serde_json::to_vec(&request).unwrap();
    line.push(b'\n');
    assert_eq!(parse(&line), Ok(request));
}

#[test]
fn a_halt_that_cancels_says_so_on_the_line_and_a_plain_one_is_the_line_that_older_agents_know() {
    let halt = |cancel_open| Request::Halt { reason: "now".into(), by: "ada".into(), cancel_open };
    let reduce = |cancel_open| {
        let (reason, by) = ("now".into(), "ada".into());
        Request::Reduce { reason, by, flatten: false, cancel_open }
    };
    let plain = r#"{"command":"halt","reason":"now","by":"ada"}"#;
    let milder = r#"{"command":"reduce","reason":"now","by":"ada","flatten":false}"#;
    for (request, line) in [
        (halt(false), plain.to_owned()),
        (halt(true), plain.replace('}', r#","cancel_open":true}"#)),
        (reduce(false), milder.to_owned()),
        (reduce(true), milder.replace('}', r#","cancel_open":true}"#)),
    ] {
        assert_eq!(serde_json::to_string(&request).unwrap(), line);
        assert_eq!(parse(line.as_bytes()), Ok(request));
    }
    for odd in [r#""yes""#, "1", "null"] {
        let line = plain.replace('}', &format!(r#","cancel_open":{odd}}}"#));
        assert!(parse(line.as_bytes()).is_err(), "{line}");
    }
}

#[test]
fn a_command_without_a_reason_is_taken_and_says_that_none_was_given() {
    for line in [
        r#"{"command":"halt","reason":" ","by":"ada"}"#,
        r#"{"command":"resume","halt":null,"by":"ada"}"#,
        r#"{"command":"limits","by":"ada","change":{"max_loss_pct":"2.0"}}"#,
        r#"{"command":"decide","number":7,"decision":"approve","by":"ada","reason":""}"#,
    ] {
        let request = parse(line.as_bytes()).unwrap();
        assert!(texts(&request).contains(&"no reason given"), "{request:?}");
    }
}

#[test]
fn a_halt_is_described_on_one_line() {
    let line = br#"{"command":"halt","reason":"a\n\u001b[2Jb\u202e","by":"m\u0000ina"}"#;
    let Ok(Request::Halt { reason, by, cancel_open: false }) = parse(line) else { panic!("no halt") };
    let record = HaltRecord {
        id: "h-1".into(),
        at: chrono::DateTime::UNIX_EPOCH,
        source: HaltSource::Operator,
        by,
        reason,
        level: HaltLevel::Halted,
        nonce: domain::HaltNonce::default(),
        cancel_open: false,
    };
    let text = wire::describe(&record);
    assert!(text.contains("by m ina (operator): a [2Jb [h-1]"), "{text}");
    let text = wire::describe(&HaltRecord { cancel_open: true, ..record });
    assert!(text.starts_with("halted, cancelling open orders, since 1970-01-01"), "{text}");
}
