"""The documents of one service for the clients of one control plane, or why there are none."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import partial

import msgspec

from globaldns.config.routing import Sni
from globaldns.istio.choosing import (
    Choice,
    choose_external,
    choose_targets,
    tell_unfit,
    warn_of_clients,
)
from globaldns.istio.destination_rule import rule_spec
from globaldns.istio.documents import Document, make_document
from globaldns.istio.endpoints import write_endpoints, write_external
from globaldns.istio.former import former_name
from globaldns.istio.notices import Code, Notice
from globaldns.istio.owned import Ours, is_own_entry, tell_lacks
from globaldns.istio.places import place_of
from globaldns.istio.ports import RoutedPorts, port_notices, route_ports
from globaldns.istio.replica import is_replicated, replica_documents, tell_leaving
from globaldns.istio.service_entry import Entry, entry_spec
from globaldns.istio.settings import RouteSettings
from globaldns.model.address import Address, format_address
from globaldns.model.export import Export, ExportKind, Location, Resolution
from globaldns.model.host import Host, is_wildcard, namespace_of
from globaldns.model.place import Place, hashed_label
from globaldns.model.service import Service, ServiceState
from globaldns.registry.merge import deciding_export
from globaldns.registry.publishing import RULE_LOCAL
from globaldns.routing.horizon import Horizon, split
from globaldns.routing.identities import identities
from globaldns.routing.naming import sni_for
from globaldns.routing.topology import Topology, Viewer


class Site(msgspec.Struct, frozen=True):
    """A cluster for which routes are made."""

    viewer: Viewer
    topology: Topology
    namespaces: AbstractSet[str]
    """Those that it has and keeps."""
    settings: RouteSettings
    services: frozenset[Host] | None = None
    """The hosts of its own Services, where those that it lacks are to be replicated."""
    ambient: frozenset[str] = frozenset()
    """Its namespaces for whose pods their nodes speak HBONE."""
    leaving: frozenset[str] = frozenset()
    """Its namespaces that are being deleted, in which nothing can be made."""
    is_served: bool = True
    """Whether its clients have their routes in it; else it has replicated Services alone."""

    def place_of(self, host: Host, zone: str) -> Place:
        """Return where a host's documents stand."""
        settings = self.settings
        return place_of(
            host, zone, zones=settings.zones, namespaces=self.namespaces, ours=settings.namespace
        )


class Bundle(msgspec.Struct, frozen=True):
    """The documents of one host in one zone, or of a VIP that it had, or its replicated Service."""

    place: Place
    documents: tuple[Document, ...]


class Route(msgspec.Struct, frozen=True):
    """What is written for a service."""

    bundles: tuple[Bundle, ...] = ()
    """One for each zone, and before it one for each former VIP: so neither is ever without."""
    notices: tuple[Notice, ...] = ()
    """What is not served, and why."""
    skipped: Code | None = None
    """Why nothing is written."""
    unresolved: frozenset[str] = frozenset()
    """The clusters of whose gateways no address is known now: those that stand are as good."""


class _Written(msgspec.Struct, frozen=True):
    """What is known of a service that has documents."""

    service: Service
    name: str
    """Its host with its first zone."""
    vip: Address
    ports: RoutedPorts
    notices: tuple[Notice, ...]
    is_routed: bool = True
    """Whether its present VIP is; else only those that it had before are."""


def make_route(service: Service, own: Export | None, site: Site) -> Route:
    """Return the documents of a service; ``own``: what the cluster itself offers under its host."""
    is_lacking = site.services is not None and is_replicated(
        service, site.settings.cluster, site.services
    )
    is_leaving = is_lacking and namespace_of(service.host) in site.leaving
    notices = (tell_leaving(service),) if is_leaving else ()
    replicas = (_replicate(service, site),) if is_lacking and not is_leaving else ()
    if not site.is_served:
        return Route(replicas, notices, None if service.contributions else Code.UNHEARD)
    route = _make_route(service, own, site)
    notices = (*route.notices, *notices)
    if not replicas or route.skipped not in {None, Code.OWN_ENTRY}:
        return msgspec.structs.replace(route, notices=notices)
    bundles = (*route.bundles, *replicas)
    return Route(bundles, notices, unresolved=route.unresolved)


def _replicate(service: Service, site: Site) -> Bundle:
    documents = replica_documents(service, site.settings.cluster, site.namespaces)
    place = Place(namespace_of(service.host), f"{service.host.partition('.')[0]}.service")
    return Bundle(place, tuple(documents))


def _make_route(service: Service, own: Export | None, site: Site) -> Route:
    name = f"{service.host}.{service.zones[0] if service.zones else site.settings.zones[0]}"
    ports = route_ports(service.ports)
    refusal = _refuse(service, name, ports)
    if refusal is not None:
        return Route(notices=(refusal,), skipped=refusal.code)
    vip = main_vip(service)
    horizon = split(service, site.viewer, site.topology)
    is_unfit = is_wildcard(service.host) and site.settings.sni is Sni.GATEWAY
    if own is not None and is_own_entry(own):
        whom = identities(service, site.settings.trust_domain)
        lacks = tell_lacks(name, own, Ours(vip, ports, horizon, whom))
        unfit = is_unfit and own.location is Location.MESH_INTERNAL
        notices = (lacks, tell_unfit(name, str(own.origin)) if unfit else None)
        told = tuple(filter(None, notices))
        if unfit or not service.former:
            return Route(notices=told, skipped=Code.OWN_ENTRY)
        written = _Written(service, name, vip, ports, told, is_routed=False)
    else:
        told = (*port_notices(name, ports), *_tell_vips(service, name, vip))
        written = _Written(service, name, vip, ports, told)
    if deciding_export(service.contributions).location is Location.MESH_EXTERNAL:
        return _make_external(written, horizon, site)
    if is_unfit:
        notice = tell_unfit(name)
        return Route(notices=tuple(sorted((*written.notices, notice))), skipped=notice.code)
    return _make_internal(written, horizon, site)


def main_vip(service: Service) -> Address:
    """Return the address by which sidecars know a service: IPv4 where it has one."""
    return min(service.vips, key=len)


def _refuse(service: Service, name: str, ports: RoutedPorts) -> Notice | None:
    """Return why a service has no documents anywhere; None: it has some."""
    hint = f"globaldns explain {name}"
    if service.state is ServiceState.CLAIMED or not service.state.tells_addresses:
        return _tell_state(service, name, hint)
    if not service.vips:
        return Notice(name, Code.NO_VIP, "it has no VIP", hint)
    if service.rule == RULE_LOCAL:
        detail = "its address is Istio's own allocation, which no other cluster has"
        return Notice(name, Code.LOCAL_VIP, detail, "exports: {istio_addresses: ignore}")
    if all(export.kind is ExportKind.ROUTE for export in service.contributions):
        detail = "nobody exports it: all that is known are routes written by hand, or its VIP"
        return Notice(name, Code.NO_EXPORT, detail, "export its Service where it runs")
    if not ports.ports:
        return Notice(name, Code.NO_PORT, "it has no TCP port: there is nothing to route")
    return None


def _tell_state(service: Service, name: str, hint: str) -> Notice:
    if service.state is ServiceState.CLAIMED:
        return Notice(name, Code.UNHEARD, "no cluster that exports it was heard yet", hint)
    return Notice(name, Code.UNANSWERED, f"it is {service.state}: not answered", hint)


def _tell_vips(service: Service, name: str, vip: Address) -> Iterator[Notice]:
    others = [format_address(other) for other in service.vips if len(other) == len(vip)]
    others.remove(format_address(vip))
    if others:
        yield Notice(
            name,
            Code.EXTRA_VIPS,
            f"{', '.join(others)}: answered, but routed for HTTP alone: an entry has one address",
            "pin one address",
        )


def _make_internal(written: _Written, horizon: Horizon, site: Site) -> Route:
    service, settings, ports = written.service, site.settings, written.ports
    sni = sni_for(service, settings.sni, site.topology)
    choice = choose_targets(service, written.name, horizon, sni)
    notices = (*written.notices, *choice.notices)
    if any(target.is_gateway for target in choice.targets):
        notices += (*warn_of_clients(written.name, choice, site.ambient),)
    entry = Entry(
        written.vip,
        ports,
        Location.MESH_INTERNAL,
        Resolution.STATIC,
        write_endpoints(choice.targets, ports, site.viewer),
        identities(service, settings.trust_domain),
    )
    bundles = _bundles(written, entry, choice, site)
    return Route(bundles, tuple(sorted(notices)), unresolved=choice.unresolved)


def _make_external(written: _Written, horizon: Horizon, site: Site) -> Route:
    service, name, ports = written.service, written.name, written.ports
    resolution = deciding_export(service.contributions).resolution
    choice = choose_external(name, horizon, resolution)
    notices = tuple(sorted((*written.notices, *choice.notices)))
    if resolution is Resolution.DYNAMIC_DNS or (
        resolution is not Resolution.STATIC and not choice.targets
    ):
        detail = f"resolution {resolution.value} without endpoints would look up the host itself"
        refusal = Notice(name, Code.RESOLUTION, detail, "name the endpoints that stand behind it")
        return Route(notices=(*notices, refusal), skipped=Code.RESOLUTION)
    endpoints = write_external(choice.targets, ports)
    entry = Entry(written.vip, ports, Location.MESH_EXTERNAL, resolution, endpoints)
    return Route(_bundles(written, entry, choice, site), notices)


def _bundles(written: _Written, entry: Entry, choice: Choice, site: Site) -> tuple[Bundle, ...]:
    service, settings = written.service, site.settings
    bundles = []
    bundle = partial(_bundle, choice=choice, settings=settings, is_own=_is_own(service, settings))
    for zone in service.zones:
        place = site.place_of(service.host, zone)
        for vip in service.former:
            name = former_name(service.host, vip, zone)
            former = Place(place.namespace, hashed_label(name))
            bundles.append(bundle(former, name, msgspec.structs.replace(entry, vip=vip)))
        if written.is_routed:
            bundles.append(bundle(place, f"{service.host}.{zone}", entry))
    return tuple(bundles)


def _is_own(service: Service, settings: RouteSettings) -> bool:
    """Whether the clients' cluster exports a service, whoever runs there now."""
    return any(
        export.cluster == settings.cluster and export.kind is not ExportKind.ROUTE
        for export in service.contributions
    )


def _bundle(
    place: Place,
    name: str,
    entry: Entry,
    *,
    choice: Choice,
    settings: RouteSettings,
    is_own: bool,
) -> Bundle:
    is_public = place.namespace == settings.namespace
    specs = {"ServiceEntry": entry_spec(name, entry, is_public=is_public)}
    if entry.location is Location.MESH_INTERNAL:
        specs["DestinationRule"] = rule_spec(
            name,
            entry.ports,
            sni_of=choice.sni_of,
            callees=choice.callees(is_own=is_own),
            is_public=is_public,
        )
    documents = (make_document(kind, place, settings.cluster, one) for kind, one in specs.items())
    return Bundle(place, tuple(documents))
