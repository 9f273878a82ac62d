//! What a fill costs, by market and day: one table with a source per row.
//!
//! Rates are billionths of the traded amount. Left out, because nothing in the books tells them: conversion between currencies,
//! taxes on the year's gains, and American fees per share (below 0.001 %).

use chrono::NaiveDate;
use domain::{Market, Side};

/// A cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// Broker's and exchange's fees and stamp, on both sides, in billionths.
    Commission,
    /// Taxes and fees on sales, in billionths.
    SellTax,
    /// Half the distance between the best prices, in billionths.
    HalfSpread,
    /// How much worse than that a fill is, in billionths.
    Slippage,
    /// The least commission of an order, in millionths of the currency.
    MinimumFee,
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Where.
    pub markets: &'static [Market],
    /// What.
    pub item: Item,
    /// The first day that it holds, as year, month, day.
    pub from: (i32, u32, u32),
    /// How much.
    pub amount: u32,
    /// Who says so.
    pub source: &'static str,
}

const KR: &[Market] = &[Market::Kr];
const US: &[Market] = &[Market::UsNasdaq, Market::UsNyse, Market::UsAmex];
const JP: &[Market] = &[Market::Jp];
const HK: &[Market] = &[Market::Hk];
const CN: &[Market] = &[Market::CnSha, Market::CnSza];
const VN: &[Market] = &[Market::VnHan, Market::VnHcm];
const ALL: &[Market] = &Market::ALL;

const ALWAYS: (i32, u32, u32) = (1900, 1, 1);
const KIS_17: &str = "KIS.md 17, conservative defaults";
const KRX_TAX: &str =
    "strategies.md 5.4: krx-quant-core 0.8.0, secondary source; KOSPI with rural tax, KOSDAQ the same sum";
const ASSUMED: &str = "assumed, not measured; stress it";

const fn rate(
    markets: &'static [Market],
    item: Item,
    from: (i32, u32, u32),
    amount: u32,
    source: &'static str,
) -> Rate {
    Rate { markets, item, from, amount, source }
}

/// Every rate, the rows of an item in the order of their days.
pub const TABLE: &[Rate] = &[
    rate(KR, Item::Commission, ALWAYS, 140_527, "KIS.md 17: BanKIS fee page, 2025-26"),
    rate(US, Item::Commission, ALWAYS, 2_500_000, KIS_17),
    rate(JP, Item::Commission, ALWAYS, 2_800_000, "KIS.md 17: official sample of CTOS4001R, 2024"),
    rate(HK, Item::Commission, ALWAYS, 4_100_000, KIS_17),
    rate(CN, Item::Commission, ALWAYS, 3_060_000, KIS_17),
    rate(VN, Item::Commission, ALWAYS, 4_000_000, KIS_17),
    rate(KR, Item::SellTax, ALWAYS, 3_000_000, KRX_TAX),
    rate(KR, Item::SellTax, (2019, 6, 3), 2_500_000, KRX_TAX),
    rate(KR, Item::SellTax, (2021, 1, 1), 2_300_000, KRX_TAX),
    rate(KR, Item::SellTax, (2023, 1, 1), 2_000_000, KRX_TAX),
    rate(KR, Item::SellTax, (2024, 1, 1), 1_800_000, KRX_TAX),
    rate(KR, Item::SellTax, (2025, 1, 1), 1_500_000, KRX_TAX),
    rate(KR, Item::SellTax, (2026, 1, 1), 2_000_000, KRX_TAX),
    rate(US, Item::SellTax, ALWAYS, 27_800, "KIS.md 17: SEC section 31, 2025; taken for all days before"),
    rate(US, Item::SellTax, (2025, 5, 14), 0, "KIS.md 17: SEC section 31"),
    rate(US, Item::SellTax, (2026, 4, 4), 20_600, "KIS.md 17: SEC section 31, believed"),
    rate(CN, Item::SellTax, ALWAYS, 500_000, "KIS.md 17: stamp duty on sales, 2024-26"),
    rate(VN, Item::SellTax, ALWAYS, 1_000_000, "KIS.md 17: tax on sales"),
    rate(ALL, Item::HalfSpread, ALWAYS, 500_000, ASSUMED),
    rate(ALL, Item::Slippage, ALWAYS, 500_000, ASSUMED),
    rate(US, Item::MinimumFee, ALWAYS, 0, "KIS.md 17: no minimum online"),
];

/// What fills of one market cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Costs {
    commission_ppb: i128,
    minimum_fee_micros: i128,
    spread_ppb: i128,
    sell_taxes: Vec<(NaiveDate, i128)>,
}

impl Costs {
    /// What [`TABLE`] says of `market`, each times `percent` / 100.
    pub fn of(market: Market, percent: u32) -> Self {
        let rows =
            |item: Item| TABLE.iter().filter(move |row| row.item == item && row.markets.contains(&market));
        let scaled = |row: &Rate| i128::from(row.amount) * i128::from(percent) / 100;
        let latest = |item: Item| rows(item).next_back().map_or(0, scaled);
        let dated = |row: &Rate| {
            let (year, month, day) = row.from;
            Some((NaiveDate::from_ymd_opt(year, month, day)?, scaled(row)))
        };
        Self {
            commission_ppb: latest(Item::Commission),
            minimum_fee_micros: latest(Item::MinimumFee),
            spread_ppb: latest(Item::HalfSpread) + latest(Item::Slippage),
            sell_taxes: rows(Item::SellTax).filter_map(dated).collect(),
        }
    }

    /// `ppb` billionths of the amount on both sides, times `percent` / 100, and nothing else.
    pub fn all_in(ppb: u32, percent: u32) -> Self {
        let commission_ppb = i128::from(ppb) * i128::from(percent) / 100;
        Self { commission_ppb, minimum_fee_micros: 0, spread_ppb: 0, sell_taxes: Vec::new() }
    }

    /// Commission of an order in billionths of its amount.
    pub fn commission_ppb(&self) -> i128 {
        self.commission_ppb
    }

    /// The least commission of an order, in millionths.
    pub fn minimum_fee_micros(&self) -> i128 {
        self.minimum_fee_micros
    }

    /// How much worse than the open a fill is, in billionths of the price.
    pub fn spread_ppb(&self) -> i128 {
        self.spread_ppb
    }

    /// Tax on an order of `date` in billionths of its amount.
    pub fn tax_ppb(&self, side: Side, date: NaiveDate) -> i128 {
        let holding = self.sell_taxes.iter().rev().find(|(from, _)| *from <= date);
        match side {
            Side::Sell => holding.map_or(0, |(_, ppb)| *ppb),
            Side::Buy => 0,
        }
    }
}
