"""What the chart renders, and the kustomize base that is made of it."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from globaldns.config.loading import inspect_text
from tests.system.deploying import (
    ALL_VALUES,
    CHART,
    EVERYTHING,
    KUSTOMIZE,
    LITTLE,
    Helm,
    configuration,
    find_programs,
    pod_spec,
    read_objects,
    run,
)


@pytest.fixture
def helm(tmp_path: Path) -> Helm:
    return Helm(tmp_path)


@pytest.mark.parametrize("name", ALL_VALUES)
def test_lint_has_nothing_to_say(name: str, helm: Helm) -> None:
    done = helm.run("lint", "--strict", CHART, **ALL_VALUES[name])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout


@pytest.mark.parametrize("name", ALL_VALUES)
def test_all_that_is_ours_says_so_and_is_in_our_namespace(name: str, helm: Helm) -> None:
    for (kind, called), item in helm.render(**ALL_VALUES[name]).items():
        assert item["metadata"]["labels"]["app.kubernetes.io/name"] == "globaldns"
        if kind.startswith(("Cluster", "CustomResource")):
            assert "namespace" not in item["metadata"]
        elif called != "globaldns-remote-secrets":
            assert item["metadata"]["namespace"] == "globaldns"


def test_the_configuration_is_that_of_a_cluster(helm: Helm) -> None:
    assert configuration(helm.render(cluster="east")) == {
        "cluster": "east",
        "namespace": "globaldns",
        "clusters": {"east": {"source": {"kubernetes": {}}}},
        "remote_secrets": {"namespace": "globaldns"},
        "vips": {"ledger": {"kubernetes": {}}},
        "dns": {"listen": ["0.0.0.0:1053", "[::]:1053"]},
        "admin": {"listen": "0.0.0.0:8053"},
        "log": {"format": "json"},
    }


def test_the_value_config_is_laid_over_it_key_by_key(helm: Helm) -> None:
    written = configuration(helm.render(**EVERYTHING))
    assert written["clusters"] == {
        "west.2_b": {"source": {"kubernetes": {}}},
        "old": {"source": {"directory": "/old"}},
    }
    assert written["vips"] == {"ledger": {"kubernetes": {}}, **EVERYTHING["config"]["vips"]}
    assert written["zones"] == ["global", "mesh.example"]
    assert written["dns"] == {
        "listen": ["0.0.0.0:1053", "[::]:1053"],
        "advertise": ["10.0.0.53", "fd00:10::35"],
        "limits": {"error_replies_per_second": 1000000},
        "tls": {
            "listen": ["0.0.0.0:1853", "[::]:1853"],
            "certificate": "/etc/globaldns-tls/tls.crt",
            "key": "/etc/globaldns-tls/tls.key",
        },
    }


@pytest.mark.parametrize("name", ALL_VALUES)
def test_the_program_takes_the_configuration(name: str, helm: Helm, tmp_path: Path) -> None:
    objects = helm.render(**ALL_VALUES[name])
    [variable] = pod_spec(objects)["containers"][0]["env"]
    state = {variable["name"]: variable["value"]}
    text = yaml.safe_dump(configuration(objects))
    assert inspect_text(text, folder=tmp_path, env=state).problems == ()


def test_without_remote_secrets_no_secret_can_be_read(helm: Helm) -> None:
    objects = helm.render(**LITTLE)
    assert "remote_secrets" not in configuration(objects)
    assert "secrets" not in {
        resource
        for (kind, _), item in objects.items()
        if kind.endswith("Role")
        for rule in item["rules"]
        for resource in rule["resources"]
    }


@pytest.mark.parametrize("replicate", [False, True])
def test_services_are_written_only_where_they_are_replicated(
    helm: Helm, *, replicate: bool
) -> None:
    routing = {"routing": {"replicate_services": replicate}}
    role = helm.render(cluster="east", config=routing)["ClusterRole", "globaldns-router"]
    core = {
        rule["resources"][0]: rule["verbs"]
        for rule in role["rules"]
        if not rule["apiGroups"][0] and "resourceNames" not in rule
    }
    wanted = {"services": ["create", "update", "delete"], "namespaces": ["create"]}
    assert core == (wanted if replicate else {})


def test_the_mesh_configurations_of_the_revisions_that_are_named_can_be_read(helm: Helm) -> None:
    def named(**routing: Any) -> list[str]:
        role = helm.render(cluster="east", config={"routing": routing})
        rules = role["ClusterRole", "globaldns-router"]["rules"]
        (names,) = (rule["resourceNames"] for rule in rules if rule["resources"] == ["configmaps"])
        return list(names)

    assert named() == ["istio"]
    assert named(istio_revisions=["1-31", "canary"]) == ["istio", "istio-1-31", "istio-canary"]


def test_secrets_are_read_in_the_namespace_that_the_configuration_names(helm: Helm) -> None:
    objects = helm.render(**EVERYTHING)
    role = objects["Role", "globaldns-remote-secrets"]
    named = configuration(objects)["remote_secrets"]["namespace"]
    assert role["metadata"]["namespace"] == named == "istio-system"


@pytest.mark.parametrize(
    ("lame_duck", "seconds"), [("0s", 5), ("10s", 15), ("1500ms", 7), ("1.5m", 95), ("1h", 3605)]
)
def test_a_pod_has_the_time_that_it_needs_to_stop(lame_duck: str, seconds: int, helm: Helm) -> None:
    spec = pod_spec(helm.render(cluster="east", config={"lame_duck": lame_duck}))
    assert spec["terminationGracePeriodSeconds"] == seconds


def test_a_digest_wins_over_the_tag(helm: Helm) -> None:
    [container] = pod_spec(helm.render(**EVERYTHING))["containers"]
    assert container["image"] == f"registry.example/globaldns@sha256:{'0f' * 32}"


def test_where_ipv6_is_the_first_family_the_kubelet_finds_the_admin_endpoint(helm: Helm) -> None:
    assert configuration(helm.render(**LITTLE))["admin"] == {"listen": "[::]:8053"}


def test_the_ledger_and_the_address_outlive_an_uninstall_but_for_a_purge(helm: Helm) -> None:
    def kept(**values: Any) -> set[str]:
        return {
            kind
            for (kind, _), item in helm.render(**values).items()
            if "helm.sh/resource-policy" in item["metadata"].get("annotations", {})
        }

    assert kept(cluster="east") == {"CustomResourceDefinition", "Service"}
    assert kept(cluster="east", purge=True) == set()


def test_the_chart_installs_the_crds_as_they_stand(helm: Helm) -> None:
    files = "\n---\n".join(file.read_text() for file in (CHART / "files/crds").iterdir())
    installed = {
        key: item["spec"]
        for key, item in helm.render(cluster="east").items()
        if key[0] == "CustomResourceDefinition"
    }
    assert installed == {key: item["spec"] for key, item in read_objects(files).items()}


def test_the_package_has_everything(helm: Helm, tmp_path: Path) -> None:
    done = helm.run("package", CHART, "--destination", tmp_path)
    assert done.returncode == 0, done.stderr
    [package] = tmp_path.glob("globaldns-*.tgz")
    with tarfile.open(package) as archive:
        packed = {member.name.removeprefix("globaldns/") for member in archive if member.isfile()}
    there = {str(file.relative_to(CHART)) for file in CHART.rglob("*") if file.is_file()}
    assert packed == there


def test_the_kustomize_base_is_what_the_chart_renders(helm: Helm, tmp_path: Path) -> None:
    done = run(KUSTOMIZE / "generate", tmp_path / "new", environment=helm.environment)
    assert done.returncode == 0, done.stderr
    made = [file for file in (tmp_path / "new").rglob("*") if file.is_file()]
    assert len(made) == 3
    for file in made:
        committed = KUSTOMIZE / file.relative_to(tmp_path / "new")
        assert file.read_text() == committed.read_text(), "run deploy/kustomize/generate"


def test_the_base_alone_is_refused_until_an_overlay_names_the_cluster(tmp_path: Path) -> None:
    objects = read_objects((KUSTOMIZE / "base/globaldns.yaml").read_text())
    text = objects["ConfigMap", "globaldns"]["data"]["globaldns.yaml"]
    problems = inspect_text(text, folder=tmp_path, env={}).problems
    assert "no cluster id" in str(problems)


def test_an_overlay_says_what_the_chart_would(helm: Helm) -> None:
    kubectl = find_programs("kubectl")["kubectl"]
    done = run(kubectl, "kustomize", KUSTOMIZE / "overlays/kind")
    assert done.returncode == 0, done.stderr
    objects = read_objects(done.stdout)
    assert configuration(objects) == configuration(helm.render(cluster="kind"))
    assert objects["Deployment", "globaldns"]["spec"]["replicas"] == 1
    assert pod_spec(objects)["containers"][0]["image"].startswith("globaldns:")


def test_a_component_adds_metrics_to_an_overlay(tmp_path: Path) -> None:
    kubectl = find_programs("kubectl")["kubectl"]
    overlay = tmp_path / "overlay"
    overlay.mkdir()
    above = Path("../" * len(overlay.resolve().parts))
    steps = {
        "resources": [str(above / str(KUSTOMIZE / "overlays/kind").lstrip("/"))],
        "components": [str(above / str(KUSTOMIZE / "components/servicemonitor").lstrip("/"))],
    }
    (overlay / "kustomization.yaml").write_text(yaml.safe_dump(steps))
    done = run(kubectl, "kustomize", overlay)
    assert done.returncode == 0, done.stderr
    objects = read_objects(done.stdout)
    assert ("ServiceMonitor", "globaldns") in objects
    policy = objects["NetworkPolicy", "globaldns"]["spec"]
    assert len(policy["ingress"]) == 2
    *_, names, _ = policy["egress"]
    asked = {(one["protocol"], one["port"]) for one in names["ports"]}
    assert asked == {(protocol, port) for protocol in ("UDP", "TCP") for port in (53, 5353, 8053)}


def test_a_pod_may_ask_the_pods_behind_our_service(helm: Helm) -> None:
    objects = helm.render(cluster="east")
    *_, ourselves = objects["NetworkPolicy", "globaldns"]["spec"]["egress"]
    container = pod_spec(objects)["containers"][0]
    named = {one["name"]: one["containerPort"] for one in container["ports"]}
    service = objects["Service", "globaldns"]["spec"]
    behind = {
        (one["protocol"], named[one["targetPort"]]) for one in service["ports"] if one["port"] == 53
    }
    assert {(one["protocol"], one["port"]) for one in ourselves["ports"]} == behind
    assert ourselves["to"] == [{"podSelector": {"matchLabels": service["selector"]}}]
