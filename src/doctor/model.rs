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
    /// What it is for.
    part: Part,
}

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// It judges.
    First,
    /// It takes the place of those before it when they do not exist.
    Fallback,
}

impl Part {
    fn check(self) -> &'static str {
        match self {
            Self::First => "model",
            Self::Fallback => "fallback",
        }
    }

    /// The setting that names it.
    fn setting(self) -> &'static str {
        match self {
            Self::First => "LLM_MODEL",
            Self::Fallback => "LLM_FALLBACK_MODELS",
        }
    }

    /// Nothing is lost yet by a fallback that is missing: it is a warning.
    fn missing(self, found: String, remedy: &str) -> Finding {
        match self {
            Self::First => Finding::problem(self.check(), found, remedy),
            Self::Fallback => Finding::warning(self.check(), found, remedy),
        }
    }

    fn renamed(self) -> &'static str {
        match self {
            Self::First => "set LLM_MODEL anew",
            Self::Fallback => "take it out of LLM_FALLBACK_MODELS, or name one that exists",
        }
    }
}

/// Asks the model that the settings name, and each of those that would take its place.
pub(super) async fn check(config: &Config) -> Vec<Finding> {
    let own = match &config.language_model {
        LanguageModel::Rules => "",
        LanguageModel::Gemini(gemini) => &gemini.model,
        LanguageModel::OpenAiCompatible(server) => &server.model,
    };
    let mut findings = vec![check_one(config, own, Part::First).await];
    for model in &config.fallback_models {
        findings.push(check_one(config, model, Part::Fallback).await);
    }
    findings
}

async fn check_one(config: &Config, model: &str, part: Part) -> Finding {
    match &config.language_model {
        LanguageModel::Rules => {
            let found = "no model is set (LLM_PROVIDER, GEMINI_API_KEY): the local rules judge";
            Finding::skipped(part.check(), found)
        }
        LanguageModel::Gemini(gemini) => {
            let GeminiConfig { base_url, model: _, key, thinking: _ } = gemini;
            let url = format!("{base_url}/v1beta/models/{model}");
            let asked = Asked { model, key_setting: "GEMINI_API_KEY", part };
            asked.over_network(request(&url, Some(("x-goog-api-key", "", key))), |_| true).await
        }
        LanguageModel::OpenAiCompatible(server) => {
            let OpenAiConfig { base_url, model: _, key } = server;
            // The list and not the model's own page: not every server has those.
            let url = format!("{base_url}/models");
            let key = key.as_ref().map(|key| (AUTHORIZATION.as_str(), "Bearer ", key));
            let asked = Asked { model, key_setting: "LLM_API_KEY", part };
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
            return Finding::problem(self.part.check(), found, self.new_key());
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
        let remedy = format!("set {} to what it has", self.part.setting());
        match others.as_str() {
            "" => Finding::warning(self.part.check(), format!("{found}: it lists none"), remedy),
            others => self.part.missing(format!("{found}: it has {others}"), &remedy),
        }
    }

    fn new_key(&self) -> String {
        format!("set {} anew", self.key_setting)
    }

    fn answered(&self, answered: Result<u16, NetError>) -> Finding {
        let (model, check) = (self.model, self.part.check());
        let found = match answered {
            Ok(200) => return Finding::good(check, format!("{model} answers, the key is valid")),
            Ok(404) => {
                let found = format!("there is no model {model} for this key");
                return self.part.missing(found, self.part.renamed());
            }
            Ok(400 | 401 | 403) => {
                return Finding::problem(check, format!("the key is refused for {model}"), self.new_key());
            }
            Ok(429) => {
                let found = format!("the key is valid, and its quota of {model} is used up for now");
                return Finding::warning(check, found, "wait until it is full again: kestrel budget");
            }
            Ok(status) => format!("{model} answers with {status}"),
            Err(NetError::NotSent(why) | NetError::Ambiguous(why)) => {
                format!("{model} cannot be reached ({why})")
            }
        };
        let remedy = match self.part {
            Part::First => "check the network and LLM_BASE_URL; every stock is held meanwhile",
            Part::Fallback => "check the network and LLM_BASE_URL",
        };
        Finding::warning(check, found, remedy)
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

    const ASKED: Asked<'static> = Asked { model: "m", key_setting: "GEMINI_API_KEY", part: Part::First };
    const FALLBACK: Asked<'static> = Asked { part: Part::Fallback, ..ASKED };

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
    fn a_fallback_that_does_not_exist_is_a_warning_that_names_it_and_its_setting() {
        let other_key = FALLBACK.answered(Ok(403));
        assert_eq!((other_key.check, other_key.verdict), ("fallback", Verdict::Problem));
        for missing in [FALLBACK.answered(Ok(404)), FALLBACK.not_listed(br#"{"data":[{"id":"a"}]}"#)] {
            assert_eq!((missing.check, missing.verdict), ("fallback", Verdict::Warning), "{missing:?}");
            assert!(missing.found.contains("model m"), "{missing:?}");
            assert!(missing.remedy.clone().unwrap().contains("LLM_FALLBACK_MODELS"), "{missing:?}");
        }
        assert_eq!(FALLBACK.answered(Ok(200)).found, "m answers, the key is valid");
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
