//! What lies in `deploy/` speaks of this program: its metrics, its commands, its ports.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use kestrel::web::metrics::METRICS;
use serde_json::Value;

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of metrics in a text of PromQL: words of ours that no quotes surround.
fn metrics_of(promql: &str) -> BTreeSet<String> {
    let unquoted: String = promql.split('"').step_by(2).collect::<Vec<_>>().join(" ");
    let words = unquoted.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words
        .filter(|word| word.starts_with("kestrel_") || word.starts_with("process_"))
        .map(str::to_owned)
        .collect()
}

fn assert_exported(used: &BTreeSet<String>, place: &str) {
    let exported: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
    let missing: Vec<_> = used.iter().filter(|name| !exported.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "{place} uses what /metrics does not tell: {missing:?}");
}

#[test]
fn every_metric_of_the_dashboard_is_one_that_the_agent_tells() {
    let dashboard: Value = serde_json::from_str(&file("grafana/dashboards/kestrel.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let expressions: Vec<&str> = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap())
        .map(|target| target["expr"].as_str().unwrap())
        .chain([dashboard["templating"]["list"][0]["query"].as_str().unwrap()])
        .collect();
    let used: BTreeSet<String> = expressions.iter().flat_map(|expression| metrics_of(expression)).collect();
    assert!(used.len() > 15, "{used:?}");
    assert_exported(&used, "the dashboard");
}

#[test]
fn every_metric_of_the_alerts_is_one_that_the_agent_tells() {
    for name in ["prometheus/alerts.yml", "prometheus/alerts.test.yml"] {
        // A comment may speak of anything.
        let lines = file(name);
        let lines = lines.lines().filter(|line| !line.trim_start().starts_with('#'));
        let used: BTreeSet<String> = lines
            .filter(|line| line.contains("expr:") || line.contains("series:"))
            .flat_map(|line| metrics_of(&line.replace('\'', " ")))
            .collect();
        assert!(used.len() >= 12, "{name}: {used:?}");
        assert_exported(&used, name);
    }
}

#[test]
fn every_command_that_an_alert_names_exists() {
    use clap::CommandFactory;
    let command = kestrel::cli::Cli::command();
    let known: BTreeSet<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    let alerts = file("prometheus/alerts.yml");
    let next = alerts.lines().filter_map(|line| line.trim().strip_prefix("next: "));
    let named: BTreeSet<&str> = next
        .flat_map(|text| text.split("kestrel ").skip(1))
        .map(|rest| {
            rest.split(|letter: char| !letter.is_ascii_lowercase() && letter != '-')
                .next()
                .unwrap_or_default()
        })
        .collect();
    assert!(named.len() >= 6, "{named:?}");
    assert!(named.is_subset(&known), "no such commands: {:?}", named.difference(&known));
}

#[test]
fn the_container_asks_for_health_where_the_agent_serves_it() {
    let port = "8686";
    for (name, setting) in [
        ("Dockerfile", "WEB_LISTEN=127.0.0.1:8686"),
        ("compose.yaml", "WEB_LISTEN: 0.0.0.0:8686"),
        ("kubernetes/base/configmap.yaml", "WEB_LISTEN: 0.0.0.0:8686"),
        ("kubernetes/base/statefulset.yaml", "containerPort: 8686"),
        ("kubernetes/base/service.yaml", "port: 8686"),
        ("prometheus/prometheus.yml", "kestrel:8686"),
        ("systemd/kestrel.service", "WEB_LISTEN=127.0.0.1:8686"),
    ] {
        let text = file(name);
        assert!(text.contains(setting), "{name} does not say {setting}");
        let ports = text.matches(port).count();
        assert!(ports >= 1, "{name} speaks of another port than {port}");
    }
}
