//! What is beyond this machine: the exchange with its clock, the language model, Telegram.

use std::time::Duration;

use broker::Urgency;
use chrono::TimeDelta;
use domain::messages::market_data::AccountQuery;
use domain::{Market, Random as _};

use super::{Finding, Verdict, model};
use crate::config::{Config, Venue};
use crate::http::CallLimits;
use crate::random::Seeded;
use crate::telegram;
use crate::venue::{self, Located};

/// Longest wait for one of them.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);
pub(super) const LIMITS: CallLimits =
    CallLimits { timeout: Duration::from_secs(15), max_body_bytes: 1 << 20 };

/// One after the other, so that each has the line to itself.
pub(super) fn all(config: &Config) -> Vec<Finding> {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let found = format!("this machine gives no network: {error}");
            return vec![Finding::problem("network", found, "look at the limits of this user: ulimit -a")];
        }
    };
    // Finding a simulated exchange waits for its answer.
    let located = venue::locate(config);
    runtime.block_on(async {
        let mut findings = exchange(config, located).await;
        findings.extend(model::check(config).await);
        findings.push(telegram(config).await);
        findings
    })
}

/// Token, account and clock with one question per currency.
async fn exchange(config: &Config, located: Result<Located, String>) -> Vec<Finding> {
    if matches!(config.venue, Venue::Simulator) {
        return vec![Finding::skipped("exchange", "the embedded one lives in the agent")];
    }
    let problem = |why: String| vec![Finding::told("exchange", Verdict::Problem, &why, REACHED)];
    let located = match located {
        Ok(located) => located,
        Err(why) => return problem(why),
    };
    let seed = Seeded::from_system().next_u64();
    let connected = match venue::connect(config, &located, seed, config.database.directory()) {
        Ok(connected) => connected,
        Err(why) => return problem(why),
    };
    let mut findings = Vec::new();
    for market in one_per_currency(&config.markets) {
        let asked = connected.exchange.account(AccountQuery { market }, Urgency::Reconcile);
        findings.push(account(market, &connected.name, tokio::time::timeout(ANSWERS_WITHIN, asked).await));
    }
    let has_answered = findings.iter().any(|one| one.verdict == Verdict::Good);
    findings.push(clock(connected.exchange.clock_doubt(), has_answered));
    findings
}

/// What helps an exchange that nobody reaches.
const REACHED: &str = "check the network and, if it is a simulated one, KESTREL_EXCHANGE_URL";

/// The difference of the exchange's clock, when it is too large.
pub(super) fn clock(doubt: Option<TimeDelta>, has_answered: bool) -> Finding {
    match doubt {
        Some(skew) => {
            let found = format!(
                "the exchange's clock differs from this machine's by about {} s; at most 5 s are allowed",
                skew.num_seconds()
            );
            Finding::problem("clock", found, "set this machine's clock right: timedatectl set-ntp true")
        }
        None if has_answered => Finding::good("clock", "within 5 s of the exchange's"),
        None => Finding::skipped("clock", "the exchange did not answer, so nothing is known of its clock"),
    }
}

fn one_per_currency(markets: &[Market]) -> Vec<Market> {
    let mut chosen: Vec<Market> = Vec::new();
    for market in markets {
        if chosen.iter().all(|known| known.currency() != market.currency()) {
            chosen.push(*market);
        }
    }
    chosen
}

type Asked = Result<
    Result<domain::AccountSnapshot, domain::messages::market_data::QueryError>,
    tokio::time::error::Elapsed,
>;

fn account(market: Market, venue: &str, answer: Asked) -> Finding {
    let currency = market.currency();
    match answer {
        Ok(Ok(_)) => {
            Finding::good("exchange", format!("{venue} answers, token and {currency} account are valid"))
        }
        Ok(Err(error)) => {
            let remedy = "check KIS_APP_KEY, KIS_APP_SECRET and KIS_ACCOUNT_NO, that the key is of this environment, and the \
                          network";
            Finding::problem("exchange", format!("{venue}, the {currency} account: {error}"), remedy)
        }
        Err(_) => {
            let found = format!("{venue} did not answer within {} s", ANSWERS_WITHIN.as_secs());
            Finding::problem("exchange", found, "check the network")
        }
    }
}

async fn telegram(config: &Config) -> Finding {
    match telegram::check(config).await {
        None => Finding::skipped("telegram", "not set up: nobody is told of trades and halts"),
        Some(Ok(())) => Finding::good("telegram", "the bot may write to the chat"),
        Some(Err(why)) => {
            let remedy = "check TELEGRAM_BOT_TOKEN and TELEGRAM_CHAT_ID; trading does not depend on it";
            Finding::problem("telegram", why, remedy)
        }
    }
}
