//! The door: tokens, keys, rate, required headers, and which TR id may pass where (KIS.md 2, 3, 4 and 6).

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::Market;
use http::HeaderMap;
use serde_json::{Value, json};

use super::Environment;
use super::endpoints::{self, Endpoint, Transaction};
use super::refusal::Refusal;

/// A token lives a day (KIS.md 2.1).
const TOKEN_LIFE: TimeDelta = TimeDelta::hours(24);
/// Within this long of the issue, the same token is handed out again.
const TOKEN_REUSE: TimeDelta = TimeDelta::hours(6);
/// At least this long between two answers of the token server.
const TOKEN_SPACING: TimeDelta = TimeDelta::minutes(1);
/// Tokens are forgotten this long after their issue: long enough to say that they have expired.
const TOKEN_MEMORY: TimeDelta = TimeDelta::hours(48);
/// The longest app key and secret that KIS has, in bytes (KIS.md 2.1).
const KEY_BYTES_MAX: [usize; 2] = [36, 180];
/// So many customers at most.
const KEYS_MAX: usize = 1_000;
/// Microseconds in a second: the grain of the rate bucket.
const MICROS: i64 = 1_000_000;

/// Tokens and rates of every app key seen.
#[derive(Debug)]
pub(super) struct Gateway {
    environment: Environment,
    requests_per_second: u32,
    /// Requests to account and order paths; none: the ledger takes what the gateway lets through.
    pub(super) ledger_per_second: Option<u32>,
    /// The token server answers an app key once a minute.
    pub(super) spaces_tokens: bool,
    keys: BTreeMap<String, Key>,
    tokens: Vec<Token>,
    random: fastrand::Rng,
}

#[derive(Debug)]
struct Key {
    secret: String,
    answered_at: Option<DateTime<Utc>>,
    bucket: Bucket,
    ledger: Bucket,
}

#[derive(Debug)]
struct Token {
    text: String,
    app_key: String,
    issued_at: DateTime<Utc>,
    revoked: bool,
}

/// Requests that may still pass, in millionths; refills at the allowed rate up to one second's worth.
#[derive(Debug)]
struct Bucket {
    micros: i64,
    filled_at: DateTime<Utc>,
}

impl Bucket {
    fn full(rate: u32, now: DateTime<Utc>) -> Self {
        Self { micros: i64::from(rate) * MICROS, filled_at: now }
    }

    fn take(&mut self, rate: u32, now: DateTime<Utc>) -> bool {
        let passed = (now - self.filled_at).num_microseconds().unwrap_or(i64::MAX).clamp(0, MICROS);
        let full = i64::from(rate) * MICROS;
        self.micros = (self.micros + passed * i64::from(rate)).min(full);
        self.filled_at = self.filled_at.max(now);
        let passes = self.micros >= MICROS;
        if passes {
            self.micros -= MICROS;
        }
        passes
    }
}

impl Gateway {
    /// A gateway that lets `requests_per_second` pass for each app key.
    pub(super) fn new(environment: Environment, requests_per_second: u32, seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        let (keys, tokens) = (BTreeMap::new(), Vec::new());
        Self {
            environment,
            requests_per_second,
            ledger_per_second: None,
            spaces_tokens: true,
            keys,
            tokens,
            random,
        }
    }

    /// `POST /oauth2/tokenP`: any app key is a customer here; its first secret is the right one.
    pub(super) fn issue(&mut self, body: &Value, now: DateTime<Utc>) -> Result<Value, Refusal> {
        let (app_key, secret) = credentials(body, "appsecret")?;
        let spaced = self.spaces_tokens;
        let key = self.welcome(app_key, secret, now)?;
        if spaced && key.answered_at.is_some_and(|at| now - at < TOKEN_SPACING) {
            return Err(Refusal::oauth("EGW00133", "접근토큰 발급 잠시 후 다시 시도하세요(1분당 1회)"));
        }
        key.answered_at = Some(now);
        let reused = self.tokens.iter().rposition(|token| {
            token.app_key == app_key && !token.revoked && now - token.issued_at < TOKEN_REUSE
        });
        let index = reused.unwrap_or_else(|| self.mint(app_key, now));
        Ok(granted(&self.tokens[index]))
    }

    /// An app key that is new is a customer from now on; a known one must show its secret.
    fn welcome(&mut self, app_key: &str, secret: &str, now: DateTime<Utc>) -> Result<&mut Key, Refusal> {
        if self.keys.len() >= KEYS_MAX && !self.keys.contains_key(app_key) {
            return Err(Refusal::oauth("EGW00003", "접근이 거부되었습니다."));
        }
        let key = self.keys.entry(app_key.to_owned()).or_insert_with(|| Key {
            secret: secret.to_owned(),
            answered_at: None,
            bucket: Bucket::full(self.requests_per_second, now),
            ledger: Bucket::full(self.ledger_per_second.unwrap_or_default(), now),
        });
        if key.secret == secret {
            Ok(key)
        } else {
            Err(Refusal::oauth("EGW00105", "유효하지 않은 AppSecret입니다."))
        }
    }

    /// The app key of who asks for an approval key; its secret is called `secretkey` there (KIS.md 2.4).
    pub(super) fn stream_customer(&mut self, body: &Value, now: DateTime<Utc>) -> Result<String, Refusal> {
        let (app_key, secret) = credentials(body, "secretkey")?;
        self.welcome(app_key, secret, now)?;
        Ok(app_key.to_owned())
    }

    fn mint(&mut self, app_key: &str, now: DateTime<Utc>) -> usize {
        let text: String = std::iter::repeat_with(|| self.random.alphanumeric()).take(172).collect();
        let text = format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzUxMiJ9.{text}");
        self.tokens.retain(|token| now - token.issued_at < TOKEN_MEMORY);
        self.tokens.push(Token { text, app_key: app_key.to_owned(), issued_at: now, revoked: false });
        self.tokens.len() - 1
    }

    /// `POST /oauth2/revokeP`.
    pub(super) fn revoke(&mut self, body: &Value) -> Result<Value, Refusal> {
        let (app_key, _) = credentials(body, "appsecret")?;
        let text = body.get("token").and_then(Value::as_str).unwrap_or_default();
        let own = |token: &&mut Token| token.text == text && token.app_key == app_key;
        let token = self.tokens.iter_mut().find(own);
        token.ok_or_else(|| Refusal::oauth("EGW00121", "유효하지 않은 token 입니다."))?.revoked = true;
        Ok(json!({"code": 200, "message": "접근토큰 폐기에 성공하였습니다"}))
    }

    /// Every token is dead.
    pub(super) fn revoke_all(&mut self) {
        self.tokens.iter_mut().for_each(|token| token.revoked = true);
    }

    /// Lets a `/uapi` request pass to `endpoint`, and says as which transaction.
    pub(super) fn admit(
        &mut self,
        headers: &HeaderMap,
        endpoint: &'static Endpoint,
        now: DateTime<Utc>,
    ) -> Result<&'static Transaction, Refusal> {
        let app_key =
            text(headers, "appkey").ok_or_else(|| Refusal::gateway("EGW00102", "AppKey는 필수입니다."))?;
        let secret = text(headers, "appsecret")
            .ok_or_else(|| Refusal::gateway("EGW00104", "AppSecret은 필수입니다."))?;
        self.check_key(app_key, secret)?;
        self.check_token(headers, app_key, now)?;
        self.check_rate(app_key, now, endpoint)?;
        check_form(headers)?;
        transaction(self.environment, endpoint, text(headers, "tr_id").unwrap_or_default())
    }

    fn check_key(&self, app_key: &str, secret: &str) -> Result<(), Refusal> {
        let key = self.keys.get(app_key);
        let key = key.ok_or_else(|| Refusal::forbidden("EGW00103", "유효하지 않은 AppKey입니다."))?;
        if key.secret == secret {
            Ok(())
        } else {
            Err(Refusal::forbidden("EGW00105", "유효하지 않은 AppSecret입니다."))
        }
    }

    fn check_token(&self, headers: &HeaderMap, app_key: &str, now: DateTime<Utc>) -> Result<(), Refusal> {
        let bearer = text(headers, "authorization").and_then(|value| value.strip_prefix("Bearer "));
        let bearer = bearer
            .ok_or_else(|| Refusal::gateway("EGW00205", "credentials_type이 유효하지 않습니다.(Bearer)"))?;
        let known = |token: &&Token| token.text == bearer && token.app_key == app_key && !token.revoked;
        let token = self.tokens.iter().find(known);
        let token = token.ok_or_else(|| Refusal::gateway("EGW00121", "유효하지 않은 token 입니다."))?;
        if now < token.issued_at + TOKEN_LIFE {
            Ok(())
        } else {
            Err(Refusal::gateway("EGW00123", "기간이 만료된 token 입니다."))
        }
    }

    fn check_rate(&mut self, app_key: &str, now: DateTime<Utc>, endpoint: &Endpoint) -> Result<(), Refusal> {
        let Some(key) = self.keys.get_mut(app_key) else { return Ok(()) };
        if !key.bucket.take(self.requests_per_second, now) {
            return Err(Refusal::gateway("EGW00201", "초당 거래건수를 초과하였습니다."));
        }
        let ledger = self.ledger_per_second.filter(|_| endpoint.is_of_the_ledger());
        if ledger.is_some_and(|rate| !key.ledger.take(rate, now)) {
            return Err(Refusal::gateway("EGW00215", "원장 초당 거래건수를 초과하였습니다."));
        }
        Ok(())
    }
}

fn check_form(headers: &HeaderMap) -> Result<(), Refusal> {
    let json = text(headers, "content-type").is_some_and(|kind| kind.starts_with("application/json"));
    if !json {
        return Err(Refusal::gateway("EGW00132", "Content-Type이 유효하지 않습니다."));
    }
    if !matches!(text(headers, "custtype"), Some("P" | "B")) {
        return Err(Refusal::gateway("EGW00208", "고객타입(custtype)이 유효하지 않습니다."));
    }
    Ok(())
}

/// Which transaction `tr_id` names at `endpoint`, in this environment.
fn transaction(
    environment: Environment,
    endpoint: &'static Endpoint,
    tr_id: &str,
) -> Result<&'static Transaction, Refusal> {
    let here = endpoint.transactions.iter().find(|known| known.id(environment) == Some(tr_id));
    if let Some(transaction) = here {
        return Ok(transaction);
    }
    let real = endpoint.transactions.iter().find(|known| known.real == tr_id);
    match (environment, real) {
        (Environment::Paper, Some(Transaction { paper: Some(_), .. })) => {
            Err(Refusal::gateway("EGW00213", "모의투자 TR 이 아닙니다."))
        }
        (Environment::Paper, Some(Transaction { paper: None, .. })) => {
            // The sheet gives the text alone; the code is the one that paper accounts report.
            Err(Refusal::business("1", "90000000", "모의투자에서는 해당업무가 제공되지 않습니다."))
        }
        (Environment::Real | Environment::Paper, _) if endpoints::knows(tr_id, environment) => {
            Err(Refusal::gateway("EGW00203", "OPS라우팅 중 오류가 발생하였습니다."))
        }
        (Environment::Real | Environment::Paper, _) => {
            Err(Refusal::gateway("OPSQ0002", "없는 서비스 코드 입니다."))
        }
    }
}

fn credentials<'a>(body: &'a Value, secret_name: &str) -> Result<(&'a str, &'a str), Refusal> {
    let field = |name: &str, longest: usize| {
        let text = body.get(name).and_then(Value::as_str).map(str::trim);
        text.filter(|text| (1..=longest).contains(&text.len()))
    };
    let [key_bytes, secret_bytes] = KEY_BYTES_MAX;
    if body.get("grant_type").is_some_and(|kind| kind != "client_credentials") {
        return Err(Refusal::oauth("EGW00112", "유효하지 않은 grant_type입니다."));
    }
    let app_key = field("appkey", key_bytes)
        .ok_or_else(|| Refusal::oauth("EGW00103", "유효하지 않은 AppKey입니다."))?;
    let secret = field(secret_name, secret_bytes)
        .ok_or_else(|| Refusal::oauth("EGW00105", "유효하지 않은 AppSecret입니다."))?;
    Ok((app_key, secret))
}

fn granted(token: &Token) -> Value {
    let expires = (token.issued_at + TOKEN_LIFE).with_timezone(&Market::Kr.zone());
    json!({
        "access_token": token.text,
        "access_token_token_expired": expires.format("%Y-%m-%d %H:%M:%S").to_string(),
        "token_type": "Bearer",
        "expires_in": TOKEN_LIFE.num_seconds(),
    })
}

/// A header's text; none when missing or blank.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim).filter(|value| !value.is_empty())
}
