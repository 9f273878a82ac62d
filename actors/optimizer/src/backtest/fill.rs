//! Prices and amounts of a fill, in whole millionths.

use domain::tick::{self, Rounding};
use domain::{Market, Price, Side, day_limits};
use rust_decimal::Decimal;

use super::{Costs, MICROS, Paid, Pricing, Series, Setup, Shares};

/// Billionths of one.
const BILLION: i128 = 1_000_000_000;

/// Korea's width of a day in percent (KIS.md 16.1); 15 before 2015-06-15.
const KOREA_PCT: [i64; 2] = [30, 15];
/// The day from which Korea's wider limits hold.
const KOREA_WIDER: (i32, u32, u32) = (2015, 6, 15);

/// Shares of a lot where the exchange has another for each stock and nobody told it: Hong Kong's larger ones, so that a
/// purchase is rather missed than invented.
const UNKNOWN_LOT: u64 = 1_000;

/// How orders in one stock are filled.
pub(super) struct Venue<'a> {
    series: &'a Series,
    costs: Costs,
    extra_ticks: i32,
    is_on_steps: bool,
    lot_micros: i128,
}

/// Shares and money of a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fill {
    /// Price of a share, in millionths.
    pub(super) price_micros: i64,
    /// Shares, in millionths.
    pub(super) shares_micros: i128,
    /// Paid in all, or received in all.
    pub(super) amount_micros: i128,
    /// What it cost.
    pub(super) paid: Paid,
}

impl<'a> Venue<'a> {
    pub(super) fn new(series: &'a Series, setup: &Setup) -> Self {
        let market = series.instrument().market;
        let (costs, is_on_steps) = match setup.costs {
            Pricing::Table => (Costs::of(market, setup.cost_pct), true),
            Pricing::AllIn { ppb } => (Costs::all_in(ppb, setup.cost_pct), false),
        };
        let lot_micros = match setup.shares {
            Shares::Lots => i128::from(series.lot().map_or(UNKNOWN_LOT, std::num::NonZeroU64::get)) * MICROS,
            Shares::Millionths => 1,
        };
        let extra_ticks = i32::try_from(setup.extra_ticks).unwrap_or(i32::MAX);
        Self { series, costs, extra_ticks, is_on_steps, lot_micros }
    }

    /// The price of a fill at the open of `bar`; none where nothing is traded, or only by the other side.
    fn price(&self, bar: usize, side: Side) -> Option<i64> {
        let day = self.series.bars().get(bar)?;
        if day.volume == 0 {
            return None;
        }
        let open = day.open_micros;
        if !self.is_on_steps {
            return Some(open);
        }
        let limit = self.limit(bar, side);
        if limit.is_some_and(|limit| is_beyond(open, limit, side)) {
            return None;
        }
        let worse = div_up(i128::from(open) * self.costs.spread_ppb(), BILLION);
        let shifted = match side {
            Side::Buy => i128::from(open) + worse,
            Side::Sell => i128::from(open) - worse,
        };
        let stepped = self.step(i64::try_from(shifted).ok()?, side)?;
        Some(match (limit, side) {
            (Some(limit), Side::Buy) => stepped.min(limit),
            (Some(limit), Side::Sell) => stepped.max(limit),
            (None, Side::Buy | Side::Sell) => stepped,
        })
    }

    /// The price on the next step to the worse, and so many more steps as the stress wants.
    fn step(&self, micros: i64, side: Side) -> Option<i64> {
        let market = self.series.instrument().market;
        let (rounding, ticks) = match side {
            Side::Buy => (Rounding::Up, self.extra_ticks),
            Side::Sell => (Rounding::Down, -self.extra_ticks),
        };
        let aligned = tick::align(market, price(micros)?, rounding).ok()?;
        let moved = if ticks == 0 { aligned } else { tick::shift(market, aligned, ticks).ok()? };
        domain::messages::bars::micros(moved.value())
    }

    /// The price of the day beyond which nobody is on the other side.
    fn limit(&self, bar: usize, side: Side) -> Option<i64> {
        let before = self.series.bars().get(bar.checked_sub(1)?)?;
        let instrument = self.series.instrument();
        let base = price(before.close_micros)?.value();
        let width = match instrument.market {
            Market::Kr => {
                let (year, month, day) = KOREA_WIDER;
                let wider = chrono::NaiveDate::from_ymd_opt(year, month, day)?;
                let [wide, narrow] = KOREA_PCT;
                let date = self.series.bars().get(bar)?.session_date;
                base * Decimal::new(if date < wider { narrow } else { wide }, 2)
            }
            Market::UsNasdaq
            | Market::UsNyse
            | Market::UsAmex
            | Market::Jp
            | Market::Hk
            | Market::CnSha
            | Market::CnSza
            | Market::VnHan
            | Market::VnHcm => day_limits::width(instrument.market, &instrument.symbol, base)?,
        };
        let (value, rounding) = match side {
            Side::Buy => (base + width, Rounding::Down),
            Side::Sell => (base - width, Rounding::Up),
        };
        let aligned = tick::align(instrument.market, Price::new(value).ok()?, rounding).ok()?;
        domain::messages::bars::micros(aligned.value())
    }

    /// A purchase at the open of `bar` for at most `budget`; none when it is not filled.
    pub(super) fn buy(&self, bar: usize, budget: i128) -> Option<Fill> {
        let price_micros = self.price(bar, Side::Buy)?;
        let price = i128::from(price_micros);
        let for_shares = (budget - self.costs.minimum_fee_micros())
            .min(budget * BILLION / (BILLION + self.costs.commission_ppb()));
        let mut lots = for_shares.max(0) * MICROS / (price * self.lot_micros);
        // Amounts are rounded up, so the last lot may not fit.
        while lots > 0 {
            let fill = self.bought(bar, price_micros, lots * self.lot_micros);
            if fill.amount_micros <= budget {
                return Some(fill);
            }
            lots -= 1;
        }
        None
    }

    fn bought(&self, bar: usize, price_micros: i64, shares_micros: i128) -> Fill {
        let value = div_up(shares_micros * i128::from(price_micros), MICROS);
        let commission_micros = self.commission(value);
        let spread_micros = self.spread(bar, price_micros, shares_micros);
        let amount_micros = value + commission_micros;
        Fill {
            price_micros,
            shares_micros,
            amount_micros,
            paid: Paid { commission_micros, tax_micros: 0, spread_micros },
        }
    }

    /// A sale of all `shares_micros` at the open of `bar`; none when it is not filled.
    pub(super) fn sell(&self, bar: usize, shares_micros: i128) -> Option<Fill> {
        let price_micros = self.price(bar, Side::Sell)?;
        let date = self.series.bars().get(bar)?.session_date;
        let value = shares_micros * i128::from(price_micros) / MICROS;
        let commission_micros = self.commission(value);
        let tax_micros = part_of(value, self.costs.tax_ppb(Side::Sell, date));
        let spread_micros = self.spread(bar, price_micros, shares_micros);
        let amount_micros = value - commission_micros - tax_micros;
        Some(Fill {
            price_micros,
            shares_micros,
            amount_micros,
            paid: Paid { commission_micros, tax_micros, spread_micros },
        })
    }

    fn commission(&self, value: i128) -> i128 {
        part_of(value, self.costs.commission_ppb()).max(self.costs.minimum_fee_micros())
    }

    fn spread(&self, bar: usize, price_micros: i64, shares_micros: i128) -> i128 {
        let open = self.series.bars().get(bar).map_or(price_micros, |day| day.open_micros);
        if price_micros == open {
            return 0;
        }
        shares_micros * i128::from(price_micros - open).abs() / MICROS
    }
}

/// True when an order at `open` finds nobody on the other side: at or beyond the limit of the day.
fn is_beyond(open: i64, limit: i64, side: Side) -> bool {
    match side {
        Side::Buy => open >= limit,
        Side::Sell => open <= limit,
    }
}

fn price(micros: i64) -> Option<Price> {
    Price::new(Decimal::new(micros, 6)).ok()
}

/// So many billionths of an amount, rounded up.
fn part_of(amount: i128, ppb: i128) -> i128 {
    if ppb == 0 { 0 } else { div_up(amount * ppb, BILLION) }
}

/// Rounded up; both are not negative.
fn div_up(part: i128, whole: i128) -> i128 {
    (part + whole - 1) / whole
}
