//! What is served under which path.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use bytes::Bytes;
use domain::messages::evolution::ProposalNumber;
use domain::messages::operator::StockWanted;
use http::{HeaderMap, StatusCode, header};
use maud::Markup;
use serde::Deserialize;

use super::command::{Command, carry_out};
use super::gate::{self, Gate};
use super::health::{liveness, readiness};
use super::observer::Observer;
use super::{live, metrics, page};

/// Most bytes of a request's body.
const BODY_BYTES_MAX: usize = 4096;

type Shared = State<Arc<Observer>>;

pub(super) fn router(observer: Arc<Observer>, gate: Arc<Gate>) -> Router {
    Router::new()
        .route("/", get(show_page))
        .route("/why", get(show_why))
        .route("/proposal", get(show_proposal))
        .route("/events", get(live::watch))
        .route("/style.css", get(async || asset("text/css; charset=utf-8", page::STYLE)))
        .route("/page.js", get(async || asset("text/javascript; charset=utf-8", page::SCRIPT)))
        .route(
            "/control/halt",
            post(async |s: Shared, h: HeaderMap, b: Bytes| carry_out(s, Command::Halt, h, b).await),
        )
        .route(
            "/control/reduce",
            post(async |s: Shared, h: HeaderMap, b: Bytes| carry_out(s, Command::Reduce, h, b).await),
        )
        .route(
            "/control/resume",
            post(async |s: Shared, h: HeaderMap, b: Bytes| carry_out(s, Command::Resume, h, b).await),
        )
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(tell_metrics))
        .fallback(nothing_here)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(gate, gate::guard))
        .with_state(observer)
}

async fn show_page(State(observer): Shared) -> Response {
    let parts = observer.parts().await;
    html(&page::document(&parts, observer.site.token.is_some()))
}

/// Which stock.
#[derive(Deserialize)]
struct Asked {
    stock: String,
}

async fn show_why(State(observer): Shared, Query(Asked { stock }): Query<Asked>) -> Response {
    match stock.parse::<StockWanted>() {
        Ok(wanted) => html(&page::story(&format!("Why {wanted}"), &observer.why(&wanted).await)),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    }
}

/// Which proposal.
#[derive(Deserialize)]
struct Numbered {
    number: String,
}

async fn show_proposal(State(observer): Shared, Query(Numbered { number }): Query<Numbered>) -> Response {
    match number.parse::<ProposalNumber>() {
        Ok(number) => html(&page::story(&format!("Proposal {number}"), &[observer.proposal(number).await])),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    }
}

fn html(markup: &Markup) -> Response {
    let policy = (header::CONTENT_SECURITY_POLICY, page::POLICY);
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8"), policy], markup.0.clone()).into_response()
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

async fn healthz(State(observer): Shared) -> Response {
    let liveness = liveness(&observer.pulse());
    (good_if(liveness.is_alive()), Json(liveness)).into_response()
}

async fn readyz(State(observer): Shared) -> Response {
    let readiness = readiness(&*observer.view().await);
    (good_if(readiness.ready), Json(readiness)).into_response()
}

async fn tell_metrics(State(observer): Shared) -> Response {
    let text = metrics::text(&observer).await;
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response()
}

async fn nothing_here() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "nothing here; there are /, /healthz, /readyz and /metrics\n")
}

fn good_if(good: bool) -> StatusCode {
    if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}
