from __future__ import annotations

import msgspec
import pytest

from globaldns.admin.listening import Listening, choose_name
from globaldns.model.service import Service, ServiceState
from tests.registry.mesh import export


def service(host, *clusters, state=ServiceState.READY, zones=("mesh.example", "global")):
    contributions = tuple(export(host, cluster) for cluster in clusters)
    return Service(host, zones, state, (), (), contributions, 0, "given")


@pytest.mark.parametrize(
    ("services", "name"),
    [
        ([], "ns.global"),
        ([service("a.ns", "east"), service("b.ns", "east", "west")], "b.ns.mesh.example"),
        ([service("b.ns", "east"), service("a.ns", "west")], "a.ns.mesh.example"),
        ([service("*.ns", "east", "west"), service("b.ns", "east")], "b.ns.mesh.example"),
        ([service("a.ns", "east", state=ServiceState.UNNUMBERED)], "ns.global"),
        ([service("a.ns", "east", zones=())], "ns.global"),
    ],
)
def test_the_name_to_try_is_in_most_clusters_and_has_an_answer(services, name):
    found = choose_name({one.host: one for one in services}, zone="global", nameserver="ns")
    assert found == name


def test_what_is_announced_is_a_value_that_travels():
    listening = Listening(dns=("127.0.0.1:1053",), admin="127.0.0.1:8053", name="a.ns.global")
    assert msgspec.json.decode(msgspec.json.encode(listening), type=Listening) == listening
