//! Who gets the 41 registrations (KIS.md 14.1), and what each is called on the wire. Pure.

use std::collections::BTreeSet;

use broker::Wanted;
use chrono::TimeDelta;
use domain::{Instrument, Market};

use super::session::Identity;
use crate::kis::Environment;
use crate::kis::codes::Venue;

/// Registrations of one connection.
pub(super) const REGISTRATIONS_MAX: usize = 41;

/// Something that can be registered for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Topic {
    /// Notices about orders in Korea.
    DomesticNotices,
    /// Notices about orders abroad.
    ForeignNotices,
    /// Trades of a stock.
    Trades(Instrument),
    /// The order book of a Korean stock.
    Book(Instrument),
}

/// One feed: what it is called in each environment. None where a paper account does not have it.
struct Feed {
    real: &'static str,
    paper: Option<&'static str>,
}

const DOMESTIC_TRADES: Feed = Feed { real: "H0STCNT0", paper: Some("H0STCNT0") };
const DOMESTIC_BOOK: Feed = Feed { real: "H0STASP0", paper: Some("H0STASP0") };
const FOREIGN_TRADES: Feed = Feed { real: "HDFSCNT0", paper: None };
const DOMESTIC_NOTICES: Feed = Feed { real: "H0STCNI0", paper: Some("H0STCNI9") };
const FOREIGN_NOTICES: Feed = Feed { real: "H0GSCNI0", paper: Some("H0GSCNI9") };

impl Feed {
    fn tr_id(&self, environment: Environment) -> Option<&'static str> {
        match environment {
            Environment::Real => Some(self.real),
            Environment::Paper => self.paper,
        }
    }
}

impl Topic {
    /// Its TR id; none where this environment does not have it.
    pub(super) fn tr_id(&self, environment: Environment) -> Option<&'static str> {
        let feed = match self {
            Self::DomesticNotices => DOMESTIC_NOTICES,
            Self::ForeignNotices => FOREIGN_NOTICES,
            Self::Trades(stock) if stock.market.is_domestic() => DOMESTIC_TRADES,
            Self::Trades(_) => FOREIGN_TRADES,
            Self::Book(_) => DOMESTIC_BOOK,
        };
        feed.tr_id(environment)
    }

    /// Its key: the login name, the code, or exchange and symbol behind `D` for the feed that costs nothing or `R` for the
    /// live one (KIS.md 14.2). Where both are live the free one serves.
    pub(super) fn key(&self, identity: &Identity) -> Option<String> {
        match self {
            Self::DomesticNotices | Self::ForeignNotices => Some(identity.hts_id.clone().unwrap_or_default()),
            Self::Trades(stock) | Self::Book(stock) if stock.market.is_domestic() => {
                Some(stock.symbol.as_str().to_owned())
            }
            Self::Trades(stock) | Self::Book(stock) => {
                let is_late = stock.market.free_feed_delay() > TimeDelta::zero();
                let feed = if is_late && identity.live_feeds.contains(&stock.market) { 'R' } else { 'D' };
                Venue::of(stock.market).map(|venue| format!("{feed}{}{}", venue.quote.code(), stock.symbol))
            }
        }
    }
}

/// What should be registered now: notices, then the trades and books of what is held, then the trades of what is
/// watched. Where not all fit, who is registered already stays before its equals, so that nothing flickers.
pub(super) fn topics(
    wanted: &Wanted,
    environment: Environment,
    has_name: bool,
    registered: &BTreeSet<Topic>,
) -> Vec<Topic> {
    let is_awake = |stock: &&Instrument| wanted.awake.contains(&stock.market);
    let held: Vec<&Instrument> = wanted.held.iter().filter(is_awake).collect();
    let watched: Vec<&Instrument> =
        wanted.watched.iter().filter(is_awake).filter(|stock| !wanted.held.contains(stock)).collect();
    let trades =
        |stocks: &[&Instrument]| stocks.iter().map(|stock| Topic::Trades((*stock).clone())).collect();
    let books = held.iter().filter(|stock| stock.market.is_domestic());
    let groups: [Vec<Topic>; 4] = [
        if has_name { notices(wanted.awake.iter()) } else { Vec::new() },
        trades(&held),
        books.map(|stock| Topic::Book((*stock).clone())).collect(),
        trades(&watched),
    ];
    let mut chosen: Vec<Topic> = Vec::new();
    for mut group in groups {
        group.retain(|topic| topic.tr_id(environment).is_some() && !chosen.contains(topic));
        // A stable sort: among equals the order given stays.
        group.sort_by_key(|topic| !registered.contains(topic));
        chosen.extend(group);
    }
    chosen.truncate(REGISTRATIONS_MAX);
    chosen
}

fn notices<'a>(mut awake: impl Iterator<Item = &'a Market> + Clone) -> Vec<Topic> {
    let domestic = awake.clone().any(|market| market.is_domestic()).then_some(Topic::DomesticNotices);
    let foreign = awake.any(|market| !market.is_domestic()).then_some(Topic::ForeignNotices);
    domestic.into_iter().chain(foreign).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stock(market: Market, number: usize) -> Instrument {
        Instrument { market, symbol: format!("{number:06}").parse().unwrap() }
    }

    fn wanted(held: usize, watched: usize) -> Wanted {
        Wanted {
            awake: [Market::Kr].into(),
            held: (0..held).map(|number| stock(Market::Kr, number)).collect(),
            watched: (0..watched).map(|number| stock(Market::Kr, 900 - number)).collect(),
        }
    }

    fn chosen(wanted: &Wanted) -> Vec<Topic> {
        topics(wanted, Environment::Real, true, &BTreeSet::new())
    }

    fn trades(topics: &[Topic], stock: &Instrument) -> bool {
        topics.contains(&Topic::Trades(stock.clone()))
    }

    #[test]
    fn holdings_come_first_and_forty_one_is_the_end() {
        for (held, watched, expected) in [(0, 0, 1), (3, 5, 12), (10, 40, 41), (30, 40, 41), (60, 3, 41)] {
            let wanted = wanted(held, watched);
            let topics = chosen(&wanted);
            assert_eq!(topics.len(), expected, "{held} held, {watched} watched");
            assert_eq!(topics[0], Topic::DomesticNotices);
            let seen = wanted.held.iter().filter(|stock| trades(&topics, stock)).count();
            assert_eq!(seen, held.min(40), "every holding before any candidate");
            let distinct: BTreeSet<&Topic> = topics.iter().collect();
            assert_eq!(distinct.len(), topics.len());
        }
    }

    #[test]
    fn who_is_registered_stays_when_a_candidate_of_the_same_rank_comes() {
        let mut wanted = wanted(0, 40);
        let before: BTreeSet<Topic> = chosen(&wanted).into_iter().collect();
        wanted.watched.insert(0, stock(Market::Kr, 999));
        let after: BTreeSet<Topic> = topics(&wanted, Environment::Real, true, &before).into_iter().collect();
        assert_eq!(after, before);
        wanted.held.insert(stock(Market::Kr, 999));
        let held = topics(&wanted, Environment::Real, true, &before);
        assert!(trades(&held, &stock(Market::Kr, 999)), "a holding displaces a candidate");
    }

    #[test]
    fn a_paper_account_has_no_foreign_prices_but_its_own_notices() {
        let apple = Instrument { market: Market::UsNasdaq, symbol: "AAPL".parse().unwrap() };
        let wanted =
            Wanted { awake: [Market::UsNasdaq].into(), held: [apple.clone()].into(), watched: Vec::new() };
        let paper = topics(&wanted, Environment::Paper, true, &BTreeSet::new());
        assert_eq!(paper, [Topic::ForeignNotices]);
        assert_eq!(paper[0].tr_id(Environment::Paper), Some("H0GSCNI9"));
        assert_eq!(chosen(&wanted), [Topic::ForeignNotices, Topic::Trades(apple.clone())]);
        assert_eq!(Topic::Trades(apple).key(&identity()).as_deref(), Some("DNASAAPL"));
    }

    fn identity() -> Identity {
        Identity {
            environment: Environment::Real,
            hts_id: Some("me".into()),
            live_feeds: [Market::Jp, Market::UsNyse].into(),
            account: "1234567801".into(),
        }
    }

    #[test]
    fn a_market_whose_feed_is_live_is_registered_under_the_name_of_that_feed() {
        let cases = [
            ("JP:7203", "RTSE7203"),
            ("HK:00700", "DHKS00700"),
            // America's free feed has no delay.
            ("US_NYSE:BA", "DNYSBA"),
        ];
        for (stock, key) in cases {
            let topic = Topic::Trades(stock.parse().unwrap());
            assert_eq!(topic.key(&identity()).as_deref(), Some(key));
        }
        assert_eq!(Topic::ForeignNotices.key(&identity()).as_deref(), Some("me"));
    }

    #[test]
    fn markets_that_sleep_and_notices_without_a_login_name_are_left_out() {
        let mut wanted = wanted(2, 2);
        wanted.held.insert(Instrument { market: Market::UsNyse, symbol: "IBM".parse().unwrap() });
        let topics = topics(&wanted, Environment::Real, false, &BTreeSet::new());
        assert_eq!(topics.len(), 6, "two trades, two books, two candidates: {topics:?}");
    }
}
