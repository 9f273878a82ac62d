//! The account in won: what its day began with, and how it stands.

use std::collections::BTreeMap;

use actix::Message;
use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::ledger::LedgerError;
use crate::{AccountInWon, Currency, Money, WonRate};

/// The account of one currency when a day in won began, and the rate that all of that day is judged at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WonPart {
    /// Cash and holdings, in their currency.
    pub equity: Money,
    /// Its rate; one for won.
    pub rate: WonRate,
}

/// RiskGuard -> TradeLedger: what a day in won began with. The first part of a date and currency stays; the answer is what
/// stands, with or without parts of now.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<WonDayStart, LedgerError>")]
pub struct RecordWonDayStart {
    /// The Korean date.
    pub session_date: NaiveDate,
    /// What is known now.
    pub parts: Vec<WonPart>,
    /// The breaker has halted everything for the loss of this day; is kept.
    pub has_tripped: bool,
}

/// What a day in won began with, as the books know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WonDayStart {
    /// The Korean date.
    pub session_date: NaiveDate,
    /// One part for each currency that was known on that day.
    pub parts: BTreeMap<Currency, WonPart>,
    /// The breaker has halted everything for the loss of this day: it does so once.
    pub has_tripped: bool,
}

/// The account in won, as RiskGuard has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WonStanding {
    /// What the exchange last told; none when it has told nothing yet.
    pub told: Option<AccountInWon>,
    /// The Korean date of the day.
    pub session_date: NaiveDate,
    /// Profit or loss of that day in percent, by the accounts of all currencies at the rates that the day began with; none
    /// while a part of it is unknown.
    pub day_pnl_pct: Option<Decimal>,
}
