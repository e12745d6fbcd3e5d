"""What is in deploy/, checked without a cluster: schemas, rules, and what must hold of every pod."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import helm_python
import kubernetes_validate
import pytest
import yaml

from tools import tool

DEPLOY = Path(__file__).resolve().parents[1]
BINARY = os.environ["TYPHON_BINARY"]
CHART = DEPLOY / "helm" / "typhon"

VALUES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "everything": {
        "autoscaling": {"enabled": True, "targetQueueDepth": 5},
        "tenantsSecret": "tenants",
        "tlsSecret": "tls",
        "imagePullSecrets": [{"name": "registry"}],
        "networkPolicy": {"from": [{"namespaceSelector": {}}]},
        "serviceMonitor": {"enabled": True},
        "prometheusRule": {"enabled": True},
        "nodeSelector": {"a": "b"},
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "service": {"annotations": {"a": "b"}},
        "settings": {"queue_depth": 7, "wall_time_max": "1m"},
        "nats": {"url": "nats://nats.nats:4222", "replicas": 3},
    },
    "bare": {"networkPolicy": {"enabled": False}, "replicas": 1},
}


def render(values: dict[str, Any]) -> list[dict[str, Any]]:
    with helm_python.Chart.load(CHART) as chart:
        rendered = chart.render(values=values, name="demo", namespace="sandboxes")
    texts = [text for path, text in rendered.items() if path.endswith(".yaml")]
    return [document for text in texts for document in yaml.safe_load_all(text) if document is not None]


def find(documents: list[dict[str, Any]], kind: str, name: str = "") -> list[dict[str, Any]]:
    return [one for one in documents if one["kind"] == kind and one["metadata"]["name"].endswith(name)]


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_every_object_fits_kubernetes_schemas(values: dict[str, Any]) -> None:
    documents = render(values)
    assert len(documents) >= 8
    for document in documents:
        if "monitoring.coreos.com" in document["apiVersion"]:
            continue
        for version in ("1.30", "1.34"):
            kubernetes_validate.validate(document, version, strict=True)


def test_the_chart_lints() -> None:
    found = helm_python.lint(str(CHART))
    # 1 is information: that it has no icon.
    assert not found["errors"] and all(message["severity"] <= 1 for message in found["messages"]), found


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_no_pod_may_more_than_it_must(values: dict[str, Any]) -> None:
    workloads = [one for one in render(values) if one["kind"] in ("StatefulSet", "Deployment")]
    assert len(workloads) == 2
    for workload in workloads:
        pod = workload["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
        for container in pod["containers"]:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"]
            assert security["capabilities"]["drop"] == ["ALL"]
            assert container["resources"]["limits"]["memory"]
            assert container["readinessProbe"] and container["livenessProbe"] and container["lifecycle"]["preStop"]
        # The end is not cut short by the cluster.
        stop = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert pod["terminationGracePeriodSeconds"] > stop + 60


def test_nodes_speak_to_nobody() -> None:
    (policy,) = find(render({}), "NetworkPolicy", "-nodes")
    assert policy["spec"]["egress"] == [] and "Egress" in policy["spec"]["policyTypes"]
    (policy,) = find(render(VALUES["everything"]), "NetworkPolicy", "-nodes")
    # To NATS, and to where its name is looked up.
    assert {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]} == {4222, 53}


def test_settings_become_variables() -> None:
    (nodes,) = find(render(VALUES["everything"]), "StatefulSet")
    variables = {one["name"]: one["value"] for one in nodes["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert (variables["TYPHON_QUEUE_DEPTH"], variables["TYPHON_WALL_TIME_MAX"]) == ("7", "1m")
    assert variables["TYPHON_TENANTS_FILE"] == "/etc/typhon/tenants.toml"
    assert (variables["TYPHON_NATS_URL"], variables["TYPHON_NATS_REPLICAS"]) == ("nats://nats.nats:4222", "3")


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_haproxy_takes_its_configurations(values: dict[str, Any], tmp_path: Path) -> None:
    (config,) = find(render(values), "ConfigMap", "-proxy")
    text = config["data"]["haproxy.cfg"]
    # A certificate of the cluster's is not here.
    text = re.sub(r" ssl crt \S+ alpn \S+ ssl-min-ver \S+", "", text)
    path = tmp_path / "haproxy.cfg"
    path.write_text(text)
    checked = subprocess.run([*tool("haproxy"), "-c", "-f", path], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    nodes = re.findall(r"^    server (\S+) ", text, flags=re.M)
    assert len(nodes) == {"defaults": 3, "everything": 10, "bare": 1}[next(k for k, v in VALUES.items() if v is values)]


def test_prometheus_takes_rules_and_the_rules_fire() -> None:
    for arguments in (["check", "config", "prometheus.yml"], ["test", "rules", "alerts_test.yml"]):
        checked = subprocess.run([*tool("promtool"), *arguments], cwd=DEPLOY / "prometheus", capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_rules_of_the_chart_are_those_that_are_tested() -> None:
    (rule,) = find(render(VALUES["everything"]), "PrometheusRule")
    assert rule["spec"] == yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())


def metrics(text: str) -> set[str]:
    names = set(re.findall(r"\b((?:typhon|grpc_server)_[a-z_]+)\b", text))
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}


def test_what_is_watched_is_what_is_measured() -> None:
    documented = metrics((DEPLOY.parent / "docs" / "service.md").read_text())
    watched = metrics((DEPLOY / "prometheus" / "alerts.yml").read_text())
    dashboard = json.loads((DEPLOY / "grafana" / "dashboards" / "typhon.json").read_text())
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    for panel in panels:
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            watched |= metrics(target["expr"])
    assert len(watched) > 10 and watched <= documented, watched - documented


def test_every_setting_that_is_set_is_one() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["typhon1"]["environment"]
    (nodes,) = find(render(VALUES["defaults"]), "StatefulSet")
    chart = {one["name"]: one["value"] for one in nodes["spec"]["template"]["spec"]["containers"][0]["env"]}
    for environment in (compose, chart):
        checked = subprocess.run([BINARY, "config", "check"], env=environment, capture_output=True, text=True)
        assert checked.returncode == 0, checked.stderr
        taken = {line.split(" = ")[0] for line in checked.stdout.splitlines() if line.endswith("# environment")}
        assert taken == {name.removeprefix("TYPHON_").lower() for name in environment}


def test_compose_lets_nothing_out() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = compose["services"]
    assert {name for name in services if name.startswith("typhon")} == {"typhon1", "typhon2", "typhon3"}
    assert compose["networks"]["nodes"]["internal"] is True
    for name, service in services.items():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), (name, port)
        if name.startswith("typhon"):
            assert service["networks"] == ["nodes"] and service["read_only"] and service["cap_drop"] == ["ALL"]
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (DEPLOY / source).exists(), volume
    # What the proxy's configuration asks of its environment is there.
    asked = set(re.findall(r"\$\{(\w+)\}", (DEPLOY / "haproxy.cfg").read_text()))
    assert asked == set(services["proxy"]["environment"])


def test_envoy_is_told_what_haproxy_is() -> None:
    envoy = yaml.safe_load((DEPLOY / "envoy.yaml").read_text())["static_resources"]
    (cluster,) = envoy["clusters"]
    assert cluster["lb_policy"] == "RING_HASH"
    endpoints = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
    addresses = [one["endpoint"]["address"]["socket_address"] for one in endpoints]
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["proxy"]["environment"]
    assert [f"{one['address']}:{one['port_value']}" for one in addresses] == [compose[f"TYPHON_NODE{n}"] for n in (1, 2, 3)]
    assert {one["endpoint"]["health_check_config"]["port_value"] for one in endpoints} == {int(compose["TYPHON_ADMIN1"])}
    (listener,) = envoy["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    (route,) = manager["route_config"]["virtual_hosts"][0]["routes"]
    affinity = route["route"]["hash_policy"][0]["header"]["header_name"]
    assert f"hdr({affinity})" in (DEPLOY / "haproxy.cfg").read_text()
    # Nothing cuts a stream that lives.
    assert route["route"]["timeout"] == "0s" and manager["stream_idle_timeout"] == "3600s"


def test_envoy_takes_its_configuration() -> None:
    command = [*tool("envoy"), "--mode", "validate", "--config-path", DEPLOY / "envoy.yaml"]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_the_unit_is_one() -> None:
    binary = "ExecStart=/usr/local/bin/typhon"
    unit = (DEPLOY / "typhon.service").read_text()
    assert binary in unit
    checked = subprocess.run([*tool("systemd-analyze"), "verify", DEPLOY / "typhon.service"], capture_output=True, text=True)
    # The program is not installed where the tests run; nothing else is wrong.
    wrong = [line for line in checked.stderr.splitlines() if "typhon" in line and "not executable" not in line]
    assert not wrong, wrong
