//! What makes a clock doubt the calendar: the override file, and what Broker saw of a session.

use super::*;

#[test]
fn an_override_is_in_force_within_a_wake_and_a_wrong_file_leaves_the_last_good_one() {
    in_virtual_time(async {
        let books = Books::default();
        let clock = MovedClock::at("2026-11-24T01:00:10Z");
        let (listener, _supervised, file) = launch_all(&clock, &books);
        sleep(Duration::from_secs(1)).await;
        listener.heard();
        let closed = says(r#"{"KR": {"closed": ["2026-11-24"]}}"#);
        let (why, since) = ("line 1: no JSON".into(), "2026-11-20T01:02:03Z".parse().unwrap());
        let bad = OverrideFile::Bad { why, last_good: closed.overrides().clone(), since };
        file.tell(closed).unwrap();
        sleep(Duration::from_secs(61)).await;
        assert_eq!(listener.heard(), ["Closed"], "the day is no session any more, and no slot follows");
        file.tell(bad.clone()).unwrap();
        file.tell(bad).unwrap();
        sleep(Duration::from_secs(61)).await;
        assert_eq!(listener.heard(), Vec::<String>::new());
        let said = books.2.lock().unwrap().clone();
        assert_eq!(said.len(), 2, "{said:?}");
        let told = "the last good one, read at 2026-11-20 01:02:03 UTC, stays in force: line 1: no JSON";
        assert!(said[0].contains("KR 2026-11-24 closed") && said[1].contains(told), "{said:?}");
        file.tell(OverrideFile::Good(Overrides::default())).unwrap();
        sleep(Duration::from_secs(31)).await;
        assert_eq!(listener.heard().first().map(String::as_str), Some("Continuous"));
    });
}

fn says(text: &str) -> OverrideFile {
    OverrideFile::Good(Overrides::parse(text, &Calendar::official()).unwrap())
}

#[test]
fn a_restarted_clock_tells_nothing_before_it_has_heard_the_override_file_even_a_bad_one() {
    in_virtual_time(async {
        let clock = MovedClock::at("2026-11-24T01:00:10Z");
        let settings = Settings { has_override_file: true, ..settings() };
        let (listener, supervised, file) = launch_with(settings, &clock, &Books::default(), &Desk::default());
        sleep(Duration::from_secs(4)).await;
        assert_eq!(listener.heard(), Vec::<String>::new(), "the file was not heard yet");
        let closed = says(r#"{"KR": {"closed": ["2026-11-24"]}}"#);
        file.tell(closed.clone()).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(listener.heard(), ["Closed", "closed 2026-11-23"]);
        for said in [
            closed.clone(),
            OverrideFile::Bad {
                why: "it is gone".into(),
                last_good: closed.overrides().clone(),
                since: "2026-11-20T01:02:03Z".parse().unwrap(),
            },
        ] {
            assert!(supervised.recycle("market_clock"));
            sleep(Duration::from_secs(4)).await;
            file.tell(said).unwrap();
            sleep(Duration::from_secs(61)).await;
            assert_eq!(listener.heard(), ["Closed", "closed 2026-11-23"]);
        }
        assert!(supervised.recycle("market_clock"));
        sleep(Duration::from_secs(4)).await;
        file.tell(says("{}")).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(listener.heard().first().map(String::as_str), Some("Continuous"), "nothing is overridden");
    });
}

fn but_cycles(listener: &Listener) -> Vec<String> {
    let is_cycle = |line: &String| line.starts_with("scan ") || line.starts_with("decide ");
    listener.heard().into_iter().filter(|line| !is_cycle(line)).collect()
}

#[test]
fn a_session_without_trades_is_suspected_and_resumes_with_the_first_trade_even_in_a_new_life() {
    in_virtual_time(async {
        let (books, desk) = (Books::default(), Desk::default());
        let clock = MovedClock::at("2026-11-24T00:05:10Z");
        desk.says(Ok(Some("2026-11-23T06:29:00Z")));
        let (listener, supervised, _) = launch_beside(&clock, &books, &desk);
        sleep(Duration::from_secs(280)).await;
        assert_eq!(but_cycles(&listener), ["Continuous", "closed 2026-11-23"], "ten minutes of grace");
        sleep(Duration::from_secs(30)).await;
        assert_eq!(listener.heard().last().unwrap(), "Continuous suspected_closed");
        sleep(Duration::from_secs(240)).await;
        assert_eq!(listener.heard(), Vec::<String>::new(), "no slot, and no look for five minutes");
        let looks = desk.0.lock().unwrap().looks;
        assert!(supervised.recycle("market_clock"));
        sleep(Duration::from_secs(5)).await;
        assert_eq!(listener.heard()[0], "Continuous suspected_closed", "a new life is not more trusting");
        desk.says(Ok(Some("2026-11-24T00:12:00Z")));
        sleep(Duration::from_secs(301)).await;
        assert!(desk.0.lock().unwrap().looks > looks);
        assert!(but_cycles(&listener).contains(&"Continuous".to_owned()));
        let said = books.2.lock().unwrap().clone();
        assert!(said[0].contains("nothing trades") && said[1].contains("as usual"), "{said:?}");
        assert_eq!(said.len(), 2, "once each: {said:?}");
    });
}

#[test]
fn a_slot_that_is_due_with_the_first_look_waits_for_it_and_is_not_spent_on_a_market_that_is_closed() {
    in_virtual_time(async {
        let cadence = Cadence::Daily(DailyPlan { sessions: 4, interval_hours: 6 });
        for (last, expected) in
            [("2026-11-23T06:29:00Z", &[][..]), ("2026-11-24T00:09:00Z", &["scan daily-1", "decide daily-1"])]
        {
            let (books, desk) = (Books::default(), Desk::default());
            desk.says(Ok(Some(last)));
            let clock = MovedClock::at("2026-11-24T00:09:50Z");
            let (listener, _supervised, _) =
                launch_with(Settings { cadence, ..settings() }, &clock, &books, &desk);
            sleep(Duration::from_secs(15)).await;
            let heard = listener.heard();
            let slots: Vec<_> = heard.iter().filter(|line| line.contains("daily")).collect();
            assert_eq!(slots, expected, "{heard:?}");
            assert_eq!(desk.0.lock().unwrap().looks, 1);
        }
    });
}

#[test]
fn a_broker_that_is_silent_twice_is_down_and_no_suspicion() {
    in_virtual_time(async {
        let (books, desk) = (Books::default(), Desk::default());
        let clock = MovedClock::at("2026-11-24T00:09:50Z");
        desk.says(Err(QueryError::Unavailable("down".into())));
        let (listener, _supervised, _) = launch_beside(&clock, &books, &desk);
        sleep(Duration::from_secs(65)).await;
        assert_eq!(but_cycles(&listener), ["Continuous", "closed 2026-11-23"], "one silence is none");
        sleep(Duration::from_secs(10)).await;
        assert_eq!(but_cycles(&listener), ["Continuous broker_down"]);
        desk.says(Ok(Some("2026-11-24T00:11:00Z")));
        sleep(Duration::from_secs(61)).await;
        assert_eq!(but_cycles(&listener), ["Continuous"]);
    });
}

#[test]
fn a_forecast_day_is_traded_once_a_trade_is_seen() {
    in_virtual_time(async {
        let (books, desk) = (Books::default(), Desk::default());
        let clock = MovedClock::at("2027-03-02T00:00:10Z");
        desk.says(Ok(None));
        let (listener, _supervised, _) = launch_beside(&clock, &books, &desk);
        sleep(Duration::from_secs(70)).await;
        assert_eq!(listener.heard()[0], "Continuous unproved");
        desk.says(Ok(Some("2027-03-02T00:01:00Z")));
        sleep(Duration::from_secs(61)).await;
        let heard = listener.heard();
        assert_eq!(heard.first().map(String::as_str), Some("Continuous"), "{heard:?}");
        assert!(heard.iter().any(|line| line.starts_with("scan ")), "{heard:?}");
    });
}

#[test]
fn the_brokers_list_is_read_once_a_day_booked_and_closes_a_day_at_once_but_opens_none() {
    in_virtual_time(async {
        let (books, desk) = (Books::default(), Desk::default());
        let clock = MovedClock::at("2026-12-23T23:50:10Z");
        desk.lists(&[("2026-12-24", false), ("2026-12-25", true), ("2026-12-28", true)]);
        let (listener, supervised, _) = launch_beside(&clock, &books, &desk);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(but_cycles(&listener).last().unwrap(), "Closed");
        let mut said = books.2.lock().unwrap().clone();
        said.retain(|line| line.contains("list has"));
        assert!(said[0].contains("has 2026-12-24 closed") && said[1].contains("stays closed"), "{said:?}");
        assert!(supervised.recycle("market_clock"));
        sleep(Duration::from_secs(5)).await;
        assert_eq!(but_cycles(&listener)[0], "Closed");
        sleep(Duration::from_secs(86_400 * 2)).await;
        assert_eq!(desk.0.lock().unwrap().lists, 3, "three Korean dates, whatever was restarted");
        assert!(!listener.heard().iter().any(|line| line == "Continuous"), "the 25th stays a holiday");
    });
}

#[test]
fn no_list_is_asked_for_while_the_ledger_pauses_and_a_failure_is_tried_again_after_an_hour() {
    in_virtual_time(async {
        let (books, desk) = (Books::default(), Desk::default());
        desk.0.lock().unwrap().listed = Err(QueryError::Unavailable("busy".into()));
        // 23:50 in Seoul.
        let clock = MovedClock::at("2026-11-24T14:50:00Z");
        let (_listener, _supervised, _) = launch_beside(&clock, &books, &desk);
        sleep(Duration::from_secs(19 * 60)).await;
        assert_eq!(desk.0.lock().unwrap().lists, 0);
        sleep(Duration::from_secs(2 * 60)).await;
        assert_eq!(desk.0.lock().unwrap().lists, 1);
        sleep(Duration::from_secs(3_600)).await;
        assert_eq!(desk.0.lock().unwrap().lists, 2);
    });
}
