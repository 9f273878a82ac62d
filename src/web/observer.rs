//! Looks at the agent for all callers together: however many ask, RiskGuard and the books are asked once in a while.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Site;
use super::health::Pulse;
use crate::config::Database;
use crate::control::{Counted, View};

/// A look at the actors and at RiskGuard is good for so long.
const VIEW_FRESH: Duration = Duration::from_millis(500);
/// A count of the books is good for so long.
const COUNTED_FRESH: Duration = Duration::from_secs(5);

/// The room that the books have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Disk {
    /// Free for this user, in bytes.
    pub(super) free_bytes: u64,
    /// The database and what is not merged into it yet, in bytes.
    pub(super) books_bytes: u64,
}

/// Something that was looked at, and when.
type Seen<T> = Mutex<Option<(Instant, Arc<T>)>>;

/// Looks at the agent.
pub(super) struct Observer {
    pub(super) site: Site,
    opened_at: Instant,
    view: Seen<View>,
    counted: Seen<Result<Counted, String>>,
}

impl Observer {
    pub(super) fn new(site: Site) -> Self {
        Self { site, opened_at: Instant::now(), view: Mutex::default(), counted: Mutex::default() }
    }

    /// The actors alone: asks nobody and waits for nobody.
    pub(super) fn pulse(&self) -> Pulse {
        self.site.answers.pulse()
    }

    /// How the agent stands.
    pub(super) async fn view(&self) -> Arc<View> {
        fresh(&self.view, VIEW_FRESH, self.site.answers.view()).await
    }

    /// Counts of the books.
    pub(super) async fn counted(&self) -> Arc<Result<Counted, String>> {
        fresh(&self.counted, COUNTED_FRESH, self.site.answers.counted()).await
    }

    /// None where there is no disk, or it cannot be looked at.
    pub(super) fn disk(&self) -> Option<Disk> {
        let Database::File(path) = &self.site.books else { return None };
        let space = rustix::fs::statvfs(self.site.books.directory()?).ok()?;
        let size = |end: &str| {
            let mut file = path.as_os_str().to_owned();
            file.push(end);
            std::fs::metadata(file).map_or(0, |file| file.len())
        };
        Some(Disk {
            free_bytes: space.f_bavail.saturating_mul(space.f_frsize),
            books_bytes: size("") + size("-wal"),
        })
    }

    /// How long the web has been open.
    pub(super) fn uptime(&self) -> Duration {
        self.opened_at.elapsed()
    }
}

/// What was seen lately, or what a new look sees. Whoever comes during a look waits for it.
async fn fresh<T>(seen: &Seen<T>, good_for: Duration, look: impl Future<Output = T>) -> Arc<T> {
    let mut seen = seen.lock().await;
    if let Some((at, what)) = seen.as_ref()
        && at.elapsed() < good_for
    {
        return what.clone();
    }
    let what = Arc::new(look.await);
    *seen = Some((Instant::now(), what.clone()));
    what
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn however_many_ask_there_is_one_look_until_it_is_old() {
        let seen: Seen<u32> = Mutex::default();
        let looks = std::cell::Cell::new(0_u32);
        let ask = || async {
            let look = async {
                tokio::time::sleep(Duration::from_millis(100)).await;
                looks.set(looks.get() + 1);
                looks.get()
            };
            *fresh(&seen, VIEW_FRESH, look).await
        };
        assert_eq!(tokio::join!(ask(), ask(), ask()), (1, 1, 1));
        tokio::time::sleep(VIEW_FRESH).await;
        assert_eq!(ask().await, 2);
    }
}
