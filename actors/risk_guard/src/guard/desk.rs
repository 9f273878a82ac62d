//! What is known of one currency: its latest account, its day, and what was told of its equity.

use chrono::{DateTime, Utc};
use domain::messages::ledger::{DayStart, RecordDayStart, Trips};
use domain::messages::trading::Proposal;
use domain::{AccountSnapshot, Money, OrderTerms, Side};
use rust_decimal::Decimal;

use crate::breaker::readings::Readings;
use crate::breaker::{self, DayKey, DayLoss, Reading, Wire};
use crate::limits::is_ahead;
use crate::purchases::DayPurchases;

/// So many answers in a row without an equity allow exits only, until it is told again (lessons 8.1, 10).
pub(super) const UNCONFIRMED_MAX: u32 = 3;

/// A change of whether the equity can be confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Confirmation {
    Lost,
    Found,
}

/// One currency's account and day.
#[derive(Debug, Default)]
pub(super) struct Desk {
    pub(super) snapshot: Option<AccountSnapshot>,
    /// When an order of ours was last filled or ended.
    pub(super) touched_at: Option<DateTime<Utc>>,
    pub(super) day: Option<Day>,
    /// What was told of the equity, whatever the day.
    pub(super) readings: Readings,
    /// Answers in a row that did not tell the equity.
    pub(super) unconfirmed: u32,
    pub(super) asking_account: bool,
    pub(super) asking_day_start: bool,
    /// Proposals that wait for what is being asked.
    pub(super) waiting: Vec<Proposal>,
}

#[derive(Debug)]
pub(super) struct Day {
    pub(super) key: DayKey,
    pub(super) purchases: DayPurchases,
    /// The books have told what they know of this day.
    pub(super) books_told: bool,
    /// It halts once, so that a person's resume is not undone by the same loss; entries stay refused while the loss lasts.
    pub(super) halting: Wire,
    /// The second wire: exits only until the day is over.
    pub(super) reducing: Wire,
}

impl Day {
    pub(super) fn take(&mut self, told: DayStart) {
        self.books_told = true;
        self.purchases.finish_read(told);
        if told.trips.halting {
            self.halting.restore();
        }
        if told.trips.reducing {
            self.reducing.restore();
        }
    }
}

impl Desk {
    /// Remembers that the account changed at `at`.
    pub(super) fn touch(&mut self, at: DateTime<Utc>) {
        self.touched_at = self.touched_at.max(Some(at));
    }

    /// True when exits only are allowed now.
    pub(super) fn is_reducing(&self, now: DateTime<Utc>) -> bool {
        self.is_reducing_today(now) || self.is_unconfirmed() || self.is_doubted(now)
    }

    /// True when today allows exits only.
    pub(super) fn is_reducing_today(&self, now: DateTime<Utc>) -> bool {
        self.today(now).is_some_and(|day| day.reducing.has_tripped())
    }

    /// True when a loss beyond the limit waits for another account to confirm it.
    pub(super) fn is_doubted(&self, now: DateTime<Utc>) -> bool {
        self.today(now).is_some_and(|day| day.halting.is_doubted() || day.reducing.is_doubted())
    }

    /// True when nobody could tell the equity for so long that it is not known what is at stake.
    pub(super) fn is_unconfirmed(&self) -> bool {
        self.unconfirmed >= UNCONFIRMED_MAX
    }

    /// Counts an answer without an equity, or begins anew with one that has it. Tells when that changed what is allowed.
    pub(super) fn confirm(&mut self, confirmed: bool) -> Option<Confirmation> {
        let before = self.is_unconfirmed();
        self.unconfirmed = if confirmed { 0 } else { self.unconfirmed.saturating_add(1) };
        match (before, self.is_unconfirmed()) {
            (false, true) => Some(Confirmation::Lost),
            (true, false) => Some(Confirmation::Found),
            (false, false) | (true, true) => None,
        }
    }

    /// Today's result on `basis`; unknown when the snapshot is of another day.
    pub(super) fn reading(&self, basis: breaker::Basis, now: DateTime<Utc>) -> Reading {
        let unknown = Reading { halting: DayLoss::Unknown, reducing: DayLoss::Unknown };
        let (Some(snapshot), Some(day)) = (&self.snapshot, self.today(now)) else { return unknown };
        breaker::read(basis, snapshot, day.purchases.start())
    }

    /// Today's purchases; of a day that is not known yet, nothing is known.
    pub(super) fn purchases(&self, now: DateTime<Utc>) -> DayPurchases {
        self.today(now).map(|day| day.purchases).unwrap_or_default()
    }

    /// Counts an order that is about to be approved.
    pub(super) fn note_purchase(&mut self, terms: &OrderTerms) {
        let currency = terms.instrument.market.currency();
        let day = self.day.as_mut().filter(|_| terms.side == Side::Buy);
        if let Some(day) = day {
            day.purchases.note(terms.limit.times(terms.quantity, currency));
        }
    }

    /// The question that has today's purchases counted again, unless it is being asked; the books may have given some back.
    pub(super) fn recount(&mut self, now: DateTime<Utc>) -> Option<RecordDayStart> {
        let DayKey { currency, session_date } = self.today(now)?.key;
        let equity = self.purchases(now).start().filter(|_| !self.asking_day_start)?;
        Some(RecordDayStart { currency, session_date, equity: Some(equity), trips: Trips::default() })
    }

    pub(super) fn today(&self, now: DateTime<Utc>) -> Option<&Day> {
        let day = self.day.as_ref()?;
        (day.key == DayKey::at(day.key.currency, now)).then_some(day)
    }

    /// Keeps the newer snapshot and opens its day; answers the question for the books, if there is one. What a
    /// clock that ran ahead has dated does not stand in the way of what is true now.
    pub(super) fn take(
        &mut self,
        snapshot: AccountSnapshot,
        within_pct: Decimal,
        now: DateTime<Utc>,
    ) -> Option<RecordDayStart> {
        self.touched_at = self.touched_at.map(|at| if is_ahead(at, now) { snapshot.taken_at } else { at });
        let held = self.snapshot.as_ref().map(|held| held.taken_at).filter(|at| !is_ahead(*at, now));
        if held.is_some_and(|held| held > snapshot.taken_at) {
            return None;
        }
        let key = DayKey::at(snapshot.currency, snapshot.taken_at);
        if self.day.as_ref().is_none_or(|day| day.key != key) {
            self.day = Some(Day {
                key,
                purchases: DayPurchases::default(),
                books_told: false,
                halting: Wire::default(),
                reducing: Wire::default(),
            });
            self.asking_day_start = false;
        }
        let told = snapshot.equity.filter(|equity| equity.amount() > Decimal::ZERO);
        told.into_iter().for_each(|equity| self.readings.see(snapshot.taken_at, equity));
        self.snapshot = Some(snapshot);
        self.day_question(within_pct)
    }

    /// What the books must be asked or told of the day, if they must and are not being asked.
    pub(super) fn day_question(&self, within_pct: Decimal) -> Option<RecordDayStart> {
        let day = self.day.as_ref().filter(|day| day.purchases.start().is_none())?;
        let is_told = self.snapshot.as_ref().is_some_and(|snapshot| snapshot.equity.is_some());
        let equity = self.confirmed(within_pct).filter(|_| is_told);
        if self.asking_day_start || (day.books_told && equity.is_none()) {
            return None;
        }
        let DayKey { currency, session_date } = day.key;
        Some(RecordDayStart { currency, session_date, equity, trips: Trips::default() })
    }

    /// The newest equity, if the account before told about the same.
    pub(super) fn confirmed(&self, within_pct: Decimal) -> Option<Money> {
        self.readings.confirmed(within_pct)
    }

    /// True when the equity was told once, and nothing yet that could agree with it.
    pub(super) fn wants_another_reading(&self) -> bool {
        self.readings.wants_another()
    }

    /// True when today waits for another account to tell about the same as the newest.
    pub(super) fn lacks_start(&self, now: DateTime<Utc>) -> bool {
        let told = self.snapshot.as_ref().is_some_and(|snapshot| snapshot.equity.is_some());
        told && self.today(now).is_some_and(|day| day.books_told && day.purchases.start().is_none())
    }
}
