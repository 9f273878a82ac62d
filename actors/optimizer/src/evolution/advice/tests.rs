//! Suggestions between books, bars and a model that do as told.

use std::sync::{Arc, Mutex};

use actix::{Context, System};
use chrono::{DateTime, TimeDelta, Utc};
use domain::DecisionId;
use domain::messages::bars::BarSeries;
use domain::messages::evolution::{Elite, Reject};

use super::*;

const SEED: &str = include_str!("../seed_of_tests.json");

#[derive(Clone)]
struct World {
    answer: Result<ModelAnswer, NoAnswer>,
    asked: Arc<Mutex<Vec<AskModel>>>,
    are_books_open: bool,
    /// From this day on everything is otherwise.
    other_from: NaiveDate,
}

impl World {
    fn is_other(&self, day: i64) -> bool {
        noon(day).date_naive() >= self.other_from
    }
}

impl Actor for World {
    type Context = Context<Self>;
}

impl Handler<AskModel> for World {
    type Result = Result<ModelAnswer, NoAnswer>;

    fn handle(&mut self, question: AskModel, _ctx: &mut Self::Context) -> Self::Result {
        self.asked.lock().unwrap().push(question);
        self.answer.clone()
    }
}

impl Handler<ClosedPositions> for World {
    type Result = Result<Vec<ClosedPosition>, LedgerError>;

    /// Ten confident purchases that lost on the day after the stock's lowest close, ten on the day after its highest that did not,
    /// one that was not sure.
    fn handle(&mut self, query: ClosedPositions, _ctx: &mut Self::Context) -> Self::Result {
        if !self.are_books_open {
            return Err(LedgerError::Storage("locked".into()));
        }
        let one = |day: i64, lost: bool, confidence| ClosedPosition {
            decision: DecisionId::from_stored(format!("d-{day}")),
            instrument: stock(),
            confidence: Confidence::new(confidence).unwrap(),
            signal: None,
            bought_at: noon(day),
            closed_at: noon(day + 3),
            pnl_pct: Some(if lost != self.is_other(day) { "-1.5" } else { "2" }.parse().unwrap()),
        };
        let after_lowest = (0..10).map(|number| one(101 + number * 10, true, 90));
        let after_highest = (0..10).map(|number| one(106 + number * 10, false, 90));
        let before = query.closed_before.unwrap_or(NaiveDate::MAX);
        let all = after_lowest.chain(after_highest).chain([one(108, true, 40)]);
        Ok(all.filter(|one| Market::Kr.date_at(one.closed_at) < before).collect())
    }
}

impl Handler<BarsOf> for World {
    type Result = Result<BarSeries, LedgerError>;

    /// Rises for five days, falls for five; where it is otherwise, it falls for ten, and far.
    fn handle(&mut self, query: BarsOf, _ctx: &mut Self::Context) -> Self::Result {
        let bar = |day: i64| {
            let step = day.rem_euclid(10);
            let close = match self.is_other(day) {
                true => 400_000_000 - 35_000_000 * step,
                false => 100_000_000 + [0, 1, 2, 3, 4, 5, 4, 3, 2, 1][step as usize] * 1_000_000,
            };
            DayBar {
                session_date: noon(day).date_naive(),
                open_micros: close,
                high_micros: close + 500_000,
                low_micros: close - 500_000,
                close_micros: close,
                volume: 1_000,
            }
        };
        Ok(BarSeries { instrument: query.instrument, bars: (0..220).map(bar).collect(), cut_before: None })
    }
}

impl Handler<ElitesOf> for World {
    type Result = Result<Vec<Elite>, LedgerError>;

    fn handle(&mut self, _query: ElitesOf, _ctx: &mut Self::Context) -> Self::Result {
        Ok(Vec::new())
    }
}

impl Handler<RejectsOf> for World {
    type Result = Result<Vec<Reject>, LedgerError>;

    fn handle(&mut self, _query: RejectsOf, _ctx: &mut Self::Context) -> Self::Result {
        Ok(Vec::new())
    }
}

fn stock() -> Instrument {
    Instrument { market: Market::Kr, symbol: "005930".parse().unwrap() }
}

/// Noon in Korea, so many days after 2026-01-01.
fn noon(day: i64) -> DateTime<Utc> {
    "2026-01-01T03:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::days(day)
}

fn ask(
    candidates: u8,
    answer: Result<ModelAnswer, NoAnswer>,
    are_books_open: bool,
) -> (Result<Vec<Strategy>, SearchStopped>, Vec<AskModel>) {
    ask_before(NaiveDate::MAX, NaiveDate::MAX, (candidates, answer, are_books_open))
}

/// With days that are sealed, and books that are otherwise from a day on.
fn ask_before(
    sealed_from: NaiveDate,
    other_from: NaiveDate,
    (candidates, answer, are_books_open): (u8, Result<ModelAnswer, NoAnswer>, bool),
) -> (Result<Vec<Strategy>, SearchStopped>, Vec<AskModel>) {
    let asked = Arc::default();
    let world = World { answer, asked: Arc::clone(&asked), are_books_open, other_from };
    let session_date = "2026-11-24".parse().unwrap();
    let min_confidence = Confidence::new(80).unwrap();
    let wanted = Wanted { market: Market::Kr, session_date, candidates, min_confidence };
    let found = System::new().block_on(async move {
        let world = world.start();
        let links = AdviceLinks {
            closed: Link::from_recipient(world.clone().recipient()),
            bars: Link::from_recipient(world.clone().recipient()),
            elites: Link::from_recipient(world.clone().recipient()),
            rejects: Link::from_recipient(world.clone().recipient()),
            model: Link::from_recipient(world.recipient()),
        };
        suggestions(&links, wanted, sealed_from).await
    });
    let asked = asked.lock().unwrap().clone();
    (found, asked)
}

fn said(json: String) -> Result<ModelAnswer, NoAnswer> {
    Ok(ModelAnswer { json })
}

#[test]
fn the_model_is_told_where_confident_purchases_lost_and_its_strategies_are_taken() {
    let (found, asked) = ask(4, said(format!("{{\"strategies\": [{SEED}, {{}}]}}")), true);
    assert_eq!(found.unwrap(), [Strategy::from_json(SEED).unwrap()]);
    let [question] = asked.as_slice() else { panic!("{} questions", asked.len()) };
    assert_eq!(question.purpose, "evolution/KR/2026-11-24");
    // From 101 to 100 on the day before; the day of the purchase itself, a rise, is not looked at.
    assert!(question.prompt.contains("roc_1 <= -0.99: 10 of 10 lost, lift 2.00"), "{}", question.prompt);
    let told: serde_json::Value = serde_json::from_str(&question.prompt).unwrap();
    let told = &told["confident_purchases"];
    assert_eq!((&told["count"], &told["lost"]), (&20.into(), &10.into()), "the unsure one does not count");
}

#[test]
fn nothing_of_the_sealed_days_is_told_whatever_happened_on_them() {
    let day = |day: i64| noon(day).date_naive();
    let told = |sealed_from, other_from| {
        let (found, asked) = ask_before(sealed_from, other_from, (4, said("[]".into()), true));
        assert_eq!(found, Ok(Vec::new()));
        asked.into_iter().next().unwrap().prompt
    };
    let purchases = |prompt: &str| {
        let told: serde_json::Value = serde_json::from_str(prompt).unwrap();
        let told = &told["confident_purchases"];
        (told["count"].as_u64().unwrap(), told["lost"].as_u64().unwrap())
    };
    let sealed = told(day(174), NaiveDate::MAX);
    // Bought on day 171 and sold on 174, it is of the sealed days.
    assert_eq!(purchases(&sealed), (14, 7), "{sealed}");
    assert!(sealed.contains("roc_1 <= -0.99: 7 of 7 lost, lift 2.00"), "{sealed}");
    assert_eq!(told(day(174), day(174)), sealed, "what happened on sealed days makes no difference");
    assert_ne!(told(NaiveDate::MAX, day(174)), told(NaiveDate::MAX, NaiveDate::MAX), "it would");
    let none = told(day(60), NaiveDate::MAX);
    assert_eq!(purchases(&none), (0, 0));
    assert!(none.contains("\"losses_are_more_frequent_when\":[]"), "{none}");
}

#[test]
fn without_an_answer_there_are_no_suggestions_and_without_books_the_cycle_waits() {
    for none in
        [Err(NoAnswer::NoModel), Err(NoAnswer::Unheard("spent".into())), said("[]".into()), said("{}".into())]
    {
        let (found, asked) = ask(4, none.clone(), true);
        assert_eq!((found, asked.len()), (Ok(Vec::new()), 1), "{none:?}");
    }
    assert!(ask(4, Err(NoAnswer::Books("locked".into())), true).0.is_err());
    assert!(ask(4, said(String::new()), false).0.is_err());
    let (found, asked) = ask(0, said(SEED.into()), true);
    assert_eq!((found, asked.len()), (Ok(Vec::new()), 0), "nobody is asked for none");
}
