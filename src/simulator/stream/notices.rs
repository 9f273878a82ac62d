//! Execution notices: what became of the account's orders since the last look, as plain texts (KIS.md 14.5, 14.6).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{Market, Side};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::simulator::orders::Order;
use crate::simulator::{State, rules, wire};

/// What a registration was told of each order that may still change, by its place in the exchange's list.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Orders before this one are finished and told.
    settled: usize,
    known: BTreeMap<usize, Progress>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Progress {
    filled: u64,
    rejected: u64,
    amount: Decimal,
}

impl Progress {
    fn of(order: &Order) -> Self {
        Self { filled: order.filled, rejected: order.rejected, amount: order.amount }
    }
}

/// What a notice says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Taken,
    Filled { quantity: u64, price: Decimal },
    Rejected,
}

impl Told {
    /// All that has happened so far counts as told.
    pub(super) fn now(state: &State) -> Self {
        let mut told = Self::default();
        let orders = &state.venue.orders;
        told.known = orders.iter().enumerate().map(|(place, order)| (place, Progress::of(order))).collect();
        told.forget(orders);
        told
    }

    /// Skips what can change no more, so that a look costs as much as there are open orders.
    fn forget(&mut self, orders: &[Order]) {
        while orders
            .get(self.settled)
            .is_some_and(|order| !order.is_open() && self.known.contains_key(&self.settled))
        {
            self.known.remove(&self.settled);
            self.settled += 1;
        }
    }

    fn news(&mut self, place: usize, order: &Order) -> Vec<Event> {
        let (before, now) = (self.known.insert(place, Progress::of(order)), Progress::of(order));
        let mut events = Vec::new();
        if before.is_none() {
            events.push(Event::Taken);
        }
        let before = before.unwrap_or_default();
        if now.filled > before.filled {
            let quantity = now.filled - before.filled;
            events.push(Event::Filled {
                quantity,
                price: (now.amount - before.amount) / Decimal::from(quantity),
            });
        }
        if now.rejected > before.rejected {
            events.push(Event::Rejected);
        }
        events
    }
}

/// The texts of what is new on the markets of one kind.
pub(super) fn notices(name: &str, is_domestic: bool, told: &mut Told, state: &State) -> Vec<String> {
    let (orders, account) = (&state.venue.orders, state.streams.account.as_str());
    let mut texts = Vec::new();
    for (place, order) in orders.iter().enumerate().skip(told.settled) {
        let events = told.news(place, order);
        if order.market().is_domestic() == is_domestic {
            let head = Head { name, account, order, at: state.venue.now() };
            texts.extend(events.into_iter().map(|event| head.text(event)));
        }
    }
    told.forget(orders);
    texts
}

struct Head<'a> {
    name: &'a str,
    account: &'a str,
    order: &'a Order,
    at: DateTime<Utc>,
}

impl Head<'_> {
    fn text(&self, event: Event) -> String {
        let fields =
            if self.order.market().is_domestic() { self.domestic(event) } else { self.foreign(event) };
        fields.join("^")
    }

    fn side(&self) -> &'static str {
        match self.order.side {
            Side::Sell => "01",
            Side::Buy => "02",
        }
    }

    /// New, or the cancellation of another order; and that one's number.
    fn errand(&self) -> (&'static str, String) {
        match self.order.original {
            Some(original) => ("2", format!("{original:010}")),
            None => ("0", String::new()),
        }
    }

    /// Quantity and price: those of the fill, or of the order.
    fn terms(&self, event: Event) -> (u64, Decimal) {
        match event {
            Event::Filled { quantity, price } => (quantity, price),
            Event::Taken | Event::Rejected => (self.order.quantity, self.order.limit().unwrap_or_default()),
        }
    }

    /// The 26 fields of KIS.md 14.5.
    fn domestic(&self, event: Event) -> Vec<String> {
        let (order, (errand, original), (quantity, price)) = (self.order, self.errand(), self.terms(event));
        let kind = if order.limit().is_some() { "00" } else { "01" };
        let whole = |price: Decimal| format!("{:0>9}", price.trunc());
        let limit = whole(order.limit().unwrap_or_default());
        let [rejected, traded, accepted] = flags(event);
        let text = str::to_owned;
        vec![
            text(self.name),
            text(self.account),
            order.number_text(),
            original,
            text(self.side()),
            text(errand),
            text(kind),
            text("0"),
            text(order.listing.symbol),
            format!("{quantity:010}"),
            whole(price),
            wire::korean_time(self.at),
            text(rejected),
            text(traded),
            text(accepted),
            text(rules::branch(Market::Kr)),
            format!("{:09}", order.quantity),
            text("홍길동"),
            text("000000000"),
            text("1"),
            text("N"),
            String::new(),
            text("10"),
            String::new(),
            text(order.listing.name),
            limit,
        ]
    }

    /// The 25 fields of KIS.md 14.6: the number unpadded, the price with implied decimals.
    fn foreign(&self, event: Event) -> Vec<String> {
        let (order, (errand, original), (quantity, price)) = (self.order, self.errand(), self.terms(event));
        let implied = implied(order.market(), price);
        let (ordered, exact) = match event {
            Event::Filled { .. } => (format!("{:09}", order.quantity), format!("{implied:0>12}")),
            Event::Taken | Event::Rejected => (String::new(), String::new()),
        };
        let [rejected, traded, accepted] = flags(event);
        let text = str::to_owned;
        let mut fields = vec![
            text(self.name),
            text(self.account),
            order.number.to_string(),
            original,
            text(self.side()),
            text(errand),
            text("2"),
            text(order.listing.symbol),
            format!("{quantity:010}"),
            format!("{implied:0>9}"),
            wire::korean_time(self.at),
            text(rejected),
            text(traded),
            text(accepted),
            text(rules::branch(order.market())),
            ordered,
            text("홍길동"),
            text(order.listing.name),
            text(condition(order.market())),
            text("10"),
        ];
        fields.extend(std::iter::repeat_n(String::new(), 4));
        fields.push(exact);
        fields
    }
}

/// `RFUS_YN`, `CNTG_YN`, `ACPT_YN`.
fn flags(event: Event) -> [&'static str; 3] {
    match event {
        Event::Taken => ["0", "1", "1"],
        Event::Filled { .. } => ["0", "2", "2"],
        Event::Rejected => ["1", "1", "1"],
    }
}

/// A foreign price without its point (KIS.md 14.6).
fn implied(market: Market, price: Decimal) -> Decimal {
    let factor = match market {
        Market::UsNasdaq | Market::UsNyse | Market::UsAmex => 10_000,
        Market::Jp => 10,
        Market::Hk | Market::CnSha | Market::CnSza => 1_000,
        Market::Kr | Market::VnHan | Market::VnHcm => 1,
    };
    (price * Decimal::from(factor)).round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero)
}

/// `ODER_COND` (KIS.md 14.6): the exchange.
fn condition(market: Market) -> &'static str {
    match market {
        Market::UsNasdaq => "6",
        Market::UsNyse => "7",
        Market::UsAmex => "8",
        Market::CnSha => "A",
        Market::CnSza => "B",
        Market::Hk => "4",
        Market::Jp => "D",
        Market::VnHan => "E",
        Market::VnHcm => "F",
        Market::Kr => "",
    }
}
