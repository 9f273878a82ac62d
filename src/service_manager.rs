//! What systemd hears of this process (sd_notify(3)): that it answers, that its main thread turns, that it is stopping.
//! Where no service manager listens, nothing is sent.

use std::time::Duration;

use sd_notify::NotifyState;

/// So many signs of life in each period after which the service manager gives up on the process.
const SIGNS_PER_PERIOD: u32 = 3;

/// The agent takes halts and questions from here on, whether or not it may trade. `status` is what `systemctl status`
/// shows.
pub(crate) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The drain has begun.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("draining: no new orders")]);
}

/// Signs of life for as long as the thread turns that this runs on; ends at once where nobody waits for them (the unit's
/// `WatchdogSec`).
pub(crate) async fn signs_of_life() {
    let Some(period) = sd_notify::watchdog_enabled() else { return };
    let pause = (period / SIGNS_PER_PERIOD).max(Duration::from_millis(10));
    loop {
        tell(&[NotifyState::Watchdog]);
        tokio::time::sleep(pause).await;
    }
}

fn tell(states: &[NotifyState<'_>]) {
    // Trading goes on; a manager that waits for a sign of life acts by itself.
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}
