"""The ports of ServiceEntries: what Istio refuses of them, and what they are to a client.

Most entries of a mesh have the same few lists of ports, so a list is judged once and remembered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import msgspec

from globaldns.exports.problem import Problem, not_routed
from globaldns.exports.protocols import KNOWN, entry_transport
from globaldns.exports.workload_validation import MAX_PORT
from globaldns.model.export import Port, Transport
from globaldns.objects.istio import ServicePort

PORT_NAME = re.compile("[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
"""A DNS-1123 label."""

_REMEMBERED = 4096
"""Lists of ports; 256 ports at most in each (the CRD's limit)."""


class EntryPorts(msgspec.Struct, frozen=True, gc=False):
    """A list of ports, judged."""

    ports: tuple[Port, ...]
    numbers: tuple[tuple[str, int], ...]
    """By name, the number on a workload that says nothing else: ``targetPort``, else its own."""
    protocols: frozenset[str]
    refusals: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


@lru_cache(maxsize=_REMEMBERED)
def read_ports(ports: tuple[ServicePort, ...]) -> EntryPorts:
    """Return what a list of ports means."""
    refusals = (*_refuse_ports(ports), *_refuse_repeated(ports))
    return EntryPorts(
        ports=tuple(map(_port, ports)),
        numbers=tuple((port.name, port.target_port or port.number) for port in ports),
        protocols=frozenset(port.protocol.upper() for port in ports),
        refusals=refusals,
        warnings=tuple(_warn_transports(ports)),
    )


def _port(port: ServicePort) -> Port:
    protocol = port.protocol.upper()
    return Port(port.number, port.name, protocol, entry_transport(protocol))


def _refuse_ports(ports: tuple[ServicePort, ...]) -> Iterator[Problem]:
    for index, port in enumerate(ports):
        path = f"$.spec.ports[{index}]"
        for field, number in (("number", port.number), ("targetPort", port.target_port or 1)):
            if not 1 <= number <= MAX_PORT:
                yield Problem(
                    "port-range", f"{path}.{field}", f"port {number} is not in 1..{MAX_PORT}"
                )
        if not PORT_NAME.fullmatch(port.name):
            yield Problem(
                "port-name",
                f"{path}.name",
                f"{port.name!r} is no port name",
                "lower-case letters, digits and inner hyphens",
            )
        if port.protocol and port.protocol.upper() not in KNOWN:
            yield Problem(
                "port-protocol",
                f"{path}.protocol",
                f"{port.protocol!r} is no protocol of Istio",
                f"one of {', '.join(sorted(KNOWN))}",
            )


def _refuse_repeated(ports: tuple[ServicePort, ...]) -> Iterator[Problem]:
    names: set[str] = set()
    numbers: set[int] = set()
    for index, port in enumerate(ports):
        path = f"$.spec.ports[{index}]"
        if port.name in names:
            yield Problem("duplicate-port", f"{path}.name", f"port name {port.name!r} is taken")
        if port.number in numbers:
            yield Problem("duplicate-port", f"{path}.number", f"port {port.number} is taken")
        names.add(port.name)
        numbers.add(port.number)


def _warn_transports(ports: tuple[ServicePort, ...]) -> Iterator[Problem]:
    for index, port in enumerate(ports):
        transport = entry_transport(port.protocol.upper())
        if transport is not Transport.TCP:
            yield not_routed(f"$.spec.ports[{index}].protocol", port.number, transport)
