//! Random states of the house against an oracle that says each limit in its own words: nothing that is approved breaks
//! one, and with any single limit taken out the oracle notices.
//!
//! `KESTREL_FUZZ_CASES` says how many states; the seed of a state is its number.

use std::collections::BTreeSet;

use domain::messages::ledger::DayStart;
use domain::messages::limits::{LimitName, Setback, SetbackKind};
use domain::messages::schedule::DaySource;
use domain::messages::symbols::{SymbolHalt, SymbolHaltCause};
use fastrand::Rng;

use super::super::wiring::{Limit, without};
use super::*;

/// States where `KESTREL_FUZZ_CASES` says nothing.
const CASES: u64 = 100_000;

/// Within so many states a missing limit must show.
const NOTICED_WITHIN: u64 = 200_000;

/// An order of ours that is open.
#[derive(Clone, Debug)]
struct Open {
    instrument: Instrument,
    side: Side,
    state: OrderState,
    quantity: u64,
    filled: u64,
    limit: Price,
}

impl Open {
    fn remaining(&self) -> u64 {
        self.quantity - self.filled
    }

    fn is_working(&self) -> bool {
        matches!(self.state, OrderState::Approved | OrderState::Accepted | OrderState::Partial)
    }

    fn is_unresolved(&self) -> bool {
        matches!(self.state, OrderState::Sending | OrderState::Unknown)
    }
}

/// Everything that a review looks at.
#[derive(Clone, Debug)]
struct House {
    proposal: Proposal,
    state: TradingState,
    limits: Limits,
    sizing: [i64; 4],
    phase: Option<Phase>,
    trust: Trust,
    orders_for_s: Option<i64>,
    cash: Option<i64>,
    account_age_s: i64,
    touched_ago_s: Option<i64>,
    day: DayLoss,
    day_start: Option<i64>,
    bought: i64,
    sellable: u64,
    open: Vec<Open>,
    halted: Vec<Instrument>,
    blind: Option<Instrument>,
    approved_ago_s: Vec<i64>,
    clock_off_s: Option<i64>,
    equity: Option<i64>,
    /// Of the stock that is judged; of the other one there are so many at 5000.
    held_price: Price,
    /// Neither price nor cost of it is told.
    unpriced: bool,
    others: u64,
    /// The age of the newest price that was heard, and what it is of the proposal's, in thousandths.
    quote_age_s: Option<i64>,
    quote_permille: i64,
    /// The price before it, in the same measure.
    before_permille: Option<i64>,
    refused_ago_s: Option<i64>,
    lost_ago_s: Option<i64>,
    sold: Option<(i64, Price)>,
}

fn pick<T: Clone>(random: &mut Rng, values: &[T]) -> T {
    values[random.usize(..values.len())].clone()
}

/// The stock that is judged, or another of its market.
fn stock(market: Market, number: usize) -> Instrument {
    let known = [
        (Market::UsNasdaq, ["AAPL", "MSFT"]),
        (Market::Jp, ["7203", "6758"]),
        (Market::Kr, ["005930", "000660"]),
    ];
    let (_, symbols) = known.into_iter().find(|(code, _)| *code == market).unwrap();
    Instrument { market, symbol: symbols[number].parse().unwrap() }
}

fn limits(random: &mut Rng) -> Limits {
    let loss = Decimal::new(random.i64(0..=300), 2);
    let order = Decimal::new(random.i64(500..=3_000), 2);
    let confidence = Confidence::new(random.i64(0..=100)).unwrap();
    let limits = Limits::new(loss, order, confidence).unwrap();
    let rates = limits.with_order_rates(random.u32(1..=6), random.u32(1..=300)).unwrap();
    let others = [
        (LimitName::MaxSymbolPct, random.i64(5..=50)),
        (LimitName::MaxExposurePct, random.i64(10..=100)),
        (LimitName::MaxQuoteAgeS, random.i64(30..=120)),
        (LimitName::MaxQuoteJumpPct, random.i64(1..=20)),
        (LimitName::RefusalCooldownMin, random.i64(1..=1440)),
        (LimitName::StopCooldownMin, random.i64(10..=10_080)),
        (LimitName::ReentryGuardMin, random.i64(5..=10_080)),
    ];
    others.into_iter().try_fold(rates, |limits, (name, value)| limits.with(name, value.into())).unwrap()
}

impl House {
    /// A sound state, with something wrong here and there: were all of it wrong, no limit would stand alone.
    fn random(seed: u64) -> Self {
        let random = &mut Rng::with_seed(seed);
        let market = pick(random, &[Market::Kr, Market::Kr, Market::UsNasdaq, Market::Jp]);
        let side = pick(random, &[Side::Buy, Side::Sell]);
        let limits = limits(random);
        let mut house = Self {
            proposal: Self::proposal(random, market, side, &limits),
            state: TradingState::Active,
            limits,
            sizing: Self::sizing(random),
            phase: Some(Phase::Continuous),
            trust: Trust::Certain,
            orders_for_s: Some(random.i64(1..=20_000)),
            cash: Some(random.i64(1..=1_000_000_000)),
            account_age_s: random.i64(0..=60),
            touched_ago_s: None,
            day: DayLoss::Known(Decimal::new(random.i64(-100..=500), 2)),
            day_start: Some(10_000_000_000),
            bought: 0,
            sellable: random.u64(0..=1_000),
            open: Vec::new(),
            halted: Vec::new(),
            blind: None,
            approved_ago_s: Vec::new(),
            clock_off_s: None,
            equity: Some(10_000_000_000),
            held_price: "100".parse().unwrap(),
            unpriced: false,
            others: 0,
            quote_age_s: Some(random.i64(0..=30)),
            quote_permille: 1000,
            before_permille: None,
            refused_ago_s: None,
            lost_ago_s: None,
            sold: None,
        };
        for _ in 0..random.u8(..4) {
            house.disturb(random);
        }
        house
    }

    fn proposal(random: &mut Rng, market: Market, side: Side, limits: &Limits) -> Proposal {
        let least = i64::from(limits.confidence_threshold().get());
        Proposal {
            decision_id: DecisionId::new(0, 1),
            instrument: stock(market, 0),
            side,
            confidence: Confidence::new(random.i64(least..=100)).unwrap(),
            quantity: None,
            reference_price: pick(random, &["0.9", "12.34", "999", "4995", "70000", "123456", "800000"])
                .parse()
                .unwrap(),
            rules: domain::StockRules::default(),
            score: random.bool().then(|| Decimal::new(random.i64(-100..=20_000), 2)),
            session_date: market.date_at(now()),
            expires_at: now() + TimeDelta::seconds(random.i64(1..=120)),
        }
    }

    /// Base, smallest, largest share in percent, and target score.
    fn sizing(random: &mut Rng) -> [i64; 4] {
        let (one, other) = (random.i64(1..=40), random.i64(1..=40));
        [random.i64(1..=40), one.min(other), one.max(other), random.i64(1..=100)]
    }

    fn disturb(&mut self, random: &mut Rng) {
        use Phase::{Closed, ClosingAuction, Lunch, OpeningAuction, PostClose, PreMarket, Unknown};
        match random.u8(..27) {
            0 => {
                self.state =
                    pick(random, &[TradingState::Halted, TradingState::Starting, TradingState::Reducing]);
            }
            1 => self.proposal.expires_at = now() - TimeDelta::seconds(random.i64(0..100)),
            2 => self.proposal.session_date = pick(random, &[NaiveDate::MIN, NaiveDate::MAX]),
            3 => {
                let phases = [PreMarket, OpeningAuction, Lunch, ClosingAuction, PostClose, Closed, Unknown];
                self.phase = pick(random, &phases.map(Some));
                self.trust = pick(random, &[Trust::Certain, Trust::Unknown { exits: true }]);
            }
            4 => {
                let unknown = |exits| Trust::Unknown { exits };
                let trusts = [Trust::Unproved, Trust::Disputed, Trust::SuspectedClosed, Trust::BrokerDown];
                self.trust = pick(random, &[&trusts[..], &[unknown(true), unknown(false)]].concat());
            }
            5 => self.proposal.confidence = Confidence::new(random.i64(0..=100)).unwrap(),
            6 => self.halted.push(stock(self.market(), random.usize(..2))),
            7 => self.approved_ago_s.extend((0..random.usize(..12)).map(|_| random.i64(0..120))),
            8 => self.approved_ago_s.extend((0..random.usize(..410)).map(|_| random.i64(60..100_000))),
            9 | 10 => self.open_order(random),
            11 => self.account_age_s = random.i64(0..200),
            12 => self.touched_ago_s = Some(random.i64(-5..100)),
            13 => {
                let result = Decimal::new(random.i64(-400..0), 2);
                self.day = pick(random, &[DayLoss::Unknown, DayLoss::Known(result)]);
            }
            15 => self.orders_for_s = pick(random, &[None, Some(0), Some(-60)]),
            16 => {
                let market = pick(random, &[self.market(), Market::Kr]);
                self.blind = Some(stock(market, random.usize(..2)));
            }
            14 => self.proposal.quantity = Some(Quantity::new(random.u64(..2_000))),
            17 => {
                let start = random.i64(1..100_000_000);
                self.day_start = pick(random, &[None, Some(0), Some(start)]);
                self.bought = random.i64(0..400_000_000);
            }
            18 => self.clock_off_s = Some(random.i64(-100..100)),
            19 => {
                let equity = random.i64(1..3_000_000_000);
                self.equity = pick(random, &[None, Some(0), Some(equity), Some(equity)]);
                self.others = random.u64(..100_000);
            }
            20 => self.held_price = pick(random, &["100", "5000", "90000"]).parse().unwrap(),
            21 => self.quote_age_s = random.bool().then(|| random.i64(-5..200)),
            22 => {
                self.quote_permille = random.i64(700..1300);
                self.before_permille = random.bool().then(|| random.i64(700..1300));
            }
            26 => self.unpriced = true,
            23 => self.refused_ago_s = Some(random.i64(-60..100_000)),
            24 => {
                let price = pick(random, &["1", "5000", "90000"]).parse().unwrap();
                let (ago, is_lost) = (random.i64(0..700_000), random.bool());
                self.lost_ago_s = is_lost.then_some(ago);
                self.sold = (!is_lost).then_some((ago, price));
            }
            _ => {
                self.phase = pick(random, &[None, self.phase]);
                self.cash = pick(random, &[None, Some(0), Some(-5), Some(1_000)]);
            }
        }
    }

    fn open_order(&mut self, random: &mut Rng) {
        use OrderState::{Accepted, Approved, Lapsed, Partial, Sending, Unknown};
        let state = pick(random, &[Approved, Sending, Unknown, Lapsed, Accepted, Partial]);
        let quantity = random.u64(1..=100_000);
        let filled = if state == Partial { random.u64(..quantity) } else { 0 };
        self.open.push(Open {
            instrument: stock(self.market(), random.usize(..2)),
            side: pick(random, &[Side::Buy, Side::Sell]),
            state,
            quantity,
            filled,
            limit: pick(random, &["100", "5000", "90000"]).parse().unwrap(),
        });
    }

    fn market(&self) -> Market {
        self.proposal.instrument.market
    }

    fn money(&self, amount: i64) -> Money {
        Money::new(amount.into(), self.market().currency())
    }

    fn account(&self) -> AccountSnapshot {
        let sellable = Quantity::new(self.sellable);
        let holding = Holding {
            instrument: self.proposal.instrument.clone(),
            quantity: Quantity::new(self.sellable + 500),
            sellable,
            average_price: None,
            price: (!self.unpriced).then_some(self.held_price),
        };
        let other = Holding {
            instrument: stock(self.market(), 1),
            quantity: Quantity::new(self.others),
            sellable: Quantity::new(self.others),
            average_price: Some("5000".parse().unwrap()),
            price: None,
        };
        AccountSnapshot {
            currency: self.market().currency(),
            taken_at: now() - TimeDelta::seconds(self.account_age_s),
            cash: self.cash.map(|cash| self.money(cash)),
            equity: self.equity.map(|equity| self.money(equity)),
            purchase_total: None,
            valuation_total: None,
            holdings: vec![holding, other],
        }
    }

    fn book(&self) -> Book {
        let mut book = Book::default();
        for (number, open) in (0..).zip(&self.open) {
            book.update(&domain::messages::trading::OrderUpdate {
                intent: IntentId::new(0, number),
                terms: OrderTerms {
                    instrument: open.instrument.clone(),
                    side: open.side,
                    quantity: Quantity::new(open.quantity),
                    limit: open.limit,
                },
                state: open.state,
                filled: Quantity::new(open.filled),
                at: now(),
            });
        }
        book
    }

    fn halts(&self) -> SymbolHaltBook {
        let mut halts = SymbolHaltBook::default();
        for (id, instrument) in (1..).zip(&self.halted) {
            let (cause, reason) = (SymbolHaltCause::Dispute, "twins".to_owned());
            halts.add(SymbolHalt { id, instrument: instrument.clone(), at: now(), cause, reason });
        }
        halts
    }

    /// So many thousandths of the proposal's price.
    fn price(&self, permille: i64) -> Price {
        Price::new(self.proposal.reference_price.value() * Decimal::new(permille, 3)).unwrap()
    }

    fn quoted(&self) -> Option<Quoted> {
        let at = now() - TimeDelta::seconds(self.quote_age_s?);
        let last = Seen { price: self.price(self.quote_permille), at };
        Some(Quoted { last, before: self.before_permille.map(|permille| self.price(permille)) })
    }

    fn setbacks(&self) -> Setbacks {
        let mut setbacks = Setbacks::default();
        let mut note = |ago: i64, kind| {
            let (instrument, at) = (self.proposal.instrument.clone(), now() - TimeDelta::seconds(ago));
            setbacks.note(Setback { instrument, at, kind });
        };
        if let Some(ago) = self.refused_ago_s {
            note(ago, SetbackKind::Refused { why: "NoCash".into() });
        }
        if let Some(ago) = self.lost_ago_s {
            let price = "999999999".parse().unwrap();
            note(ago, SetbackKind::Sold { price, result: Some(self.money(-1)) });
        }
        if let Some((ago, price)) = self.sold {
            note(ago, SetbackKind::Sold { price, result: Some(self.money(0)) });
        }
        setbacks
    }

    fn purchases(&self) -> DayPurchases {
        let mut purchases = DayPurchases::default();
        let bought = self.money(self.bought);
        let told = self.day_start.map(|start| DayStart {
            equity: Some(self.money(start)),
            bought,
            trips: Default::default(),
        });
        told.into_iter().for_each(|told| purchases.finish_read(told));
        purchases
    }

    fn review(&self) -> Result<OrderTerms, RefusalReason> {
        let market = self.market();
        let session = self.phase.map(|phase| SessionChanged {
            market,
            session_date: market.date_at(now()),
            phase,
            trust: self.trust,
            source: DaySource::Calendar,
            orders_until: self.orders_for_s.map(|seconds| now() + TimeDelta::seconds(seconds)),
            at: now(),
        });
        let mut approvals = Approvals::default();
        approvals.load(self.approved_ago_s.iter().map(|ago| now() - TimeDelta::seconds(*ago)).collect());
        let [base, least, most, target] = self.sizing.map(Decimal::from);
        let blind = self.blind.clone().map(|instrument| Blind { instrument, age_s: 120 });
        let standing = Standing {
            now: now(),
            state: self.state,
            limits: &self.limits,
            sizing: &Sizing::by_score(base, least, most, target).unwrap(),
            session: session.as_ref(),
            account: Some(&self.account()),
            touched_at: self.touched_ago_s.map(|ago| now() - TimeDelta::seconds(ago)),
            day: self.day,
            purchases: self.purchases(),
            book: &self.book(),
            symbol_halts: &self.halts(),
            blind: blind.as_ref(),
            approvals: &approvals,
            clock_doubt: self.clock_off_s.map(TimeDelta::seconds),
            quoted: self.quoted(),
            setbacks: &self.setbacks(),
        };
        review(&self.proposal, &standing)
    }
}

/// The oracle: what `limit` forbids, said of the state itself and of the order that came out.
impl House {
    fn breaks(&self, limit: Limit, order: &OrderTerms) -> bool {
        let buys = order.side == Side::Buy;
        let within = |seconds: i64| self.approved_ago_s.iter().filter(|ago| **ago < seconds).count();
        let most = |entries: u32, ceiling: usize| if buys { entries as usize } else { ceiling };
        match limit {
            Limit::Halted => self.state == TradingState::Halted,
            Limit::Starting => self.state == TradingState::Starting,
            Limit::Reducing => self.state == TradingState::Reducing && buys,
            Limit::Expiry => self.proposal.expires_at <= now(),
            Limit::SessionDate => self.proposal.session_date != order.instrument.market.date_at(now()),
            Limit::Trust => self.phase.is_some() && !self.is_trusted(buys),
            Limit::Phase => self.phase.is_some_and(|phase| !self.is_in_session(phase)),
            Limit::BrokerHours => {
                self.phase.is_some() && self.orders_for_s.is_none_or(|seconds| seconds <= 0)
            }
            Limit::Confidence => self.proposal.confidence < self.limits.confidence_threshold(),
            Limit::SymbolHalt => self.halted.contains(&order.instrument),
            Limit::Sight => {
                buys && self.blind.as_ref().is_some_and(|stock| stock.market == order.instrument.market)
            }
            Limit::OrdersPerMinute => within(60) >= most(self.limits.max_orders_per_minute(), 10),
            Limit::OrdersPerDay => within(86_400) >= most(self.limits.max_orders_per_day(), 400),
            Limit::OpenOrder => self.has_open(order, |open| open.is_working() && open.side == order.side),
            Limit::UnresolvedOrder => {
                self.has_open(order, |open| open.is_unresolved() && (buys || open.side == Side::Sell))
            }
            Limit::LapsedOrder => self.has_open(order, |open| {
                open.state == OrderState::Lapsed && (buys || open.side == Side::Sell)
            }),
            Limit::ExchangeClock => self.clock_off_s.is_some(),
            Limit::AccountAge => self.account_age_s > 60,
            Limit::AccountOvertaken => self.touched_ago_s.is_some_and(|ago| ago < self.account_age_s),
            Limit::DayUnknown => buys && self.day == DayLoss::Unknown,
            Limit::DayLoss => {
                let limit = -self.limits.max_loss_pct();
                buys && matches!(self.day, DayLoss::Known(result) if result < limit)
            }
            Limit::Reservation => buys && self.cost(order) > self.free_cash(),
            Limit::FatFinger => {
                buys && self.cost(order) * Decimal::ONE_HUNDRED
                    > self.limits.max_order_pct() * self.free_cash()
            }
            Limit::DayStart => buys && self.day_start.is_none(),
            Limit::DayPurchases => {
                let most = |start: i64| Decimal::from(start) * Decimal::from(5);
                let total = self.cost(order) + Decimal::from(self.bought);
                buys && self.day_start.is_some_and(|start| total > most(start))
            }
            Limit::QuoteAge => buys && self.is_quote_too_old(),
            Limit::QuoteJump => buys && self.jumps(self.before_permille, self.quote_permille),
            Limit::QuoteMismatch => buys && self.jumps(Some(self.quote_permille), 1000),
            Limit::RefusalCooldown => buys && self.waits(self.refused_ago_s, LimitName::RefusalCooldownMin),
            Limit::StopCooldown => buys && self.waits(self.lost_ago_s, LimitName::StopCooldownMin),
            Limit::Reentry => {
                let below = self.sold.filter(|(_, price)| *price < order.limit);
                buys && self.waits(below.map(|(ago, _)| ago), LimitName::ReentryGuardMin)
            }
            Limit::EquityKnown => buys && self.equity.is_none_or(|equity| equity <= 0),
            Limit::HoldingPriced => buys && self.unpriced,
            Limit::SymbolExposure => buys && self.exceeds(self.of_symbol(order), LimitName::MaxSymbolPct),
            Limit::TotalExposure => buys && self.exceeds(self.of_all(order), LimitName::MaxExposurePct),
            Limit::Sellable => {
                !buys && (order.quantity.is_zero() || order.quantity.get() > self.free_shares())
            }
            Limit::Demand => self.exceeds_demand(order),
        }
    }

    fn is_quote_too_old(&self) -> bool {
        let most = self.limits.get(LimitName::MaxQuoteAgeS);
        self.quote_age_s.is_none_or(|age| Decimal::from(age) > most)
    }

    /// More than the limit from one price, if there was one, to the other, in percent of the first.
    fn jumps(&self, from: Option<i64>, to: i64) -> bool {
        let from = from.unwrap_or(to);
        self.quote_age_s.is_some()
            && Decimal::from((to - from).abs() * 100) > self.limits.max_quote_jump_pct() * Decimal::from(from)
    }

    fn waits(&self, ago_s: Option<i64>, name: LimitName) -> bool {
        ago_s.is_some_and(|ago| Decimal::from(ago) < self.limits.get(name) * Decimal::from(60))
    }

    /// What is held and ordered of the stock, and this order.
    fn of_symbol(&self, order: &OrderTerms) -> Decimal {
        let held = Decimal::from(self.sellable + 500) * self.held_price.value();
        held + self.ordered(|open| open.instrument == order.instrument) + self.cost(order)
    }

    /// What is held and ordered of both stocks, and this order.
    fn of_all(&self, order: &OrderTerms) -> Decimal {
        let held = Decimal::from(self.sellable + 500) * self.held_price.value();
        held + Decimal::from(self.others * 5000) + self.ordered(|_| true) + self.cost(order)
    }

    fn exceeds(&self, worth: Decimal, name: LimitName) -> bool {
        let equity = Decimal::from(self.equity.unwrap_or(0));
        worth > equity * self.limits.get(name) / Decimal::ONE_HUNDRED
    }

    /// What open purchases may still cost.
    fn ordered(&self, counts: impl Fn(&Open) -> bool) -> Decimal {
        let purchases = self.open.iter().filter(|open| open.side == Side::Buy && counts(open));
        purchases.map(|open| open.limit.value() * Decimal::from(open.remaining())).sum()
    }

    fn has_open(&self, order: &OrderTerms, is_in_the_way: impl Fn(&Open) -> bool) -> bool {
        self.open.iter().any(|open| open.instrument == order.instrument && is_in_the_way(open))
    }

    fn is_trusted(&self, buys: bool) -> bool {
        match self.trust {
            Trust::Certain => true,
            Trust::Disputed | Trust::BrokerDown | Trust::Unknown { exits: true } => !buys,
            Trust::Unproved | Trust::SuspectedClosed | Trust::Unknown { exits: false } => false,
        }
    }

    fn is_in_session(&self, phase: Phase) -> bool {
        phase == Phase::Continuous
            || (phase == Phase::Unknown && self.trust == Trust::Unknown { exits: true })
    }

    fn cost(&self, order: &OrderTerms) -> Decimal {
        order.limit.value() * Decimal::from(order.quantity.get())
    }

    /// Cash less what open purchases, of any stock, may still cost.
    fn free_cash(&self) -> Decimal {
        Decimal::from(self.cash.unwrap_or(0)) - self.ordered(|_| true)
    }

    fn free_shares(&self) -> u64 {
        let mine = self.open.iter().filter(|open| open.instrument == self.proposal.instrument);
        let selling: u64 = mine.filter(|open| open.side == Side::Sell).map(Open::remaining).sum();
        self.sellable.saturating_sub(selling)
    }

    /// More than was asked for, or than sizing gives: `cash * clamp(base * target / score, least, most) / 100`.
    fn exceeds_demand(&self, order: &OrderTerms) -> bool {
        let [base, least, most, target] = self.sizing.map(Decimal::from);
        let score = self.proposal.score.unwrap_or(target).clamp(Decimal::ONE, Decimal::ONE_HUNDRED);
        let weight = (base * target).clamp(least * score, most * score);
        let too_large = match order.side {
            Side::Buy => self.cost(order) * score * Decimal::ONE_HUNDRED > self.free_cash() * weight,
            Side::Sell => order.quantity.get() > self.free_shares(),
        };
        let demanded = self.proposal.quantity;
        too_large || order.quantity.is_zero() || demanded.is_some_and(|demanded| demanded != order.quantity)
    }

    fn assert_sound(&self, order: &OrderTerms) {
        assert_eq!((&order.instrument, order.side), (&self.proposal.instrument, self.proposal.side));
        assert!(domain::TickTable::OfMarket.is_aligned(self.market(), order.limit), "{order}");
        let is_whole = order.quantity.get().is_multiple_of(self.market().standard_lot().unwrap().get());
        assert!(is_whole || self.proposal.quantity.is_some() || order.side == Side::Sell, "{order}");
    }
}

/// The limits behind a reason; none where there is nothing to take out, because the order cannot be made without what is
/// missing.
fn limits_behind(reason: &RefusalReason) -> &'static [Limit] {
    match reason {
        RefusalReason::Halted => &[Limit::Halted],
        RefusalReason::Starting => &[Limit::Starting],
        RefusalReason::Reducing => &[Limit::Reducing],
        RefusalReason::Expired { .. } => &[Limit::Expiry],
        RefusalReason::MarketClosed { .. } => {
            &[Limit::SessionDate, Limit::Trust, Limit::Phase, Limit::BrokerHours]
        }
        RefusalReason::LowConfidence { .. } => &[Limit::Confidence],
        RefusalReason::UnresolvedOrder { .. } => &[Limit::UnresolvedOrder],
        RefusalReason::SymbolClosed { .. } => &[Limit::LapsedOrder],
        RefusalReason::SymbolHalted { .. } => &[Limit::SymbolHalt],
        RefusalReason::OpenOrder { .. } => &[Limit::OpenOrder],
        RefusalReason::StaleAccount { .. } => &[Limit::AccountAge, Limit::AccountOvertaken],
        RefusalReason::Blind { .. } => &[Limit::Sight],
        RefusalReason::PnlUnknown { .. } => &[Limit::DayUnknown],
        RefusalReason::DailyLoss { .. } => &[Limit::DayLoss],
        RefusalReason::DayStartUnknown { .. } => &[Limit::DayStart],
        RefusalReason::DayCeiling { .. } => &[Limit::DayPurchases],
        RefusalReason::NoCash { .. } => &[Limit::Reservation],
        RefusalReason::FatFinger { .. } => &[Limit::FatFinger],
        RefusalReason::NothingToSell { .. } => &[Limit::Sellable],
        RefusalReason::Oversize { .. } => &[Limit::Demand],
        RefusalReason::ClockDoubt { .. } => &[Limit::ExchangeClock],
        RefusalReason::TooManyOrders { .. } => &[Limit::OrdersPerMinute, Limit::OrdersPerDay],
        RefusalReason::StaleQuote { .. } => &[Limit::QuoteAge],
        RefusalReason::QuoteJump { .. } => &[Limit::QuoteJump, Limit::QuoteMismatch],
        RefusalReason::CoolingDown { .. } => &[Limit::RefusalCooldown],
        RefusalReason::StoppedOut { .. } => &[Limit::StopCooldown],
        RefusalReason::BoughtBack { .. } => &[Limit::Reentry],
        RefusalReason::SymbolExposure { .. } => &[Limit::SymbolExposure],
        RefusalReason::TotalExposure { .. } => &[Limit::TotalExposure],
        RefusalReason::EquityUnknown { .. } => &[Limit::EquityKnown],
        RefusalReason::ExposureUnknown { .. } => &[Limit::HoldingPriced],
        RefusalReason::NoAccount { .. }
        | RefusalReason::CashUnknown { .. }
        | RefusalReason::LotUnknown { .. }
        | RefusalReason::TooSmall { .. }
        | RefusalReason::TooManyWaiting { .. }
        | RefusalReason::OffTick { .. }
        | RefusalReason::LedgerRefused(_)
        | RefusalReason::LedgerUnknown(_)
        | RefusalReason::BrokerFull(_) => &[],
    }
}

#[expect(clippy::disallowed_methods, reason = "how long a test takes, no part of the program")]
fn cases() -> u64 {
    let told = std::env::var("KESTREL_FUZZ_CASES").ok();
    told.map_or(CASES, |text| text.parse().expect("KESTREL_FUZZ_CASES is a whole number"))
}

#[test]
fn invariant_14_nothing_approved_in_any_random_state_is_above_a_limit() {
    let (mut bought, mut sold) = (0_u64, 0_u64);
    let mut seen: BTreeSet<Limit> = BTreeSet::new();
    for seed in 0..cases() {
        let house = House::random(seed);
        match house.review() {
            Ok(order) => {
                let broken: Vec<_> =
                    Limit::ALL.into_iter().filter(|limit| house.breaks(*limit, &order)).collect();
                assert!(broken.is_empty(), "state {seed}: {order} breaks {broken:?}: {house:?}");
                house.assert_sound(&order);
                match order.side {
                    Side::Buy => bought += 1,
                    Side::Sell => sold += 1,
                }
            }
            Err(reason) => {
                assert!(!reason.code().is_empty() && !reason.to_string().is_empty());
                seen.extend(limits_behind(&reason));
            }
        }
    }
    println!("{} random states: {bought} purchases, {sold} sales", cases());
    assert!(bought > cases() / 50 && sold > cases() / 50, "{bought} {sold}");
    let unseen: Vec<_> = Limit::ALL.into_iter().filter(|limit| !seen.contains(limit)).collect();
    assert!(unseen.is_empty(), "never refused for {unseen:?}");
}

#[test]
fn invariant_14_any_limit_that_is_taken_out_is_missed() {
    for limit in Limit::ALL {
        let noticed = without(limit, || {
            (0..NOTICED_WITHIN).find(|seed| {
                let house = House::random(*seed);
                house.review().is_ok_and(|order| house.breaks(limit, &order))
            })
        });
        assert!(noticed.is_some(), "nobody misses {limit:?} in {NOTICED_WITHIN} states");
        println!("without {limit:?}: noticed in state {}", noticed.unwrap());
    }
}
