//! Rows of the own tables, and what they are in the ledger's words.

use diesel::prelude::*;
use domain::{Instrument, IntentId, Market, OpenIntent, OrderTerms, VenueOrderId};
use trade_ledger::StoreError;
use trade_ledger::booking::{Absence, Evidence};

use super::schema::{approvals, intents};
use super::values::{Micros, count, parsed, shares, time};

/// An intent with the facts of its approval.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = intents)]
pub(super) struct IntentRow {
    pub(super) id: String,
    pub(super) approval_id: String,
    pub(super) market: String,
    pub(super) symbol: String,
    pub(super) session_date: String,
    pub(super) side: String,
    pub(super) quantity: i64,
    pub(super) limit_micros: Micros,
    pub(super) state: String,
    pub(super) sent_at_ms: Option<i64>,
    pub(super) watermark: Option<i64>,
    pub(super) order_date: Option<String>,
    pub(super) branch: Option<String>,
    pub(super) number: Option<String>,
    pub(super) filled: i64,
    pub(super) amount_micros: Micros,
    pub(super) missed_inquiries: i64,
    pub(super) had_number: i64,
    pub(super) final_lists: i64,
    pub(super) first_final_ms: Option<i64>,
    pub(super) shown_at_ms: Option<i64>,
}

/// What an intent's approval adds.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = approvals)]
pub(super) struct ApprovalRow {
    pub(super) decision_id: String,
    pub(super) confidence: i64,
    pub(super) approved_at_ms: i64,
    pub(super) expires_at_ms: i64,
}

impl IntentRow {
    pub(super) fn terms(&self) -> Result<OrderTerms, StoreError> {
        Ok(OrderTerms {
            instrument: instrument(&self.market, &self.symbol)?,
            side: parsed("side", &self.side)?,
            quantity: shares(self.quantity)?,
            limit: self.limit_micros.price()?,
        })
    }

    /// What is known besides the state; a person's word is kept elsewhere.
    pub(super) fn evidence(&self) -> Result<Evidence, StoreError> {
        let absence = Absence {
            final_lists: u32::try_from(self.final_lists).unwrap_or(u32::MAX),
            first_at: self.first_final_ms.map(time).transpose()?,
        };
        Ok(Evidence { absence, had_number: self.had_number != 0, declared_none: false })
    }

    pub(super) fn venue_order(&self) -> Result<Option<VenueOrderId>, StoreError> {
        match (&self.order_date, &self.branch, &self.number) {
            (Some(date), Some(branch), Some(number)) => Ok(Some(VenueOrderId {
                date: parsed("order date", date)?,
                branch: branch.clone(),
                number: number.clone(),
            })),
            _ => Ok(None),
        }
    }

    pub(super) fn open_intent(&self, approval: &ApprovalRow) -> Result<OpenIntent, StoreError> {
        Ok(OpenIntent {
            id: IntentId::from_stored(self.id.clone()),
            terms: self.terms()?,
            state: parsed("order state", &self.state)?,
            venue_order: self.venue_order()?,
            filled: shares(self.filled)?,
            sent_at: self.sent_at_ms.map(time).transpose()?,
            watermark: self.watermark.map(count).transpose()?,
            session_date: parsed("session date", &self.session_date)?,
            approved_at: time(approval.approved_at_ms)?,
            missed_inquiries: u32::try_from(self.missed_inquiries).unwrap_or(u32::MAX),
        })
    }
}

/// A stock as read.
pub(super) fn instrument(market: &str, symbol: &str) -> Result<Instrument, StoreError> {
    Ok(Instrument { market: parsed::<Market>("market", market)?, symbol: parsed("symbol", symbol)? })
}
