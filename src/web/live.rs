//! Live update: whoever watches is told each part of the page that has changed, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::observer::Observer;
use super::page::Part;

/// Real time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Watchers at the same time; the connections are bounded besides.
const WATCHERS_MAX: usize = 32;

/// The places for watchers.
pub(super) fn places() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(WATCHERS_MAX))
}

/// One who watches.
struct Watcher {
    observer: Arc<Observer>,
    _place: OwnedSemaphorePermit,
    /// What it was told last.
    told: Vec<Arc<Part>>,
    /// What it is to be told next, last first.
    next: Vec<Arc<Part>>,
}

pub(super) async fn watch(State(observer): State<Arc<Observer>>) -> Response {
    let Ok(place) = observer.watchers.clone().try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many watch already\n").into_response();
    };
    let watcher = Watcher { observer, _place: place, told: Vec::new(), next: Vec::new() };
    Sse::new(stream::unfold(watcher, tell_next)).into_response()
}

/// Waits until something has changed.
async fn tell_next(mut watcher: Watcher) -> Option<(Result<Event, Infallible>, Watcher)> {
    loop {
        if let Some(part) = watcher.next.pop() {
            // A text always becomes JSON.
            let event = Event::default().event("part").json_data(&*part).ok()?;
            return Some((Ok(event), watcher));
        }
        if !watcher.told.is_empty() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let parts = watcher.observer.parts().await;
        let is_news = |part: &&Arc<Part>| !watcher.told.contains(part);
        watcher.next = parts.iter().rev().filter(is_news).cloned().collect();
        watcher.told.clone_from(&parts);
    }
}
