//! Reads the chat by long polling, on a thread and a client of its own, and lets the doorman judge each update.

mod desk;
mod record;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::messages::chat::BookedCommand;
use domain::{Clock, Random};
use notifier::chat::command::MENU;
use notifier::chat::{Confirmations, Doorman};
use serde_json::{Value, json};
use tokio::time::Instant;

use self::record::Crowd;
use super::chat::Conversation;
use super::{Failure, Telegram};
use crate::config;
use crate::control::Answers;
use crate::http::{CallLimits, ReqwestTransport};
use crate::report::Reports;

pub(crate) use self::record::BookLinks;

/// How long Telegram holds a poll without news, in seconds (TELEGRAM.md 5).
const HOLD_S: u64 = 25;
/// A hundred updates of the longest texts.
const LIMITS: CallLimits =
    CallLimits { timeout: Duration::from_secs(HOLD_S + 10), max_body_bytes: 4 * 1024 * 1024 };
const UPDATES_AT_ONCE: usize = 100;
/// A poll that brings nothing takes as long as this at least.
const POLL_MIN: Duration = Duration::from_secs(1);
/// While somebody else polls.
const CONFLICT_PAUSE: Duration = Duration::from_secs(30);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// What the chat is connected to.
pub(crate) struct Wires {
    /// The bot of the notices.
    pub(crate) bot: Arc<Telegram>,
    /// Whom everything is asked of.
    pub(crate) answers: Answers,
    /// Who makes the daily report.
    pub(crate) reports: Arc<Reports>,
    /// The time that reports are of.
    pub(crate) exchange_clock: Arc<dyn Clock>,
    /// TradeLedger; none: this process has no books, so it takes what stops trading and tells how it stands, and nothing else.
    pub(crate) books: Option<BookLinks>,
    /// The wall clock: Telegram's times are true times.
    pub(crate) clock: Arc<dyn Clock>,
    /// What buttons carry.
    pub(crate) random: Arc<dyn Random>,
}

/// Begins to read the chat, if the settings say who may command.
///
/// # Errors
/// When client or thread cannot be made; in words.
pub(crate) fn open(settings: &config::Telegram, wires: Wires) -> Result<(), String> {
    if !settings.commands.is_open() {
        return Ok(());
    }
    // Its own client, so that a poll that is held never delays an alert.
    let transport = ReqwestTransport::for_reads(None).map_err(|error| error.to_string())?;
    let reader = Telegram::new(settings.clone(), Arc::new(transport));
    let commands = settings.commands.clone();
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        match runtime {
            Ok(runtime) => runtime.block_on(async move {
                let place = record::recall(wires.books.as_ref()).await;
                Poller::new(reader, wires, Doorman::new(commands, place)).run().await;
            }),
            Err(error) => tracing::error!(%error, "the chat has no runtime: no commands are taken"),
        }
    };
    let thread = std::thread::Builder::new().name("telegram".into()).spawn(run);
    thread.map(drop).map_err(|error| error.to_string())
}

struct Poller {
    reader: Telegram,
    talk: Arc<Conversation>,
    wires: Wires,
    doorman: Doorman,
    /// Commands that are not in the books yet.
    rows: Vec<BookedCommand>,
    /// The last update that is in them.
    booked_to: Option<i64>,
    crowd: Crowd,
    /// The first batch is of the time before the start.
    is_first: bool,
    failures: u32,
    is_disputed: bool,
    /// Smaller once an answer was too long.
    at_once: usize,
}

impl Poller {
    fn new(reader: Telegram, wires: Wires, doorman: Doorman) -> Self {
        let talk = Arc::new(Conversation {
            bot: wires.bot.clone(),
            answers: wires.answers.clone(),
            reports: wires.reports.clone(),
            clock: wires.exchange_clock.clone(),
            random: wires.random.clone(),
            open: Mutex::new(Confirmations::default()),
        });
        Self {
            reader,
            talk,
            wires,
            doorman,
            rows: Vec::new(),
            booked_to: None,
            crowd: Crowd::default(),
            is_first: true,
            failures: 0,
            is_disputed: false,
            at_once: UPDATES_AT_ONCE,
        }
    }

    async fn run(mut self) {
        self.introduce().await;
        loop {
            let begun = Instant::now();
            match self.poll().await {
                Ok(batch) => {
                    let is_empty = batch.is_empty();
                    self.heard();
                    self.handle_all(batch).await;
                    if is_empty {
                        tokio::time::sleep_until(begun + POLL_MIN).await;
                    }
                }
                Err(Failure::Off(_)) => return,
                Err(failure) => self.endure(failure).await,
            }
        }
    }

    /// The bot's own name, without which `/halt@name` is nobody's; and the list of commands that the chat shows.
    async fn introduce(&mut self) {
        match self.reader.call("getMe", &json!({})).await {
            Ok(me) => {
                let name = me.get("username").and_then(Value::as_str);
                name.into_iter().for_each(|name| self.doorman.is_called(name.to_owned()));
            }
            Err(error) => {
                tracing::warn!(%error, "the bot's own name is not known: commands that name it are not taken");
            }
        }
        let menu: Vec<Value> =
            MENU.iter().map(|(name, meaning)| json!({ "command": name, "description": meaning })).collect();
        for chat in &self.reader.settings.commands.chats {
            let body = json!({ "commands": menu, "scope": { "type": "chat", "chat_id": chat } });
            if let Err(error) = self.reader.call("setMyCommands", &body).await {
                tracing::debug!(%error, "the chat does not list the commands");
            }
        }
        tracing::info!("commands are taken from Telegram");
    }

    async fn poll(&self) -> Result<Vec<Value>, Failure> {
        let body = json!({
            "offset": self.doorman.next_offset(),
            "limit": self.at_once,
            "timeout": HOLD_S,
            "allowed_updates": ["message", "callback_query"],
        });
        let answer = self.reader.call_within("getUpdates", &body, LIMITS).await?;
        let Value::Array(batch) = answer else {
            return Err(Failure::Unreachable("the answer is no list".into()));
        };
        Ok(batch)
    }

    fn heard(&mut self) {
        self.failures = 0;
        if std::mem::take(&mut self.is_disputed) {
            tracing::info!("the chat is read by this process alone again");
        }
        self.at_once = UPDATES_AT_ONCE;
    }

    /// Waits as the failure demands.
    async fn endure(&mut self, failure: Failure) {
        let wait = match failure {
            Failure::RetryAfter(wait) => wait,
            Failure::Conflict(why) => {
                self.dispute(&why).await;
                CONFLICT_PAUSE
            }
            failure @ (Failure::Unreadable(_)
            | Failure::Moved(_)
            | Failure::Refused(_)
            | Failure::Off(_)
            | Failure::Unreachable(_)
            | Failure::Unanswered(_)) => {
                if self.failures == 0 {
                    tracing::warn!(%failure, "the chat cannot be read; it is tried again, and trading goes on");
                }
                // An answer that is too long comes again, unless less is asked for.
                self.at_once = if failure.to_string().contains("longer than") { 1 } else { self.at_once };
                Duration::from_secs(1 << self.failures.min(6)).min(PAUSE_MAX)
            }
        };
        self.failures = self.failures.saturating_add(1);
        tokio::time::sleep(wait).await;
    }

    /// Said once, until it is over: commands may reach the other one instead of us.
    async fn dispute(&mut self, why: &str) {
        if std::mem::replace(&mut self.is_disputed, true) {
            return;
        }
        if why.to_lowercase().contains("webhook") {
            let body = json!({ "drop_pending_updates": false });
            if let Err(error) = self.reader.call("deleteWebhook", &body).await {
                tracing::warn!(%error, "the webhook of the bot could not be deleted");
            }
        }
        let text = format!(
            "somebody else reads the updates of the Telegram bot, so commands may not arrive: {why}. \
             Stop the other one, or give it a bot of its own"
        );
        self.alarm(text);
    }
}

#[cfg(test)]
mod tests;
