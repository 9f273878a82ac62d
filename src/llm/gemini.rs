//! Google's Gemini over `generateContent` (LLM.md 1): one question, one answer, never repeated from here.

mod answer;
mod failure;
mod request;

use std::sync::Arc;

use domain::{BoxFuture, Clock, Oracle, OracleError, OracleReply, OracleRequest};
use http::HeaderName;
use secrecy::SecretString;

use super::call::{key_header, post};
use crate::config::Thinking;
use crate::http::Transport;

/// Where Google answers (LLM.md 1.1).
const BASE_URL: &str = "https://generativelanguage.googleapis.com";
/// The free tier's largest daily quota belongs to the Flash-Lite family (LLM.md 0, 1.6).
const MODEL: &str = "gemini-3.5-flash-lite";
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
    /// How much the model thinks, where its family can be told.
    pub thinking: Thinking,
}

impl GeminiConfig {
    /// Google's own address and the default model.
    pub fn with_key(key: SecretString) -> Self {
        Self { base_url: BASE_URL.to_owned(), model: MODEL.to_owned(), key, thinking: Thinking::Low }
    }
}

/// The text is no model's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("LLM_MODEL: '{0}' is no model's name of Gemini; allowed: letters, digits, '.', '-' and '_'")]
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
        let GeminiConfig { base_url, model, key, thinking } = &self.config;
        let key = (HeaderName::from_static(KEY_HEADER), key_header("", key)?);
        let body = request::body(model, *thinking, &question);
        let url = format!("{base_url}/v1beta/models/{model}:generateContent");
        let response = post(self.transport.as_ref(), url, Some(key), &body, question.timeout).await?;
        if response.status().is_success() {
            answer::read(response.body(), model)
        } else {
            Err(failure::classify(response.status(), response.body(), self.clock.now()))
        }
    }
}

impl Oracle for Gemini {
    fn name(&self) -> String {
        self.config.model.clone()
    }

    fn most_output_tokens(&self, request: &OracleRequest) -> u32 {
        request::most_output_tokens(&self.config.model, self.config.thinking, request)
    }

    fn ask(&self, request: OracleRequest) -> BoxFuture<'_, Result<OracleReply, OracleError>> {
        Box::pin(self.generate(request))
    }
}

#[cfg(test)]
mod tests;
