//! The shape of a body: which fields stand where, and in which form each is written. Taken from a body, or read from the table.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::simulator::wire::korean_bytes;

/// How a value is written (KIS.md 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    Blank,
    Flag,
    Text,
    /// A whole number of so many digits; none where it may have any, or is negative.
    Integer(Option<usize>),
    /// Digits with leading zeros.
    Code(usize),
    Decimal(usize),
    /// A decimal below zero: it does not tell whether one above zero would carry a sign.
    Negative(usize),
    /// A decimal with a leading `+` or blank.
    Signed(usize),
    /// A text with blanks behind, of so many bytes in all.
    Padded(usize),
    Number,
    /// Neither text nor number.
    Other,
}

impl Form {
    fn of(value: &Value) -> Self {
        match value {
            Value::String(text) => Self::of_text(text),
            Value::Number(_) => Self::Number,
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => Self::Other,
        }
    }

    fn of_text(text: &str) -> Self {
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let decimals = |text: &str| {
            let (whole, part) = text.split_once('.')?;
            (is_digits(whole) && is_digits(part)).then_some(part.len())
        };
        let signed = text.strip_prefix(['+', ' ']).and_then(decimals).map(Self::Signed);
        let negative = text.strip_prefix('-').and_then(decimals).map(Self::Negative);
        let decimal = signed.or(negative).or_else(|| decimals(text).map(Self::Decimal));
        match text {
            "" => Self::Blank,
            "Y" | "N" | "y" => Self::Flag,
            _ if text.ends_with(' ') => Self::Padded(korean_bytes(text)),
            _ if is_digits(text) && text.len() > 1 && text.starts_with('0') => Self::Code(text.len()),
            _ if is_digits(text) => Self::Integer(Some(text.len())),
            _ if text.strip_prefix('-').is_some_and(is_digits) => Self::Integer(None),
            _ => decimal.unwrap_or(Self::Text),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let cut = text.find(|character: char| character.is_ascii_digit()).unwrap_or(text.len());
        let (name, digits) = text.split_at(cut);
        match (name, digits.parse().ok()) {
            ("blank", None) => Some(Self::Blank),
            ("flag", None) => Some(Self::Flag),
            ("text", None) => Some(Self::Text),
            ("int", None) => Some(Self::Integer(None)),
            ("number", None) => Some(Self::Number),
            ("code", Some(digits)) => Some(Self::Code(digits)),
            ("dec", Some(decimals)) => Some(Self::Decimal(decimals)),
            ("signed", Some(decimals)) => Some(Self::Signed(decimals)),
            ("pad", Some(bytes)) => Some(Self::Padded(bytes)),
            (_, _) => None,
        }
    }

    /// True when a value of this form may stand where the reference has `reference`.
    fn fits(self, reference: Self) -> bool {
        match (self, reference) {
            (Self::Integer(_), Self::Integer(_)) => true,
            (Self::Code(own), Self::Integer(Some(other))) | (Self::Integer(Some(own)), Self::Code(other)) => {
                own == other
            }
            (Self::Negative(own), Self::Decimal(other) | Self::Signed(other) | Self::Negative(other))
            | (Self::Decimal(own) | Self::Signed(own), Self::Negative(other)) => own == other,
            (own, other) => own == other,
        }
    }
}

/// A place and a field: `output1[]` and `pdno`.
pub(super) type Place = (String, String);

/// Which fields stand where, in which forms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) code: String,
    fields: BTreeMap<Place, BTreeSet<Form>>,
    /// Every object and list, the empty ones too.
    places: BTreeSet<String>,
}

impl Shape {
    /// The shape of `body`.
    pub(super) fn of(body: &Value) -> Self {
        let code = body.get("msg_cd").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut shape = Self { code, ..Self::default() };
        shape.take(body, ".");
        shape.fields.remove(&(".".into(), "msg_cd".into()));
        shape
    }

    fn take(&mut self, value: &Value, place: &str) {
        for (name, inner) in value.as_object().into_iter().flatten() {
            let below = if place == "." { name.clone() } else { format!("{place}.{name}") };
            match inner {
                Value::Object(_) => {
                    self.places.insert(below.clone());
                    self.take(inner, &below);
                }
                Value::Array(rows) => {
                    let below = format!("{below}[]");
                    self.places.insert(below.clone());
                    rows.iter().for_each(|row| self.take(row, &below));
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                    let field = (place.to_owned(), name.clone());
                    self.fields.entry(field).or_default().insert(Form::of(inner));
                }
            }
        }
    }

    /// The sections of a table of shapes, by name.
    pub(super) fn table(text: &str) -> BTreeMap<String, Self> {
        let mut table: BTreeMap<String, Self> = BTreeMap::new();
        let mut open = String::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(head) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                let (name, code) = head.split_once(' ').unwrap_or((head, ""));
                open = name.to_owned();
                let is_new =
                    table.insert(open.clone(), Self { code: code.into(), ..Self::default() }).is_none();
                assert!(is_new, "{name} is there twice");
            } else {
                table.get_mut(&open).unwrap().take_line(line);
            }
        }
        table
    }

    fn take_line(&mut self, line: &str) {
        let (head, names) = line.split_once(':').unwrap_or_else(|| panic!("no colon: {line}"));
        let (place, form) = head.split_once(' ').unwrap_or_else(|| panic!("no form: {line}"));
        let form = Form::parse(form).unwrap_or_else(|| panic!("there is no such form: {line}"));
        if place != "." {
            self.places.insert(place.to_owned());
        }
        for name in names.split_whitespace() {
            self.fields.entry((place.to_owned(), name.to_owned())).or_default().insert(form);
        }
    }

    /// The same for another market than America's: its symbols may be of digits, and its prices have so many decimals where
    /// America's have four. Without `decimals`, amounts stay as they are.
    pub(super) fn abroad(&self, decimals: Option<usize>) -> Self {
        let price = decimals.map(|decimals| match decimals {
            0 => Form::Integer(None),
            _ => Form::Decimal(decimals),
        });
        let changed = |form: &Form| match price {
            Some(price) if *form == Form::Decimal(4) => price,
            Some(_) | None => *form,
        };
        let fields = self.fields.iter().map(|(place, forms)| {
            let forms = match place.1.as_str() {
                "symb" | "code" | "pdno" | "ovrs_pdno" => BTreeSet::from([Form::Blank]),
                "e_parp" => forms.clone(),
                _ => forms.iter().map(changed).collect(),
            };
            (place.clone(), forms)
        });
        Self { fields: fields.collect(), ..self.clone() }
    }

    /// One more form of a field that is there.
    pub(super) fn also(&mut self, place: &str, name: &str, form: &str) {
        if let Some(forms) = self.fields.get_mut(&(place.to_owned(), name.to_owned())) {
            forms.extend(Form::parse(form));
        }
    }

    /// The fields of `self` that `other` does not have, or not in a form that agrees.
    pub(super) fn unknown_to(&self, other: &Self, but: impl Fn(&str) -> bool) -> Vec<String> {
        let agrees = |(field, forms): &(&Place, &BTreeSet<Form>)| {
            let theirs = other.fields.get(*field);
            theirs.is_some_and(|theirs| {
                forms.iter().all(|form| theirs.iter().any(|other| agree(*form, *other)))
            })
        };
        let unknown = self.fields.iter().filter(|field| !agrees(field) && !but(&field.0.1));
        unknown.map(|((place, name), forms)| format!("{place} {name} {forms:?}")).collect()
    }

    /// How `self` departs from `reference`; `may_be_more` and `may_be_blank` are fields that may stand here in addition, or
    /// empty.
    pub(super) fn faults(
        &self,
        reference: &Self,
        may_be_more: impl Fn(&str) -> bool,
        may_be_blank: impl Fn(&str) -> bool,
        is_empty_here: bool,
    ) -> Vec<String> {
        let mut faults = Vec::new();
        if self.code != reference.code && !is_empty_here {
            faults.push(format!("answers {} and not {}", self.code, reference.code));
        }
        for place in self.places.symmetric_difference(&reference.places) {
            faults.push(format!("{place}: there on one side only"));
        }
        let compared = |place: &str| !(is_empty_here && place.ends_with("[]"));
        for ((place, name), forms) in reference.fields.iter().filter(|((place, _), _)| compared(place)) {
            match self.fields.get(&(place.clone(), name.clone())) {
                None => faults.push(format!("{place} {name}: missing")),
                Some(own) => {
                    let wrong = own.iter().filter(|form| !is_right(**form, forms, may_be_blank(name)));
                    faults.extend(wrong.map(|form| format!("{place} {name}: {form:?} and not {forms:?}")));
                }
            }
        }
        let known = |field: &&Place| reference.fields.contains_key(*field) || may_be_more(&field.1);
        let extra = self.fields.keys().filter(|field| !known(field));
        faults.extend(extra.map(|(place, name)| format!("{place} {name}: unknown")));
        faults
    }
}

/// True when one of the two says the same as the other, or more exactly.
fn agree(left: Form, right: Form) -> bool {
    let says_nothing = left == Form::Blank || right == Form::Blank;
    let number = |form| matches!(form, Form::Integer(_));
    says_nothing || left.fits(right) || right.fits(left) || (number(left) && number(right))
}

fn is_right(own: Form, reference: &BTreeSet<Form>, may_be_blank: bool) -> bool {
    let says_nothing = reference.iter().all(|form| *form == Form::Blank);
    says_nothing || reference.iter().any(|form| own.fits(*form)) || (own == Form::Blank && may_be_blank)
}

#[test]
fn forms_are_told_apart() {
    let cases = [
        ("", Form::Blank),
        ("Y", Form::Flag),
        ("005930", Form::Code(6)),
        ("71900", Form::Integer(Some(5))),
        ("-750", Form::Integer(None)),
        ("22975.0000", Form::Decimal(4)),
        ("-0.14", Form::Negative(2)),
        ("+5.61", Form::Signed(2)),
        (" 0.00", Form::Signed(2)),
        ("조회 ", Form::Padded(5)),
        ("12345678^01^", Form::Text),
        ("2026-11-24", Form::Text),
    ];
    for (text, form) in cases {
        assert_eq!(Form::of_text(text), form, "{text:?}");
    }
}

#[test]
fn a_body_that_departs_from_its_reference_is_told_field_by_field() {
    let faults = |own: Value, reference: Value| {
        Shape::of(&own).faults(&Shape::of(&reference), |_| false, |_| false, false)
    };
    let of = |text: &str| serde_json::json!({"msg_cd": "A", "output": [{"price": text}]});
    assert!(faults(of("1.50"), of("2.25")).is_empty());
    for wrong in ["1.5", "+1.50", "2", "", "x"] {
        assert_eq!(faults(of(wrong), of("2.25")).len(), 1, "{wrong:?}");
    }
    let object = serde_json::json!({"msg_cd": "A", "output": {"price": "1.50"}});
    assert!(!faults(object, of("2.25")).is_empty(), "an object is no list");
    let empty = serde_json::json!({"msg_cd": "A", "output": []});
    assert_eq!(faults(empty, of("2.25")), ["output[] price: missing"]);
    let more = serde_json::json!({"msg_cd": "B", "output": [{"price": "1.50", "size": 1}]});
    assert_eq!(faults(more, of("2.25")).len(), 2);
}
