//! Each check finds a violation made by hand, and a clean run has none.

mod halts;
mod run;

use chrono::NaiveDate;
use domain::messages::limits::OwnPosition;
use domain::{Currency, Market, Money, Price, VenueOrderId};

use super::super::facts::{AccountTruth, HaltAnswer};
use super::*;
use crate::simulator::VenuePosition;
use run::*;
use rust_decimal::Decimal;

#[test]
fn a_clean_run_violates_nothing() {
    assert_eq!(clean().violations(), []);
}

#[test]
fn invariant_01_a_second_post_or_order_of_an_intent_is_found() {
    check_finds(1, |run| {
        run.insert(POSTED, post("i"));
    });
    check_finds(1, |run| {
        run.venue.orders.push(order("0000000002", Some("i")));
    });
}

#[test]
fn invariant_02_a_lost_an_invented_and_a_misbooked_order_are_found() {
    check_finds(2, |run| run.ledger[0].venue_order = None);
    check_finds(2, |run| run.ledger[0].venue_order = Some(order("0000000009", None).id));
    check_finds(2, |run| {
        run.venue.orders[0].filled = Quantity::new(9);
    });
    check_finds(2, |run| {
        run.venue.orders.push(VenueOrder { quantity: Quantity::new(3), ..order("2", None) });
    });
}

#[test]
fn invariant_03_orders_without_a_valid_approval_are_found() {
    check_finds(3, |run| run.ledger[0].approval = None);
    check_finds(3, |run| {
        run.venue.orders[0].quantity = Quantity::new(11);
    });
    check_finds(3, |run| drop(run.facts.remove(APPROVED)));
    check_finds(3, |run| run.facts[SENDING].at = at(60));
    check_finds(3, |run| {
        run.insert(POSTED, What::Post { intent: None, on_disk: None });
    });
    check_finds(3, |run| {
        run.insert(SENDING, What::Approval(approval("i")));
    });
}

#[test]
fn invariant_04_a_day_left_open_and_an_order_of_the_next_are_found() {
    check_finds(4, |run| drop(run.facts.pop()));
    check_finds(4, |run| {
        run.unclosed.push(day());
    });
    check_finds(4, |run| {
        let tomorrow = DayKey { session_date: date().succ_opt().unwrap(), ..day() };
        run.insert(FILLED, What::Approval(Approval { day: tomorrow, ..approval("j") }));
    });
    check_finds(4, |run| {
        let at = at(7);
        run.facts.push(Fact { at, what: What::Approval(approval("j")) });
    });
}

#[test]
fn invariant_04_a_day_closed_over_an_open_order_is_found() {
    check_finds(4, |run| run.facts.swap(FILLED, FILLED + 1));
}

#[test]
fn invariant_04_a_day_closed_before_its_end_is_found() {
    check_finds(4, |run| run.facts[CLOSED].at = evening() - TimeDelta::milliseconds(1));
}

#[test]
fn invariant_05_a_post_before_its_commit_is_found() {
    check_finds(5, |run| run.facts.swap(SENDING, POSTED));
    // The ledger has said `Sending`, and the disk knows nothing of it.
    for on_disk in [Some(OrderState::Approved), None] {
        check_finds(5, |run| run.facts[POSTED].what = What::Post { intent: Some("i".into()), on_disk });
    }
}

#[test]
fn invariant_06_a_second_order_of_open_fate_in_one_stock_is_found() {
    check_finds(6, |run| {
        run.insert(POSTED, What::Approval(approval("j")));
        run.insert(POSTED + 1, What::Sending { intent: "j".into(), epoch: 1 });
    });
    let sale = spoiled(|run| {
        let terms = domain::OrderTerms { side: Side::Sell, ..terms() };
        run.insert(POSTED, What::Approval(Approval { terms, ..approval("j") }));
        run.insert(POSTED + 1, What::Sending { intent: "j".into(), epoch: 1 });
    });
    assert!(!sale.contains(&6), "a sale may leave while a purchase is open: {sale:?}");
}

#[test]
fn invariant_07_an_order_number_of_another_intent_is_found() {
    check_finds(7, |run| {
        run.venue.orders.push(order("0000000002", Some("j")));
        run.ledger[0].venue_order = Some(order("0000000002", None).id);
    });
}

#[test]
fn an_order_of_the_same_terms_by_another_hand_may_be_taken_for_ours_but_must_be_noticed() {
    let twin = |run: &mut Run| {
        run.venue.orders.push(order("0000000002", None));
        run.venue.positions = vec![held(20)];
        run.venue.cash = vec![Money::new(LEFT - Decimal::from(700_000), Currency::Krw)];
        run.seen.insert(Currency::Krw, Some(LEFT - Decimal::from(700_000)));
        run.ledger[0].venue_order = Some(order("0000000002", None).id);
    };
    check_finds(2, twin);
    let noticed = spoiled(|run| {
        twin(run);
        run.alarms.push(format!("order {}: BUY 10 is not of this agent", order("0000000001", None).id));
    });
    assert!(noticed.is_empty(), "{noticed:?}");
}

#[test]
fn invariant_08_shrinking_fills_and_impossible_moves_are_found() {
    check_finds(8, |run| {
        run.insert(FILLED + 1, update("i", OrderState::Filled, 9));
    });
    check_finds(8, |run| {
        run.insert(FILLED + 1, update("i", OrderState::Accepted, 10));
    });
    check_finds(8, |run| {
        run.insert(FILLED + 1, update("i", OrderState::Filled, 11));
    });
    check_finds(8, |run| {
        run.insert(FILLED, What::Sending { intent: "i".into(), epoch: 1 });
    });
}

#[test]
fn invariant_09_a_wrong_position_is_found() {
    check_finds(9, |run| {
        run.venue.positions = vec![held(11)];
    });
    check_finds(9, |run| {
        run.venue.positions.clear();
    });
    let others = spoiled(|run| {
        run.venue.orders.push(VenueOrder { quantity: Quantity::new(12), ..order("2", None) });
        run.venue.positions = vec![held(20)];
        run.venue.cash = vec![Money::new(LEFT - Decimal::from(700_000), Currency::Krw)];
        run.seen.insert(Currency::Krw, Some(LEFT - Decimal::from(700_000)));
        run.alarms.push(format!("order {} is not of this agent", order("2", None).id));
    });
    assert!(others.is_empty(), "shares of other hands are no difference: {others:?}");
}

#[test]
fn invariant_09_a_table_of_own_positions_that_is_not_what_was_filled_is_found() {
    check_finds(9, |run| run.own = vec![own(9)]);
    check_finds(9, |run| run.own.clear());
    check_finds(9, |run| {
        let instrument = Instrument { market: Market::Kr, symbol: "910020".parse().unwrap() };
        run.own.push(OwnPosition { instrument, ..own(1) });
    });
}

#[test]
fn invariant_02_an_amount_that_is_not_what_the_exchange_traded_for_is_found() {
    check_finds(2, |run| run.fills[0].amount += Decimal::from(1));
    check_finds(2, |run| run.fills[0].quantity = Quantity::new(5));
    check_finds(2, |run| drop(run.fills.pop()));
    let rounded = spoiled(|run| run.fills[0].amount += Decimal::new(5, 4));
    assert!(!rounded.contains(&2), "the exchange's lists round: {rounded:?}");
}

#[test]
fn invariant_09_a_cost_that_the_fills_do_not_come_to_is_found() {
    check_finds(9, |run| run.held = vec![at_cost(10, 700_001)]);
    check_finds(9, |run| run.held = vec![at_cost(9, 700_000)]);
    check_finds(9, |run| run.held.clear());
    // Booked in the wrong order: the sale before what it sold.
    check_finds(9, |run| {
        run.fills.insert(0, fill("j", Side::Sell, 10, 700_000));
        run.venue.positions.clear();
    });
    // Three of ten shares are sold: seven tenths of the cost stay.
    let sold = |cost| {
        let mut run = clean();
        run.fills.push(fill("j", Side::Sell, 3, 240_000));
        run.held = vec![at_cost(7, cost)];
        let evidence = MoneyEvidence { fills: &run.fills, held: &run.held, began_with: &[], seen: &run.seen };
        let all = Evidence {
            facts: &run.facts,
            departures: &run.departures,
            venue: &run.venue,
            ledger: &run.ledger,
            unclosed: &run.unclosed,
            alarms: &run.alarms,
            own: &run.own,
            money: evidence,
        };
        money::costs(&all)
    };
    assert_eq!(sold(490_000), [] as [String; 0]);
    assert_eq!(sold(490_001).len(), 1);
}

#[test]
fn invariant_09_cash_that_the_books_do_not_explain_or_the_agent_does_not_see_is_found() {
    let other = LEFT - Decimal::from(1);
    check_finds(9, |run| run.venue.cash = vec![Money::new(other, Currency::Krw)]);
    check_finds(9, |run| run.venue.cash.clear());
    check_finds(9, |run| run.venue.orders[0].fees = Decimal::from(105));
    for seen in [Some(LEFT + Decimal::from(1)), Some(LEFT - Decimal::from(10_000)), None] {
        check_finds(9, |run| run.seen = BTreeMap::from([(Currency::Krw, seen)]));
    }
    let fees = spoiled(|run| {
        run.venue.orders[0].fees = Decimal::from(1);
        run.venue.cash = vec![Money::new(other, Currency::Krw)];
        // Less the fee of a purchase for all of it.
        run.seen.insert(Currency::Krw, Some(other - Decimal::from(1_395)));
    });
    assert!(fees.is_empty(), "fees are the exchange's to tell: {fees:?}");
}

#[test]
fn invariant_12_an_old_epoch_that_sends_or_writes_is_found() {
    check_finds(12, |run| {
        run.insert(SENDING, What::Boot { epoch: 2 });
    });
    check_finds(12, |run| {
        run.insert(SENDING, What::Boot { epoch: 1 });
    });
    check_finds(12, |run| {
        run.insert(SENDING, What::WrittenByOvertaken { step: "close_day", epoch: 0 });
    });
}

#[test]
fn invariant_13_too_many_requests_or_approvals_are_found() {
    check_finds(13, |run| {
        run.departures = (0..21).map(|n| at(0) + TimeDelta::milliseconds(47 * n)).collect();
    });
    check_finds(13, |run| {
        for n in 0..10 {
            run.insert(APPROVED, What::Approval(approval(&format!("j{n}"))));
        }
    });
}

#[test]
fn invariant_13_a_minute_is_judged_unless_the_clock_was_set_by_more_than_nobody_sees_in_it() {
    for (wrong_by_ms, is_found) in
        [(0, true), (10_000, true), (-10_000, true), (10_001, false), (-10_001, false)]
    {
        let violations = spoiled(|run| {
            for n in 0..10 {
                run.insert(APPROVED, What::Approval(approval(&format!("j{n}"))));
            }
            run.insert(APPROVED + 1, What::ClockSet { wrong_by_ms });
        });
        assert_eq!(violations.iter().any(|one| *one == 13), is_found, "{wrong_by_ms}: {violations:?}");
    }
}

#[test]
fn invariant_14_an_entry_above_its_share_of_the_cash_is_found() {
    check_finds(14, |run| {
        let cash = Money::new(Decimal::from(2_333_333), Currency::Krw);
        run.facts[APPROVED].what = What::Approval(Approval { cash, ..approval("i") });
    });
}

#[test]
fn invariant_14_an_entry_above_its_share_of_what_open_purchases_leave_is_found() {
    let with = |account: AccountTruth| {
        spoiled(move |run| {
            let cash = Money::new(Decimal::from(2_333_334), Currency::Krw);
            run.facts[APPROVED].what = What::Approval(Approval { cash, account, ..approval("i") });
        })
    };
    let account = approval("i").account;
    assert!(with(account.clone()).is_empty());
    assert!(with(AccountTruth { reserved: Decimal::ONE, ..account.clone() }).contains(&14));
    let fees_lately = Decimal::ONE;
    assert!(with(AccountTruth { reserved: Decimal::ONE, fees_lately, ..account }).is_empty());
}

#[test]
fn invariant_14_a_sale_of_more_than_is_held_and_not_being_sold_is_found() {
    let selling = |held: u64, other: Option<&'static str>| {
        spoiled(move |run| {
            let terms = domain::OrderTerms { side: Side::Sell, ..terms() };
            let account = AccountTruth { held: Quantity::new(held), ..approval("i").account };
            let sale =
                |intent| Approval { terms: terms.clone(), account: account.clone(), ..approval(intent) };
            run.facts[APPROVED].what = What::Approval(sale("i"));
            if let Some(other) = other {
                run.insert(APPROVED, What::Approval(sale(other)));
            }
        })
    };
    assert!(selling(9, None).contains(&14));
    assert!(!selling(10, None).contains(&14));
    assert!(selling(19, Some("j")).contains(&14));
    assert!(!selling(20, Some("j")).contains(&14));
}

#[test]
fn invariant_14_a_sale_by_rule_of_more_than_this_agent_bought_is_found() {
    // Bought by us, being sold by another order of ours, sold by rule or by a judgement; the account holds more of others.
    for (bought, other, is_own_sale, is_found) in [
        (10, 0, true, false),
        (9, 0, true, true),
        (0, 0, true, true),
        (0, 0, false, false),
        (19, 10, true, true),
        (20, 10, true, false),
    ] {
        let found = spoiled(|run| {
            let account = AccountTruth { held: Quantity::new(100), ..approval("i").account };
            let order = |side, shares, is_own_sale| Approval {
                terms: domain::OrderTerms { side, quantity: Quantity::new(shares), ..terms() },
                account: account.clone(),
                is_own_sale,
                ..approval("i")
            };
            let named = |intent: &str, approval: Approval| {
                What::Approval(Approval { intent: intent.into(), ..approval })
            };
            let (state, filled) = (OrderState::Filled, Quantity::new(bought));
            run.facts[APPROVED].what = What::Approval(order(Side::Sell, 10, is_own_sale));
            run.insert(APPROVED, named("k", order(Side::Sell, other, false)));
            run.insert(APPROVED, What::Update { intent: "j".into(), state, filled });
            run.insert(APPROVED, named("j", order(Side::Buy, bought, false)));
        });
        assert_eq!(found.contains(&14), is_found, "{bought} {other} {is_own_sale}");
    }
}

#[test]
fn invariant_15_a_failing_actor_is_found() {
    check_finds(15, |run| {
        run.insert(APPROVED, What::Failed { actor: "scanner", how: "was started again 1 times".into() });
    });
}

#[test]
fn invariant_19_an_approval_outside_the_session_is_found() {
    check_finds(19, |run| run.facts[APPROVED].at = "2026-11-24T06:30:00Z".parse().unwrap());
    check_finds(19, |run| run.facts[APPROVED].at = "2026-11-23T23:59:59Z".parse().unwrap());
    // In the closing auction, at 15:20 in Seoul.
    check_finds(19, |run| run.facts[APPROVED].at = "2026-11-24T06:20:00Z".parse().unwrap());
    check_finds(19, |run| run.facts[SENDING].at = "2026-11-24T06:20:00Z".parse().unwrap());
}

#[test]
fn invariant_19_a_clock_that_is_wrong_excuses_an_approval_and_no_order() {
    let evening = |run: &mut Run| {
        run.insert(APPROVED, What::ClockSet { wrong_by_ms: -3_600_000 });
        run.facts[APPROVED + 1].at = evening();
    };
    assert!(!spoiled(evening).contains(&19));
    check_finds(19, |run| {
        evening(run);
        run.facts[SENDING + 1].at = self::evening();
    });
    check_finds(19, |run| {
        evening(run);
        run.insert(APPROVED + 1, What::ClockSet { wrong_by_ms: 0 });
    });
}

#[test]
fn invariant_22_what_does_not_settle_is_found() {
    check_finds(22, |run| run.ledger[0].state = OrderState::Unknown);
    check_finds(22, |run| {
        let at = at(8);
        run.facts.push(Fact { at, what: What::Quiet });
    });
}
