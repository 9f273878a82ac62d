//! The campaign's script: each of its sizes can be chosen, and each choice changes what is run.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

fn campaign(switch: Option<(&str, &str)>) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut plan = Command::new("bash");
    plan.arg(root.join(".ci/campaign")).arg("--plan");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CAMPAIGN_")) {
        plan.env_remove(name);
    }
    plan.envs(switch).output().unwrap()
}

fn planned(switch: Option<(&str, &str)>) -> String {
    let out = campaign(switch);
    assert!(out.status.success(), "{switch:?}: {out:?}");
    String::from_utf8(out.stdout).unwrap()
}

/// The switches that a text names.
fn switches(text: &str) -> BTreeSet<&str> {
    let is_of_name = |letter: char| letter.is_ascii_uppercase() || letter == '_';
    let words = text.split(|letter| !is_of_name(letter));
    words.filter(|word| word.starts_with("CAMPAIGN_")).collect()
}

#[test]
fn each_switch_of_the_campaign_changes_what_it_runs_and_readme_names_each() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let [script, readme] =
        [".ci/campaign", "README.md"].map(|name| std::fs::read_to_string(root.join(name)).unwrap());
    let usual = planned(None);
    assert!(usual.lines().count() >= 12, "{usual}");
    assert_eq!(switches(&script), switches(&readme));
    for switch in switches(&script) {
        let value = if switch == "CAMPAIGN_CALENDAR_MARKETS" { "KR,HK" } else { "7" };
        let chosen = planned(Some((switch, value)));
        let changed: Vec<_> = chosen.lines().filter(|line| !usual.lines().any(|one| one == *line)).collect();
        assert!(
            !changed.is_empty() && changed.iter().all(|line| line.contains(value)),
            "{switch}: {changed:?}"
        );
    }
}

#[test]
fn a_size_of_the_campaign_that_is_no_number_is_named_before_anything_runs() {
    for value in ["many", "0", "-1", "1.5"] {
        let out = campaign(Some(("CAMPAIGN_KILLS", value)));
        let told = String::from_utf8(out.stderr).unwrap();
        assert!(
            out.status.code() == Some(2) && told.contains("CAMPAIGN_KILLS") && told.contains(value),
            "{told}"
        );
        assert!(out.stdout.is_empty());
    }
}
