//! From the form on paper to a strategy that keeps every limit.

use super::feature::Feature;
use super::number::{Number, Weight};
use super::refusal::{Broken, InvalidStrategy};
use super::wire::{EntryWire, ExitWire, PredicateWire, RightKind, SizingWire, StrategyWire, TermWire};
use super::{
    ALL_OF_MAX, ANY_OF_MAX, ATR_MULTIPLES, Entry, Exit, FRACTION_PCT_MAX, HOLD_BARS_MAX,
    HYPOTHESIS_CHARS_MAX, LAG_MAX, NAME_CHARS_MAX, Predicate, Right, Strategy, TERMS_MAX, Term,
};

type Checked<T> = Result<T, InvalidStrategy>;

impl TryFrom<StrategyWire> for Strategy {
    type Error = InvalidStrategy;

    fn try_from(wire: StrategyWire) -> Checked<Self> {
        Ok(Self {
            id: name("id", wire.id)?,
            parent_id: wire.parent_id.map(|parent| name("parent_id", parent)).transpose()?,
            hypothesis: hypothesis(wire.hypothesis)?,
            side: wire.side,
            entry: entry(wire.entry)?,
            exit: exit(wire.exit)?,
            fraction_pct: fraction(&wire.sizing)?,
        })
    }
}

impl From<Strategy> for StrategyWire {
    fn from(strategy: Strategy) -> Self {
        let Strategy { id, parent_id, hypothesis, side, entry, exit, fraction_pct } = strategy;
        let sizing = SizingWire { fraction_pct: fraction_pct.get() };
        Self { id, parent_id, hypothesis, side, entry: (&entry).into(), exit: (&exit).into(), sizing }
    }
}

impl From<&Entry> for EntryWire {
    fn from(entry: &Entry) -> Self {
        let term = |term: &Term| TermWire {
            weight: term.weight.get(),
            all_of: term.all_of.iter().map(PredicateWire::from).collect(),
        };
        Self { min_score: entry.min_score.get(), terms: entry.terms.iter().map(term).collect() }
    }
}

impl From<&Exit> for ExitWire {
    fn from(exit: &Exit) -> Self {
        Self {
            any_of: exit.any_of.iter().map(PredicateWire::from).collect(),
            stop_atr: exit.stop_atr.map(Number::get),
            take_atr: exit.take_atr.map(Number::get),
            trailing_atr: exit.trailing_atr.map(Number::get),
            max_hold_bars: i64::from(exit.max_hold_bars),
        }
    }
}

impl From<&Predicate> for PredicateWire {
    fn from(predicate: &Predicate) -> Self {
        let (rhs_kind, rhs_feature, rhs_value) = match predicate.right {
            Right::Value(value) => (RightKind::Value, None, value.get()),
            Right::Feature(feature) => (RightKind::Feature, Some(feature), 0.0),
        };
        let Predicate { feature, lag, operator: op, .. } = *predicate;
        Self { feature, lag: i64::from(lag), op, rhs_kind, rhs_feature, rhs_value }
    }
}

fn at<T>(place: impl Into<String>, broken: Broken) -> Checked<T> {
    Err(InvalidStrategy::At { place: place.into(), broken })
}

fn name(place: &str, text: String) -> Checked<String> {
    length(place, &text, 1, NAME_CHARS_MAX)?;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    if text.chars().all(plain) { Ok(text) } else { at(place, Broken::Name) }
}

fn hypothesis(text: String) -> Checked<String> {
    let place = "hypothesis";
    length(place, text.trim(), 1, HYPOTHESIS_CHARS_MAX)?;
    length(place, &text, 1, HYPOTHESIS_CHARS_MAX)?;
    if text.chars().any(char::is_control) { at(place, Broken::Control) } else { Ok(text) }
}

fn length(place: &str, text: &str, low: usize, high: usize) -> Checked<()> {
    let found = text.chars().count();
    if (low..=high).contains(&found) { Ok(()) } else { at(place, Broken::Length { found, low, high }) }
}

fn count(place: &str, found: usize, low: usize, high: usize) -> Checked<()> {
    if (low..=high).contains(&found) { Ok(()) } else { at(place, Broken::Count { found, low, high }) }
}

fn entry(wire: EntryWire) -> Checked<Entry> {
    count("entry.terms", wire.terms.len(), 1, TERMS_MAX)?;
    let mut terms: Vec<Term> = Vec::with_capacity(wire.terms.len());
    for (index, raw) in wire.terms.into_iter().enumerate() {
        let place = format!("entry.terms[{index}]");
        let found = term(&place, raw)?;
        if terms.iter().any(|other| other.all_of == found.all_of) {
            return at(format!("{place}.all_of"), Broken::Repeated);
        }
        terms.push(found);
    }
    terms.sort();
    let place = "entry.min_score";
    let Some(min_score) = Weight::new(wire.min_score) else {
        return at(place, Broken::Weight(wire.min_score));
    };
    let reachable: f64 = terms.iter().map(|term| term.weight.thousandths().max(0.0)).sum();
    if min_score.thousandths() <= 0.0 || min_score.thousandths() > reachable {
        return at(place, Broken::Unreachable { min: min_score.get(), sum: reachable / 1_000.0 });
    }
    Ok(Entry { min_score, terms })
}

fn term(place: &str, wire: TermWire) -> Checked<Term> {
    let Some(weight) = Weight::new(wire.weight) else {
        return at(format!("{place}.weight"), Broken::Weight(wire.weight));
    };
    let list = format!("{place}.all_of");
    count(&list, wire.all_of.len(), 1, ALL_OF_MAX)?;
    Ok(Term { all_of: predicates(&list, &wire.all_of, Reader::Entry)?, weight })
}

fn exit(wire: ExitWire) -> Checked<Exit> {
    let list = "exit.any_of";
    count(list, wire.any_of.len(), 0, ANY_OF_MAX)?;
    let [low, high] = [1, i64::from(HOLD_BARS_MAX)];
    let found = wire.max_hold_bars;
    let Some(max_hold_bars) =
        u16::try_from(found).ok().filter(|bars| (low..=high).contains(&i64::from(*bars)))
    else {
        return at("exit.max_hold_bars", Broken::Whole { found, low, high });
    };
    Ok(Exit {
        any_of: predicates(list, &wire.any_of, Reader::Exit)?,
        stop_atr: multiple("exit.stop_atr", wire.stop_atr)?,
        take_atr: multiple("exit.take_atr", wire.take_atr)?,
        trailing_atr: multiple("exit.trailing_atr", wire.trailing_atr)?,
        max_hold_bars,
    })
}

fn multiple(place: &str, told: Option<f64>) -> Checked<Option<Number>> {
    let [low, high] = ATR_MULTIPLES;
    told.map(|found| number(place, found, low, high)).transpose()
}

fn fraction(wire: &SizingWire) -> Checked<Number> {
    number("sizing.fraction_pct", wire.fraction_pct, 0.01, FRACTION_PCT_MAX)
}

fn number(place: &str, found: f64, low: f64, high: f64) -> Checked<Number> {
    match Number::new(found) {
        Some(number) if (low..=high).contains(&number.get()) => Ok(number),
        Some(_) | None => at(place, Broken::Number { found, low, high }),
    }
}

/// Where a predicate stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    Entry,
    Exit,
}

fn predicates(list: &str, wires: &[PredicateWire], reader: Reader) -> Checked<Vec<Predicate>> {
    let mut all: Vec<Predicate> = Vec::with_capacity(wires.len());
    for (index, wire) in wires.iter().enumerate() {
        let place = format!("{list}[{index}]");
        let found = predicate(&place, wire, reader)?;
        if all.contains(&found) {
            return at(place, Broken::Repeated);
        }
        all.push(found);
    }
    all.sort();
    Ok(all)
}

fn predicate(place: &str, wire: &PredicateWire, reader: Reader) -> Checked<Predicate> {
    let [low, high] = [0, i64::from(LAG_MAX)];
    let Some(lag) = u8::try_from(wire.lag).ok().filter(|lag| *lag <= LAG_MAX) else {
        return at(format!("{place}.lag"), Broken::Whole { found: wire.lag, low, high });
    };
    let right = right(place, wire)?;
    let found = Predicate { feature: wire.feature, lag, operator: wire.op, right };
    let is_of_holding = |feature: &Feature| feature.is_of_holding();
    if let Some(feature) = found.reads().find(is_of_holding)
        && (reader == Reader::Entry || lag > 0 || found.right_feature().is_some())
    {
        return at(format!("{place}.feature"), Broken::NoHolding(feature));
    }
    if lag == 0 && right == Right::Feature(wire.feature) {
        return at(format!("{place}.rhs_feature"), Broken::Itself(wire.feature));
    }
    Ok(found)
}

fn right(place: &str, wire: &PredicateWire) -> Checked<Right> {
    let left = wire.feature;
    let (of_value, of_feature) = (format!("{place}.rhs_value"), format!("{place}.rhs_feature"));
    match (wire.rhs_kind, wire.rhs_feature) {
        (RightKind::Value, Some(_)) => at(of_feature, Broken::RightOfValue),
        (RightKind::Value, None) => constant(left, wire.rhs_value)
            .map_or_else(|broken| at(of_value, broken), |value| Ok(Right::Value(value))),
        (RightKind::Feature, None) => at(of_feature, Broken::NoRight),
        (RightKind::Feature, Some(right)) if right.unit() != left.unit() => {
            at(of_feature, Broken::Units { left, right })
        }
        (RightKind::Feature, Some(_)) if wire.rhs_value != 0.0 => {
            at(of_value, Broken::ValueOfRight(wire.rhs_value))
        }
        (RightKind::Feature, Some(right)) => Ok(Right::Feature(right)),
    }
}

fn constant(feature: Feature, found: f64) -> Result<Number, Broken> {
    let definition = feature.definition();
    let number = Number::new(found).filter(|value| (definition.low..=definition.high).contains(&value.get()));
    number.ok_or(Broken::Bounds { feature, found })
}
