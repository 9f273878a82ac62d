//! Days of wakes, jumps and restarts.

use domain::messages::schedule::Slot;

use super::*;
use crate::calendar::DayChanges;
use crate::evidence::Look;
use crate::slots::DailyPlan;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn settings(markets: &[Market], cadence: Cadence) -> Settings {
    Settings {
        markets: markets.to_vec(),
        cadence,
        calendar: Calendar::official(),
        exits: BTreeSet::new(),
        has_override_file: false,
        live_feeds: BTreeSet::new(),
    }
}

fn daily() -> Cadence {
    Cadence::Daily(DailyPlan { sessions: 4, interval_hours: 6 })
}

/// What is due by the calendar alone.
fn now_due(settings: &Settings, told: &mut Told, now: DateTime<Utc>, slots_wanted: bool) -> Vec<Event> {
    due(Known { settings, evidence: &Evidence::default() }, told, now, slots_wanted)
}

/// Runs the plan from `from` until `to` as the actor does, and notes every event with its time.
fn run(settings: &Settings, told: &mut Told, from: &str, to: &str) -> Vec<(DateTime<Utc>, Event)> {
    let mut now = at(from);
    let mut journal = Vec::new();
    while now <= at(to) {
        journal.extend(now_due(settings, told, now, true).into_iter().map(|event| (now, event)));
        let next = next_wake(Known { settings, evidence: &Evidence::default() }, now);
        assert!(next > now && next <= now + LONGEST_SLEEP, "{now} -> {next}");
        now = next;
    }
    journal
}

fn line((now, event): &(DateTime<Utc>, Event)) -> String {
    let time = now.format("%d %H:%M:%S");
    match &event.what {
        What::Session(change) => {
            format!("{time} {} {} {:?}", change.market, change.session_date, change.phase)
        }
        What::Slot(scan, decide) => {
            assert_eq!((scan.key, scan.expires_at), (decide.key, decide.expires_at));
            format!("{time} {} until {}", scan.key, scan.expires_at.format("%H:%M"))
        }
        What::Day(day) => format!("{time} {} {} settled", day.market, day.session_date),
        What::Notice(..) => format!("{time} {}", event.occasion.label),
    }
}

fn is_slot(event: &Event) -> bool {
    event.occasion.kind == OccasionKind::Slot
}

fn lines(journal: &[(DateTime<Utc>, Event)]) -> Vec<String> {
    let but_exits = journal.iter().filter(|(_, event)| event.occasion.kind != OccasionKind::Exits);
    but_exits.map(line).collect()
}

#[test]
fn a_day_of_two_markets_is_told_once_and_on_time() {
    let settings = settings(&[Market::Jp, Market::UsNasdaq], daily());
    let journal = run(&settings, &mut Told::default(), "2026-11-23T23:00:00Z", "2026-11-24T22:00:00Z");
    assert_eq!(
        lines(&journal),
        [
            "23 23:00:00 JP 2026-11-24 OpeningAuction",
            "23 23:00:00 JP 2026-11-20 settled",
            "23 23:00:00 US_NASDAQ 2026-11-23 PostClose",
            "23 23:00:00 US_NASDAQ 2026-11-23 settled",
            "24 00:00:00 JP 2026-11-24 Continuous",
            "24 00:10:00 JP/2026-11-24/daily-1 until 00:20",
            "24 01:00:00 US_NASDAQ 2026-11-23 Closed",
            "24 02:30:00 JP 2026-11-24 Lunch",
            "24 03:30:00 JP 2026-11-24 Continuous",
            "24 06:10:00 JP/2026-11-24/daily-2 until 06:20",
            "24 06:25:00 JP 2026-11-24 ClosingAuction",
            "24 06:30:00 JP 2026-11-24 Closed",
            "24 06:40:00 JP 2026-11-24 settled",
            "24 09:00:00 US_NASDAQ 2026-11-24 PreMarket",
            "24 14:30:00 US_NASDAQ 2026-11-24 Continuous",
            "24 14:40:00 US_NASDAQ/2026-11-24/daily-1 until 14:50",
            "24 20:40:00 US_NASDAQ/2026-11-24/daily-2 until 20:50",
            "24 21:00:00 US_NASDAQ 2026-11-24 PostClose",
            "24 21:10:00 US_NASDAQ 2026-11-24 settled",
        ]
    );
}

#[test]
fn a_realtime_session_has_one_cycle_a_minute_without_lunch() {
    let settings = settings(&[Market::Hk], Cadence::Realtime);
    let journal = run(&settings, &mut Told::default(), "2026-11-24T00:00:00Z", "2026-11-24T12:00:00Z");
    let starts: Vec<_> = journal.iter().filter(|(_, event)| is_slot(event)).collect();
    assert_eq!(starts.len(), 150 + 180);
    assert!(starts.iter().all(|(now, _)| now.timestamp() % 60 == 0));
    assert_eq!(line(starts[150]), "24 05:00:00 HK/2026-11-24/realtime-210 until 05:01");
}

#[test]
fn after_a_jump_the_present_is_told_and_missed_cycles_are_not_replayed() {
    let settings = settings(&[Market::Kr], Cadence::Realtime);
    let mut told = Told::default();
    run(&settings, &mut told, "2026-11-23T23:59:00Z", "2026-11-24T00:02:00Z");
    let late = now_due(&settings, &mut told, at("2026-11-24T05:00:30Z"), true);
    let Some(What::Slot(scan, _)) = late.first().map(|event| &event.what) else { panic!("{late:?}") };
    assert_eq!((late.len(), scan.key.slot), (1, Slot::Realtime(300)));
    assert_eq!(scan.expires_at, at("2026-11-24T05:01:00Z"));
    assert_eq!(now_due(&settings, &mut told, at("2026-11-24T05:00:40Z"), true), []);
}

#[test]
fn after_days_asleep_every_closed_day_is_told_in_order() {
    let settings = settings(&[Market::Kr], daily());
    let mut told = Told::default();
    run(&settings, &mut told, "2026-11-19T07:00:00Z", "2026-11-19T08:00:00Z");
    let woken = now_due(&settings, &mut told, at("2026-11-25T01:00:00Z"), true);
    let journal: Vec<_> = woken.into_iter().map(|event| (at("2026-11-25T01:00:00Z"), event)).collect();
    assert_eq!(
        lines(&journal),
        [
            "25 01:00:00 KR 2026-11-25 Continuous",
            "25 01:00:00 KR/2026-11-25/daily-1 until 01:10",
            "25 01:00:00 KR 2026-11-20 settled",
            "25 01:00:00 KR 2026-11-23 settled",
            "25 01:00:00 KR 2026-11-24 settled",
        ]
    );
}

/// What the books hold after these events.
fn booked(events: &[Event]) -> Vec<Occasion> {
    events.iter().map(|event| event.occasion.clone()).collect()
}

#[test]
fn a_restart_tells_the_phase_and_the_last_closed_day_again_and_nothing_else() {
    let settings = settings(&[Market::Kr], daily());
    let now = at("2026-11-24T00:10:00Z");
    let first = now_due(&settings, &mut Told::default(), now, true);
    assert_eq!(first.len(), 3, "{first:?}");
    let again = now_due(&settings, &mut Told::recalled(&booked(&first), now), now, true);
    let states = |event: &&Event| matches!(event.what, What::Session(_) | What::Day(_));
    assert_eq!(again, first.iter().filter(states).cloned().collect::<Vec<_>>());
    assert_eq!(again.len(), 2);
}

#[test]
fn a_slot_missed_in_a_restart_is_made_up_for_and_an_old_one_only_where_the_day_had_none() {
    let settings = settings(&[Market::Kr], daily());
    let slots = |booked: &[Occasion], now: &str| {
        let events = now_due(&settings, &mut Told::recalled(booked, at(now)), at(now), true);
        events.into_iter().filter(is_slot).map(|event| event.occasion.label).collect::<Vec<_>>()
    };
    assert_eq!(slots(&[], "2026-11-24T00:39:00Z"), ["daily-1"]);
    assert_eq!(slots(&[], "2026-11-24T03:00:00Z"), ["daily-1"], "the day had none");
    let first = booked(&now_due(&settings, &mut Told::default(), at("2026-11-24T00:10:00Z"), true));
    assert_eq!(slots(&first, "2026-11-24T03:00:00Z"), Vec::<String>::new());
    assert_eq!(slots(&first, "2026-11-24T06:15:00Z"), ["daily-2"]);
}

#[test]
fn days_closed_while_the_process_was_down_are_told_after_the_last_one_before() {
    let settings = settings(&[Market::Kr], daily());
    let days = |events: &[Event]| {
        let closed = events.iter().filter(|event| event.occasion.kind == OccasionKind::DayClosed);
        closed.map(|event| event.occasion.session_date.to_string()).collect::<Vec<_>>()
    };
    let before = now_due(&settings, &mut Told::default(), at("2026-11-19T08:00:00Z"), true);
    assert_eq!(days(&before), ["2026-11-19"]);
    let mut told = Told::recalled(&booked(&before), at("2026-11-24T08:00:00Z"));
    let after = now_due(&settings, &mut told, at("2026-11-24T08:00:00Z"), true);
    assert_eq!(days(&after), ["2026-11-19", "2026-11-20", "2026-11-23", "2026-11-24"]);
    let again = now_due(
        &settings,
        &mut Told::recalled(&booked(&after), at("2026-11-24T08:01:00Z")),
        at("2026-11-24T08:01:00Z"),
        true,
    );
    assert_eq!(days(&again), days(&after), "a life that died before it told what it had booked loses none");
    let now = at("2026-12-30T08:00:00Z");
    let months_later = now_due(&settings, &mut Told::recalled(&booked(&after), now), now, true);
    assert_eq!(days(&months_later).len(), 10, "two weeks and no more: {months_later:?}");
}

#[test]
fn during_a_halt_sessions_go_on_without_slots_and_the_slot_still_young_follows_the_release() {
    let settings = settings(&[Market::Kr], daily());
    let mut told = Told::default();
    let halted = now_due(&settings, &mut told, at("2026-11-24T00:10:00Z"), false);
    assert!(halted.iter().all(|event| !is_slot(event)) && halted.len() == 2);
    let released = now_due(&settings, &mut told, at("2026-11-24T00:12:00Z"), true);
    assert!(matches!(released.as_slice(), [event] if is_slot(event)), "{released:?}");
}

#[test]
fn a_phase_that_a_full_mailbox_refused_is_told_again() {
    let settings = settings(&[Market::Kr], daily());
    let mut told = Told::default();
    let now = at("2026-11-24T00:10:00Z");
    let first = now_due(&settings, &mut told, now, true);
    assert_eq!(now_due(&settings, &mut told, now, true), []);
    told.forget_phase(Market::Kr);
    assert_eq!(now_due(&settings, &mut told, now, true), first[..1]);
}

#[test]
fn a_held_position_is_watched_every_minute_between_slots() {
    let settings = settings(&[Market::UsNyse], daily());
    let journal = run(&settings, &mut Told::default(), "2026-11-24T14:00:00Z", "2026-11-24T22:00:00Z");
    let looks: Vec<_> = journal
        .iter()
        .filter(|(_, event)| matches!(event.occasion.kind, OccasionKind::Slot | OccasionKind::Exits))
        .map(|(now, _)| *now)
        .collect();
    assert_eq!(looks[0], at("2026-11-24T14:30:00Z"));
    assert!(looks.windows(2).all(|pair| pair[1] - pair[0] <= TimeDelta::minutes(2)), "{looks:?}");
    assert_eq!(*looks.last().unwrap(), at("2026-11-24T20:59:00Z"));
}

#[test]
fn where_no_calendar_reaches_exits_are_allowed_on_the_operators_word_only() {
    let now = at("2028-01-03T01:00:00Z");
    let mut settings = settings(&[Market::Kr], daily());
    for exits in [false, true] {
        if exits {
            settings.exits.insert((Market::Kr, "2028-01-03".parse().unwrap()));
        }
        let events = now_due(&settings, &mut Told::default(), now, true);
        let What::Session(change) = &events[0].what else { panic!("{events:?}") };
        assert_eq!((change.phase, change.trust), (Phase::Unknown, Trust::Unknown { exits }));
        let looks = |from: &str, to: &str| {
            let journal = run(&settings, &mut Told::default(), from, to);
            let slots = journal.into_iter().filter_map(|(_, event)| match event.what {
                What::Slot(scan, _) => Some(scan.key.slot),
                What::Session(_) | What::Day(_) | What::Notice(..) => None,
            });
            slots.collect::<Vec<_>>()
        };
        // Midnight in Seoul is 15:00 UTC.
        let each_minute = if exits { vec![Slot::Exits(600), Slot::Exits(601)] } else { Vec::new() };
        assert_eq!(looks("2028-01-03T01:00:00Z", "2028-01-03T01:01:59Z"), each_minute);
        assert_eq!(
            looks("2028-01-03T11:00:00Z", "2028-01-03T11:05:00Z"),
            [],
            "the broker takes no orders then"
        );
    }
}

#[test]
fn nothing_is_scanned_on_a_day_that_is_only_a_forecast() {
    let settings = settings(&[Market::Kr], Cadence::Realtime);
    let events = now_due(&settings, &mut Told::default(), at("2027-03-02T01:00:00Z"), true);
    let kinds: Vec<_> = events.iter().map(|event| event.occasion.kind).collect();
    assert_eq!(kinds, [OccasionKind::Phase, OccasionKind::DayClosed, OccasionKind::Notice]);
    let What::Session(change) = &events[0].what else { panic!("{events:?}") };
    assert_eq!((change.phase, change.trust), (Phase::Continuous, Trust::Unproved));
}

#[test]
fn no_market_means_no_event_and_a_bounded_sleep() {
    let settings = settings(&[], daily());
    let now = at("2026-11-24T00:10:00Z");
    assert_eq!(now_due(&settings, &mut Told::default(), now, true), []);
    let known = Known { settings: &settings, evidence: &Evidence::default() };
    assert_eq!(next_wake(known, now), now + LONGEST_SLEEP);
}

#[test]
fn the_broker_takes_orders_in_every_minute_of_continuous_trading_that_the_calendar_has() {
    let calendar = Calendar::official();
    let (first, last) = ("2024-01-01".parse().unwrap(), "2027-12-31".parse().unwrap());
    for market in Market::ALL {
        for session in calendar.sessions_between(market, first, last) {
            for change in session.changes().into_iter().filter(|change| change.phase.is_tradable()) {
                let until = orders_until(&calendar, market, change.phase, change.at);
                let end = session.phase_end(change.at);
                assert!(until.is_some_and(|until| until >= end), "{market} {} {until:?}", change.at);
            }
        }
    }
}

#[test]
fn slots_of_one_open_and_currency_share_a_decision_and_others_stand_alone() {
    let markets = [Market::UsNasdaq, Market::UsNyse, Market::UsAmex];
    let asia =
        [Market::Kr, Market::Jp, Market::Hk, Market::CnSha, Market::CnSza, Market::VnHan, Market::VnHcm];
    let together = |markets: &[Market], now: &str, but: usize| {
        let events = now_due(&settings(markets, daily()), &mut Told::default(), at(now), true);
        let news: Vec<_> = (0..events.len()).map(|index| index != but).collect();
        let told = share(events, &news).into_iter().filter_map(|(event, _)| match event.what {
            What::Slot(_, decide) if !decide.key.slot.is_exits() => {
                Some((decide.key.market, decide.together))
            }
            What::Slot(..) | What::Session(_) | What::Day(_) | What::Notice(..) => None,
        });
        told.collect::<BTreeMap<_, _>>()
    };
    let new_york = together(&markets, "2026-11-24T14:40:00Z", usize::MAX);
    assert!(markets.iter().all(|market| new_york[market] == markets), "{new_york:?}");
    let asia = together(&asia, "2026-11-25T01:40:00Z", usize::MAX);
    // Hong Kong opens with the mainland, but a prompt has one currency.
    assert_eq!(asia[&Market::Hk], []);
    assert_eq!(asia[&Market::CnSha], [Market::CnSha, Market::CnSza]);
    assert_eq!(asia[&Market::CnSza], [Market::CnSha, Market::CnSza]);
    let slots_of_both = together(&[Market::CnSha, Market::CnSza], "2026-11-25T01:40:00Z", 1);
    assert_eq!(slots_of_both[&Market::CnSza], [], "the other slot is not new");
}

#[test]
fn hanoi_and_saigon_share_their_slots_and_one_of_them_alone_waits_for_nobody() {
    let first = |markets: &[Market]| {
        let journal = run(
            &settings(markets, daily()),
            &mut Told::default(),
            "2026-11-26T02:00:00Z",
            "2026-11-26T02:30:00Z",
        );
        let (now, events) = journal.iter().filter(|(_, event)| is_slot(event)).fold(
            (None, Vec::new()),
            |(_, mut events), (now, event)| {
                events.push(event.clone());
                (Some(*now), events)
            },
        );
        let told = share(events.clone(), &vec![true; events.len()]);
        let together = told.into_iter().filter_map(|(event, _)| match event.what {
            What::Slot(_, decide) => Some(decide.together),
            What::Session(_) | What::Day(_) | What::Notice(..) => None,
        });
        (now.unwrap(), together.collect::<Vec<_>>())
    };
    let both = [Market::VnHan, Market::VnHcm];
    assert_eq!(first(&both), (at("2026-11-26T02:20:00Z"), vec![both.to_vec(), both.to_vec()]));
    assert_eq!(first(&[Market::VnHan]), (at("2026-11-26T02:10:00Z"), vec![Vec::new()]));
}

#[test]
fn a_session_that_the_operator_closes_while_it_is_under_way_is_settled_at_its_close() {
    let date = "2026-11-24".parse().unwrap();
    let closed = DayChanges::from([((Market::Kr, date), DayChange::Closed)]);
    let open = settings(&[Market::Kr], daily());
    let shut = Settings { calendar: Calendar::official().with_changes(&closed).unwrap(), ..open.clone() };
    let mut told = Told::default();
    let mut booked: Vec<_> = run(&open, &mut told, "2026-11-23T23:00:00Z", "2026-11-24T01:00:00Z")
        .into_iter()
        .map(|(_, event)| event.occasion)
        .collect();
    let mut restarted = Told::recalled(&booked, at("2026-11-24T01:00:00Z"));
    let days = |told: &mut Told, from: &str, to: &str| {
        let journal = run(&shut, told, from, to);
        let days = journal.iter().filter(|(_, event)| matches!(event.what, What::Day(_)));
        days.map(line).collect::<Vec<_>>()
    };
    let expected = ["24 06:40:00 KR 2026-11-24 settled", "25 06:40:00 KR 2026-11-25 settled"];
    assert_eq!(days(&mut told, "2026-11-24T01:00:30Z", "2026-11-25T07:00:00Z"), expected);
    let again = days(&mut restarted, "2026-11-24T01:00:30Z", "2026-11-25T07:00:00Z");
    assert_eq!(
        again,
        [&["24 01:00:30 KR 2026-11-23 settled"], &expected[..]].concat(),
        "a restart remembers"
    );
    booked.retain(|occasion| occasion.label != Phase::Continuous.code());
    let mut closed_before = Told::recalled(&booked, at("2026-11-24T01:00:00Z"));
    let none = days(&mut closed_before, "2026-11-24T01:00:30Z", "2026-11-25T06:00:00Z");
    assert_eq!(none, ["24 01:00:30 KR 2026-11-23 settled"], "a day that never began never ends");
}

#[test]
fn a_phase_is_told_once_however_finely_the_clock_runs() {
    let settings = settings(&[Market::Kr], daily());
    let mut told = Told::default();
    now_due(&settings, &mut told, at("2026-11-24T00:00:00.001Z"), false);
    assert_eq!(now_due(&settings, &mut told, at("2026-11-24T00:00:30.257Z"), false), []);
}

/// A day whose sources contradict each other.
fn disputed() -> Evidence {
    let listed = Occasion {
        market: Market::Kr,
        session_date: "2026-11-24".parse().unwrap(),
        kind: OccasionKind::ListedDays,
        begins_at: at("2026-11-23T23:00:00Z"),
        label: "N".into(),
    };
    let disputed =
        Occasion { kind: OccasionKind::Trust, label: Trust::Disputed.code().into(), ..listed.clone() };
    Evidence::recalled(&[listed, disputed], at("2026-11-24T00:00:00Z"))
}

/// A session at which the broker did not answer twice.
fn broker_down() -> Evidence {
    let (calendar, mut evidence) = (Calendar::official(), Evidence::default());
    let session = calendar.session_on(Market::Kr, "2026-11-24".parse().unwrap()).unwrap();
    for minutes in [10, 11] {
        assert!(evidence.begin_look(&calendar, &session, session.open + TimeDelta::minutes(minutes)));
        evidence.end_look(&session, Look::Silent);
    }
    evidence
}

#[test]
fn on_a_day_for_exits_only_what_is_held_is_watched_each_minute_and_nothing_else() {
    for (evidence, trust) in [(disputed(), Trust::Disputed), (broker_down(), Trust::BrokerDown)] {
        for cadence in [Cadence::Realtime, daily()] {
            let settings = settings(&[Market::Kr], cadence);
            let known = Known { settings: &settings, evidence: &evidence };
            assert_eq!(known.trust(Market::Kr, "2026-11-24".parse().unwrap()), trust);
            let mut told = Told::default();
            let mut slots = Vec::new();
            for minute in 0..30 {
                let now = at("2026-11-24T00:00:20Z") + TimeDelta::minutes(minute);
                let events = due(known, &mut told, now, true);
                slots.extend(events.into_iter().filter_map(|event| match event.what {
                    What::Slot(scan, _) => Some(scan.key.slot),
                    What::Session(_) | What::Day(_) | What::Notice(..) => None,
                }));
            }
            assert_eq!(slots.len(), 30, "{trust} {cadence:?}: {slots:?}");
            assert!(
                slots.iter().all(|slot| matches!(slot, Slot::Exits(_))),
                "{trust} {cadence:?}: {slots:?}"
            );
        }
    }
}

#[test]
fn a_slot_waits_for_the_answer_of_the_first_look_but_not_for_ever() {
    let settings = settings(&[Market::Kr], daily());
    let session = settings.calendar.session_on(Market::Kr, "2026-11-24".parse().unwrap()).unwrap();
    let looked_at = session.open + TimeDelta::minutes(10);
    let slots = |evidence: &Evidence, after: TimeDelta| {
        let now = looked_at + after;
        let known = Known { settings: &settings, evidence };
        let events = due(known, &mut Told::default(), now, true);
        events.iter().filter(|event| is_slot(event)).count()
    };
    let mut evidence = Evidence::default();
    assert!(evidence.begin_look(&settings.calendar, &session, looked_at));
    assert_eq!(slots(&evidence, TimeDelta::zero()), 0);
    assert_eq!(slots(&evidence, TimeDelta::seconds(59)), 0);
    assert_eq!(slots(&evidence, TimeDelta::seconds(60)), 1, "no answer is waited for longer");
    let ended = |look| {
        let mut evidence = evidence.clone();
        evidence.end_look(&session, look);
        slots(&evidence, TimeDelta::seconds(1))
    };
    assert_eq!(ended(Look::LastTrade(Some(session.open))), 1);
    assert_eq!(ended(Look::Silent), 1, "one silence is none");
    assert_eq!(ended(Look::LastTrade(None)), 0, "nothing trades");
    evidence.end_look(&session, Look::LastTrade(Some(session.open)));
    let again = looked_at + TimeDelta::minutes(5);
    assert!(evidence.begin_look(&settings.calendar, &session, again));
    assert_eq!(slots(&evidence, TimeDelta::minutes(5)), 1, "later looks hold nothing back");
}

mod restarts;
