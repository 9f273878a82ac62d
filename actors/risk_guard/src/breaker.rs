//! The daily-loss breaker: how the day stands, per currency and session date, and when that stops trading.
//!
//! Two measures (architecture 8, "P&L for the breaker"). Against the day's start:
//! `(equity - day_start) / day_start * 100`. Against purchase cost, the seed's formula:
//! `(valuation_total - purchase_total) / purchase_total * 100`. [`Basis`] says which of them halts. A missing number
//! makes a measure unknown, never zero.

use chrono::{DateTime, NaiveDate, Utc};
use domain::{AccountSnapshot, Currency, Market, Money};
use rust_decimal::Decimal;

/// Which measure halts (`BREAKER_BASIS`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Equity against the day's first equity; the seed's formula then gives Reducing.
    DayStart,
    /// The seed's formula itself.
    Purchase,
}

/// A day of one currency: the key of its start, its halt and its Reducing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DayKey {
    /// The currency.
    pub currency: Currency,
    /// The date in the zone of that currency's markets.
    pub session_date: NaiveDate,
}

impl DayKey {
    /// The day that `at` belongs to. All markets of one currency share a zone.
    pub fn at(currency: Currency, at: DateTime<Utc>) -> Self {
        Self { currency, session_date: market_of(currency).date_at(at) }
    }
}

/// One of the markets of a currency.
pub(crate) fn market_of(currency: Currency) -> Market {
    match currency {
        Currency::Krw => Market::Kr,
        Currency::Usd => Market::UsNasdaq,
        Currency::Jpy => Market::Jp,
        Currency::Hkd => Market::Hk,
        Currency::Cny => Market::CnSha,
        Currency::Vnd => Market::VnHcm,
    }
}

/// A loss beyond the limit that one account told: a broken reply can look like it, so another account must say the same
/// before everything halts. Meanwhile nothing is bought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Doubt {
    /// When the account was taken that told it.
    raised_at: Option<DateTime<Utc>>,
}

/// What one more reading says of a doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No loss beyond the limit, and none was told before.
    Sound,
    /// The first account that tells one.
    Raised,
    /// Neither confirmed nor refuted: the same account, or one that tells nothing.
    Open,
    /// Another account tells it too.
    Confirmed,
    /// Another account tells that it is not so.
    Refuted,
}

impl Doubt {
    /// Takes in what the account of `taken_at` tells of the day.
    pub fn weigh(&mut self, loss: DayLoss, max_loss_pct: Decimal, taken_at: DateTime<Utc>) -> Verdict {
        match (self.raised_at, loss) {
            (None, _) if loss.is_below(max_loss_pct) => {
                self.raised_at = Some(taken_at);
                Verdict::Raised
            }
            (None, DayLoss::Known(_) | DayLoss::Unknown) => Verdict::Sound,
            (Some(raised_at), DayLoss::Known(_)) if raised_at != taken_at => {
                self.raised_at = None;
                if loss.is_below(max_loss_pct) { Verdict::Confirmed } else { Verdict::Refuted }
            }
            (Some(_), DayLoss::Known(_) | DayLoss::Unknown) => Verdict::Open,
        }
    }

    /// True while it is neither confirmed nor refuted.
    pub fn is_open(self) -> bool {
        self.raised_at.is_some()
    }
}

/// One of the breaker's two measures over a day: it trips once, when a doubt is confirmed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wire {
    tripped: bool,
    doubt: Doubt,
}

impl Wire {
    /// Takes in what the account of `taken_at` tells of the day. After it has tripped every reading is sound.
    pub fn weigh(&mut self, loss: DayLoss, max_loss_pct: Decimal, taken_at: DateTime<Utc>) -> Verdict {
        if self.tripped {
            return Verdict::Sound;
        }
        let verdict = self.doubt.weigh(loss, max_loss_pct, taken_at);
        self.tripped = verdict == Verdict::Confirmed;
        verdict
    }

    /// It has tripped on this day already, in an earlier life.
    pub fn restore(&mut self) {
        self.tripped = true;
    }

    /// True after it has tripped.
    pub fn has_tripped(self) -> bool {
        self.tripped
    }

    /// True while a loss beyond the limit is neither confirmed nor refuted.
    pub fn is_doubted(self) -> bool {
        self.doubt.is_open()
    }
}

/// The day's profit or loss in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayLoss {
    /// A number it needs is missing or contradicts another.
    Unknown,
    /// Signed percent: -2.5 is a loss.
    Known(Decimal),
}

impl DayLoss {
    /// True when the loss is strictly below `-max_loss_pct`. Unknown is no trip: it stops entries, not the system.
    pub fn is_below(self, max_loss_pct: Decimal) -> bool {
        match self {
            Self::Unknown => false,
            Self::Known(pnl_pct) => pnl_pct < -max_loss_pct,
        }
    }

    /// The percentage, if known.
    pub fn known(self) -> Option<Decimal> {
        match self {
            Self::Unknown => None,
            Self::Known(pnl_pct) => Some(pnl_pct),
        }
    }
}

/// Both measures of one snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The measure that halts.
    pub halting: DayLoss,
    /// The second wire, which gives Reducing; unknown when there is none.
    pub reducing: DayLoss,
}

/// Reads a snapshot on `basis`; `day_start` is the equity its day began with, if that is known.
pub fn read(basis: Basis, snapshot: &AccountSnapshot, day_start: Option<Money>) -> Reading {
    let against_cost = against_purchase(snapshot.valuation_total, snapshot.purchase_total);
    match basis {
        Basis::DayStart => {
            Reading { halting: against_day_start(snapshot.equity, day_start), reducing: against_cost }
        }
        Basis::Purchase => Reading { halting: against_cost, reducing: DayLoss::Unknown },
    }
}

/// Equity now against equity at the day's start.
pub fn against_day_start(equity: Option<Money>, day_start: Option<Money>) -> DayLoss {
    match (equity, day_start) {
        (Some(equity), Some(start)) => change_pct(start, equity),
        (None, Some(_)) | (Some(_), None) | (None, None) => DayLoss::Unknown,
    }
}

/// Value of the holdings against their cost: the seed's formula.
///
/// Without any cost there is no holding and nothing to lose: 0. A value of 0 against a cost is a broken reply, not a
/// total loss (lessons 2).
pub fn against_purchase(valuation: Option<Money>, purchase: Option<Money>) -> DayLoss {
    match (valuation, purchase) {
        (Some(_), Some(cost)) if cost.amount() <= Decimal::ZERO => DayLoss::Known(Decimal::ZERO),
        (Some(value), Some(_)) if value.amount() <= Decimal::ZERO => DayLoss::Unknown,
        (Some(value), Some(cost)) => change_pct(cost, value),
        (None, Some(_)) | (Some(_), None) | (None, None) => DayLoss::Unknown,
    }
}

fn change_pct(from: Money, to: Money) -> DayLoss {
    if from.currency() != to.currency() || from.amount() <= Decimal::ZERO {
        return DayLoss::Unknown;
    }
    let change = to.amount().checked_sub(from.amount()).and_then(|c| c.checked_mul(Decimal::ONE_HUNDRED));
    match change.and_then(|c| c.checked_div(from.amount())) {
        Some(pct) => DayLoss::Known(pct),
        None => DayLoss::Unknown,
    }
}

pub mod readings;
pub mod won;

#[cfg(test)]
mod tests;
