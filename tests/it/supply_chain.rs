//! What the program is built from (order-protocol, invariant 27): pinned floors below which an advisory is known, one
//! registry, nothing from a repository.

use std::collections::BTreeSet;
use std::path::Path;

/// Crates of this lock file with a known advisory, its newest one at the time of writing, and the version that mends it
/// (RustSec). A snapshot: what is found later is found by `cargo audit`, and belongs in here.
const FLOORS: [(&str, [u64; 3], &str); 27] = [
    ("bumpalo", [3, 11, 1], "RUSTSEC-2022-0078"),
    ("chrono", [0, 4, 20], "RUSTSEC-2020-0159"),
    ("crossbeam-channel", [0, 5, 15], "RUSTSEC-2025-0024"),
    ("diesel", [2, 3, 10], "RUSTSEC-2026-0172"),
    ("futures-task", [0, 3, 6], "RUSTSEC-2020-0061"),
    ("futures-util", [0, 3, 7], "RUSTSEC-2020-0059"),
    ("generic-array", [0, 13, 3], "RUSTSEC-2020-0146"),
    ("http", [0, 1, 20], "RUSTSEC-2019-0034"),
    ("hyper", [0, 14, 10], "RUSTSEC-2021-0079"),
    ("idna", [1, 0, 0], "RUSTSEC-2024-0421"),
    ("libsqlite3-sys", [0, 25, 1], "RUSTSEC-2022-0090"),
    ("lock_api", [0, 4, 2], "RUSTSEC-2020-0070"),
    ("mio", [0, 8, 11], "RUSTSEC-2024-0019"),
    ("quinn-proto", [0, 11, 7], "RUSTSEC-2024-0373"),
    ("ring", [0, 17, 12], "RUSTSEC-2025-0009"),
    ("rustls", [0, 23, 18], "RUSTSEC-2024-0399"),
    ("rustls-webpki", [0, 101, 4], "RUSTSEC-2023-0053"),
    ("shlex", [1, 3, 0], "RUSTSEC-2024-0006"),
    ("slab", [0, 4, 11], "RUSTSEC-2025-0047"),
    ("smallvec", [1, 6, 1], "RUSTSEC-2021-0003"),
    ("socket2", [0, 3, 16], "RUSTSEC-2020-0079"),
    ("thread_local", [1, 1, 4], "RUSTSEC-2022-0006"),
    ("time", [0, 2, 23], "RUSTSEC-2020-0071"),
    ("tokio", [1, 44, 2], "RUSTSEC-2025-0023"),
    ("tracing-subscriber", [0, 3, 20], "RUSTSEC-2025-0055"),
    ("tungstenite", [0, 20, 1], "RUSTSEC-2023-0065"),
    ("zerovec", [0, 10, 4], "RUSTSEC-2024-0347"),
];

/// Crates with an advisory that nothing mends: nobody keeps them any more, or they are unsound.
const ABANDONED: [&str; 10] = [
    "atty",
    "backoff",
    "bincode",
    "derivative",
    "dotenv",
    "fxhash",
    "instant",
    "paste",
    "proc-macro-error",
    "rustls-pemfile",
];

/// What is open against these packages, by name and version.
fn open_advisories(packages: &[Package]) -> Vec<String> {
    let is_old = |package: &&Package| {
        let floor = FLOORS.iter().find(|(name, ..)| *name == package.name);
        floor.is_some_and(|(_, floor, _)| numbers(&package.version) < *floor)
    };
    let is_open = |package: &&Package| is_old(package) || ABANDONED.contains(&package.name.as_str());
    packages.iter().filter(is_open).map(|package| format!("{} {}", package.name, package.version)).collect()
}

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
    assert_eq!(open_advisories(&all), Vec::<String>::new());
    for (name, ..) in FLOORS {
        assert!(all.iter().any(|package| package.name == name), "{name} is not locked any more: take it out");
    }
}

#[test]
fn invariant_27_a_lock_file_with_one_old_or_abandoned_crate_is_noticed() {
    for (name, [major, minor, patch], advisory) in FLOORS {
        let below = match (major, minor, patch) {
            (_, _, 1..) => [major, minor, patch - 1],
            (_, 1.., 0) => [major, minor - 1, 99],
            (_, 0, 0) => [major - 1, 99, 99],
        };
        for (version, is_open) in [(below, true), ([major, minor, patch], false)] {
            let version = version.map(|number| number.to_string()).join(".");
            let package = Package { name: name.into(), version, ..Package::default() };
            assert_eq!(!open_advisories(&[package]).is_empty(), is_open, "{name}, {advisory}");
        }
    }
    let abandoned = Package { name: "dotenv".into(), version: "0.15.0".into(), ..Package::default() };
    assert_eq!(open_advisories(&[abandoned]), ["dotenv 0.15.0"]);
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
