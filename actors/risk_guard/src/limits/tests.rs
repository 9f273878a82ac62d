//! Cases of the limits, at their edges.

use chrono::NaiveDate;
use domain::messages::limits::{LimitName, Setback, SetbackKind};
use domain::messages::schedule::DaySource;
use domain::{Confidence, Currency, DecisionId, Holding, Instrument, IntentId};

use super::*;
use crate::sight::Seen;

mod compromised;
mod compromised_day;
mod properties;

const NOW: &str = "2026-11-24T01:00:00Z";

fn now() -> DateTime<Utc> {
    NOW.parse().unwrap()
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn won(text: &str) -> Money {
    Money::new(decimal(text), Currency::Krw)
}

fn samsung() -> Instrument {
    Instrument { market: Market::Kr, symbol: "005930".parse().unwrap() }
}

fn terms(side: Side, quantity: u64, limit: &str) -> OrderTerms {
    OrderTerms {
        instrument: samsung(),
        side,
        quantity: Quantity::new(quantity),
        limit: limit.parse().unwrap(),
    }
}

/// What is held and what is bought are both of one stock.
fn half_in_one_stock() -> Limits {
    let limits = Limits::new(decimal("3"), decimal("30"), Confidence::new(80).unwrap()).unwrap();
    limits.with(LimitName::MaxSymbolPct, decimal("50")).unwrap()
}

/// A price of now.
fn heard(price: &str) -> Quoted {
    Quoted { last: Seen { price: price.parse().unwrap(), at: now() }, before: None }
}

/// A proposal and everything it meets; the defaults let 7 shares be bought and 37 be sold.
struct Case {
    proposal: Proposal,
    state: TradingState,
    limits: Limits,
    sizing: Sizing,
    phase: Option<Phase>,
    trust: Trust,
    orders_until: Option<chrono::DateTime<chrono::Utc>>,
    account: Option<AccountSnapshot>,
    touched_at: Option<DateTime<Utc>>,
    told_at: DateTime<Utc>,
    day: DayLoss,
    purchases: DayPurchases,
    orders: Vec<(Side, OrderState)>,
    blind: Option<Blind>,
    quoted: Option<Quoted>,
    setbacks: Setbacks,
}

impl Case {
    fn new(side: Side) -> Self {
        let holding = Holding {
            instrument: samsung(),
            quantity: Quantity::new(40),
            sellable: Quantity::new(37),
            average_price: None,
            price: Some("70000".parse().unwrap()),
        };
        Self {
            proposal: Proposal {
                decision_id: DecisionId::new(0, 1),
                instrument: samsung(),
                side,
                confidence: Confidence::new(80).unwrap(),
                quantity: None,
                reference_price: "70000".parse().unwrap(),
                rules: domain::StockRules::default(),
                score: Some(decimal("50")),
                most_pct: None,
                session_date: NaiveDate::from_ymd_opt(2026, 11, 24).unwrap(),
                expires_at: now() + TimeDelta::seconds(60),
            },
            state: TradingState::Active,
            limits: half_in_one_stock(),
            sizing: Sizing::by_score(decimal("5"), decimal("1"), decimal("10"), decimal("50")).unwrap(),
            phase: Some(Phase::Continuous),
            trust: Trust::Certain,
            orders_until: Some(now() + TimeDelta::hours(5)),
            account: Some(AccountSnapshot {
                currency: Currency::Krw,
                taken_at: now(),
                cash: Some(won("10000000")),
                equity: Some(won("10000000")),
                purchase_total: None,
                valuation_total: None,
                holdings: vec![holding],
            }),
            touched_at: None,
            told_at: now(),
            day: DayLoss::Known(Decimal::ZERO),
            purchases: DayPurchases::untouched(won("10000000")),
            orders: Vec::new(),
            blind: None,
            quoted: Some(heard("70000")),
            setbacks: Setbacks::default(),
        }
    }

    fn account(&mut self) -> &mut AccountSnapshot {
        self.account.as_mut().unwrap()
    }

    fn review(&self) -> Result<OrderTerms, RefusalReason> {
        let mut book = Book::default();
        for (number, (side, state)) in self.orders.iter().enumerate() {
            let update = domain::messages::trading::OrderUpdate {
                intent: IntentId::new(0, u64::try_from(number).unwrap()),
                terms: terms(*side, 5, "70000"),
                state: *state,
                filled: Quantity::ZERO,
                at: now(),
            };
            book.update(&update);
        }
        let session = self.phase.map(|phase| SessionChanged {
            market: Market::Kr,
            session_date: self.proposal.session_date,
            phase,
            trust: self.trust,
            source: DaySource::Calendar,
            orders_until: self.orders_until,
            at: self.told_at,
        });
        let standing = Standing {
            now: now(),
            state: self.state,
            limits: &self.limits,
            sizing: &self.sizing,
            session: session.as_ref(),
            account: self.account.as_ref(),
            touched_at: self.touched_at,
            day: self.day,
            purchases: self.purchases,
            book: &book,
            symbol_halts: &SymbolHaltBook::default(),
            blind: self.blind.as_ref(),
            approvals: &Approvals::default(),
            clock_doubt: None,
            quoted: self.quoted,
            setbacks: &self.setbacks,
        };
        review(&self.proposal, &standing)
    }

    fn code(&self) -> &'static str {
        self.review().map_or_else(|reason| reason.code(), |_terms| "approved")
    }
}

fn buy(change: impl Fn(&mut Case)) -> &'static str {
    let mut case = Case::new(Side::Buy);
    change(&mut case);
    case.code()
}

fn sell(change: impl Fn(&mut Case)) -> &'static str {
    let mut case = Case::new(Side::Sell);
    change(&mut case);
    case.code()
}

#[test]
fn no_setting_is_looser_than_its_ceiling() {
    let cases = [
        ("3.0", "30", true),
        ("0", "0.1", true),
        ("3.0001", "30", false),
        ("-3", "30", false),
        ("3", "30.0001", false),
        ("3", "0", false),
        ("3", "-1", false),
    ];
    for (loss, order, allowed) in cases {
        let limits = Limits::new(decimal(loss), decimal(order), Confidence::new(80).unwrap());
        assert_eq!(limits.is_ok(), allowed, "{loss} {order}");
    }
}

#[test]
fn a_sound_proposal_gets_a_marketable_limit_and_a_size() {
    let bought = Case::new(Side::Buy).review().unwrap();
    assert_eq!(bought, terms(Side::Buy, 7, "70200"));
    let sold = Case::new(Side::Sell).review().unwrap();
    assert_eq!(sold, terms(Side::Sell, 37, "69800"));
}

#[test]
fn each_state_lets_through_what_it_promises() {
    let cases = [
        (TradingState::Active, "approved", "approved"),
        (TradingState::Reducing, "Reducing", "approved"),
        (TradingState::Halted, "Halted", "Halted"),
        (TradingState::Starting, "Starting", "Starting"),
    ];
    for (state, entry, exit) in cases {
        assert_eq!((buy(|c| c.state = state), sell(|c| c.state = state)), (entry, exit), "{state}");
    }
}

#[test]
fn a_proposal_is_judged_within_its_time_and_session() {
    assert_eq!(buy(|c| c.proposal.expires_at = now()), "Expired");
    let untold = (buy(|c| c.phase = None), sell(|c| c.phase = None));
    assert_eq!(untold, ("MarketClosed", "MarketClosed"), "nobody told a phase yet");
    for (ahead_s, expected) in [(5, "approved"), (6, "MarketClosed")] {
        let told = TimeDelta::seconds(ahead_s);
        assert_eq!(buy(|c| c.told_at = now() + told), expected, "told by a clock {told} ahead");
    }
    assert_eq!(buy(|c| c.proposal.session_date = NaiveDate::MIN), "MarketClosed");
}

#[test]
fn an_account_from_the_future_is_no_account() {
    for (ahead_s, expected) in [(5, "approved"), (6, "StaleAccount")] {
        let both = |c: &mut Case| c.account().taken_at = now() + TimeDelta::seconds(ahead_s);
        assert_eq!((buy(both), sell(both)), (expected, expected), "{ahead_s} s ahead");
    }
}

#[test]
fn only_continuous_trading_is_traded() {
    for phase in [
        Phase::PreMarket,
        Phase::OpeningAuction,
        Phase::Lunch,
        Phase::ClosingAuction,
        Phase::PostClose,
        Phase::Closed,
        Phase::Unknown,
    ] {
        let both = (buy(|c| c.phase = Some(phase)), sell(|c| c.phase = Some(phase)));
        assert_eq!(both, ("MarketClosed", "MarketClosed"), "{phase}");
    }
}

#[test]
fn a_day_that_is_not_certain_fails_closed_for_entries_and_for_some_exits() {
    let unknown = |exits| Trust::Unknown { exits };
    for (trust, phase, entry, exit) in [
        (Trust::Certain, Phase::Continuous, "approved", "approved"),
        (Trust::Unproved, Phase::Continuous, "MarketClosed", "MarketClosed"),
        (Trust::Disputed, Phase::Continuous, "MarketClosed", "approved"),
        (Trust::SuspectedClosed, Phase::Continuous, "MarketClosed", "MarketClosed"),
        (Trust::BrokerDown, Phase::Continuous, "MarketClosed", "approved"),
        (unknown(false), Phase::Unknown, "MarketClosed", "MarketClosed"),
        (unknown(true), Phase::Unknown, "MarketClosed", "approved"),
        (unknown(true), Phase::Closed, "MarketClosed", "MarketClosed"),
    ] {
        let set = |case: &mut Case| (case.phase, case.trust) = (Some(phase), trust);
        assert_eq!((buy(set), sell(set)), (entry, exit), "{trust:?} {phase}");
    }
}

#[test]
fn confidence_at_the_threshold_trades_and_below_it_does_not() {
    assert_eq!(buy(|c| c.proposal.confidence = Confidence::new(79).unwrap()), "LowConfidence");
    assert_eq!(sell(|c| c.proposal.confidence = Confidence::new(79).unwrap()), "LowConfidence");
}

#[test]
fn one_unresolved_order_closes_its_symbol_except_for_an_exit_from_confirmed_shares() {
    use OrderState::{Accepted, Approved, Lapsed, Partial, Sending, Unknown};
    let cases = [
        (Side::Buy, Side::Buy, Approved, "OpenOrder"),
        (Side::Buy, Side::Buy, Partial, "OpenOrder"),
        (Side::Buy, Side::Buy, Sending, "UnresolvedOrder"),
        (Side::Buy, Side::Buy, Lapsed, "SymbolClosed"),
        (Side::Buy, Side::Sell, Accepted, "approved"),
        (Side::Buy, Side::Sell, Unknown, "UnresolvedOrder"),
        (Side::Sell, Side::Buy, Unknown, "approved"),
        (Side::Sell, Side::Buy, Lapsed, "approved"),
        (Side::Sell, Side::Sell, Accepted, "OpenOrder"),
        (Side::Sell, Side::Sell, Unknown, "UnresolvedOrder"),
        (Side::Sell, Side::Sell, Lapsed, "SymbolClosed"),
    ];
    for (wanted, side, state, expected) in cases {
        let mut case = Case::new(wanted);
        case.orders = vec![(side, state)];
        assert_eq!(case.code(), expected, "{wanted} while {side} is {state}");
    }
}

#[test]
fn an_account_must_be_known_young_and_newer_than_our_own_fills() {
    assert_eq!(buy(|c| c.account = None), "NoAccount");
    assert_eq!(sell(|c| c.account = None), "NoAccount");
    assert_eq!(buy(|c| c.account().taken_at = now() - TimeDelta::seconds(60)), "approved");
    assert_eq!(buy(|c| c.account().taken_at = now() - TimeDelta::seconds(61)), "StaleAccount");
    assert_eq!(buy(|c| c.touched_at = Some(now() + TimeDelta::milliseconds(1))), "StaleAccount");
    assert_eq!(buy(|c| c.touched_at = Some(now())), "approved");
}

#[test]
fn missing_numbers_stop_entries_and_no_exit() {
    assert_eq!(buy(|c| c.account().cash = None), "CashUnknown");
    assert_eq!(sell(|c| c.account().cash = None), "approved");
    assert_eq!(buy(|c| c.day = DayLoss::Unknown), "PnlUnknown");
    assert_eq!(sell(|c| c.day = DayLoss::Unknown), "approved");
}

#[test]
fn a_day_at_its_limit_still_trades_and_a_day_below_it_only_exits() {
    assert_eq!(buy(|c| c.day = DayLoss::Known(decimal("-3.0"))), "approved");
    assert_eq!(buy(|c| c.day = DayLoss::Known(decimal("-3.0000001"))), "DailyLoss");
    assert_eq!(sell(|c| c.day = DayLoss::Known(decimal("-50"))), "approved");
}

#[test]
fn cash_that_is_gone_or_reserved_buys_nothing() {
    assert_eq!(buy(|c| c.account().cash = Some(won("0"))), "NoCash");
    assert_eq!(buy(|c| c.account().cash = Some(won("-5"))), "NoCash");
    assert_eq!(buy(|c| c.account().cash = Some(won("1000000"))), "TooSmall");
    let with_order = |cash: &str| {
        let mut case = Case::new(Side::Buy);
        case.account().cash = Some(won(cash));
        // Another stock's purchase: 5 shares at 70,000 are spoken for.
        let mut book = Book::default();
        let mut other = terms(Side::Buy, 5, "70000");
        other.instrument.symbol = "000660".parse().unwrap();
        book.reserve(IntentId::new(0, 1), other, now());
        available_cash(case.account().cash.unwrap(), &book).map(Money::amount)
    };
    assert_eq!(with_order("400000"), Ok(decimal("50000")));
    assert_eq!(with_order("350000").map_err(|reason| reason.code()), Err("NoCash"));
}

#[test]
fn exactly_thirty_percent_passes_and_anything_more_does_not() {
    let cases = [
        ("3000000", "10000000", true),
        ("2999999.99", "10000000", true),
        ("3000000.01", "10000000", false),
        ("0.3", "1.0", true),
        ("2.1", "7.0", true),
        ("0", "10000000", false),
        ("-1", "10000000", false),
        ("1", "0", false),
        ("1", "-5", false),
    ];
    for (notional, cash, passes) in cases {
        let verdict = check_fat_finger(won(notional), won(cash), decimal("30"));
        assert_eq!(verdict.is_ok(), passes, "{notional} of {cash}");
    }
    let dollars = Money::new(Decimal::ONE, Currency::Usd);
    assert!(check_fat_finger(dollars, won("10000000"), decimal("30")).is_err());
}

#[test]
fn an_entry_beyond_the_order_limit_is_refused_and_an_exit_of_any_size_is_not() {
    let tight = |c: &mut Case| {
        c.limits = c.limits.with(LimitName::MaxOrderPct, decimal("4")).unwrap();
    };
    assert_eq!(buy(tight), "FatFinger");
    assert_eq!(sell(tight), "approved");
}

#[test]
fn only_confirmed_shares_are_sold() {
    assert_eq!(sell(|c| c.account().holdings.clear()), "NothingToSell");
    assert_eq!(sell(|c| c.account().holdings[0].sellable = Quantity::ZERO), "NothingToSell");
}

/// A purchase in Hong Kong with ten million dollars of cash, by a lot of this many shares; none when nobody told it.
fn hong_kong(side: Side, lot: Option<u64>, sellable: u64) -> Result<u64, RefusalReason> {
    let mut case = Case::new(side);
    let hsbc = Instrument { market: Market::Hk, symbol: "00005".parse().unwrap() };
    case.purchases = DayPurchases::untouched(Money::new(decimal("1000000"), Currency::Hkd));
    case.proposal.instrument = hsbc.clone();
    case.proposal.reference_price = "65.5".parse().unwrap();
    case.quoted = Some(heard("65.5"));
    case.proposal.rules.lot = lot.and_then(std::num::NonZeroU64::new);
    let account = case.account();
    account.currency = Currency::Hkd;
    account.cash = Some(Money::new(decimal("1000000"), Currency::Hkd));
    account.equity = account.cash;
    account.holdings[0].price = Some("65.5".parse().unwrap());
    account.holdings[0].instrument = hsbc;
    account.holdings[0].sellable = Quantity::new(sellable);
    case.review().map(|terms| terms.quantity.get())
}

#[test]
fn hong_kong_is_bought_in_whole_board_lots_and_not_at_all_when_the_lot_is_unknown() {
    // Five percent of a million buys 762 shares at 65.60.
    assert_eq!(hong_kong(Side::Buy, Some(400), 0), Ok(400));
    assert_eq!(hong_kong(Side::Buy, Some(100), 0), Ok(700));
    let too_small = hong_kong(Side::Buy, Some(1_000), 0).unwrap_err();
    assert_eq!(too_small.code(), "TooSmall");
    let unknown = hong_kong(Side::Buy, None, 0).unwrap_err();
    assert_eq!(unknown.code(), "LotUnknown");
    assert!(unknown.to_string().contains("the board lot of HK:00005 is unknown"), "{unknown}");
}

#[test]
fn an_exit_sells_whole_lots_first_and_never_waits_for_a_lot() {
    assert_eq!(hong_kong(Side::Sell, Some(400), 1_000), Ok(800));
    assert_eq!(hong_kong(Side::Sell, Some(400), 200), Ok(200));
    assert_eq!(hong_kong(Side::Sell, None, 1_000), Ok(1_000));
}

#[test]
fn a_limit_stays_within_the_prices_that_the_exchange_accepts_today() {
    let limit = |side, reference: &str| {
        let mut case = Case::new(side);
        case.proposal.reference_price = reference.parse().unwrap();
        case.quoted = Some(heard(reference));
        case.proposal.rules.upper_limit = Some("91000".parse().unwrap());
        case.proposal.rules.lower_limit = Some("49000".parse().unwrap());
        case.review().map(|terms| terms.limit.to_string())
    };
    assert_eq!(limit(Side::Buy, "91000"), Ok("91000".into()));
    assert_eq!(limit(Side::Buy, "90700"), Ok("90900".into()));
    assert_eq!(limit(Side::Sell, "49000"), Ok("49000".into()));
}

#[test]
fn a_price_without_a_tick_below_it_cannot_be_sold_at() {
    assert_eq!(sell(|c| c.proposal.reference_price = "1.5".parse().unwrap()), "OffTick");
    let limits = [
        (Market::Kr, Side::Buy, "70123", Some("70400")),
        (Market::Kr, Side::Sell, "50050", Some("49850")),
        (Market::UsNasdaq, Side::Buy, "182.5", Some("182.52")),
        (Market::UsNasdaq, Side::Sell, "0.0002", None),
    ];
    for (market, side, reference, expected) in limits {
        let limit = marketable(market, TickTable::OfMarket, side, reference.parse().unwrap());
        assert_eq!(limit.map(|price| price.to_string()).as_deref(), expected, "{market} {side} {reference}");
    }
}

#[test]
fn an_order_outside_the_brokers_hours_is_refused_with_those_hours() {
    for (orders_until, is_allowed) in
        [(None, false), (Some(now()), false), (Some(now() + TimeDelta::seconds(1)), true)]
    {
        let review = Case { orders_until, ..Case::new(Side::Sell) }.review();
        match review {
            Ok(_terms) => assert!(is_allowed),
            Err(RefusalReason::MarketClosed { why, .. }) => {
                assert!(!is_allowed && why.contains("Korean time 08:30-15:30, 15:40-16:00"), "{why}");
            }
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn invariant_14_the_days_purchases_have_a_ceiling_and_sales_have_none() {
    // Seven shares at 70,200: two ticks of 100 past the price.
    let order = won("491400");
    for (start, expected) in [("98280", "approved"), ("98279.9", "DayCeiling")] {
        let full = |case: &mut Case| case.purchases = DayPurchases::untouched(won(start));
        assert_eq!(buy(full), expected, "{start}");
        assert_eq!(sell(full), "approved");
    }
    let noted = |case: &mut Case| {
        case.purchases = DayPurchases::untouched(won("98280"));
        case.purchases.note(Money::new(Decimal::ONE, Currency::Krw));
    };
    assert_eq!(buy(noted), "DayCeiling", "{order} and 1 more");
    assert_eq!(buy(|case| case.purchases = DayPurchases::default()), "DayStartUnknown");
    assert_eq!(sell(|case| case.purchases = DayPurchases::default()), "approved");
}

#[test]
fn a_market_with_a_holding_out_of_sight_takes_no_entries_and_lets_exits_pass() {
    let blind = |market| {
        let instrument = Instrument { market, symbol: "000660".parse().unwrap() };
        Some(Blind { instrument, age_s: 121 })
    };
    assert_eq!(buy(|case| case.blind = blind(Market::Kr)), "Blind");
    assert_eq!(buy(|case| case.blind = blind(Market::UsNasdaq)), "approved", "another market's holding");
    let mut exit = Case::new(Side::Sell);
    exit.blind = blind(Market::Kr);
    assert_eq!(exit.code(), "approved");
    let mut entry = Case::new(Side::Buy);
    entry.blind = blind(Market::Kr);
    let why = entry.review().unwrap_err().to_string();
    assert!(why.contains("KR:000660") && why.contains("121 s"), "{why}");
}

#[test]
fn what_is_held_and_ordered_of_one_stock_and_of_all_has_a_ceiling_in_the_equity() {
    // 40 shares at 70000 are 28 % of ten million, 7 more at 70200 are 32.914 %.
    let limit =
        |name, pct: &'static str| move |c: &mut Case| c.limits = c.limits.with(name, decimal(pct)).unwrap();
    for (name, code) in
        [(LimitName::MaxSymbolPct, "SymbolExposure"), (LimitName::MaxExposurePct, "TotalExposure")]
    {
        assert_eq!(buy(limit(name, "32.914")), "approved");
        assert_eq!(buy(limit(name, "32.913")), code);
        assert_eq!(sell(limit(name, "0")), "approved", "a sale is never held up");
    }
    // What was bought of another stock counts among all of them only.
    let other = Holding {
        instrument: "KR:000660".parse().unwrap(),
        quantity: Quantity::new(10),
        sellable: Quantity::ZERO,
        average_price: Some("500000".parse().unwrap()),
        price: None,
    };
    let with_other = |pct: &'static str| {
        let other = other.clone();
        buy(move |c| {
            c.account().holdings.push(other.clone());
            c.limits = c.limits.with(LimitName::MaxExposurePct, decimal(pct)).unwrap();
        })
    };
    assert_eq!(
        (with_other("82.914"), with_other("82.913")),
        ("approved", "TotalExposure"),
        "at cost without a price"
    );
    assert_eq!(buy(|c| c.account().holdings[0].price = None), "ExposureUnknown");
    assert_eq!(buy(|c| c.account().equity = None), "EquityUnknown");
    assert_eq!(buy(|c| c.account().equity = Some(won("0"))), "EquityUnknown");
}

#[test]
fn a_purchase_needs_a_price_that_was_heard_and_nothing_that_speaks_against_it_and_a_sale_needs_neither() {
    fn setback(kind: SetbackKind) -> Setback {
        Setback { instrument: samsung(), at: now(), kind }
    }
    fn sold(price: &str, result: &str) -> Setback {
        setback(SetbackKind::Sold { price: price.parse().unwrap(), result: Some(won(result)) })
    }
    let refused = setback(SetbackKind::Refused { why: "NoCash".into() });
    type Change = Box<dyn Fn(&mut Case)>;
    let cases: [(&str, Change); 6] = [
        ("StaleQuote", Box::new(|c| c.quoted = None)),
        ("QuoteJump", Box::new(|c| c.quoted = Some(heard("60000")))),
        ("QuoteJump", Box::new(|c| c.quoted.as_mut().unwrap().before = Some("80000".parse().unwrap()))),
        ("CoolingDown", Box::new(move |c| c.setbacks.note(refused.clone()))),
        ("StoppedOut", Box::new(move |c| c.setbacks.note(sold("90000", "-1")))),
        ("BoughtBack", Box::new(move |c| c.setbacks.note(sold("70100", "1")))),
    ];
    for (code, change) in cases {
        assert_eq!((buy(&change), sell(&change)), (code, "approved"));
    }
}

#[test]
fn the_reasons_after_which_a_purchase_waits_are_reasons_of_the_list() {
    let zero = won("0");
    let reasons = [
        RefusalReason::NoCash { cash: zero, reserved: zero },
        RefusalReason::TooSmall { available: zero, limit: "1".parse().unwrap(), lot: 1 },
        RefusalReason::FatFinger { notional: zero, cash: zero, max_pct: Decimal::ONE },
        RefusalReason::SymbolExposure {
            instrument: samsung(),
            notional: zero,
            held: zero,
            equity: zero,
            max_pct: Decimal::ONE,
        },
        RefusalReason::TotalExposure { notional: zero, held: zero, equity: zero, max_pct: Decimal::ONE },
    ];
    assert_eq!(reasons.each_ref().map(RefusalReason::code), RefusalReason::COOLING);
    assert!(reasons.iter().all(RefusalReason::cools_down) && !RefusalReason::Halted.cools_down());
}
