//! What the program is built from (order-protocol, invariant 27): no crate with an open advisory of a pinned snapshot, one
//! registry, nothing from a repository.

use std::collections::BTreeSet;
use std::path::Path;

use chrono::NaiveDate;
use semver::{Version, VersionReq};
use serde::Deserialize;

/// What the RustSec database said of these crates at the commit and on the day that it names (`tests/data/README.md`).
const EXTRACT: &str = include_str!("../data/advisories.json");

/// How the extract is written anew.
const REFRESH: &str =
    "write the extract anew: ADVISORY_DB=FOLDER .ci/supply extract (FOLDER: a clone of the RustSec database)";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Extract {
    snapshot: Snapshot,
    /// Crates that were asked for, whether or not anything was found.
    looked_up: BTreeSet<String>,
    advisories: Vec<Advisory>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Snapshot {
    commit: String,
    date: NaiveDate,
}

/// One advisory, as RustSec words it: a version is concerned unless one of these ranges has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Advisory {
    id: String,
    package: String,
    patched: Vec<VersionReq>,
    unaffected: Vec<VersionReq>,
    /// `unsound`, `unmaintained` or a notice: as little wanted as a vulnerability.
    #[serde(default)]
    informational: Option<String>,
}

impl Advisory {
    fn concerns(&self, version: &Version) -> bool {
        !self.patched.iter().chain(&self.unaffected).any(|range| range.matches(version))
    }

    /// The versions at which its ranges begin or end, and those just below.
    fn corners(&self) -> Vec<Version> {
        let comparators = self.patched.iter().chain(&self.unaffected).flat_map(|range| &range.comparators);
        let at = comparators.map(|one| (one.major, one.minor.unwrap_or(0), one.patch.unwrap_or(0)));
        let with_below = at.flat_map(|(major, minor, patch)| {
            let below = match (major, minor, patch) {
                (_, _, 1..) => (major, minor, patch - 1),
                (_, 1.., 0) => (major, minor - 1, 999),
                (1.., 0, 0) => (major - 1, 999, 999),
                (0, 0, 0) => (0, 0, 0),
            };
            [below, (major, minor, patch)]
        });
        with_below.map(|(major, minor, patch)| Version::new(major, minor, patch)).collect()
    }
}

fn extract() -> Extract {
    serde_json::from_str(EXTRACT).unwrap()
}

impl Extract {
    /// What is open against these packages of the registry: by an advisory, or because nobody asked.
    fn open_against(&self, packages: &[Package]) -> Vec<String> {
        let foreign = packages.iter().filter(|package| package.source.is_some());
        foreign.flat_map(|package| self.open_against_one(package)).collect()
    }

    fn open_against_one(&self, package: &Package) -> Vec<String> {
        let Package { name, version, .. } = package;
        if !self.looked_up.contains(name) {
            return vec![format!("{name} was not looked up; {REFRESH}")];
        }
        let version: Version = version.parse().unwrap();
        let of_this = self.advisories.iter().filter(|one| one.package == *name && one.concerns(&version));
        of_this
            .map(|one| format!("{name} {version}: {} {}", one.id, one.informational.as_deref().unwrap_or("")))
            .collect()
    }
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

/// A crate of the registry.
fn foreign(name: &str, version: &str) -> Package {
    Package { name: name.into(), version: version.into(), source: Some("registry+".into()), checksum: true }
}

#[test]
fn invariant_27_no_crate_has_an_open_advisory_of_the_pinned_snapshot_and_each_was_looked_up() {
    let (all, extract) = (packages(), extract());
    assert!(all.len() > 100, "{} packages", all.len());
    assert_eq!(extract.open_against(&all), Vec::<String>::new());
    let locked: BTreeSet<String> =
        all.into_iter().filter(|package| package.source.is_some()).map(|package| package.name).collect();
    let gone: Vec<_> = extract.looked_up.difference(&locked).collect();
    assert!(gone.is_empty(), "not locked any more: {gone:?}; {REFRESH}");
    let commit = &extract.snapshot.commit;
    assert!(commit.len() == 40 && commit.chars().all(|digit| digit.is_ascii_hexdigit()), "{commit}");
    assert!(
        extract.snapshot.date >= NaiveDate::from_ymd_opt(2026, 10, 9).unwrap(),
        "{}",
        extract.snapshot.date
    );
}

#[test]
fn invariant_27_each_advisory_of_the_snapshot_is_seen_in_a_lock_file_that_it_concerns() {
    let extract = extract();
    assert!(extract.advisories.len() > 50, "{}", extract.advisories.len());
    for advisory in &extract.advisories {
        let open = |version: &Version| {
            let open = extract.open_against(&[foreign(&advisory.package, &version.to_string())]);
            open.iter().any(|line| line.contains(&advisory.id))
        };
        let mut corners = advisory.corners();
        corners.push(Version::new(0, 0, 0));
        assert!(corners.iter().any(open), "{advisory:?} is seen nowhere");
        assert!(corners.iter().all(|version| open(version) == advisory.concerns(version)), "{advisory:?}");
        let is_mended = |version: &Version| advisory.patched.iter().any(|range| range.matches(version));
        assert_eq!(corners.iter().any(is_mended), !advisory.patched.is_empty(), "{advisory:?}");
    }
}

#[test]
fn invariant_27_known_versions_are_judged_as_rustsec_judges_them() {
    for (name, version, advisory) in [
        ("tokio", "1.44.1", Some("RUSTSEC-2025-0023 unsound")),
        ("tokio", "1.43.1", None),
        ("rand", "0.8.5", Some("RUSTSEC-2026-0097 unsound")),
        ("rand", "0.8.6", None),
        ("rand", "0.9.2", Some("RUSTSEC-2026-0097 unsound")),
        ("rustls", "0.23.44", Some("RUSTSEC-2026-0285")),
        ("rustls", "0.23.45", None),
        ("rustls-webpki", "0.103.12", Some("RUSTSEC-2026-0104")),
        ("diesel", "2.3.9", Some("RUSTSEC-2026-0172 unsound")),
        ("slab", "0.4.9", None),
    ] {
        let open = extract().open_against(&[foreign(name, version)]);
        let expected: Vec<String> = advisory.iter().map(|id| format!("{name} {version}: {id}")).collect();
        let open: Vec<&str> = open.iter().map(|line| line.trim_end()).collect();
        assert_eq!(open, expected, "{name} {version}");
    }
}

#[test]
fn invariant_27_a_crate_that_the_snapshot_does_not_know_fails_with_the_command_that_looks_it_up() {
    let new = foreign("dotenv", "0.15.0");
    let open = extract().open_against(std::slice::from_ref(&new));
    assert_eq!(open, [format!("dotenv was not looked up; {REFRESH}")]);
    let own = Package { name: "domain".into(), version: "0.1.0".into(), ..Package::default() };
    assert_eq!(
        extract().open_against(&[own]),
        Vec::<String>::new(),
        "a package of the workspace is not the registry's"
    );
    let mut abandoned = extract();
    abandoned.looked_up.insert("dotenv".into());
    let (patched, unaffected) = (Vec::new(), Vec::new());
    let informational = Some("unmaintained".into());
    let advisory = Advisory {
        id: "RUSTSEC-2021-0141".into(),
        package: "dotenv".into(),
        patched,
        unaffected,
        informational,
    };
    abandoned.advisories.push(advisory);
    assert_eq!(abandoned.open_against(&[new]), ["dotenv 0.15.0: RUSTSEC-2021-0141 unmaintained"]);
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
