//! `kestrel budget`: what the language model may still be asked today, from the running agent or from the books.

use std::fmt;

use brain::budget::{quota_date, resets_at};
use brain::plan::BudgetPlan;
use chrono::{DateTime, NaiveDate, Utc};
use domain::messages::ledger::{BookedCall, BudgetCeilings, CallCost};
use domain::{Clock as _, Market};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use trade_ledger::budget::calls_of;

use crate::clock::SystemClock;
use crate::config::{Config, Database};
use crate::store::open_read_only;

/// The budget of a day of the quota.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetReport {
    /// The model that is asked; `rules` when none is.
    pub judge: String,
    /// The day, by Pacific time.
    pub quota_date: NaiveDate,
    /// When the next one begins.
    pub resets_at: DateTime<Utc>,
    /// Calls.
    pub calls: Amount,
    /// Tokens.
    pub tokens: Amount,
    /// Millionths of a USD; all zero when no prices are set.
    pub usd_micros: Amount,
    /// What is kept for each group of markets.
    pub shares: Vec<Share>,
}

/// Something that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// Taken by calls whose end is known.
    pub used: u64,
    /// Reserved at its most by calls whose end is not, or not yet, known.
    pub reserved: u64,
    /// The most of a day; none: not limited.
    pub limit: Option<u64>,
    /// What is left of it.
    pub left: Option<u64>,
}

/// The calls of a group of markets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The markets, whose questions are asked together where they open together.
    pub markets: Vec<Market>,
    /// Calls that no other group can take.
    pub planned: u32,
    /// Calls that were made for it, or reserved.
    pub used: u32,
}

impl Amount {
    fn new(used: u64, reserved: u64, limit: Option<u64>) -> Self {
        let left = limit.map(|limit| limit.saturating_sub(used).saturating_sub(reserved));
        Self { used, reserved, limit, left }
    }
}

impl BudgetReport {
    /// The budget at `now`, when `booked` are the calls of its day.
    pub fn new(judge: String, plan: &BudgetPlan, booked: &[BookedCall], now: DateTime<Utc>) -> Self {
        let BudgetCeilings { calls, tokens, money_micros } = plan.ceilings;
        let ended = booked.iter().filter_map(|call| call.taken);
        let open = booked.iter().filter(|call| call.taken.is_none()).map(|call| call.worst);
        let (count, used, reserved) = ((ended.clone().count(), open.clone().count()), sum(ended), sum(open));
        let share = |share: &domain::messages::ledger::BudgetShare| Share {
            markets: share.markets.clone(),
            planned: share.floor,
            used: calls_of(share, booked),
        };
        Self {
            judge,
            quota_date: quota_date(now),
            resets_at: resets_at(now),
            calls: Amount::new(count.0 as u64, count.1 as u64, Some(calls.into())),
            tokens: Amount::new(used.tokens, reserved.tokens, tokens),
            usd_micros: Amount::new(used.money_micros, reserved.money_micros, money_micros),
            shares: plan.shares.iter().map(share).collect(),
        }
    }
}

fn sum(costs: impl Iterator<Item = CallCost>) -> CallCost {
    costs.fold(CallCost::default(), |sum, one| CallCost {
        tokens: sum.tokens.saturating_add(one.tokens),
        money_micros: sum.money_micros.saturating_add(one.money_micros),
    })
}

/// The budget from the books alone, for when no agent runs. Nothing is written.
///
/// # Errors
/// In words: settings that are wrong, or books that cannot be read.
pub fn from_books() -> Result<BudgetReport, String> {
    let config = Config::load().map_err(|mistakes| mistakes.to_string())?;
    let path = match &config.database {
        Database::File(path) => path,
        Database::Memory => return Err("DB_PATH=:memory: keeps no books between two commands".to_owned()),
    };
    let now = SystemClock.now();
    let mut books = open_read_only(path).map_err(|error| error.to_string())?;
    let booked = books.oracle_calls(quota_date(now)).map_err(|error| error.to_string())?;
    Ok(BudgetReport::new(config.language_model.name(), &crate::app::budget(&config), &booked, now))
}

impl fmt::Display for BudgetReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { judge, quota_date, resets_at, calls, tokens, usd_micros, shares } = self;
        let resets_at = resets_at.format("%Y-%m-%d %H:%M UTC");
        writeln!(f, "judge: {judge}; budget of {quota_date} (Pacific time), full again at {resets_at}")?;
        line(f, "calls", *calls, |amount| amount.to_string())?;
        line(f, "tokens", *tokens, |amount| amount.to_string())?;
        if usd_micros.limit.is_some() || usd_micros.used > 0 || usd_micros.reserved > 0 {
            line(f, "USD", *usd_micros, usd)?;
        }
        write!(f, "planned for each group of markets:")?;
        for Share { markets, planned, used } in shares {
            let codes: Vec<_> = markets.iter().map(|market| market.code()).collect();
            write!(f, "\n  {}: {used} of {planned}", codes.join("+"))?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, what: &str, amount: Amount, show: fn(u64) -> String) -> fmt::Result {
    let Amount { used, reserved, limit, left } = amount;
    write!(f, "{what}: {} used, {} reserved", show(used), show(reserved))?;
    match (limit, left) {
        (Some(limit), Some(left)) => writeln!(f, ", {} left of {}", show(left), show(limit)),
        (None, _) | (_, None) => writeln!(f, ", no limit"),
    }
}

fn usd(micros: u64) -> String {
    (Decimal::from(micros) / Decimal::from(1_000_000)).normalize().to_string()
}

#[cfg(test)]
mod tests {
    use brain::plan::TokenPrices;

    use super::*;

    fn call(market: Market, taken: Option<CallCost>) -> BookedCall {
        let worst = CallCost { tokens: 5_000, money_micros: 900 };
        BookedCall { purpose: String::new(), markets: vec![market], worst, taken, at: DateTime::UNIX_EPOCH }
    }

    fn report(tokens: Option<u64>, money_micros: Option<u64>) -> BudgetReport {
        let ceilings = BudgetCeilings { calls: 20, tokens, money_micros };
        let prices = money_micros.map(|_| TokenPrices { input: Decimal::ONE, output: Decimal::ONE });
        let plan =
            BudgetPlan::spread(&[Market::Kr, Market::UsNasdaq, Market::UsNyse], Some(4), ceilings, prices);
        let taken = Some(CallCost { tokens: 1_200, money_micros: 150 });
        let booked = [call(Market::Kr, taken), call(Market::Kr, None), call(Market::UsNyse, taken)];
        BudgetReport::new("m".into(), &plan, &booked, "2026-11-24T07:59:59Z".parse().unwrap())
    }

    #[test]
    fn used_reserved_and_planned_are_told_apart() {
        let shown = "judge: m; budget of 2026-11-23 (Pacific time), full again at 2026-11-24 08:00 UTC\n\
                     calls: 2 used, 1 reserved, 17 left of 20\n\
                     tokens: 2400 used, 5000 reserved, 2600 left of 10000\n\
                     USD: 0.0003 used, 0.0009 reserved, 0.9988 left of 1\n\
                     planned for each group of markets:\n  KR: 2 of 4\n  US_NASDAQ+US_NYSE: 1 of 4";
        assert_eq!(report(Some(10_000), Some(1_000_000)).to_string(), shown);
        let plain = report(None, None).to_string();
        assert!(plain.contains("tokens: 2400 used, 5000 reserved, no limit"), "{plain}");
    }

    #[test]
    fn the_report_travels_as_json() {
        let report = report(Some(10_000), None);
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!((&json["calls"]["left"], &json["shares"][0]["planned"]), (&17.into(), &4.into()));
        assert_eq!(serde_json::from_value::<BudgetReport>(json).unwrap(), report);
    }
}
