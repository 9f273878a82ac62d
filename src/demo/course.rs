//! What time it is in the demo: where it begins, how fast it runs, and which hours it leaves out.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::Market;
use market_clock::Calendar;

use crate::cli::DemoArgs;
use crate::clock::Jump;

/// The markets of the demo that was not asked for others.
const MARKETS: [Market; 2] = [Market::Kr, Market::UsNasdaq];
/// A Monday on which all ten markets trade; the demo begins at the first open from here on.
const CALENDAR_START: &str = "2026-06-01T00:00:00Z";
/// How fast the demo runs that was not asked for another speed.
const SPEED: u32 = 60;
const SPEED_MAX: u32 = 600;
/// After all markets have closed the clock runs on for so long, so that the day is closed; then it jumps.
const AFTER_CLOSE: TimeDelta = TimeDelta::minutes(20);
/// What a market is shown of, from its open on, when several are to be seen in a short time.
const EXCERPT: TimeDelta = TimeDelta::minutes(30);

/// A demo of markets that were asked for goes on until each has traded, at most so many times as long as was asked for.
const PATIENCE: u32 = 3;

/// The demo's time.
#[derive(Clone, Debug)]
pub(super) struct Course {
    /// The markets, each once.
    pub(super) markets: Vec<Market>,
    /// The first open.
    pub(super) start: DateTime<Utc>,
    /// How many times as fast as real time.
    pub(super) speed: u32,
    /// From each open so long is shown, and nothing else; none: whole sessions.
    excerpt: Option<TimeDelta>,
    /// The markets on which an order was filled. The clock reads it: a market that has not traded yet is shown for longer.
    traded: Arc<Mutex<BTreeSet<Market>>>,
}

impl Course {
    /// What `args` asks for. Markets that are asked for are all reached within the time that is asked for: the first half hour after
    /// each open is shown, at the speed that this takes. One on which nothing was filled by then is shown on.
    ///
    /// # Errors
    /// In words: no market ever opens.
    pub(super) fn plan(args: &DemoArgs) -> Result<Self, String> {
        let mut markets = Vec::new();
        for market in if args.markets.0.is_empty() { &MARKETS[..] } else { &args.markets.0 } {
            if !markets.contains(market) {
                markets.push(*market);
            }
        }
        let from: DateTime<Utc> =
            CALENDAR_START.parse().map_err(|error| format!("{CALENDAR_START}: {error}"))?;
        let start = market_clock::next_open_any(&markets, from).ok_or("no market ever opens")?;
        let excerpt = (!args.markets.0.is_empty()).then_some(EXCERPT);
        let mut course = Self { markets, start, speed: SPEED, excerpt, traded: Arc::default() };
        course.speed = args.speed.unwrap_or_else(|| course.speed_for(args.seconds));
        Ok(course)
    }

    /// The speed at which the excerpts of one day take `seconds`.
    fn speed_for(&self, seconds: u64) -> u32 {
        if self.excerpt.is_none() {
            return SPEED;
        }
        let (mut at, mut shown) = (self.start, 0_i64);
        while at < self.start + TimeDelta::days(1) {
            if self.markets.iter().any(|market| self.is_excerpt(*market, at)) {
                shown += 1;
            }
            at += TimeDelta::minutes(1);
        }
        let speed = u64::try_from(shown * 60).unwrap_or(0).div_ceil(seconds.max(1));
        u32::try_from(speed).unwrap_or(SPEED_MAX).clamp(SPEED, SPEED_MAX)
    }

    /// True within the excerpt of `market`.
    fn is_excerpt(&self, market: Market, at: DateTime<Utc>) -> bool {
        let excerpt = self.excerpt.unwrap_or(AFTER_CLOSE);
        let begun = Calendar::official().last_begun(market, at);
        begun.is_some_and(|session| (session.open..session.open + excerpt).contains(&at))
    }

    /// True when a market is to be seen: in its excerpt, and while it is open and has not traded yet.
    fn is_shown(&self, at: DateTime<Utc>) -> bool {
        let waiting = self.waiting();
        let is_awaited = |market: &Market| Calendar::official().is_open(*market, at) == Some(true);
        self.of_interest(at, &waiting).iter().any(|market| self.is_excerpt(*market, at))
            || waiting.iter().any(is_awaited)
    }

    /// The markets that are asked for and have not traded.
    fn waiting(&self) -> Vec<Market> {
        let traded = self.traded.lock().unwrap_or_else(PoisonError::into_inner);
        self.markets.iter().filter(|market| !traded.contains(market)).copied().collect()
    }

    /// On the first day every market; later those that have not traded, as long as there are any.
    fn of_interest(&self, at: DateTime<Utc>, waiting: &[Market]) -> Vec<Market> {
        let is_first_day = at < self.start + TimeDelta::days(1);
        if is_first_day || waiting.is_empty() { self.markets.clone() } else { waiting.to_vec() }
    }

    /// Notes that an order was filled on `market`.
    pub(super) fn has_traded(&self, market: Market) {
        self.traded.lock().unwrap_or_else(PoisonError::into_inner).insert(market);
    }

    /// True when the demo, asked to take `asked`, is over after `elapsed`: markets that were asked for are waited for.
    pub(super) fn is_over(&self, elapsed: Duration, asked: Duration) -> bool {
        let is_awaited = self.excerpt.is_some() && !self.waiting().is_empty();
        elapsed >= if is_awaited { asked * PATIENCE } else { asked }
    }

    /// In words, what is left out.
    pub(super) fn skips(&self) -> &'static str {
        if self.excerpt.is_some() {
            "The first half hour after each open is shown, and more where nothing was traded by then."
        } else {
            "Hours when every market is closed are skipped."
        }
    }

    /// What the clock leaves out: hours in which every market has been closed long enough for its day to be closed in the
    /// books; with excerpts, all but those.
    pub(super) fn jump(&self) -> Jump {
        let course = self.clone();
        Arc::new(
            move |now| {
                if course.excerpt.is_some() { course.next_excerpt(now) } else { course.next_open(now) }
            },
        )
    }

    fn next_excerpt(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.is_shown(now) {
            return None;
        }
        let markets = self.of_interest(now, &self.waiting());
        markets.iter().filter_map(|market| Calendar::official().next_session_open(*market, now)).min()
    }

    fn next_open(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let shortly_before = market_clock::next_open_any(&self.markets, now - AFTER_CLOSE)?;
        if shortly_before <= now { None } else { market_clock::next_open_any(&self.markets, now) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::MarketList;

    fn plan(markets: &[Market], seconds: u64) -> Course {
        Course::plan(&DemoArgs { markets: MarketList(markets.to_vec()), seconds, ..DemoArgs::default() })
            .unwrap()
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn without_a_wish_two_markets_trade_whole_sessions_at_sixty_times() {
        let course = plan(&[], 60);
        assert_eq!((course.markets.len(), course.speed), (2, 60));
        let jump = course.jump();
        assert_eq!(jump(at("2026-06-01T03:00:00Z")), None);
        assert_eq!(jump(at("2026-06-01T06:45:00Z")), None);
        assert_eq!(jump(at("2026-06-01T06:55:00Z")), Some(at("2026-06-01T13:30:00Z")));
    }

    #[test]
    fn all_ten_markets_are_seen_from_their_opens_on_within_the_time_asked_for() {
        let course = plan(&Market::ALL, 60);
        assert_eq!(course.start, at("2026-06-01T00:00:00Z"));
        Market::ALL.into_iter().for_each(|market| course.has_traded(market));
        let jump = course.jump();
        let mut now = course.start;
        let (mut seen, mut minutes) = (Vec::new(), 0);
        while now < course.start + TimeDelta::days(1) {
            now = jump(now).unwrap_or(now);
            let calendar = Calendar::official();
            let open = course.markets.iter().filter(|market| calendar.is_open(**market, now) == Some(true));
            for market in open {
                if !seen.contains(market) {
                    seen.push(*market);
                }
            }
            now += TimeDelta::minutes(1);
            minutes += 1;
        }
        assert_eq!(seen.len(), 10, "{seen:?}");
        assert!(minutes <= i64::from(course.speed) + 1, "{minutes} minutes at {}", course.speed);
    }

    #[test]
    fn a_market_that_has_not_traded_is_shown_on_until_it_has() {
        let course = plan(&[Market::Jp, Market::UsNasdaq], 60);
        let (jump, midday) = (course.jump(), at("2026-06-01T01:30:00Z"));
        assert_eq!(jump(midday), None, "Tokyo is open and has not traded");
        course.has_traded(Market::Jp);
        assert_eq!(jump(midday), Some(at("2026-06-01T13:30:00Z")), "New York has not been seen");
    }

    #[test]
    fn the_second_day_shows_only_markets_that_have_not_traded() {
        let course = plan(&[Market::Jp, Market::UsNasdaq], 60);
        let next_morning = at("2026-06-02T00:01:00Z");
        course.has_traded(Market::Jp);
        assert_eq!(course.jump()(next_morning), Some(at("2026-06-02T13:30:00Z")));
        course.has_traded(Market::UsNasdaq);
        assert_eq!(
            course.jump()(next_morning),
            None,
            "nobody is waited for, so the day is shown as the first"
        );
    }

    #[test]
    fn the_demo_of_chosen_markets_waits_for_each_but_not_for_ever() {
        let (asked, chosen) = (Duration::from_secs(60), plan(&[Market::Jp], 60));
        assert!(!chosen.is_over(asked, asked) && chosen.is_over(asked * PATIENCE, asked));
        chosen.has_traded(Market::Jp);
        assert!(chosen.is_over(asked, asked));
        assert!(plan(&[], 60).is_over(asked, asked), "nobody asked for a market");
    }

    #[test]
    fn a_market_named_twice_counts_once() {
        assert_eq!(plan(&[Market::Jp, Market::Jp], 60).markets, [Market::Jp]);
    }
}
