//! Who may wait at a door of the agent, control socket or web: a peer that says nothing must not keep out one that has something to say.
//!
//! The newest callers are kept and the oldest that has not spoken yet is hung up on. A request that was read is
//! answered, whoever comes.

use std::collections::VecDeque;

use tokio::sync::oneshot;

/// Callers that may wait to be read; each holds a file descriptor, of which the process has about a thousand.
const LISTENED_TO_MAX: usize = 64;

/// The callers that are listened to, oldest first. Those that have gone stay in it until there are too many.
#[derive(Default)]
pub(crate) struct Crowd(VecDeque<oneshot::Sender<Never>>);

/// Nothing is ever said to a caller here; the end of the channel is the message.
pub(crate) enum Never {}

/// Ends when its caller has waited long enough for others.
pub(crate) struct Turn(oneshot::Receiver<Never>);

impl Crowd {
    /// A turn for a new caller; the oldest loses its own when there are too many.
    pub(crate) fn enter(&mut self) -> Turn {
        if self.0.len() == LISTENED_TO_MAX {
            self.0.retain(|kept| !kept.is_closed());
        }
        if self.0.len() == LISTENED_TO_MAX {
            self.0.pop_front();
        }
        let (kept, turn) = oneshot::channel();
        self.0.push_back(kept);
        Turn(turn)
    }
}

impl Turn {
    /// Returns when the turn is over.
    pub(crate) async fn over(self) {
        match self.0.await {
            Ok(never) => match never {},
            Err(_dropped) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_oldest_caller_loses_its_turn_to_the_newest() {
        let mut crowd = Crowd::default();
        let mut turns: Vec<Turn> = (0..LISTENED_TO_MAX).map(|_| crowd.enter()).collect();
        assert!(
            turns
                .iter_mut()
                .all(|turn| turn.0.try_recv().is_err_and(|e| e == oneshot::error::TryRecvError::Empty))
        );
        let newest = crowd.enter();
        turns.remove(0).over().await;
        for turn in turns.iter_mut() {
            assert!(matches!(turn.0.try_recv(), Err(oneshot::error::TryRecvError::Empty)));
        }
        drop(newest);
    }
}
