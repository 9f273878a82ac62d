//! Which events a person is messaged about, and in what words.

use std::time::Duration;

use domain::messages::ledger::{EventKind, LedgerEvent};

use crate::MessengerError;

/// Longest text of one message; Telegram takes 4096 characters (TELEGRAM.md).
const TEXT_MAX_CHARS: usize = 3_900;
/// Attempts for what a person must know, and for the rest.
const ATTEMPTS_VITAL: u32 = 8;
const ATTEMPTS_USUAL: u32 = 3;
/// Longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// How much an event matters to a person who is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// For the log alone: it comes by the dozen each minute.
    Log,
    /// Worth a message.
    Usual,
    /// Must be known: trading stopped, or the books need a person.
    Vital,
}

/// The weight of a kind of event.
pub fn weight(kind: EventKind) -> Weight {
    match kind {
        EventKind::Decision | EventKind::Refusal | EventKind::Approval | EventKind::Order => Weight::Log,
        EventKind::Fill | EventKind::DayClosed | EventKind::Report => Weight::Usual,
        EventKind::Halt | EventKind::Resume | EventKind::Alarm => Weight::Vital,
    }
}

/// The message for an event: what kind, then the ledger's own sentence, cut to what the messenger takes.
pub fn message(event: &LedgerEvent) -> String {
    let label = match event.kind {
        EventKind::Decision => "Decision",
        EventKind::Refusal => "Refused",
        EventKind::Approval => "Approved",
        EventKind::Order => "Order",
        EventKind::Fill => "Fill",
        EventKind::Halt => "TRADING HALTED",
        EventKind::Resume => "Trading resumed",
        EventKind::DayClosed => "Day closed",
        EventKind::Report => "Report",
        EventKind::Alarm => "ALARM",
    };
    let text = format!("{label}: {}", event.text);
    if text.chars().count() <= TEXT_MAX_CHARS {
        text
    } else {
        text.chars().take(TEXT_MAX_CHARS).chain("…".chars()).collect()
    }
}

/// How long to wait before the next attempt, or none when it is given up. `attempt` counts from 1.
pub fn pause(weight: Weight, attempt: u32, error: &MessengerError) -> Option<Duration> {
    let attempts = match weight {
        Weight::Log => return None,
        Weight::Usual => ATTEMPTS_USUAL,
        Weight::Vital => ATTEMPTS_VITAL,
    };
    if attempt >= attempts {
        return None;
    }
    match error {
        MessengerError::Refused(_) => None,
        // Never earlier than told (TELEGRAM.md 3); what is not vital is not worth a long wait.
        MessengerError::RetryAfter(wait) if *wait > PAUSE_MAX && weight < Weight::Vital => None,
        MessengerError::RetryAfter(wait) => Some(*wait),
        MessengerError::Unreachable(_) => Some(Duration::from_secs(1 << attempt.min(6)).min(PAUSE_MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use domain::EventId;

    fn event(kind: EventKind, text: &str) -> LedgerEvent {
        LedgerEvent { id: EventId(1), at: DateTime::UNIX_EPOCH, kind, market: None, text: text.into() }
    }

    #[test]
    fn halts_and_alarms_are_vital_and_judgements_stay_in_the_log() {
        assert_eq!(weight(EventKind::Halt), Weight::Vital);
        assert_eq!(weight(EventKind::Alarm), Weight::Vital);
        assert_eq!(weight(EventKind::Fill), Weight::Usual);
        assert_eq!(weight(EventKind::Decision), Weight::Log);
    }

    #[test]
    fn a_message_begins_with_what_happened_and_fits_the_messenger() {
        assert_eq!(message(&event(EventKind::Halt, "by ada: feed")), "TRADING HALTED: by ada: feed");
        let long = message(&event(EventKind::Report, &"x".repeat(10_000)));
        assert!(long.chars().count() <= 4_096 && long.ends_with('…'));
    }

    #[test]
    fn what_is_vital_is_tried_longer_and_a_refusal_never_again() {
        let down = MessengerError::Unreachable("timeout".into());
        assert_eq!(pause(Weight::Usual, 1, &down), Some(Duration::from_secs(2)));
        assert_eq!(pause(Weight::Usual, 3, &down), None);
        assert_eq!(pause(Weight::Vital, 7, &down), Some(Duration::from_secs(60)));
        assert_eq!(pause(Weight::Vital, 8, &down), None);
        assert_eq!(pause(Weight::Vital, 1, &MessengerError::Refused("chat not found".into())), None);
        let wait = MessengerError::RetryAfter(Duration::from_secs(17));
        assert_eq!(pause(Weight::Usual, 1, &wait), Some(Duration::from_secs(17)));
        let long = MessengerError::RetryAfter(Duration::from_secs(300));
        assert_eq!(pause(Weight::Usual, 1, &long), None);
        assert_eq!(pause(Weight::Vital, 1, &long), Some(Duration::from_secs(300)));
    }
}
