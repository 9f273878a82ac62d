//! Boots, halts and releases.

use super::*;

#[test]
fn a_boot_makes_sending_unknown_and_approved_expired_and_fences_the_last_process() {
    let mut books = Books::new();
    let (sending, approved) = (buy("1"), {
        let mut other = buy("2");
        other.terms.instrument = stock("000660");
        other
    });
    books.approve(&sending).unwrap();
    books.begin(&sending);
    books.approve(&approved).unwrap();
    let report = books.store.boot(&boot_facts(1, start())).unwrap();
    assert_eq!(report.fencing, FencingEpoch(books.fencing.0 + 1));
    assert_eq!(
        (report.unknown, report.expired),
        (vec![sending.intent.clone()], vec![approved.intent.clone()])
    );
    assert_eq!((books.state(&sending), books.state(&approved)), (OrderState::Unknown, OrderState::Expired));
    let mut third = buy("3");
    third.terms.instrument = stock("035420");
    books.approve(&third).unwrap();
    assert_eq!(books.begin(&third), Begun::Refused(trade_ledger::PermitRefused::Fenced));
}

#[test]
fn the_fifth_boot_in_ten_minutes_halts_once() {
    let mut books = Books::new();
    for number in 1..4 {
        let report = books.store.boot(&boot_facts(number, start() + TimeDelta::minutes(2))).unwrap();
        assert_eq!(report.crash_loop, None, "{number}");
    }
    let report = books.store.boot(&boot_facts(4, start() + TimeDelta::minutes(9))).unwrap();
    assert_eq!((report.recent_boots, report.crash_loop.unwrap().source), (5, HaltSource::CrashLoop));
    let report = books.store.boot(&boot_facts(5, start() + TimeDelta::minutes(9))).unwrap();
    assert_eq!(report.crash_loop, None);
    assert_eq!(books.store.trading_state().unwrap().halts.len(), 1);
}

#[test]
fn boots_far_apart_are_no_crash_loop() {
    let mut books = Books::new();
    for number in 1..20 {
        let at = start() + TimeDelta::minutes(3 * i64::from(number));
        assert_eq!(books.store.boot(&boot_facts(number, at)).unwrap().crash_loop, None, "{number}");
    }
}

#[test]
fn a_halt_stands_until_it_is_lifted_by_name_and_each_step_begins_an_epoch() {
    let mut books = Books::new();
    assert_eq!(books.halt("h-1"), HaltEpoch(1));
    assert_eq!(books.halt("h-1"), HaltEpoch(1));
    assert_eq!(books.halt("h-2"), HaltEpoch(2));
    books.store.boot(&boot_facts(1, start() + TimeDelta::hours(1))).unwrap();
    let state = books.store.trading_state().unwrap();
    assert_eq!(state.halts.iter().map(|h| h.id.as_str()).collect::<Vec<_>>(), ["h-1", "h-2"]);
    assert_eq!((state.halts[0].by.as_str(), state.epoch), ("mina", HaltEpoch(2)));
    let ids = |names: &[&str]| names.iter().map(|n| HaltId::from_stored((*n).into())).collect::<Vec<_>>();
    let unknown = books.store.commit_release(&release(&ids(&["h-1", "h-9"])));
    assert!(matches!(unknown, Err(StoreError::Refused(_))));
    assert_eq!(books.store.trading_state().unwrap().halts.len(), 2);
    let both = books.store.commit_release(&release(&ids(&["h-1", "h-2"]))).unwrap();
    let again = books.store.commit_release(&release(&ids(&["h-1", "h-2"]))).unwrap();
    assert_eq!((both.epoch, again), (HaltEpoch(3), both));
    assert_eq!(books.store.trading_state().unwrap().halts, []);
}

#[test]
fn what_happened_cannot_be_changed_or_removed() {
    let mut books = Books::new();
    books.halt("h-1");
    for sql in ["DELETE FROM halts", "UPDATE halts SET reason = ''", "DELETE FROM events"] {
        let error = diesel::sql_query(sql).execute(&mut books.store.connection).unwrap_err().to_string();
        assert!(error.contains("final") || error.contains("stay"), "{sql}: {error}");
    }
}
