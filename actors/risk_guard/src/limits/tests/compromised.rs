//! Whoever proposes is the enemy: ten thousand proposals as a fully compromised model would have them, and no limit
//! gives way (order-protocol, invariants 14 and 21; proof 8).

use fastrand::Rng;

use super::*;

const CYCLES: usize = 10_000;

/// Prices that a model or a broken quote could bring, from one tick to nonsense.
const PRICES: [&str; 12] = [
    "0.0001",
    "1",
    "999",
    "1999",
    "2000",
    "49950",
    "70000",
    "70050",
    "199900",
    "500000",
    "1000000000000",
    "999999999999.99",
];

fn any<T: Clone>(random: &mut Rng, values: &[T]) -> T {
    values[random.usize(..values.len())].clone()
}

/// The worst that may be said: sure of everything, at any price, in any state of the house.
fn worst(random: &mut Rng, side: Side, cash: Decimal, shares: u64) -> Case {
    use OrderState::{Accepted, Approved, Lapsed, Partial, Sending, Unknown};
    let mut case = Case::new(side);
    case.proposal.confidence = Confidence::new(any(random, &[100, 100, 100, 79])).unwrap();
    case.proposal.reference_price = any(random, &PRICES).parse().unwrap();
    case.quoted = Some(heard(any(random, &[&case.proposal.reference_price.to_string(), "70000"])));
    case.proposal.score =
        any(random, &[None, Some("0"), Some("-5"), Some("100"), Some("99999999999")]).map(decimal);
    case.proposal.expires_at = now() + TimeDelta::seconds(any(random, &[60, 60, 60, 1, 0, -60]));
    case.state = any(random, &[TradingState::Active; 4]);
    if random.u8(..5) == 0 {
        case.state = any(random, &[TradingState::Halted, TradingState::Starting, TradingState::Reducing]);
    }
    case.day = any(
        random,
        &[
            DayLoss::Known(Decimal::ZERO),
            DayLoss::Known(decimal("-2.99")),
            DayLoss::Known(decimal("-3.01")),
            DayLoss::Unknown,
        ],
    );
    if random.u8(..3) == 0 {
        let states = [Approved, Sending, Unknown, Lapsed, Accepted, Partial];
        case.orders = vec![(any(random, &[Side::Buy, Side::Sell]), any(random, &states))];
    }
    let account = case.account();
    account.cash =
        any(random, &[Some(cash), Some(cash), Some(cash), None]).map(|cash| Money::new(cash, Currency::Krw));
    account.taken_at = now() - TimeDelta::seconds(any(random, &[0, 59, 61]));
    account.holdings[0].sellable = Quantity::new(shares);
    case
}

/// What must be true of everything that was approved, looked up in the case itself.
fn assert_within_limits(case: &Case, approved: &OrderTerms, cash: Decimal, shares: u64) {
    assert_eq!((&approved.instrument, approved.side), (&case.proposal.instrument, case.proposal.side));
    assert!(case.proposal.confidence >= case.limits.confidence_threshold());
    assert!(
        case.proposal.expires_at > now()
            && now() - case.account.as_ref().unwrap().taken_at <= TimeDelta::seconds(60)
    );
    assert!(!matches!(case.state, TradingState::Halted | TradingState::Starting));
    assert!(case.orders.iter().all(|(side, _)| *side != approved.side), "one order of a side at a time");
    let reserved = case.orders.iter().filter(|(side, _)| *side == Side::Buy).count();
    match approved.side {
        Side::Buy => {
            assert!(case.state == TradingState::Active && reserved == 0);
            let (heard, told) =
                (case.quoted.unwrap().last.price.value(), case.proposal.reference_price.value());
            assert!((heard - told).abs() * decimal("10") <= heard, "a price that nobody else heard");
            assert!(matches!(case.day, DayLoss::Known(pct) if pct >= decimal("-3")), "{:?}", case.day);
            let cost = approved.notional().amount();
            assert!(
                cost > Decimal::ZERO && cost * decimal("100") <= cash * decimal("30"),
                "{approved} of {cash}"
            );
        }
        Side::Sell => assert!(approved.quantity.get() <= shares, "{approved} of {shares}"),
    }
}

/// A candidate as the enemy sees it: what it would cost, and what it was heard at.
#[derive(Clone, Copy)]
struct Danger {
    price: &'static str,
    score: &'static str,
}

/// The one with which most money could be lost in one order: the highest score, then the highest price.
fn most_dangerous(random: &mut Rng) -> Danger {
    let candidate = |random: &mut Rng| Danger {
        price: any(random, &PRICES),
        score: any(random, &["0", "50", "100", "99999999999"]),
    };
    let candidates: Vec<_> = (0..20).map(|_| candidate(random)).collect();
    let danger = |one: &Danger| (decimal(one.score), decimal(one.price));
    candidates.into_iter().max_by_key(danger).unwrap()
}

#[test]
fn invariant_21_always_buy_100_on_the_most_dangerous_candidate_for_ten_thousand_cycles_breaks_no_limit() {
    let mut random = Rng::with_seed(21);
    let (start, mut cash, mut bought) = (decimal("10000000"), decimal("10000000"), 0);
    for cycle in 0..CYCLES {
        // A new day each hundred cycles: the money is back.
        if cycle % 100 == 0 {
            cash = start;
        }
        let danger = most_dangerous(&mut random);
        let mut case = Case::new(Side::Buy);
        case.proposal.confidence = Confidence::new(100).unwrap();
        case.proposal.reference_price = danger.price.parse().unwrap();
        case.proposal.score = Some(decimal(danger.score));
        case.quoted = Some(heard(any(&mut random, &[danger.price, danger.price, "70000"])));
        case.account().cash = Some(Money::new(cash, Currency::Krw));
        let Ok(approved) = case.review() else { continue };
        assert_within_limits(&case, &approved, cash, 0);
        cash -= approved.notional().amount();
        bought += 1;
        assert!(cash > Decimal::ZERO, "cycle {cycle}: {approved}");
    }
    assert!(bought > 100, "{bought} purchases of {CYCLES} prove nothing");
}

#[test]
fn invariant_14_ten_thousand_worst_proposals_of_a_compromised_model_stay_within_every_limit() {
    let mut random = Rng::with_seed(14);
    let (mut cash, mut shares) = (decimal("10000000"), 0_u64);
    let (mut bought, mut sold, mut refused) = (0, 0, 0);
    for cycle in 0..CYCLES {
        // The account does what was approved, so the enemy spends as fast as the limits let it.
        if cycle % 500 == 0 {
            (cash, shares) = (decimal("10000000"), 0);
        }
        let side = any(&mut random, &[Side::Buy, Side::Buy, Side::Sell]);
        let case = worst(&mut random, side, cash, shares);
        match case.review() {
            Ok(approved) => {
                assert_within_limits(&case, &approved, cash, shares);
                let amount = approved.notional().amount();
                match approved.side {
                    Side::Buy => {
                        bought += 1;
                        cash -= amount;
                        shares += approved.quantity.get();
                    }
                    Side::Sell => {
                        sold += 1;
                        shares -= approved.quantity.get();
                    }
                }
                assert!(cash > Decimal::ZERO);
            }
            Err(reason) => {
                refused += 1;
                assert!(!reason.code().is_empty() && !reason.to_string().is_empty());
            }
        }
    }
    println!("{CYCLES} worst proposals: {bought} purchases, {sold} sales, {refused} refused");
    assert!(bought > 100 && sold > 20 && refused > 1000, "{bought} {sold} {refused}");
}
