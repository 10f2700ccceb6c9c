"""What the Envoy in front of one workload is told: its ports, behind mutual TLS.

It listens on the workload's own address, as callers know it; the application on loopback, where
nobody else comes.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from globaldns.envoy.book import Documents
from globaldns.envoy.encoding import Document, encode
from globaldns.envoy.filters import INBOUND, listener, pass_on, take_requests, tls_inspector
from globaldns.envoy.names import inbound_name, listener_name
from globaldns.envoy.rules import EnvoyRules
from globaldns.envoy.secrets import downstream_socket
from globaldns.envoy.upstreams import Talk, own_cluster, talk_of
from globaldns.model.export import ExportKind, Transport
from globaldns.model.service import Service

_OVER_TLS = ("h2", "http/1.1")
"""What is spoken inside of TLS; others' own words for it are told apart before."""
_MESH_HTTP = ("istio-http/1.0", "istio-http/1.1", "istio-h2", *_OVER_TLS)
"""By which callers say that they speak HTTP."""


class Inbound(msgspec.Struct, frozen=True, order=True):
    """A port of a workload."""

    number: int
    talk: Talk


def find_inbounds(services: Iterable[Service], cluster: str, address: str) -> tuple[Inbound, ...]:
    """Return the ports on which services reach a workload of a cluster, ready or not, by number.

    Where two services speak differently of one port, the first service is right.
    """
    found: dict[int, Inbound] = {}
    for service in sorted(services, key=lambda service: service.host):
        for export in service.contributions:
            if export.cluster != cluster or export.kind is ExportKind.ROUTE:
                continue
            for endpoint in export.endpoints:
                if endpoint.address != address:
                    continue
                own = dict(endpoint.ports)
                for port in export.ports:
                    if port.transport is Transport.TCP:
                        number = own.get(port.name, port.number)
                        found.setdefault(number, Inbound(number, talk_of(port)))
    return tuple(sorted(found.values()))


def workload_documents(
    inbounds: Iterable[Inbound], rules: EnvoyRules, *, address: str, forward: str
) -> Documents:
    """Return the documents of a workload at an address, whose application is at ``forward``."""
    clusters: dict[str, bytes] = {}
    listeners: dict[str, bytes] = {}
    for inbound in inbounds:
        number = inbound.number
        cluster = inbound_name(number)
        clusters[cluster] = encode(own_cluster(cluster, forward, number, inbound.talk))
        name = listener_name(address, number)
        listeners[name] = encode(_listener(name, address, inbound, cluster, rules))
    return Documents(clusters, listeners)


def _listener(
    name: str, address: str, inbound: Inbound, cluster: str, rules: EnvoyRules
) -> Document:
    requests = _chain(take_requests(cluster), rules)
    octets = _chain(pass_on(cluster, INBOUND), rules)
    if inbound.talk is not Talk.SNIFFED:
        chain = requests if inbound.talk.is_http else octets
        return listener(name, address, inbound.number, INBOUND, [chain])
    match = {"filter_chain_match": {"application_protocols": [*_MESH_HTTP]}}
    return listener(
        name,
        *(address, inbound.number, INBOUND, [{**match, **requests}]),
        default_filter_chain=octets,
        listener_filters=[tls_inspector()],
    )


def _chain(filter_: Document, rules: EnvoyRules) -> Document:
    socket = downstream_socket(rules.folder, trust_domain=rules.trust_domain, alpn=_OVER_TLS)
    return {"filters": [filter_], "transport_socket": socket}
