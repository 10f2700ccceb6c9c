"""Our own objects as people and ledgers write them, and the claims that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from globaldns.model.address import parse_address
from globaldns.model.claim import Claim, ClaimKind, Marker
from globaldns.model.host import Host
from globaldns.objects import Object
from tests.exports.builders import build

LINE = "{host}.bookinfo 240.128.0.{number} 2026-01-02T03:04:05Z {cluster} given - -\n"
MADE = "2026-01-01T00:00:00Z"
MARKER = Marker("m1", 1767225600)
NEWER = {"id": "m2", "created": "2026-02-01T00:00:00Z"}


def line(host: str, number: int, *, cluster: str = "east") -> str:
    return LINE.format(host=host, number=number, cluster=cluster)


def claim(host: str, number: int) -> Claim:
    vip = parse_address(f"240.128.0.{number}")
    return Claim(Host(f"{host}.bookinfo"), vip, 1767323045, "east", ClaimKind.GIVEN)


def ledger(name: str, data: str, **spec: Any) -> Object:
    plain = {"cluster": "east", "marker": {"id": "m1", "created": MADE}, "data": data}
    return build("VIPLedger", "globaldns.io/v1alpha1", name, spec={**plain, **spec})


def policy(
    name: str = "reviews", *, labels: Mapping[str, str] | None = None, **spec: Any
) -> Object:
    return build(
        "GlobalService", "globaldns.io/v1alpha1", name, spec=spec, created=9, labels=labels or {}
    )


def fence(name: str, **spec: Any) -> Object:
    return build("ClusterFence", "globaldns.io/v1alpha1", name, spec={"at": MADE, **spec})
