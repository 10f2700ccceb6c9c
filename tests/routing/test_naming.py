"""Calls to a service name it in one way, and what no gateway has a Service of they name itself."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from globaldns.config.routing import Sni
from globaldns.model.export import ExportKind, Gateway, Location
from globaldns.model.host import Host
from globaldns.routing.naming import sni_for
from globaldns.routing.topology import Topology
from tests.routing.meshes import EXPORTS, TOPOLOGY, endpoint, export, service

ENTRY = {"kind": ExportKind.SERVICE_ENTRY}
FAR = export("c2a", endpoint("20.0.0.1", "n2"), **ENTRY)


@pytest.mark.parametrize(
    ("exports", "expected"),
    [
        (EXPORTS, Sni.CLIENT),
        ((FAR,), Sni.GATEWAY),
        ((*EXPORTS[:1], FAR), Sni.GATEWAY),
        ((export("c2a", endpoint("20.0.0.1", "n2", ready=False), **ENTRY),), Sni.GATEWAY),
        ((export("c2a", endpoint("20.0.0.1", "n2", mutual=False), **ENTRY),), Sni.CLIENT),
        ((export("c4", endpoint("40.0.0.1", "n4"), **ENTRY),), Sni.CLIENT),
        ((replace(FAR, location=Location.MESH_EXTERNAL),), Sni.CLIENT),
        ((replace(FAR, kind=ExportKind.ROUTE),), Sni.CLIENT),
    ],
    ids=[
        "services",
        "an entry behind a gateway",
        "beside a service",
        "one that is not ready",
        "one without mutual TLS",
        "one that is reached directly",
        "one outside of the mesh",
        "a route written by hand",
    ],
)
def test_what_an_entry_has_behind_a_gateway_is_called_by_its_host(
    exports: tuple[object, ...], expected: Sni
) -> None:
    assert sni_for(service(*exports), Sni.CLIENT, TOPOLOGY) is expected  # type: ignore[arg-type]
    assert sni_for(service(*exports), Sni.GATEWAY, TOPOLOGY) is Sni.GATEWAY  # type: ignore[arg-type]


def test_whether_a_gateways_name_has_an_address_here_decides_nothing() -> None:
    resolved = Topology.of((Gateway("n2", "2.2.2.2", 15443, "c2a"),), networks=("n2",))
    unresolved = Topology.of((), networks=("n2",))
    assert sni_for(service(FAR), Sni.CLIENT, resolved) is Sni.GATEWAY
    assert sni_for(service(FAR), Sni.CLIENT, unresolved) is Sni.GATEWAY
    assert sni_for(service(FAR), Sni.CLIENT, Topology.of(())) is Sni.CLIENT


def test_a_wildcard_has_no_name_by_which_a_gateway_could_know_it() -> None:
    every = replace(service(FAR), host=Host("*.shop"))
    assert sni_for(every, Sni.CLIENT, TOPOLOGY) is Sni.CLIENT
