"""The ports of a service that a mesh routes.

Standards:
    Istio pkg/config/validation ``ValidateServiceEntry``: names and numbers are unique; an empty
    protocol is sniffed (``ValidateProtocol``), while ``TCP`` would turn HTTP off
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from globaldns.exports.validation import MAX_PORTS
from globaldns.istio.documents import Document
from globaldns.istio.notices import Code, Notice
from globaldns.model.export import Port, Transport


class RoutedPorts(msgspec.Struct, frozen=True):
    """Ports, each number once: the first of a number is what it is called."""

    ports: tuple[Port, ...]
    names: tuple[tuple[str, str], ...]
    """How a port is called in some cluster, and how it is called here."""
    unrouted: tuple[Port, ...]
    """Those of other transports."""
    beyond: tuple[Port, ...] = ()
    """Those for which an entry has no room."""

    def own_numbers(self, said: Sequence[tuple[str, int]]) -> dict[str, int]:
        """Return an endpoint's own numbers, by our names, where they are not the service's."""
        given = dict(said)
        found: dict[str, int] = {}
        for theirs, ours in self.names:
            if theirs in given and ours not in found:
                found[ours] = given[theirs]
        numbers = {port.name: port.number for port in self.ports}
        return {name: own for name, own in found.items() if own != numbers[name]}


def route_ports(ports: Sequence[Port]) -> RoutedPorts:
    """Return what of a service's ports is routed."""
    by_number: dict[int, Port] = {}
    names: list[tuple[str, str]] = []
    unrouted: list[Port] = []
    beyond: list[Port] = []
    for port in ports:
        if port.transport is not Transport.TCP:
            unrouted.append(port)
        elif len(by_number) == MAX_PORTS and port.number not in by_number:
            beyond.append(port)
        else:
            names.append((port.name, by_number.setdefault(port.number, port).name))
    return RoutedPorts(tuple(by_number.values()), tuple(names), tuple(unrouted), tuple(beyond))


def write_ports(routed: RoutedPorts) -> list[Document]:
    """Return ``spec.ports`` of a ServiceEntry."""
    return [_write_port(port) for port in routed.ports]


def _write_port(port: Port) -> Document:
    written: Document = {"number": port.number, "name": port.name}
    if port.protocol:
        written["protocol"] = port.protocol
    return written


def port_notices(name: str, routed: RoutedPorts) -> Iterator[Notice]:
    """Yield what is not routed of a service's ports."""
    for port in routed.unrouted:
        what = f"port {port.number}/{port.transport.value}"
        yield Notice(name, Code.NOT_ROUTED, f"{what} is in DNS (SRV) only: a mesh routes TCP alone")
    numbers = {port.name: port.number for port in routed.ports}
    for theirs, ours in routed.names:
        if theirs != ours:
            detail = f"port {numbers[ours]} is called {ours!r} and {theirs!r}: {ours!r} stands"
            yield Notice(name, Code.PORT_NUMBER, detail, "call it alike in all clusters")
    if routed.beyond:
        detail = f"{len(routed.beyond)} ports are left out: an entry has room for {MAX_PORTS}"
        yield Notice(name, Code.TOO_MANY, detail, "make two services of it")
