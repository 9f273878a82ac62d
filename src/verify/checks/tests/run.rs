//! A run in which one purchase goes well, and what it is made of.

use super::*;

/// A run in which one purchase goes well: the base that each case spoils.
pub(super) struct Run {
    pub(super) facts: Vec<Fact>,
    pub(super) departures: Vec<DateTime<Utc>>,
    pub(super) venue: VenueBooks,
    pub(super) ledger: Vec<IntentRecord>,
    pub(super) unclosed: Vec<DayKey>,
    pub(super) alarms: Vec<String>,
    pub(super) own: Vec<OwnPosition>,
    pub(super) fills: Vec<BookedFill>,
    pub(super) held: Vec<HeldAtCost>,
    pub(super) seen: BTreeMap<Currency, Option<Decimal>>,
}

impl Run {
    pub(super) fn violations(&self) -> Vec<Violation> {
        check(&Evidence {
            facts: &self.facts,
            departures: &self.departures,
            venue: &self.venue,
            ledger: &self.ledger,
            unclosed: &self.unclosed,
            alarms: &self.alarms,
            own: &self.own,
            money: MoneyEvidence {
                fills: &self.fills,
                held: &self.held,
                began_with: &[Money::new(BEGAN_WITH, Currency::Krw)],
                seen: &self.seen,
            },
        })
    }

    /// Puts a fact before the one at `index`, at that one's time.
    pub(super) fn insert(&mut self, index: usize, what: What) {
        let at = self.facts[index].at;
        self.facts.insert(index, Fact { at, what });
    }
}

/// The cash before and after the one purchase.
pub(super) const BEGAN_WITH: Decimal = Decimal::from_parts(10_000_000, 0, 0, false, 0);
pub(super) const LEFT: Decimal = Decimal::from_parts(9_300_000, 0, 0, false, 0);

pub(super) const APPROVED: usize = 1;
pub(super) const SENDING: usize = 2;
pub(super) const POSTED: usize = 3;
pub(super) const FILLED: usize = 5;
pub(super) const CLOSED: usize = 6;

pub(super) fn at(second: i64) -> DateTime<Utc> {
    // A Tuesday in the Korean session.
    "2026-11-24T01:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::seconds(second)
}

/// The end of that session, in Seoul 15:30.
pub(super) fn evening() -> DateTime<Utc> {
    "2026-11-24T06:30:00Z".parse().unwrap()
}

pub(super) fn date() -> NaiveDate {
    "2026-11-24".parse().unwrap()
}

pub(super) fn day() -> DayKey {
    DayKey { market: Market::Kr, session_date: date() }
}

pub(super) fn terms() -> domain::OrderTerms {
    domain::OrderTerms {
        instrument: Instrument { market: Market::Kr, symbol: "910010".parse().unwrap() },
        side: Side::Buy,
        quantity: Quantity::new(10),
        limit: "70000".parse::<Price>().unwrap(),
    }
}

pub(super) fn approval(intent: &str) -> Approval {
    Approval {
        intent: intent.into(),
        approval: format!("a-{intent}"),
        terms: terms(),
        day: day(),
        expires_at: at(60),
        cash: Money::new(Decimal::from(10_000_000), Currency::Krw),
        account: AccountTruth { held: Quantity::ZERO, reserved: Decimal::ZERO, fees_lately: Decimal::ZERO },
        is_own_sale: false,
    }
}

pub(super) fn order(number: &str, tag: Option<&str>) -> VenueOrder {
    VenueOrder {
        id: VenueOrderId { date: date(), branch: "91252".into(), number: number.into() },
        instrument: terms().instrument,
        side: Side::Buy,
        quantity: Quantity::new(10),
        limit: Some(terms().limit),
        filled: Quantity::new(10),
        cancelled: Quantity::ZERO,
        rejected: Quantity::ZERO,
        amount: Decimal::from(700_000),
        fees: Decimal::ZERO,
        received_at: at(3),
        tag: tag.map(str::to_owned),
    }
}

pub(super) fn held(shares: u64) -> VenuePosition {
    VenuePosition {
        instrument: terms().instrument,
        quantity: Quantity::new(shares),
        cost: Decimal::from(700_000),
        price: Some(terms().limit),
    }
}

pub(super) fn own(shares: u64) -> OwnPosition {
    OwnPosition {
        instrument: terms().instrument,
        quantity: Quantity::new(shares),
        entry: None,
        since: None,
        peak: None,
    }
}

pub(super) fn fill(intent: &str, side: Side, shares: u64, amount: i64) -> BookedFill {
    BookedFill {
        intent: domain::IntentId::from_stored(intent.into()),
        instrument: terms().instrument,
        side,
        quantity: Quantity::new(shares),
        amount: amount.into(),
    }
}

pub(super) fn at_cost(shares: u64, cost: i64) -> HeldAtCost {
    HeldAtCost { instrument: terms().instrument, quantity: Quantity::new(shares), cost: cost.into() }
}

pub(super) fn record(intent: &str, number: Option<&str>, state: OrderState) -> IntentRecord {
    IntentRecord {
        id: domain::IntentId::from_stored(intent.into()),
        approval: Some(domain::ApprovalId::from_stored(format!("a-{intent}"))),
        terms: terms(),
        state,
        venue_order: number.map(|number| order(number, None).id),
        filled: if state == OrderState::Filled { Quantity::new(10) } else { Quantity::ZERO },
    }
}

pub(super) fn update(intent: &str, state: OrderState, filled: u64) -> What {
    What::Update { intent: intent.into(), state, filled: Quantity::new(filled) }
}

pub(super) fn post(intent: &str) -> What {
    What::Post { intent: Some(intent.into()), on_disk: Some(OrderState::Sending) }
}

pub(super) fn clean() -> Run {
    let facts = [
        What::Boot { epoch: 1 },
        What::Approval(approval("i")),
        What::Sending { intent: "i".into(), epoch: 1 },
        post("i"),
        update("i", OrderState::Accepted, 0),
        update("i", OrderState::Filled, 10),
        What::Close { day: day() },
    ];
    let mut facts: Vec<Fact> =
        facts.into_iter().zip(0..).map(|(what, second)| Fact { at: at(second), what }).collect();
    facts[CLOSED].at = evening();
    Run {
        facts,
        departures: (0..30).map(at).collect(),
        venue: VenueBooks {
            orders: vec![order("0000000001", Some("i"))],
            positions: vec![held(10)],
            cash: vec![Money::new(LEFT, Currency::Krw)],
            order_posts: 1,
            order_posts_refused: 0,
        },
        ledger: vec![record("i", Some("0000000001"), OrderState::Filled)],
        unclosed: Vec::new(),
        alarms: Vec::new(),
        own: vec![own(10)],
        fills: vec![fill("i", Side::Buy, 4, 280_000), fill("i", Side::Buy, 6, 420_000)],
        held: vec![at_cost(10, 700_000)],
        seen: BTreeMap::from([(Currency::Krw, Some(LEFT))]),
    }
}

pub(super) fn spoiled(spoil: impl FnOnce(&mut Run)) -> BTreeSet<u8> {
    let mut run = clean();
    spoil(&mut run);
    run.violations().into_iter().map(|violation| violation.invariant).collect()
}

/// Spoils the clean run and demands that the check of `invariant` sees it.
#[track_caller]
pub(super) fn check_finds(invariant: u8, spoil: impl FnOnce(&mut Run)) {
    let found = spoiled(spoil);
    assert!(found.contains(&invariant), "invariant {invariant} is not among {found:?}");
}
