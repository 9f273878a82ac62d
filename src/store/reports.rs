//! Questions about the past: losers, remembered judgements, totals.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use domain::messages::ledger::{
    BooksSummary, ConfidentLosers, LosingTrade, RecentDecisions, RememberedDecision,
};
use domain::{Confidence, Currency, DecisionId, Market, Money, OrderState};
use rust_decimal::Decimal;
use trade_ledger::StoreError;

use super::fault::Fault;
use super::retention;
use super::rows::instrument;
use super::schema::{day_starts, decisions, fills, intents};
use super::values::{Micros, count, day, malformed, parsed, time};

/// Most remembered judgements of one answer.
const RECENT_MAX: u16 = 100;

/// Sales of a day at a loss, whole orders; a sale of unknown cost is none.
const LOSING_SALES: &str = "
    SELECT i.symbol AS symbol, SUM(f.pnl_micros) AS pnl_micros, MIN(f.id) AS first_fill
      FROM fills AS f JOIN intents AS i ON i.id = f.intent_id
     WHERE i.side = 'SELL' AND i.market = ? AND i.session_date = ?
     GROUP BY i.id
    HAVING COUNT(f.pnl_micros) = COUNT(*) AND SUM(f.pnl_micros) < 0
     ORDER BY pnl_micros, i.seq";

/// The last purchase of a stock before a fill, with the judgement behind it.
const PURCHASE_BEFORE: &str = "
    SELECT a.confidence AS confidence, d.id AS decision_id, d.rationale AS rationale
      FROM fills AS f
      JOIN intents AS i ON i.id = f.intent_id
      JOIN approvals AS a ON a.id = i.approval_id
      LEFT JOIN decisions AS d ON d.id = a.decision_id
     WHERE i.side = 'BUY' AND i.market = ? AND i.symbol = ? AND f.id < ?
     ORDER BY f.id DESC LIMIT 1";

/// What the sale that a judgement asked for realised.
const REALISED_BY_OWN: &str = "
    SELECT f.cost_micros AS cost_micros, f.pnl_micros AS pnl_micros
      FROM approvals AS a
      JOIN intents AS i ON i.approval_id = a.id
      JOIN fills AS f ON f.intent_id = i.id
     WHERE a.decision_id = ? AND i.side = 'SELL'";

/// What the first sale of a stock realised after the purchase that a judgement asked for. Read forwards from that purchase,
/// so that what came before it is left alone.
const REALISED_BY_NEXT: &str = "
    SELECT f.cost_micros AS cost_micros, f.pnl_micros AS pnl_micros
      FROM fills AS f
     WHERE f.intent_id = (
        SELECT s.id FROM fills AS g CROSS JOIN intents AS s
         WHERE s.id = g.intent_id AND s.side = 'SELL' AND s.market = ? AND s.symbol = ?
           AND g.id > (SELECT MAX(h.id) FROM approvals AS c
                         JOIN intents AS b ON b.approval_id = c.id
                         JOIN fills AS h ON h.intent_id = b.id
                        WHERE c.decision_id = ? AND b.side = 'BUY')
         ORDER BY g.id LIMIT 1)";

const REALISED_PER_MARKET: &str = "SELECT market, pnl_micros FROM sale_sums WHERE pnl_micros IS NOT NULL";

#[derive(QueryableByName)]
struct MarketSum {
    #[diesel(sql_type = Text)]
    market: String,
    #[diesel(sql_type = BigInt)]
    pnl_micros: Micros,
}

#[derive(QueryableByName)]
struct LosingSale {
    #[diesel(sql_type = Text)]
    symbol: String,
    #[diesel(sql_type = BigInt)]
    pnl_micros: Micros,
    #[diesel(sql_type = BigInt)]
    first_fill: i64,
}

#[derive(QueryableByName)]
struct Purchase {
    #[diesel(sql_type = BigInt)]
    confidence: i64,
    #[diesel(sql_type = Nullable<Text>)]
    decision_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    rationale: Option<String>,
}

#[derive(QueryableByName)]
struct Realisation {
    #[diesel(sql_type = Nullable<BigInt>)]
    cost_micros: Option<Micros>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pnl_micros: Option<Micros>,
}

pub(super) fn confident_losers(
    conn: &mut SqliteConnection,
    query: &ConfidentLosers,
) -> Result<Vec<LosingTrade>, Fault> {
    let sales: Vec<LosingSale> = diesel::sql_query(LOSING_SALES)
        .bind::<Text, _>(query.market.code())
        .bind::<Text, _>(day(query.session_date))
        .load(conn)?;
    let mut losers = Vec::new();
    for sale in sales {
        losers.extend(losing_trade(conn, query, &sale)?);
    }
    Ok(losers)
}

fn losing_trade(
    conn: &mut SqliteConnection,
    query: &ConfidentLosers,
    sale: &LosingSale,
) -> Result<Option<LosingTrade>, Fault> {
    let purchase: Option<Purchase> = diesel::sql_query(PURCHASE_BEFORE)
        .bind::<Text, _>(query.market.code())
        .bind::<Text, _>(&sale.symbol)
        .bind::<BigInt, _>(sale.first_fill)
        .get_result(conn)
        .optional()?;
    let Some(purchase) = purchase else { return Ok(None) };
    let confidence = confidence(purchase.confidence)?;
    let trade = LosingTrade {
        instrument: instrument(query.market.code(), &sale.symbol)?,
        decision: purchase.decision_id.map(DecisionId::from_stored),
        confidence,
        pnl: sale.pnl_micros.money(query.market.currency()),
        rationale: purchase.rationale.unwrap_or_default(),
    };
    Ok((confidence >= query.min_confidence).then_some(trade))
}

type DecisionRow = (String, String, String, String, i64, i64);

pub(super) fn recent_decisions(
    conn: &mut SqliteConnection,
    query: &RecentDecisions,
) -> Result<Vec<RememberedDecision>, Fault> {
    let rows: Vec<DecisionRow> = decisions::table
        .filter(decisions::market.eq(query.market.code()))
        .order(decisions::seq.desc())
        .limit(i64::from(query.limit.clamp(1, RECENT_MAX)))
        .select((
            decisions::id,
            decisions::market,
            decisions::symbol,
            decisions::action,
            decisions::confidence,
            decisions::at_ms,
        ))
        .load(conn)?;
    rows.into_iter().map(|row| remembered(conn, row)).collect()
}

fn remembered(
    conn: &mut SqliteConnection,
    (id, market, symbol, action, judged, at_ms): DecisionRow,
) -> Result<RememberedDecision, Fault> {
    let mut realised: Vec<Realisation> =
        diesel::sql_query(REALISED_BY_OWN).bind::<Text, _>(&id).load(conn)?;
    if realised.is_empty() {
        realised = diesel::sql_query(REALISED_BY_NEXT)
            .bind::<Text, _>(&market)
            .bind::<Text, _>(&symbol)
            .bind::<Text, _>(&id)
            .load(conn)?;
    }
    Ok(RememberedDecision {
        instrument: instrument(&market, &symbol)?,
        action: parsed("action", &action)?,
        confidence: confidence(judged)?,
        at: time(at_ms)?,
        pnl_pct: profit_pct(&realised),
    })
}

/// Profit in percent of cost, to the hundredth; none when a part of the cost is unknown.
fn profit_pct(realised: &[Realisation]) -> Option<Decimal> {
    let sum = |pick: fn(&Realisation) -> Option<Micros>| {
        realised.iter().map(|r| pick(r).map(Micros::decimal)).sum::<Option<Decimal>>()
    };
    let cost = sum(|r| r.cost_micros)?;
    let pnl = sum(|r| r.pnl_micros)?;
    (cost > Decimal::ZERO).then(|| (pnl / cost * Decimal::ONE_HUNDRED).round_dp(2))
}

/// The equity with which a day began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayStarted {
    /// The session date.
    pub session_date: NaiveDate,
    /// When it was told.
    pub at: DateTime<Utc>,
    /// The equity.
    pub equity: Money,
}

/// The newest `limit` of each currency, oldest first.
pub(super) fn days_started(conn: &mut SqliteConnection, limit: u16) -> Result<Vec<DayStarted>, Fault> {
    let mut started = Vec::new();
    for currency in Currency::ALL {
        let rows: Vec<(String, i64, Micros)> = day_starts::table
            .filter(day_starts::currency.eq(currency.code()))
            .order(day_starts::session_date.desc())
            .limit(limit.into())
            .select((day_starts::session_date, day_starts::at_ms, day_starts::equity_micros))
            .load(conn)?;
        for (session_date, at_ms, equity) in rows.into_iter().rev() {
            let (session_date, at) = (parsed("session date", &session_date)?, time(at_ms)?);
            started.push(DayStarted { session_date, at, equity: equity.money(currency) });
        }
    }
    Ok(started)
}

pub(super) fn summary(conn: &mut SqliteConnection) -> Result<BooksSummary, Fault> {
    let decisions_total: i64 = decisions::table.count().get_result(conn)?;
    let holds: i64 = decisions::table.filter(decisions::action.eq("HOLD")).count().get_result(conn)?;
    let intents_total: i64 = intents::table.count().get_result(conn)?;
    let fills_total: i64 = fills::table.count().get_result(conn)?;
    let gone = retention::gone(conn, "decisions")?;
    Ok(BooksSummary {
        decisions: count(decisions_total)?.saturating_add(gone),
        holds: count(holds)?.saturating_add(gone),
        intents: count(intents_total)?,
        by_state: by_state(conn)?,
        fills: count(fills_total)?,
        realised: realised(conn)?,
    })
}

pub(super) fn by_state(conn: &mut SqliteConnection) -> Result<Vec<(OrderState, u64)>, Fault> {
    let rows: Vec<(String, i64)> = intents::table
        .group_by(intents::state)
        .select((intents::state, diesel::dsl::count_star()))
        .load(conn)?;
    let mut counts = Vec::new();
    for state in OrderState::ALL {
        if let Some((_, number)) = rows.iter().find(|(code, _)| code == state.code()) {
            counts.push((state, count(*number)?));
        }
    }
    Ok(counts)
}

pub(super) fn realised(conn: &mut SqliteConnection) -> Result<Vec<Money>, Fault> {
    let rows: Vec<MarketSum> = diesel::sql_query(REALISED_PER_MARKET).load(conn)?;
    let mut sums: Vec<(Currency, Decimal)> = Vec::new();
    for row in rows {
        let currency = parsed::<Market>("market", &row.market)?.currency();
        let pnl = row.pnl_micros.decimal();
        match sums.iter_mut().find(|(known, _)| *known == currency) {
            Some((_, sum)) => *sum += pnl,
            None => sums.push((currency, pnl)),
        }
    }
    sums.sort_by_key(|(currency, _)| Currency::ALL.iter().position(|known| known == currency));
    Ok(sums.into_iter().map(|(currency, sum)| Money::new(sum, currency)).collect())
}

fn confidence(value: i64) -> Result<Confidence, StoreError> {
    Confidence::new(value).map_err(|_| malformed("confidence", &value.to_string()))
}
