//! Ports that several actors share: time, randomness, and a language model.
//!
//! Production, demo and simulation differ only in what stands behind them.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// A boxed future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Exchange time: what sessions, expiries, horizons and pacing follow. Sockets and asks stay in real time.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> DateTime<Utc>;

    /// Returns when the clock shows `until` or later; at once if it already does.
    fn sleep_until(&self, until: DateTime<Utc>) -> BoxFuture<'static, ()>;

    /// How long `exchange_time` lasts in real time: the same, or less on an accelerated clock.
    fn real(&self, exchange_time: Duration) -> Duration;
}

/// Waits `duration` of exchange time, in real time as it passes now: a clock that is set back meanwhile does not prolong it
/// (order-protocol 4, invariant 19).
pub fn sleep(clock: &Arc<dyn Clock>, duration: Duration) -> BoxFuture<'static, ()> {
    // A microsecond more than computed: rounding down must not make a loop without progress.
    let real = clock.real(duration) + Duration::from_micros(1);
    Box::pin(async move { actix::clock::sleep(real).await })
}

/// The largest difference between the exchange's clock and ours that is allowed, in seconds (order-protocol 3, row 33).
pub const CLOCK_SKEW_ALLOWED_SECONDS: i64 = 5;

/// True when a clock that ran ahead has dated `at`: nothing true now bears it. A clock that runs ahead is set right, and
/// what it dated must not wait until that time comes.
pub fn is_ahead(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    at - now > TimeDelta::seconds(CLOCK_SKEW_ALLOWED_SECONDS)
}

/// What the exchange's own answers say of its clock and ours.
pub trait ExchangeClock: Send + Sync + 'static {
    /// How far the exchange's clock is from ours, when the answers prove that it is more than
    /// [`CLOCK_SKEW_ALLOWED_SECONDS`]; positive when the exchange is ahead. Who cannot tell says none.
    fn clock_skew(&self) -> Option<TimeDelta> {
        None
    }

    /// The same after one answer only. It may be the answer that is wrong, so nothing is halted for it, but what cannot be
    /// taken back, such as an approval or the close of a day, waits for the next. Who cannot tell a single answer says the
    /// same as [`ExchangeClock::clock_skew`].
    fn clock_doubt(&self) -> Option<TimeDelta> {
        self.clock_skew()
    }
}

/// Randomness; seeded in tests, simulation and the demo.
pub trait Random: Send + Sync + 'static {
    /// 64 random bits.
    fn next_u64(&self) -> u64;
}

/// A language model that is asked once and answers in text.
pub trait Oracle: Send + Sync + 'static {
    /// The model's name, for records.
    fn name(&self) -> String;

    /// The model that the settings name first, while another one is asked in its place.
    fn in_place_of(&self) -> Option<String> {
        None
    }

    /// The most tokens that the answer can have, thoughts included.
    fn most_output_tokens(&self, request: &OracleRequest) -> u32 {
        request.max_output_tokens
    }

    /// The text as it may be kept: without the secrets that this model must not see.
    fn redact(&self, text: &str) -> String {
        text.to_owned()
    }

    /// One question, one answer; never retried by the adapter.
    fn ask(&self, request: OracleRequest) -> BoxFuture<'_, Result<OracleReply, OracleError>>;
}

/// A question to a language model.
#[derive(Clone, Debug, PartialEq)]
pub struct OracleRequest {
    /// What the model is told about its task.
    pub system: String,
    /// The question itself.
    pub prompt: String,
    /// JSON schema the answer must follow (see LLM.md), if the model supports one.
    pub schema: Option<serde_json::Value>,
    /// The longest answer wanted, in tokens.
    pub max_output_tokens: u32,
    /// Longest wait for the whole answer.
    pub timeout: Duration,
}

/// The model's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OracleReply {
    /// The text, not yet trusted.
    pub text: String,
    /// The model that answered, as it names itself.
    pub model: String,
    /// The answer's id at the server, if told.
    pub response_id: Option<String>,
    /// Tokens of question and answer, as far as they are told.
    pub usage: TokenUsage,
}

/// Tokens that a question and its answer took; what is not told is missing, not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenUsage {
    /// Of the question.
    pub input: Option<u64>,
    /// Of the answer, thoughts included, which are paid for like the rest.
    pub output: Option<u64>,
    /// Of both.
    pub total: Option<u64>,
}

/// Why there is no answer, in the caller's terms: every one of them means HOLD.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OracleError {
    /// The quota is used up; asking again before `retry_after` is useless.
    #[error("the model's quota is used up")]
    QuotaExhausted {
        /// How long to wait; none: it was refused for its rate without a word on which quota or for how long.
        retry_after: Option<Duration>,
    },
    /// The key is missing, wrong or not allowed to use this model.
    #[error("the model refuses the key: {0}; check GEMINI_API_KEY or LLM_API_KEY")]
    Unauthorized(String),
    /// There is no such model, or it has no quota here at all.
    #[error("there is no such model: {0}; check LLM_MODEL and LLM_BASE_URL")]
    NoSuchModel(String),
    /// There is no such model, or it has no quota here at all, and from now on another one is asked: it may be at once.
    #[error("there is no such model as {model}: {why}; {next} is asked in its place")]
    Replaced {
        /// The model that was asked.
        model: String,
        /// Why it cannot be.
        why: String,
        /// The one that is asked from now on.
        next: String,
    },
    /// The model stopped for its own reasons (safety, recitation, length).
    #[error("the model gave no usable answer: {0}")]
    Blocked(String),
    /// The answer broke off for a reason that says nothing about the question; once more may mend it.
    #[error("the model broke off: {0}")]
    Interrupted(String),
    /// No answer in time, or none at all, or an overloaded server: asking again may mend it.
    #[error("the model did not answer: {0}")]
    Unreachable(String),
    /// An answer that is not what the interface promises.
    #[error("the model's reply is malformed: {0}")]
    Malformed(String),
}

impl fmt::Debug for dyn Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}
