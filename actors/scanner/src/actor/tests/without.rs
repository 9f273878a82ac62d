//! What stands in for what fails, and scans that overlap or come late.

use super::*;

#[test]
fn a_holding_that_nobody_has_any_price_of_is_no_candidate_and_is_written_down() {
    in_virtual_time(async {
        let blind = Broker {
            rows: rows(),
            failing: vec!["000011"],
            holding: Some("000011"),
            priceless: true,
            ..Broker::default()
        };
        let (scan, brain) = launch(&blind);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert!(!brain.found().iter().flatten().any(|symbol| symbol == "000011"));
        let verdicts = brain.verdicts();
        assert!(verdicts.contains(&("000011".to_owned(), Verdict::Held)), "{verdicts:?}");
    });
}

#[test]
fn halted_stocks_are_filtered_from_rankings_and_fallback_but_a_holding_stays() {
    in_virtual_time(async {
        let halted = vec!["000001", "000007", "000008"];
        let ranked =
            Broker { rows: rows(), halted: halted.clone(), holding: Some("000007"), ..Broker::default() };
        let (scan, brain) = launch(&ranked);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(brain.found(), [["000002", "000003", "000007"]]);
        let verdicts = brain.verdicts();
        assert!(verdicts.contains(&("000001".to_owned(), Verdict::Rejected(SelectionGate::Restriction))));
        assert!(verdicts.contains(&("000007".to_owned(), Verdict::Held)));
        let without = Broker { halted, holding: Some("000007"), ..Broker::default() };
        let (scan, brain) = launch(&without);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(brain.found(), [["000009", "000007"]]);
    });
}

#[test]
fn failed_rankings_are_stood_in_for_by_wishes_candidates_of_the_session_and_what_was_traded() {
    in_virtual_time(async {
        let mut broker = Broker { traded: vec!["000006"], failing: vec!["000008"], ..Broker::default() };
        let (scan, brain) = launch(&broker);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(brain.found(), [["000009", "000006"]]);
        broker = Broker { rows: Some(vec![row("000004", 0)]), traded: vec!["000006"], ..Broker::default() };
        let (scan, brain) = launch(&broker);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(1)).await;
        let quiet: [Vec<String>; 1] = [vec![]];
        assert_eq!(brain.found(), quiet, "a list that is filtered to nothing is no outage");
    });
}

#[test]
fn without_rankings_the_watchlist_and_the_holdings_are_scanned() {
    in_virtual_time(async {
        let broker = Broker { holding: Some("000007"), failing: vec!["000009"], ..Broker::default() };
        let (scan, brain) = launch(&broker);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(brain.found(), [["000008", "000007"]]);
    });
}

#[test]
fn a_key_seen_before_or_expired_is_ignored_and_scans_of_one_market_never_overlap() {
    in_virtual_time(async {
        let broker = Broker { rows: rows(), takes: Duration::from_secs(2), ..Broker::default() };
        let (scan, brain) = launch(&broker);
        scan.tell(cycle(0)).unwrap();
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(5)).await;
        scan.tell(cycle(1)).unwrap();
        sleep(Duration::from_secs(50)).await;
        assert_eq!((brain.found().len(), broker.asked("account")), (1, 1));
        sleep(Duration::from_secs(70)).await;
        scan.tell(cycle(1)).unwrap();
        sleep(Duration::from_secs(30)).await;
        assert_eq!((brain.found().len(), broker.asked("account")), (0, 1));
    });
}

#[test]
fn a_scan_that_outlasts_its_slot_tells_nothing_but_makes_the_next_one_faster() {
    in_virtual_time(async {
        let broker = Broker { rows: rows(), takes: Duration::from_secs(8), ..Broker::default() };
        let (scan, brain) = launch(&broker);
        scan.tell(cycle(0)).unwrap();
        sleep(Duration::from_secs(70)).await;
        assert!(brain.found().is_empty());
        scan.tell(cycle(1)).unwrap();
        sleep(Duration::from_secs(50)).await;
        assert_eq!(brain.found(), [["000001", "000002"]]);
    });
}
