//! What speaks for or against a market trading today, and how far it may therefore be traded upon (CALENDARS.md 4.2).
//!
//! Three sources: the calendar, the broker's own list of days, and trades that were really made. One source may close a
//! day; to open one that the calendar has closed, or to trust one that it only forecasts, takes a second one. Nothing
//! here halts anything.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use domain::Market;
use domain::messages::market_data::QueryError;
use domain::messages::occasions::{Occasion, OccasionKind};
use domain::messages::proof::ListedDay;
use domain::messages::schedule::{DateStatus, Trust};

use crate::calendar::{Calendar, DayChange, DayChanges, Session};

/// A session without any trade so long after its open, and after the delay of its quotes, is suspected to be none.
const GRACE: TimeDelta = TimeDelta::minutes(10);
/// Two looks are so far apart once something is known.
const LOOK_EVERY: TimeDelta = TimeDelta::minutes(5);
/// And so far while a day waits for its proof, or the broker is silent.
const LOOK_SOON: TimeDelta = TimeDelta::minutes(1);
/// A slot waits so long for the answer of a session's first look.
const FIRST_LOOK_WITHIN: TimeDelta = TimeDelta::minutes(1);
/// The broker counts as down after so many looks in a row without any answer.
const SILENCES_UNTIL_DOWN: u32 = 2;
/// What an earlier life suspected is forgotten after so many answers that cannot tell; one may be odd.
const ANSWERS_AGAINST_HEARSAY: u32 = 2;
/// The broker's list is asked for again so long after an attempt that failed.
const LIST_AGAIN: TimeDelta = TimeDelta::hours(1);
/// What lists said of past days is kept for so long: a clock that ran ahead may be set back to one of them.
const PAST_DAYS_KEPT: Days = Days::new(7);

/// What a look at a market brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The broker answered: when a well-known stock last traded, if ever.
    LastTrade(Option<DateTime<Utc>>),
    /// It answered, but it cannot tell.
    CannotTell,
    /// It did not answer.
    Silent,
    /// The actor that asks it did not answer, which says nothing about the broker.
    Unheard,
}

impl From<Result<Option<DateTime<Utc>>, QueryError>> for Look {
    fn from(answer: Result<Option<DateTime<Utc>>, QueryError>) -> Self {
        match answer {
            Ok(last) => Self::LastTrade(last),
            Err(QueryError::Unavailable(_)) => Self::Silent,
            Err(QueryError::Refused { .. } | QueryError::Malformed(_) | QueryError::NotOffered(_)) => {
                Self::CannotTell
            }
        }
    }
}

/// What the looks of one session brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Witness {
    /// A trade of that day was seen.
    traded: bool,
    /// The broker answered late enough and showed no trade of that day.
    still: bool,
    /// That nothing trades was booked by an earlier life, maybe by a clock that ran a day ahead and was set back since: it holds
    /// until the broker has answered so many times more, even if it cannot tell. None: this life saw it.
    hearsay: u32,
    /// Looks without an answer, in a row.
    silences: u32,
    /// When the last look was begun.
    looked_at: Option<DateTime<Utc>>,
    /// A look is under way.
    looking: bool,
    /// A look has ended.
    was_looked: bool,
    /// An earlier life booked that the list was contradicted: the list alone does not close the day again.
    was_disputed: bool,
}

/// What the broker's list says of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Listed {
    opens: bool,
    /// When it was first read so.
    since: DateTime<Utc>,
}

/// Everything that is known besides the calendar.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    witnesses: BTreeMap<(Market, NaiveDate), Witness>,
    listed: BTreeMap<(Market, NaiveDate), Listed>,
    list_asked_at: BTreeMap<Market, DateTime<Utc>>,
    /// The date on which the list was last read.
    list_read_on: BTreeMap<Market, NaiveDate>,
    /// Markets whose quotes are not those of the free feed and have no delay.
    live_feeds: BTreeSet<Market>,
}

// === What is known ===

impl Evidence {
    /// What earlier lives booked until `now`: the newest list of days, suspicions, and proofs. What lies later was seen by a
    /// clock that ran ahead.
    pub fn recalled(booked: &[Occasion], now: DateTime<Utc>) -> Self {
        let mut evidence = Self::default();
        let mut until_now: Vec<_> = booked.iter().filter(|occasion| occasion.begins_at <= now).collect();
        until_now.sort_by_key(|occasion| occasion.begins_at);
        let of = |kind| until_now.iter().copied().filter(move |occasion| occasion.kind == kind);
        for Occasion { market, session_date, label, begins_at, .. } in of(OccasionKind::ListedDays) {
            evidence.take_list(*market, *session_date, *begins_at, &listed_days(*session_date, label));
        }
        for Occasion { market, session_date, label, .. } in of(OccasionKind::Trust) {
            evidence.recall_trust(*market, *session_date, label);
        }
        evidence
    }

    /// The same where the quotes of `live` have no delay.
    #[must_use]
    pub fn with_live_feeds(self, live: &BTreeSet<Market>) -> Self {
        Self { live_feeds: live.clone(), ..self }
    }

    /// How long after its open a market without a trade is not suspected yet.
    fn grace(&self, market: Market) -> TimeDelta {
        if self.live_feeds.contains(&market) { GRACE } else { GRACE + market.free_feed_delay() }
    }

    fn recall_trust(&mut self, market: Market, date: NaiveDate, label: &str) {
        let needs_proof = Calendar::official().status(market, date) != DateStatus::Official;
        let is_listed = self.listed.get(&(market, date)).is_some_and(|listed| listed.opens);
        let witness = self.witnesses.entry((market, date)).or_default();
        witness.still = label == Trust::SuspectedClosed.code();
        witness.hearsay = if witness.still { ANSWERS_AGAINST_HEARSAY } else { 0 };
        witness.was_disputed = label == Trust::Disputed.code();
        // A day that needs a proof and had it: by a trade, unless by the list.
        witness.traded = label == Trust::Certain.code() && needs_proof && !is_listed;
    }

    /// The clock ran ahead and shows `now` again. A trade of a date stays seen, because its date is the exchange's; that
    /// nothing traded, and when it was looked, is forgotten.
    pub fn set_back(&mut self, now: DateTime<Utc>) {
        for witness in self.witnesses.values_mut().filter(|witness| witness.looked_at > Some(now)) {
            let Witness { traded, was_disputed, .. } = *witness;
            *witness = Witness { traded, was_disputed, ..Witness::default() };
        }
        self.list_asked_at.retain(|_, at| *at <= now);
        self.list_read_on.retain(|market, on| *on <= market.date_at(now));
        for listed in self.listed.values_mut() {
            listed.since = listed.since.min(now);
        }
    }

    /// How far `date` may be traded upon.
    pub fn trust(&self, calendar: &Calendar, market: Market, date: NaiveDate, exits: bool) -> Trust {
        let witness = self.witnesses.get(&(market, date)).copied().unwrap_or_default();
        let listed = self.listed.get(&(market, date)).map(|listed| listed.opens);
        let is_session = calendar.session_on(market, date).is_some();
        let is_proved = witness.traded || (is_session && listed == Some(true));
        let status = calendar.status(market, date);
        if status == DateStatus::Unknown {
            Trust::Unknown { exits }
        } else if is_session && witness.still && !witness.traded {
            Trust::SuspectedClosed
        } else if is_session
            && listed == Some(false)
            && !(witness.traded && is_opened(calendar, market, date))
        {
            // The calendar has it closed already, unless somebody or something says otherwise: see `narrowed`.
            Trust::Disputed
        } else if !is_proved && status != DateStatus::Official {
            Trust::Unproved
        } else if is_session && witness.silences >= SILENCES_UNTIL_DOWN {
            Trust::BrokerDown
        } else {
            Trust::Certain
        }
    }

    /// `changes` of the operator, and besides them every day closed that the broker's list closes: one source is enough
    /// for that. A day that the operator opened, on which trades were seen, or whose session had begun before the list was
    /// read, is not closed but disputed.
    pub fn narrowed(&self, changes: &DayChanges) -> DayChanges {
        let mut all = changes.clone();
        for (&(market, date), listed) in self.listed.iter().filter(|(_, listed)| !listed.opens) {
            let witness = self.witnesses.get(&(market, date)).copied().unwrap_or_default();
            let session = Calendar::official().session_on(market, date);
            let closes = session.is_some_and(|session| listed.since < session.open);
            if closes && !witness.traded && !witness.was_disputed {
                all.entry((market, date)).or_insert(DayChange::ClosedByBroker);
            }
        }
        all
    }
}

/// True where the operator says that there is a session.
fn is_opened(calendar: &Calendar, market: Market, date: NaiveDate) -> bool {
    match calendar.changes().get(&(market, date)) {
        Some(DayChange::Open | DayChange::Hours(_)) => true,
        Some(DayChange::Closed | DayChange::ClosedByBroker) | None => false,
    }
}

// === Looks ===

impl Evidence {
    /// True when somebody should look now whether `session` trades; it is noted as begun.
    pub fn begin_look(&mut self, calendar: &Calendar, session: &Session, now: DateTime<Utc>) -> bool {
        let is_due = self.next_look(calendar, session).is_some_and(|due| due <= now) && session.is_open(now);
        if is_due {
            let witness = self.witness(session);
            witness.looking = true;
            witness.looked_at = Some(now);
        }
        is_due
    }

    /// When to look next at a session that is under way; none while a look is under way.
    pub fn next_look(&self, calendar: &Calendar, session: &Session) -> Option<DateTime<Utc>> {
        let key = (session.market, session.date);
        let witness = self.witnesses.get(&key).copied().unwrap_or_default();
        let waits_for_proof = !witness.traded
            && !witness.still
            && calendar.status(session.market, session.date) != DateStatus::Official;
        match witness.looked_at {
            Some(_) if witness.looking => None,
            Some(last) if waits_for_proof || witness.silences > 0 || witness.hearsay > 0 => {
                Some(last + LOOK_SOON)
            }
            Some(last) => Some(last + LOOK_EVERY),
            None if waits_for_proof => Some(session.open + LOOK_SOON),
            None => Some(session.open + self.grace(session.market)),
        }
    }

    /// True while the first look at `session` is under way, for a minute at most: whoever would judge and buy waits for it,
    /// because it may show that nothing trades.
    pub fn is_first_look(&self, session: &Session, now: DateTime<Utc>) -> bool {
        let witness = self.witnesses.get(&(session.market, session.date));
        witness.is_some_and(|witness| {
            let is_recent = witness.looked_at.is_some_and(|at| now < at + FIRST_LOOK_WITHIN);
            witness.looking && !witness.was_looked && is_recent
        })
    }

    /// Takes what a look at `session`, begun at `looked_at`, brought.
    pub fn end_look(&mut self, session: &Session, look: Look) {
        let suspected_from = session.open + self.grace(session.market);
        let witness = self.witness(session);
        witness.looking = false;
        witness.was_looked = true;
        let was_late = witness.looked_at.is_some_and(|at| at >= suspected_from);
        match look {
            Look::LastTrade(Some(at)) if session.market.date_at(at) == session.date => {
                *witness = Witness { traded: true, still: false, hearsay: 0, silences: 0, ..*witness };
            }
            Look::LastTrade(_) => {
                witness.silences = 0;
                witness.still |= was_late && !witness.traded;
                witness.hearsay = 0;
            }
            Look::CannotTell => {
                witness.silences = 0;
                witness.still &= witness.hearsay != 1;
                witness.hearsay = witness.hearsay.saturating_sub(1);
            }
            Look::Unheard => {}
            Look::Silent => witness.silences = witness.silences.saturating_add(1),
        }
    }

    /// Only one session of a market is under way; what was seen of earlier ones is over.
    fn witness(&mut self, session: &Session) -> &mut Witness {
        let Session { market, date, .. } = *session;
        self.witnesses.retain(|(other, day), _| *other != market || *day >= date);
        self.witnesses.entry((market, date)).or_default()
    }
}

// === The broker's list ===

impl Evidence {
    /// True when the list of `market` should be asked for: once on each of its dates, and an hour after a failure.
    pub fn begin_list(&mut self, market: Market, now: DateTime<Utc>) -> bool {
        let today = market.date_at(now);
        let is_read = self.list_read_on.get(&market).is_some_and(|on| *on >= today);
        let is_early = self.list_asked_at.get(&market).is_some_and(|at| now < *at + LIST_AGAIN);
        let is_due = !is_read && !is_early;
        if is_due {
            self.list_asked_at.insert(market, now);
        }
        is_due
    }

    /// Takes a list that was read on `today`, at `read_at`, in the place of an earlier one.
    pub fn take_list(
        &mut self,
        market: Market,
        today: NaiveDate,
        read_at: DateTime<Utc>,
        days: &[ListedDay],
    ) {
        self.list_read_on.insert(market, today);
        let kept_since = today.checked_sub_days(PAST_DAYS_KEPT).unwrap_or(today);
        self.listed.retain(|(other, date), _| *other != market || *date >= kept_since);
        let is_earlier =
            |(other, date): &(Market, NaiveDate), _: &mut Listed| *other == market && *date >= today;
        let earlier: BTreeMap<_, _> = self.listed.extract_if(.., is_earlier).collect();
        for &ListedDay { date, opens } in days.iter().filter(|day| day.date >= today) {
            let key = (market, date);
            let since = earlier
                .get(&key)
                .filter(|listed| listed.opens == opens)
                .map_or(read_at, |listed| listed.since);
            self.listed.insert(key, Listed { opens, since });
        }
    }

    /// There is no list, and asking again today is useless.
    pub fn no_list(&mut self, market: Market, today: NaiveDate) {
        self.list_read_on.insert(market, today);
    }
}

/// What the operator should know about a list: each day on which it contradicts the calendar, and what follows.
pub fn contradictions(calendar: &Calendar, market: Market, days: &[ListedDay]) -> Vec<String> {
    let told = |day: &ListedDay| {
        let ListedDay { date, opens } = *day;
        let is_session = calendar.session_on(market, date).is_some();
        match (is_session, opens) {
            (true, false) => {
                let then = if is_opened(calendar, market, date) {
                    "only exits then until the list agrees or a trade is seen"
                } else {
                    "no orders then, and only exits if its session has begun"
                };
                Some(format!("{market}: the broker's list has {date} closed, the calendar open; {then}"))
            }
            (false, true) => Some(format!(
                "{market}: the broker's list has {date} open, the calendar closed; it stays closed unless the override file opens it"
            )),
            (true, true) | (false, false) => None,
        }
    };
    days.iter().filter_map(told).collect()
}

/// A list as it is booked: one letter a day, `Y` open, `N` closed, `?` not listed, from the day on which it was read.
pub fn list_label(from: NaiveDate, days: &[ListedDay]) -> String {
    let by_date: BTreeMap<_, _> = days.iter().map(|day| (day.date, day.opens)).collect();
    let last = by_date.keys().next_back().copied().unwrap_or(from);
    let letter = |date: NaiveDate| match by_date.get(&date) {
        Some(true) => 'Y',
        Some(false) => 'N',
        None => '?',
    };
    from.iter_days().take_while(|date| *date <= last).map(letter).collect()
}

fn listed_days(from: NaiveDate, label: &str) -> Vec<ListedDay> {
    let day = |(offset, letter): (u64, char)| {
        let date = from.checked_add_days(Days::new(offset))?;
        match letter {
            'Y' => Some(ListedDay { date, opens: true }),
            'N' => Some(ListedDay { date, opens: false }),
            _other => None,
        }
    };
    (0..).zip(label.chars()).filter_map(day).collect()
}

#[cfg(test)]
mod tests;
