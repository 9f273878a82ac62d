//! Broken replies to the one POST, from the judge into the true books: an order number that is booked stands in the
//! bytes, and nothing else proves acceptance or refusal.

use chrono::{DateTime, TimeDelta, Utc};
use domain::text::is_hidden;
use domain::{ApprovalId, Confidence, DecisionId, HaltEpoch, HaltId, OrderState};
use trade_ledger::{BootFacts, NewIntent, SendingRequest, Store as _};

use super::*;
use crate::mutation::Mutator;
use crate::store::Database;

/// Replies that share one set of books.
const REPLIES_PER_BOOKS: u64 = 100;
const AT: &str = "2026-11-24T01:00:00Z";

/// Replies as the tables of KIS.md 8.1, 8.2, 12.1, 12.2 and 5 have them.
#[rustfmt::skip]
const SEEDS: [(&str, &str); 6] = [
    ("domestic order", r#"{"rt_cd":"0","msg_cd":"APBK0013","msg1":"done   ","output":{"KRX_FWDG_ORD_ORGNO":"06010","ODNO":"0001569157","ORD_TMD":"100001"}}"#),
    ("foreign order", r#"{"rt_cd":"0","msg_cd":"APBK0013","msg1":"done","output":{"KRX_FWDG_ORD_ORGNO":"01790","ODNO":"0030138211","ORD_TMD":"100001"}}"#),
    ("domestic cancel", r#"{"rt_cd":"0","msg_cd":"KIOK0460","msg1":"done","output":{"krx_fwdg_ord_orgno":"06010","odno":"0000012349","ord_tmd":"100312"}}"#),
    ("foreign cancel", r#"{"rt_cd":"0","msg_cd":"KIOK0460","msg1":"done","output":{"KRX_FWDG_ORD_ORGNO":"01790","ODNO":"0030138299","ORD_TMD":"100312"}}"#),
    ("refusal", r#"{"rt_cd":"7","msg_cd":"APBK0952","msg1":"no cash      ","output":{"KRX_FWDG_ORD_ORGNO":"","ODNO":"","ORD_TMD":""}}"#),
    ("gateway refusal", r#"{"rt_cd":"1","msg_cd":"EGW00201","msg1":"too many requests"}"#),
];

/// Ten seconds after the order before: the books take ten a minute.
fn moment(case: u64) -> DateTime<Utc> {
    AT.parse::<DateTime<Utc>>().unwrap()
        + TimeDelta::seconds(10 * i64::try_from(case % REPLIES_PER_BOOKS).unwrap())
}

fn approval(case: u64) -> NewIntent {
    let at = moment(case);
    NewIntent {
        intent: IntentId::from_stored(format!("i-{case}")),
        approval: ApprovalId::from_stored(format!("a-{case}")),
        decision: DecisionId::from_stored(format!("d-{case}")),
        terms: OrderTerms {
            instrument: Instrument {
                market: Market::Kr,
                symbol: format!("{:06}", case % 1_000_000).parse().unwrap(),
            },
            side: Side::Buy,
            quantity: Quantity::new(10),
            limit: "70000".parse().unwrap(),
        },
        confidence: Confidence::new(85).unwrap(),
        session_date: "2026-11-24".parse().unwrap(),
        approved_at: at,
        expires_at: at + TimeDelta::seconds(60),
        halt_epoch: HaltEpoch(0),
    }
}

struct Books {
    store: crate::store::SqliteStore,
    fencing: domain::FencingEpoch,
    _database: Database,
}

impl Books {
    fn new() -> Self {
        let database = Database::open(":memory:").unwrap();
        let mut store = database.store().unwrap();
        let at = AT.parse().unwrap();
        let facts = BootFacts {
            wall_at: at,
            at,
            halt_id: HaltId::from_stored("h-boot".into()),
            halt_nonce: domain::HaltNonce::new(1),
        };
        let fencing = store.boot(&facts).unwrap().fencing;
        Self { store, fencing, _database: database }
    }

    /// Sends an order, answered so; what the books then say of it.
    fn answered(&mut self, new: &NewIntent, outcome: &Outcome) -> (OrderState, Option<VenueOrderId>) {
        let at = new.approved_at;
        // Enough for every purchase of the day.
        let currency = new.terms.instrument.market.currency();
        let equity = domain::Money::new(1_000_000_000_000_i64.into(), currency);
        let session_date = new.session_date;
        let start = domain::messages::ledger::RecordDayStart {
            currency,
            session_date,
            equity: Some(equity),
            trips: Default::default(),
        };
        self.store.record_day_start(&start, at).unwrap();
        self.store.commit_approval(new, at).unwrap();
        let (intent, approval) = (new.intent.clone(), new.approval.clone());
        let (halt_epoch, fencing) = (new.halt_epoch, self.fencing);
        let request = SendingRequest { intent, approval, halt_epoch, fencing, watermark: None, at };
        self.store.begin_sending(&request).unwrap();
        self.store.record_outcome(&new.intent, outcome, at).unwrap();
        let all = self.store.all_intents().unwrap();
        let record = all.into_iter().find(|record| record.id == new.intent).unwrap();
        (record.state, record.venue_order)
    }
}

/// What the client makes of a verdict.
fn outcome(verdict: Verdict) -> Outcome {
    let date = "2026-11-24".parse().unwrap();
    match verdict {
        Verdict::Taken { branch, number } => Outcome::Accepted(VenueOrderId { date, branch, number }),
        Verdict::Refused(refusal) => Outcome::Refused(refusal),
        Verdict::Unknown(why) => Outcome::Unknown(why),
    }
}

/// The second reading: the bytes hold this number, quoted and perhaps padded with blanks.
fn shows_number(text: &str, number: &str) -> bool {
    let quoted = text.matches(&format!("\"{number}\"")).count() + text.matches(&format!(" {number}")).count();
    let padded = text.matches(&format!("{number} ")).count();
    quoted + padded >= 1 && number.len() <= 10 && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_harmless(outcome: &Outcome) -> bool {
    let text = format!("{outcome:?}");
    !text.contains(|c: char| c.is_control() || is_hidden(c))
}

#[test]
fn invariant_07_a_broken_reply_books_no_order_number_that_is_not_in_its_bytes() {
    for (name, seed) in SEEDS {
        let mut mutator = Mutator::new(0x0d0 + name.len() as u64);
        let (mut accepted, mut refused, mut unknown) = (0_u64, 0_u64, 0_u64);
        let mut books = Books::new();
        for case in 0..Mutator::cases() {
            if case % REPLIES_PER_BOOKS == 0 {
                books = Books::new();
            }
            let body = mutator.mutate(seed);
            let text = String::from_utf8_lossy(&body).into_owned();
            let status = if mutator.below(10) == 0 { [302, 403, 429, 500][mutator.below(4)] } else { 200 };
            let reply = http::Response::builder().status(status).body(Bytes::from(body)).unwrap();
            let outcome = outcome(judge(Ok(reply)).0);
            assert!(is_harmless(&outcome), "{outcome:?}");
            // An unknown outcome books nothing by its kind; a part of them shows that.
            if matches!(outcome, Outcome::Unknown(_)) && mutator.below(10) > 0 {
                unknown += 1;
                continue;
            }
            let (state, order) = books.answered(&approval(case), &outcome);
            if state == OrderState::Accepted {
                accepted += 1;
                let order = order.unwrap();
                assert!(status == 200 && shows_number(&text, &order.number), "{order} is not in {text}");
            } else if state == OrderState::Refused {
                refused += 1;
                let Outcome::Refused(Refusal::Code { code, .. }) = &outcome else {
                    panic!("{outcome:?}: {text}")
                };
                assert!(text.contains(code.as_str()) && order.is_none(), "{code} is not in {text}");
            } else {
                unknown += 1;
                assert_eq!((state, &order), (OrderState::Unknown, &None), "{text}");
            }
        }
        println!(
            "{name}: {} payloads, {accepted} accepted, {refused} refused, {unknown} unknown",
            Mutator::cases()
        );
        assert!(
            unknown > Mutator::cases() / 10 && accepted + refused > Mutator::cases() / 100,
            "{name} is too weak"
        );
    }
}
