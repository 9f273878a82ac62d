//! Reads settings one by one and keeps every mistake, so that all are reported at once.

use std::fmt;

use domain::text::harmless;
use rust_decimal::Decimal;

use super::settings::{RawEnv, SETTINGS, Setting};
use super::sources::FILE_SUFFIX;

/// One wrong setting: what it is called, what it says, what is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The variable's name.
    pub name: String,
    /// What is wrong with it, in words, with the allowed values; never a secret's value.
    pub problem: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.problem)
    }
}

/// Reads values out of the raw environment and collects mistakes.
pub(super) struct Reader<'a> {
    raw: &'a RawEnv,
    pub(super) mistakes: Vec<Mistake>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(raw: &'a RawEnv) -> Self {
        Self { raw, mistakes: Vec::new() }
    }

    /// The text that was set, without the default.
    pub(super) fn set(&self, name: &str) -> Option<&'a str> {
        self.raw.get(name)
    }

    /// What `parse` makes of the text or its default; a mistake is noted, and the default is used to go on.
    pub(super) fn value<T>(&mut self, name: &'static str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let setting = known(name);
        let default = setting.map_or("", |s| s.default);
        let Some(text) = self.raw.get(name) else { return parse(default) };
        if let Some(value) = parse(text) {
            return Some(value);
        }
        if let Some(setting) = setting {
            self.wrong(setting, text);
        }
        parse(default)
    }

    /// A decimal inside bounds; `open_low` excludes the lower bound itself.
    pub(super) fn decimal(&mut self, name: &'static str, low: Bound, high: Decimal) -> Option<Decimal> {
        self.value(name, |text| {
            let value = Decimal::from_str_exact(text).ok()?;
            (low.allows(value) && value <= high).then_some(value)
        })
    }

    /// A whole number inside a range.
    pub(super) fn whole(&mut self, name: &'static str, low: u32, high: u32) -> Option<u32> {
        self.value(name, |text| text.parse().ok().filter(|n| (low..=high).contains(n)))
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, name: &'static str) -> Option<bool> {
        self.value(name, |text| match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        })
    }

    /// Notes a mistake in our own words.
    pub(super) fn mistake(&mut self, name: &str, problem: impl Into<String>) {
        self.mistakes.push(Mistake { name: name.to_owned(), problem: problem.into() });
    }

    fn wrong(&mut self, setting: &Setting, text: &str) {
        let shown = if setting.is_secret() { "the value".to_owned() } else { format!("'{}'", clip(text)) };
        self.mistake(setting.name, format!("{shown} is not allowed; allowed: {}", setting.allowed));
    }
}

/// A lower bound.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bound {
    /// The value must be greater.
    Above(Decimal),
    /// The value may be equal.
    AtLeast(Decimal),
}

impl Bound {
    fn allows(self, value: Decimal) -> bool {
        match self {
            Self::Above(low) => value > low,
            Self::AtLeast(low) => value >= low,
        }
    }
}

/// Names that look like a setting of ours but are none: most likely typing mistakes.
pub(super) fn misspelled<'n>(names: impl Iterator<Item = &'n str>) -> Vec<Mistake> {
    names.filter_map(|name| Some((name, near(name)?))).map(|(name, meant)| unknown(name, meant)).collect()
}

fn unknown(name: &str, meant: &Setting) -> Mistake {
    Mistake { name: name.to_owned(), problem: format!("unknown setting; did you mean {}?", meant.name) }
}

fn near(name: &str) -> Option<&'static Setting> {
    if known(name).is_some() || name.len() < 8 {
        return None;
    }
    // A secret may be given by file; then it is the rest of the name that can be mistyped.
    let own = name.strip_suffix(FILE_SUFFIX).unwrap_or(name);
    SETTINGS.iter().find(|setting| setting.name.len() >= 8 && distance(own, setting.name) <= 2)
}

/// True for the name of a setting, exactly as it is written.
pub(super) fn is_setting(name: &str) -> bool {
    known(name).is_some()
}

fn known(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// Levenshtein distance, for names of a few dozen characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let cost = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

fn clip(text: &str) -> String {
    harmless(text, 60)
}
