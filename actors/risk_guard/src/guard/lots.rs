//! How many shares a flatten may ask the exchange to take at once, and at which steps of the price.
//!
//! Where the lot belongs to the stock, a quote tells it, and the price steps with it. A sale of more than a lot that is no multiple of it is refused, so a
//! flatten asks before it sells; what nobody tells in time does not hold it up.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::messages::market_data::{QueryError, Quote, QuoteQuery};
use domain::{Instrument, StockRules};
use supervision::prelude::*;

use super::RiskGuard;

/// Real time; paced reads queue behind orders.
const QUOTE_WITHIN: Duration = Duration::from_secs(20);
/// So many questions without an answer end the wait for one.
const ASKED_MAX: u8 = 3;

/// Board lots, by stock.
#[derive(Debug, Default)]
pub(super) struct Lots(BTreeMap<Instrument, Lot>);

/// What is known of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lot {
    Asking,
    Unanswered {
        times: u8,
    },
    /// Without the limits of the day on which it was told.
    Told(StockRules),
}

/// Whether a sale may be sized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LotNow {
    /// The answer is on its way.
    Pending,
    /// By these; without a lot when nobody knows it.
    Known(StockRules),
}

impl RiskGuard {
    /// The lot of a stock; asks for it where only the exchange knows it.
    pub(super) fn lot_of(&mut self, instrument: &Instrument, ctx: &mut Ctx<Self>) -> LotNow {
        if let Some(lot) = instrument.market.standard_lot() {
            return LotNow::Known(StockRules { lot: Some(lot), ..StockRules::default() });
        }
        match self.lots.0.get(instrument).copied().unwrap_or(Lot::Unanswered { times: 0 }) {
            Lot::Told(rules) => LotNow::Known(rules),
            Lot::Asking => LotNow::Pending,
            Lot::Unanswered { times } if times >= ASKED_MAX => LotNow::Known(StockRules::default()),
            Lot::Unanswered { times } => {
                self.ask_lot(instrument, times, ctx);
                LotNow::Pending
            }
        }
    }

    fn ask_lot(&mut self, instrument: &Instrument, before: u8, ctx: &mut Ctx<Self>) {
        self.lots.0.insert(instrument.clone(), Lot::Asking);
        let question = QuoteQuery { instrument: instrument.clone() };
        let answer = self.deps.broker.quote.ask(question, QUOTE_WITHIN).into_actor(self);
        let instrument = instrument.clone();
        ctx.spawn(answer.map(move |answer, this, _ctx| this.lot_told(instrument, before, answer)));
    }

    fn lot_told(
        &mut self,
        instrument: Instrument,
        before: u8,
        answer: Result<Result<Quote, QueryError>, AskError>,
    ) {
        let lot = match answer {
            Ok(Ok(quote)) => {
                let StockRules { lot, ticks, .. } = quote.rules;
                Lot::Told(StockRules { lot, ticks, ..StockRules::default() })
            }
            Ok(Err(error)) => {
                tracing::warn!(%instrument, %error, "the board lot is unknown");
                Lot::Unanswered { times: before.saturating_add(1) }
            }
            Err(error) => {
                tracing::warn!(%instrument, %error, "the board lot is unknown");
                Lot::Unanswered { times: before.saturating_add(1) }
            }
        };
        self.lots.0.insert(instrument, lot);
    }
}
