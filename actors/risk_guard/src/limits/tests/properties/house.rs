//! Random states of everything that a limit looks at.

use super::*;

/// An order of ours that is open.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) instrument: Instrument,
    pub(super) side: Side,
    pub(super) state: OrderState,
    pub(super) quantity: u64,
    pub(super) filled: u64,
    pub(super) limit: Price,
}

impl Open {
    pub(super) fn remaining(&self) -> u64 {
        self.quantity - self.filled
    }

    pub(super) fn is_working(&self) -> bool {
        matches!(self.state, OrderState::Approved | OrderState::Accepted | OrderState::Partial)
    }

    pub(super) fn is_unresolved(&self) -> bool {
        matches!(self.state, OrderState::Sending | OrderState::Unknown)
    }
}

/// Everything that a review looks at.
#[derive(Clone, Debug)]
pub(super) struct House {
    pub(super) proposal: Proposal,
    pub(super) state: TradingState,
    pub(super) limits: Limits,
    pub(super) sizing: [i64; 4],
    pub(super) phase: Option<Phase>,
    pub(super) trust: Trust,
    pub(super) orders_for_s: Option<i64>,
    pub(super) cash: Option<i64>,
    pub(super) account_age_s: i64,
    pub(super) touched_ago_s: Option<i64>,
    pub(super) day: DayLoss,
    pub(super) day_start: Option<i64>,
    pub(super) bought: i64,
    pub(super) sellable: u64,
    pub(super) open: Vec<Open>,
    pub(super) halted: Vec<Instrument>,
    pub(super) blind: Option<Instrument>,
    pub(super) approved_ago_s: Vec<i64>,
    pub(super) clock_off_s: Option<i64>,
    pub(super) equity: Option<i64>,
    /// Of the stock that is judged; of the other one there are so many at 5000.
    pub(super) held_price: Price,
    /// Neither price nor cost of it is told.
    pub(super) unpriced: bool,
    pub(super) others: u64,
    /// The age of the newest price that was heard, and what it is of the proposal's, in thousandths.
    pub(super) quote_age_s: Option<i64>,
    pub(super) quote_permille: i64,
    /// The price before it, in the same measure.
    pub(super) before_permille: Option<i64>,
    pub(super) refused_ago_s: Option<i64>,
    pub(super) lost_ago_s: Option<i64>,
    pub(super) sold: Option<(i64, Price)>,
}

pub(super) fn pick<T: Clone>(random: &mut Rng, values: &[T]) -> T {
    values[random.usize(..values.len())].clone()
}

/// The stock that is judged, or another of its market.
pub(super) fn stock(market: Market, number: usize) -> Instrument {
    let known = [
        (Market::UsNasdaq, ["AAPL", "MSFT"]),
        (Market::Jp, ["7203", "6758"]),
        (Market::Kr, ["005930", "000660"]),
    ];
    let (_, symbols) = known.into_iter().find(|(code, _)| *code == market).unwrap();
    Instrument { market, symbol: symbols[number].parse().unwrap() }
}

pub(super) fn limits(random: &mut Rng) -> Limits {
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
    pub(super) fn random(seed: u64) -> Self {
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

    pub(super) fn proposal(random: &mut Rng, market: Market, side: Side, limits: &Limits) -> Proposal {
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
            most_pct: None,
            session_date: market.date_at(now()),
            expires_at: now() + TimeDelta::seconds(random.i64(1..=120)),
        }
    }

    /// Base, smallest, largest share in percent, and target score.
    pub(super) fn sizing(random: &mut Rng) -> [i64; 4] {
        let (one, other) = (random.i64(1..=40), random.i64(1..=40));
        [random.i64(1..=40), one.min(other), one.max(other), random.i64(1..=100)]
    }

    pub(super) fn disturb(&mut self, random: &mut Rng) {
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

    pub(super) fn open_order(&mut self, random: &mut Rng) {
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

    pub(super) fn market(&self) -> Market {
        self.proposal.instrument.market
    }

    pub(super) fn money(&self, amount: i64) -> Money {
        Money::new(amount.into(), self.market().currency())
    }

    pub(super) fn account(&self) -> AccountSnapshot {
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

    pub(super) fn book(&self) -> Book {
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

    pub(super) fn halts(&self) -> SymbolHaltBook {
        let mut halts = SymbolHaltBook::default();
        for (id, instrument) in (1..).zip(&self.halted) {
            let (cause, reason) = (SymbolHaltCause::Dispute, "twins".to_owned());
            halts.add(SymbolHalt { id, instrument: instrument.clone(), at: now(), cause, reason });
        }
        halts
    }

    /// So many thousandths of the proposal's price.
    pub(super) fn price(&self, permille: i64) -> Price {
        Price::new(self.proposal.reference_price.value() * Decimal::new(permille, 3)).unwrap()
    }

    pub(super) fn quoted(&self) -> Option<Quoted> {
        let at = now() - TimeDelta::seconds(self.quote_age_s?);
        let last = Seen { price: self.price(self.quote_permille), at };
        Some(Quoted { last, before: self.before_permille.map(|permille| self.price(permille)) })
    }

    pub(super) fn setbacks(&self) -> Setbacks {
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

    pub(super) fn purchases(&self) -> DayPurchases {
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

    pub(super) fn review(&self) -> Result<OrderTerms, RefusalReason> {
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
