//! One source may close a day; to open one takes two.

use super::*;
use crate::overrides::Overrides;

/// A session, the looks at it, and what follows.
type Case<'a> = (&'a Session, Vec<(i64, Look)>, Trust);

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// When the day begins in Seoul.
fn midnight(date: NaiveDate) -> DateTime<Utc> {
    date.and_time(chrono::NaiveTime::MIN).and_utc() - TimeDelta::hours(9)
}

fn session(market: Market, day: &str) -> Session {
    Calendar::official().session_on(market, date(day)).unwrap()
}

/// What is known after looks at a session: each so many minutes after its open.
fn seen(session: &Session, looks: &[(i64, Look)]) -> Evidence {
    let (calendar, mut evidence) = (Calendar::official(), Evidence::default());
    for (minutes, look) in looks {
        let now = session.open + TimeDelta::minutes(*minutes);
        assert!(evidence.begin_look(&calendar, session, now), "no look is due after {minutes} minutes");
        assert_eq!(evidence.next_look(&calendar, session), None, "one look at a time");
        evidence.end_look(session, *look);
    }
    evidence
}

fn trust(session: &Session, looks: &[(i64, Look)]) -> Trust {
    seen(session, looks).trust(&Calendar::official(), session.market, session.date, false)
}

#[test]
fn what_looks_bring_decides_how_far_a_day_is_traded_upon() {
    let (official, forecast) = (session(Market::Kr, "2026-11-24"), session(Market::Kr, "2027-03-02"));
    let uncertain = session(Market::VnHcm, "2026-11-23");
    let trade = |of: &Session| Look::LastTrade(Some(of.open + TimeDelta::minutes(1)));
    let old = |of: &Session| Look::LastTrade(Some(of.open - TimeDelta::days(1)));
    let tokyo = session(Market::Jp, "2026-11-24");
    let cases: [Case<'_>; 16] = [
        // Quotes from Tokyo are a quarter of an hour late.
        (&tokyo, vec![(25, trade(&tokyo))], Trust::Certain),
        (&tokyo, vec![(25, old(&tokyo))], Trust::SuspectedClosed),
        (&official, vec![], Trust::Certain),
        (&official, vec![(10, trade(&official))], Trust::Certain),
        (&official, vec![(10, old(&official))], Trust::SuspectedClosed),
        (&official, vec![(10, Look::LastTrade(None)), (15, trade(&official))], Trust::Certain),
        (&official, vec![(10, Look::LastTrade(None)), (15, Look::Silent)], Trust::SuspectedClosed),
        (&official, vec![(10, Look::CannotTell)], Trust::Certain),
        (&official, vec![(10, Look::Silent)], Trust::Certain),
        (&official, vec![(10, Look::Silent), (11, Look::Silent)], Trust::BrokerDown),
        (&official, vec![(10, Look::Silent), (11, Look::Silent), (12, Look::CannotTell)], Trust::Certain),
        (&forecast, vec![], Trust::Unproved),
        (&forecast, vec![(1, Look::LastTrade(None)), (2, trade(&forecast))], Trust::Certain),
        (&forecast, vec![(1, Look::Silent), (2, Look::Silent)], Trust::Unproved),
        (&forecast, vec![(1, Look::LastTrade(None)), (10, Look::LastTrade(None))], Trust::SuspectedClosed),
        (&uncertain, vec![(1, trade(&uncertain))], Trust::Certain),
    ];
    for (session, looks, expected) in cases {
        assert_eq!(trust(session, &looks), expected, "{} {looks:?}", session.date);
    }
}

#[test]
fn no_look_disturbs_an_official_session_before_ten_minutes_and_none_is_due_at_lunch() {
    let (calendar, mut evidence) = (Calendar::official(), Evidence::default());
    let session = session(Market::Jp, "2026-11-24");
    let early = session.open + TimeDelta::minutes(9);
    assert!(!evidence.begin_look(&calendar, &session, early));
    assert!(!evidence.begin_look(&calendar, &session, session.lunch.unwrap().0));
    assert!(evidence.begin_look(&calendar, &session, session.lunch.unwrap().1));
}

#[test]
fn a_list_that_confirms_a_forecast_is_the_second_source() {
    let mut evidence = Evidence::default();
    let (calendar, today) = (Calendar::official(), date("2027-03-01"));
    let listed = |date, opens| ListedDay { date, opens };
    let (session, holiday) = (date("2027-03-02"), date("2027-03-01"));
    evidence.take_list(Market::Kr, today, midnight(today), &[listed(session, true), listed(holiday, true)]);
    assert_eq!(evidence.trust(&calendar, Market::Kr, session, false), Trust::Certain);
    assert_eq!(
        evidence.trust(&calendar, Market::Kr, holiday, false),
        Trust::Unproved,
        "one source opens nothing"
    );
    assert_eq!(evidence.narrowed(&DayChanges::default()), DayChanges::default());
}

#[test]
fn a_list_closes_a_day_at_once_but_against_the_operator_or_against_trades_it_only_disputes() {
    let official = session(Market::Kr, "2026-11-24");
    let key = (Market::Kr, official.date);
    let no = [ListedDay { date: official.date, opens: false }];
    let mut evidence = Evidence::default();
    evidence.take_list(Market::Kr, official.date, midnight(official.date), &no);
    assert_eq!(
        evidence.narrowed(&DayChanges::default()),
        DayChanges::from([(key, DayChange::ClosedByBroker)])
    );
    let operator = DayChanges::from([(key, DayChange::Open)]);
    assert_eq!(evidence.narrowed(&operator), operator);
    let calendar = Calendar::official().with_changes(&operator).unwrap();
    assert_eq!(evidence.trust(&calendar, Market::Kr, official.date, false), Trust::Disputed);
    let trade = Look::LastTrade(Some(official.open));
    let mut evidence = seen(&official, &[(10, trade)]);
    evidence.take_list(Market::Kr, official.date, midnight(official.date), &no);
    assert_eq!(evidence.narrowed(&DayChanges::default()), DayChanges::default());
    assert_eq!(evidence.trust(&Calendar::official(), Market::Kr, official.date, false), Trust::Disputed);
}

#[test]
fn an_asian_session_is_not_looked_at_before_its_late_quotes_can_show_a_trade() {
    for market in [Market::Jp, Market::Hk, Market::CnSha, Market::CnSza, Market::VnHan, Market::VnHcm] {
        let session = session(market, "2026-06-02");
        let due = Evidence::default().next_look(&Calendar::official(), &session);
        assert_eq!(due, Some(session.open + TimeDelta::minutes(25)), "{market}");
    }
}

#[test]
fn a_session_whose_feed_is_live_is_suspected_as_early_as_an_american_one_and_no_other() {
    let evidence = || Evidence::default().with_live_feeds(&BTreeSet::from([Market::Hk]));
    for (market, minutes) in [(Market::Hk, 10), (Market::Jp, 25), (Market::UsNyse, 10)] {
        let session = session(market, "2026-06-02");
        let due = session.open + TimeDelta::minutes(minutes);
        assert_eq!(evidence().next_look(&Calendar::official(), &session), Some(due), "{market}");
        let mut evidence = evidence();
        assert!(evidence.begin_look(&Calendar::official(), &session, due));
        evidence.end_look(&session, Look::LastTrade(None));
        let trust = evidence.trust(&Calendar::official(), market, session.date, false);
        assert_eq!(trust, Trust::SuspectedClosed, "{market}");
    }
}

#[test]
fn the_operators_word_and_a_trade_together_stand_against_the_list() {
    let day = session(Market::Kr, "2026-11-24");
    let mut evidence = seen(&day, &[(10, Look::LastTrade(Some(day.open + TimeDelta::minutes(1))))]);
    evidence.take_list(
        Market::Kr,
        day.date,
        midnight(day.date),
        &[ListedDay { date: day.date, opens: false }],
    );
    let opened = DayChanges::from([((Market::Kr, day.date), DayChange::Open)]);
    let opened = Calendar::official().with_changes(&opened).unwrap();
    assert_eq!(evidence.trust(&Calendar::official(), Market::Kr, day.date, false), Trust::Disputed);
    assert_eq!(evidence.trust(&opened, Market::Kr, day.date, false), Trust::Certain);
}

#[test]
fn a_day_that_was_disputed_is_not_closed_by_the_list_after_a_restart() {
    let day = session(Market::Kr, "2026-11-24");
    let booked = |kind, label: &str| Occasion {
        market: Market::Kr,
        session_date: day.date,
        kind,
        begins_at: day.open,
        label: label.into(),
    };
    let evidence = Evidence::recalled(
        &[booked(OccasionKind::ListedDays, "N"), booked(OccasionKind::Trust, Trust::Disputed.code())],
        day.open,
    );
    assert_eq!(evidence.narrowed(&DayChanges::new()), DayChanges::new());
    assert_eq!(evidence.trust(&Calendar::official(), Market::Kr, day.date, false), Trust::Disputed);
    let opened = Calendar::official()
        .with_changes(&DayChanges::from([((Market::Kr, day.date), DayChange::Open)]))
        .unwrap();
    let still = evidence.trust(&opened, Market::Kr, day.date, false);
    assert_eq!(still, Trust::Disputed, "no trade was seen in this life");
}

#[test]
fn a_list_that_is_first_read_during_a_session_disputes_it_and_closes_the_next_one() {
    let (today, tomorrow) = (session(Market::Kr, "2026-11-24"), session(Market::Kr, "2026-11-25"));
    let no = |of: &Session| ListedDay { date: of.date, opens: false };
    let days = [no(&today), no(&tomorrow)];
    let closed = |of: &Session| DayChanges::from([((Market::Kr, of.date), DayChange::ClosedByBroker)]);
    let mut evidence = Evidence::default();
    evidence.take_list(Market::Kr, today.date, today.open, &days);
    let booked = Occasion {
        market: Market::Kr,
        session_date: today.date,
        kind: OccasionKind::ListedDays,
        begins_at: today.open,
        label: list_label(today.date, &days),
    };
    for evidence in [evidence, Evidence::recalled(&[booked], today.open)] {
        assert_eq!(evidence.narrowed(&DayChanges::new()), closed(&tomorrow));
        assert_eq!(evidence.trust(&Calendar::official(), Market::Kr, today.date, false), Trust::Disputed);
        let mut evidence = evidence;
        evidence.take_list(Market::Kr, tomorrow.date, tomorrow.open, &days);
        assert_eq!(evidence.narrowed(&DayChanges::new()), closed(&tomorrow), "it was said before");
    }
}

#[test]
fn a_proof_is_recalled_as_a_trade_unless_the_list_was_the_proof() {
    let day = session(Market::Kr, "2027-03-02");
    let booked = |kind, label: &str| Occasion {
        market: Market::Kr,
        session_date: day.date,
        kind,
        begins_at: day.open,
        label: label.into(),
    };
    let proved = booked(OccasionKind::Trust, Trust::Certain.code());
    let listed = booked(OccasionKind::ListedDays, "Y");
    let calendar = Calendar::official();
    let trust = |evidence: &Evidence| evidence.trust(&calendar, Market::Kr, day.date, false);
    assert_eq!(trust(&Evidence::recalled(std::slice::from_ref(&proved), day.open)), Trust::Certain);
    assert_eq!(
        trust(&Evidence::recalled(&[booked(OccasionKind::Trust, Trust::Unproved.code())], day.open)),
        Trust::Unproved
    );
    let mut by_list = Evidence::recalled(&[proved, listed], day.open);
    assert_eq!(trust(&by_list), Trust::Certain);
    assert!(by_list.begin_look(&calendar, &day, day.open + TimeDelta::minutes(10)));
    by_list.end_look(&day, Look::LastTrade(None));
    assert_eq!(trust(&by_list), Trust::SuspectedClosed, "no trade was ever seen");
}

#[test]
fn the_operator_may_open_a_day_and_a_list_that_agrees_changes_nothing() {
    let overrides = Overrides::parse(r#"{"KR": {"open": ["2026-12-25"]}}"#, &Calendar::official()).unwrap();
    let mut evidence = Evidence::default();
    let day = date("2026-12-25");
    evidence.take_list(Market::Kr, day, midnight(day), &[ListedDay { date: day, opens: true }]);
    assert_eq!(evidence.narrowed(&overrides.changes), overrides.changes);
    let calendar = Calendar::official().with_changes(&overrides.changes).unwrap();
    assert_eq!(evidence.trust(&calendar, Market::Kr, day, false), Trust::Certain);
    assert_eq!(contradictions(&calendar, Market::Kr, &[ListedDay { date: day, opens: true }]), [""; 0]);
}

#[test]
fn where_no_calendar_reaches_no_evidence_opens_anything() {
    let mut evidence = Evidence::default();
    let day = date("2028-01-04");
    evidence.take_list(Market::Kr, day, midnight(day), &[ListedDay { date: day, opens: true }]);
    for exits in [false, true] {
        let trust = evidence.trust(&Calendar::official(), Market::Kr, day, exits);
        assert_eq!(trust, Trust::Unknown { exits });
    }
}

#[test]
fn what_was_booked_is_known_again() {
    let today = date("2026-11-24");
    let days = [("2026-11-24", true), ("2026-11-25", false), ("2026-11-28", false)];
    let days = days.map(|(day, opens)| ListedDay { date: date(day), opens });
    let label = list_label(today, &days);
    assert_eq!(label, "YN??N");
    assert_eq!(listed_days(today, &label), days);
    let begins_at = "2026-11-24T00:10:00Z".parse().unwrap();
    let occasion = |market, kind, label: &str| Occasion {
        market,
        session_date: today,
        kind,
        begins_at,
        label: label.to_owned(),
    };
    let booked = [
        occasion(Market::Kr, OccasionKind::ListedDays, &label),
        occasion(Market::Jp, OccasionKind::Trust, "suspected_closed"),
        occasion(Market::Hk, OccasionKind::Trust, "broker_down"),
    ];
    let mut evidence = Evidence::recalled(&booked, begins_at);
    let calendar = Calendar::official();
    assert!(!evidence.begin_list(Market::Kr, begins_at), "it was read today");
    assert!(evidence.begin_list(Market::Kr, begins_at + TimeDelta::days(1)));
    assert_eq!(evidence.trust(&calendar, Market::Jp, today, false), Trust::SuspectedClosed);
    assert_eq!(evidence.trust(&calendar, Market::Hk, today, false), Trust::Certain);
    assert_eq!(evidence.narrowed(&DayChanges::default()).len(), 1);
}

#[test]
fn what_a_clock_that_ran_a_day_ahead_made_of_looks_and_lists_is_judged_anew_when_it_is_set_right() {
    let (today, tomorrow) = (session(Market::Kr, "2026-11-24"), session(Market::Kr, "2026-11-25"));
    let (calendar, now) = (Calendar::official(), today.open + TimeDelta::minutes(20));
    let ahead = now + TimeDelta::days(1);
    let closed = |of: &Session| ListedDay { date: of.date, opens: false };
    let mut evidence = Evidence::default();
    evidence.take_list(Market::Kr, today.date, midnight(today.date), &[closed(&today), closed(&tomorrow)]);
    assert!(evidence.begin_look(&calendar, &tomorrow, ahead));
    evidence.end_look(&tomorrow, Look::LastTrade(Some(now)));
    assert!(evidence.begin_list(Market::Kr, ahead));
    evidence.take_list(Market::Kr, tomorrow.date, ahead, &[closed(&tomorrow)]);
    evidence.set_back(now);
    let both = [&today, &tomorrow].map(|of| ((Market::Kr, of.date), DayChange::ClosedByBroker));
    assert_eq!(evidence.narrowed(&DayChanges::new()), DayChanges::from(both), "both lists count");
    assert!(evidence.begin_list(Market::Kr, now), "nothing was read in the true day");
    evidence.take_list(Market::Kr, today.date, now, &[]);
    assert_eq!(evidence.trust(&calendar, Market::Kr, tomorrow.date, false), Trust::Certain, "not suspected");
    assert!(evidence.begin_look(&calendar, &tomorrow, tomorrow.open + TimeDelta::minutes(10)));
}

#[test]
fn what_was_booked_for_a_time_that_has_not_come_is_not_recalled() {
    let day = session(Market::Kr, "2026-11-24");
    let booked = |kind, label: &str, minutes| Occasion {
        market: Market::Kr,
        session_date: day.date,
        kind,
        begins_at: day.open + TimeDelta::minutes(minutes),
        label: label.into(),
    };
    let all = [
        booked(OccasionKind::ListedDays, "N", 300),
        booked(OccasionKind::Trust, Trust::SuspectedClosed.code(), 310),
        booked(OccasionKind::Trust, Trust::Certain.code(), 15),
    ];
    let trust = |minutes| {
        let evidence = Evidence::recalled(&all, day.open + TimeDelta::minutes(minutes));
        evidence.trust(&Calendar::official(), Market::Kr, day.date, false)
    };
    assert_eq!((trust(20), trust(310)), (Trust::Certain, Trust::SuspectedClosed));
}

#[test]
fn a_suspicion_of_an_earlier_life_holds_until_the_broker_has_answered_twice_for_it_may_be_of_a_clock_that_ran_a_day_ahead()
 {
    let day = session(Market::Kr, "2026-11-24");
    let (calendar, booked_at) = (Calendar::official(), day.open + TimeDelta::minutes(20));
    let booked = Occasion {
        market: Market::Kr,
        session_date: day.date,
        kind: OccasionKind::Trust,
        begins_at: booked_at,
        label: Trust::SuspectedClosed.code().into(),
    };
    let after = |looks: &[Look]| {
        let mut evidence = Evidence::recalled(std::slice::from_ref(&booked), booked_at);
        for (number, look) in (0..).zip(looks) {
            let now = booked_at + TimeDelta::minutes(5 * number);
            assert!(evidence.begin_look(&calendar, &day, now));
            evidence.end_look(&day, *look);
        }
        evidence.trust(&calendar, Market::Kr, day.date, false)
    };
    let old = Look::LastTrade(Some(day.open - TimeDelta::days(1)));
    for (looks, expected) in [
        (&[][..], Trust::SuspectedClosed),
        (&[Look::Silent], Trust::SuspectedClosed),
        (&[Look::CannotTell], Trust::SuspectedClosed),
        (&[Look::CannotTell, Look::CannotTell], Trust::Certain),
        (&[Look::CannotTell, Look::Silent, Look::CannotTell], Trust::Certain),
        (&[Look::Unheard, Look::Unheard, Look::Unheard], Trust::SuspectedClosed),
        (&[old], Trust::SuspectedClosed),
        (&[old, Look::CannotTell, Look::CannotTell], Trust::SuspectedClosed),
        (&[Look::LastTrade(Some(day.open))], Trust::Certain),
    ] {
        assert_eq!(after(looks), expected, "{looks:?}");
    }
}

#[test]
fn the_operator_is_told_what_a_list_that_closes_a_session_leaves_possible() {
    let day = session(Market::Kr, "2026-11-24");
    let closed = [ListedDay { date: day.date, opens: false }];
    let said = |calendar: &Calendar| contradictions(calendar, Market::Kr, &closed).concat();
    assert!(said(&Calendar::official()).ends_with("no orders then, and only exits if its session has begun"));
    let opened = DayChanges::from([((Market::Kr, day.date), DayChange::Open)]);
    let opened = Calendar::official().with_changes(&opened).unwrap();
    assert!(said(&opened).ends_with("only exits then until the list agrees or a trade is seen"));
}
