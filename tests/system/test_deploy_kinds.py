"""The kinds of globaldns.io on a real API server: what it takes, refuses and shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.system.administered import Administered
from tests.system.api_servers import ApiServer
from tests.system.deploying import NAMESPACE
from tests.system.running import ROOT

MARKER = {"id": "first", "created": "2026-01-02T03:04:05Z"}
AT = "2026-01-02T03:04:05Z"
LEDGER = {"cluster": "east", "marker": MARKER}
PINS = [f"240.128.0.{number}" for number in range(17)]


@pytest.fixture(scope="module")
def cluster(make_api_servers: Callable[..., list[ApiServer]]) -> Administered:
    """A cluster that knows our kinds."""
    running = Administered(*make_api_servers())
    metadata = {"name": NAMESPACE}
    assert not running.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    for command in (
        ("apply", "-f", ROOT / "deploy/crds"),
        ("wait", "--for=condition=established", "--timeout=30s", "crd", "--all"),
    ):
        done = running.kubectl(*command)
        assert done.returncode == 0, done.stderr
    return running


def ours(kind: str, spec: Any, *, name: str = "trial") -> dict[str, Any]:
    """Return an object of a kind of ours."""
    where = {} if kind == "ClusterFence" else {"namespace": NAMESPACE}
    return {
        "apiVersion": "globaldns.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, **where},
        "spec": spec,
    }


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("VIPLedger", LEDGER),
        ("VIPLedger", {**LEDGER, "role": "deputy", "data": "x" * 1_400_000}),
        ("VIPLedger", {**LEDGER, "role": "former", "cluster": "West.2_b"}),
        ("GlobalService", {}),
        ("GlobalService", {"pins": PINS[:16]}),
        ("GlobalService", {"pins": ["fd67:6c6f:6261:6c00::1", "240.0.0.33"], "renumber": AT}),
        ("GlobalService", {"lost": {}}),
        ("GlobalService", {"lost": {"names": "keep", "endpoints": "demote"}}),
        ("GlobalService", {"lost": {"names": "drop", "endpoints": "drop"}}),
        ("GlobalService", {"lost": {"names": {"expire": "7d"}}}),
        ("GlobalService", {"lost": {"endpoints": {"demote": "60s", "expire": "1h"}}}),
        ("GlobalService", {"lost": {"endpoints": {"demote": "90m"}}}),
        ("GlobalService", {"lost": {"endpoints": {"expire": "30s"}}}),
        ("ClusterFence", {"cluster": "west", "at": AT}),
        ("ClusterFence", {"cluster": "west", "at": AT, "fenced": False}),
    ],
)
def test_what_is_right_is_taken(kind: str, spec: Any, cluster: Administered) -> None:
    assert cluster.try_out(ours(kind, spec)) == ""


@pytest.mark.parametrize(
    ("kind", "spec", "named"),
    [
        ("VIPLedger", {}, "spec.cluster"),
        ("VIPLedger", {"cluster": "east"}, "spec.marker"),
        ("VIPLedger", {**LEDGER, "cluster": "a/b"}, "spec.cluster"),
        ("VIPLedger", {**LEDGER, "cluster": "x" * 64}, "spec.cluster"),
        ("VIPLedger", {**LEDGER, "role": "main"}, "spec.role"),
        ("VIPLedger", {**LEDGER, "marker": {"id": "first"}}, "spec.marker.created"),
        ("VIPLedger", {**LEDGER, "marker": {**MARKER, "id": "x" * 65}}, "spec.marker.id"),
        ("VIPLedger", {**LEDGER, "marker": {**MARKER, "created": "now"}}, "spec.marker.created"),
        ("VIPLedger", {**LEDGER, "data": "x" * 1_400_001}, "spec.data"),
        ("VIPLedger", {**LEDGER, "claims": []}, "spec.claims"),
        ("GlobalService", {"pins": ["240.0.0"]}, "a pin is an IPv4 or IPv6 address"),
        ("GlobalService", {"pins": ["240.0.0.0/4"]}, "a pin is an IPv4 or IPv6 address"),
        ("GlobalService", {"pins": ["240.0.0.1", "240.0.0.1"]}, "spec.pins"),
        ("GlobalService", {"pins": PINS}, "spec.pins"),
        ("GlobalService", {"pin": "240.0.0.1"}, "spec.pin"),
        ("GlobalService", {"renumber": True}, "spec.renumber"),
        ("GlobalService", {"lost": {"after": "60s"}}, "spec.lost.after"),
        ("GlobalService", {"lost": "keep"}, "spec.lost"),
        *(
            ("GlobalService", {"lost": {"names": wrong}}, "spec.lost.names")
            for wrong in (
                *("demote", "", "Keep", 0, 1, 5, True, [], ["keep"], {}, {"expire": "soon"}),
                *({"expire": "250ms"}, {"expire": "0s"}),
                *({"expire": 60}, {"demote": "1h"}, {"expire": "1h", "demote": "1h"}),
            )
        ),
        *(
            ("GlobalService", {"lost": {"endpoints": wrong}}, "spec.lost.endpoints")
            for wrong in (
                *("expire", 0.5, False, ["drop"], {}, {"after": "1h"}, {"demote": "1"}),
                {"demote": "1m", "expire": "1h", "drop": "2h"},
            )
        ),
        ("ClusterFence", {"cluster": "west"}, "spec.at"),
        ("ClusterFence", {"at": AT}, "spec.cluster"),
        ("ClusterFence", {"cluster": "-west", "at": AT}, "spec.cluster"),
        ("ClusterFence", {"cluster": "west", "at": "yesterday"}, "spec.at"),
        ("ClusterFence", {"cluster": "west", "at": AT, "until": AT}, "spec.until"),
    ],
)
def test_what_is_wrong_is_refused_where_it_is_written(
    kind: str, spec: Any, named: str, cluster: Administered
) -> None:
    assert named in cluster.try_out(ours(kind, spec))


@pytest.mark.parametrize("name", ["a.b", "x" * 64])
def test_a_service_has_a_name_that_a_host_can_have(name: str, cluster: Administered) -> None:
    said = cluster.try_out(ours("GlobalService", {}, name=name))
    assert "the name is one label of the host" in said


def test_a_ledger_keeps_its_cluster_and_its_role(cluster: Administered) -> None:
    assert not cluster.apply(ours("VIPLedger", LEDGER, name="fixed"))
    for change in ({"cluster": "west"}, {"role": "copy"}):
        said = cluster.try_out(ours("VIPLedger", {**LEDGER, **change}, name="fixed"))
        assert f"the {next(iter(change))} of a ledger cannot change" in said
    renewed = {**LEDGER, "marker": {**MARKER, "id": "second"}, "data": "new"}
    assert not cluster.apply(ours("VIPLedger", renewed, name="fixed"))


STATUS = {
    "host": "cart.shop.global",
    "vip": "240.128.0.10,fd67::a",
    "vips": [{"address": "240.128.0.10", "kind": "pinned", "allocatedAt": AT}],
    "clusters": "east,west",
    "ready": "3/4",
    "contributors": [
        {"cluster": "east", "endpoints": 4, "ready": 3, "state": "synced", "contact": AT}
    ],
    "renumberedAt": AT,
    "observedGeneration": 1,
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Answered",
            "message": "",
            "lastTransitionTime": AT,
        }
    ],
}


def table(cluster: Administered, *arguments: str) -> list[list[str]]:
    """Return what ``kubectl get`` prints, by row and column."""
    done = cluster.kubectl("get", "-n", NAMESPACE, *arguments)
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


def test_a_service_is_shown_as_people_ask_for_it(cluster: Administered) -> None:
    cart = ours("GlobalService", {"pins": ["240.128.0.10"]}, name="cart")
    assert not cluster.apply(cart)
    for options in ((), ("--subresource=status",)):
        assert not cluster.apply({**cart, "status": STATUS}, options=options)
    head, row = table(cluster, "gsvc", "cart", "-o", "wide")
    assert head == ["NAME", "HOST", "VIP", "CLUSTERS", "READY", "AGE", "STATE"]
    shown = [STATUS["host"], STATUS["vip"], "east,west", "3/4"]
    assert row == ["cart", *shown, row[5], "Answered"]
    assert table(cluster, "gsvc", "cart")[0] == head[:-1]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"vips": [{"address": "240.128.0.10", "kind": "found"}]}, "status.vips[0].kind"),
        ({"contributors": [{"cluster": "east", "state": "gone"}]}, "status.contributors[0].state"),
        ({"conditions": [{"type": "Ready"}]}, "status.conditions[0]"),
        ({"age": 3}, "age"),
    ],
)
def test_a_status_is_checked_too(change: Any, named: str, cluster: Administered) -> None:
    told = {**ours("GlobalService", {}, name="told"), "status": {**STATUS, **change}}
    assert not cluster.apply(ours("GlobalService", {}, name="told"))
    assert named in cluster.try_out(told, options=("--subresource=status",))


def test_ledgers_and_fences_are_shown_with_what_tells_them_apart(cluster: Administered) -> None:
    assert not cluster.apply(
        ours("VIPLedger", {**LEDGER, "role": "copy"}, name="shown"),
        ours("ClusterFence", {"cluster": "west", "at": AT}, name="west"),
    )
    head, row = table(cluster, "vipl", "shown")
    assert head == ["NAME", "CLUSTER", "ROLE", "LEDGER", "AGE"]
    assert row[:4] == ["shown", "east", "copy", "first"]
    head, row = table(cluster, "cfence", "west")
    assert head == ["NAME", "CLUSTER", "FENCED", "AT", "AGE"]
    assert row[:4] == ["west", "west", "true", AT]


def test_every_field_can_be_explained(cluster: Administered) -> None:
    done = cluster.kubectl("explain", "gsvc.spec.lost.endpoints.demote")
    assert "How long they count fully" in done.stdout
