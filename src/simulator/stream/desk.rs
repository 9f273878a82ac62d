//! Registrations of one connection, and the answers to what a client says (KIS.md 14.1). Pure but for the shared state.

use std::collections::BTreeMap;

use domain::Market;
use serde_json::{Value, json};

use super::notices::{Told, notices};
use super::prices::{Shown, frame};
use super::seal::Keys;
use crate::simulator::listing::Listing;
use crate::simulator::{Environment, State, rules};

/// Registrations of one connection.
const REGISTRATIONS_MAX: usize = 41;
/// The longest login name.
const NAME_CHARS_MAX: usize = 20;

/// What a client registered for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Feed {
    DomesticTrades(&'static Listing),
    DomesticBook(&'static Listing),
    ForeignTrades(&'static Listing),
    DomesticNotices,
    ForeignNotices,
}

/// One registration.
#[derive(Debug)]
struct Registration {
    feed: Feed,
    keys: Keys,
    shown: Shown,
    told: Told,
}

/// A refusal or a success, as told.
struct Word {
    result: &'static str,
    code: &'static str,
    text: &'static str,
}

const fn word(result: &'static str, code: &'static str, text: &'static str) -> Word {
    Word { result, code, text }
}

const REGISTERED: Word = word("0", "OPSP0000", "SUBSCRIBE SUCCESS");
const GIVEN_BACK: Word = word("0", "OPSP0001", "UNSUBSCRIBE SUCCESS");
const ALREADY: Word = word("1", "OPSP0002", "ALREADY IN SUBSCRIBE");
const NOT_FOUND: Word = word("1", "OPSP0003", "UNSUBSCRIBE ERROR(not found!)");
const FULL: Word = word("1", "OPSP0008", "MAX SUBSCRIBE OVER");
const BAD_APPROVAL: Word = word("9", "OPSP0011", "invalid approval : NOT FOUND");
const BAD_TR_ID: Word = word("9", "OPSP8991", "invalid tr_id");
const BAD_TR_KEY: Word = word("9", "OPSP8992", "invalid tr_key");
const IN_USE: Word = word("9", "OPSP8996", "ALREADY IN USE appkey");
const BAD_TR_TYPE: Word = word("9", "OPSP8997", "invalid tr_type");
const BAD_CUSTTYPE: Word = word("9", "OPSP8998", "invalid custtype");
const BAD_JSON: Word = word("9", "OPSP9991", "JSON PARSING ERROR");

/// What follows from a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// This is said.
    Say(String),
    /// This is said, and the line is closed.
    Part(String),
    /// The client has sent a keep-alive back.
    Alive,
}

/// One connection's registrations, by TR id and key.
#[derive(Debug)]
pub(super) struct Desk {
    connection: u64,
    environment: Environment,
    registrations: BTreeMap<(String, String), Registration>,
}

impl Desk {
    pub(super) fn new(connection: u64, environment: Environment) -> Self {
        Self { connection, environment, registrations: BTreeMap::new() }
    }

    /// True when nothing is registered.
    pub(super) fn is_idle(&self) -> bool {
        self.registrations.is_empty()
    }

    /// Answers a text.
    pub(super) fn take(&mut self, text: &str, state: &mut State) -> Answer {
        let Ok(message) = serde_json::from_str::<Value>(text) else {
            return Answer::Part(said("(null)", "", false, &BAD_JSON, None));
        };
        let header = |name: &str| message["header"][name].as_str().unwrap_or_default().to_owned();
        if header("tr_id") == "PINGPONG" {
            return Answer::Alive;
        }
        let input =
            |name: &str| message["body"]["input"][name].as_str().unwrap_or_default().trim().to_owned();
        if let Some(refusal) = self.admit(&header("approval_key"), state) {
            return Answer::Part(said("(null)", "", false, &refusal, None));
        }
        if !matches!(header("custtype").as_str(), "P" | "B") {
            return Answer::Say(said(&input("tr_id"), &input("tr_key"), false, &BAD_CUSTTYPE, None));
        }
        let named = (input("tr_id"), input("tr_key"));
        Answer::Say(match header("tr_type").as_str() {
            "1" => self.register(named, state),
            "2" => self.give_back(named),
            _ => said(&named.0, &named.1, false, &BAD_TR_TYPE, None),
        })
    }

    fn admit(&self, approval_key: &str, state: &mut State) -> Option<Word> {
        let now = state.venue.now();
        let Some(app_key) = state.streams.app_key(approval_key, now) else { return Some(BAD_APPROVAL) };
        (!state.streams.hold(&app_key, self.connection)).then_some(IN_USE)
    }

    fn register(&mut self, named: (String, String), state: &mut State) -> String {
        let (tr_id, tr_key) = &named;
        let feed = match feed(self.environment, tr_id, tr_key, state) {
            Ok(feed) => feed,
            Err(refusal) => return said(tr_id, tr_key, false, &refusal, None),
        };
        let is_hidden = matches!(feed, Feed::DomesticNotices | Feed::ForeignNotices);
        if let Some(held) = self.registrations.get(&named) {
            return said(tr_id, tr_key, is_hidden, &ALREADY, Some(&held.keys));
        }
        if self.registrations.len() >= REGISTRATIONS_MAX {
            return said(tr_id, tr_key, is_hidden, &FULL, None);
        }
        let keys = state.streams.keys();
        let answer = said(tr_id, tr_key, is_hidden, &REGISTERED, Some(&keys));
        let (shown, told) = (Shown::now(feed, state), Told::now(state));
        self.registrations.insert(named, Registration { feed, keys, shown, told });
        answer
    }

    fn give_back(&mut self, named: (String, String)) -> String {
        match self.registrations.remove(&named) {
            Some(gone) => said(&named.0, &named.1, false, &GIVEN_BACK, Some(&gone.keys)),
            None => said(&named.0, &named.1, false, &NOT_FOUND, None),
        }
    }

    /// Everything that happened since the last call, as frames.
    pub(super) fn news(&mut self, state: &mut State) -> Vec<String> {
        let mut frames = Vec::new();
        for ((tr_id, tr_key), registration) in &mut self.registrations {
            let Registration { feed, keys, shown, told } = registration;
            match *feed {
                Feed::DomesticTrades(_) | Feed::DomesticBook(_) | Feed::ForeignTrades(_) => {
                    frames.extend(frame(tr_id, tr_key, *feed, shown, state));
                }
                Feed::DomesticNotices | Feed::ForeignNotices => {
                    let is_domestic = matches!(feed, Feed::DomesticNotices);
                    let texts = notices(tr_key, is_domestic, told, state);
                    let sealed = texts.iter().filter_map(|text| keys.seal(text));
                    frames.extend(sealed.map(|sealed| format!("1|{tr_id}|001|{sealed}")));
                }
            }
        }
        frames
    }
}

/// An acknowledgement or an error (KIS.md 14.1, step 4).
fn said(tr_id: &str, tr_key: &str, is_hidden: bool, word: &Word, keys: Option<&Keys>) -> String {
    let Word { result, code, text } = word;
    let mut body = json!({"rt_cd": result, "msg_cd": code, "msg1": text});
    if let Some(Keys { iv, key }) = keys {
        body["output"] = json!({"iv": iv, "key": key});
    }
    let encrypt = if is_hidden { "Y" } else { "N" };
    json!({"header": {"tr_id": tr_id, "tr_key": tr_key, "encrypt": encrypt}, "body": body}).to_string()
}

/// Which feed is meant, if this host has it.
fn feed(environment: Environment, tr_id: &str, tr_key: &str, state: &State) -> Result<Feed, Word> {
    let name = |feed| if is_name(tr_key) { Ok(feed) } else { Err(BAD_TR_KEY) };
    let korean = || state.venue.listing(Market::Kr, tr_key).ok_or(BAD_TR_KEY);
    match (tr_id, environment) {
        ("H0STCNT0", Environment::Real | Environment::Paper) => korean().map(Feed::DomesticTrades),
        ("H0STASP0", Environment::Real | Environment::Paper) => korean().map(Feed::DomesticBook),
        ("HDFSCNT0", Environment::Real) => foreign(tr_key, state).map(Feed::ForeignTrades).ok_or(BAD_TR_KEY),
        ("H0STCNI0", Environment::Real) | ("H0STCNI9", Environment::Paper) => name(Feed::DomesticNotices),
        ("H0GSCNI0", Environment::Real) | ("H0GSCNI9", Environment::Paper) => name(Feed::ForeignNotices),
        (_, Environment::Real | Environment::Paper) => Err(BAD_TR_ID),
    }
}

fn is_name(text: &str) -> bool {
    (1..=NAME_CHARS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// `D` or `R`, the quote code, the symbol.
fn foreign(tr_key: &str, state: &State) -> Option<&'static Listing> {
    let rest = tr_key.strip_prefix(['D', 'R'])?;
    let (code, symbol) = (rest.get(..3)?, rest.get(3..)?);
    let venue = rules::FOREIGN.iter().find(|venue| venue.quote_code == code)?;
    state.venue.listing(venue.market, symbol)
}
