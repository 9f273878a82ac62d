//! Language models behind Brain's port. Which one answers is a matter of settings; none is needed to trade.

mod gemini;

use std::sync::Arc;

use domain::{Clock, Oracle};

use crate::config::Config;
use crate::http::ReqwestTransport;

pub use gemini::{Gemini, GeminiConfig, InvalidModel};

/// The model that the settings name, or none: then the local rules judge.
///
/// # Errors
/// When the HTTP client cannot be built, in words.
pub fn connect(config: &Config, clock: &Arc<dyn Clock>) -> Result<Option<Arc<dyn Oracle>>, String> {
    let Some(key) = &config.gemini_api_key else { return Ok(None) };
    let transport = Arc::new(ReqwestTransport::for_reads(None).map_err(|error| error.to_string())?);
    let gemini = Gemini::new(GeminiConfig::with_key(key.clone()), transport, Arc::clone(clock))
        .map_err(|error| error.to_string())?;
    Ok(Some(Arc::new(gemini)))
}

#[cfg(test)]
mod tests;
