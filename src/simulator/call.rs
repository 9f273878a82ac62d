//! One request to a transaction, and its answer.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::Environment;
use super::refusal::{self, Refusal};
use super::wire;

/// Largest order quantity taken, far above any real one.
const QUANTITY_MAX: u64 = 1_000_000_000;

/// A request that the gateway let pass.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) environment: Environment,
    /// The TR id on the real host, whatever the environment.
    pub(super) transaction: &'static str,
    pub(super) parameters: Vec<(String, String)>,
    /// True when the client asks for the next page.
    pub(super) next_page: bool,
    /// Out-of-band truth that a test or the demo sends along.
    pub(super) tag: Option<String>,
}

impl Call {
    /// The parameter `name`, trimmed; empty when absent. Case does not matter (KIS.md 3.2).
    pub(super) fn get(&self, name: &str) -> &str {
        let found = self.parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value.trim())
    }

    /// The parameter `name` exactly as it was sent; empty when absent.
    fn verbatim(&self, name: &str) -> &str {
        let found = self.parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    /// True when the parameter is there, even if empty.
    pub(super) fn has(&self, name: &str) -> bool {
        self.parameters.iter().any(|(key, _)| key.eq_ignore_ascii_case(name))
    }

    /// Checks that the account has the form of a stock account: eight digits and product 01.
    pub(super) fn account(&self) -> Result<(&str, &str), Refusal> {
        let (number, product) = (self.get("CANO"), self.get("ACNT_PRDT_CD"));
        let digits = number.len() == 8 && number.bytes().all(|byte| byte.is_ascii_digit());
        if digits && product == "01" {
            Ok((number, product))
        } else {
            Err(Refusal::input("OPSQ2000", "ERROR : INPUT INVALID_CHECK_ACNO"))
        }
    }

    /// A quantity above zero.
    pub(super) fn quantity(&self, name: &str) -> Result<u64, Refusal> {
        let text = Some(self.get(name)).filter(|text| is_digits(text));
        let quantity = text.and_then(|text| text.parse().ok());
        quantity
            .filter(|quantity| (1..=QUANTITY_MAX).contains(quantity))
            .ok_or_else(|| refusal::invalid(name))
    }

    /// A price in won: an integer text (KIS.md 8.1).
    pub(super) fn won(&self, name: &str) -> Result<Decimal, Refusal> {
        if is_digits(self.get(name)) { self.decimal(name) } else { Err(refusal::invalid(name)) }
    }

    /// Checks that `name` is one of `allowed`.
    pub(super) fn one_of(&self, name: &str, allowed: &[&str]) -> Result<(), Refusal> {
        if allowed.contains(&self.get(name)) { Ok(()) } else { Err(refusal::invalid(name)) }
    }

    /// A `YYYYMMDD` date.
    pub(super) fn date(&self, name: &str) -> Result<NaiveDate, Refusal> {
        wire::parse_date(self.get(name)).ok_or_else(|| refusal::invalid(name))
    }

    /// A decimal number, not negative.
    pub(super) fn decimal(&self, name: &str) -> Result<Decimal, Refusal> {
        // No sign, no exponent, no separators.
        let plain = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let number = Some(self.get(name)).filter(plain).and_then(|text| Decimal::from_str_exact(text).ok());
        // A price with more digits than any market has would only overflow later.
        let sane = number
            .filter(|number| !number.is_sign_negative() && *number < Decimal::from(QUANTITY_MAX * 1_000));
        sane.ok_or_else(|| refusal::invalid(name))
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What the ledger says about an answer (KIS.md 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// All that was asked for.
    Complete,
    /// Said by inquiries of one thing.
    Shown,
    /// The same, said by the sellable quantity.
    ShownInOrder,
    /// The last page.
    LastRows,
    /// Another page follows.
    MoreToCome,
    /// There is nothing.
    Nothing,
}

impl Note {
    fn on_the_wire(self) -> (&'static str, &'static str) {
        match self {
            Self::Complete => ("KIOK0510", "조회가 완료되었습니다"),
            Self::Shown => ("KIOK0530", "조회되었습니다"),
            Self::ShownInOrder => ("KIOK0420", "정상적으로 조회되었습니다"),
            Self::LastRows => ("KIOK0460", "조회 되었습니다. (마지막 자료)"),
            Self::MoreToCome => ("KIOK0500", "조회가 계속됩니다..다음버튼을 Click 하십시오."),
            Self::Nothing => ("KIOK0560", "조회할 내용이 없습니다"),
        }
    }
}

/// An answer with `rt_cd` 0.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    /// The HTTP header `tr_cont`: `M` more pages, `D` the last one, empty where there are no pages.
    pub(super) continuation: &'static str,
    pub(super) body: Map<String, Value>,
}

impl Reply {
    /// A quote: `MCA00000`.
    pub(super) fn quote(parts: Vec<(&str, Value)>) -> Self {
        Self::with("MCA00000", "정상처리 되었습니다.".into(), parts)
    }

    /// A whole answer of the ledger: `KIOK0510`, or `KIOK0560` when there is nothing.
    pub(super) fn ledger(is_empty: bool, parts: Vec<(&str, Value)>) -> Self {
        Self::noted(if is_empty { Note::Nothing } else { Note::Complete }, parts)
    }

    /// An answer of the ledger, with what it says about itself.
    pub(super) fn noted(note: Note, parts: Vec<(&str, Value)>) -> Self {
        let (code, text) = note.on_the_wire();
        Self::with(code, wire::pad(text, 80), parts)
    }

    /// A page of a list that has its own context keys: `KIOK0500` with more to come, `KIOK0460` with the last rows.
    pub(super) fn part(more: bool, is_empty: bool, parts: Vec<(&str, Value)>) -> Self {
        let note = match (more, is_empty) {
            (true, true | false) => Note::MoreToCome,
            (false, true) => Note::Nothing,
            (false, false) => Note::LastRows,
        };
        Self { continuation: if more { "M" } else { "D" }, ..Self::noted(note, parts) }
    }

    /// An order that was taken.
    pub(super) fn order(environment: Environment, output: Value) -> Self {
        let text = match environment {
            Environment::Real => "주문 전송 완료 되었습니다.",
            Environment::Paper => "모의투자 주문이 완료 되었습니다.",
        };
        Self::with("APBK0013", text.into(), vec![("output", output)])
    }

    fn with(code: &str, message: String, parts: Vec<(&str, Value)>) -> Self {
        let mut body = Map::new();
        body.insert("rt_cd".into(), "0".into());
        body.insert("msg_cd".into(), code.into());
        body.insert("msg1".into(), message.into());
        for (name, value) in parts {
            body.insert(name.into(), value);
        }
        Self { continuation: "", body }
    }
}

/// The two context keys of a paged answer: their suffix, and the width they are padded to (KIS.md 3.3).
#[derive(Clone, Copy, Debug)]
pub(super) struct Paging {
    pub(super) width: usize,
    /// Rows on a page.
    pub(super) rows: usize,
    /// True where new rows come at the front.
    pub(super) newest_first: bool,
}

impl Paging {
    /// Cuts the page that `call` asks for out of `items`, and writes only its rows. The key counts from the end that does not grow, so an order that arrives
    /// between two pages neither repeats nor hides a row.
    ///
    /// # Errors
    /// When the next page is asked for with other context keys than the last answer gave, letter for letter (KIS.md 3.3).
    pub(super) fn cut<T>(
        self,
        call: &Call,
        items: Vec<T>,
        row: impl Fn(T) -> Value,
    ) -> Result<Page, Refusal> {
        let filter = wire::pad(&format!("{}^{}^", call.get("CANO"), call.get("ACNT_PRDT_CD")), self.width);
        let key = if call.next_page { Some(self.key(call, &filter)?) } else { None };
        let start =
            key.map_or(0, |key| if self.newest_first { items.len().saturating_sub(key) } else { key });
        let end = items.len().min(start + self.rows);
        let more = end < items.len();
        let next = if self.newest_first { items.len() - end } else { end };
        Ok(Page {
            rows: items.into_iter().skip(start).take(self.rows).map(row).collect(),
            continuation: if more { "M" } else { "D" },
            filter,
            next: wire::pad(&if more { format!("{next:010}") } else { String::new() }, self.width),
            width: self.width,
        })
    }

    fn key(self, call: &Call, filter: &str) -> Result<usize, Refusal> {
        let [fk, nk] = ["FK", "NK"].map(|which| self.name(which));
        if call.verbatim(&fk) != filter {
            return Err(refusal::invalid(&fk));
        }
        let sent = call.verbatim(&nk);
        let key = sent.trim_end().parse::<usize>().ok();
        key.filter(|key| wire::pad(&format!("{key:010}"), self.width) == sent)
            .ok_or_else(|| refusal::invalid(&nk))
    }

    fn name(self, which: &str) -> String {
        format!("CTX_AREA_{which}{}", self.width)
    }
}

/// One page of rows.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) rows: Vec<Value>,
    continuation: &'static str,
    filter: String,
    next: String,
    width: usize,
}

impl Page {
    /// The answer: `parts` beside the page's own keys. `is_empty` tells whether there is anything to show at all.
    pub(super) fn reply(self, is_empty: bool, parts: Vec<(&str, Value)>) -> Reply {
        self.reply_closing(if is_empty { Note::Nothing } else { Note::Complete }, parts)
    }

    /// The same, with what the last page says.
    pub(super) fn reply_closing(self, closing: Note, parts: Vec<(&str, Value)>) -> Reply {
        let note = if self.continuation == "M" { Note::MoreToCome } else { closing };
        let mut reply = Reply::noted(note, parts);
        reply.body.insert(format!("ctx_area_fk{}", self.width), json!(self.filter));
        reply.body.insert(format!("ctx_area_nk{}", self.width), json!(self.next));
        reply.continuation = self.continuation;
        reply
    }
}
