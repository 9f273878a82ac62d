//! Books and account compared, stocks halted, too many unknown orders.

use domain::messages::symbols::{HoldingsCompared, SymbolHalt, SymbolHaltCause};

use super::doubles::stock;
use super::*;

fn position_halt() -> SymbolHalt {
    SymbolHalt {
        id: 1,
        instrument: stock("005930"),
        at: begun(),
        cause: SymbolHaltCause::Position,
        reason: "5 and 3".into(),
    }
}

#[test]
fn a_stock_that_the_comparison_halts_is_refused_by_riskguard() {
    trading(
        |_facts| (),
        async |world| {
            world.facts().compared.halted = vec![position_halt()];
            world.pass(60.0).await;
            world.facts().compared = HoldingsCompared::default();
            world.propose("005930");
            world.pass(0.5).await;
            let log = world.log();
            assert!(log.contains(&"risk: SymbolHalted".to_owned()), "{log:?}");
            assert_eq!(posts(&log), 0);
        },
    );
}

#[test]
fn a_difference_makes_the_list_be_asked_for_because_a_person_may_have_traded() {
    trading(
        |_facts| (),
        async |world| {
            world.facts().compared.doubted = vec![stock("000660")];
            world.facts().rows = Some(vec![row("000660", "0000000150", [7, 0])]);
            world.pass(60.0).await;
            let log = world.log();
            assert!(log.contains(&"ledger: halt by book_mismatch".to_owned()), "{log:?}");
        },
    );
}

#[test]
fn more_than_five_unknown_orders_within_an_hour_halt_trading_and_five_do_not() {
    for (unknowns, halts) in [(5, false), (6, true)] {
        trading(
            |facts| facts.outcome = Outcome::Unknown("no answer".into()),
            async |world| {
                world.facts().unknowns = unknowns;
                world.propose("005930");
                world.pass(1.0).await;
                let log = world.log();
                assert_eq!(log.contains(&"ledger: halt by unknown_orders".to_owned()), halts, "{log:?}");
                assert_eq!(world.gate.is_open(), !halts);
            },
        );
    }
}

#[test]
fn a_start_after_too_many_unknown_orders_halts_although_the_last_life_died_before_it_could() {
    world(
        |facts| facts.unknowns = 6,
        async |world| {
            world.pass(1.0).await;
            assert!(world.log().contains(&"ledger: halt by unknown_orders".to_owned()));
            assert!(!world.gate.is_open());
        },
    );
}
