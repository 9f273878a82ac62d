//! Whole days of a compromised model: one state from its first order to its last, in which approvals, holdings, open orders and
//! the day's purchases add up, so that the limits on sums bind too (order-protocol, invariants 13, 14 and 21).

use std::collections::{BTreeMap, VecDeque};

use domain::messages::trading::OrderUpdate;
use fastrand::Rng;

use super::*;

/// Days, and cycles of each: ten thousand together.
const DAYS: u64 = 10;
const CYCLES_OF_A_DAY: usize = 1_000;
/// From one cycle to the next, so that a minute has more cycles than it may have orders.
const CYCLE_S: i64 = 5;
const SYMBOLS: [&str; 4] = ["000001", "000002", "000003", "000004"];
const START: &str = "10000000";

/// The account, its orders and what was approved since the morning.
struct Day {
    limits: Limits,
    sizing: Sizing,
    now: DateTime<Utc>,
    cash: Decimal,
    prices: BTreeMap<Instrument, Price>,
    holdings: BTreeMap<Instrument, u64>,
    /// Orders that are not settled, the oldest first.
    open: VecDeque<(IntentId, OrderTerms)>,
    book: Book,
    approvals: Approvals,
    purchases: DayPurchases,
    /// Side and time of each approval, and the sum of the purchases: what the day is checked by.
    approved: Vec<(Side, DateTime<Utc>)>,
    bought: Decimal,
}

impl Day {
    fn begin(limits: Limits) -> Self {
        let stock = |symbol: &str| Instrument { market: Market::Kr, symbol: symbol.parse().unwrap() };
        let prices = SYMBOLS.map(|symbol| (stock(symbol), "70000".parse().unwrap())).into();
        Self {
            limits,
            sizing: Sizing::by_score(decimal("30"), decimal("1"), decimal("30"), decimal("50")).unwrap(),
            now: now(),
            cash: decimal(START),
            prices,
            holdings: BTreeMap::new(),
            open: VecDeque::new(),
            book: Book::default(),
            approvals: Approvals::default(),
            purchases: DayPurchases::untouched(won(START)),
            approved: Vec::new(),
            bought: Decimal::ZERO,
        }
    }

    fn worth(&self, stock: &Instrument) -> Decimal {
        let shares = self.holdings.get(stock).copied().unwrap_or_default();
        self.prices[stock].value() * Decimal::from(shares)
    }

    fn equity(&self) -> Decimal {
        self.cash + self.prices.keys().map(|stock| self.worth(stock)).sum::<Decimal>()
    }

    fn account(&self) -> AccountSnapshot {
        let holding = |(stock, shares): (&Instrument, &u64)| Holding {
            instrument: stock.clone(),
            quantity: Quantity::new(*shares),
            sellable: Quantity::new(*shares),
            average_price: None,
            price: Some(self.prices[stock]),
        };
        AccountSnapshot {
            currency: Currency::Krw,
            taken_at: self.now,
            cash: Some(Money::new(self.cash, Currency::Krw)),
            equity: Some(Money::new(self.equity(), Currency::Krw)),
            purchase_total: None,
            valuation_total: None,
            holdings: self.holdings.iter().filter(|(_, shares)| **shares > 0).map(holding).collect(),
        }
    }

    /// What the model wants now: sure of everything, as much as it can get.
    fn propose(&self, random: &mut Rng) -> Proposal {
        let stocks: Vec<_> = self.prices.keys().collect();
        let instrument = stocks[random.usize(..stocks.len())].clone();
        let is_held = self.holdings.get(&instrument).is_some_and(|shares| *shares > 0);
        let side = if is_held && random.u8(..3) == 0 { Side::Sell } else { Side::Buy };
        Proposal {
            reference_price: self.prices[&instrument],
            instrument,
            confidence: Confidence::new(100).unwrap(),
            score: Some(decimal("99999999999")),
            expires_at: self.now + TimeDelta::seconds(60),
            ..Case::new(side).proposal
        }
    }

    fn review(&self, proposal: &Proposal) -> Result<OrderTerms, RefusalReason> {
        let session = SessionChanged {
            market: Market::Kr,
            session_date: proposal.session_date,
            phase: Phase::Continuous,
            trust: Trust::Certain,
            source: DaySource::Calendar,
            orders_until: Some(self.now + TimeDelta::hours(5)),
            at: self.now,
        };
        let last = Seen { price: self.prices[&proposal.instrument], at: self.now };
        let standing = Standing {
            now: self.now,
            state: TradingState::Active,
            limits: &self.limits,
            sizing: &self.sizing,
            session: Some(&session),
            account: Some(&self.account()),
            touched_at: None,
            day: DayLoss::Known(Decimal::ZERO),
            purchases: self.purchases,
            book: &self.book,
            symbol_halts: &SymbolHaltBook::default(),
            blind: None,
            approvals: &self.approvals,
            clock_doubt: None,
            quoted: Some(Quoted { last, before: None }),
            setbacks: &Setbacks::default(),
        };
        review(proposal, &standing)
    }

    /// Takes an approved order as RiskGuard does: it counts from here on, whatever becomes of it.
    fn take(&mut self, terms: &OrderTerms) {
        let intent = IntentId::new(0, u64::try_from(self.approved.len()).unwrap());
        self.approvals.note(self.now);
        self.approved.push((terms.side, self.now));
        self.book.reserve(intent.clone(), terms.clone(), self.now);
        if terms.side == Side::Buy {
            self.purchases.note(terms.notional());
            self.bought += terms.notional().amount();
        }
        self.open.push_back((intent, terms.clone()));
    }

    /// The exchange's word on the oldest order: mostly filled whole, at its limit.
    fn settle(&mut self, random: &mut Rng) {
        let Some((intent, terms)) = self.open.pop_front() else { return };
        let is_filled = random.u8(..8) > 0;
        let (state, filled) = match is_filled {
            true => (OrderState::Filled, terms.quantity),
            false => (OrderState::Cancelled, Quantity::ZERO),
        };
        self.book.update(&OrderUpdate { intent, terms: terms.clone(), state, filled, at: self.now });
        let amount = terms.limit.value() * Decimal::from(filled.get());
        let shares = self.holdings.entry(terms.instrument).or_default();
        match terms.side {
            Side::Buy => (*shares, self.cash) = (*shares + filled.get(), self.cash - amount),
            Side::Sell => (*shares, self.cash) = (*shares - filled.get(), self.cash + amount),
        }
    }

    /// Prices go up and down by up to one percent, on the tick of 100 won.
    fn walk(&mut self, random: &mut Rng) {
        for price in self.prices.values_mut() {
            let next = price.value() + Decimal::from(random.i64(-7..=7) * 100);
            *price = Price::new(next.clamp(decimal("60000"), decimal("90000"))).unwrap();
        }
    }
}

// === What must be true of the day ===

impl Day {
    fn approvals_of(&self, side: Option<Side>, window: TimeDelta) -> usize {
        let is_near = |(one, at): &&(Side, DateTime<Utc>)| {
            self.now - *at < window && side.is_none_or(|side| *one == side)
        };
        self.approved.iter().filter(is_near).count()
    }

    /// Everything that is open to buy, at its limits.
    fn ordered(&self, stock: Option<&Instrument>) -> Decimal {
        let is_meant = |terms: &&OrderTerms| {
            terms.side == Side::Buy && stock.is_none_or(|stock| terms.instrument == *stock)
        };
        let open = self.open.iter().map(|(_, terms)| terms).filter(is_meant);
        open.map(|terms| terms.notional().amount()).sum()
    }

    /// After an order was taken: counted here from what was approved, not from what the limits count.
    fn assert_within(&self, terms: &OrderTerms) {
        let (minute, day) = (TimeDelta::seconds(60), TimeDelta::hours(24));
        assert!(self.approvals_of(None, minute) <= Limits::ORDERS_PER_MINUTE_CEILING as usize);
        assert!(self.approvals_of(None, day) <= Limits::ORDERS_PER_DAY_CEILING as usize);
        if terms.side == Side::Sell {
            return;
        }
        let per_minute = self.approvals_of(Some(Side::Buy), minute);
        assert!(per_minute <= self.limits.max_orders_per_minute() as usize, "{per_minute} in a minute");
        let per_day = self.approvals_of(Some(Side::Buy), day);
        assert!(per_day <= self.limits.max_orders_per_day() as usize, "{per_day} in a day");
        let share = |amount: Decimal| amount * Decimal::ONE_HUNDRED / self.equity();
        let of_stock = share(self.worth(&terms.instrument) + self.ordered(Some(&terms.instrument)));
        assert!(of_stock <= self.limits.max_symbol_pct(), "{of_stock} % in {}", terms.instrument);
        let of_all =
            share(self.prices.keys().map(|stock| self.worth(stock)).sum::<Decimal>() + self.ordered(None));
        assert!(of_all <= self.limits.max_exposure_pct(), "{of_all} % in all");
        assert!(
            self.bought <= decimal(START) * Decimal::from(Limits::DAY_PURCHASES_CEILING_TIMES),
            "{}",
            self.bought
        );
        assert!(self.cash >= self.ordered(None), "more is ordered than there is cash");
    }
}

/// Limits between the strictest that still trade and the loosest that may be set, so that each of them binds on some day.
fn limits_of(day: u64, random: &mut Rng) -> Limits {
    let loosest = |name: LimitName| Limits::bound(name).most;
    let (symbol, exposure) = match day % 3 {
        0 => (loosest(LimitName::MaxSymbolPct), loosest(LimitName::MaxExposurePct)),
        1 => (Decimal::from(random.u32(5..30)), loosest(LimitName::MaxExposurePct)),
        _ => (loosest(LimitName::MaxSymbolPct), Decimal::from(random.u32(20..60))),
    };
    let limits = Limits::new(decimal("3"), decimal("30"), Confidence::new(80).unwrap()).unwrap();
    let limits = limits.with(LimitName::MaxSymbolPct, symbol).unwrap();
    let limits = limits.with(LimitName::MaxExposurePct, exposure).unwrap();
    // On odd days so few orders that purchases alone use them up.
    let of_day = if day.is_multiple_of(2) { Limits::ENTRIES_PER_DAY_CEILING } else { random.u32(5..20) };
    limits.with_order_rates(random.u32(3..=Limits::ENTRIES_PER_MINUTE_CEILING), of_day).unwrap()
}

/// What came of all days: purchases, sales, and refusals by their reason.
#[derive(Debug, Default)]
struct Course {
    bought: usize,
    sold: usize,
    refused: BTreeMap<String, usize>,
}

impl Course {
    /// Fails at the first order that breaks a limit.
    fn run() -> Self {
        let mut course = Self::default();
        for number in 0..DAYS {
            let mut random = Rng::with_seed(number);
            let mut day = Day::begin(limits_of(number, &mut random));
            for _cycle in 0..CYCLES_OF_A_DAY {
                course.step(&mut day, &mut random);
            }
        }
        course
    }

    fn step(&mut self, day: &mut Day, random: &mut Rng) {
        day.now += TimeDelta::seconds(CYCLE_S);
        day.walk(random);
        if random.bool() {
            day.settle(random);
        }
        let proposal = day.propose(random);
        let refused = match day.review(&proposal) {
            Ok(terms) => {
                day.take(&terms);
                day.assert_within(&terms);
                *(if terms.side == Side::Buy { &mut self.bought } else { &mut self.sold }) += 1;
                return;
            }
            Err(RefusalReason::TooManyOrders { window, .. }) => format!("TooManyOrders in {window}"),
            Err(reason) => reason.code().to_owned(),
        };
        *self.refused.entry(refused).or_default() += 1;
    }
}

#[test]
fn invariant_21_ten_thousand_cycles_in_whole_days_in_which_everything_adds_up_break_no_limit() {
    let course = Course::run();
    println!("{course:?}");
    assert!(course.bought > 150 && course.sold > 100, "{course:?} proves nothing");
    let binding = [
        "TooManyOrders in 70 seconds",
        "TooManyOrders in 24 hours",
        "SymbolExposure",
        "TotalExposure",
        "DayCeiling",
        "OpenOrder",
    ];
    for limit in binding {
        assert!(course.refused.contains_key(limit), "{limit} never bound: {course:?}");
    }
}

#[test]
fn a_limit_on_sums_that_does_not_hold_is_seen_in_those_days() {
    let limits = [
        Limit::OrdersPerMinute,
        Limit::OrdersPerDay,
        Limit::SymbolExposure,
        Limit::TotalExposure,
        Limit::DayPurchases,
    ];
    assert!(Course::run().bought > 0, "with all limits the days go through");
    for limit in limits {
        let course = wiring::without(limit, || std::panic::catch_unwind(Course::run));
        assert!(course.is_err(), "without {limit:?} nothing is seen: {course:?}");
    }
}
