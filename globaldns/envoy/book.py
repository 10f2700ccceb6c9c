"""The documents of one Envoy, service by service: a changed service costs the work of one.

What is new comes before what leads to it, and what goes goes after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from globaldns.envoy.encoding import response
from globaldns.envoy.fragment import Fragment
from globaldns.envoy.gateway import gateway_fragment, gateway_listener
from globaldns.envoy.rules import EnvoyRules, Role
from globaldns.envoy.sidecar import sidecar_fragment
from globaldns.model.host import Host
from globaldns.model.service import Service
from globaldns.routing.topology import Topology, Viewer

CLUSTERS = "cds.json"
LISTENERS = "lds.json"


class Documents(msgspec.Struct, frozen=True):
    """All that an Envoy is told, by the names of the resources."""

    clusters: Mapping[str, bytes] = {}
    listeners: Mapping[str, bytes] = {}


class Step(NamedTuple):
    """One file to replace."""

    name: str
    payload: bytes


class Scene(msgspec.Struct, frozen=True):
    """What all services of an Envoy have in common."""

    rules: EnvoyRules
    viewer: Viewer
    topology: Topology


class Book:
    """What an Envoy of a role is told of each service."""

    def __init__(self, role: Role, scene: Scene) -> None:
        self.scene = scene
        self._role = role
        self._compose = _composer(role, scene)
        self._fragments: dict[Host, Fragment] = {}

    def put(self, service: Service) -> bool:
        """Take in a service; return whether an endpoint is gone by it."""
        return self._replace(service.host, self._compose(service))

    def drop(self, host: Host) -> bool:
        """Forget a service; return whether an endpoint is gone by it."""
        return self._replace(host, Fragment())

    def _replace(self, host: Host, new: Fragment) -> bool:
        old = self._fragments.pop(host, None)
        if new.clusters or new.listeners:
            self._fragments[host] = new
        return old is not None and not old.places <= new.places

    def documents(self) -> Documents:
        """Return all there is to say; of two services with one name in it the first by host."""
        clusters: dict[str, bytes] = {}
        listeners: dict[str, bytes] = {}
        for host in sorted(self._fragments, reverse=True):
            fragment = self._fragments[host]
            clusters.update(fragment.clusters)
            listeners.update(fragment.listeners)
        if self._role is Role.GATEWAY and listeners:
            chains = [listeners[name] for name in sorted(listeners)]
            listeners = {Role.GATEWAY: gateway_listener(chains, self.scene.rules)}
        return Documents(clusters, listeners)


def _composer(role: Role, scene: Scene) -> Callable[[Service], Fragment]:
    rules, viewer, topology = scene.rules, scene.viewer, scene.topology
    if role is Role.GATEWAY:
        return lambda service: gateway_fragment(service, rules, viewer)
    return lambda service: sidecar_fragment(service, rules, viewer, topology)


def release(before: Documents | None, after: Documents) -> Iterator[Step]:
    """Yield the files to replace, in their order; ``before`` is what was released last.

    A cluster that is gone stays until no listener leads to it.
    """
    former = before or Documents()
    gone = {name: former.clusters[name] for name in former.clusters.keys() - after.clusters.keys()}
    both = {**after.clusters, **gone}
    if before is None or both != former.clusters:
        yield Step(CLUSTERS, _response(both))
    if before is None or after.listeners != former.listeners:
        yield Step(LISTENERS, _response(after.listeners))
    if gone:
        yield Step(CLUSTERS, _response(after.clusters))


def _response(resources: Mapping[str, bytes]) -> bytes:
    return response(resources[name] for name in sorted(resources))
