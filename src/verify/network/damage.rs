//! Answers that are not what the exchange said.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;

use super::fate::{Canned, Damage};
use crate::http::{NetError, Reply, Response};

const PAGE: &[u8] = b"<html><body><h1>502 Bad Gateway</h1></body></html>";
const THROTTLED: &str = r#"{"rt_cd":"1","msg_cd":"EGW00201","msg1":"초당 거래건수를 초과하였습니다."}"#;

/// The answer of something that is not the exchange.
pub(super) fn canned(answer: Canned) -> Response {
    match answer {
        Canned::BadGateway => response(StatusCode::BAD_GATEWAY, Bytes::from_static(PAGE)),
        Canned::Throttled => {
            response(StatusCode::INTERNAL_SERVER_ERROR, Bytes::from_static(THROTTLED.as_bytes()))
        }
        Canned::Redirect => redirect(StatusCode::TEMPORARY_REDIRECT),
    }
}

/// Damages the exchange's own answer. `earlier` is the number of an order before this one.
pub(super) fn inflict(damage: Damage, answer: Response, earlier: Option<&str>) -> Reply {
    Ok(match damage {
        Damage::ServerError => response(StatusCode::INTERNAL_SERVER_ERROR, Bytes::from_static(PAGE)),
        Damage::Empty => response(StatusCode::INTERNAL_SERVER_ERROR, Bytes::new()),
        Damage::Redirect => redirect(StatusCode::FOUND),
        Damage::Truncated => {
            let (head, body) = answer.into_parts();
            if body.is_empty() {
                return Err(NetError::Ambiguous("the body broke off".into()));
            }
            Response::from_parts(head, body.slice(0..body.len() / 2))
        }
        Damage::NoNumber => renumbered(answer, ""),
        Damage::MangledNumber => renumbered(answer, "12E4567/9"),
        Damage::RepeatedNumber => renumbered(answer, earlier.unwrap_or("0000000000")),
    })
}

/// The number that the exchange gave to an order; none when it took none.
pub(super) fn order_number(answer: &Response) -> Option<String> {
    let body: Value = serde_json::from_slice(answer.body()).ok()?;
    body.get("output")?.get("ODNO")?.as_str().map(str::to_owned)
}

fn renumbered(answer: Response, number: &str) -> Response {
    let (head, body) = answer.into_parts();
    let Ok(mut json) = serde_json::from_slice::<Value>(&body) else {
        return Response::from_parts(head, body);
    };
    if let Some(field) = json.pointer_mut("/output/ODNO") {
        *field = Value::from(number);
    }
    Response::from_parts(head, Bytes::from(json.to_string()))
}

fn redirect(status: StatusCode) -> Response {
    let mut response = response(status, Bytes::from_static(PAGE));
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("http://192.0.2.1/"));
    response
}

fn response(status: StatusCode, body: Bytes) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted() -> Response {
        response(StatusCode::OK, Bytes::from_static(br#"{"rt_cd":"0","output":{"ODNO":"0000000042"}}"#))
    }

    #[test]
    fn each_damage_hides_or_changes_the_order_number() {
        assert_eq!(order_number(&accepted()).as_deref(), Some("0000000042"));
        let cases = [
            (Damage::ServerError, None),
            (Damage::Empty, None),
            (Damage::Redirect, None),
            (Damage::Truncated, None),
            (Damage::NoNumber, Some("")),
            (Damage::MangledNumber, Some("12E4567/9")),
            (Damage::RepeatedNumber, Some("0000000041")),
        ];
        for (damage, number) in cases {
            let answer = inflict(damage, accepted(), Some("0000000041")).unwrap();
            assert_eq!(order_number(&answer).as_deref(), number, "{damage:?}");
        }
    }
}
