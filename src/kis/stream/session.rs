//! What is said and heard on one connection. Pure: texts and times in, effects out.
//!
//! Invariant: only what was registered for is believed, and a text can at most tell a price or hint at an order; whatever
//! else it says, it is dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use broker::{StreamEvent, Wanted};
use chrono::{DateTime, Utc};
use domain::messages::market_data::PriceSeen;
use domain::{Instrument, Market, Price};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::cipher::Cipher;
use super::frame::{self, Answer, Data, Message, records};
use super::notice::{self, Layout};
use super::policy::{Topic, topics};
use super::price::{self, Tick};
use crate::kis::Environment;
use crate::kis::codes::Venue;

/// A registration that was refused for now is tried again after this long, real time.
const RETRY_AFTER: Duration = Duration::from_secs(60);
/// Codes of US exchanges in the data of their day session, which differ from those registered (KIS.md 14.7).
const DAY_CODES: [(&str, &str); 3] = [("BAQ", "NAS"), ("BAY", "NYS"), ("BAA", "AMS")];

/// Who registers.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) environment: Environment,
    /// The login name; none: no notices.
    pub(super) hts_id: Option<String>,
    /// Markets whose prices come without the delay of the free feed.
    pub(super) live_feeds: BTreeSet<Market>,
    /// Ten digits.
    pub(super) account: SecretString,
}

/// What a text leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// To be sent.
    Say(String),
    /// To be told to Broker.
    Tell(StreamEvent),
    /// The connection is of no use.
    End(Ending),
}

/// Why a connection ends; in words.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It broke.
    Lost(String),
    /// The approval key is not known any more.
    BadApproval(String),
    /// Another connection holds the app key.
    InUse(String),
}

/// Where a registration stands.
#[derive(Debug)]
enum Standing {
    /// Sent, or confirmed without keys.
    Asked,
    /// Confirmed, with what its notices are encrypted with.
    Keyed(Cipher),
    /// Refused; tried again from this age of the connection on, if ever.
    Refused(Option<Duration>),
}

/// One connection.
pub(super) struct Session {
    identity: Identity,
    approval_key: SecretString,
    registrations: BTreeMap<Topic, Standing>,
    /// What each stock last cost, to recognise numbers without a point.
    last: BTreeMap<Instrument, Price>,
    has_delivered: bool,
}

impl Session {
    /// Nothing registered yet.
    pub(super) fn new(identity: Identity, approval_key: SecretString) -> Self {
        Self {
            identity,
            approval_key,
            registrations: BTreeMap::new(),
            last: BTreeMap::new(),
            has_delivered: false,
        }
    }

    /// True once data came that was asked for.
    pub(super) fn has_delivered(&self) -> bool {
        self.has_delivered
    }

    /// What must be sent so that exactly what is wanted is registered: first what makes room.
    pub(super) fn register(&mut self, wanted: &Wanted, age: Duration) -> Vec<String> {
        let has_name = self.identity.hts_id.is_some();
        let registered: BTreeSet<Topic> = self.registrations.keys().cloned().collect();
        let chosen = topics(wanted, self.identity.environment, has_name, &registered);
        let dropped: Vec<Topic> =
            registered.iter().filter(|topic| !chosen.contains(topic)).cloned().collect();
        let mut texts = Vec::new();
        for topic in dropped {
            let standing = self.registrations.remove(&topic);
            if !matches!(standing, Some(Standing::Refused(_))) {
                texts.extend(self.request("2", &topic));
            }
        }
        for topic in chosen {
            let is_due = match self.registrations.get(&topic) {
                None => true,
                Some(Standing::Refused(retry_at)) => retry_at.is_some_and(|at| at <= age),
                Some(Standing::Asked | Standing::Keyed(_)) => false,
            };
            if is_due {
                texts.extend(self.request("1", &topic));
                self.registrations.insert(topic, Standing::Asked);
            }
        }
        texts
    }

    /// `tr_type` 1 registers, 2 gives back (KIS.md 14.1).
    fn request(&self, tr_type: &str, topic: &Topic) -> Option<String> {
        let tr_id = topic.tr_id(self.identity.environment)?;
        let tr_key = topic.key(&self.identity)?;
        let text = json!({
            "header": {
                "approval_key": self.approval_key.expose_secret(),
                "custtype": "P",
                "tr_type": tr_type,
                "content-type": "utf-8",
            },
            "body": {"input": {"tr_id": tr_id, "tr_key": tr_key}},
        });
        Some(text.to_string())
    }

    /// Takes a text that came at `now`, when the connection was `age` old.
    pub(super) fn take(&mut self, text: &str, now: DateTime<Utc>, age: Duration) -> Vec<Effect> {
        match frame::parse(text) {
            Some(Message::KeepAlive) => vec![Effect::Say(text.to_owned())],
            Some(Message::Answer(answer)) => {
                self.answered(answer, age).map(Effect::End).into_iter().collect()
            }
            Some(Message::Data(data)) => {
                let events = self.data(data, now);
                self.has_delivered |= !events.is_empty();
                events.into_iter().map(Effect::Tell).collect()
            }
            None => {
                tracing::debug!(bytes = text.len(), "a text of the stream is nothing that KIS sends");
                Vec::new()
            }
        }
    }

    /// What an answer means for its registration, or for the whole connection (KIS.md 14.1).
    fn answered(&mut self, answer: Answer, age: Duration) -> Option<Ending> {
        let Answer { tr_id, tr_key, code, text, cipher } = answer;
        let words = format!("{code} {text}");
        let standing = match code.as_str() {
            "OPSP0000" | "OPSP0002" => cipher.map_or(Standing::Asked, Standing::Keyed),
            "OPSP0001" | "OPSP0003" => return None,
            "OPSP0007" | "OPSP0008" | "OPSP0009" => Standing::Refused(Some(age + RETRY_AFTER)),
            "OPSP0010" | "OPSP0011" => return Some(Ending::BadApproval(words)),
            "OPSP8996" => {
                return Some(Ending::InUse(format!(
                    "another connection uses the app key of the stream: {words}"
                )));
            }
            _ => Standing::Refused(None),
        };
        if matches!(standing, Standing::Refused(_)) {
            tracing::warn!(tr_id, words, "the stream refuses a registration");
        }
        if let Some(topic) = self.topic(&tr_id, &tr_key) {
            // A confirmation without keys takes none away.
            let keeps = matches!(standing, Standing::Asked)
                && matches!(self.registrations.get(&topic), Some(Standing::Keyed(_)));
            if !keeps {
                self.registrations.insert(topic, standing);
            }
        }
        None
    }

    /// The registration that an answer is about, if there is one.
    fn topic(&self, tr_id: &str, tr_key: &str) -> Option<Topic> {
        let is_it = |topic: &&Topic| {
            topic.tr_id(self.identity.environment) == Some(tr_id)
                && topic.key(&self.identity).as_deref() == Some(tr_key)
        };
        self.registrations.keys().find(is_it).cloned()
    }

    fn data(&mut self, data: Data<'_>, now: DateTime<Utc>) -> Vec<StreamEvent> {
        match (data.tr_id, data.is_encrypted) {
            ("H0STCNT0", false) => {
                self.prices(data, price::TRADE_FIELDS, |_, record| price::domestic_trade(record, now))
            }
            ("H0STASP0", false) => {
                self.prices(data, price::BOOK_FIELDS, |_, record| price::domestic_book(record, now))
            }
            ("HDFSCNT0", false) => self.prices(data, price::FOREIGN_FIELDS, |session, record| {
                let live = &session.identity.live_feeds;
                price::foreign_trade(record, now, live, |symbol| session.last_of(symbol, record))
            }),
            ("H0STCNI0" | "H0STCNI9", true) => self.notices(data, &Topic::DomesticNotices, notice::DOMESTIC),
            ("H0GSCNI0" | "H0GSCNI9", true) => self.notices(data, &Topic::ForeignNotices, notice::FOREIGN),
            // A notice in the clear, or anything that was never registered for.
            (_, _) => Vec::new(),
        }
    }

    fn prices(
        &mut self,
        data: Data<'_>,
        fields: usize,
        read: impl for<'r> Fn(&Self, &[&'r str]) -> Option<Tick<'r>>,
    ) -> Vec<StreamEvent> {
        let is_book = fields == price::BOOK_FIELDS;
        let rows = records(data.payload, data.count, fields).unwrap_or_default();
        let mut events = Vec::new();
        for record in rows {
            let Some(tick) = read(self, &record) else { continue };
            let Some(instrument) = self.registered(&tick, is_book) else { continue };
            let Tick { price, at, .. } = tick;
            self.last.insert(instrument.clone(), price);
            events.push(StreamEvent::Price(PriceSeen { instrument, price, at }));
        }
        events
    }

    fn last_of(&self, symbol: &str, record: &[&str]) -> Option<Price> {
        let exchange = record.first().and_then(|name| name.get(1..4));
        self.last.get(&self.stock(symbol, exchange, false)?).copied()
    }

    fn registered(&self, tick: &Tick<'_>, is_book: bool) -> Option<Instrument> {
        self.stock(tick.symbol, tick.exchange, is_book)
    }

    /// The registered stock with this code. Where two markets have one, the exchange's code decides; it may be that of
    /// another session, so it is asked only then (KIS.md 14.7).
    fn stock(&self, symbol: &str, exchange: Option<&str>, is_book: bool) -> Option<Instrument> {
        let fits = |topic: &Topic| match topic {
            Topic::Trades(stock) if !is_book => (stock.symbol.as_str() == symbol
                && stock.market.is_domestic() == exchange.is_none())
            .then(|| stock.clone()),
            Topic::Book(stock) if is_book => (stock.symbol.as_str() == symbol).then(|| stock.clone()),
            Topic::Trades(_) | Topic::Book(_) | Topic::DomesticNotices | Topic::ForeignNotices => None,
        };
        let mut found: Vec<Instrument> = self.registrations.keys().filter_map(fits).collect();
        if found.len() > 1 {
            let sent = exchange.unwrap_or_default();
            let code = DAY_CODES.iter().find(|(day, _)| *day == sent).map_or(sent, |(_, code)| code);
            found.retain(|stock| Venue::of(stock.market).is_some_and(|venue| venue.quote.code() == code));
        }
        if found.len() == 1 { found.pop() } else { None }
    }

    fn notices(&self, data: Data<'_>, topic: &Topic, layout: Layout) -> Vec<StreamEvent> {
        let Some(Standing::Keyed(cipher)) = self.registrations.get(topic) else { return Vec::new() };
        let Some(text) = cipher.decrypt(data.payload) else {
            tracing::warn!(
                tr_id = data.tr_id,
                "a notice cannot be decrypted with the keys of its registration"
            );
            return Vec::new();
        };
        let rows = records(&text, data.count, notice::FIELDS).unwrap_or_default();
        let read = |record: &Vec<&str>| notice::read(record, layout, &self.identity.account);
        rows.iter().filter_map(read).map(StreamEvent::Notice).collect()
    }
}
