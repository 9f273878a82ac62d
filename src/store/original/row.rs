//! One row of the original, parsed as strictly as anything else from outside.

use chrono::{DateTime, Utc};
use domain::{Action, Market};
use serde_json::Value;

/// A row that can be taken.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OriginalTrade {
    pub(super) id: i64,
    /// As the original wrote it: part of what makes the row itself.
    pub(super) timestamp: String,
    pub(super) at: DateTime<Utc>,
    pub(super) stock_code: String,
    pub(super) action: Action,
    pub(super) confidence: i64,
    pub(super) rationale: Option<String>,
    pub(super) quantity: Option<i64>,
    /// None where the original has 0: it wrote 0 for "unknown".
    pub(super) price: Option<f64>,
    pub(super) pnl: Option<f64>,
    pub(super) market: Market,
    pub(super) exchange_code: String,
    pub(super) selection_context: Option<String>,
}

impl OriginalTrade {
    /// A trade of which the original did not know the price.
    pub(super) fn is_without_price(&self) -> bool {
        self.price.is_none() && self.action != Action::Hold
    }

    /// From the cells of a row, in the order of the columns.
    ///
    /// # Errors
    /// The row's number and the first thing that is wrong with it, in words.
    pub(super) fn parse(cells: &str) -> Result<Self, (i64, String)> {
        let cells: Vec<Value> =
            serde_json::from_str(cells).map_err(|error| (0, format!("it cannot be read: {error}")))?;
        let [id, rest @ ..] = cells.as_slice() else { return Err((0, "it is empty".to_owned())) };
        let id = id.as_i64().ok_or_else(|| (0, format!("its id is {id}")))?;
        Self::parse_rest(id, rest).map_err(|why| (id, why))
    }

    fn parse_rest(id: i64, cells: &[Value]) -> Result<Self, String> {
        let [
            timestamp,
            stock_code,
            action,
            confidence,
            rationale,
            quantity,
            price,
            pnl,
            market,
            exchange_code,
            selection_context,
        ] = cells
        else {
            return Err(format!("it has {} cells", cells.len() + 1));
        };
        let timestamp = text("timestamp", timestamp)?.ok_or("it has no timestamp")?;
        let at = DateTime::parse_from_rfc3339(&timestamp).map_err(|_| {
            format!(
                "timestamp '{timestamp}' is no date and time with an offset, e.g. 2026-02-01T09:00:00+00:00"
            )
        })?;
        let market = text("market", market)?.unwrap_or_else(|| Market::Kr.code().to_owned());
        Ok(Self {
            id,
            at: at.to_utc(),
            timestamp,
            stock_code: stock_code_of(stock_code)?,
            action: action_of(action)?,
            confidence: within("confidence", confidence, 0..=100)?.ok_or("it has no confidence")?,
            rationale: text("rationale", rationale)?,
            quantity: within("quantity", quantity, 0..=i64::from(i32::MAX))?,
            price: price_of(price)?,
            pnl: number("pnl", pnl)?,
            market: market.parse().map_err(|error| format!("{error}"))?,
            exchange_code: text("exchange_code", exchange_code)?.unwrap_or_else(|| "KRX".to_owned()),
            selection_context: text("selection_context", selection_context)?,
        })
    }
}

fn text(column: &str, cell: &Value) -> Result<Option<String>, String> {
    match cell {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Err(format!("{column} is {cell}, no text"))
        }
    }
}

fn number(column: &str, cell: &Value) -> Result<Option<f64>, String> {
    match cell {
        Value::Null => Ok(None),
        Value::Number(number) => Ok(number.as_f64().filter(|number| number.is_finite())),
        Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            Err(format!("{column} is {cell}, no number"))
        }
    }
}

fn within(column: &str, cell: &Value, allowed: std::ops::RangeInclusive<i64>) -> Result<Option<i64>, String> {
    if cell.is_null() {
        return Ok(None);
    }
    let number = cell.as_i64().filter(|number| allowed.contains(number));
    let (low, high) = (allowed.start(), allowed.end());
    number.map(Some).ok_or_else(|| format!("{column} is {cell}; allowed: {low} to {high}"))
}

fn price_of(cell: &Value) -> Result<Option<f64>, String> {
    match number("price", cell)? {
        Some(price) if price < 0.0 => Err(format!("price is {cell}, below zero")),
        price => Ok(price.filter(|price| *price > 0.0)),
    }
}

fn stock_code_of(cell: &Value) -> Result<String, String> {
    let code = text("stock_code", cell)?.unwrap_or_default();
    let is_code = (1..=20).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_graphic());
    if is_code { Ok(code) } else { Err(format!("stock_code is {cell}; allowed: 1 to 20 visible characters")) }
}

fn action_of(cell: &Value) -> Result<Action, String> {
    let name = text("action", cell)?.unwrap_or_default();
    let known = [Action::Buy, Action::Sell, Action::Hold].into_iter().find(|action| action.code() == name);
    known.ok_or_else(|| format!("action is {cell}; allowed: BUY, SELL, HOLD"))
}
