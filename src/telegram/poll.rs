//! Reads the chat by long polling, on a thread and a client of its own, and lets the doorman judge each update.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::messages::chat::{BookChat, BookedCommand, ChatOffset, ChatPlace};
use domain::messages::ledger::{EventKind, RecordEvent};
use domain::{Clock, Random};
use notifier::chat::command::MENU;
use notifier::chat::{ButtonPress, Command, Confirmations, Doorman, Incoming, Refusal, Verdict};
use serde_json::{Value, json};
use supervision::Link;
use tokio::time::Instant;

use super::chat::{Conversation, help};
use super::{Failure, Telegram, updates};
use crate::config;
use crate::control::Answers;
use crate::http::{CallLimits, ReqwestTransport};
use crate::report::Reports;

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
const BOOK_WITHIN: Duration = Duration::from_secs(5);
/// Refused updates that get a row of their own, and lines in the log, within a minute.
const REFUSALS_PER_MINUTE: u32 = 10;
const MINUTE: Duration = Duration::from_secs(60);

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
    /// TradeLedger: where the last life was.
    pub(crate) place: Link<ChatOffset>,
    /// TradeLedger: what came.
    pub(crate) book: Link<BookChat>,
    /// TradeLedger: a second reader is something people should know.
    pub(crate) record: Link<RecordEvent>,
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
                let place = recall(&wires.place).await;
                Poller::new(reader, wires, Doorman::new(commands, place)).run().await;
            }),
            Err(error) => tracing::error!(%error, "the chat has no runtime: no commands are taken"),
        }
    };
    let thread = std::thread::Builder::new().name("telegram".into()).spawn(run);
    thread.map(drop).map_err(|error| error.to_string())
}

/// The ledger may be busy with its start; without its word an old command could be taken for a new one.
async fn recall(place: &Link<ChatOffset>) -> Option<ChatPlace> {
    loop {
        match place.ask(ChatOffset, BOOK_WITHIN).await {
            Ok(Ok(place)) => return place,
            Ok(Err(error)) => tracing::warn!(%error, "where the chat was read to is not known yet"),
            Err(error) => tracing::warn!(%error, "where the chat was read to is not known yet"),
        }
        tokio::time::sleep(BOOK_WITHIN).await;
    }
}

struct Poller {
    reader: Telegram,
    talk: Arc<Conversation>,
    wires: Wires,
    doorman: Doorman,
    /// Commands that are not in the books yet.
    rows: Vec<BookedCommand>,
    crowd: Crowd,
    /// The first batch is of the time before the start.
    is_first: bool,
    failures: u32,
    is_disputed: bool,
    /// Smaller once an answer was too long.
    at_once: usize,
}

/// Strangers: a few of them are told of, the others are counted.
#[derive(Default)]
struct Crowd {
    since: Option<Instant>,
    told: u32,
    untold: u32,
}

impl Crowd {
    /// How many were not told of before this one; none: this one is not told of either.
    fn tell(&mut self, now: Instant) -> Option<u32> {
        if self.since.is_none_or(|since| now.saturating_duration_since(since) >= MINUTE) {
            (self.since, self.told) = (Some(now), 0);
        }
        if self.told >= REFUSALS_PER_MINUTE {
            self.untold = self.untold.saturating_add(1);
            return None;
        }
        self.told += 1;
        Some(std::mem::take(&mut self.untold))
    }
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
        tracing::warn!("{text}");
        let event = RecordEvent { kind: EventKind::Alarm, market: None, text };
        if let Err(error) = self.wires.record.tell(event) {
            tracing::warn!(%error, "the ledger was not told");
        }
    }

    async fn handle_all(&mut self, batch: Vec<Value>) {
        let mut old = std::collections::BTreeMap::<i64, u32>::new();
        for update in &batch {
            let Some(incoming) = updates::parse(update) else {
                tracing::warn!("an update without a number cannot be handled");
                tokio::time::sleep(POLL_MIN).await;
                continue;
            };
            if let Some(chat) = self.handle(incoming).await {
                *old.entry(chat).or_default() += 1;
            }
        }
        if !batch.is_empty() {
            self.is_first = false;
            let _ = self.book().await;
        }
        for (chat, count) in old {
            let talk = self.talk.clone();
            let text = format!("Ignored {count} commands from before the start: too old to be done now.");
            tokio::spawn(async move { talk.say(chat, &text).await });
        }
    }

    /// Handles one update; the chat when it was a command of before the start, which are told of together.
    async fn handle(&mut self, incoming: Incoming) -> Option<i64> {
        let update_id = incoming.update_id;
        match self.doorman.judge(incoming, self.wires.clock.now()) {
            Verdict::Command { chat, user, command } => {
                self.command(update_id, [chat, user], command).await;
                None
            }
            Verdict::Press(press) => {
                self.press(update_id, press).await;
                None
            }
            Verdict::Help { chat, user, why } => {
                self.row(update_id, [Some(chat), Some(user)], "-", "unclear");
                let talk = self.talk.clone();
                tokio::spawn(async move { talk.say(chat, &help(&why)).await });
                None
            }
            Verdict::Refused { why, chat, user, command, is_told } => {
                self.refuse(update_id, why, [chat, user], command);
                self.tell_refused(why, chat.filter(|_| is_told))
            }
        }
    }

    fn tell_refused(&self, why: Refusal, chat: Option<i64>) -> Option<i64> {
        let chat = chat?;
        if self.is_first && why == Refusal::Age {
            return Some(chat);
        }
        let text = if why == Refusal::TooMany {
            "Not done: more than ten commands in a minute. /halt always works."
        } else {
            "Not done: the command took too long to arrive. Send it again."
        };
        let talk = self.talk.clone();
        tokio::spawn(async move { talk.say(chat, text).await });
        None
    }

    /// What makes trading stop is done before it is booked, everything else only once it is: a crash in between repeats a
    /// halt and nothing else.
    async fn command(&mut self, update_id: i64, [chat, user]: [i64; 2], command: Command) {
        tracing::info!(update_id, chat, user, command = command.code(), "a command came from Telegram");
        self.row(update_id, [Some(chat), Some(user)], command.code(), "accepted");
        let talk = self.talk.clone();
        if command.is_safe_late() {
            tokio::spawn(async move { talk.act(chat, user, command).await });
            let _ = self.book().await;
            return;
        }
        match self.book().await {
            Ok(()) => drop(tokio::spawn(async move { talk.act(chat, user, command).await })),
            Err(why) => drop(tokio::spawn(async move { talk.say(chat, &not_done(&why)).await })),
        }
    }

    async fn press(&mut self, update_id: i64, press: ButtonPress) {
        let (chat, user) = (press.chat, press.user);
        let redeemed = self.talk.redeem(&press);
        let (command, verdict) = match &redeemed {
            Ok(action) => (action_code(action.as_ref()), "accepted"),
            Err(mismatch) => ("button", mismatch_code(*mismatch)),
        };
        tracing::info!(update_id, chat, user, command, verdict, "a button was pressed in Telegram");
        self.row(update_id, [chat, Some(user)], command, verdict);
        let booked = self.book().await;
        let talk = self.talk.clone();
        tokio::spawn(async move {
            match (redeemed, booked) {
                (Ok(action), Ok(())) => talk.press(&press, action).await,
                (Ok(_), Err(why)) => talk.toast(&press, &not_done(&why)).await,
                (Err(mismatch), _) => talk.toast(&press, &mismatch.to_string()).await,
            }
        });
    }

    /// Ids and no text: what strangers write is nobody's business, and no log's.
    fn refuse(
        &mut self,
        update_id: i64,
        why: Refusal,
        [chat, user]: [Option<i64>; 2],
        command: &'static str,
    ) {
        match why {
            // What was handled before has its row, and what people say to each other in a chat is none.
            Refusal::Replayed | Refusal::Kind | Refusal::NoCommand | Refusal::OtherBot => return,
            Refusal::ForeignChat
            | Refusal::ForeignUser
            | Refusal::Bot
            | Refusal::NotTyped
            | Refusal::Age
            | Refusal::TooMany => {}
        }
        let Some(unbooked) = self.crowd.tell(Instant::now()) else { return };
        tracing::warn!(
            update_id,
            chat,
            user,
            command,
            why = why.code(),
            unbooked,
            "an update from Telegram was refused"
        );
        let verdict = why.code();
        self.rows.push(BookedCommand { update_id, chat, user, command, verdict, unbooked });
    }

    fn row(
        &mut self,
        update_id: i64,
        [chat, user]: [Option<i64>; 2],
        command: &'static str,
        verdict: &'static str,
    ) {
        self.rows.push(BookedCommand { update_id, chat, user, command, verdict, unbooked: 0 });
    }

    /// Everything up to here, in one step.
    async fn book(&mut self) -> Result<(), String> {
        let Some(place) = self.doorman.place() else { return Ok(()) };
        let book = BookChat { place, commands: std::mem::take(&mut self.rows) };
        let why = match self.wires.book.ask(book, BOOK_WITHIN).await {
            Ok(Ok(true)) => return Ok(()),
            Ok(Ok(false)) => "the books have it already".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(why, "commands of the chat are not in the books");
        Err(why)
    }
}

fn not_done(why: &str) -> String {
    format!("Not done, because it could not be written down: {}", notifier::html::escape(why))
}

fn action_code(action: Option<&notifier::chat::Action>) -> &'static str {
    use notifier::chat::Action;
    match action {
        None => "leave",
        Some(Action::Resume { .. }) => "resume_confirmed",
        Some(Action::Flatten { .. }) => "flatten_confirmed",
    }
}

fn mismatch_code(mismatch: notifier::chat::Mismatch) -> &'static str {
    use notifier::chat::Mismatch;
    match mismatch {
        Mismatch::Unknown => "button_unknown",
        Mismatch::Late => "button_late",
        Mismatch::Foreign => "button_foreign",
    }
}

#[cfg(test)]
mod tests;
