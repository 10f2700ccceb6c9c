"""Families as promlint and Prometheus' naming practices want them, and their figures."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from globaldns.dns.counters import SIZE_BOUNDS, Channel, Counters, Dropped
from globaldns.metrics import DnsReadings, MeshFigures, Metrics, SourceFigures

FAMILIES = {
    "globaldns_build_info": ("gauge", {"version", "python", "udp"}),
    "globaldns_config_reloads_total": ("counter", {"result"}),
    "globaldns_conflicts": ("gauge", {"rule"}),
    "globaldns_dns_certificate_expiration_timestamp_seconds": ("gauge", set()),
    "globaldns_dns_dropped_total": ("counter", {"reason"}),
    "globaldns_dns_request_size_bytes": ("histogram", {"le"}),
    "globaldns_dns_requests_total": ("counter", {"proto", "family", "type"}),
    "globaldns_dns_response_size_bytes": ("histogram", {"le"}),
    "globaldns_dns_responses_total": ("counter", {"proto", "rcode"}),
    "globaldns_dns_tcp_connections": ("gauge", set()),
    "globaldns_worker_restarts_total": ("counter", set()),
    "globaldns_control_restarts_total": ("counter", set()),
    "globaldns_gateway_up": ("gauge", {"cluster", "network"}),
    "globaldns_stub_up": ("gauge", {"path"}),
    "globaldns_gateways": ("gauge", {"cluster", "network"}),
    "globaldns_ledger_write_seconds": ("histogram", {"le"}),
    "globaldns_ledger_failures_total": ("counter", set()),
    "globaldns_exhausted_hosts": ("gauge", set()),
    "globaldns_propagation_seconds": ("histogram", {"cluster", "le"}),
    "globaldns_rejected_objects": ("gauge", {"cluster", "kind"}),
    "globaldns_services": ("gauge", set()),
    "globaldns_source_age_seconds": ("gauge", {"cluster"}),
    "globaldns_ledger_up": ("gauge", set()),
    "globaldns_settings_mismatch": ("gauge", {"cluster"}),
    "globaldns_source_double": ("gauge", {"cluster"}),
    "globaldns_source_other": ("gauge", {"cluster"}),
    "globaldns_source_lost": ("gauge", {"cluster"}),
    "globaldns_source_events_total": ("counter", {"cluster", "kind", "type"}),
    "globaldns_source_synced": ("gauge", {"cluster"}),
    "globaldns_source_up": ("gauge", {"cluster"}),
    "globaldns_status_pending": ("gauge", set()),
    "globaldns_status_writes_total": ("counter", {"result"}),
    "globaldns_routes_pending": ("gauge", set()),
    "globaldns_route_notices": ("gauge", {"code"}),
    "globaldns_route_writes_total": ("counter", {"result"}),
    "globaldns_envoy_failures_total": ("counter", set()),
    "globaldns_task_restarts_total": ("counter", {"task"}),
    "globaldns_vip_moves_total": ("counter", {"reason"}),
    "globaldns_vips": ("gauge", {"pool", "state"}),
    "globaldns_zone_age_seconds": ("gauge", set()),
    "globaldns_zone_names": ("gauge", {"zone"}),
    "globaldns_zone_serial": ("gauge", {"zone"}),
}

FIGURES = MeshFigures(
    serial=2026010203,
    zones={"global": 7, "mesh.example": 7},
    zone_age=0.25,
    services=9,
    conflicts={"port-protocol": 1},
    rejected={("east", "ServiceEntry"): 2},
    exhausted=2,
    notices={"no-gateway": 4},
    gateways={("west", "network2"): 2},
    gateways_up={("west", "network2"): 1},
    stub_up={"cluster-dns": True, "node-local": False},
    vips={("240.128.0.0/10", "held"): 7, ("240.128.0.0/10", "free"): 100},
    sources=(
        SourceFigures("east", is_up=True, is_synced=True, age=1.5),
        SourceFigures("west", is_up=False, is_synced=False, age=None, is_lost=True),
    ),
)


@pytest.fixture
def counters():
    counters = Counters()
    counters.count_request(Channel.UDP_IPV4, 1, 40)
    counters.count_request(Channel.TCP_IPV6, 65280, 5000)
    counters.count_response(Channel.UDP_IPV4, 0, 60)
    counters.drop(Dropped.SOCKET_BUFFER)
    return counters


@pytest.fixture
def metrics(counters):
    dns = DnsReadings(
        udp="asyncio",
        counters=counters,
        size_bounds=SIZE_BOUNDS,
        tcp_connections=lambda: 3,
        certificate_expires=lambda: 2_000_000_000,
        worker_restarts=lambda: 4,
        control_restarts=lambda: 5,
    )
    metrics = Metrics(dns, lambda: FIGURES)
    metrics.vip_moves.labels("collision").inc()
    metrics.source_events.labels("east", "Service", "put").inc(5)
    metrics.propagation.labels("east").observe(0.004)
    metrics.ledger_write.observe(0.003)
    metrics.config_reloads.labels("applied").inc()
    metrics.status_writes.labels("written").inc()
    metrics.route_writes.labels("created").inc()
    metrics.envoy_failures.inc()
    metrics.task_restarts.labels("source east").inc()
    return metrics


def parse(metrics):
    return {
        family.name + ("_total" if family.type == "counter" else ""): family
        for family in text_string_to_metric_families(metrics.text().decode())
    }


def value(metrics, name, **labels):
    return metrics.registry.get_sample_value(name, labels)


def test_the_families_are_these_with_these_labels(metrics):
    found = {
        name: (family.type, {label for sample in family.samples for label in sample.labels})
        for name, family in parse(metrics).items()
    }
    assert found == FAMILIES


def test_every_family_has_a_help_text_that_is_a_sentence(metrics):
    for family in parse(metrics).values():
        assert re.fullmatch(r"[A-Z].*\.", family.documentation)


@pytest.mark.parametrize("name", FAMILIES)
def test_names_follow_the_naming_practices(name):
    kind, _ = FAMILIES[name]
    assert re.fullmatch(r"globaldns(_[a-z]+)+", name)
    assert name.endswith("_total") is (kind == "counter")
    assert not re.search(r"_(count|sum|bucket|gauge|counter|histogram|ms|kb|minutes)$", name)
    assert kind != "histogram" or name.endswith(("_seconds", "_bytes"))


def test_no_label_may_carry_a_host_or_an_address():
    labels = set().union(*(labels for _, labels in FAMILIES.values()))
    assert labels.isdisjoint({"host", "name", "address", "client", "ip", "instance", "job", "vip"})


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("globaldns_dns_requests_total", {"proto": "udp", "family": "ipv4", "type": "A"}, 1),
        ("globaldns_dns_requests_total", {"proto": "tcp", "family": "ipv6", "type": "other"}, 1),
        ("globaldns_dns_responses_total", {"proto": "udp", "rcode": "NOERROR"}, 1),
        ("globaldns_dns_dropped_total", {"reason": "socket_buffer"}, 1),
        ("globaldns_dns_dropped_total", {"reason": "short"}, 0),
        ("globaldns_dns_request_size_bytes_bucket", {"le": "32"}, 0),
        ("globaldns_dns_request_size_bytes_bucket", {"le": "48"}, 1),
        ("globaldns_dns_request_size_bytes_bucket", {"le": "+Inf"}, 2),
        ("globaldns_dns_request_size_bytes_sum", {}, 5040),
        ("globaldns_dns_request_size_bytes_count", {}, 2),
        ("globaldns_dns_tcp_connections", {}, 3),
        ("globaldns_worker_restarts_total", {}, 4),
        ("globaldns_control_restarts_total", {}, 5),
        ("globaldns_dns_certificate_expiration_timestamp_seconds", {}, 2_000_000_000),
        ("globaldns_zone_serial", {"zone": "mesh.example"}, 2026010203),
        ("globaldns_zone_names", {"zone": "global"}, 7),
        ("globaldns_zone_age_seconds", {}, 0.25),
        ("globaldns_services", {}, 9),
        ("globaldns_conflicts", {"rule": "port-protocol"}, 1),
        ("globaldns_rejected_objects", {"cluster": "east", "kind": "ServiceEntry"}, 2),
        ("globaldns_vips", {"pool": "240.128.0.0/10", "state": "held"}, 7),
        ("globaldns_source_up", {"cluster": "east"}, 1),
        ("globaldns_source_up", {"cluster": "west"}, 0),
        ("globaldns_source_synced", {"cluster": "west"}, 0),
        ("globaldns_source_age_seconds", {"cluster": "east"}, 1.5),
        ("globaldns_source_age_seconds", {"cluster": "west"}, None),
        ("globaldns_gateways", {"cluster": "west", "network": "network2"}, 2),
        ("globaldns_gateway_up", {"cluster": "west", "network": "network2"}, 1),
        ("globaldns_stub_up", {"path": "cluster-dns"}, 1),
        ("globaldns_stub_up", {"path": "node-local"}, 0),
        ("globaldns_vip_moves_total", {"reason": "collision"}, 1),
        ("globaldns_propagation_seconds_bucket", {"cluster": "east", "le": "0.005"}, 1),
        ("globaldns_config_reloads_total", {"result": "applied"}, 1),
        ("globaldns_status_writes_total", {"result": "written"}, 1),
        ("globaldns_route_writes_total", {"result": "created"}, 1),
        ("globaldns_route_notices", {"code": "no-gateway"}, 4),
        ("globaldns_envoy_failures_total", {}, 1),
    ],
)
def test_a_sample_has_its_figure(metrics, name, labels, expected):
    assert value(metrics, name, **labels) == expected


def test_figures_are_read_at_the_scrape(metrics, counters):
    before = value(metrics, "globaldns_dns_dropped_total", reason="short")
    counters.drop(Dropped.SHORT)
    assert value(metrics, "globaldns_dns_dropped_total", reason="short") == before + 1


def test_two_instances_share_nothing(metrics, counters):
    dns = DnsReadings("asyncio", counters, SIZE_BOUNDS, lambda: 0)
    other = Metrics(dns, lambda: FIGURES)
    assert value(metrics, "globaldns_vip_moves_total", reason="collision") == 1
    assert value(other, "globaldns_vip_moves_total", reason="collision") is None


def test_building_them_reads_no_figures(counters):
    def too_early():
        raise AssertionError("nothing is known yet")

    dns = DnsReadings("asyncio", counters, SIZE_BOUNDS, too_early)
    assert Metrics(dns, too_early).registry


def test_without_a_certificate_there_is_no_sample_of_its_end(counters):
    dns = DnsReadings("asyncio", counters, SIZE_BOUNDS, lambda: 0)
    name = "globaldns_dns_certificate_expiration_timestamp_seconds"
    assert value(Metrics(dns, lambda: FIGURES), name) is None
