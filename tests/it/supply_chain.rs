//! What the program is built from (order-protocol, invariant 27): pinned floors below which an advisory is known, one
//! registry, nothing from a repository.

use std::collections::BTreeSet;
use std::path::Path;

/// Crates with a known advisory below this version (proof 8).
const FLOORS: [(&str, [u64; 3]); 3] =
    [("diesel", [2, 3, 10]), ("tracing-subscriber", [0, 3, 20]), ("h2", [0, 4, 16])];

/// One package of the lock file.
#[derive(Debug, Default)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
    checksum: bool,
}

fn packages() -> Vec<Package> {
    let lock = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).unwrap();
    let package = |block: &str| {
        let value = |key: &str| {
            let line = block.lines().find_map(|line| line.strip_prefix(&format!("{key} = ")))?;
            Some(line.trim_matches('"').to_owned())
        };
        Package {
            name: value("name").unwrap_or_default(),
            version: value("version").unwrap_or_default(),
            source: value("source"),
            checksum: value("checksum").is_some(),
        }
    };
    lock.split("[[package]]").skip(1).map(package).collect()
}

fn numbers(version: &str) -> [u64; 3] {
    let plain = version.split(['-', '+']).next().unwrap_or_default();
    let parts: Vec<u64> = plain.split('.').map(|part| part.parse().unwrap()).collect();
    parts.try_into().unwrap()
}

#[test]
fn invariant_27_no_crate_is_older_than_the_fix_of_its_known_advisories() {
    let all = packages();
    assert!(all.len() > 100, "{} packages", all.len());
    let mut judged = 0;
    for (name, floor) in FLOORS {
        for package in all.iter().filter(|package| package.name == name) {
            judged += 1;
            assert!(numbers(&package.version) >= floor, "{name} {} is below {floor:?}", package.version);
        }
    }
    assert!(judged >= 2, "diesel and tracing-subscriber are there");
}

#[test]
fn invariant_27_everything_comes_with_a_checksum_from_one_registry() {
    let all = packages();
    let foreign: Vec<&Package> = all.iter().filter(|package| package.source.is_some()).collect();
    let sources: BTreeSet<_> = foreign.iter().filter_map(|package| package.source.as_deref()).collect();
    assert_eq!(sources.len(), 1, "{sources:?}");
    assert!(sources.iter().all(|source| source.starts_with("registry+")), "{sources:?}");
    let unsealed: Vec<_> = foreign.iter().filter(|package| !package.checksum).collect();
    assert!(unsealed.is_empty(), "{unsealed:?}");
    let own = all.len() - foreign.len();
    assert!(own < 20, "{own} packages have no source: only this workspace may have none");
}

#[test]
fn no_client_is_built_but_the_hardened_one_and_nothing_unpacks_bodies() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    for feature in ["gzip", "brotli", "zstd", "deflate", "cookies", "socks"] {
        assert!(!manifest.contains(&format!("\"{feature}\"")), "{feature}");
    }
    let mut builders = Vec::new();
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read_to_string(&path).is_ok_and(|text| text.contains("reqwest::Client::")) {
                builders.push(path.strip_prefix(root).unwrap().to_owned());
            }
        }
    }
    assert_eq!(builders, [Path::new("src/http/socket.rs")]);
}
