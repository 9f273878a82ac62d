//! What may be approved without a person: a proposal that passed everything and lies within the limit that the operator set.
//!
//! Whatever is not known, not whole or not as it was when the proposal was judged leaves the word to a person. So does, for
//! everything that comes after it, a rollback or a person's no to what the limit had approved, until a person says yes to a proposal.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use domain::Market;
use domain::messages::evolution::{
    AutoLimit, LIMIT_WINDOW_DAYS, ProposalNumber, ProposalRecord, ProposalStatus,
};
use rust_decimal::Decimal;
use strategy::form::Strategy;

use crate::evidence::Evidence;
use crate::gauntlet::Verdict;

/// What was ready for review longer ago than this is a person's to decide, in days.
pub const WAITED_DAYS_MAX: i64 = 14;

/// What the books say beside the proposal itself, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What its market trades by from the next session on, canonical; none: the operator's settings.
    pub next: Option<String>,
    /// Proposals of all markets that a limit approved in the last [`LIMIT_WINDOW_DAYS`].
    pub approved_lately: u32,
    /// The proposal because of which the limit rests; none: it does not.
    pub rests_for: Option<ProposalNumber>,
    /// Now.
    pub at: DateTime<Utc>,
}

/// Why a person has to decide.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Outside {
    /// The limit rests.
    #[error(
        "{setting} rests since proposal {0} was taken back; it goes on when a person approves a proposal",
        setting = AutoLimit::SETTING
    )]
    Rests(ProposalNumber),
    /// It takes more than the limit says.
    #[error("a position takes {wanted} % of the equity, and the limit is {most} %")]
    TooLarge {
        /// What it takes, in percent of the equity.
        wanted: Decimal,
        /// What the limit says.
        most: Decimal,
    },
    /// The limit has approved enough.
    #[error("the limit approves {most} in {days} days, and has", days = LIMIT_WINDOW_DAYS)]
    TooMany {
        /// What the limit says.
        most: u8,
    },
    /// A gate was not passed, or nobody knows.
    #[error("{0}")]
    NotProved(&'static str),
    /// It was compared with something else than what is traded by.
    #[error("it was compared with something else than {0} trades by from the next session on")]
    OtherIncumbent(Market),
    /// It was approved before.
    #[error("its approval was taken back when {setting} came to rest", setting = AutoLimit::SETTING)]
    Withdrawn,
    /// It has waited too long.
    #[error("it waits for longer than {days} days", days = WAITED_DAYS_MAX)]
    TooOld,
}

/// A proposal that lies within a limit. Made by [`within`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Within {
    limit: AutoLimit,
    position_pct: Decimal,
    number: ProposalNumber,
}

impl Within {
    /// The limit.
    pub fn limit(&self) -> AutoLimit {
        self.limit
    }

    /// The proposal.
    pub fn number(&self) -> ProposalNumber {
        self.number
    }
}

impl fmt::Display for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit, position_pct, .. } = self;
        write!(f, "a position takes {position_pct} % of the equity, within {limit}")
    }
}

/// Whether a proposal may be approved without a person.
///
/// # Errors
/// [`Outside`]: why a person has to decide.
pub fn within(limit: AutoLimit, record: &ProposalRecord, standing: &Standing) -> Result<Within, Outside> {
    if let Some(number) = standing.rests_for {
        return Err(Outside::Rests(number));
    }
    let strategy = Strategy::from_json(&record.strategy)
        .map_err(|_| Outside::NotProved("this version cannot read the strategy"))?;
    proved(record)?;
    if record.history.iter().any(|change| change.status == ProposalStatus::Approved) {
        return Err(Outside::Withdrawn);
    }
    let waits_since = record.history.last().map_or(DateTime::<Utc>::MIN_UTC, |change| change.at);
    if standing.at.signed_duration_since(waits_since) > TimeDelta::days(WAITED_DAYS_MAX) {
        return Err(Outside::TooOld);
    }
    if standing.next.is_some() && standing.next != record.incumbent {
        return Err(Outside::OtherIncumbent(record.market));
    }
    let position_pct =
        strategy.position_pct().ok_or(Outside::NotProved("its share of the equity is not known"))?;
    if position_pct > limit.position_pct() {
        return Err(Outside::TooLarge { wanted: position_pct, most: limit.position_pct() });
    }
    if standing.approved_lately >= u32::from(limit.per_30_days()) {
        return Err(Outside::TooMany { most: limit.per_30_days() });
    }
    Ok(Within { limit, position_pct, number: record.number })
}

/// Every gate that the draft brought with it, and the shadow.
fn proved(record: &ProposalRecord) -> Result<(), Outside> {
    let evidence = Evidence::parse(&record.evidence);
    if !evidence.is_ok_and(|evidence| evidence.is_whole()) {
        return Err(Outside::NotProved("its evidence is not complete"));
    }
    let verdict = record.shadow.as_ref().and_then(|shadow| shadow.verdict.as_deref());
    let verdict = verdict.and_then(|text| serde_json::from_str::<Verdict>(text).ok());
    match verdict {
        Some(verdict) if verdict.passed() => Ok(()),
        Some(_) | None => Err(Outside::NotProved("it has passed no shadow")),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use domain::messages::evolution::{ProposalChange, ShadowPlan, ShadowRecord};
    use proptest::prelude::*;

    use super::*;
    use crate::gauntlet::{Check, Needed};

    fn limit(text: &str) -> AutoLimit {
        text.parse().unwrap()
    }

    fn now() -> DateTime<Utc> {
        "2026-11-24T07:00:00Z".parse().unwrap()
    }

    /// What a strategy is that puts so much of the equity into a position.
    fn strategy(pct: &str) -> String {
        let json = strategy::Strategy::by_default(strategy::Thresholds::default()).to_json();
        json.replace("\"fraction_pct\": 30.0", &format!("\"fraction_pct\": {pct}"))
    }

    /// A proposal that has passed everything an hour ago.
    pub(crate) fn ready(pct: &str) -> ProposalRecord {
        let [after, expires] = ["2026-10-20", "2027-01-18"].map(|day| day.parse().unwrap());
        let check = Check::new("sessions in the shadow", 20.0, Needed::AtLeast(20.0));
        let verdict = Verdict { gate: domain::messages::evolution::GateName::G4, checks: vec![check] };
        let change = ProposalChange {
            status: ProposalStatus::ReadyForReview,
            by: "the agent".into(),
            reason: "the shadow passed".into(),
            at: now() - TimeDelta::hours(1),
        };
        ProposalRecord {
            number: ProposalNumber(7),
            market: Market::Kr,
            name: "swing".into(),
            hypothesis: "it turns".into(),
            hash: "a".repeat(64).parse().unwrap(),
            strategy: strategy(pct),
            incumbent: None,
            evidence: r#"{"trials":9,"checks":[{"gate":"G1","what":"trades","measured":"120","needed":"at least 100","passed":true}],"curves":[],"notes":[]}"#.into(),
            status: ProposalStatus::ReadyForReview,
            history: vec![change],
            shadow: Some(ShadowRecord {
                plan: ShadowPlan { after, expires, seed: 1 },
                sessions: vec![],
                verdict: serde_json::to_string(&verdict).ok(),
            }),
        }
    }

    pub(crate) fn quiet() -> Standing {
        Standing { next: None, approved_lately: 0, rests_for: None, at: now() }
    }

    #[test]
    fn what_passed_everything_and_lies_within_the_limit_may_be_approved_and_says_so() {
        let found = within(limit("max_position_pct=5"), &ready("5.0"), &quiet()).unwrap();
        assert_eq!(
            found.to_string(),
            "a position takes 5 % of the equity, within max_position_pct=5,max_per_30_days=1"
        );
        let replaces = ProposalRecord { incumbent: Some("{}".into()), ..ready("5.0") };
        let standing = Standing { next: Some("{}".into()), ..quiet() };
        assert!(within(limit("max_position_pct=5"), &replaces, &standing).is_ok());
    }

    #[test]
    fn each_thing_that_is_not_as_it_should_be_leaves_the_word_to_a_person() {
        let shadow = |verdict: Option<&str>| {
            let shadow =
                ready("5.0").shadow.map(|one| ShadowRecord { verdict: verdict.map(Into::into), ..one });
            ProposalRecord { shadow, ..ready("5.0") }
        };
        let failed =
            ready("5.0").shadow.unwrap().verdict.unwrap().replace("\"measured\":20.0", "\"measured\":19.0");
        let checks = ready("5.0").evidence.replace("\"passed\":true", "\"passed\":false");
        let old = now() + TimeDelta::days(WAITED_DAYS_MAX);
        let mut withdrawn = ready("5.0");
        let ready_at = withdrawn.history[0].clone();
        withdrawn.history.insert(0, ProposalChange { status: ProposalStatus::Approved, ..ready_at });
        let other = Standing { next: Some("{}".into()), ..quiet() };
        let cases = [
            (ready("5.01"), quiet(), "takes 5.01 % of the equity, and the limit is 5 %"),
            (ready("5.0"), Standing { approved_lately: 1, ..quiet() }, "approves 1 in 30 days"),
            (ready("5.0"), Standing { rests_for: Some(ProposalNumber(3)), ..quiet() }, "since proposal 0003"),
            (ready("5.0"), other, "something else than KR trades by"),
            (ready("5.0"), Standing { at: old, ..quiet() }, "longer than 14 days"),
            (withdrawn, quiet(), "approval was taken back"),
            (ProposalRecord { history: vec![], ..ready("5.0") }, quiet(), "longer than 14 days"),
            (ProposalRecord { strategy: "{}".into(), ..ready("5.0") }, quiet(), "cannot read the strategy"),
            (ProposalRecord { evidence: "{}".into(), ..ready("5.0") }, quiet(), "evidence is not complete"),
            (ProposalRecord { evidence: checks, ..ready("5.0") }, quiet(), "evidence is not complete"),
            (ProposalRecord { shadow: None, ..ready("5.0") }, quiet(), "passed no shadow"),
            (shadow(None), quiet(), "passed no shadow"),
            (shadow(Some("{}")), quiet(), "passed no shadow"),
            (shadow(Some(&failed)), quiet(), "passed no shadow"),
        ];
        for (record, standing, words) in cases {
            let outside = within(limit("max_position_pct=5"), &record, &standing).unwrap_err();
            assert!(outside.to_string().contains(words), "{words}: {outside}");
        }
    }

    proptest! {
        #[test]
        fn nothing_within_a_limit_takes_more_than_it_says_nor_comes_more_often(
            most in 1_u32..=3_000, per_30_days in 1_u8..=4, wanted in 1_u32..=3_000, lately in 0_u32..6
        ) {
            let limit = AutoLimit::new(Decimal::new(most.into(), 2), per_30_days).unwrap();
            let record = ready(&format!("{}.{:02}", wanted / 100, wanted % 100));
            let found = within(limit, &record, &Standing { approved_lately: lately, ..quiet() });
            prop_assert_eq!(found.is_ok(), wanted <= most && lately < u32::from(per_30_days));
            let rests = Standing { rests_for: Some(ProposalNumber(1)), approved_lately: 0, ..quiet() };
            prop_assert!(within(limit, &record, &rests).is_err());
        }
    }
}
