//! From the operator's settings to each actor's own.

use std::collections::BTreeSet;
use std::sync::Arc;

use brain::plan::BudgetPlan;
use broker::BrokerSettings;
use chrono::{DateTime, Utc};
use domain::Confidence;
use market_clock::{Cadence, DailyPlan};
use optimizer::EvolutionSettings;
use risk_guard::{Basis, ExitPlan, RiskSettings, Sizing};
use strategy::{Strategy, Thresholds};

use crate::config::{BreakerBasis, Config, Exits, ModelBudget, SessionAnchor, TradeMode};

/// RiskGuard's rules. Its limits cannot be made outside the hard bounds: only the crate that enforces them makes them.
pub(super) fn risk(config: &Config) -> Result<RiskSettings, String> {
    let sizing = &config.sizing;
    let by_score = Sizing::by_score(sizing.base.0, sizing.min.0, sizing.max.0, sizing.target_score)
        .map_err(|error| error.to_string())?;
    let basis = match config.breaker_basis {
        BreakerBasis::DayStart => Basis::DayStart,
        BreakerBasis::Purchase => Basis::Purchase,
    };
    let (limits, sizing) = (config.limits, by_score.enabled(sizing.enabled));
    let halt_cancels = config.halt_cancels_orders;
    Ok(RiskSettings { limits, sizing, basis, exits: exits(&config.exits), halt_cancels })
}

fn exits(config: &Exits) -> ExitPlan {
    let Exits { stop, take, atr_multiple, max_days } = *config;
    ExitPlan { stop_pct: stop.0, take_pct: take.0, atr_multiple, max_days }
}

/// What Broker trades, and what it does at a halt.
pub(super) fn broker(config: &Config) -> BrokerSettings {
    BrokerSettings { markets: config.markets.clone(), halt_cancels: config.halt_cancels_orders }
}

/// When to look and decide.
pub(super) fn schedule(config: &Config, started_at: DateTime<Utc>) -> market_clock::Settings {
    let plan = DailyPlan { sessions: config.daily_sessions, interval_hours: config.session_interval_hours };
    let cadence = match (config.trade_mode, config.session_anchor) {
        (TradeMode::Daily, SessionAnchor::Open) => Cadence::Daily(plan),
        (TradeMode::Daily, SessionAnchor::Fixed) => Cadence::Fixed { plan, anchor: started_at },
        (TradeMode::Realtime, SessionAnchor::Open | SessionAnchor::Fixed) => Cadence::Realtime,
    };
    let markets = config.markets.clone();
    market_clock::Settings {
        markets,
        cadence,
        calendar: market_clock::Calendar::official(),
        exits: BTreeSet::new(),
        has_override_file: config.calendar_overrides.is_some(),
        live_feeds: config.live_feeds.clone(),
    }
}

/// What to scan.
pub(super) fn scanner(config: &Config, strategy: Arc<Strategy>) -> scanner::Settings {
    scanner::Settings {
        top_n: config.scanner.top_n as usize,
        thresholds: thresholds(config),
        strategy,
        overseas_rankings: config.scanner.overseas_ranking,
        us_min_price: config.scanner.us_min_price,
        watchlist: config.scanner.watchlist.clone(),
    }
}

/// What a market is traded by until a proposal takes its place.
pub(super) fn rules(config: &Config) -> Strategy {
    Strategy::by_default(thresholds(config))
}

/// What counts as oversold, momentum and confirmed.
pub(super) fn thresholds(config: &Config) -> Thresholds {
    Thresholds {
        rsi_oversold: config.scanner.rsi_oversold,
        rsi_momentum: config.scanner.rsi_momentum,
        volume_multiplier: config.scanner.volume_multiplier,
    }
}

/// How strategies are searched for; none: they are not.
pub(super) fn evolution(config: &Config) -> Option<EvolutionSettings> {
    let plan = config.evolution?;
    // What the settings say is the first idea of all, and what every draft has to beat until one is active.
    let own = rules(config);
    let seeds = std::iter::once(own.clone()).chain(optimizer::evolution::seeds::seeds()).collect();
    Some(EvolutionSettings {
        trials: plan.trials,
        candidates: plan.candidates,
        min_confidence: confident(config),
        least_sessions: plan.min_sessions as usize,
        rules: optimizer::gauntlet::Rules::default(),
        seeds,
        incumbent: Some(own),
        auto_approve: plan.auto_approve,
    })
}

/// A loss counts as a confident one from here on.
pub(super) fn confident(config: &Config) -> Confidence {
    config.confidence_threshold
}

/// What the language model may take in a day, and how it is spread over the markets.
pub(super) fn budget(config: &Config) -> BudgetPlan {
    let slots = match config.trade_mode {
        TradeMode::Daily => Some(config.daily_sessions),
        TradeMode::Realtime => None,
    };
    let ModelBudget { ceilings, prices } = config.model_budget;
    BudgetPlan::spread(&config.markets, slots, ceilings, prices)
}
