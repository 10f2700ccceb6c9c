"""Every metric is named as Prometheus and operators expect, and stands in the papers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from prometheus_client import Metric

from globaldns.dns.counters import SIZE_BOUNDS, Counters
from globaldns.metrics import DnsReadings, MeshFigures, Metrics

UNITLESS = {
    *("build_info", "dns_tcp_connections", "zone_serial", "zone_names", "services", "conflicts"),
    *("rejected_objects", "vips", "exhausted_hosts", "source_up", "source_synced", "source_lost"),
    *("status_pending", "settings_mismatch", "gateways", "gateway_up"),
    *("routes_pending", "source_double", "source_other", "route_notices"),
    *("stub_up", "ledger_up"),
}
"""Gauges that count things or say yes or no."""
CLIENT_SIDE = {"host", "name", "qname", "vip", "address", "client", "source"}
"""Labels whose values others would choose, without an end."""


@pytest.fixture(scope="module")
def families() -> list[Metric]:
    dns = DnsReadings(
        udp="", counters=Counters(), size_bounds=SIZE_BOUNDS, tcp_connections=lambda: 0
    )
    figures = MeshFigures(
        serial=1,
        zones={"global": 0},
        zone_age=0.0,
        services=0,
        conflicts={},
        rejected={},
        vips={},
        exhausted=0,
        sources=(),
    )
    return list(Metrics(dns, lambda: figures).registry.collect())


def full_name(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def short_names(families: Iterable[Metric]) -> set[str]:
    return {family.name.removeprefix("globaldns_") for family in families}


def documented(root: Path) -> dict[str, str]:
    """Names and labels of the table for those who run it."""
    text = (root / "deploy/README.md").read_text()
    section = text.partition("\n## Metrics\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `(globaldns_\w+)(\{[\w,]+\})?` \|", section, re.MULTILINE))


def test_the_papers_have_every_metric_and_no_other(families: list[Metric], root: Path) -> None:
    assert set(documented(root)) == set(map(full_name, families))


def test_a_name_ends_in_its_unit(families: list[Metric]) -> None:
    units = ("_seconds", "_bytes")
    measured = {family.name for family in families if family.type != "counter"}
    without = {name.removeprefix("globaldns_") for name in measured if not name.endswith(units)}
    assert without <= UNITLESS <= short_names(families)


def test_no_label_can_grow_without_an_end(root: Path) -> None:
    labels = {label for text in documented(root).values() for label in text.strip("{}").split(",")}
    assert not labels & CLIENT_SIDE


def test_every_help_is_a_sentence(families: list[Metric]) -> None:
    assert [family.name for family in families if not family.documentation.endswith(".")] == []
