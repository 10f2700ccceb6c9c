"""The one Gateway by which an east-west gateway takes calls that name hosts of our zones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from globaldns.config.routing import Sni
from globaldns.exports.service_entry import MULTICLUSTER_PORT
from globaldns.istio.documents import Document, make_document
from globaldns.istio.former import former_name
from globaldns.istio.settings import RouteSettings
from globaldns.model.export import ExportKind
from globaldns.model.host import Host
from globaldns.model.place import Place
from globaldns.model.service import Service
from globaldns.routing.naming import is_ever_named

GATEWAY_NAME = "globaldns-eastwest"


def gateway_place(settings: RouteSettings) -> Place:
    """Return where it stands."""
    return Place(settings.namespace, GATEWAY_NAME)


class Incoming(msgspec.Struct, frozen=True):
    """Whose calls come in."""

    clusters: frozenset[str]
    """The clusters for which they do; none: there is no Gateway."""
    settings: RouteSettings


class Exposure:
    """The hosts that calls name which come in, kept as services change.

    In gateway mode those are all of our zones, if any of the clusters exports anything. In client
    mode only those that far clients may name because they are no Services, each by itself: nothing
    else is let through than has to be.
    """

    def __init__(self, incoming: Incoming, services: Iterable[Service]) -> None:
        self.incoming = incoming
        self._wildcards = tuple(f"*.{zone}" for zone in incoming.settings.zones)
        self._names: dict[Host, tuple[str, ...]] = {}
        """What is let through for each service that has anything."""
        self._counts = Counter[str]()
        """For how many services each name is."""
        self.take_in(services)

    @property
    def hosts(self) -> tuple[str, ...]:
        """Those of a Gateway, sorted; none: no Gateway is needed."""
        return tuple(sorted(self._counts))

    def take_in(self, services: Iterable[Service], removed: Iterable[Host] = ()) -> bool:
        """Take in services that have changed or gone; return whether ``hosts`` may have."""
        changed = [self._put(one.host, self._names_of(one)) for one in services]
        changed += (self._put(host, ()) for host in removed)
        return any(changed)

    def _names_of(self, service: Service) -> tuple[str, ...]:
        if not self._is_exported(service):
            return ()
        if self.incoming.settings.sni is Sni.GATEWAY:
            return self._wildcards
        return tuple(_names(service)) if is_ever_named(service) else ()

    def _is_exported(self, service: Service) -> bool:
        return any(
            export.cluster in self.incoming.clusters and export.kind is not ExportKind.ROUTE
            for export in service.contributions
        )

    def _put(self, host: Host, names: tuple[str, ...]) -> bool:
        former = self._names.get(host, ())
        if names == former:
            return False
        if names:
            self._names[host] = names
        else:
            del self._names[host]
        before = len(self._counts)
        self._counts.update(names)
        has_new = len(self._counts) > before
        self._counts.subtract(former)
        gone = [name for name in former if not self._counts[name]]
        for name in gone:
            del self._counts[name]
        return has_new or bool(gone)


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
