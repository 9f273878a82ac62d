//! Who is looked at, who is chosen, and what is asked about them.

use super::*;

#[test]
fn a_stock_that_riskguard_lets_wait_is_no_candidate_and_the_reason_is_written_down() {
    in_virtual_time(async {
        let refused = WaitCause::Refused { why: "NoCash".to_owned() };
        let sold = |value| WaitCause::Sold { price: price(value) };
        let waits = vec![
            ("000001", refused),
            ("000002", sold(200)),
            ("000003", sold(99)),
            ("000007", WaitCause::Lost),
        ];
        let holding = Some("000007");
        let broker = Broker { rows: rows(), holding, waits: Some(waits), ..Broker::default() };
        let (scan, brain) = launch(&broker);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(brain.found(), [["000002", "000007"]], "what is held is not bought anyway");
        let made: Vec<_> = taken(&brain.selections).into_iter().flat_map(|made| made.selections).collect();
        let of = |symbol: &str| made.iter().find(|one| one.instrument == stock(symbol)).unwrap();
        for (symbol, words) in [("000001", "refused (NoCash)"), ("000003", "not bought above 99")] {
            let Selection { verdict, evidence, .. } = of(symbol);
            assert_eq!(*verdict, Verdict::Rejected(SelectionGate::Wait), "{symbol}");
            assert!(evidence.wait.as_ref().unwrap().to_string().contains(words), "{evidence:?}");
        }
        assert_eq!(broker.asked("quote 000001"), 0, "nothing is asked about it");
        let passed = |symbol| of(symbol).evidence.gates.iter().any(|check| check.gate == SelectionGate::Wait);
        assert_eq!((passed("000002"), passed("000007")), (true, false));
    });
}

#[test]
fn while_nobody_tells_what_waits_the_scan_goes_on_and_a_look_at_what_is_held_does_not_ask() {
    in_virtual_time(async {
        let broker = Broker { rows: rows(), holding: Some("000007"), ..Broker::default() };
        let (scan, brain) = launch(&broker);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(
            (brain.found(), broker.asked("waits")),
            (vec![vec!["000001".to_owned(), "000002".into(), "000007".into()]], 1)
        );
        let look = ScanDue { key: SlotKey { slot: Slot::Exits(1), ..cycle(1).key }, ..cycle(1) };
        scan.tell(look).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(broker.asked("waits"), 1);
    });
}

#[test]
fn a_scan_tells_the_top_stocks_and_every_holding() {
    in_virtual_time(async {
        let broker = Broker { rows: rows(), holding: Some("000007"), ..Broker::default() };
        let (scan, brain) = launch(&broker);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(brain.found(), [["000001", "000002", "000007"]]);
    });
}

#[test]
fn bars_are_asked_for_once_a_session_and_of_candidates_only() {
    in_virtual_time(async {
        let broker = Broker { rows: rows(), ..Broker::default() };
        let (scan, brain) = launch(&broker);
        for number in 0..3 {
            scan.tell(cycle(number)).unwrap();
            sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(brain.found().len(), 3);
        assert_eq!((broker.asked("bars 000001"), broker.asked("quote 000001")), (1, 3));
        assert_eq!((broker.asked("bars"), broker.asked("bars 000003")), (2, 0), "candidates only");
        let seen = taken(&brain.bars);
        let stocks: Vec<_> = seen.iter().map(|seen| seen.instrument.symbol.as_str()).collect();
        assert_eq!(stocks, ["000001", "000002"], "each is written down once");
        let today = open().date_naive();
        assert!(seen.iter().all(|seen| !seen.bars.is_empty()));
        assert!(
            seen.iter().flat_map(|seen| &seen.bars).all(|bar| bar.session_date < today),
            "finished days only"
        );
        assert_eq!(
            (broker.asked("quote 000003"), broker.asked("quote 000004")),
            (3, 0),
            "one stock to spare"
        );
    });
}

#[test]
fn rows_that_tell_everything_cost_no_quote_and_an_unknown_stock_is_looked_at_once_a_session() {
    in_virtual_time(async {
        let mut unknown = full_row("000001", 9);
        unknown.status = None;
        let rows = Some(vec![unknown, full_row("000002", 8), full_row("000003", 7)]);
        let broker = Broker { rows, ..Broker::default() };
        let (scan, brain) = launch(&broker);
        for number in 0..3 {
            scan.tell(cycle(number)).unwrap();
            sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(brain.found(), [["000001", "000002"], ["000001", "000002"], ["000001", "000002"]]);
        assert_eq!((broker.asked("quote 000001"), broker.asked("quote")), (1, 1));
    });
}

#[test]
fn candidates_are_measured_by_the_strategy_of_the_session_which_is_asked_for_once() {
    in_virtual_time(async {
        let usual = Strategy::by_default(Thresholds::default()).to_json();
        let mut json: serde_json::Value = serde_json::from_str(&usual).unwrap();
        for term in json["entry"]["terms"].as_array_mut().unwrap() {
            term["all_of"].as_array_mut().unwrap().iter_mut().for_each(|one| one["lag"] = 9.into());
        }
        let strategy = json.to_string().replace("sma_20_distance_pct", "sma_200_distance_pct");
        let settled = Some(StrategyVersion { version: 7, proposal: ProposalNumber(2), strategy });
        let broker = Broker { rows: rows(), settled, ..Broker::default() };
        let (scan, brain) = launch(&broker);
        for number in 0..3 {
            scan.tell(cycle(number)).unwrap();
            sleep(Duration::from_secs(1)).await;
        }
        assert_eq!((broker.asked("strategy"), broker.asked("209 days"), broker.asked("200 days")), (1, 2, 0));
        let found = taken(&brain.found);
        let features = &found[0].candidates[0].features;
        assert!(features.iter().any(|(name, _)| name == "sma_200_distance_pct"), "{features:?}");
        let made = taken(&brain.selections);
        let gates = &made[0].selections[0].evidence.gates;
        let gate = gates.iter().find(|check| check.gate == SelectionGate::Strategy).unwrap();
        assert_eq!((gate.value, gate.threshold), (Some(0.into()), Some(2.into())));
    });
}

#[test]
fn a_failing_stock_is_left_out_and_the_rest_goes_on() {
    in_virtual_time(async {
        let broker = Broker { rows: rows(), failing: vec!["000001"], ..Broker::default() };
        let (scan, brain) = launch(&broker);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(brain.found(), [["000002", "000003"]]);
        let verdicts = brain.verdicts();
        assert!(
            verdicts.contains(&("000001".to_owned(), Verdict::Rejected(SelectionGate::History))),
            "{verdicts:?}"
        );
    });
}

#[test]
fn every_stock_that_was_considered_is_told_once_with_the_gate_that_failed() {
    in_virtual_time(async {
        let rows = ["000001", "000002", "000003", "000005"].map(|symbol| full_row(symbol, 9));
        let broker = Broker {
            rows: Some(rows.into_iter().chain([full_row("000004", 0)]).collect()),
            holding: Some("000007"),
            ..Broker::default()
        };
        let (scan, brain) = launch(&broker);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(1)).await;
        let made = taken(&brain.selections);
        let [made] = made.as_slice() else { panic!("{made:?}") };
        let mut verdicts: Vec<_> = made
            .selections
            .iter()
            .map(|one| (one.instrument.symbol.to_string(), one.verdict.code(), one.evidence.gates.clone()))
            .collect();
        verdicts.sort_by(|one, other| one.0.cmp(&other.0));
        let codes: Vec<_> = verdicts.iter().map(|(symbol, code, _)| (symbol.as_str(), *code)).collect();
        let expected = [
            ("000001", "chosen"),
            ("000002", "chosen"),
            ("000003", "rank"),
            ("000004", "movement"),
            ("000005", "rank"),
            ("000007", "held"),
        ];
        assert_eq!(codes, expected);
        let movement = verdicts[3].2.iter().find(|check| check.gate == SelectionGate::Movement).unwrap();
        let numbers = (movement.value, movement.threshold, movement.missing());
        assert_eq!(
            numbers,
            (Some(0.into()), Decimal::from_str_exact("0.8").ok(), Decimal::from_str_exact("0.8").ok())
        );
        let rank = verdicts[2].2.last().unwrap();
        assert_eq!(
            (rank.gate, rank.value, rank.threshold),
            (SelectionGate::Rank, Some("90.9".parse().unwrap()), Some("91.2".parse().unwrap()))
        );
        let winners = [&verdicts[0], &verdicts[1]].map(|(_, _, gates)| {
            let check = gates.iter().find(|check| check.gate == SelectionGate::Rank).unwrap();
            (check.passed, check.value.unwrap() >= check.threshold.unwrap(), check.threshold)
        });
        assert_eq!(winners, [(true, true, rank.threshold); 2], "against the last place too");
        scan.tell(cycle(1)).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(brain.verdicts(), [], "nothing has changed");
    });
}
