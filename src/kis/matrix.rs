//! The table of KIS's services in the documentation is true: against what the client sends, and against the sheet.

use std::collections::BTreeMap;

use super::order;
use super::trid::reads;

/// A row of the table above.
#[derive(Debug)]
struct Row<'a> {
    path: String,
    ids: Vec<&'a str>,
    is_used: bool,
}

const TABLE: &str = include_str!("matrix.md");

fn rows() -> Vec<Row<'static>> {
    let lines = TABLE.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = lines.map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let cells = cells.filter(|cells| cells[0] != "service");
    cells
        .map(|cells| Row {
            path: path(cells[0]),
            ids: cells[1].split(' ').collect(),
            is_used: used(cells[2]),
        })
        .collect()
}

fn path(short: &str) -> String {
    let (prefix, rest) = short.split_once('/').unwrap();
    let prefix = match prefix {
        "D" => "domestic-stock",
        "O" => "overseas-stock",
        "Q" => "overseas-price",
        other => panic!("no prefix: {other}"),
    };
    format!("/uapi/{prefix}/v1/{rest}")
}

/// A row is used, or says why not.
fn used(here: &str) -> bool {
    let (word, why) = here.split_once(": ").unwrap();
    assert!(why.len() > 10 && ["used", "without"].contains(&word), "{here}");
    word == "used"
}

/// Path and real TR ids of everything that the client can send.
fn sent() -> BTreeMap<String, Vec<&'static str>> {
    let mut sent: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
    for (path, id) in reads::ALL.iter().map(super::trid::Read::real).chain(order::real_ids()) {
        let ids = sent.entry(path.to_owned()).or_default();
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    sent
}

#[test]
fn the_table_names_as_used_exactly_what_the_client_sends() {
    let mut used: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for row in rows().into_iter().filter(|row| row.is_used) {
        used.entry(row.path).or_default().extend(row.ids);
    }
    let rankings =
        ["updown-rate", "trade-vol", "volume-surge"].map(|name| path(&format!("O/ranking/{name}")));
    for path in rankings {
        assert!(used.remove(&path).is_some(), "{path}: its address is a setting");
    }
    let sorted = |table: BTreeMap<String, Vec<&'static str>>| -> Vec<(String, Vec<&'static str>)> {
        let sort = |(path, mut ids): (String, Vec<&'static str>)| {
            ids.sort_unstable();
            (path, ids)
        };
        table.into_iter().map(sort).collect()
    };
    assert_eq!(sorted(used), sorted(sent()));
}

#[test]
fn every_row_of_the_reference_sheet_is_used_or_has_its_reason() {
    let own: Vec<&str> = rows().into_iter().flat_map(|row| row.ids).collect();
    assert_eq!(own.len(), own.iter().collect::<std::collections::BTreeSet<_>>().len(), "an id stands twice");
    let sheet = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/reference/kis/KIS.md");
    let Ok(sheet) = std::fs::read_to_string(sheet) else {
        assert!(std::env::var("KESTREL_STRICT").is_err(), "KESTREL_STRICT is set, and {sheet} is missing");
        return println!("skipped: {sheet} is missing");
    };
    let section = sheet.split("\n## 6. Endpoint matrix").nth(1).unwrap().split("\n### 6.1").next().unwrap();
    let real =
        section.lines().filter(|line| line.starts_with("| ")).filter_map(|line| line.split('|').nth(3));
    let words = real.flat_map(|cell| cell.split(|c: char| !c.is_ascii_alphanumeric()));
    let is_id =
        |word: &&str| word.len() >= 9 && word.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    let missing: Vec<_> = words.filter(is_id).filter(|id| !own.contains(id)).collect();
    assert!(missing.is_empty() && section.len() > 1_000, "{missing:?}");
}
