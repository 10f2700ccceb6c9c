from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from globaldns.model.address import parse_address
from globaldns.model.claim import Claim, ClaimKind, Marker
from globaldns.model.export import Gateway, GatewayService, Origin
from globaldns.model.host import Host
from globaldns.model.view import (
    Change,
    ClaimSet,
    Fence,
    Policy,
    SetFences,
    SetGateways,
    SetLedger,
    SetNetwork,
    SetPolicies,
    View,
)
from globaldns.sources.carryover import Carryover
from tests.registry.mesh import export
from tests.sources.manifests import (
    GRACE,
    at,
    entries,
    entry,
    hosts,
    misshapen,
    put,
    refused,
    remembered,
    removed,
    started,
    vip_ledger,
)

MARKER = Marker("m", 1)


def policy(name: str) -> Policy:
    return Policy(Host(f"{name}.ns"), Origin("GlobalService", "ns", name))


def fence(name: str) -> Fence:
    return Fence(name, fenced=True, at=1, origin=Origin("ClusterFence", "", name))


def gateway(address: str) -> Gateway:
    return Gateway("n1", address, 15443, "east")


PENDING = GatewayService("istio-system", "eastwest", "n1")


def ledger(*hosts: str, marker: Marker | None = MARKER) -> ClaimSet:
    vip = parse_address("240.128.0.1")
    return ClaimSet(
        marker, tuple(Claim(Host(host), vip, 1, "east", ClaimKind.GIVEN) for host in hosts)
    )


BEFORE = View(
    "east",
    policies=(policy("a"), policy("b")),
    fences=(fence("west"),),
    gateways=(gateway("192.0.2.1"),),
    network="n1",
    ledger=ledger("a", "b"),
)
PARTLY = View("east", policies=(policy("a"),), ledger=ledger("a"))


def expire(carried: Carryover, now: float, *, doubtful: bool = False) -> list[Change]:
    return carried.expire(lambda _: doubtful, lambda: PARTLY, now, 30.0)


def test_all_that_was_not_read_again_stands_beside_what_was() -> None:
    assert Carryover(BEFORE, PARTLY).beside(PARTLY) == BEFORE


def test_what_was_read_completely_again_carries_nothing() -> None:
    assert not Carryover(BEFORE, BEFORE)


def test_after_its_grace_it_ends_in_one_change_of_each_kind() -> None:
    carried = Carryover(BEFORE, PARTLY)
    assert expire(carried, 0) == []
    assert carried.deadline == 30
    assert expire(carried, 30) == [
        SetPolicies("east", PARTLY.policies),
        SetFences("east", ()),
        SetGateways("east", ()),
        SetNetwork("east", ""),
        SetLedger("east", PARTLY.ledger),
    ]
    assert not carried


def test_doubt_holds_it_and_its_grace_begins_when_the_doubt_ends() -> None:
    carried = Carryover(BEFORE, PARTLY)
    assert expire(carried, 0) == []
    assert expire(carried, 100, doubtful=True) == []
    assert expire(carried, 200) == []
    assert len(expire(carried, 230)) == 5


def test_silence_starts_its_grace_anew() -> None:
    carried = Carryover(BEFORE, PARTLY)
    assert expire(carried, 0) == []
    carried.pause()
    assert expire(carried, 100) == []
    assert carried.deadline == 130


@pytest.mark.parametrize(
    ("said", "becomes"),
    [
        (SetPolicies("east", (policy("b"),)), SetPolicies("east", (policy("b"),))),
        (SetPolicies("east", ()), SetPolicies("east", (policy("b"),))),
        (SetFences("east", (fence("flat"),)), SetFences("east", (fence("flat"), fence("west")))),
        (SetGateways("east", ()), SetGateways("east", BEFORE.gateways)),
        (
            SetGateways("east", (), (PENDING,)),
            SetGateways("east", BEFORE.gateways, (PENDING,)),
        ),
        (
            SetGateways("east", (gateway("192.0.2.9"),)),
            SetGateways("east", (gateway("192.0.2.9"),)),
        ),
        (SetNetwork("east", ""), SetNetwork("east", "n1")),
        (SetNetwork("east", "n2"), SetNetwork("east", "n2")),
        (SetLedger("east", ClaimSet()), SetLedger("east", ledger("b"))),
        (SetLedger("east", ledger("c")), SetLedger("east", ledger("c", "b"))),
        (
            SetLedger("east", ledger("c", marker=Marker("new", 2))),
            SetLedger("east", ledger("c", marker=Marker("new", 2))),
        ),
    ],
)
def test_a_change_of_what_was_read_becomes_one_of_the_view(said: Change, becomes: Change) -> None:
    assert Carryover(BEFORE, PARTLY).amend([said]) == [becomes]


def test_what_the_first_reading_lacks_stands_for_its_grace(root: Path) -> None:
    view = remembered(root, f=entries("a", "b"))
    source = started(root, view, f=entry("a"))
    assert hosts(source) == {"a", "b"}
    assert removed(source.read_once(at(29))) == []
    assert removed(source.read_once(at(30))) == ["b.ns"]
    assert hosts(source) == {"a"}


def test_what_the_first_reading_lacks_may_come_back(root: Path) -> None:
    view = remembered(root, f=entries("a", "b"))
    source = started(root, view, f=entry("a"))
    (root / "g.yaml").write_text(entry("b"))
    assert put(source.read_once(at(29))) == ["b.ns"]
    assert removed(source.read_once(at(60))) == []


@pytest.mark.parametrize("spoil", [refused, misshapen])
def test_a_remembered_export_stands_while_its_object_is_refused(
    root: Path, spoil: Callable[[str], str]
) -> None:
    view = remembered(root, f=entries("a", "b"))
    source = started(root, view, f=entry("a") + spoil("b"))
    assert removed(source.read_once(at(1000))) == []
    (root / "f.yaml").write_text(entry("a"))
    assert removed(source.read_once(at(1001))) == []
    assert removed(source.read_once(at(1031))) == ["b.ns"]


def test_a_remembered_export_stands_while_its_file_is_broken(root: Path) -> None:
    view = remembered(root, f=entry("a"), g=entry("b"), h=entry("c"))
    source = started(root, view, f=entry("a"), g="x: [")
    assert removed(source.read_once(at(1000))) == ["c.ns"]
    assert hosts(source) == {"a", "b"}


LEDGER = vip_ledger("east", "a.ns 240.130.0.1 2026-01-02T03:04:05Z east given - -")


def test_a_remembered_ledger_stands_while_any_file_is_broken(root: Path) -> None:
    view = remembered(root, f=entry("a"), g=LEDGER)
    assert view.ledger.marker is not None
    source = started(root, view, f=entry("a"), g="x: [")
    source.read_once(at(1000))
    assert source.view().ledger == view.ledger
    (root / "g.yaml").write_text("")
    source.read_once(at(1001))
    assert source.view().ledger == view.ledger
    source.read_once(at(1031))
    assert source.view().ledger.marker is None


def test_a_remembered_ledger_stands_while_it_is_refused(root: Path) -> None:
    view = remembered(root, f=entry("a"), g=LEDGER)
    source = started(root, view, f=entry("a"), g=LEDGER.replace(" - -", ""))
    for seconds in (1000, 1031, 1062):
        source.read_once(at(seconds))
        assert source.view().ledger.claims == view.ledger.claims


def test_a_directory_below_that_is_empty_after_a_restart_keeps_what_is_remembered(
    root: Path,
) -> None:
    (root / "apps").mkdir()
    (root / "apps" / "b.yaml").write_text(entry("b"))
    view = started(root, a=entry("a")).view()
    (root / "apps" / "b.yaml").unlink()
    anew = started(root, remembered=view)
    for seconds in (GRACE, 3 * GRACE):
        anew.read_once(at(seconds))
    assert {export.host for export in anew.view().exports} == {"a.ns", "b.ns"}
    assert anew.freshness.reason == "apps is empty: what was read last stands"
    (root / "apps").rmdir()
    anew.read_once(at(4 * GRACE))
    anew.read_once(at(6 * GRACE))
    assert {export.host for export in anew.view().exports} == {"a.ns"}
    assert anew.freshness.reason == ""


GATEWAY = """\
---
apiVersion: v1
kind: Service
metadata:
  name: eastwest
  namespace: istio-system
  labels: {topology.istio.io/network: n1}
spec: {ports: [{name: tls, port: 15443}]}
"""


def test_a_manifest_of_a_gateway_without_address_keeps_the_one_of_a_former_run(root: Path) -> None:
    status = "status: {loadBalancer: {ingress: [{ip: 203.0.113.9}]}}\n"
    view = remembered(root, f=entry("a"), g=GATEWAY + status)
    source = started(root, view, f=entry("a"), g=GATEWAY)
    source.read_once(at(10 * GRACE))
    assert [one.address for one in source.view().gateways] == ["203.0.113.9"]


def test_an_export_that_ends_says_when() -> None:
    said = View("east", policies=(policy("a"),))
    before = msgspec.structs.replace(said, exports=(export("a.ns"), export("b.ns")))
    carried = Carryover(before, msgspec.structs.replace(said, exports=(export("a.ns"),)))
    assert [*carried.missing()] == []
    expire(carried, 0)
    assert [*carried.missing()] == [(export("b.ns").origin, 30.0)]
