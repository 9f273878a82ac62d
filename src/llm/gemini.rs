//! Google's Gemini over `generateContent` (LLM.md 1): one question, one answer, never repeated from here.

mod answer;
mod failure;
mod request;

use std::sync::Arc;

use bytes::Bytes;
use domain::{BoxFuture, Clock, Oracle, OracleError, OracleReply, OracleRequest};
use http::header::{CONTENT_TYPE, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};

use crate::http::{CallLimits, Request, Transport};

/// Where Google answers (LLM.md 1.1).
const BASE_URL: &str = "https://generativelanguage.googleapis.com";
/// The free tier's largest daily quota belongs to the Flash-Lite family (LLM.md 0, 1.6).
const MODEL: &str = "gemini-3.5-flash-lite";
/// Longest answer read (proof.md 8).
const BODY_MAX_BYTES: usize = 1024 * 1024;
const KEY_HEADER: &str = "x-goog-api-key";

/// Which model, where, and with whose key. Printing it shows no secret.
#[derive(Clone, Debug)]
pub struct GeminiConfig {
    /// Scheme and host, without a slash at the end.
    pub base_url: String,
    /// The model's name, e.g. `gemini-3.5-flash-lite`.
    pub model: String,
    /// The key from Google AI Studio.
    pub key: SecretString,
}

impl GeminiConfig {
    /// Google's own address and the default model.
    pub fn with_key(key: SecretString) -> Self {
        Self { base_url: BASE_URL.to_owned(), model: MODEL.to_owned(), key }
    }
}

/// The text is no model's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no model's name; allowed: letters, digits, '.', '-' and '_'")]
pub struct InvalidModel(pub String);

/// The client.
pub struct Gemini {
    config: GeminiConfig,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
}

impl Gemini {
    /// A client over `transport`. The clock says how long a daily quota stays used up.
    ///
    /// # Errors
    /// [`InvalidModel`], because the name becomes part of a path.
    pub fn new(
        config: GeminiConfig,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, InvalidModel> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if config.model.is_empty() || !config.model.chars().all(allowed) {
            return Err(InvalidModel(config.model));
        }
        Ok(Self { config, transport, clock })
    }

    async fn generate(&self, question: OracleRequest) -> Result<OracleReply, OracleError> {
        let request = self.post(&question)?;
        let limits = CallLimits { timeout: question.timeout, max_body_bytes: BODY_MAX_BYTES };
        let response = self.transport.send(request, limits).await;
        let response = response.map_err(|error| OracleError::Unreachable(error.to_string()))?;
        if response.status().is_success() {
            answer::read(response.body(), &self.config.model)
        } else {
            Err(failure::classify(response.status(), response.body(), self.clock.now()))
        }
    }

    fn post(&self, question: &OracleRequest) -> Result<Request, OracleError> {
        let mut key = HeaderValue::from_str(self.config.key.expose_secret())
            .map_err(|_| OracleError::Unauthorized("the key has characters no key has".to_owned()))?;
        key.set_sensitive(true);
        let GeminiConfig { base_url, model, .. } = &self.config;
        http::Request::post(format!("{base_url}/v1beta/models/{model}:generateContent"))
            .header(KEY_HEADER, key)
            .header(CONTENT_TYPE, "application/json")
            .body(Bytes::from(request::body(model, question).to_string()))
            .map_err(|error| OracleError::Unreachable(format!("the request cannot be built: {error}")))
    }
}

impl Oracle for Gemini {
    fn name(&self) -> String {
        self.config.model.clone()
    }

    fn ask(&self, request: OracleRequest) -> BoxFuture<'_, Result<OracleReply, OracleError>> {
        Box::pin(self.generate(request))
    }
}

#[cfg(test)]
mod tests;
