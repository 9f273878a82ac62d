//! The key that a connection shows (KIS.md 2.4). One owner: the stream that connects.

use broker::Urgency;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::market_data::QueryError;
use secrecy::{ExposeSecret as _, SecretString};

use super::StreamConfig;
use crate::config::Credentials;
use crate::http::{Reply, Request};
use crate::kis::call::{Ports, READ_LIMITS};
use crate::kis::wire::Envelope;

/// A key lives 24 h and is checked only when something is registered; one older than this is replaced before.
const KEPT_FOR: TimeDelta = TimeDelta::hours(23);
/// Longest key, in characters; KIS's look like a UUID.
const KEY_CHARS_MAX: usize = 512;

/// The key, asked for when it is needed.
pub(super) struct Approval {
    base_url: String,
    credentials: Credentials,
    ports: Ports,
    held: Option<(SecretString, DateTime<Utc>)>,
}

impl Approval {
    /// No key yet.
    pub(super) fn new(config: &StreamConfig, ports: Ports) -> Self {
        Self { base_url: config.base_url.clone(), credentials: config.credentials.clone(), ports, held: None }
    }

    /// A key that is good for a while.
    ///
    /// # Errors
    /// When the exchange gives none.
    pub(super) async fn key(&mut self) -> Result<SecretString, QueryError> {
        let now = self.ports.clock.now();
        if let Some((key, issued_at)) = &self.held
            && (TimeDelta::zero()..KEPT_FOR).contains(&(now - *issued_at))
        {
            return Ok(key.clone());
        }
        let request = self.request()?;
        self.ports.pace.turn(Urgency::Reconcile).await;
        let key = read(self.ports.reads.send(request, READ_LIMITS).await)?;
        self.held = Some((key.clone(), now));
        Ok(key)
    }

    /// The exchange does not know this key any more.
    pub(super) fn discard(&mut self) {
        self.held = None;
    }

    /// The secret's field is called `secretkey` here and nowhere else.
    fn request(&self) -> Result<Request, QueryError> {
        let body = serde_json::json!({
            "grant_type": "client_credentials",
            "appkey": self.credentials.app_key.expose_secret(),
            "secretkey": self.credentials.app_secret.expose_secret(),
        });
        http::Request::post(format!("{}/oauth2/Approval", self.base_url))
            .header(http::header::CONTENT_TYPE, "application/json; charset=utf-8")
            .body(Bytes::from(body.to_string()))
            .map_err(|error| {
                QueryError::Unavailable(format!("the approval request cannot be built: {error}"))
            })
    }
}

fn read(reply: Reply) -> Result<SecretString, QueryError> {
    let response = reply.map_err(|error| QueryError::Unavailable(format!("no approval key: {error}")))?;
    let status = response.status();
    let Ok(answer) = Envelope::parse(response.body()) else {
        return Err(QueryError::Unavailable(format!("no approval key: HTTP {status} without an answer")));
    };
    let key = answer.fields().text("approval_key");
    if key.is_empty() || !status.is_success() {
        return Err(QueryError::Refused { code: answer.code().to_owned(), text: answer.message() });
    }
    if key.len() > KEY_CHARS_MAX || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        // Not shown: it may be a key all the same.
        return Err(QueryError::Malformed("the approval key is not made of visible ASCII characters".into()));
    }
    Ok(key.into())
}
