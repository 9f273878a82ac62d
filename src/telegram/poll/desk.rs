//! What becomes of each update: done, confirmed, explained or refused.

use notifier::chat::{Action, ButtonPress, Command, Incoming, Mismatch, Refusal, Verdict};
use serde_json::Value;

use super::super::chat::help;
use super::super::updates;
use super::{POLL_MIN, Poller};

impl Poller {
    pub(super) async fn handle_all(&mut self, batch: Vec<Value>) {
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
        if self.wires.books.is_none() && !is_taken_without_books(&command) {
            tokio::spawn(async move { talk.say(chat, NO_BOOKS).await });
            return;
        }
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
}

const NO_BOOKS: &str = "Not done: this process has no books to write it into. It takes /halt, /reduce, /status and /help; \
                        /status says what is wrong.";

/// What needs no books: it stops trading, or only tells.
fn is_taken_without_books(command: &Command) -> bool {
    match command {
        Command::Help | Command::Status | Command::Halt { .. } | Command::Reduce { .. } => true,
        Command::Positions
        | Command::Report
        | Command::Why(_)
        | Command::WhyNot(_)
        | Command::Decisions
        | Command::Budget
        | Command::Proposals(_)
        | Command::Flatten { .. }
        | Command::Resume => false,
    }
}

fn not_done(why: &str) -> String {
    format!("Not done, because it could not be written down: {}", notifier::html::escape(why))
}

fn action_code(action: Option<&Action>) -> &'static str {
    match action {
        None => "leave",
        Some(Action::Resume { .. }) => "resume_confirmed",
        Some(Action::Flatten { .. }) => "flatten_confirmed",
    }
}

fn mismatch_code(mismatch: Mismatch) -> &'static str {
    match mismatch {
        Mismatch::Unknown => "button_unknown",
        Mismatch::Late => "button_late",
        Mismatch::Foreign => "button_foreign",
    }
}
