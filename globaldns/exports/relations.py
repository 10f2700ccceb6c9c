"""Which exports a changed object touches, so that only their work is done again.

A Service depends on its slices, they on pods and nodes; an entry with a selector on the pods and
WorkloadEntries of its namespace. Everything else depends on nothing but itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from globaldns.exports import marks
from globaldns.exports.keeping import Store
from globaldns.exports.workloads import entry_labels, is_selected
from globaldns.objects import Object, ObjectKey, key
from globaldns.objects.istio import ServiceEntry, WorkloadEntry
from globaldns.objects.kubernetes import (
    Endpoints,
    EndpointSlice,
    Namespace,
    Node,
    Pod,
    Service,
    ServiceExport,
)


class Relations:
    """Who refers to whom among the objects of one cluster."""

    def __init__(self) -> None:
        self._slices: dict[ObjectKey, set[str]] = {}
        """By Service, the names of its slices."""
        self._referrers: dict[ObjectKey, dict[ObjectKey, ObjectKey]] = {}
        """By pod or node, the slices that refer to it, each with its Service."""
        self._selectors: dict[str, dict[str, Mapping[str, str]]] = {}
        """By namespace and name of an entry, the labels that it selects."""

    def add(self, resource: Object) -> None:
        """Learn what an object refers to."""
        match resource:
            case ServiceEntry():
                selector = resource.spec.workload_selector
                if selector is not None:
                    names = self._selectors.setdefault(resource.metadata.namespace, {})
                    names[resource.metadata.name] = selector.labels
            case EndpointSlice() | Endpoints():
                service = service_of(resource)
                if isinstance(resource, EndpointSlice):
                    self._slices.setdefault(service, set()).add(resource.metadata.name)
                for target in _targets(resource):
                    self._referrers.setdefault(target, {})[key(resource)] = service
            case _:
                return

    def discard(self, resource: Object) -> None:
        """Forget what an object refers to."""
        match resource:
            case ServiceEntry() if resource.spec.workload_selector is not None:
                namespace = self._selectors[resource.metadata.namespace]
                del namespace[resource.metadata.name]
                if not namespace:
                    del self._selectors[resource.metadata.namespace]
            case EndpointSlice() | Endpoints():
                self._discard_targets(resource)
            case _:
                return

    def slices(self, service: ObjectKey, store: Store) -> Iterator[EndpointSlice]:
        """Yield the slices of a Service, sorted by name."""
        for name in sorted(self._slices.get(service, ())):
            piece = store.get(EndpointSlice, service.namespace, name)
            if piece is not None:
                yield piece

    def touched(self, resource: Object, store: Store) -> Iterator[ObjectKey]:
        """Yield the entries and Services whose exports an object is part of."""
        match resource:
            case Service():
                yield key(resource)
            case ServiceExport() | EndpointSlice() | Endpoints():
                yield service_of(resource)
            case WorkloadEntry():
                yield from self._selecting(resource.metadata.namespace, entry_labels(resource))
            case Pod():
                yield from self._referrers.get(key(resource), {}).values()
                yield from self._selecting(resource.metadata.namespace, resource.metadata.labels)
            case Node():
                yield from self._referrers.get(key(resource), {}).values()
                yield from self._all_selecting()
            case Namespace():
                name = resource.metadata.name
                for kind in (Service, ServiceEntry):
                    yield from (ObjectKey(kind.kind, name, one) for one in store.names(kind, name))
            case _:
                return

    def _discard_targets(self, resource: EndpointSlice | Endpoints) -> None:
        service, own = service_of(resource), key(resource)
        if isinstance(resource, EndpointSlice):
            names = self._slices[service]
            names.discard(resource.metadata.name)
            if not names:
                del self._slices[service]
        for target in set(_targets(resource)):
            referrers = self._referrers[target]
            del referrers[own]
            if not referrers:
                del self._referrers[target]

    def _selecting(self, namespace: str, labels: Mapping[str, str]) -> Iterator[ObjectKey]:
        for name, selector in self._selectors.get(namespace, {}).items():
            if is_selected(labels, selector):
                yield ObjectKey(ServiceEntry.kind, namespace, name)

    def _all_selecting(self) -> Iterator[ObjectKey]:
        for namespace, names in self._selectors.items():
            yield from (ObjectKey(ServiceEntry.kind, namespace, name) for name in names)


def service_of(resource: EndpointSlice | Endpoints | ServiceExport) -> ObjectKey:
    """Return the key of the Service that an object belongs to."""
    metadata = resource.metadata
    name = metadata.name
    if isinstance(resource, EndpointSlice):
        name = metadata.labels.get(marks.SLICE_SERVICE, "")
    return ObjectKey(Service.kind, metadata.namespace, name)


def _targets(resource: EndpointSlice | Endpoints) -> Iterator[ObjectKey]:
    """Yield the pods and nodes that an object refers to."""
    endpoints = (
        resource.endpoints
        if isinstance(resource, EndpointSlice)
        else (
            address
            for subset in resource.subsets
            for address in (*subset.addresses, *subset.not_ready_addresses)
        )
    )
    for endpoint in endpoints:
        if endpoint.node_name:
            yield ObjectKey(Node.kind, "", endpoint.node_name)
        target = endpoint.target_ref
        if target is not None and target.kind == Pod.kind:
            namespace = target.namespace or resource.metadata.namespace
            yield ObjectKey(Pod.kind, namespace, target.name)
