//! Single stocks: halts, disputes, shares; ceilings, unknowns and recovery.

use domain::messages::symbols::*;
use domain::{AccountSnapshot, Currency, Holding};
use trade_ledger::PermitRefused;

use super::*;

fn release(books: &mut Books, symbol: &str) -> Result<SymbolReleased, StoreError> {
    let request =
        RequestSymbolRelease { instrument: stock(symbol), by: "mina".into(), reason: "looked".into() };
    books.store.release_symbol(&request, books.now)
}

fn resolve(books: &mut Books, intent: &NewIntent, resolution: Resolution) -> Result<Resolved, StoreError> {
    let request = RequestResolution {
        intent: intent.intent.clone(),
        resolution,
        by: "mina".into(),
        reason: "seen in the app".into(),
    };
    books.store.resolve(&request, books.now)
}

fn causes(books: &mut Books) -> Vec<SymbolHaltCause> {
    books.store.symbol_halts().unwrap().into_iter().map(|halt| halt.cause).collect()
}

/// The account at this moment: so many shares of 005930.
fn snapshot(books: &Books, shares: u64) -> AccountSnapshot {
    let quantity = Quantity::new(shares);
    let holding = Holding {
        instrument: stock("005930"),
        quantity,
        sellable: quantity,
        average_price: None,
        price: None,
    };
    AccountSnapshot {
        currency: Currency::Krw,
        taken_at: books.now,
        cash: None,
        equity: None,
        purchase_total: None,
        valuation_total: None,
        holdings: (shares > 0).then_some(holding).into_iter().collect(),
    }
}

fn compare(books: &mut Books, shares: u64) -> HoldingsCompared {
    books.after(1);
    let snapshot = snapshot(books, shares);
    books.store.compare_holdings(&snapshot, books.now).unwrap()
}

fn twins() -> Vec<InquiryRow> {
    vec![row("101", Side::Buy, 0, "0"), row("102", Side::Buy, 0, "0")]
}

#[test]
fn invariant_06_a_dispute_closes_the_stock_to_both_sides_until_it_is_released_and_stands_over_a_boot() {
    let mut books = Books::new();
    books.unknown(&buy("1"));
    assert_eq!(books.book(twins()).halted.len(), 2);
    assert_eq!(books.book(twins()).halted.len(), 0, "the same trouble is one halt");
    books.store.boot(&boot_facts(1, start() + TimeDelta::hours(1))).unwrap();
    let sale = intent("2", Side::Sell, start() + TimeDelta::hours(1));
    let refused = books.approve(&sale).unwrap_err().to_string();
    assert!(refused.contains("KR:005930 is halted (dispute)"), "{refused}");
    assert_eq!(release(&mut books, "005930").unwrap().lifted.len(), 2);
    books.approve(&sale).unwrap();
    books.book(twins());
    assert_eq!(causes(&mut books), [], "what a person has looked at does not halt again");
    assert!(release(&mut books, "005930").is_err());
}

#[test]
fn invariant_06_a_stock_halted_after_the_approval_gives_no_permit() {
    let mut books = Books::new();
    let sale = intent("2", Side::Sell, start());
    books.unknown(&buy("1"));
    books.approve(&sale).unwrap();
    books.book(twins());
    assert!(matches!(books.begin(&sale), Begun::Refused(PermitRefused::SymbolHalted(_))));
}

#[test]
fn symbol_halts_resolutions_and_unknowns_cannot_be_changed_or_removed() {
    let mut books = Books::new();
    let first = buy("1");
    books.unknown(&first);
    books.book(twins());
    resolve(&mut books, &first, Resolution::None).unwrap();
    release(&mut books, "005930").unwrap();
    compare(&mut books, 0);
    for table in ["symbol_halts", "symbol_releases", "resolutions", "unknowns"] {
        for sql in [format!("DELETE FROM {table}"), format!("UPDATE {table} SET rowid = 99")] {
            let error = diesel::sql_query(&sql).execute(&mut books.store.connection).unwrap_err().to_string();
            assert!(error.contains("final") || error.contains("stay"), "{sql}: {error}");
        }
    }
}

#[test]
fn a_disputed_order_given_to_its_intent_is_booked_and_the_day_can_be_closed() {
    let mut books = Books::new();
    let first = buy("1");
    books.unknown(&first);
    books.book(twins());
    let wrong = resolve(&mut books, &first, Resolution::Order("103".into())).unwrap_err().to_string();
    assert!(wrong.contains("these fit: 2026-11-24/06010/101, 2026-11-24/06010/102"), "{wrong}");
    let resolved = resolve(&mut books, &first, Resolution::Order("0000000102".into())).unwrap();
    assert_eq!((resolved.update.state, resolved.still_halted.len()), (OrderState::Accepted, 2));
    let list = vec![row("101", Side::Buy, 10, "70000"), row("102", Side::Buy, 4, "69900")];
    let booked = books.book(list.clone());
    assert_eq!((booked.updates[0].filled, booked.foreign.len()), (Quantity::new(4), 0));
    assert_eq!(books.trades(), ["BUY 4 69900 0 85"], "the other one is not ours");
    let closed = books.store.close_day(&books.list(list), books.now).unwrap();
    assert_eq!(closed.unsettled, []);
    assert_eq!(books.begin(&first), Begun::Refused(PermitRefused::NotApproved), "nothing is sent again");
    assert!(resolve(&mut books, &first, Resolution::None).is_err());
    assert!(books.lines().iter().any(|line| line.contains("says mina: seen in the app")));
}

#[test]
fn an_intent_declared_to_have_no_order_ends_only_with_the_final_lists() {
    let mut books = Books::new();
    let first = buy("1");
    books.unknown(&first);
    books.book(twins());
    let resolved = resolve(&mut books, &first, Resolution::None).unwrap();
    assert_eq!(resolved.update.state, OrderState::Unknown);
    let booked = books.book(twins());
    assert_eq!((booked.disputed.len(), booked.foreign.len(), booked.updates.len()), (0, 0, 0));
    books.after(200);
    for (seconds, unsettled) in [(0, 1), (60, 0)] {
        let list = books.after(seconds).list(twins());
        let closed = books.store.close_day(&list, books.now).unwrap();
        assert_eq!(closed.unsettled.len(), unsettled, "{seconds}");
    }
    assert_eq!(books.state(&first), OrderState::NeverAccepted);
}

#[test]
fn invariant_08_a_list_that_a_newer_one_has_overtaken_changes_nothing() {
    let mut books = Books::new();
    let first = buy("1");
    books.accepted(&first, "101");
    let old = books.list(vec![row("101", Side::Buy, 2, "70000")]);
    books.book(vec![row("101", Side::Buy, 4, "70000")]);
    assert_eq!(books.store.book_inquiry(&old, books.now).unwrap(), InquiryBooked::default());
    assert_eq!(
        books.store.close_day(&old, books.now).unwrap().unsettled,
        std::slice::from_ref(&first.intent)
    );
    assert_eq!((causes(&mut books), books.state(&first)), (vec![], OrderState::Partial));
}

#[test]
fn an_overtaken_final_list_closes_a_finished_day_and_books_nothing_of_what_it_shows() {
    let mut books = Books::new();
    let first = buy("1");
    books.accepted(&first, "101");
    let old = books.list(vec![row("101", Side::Buy, 2, "70000")]);
    books.book(vec![row("101", Side::Buy, 10, "70000")]);
    let closed = books.store.close_day(&old, books.now).unwrap();
    assert_eq!(closed, trade_ledger::DayBooked::default());
    assert_eq!((causes(&mut books), books.state(&first)), (vec![], OrderState::Filled));
    assert_eq!(books.store.unclosed_days().unwrap(), []);
}

#[test]
fn invariant_09_a_day_that_final_lists_leave_open_is_ended_by_a_person_and_keeps_its_fills() {
    let mut books = Books::new();
    let first = buy("1");
    books.accepted(&first, "101");
    books.book(vec![row("101", Side::Buy, 4, "69900")]);
    let early = resolve(&mut books, &first, Resolution::None).unwrap_err().to_string();
    assert!(early.contains("after the close"), "{early}");
    let close = |books: &mut Books| {
        let list = books.after(30).list(vec![]);
        books.store.close_day(&list, books.now).unwrap().unsettled.len()
    };
    for _ in 0..3 {
        assert_eq!((close(&mut books), books.state(&first)), (1, OrderState::Partial));
    }
    let resolved = resolve(&mut books, &first, Resolution::None).unwrap();
    assert_eq!(resolved.update.state, OrderState::Partial, "a list that shows it would still be believed");
    assert_eq!((close(&mut books), books.state(&first)), (0, OrderState::Expired));
    assert_eq!(books.trades(), ["BUY 4 69900 0 85"]);
    assert_eq!(books.store.unclosed_days().unwrap(), []);
    let tomorrow = NewIntent { session_date: "2026-11-25".parse().unwrap(), ..buy("2") };
    let tomorrow = NewIntent { expires_at: books.now + TimeDelta::seconds(60), ..tomorrow };
    books.approve(&tomorrow).unwrap();
}

#[test]
fn invariant_09_an_unknown_order_beside_a_gap_is_ended_by_a_persons_word_and_the_next_final_lists() {
    let mut books = Books::new();
    let mut other = row("99", Side::Sell, 0, "0");
    other.ordered = Quantity::new(3);
    other.remaining = other.ordered;
    books.book(vec![other]);
    let first = NewIntent { halt_epoch: books.lift_all(), ..buy("1") };
    books.unknown(&first);
    books.after(200);
    let close = |books: &mut Books| {
        let list = books.after(60).list(vec![]);
        books.store.close_day(&list, books.now).unwrap().unsettled.len()
    };
    assert_eq!([close(&mut books), close(&mut books), close(&mut books)], [1, 1, 1]);
    resolve(&mut books, &first, Resolution::None).unwrap();
    assert_eq!([close(&mut books), close(&mut books)], [1, 0]);
    assert_eq!(books.state(&first), OrderState::NeverAccepted);
}

#[test]
fn invariant_02_a_persons_word_is_void_once_a_list_has_shown_the_order_after_all() {
    let mut books = Books::new();
    let first = buy("1");
    books.unknown(&first);
    books.after(200);
    let close = |books: &mut Books| {
        let list = books.after(30).list(vec![]);
        books.store.close_day(&list, books.now).unwrap().unsettled.len()
    };
    assert_eq!(close(&mut books), 1);
    resolve(&mut books, &first, Resolution::None).unwrap();
    books.after(1).book(vec![row("101", Side::Buy, 4, "69900")]);
    assert_eq!(books.state(&first), OrderState::Partial, "it was there after all");
    for _ in 0..3 {
        assert_eq!(
            (close(&mut books), books.state(&first)),
            (1, OrderState::Partial),
            "a list may lack a row"
        );
    }
    resolve(&mut books, &first, Resolution::None).unwrap();
    assert_eq!((close(&mut books), books.state(&first)), (0, OrderState::Expired), "a new word counts");
}

#[test]
fn invariant_09_shares_from_before_are_adopted_once_and_own_fills_explain_the_rest() {
    let mut books = Books::new();
    assert_eq!(compare(&mut books, 7).adopted, [(stock("005930"), 7)]);
    assert_eq!(compare(&mut books, 7), HoldingsCompared::default());
    let first = buy("1");
    books.accepted(&first, "101");
    assert_eq!(compare(&mut books, 9), HoldingsCompared::default(), "an order works: nothing is compared");
    books.book(vec![row("101", Side::Buy, 10, "70000")]);
    assert_eq!(compare(&mut books, 17), HoldingsCompared::default());
    assert_eq!(compare(&mut books, 16).doubted, [stock("005930")]);
}

#[test]
fn invariant_09_a_difference_that_lasts_halts_the_stock_and_its_release_takes_the_exchanges_number() {
    let mut books = Books::new();
    compare(&mut books, 0);
    assert_eq!(compare(&mut books, 5).doubted, [stock("005930")]);
    books.after(130).book(vec![]);
    let halted = compare(&mut books, 5).halted;
    assert_eq!((halted.len(), halted[0].cause), (1, SymbolHaltCause::Position));
    assert!(halted[0].reason.contains("holds 5 shares, the books explain 0"), "{halted:?}");
    assert_eq!(compare(&mut books, 5), HoldingsCompared::default(), "it stands once");
    books.store.boot(&boot_facts(1, start() + TimeDelta::hours(1))).unwrap();
    assert_eq!(causes(&mut books), [SymbolHaltCause::Position]);
    let released = release(&mut books, "005930").unwrap();
    assert_eq!(released.accepted_shares, Some(5));
    assert_eq!(compare(&mut books, 5), HoldingsCompared::default());
    assert!(books.lines().iter().any(|line| line.contains("+5 shares of KR:005930")));
    for sql in ["DELETE FROM external_shares", "UPDATE external_shares SET quantity = 1"] {
        assert!(diesel::sql_query(sql).execute(&mut books.store.connection).is_err(), "{sql}");
    }
}

#[test]
fn invariant_09_a_persons_trade_that_the_list_shows_is_no_difference() {
    let mut books = Books::new();
    compare(&mut books, 5);
    assert_eq!(compare(&mut books, 2).doubted, [stock("005930")]);
    let mut sale = row("77", Side::Sell, 3, "70000");
    (sale.ordered, sale.remaining) = (Quantity::new(3), Quantity::ZERO);
    books.book(vec![sale.clone()]);
    assert_eq!(compare(&mut books, 2), HoldingsCompared::default());
    books.after(300).book(vec![sale]);
    assert_eq!(compare(&mut books, 2), HoldingsCompared::default());
}

#[test]
fn invariant_09_the_first_comparison_waits_until_nothing_moves() {
    let mut books = Books::new();
    books.accepted(&buy("1"), "101");
    assert_eq!(compare(&mut books, 4), HoldingsCompared::default());
    books.book(vec![row("101", Side::Buy, 10, "70000")]);
    assert_eq!(compare(&mut books, 12).adopted, [(stock("005930"), 2)]);
}

#[test]
fn invariant_13_no_setting_lets_more_orders_through_than_ten_a_minute_and_four_hundred_a_day() {
    let mut books = Books::new();
    let number = |n: u32, at| {
        let mut new = intent(&n.to_string(), Side::Buy, at);
        new.terms.instrument = stock(&format!("{n:06}"));
        new
    };
    for n in 0..10 {
        books.approve(&number(n, books.now)).unwrap();
    }
    books.store.boot(&boot_facts(1, start() + TimeDelta::hours(1))).unwrap();
    let refused = books.approve(&number(10, books.now)).unwrap_err().to_string();
    assert!(refused.contains("within a minute; the ceiling is 10"), "{refused}");
    for n in 10..400 {
        books.after(61);
        books.approve(&number(n, books.now)).unwrap();
    }
    books.after(61);
    let refused = books.approve(&number(400, books.now)).unwrap_err().to_string();
    assert!(refused.contains("within 24 hours; the ceiling is 400"), "{refused}");
    books.after(86_400);
    books.approve(&number(401, books.now)).unwrap();
}

#[test]
fn invariant_13_approvals_of_a_clock_that_ran_ahead_fill_the_day_and_not_the_minute_for_as_long() {
    for (ahead_s, is_refused) in [(60, true), (61, false), (3_600, false)] {
        let mut books = Books::new();
        let number = |n: u32, at| {
            let mut new = intent(&n.to_string(), Side::Buy, at);
            new.terms.instrument = stock(&format!("{n:06}"));
            new
        };
        let now = books.now;
        books.after(ahead_s);
        for n in 0..10 {
            books.approve(&number(n, books.now)).unwrap();
        }
        books.now = now;
        let answer = books.approve(&number(10, now));
        assert_eq!(answer.is_err(), is_refused, "{ahead_s}: {answer:?}");
    }
}

#[test]
fn orders_that_became_unknown_are_counted_for_an_hour_over_boots_and_anew_after_a_persons_resume() {
    let mut books = Books::new();
    for n in 0..6 {
        let mut new = intent(&n.to_string(), Side::Buy, books.now);
        new.terms.instrument = stock(&format!("{n:06}"));
        books.unknown(&new);
        books.after(61);
    }
    books.store.boot(&boot_facts(1, start() + TimeDelta::hours(1))).unwrap();
    let lately = |books: &mut Books, at| books.store.unknowns_lately(at).unwrap();
    let now = books.now;
    assert_eq!(lately(&mut books, now), 6);
    assert_eq!(lately(&mut books, start() + TimeDelta::hours(1)), 5);
    let halt = HaltRecord {
        id: "h-9".into(),
        at: now,
        source: HaltSource::UnknownOrders,
        by: "broker".into(),
        reason: "too many".into(),
        level: HaltLevel::Halted,
        nonce: HaltNonce::default(),
        cancel_open: false,
    };
    books.store.commit_halt(&halt).unwrap();
    assert_eq!(lately(&mut books, now), 6);
    books
        .store
        .commit_release(&Release { at: now, ..super::release(&[HaltId::from_stored("h-9".into())]) })
        .unwrap();
    assert_eq!(lately(&mut books, now), 0);
}

#[test]
fn a_resume_of_a_clock_that_ran_ahead_hides_no_order_that_becomes_unknown_after_the_clock_is_set_right() {
    let mut books = Books::new();
    let lose = |books: &mut Books, n: u32| {
        let mut new = intent(&n.to_string(), Side::Buy, books.now);
        new.halt_epoch = books.store.trading_state().unwrap().epoch;
        new.terms.instrument = stock(&format!("{n:06}"));
        books.unknown(&new);
        let now = books.now;
        books.store.unknowns_lately(now).unwrap()
    };
    let now = books.now;
    books.after(3_600);
    assert_eq!(lose(&mut books, 1), 1);
    let halt = HaltRecord {
        id: "h-9".into(),
        at: books.now,
        source: HaltSource::UnknownOrders,
        by: "broker".into(),
        reason: "too many".into(),
        level: HaltLevel::Halted,
        nonce: HaltNonce::default(),
        cancel_open: false,
    };
    books.store.commit_halt(&halt).unwrap();
    let release = super::release(&[HaltId::from_stored("h-9".into())]);
    books.store.commit_release(&Release { at: books.now, ..release }).unwrap();
    books.now = now;
    assert_eq!(lose(&mut books, 2), 1, "the one of before was looked at, this one was not");
    assert_eq!(lose(&mut books, 3), 2);
}

#[test]
fn invariant_09_a_fill_or_list_of_a_clock_that_ran_ahead_stops_no_comparison_and_proves_nothing() {
    let mut books = Books::new();
    compare(&mut books, 0);
    let now = books.now;
    books.after(3_600);
    books.unknown(&intent("1", Side::Buy, books.now));
    books.book(vec![row("101", Side::Buy, 10, "70000")]);
    books.now = now;
    assert_eq!(compare(&mut books, 9).doubted, [stock("005930")], "it is compared");
    books.after(200);
    assert_eq!(compare(&mut books, 9).doubted, [stock("005930")], "no list since explains nothing");
    books.book(vec![row("101", Side::Buy, 10, "70000")]);
    assert_eq!(compare(&mut books, 9).halted.len(), 1);
}

/// Every row of every table but boots, epochs, events and the time of the newest list, as text.
fn rows(books: &mut Books) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = diesel::sql_types::Text)]
        line: String,
    }
    let tables = [
        ("intents", "id || state || filled || amount_micros || coalesce(number, '')"),
        ("approvals", "id || approved_at_ms"),
        ("fills", "id || intent_id || quantity || amount_micros"),
        ("positions", "market || symbol || quantity || cost_micros"),
        ("net_shares", "market || symbol || quantity || last_fill_ms"),
        ("strangers", "id || kind || number || filled"),
        ("symbol_halts", "id || symbol || reason"),
        ("external_shares", "id || symbol || quantity"),
        ("unknowns", "id || intent_id"),
        ("halts", "id || reason"),
        ("trades", "id || stock_code || coalesce(quantity, '')"),
        ("closed_days", "market || session_date"),
    ];
    let mut rows = Vec::new();
    for (table, columns) in tables {
        let sql = format!("SELECT '{table} ' || {columns} AS line FROM {table} ORDER BY 1");
        let lines: Vec<Line> = diesel::sql_query(sql).load(&mut books.store.connection).unwrap();
        rows.extend(lines.into_iter().map(|one| one.line));
    }
    rows
}

/// One boot as the program makes it: the store, the lost POSTs, the list, the account.
fn recover(books: &mut Books, number: u32) {
    let at = books.now + TimeDelta::minutes(11);
    books.now = at;
    books.store = books.database.store().unwrap();
    books.fencing = books.store.boot(&boot_facts(number, at)).unwrap().fencing;
    books.store.abandon_sending(at).unwrap();
    let mut foreign = row("90", Side::Buy, 3, "70000");
    foreign.instrument = stock("000660");
    let rows = vec![foreign, row("101", Side::Buy, 10, "69900"), row("102", Side::Buy, 4, "69900")];
    books.book(rows);
    let account = snapshot(books, 14);
    books.store.compare_holdings(&account, books.now).unwrap();
}

fn recovering_many_times_leaves_what_recovering_once_left(mut books: Books) {
    let (first, second) = (buy("1"), intent("2", Side::Buy, start() + TimeDelta::seconds(10)));
    books.accepted(&first, "101");
    books.book(vec![row("101", Side::Buy, 10, "69900")]);
    books.approve(&second).unwrap();
    books.begin(&second);
    recover(&mut books, 1);
    let once = rows(&mut books);
    assert_eq!(books.state(&second), OrderState::Partial, "the lost reply is found");
    for number in 2..12 {
        recover(&mut books, number);
        assert_eq!(rows(&mut books), once, "recovery {number}");
    }
}

#[test]
fn recovering_many_times_in_memory_is_recovering_once() {
    recovering_many_times_leaves_what_recovering_once_left(Books::new());
}

#[test]
fn recovering_many_times_on_a_file_is_recovering_once() {
    let folder = tempfile::TempDir::new().unwrap();
    let database = Database::open(folder.path().join("trades.db")).unwrap();
    let mut store = database.store().unwrap();
    let fencing = store.boot(&boot_facts(0, start())).unwrap().fencing;
    recovering_many_times_leaves_what_recovering_once_left(Books { database, store, fencing, now: start() });
}

#[test]
fn invariant_07_what_a_person_released_halts_again_only_with_numbers_that_the_person_has_not_seen() {
    let mut books = Books::new();
    let unsound =
        |remaining| InquiryRow { remaining: Quantity::new(remaining), ..row("101", Side::Buy, 0, "0") };
    let halted = |books: &mut Books, remaining| books.book(vec![unsound(remaining)]).halted.len();
    assert_eq!(halted(&mut books, 9), 1);
    assert_eq!([halted(&mut books, 9), halted(&mut books, 8)], [0, 0], "it stands once");
    let lifted = release(&mut books, "005930").unwrap().lifted;
    assert!(
        lifted[0].reason.ends_with("BUY 10: 0 filled, 9 remaining, 0 cancelled, 0 rejected"),
        "{lifted:?}"
    );
    assert_eq!(halted(&mut books, 9), 0, "that is what the person was shown");
    assert_eq!(halted(&mut books, 8), 1, "that is not");
    release(&mut books, "005930").unwrap();
    assert_eq!([halted(&mut books, 9), halted(&mut books, 8), halted(&mut books, 7)], [0, 0, 1]);
}

#[test]
fn two_intents_of_the_same_terms_that_have_none_of_the_orders_do_not_wait_for_each_other() {
    let mut books = Books::new();
    let (first, second) = (buy("1"), buy("2"));
    books.unknown(&first);
    // The books take no second purchase beside an unknown one; a release after the lapse has come to that elsewhere.
    let sql = "INSERT INTO approvals SELECT 'a-2', decision_id, confidence, approved_at_ms, expires_at_ms, halt_epoch
                   FROM approvals WHERE id = 'a-1';
               INSERT INTO intents (id, approval_id, market, symbol, session_date, side, quantity, limit_micros, state,
                                    sent_at_ms, fencing_epoch, watermark, changed_at_ms)
                   SELECT 'i-2', 'a-2', market, symbol, session_date, side, quantity, limit_micros, state, sent_at_ms,
                          fencing_epoch, watermark, changed_at_ms FROM intents WHERE id = 'i-1';";
    diesel::connection::SimpleConnection::batch_execute(&mut books.store.connection, sql).unwrap();
    assert_eq!(books.book(vec![row("101", Side::Buy, 0, "0")]).disputed.len(), 1);
    let open = |books: &mut Books| books.lines().last().unwrap().clone();
    resolve(&mut books, &first, Resolution::None).unwrap();
    assert!(
        open(&mut books).contains("until the same is said of i-2: kestrel resolve i-2"),
        "{}",
        open(&mut books)
    );
    resolve(&mut books, &second, Resolution::None).unwrap();
    assert!(open(&mut books).contains("has none of 1 disputed orders"), "{}", open(&mut books));
    books.after(200);
    for (seconds, unsettled) in [(0, 2), (60, 0)] {
        let list = books.after(seconds).list(vec![row("101", Side::Buy, 0, "0")]);
        let closed = books.store.close_day(&list, books.now).unwrap();
        assert_eq!(closed.unsettled.len(), unsettled, "{seconds}");
    }
    assert_eq!([books.state(&first), books.state(&second)], [OrderState::NeverAccepted; 2]);
}
