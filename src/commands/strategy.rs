//! `kestrel strategy`: what each market trades by, in words, and what it will; from the running agent, or from settings and books.

use std::fmt;
use std::process::ExitCode;

use domain::Market;
use domain::messages::evolution::{ActiveStrategy, ProposalLine, ProposalNumber, ProposalStatus};
use domain::messages::judging::StrategyStanding;
use domain::messages::operator::{Answer, Question};
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
    /// What is approved and waits for its market's next session.
    next: Vec<Next>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Next {
    market: Market,
    proposal: ProposalNumber,
    name: String,
    approved_by: String,
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
    match shown.and_then(|shown| Ok(Shown { next: approved()?, ..shown })) {
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
    Shown { source, markets: strategies.into_iter().map(line).collect(), next: Vec::new() }
}

/// From the running agent, or from the books.
fn approved() -> Result<Vec<Next>, String> {
    let database = Config::database_setting();
    match &database {
        Database::File(path) if path.is_file() => {}
        Database::File(_) | Database::Memory => return Ok(Vec::new()),
    }
    let answer = reader::ask(&database, &Question::Proposals)?.books;
    let Answer::Proposals { proposals } = answer else {
        return Err(format!("the books answered something else than proposals: {answer:?}"));
    };
    Ok(next_of(proposals))
}

/// Of several of a market the last yes holds: the others are over as soon as they begin to.
fn next_of(mut proposals: Vec<ProposalLine>) -> Vec<Next> {
    proposals.retain(|line| line.status == ProposalStatus::Approved);
    proposals.sort_by_key(|line| (line.market, line.last.as_ref().map(|change| change.at), line.number));
    let mut next: Vec<Next> = Vec::new();
    for line in proposals {
        let approved_by = line.last.map(|change| change.by).unwrap_or_default();
        next.retain(|before| before.market != line.market);
        next.push(Next { market: line.market, proposal: line.number, name: line.name, approved_by });
    }
    next
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
    Ok(Shown { source, markets, next: Vec::new() })
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
        for Next { market, proposal, name, approved_by } in &self.next {
            write!(
                f,
                "\n\n{market}, from its next session on: proposal {proposal} ({name}), approved by {approved_by}; see it with: kestrel proposals show {proposal}"
            )?;
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
        let text = Shown { source: "From a test.", markets, next: Vec::new() }.to_string();
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

    #[test]
    fn what_is_approved_is_shown_with_who_said_yes_and_of_several_the_one_that_will_hold() {
        use domain::messages::evolution::ProposalChange;
        let line = |number: u32, market, status, by: &str| ProposalLine {
            number: ProposalNumber(number),
            market,
            name: format!("s-{number}"),
            status,
            last: Some(ProposalChange {
                status,
                by: by.into(),
                reason: "looked".into(),
                at: chrono::DateTime::UNIX_EPOCH,
            }),
            changes: Vec::new(),
        };
        let next = next_of(vec![
            line(4, Market::Kr, ProposalStatus::Approved, "EVOLUTION_AUTO_APPROVE"),
            line(3, Market::Kr, ProposalStatus::Approved, "ada"),
            line(2, Market::Jp, ProposalStatus::ReadyForReview, "the agent"),
            line(1, Market::Jp, ProposalStatus::Active, "the agent"),
        ]);
        let text = Shown { source: "From a test.", markets: Vec::new(), next }.to_string();
        assert_eq!(
            text,
            "From a test.\n\nKR, from its next session on: proposal 0004 (s-4), approved by EVOLUTION_AUTO_APPROVE; see it with: \
             kestrel proposals show 0004"
        );
    }
}
