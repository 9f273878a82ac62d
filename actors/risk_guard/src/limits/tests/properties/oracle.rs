//! The oracle: each limit once more, in its own words.

use super::*;

/// The oracle: what `limit` forbids, said of the state itself and of the order that came out.
impl House {
    pub(super) fn breaks(&self, limit: Limit, order: &OrderTerms) -> bool {
        let buys = order.side == Side::Buy;
        let within = |seconds: i64| self.approved_ago_s.iter().filter(|ago| **ago < seconds).count();
        let most = |entries: u32, ceiling: usize| if buys { entries as usize } else { ceiling };
        match limit {
            Limit::Halted => self.state == TradingState::Halted,
            Limit::Starting => self.state == TradingState::Starting,
            Limit::Reducing => self.state == TradingState::Reducing && buys,
            Limit::Expiry => self.proposal.expires_at <= now(),
            Limit::SessionDate => self.proposal.session_date != order.instrument.market.date_at(now()),
            Limit::Trust => self.phase.is_some() && !self.is_trusted(buys),
            Limit::Phase => self.phase.is_some_and(|phase| !self.is_in_session(phase)),
            Limit::BrokerHours => {
                self.phase.is_some() && self.orders_for_s.is_none_or(|seconds| seconds <= 0)
            }
            Limit::Confidence => self.proposal.confidence < self.limits.confidence_threshold(),
            Limit::SymbolHalt => self.halted.contains(&order.instrument),
            Limit::Sight => {
                buys && self.blind.as_ref().is_some_and(|stock| stock.market == order.instrument.market)
            }
            Limit::OrdersPerMinute => within(60) >= most(self.limits.max_orders_per_minute(), 10),
            Limit::OrdersPerDay => within(86_400) >= most(self.limits.max_orders_per_day(), 400),
            Limit::OpenOrder => self.has_open(order, |open| open.is_working() && open.side == order.side),
            Limit::UnresolvedOrder => {
                self.has_open(order, |open| open.is_unresolved() && (buys || open.side == Side::Sell))
            }
            Limit::LapsedOrder => self.has_open(order, |open| {
                open.state == OrderState::Lapsed && (buys || open.side == Side::Sell)
            }),
            Limit::ExchangeClock => self.clock_off_s.is_some(),
            Limit::AccountAge => self.account_age_s > 60,
            Limit::AccountOvertaken => self.touched_ago_s.is_some_and(|ago| ago < self.account_age_s),
            Limit::DayUnknown => buys && self.day == DayLoss::Unknown,
            Limit::DayLoss => {
                let limit = -self.limits.max_loss_pct();
                buys && matches!(self.day, DayLoss::Known(result) if result < limit)
            }
            Limit::Reservation => buys && self.cost(order) > self.free_cash(),
            Limit::FatFinger => {
                buys && self.cost(order) * Decimal::ONE_HUNDRED
                    > self.limits.max_order_pct() * self.free_cash()
            }
            Limit::DayStart => buys && self.day_start.is_none(),
            Limit::DayPurchases => {
                let most = |start: i64| Decimal::from(start) * Decimal::from(5);
                let total = self.cost(order) + Decimal::from(self.bought);
                buys && self.day_start.is_some_and(|start| total > most(start))
            }
            Limit::QuoteAge => buys && self.is_quote_too_old(),
            Limit::QuoteJump => buys && self.jumps(self.before_permille, self.quote_permille),
            Limit::QuoteMismatch => buys && self.jumps(Some(self.quote_permille), 1000),
            Limit::RefusalCooldown => buys && self.waits(self.refused_ago_s, LimitName::RefusalCooldownMin),
            Limit::StopCooldown => buys && self.waits(self.lost_ago_s, LimitName::StopCooldownMin),
            Limit::Reentry => {
                let below = self.sold.filter(|(_, price)| *price < order.limit);
                buys && self.waits(below.map(|(ago, _)| ago), LimitName::ReentryGuardMin)
            }
            Limit::EquityKnown => buys && self.equity.is_none_or(|equity| equity <= 0),
            Limit::HoldingPriced => buys && self.unpriced,
            Limit::SymbolExposure => buys && self.exceeds(self.of_symbol(order), LimitName::MaxSymbolPct),
            Limit::TotalExposure => buys && self.exceeds(self.of_all(order), LimitName::MaxExposurePct),
            Limit::Sellable => {
                !buys && (order.quantity.is_zero() || order.quantity.get() > self.free_shares())
            }
            Limit::Demand => self.exceeds_demand(order),
        }
    }

    pub(super) fn is_quote_too_old(&self) -> bool {
        let most = self.limits.get(LimitName::MaxQuoteAgeS);
        self.quote_age_s.is_none_or(|age| Decimal::from(age) > most)
    }

    /// More than the limit from one price, if there was one, to the other, in percent of the first.
    pub(super) fn jumps(&self, from: Option<i64>, to: i64) -> bool {
        let from = from.unwrap_or(to);
        self.quote_age_s.is_some()
            && Decimal::from((to - from).abs() * 100) > self.limits.max_quote_jump_pct() * Decimal::from(from)
    }

    pub(super) fn waits(&self, ago_s: Option<i64>, name: LimitName) -> bool {
        ago_s.is_some_and(|ago| Decimal::from(ago) < self.limits.get(name) * Decimal::from(60))
    }

    /// What is held and ordered of the stock, and this order.
    pub(super) fn of_symbol(&self, order: &OrderTerms) -> Decimal {
        let held = Decimal::from(self.sellable + 500) * self.held_price.value();
        held + self.ordered(|open| open.instrument == order.instrument) + self.cost(order)
    }

    /// What is held and ordered of both stocks, and this order.
    pub(super) fn of_all(&self, order: &OrderTerms) -> Decimal {
        let held = Decimal::from(self.sellable + 500) * self.held_price.value();
        held + Decimal::from(self.others * 5000) + self.ordered(|_| true) + self.cost(order)
    }

    pub(super) fn exceeds(&self, worth: Decimal, name: LimitName) -> bool {
        let equity = Decimal::from(self.equity.unwrap_or(0));
        worth > equity * self.limits.get(name) / Decimal::ONE_HUNDRED
    }

    /// What open purchases may still cost.
    pub(super) fn ordered(&self, counts: impl Fn(&Open) -> bool) -> Decimal {
        let purchases = self.open.iter().filter(|open| open.side == Side::Buy && counts(open));
        purchases.map(|open| open.limit.value() * Decimal::from(open.remaining())).sum()
    }

    pub(super) fn has_open(&self, order: &OrderTerms, is_in_the_way: impl Fn(&Open) -> bool) -> bool {
        self.open.iter().any(|open| open.instrument == order.instrument && is_in_the_way(open))
    }

    pub(super) fn is_trusted(&self, buys: bool) -> bool {
        match self.trust {
            Trust::Certain => true,
            Trust::Disputed | Trust::BrokerDown | Trust::Unknown { exits: true } => !buys,
            Trust::Unproved | Trust::SuspectedClosed | Trust::Unknown { exits: false } => false,
        }
    }

    pub(super) fn is_in_session(&self, phase: Phase) -> bool {
        phase == Phase::Continuous
            || (phase == Phase::Unknown && self.trust == Trust::Unknown { exits: true })
    }

    pub(super) fn cost(&self, order: &OrderTerms) -> Decimal {
        order.limit.value() * Decimal::from(order.quantity.get())
    }

    /// Cash less what open purchases, of any stock, may still cost.
    pub(super) fn free_cash(&self) -> Decimal {
        Decimal::from(self.cash.unwrap_or(0)) - self.ordered(|_| true)
    }

    pub(super) fn free_shares(&self) -> u64 {
        let mine = self.open.iter().filter(|open| open.instrument == self.proposal.instrument);
        let selling: u64 = mine.filter(|open| open.side == Side::Sell).map(Open::remaining).sum();
        self.sellable.saturating_sub(selling)
    }

    /// More than was asked for, or than sizing gives: `cash * clamp(base * target / score, least, most) / 100`.
    pub(super) fn exceeds_demand(&self, order: &OrderTerms) -> bool {
        let [base, least, most, target] = self.sizing.map(Decimal::from);
        let score = self.proposal.score.unwrap_or(target).clamp(Decimal::ONE, Decimal::ONE_HUNDRED);
        let weight = (base * target).clamp(least * score, most * score);
        let too_large = match order.side {
            Side::Buy => self.cost(order) * score * Decimal::ONE_HUNDRED > self.free_cash() * weight,
            Side::Sell => order.quantity.get() > self.free_shares(),
        };
        let demanded = self.proposal.quantity;
        too_large || order.quantity.is_zero() || demanded.is_some_and(|demanded| demanded != order.quantity)
    }

    pub(super) fn assert_sound(&self, order: &OrderTerms) {
        assert_eq!((&order.instrument, order.side), (&self.proposal.instrument, self.proposal.side));
        assert!(domain::TickTable::OfMarket.is_aligned(self.market(), order.limit), "{order}");
        let is_whole = order.quantity.get().is_multiple_of(self.market().standard_lot().unwrap().get());
        assert!(is_whole || self.proposal.quantity.is_some() || order.side == Side::Sell, "{order}");
    }
}

/// The limits behind a reason; none where there is nothing to take out, because the order cannot be made without what is
/// missing.
pub(super) fn limits_behind(reason: &RefusalReason) -> &'static [Limit] {
    match reason {
        RefusalReason::Halted => &[Limit::Halted],
        RefusalReason::Starting => &[Limit::Starting],
        RefusalReason::Reducing => &[Limit::Reducing],
        RefusalReason::Expired { .. } => &[Limit::Expiry],
        RefusalReason::MarketClosed { .. } => {
            &[Limit::SessionDate, Limit::Trust, Limit::Phase, Limit::BrokerHours]
        }
        RefusalReason::LowConfidence { .. } => &[Limit::Confidence],
        RefusalReason::UnresolvedOrder { .. } => &[Limit::UnresolvedOrder],
        RefusalReason::SymbolClosed { .. } => &[Limit::LapsedOrder],
        RefusalReason::SymbolHalted { .. } => &[Limit::SymbolHalt],
        RefusalReason::OpenOrder { .. } => &[Limit::OpenOrder],
        RefusalReason::StaleAccount { .. } => &[Limit::AccountAge, Limit::AccountOvertaken],
        RefusalReason::Blind { .. } => &[Limit::Sight],
        RefusalReason::PnlUnknown { .. } => &[Limit::DayUnknown],
        RefusalReason::DailyLoss { .. } => &[Limit::DayLoss],
        RefusalReason::DayStartUnknown { .. } => &[Limit::DayStart],
        RefusalReason::DayCeiling { .. } => &[Limit::DayPurchases],
        RefusalReason::NoCash { .. } => &[Limit::Reservation],
        RefusalReason::FatFinger { .. } => &[Limit::FatFinger],
        RefusalReason::NothingToSell { .. } => &[Limit::Sellable],
        RefusalReason::Oversize { .. } => &[Limit::Demand],
        RefusalReason::ClockDoubt { .. } => &[Limit::ExchangeClock],
        RefusalReason::TooManyOrders { .. } => &[Limit::OrdersPerMinute, Limit::OrdersPerDay],
        RefusalReason::StaleQuote { .. } => &[Limit::QuoteAge],
        RefusalReason::QuoteJump { .. } => &[Limit::QuoteJump, Limit::QuoteMismatch],
        RefusalReason::CoolingDown { .. } => &[Limit::RefusalCooldown],
        RefusalReason::StoppedOut { .. } => &[Limit::StopCooldown],
        RefusalReason::BoughtBack { .. } => &[Limit::Reentry],
        RefusalReason::SymbolExposure { .. } => &[Limit::SymbolExposure],
        RefusalReason::TotalExposure { .. } => &[Limit::TotalExposure],
        RefusalReason::EquityUnknown { .. } => &[Limit::EquityKnown],
        RefusalReason::ExposureUnknown { .. } => &[Limit::HoldingPriced],
        RefusalReason::NoAccount { .. }
        | RefusalReason::HoldingsChanged { .. }
        | RefusalReason::CashUnknown { .. }
        | RefusalReason::LotUnknown { .. }
        | RefusalReason::TooSmall { .. }
        | RefusalReason::TooManyWaiting { .. }
        | RefusalReason::OffTick { .. }
        | RefusalReason::LedgerRefused(_)
        | RefusalReason::LedgerUnknown(_)
        | RefusalReason::BrokerFull(_) => &[],
    }
}
