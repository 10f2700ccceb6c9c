"""The routes of one cluster, of all that is known of the mesh."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple

import msgspec

from globaldns.app.offline import OfflineMesh
from globaldns.app.settings import zone_names
from globaldns.app.surroundings import read_surroundings
from globaldns.config.gateways import HINT
from globaldns.config.kinds import ClusterId
from globaldns.config.schema import Config
from globaldns.errors import RequestRefused
from globaldns.istio.documents import Document
from globaldns.istio.former import routed_name
from globaldns.istio.gateway import Exposure, Incoming, gateway_place, make_gateway
from globaldns.istio.hiding import Routed, Surroundings, tell_hidden
from globaldns.istio.notices import Code, Notice, to_finding
from globaldns.istio.owned import is_own_entry
from globaldns.istio.replacing import Replaced, replace_entry
from globaldns.istio.replica import CLUSTER_DOMAIN
from globaldns.istio.routes import Bundle, Site, make_route
from globaldns.istio.settings import RouteSettings
from globaldns.model.export import Export, ExportKind, Gateway, Location
from globaldns.model.finding import Finding
from globaldns.model.host import Host
from globaldns.model.place import Place
from globaldns.model.reach import Reach
from globaldns.model.service import Service
from globaldns.registry.merge import deciding_export
from globaldns.registry.views import Views
from globaldns.routing.mesh import pending_gateways, served_clusters, topology_of, viewer_of
from globaldns.routing.topology import Viewer
from globaldns.sources.source import Source

UNREACHED = frozenset({Code.NO_GATEWAY, Code.PLAINTEXT, Code.AMBIENT, Code.NO_SNI})
"""Why endpoints behind gateways are out of reach."""


class ClusterRoutes(msgspec.Struct, frozen=True):
    """All that is to be written for one cluster."""

    bundles: tuple[Bundle, ...]
    """By place."""
    findings: tuple[Finding, ...]
    """What is not served, and why."""
    unheard: Mapping[str, str]
    """The clusters of which not all is known, and why: what they offer may be missing."""
    unwritten: int
    """How many services have the VIP that a server would give them, and no ledger has it."""
    unresolved: tuple[str, ...] = ()
    """The names of gateways that are left out, for they have no address now."""
    replaced: tuple[Replaced, ...] = ()
    """What would be written where people's own entries have the hosts."""
    held: Mapping[str, frozenset[str]] = {}
    """By host, as objects name them, the clusters of whose gateways no address is known now: those
    that stand go on being called."""

    @property
    def are_whole(self) -> bool:
        """Whether all is known that they follow from: what is not among them is not wanted."""
        return not self.unheard and not self.unresolved

    @property
    def leading(self) -> tuple[Bundle, ...]:
        """The bundles without those that lead nowhere as long as a gateway has no address.

        Who does not know what stands is not to have anything in its place by these.
        """
        return tuple(one for one in self.bundles if not any(map(self._is_bare, one.documents)))

    def _is_bare(self, document: Document) -> bool:
        spec = document.get("spec") or {}
        return document["kind"] == "ServiceEntry" and (
            not spec.get("endpoints") and routed_name(spec["hosts"][0]) in self.held
        )


def make_routes(mesh: OfflineMesh, cluster: str, reach: Mapping[Gateway, Reach]) -> ClusterRoutes:
    """Return the routes of a cluster; the mesh is of no other use afterwards.

    ``reach``: what the names of gateways were found to have.

    Raises:
        RequestRefused: it is not configured, or has its routes in another.
    """
    config, registry = mesh.config, mesh.registry
    _refuse(config, cluster)
    unwritten = _take_numbers(mesh)
    lost = {one: how.unresolved for one, how in reach.items() if not how.addresses}
    site = make_site(config, registry.views, cluster, reach, mesh.sources[cluster])
    own = registry.views.cluster(cluster).exports
    notices = [_tell_name(gateway, lost[gateway]) for gateway in sorted(lost)]
    notices += [_tell_left_out(one, reach[one]) for one in sorted(reach) if reach[one].left_out]
    notices += _tell_pending(config, registry.views, site.viewer)
    made = _make_all(mesh, site)
    notices += made.notices
    replaced = [
        replace_entry(service, own[host], site)
        for host, service in sorted(mesh.services.items())
        if site.is_served and host in own and is_own_entry(own[host])
    ]
    around = read_surroundings(config, cluster)
    notices += tell_around(mesh.services.values(), own, site, around)
    return ClusterRoutes(
        made.bundles,
        tuple(to_finding(notice, cluster) for notice in notices),
        _find_unheard(mesh),
        unwritten,
        tuple(sorted({gateway.address for gateway in lost})),
        tuple(replaced),
        made.held,
    )


class _Made(NamedTuple):
    """What ``ClusterRoutes`` has of the same names."""

    bundles: tuple[Bundle, ...]
    notices: list[Notice]
    held: dict[str, frozenset[str]]


def _make_all(mesh: OfflineMesh, site: Site) -> _Made:
    """Return all documents by place, and what they do not serve."""
    cluster, services = site.settings.cluster, mesh.services
    own = mesh.registry.views.cluster(cluster).exports
    bundles: dict[Place, Bundle] = {}
    notices: list[Notice] = []
    held: dict[str, frozenset[str]] = {}
    zones = (*site.settings.zones, CLUSTER_DOMAIN)
    for host in sorted(services):
        route = make_route(services[host], own.get(host), site)
        notices += route.notices
        if route.unresolved:
            held |= dict.fromkeys((f"{host}.{zone}" for zone in zones), route.unresolved)
        bundles.update((bundle.place, bundle) for bundle in route.bundles)
    if hosts := Exposure(incoming_of(mesh.config, site), services.values()).hosts:
        gateway = Bundle(gateway_place(site.settings), (make_gateway(site.settings, hosts),))
        bundles[gateway.place] = gateway
    return _Made(tuple(_each_once(bundles[place] for place in sorted(bundles))), notices, held)


def find_taken(mesh: OfflineMesh) -> list[Finding]:
    """Return which routes of our own cluster are not written, for others have their names in it.

    Nothing where its API server is not known, or does not answer. The mesh is of no other use
    afterwards.
    """
    config, cluster = mesh.config, mesh.config.cluster
    is_written = has_routes(config, cluster) or config.routing.replicate_services
    if config.clusters[cluster].source.kubernetes is None or not is_written:
        return []
    # Here, because a mesh of directories needs no client of API servers.
    from globaldns.app.applying import ask_for_taken  # noqa: PLC0415
    from globaldns.app.lookups import look_up_gateways  # noqa: PLC0415

    _take_numbers(mesh)
    reach = look_up_gateways(mesh, cluster)
    site = make_site(config, mesh.registry.views, cluster, reach, mesh.sources[cluster])
    bundles = _make_all(mesh, site).bundles
    return ask_for_taken(config, cluster, (one for each in bundles for one in each.documents))


def find_hidden(mesh: OfflineMesh) -> list[Finding]:
    """Return what hides the routes of our own cluster; none are made, and nothing is changed."""
    config, views, cluster = mesh.config, mesh.registry.views, str(mesh.config.cluster)
    if cluster not in served_clusters(config, cluster):
        return []
    site = make_site(config, views, cluster, {}, mesh.sources[cluster])
    own, around = views.cluster(cluster).exports, read_surroundings(config, cluster)
    notices = tell_around(mesh.services.values(), own, site, around)
    return [to_finding(notice, cluster) for notice in notices]


def find_unreached(mesh: OfflineMesh) -> list[Finding]:
    """Return what clients of our own cluster do not reach behind gateways.

    The mesh is of no other use afterwards.
    """
    config, views, cluster = mesh.config, mesh.registry.views, mesh.config.cluster
    if cluster not in served_clusters(config, cluster):
        return []
    _take_numbers(mesh)
    site = make_site(config, views, cluster, {}, mesh.sources[cluster])
    own = views.cluster(cluster).exports
    services = mesh.services.items()
    told = (make_route(service, own.get(host), site).notices for host, service in services)
    return [
        to_finding(notice, cluster)
        for notice in chain.from_iterable(told)
        if notice.code in UNREACHED
    ]


def notices_of(mesh: OfflineMesh, service: Service) -> tuple[Notice, ...]:
    """Return what the clients of our own cluster do not get of a service, and why."""
    config, views, cluster = mesh.config, mesh.registry.views, mesh.config.cluster
    if cluster not in served_clusters(config, cluster):
        return ()
    site = make_site(config, views, cluster, {}, mesh.sources[cluster])
    own = views.cluster(cluster).exports
    return tell_notices(service, own, site, read_surroundings(config, cluster))


def tell_notices(
    service: Service, own: Mapping[Host, Export], site: Site, around: Surroundings
) -> tuple[Notice, ...]:
    """Return what clients do not get of a service; ``own``: what the cluster itself offers."""
    route = make_route(service, own.get(service.host), site)
    return (*route.notices, *tell_around((service,), own, site, around))


def tell_around(
    services: Iterable[Service], own: Mapping[Host, Export], site: Site, around: Surroundings
) -> list[Notice]:
    """Return what stands beside routes and hides them, or should; ``own``: as above."""
    if around.hide_nothing:  # the hosts of people are few
        services = (one for one in services if _is_theirs(own.get(one.host)))
    return tell_hidden(list_routed(services, own, site), around)


def _is_theirs(export: Export | None) -> bool:
    return export is not None and is_own_entry(export)


def list_routed(
    services: Iterable[Service], own: Mapping[Host, Export], site: Site
) -> Iterator[Routed]:
    """Yield the hosts that have routes of ours, or of people that lead to other clusters.

    ``own``: what the cluster itself offers.
    """
    for service in services:
        is_theirs = _is_theirs(own.get(service.host))
        if not service.contributions or (is_theirs and not _leads_away(service, site)):
            continue
        is_internal = deciding_export(service.contributions).location is Location.MESH_INTERNAL
        for zone in service.zones:
            place = site.place_of(service.host, zone)
            is_public = place.namespace == site.settings.namespace
            name = f"{service.host}.{zone}"
            yield Routed(name, place.namespace, is_public, is_internal, is_theirs)


def _leads_away(service: Service, site: Site) -> bool:
    """Whether another cluster offers an internal service, so that calls of it want a rule."""
    offers = [one for one in service.contributions if one.kind is not ExportKind.ROUTE]
    clusters = {one.cluster for one in offers if one.location is Location.MESH_INTERNAL}
    return bool(clusters - {site.settings.cluster})


def make_site(
    config: Config,
    views: Views,
    cluster: str,
    reach: Mapping[Gateway, Reach],
    source: Source | None,
) -> Site:
    """Return what all routes of a cluster depend on; ``source`` reads it, if anything does."""
    services = source.services() if source and config.routing.replicate_services else None
    return Site(
        viewer_of(config, views, cluster),
        topology_of(config, views, reach),
        source.namespaces() if source else frozenset(),
        route_settings(config, cluster),
        services,
        source.ambient_namespaces() if source else frozenset(),
        source.leaving_namespaces() if source else frozenset(),
        is_served=has_routes(config, cluster),
    )


def has_routes(config: Config, cluster: str) -> bool:
    """Whether a cluster has its clients' routes itself: an istiod of its own serves them."""
    return config.clusters[ClusterId(cluster)].control_plane in {None, cluster}


def _each_once(bundles: Iterable[Bundle]) -> Iterator[Bundle]:
    """Yield bundles, of namespaces that several need the first alone."""
    seen: set[str] = set()
    for bundle in bundles:
        first, *others = bundle.documents
        if first["kind"] == "Namespace":
            if (name := first["metadata"]["name"]) in seen:
                bundle = Bundle(bundle.place, tuple(others))  # noqa: PLW2901
            seen.add(name)
        yield bundle


def route_settings(config: Config, cluster: str) -> RouteSettings:
    """Return what the routes of a cluster obey."""
    routing = config.routing
    return RouteSettings(
        cluster,
        zone_names(config),
        routing.sni,
        routing.namespace or config.namespace,
        routing.trust_domain,
    )


def _refuse(config: Config, cluster: str) -> None:
    settings = config.clusters.get(ClusterId(cluster))
    if settings is None:
        known = ", ".join(sorted(config.clusters))
        raise RequestRefused(f"{cluster!r} is no cluster", hint=f"the clusters are {known}")
    server = settings.control_plane
    if not has_routes(config, cluster) and not config.routing.replicate_services:
        raise RequestRefused(
            f"{cluster} is served by the istiod of {server}, where its clients' routes are",
            hint=f"globaldns export --cluster {server}",
        )


def _tell_name(gateway: Gateway, reason: str) -> Notice:
    return Notice(
        gateway.address,
        Code.GATEWAY_NAME,
        f"the gateway of {gateway.cluster} is left out: its name has no address now: {reason}",
        f"write its addresses: clusters.{gateway.cluster}.gateways",
    )


def _tell_pending(config: Config, views: Views, viewer: Viewer) -> Iterator[Notice]:
    for cluster, service in pending_gateways(config, views):
        is_direct = service.network in config.routing.direct_networks
        if not is_direct and not viewer.reaches(service.network):
            yield Notice(
                f"{service.namespace}/{service.name}",
                Code.UNKNOWN_GATEWAY,
                f"the gateway of {cluster} is left out: its Service has no address, and none is "
                "known that it had",
                f"see why its load balancer has none, or write clusters.{cluster}.gateways",
            )


def _tell_left_out(gateway: Gateway, reach: Reach) -> Notice:
    return Notice(
        gateway.address,
        Code.GATEWAY_ADDRESS,
        f"addresses of the gateway of {gateway.cluster} are left out: {', '.join(reach.left_out)}",
        HINT,
    )


def incoming_of(config: Config, site: Site) -> Incoming:
    """Return whose calls come in by the Gateway of a cluster."""
    served = served_clusters(config, site.settings.cluster) if site.is_served else ()
    return Incoming(frozenset(map(str, served)), site.settings)


def _find_unheard(mesh: OfflineMesh) -> dict[str, str]:
    return {
        cluster: freshness.reason or "not all of it could be read"
        for cluster, freshness in sorted(mesh.freshness().items())
        if freshness.reason or not freshness.is_known
    }


def _take_numbers(mesh: OfflineMesh) -> int:
    """Answer with numbers that no ledger has; return of how many services."""
    registry = mesh.registry
    without = {host for host, service in registry.services.items() if not _is_answered(service)}
    registry.acknowledge(registry.unwritten, mesh.now)
    return sum(1 for host in without if _is_answered(registry.services.get(host)))


def _is_answered(service: Service | None) -> bool:
    return service is not None and service.state.tells_addresses
