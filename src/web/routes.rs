//! What is served under which path.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use http::{StatusCode, header};

use super::gate::{self, Gate};
use super::health::{liveness, readiness};
use super::metrics;
use super::observer::Observer;

/// Most bytes of a request's body.
const BODY_BYTES_MAX: usize = 4096;

type Shared = State<Arc<Observer>>;

pub(super) fn router(observer: Arc<Observer>, gate: Arc<Gate>) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(tell_metrics))
        .fallback(nothing_here)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(gate, gate::guard))
        .with_state(observer)
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
    (StatusCode::NOT_FOUND, "nothing here; there are /healthz, /readyz and /metrics\n")
}

fn good_if(good: bool) -> StatusCode {
    if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}
