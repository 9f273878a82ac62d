//! Halt, reduce and resume from the page: with the token, from this site, and each booked as of the page.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use domain::HaltNonce;
use http::{HeaderMap, StatusCode, Uri, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::observer::Observer;
use crate::control::Door;
use crate::control::wire::Request;

/// The header that carries the token: no page elsewhere can send it without being asked first, and nobody answers that.
const TOKEN: &str = "x-kestrel-token";
/// Whoever guesses waits for so long after each guess.
const AFTER_A_GUESS: Duration = Duration::from_millis(500);

/// What the page sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Why.
    reason: String,
    /// Who.
    #[serde(default)]
    by: String,
    /// Which halt is lifted.
    halt: Option<String>,
    /// The code that was shown with it.
    code: Option<String>,
    /// True: exits only from then on.
    #[serde(default)]
    reducing: bool,
    /// True: a halt also cancels the orders that work at the exchange, a reduction the purchases among them.
    #[serde(default)]
    cancel_open: bool,
}

/// What the page is told.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Told {
    done: bool,
    message: String,
}

/// A command of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Halt,
    Reduce,
    Resume,
}

pub(super) async fn carry_out(
    State(observer): State<Arc<Observer>>,
    command: Command,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Err((status, why)) = admit(observer.site.token.as_ref(), &headers).await {
        tracing::warn!(?command, why, "a command from the web was refused");
        return told(status, false, why);
    }
    let wanted: Wanted = match serde_json::from_slice(&body) {
        Ok(wanted) => wanted,
        Err(error) => return told(StatusCode::BAD_REQUEST, false, format!("not understood: {error}")),
    };
    if wanted.reason.trim().is_empty() {
        return told(StatusCode::BAD_REQUEST, false, "say why, for the record");
    }
    if wanted.cancel_open && command == Command::Resume {
        return told(StatusCode::BAD_REQUEST, false, "a resume cancels nothing: leave cancel_open out");
    }
    let reply = observer.site.answers.ask(request(command, &wanted), door(&wanted)).await;
    let status = if reply.is_done() { StatusCode::OK } else { StatusCode::CONFLICT };
    told(status, reply.is_done(), reply.to_string())
}

fn request(command: Command, wanted: &Wanted) -> Request {
    let reason = wanted.reason.clone();
    let cancel_open = wanted.cancel_open;
    let by = if wanted.by.trim().is_empty() { "unnamed".to_owned() } else { wanted.by.clone() };
    match command {
        Command::Halt => Request::Halt { reason, by, cancel_open },
        Command::Reduce => Request::Reduce { reason, by, flatten: false, cancel_open },
        Command::Resume => {
            Request::Resume { halt: wanted.halt.clone(), by, reason, reducing: wanted.reducing }
        }
    }
}

fn door(wanted: &Wanted) -> Door {
    Door::Page { code: wanted.code.as_deref().map(HaltNonce::from_text) }
}

fn told(status: StatusCode, done: bool, message: impl Into<String>) -> Response {
    (status, Json(Told { done, message: message.into() })).into_response()
}

/// Refuses whoever comes from another site or does not know the token.
async fn admit(token: Option<&SecretString>, headers: &HeaderMap) -> Result<(), (StatusCode, &'static str)> {
    let Some(token) = token else {
        return Err((StatusCode::FORBIDDEN, "this page is read-only: WEB_TOKEN is not set"));
    };
    if !is_of_this_site(headers) {
        return Err((StatusCode::FORBIDDEN, "this comes from another site"));
    }
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != "application/json") {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "a command is application/json"));
    }
    let given = headers.get(TOKEN).map_or(&b""[..], |given| given.as_bytes());
    if !is_same(given, token.expose_secret().as_bytes()) {
        tokio::time::sleep(AFTER_A_GUESS).await;
        return Err((StatusCode::UNAUTHORIZED, "the token is wrong"));
    }
    Ok(())
}

/// A browser says where a page that sends comes from; other programs say nothing.
fn is_of_this_site(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let is_same_site = text("sec-fetch-site").is_none_or(|site| site == "same-origin");
    let Some(origin) = text("origin") else { return is_same_site };
    let origin = origin.parse::<Uri>().ok().filter(|origin| origin.scheme().is_some());
    let authority = origin.as_ref().and_then(Uri::authority).map(http::uri::Authority::as_str);
    is_same_site && authority.is_some() && authority == text("host")
}

/// Takes as long for a wrong text as for the right one of its length.
fn is_same(given: &[u8], expected: &[u8]) -> bool {
    let differences = given.iter().zip(expected).fold(0, |sum, (a, b)| sum | (a ^ b));
    given.len() == expected.len() && std::hint::black_box(differences) == 0
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn the_word_for_cancels_goes_with_a_halt_and_a_reduction_and_is_false_where_it_is_missing() {
        let wanted =
            |cancel| serde_json::from_str(&format!(r#"{{"reason":"x","by":"ada"{cancel}}}"#)).unwrap();
        let (reason, by) = (|| "x".to_owned(), || "ada".to_owned());
        for (text, cancel_open) in
            [("", false), (r#","cancel_open":false"#, false), (r#","cancel_open":true"#, true)]
        {
            let halt = Request::Halt { reason: reason(), by: by(), cancel_open };
            assert_eq!(request(Command::Halt, &wanted(text)), halt);
            let reduce = Request::Reduce { reason: reason(), by: by(), flatten: false, cancel_open };
            assert_eq!(request(Command::Reduce, &wanted(text)), reduce);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_this_site_with_the_token_is_admitted() {
        let token = SecretString::from("0123456789abcdef");
        let json = ("content-type", "application/json");
        let (host, key) = (("host", "127.0.0.1:8686"), ("x-kestrel-token", "0123456789abcdef"));
        let own = ("origin", "http://127.0.0.1:8686");
        let cases: [(&[(&str, &str)], u16); 11] = [
            (&[json, host, key, own], 200),
            (&[json, host, key], 200),
            (&[json, host, key, own, ("sec-fetch-site", "same-origin")], 200),
            (&[json, host, key, own, ("sec-fetch-site", "cross-site")], 403),
            (&[json, host, key, ("origin", "http://127.0.0.1:8687")], 403),
            (&[json, host, key, ("origin", "http://evil.example")], 403),
            (&[json, host, key, ("origin", "null")], 403),
            (&[json, host, ("x-kestrel-token", "0123456789abcdeF"), own], 401),
            (&[json, host, ("x-kestrel-token", "0123456789abcde"), own], 401),
            (&[json, host, own], 401),
            (&[("content-type", "text/plain"), host, key, own], 415),
        ];
        for (given, expected) in cases {
            let admitted = admit(Some(&token), &headers(given)).await;
            assert_eq!(admitted.map_or_else(|(status, _)| status.as_u16(), |()| 200), expected, "{given:?}");
        }
        assert!(admit(None, &headers(&[json, host, key, own])).await.is_err(), "read-only without a token");
    }
}
