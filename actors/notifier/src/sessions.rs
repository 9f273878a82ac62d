//! Markets that open and close, as people are told.

use std::collections::BTreeMap;

use domain::Market;
use domain::messages::control::{AccountSeen, TradingStatus};
use domain::messages::schedule::{Phase, SessionChanged, Trust};

/// Where each market stood last. What is seen first is no news: the agent may have started within a session.
#[derive(Debug, Default)]
pub struct Sessions(BTreeMap<Market, bool>);

/// What there is to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Trading begins.
    Opened,
    /// Trading is over for the day.
    Closed,
}

impl Sessions {
    /// Notes a phase; says whether the market opened or closed with it.
    pub fn note(&mut self, change: &SessionChanged) -> Option<Turn> {
        let is_open = is_session(change.phase)?;
        let before = self.0.insert(change.market, is_open);
        match (before, is_open) {
            (Some(false), true) => Some(Turn::Opened),
            (Some(true), false) => Some(Turn::Closed),
            (None | Some(true), true) | (None | Some(false), false) => None,
        }
    }
}

/// Whether a session is on; none where nobody knows.
fn is_session(phase: Phase) -> Option<bool> {
    match phase {
        Phase::Continuous | Phase::Lunch | Phase::ClosingAuction => Some(true),
        Phase::PreMarket | Phase::OpeningAuction | Phase::PostClose | Phase::Closed => Some(false),
        Phase::Unknown => None,
    }
}

/// The sentence about a market that opened.
pub fn opened(change: &SessionChanged) -> String {
    let SessionChanged { market, session_date, trust, .. } = change;
    match trust {
        Trust::Certain => format!("{market} is open, session {session_date}"),
        Trust::Unproved
        | Trust::Disputed
        | Trust::SuspectedClosed
        | Trust::BrokerDown
        | Trust::Unknown { .. } => {
            format!("{market} should be open, session {session_date}, but {trust}")
        }
    }
}

/// The sentence about a market that closed, with the day's result in its currency as RiskGuard knows it: what is unknown
/// says so. The result is that of the whole account in that currency, which several markets may share.
pub fn closed(change: &SessionChanged, status: Option<&TradingStatus>) -> String {
    let SessionChanged { market, session_date, .. } = change;
    let currency = market.currency();
    let pct = status.and_then(|status| {
        let of_currency = status.day_pnl_pct.iter().find(|(one, _)| *one == currency);
        of_currency.and_then(|(_, pct)| *pct)
    });
    let result = match pct {
        Some(pct) => format!("{:+} %", pct.round_dp(2).normalize()),
        None => "unknown".to_owned(),
    };
    let account =
        status.and_then(|status| status.accounts.iter().find(|account| account.currency == currency));
    let worth = account.and_then(worth).unwrap_or_default();
    format!("{market} is closed, session {session_date}; result of the day in {currency}: {result}{worth}")
}

fn worth(account: &AccountSeen) -> Option<String> {
    let at = account.taken_at.format("%H:%M:%S UTC");
    Some(format!(", account {} at {at}", account.equity?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::messages::control::TradingState;
    use domain::messages::schedule::DaySource;
    use domain::{Currency, HaltEpoch};

    fn change(phase: Phase, trust: Trust) -> SessionChanged {
        SessionChanged {
            market: Market::Kr,
            session_date: "2026-11-26".parse().unwrap(),
            phase,
            trust,
            source: DaySource::Calendar,
            orders_until: None,
            at: "2026-11-26T00:00:00Z".parse().unwrap(),
        }
    }

    fn status(pct: Option<&str>) -> TradingStatus {
        TradingStatus {
            state: TradingState::Active,
            halts: vec![],
            symbol_halts: vec![],
            entry_blocks: vec![],
            waits: vec![],
            blind: vec![],
            sessions: vec![],
            live: vec![],
            epoch: HaltEpoch(0),
            day_pnl_pct: vec![
                (Currency::Usd, Some("9".parse().unwrap())),
                (Currency::Krw, pct.map(|pct| pct.parse().unwrap())),
            ],
            won: None,
            accounts: vec![],
        }
    }

    #[test]
    fn a_market_is_told_to_open_and_close_once_a_session_and_not_for_lunch() {
        let mut sessions = Sessions::default();
        let phases = [
            (Phase::PreMarket, None),
            (Phase::OpeningAuction, None),
            (Phase::Continuous, Some(Turn::Opened)),
            (Phase::Lunch, None),
            (Phase::Continuous, None),
            (Phase::Unknown, None),
            (Phase::ClosingAuction, None),
            (Phase::PostClose, Some(Turn::Closed)),
            (Phase::Closed, None),
        ];
        for (phase, expected) in phases {
            assert_eq!(sessions.note(&change(phase, Trust::Certain)), expected, "{phase}");
        }
    }

    #[test]
    fn an_agent_that_starts_within_a_session_tells_of_its_close_only() {
        let mut sessions = Sessions::default();
        assert_eq!(sessions.note(&change(Phase::Continuous, Trust::Certain)), None);
        assert_eq!(sessions.note(&change(Phase::Closed, Trust::Certain)), Some(Turn::Closed));
    }

    #[test]
    fn the_close_tells_the_result_in_the_markets_own_currency_and_what_is_unknown_says_so() {
        let change = change(Phase::PostClose, Trust::Certain);
        for (pct, expected) in [
            (Some("1.5249"), "result of the day in KRW: +1.52 %"),
            (Some("-3.15"), "result of the day in KRW: -3.15 %"),
            (None, "result of the day in KRW: unknown"),
        ] {
            let text = closed(&change, Some(&status(pct)));
            assert!(
                text.starts_with("KR is closed, session 2026-11-26") && text.ends_with(expected),
                "{text}"
            );
        }
        assert!(closed(&change, None).ends_with("in KRW: unknown"));
    }

    #[test]
    fn an_opening_that_nothing_proves_says_so() {
        assert_eq!(opened(&change(Phase::Continuous, Trust::Certain)), "KR is open, session 2026-11-26");
        let doubted = opened(&change(Phase::Continuous, Trust::BrokerDown));
        assert!(doubted.contains("but the broker does not answer"), "{doubted}");
    }
}
