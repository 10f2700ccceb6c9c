"""Which gateways are watched, and for which names an east-west gateway lets TLS through.

An AUTO_PASSTHROUGH gateway resets a connection whose SNI stands for no service that it knows, so
one that its cluster exports has to be named (Istio, "Install Multi-Primary on different networks").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice

from globaldns.model.address import is_address
from globaldns.model.export import Endpoint, Export, ExportKind, Gateway, Port, Transport
from globaldns.model.host import Host, is_service_host

MAX_GATEWAYS = 64
"""Of one cluster that are watched: what a cluster says must not have us knock at any number of
doors. The others count as up."""
MAX_SERVER_NAMES = 8
"""Services by which one gateway is probed in turn: a broken one must not speak for it."""
_LOOKED_AT = 2000
"""Exports that are looked at for these; a millisecond."""
_TLS_MODE = ("security.istio.io/tlsMode", "istio")
"""The label of a workload with a sidecar, which can shake hands."""


def watched(
    gateways: Mapping[str, Iterable[Gateway]], reaches: Callable[[str], bool]
) -> frozenset[Gateway]:
    """Return the gateways that routes may go through, by what the clusters that count have.

    None does through those of a network that is reached directly, as ``reaches`` says of it.
    """
    foreign = (
        (gateway for gateway in sorted(known) if not reaches(gateway.network))
        for known in gateways.values()
    )
    return frozenset(gateway for some in foreign for gateway in islice(some, MAX_GATEWAYS))


def has_name(gateway: Gateway) -> bool:
    """Whether a gateway's addresses have to be looked up."""
    return not is_address(gateway.address)


def server_names(exports: Mapping[Host, Export], network: str) -> tuple[str, ...]:
    """Return SNIs of services with a ready sidecar in a network, as routes to them would have.

    Format: ``outbound_.<port>_._.<name>.<namespace>.svc.cluster.local``; the subset is empty.
    """
    looked_at = islice(exports.values(), _LOOKED_AT)
    found = (
        f"outbound_.{port.number}_._.{export.host}.svc.cluster.local"
        for export in looked_at
        if (port := _usable_port(export, network)) is not None
    )
    return tuple(islice(found, MAX_SERVER_NAMES))


def _usable_port(export: Export, network: str) -> Port | None:
    """Return a port of a Service that answers through its network's gateway; None: none does."""
    if export.kind is not ExportKind.SERVICE or not is_service_host(export.host):
        return None
    ready = [one for one in export.endpoints if one.ready and one.network == network]
    if not ready or not all(map(_has_sidecar, ready)):
        return None
    return next((port for port in export.ports if port.transport is Transport.TCP), None)


def _has_sidecar(endpoint: Endpoint) -> bool:
    return _TLS_MODE in endpoint.labels
