"""What the Envoy beside clients adds for one service: a listener for each VIP and port.

The client's machine routes the pools to itself (``ip route add local POOL dev lo``). Every listener
is bound to one VIP, never to all addresses: the machine's own ports stay free, and nobody outside
can use its identity.
"""

from __future__ import annotations

from collections.abc import Iterator

from globaldns.envoy.destinations import Destination, find_destinations
from globaldns.envoy.encoding import Document, encode
from globaldns.envoy.filters import (
    OUTBOUND,
    http_inspector,
    listener,
    pass_on,
    route_by_host,
)
from globaldns.envoy.fragment import Fragment
from globaldns.envoy.names import listener_name, server_name, upstream_name
from globaldns.envoy.rules import EnvoyRules
from globaldns.envoy.secrets import upstream_socket
from globaldns.envoy.upstreams import Talk, talk_of, upstream_cluster
from globaldns.model.address import format_address
from globaldns.model.service import Service, ServiceState
from globaldns.routing.identities import identities
from globaldns.routing.naming import sni_for
from globaldns.routing.topology import Topology, Viewer

ROUTED = frozenset(
    {
        ServiceState.READY,
        ServiceState.PARTIAL,
        ServiceState.CLAIMED,
        ServiceState.STALE,
        ServiceState.LOST,
    }
)
"""States in which VIPs are a service's and no other's, answered or not: who has asked goes on."""

_SNIFFING = "0.5s"
"""How long a client may be silent before it counts as one that lets the server speak first."""


def sidecar_fragment(
    service: Service, rules: EnvoyRules, viewer: Viewer, topology: Topology
) -> Fragment:
    """Return what clients need of a service; nothing if it has no VIP of its own."""
    if service.state not in ROUTED or not service.vips or not service.zones:
        return Fragment()
    clusters: dict[str, bytes] = {}
    listeners: dict[str, bytes] = {}
    places: set[tuple[str, str, int]] = set()
    believed = identities(service, rules.trust_domain)
    sni = sni_for(service, rules.sni, topology)
    for to in find_destinations(service, viewer, topology, rules.locality):
        name = upstream_name(_names(service)[0], to.port.number)
        if to.tiers:
            told = server_name(service.host, service.zones[0], to.port.number, sni)
            clusters[name] = encode(_cluster(name, to, rules, told, believed))
            places.update((name, one.address, one.port) for tier in to.tiers for one in tier)
        for address, document in _listeners(name, service, to):
            listeners[address] = encode(document)
    return Fragment(clusters, listeners, frozenset(places))


def _names(service: Service) -> list[str]:
    return [f"{service.host}.{zone}" for zone in service.zones]


def _cluster(
    name: str, to: Destination, rules: EnvoyRules, told: str, believed: tuple[str, ...]
) -> Document:
    talk = talk_of(to.port)
    mutual = None
    if any(member.is_mutual for tier in to.tiers for member in tier):
        mutual = upstream_socket(
            rules.folder,
            server_name=told,
            alpn=talk.alpn,
            identities=believed,
        )
    return upstream_cluster(name, to.tiers, talk, mutual)


def _listeners(cluster: str, service: Service, to: Destination) -> Iterator[tuple[str, Document]]:
    """Yield a listener for each VIP, former ones too; none where connections are to be refused."""
    talk, number = talk_of(to.port), to.port.number
    if not to.tiers and not talk.is_http:
        return
    for vip in map(format_address, (*service.vips, *service.former)):
        name = listener_name(vip, number)
        if talk is Talk.TCP:
            chains = [{"filters": [pass_on(cluster, OUTBOUND)]}]
            yield name, listener(name, vip, number, OUTBOUND, chains)
            continue
        requests = {"filters": [_requests(cluster, vip, service, to)]}
        if talk.is_http:
            yield name, listener(name, vip, number, OUTBOUND, [requests])
        else:
            yield name, _sniffing(name, vip, number, requests, cluster)


def _requests(cluster: str, vip: str, service: Service, to: Destination) -> Document:
    names = _names(service)
    numeric = f"[{vip}]" if ":" in vip else vip
    absence = (
        f"{names[0]} has no endpoint for port {to.port.number} in reach: "
        f"globaldns explain {names[0]}\n"
    )
    return route_by_host(
        names[0],
        [*names, numeric],
        cluster=cluster if to.tiers else None,
        absence=absence,
    )


def _sniffing(name: str, vip: str, number: int, requests: Document, cluster: str) -> Document:
    versions = {"filter_chain_match": {"application_protocols": ["http/1.0", "http/1.1", "h2c"]}}
    return listener(
        name,
        vip,
        number,
        OUTBOUND,
        [{**versions, **requests}],
        default_filter_chain={"filters": [pass_on(cluster, OUTBOUND)]},
        listener_filters=[http_inspector()],
        listener_filters_timeout=_SNIFFING,
        continue_on_listener_filters_timeout=True,
    )
