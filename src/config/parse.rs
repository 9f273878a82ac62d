//! From texts to settings: one small function per setting or group, each noting its own mistakes.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use domain::messages::evolution::AutoLimit;
use domain::messages::limits::LimitName;
use domain::text::harmless;
use domain::{Confidence, Instrument, Market, Percent};
use notifier::chat::Policy;
use optimizer::evolution::brief::CANDIDATES_MAX;
use risk_guard::Limits;
use rust_decimal::Decimal;
use secrecy::SecretString;
use tracing_subscriber::EnvFilter;
use trade_ledger::retention::{RETAIN_DAYS_MAX, RETAIN_DAYS_MIN, Retention};

use super::auto::{Beside, auto_approve};
use super::judges;
use super::reader::{Bound, Reader};
use super::{
    BreakerBasis, Config, Credentials, Database, Endpoint, Environment, EvolutionPlan, Exits, LogFormat,
    MAX_LOSS_CEILING_PCT, MAX_ORDER_CEILING_PCT, ScannerSettings, SessionAnchor, Sizing, Telegram, TradeMode,
    Venue, Web,
};
use crate::http::OtherName;
use crate::proposals::{KEPT_MAX, KEPT_MIN};

/// TR ids of earlier versions that name other services (KIS.md 22, rows 1 and 2).
const WRONG_TR_IDS: [(&str, &str, &str); 2] = [
    ("OVERSEAS_RANKING_FLUCT_TR_ID", "HHDFS76200100", "the order book"),
    ("OVERSEAS_RANKING_VOLUME_TR_ID", "HHDFS76200200", "the price detail"),
];

/// None only when a mistake was noted.
pub(super) fn parse(reader: &mut Reader<'_>) -> Option<Config> {
    let environment = reader.value("MODE", environment);
    let venue = venue(reader, environment);
    let markets = reader.value("ENABLED_MARKETS", markets);
    let live_feeds = reader.value("LIVE_FEED_MARKETS", live_feeds);
    let trade_mode = reader.value("TRADE_MODE", trade_mode);
    let daily_sessions = reader.whole("DAILY_SESSIONS", 1, 10);
    let session_interval_hours = reader.whole("SESSION_INTERVAL_HOURS", 1, 24);
    let calendar_overrides = reader.set("CALENDAR_OVERRIDES").map(PathBuf::from);
    let session_anchor = reader.value("SESSION_ANCHOR", session_anchor);
    let confidence = reader.value("CONFIDENCE_THRESHOLD", confidence_threshold);
    let max_loss_pct = limit(reader, ["MAX_LOSS_PCT", "CIRCUIT_BREAKER_PCT"], MAX_LOSS_CEILING_PCT, true);
    let max_order_pct = limit(reader, ["MAX_ORDER_PCT", "FAT_FINGER_PCT"], MAX_ORDER_CEILING_PCT, false);
    let limits = limits(reader, confidence, max_loss_pct, max_order_pct);
    let halt_cancels_orders = reader.flag("HALT_CANCELS_ORDERS");
    let breaker_basis = reader.value("BREAKER_BASIS", breaker_basis);
    let sizing = sizing(reader, max_order_pct);
    let exits = exits(reader);
    let scanner = scanner(reader);
    let rate_limit_rps = rate(reader, environment);
    let hts_id = reader.value("KIS_HTS_ID", hts_id);
    let paper_tls_name = paper_tls_name(reader, environment);
    let telegram = telegram(reader);
    let language_model = judges::language_model(reader);
    let fallback_models = language_model.as_ref().map(|model| judges::fallback_models(reader, model));
    let model_budget = judges::budget(reader);
    let answer_within = reader.whole("LLM_TIMEOUT_S", 5, 120);
    let web = web(reader);
    let log_format = log_format(reader);
    let log_filter = log_filter(reader);
    let database = reader.value("DB_PATH", |text| Some(database(text)));
    let retention = retention(reader);
    let beside =
        Beside { limits: limits.as_ref(), sizing: sizing.as_ref(), language_model: language_model.as_ref() };
    let auto_approve = auto_approve(reader, &beside);
    let evolution = evolution(reader, auto_approve);
    let retain_proposals = reader.whole("RETAIN_PROPOSALS", KEPT_MIN, KEPT_MAX);
    Some(Config {
        venue: venue?,
        markets: markets?,
        live_feeds: live_feeds?,
        trade_mode: trade_mode?,
        daily_sessions: daily_sessions?,
        session_interval_hours: session_interval_hours?,
        session_anchor: session_anchor?,
        calendar_overrides,
        confidence_threshold: confidence?,
        limits: limits?,
        breaker_basis: breaker_basis?,
        halt_cancels_orders: halt_cancels_orders?,
        sizing: sizing?,
        exits: exits?,
        scanner: scanner?,
        rate_limit_rps: rate_limit_rps?,
        hts_id: hts_id?,
        paper_tls_name: paper_tls_name?,
        language_model: language_model?,
        fallback_models: fallback_models??,
        model_budget: model_budget?,
        answer_within: Duration::from_secs(answer_within?.into()),
        telegram,
        web,
        database: database?,
        retention: retention?,
        evolution: evolution?,
        retain_proposals: retain_proposals?,
        log_filter: log_filter?,
        log_format: log_format?,
    })
}

/// Our own variable first, then the one that Rust programs share.
fn log_filter(reader: &mut Reader<'_>) -> Option<String> {
    let is_filter = |text: &str| EnvFilter::builder().parse(text).ok().map(|_| text.to_owned());
    let shared = reader.value("RUST_LOG", is_filter).filter(|filter| !filter.is_empty());
    match (reader.set("KESTREL_LOG"), shared) {
        (None, Some(shared)) => Some(shared),
        (Some(_), _) | (None, None) => reader.value("KESTREL_LOG", is_filter),
    }
}

/// The same: our own, then the one that many programs take.
fn log_format(reader: &mut Reader<'_>) -> Option<LogFormat> {
    let shared = reader.value("LOG_FORMAT", format_or_none)?;
    match (reader.set("KESTREL_LOG_FORMAT"), shared) {
        (None, Some(shared)) => Some(shared),
        (Some(_), _) | (None, None) => reader.value("KESTREL_LOG_FORMAT", format),
    }
}

/// The text of a setting that need not be there.
fn format_or_none(text: &str) -> Option<Option<LogFormat>> {
    if text.is_empty() { Some(None) } else { format(text).map(Some) }
}

fn retention(reader: &mut Reader<'_>) -> Option<Retention> {
    let mut days = |name| reader.whole(name, RETAIN_DAYS_MIN, RETAIN_DAYS_MAX);
    let (looks, prompts) = (days("RETAIN_LOOKS_DAYS"), days("RETAIN_PROMPTS_DAYS"));
    let events_days = days("RETAIN_EVENTS_DAYS")?;
    Some(Retention { looks_days: looks?, prompts_days: prompts?, events_days })
}

/// None within: the operator does not want it.
fn evolution(
    reader: &mut Reader<'_>,
    auto_approve: Option<Option<AutoLimit>>,
) -> Option<Option<EvolutionPlan>> {
    let is_on = reader.flag("EVOLUTION_ENABLED");
    let trials = reader.whole("EVOLUTION_TRIALS", 16, 2_000);
    let min_sessions = reader.whole("EVOLUTION_MIN_SESSIONS", 400, 1_250);
    let candidates = reader.whole("EVOLUTION_CANDIDATES", 0, u32::from(CANDIDATES_MAX));
    let plan = EvolutionPlan {
        trials: trials?,
        candidates: u8::try_from(candidates?).ok()?,
        min_sessions: min_sessions?,
        auto_approve: auto_approve?,
    };
    Some(is_on?.then_some(plan))
}

/// Below this a BUY or SELL becomes HOLD, 0 to 100.
pub(super) fn confidence_threshold(text: &str) -> Option<domain::Confidence> {
    domain::Confidence::new(text.parse().ok()?).ok()
}

fn environment(text: &str) -> Option<Environment> {
    match text {
        "paper" => Some(Environment::Paper),
        "live" => Some(Environment::Live),
        _ => None,
    }
}

/// The outer option is a mistake, the inner one is "not set".
fn hts_id(text: &str) -> Option<Option<String>> {
    let is_name = text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_name.then(|| (!text.is_empty()).then(|| text.to_owned()))
}

fn paper_tls_name(reader: &mut Reader<'_>, environment: Option<Environment>) -> Option<Option<OtherName>> {
    if reader.set("KIS_PAPER_TLS_NAME").is_some() && environment == Some(Environment::Live) {
        reader.mistake(
            "KIS_PAPER_TLS_NAME",
            "is for MODE=paper only; where real money is, certificates are always fully verified",
        );
        return None;
    }
    reader.value("KIS_PAPER_TLS_NAME", |text| {
        if text.is_empty() { Some(None) } else { OtherName::parse(text).map(Some) }
    })
}

fn session_anchor(text: &str) -> Option<SessionAnchor> {
    match text {
        "open" => Some(SessionAnchor::Open),
        "fixed" => Some(SessionAnchor::Fixed),
        _ => None,
    }
}

fn trade_mode(text: &str) -> Option<TradeMode> {
    match text {
        "daily" => Some(TradeMode::Daily),
        "realtime" => Some(TradeMode::Realtime),
        _ => None,
    }
}

fn breaker_basis(text: &str) -> Option<BreakerBasis> {
    match text {
        "day_start" => Some(BreakerBasis::DayStart),
        "purchase" => Some(BreakerBasis::Purchase),
        _ => None,
    }
}

fn format(text: &str) -> Option<LogFormat> {
    match text {
        "auto" => Some(LogFormat::Auto),
        "text" | "pretty" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    }
}

pub(super) fn database(text: &str) -> Database {
    if text == ":memory:" { Database::Memory } else { Database::File(PathBuf::from(text)) }
}

fn markets(text: &str) -> Option<Vec<Market>> {
    let mut markets = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let market = name.parse().ok()?;
        if !markets.contains(&market) {
            markets.push(market);
        }
    }
    (!markets.is_empty()).then_some(markets)
}

/// Only where the free feed is late is there anything to say.
fn live_feeds(text: &str) -> Option<BTreeSet<Market>> {
    if text.trim().is_empty() {
        return Some(BTreeSet::new());
    }
    let is_late = |market: &Market| market.free_feed_delay() > chrono::TimeDelta::zero();
    let markets = markets(text)?;
    markets.iter().all(is_late).then(|| markets.into_iter().collect())
}

fn watchlist(text: &str) -> Option<Vec<Instrument>> {
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let instrument = |entry: &str| {
        let (market, symbol) = entry.split_once(':')?;
        Some(Instrument { market: market.parse().ok()?, symbol: symbol.parse().ok()? })
    };
    entries.map(instrument).collect()
}

fn venue(reader: &mut Reader<'_>, environment: Option<Environment>) -> Option<Venue> {
    let environment = environment?;
    let names = ["KIS_APP_KEY", "KIS_APP_SECRET", "KIS_ACCOUNT_NO"];
    let missing: Vec<_> = names.into_iter().filter(|name| reader.set(name).is_none()).collect();
    confirm_live(reader, environment);
    let external = external(reader, missing.len() < names.len());
    if missing.len() == names.len() {
        if environment == Environment::Live {
            reader.mistake("MODE", "live needs KIS_APP_KEY, KIS_APP_SECRET and KIS_ACCOUNT_NO");
        }
        return Some(external.map_or(Venue::Simulator, |url| Venue::External { url }));
    }
    for name in missing {
        reader
            .mistake(name, "is missing; KIS_APP_KEY, KIS_APP_SECRET and KIS_ACCOUNT_NO are needed together");
    }
    let account = reader.value("KIS_ACCOUNT_NO", |text| is_account(text).then(|| SecretString::from(text)));
    let app_key = secret(reader, "KIS_APP_KEY");
    let app_secret = secret(reader, "KIS_APP_SECRET");
    let (app_key, app_secret) = (app_key?, app_secret?);
    Some(Venue::Kis { environment, credentials: Credentials { app_key, app_secret, account: account? } })
}

/// Another exchange than KIS: on this machine alone, and never beside keys that could be meant for real money.
fn external(reader: &mut Reader<'_>, has_credentials: bool) -> Option<String> {
    let url = reader.value("KESTREL_EXCHANGE_URL", |text| {
        if text.is_empty() { Some(None) } else { loopback_url(text).map(Some) }
    })??;
    if has_credentials {
        reader.mistake(
            "KESTREL_EXCHANGE_URL",
            "contradicts KIS_APP_KEY, KIS_APP_SECRET and KIS_ACCOUNT_NO; set either the address or the keys",
        );
        return None;
    }
    Some(url)
}

fn loopback_url(text: &str) -> Option<String> {
    let authority = text.strip_prefix("http://")?;
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let (host, port) = authority.rsplit_once(':')?;
    let host_is_here = host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    let has_port = port.parse::<u16>().is_ok_and(|port| port > 0);
    (host_is_here && has_port).then(|| format!("http://{authority}"))
}

/// A secret that travels in a header: visible ASCII characters.
pub(super) fn secret(reader: &mut Reader<'_>, name: &'static str) -> Option<SecretString> {
    reader.set(name)?;
    let is_visible = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    reader.value(name, |text| is_visible(text).then(|| SecretString::from(text)))
}

fn confirm_live(reader: &mut Reader<'_>, environment: Environment) {
    let confirmed = reader.set("KESTREL_CONFIRM_LIVE");
    match (environment, confirmed) {
        (Environment::Live, Some("yes")) | (Environment::Paper, Some("yes") | None) => {}
        (Environment::Live, _) => {
            reader.mistake(
                "KESTREL_CONFIRM_LIVE",
                "MODE=live trades real money and starts only with KESTREL_CONFIRM_LIVE=yes",
            );
        }
        (Environment::Paper, Some(_)) => reader.mistake("KESTREL_CONFIRM_LIVE", "allowed: yes"),
    }
}

/// KIS account numbers: eight digits, a dash, two digits (KIS.md 3).
fn is_account(text: &str) -> bool {
    let digits = |part: &str, count: usize| part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
    text.split_once('-').is_some_and(|(number, product)| digits(number, 8) && digits(product, 2))
}

/// A limit under its own name or an earlier one. The stricter of two different values would hide a mistake: refused.
fn limit(
    reader: &mut Reader<'_>,
    [name, alias]: [&'static str; 2],
    ceiling: Decimal,
    alias_negative: bool,
) -> Option<Percent> {
    let own = reader.decimal(name, Bound::Above(Decimal::ZERO), ceiling);
    let Some(text) = reader.set(alias) else { return own.map(Percent) };
    let Some(value) = alias_value(text, ceiling, alias_negative) else {
        let range = if alias_negative {
            format!("-{ceiling} to below 0")
        } else {
            format!("above 0, at most {ceiling}")
        };
        reader.mistake(alias, format!("'{}' is not allowed; allowed: {range}", harmless(text, 60)));
        return own.map(Percent);
    };
    if reader.set(name).is_some() && own != Some(value) {
        reader.mistake(alias, format!("contradicts {name}; set one of the two"));
    }
    Some(Percent(value))
}

/// The settings of limits that have one name only; in capitals it is the limit's own.
pub(super) const LIMITS: [(&str, LimitName); 9] = [
    ("MAX_ORDERS_PER_MINUTE", LimitName::MaxOrdersPerMinute),
    ("MAX_ORDERS_PER_DAY", LimitName::MaxOrdersPerDay),
    ("MAX_SYMBOL_PCT", LimitName::MaxSymbolPct),
    ("MAX_EXPOSURE_PCT", LimitName::MaxExposurePct),
    ("MAX_QUOTE_AGE_S", LimitName::MaxQuoteAgeS),
    ("MAX_QUOTE_JUMP_PCT", LimitName::MaxQuoteJumpPct),
    ("REFUSAL_COOLDOWN_MIN", LimitName::RefusalCooldownMin),
    ("STOP_COOLDOWN_MIN", LimitName::StopCooldownMin),
    ("REENTRY_GUARD_MIN", LimitName::ReentryGuardMin),
];

/// Every setting is read, so that every mistake is noted.
fn limits(
    reader: &mut Reader<'_>,
    confidence: Option<Confidence>,
    max_loss: Option<Percent>,
    max_order: Option<Percent>,
) -> Option<Limits> {
    let values = LIMITS.map(|(setting, name)| {
        let value = reader.value(setting, |text| {
            let value = Decimal::from_str_exact(text).ok()?;
            Limits::bound(name).allows(value).then_some(value)
        });
        (name, value)
    });
    let limits = Limits::new(max_loss?.0, max_order?.0, confidence?).ok()?;
    values.into_iter().try_fold(limits, |limits, (name, value)| limits.with(name, value?).ok())
}

fn alias_value(text: &str, ceiling: Decimal, negative: bool) -> Option<Decimal> {
    let value = Decimal::from_str_exact(text).ok()?;
    let value = if negative { -value } else { value };
    (value > Decimal::ZERO && value <= ceiling).then_some(value)
}

fn exits(reader: &mut Reader<'_>) -> Option<Exits> {
    let above_zero = Bound::Above(Decimal::ZERO);
    let stop = reader.decimal("EXIT_STOP_PCT", above_zero, Decimal::from(20));
    let take = reader.decimal("EXIT_TAKE_PCT", above_zero, Decimal::ONE_HUNDRED);
    let atr_multiple = reader.decimal("EXIT_ATR_MULTIPLE", above_zero, Decimal::TEN);
    let max_days = reader.whole("EXIT_MAX_DAYS", 1, 365);
    Some(Exits {
        stop: Percent(stop?),
        take: Percent(take?),
        atr_multiple: atr_multiple?,
        max_days: max_days?,
    })
}

fn sizing(reader: &mut Reader<'_>, max_order: Option<Percent>) -> Option<Sizing> {
    let above_zero = Bound::Above(Decimal::ZERO);
    let enabled = reader.flag("POSITION_SIZING_ENABLED");
    let base = reader.decimal("POSITION_BASE_ALLOCATION_PCT", above_zero, MAX_ORDER_CEILING_PCT)?;
    let min = reader.decimal("POSITION_MIN_ALLOCATION_PCT", above_zero, MAX_ORDER_CEILING_PCT)?;
    let max = reader.decimal("POSITION_MAX_ALLOCATION_PCT", above_zero, MAX_ORDER_CEILING_PCT)?;
    let target = Bound::AtLeast(Decimal::ONE);
    let target_score = reader.decimal("POSITION_VOLATILITY_TARGET_SCORE", target, Decimal::ONE_HUNDRED)?;
    if min > max {
        reader.mistake(
            "POSITION_MIN_ALLOCATION_PCT",
            format!("{min} is above POSITION_MAX_ALLOCATION_PCT={max}"),
        );
    }
    // A purchase above the order limit would only be refused: the stricter limit bounds the sizes too.
    let max = max_order.map_or(max, |limit| max.min(limit.0));
    let (base, min) = (base.min(max), min.min(max));
    Some(Sizing {
        enabled: enabled?,
        base: Percent(base),
        min: Percent(min),
        max: Percent(max),
        target_score,
    })
}

fn scanner(reader: &mut Reader<'_>) -> Option<ScannerSettings> {
    let whole = |n: u32| Decimal::from(n);
    for (name, wrong, what) in WRONG_TR_IDS {
        if reader.set(name) == Some(wrong) {
            reader
                .mistake(name, format!("{wrong} asks for {what}, not for a ranking; leave the setting out"));
        }
    }
    // All are read before the first mistake ends it, so that every one is reported.
    let top_n = reader.whole("SCANNER_TOP_N", 1, 20);
    let rsi_oversold = reader.decimal("RSI_OVERSOLD_THRESHOLD", Bound::AtLeast(whole(1)), whole(49));
    let rsi_momentum = reader.decimal("RSI_MOMENTUM_THRESHOLD", Bound::AtLeast(whole(51)), whole(99));
    let volume_multiplier = reader.decimal("VOL_MULTIPLIER", Bound::Above(whole(1)), whole(100));
    let us_min_price = reader.decimal("US_MIN_PRICE", Bound::AtLeast(whole(0)), whole(1_000));
    let watchlist = reader.value("SCANNER_WATCHLIST", watchlist);
    let overseas_ranking = reader.flag("OVERSEAS_RANKING_ENABLED");
    let fluctuation = endpoint(reader, "OVERSEAS_RANKING_FLUCT_TR_ID", "OVERSEAS_RANKING_FLUCT_PATH");
    let volume = endpoint(reader, "OVERSEAS_RANKING_VOLUME_TR_ID", "OVERSEAS_RANKING_VOLUME_PATH");
    Some(ScannerSettings {
        top_n: top_n?,
        rsi_oversold: rsi_oversold?,
        rsi_momentum: rsi_momentum?,
        volume_multiplier: volume_multiplier?,
        us_min_price: us_min_price?,
        watchlist: watchlist?,
        overseas_ranking: overseas_ranking?,
        fluctuation: fluctuation?,
        volume: volume?,
    })
}

fn endpoint(reader: &mut Reader<'_>, tr_id: &'static str, path: &'static str) -> Option<Endpoint> {
    let is_tr_id = |t: &str| (8..=16).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric());
    let is_path = |t: &str| {
        t.starts_with("/uapi/overseas-")
            && t.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_'))
    };
    let tr_id = reader.value(tr_id, |text| is_tr_id(text).then(|| text.to_owned()));
    let path = reader.value(path, |text| is_path(text).then(|| text.to_owned()));
    Some(Endpoint { tr_id: tr_id?, path: path? })
}

/// KIS allows 20 requests a second live and 2 on paper; the default keeps a margin (architecture 8).
fn rate(reader: &mut Reader<'_>, environment: Option<Environment>) -> Option<Decimal> {
    let live = matches!(environment, Some(Environment::Live));
    // The embedded exchange is as generous as the live one.
    let simulated = reader.set("KIS_APP_KEY").is_none();
    let highest = if live || simulated { Decimal::from(19) } else { Decimal::new(19, 1) };
    reader.value("RATE_LIMIT_RPS", |text| {
        if text.is_empty() {
            return Some(highest);
        }
        Decimal::from_str_exact(text).ok().filter(|rate| *rate > Decimal::ZERO && *rate <= highest)
    })
}

fn telegram(reader: &mut Reader<'_>) -> Option<Telegram> {
    let enabled = reader.flag("TELEGRAM_ENABLED")?;
    let topics = reader.value("TELEGRAM_NOTIFY", |text| text.parse().ok());
    let commands = commanders(reader);
    let api_url = reader.value("TELEGRAM_API_URL", |text| judges::base_url(text).flatten());
    let token = reader.set("TELEGRAM_BOT_TOKEN");
    let chat = reader.set("TELEGRAM_CHAT_ID");
    match (token, chat) {
        (None, None) => None,
        (Some(_), None) => {
            reader.mistake("TELEGRAM_CHAT_ID", "is missing; TELEGRAM_BOT_TOKEN alone sends nothing");
            None
        }
        (None, Some(_)) => {
            reader.mistake("TELEGRAM_BOT_TOKEN", "is missing; TELEGRAM_CHAT_ID alone sends nothing");
            None
        }
        (Some(_), Some(_)) => {
            let bot_token =
                reader.value("TELEGRAM_BOT_TOKEN", |t| is_bot_token(t).then(|| SecretString::from(t)));
            let chat_id = reader.value("TELEGRAM_CHAT_ID", |t| t.parse::<i64>().ok());
            let (topics, api_url, commands) = (topics?, api_url?, commands?);
            let (bot_token, chat_id) = (bot_token?, chat_id?);
            enabled.then_some(Telegram { bot_token, chat_id, api_url, topics, commands })
        }
    }
}

/// Both lists or none: a chat alone would let every member of a group command.
fn commanders(reader: &mut Reader<'_>) -> Option<Policy> {
    let chats = reader.value("TELEGRAM_ALLOWED_CHATS", |text| numbers(text, |id| id != 0))?;
    let users = reader.value("TELEGRAM_ALLOWED_USERS", |text| numbers(text, |id| id > 0))?;
    for (name, is_missing) in [
        ("TELEGRAM_ALLOWED_CHATS", chats.is_empty() && !users.is_empty()),
        ("TELEGRAM_ALLOWED_USERS", users.is_empty() && !chats.is_empty()),
    ] {
        if is_missing {
            reader.mistake(name, "is missing; commands need both lists, of chats and of people");
        }
    }
    Some(Policy { chats, users })
}

fn numbers(text: &str, is_allowed: impl Fn(i64) -> bool) -> Option<Vec<i64>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    text.split(',').map(|one| one.trim().parse().ok().filter(|id| is_allowed(*id))).collect()
}

/// Bot tokens are digits, a colon and text (TELEGRAM.md).
fn is_bot_token(text: &str) -> bool {
    text.split_once(':').is_some_and(|(id, rest)| {
        !id.is_empty()
            && id.bytes().all(|b| b.is_ascii_digit())
            && rest.len() >= 10
            && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    })
}

/// Both settings are read, so that every mistake is noted.
fn web(reader: &mut Reader<'_>) -> Option<Web> {
    let listen = reader.value("WEB_LISTEN", web_listen);
    let hosts = reader.value("WEB_HOSTS", web_hosts);
    let token = reader.value("WEB_TOKEN", web_token);
    Some(Web { listen: listen??, hosts: hosts?, token: token? })
}

/// The outer option is a mistake, the inner one is "not served".
pub(super) fn web_listen(text: &str) -> Option<Option<SocketAddr>> {
    match text {
        "off" => Some(None),
        address => address.parse().ok().map(Some),
    }
}

/// The outer option is a mistake, the inner one is "read-only".
fn web_token(text: &str) -> Option<Option<SecretString>> {
    let is_token = (16..=200).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.is_empty() { Some(None) } else { is_token.then(|| Some(SecretString::from(text))) }
}

fn web_hosts(text: &str) -> Option<Vec<String>> {
    let is_part = |part: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !part.is_empty() && part.len() <= 63 && part.bytes().all(is_plain)
    };
    let name = |name: &str| {
        let name = name.trim().to_ascii_lowercase();
        (name.len() <= 253 && name.split('.').all(is_part)).then_some(name)
    };
    if text.is_empty() { Some(Vec::new()) } else { text.split(',').map(name).collect() }
}
