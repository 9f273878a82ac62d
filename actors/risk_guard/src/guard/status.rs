//! What RiskGuard answers when it is asked how things stand.

use domain::messages::control::{
    AccountSeen, HeldPosition, HoldingSeen, StatusQuery, TradingState, TradingStatus,
};
use domain::{AccountSnapshot, Currency, Market, OrderState};
use rust_decimal::Decimal;
use supervision::prelude::*;

use super::RiskGuard;
use super::desk::Desk;
use super::halt::live;
use crate::breaker::DayLoss;
use crate::sight::Blind;

impl Handler<StatusQuery> for RiskGuard {
    type Result = MessageResult<StatusQuery>;

    fn handle(&mut self, _query: StatusQuery, ctx: &mut Self::Context) -> Self::Result {
        // Whoever made the file by hand looks here whether it works. Before the start is over, the start reads it.
        if self.halts_known {
            self.obey_emergency_file(ctx);
        }
        MessageResult(TradingStatus {
            state: self.overall_state(),
            halts: self.halts.iter().map(|halt| halt.record.clone()).collect(),
            symbol_halts: self.symbol_halts.iter().cloned().collect(),
            entry_blocks: self.entry_blocks(),
            waits: self.waits().collect(),
            blind: self.out_of_sight(),
            sessions: self.sessions.values().cloned().collect(),
            live: self.book.iter().filter(|order| order.state != OrderState::Approved).map(live).collect(),
            epoch: self.epoch,
            day_pnl_pct: self.currencies().map(|c| (c, self.day_pnl_pct(c))).collect(),
            won: self.won_standing(),
            accounts: self.snapshots().map(|snapshot| self.account_seen(snapshot)).collect(),
        })
    }
}

impl RiskGuard {
    /// Reducing when at least one currency is; which one, the blocks tell.
    fn overall_state(&self) -> TradingState {
        let reducing = self.currencies().any(|c| self.state_of(c) == TradingState::Reducing);
        match self.state() {
            TradingState::Active if reducing => TradingState::Reducing,
            state @ (TradingState::Starting
            | TradingState::Active
            | TradingState::Reducing
            | TradingState::Halted) => state,
        }
    }

    /// What the exchange last confirmed as held.
    pub(super) fn held_positions(&self) -> Vec<HeldPosition> {
        self.snapshots()
            .flat_map(|snapshot| &snapshot.holdings)
            .map(|holding| HeldPosition {
                instrument: holding.instrument.clone(),
                quantity: holding.quantity,
                price: self.sight.price(&holding.instrument).map(|seen| seen.price).or(holding.price),
            })
            .collect()
    }

    fn snapshots(&self) -> impl Iterator<Item = &AccountSnapshot> {
        self.desks.values().filter_map(|desk| desk.snapshot.as_ref())
    }

    fn account_seen(&self, snapshot: &AccountSnapshot) -> AccountSeen {
        let holding = |held: &domain::Holding| HoldingSeen {
            instrument: held.instrument.clone(),
            quantity: held.quantity,
            price: self
                .sight
                .price(&held.instrument)
                .map(|seen| (seen.price, seen.at))
                .or(held.price.map(|price| (price, snapshot.taken_at))),
        };
        AccountSeen {
            currency: snapshot.currency,
            taken_at: snapshot.taken_at,
            equity: snapshot.equity,
            holdings: snapshot.holdings.iter().map(holding).collect(),
        }
    }

    fn currencies(&self) -> impl Iterator<Item = Currency> {
        self.reconciled.iter().flat_map(|word| word.currencies.iter().copied())
    }

    /// Whether the day, an equity that nobody can confirm, and a loss that waits to be confirmed allow exits only.
    fn why_reducing(&self, currency: Currency) -> [bool; 3] {
        let now = self.now();
        let why = |desk: &Desk| [desk.is_reducing_today(now), desk.is_unconfirmed(), desk.is_doubted(now)];
        self.desks.get(&currency).map_or([false; 3], why)
    }

    fn day_loss(&self, currency: Currency) -> DayLoss {
        let desk = self.desks.get(&currency);
        desk.map_or(DayLoss::Unknown, |desk| desk.reading(self.settings.basis, self.now()).halting)
    }

    /// Every day's result is known and within the limit; what is unknown is not over.
    pub(super) fn is_every_loss_over(&self) -> bool {
        let limit = self.settings.limits.max_loss_pct();
        let is_over = |loss: DayLoss| loss != DayLoss::Unknown && !loss.is_below(limit);
        self.reconciled.is_some()
            && self.currencies().all(|currency| is_over(self.day_loss(currency)))
            && !self.is_won_below()
    }

    fn day_pnl_pct(&self, currency: Currency) -> Option<Decimal> {
        self.day_loss(currency).known()
    }

    fn entry_blocks(&self) -> Vec<String> {
        let mut blocks = Vec::new();
        let mut block = |applies: bool, text: &str| {
            if applies {
                blocks.push(text.to_owned());
            }
        };
        block(!self.halts_known, "the ledger has not told yet which halts stand");
        block(!self.approvals_known, "the ledger has not told yet how many orders were approved");
        block(!self.setbacks_known, "the ledger has not told yet what was sold and refused lately");
        block(!self.orders_known, "the ledger has not told yet which orders are open");
        block(!self.symbols_known, "the ledger has not told yet which stocks are halted");
        block(self.reconciled.is_none(), "Broker has not reconciled yet");
        let doubt = self.deps.exchange_clock.clock_doubt();
        block(
            doubt.is_some(),
            "the exchange's clock and this machine's may differ, by the exchange's last answers",
        );
        for Blind { instrument, age_s } in Market::ALL.into_iter().filter_map(|market| self.blind_in(market))
        {
            let market = instrument.market;
            block(
                true,
                &format!("nothing is bought on {market}: {instrument} has had no price for {age_s} s"),
            );
        }
        let limit = self.settings.limits.max_loss_pct();
        block(self.is_won_below(), &format!("the account in won has lost more than {limit} % today"));
        block(
            self.is_won_unknown(),
            &format!(
                "only exits until the day's result in won is known: it has not been for {} minutes",
                super::won::UNKNOWN_MAX.num_minutes()
            ),
        );
        for currency in self.currencies() {
            let known = self.desks.get(&currency).is_some_and(|desk| desk.snapshot.is_some());
            let loss = self.day_loss(currency);
            block(!known, &format!("no account of {currency} yet"));
            block(known && loss == DayLoss::Unknown, &format!("the day's result in {currency} is unknown"));
            block(loss.is_below(limit), &format!("the day in {currency} has lost more than {limit} %"));
            let [day, unconfirmed, doubted] = self.why_reducing(currency);
            block(day, &format!("only exits in {currency} until the end of the day"));
            block(
                doubted,
                &format!("only exits in {currency} until another account confirms or refutes its loss"),
            );
            block(unconfirmed, &format!("only exits in {currency} until its equity can be confirmed again"));
        }
        let distrusted = self.sessions.values().filter(|session| !session.trust.allows_entries());
        blocks.extend(distrusted.map(|session| format!("{}: {}", session.market, session.trust)));
        blocks
    }
}
