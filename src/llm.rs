//! Language models behind Brain's port. Which one answers is a matter of settings; none is needed to trade.

mod call;
mod fallback;
mod gemini;
mod openai_compatible;
mod redacted;

use std::sync::Arc;

use domain::{Clock, Oracle};

use crate::config::{Config, LanguageModel};
use crate::http::ReqwestTransport;

pub use fallback::Fallback;
pub use gemini::{Gemini, GeminiConfig, InvalidModel};
pub use openai_compatible::{Dialect, OpenAiCompatible, OpenAiConfig};
pub use redacted::Redacted;

/// The model that the settings name, or none: then the local rules judge.
///
/// # Errors
/// When the HTTP client cannot be built, or the model's name cannot be one; in words.
pub fn connect(config: &Config, clock: &Arc<dyn Clock>) -> Result<Option<Arc<dyn Oracle>>, String> {
    let transport = || ReqwestTransport::for_reads(None).map(Arc::new).map_err(|error| error.to_string());
    let guarded = |model: Arc<dyn Oracle>| -> Arc<dyn Oracle> {
        Arc::new(Redacted::new(model, redacted::secrets(config)))
    };
    let named = |name: Option<&String>| -> Result<Option<Arc<dyn Oracle>>, String> {
        match &config.language_model {
            LanguageModel::Rules => Ok(None),
            LanguageModel::Gemini(gemini) => {
                let model = name.unwrap_or(&gemini.model).clone();
                let gemini =
                    Gemini::new(GeminiConfig { model, ..gemini.clone() }, transport()?, Arc::clone(clock));
                Ok(Some(guarded(Arc::new(gemini.map_err(|error| error.to_string())?))))
            }
            LanguageModel::OpenAiCompatible(server) => {
                let model = name.unwrap_or(&server.model).clone();
                let server = OpenAiConfig { model, ..server.clone() };
                Ok(Some(guarded(Arc::new(OpenAiCompatible::new(server, transport()?, Arc::clone(clock))))))
            }
        }
    };
    let Some(first) = named(None)? else { return Ok(None) };
    let others: Result<Vec<_>, _> = config.fallback_models.iter().map(|name| named(Some(name))).collect();
    let others: Vec<_> = others?.into_iter().flatten().collect();
    Ok(Some(if others.is_empty() { first } else { Arc::new(Fallback::new(first, others)) }))
}

#[cfg(test)]
mod tests;
