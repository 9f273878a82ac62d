//! Rules alone, and prices that are old or missing.

use super::*;

#[test]
fn the_rules_record_every_judgement_and_propose_exits_first() {
    in_virtual_time(async {
        let world = World::default();
        let house = launch(&world, None);
        house.decide(slot_key(Slot::Realtime(3)), candidates()).await;
        let decided = [
            text("000003", Action::Sell, 99),
            text("000001", Action::Buy, 80),
            text("000002", Action::Hold, 0),
        ];
        assert_eq!(world.decided(), decided);
        assert_eq!(world.proposed(), [("000003".to_owned(), Side::Sell), ("000001".to_owned(), Side::Buy)]);
        world.seen(|seen| {
            assert_eq!(seen.decisions[0].judge, "rules");
            assert_eq!((seen.proposals[0].score, seen.proposals[1].score), (None, Some(Decimal::TEN)));
            assert_eq!(seen.proposals[0].expires_at, open() + TimeDelta::seconds(60));
        });
        house.decide(slot_key(Slot::Realtime(3)), candidates()).await;
        assert_eq!(world.decided().len(), 3, "a slot is decided once");
    });
}

#[test]
fn a_holding_is_sold_by_the_rules_when_it_was_held_for_as_long_as_the_strategy_says() {
    let day = |back: i64| {
        let session_date = (open() - TimeDelta::days(back)).date_naive();
        let micros = 100_000_000;
        domain::messages::bars::DayBar {
            session_date,
            open_micros: micros,
            high_micros: micros,
            low_micros: micros,
            close_micros: micros,
            volume: 1,
        }
    };
    let mut held = candidate("000003", true, &[("holding_pnl_pct", 1)]);
    held.past = Arc::new((1..=20).rev().map(day).collect());
    for (days_ago, action) in [(Some(9), Action::Sell), (Some(8), Action::Hold), (None, Action::Hold)] {
        in_virtual_time(async {
            let bought = days_ago.map(|days| open() - TimeDelta::days(days));
            let world = World { bought, ..World::default() };
            launch(&world, None).decide(slot_key(Slot::Realtime(1)), vec![held.clone()]).await;
            assert_eq!(world.decided()[0].1, action, "{days_ago:?}: {}", world.rationale(0));
        });
    }
}

#[test]
fn a_session_is_traded_by_the_strategy_that_was_settled_for_it_and_each_decision_says_which() {
    let usual = Strategy::by_default(Thresholds::default()).to_json();
    let strategy = usual
        .replace("\"rhs_value\": 30.0", "\"rhs_value\": 60.0")
        .replace("\"fraction_pct\": 30.0", "\"fraction_pct\": 5.0");
    let version = StrategyVersion { version: 7, proposal: ProposalNumber(2), strategy };
    in_virtual_time(async {
        let world = World { settled: Ok(Some(version)), ..World::default() };
        let house = launch(&world, None);
        house.decide(slot_key(Slot::Realtime(3)), candidates()).await;
        house.decide(slot_key(Slot::Realtime(4)), candidates()).await;
        let bought: Vec<_> = world.proposed().into_iter().filter(|(_, side)| *side == Side::Buy).collect();
        assert_eq!(bought.len(), 4, "an RSI of 50 is below 60 too: {bought:?}");
        world.seen(|seen| {
            assert_eq!(seen.versions, [Some(7); 6]);
            assert_eq!(seen.settled.len(), 1, "nobody is asked twice in a session");
            let most =
                |side| seen.proposals.iter().filter(|one| one.side == side).map(|one| one.most_pct).next();
            assert_eq!((most(Side::Buy), most(Side::Sell)), (Some(Some(5.into())), Some(None)));
        });
        let standing = house.standing().await;
        assert_eq!(standing.strategies[0].proposal, Some(ProposalNumber(2)));
        let tomorrow =
            SlotKey { session_date: open().date_naive().succ_opt().unwrap(), ..slot_key(Slot::Realtime(1)) };
        house.decide(tomorrow, candidates()).await;
        assert_eq!(world.seen(|seen| seen.settled.len()), 2, "a session is asked about anew");
    });
}

#[test]
fn while_the_books_do_not_tell_what_a_market_trades_by_the_rules_hold() {
    in_virtual_time(async {
        let world = World { settled: Err(LedgerError::Storage("locked".into())), ..World::default() };
        let house = launch(&world, None);
        house.decide(slot_key(Slot::Realtime(1)), candidates()).await;
        assert!(world.decided().iter().all(|(_, action, sure)| (*action, *sure) == (Action::Hold, 0)));
        assert_eq!(world.rationale(0), "what the market is traded by is not known");
        house.decide(slot_key(Slot::Realtime(2)), candidates()).await;
        assert_eq!(world.seen(|seen| seen.settled.len()), 2, "it is asked again");
    });
}

#[test]
fn nothing_is_proposed_unless_its_decision_is_on_disk() {
    in_virtual_time(async {
        let world = World { ledger_works: false, ..World::default() };
        launch(&world, None).decide(slot_key(Slot::Realtime(1)), candidates()).await;
        assert_eq!(world.proposed(), []);
    });
}

#[test]
fn a_trade_without_a_fresh_price_nearby_is_held() {
    let cases = [
        (None, Action::Hold, Action::Hold, "No fresh price"),
        (Some(105), Action::Sell, Action::Buy, "profit of the holding"),
        (Some(106), Action::Sell, Action::Hold, "profit of the holding"),
        (Some(60), Action::Sell, Action::Hold, "profit of the holding"),
        (Some(10), Action::Hold, Action::Hold, "The price went from 100 to 10, more than 40 %"),
    ];
    for (quote, sell, buy, reason) in cases {
        in_virtual_time(async {
            let world = World { quote, ..World::default() };
            launch(&world, None).decide(slot_key(Slot::Realtime(1)), candidates()).await;
            let actions: Vec<_> = world.decided().into_iter().map(|(_, action, _)| action).collect();
            assert_eq!(actions, [sell, buy, Action::Hold], "{quote:?}");
            assert!(world.rationale(0).starts_with(reason), "{quote:?}: {}", world.rationale(0));
        });
    }
}

fn quoted(age: TimeDelta, restriction: Option<domain::Restriction>) -> Vec<Candidate> {
    let mut bought = candidate("000001", false, &[("rsi_14", 20), ("roc_1", 1)]);
    bought.quote = Some(Quote {
        instrument: bought.instrument.clone(),
        at: open() - age,
        last: price(101),
        open: None,
        high: None,
        low: None,
        change_pct: None,
        volume: None,
        bid: None,
        ask: None,
        delay: chrono::TimeDelta::zero(),
        rules: domain::StockRules { restriction, ..domain::StockRules::default() },
    });
    vec![bought]
}

#[test]
fn a_decision_by_the_prices_of_a_late_feed_says_so_in_its_record() {
    in_virtual_time(async {
        let world = World { quote: None, ..World::default() };
        let mut late = quoted(TimeDelta::seconds(1), None);
        for quote in late.iter_mut().filter_map(|candidate| candidate.quote.as_mut()) {
            quote.delay = TimeDelta::minutes(15);
        }
        launch(&world, None).decide(slot_key(Slot::Realtime(1)), late).await;
        let rationale = world.rationale(0);
        assert!(rationale.starts_with("[prices up to 15 min old] "), "{rationale}");
    });
}

#[test]
fn the_quote_of_the_scan_serves_for_seconds_and_an_older_one_is_asked_anew() {
    let cases = [(TimeDelta::seconds(4), Action::Buy), (TimeDelta::seconds(6), Action::Hold)];
    for (age, action) in cases {
        in_virtual_time(async {
            let world = World { quote: None, ..World::default() };
            launch(&world, None).decide(slot_key(Slot::Realtime(1)), quoted(age, None)).await;
            assert_eq!(world.decided()[0].1, action, "{age}: {}", world.rationale(0));
        });
    }
}

#[test]
fn a_stock_that_the_exchange_restricts_is_not_bought_but_sold() {
    in_virtual_time(async {
        let halted = Some(domain::Restriction::Halted);
        let world = World::default();
        let mut found = quoted(TimeDelta::zero(), halted);
        let quote = found[0].quote.clone().map(|quote| Quote { instrument: stock("000003"), ..quote });
        found.push(Candidate { quote, ..candidate("000003", true, &[("holding_pnl_pct", -5)]) });
        launch(&world, None).decide(slot_key(Slot::Realtime(1)), found).await;
        let actions: Vec<_> = world.decided().into_iter().map(|(_, action, _)| action).collect();
        assert_eq!(actions, [Action::Sell, Action::Hold]);
        assert!(world.rationale(1).contains("its trading is halted"), "{}", world.rationale(1));
    });
}
