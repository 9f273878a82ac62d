//! In what words a person is told.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::EventId;
use domain::messages::ledger::{EventKind, LedgerEvent};

use crate::html::escape;
use crate::topic::Lane;

/// Longest text of one notice, in characters; events of the books are shorter.
const TEXT_MAX_CHARS: usize = 600;

/// One event, as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The event: whoever gets a notice twice sees that it is the same.
    pub id: EventId,
    /// When.
    pub at: DateTime<Utc>,
    /// How urgent it is.
    pub lane: Lane,
    /// What kind, in words.
    pub label: &'static str,
    /// The ledger's own sentence.
    pub text: String,
    /// The event itself, where the report of a day is told in its place.
    pub report: Option<Arc<LedgerEvent>>,
}

impl Notice {
    /// The notice of an event.
    pub fn new(event: &LedgerEvent, lane: Lane) -> Self {
        let text = event.text.chars().take(TEXT_MAX_CHARS).collect();
        Self { id: event.id, at: event.at, lane, label: label(event), text, report: None }
    }

    /// The same, in whose place the report of a day is told.
    pub fn with_report(self, event: &LedgerEvent) -> Self {
        Self { report: Some(Arc::new(event.clone())), ..self }
    }

    /// As Telegram reads it.
    pub fn html(&self) -> String {
        let (text, at) = (escape(&self.text), self.at.format("%Y-%m-%d %H:%M:%S UTC"));
        format!("<b>{}</b>: {text}\n<i>{at}, event {}</i>", self.label, self.id)
    }
}

fn label(event: &LedgerEvent) -> &'static str {
    match event.kind {
        EventKind::Decision => "Decision",
        EventKind::Refusal => "Fat-finger protection",
        EventKind::Approval => "Approved",
        EventKind::Order => "Order",
        EventKind::Fill => "Fill",
        EventKind::Halt if event.text.contains("(circuit_breaker)") => "CIRCUIT BREAKER, TRADING STOPPED",
        EventKind::Halt => "TRADING STOPPED",
        EventKind::Resume => "Trading: a halt was lifted",
        EventKind::DayClosed => "Books of the day closed",
        EventKind::Report => "Report",
        EventKind::Alarm => "ALARM",
        EventKind::Session => "Market",
        EventKind::Process => "Agent",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind, text: &str) -> LedgerEvent {
        LedgerEvent { id: EventId(12), at: DateTime::UNIX_EPOCH, kind, market: None, text: text.into() }
    }

    #[test]
    fn a_notice_begins_with_what_happened_and_ends_with_its_event_and_is_never_markup_of_others() {
        let halt = Notice::new(
            &event(EventKind::Halt, "trading halted by <ada> & co (operator): feed"),
            Lane::Vital,
        );
        assert_eq!(
            halt.html(),
            "<b>TRADING STOPPED</b>: trading halted by &lt;ada&gt; &amp; co (operator): feed\n\
             <i>1970-01-01 00:00:00 UTC, event 12</i>"
        );
        let breaker = "trading halted by risk_guard (circuit_breaker): the day in KRW lost 3.2 %";
        assert!(
            Notice::new(&event(EventKind::Halt, breaker), Lane::Vital).html().contains("CIRCUIT BREAKER")
        );
        let long = Notice::new(&event(EventKind::Report, &"&".repeat(10_000)), Lane::Routine);
        assert!(long.html().encode_utf16().count() <= crate::html::PART_MAX_UNITS);
    }
}
