"""``spec.endpoints`` of a ServiceEntry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from globaldns.istio.documents import Document
from globaldns.istio.labels import endpoint_labels, subset_labels
from globaldns.istio.ports import RoutedPorts
from globaldns.routing.horizon import Target
from globaldns.routing.topology import Viewer
from globaldns.routing.weights import reduced

REMOTE_NETWORK = "globaldns-remote"
"""Of what stands for another network's gateway: no istiod has a gateway for it, so each takes the
address as it is, and an east-west gateway with a view of its own network leaves it out."""


def write_endpoints(
    targets: Iterable[Target], ports: RoutedPorts, viewer: Viewer
) -> list[Document]:
    """Return the endpoints of a service of the mesh, the nearest first."""
    weighed = reduced(tuple(targets))
    return _with_weights(
        weighed, [_write_inside(target, ports, _network(target, viewer)) for target in weighed]
    )


def write_external(targets: Iterable[Target], ports: RoutedPorts) -> list[Document]:
    """Return the endpoints of a service outside of the mesh, as they were written."""
    weighed = reduced(tuple(targets))
    return _with_weights(weighed, [_write_outside(target, ports) for target in weighed])


def each_once(targets: Iterable[Target]) -> Iterator[Target]:
    """Yield targets, of those with one address and the same ports the nearest.

    A gateway may lead into several networks; an address that is none is another in each.
    """
    seen: set[tuple[str, str, int, tuple[tuple[str, int], ...]]] = set()
    for target in targets:
        network = "" if target.is_gateway else target.network
        key = (network, target.address, target.gateway_port, target.ports)
        if key not in seen:
            seen.add(key)
            yield target


def _write_inside(target: Target, ports: RoutedPorts, network: str) -> Document:
    if target.is_gateway:
        numbers = dict.fromkeys((port.name for port in ports.ports), target.gateway_port)
    else:
        numbers = ports.own_numbers(target.ports)
    return _endpoint(target, ports=numbers, labels=endpoint_labels(target), network=network)


def _write_outside(target: Target, ports: RoutedPorts) -> Document:
    labels = subset_labels(target.labels)
    return _endpoint(target, ports=ports.own_numbers(target.ports), labels=labels)


def _endpoint(
    target: Target, *, ports: dict[str, int], labels: dict[str, str], network: str = ""
) -> Document:
    written: Document = {
        "address": target.address,
        "ports": ports,
        "labels": labels,
        "network": network,
        "locality": target.locality,
    }
    return {key: value for key, value in written.items() if value}


def _network(target: Target, viewer: Viewer) -> str:
    if target.is_gateway:
        return REMOTE_NETWORK
    return target.network if viewer.splits_by_itself else ""


def _with_weights(targets: Sequence[Target], endpoints: list[Document]) -> list[Document]:
    if any(target.weight != 1 for target in targets):
        for endpoint, target in zip(endpoints, targets, strict=True):
            endpoint["weight"] = target.weight
    return endpoints
