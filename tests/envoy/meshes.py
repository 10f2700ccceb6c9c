"""Services as Envoys' documents are made of, and documents as they are read back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from globaldns.envoy.book import Book, Documents, Scene
from globaldns.envoy.rules import Credentials, EnvoyRules, Role
from globaldns.model.export import Endpoint, Export, Gateway, Port
from globaldns.model.service import Service
from globaldns.routing.topology import Topology, Viewer
from tests.routing.meshes import endpoint, export, service

HTTP = Port(80, "http", "HTTP")
GRPC = Port(81, "grpc", "GRPC")
ANY = Port(82, "any")
TCP = Port(83, "tcp", "TCP")
PORTS = (HTTP, GRPC, ANY, TCP)
TOPOLOGY = Topology.of(
    [Gateway("n1", "1.1.1.1", 15443, "c1"), Gateway("n2", "2.2.2.2", 15443, "c2")]
)
RULES = EnvoyRules(
    "c1",
    "/envoy/sidecar",
    Credentials("/certs/cert.pem", "/certs/key.pem", "/roots/root.pem"),
    "cluster.local",
)
VIEWER = Viewer("c1", frozenset({"n1"}))


def offer(cluster: str, *endpoints: Endpoint, ports: Iterable[Port] = PORTS, **more: Any) -> Export:
    return export(cluster, *endpoints, ports=tuple(ports), **more)


NEAR = offer("c1", endpoint("10.0.0.1", "n1"), endpoint("10.0.0.2", "n1", mutual=False))
FAR = offer("c2", endpoint("20.0.0.1", "n2"), endpoint("20.0.0.2", "n2"))


def web(*exports: Export, **changes: Any) -> Service:
    """``web.shop`` with every kind of port, and one that only some have."""
    ports = dict.fromkeys(port for one in exports for port in one.ports)
    return replace(service(*exports), **{"ports": tuple(ports), **changes})


def scene(**rules: Any) -> Scene:
    return Scene(replace(RULES, **rules), VIEWER, TOPOLOGY)


def book(role: Role, *services: Service, **rules: Any) -> Book:
    made = Book(role, scene(**rules))
    for one in services:
        made.put(one)
    return made


def documents(role: Role, *services: Service, **rules: Any) -> Documents:
    return book(role, *services, **rules).documents()


def read(resources: Mapping[str, bytes]) -> dict[str, Any]:
    """Resources as they are decoded, by name."""
    return {name: json.loads(text) for name, text in resources.items()}


def members(cluster: dict[str, Any]) -> list[list[tuple[str, int, int]]]:
    """Address, port and weight of all endpoints, by priority."""
    found: dict[int, list[tuple[str, int, int]]] = {}
    for group in cluster["load_assignment"]["endpoints"]:
        for one in group["lb_endpoints"]:
            place = one["endpoint"]["address"]["socket_address"]
            entry = (place["address"], place["port_value"], one["load_balancing_weight"])
            found.setdefault(group["priority"], []).append(entry)
    assert list(found) == list(range(len(found)))
    return list(found.values())
