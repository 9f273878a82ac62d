//! Whether the language model's key, name and address are right, by a question that costs nothing of the quota.

use bytes::Bytes;
use domain::text::harmless;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::Finding;
use super::remote::LIMITS;
use crate::config::{Config, LanguageModel};
use crate::http::{NetError, Request, ReqwestTransport, Transport as _};
use crate::llm::{GeminiConfig, OpenAiConfig};

/// Longest list of other models that is told, in characters.
const OTHERS_MAX_CHARS: usize = 300;

/// What of the model is known by its name, and what answered for it.
struct Asked<'a> {
    /// Its name.
    model: &'a str,
    /// The setting that holds its key.
    key_setting: &'static str,
}

/// Asks the model that the settings name.
pub(super) async fn check(config: &Config) -> Finding {
    match &config.language_model {
        LanguageModel::Rules => {
            Finding::skipped("model", "no model is set (LLM_PROVIDER, GEMINI_API_KEY): the local rules judge")
        }
        LanguageModel::Gemini(gemini) => {
            let GeminiConfig { base_url, model, key, thinking: _ } = gemini;
            let url = format!("{base_url}/v1beta/models/{model}");
            let asked = Asked { model, key_setting: "GEMINI_API_KEY" };
            asked.over_network(request(&url, Some(("x-goog-api-key", "", key))), |_| true).await
        }
        LanguageModel::OpenAiCompatible(server) => {
            let OpenAiConfig { base_url, model, key } = server;
            // The list and not the model's own page: not every server has those.
            let url = format!("{base_url}/models");
            let key = key.as_ref().map(|key| (AUTHORIZATION.as_str(), "Bearer ", key));
            let asked = Asked { model, key_setting: "LLM_API_KEY" };
            asked.over_network(request(&url, key), |body| is_listed(body, model)).await
        }
    }
}

/// None when the key cannot travel in a header.
fn request(url: &str, key: Option<(&str, &str, &SecretString)>) -> Option<Request> {
    let mut request = http::Request::get(url);
    if let Some((name, prefix, key)) = key {
        let mut value = HeaderValue::from_str(&format!("{prefix}{}", key.expose_secret())).ok()?;
        value.set_sensitive(true);
        request = request.header(name, value);
    }
    request.body(Bytes::new()).ok()
}

impl Asked<'_> {
    async fn over_network(&self, request: Option<Request>, has_model: impl Fn(&[u8]) -> bool) -> Finding {
        let (Some(request), Ok(transport)) = (request, ReqwestTransport::for_reads(None)) else {
            let found = "the key cannot be sent: it holds characters that no key has";
            return Finding::problem("model", found, self.new_key());
        };
        match transport.send(request, LIMITS).await {
            Ok(response) if response.status().as_u16() == 200 && !has_model(response.body()) => {
                self.not_listed(response.body())
            }
            answered => self.answered(answered.map(|response| response.status().as_u16())),
        }
    }

    fn not_listed(&self, body: &[u8]) -> Finding {
        let others = harmless(&listed(body).join(", "), OTHERS_MAX_CHARS);
        let found = format!("the server answers and does not know the model {}", self.model);
        let remedy = "set LLM_MODEL to a model that it has";
        match others.as_str() {
            "" => Finding::warning("model", format!("{found}: it lists none"), remedy),
            others => Finding::problem("model", format!("{found}: it has {others}"), remedy),
        }
    }

    fn new_key(&self) -> String {
        format!("set {} anew", self.key_setting)
    }

    fn answered(&self, answered: Result<u16, NetError>) -> Finding {
        let model = self.model;
        let found = match answered {
            Ok(200) => return Finding::good("model", format!("{model} answers, the key is valid")),
            Ok(404) => {
                let found = format!("there is no model {model} for this key");
                return Finding::problem("model", found, "set LLM_MODEL anew");
            }
            Ok(400 | 401 | 403) => {
                return Finding::problem("model", "the key is refused", self.new_key());
            }
            Ok(429) => {
                let remedy = "wait until it is full again: kestrel budget";
                return Finding::warning(
                    "model",
                    "the key is valid, and its quota is used up for now",
                    remedy,
                );
            }
            Ok(status) => format!("{model} answers with {status}"),
            Err(NetError::NotSent(why) | NetError::Ambiguous(why)) => {
                format!("{model} cannot be reached ({why})")
            }
        };
        let remedy = "check the network and LLM_BASE_URL; every stock is held meanwhile";
        Finding::warning("model", found, remedy)
    }
}

fn is_listed(body: &[u8], model: &str) -> bool {
    listed(body).iter().any(|one| one == model)
}

/// The names in `{data: [{id}]}`.
fn listed(body: &[u8]) -> Vec<String> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let ids = body["data"].as_array().into_iter().flatten().filter_map(|one| one["id"].as_str());
    ids.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    const ASKED: Asked<'static> = Asked { model: "m", key_setting: "GEMINI_API_KEY" };

    #[test]
    fn a_models_answer_says_whether_the_key_or_the_name_is_wrong() {
        for (answered, verdict, word) in [
            (Ok(200), Verdict::Good, "valid"),
            (Ok(403), Verdict::Problem, "GEMINI_API_KEY"),
            (Ok(404), Verdict::Problem, "no model"),
            (Ok(429), Verdict::Warning, "quota"),
            (Ok(503), Verdict::Warning, "is held"),
            (Err(NetError::NotSent("no route".into())), Verdict::Warning, "no route"),
        ] {
            let finding = ASKED.answered(answered);
            assert_eq!(finding.verdict, verdict, "{finding:?}");
            let words = format!("{} {}", finding.found, finding.remedy.clone().unwrap_or_default());
            assert!(words.contains(word), "{finding:?}");
            let is_fine = verdict == Verdict::Good;
            assert_eq!(finding.remedy.is_none(), is_fine, "{finding:?}");
        }
    }

    #[test]
    fn a_server_that_does_not_list_the_model_is_told_with_what_it_has() {
        let body = br#"{"object":"list","data":[{"id":"a"},{"id":"b:8b"}]}"#;
        assert!(is_listed(body, "b:8b"));
        assert!(!is_listed(body, "b"));
        let finding = ASKED.not_listed(body);
        assert_eq!(finding.verdict, Verdict::Problem);
        assert!(finding.found.ends_with("it has a, b:8b"), "{finding:?}");
        assert!(finding.remedy.is_some_and(|what| what.starts_with("set LLM_MODEL")));
        assert_eq!(ASKED.not_listed(b"<html>").verdict, Verdict::Warning);
    }
}
