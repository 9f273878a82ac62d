//! What a market trades by in a session: the operator's settings, or what was approved.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use domain::Market;
use domain::messages::evolution::{ProposalNumber, StrategyVersion};
use rust_decimal::Decimal;

use crate::form::{InvalidStrategy, Strategy};

/// A strategy, and where it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// What is traded by.
    pub strategy: Arc<Strategy>,
    /// Its version and its proposal; none: the operator's settings.
    pub from: Option<(i64, ProposalNumber)>,
}

impl InForce {
    /// What the books settled, where `settings` hold while there is no proposal.
    ///
    /// # Errors
    /// [`InvalidStrategy`] when it cannot be read, which the books have tried before.
    pub fn of(settled: Option<StrategyVersion>, settings: &Arc<Strategy>) -> Result<Self, InvalidStrategy> {
        let Some(StrategyVersion { version, proposal, strategy }) = settled else {
            return Ok(Self { strategy: settings.clone(), from: None });
        };
        Ok(Self { strategy: Arc::new(Strategy::from_json(&strategy)?), from: Some((version, proposal)) })
    }

    /// The version, for the record.
    pub fn version(&self) -> Option<i64> {
        self.from.map(|(version, _)| version)
    }

    /// The most that a purchase by it may be, in percent of the equity. The operator's settings size for themselves.
    pub fn most_pct(&self) -> Option<Decimal> {
        self.from.and(self.strategy.position_pct())
    }
}

/// What the markets trade by, each in its newest session that somebody has asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forces {
    of: BTreeMap<Market, (NaiveDate, InForce)>,
}

impl Forces {
    /// What `market` trades by in that session, if it is known.
    pub fn get(&self, market: Market, session_date: NaiveDate) -> Option<&InForce> {
        self.of.get(&market).filter(|(date, _)| *date == session_date).map(|(_, force)| force)
    }

    /// Remembers what the books settled.
    pub fn learn(&mut self, market: Market, session_date: NaiveDate, force: InForce) {
        self.of.insert(market, (session_date, force));
    }

    /// Everything that is known, by market.
    pub fn all(&self) -> impl Iterator<Item = (Market, NaiveDate, &InForce)> {
        self.of.iter().map(|(market, (date, force))| (*market, *date, force))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::Thresholds;

    #[test]
    fn a_session_trades_by_what_was_settled_for_it_and_by_nothing_of_another_one() {
        let settings = Arc::new(Strategy::by_default(Thresholds::default()));
        let other = settings
            .to_json()
            .replace("\"default\"", "\"s-7\"")
            .replace("\"fraction_pct\": 30.0", "\"fraction_pct\": 5.0");
        let version = |strategy| StrategyVersion { version: 3, proposal: ProposalNumber(7), strategy };
        let force = InForce::of(Some(version(other)), &settings).unwrap();
        assert_eq!(
            (force.strategy.id(), force.version(), force.most_pct()),
            ("s-7", Some(3), Some(5.into()))
        );
        let usual = InForce::of(None, &settings).unwrap();
        assert_eq!((usual.strategy.id(), usual.version(), usual.most_pct()), ("default", None, None));
        assert!(InForce::of(Some(version("{}".into())), &settings).is_err());
        let date = |text: &str| text.parse::<NaiveDate>().unwrap();
        let mut forces = Forces::default();
        forces.learn(Market::Kr, date("2026-11-24"), force.clone());
        assert_eq!(forces.get(Market::Kr, date("2026-11-24")), Some(&force));
        assert_eq!(forces.get(Market::Kr, date("2026-11-25")), None);
        assert_eq!(forces.get(Market::Jp, date("2026-11-24")), None);
        assert_eq!(forces.all().count(), 1);
    }
}
