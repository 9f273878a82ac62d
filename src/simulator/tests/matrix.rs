//! The endpoint matrix of KIS.md 6, row by row, against the exchange's own.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::simulator::Environment;
use crate::simulator::endpoints::{self, Endpoint, Verb};

/// A row of the sheet: a path, its method, and the TR ids that the row names.
#[derive(Debug)]
struct Row {
    path: String,
    method: String,
    real: BTreeSet<String>,
    paper: BTreeSet<String>,
}

fn sheet() -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/reference/kis/KIS.md");
    std::fs::read_to_string(path).ok()
}

fn rows(sheet: &str) -> Vec<Row> {
    let section = sheet.split("\n## 6. Endpoint matrix").nth(1).unwrap().split("\n### 6.1").next().unwrap();
    let mut rows = Vec::new();
    let mut above = String::new();
    for line in section.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let named = if cells[2] == "same path" { above.clone() } else { cells[2].to_owned() };
        above.clone_from(&named);
        let (method, path) = named.split_once(' ').unwrap_or(("GET", &named));
        let real = ids(cells[3], "");
        let paper = if cells[4].starts_with("same") || cells[4].starts_with("**same") {
            real.clone()
        } else if cells[4].starts_with('–') {
            BTreeSet::new()
        } else {
            ids(cells[4], "V")
        };
        for path in paths(path) {
            let (method, real, paper) = (method.to_owned(), real.clone(), paper.clone());
            rows.push(Row { path, method, real, paper });
        }
    }
    rows
}

/// Words that have the form of a TR id and begin like one.
fn ids(cell: &str, first: &str) -> BTreeSet<String> {
    let words = cell.split(|character: char| !character.is_ascii_alphanumeric());
    let is_id = |word: &&str| {
        (9..=13).contains(&word.len())
            && word.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
            && word.bytes().any(|byte| byte.is_ascii_digit())
            && word.starts_with(first)
    };
    words.filter(is_id).map(str::to_owned).collect()
}

/// The prefixes of the sheet spelled out, and `{a, b}` taken apart.
fn paths(short: &str) -> Vec<String> {
    let (prefix, rest) = short.split_once('/').unwrap();
    let prefix = match prefix {
        "D" => "/uapi/domestic-stock/v1",
        "O" => "/uapi/overseas-stock/v1",
        "Q" => "/uapi/overseas-price/v1",
        other => panic!("no prefix: {other}"),
    };
    let Some((before, choices)) = rest.split_once('{') else { return vec![format!("{prefix}/{rest}")] };
    let choices = choices.trim_end_matches('}').split(',').map(str::trim);
    choices.map(|choice| format!("{prefix}/{before}{choice}")).collect()
}

fn method(endpoint: &Endpoint) -> &'static str {
    match endpoint.verb {
        Verb::Get => "GET",
        Verb::Post => "POST",
    }
}

#[test]
fn every_row_of_the_sheet_is_answered_with_its_method_and_ids() {
    let Some(sheet) = sheet() else {
        assert!(!std::env::var("KESTREL_STRICT").is_ok_and(|value| value == "1"), "KIS.md is missing");
        return println!("skipped: ../shared/reference/kis/KIS.md is not there");
    };
    let rows = rows(&sheet);
    assert!(rows.len() >= 60, "only {} rows were read", rows.len());
    let mut faults = Vec::new();
    for row in &rows {
        let Some(endpoint) = endpoints::all().find(|endpoint| endpoint.path == row.path) else {
            faults.push(format!("{}: not answered", row.path));
            continue;
        };
        if method(endpoint) != row.method {
            faults.push(format!("{}: {} and not {}", row.path, method(endpoint), row.method));
        }
        for (environment, wanted) in [(Environment::Real, &row.real), (Environment::Paper, &row.paper)] {
            let own: BTreeSet<&str> =
                endpoint.transactions.iter().filter_map(|known| known.id(environment)).collect();
            // The ids of a row that shares four of one kind, `HHDFS76330000 / 76340000`, are read in part.
            let missing: Vec<_> = wanted.iter().filter(|id| !own.contains(id.as_str())).collect();
            if !missing.is_empty() && !row.path.contains("/ranking/") {
                faults.push(format!("{} {environment:?}: {missing:?} is not known", row.path));
            }
        }
        let offered = endpoint.transactions.iter().any(|known| known.paper.is_some());
        if row.paper.is_empty() && offered && !row.real.is_empty() {
            faults.push(format!("{}: the paper host does not offer it", row.path));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_path_is_there_twice_and_no_id_means_two_things_at_one_path() {
    let mut paths = BTreeSet::new();
    for endpoint in endpoints::all() {
        assert!(paths.insert(endpoint.path), "{} is there twice", endpoint.path);
        for environment in [Environment::Real, Environment::Paper] {
            let ids: Vec<_> =
                endpoint.transactions.iter().filter_map(|known| known.id(environment)).collect();
            let unique: BTreeSet<_> = ids.iter().collect();
            assert_eq!(ids.len(), unique.len(), "{}", endpoint.path);
            assert!(ids.iter().all(|id| id.len() <= 13), "{}", endpoint.path);
        }
    }
}
