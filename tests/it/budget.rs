//! What a scan and a decision cost in requests, counted at the door of the simulated exchange while the whole agent trades
//! in virtual time. The original needs 32 requests for a Korean scan, 2 for a HOLD and 4 to 6 for a BUY (lessons.md 9).
//!
//! What a scan itself asks are rankings, and quotes that no decision came of; a HOLD costs the quote of its stock at most, a BUY
//! its quote and its order book. Apart from them the account is read once a minute and its reading is shared by the scan, RiskGuard
//! and the Broker; what an order needs after it was sent stands in columns of its own.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::messages::ledger::SummaryQuery;

use crate::whole::{ASK_WITHIN, Agent, config, in_virtual_time};

/// The first minutes of a session meet every stock for the first time.
const COLD: TimeDelta = TimeDelta::minutes(3);
const STEADY: TimeDelta = TimeDelta::minutes(15);

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Ranking,
    Quote,
    /// The best prices, before a purchase.
    Book,
    Bars,
    /// Holdings and worth; one a reading.
    Balance,
    /// Orderable cash, and what else belongs to a reading of the account.
    Cash,
    /// The list of orders.
    Orders,
    Order,
    /// Tokens, and what else an order needs after it was sent.
    Other,
}

impl Kind {
    fn of(path: &str) -> Self {
        let ends = |names: &[&str]| names.iter().any(|name| path.ends_with(name));
        if path.contains("/ranking/") || ends(&["/volume-rank", "/inquire-search"]) {
            Self::Ranking
        } else if ends(&["/inquire-price", "/price-detail", "/quotations/price"]) {
            Self::Quote
        } else if path.contains("/inquire-asking-price") {
            Self::Book
        } else if ends(&["/inquire-daily-itemchartprice", "/dailyprice"]) {
            Self::Bars
        } else if ends(&["/inquire-balance"]) {
            Self::Balance
        } else if ends(&["/inquire-psbl-order", "/inquire-psamount"]) {
            Self::Cash
        } else if ends(&["/inquire-daily-ccld", "/inquire-ccnl", "/inquire-nccs", "/inquire-psbl-rvsecncl"]) {
            Self::Orders
        } else if ends(&["/order-cash", "/trading/order"]) {
            Self::Order
        } else {
            Self::Other
        }
    }
}

/// What one run has counted between two moments.
struct Count {
    requests: BTreeMap<Kind, u32>,
    minutes: u32,
    decisions: u32,
    buys: u32,
    /// Executions booked: after each the account is another one.
    fills: u32,
}

impl Count {
    fn of(&self, kind: Kind) -> u32 {
        self.requests.get(&kind).copied().unwrap_or(0)
    }

    fn scans(&self) -> u32 {
        self.of(Kind::Ranking) / 2
    }

    /// Quotes beyond the one that a decision may cost.
    fn spare(&self) -> u32 {
        self.of(Kind::Quote).saturating_sub(self.decisions)
    }

    fn line(&self, name: &str) -> String {
        let numbers = [self.scans(), self.decisions, self.buys, self.fills]
            .into_iter()
            .chain(KINDS.map(|(kind, _)| self.of(kind)));
        numbers.fold(format!("{name:<24}"), |line, number| format!("{line}{number:>10}"))
    }

    fn head() -> String {
        let names = ["scans", "decisions", "buys", "fills"].into_iter().chain(KINDS.map(|(_, name)| name));
        names.fold(format!("{:<24}", "run"), |line, name| format!("{line}{name:>10}"))
    }
}

const KINDS: [(Kind, &str); 9] = [
    (Kind::Ranking, "ranking"),
    (Kind::Quote, "quote"),
    (Kind::Book, "book"),
    (Kind::Bars, "bars"),
    (Kind::Balance, "balance"),
    (Kind::Cash, "cash"),
    (Kind::Orders, "orders"),
    (Kind::Order, "order"),
    (Kind::Other, "other"),
];

/// Lets `time` pass and counts.
async fn counted(agent: &Agent<'_>, time: TimeDelta) -> (Count, Vec<String>) {
    let summary =
        || async { agent.house.doors.summary.ask(SummaryQuery, ASK_WITHIN).await.unwrap().unwrap() };
    let before = summary().await;
    agent.door.asked();
    agent.sleep(time).await;
    let (after, asked) = (summary().await, agent.door.asked());
    let mut requests = BTreeMap::new();
    for uri in &asked {
        let path = uri.split('?').next().unwrap_or_default();
        *requests.entry(Kind::of(path)).or_default() += 1;
    }
    let decisions = u32::try_from(after.decisions - before.decisions).unwrap();
    let holds = u32::try_from(after.holds - before.holds).unwrap();
    let minutes = u32::try_from(time.num_minutes()).unwrap();
    let fills = u32::try_from(after.fills - before.fills).unwrap();
    (Count { requests, minutes, decisions, buys: decisions - holds, fills }, asked)
}

/// The first minutes of a session, and a quarter of an hour after them.
fn run(market: &str, start: &str, buys: bool) -> [Count; 2] {
    in_virtual_time(&config(market, &[]), start, buys, async |agent| {
        let (cold, mut asked) = counted(agent, COLD).await;
        let (steady, later) = counted(agent, STEADY).await;
        asked.extend(later);
        // Once a session: two answers of a hundred bars for the scan, and three for the exits of what was bought, which reach
        // further back.
        let (bars, most) = (bars_per_stock(&asked), if buys { 5 } else { 2 });
        assert!(bars.values().all(|count| *count <= most), "{market}: {bars:?}");
        [cold, steady]
    })
}

fn bars_per_stock(asked: &[String]) -> BTreeMap<String, u32> {
    let symbol = |uri: &str| {
        let mut parameters = uri.split(['?', '&']).filter_map(|pair| pair.split_once('='));
        let named = parameters.find(|(name, _)| ["FID_INPUT_ISCD", "SYMB"].contains(name));
        named.map(|(_, value)| value.to_owned())
    };
    let mut stocks = BTreeMap::new();
    for uri in asked.iter().filter(|uri| Kind::of(uri.split('?').next().unwrap_or_default()) == Kind::Bars) {
        *stocks.entry(symbol(uri).unwrap()).or_default() += 1;
    }
    stocks
}

#[test]
fn a_scan_costs_at_most_three_requests_a_hold_one_and_a_buy_two() {
    println!("the original, counted by others: 32 for a Korean scan, 2 for a HOLD, 4 to 6 for a BUY");
    println!("{}", Count::head());
    for (market, start) in [("KR", "2026-06-01T00:20:00Z"), ("US_NASDAQ", "2026-06-01T14:00:00Z")] {
        for buys in [false, true] {
            let wish = if buys { "buys" } else { "holds" };
            let [cold, steady] = run(market, start, buys);
            println!("{}", cold.line(&format!("{market}, {wish}, first")));
            println!("{}", steady.line(&format!("{market}, {wish}, then")));
            assert!(steady.scans() >= 10 && steady.decisions >= 30, "{market} {wish}: too little happened");
            // Rankings, and quotes that no decision came of.
            let of_scans = steady.of(Kind::Ranking) + steady.spare();
            assert!(of_scans <= 3 * steady.scans(), "{market} {wish}: {of_scans} for scans");
            // The account is read every three quarters of a minute whatever is scanned, and again when an order moved.
            let readings = steady.of(Kind::Balance);
            let bound = steady.minutes * 4 / 3 + 1 + 2 * steady.of(Kind::Order) + steady.fills;
            assert!(readings <= bound, "{market} {wish}: the account was read {readings} times");
            for count in [&cold, &steady] {
                let orders = count.of(Kind::Order);
                assert!(orders <= count.buys, "{market} {wish}: {orders} orders");
                // At most one for a HOLD and two for a BUY; one that was held back by its order book is a HOLD.
                let of_decisions = count.of(Kind::Quote) - count.spare() + count.of(Kind::Book);
                let most = count.decisions + count.buys;
                assert!(
                    of_decisions <= most,
                    "{market} {wish}: {of_decisions} for decisions, more than {most}"
                );
            }
            let bought = cold.of(Kind::Order) + steady.of(Kind::Order);
            assert_eq!(bought > 0, buys, "{market} {wish}: {bought} orders");
        }
    }
}
