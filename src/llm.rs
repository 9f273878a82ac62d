//! Language models behind Brain's port. Which one answers is a matter of settings; none is needed to trade.

mod call;
mod gemini;
mod openai_compatible;
mod redacted;

use std::sync::Arc;

use domain::{Clock, Oracle};

use crate::config::{Config, LanguageModel};
use crate::http::ReqwestTransport;

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
    match &config.language_model {
        LanguageModel::Rules => Ok(None),
        LanguageModel::Gemini(gemini) => {
            let gemini = Gemini::new(gemini.clone(), transport()?, Arc::clone(clock));
            Ok(Some(guarded(Arc::new(gemini.map_err(|error| error.to_string())?))))
        }
        LanguageModel::OpenAiCompatible(server) => Ok(Some(guarded(Arc::new(OpenAiCompatible::new(
            server.clone(),
            transport()?,
            Arc::clone(clock),
        ))))),
    }
}

#[cfg(test)]
mod tests;
