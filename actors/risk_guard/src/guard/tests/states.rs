//! Three trading states, codes, ceilings and causes of halts, through the actor.

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
fn a_flatten_sells_what_is_ours_by_ordinary_orders_then_halts_for_good() {
    holding(5, async |world| {
        // Two of the five were bought by somebody else.
        world.facts().own = vec![OwnPosition {
            instrument: stock("005930"),
            quantity: Quantity::new(3),
            entry: None,
            since: None,
            peak: None,
        }];
        let report = world.request_reduce("leaving", true).await;
        assert_eq!(report.record.level, HaltLevel::Flatten);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let placed = world.facts().placed.clone();
        assert_eq!(
            placed.iter().map(|(_, terms)| terms.to_string()).collect::<Vec<_>>(),
            ["SELL 3 KR:005930 at 69800"]
        );
        tokio::time::sleep(Duration::from_secs(12)).await;
        assert_eq!(world.facts().placed.len(), 1, "it is still working");
        assert_eq!(world.state().await, TradingState::Reducing);
        world.facts().own = Vec::new();
        let (intent, terms) = placed[0].clone();
        let update = OrderUpdate {
            intent,
            terms,
            state: OrderState::Filled,
            filled: Quantity::new(3),
            at: world.clock.now(),
        };
        world.update.tell(update).unwrap();
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert!(world.log().contains(&"ledger: latch".to_owned()));
        assert_eq!(world.state().await, TradingState::Halted);
        assert!(!world.gate.is_open());
        world.restart();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(world.state().await, TradingState::Halted, "the latch is in the books");
        assert!(world.request_resume(Some(&report.record.id)).await.unwrap().trading);
    });
}

#[test]
fn a_flatten_asks_for_no_order_that_the_market_refuses_and_says_once_what_remains() {
    trading(async |world| {
        let toyota = Instrument { market: Market::Jp, symbol: "7203".parse().unwrap() };
        world.facts().own = vec![OwnPosition {
            instrument: toyota.clone(),
            quantity: Quantity::new(50),
            entry: None,
            since: None,
            peak: None,
        }];
        let mut snapshot = account(world.clock.now(), 0);
        snapshot.currency = Currency::Jpy;
        (snapshot.cash, snapshot.equity) = (None, None);
        snapshot.holdings[0].instrument = toyota;
        snapshot.holdings[0].sellable = Quantity::new(50);
        snapshot.holdings[0].price = Some("2500".parse().unwrap());
        world.account.tell(AccountUpdated { snapshot }).unwrap();
        world.request_reduce("leaving", true).await;
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert!(world.facts().placed.is_empty());
        assert_eq!(world.state().await, TradingState::Reducing, "it is not done");
        let said: Vec<_> = world.log().into_iter().filter(|line| line.contains("50 shares of")).collect();
        assert_eq!(said.len(), 1, "{said:?}");
    });
}

#[test]
fn a_flatten_goes_on_where_the_books_are_after_a_restart() {
    holding(5, async |world| {
        world.facts().own = vec![OwnPosition {
            instrument: stock("005930"),
            quantity: Quantity::new(5),
            entry: None,
            since: None,
            peak: None,
        }];
        world.facts().approval = Err(LedgerError::Storage("locked".into()));
        world.request_reduce("leaving", true).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(world.facts().placed.is_empty());
        world.facts().approval = Ok(());
        world.restart();
        tokio::time::sleep(Duration::from_secs(2)).await;
        let mut snapshot = account(world.clock.now(), 10_000_000);
        snapshot.holdings[0].price = Some("70000".parse().unwrap());
        world.account.tell(AccountUpdated { snapshot }).unwrap();
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(world.facts().placed.len(), 1);
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

async fn tighten(world: &World, change: LimitsChange) -> Result<LimitsInForce, TightenError> {
    let (source, by, reason) = (HaltSource::Operator, "kim".into(), "a wild day".into());
    let request = TightenLimits { source, by, reason, change };
    world.tighten.ask(request, Duration::from_secs(10)).await.unwrap()
}

#[test]
fn invariant_14_limits_are_made_stricter_while_running_stay_so_after_a_restart_and_never_looser() {
    trading(async |world| {
        let order = |pct: &str| LimitsChange::of(LimitName::MaxOrderPct, pct.parse().unwrap());
        assert_eq!(tighten(&world, LimitsChange::default()).await, Err(TightenError::NothingAsked));
        let stricter = tighten(&world, order("4")).await.unwrap();
        assert_eq!(stricter.values[&LimitName::MaxOrderPct].to_string(), "4");
        for looser in ["4.01", "30", "31", "0"] {
            let refused = tighten(&world, order(looser)).await;
            assert!(matches!(refused, Err(TightenError::NotAllowed(_))), "{looser}: {refused:?}");
        }
        world.restart();
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.tell_account(10_000_000).await;
        world.log();
        world.propose("005930", Side::Buy).await;
        assert_eq!(world.log(), ["refused: FatFinger"], "5 % are sized, 4 % are allowed");
        world.facts().ledger_silent = true;
        let change = LimitsChange::of(LimitName::MaxOrdersPerDay, 0.into());
        assert!(matches!(tighten(&world, change).await, Err(TightenError::NotDurable(_))));
    });
}

#[test]
fn whoever_wants_a_looser_limit_is_told_exactly_what_would_loosen_it() {
    trading(async |world| {
        let order = |pct: &str| LimitsChange::of(LimitName::MaxOrderPct, pct.parse().unwrap());
        let refused = async |pct: &str| match tighten(&world, order(pct)).await {
            Err(TightenError::NotAllowed(why)) => why,
            other => panic!("{pct}: {other:?}"),
        };
        // The setting of this world is 30.
        tighten(&world, order("20")).await.unwrap();
        let withdraw = "kestrel limits --withdraw --reason";
        let by_setting = refused("25").await;
        assert!(by_setting.contains("MAX_ORDER_PCT=30 allows it"), "{by_setting}");
        assert!(by_setting.contains(withdraw) && by_setting.contains("start it again"), "{by_setting}");
        let beyond = refused("31").await;
        assert!(beyond.contains("above 0, at most 30") && !beyond.contains(withdraw), "{beyond}");
        let fresh = LimitsChange::of(LimitName::MaxOrdersPerDay, 200.into());
        let Err(TightenError::NotAllowed(why)) = tighten(&world, fresh).await else { panic!() };
        assert!(why.contains("set MAX_ORDERS_PER_DAY=200 and start it again"), "{why}");
        assert!(!why.contains(withdraw), "nothing was made stricter: {why}");
        tighten(&world, LimitsChange::of(LimitName::MaxOrdersPerDay, 50.into())).await.unwrap();
        let both = LimitsChange::of(LimitName::MaxOrdersPerDay, 200.into());
        let Err(TightenError::NotAllowed(why)) = tighten(&world, both).await else { panic!() };
        assert!(why.contains("set MAX_ORDERS_PER_DAY=200") && why.contains(withdraw), "{why}");
    });
}

/// A stricter value of `name` that makes RiskGuard refuse a proposal that passed before, and with which code.
async fn tightened(world: &World, name: LimitName) -> (&'static str, &'static str) {
    match name {
        LimitName::MaxLossPct => ("0.5", "Halted"),
        LimitName::MaxOrderPct => ("4", "FatFinger"),
        LimitName::ConfidenceThreshold => ("91", "LowConfidence"),
        LimitName::MaxOrdersPerMinute | LimitName::MaxOrdersPerDay => ("0", "TooManyOrders"),
        LimitName::MaxSymbolPct => ("1", "SymbolExposure"),
        LimitName::MaxExposurePct => ("1", "TotalExposure"),
        LimitName::MaxQuoteAgeS => ("1", "StaleQuote"),
        LimitName::MaxQuoteJumpPct => {
            world.hear("035420", "69900");
            ("0.1", "QuoteJump")
        }
        LimitName::RefusalCooldownMin => ("20", "CoolingDown"),
        LimitName::StopCooldownMin => ("200", "StoppedOut"),
        LimitName::ReentryGuardMin => ("60", "BoughtBack"),
    }
}

#[test]
fn invariant_14_each_limit_by_name_bites_as_soon_as_it_is_made_stricter() {
    for name in LimitName::ALL {
        world_with_a_past(async |world| {
            world.propose("000660", Side::Buy).await;
            let log = world.log();
            assert!(log.iter().any(|line| line == "broker: order"), "{name}: before it, {log:?}");
            let (value, code) = tightened(&world, name).await;
            let proposal = world.proposal("035420", Side::Buy);
            tighten(&world, LimitsChange::of(name, value.parse().unwrap())).await.unwrap();
            tokio::time::sleep(Duration::from_secs(2)).await;
            world.tell_account(9_900_000).await;
            world.log();
            world.propose.tell(proposal).unwrap();
            world.settle().await;
            assert_eq!(world.log(), [format!("refused: {code}")], "{name}");
        });
    }
}

/// Trading since a day that began with ten million and stands a percent below; 035420 was refused 15 minutes ago, sold at a
/// loss 130 minutes ago and, cheaper than it is now, at a gain 40 minutes ago.
fn world_with_a_past(test: impl AsyncFnOnce(World)) {
    let start: DateTime<Utc> = "2026-11-24T01:00:00Z".parse().unwrap();
    let past = |minutes: i64, kind| Setback {
        instrument: stock("035420"),
        at: start - TimeDelta::minutes(minutes),
        kind,
    };
    let sold = |price: &str, result: i64| SetbackKind::Sold {
        price: price.parse().unwrap(),
        result: Some(won(result)),
    };
    let prepare = |facts: &mut super::doubles::Facts| {
        facts.day_start = Some(won(10_000_000));
        facts.setbacks = vec![
            past(130, sold("90000", -1)),
            past(40, sold("60000", 1)),
            past(15, SetbackKind::Refused { why: "APBK0013".into() }),
        ];
    };
    super::world::world(prepare, async |world| {
        world.tell_account(9_900_000).await;
        world.log();
        test(world).await;
    });
}

#[test]
fn invariant_14_a_stricter_loss_limit_judges_the_day_at_once() {
    trading(async |world| {
        world.tell_account(9_850_000).await;
        assert!(world.gate.is_open());
        let change = LimitsChange::of(LimitName::MaxLossPct, 1.into());
        tighten(&world, change).await.unwrap();
        world.settle().await;
        assert_eq!(world.state().await, TradingState::Reducing, "another account is asked for at once");
        world.tell_account(9_850_000).await;
        assert_eq!(world.state().await, TradingState::Halted);
    });
}

#[test]
fn invariant_13_the_count_of_orders_outlives_a_restart() {
    trading(async |world| {
        let change = LimitsChange::of(LimitName::MaxOrdersPerDay, 2.into());
        tighten(&world, change).await.unwrap();
        for symbol in ["005930", "000660"] {
            world.propose(symbol, Side::Buy).await;
        }
        world.restart();
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.tell_account(10_000_000).await;
        world.log();
        world.propose("035420", Side::Buy).await;
        assert_eq!(world.log(), ["refused: TooManyOrders"]);
        world.propose("005930", Side::Sell).await;
        assert!(world.log().contains(&"broker: order".to_owned()), "an exit stays possible");
    });
}

/// A reproducible stream of numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// What may leave after a halt's row was written and before its release.
fn orders_under_a_halt(log: &[String]) -> Vec<usize> {
    let mut halted = false;
    let mut found = Vec::new();
    for (place, line) in log.iter().enumerate() {
        match line.as_str() {
            "ledger: halt" => halted = true,
            "broker: order" if halted => found.push(place),
            line if line.starts_with("ledger: release") => halted = false,
            _ => {}
        }
    }
    found
}

#[test]
fn invariant_10_two_hundred_halts_at_random_instants_let_nothing_through_until_a_named_resume() {
    trading(async |world| {
        let change = Duration::from_millis;
        let mut dice = Dice(7);
        let mut log: Vec<String> = Vec::new();
        for number in 0..200 {
            world.facts().approval_takes = change(dice.below(8));
            world.facts().halt_takes = change(dice.below(8));
            world.facts().approved.clear();
            // A life of its own forgets the count, so that the ceilings do not hide what is looked for.
            world.restart();
            tokio::time::sleep(Duration::from_secs(1)).await;
            world.tell_account(10_000_000).await;
            for symbol in ["005930", "000660", "035420"] {
                world.propose.tell(world.proposal(symbol, Side::Buy)).unwrap();
                tokio::time::sleep(change(dice.below(5))).await;
            }
            let halted = world.request_halt(&format!("halt {number}")).await;
            if dice.below(2) == 0 {
                world.restart();
            }
            for symbol in ["051910", "006400"] {
                tokio::time::sleep(change(dice.below(400))).await;
                world.propose.tell(world.proposal(symbol, Side::Buy)).unwrap();
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert!(!world.gate.is_open());
            log.extend(world.log());
            assert_eq!(orders_under_a_halt(&log), Vec::<usize>::new());
            world.request_resume(Some(&halted.record.id)).await.unwrap();
            let placed = std::mem::take(&mut world.facts().placed);
            for (intent, terms) in placed {
                let (state, filled, at) = (OrderState::Expired, Quantity::ZERO, world.clock.now());
                world.update.tell(OrderUpdate { intent, terms, state, filled, at }).unwrap();
            }
            world.settle().await;
        }
        assert!(orders(&log) > 100, "orders did leave between the halts: {}", orders(&log));
    });
}

#[test]
fn the_request_to_reduce_is_answered_even_when_it_is_repeated_word_for_word() {
    trading(async |world| {
        let first = world.request_reduce("a wild day", false).await;
        let again = world.request_reduce("a wild day", false).await;
        assert_eq!(first.record, again.record);
        let (source, by, reason) = (HaltSource::Operator, "kim".to_owned(), "a wild day".to_owned());
        let other = RequestReduce { source, by, reason, flatten: true };
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
