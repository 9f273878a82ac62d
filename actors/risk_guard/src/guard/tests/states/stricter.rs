//! Limits that are made stricter while the agent runs.

use super::*;

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
