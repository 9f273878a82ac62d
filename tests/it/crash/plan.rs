//! How the lives of a round end.

use std::time::Duration;

/// The steps of an agent that trades, and how often each comes in a life of a few seconds: steps of the start come
/// once, the others again and again.
const STEPS: [(&str, u64); 15] = [
    ("boot", 1),
    ("trading_state", 2),
    ("abandon_sending", 1),
    ("unclosed_days", 1),
    ("open_intents", 2),
    ("book_inquiry", 4),
    ("cursor", 1),
    ("events_after", 4),
    ("set_cursor", 4),
    ("record_decision", 5),
    ("commit_approval", 5),
    ("begin_sending", 5),
    ("post", 5),
    ("record_outcome", 5),
    ("commit_release", 1),
];
/// The steps around an order, where a death matters most: they come up twice as often.
const ORDER_STEPS: [(&str, u64); 4] =
    [("commit_approval", 9), ("begin_sending", 9), ("post", 9), ("record_outcome", 9)];

/// Steps of a start after the close of the day.
pub(super) const STEPS_AT_CLOSE: [&str; 2] = ["before:close_day:1", "after:close_day:1"];

/// A random step is one of the first so many.
const RANDOM_STEPS: u64 = 300;
/// A random time is within so long of the start.
const RANDOM_MS: u64 = 1_500;

/// How one life ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// At a named step: what `KESTREL_FAULTS_CRASH` takes.
    Point(String),
    /// At a step that a seed decides.
    Step(String),
    /// At this time after the start.
    Time(Duration),
}

impl End {
    /// What the environment asks of the agent.
    pub(super) fn crash(&self) -> &str {
        match self {
            Self::Point(text) | Self::Step(text) => text,
            Self::Time(_) => "",
        }
    }
}

/// Every named point, without its count.
pub(super) fn points() -> Vec<String> {
    let steps = STEPS.iter().map(|(step, _)| *step).chain(["close_day"]);
    steps.flat_map(|step| [format!("before:{step}"), format!("after:{step}")]).collect()
}

/// The ends of round number `round`: half at named points, each in its turn, a quarter at random steps, the rest at
/// random times.
pub(super) fn ends(round: u32, kills: u32) -> Vec<End> {
    let mut rng = fastrand::Rng::with_seed(u64::from(round) + 1);
    let named = kills / 2;
    let mut ends: Vec<_> = (0..named).map(|index| point(round * named + index, &mut rng)).collect();
    for index in named..kills {
        ends.push(if index.is_multiple_of(2) {
            End::Step(format!("random:{}:{RANDOM_STEPS}", rng.u32(..)))
        } else {
            End::Time(Duration::from_millis(rng.u64(1..RANDOM_MS)))
        });
    }
    rng.shuffle(&mut ends);
    ends
}

fn point(index: u32, rng: &mut fastrand::Rng) -> End {
    let index = index as usize;
    let steps = [&STEPS[..], &ORDER_STEPS[..]].concat();
    let (step, times) = steps[(index / 2) % steps.len()];
    let moment = if index.is_multiple_of(2) { "before" } else { "after" };
    End::Point(format!("{moment}:{step}:{}", rng.u64(1..=times)))
}

#[test]
fn four_rounds_reach_every_point_and_the_same_round_is_the_same_again() {
    let all: Vec<_> = (0..4).flat_map(|round| ends(round, 25)).collect();
    for point in points().iter().filter(|point| !point.ends_with("close_day")) {
        let planned = |end: &End| matches!(end, End::Point(text) if text.starts_with(&format!("{point}:")));
        assert!(all.iter().any(planned), "{point}");
    }
    assert_eq!(ends(3, 25), ends(3, 25));
    assert_ne!(ends(3, 25), ends(4, 25));
}
