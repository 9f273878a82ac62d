//! The three clients against servers that fail in every way, with everything logged: no key, token or account in any
//! log line, error or debug form (order-protocol, invariant 23; proof 8).

use std::io::Write;
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use broker::{Exchange as _, Urgency};
use domain::messages::market_data::{AccountQuery, QuoteQuery, RankingKind, RankingQuery};
use domain::{BoxFuture, Instrument, Market, Oracle as _, OracleRequest};
use kestrel::clock::ScaledClock;
use kestrel::config::{self, Credentials, Endpoint};
use kestrel::http::{ReqwestTransport, Transport};
use kestrel::kis::{self, Environment, KisConfig, Pace};
use kestrel::llm::{Gemini, GeminiConfig};
use kestrel::telegram::Telegram;
use notifier::{Letter, Messenger as _};
use tempfile::TempDir;
use tracing_subscriber::fmt::MakeWriter;

use crate::bounds::server;

const CANARIES: [&str; 6] = [
    "canaryAppKey9d2",
    "canaryAppSecret9d2",
    "87654321",
    "canaryBearer9d2",
    "canaryTelegram9d2",
    "canaryGemini9d2",
];

/// A log in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

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

/// Every turn at once.
struct Free;

impl Pace for Free {
    fn turn(&self, _urgency: Urgency) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn throttled(&self) {}
}

const TOKEN: &str = "{\"access_token\":\"canaryBearer9d2\",\"access_token_token_expired\":\"2026-11-25 10:00:00\",\"expires_in\":86400}";

/// What the server answers to everything but the question for a token.
const FAILURES: [&str; 9] = [
    "",
    "nonsense\r\n\r\n",
    "HTTP/1.1 302 X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 401 X\r\ncontent-length: 25\r\n\r\n{\"error\":{\"message\":\"no\"}}",
    "HTTP/1.1 429 X\r\ncontent-length: 4\r\n\r\nslow",
    "HTTP/1.1 500 X\r\ncontent-length: 53\r\n\r\n{\"rt_cd\":\"1\",\"msg_cd\":\"EGW00123\",\"msg1\":\"expired\"}  ",
    "HTTP/1.1 500 X\r\ncontent-length: 50\r\n\r\n{\"rt_cd\":\"1\",\"msg_cd\":\"EGW00103\",\"msg1\":\"wrong\"} ",
    "HTTP/1.1 200 X\r\ncontent-length: 6\r\n\r\n<html>",
    "HTTP/1.1 200 X\r\ncontent-length: 60\r\n\r\n{\"rt_cd\"",
];

fn answer(failure: &'static str) -> impl Fn(&str, &mut TcpStream) + Send + Sync {
    move |head: &str, stream: &mut TcpStream| {
        let token = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{TOKEN}", TOKEN.len());
        let reply = if head.contains("/oauth2/tokenP") { token.as_str() } else { failure };
        let _ = stream.write_all(reply.as_bytes());
    }
}

fn kis_config(base_url: &str, token_file: std::path::PathBuf) -> KisConfig {
    let endpoint = |name: &str| Endpoint {
        tr_id: "HHDFS76290000".into(),
        path: format!("/uapi/overseas-stock/v1/ranking/{name}"),
    };
    KisConfig {
        base_url: base_url.into(),
        environment: Environment::Real,
        credentials: Credentials {
            app_key: CANARIES[0].into(),
            app_secret: CANARIES[1].into(),
            account: "87654321-01".into(),
        },
        token_file: Some(token_file),
        fluctuation: endpoint("updown-rate"),
        volume: endpoint("volume-surge"),
        truth_tag: false,
        live_feeds: std::collections::BTreeSet::new(),
    }
}

/// Asks everything of everybody at `base_url`; what came of it and what the clients look like, in words.
async fn ask_all(base_url: &str, token_file: std::path::PathBuf) -> String {
    let jump = Arc::new(|_| None);
    let clock: Arc<dyn domain::Clock> =
        Arc::new(ScaledClock::new("2026-11-24T01:00:00Z".parse().unwrap(), 600, jump));
    let reads: Arc<dyn Transport> = Arc::new(ReqwestTransport::for_reads(None).unwrap());
    let orders: Arc<dyn Transport> = Arc::new(ReqwestTransport::for_orders(None).unwrap());
    let config = kis_config(base_url, token_file);
    let mut told = format!("{config:?}\n");
    let kis = kis::connect(config, Arc::clone(&reads), orders, Arc::clone(&clock), Arc::new(Free)).unwrap();
    told += &format!("{kis:?}\n{:?}\n", kis.prepare(Urgency::Entry).await);
    let samsung = Instrument { market: Market::Kr, symbol: "005930".parse().unwrap() };
    told += &format!("{:?}\n", kis.quote(QuoteQuery { instrument: samsung }, Urgency::Scan).await);
    for market in [Market::Kr, Market::UsNasdaq] {
        told += &format!("{:?}\n", kis.account(AccountQuery { market }, Urgency::Scan).await);
        told += &format!("{:?}\n", kis.orders_of_day(market, "2026-11-24".parse().unwrap()).await);
        let kind = RankingKind::Volume;
        told += &format!("{:?}\n", kis.ranking(RankingQuery { market, kind }).await);
    }
    let settings = config::Telegram {
        bot_token: format!("123456:{}", CANARIES[4]).into(),
        chat_id: -42,
        api_url: base_url.into(),
        topics: notifier::Topics::default(),
        commands: notifier::chat::Policy::default(),
    };
    told += &format!("{settings:?}\n");
    let telegram = Telegram::new(settings, Arc::clone(&reads));
    told += &format!(
        "{:?}\n",
        telegram.send(Letter { html: "hello".into(), is_silent: true, picture: None }).await
    );
    let google = GeminiConfig { base_url: base_url.into(), ..GeminiConfig::with_key(CANARIES[5].into()) };
    told += &format!("{google:?}\n");
    let gemini = Gemini::new(google, reads, clock).unwrap();
    let question = OracleRequest {
        system: "s".into(),
        prompt: "p".into(),
        schema: None,
        max_output_tokens: 100,
        timeout: Duration::from_secs(5),
    };
    told + &format!("{:?}\n", gemini.ask(question).await)
}

fn assert_no_canary(what: &str, text: &str) {
    for canary in CANARIES {
        if let Some(at) = text.find(canary) {
            let start = text[..at].rfind('\n').map_or(0, |line| line + 1);
            panic!("{canary} is in {what}: {}", text[start..].lines().next().unwrap_or_default());
        }
    }
}

#[test]
fn invariant_23_no_failure_of_a_server_puts_a_secret_into_a_log_line_or_an_error() {
    let log = Memory::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    let folder = TempDir::new().unwrap();
    let told = tracing::subscriber::with_default(subscriber, || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let mut told = String::new();
            for (number, failure) in FAILURES.into_iter().enumerate() {
                let (address, _) = server(answer(failure));
                told += &ask_all(&format!("http://{address}"), folder.path().join(number.to_string())).await;
            }
            // Nobody listens, and nobody of that name is there.
            told += &ask_all("http://127.0.0.1:1", folder.path().join("closed")).await;
            told + &ask_all("https://127.0.0.1:1", folder.path().join("closed-tls")).await
        })
    });
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(
        told.lines().count() > FAILURES.len() * 10 && log.lines().count() > 100,
        "everything was asked and logged"
    );
    assert!(log.contains("access token issued"), "the token passed through the client");
    assert_no_canary("the answers", &told);
    assert_no_canary("the log", &log);
    // The one place where a secret may be.
    let kept = std::fs::read_to_string(folder.path().join("0")).unwrap();
    assert!(
        kept.contains(CANARIES[3]) && !kept.contains(CANARIES[0]) && !kept.contains(CANARIES[1]),
        "{kept}"
    );
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(folder.path().join("0")).unwrap());
    assert_eq!(mode & 0o777, 0o600);
}
