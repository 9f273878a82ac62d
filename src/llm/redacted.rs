//! No secret of the settings reaches a model, a log or the books by way of a model: neither in a question, nor in an
//! answer that repeats it, nor in the words of an error.

use std::sync::Arc;

use domain::{BoxFuture, Oracle, OracleError, OracleReply, OracleRequest};
use secrecy::SecretString;

use crate::config::{Config, Credentials, LanguageModel, Telegram, Venue};
use crate::llm::{GeminiConfig, OpenAiConfig};

/// What stands in the place of a secret.
const REDACTED: &str = "[redacted]";
/// Shorter ones would be found in any text.
const SECRET_MIN_BYTES: usize = 6;

/// A model between which and everyone else the secrets are taken out.
pub struct Redacted {
    model: Arc<dyn Oracle>,
    secrets: Vec<SecretString>,
}

impl Redacted {
    /// Takes `secrets` out of whatever passes.
    pub fn new(model: Arc<dyn Oracle>, secrets: Vec<SecretString>) -> Self {
        Self { model, secrets }
    }

    fn without(&self, text: &str) -> String {
        let exposed = self.secrets.iter().map(secrecy::ExposeSecret::expose_secret);
        let secrets = exposed.filter(|secret| secret.len() >= SECRET_MIN_BYTES);
        secrets.fold(text.to_owned(), |text, secret| text.replace(secret, REDACTED))
    }

    fn error(&self, error: OracleError) -> OracleError {
        match error {
            OracleError::QuotaExhausted { retry_after } => OracleError::QuotaExhausted { retry_after },
            OracleError::Unauthorized(why) => OracleError::Unauthorized(self.without(&why)),
            OracleError::NoSuchModel(why) => OracleError::NoSuchModel(self.without(&why)),
            OracleError::Replaced { model, why, next } => OracleError::Replaced {
                model: self.without(&model),
                why: self.without(&why),
                next: self.without(&next),
            },
            OracleError::Blocked(why) => OracleError::Blocked(self.without(&why)),
            OracleError::Interrupted(why) => OracleError::Interrupted(self.without(&why)),
            OracleError::Unreachable(why) => OracleError::Unreachable(self.without(&why)),
            OracleError::Malformed(why) => OracleError::Malformed(self.without(&why)),
        }
    }

    async fn pass(&self, question: OracleRequest) -> Result<OracleReply, OracleError> {
        let (system, prompt) = (self.without(&question.system), self.without(&question.prompt));
        let question = OracleRequest { system, prompt, ..question };
        let reply = self.model.ask(question).await.map_err(|error| self.error(error))?;
        Ok(OracleReply {
            text: self.without(&reply.text),
            model: self.without(&reply.model),
            response_id: reply.response_id.map(|id| self.without(&id)),
            usage: reply.usage,
        })
    }
}

impl Oracle for Redacted {
    fn name(&self) -> String {
        self.model.name()
    }

    fn in_place_of(&self) -> Option<String> {
        self.model.in_place_of()
    }

    fn most_output_tokens(&self, request: &OracleRequest) -> u32 {
        self.model.most_output_tokens(request)
    }

    fn redact(&self, text: &str) -> String {
        self.without(text)
    }

    fn ask(&self, request: OracleRequest) -> BoxFuture<'_, Result<OracleReply, OracleError>> {
        Box::pin(self.pass(request))
    }
}

/// Every secret of the settings.
pub(super) fn secrets(config: &Config) -> Vec<SecretString> {
    let of_model = match &config.language_model {
        LanguageModel::Rules => None,
        LanguageModel::Gemini(GeminiConfig { key, .. }) => Some(key),
        LanguageModel::OpenAiCompatible(OpenAiConfig { key, .. }) => key.as_ref(),
    };
    let of_exchange = match &config.venue {
        Venue::Simulator | Venue::External { .. } => Vec::new(),
        Venue::Kis { credentials: Credentials { app_key, app_secret, account }, .. } => {
            vec![app_key, app_secret, account]
        }
    };
    let of_telegram = config.telegram.as_ref().map(|Telegram { bot_token, .. }| bot_token);
    of_model.into_iter().chain(of_exchange).chain(of_telegram).cloned().collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use domain::TokenUsage;

    use super::*;

    /// Repeats whatever it is asked, or fails with it.
    struct Parrot {
        fails: bool,
        asked: Mutex<Vec<String>>,
    }

    impl Oracle for Parrot {
        fn name(&self) -> String {
            "parrot".into()
        }

        fn ask(&self, request: OracleRequest) -> BoxFuture<'_, Result<OracleReply, OracleError>> {
            self.asked.lock().unwrap().push(format!("{} {}", request.system, request.prompt));
            let text = format!("your key sk-canary-77 and {}", request.prompt);
            let reply =
                OracleReply { text, model: "m".into(), response_id: None, usage: TokenUsage::default() };
            let wrong = OracleError::Unauthorized("Incorrect API key provided: sk-canary-77".into());
            let answer = if self.fails { Err(wrong) } else { Ok(reply) };
            Box::pin(std::future::ready(answer))
        }
    }

    async fn passed(fails: bool) -> (Vec<String>, Result<OracleReply, OracleError>) {
        let parrot = Arc::new(Parrot { fails, asked: Mutex::default() });
        let secrets = ["sk-canary-77", "12345678-01", "no"].map(SecretString::from).to_vec();
        let model = Redacted::new(parrot.clone(), secrets);
        let question = OracleRequest {
            system: "the account is 12345678-01, know it".into(),
            prompt: "name: sk-canary-77".into(),
            schema: None,
            max_output_tokens: 1,
            timeout: Duration::from_secs(1),
        };
        assert_eq!(model.redact(&question.prompt), "name: [redacted]");
        let answer = model.ask(question).await;
        (parrot.asked.lock().unwrap().clone(), answer)
    }

    #[tokio::test]
    async fn a_secret_passes_neither_to_a_model_nor_back() {
        let (asked, answer) = passed(false).await;
        assert_eq!(asked, ["the account is [redacted], know it name: [redacted]"]);
        assert_eq!(answer.unwrap().text, "your key [redacted] and name: [redacted]");
        let (_, refused) = passed(true).await;
        assert_eq!(refused, Err(OracleError::Unauthorized("Incorrect API key provided: [redacted]".into())));
    }
}
