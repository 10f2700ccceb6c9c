from collections.abc import Iterable
from hashlib import blake2b

import pytest
from msgspec import structs

from globaldns.model.address import parse_prefix
from globaldns.model.export import (
    Port,
    Transport,
)
from globaldns.model.service import Service, ServiceState
from globaldns.model.view import (
    Put,
)
from globaldns.registry.digest import digest, reverse_name
from globaldns.registry.registry import Registry
from tests.registry.mesh import (
    A,
    export,
    partly_refused,
    remember,
    reset,
    settings,
    vip,
)

POOLS = (parse_prefix("240.128.0.0/24"),)


@pytest.fixture
def registry() -> Registry:
    return partly_refused()


def hashes(registry: Registry) -> tuple[str, str]:
    found = digest(registry.services, zones=("global",), pools=POOLS)
    return found.zone, found.vips


def hash_of(lines: Iterable[str]) -> str:
    text = "".join(f"{line}\n" for line in sorted(lines))
    return blake2b(text.encode(), digest_size=16).hexdigest()


def test_equal_meshes_have_equal_digests_whatever_came_first(registry):
    other = Registry(settings(fenced=["west"]))
    other.apply([reset("west")], 5)
    other.apply([reset("east", export("b.ns", pins=["240.0.0.5", "10.0.0.1"]), export("a.ns"))], 6)
    remember(other, other.settle(99), 99)
    assert hashes(other) == hashes(registry)


def test_a_digest_follows_addresses_and_ports_and_not_istios_own_allocation(registry):
    before = hashes(registry)
    remember(registry, registry.apply([Put(export("c.ns", local=["240.240.0.1"]))], 20), 20)
    assert hashes(registry) == before
    registry.apply([Put(export("a.ns", ports=()))], 21)
    assert hashes(registry)[0] != before[0]
    assert hashes(registry)[1] == before[1]
    remember(registry, registry.renumber(["a.ns"], 22), 22)
    assert hashes(registry)[1] != before[1]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("240.128.0.1", "1.0.128.240.in-addr.arpa"),
        ("fd00::1", "1." + "0." * 29 + "d.f.ip6.arpa"),
    ],
)
def test_reverse_names(address, name):
    assert reverse_name(vip(address)) == name


SERVED = Service(
    A,
    ("mesh", "global"),
    ServiceState.READY,
    (vip("240.128.0.7"), vip("fd00::1")),
    (Port(80, "http", "HTTP"), Port(53, "dns", transport=Transport.UDP)),
    (export("a.ns"),),
    10,
    "given",
)
ADDRESSES = [
    "a.ns.global A 240.128.0.7",
    "a.ns.global AAAA fd00::1",
    "a.ns.mesh A 240.128.0.7",
    "a.ns.mesh AAAA fd00::1",
    "7.0.128.240.in-addr.arpa PTR a.ns.global",
]
PORTS = [
    "_http._tcp.a.ns.global SRV 80 a.ns.global",
    "_dns._udp.a.ns.global SRV 53 a.ns.global",
    "_http._tcp.a.ns.mesh SRV 80 a.ns.mesh",
    "_dns._udp.a.ns.mesh SRV 53 a.ns.mesh",
]


@pytest.mark.parametrize(
    ("changes", "addresses", "ports"),
    [
        ({}, ADDRESSES, PORTS),
        ({"changed_at": 99, "rule": "pinned", "contributions": ()}, ADDRESSES, PORTS),
        ({"state": ServiceState.CLAIMED}, ADDRESSES, []),
        ({"state": ServiceState.STALE}, [], []),
        ({"state": ServiceState.NONE, "vips": ()}, [], []),
        ({"zones": ()}, [], []),
        ({"rule": "istio-local"}, [], []),
    ],
)
def test_hashed_are_the_sorted_lines_of_what_is_answered(changes, addresses, ports):
    services = {A: structs.replace(SERVED, **changes)}
    found = digest(services, zones=("global", "mesh"), pools=POOLS)
    assert found.services == 1
    assert found.vips == hash_of(addresses)
    assert found.zone == hash_of(addresses + ports)
