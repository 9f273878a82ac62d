//! A language model asked: slots, cycles, failures, budget.

use super::*;

#[test]
fn a_daily_slot_asks_the_model_once_for_all() {
    let answer = r#"[{"symbol":"000001","rationale":"a","action":"BUY","confidence":79},
        {"symbol":"000002","rationale":"b","action":"BUY","confidence":85},
        {"symbol":"000003","rationale":"c","action":"BUY","confidence":99}]"#;
    in_virtual_time(async {
        let world = World::default();
        let model = Model { answer: Ok(answer), takes: Duration::from_secs(3), world: world.clone() };
        let house = launch(&world, Some(model));
        house.decide(slot_key(Slot::Daily(1)), candidates()).await;
        let decided = [
            text("000001", Action::Hold, 79),
            text("000002", Action::Buy, 85),
            text("000003", Action::Hold, 99),
        ];
        assert_eq!(world.decided(), decided);
        assert_eq!(world.proposed(), [("000002".to_owned(), Side::Buy)]);
        world.seen(|seen| {
            assert_eq!(seen.reservations, ["KR/2026-11-24/daily-1"]);
            assert_eq!(seen.ends, [("KR/2026-11-24/daily-1".to_owned(), 945)]);
            assert_eq!(seen.decisions[0].judge, "model-7");
        });
        house.decide(slot_key(Slot::Exits(1)), candidates()).await;
        assert_eq!(
            world.seen(|seen| (seen.questions, seen.decisions.len())),
            (1, 4),
            "the rules sell in between"
        );
    });
}

#[test]
fn a_realtime_cycle_asks_the_model_about_each_candidate_what_is_held_first() {
    let answer = r#"[{"symbol":"000001","rationale":"a","action":"BUY","confidence":90},
        {"symbol":"000003","rationale":"c","action":"SELL","confidence":99}]"#;
    in_virtual_time(async {
        let world = World::default();
        let model = Model { answer: Ok(answer), takes: Duration::from_secs(1), world: world.clone() };
        let house = launch(&world, Some(model));
        house.decide(slot_key(Slot::Realtime(1)), candidates()).await;
        let purposes = ["000003", "000001", "000002"].map(|code| format!("KR/2026-11-24/realtime-1/{code}"));
        assert_eq!(world.seen(|seen| seen.reservations.clone()), purposes);
        let decided = [
            text("000003", Action::Sell, 99),
            text("000001", Action::Buy, 90),
            text("000002", Action::Hold, 0),
        ];
        assert_eq!(world.decided(), decided);
        assert!(house.standing().await.trouble.unwrap().contains("missing_symbol"));
    });
}

#[test]
fn a_realtime_cycle_stops_asking_at_the_first_question_without_a_reply() {
    in_virtual_time(async {
        let world = World::default();
        let answer = Err(OracleError::Blocked("SAFETY".to_owned()));
        let model = Model { answer, takes: Duration::ZERO, world: world.clone() };
        launch(&world, Some(model)).decide(slot_key(Slot::Realtime(1)), candidates()).await;
        assert_eq!(world.seen(|seen| (seen.questions, seen.decisions.len())), (1, 3));
        assert!(world.decided().iter().all(|(_, action, _)| *action == Action::Hold));
        let spent = World { budget: BudgetAnswer::Exhausted(Ceiling::Calls), ..World::default() };
        let model = Model { answer: Ok("[]"), takes: Duration::ZERO, world: spent.clone() };
        launch(&spent, Some(model)).decide(slot_key(Slot::Realtime(1)), candidates()).await;
        assert_eq!(spent.decided()[0], text("000003", Action::Sell, 99));
        assert_eq!(spent.seen(|seen| seen.decisions[0].judge.clone()), "rules");
    });
}

#[test]
fn invariant_21_a_model_that_dictates_size_price_limits_or_stocks_is_proposed_as_one_that_only_judges() {
    let plain = r#"[{"symbol":"000001","rationale":"a","action":"HOLD","confidence":50},
        {"symbol":"000002","rationale":"b","action":"BUY","confidence":85},
        {"symbol":"000003","rationale":"c","action":"SELL","confidence":90}]"#;
    let dictating = r#"[{"symbol":"000001","rationale":"a","action":"HOLD","confidence":50,"resume":true},
        {"symbol":"000002","rationale":"b","action":"BUY","confidence":85,"quantity":999999,"price":1,"score":9999,
         "market":"US_NYSE","max_order_pct":100,"max_loss_pct":100,"halt":false,"app_key":"x"},
        {"symbol":"000003","rationale":"c","action":"SELL","confidence":90,"quantity":999999},
        {"symbol":"999999","rationale":"d","action":"BUY","confidence":100}]"#;
    let proposed = |answer: &'static str| {
        in_virtual_time(async move {
            let world = World::default();
            let model = Model { answer: Ok(answer), takes: Duration::ZERO, world: world.clone() };
            launch(&world, Some(model)).decide(slot_key(Slot::Daily(1)), candidates()).await;
            world.seen(|seen| seen.proposals.clone())
        })
    };
    let (plain, dictating) = (proposed(plain), proposed(dictating));
    assert_eq!(plain.len(), 2, "{plain:?}");
    assert_eq!(dictating, plain);
    for proposal in plain {
        assert_eq!((proposal.quantity, proposal.reference_price), (None, price(100)));
        let score = (proposal.side == Side::Buy).then_some(Decimal::TEN);
        assert_eq!((proposal.score, proposal.instrument.market), (score, Market::Kr));
    }
}

#[test]
fn a_model_that_fails_or_talks_nonsense_means_hold_for_all() {
    let unreachable = || Err(OracleError::Unreachable("timed out".to_owned()));
    let granted = BudgetAnswer::Granted { used: 20 };
    let cases = [
        (unreachable(), granted, 3, "the model did not answer: timed out"),
        (Err(OracleError::Unauthorized("HTTP 401".into())), granted, 1, "refuses the key: HTTP 401"),
        (Err(OracleError::NoSuchModel("HTTP 404".into())), granted, 1, "there is no such model: HTTP 404"),
        (Err(OracleError::Blocked("SAFETY".into())), granted, 1, "SAFETY"),
        (Err(OracleError::Malformed("<html>".into())), granted, 1, "malformed"),
        (Err(OracleError::QuotaExhausted { retry_after: None }), granted, 1, "quota is used up"),
        (
            Err(OracleError::Interrupted("it ended with OTHER".into())),
            granted,
            2,
            "broke off: it ended with OTHER",
        ),
        (Ok("주식을 사세요"), granted, 1, "no_json"),
        (Ok("I would buy everything!"), granted, 1, "no_json"),
        (Ok("[]"), granted, 1, "missing_symbol"),
        (Ok("[]"), BudgetAnswer::AlreadyUsed, 0, "already made"),
    ];
    for (answer, budget, questions, reason) in cases {
        in_virtual_time(async {
            let world = World { budget, ..World::default() };
            let model = Model { answer, takes: Duration::ZERO, world: world.clone() };
            let house = launch(&world, Some(model));
            house.decide(slot_key(Slot::Daily(1)), candidates()).await;
            let standing = house.standing().await;
            assert_eq!(standing.judge, "asked-model");
            assert!(standing.trouble.unwrap().contains(reason), "{reason} is not in the status");
            let held = |(_, action, confidence): &(_, _, u8)| *action == Action::Hold && *confidence == 0;
            assert!(world.decided().iter().all(held) && world.decided().len() == 3, "{reason}");
            assert_eq!(world.seen(|seen| seen.questions), questions, "{reason}");
            assert!(world.rationale(0).contains(reason), "{}", world.rationale(0));
        });
    }
}

#[test]
fn every_repeated_call_is_reserved_too_and_an_answer_ends_the_trouble() {
    in_virtual_time(async {
        let world = World::default();
        let answer = Err(OracleError::Unreachable("HTTP 503".to_owned()));
        let model = Model { answer, takes: Duration::ZERO, world: world.clone() };
        launch(&world, Some(model)).decide(slot_key(Slot::Daily(1)), candidates()).await;
        let purposes = world.seen(|seen| seen.reservations.clone());
        let first = "KR/2026-11-24/daily-1";
        assert_eq!(purposes, [first.to_owned(), format!("{first}/again-1"), format!("{first}/again-2")]);
    });
}

#[test]
fn when_the_budget_is_spent_the_rules_judge_and_say_so() {
    in_virtual_time(async {
        let world = World { budget: BudgetAnswer::Exhausted(Ceiling::Calls), ..World::default() };
        let model = Model { answer: Ok("[]"), takes: Duration::ZERO, world: world.clone() };
        let house = launch(&world, Some(model));
        house.decide(slot_key(Slot::Daily(1)), candidates()).await;
        let decided = [
            text("000003", Action::Sell, 99),
            text("000001", Action::Buy, 80),
            text("000002", Action::Hold, 0),
        ];
        assert_eq!(world.decided(), decided);
        assert_eq!(
            world.seen(|seen| (seen.questions, seen.decisions[0].judge.clone())),
            (0, "rules".to_owned())
        );
        let standing = house.standing().await;
        assert_eq!(
            (standing.judge.as_str(), standing.in_place_of.as_deref()),
            ("rules", Some("asked-model"))
        );
        assert_eq!(standing.until, Some("2026-11-24T08:00:00Z".parse().unwrap()));
        assert_eq!(standing.trouble.as_deref(), Some("all 20 calls of the day are used"));
    });
}

#[test]
fn a_used_up_quota_is_not_tried_again_before_it_returns() {
    in_virtual_time(async {
        let world = World::default();
        let retry_after = Some(Duration::from_secs(500));
        let answer = Err(OracleError::QuotaExhausted { retry_after });
        let model = Model { answer, takes: Duration::ZERO, world: world.clone() };
        let house = launch(&world, Some(model));
        for (slot, questions) in [(1, 1), (2, 1), (3, 1)] {
            house.decide(slot_key(Slot::Daily(slot)), candidates()).await;
            assert_eq!(world.seen(|seen| seen.questions), questions, "slot {slot}");
        }
        sleep(Duration::from_secs(500)).await;
        house.decide(slot_key(Slot::Daily(4)), candidates()).await;
        assert_eq!(world.seen(|seen| (seen.questions, seen.reservations.len())), (2, 2));
    });
}

#[test]
fn a_used_up_quota_is_remembered_by_the_next_life_until_it_returns_and_a_wrong_key_is_not() {
    let hour = Some(Duration::from_secs(3_600));
    let cases = [
        (OracleError::QuotaExhausted { retry_after: hour }, 1),
        (OracleError::Unauthorized("HTTP 401".into()), 2),
        (OracleError::Unreachable("HTTP 503".into()), 6),
    ];
    for (error, questions) in cases {
        in_virtual_time(async {
            let world = World::default();
            let model = || Model { answer: Err(error.clone()), takes: Duration::ZERO, world: world.clone() };
            launch(&world, Some(model())).decide(slot_key(Slot::Daily(1)), candidates()).await;
            let next = launch(&world, Some(model()));
            sleep(Duration::from_secs(1)).await;
            let standing = next.standing().await;
            assert_eq!(standing.trouble.is_some(), questions == 1, "{standing:?}");
            assert_eq!(standing.until.is_some(), questions == 1, "{standing:?}");
            next.decide(slot_key(Slot::Daily(2)), candidates()).await;
            assert_eq!(world.seen(|seen| seen.questions), questions, "{error}");
            assert_eq!(world.decided().len(), 6, "and every stock is held");
            assert!(world.decided().iter().all(|(_, action, _)| *action == Action::Hold));
        });
    }
}

#[test]
fn the_third_refusal_in_a_row_without_a_reason_silences_the_model_for_an_hour() {
    in_virtual_time(async {
        let world = World::default();
        let answer = Err(OracleError::QuotaExhausted { retry_after: None });
        let model = Model { answer, takes: Duration::ZERO, world: world.clone() };
        let house = launch(&world, Some(model));
        let mut asked = Vec::new();
        // Each slot takes ten seconds; the waits are 30 s, 60 s and an hour.
        for cycle in 1..=40 {
            house.decide(slot_key(Slot::Realtime(cycle)), candidates()).await;
            asked.push(world.seen(|seen| seen.questions));
        }
        assert_eq!((asked[0], asked[3], asked[10], asked[39]), (1, 2, 3, 3), "{asked:?}");
        let until = house.standing().await.until.unwrap();
        assert!(
            until > open() + TimeDelta::minutes(60) && until < open() + TimeDelta::minutes(63),
            "{until}"
        );
    });
}

#[test]
fn what_a_slow_model_says_after_the_slot_is_not_traded() {
    let answer = r#"[{"symbol":"000001","rationale":"a","action":"BUY","confidence":95}]"#;
    in_virtual_time(async {
        let world = World::default();
        let model = Model { answer: Ok(answer), takes: Duration::from_secs(20), world: world.clone() };
        let house = launch(&world, Some(model));
        let key = slot_key(Slot::Daily(1));
        let expires_at = open() + TimeDelta::seconds(15);
        house.found.tell(CandidatesFound { key, candidates: candidates(), expires_at }).unwrap();
        house.due.tell(DecideDue { key, expires_at, together: Vec::new(), closes_at: None }).unwrap();
        sleep(Duration::from_secs(60)).await;
        assert_eq!(world.seen(|seen| seen.questions), 1);
        assert_eq!((world.decided(), world.proposed()), (vec![], vec![]));
    });
}

#[test]
fn rounds_run_one_after_the_other_and_the_newest_slot_of_a_market_wins() {
    in_virtual_time(async {
        let world = World::default();
        let model = Model { answer: Ok("[]"), takes: Duration::from_secs(30), world: world.clone() };
        let house = launch(&world, Some(model));
        for slot in 1..=3 {
            house.decide(slot_key(Slot::Daily(slot)), candidates()).await;
        }
        sleep(Duration::from_secs(100)).await;
        let purposes = world.seen(|seen| seen.reservations.clone());
        assert_eq!(purposes, ["KR/2026-11-24/daily-1", "KR/2026-11-24/daily-3"]);
    });
}

#[test]
fn markets_that_open_together_are_judged_by_one_question() {
    in_virtual_time(async {
        let world = World::default();
        let model = Model { answer: Ok("[]"), takes: Duration::ZERO, world: world.clone() };
        let house = launch(&world, Some(model));
        let together = vec![Market::UsNasdaq, Market::UsNyse, Market::UsAmex];
        let expires_at = open() + TimeDelta::minutes(10);
        for market in [Market::UsNyse, Market::UsNasdaq] {
            let key = SlotKey { market, ..slot_key(Slot::Daily(1)) };
            let symbol = if market == Market::UsNyse { "IBM" } else { "AAPL" };
            let mut one = candidates()[0].clone();
            one.instrument = domain::Instrument { market, symbol: symbol.parse().unwrap() };
            house.found.tell(CandidatesFound { key, candidates: vec![one], expires_at }).unwrap();
            house
                .due
                .tell(DecideDue { key, expires_at, together: together.clone(), closes_at: None })
                .unwrap();
        }
        sleep(Duration::from_secs(290)).await;
        assert_eq!(world.seen(|seen| seen.questions), 0, "the third market may still come");
        sleep(Duration::from_secs(20)).await;
        assert_eq!(world.seen(|seen| seen.questions), 1);
        assert_eq!(world.seen(|seen| seen.reservations.clone()), ["US_NASDAQ+US_NYSE/2026-11-24/daily-1"]);
        assert_eq!(world.decided().len(), 2);
    });
}

#[test]
fn reasons_in_another_language_are_recorded_and_keys_in_another_language_are_hold() {
    let korean = r#"[{"symbol":"000001","rationale":"과매도 상태입니다","action":"BUY","confidence":90},
        {"symbol":"000002","이유":"과매도","행동":"매수","신뢰도":90},
        {"symbol":"000003","rationale":"손절","action":"매도","confidence":90}]"#;
    in_virtual_time(async {
        let world = World::default();
        let model = Model { answer: Ok(korean), takes: Duration::ZERO, world: world.clone() };
        let house = launch(&world, Some(model));
        house.decide(slot_key(Slot::Daily(1)), candidates()).await;
        let decided = [
            text("000001", Action::Buy, 90),
            text("000002", Action::Hold, 0),
            text("000003", Action::Hold, 0),
        ];
        assert_eq!(world.decided(), decided);
        assert_eq!(world.rationale(0), "과매도 상태입니다");
        assert!(world.rationale(1).contains("missing_field") && world.rationale(2).contains("bad_action"));
        assert!(house.standing().await.trouble.unwrap().contains("2 of 3 answers cannot be used"));
    });
}

#[test]
fn an_empty_list_of_candidates_is_no_question_no_call_and_no_decision() {
    in_virtual_time(async {
        let world = World::default();
        let model = Model { answer: Ok("[]"), takes: Duration::ZERO, world: world.clone() };
        let house = launch(&world, Some(model));
        house.decide(slot_key(Slot::Daily(1)), Vec::new()).await;
        assert_eq!(
            world.seen(|seen| (seen.questions, seen.reservations.len(), seen.decisions.len())),
            (0, 0, 0)
        );
        house.decide(slot_key(Slot::Daily(2)), candidates()).await;
        assert_eq!(world.seen(|seen| (seen.questions, seen.decisions.len())), (1, 3), "and trading goes on");
    });
}

#[test]
fn an_answer_is_waited_for_as_long_as_set_but_not_beyond_the_slot_nor_30_s_for_one_stock() {
    in_virtual_time(async {
        let world = World::default();
        let model = Model { answer: Ok("[]"), takes: Duration::ZERO, world: world.clone() };
        let house = launch(&world, Some(model));
        house.decide(slot_key(Slot::Daily(1)), candidates()).await;
        let key = slot_key(Slot::Daily(2));
        let expires_at = open() + TimeDelta::seconds(50);
        house.found.tell(CandidatesFound { key, candidates: candidates(), expires_at }).unwrap();
        house.due.tell(DecideDue { key, expires_at, together: Vec::new(), closes_at: None }).unwrap();
        sleep(Duration::from_secs(10)).await;
        house.decide(slot_key(Slot::Realtime(1)), candidates()[..1].to_vec()).await;
        let waits: Vec<_> =
            world.seen(|seen| seen.timeouts.iter().map(|wait| (wait.as_millis() + 500) / 1_000).collect());
        assert_eq!(waits, [90, 40, 30]);
    });
}

/// Models of which the first does not exist.
struct Successor(std::sync::atomic::AtomicBool);

impl Oracle for Successor {
    fn name(&self) -> String {
        let replaced = self.0.load(std::sync::atomic::Ordering::Relaxed);
        if replaced { "second".into() } else { "first".into() }
    }

    fn in_place_of(&self) -> Option<String> {
        (self.name() == "second").then(|| "first".to_owned())
    }

    fn ask(&self, _: OracleRequest) -> BoxFuture<'_, Result<OracleReply, OracleError>> {
        let replaced = self.0.swap(true, std::sync::atomic::Ordering::Relaxed);
        let text = r#"[{"symbol":"000001","rationale":"a","action":"BUY","confidence":90}]"#.to_owned();
        let usage = TokenUsage::default();
        let reply = OracleReply { text, model: "second-7".into(), response_id: None, usage };
        let (model, why, next) = ("first".to_owned(), "HTTP 404".to_owned(), "second".to_owned());
        let answer = if replaced { Ok(reply) } else { Err(OracleError::Replaced { model, why, next }) };
        Box::pin(std::future::ready(answer))
    }
}

#[test]
fn the_model_that_takes_the_place_of_one_that_does_not_exist_answers_the_same_slot_and_both_calls_are_booked()
{
    in_virtual_time(async {
        let world = World::default();
        let house = launch_with(&world, Some(Arc::new(Successor(false.into()))));
        house.decide(slot_key(Slot::Daily(1)), candidates()[..1].to_vec()).await;
        assert_eq!(world.decided(), [text("000001", Action::Buy, 90)]);
        world.seen(|seen| {
            let models: Vec<_> = seen.consultations.iter().map(|call| call.model.as_str()).collect();
            assert_eq!((models, seen.reservations.len()), (vec!["first", "second"], 2));
            assert_eq!(seen.decisions[0].judge, "second-7");
        });
        let standing = house.standing().await;
        assert_eq!((standing.judge.as_str(), standing.in_place_of.as_deref()), ("second", Some("first")));
        assert_eq!(standing.trouble, None);
    });
}
