//! Real bars of a few stocks on common days (us_wiki_daily.csv; README.md says where they are from).

use chrono::NaiveDate;
use domain::messages::bars::{DayBar, micros};
use strategy::form::{Columns, Feature};

use super::CalibrationError;

/// The bars that the program carries.
pub(super) const US_WIKI: &str = include_str!("us_wiki_daily.csv");
/// Bars before the first decision: every feature has a value then.
const WARM_UP: usize = 252;
/// Fewest sessions of a file.
const SESSIONS_MIN: usize = 600;
/// Numbers of one stock in a line: open, high, low, close, volume.
const OF_STOCK: usize = 5;
/// Share of the decisions that belongs to the sample, in percent.
const SAMPLE_PCT: usize = 60;
/// Decisions between the sample and the sealed days that belong to neither.
const EMBARGO: usize = 5;

/// Features of every stock, and what each earns from one session to the next.
pub(super) struct Market {
    /// Per stock, over all bars.
    columns: Vec<Columns>,
    /// Per stock and decision: the return from its session to the next.
    pub(super) returns: Vec<Vec<f64>>,
    /// The day of each decision.
    pub(super) days: Vec<NaiveDate>,
}

impl Market {
    /// Of lines with a date and five numbers for each stock.
    pub(super) fn of(text: &str) -> Result<Self, CalibrationError> {
        let stocks =
            text.lines().next().map_or(0, |head| head.split(',').count().saturating_sub(1) / OF_STOCK);
        let mut series = vec![Vec::new(); stocks];
        for (index, line) in text.lines().enumerate().skip(1) {
            let bars = bars(line, stocks).map_err(|why| CalibrationError::Bars { line: index + 1, why })?;
            series.iter_mut().zip(bars).for_each(|(series, bar)| series.push(bar));
        }
        let sessions = series.first().map_or(0, Vec::len);
        if sessions < SESSIONS_MIN {
            let why = format!("{sessions} sessions, at least {SESSIONS_MIN} are needed");
            return Err(CalibrationError::Bars { line: 1, why });
        }
        let columns = |series: &Vec<DayBar>| {
            Columns::of(series, Feature::ALL)
                .map_err(|why| CalibrationError::Bars { line: why.index + 2, why: why.why.to_string() })
        };
        let columns = series.iter().map(columns).collect::<Result<Vec<_>, _>>()?;
        let returns = series.iter().map(|series| returns(&series[WARM_UP..])).collect();
        let decisions = series.first().map_or(&[][..], |series| &series[WARM_UP..sessions - 1]);
        Ok(Self { columns, returns, days: decisions.iter().map(|bar| bar.session_date).collect() })
    }

    /// How many decisions there are.
    pub(super) fn decisions(&self) -> usize {
        self.days.len()
    }

    /// Decisions of the sample, from the first on.
    pub(super) fn sample(&self) -> usize {
        self.decisions() * SAMPLE_PCT / 100
    }

    /// The first sealed decision.
    pub(super) fn sealed_from(&self) -> usize {
        self.sample() + EMBARGO
    }

    /// At which decisions of which stock a strategy holds.
    pub(super) fn holds(&self, strategy: &strategy::form::Strategy) -> Vec<Vec<bool>> {
        let of = |columns: &Columns| {
            let entries = strategy.entries(columns);
            entries[WARM_UP..WARM_UP + self.decisions()].to_vec()
        };
        self.columns.iter().map(of).collect()
    }

    /// The known values of a feature at the decisions of the sample, of all stocks, ascending.
    pub(super) fn sorted(&self, feature: Feature) -> Vec<f64> {
        let of = |columns: &Columns| -> Vec<f64> {
            let values = columns.values(feature).unwrap_or_default();
            values.iter().skip(WARM_UP).take(self.sample()).copied().filter(|value| !value.is_nan()).collect()
        };
        let mut values: Vec<_> = self.columns.iter().flat_map(of).collect();
        values.sort_by(f64::total_cmp);
        values
    }
}

fn returns(series: &[DayBar]) -> Vec<f64> {
    let next = |pair: &[DayBar]| pair[1].close_micros as f64 / pair[0].close_micros as f64 - 1.0;
    series.windows(2).map(next).collect()
}

fn bars(line: &str, stocks: usize) -> Result<Vec<DayBar>, String> {
    let mut fields = line.split(',');
    let date = fields.next().unwrap_or_default();
    let session_date: NaiveDate = date.parse().map_err(|_| format!("`{date}` is no date"))?;
    let numbers: Vec<_> = fields.collect();
    if numbers.len() != stocks * OF_STOCK {
        return Err(format!("{} numbers, expected {}", numbers.len(), stocks * OF_STOCK));
    }
    numbers.chunks(OF_STOCK).map(|numbers| bar(session_date, numbers)).collect()
}

fn bar(session_date: NaiveDate, numbers: &[&str]) -> Result<DayBar, String> {
    let price = |place: usize| {
        let text = numbers.get(place).copied().unwrap_or_default();
        text.parse().ok().and_then(micros).ok_or_else(|| format!("`{text}` is no positive price"))
    };
    let volume = numbers.last().copied().unwrap_or_default();
    Ok(DayBar {
        session_date,
        open_micros: price(0)?,
        high_micros: price(1)?,
        low_micros: price(2)?,
        close_micros: price(3)?,
        volume: volume.parse().map_err(|_| format!("`{volume}` is no volume"))?,
    })
}
