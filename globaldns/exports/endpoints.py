"""The endpoints of a Service, from its EndpointSlices or, where there are none, its Endpoints.

A pod stands in a slice per address family and counts once, with its IPv4 address where it has one.
Endpoints keep their own port numbers, which are not the Service's.

Standards:
    Kubernetes discovery/v1: ``ready: null`` is ready; consumers use the first address
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from globaldns.exports import marks
from globaldns.exports.context import Context
from globaldns.exports.keeping import Store
from globaldns.exports.workloads import locality_label, node_locality
from globaldns.model.export import Endpoint
from globaldns.objects.kubernetes import (
    EndpointPort,
    Endpoints,
    EndpointSlice,
    Namespace,
    Pod,
    Reference,
    Service,
)

_FAMILIES = frozenset({"IPv4", "IPv6"})


class Sighting(msgspec.Struct, frozen=True, gc=False):
    """One address of a workload, as one slice or subset has it."""

    address: str
    ports: tuple[EndpointPort, ...]
    ready: bool
    node: str
    zone: str
    target: Reference | None

    @property
    def workload(self) -> tuple[str, str]:
        """What is behind the address: a pod, or only the address itself."""
        if self.target is not None and self.target.kind == Pod.kind:
            return self.target.namespace, self.target.name
        return "", self.address


def service_endpoints(
    service: Service, slices: Iterable[EndpointSlice], *, store: Store, context: Context
) -> tuple[Endpoint, ...]:
    """Return the endpoints of a Service, sorted by address."""
    sightings: dict[tuple[str, str], list[Sighting]] = {}
    for sighting in _sightings(service, tuple(slices), store):
        sightings.setdefault(sighting.workload, []).append(sighting)
    names = {port.name or "": port.name or f"port-{port.port}" for port in service.spec.ports}
    found = (
        _endpoint(seen, names, namespace=service.metadata.namespace, store=store, context=context)
        for seen in sightings.values()
    )
    return tuple(sorted(found, key=lambda endpoint: endpoint.address))


def _sightings(
    service: Service, slices: tuple[EndpointSlice, ...], store: Store
) -> Iterator[Sighting]:
    for piece in slices:
        yield from _sightings_in_slice(piece)
    if not slices:
        whole = store.get(Endpoints, service.metadata.namespace, service.metadata.name)
        if whole is not None:
            yield from _sightings_in_endpoints(whole)


def _sightings_in_slice(piece: EndpointSlice) -> Iterator[Sighting]:
    if piece.address_type not in _FAMILIES:
        return
    for endpoint in piece.endpoints:
        if endpoint.addresses:
            yield Sighting(
                endpoint.addresses[0],
                piece.ports or (),
                endpoint.conditions.ready is not False,
                endpoint.node_name or "",
                endpoint.zone or "",
                endpoint.target_ref,
            )


def _sightings_in_endpoints(whole: Endpoints) -> Iterator[Sighting]:
    for subset in whole.subsets:
        for addresses, ready in ((subset.addresses, True), (subset.not_ready_addresses, False)):
            for address in addresses:
                yield Sighting(
                    address.ip,
                    subset.ports,
                    ready,
                    address.node_name or "",
                    "",
                    address.target_ref,
                )


def _endpoint(
    seen: list[Sighting],
    names: dict[str, str],
    *,
    namespace: str,
    store: Store,
    context: Context,
) -> Endpoint:
    """Return the one endpoint that all sightings of a workload are."""
    best = min(seen, key=lambda one: (":" in one.address, one.address))
    same = [one for one in seen if one.address == best.address]
    target = best.target
    is_pod = target is not None and target.kind == Pod.kind
    pod = store.get(Pod, target.namespace or namespace, target.name) if target and is_pod else None
    labels = _labels(pod, store) if pod else {}
    share = context.shared.share
    return Endpoint(
        best.address,
        share(_numbers(same, names)),
        share(labels.get(marks.NETWORK) or context.network),
        share(locality_label(labels) or node_locality(best.node, best.zone, store)),
        ready=any(one.ready for one in same),
        labels=share(tuple(sorted(labels.items()))),
        service_account=share(pod.spec.service_account_name if pod else ""),
    )


def _labels(pod: Pod, store: Store) -> Mapping[str, str]:
    """Return a Pod's labels; which dataplane it is in its Namespace says for it."""
    own = pod.metadata.labels
    namespace = store.get(Namespace, "", pod.metadata.namespace)
    mode = namespace.metadata.labels.get(marks.DATAPLANE) if namespace else None
    return own if mode is None or marks.DATAPLANE in own else {**own, marks.DATAPLANE: mode}


def _numbers(seen: Iterable[Sighting], names: dict[str, str]) -> tuple[tuple[str, int], ...]:
    """Return the workload's own numbers of the Service's ports, in the Service's order."""
    numbers = {
        port.name or "": port.port for one in seen for port in one.ports if port.port is not None
    }
    return tuple((name, numbers[own]) for own, name in names.items() if own in numbers)
