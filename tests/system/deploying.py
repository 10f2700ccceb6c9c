"""The chart rendered, and what people set in it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.system.running import CEILING, ROOT

CHART = ROOT / "deploy/chart/globaldns"
KUSTOMIZE = ROOT / "deploy/kustomize"
NAMESPACE = "globaldns"
EVERYTHING: dict[str, Any] = {
    "cluster": "west.2_b",
    "config": {
        "zones": ["global", "mesh.example"],
        "clusters": {"old": {"source": {"directory": "/old"}}},
        "vips": {"pools": ["240.128.0.0/10", "fd67:6c6f:6261:6c00::/64"]},
        "dns": {"limits": {"error_replies_per_second": 1000000}},
        "lame_duck": "1500ms",
    },
    "replicas": 3,
    "image": {"repository": "registry.example/globaldns", "digest": f"sha256:{'0f' * 32}"},
    "imagePullSecrets": [{"name": "registry"}],
    "service": {
        "clusterIPs": ["10.0.0.53", "fd00:10::35"],
        "ipFamilies": ["IPv4", "IPv6"],
        "annotations": {"example.com/note": "ours"},
    },
    "dot": {"enabled": True, "secretName": "dot"},
    "remoteSecrets": {"namespace": "istio-system"},
    "serviceAccount": {"annotations": {"example.com/role": "dns"}},
    "ledgerReaders": [{"kind": "Group", "name": "mesh", "apiGroup": "rbac.authorization.k8s.io"}],
    "networkPolicy": {
        "adminFrom": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
        "apiServerPorts": [443, 16443],
        "gatewayPorts": [15443, 443],
    },
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "criticalPodsQuota": {"enabled": True},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"operator": "Exists"}],
    "affinity": {
        "nodeAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 1,
                    "preference": {"matchExpressions": [{"key": "dns", "operator": "Exists"}]},
                }
            ]
        }
    },
    "extraLabels": {"team": "platform"},
    "podAnnotations": {"example.com/scrape": "true"},
    "podLabels": {"tier": "dns"},
}
LITTLE: dict[str, Any] = {
    "cluster": "east",
    "replicas": 1,
    "service": {"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv6"]},
    "remoteSecrets": {"enabled": False},
    "remoteReader": {"create": False},
    "ledgerReaders": [],
    "networkPolicy": {"enabled": False},
    "podDisruptionBudget": {"enabled": False},
    "priorityClassName": "",
    "resources": {"limits": None},
    "podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None},
    "topologySpread": {"nodes": "ScheduleAnyway"},
    "purge": True,
}
ALL_VALUES: dict[str, dict[str, Any]] = {
    "default": {"cluster": "east"},
    "everything": EVERYTHING,
    "little": LITTLE,
}
Objects = dict[tuple[str, str], dict[str, Any]]


def find_programs(*names: str) -> Mapping[str, str]:
    """Return where programs are; skip, and say which, where one is not to be found."""
    path = os.pathsep.join([os.environ["PATH"], os.environ.get("KUBEBUILDER_ASSETS", "")])
    found = {name: shutil.which(name, path=path) for name in names}
    missing = [name for name, place in found.items() if place is None]
    if missing:
        pytest.skip(f"not on PATH: {', '.join(missing)}")
    return {name: place for name, place in found.items() if place is not None}


def run(
    *command: str | Path, text: str = "", environment: Mapping[str, str] = {}
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; what it prints is kept."""
    return subprocess.run(
        list(map(str, command)),
        input=text,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=CEILING,
        check=False,
    )


class Helm:
    """Helm on our chart, with values of a test's own."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.program = find_programs("helm")["helm"]
        self.folder = folder
        self.environment = {
            "HELM_CACHE_HOME": str(folder / "cache"),
            "HELM_CONFIG_HOME": str(folder / "config"),
            "HELM_DATA_HOME": str(folder / "data"),
            **environment,
        }

    def run(self, *arguments: str | Path, **values: Any) -> subprocess.CompletedProcess[str]:
        """Run a command of helm, with values."""
        options: list[str] = []
        if values:
            file = self.folder / "values.yaml"
            file.write_text(yaml.safe_dump(values))
            options = ["--values", str(file)]
        return run(self.program, *arguments, *options, environment=self.environment)

    def template(self, **values: Any) -> subprocess.CompletedProcess[str]:
        """Render the chart for the least version that it takes."""
        arguments = ("template", "globaldns", CHART, "--namespace", NAMESPACE)
        return self.run(*arguments, "--kube-version", "1.30.0", **values)

    def render(self, **values: Any) -> Objects:
        """Return what the chart renders, by kind and name."""
        done = self.template(**values)
        assert done.returncode == 0, done.stderr
        return read_objects(done.stdout)


def read_objects(text: str) -> Objects:
    """Return a file's objects, by kind and name; no two may be the same."""
    found = list(_documents(text))
    objects = {(item["kind"], item["metadata"]["name"]): item for item in found}
    assert len(objects) == len(found)
    return objects


def _documents(text: str) -> Iterator[dict[str, Any]]:
    return (item for item in yaml.safe_load_all(text) if item is not None)


def pod_spec(objects: Objects) -> dict[str, Any]:
    """Return the spec of the pods."""
    spec: dict[str, Any] = objects["Deployment", "globaldns"]["spec"]["template"]["spec"]
    return spec


def configuration(objects: Objects) -> dict[str, Any]:
    """Return the configuration file."""
    text = objects["ConfigMap", "globaldns"]["data"]["globaldns.yaml"]
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded
