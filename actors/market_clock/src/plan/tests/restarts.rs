//! What restarts, changed hours and clocks that were set do to a plan whose books outlive them.

use super::*;

/// Books that outlive every clock: each occasion once, whenever it is told.
#[derive(Default)]
struct Booked(Vec<Occasion>);

impl Booked {
    /// The labels of what is new of these events, without phases and closed days.
    fn take(&mut self, events: Vec<Event>) -> Vec<String> {
        let mut new = Vec::new();
        for Event { occasion, .. } in events {
            let key = |one: &Occasion| (one.market, one.session_date, one.kind, one.begins_at);
            if self.0.iter().all(|booked| key(booked) != key(&occasion)) {
                self.0.push(occasion.clone());
                let is_slot = matches!(occasion.kind, OccasionKind::Slot | OccasionKind::Exits);
                new.extend(
                    is_slot.then(|| format!("{} {}", occasion.session_date.format("%d"), occasion.label)),
                );
            }
        }
        new
    }
}

/// Wakes twice a minute from `from` until before `to`, as the actor does at least.
fn wakes(from: &str, to: &str) -> impl Iterator<Item = DateTime<Utc>> {
    let (from, to) = (at(from), at(to));
    (0..).map(move |count| from + LONGEST_SLEEP * count).take_while(move |now| *now < to)
}

fn are_exits(labels: &[String]) -> bool {
    labels.iter().all(|label| label.contains("exits-"))
}

#[test]
fn after_a_clock_that_ran_a_day_ahead_is_set_right_looks_and_untold_slots_go_on_and_nothing_comes_twice() {
    let settings = settings(&[Market::Kr], daily());
    for restarts in [false, true] {
        let (mut told, mut booked) = (Told::default(), Booked::default());
        let mut run = |from: &str, to: &str| {
            if restarts {
                told = Told::recalled(&booked.0, at(from));
            }
            let now = wakes(from, to);
            now.flat_map(|now| booked.take(now_due(&settings, &mut told, now, true))).collect::<Vec<_>>()
        };
        let slots = |labels: &[String]| {
            labels.iter().filter(|label| label.contains("daily-")).cloned().collect::<Vec<_>>()
        };
        assert_eq!(slots(&run("2026-11-24T00:00:00Z", "2026-11-24T00:20:00Z")), ["24 daily-1"]);
        assert_eq!(
            slots(&run("2026-11-25T00:20:00Z", "2026-11-25T00:25:00Z")),
            ["25 daily-1"],
            "a day ahead"
        );
        let right = run("2026-11-24T00:25:00Z", "2026-11-24T00:35:00Z");
        assert_eq!((right.len(), are_exits(&right)), (10, true), "{restarts}: {right:?}");
        let rest = run("2026-11-24T00:35:00Z", "2026-11-24T07:00:00Z");
        assert_eq!(slots(&rest), ["24 daily-2"], "{restarts}");
        assert!(rest.len() > 330, "each minute until the closing auction: {}", rest.len());
        let next_day = run("2026-11-25T00:00:00Z", "2026-11-25T07:00:00Z");
        assert_eq!(slots(&next_day), ["25 daily-2"], "{restarts}: the first one was told in the wrong time");
        // 380 minutes; the slots keep four for themselves, two of which belong to the one that was told, and five were told.
        assert_eq!(next_day.len(), 380 - 4 - 5 + 1, "{restarts}");
    }
}

#[test]
fn after_a_clock_that_ran_hours_ahead_is_set_right_realtime_cycles_go_on_within_one() {
    let settings = settings(&[Market::Kr], Cadence::Realtime);
    let (mut told, mut booked) = (Told::default(), Booked::default());
    let mut run = |from: &str, to: &str| {
        wakes(from, to)
            .flat_map(|now| booked.take(now_due(&settings, &mut told, now, true)))
            .collect::<Vec<_>>()
    };
    assert_eq!(run("2026-11-24T00:00:00Z", "2026-11-24T00:02:00Z"), ["24 realtime-0", "24 realtime-1"]);
    assert_eq!(run("2026-11-24T05:00:00Z", "2026-11-24T05:01:00Z"), ["24 realtime-300"]);
    assert_eq!(run("2026-11-24T00:01:30Z", "2026-11-24T00:03:00Z"), ["24 realtime-2"]);
    assert_eq!(run("2026-11-24T04:59:00Z", "2026-11-24T05:02:00Z"), ["24 realtime-299", "24 realtime-301"]);
}

#[test]
fn a_day_that_a_clock_running_ahead_has_closed_is_told_again_when_it_is_over() {
    let settings = settings(&[Market::Kr], daily());
    let mut told = Told::default();
    let mut days = |now: &str| {
        let events = now_due(&settings, &mut told, at(now), true);
        let closed = events.iter().filter(|event| event.occasion.kind == OccasionKind::DayClosed);
        closed.map(|event| event.occasion.session_date.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(days("2026-11-24T01:00:00Z"), ["2026-11-23"]);
    assert_eq!(days("2026-11-26T01:00:00Z"), ["2026-11-24", "2026-11-25"]);
    assert_eq!(days("2026-11-24T01:01:00Z"), [""; 0]);
    assert_eq!(days("2026-11-24T06:40:00Z"), ["2026-11-24"]);
    assert_eq!(days("2026-11-25T06:40:00Z"), ["2026-11-25"]);
}

/// The slots that processes of a fixed grid tell on one Korean day, each started at such a time and ended by the next one, and when
/// each was told.
fn fixed_grids(sessions: u32, starts: &[&str]) -> Vec<String> {
    let mut booked = Booked::default();
    let mut slots = Vec::new();
    let ends = starts.iter().skip(1).copied().chain(["2026-11-24T07:00:00Z"]);
    for (start, end) in starts.iter().copied().zip(ends) {
        let plan = DailyPlan { sessions, interval_hours: 2 };
        let settings = settings(&[Market::Kr], Cadence::Fixed { plan, anchor: at(start) });
        let mut told = Told::recalled(&booked.0, at(start));
        for now in wakes(start, end) {
            let new = booked.take(now_due(&settings, &mut told, now, true));
            let daily = new.into_iter().filter(|label| label.contains("daily"));
            slots.extend(daily.map(|label| format!("{label} {}", now.format("%H:%M"))));
        }
    }
    slots
}

#[test]
fn with_a_fixed_grid_a_restart_repeats_no_number_and_a_day_has_no_more_slots_than_there_may_be() {
    assert_eq!(
        fixed_grids(4, &["2026-11-24T00:30:00Z"]),
        ["24 daily-1 00:30", "24 daily-2 02:30", "24 daily-3 04:30"],
        "the next one is at the close"
    );
    let starts = [
        "2026-11-24T00:30:00Z",
        "2026-11-24T01:00:00Z",
        "2026-11-24T01:05:00Z",
        "2026-11-24T02:00:00Z",
        "2026-11-24T02:30:00Z",
        "2026-11-24T03:00:00Z",
    ];
    assert_eq!(
        fixed_grids(4, &starts),
        ["24 daily-1 00:30", "24 daily-2 01:00", "24 daily-3 02:00", "24 daily-4 02:30"]
    );
}

#[test]
fn hours_that_the_operator_changes_during_a_session_tell_no_slot_of_it_twice() {
    let overrides = |text: &str| {
        let changes = crate::overrides::Overrides::parse(text, &Calendar::official()).unwrap().changes;
        Settings {
            calendar: Calendar::official().with_changes(&changes).unwrap(),
            ..settings(&[Market::Kr], daily())
        }
    };
    let later = overrides(r#"{"KR": {"hours": {"2026-11-24": {"open": "10:00", "close": "16:30"}}}}"#);
    for restarts in [false, true] {
        let (mut told, mut booked) = (Told::default(), Booked::default());
        let mut run = |settings: &Settings, from: &str, to: &str| {
            if restarts {
                told = Told::recalled(&booked.0, at(from));
            }
            let new = wakes(from, to).flat_map(|now| booked.take(now_due(settings, &mut told, now, true)));
            new.filter(|label| label.contains("daily")).collect::<Vec<_>>()
        };
        let usual = settings(&[Market::Kr], daily());
        assert_eq!(run(&usual, "2026-11-24T00:00:00Z", "2026-11-24T00:30:00Z"), ["24 daily-1"]);
        assert_eq!(run(&later, "2026-11-24T00:30:00Z", "2026-11-24T08:00:00Z"), ["24 daily-2"], "{restarts}");
    }
}
