"""A box's files are below its directory, and its configurations are valid."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from globaldns.config.loading import load
from globaldns.demo.layout import MAX_SOCKET_OCTETS, Layout, settings, workload_rules
from globaldns.demo.plan import CLUSTER_NAMES, WORKLOADS


@pytest.mark.parametrize("cluster", CLUSTER_NAMES)
def test_a_configuration_is_taken(cluster: str, tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    file = tmp_path / "config.yaml"
    file.write_text(json.dumps(settings(layout, cluster)))
    config = load(file, {})
    assert config.cluster == cluster
    assert {*config.clusters} == {*CLUSTER_NAMES}
    assert config.envoy.directory == layout.documents(cluster)


def test_everything_is_below_the_box(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    rules = workload_rules(layout, WORKLOADS[0])
    paths = (rules.folder, rules.credentials.key, str(layout.manifests("east")))
    assert all(path.startswith(str(layout.box)) for path in paths)


def test_the_directory_of_a_home_is_short_enough_for_sockets() -> None:
    layout = Layout(Path("/home/somebody-with-a-name/.local/state/globaldns/demo"))
    assert len(str(layout.longest_socket())) <= MAX_SOCKET_OCTETS
    names = [layout.envoy(one.name) / "admin.sock" for one in WORKLOADS]
    assert max(len(str(name)) for name in names) == len(str(layout.longest_socket()))
