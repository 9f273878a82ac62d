//! Three trading states, codes, ceilings and causes of halts, through the actor.

mod chance;
mod flatten;
mod stricter;

use domain::messages::control::{RequestReduce, RequestResume, ResumeWarrant, TradingStatus};
use domain::messages::limits::{
    AccountUnconfirmed, LimitName, LimitsChange, LimitsInForce, OwnPosition, Setback, SetbackKind,
    TightenError, TightenLimits,
};
use domain::{HaltId, HaltNonce};

use super::world::{World, stock};
use domain::messages::market_data::PriceSeen;

use super::*;

const KR: Currency = Currency::Krw;

async fn status(world: &World) -> TradingStatus {
    world.status.ask(domain::messages::control::StatusQuery, Duration::from_secs(2)).await.unwrap()
}

async fn demand(world: &World, side: Side, quantity: u64) {
    let demanded = Some(Quantity::new(quantity));
    let proposal =
        domain::messages::trading::Proposal { quantity: demanded, ..world.proposal("005930", side) };
    world.propose.tell(proposal).unwrap();
    world.settle().await;
}

fn orders(log: &[String]) -> usize {
    log.iter().filter(|line| *line == "broker: order").count()
}

/// A world that trades and holds `shares` of 005930.
fn holding(shares: u64, test: impl AsyncFnOnce(World)) {
    trading(async |world| {
        let mut snapshot = account(world.clock.now(), 10_000_000);
        snapshot.holdings[0].quantity = Quantity::new(shares);
        snapshot.holdings[0].sellable = Quantity::new(shares);
        snapshot.holdings[0].price = Some("70000".parse().unwrap());
        snapshot.holdings.retain(|holding| !holding.quantity.is_zero());
        world.account.tell(AccountUpdated { snapshot }).unwrap();
        world.settle().await;
        test(world).await;
    });
}

/// Lessons 6.3: the row, what stands (none: a full halt), shares held, the demands, and how many orders must leave.
#[test]
fn acceptance_table_rg_0_to_rg_f() {
    let sell = |shares| (Side::Sell, shares);
    let buy = |shares| (Side::Buy, shares);
    let cases = [
        ("RG-D halted, flat, BUY 1", false, 0, vec![buy(1)], 0, "refused: Halted"),
        ("RG-0 reducing, long 1, SELL 1", true, 1, vec![sell(1)], 1, "broker: order"),
        ("RG-A reducing, long 1, SELL 5", true, 1, vec![sell(5)], 0, "refused: Oversize"),
        ("RG-B reducing, flat, BUY 1", true, 0, vec![buy(1)], 0, "refused: Reducing"),
        ("RG-B reducing, flat, SELL 1", true, 0, vec![sell(1)], 0, "refused: NothingToSell"),
        ("RG-F reducing, long 1, SELL 1 twice", true, 1, vec![sell(1), sell(1)], 1, "refused: OpenOrder"),
        ("RG-E halted, long 1, SELL 1: there is no bypass", false, 1, vec![sell(1)], 0, "refused: Halted"),
    ];
    for (row, reducing, shares, demands, forwarded, last) in cases {
        holding(shares, async |world| {
            if reducing {
                world.request_reduce("a wild day", false).await;
            } else {
                world.request_halt("a wild day").await;
            }
            world.log();
            for (side, quantity) in demands {
                demand(&world, side, quantity).await;
            }
            let log: Vec<_> = world.log().into();
            assert_eq!(
                (orders(&log), log.last().map(String::as_str)),
                (forwarded, Some(last)),
                "{row}: {log:?}"
            );
        });
    }
}

#[test]
fn acceptance_table_rg_c_no_reset_and_no_restart_lifts_a_halt() {
    holding(1, async |world| {
        world.request_halt("a wild day").await;
        world.restart();
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.tell_account(10_000_000).await;
        world.log();
        demand(&world, Side::Buy, 1).await;
        assert_eq!(world.log(), ["refused: Halted"]);
    });
}

#[test]
fn invariant_14_a_demand_is_taken_as_it_is_or_refused_and_never_clipped() {
    for (side, quantity, placed) in [
        (Side::Buy, 7, Some("BUY 7 KR:005930 at 70200")),
        (Side::Buy, 3, Some("BUY 3 KR:005930 at 70200")),
        (Side::Buy, 8, None),
        (Side::Buy, 0, None),
        (Side::Sell, 5, Some("SELL 5 KR:005930 at 69800")),
        (Side::Sell, 6, None),
    ] {
        trading(async |world| {
            demand(&world, side, quantity).await;
            let orders: Vec<_> = world.facts().placed.iter().map(|(_, terms)| terms.to_string()).collect();
            assert_eq!(
                orders,
                placed.map(str::to_owned).into_iter().collect::<Vec<_>>(),
                "{side} {quantity}"
            );
        });
    }
}

#[test]
fn reducing_survives_a_restart_lets_exits_pass_and_is_lifted_by_name() {
    holding(5, async |world| {
        let report = world.request_reduce("a wild day", false).await;
        assert_eq!((report.record.level, report.durability), (HaltLevel::Reducing, Durability::Ledger));
        assert_eq!(report.positions.len(), 1, "what is held is listed");
        assert!(world.gate.is_open_for(report.epoch), "exits may leave, of the new epoch");
        world.restart();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(world.state().await, TradingState::Reducing);
        world.tell_account(10_000_000).await;
        world.log();
        world.propose("005930", Side::Buy).await;
        world.propose("005930", Side::Sell).await;
        assert_eq!(world.log(), ["refused: Reducing", "ledger: approval", "broker: order"]);
        let resumed = world.request_resume(Some(&report.record.id)).await.unwrap();
        assert_eq!((resumed.trading, resumed.state), (true, TradingState::Active));
    });
}

#[test]
fn a_step_to_reducing_that_the_books_do_not_take_is_a_full_halt() {
    holding(5, async |world| {
        world.facts().ledger_silent = true;
        let report = world.request_reduce("a wild day", false).await;
        assert_eq!((report.record.level, report.durability), (HaltLevel::Halted, Durability::EmergencyFile));
        assert!(!world.gate.is_open());
        assert_eq!(world.facts().file.first().map(|record| record.level), Some(HaltLevel::Halted));
    });
}

#[test]
fn a_resume_into_reducing_lifts_the_halt_and_leaves_a_row_of_its_own() {
    holding(5, async |world| {
        let halted = world.request_halt("a wild day").await;
        let request = RequestResume { into_reducing: true, ..RequestResume::local("kim", None) };
        let report = world.ask_resume(request).await.unwrap();
        assert_eq!((report.lifted[0].id.clone(), report.state), (halted.record.id, TradingState::Reducing));
        let left = world.facts().halts.clone();
        assert_eq!((left.len(), left[0].level, left[0].by.as_str()), (1, HaltLevel::Reducing, "kim"));
        world.log();
        world.propose("005930", Side::Buy).await;
        world.propose("005930", Side::Sell).await;
        assert_eq!(world.log(), ["refused: Reducing", "ledger: approval", "broker: order"]);
        assert_eq!(world.request_resume(None).await.unwrap().state, TradingState::Active);
    });
}

#[test]
fn a_full_halt_over_reducing_stays_full_until_its_own_release() {
    holding(5, async |world| {
        let reduced = world.request_reduce("a wild day", false).await;
        let halted = world.request_halt("wilder").await;
        assert_eq!(world.state().await, TradingState::Halted);
        let resumed = world.request_resume(Some(&reduced.record.id)).await.unwrap();
        assert_eq!((resumed.trading, resumed.state), (false, TradingState::Halted));
        let resumed = world.request_resume(Some(&halted.record.id)).await.unwrap();
        assert_eq!((resumed.trading, resumed.state), (true, TradingState::Active));
    });
}

#[test]
fn invariant_25_a_resume_from_afar_needs_the_code_of_the_halt_that_stands() {
    trading(async |world| {
        let first = world.request_halt("a wild day").await.record;
        let remote = |halt: &str, nonce: HaltNonce| RequestResume {
            warrant: ResumeWarrant::Remote {
                source: HaltSource::Telegram,
                halt: HaltId::from_stored(halt.to_owned()),
                nonce,
            },
            ..RequestResume::local("kim", None)
        };
        let wrong = world.ask_resume(remote(&first.id, HaltNonce::new(99))).await;
        assert_eq!(wrong, Err(ResumeError::WrongNonce(first.id.clone())));
        let empty = world.ask_resume(remote(&first.id, HaltNonce::default())).await;
        assert_eq!(empty, Err(ResumeError::WrongNonce(first.id.clone())));
        assert!(
            world.log().iter().any(|line| line.starts_with("event: a resume by kim (telegram) was refused"))
        );
        assert!(world.ask_resume(remote(&first.id, first.nonce.clone())).await.is_ok());

        let replayed = world.ask_resume(remote(&first.id, first.nonce.clone())).await;
        assert_eq!(replayed, Err(ResumeError::NotHalted));
        let second = world.request_halt("a wild day").await.record;
        assert_ne!(first.nonce, second.nonce);
        let stale = world.ask_resume(remote(&second.id, first.nonce)).await;
        assert_eq!(stale, Err(ResumeError::WrongNonce(second.id)));
        assert!(!world.gate.is_open());
    });
}

#[test]
fn invariant_12_a_fenced_process_halts_for_good_and_leaves_the_others_books_alone() {
    trading(async |world| {
        let report = world.request_halt_from(HaltSource::Fencing, "another process owns the books").await;
        assert_eq!((report.durability, world.gate.is_open()), (Durability::NotDurable, false));
        assert!(world.facts().halts.is_empty() && world.facts().file.is_empty());
        assert!(matches!(world.request_resume(None).await, Err(ResumeError::ForGood(_))));
        assert_eq!(world.state().await, TradingState::Halted);
    });
}

#[test]
fn invariant_11_every_cause_takes_the_same_path_and_stays_until_a_person_resumes() {
    for source in [HaltSource::Storage, HaltSource::ClockSkew, HaltSource::Integrity, HaltSource::Supervision]
    {
        trading(async |world| {
            let report = world.request_halt_from(source, "a cause").await;
            assert_eq!((report.record.source, report.durability), (source, Durability::Ledger));
            world.restart();
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(world.state().await, TradingState::Halted, "{source}");
            assert!(world.request_resume(None).await.unwrap().trading);
        });
    }
}

#[test]
fn invariant_11_books_that_cannot_be_written_are_not_asked_again_and_again_for_their_own_halt() {
    trading(async |world| {
        world.facts().ledger_silent = true;
        let report = world.request_halt_from(HaltSource::Storage, "the disk is full").await;
        assert_eq!(report.durability, Durability::EmergencyFile);
        let before = tokio::time::Instant::now();
        let again = world.request_halt_from(HaltSource::Storage, "the disk is full").await;
        assert_eq!((again.record, again.durability), (report.record, Durability::EmergencyFile));
        assert_eq!(before.elapsed(), Duration::ZERO, "the silent ledger was not waited for");
    });
}

#[test]
fn an_equity_that_nobody_confirms_three_times_allows_exits_only_until_it_is_confirmed() {
    trading(async |world| {
        let missed = || AccountUnconfirmed { currency: KR, why: "down".into() };
        for expected in [TradingState::Active, TradingState::Active, TradingState::Reducing] {
            world.missed.tell(missed()).unwrap();
            world.settle().await;
            assert_eq!(world.state().await, expected);
        }
        assert!(status(&world).await.entry_blocks.iter().any(|why| why.contains("confirmed")));
        world.log();
        world.propose("005930", Side::Buy).await;
        world.propose("005930", Side::Sell).await;
        assert_eq!(world.log(), ["refused: Reducing", "ledger: approval", "broker: order"]);
        let mut silent = account(world.clock.now(), 10_000_000);
        silent.equity = None;
        world.account.tell(AccountUpdated { snapshot: silent }).unwrap();
        world.settle().await;
        assert_eq!(world.state().await, TradingState::Reducing, "an account without equity confirms nothing");
        world.tell_account(10_000_000).await;
        assert_eq!(world.state().await, TradingState::Active);
    });
}

#[test]
fn the_request_to_reduce_is_answered_even_when_it_is_repeated_word_for_word() {
    trading(async |world| {
        let first = world.request_reduce("a wild day", false).await;
        let again = world.request_reduce("a wild day", false).await;
        assert_eq!(first.record, again.record);
        let (source, by, reason) = (HaltSource::Operator, "kim".to_owned(), "a wild day".to_owned());
        let other = RequestReduce { source, by, reason, flatten: true, cancel_open: false };
        let flatten = world.reduce.ask(other, Duration::from_secs(10)).await.unwrap();
        assert_ne!(first.record.id, flatten.record.id, "another level is another row");
    });
}

#[test]
fn a_holding_without_a_price_closes_its_market_to_purchases_until_it_has_one() {
    trading(async |world| {
        let now = world.clock.now();
        let change = SessionChanged {
            market: Market::Kr,
            session_date: Market::Kr.date_at(now),
            phase: domain::messages::schedule::Phase::Continuous,
            trust: domain::messages::schedule::Trust::Certain,
            source: domain::messages::schedule::DaySource::Calendar,
            orders_until: Some(now + chrono::TimeDelta::hours(5)),
            at: now,
        };
        world.session.tell(change).unwrap();
        let is_blind =
            async || status(&world).await.entry_blocks.iter().any(|why| why.contains("has had no price"));
        tokio::time::sleep(Duration::from_secs(115)).await;
        assert!(!is_blind().await);
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert!(is_blind().await);
        world.tell_account(10_000_000).await;
        world.log();
        world.propose("000660", Side::Buy).await;
        world.propose("005930", Side::Sell).await;
        assert_eq!(world.log(), ["refused: Blind", "ledger: approval", "broker: order"]);
        let instrument = stock("005930");
        world
            .price
            .tell(PriceSeen { instrument, price: "70000".parse().unwrap(), at: world.clock.now() })
            .unwrap();
        world.settle().await;
        assert!(!is_blind().await, "it clears by itself");
    });
}

#[test]
fn invariant_25_a_breakers_halt_is_lifted_from_the_chat_only_when_its_loss_is_over() {
    trading(async |world| {
        world.tell_account(9_699_999).await;
        world.tell_account(9_699_999).await;
        let breaker = world.facts().halts[0].clone();
        let remote = || RequestResume {
            warrant: ResumeWarrant::Remote {
                source: HaltSource::Telegram,
                halt: HaltId::from_stored(breaker.id.clone()),
                nonce: breaker.nonce.clone(),
            },
            ..RequestResume::local("kim", None)
        };
        let refused = world.ask_resume(remote()).await;
        assert!(matches!(refused, Err(ResumeError::NotFromChat(_))), "{refused:?}");
        assert!(!world.gate.is_open());
        world.tell_account(9_800_000).await;
        world.tell_account(9_800_000).await;
        assert!(world.ask_resume(remote()).await.is_ok());
    });
}
