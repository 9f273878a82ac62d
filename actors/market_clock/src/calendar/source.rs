//! The compact calendar data as it is written, and its meaning in minutes of local time.
//!
//! Format: `data/PROVENANCE.md` and CALENDARS.md 2.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;
use domain::Market;
use serde::{Deserialize, Deserializer};

use super::TableError;

/// The whole data file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    /// Version of the format.
    schema: u32,
    /// When it was made.
    #[serde(rename = "generated")]
    _generated: NaiveDate,
    pub(super) first: NaiveDate,
    pub(super) last: NaiveDate,
    /// Days of the week that can be sessions.
    weekdays: String,
    pub(super) calendars: BTreeMap<String, CalendarSource>,
    pub(super) markets: BTreeMap<Market, MarketSource>,
}

/// Days and hours that several markets may share.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CalendarSource {
    pub(super) timezone: Tz,
    pub(super) official_until: NaiveDate,
    pub(super) uncertain: BTreeSet<NaiveDate>,
    hours: Vec<Regime>,
    special: BTreeMap<NaiveDate, SpecialHours>,
    holidays: BTreeMap<i32, BTreeSet<MonthDay>>,
}

/// What belongs to one market.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MarketSource {
    pub(super) calendar: String,
    #[serde(rename = "kis_order")]
    _kis_order: String,
    #[serde(rename = "kis_quote")]
    _kis_quote: String,
    #[serde(rename = "kis_product_type")]
    _kis_product_type: String,
    phases: Vec<(NaiveDate, Vec<PhaseSpan>)>,
}

/// A phase, its start and its end.
type PhaseSpan = (NamedPhase, Anchor, Anchor);

/// Hours in force from a date on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Regime {
    from: NaiveDate,
    open: LocalTime,
    close: LocalTime,
    #[serde(rename = "break")]
    lunch: Option<[LocalTime; 2]>,
}

/// One day's other hours; what is left out stays as usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with open, close or break")]
pub struct SpecialHours {
    open: Option<LocalTime>,
    close: Option<LocalTime>,
    #[serde(default, rename = "break", deserialize_with = "even_if_null")]
    lunch: Option<Option<[LocalTime; 2]>>,
}

impl SpecialHours {
    /// These hours, completed by the usual ones.
    pub fn instead_of(self, usual: Hours) -> Hours {
        Hours {
            open: self.open.unwrap_or(usual.open),
            close: self.close.unwrap_or(usual.close),
            lunch: self.lunch.unwrap_or(usual.lunch),
        }
    }
}

/// Present and null is something else than absent.
fn even_if_null<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<[LocalTime; 2]>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// One day's hours in minutes after local midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// The first minute of trading.
    pub open: LocalTime,
    /// The first minute after trading.
    pub close: LocalTime,
    /// Start and end of the break, if there is one.
    pub lunch: Option<[LocalTime; 2]>,
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.open, self.close)?;
        self.lunch.map_or(Ok(()), |[start, end]| write!(f, " with a break from {start} to {end}"))
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// A time of day in minutes after local midnight, 0 to 1439.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct LocalTime(u16);

impl LocalTime {
    /// Minutes after local midnight.
    pub fn minutes(self) -> i64 {
        i64::from(self.0)
    }

    /// Reads `HH:MM`.
    ///
    /// # Errors
    /// The text, with what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let time = text.split_once(':').filter(|(hour, minute)| hour.len() == 2 && minute.len() == 2);
        let number = |text: &str, below: u16| {
            let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            digits?.parse().ok().filter(|n: &u16| *n < below)
        };
        time.and_then(|(hour, minute)| Some(Self(number(hour, 24)? * 60 + number(minute, 60)?)))
            .ok_or_else(|| format!("'{text}' is no time; allowed: HH:MM from 00:00 to 23:59"))
    }
}

impl TryFrom<String> for LocalTime {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

/// Month and day of a holiday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
struct MonthDay(u32, u32);

impl TryFrom<String> for MonthDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let parts =
            text.split_once('-').and_then(|(month, day)| Some((month.parse().ok()?, day.parse().ok()?)));
        match parts {
            Some((month @ 1..=12, day @ 1..=31)) => Ok(Self(month, day)),
            Some(_) | None => Err(format!("'{text}' is no day; allowed: MM-DD")),
        }
    }
}

/// The phases that the data names; the others follow from the hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum NamedPhase {
    PreMarket,
    OpeningAuction,
    ClosingAuction,
    PostClose,
}

impl NamedPhase {
    pub(super) const ALL: [Self; 4] =
        [Self::PreMarket, Self::OpeningAuction, Self::ClosingAuction, Self::PostClose];
}

/// Where a phase starts or ends: `open-30`, `close`, `@18:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
enum Anchor {
    Open(i64),
    Close(i64),
    At(LocalTime),
}

impl Anchor {
    /// Minutes after local midnight.
    fn minutes(self, hours: &Hours) -> i64 {
        match self {
            Self::Open(offset) => hours.open.minutes() + offset,
            Self::Close(offset) => hours.close.minutes() + offset,
            Self::At(time) => time.minutes(),
        }
    }
}

impl TryFrom<String> for Anchor {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let offset = |rest: &str| if rest.is_empty() { Some(0) } else { rest.parse().ok() };
        let anchor = if let Some(time) = text.strip_prefix('@') {
            LocalTime::parse(time).ok().map(Self::At)
        } else if let Some(rest) = text.strip_prefix("open") {
            offset(rest).map(Self::Open)
        } else {
            text.strip_prefix("close").and_then(offset).map(Self::Close)
        };
        anchor.ok_or_else(|| format!("'{text}' is no start or end; allowed: open-30, close+10, @18:00"))
    }
}

impl Source {
    /// Reads the data.
    ///
    /// # Errors
    /// What cannot be read, in the words of the parser.
    pub(super) fn parse(text: &str) -> Result<Self, TableError> {
        let source: Self =
            serde_json::from_str(text).map_err(|error| TableError::Malformed(error.to_string()))?;
        if source.schema != 1 || source.weekdays != "Mon-Fri" {
            return Err(TableError::Malformed(format!(
                "schema {} with weekdays {} is not known; allowed: schema 1, Mon-Fri",
                source.schema, source.weekdays
            )));
        }
        Ok(source)
    }

    /// True when two markets have the same days, hours and phases.
    pub(super) fn are_alike(&self, one: Market, other: Market) -> bool {
        let alike = self.markets.get(&one).zip(self.markets.get(&other));
        alike.is_some_and(|(one, other)| one.calendar == other.calendar && one.phases == other.phases)
    }

    /// A market with its calendar.
    ///
    /// # Errors
    /// When the data has no such market, or the market's calendar is not there.
    pub(super) fn of(&self, market: Market) -> Result<(&MarketSource, &CalendarSource), TableError> {
        let missing = || TableError::Malformed(format!("there is no calendar for {market}"));
        let of_market = self.markets.get(&market).ok_or_else(missing)?;
        Ok((of_market, self.calendars.get(&of_market.calendar).ok_or_else(missing)?))
    }
}

impl CalendarSource {
    /// True when the date is listed as a holiday.
    pub(super) fn is_holiday(&self, date: NaiveDate) -> bool {
        let day = MonthDay(date.month(), date.day());
        self.holidays.get(&date.year()).is_some_and(|days| days.contains(&day))
    }

    /// True when the date has other hours than usual.
    pub(super) fn is_special(&self, date: NaiveDate) -> bool {
        self.special.contains_key(&date)
    }

    /// The hours of a usual day of that time.
    pub(super) fn usual_hours(&self, date: NaiveDate) -> Option<Hours> {
        let regime = self.hours.iter().rfind(|regime| regime.from <= date)?;
        Some(Hours { open: regime.open, close: regime.close, lunch: regime.lunch })
    }

    /// The hours that hold on `date` if it is a session.
    pub(super) fn hours(&self, date: NaiveDate) -> Option<Hours> {
        let usual = self.usual_hours(date)?;
        Some(self.special.get(&date).map_or(usual, |special| special.instead_of(usual)))
    }
}

impl MarketSource {
    /// Start and end of a phase in minutes after local midnight.
    pub(super) fn span(&self, phase: NamedPhase, date: NaiveDate, hours: &Hours) -> Option<(i64, i64)> {
        let (_, phases) = self.phases.iter().rfind(|(from, _)| *from <= date)?;
        let (_, start, end) = phases.iter().find(|(name, _, _)| *name == phase)?;
        Some((start.minutes(hours), end.minutes(hours)))
    }
}
