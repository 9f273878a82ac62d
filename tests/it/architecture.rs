//! The house keeps its shape: who may depend on whom, and what no room may touch (architecture 1).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Crates that reach the world; none of them may appear under `actors/`.
const WORLDLY: [&str; 10] = [
    "reqwest",
    "diesel",
    "diesel_migrations",
    "envy",
    "dotenvy",
    "axum",
    "tower",
    "libsqlite3-sys",
    "clap",
    "http",
];

/// Layer 1b: rooms that meet through messages only.
const STRANGERS: [&str; 5] = ["market_clock", "scanner", "brain", "notifier", "optimizer"];

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut metadata = Command::new(env!("CARGO"));
    metadata.current_dir(root).args(["metadata", "--format-version", "1", "--no-deps", "--offline"]);
    let json: Value = serde_json::from_slice(&metadata.output().unwrap().stdout).unwrap();
    let name_of = |v: &Value| v["name"].as_str().unwrap().to_owned();
    let of_package = |package: &Value| {
        let normal = package["dependencies"].as_array().unwrap().iter().filter(|d| d["kind"].is_null());
        (name_of(package), normal.map(name_of).collect())
    };
    json["packages"].as_array().unwrap().iter().map(of_package).collect()
}

#[test]
fn no_room_reaches_the_world() {
    for (room, crates) in dependencies().into_iter().filter(|(room, _)| room != "kestrel") {
        let found: Vec<_> = WORLDLY.into_iter().filter(|name| crates.contains(*name)).collect();
        assert!(found.is_empty(), "actors/{room} depends on {found:?}");
    }
}

#[test]
fn rooms_depend_downwards_only() {
    let all = dependencies();
    let rooms: BTreeSet<&str> = all.keys().map(String::as_str).filter(|name| *name != "kestrel").collect();
    let below = |room: &str| -> BTreeSet<&str> {
        let ground = ["domain", "strategy", "supervision"];
        let extra: &[&str] = match room {
            "domain" | "supervision" => return BTreeSet::new(),
            "strategy" => return BTreeSet::from(["domain"]),
            "risk_guard" => &[],
            "broker" => &["risk_guard", "trade_ledger"],
            _ => &["risk_guard"],
        };
        ground.into_iter().chain(extra.iter().copied()).collect()
    };
    for room in &rooms {
        let used: BTreeSet<&str> =
            all[*room].iter().map(String::as_str).filter(|name| rooms.contains(name)).collect();
        let allowed = below(room);
        let strange: Vec<_> = used.difference(&allowed).collect();
        assert!(strange.is_empty(), "actors/{room} must not depend on {strange:?}");
    }
    assert!(STRANGERS.iter().all(|room| rooms.contains(room)), "all rooms are there: {rooms:?}");
}

#[test]
fn the_simulator_and_the_client_do_not_know_each_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (folder, forbidden) in [("simulator", "crate::kis"), ("kis", "crate::simulator")] {
        for file in rust_files(&root.join(folder)).into_iter().chain([root.join(format!("{folder}.rs"))]) {
            let text = std::fs::read_to_string(&file).unwrap();
            let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
            let is_test = file.file_stem().is_some_and(|stem| stem.to_string_lossy().contains("test"));
            assert!(is_test || !shipped.contains(forbidden), "{} uses {forbidden}", file.display());
        }
    }
}

#[test]
fn every_source_file_says_first_what_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["src", "actors", "tests"] {
        for file in rust_files(&root.join(folder)) {
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(text.starts_with("//!"), "{} does not open with //!", file.display());
        }
    }
}

#[test]
fn a_release_build_refuses_faults_and_mutants() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = tempfile::TempDir::new().unwrap();
    for feature in ["faults", "mutants"] {
        let mut rustc = Command::new("rustc");
        rustc.args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata"]);
        rustc.args(["-C", "debug-assertions=off", "--cfg", &format!("feature=\"{feature}\"")]);
        rustc.arg("--out-dir").arg(out.path()).arg(root.join("actors/supervision/src/lib.rs"));
        let compiled = rustc.output().unwrap();
        let text = String::from_utf8_lossy(&compiled.stderr).into_owned();
        assert!(!compiled.status.success());
        let refusal = format!("the feature `{feature}` is for tests: a release build must not contain it");
        assert!(text.contains(&refusal), "{feature}: {text}");
    }
}

pub(crate) fn rust_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The order protocol numbers its invariants from 1 to 28.
const INVARIANTS: std::ops::RangeInclusive<u32> = 1..=28;

#[test]
fn every_invariant_has_a_check_that_bears_its_number() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = ["actors", "src", "tests"].into_iter().flat_map(|folder| rust_files(&root.join(folder)));
    let found: BTreeSet<u32> =
        files.flat_map(|file| invariants_of_checks(&std::fs::read_to_string(file).unwrap())).collect();
    let without: Vec<_> = INVARIANTS.filter(|number| !found.contains(number)).collect();
    assert!(without.is_empty(), "invariants without a check of their name: {without:?}");
    let unknown: Vec<_> = found.iter().filter(|number| !INVARIANTS.contains(number)).collect();
    assert!(unknown.is_empty(), "there are no such invariants: {unknown:?}");
}

/// The numbers in the names of this file's tests, `invariant_NN_...`; any other way to write one is a mistake.
fn invariants_of_checks(source: &str) -> Vec<u32> {
    let mut numbers = Vec::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim_start) {
        let name = line.trim_start_matches("async ").strip_prefix("fn invariant_");
        if let Some(name) = name.filter(|_| is_test) {
            let digits = name.split('_').next().unwrap_or_default();
            assert!(digits.len() == 2, "two digits and a sentence: invariant_{name}");
            numbers.push(digits.parse().unwrap_or_else(|_| panic!("no number: invariant_{name}")));
        }
        let attribute = line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        is_test = attribute || (is_test && line.starts_with("#["));
    }
    numbers
}

#[test]
fn only_a_test_counts_as_a_check_of_an_invariant() {
    let source = "#[test]\nfn invariant_01_a_b() {\n}\nfn invariant_02_a_b() {}\n\
                  #[tokio::test(start_paused = true)]\nasync fn invariant_03_a_b() {}\n\
                  /// invariant_04_a_b\n#[test]\nfn a_b() { invariant_05_a_b(); }\n";
    assert_eq!(invariants_of_checks(source), [1, 3]);
}
