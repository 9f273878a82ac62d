//! Notices that wait: by urgency, bounded, and several routine ones in one message.

use std::collections::VecDeque;
use std::sync::Arc;

use domain::EventId;
use domain::messages::ledger::LedgerEvent;

use crate::Letter;
use crate::html::PART_MAX_UNITS;
use crate::topic::Lane;
use crate::wording::Notice;

/// Notices that wait, at most.
pub const WAITING_MAX: usize = 200;
/// Notices in one message, at most.
const TOGETHER_MAX: usize = 20;
/// What heading and count take of a message.
const HEADING_UNITS: usize = 200;

/// The notices that wait, and how many were dropped since the last message.
#[derive(Debug, Default)]
pub struct Queue {
    lanes: [VecDeque<Notice>; Lane::ALL.len()],
    dropped: u32,
}

/// What is sent as one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The lane it is from.
    pub lane: Lane,
    /// Its last event.
    pub last: EventId,
    /// How many notices it holds.
    pub count: usize,
    /// The message.
    pub letter: Letter,
    /// The event in whose place the report of a day is told.
    pub report: Option<Arc<LedgerEvent>>,
}

impl Queue {
    /// Puts a notice behind those of its lane. When too many wait, the oldest of the least urgent lane is dropped and
    /// counted.
    pub fn push(&mut self, notice: Notice) {
        let lane = notice.lane;
        self.lane_mut(lane).push_back(notice);
        if self.len() > WAITING_MAX {
            let longest = self.lanes.iter_mut().rev().find(|lane| !lane.is_empty());
            longest.map(VecDeque::pop_front);
            self.lose(1);
        }
    }

    /// The next message: the oldest of the most urgent lane, with what follows it there if it is not vital. It stays until
    /// [`Queue::done`].
    pub fn next(&self) -> Option<Batch> {
        let waiting = self.lanes.iter().find(|lane| !lane.is_empty())?;
        let first = waiting.front()?;
        let count = if first.lane == Lane::Vital { 1 } else { together(waiting) };
        let notices: Vec<&Notice> = waiting.iter().take(count).collect();
        let last = notices.last().map_or(first.id, |notice| notice.id);
        let is_silent = first.lane == Lane::Routine;
        let letter = Letter { html: self.write(&notices), is_silent, picture: None };
        Some(Batch { lane: first.lane, last, count, letter, report: first.report.clone() })
    }

    fn write(&self, notices: &[&Notice]) -> String {
        let lost = match self.dropped {
            0 => String::new(),
            1 => "(1 earlier notice was dropped; it is in the log and in the books)\n".to_owned(),
            dropped => {
                format!("({dropped} earlier notices were dropped; they are in the log and in the books)\n")
            }
        };
        let is_of_one_kind = notices.windows(2).all(|two| two[0].label == two[1].label);
        let heading = match notices {
            [] | [_] => String::new(),
            [first, ..] if is_of_one_kind => format!("<b>{} × {}</b>\n", notices.len(), first.label),
            several => format!("<b>{} notices</b>\n", several.len()),
        };
        let texts: Vec<String> = notices.iter().map(|notice| notice.html()).collect();
        format!("{lost}{heading}{}", texts.join("\n"))
    }

    /// The batch was delivered, or given up: `is_lost` says which.
    pub fn done(&mut self, batch: &Batch, is_lost: bool) {
        let lane = self.lane_mut(batch.lane);
        let behind = lane.iter().position(|notice| notice.id > batch.last).unwrap_or(lane.len());
        lane.drain(..behind);
        if is_lost {
            self.lose(batch.count);
        } else {
            self.dropped = 0;
        }
    }

    fn lose(&mut self, count: usize) {
        self.dropped = self.dropped.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// Nobody will ever be told: nothing waits any more.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The oldest event that waits.
    pub fn oldest(&self) -> Option<EventId> {
        self.lanes.iter().filter_map(|lane| lane.front()).map(|notice| notice.id).min()
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.lanes.iter().map(VecDeque::len).sum()
    }

    /// True when none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lane_mut(&mut self, lane: Lane) -> &mut VecDeque<Notice> {
        let [vital, trades, routine] = &mut self.lanes;
        match lane {
            Lane::Vital => vital,
            Lane::Trades => trades,
            Lane::Routine => routine,
        }
    }
}

/// How many of the first notices fit one message; at least one.
/// A report stands alone.
fn together(waiting: &VecDeque<Notice>) -> usize {
    if waiting.front().is_some_and(|notice| notice.report.is_some()) {
        return 1;
    }
    let mut length = HEADING_UNITS;
    let plain = waiting.iter().take(TOGETHER_MAX).take_while(|notice| notice.report.is_none());
    let fits = plain.take_while(|notice| {
        length += notice.html().encode_utf16().count() + 1;
        length <= PART_MAX_UNITS
    });
    fits.count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn notice(id: u64, lane: Lane, text: &str) -> Notice {
        let label = match lane {
            Lane::Vital => "HALTED",
            Lane::Trades => "Fill",
            Lane::Routine => "Report",
        };
        Notice { id: EventId(id), at: DateTime::UNIX_EPOCH, lane, label, text: text.into(), report: None }
    }

    fn take(queue: &mut Queue) -> Batch {
        let batch = queue.next().unwrap();
        queue.done(&batch, false);
        batch
    }

    #[test]
    fn a_halt_overtakes_fills_and_fills_overtake_reports() {
        let mut queue = Queue::default();
        queue.push(notice(1, Lane::Routine, "losers"));
        queue.push(notice(2, Lane::Trades, "bought"));
        queue.push(notice(3, Lane::Vital, "by kim"));
        assert_eq!(queue.oldest(), Some(EventId(1)));
        let lanes: Vec<Lane> = (0..3).map(|_| take(&mut queue).lane).collect();
        assert_eq!(lanes, Lane::ALL);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_burst_of_fills_is_one_message_that_counts_them_and_halts_come_one_by_one() {
        let mut queue = Queue::default();
        (1..=7).for_each(|id| queue.push(notice(id, Lane::Trades, &format!("bought {id}"))));
        (8..=9).for_each(|id| queue.push(notice(id, Lane::Vital, "by kim")));
        assert_eq!(take(&mut queue).last, EventId(8));
        assert_eq!(take(&mut queue).last, EventId(9));
        let batch = take(&mut queue);
        assert!(batch.letter.html.starts_with("<b>7 × Fill</b>\n"), "{}", batch.letter.html);
        assert_eq!((batch.last, batch.letter.html.matches("bought").count()), (EventId(7), 7));
        assert!(!batch.letter.is_silent);
    }

    #[test]
    fn a_batch_never_outgrows_a_message() {
        let mut queue = Queue::default();
        (1..=40).for_each(|id| queue.push(notice(id, Lane::Routine, &"&".repeat(600))));
        let mut told = 0;
        while let Some(batch) = queue.next() {
            assert!(batch.letter.html.encode_utf16().count() <= PART_MAX_UNITS && batch.letter.is_silent);
            told += batch.count;
            queue.done(&batch, false);
        }
        assert_eq!(told, 40);
    }

    #[test]
    fn when_too_many_wait_the_oldest_routine_ones_are_dropped_and_the_next_message_says_how_many() {
        let mut queue = Queue::default();
        (1..=10).for_each(|id| queue.push(notice(id, Lane::Routine, "report")));
        (11..=20).for_each(|id| queue.push(notice(id, Lane::Vital, "halt")));
        (21..=WAITING_MAX as u64 + 25).for_each(|id| queue.push(notice(id, Lane::Trades, "fill")));
        assert_eq!(queue.len(), WAITING_MAX);
        let batch = take(&mut queue);
        assert_eq!((batch.lane, batch.last), (Lane::Vital, EventId(11)), "no halt is dropped");
        assert!(batch.letter.html.starts_with("(25 earlier notices were dropped"), "{}", batch.letter.html);
        assert!(!take(&mut queue).letter.html.contains("dropped"), "told once");
    }

    #[test]
    fn what_is_pushed_while_a_batch_is_sent_stays() {
        let mut queue = Queue::default();
        queue.push(notice(1, Lane::Trades, "one"));
        let batch = queue.next().unwrap();
        queue.push(notice(2, Lane::Trades, "two"));
        queue.done(&batch, true);
        let next = queue.next().unwrap();
        assert_eq!((next.last, next.count), (EventId(2), 1));
        assert!(next.letter.html.starts_with("(1 earlier notice was"));
    }
}
