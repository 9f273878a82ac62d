//! The three trading states, and the limits made stricter, where they bind: in the transactions.

use std::collections::BTreeMap;

use domain::messages::control::HaltEffect;
use domain::messages::limits::{LimitName, LimitsChange, LimitsRecord};
use trade_ledger::PermitRefused;

use super::*;

fn sell(name: &str) -> NewIntent {
    intent(name, Side::Sell, start())
}

fn with_epoch(mut intent: NewIntent, epoch: HaltEpoch) -> NewIntent {
    intent.halt_epoch = epoch;
    intent
}

fn ids(name: &str) -> Vec<HaltId> {
    vec![HaltId::from_stored(name.into())]
}

#[test]
fn invariant_10_each_level_lets_through_what_it_says_at_approval_and_at_sending() {
    for (level, side, allowed) in [
        (HaltLevel::Halted, Side::Buy, false),
        (HaltLevel::Halted, Side::Sell, false),
        (HaltLevel::Reducing, Side::Buy, false),
        (HaltLevel::Reducing, Side::Sell, true),
        (HaltLevel::Flatten, Side::Buy, false),
        (HaltLevel::Flatten, Side::Sell, true),
    ] {
        let mut books = Books::new();
        let epoch = books.halt_at("h-1", level);
        let after = with_epoch(intent("after", side, start()), epoch);
        assert_eq!(books.approve(&after).is_ok(), allowed, "{level} {side}");
        if allowed {
            assert_eq!(books.begin(&after), Begun::Sending, "{level} {side}");
        }
    }
}

#[test]
fn invariant_10_the_conditional_update_itself_refuses_what_a_standing_row_forbids() {
    for (level, side, begun) in [
        (HaltLevel::Halted, Side::Sell, Begun::Refused(PermitRefused::Halted)),
        (HaltLevel::Reducing, Side::Buy, Begun::Refused(PermitRefused::Halted)),
        (HaltLevel::Flatten, Side::Buy, Begun::Refused(PermitRefused::Halted)),
        (HaltLevel::Reducing, Side::Sell, Begun::Sending),
    ] {
        let mut books = Books::new();
        let early = intent("early", side, start());
        books.approve(&early).unwrap();
        books.halt_at("h-1", level);
        // As if the approval belonged to the new epoch: only the level stands between it and the POST.
        let forged = "UPDATE ledger_state SET halt_epoch = 0";
        diesel::sql_query(forged).execute(&mut books.store.connection).unwrap();
        assert_eq!(books.begin(&early), begun, "{level} {side}");
    }
}

#[test]
fn an_exit_approved_before_the_step_to_reducing_is_void_like_every_old_approval() {
    let mut books = Books::new();
    let early = sell("early");
    books.approve(&early).unwrap();
    books.halt_at("h-1", HaltLevel::Reducing);
    assert_eq!(books.begin(&early), Begun::Refused(PermitRefused::Halted));
}

#[test]
fn a_latch_turns_a_flatten_into_a_halt_once_and_survives_boots_until_it_is_lifted() {
    let mut books = Books::new();
    books.halt_at("h-1", HaltLevel::Flatten);
    let halt = HaltId::from_stored("h-1".into());
    let latched = books.store.commit_latch(&halt, start()).unwrap();
    assert_eq!((latched.epoch, books.store.commit_latch(&halt, start()).unwrap()), (HaltEpoch(2), latched));
    books.store.boot(&boot_facts(1, start() + TimeDelta::hours(1))).unwrap();
    assert_eq!(books.store.trading_state().unwrap().halts[0].level, HaltLevel::Halted);
    let exit = with_epoch(sell("exit"), HaltEpoch(2));
    assert!(books.approve(&exit).is_err());
    books.store.commit_release(&release(&ids("h-1"))).unwrap();
    assert!(books.store.trading_state().unwrap().halts.is_empty());
    let lifted = books.store.commit_latch(&HaltId::from_stored("h-9".into()), start());
    assert!(matches!(lifted, Err(StoreError::Refused(_))), "{lifted:?}");
}

#[test]
fn invariant_14_a_flatten_is_not_over_while_anything_is_held_or_working() {
    let mut books = Books::new();
    let purchase = buy("1");
    books.accepted(&purchase, "0000000101");
    books.halt_at("h-1", HaltLevel::Flatten);
    let halt = HaltId::from_stored("h-1".into());
    for (filled, why) in [(0, "is not over yet"), (10, "still held")] {
        if filled > 0 {
            books.book(vec![row("0000000101", Side::Buy, filled, "70000")]);
        }
        let refused = books.store.commit_latch(&halt, start()).unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
        assert_eq!(books.store.trading_state().unwrap().halts[0].level, HaltLevel::Flatten);
    }
}

#[test]
fn a_repeated_release_for_exits_only_leaves_exits_only_and_only_once() {
    let left = |id: &str| HaltRecord {
        id: id.into(),
        at: start(),
        source: HaltSource::Operator,
        by: "mina".into(),
        reason: "exits first".into(),
        level: HaltLevel::Reducing,
        nonce: HaltNonce::new(9),
        cancel_open: false,
    };
    for (first, expected) in [(Some(left("h-2")), "h-2"), (None, "h-3")] {
        let mut books = Books::new();
        books.halt("h-1");
        books.store.commit_release(&Release { leaves: first, ..release(&ids("h-1")) }).unwrap();
        books.store.commit_release(&Release { leaves: Some(left("h-3")), ..release(&ids("h-1")) }).unwrap();
        let standing = books.store.trading_state().unwrap().halts;
        assert_eq!(standing.iter().map(|halt| halt.id.as_str()).collect::<Vec<_>>(), [expected]);
    }
}

#[test]
fn a_halt_keeps_whether_it_cancels_through_boots_and_a_latch_until_it_is_lifted() {
    for (level, cancel_open, booked) in [
        (
            HaltLevel::Halted,
            true,
            "trading halted, with open orders to be cancelled, by mina (operator): a test",
        ),
        (HaltLevel::Halted, false, "trading halted by mina (operator): a test"),
        (HaltLevel::Reducing, true, "asked for, with open purchases to be cancelled, by mina"),
        (HaltLevel::Flatten, true, "asked for, with open purchases to be cancelled, by mina"),
    ] {
        let mut books = Books::new();
        let halt = HaltRecord { cancel_open, ..books.halt_record("h-1", level) };
        books.store.commit_halt(&halt).unwrap();
        books.store.boot(&boot_facts(1, start() + TimeDelta::hours(1))).unwrap();
        assert_eq!(books.store.trading_state().unwrap().halts, [halt]);
        if level == HaltLevel::Flatten {
            books.store.commit_latch(&HaltId::from_stored("h-1".into()), start()).unwrap();
            let latched = books.store.trading_state().unwrap().halts[0].effect();
            assert_eq!(latched, HaltEffect { level: HaltLevel::Halted, cancel_open });
        }
        let lines = books.lines();
        assert!(lines.iter().any(|line| line.contains(booked)), "{booked}: {lines:?}");
        books.store.commit_release(&release(&ids("h-1"))).unwrap();
        assert_eq!(books.store.trading_state().unwrap().halts, []);
    }
}

#[test]
fn only_a_flatten_can_be_latched() {
    let mut books = Books::new();
    books.halt_at("h-1", HaltLevel::Reducing);
    let refused = books.store.commit_latch(&HaltId::from_stored("h-1".into()), start());
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
}

#[test]
fn a_release_that_leaves_reducing_is_one_step_and_everything_about_it_is_booked() {
    let mut books = Books::new();
    books.halt("h-1");
    let left = HaltRecord {
        id: "h-2".into(),
        at: start(),
        source: HaltSource::Operator,
        by: "mina".into(),
        reason: "exits first".into(),
        level: HaltLevel::Reducing,
        nonce: HaltNonce::new(9),
        cancel_open: false,
    };
    let step = Release { leaves: Some(left.clone()), ..release(&ids("h-1")) };
    assert_eq!(books.store.commit_release(&step).unwrap().epoch, HaltEpoch(2));
    assert_eq!(books.store.trading_state().unwrap().halts, [left]);
    let lines = books.lines();
    let booked = |part: &str| lines.iter().any(|line| line.contains(part));
    assert!(booked("halt h-1 lifted by mina (operator): looked at it"), "{lines:?}");
    assert!(booked("only exits from now on, asked for by mina (operator): exits first"), "{lines:?}");
}

#[test]
fn rows_of_states_and_limits_cannot_be_changed_or_removed() {
    let mut books = Books::new();
    books.halt_at("h-1", HaltLevel::Flatten);
    books.store.commit_latch(&HaltId::from_stored("h-1".into()), start()).unwrap();
    books.store.record_limits(&limits(Some(LimitsChange::of(LimitName::MaxOrderPct, 7.into())))).unwrap();
    for sql in [
        "UPDATE halts SET level = 'reducing'",
        "UPDATE halts SET cancel_open = 1",
        "UPDATE halt_latches SET at_ms = 0",
        "DELETE FROM halt_latches",
        "UPDATE limit_changes SET reason = ''",
        "DELETE FROM limit_changes",
        "UPDATE limit_values SET value_micros = 0",
        "DELETE FROM limit_values",
    ] {
        let error = diesel::sql_query(sql).execute(&mut books.store.connection).unwrap_err().to_string();
        assert!(error.contains("final") || error.contains("stay"), "{sql}: {error}");
    }
}

fn limits(change: Option<LimitsChange>) -> LimitsRecord {
    let (source, by, reason) = (HaltSource::Operator, "mina".to_owned(), "a wild day".to_owned());
    LimitsRecord { at: start(), source, by, reason, change }
}

#[test]
fn invariant_14_stricter_limits_hold_in_later_boots_until_a_withdrawal_and_not_in_its_own_boot() {
    let mut books = Books::new();
    let change = LimitsChange::of(LimitName::MaxOrderPct, "7.5".parse().unwrap());
    let more = LimitsChange(BTreeMap::from([
        (LimitName::MaxOrdersPerDay, 3.into()),
        (LimitName::StopCooldownMin, 600.into()),
    ]));
    books.store.record_limits(&limits(Some(change.clone()))).unwrap();
    books.store.record_limits(&limits(Some(more.clone()))).unwrap();
    let booked = books.lines();
    assert!(
        booked.iter().any(|line| line.contains("max_orders_per_day=3, stop_cooldown_min=600")),
        "{booked:?}"
    );
    let held = |books: &mut Books| books.store.trading_state().unwrap().limits;
    assert_eq!(held(&mut books), [change.clone(), more.clone()]);
    books.store.boot(&boot_facts(1, start() + TimeDelta::hours(1))).unwrap();
    assert_eq!(held(&mut books), [change.clone(), more.clone()]);
    books.store.record_limits(&limits(None)).unwrap();
    assert_eq!(held(&mut books), [change, more.clone()], "never looser while running");
    books.store.boot(&boot_facts(2, start() + TimeDelta::hours(2))).unwrap();
    assert_eq!(held(&mut books), []);
    books.store.record_limits(&limits(Some(more.clone()))).unwrap();
    assert_eq!(held(&mut books), [more]);
}

#[test]
fn approvals_are_counted_from_the_books_so_a_restart_forgets_none() {
    let mut books = Books::new();
    for (number, symbol) in ["005930", "000660"].into_iter().enumerate() {
        let mut new = intent(&number.to_string(), Side::Buy, start() + TimeDelta::seconds(number as i64));
        new.terms.instrument = stock(symbol);
        books.approve(&new).unwrap();
    }
    books.store.boot(&boot_facts(1, start() + TimeDelta::hours(1))).unwrap();
    assert_eq!(books.store.approvals_since(start() - TimeDelta::seconds(1)).unwrap().len(), 2);
    assert_eq!(books.store.approvals_since(start()).unwrap(), [start() + TimeDelta::seconds(1)]);
}

#[test]
fn what_this_agent_holds_is_what_it_bought_and_has_not_sold() {
    let mut books = Books::new();
    assert_eq!(books.store.own_positions().unwrap(), []);
    let new = buy("1");
    books.accepted(&new, "101");
    books.book(vec![row("101", Side::Buy, 4, "69900")]);
    let own = books.store.own_positions().unwrap();
    assert_eq!(
        (own.len(), own[0].quantity, own[0].instrument.clone()),
        (1, Quantity::new(4), stock("005930"))
    );
    assert_eq!((own[0].entry, own[0].since.is_some()), (Some("69900".parse().unwrap()), true));
}

#[test]
fn the_highest_price_of_a_holding_stays_with_the_purchase_that_it_belongs_to() {
    let mut books = Books::new();
    books.accepted(&buy("1"), "101");
    books.book(vec![row("101", Side::Buy, 4, "69900")]);
    let since = books.store.own_positions().unwrap()[0].since.unwrap();
    let mut tell = |since, peak: &str| {
        let (instrument, peak) = (stock("005930"), peak.parse().unwrap());
        let record = domain::messages::limits::RecordPeak { instrument, since, peak };
        books.store.record_peak(&record, books.now).unwrap();
        books.store.own_positions().unwrap()[0].peak.map(|peak| peak.to_string())
    };
    assert_eq!(tell(since, "70000").as_deref(), Some("70000"));
    assert_eq!(tell(since, "69950").as_deref(), Some("70000"), "the highest stays");
    assert_eq!(tell(since, "70100").as_deref(), Some("70100"));
    assert_eq!(tell(since + TimeDelta::seconds(1), "70200"), None, "that is of another purchase");
    assert_eq!(tell(since, "70050").as_deref(), Some("70050"));
}

#[test]
fn a_holding_counts_from_its_first_share_until_the_last_is_sold_and_begins_anew_after_that() {
    let mut books = Books::new();
    let since = |books: &mut Books| {
        let own = books.store.own_positions().unwrap();
        own.into_iter().map(|one| (one.quantity.get(), one.entry, one.since)).collect::<Vec<_>>()
    };
    let entry = Some("70000".parse().unwrap());
    let mut rows = vec![row("101", Side::Buy, 10, "70000"), row("102", Side::Sell, 4, "70100")];
    books.accepted(&buy("1"), "101");
    books.book(vec![rows[0].clone()]);
    let first = Some(books.now);
    let now = books.now;
    books.accepted(&intent("2", Side::Sell, now), "102");
    books.book(rows.clone());
    assert_eq!(since(&mut books), [(6, entry, first)]);
    rows[1] = row("102", Side::Sell, 10, "70100");
    books.book(rows.clone());
    assert_eq!(since(&mut books), []);
    let now = books.now;
    books.accepted(&intent("3", Side::Buy, now), "103");
    rows.push(row("103", Side::Buy, 2, "70000"));
    books.book(rows);
    assert_eq!(since(&mut books), [(2, entry, Some(books.now))]);
}
