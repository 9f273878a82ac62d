//! What is known of the language model from one round to the next, and how a person is told.

use chrono::{DateTime, Utc};
use domain::messages::consultation::SpentQuota;
use domain::messages::judging::JudgeStanding;

use crate::budget::{self, Rest};
use crate::consult::{Consulted, Resting};
use crate::judge::RULES;

/// How the model did lately. Of this only a used-up quota outlives the actor, in the books.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ModelHealth {
    /// Why it is not asked for a while.
    pub(crate) rests: Option<Resting>,
    /// While the rules judge in its place.
    rules_judge: Option<Rest>,
    /// What went wrong since it was last heard, and when.
    trouble: Option<(DateTime<Utc>, String)>,
}

impl ModelHealth {
    /// Takes over what a round that ended at `now` has found.
    pub(crate) fn learn(&mut self, consulted: Consulted, now: DateTime<Utc>) {
        match consulted {
            Consulted::Not => {}
            Consulted::Heard => *self = Self::default(),
            Consulted::Failed(why, rest) => {
                self.rules_judge = None;
                self.rests = rest.map(|rest| Resting { rest, why: why.clone() });
                self.trouble = Some((now, why));
            }
            Consulted::BudgetSpent(why) => {
                self.rules_judge = Some(Rest::new(now, budget::resets_at(now)));
                self.trouble = Some((now, why));
            }
        }
    }

    /// Takes over what the books know from an earlier life.
    pub(crate) fn remember(&mut self, SpentQuota { from, until, why }: SpentQuota) {
        self.trouble = Some((from, why.clone()));
        self.rests = Some(Resting { rest: Rest::new(from, until), why });
    }

    /// Who judges the next slot; `model` is the one that is asked, and the one that the settings name where that is another.
    pub(crate) fn standing(
        &self,
        model: Option<(String, Option<String>)>,
        now: DateTime<Utc>,
    ) -> JudgeStanding {
        let end = |rest: Rest| rest.lasts_at(now).then(|| rest.until());
        let rules_until = self.rules_judge.and_then(end);
        let rests_until = self.rests.as_ref().and_then(|resting| end(resting.rest));
        let (judge, in_place_of) = match (model, rules_until) {
            (None, _) => (RULES.to_owned(), None),
            (Some((model, _)), Some(_)) => (RULES.to_owned(), Some(model)),
            (Some((model, named)), None) => (model, named),
        };
        let (trouble_at, trouble) = self.trouble.clone().unzip();
        let until = rules_until.or(rests_until);
        JudgeStanding { judge, in_place_of, until, trouble, trouble_at, strategies: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn the_rules_stand_in_until_the_budget_returns() {
        let now = at("2026-11-24T06:00:00Z");
        let mut health = ModelHealth::default();
        health.learn(Consulted::BudgetSpent("all 20 calls of the day are used".into()), now);
        let standing = health.standing(Some(("m".into(), None)), now);
        assert_eq!((standing.judge.as_str(), standing.in_place_of.as_deref()), ("rules", Some("m")));
        assert_eq!(standing.until, Some(at("2026-11-24T08:00:00Z")));
        let later = health.standing(Some(("m".into(), None)), at("2026-11-24T08:00:00Z"));
        assert_eq!((later.judge.as_str(), later.in_place_of, later.until), ("m", None, None));
    }

    #[test]
    fn trouble_is_told_until_the_model_is_heard_again() {
        let now = at("2026-11-24T06:00:00Z");
        let until = at("2026-11-24T07:00:00Z");
        let mut health = ModelHealth::default();
        health.learn(Consulted::Failed("no such model".into(), Some(Rest::new(now, until))), now);
        let standing = health.standing(Some(("m".into(), None)), now);
        assert_eq!((standing.judge.as_str(), standing.until), ("m", Some(until)));
        assert_eq!((standing.trouble.as_deref(), standing.trouble_at), (Some("no such model"), Some(now)));
        health.learn(Consulted::Not, now);
        assert_eq!(
            health.rests.as_ref().map(|resting| resting.rest.until()),
            Some(until),
            "the rules judged in between"
        );
        health.learn(Consulted::Heard, now);
        assert_eq!(health, ModelHealth::default());
    }

    #[test]
    fn a_model_that_stands_in_for_another_is_told_as_such() {
        let standing =
            ModelHealth::default().standing(Some(("n".into(), Some("m".into()))), at("2026-11-24T06:00:00Z"));
        assert_eq!((standing.judge.as_str(), standing.in_place_of.as_deref()), ("n", Some("m")));
    }

    #[test]
    fn without_a_model_the_rules_judge_for_themselves() {
        let standing = ModelHealth::default().standing(None, at("2026-11-24T06:00:00Z"));
        assert_eq!((standing.judge.as_str(), standing.in_place_of, standing.trouble), ("rules", None, None));
    }
}
