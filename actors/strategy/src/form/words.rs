//! A strategy in words, a line per term and exit, and what changed between two.

use similar::TextDiff;

use super::number::Number;
use super::wire::Operator;
use super::{Predicate, Right, Side, Strategy, Term};

/// Lines of context around a change.
const CONTEXT: usize = 3;

impl Strategy {
    /// The strategy in words: what it is for, when it buys, when it sells, how much.
    pub fn words(&self) -> String {
        let Side::Long = self.side;
        let parent = self.parent_id.as_ref().map(|parent| format!(" (from {parent})"));
        let mut lines = vec![
            format!("{}{}", self.id, parent.unwrap_or_default()),
            format!("  because: {}", self.hypothesis),
            format!("buy at a score of {:?} or more", self.entry.min_score.get()),
        ];
        lines.extend(self.entry.terms.iter().map(|term| format!("  {}", term.words())));
        lines.push("sell at the first of".to_owned());
        lines.extend(self.exit_words().into_iter().map(|line| format!("  {line}")));
        lines.push(format!("one purchase is {} % of the equity", self.fraction_pct));
        lines.join("\n") + "\n"
    }

    fn exit_words(&self) -> Vec<String> {
        let exit = &self.exit;
        let atr = |told: Option<Number>, rest: &str| told.map(|times| format!("{times} ATR14 {rest}"));
        let ranges = [
            atr(exit.stop_atr, "below the price paid"),
            atr(exit.take_atr, "above the price paid"),
            atr(exit.trailing_atr, "below the highest close since the purchase"),
        ];
        let reasons = exit.any_of.iter().map(Predicate::words).chain(ranges.into_iter().flatten());
        let bars = exit.max_hold_bars;
        let bars = format!("{bars} bar{} held", if bars == 1 { "" } else { "s" });
        reasons.chain([bars]).collect()
    }

    /// What changes from `self` to `other` in words, as a unified diff; empty when nothing does.
    pub fn diff_in_words(&self, other: &Self) -> String {
        unified(&self.words(), &other.words(), &self.id, &other.id)
    }

    /// What changes from `self` to `other` in their JSON form, as a unified diff; empty when nothing does.
    pub fn diff_in_json(&self, other: &Self) -> String {
        unified(&(self.to_json() + "\n"), &(other.to_json() + "\n"), &self.id, &other.id)
    }
}

fn unified(old: &str, new: &str, old_name: &str, new_name: &str) -> String {
    let diff = TextDiff::from_lines(old, new);
    diff.unified_diff().context_radius(CONTEXT).header(old_name, new_name).to_string()
}

impl Term {
    /// The term in words, e.g. `+2.0 if RSI14 < 35`.
    pub fn words(&self) -> String {
        let all: Vec<_> = self.all_of.iter().map(Predicate::words).collect();
        format!("{} if {}", self.weight, all.join(" and "))
    }
}

impl Predicate {
    /// The predicate in words, e.g. `RSI14 2 bars before < 35`.
    pub fn words(&self) -> String {
        let lag = match self.lag {
            0 => String::new(),
            1 => " 1 bar before".to_owned(),
            bars => format!(" {bars} bars before"),
        };
        let right = match self.right {
            Right::Value(value) => format!("{value}{}", self.feature.unit().suffix()),
            Right::Feature(feature) => feature.label().to_owned(),
        };
        format!("{}{lag} {} {right}", self.feature.label(), self.operator.sign())
    }
}

impl Operator {
    /// The comparison as people write it.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        }
    }
}
