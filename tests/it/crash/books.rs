//! The exchange's own books against the agent's, when both have come to rest.

use std::path::Path;

use domain::EventId;
use domain::messages::ledger::{EventKind, EventsAfter, IntentRecord, LedgerEvent};
use kestrel::demo::audit::{Finding, audit_books};
use kestrel::simulator::VenueBooks;
use kestrel::store;

/// What was compared, and how it came out.
pub(crate) struct Compared {
    /// Intents in the agent's books.
    pub(crate) intents: usize,
    /// Orders in the exchange's books.
    pub(crate) orders: usize,
    /// Every rule, with what breaks it.
    pub(crate) findings: Vec<Finding>,
}

/// Compares; the agent's database is read without being changed.
pub(crate) fn compare(venue: &VenueBooks, database: &Path) -> Compared {
    let mut ledger = store::open_read_only(database).unwrap();
    let intents = ledger.all_intents().unwrap();
    let mut findings = audit_books(venue, &intents);
    findings.push(nothing_left_open(&intents));
    findings.push(nothing_sent_under_a_halt(&events(&mut ledger)));
    Compared { intents: intents.len(), orders: venue.orders.len(), findings }
}

/// After the close and a final list no order is open any more (invariants 4 and 22).
fn nothing_left_open(intents: &[IntentRecord]) -> Finding {
    let open = intents.iter().filter(|intent| intent.state.is_open());
    Finding {
        rule: "every intent is settled once its day is closed",
        checked: intents.len(),
        broken: open.map(|intent| format!("{} is {}", intent.id, intent.state)).collect(),
    }
}

/// Events are numbered in the order of commits: between a halt and its resume no order may begin (invariant 10).
fn nothing_sent_under_a_halt(events: &[LedgerEvent]) -> Finding {
    let (mut standing, mut checked, mut broken) = (0_u32, 0, Vec::new());
    for event in events {
        match event.kind {
            EventKind::Halt => standing += 1,
            EventKind::Resume => standing = standing.saturating_sub(1),
            EventKind::Order if event.text.ends_with("is being sent") => {
                checked += 1;
                if standing > 0 {
                    broken.push(format!("event {}: {}", event.id, event.text));
                }
            }
            EventKind::Order
            | EventKind::Decision
            | EventKind::Refusal
            | EventKind::Approval
            | EventKind::Fill
            | EventKind::DayClosed
            | EventKind::Report
            | EventKind::Alarm
            | EventKind::Session
            | EventKind::Process => {}
        }
    }
    Finding { rule: "no order is sent while a halt stands", checked, broken }
}

fn events(ledger: &mut store::SqliteReader) -> Vec<LedgerEvent> {
    let mut events: Vec<LedgerEvent> = Vec::new();
    loop {
        let after = events.last().map_or(EventId(0), |event| event.id);
        let more = ledger.events_after(&EventsAfter { after, limit: 500 }).unwrap();
        if more.is_empty() {
            return events;
        }
        events.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: u64, kind: EventKind, text: &str) -> LedgerEvent {
        let at = chrono::DateTime::UNIX_EPOCH;
        LedgerEvent { id: EventId(id), at, kind, market: None, text: text.into() }
    }

    #[test]
    fn an_order_that_begins_under_a_halt_is_found() {
        let sent = |id| event(id, EventKind::Order, "BUY 1 KR:005930 at 70000 is being sent");
        let story = [
            sent(1),
            event(2, EventKind::Halt, "halted"),
            event(3, EventKind::Halt, "halted again"),
            event(4, EventKind::Resume, "lifted"),
            sent(5),
            event(6, EventKind::Resume, "lifted"),
            sent(7),
        ];
        let finding = nothing_sent_under_a_halt(&story);
        assert_eq!((finding.checked, finding.broken.len()), (3, 1), "{finding:?}");
        assert!(finding.broken[0].starts_with("event 5"));
    }
}
