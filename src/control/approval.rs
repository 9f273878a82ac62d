//! Approvals without a person, as people are shown them.

use std::fmt;

use domain::messages::evolution::{AutoLimit, LIMIT_WINDOW_DAYS, ProposalNumber};
use domain::messages::limits::LimitsInForce;
use serde::{Deserialize, Serialize};

use crate::store::LimitInUse;

/// The limit that the operator set, and what it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoApproval {
    /// The limit.
    pub limit: AutoLimit,
    /// Proposals that it approved in the last 30 days; none while the books cannot be read.
    pub approved_lately: Option<u32>,
    /// The proposal because of which it rests; none: it does not, or nobody knows.
    pub rests_for: Option<ProposalNumber>,
}

impl AutoApproval {
    /// Of a limit with what the books say of it.
    pub fn new(limit: AutoLimit, used: Option<LimitInUse>) -> Self {
        let approved_lately = used.map(|used| used.approved_lately);
        Self { limit, approved_lately, rests_for: used.and_then(|used| used.rests_for) }
    }
}

impl fmt::Display for AutoApproval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit, approved_lately, rests_for } = self;
        write!(f, "proposals are approved without a person within {limit}; ")?;
        match approved_lately {
            Some(lately) => {
                write!(f, "{lately} of {} in {LIMIT_WINDOW_DAYS} days", limit.per_30_days())?;
            }
            None => f.write_str("how many were, the books do not say")?,
        }
        match rests_for {
            Some(number) => write!(
                f,
                "; this rests since proposal {number} was taken back, until a person approves a proposal"
            ),
            None => Ok(()),
        }
    }
}

/// RiskGuard's limits, and the one within which a proposal needs no person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitsShown {
    /// Those that RiskGuard applies.
    #[serde(flatten)]
    pub limits: LimitsInForce,
    /// `EVOLUTION_AUTO_APPROVE`: the limit, or `off`; none where whoever answers does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evolution_auto_approve: Option<String>,
}

impl LimitsShown {
    /// With the setting as it is; none: nothing is approved without a person.
    pub fn new(limits: LimitsInForce, auto_approve: Option<AutoLimit>) -> Self {
        let setting = auto_approve.map_or("off".to_owned(), |limit| limit.to_string());
        Self { limits, evolution_auto_approve: Some(setting) }
    }
}

impl fmt::Display for LimitsShown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.limits.values {
            writeln!(f, "{name} = {value} ({})", name.words())?;
        }
        let times = self.limits.max_day_purchases_times;
        write!(f, "bought in a day of one currency: {times} times the equity it began with (fixed)")?;
        match &self.evolution_auto_approve {
            Some(setting) => write!(
                f,
                "\nevolution_auto_approve: {setting} (what of evolution's proposals needs no person; a setting)"
            ),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_no_person_is_said_with_what_it_did_and_that_it_rests() {
        let limit: AutoLimit = "max_position_pct=5".parse().unwrap();
        let used = LimitInUse { approved_lately: 1, rests_for: None };
        let on = AutoApproval::new(limit, Some(used));
        assert_eq!(
            on.to_string(),
            "proposals are approved without a person within max_position_pct=5,max_per_30_days=1; 1 of 1 in 30 days"
        );
        let rests = AutoApproval { rests_for: Some(ProposalNumber(3)), ..on };
        assert!(rests.to_string().contains("rests since proposal 0003 was taken back"), "{rests}");
        assert!(AutoApproval::new(limit, None).to_string().ends_with("the books do not say"));
        let wire = serde_json::to_string(&rests).unwrap();
        assert_eq!(serde_json::from_str::<AutoApproval>(&wire).unwrap(), rests);
    }
}
