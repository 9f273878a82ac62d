//! A session that comes out the same, and ways in which it does not.

use chrono::DateTime;
use domain::messages::consultation::{AskedStock, CallId, Consultation, DecisionBasis, Heard};
use domain::{OracleReply, TokenUsage};

use super::*;

fn stock(market: Market, symbol: &str) -> Instrument {
    Instrument { market, symbol: symbol.parse().unwrap() }
}

fn session() -> NaiveDate {
    "2026-11-24".parse().unwrap()
}

/// One call about a stock of Korea and one of New York, and what was decided by it.
fn booked(decided: &[(Instrument, Action, i64)]) -> BookedConsultation {
    let call = CallId { quota_date: session(), purpose: "KR/1".into() };
    let text = r#"[{"symbol":"005930","rationale":"up","action":"BUY","confidence":91},
        {"symbol":"IBM","rationale":"up","action":"HOLD","confidence":50}]"#
        .to_owned();
    let reply_bytes = text.len() as u64;
    let offered = vec![Action::Buy, Action::Hold];
    let stocks = [stock(Market::Kr, "005930"), stock(Market::UsNyse, "IBM")]
        .map(|instrument| AskedStock { instrument, offered: offered.clone() })
        .to_vec();
    let judgement = |(instrument, action, confidence): &(Instrument, Action, i64)| BookedJudgement {
        id: DecisionId::from_stored("d-1".into()),
        instrument: instrument.clone(),
        action: *action,
        confidence: Confidence::new(*confidence).unwrap(),
        rationale: "up".into(),
        basis: DecisionBasis { call: call.clone(), withheld: None, delay_minutes: 0 },
    };
    let usage = TokenUsage::default();
    let consultation = Consultation {
        call: call.clone(),
        session_date: session(),
        slot: "daily-1".into(),
        stocks,
        threshold: Confidence::new(80).unwrap(),
        prompt_version: 1,
        model: "m".into(),
        system: String::new(),
        prompt: String::new(),
        asked_at: DateTime::UNIX_EPOCH,
        latency_ms: 1,
        rests_until: None,
        heard: Heard::Reply(OracleReply { text, model: "m".into(), response_id: None, usage }),
    };
    BookedConsultation { consultation, reply_bytes, judgements: decided.iter().map(judgement).collect() }
}

#[test]
fn a_session_that_follows_from_its_replies_is_equal_and_a_market_can_be_looked_at_alone() {
    let (korean, american) = (stock(Market::Kr, "005930"), stock(Market::UsNyse, "IBM"));
    let calls = [booked(&[(korean, Action::Buy, 91), (american, Action::Hold, 50)])];
    let all = Replayed::new(session(), None, &calls);
    assert_eq!((all.calls, all.equal, all.different), (1, 2, 0));
    assert!(
        all.to_string().ends_with("2026-11-24: 2 equal, 0 different, from 1 calls of the model"),
        "{all}"
    );
    let one = Replayed::new(session(), Some(Market::UsNyse), &calls);
    assert_eq!((one.calls, one.equal, one.decisions.len()), (1, 1, 1));
    assert_eq!(Replayed::new(session(), Some(Market::Jp), &calls).calls, 0);
}

#[test]
fn a_judgement_that_does_not_follow_is_different_and_says_what_does() {
    let (korean, stranger) = (stock(Market::Kr, "005930"), stock(Market::Kr, "000660"));
    let calls = [booked(&[(korean, Action::Sell, 91), (stranger, Action::Hold, 0)])];
    let found = Replayed::new(session(), None, &calls);
    assert_eq!((found.equal, found.different), (0, 2));
    let shown = found.to_string();
    assert!(
        shown.contains("DIFFERENT KR:005930 daily-1: SELL 91 [d-1]\n          now BUY 91: up"),
        "{shown}"
    );
    assert!(shown.contains("did not ask about this stock"), "{shown}");
}
