//! What was told of each market, and what the books remember of it.

use super::*;

/// What was told, per market.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub(super) markets: BTreeMap<Market, ToldOf>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct ToldOf {
    pub(super) phase: Option<SessionChanged>,
    pub(super) slot: Option<DateTime<Utc>>,
    /// The daily slots per session date, also those that a clock running ahead has told.
    pub(super) daily: BTreeMap<NaiveDate, ToldSlots>,
    pub(super) exits: Option<DateTime<Utc>>,
    pub(super) day_closed: Option<NaiveDate>,
    /// The sessions that have begun, as they were then: the operator may close one that is under way.
    pub(super) begun: BTreeMap<NaiveDate, Session>,
    /// The last day that was over.
    pub(super) ended: Option<DayClosed>,
    pub(super) notice: Option<NaiveDate>,
    /// The word for how far that date may be traded upon.
    pub(super) trust: Option<(NaiveDate, String)>,
}

impl Told {
    /// What the books say was told until `now`; what lies later was told by a clock that ran ahead. Phases and closed days are
    /// left out: whoever was started since must hear them again, and a day that was booked by a process which died before it was
    /// told would otherwise be told to nobody.
    pub fn recalled(booked: &[Occasion], now: DateTime<Utc>) -> Self {
        let mut told = Self::default();
        for slot in booked.iter().filter(|occasion| occasion.kind == OccasionKind::Slot) {
            if let Some(number) = daily_number(&slot.label) {
                told.of(slot.market).note_daily(slot.session_date, number, slot.begins_at);
            }
        }
        let mut until_now: Vec<_> = booked.iter().filter(|occasion| occasion.begins_at <= now).collect();
        until_now.sort_by_key(|occasion| occasion.begins_at);
        for occasion in until_now {
            let of = told.of(occasion.market);
            match occasion.kind {
                OccasionKind::Phase => {
                    let is_begun = occasion.label == Phase::Continuous.code();
                    let session = Calendar::official().session_on(occasion.market, occasion.session_date);
                    session.filter(|_| is_begun).into_iter().for_each(|session| of.note_begun(session));
                }
                OccasionKind::Slot => of.slot = of.slot.max(Some(occasion.begins_at)),
                OccasionKind::Exits => of.exits = of.exits.max(Some(occasion.begins_at)),
                OccasionKind::DayClosed => {
                    let before = occasion.session_date.pred_opt();
                    of.day_closed = of.day_closed.map_or(before, |first| before.map(|date| date.min(first)));
                }
                OccasionKind::Notice => of.notice = of.notice.max(Some(occasion.session_date)),
                OccasionKind::Trust => {
                    // The latest word on the latest date.
                    let word = (occasion.session_date, occasion.label.clone());
                    let is_later = of.trust.as_ref().is_none_or(|(date, _)| *date <= word.0);
                    of.trust = if is_later { Some(word) } else { of.trust.take() };
                }
                OccasionKind::ListedDays => {}
            }
        }
        told
    }

    /// What every market was last told to be, at `at`: for receivers that may have been started since.
    pub fn standing(&self, at: DateTime<Utc>) -> impl Iterator<Item = SessionChanged> + '_ {
        self.markets.values().filter_map(move |of| of.phase.clone().map(|told| SessionChanged { at, ..told }))
    }

    /// The last day of every market that is over: for a receiver that may have been started since it was told.
    pub fn ended(&self) -> impl Iterator<Item = DayClosed> + '_ {
        self.markets.values().filter_map(|of| of.ended.clone())
    }

    /// A receiver's mailbox was full: the phase is told again at the next wake.
    pub fn forget_phase(&mut self, market: Market) {
        self.of(market).phase = None;
    }

    pub(super) fn of(&mut self, market: Market) -> &mut ToldOf {
        self.markets.entry(market).or_default()
    }
}

impl ToldOf {
    pub(super) fn note_begun(&mut self, session: Session) {
        self.begun.insert(session.date, session);
        while self.begun.len() > DATES_KEPT {
            self.begun.pop_first();
        }
    }

    pub(super) fn note_daily(&mut self, session_date: NaiveDate, number: u32, begins_at: DateTime<Utc>) {
        self.daily.entry(session_date).or_default().insert(number, begins_at);
        while self.daily.len() > DATES_KEPT {
            self.daily.pop_first();
        }
    }

    pub(super) fn daily_of(&self, session_date: NaiveDate) -> ToldSlots {
        self.daily.get(&session_date).cloned().unwrap_or_default()
    }
}

/// Which daily slot has this label in the books.
fn daily_number(label: &str) -> Option<u32> {
    label.strip_prefix("daily-")?.parse().ok()
}
