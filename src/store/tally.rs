//! Counts for whoever watches from outside: orders by where they stand, judgements, refusals, halts.

use chrono::{DateTime, Utc};
use diesel::dsl::{count_star, max};
use diesel::prelude::*;
use domain::messages::control::HaltSource;
use domain::{Action, Market, Money, OrderState};

use super::fault::Fault;
use super::schema::{chat_commands, decisions, fills, halts, refusals, selections, unknowns};
use super::values::{count, time};
use super::{journal, reports, retention};

/// What is counted of the books.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Orders per state; zero counts are left out.
    pub orders: Vec<(OrderState, u64)>,
    /// Orders whose fate was unknown for a while, each time counted.
    pub unknowns: u64,
    /// Fills booked.
    pub fills: u64,
    /// Judgements per action.
    pub decisions: Vec<(Action, u64)>,
    /// Proposals that RiskGuard refused, per reason of its closed list; reasons that never came are left out.
    pub refusals: Vec<(String, u64)>,
    /// Halts per source, those that were lifted included.
    pub halts: Vec<(HaltSource, u64)>,
    /// When a scan of a market last considered a stock.
    pub scans: Vec<(Market, DateTime<Utc>)>,
    /// Updates of the chat per verdict; those that no row was spent on are `not_booked`.
    pub chat: Vec<(String, u64)>,
    /// Realised profit per currency since the books began, before fees.
    pub realised: Vec<Money>,
    /// When something was last committed; none in empty books.
    pub last_commit: Option<DateTime<Utc>>,
    /// When old rows were last looked for; none: not yet.
    pub last_retention: Option<DateTime<Utc>>,
    /// Old rows that went.
    pub dropped: u64,
}

pub(super) fn tally(conn: &mut SqliteConnection) -> Result<Tally, Fault> {
    let fills: i64 = fills::table.count().get_result(conn)?;
    let size = retention::size(conn)?;
    let unknown: i64 = unknowns::table.count().get_result(conn)?;
    Ok(Tally {
        orders: reports::by_state(conn)?,
        unknowns: count(unknown)?,
        fills: count(fills)?,
        decisions: by_action(conn)?,
        refusals: by_reason(conn)?,
        halts: by_source(conn)?,
        scans: last_scans(conn)?,
        chat: by_verdict(conn)?,
        realised: reports::realised(conn)?,
        last_commit: journal::last_commit(conn)?,
        last_retention: size.last_run,
        dropped: size.dropped,
    })
}

fn by_action(conn: &mut SqliteConnection) -> Result<Vec<(Action, u64)>, Fault> {
    let rows: Vec<(String, i64)> =
        decisions::table.group_by(decisions::action).select((decisions::action, count_star())).load(conn)?;
    [Action::Buy, Action::Sell, Action::Hold]
        .into_iter()
        .map(|action| {
            let gone = match action {
                Action::Hold => retention::gone(conn, "decisions")?,
                Action::Buy | Action::Sell => 0,
            };
            Ok((action, counted(&rows, action.code())?.saturating_add(gone)))
        })
        .collect()
}

fn by_reason(conn: &mut SqliteConnection) -> Result<Vec<(String, u64)>, Fault> {
    let rows: Vec<(String, i64)> = refusals::table
        .group_by(refusals::reason)
        .order(refusals::reason)
        .select((refusals::reason, count_star()))
        .load(conn)?;
    rows.into_iter().map(|(reason, number)| Ok((reason, count(number)?))).collect()
}

fn by_verdict(conn: &mut SqliteConnection) -> Result<Vec<(String, u64)>, Fault> {
    let rows: Vec<(String, i64)> = chat_commands::table
        .group_by(chat_commands::verdict)
        .order(chat_commands::verdict)
        .select((chat_commands::verdict, count_star()))
        .load(conn)?;
    let spared: Vec<i64> = chat_commands::table
        .filter(chat_commands::unbooked.gt(0))
        .select(chat_commands::unbooked)
        .load(conn)?;
    let spared = Some(("not_booked".to_owned(), spared.iter().sum())).filter(|(_, number)| *number > 0);
    rows.into_iter().chain(spared).map(|(verdict, number)| Ok((verdict, count(number)?))).collect()
}

fn by_source(conn: &mut SqliteConnection) -> Result<Vec<(HaltSource, u64)>, Fault> {
    let rows: Vec<(String, i64)> =
        halts::table.group_by(halts::source).select((halts::source, count_star())).load(conn)?;
    HaltSource::ALL.into_iter().map(|source| Ok((source, counted(&rows, source.code())?))).collect()
}

fn counted(rows: &[(String, i64)], code: &str) -> Result<u64, Fault> {
    let number = rows.iter().find(|(stored, _)| stored == code).map_or(0, |(_, number)| *number);
    Ok(count(number)?)
}

/// Of each market's newest session alone: its rows lie together.
fn last_scans(conn: &mut SqliteConnection) -> Result<Vec<(Market, DateTime<Utc>)>, Fault> {
    let mut scans = Vec::new();
    for market in Market::ALL {
        let of_market = selections::table.filter(selections::market.eq(market.code()));
        let newest: Option<String> = of_market.select(max(selections::session_date)).first(conn)?;
        let Some(newest) = newest else { continue };
        let session = of_market.filter(selections::session_date.eq(newest));
        let last_ms: Option<i64> = session.select(max(selections::last_at_ms)).first(conn)?;
        if let Some(last_ms) = last_ms {
            scans.push((market, time(last_ms)?));
        }
    }
    Ok(scans)
}
