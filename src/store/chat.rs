//! What came through the chat: where it was handled to, and each command with what became of it.

use chrono::TimeDelta;
use diesel::prelude::*;
use domain::messages::chat::{BookChat, BookedCommand, ChatPlace};

use super::fault::Fault;
use super::schema::{chat_commands, chat_place};
use super::values::{ms, time};

/// Telegram's numbers begin anew, at random, after a week without updates (TELEGRAM.md 5).
const NUMBERS_LAST: TimeDelta = TimeDelta::days(7);
/// The one row of the place.
const ONLY: i64 = 1;

/// Up to where the chat was handled.
pub(super) fn place(conn: &mut SqliteConnection) -> Result<Option<ChatPlace>, Fault> {
    let row: Option<(i64, i64)> = chat_place::table
        .find(ONLY)
        .select((chat_place::update_id, chat_place::at_ms))
        .first(conn)
        .optional()?;
    let known = |(update_id, at_ms)| Ok(ChatPlace { update_id, at: time(at_ms)? });
    row.map(known).transpose()
}

/// Moves on, with the commands on the way; false when that was done before.
pub(super) fn book(conn: &mut SqliteConnection, book: &BookChat) -> Result<bool, Fault> {
    let now = book.place;
    let is_old = |last: ChatPlace| now.update_id <= last.update_id && now.at - last.at < NUMBERS_LAST;
    if place(conn)?.is_some_and(is_old) {
        return Ok(false);
    }
    let row = (chat_place::update_id.eq(now.update_id), chat_place::at_ms.eq(ms(now.at)));
    diesel::insert_into(chat_place::table)
        .values((chat_place::id.eq(ONLY), row.0, row.1))
        .on_conflict(chat_place::id)
        .do_update()
        .set(row)
        .execute(conn)?;
    book.commands.iter().try_for_each(|command| insert(conn, command, now))?;
    Ok(true)
}

fn insert(conn: &mut SqliteConnection, command: &BookedCommand, now: ChatPlace) -> Result<(), Fault> {
    let BookedCommand { update_id, chat, user, command, verdict, unbooked } = command;
    let row = (
        chat_commands::update_id.eq(update_id),
        chat_commands::at_ms.eq(ms(now.at)),
        chat_commands::chat_id.eq(chat),
        chat_commands::user_id.eq(user),
        chat_commands::command.eq(command),
        chat_commands::verdict.eq(verdict),
        chat_commands::unbooked.eq(i64::from(*unbooked)),
    );
    diesel::insert_into(chat_commands::table).values(row).execute(conn)?;
    Ok(())
}
