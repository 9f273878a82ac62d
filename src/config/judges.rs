//! Settings of the language model: which one, where, with whose key.

use brain::plan::TokenPrices;
use domain::messages::ledger::BudgetCeilings;
use http::Uri;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use secrecy::SecretString;

use super::parse::secret;
use super::reader::Reader;
use super::{LanguageModel, ModelBudget, Thinking};
use crate::http::is_this_machine;
use crate::llm::{GeminiConfig, OpenAiConfig};

/// Longest name of a model, in characters.
const MODEL_MAX_CHARS: usize = 100;

/// Most models that stand in for another.
const FALLBACKS_MAX: usize = 5;
const NO_MODEL_OF_GEMINI: &str = "is no model of Gemini; allowed: letters, digits, '.', '-' and '_'";

/// Who answers questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Provider {
    Gemini,
    OpenAiCompatible,
    Rules,
}

/// Who judges; none after a mistake.
pub(super) fn language_model(reader: &mut Reader<'_>) -> Option<LanguageModel> {
    let provider = reader.value("LLM_PROVIDER", provider)?;
    let gemini_key = secret(reader, "GEMINI_API_KEY");
    let other_key = secret(reader, "LLM_API_KEY");
    let model = reader.value("LLM_MODEL", model)?;
    let base_url = reader.value("LLM_BASE_URL", base_url)?;
    let thinking = reader.value("LLM_THINKING", thinking)?;
    // A key alone is enough, as it always was.
    let has_key = reader.set("GEMINI_API_KEY").is_some();
    match provider.unwrap_or(if has_key { Provider::Gemini } else { Provider::Rules }) {
        Provider::Rules => Some(LanguageModel::Rules),
        Provider::Gemini => gemini(reader, gemini_key, model, base_url, thinking),
        Provider::OpenAiCompatible => openai_compatible(reader, other_key, model, base_url),
    }
}

fn gemini(
    reader: &mut Reader<'_>,
    key: Option<SecretString>,
    model: Option<String>,
    base_url: Option<String>,
    thinking: Thinking,
) -> Option<LanguageModel> {
    if reader.set("GEMINI_API_KEY").is_none() {
        reader.mistake(
            "GEMINI_API_KEY",
            "is missing; LLM_PROVIDER=gemini needs it, LLM_PROVIDER=rules needs none",
        );
    }
    let mut config = GeminiConfig { thinking, ..GeminiConfig::with_key(key?) };
    if let Some(model) = model {
        if !model.chars().all(in_path) {
            reader.mistake("LLM_MODEL", NO_MODEL_OF_GEMINI);
            return None;
        }
        config.model = model;
    }
    if let Some(base_url) = base_url {
        config.base_url = base_url;
    }
    Some(LanguageModel::Gemini(config))
}

fn openai_compatible(
    reader: &mut Reader<'_>,
    key: Option<SecretString>,
    model: Option<String>,
    base_url: Option<String>,
) -> Option<LanguageModel> {
    for (name, missing) in [("LLM_MODEL", model.is_none()), ("LLM_BASE_URL", base_url.is_none())] {
        if missing && reader.set(name).is_none() {
            reader.mistake(name, "is missing; LLM_PROVIDER=openai_compatible needs it");
        }
    }
    Some(LanguageModel::OpenAiCompatible(OpenAiConfig { base_url: base_url?, model: model?, key }))
}

/// The models that take the place of one that does not exist; none after a mistake.
pub(super) fn fallback_models(
    reader: &mut Reader<'_>,
    language_model: &LanguageModel,
) -> Option<Vec<String>> {
    let names = reader.value("LLM_FALLBACK_MODELS", |text| {
        let names: Vec<_> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        let all: Option<Vec<String>> = names.into_iter().map(|name| model(name).flatten()).collect();
        all.filter(|names| names.len() <= FALLBACKS_MAX)
    })?;
    let is_gemini = matches!(language_model, LanguageModel::Gemini(_));
    if is_gemini && !names.iter().all(|name| name.chars().all(in_path)) {
        reader.mistake("LLM_FALLBACK_MODELS", NO_MODEL_OF_GEMINI);
        return None;
    }
    Some(names)
}

/// Characters of a name of Gemini's, which becomes part of a path.
fn in_path(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')
}

/// What the model may take in a day; none after a mistake.
pub(super) fn budget(reader: &mut Reader<'_>) -> Option<ModelBudget> {
    let calls = reader.whole("LLM_CALLS_PER_DAY", 0, 10_000)?;
    let tokens = reader.value("LLM_TOKENS_PER_DAY", |text| {
        optional(text, |text| text.parse::<u64>().ok().filter(|tokens| (1..=4_000_000_000).contains(tokens)))
    })?;
    let usd = reader.value("LLM_USD_PER_DAY", |text| optional(text, usd))?;
    let price = |text: &str| optional(text, usd_amount);
    let input = reader.value("LLM_INPUT_USD_PER_MTOK", price)?;
    let output = reader.value("LLM_OUTPUT_USD_PER_MTOK", price)?;
    let is_priced = input.is_some() && output.is_some();
    if !is_priced && (usd.is_some() || input.is_some() || output.is_some()) {
        let missing = if input.is_none() { "LLM_INPUT_USD_PER_MTOK" } else { "LLM_OUTPUT_USD_PER_MTOK" };
        reader.mistake(missing, "is missing; money is counted with both prices only");
        return None;
    }
    let prices = input.zip(output).map(|(input, output)| TokenPrices { input, output });
    // Money beyond the sixth digit is cut off: the stricter way.
    let money_micros = usd.and_then(|usd| (usd * Decimal::from(1_000_000)).trunc().to_u64());
    Some(ModelBudget { ceilings: BudgetCeilings { calls, tokens, money_micros }, prices })
}

/// The outer option is a mistake, the inner one is "not set".
fn optional<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    if text.is_empty() { Some(None) } else { parse(text).map(Some) }
}

fn usd_amount(text: &str) -> Option<Decimal> {
    let amount = Decimal::from_str_exact(text).ok()?;
    (Decimal::ZERO..=Decimal::from(10_000)).contains(&amount).then_some(amount)
}

fn usd(text: &str) -> Option<Decimal> {
    usd_amount(text).filter(|amount| !amount.is_zero())
}

/// The outer option is a mistake, the inner one is "not set"; so below too.
fn provider(text: &str) -> Option<Option<Provider>> {
    match text {
        "" => Some(None),
        "gemini" => Some(Some(Provider::Gemini)),
        "openai_compatible" => Some(Some(Provider::OpenAiCompatible)),
        "rules" => Some(Some(Provider::Rules)),
        _ => None,
    }
}

fn model(text: &str) -> Option<Option<String>> {
    let is_name = text.len() <= MODEL_MAX_CHARS && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_name.then(|| (!text.is_empty()).then(|| text.to_owned()))
}

fn thinking(text: &str) -> Option<Thinking> {
    match text {
        "minimal" => Some(Thinking::Minimal),
        "low" => Some(Thinking::Low),
        "medium" => Some(Thinking::Medium),
        "high" => Some(Thinking::High),
        _ => None,
    }
}

/// `https`, or `http` to this machine: a key and a portfolio never travel in the clear. No password, no query: they
/// would be printed with the address.
pub(super) fn base_url(text: &str) -> Option<Option<String>> {
    if text.is_empty() {
        return Some(None);
    }
    let text = text.trim_end_matches('/');
    let uri: Uri = text.parse().ok()?;
    let host = uri.host().filter(|host| !host.is_empty())?;
    let is_private =
        uri.scheme_str() == Some("https") || (uri.scheme_str() == Some("http") && is_this_machine(host));
    let is_plain = uri.query().is_none() && !text.contains(['@', '#']);
    (is_private && is_plain).then(|| Some(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{load, mistakes};
    use super::*;

    fn judge(pairs: &[(&str, &str)]) -> LanguageModel {
        load(pairs).unwrap().language_model
    }

    #[test]
    fn a_key_alone_asks_gemini_and_nothing_at_all_the_rules() {
        assert!(matches!(judge(&[]), LanguageModel::Rules));
        assert!(matches!(judge(&[("GEMINI_API_KEY", "k"), ("LLM_PROVIDER", "rules")]), LanguageModel::Rules));
        let LanguageModel::Gemini(gemini) = judge(&[("GEMINI_API_KEY", "k")]) else { panic!("no Gemini") };
        assert_eq!((gemini.model.as_str(), gemini.thinking), ("gemini-3.5-flash-lite", Thinking::Low));
        assert_eq!(gemini.base_url, "https://generativelanguage.googleapis.com");
    }

    #[test]
    fn model_address_and_thinking_are_settings() {
        let set = [
            ("GEMINI_API_KEY", "k"),
            ("LLM_MODEL", "gemini-2.5-pro"),
            ("LLM_BASE_URL", "https://proxy.example/google/"),
            ("LLM_THINKING", "high"),
        ];
        let LanguageModel::Gemini(gemini) = judge(&set) else { panic!("no Gemini") };
        assert_eq!((gemini.model.as_str(), gemini.thinking), ("gemini-2.5-pro", Thinking::High));
        assert_eq!(gemini.base_url, "https://proxy.example/google");
        let set = [
            ("LLM_PROVIDER", "openai_compatible"),
            ("LLM_MODEL", "qwen3:8b"),
            ("LLM_BASE_URL", "http://localhost:11434/v1"),
        ];
        let LanguageModel::OpenAiCompatible(server) = judge(&set) else { panic!("no server") };
        assert_eq!((server.model.as_str(), server.key.is_none()), ("qwen3:8b", true));
        assert_eq!(server.base_url, "http://localhost:11434/v1");
    }

    #[test]
    fn a_day_has_twenty_calls_unless_more_is_set() {
        let plain = load(&[]).unwrap().model_budget;
        let ceilings = BudgetCeilings { calls: 20, tokens: None, money_micros: None };
        assert_eq!(plain, ModelBudget { ceilings, prices: None });
        let set = load(&[
            ("LLM_CALLS_PER_DAY", "500"),
            ("LLM_TOKENS_PER_DAY", "100000"),
            ("LLM_USD_PER_DAY", "0.5"),
            ("LLM_INPUT_USD_PER_MTOK", "0.1"),
            ("LLM_OUTPUT_USD_PER_MTOK", "0.4"),
        ]);
        let ceilings = BudgetCeilings { calls: 500, tokens: Some(100_000), money_micros: Some(500_000) };
        let prices = TokenPrices { input: Decimal::new(1, 1), output: Decimal::new(4, 1) };
        assert_eq!(set.unwrap().model_budget, ModelBudget { ceilings, prices: Some(prices) });
    }

    #[test]
    fn each_mistake_is_named_with_what_is_allowed() {
        let server = [("LLM_PROVIDER", "openai_compatible"), ("LLM_MODEL", "m")];
        let cases: [(&[(&str, &str)], &str); 18] = [
            (&[("LLM_PROVIDER", "claude")], "LLM_PROVIDER: 'claude' is not allowed"),
            (&[("LLM_PROVIDER", "gemini")], "GEMINI_API_KEY: is missing"),
            (&[("LLM_PROVIDER", "openai_compatible")], "LLM_MODEL: is missing"),
            (&server, "LLM_BASE_URL: is missing"),
            (
                &[server[0], server[1], ("LLM_BASE_URL", "ftp://x/v1")],
                "LLM_BASE_URL: 'ftp://x/v1' is not allowed",
            ),
            (&[server[0], server[1], ("LLM_BASE_URL", "http://example.com/v1")], "LLM_BASE_URL: "),
            (&[server[0], server[1], ("LLM_BASE_URL", "localhost:11434")], "LLM_BASE_URL: "),
            (&[server[0], server[1], ("LLM_BASE_URL", "https://u:p@x/v1")], "LLM_BASE_URL: "),
            (&[("GEMINI_API_KEY", "k"), ("LLM_MODEL", "a/b")], "LLM_MODEL: is no model of Gemini"),
            (
                &[("GEMINI_API_KEY", "k"), ("LLM_FALLBACK_MODELS", "a,b/c")],
                "LLM_FALLBACK_MODELS: is no model of Gemini",
            ),
            (&[("LLM_FALLBACK_MODELS", "a,b,c,d,e,f")], "LLM_FALLBACK_MODELS"),
            (&[("LLM_TIMEOUT_S", "0")], "LLM_TIMEOUT_S: '0' is not allowed; allowed: 5 to 120"),
            (&[("LLM_CALLS_PER_DAY", "-1")], "LLM_CALLS_PER_DAY: '-1' is not allowed; allowed: 0 to 10000"),
            (&[("LLM_TOKENS_PER_DAY", "0")], "LLM_TOKENS_PER_DAY: '0' is not allowed"),
            (&[("LLM_USD_PER_DAY", "0")], "LLM_USD_PER_DAY: '0' is not allowed; allowed: above 0"),
            (
                &[("LLM_USD_PER_DAY", "1"), ("LLM_INPUT_USD_PER_MTOK", "1")],
                "LLM_OUTPUT_USD_PER_MTOK: is missing",
            ),
            (&[("LLM_THINKING", "deep")], "LLM_THINKING: 'deep' is not allowed"),
            (&[("LLM_API_KEY", "k\u{e9}y")], "LLM_API_KEY: the value is not allowed"),
        ];
        for (pairs, complaint) in cases {
            let told = mistakes(pairs);
            assert!(told.contains(complaint), "{pairs:?}: {told}");
        }
    }
}
