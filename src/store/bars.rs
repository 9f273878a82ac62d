//! Daily bars: every version of every day, and what the older ones are multiplied by.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use domain::messages::bars::{BarSeries, BarsOf, BarsSeen, DayBar, SERIES_MAX};
use domain::messages::occasions::OccasionKind;
use domain::{Instrument, Market};
use trade_ledger::StoreError;
use trade_ledger::bars::{
    Adjustment, Alignment, BarsRecorded, Factor, Recorded, Taking, alignment, comparable, series, taking,
};

use super::fault::Fault;
use super::schema::{bar_adjustments, bars, newest_bars, occasions};
use super::values::{count, day, malformed, ms, parsed, stored};

/// The newest version of a day, and where it is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) version: i64,
    pub(super) recorded: Recorded,
    /// The exchange told it, and no file.
    pub(super) is_exchanges: bool,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = newest_bars)]
struct Row {
    session_date: String,
    version: i64,
    open_micros: i64,
    high_micros: i64,
    low_micros: i64,
    close_micros: i64,
    volume: i64,
    factor_trillionths: i64,
    after_adjustment: i64,
    import_seq: Option<i64>,
}

impl Row {
    fn standing(self) -> Result<Standing, StoreError> {
        let bar = DayBar {
            session_date: parsed("session date", &self.session_date)?,
            open_micros: self.open_micros,
            high_micros: self.high_micros,
            low_micros: self.low_micros,
            close_micros: self.close_micros,
            volume: count(self.volume)?,
        };
        let recorded = Recorded {
            bar,
            factor: factor(self.factor_trillionths)?,
            after_adjustment: self.after_adjustment,
        };
        Ok(Standing { version: self.version, recorded, is_exchanges: self.import_seq.is_none() })
    }
}

fn factor(trillionths: i64) -> Result<Factor, StoreError> {
    Factor::from_trillionths(trillionths)
        .ok_or_else(|| malformed("factor of a bar", &trillionths.to_string()))
}

/// What stands of one stock.
pub(super) struct Stock {
    pub(super) instrument: Instrument,
    pub(super) days: BTreeMap<NaiveDate, Standing>,
    pub(super) adjustments: Vec<Adjustment>,
}

impl Stock {
    /// Reads it.
    pub(super) fn read(conn: &mut SqliteConnection, instrument: &Instrument) -> Result<Self, Fault> {
        let rows: Vec<Row> = newest_bars::table
            .filter(newest_bars::market.eq(instrument.market.code()))
            .filter(newest_bars::symbol.eq(instrument.symbol.as_str()))
            .select(Row::as_select())
            .load(conn)?;
        let mut days = BTreeMap::new();
        for row in rows {
            let standing = row.standing()?;
            days.insert(standing.recorded.bar.session_date, standing);
        }
        Ok(Self { instrument: instrument.clone(), days, adjustments: adjustments(conn, instrument)? })
    }

    /// The days that can be compared with each other and with a new reading.
    pub(super) fn comparable(&self) -> BTreeMap<NaiveDate, DayBar> {
        let bar = |(date, one): (&NaiveDate, &Standing)| {
            Some((*date, comparable(&one.recorded, &self.adjustments)?))
        };
        self.days.iter().filter_map(bar).collect()
    }

    /// The newest adjustment; zero when there was none.
    pub(super) fn newest_adjustment(&self) -> i64 {
        self.adjustments.iter().map(|one| one.seq).max().unwrap_or(0)
    }

    /// Keeps what the bars before a day are multiplied by from now on.
    fn adjust(
        &mut self,
        conn: &mut SqliteConnection,
        (before, factor): (NaiveDate, Option<Factor>),
        at: DateTime<Utc>,
    ) -> Result<(), Fault> {
        let row = (
            bar_adjustments::market.eq(self.instrument.market.code()),
            bar_adjustments::symbol.eq(self.instrument.symbol.as_str()),
            bar_adjustments::before_date.eq(day(before)),
            bar_adjustments::factor_trillionths.eq(factor.map(Factor::trillionths)),
            bar_adjustments::at_ms.eq(ms(at)),
        );
        let insert = diesel::insert_into(bar_adjustments::table).values(row);
        let seq = insert.returning(bar_adjustments::seq).get_result(conn)?;
        self.adjustments.push(Adjustment { seq, before, factor });
        Ok(())
    }
}

fn adjustments(conn: &mut SqliteConnection, instrument: &Instrument) -> Result<Vec<Adjustment>, Fault> {
    let rows: Vec<(i64, String, Option<i64>)> = bar_adjustments::table
        .filter(bar_adjustments::market.eq(instrument.market.code()))
        .filter(bar_adjustments::symbol.eq(instrument.symbol.as_str()))
        .order(bar_adjustments::seq)
        .select((bar_adjustments::seq, bar_adjustments::before_date, bar_adjustments::factor_trillionths))
        .load(conn)?;
    let one = |(seq, before, trillionths): (i64, String, Option<i64>)| {
        Ok(Adjustment {
            seq,
            before: parsed("session date", &before)?,
            factor: trillionths.map(factor).transpose()?,
        })
    };
    rows.into_iter().map(one).collect()
}

/// One version of one day, as it is written.
pub(super) struct NewBar {
    pub(super) bar: DayBar,
    pub(super) factor: Factor,
    pub(super) version: i64,
    pub(super) change: Option<Factor>,
    pub(super) after_adjustment: i64,
    pub(super) import_seq: Option<i64>,
}

/// Writes a version.
pub(super) fn insert(
    conn: &mut SqliteConnection,
    instrument: &Instrument,
    new: &NewBar,
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let bar = &new.bar;
    let row = (
        bars::market.eq(instrument.market.code()),
        bars::symbol.eq(instrument.symbol.as_str()),
        bars::session_date.eq(day(bar.session_date)),
        bars::version.eq(new.version),
        bars::open_micros.eq(bar.open_micros),
        bars::high_micros.eq(bar.high_micros),
        bars::low_micros.eq(bar.low_micros),
        bars::close_micros.eq(bar.close_micros),
        bars::volume.eq(stored(bar.volume)?),
        bars::factor_trillionths.eq(new.factor.trillionths()),
        bars::change_trillionths.eq(new.change.map(Factor::trillionths)),
        bars::after_adjustment.eq(new.after_adjustment),
        bars::import_seq.eq(new.import_seq),
        bars::seen_at_ms.eq(ms(at)),
    );
    diesel::insert_into(bars::table).values(row).execute(conn)?;
    Ok(())
}

/// Keeps what the exchange says of finished days. What reads as it stands is not written again.
pub(super) fn record(
    conn: &mut SqliteConnection,
    seen: &BarsSeen,
    at: DateTime<Utc>,
) -> Result<BarsRecorded, Fault> {
    let market = seen.instrument.market;
    let mut open_from = market.date_at(at);
    // After its close the day is over, before the calendar says so.
    if is_closed(conn, market, open_from)? {
        open_from = open_from.succ_opt().unwrap_or(open_from);
    }
    if let Some(open) = seen.bars.iter().find(|bar| bar.session_date >= open_from) {
        return Err(Fault::refused(format!("the bar of {} is not finished", open.session_date)));
    }
    let mut stock = Stock::read(conn, &seen.instrument)?;
    let before = stock.comparable();
    let alignment = alignment(&before, &seen.bars);
    match alignment {
        Alignment::Nothing | Alignment::Same => {}
        Alignment::Scaled { before, factor } => stock.adjust(conn, (before, Some(factor)), at)?,
        Alignment::Unknown { before } => stock.adjust(conn, (before, None), at)?,
    }
    let mut done = BarsRecorded { first: 0, known: 0, changed: 0, alignment };
    for bar in &seen.bars {
        let stands = stock.days.get(&bar.session_date);
        let change = match (taking(before.get(&bar.session_date), bar), stands) {
            (Taking::First, None) => None,
            // A version stands that could not be compared.
            (Taking::First, Some(stands)) => Some(
                Factor::between(stands.recorded.bar.close_micros, bar.close_micros).unwrap_or(Factor::ONE),
            ),
            // What an adjustment will multiply is written anew, because it was told in the new prices.
            (Taking::Known, _) if !is_multiplied(alignment, bar) => {
                done.known += 1;
                continue;
            }
            (Taking::Known, _) => Some(Factor::ONE),
            (Taking::Changed(factor), _) => Some(factor),
        };
        done.first += usize::from(change.is_none());
        done.changed += usize::from(change.is_some());
        let new = NewBar {
            bar: *bar,
            factor: Factor::ONE,
            version: stands.map_or(1, |stands| stands.version + 1),
            change,
            after_adjustment: stock.newest_adjustment(),
            import_seq: None,
        };
        insert(conn, &seen.instrument, &new, at)?;
    }
    Ok(done)
}

/// Whether the books have it that the market's session of a day is over.
fn is_closed(conn: &mut SqliteConnection, market: Market, session_date: NaiveDate) -> Result<bool, Fault> {
    let told = occasions::table
        .filter(occasions::market.eq(market.code()))
        .filter(occasions::kind.eq(OccasionKind::DayClosed.code()))
        .filter(occasions::session_date.eq(day(session_date)));
    Ok(diesel::select(diesel::dsl::exists(told)).get_result(conn)?)
}

/// Whether an adjustment that this reading brought would reach the bar.
fn is_multiplied(alignment: Alignment, bar: &DayBar) -> bool {
    match alignment {
        Alignment::Nothing | Alignment::Same => false,
        Alignment::Scaled { before, .. } | Alignment::Unknown { before } => bar.session_date < before,
    }
}

/// The newest bars of a stock as one comparable series.
pub(super) fn of_stock(conn: &mut SqliteConnection, query: &BarsOf) -> Result<BarSeries, Fault> {
    let rows: Vec<Row> = newest_bars::table
        .filter(newest_bars::market.eq(query.instrument.market.code()))
        .filter(newest_bars::symbol.eq(query.instrument.symbol.as_str()))
        .order(newest_bars::session_date.desc())
        .limit(i64::from(query.most.clamp(1, SERIES_MAX)))
        .select(Row::as_select())
        .load(conn)?;
    let mut recorded = Vec::with_capacity(rows.len());
    for row in rows.into_iter().rev() {
        recorded.push(row.standing()?.recorded);
    }
    let (bars, cut_before) = series(&recorded, &adjustments(conn, &query.instrument)?);
    Ok(BarSeries { instrument: query.instrument.clone(), bars, cut_before })
}

/// The stocks of a market that have bars, by symbol.
pub(super) fn stocks(conn: &mut SqliteConnection, market: Market) -> Result<Vec<Instrument>, Fault> {
    let symbols: Vec<String> = bars::table
        .filter(bars::market.eq(market.code()))
        .order(bars::symbol)
        .select(bars::symbol)
        .distinct()
        .load(conn)?;
    symbols.into_iter().map(|symbol| Ok(Instrument { market, symbol: parsed("symbol", &symbol)? })).collect()
}
