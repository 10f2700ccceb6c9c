"""The ServiceEntry of a service."""

from __future__ import annotations

from typing import Any

import msgspec

from globaldns.istio.documents import Document
from globaldns.istio.ports import RoutedPorts, write_ports
from globaldns.model.address import Address, format_address
from globaldns.model.export import Location, Resolution


class Entry(msgspec.Struct, frozen=True):
    """What a ServiceEntry says, beside its host."""

    vip: Address
    ports: RoutedPorts
    location: Location
    resolution: Resolution
    endpoints: list[Document]
    identities: tuple[str, ...] = ()
    """The SPIFFE ids of all whom a client may come to. Without them it accepts any workload of the
    mesh on an address that was reused."""


def entry_spec(name: str, entry: Entry, *, is_public: bool) -> Document:
    """Return the ``spec`` for a host, given with its zone.

    One address and no more: of several istiod makes clusters that are duplicates.
    """
    spec: dict[str, Any] = {
        "hosts": [name],
        "addresses": [format_address(entry.vip)],
        "exportTo": ["*"] if is_public else [],
        "location": entry.location.value,
        "ports": write_ports(entry.ports),
        "resolution": entry.resolution.value,
        "endpoints": entry.endpoints,
        "subjectAltNames": list(entry.identities),
    }
    return {key: value for key, value in spec.items() if value}
