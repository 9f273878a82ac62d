//! What the Scanner knows of the running sessions: bars, stocks that were looked at, candidates, verdicts told.
//!
//! Everything belongs to one session date of one market; of an earlier session nothing is used. It is lost in a restart,
//! at the price of asking again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::messages::bars::DayBar;
use domain::{Instrument, Market, Selection, Verdict};
use strategy::InForce;

/// A verdict that stays the same is told again after this, with its newer numbers.
const TOLD_AGAIN_AFTER: TimeDelta = TimeDelta::minutes(15);

/// One market's session.
#[derive(Clone, Debug, Default)]
pub(crate) struct Session {
    date: Option<NaiveDate>,
    force: Option<InForce>,
    bars: BTreeMap<Instrument, Arc<Vec<DayBar>>>,
    /// Stocks whose quote of this session told nothing against them.
    cleared: BTreeSet<Instrument>,
    /// The last candidates, best first.
    active: Vec<Instrument>,
    told: BTreeMap<Instrument, (Verdict, DateTime<Utc>)>,
}

impl Session {
    /// What the market trades by in it, if the books have told.
    pub(crate) fn force(&self) -> Option<&InForce> {
        self.force.as_ref()
    }

    pub(crate) fn keep_force(&mut self, force: InForce) {
        self.force = Some(force);
    }

    /// The days before the session, if they were fetched in it.
    pub(crate) fn bars(&self, instrument: &Instrument) -> Option<Arc<Vec<DayBar>>> {
        self.bars.get(instrument).cloned()
    }

    pub(crate) fn keep_bars(&mut self, instrument: &Instrument, bars: Vec<DayBar>) -> Arc<Vec<DayBar>> {
        let bars = Arc::new(bars);
        self.bars.insert(instrument.clone(), bars.clone());
        bars
    }

    /// Whether a quote of this session has told that nothing restricts the stock.
    pub(crate) fn is_cleared(&self, instrument: &Instrument) -> bool {
        self.cleared.contains(instrument)
    }

    pub(crate) fn clear(&mut self, instrument: &Instrument) {
        self.cleared.insert(instrument.clone());
    }

    /// The candidates of the last scan of this session.
    pub(crate) fn active(&self) -> &[Instrument] {
        &self.active
    }

    /// Those whose verdict is new, or was told long ago; from now on they are told.
    fn news(&mut self, selections: Vec<Selection>, now: DateTime<Utc>) -> Vec<Selection> {
        let told = &mut self.told;
        let is_news = |selection: &Selection| match told.get(&selection.instrument) {
            // What was told by a clock that ran ahead is told again.
            Some((verdict, at)) => {
                *verdict != selection.verdict || !(TimeDelta::zero()..TOLD_AGAIN_AFTER).contains(&(now - *at))
            }
            None => true,
        };
        let news: Vec<_> = selections.into_iter().filter(is_news).collect();
        told.extend(news.iter().map(|one| (one.instrument.clone(), (one.verdict, now))));
        news
    }

    /// Takes over what another scan of the same session has learned.
    fn merge(&mut self, other: Self) {
        self.force = self.force.take().or(other.force);
        self.bars.extend(other.bars);
        self.cleared.extend(other.cleared);
    }
}

/// Every market's session.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    sessions: BTreeMap<Market, Session>,
}

impl Memory {
    /// What a scan of `market` on `date` may use; an earlier session is forgotten.
    pub(crate) fn of(&mut self, market: Market, date: NaiveDate) -> Session {
        self.session(market, date).clone()
    }

    /// Keeps what a scan has learned.
    pub(crate) fn learn(&mut self, market: Market, date: NaiveDate, learned: Session) {
        self.session(market, date).merge(learned);
    }

    /// Remembers the candidates of a scan.
    pub(crate) fn set_active(&mut self, market: Market, date: NaiveDate, active: Vec<Instrument>) {
        self.session(market, date).active = active;
    }

    /// The selections of a scan that are worth telling.
    pub(crate) fn news(
        &mut self,
        market: Market,
        date: NaiveDate,
        selections: Vec<Selection>,
        now: DateTime<Utc>,
    ) -> Vec<Selection> {
        self.session(market, date).news(selections, now)
    }

    fn session(&mut self, market: Market, date: NaiveDate) -> &mut Session {
        let session = self.sessions.entry(market).or_default();
        if session.date != Some(date) {
            *session = Session { date: Some(date), ..Session::default() };
        }
        session
    }
}

#[cfg(test)]
mod tests {
    use domain::{Evidence, SelectionContext, SelectionGate, Signal};

    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn selection(verdict: Verdict) -> Selection {
        let context = SelectionContext {
            rsi: None,
            volume_ratio: None,
            rsi_proxy: None,
            volume_ratio_proxy: None,
            signal: Signal::Neutral,
            score: 0.into(),
        };
        let instrument = Instrument { market: Market::Kr, symbol: "000001".parse().unwrap() };
        let evidence = Evidence { context, price: None, restriction: None, wait: None, gates: Vec::new() };
        Selection { instrument, verdict, evidence }
    }

    #[test]
    fn nothing_of_an_earlier_session_is_used() {
        let mut memory = Memory::default();
        let stock = selection(Verdict::Chosen).instrument;
        let mut session = memory.of(Market::Kr, date("2026-11-24"));
        session.keep_bars(&stock, Vec::new());
        session.clear(&stock);
        memory.learn(Market::Kr, date("2026-11-24"), session);
        memory.set_active(Market::Kr, date("2026-11-24"), vec![stock.clone()]);
        let same = memory.of(Market::Kr, date("2026-11-24"));
        assert!(same.bars(&stock).is_some() && same.is_cleared(&stock) && same.active() == [stock.clone()]);
        for (market, day) in [(Market::Jp, "2026-11-24"), (Market::Kr, "2026-11-25")] {
            let other = memory.of(market, date(day));
            assert!(other.bars(&stock).is_none() && !other.is_cleared(&stock), "{market} {day}");
            assert!(other.active().is_empty(), "{market} {day}");
        }
    }

    #[test]
    fn a_verdict_is_told_when_it_changes_and_now_and_then() {
        let mut memory = Memory::default();
        let start: DateTime<Utc> = "2026-11-24T00:00:00Z".parse().unwrap();
        let rejected = Verdict::Rejected(SelectionGate::Rank);
        let steps = [
            (0, Verdict::Chosen, 1),
            (1, Verdict::Chosen, 0),
            (2, rejected, 1),
            (3, Verdict::Chosen, 1),
            (17, Verdict::Chosen, 0),
            (18, Verdict::Chosen, 1),
            (5, Verdict::Chosen, 1),
            (6, Verdict::Chosen, 0),
        ];
        for (minute, verdict, told) in steps {
            let now = start + TimeDelta::minutes(minute);
            let news = memory.news(Market::Kr, date("2026-11-24"), vec![selection(verdict)], now);
            assert_eq!(news.len(), told, "minute {minute}");
        }
        let next_day = memory.news(Market::Kr, date("2026-11-25"), vec![selection(Verdict::Chosen)], start);
        assert_eq!(next_day.len(), 1);
    }
}
