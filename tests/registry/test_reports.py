import msgspec
import pytest
from msgspec import structs

from globaldns.errors import RequestRefused
from globaldns.model.address import parse_prefix
from globaldns.model.view import Put, Remove
from globaldns.registry.digest import digest, reverse_name
from globaldns.registry.explain import explain
from globaldns.registry.plan import plan
from globaldns.registry.registry import Registry
from tests.registry.mesh import claim, export, remember, reset, service, settings, settled, vip

POOLS = (parse_prefix("240.128.0.0/24"),)


@pytest.fixture
def registry() -> Registry:
    return settled(
        Registry(settings(fenced=["west"])),
        reset("east", export("a.ns"), export("b.ns", pins=["240.0.0.5", "10.0.0.1"])),
        reset("west", export("a.ns", "west")),
    )


def hashes(registry: Registry) -> tuple[str, str]:
    found = digest(registry.services, zones=("global",), pools=POOLS)
    return found.zone, found.vips


def test_a_host_is_explained_by_name_by_full_name_and_by_vip(registry):
    (address,) = service(registry, "a.ns").vips
    by_name = explain(registry, "a.ns")
    assert by_name.names == ("a.ns.global",)
    assert explain(registry, "A.ns.global.") == by_name
    assert explain(registry, ".".join(map(str, address))) == by_name
    assert msgspec.json.decode(msgspec.json.encode(by_name))["state"] == "ready"


def test_what_does_not_count_is_named_with_its_rule(registry):
    assert [(d.cluster, d.rule) for d in explain(registry, "a.ns").dropped] == [("west", "fenced")]
    (outside,) = explain(registry, "b.ns").dropped
    assert (outside.rule, outside.detail) == ("pin-outside", "10.0.0.1 lies outside vips.pins")


def test_the_history_is_told_newest_first(registry):
    remember(registry, registry.renumber(["a.ns"], 50), 50)
    lines = explain(registry, "a.ns").history
    assert [(line.kind, line.reason, line.is_holding) for line in lines] == [
        ("chosen", "", True),
        ("given", "replaced", False),
    ]


def test_a_host_that_is_gone_still_has_a_history(registry):
    registry.apply([Remove("east", "a.ns")], 50)
    found = explain(registry, "a.ns")
    assert (found.state, len(found.history)) == ("unknown", 1)


def test_a_host_without_number_is_told_what_it_would_get():
    registry = Registry(settings())
    registry.apply([reset("east", export("a.ns"))], 10)
    (promised,) = explain(registry, "a.ns").would_get
    remember(registry, registry.settle(10), 10)
    assert explain(registry, "a.ns").vips == (promised,)
    assert explain(registry, "a.ns").would_get == ()


def test_a_vip_that_nobody_ever_had_is_refused(registry):
    with pytest.raises(RequestRefused, match=r"240\.1\.2\.3"):
        explain(registry, "240.1.2.3")


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


def test_a_plan_names_what_lies_outside_other_pools(registry):
    elsewhere = structs.replace(registry.settings, pools=(parse_prefix("240.130.0.0/24"),))
    (move,) = plan(registry, elsewhere)
    assert (move.host, move.reason) == ("a.ns", "outside-pools")
    assert move.new in elsewhere.pools[0]
    assert plan(registry, registry.settings) == ()
    registry.reconfigure(elsewhere, 30)
    remember(registry, registry.renumber(["a.ns"], 30), 30)
    assert service(registry, "a.ns").vips == (move.new,)


def test_a_plan_names_who_loses_its_vip_to_a_pin():
    known = [claim("a.ns", "240.128.0.7", 5), claim("b.ns", "240.128.0.8", 5)]
    registry = Registry(settings(), known)
    registry.apply([reset("east", export("a.ns", pins=["240.128.0.8"]), export("b.ns"))], 10)
    moves = [(move.host, move.reason, move.by) for move in plan(registry, registry.settings)]
    assert moves == [("a.ns", "pinned", "a.ns"), ("b.ns", "pin-of-another", "a.ns")]
