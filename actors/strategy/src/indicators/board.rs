//! All indicators of a series of bars side by side, under the names of TA-Lib's functions and their periods.

use super::{
    Activity, Adx, Atr, Bar, Baseline, Bollinger, Breakout, Change, Channel, Deviation, Ema, Indicator, Macd,
    Mfi, Natr, Obv, Period, Rsi, Sma, SmaAtr, Stochastic, TrueRange, VolumeRatio, WilliamsR,
};

/// A value of the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name: function, periods, and the part after a dot.
    pub name: &'static str,
    /// What it is, with its unit.
    pub meaning: &'static str,
}

const fn column(name: &'static str, meaning: &'static str) -> Column {
    Column { name, meaning }
}

/// How many values a board has.
pub const WIDTH: usize = 32;

/// The values in the order of [`Board::update`].
pub const COLUMNS: [Column; WIDTH] = [
    column("rsi_2", "relative strength over 2 bars, 0 to 100"),
    column("rsi_14", "relative strength over 14 bars, 0 to 100"),
    column("atr_14", "average true range (Wilder), in the price's unit"),
    column("natr_14", "average true range, % of the close"),
    column("trange", "true range of the bar, in the price's unit"),
    column("roc_1", "change over 1 bar, %"),
    column("roc_5", "change over 5 bars, %"),
    column("roc_20", "change over 20 bars, %"),
    column("sma_20", "simple average of 20 closes"),
    column("ema_20", "exponential average of 20 closes"),
    column("macd_12_26_9.macd", "fast minus slow average"),
    column("macd_12_26_9.signal", "average of that"),
    column("macd_12_26_9.hist", "their difference"),
    column("bbands_20_2.upper", "average plus 2 deviations"),
    column("bbands_20_2.middle", "average of 20 closes"),
    column("bbands_20_2.lower", "average minus 2 deviations"),
    column("volume_sma_20", "average volume of 20 bars"),
    column("volume_ratio_20_incl", "volume against 20 bars, this one among them"),
    column("volume_ratio_20_excl", "volume against the 20 bars before"),
    column("adx_14", "strength of the direction, 0 to 100"),
    column("mfi_14", "money flow index, 0 to 100"),
    column("obv", "on-balance volume"),
    column("max_20", "highest high of 20 bars"),
    column("min_20", "lowest low of 20 bars"),
    column("stddev_20", "deviation of 20 closes, in the price's unit"),
    column("willr_14", "Williams' range, -100 to 0"),
    column("stoch_14_3_3.k", "stochastic, 0 to 100"),
    column("stoch_14_3_3.d", "average of that"),
    column("sma_atr_14", "simple mean of 14 true ranges, in the price's unit"),
    column("pv_divergence_1", "price-volume divergence over 1 bar, -100 to 100"),
    column("momentum_1_5_15", "momentum over 1, 5 and 15 bars, 0 to 100"),
    column("breakout_1", "1 breakout, -1 breakdown, 0 neither"),
];

/// The values after one bar, in the order of [`COLUMNS`].
pub type Row = [Option<f64>; WIDTH];

/// Every indicator of [`COLUMNS`], told one bar after the other.
#[derive(Clone, Debug)]
pub struct Board {
    rsi: [Rsi; 2],
    atr: Atr,
    natr: Natr,
    range: TrueRange,
    changes: [Change; 3],
    sma: Sma,
    ema: Ema,
    macd: Macd,
    bands: Bollinger,
    volume_sma: Sma,
    ratios: [VolumeRatio; 2],
    adx: Adx,
    mfi: Mfi,
    obv: Obv,
    channel: Channel,
    deviation: Deviation,
    williams: WilliamsR,
    stochastic: Stochastic,
    sma_atr: SmaAtr,
    activity: Activity,
}

impl Default for Board {
    fn default() -> Self {
        let (one, two, five) = (Period::of::<1>(), Period::of::<2>(), Period::of::<5>());
        let (fourteen, twenty, three) = (Period::of::<14>(), Period::of::<20>(), Period::of::<3>());
        Self {
            rsi: [two, fourteen].map(Rsi::new),
            atr: Atr::new(fourteen),
            natr: Natr::new(fourteen),
            range: TrueRange::default(),
            changes: [one, five, twenty].map(Change::over),
            sma: Sma::new(twenty),
            ema: Ema::new(twenty),
            macd: Macd::new(Period::of::<12>(), Period::of::<26>(), Period::of::<9>()),
            bands: Bollinger::new(twenty),
            volume_sma: Sma::new(twenty),
            ratios: [Baseline::IncludingBar, Baseline::BeforeBar].map(|base| VolumeRatio::new(twenty, base)),
            adx: Adx::new(fourteen),
            mfi: Mfi::new(fourteen),
            obv: Obv::default(),
            channel: Channel::new(twenty),
            deviation: Deviation::new(twenty),
            williams: WilliamsR::new(fourteen),
            stochastic: Stochastic::new(fourteen, three, three),
            sma_atr: SmaAtr::new(fourteen),
            activity: Activity::default(),
        }
    }
}

impl Board {
    /// Takes in the next bar and says the values there; each is absent where it is not defined.
    pub fn update(&mut self, bar: Bar) -> Row {
        let (close, volume) = (bar.close_sample(), bar.volume_sample());
        let [rsi_2, rsi_14] = self.rsi.each_mut().map(|rsi| rsi.update(close));
        let [roc_1, roc_5, roc_20] = self.changes.each_mut().map(|change| change.update(close));
        let macd = self.macd.update(close);
        let bands = self.bands.update(close);
        let [including, before] = self.ratios.each_mut().map(|ratio| ratio.update(volume));
        let channel = self.channel.update(bar);
        let stochastic = self.stochastic.update(bar);
        let activity = self.activity.update(bar);
        [
            rsi_2,
            rsi_14,
            self.atr.update(bar),
            self.natr.update(bar),
            self.range.update(bar),
            roc_1,
            roc_5,
            roc_20,
            self.sma.update(close),
            self.ema.update(close),
            macd.map(|macd| macd.line),
            macd.map(|macd| macd.signal),
            macd.map(|macd| macd.histogram),
            bands.map(|bands| bands.upper),
            bands.map(|bands| bands.middle),
            bands.map(|bands| bands.lower),
            self.volume_sma.update(volume),
            including,
            before,
            self.adx.update(bar),
            self.mfi.update(bar),
            self.obv.update(bar),
            channel.map(|channel| channel.highest),
            channel.map(|channel| channel.lowest),
            self.deviation.update(close),
            self.williams.update(bar),
            stochastic.map(|stochastic| stochastic.k),
            stochastic.map(|stochastic| stochastic.d),
            self.sma_atr.update(bar),
            activity.map(|activity| activity.divergence),
            activity.map(|activity| activity.momentum),
            activity.map(|activity| sign(activity.breakout)),
        ]
    }
}

fn sign(breakout: Breakout) -> f64 {
    match breakout {
        Breakout::Up => 1.0,
        Breakout::Down => -1.0,
        Breakout::Neither => 0.0,
    }
}
