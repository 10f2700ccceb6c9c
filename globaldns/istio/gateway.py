"""The one Gateway by which an east-west gateway takes calls that name hosts of our zones."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from globaldns.config.routing import Sni
from globaldns.exports.service_entry import MULTICLUSTER_PORT
from globaldns.istio.documents import Document, make_document
from globaldns.istio.former import former_name
from globaldns.istio.settings import RouteSettings
from globaldns.model.export import ExportKind
from globaldns.model.place import Place
from globaldns.model.service import Service
from globaldns.routing.naming import is_ever_named

GATEWAY_NAME = "globaldns-eastwest"


def gateway_place(settings: RouteSettings) -> Place:
    """Return where it stands."""
    return Place(settings.namespace, GATEWAY_NAME)


def exposed_hosts(
    services: Iterable[Service], clusters: Collection[str], settings: RouteSettings
) -> tuple[str, ...]:
    """Return the hosts that calls name which come in for some clusters; none: no Gateway is needed.

    In gateway mode those are all of our zones. In client mode only those that far clients may name
    because they are no Services, each by itself: nothing else is let through than has to be.
    """
    own = (service for service in services if _is_exported(service, clusters))
    if settings.sni is Sni.GATEWAY:
        return tuple(f"*.{zone}" for zone in settings.zones) if any(own) else ()
    return tuple(sorted(name for one in own if is_ever_named(one) for name in _names(one)))


def _is_exported(service: Service, clusters: Collection[str]) -> bool:
    return any(
        export.cluster in clusters and export.kind is not ExportKind.ROUTE
        for export in service.contributions
    )


def _names(service: Service) -> Iterator[str]:
    for zone in service.zones:
        yield f"{service.host}.{zone}"
        yield from (former_name(service.host, vip, zone) for vip in service.former)


def make_gateway(settings: RouteSettings, hosts: Iterable[str]) -> Document:
    """Return it, for a cluster where calls come in that name hosts."""
    server = {
        "port": {"number": MULTICLUSTER_PORT, "name": "tls", "protocol": "TLS"},
        "tls": {"mode": "AUTO_PASSTHROUGH"},
        "hosts": [*hosts],
    }
    spec = {"selector": {"istio": "eastwestgateway"}, "servers": [server]}
    return make_document("Gateway", gateway_place(settings), settings.cluster, spec)
