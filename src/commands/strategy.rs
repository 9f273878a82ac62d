//! `kestrel strategy`: what each market trades by, in words; from the running agent, or from settings and books.

use std::fmt;
use std::process::ExitCode;

use domain::Market;
use domain::messages::evolution::{ActiveStrategy, ProposalNumber};
use domain::messages::judging::StrategyStanding;
use serde::Serialize;
use strategy::Strategy;

use super::{data_directory, exit, failed, show};
use crate::app;
use crate::cli::ShowArgs;
use crate::config::{Config, Database};
use crate::control::wire::{Reply, Request};
use crate::control::{client, reader};

/// What the markets trade by.
#[derive(Debug, Serialize)]
struct Shown {
    /// Where this is from.
    source: &'static str,
    markets: Vec<Line>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Line {
    market: Market,
    name: String,
    /// None: the operator's settings.
    proposal: Option<ProposalNumber>,
    words: String,
}

pub(super) fn strategy(args: ShowArgs) -> ExitCode {
    let running = match client::ask(&data_directory(), &Request::Status) {
        Ok(Reply::Status(status)) => status.judge.map(|judge| judge.strategies).unwrap_or_default(),
        Ok(_) | Err(_) => Vec::new(),
    };
    let shown = if running.is_empty() { of_books() } else { Ok(of_agent(running)) };
    match shown {
        Ok(shown) => {
            show(&shown, args.json);
            ExitCode::SUCCESS
        }
        Err(why) => failed(why, exit::FAILED),
    }
}

fn of_agent(strategies: Vec<StrategyStanding>) -> Shown {
    let line = |one: StrategyStanding| {
        let StrategyStanding { market, session_date: _, name, proposal, words } = one;
        Line { market, name, proposal, words }
    };
    let source = "From the running agent: the newest session of each market that it has asked about.";
    Shown { source, markets: strategies.into_iter().map(line).collect() }
}

/// What the next session would trade by, if nothing is decided until then.
fn of_books() -> Result<Shown, String> {
    let config = Config::load().map_err(|error| error.to_string())?;
    let usual = app::rules(&config);
    let mut markets = Vec::new();
    for market in &config.markets {
        let active = match &config.database {
            Database::File(path) if path.is_file() => {
                reader::alone(path, |books| books.active_strategy(*market))?
            }
            Database::File(_) | Database::Memory => None,
        };
        markets.push(line_of(*market, active, &usual));
    }
    let source = "From the settings and the books: no running agent has told of a session yet.";
    Ok(Shown { source, markets })
}

fn line_of(market: Market, active: Option<ActiveStrategy>, usual: &Strategy) -> Line {
    let from = active.and_then(|active| active.from);
    match from.map(|(number, json)| (number, Strategy::from_json(&json))) {
        Some((number, Ok(strategy))) => {
            let (name, words) = (strategy.id().to_owned(), strategy.words());
            Line { market, name, proposal: Some(number), words }
        }
        Some((number, Err(why))) => {
            let words = format!("{number}\nproposal {number} cannot be read: {why}\n");
            Line { market, name: number.to_string(), proposal: Some(number), words }
        }
        None => Line { market, name: usual.id().to_owned(), proposal: None, words: usual.words() },
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source)?;
        for (index, line) in self.markets.iter().enumerate() {
            let Line { market, name, proposal, words } = line;
            let from = match proposal {
                Some(number) => format!("proposal {number}"),
                None => "the operator's settings".to_owned(),
            };
            write!(f, "\n\n{market} trades by {name}, from {from}")?;
            let before = &self.markets[..index];
            match before.iter().find(|other| other.words == *words) {
                Some(same) => write!(f, ", as {} does", same.market)?,
                None => words.lines().skip(1).try_for_each(|text| write!(f, "\n  {text}"))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strategy::Thresholds;

    #[test]
    fn each_market_is_shown_with_its_words_once_and_with_where_they_are_from() {
        let usual = Strategy::by_default(Thresholds::default());
        let since = chrono::DateTime::UNIX_EPOCH;
        let active =
            |json: String| Some(ActiveStrategy { version: 1, from: Some((ProposalNumber(7), json)), since });
        let other = usual.to_json().replace("\"default\"", "\"s-7\"").replace("3.0", "9.0");
        let markets = vec![
            line_of(Market::Kr, None, &usual),
            line_of(Market::Jp, None, &usual),
            line_of(Market::Hk, active(other), &usual),
            line_of(Market::UsNyse, active("{}".into()), &usual),
        ];
        let text = Shown { source: "From a test.", markets }.to_string();
        assert_eq!(text.matches("RSI14 < 30").count(), 4, "two in each of two strategies: {text}");
        for part in [
            "KR trades by default, from the operator's settings\n    because:",
            "JP trades by default, from the operator's settings, as KR does",
            "HK trades by s-7, from proposal 0007\n",
            "proposal 0007 cannot be read",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}
