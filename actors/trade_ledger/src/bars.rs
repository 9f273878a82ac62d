//! Pure rules of recorded bars: how two readings of the same days compare, and one comparable series out of many readings.
//!
//! The exchange tells prices that are adjusted up to the moment of the question. After a split it therefore tells the same days
//! in other prices, but only as far back as it is asked. What is older in the books is multiplied by the factor that the days in
//! both readings show; where they show none, the older bars are not compared at all.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::messages::bars::DayBar;

#[cfg(test)]
mod tests;

/// The days that decide are the oldest ones that both readings have, at most so many: a split changes all before it.
const DECIDING_DAYS: usize = 5;
/// Two factors are one when they differ by at most this part of a thousand: exchanges round adjusted prices to their ticks.
const AGREE_WITHIN_PER_MILLE: i128 = 5;

/// What prices are multiplied by, in trillionths; positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Factor(i64);

impl Factor {
    const UNIT: i128 = 1_000_000_000_000;

    /// Nothing is changed.
    pub const ONE: Self = Self(1_000_000_000_000);

    /// The factor of `trillionths`; none unless positive.
    pub fn from_trillionths(trillionths: i64) -> Option<Self> {
        (trillionths > 0).then_some(Self(trillionths))
    }

    /// `to` over `from`, rounded; none unless both are positive and it fits (it is below 9.2 million).
    pub fn between(from: i64, to: i64) -> Option<Self> {
        if from <= 0 || to <= 0 {
            return None;
        }
        let (from, to) = (i128::from(from), i128::from(to));
        i64::try_from((to * Self::UNIT + from / 2) / from).ok().and_then(Self::from_trillionths)
    }

    /// In trillionths.
    pub fn trillionths(self) -> i64 {
        self.0
    }

    /// Both, one after the other; none when it does not fit.
    pub fn then(self, next: Self) -> Option<Self> {
        let product = i128::from(self.0) * i128::from(next.0);
        i64::try_from((product + Self::UNIT / 2) / Self::UNIT).ok().and_then(Self::from_trillionths)
    }

    /// The bar in other prices, each to the nearest millionth; its volume the other way round. None when a price leaves the
    /// range.
    pub fn apply(self, bar: &DayBar) -> Option<DayBar> {
        if self == Self::ONE {
            return Some(*bar);
        }
        let factor = i128::from(self.0);
        let price = |micros: i64| {
            let scaled = (i128::from(micros) * factor + Self::UNIT / 2) / Self::UNIT;
            i64::try_from(scaled).ok().filter(|price| *price > 0)
        };
        let volume = (i128::from(bar.volume) * Self::UNIT + factor / 2) / factor;
        Some(DayBar {
            session_date: bar.session_date,
            open_micros: price(bar.open_micros)?,
            high_micros: price(bar.high_micros)?,
            low_micros: price(bar.low_micros)?,
            close_micros: price(bar.close_micros)?,
            volume: u64::try_from(volume).ok()?,
        })
    }

    /// True when the two are one but for the rounding of prices.
    pub fn agrees(self, other: Self) -> bool {
        let (one, two) = (i128::from(self.0), i128::from(other.0));
        (one - two).abs() * 1_000 <= AGREE_WITHIN_PER_MILLE * one.min(two)
    }
}

/// How a new reading compares with what stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alignment {
    /// Nothing stands that is older than the reading or on its days.
    Nothing,
    /// The same prices, but for corrections of single days.
    Same,
    /// The days that stand before this one are told in other prices now.
    Scaled {
        /// The first day that is told as it stands, or the day after the last that both have.
        before: NaiveDate,
        /// By what.
        factor: Factor,
    },
    /// Something stands, and the two cannot be compared: no day is in both, or the days disagree.
    Unknown {
        /// The first day of the new reading.
        before: NaiveDate,
    },
}

/// Compares a reading (oldest first) with the comparable bars that stand.
pub fn alignment(standing: &BTreeMap<NaiveDate, DayBar>, told: &[DayBar]) -> Alignment {
    let Some(first) = told.first() else { return Alignment::Same };
    let before = first.session_date;
    let both: Vec<(NaiveDate, Factor)> = told.iter().filter_map(|bar| shared(standing, bar)).collect();
    if both.is_empty() {
        let has_older = standing.keys().next().is_some_and(|oldest| *oldest < before);
        return if has_older { Alignment::Unknown { before } } else { Alignment::Nothing };
    }
    let deciding = both.get(..DECIDING_DAYS.min(both.len())).unwrap_or_default();
    // A split changes every day before it: where the oldest one stayed, so did all that are older.
    if deciding.first().is_some_and(|(_, factor)| factor.agrees(Factor::ONE)) {
        return Alignment::Same;
    }
    let Some(factor) = majority(deciding) else { return Alignment::Unknown { before } };
    if factor.agrees(Factor::ONE) {
        return Alignment::Same;
    }
    let changed = both.iter().rev().find(|(_, one)| one.agrees(factor));
    let last = changed.map_or(before, |(date, _)| *date);
    Alignment::Scaled { before: last.succ_opt().unwrap_or(last), factor }
}

fn shared(standing: &BTreeMap<NaiveDate, DayBar>, told: &DayBar) -> Option<(NaiveDate, Factor)> {
    let stands = standing.get(&told.session_date)?;
    Some((told.session_date, Factor::between(stands.close_micros, told.close_micros)?))
}

/// The factor that more than half of the days show, the middle one of those; a single day that changed proves nothing.
fn majority(days: &[(NaiveDate, Factor)]) -> Option<Factor> {
    let agreeing = |with: Factor| {
        let mut agreeing: Vec<Factor> =
            days.iter().map(|(_, factor)| *factor).filter(|one| one.agrees(with)).collect();
        agreeing.sort_unstable();
        agreeing
    };
    let most = days.iter().map(|(_, factor)| agreeing(*factor)).max_by_key(Vec::len)?;
    let middle = most.get(most.len() / 2).copied()?;
    (most.len() * 2 > days.len() && most.len() > 1).then_some(middle)
}

/// What is done with one bar of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taking {
    /// No bar of the day stands.
    First,
    /// It reads as it stands.
    Known,
    /// It reads differently: a further version, and its close over the one that stands.
    Changed(Factor),
}

/// Compares one bar with the comparable one that stands.
pub fn taking(stands: Option<&DayBar>, told: &DayBar) -> Taking {
    match stands {
        None => Taking::First,
        Some(stands) if stands == told => Taking::Known,
        Some(stands) => {
            Taking::Changed(Factor::between(stands.close_micros, told.close_micros).unwrap_or(Factor::ONE))
        }
    }
}

/// The newest version of a day, as it lies in the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// As it was told.
    pub bar: DayBar,
    /// What its prices are multiplied by.
    pub factor: Factor,
    /// The newest adjustment of the stock that is in it already; zero when there was none.
    pub after_adjustment: i64,
}

/// What the bars of a stock before a day are multiplied by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adjustment {
    /// Its number; later ones are larger.
    pub seq: i64,
    /// Bars before this day.
    pub before: NaiveDate,
    /// None: they are not comparable any more.
    pub factor: Option<Factor>,
}

/// The bar in the prices of the newest one; none when it cannot be compared.
pub fn comparable(recorded: &Recorded, adjustments: &[Adjustment]) -> Option<DayBar> {
    let due =
        |one: &&Adjustment| one.seq > recorded.after_adjustment && recorded.bar.session_date < one.before;
    let mut due: Vec<_> = adjustments.iter().filter(due).collect();
    due.sort_by_key(|one| one.seq);
    let factor = due.into_iter().try_fold(recorded.factor, |factor, one| factor.then(one.factor?))?;
    factor.apply(&recorded.bar)
}

/// One series, oldest first, and the first day of it when older bars had to be left out. Nothing before a bar that cannot be
/// compared is taken either: a series has no hole that is not one of the market's.
pub fn series(recorded: &[Recorded], adjustments: &[Adjustment]) -> (Vec<DayBar>, Option<NaiveDate>) {
    let bars: Vec<_> = recorded.iter().map(|one| comparable(one, adjustments)).collect();
    let first = bars.iter().rposition(Option::is_none).map_or(0, |index| index + 1);
    let taken: Vec<DayBar> = bars.into_iter().skip(first).flatten().collect();
    let cut = recorded.get(first.wrapping_sub(1)).and_then(|last| last.bar.session_date.succ_opt());
    (taken, cut)
}

/// What became of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarsRecorded {
    /// Days that had no bar.
    pub first: usize,
    /// Days that read as they stood.
    pub known: usize,
    /// Days that got a further version.
    pub changed: usize,
    /// How the reading compares with what stood.
    pub alignment: Alignment,
}
