//! What a person may ask in a chat.

use std::fmt;
use std::time::Duration;

use domain::messages::evolution::ProposalNumber;
use domain::messages::operator::StockWanted;
use domain::text::harmless;

/// Longest reason that is kept, in characters.
const REASON_MAX_CHARS: usize = 200;
/// Commands that stop trading are done although they are that old: late halting is safe.
pub const HALT_AGE_MAX: Duration = Duration::from_secs(600);
/// All others.
pub const AGE_MAX: Duration = Duration::from_secs(60);

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// What there is.
    Help,
    /// How the agent stands.
    Status,
    /// What is held.
    Positions,
    /// The report of the day that is on, or was last.
    Report,
    /// How a stock came to be traded.
    Why(StockWanted),
    /// What kept a stock from being traded.
    WhyNot(StockWanted),
    /// The newest judgements.
    Decisions,
    /// What the language model may still be asked.
    Budget,
    /// What the Optimizer proposes; with a number, that one with what it changes and its evidence.
    Proposals(Option<ProposalNumber>),
    /// Stop trading, at once.
    Halt {
        /// Why.
        reason: String,
        /// Whether the orders that work at the exchange are cancelled too. A command of its own asks for it, never a word of
        /// the reason.
        cancel_open: bool,
    },
    /// Exits only, at once.
    Reduce {
        /// Why.
        reason: String,
    },
    /// Sell what this agent holds, then halt; asks for a confirmation.
    Flatten {
        /// Why.
        reason: String,
    },
    /// Go on; asks for a confirmation.
    Resume,
}

/// The commands as the chat lists them: name, and what it does.
pub const MENU: [(&str, &str); 14] = [
    ("status", "how the agent stands, and which halts stand"),
    ("positions", "what is held"),
    ("report", "the day with its picture: profit and loss, trades, refusals, halts"),
    ("why", "how a stock came to be traded: /why KR:005930"),
    ("whynot", "what kept a stock from being traded: /whynot KR:005930"),
    ("decisions", "the newest judgements"),
    ("budget", "what the language model may still be asked today"),
    ("proposals", "what the Optimizer proposes, and what it would change: /proposals 7 shows one"),
    ("halt", "stop trading at once; words behind it are the reason"),
    ("halt_cancel", "the same, and cancel the orders that work at the exchange"),
    ("reduce", "exits only, at once"),
    ("flatten", "sell what the agent holds, then halt; asks once more"),
    ("resume", "go on trading; asks once more"),
    ("help", "this list"),
];

/// Why a text is no command of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unclear {
    /// It is addressed to another bot.
    OtherBot,
    /// There is no such command.
    Unknown(String),
    /// The command needs something else behind it; says what.
    Wrong(String),
}

impl Command {
    /// What `text` asks of the bot of that name; its first `command_units` UTF-16 units are the command, as Telegram says.
    ///
    /// # Errors
    /// [`Unclear`].
    pub fn parse(text: &str, command_units: usize, bot_name: Option<&str>) -> Result<Self, Unclear> {
        let (head, rest) = text.split_at(end_of(text, command_units));
        let name = head.strip_prefix('/').unwrap_or(head);
        let (name, addressee) = match name.split_once('@') {
            Some((name, addressee)) => (name, Some(addressee)),
            None => (name, None),
        };
        let is_ours = addressee.is_none_or(|to| bot_name.is_some_and(|own| own.eq_ignore_ascii_case(to)));
        if !is_ours {
            return Err(Unclear::OtherBot);
        }
        Self::named(&name.to_ascii_lowercase(), rest)
    }

    fn named(name: &str, rest: &str) -> Result<Self, Unclear> {
        let reason = || match harmless(rest, REASON_MAX_CHARS) {
            text if text.is_empty() => "asked for in the chat".to_owned(),
            text => text,
        };
        match name {
            "help" | "start" => Ok(Self::Help),
            "status" => Ok(Self::Status),
            "positions" => Ok(Self::Positions),
            "report" => Ok(Self::Report),
            "why" => stock(name, rest).map(Self::Why),
            "whynot" | "why_not" => stock("whynot", rest).map(Self::WhyNot),
            "decisions" => Ok(Self::Decisions),
            "budget" => Ok(Self::Budget),
            "proposals" | "proposal" => proposal(rest).map(Self::Proposals),
            // What is typed in a hurry, and what other systems call it.
            "halt" | "stop" => Ok(Self::Halt { reason: reason(), cancel_open: false }),
            "halt_cancel" | "haltcancel" => Ok(Self::Halt { reason: reason(), cancel_open: true }),
            "reduce" => Ok(Self::Reduce { reason: reason() }),
            "flatten" => Ok(Self::Flatten { reason: reason() }),
            "resume" => Ok(Self::Resume),
            other => Err(Unclear::Unknown(harmless(other, 40))),
        }
    }

    /// The word kept in the books.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Help => "help",
            Self::Status => "status",
            Self::Positions => "positions",
            Self::Report => "report",
            Self::Why(_) => "why",
            Self::WhyNot(_) => "whynot",
            Self::Decisions => "decisions",
            Self::Budget => "budget",
            Self::Proposals(_) => "proposals",
            Self::Halt { cancel_open: false, .. } => "halt",
            Self::Halt { cancel_open: true, .. } => "halt_cancel",
            Self::Reduce { .. } => "reduce",
            Self::Flatten { .. } => "flatten",
            Self::Resume => "resume",
        }
    }

    /// It makes trading stop or shrink, and orders end, and nothing else: it is safe late, and safe twice.
    pub fn is_safe_late(&self) -> bool {
        match self {
            Self::Halt { .. } | Self::Reduce { .. } => true,
            Self::Help
            | Self::Status
            | Self::Positions
            | Self::Report
            | Self::Why(_)
            | Self::WhyNot(_)
            | Self::Decisions
            | Self::Budget
            | Self::Proposals(_)
            | Self::Flatten { .. }
            | Self::Resume => false,
        }
    }

    /// How old it may be.
    pub fn age_max(&self) -> Duration {
        if self.is_safe_late() { HALT_AGE_MAX } else { AGE_MAX }
    }
}

fn stock(command: &str, rest: &str) -> Result<StockWanted, Unclear> {
    let named = rest.trim().parse();
    named.map_err(|_| {
        Unclear::Wrong(format!("name a stock: /{command} KR:005930, or the code alone: /{command} 005930"))
    })
}

fn proposal(rest: &str) -> Result<Option<ProposalNumber>, Unclear> {
    let number =
        |text: &str| text.parse().map_err(|_| Unclear::Wrong("name a number: /proposals 7".to_owned()));
    Some(rest.trim()).filter(|text| !text.is_empty()).map(number).transpose()
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.code())
    }
}

/// Where that many UTF-16 units end; at the end of a text that has fewer.
fn end_of(text: &str, units: usize) -> usize {
    let mut left = units;
    for (at, c) in text.char_indices() {
        if left == 0 {
            return at;
        }
        left = left.saturating_sub(c.len_utf16());
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Command, Unclear> {
        let units = text.split(' ').next().unwrap_or_default().encode_utf16().count();
        Command::parse(text, units, Some("kestrel_bot"))
    }

    #[test]
    fn each_command_is_known_by_its_name_in_any_case_and_with_the_bots_name() {
        let reason = || "asked for in the chat".to_owned();
        let cases = [
            ("/help", Command::Help),
            ("/start", Command::Help),
            ("/Status", Command::Status),
            ("/positions@Kestrel_Bot", Command::Positions),
            ("/report", Command::Report),
            ("/why KR:005930", Command::Why("KR:005930".parse().unwrap())),
            ("/why  aapl ", Command::Why("AAPL".parse().unwrap())),
            ("/WhyNot KR:005930", Command::WhyNot("KR:005930".parse().unwrap())),
            ("/why_not aapl", Command::WhyNot("AAPL".parse().unwrap())),
            ("/decisions", Command::Decisions),
            ("/budget", Command::Budget),
            ("/proposals", Command::Proposals(None)),
            ("/proposal 0007", Command::Proposals(Some(ProposalNumber(7)))),
            ("/STOP", Command::Halt { reason: reason(), cancel_open: false }),
            (
                "/halt the feed is <odd>\n\u{202e}",
                Command::Halt { reason: "the feed is <odd>".into(), cancel_open: false },
            ),
            // A reason stays a reason, whatever it says.
            ("/halt cancel", Command::Halt { reason: "cancel".into(), cancel_open: false }),
            (
                "/halt --cancel-open all",
                Command::Halt { reason: "--cancel-open all".into(), cancel_open: false },
            ),
            ("/halt _cancel", Command::Halt { reason: "_cancel".into(), cancel_open: false }),
            ("/halt_cancel", Command::Halt { reason: reason(), cancel_open: true }),
            ("/HaltCancel@kestrel_bot odd", Command::Halt { reason: "odd".into(), cancel_open: true }),
            ("/reduce", Command::Reduce { reason: reason() }),
            ("/flatten now", Command::Flatten { reason: "now".into() }),
            ("/resume", Command::Resume),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
        assert!(
            MENU.iter().all(|(name, _)| !matches!(parse(&format!("/{name} KR:1")), Err(Unclear::Unknown(_))))
        );
    }

    #[test]
    fn what_is_unclear_says_how() {
        assert_eq!(parse("/halt@other_bot"), Err(Unclear::OtherBot));
        assert_eq!(
            Command::parse("/halt@kestrel_bot", 17, None),
            Err(Unclear::OtherBot),
            "the own name is unknown"
        );
        assert_eq!(parse("/foo"), Err(Unclear::Unknown("foo".into())));
        assert_eq!(parse("/"), Err(Unclear::Unknown(String::new())));
        assert!(matches!(parse("/whynot"), Err(Unclear::Wrong(what)) if what.contains("/whynot KR:005930")));
        assert!(matches!(parse("/why"), Err(Unclear::Wrong(what)) if what.contains("/why KR:005930")));
        assert!(matches!(parse("/proposals x"), Err(Unclear::Wrong(what)) if what.contains("/proposals 7")));
        assert!(matches!(parse("/why ; DROP TABLE"), Err(Unclear::Wrong(_))));
    }

    #[test]
    fn a_command_that_telegram_measured_wrongly_splits_no_character() {
        for units in 0..20 {
            let _ = Command::parse("/h😀lt 한글", units, None);
        }
    }

    #[test]
    fn only_what_stops_trading_is_done_late() {
        for (text, age) in [
            ("/halt", HALT_AGE_MAX),
            ("/halt_cancel", HALT_AGE_MAX),
            ("/reduce", HALT_AGE_MAX),
            ("/flatten", AGE_MAX),
            ("/resume", AGE_MAX),
        ] {
            assert_eq!(parse(text).unwrap().age_max(), age, "{text}");
        }
    }
}
