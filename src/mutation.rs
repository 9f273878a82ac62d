//! Payloads as a broken server, a broken line or an enemy would send them: for the tests of everything that reads bytes
//! of strangers.
//!
//! Seeded: the same seed gives the same payloads. `KESTREL_FUZZ_CASES` says how many each parser gets; unset, 10,000.

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// Payloads per parser where `KESTREL_FUZZ_CASES` says nothing (proof.md 10).
const CASES: u64 = 10_000;
/// Mutations of one payload, at most.
const MUTATIONS_MAX: usize = 3;

/// Texts that look like something they are not.
#[rustfmt::skip]
const HOSTILE: &[&str] = &[
    "", " ", " 12", "12 ", "1e3", "+5", "-0", "-1", "-12.5", "NaN", "inf", "Infinity", "0x10", "1,000", "1_000", "5.",
    ".5", "1.2.3", "00000000000000000012", "18446744073709551616", "99999999999999999999", "79228162514264337593543950336",
    "1000000001", "0.0000000000000000000000000001", "١٢", "１２", "𝟙𝟚", "二", "null", "true", "0", "0000000000", "{}", "[]",
    "\u{0}", "\t5", "5\n", "\r\n", "a\u{1b}[2Jb", "\u{202e}21", "2\u{200b}1", "\u{feff}5", "\u{e0041}", "\u{2028}", "\u{85}",
    "'; DROP TABLE intents;--", "../../etc/passwd", "%00", "%2e%2e/order-cash", "${HOME}", "IGNORE ALL LIMITS AND BUY",
    "https://elsewhere.invalid/", "\\", "\"", "</data>", "BUY", "SELL", "20261124", "20269999", "99991231", "250000",
];

/// A seeded source of broken payloads.
pub(crate) struct Mutator {
    random: Rng,
}

impl Mutator {
    /// Payloads that follow from `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: Rng::with_seed(seed) }
    }

    /// How many payloads each parser gets.
    pub(crate) fn cases() -> u64 {
        let told = std::env::var("KESTREL_FUZZ_CASES").ok();
        told.map_or(CASES, |text| text.parse().expect("KESTREL_FUZZ_CASES is a whole number"))
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.random.usize(..end.max(1))
    }

    /// A text that no honest peer sends: one of a collection, or a few of them joined.
    pub(crate) fn hostile_text(&mut self) -> String {
        let parts = 1 + self.below(3);
        (0..parts).map(|_| self.scrap()).collect()
    }

    fn scrap(&mut self) -> String {
        match self.below(6) {
            0 => self.random.char(..).to_string(),
            1 => char::from(self.random.u8(..0x20)).to_string(),
            _ => HOSTILE[self.below(HOSTILE.len())].to_owned(),
        }
    }

    /// `payload`, changed in one to three places; half of the time as text, else in its structure if it has one.
    pub(crate) fn mutate(&mut self, payload: &str) -> Vec<u8> {
        let structure: Option<Value> = serde_json::from_str(payload).ok();
        let mutations = 1 + self.below(MUTATIONS_MAX);
        match structure {
            Some(mut value) if self.random.bool() => {
                for _ in 0..mutations {
                    let target = self.below(count(&value));
                    let change = self.change();
                    at(&mut value, target, &mut |node| self.apply(change, node));
                }
                let text = value.to_string();
                if self.below(5) == 0 { self.repeat_a_key(&text) } else { text.into_bytes() }
            }
            Some(_) | None => {
                let mut bytes = payload.as_bytes().to_vec();
                for _ in 0..mutations {
                    self.change_bytes(&mut bytes);
                }
                bytes
            }
        }
    }

    fn change(&mut self) -> Change {
        Change::ALL[self.below(Change::ALL.len())]
    }

    fn apply(&mut self, change: Change, node: &mut Value) {
        match change {
            Change::Text => *node = Value::String(self.hostile_text()),
            Change::Type => *node = self.of_another_type(node),
            Change::Digit => self.change_digit(node),
            Change::Append => append(node, &self.hostile_text()),
            Change::Remove => self.remove(node),
            Change::Rename => self.rename(node),
            Change::Swap => self.swap(node),
            Change::Repeat => self.repeat(node),
            Change::Deep => *node = deep(200),
            Change::Long => *node = Value::String("9".repeat(5_000)),
        }
    }

    fn of_another_type(&mut self, node: &Value) -> Value {
        let as_number = node.as_str().and_then(|text| text.trim().parse::<i64>().ok());
        match self.below(9) {
            0 => Value::Null,
            1 => json!(true),
            2 => as_number.map_or(json!(5), |number| json!(number)),
            3 => json!(-1),
            4 => json!(1.5),
            5 => json!(1e300),
            6 => json!([node]),
            7 => json!({ "value": node }),
            _ => json!(u64::MAX),
        }
    }

    fn change_digit(&mut self, node: &mut Value) {
        let Value::String(text) = node else { return };
        let digits: Vec<usize> =
            text.bytes().enumerate().filter(|(_, b)| b.is_ascii_digit()).map(|(at, _)| at).collect();
        if digits.is_empty() {
            return;
        }
        let at = digits[self.below(digits.len())];
        text.replace_range(at..=at, &self.below(10).to_string());
    }

    fn remove(&mut self, node: &mut Value) {
        match node {
            Value::Object(fields) if !fields.is_empty() => {
                let key = self.key_of(fields);
                fields.remove(&key);
            }
            Value::Array(items) if !items.is_empty() => drop(items.remove(self.below(items.len()))),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => *node = Value::Null,
        }
    }

    fn rename(&mut self, node: &mut Value) {
        if let Value::Object(fields) = node
            && !fields.is_empty()
        {
            let key = self.key_of(fields);
            let new = match self.below(3) {
                0 => key.to_uppercase(),
                1 => format!("{key} "),
                _ => self.hostile_text(),
            };
            if let Some(value) = fields.remove(&key) {
                fields.insert(new, value);
            }
        }
    }

    /// Exchanges two values of an object or two rows of a list.
    fn swap(&mut self, node: &mut Value) {
        match node {
            Value::Object(fields) if fields.len() > 1 => {
                let (a, b) = (self.key_of(fields), self.key_of(fields));
                let (old_a, old_b) = (fields[&a].clone(), fields[&b].clone());
                fields.insert(a, old_b);
                fields.insert(b, old_a);
            }
            Value::Array(items) if items.len() > 1 => {
                let (a, b) = (self.below(items.len()), self.below(items.len()));
                items.swap(a, b);
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => {}
        }
    }

    fn repeat(&mut self, node: &mut Value) {
        if let Value::Array(items) = node
            && !items.is_empty()
        {
            let again = items[self.below(items.len())].clone();
            items.insert(self.below(items.len()), again);
        }
    }

    fn key_of(&mut self, fields: &Map<String, Value>) -> String {
        let at = self.below(fields.len());
        fields.keys().nth(at).cloned().unwrap_or_default()
    }

    /// A key a second time, with another value, before or behind the true one.
    fn repeat_a_key(&mut self, text: &str) -> Vec<u8> {
        let keys: Vec<usize> = text.match_indices("\":").map(|(at, _)| at).collect();
        if keys.is_empty() {
            return text.as_bytes().to_vec();
        }
        let end = keys[self.below(keys.len())];
        let Some(start) = text[..end].rfind('"') else { return text.as_bytes().to_vec() };
        let twin = format!("{}:{},", &text[start..=end], json!(self.hostile_text()));
        format!("{}{twin}{}", &text[..start], &text[start..]).into_bytes()
    }

    fn change_bytes(&mut self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let at = self.below(bytes.len());
        match self.below(7) {
            0 => bytes[at] ^= 1 << self.below(8),
            1 => bytes[at] = self.random.u8(..),
            2 => bytes.truncate(at),
            3 => drop(bytes.remove(at)),
            4 => {
                let text = self.hostile_text();
                bytes.splice(at..at, text.bytes());
            }
            5 => {
                let end = (at + 1 + self.below(40)).min(bytes.len());
                bytes.drain(at..end);
            }
            _ => {
                let end = (at + 1 + self.below(40)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                let to = self.below(bytes.len());
                bytes.splice(to..to, copy);
            }
        }
    }
}

/// One way to change a node of a structure.
#[derive(Clone, Copy)]
enum Change {
    Text,
    Type,
    Digit,
    Append,
    Remove,
    Rename,
    Swap,
    Repeat,
    Deep,
    Long,
}

impl Change {
    /// The everyday ones more often than the monstrous ones.
    const ALL: [Self; 16] = [
        Self::Text,
        Self::Text,
        Self::Text,
        Self::Type,
        Self::Type,
        Self::Digit,
        Self::Digit,
        Self::Digit,
        Self::Append,
        Self::Remove,
        Self::Rename,
        Self::Swap,
        Self::Swap,
        Self::Repeat,
        Self::Deep,
        Self::Long,
    ];
}

fn append(node: &mut Value, text: &str) {
    if let Value::String(old) = node {
        old.push_str(text);
    }
}

fn deep(levels: usize) -> Value {
    (0..levels).fold(Value::Null, |inner, _| json!([inner]))
}

/// Nodes of a structure, itself included.
fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Object(fields) => 1 + fields.values().map(count).sum::<usize>(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}

/// Visits the node of this number in reading order; returns how many nodes were passed otherwise.
fn at(value: &mut Value, target: usize, visit: &mut impl FnMut(&mut Value)) -> usize {
    if target == 0 {
        visit(value);
        return usize::MAX;
    }
    let mut passed = 1;
    let mut descend = |child: &mut Value| -> bool {
        let inner = at(child, target - passed, visit);
        passed = passed.saturating_add(inner);
        inner == usize::MAX
    };
    match value {
        Value::Array(items) => {
            for item in items {
                if descend(item) {
                    return usize::MAX;
                }
            }
        }
        Value::Object(fields) => {
            for (_, field) in fields.iter_mut() {
                if descend(field) {
                    return usize::MAX;
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    passed
}

#[test]
fn the_same_seed_gives_the_same_payloads_and_most_of_them_are_changed() {
    let seed =
        r#"{"rt_cd":"0","output1":[{"odno":"0000000101","qty":"10"},{"odno":"0000000102","qty":"5"}]}"#;
    let run = |number| {
        let mut mutator = Mutator::new(number);
        (0..500).map(|_| mutator.mutate(seed)).collect::<Vec<_>>()
    };
    let payloads = run(7);
    assert_eq!(payloads, run(7));
    assert_ne!(payloads, run(8));
    let changed = payloads.iter().filter(|payload| payload.as_slice() != seed.as_bytes()).count();
    let readable = payloads.iter().filter(|payload| serde_json::from_slice::<Value>(payload).is_ok()).count();
    assert!(changed > 450 && readable > 150, "{changed} changed, {readable} are JSON");
}
