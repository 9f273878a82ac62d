//! Every command line that the README and the operator's manual print can be typed.

use clap::Parser as _;
use clap::error::ErrorKind;

use super::Cli;

const README: &str = include_str!("../../README.md");
const OPERATIONS: &str = include_str!("../../deploy/OPERATIONS.md");

/// What stands in capitals, and something that it may be.
const PLACEHOLDERS: [(&str, &str); 22] = [
    ("STOCK", "KR:005930"),
    ("COMMAND", "why"),
    ("INSTANT", "2026-11-26T14:30:00Z"),
    ("DATE", "2026-11-26"),
    ("TIME", "24h"),
    ("N", "5"),
    ("S", "7"),
    ("X", "2"),
    ("D", "5"),
    ("M", "5"),
    ("ID", "h-1"),
    ("INTENT", "i-1"),
    ("NUMBER", "7"),
    ("KIND", "halt"),
    ("TABLE", "halts"),
    ("FILE", "file"),
    ("DIR", "folder"),
    ("FOLDER", "folder"),
    ("CODE", "KR"),
    ("LIST", "KR"),
    ("NAME=VALUE", "max_loss_pct=2.0"),
    ("NAME", "ada"),
];

/// The words of a snippet: quoted ones are one word.
fn words(snippet: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (place, part) in snippet.split('"').enumerate() {
        if place % 2 == 1 {
            words.push(part.to_owned());
            continue;
        }
        // What the shell does with it is none of ours.
        let part = part.split(['<', '>']).next().unwrap_or_default().trim_end_matches(" 2");
        words.extend(part.split_whitespace().map(str::to_owned));
    }
    words
}

fn meant(word: &str) -> String {
    PLACEHOLDERS.iter().find(|(name, _)| *name == word).map_or(word, |(_, value)| value).to_owned()
}

/// The command without what is optional, and with each optional part by itself; each of several alternatives.
fn typed(snippet: &str) -> Vec<Vec<String>> {
    let snippet = snippet.replace("\\|", "|").replace(" ...]", "]");
    let (mut bare, mut options) = (String::new(), Vec::new());
    for part in snippet.split('[') {
        match part.split_once(']') {
            Some((option, rest)) => {
                options.push(option.to_owned());
                bare.push_str(rest);
            }
            None => bare.push_str(part),
        }
    }
    let lines = std::iter::once(String::new()).chain(options).map(|option| format!("{bare} {option}"));
    lines.flat_map(|line| alternatives(&words(&line))).collect()
}

fn alternatives(words: &[String]) -> Vec<Vec<String>> {
    let most = words.iter().map(|word| word.split('|').count()).max().unwrap_or(1);
    let nth = |word: &String, n: usize| {
        let all: Vec<&str> = word.split('|').collect();
        meant(all.get(n).or(all.last()).copied().unwrap_or_default())
    };
    (0..most).map(|n| words.iter().map(|word| nth(word, n)).collect()).collect()
}

/// A name alone stands for its command in a sentence; it need not be complete.
fn is_name(words: &[String]) -> bool {
    words.len() <= 3 && words.iter().all(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
}

#[test]
fn every_command_of_the_readme_and_of_the_manual_can_be_typed_as_it_is_printed() {
    let mut tried = 0;
    for text in [README, OPERATIONS] {
        for snippet in text.split('`').skip(1).step_by(2).filter(|text| text.starts_with("kestrel ")) {
            for line in typed(snippet) {
                tried += 1;
                let Err(error) = Cli::try_parse_from(&line) else { continue };
                let is_told = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
                let is_half = matches!(
                    error.kind(),
                    ErrorKind::MissingRequiredArgument
                        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                        | ErrorKind::MissingSubcommand
                );
                let is_fine = is_told || is_half && is_name(&line);
                assert!(is_fine, "`{snippet}` as {line:?}: {error}");
            }
        }
    }
    assert!(tried > 120, "only {tried} were found");
}
