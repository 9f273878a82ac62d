//! What a notice is about: whether it is wanted, and how urgent it is.

use std::fmt;
use std::str::FromStr;

use domain::messages::ledger::{EventKind, LedgerEvent};

/// How urgent a notice is; what is more urgent overtakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Trading stopped or goes on, or a person must look.
    Vital,
    /// Shares were traded, or an order was far too large.
    Trades,
    /// Everything else; it arrives without a sound.
    Routine,
}

impl Lane {
    /// Every lane, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Vital, Self::Trades, Self::Routine];

    /// The name of its cursor in the books.
    pub fn cursor(self) -> &'static str {
        match self {
            Self::Vital => "notifier.vital",
            Self::Trades => "notifier.trades",
            Self::Routine => "notifier.routine",
        }
    }
}

/// A kind of notice that can be left out. Halts, breakers among them, and resumes cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// Shares bought and sold.
    Trades,
    /// Purchases refused because they were far too large.
    FatFinger,
    /// Markets that open and close, with the day's result.
    Markets,
    /// The agent starts and stops.
    System,
    /// What a person should look at, such as a broker that is out of sight.
    Alarms,
    /// Closed books and reports.
    Reports,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 6] =
        [Self::Trades, Self::FatFinger, Self::Markets, Self::System, Self::Alarms, Self::Reports];

    /// The word of the settings.
    pub fn code(self) -> &'static str {
        match self {
            Self::Trades => "trades",
            Self::FatFinger => "fat_finger",
            Self::Markets => "markets",
            Self::System => "system",
            Self::Alarms => "alarms",
            Self::Reports => "reports",
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The topics that are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics(Vec<Topic>);

impl Default for Topics {
    fn default() -> Self {
        Self(Topic::ALL.to_vec())
    }
}

impl Topics {
    /// True when notices of it are wanted.
    pub fn wants(&self, topic: Topic) -> bool {
        self.0.contains(&topic)
    }
}

/// The text names something that is no topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("allowed: all, none, or a list of {}", Topic::ALL.map(Topic::code).join(", "))]
pub struct UnknownTopic;

impl FromStr for Topics {
    type Err = UnknownTopic;

    fn from_str(text: &str) -> Result<Self, UnknownTopic> {
        match text.trim() {
            "all" => Ok(Self::default()),
            "none" => Ok(Self(Vec::new())),
            list => {
                let named = |word: &str| Topic::ALL.into_iter().find(|topic| topic.code() == word.trim());
                list.split(',')
                    .map(|word| named(word).ok_or(UnknownTopic))
                    .collect::<Result<_, _>>()
                    .map(Self)
            }
        }
    }
}

/// The lane of a notice about this event; none when nobody is to be told.
pub fn lane(event: &LedgerEvent, topics: &Topics) -> Option<Lane> {
    let (topic, lane) = match event.kind {
        EventKind::Decision | EventKind::Approval | EventKind::Order => return None,
        EventKind::Halt | EventKind::Resume => return Some(Lane::Vital),
        EventKind::Refusal if is_fat_finger(&event.text) => (Topic::FatFinger, Lane::Trades),
        EventKind::Refusal => return None,
        EventKind::Fill => (Topic::Trades, Lane::Trades),
        EventKind::Alarm => (Topic::Alarms, Lane::Vital),
        EventKind::Session => (Topic::Markets, Lane::Routine),
        EventKind::Process => (Topic::System, Lane::Routine),
        EventKind::DayClosed | EventKind::Report => (Topic::Reports, Lane::Routine),
    };
    topics.wants(topic).then_some(lane)
}

/// The books write the code of the gate behind the first comma: `BUY KR:005930 refused, FatFinger: ...`.
pub(crate) fn is_fat_finger(text: &str) -> bool {
    text.split_once(" refused, ").is_some_and(|(_, rest)| rest.starts_with("FatFinger:"))
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
    fn each_kind_of_event_has_its_lane_and_only_halts_and_resumes_cannot_be_left_out() {
        let fat = "BUY KR:005930 refused, FatFinger: 40 % of cash, allowed 30 %";
        let cases = [
            (EventKind::Decision, "BUY", None, None),
            (EventKind::Approval, "x", None, None),
            (EventKind::Order, "x", None, None),
            (EventKind::Refusal, "BUY KR:1 refused, NoCash: FatFinger:", None, None),
            (EventKind::Refusal, fat, Some(Lane::Trades), None),
            (EventKind::Fill, "bought", Some(Lane::Trades), None),
            (EventKind::Halt, "halted", Some(Lane::Vital), Some(Lane::Vital)),
            (EventKind::Resume, "lifted", Some(Lane::Vital), Some(Lane::Vital)),
            (EventKind::Alarm, "look", Some(Lane::Vital), None),
            (EventKind::Session, "opened", Some(Lane::Routine), None),
            (EventKind::Process, "started", Some(Lane::Routine), None),
            (EventKind::DayClosed, "closed", Some(Lane::Routine), None),
            (EventKind::Report, "losers", Some(Lane::Routine), None),
        ];
        let none: Topics = "none".parse().unwrap();
        for (kind, text, with_all, with_none) in cases {
            let event = event(kind, text);
            assert_eq!(
                (lane(&event, &Topics::default()), lane(&event, &none)),
                (with_all, with_none),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn topics_are_all_none_or_a_list_and_a_wrong_word_is_answered_with_what_is_allowed() {
        let some: Topics = "trades, alarms".parse().unwrap();
        assert!(some.wants(Topic::Trades) && some.wants(Topic::Alarms) && !some.wants(Topic::Reports));
        assert_eq!("all".parse(), Ok(Topics::default()));
        for topic in Topic::ALL {
            assert!(topic.to_string().parse::<Topics>().unwrap().wants(topic));
        }
        for wrong in ["", "trade", "trades,", "all,trades"] {
            assert!(wrong.parse::<Topics>().unwrap_err().to_string().contains("fat_finger"), "{wrong}");
        }
    }
}
