//! The access token: one owner, one issue at a time, never two issues within 65 s (KIS.md 2).
//!
//! Each issue sends the account holder a notice and too many can restrict the key, so the token is kept in a file that
//! survives restarts, and so is the time of the last attempt. Token and keys are never printed.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use broker::Urgency;
use bytes::Bytes;
use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone as _, Utc};
use domain::Market;
use domain::messages::market_data::QueryError;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::call::{Ports, READ_LIMITS};
use super::wire::Envelope;
use crate::config::Credentials;
use crate::http::{Reply, Request};

/// Shortest time between two issue calls: the exchange allows one a minute (KIS.md 2.1).
const ISSUE_SPACING: TimeDelta = TimeDelta::seconds(65);
/// Longest pause between two issues while the exchange refuses the very token that it hands out.
const PAUSE_MAX: TimeDelta = TimeDelta::minutes(30);
/// Refusals of one token further apart than this have nothing to do with each other.
const REFUSAL_MEMORY: TimeDelta = TimeDelta::hours(1);
/// A token for an order needs no more than this: reads replace it long before.
const ORDER_MARGIN: TimeDelta = TimeDelta::minutes(1);
/// A token is replaced this long before it ends, so that no request meets its last second.
const REFRESH_EARLY: TimeDelta = TimeDelta::minutes(30);
/// A token ends at most this far ahead; an answer or a file that claims more is wrong about it.
const VALIDITY_MAX: TimeDelta = TimeDelta::hours(25);
/// Longest token, in characters; KIS's have about 350.
const BEARER_CHARS_MAX: usize = 4096;
/// Longest token file read.
const FILE_MAX_BYTES: u64 = 16 * 1024;

/// A token and its end.
#[derive(Clone)]
pub(super) struct Token {
    /// The text after `Bearer `.
    pub(super) bearer: SecretString,
    expires_at: DateTime<Utc>,
}

impl Token {
    fn is_same(&self, other: &Self) -> bool {
        self.bearer.expose_secret() == other.bearer.expose_secret()
    }
}

/// Whose token it is and where it is kept.
pub(super) struct Identity {
    /// Scheme, host and port.
    pub(super) base_url: String,
    /// Key and secret.
    pub(super) credentials: Credentials,
    /// The file; none keeps the token in memory.
    pub(super) file: Option<PathBuf>,
}

/// The only owner of the token.
pub(super) struct TokenKeeper {
    identity: Identity,
    ports: Ports,
    held: Mutex<Held>,
    /// Held while an issue is under way; guards the time of the last attempt.
    issuing: tokio::sync::Mutex<Option<DateTime<Utc>>>,
}

#[derive(Default)]
struct Held {
    token: Option<Token>,
    refusals: Option<Refusals>,
}

/// How often the exchange refused one and the same token.
///
/// Within six hours it hands the same token out again (KIS.md 2.1). That is used again, because one gateway may have
/// been wrong about it; a token that is refused again and again is dead, and asking for it in a loop restricts the key.
struct Refusals {
    of: Token,
    count: u32,
    last_at: DateTime<Utc>,
}

impl Refusals {
    /// One more refusal of `dead`, at `now`.
    fn count(before: Option<Self>, dead: Token, now: DateTime<Utc>) -> Self {
        let same = before.filter(|before| before.of.is_same(&dead) && before.is_recent(now));
        Self { of: dead, count: same.map_or(0, |before| before.count) + 1, last_at: now }
    }

    fn is_recent(&self, now: DateTime<Utc>) -> bool {
        (now - self.last_at).abs() < REFUSAL_MEMORY
    }

    /// Time between two issues: 1, 2, 4 minutes and so on from the second refusal, and never less than is allowed.
    fn pause(&self) -> TimeDelta {
        let doublings = self.count.saturating_sub(2).min(10);
        TimeDelta::minutes(1 << doublings).clamp(ISSUE_SPACING, PAUSE_MAX)
    }
}

/// What the file holds. Its owner is a fingerprint, so the file of another key or host is not used.
#[derive(Serialize, Deserialize)]
struct Stored {
    owner: String,
    attempted_at: DateTime<Utc>,
    token: Option<StoredToken>,
}

#[derive(Serialize, Deserialize)]
struct StoredToken {
    bearer: String,
    expires_at: DateTime<Utc>,
}

impl TokenKeeper {
    /// A keeper that starts with the token of the file, if it belongs to this identity.
    pub(super) fn new(identity: Identity, ports: Ports) -> Self {
        let stored = identity.file.as_deref().and_then(|path| load(path, &identity, ports.clock.now()));
        let attempted_at = stored.as_ref().map(|stored| stored.attempted_at);
        let token = stored
            .and_then(|stored| stored.token)
            .map(|token| Token { bearer: token.bearer.into(), expires_at: token.expires_at });
        let held = Mutex::new(Held { token, refusals: None });
        Self { identity, ports, held, issuing: tokio::sync::Mutex::new(attempted_at) }
    }

    /// A token that is good for a while; issued now if there is none.
    ///
    /// # Errors
    /// [`QueryError::Refused`] when the exchange refuses the keys, [`QueryError::Unavailable`] when no token could be
    /// had or asking again is not allowed yet. Never waits for the spacing: the caller tries again later.
    pub(super) async fn token(&self) -> Result<Token, QueryError> {
        if let Some(token) = self.lasting(REFRESH_EARLY) {
            return Ok(token);
        }
        let mut attempted_at = match (self.issuing.try_lock(), self.current()) {
            (Ok(free), _) => free,
            // Somebody is bringing the next one; this one is good until then.
            (Err(_), Some(token)) => return Ok(token),
            (Err(_), None) => self.issuing.lock().await,
        };
        // Whoever held the lock may have brought one.
        if let Some(token) = self.lasting(REFRESH_EARLY) {
            return Ok(token);
        }
        match self.issue(&mut attempted_at).await {
            Ok(token) => Ok(token),
            Err(error) => self.current().ok_or(error),
        }
    }

    /// A token for an order or a cancel: the one at hand if it lasts for that. To replace it early is the reads' work, so
    /// that no exit waits for it.
    ///
    /// # Errors
    /// As [`TokenKeeper::token`].
    pub(super) async fn token_for_order(&self) -> Result<Token, QueryError> {
        match self.lasting(ORDER_MARGIN) {
            Some(token) => Ok(token),
            None => self.token().await,
        }
    }

    /// What a person should know: the exchange refuses the very token that it hands out (KIS.md 2.5).
    pub(super) fn trouble(&self) -> Option<String> {
        let now = self.ports.clock.now();
        let held = self.held();
        held.refusals.as_ref().filter(|refusals| refusals.count >= 2 && refusals.is_recent(now)).map(|_| {
            "the exchange refuses the access token that it hands out; it is asked again after pauses that grow to half an \
             hour. If this lasts, check the app key on KIS's site, or revoke its token there"
                .to_owned()
        })
    }

    /// The token at hand, without waiting and without asking anyone.
    pub(super) fn current(&self) -> Option<Token> {
        self.lasting(TimeDelta::zero())
    }

    /// The exchange refused this token: the next [`TokenKeeper::token`] asks for another.
    pub(super) fn discard(&self, dead: &Token) {
        let now = self.ports.clock.now();
        let mut held = self.held();
        if let Some(token) = held.token.take_if(|token| token.is_same(dead)) {
            let refusals = Refusals::count(held.refusals.take(), token, now);
            tracing::warn!(times = refusals.count, "the exchange refuses the access token");
            held.refusals = Some(refusals);
        }
    }

    fn lasting(&self, at_least: TimeDelta) -> Option<Token> {
        let needed_until = self.ports.clock.now() + at_least;
        self.held().token.clone().filter(|token| token.expires_at > needed_until)
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn issue(&self, attempted_at: &mut Option<DateTime<Utc>>) -> Result<Token, QueryError> {
        let now = self.ports.clock.now();
        let pause = self.held().refusals.as_ref().map_or(ISSUE_SPACING, Refusals::pause);
        // An attempt that lies further ahead was made by a clock that ran ahead: long ago, for all that is known.
        let lately = attempted_at.filter(|at| (now - *at).abs() < pause);
        if let Some(allowed_at) = lately.map(|at| at + pause) {
            return Err(QueryError::Unavailable(format!("the next token may be asked for at {allowed_at}")));
        }
        *attempted_at = Some(now);
        // Before the call: a process that dies in it must not ask again at once.
        self.save(now);
        let request = issue_request(&self.identity)?;
        // Everything else waits for the token, so its turn is the most urgent.
        self.ports.pace.turn(Urgency::Exit).await;
        let reply = self.ports.reads.send(request, READ_LIMITS).await;
        let token = read_token(reply, self.ports.clock.now())?;
        let mut held = self.held();
        // Another one than was refused starts with a clean record.
        held.refusals.take_if(|refusals| !refusals.of.is_same(&token));
        held.token = Some(token.clone());
        drop(held);
        self.save(now);
        tracing::info!(expires_at = %token.expires_at, "access token issued");
        Ok(token)
    }

    fn save(&self, attempted_at: DateTime<Utc>) {
        let Some(path) = &self.identity.file else { return };
        let token = self.held().token.clone().map(|token| StoredToken {
            bearer: token.bearer.expose_secret().to_owned(),
            expires_at: token.expires_at,
        });
        let owner = fingerprint(&self.identity);
        if let Err(error) = store(path, &Stored { owner, attempted_at, token }) {
            tracing::warn!(%error, path = %path.display(), "the access token could not be kept; the next start asks for a new one");
        }
    }
}

/// `POST /oauth2/tokenP` (KIS.md 2.1).
fn issue_request(identity: &Identity) -> Result<Request, QueryError> {
    let Identity { base_url, credentials, .. } = identity;
    let body = serde_json::json!({
        "grant_type": "client_credentials",
        "appkey": credentials.app_key.expose_secret(),
        "appsecret": credentials.app_secret.expose_secret(),
    });
    http::Request::post(format!("{base_url}/oauth2/tokenP"))
        .header(http::header::CONTENT_TYPE, "application/json; charset=utf-8")
        .body(Bytes::from(body.to_string()))
        .map_err(|error| QueryError::Unavailable(format!("the token request cannot be built: {error}")))
}

fn read_token(reply: Reply, now: DateTime<Utc>) -> Result<Token, QueryError> {
    let response = reply.map_err(|error| QueryError::Unavailable(format!("no token: {error}")))?;
    let status = response.status();
    let Ok(answer) = Envelope::parse(response.body()) else {
        return Err(QueryError::Unavailable(format!("no token: HTTP {status} without an answer")));
    };
    let bearer = answer.fields().text("access_token");
    if bearer.is_empty() || !status.is_success() {
        let (code, text) = (answer.code().to_owned(), answer.message());
        return Err(QueryError::Refused { code, text });
    }
    if !is_bearer(bearer) {
        // Not shown: it may be a token all the same.
        return Err(QueryError::Malformed("the token is not made of visible ASCII characters".into()));
    }
    let expires_at = expiry(&answer, now)?.min(now + VALIDITY_MAX);
    Ok(Token { bearer: bearer.into(), expires_at })
}

/// True for a text that can stand in a header.
fn is_bearer(text: &str) -> bool {
    (1..=BEARER_CHARS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// `access_token_token_expired` is Korean wall time without a zone; `expires_in` is seconds.
fn expiry(answer: &Envelope, now: DateTime<Utc>) -> Result<DateTime<Utc>, QueryError> {
    let text = answer.fields().text("access_token_token_expired");
    let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok();
    if let Some(at) = local.and_then(|local| Market::Kr.zone().from_local_datetime(&local).single()) {
        return Ok(at.to_utc());
    }
    let seconds = answer.fields().whole("expires_in")?.and_then(|seconds| i64::try_from(seconds).ok());
    seconds
        .and_then(TimeDelta::try_seconds)
        .and_then(|validity| now.checked_add_signed(validity))
        .ok_or_else(|| QueryError::Malformed("the token has no end".into()))
}

/// FNV-1a over host and key: names the owner of a token file without revealing the key.
fn fingerprint(identity: &Identity) -> String {
    let text = format!("{} {}", identity.base_url, identity.credentials.app_key.expose_secret());
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

fn load(path: &Path, identity: &Identity, now: DateTime<Utc>) -> Option<Stored> {
    let mut text = Vec::new();
    std::fs::File::open(path).ok()?.take(FILE_MAX_BYTES).read_to_end(&mut text).ok()?;
    let stored: Stored = serde_json::from_slice(&text).ok()?;
    let fits = |token: &StoredToken| token.expires_at <= now + VALIDITY_MAX && is_bearer(&token.bearer);
    let plausible = stored.attempted_at <= now && stored.token.as_ref().is_none_or(fits);
    (plausible && stored.owner == fingerprint(identity)).then_some(stored)
}

/// Written beside and renamed, so that a crash leaves the old file or the new one.
fn store(path: &Path, stored: &Stored) -> std::io::Result<()> {
    let beside = path.with_extension("tmp");
    // A leftover could have other permissions; `mode` applies to new files only.
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(&serde_json::to_vec(stored)?)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests;
