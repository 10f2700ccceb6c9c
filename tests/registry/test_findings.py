import pytest
from msgspec import structs

from globaldns.model.address import format_address
from globaldns.model.claim import ClaimKind
from globaldns.model.export import (
    ExportKind,
    Location,
    Origin,
    Port,
    Resolution,
    Rival,
)
from globaldns.model.finding import Finding, Severity
from globaldns.model.host import Host
from globaldns.model.service import ServiceState
from globaldns.model.view import (
    Fence,
    Policy,
    Put,
    Reset,
    SetFences,
    SetLedger,
    SetPolicies,
    SetRanges,
)
from globaldns.registry.explain import explain
from globaldns.registry.findings import mesh_findings
from globaldns.registry.registry import Registry
from tests.registry.mesh import (
    both,
    claim,
    export,
    ledger,
    prefix,
    reset,
    settings,
    settled,
    vip,
)


def findings(registry: Registry) -> list[Finding]:
    return [one for found in mesh_findings(registry).values() for one in found]


def test_a_mesh_in_order_has_no_findings(registry):
    assert mesh_findings(registry) == {}


CONFLICTS = [
    ({"ports": (Port(81, "http", "HTTP"),)}, "port-number", "$.spec.ports"),
    ({"ports": (Port(80, "http", "GRPC"),)}, "port-protocol", "$.spec.ports"),
    ({"resolution": Resolution.NONE}, "resolution", "$.spec.resolution"),
    ({"location": Location.MESH_EXTERNAL}, "location", "$.spec.location"),
]


@pytest.mark.parametrize(("changes", "code", "path"), CONFLICTS)
def test_a_conflict_is_told_to_the_loser_at_the_field_that_is_to_be_mended(changes, code, path):
    origin = Origin("ServiceEntry", "ns", "a", "a.yaml")
    younger = structs.replace(export("a.ns", "west", created_at=2), origin=origin, **changes)
    (told,) = mesh_findings(both(export("a.ns"), younger))["west"]
    assert (told.code, told.path, told.cluster) == (code, path, "west")
    assert (told.file, told.object) == ("a.yaml", "ServiceEntry ns/a")
    assert told.severity is Severity.WARNING
    assert told.reason.endswith(": ServiceEntry ns/a of east wins")


PINS = [
    ("GlobalService", "$.spec.pins"),
    ("ServiceEntry", "$.spec.addresses"),
    ("Service", "$.metadata.annotations"),
]


@pytest.mark.parametrize(("kind", "path"), PINS)
def test_a_conflict_of_pins_is_told_where_such_an_object_pins(kind, path):
    pins = [
        structs.replace(export("a.ns", cluster, pins=[pin]), origin=Origin(kind, "ns", "a"))
        for cluster, pin in (("east", "240.0.0.5"), ("west", "240.0.0.6"))
    ]
    (told,) = findings(both(*pins))
    assert (told.code, told.cluster, told.path) == ("pins", "west", path)


@pytest.mark.parametrize(
    ("pin", "reason", "hint"),
    [
        (
            "10.0.0.1",
            "10.0.0.1 lies outside the pools and vips.pins",
            "vips: {pins: [240.0.0.0/4, 10.0.0.1/32]}",
        ),
        (
            "fd00::1",
            "fd00::1 lies outside the pools and vips.pins",
            "vips: {pins: [240.0.0.0/4, fd00::1/128]}",
        ),
        (
            "240.240.0.1",
            "240.240.0.1 lies in 240.240.0.0/16, which is no place for a VIP",
            "pin another address",
        ),
    ],
)
def test_a_pin_that_is_refused_is_an_error_with_its_remedy(pin, reason, hint):
    (told,) = findings(both(export("a.ns", pins=[pin, "240.0.0.5"])))
    assert (told.code, told.severity) == ("pin-outside", Severity.ERROR)
    assert told.reason == f"{reason}: a.ns is not answered with it"
    assert (told.hint, told.path) == (hint, "$.spec.addresses")


def test_a_pin_that_is_claimed_stays_whatever_the_settings_say_now_with_a_warning():
    registry = both(export("a.ns", pins=["240.0.0.5"]))
    registry.reconfigure(settings(pins=["241.0.0.0/8"]), 20)
    (told,) = findings(registry)
    assert (told.code, told.severity) == ("pin-outside", Severity.WARNING)
    assert told.reason.endswith("it was pinned before, and stays until the pin goes")


def test_a_pool_that_is_full_is_an_error_of_the_host_that_has_no_number():
    registry = settled(
        Registry(settings(pools=["240.128.0.0/30"])),
        reset("west", *(export(f"{name}.ns", "west") for name in "abc")),
        reset("east"),
    )
    (told,) = mesh_findings(registry)["west"]
    assert (told.code, told.severity) == ("pool-exhausted", Severity.ERROR)
    assert (told.reason, told.object) == (
        "no pool has a free IPv4 address for c.ns",
        "ServiceEntry ns/c",
    )
    assert told.hint == "add a pool to vips.pools"


@pytest.mark.parametrize(
    ("kind", "path"), [("Service", "$.metadata.name"), ("ServiceEntry", "$.spec.hosts")]
)
def test_what_one_cluster_offers_twice_is_told_to_the_loser(kind, path):
    rival = Rival(Origin(kind, "ns", "b", "b.yaml"), "the older counts")
    (told,) = findings(both(structs.replace(export("a.ns"), rivals=(rival,))))
    assert (told.code, told.path, told.cluster) == ("duplicate-export", path, "east")
    assert (told.file, told.object) == ("b.yaml", f"{kind} ns/b")
    assert told.reason == "a.ns is offered twice, the older counts: ServiceEntry ns/a of east wins"
    assert told.hint == "remove one of the two"


TCP = (Port(5432, "sql", "TCP"),)


def test_an_entry_with_a_tcp_port_that_does_not_name_its_vip_is_told_the_line_to_add():
    registry = both(structs.replace(export("a.ns"), ports=TCP))
    (told,) = findings(registry)
    (address,) = map(format_address, registry.services["a.ns"].vips)
    assert (told.code, told.severity, told.path) == ("unrouted-tcp", "warning", "$.spec")
    assert told.reason.endswith(f"sidecars of east do not route {address}")
    assert told.hint == f"spec: {{addresses: [{address}]}}"


@pytest.mark.parametrize(
    "changes",
    [
        {"ports": (Port(80, "http", "HTTP"),)},
        {"pins": (vip("240.0.0.5"),)},
        {"kind": ExportKind.SERVICE},
        {"kind": ExportKind.ROUTE},
        {"resolution": Resolution.DYNAMIC_DNS},
        {"resolution": Resolution.NONE},
    ],
)
def test_where_sidecars_need_no_address_of_ours_nothing_is_missed(changes):
    found = findings(both(structs.replace(export("a.ns"), **({"ports": TCP} | changes))))
    assert "unrouted-tcp" not in {one.code for one in found}


def test_a_full_pool_is_an_error_though_the_other_family_has_room():
    registry = settled(
        Registry(settings(pools=["240.128.0.0/30", "fd00::/64"])),
        reset("west", *(export(f"{name}.ns", "west") for name in "abc")),
        reset("east"),
    )
    (told,) = mesh_findings(registry)["west"]
    assert told.reason == "no pool has a free IPv4 address for c.ns"
    (dropped,) = explain(registry, "c.ns", now=99).dropped
    assert (dropped.rule, explain(registry, "c.ns", now=99).state) == ("pool-exhausted", "ready")
    assert explain(registry, "a.ns", now=99).dropped == ()


def test_a_global_service_that_pins_what_nobody_exports_is_warned_of():
    origin = Origin("GlobalService", "ns", "typo", "g.yaml")
    policy = Policy(Host("typo.ns"), origin, pins=(vip("240.0.0.5"),))
    registry = settled(
        Registry(settings()), reset("east", export("a.ns"), policies=(policy,)), reset("west")
    )
    (told,) = mesh_findings(registry)["east"]
    assert (told.code, told.severity, told.file) == ("idle-pin", Severity.WARNING, "g.yaml")
    outside = structs.replace(policy, pins=(vip("10.0.0.5"),))
    registry.apply([SetPolicies("east", (outside,))], 20)
    assert [one.code for one in mesh_findings(registry)["east"]] == ["pin-outside"]
    registry.apply([SetPolicies("east", (policy,))], 20)
    registry.apply([Put(export("typo.ns", "west"))], 20)
    assert mesh_findings(registry) == {}


@pytest.mark.parametrize("pin", ["240.9.0.1", "240.9.0.200"])
def test_a_pin_where_a_cluster_has_pods_or_services_is_refused(pin):
    ranges = (prefix("240.9.0.0/24"),)
    view = structs.replace(reset("west").view, ranges=ranges)
    registry = settled(Registry(settings()), reset("east", export("a.ns", pins=[pin])), Reset(view))
    (told,) = mesh_findings(registry)["east"]
    assert (told.code, told.hint) == ("pin-outside", "pin another address")
    assert told.reason.startswith(f"{pin} lies in 240.9.0.0/24, which west has in use: a.ns")
    assert registry.services[Host("a.ns")].state is ServiceState.PIN_OUTSIDE
    delta = registry.apply([SetRanges("west", ())], 20)
    assert [one.kind for one in delta.claims] == [ClaimKind.PINNED]
    registry.acknowledge(delta.claims, 20)
    assert registry.services[Host("a.ns")].vips == (vip(pin),)
    registry.apply([SetRanges("west", ranges)], 21)
    assert registry.services[Host("a.ns")].vips == (vip(pin),)


def test_a_ledger_that_a_cluster_has_lost_is_warned_of_until_the_next_says_as_much():
    held = [claim(f"{name}.ns", f"240.128.0.{at}", at, "west") for at, name in enumerate("ab", 1)]
    exports = [export("a.ns", "west"), export("b.ns", "west")]
    registry = settled(
        Registry(settings()), reset("west", *exports, ledger=ledger("west", *held)), reset("east")
    )
    registry.apply([SetLedger("west", ledger("west", marker="new"))], 20)
    (told,) = mesh_findings(registry)["west"]
    assert (told.code, told.severity) == ("ledger-lost", Severity.WARNING)
    assert "lacks claims of a.ns and 1 more:" in told.reason
    registry.apply([SetLedger("west", ledger("west", *held, marker="new"))], 21)
    assert mesh_findings(registry) == {}


def test_a_fence_of_a_cluster_that_is_not_configured_is_told_once_until_it_ends():
    word = Fence("wset", fenced=True, at=5, origin=Origin("ClusterFence", "", "wset", "f.yaml"))
    views = (structs.replace(reset(name).view, fences=(word,)) for name in ("east", "west"))
    registry = settled(Registry(settings()), *map(Reset, views))
    found = mesh_findings(registry)
    (told,) = found["east"]
    assert found.keys() == {"east"}
    assert (told.code, told.severity, told.file) == ("unknown-cluster", Severity.WARNING, "f.yaml")
    assert "'wset'" in told.reason
    assert "globaldns cluster unfence wset" in told.hint
    assert "the clusters are east, west" in told.hint
    registry.apply([SetFences("west", (structs.replace(word, fenced=False, at=6),))], 20)
    assert mesh_findings(registry) == {}


def test_a_cluster_that_is_read_under_two_ids_is_an_error_of_the_one_that_does_not_count():
    registry = both(export("a.ns"), export("a.ns", "west"))
    registry.count_once({"west": "east"}, 20)
    (told,) = mesh_findings(registry)["west"]
    assert (told.code, told.severity) == ("double-cluster", Severity.ERROR)
    assert told.reason.startswith("is the same cluster as east")
    assert told.hint == "remove one of the two, or see where the kubeconfig of west leads"


def test_a_route_that_a_person_wrote_is_to_be_migrated():
    origin = Origin("ServiceEntry", "ns", "a", "a.yaml")
    made = export("a.ns", "west", kind=ExportKind.ROUTE, pins=["240.0.0.5"])
    (told,) = mesh_findings(both(export("a.ns"), structs.replace(made, origin=origin)))["west"]
    assert (told.code, told.severity) == ("hand-written-route", Severity.WARNING)
    assert (told.file, told.object) == ("a.yaml", "ServiceEntry ns/a")
    assert "globaldns diff --cluster west" in told.hint
