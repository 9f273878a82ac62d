//! The shares of an account against the books, stock by stock, by the rule of `trade_ledger::holdings`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use diesel::dsl::max;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use domain::messages::ledger::EventKind;
use domain::messages::symbols::{HoldingsCompared, SymbolHaltCause};
use domain::{AccountSnapshot, Currency, Instrument, Market, OrderState, Quantity, Side, is_ahead};
use trade_ledger::booking::SymbolDoubt;
use trade_ledger::fills::FillDelta;
use trade_ledger::holdings::{Doubt, Sight, Verdict, judge};

use super::fault::Fault;
use super::journal::append;
use super::rows::instrument;
use super::schema::{adopted_accounts, external_shares, net_shares, order_lists, other_shares, share_doubts};
use super::values::{ms, stored, time};
use super::{loading, symbol_halts};

/// What the books explain: own fills, strangers' fills and adopted shares. Signed.
const EXPLAINED: &str = "
    SELECT market, symbol, SUM(quantity) AS quantity FROM (
        SELECT market, symbol, quantity FROM net_shares
        UNION ALL
        SELECT market, symbol, quantity FROM other_shares)
     GROUP BY market, symbol";

#[derive(QueryableByName)]
struct ExplainedRow {
    #[diesel(sql_type = Text)]
    market: String,
    #[diesel(sql_type = Text)]
    symbol: String,
    #[diesel(sql_type = BigInt)]
    quantity: i64,
}

/// Keeps count of own shares, whatever their origin.
pub(super) fn count_fill(
    conn: &mut SqliteConnection,
    instrument: &Instrument,
    side: Side,
    fill: &FillDelta,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let shares = stored(fill.quantity.get())?;
    let change = match side {
        Side::Buy => shares,
        Side::Sell => -shares,
    };
    let row = (
        net_shares::market.eq(instrument.market.code()),
        net_shares::symbol.eq(instrument.symbol.as_str()),
        net_shares::quantity.eq(change),
        net_shares::last_fill_ms.eq(ms(at)),
    );
    diesel::insert_into(net_shares::table)
        .values(row)
        .on_conflict((net_shares::market, net_shares::symbol))
        .do_update()
        .set((net_shares::quantity.eq(net_shares::quantity + change), net_shares::last_fill_ms.eq(ms(at))))
        .execute(conn)?;
    Ok(())
}

pub(super) fn compare(
    conn: &mut SqliteConnection,
    snapshot: &AccountSnapshot,
    at: DateTime<Utc>,
) -> Result<HoldingsCompared, Fault> {
    let sights = sights(conn, snapshot, at)?;
    if is_adopted(conn, snapshot.currency)? {
        return judge_all(conn, &sights, snapshot.taken_at, at);
    }
    let is_comparable = |sight: &Sight| judge(sight, snapshot.taken_at, None) != Verdict::NotNow;
    // What moves cannot be told from what was there before, so the first comparison waits until nothing moves.
    if sights.values().all(is_comparable) {
        adopt_all(conn, &sights, snapshot.currency, at)
    } else {
        Ok(HoldingsCompared::default())
    }
}

/// Every stock of the currency that the exchange holds or the books expect.
fn sights(
    conn: &mut SqliteConnection,
    snapshot: &AccountSnapshot,
    now: DateTime<Utc>,
) -> Result<BTreeMap<Instrument, Sight>, Fault> {
    let mut explained = explained(conn)?;
    let mut held: BTreeMap<Instrument, i64> = BTreeMap::new();
    for holding in &snapshot.holdings {
        // A row that comes twice is the same shares twice (lessons: one position on two exchanges).
        held.entry(holding.instrument.clone()).or_insert(stored(holding.quantity.get())?);
    }
    let mut moving: BTreeSet<Instrument> = BTreeSet::new();
    for intent in loading::open(conn)?.into_iter().filter(|intent| intent.state != OrderState::Approved) {
        moving.insert(intent.terms.instrument);
    }
    let fills = last_fills(conn)?;
    let doubts = doubts(conn)?;
    let known = explained.keys().chain(held.keys()).chain(doubts.keys()).cloned();
    let of_currency = known.filter(|one| one.market.currency() == snapshot.currency);
    let stocks: BTreeSet<Instrument> = of_currency.collect();
    let sight = |stock: Instrument| {
        let sight = Sight {
            explained: explained.remove(&stock).unwrap_or(0),
            held: held.get(&stock).copied().unwrap_or(0),
            is_moving: moving.contains(&stock),
            // A fill that a clock booked which ran ahead is older than any snapshot.
            last_fill_at: fills.get(&stock).copied().filter(|fill| !is_ahead(*fill, now)),
            doubt: doubts.get(&stock).copied(),
        };
        (stock, sight)
    };
    Ok(stocks.into_iter().map(sight).collect())
}

fn explained(conn: &mut SqliteConnection) -> Result<BTreeMap<Instrument, i64>, Fault> {
    let rows: Vec<ExplainedRow> = diesel::sql_query(EXPLAINED).load(conn)?;
    let one = |row: ExplainedRow| Ok((instrument(&row.market, &row.symbol)?, row.quantity));
    rows.into_iter().map(one).collect()
}

/// The shares of one stock that the books explain, whoever they belong to.
pub(super) fn explained_of(conn: &mut SqliteConnection, stock: &Instrument) -> Result<Quantity, Fault> {
    let key = || (stock.market.code(), stock.symbol.as_str());
    let own: Option<i64> =
        net_shares::table.find(key()).select(net_shares::quantity).first(conn).optional()?;
    let others: Option<i64> =
        other_shares::table.find(key()).select(other_shares::quantity).first(conn).optional()?;
    let shares = own.unwrap_or(0).saturating_add(others.unwrap_or(0));
    Ok(Quantity::new(u64::try_from(shares).unwrap_or(0)))
}

fn last_fills(conn: &mut SqliteConnection) -> Result<BTreeMap<Instrument, DateTime<Utc>>, Fault> {
    let rows: Vec<(String, String, i64)> = net_shares::table
        .select((net_shares::market, net_shares::symbol, net_shares::last_fill_ms))
        .load(conn)?;
    rows.into_iter().map(|(market, symbol, at)| Ok((instrument(&market, &symbol)?, time(at)?))).collect()
}

fn doubts(conn: &mut SqliteConnection) -> Result<BTreeMap<Instrument, Doubt>, Fault> {
    let rows: Vec<(String, String, i64, i64)> = share_doubts::table.load(conn)?;
    let one = |(market, symbol, difference, since): (String, String, i64, i64)| {
        Ok((instrument(&market, &symbol)?, Doubt { difference, since: time(since)? }))
    };
    rows.into_iter().map(one).collect()
}

fn is_adopted(conn: &mut SqliteConnection, currency: Currency) -> Result<bool, Fault> {
    let row = adopted_accounts::table.find(currency.code());
    Ok(diesel::select(diesel::dsl::exists(row)).get_result(conn)?)
}

/// The first comparison: what the books do not explain was there before.
fn adopt_all(
    conn: &mut SqliteConnection,
    sights: &BTreeMap<Instrument, Sight>,
    currency: Currency,
    at: DateTime<Utc>,
) -> Result<HoldingsCompared, Fault> {
    let row = (adopted_accounts::currency.eq(currency.code()), adopted_accounts::at_ms.eq(ms(at)));
    diesel::insert_into(adopted_accounts::table).values(row).execute(conn)?;
    let mut adopted = Vec::new();
    for (stock, sight) in sights {
        let shares = sight.held.saturating_sub(sight.explained);
        if shares != 0 {
            let line =
                format!("{shares} shares of {stock} were there before this agent; they are taken as given");
            adopt(conn, stock, shares, "kestrel", &line, at)?;
            adopted.push((stock.clone(), shares));
        }
    }
    Ok(HoldingsCompared { adopted, ..HoldingsCompared::default() })
}

fn adopt(
    conn: &mut SqliteConnection,
    stock: &Instrument,
    shares: i64,
    by: &str,
    line: &str,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let event = append(conn, at, EventKind::Report, Some(stock.market), line)?;
    let row = (
        external_shares::market.eq(stock.market.code()),
        external_shares::symbol.eq(stock.symbol.as_str()),
        external_shares::quantity.eq(shares),
        external_shares::at_ms.eq(ms(at)),
        external_shares::by_whom.eq(by),
        external_shares::event_id.eq(stored(event.0)?),
    );
    diesel::insert_into(external_shares::table).values(row).execute(conn)?;
    Ok(())
}

fn judge_all(
    conn: &mut SqliteConnection,
    sights: &BTreeMap<Instrument, Sight>,
    taken_at: DateTime<Utc>,
    at: DateTime<Utc>,
) -> Result<HoldingsCompared, Fault> {
    let mut compared = HoldingsCompared::default();
    for (stock, sight) in sights {
        let listed = newest_list(conn, stock.market)?.filter(|asked_at| !is_ahead(*asked_at, at));
        match judge(sight, taken_at, listed) {
            Verdict::NotNow => {}
            Verdict::Agrees => forget(conn, stock)?,
            Verdict::Doubted(doubt) => {
                remember(conn, stock, doubt)?;
                compared.doubted.push(stock.clone());
            }
            Verdict::Differs(doubt) => {
                remember(conn, stock, doubt)?;
                compared.halted.extend(symbol_halts::begin(conn, &unexplained(stock, sight), at)?);
            }
        }
    }
    Ok(compared)
}

fn unexplained(stock: &Instrument, sight: &Sight) -> SymbolDoubt {
    let trouble = format!(
        "the exchange holds {} shares, the books explain {}; a release takes the exchange's number",
        sight.held, sight.explained
    );
    SymbolDoubt { instrument: stock.clone(), cause: SymbolHaltCause::Position, trouble, evidence: None }
}

fn newest_list(conn: &mut SqliteConnection, market: Market) -> Result<Option<DateTime<Utc>>, Fault> {
    let newest: Option<i64> = order_lists::table
        .filter(order_lists::market.eq(market.code()))
        .select(max(order_lists::asked_at_ms))
        .first(conn)?;
    Ok(newest.map(time).transpose()?)
}

fn remember(conn: &mut SqliteConnection, stock: &Instrument, doubt: Doubt) -> Result<(), Fault> {
    let values = (share_doubts::difference.eq(doubt.difference), share_doubts::since_ms.eq(ms(doubt.since)));
    let key = (share_doubts::market.eq(stock.market.code()), share_doubts::symbol.eq(stock.symbol.as_str()));
    diesel::insert_into(share_doubts::table)
        .values((key, values))
        .on_conflict((share_doubts::market, share_doubts::symbol))
        .do_update()
        .set(values)
        .execute(conn)?;
    Ok(())
}

fn forget(conn: &mut SqliteConnection, stock: &Instrument) -> Result<(), Fault> {
    diesel::delete(share_doubts::table.find((stock.market.code(), stock.symbol.as_str()))).execute(conn)?;
    Ok(())
}

/// Takes the difference last seen as given; none when it has gone away by itself.
pub(super) fn accept(
    conn: &mut SqliteConnection,
    stock: &Instrument,
    by: &str,
    at: DateTime<Utc>,
) -> Result<Option<i64>, Fault> {
    let Some(doubt) = doubts(conn)?.get(stock).copied() else { return Ok(None) };
    let shares = doubt.difference;
    let line = format!("{shares:+} shares of {stock} that no order explains are accepted by {by}");
    adopt(conn, stock, shares, by, &line, at)?;
    forget(conn, stock)?;
    Ok(Some(shares))
}
