//! The archive's axes: what a strategy looks at, how long it holds, how much it trades. The best of each niche is kept, so that
//! the search does not end with a thousand copies of one idea (MAP-Elites).

use std::fmt;

use domain::messages::evolution::Place;
use strategy::form::{Feature, Strategy, Term};

/// What a comparison costs in fitness: millionths of the Sharpe ratio of one observation. A daily ratio of 0.06 is about 1.0 a
/// year, so that ten comparisons must earn a twelfth of that.
const PENALTY_MICROS: i64 = 500;

/// What most of its comparisons look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Theme {
    /// Where the price went over days and weeks.
    Trend,
    /// How stretched it is.
    Stretch,
    /// How much was traded.
    Volume,
    /// How much it swings.
    Swing,
    /// The shape of the day.
    Day,
}

/// What was measured in a backtest of the sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Habits {
    /// How many bars a holding lasts on average.
    pub bars_held: f64,
    /// What is bought and sold in a year, in times of the equity.
    pub turnover: f64,
}

impl Theme {
    /// Every theme; the first of equals counts.
    pub const ALL: [Self; 5] = [Self::Trend, Self::Stretch, Self::Volume, Self::Swing, Self::Day];

    /// The theme of a feature.
    pub fn of(feature: Feature) -> Self {
        use Feature as F;
        match feature {
            F::Roc5
            | F::Roc20
            | F::Roc60
            | F::Roc120
            | F::Sma5DistancePct
            | F::Sma20DistancePct
            | F::Sma60DistancePct
            | F::Sma200DistancePct
            | F::Sma5To20Pct
            | F::Sma20To50Pct
            | F::Sma20To60Pct
            | F::Sma50To200Pct
            | F::Adx14
            | F::MacdHistogramPct
            | F::FromHigh252Pct
            | F::Streak => Self::Trend,
            F::Rsi2
            | F::Rsi14
            | F::Mfi14
            | F::StochK14
            | F::StochD14
            | F::WilliamsR14
            | F::BbPlace20
            | F::ChannelPlace20
            | F::ChannelPlace60
            | F::FromHigh20Pct
            | F::FromLow20Pct
            | F::CloseZ20
            | F::CloseZ60
            | F::ReturnZ20 => Self::Stretch,
            F::VolumeRatio20 | F::VolumeZ20 => Self::Volume,
            F::Atr14Pct | F::Volatility20Pct | F::Volatility60Pct | F::BbWidth20Pct => Self::Swing,
            F::Roc1
            | F::GapPct
            | F::IntradayPct
            | F::RangePct
            | F::MovePct
            | F::FromHighPct
            | F::BarPlace
            | F::HoldingPnlPct => Self::Day,
        }
    }

    /// The word in a niche's name.
    pub fn code(self) -> &'static str {
        match self {
            Self::Trend => "trend",
            Self::Stretch => "stretch",
            Self::Volume => "volume",
            Self::Swing => "swing",
            Self::Day => "day",
        }
    }

    /// What most of the comparisons of an entry look at.
    pub fn of_entry(strategy: &Strategy) -> Self {
        let looked_at = || strategy.entry().terms().iter().flat_map(Term::all_of);
        let count = |theme: Self| looked_at().filter(|one| Self::of(one.feature()) == theme).count();
        let most = Self::ALL.into_iter().map(count).max().unwrap_or(0);
        Self::ALL.into_iter().find(|theme| count(*theme) == most).unwrap_or(Self::Trend)
    }
}

impl fmt::Display for Theme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// How long it holds.
fn holding(bars: f64) -> &'static str {
    match bars {
        bars if bars <= 2.0 => "days",
        bars if bars <= 5.0 => "week",
        bars if bars <= 21.0 => "month",
        _ => "longer",
    }
}

/// How much it trades.
fn turnover(times: f64) -> &'static str {
    match times {
        times if times < 5.0 => "calm",
        times if times < 20.0 => "steady",
        times if times < 60.0 => "busy",
        _ => "hectic",
    }
}

/// The place of a strategy in the archive of its market. `sharpe_micros` is of one observation, after costs.
pub fn place(strategy: &Strategy, habits: Habits, sharpe_micros: i64) -> Place {
    let theme = Theme::of_entry(strategy);
    let (held, traded) = (holding(habits.bars_held), turnover(habits.turnover));
    let comparisons = i64::try_from(strategy.predicates()).unwrap_or(i64::MAX);
    let penalty = comparisons.saturating_mul(PENALTY_MICROS);
    Place {
        niche: format!("long/{theme}/{held}/{traded}"),
        fitness_micros: sharpe_micros.saturating_sub(penalty),
    }
}
