//! What the mutants make of the conditional update. Without the feature `mutants` nobody can get here.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::{IntentId, OrderState, Outcome, Refusal};
use supervision::mutant::{self, Mutant};
use trade_ledger::{Begun, SendingRequest};

use super::fault::Fault;
use super::orders;
use super::schema::intents;
use super::values::ms;

/// The conditional update, without the clauses that a mutant forgets.
pub(super) fn conditional_update(whole: &'static str) -> Cow<'static, str> {
    if mutant::is_on(Mutant::NoFencing) {
        return whole.replace("s.fencing_epoch = ?", "? IS NOT NULL").into();
    }
    if mutant::is_on(Mutant::NoHaltCheck) {
        let without_epoch = whole.replace(" AND s.halt_epoch = a.halt_epoch", "");
        let nothing = "FROM (SELECT * FROM standing_halts LIMIT 0) AS t";
        return without_epoch.replace("FROM standing_halts AS t", nothing).into();
    }
    Cow::Borrowed(whole)
}

/// What a mutant does: every check, and no row before the outcome is there.
pub(super) fn commit_later(conn: &mut SqliteConnection, request: &SendingRequest) -> Result<Begun, Fault> {
    let mut begun = Err(Fault::refused("not tried"));
    let rolled_back: Result<(), Fault> = conn.transaction(|conn| {
        begun = orders::update_to_sending(conn, request);
        Err(Fault::refused("written with the outcome"))
    });
    rolled_back.err();
    begun
}

/// The other half of [`commit_later`]: the row that should have been there before the POST.
pub(super) fn write_with_outcome(
    conn: &mut SqliteConnection,
    id: &IntentId,
    outcome: &Outcome,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    if matches!(outcome, Outcome::Refused(Refusal::NotSent(_))) {
        return Ok(());
    }
    let approved = intents::table
        .filter(intents::id.eq(id.as_str()))
        .filter(intents::state.eq(OrderState::Approved.code()));
    let values = (intents::state.eq(OrderState::Sending.code()), intents::sent_at_ms.eq(ms(at)));
    diesel::update(approved).set(values).execute(conn)?;
    Ok(())
}
