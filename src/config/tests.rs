//! Settings: defaults, limits, aliases, and all mistakes at once.

use domain::messages::limits::LimitName;
use risk_guard::limits::Stricter;
use rust_decimal::Decimal;

use super::settings::{SETTINGS, env_example, markdown_table};
use super::*;

pub(super) fn load(pairs: &[(&str, &str)]) -> Result<Config, Mistakes> {
    Config::from_pairs(&pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
}

pub(super) fn mistakes(pairs: &[(&str, &str)]) -> String {
    load(pairs).unwrap_err().to_string()
}

#[test]
fn without_any_setting_it_trades_on_the_embedded_exchange_with_the_documented_defaults() {
    let config = load(&[]).unwrap();
    assert!(matches!(config.venue, Venue::Simulator));
    assert_eq!(config.markets, [Market::Kr, Market::UsNasdaq]);
    assert_eq!(config.trade_mode, TradeMode::Daily);
    assert_eq!((config.daily_sessions, config.session_interval_hours), (4, 6));
    assert_eq!(config.limits.max_loss_pct(), Decimal::from(3));
    assert_eq!(config.limits.max_order_pct(), Decimal::from(30));
    assert_eq!(config.confidence_threshold.get(), 80);
    assert_eq!(config.rate_limit_rps, Decimal::from(19));
    assert_eq!(config.database, Database::File("data/trades.db".into()));
    assert_eq!(config.scanner.fluctuation.tr_id, "HHDFS76290000");
    assert!(matches!(config.language_model, LanguageModel::Rules) && config.telegram.is_none());
}

#[test]
fn only_the_markets_named_have_a_live_feed() {
    assert!(load(&[]).unwrap().live_feeds.is_empty());
    let config = load(&[("LIVE_FEED_MARKETS", "HK, JP,HK")]).unwrap();
    assert_eq!(config.live_feeds, BTreeSet::from([Market::Jp, Market::Hk]));
}

#[test]
fn each_wrong_value_is_refused_with_its_name_and_what_is_allowed() {
    let cases = [
        ("MODE", "sim", "paper, live"),
        ("KIS_HTS_ID", "two words", "1 to 20"),
        ("KIS_PAPER_TLS_NAME", "*.koreainvestment.com", "a host name"),
        ("ENABLED_MARKETS", "KR,MARS", "US_NASDAQ"),
        ("LIVE_FEED_MARKETS", "JP,MARS", "JP HK CN_SHA"),
        ("LIVE_FEED_MARKETS", "US_NYSE", "JP HK CN_SHA"),
        ("DAILY_SESSIONS", "11", "1 to 10"),
        ("SESSION_INTERVAL_HOURS", "25", "1 to 24"),
        ("SESSION_INTERVAL_HOURS", "0", "1 to 24"),
        ("CONFIDENCE_THRESHOLD", "101", "0 to 100"),
        ("EVOLUTION_AUTO_APPROVE", "on", "off, or max_position_pct=N"),
        ("EVOLUTION_AUTO_APPROVE", "max_position_pct=31", "above 0, at most 30"),
        ("EVOLUTION_AUTO_APPROVE", "max_position_pct=5,max_per_30_days=9", "1 to 4"),
        ("MAX_LOSS_PCT", "3.01", "at most 3.0"),
        ("MAX_LOSS_PCT", "0", "above 0"),
        ("CIRCUIT_BREAKER_PCT", "1.0", "-3 to below 0"),
        ("CIRCUIT_BREAKER_PCT", "-3.5", "-3 to below 0"),
        ("MAX_ORDER_PCT", "31", "at most 30"),
        ("FAT_FINGER_PCT", "0.0", "above 0"),
        ("SCANNER_TOP_N", "0", "1 to 20"),
        ("VOL_MULTIPLIER", "1.0", "above 1"),
        ("US_MIN_PRICE", "-0.01", "0 to 1000"),
        ("MAX_ORDERS_PER_MINUTE", "7", "0 to 6"),
        ("MAX_ORDERS_PER_DAY", "301", "0 to 300"),
        ("HALT_CANCELS_ORDERS", "maybe", "true, false"),
        ("BREAKER_BASIS", "nav", "day_start, purchase"),
        ("POSITION_MIN_ALLOCATION_PCT", "20", "POSITION_MAX_ALLOCATION_PCT"),
        ("OVERSEAS_RANKING_FLUCT_TR_ID", "HHDFS76200100", "order book"),
        ("OVERSEAS_RANKING_VOLUME_TR_ID", "HHDFS76200200", "price detail"),
        ("OVERSEAS_RANKING_FLUCT_PATH", "http://elsewhere", "/uapi/"),
        ("OVERSEAS_RANKING_VOLUME_PATH", "/uapi/overseas-stock/x?y=1", "/uapi/"),
        ("RATE_LIMIT_RPS", "0", "above 0"),
        ("RATE_LIMIT_RPS", "20", "at most 19"),
        ("TELEGRAM_CHAT_ID", "7", "TELEGRAM_BOT_TOKEN"),
        ("TELEGRAM_NOTIFY", "trade", "fat_finger"),
        ("TELEGRAM_ALLOWED_CHATS", "kim", "whole numbers"),
        ("TELEGRAM_ALLOWED_USERS", "-7", "above 0"),
        ("TELEGRAM_API_URL", "http://api.telegram.org", "https://HOST"),
        ("KIS_APP_KEY", "key", "KIS_APP_SECRET"),
        ("SCANNER_TOPN", "3", "SCANNER_TOP_N"),
        ("KESTREL_LOG_FORMAT", "xml", "auto, text, json"),
        ("LOG_FORMAT", "xml", "auto, text, pretty, json"),
        ("KESTREL_LOG", "broker=loud", "a tracing filter"),
        ("RUST_LOG", "broker=loud", "a tracing filter"),
        ("KESTREL_EXCHANGE_URL", "https://127.0.0.1:8765", "kestrel simulate"),
        ("KESTREL_EXCHANGE_URL", "http://192.168.1.7:8765", "http://127.0.0.1:PORT"),
        ("KESTREL_EXCHANGE_URL", "http://127.0.0.1.example.com:8765", "http://127.0.0.1:PORT"),
        ("KESTREL_EXCHANGE_URL", "http://user@127.0.0.1:8765", "http://127.0.0.1:PORT"),
        ("KESTREL_EXCHANGE_URL", "http://127.0.0.1", "http://127.0.0.1:PORT"),
        ("KESTREL_EXCHANGE_URL", "http://127.0.0.1:8765/uapi", "http://127.0.0.1:PORT"),
    ];
    for (name, value, hint) in cases {
        let text = mistakes(&[(name, value)]);
        assert!(text.contains(name) && text.contains(hint), "{name}={value}: {text}");
    }
}

#[test]
fn the_log_is_filtered_by_our_own_setting_before_the_one_that_rust_programs_share() {
    let filter = |set: &[(&str, &str)]| load(set).unwrap().log_filter;
    assert_eq!(filter(&[]), "info");
    assert_eq!(filter(&[("RUST_LOG", "warn")]), "warn");
    assert_eq!(filter(&[("RUST_LOG", "warn"), ("KESTREL_LOG", "info,broker=debug")]), "info,broker=debug");
}

#[test]
fn the_log_has_the_form_of_our_own_setting_before_the_one_that_others_share() {
    let form = |set: &[(&str, &str)]| load(set).unwrap().log_format;
    for (set, expected) in [
        (&[][..], LogFormat::Auto),
        (&[("LOG_FORMAT", "json")], LogFormat::Json),
        (&[("LOG_FORMAT", "pretty")], LogFormat::Text),
        (&[("KESTREL_LOG_FORMAT", "pretty")], LogFormat::Text),
        (&[("LOG_FORMAT", "json"), ("KESTREL_LOG_FORMAT", "auto")], LogFormat::Auto),
        (&[("LOG_FORMAT", "")], LogFormat::Auto),
    ] {
        assert_eq!(form(set), expected, "{set:?}");
    }
}

#[test]
fn all_mistakes_are_listed_at_once() {
    let text = mistakes(&[
        ("MODE", "sim"),
        ("DAILY_SESSIONS", "0"),
        ("MAX_ORDER_PCT", "99"),
        ("VOL_MULTIPLIER", "x"),
        ("US_MIN_PRICE", "x"),
    ]);
    assert!(text.starts_with("5 settings are wrong"), "{text}");
}

#[test]
fn limits_can_be_made_stricter_under_either_name_but_not_contradict() {
    assert_eq!(
        load(&[("CIRCUIT_BREAKER_PCT", "-2.5")]).unwrap().limits.max_loss_pct(),
        "2.5".parse().unwrap()
    );
    let small = load(&[("MAX_ORDER_PCT", "4")]).unwrap().sizing;
    assert_eq!((small.base, small.max), (Percent(Decimal::from(4)), Percent(Decimal::from(4))));
    assert_eq!(load(&[("FAT_FINGER_PCT", "10")]).unwrap().limits.max_order_pct(), Decimal::TEN);
    assert!(load(&[("MAX_LOSS_PCT", "2"), ("CIRCUIT_BREAKER_PCT", "-2.0")]).is_ok());
    assert!(mistakes(&[("MAX_LOSS_PCT", "2"), ("CIRCUIT_BREAKER_PCT", "-1")]).contains("contradicts"));
}

#[test]
fn every_limit_has_a_setting_of_its_own_name_with_its_bound_and_its_default() {
    for name in LimitName::ALL {
        let setting = SETTINGS.iter().find(|setting| setting.name == name.code().to_uppercase()).unwrap();
        let bound = Limits::bound(name);
        assert_eq!(setting.default.parse(), Ok(bound.default), "{name}");
        assert!(
            setting.allowed.ends_with(&bound.most.to_string())
                || name == LimitName::MaxLossPct
                || name == LimitName::MaxOrderPct,
            "{name}: {} {}",
            setting.allowed,
            bound
        );
        let beyond = match bound.stricter {
            Stricter::Smaller => bound.most + Decimal::ONE,
            Stricter::Larger => bound.least - Decimal::ONE,
        };
        let told = mistakes(&[(setting.name, &beyond.to_string())]);
        assert!(told.contains(setting.name) && told.contains(setting.allowed), "{told}");
    }
    for (setting, name) in parse::LIMITS {
        assert_eq!(setting, name.code().to_uppercase());
        let strict = match Limits::bound(name).stricter {
            Stricter::Smaller => Limits::bound(name).least + Decimal::ONE,
            Stricter::Larger => Limits::bound(name).most,
        };
        let config = load(&[(setting, &strict.to_string())]).unwrap();
        assert_eq!(config.limits.get(name), strict, "a stricter setting holds: {name}");
    }
}

#[test]
fn what_needs_no_person_is_off_unless_a_limit_is_named_that_is_stricter_than_those_of_riskguard() {
    let of = |set: &[(&str, &str)]| load(set).map(|config| config.evolution.unwrap().auto_approve);
    assert_eq!((of(&[]), of(&[("EVOLUTION_AUTO_APPROVE", "off")])), (Ok(None), Ok(None)));
    let five = ("EVOLUTION_AUTO_APPROVE", "max_position_pct=5");
    assert_eq!(of(&[five]), Ok("max_position_pct=5,max_per_30_days=1".parse().ok()));
    for name in ["MAX_SYMBOL_PCT", "MAX_ORDER_PCT"] {
        assert!(of(&[five, (name, "5")]).is_ok());
        let told = mistakes(&[five, (name, "4")]);
        assert!(told.contains(&format!("looser than {name}=4")), "{told}");
    }
    // A model's purchases are sized by the settings, which the limit therefore has to allow.
    let model = [("LLM_PROVIDER", "gemini"), ("GEMINI_API_KEY", "k")];
    let with = |more: &[(&'static str, &'static str)]| [&model[..], &[five], more].concat();
    assert!(mistakes(&with(&[])).contains("POSITION_MAX_ALLOCATION_PCT=10"), "{}", mistakes(&with(&[])));
    assert!(load(&with(&[("POSITION_MAX_ALLOCATION_PCT", "5")])).is_ok());
    let one_lot = with(&[("POSITION_SIZING_ENABLED", "false")]);
    assert!(mistakes(&one_lot).contains("MAX_ORDER_PCT=30"), "{}", mistakes(&one_lot));
}

#[test]
fn real_money_needs_two_keys() {
    let keys =
        [("KIS_APP_KEY", "k"), ("KIS_APP_SECRET", "s"), ("KIS_ACCOUNT_NO", "12345678-01"), ("MODE", "live")];
    assert!(mistakes(&keys).contains("KESTREL_CONFIRM_LIVE=yes"));
    let mut both = keys.to_vec();
    both.push(("KESTREL_CONFIRM_LIVE", "yes"));
    let config = load(&both).unwrap();
    assert!(matches!(config.venue, Venue::Kis { environment: Environment::Live, .. }));
    assert!(mistakes(&[("MODE", "live"), ("KESTREL_CONFIRM_LIVE", "yes")]).contains("KIS_APP_KEY"));
}

#[test]
fn another_certificate_name_is_for_paper_only_and_never_beside_real_money() {
    let name = ("KIS_PAPER_TLS_NAME", "openapi.koreainvestment.com");
    assert!(load(&[name]).unwrap().paper_tls_name.is_some());
    let live = [
        ("MODE", "live"),
        ("KESTREL_CONFIRM_LIVE", "yes"),
        ("KIS_APP_KEY", "k"),
        ("KIS_APP_SECRET", "s"),
        ("KIS_ACCOUNT_NO", "12345678-01"),
    ];
    assert!(load(&live).is_ok());
    let told = mistakes(&[&live[..], &[name]].concat());
    assert!(told.contains("KIS_PAPER_TLS_NAME") && told.contains("MODE=paper only"), "{told}");
}

#[test]
fn an_exchange_of_our_own_is_on_this_machine_and_never_beside_keys() {
    for (text, url) in [
        ("http://127.0.0.1:8765", "http://127.0.0.1:8765"),
        ("http://localhost:8765/", "http://localhost:8765"),
        ("http://[::1]:8765", "http://[::1]:8765"),
    ] {
        let config = load(&[("KESTREL_EXCHANGE_URL", text)]).unwrap();
        assert!(matches!(config.venue, Venue::External { url: parsed } if parsed == url), "{text}");
    }
    let both = [
        ("KIS_APP_KEY", "k"),
        ("KIS_APP_SECRET", "s"),
        ("KIS_ACCOUNT_NO", "12345678-01"),
        ("KESTREL_EXCHANGE_URL", "http://127.0.0.1:8765"),
    ];
    assert!(mistakes(&both).contains("KESTREL_EXCHANGE_URL: contradicts"), "{}", mistakes(&both));
    let one_key = [("KIS_APP_KEY", "k"), ("KESTREL_EXCHANGE_URL", "http://127.0.0.1:8765")];
    assert!(mistakes(&one_key).contains("KESTREL_EXCHANGE_URL: contradicts"));
}

#[test]
fn secrets_are_never_printed_not_even_wrong_ones() {
    let pairs = [
        ("KIS_APP_KEY", "canary-key"),
        ("KIS_APP_SECRET", "canary-secret"),
        ("KIS_ACCOUNT_NO", "canary-account"),
    ];
    let text = mistakes(&pairs);
    assert!(text.contains("KIS_ACCOUNT_NO") && !text.contains("canary"), "{text}");
    let mut fine = pairs.to_vec();
    fine[2].1 = "12345678-01";
    assert!(!format!("{:?}", load(&fine).unwrap()).contains("canary"));
}

#[test]
fn paper_trading_keeps_below_two_requests_a_second() {
    let keys = [("KIS_APP_KEY", "k"), ("KIS_APP_SECRET", "s"), ("KIS_ACCOUNT_NO", "12345678-01")];
    assert_eq!(load(&keys).unwrap().rate_limit_rps, Decimal::new(19, 1));
}

#[test]
fn every_setting_is_read_by_the_parser() {
    // A setting that nobody reads is a broken promise: a value of odd form must change the result or be refused.
    let free_text = ["DB_PATH", "KESTREL_LOG", "CALENDAR_OVERRIDES"];
    for setting in SETTINGS.iter().filter(|s| !free_text.contains(&s.name)) {
        assert!(load(&[(setting.name, "\u{1}?")]).is_err(), "{} takes anything", setting.name);
    }
    let named = load(&[("CALENDAR_OVERRIDES", "days.json")]).unwrap().calendar_overrides;
    assert_eq!((named, load(&[]).unwrap().calendar_overrides), (Some("days.json".into()), None));
}

#[test]
fn the_example_file_and_the_readme_table_are_generated_from_the_settings() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let example = std::fs::read_to_string(root.join(".env.example")).unwrap();
    assert_eq!(example, env_example(), "run: kestrel settings --env > .env.example");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    assert!(
        readme.contains(&markdown_table()),
        "paste the output of `kestrel settings --markdown` into README.md"
    );
}

/// A file with every setting; secrets hold a canary.
fn whole_env_file() -> String {
    let canary = "canary-5e7";
    format!(
        "KIS_APP_KEY={canary}key\nKIS_APP_SECRET={canary}secret\nKIS_ACCOUNT_NO=12345678-01\nMODE=live\n\
         KESTREL_CONFIRM_LIVE=yes\nENABLED_MARKETS=KR,US_NASDAQ\nTRADE_MODE=daily\nDAILY_SESSIONS=4\n\
         CONFIDENCE_THRESHOLD=80\nMAX_LOSS_PCT=2.5\nMAX_ORDER_PCT=25\nPOSITION_BASE_ALLOCATION_PCT=5.0\n\
         SCANNER_TOP_N=3\nSCANNER_WATCHLIST=KR:005930,US_NASDAQ:AAPL\nRATE_LIMIT_RPS=10\n\
         OVERSEAS_RANKING_FLUCT_PATH=/uapi/overseas-stock/v1/ranking/updown-rate\nGEMINI_API_KEY={canary}gemini\n\
         TELEGRAM_BOT_TOKEN=123456:{canary}telegram\nTELEGRAM_CHAT_ID=-42\nDB_PATH='data/trades.db'\n"
    )
}

#[test]
fn invariant_26_no_broken_settings_loosen_a_limit_or_reach_real_money_or_show_a_secret() {
    let honest = whole_env_file();
    assert!(Config::from_pairs(&sources::env_file(honest.as_bytes()).unwrap()).is_ok());
    let mut mutator = crate::mutation::Mutator::new(0xe17);
    let (mut started, cases) = (0_u64, crate::mutation::Mutator::cases());
    for _ in 0..cases {
        let text = mutator.mutate(&honest);
        let pairs = match sources::env_file(&text[..]) {
            Ok(pairs) => pairs,
            Err(mistakes) => {
                assert!(!mistakes.to_string().contains("canary"), "{mistakes}");
                continue;
            }
        };
        match Config::from_pairs(&pairs) {
            Ok(config) => {
                started += 1;
                assert_lawful(&config, &pairs);
            }
            Err(mistakes) => {
                let told = mistakes.to_string();
                assert!(!told.contains("canary") || is_public(&pairs, "canary"), "{told}");
                assert!(!told.contains(|c: char| c.is_control() && c != '\n'), "{told}");
            }
        }
    }
    println!("settings: {cases} payloads, {started} allow a start");
    assert!(started > cases / 100 && started < cases);
}

fn assert_lawful(config: &Config, pairs: &BTreeMap<String, String>) {
    for name in LimitName::ALL {
        assert!(Limits::bound(name).allows(config.limits.get(name)), "{name}");
    }
    assert!(config.limits.max_loss_pct() > Decimal::ZERO);
    assert!(
        config.sizing.max.0 <= config.limits.max_order_pct() && config.sizing.min.0 <= config.sizing.max.0
    );
    assert!(config.rate_limit_rps > Decimal::ZERO && config.rate_limit_rps <= Decimal::from(19));
    if let Venue::Kis { environment: Environment::Live, .. } = config.venue {
        let set = |name: &str| pairs.get(name).map(|value| value.trim());
        assert_eq!((set("MODE"), set("KESTREL_CONFIRM_LIVE")), (Some("live"), Some("yes")));
    }
    let printed = format!("{config:?}");
    for secret in ["canary-5e7key", "12345678"] {
        assert!(!printed.contains(secret) || is_public(pairs, secret), "{secret}: {pairs:?}");
    }
}

/// Does the broken file itself hold these bytes where everybody may read them: in a name, or as the value of a setting that is no
/// secret?
fn is_public(pairs: &BTreeMap<String, String>, text: &str) -> bool {
    pairs.iter().any(|(name, value)| {
        let secret = SETTINGS.iter().any(|setting| setting.name == name && setting.is_secret());
        name.contains(text) || (!secret && value.contains(text))
    })
}

#[test]
fn a_variable_of_another_program_that_differs_in_case_is_not_ours() {
    let config =
        load(&[("MODE", "paper"), ("mode", "insane"), ("Max_Loss_Pct", "99"), ("db_path", "x")]).unwrap();
    assert_eq!(config.database, Database::File("data/trades.db".into()));
}

#[test]
fn a_secret_that_no_header_can_carry_is_refused_without_being_shown() {
    for name in ["KIS_APP_KEY", "KIS_APP_SECRET", "GEMINI_API_KEY"] {
        for value in ["canary key", "canary\u{1}", "canary-키"] {
            let pairs = [
                ("KIS_APP_KEY", "k"),
                ("KIS_APP_SECRET", "s"),
                ("KIS_ACCOUNT_NO", "12345678-01"),
                (name, value),
            ];
            let text = mistakes(&pairs);
            assert!(text.contains(name) && !text.contains("canary"), "{text}");
        }
    }
}

#[test]
fn a_mistyped_name_of_a_secrets_file_is_noticed() {
    assert!(mistakes(&[("KIS_APP_KEE_FILE", "/run/x")]).contains("did you mean KIS_APP_KEY"));
}

/// A machine without the shared cases says so, and fails when `KESTREL_STRICT=1`.
#[test]
fn the_behaviour_vectors_of_the_settings_hold() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/reference/vectors/config.json");
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            assert!(std::env::var("KESTREL_STRICT").as_deref() != Ok("1"), "{path}: {error}");
            return;
        }
    };
    let vectors: serde_json::Value = serde_json::from_str(&text).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    for case in cases {
        let shown = |value: &serde_json::Value| value.as_str().map_or(value.to_string(), ToOwned::to_owned);
        let given = case["input"]["env"].as_object().unwrap().iter();
        let pairs: BTreeMap<String, String> =
            given.map(|(name, value)| (name.clone(), shown(value))).collect();
        let expected = &case["expected"];
        let is_refused = expected.get("error").or(expected.get("$raises")).is_some();
        assert_eq!(Config::from_pairs(&pairs).is_err(), is_refused, "{case}");
    }
    let (config, expected) = (load(&[]).unwrap(), &cases[0]["expected"]);
    assert_eq!(expected["SCANNER_TOP_N"], config.scanner.top_n);
    assert_eq!(expected["CONFIDENCE_THRESHOLD"], config.confidence_threshold.get());
    assert_eq!(expected["DAILY_SESSIONS"], config.daily_sessions);
    assert!(cases.len() >= 9, "{} cases", cases.len());
}
