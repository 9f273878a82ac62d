//! Who may command (TELEGRAM.md 8). Everything must be right; what is not is ignored, counted, and answered to nobody but
//! those who may command anyway.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::chat::ChatPlace;
use domain::text::harmless;

use super::command::{Command, HALT_AGE_MAX, Unclear};
use super::{ButtonPress, ChatMessage, Content, Incoming};

/// Commands of one person in a minute.
const COMMANDS_PER_MINUTE: usize = 10;
const MINUTE_SECONDS: i64 = 60;
/// Telegram's numbers begin anew, at random, after a week without updates.
const NUMBERS_LAST: TimeDelta = TimeDelta::days(7);

/// Who may command. Both lists hold numbers: names are nobody's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Chats; a group only when it is named, by its negative number.
    pub chats: Vec<i64>,
    /// People.
    pub users: Vec<i64>,
}

impl Policy {
    /// True when commands are taken at all.
    pub fn is_open(&self) -> bool {
        !self.chats.is_empty() && !self.users.is_empty()
    }
}

/// What becomes of an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A command of somebody who may command.
    Command {
        /// Where to answer.
        chat: i64,
        /// Who.
        user: i64,
        /// What.
        command: Command,
    },
    /// A button, pressed by somebody who may command where they may.
    Press(ButtonPress),
    /// Somebody who may command was not clear; they are helped.
    Help {
        /// Where to answer.
        chat: i64,
        /// Who.
        user: i64,
        /// What to say.
        why: String,
    },
    /// Nothing is done.
    Refused {
        /// Why.
        why: Refusal,
        /// The chat, if there was one.
        chat: Option<i64>,
        /// The sender, if there was one.
        user: Option<i64>,
        /// The command as far as it was looked at.
        command: &'static str,
        /// Told in the chat: they may command, and would wait for an answer.
        is_told: bool,
    },
}

/// Why nothing is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// It was handled before.
    Replayed,
    /// Edited, of an unknown kind, or not readable.
    Kind,
    /// No command.
    NoCommand,
    /// The chat is not named in the settings.
    ForeignChat,
    /// The person is not named in the settings.
    ForeignUser,
    /// A program wrote it.
    Bot,
    /// It was not typed there and then: forwarded, sent as a channel, by way of a bot, or the like.
    NotTyped,
    /// For another bot.
    OtherBot,
    /// Too old, or from the future.
    Age,
    /// More commands than ten in a minute.
    TooMany,
}

impl Refusal {
    /// The word kept in the books.
    pub fn code(self) -> &'static str {
        match self {
            Self::Replayed => "replayed",
            Self::Kind => "kind",
            Self::NoCommand => "no_command",
            Self::ForeignChat => "foreign_chat",
            Self::ForeignUser => "foreign_user",
            Self::Bot => "bot",
            Self::NotTyped => "not_typed",
            Self::OtherBot => "other_bot",
            Self::Age => "age",
            Self::TooMany => "too_many",
        }
    }
}

/// The doorman: the lists, and what has passed.
#[derive(Debug)]
pub struct Doorman {
    policy: Policy,
    /// The bot's own name, once it is known.
    bot_name: Option<String>,
    last: Option<ChatPlace>,
    /// When each person commanded, within the last minute.
    lately: BTreeMap<i64, VecDeque<DateTime<Utc>>>,
}

impl Doorman {
    /// A doorman who goes on behind `last`.
    pub fn new(policy: Policy, last: Option<ChatPlace>) -> Self {
        Self { policy, bot_name: None, last, lately: BTreeMap::new() }
    }

    /// What the bot is called.
    pub fn is_called(&mut self, name: String) {
        self.bot_name = Some(name);
    }

    /// The update from which on Telegram is asked; none: from the oldest that it has.
    pub fn next_offset(&self) -> Option<i64> {
        self.last.map(|last| last.update_id.saturating_add(1))
    }

    /// Where it is now.
    pub fn place(&self) -> Option<ChatPlace> {
        self.last
    }

    /// What becomes of an update; it is never asked about again. `now` is the wall clock's.
    pub fn judge(&mut self, incoming: Incoming, now: DateTime<Utc>) -> Verdict {
        let Incoming { update_id, content } = incoming;
        if self.last.is_some_and(|last| update_id <= last.update_id && now - last.at < NUMBERS_LAST) {
            return refused(Refusal::Replayed, [None, None]);
        }
        self.last = Some(ChatPlace { update_id, at: now });
        match content {
            Content::Other => refused(Refusal::Kind, [None, None]),
            Content::Message(message) => self.judge_message(&message, now),
            Content::Press(press) => self.judge_press(press, now),
        }
    }

    fn judge_message(&mut self, message: &ChatMessage, now: DateTime<Utc>) -> Verdict {
        let ids = [Some(message.chat), message.user];
        let user = match self.sender(message) {
            Ok(user) => user,
            Err(why) => return refused(why, ids),
        };
        let (Some(text), Some(units)) = (&message.text, message.command_units) else {
            return refused(Refusal::NoCommand, ids);
        };
        let chat = message.chat;
        let age = now - DateTime::from_timestamp(message.date_s, 0).unwrap_or_default();
        match Command::parse(text, units, self.bot_name.as_deref()) {
            Err(Unclear::OtherBot) => refused(Refusal::OtherBot, ids),
            _ if !is_within(age, HALT_AGE_MAX) => told(Refusal::Age, ids, "-"),
            Err(Unclear::Unknown(name)) => self.help(ids, now, chat, user, &unknown(&name)),
            Err(Unclear::Wrong(why)) => self.help(ids, now, chat, user, &why),
            Ok(command) if !is_within(age, command.age_max()) => told(Refusal::Age, ids, command.code()),
            // Whoever asks to stop is never asked to slow down.
            Ok(command) if !self.may_go_on(user, now) && !command.is_safe_late() => {
                told(Refusal::TooMany, ids, command.code())
            }
            Ok(command) => Verdict::Command { chat, user, command },
        }
    }

    fn help(
        &mut self,
        ids: [Option<i64>; 2],
        now: DateTime<Utc>,
        chat: i64,
        user: i64,
        why: &str,
    ) -> Verdict {
        if self.may_go_on(user, now) {
            Verdict::Help { chat, user, why: why.to_owned() }
        } else {
            refused(Refusal::TooMany, ids)
        }
    }

    /// The person behind a message, when nothing speaks against it.
    fn sender(&self, message: &ChatMessage) -> Result<i64, Refusal> {
        if !self.policy.chats.contains(&message.chat) {
            return Err(Refusal::ForeignChat);
        }
        let user =
            message.user.filter(|user| self.policy.users.contains(user)).ok_or(Refusal::ForeignUser)?;
        if message.is_bot {
            return Err(Refusal::Bot);
        }
        if message.foreign_sign.is_some() {
            return Err(Refusal::NotTyped);
        }
        Ok(user)
    }

    fn judge_press(&mut self, press: ButtonPress, now: DateTime<Utc>) -> Verdict {
        let ids = [press.chat, Some(press.user)];
        if !press.chat.is_some_and(|chat| self.policy.chats.contains(&chat)) {
            return refused(Refusal::ForeignChat, ids);
        }
        if !self.policy.users.contains(&press.user) {
            return refused(Refusal::ForeignUser, ids);
        }
        if press.is_bot {
            return refused(Refusal::Bot, ids);
        }
        if !self.may_go_on(press.user, now) {
            return refused(Refusal::TooMany, ids);
        }
        Verdict::Press(press)
    }

    /// Counts a command of `user`.
    fn may_go_on(&mut self, user: i64, now: DateTime<Utc>) -> bool {
        let lately = self.lately.entry(user).or_default();
        lately.retain(|at| (now - *at).num_seconds().abs() < MINUTE_SECONDS);
        let may = lately.len() < COMMANDS_PER_MINUTE;
        if may {
            lately.push_back(now);
        }
        may
    }
}

fn refused(why: Refusal, [chat, user]: [Option<i64>; 2]) -> Verdict {
    Verdict::Refused { why, chat, user, command: "-", is_told: false }
}

fn told(why: Refusal, [chat, user]: [Option<i64>; 2], command: &'static str) -> Verdict {
    Verdict::Refused { why, chat, user, command, is_told: true }
}

fn unknown(name: &str) -> String {
    format!("there is no command /{}", harmless(name, 40))
}

/// As far in the past as in the future: a clock that is wrong makes nothing young.
fn is_within(age: TimeDelta, most: Duration) -> bool {
    age.abs().to_std().is_ok_and(|age| age <= most)
}

#[cfg(test)]
mod tests;
