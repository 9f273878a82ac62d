//! Servers that speak OpenAI's chat completions: OpenAI, Ollama, vLLM, OpenRouter and others (LLM.md 2).
//!
//! One question, one answer, never repeated from here. What differs between them is data: [`Dialect`].

mod answer;
mod failure;
mod request;

use std::sync::Arc;

use domain::{BoxFuture, Clock, Oracle, OracleError, OracleReply, OracleRequest};
use http::Uri;
use http::header::{AUTHORIZATION, RETRY_AFTER};
use secrecy::SecretString;

use super::call::{BEARER, key_header, post};
use crate::http::Transport;

/// Which model, where, and with whose key. Printing it shows no secret.
#[derive(Clone, Debug)]
pub struct OpenAiConfig {
    /// Everything before `/chat/completions`, e.g. `http://localhost:11434/v1`, without a slash at the end.
    pub base_url: String,
    /// The model's name, e.g. `qwen3:8b`.
    pub model: String,
    /// The key; a server on this machine mostly needs none.
    pub key: Option<SecretString>,
}

/// What a server wants said differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI itself: its reasoning models take `max_completion_tokens` only.
    OpenAi,
    /// OpenRouter: only providers that know every parameter may answer.
    OpenRouter,
    /// Ollama, vLLM and everything else.
    Common,
}

impl Dialect {
    /// The dialect of the host in `base_url`.
    pub fn of(base_url: &str) -> Self {
        let uri = base_url.parse::<Uri>().ok();
        let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
        let is_of = |domain: &str| {
            host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        if is_of("openai.com") {
            Self::OpenAi
        } else if is_of("openrouter.ai") {
            Self::OpenRouter
        } else {
            Self::Common
        }
    }
}

/// The client.
pub struct OpenAiCompatible {
    config: OpenAiConfig,
    dialect: Dialect,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
}

impl OpenAiCompatible {
    /// A client over `transport`. The clock says how long a daily quota stays used up.
    pub fn new(config: OpenAiConfig, transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        let dialect = Dialect::of(&config.base_url);
        Self { config, dialect, transport, clock }
    }

    async fn complete(&self, question: OracleRequest) -> Result<OracleReply, OracleError> {
        let OpenAiConfig { base_url, model, key } = &self.config;
        let key = key.as_ref().map(|key| key_header(BEARER, key)).transpose()?;
        let body = request::body(self.dialect, model, &question);
        let url = format!("{base_url}/chat/completions");
        let key = key.map(|key| (AUTHORIZATION, key));
        let response = post(self.transport.as_ref(), url, key, &body, question.timeout).await?;
        if response.status().is_success() {
            return answer::read(response.body(), model, self.clock.now());
        }
        let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        Err(failure::classify(response.status().as_u16(), response.body(), wait, self.clock.now()))
    }
}

impl Oracle for OpenAiCompatible {
    fn name(&self) -> String {
        self.config.model.clone()
    }

    fn ask(&self, request: OracleRequest) -> BoxFuture<'_, Result<OracleReply, OracleError>> {
        Box::pin(self.complete(request))
    }
}

#[cfg(test)]
mod tests;
