//! A start that must not trade: the process runs, says why, takes status and halt, and writes nothing into the books.
//!
//! Wrong settings and a directory that cannot be written end the process with exit code 78. Books that are damaged, or a
//! disk that fails, do not: whoever looks must find somebody who can tell (order-protocol 4, invariant 11).

use std::sync::Arc;
use std::time::Duration;

use domain::messages::control::{Durability, HaltSource, RequestHalt};
use notifier::html::escape;
use notifier::{Letter, Messenger as _, MessengerError};
use tokio::signal::unix::{SignalKind, signal};
use trade_ledger::StoreError;

use super::Ended;
use crate::control::{Answers, LastResort, Wound};
use crate::report::Reports;
use crate::service_manager;
use crate::store::OpenError;
use crate::telegram::poll::Wires;
use crate::telegram::{self, Telegram};
use crate::{app, config};

/// Attempts to tell the chat, a second apart, then two, four and so on.
const ATTEMPTS: u32 = 6;

/// Why a start does not come to trading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// The process ends with exit code 78; the remedy in words.
    Refused(String),
    /// The process runs halted; the remedy in words.
    Wounded {
        /// What kind of trouble.
        source: HaltSource,
        /// What happened and what to do.
        why: String,
    },
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(why) | Self::Wounded { why, .. } => f.write_str(why),
        }
    }
}

impl From<String> for Unfit {
    fn from(why: String) -> Self {
        Self::Refused(why)
    }
}

impl From<OpenError> for Unfit {
    fn from(error: OpenError) -> Self {
        let why = error.to_string();
        match error {
            OpenError::Damaged { .. } => Self::Wounded { source: HaltSource::Integrity, why },
            OpenError::Failed { .. } => Self::Wounded { source: HaltSource::Storage, why },
            OpenError::Unwritable { .. }
            | OpenError::Locked { .. }
            | OpenError::NewerSchema { .. }
            | OpenError::OlderSchema { .. }
            | OpenError::Missing { .. } => Self::Refused(why),
        }
    }
}

impl From<StoreError> for Unfit {
    fn from(error: StoreError) -> Self {
        let why = error.to_string();
        match error {
            StoreError::DiskFull(_) => Self::Wounded {
                source: HaltSource::Storage,
                why: format!("{why}; make room and start again"),
            },
            StoreError::Failed(_) => Self::Wounded {
                source: HaltSource::Storage,
                why: format!("{why}; look at the file system and start again"),
            },
            StoreError::Malformed { .. } => Self::Wounded {
                source: HaltSource::Integrity,
                why: format!("{why}; move the database aside, restore a copy and start again"),
            },
            StoreError::Refused(_)
            | StoreError::Locked(_)
            | StoreError::NotRepresentable(_)
            | StoreError::Fenced { .. } => Self::Refused(why),
        }
    }
}

/// Stays until SIGTERM or SIGINT. The file HALT keeps the start after the mending halted too; one that is there already
/// stays as it is.
///
/// # Errors
/// When the process cannot wait for signals; in words.
pub(super) fn sit_out(
    source: HaltSource,
    why: String,
    last_resort: &LastResort,
    answers: &Answers,
    chat: Chat<'_>,
) -> Result<Ended, String> {
    let wound = wound(source, why, last_resort);
    tracing::error!(halt = wound.halt.id, durability = ?wound.durability, "not trading: {}", wound.remedy);
    let remedy = wound.remedy.clone();
    answers.open_wounded(wound);
    let bot = chat.open(last_resort, answers);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(async {
        let _told = bot.map(|bot| tokio::spawn(tell(bot, remedy)));
        until_told_to_end().await
    })
}

/// The chat of a process that has no books: it takes halts, and tells how it stands.
pub(super) struct Chat<'a> {
    pub(super) settings: Option<&'a config::Telegram>,
    pub(super) reports: Arc<Reports>,
}

impl Chat<'_> {
    /// Begins to read the chat where the settings name people; the bot. What fails is in the log: the process answers without a chat too.
    fn open(self, last_resort: &LastResort, answers: &Answers) -> Option<Arc<Telegram>> {
        let settings = self.settings?;
        let opened = || -> Result<Arc<Telegram>, String> {
            let bot = telegram::connect_to(settings.clone())?;
            let wires = Wires {
                bot: bot.clone(),
                answers: answers.clone(),
                reports: self.reports,
                exchange_clock: last_resort.clock.clone(),
                books: None,
                clock: last_resort.clock.clone(),
                random: last_resort.random.clone(),
            };
            telegram::poll::open(settings, wires)?;
            Ok(bot)
        };
        let opened = opened();
        if let Err(why) = &opened {
            tracing::error!(why, "the chat is neither told nor read");
        }
        opened.ok()
    }
}

/// Tells the chat why nothing is traded. Nobody else would: there are no books to tell from.
async fn tell(bot: Arc<Telegram>, remedy: String) {
    let html =
        format!("<b>NOT TRADING</b>: {}\nThis process answers /status and takes /halt.", escape(&remedy));
    let letter = Letter { html, is_silent: false, picture: None };
    for attempt in 0..ATTEMPTS {
        match bot.send(letter.clone()).await {
            Ok(()) => return,
            Err(MessengerError::Off(_) | MessengerError::Refused(_)) => break,
            Err(MessengerError::RetryAfter(wait)) => tokio::time::sleep(wait).await,
            Err(MessengerError::Unreachable(_) | MessengerError::Unanswered(_)) => {
                tokio::time::sleep(Duration::from_secs(1 << attempt)).await;
            }
        }
    }
    tracing::warn!("the chat was not told that nothing is traded");
}

fn wound(source: HaltSource, why: String, last_resort: &LastResort) -> Wound {
    if let Some(halt) = last_resort.emergency.read() {
        return Wound { halt, durability: Durability::EmergencyFile, remedy: why };
    }
    let request = RequestHalt { source, by: "start".into(), reason: why.clone(), cancel_open: false };
    let halt = app::emergency_record(request, &last_resort.clock, &last_resort.random);
    let durability = last_resort.keep(&halt);
    Wound { halt, durability, remedy: why }
}

async fn until_told_to_end() -> Result<Ended, String> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    service_manager::ready("answers; halted, because its books or its disk are not fit to trade on");
    let _signs_of_life = tokio::spawn(service_manager::signs_of_life());
    tokio::select! {
        biased;
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    service_manager::stopping();
    Ok(Ended::Drained)
}
