//! The one table of settings: names, defaults, allowed values and meaning.
//!
//! The raw environment, `.env.example` and the README's table are all made from it, so they cannot disagree.

use serde::Deserialize;

/// One setting as people see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The variable's name.
    pub name: &'static str,
    /// What holds when it is not set; empty means nothing.
    pub default: &'static str,
    /// The values it takes.
    pub allowed: &'static str,
    /// What it does, in one sentence.
    pub meaning: &'static str,
}

impl Setting {
    /// True when its value must never be printed.
    pub fn is_secret(&self) -> bool {
        ["_KEY", "_SECRET", "_TOKEN"].iter().any(|end| self.name.ends_with(end))
            || self.name == "KIS_ACCOUNT_NO"
    }
}

macro_rules! settings {
    ($($field:ident $name:literal = $default:literal, $allowed:literal, $meaning:literal;)*) => {
        /// The environment as it came: nothing parsed yet, so reading it cannot fail.
        #[derive(Clone, Default, Deserialize)]
        pub(super) struct RawEnv {
            $($field: Option<String>,)*
        }

        impl RawEnv {
            /// The text of a variable, if it is set.
            pub(super) fn get(&self, name: &str) -> Option<&str> {
                match name {
                    $($name => self.$field.as_deref(),)*
                    _ => None,
                }
            }
        }

        /// Every setting, in the order people read them.
        pub const SETTINGS: &[Setting] = &[
            $(Setting { name: $name, default: $default, allowed: $allowed, meaning: $meaning },)*
        ];
    };
}

settings! {
    kis_app_key "KIS_APP_KEY" = "", "text from the KIS developer page", "App key. Without KIS credentials Kestrel trades on its embedded exchange.";
    kis_app_secret "KIS_APP_SECRET" = "", "text from the KIS developer page", "App secret that belongs to the key.";
    kis_account_no "KIS_ACCOUNT_NO" = "", "XXXXXXXX-XX, digits", "Account to trade on.";
    kis_hts_id "KIS_HTS_ID" = "", "1 to 20 visible characters, the login name of KIS", "Login name that KIS tells of executions as they happen; without it they are only asked for.";
    kis_paper_tls_name "KIS_PAPER_TLS_NAME" = "", "a host name", "Another name that the certificate of KIS's paper host may carry; chain, dates and that name are still verified. Refused with MODE=live.";
    kestrel_exchange_url "KESTREL_EXCHANGE_URL" = "", "http://127.0.0.1:PORT of a running `kestrel simulate`", "Exchange to trade on instead of the embedded one; it keeps orders and time while the agent restarts.";
    mode "MODE" = "paper", "paper, live", "Which KIS environment the credentials are for.";
    kestrel_confirm_live "KESTREL_CONFIRM_LIVE" = "", "yes", "Second key for real money: MODE=live starts only together with yes.";
    enabled_markets "ENABLED_MARKETS" = "KR,US_NASDAQ", "KR US_NASDAQ US_NYSE US_AMEX JP HK CN_SHA CN_SZA VN_HAN VN_HCM, separated by commas", "Markets to trade.";
    live_feed_markets "LIVE_FEED_MARKETS" = "", "JP HK CN_SHA CN_SZA VN_HAN VN_HCM, separated by commas", "Markets whose live prices you have subscribed to at KIS; the free ones are fifteen minutes late.";
    trade_mode "TRADE_MODE" = "daily", "daily, realtime", "daily: one batched judgement per market and slot; realtime: every candidate every 60 s, a language model by a question for each.";
    daily_sessions "DAILY_SESSIONS" = "4", "1 to 10", "Slots per market and day in daily mode.";
    session_interval_hours "SESSION_INTERVAL_HOURS" = "6", "1 to 24", "Hours between two slots in daily mode.";
    session_anchor "SESSION_ANCHOR" = "open", "open, fixed", "What the slots are measured from: each market's own open, or (as earlier versions) the start of the process.";
    calendar_overrides "CALENDAR_OVERRIDES" = "", "a file path", "JSON file of days that differ from the built-in calendar; read again when it changes.";
    confidence_threshold "CONFIDENCE_THRESHOLD" = "80", "0 to 100", "A BUY or SELL less sure than this becomes HOLD.";
    max_loss_pct "MAX_LOSS_PCT" = "3.0", "above 0, at most 3.0", "Daily loss in percent beyond which all trading halts. Can only be made stricter.";
    circuit_breaker_pct "CIRCUIT_BREAKER_PCT" = "", "-3.0 to below 0", "The same limit under the name of earlier versions, negative.";
    breaker_basis "BREAKER_BASIS" = "day_start", "day_start, purchase", "What a loss is measured against: the day's starting equity, or purchase cost.";
    max_order_pct "MAX_ORDER_PCT" = "30.0", "above 0, at most 30.0", "Largest purchase in percent of cash. Can only be made stricter.";
    fat_finger_pct "FAT_FINGER_PCT" = "", "above 0, at most 30.0", "The same limit under the name of earlier versions.";
    max_orders_per_minute "MAX_ORDERS_PER_MINUTE" = "6", "0 to 6", "No purchase beyond so many orders, sales included, in any 70 seconds; sales go on up to ten. Can only be made stricter; 0 stops purchases.";
    max_orders_per_day "MAX_ORDERS_PER_DAY" = "100", "0 to 300", "No purchase beyond so many orders, sales included, in any 24 hours, counted across restarts; sales go on up to 400.";
    max_symbol_pct "MAX_SYMBOL_PCT" = "30", "0 to 50", "Most of one stock, held and ordered, in percent of the equity in its currency. Can only be made stricter; 0 stops purchases.";
    max_exposure_pct "MAX_EXPOSURE_PCT" = "95", "0 to 100", "Most of all stocks of a currency, held and ordered, in percent of its equity.";
    max_quote_age_s "MAX_QUOTE_AGE_S" = "60", "1 to 120", "Oldest price that is bought on, in seconds.";
    max_quote_jump_pct "MAX_QUOTE_JUMP_PCT" = "10", "above 0, at most 20", "Largest jump from one price of a stock to the next that is bought on, in percent; the next price confirms a larger one or not.";
    refusal_cooldown_min "REFUSAL_COOLDOWN_MIN" = "10", "1 to 1440", "Minutes without a purchase of a stock after one was refused by the exchange, or for money or size. More is stricter.";
    stop_cooldown_min "STOP_COOLDOWN_MIN" = "120", "1 to 10080", "Minutes without a purchase of a stock after it was sold at a loss. More is stricter.";
    reentry_guard_min "REENTRY_GUARD_MIN" = "30", "1 to 10080", "Minutes after a sale in which the stock is not bought at a higher price. More is stricter.";
    halt_cancels_orders "HALT_CANCELS_ORDERS" = "false", "true, false", "true: every halt also cancels the orders that work at the exchange; false: only one with --cancel-open.";
    position_sizing_enabled "POSITION_SIZING_ENABLED" = "true", "true, false", "true: size by volatility; false: one lot per purchase.";
    position_base_allocation_pct "POSITION_BASE_ALLOCATION_PCT" = "5.0", "above 0, at most 30.0", "Share of cash for a candidate of average volatility.";
    position_min_allocation_pct "POSITION_MIN_ALLOCATION_PCT" = "1.0", "above 0, at most 30.0", "Smallest share of cash for one purchase.";
    position_max_allocation_pct "POSITION_MAX_ALLOCATION_PCT" = "10.0", "above 0, at most 30.0", "Largest share of cash for one purchase.";
    position_volatility_target_score "POSITION_VOLATILITY_TARGET_SCORE" = "50.0", "1 to 100", "Scanner score that gets the base share; a wilder stock gets less.";
    exit_stop_pct "EXIT_STOP_PCT" = "2.0", "above 0, at most 20", "Loss of a holding in percent that sells it; a stock that moves little is sold earlier.";
    exit_take_pct "EXIT_TAKE_PCT" = "3.0", "above 0, at most 100", "Profit of a holding in percent that sells it.";
    exit_atr_multiple "EXIT_ATR_MULTIPLE" = "2.2", "above 0, at most 10", "Average true ranges below the entry that sell, where that is earlier than EXIT_STOP_PCT, and below the highest price since, once that secures a profit.";
    exit_max_days "EXIT_MAX_DAYS" = "20", "1 to 365", "Days after which a holding is sold.";
    scanner_top_n "SCANNER_TOP_N" = "3", "1 to 20", "Candidates per scan, holdings come on top.";
    us_min_price "US_MIN_PRICE" = "5.0", "0 to 1000", "American stocks below this many dollars are never bought as candidates; 0 lets all pass. Holdings stay watched.";
    scanner_watchlist "SCANNER_WATCHLIST" = "", "MARKET:CODE, separated by commas, e.g. KR:005930,US_NASDAQ:AAPL", "Stocks to scan first where KIS offers no ranking or it fails; candidates of the session, stocks traded last and holdings follow.";
    rsi_oversold_threshold "RSI_OVERSOLD_THRESHOLD" = "30", "1 to 49", "RSI below which a stock counts as oversold.";
    rsi_momentum_threshold "RSI_MOMENTUM_THRESHOLD" = "70", "51 to 99", "RSI above which a stock counts as in momentum.";
    vol_multiplier "VOL_MULTIPLIER" = "2.0", "above 1, at most 100", "Volume against its average that confirms a signal.";
    overseas_ranking_enabled "OVERSEAS_RANKING_ENABLED" = "true", "true, false", "Scan foreign markets by KIS rankings; false: SCANNER_WATCHLIST, stocks traded last and holdings only.";
    overseas_ranking_fluct_tr_id "OVERSEAS_RANKING_FLUCT_TR_ID" = "HHDFS76290000", "a KIS TR id", "TR id of the foreign price-change ranking.";
    overseas_ranking_volume_tr_id "OVERSEAS_RANKING_VOLUME_TR_ID" = "HHDFS76270000", "a KIS TR id", "TR id of the foreign volume-surge ranking.";
    overseas_ranking_fluct_path "OVERSEAS_RANKING_FLUCT_PATH" = "/uapi/overseas-stock/v1/ranking/updown-rate", "a path that begins with /uapi/overseas-", "Path of the foreign price-change ranking.";
    overseas_ranking_volume_path "OVERSEAS_RANKING_VOLUME_PATH" = "/uapi/overseas-stock/v1/ranking/volume-surge", "a path that begins with /uapi/overseas-", "Path of the foreign volume-surge ranking.";
    rate_limit_rps "RATE_LIMIT_RPS" = "", "above 0, at most 19 (live) or 1.9 (paper)", "Requests per second to KIS; unset means the most that is allowed.";
    llm_provider "LLM_PROVIDER" = "", "gemini, openai_compatible, rules", "Who judges: Google's Gemini, a server that speaks OpenAI's chat completions (OpenAI, Ollama, vLLM, OpenRouter), or the local rules; unset means gemini when GEMINI_API_KEY is set, else rules.";
    gemini_api_key "GEMINI_API_KEY" = "", "text from Google AI Studio", "Key of Gemini.";
    llm_api_key "LLM_API_KEY" = "", "text from the provider", "Key of the OpenAI-compatible server; a server on this machine mostly needs none.";
    llm_model "LLM_MODEL" = "", "a model's name, e.g. gemini-3.5-flash-lite or qwen3:8b", "Model to ask; unset means gemini-3.5-flash-lite, and openai_compatible needs one.";
    llm_fallback_models "LLM_FALLBACK_MODELS" = "", "names of models, separated by commas; at most 5", "Models of the same provider that take LLM_MODEL's place, in this order, when it does not exist (HTTP 404) or has no quota here at all (a limit of 0).";
    llm_base_url "LLM_BASE_URL" = "", "https://HOST/PATH, or http:// of this machine, e.g. http://localhost:11434/v1", "Where the model answers; unset means Google's own address, and openai_compatible needs one.";
    llm_timeout_s "LLM_TIMEOUT_S" = "90", "5 to 120", "Longest wait in seconds for one answer of the model; the end of the slot ends it too.";
    llm_calls_per_day "LLM_CALLS_PER_DAY" = "20", "0 to 10000", "Most calls of the model in a day, which begins at midnight Pacific time; repeated calls count too.";
    llm_tokens_per_day "LLM_TOKENS_PER_DAY" = "", "1 to 4000000000", "Most tokens of questions and answers in a day; unset means no limit of its own.";
    llm_usd_per_day "LLM_USD_PER_DAY" = "", "above 0, at most 10000", "Most USD in a day; needs both prices. Unset means no limit of its own.";
    llm_input_usd_per_mtok "LLM_INPUT_USD_PER_MTOK" = "", "0 to 10000", "Price in USD of a million tokens of questions.";
    llm_output_usd_per_mtok "LLM_OUTPUT_USD_PER_MTOK" = "", "0 to 10000", "Price in USD of a million tokens of answers, thoughts included.";
    llm_thinking "LLM_THINKING" = "low", "minimal, low, medium, high", "How much a model of Gemini thinks before it answers; thoughts are paid for. Other models are not told.";
    telegram_enabled "TELEGRAM_ENABLED" = "true", "true, false", "Send notices to Telegram when token and chat are set.";
    telegram_bot_token "TELEGRAM_BOT_TOKEN" = "", "digits:text, from BotFather", "Bot that sends the notices.";
    telegram_chat_id "TELEGRAM_CHAT_ID" = "", "a whole number", "Chat that receives the notices.";
    telegram_notify "TELEGRAM_NOTIFY" = "all", "all, none, or a list of trades, fat_finger, markets, system, alarms, reports", "What is told besides halts, breakers and resumes, which are always told.";
    telegram_allowed_chats "TELEGRAM_ALLOWED_CHATS" = "", "whole numbers, separated by commas; a group's is negative", "Chats in which commands are taken; none are taken without it and TELEGRAM_ALLOWED_USERS.";
    telegram_allowed_users "TELEGRAM_ALLOWED_USERS" = "", "numbers above 0, separated by commas", "People who may command in those chats, by their number; names count for nothing.";
    telegram_api_url "TELEGRAM_API_URL" = "https://api.telegram.org", "https://HOST, or http:// of this machine", "Where the Bot API answers: Telegram's own address, or a Bot API server that you run.";
    web_listen "WEB_LISTEN" = "off", "off, or an address and a port, e.g. 127.0.0.1:8686", "Where the page, /healthz, /readyz and /metrics are served. Whoever reaches the address may read; 0.0.0.0 only inside a container.";
    web_hosts "WEB_HOSTS" = "", "host names, separated by commas, e.g. kestrel.internal", "Names by which the web may be called besides localhost and plain addresses.";
    web_token "WEB_TOKEN" = "", "16 to 200 visible characters", "What gives the right to halt, reduce and resume from the page, which is read-only without it.";
    db_path "DB_PATH" = "data/trades.db", "a file path, or :memory:", "Database; its folder also holds the control socket and the HALT file.";
    retain_looks_days "RETAIN_LOOKS_DAYS" = "400", "30 to 3650", "Days that the books keep looks: HOLDs, what scans considered, what the clock announced. Orders and what they rest on stay for ever.";
    retain_prompts_days "RETAIN_PROMPTS_DAYS" = "90", "30 to 3650", "Days that the books keep the texts that a language model was asked and answered.";
    retain_events_days "RETAIN_EVENTS_DAYS" = "400", "30 to 3650", "Days that the books keep lines about judgements, refusals, sessions and starts; lines about orders and halts stay for ever.";
    evolution_enabled "EVOLUTION_ENABLED" = "true", "true, false", "Search for better strategies after each market's close; nothing is traded by what is found before it is approved. false: nothing is searched for, and EVOLUTION_AUTO_APPROVE approves nothing; what is drafted and active is still followed, and rolled back when it falls.";
    evolution_trials "EVOLUTION_TRIALS" = "200", "16 to 2000", "Strategies that are tried on bars after each market's close.";
    evolution_candidates "EVOLUTION_CANDIDATES" = "4", "0 to 8", "Strategies that the language model is asked for before each search, in one call of what the markets' slots leave of the day's; 0: none.";
    evolution_min_sessions "EVOLUTION_MIN_SESSIONS" = "500", "400 to 1250", "Sessions of bars that a market needs in the books before its strategies are searched for; see kestrel data status.";
    evolution_auto_approve "EVOLUTION_AUTO_APPROVE" = "off", "off, or max_position_pct=N (above 0, at most 30), if wanted followed by ,max_per_30_days=N (1 to 4; 1 if not named)", "What is approved without you, of what has passed every gate and its shadow: strategies that put at most so many percent of the equity into one position, and of all markets so many in 30 days. off: nothing. No looser than MAX_SYMBOL_PCT and MAX_ORDER_PCT.";
    retain_proposals "RETAIN_PROPOSALS" = "200", "1 to 10000", "Folders of rejected and retired proposals that stay under proposals beside the books, the newest; the books keep every proposal.";
    kestrel_log "KESTREL_LOG" = "info", "a tracing filter, e.g. info,broker=debug", "What is logged.";
    rust_log "RUST_LOG" = "", "a tracing filter", "What is logged where KESTREL_LOG is not set, as other Rust programs take it.";
    kestrel_log_format "KESTREL_LOG_FORMAT" = "auto", "auto, text, json", "auto: text on a terminal, JSON lines elsewhere. pretty is text.";
    log_format "LOG_FORMAT" = "", "auto, text, pretty, json", "The same where KESTREL_LOG_FORMAT is not set, as other programs take it.";
}

/// The text of `.env.example`.
pub fn env_example() -> String {
    let mut text = String::from(
        "# Settings of Kestrel. Copy to .env and fill in; everything here is optional.\n\
         # Made by `kestrel settings --env`; the README holds the same table.\n\
         # A secret may stand in a file of its own: KIS_APP_KEY_FILE=/run/secrets/kis_app_key instead of KIS_APP_KEY,\n\
         # and the same for KIS_APP_SECRET, KIS_ACCOUNT_NO, GEMINI_API_KEY, LLM_API_KEY, TELEGRAM_BOT_TOKEN and\n\
         # WEB_TOKEN.\n",
    );
    for setting in SETTINGS {
        let Setting { name, default, allowed, meaning } = setting;
        text.push_str(&format!("\n# {meaning}\n# Allowed: {allowed}\n# {name}={default}\n"));
    }
    text
}

/// The README's table.
pub fn markdown_table() -> String {
    let mut text = String::from("| setting | default | allowed | meaning |\n|---|---|---|---|\n");
    for setting in SETTINGS {
        let default =
            if setting.default.is_empty() { "–".to_owned() } else { format!("`{}`", setting.default) };
        text.push_str(&format!(
            "| `{}` | {default} | {} | {} |\n",
            setting.name, setting.allowed, setting.meaning
        ));
    }
    text
}
