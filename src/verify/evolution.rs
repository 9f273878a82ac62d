//! Evolution as a whole: `kestrel verify --evolution planted|none`.
//!
//! Made-up markets are told to the product's own books, session after session, and after each the Optimizer has its turn: bars,
//! search, gates, one sealed look, draft, shadow, verdict. With a planted edge it has to find and propose it, and a person's yes has to
//! make it what the market trades by. Without an edge it must not propose more often than its level allows.

pub(crate) mod desk;
mod stage;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Instant;

use domain::messages::evolution::{Decider, ProposalNumber, ProposalStatus, ProposalStep};
use serde::Serialize;

use stage::Stage;

/// Cycles of one market without an edge: each may look at sealed days, the next one only when as many days have passed.
const CYCLES_OF_MARKET: u32 = 10;
/// Most cycles without an edge.
pub const CYCLES_MAX: u32 = 1_000;

/// What to rehearse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Stocks recover after a fall.
    Planted,
    /// Nothing foretells anything.
    None,
}

/// How.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// What to rehearse.
    pub kind: Kind,
    /// Cycles without an edge, 1 to [`CYCLES_MAX`].
    pub cycles: u32,
    /// Where the randomness starts.
    pub seed: u64,
    /// Strategies tried in one cycle.
    pub trials: u32,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// What was rehearsed.
    pub kind: Kind,
    /// Where the randomness started.
    pub seed: u64,
    /// Markets that were made up.
    pub markets: u32,
    /// Cycles that ended.
    pub cycles: u32,
    /// Strategies that were tried.
    pub trials: u64,
    /// Looks at sealed days.
    pub looks: u32,
    /// Drafts: what passed the sealed look.
    pub drafts: u32,
    /// Most drafts that are allowed; none where one is wanted.
    pub drafts_allowed: Option<u32>,
    /// Drafts whose shadow passed: what a person is asked about.
    pub proposals: u32,
    /// What the market trades by in the end.
    pub active: Option<ProposalNumber>,
    /// Real time it took, in milliseconds.
    pub took_ms: u64,
}

impl Report {
    fn new(options: &Options) -> Self {
        Self {
            kind: options.kind,
            seed: options.seed,
            markets: 0,
            cycles: 0,
            trials: 0,
            looks: 0,
            drafts: 0,
            drafts_allowed: None,
            proposals: 0,
            active: None,
            took_ms: 0,
        }
    }

    /// True when evolution did what it has to do.
    pub fn is_good(&self) -> bool {
        match (self.kind, self.drafts_allowed) {
            (Kind::Planted, _) => self.active.is_some(),
            (Kind::None, Some(allowed)) => self.cycles > 0 && self.drafts <= allowed && self.active.is_none(),
            (Kind::None, None) => false,
        }
    }
}

/// Rehearses; `progress` hears a line of each session that is told.
///
/// # Errors
/// Why it could not be done, in words. An evolution that is not good enough is no error.
pub fn run(options: &Options, mut progress: impl FnMut(&str)) -> Result<Report, String> {
    let began = Instant::now();
    let mut report = actix::System::new().block_on(async {
        match options.kind {
            Kind::Planted => planted(options, &mut progress).await,
            Kind::None => none(options, &mut progress).await,
        }
    })?;
    report.took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(report)
}

/// One market, until a draft has passed its shadow and a person's yes holds.
async fn planted(options: &Options, progress: &mut impl FnMut(&str)) -> Result<Report, String> {
    let mut stage = Stage::new(stage::EDGE, options.seed, options.trials)?;
    let mut report = Report { markets: 1, ..Report::new(options) };
    let mut sessions = stage::FIRST_SESSIONS;
    while sessions <= stage::SESSIONS_MAX {
        let line = stage.session(sessions).await?;
        report.cycles += 1;
        progress(&line);
        let proposals = stage.proposals()?;
        let ready = proposals.iter().find(|record| record.status == ProposalStatus::ReadyForReview);
        if let Some(record) = ready {
            report.proposals = 1;
            let number = record.number;
            let person = Decider::Person("the rehearsal".to_owned());
            stage.change(number, ProposalStep::Approve, person, "its evidence is whole")?;
            report.active = stage.traded_by(sessions + 1)?;
            let next = report.active.map_or("the settings".to_owned(), |active| format!("proposal {active}"));
            progress(&format!("proposal {number} was approved; the next session trades by {next}"));
            break;
        }
        // A draft is followed session by session; without one the next look is waited for.
        let has_draft = proposals.iter().any(|record| record.status == ProposalStatus::Draft);
        sessions += if has_draft { 1 } else { stage::STEP };
    }
    stage.count(&mut report)?;
    Ok(report)
}

/// Several markets, each with all the looks that its bars allow.
async fn none(options: &Options, progress: &mut impl FnMut(&str)) -> Result<Report, String> {
    let mut report = Report::new(options);
    let mut left = options.cycles;
    while left > 0 {
        let seed = options.seed.wrapping_add(u64::from(report.markets));
        let mut stage = Stage::new(0.0, seed, options.trials)?;
        report.markets += 1;
        for cycle in 0..left.min(CYCLES_OF_MARKET) {
            let sessions = stage::FIRST_SESSIONS + cycle as usize * stage::LOOK;
            let line = stage.session(sessions).await?;
            report.cycles += 1;
            progress(&format!("market {}, {line}", report.markets));
        }
        left = left.saturating_sub(CYCLES_OF_MARKET);
        stage.count(&mut report)?;
    }
    // All looks of a market together let luck pass in 5 of 100 markets.
    report.drafts_allowed = Some(report.markets.div_ceil(20));
    Ok(report)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { markets, cycles, trials, looks, drafts, proposals, .. } = self;
        let edge = match self.kind {
            Kind::Planted => "with a planted edge",
            Kind::None => "without an edge",
        };
        writeln!(
            f,
            "{markets} markets {edge}: {cycles} cycles, {trials} strategies tried, {looks} sealed looks"
        )?;
        let allowed = self.drafts_allowed.map(|allowed| format!(", allowed {allowed}")).unwrap_or_default();
        writeln!(f, "passed the sealed look: {drafts}{allowed}; passed the shadow, too: {proposals}")?;
        if let Some(number) = self.active {
            writeln!(f, "approved and active in the end: proposal {number}")?;
        }
        writeln!(f, "{:.1} s", self.took_ms as f64 / 1_000.0)?;
        f.write_str(match (self.kind, self.is_good()) {
            (Kind::Planted, true) => "found, validated, shadowed, proposed, and active after a yes",
            (Kind::Planted, false) => "THE PLANTED EDGE WAS NOT PROPOSED",
            (Kind::None, true) => "no more was proposed than luck may",
            (Kind::None, false) => "MORE WAS PROPOSED THAN LUCK MAY",
        })
    }
}
