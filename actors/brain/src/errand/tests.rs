//! A question of another actor, between books and a model that do as told.

use std::sync::Mutex;

use actix::{Context, System};
use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::ledger::{BudgetCeilings, Ceiling};
use domain::{BoxFuture, Market, TokenUsage};
use serde_json::json;

use super::*;

const PURPOSE: &str = "evolution/KR/2026-11-24";

/// Books and a model that do as told, and what they saw.
#[derive(Clone)]
struct World {
    earlier: Result<EarlierCall, LedgerError>,
    budget: BudgetAnswer,
    keeps: bool,
    reply: Result<String, OracleError>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    reserved: Vec<ReserveOracleCall>,
    settled: Vec<SettleOracleCall>,
    booked: Vec<Consultation>,
    questions: Vec<OracleRequest>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            earlier: Ok(EarlierCall::None),
            budget: BudgetAnswer::Granted { used: 7 },
            keeps: true,
            reply: Ok("Sure:\n```json\n{\"strategies\": []}\n```".into()),
            seen: Arc::default(),
        }
    }
}

impl Actor for World {
    type Context = Context<Self>;
}

impl Handler<EarlierCallFor> for World {
    type Result = Result<EarlierCall, LedgerError>;

    fn handle(&mut self, query: EarlierCallFor, _ctx: &mut Self::Context) -> Self::Result {
        assert_eq!(query.purpose, PURPOSE);
        self.earlier.clone()
    }
}

impl Handler<ReserveOracleCall> for World {
    type Result = Result<BudgetAnswer, LedgerError>;

    fn handle(&mut self, call: ReserveOracleCall, _ctx: &mut Self::Context) -> Self::Result {
        self.seen.lock().unwrap().reserved.push(call);
        Ok(self.budget)
    }
}

impl Handler<SettleOracleCall> for World {
    type Result = ();

    fn handle(&mut self, end: SettleOracleCall, _ctx: &mut Self::Context) {
        self.seen.lock().unwrap().settled.push(end);
    }
}

impl Handler<RecordConsultation> for World {
    type Result = Result<(), LedgerError>;

    fn handle(&mut self, record: RecordConsultation, _ctx: &mut Self::Context) -> Self::Result {
        self.seen.lock().unwrap().booked.push(record.consultation);
        if self.keeps { Ok(()) } else { Err(LedgerError::Storage("full".into())) }
    }
}

impl Oracle for World {
    fn name(&self) -> String {
        "asked-model".into()
    }

    fn ask(&self, request: OracleRequest) -> BoxFuture<'_, Result<OracleReply, OracleError>> {
        self.seen.lock().unwrap().questions.push(request);
        let usage = TokenUsage { input: Some(900), output: Some(45), total: None };
        let reply = |text| OracleReply { text, model: "model-7".into(), response_id: None, usage };
        Box::pin(std::future::ready(self.reply.clone().map(reply)))
    }
}

struct Still(DateTime<Utc>);

impl Clock for Still {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }

    fn sleep_until(&self, _until: DateTime<Utc>) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    fn real(&self, exchange_time: Duration) -> Duration {
        exchange_time
    }
}

fn now() -> DateTime<Utc> {
    "2026-11-24T06:40:00Z".parse().unwrap()
}

fn run(world: &World, model_rests: Option<Resting>, has_model: bool) -> (Answer, Option<Resting>) {
    let world = world.clone();
    System::new().block_on(async move {
        let around = world.clone().start();
        let ceilings = BudgetCeilings { calls: 20, tokens: None, money_micros: None };
        let errand = Errand {
            question: AskModel {
                session_date: "2026-11-24".parse().unwrap(),
                purpose: PURPOSE.into(),
                prompt_version: 1,
                system: "You design strategies.".into(),
                prompt: "{}".into(),
                schema: json!({ "type": "object" }),
                max_output_tokens: 9_000,
            },
            clock: Arc::new(Still(now())),
            oracle: has_model.then(|| Arc::new(world) as Arc<dyn Oracle>),
            ledger: Books {
                earlier: Link::from_recipient(around.clone().recipient()),
                budget: Link::from_recipient(around.clone().recipient()),
                settle: Link::from_recipient(around.clone().recipient()),
                consultations: Link::from_recipient(around.clone().recipient()),
            },
            plan: BudgetPlan::spread(&[Market::Kr], Some(4), ceilings, None),
            threshold: Confidence::new(80).unwrap(),
            answer_within: Duration::from_secs(90),
            model_rests,
        };
        let found = errand.run().await;
        // What was told arrives before the next question is answered.
        let earlier: Link<EarlierCallFor> = Link::from_recipient(around.recipient());
        let query = EarlierCallFor { session_date: now().date_naive(), purpose: PURPOSE.into() };
        let _ = earlier.ask(query, LEDGER_WITHIN).await;
        found
    })
}

fn answer(json: &str) -> Answer {
    Ok(ModelAnswer { json: json.to_owned() })
}

#[test]
fn a_question_takes_a_call_that_belongs_to_no_market_and_is_booked_before_it_is_answered() {
    let world = World::default();
    assert_eq!(run(&world, None, true), (answer("{\"strategies\": []}"), None));
    let seen = world.seen.lock().unwrap();
    let [reserved] = seen.reserved.as_slice() else { panic!("{:?}", seen.reserved) };
    assert_eq!((reserved.markets.len(), reserved.purpose.as_str(), reserved.shares.len()), (0, PURPOSE, 1));
    let [booked] = seen.booked.as_slice() else { panic!("{:?}", seen.booked) };
    assert_eq!((booked.call.purpose.as_str(), booked.slot.as_str(), booked.stocks.len()), (PURPOSE, SLOT, 0));
    assert_eq!(seen.settled.first().map(|end| end.taken.tokens), Some(945));
    assert_eq!(seen.questions.len(), 1);
}

#[test]
fn what_was_asked_before_is_answered_from_the_books_and_never_asked_again() {
    let cases = [
        (EarlierCall::Answered("<think>no</think> {\"a\": 1}".into()), Ok("{\"a\": 1}")),
        (EarlierCall::Answered("no json".into()), Err(())),
        (EarlierCall::Unanswered, Err(())),
    ];
    for (earlier, expected) in cases {
        let world = World { earlier: Ok(earlier.clone()), ..World::default() };
        let (found, rests) = run(&world, None, true);
        assert_eq!(rests, None);
        match expected {
            Ok(json) => assert_eq!(found, answer(json)),
            Err(()) => assert!(matches!(found, Err(NoAnswer::Unheard(_))), "{earlier:?}: {found:?}"),
        }
        let seen = world.seen.lock().unwrap();
        assert_eq!((seen.questions.len(), seen.reserved.len()), (0, 0), "{earlier:?}");
    }
}

#[test]
fn no_call_is_made_without_a_model_a_call_left_or_books_nor_while_the_model_rests() {
    let rest = Rest::new(now() - TimeDelta::minutes(1), now() + TimeDelta::minutes(1));
    let resting = || Some(Resting { rest, why: "quota".into() });
    let spent = |budget| World { budget, ..World::default() };
    let closed = World { earlier: Err(LedgerError::Storage("locked".into())), ..World::default() };
    let cases = [
        (World::default(), None, false, NoAnswer::NoModel),
        (World::default(), resting(), true, NoAnswer::Unheard("quota".into())),
        (
            spent(BudgetAnswer::Exhausted(Ceiling::Calls)),
            None,
            true,
            NoAnswer::Unheard("what the model may take in a day is used up".into()),
        ),
        (
            spent(BudgetAnswer::KeptForOthers),
            None,
            true,
            NoAnswer::Unheard("what is left of the day's calls is kept for the markets' slots".into()),
        ),
        (
            spent(BudgetAnswer::AlreadyUsed),
            None,
            true,
            NoAnswer::Unheard("the call for it was made, and no reply is booked".into()),
        ),
        (closed, None, true, NoAnswer::Books("the ledger cannot write: locked".into())),
    ];
    for (world, rests, has_model, why) in cases {
        assert_eq!(run(&world, rests, has_model), (Err(why.clone()), None), "{why}");
        assert_eq!(world.seen.lock().unwrap().questions.len(), 0, "{why}");
    }
}

#[test]
fn a_reply_that_cannot_be_booked_or_kept_whole_is_not_used_and_a_spent_quota_rests_the_model() {
    let unbooked = World { keeps: false, ..World::default() };
    assert!(matches!(run(&unbooked, None, true).0, Err(NoAnswer::Books(_))));
    let long =
        World { reply: Ok(format!("{{\"a\": \"{}\"}}", "x".repeat(REPLY_KEPT_BYTES))), ..World::default() };
    assert!(matches!(run(&long, None, true).0, Err(NoAnswer::Unheard(_))));
    let retry_after = Some(Duration::from_secs(600));
    let quota = World { reply: Err(OracleError::QuotaExhausted { retry_after }), ..World::default() };
    let (found, rests) = run(&quota, None, true);
    assert!(matches!(found, Err(NoAnswer::Unheard(_))), "{found:?}");
    assert_eq!(rests.map(|one| one.rest.until()), Some(now() + TimeDelta::minutes(10)));
    let seen = quota.seen.lock().unwrap();
    assert!(matches!(seen.booked.first().map(|one| &one.heard), Some(Heard::Nothing(_))));
    assert!(seen.settled.is_empty(), "it counts as the most it could take");
}
