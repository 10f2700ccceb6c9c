"""Clusters for which routes are made, over the services of ``tests.routing.meshes``."""

from __future__ import annotations

from collections.abc import Collection

from globaldns.config.routing import Sni
from globaldns.istio.routes import Route, Site, make_route
from globaldns.istio.settings import RouteSettings
from globaldns.model.export import Export, Port, Transport
from globaldns.model.service import Service
from globaldns.routing.topology import Topology, Viewer
from tests.routing.meshes import TOPOLOGY

TCP = Port(3306, "mysql", "TCP")
SNIFFED = Port(9090, "metrics")
UDP = Port(53, "dns", "UDP", Transport.UDP)


def settings(
    *, sni: Sni = Sni.CLIENT, zones: tuple[str, ...] = ("global",), cluster: str = "c1a"
) -> RouteSettings:
    return RouteSettings(cluster, zones, sni, "globaldns", "cluster.local")


def site(
    *networks: str,
    cluster: str = "c1a",
    namespaces: Collection[str] = ("shop",),
    sni: Sni = Sni.CLIENT,
    zones: tuple[str, ...] = ("global",),
    topology: Topology = TOPOLOGY,
) -> Site:
    viewer = Viewer(cluster, frozenset(networks or ("n1",)))
    return Site(viewer, topology, namespaces, settings(sni=sni, zones=zones, cluster=cluster))


def route(service: Service, where: Site, own: Export | None = None) -> Route:
    return make_route(service, own, where)
