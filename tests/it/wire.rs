//! Any KIS client on this machine: what it asks a `kestrel simulate` over plain HTTP, and what the agent makes of its trades.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use domain::messages::control::{HaltLevel, TradingState};
use domain::messages::ledger::RecordDayStart;
use domain::{
    ApprovalId, Confidence, Currency, DecisionId, HaltEpoch, HaltId, HaltNonce, InquiryRow, IntentId, Market,
    Money, OrderTerms, Outcome, Price, Quantity, Side,
};
use kestrel::simulator::VenueOrder;
use kestrel::store;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tempfile::TempDir;
use trade_ledger::{BookInquiry, BootFacts, DayKey, HaltName, NewIntent, SendingRequest, Store as _};

use crate::exchange::Exchange;
use crate::harness::{Agent, PATIENCE, command, database, log_of, status_of, until};

/// TR ids of orders in Hong Kong.
const BUY: &str = "TTTS1002U";
const SELL: &str = "TTTS1001U";

/// A customer with a token.
struct Customer<'a> {
    exchange: &'a Exchange,
    token: String,
}

impl<'a> Customer<'a> {
    fn of(exchange: &'a Exchange) -> Self {
        let mut customer = Self { exchange, token: String::new() };
        let keys = json!({"grant_type": "client_credentials", "appkey": "hand", "appsecret": "secret"});
        let answer = customer.call("POST", "/oauth2/tokenP", "", &keys.to_string());
        customer.token = answer["access_token"].as_str().unwrap().to_owned();
        customer
    }

    fn call(&self, method: &str, path: &str, tr_id: &str, body: &str) -> Value {
        let address = self.exchange.url.trim_start_matches("http://");
        let mut line = TcpStream::connect(address).unwrap();
        let text = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nauthorization: Bearer {}\r\nappkey: hand\r\nappsecret: secret\r\ntr_id: {tr_id}\r\n\
             custtype: P\r\n\r\n{body}",
            body.len(),
            self.token,
        );
        line.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        line.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// The last price in Hong Kong.
    fn price(&self, symbol: &str) -> Decimal {
        let path = format!("/uapi/overseas-price/v1/quotations/price-detail?AUTH=&EXCD=HKS&SYMB={symbol}");
        let answer = self.call("GET", &path, "HHDFS76200200", "");
        answer["output"]["last"].as_str().unwrap().parse().unwrap()
    }

    /// An order in Hong Kong, filled before this returns.
    fn trade(&self, tr_id: &str, kind: &str, symbol: &str, shares: u64, limit: Decimal) -> VenueOrder {
        let body = json!({
            "CANO": "12345678", "ACNT_PRDT_CD": "01", "OVRS_EXCG_CD": "SEHK", "PDNO": symbol,
            "ORD_QTY": shares.to_string(), "OVRS_ORD_UNPR": limit.to_string(), "CTAC_TLNO": "",
            "MGCO_APTM_ODNO": "", "SLL_TYPE": if tr_id == SELL { "00" } else { "" }, "ORD_SVR_DVSN_CD": "0",
            "ORD_DVSN": kind,
        });
        let answer = self.call("POST", "/uapi/overseas-stock/v1/trading/order", tr_id, &body.to_string());
        assert_eq!(answer["rt_cd"], "0", "{answer}");
        let filled = until(PATIENCE, || {
            self.exchange.books().orders.pop().filter(|order| order.filled == order.quantity)
        });
        filled
            .unwrap_or_else(|| panic!("{shares} of {symbol} at {limit}: {:?}", self.exchange.books().orders))
    }
}

/// Books of an earlier life that sent these orders itself.
fn as_sent_by_the_agent(dir: &TempDir, equity: Money, orders: &[VenueOrder]) {
    let at = orders.last().unwrap().received_at;
    let mut books = store::open(database(dir.path())).unwrap();
    let (halt_id, halt_nonce) = (HaltId::from_stored("h-0".into()), HaltNonce::new(0));
    let fencing = books.boot(&BootFacts { wall_at: at, at, halt_id, halt_nonce }).unwrap().fencing;
    let session_date = Market::Hk.date_at(at);
    books
        .record_day_start(
            &RecordDayStart {
                currency: Currency::Hkd,
                session_date,
                equity: Some(equity),
                trips: Default::default(),
            },
            at,
        )
        .unwrap();
    for (number, order) in orders.iter().enumerate() {
        let limit = order.limit.unwrap();
        let new = NewIntent {
            intent: IntentId::from_stored(format!("i-{number}")),
            approval: ApprovalId::from_stored(format!("a-{number}")),
            decision: DecisionId::from_stored(format!("d-{number}")),
            terms: OrderTerms {
                instrument: order.instrument.clone(),
                side: order.side,
                quantity: order.quantity,
                limit,
            },
            confidence: Confidence::CERTAIN,
            session_date,
            approved_at: order.received_at,
            expires_at: order.received_at + chrono::TimeDelta::seconds(30),
            halt_epoch: HaltEpoch(0),
        };
        books.commit_approval(&new, order.received_at).unwrap();
        let request = SendingRequest {
            intent: new.intent.clone(),
            approval: new.approval,
            halt_epoch: new.halt_epoch,
            fencing,
            watermark: None,
            at: order.received_at,
        };
        books.begin_sending(&request).unwrap();
        books.record_outcome(&new.intent, &Outcome::Accepted(order.id.clone()), order.received_at).unwrap();
        let halt = HaltName { id: HaltId::from_stored("h-list".into()), nonce: HaltNonce::new(1) };
        let day = DayKey { market: Market::Hk, session_date };
        let rows = orders[..=number].iter().map(row).collect();
        let asked_at = order.received_at + chrono::TimeDelta::seconds(10);
        books.book_inquiry(&BookInquiry { day, rows, asked_at, halt }, asked_at).unwrap();
    }
}

fn row(order: &VenueOrder) -> InquiryRow {
    let shares = Decimal::from(order.filled.get());
    InquiryRow {
        order: order.id.clone(),
        instrument: order.instrument.clone(),
        side: order.side,
        ordered: order.quantity,
        limit: order.limit,
        filled: order.filled,
        average_price: Some(Price::new(order.amount / shares).unwrap()),
        remaining: Quantity::ZERO,
        cancelled: order.cancelled,
        rejected: order.rejected,
        time: None,
    }
}

#[test]
fn a_flatten_in_hong_kong_sells_whole_board_lots_and_then_the_rest_as_an_odd_lot() {
    let dir = TempDir::new().unwrap();
    let start = ["--start", "2026-11-24T02:00:00Z", "--speed", "60", "--markets", "HK"];
    let exchange = Exchange::start(&dir, &start);
    let equity = exchange.books().cash.into_iter().find(|cash| cash.currency() == Currency::Hkd).unwrap();
    let hand = Customer::of(&exchange);
    let (symbol, dollar) = ("00981", Decimal::ONE);
    let bought = hand.trade(BUY, "00", symbol, 1_000, hand.price(symbol).floor() + dollar);
    let sold = hand.trade(SELL, "50", symbol, 200, hand.price(symbol).floor() - dollar);
    as_sent_by_the_agent(&dir, equity, &[bought, sold]);

    let settings = [
        ("KESTREL_EXCHANGE_URL", exchange.url.as_str()),
        ("ENABLED_MARKETS", "HK"),
        ("MAX_ORDERS_PER_DAY", "0"),
        ("EXIT_STOP_PCT", "20"),
        ("EXIT_TAKE_PCT", "100"),
        ("EXIT_ATR_MULTIPLE", "10"),
    ];
    let _agent = Agent::start(&dir, &settings);
    let mut flatten = command(&dir, &[]);
    let told = flatten.args(["halt", "--flatten", "--reason", "home", "--by", "ada"]).output().unwrap();
    let ended = until(PATIENCE, || {
        let is_flat = exchange.books().positions.is_empty();
        let status = status_of(&dir)?;
        let is_latched = status.halts.iter().any(|halt| halt.level == HaltLevel::Halted);
        (is_flat && is_latched && status.trading == Some(TradingState::Halted)).then_some(())
    });
    let books = exchange.books();
    assert!(ended.is_some(), "{told:?}\n{:?}\n{:?}\n{}", status_of(&dir), books, log_of(&dir));
    let own = books.orders.iter().filter(|order| order.tag.is_some());
    let sales: Vec<_> = own.map(|order| (order.side, order.quantity.get(), order.filled.get())).collect();
    assert_eq!(sales, [(Side::Sell, 500, 500), (Side::Sell, 300, 300)], "a lot of 500, then what is left");
    assert_eq!(books.order_posts_refused, 0, "{books:?}");
}

#[test]
fn the_curl_lines_of_the_readme_get_token_approval_key_quote_and_balance() {
    let readme = include_str!("../../README.md");
    let lines = readme.split("```sh\n").find(|text| text.contains("/oauth2/tokenP")).unwrap();
    let lines = lines.split("```").next().unwrap();
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
        assert!(std::env::var("KESTREL_STRICT").is_err(), "KESTREL_STRICT is set, and there is no curl");
        return println!("skipped: there is no curl");
    }
    let dir = TempDir::new().unwrap();
    let exchange = Exchange::start(&dir, &["--start", "2026-06-01T00:05:00Z"]);
    assert!(lines.contains("URL=http://127.0.0.1:8765\n"), "{lines}");
    let script = lines.replace("http://127.0.0.1:8765", &exchange.url);
    let output = Command::new("sh").args(["-euc", &script]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [approval, quote, balance] = &answers[..] else { panic!("{text}") };
    assert!(approval["approval_key"].as_str().is_some_and(|key| key.len() == 36), "{approval}");
    let number = |text: &Value| text.as_str().unwrap().parse::<i64>().unwrap();
    assert_eq!((&quote["rt_cd"], &balance["rt_cd"]), (&"0".into(), &"0".into()), "{text}");
    assert!(number(&quote["output"]["stck_prpr"]) > 0, "{quote}");
    assert!(number(&balance["output2"][0]["dnca_tot_amt"]) > 0, "{balance}");
}
