//! G4: beside the incumbent, on days that had not happened when the candidate was found.
//!
//! It is judged once: at the first session by which there are enough sessions and decisions. Who looks every day and stops
//! when it looks good lets luck pass. With the fewest sessions luck passes in one case of ten, and an annual Sharpe ratio of 3
//! in one of three: this gate finds what breaks in real life, it does not prove skill, which G2 and G3 have to. Without enough
//! of them by its expiry date it ends, and a drawdown ends it at once.

use chrono::NaiveDate;
use domain::messages::evolution::GateName;
use serde::{Deserialize, Serialize};

use super::candidate::drawdown;
use super::{Check, Needed, Verdict};
use crate::validation::bootstrap::{Plan, paired};

/// A shadow that is not complete so many days after its beginning has expired.
pub const EXPIRES_AFTER_DAYS: u64 = 90;

/// What G4 demands.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Fewest sessions.
    pub sessions: usize,
    /// Fewest purchases and sales of the candidate while both were followed.
    pub decisions: u32,
    /// Smallest probability that the candidate is better.
    pub probability: f64,
    /// Largest fall of its equity from the highest point, as a share of that.
    pub drawdown: f64,
    /// Bootstrap histories.
    pub draws: usize,
    /// Mean length of their blocks, in sessions.
    pub mean_block: f64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { sessions: 20, decisions: 30, probability: 0.9, drawdown: 0.1, draws: 2_000, mean_block: 5.0 }
    }
}

/// One session in which both were followed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Its day.
    pub session_date: NaiveDate,
    /// The candidate's return after costs.
    pub challenger: f64,
    /// The incumbent's return after costs.
    pub incumbent: f64,
    /// Purchases and sales of the candidate.
    pub decisions: u32,
}

/// A shadow run so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Its sessions, in order of their days.
    pub sessions: Vec<Session>,
    /// The last day on which it may still become complete.
    pub expires: NaiveDate,
    /// Where the randomness of the bootstrap starts.
    pub seed: u64,
}

/// Where a shadow run stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// It needs more sessions or decisions, and may still have them.
    Running,
    /// It is over.
    Judged(Verdict),
}

/// What G4 says of a run, on `today`. The answer of an earlier day never changes with what came after it.
pub fn standing(evidence: &Evidence, rules: &Rules, today: NaiveDate) -> Standing {
    let in_time: Vec<_> = evidence
        .sessions
        .iter()
        .take_while(|session| session.session_date <= evidence.expires)
        .copied()
        .collect();
    let end = (1..=in_time.len()).find(|count| is_over(&in_time[..*count], rules));
    match end {
        Some(count) => Standing::Judged(verdict(&in_time[..count], evidence.seed, rules)),
        None if today > evidence.expires => Standing::Judged(verdict(&in_time, evidence.seed, rules)),
        None => Standing::Running,
    }
}

fn is_over(sessions: &[Session], rules: &Rules) -> bool {
    let is_complete = sessions.len() >= rules.sessions && decisions(sessions) >= rules.decisions;
    is_complete || drawdown(&column(sessions, |session| session.challenger)) > rules.drawdown
}

fn decisions(sessions: &[Session]) -> u32 {
    sessions.iter().fold(0, |sum, session| sum.saturating_add(session.decisions))
}

fn column(sessions: &[Session], of: fn(&Session) -> f64) -> Vec<f64> {
    sessions.iter().map(of).collect()
}

fn verdict(sessions: &[Session], seed: u64, rules: &Rules) -> Verdict {
    let challenger = column(sessions, |session| session.challenger);
    let incumbent = column(sessions, |session| session.incumbent);
    let plan = Plan { draws: rules.draws, mean_block: rules.mean_block, seed };
    let pair = paired(&challenger, &incumbent, &plan);
    let better = pair.clone().map(|pair| pair.mean_difference);
    let checks = vec![
        Check::new("sessions in the shadow", sessions.len() as f64, Needed::AtLeast(rules.sessions as f64)),
        Check::new(
            "decisions beside the incumbent",
            f64::from(decisions(sessions)),
            Needed::AtLeast(f64::from(rules.decisions)),
        ),
        Check::of("mean difference to the incumbent in a session", better, Needed::Told),
        Check::of(
            "probability of being better than the incumbent",
            pair.map(|pair| pair.probability_above_zero),
            Needed::AtLeast(rules.probability),
        ),
        Check::new("drawdown in the shadow", drawdown(&challenger), Needed::AtMost(rules.drawdown)),
    ];
    Verdict { gate: GateName::G4, checks }
}

#[cfg(test)]
mod tests {
    use chrono::Days;

    use super::*;

    const FIRST: NaiveDate = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();

    fn run(returns: impl Iterator<Item = (f64, f64)>, expires_after: u64) -> Evidence {
        let session = |(index, (challenger, incumbent))| Session {
            session_date: FIRST + Days::new(index),
            challenger,
            incumbent,
            decisions: 2,
        };
        let sessions = (0..).zip(returns).map(session).collect();
        Evidence { sessions, expires: FIRST + Days::new(expires_after), seed: 1 }
    }

    fn better(sessions: usize) -> impl Iterator<Item = (f64, f64)> {
        (0..sessions).map(|day| (if day % 3 == 0 { -0.001 } else { 0.004 }, 0.0))
    }

    fn judged(evidence: &Evidence, today: u64) -> Option<Verdict> {
        match standing(evidence, &Rules::default(), FIRST + Days::new(today)) {
            Standing::Running => None,
            Standing::Judged(verdict) => Some(verdict),
        }
    }

    #[test]
    fn a_shadow_runs_until_it_has_enough_and_is_then_judged_once() {
        assert_eq!(judged(&run(better(19), 60), 19), None);
        let verdict = judged(&run(better(20), 60), 20).unwrap();
        assert!(verdict.passed(), "{verdict:?}");
        // What comes after cannot turn it, in either direction.
        let turned = better(20).chain(std::iter::repeat_n((-0.004, 0.0), 20));
        assert_eq!(judged(&run(turned, 60), 40), Some(verdict));
        let late = (0..20).map(|_| (-0.001, 0.0)).chain(better(40));
        assert!(!judged(&run(late, 90), 60).unwrap().passed());
    }

    #[test]
    fn too_few_decisions_by_the_expiry_date_end_it() {
        let idle = |sessions: usize| {
            let mut evidence = run(better(sessions), 40);
            evidence.sessions.iter_mut().for_each(|session| session.decisions = 0);
            evidence
        };
        assert_eq!(judged(&idle(30), 40), None);
        let verdict = judged(&idle(30), 41).unwrap();
        let failures: Vec<_> = verdict.failures().map(|check| check.what.as_str()).collect();
        assert_eq!(failures, ["decisions beside the incumbent"]);
        let mut late = idle(30);
        late.sessions.extend((50..60).map(|day| Session {
            session_date: FIRST + Days::new(day),
            challenger: 0.1,
            incumbent: 0.0,
            decisions: 100,
        }));
        assert_eq!(judged(&late, 70), Some(verdict), "what comes after the expiry date does not count");
        assert!(!judged(&run(std::iter::empty(), 5), 6).unwrap().passed(), "a shadow without a session");
    }

    #[test]
    fn a_drawdown_ends_it_at_once_and_no_difference_is_not_better() {
        let crash = judged(&run([(0.01, 0.0), (-0.11, 0.0), (0.2, 0.0)].into_iter(), 60), 3).unwrap();
        assert!(crash.failures().any(|check| check.what == "drawdown in the shadow"), "{crash:?}");
        assert_eq!(crash.measured("sessions in the shadow"), Some(2.0));
        let same = judged(&run((0..20).map(|_| (0.001, 0.001)), 60), 20).unwrap();
        assert_eq!(same.measured("probability of being better than the incumbent"), Some(0.0));
        assert!(!same.passed());
    }
}
