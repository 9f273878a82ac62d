//! Where in the text of an override file each date stands: a mistake is named with its line.

use std::fmt;

use chrono::NaiveDate;
use domain::Market;

use super::OverrideError;

/// Under what a date is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Closed,
    Open,
    Hours,
    Exits,
}

impl Word {
    fn code(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::Hours => "hours",
            Self::Exits => "exits",
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[derive(Debug)]
struct Mention {
    market: String,
    word: String,
    date: String,
    line: usize,
}

/// Every date of the text, in its order.
#[derive(Debug)]
pub(super) struct Mentions(Vec<Mention>);

impl Mentions {
    /// Those of a text that is JSON of the right form: markets stand at the first depth, words at the second, dates at the third.
    pub(super) fn of(text: &str) -> Self {
        let (mut depth, mut line) = (0_u32, 1);
        let (mut market, mut word) = (String::new(), String::new());
        let mut mentions = Vec::new();
        let mut rest = text.char_indices();
        while let Some((at, character)) = rest.next() {
            match character {
                '\n' => line += 1,
                '{' | '[' => depth += 1,
                '}' | ']' => depth = depth.saturating_sub(1),
                '"' => {
                    let name = quoted(text, at, &mut rest);
                    match depth {
                        1 => market = name,
                        2 => word = name,
                        3 => mentions.push(Mention {
                            market: market.clone(),
                            word: word.clone(),
                            date: name,
                            line,
                        }),
                        _deeper => {}
                    }
                }
                _other => {}
            }
        }
        Self(mentions)
    }

    /// The line that names `date` of `market` last under one of `words`.
    pub(super) fn line(&self, market: Market, words: &[Word], date: NaiveDate) -> Option<usize> {
        let (market, date) = (market.code(), date.to_string());
        let is_it = |mention: &&Mention| {
            let is_under = words.iter().any(|word| word.code() == mention.word);
            mention.market == market && is_under && mention.date == date
        };
        self.0.iter().rfind(is_it).map(|mention| mention.line)
    }

    /// A mistake at that line.
    pub(super) fn wrong(
        &self,
        market: Market,
        words: &[Word],
        date: NaiveDate,
        problem: String,
    ) -> OverrideError {
        OverrideError { line: self.line(market, words, date).unwrap_or(1), problem }
    }
}

/// The string whose opening quote is at `begin`, unescaped; `rest` goes on behind it.
fn quoted(text: &str, begin: usize, rest: &mut std::str::CharIndices<'_>) -> String {
    let mut is_escaped = false;
    for (at, character) in rest.by_ref() {
        match character {
            _any if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => {
                let raw = text.get(begin..=at).unwrap_or_default();
                return serde_json::from_str(raw).unwrap_or_default();
            }
            _other => {}
        }
    }
    String::new()
}
