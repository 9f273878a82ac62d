//! One question to KIS: headers, pacing, retries, paging (KIS.md 3, 4, 5).
//!
//! A read is tried at most three times, waiting 2 and 4 s of exchange time in between; the token is replaced at most
//! once. Orders do not come through here.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use broker::Urgency;
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::messages::market_data::QueryError;
use domain::{Clock, Instrument, Market, Price, Quantity, StockRules, Symbol, TickTable};
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, InvalidHeaderValue};
use rust_decimal::Decimal;
use secrecy::{ExposeSecret as _, SecretString};

use super::auth::{Identity, Token, TokenKeeper};
use super::codes::Venue;
use super::errors::{Class, classify};
use super::trid::Read;
use super::wire::Envelope;
use super::{AccountNumber, Environment, KisConfig, Pace};
use crate::http::{CallLimits, Reply, Request, Transport};

/// Attempts of one read, the first included.
const ATTEMPTS: u32 = 3;
/// Pages of one list; the widest list a day of this agent can make has a fraction of it.
const PAGES_MAX: usize = 200;

/// Bounds of a read: three attempts and the waits between them stay within the 20 s of an ask.
pub(super) const READ_LIMITS: CallLimits =
    CallLimits { timeout: Duration::from_secs(4), max_body_bytes: 2 * 1024 * 1024 };

/// What one request is about.
pub(super) struct Question {
    name: &'static str,
    path: Cow<'static, str>,
    tr_id: Cow<'static, str>,
    query: Vec<(&'static str, String)>,
    urgency: Urgency,
}

impl Question {
    /// A question by the table of TR ids.
    ///
    /// # Errors
    /// [`QueryError::NotOffered`].
    pub(super) fn new(read: &Read, environment: Environment, urgency: Urgency) -> Result<Self, QueryError> {
        let tr_id = Cow::Borrowed(read.tr_id(environment)?);
        let path = Cow::Borrowed(read.path);
        Ok(Self { name: read.name, path, tr_id, query: Vec::new(), urgency })
    }

    /// A question to an address that the operator may set.
    pub(super) fn at(name: &'static str, path: &str, tr_id: &str, urgency: Urgency) -> Self {
        let (path, tr_id) = (Cow::Owned(path.to_owned()), Cow::Owned(tr_id.to_owned()));
        Self { name, path, tr_id, query: Vec::new(), urgency }
    }

    /// Adds parameters. Those that KIS requires must be there even when empty (KIS.md 3.2).
    pub(super) fn with<V: Into<String>>(
        mut self,
        pairs: impl IntoIterator<Item = (&'static str, V)>,
    ) -> Self {
        self.query.extend(pairs.into_iter().map(|(key, value)| (key, value.into())));
        self
    }

    fn target(&self, context: &[(&'static str, String)]) -> String {
        let pairs: Vec<_> =
            self.query.iter().chain(context).map(|(key, value)| format!("{key}={}", encode(value))).collect();
        format!("{}?{}", self.path, pairs.join("&"))
    }
}

/// The names of a paging context, as asked and as answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paging {
    asked: [&'static str; 2],
    answered: [&'static str; 2],
}

impl Paging {
    /// `CTX_AREA_FK100` and `CTX_AREA_NK100`, as domestic lists use them.
    pub(super) const DOMESTIC: Self =
        Self { asked: ["CTX_AREA_FK100", "CTX_AREA_NK100"], answered: ["ctx_area_fk100", "ctx_area_nk100"] };
    /// `CTX_AREA_FK200` and `CTX_AREA_NK200`, as foreign lists use them.
    pub(super) const OVERSEAS: Self =
        Self { asked: ["CTX_AREA_FK200", "CTX_AREA_NK200"], answered: ["ctx_area_fk200", "ctx_area_nk200"] };

    fn context(self, [fk, nk]: [String; 2]) -> [(&'static str, String); 2] {
        [(self.asked[0], fk), (self.asked[1], nk)]
    }
}

/// An answer with `rt_cd` 0.
struct Answer {
    envelope: Envelope,
    /// Header `tr_cont` is `F` or `M`: there are more pages.
    more: bool,
}

/// Why one attempt failed.
enum Failure {
    /// Asking again is useless.
    Final(QueryError),
    /// The token is refused.
    TokenDead(String),
    /// Refused because of the rate.
    Throttled(String),
    /// Nobody knows what happened.
    Passing(String),
}

/// What stands behind the adapter.
#[derive(Clone)]
pub(super) struct Ports {
    /// Carries everything but orders.
    pub(super) reads: Arc<dyn Transport>,
    /// Exchange time.
    pub(super) clock: Arc<dyn Clock>,
    /// The rate's permission.
    pub(super) pace: Arc<dyn Pace>,
}

/// What the exchange's answers taught about stocks.
#[derive(Default)]
struct Learned {
    /// The stock that each market last proved to know.
    known: BTreeMap<Market, Symbol>,
    /// Shares of one lot, where the exchange told them for the stock.
    lots: BTreeMap<Instrument, NonZeroU64>,
    /// The table of price steps of a stock, where the exchange told a step.
    ticks: BTreeMap<Instrument, TickTable>,
    /// The day's upper and lower limit of a stock as the exchange told them, and of which day.
    limits: BTreeMap<Instrument, (NaiveDate, [Option<Price>; 2])>,
    /// Shares that may be sold, and when that was told.
    sellable: BTreeMap<Instrument, (Quantity, DateTime<Utc>)>,
}

/// Everything a read needs; shared by all of them.
pub(super) struct Session {
    /// Whose account, which environment.
    pub(super) config: KisConfig,
    /// The token's owner.
    pub(super) tokens: TokenKeeper,
    /// The account of every trading call.
    pub(super) account: AccountNumber,
    /// The way out.
    pub(super) ports: Ports,
    /// What the exchange's answers taught about stocks.
    learned: Mutex<Learned>,
}

impl Session {
    /// A session; it asks nothing yet.
    pub(super) fn new(config: KisConfig, account: AccountNumber, ports: Ports) -> Self {
        let identity = Identity {
            base_url: config.base_url.clone(),
            credentials: config.credentials.clone(),
            file: config.token_file.clone(),
        };
        let tokens = TokenKeeper::new(identity, ports.clone());
        Self { config, tokens, account, ports, learned: Mutex::default() }
    }

    /// Exchange time now.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.ports.clock.now()
    }

    fn learned(&self) -> MutexGuard<'_, Learned> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The exchange has just priced this stock, so it is a valid one.
    pub(super) fn remember(&self, instrument: &Instrument) {
        self.learned().known.insert(instrument.market, instrument.symbol.clone());
    }

    /// The exchange has just told this stock's lot.
    pub(super) fn learn_lot(&self, instrument: &Instrument, lot: NonZeroU64) {
        self.learned().lots.insert(instrument.clone(), lot);
    }

    /// The exchange has just told `step` as the price step of this stock at `price`: the table that follows. A step that is
    /// none of the table that was learned before refutes it.
    pub(super) fn learn_step(&self, instrument: &Instrument, price: Price, step: Decimal) -> TickTable {
        let told = TickTable::told(instrument.market, price, step);
        let mut learned = self.learned();
        if told != TickTable::OfMarket {
            learned.ticks.insert(instrument.clone(), told);
            return told;
        }
        let before = learned.ticks.get(instrument).copied().unwrap_or_default();
        let is_of_it = |at: Price| before.size(instrument.market, at) == step;
        // On the bound of two bands the exchange may tell the step of the one below.
        if is_of_it(price) || Price::new(price.value() - step).is_ok_and(is_of_it) {
            return before;
        }
        learned.ticks.remove(instrument);
        TickTable::OfMarket
    }

    /// The table of price steps of a stock: as the exchange told, else its market's.
    pub(super) fn ticks(&self, instrument: &Instrument) -> TickTable {
        self.learned().ticks.get(instrument).copied().unwrap_or_default()
    }

    /// The exchange has just told the day's limits of this stock.
    pub(super) fn learn_limits(&self, instrument: &Instrument, rules: &StockRules) {
        let today = instrument.market.date_at(self.now());
        let limits = [rules.upper_limit, rules.lower_limit];
        self.learned().limits.insert(instrument.clone(), (today, limits));
    }

    /// Upper and lower limit of a stock, where the exchange told them today.
    pub(super) fn limits(&self, instrument: &Instrument) -> [Option<Price>; 2] {
        let today = instrument.market.date_at(self.now());
        let told = self.learned().limits.get(instrument).copied();
        told.filter(|(date, _)| *date == today).map_or([None; 2], |(_, limits)| limits)
    }

    /// The exchange has just told how many shares of this stock may be sold.
    pub(super) fn learn_sellable(&self, instrument: &Instrument, shares: Quantity) {
        let now = self.now();
        self.learned().sellable.insert(instrument.clone(), (shares, now));
    }

    /// How many shares may be sold, if it was told within `age`.
    pub(super) fn sellable_lately(&self, instrument: &Instrument, age: TimeDelta) -> Option<Quantity> {
        let (shares, told_at) = self.learned().sellable.get(instrument).copied()?;
        (TimeDelta::zero()..=age).contains(&(self.now() - told_at)).then_some(shares)
    }

    /// Shares of one lot of a stock: as the exchange told, else as its market has it; none when nobody knows.
    pub(super) fn lot(&self, instrument: &Instrument) -> Option<NonZeroU64> {
        self.learned().lots.get(instrument).copied().or_else(|| instrument.market.standard_lot())
    }

    /// The stock that `market` last proved to know.
    pub(super) fn last_priced(&self, market: Market) -> Option<Symbol> {
        self.learned().known.get(&market).cloned()
    }

    /// A symbol that `venue` knows: one it has just priced, else a share listed there for decades.
    pub(super) fn valid_symbol(&self, venue: &Venue) -> String {
        self.learned().known.get(&venue.market).map_or(venue.well_known, Symbol::as_str).to_owned()
    }

    /// A question of the table, for this environment.
    ///
    /// # Errors
    /// [`QueryError::NotOffered`].
    pub(super) fn question(&self, read: &Read, urgency: Urgency) -> Result<Question, QueryError> {
        Question::new(read, self.config.environment, urgency)
    }

    /// The answer to a question without pages.
    ///
    /// # Errors
    /// [`QueryError`] after all attempts.
    pub(super) async fn ask(&self, question: &Question) -> Result<Envelope, QueryError> {
        self.page(question, &[], "").await.map(|answer| answer.envelope)
    }

    /// Every page of a list. One missing page makes the whole list an error: half a list proves nothing.
    ///
    /// # Errors
    /// [`QueryError`] after all attempts, or when the pages do not end.
    pub(super) async fn ask_all(
        &self,
        question: &Question,
        paging: Paging,
    ) -> Result<Vec<Envelope>, QueryError> {
        let mut pages = Vec::new();
        let mut context = [String::new(), String::new()];
        let mut tr_cont = "";
        while pages.len() < PAGES_MAX {
            let answer = self.page(question, &paging.context(context.clone()), tr_cont).await?;
            let next = paging.answered.map(|key| answer.envelope.context(key));
            pages.push(answer.envelope);
            if !answer.more {
                return Ok(pages);
            }
            if next == context {
                return Err(QueryError::Malformed(format!("{}: the same page again", question.name)));
            }
            (context, tr_cont) = (next, "N");
        }
        Err(QueryError::Malformed(format!("{}: more than {PAGES_MAX} pages", question.name)))
    }

    async fn page(
        &self,
        question: &Question,
        context: &[(&'static str, String)],
        tr_cont: &'static str,
    ) -> Result<Answer, QueryError> {
        let mut reissued = false;
        let mut attempt = 1;
        loop {
            let why = match self.attempt(question, context, tr_cont).await {
                Ok(answer) => return Ok(answer),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::TokenDead(_)) if !reissued => {
                    reissued = true;
                    continue;
                }
                Err(Failure::TokenDead(why) | Failure::Throttled(why) | Failure::Passing(why)) => why,
            };
            tracing::debug!(what = question.name, attempt, why, "a read failed");
            if attempt == ATTEMPTS {
                return Err(QueryError::Unavailable(format!("{}: {why}", question.name)));
            }
            domain::ports::sleep(&self.ports.clock, Duration::from_secs(1 << attempt)).await;
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        question: &Question,
        context: &[(&'static str, String)],
        tr_cont: &'static str,
    ) -> Result<Answer, Failure> {
        let token = self.tokens.token().await.map_err(Failure::Final)?;
        self.ports.pace.turn(question.urgency).await;
        let url = format!("{}{}", self.config.base_url, question.target(context));
        let request = build(Method::GET, &url, Bytes::new())
            .and_then(|request| self.signed(request, &token, &question.tr_id, tr_cont).map_err(Into::into))
            .map_err(|error| {
                Failure::Final(QueryError::Unavailable(format!("{}: {error}", question.name)))
            })?;
        let judged = judge(self.ports.reads.send(request, READ_LIMITS).await);
        match &judged {
            Err(Failure::TokenDead(_)) => self.tokens.discard(&token),
            Err(Failure::Throttled(_)) => self.ports.pace.throttled(),
            Ok(_) | Err(Failure::Final(_) | Failure::Passing(_)) => {}
        }
        judged
    }

    /// Adds the headers of every `/uapi` call (KIS.md 3.1); secrets are marked so that nothing prints them.
    ///
    /// # Errors
    /// When a secret holds characters that no header can carry.
    pub(super) fn signed(
        &self,
        mut request: Request,
        token: &Token,
        tr_id: &str,
        tr_cont: &'static str,
    ) -> Result<Request, InvalidHeaderValue> {
        let headers: &mut HeaderMap = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        headers.insert(AUTHORIZATION, secret(&format!("Bearer {}", token.bearer.expose_secret()).into())?);
        headers.insert("appkey", secret(&self.config.credentials.app_key)?);
        headers.insert("appsecret", secret(&self.config.credentials.app_secret)?);
        headers.insert("tr_id", HeaderValue::from_str(tr_id)?);
        headers.insert("tr_cont", HeaderValue::from_static(tr_cont));
        headers.insert("custtype", HeaderValue::from_static("P"));
        Ok(request)
    }
}

/// A request without headers.
///
/// # Errors
/// When the address is none.
pub(super) fn build(method: Method, url: &str, body: Bytes) -> Result<Request, http::Error> {
    http::Request::builder().method(method).uri(url).body(body)
}

fn secret(text: &SecretString) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(text.expose_secret())?;
    value.set_sensitive(true);
    Ok(value)
}

fn judge(reply: Reply) -> Result<Answer, Failure> {
    let response = reply.map_err(|error| Failure::Passing(error.to_string()))?;
    let status = response.status();
    let Ok(envelope) = Envelope::parse(response.body()) else {
        return Err(Failure::Passing(format!("HTTP {status} without an answer")));
    };
    if envelope.succeeded() && status.is_success() {
        let more = has_more(response.headers()).map_err(Failure::Final)?;
        return Ok(Answer { envelope, more });
    }
    let (code, text) = (envelope.code().to_owned(), envelope.message());
    let why = format!("HTTP {status} {code} {text}");
    Err(match classify(&code, &text) {
        Class::Refused | Class::Fatal => Failure::Final(QueryError::Refused { code, text }),
        Class::TokenDead => Failure::TokenDead(why),
        Class::Throttled => Failure::Throttled(why),
        Class::Unknown => Failure::Passing(why),
    })
}

/// `tr_cont`: `F` and `M` have more pages, `D`, `E` and nothing are the last one (KIS.md 3.1). Anything else must not
/// pass for the end of a list.
fn has_more(headers: &HeaderMap) -> Result<bool, QueryError> {
    match headers.get("tr_cont").map_or(&b""[..], HeaderValue::as_bytes).trim_ascii() {
        b"F" | b"M" => Ok(true),
        b"D" | b"E" | b"" => Ok(false),
        other => {
            let shown = super::wire::clip(&String::from_utf8_lossy(other));
            Err(QueryError::Malformed(format!("the header tr_cont is '{shown}'")))
        }
    }
}

/// Percent-encodes everything but letters, digits and `-._~`: paging contexts carry blanks and carets.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
