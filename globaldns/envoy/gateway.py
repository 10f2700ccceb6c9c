"""What the Envoy at a network's edge adds for one service: where its server names lead.

TLS goes through unopened: who speaks to whom is between the client and the workload. Only the
cluster's own endpoints are behind it, never another gateway, so that nothing goes round in circles.
"""

from __future__ import annotations

import msgspec

from globaldns.envoy.destinations import Tier, find_destinations
from globaldns.envoy.encoding import Document, encode
from globaldns.envoy.filters import INBOUND, listener, pass_on, tls_inspector
from globaldns.envoy.fragment import Fragment
from globaldns.envoy.names import passthrough_name, server_names
from globaldns.envoy.rules import EnvoyRules
from globaldns.envoy.upstreams import Talk, upstream_cluster
from globaldns.model.host import is_wildcard
from globaldns.model.service import Service
from globaldns.routing.topology import Topology, Viewer

NO_WAY = Topology.of(())
"""Without gateways a viewer sees only what it reaches itself."""


def gateway_fragment(service: Service, rules: EnvoyRules, viewer: Viewer) -> Fragment:
    """Return what comes in for a service: its clusters, and its filter chains as listeners.

    The chains are parts of the one listener that ``gateway_listener`` makes of all services'.
    """
    own = tuple(one for one in service.contributions if one.cluster == rules.cluster)
    if not own or not service.zones or is_wildcard(service.host):
        return Fragment()
    narrowed = msgspec.structs.replace(service, contributions=own)
    clusters: dict[str, bytes] = {}
    chains: dict[str, bytes] = {}
    places: set[tuple[str, str, int]] = set()
    for to in find_destinations(narrowed, viewer, NO_WAY, rules.locality):
        tiers = _mutual(to.tiers)
        if not tiers:
            continue
        number = to.port.number
        name = passthrough_name(f"{service.host}.{service.zones[0]}", number)
        clusters[name] = encode(upstream_cluster(name, tiers, Talk.TCP, None))
        known = server_names(service.host, service.zones, number)
        chains[name] = encode(_chain(name, known))
        places.update((name, one.address, one.port) for tier in tiers for one in tier)
    return Fragment(clusters, chains, frozenset(places))


def _mutual(tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
    """Leave out what would take a TLS handshake for a request."""
    kept = (tuple(member for member in tier if member.is_mutual) for tier in tiers)
    return tuple(tier for tier in kept if tier)


def _chain(name: str, known: tuple[str, ...]) -> Document:
    return {
        "name": name,
        "filter_chain_match": {"server_names": [*known]},
        "filters": [pass_on(name, INBOUND)],
    }


def gateway_listener(chains: list[bytes], rules: EnvoyRules) -> bytes:
    """Return the listener in front of these filter chains; what no chain knows is closed."""
    host, port = rules.gateway
    parts = [msgspec.Raw(chain) for chain in chains]
    document = listener(
        "gateway",
        *(host, port, INBOUND, []),
        listener_filters=[tls_inspector()],
        listener_filters_timeout="5s",
    )
    return encode({**document, "filter_chains": parts})
