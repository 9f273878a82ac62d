//! A judgement, where it comes from and what it may lead to.
//!
//! Whoever judges, the same two rules follow: an action must be one that was offered for the stock, and a BUY or SELL
//! that is not sure enough becomes HOLD with its confidence kept (lessons.md 2).

use chrono::NaiveDate;
use domain::messages::trading::Candidate;
use domain::text::harmless;
use domain::{Action, Confidence, Decision};
use strategy::form::{Advice, Moment};
use strategy::{Features, Strategy};

use crate::reply::Unusable;

/// The name under which the local rules judge.
pub const RULES: &str = "rules";

/// What to do with one stock, how sure, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What to do.
    pub action: Action,
    /// How sure.
    pub confidence: Confidence,
    /// Why; untrusted text if a model wrote it.
    pub rationale: String,
}

impl Judgement {
    /// Nothing is known that would justify a trade: HOLD with confidence 0.
    pub fn unsure(why: impl Into<String>) -> Self {
        Self { action: Action::Hold, confidence: Confidence::ZERO, rationale: why.into() }
    }

    /// The model was asked, and not heard.
    pub fn unheard(why: &str) -> Self {
        Self::unsure(format!("the model was not heard: {why}"))
    }

    /// The same judgement as HOLD, with the reason before its own.
    #[must_use]
    pub fn held_back(self, why: &str) -> Self {
        let rationale = format!("{why}: {}", self.rationale);
        let rationale = rationale.chars().take(Decision::RATIONALE_MAX_CHARS).collect();
        Self { action: Action::Hold, rationale, ..self }
    }
}

impl From<Unusable> for Judgement {
    fn from(reason: Unusable) -> Self {
        Self::unsure(format!("the model's answer cannot be used: {reason}"))
    }
}

/// What may be decided about a candidate: holdings are sold or kept, other stocks bought or left alone, and nothing at
/// all happens while the account has not told which it is. Adding to a holding is not offered, which is how duplicate
/// purchases began elsewhere (lessons.md 1, row 10).
pub fn offered(candidate: &Candidate) -> &'static [Action] {
    let known_free = Features::from_named(&candidate.features).held() == Some(false);
    if candidate.held {
        &[Action::Sell, Action::Hold]
    } else if known_free {
        &[Action::Buy, Action::Hold]
    } else {
        &[Action::Hold]
    }
}

/// The judgement of the local rules: what the strategy says. `bought` is the session of the purchase, if that is known.
pub fn by_rules(strategy: &Strategy, candidate: &Candidate, bought: Option<NaiveDate>) -> Judgement {
    let now = Features::from_named(&candidate.features);
    let moment = Moment { now: &now, price: candidate.price.value(), past: &candidate.past, bought };
    let Advice { action, confidence, why } = strategy.judge(&moment);
    Judgement { action, confidence, rationale: why }
}

/// A BUY or SELL below the threshold becomes HOLD; confidence and rationale stay as judged.
#[must_use]
pub fn gate(judgement: Judgement, threshold: Confidence) -> Judgement {
    if judgement.confidence < threshold { Judgement { action: Action::Hold, ..judgement } } else { judgement }
}

/// The judgement as it may be recorded: offered, sure enough, and its text made harmless.
#[must_use]
pub fn settle(judgement: Judgement, offered: &[Action], threshold: Confidence) -> Judgement {
    let rationale = harmless(&judgement.rationale, Decision::RATIONALE_MAX_CHARS);
    let judgement = Judgement { rationale, ..judgement };
    let action = judgement.action;
    if offered.contains(&action) {
        return gate(judgement, threshold);
    }
    let names: Vec<_> = offered.iter().map(|offer| offer.code()).collect();
    judgement.held_back(&format!("{action} was not offered, only {}", names.join(" or ")))
}

/// The judgement as it is recorded: HOLD if a reason withholds it, and with a word on late prices.
#[must_use]
pub fn finish(judgement: Judgement, withheld: Option<&str>, delay_minutes: i64) -> Judgement {
    let judgement = match withheld {
        Some(why) => judgement.held_back(why),
        None => judgement,
    };
    let late =
        if delay_minutes > 0 { format!("[prices up to {delay_minutes} min old] ") } else { String::new() };
    let rationale = format!("{late}{}", judgement.rationale);
    Judgement { rationale: rationale.chars().take(Decision::RATIONALE_MAX_CHARS).collect(), ..judgement }
}

#[cfg(test)]
mod tests;
