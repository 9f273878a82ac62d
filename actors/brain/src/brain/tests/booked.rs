//! What a model was asked and said, in the books and decided anew from them.

use super::*;

#[test]
fn every_call_is_booked_with_question_reply_and_version_before_anything_is_decided_by_it() {
    let answer = r#"[{"symbol":"000001","rationale":"a","action":"BUY","confidence":90}]"#;
    in_virtual_time(async {
        let world = World::default();
        let model = Model { answer: Ok(answer), takes: Duration::from_secs(3), world: world.clone() };
        launch(&world, Some(model)).decide(slot_key(Slot::Daily(1)), candidates()).await;
        world.seen(|seen| {
            let [call] = seen.consultations.as_slice() else { panic!("{:?}", seen.consultations) };
            assert_eq!((call.model.as_str(), call.slot.as_str()), ("asked-model", "daily-1"));
            assert_eq!((call.latency_ms, call.prompt_version), (3_000, crate::prompt::VERSION));
            assert!(call.prompt.contains("000002") && call.system.contains("HOLD"));
            for told in [r#""slot":"daily-1""#, r#""day_pnl_pct":-1.5"#, r#""max_loss_pct":3"#] {
                assert!(call.prompt.contains(told), "{told} is not in {}", call.prompt);
            }
            assert!(matches!(&call.heard, Heard::Reply(reply) if reply.text == answer), "{call:?}");
            assert_eq!(call.stocks[0].offered, [Action::Buy, Action::Hold]);
            assert!(seen.bases.iter().all(|basis| basis.as_ref().unwrap().call == call.call));
        });
    });
}

#[test]
fn a_call_without_a_reply_is_booked_too_and_a_reply_that_cannot_be_booked_is_not_used() {
    in_virtual_time(async {
        let world = World::default();
        let answer = Err(OracleError::Unreachable("HTTP 503".to_owned()));
        let model = Model { answer, takes: Duration::ZERO, world: world.clone() };
        launch(&world, Some(model)).decide(slot_key(Slot::Daily(1)), candidates()).await;
        world.seen(|seen| {
            let heard: Vec<_> = seen.consultations.iter().map(|call| call.heard.clone()).collect();
            assert_eq!(heard, vec![Heard::Nothing("the model did not answer: HTTP 503".to_owned()); 3]);
            let last = &seen.consultations[2].call;
            assert!(seen.bases.iter().all(|basis| basis.as_ref().unwrap().call == *last));
        });
        let mute = World { ledger_works: false, ..World::default() };
        let answer = r#"[{"symbol":"000001","rationale":"a","action":"BUY","confidence":90}]"#;
        let model = Model { answer: Ok(answer), takes: Duration::ZERO, world: mute.clone() };
        let house = launch(&mute, Some(model));
        house.decide(slot_key(Slot::Daily(1)), candidates()).await;
        assert!(house.standing().await.trouble.unwrap().contains("could not be booked"));
        assert_eq!((mute.decided(), mute.proposed()), (vec![], vec![]));
    });
}

#[test]
fn whatever_a_model_said_is_decided_anew_from_the_books_as_it_was() {
    let answers = [
        r#"[{"symbol":"000001","rationale":"a\nb","action":"BUY","confidence":90},
            {"symbol":"000002","rationale":"b","action":"BUY","confidence":79},
            {"symbol":"000003","rationale":"c","action":"SELL","confidence":99}]"#,
        r#"[{"symbol":"000001","rationale":"a","action":"SELL","confidence":90}]"#,
        "```json\n[]\n```",
        "주식을 사세요",
    ];
    for (answer, quote) in
        answers.into_iter().flat_map(|answer| [(answer, Some(100)), (answer, None), (answer, Some(900))])
    {
        in_virtual_time(async {
            let world = World { quote, ..World::default() };
            let model = Model { answer: Ok(answer), takes: Duration::ZERO, world: world.clone() };
            launch(&world, Some(model)).decide(slot_key(Slot::Daily(1)), candidates()).await;
            assert_eq!(decided_anew(&world), [true; 3], "{answer}");
        });
    }
}

/// Of each decision that names a call: it comes out of the books as it was made.
fn decided_anew(world: &World) -> Vec<bool> {
    use crate::recompute::{is_equal, recompute};
    use domain::messages::consultation::{BookedConsultation, BookedJudgement};

    world.seen(|seen| {
        let based =
            seen.decisions.iter().zip(&seen.bases).filter_map(|(one, basis)| Some((one, basis.clone()?)));
        let anew = |(decision, basis): (&Decision, domain::messages::consultation::DecisionBasis)| {
            let named = seen.consultations.iter().find(|call| call.call == basis.call).unwrap();
            let reply_bytes = match &named.heard {
                Heard::Reply(reply) => reply.text.len() as u64,
                Heard::Nothing(_) => 0,
            };
            let booked =
                BookedConsultation { consultation: named.clone(), reply_bytes, judgements: Vec::new() };
            let Decision { id, instrument, action, confidence, rationale, .. } = decision.clone();
            let made = BookedJudgement { id, instrument, action, confidence, rationale, basis };
            let anew = recompute(&booked, &made).map(|anew| is_equal(&anew, &made));
            assert_eq!(anew, Ok(true), "{made:?}");
            true
        };
        based.map(anew).collect()
    })
}

#[test]
fn a_realtime_cycle_is_decided_anew_from_the_books_whatever_became_of_its_questions() {
    let whole = r#"[{"symbol":"000003","rationale":"c","action":"SELL","confidence":99}]"#;
    let cases = [
        (Ok(whole), 3),
        // The stocks that were not asked about rest on no call.
        (Err(OracleError::Blocked("SAFETY".into())), 1),
        (Err(OracleError::Unreachable("HTTP 503".into())), 1),
        (Err(OracleError::QuotaExhausted { retry_after: Some(Duration::from_secs(9)) }), 1),
    ];
    for (answer, based) in cases {
        in_virtual_time(async {
            let world = World::default();
            let model = Model { answer: answer.clone(), takes: Duration::ZERO, world: world.clone() };
            launch(&world, Some(model)).decide(slot_key(Slot::Realtime(1)), candidates()).await;
            assert_eq!(world.decided().len(), 3);
            assert_eq!(decided_anew(&world), vec![true; based], "{answer:?}");
        });
    }
}
