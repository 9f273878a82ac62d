"""What no schema knows of deploy/: names that refer to each other, and settings, which the binary itself judges.

usage: deploy.py FOLDER BINARY     FOLDER is shaped as deploy/
"""

import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

import yaml


def fail(sentence):
    sys.exit(f"deploy: {sentence}")


def documents(folder):
    """File name -> its one document."""
    return {path.name: yaml.safe_load(path.read_text()) for path in sorted(folder.glob("*.yaml"))}


def judged_by_the_binary(binary, where, settings, secrets):
    """`kestrel doctor` with these settings, without a network; `secrets` are file names under their mount point."""
    with tempfile.TemporaryDirectory() as folder:
        values = {"kis_app_key": "key", "kis_app_secret": "secret", "kis_account_no": "12345678-01"}
        for mount in {os.path.dirname(path) for name, path in settings.items() if name.endswith("_FILE")}:
            for name, value in values.items():
                if name in secrets:
                    (pathlib.Path(folder) / name).write_text(value)
            settings = {name: value.replace(mount, folder) for name, value in settings.items()}
        settings["DB_PATH"] = f"{folder}/trades.db"
        silent = ["unshare", "--net", "--map-root-user"]
        run = subprocess.run([*silent, os.path.abspath(binary), "doctor", "--json"], cwd=folder, env=settings, capture_output=True, text=True, timeout=60)
    try:
        findings = json.loads(run.stdout)["findings"]
    except (ValueError, KeyError):
        fail(f"{where}: doctor said nothing readable: {run.stdout}{run.stderr}")
    settings_found = [finding for finding in findings if finding["check"] == "settings"]
    if [finding["verdict"] for finding in settings_found] != ["good"]:
        fail(f"{where}: {settings_found}")


def kubernetes(folder, binary):
    base = documents(folder / "base")
    listed = base["kustomization.yaml"]["resources"]
    present = [name for name in base if name not in ("kustomization.yaml", "secret.example.yaml")]
    if sorted(listed) != present:
        fail(f"base/kustomization.yaml lists {sorted(listed)}, the folder has {present}")
    pods, config, secret = (base[name] for name in ("statefulset.yaml", "configmap.yaml", "secret.example.yaml"))
    template = pods["spec"]["template"]
    labels, container = template["metadata"]["labels"], template["spec"]["containers"][0]
    selectors = {
        "statefulset.yaml": pods["spec"]["selector"]["matchLabels"],
        "service.yaml": base["service.yaml"]["spec"]["selector"],
        "networkpolicy.yaml": base["networkpolicy.yaml"]["spec"]["podSelector"]["matchLabels"],
        "poddisruptionbudget.yaml": base["poddisruptionbudget.yaml"]["spec"]["selector"]["matchLabels"],
    }
    for name, selector in selectors.items():
        if not selector.items() <= labels.items():
            fail(f"{name} selects {selector}, the pod is {labels}")
    ports = {port["name"] for port in container["ports"]}
    named = [port["targetPort"] for port in base["service.yaml"]["spec"]["ports"]]
    named += [port["port"] for rule in base["networkpolicy.yaml"]["spec"]["ingress"] for port in rule["ports"]]
    if not set(named) <= ports:
        fail(f"the ports {named} are used, the pod has {ports}")
    if pods["spec"]["serviceName"] != base["service.yaml"]["metadata"]["name"]:
        fail("the StatefulSet names a service that is not there")
    if container["envFrom"][0]["configMapRef"]["name"] != config["metadata"]["name"]:
        fail("the pod reads a ConfigMap that is not there")
    volumes = {volume["name"]: volume for volume in template["spec"]["volumes"]}
    if volumes["secrets"]["secret"]["secretName"] != secret["metadata"]["name"]:
        fail("the pod mounts a Secret that is not the template's")
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    if pods["spec"]["volumeClaimTemplates"][0]["metadata"]["name"] not in mounts or set(volumes) - set(mounts):
        fail("a volume is mounted nowhere")
    keys = secret["stringData"]
    for name, path in config["data"].items():
        if name.endswith("_FILE") and (os.path.dirname(path) != mounts["secrets"] or os.path.basename(path) not in keys):
            fail(f"{name} names {path}; the Secret has {sorted(keys)} under {mounts['secrets']}")
    judged_by_the_binary(binary, "base/configmap.yaml", dict(config["data"]), keys)
    for overlay in sorted((folder / "overlays").iterdir()):
        overlaid(overlay, config, keys, binary)


def overlaid(overlay, config, keys, binary):
    kustomization = yaml.safe_load((overlay / "kustomization.yaml").read_text())
    for resource in kustomization["resources"]:
        if not (overlay / resource / "kustomization.yaml").is_file():
            fail(f"{overlay.name}: there is no {resource}")
    settings = dict(config["data"])
    for patch in kustomization["patches"]:
        path = overlay / patch["path"]
        if not path.is_file():
            fail(f"{overlay.name}: there is no {patch['path']}")
        document = yaml.safe_load(path.read_text())
        if (document["kind"], document["metadata"]["name"]) != (config["kind"], config["metadata"]["name"]):
            fail(f"{overlay.name}: {patch['path']} changes nothing of the base")
        settings.update(document["data"])
    judged_by_the_binary(binary, f"overlay {overlay.name}", settings, keys)


def compose(folder, binary):
    document = yaml.safe_load((folder / "compose.yaml").read_text())
    agent = document["services"]["kestrel"]
    for name, service in document["services"].items():
        for secret in service.get("secrets", []):
            if secret not in document["secrets"]:
                fail(f"compose: {name} uses the secret {secret}, which nobody defines")
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            known = source in document["volumes"] or (folder / source).is_dir()
            if not known:
                fail(f"compose: {name} mounts {source}, which is not there")
    settings = {name: str(value) for name, value in agent["environment"].items()}
    for name, path in settings.items():
        if name.endswith("_FILE") and os.path.basename(path) not in agent["secrets"]:
            fail(f"compose: {name} names {path}; the agent has {agent['secrets']}")
    judged_by_the_binary(binary, "compose.yaml", settings, agent["secrets"])


def observation(folder):
    """Prometheus and Grafana find each other, the agent, and the dashboard."""
    services = yaml.safe_load((folder / "compose.yaml").read_text())["services"]
    scrape = yaml.safe_load((folder / "prometheus" / "prometheus.yml").read_text())["scrape_configs"][0]
    host, port = scrape["static_configs"][0]["targets"][0].split(":")
    listens = services.get(host, {}).get("environment", {}).get("WEB_LISTEN", "")
    if not listens.endswith(f":{port}") or host not in services[host]["environment"]["WEB_HOSTS"]:
        fail(f"prometheus asks {host}:{port}; compose has nobody who answers there under that name")
    provisioning = folder / "grafana" / "provisioning"
    source = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"][0]
    if source["url"].split("//")[1].split(":")[0] not in services:
        fail(f"grafana reads {source['url']}, which compose does not start")
    path = yaml.safe_load((provisioning / "dashboards" / "kestrel.yaml").read_text())["providers"][0]["options"]["path"]
    if not any(volume.split(":")[1] == path for volume in services["grafana"]["volumes"]):
        fail(f"grafana looks for dashboards in {path}, where compose mounts nothing")
    dashboard = json.loads((folder / "grafana" / "dashboards" / "kestrel.json").read_text())
    used = {target["datasource"]["uid"] for panel in dashboard["panels"] for target in panel["targets"]}
    if used != {source["uid"]}:
        fail(f"the dashboard reads {used}, provisioned is {source['uid']}")


def unit(folder, binary):
    settings = {}
    for line in (folder / "systemd" / "kestrel.service").read_text().splitlines():
        if line.startswith("Environment="):
            settings.update(pair.split("=", 1) for pair in shlex.split(line.removeprefix("Environment=")))
    judged_by_the_binary(binary, "kestrel.service", settings, {})


def main():
    folder, binary = pathlib.Path(sys.argv[1]), sys.argv[2]
    kubernetes(folder / "kubernetes", binary)
    compose(folder, binary)
    unit(folder, binary)
    observation(folder)
    print("names and settings agree")


main()
