//! The exchange over HTTP: the same router on a socket and in process.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Query, Request, State as Shared};
use axum::response::Response;
use axum::routing::{self, MethodFilter};
use axum::serve::Listener;
use axum::{Router, middleware};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::call::{Call, Reply};
use super::endpoints::{self, Endpoint, Verb};
use super::refusal::{self, Refusal};
use super::{Exchange, State, gateway, stream};

/// The largest body taken, in bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// The header that tells, out of band, which intent an order was sent for.
const TRUTH: &str = "x-kestrel-truth";
/// Asks for a hash of a body; it has no TR id (KIS.md 2.3).
const HASHKEY: &str = "/uapi/hashkey";

/// Every path of the exchange.
pub fn router(exchange: Arc<Exchange>) -> Router {
    let mut router = Router::new()
        .route("/oauth2/tokenP", routing::post(issue_token))
        .route("/oauth2/revokeP", routing::post(revoke_token))
        .route("/oauth2/Approval", routing::post(approve_stream))
        .merge(stream::routes())
        .route(HASHKEY, routing::post(hash_body));
    for endpoint in endpoints::all() {
        let method = match endpoint.verb {
            Verb::Get => MethodFilter::GET,
            Verb::Post => MethodFilter::POST,
        };
        let answer = move |Shared(exchange): Shared<Arc<Exchange>>, request: Request| async move {
            transact(&exchange, endpoint, request).await
        };
        router = router.route(endpoint.path, routing::on(method, answer));
    }
    let dated = middleware::map_response_with_state(exchange.clone(), date);
    router.layer(dated).with_state(exchange)
}

/// Every answer says when it was made, by the exchange's own clock; the server underneath would say it by the machine's.
async fn date(Shared(exchange): Shared<Arc<Exchange>>, mut response: Response) -> Response {
    let now = exchange.clock.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(now) = HeaderValue::try_from(now) {
        response.headers_mut().insert(header::DATE, now);
    }
    response
}

/// Serves `exchange` on `listener`, TCP or in this process ([`crate::http::in_process`]), until the task is dropped.
///
/// # Errors
/// When the listener breaks.
pub async fn serve<L>(exchange: Arc<Exchange>, listener: L) -> std::io::Result<()>
where
    L: Listener,
    L::Addr: std::fmt::Debug,
{
    axum::serve(listener, router(exchange)).await
}

async fn issue_token(Shared(exchange): Shared<Arc<Exchange>>, request: Request) -> Response {
    let (_, body) = read(request).await;
    let now = exchange.clock.now();
    let answer = asked(&body).and_then(|body| exchange.advanced().gateway.issue(&body, now));
    plain(answer)
}

async fn revoke_token(Shared(exchange): Shared<Arc<Exchange>>, request: Request) -> Response {
    let (_, body) = read(request).await;
    let answer = asked(&body).and_then(|body| exchange.advanced().gateway.revoke(&body));
    plain(answer)
}

/// What the token server is asked.
fn asked(body: &[u8]) -> Result<Value, Refusal> {
    parse(body).map_err(|_| Refusal::oauth("EGW00101", "유효하지 않은 요청입니다."))
}

async fn approve_stream(Shared(exchange): Shared<Arc<Exchange>>, request: Request) -> Response {
    let (_, body) = read(request).await;
    plain(asked(&body).and_then(|body| stream::approve(&exchange, &body)))
}

/// A hash that depends on the body alone. It is not KIS's own function, which is not published.
async fn hash_body(request: Request) -> Response {
    let (parts, body) = read(request).await;
    if gateway::text(&parts.headers, "appkey").is_none() {
        return refused(&Refusal::gateway("EGW00102", "AppKey는 필수입니다."));
    }
    plain(parse(&body).map(|body| {
        let hash = hash_of(&body);
        json!({"BODY": body, "HASH": hash})
    }))
}

fn hash_of(body: &Value) -> String {
    let text = body.to_string();
    (0_u64..4).map(|salt| format!("{:016x}", mixed(&text, salt))).collect()
}

/// An order may come with the hash of its body, or without (KIS.md 2.3); a wrong one is refused.
fn check_hash(parts: &Parts, body: &Value) -> Result<(), Refusal> {
    match gateway::text(&parts.headers, "hashkey") {
        Some(hash) if hash != hash_of(body) => {
            Err(Refusal::gateway("EGW00131", "유효하지 않은 hashkey입니다."))
        }
        Some(_) | None => Ok(()),
    }
}

fn mixed(text: &str, salt: u64) -> u64 {
    let start = 0xCBF2_9CE4_8422_2325 ^ salt.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    text.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3))
}

async fn transact(exchange: &Exchange, endpoint: &'static Endpoint, request: Request) -> Response {
    let (parts, body) = read(request).await;
    let mut state = exchange.advanced();
    let answer = answer(exchange, &mut state, endpoint, &parts, &body);
    if endpoint.verb == Verb::Post {
        state.order_posts += 1;
        state.order_posts_refused += u64::from(answer.is_err());
    }
    match answer {
        Ok((reply, tr_id)) => replied(reply, tr_id),
        Err(refusal) => refused(&refusal),
    }
}

fn answer(
    exchange: &Exchange,
    state: &mut State,
    endpoint: &'static Endpoint,
    parts: &Parts,
    body: &[u8],
) -> Result<(Reply, HeaderValue), Refusal> {
    let transaction = state.gateway.admit(&parts.headers, endpoint, state.venue.now())?;
    let parameters = match endpoint.verb {
        Verb::Get => query(parts)?,
        Verb::Post => {
            let body = parse(body)?;
            check_hash(parts, &body)?;
            fields(&body)?
        }
    };
    let call = Call {
        environment: exchange.environment,
        transaction: transaction.real,
        parameters,
        next_page: gateway::text(&parts.headers, "tr_cont") == Some("N"),
        tag: gateway::text(&parts.headers, TRUTH).map(str::to_owned),
    };
    if let Some(name) = endpoint.required.iter().find(|name| !call.has(name)) {
        return Err(refusal::missing(name));
    }
    state.streams.note_account(call.get("CANO"), call.get("ACNT_PRDT_CD"));
    let reply = (endpoint.handler)(&mut state.venue, &call)?;
    if let (Verb::Post, Some(diary)) = (endpoint.verb, &mut state.diary) {
        diary.taken(state.venue.now(), endpoint.path, &call);
    }
    Ok((reply, tr_id(&parts.headers)))
}

fn tr_id(headers: &HeaderMap) -> HeaderValue {
    headers.get("tr_id").cloned().unwrap_or(HeaderValue::from_static(""))
}

fn query(parts: &Parts) -> Result<Vec<(String, String)>, Refusal> {
    let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
    query.map(|Query(pairs)| pairs).map_err(|_| refusal::invalid("QUERY"))
}

/// A body's fields: names in upper case, values all texts (KIS.md 3.2).
fn fields(body: &Value) -> Result<Vec<(String, String)>, Refusal> {
    let object = body.as_object().ok_or_else(|| refusal::invalid("BODY"))?;
    let field = |(name, value): (&String, &Value)| {
        let text = value.as_str().filter(|_| !name.bytes().any(|byte| byte.is_ascii_lowercase()));
        text.map(|text| (name.clone(), text.to_owned())).ok_or_else(|| refusal::invalid(name))
    };
    object.iter().map(field).collect()
}

fn parse(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|_| Refusal::gateway("OPSQ9995", "JSON PARSING ERROR"))
}

/// The request in parts; a body that is too long or breaks off reads as empty, and is refused as no JSON.
async fn read(request: Request) -> (Parts, Vec<u8>) {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, BODY_BYTES_MAX).await.map(Vec::from).unwrap_or_default();
    (parts, bytes)
}

fn plain(answer: Result<Value, Refusal>) -> Response {
    match answer {
        Ok(body) => response(StatusCode::OK, &body),
        Err(refusal) => refused(&refusal),
    }
}

fn replied(reply: Reply, tr_id: HeaderValue) -> Response {
    let mut response = response(StatusCode::OK, &Value::Object(reply.body));
    response.headers_mut().insert("tr_id", tr_id);
    response.headers_mut().insert("tr_cont", HeaderValue::from_static(reply.continuation));
    response.headers_mut().insert("gt_uid", HeaderValue::from_static(""));
    response
}

fn refused(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response(status, &refusal.body())
}

fn response(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
