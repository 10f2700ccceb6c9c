"""globaldns reads the box's manifests without a complaint, as what they are meant to be."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from globaldns.app.offline import OfflineMesh, read_offline
from globaldns.config.loading import load
from globaldns.demo.files import write_box
from globaldns.demo.layout import Layout
from globaldns.demo.manifests import ledger_manifest
from globaldns.demo.plan import CLUSTERS, SERVICES
from globaldns.exports.declared import read_ledger
from globaldns.model.claim import Marker, parse_claims
from globaldns.model.export import Location
from globaldns.model.host import Host
from globaldns.objects.own import VIPLedger

LINE = "reviews.bookinfo 240.140.3.9 2026-01-02T03:04:05Z east given - -\n"


@pytest.fixture
def mesh(tmp_path: Path) -> OfflineMesh:
    layout = Layout(tmp_path)
    write_box(layout)
    return read_offline(load(layout.config("east"), {}), 1_800_000_000)


def test_every_service_is_exported_and_only_sidecars_of_istio_lack_a_route(
    mesh: OfflineMesh,
) -> None:
    hosts = {f"{host}.global" for host in mesh.services}
    assert hosts == {one.host for one in SERVICES}
    assert [(one.code, one.object) for one in mesh.findings()] == [
        ("unrouted-tcp", "ServiceEntry bookinfo/mysqldb")
    ]


def test_the_gateways_are_found(mesh: OfflineMesh) -> None:
    found = {
        cluster.name: sorted(
            one.address for one in mesh.registry.views.cluster(cluster.name).gateways
        )
        for cluster in CLUSTERS
    }
    assert found["west"] == ["203.0.113.20", "203.0.113.21"]
    assert found["east"] == ["203.0.113.10"]


def test_a_machine_is_of_another_network_and_the_outside_of_none(mesh: OfflineMesh) -> None:
    [machine] = mesh.services[Host("mysqldb.bookinfo")].contributions[0].endpoints
    assert (machine.network, machine.address) == ("machines", "192.0.2.33")
    outside = mesh.services[Host("weather.partners")].contributions[0]
    assert outside.location is Location.MESH_EXTERNAL


def test_a_ledger_is_read_as_it_was_written() -> None:
    marker, claims = Marker("first", 1_767_323_045), parse_claims(LINE)
    text = json.dumps(ledger_manifest("east", marker, claims))
    shard = read_ledger(msgspec.json.decode(text, type=VIPLedger), "east")
    assert (shard.marker, shard.claims) == (marker, claims)
