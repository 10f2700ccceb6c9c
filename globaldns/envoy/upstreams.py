"""Clusters: where bytes go, by which protocol, and when an endpoint is left alone for a while.

Standards:
    envoy.config.cluster.v3.Cluster, envoy.config.endpoint.v3.ClusterLoadAssignment
    Istio pilot/pkg/networking/core: what its listeners tell apart by ALPN
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from ipaddress import ip_address
from typing import Any

from globaldns.envoy.destinations import Member, Tier
from globaldns.envoy.encoding import Document, address, extension, frozen, typed
from globaldns.model.export import HTTP, Port

_MATCH = "envoy.transport_socket_match"
_MODE = {"tlsMode": "istio"}
_RAW = frozen(
    extension(
        "envoy.transport_sockets.raw_buffer",
        "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
    )
)
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

_MULTIPLEXED = frozenset({"HTTP2", "GRPC", "GRPC-WEB"})
"""Protocols over HTTP/2 (Istio pkg/config/protocol IsHTTP2)."""


class Talk(StrEnum):
    """How a port is spoken to."""

    HTTP1 = "http1"
    HTTP2 = "http2"
    SNIFFED = "sniffed"
    """HTTP of the version that the client speaks, or anything else."""
    TCP = "tcp"

    @property
    def is_http(self) -> bool:
        """Whether it is HTTP and nothing else."""
        return self in {Talk.HTTP1, Talk.HTTP2}

    @property
    def alpn(self) -> tuple[str, ...]:
        """What a client offers: an Istio sidecar that takes plain text too tells its mesh by it.

        ``istio-peer-exchange`` is not offered: whoever is asked for it expects a preface that only
        Istio's own filter sends.
        """
        return _ALPN[self]


_ALPN = {
    Talk.HTTP1: ("istio-http/1.1", "istio", "http/1.1"),
    Talk.HTTP2: ("istio-h2", "istio", "h2"),
    Talk.SNIFFED: ("istio",),
    Talk.TCP: ("istio",),
}
_VERSIONS: dict[Talk, Document] = {
    Talk.HTTP1: {"explicit_http_config": {"http_protocol_options": {}}},
    Talk.HTTP2: {"explicit_http_config": {"http2_protocol_options": {}}},
    Talk.SNIFFED: {
        "use_downstream_protocol_config": {
            "http_protocol_options": {},
            "http2_protocol_options": {},
        }
    },
}
_OPTIONS = {
    talk: frozen({_HTTP_OPTIONS: typed(_HTTP_OPTIONS, **versions)})
    for talk, versions in _VERSIONS.items()
}

_BEHAVIOUR: dict[str, Any] = {
    "connect_timeout": "2s",
    # Weights say how many endpoints a gateway stands for: LEAST_REQUEST would take it for one.
    "lb_policy": "ROUND_ROBIN",
    # Without the window the next rank answers at once when the last endpoint of one is ejected.
    # With nobody left in any, all are tried: 0 would miss the only gateway, away for a moment, for
    # as long as an ejection takes.
    "common_lb_config": frozen(
        {"healthy_panic_threshold": {"value": 1}, "update_merge_window": "0s"}
    ),
    # The default of 1024 connections is too little for what a gateway stands for; retries have a
    # budget of their own, so that a failure does not become a storm.
    "circuit_breakers": frozen(
        {
            "thresholds": [
                {
                    "max_connections": 65536,
                    "max_pending_requests": 65536,
                    "max_requests": 65536,
                    "retry_budget": {"budget_percent": {"value": 25}, "min_retry_concurrency": 16},
                }
            ]
        }
    ),
    # What an application answers says nothing of a gateway, which stands for a whole cluster; two
    # lost connection attempts happen on any network. Ejections are short: of two gateways that
    # restart one after the other the first is to be back before the second goes. To try one that is
    # dead costs nothing, for a connection is tried often enough to eject it, and then elsewhere.
    "outlier_detection": frozen(
        {
            "split_external_local_origin_errors": True,
            "consecutive_local_origin_failure": 3,
            "consecutive_gateway_failure": 5,
            "enforcing_consecutive_gateway_failure": 100,
            "enforcing_consecutive_5xx": 0,
            "enforcing_success_rate": 0,
            "enforcing_local_origin_success_rate": 0,
            "interval": "1s",
            "base_ejection_time": "1s",
            "max_ejection_time": "10s",
            "max_ejection_percent": 100,
        }
    ),
    # A NAT between networks forgets what is silent.
    "upstream_connection_options": frozen(
        {
            "tcp_keepalive": {
                "keepalive_time": 60,
                "keepalive_interval": 10,
                "keepalive_probes": 6,
            }
        }
    ),
}
"""What all clusters of other machines have alike."""


def talk_of(port: Port) -> Talk:
    """Return how a port is spoken to."""
    if not port.protocol:
        return Talk.SNIFFED
    if port.protocol in _MULTIPLEXED:
        return Talk.HTTP2
    return Talk.HTTP1 if port.protocol in HTTP else Talk.TCP


def upstream_cluster(
    name: str, tiers: Sequence[Tier], talk: Talk, mutual: Document | None
) -> Document:
    """Return a cluster of endpoints by priority; ``mutual`` is the socket for those that take it.

    A domain name among them has Envoy resolve them; paths are for IP addresses' clusters only.
    """
    cluster: Document = {
        **typed("envoy.config.cluster.v3.Cluster", name=name),
        **_kind(tiers),
        **_BEHAVIOUR,
    }
    if options := _OPTIONS.get(talk):
        cluster["typed_extension_protocol_options"] = options
    if mutual is not None:
        cluster["transport_socket_matches"] = [
            {"name": "mutual", "match": _MODE, "transport_socket": mutual},
            {"name": "plain", "match": {}, "transport_socket": _RAW},
        ]
    cluster["load_assignment"] = {"cluster_name": name, "endpoints": list(_localities(tiers))}
    return cluster


def own_cluster(name: str, host: str, port: int, talk: Talk) -> Document:
    """Return the cluster of an application on this machine."""
    cluster = typed(
        "envoy.config.cluster.v3.Cluster",
        name=name,
        type="STATIC",
        connect_timeout="2s",
        circuit_breakers=_BEHAVIOUR["circuit_breakers"],
        load_assignment={
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(host, port)}}]}],
        },
    )
    if talk is not Talk.TCP:
        cluster["typed_extension_protocol_options"] = _OPTIONS[Talk.SNIFFED]
    return cluster


def _kind(tiers: Iterable[Tier]) -> Document:
    addresses = {member.address for tier in tiers for member in tier if not member.path}
    if all(map(_is_ip, addresses)):
        return {"type": "STATIC"}
    return {"type": "STRICT_DNS", "dns_lookup_family": "V4_PREFERRED", "respect_dns_ttl": True}


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _localities(tiers: Sequence[Tier]) -> Iterator[Document]:
    """Yield endpoints by priority and locality.

    Weights count over all of a priority: localities have none of their own.
    """
    for priority, tier in enumerate(tiers):
        by_locality: dict[str, list[Document]] = {}
        for member in tier:
            by_locality.setdefault(member.locality, []).append(_endpoint(member))
        for locality, endpoints in by_locality.items():
            yield {
                "priority": priority,
                "locality": _locality(locality),
                "lb_endpoints": endpoints,
            }


def _endpoint(member: Member) -> Document:
    place = {"pipe": {"path": member.path}} if member.path else address(member.address, member.port)
    endpoint: Document = {
        "endpoint": {"address": place},
        "load_balancing_weight": member.weight,
    }
    if member.is_mutual:
        endpoint["metadata"] = {"filter_metadata": {_MATCH: _MODE}}
    return endpoint


def _locality(text: str) -> Document:
    parts = zip(("region", "zone", "sub_zone"), text.split("/"), strict=False)
    return {name: part for name, part in parts if part}
