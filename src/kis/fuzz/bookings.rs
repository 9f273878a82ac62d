//! Broken order lists, through the true client into the true books: whatever is booked stands in the bytes for that
//! order, and an order that the bytes still show is never declared absent.
//!
//! The second reading below shares no code with the client: it looks for an order's number in the text and reads the
//! fields of the row around it.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use domain::messages::ledger::EventsAfter;
use domain::{
    ApprovalId, Confidence, DecisionId, EventId, FencingEpoch, HaltEpoch, HaltId, InquiryRow, IntentId,
    OrderState, OrderTerms, Outcome, Quantity, Side, VenueOrderId,
};
use rust_decimal::Decimal;
use trade_ledger::{
    Begun, BookInquiry, BootFacts, DayKey, NewIntent, SendingRequest, Store as _, StoreError,
};

use super::*;
use crate::store::{Database, SqliteStore};

/// Cases that share one set of books; the last of them is the list after the close.
const CASES_PER_BOOKS: u64 = 20;

/// A market's order list: how its fields are called and what stands in it.
struct Listing {
    market: Market,
    date: &'static str,
    /// When the orders are sent.
    at: &'static str,
    end: &'static str,
    ordered: &'static str,
    limit: &'static str,
    filled: &'static str,
    average: &'static str,
    price: &'static str,
    rows: fn(&Case) -> String,
}

const DOMESTIC: Listing = Listing {
    market: Market::Kr,
    date: "2026-11-24",
    at: "2026-11-24T01:00:00Z",
    end: "inquire-daily-ccld",
    ordered: "ord_qty",
    limit: "ord_unpr",
    filled: "tot_ccld_qty",
    average: "avg_prvs",
    price: "70000",
    rows: |case| {
        let row = |number: u64, side: &str, symbol: &str, [ordered, filled]: [u64; 2]| {
            let average = if filled == 0 { "0" } else { "69900" };
            let left = ordered - filled;
            format!(
                r#"{{"ord_dt":"20261124","ord_gno_brno":"06010","odno":"{number:010}","orgn_odno":"","sll_buy_dvsn_cd":"{side}","sll_buy_dvsn_cd_name":"x","pdno":"{symbol}","ord_qty":"{ordered}","ord_unpr":"70000","ord_tmd":"100001","tot_ccld_qty":"{filled}","avg_prvs":"{average}","cncl_cfrm_qty":"0","rmn_qty":"{left}","rjct_qty":"0","ordr_empno":"OpenAPI"}}"#
            )
        };
        let rows = [
            row(case.number, "02", &case.symbol, [10, 6]),
            row(case.number + 1, "01", &case.lost_symbol, [7, 7]),
            row(case.number + 2, "02", "123456", [3, 0]),
        ];
        format!(r#"{{"rt_cd":"0","msg_cd":"KIOK0510","output1":[{}],"output2":{{}}}}"#, rows.join(","))
    },
};

const FOREIGN: Listing = Listing {
    market: Market::UsNasdaq,
    date: "2026-11-23",
    at: "2026-11-23T15:00:00Z",
    end: "inquire-ccnl",
    ordered: "ft_ord_qty",
    limit: "ft_ord_unpr3",
    filled: "ft_ccld_qty",
    average: "ft_ccld_unpr3",
    price: "185.25",
    rows: |case| {
        let row = |number: u64, side: &str, symbol: &str, [ordered, filled]: [u64; 2]| {
            let average = if filled == 0 { "0.00000000" } else { "184.95000000" };
            let (left, state) = (ordered - filled, if ordered == filled { "완료" } else { "전송" });
            format!(
                r#"{{"ord_dt":"20261123","ord_gno_brno":"01790","odno":"{number:010}","orgn_odno":"","sll_buy_dvsn_cd":"{side}","rvse_cncl_dvsn":"00","pdno":"{symbol}","ft_ord_qty":"{ordered}","ft_ord_unpr3":"185.25000000","ft_ccld_qty":"{filled}","ft_ccld_unpr3":"{average}","nccs_qty":"{left}","prcs_stat_name":"{state}","rjct_rson_name":"","ovrs_excg_cd":"NASD","dmst_ord_dt":"20261124","thco_ord_tmd":"000001","mdia_dvsn_name":"OpenAPI"}}"#
            )
        };
        let rows = [
            row(case.number, "02", &case.symbol, [10, 6]),
            row(case.number + 1, "01", &case.lost_symbol, [7, 7]),
            row(case.number + 2, "02", "ZZZ", [3, 0]),
        ];
        format!(r#"{{"rt_cd":"0","msg_cd":"KIOK0510","output":[{}]}}"#, rows.join(","))
    },
};

/// Two orders of ours: one accepted and filled by 3 of 10 in the books, one whose reply was lost.
struct Case {
    number: u64,
    symbol: String,
    lost_symbol: String,
    /// When its orders are sent: a minute after those of the case before, because the books take ten a minute.
    at: DateTime<Utc>,
}

impl Case {
    fn new(listing: &Listing, case: u64) -> Self {
        let market = listing.market;
        let minutes = CASES_PER_BOOKS - case % CASES_PER_BOOKS;
        let at = moment(listing) - TimeDelta::minutes(i64::try_from(minutes).unwrap());
        let name = |offset: u64| match market.is_domestic() {
            true => format!("{:06}", 200_000 + case * 2 + offset),
            false => format!("F{}", case * 2 + offset),
        };
        Self { number: 1_000 + case * 10, symbol: name(0), lost_symbol: name(1), at }
    }
}

struct Books {
    store: SqliteStore,
    fencing: FencingEpoch,
    _database: Database,
}

impl Books {
    fn new(at: DateTime<Utc>) -> Self {
        let database = Database::open(":memory:").unwrap();
        let mut store = database.store().unwrap();
        let facts = BootFacts {
            wall_at: at,
            at,
            halt_id: HaltId::from_stored("h-boot".into()),
            halt_nonce: domain::HaltNonce::new(1),
        };
        let fencing = store.boot(&facts).unwrap().fencing;
        Self { store, fencing, _database: database }
    }

    /// Writes an intent and its outcome; none when an earlier list rightly had this stock halted.
    fn send(
        &mut self,
        listing: &Listing,
        (symbol, at): (&str, DateTime<Utc>),
        [side, quantity]: [u64; 2],
        outcome: &Outcome,
    ) -> Option<NewIntent> {
        let new = NewIntent {
            intent: IntentId::from_stored(format!("i-{symbol}")),
            approval: ApprovalId::from_stored(format!("a-{symbol}")),
            decision: DecisionId::from_stored(format!("d-{symbol}")),
            terms: OrderTerms {
                instrument: stock(listing.market, symbol),
                side: if side == 0 { Side::Buy } else { Side::Sell },
                quantity: Quantity::new(quantity),
                limit: listing.price.parse().unwrap(),
            },
            confidence: Confidence::new(85).unwrap(),
            session_date: listing.date.parse().unwrap(),
            approved_at: at,
            expires_at: at + TimeDelta::seconds(60),
            halt_epoch: HaltEpoch(0),
        };
        // Enough for every purchase of the day.
        let equity = domain::Money::new(1_000_000_000_000_i64.into(), listing.market.currency());
        let (currency, session_date) = (listing.market.currency(), new.session_date);
        let start = domain::messages::ledger::RecordDayStart {
            currency,
            session_date,
            equity: Some(equity),
            trips: Default::default(),
        };
        self.store.record_day_start(&start, at).unwrap();
        self.store.commit_approval(&new, at).ok()?;
        let request = SendingRequest {
            intent: new.intent.clone(),
            approval: new.approval.clone(),
            halt_epoch: new.halt_epoch,
            fencing: self.fencing,
            watermark: Some(100),
            at,
        };
        assert_eq!(self.store.begin_sending(&request).unwrap(), Begun::Sending);
        self.store.record_outcome(&new.intent, outcome, at).unwrap();
        Some(new)
    }

    /// The two orders of a case, the accepted one filled by three shares.
    fn prepare(&mut self, listing: &Listing, case: &Case) -> Option<[NewIntent; 2]> {
        let order = VenueOrderId {
            date: listing.date.parse().unwrap(),
            branch: if listing.market.is_domestic() { "06010" } else { "01790" }.into(),
            number: format!("{:010}", case.number),
        };
        let accepted =
            self.send(listing, (&case.symbol, case.at), [0, 10], &Outcome::Accepted(order.clone()))?;
        let lost =
            self.send(listing, (&case.lost_symbol, case.at), [1, 7], &Outcome::Unknown("no answer".into()))?;
        let row = InquiryRow {
            order,
            instrument: accepted.terms.instrument.clone(),
            side: Side::Buy,
            ordered: Quantity::new(10),
            limit: Some(accepted.terms.limit),
            filled: Quantity::new(3),
            average_price: Some(listing.price.parse().unwrap()),
            remaining: Quantity::new(7),
            cancelled: Quantity::ZERO,
            rejected: Quantity::ZERO,
            time: None,
        };
        self.store.book_inquiry(&self.list(listing, vec![row]), moment(listing)).unwrap();
        Some([accepted, lost])
    }

    fn list(&self, listing: &Listing, rows: Vec<InquiryRow>) -> BookInquiry {
        let day = DayKey { market: listing.market, session_date: listing.date.parse().unwrap() };
        let asked_at = moment(listing) + TimeDelta::seconds(10);
        let id = HaltId::new(asked_at.timestamp_millis(), 0);
        BookInquiry {
            day,
            rows,
            asked_at,
            halt: trade_ledger::HaltName { id, nonce: domain::HaltNonce::new(1) },
        }
    }

    fn record(&mut self, intent: &NewIntent) -> domain::messages::ledger::IntentRecord {
        let all = self.store.all_intents().unwrap();
        all.into_iter().find(|record| record.id == intent.intent).unwrap()
    }

    /// What the events since `after` say was bought or sold of a stock.
    fn trades(&mut self, after: EventId, instrument: &Instrument) -> Vec<String> {
        let events = self.store.events_after(&EventsAfter { after, limit: 500 }).unwrap();
        let is_trade = |text: &str| text.starts_with("bought ") || text.starts_with("sold ");
        let name = format!(" {instrument} ");
        events
            .into_iter()
            .map(|event| event.text)
            .filter(|text| is_trade(text) && text.contains(&name))
            .collect()
    }
}

fn moment(listing: &Listing) -> DateTime<Utc> {
    listing.at.parse().unwrap()
}

// === The second reading ===

/// Every object of the text that holds this quoted text; brackets inside strings open and close nothing.
fn rows_with<'a>(text: &'a str, quoted: &str) -> Vec<&'a str> {
    let (mut opened, mut rows) = (Vec::new(), Vec::new());
    let (mut in_string, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' if !in_string => opened.push(at),
            b'}' if !in_string => rows.extend(opened.pop().map(|start| &text[start..=at])),
            _ => {}
        }
    }
    rows.retain(|row| row.contains(quoted));
    rows
}

/// What stands under a key, quotes left out; blanks around and zeros before do not matter.
fn value_of<'a>(row: &'a str, key: &str) -> Option<&'a str> {
    let rest = row.split_once(&format!("\"{key}\":"))?.1.trim_start();
    let value = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => rest.split([',', '}']).next()?,
    };
    Some(value.trim())
}

fn number_of(row: &str, key: &str) -> Option<Decimal> {
    let digits = value_of(row, key)?.trim_start_matches('+');
    digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.').then(|| digits.parse().ok())?
}

/// True when a row says legibly that it is this order: its terms, a number, a time that is not before.
fn shows_terms(listing: &Listing, row: &str, intent: &NewIntent) -> bool {
    let terms = &intent.terms;
    let side = if terms.side == Side::Buy { "02" } else { "01" };
    let is_cancel = value_of(row, "rvse_cncl_dvsn") == Some("02");
    !is_cancel
        && value_of(row, "pdno") == Some(terms.instrument.symbol.as_str())
        && value_of(row, "sll_buy_dvsn_cd") == Some(side)
        && number_of(row, listing.ordered) == Some(Decimal::from(terms.quantity.get()))
        && number_of(row, listing.limit) == Some(terms.limit.value())
        && number_of(row, "odno").is_some_and(|number| number > Decimal::ONE_HUNDRED)
        && is_late_enough(listing, row, intent.approved_at)
}

/// Not more than five seconds before the order was sent, in Seoul; a time that is none excludes nothing.
fn is_late_enough(listing: &Listing, row: &str, sent_at: DateTime<Utc>) -> bool {
    let keys =
        if listing.market.is_domestic() { ["ord_dt", "ord_tmd"] } else { ["dmst_ord_dt", "thco_ord_tmd"] };
    let text: String = keys.map(|key| value_of(row, key).unwrap_or_default()).concat();
    let earliest = (sent_at + TimeDelta::hours(9) - TimeDelta::seconds(5)).naive_utc();
    match NaiveDateTime::parse_from_str(&text, "%Y%m%d%H%M%S") {
        Ok(time) if text.len() == 14 && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            // In November New York is fourteen hours behind Seoul; a moment of another day there says nothing.
            let hours_behind = if listing.market.is_domestic() { 0 } else { 14 };
            let day = (time - TimeDelta::hours(hours_behind)).date();
            day.to_string() != listing.date || time >= earliest
        }
        Ok(_) | Err(_) => true,
    }
}

// === The run ===

#[derive(Debug, Default)]
struct Tally {
    lists_refused: u64,
    lists_booked: u64,
    fills_booked: u64,
    adopted: u64,
    never_accepted: u64,
}

async fn run(listing: &Listing, cases: u64) -> Tally {
    let mut mutator = Mutator::new(0xb00c + listing.end.len() as u64);
    let answer: Answer = Arc::new(Mutex::new((200, "D", Bytes::new())));
    let mut kis = client(Environment::Real, listing.end, &answer);
    let mut books = Books::new(moment(listing) - TimeDelta::hours(1));
    let mut tally = Tally::default();
    for number in 0..cases {
        if number % CASES_PER_BOOKS == 0 {
            books = Books::new(moment(listing) - TimeDelta::hours(1));
            kis = client(Environment::Real, listing.end, &answer);
        }
        let case = Case::new(listing, number);
        let body = mutator.mutate(&(listing.rows)(&case));
        *answer.lock().unwrap() = (200, "D", Bytes::from(body.clone()));
        let Ok(rows) = kis.orders_of_day(listing.market, listing.date.parse().unwrap()).await else {
            tally.lists_refused += 1;
            continue;
        };
        let Some(intents) = books.prepare(listing, &case) else { continue };
        if books.record(&intents[0]).filled.is_zero() {
            // An earlier list made a stranger of this number, so the books rightly doubt the reply that names it.
            continue;
        }
        let before = books.store.last_event().unwrap();
        let list = books.list(listing, rows);
        let is_final = number % CASES_PER_BOOKS == CASES_PER_BOOKS - 1;
        let at = list.asked_at;
        let booked = if is_final {
            books.store.close_day(&list, at).map(|_| ())
        } else {
            books.store.book_inquiry(&list, at).map(|_| ())
        };
        // A number that cannot be kept exactly refuses the list as a whole; the checks below show that it did.
        match booked {
            Ok(()) => tally.lists_booked += 1,
            Err(StoreError::NotRepresentable(_)) => tally.lists_refused += 1,
            Err(error) => panic!("{error}"),
        }
        let text = String::from_utf8_lossy(&body).into_owned();
        check_accepted(listing, &mut books, &case, &intents[0], before, &text, &mut tally);
        check_lost(listing, &mut books, &intents[1], before, &text, &mut tally);
    }
    tally
}

/// The order whose number the books know: its fills are those of a row with that number.
fn check_accepted(
    listing: &Listing,
    books: &mut Books,
    case: &Case,
    intent: &NewIntent,
    before: EventId,
    text: &str,
    tally: &mut Tally,
) {
    let record = books.record(intent);
    let trades = books.trades(before, &intent.terms.instrument);
    assert!(record.filled <= intent.terms.quantity && record.filled >= Quantity::new(3), "{record:?} {text}");
    if record.filled == Quantity::new(3) {
        assert_eq!(trades, Vec::<String>::new(), "{text}");
        return;
    }
    tally.fills_booked += 1;
    let known = Decimal::from(3) * intent.terms.limit.value();
    let line = |row: &&str| -> Option<String> {
        let (filled, average) = (number_of(row, listing.filled)?, number_of(row, listing.average)?);
        let new = filled - Decimal::from(3);
        let amount = (filled * average).round_dp(6) - known;
        let price = amount.checked_div(new)?.round_dp(6).normalize();
        Some(format!("bought {new} {} at {price}", intent.terms.instrument))
    };
    let rows = rows_with(text, &case.number.to_string());
    let seen: Vec<String> = rows.iter().filter_map(line).collect();
    assert!(trades.len() == 1 && seen.contains(&trades[0]), "{trades:?} is not in {seen:?}: {text}");
    assert!(record.state != OrderState::Filled || record.filled == intent.terms.quantity, "{text}");
}

/// The order whose reply was lost: a number that it adopts stands in a row with its terms, and it is declared absent
/// only when no such row is there.
fn check_lost(
    listing: &Listing,
    books: &mut Books,
    intent: &NewIntent,
    before: EventId,
    text: &str,
    tally: &mut Tally,
) {
    let record = books.record(intent);
    let rows = rows_with(text, &format!("\"{}", intent.terms.instrument.symbol));
    let fitting: Vec<&str> = rows.into_iter().filter(|row| shows_terms(listing, row, intent)).collect();
    if let Some(order) = &record.venue_order {
        tally.adopted += 1;
        let numbers: Vec<_> = fitting.iter().filter_map(|row| value_of(row, "odno")).collect();
        assert!(numbers.contains(&order.number.as_str()), "{order} is not in {numbers:?}: {text}");
        let filled: Vec<_> = fitting.iter().filter_map(|row| number_of(row, listing.filled)).collect();
        assert!(filled.contains(&Decimal::from(record.filled.get())), "{record:?}: {text}");
    } else {
        assert!(record.filled.is_zero(), "{record:?}: {text}");
        assert_eq!(books.trades(before, &intent.terms.instrument), Vec::<String>::new(), "{text}");
    }
    if record.state == OrderState::NeverAccepted {
        tally.never_accepted += 1;
        assert_eq!(fitting, Vec::<&str>::new(), "an order that is shown was declared absent: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn invariant_07_and_08_broken_lists_book_nothing_that_is_not_in_their_bytes() {
    for listing in [&DOMESTIC, &FOREIGN] {
        let cases = Mutator::cases();
        let tally = run(listing, cases).await;
        println!("order lists of {}: {cases} payloads, {tally:?}", listing.market);
        let enough = cases / 100;
        assert!(tally.lists_refused > enough && tally.lists_booked > enough, "too weak: {tally:?}");
        assert!(tally.fills_booked > enough && tally.adopted > enough, "too weak: {tally:?}");
    }
}
