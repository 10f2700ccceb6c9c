"""Every process of the box finds the files that it starts with."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from globaldns.demo.agent import Orders
from globaldns.demo.files import BOOTSTRAP, agent_nodes, orders, write_box, write_orders
from globaldns.demo.layout import Layout
from globaldns.demo.plan import CLUSTER_NAMES, GATEWAYS, WORKLOADS
from globaldns.envoy.book import CLUSTERS, LISTENERS


def test_each_envoy_has_a_bootstrap_and_a_workload_its_documents(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    write_box(layout)
    mutual = [one for one in WORKLOADS if one.is_mutual]
    names = [*CLUSTER_NAMES, *(one.name for one in GATEWAYS), *(one.name for one in mutual)]
    for name in names:
        assert json.loads((layout.envoy(name) / BOOTSTRAP).read_text())["node"]["id"] == name
    for one in mutual:
        listeners = json.loads((layout.envoy(one.name) / LISTENERS).read_text())["resources"]
        assert [each["name"] for each in listeners] == [f"{one.address}_{one.service.port}"]
        assert (layout.envoy(one.name) / CLUSTERS).exists()


def test_an_agent_is_told_its_applications(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    found = msgspec.json.decode(write_orders(layout, "machine").read_bytes(), type=Orders)
    assert found == orders(str(layout.agent("machine")), "machine")
    [application] = found.applications
    assert (application.workload, application.port) == ("mysqldb-vm", 3306)
    assert application.address.startswith("127.")


def test_every_application_has_an_agent() -> None:
    told = [one.workload for node in agent_nodes() for one in orders("", node).applications]
    assert sorted(told) == sorted(one.name for one in WORKLOADS)
