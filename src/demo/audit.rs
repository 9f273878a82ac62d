//! The invariant report: what the exchange says happened, against what the agent's books say.
//!
//! The exchange's list is the venue's own, tagged out of band with the intent each POST was made for; nothing that the
//! agent derived is trusted here.

use std::collections::BTreeMap;

use domain::messages::ledger::IntentRecord;
use domain::{Instrument, OrderState, OrderTerms, Quantity, Side};
use serde::Serialize;

use crate::simulator::{VenueBooks, VenueOrder};

/// A rule of the audit.
pub const UNAPPROVED: &str = "every order at the exchange was approved, with these terms";
/// A rule of the audit.
pub const DOUBLED: &str = "no intent has two orders";
/// A rule of the audit.
pub const LOST: &str = "every order at the exchange is in the agent's books";
/// A rule of the audit.
pub const INVENTED: &str = "every order in the agent's books is at the exchange";
/// A rule of the audit.
pub const FILLS: &str = "fills agree, order by order";
/// A rule of the audit.
pub const POSITIONS: &str = "positions agree, stock by stock";
/// A rule of the audit.
pub const UNRESOLVED: &str = "no order's fate is unknown";

/// An order in the exchange's own books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VenueLine {
    /// Date, branch and number: unique at the exchange.
    pub number: String,
    /// The intent that its POST was tagged with; none: no order of ours.
    pub intent: Option<String>,
    /// What was ordered; none for an order without a limit, which the agent never sends.
    pub terms: Option<OrderTerms>,
    /// Shares filled.
    pub filled: Quantity,
}

/// An intent in the agent's books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerLine {
    /// Its id.
    pub intent: String,
    /// True when an approval is committed with it.
    pub approved: bool,
    /// What was approved.
    pub terms: OrderTerms,
    /// Where it is.
    pub state: OrderState,
    /// The exchange's order, once known: date, branch and number.
    pub number: Option<String>,
    /// Shares booked as filled.
    pub filled: Quantity,
}

impl From<&VenueOrder> for VenueLine {
    fn from(order: &VenueOrder) -> Self {
        let terms = |limit| OrderTerms {
            instrument: order.instrument.clone(),
            side: order.side,
            quantity: order.quantity,
            limit,
        };
        Self {
            number: order.id.to_string(),
            intent: order.tag.clone(),
            terms: order.limit.map(terms),
            filled: order.filled,
        }
    }
}

impl From<&IntentRecord> for LedgerLine {
    fn from(intent: &IntentRecord) -> Self {
        Self {
            intent: intent.id.to_string(),
            approved: intent.approval.is_some(),
            terms: intent.terms.clone(),
            state: intent.state,
            number: intent.venue_order.as_ref().map(ToString::to_string),
            filled: intent.filled,
        }
    }
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What must hold.
    pub rule: &'static str,
    /// How many things were looked at.
    pub checked: usize,
    /// What breaks the rule; empty when it holds.
    pub broken: Vec<String>,
}

/// Compares the exchange's own books with the agent's.
pub fn audit_books(venue: &VenueBooks, ledger: &[IntentRecord]) -> Vec<Finding> {
    let orders: Vec<_> = venue.orders.iter().map(VenueLine::from).collect();
    let intents: Vec<_> = ledger.iter().map(LedgerLine::from).collect();
    let positions: Vec<_> =
        venue.positions.iter().map(|held| (held.instrument.clone(), held.quantity)).collect();
    audit(&orders, &intents, &positions)
}

/// Compares the books. An empty `broken` everywhere means that they agree.
pub fn audit(
    venue: &[VenueLine],
    ledger: &[LedgerLine],
    venue_positions: &[(Instrument, Quantity)],
) -> Vec<Finding> {
    let books = Books {
        venue,
        ledger,
        intents: ledger.iter().map(|line| (line.intent.as_str(), line)).collect(),
        orders: venue.iter().map(|line| (line.number.as_str(), line)).collect(),
    };
    vec![
        books.nothing_unapproved(),
        books.nothing_doubled(),
        books.nothing_lost(),
        books.nothing_invented(),
        books.fills_agree(),
        books.positions_agree(venue_positions),
        books.nothing_unresolved(),
    ]
}

/// True when no finding is broken.
pub fn is_clean(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.broken.is_empty())
}

struct Books<'a> {
    venue: &'a [VenueLine],
    ledger: &'a [LedgerLine],
    intents: BTreeMap<&'a str, &'a LedgerLine>,
    orders: BTreeMap<&'a str, &'a VenueLine>,
}

impl Books<'_> {
    fn intent_of(&self, line: &VenueLine) -> Option<&LedgerLine> {
        self.intents.get(line.intent.as_deref()?).copied()
    }

    fn nothing_unapproved(&self) -> Finding {
        let fault = |line: &VenueLine| match self.intent_of(line) {
            None => Some(format!("order {} has no intent", line.number)),
            Some(intent) if !intent.approved => Some(format!("order {} has no approval", line.number)),
            Some(intent) if Some(&intent.terms) != line.terms.as_ref() => {
                Some(format!("order {}: approved {}, ordered {:?}", line.number, intent.terms, line.terms))
            }
            Some(_) => None,
        };
        finding(UNAPPROVED, self.venue, fault)
    }

    fn nothing_doubled(&self) -> Finding {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for intent in self.venue.iter().filter_map(|line| line.intent.as_deref()) {
            *seen.entry(intent).or_default() += 1;
        }
        let fault = |line: &LedgerLine| {
            let orders = seen.get(line.intent.as_str()).copied().unwrap_or(0);
            (orders > 1).then(|| format!("intent {} has {orders} orders", line.intent))
        };
        finding(DOUBLED, self.ledger, fault)
    }

    fn nothing_lost(&self) -> Finding {
        let fault = |line: &VenueLine| {
            let known = self.intent_of(line).and_then(|intent| intent.number.as_deref());
            (known != Some(line.number.as_str()))
                .then(|| format!("order {} is not in the books", line.number))
        };
        finding(LOST, self.venue, fault)
    }

    fn nothing_invented(&self) -> Finding {
        let fault = |line: &LedgerLine| {
            let number = line.number.as_deref()?;
            (!self.orders.contains_key(number)).then(|| format!("order {number} is not at the exchange"))
        };
        finding(INVENTED, self.ledger, fault)
    }

    fn fills_agree(&self) -> Finding {
        let fault = |line: &VenueLine| {
            let booked = self.intent_of(line)?.filled;
            (booked != line.filled)
                .then(|| format!("order {}: filled {}, booked {booked}", line.number, line.filled))
        };
        finding(FILLS, self.venue, fault)
    }

    fn positions_agree(&self, venue: &[(Instrument, Quantity)]) -> Finding {
        let mut ours: BTreeMap<Instrument, i128> = BTreeMap::new();
        for line in self.ledger {
            let shares = i128::from(line.filled.get());
            let signed = if line.terms.side == Side::Buy { shares } else { -shares };
            *ours.entry(line.terms.instrument.clone()).or_default() += signed;
        }
        let mut all: BTreeMap<Instrument, (i128, i128)> =
            ours.into_iter().map(|(instrument, shares)| (instrument, (shares, 0))).collect();
        for (instrument, shares) in venue {
            all.entry(instrument.clone()).or_default().1 += i128::from(shares.get());
        }
        let all: Vec<_> = all.into_iter().collect();
        let fault = |(instrument, (ours, theirs)): &(Instrument, (i128, i128))| {
            (ours != theirs).then(|| format!("{instrument}: booked {ours}, at the exchange {theirs}"))
        };
        finding(POSITIONS, &all, fault)
    }

    fn nothing_unresolved(&self) -> Finding {
        let fault = |line: &LedgerLine| {
            line.state.is_unresolved().then(|| format!("intent {} is {}", line.intent, line.state))
        };
        finding(UNRESOLVED, self.ledger, fault)
    }
}

fn finding<T>(rule: &'static str, items: &[T], fault: impl Fn(&T) -> Option<String>) -> Finding {
    Finding { rule, checked: items.len(), broken: items.iter().filter_map(fault).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Market;

    fn terms(quantity: u64) -> OrderTerms {
        OrderTerms {
            instrument: Instrument { market: Market::Kr, symbol: "005930".parse().unwrap() },
            side: Side::Buy,
            quantity: Quantity::new(quantity),
            limit: "70000".parse().unwrap(),
        }
    }

    fn at_venue(number: &str, intent: &str) -> VenueLine {
        let intent = (!intent.is_empty()).then(|| intent.to_owned());
        VenueLine { number: number.into(), intent, terms: Some(terms(10)), filled: Quantity::new(10) }
    }

    fn in_books(intent: &str, number: &str) -> LedgerLine {
        LedgerLine {
            intent: intent.into(),
            approved: true,
            terms: terms(10),
            state: OrderState::Filled,
            number: Some(number.into()),
            filled: Quantity::new(10),
        }
    }

    fn held(shares: u64) -> Vec<(Instrument, Quantity)> {
        vec![(terms(1).instrument, Quantity::new(shares))]
    }

    fn broken(findings: &[Finding]) -> Vec<&'static str> {
        findings.iter().filter(|f| !f.broken.is_empty()).map(|f| f.rule).collect()
    }

    #[test]
    fn books_that_agree_give_a_clean_report() {
        let findings = audit(&[at_venue("1", "a")], &[in_books("a", "1")], &held(10));
        assert!(is_clean(&findings), "{findings:?}");
    }

    #[test]
    fn each_kind_of_disagreement_breaks_its_own_rule() {
        let unapproved = LedgerLine { approved: false, ..in_books("a", "1") };
        let other_terms = LedgerLine { terms: terms(11), ..in_books("a", "1") };
        let unknown = LedgerLine { state: OrderState::Unknown, ..in_books("a", "1") };
        let short = LedgerLine { filled: Quantity::new(9), ..in_books("a", "1") };
        let cases: [(&[VenueLine], &[LedgerLine], u64, &str); 8] = [
            (&[at_venue("1", "")], &[], 0, "every order at the exchange was approved, with these terms"),
            (
                &[at_venue("1", "a")],
                &[unapproved],
                10,
                "every order at the exchange was approved, with these terms",
            ),
            (
                &[at_venue("1", "a")],
                &[other_terms],
                10,
                "every order at the exchange was approved, with these terms",
            ),
            (
                &[at_venue("1", "a"), at_venue("2", "a")],
                &[in_books("a", "1")],
                10,
                "no intent has two orders",
            ),
            (
                &[at_venue("2", "a")],
                &[in_books("a", "1")],
                10,
                "every order at the exchange is in the agent's books",
            ),
            (&[], &[in_books("a", "1")], 10, "every order in the agent's books is at the exchange"),
            (&[at_venue("1", "a")], &[short], 9, "fills agree, order by order"),
            (&[at_venue("1", "a")], &[unknown], 10, "no order's fate is unknown"),
        ];
        for (venue, ledger, shares, rule) in cases {
            assert!(broken(&audit(venue, ledger, &held(shares))).contains(&rule), "{rule}");
        }
        let lost_share = audit(&[at_venue("1", "a")], &[in_books("a", "1")], &held(9));
        assert_eq!(broken(&lost_share), ["positions agree, stock by stock"]);
    }
}
