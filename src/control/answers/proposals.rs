//! Proposals as a person reads them.

use domain::messages::evolution::{ProposalLine, ProposalNumber, ProposalRecord};

use super::instant;
use super::table::Table;
use crate::proposals;

pub(super) fn list(lines: &[ProposalLine]) -> String {
    if lines.is_empty() {
        return "Nothing was proposed yet.".to_owned();
    }
    let mut table = Table::new(&["number", "market", "name", "status", "last (UTC)", "by", "why"], &[]);
    for line in lines {
        let last = line.last.as_ref();
        table.row([
            line.number.to_string(),
            line.market.to_string(),
            line.name.clone(),
            line.status.to_string().replace('_', " "),
            last.map_or("-".to_owned(), |last| instant(last.at)),
            last.map_or("-".to_owned(), |last| last.by.clone()),
            last.map_or("-".to_owned(), |last| last.reason.clone()),
        ]);
    }
    let mut text = table.to_string();
    for line in lines.iter().filter(|line| !line.changes.is_empty()) {
        text.push_str(&format!("Proposal {} changes:\n", line.number));
        line.changes.iter().for_each(|change| text.push_str(&format!("  {change}\n")));
    }
    text + "Show one with: kestrel proposals show NUMBER"
}

pub(super) fn one(number: ProposalNumber, record: Option<&ProposalRecord>) -> String {
    match record {
        Some(record) => proposals::in_words(record),
        None => format!("There is no proposal {number}. See them with: kestrel proposals list"),
    }
}
