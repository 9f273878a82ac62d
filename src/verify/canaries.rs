//! No secret in any line of the log, in the books, the alarms or the trace of a run under every fault, in plain or in
//! another form (invariant 23, proof 8).

use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use domain::messages::ledger::RecordEvent;
use tempfile::TempDir;
use tracing_subscriber::fmt::MakeWriter;

use super::sometimes::Sometimes;
use super::*;
use crate::store::tests::dump;
use crate::venue::SIMULATED_CREDENTIALS;

/// Signs that a form of writing changes are in them.
const MODEL_KEY: &str = "canary/Model+Key=4d8";
const CHAT_TOKEN: &str = "123456:canary-Chat_4d8";
/// How every token of the simulated exchange begins.
const BEARER: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzUxMiJ9.";

/// What must never be seen; of an account the number alone, too.
fn canaries() -> Vec<&'static str> {
    let [app_key, app_secret, account] = SIMULATED_CREDENTIALS;
    let number = account.split_once('-').unwrap().0;
    vec![app_key, app_secret, account, number, MODEL_KEY, CHAT_TOKEN, "canary-Chat_4d8", BEARER]
}

/// A log in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Memory {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What an address may hold as it is (RFC 3986, 2.3).
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// As in an address: every sign that is not plain, or every sign at all.
fn percent(text: &str, is_plain: impl Fn(u8) -> bool) -> String {
    let one = |byte: u8| {
        if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(one).collect()
}

/// The signs of base64 that stand for nothing but `text`, wherever in a longer text it begins.
fn in_base64(text: &str, engine: &impl base64::Engine) -> [String; 3] {
    [0, 1, 2].map(|before| {
        let whole = engine.encode([vec![0; before], text.as_bytes().to_vec()].concat());
        let (first, end) = ((before * 8).div_ceil(6), (before + text.len()) * 8 / 6);
        whole[first..end].to_owned()
    })
}

/// Every form of a secret that is looked for.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned(), percent(secret, is_unreserved), percent(secret, |_| false)];
    forms.extend(in_base64(secret, &STANDARD_NO_PAD));
    forms.extend(in_base64(secret, &URL_SAFE_NO_PAD));
    forms.push(secret.bytes().map(|byte| format!("{byte:02x}")).collect());
    forms.sort();
    forms.dedup();
    forms
}

/// The canaries that are in a text, in whichever form, each with the line that it is in.
fn found(text: &str) -> Vec<String> {
    let line = |at: usize| {
        let start = text[..at].rfind('\n').map_or(0, |line| line + 1);
        text[start..].lines().next().unwrap_or_default()
    };
    let hit = |secret: &str| forms(secret).iter().find_map(|form| text.find(form));
    canaries().into_iter().filter_map(|secret| Some(format!("{secret}: {}", line(hit(secret)?)))).collect()
}

/// Every file below a folder, as text.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            all.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    all
}

/// Everything that a run leaves: the log, the trace, the alarms, the rows of the books, and their files.
fn remains(log: &Memory, stage: &Stage, folder: &Path, books: &Path) -> Vec<(String, String)> {
    let alarms = alarms(&mut stage.database.store().unwrap()).unwrap().join("\n");
    let trace: Vec<String> = stage.witness.notes().trace.lines().map(str::to_owned).collect();
    let mut all = vec![
        ("the log".to_owned(), log.text()),
        ("the alarms".to_owned(), alarms),
        ("the trace".to_owned(), trace.join("\n")),
        ("the books".to_owned(), dump::text_of(books)),
    ];
    all.extend(files(folder));
    all
}

fn leaks(all: &[(String, String)]) -> Vec<String> {
    all.iter()
        .flat_map(|(place, text)| found(text).into_iter().map(move |hit| format!("{place}: {hit}")))
        .collect()
}

/// A stage with secrets wherever a seed's run can have them.
fn stage_of(seed: u64, options: &Options, books: &Path) -> Arc<Stage> {
    let secrets = [
        ("DB_PATH", books.display().to_string()),
        ("LLM_API_KEY", MODEL_KEY.to_owned()),
        ("TELEGRAM_BOT_TOKEN", CHAT_TOKEN.to_owned()),
        ("TELEGRAM_CHAT_ID", "-42".to_owned()),
    ];
    let means = Means::of(seed);
    let config = settings_with(seed, options, means, secrets).unwrap();
    let start = timetable::watches(seed, options)[0].start;
    Arc::new(Stage::new(seed, config, start, true, means).unwrap())
}

#[test]
fn invariant_23_under_every_fault_no_secret_is_in_log_trace_alarms_or_books_in_any_form() {
    let (seed, folder, log) = (3, TempDir::new().unwrap(), Memory::default());
    let books = folder.path().join("trades.db");
    let options = Options {
        pace: Pace::Watches { minutes: 20 },
        markets: vec![Market::Kr],
        has_compromised_model: true,
        ..Options::default()
    };
    let stage = stage_of(seed, &options, &books);
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    tracing::subscriber::with_default(subscriber, || {
        for watch in timetable::watches(seed, &options) {
            keep(&stage, watch).unwrap();
        }
        let report = conclude(seed, &stage).unwrap();
        assert!(report.violations.is_empty(), "{report}");
        assert!(
            report.crashes > 0 && report.halts > 0 && report.orders > 20,
            "it proves too little: {report}"
        );
        let sightings = &report.sightings;
        for rare in [Sometimes::Unknown, Sometimes::HiddenOrder] {
            assert!(sightings.count(rare) > 0, "{rare:?} was not met");
        }
        let text = log.text();
        // Token, key and chat were used, and a server repeated the address that it was asked.
        for passed in ["access token issued", "a call of the model is reserved", "/bot123456:***/sendMessage"]
        {
            assert!(text.contains(passed), "{passed} is not in the log");
        }
        // The one place where a token may be, and it is there in plain.
        assert_eq!(found(&std::fs::read_to_string(stage.token_file()).unwrap()).len(), 1);
        assert_eq!(leaks(&remains(&log, &stage, folder.path(), &books)), Vec::<String>::new());
        // The search would have found one.
        for secret in canaries() {
            let planted = forms(secret);
            tracing::trace!(leak = ?planted, "planted at the lowest level");
            assert!(found(&log.text()).iter().any(|hit| hit.starts_with(&format!("{secret}: "))), "{secret}");
        }
        let line = format!("an alarm that says {MODEL_KEY}");
        let event = RecordEvent { kind: EventKind::Alarm, market: None, text: line };
        stage.database.store().unwrap().record_event(&event, stage.clock.now()).unwrap();
        let hits = leaks(&remains(&log, &stage, folder.path(), &books));
        for place in ["the alarms: ", "the books: ", "the log: "] {
            assert!(
                hits.iter().any(|hit| hit.starts_with(&format!("{place}{MODEL_KEY}"))),
                "{place}{hits:?}"
            );
        }
    });
}

#[test]
fn each_form_of_a_secret_is_found_wherever_it_begins() {
    let wrapped = |secret: &str, before: &str| {
        let text = format!("{before}{secret}&more");
        [
            text.clone(),
            percent(&text, is_unreserved),
            percent(&text, |_| false),
            STANDARD_NO_PAD.encode(&text),
            URL_SAFE_NO_PAD.encode(&text),
        ]
    };
    for secret in canaries() {
        for before in ["", "x", "xy", "xyz", "Bearer "] {
            for text in wrapped(secret, before) {
                let is_found = found(&text).iter().any(|hit| hit.starts_with(&format!("{secret}: ")));
                assert!(is_found, "{secret} in {text}");
            }
        }
    }
    assert_eq!(found("an order of 10 at 71800, number 0000012347; eyJ0eXAi"), Vec::<String>::new());
}
