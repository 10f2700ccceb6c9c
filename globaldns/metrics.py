"""What is counted and measured, as Prometheus reads it; no label carries a host or an address.

What others keep anyway (the data plane's counters, the registry's figures) is read when somebody
scrapes; only what happens once and is gone (a move, a write, a reload) is counted here.

Standards:
    Prometheus exposition format 0.0.4, and its naming practices
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, Protocol, TypeVar

import msgspec
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from globaldns import __version__

Labels = TypeVar("Labels", bound=tuple[str, ...])
"""Values of the labels of one sample."""

_PROPAGATION_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 30.0)
"""Seconds; 0.1 is the promise."""
_WRITE_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0)
"""Seconds; one fsync is 1 to 10 ms, 100,000 claims are under a second."""


class Sizes(Protocol):
    """Message sizes, counted by upper bounds."""

    @property
    def buckets(self) -> Sequence[int]:
        """Messages per bound, not added up, and last those above every bound."""

    @property
    def octets(self) -> int:
        """Octets of all messages together."""


class DnsCounters(Protocol):
    """What the data plane has counted since it began; dns.counters.Counts is one."""

    def requests(self) -> Mapping[tuple[str, str, str], int]:
        """Return queries by protocol, address family and type (the known ones and ``other``)."""

    def responses(self) -> Mapping[tuple[str, str], int]:
        """Return replies by protocol and rcode."""

    @property
    def dropped(self) -> Mapping[Any, int]:
        """Messages without a reply, by reason: words."""

    @property
    def request_sizes(self) -> Sizes:
        """The sizes of queries."""

    @property
    def response_sizes(self) -> Sizes:
        """The sizes of replies."""


class DnsReadings(msgspec.Struct, frozen=True):
    """Where the data plane's figures are read at a scrape."""

    udp: str
    """How datagrams are received: the label of build_info."""
    counters: DnsCounters
    size_bounds: Sequence[int]
    """Upper bounds of ``Sizes.buckets`` in octets, rising."""
    tcp_connections: Callable[[], int]
    certificate_expires: Callable[[], int | None] = lambda: None
    """Unix seconds; None: there is no certificate."""
    worker_restarts: Callable[[], int] = lambda: 0
    control_restarts: Callable[[], int] = lambda: 0


class SourceFigures(msgspec.Struct, frozen=True):
    """How one source stands."""

    cluster: str
    is_up: bool
    """Its last reading succeeded."""
    is_synced: bool
    """It was read completely in this run."""
    age: float | None
    """Seconds since the last proof that its view is current; None: never."""
    is_lost: bool = False
    """It was not in contact for so long that its cluster's policy for that applies."""
    is_mismatched: bool = False
    """It is configured otherwise in what all clusters must have alike."""
    is_double: bool = False
    """Its cluster counts under another id."""
    is_other: bool = False
    """Another cluster answers than the one whose view it is to have."""


class MeshFigures(msgspec.Struct, frozen=True):
    """What the control side knows at the moment of a scrape."""

    serial: int
    zones: Mapping[str, int]
    """Names by zone."""
    zone_age: float | None
    """Seconds since what is served was last known to be current."""
    services: int
    conflicts: Mapping[str, int]
    """By rule."""
    rejected: Mapping[tuple[str, str], int]
    """Objects by cluster and kind."""
    vips: Mapping[tuple[str, str], int]
    """By pool and state: ``held``, ``resting``, ``free``."""
    exhausted: int
    """Hosts that lack a VIP because no pool has a free address."""
    sources: tuple[SourceFigures, ...]
    statuses_pending: int = 0
    """Hosts whose GlobalService waits to be looked at."""
    routes_pending: int = 0
    """Hosts whose routes wait to be looked at, or written."""
    notices: Mapping[str, int] = {}
    """What routes do not serve and what is wrong between networks, by code."""
    gateways: Mapping[tuple[str, str], int] = {}
    """Gateways that are watched, by cluster and network."""
    gateways_up: Mapping[tuple[str, str], int] = {}
    """Of these, those that are not down."""
    is_ledger_up: bool = True
    """Whether somebody writes the ledger, as far as is seen here."""
    stub_up: Mapping[str, bool] = {}
    """Whether what pods ask is answered by us, by the way that they ask it."""


class Metrics:
    """All families of one process, in a registry of its own."""

    def __init__(self, dns: DnsReadings, mesh: Callable[[], MeshFigures]) -> None:
        self.vip_moves = Counter(
            "globaldns_vip_moves",
            "Hosts that got another VIP.",
            ["reason"],
            registry=None,
        )
        self.source_events = Counter(
            "globaldns_source_events",
            "Changes that a source reported, by kind and what happened.",
            ["cluster", "kind", "type"],
            registry=None,
        )
        self.propagation = Histogram(
            "globaldns_propagation_seconds",
            "From receiving a change to answering it.",
            ["cluster"],
            buckets=_PROPAGATION_BUCKETS,
            registry=None,
        )
        self.ledger_write = Histogram(
            "globaldns_ledger_write_seconds",
            "Writing the claims of one turn to the ledger.",
            buckets=_WRITE_BUCKETS,
            registry=None,
        )
        self.ledger_failures = Counter(
            "globaldns_ledger_failures",
            "Writes of the ledger that failed: meanwhile new hosts stay without a number.",
            registry=None,
        )
        self.status_writes = Counter(
            "globaldns_status_writes",
            "Requests that changed GlobalServices, or were to, by result.",
            ["result"],
            registry=None,
        )
        self.route_writes = Counter(
            "globaldns_route_writes",
            "Requests that changed routes, or were to, by result.",
            ["result"],
            registry=None,
        )
        self.envoy_failures = Counter(
            "globaldns_envoy_failures",
            "Writings of Envoys' documents that failed: Envoys go on with those they have.",
            registry=None,
        )
        self.config_reloads = Counter(
            "globaldns_config_reloads",
            "Readings of a changed configuration, by result.",
            ["result"],
            registry=None,
        )
        self.task_restarts = Counter(
            "globaldns_task_restarts", "Restarts of a task that failed.", ["task"], registry=None
        )
        self.registry = CollectorRegistry()
        self.registry.register(_Events(self._events()))
        self.registry.register(_Scrape(dns, mesh))

    def _events(self) -> tuple[Counter | Histogram, ...]:
        return (
            self.vip_moves,
            self.source_events,
            self.propagation,
            self.ledger_write,
            self.ledger_failures,
            self.status_writes,
            self.route_writes,
            self.envoy_failures,
            self.config_reloads,
            self.task_restarts,
        )

    def text(self) -> bytes:
        """Return all families as text."""
        return generate_latest(self.registry)


class _Events(Collector):
    """The families that are counted here, without the library's ``_created`` gauges."""

    def __init__(self, families: Iterable[Counter | Histogram]) -> None:
        self._families = tuple(families)

    def collect(self) -> Iterator[Metric]:
        for family in self._families:
            for metric in family.collect():
                metric.samples = [
                    sample for sample in metric.samples if not sample.name.endswith("_created")
                ]
                yield metric


class _Scrape(Collector):
    """The families that others keep."""

    def __init__(self, dns: DnsReadings, mesh: Callable[[], MeshFigures]) -> None:
        self._dns = dns
        self._mesh = mesh

    def describe(self) -> Iterable[Metric]:
        """Return nothing: registering must not read the figures before there are any."""
        return ()

    def collect(self) -> Iterator[Metric]:
        labels = ("version", "python", "udp")
        values = (__version__, platform.python_version(), self._dns.udp)
        yield _gauge("build_info", "What runs here.", labels, {values: 1})
        yield from _dns_families(self._dns)
        yield from _mesh_families(self._mesh())


def _dns_families(dns: DnsReadings) -> Iterator[Metric]:
    counters = dns.counters
    yield _counter(
        "dns_requests", "DNS queries received.", ("proto", "family", "type"), counters.requests()
    )
    yield _counter("dns_responses", "DNS replies sent.", ("proto", "rcode"), counters.responses())
    yield _counter(
        "dns_dropped", "DNS messages that got no reply.", ("reason",), _single(counters.dropped)
    )
    for name, text, sizes in (
        ("dns_request_size_bytes", "Size of DNS queries.", counters.request_sizes),
        ("dns_response_size_bytes", "Size of DNS replies.", counters.response_sizes),
    ):
        yield _sizes(name, text, dns.size_bounds, sizes)
    yield _gauge(
        "dns_tcp_connections", "TCP connections that are open.", (), {(): dns.tcp_connections()}
    )
    expires = dns.certificate_expires()
    yield _gauge(
        "dns_certificate_expiration_timestamp_seconds",
        "When the certificate of DNS over TLS ends, in Unix time.",
        (),
        {} if expires is None else {(): expires},
    )
    for name, text, restarts in (
        ("worker_restarts", "Workers that died and were followed by another.", dns.worker_restarts),
        (
            "control_restarts",
            "Control processes that died and were followed by another.",
            dns.control_restarts,
        ),
    ):
        yield _counter(name, text, (), {(): restarts()})


def _mesh_families(mesh: MeshFigures) -> Iterator[Metric]:
    zone = ("zone",)
    serials = {(name,): mesh.serial for name in mesh.zones}
    yield _gauge("zone_serial", "SOA serial of this instance.", zone, serials)
    yield _gauge("zone_names", "Hosts in a zone.", zone, _single(mesh.zones))
    yield _gauge(
        "zone_age_seconds",
        "Time since what is served was last known to be current.",
        (),
        {} if mesh.zone_age is None else {(): mesh.zone_age},
    )
    yield _gauge("services", "Services in the mesh.", (), {(): mesh.services})
    yield _gauge(
        "conflicts", "Exports that lost against another.", ("rule",), _single(mesh.conflicts)
    )
    yield _gauge(
        "rejected_objects",
        "Objects that are refused, remote secrets among them, and files that cannot be read.",
        ("cluster", "kind"),
        mesh.rejected,
    )
    yield _gauge("vips", "Virtual IPs.", ("pool", "state"), mesh.vips)
    yield _gauge(
        "exhausted_hosts",
        "Hosts that lack a VIP because no pool has a free address.",
        (),
        {(): mesh.exhausted},
    )
    text = "Whether somebody writes the ledger: this replica, or another for all that it sees."
    yield _gauge("ledger_up", text, (), {(): mesh.is_ledger_up})
    yield _gauge(
        "status_pending",
        "Hosts whose GlobalService waits to be looked at.",
        (),
        {(): mesh.statuses_pending},
    )
    yield _gauge(
        "routes_pending",
        "Hosts whose routes wait to be looked at, or written.",
        (),
        {(): mesh.routes_pending},
    )
    yield _gauge(
        "route_notices",
        "What routes do not serve and what is wrong between networks, by code.",
        ("code",),
        _single(mesh.notices),
    )
    yield from _source_families(mesh.sources)
    label = ("cluster", "network")
    yield _gauge("gateways", "Gateways of other networks that are watched.", label, mesh.gateways)
    yield _gauge("gateway_up", "Of these, those that are not down.", label, mesh.gateways_up)
    up = {(path,): is_up for path, is_up in mesh.stub_up.items()}
    text = "Whether the cluster's own DNS answers for our zones what we do, and will after a start."
    yield _gauge("stub_up", text, ("path",), up)


def _source_families(sources: Iterable[SourceFigures]) -> Iterator[Metric]:
    label = ("cluster",)
    up = {(source.cluster,): source.is_up for source in sources}
    synced = {(source.cluster,): source.is_synced for source in sources}
    ages = {(source.cluster,): source.age for source in sources if source.age is not None}
    yield _gauge("source_up", "Whether a source's last reading succeeded.", label, up)
    yield _gauge("source_synced", "Whether a source was read completely.", label, synced)
    lost = {(source.cluster,): source.is_lost for source in sources}
    yield _gauge("source_age_seconds", "Age of what a source last said.", label, ages)
    yield _gauge("source_lost", "Whether a cluster is lost: without contact too long.", label, lost)
    mismatched = {(source.cluster,): source.is_mismatched for source in sources}
    text = "Whether a cluster is configured otherwise in what all must have alike."
    yield _gauge("settings_mismatch", text, label, mismatched)
    doubles = {(source.cluster,): source.is_double for source in sources}
    text = "Whether a cluster is read under another id too, under which it counts."
    yield _gauge("source_double", text, label, doubles)
    others = {(source.cluster,): source.is_other for source in sources}
    text = "Whether another cluster answers than the one that is known, as when it was rebuilt."
    yield _gauge("source_other", text, label, others)


def _single(figures: Mapping[Any, int]) -> dict[tuple[str], int]:
    return {(str(label),): value for label, value in figures.items()}


def _counter(name: str, text: str, labels: Sequence[str], figures: Mapping[Labels, int]) -> Metric:
    family = CounterMetricFamily(f"globaldns_{name}", text, labels=labels)
    for values, figure in sorted(figures.items()):
        family.add_metric(values, figure)
    return family


def _gauge(name: str, text: str, labels: Sequence[str], figures: Mapping[Labels, float]) -> Metric:
    family = GaugeMetricFamily(f"globaldns_{name}", text, labels=labels)
    for values, figure in sorted(figures.items()):
        family.add_metric(values, figure)
    return family


def _sizes(name: str, text: str, bounds: Sequence[int], sizes: Sizes) -> Metric:
    family = HistogramMetricFamily(f"globaldns_{name}", text)
    limits = [*map(str, bounds), "+Inf"]
    family.add_metric([], list(zip(limits, accumulate(sizes.buckets), strict=True)), sizes.octets)
    return family
