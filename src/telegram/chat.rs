//! The conversation: from an update that was let in to what is asked of the agent, and the answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::messages::control::HaltRecord;
use domain::messages::operator::{DecisionsWanted, Question};
use domain::{Clock, HaltId, HaltNonce, Random};
use notifier::chat::command::MENU;
use notifier::chat::{Action, ButtonPress, Command, Confirmations, Mismatch, Nonce};
use notifier::html::escape;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Failure, Telegram};
use crate::control::wire::{Reply, Request, describe};
use crate::control::{Answers, Door, View};
use crate::report::Reports;

/// Judgements of one answer.
const DECISIONS: u16 = 8;
/// Halts that get a button each.
const BUTTONS_MAX: usize = 8;
/// Attempts to answer; a person who gets none asks again.
const ATTEMPTS: u32 = 3;
/// Between them, unless Telegram names a longer one.
const PAUSE: Duration = Duration::from_secs(1);
/// A longer wait is not waited: the question would be forgotten.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// Longest text of a toast (TELEGRAM.md 6).
const TOAST_MAX_CHARS: usize = 190;

/// What a conversation needs.
pub(super) struct Conversation {
    /// Who speaks; the same pace as the notices have.
    pub(super) bot: Arc<Telegram>,
    /// Whom everything is asked of; the control socket asks the same.
    pub(super) answers: Answers,
    /// Who makes the report of the day.
    pub(super) reports: Arc<Reports>,
    /// Exchange time, which days are of.
    pub(super) clock: Arc<dyn Clock>,
    /// What buttons carry.
    pub(super) random: Arc<dyn Random>,
    /// Buttons that wait.
    pub(super) open: Mutex<Confirmations>,
}

/// A button: what it says and carries.
type Button = (String, String);

impl Conversation {
    fn open(&self) -> MutexGuard<'_, Confirmations> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what was asked, and answers.
    pub(super) async fn act(&self, chat: i64, user: i64, command: Command) {
        let by = person(user);
        match command {
            Command::Help => self.say(chat, &help("")).await,
            Command::Status => self.tell(chat, Request::Status).await,
            Command::Positions => self.tell(chat, Request::Ask(Question::Positions)).await,
            Command::Report => self.report(chat).await,
            Command::Why(stock) => self.tell(chat, Request::Ask(Question::Why { stock, at: None })).await,
            Command::WhyNot(stock) => {
                self.tell(chat, Request::Ask(Question::WhyNot { stock, on: None })).await;
            }
            Command::Decisions => {
                let wanted = DecisionsWanted { stock: None, since: None, limit: DECISIONS };
                self.tell(chat, Request::Ask(Question::Decisions(wanted))).await;
            }
            Command::Budget => self.tell(chat, Request::Budget).await,
            Command::Proposals(None) => self.tell(chat, Request::Ask(Question::Proposals)).await,
            Command::Proposals(Some(number)) => {
                self.tell(chat, Request::Ask(Question::Proposal { number })).await;
            }
            Command::Halt { reason, cancel_open } => {
                let reply = self.ask_agent(Request::Halt { reason, by, cancel_open }).await;
                self.say(chat, &format!("{}\nGo on: /resume", shown(reply))).await;
            }
            Command::Reduce { reason } => {
                let reply =
                    self.ask_agent(Request::Reduce { reason, by, flatten: false, cancel_open: false }).await;
                self.say(chat, &format!("{}\nGo on: /resume", shown(reply))).await;
            }
            Command::Flatten { reason } => self.offer_flatten([user, chat], reason).await,
            Command::Resume => self.offer_resume([user, chat]).await,
        }
    }

    async fn tell(&self, chat: i64, request: Request) {
        let reply = self.ask_agent(request).await;
        self.say(chat, &shown(reply)).await;
    }

    /// What the daily report says, of the day that is on or was last.
    async fn report(&self, chat: i64) {
        let letter = match self.reports.on_request(self.clock.now()).await {
            Ok(letter) => letter,
            Err(why) => return self.say(chat, &format!("There is no report: {}", escape(&why))).await,
        };
        self.say(chat, &letter.html).await;
        let Some(picture) = letter.picture else { return };
        if let Err(error) = self.bot.show_to(chat, &picture, false).await {
            tracing::warn!(chat, %error, "the picture of a report was not delivered");
        }
    }

    async fn ask_agent(&self, request: Request) -> Reply {
        self.answers.ask(request, Door::Chat { code: None }).await
    }

    async fn offer_flatten(&self, who: [i64; 2], reason: String) {
        let text =
            format!("Sell everything that the agent holds, then halt? Reason: {}\n{ONCE}", escape(&reason));
        let nonce = self.offer(who, Action::Flatten { reason });
        self.ask(who[1], &text, vec![vec![yes("Sell everything", nonce), no(nonce)]], &[nonce]).await;
    }

    async fn offer_resume(&self, who: [i64; 2]) {
        let halts = match self.standing().await {
            Ok(halts) => halts,
            Err(why) => return self.say(who[1], &escape(&why)).await,
        };
        if halts.is_empty() {
            return self.say(who[1], "Trading is not halted.").await;
        }
        let mut text = format!("{} halts stand:", halts.len());
        let (mut rows, mut nonces) = (Vec::new(), Vec::new());
        for (place, mut halt) in halts.into_iter().take(BUTTONS_MAX).enumerate() {
            let action =
                Action::Resume { halt: HaltId::from_stored(halt.id.clone()), nonce: halt.nonce.clone() };
            let nonce = self.offer(who, action);
            hide_code(&mut halt);
            text.push_str(&format!("\n{}. {}", place + 1, escape(&describe(&halt))));
            rows.push(vec![yes(&format!("Lift {}", place + 1), nonce)]);
            nonces.push(nonce);
        }
        rows.extend(nonces.first().map(|nonce| vec![no(*nonce)]));
        self.ask(who[1], &format!("{text}\n{ONCE}"), rows, &nonces).await;
    }

    /// The halts that stand, with the codes that lift them from afar.
    async fn standing(&self) -> Result<Vec<HaltRecord>, String> {
        match self.answers.view().await {
            View::Starting => Err("the agent is starting; ask again in a moment".into()),
            View::Wounded(wound) => Err(format!("this cannot be lifted from here: {}", wound.remedy)),
            View::Running(running) => running.trading.map(|trading| trading.halts),
        }
    }

    fn offer(&self, who: [i64; 2], action: Action) -> Nonce {
        let random = self.random.next_u64();
        self.open().offer(who, action, random, Instant::now())
    }

    /// Asks with buttons; they work once it is known under which message they stand.
    async fn ask(&self, chat: i64, html: &str, rows: Vec<Vec<Button>>, nonces: &[Nonce]) {
        match self.send(chat, html, Some(keyboard(rows))).await {
            Ok(Some(message)) => nonces.iter().for_each(|nonce| self.open().bind(*nonce, message)),
            Ok(None) => {
                tracing::warn!(
                    chat,
                    "Telegram did not say which message a button is under; it will not work"
                );
            }
            Err(error) => tracing::warn!(chat, %error, "a question with buttons was not delivered"),
        }
    }

    /// Takes the button's action out, if it is this person's, here and now; none: it is the one that does nothing.
    pub(super) fn redeem(&self, press: &ButtonPress) -> Result<Option<Action>, Mismatch> {
        let (choice, code) = press.data.split_once(':').ok_or(Mismatch::Unknown)?;
        let is_yes = match choice {
            "yes" => true,
            "no" => false,
            _ => return Err(Mismatch::Unknown),
        };
        let (Some(chat), Some(message)) = (press.chat, press.message) else { return Err(Mismatch::Unknown) };
        let action = self.open().redeem(code, [press.user, chat, message], Instant::now())?;
        Ok(is_yes.then_some(action))
    }

    /// Does what a button was for; none: nothing.
    pub(super) async fn press(&self, press: &ButtonPress, action: Option<Action>) {
        self.toast(press, "One moment.").await;
        let by = person(press.user);
        let html = match action {
            None => "Nothing was done.".to_owned(),
            Some(Action::Resume { halt, nonce }) => shown(self.resume(by, halt, nonce).await),
            Some(Action::Flatten { reason }) => {
                let request = Request::Reduce { reason, by, flatten: true, cancel_open: false };
                shown(self.ask_agent(request).await)
            }
        };
        self.replace(press, &html).await;
    }

    async fn resume(&self, by: String, halt: HaltId, nonce: HaltNonce) -> Reply {
        let reason = "confirmed by a button in the chat".to_owned();
        let request = Request::Resume { halt: Some(halt.to_string()), by, reason, reducing: false };
        self.answers.ask(request, Door::Chat { code: Some(nonce) }).await
    }

    /// A word over the button that was pressed.
    pub(super) async fn toast(&self, press: &ButtonPress, text: &str) {
        let text: String = text.chars().take(TOAST_MAX_CHARS).collect();
        let body = json!({ "callback_query_id": press.query, "text": text });
        if let Err(error) = self.bot.call("answerCallbackQuery", &body).await {
            tracing::debug!(%error, "a press was not answered");
        }
    }

    /// The result in the place of the question, without its buttons; a message of its own where that cannot be.
    async fn replace(&self, press: &ButtonPress, html: &str) {
        let (Some(chat), Some(message)) = (press.chat, press.message) else { return };
        let body = json!({
            "chat_id": chat,
            "message_id": message,
            "text": notifier::html::split(html).first(),
            "parse_mode": "HTML",
            "reply_markup": { "inline_keyboard": [] },
        });
        match self.bot.edit(&body).await {
            Ok(_) => {}
            Err(Failure::Refused(why)) if why.contains("not modified") => {}
            Err(error) => {
                tracing::debug!(%error, "a question could not be replaced by its answer");
                self.say(chat, html).await;
            }
        }
    }

    /// Says something; what cannot be delivered is a line in the log.
    pub(super) async fn say(&self, chat: i64, html: &str) {
        if let Err(error) = self.send(chat, html, None).await {
            tracing::warn!(chat, %error, "an answer was not delivered");
        }
    }

    async fn send(&self, chat: i64, html: &str, keyboard: Option<Value>) -> Result<Option<i64>, Failure> {
        let mut attempt = 1;
        loop {
            match self.bot.say_to(chat, html, keyboard.clone()).await {
                Err(Failure::RetryAfter(wait)) if attempt < ATTEMPTS && wait <= WAIT_MAX => {
                    tokio::time::sleep(wait).await;
                }
                Err(Failure::Unreachable(_)) if attempt < ATTEMPTS => tokio::time::sleep(PAUSE).await,
                outcome => return outcome,
            }
            attempt += 1;
        }
    }
}

const ONCE: &str = "The buttons work once, for one minute, and for you alone.";

/// Who it was, for the books.
fn person(user: i64) -> String {
    format!("telegram user {user}")
}

/// The commands, behind `why` if there is something to say first.
pub(super) fn help(why: &str) -> String {
    let mut text = if why.is_empty() { String::new() } else { format!("{}\n", escape(why)) };
    text.push_str("What you can ask:");
    for (name, meaning) in MENU {
        text.push_str(&format!("\n/{name} – {}", escape(meaning)));
    }
    text
}

/// A reply as the chat shows it: as on the command line, and without the codes that lift halts.
fn shown(reply: Reply) -> String {
    let mut reply = reply;
    if let Reply::Halted(halted) = &mut reply {
        hide_code(&mut halted.halt);
    } else if let Reply::Resumed(resumed) = &mut reply {
        resumed.lifted.iter_mut().for_each(hide_code);
    } else if let Reply::Status(status) = &mut reply {
        status.halts.iter_mut().for_each(hide_code);
    }
    format!("<pre>{}</pre>", escape(&reply.to_string()))
}

fn hide_code(halt: &mut HaltRecord) {
    halt.nonce = HaltNonce::default();
}

fn yes(text: &str, nonce: Nonce) -> Button {
    (text.to_owned(), format!("yes:{nonce}"))
}

fn no(nonce: Nonce) -> Button {
    ("Leave it".to_owned(), format!("no:{nonce}"))
}

fn keyboard(rows: Vec<Vec<Button>>) -> Value {
    let button = |(text, data): Button| json!({ "text": text, "callback_data": data });
    let rows: Vec<Vec<Value>> = rows.into_iter().map(|row| row.into_iter().map(button).collect()).collect();
    json!({ "inline_keyboard": rows })
}
