"""Our own objects, as people and other clusters write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from globaldns.objects.metadata import Resource
from globaldns.objects.own import (
    ClusterFence,
    ClusterFenceSpec,
    GlobalService,
    LedgerMarker,
    VIPLedger,
    VIPLedgerSpec,
)

METADATA = {"name": "a"}
AT = "2026-01-02T03:04:05Z"
THEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MARKER = {"id": "m", "created": AT}


def test_a_ledger_says_whose_it_is_which_it_is_and_a_line_per_claim() -> None:
    spec = {"cluster": "east", "marker": MARKER, "data": "line\n"}
    found = msgspec.convert({"metadata": METADATA, "spec": spec}, VIPLedger)
    assert found.spec == VIPLedgerSpec("east", LedgerMarker("m", THEN), "line\n")


def test_a_shard_may_be_empty() -> None:
    spec = {"cluster": "east", "marker": MARKER}
    assert msgspec.convert({"metadata": METADATA, "spec": spec}, VIPLedger).spec.data == ""


def test_a_service_of_people_pins_what_it_lists_and_nothing_without() -> None:
    pins = {"metadata": METADATA, "spec": {"pins": ["240.0.0.5"]}}
    assert msgspec.convert(pins, GlobalService).spec.pins == ("240.0.0.5",)
    assert msgspec.convert({"metadata": METADATA}, GlobalService).spec.pins == ()


@pytest.mark.parametrize(
    ("spec", "fenced"), [({}, True), ({"fenced": True}, True), ({"fenced": False}, False)]
)
def test_a_fence_fences_unless_it_says_otherwise(spec: dict[str, Any], *, fenced: bool) -> None:
    value = {"metadata": METADATA, "spec": {"cluster": "west", "at": AT, **spec}}
    found = msgspec.convert(value, ClusterFence)
    assert found.spec == ClusterFenceSpec("west", THEN, fenced=fenced)
    assert not found.is_namespaced


@pytest.mark.parametrize(
    ("kind", "spec", "missing"),
    [
        (VIPLedger, {"marker": MARKER}, "cluster"),
        (VIPLedger, {"cluster": "east"}, "marker"),
        (VIPLedger, {"cluster": "east", "marker": {"created": AT}}, "id"),
        (VIPLedger, {"cluster": "east", "marker": {"id": "m"}}, "created"),
        (ClusterFence, {"at": AT}, "cluster"),
        (ClusterFence, {"cluster": "west"}, "at"),
    ],
)
def test_what_says_too_little_is_refused(
    kind: type[Resource], spec: dict[str, Any], missing: str
) -> None:
    with pytest.raises(msgspec.ValidationError, match=f"`{missing}`"):
        msgspec.convert({"metadata": METADATA, "spec": spec}, kind)
