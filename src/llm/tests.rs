//! What a model says, read without trust: it can only pick a symbol and an action that it was offered.

use brain::judge::settle;
use brain::reply::{parse_batch, parse_single};
use domain::messages::trading::Candidate;
use domain::{Action, Confidence, Instrument, Market, SelectionContext, Signal, Symbol};

use crate::mutation::Mutator;

const ANSWER: &str = r#"[{"symbol":"AAPL","rationale":"strong","action":"BUY","confidence":91},{"symbol":"BRK/B","rationale":"weak","action":"SELL","confidence":85},{"symbol":"7203","rationale":"calm","action":"HOLD","confidence":50}]"#;

fn asked() -> Vec<Symbol> {
    ["AAPL", "BRK/B", "7203", "GME"].map(|symbol| symbol.parse().unwrap()).into()
}

/// The words of an object about a symbol, as a person would look for them: its text from brace to brace.
fn mentions(text: &str, symbol: &Symbol, action: Action) -> bool {
    let lower = text.to_ascii_lowercase();
    // A text may be written with escapes; then only its shape is checked.
    let plain = !text.contains("\\u");
    !plain
        || (lower.contains(&symbol.as_str().to_ascii_lowercase())
            && lower.contains(&action.code().to_ascii_lowercase()))
}

#[test]
fn invariant_21_a_broken_reply_judges_only_what_was_asked_with_words_that_are_in_it() {
    let wrapped = [
        ANSWER.to_owned(),
        format!("{{\"decisions\":{ANSWER}}}"),
        format!("<think>x</think>```json\n{ANSWER}\n```"),
    ];
    let symbols = asked();
    let mut mutator = Mutator::new(0x21);
    let (mut judged, mut unusable, cases) = (0_u64, 0_u64, Mutator::cases());
    for case in 0..cases {
        let text = String::from_utf8_lossy(&mutator.mutate(&wrapped[(case % 3) as usize])).into_owned();
        let answers = parse_batch(&text, &symbols);
        assert_eq!(answers.len(), symbols.len(), "{text}");
        for (symbol, answer) in symbols.iter().zip(answers) {
            match answer {
                Ok(judgement) => {
                    judged += 1;
                    assert!(mentions(&text, symbol, judgement.action), "{symbol} {judgement:?}: {text}");
                    assert!(judgement.confidence <= Confidence::new(100).unwrap());
                }
                Err(_) => unusable += 1,
            }
        }
        // The single form shares the rules; nothing but a panic could go wrong that the batch does not show.
        let _ = parse_single(&text);
    }
    println!("model replies: {cases} payloads, {judged} judgements, {unusable} unusable");
    assert!(judged > cases / 10 && unusable > cases / 10);
}

fn candidate(held: bool, known_free: bool) -> Candidate {
    let features = if known_free { vec![("held".to_owned(), rust_decimal::Decimal::ZERO)] } else { vec![] };
    Candidate {
        instrument: Instrument { market: Market::UsNasdaq, symbol: "AAPL".parse().unwrap() },
        name: "x".into(),
        price: "185".parse().unwrap(),
        selection: SelectionContext {
            rsi: None,
            volume_ratio: None,
            rsi_proxy: None,
            volume_ratio_proxy: None,
            signal: Signal::Neutral,
            score: 50.into(),
        },
        features,
        past: std::sync::Arc::default(),
        held,
        quote: None,
    }
}

#[test]
fn invariant_21_no_action_that_was_not_offered_and_no_hostile_word_survives() {
    let mut mutator = Mutator::new(0x22);
    let threshold = Confidence::new(80).unwrap();
    for _ in 0..1000 {
        let rationale = mutator.hostile_text();
        for action in [Action::Buy, Action::Sell, Action::Hold] {
            for (held, known_free) in [(true, false), (false, true), (false, false)] {
                let offer = candidate(held, known_free);
                let judgement = brain::Judgement {
                    action,
                    confidence: Confidence::new(100).unwrap(),
                    rationale: rationale.clone(),
                };
                let settled = settle(judgement, brain::judge::offered(&offer), threshold);
                assert!(brain::judge::offered(&offer).contains(&settled.action), "{settled:?}");
                let text = settled.rationale;
                assert!(!text.contains(|c: char| c.is_control() || domain::text::is_hidden(c)), "{text:?}");
            }
        }
    }
}

/// Each setting of the model, and what it changes for whoever asks it. What travels is tested beside each client.
#[test]
fn the_settings_say_who_is_asked_how_often_and_at_what_cost() {
    use crate::config::Config;

    let config = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Config::from_pairs(&pairs).unwrap()
    };
    let clock: std::sync::Arc<dyn domain::Clock> = std::sync::Arc::new(crate::clock::SystemClock);
    let name =
        |pairs: &[(&str, &str)]| super::connect(&config(pairs), &clock).unwrap().map(|model| model.name());
    let (key, ollama) = (("GEMINI_API_KEY", "k"), ("LLM_BASE_URL", "http://localhost:11434/v1"));
    assert_eq!(name(&[]), None);
    assert_eq!(name(&[key, ("LLM_PROVIDER", "rules")]), None);
    assert_eq!(name(&[key]).as_deref(), Some("gemini-3.5-flash-lite"));
    assert_eq!(name(&[key, ("LLM_MODEL", "gemini-3.8-flash")]).as_deref(), Some("gemini-3.8-flash"));
    let server = [("LLM_PROVIDER", "openai_compatible"), ollama, ("LLM_MODEL", "qwen3:8b")];
    assert_eq!(name(&server).as_deref(), Some("qwen3:8b"));
    let further =
        config(&[key, ("LLM_FALLBACK_MODELS", "gemini-3.8-flash, gemini-3.7-flash")]).fallback_models;
    assert_eq!(further, ["gemini-3.8-flash", "gemini-3.7-flash"]);
    assert_eq!(config(&[("LLM_TIMEOUT_S", "7")]).answer_within.as_secs(), 7);
    let question = domain::OracleRequest {
        system: String::new(),
        prompt: String::new(),
        schema: None,
        max_output_tokens: 0,
        timeout: std::time::Duration::ZERO,
    };
    let most = |level: &str| {
        let model = super::connect(&config(&[key, ("LLM_THINKING", level)]), &clock).unwrap().unwrap();
        model.most_output_tokens(&question)
    };
    assert_eq!(["minimal", "low", "medium", "high"].map(most), [512, 1_024, 8_192, 24_576]);
    let plan = crate::app::budget(&config(&[
        ("LLM_CALLS_PER_DAY", "3"),
        ("LLM_TOKENS_PER_DAY", "1000"),
        ("LLM_USD_PER_DAY", "2"),
        ("LLM_INPUT_USD_PER_MTOK", "1"),
        ("LLM_OUTPUT_USD_PER_MTOK", "4"),
    ]));
    assert_eq!((plan.ceilings.calls, plan.ceilings.tokens), (3, Some(1_000)));
    assert_eq!(plan.ceilings.money_micros, Some(2_000_000));
    assert_eq!(plan.worst(&question, 100).money_micros, 256 + 400);
    assert_eq!(plan.shares.iter().map(|share| share.floor).collect::<Vec<_>>(), [2, 1]);
}
