"""Exports and services with only what a test is about."""

from __future__ import annotations

from typing import Any

from globaldns.model.address import parse_address
from globaldns.model.export import Export, ExportKind, Origin, Port, Transport
from globaldns.model.host import Host
from globaldns.model.service import Service, ServiceState

VIPS = (parse_address("240.128.0.1"), parse_address("fd00::1"))
PORTS = (Port(80, "http", "HTTP"), Port(53, "dns", "UDP", Transport.UDP))


def export(
    cluster: str = "east",
    *,
    namespace: str = "bookinfo",
    name: str = "reviews",
    created_at: int | None = None,
) -> Export:
    return Export(
        cluster=cluster,
        host=Host("reviews.bookinfo"),
        kind=ExportKind.SERVICE,
        origin=Origin("Service", namespace, name),
        created_at=created_at,
    )


def service(state: ServiceState = ServiceState.READY, **parts: Any) -> Service:
    plain = {
        "host": Host("reviews.bookinfo"),
        "zones": ("global",),
        "vips": VIPS,
        "ports": PORTS,
        "contributions": (export("west"), export("east")),
        "changed_at": 7,
        "rule": "given",
    }
    return Service(state=state, **{**plain, **parts})
