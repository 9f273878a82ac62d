//! The daily report: what a day was, in words and as a picture. Told when the books of the last market are closed, and on request.
//!
//! A day is that of the session dates: it begins with the last close of the day before, and ends with the last close of the markets that
//! trade on it. Everything is read from the books; what is unknown says so.

mod wording;

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Days, NaiveDate, Utc};
use domain::messages::ledger::{EventKind, LedgerEvent};
use domain::messages::operator::{Answer, EventLine, EventsWanted, LINES_MAX, PnlLine, Question, Since};
use domain::{BoxFuture, Market};
use market_clock::Calendar;
use notifier::{Letter, Picture, Reporter};

use crate::control::Answers;
use crate::curve::Seen;
use crate::{overrides, picture};

/// Days of the equity curve.
const DAYS: u16 = 60;
/// A day of which nobody has a session so long before it is not looked for.
const DAYS_BACK: u64 = 15;

/// Makes the reports of an agent.
pub(crate) struct Reports {
    answers: Answers,
    markets: Vec<Market>,
    /// The operator's word on days.
    overrides: Option<PathBuf>,
}

/// A day, as it is told.
struct Day {
    date: NaiveDate,
    /// When the day before ended.
    from: DateTime<Utc>,
    /// When its last market closes.
    until: DateTime<Utc>,
    /// The market that closes last; of several the one that the settings name last.
    last: Market,
}

/// What is told of a day.
struct Facts {
    date: NaiveDate,
    from: DateTime<Utc>,
    at: DateTime<Utc>,
    pnl: Vec<PnlLine>,
    fills: Found,
    refusals: Found,
    /// Halts and what lifted them, in their order.
    halts: Found,
    /// What the language model took, in words, or why that is not known.
    budget: Result<String, String>,
}

/// Events of a kind, oldest first.
struct Found {
    events: Vec<EventLine>,
    /// True: there were more than are here.
    more: bool,
}

impl Reports {
    pub(crate) fn new(answers: Answers, markets: Vec<Market>, overrides: Option<PathBuf>) -> Self {
        Self { answers, markets, overrides }
    }

    /// With the operator's days as they are now; without them where the file is wrong, which MarketClock says.
    fn calendar(&self) -> Calendar {
        let official = Calendar::official();
        let changed = self.overrides.as_deref().and_then(|path| overrides::read(path).ok());
        changed.and_then(|changed| official.with_changes(&changed.changes).ok()).unwrap_or(official)
    }

    /// The report of the day that is on at `now`, or was last.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub(crate) async fn on_request(&self, now: DateTime<Utc>) -> Result<Letter, String> {
        let calendar = self.calendar();
        let begun = self.markets.iter().filter_map(|market| calendar.last_begun(*market, now));
        let date = begun.map(|session| session.date).max().ok_or("no market has opened yet")?;
        let day = day(&calendar, &self.markets, date).ok_or("the calendar does not know the day")?;
        let (facts, picture) = self.gather(&day).await?;
        Ok(letter(&facts, picture, None))
    }

    async fn due(&self, event: &LedgerEvent) -> Result<Option<Letter>, String> {
        let Some(day) = self.ended_by(event) else { return Ok(None) };
        let (facts, picture) = self.gather(&day).await?;
        if !self.knew_the_day(&day).await? {
            return Ok(None);
        }
        Ok(Some(letter(&facts, picture, Some(event))))
    }

    /// The day that ends with this event.
    fn ended_by(&self, event: &LedgerEvent) -> Option<Day> {
        let (market, date) = (event.market?, closed_date(event)?);
        day(&self.calendar(), &self.markets, date).filter(|day| day.last == market)
    }

    /// New books close the day before their first too; nobody wants to hear of it.
    async fn knew_the_day(&self, day: &Day) -> Result<bool, String> {
        let wanted = EventsWanted { kind: None, since: None, after: Some(domain::EventId(0)), limit: 1 };
        let (_, mut answers) = self.answers.books(vec![Question::Events(wanted)]).await?;
        let first = answers.pop().map(found).and_then(|found| found.events.first().map(|event| event.at));
        Ok(first.is_some_and(|first| first < day.until))
    }

    async fn gather(&self, day: &Day) -> Result<(Facts, Option<Vec<u8>>), String> {
        let since = Some(Since::At(day.from));
        let events =
            |kind| Question::Events(EventsWanted { kind: Some(kind), since, after: None, limit: LINES_MAX });
        let kinds = [EventKind::Fill, EventKind::Refusal, EventKind::Halt, EventKind::Resume];
        let asked = [Question::Pnl { since }].into_iter().chain(kinds.map(events)).collect();
        let (at, answers) = self.answers.books(asked).await?;
        let mut answers = answers.into_iter();
        let pnl = match answers.next() {
            Some(Answer::Pnl { currencies, .. }) => currencies,
            Some(_) | None => Vec::new(),
        };
        let mut next = || answers.next().map_or_else(Found::nothing, found);
        let (fills, refusals, halts, resumes) = (next(), next(), next(), next());
        let budget = self.answers.counted().await.map(|counted| wording::budget(&counted.budget));
        let picture = self.picture(&pnl).await;
        let halts = halts.and(resumes);
        Ok((Facts { date: day.date, from: day.from, at, pnl, fills, refusals, halts, budget }, picture))
    }

    /// What each day began with, and how it stands now.
    async fn picture(&self, pnl: &[PnlLine]) -> Option<Vec<u8>> {
        let days = self.answers.day_starts(DAYS).await.unwrap_or_default();
        let mut seen = Seen::default();
        for day in pnl.iter().filter_map(|line| line.day) {
            if let (Some(equity), Some(at)) = (day.equity, day.told_at) {
                seen.note(at, equity);
            }
        }
        picture::of(&seen.with_days(&days))
    }
}

impl Reporter for Reports {
    fn is_due(&self, event: &LedgerEvent) -> bool {
        self.ended_by(event).is_some()
    }

    fn make<'a>(&'a self, event: &'a LedgerEvent) -> BoxFuture<'a, Result<Option<Letter>, String>> {
        Box::pin(self.due(event))
    }
}

impl Found {
    fn nothing() -> Self {
        Self { events: Vec::new(), more: false }
    }

    /// Both, in their order.
    fn and(mut self, other: Self) -> Self {
        self.events.extend(other.events);
        self.events.sort_by_key(|event| event.id);
        Self { more: self.more || other.more, ..self }
    }
}

fn found(answer: Answer) -> Found {
    match answer {
        Answer::Events { events, more, .. } => Found { events, more },
        Answer::Positions { .. }
        | Answer::Orders { .. }
        | Answer::Decisions { .. }
        | Answer::Pnl { .. }
        | Answer::Why { .. }
        | Answer::WhyNot { .. }
        | Answer::Proposals { .. }
        | Answer::Proposal { .. } => Found::nothing(),
    }
}

fn letter(facts: &Facts, picture: Option<Vec<u8>>, event: Option<&LedgerEvent>) -> Letter {
    let html = wording::html(facts, event.map(|event| event.id), picture.is_some());
    let caption = format!("Equity per currency, up to {}", facts.date);
    let picture = picture.map(|png| Picture { png: png.into(), caption });
    Letter { html, is_silent: true, picture }
}

/// The books write it: `the books of KR for 2026-11-26 are closed`.
fn closed_date(event: &LedgerEvent) -> Option<NaiveDate> {
    let is_close = event.kind == EventKind::DayClosed && event.text.ends_with(" are closed");
    let (_, rest) = event.text.split_once(" for ").filter(|_| is_close)?;
    rest.split(' ').next()?.parse().ok()
}

/// The day of that session date, if any of the markets trades on it.
fn day(calendar: &Calendar, markets: &[Market], date: NaiveDate) -> Option<Day> {
    let last_close = |date| {
        let sessions =
            markets.iter().filter_map(|market| Some((calendar.session_on(*market, date)?.close, *market)));
        // Of equal ones `max_by_key` gives the last.
        sessions.max_by_key(|(close, _)| *close)
    };
    let (until, last) = last_close(date)?;
    let before = (1..=DAYS_BACK).find_map(|back| last_close(date.checked_sub_days(Days::new(back))?));
    let from = before.map_or(date.and_time(chrono::NaiveTime::MIN).and_utc(), |(close, _)| close);
    Some(Day { date, from, until, last })
}

/// How often each gate refused, most often first: the books write `BUY KR:005930 refused, FatFinger: ...`.
fn refusals(events: &[EventLine]) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for event in events {
        let gate = event.text.split_once(" refused, ").and_then(|(_, rest)| rest.split(':').next());
        *counts.entry(gate.unwrap_or("other").to_owned()).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

#[cfg(test)]
mod tests;
