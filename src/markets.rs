//! `kestrel markets`: where the ten markets stand at an instant, what comes next, and how well that is known.

mod picture;
pub(crate) mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::Path;

use chrono::{DateTime, Days, NaiveDate, Utc};
use domain::messages::schedule::{DateStatus, Phase, Trust};
use domain::{Clock, Market};
use market_clock::{Calendar, DayChange, DayKind};
use serde::{Serialize, Serializer};

use crate::cli::MarketsArgs;
use crate::clock::SystemClock;
use crate::control::standing::MarketStanding;
use crate::terminal;

pub use picture::draw;

/// One market at one instant, as `--json` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MarketView {
    /// The market.
    pub market: Market,
    /// The instant.
    pub at: DateTime<Utc>,
    /// Whether it trades; null where no calendar reaches.
    pub is_open: Option<bool>,
    /// Where its day stands.
    #[serde(serialize_with = "in_words")]
    pub phase: Phase,
    /// The session of the local date, if it has one.
    pub session_date: Option<NaiveDate>,
    /// How well the local date is known.
    #[serde(serialize_with = "in_words")]
    pub date_status: DateStatus,
    /// When it next turns open, lunch counted.
    pub next_open: Option<DateTime<Utc>>,
    /// When the next session opens.
    pub next_session_open: Option<DateTime<Utc>>,
    /// When its phase next changes.
    pub next_change: Option<DateTime<Utc>>,
    /// What a running agent has found, where its phase differs from the calendar's or it does not trust the day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<MarketStanding>,
    /// No calendar reaches its day, and the override file lets exits through.
    #[serde(skip)]
    exits_allowed: bool,
    /// The days from the local date on, only when they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<DayView>,
}

/// One local day of one market.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayView {
    /// The local date.
    pub date: NaiveDate,
    /// How well it is known.
    #[serde(serialize_with = "in_words")]
    pub date_status: DateStatus,
    /// Why it is what it is.
    pub why: String,
    /// The first instant of trading, if there is any.
    pub open: Option<DateTime<Utc>>,
    /// The first instant after trading.
    pub close: Option<DateTime<Utc>>,
    /// Start and end of the break.
    pub lunch: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

fn in_words<S: Serializer>(word: &impl std::fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(word)
}

impl MarketView {
    /// What `calendar` says of `market` at `at`, and of `days` local days from then on.
    pub fn at(calendar: &Calendar, market: Market, at: DateTime<Utc>, days: u32) -> Self {
        let today = market.date_at(at);
        let dates = (0..u64::from(days)).filter_map(|day| today.checked_add_days(Days::new(day)));
        Self {
            market,
            at,
            is_open: calendar.is_open(market, at),
            phase: calendar.phase(market, at),
            session_date: calendar.session_date(market, at),
            date_status: calendar.status(market, today),
            next_open: calendar.next_open(market, at),
            next_session_open: calendar.next_session_open(market, at),
            next_change: calendar.next_change(market, at).map(|change| change.at),
            found: None,
            exits_allowed: false,
            days: dates.map(|date| DayView::on(calendar, market, date)).collect(),
        }
    }

    /// Adds the operator's word for exits on a day that no calendar reaches.
    fn with_word(self, exits: &BTreeSet<(Market, NaiveDate)>) -> Self {
        Self { exits_allowed: exits.contains(&(self.market, self.market.date_at(self.at))), ..self }
    }

    /// Adds what a running agent has found of this market, unless it says the same as the calendar.
    fn beside(self, found: &[MarketStanding]) -> Self {
        let differs = |standing: &&MarketStanding| {
            standing.market == self.market
                && (standing.phase != self.phase.code() || standing.trust != Trust::Certain.code())
        };
        let found = found.iter().find(differs).cloned();
        Self { found, ..self }
    }
}

impl DayView {
    fn on(calendar: &Calendar, market: Market, date: NaiveDate) -> Self {
        let session = calendar.session_on(market, date);
        Self {
            date,
            date_status: calendar.status(market, date),
            why: why(calendar.day(market, date)),
            open: session.map(|session| session.open),
            close: session.map(|session| session.close),
            lunch: session.and_then(|session| session.lunch),
        }
    }
}

/// Why a day is what it is, in words.
fn why(kind: DayKind) -> String {
    match kind {
        DayKind::Session => "session",
        DayKind::ShortOrShifted => "session with other hours",
        DayKind::Weekend => "weekend",
        DayKind::Holiday(name) => name.unwrap_or("holiday"),
        DayKind::Changed(DayChange::Closed) => "closed by the override file",
        DayKind::Changed(DayChange::ClosedByBroker) => "closed by the broker's list",
        DayKind::Changed(DayChange::Open) => "opened by the override file",
        DayKind::Changed(DayChange::Hours(_)) => "hours from the override file",
        DayKind::Unknown => "outside the calendar",
    }
    .to_owned()
}

/// Prints the markets by the calendar and the file of `overrides`, and what a running agent has `found` of them beside it;
/// draws them when asked.
///
/// # Errors
/// Why the override file cannot be read, or the picture or the JSON written, in words.
pub fn run(args: &MarketsArgs, overrides: Option<&Path>, found: &[MarketStanding]) -> Result<(), String> {
    let (calendar, exits) = calendar(overrides)?;
    if let Some(fault) = calendar.fault() {
        terminal::complain(format!("{fault}; every market is unknown"));
    }
    let at = args.at.unwrap_or_else(|| SystemClock.now());
    let markets = chosen(&args.markets);
    if let Some(path) = &args.svg {
        write(path, &draw(&calendar, &markets, at))?;
        if !args.json {
            terminal::line(format!("The week is drawn in {}.\n", path.display()));
        }
    }
    let view =
        |market: &Market| MarketView::at(&calendar, *market, at, args.days).with_word(&exits).beside(found);
    let views: Vec<_> = markets.iter().map(view).collect();
    if args.json {
        terminal::line(serde_json::to_string_pretty(&views).map_err(|error| error.to_string())?);
    } else {
        let text = table::text(&calendar, &views, at);
        terminal::line(text.trim_end());
    }
    Ok(())
}

/// Each market that was asked for once, in the order asked; all when none was.
fn chosen(asked: &[Market]) -> Vec<Market> {
    let mut chosen = Vec::new();
    for market in asked {
        if !chosen.contains(market) {
            chosen.push(*market);
        }
    }
    if chosen.is_empty() { Market::ALL.to_vec() } else { chosen }
}

/// The built-in calendar with the override file, if one is named, and the days on which that file lets exits through.
pub(crate) fn calendar(
    overrides: Option<&Path>,
) -> Result<(Calendar, BTreeSet<(Market, NaiveDate)>), String> {
    let official = Calendar::official();
    let Some(path) = overrides else { return Ok((official, BTreeSet::new())) };
    let overrides = crate::overrides::read(path)?;
    let calendar = official.with_changes(&overrides.changes).map_err(|error| error.to_string())?;
    Ok((calendar, overrides.exits))
}

fn write(path: &Path, svg: &str) -> Result<(), String> {
    std::fs::write(path, svg).map_err(|error| {
        format!(
            "the picture cannot be written to {}: {error}; name a file in a folder that exists",
            path.display()
        )
    })
}
