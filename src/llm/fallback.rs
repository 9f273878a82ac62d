//! Several models, of which the first that exists is asked.
//!
//! A model that is retired (404) or has no quota here at all (a limit of 0) will not come back by waiting (LLM.md 1.5): the next
//! of the list takes its place, until the next start. A quota that is used up returns, and is waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::{BoxFuture, Oracle, OracleError, OracleReply, OracleRequest};

/// Models in the order in which they are wanted.
pub struct Fallback {
    first: Arc<dyn Oracle>,
    others: Vec<Arc<dyn Oracle>>,
    /// How many of them are known not to exist.
    gone: AtomicUsize,
}

impl Fallback {
    /// Asks `first`, and each of `others` when those before it do not exist.
    pub fn new(first: Arc<dyn Oracle>, others: Vec<Arc<dyn Oracle>>) -> Self {
        Self { first, others, gone: AtomicUsize::new(0) }
    }

    fn at(&self, place: usize) -> Option<&Arc<dyn Oracle>> {
        match place.checked_sub(1) {
            None => Some(&self.first),
            Some(place) => self.others.get(place),
        }
    }

    fn current(&self) -> &Arc<dyn Oracle> {
        self.at(self.gone.load(Ordering::Relaxed)).unwrap_or(&self.first)
    }

    async fn pass(&self, question: OracleRequest) -> Result<OracleReply, OracleError> {
        let place = self.gone.load(Ordering::Relaxed);
        let asked = self.current();
        let why = match asked.ask(question).await {
            Err(OracleError::NoSuchModel(why)) => why,
            heard => return heard,
        };
        let Some(next) = self.at(place + 1).map(|next| next.name()) else {
            // The whole list is gone; whoever mends it may have mended its beginning.
            self.gone.store(0, Ordering::Relaxed);
            return Err(OracleError::NoSuchModel(why));
        };
        self.gone.store(place + 1, Ordering::Relaxed);
        let model = asked.name();
        tracing::warn!(%model, %next, why, "there is no such model, or it has no quota here; the next one is asked until the next start");
        Err(OracleError::Replaced { model, why, next })
    }
}

impl Oracle for Fallback {
    fn name(&self) -> String {
        self.current().name()
    }

    fn in_place_of(&self) -> Option<String> {
        (self.gone.load(Ordering::Relaxed) > 0).then(|| self.first.name())
    }

    /// The most of any, because the question is reserved before it is known who answers.
    fn most_output_tokens(&self, request: &OracleRequest) -> u32 {
        let all = std::iter::once(&self.first).chain(&self.others);
        all.map(|model| model.most_output_tokens(request)).max().unwrap_or(request.max_output_tokens)
    }

    fn redact(&self, text: &str) -> String {
        self.current().redact(text)
    }

    fn ask(&self, request: OracleRequest) -> BoxFuture<'_, Result<OracleReply, OracleError>> {
        Box::pin(self.pass(request))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    struct Model(&'static str, Result<(), OracleError>);

    impl Oracle for Model {
        fn name(&self) -> String {
            self.0.to_owned()
        }

        fn ask(&self, _: OracleRequest) -> BoxFuture<'_, Result<OracleReply, OracleError>> {
            let usage = domain::TokenUsage::default();
            let reply = OracleReply { text: String::new(), model: self.name(), response_id: None, usage };
            Box::pin(std::future::ready(self.1.clone().map(|()| reply)))
        }
    }

    fn question() -> OracleRequest {
        let (system, prompt, timeout) = (String::new(), String::new(), Duration::ZERO);
        OracleRequest { system, prompt, schema: None, max_output_tokens: 9, timeout }
    }

    fn models(answers: Vec<(&'static str, Result<(), OracleError>)>) -> Fallback {
        let mut models: Vec<Arc<dyn Oracle>> = answers
            .into_iter()
            .map(|(name, answer)| Arc::new(Model(name, answer)) as Arc<dyn Oracle>)
            .collect();
        Fallback::new(models.remove(0), models)
    }

    fn gone() -> Result<(), OracleError> {
        Err(OracleError::NoSuchModel("HTTP 404".into()))
    }

    #[tokio::test]
    async fn a_model_that_does_not_exist_is_replaced_by_the_next_and_the_status_says_so() {
        let models = models(vec![("a", gone()), ("b", gone()), ("c", Ok(()))]);
        assert_eq!((models.name().as_str(), models.in_place_of()), ("a", None));
        for (model, next) in [("a", "b"), ("b", "c")] {
            let (model, next, why) = (model.to_owned(), next.to_owned(), "HTTP 404".to_owned());
            assert_eq!(models.ask(question()).await, Err(OracleError::Replaced { model, why, next }));
        }
        assert_eq!(models.ask(question()).await.unwrap().model, "c");
        assert_eq!((models.name().as_str(), models.in_place_of().as_deref()), ("c", Some("a")));
    }

    #[tokio::test]
    async fn what_waiting_mends_replaces_nothing_and_a_list_that_is_gone_begins_anew() {
        let spent = Err(OracleError::QuotaExhausted { retry_after: None });
        let waiting = models(vec![("a", spent), ("b", Ok(()))]);
        assert!(matches!(waiting.ask(question()).await, Err(OracleError::QuotaExhausted { .. })));
        assert_eq!(waiting.name(), "a");
        let none = models(vec![("a", gone()), ("b", gone())]);
        assert!(matches!(none.ask(question()).await, Err(OracleError::Replaced { .. })));
        assert_eq!(none.ask(question()).await, Err(OracleError::NoSuchModel("HTTP 404".into())));
        assert_eq!((none.name().as_str(), none.in_place_of()), ("a", None));
    }
}
